//! What somebody points at who reports something of a room, and what they see around it who judge it: the words as they
//! were said, also when they are taken away from others.

use busk_base::{ChannelId, MessageId, PersonId, RoomId, Timestamp};
use busk_people::{guest, person};
use busk_store::{Read, Row, StoreError, params};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Room, RoomEvent, SpeakerKind, What, room, stage};

/// A message, with whose it is.
#[derive(Clone, Debug)]
pub struct Reported {
    pub room: RoomId,
    pub channel: ChannelId,
    pub author: Uuid,
    pub text: String,
    pub at: Timestamp,
}

/// Something that somebody said in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SaidThere {
    pub id: MessageId,
    pub at: Timestamp,
    pub text: String,
    pub removed: bool,
}

/// A person or a guest, by the id that stands beside what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Somebody {
    pub id: Uuid,
    pub name: String,
    pub kind: SpeakerKind,
}

/// A room that somebody may point at: one that is private is there for those on its stage only.
pub fn room_for(db: &mut impl Read, id: RoomId, by: Option<Uuid>) -> Result<Option<Room>, StoreError> {
    let Some(room) = room::any(db, id)? else {
        return Ok(None);
    };
    if !room.private {
        return Ok(Some(room));
    }
    let stage = stage::of(db, id)?;
    Ok(by.is_some_and(|by| stage.has(&room, by)).then_some(room))
}

/// A message that somebody may point at.
pub fn message(db: &mut impl Read, id: MessageId, by: Option<Uuid>) -> Result<Option<Reported>, StoreError> {
    let row = db.row(
        "SELECT m.room, m.author, e.body FROM room_message m JOIN room_event e ON e.room = m.room AND e.n = m.n \
         WHERE m.id = $1",
        params![id],
    )?;
    let Some(row) = row else { return Ok(None) };
    let Some(room) = room_for(db, row.get(0)?, by)? else {
        return Ok(None);
    };
    let author = row.get(1)?;
    Ok(words(&row.get::<String>(2)?)?.map(|(at, text)| Reported {
        room: room.id,
        channel: room.channel,
        author,
        text,
        at,
    }))
}

/// What somebody said last in a room, the latest first.
pub fn latest_of(
    db: &mut impl Read,
    room: RoomId,
    author: Uuid,
    max: i64,
) -> Result<Vec<SaidThere>, StoreError> {
    let rows = db.rows(
        "SELECT m.id, e.body, m.removed_by IS NOT NULL FROM room_message m \
         JOIN room_event e ON e.room = m.room AND e.n = m.n \
         WHERE m.room = $1 AND m.author = $2 ORDER BY m.n DESC LIMIT $3",
        params![room, author, max],
    )?;
    let said = |row: &Row| {
        let Some((at, text)) = words(&row.get::<String>(1)?)? else {
            return Ok(None);
        };
        Ok(Some(SaidThere {
            id: row.get(0)?,
            at,
            text,
            removed: row.get(2)?,
        }))
    };
    rows.iter().filter_map(|row| said(row).transpose()).collect()
}

fn words(body: &str) -> Result<Option<(Timestamp, String)>, StoreError> {
    let event: RoomEvent = serde_json::from_str(body)
        .map_err(|e| StoreError::Broken(format!("an event that cannot be read: {e}")))?;
    Ok(match event.what {
        What::Said { text, .. } | What::SubRoomSaid { text, .. } | What::HeldMine { text, .. } => {
            Some((event.at, text))
        }
        _ => None,
    })
}

pub fn somebody(db: &mut impl Read, id: Uuid) -> Result<Option<Somebody>, StoreError> {
    if let Some(found) = person(db, PersonId(id))? {
        return Ok(Some(Somebody {
            id,
            name: found.display_name,
            kind: SpeakerKind::Person,
        }));
    }
    let found = guest::guest(db, busk_base::GuestId(id))?;
    Ok(found.map(|guest| Somebody {
        id,
        name: guest.name,
        kind: SpeakerKind::Guest,
    }))
}

/// The open rooms of a person's channels.
pub fn open_rooms_of(db: &mut impl Read, owner: PersonId) -> Result<Vec<RoomId>, StoreError> {
    let rows = db.rows(
        "SELECT r.id FROM room r JOIN channel c ON c.id = r.channel WHERE c.owner = $1 AND r.state <> 'ended'",
        params![owner],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}
