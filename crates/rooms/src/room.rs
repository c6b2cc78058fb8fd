//! A room's row.

use busk_base::{ChannelId, PersonId, RoomId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a room is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Announced for a time.
    Scheduled,
    /// The host checks camera and microphone; nobody watches yet.
    Lobby,
    Live,
    /// The camera is lost; viewers stay, and it may come back until `resume_until`.
    Interrupted,
    Ended,
    /// On camera without an audience: nobody but those who came by its link is there.
    Hangout,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            State::Scheduled => "scheduled",
            State::Lobby => "lobby",
            State::Live => "live",
            State::Interrupted => "interrupted",
            State::Ended => "ended",
            State::Hangout => "hangout",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let all = [
            State::Scheduled,
            State::Lobby,
            State::Live,
            State::Interrupted,
            State::Ended,
            State::Hangout,
        ];
        let found = all.into_iter().find(|state| state.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("a room in the state {word}")))
    }

    /// Whether viewers may be in it: gifts happen here.
    pub fn is_on_air(self) -> bool {
        matches!(self, State::Live | State::Interrupted)
    }

    pub fn has_chat(self) -> bool {
        self.is_on_air() || self == State::Hangout
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    pub id: RoomId,
    pub channel: ChannelId,
    pub host: PersonId,
    pub title: String,
    pub state: State,
    /// Numbers of different epochs have nothing to do with each other.
    pub epoch: i64,
    /// The last number of the log.
    pub seq: i64,
    pub created_at: Timestamp,
    pub scheduled_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub resume_until: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Goes live as soon as a camera is connected, as encoders with a stream key expect.
    pub live_on_camera: bool,
    /// A hangout, also one that has ended: for all but those on camera there is no such room.
    pub private: bool,
}

impl Entity for Room {
    type Key = RoomId;
    const SELECT: &'static str = "SELECT r.id, r.channel, r.host, r.title, r.state, r.epoch, s.last, r.created_at, \
         r.scheduled_at, r.started_at, r.resume_until, r.ended_at, r.live_on_camera, r.private \
         FROM room r JOIN room_seq s ON s.room = r.id WHERE r.id";
    const KEY: Type = Type::Blob;

    fn key(key: &RoomId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(RoomId, Self), StoreError> {
        let room = Room::from_row(row)?;
        Ok((room.id, room))
    }
}

/// A room that everybody may know of: hangouts are for those in them.
pub fn public(db: &mut impl Read, id: RoomId) -> Result<Option<Room>, StoreError> {
    Ok(any(db, id)?.filter(|room| !room.private))
}

/// A room, whoever may know of it.
pub(crate) fn any(db: &mut impl Read, id: RoomId) -> Result<Option<Room>, StoreError> {
    let row = db.row(
        "SELECT r.id, r.channel, r.host, r.title, r.state, r.epoch, s.last, r.created_at, \
         r.scheduled_at, r.started_at, r.resume_until, r.ended_at, r.live_on_camera, r.private \
         FROM room r JOIN room_seq s ON s.room = r.id WHERE r.id = $1",
        params![id],
    )?;
    row.as_ref().map(Room::from_row).transpose()
}

static NEW: Insert = Insert {
    table: "room",
    columns: &[
        ("id", Type::Blob),
        ("channel", Type::Blob),
        ("host", Type::Blob),
        ("title", Type::Text),
        ("state", Type::Text),
        ("epoch", Type::Int),
        ("created_at", Type::Int),
        ("scheduled_at", Type::Int),
        ("live_on_camera", Type::Bool),
        ("private", Type::Bool),
    ],
};

static CHANGE: Update = Update {
    table: "room",
    columns: &[
        ("id", Type::Blob),
        ("title", Type::Text),
        ("state", Type::Text),
        ("scheduled_at", Type::Int),
        ("started_at", Type::Int),
        ("resume_until", Type::Int),
        ("ended_at", Type::Int),
        ("private", Type::Bool),
    ],
};

static NEW_SEQ: Insert = Insert {
    table: "room_seq",
    columns: &[("room", Type::Blob), ("last", Type::Int)],
};

static SEQ: Update = Update {
    table: "room_seq",
    columns: &[("room", Type::Blob), ("last", Type::Int)],
};

impl Room {
    pub(crate) fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            channel: row.get(1)?,
            host: row.get(2)?,
            title: row.get(3)?,
            state: State::parse(&row.get::<String>(4)?)?,
            epoch: row.get(5)?,
            seq: row.get(6)?,
            created_at: row.get(7)?,
            scheduled_at: row.get(8)?,
            started_at: row.get(9)?,
            resume_until: row.get(10)?,
            ended_at: row.get(11)?,
            live_on_camera: row.get(12)?,
            private: row.get(13)?,
        })
    }

    pub(crate) fn add(self, tx: &mut Tx) {
        tx.insert(
            &NEW,
            row![
                self.id,
                self.channel,
                self.host,
                self.title.clone(),
                self.state.word(),
                self.epoch,
                self.created_at,
                self.scheduled_at,
                self.live_on_camera,
                self.private
            ],
        );
        tx.insert(&NEW_SEQ, row![self.id, self.seq]);
        tx.put::<Room>(self.id, self);
    }

    pub(crate) fn save(self, tx: &mut Tx) {
        tx.update(
            &CHANGE,
            row![
                self.id,
                self.title.clone(),
                self.state.word(),
                self.scheduled_at,
                self.started_at,
                self.resume_until,
                self.ended_at,
                self.private
            ],
        );
        tx.put::<Room>(self.id, self);
    }

    /// Takes the next number of the log.
    pub(crate) fn number(mut self, tx: &mut Tx) -> i64 {
        self.seq += 1;
        let seq = self.seq;
        tx.update(&SEQ, row![self.id, seq]);
        tx.put::<Room>(self.id, self);
        seq
    }
}
