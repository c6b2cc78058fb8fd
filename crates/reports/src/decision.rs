//! An operator decides about what was reported. Read [`decide`] downward.
//!
//! A decision closes every open report of the same thing, does what it says in the same transaction, and is itself the
//! statement of reasons that whoever it is about is shown (Article 17): what was found, against which law or rule, what
//! was done, for how long, and how to appeal. No decision is made by a machine: each has an operator.
//!
//! Invariant: a DecisionId decides once, and a report is closed by at most one decision at a time. Nothing that is done
//! names who reported it.

mod case;
mod http;
mod measure;
pub(crate) mod sql;
#[cfg(test)]
mod tests;

use std::time::Duration;

use busk_base::{
    ChannelId, DecisionId, PersonId, RecordId, ReportId, RoomId, TextError, Timestamp, bounded_text,
};
use busk_people::{Role, person};
use busk_rooms::SpeakerKind;
use busk_store::{Read, StoreError, Tx};
use uuid::Uuid;

use crate::category::{Category, Ground};
use crate::report::{ObjectKind, Report};

pub(crate) use http::routes;
pub(crate) use measure::take_back;
pub use measure::{Follows, Measure, MeasureError};

/// Characters of what was found, and of the law or the rule.
pub const FACTS_MAX: usize = 2_000;
pub const BASIS_MAX: usize = 200;
/// The longest suspension that ends by itself: two years.
pub const SUSPENSION_S_MAX: u32 = 2 * 365 * 24 * 3_600;
/// For so long a decision may be appealed against (Article 20(1)).
pub const APPEAL_MONTHS: u32 = 6;

/// A decision, as an operator makes it.
#[derive(Clone, Debug)]
pub struct NewDecision {
    pub id: DecisionId,
    pub report: ReportId,
    pub measure: Measure,
    /// Of a time-out; and of a suspension that ends by itself.
    pub seconds: Option<u32>,
    pub ground: Ground,
    pub category: Category,
    /// The law, or the rule of the site; not where nothing is done.
    pub basis: String,
    /// What was found, for whom it is about; where nothing is done, for who reported it.
    pub facts: String,
    pub operator: PersonId,
}

/// A decision, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub id: DecisionId,
    pub report: ReportId,
    pub kind: ObjectKind,
    pub object: Uuid,
    pub room: Option<RoomId>,
    pub channel: Option<ChannelId>,
    pub person: Uuid,
    pub said: Option<String>,
    pub measure: Measure,
    /// When what was done ends by itself.
    pub until: Option<Timestamp>,
    pub ground: Ground,
    pub category: Category,
    pub basis: String,
    pub facts: String,
    pub operator: PersonId,
    pub at: Timestamp,
    /// When an appeal took it back.
    pub reversed_at: Option<Timestamp>,
}

impl Decision {
    pub fn appeal_until(&self) -> Timestamp {
        self.at.months_later(APPEAL_MONTHS).unwrap_or(self.at)
    }

    /// The entry in the channel's moderation log that is this decision.
    fn record(&self) -> RecordId {
        RecordId(self.id.0)
    }
}

/// Why nothing was decided, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DecideError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another decision")]
    IdReused(DecisionId),
    #[error("there is no such report")]
    ReportUnknown,
    #[error("it is decided")]
    Decided(DecisionId),
    #[error("this kind is not one of what is against this ground")]
    Category,
    #[error("the law or the rule {0}")]
    Basis(TextError),
    #[error("what was found {0}")]
    Facts(TextError),
    #[error("for how long it is must be from 1 to {0} seconds")]
    Seconds(u32),
    #[error("this cannot be done about what was reported")]
    Unfit,
    #[error("nobody decides about themselves")]
    Yourself,
    #[error("nobody does this to the channel's team or the site's operators")]
    Protected,
    #[error("it is gone: {0}")]
    Gone(String),
}

/// What was decided, and what follows outside of the transaction.
#[derive(Clone, Debug)]
pub struct Decided {
    pub decision: Decision,
    pub follows: Follows,
}

/// Decides; the same again is once.
pub fn decide(tx: &mut Tx, new: &NewDecision, now: Timestamp) -> Result<Decided, DecideError> {
    if let Some(past) = sql::one(tx, new.id)? {
        let same = past.report == new.report && past.measure == new.measure && past.operator == new.operator;
        return if same {
            Ok(Decided {
                decision: past,
                follows: Follows::default(),
            })
        } else {
            Err(DecideError::IdReused(new.id))
        };
    }
    let report = crate::report::sql::one(tx, new.report)?.ok_or(DecideError::ReportUnknown)?;
    if let Some(decision) = report.decision {
        return Err(DecideError::Decided(decision));
    }
    if !new.category.fits(new.ground) {
        return Err(DecideError::Category);
    }
    let least = usize::from(new.measure != Measure::None);
    let basis = bounded_text(&new.basis, least, BASIS_MAX).map_err(DecideError::Basis)?;
    let facts = bounded_text(&new.facts, 1, FACTS_MAX).map_err(DecideError::Facts)?;
    let seconds = seconds(new)?;
    if !new.measure.fits(&report) {
        return Err(DecideError::Unfit);
    }
    if report.person == new.operator.0 {
        return Err(DecideError::Yourself);
    }
    if new.measure == Measure::Suspend && is_operator(tx, &report)? {
        return Err(DecideError::Protected);
    }

    let decision = Decision {
        id: new.id,
        report: report.id,
        kind: report.kind,
        object: report.object,
        room: report.room,
        channel: report.channel,
        person: report.person,
        said: report.said.clone(),
        measure: new.measure,
        until: seconds.map(|seconds| now + Duration::from_secs(u64::from(seconds))),
        ground: new.ground,
        category: new.category,
        basis,
        facts,
        operator: new.operator,
        at: now,
        reversed_at: None,
    };
    let follows = measure::take(tx, &decision, seconds, now).map_err(refused)?;
    sql::insert(tx, &decision);
    crate::report::sql::close(tx, decision.object, decision.id)?;
    Ok(Decided { decision, follows })
}

fn seconds(new: &NewDecision) -> Result<Option<u32>, DecideError> {
    let within = |max: u32| match new.seconds {
        Some(seconds) if (1..=max).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(DecideError::Seconds(max)),
    };
    match new.measure {
        Measure::TimeOut => within(busk_rooms::moderation::TIME_OUT_S_MAX),
        Measure::Suspend if new.seconds.is_some() => within(SUSPENSION_S_MAX),
        Measure::None
        | Measure::RemoveMessage
        | Measure::Ban
        | Measure::EndLive
        | Measure::HideRoom
        | Measure::Suspend => Ok(None),
    }
}

fn is_operator(db: &mut impl Read, report: &Report) -> Result<bool, StoreError> {
    if report.person_kind == SpeakerKind::Guest {
        return Ok(false);
    }
    let known = person(db, PersonId(report.person))?;
    Ok(known.is_some_and(|person| person.role == Role::Operator))
}

fn refused(error: MeasureError) -> DecideError {
    match error {
        MeasureError::Store(error) => DecideError::Store(error),
        MeasureError::Protected => DecideError::Protected,
        MeasureError::Gone(what) => DecideError::Gone(what),
    }
}
