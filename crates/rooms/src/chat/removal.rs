//! Taking messages away: one by its id, or all of somebody's in a room. What was taken away is blank in the log from
//! then on, and so are the beginnings of it in answers.

use busk_base::{MessageId, RoomId, Timestamp};
use busk_store::{Read, StoreError, Tx, params};
use uuid::Uuid;

use super::{Message, reply};
use crate::log::{self, Audience};
use crate::{What, talk};

/// Takes one message away.
pub(super) fn one(
    tx: &mut Tx,
    id: MessageId,
    message: Message,
    by: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE room_message SET removed_by = $2 WHERE id = $1",
        params![id, by],
    )?;
    let rows = tx.rows(
        "SELECT n FROM room_message WHERE reply_to = $1 AND room = $2",
        params![id, message.room],
    )?;
    let answers: Result<Vec<i64>, StoreError> = rows.iter().map(|row| row.get(0)).collect();
    reply::blank(tx, message.room, answers?)?;
    let (room, n) = (message.room, message.n);
    tx.put::<Message>(
        id,
        Message {
            removed: true,
            ..message
        },
    );
    tell_of(tx, room, n, What::Deleted { message: id, by }, now)?;
    talk::forget_message(tx, room, id, now)
}

/// Tells those who may have seen what has number `n`, and nobody else: that it was there is not theirs to know.
fn tell_of(tx: &mut Tx, room: RoomId, n: i64, what: What, now: Timestamp) -> Result<(), StoreError> {
    let audience = log::audience_of(tx, room, n)?;
    if let Audience::One(_) = audience {
        // Of somebody who is shadowed; moderators saw it, too.
        log::append_for(tx, room, Audience::Stage, what.clone(), now)?;
    }
    log::append_for(tx, room, audience, what, now)?;
    Ok(())
}

/// Takes all away that somebody has said in a room. Everybody is told, also when it was nothing: who is slow to hear
/// must not show what came meanwhile.
pub(crate) fn all_of(
    tx: &mut Tx,
    room: RoomId,
    author: Uuid,
    by: Uuid,
    seconds: Option<u32>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = tx.rows(
        "SELECT r.n FROM room_message m JOIN room_message r ON r.reply_to = m.id AND r.room = m.room \
         WHERE m.room = $1 AND m.author = $2",
        params![room, author],
    )?;
    let answers: Result<Vec<i64>, StoreError> = rows.iter().map(|row| row.get(0)).collect();
    let rows = tx.rows(
        "SELECT id, room, n, author, removed_by, held FROM room_message \
         WHERE room = $1 AND author = $2 AND removed_by IS NULL",
        params![room, author],
    )?;
    tx.execute(
        "UPDATE room_message SET removed_by = $3, held = FALSE WHERE room = $1 AND author = $2 AND removed_by IS NULL",
        params![room, author, by],
    )?;
    for row in &rows {
        let (id, message) = <Message as busk_store::Entity>::read(row)?;
        let gone = Message {
            removed: true,
            held: false,
            ..message
        };
        tx.put::<Message>(id, gone);
        talk::forget_message(tx, room, id, now)?;
    }
    reply::blank(tx, room, answers?)?;
    let told = What::Cleared {
        person: author,
        by,
        seconds,
    };
    log::append(tx, room, told, now)?;
    Ok(())
}
