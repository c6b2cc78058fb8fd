//! Rows: what a room talks about now, read and written as a whole; polls and their votes; questions; ids that were
//! used; and messages as they stand in the log.

use busk_base::{MessageId, PersonId, PollId, RoomId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Circle, Pin, Poll, Question, Spotlight, Topic};
use crate::log::Audience;
use crate::{RoomEvent, Speaker, What};

/// `room_quote` says which events have a message's words in them, so that they are blank when it is deleted.
pub(crate) const TALK: &str = "
CREATE TABLE room_talk (room BYTEA PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE room_talk_id (id BYTEA PRIMARY KEY, room BYTEA NOT NULL);
CREATE TABLE room_poll (id BYTEA PRIMARY KEY, room BYTEA NOT NULL, body TEXT NOT NULL);
CREATE INDEX room_poll_by_room ON room_poll (room);
CREATE TABLE room_vote (id BYTEA PRIMARY KEY, choice BIGINT NOT NULL)/*sqlite: WITHOUT ROWID*/;
CREATE TABLE room_question (id BYTEA PRIMARY KEY, room BYTEA NOT NULL, body TEXT NOT NULL);
CREATE INDEX room_question_by_room ON room_question (room);
CREATE TABLE room_quote (
    room BYTEA NOT NULL,
    n BIGINT NOT NULL,
    message BYTEA NOT NULL,
    PRIMARY KEY (room, n)
)/*sqlite: WITHOUT ROWID*/;
CREATE INDEX room_event_of_sub_room ON room_event (room, n) WHERE audience = 'subscribers';
";

/// What a room talks about now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Talk {
    pub(crate) topic: Option<Topic>,
    /// Those that are open.
    pub(crate) polls: Vec<PollId>,
    /// Of each circle the one that was closed last, if none was opened since.
    #[serde(default)]
    pub(super) results: Vec<ClosedPoll>,
    pub(crate) spotlight: Option<Spotlight>,
    pub(crate) pin: Option<Pin>,
    /// Questions that wait for an answer.
    pub(crate) questions: Vec<MessageId>,
    /// Opened in this live so far.
    pub(crate) topics_so_far: u32,
    pub(crate) polls_so_far: u32,
}

/// A poll that is closed, and when it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClosedPoll {
    pub(super) id: PollId,
    pub(super) to: Circle,
    pub(super) at: Timestamp,
}

static NEW: Insert = Insert {
    table: "room_talk",
    columns: &[("room", Type::Blob), ("body", Type::Text)],
};

static CHANGE: Update = Update {
    table: "room_talk",
    columns: &[("room", Type::Blob), ("body", Type::Text)],
};

impl Talk {
    pub(super) fn save(self, tx: &mut Tx, room: RoomId) -> Result<(), StoreError> {
        let body = written(&self)?;
        if tx.find::<Talk>(&room)?.is_some() {
            tx.update(&CHANGE, row![room, body]);
        } else {
            tx.insert(&NEW, row![room, body]);
        }
        tx.put::<Talk>(room, self);
        Ok(())
    }
}

impl Entity for Talk {
    type Key = RoomId;
    const SELECT: &'static str = "SELECT room, body FROM room_talk WHERE room";
    const KEY: Type = Type::Blob;

    fn key(key: &RoomId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(RoomId, Self), StoreError> {
        Ok((row.get(0)?, parsed(&row.get::<String>(1)?)?))
    }
}

pub(super) fn read(db: &mut impl Read, room: RoomId) -> Result<Talk, StoreError> {
    let row = db.row("SELECT body FROM room_talk WHERE room = $1", params![room])?;
    row.map_or_else(|| Ok(Talk::default()), |row| parsed(&row.get::<String>(0)?))
}

fn written(what: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(what).map_err(|e| StoreError::Broken(e.to_string()))
}

fn parsed<T: serde::de::DeserializeOwned>(body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body).map_err(|e| StoreError::Broken(format!("a row that cannot be read: {e}")))
}

/// An id of a topic or a spotlight that was used, in a room.
#[derive(Clone, Debug)]
pub(super) struct Used(pub(super) RoomId);

static USED: Insert = Insert {
    table: "room_talk_id",
    columns: &[("id", Type::Blob), ("room", Type::Blob)],
};

impl Used {
    pub(super) fn note(tx: &mut Tx, id: Uuid, room: RoomId) {
        tx.insert(&USED, row![id, room]);
        tx.put::<Used>(id, Used(room));
    }
}

impl Entity for Used {
    type Key = Uuid;
    const SELECT: &'static str = "SELECT id, room FROM room_talk_id WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &Uuid) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(Uuid, Self), StoreError> {
        Ok((row.get(0)?, Self(row.get(1)?)))
    }
}

/// A poll, with the room that it is in.
#[derive(Clone, Debug)]
pub(super) struct PollRow {
    pub(super) room: RoomId,
    pub(super) poll: Poll,
}

static NEW_POLL: Insert = Insert {
    table: "room_poll",
    columns: &[("id", Type::Blob), ("room", Type::Blob), ("body", Type::Text)],
};

static CHANGE_POLL: Update = Update {
    table: "room_poll",
    columns: &[("id", Type::Blob), ("body", Type::Text)],
};

impl PollRow {
    pub(super) fn save(self, tx: &mut Tx) -> Result<(), StoreError> {
        let (id, body) = (self.poll.id, written(&self.poll)?);
        if tx.find::<PollRow>(&id)?.is_some() {
            tx.update(&CHANGE_POLL, row![id, body]);
        } else {
            tx.insert(&NEW_POLL, row![id, self.room, body]);
        }
        tx.put::<PollRow>(id, self);
        Ok(())
    }
}

impl Entity for PollRow {
    type Key = PollId;
    const SELECT: &'static str = "SELECT id, room, body FROM room_poll WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &PollId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(PollId, Self), StoreError> {
        let (room, poll) = (row.get(1)?, parsed(&row.get::<String>(2)?)?);
        Ok((row.get(0)?, Self { room, poll }))
    }
}

pub(super) fn poll(db: &mut impl Read, id: PollId) -> Result<Option<Poll>, StoreError> {
    let row = db.row("SELECT body FROM room_poll WHERE id = $1", params![id])?;
    row.map(|row| parsed(&row.get::<String>(0)?)).transpose()
}

/// Which of a poll's options somebody chose; or 0, that they are for a question.
#[derive(Clone, Debug)]
pub(super) struct Vote(pub(super) u8);

static NEW_VOTE: Insert = Insert {
    table: "room_vote",
    columns: &[("id", Type::Blob), ("choice", Type::Int)],
};

impl Vote {
    pub(super) fn cast(self, tx: &mut Tx, on: Uuid, by: PersonId) {
        tx.insert(&NEW_VOTE, row![Self::key(&(on, by)), i64::from(self.0)]);
        tx.put::<Vote>((on, by), self);
    }
}

/// What is voted on, then the person: one column, as the batch wants it.
impl Entity for Vote {
    type Key = (Uuid, PersonId);
    const SELECT: &'static str = "SELECT id, choice FROM room_vote WHERE id";
    const KEY: Type = Type::Blob;

    fn key((on, person): &(Uuid, PersonId)) -> Value {
        Value::from([&on.as_bytes()[..], &person.as_bytes()[..]].concat())
    }

    fn read(row: &Row) -> Result<(Self::Key, Self), StoreError> {
        let id: Vec<u8> = row.get(0)?;
        let halves = id.split_at_checked(16);
        let halves =
            halves.and_then(|(on, person)| Some((Uuid::from_slice(on).ok()?, PersonId::from_slice(person)?)));
        let key = halves.ok_or_else(|| StoreError::Broken("a vote of nobody".into()))?;
        Ok((key, Vote(choice(row.get(1)?)?)))
    }
}

fn choice(number: i64) -> Result<u8, StoreError> {
    u8::try_from(number).map_err(|_| StoreError::Broken(format!("a vote for {number}")))
}

pub(super) fn vote(db: &mut impl Read, on: Uuid, by: PersonId) -> Result<Option<u8>, StoreError> {
    let row = db.row(
        "SELECT choice FROM room_vote WHERE id = $1",
        params![Vote::key(&(on, by))],
    )?;
    row.map(|row| choice(row.get(0)?)).transpose()
}

/// A question, with the room that it was asked in.
#[derive(Clone, Debug)]
pub(super) struct QuestionRow {
    pub(super) room: RoomId,
    pub(super) question: Question,
}

static NEW_QUESTION: Insert = Insert {
    table: "room_question",
    columns: &[("id", Type::Blob), ("room", Type::Blob), ("body", Type::Text)],
};

static CHANGE_QUESTION: Update = Update {
    table: "room_question",
    columns: &[("id", Type::Blob), ("body", Type::Text)],
};

impl QuestionRow {
    pub(super) fn save(self, tx: &mut Tx) -> Result<(), StoreError> {
        let (id, body) = (self.question.message, written(&self.question)?);
        if tx.find::<QuestionRow>(&id)?.is_some() {
            tx.update(&CHANGE_QUESTION, row![id, body]);
        } else {
            tx.insert(&NEW_QUESTION, row![id, self.room, body]);
        }
        tx.put::<QuestionRow>(id, self);
        Ok(())
    }
}

impl Entity for QuestionRow {
    type Key = MessageId;
    const SELECT: &'static str = "SELECT id, room, body FROM room_question WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &MessageId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(MessageId, Self), StoreError> {
        let (room, question) = (row.get(1)?, parsed(&row.get::<String>(2)?)?);
        Ok((row.get(0)?, Self { room, question }))
    }
}

pub(super) fn question(db: &mut impl Read, id: MessageId) -> Result<Option<Question>, StoreError> {
    let row = db.row("SELECT body FROM room_question WHERE id = $1", params![id])?;
    row.map(|row| parsed(&row.get::<String>(0)?)).transpose()
}

/// A message as it stands in the log.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) from: Speaker,
    pub(crate) text: String,
    pub(crate) audience: Audience,
    pub(crate) removed: bool,
}

/// A message of a room, of its chat or its sub room.
pub(crate) fn message(tx: &mut Tx, room: RoomId, id: MessageId) -> Result<Option<Message>, StoreError> {
    let row = tx.row(
        "SELECT m.removed_by, e.audience, e.body FROM room_message m \
         JOIN room_event e ON e.room = m.room AND e.n = m.n WHERE m.id = $1 AND m.room = $2",
        params![id, room],
    )?;
    let Some(row) = row else { return Ok(None) };
    let event: RoomEvent = parsed(&row.get::<String>(2)?)?;
    let (What::Said { from, text, .. } | What::SubRoomSaid { from, text, .. }) = event.what else {
        return Ok(None);
    };
    Ok(Audience::parse(&row.get::<String>(1)?).map(|audience| Message {
        from,
        text,
        audience,
        removed: row.get::<Option<Uuid>>(0).is_ok_and(|by| by.is_some()),
    }))
}
