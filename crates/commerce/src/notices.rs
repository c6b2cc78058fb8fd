//! What a provider says, once its signature was verified. Read `hear` downward: one place leads every notice to
//! the story that it belongs to.
//!
//! Invariant: a notice counts once, whatever its order and delay. One that does not fit what it is about moves
//! nothing and is set aside, with the reason, for the operator ([`aside`]). The money of a payment that brings nothing
//! any more goes back by itself. A notice of a payment that is not settled yet waits for it.

pub mod aside;
mod sql;
#[cfg(test)]
mod tests;

use busk_base::Timestamp;
use busk_ledger::PostError;
use busk_store::{StoreError, Tx};

use crate::payments::{self, Order, Payment, Weighed};
use crate::providers::{About, Notice, PaymentNotice};
use crate::rules::Rules;
use crate::subscriptions::gifted;
use crate::tickets::{self, Brought};
use crate::{badges, coins, disputes, payouts, refunds, subscriptions};
use sql::Known;

/// What came of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// What was paid for is there.
    Settled,
    Declined,
    Expired,
    /// It changed the payout or the account that it is about.
    Taken,
    /// What was paid for is not there any more: the money goes back by itself.
    GivenBack,
    /// The payer has the money of a refund.
    Refunded,
    /// They do not, and all is where it was.
    RefundFailed,
    Disputed,
    DisputeWon,
    DisputeLost,
    /// It is of a payment that is not settled yet, and is heard when that is.
    Waiting,
    /// True, but it changes nothing: late, or out of order.
    Nothing,
    /// Heard before.
    Again,
    /// For the operator, with the reason.
    SetAside(&'static str),
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum HearError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the ledger refused: {0}")]
    Ledger(PostError),
}

impl From<PostError> for HearError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Store(error) => HearError::Store(error),
            other => HearError::Ledger(other),
        }
    }
}

/// Takes a provider's notice. Late, doubled and out-of-order notices are the normal case.
pub fn hear(
    tx: &mut Tx,
    provider: &'static str,
    notice: &Notice,
    rules: &Rules,
    now: Timestamp,
) -> Result<Heard, HearError> {
    if tx.find::<Known>(&notice.id)?.is_some() {
        return Ok(Heard::Again);
    }
    let heard = weigh(tx, provider, notice, rules, now)?;
    Known::add(tx, provider, notice, &heard, now)?;
    Ok(heard)
}

/// Leads a notice to its story.
fn weigh(
    tx: &mut Tx,
    provider: &str,
    notice: &Notice,
    rules: &Rules,
    now: Timestamp,
) -> Result<Heard, HearError> {
    match &notice.about {
        About::Payment(said) => of_payment(tx, provider, said, rules, now),
        About::Refund(said) => refunds::hear(tx, said, rules, now),
        About::Dispute(said) => disputes::hear(tx, provider, said, rules, now),
        About::Payout(said) => payouts::outcome::hear(tx, provider, said, rules, now),
        About::Account(said) => payouts::identity::hear(tx, provider, said).map_err(HearError::from),
    }
}

fn of_payment(
    tx: &mut Tx,
    provider: &str,
    said: &PaymentNotice,
    rules: &Rules,
    now: Timestamp,
) -> Result<Heard, HearError> {
    Ok(match payments::hear(tx, said, now)? {
        Weighed::Settled(payment) => {
            let heard = deliver(tx, &payment, rules, now)?;
            if let Some(charge) = &payment.charge {
                hear_waiting(tx, provider, charge, rules, now)?;
            }
            heard
        }
        Weighed::Declined => {
            subscriptions::renewal::declined(tx, said.payment)?;
            tickets::not_paid(tx, said.payment)?;
            Heard::Declined
        }
        Weighed::Expired => {
            tickets::not_paid(tx, said.payment)?;
            Heard::Expired
        }
        Weighed::Nothing => Heard::Nothing,
        Weighed::SetAside(why) => Heard::SetAside(why),
    })
}

/// Hears what waited for a payment.
fn hear_waiting(
    tx: &mut Tx,
    provider: &str,
    charge: &str,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), HearError> {
    for notice in sql::waiting_for(tx, provider, charge)? {
        let heard = weigh(tx, provider, &notice, rules, now)?;
        sql::heard_again(tx, &notice, &heard)?;
    }
    Ok(())
}

/// Gives what was paid for.
fn deliver(tx: &mut Tx, payment: &Payment, rules: &Rules, now: Timestamp) -> Result<Heard, HearError> {
    match payment.order {
        Order::Coins => coins::deliver(tx, payment, rules, now).map(|()| Heard::Settled),
        Order::Badge => badges::deliver(tx, payment, rules, now),
        Order::Subscription => subscriptions::deliver(tx, payment, rules, now),
        Order::GiftedSubscription => gifted::deliver(tx, payment, rules, now),
        Order::Ticket => match tickets::deliver(tx, payment, rules, now)? {
            Brought::Ticket => Ok(Heard::Settled),
            Brought::Nothing(why) => {
                refunds::by_rule(tx, payment, refunds::NOTHING_BROUGHT, why, rules, now)?;
                Ok(Heard::GivenBack)
            }
        },
    }
}
