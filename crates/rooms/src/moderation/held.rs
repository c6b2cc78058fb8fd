//! Messages that wait for a moderator. Approved, one is said at that time, as its author's; dismissed, it is gone.

use busk_base::{MessageId, RecordId, RoomId, Timestamp};
use busk_people::Moderator;
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Deed, NoRight, Record};
use crate::chat;
use crate::event::Held;
use crate::log::Audience;
use crate::{Room, What, log};

/// Messages of one room that may wait; more are refused.
pub const HELD_MAX: usize = 200;

/// Why a message waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HeldWhy {
    Word,
    Link,
}

/// Why a held message stays as it is, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HeldError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Right(#[from] NoRight),
    #[error("this message does not wait")]
    NotHeld,
    #[error("the live is over")]
    Over,
}

static HELD: Insert = Insert {
    table: "room_held",
    columns: &[
        ("id", Type::Blob),
        ("room", Type::Blob),
        ("author", Type::Blob),
        ("body", Type::Text),
    ],
};

/// How many wait in a room.
pub(crate) fn waiting(tx: &mut Tx, room: RoomId) -> Result<usize, StoreError> {
    let row = tx.row("SELECT COUNT(*) FROM room_held WHERE room = $1", params![room])?;
    let count: i64 = row.map_or(Ok(0), |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Has a message wait, and the moderators told.
pub(crate) fn hold(tx: &mut Tx, room: &Room, held: Held, now: Timestamp) -> Result<(), StoreError> {
    let body = serde_json::to_string(&held).map_err(|e| StoreError::Broken(e.to_string()))?;
    tx.insert(&HELD, row![held.id, room.id, held.from.id, body]);
    log::append_for(tx, room.id, Audience::Stage, What::Held { held }, now)?;
    Ok(())
}

/// What waits in a room, the longest waiting first.
pub fn held_in(db: &mut impl Read, room: RoomId) -> Result<Vec<Held>, StoreError> {
    let rows = db.rows(
        "SELECT body FROM room_held WHERE room = $1 ORDER BY id LIMIT $2",
        params![room, HELD_MAX as i64],
    )?;
    rows.iter().map(|row| read(&row.get::<String>(0)?)).collect()
}

/// Lets a held message be said, or not.
pub fn judge_held(
    tx: &mut Tx,
    room: &Room,
    by: &Moderator,
    record: RecordId,
    message: MessageId,
    approve: bool,
    now: Timestamp,
) -> Result<(), HeldError> {
    let row = tx.row(
        "SELECT body FROM room_held WHERE id = $1 AND room = $2",
        params![message, room.id],
    )?;
    let held = read(&row.ok_or(HeldError::NotHeld)?.get::<String>(0)?)?;
    if approve && !room.state.has_chat() {
        return Err(HeldError::Over);
    }

    let author = held.from.id;
    let deed = if approve { Deed::Approve } else { Deed::Dismiss };
    tx.execute("DELETE FROM room_held WHERE id = $1", params![message])?;
    ended(tx, room, message, approve, by, now)?;
    if approve {
        chat::say_held(tx, room, held, now)?;
    } else {
        dismissed(tx, room, message, author, by, now)?;
    }
    let record = Record::of(record, by, deed, now)
        .in_room(room.id)
        .about(tx, author)?
        .message(message);
    record.write(tx);
    Ok(())
}

/// Nothing of somebody's waits any more; what is blank then is their messages' removal to see to.
pub(super) fn drop_all_of(
    tx: &mut Tx,
    room: &Room,
    author: Uuid,
    by: &Moderator,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = tx.rows(
        "SELECT id FROM room_held WHERE room = $1 AND author = $2",
        params![room.id, author],
    )?;
    for row in rows {
        ended(tx, room, row.get(0)?, false, by, now)?;
    }
    tx.execute(
        "DELETE FROM room_held WHERE room = $1 AND author = $2",
        params![room.id, author],
    )?;
    Ok(())
}

fn ended(
    tx: &mut Tx,
    room: &Room,
    message: MessageId,
    said: bool,
    by: &Moderator,
    now: Timestamp,
) -> Result<(), StoreError> {
    let by = by.person().0;
    log::append_for(
        tx,
        room.id,
        Audience::Stage,
        What::HeldEnded { message, said, by },
        now,
    )?;
    Ok(())
}

fn dismissed(
    tx: &mut Tx,
    room: &Room,
    message: MessageId,
    author: Uuid,
    by: &Moderator,
    now: Timestamp,
) -> Result<(), StoreError> {
    chat::let_go(tx, message, by.person().0)?;
    let told = What::HeldMine {
        id: message,
        text: String::new(),
        dismissed: true,
    };
    log::append_for(tx, room.id, Audience::One(author), told, now)?;
    Ok(())
}

fn read(body: &str) -> Result<Held, StoreError> {
    serde_json::from_str(body)
        .map_err(|e| StoreError::Broken(format!("a held message that cannot be read: {e}")))
}
