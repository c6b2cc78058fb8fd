//! A payout: a creator's money on its way to their bank. Read `request` downward; [`approval`] lets it go,
//! [`transfer`] or a [`batch`] sends it, [`outcome`] hears what became of it.
//!
//! ```text
//!   requested ─► approved ─► sent ─► paid ─► returned
//!       │            │         │
//!       └ cancelled ◄┘         └──► failed
//! ```
//!
//! Invariant: the money of a payout leaves `earnings.available` once, when it is asked for, and is then in transit,
//! at the bank, or back where it was; each step is one posting, named after the payout. Every act is kept with who
//! and when, and none is ever changed.

pub mod approval;
pub mod bank;
pub mod batch;
mod desk;
mod http;
pub mod identity;
pub mod outcome;
pub(crate) mod schema;
mod setting;
mod sql;
mod standing;
#[cfg(test)]
mod tests;
pub mod transfer;

use busk_api::Site;
use busk_base::{ChannelId, JobId, PayoutId, PersonId, Timestamp};
use busk_ledger::{AccountRef, Cause, PostError, Posting};
use busk_people::Confirmation;
use busk_rooms::restream::SealingKey;
use busk_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::*;
use crate::earnings::settle_debt;
use crate::payments::Till;
use crate::providers::Identity;
use crate::rules::Rules;
use crate::sales::{following, money_moves};
pub use desk::routes as desk_routes;
pub use http::routes;
pub use setting::{Method, Setting, channels_monthly, monthly};
pub use sql::{Act, Payee, Payout};

/// What payouts need: the site, its providers, the key that bank details are sealed with, and who asks for passwords
/// again. Clones share them.
#[derive(Clone)]
pub struct Payouts {
    till: Till,
    sealing: SealingKey,
    confirmation: Confirmation,
}

impl Payouts {
    pub fn new(till: Till, sealing: SealingKey) -> Self {
        Self {
            till,
            sealing,
            confirmation: Confirmation::default(),
        }
    }

    fn site(&self) -> &Site {
        self.till.site()
    }
}

impl axum::extract::FromRef<Payouts> for Site {
    fn from_ref(payouts: &Payouts) -> Self {
        payouts.site().clone()
    }
}

/// Where a payout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PayoutState)]
pub enum PayoutState {
    Requested,
    Approved,
    Sent,
    Paid,
    Failed,
    /// The bank sent it back.
    Returned,
    Cancelled,
}

/// A creator wants their money.
#[derive(Clone, Debug)]
pub struct Request {
    /// Made by the creator; permanent.
    pub id: PayoutId,
    pub channel: ChannelId,
    pub owner: PersonId,
    /// In the currency's minor unit.
    pub amount: i64,
    /// Nobody when it is the month's.
    pub by: Option<PersonId>,
}

/// Why nothing was asked for, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RequestError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("This id was used for another payout")]
    IdReused(PayoutId),
    #[error("Less than the least that is paid out")]
    BelowMinimum(i64),
    #[error("Say first that you are 18 or older (POST /api/v1/me/adult)")]
    AgeUndeclared,
    #[error("Say first where the money goes")]
    MethodMissing,
    #[error("Your identity is not verified")]
    IdentityUnverified,
    #[error("Money is owed, and settled from what comes in first")]
    InDebt,
    #[error("Less money is available")]
    InsufficientFunds,
    #[error("the ledger refused: {0}")]
    Ledger(PostError),
}

impl From<PostError> for RequestError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Store(error) => RequestError::Store(error),
            other => RequestError::Ledger(other),
        }
    }
}

/// Asks for a payout: the money is in transit from now on (domain: payout, pending).
pub fn request(tx: &mut Tx, wanted: &Request, rules: &Rules, now: Timestamp) -> Result<Payout, RequestError> {
    // First, so that a retry beats every later refusal.
    if let Some(past) = tx.find::<Payout>(&wanted.id)? {
        let same = past.channel == wanted.channel && past.amount == wanted.amount;
        return if same {
            Ok(past)
        } else {
            Err(RequestError::IdReused(wanted.id))
        };
    }
    let minimum = rules.policy.payout_min_cents.max(1);
    if wanted.amount < minimum {
        return Err(RequestError::BelowMinimum(minimum));
    }
    if !busk_people::adult::has_declared(tx, wanted.owner)? {
        return Err(RequestError::AgeUndeclared);
    }
    let account = identity::account_of(tx, wanted.channel)?;
    let setting = Setting::of(tx, wanted.channel)?;
    let payee = setting
        .payee(account.as_ref())
        .ok_or(RequestError::MethodMissing)?;
    if !account.is_some_and(|account| account.identity == Identity::Verified) {
        return Err(RequestError::IdentityUnverified);
    }
    if busk_ledger::balance(tx, &debt(wanted.channel))? < 0 {
        return Err(RequestError::InDebt);
    }
    if busk_ledger::balance(tx, &earnings_available(wanted.channel))? < wanted.amount {
        return Err(RequestError::InsufficientFunds);
    }

    let payout = Payout {
        id: wanted.id,
        channel: wanted.channel,
        amount: wanted.amount,
        currency: CURRENCY.code().to_owned(),
        payee,
        state: PayoutState::Requested,
        reason: None,
        batch: None,
        acts: 0,
        requested_at: now,
        changed_at: now,
    };
    let from = earnings_available(payout.channel);
    let to = earnings_in_transit(payout.channel);
    post(tx, &payout, Step::Request, &[(from, to)], rules, now)?;
    payout.clone().add(tx);
    Ok(payout.act(tx, Act::Request, wanted.by, None, now))
}

/// Why nothing was cancelled, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CancelError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("There is no such payout of yours")]
    PayoutUnknown,
    #[error("It is on its way already")]
    TooLate(PayoutState),
    #[error("the ledger refused: {0}")]
    Ledger(PostError),
}

impl From<PostError> for CancelError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Store(error) => CancelError::Store(error),
            other => CancelError::Ledger(other),
        }
    }
}

/// The creator wants it no longer; what is cancelled stays so.
pub fn cancel(
    tx: &mut Tx,
    id: PayoutId,
    channel: ChannelId,
    by: PersonId,
    rules: &Rules,
    now: Timestamp,
) -> Result<Payout, CancelError> {
    let payout = tx.find::<Payout>(&id)?.ok_or(CancelError::PayoutUnknown)?;
    if payout.channel != channel {
        return Err(CancelError::PayoutUnknown);
    }
    match payout.state {
        PayoutState::Cancelled => return Ok(payout),
        PayoutState::Requested => {}
        PayoutState::Approved
        | PayoutState::Sent
        | PayoutState::Paid
        | PayoutState::Failed
        | PayoutState::Returned => {
            return Err(CancelError::TooLate(payout.state));
        }
    }

    void(tx, &payout, rules, now)?;
    Ok(payout
        .becomes(PayoutState::Cancelled)
        .act(tx, Act::Cancel, Some(by), None, now))
}

/// What a posting of a payout is for; with the payout's id it is the posting's id.
#[derive(Clone, Copy)]
enum Step {
    Request,
    Void,
    Paid,
    Returned,
}

impl Step {
    fn word(self) -> &'static str {
        match self {
            Step::Request => "payout",
            Step::Void => "payout_void",
            Step::Paid => "payout_paid",
            Step::Returned => "payout_returned",
        }
    }

    /// The step that it takes back.
    fn corrects(self) -> Option<Self> {
        match self {
            Step::Request | Step::Paid => None,
            Step::Void => Some(Step::Request),
            Step::Returned => Some(Step::Paid),
        }
    }
}

/// Moves a payout's money, all of it.
fn post(
    tx: &mut Tx,
    payout: &Payout,
    step: Step,
    moves: &[(AccountRef, AccountRef)],
    rules: &Rules,
    now: Timestamp,
) -> Result<(), PostError> {
    let id = |step: Step| following(payout.id.0, step.word());
    let legs = moves.iter().map(|(from, to)| (*from, *to, payout.amount));
    let posting = Posting {
        id: id(step),
        cause: Cause {
            kind: step.word(),
            id: payout.id.0,
        },
        policy: rules.version,
        corrects: step.corrects().map(id),
        legs: money_moves(legs),
    };
    busk_ledger::post(tx, &posting, now).map(|_| ())
}

/// The money is where it was before the request (domain: payout, failed); what is owed is settled from it.
fn void(tx: &mut Tx, payout: &Payout, rules: &Rules, now: Timestamp) -> Result<(), PostError> {
    let from = earnings_in_transit(payout.channel);
    let to = earnings_available(payout.channel);
    post(tx, payout, Step::Void, &[(from, to)], rules, now)?;
    let voided = following(payout.id.0, Step::Void.word());
    settle_debt(tx, payout.channel, voided, rules, now).map(|_| ())
}

/// The job that a payout leaves; the same for the same payout.
fn job_of(payout: PayoutId) -> JobId {
    JobId(following(payout.0, "payout_transfer").0)
}
