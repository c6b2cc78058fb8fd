//! Money given back of a payment, by the payer's request or the operator's act. Read `ask` downward.
//!
//! Two steps: what was bought leaves together with the refund's row and a job that asks the provider, under the
//! refund's id; the provider's notice ends it. If the provider fails for good, a correcting posting puts back what
//! was taken.
//!
//! Invariant: of a payment no more is given back in all than was paid and was not disputed; of coins only those
//! that are still in the wallet.

mod http;
mod job;
mod schema;
mod sql;
#[cfg(test)]
mod tests;

use std::time::Duration;

use busk_base::{Amount, JobId, PaymentId, PersonId, PostingId, RefundId, Timestamp};
use busk_ledger::{Cause, Leg, PostError, Posting};
use busk_store::{StoreError, Tx, jobs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::*;
use crate::coins::lots::{self, Lot};
use crate::notices::{HearError, Heard};
use crate::payments::{self, Order, Payment, PaymentState};
use crate::providers::{ProviderError, RefundNotice, RefundSaid};
use crate::rules::Rules;
use crate::sales::{self, following};
use crate::subscriptions::gifted;
use crate::{badges, subscriptions, tickets};
pub use http::routes;
pub use job::ask_provider;
pub(crate) use schema::{MIGRATION, NOTES};
pub use sql::{Refund, of_payment};

/// The job that asks the provider for one refund.
pub const REFUND_JOB: &str = "commerce.refund";
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Where a refund is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RefundState {
    /// For the operator to decide.
    Requested,
    /// Taken from those who had it; the provider is asked.
    Granted,
    /// The payer has it.
    Done,
    /// The provider could not; all is where it was.
    Failed,
    Refused,
}

/// Who wants money given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Payer(PersonId),
    Operator(PersonId),
}

impl By {
    fn person(self) -> PersonId {
        match self {
            By::Payer(person) | By::Operator(person) => person,
        }
    }

    fn may(self, payment: &Payment) -> bool {
        match self {
            By::Payer(person) => payment.payer == person,
            By::Operator(_) => true,
        }
    }
}

/// A refund, as it is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Made by whoever asks; permanent.
    pub id: RefundId,
    pub payment: PaymentId,
    pub by: By,
    /// In the currency's minor unit; all that can be given back when nothing is said.
    pub amount: Option<i64>,
    pub reason: String,
}

/// Why no refund was asked for, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another refund")]
    IdReused(RefundId),
    #[error("there is no such payment")]
    PaymentUnknown,
    #[error("the payment is not paid")]
    NotPaid,
    #[error("a request for this payment waits for the operator already")]
    Waiting,
    #[error("nothing of it is left to be given back")]
    NothingLeft,
    #[error("an amount is positive, and whole coins")]
    Amount,
    #[error("at most {left} can be given back")]
    TooMuch { left: i64 },
    #[error("the ledger refused: {0}")]
    Ledger(PostError),
}

impl From<PostError> for AskError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Store(error) => AskError::Store(error),
            other => AskError::Ledger(other),
        }
    }
}

/// Asks for a refund. An operator's is granted at once, and so are unspent coins within the policy's days and tickets
/// long enough before their event; others wait for the operator. `job` is the one that would ask the provider.
pub fn ask(tx: &mut Tx, ask: &Ask, job: JobId, rules: &Rules, now: Timestamp) -> Result<Refund, AskError> {
    if let Some(past) = tx.find::<Refund>(&ask.id)? {
        return if past.is(ask) {
            Ok(past)
        } else {
            Err(AskError::IdReused(ask.id))
        };
    }
    let payment = tx
        .find::<Payment>(&ask.payment)?
        .filter(|payment| ask.by.may(payment));
    let payment = payment.ok_or(AskError::PaymentUnknown)?;
    if payment.state != PaymentState::Paid {
        return Err(AskError::NotPaid);
    }
    if matches!(ask.by, By::Payer(_)) && sql::is_waiting(tx, payment.id)? {
        return Err(AskError::Waiting);
    }
    let left = left(tx, &payment)?;
    if left == 0 {
        return Err(AskError::NothingLeft);
    }
    let amount = ask.amount.unwrap_or(left);
    if amount <= 0 || amount % smallest(tx, &payment)? != 0 {
        return Err(AskError::Amount);
    }
    if amount > left {
        return Err(AskError::TooMuch { left });
    }

    let refund = Refund::new(ask, amount, now);
    refund.clone().add(tx, Some(ask.by.person()), now);
    let by_rule = goes_by_rule(tx, &payment, rules, now)?;
    match ask.by {
        By::Payer(_) if !by_rule => Ok(refund),
        By::Payer(_) => Ok(grant(tx, refund, payment, None, job, rules, now)?),
        By::Operator(person) => Ok(grant(tx, refund, payment, Some(person), job, rules, now)?),
    }
}

/// Gives all back that is left of a payment, because a rule says so (`word` names it, once a payment): nobody asks.
pub(crate) fn by_rule(
    tx: &mut Tx,
    payment: &Payment,
    word: &str,
    reason: &str,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), PostError> {
    let amount = left(tx, payment)?;
    part_by_rule(tx, payment, amount, word, reason, rules, now)
}

/// As [`by_rule`], of a part.
pub(crate) fn part_by_rule(
    tx: &mut Tx,
    payment: &Payment,
    amount: i64,
    word: &str,
    reason: &str,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), PostError> {
    let id = ruled(payment.id, word);
    if amount == 0 || tx.find::<Refund>(&id)?.is_some() {
        return Ok(());
    }
    let ask = Ask {
        id,
        payment: payment.id,
        by: By::Payer(payment.payer),
        amount: None,
        reason: reason.to_owned(),
    };
    let refund = Refund::new(&ask, amount, now);
    refund.clone().add(tx, None, now);
    let job = JobId(following(id.0, "job").0);
    grant(tx, refund, payment.clone(), None, job, rules, now)?;
    Ok(())
}

/// What a payment brought nothing for is given back by this word.
pub(crate) const NOTHING_BROUGHT: &str = "nothing brought";

/// The refund that a rule gives of a payment.
fn ruled(payment: PaymentId, word: &str) -> RefundId {
    RefundId(following(payment.0, word).0)
}

/// Whether a payment is given back on request without asking anybody.
fn goes_by_rule(tx: &mut Tx, payment: &Payment, rules: &Rules, now: Timestamp) -> Result<bool, StoreError> {
    match payment.order {
        Order::Coins => Ok(is_fresh(payment, rules, now)),
        Order::Ticket => tickets::goes_back_on_request(tx, payment.id, &rules.policy, now),
        Order::Badge | Order::Subscription | Order::GiftedSubscription => Ok(false),
    }
}

/// Whether unspent coins of it are given back without asking anybody.
fn is_fresh(payment: &Payment, rules: &Rules, now: Timestamp) -> bool {
    let days = u32::try_from(rules.policy.refund_unspent_days).unwrap_or(u32::MAX);
    payment
        .settled_at
        .is_some_and(|settled| now <= settled + DAY.saturating_mul(days))
}

/// What can still be given back of a payment.
pub(crate) fn left(tx: &mut Tx, payment: &Payment) -> Result<i64, StoreError> {
    match payment.order {
        Order::Coins => {
            let order = lots::order(tx, payment)?;
            let unspent = lots::unspent(tx, payment, &order)?;
            Ok(payment.kept().min(unspent * lots::coin_price(payment, &order)))
        }
        Order::Badge | Order::Ticket | Order::Subscription | Order::GiftedSubscription => Ok(payment.kept()),
    }
}

/// What an amount is made of: a coin is not given back in parts.
fn smallest(tx: &mut Tx, payment: &Payment) -> Result<i64, StoreError> {
    match payment.order {
        Order::Coins => Ok(lots::coin_price(payment, &lots::order(tx, payment)?)),
        Order::Badge | Order::Ticket | Order::Subscription | Order::GiftedSubscription => Ok(1),
    }
}

/// The operator's answer to a request.
#[derive(Clone, Debug)]
pub struct Decision {
    pub refund: RefundId,
    pub operator: PersonId,
    pub grant: bool,
    /// For the payer to read.
    pub answer: String,
}

/// Why nothing was decided, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DecideError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such refund")]
    Unknown,
    #[error("it was decided before")]
    Decided,
    #[error("at most {left} can still be given back")]
    TooMuch { left: i64 },
    #[error("the ledger refused: {0}")]
    Ledger(PostError),
}

/// Grants or refuses a request.
pub fn decide(
    tx: &mut Tx,
    decision: &Decision,
    job: JobId,
    rules: &Rules,
    now: Timestamp,
) -> Result<Refund, DecideError> {
    let refund = tx.find::<Refund>(&decision.refund)?.ok_or(DecideError::Unknown)?;
    if refund.state != RefundState::Requested {
        return Err(DecideError::Decided);
    }
    let operator = Some(decision.operator);
    let answered = refund.change(|refund| refund.answer = Some(decision.answer.clone()));
    if !decision.grant {
        return Ok(answered.turn(tx, RefundState::Refused, operator, now)?);
    }
    let payment = paid(tx, answered.payment)?;
    let left = left(tx, &payment)?;
    if answered.amount > left {
        return Err(DecideError::TooMuch { left });
    }
    grant(tx, answered, payment, operator, job, rules, now).map_err(|error| match error {
        PostError::Store(error) => DecideError::Store(error),
        other => DecideError::Ledger(other),
    })
}

/// Takes what is given back from those who have it, and leaves the job that asks the provider.
fn grant(
    tx: &mut Tx,
    refund: Refund,
    payment: Payment,
    operator: Option<PersonId>,
    job: JobId,
    rules: &Rules,
    now: Timestamp,
) -> Result<Refund, PostError> {
    let posting = PostingId(refund.id.0);
    let lot = match payment.order {
        Order::Coins => take_coins(tx, &refund, &payment, rules, now)?,
        Order::Badge | Order::Ticket | Order::Subscription | Order::GiftedSubscription => {
            sales::take_back(tx, &payment, refund.amount, PSP_CLEARING, posting, rules, now)?;
            Lot::default()
        }
    };
    let payment = payments::gave_back(tx, payment, refund.amount);
    match payment.order {
        Order::Ticket if payment.kept() == 0 => tickets::given_back(tx, payment.id, refund.id.0, now)?,
        Order::Badge if payment.kept() == 0 => badges::given_back(tx, &payment, rules, now)?,
        Order::Coins | Order::Badge | Order::Ticket | Order::Subscription | Order::GiftedSubscription => {}
    }
    subscriptions::taken_back(tx, refund.payment, now)?;
    jobs::leave(tx, job, REFUND_JOB, job::body(refund.id)?, now);
    let granted = refund.change(|refund| {
        refund.coins = lot.coins;
        refund.promotional = lot.promotional;
    });
    Ok(granted.turn(tx, RefundState::Granted, operator, now)?)
}

/// Coins go back to where they came from, and their money to the provider (domain: refund).
fn take_coins(
    tx: &mut Tx,
    refund: &Refund,
    payment: &Payment,
    rules: &Rules,
    now: Timestamp,
) -> Result<Lot, PostError> {
    let order = lots::order(tx, payment)?;
    let coins = refund.amount / lots::coin_price(payment, &order);
    let lot = lots::lot(tx, payment, &order, coins)?;
    let payer = payment.payer;
    let [paid, promotional] = lot.moves(
        (wallet(payer), COIN_ISSUED),
        (wallet_promotional(payer), COIN_PROMOTED),
    );
    let money = (COIN_FLOAT, PSP_CLEARING, Amount::money(refund.amount, CURRENCY));
    let posting = Posting {
        id: PostingId(refund.id.0),
        cause: cause(refund),
        policy: rules.version,
        corrects: Some(PostingId(payment.id.0)),
        legs: Leg::moves([paid, promotional, money]),
    };
    busk_ledger::post(tx, &posting, now)?;
    lot.leave(tx, order);
    Ok(lot)
}

/// What the provider said to the asking itself. That it was asked is no word yet of what became of it; a refusal
/// is for good.
pub fn asked(
    tx: &mut Tx,
    id: RefundId,
    answer: &Result<(), ProviderError>,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), HearError> {
    let Err(ProviderError::Refused(why)) = answer else {
        return Ok(());
    };
    let refund = tx.find::<Refund>(&id)?;
    match refund.filter(|refund| refund.state == RefundState::Granted) {
        Some(refund) => fail(tx, refund, why, rules, now),
        None => Ok(()),
    }
}

/// Takes a notice's word for a refund.
pub(crate) fn hear(
    tx: &mut Tx,
    notice: &RefundNotice,
    rules: &Rules,
    now: Timestamp,
) -> Result<Heard, HearError> {
    let Some(refund) = tx.find::<Refund>(&notice.refund)? else {
        return Ok(Heard::SetAside("no such refund"));
    };
    if refund.amount != notice.amount {
        return Ok(Heard::SetAside("another amount"));
    }
    if notice.currency != CURRENCY.code() {
        return Ok(Heard::SetAside("another currency"));
    }
    match (notice.said, refund.state) {
        (_, RefundState::Requested | RefundState::Refused) => {
            Ok(Heard::SetAside("a refund that nobody was asked for"))
        }
        (RefundSaid::Succeeded, RefundState::Granted) => {
            refund.turn(tx, RefundState::Done, None, now)?;
            Ok(Heard::Refunded)
        }
        // A bank may send it back after all.
        (RefundSaid::Failed, RefundState::Granted | RefundState::Done) => {
            fail(tx, refund, "the provider says that it failed", rules, now)?;
            Ok(Heard::RefundFailed)
        }
        (RefundSaid::Succeeded, RefundState::Done) | (RefundSaid::Failed, RefundState::Failed) => {
            Ok(Heard::Nothing)
        }
        (RefundSaid::Succeeded, RefundState::Failed) => Ok(Heard::SetAside("succeeded after it had failed")),
    }
}

/// Puts back what was taken; it is for the operator to see.
fn fail(tx: &mut Tx, refund: Refund, why: &str, rules: &Rules, now: Timestamp) -> Result<(), HearError> {
    let payment = paid(tx, refund.payment)?;
    let id = following(refund.id.0, "failed");
    match payment.order {
        Order::Coins => put_coins_back(tx, &refund, &payment, id, rules, now)?,
        Order::Badge | Order::Ticket | Order::Subscription | Order::GiftedSubscription => {
            // Of months that nobody was found for, nobody gets anything.
            let delivered = refund.id != ruled(payment.id, gifted::NOBODY_FOUND);
            sales::put_back(tx, &payment, PostingId(refund.id.0), id, delivered, rules, now)?;
        }
    }
    let payment = payments::gave_back(tx, payment, -refund.amount);
    match payment.order {
        // It never was a ticket.
        Order::Ticket if refund.id == ruled(payment.id, NOTHING_BROUGHT) => {}
        Order::Ticket => tickets::given_again(tx, &payment, rules, now)?,
        Order::Badge => badges::given_again(tx, &payment, rules, now)?,
        Order::Coins | Order::Subscription | Order::GiftedSubscription => {}
    }
    subscriptions::given_again(tx, refund.payment)?;
    let failed = refund.change(|refund| refund.answer = Some(why.to_owned()));
    failed.turn(tx, RefundState::Failed, None, now)?;
    Ok(())
}

fn put_coins_back(
    tx: &mut Tx,
    refund: &Refund,
    payment: &Payment,
    id: PostingId,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), PostError> {
    let lot = Lot {
        coins: refund.coins,
        promotional: refund.promotional,
    };
    let payer = payment.payer;
    let [paid, promotional] = lot.moves(
        (COIN_ISSUED, wallet(payer)),
        (COIN_PROMOTED, wallet_promotional(payer)),
    );
    let money = (PSP_CLEARING, COIN_FLOAT, Amount::money(refund.amount, CURRENCY));
    let posting = Posting {
        id,
        cause: cause(refund),
        policy: rules.version,
        corrects: Some(PostingId(refund.id.0)),
        legs: Leg::moves([paid, promotional, money]),
    };
    busk_ledger::post(tx, &posting, now)?;
    let order = lots::order(tx, payment)?;
    lot.come_back(tx, order);
    Ok(())
}

fn cause(refund: &Refund) -> Cause {
    Cause {
        kind: "refund",
        id: refund.id.0,
    }
}

/// The payment of a refund's row, which was there when the row was written.
fn paid(tx: &mut Tx, id: PaymentId) -> Result<Payment, StoreError> {
    let payment = tx.find::<Payment>(&id)?;
    payment.ok_or_else(|| StoreError::Broken(format!("no payment {id} of a refund")))
}
