//! Rows of boards, each read and written as a whole, and of the hearts beside names.

use busk_base::{PersonId, RoomId};
use busk_store::{Entity, Insert, Read, StoreError, Tx, Type, Update, Value, params, row};

use super::Board;

/// A board, and whether anybody in the live has hearts.
#[derive(Clone, Default)]
pub(super) struct Row {
    pub(super) board: Board,
    pub(super) hearts: bool,
}

static NEW: Insert = Insert {
    table: "room_board",
    columns: &[("room", Type::Blob), ("body", Type::Text), ("hearts", Type::Bool)],
};

static CHANGE: Update = Update {
    table: "room_board",
    columns: &[("room", Type::Blob), ("body", Type::Text), ("hearts", Type::Bool)],
};

fn parsed(body: &str) -> Result<Board, StoreError> {
    serde_json::from_str(body).map_err(|e| StoreError::Broken(format!("a board that cannot be read: {e}")))
}

impl Row {
    pub(super) fn save(self, tx: &mut Tx, room: RoomId) -> Result<(), StoreError> {
        let body = serde_json::to_string(&self.board).map_err(|e| StoreError::Broken(e.to_string()))?;
        if tx.find::<Row>(&room)?.is_some() {
            tx.update(&CHANGE, row![room, body, self.hearts]);
        } else {
            tx.insert(&NEW, row![room, body, self.hearts]);
        }
        tx.put::<Row>(room, self);
        Ok(())
    }
}

impl Entity for Row {
    type Key = RoomId;
    const SELECT: &'static str = "SELECT room, body, hearts FROM room_board WHERE room";
    const KEY: Type = Type::Blob;

    fn key(key: &RoomId) -> Value {
        Value::from(*key)
    }

    fn read(row: &busk_store::Row) -> Result<(RoomId, Self), StoreError> {
        let board = parsed(&row.get::<String>(1)?)?;
        let hearts = row.get(2)?;
        Ok((row.get(0)?, Self { board, hearts }))
    }
}

pub(super) fn read(db: &mut impl Read, room: RoomId) -> Result<Board, StoreError> {
    let row = db.row("SELECT body FROM room_board WHERE room = $1", params![room])?;
    row.map_or_else(|| Ok(Board::default()), |row| parsed(&row.get::<String>(0)?))
}

/// How many hearts stand beside a person's name in a live.
#[derive(Clone)]
pub(super) struct Hearts(pub(super) u8);

static NEW_HEARTS: Insert = Insert {
    table: "room_hearts",
    columns: &[("id", Type::Blob), ("hearts", Type::Int)],
};

static MORE_HEARTS: Update = Update {
    table: "room_hearts",
    columns: &[("id", Type::Blob), ("hearts", Type::Int)],
};

impl Hearts {
    /// Of a person who had some before.
    pub(super) fn set(tx: &mut Tx, room: RoomId, person: PersonId, hearts: u8) -> Result<(), StoreError> {
        let key = (room, person);
        if tx
            .find::<Hearts>(&key)?
            .is_none_or(|Hearts(before)| before != hearts)
        {
            tx.update(&MORE_HEARTS, row![Self::key(&key), i64::from(hearts)]);
            tx.put::<Hearts>(key, Hearts(hearts));
        }
        Ok(())
    }

    pub(super) fn raise(tx: &mut Tx, room: RoomId, person: PersonId, hearts: u8) -> Result<(), StoreError> {
        let key = (room, person);
        match tx.find::<Hearts>(&key)? {
            Some(Hearts(before)) if before >= hearts => return Ok(()),
            Some(_) => tx.update(&MORE_HEARTS, row![Self::key(&key), i64::from(hearts)]),
            None => tx.insert(&NEW_HEARTS, row![Self::key(&key), i64::from(hearts)]),
        }
        tx.put::<Hearts>(key, Hearts(hearts));
        Ok(())
    }
}

/// The room, then the person: one column, as the batch wants it.
impl Entity for Hearts {
    type Key = (RoomId, PersonId);
    const SELECT: &'static str = "SELECT id, hearts FROM room_hearts WHERE id";
    const KEY: Type = Type::Blob;

    fn key((room, person): &(RoomId, PersonId)) -> Value {
        Value::from([&room.as_bytes()[..], &person.as_bytes()[..]].concat())
    }

    fn read(row: &busk_store::Row) -> Result<(Self::Key, Self), StoreError> {
        let id: Vec<u8> = row.get(0)?;
        let halves = id.split_at_checked(16);
        let halves = halves
            .and_then(|(room, person)| Some((RoomId::from_slice(room)?, PersonId::from_slice(person)?)));
        let key = halves.ok_or_else(|| StoreError::Broken("hearts of nobody".into()))?;
        Ok((key, Hearts(number(row.get(1)?)?)))
    }
}

fn number(hearts: i64) -> Result<u8, StoreError> {
    u8::try_from(hearts).map_err(|_| StoreError::Broken(format!("{hearts} hearts")))
}

pub(super) fn hearts(db: &mut impl Read, room: RoomId, person: PersonId) -> Result<Option<u8>, StoreError> {
    let row = db.row(
        "SELECT hearts FROM room_hearts WHERE id = $1 AND hearts > 0",
        params![Hearts::key(&(room, person))],
    )?;
    row.map(|row| number(row.get(0)?)).transpose()
}
