//! Chat: saying something, and taking it away.
//!
//! Invariant: a message id is said once; what was deleted is never given out again.

use busk_base::{MessageId, RoomId, TextError, Timestamp, TopicId, bounded_text};
use busk_store::{Ahead, Entity, Insert, Row, StoreError, Tx, Type, Value, params, row};
use uuid::Uuid;

use crate::log::{self, Audience};
use crate::{Room, RoomEvent, Speaker, SpeakerKind, What, board, emotes, talk};

pub const TEXT_MAX: usize = 300;

/// A message, as its author sends it.
#[derive(Clone, Debug)]
pub struct Say {
    pub id: MessageId,
    pub room: RoomId,
    pub from: Speaker,
    pub text: String,
    pub place: Place,
}

/// Where something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Chat,
    /// Who may say something there is decided by [`subroom::say`](crate::subroom::say).
    SubRoom {
        topic: Option<TopicId>,
        answers: Option<MessageId>,
    },
}

/// Why nothing was said, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another message")]
    IdReused(MessageId),
    #[error("the text {0}")]
    Text(TextError),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("the room is not live")]
    RoomNotLive,
}

/// What was said, or when it was said already.
#[derive(Clone, Debug)]
pub struct Said {
    pub n: i64,
    /// Absent when the message had been said before.
    pub event: Option<RoomEvent>,
}

/// Names the rows that [`say`] will want, so that those of a batch are read together.
pub fn ahead(ahead: &mut Ahead, say: &Say) {
    ahead.want::<Message>(say.id);
    if let Some(room) = ahead.want::<Room>(say.room) {
        emotes::ahead(ahead, room.channel, &say.text);
    }
    if say.from.kind == SpeakerKind::Person {
        board::ahead(ahead, say.room, say.from.id);
    }
}

pub fn say(tx: &mut Tx, say: &Say, now: Timestamp) -> Result<Said, SayError> {
    if let Some(past) = tx.find::<Message>(&say.id)? {
        let same = past.room == say.room && past.author == say.from.id;
        return if same {
            Ok(Said {
                n: past.n,
                event: None,
            })
        } else {
            Err(SayError::IdReused(say.id))
        };
    }
    let text = bounded_text(&say.text, 1, TEXT_MAX).map_err(SayError::Text)?;
    let room = tx.find::<Room>(&say.room)?.ok_or(SayError::RoomUnknown)?;
    if !room.state.has_chat() {
        return Err(SayError::RoomNotLive);
    }

    let (id, from) = (say.id, board::adorned(tx, room.id, &say.from, now)?);
    let emotes = emotes::used(tx, &room, &say.from, &text, now)?;
    let (audience, what) = match say.place {
        Place::Chat => {
            let what = What::Said {
                id,
                from,
                emotes,
                text,
            };
            (Audience::Everyone, what)
        }
        Place::SubRoom { topic, answers } => {
            let what = What::SubRoomSaid {
                id,
                from,
                emotes,
                text,
                topic,
                answers,
            };
            (Audience::Subscribers, what)
        }
    };
    let event = log::append_for(tx, say.room, audience, what, now)?;
    let message = Message {
        room: say.room,
        n: event.n,
        author: say.from.id,
        removed: false,
    };
    tx.insert(&MESSAGE, row![say.id, message.room, message.n, message.author]);
    tx.put::<Message>(say.id, message);
    Ok(Said {
        n: event.n,
        event: Some(event),
    })
}

/// Who wants a message gone.
#[derive(Clone, Copy, Debug)]
pub struct Delete {
    pub room: RoomId,
    pub message: MessageId,
    pub by: Uuid,
    pub operator: bool,
}

/// Why nothing was deleted, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeleteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such message")]
    MessageUnknown,
    #[error("only its author, the host and the operator may delete it")]
    NotYours,
}

/// Deletes a message; once more is no error and no second event.
pub fn delete(tx: &mut Tx, delete: &Delete, now: Timestamp) -> Result<(), DeleteError> {
    let message = tx
        .find::<Message>(&delete.message)?
        .filter(|message| message.room == delete.room);
    let message = message.ok_or(DeleteError::MessageUnknown)?;
    let room = tx
        .find::<Room>(&delete.room)?
        .ok_or(DeleteError::MessageUnknown)?;
    if !(delete.operator || delete.by == message.author || delete.by == room.host.0) {
        return Err(DeleteError::NotYours);
    }
    if message.removed {
        return Ok(());
    }

    tx.execute(
        "UPDATE room_message SET removed_by = $2 WHERE id = $1",
        params![delete.message, delete.by],
    )?;
    tx.put::<Message>(
        delete.message,
        Message {
            removed: true,
            ..message
        },
    );
    let what = What::Deleted {
        message: delete.message,
        by: delete.by,
    };
    log::append_beside(tx, room.id, message.n, what, now)?;
    talk::forget_message(tx, room.id, delete.message, now)?;
    Ok(())
}

static MESSAGE: Insert = Insert {
    table: "room_message",
    columns: &[
        ("id", Type::Blob),
        ("room", Type::Blob),
        ("n", Type::Int),
        ("author", Type::Blob),
    ],
};

#[derive(Clone)]
struct Message {
    room: RoomId,
    n: i64,
    author: Uuid,
    removed: bool,
}

impl Entity for Message {
    type Key = MessageId;
    const SELECT: &'static str = "SELECT id, room, n, author, removed_by FROM room_message WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &MessageId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(MessageId, Self), StoreError> {
        let removed = row.get::<Option<Uuid>>(4)?.is_some();
        let message = Message {
            room: row.get(1)?,
            n: row.get(2)?,
            author: row.get(3)?,
            removed,
        };
        Ok((row.get(0)?, message))
    }
}
