//! Notices that were set aside, or that wait: the operator looks at them, and has them heard again once what was
//! wrong is mended.
//!
//! Invariant: what an operator did about a notice is only ever added to; hearing again obeys the rules of hearing,
//! so that nothing counts twice.

mod http;
#[cfg(test)]
mod tests;

use busk_base::{PersonId, Timestamp};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{HearError, Heard, sql, weigh};
use crate::rules::Rules;
pub use http::routes;

/// What an operator does about a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// It is seen to; nothing is to be heard.
    LookedAt,
    HearAgain,
}

/// An act, as it is asked for.
#[derive(Clone, Debug)]
pub struct DoAct {
    pub notice: String,
    pub operator: PersonId,
    pub act: Act,
    pub note: String,
}

/// Why nothing was done, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ActError {
    #[error(transparent)]
    Hear(#[from] HearError),
    #[error("there is no such notice")]
    Unknown,
    #[error("the notice is neither set aside nor waiting")]
    NotAside,
}

impl From<StoreError> for ActError {
    fn from(error: StoreError) -> Self {
        ActError::Hear(HearError::Store(error))
    }
}

/// Does an act. Gives what came of the notice, where it was heard again.
pub fn act(tx: &mut Tx, wanted: &DoAct, rules: &Rules, now: Timestamp) -> Result<Option<Heard>, ActError> {
    let id = wanted.notice.as_str();
    let found = tx.row(
        "SELECT provider, outcome, body FROM provider_notice WHERE id = $1",
        params![id],
    )?;
    let found = found.ok_or(ActError::Unknown)?;
    let (provider, outcome): (String, String) = (found.get(0)?, found.get(1)?);
    if outcome != "set_aside" && outcome != "waiting" {
        return Err(ActError::NotAside);
    }

    let heard = match wanted.act {
        Act::LookedAt => {
            tx.execute(
                "UPDATE provider_notice SET looked_at = $2 WHERE id = $1",
                params![id, now],
            )?;
            None
        }
        Act::HearAgain => {
            let notice = sql::parse(&found.get::<String>(2)?)?;
            let heard = weigh(tx, &provider, &notice, rules, now)?;
            sql::heard_again(tx, &notice, &heard)?;
            Some(heard)
        }
    };
    note(tx, wanted, now)?;
    Ok(heard)
}

/// Only ever added to.
static ACT: Insert = Insert {
    table: "notice_act",
    columns: &[
        ("notice", Type::Text),
        ("number", Type::Int),
        ("at", Type::Int),
        ("who", Type::Blob),
        ("act", Type::Text),
        ("note", Type::Text),
    ],
};

fn note(tx: &mut Tx, wanted: &DoAct, now: Timestamp) -> Result<(), StoreError> {
    let id = wanted.notice.as_str();
    let done = tx.row("SELECT COUNT(*) FROM notice_act WHERE notice = $1", params![id])?;
    let done: i64 = done.map_or(Ok(0), |row| row.get(0))?;
    let word = match wanted.act {
        Act::LookedAt => "looked_at",
        Act::HearAgain => "hear_again",
    };
    tx.insert(
        &ACT,
        row![id, done + 1, now, wanted.operator, word, wanted.note.as_str()],
    );
    Ok(())
}

/// A notice for the operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Aside {
    pub id: String,
    pub provider: String,
    pub received_at: Timestamp,
    /// Why it was set aside; none for one that waits.
    pub reason: Option<String>,
    pub body: String,
    pub looked_at: Option<Timestamp>,
}

/// Notices that are set aside or wait and came before a moment, newest first; those not looked at when `open`.
pub fn listed(db: &mut impl Read, open: bool, before: Timestamp, max: i64) -> Result<Vec<Aside>, StoreError> {
    let rows = db.rows(
        "SELECT id, provider, received_at, set_aside, body, looked_at FROM provider_notice \
         WHERE outcome IN ('set_aside', 'waiting') AND received_at < $1 AND (CAST($2 AS BIGINT) = 0 OR looked_at IS NULL) \
         ORDER BY received_at DESC, id DESC LIMIT $3",
        params![before, i64::from(open), max],
    )?;
    let listed = rows.iter().map(|row| {
        Ok(Aside {
            id: row.get(0)?,
            provider: row.get(1)?,
            received_at: row.get(2)?,
            reason: row.get(3)?,
            body: row.get(4)?,
            looked_at: row.get(5)?,
        })
    });
    listed.collect()
}

/// One act, as it was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    pub at: Timestamp,
    pub who: PersonId,
    pub act: String,
    pub note: String,
}

/// What was done about a notice, oldest first.
pub fn acts(db: &mut impl Read, notice: &str) -> Result<Vec<Done>, StoreError> {
    let rows = db.rows(
        "SELECT at, who, act, note FROM notice_act WHERE notice = $1 ORDER BY number",
        params![notice],
    )?;
    let acts = rows.iter().map(|row| {
        Ok(Done {
            at: row.get(0)?,
            who: row.get(1)?,
            act: row.get(2)?,
            note: row.get(3)?,
        })
    });
    acts.collect()
}
