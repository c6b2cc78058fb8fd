//! What came of reports in a time, counted (Articles 15(1) and 24(1)): notices by kind, decisions by what was done, how
//! long they took, appeals and how they ended, what the channels' own moderators did, and what a machine held back.
//!
//! Everything is counted by when it happened: a report that came in one period and was decided in the next is a notice of
//! the first and a decision of the second. Nobody is named.

mod csv;
mod http;
#[cfg(test)]
mod tests;

use busk_base::Timestamp;
use busk_store::{Read, Row, StoreError, Value, params};
use serde::Serialize;
use utoipa::ToSchema;

use crate::category::{Category, Ground};
use crate::decision::Measure;

pub(crate) use http::routes;

/// So many of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NoticeCount {
    pub ground: Ground,
    pub category: Category,
    pub notices: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MeasureCount {
    pub measure: Measure,
    pub ground: Ground,
    pub category: Category,
    pub decisions: i64,
}

/// What moderators of channels did by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeedCount {
    pub deed: String,
    pub times: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AppealCount {
    pub received: i64,
    pub upheld: i64,
    pub reversed: i64,
    /// From an appeal to its answer.
    pub median_s: Option<i64>,
}

/// The words that channels do not want are looked for by a machine, which holds messages until a moderator says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AutomatedCount {
    /// Held messages that a moderator judged.
    pub judged: i64,
    /// Of those, said after all: where the machine was wrong.
    pub approved: i64,
    /// Decisions about reports that a machine made: none, ever.
    pub decisions: i64,
}

/// What came of reports in a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Transparency {
    pub from: Timestamp,
    /// Not in it any more.
    pub to: Timestamp,
    pub notices: i64,
    pub notices_by_kind: Vec<NoticeCount>,
    /// Notices by who has no name on the site.
    pub notices_anonymous: i64,
    pub decisions: i64,
    pub decisions_by_measure: Vec<MeasureCount>,
    /// From a notice to the decision about it.
    pub median_s: Option<i64>,
    pub appeals: AppealCount,
    pub moderation: Vec<DeedCount>,
    pub automated: AutomatedCount,
}

/// Counts a span of time; on one unchanging picture of the database.
pub fn count(db: &mut impl Read, from: Timestamp, to: Timestamp) -> Result<Transparency, StoreError> {
    let span = params![from, to];
    let notices_by_kind = db.rows(
        "SELECT ground, category, COUNT(*) FROM report WHERE at >= $1 AND at < $2 \
         GROUP BY ground, category ORDER BY ground, category",
        span,
    )?;
    let notices_by_kind = each(&notices_by_kind, |row| {
        Ok(NoticeCount {
            ground: Ground::parse(&row.get::<String>(0)?)?,
            category: Category::parse(&row.get::<String>(1)?)?,
            notices: row.get(2)?,
        })
    })?;
    let by_measure = db.rows(
        "SELECT measure, ground, category, COUNT(*) FROM decision WHERE at >= $1 AND at < $2 \
         GROUP BY measure, ground, category ORDER BY measure, ground, category",
        span,
    )?;
    let decisions_by_measure = each(&by_measure, |row| {
        Ok(MeasureCount {
            measure: Measure::parse(&row.get::<String>(0)?)?,
            ground: Ground::parse(&row.get::<String>(1)?)?,
            category: Category::parse(&row.get::<String>(2)?)?,
            decisions: row.get(3)?,
        })
    })?;
    let moderation = db.rows(
        "SELECT r.deed, COUNT(*) FROM moderation_record r WHERE r.at >= $1 AND r.at < $2 \
         AND r.deed IN ('delete', 'time_out', 'ban', 'shadow', 'dismiss', 'approve') \
         AND NOT EXISTS (SELECT 1 FROM decision d WHERE d.id = r.id) GROUP BY r.deed ORDER BY r.deed",
        span,
    )?;
    let moderation = each(&moderation, |row| {
        Ok(DeedCount {
            deed: row.get(0)?,
            times: row.get(1)?,
        })
    })?;
    let times = |word: &str| {
        let found = moderation.iter().find(|count| count.deed == word);
        found.map_or(0, |count| count.times)
    };
    let (approved, dismissed) = (times("approve"), times("dismiss"));
    Ok(Transparency {
        from,
        to,
        notices: notices_by_kind.iter().map(|count| count.notices).sum(),
        notices_by_kind,
        notices_anonymous: one(
            db,
            "SELECT COUNT(*) FROM report WHERE at >= $1 AND at < $2 AND reporter IS NULL",
            span,
        )?,
        decisions: decisions_by_measure.iter().map(|count| count.decisions).sum(),
        decisions_by_measure,
        median_s: median_of_decisions(db, from, to)?,
        appeals: appeals(db, from, to)?,
        moderation,
        automated: AutomatedCount {
            judged: approved + dismissed,
            approved,
            decisions: 0,
        },
    })
}

fn appeals(db: &mut impl Read, from: Timestamp, to: Timestamp) -> Result<AppealCount, StoreError> {
    let span = params![from, to];
    let received = one(db, "SELECT COUNT(*) FROM appeal WHERE at >= $1 AND at < $2", span)?;
    let upheld = one(
        db,
        "SELECT COUNT(*) FROM appeal WHERE judged_at >= $1 AND judged_at < $2 AND outcome = 'upheld'",
        span,
    )?;
    let reversed = one(
        db,
        "SELECT COUNT(*) FROM appeal WHERE judged_at >= $1 AND judged_at < $2 AND outcome = 'reversed'",
        span,
    )?;
    let median_s = match upheld + reversed {
        0 => None,
        judged => {
            let middle = db.row(
                "SELECT judged_at - at FROM appeal WHERE judged_at >= $1 AND judged_at < $2 \
                 ORDER BY judged_at - at LIMIT 1 OFFSET $3",
                params![from, to, (judged - 1) / 2],
            )?;
            seconds(middle)?
        }
    };
    Ok(AppealCount {
        received,
        upheld,
        reversed,
        median_s,
    })
}

/// The middle one of all times from a notice to its decision; of an even number the shorter.
fn median_of_decisions(
    db: &mut impl Read,
    from: Timestamp,
    to: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let answered = one(
        db,
        "SELECT COUNT(*) FROM decision_report a JOIN decision d ON d.id = a.decision WHERE d.at >= $1 AND d.at < $2",
        params![from, to],
    )?;
    if answered == 0 {
        return Ok(None);
    }
    let middle = db.row(
        "SELECT d.at - r.at FROM decision_report a JOIN decision d ON d.id = a.decision \
         JOIN report r ON r.id = a.report WHERE d.at >= $1 AND d.at < $2 ORDER BY d.at - r.at LIMIT 1 OFFSET $3",
        params![from, to, (answered - 1) / 2],
    )?;
    seconds(middle)
}

fn seconds(row: Option<Row>) -> Result<Option<i64>, StoreError> {
    let micros: Option<i64> = row.map(|row| row.get(0)).transpose()?;
    Ok(micros.map(|micros| micros / 1_000_000))
}

fn one(db: &mut impl Read, sql: &'static str, params: &[Value]) -> Result<i64, StoreError> {
    db.row(sql, params)?.map_or(Ok(0), |row| row.get(0))
}

fn each<T>(rows: &[Row], read: impl Fn(&Row) -> Result<T, StoreError>) -> Result<Vec<T>, StoreError> {
    rows.iter().map(read).collect()
}
