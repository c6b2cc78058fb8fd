//! An appeal against a decision: by whom it is about, or by who had reported it (Article 20). Read [`appeal`] and
//! [`judge`] downward.
//!
//! Invariant: everybody appeals once against a decision, within six months, and another operator than the one who
//! decided judges it, where there is another. What is granted to whom it is about takes back what can be taken back;
//! what is granted to who reported it opens the report again, to be decided anew.

mod http;
pub(crate) mod sql;
#[cfg(test)]
mod tests;

use busk_base::{AppealId, DecisionId, PersonId, RecordId, TextError, Timestamp, bounded_text};
use busk_people::deletion;
use busk_store::{Read, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::decision::{self, Decision, Measure, MeasureError};
use crate::report;

pub(crate) use http::routes;

/// Characters of an appeal, and of its answer.
pub const WORDS_MAX: usize = 2_000;

/// How an appeal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AppealOutcome)]
pub enum Outcome {
    /// The decision stands.
    Upheld,
    /// It does not.
    Reversed,
}

impl Outcome {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Outcome::Upheld => "upheld",
            Outcome::Reversed => "reversed",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "upheld" => Ok(Outcome::Upheld),
            "reversed" => Ok(Outcome::Reversed),
            other => Err(StoreError::Broken(format!("an appeal ended {other:?}"))),
        }
    }
}

/// How it was judged, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub outcome: Outcome,
    pub answer: String,
    pub operator: PersonId,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appeal {
    pub id: AppealId,
    pub decision: DecisionId,
    pub appellant: Uuid,
    pub words: String,
    pub at: Timestamp,
    pub judged: Option<Judged>,
}

/// An appeal, as whoever appeals sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Appeal)]
pub(crate) struct AppealView {
    id: AppealId,
    words: String,
    at: Timestamp,
    /// Null until it is judged.
    outcome: Option<Outcome>,
    answer: Option<String>,
    judged_at: Option<Timestamp>,
}

impl From<Appeal> for AppealView {
    fn from(appeal: Appeal) -> Self {
        let (outcome, answer, judged_at) = match appeal.judged {
            Some(judged) => (Some(judged.outcome), Some(judged.answer), Some(judged.at)),
            None => (None, None, None),
        };
        Self {
            id: appeal.id,
            words: appeal.words,
            at: appeal.at,
            outcome,
            answer,
            judged_at,
        }
    }
}

/// An appeal to be.
#[derive(Clone, Debug)]
pub struct NewAppeal {
    pub id: AppealId,
    pub decision: DecisionId,
    pub by: Uuid,
    pub words: String,
}

/// Why there is no appeal, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppealError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another appeal")]
    IdReused(AppealId),
    #[error("there is no such decision")]
    DecisionUnknown,
    #[error("the reason {0}")]
    Words(TextError),
    #[error("you have appealed against it")]
    Already(AppealId),
    #[error("the decision was taken back")]
    Reversed,
    #[error("appeals end six months after the decision")]
    Late,
}

/// Appeals; the same again is once.
pub fn appeal(tx: &mut Tx, new: &NewAppeal, now: Timestamp) -> Result<Appeal, AppealError> {
    if let Some(past) = sql::one(tx, new.id)? {
        let same = past.decision == new.decision && past.appellant == new.by;
        return if same {
            Ok(past)
        } else {
            Err(AppealError::IdReused(new.id))
        };
    }
    let decision = decision::sql::one(tx, new.decision)?.ok_or(AppealError::DecisionUnknown)?;
    if !concerns(tx, &decision, new.by)? {
        return Err(AppealError::DecisionUnknown);
    }
    let words = bounded_text(&new.words, 1, WORDS_MAX).map_err(AppealError::Words)?;
    if let Some(past) = sql::of(tx, decision.id, new.by)? {
        return Err(AppealError::Already(past.id));
    }
    if decision.reversed_at.is_some() {
        return Err(AppealError::Reversed);
    }
    if now > decision.appeal_until() {
        return Err(AppealError::Late);
    }

    let appeal = Appeal {
        id: new.id,
        decision: decision.id,
        appellant: new.by,
        words,
        at: now,
        judged: None,
    };
    sql::insert(tx, &appeal);
    Ok(appeal)
}

/// Whether somebody may appeal: whom something was done to, or who had reported it.
fn concerns(db: &mut impl Read, decision: &Decision, who: Uuid) -> Result<bool, StoreError> {
    if decision.person == who {
        return Ok(decision.measure != Measure::None);
    }
    report::sql::reported_to(db, decision.id, who)
}

/// What an operator says to an appeal.
#[derive(Clone, Debug)]
pub struct Judgement {
    pub appeal: AppealId,
    pub operator: PersonId,
    pub outcome: Outcome,
    pub answer: String,
    /// The entry in the channel's moderation log, where something is taken back there.
    pub record: RecordId,
}

/// Why nothing was judged, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JudgeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such appeal")]
    AppealUnknown,
    #[error("it is judged")]
    Judged,
    #[error("the answer {0}")]
    Answer(TextError),
    #[error("nobody judges about themselves")]
    Yourself,
    #[error("another operator judges than the one who decided")]
    SameOperator,
    #[error("it cannot be taken back: {0}")]
    Measure(MeasureError),
}

/// Judges; the same again is once.
pub fn judge(tx: &mut Tx, judgement: &Judgement, now: Timestamp) -> Result<Appeal, JudgeError> {
    let mut appeal = sql::one(tx, judgement.appeal)?.ok_or(JudgeError::AppealUnknown)?;
    if let Some(judged) = &appeal.judged {
        let same = judged.outcome == judgement.outcome && judged.operator == judgement.operator;
        return if same { Ok(appeal) } else { Err(JudgeError::Judged) };
    }
    let answer = bounded_text(&judgement.answer, 1, WORDS_MAX).map_err(JudgeError::Answer)?;
    if appeal.appellant == judgement.operator.0 {
        return Err(JudgeError::Yourself);
    }
    let decision = decision::sql::one(tx, appeal.decision)?.ok_or(JudgeError::AppealUnknown)?;
    if decision.operator == judgement.operator && deletion::other_operators(tx, judgement.operator, now)? {
        return Err(JudgeError::SameOperator);
    }

    if judgement.outcome == Outcome::Reversed && decision.reversed_at.is_none() {
        if decision.person == appeal.appellant {
            let by = (judgement.operator, judgement.record);
            decision::take_back(tx, &decision, by, now).map_err(JudgeError::Measure)?;
            decision::sql::reverse(tx, decision.id, now);
        } else {
            report::sql::open_again(tx, decision.id)?;
        }
    }
    appeal.judged = Some(Judged {
        outcome: judgement.outcome,
        answer,
        operator: judgement.operator,
        at: now,
    });
    sql::judged(tx, &appeal);
    Ok(appeal)
}
