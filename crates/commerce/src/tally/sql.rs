//! Rows of tallies, and of streaks whose end is not told yet.

use busk_base::{PersonId, RoomId, StreakId, Timestamp};
use busk_rooms::Speaker;
use busk_store::{Entity, Insert, Read, Reader, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::count::Grown;

/// How far a room's log is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) through: i64,
    /// There is more to count, or a streak to end.
    pub(super) open: bool,
}

static NEW: Insert = Insert {
    table: "tally",
    columns: &[("room", Type::Blob), ("through", Type::Int), ("open", Type::Bool)],
};

static CHANGE: Update = Update {
    table: "tally",
    columns: &[("room", Type::Blob), ("through", Type::Int), ("open", Type::Bool)],
};

impl Tally {
    pub(super) fn add(tx: &mut Tx, room: RoomId) {
        let (through, open) = (0, true);
        tx.insert(&NEW, row![room, through, open]);
        tx.put::<Tally>(room, Self { through, open });
    }

    pub(super) fn save(self, tx: &mut Tx, room: RoomId) {
        tx.update(&CHANGE, row![room, self.through, self.open]);
        tx.put::<Tally>(room, self);
    }
}

impl Entity for Tally {
    type Key = RoomId;
    const SELECT: &'static str = "SELECT room, through, open FROM tally WHERE room";
    const KEY: Type = Type::Blob;

    fn key(key: &RoomId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(RoomId, Self), StoreError> {
        let (through, open) = (row.get(1)?, row.get(2)?);
        Ok((row.get(0)?, Self { through, open }))
    }
}

/// Rooms with something to count.
pub(super) fn open(db: &mut Reader, max: i64) -> Result<Vec<RoomId>, StoreError> {
    let rows = db.rows("SELECT room FROM tally WHERE open LIMIT $1", params![max])?;
    rows.iter().map(|row| row.get(0)).collect()
}

pub(super) fn through(db: &mut Reader, room: RoomId) -> Result<Option<i64>, StoreError> {
    let row = db.row("SELECT through FROM tally WHERE room = $1", params![room])?;
    row.map(|row| row.get(0)).transpose()
}

/// The log after a number, whoever may see it.
pub(super) fn events(
    db: &mut Reader,
    room: RoomId,
    after: i64,
    max: i64,
) -> Result<Vec<(i64, String)>, StoreError> {
    let rows = db.rows(
        "SELECT n, body FROM room_event WHERE room = $1 AND n > $2 ORDER BY n LIMIT $3",
        params![room, after, max],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// A streak as far as it is counted.
#[derive(Clone, Debug)]
pub(super) struct GiftRun {
    pub(super) id: StreakId,
    pub(super) sender: PersonId,
    pub(super) from: Speaker,
    pub(super) kind: String,
    pub(super) count: i64,
    pub(super) total: i64,
    pub(super) last_at: Timestamp,
}

static NEW_RUN: Insert = Insert {
    table: "gift_run",
    columns: &[
        ("id", Type::Blob),
        ("room", Type::Blob),
        ("sender", Type::Blob),
        ("speaker", Type::Text),
        ("kind", Type::Text),
        ("count", Type::Int),
        ("total", Type::Int),
        ("last_at", Type::Int),
        ("ended", Type::Bool),
    ],
};

static GROWN: Update = Update {
    table: "gift_run",
    columns: &[
        ("id", Type::Blob),
        ("count", Type::Int),
        ("total", Type::Int),
        ("last_at", Type::Int),
    ],
};

static SEALED: Update = Update {
    table: "gift_run",
    columns: &[("id", Type::Blob), ("sealed", Type::Int)],
};

static ENDED: Update = Update {
    table: "gift_run",
    columns: &[("id", Type::Blob), ("ended", Type::Bool)],
};

impl GiftRun {
    pub(super) fn grow(tx: &mut Tx, room: RoomId, id: StreakId, grown: &Grown) -> Result<(), StoreError> {
        let before = tx.find::<GiftRun>(&id)?;
        let new = before.is_none();
        let run = GiftRun {
            id,
            sender: PersonId(grown.from.id),
            from: grown.from.clone(),
            kind: grown.kind.clone(),
            count: grown.count,
            total: grown.coins + before.map_or(0, |before| before.total),
            last_at: grown.last_at,
        };
        if new {
            let speaker = serde_json::to_string(&run.from).map_err(|e| StoreError::Broken(e.to_string()))?;
            let kind = run.kind.as_str();
            tx.insert(
                &NEW_RUN,
                row![
                    id,
                    room,
                    run.sender,
                    speaker,
                    kind,
                    run.count,
                    run.total,
                    run.last_at,
                    false
                ],
            );
        } else {
            tx.update(&GROWN, row![id, run.count, run.total, run.last_at]);
        }
        tx.put::<GiftRun>(id, run);
        Ok(())
    }

    pub(super) fn seal(&self, tx: &mut Tx, seq: i64) {
        tx.update(&SEALED, row![self.id, seq]);
    }

    pub(super) fn end(&self, tx: &mut Tx) {
        tx.update(&ENDED, row![self.id, true]);
    }
}

impl Entity for GiftRun {
    type Key = StreakId;
    const SELECT: &'static str =
        "SELECT id, sender, speaker, kind, count, total, last_at FROM gift_run WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &StreakId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(StreakId, Self), StoreError> {
        let from = serde_json::from_str(&row.get::<String>(2)?)
            .map_err(|e| StoreError::Broken(format!("a streak of nobody: {e}")))?;
        let run = GiftRun {
            id: row.get(0)?,
            sender: row.get(1)?,
            from,
            kind: row.get(3)?,
            count: row.get(4)?,
            total: row.get(5)?,
            last_at: row.get(6)?,
        };
        Ok((run.id, run))
    }
}

fn runs(rows: &[Row]) -> Result<Vec<GiftRun>, StoreError> {
    let read = rows.iter().map(<GiftRun as Entity>::read);
    read.map(|read| read.map(|(_, run)| run)).collect()
}

/// Streaks that are not sealed, and whose last gift was before a moment.
pub(super) fn over(
    db: &mut impl Read,
    room: RoomId,
    before: Timestamp,
    max: i64,
) -> Result<Vec<GiftRun>, StoreError> {
    let rows = db.rows(
        "SELECT id, sender, speaker, kind, count, total, last_at FROM gift_run \
         WHERE room = $1 AND last_at < $2 AND sealed IS NULL ORDER BY last_at, id LIMIT $3",
        params![room, before, max],
    )?;
    runs(&rows)
}

/// Sealed streaks all of whose gifts are counted when the log is counted through a number.
pub(super) fn whole(tx: &mut Tx, room: RoomId, through: i64, max: i64) -> Result<Vec<GiftRun>, StoreError> {
    let rows = tx.rows(
        "SELECT id, sender, speaker, kind, count, total, last_at FROM gift_run \
         WHERE room = $1 AND sealed <= $2 ORDER BY last_at, id LIMIT $3",
        params![room, through, max],
    )?;
    runs(&rows)
}

pub(super) fn forget_ended(tx: &mut Tx, room: RoomId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM gift_run WHERE room = $1 AND ended", params![room])?;
    Ok(())
}

pub(super) fn no_runs(tx: &mut Tx, room: RoomId) -> Result<bool, StoreError> {
    let row = tx.row("SELECT 1 FROM gift_run WHERE room = $1 LIMIT 1", params![room])?;
    Ok(row.is_none())
}
