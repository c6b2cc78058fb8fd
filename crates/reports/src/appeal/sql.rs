use busk_base::{AppealId, DecisionId, Timestamp};
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, Update, params, row};
use uuid::Uuid;

use super::{Appeal, Judged, Outcome};

static APPEAL: Insert = Insert {
    table: "appeal",
    columns: &[
        ("id", Type::Blob),
        ("decision", Type::Blob),
        ("appellant", Type::Blob),
        ("words", Type::Text),
        ("at", Type::Int),
    ],
};

static JUDGED: Update = Update {
    table: "appeal",
    columns: &[
        ("id", Type::Blob),
        ("outcome", Type::Text),
        ("answer", Type::Text),
        ("operator", Type::Blob),
        ("judged_at", Type::Int),
    ],
};

pub(super) fn insert(tx: &mut Tx, appeal: &Appeal) {
    tx.insert(
        &APPEAL,
        row![
            appeal.id,
            appeal.decision,
            appeal.appellant,
            &appeal.words,
            appeal.at
        ],
    );
}

pub(super) fn judged(tx: &mut Tx, appeal: &Appeal) {
    if let Some(judged) = &appeal.judged {
        tx.update(
            &JUDGED,
            row![
                appeal.id,
                judged.outcome.word(),
                &judged.answer,
                judged.operator,
                judged.at
            ],
        );
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, decision, appellant, words, at, outcome, answer, operator, judged_at FROM appeal ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<Appeal, StoreError> {
    let judged = match row.get::<Option<String>>(5)? {
        None => None,
        Some(outcome) => Some(Judged {
            outcome: Outcome::parse(&outcome)?,
            answer: row.get(6)?,
            operator: row.get(7)?,
            at: row.get(8)?,
        }),
    };
    Ok(Appeal {
        id: row.get(0)?,
        decision: row.get(1)?,
        appellant: row.get(2)?,
        words: row.get(3)?,
        at: row.get(4)?,
        judged,
    })
}

pub(crate) fn one(db: &mut impl Read, id: AppealId) -> Result<Option<Appeal>, StoreError> {
    let row = db.row(select!("WHERE id = $1"), params![id])?;
    row.as_ref().map(read).transpose()
}

/// Somebody's appeal against a decision.
pub(crate) fn of(
    db: &mut impl Read,
    decision: DecisionId,
    appellant: Uuid,
) -> Result<Option<Appeal>, StoreError> {
    let row = db.row(
        select!("WHERE decision = $1 AND appellant = $2"),
        params![decision, appellant],
    )?;
    row.as_ref().map(read).transpose()
}

/// What is not judged, the longest waiting first.
pub(super) fn open(db: &mut impl Read, after: Timestamp, max: i64) -> Result<Vec<Appeal>, StoreError> {
    let rows = db.rows(
        select!("WHERE outcome IS NULL AND at > $1 ORDER BY at LIMIT $2"),
        params![after, max],
    )?;
    rows.iter().map(read).collect()
}

/// All, the latest first.
pub(super) fn latest(db: &mut impl Read, before: Timestamp, max: i64) -> Result<Vec<Appeal>, StoreError> {
    let rows = db.rows(
        select!("WHERE at < $1 ORDER BY at DESC LIMIT $2"),
        params![before, max],
    )?;
    rows.iter().map(read).collect()
}
