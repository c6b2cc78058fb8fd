//! Chat: saying something, and taking it away. Read [`say`] downward.
//!
//! Invariant: a message id is said once; what was deleted is never given out again; what waits for a moderator is
//! seen by its author and the moderators alone.

pub mod filter;
mod link;
pub mod mode;
mod plain;
pub(crate) mod removal;
mod reply;
pub(crate) mod rules;

use std::time::Duration;

use busk_base::{MessageId, PersonId, RecordId, RoomId, TextError, Timestamp, TopicId, bounded_text};
use busk_people::Moderator;
use busk_store::{Ahead, Entity, Insert, Row, StoreError, Tx, Type, Update, Value, params, row};
use uuid::Uuid;

use crate::emotes::{self, UsedEmote};
use crate::event::Held;
use crate::log::{self, Audience};
use crate::moderation::{self, Deed, Record};
use crate::{Room, RoomEvent, Speaker, SpeakerKind, What, board};

pub use mode::ChatMode;
pub use reply::Reply;
use rules::Verdict;

pub const TEXT_MAX: usize = 300;

/// A message, as its author sends it.
#[derive(Clone, Debug)]
pub struct Say {
    pub id: MessageId,
    pub room: RoomId,
    pub from: Speaker,
    pub text: String,
    pub place: Place,
    /// What it answers. One that is not there any more is let go.
    pub reply_to: Option<MessageId>,
    /// The host, moderators and operators: the rules are theirs and do not hold for them.
    pub trusted: bool,
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
    #[error("you cannot write in this channel any more")]
    Banned,
    #[error("you cannot write for a while")]
    TimedOut(Duration),
    #[error("only people with an account write here now")]
    GuestsOff,
    #[error("only subscribers write here now")]
    SubscribersOnly,
    /// The wait of somebody who follows, but not long enough.
    #[error("only followers write here now")]
    FollowersOnly(Option<Duration>),
    #[error("the chat is slow now")]
    Slow(Duration),
    #[error("you have just said the same")]
    Repeated,
    #[error("links are not wanted here")]
    Link,
    #[error("a word in it is not wanted here")]
    Word,
    #[error("too many messages wait for a moderator")]
    HeldFull,
}

/// What was said, or when it was said already.
#[derive(Clone, Debug)]
pub struct Said {
    pub n: i64,
    /// It waits for a moderator, or did when it was sent first.
    pub held: bool,
    /// Others do not see it, which its author is not told. Not known of one that had been said before.
    pub shadowed: bool,
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
    rules::ahead(ahead, say);
}

pub fn say(tx: &mut Tx, say: &Say, now: Timestamp) -> Result<Said, SayError> {
    if let Some(past) = tx.find::<Message>(&say.id)? {
        let same = past.room == say.room && past.author == say.from.id;
        return if same {
            Ok(Said {
                n: past.n,
                held: past.held,
                shadowed: false,
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
    let verdict = rules::judge(tx, &room, say, &text, now)?;
    let held = matches!(verdict, Verdict::Held(_));
    let shadowed = matches!(verdict, Verdict::Shadowed);
    if held && moderation::waiting(tx, room.id)? >= moderation::HELD_MAX {
        return Err(SayError::HeldFull);
    }

    // Nothing refuses after this line.
    let reply = match say.reply_to {
        Some(other) => reply::to(tx, &room, other)?,
        None => None,
    };
    let reply_to = reply.as_ref().map(|reply| reply.message);
    let words = Words {
        id: say.id,
        from: board::adorned(tx, room.id, &say.from, now)?,
        emotes: emotes::used(tx, &room, &say.from, &text, now)?,
        text,
        reply,
        place: say.place,
    };
    let event = words.told(tx, &room, verdict, now)?;
    let message = Message {
        room: room.id,
        n: event.n,
        author: say.from.id,
        removed: false,
        held,
    };
    let kept = row![
        say.id,
        message.room,
        message.n,
        message.author,
        now,
        reply_to,
        held
    ];
    tx.insert(&MESSAGE, kept);
    tx.put::<Message>(say.id, message);
    Ok(Said {
        n: event.n,
        held,
        shadowed,
        event: Some(event),
    })
}

/// A message that is not refused.
struct Words {
    id: MessageId,
    from: Speaker,
    emotes: Vec<UsedEmote>,
    text: String,
    reply: Option<Reply>,
    place: Place,
}

impl Words {
    fn said(self) -> What {
        let Self {
            id,
            from,
            emotes,
            text,
            reply,
            place,
        } = self;
        match place {
            Place::Chat => What::Said {
                id,
                from,
                emotes,
                text,
                reply,
            },
            Place::SubRoom { topic, answers } => What::SubRoomSaid {
                id,
                from,
                emotes,
                text,
                topic,
                answers,
            },
        }
    }

    /// Tells whoever may know; gives what its author is told.
    fn told(
        self,
        tx: &mut Tx,
        room: &Room,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<RoomEvent, StoreError> {
        let author = Audience::One(self.from.id);
        match verdict {
            Verdict::Said => log::append_for(tx, room.id, self.place.audience(), self.said(), now),
            Verdict::Shadowed => self.shadowed(tx, room, now),
            Verdict::Held(why) => {
                let own = What::HeldMine {
                    id: self.id,
                    text: self.text.clone(),
                    dismissed: false,
                };
                let own = log::append_for(tx, room.id, author, own, now)?;
                let Self {
                    id,
                    from,
                    text,
                    reply,
                    ..
                } = self;
                let held = Held {
                    id,
                    from,
                    text,
                    reply,
                    why,
                    at: now,
                };
                moderation::hold(tx, room, held, now)?;
                Ok(own)
            }
        }
    }

    /// Its author sees it as said. Moderators see it too, but not what is for the sub room: it may not be theirs to
    /// read.
    fn shadowed(self, tx: &mut Tx, room: &Room, now: Timestamp) -> Result<RoomEvent, StoreError> {
        let (author, place) = (Audience::One(self.from.id), self.place);
        let seen = What::Shadowed {
            id: self.id,
            from: self.from.clone(),
            text: self.text.clone(),
        };
        let message = self.id;
        let own = log::append_for(tx, room.id, author, self.said(), now)?;
        if place == Place::Chat {
            let seen = log::append_for(tx, room.id, Audience::Stage, seen, now)?;
            log::quotes(tx, room.id, seen.n, message);
        }
        Ok(own)
    }
}

impl Place {
    fn audience(self) -> Audience {
        match self {
            Place::Chat => Audience::Everyone,
            Place::SubRoom { .. } => Audience::Subscribers,
        }
    }
}

/// Who wants a message gone.
#[derive(Clone, Copy, Debug)]
pub struct Delete {
    pub room: RoomId,
    pub message: MessageId,
    pub by: Uuid,
    /// Of the entry in the moderation log, when it is somebody else's message.
    pub record: RecordId,
}

/// Why nothing was deleted, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeleteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such message")]
    MessageUnknown,
    #[error("only its author, the host, the moderators and the operator may delete it")]
    NotYours,
}

/// Deletes a message; once more is no error and no second event.
pub fn delete(tx: &mut Tx, delete: &Delete, now: Timestamp) -> Result<(), DeleteError> {
    let message = tx
        .find::<Message>(&delete.message)?
        .filter(|message| message.room == delete.room && !message.held);
    let message = message.ok_or(DeleteError::MessageUnknown)?;
    let room = tx
        .find::<Room>(&delete.room)?
        .ok_or(DeleteError::MessageUnknown)?;
    let right = match delete.by == message.author {
        true => None,
        false => {
            let right = Moderator::of(tx, room.channel, PersonId(delete.by))?;
            Some(right.ok_or(DeleteError::NotYours)?)
        }
    };
    if message.removed {
        return Ok(());
    }

    let author = message.author;
    removal::one(tx, delete.message, message, delete.by, now)?;
    if let Some(right) = right {
        let record = Record::of(delete.record, &right, Deed::Delete, now)
            .in_room(room.id)
            .about(tx, author)?
            .message(delete.message);
        record.write(tx);
    }
    Ok(())
}

/// Says what a moderator lets through, at that time and at that place of the log.
pub(crate) fn say_held(tx: &mut Tx, room: &Room, held: Held, now: Timestamp) -> Result<(), StoreError> {
    let Held {
        id,
        from,
        text,
        reply,
        ..
    } = held;
    let author = from.id;
    let what = What::Said {
        id,
        emotes: emotes::used(tx, room, &from, &text, now)?,
        from,
        text,
        reply,
    };
    let event = log::append(tx, room.id, what, now)?;
    tx.update(&SAID_AT_LAST, row![id, event.n, now, false]);
    let message = Message {
        room: room.id,
        n: event.n,
        author,
        removed: false,
        held: false,
    };
    tx.put::<Message>(id, message);
    Ok(())
}

/// A held message is not said: of what its author was told, nothing is left.
pub(crate) fn let_go(tx: &mut Tx, id: MessageId, by: Uuid) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE room_message SET removed_by = $2, held = FALSE WHERE id = $1",
        params![id, by],
    )?;
    if let Some(message) = tx.find::<Message>(&id)? {
        let gone = Message {
            removed: true,
            held: false,
            ..message
        };
        tx.put::<Message>(id, gone);
    }
    Ok(())
}

static MESSAGE: Insert = Insert {
    table: "room_message",
    columns: &[
        ("id", Type::Blob),
        ("room", Type::Blob),
        ("n", Type::Int),
        ("author", Type::Blob),
        ("said_at", Type::Int),
        ("reply_to", Type::Blob),
        ("held", Type::Bool),
    ],
};

static SAID_AT_LAST: Update = Update {
    table: "room_message",
    columns: &[
        ("id", Type::Blob),
        ("n", Type::Int),
        ("said_at", Type::Int),
        ("held", Type::Bool),
    ],
};

#[derive(Clone)]
pub(crate) struct Message {
    room: RoomId,
    n: i64,
    author: Uuid,
    removed: bool,
    /// It waits for a moderator; `n` is of what its author was told.
    held: bool,
}

impl Entity for Message {
    type Key = MessageId;
    const SELECT: &'static str = "SELECT id, room, n, author, removed_by, held FROM room_message WHERE id";
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
            held: row.get(5)?,
        };
        Ok((row.get(0)?, message))
    }
}

#[cfg(test)]
pub(crate) mod tests;
