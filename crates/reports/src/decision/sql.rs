use busk_base::{DecisionId, Timestamp};
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, Update, params, row};
use uuid::Uuid;

use super::{Decision, Measure};
use crate::category::{Category, Ground};
use crate::report::ObjectKind;

static DECISION: Insert = Insert {
    table: "decision",
    columns: &[
        ("id", Type::Blob),
        ("report", Type::Blob),
        ("kind", Type::Text),
        ("object", Type::Blob),
        ("room", Type::Blob),
        ("channel", Type::Blob),
        ("person", Type::Blob),
        ("said", Type::Text),
        ("measure", Type::Text),
        ("until", Type::Int),
        ("ground", Type::Text),
        ("category", Type::Text),
        ("basis", Type::Text),
        ("facts", Type::Text),
        ("operator", Type::Blob),
        ("at", Type::Int),
    ],
};

static REVERSED: Update = Update {
    table: "decision",
    columns: &[("id", Type::Blob), ("reversed_at", Type::Int)],
};

pub(super) fn insert(tx: &mut Tx, decision: &Decision) {
    tx.insert(
        &DECISION,
        row![
            decision.id,
            decision.report,
            decision.kind.word(),
            decision.object,
            decision.room,
            decision.channel,
            decision.person,
            decision.said.clone(),
            decision.measure.word(),
            decision.until,
            decision.ground.word(),
            decision.category.word(),
            &decision.basis,
            &decision.facts,
            decision.operator,
            decision.at
        ],
    );
}

pub(crate) fn reverse(tx: &mut Tx, id: DecisionId, now: Timestamp) {
    tx.update(&REVERSED, row![id, now]);
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, report, kind, object, room, channel, person, said, measure, until, ground, category, basis, facts, \
             operator, at, reversed_at FROM decision ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<Decision, StoreError> {
    Ok(Decision {
        id: row.get(0)?,
        report: row.get(1)?,
        kind: ObjectKind::parse(&row.get::<String>(2)?)?,
        object: row.get(3)?,
        room: row.get(4)?,
        channel: row.get(5)?,
        person: row.get(6)?,
        said: row.get(7)?,
        measure: Measure::parse(&row.get::<String>(8)?)?,
        until: row.get(9)?,
        ground: Ground::parse(&row.get::<String>(10)?)?,
        category: Category::parse(&row.get::<String>(11)?)?,
        basis: row.get(12)?,
        facts: row.get(13)?,
        operator: row.get(14)?,
        at: row.get(15)?,
        reversed_at: row.get(16)?,
    })
}

pub(crate) fn one(db: &mut impl Read, id: DecisionId) -> Result<Option<Decision>, StoreError> {
    let row = db.row(select!("WHERE id = $1"), params![id])?;
    row.as_ref().map(read).transpose()
}

/// What was decided about somebody, the latest first.
pub(crate) fn about(
    db: &mut impl Read,
    person: Uuid,
    before: Timestamp,
    max: i64,
) -> Result<Vec<Decision>, StoreError> {
    let rows = db.rows(
        select!("WHERE person = $1 AND at < $2 ORDER BY at DESC LIMIT $3"),
        params![person, before, max],
    )?;
    rows.iter().map(read).collect()
}

/// What was done to somebody, the latest first: not what came to nothing.
pub(crate) fn against(
    db: &mut impl Read,
    person: Uuid,
    before: Timestamp,
    max: i64,
) -> Result<Vec<Decision>, StoreError> {
    let rows = db.rows(
        select!("WHERE person = $1 AND measure <> 'none' AND at < $2 ORDER BY at DESC LIMIT $3"),
        params![person, before, max],
    )?;
    rows.iter().map(read).collect()
}
