//! Rooms that an operator hid: they have ended, and nobody but operators enters them or sees their replay, also not
//! whose they are.

use busk_api::Problem;
use busk_base::{RoomId, Timestamp};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};

pub(crate) const HIDDEN: &str = "
CREATE TABLE room_hidden (room BYTEA PRIMARY KEY, at BIGINT NOT NULL);
";

static ROOM: Insert = Insert {
    table: "room_hidden",
    columns: &[("room", Type::Blob), ("at", Type::Int)],
};

/// Hides a room; once more is no error. Who hides it ends it, too.
pub fn hide(tx: &mut Tx, room: RoomId, now: Timestamp) -> Result<(), StoreError> {
    if !is(tx, room)? {
        tx.insert(&ROOM, row![room, now]);
    }
    Ok(())
}

/// Shows it again to whom it was shown before.
pub fn show(tx: &mut Tx, room: RoomId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM room_hidden WHERE room = $1", params![room])?;
    Ok(())
}

pub fn is(db: &mut impl Read, room: RoomId) -> Result<bool, StoreError> {
    let row = db.row("SELECT 1 FROM room_hidden WHERE room = $1", params![room])?;
    Ok(row.is_some())
}

pub(crate) fn refusal() -> Problem {
    Problem::forbidden("room_hidden", "This live was taken down")
}
