//! Erasing somebody from rooms: their words and names in the logs of lives, also of others'; what they chose there; and
//! of lives that they hosted the recordings.
//!
//! Invariant: a log keeps its numbers. Where somebody said something stands what stands where a moderator took a message
//! away; where they were named, it names nobody. So a replay and whoever resumes are told the same as each other.

use busk_base::{ChannelId, PersonId, RoomId};
use busk_people::erase::{Gone, ROWS_MAX};
use busk_replay::ArchiveError;
use busk_store::{Read, StoreError, Tx, params};
use uuid::Uuid;

use crate::live::Rooms;
use crate::{RoomEvent, What, emotes, room};

/// Why recordings are still there.
#[derive(Debug, thiserror::Error)]
pub enum EraseReplaysError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// What a room has of somebody who is gone, a page of it.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// Numbers of the log.
    events: Vec<i64>,
    /// They wrote something that nobody has taken away.
    said: bool,
    /// Hearts, a ticket, votes: by whatever they are in, then the person.
    keys: Vec<Vec<u8>>,
}

impl Traces {
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && !self.said && self.keys.is_empty()
    }

    /// The number that the next page is after; none when this is the last.
    pub fn next(&self) -> Option<i64> {
        let full = self.events.len() as i64 == ROWS_MAX;
        self.events.last().copied().filter(|_| full)
    }
}

/// Rooms after one, in the order of their ids.
pub fn rooms_after(db: &mut impl Read, after: &[u8], max: i64) -> Result<Vec<RoomId>, StoreError> {
    let rows = db.rows(
        "SELECT id FROM room WHERE id > $1 ORDER BY id LIMIT $2",
        params![after, max],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// What a room has of somebody after a number of its log.
pub fn traces(db: &mut impl Read, room: RoomId, gone: &Gone, after: i64) -> Result<Traces, StoreError> {
    let rows = db.rows(
        "SELECT n FROM room_event WHERE room = $1 AND n > $2 AND (body LIKE $3 OR audience = $4) ORDER BY n LIMIT $5",
        params![room, after, gone.pattern(), gone.person.to_string(), ROWS_MAX],
    )?;
    let events: Result<_, StoreError> = rows.iter().map(|row| row.get(0)).collect();
    let said = db.row(
        "SELECT 1 FROM room_message WHERE room = $1 AND author = $2 AND (removed_by IS NULL OR held) LIMIT 1",
        params![room, gone.person],
    )?;
    Ok(Traces {
        events: events?,
        said: said.is_some(),
        keys: keys(db, room, gone.person)?,
    })
}

fn keys(db: &mut impl Read, room: RoomId, person: PersonId) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows = db.rows(
        "SELECT id FROM room_poll WHERE room = $1 UNION ALL SELECT id FROM room_question WHERE room = $1",
        params![room],
    )?;
    let mut within = vec![room.0];
    for row in &rows {
        within.push(row.get::<Uuid>(0)?);
    }
    let mut keys = Vec::new();
    for id in within {
        let key = [&id.as_bytes()[..], &person.as_bytes()[..]].concat();
        let found = db.row(
            "SELECT 1 FROM room_hearts WHERE id = $1 UNION ALL SELECT 1 FROM room_admitted WHERE id = $1 \
             UNION ALL SELECT 1 FROM room_vote WHERE id = $1",
            params![key.as_slice()],
        )?;
        keys.extend(found.map(|_| key));
    }
    Ok(keys)
}

/// Erases what was found.
pub fn erase(tx: &mut Tx, room: RoomId, gone: &Gone, traces: &Traces) -> Result<(), StoreError> {
    // First, so that nobody is told words that are still there.
    tx.execute(
        "UPDATE room_message SET removed_by = COALESCE(removed_by, author), held = FALSE \
         WHERE room = $1 AND author = $2 AND (removed_by IS NULL OR held)",
        params![room, gone.person],
    )?;
    for n in &traces.events {
        let row = tx.row(
            "SELECT audience, body FROM room_event WHERE room = $1 AND n = $2",
            params![room, *n],
        )?;
        let Some(row) = row else { continue };
        if let Some(erased) = without(gone, &row.get::<String>(0)?, &row.get::<String>(1)?)? {
            tx.execute(
                "UPDATE room_event SET body = $3 WHERE room = $1 AND n = $2",
                params![room, *n, erased],
            )?;
        }
    }
    for key in &traces.keys {
        tx.execute("DELETE FROM room_hearts WHERE id = $1", params![key.as_slice()])?;
        tx.execute("DELETE FROM room_admitted WHERE id = $1", params![key.as_slice()])?;
        tx.execute("DELETE FROM room_vote WHERE id = $1", params![key.as_slice()])?;
    }
    Ok(())
}

/// An event without somebody; none when they are not in it any more.
fn without(gone: &Gone, audience: &str, body: &str) -> Result<Option<String>, StoreError> {
    let broken = |e: serde_json::Error| StoreError::Broken(format!("an event that cannot be read: {e}"));
    let event: RoomEvent = serde_json::from_str(body).map_err(broken)?;
    let theirs = match &event.what {
        What::Removed {} => return Ok(None),
        What::Said { from, .. } | What::SubRoomSaid { from, .. } | What::Shadowed { from, .. } => {
            from.id == gone.person.0
        }
        What::Held { held } => held.from.id == gone.person.0,
        // Told to them alone.
        _ => audience == gone.person.to_string(),
    };
    if !theirs {
        return gone.without(body);
    }
    let removed = RoomEvent {
        what: What::Removed {},
        ..event
    };
    serde_json::to_string(&removed).map(Some).map_err(broken)
}

/// Erases what a channel has drawn.
pub fn erase_emotes(tx: &mut Tx, channel: ChannelId) -> Result<(), StoreError> {
    emotes::remove_all(tx, channel)
}

impl Rooms {
    /// Removes the recordings of a person's lives. Asked for again, it goes on.
    pub async fn erase_replays(&self, person: PersonId) -> Result<(), EraseReplaysError> {
        let Some(shelf) = self.shelf() else {
            return Ok(());
        };
        for stored in shelf.archive().list().await? {
            let room = stored.room;
            let found = self.site().store().read(move |db| room::any(db, room)).await?;
            if found.is_some_and(|found| found.host == person) {
                shelf.remove(room).await?;
            }
        }
        Ok(())
    }
}
