use busk_base::{DecisionId, ReportId, RoomId, Timestamp};
use busk_rooms::SpeakerKind;
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, params, row};
use uuid::Uuid;

use super::{ObjectKind, Report};
use crate::category::{Category, Ground};

static REPORT: Insert = Insert {
    table: "report",
    columns: &[
        ("id", Type::Blob),
        ("kind", Type::Text),
        ("object", Type::Blob),
        ("room", Type::Blob),
        ("channel", Type::Blob),
        ("person", Type::Blob),
        ("person_kind", Type::Text),
        ("person_name", Type::Text),
        ("said", Type::Text),
        ("said_at", Type::Int),
        ("ground", Type::Text),
        ("category", Type::Text),
        ("words", Type::Text),
        ("reporter", Type::Blob),
        ("contact_name", Type::Text),
        ("contact_email", Type::Text),
        ("priority", Type::Int),
        ("at", Type::Int),
    ],
};

pub(super) fn insert(tx: &mut Tx, report: &Report) {
    tx.insert(
        &REPORT,
        row![
            report.id,
            report.kind.word(),
            report.object,
            report.room,
            report.channel,
            report.person,
            kind_word(report.person_kind),
            &report.person_name,
            report.said.clone(),
            report.said_at,
            report.ground.word(),
            report.category.word(),
            &report.words,
            report.reporter,
            report.contact_name.clone(),
            report.contact_email.clone(),
            report.category.priority(report.ground),
            report.at
        ],
    );
}

fn kind_word(kind: SpeakerKind) -> &'static str {
    match kind {
        SpeakerKind::Person => "person",
        SpeakerKind::Guest => "guest",
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, object, room, channel, person, person_kind, person_name, said, said_at, ground, category, \
             words, reporter, contact_name, contact_email, at, decision FROM report ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<Report, StoreError> {
    let person_kind = match row.get::<String>(6)?.as_str() {
        "guest" => SpeakerKind::Guest,
        _ => SpeakerKind::Person,
    };
    Ok(Report {
        id: row.get(0)?,
        kind: ObjectKind::parse(&row.get::<String>(1)?)?,
        object: row.get(2)?,
        room: row.get(3)?,
        channel: row.get(4)?,
        person: row.get(5)?,
        person_kind,
        person_name: row.get(7)?,
        said: row.get(8)?,
        said_at: row.get(9)?,
        ground: Ground::parse(&row.get::<String>(10)?)?,
        category: Category::parse(&row.get::<String>(11)?)?,
        words: row.get(12)?,
        reporter: row.get(13)?,
        contact_name: row.get(14)?,
        contact_email: row.get(15)?,
        at: row.get(16)?,
        decision: row.get(17)?,
    })
}

fn all(rows: &[Row]) -> Result<Vec<Report>, StoreError> {
    rows.iter().map(read).collect()
}

pub(crate) fn one(db: &mut impl Read, id: ReportId) -> Result<Option<Report>, StoreError> {
    let row = db.row(select!("WHERE id = $1"), params![id])?;
    row.as_ref().map(read).transpose()
}

/// Somebody's open report of a thing.
pub(super) fn open_of(
    db: &mut impl Read,
    reporter: Uuid,
    object: Uuid,
) -> Result<Option<ReportId>, StoreError> {
    let row = db.row(
        "SELECT id FROM report WHERE reporter = $1 AND object = $2 AND decision IS NULL",
        params![reporter, object],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// What is open, the gravest first and of those the oldest.
pub(crate) fn open(db: &mut impl Read, after: (i64, Timestamp), max: i64) -> Result<Vec<Report>, StoreError> {
    let rows = db.rows(
        select!(
            "WHERE decision IS NULL AND (priority > $1 OR (priority = $1 AND at > $2)) ORDER BY priority, at LIMIT $3"
        ),
        params![after.0, after.1, max],
    )?;
    all(&rows)
}

/// All, the latest first.
pub(crate) fn latest(db: &mut impl Read, before: Timestamp, max: i64) -> Result<Vec<Report>, StoreError> {
    let rows = db.rows(
        select!("WHERE at < $1 ORDER BY at DESC LIMIT $2"),
        params![before, max],
    )?;
    all(&rows)
}

/// Somebody's own, the latest first.
pub(crate) fn of_reporter(
    db: &mut impl Read,
    reporter: Uuid,
    before: Timestamp,
    max: i64,
) -> Result<Vec<Report>, StoreError> {
    let rows = db.rows(
        select!("WHERE reporter = $1 AND at < $2 ORDER BY at DESC LIMIT $3"),
        params![reporter, before, max],
    )?;
    all(&rows)
}

/// What else was reported of the same thing, the latest first.
pub(crate) fn of_object(db: &mut impl Read, report: &Report, max: i64) -> Result<Vec<Report>, StoreError> {
    let rows = db.rows(
        select!("WHERE object = $1 AND id <> $2 ORDER BY at DESC LIMIT $3"),
        params![report.object, report.id, max],
    )?;
    all(&rows)
}

/// Closes every open report of a thing by a decision, and keeps that it did.
pub(crate) fn close(tx: &mut Tx, object: Uuid, by: DecisionId) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO decision_report (decision, report) \
         SELECT d.id, r.id FROM report r, decision d WHERE r.object = $1 AND r.decision IS NULL AND d.id = $2",
        params![object, by],
    )?;
    tx.execute(
        "UPDATE report SET decision = $2 WHERE object = $1 AND decision IS NULL",
        params![object, by],
    )?;
    Ok(())
}

/// Opens again what a decision closed, but for whom has reported the same anew since.
pub(crate) fn open_again(tx: &mut Tx, decision: DecisionId) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE report SET decision = NULL WHERE decision = $1 AND NOT EXISTS (SELECT 1 FROM report o \
         WHERE o.reporter = report.reporter AND o.object = report.object AND o.decision IS NULL)",
        params![decision],
    )
}

/// Whether somebody's report was closed by a decision.
pub(crate) fn reported_to(
    db: &mut impl Read,
    decision: DecisionId,
    reporter: Uuid,
) -> Result<bool, StoreError> {
    let row = db.row(
        "SELECT 1 FROM decision_report d JOIN report r ON r.id = d.report WHERE d.decision = $1 AND r.reporter = $2",
        params![decision, reporter],
    )?;
    Ok(row.is_some())
}

/// What a room is called, for lists.
pub(crate) fn title(db: &mut impl Read, room: Option<RoomId>) -> Result<Option<String>, StoreError> {
    let Some(room) = room else { return Ok(None) };
    let row = db.row("SELECT title FROM room WHERE id = $1", params![room])?;
    row.map(|row| row.get(0)).transpose()
}
