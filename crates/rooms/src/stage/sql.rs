//! A stage's row: one for a room, read and written as a whole.

use busk_base::{PersonId, RoomId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::Stage;

#[derive(Clone)]
struct StageRow(Stage);

impl Entity for StageRow {
    type Key = RoomId;
    const SELECT: &'static str = "SELECT room, body FROM room_stage WHERE room";
    const KEY: Type = Type::Blob;

    fn key(key: &RoomId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(RoomId, Self), StoreError> {
        Ok((row.get(0)?, Self(parsed(&row.get::<String>(1)?)?)))
    }
}

static NEW: Insert = Insert {
    table: "room_stage",
    columns: &[("room", Type::Blob), ("body", Type::Text)],
};

static CHANGE: Update = Update {
    table: "room_stage",
    columns: &[("room", Type::Blob), ("body", Type::Text)],
};

fn parsed(body: &str) -> Result<Stage, StoreError> {
    serde_json::from_str(body).map_err(|e| StoreError::Broken(format!("a stage that cannot be read: {e}")))
}

pub(super) fn find(tx: &mut Tx, room: RoomId) -> Result<Stage, StoreError> {
    Ok(tx.find::<StageRow>(&room)?.map(|row| row.0).unwrap_or_default())
}

pub(super) fn read(db: &mut impl Read, room: RoomId) -> Result<Stage, StoreError> {
    let row = db.row("SELECT body FROM room_stage WHERE room = $1", params![room])?;
    row.map_or_else(|| Ok(Stage::default()), |row| parsed(&row.get::<String>(0)?))
}

pub(super) fn save(tx: &mut Tx, room: RoomId, stage: &Stage) -> Result<(), StoreError> {
    let body = serde_json::to_string(stage).map_err(|e| StoreError::Broken(e.to_string()))?;
    if tx.find::<StageRow>(&room)?.is_some() {
        tx.update(&CHANGE, row![room, body]);
    } else {
        tx.insert(&NEW, row![room, body]);
    }
    tx.put::<StageRow>(room, StageRow(stage.clone()));
    Ok(())
}

/// Notes that somebody was on stage, the first time.
pub(super) fn had_a_turn(
    tx: &mut Tx,
    room: RoomId,
    person: PersonId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO room_turn (room, person, at) VALUES ($1, $2, $3) ON CONFLICT (room, person) DO NOTHING",
        params![room, person, now],
    )?;
    Ok(())
}

/// Open rooms on whose stage a person is, with their hosts.
pub(super) fn rooms_with(
    db: &mut impl Read,
    person: PersonId,
) -> Result<Vec<(RoomId, PersonId)>, StoreError> {
    let rows = db.rows(
        "SELECT r.id, r.host, COALESCE(s.body, '') FROM room r LEFT JOIN room_stage s ON s.room = r.id \
         WHERE r.state IN ('lobby', 'live', 'interrupted', 'hangout')",
        &[],
    )?;
    let mut found = Vec::new();
    for row in rows {
        let (room, host, body): (RoomId, PersonId, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let on =
            host == person || (!body.is_empty() && parsed(&body)?.on().any(|place| place.who.id == person.0));
        if on {
            found.push((room, host));
        }
    }
    Ok(found)
}
