//! A message that answers another one: which, whose, and how it began. The beginning is what it was when it was
//! answered; when the other is taken away, it goes from every answer too.

use busk_base::{MessageId, RoomId};
use busk_store::{Read, StoreError, Tx, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Message;
use crate::event::What;
use crate::{Room, RoomEvent};

/// How much of the other message stands in an answer.
const EXCERPT_CHARS_MAX: usize = 80;

/// What a message answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ChatReply)]
pub struct Reply {
    pub message: MessageId,
    /// Its author.
    pub author: Uuid,
    pub name: String,
    /// How it begins; empty when it was taken away.
    pub excerpt: String,
}

/// What stands in an answer to a message; none when there is nothing that everybody sees.
pub(super) fn to(tx: &mut Tx, room: &Room, message: MessageId) -> Result<Option<Reply>, StoreError> {
    let found = tx.find::<Message>(&message)?;
    let Some(found) = found.filter(|found| found.room == room.id && !found.removed && !found.held) else {
        return Ok(None);
    };
    let row = tx.row(
        "SELECT body FROM room_event WHERE room = $1 AND n = $2 AND audience IN ('everyone', 'stage')",
        params![room.id, found.n],
    )?;
    let Some(row) = row else { return Ok(None) };
    let What::Said { from, text, .. } = read(&row.get::<String>(0)?)?.what else {
        return Ok(None);
    };
    Ok(Some(Reply {
        message,
        author: from.id,
        name: from.name,
        excerpt: excerpt(&text),
    }))
}

/// Takes the beginnings of messages out of the answers to them, by the answers' numbers.
pub(super) fn blank(tx: &mut Tx, room: RoomId, answers: Vec<i64>) -> Result<(), StoreError> {
    for n in answers {
        let row = tx.row(
            "SELECT body FROM room_event WHERE room = $1 AND n = $2",
            params![room, n],
        )?;
        let Some(row) = row else { continue };
        let mut event = read(&row.get::<String>(0)?)?;
        if let What::Said {
            reply: Some(reply), ..
        } = &mut event.what
        {
            reply.excerpt.clear();
        }
        let body = serde_json::to_string(&event).map_err(|e| StoreError::Broken(e.to_string()))?;
        tx.execute(
            "UPDATE room_event SET body = $3 WHERE room = $1 AND n = $2",
            params![room, n, body],
        )?;
    }
    Ok(())
}

fn read(body: &str) -> Result<RoomEvent, StoreError> {
    serde_json::from_str(body).map_err(|e| StoreError::Broken(format!("an event that cannot be read: {e}")))
}

fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
