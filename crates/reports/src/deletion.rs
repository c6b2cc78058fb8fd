//! Somebody deletes their account (Regulation (EU) 2016/679, Article 17). Read [`ask`], then [`erase`] downward.
//!
//! What is owed, either way, is settled first; so is a live ended. From then on the account is shut, and can be kept for
//! 14 days; then everything that says who its person was is erased, as each crate says of its own tables
//! ([`own`](crate::own)). The books stay, under an id that names nobody.
//!
//! Invariant: an account is not erased while anything stands against it, which is looked at in the transaction that asks
//! and again in the one that begins to erase.

mod erase;
mod http;
#[cfg(test)]
mod tests;

use busk_base::{PersonId, Timestamp};
use busk_commerce::leaving::{self, Owing};
use busk_commerce::{coins, subscriptions};
use busk_people::deletion::{self, Deletion};
use busk_people::{Role, person};
use busk_store::{Read, StoreError, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

pub use erase::{EraseError, beat};
pub(crate) use http::routes;

/// What stands against an account being deleted, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeletionAgainst)]
pub enum Against {
    /// Diamonds or money of a channel of theirs: pending, held or to be paid out.
    EarningsLeft,
    PayoutUnderWay,
    /// They owe something, or a channel of theirs does.
    DebtOpen,
    DisputeOpen,
    RefundPending,
    PaymentPending,
    /// For an event of theirs that is not settled.
    TicketsSold,
    /// Somebody is a member of a channel of theirs, by having paid.
    SubscribersLeft,
    /// Months for others, paid for and not handed out.
    MonthsNotGiven,
    /// Nobody else runs the site.
    LastOperator,
    /// A live or a hangout of theirs is open.
    OnAir,
}

impl Against {
    pub fn word(self) -> &'static str {
        match self {
            Against::EarningsLeft => "earnings_left",
            Against::PayoutUnderWay => "payout_under_way",
            Against::DebtOpen => "debt_open",
            Against::DisputeOpen => "dispute_open",
            Against::RefundPending => "refund_pending",
            Against::PaymentPending => "payment_pending",
            Against::TicketsSold => "tickets_sold",
            Against::SubscribersLeft => "subscribers_left",
            Against::MonthsNotGiven => "months_not_given",
            Against::LastOperator => "last_operator",
            Against::OnAir => "on_air",
        }
    }

    fn said(self) -> &'static str {
        match self {
            Against::EarningsLeft => "A channel of yours has earnings that are not paid out",
            Against::PayoutUnderWay => "A payout is under way",
            Against::DebtOpen => "Something is owed",
            Against::DisputeOpen => "A bank's objection to a payment is not decided",
            Against::RefundPending => "A refund is not done",
            Against::PaymentPending => "A payment is under way",
            Against::TicketsSold => "Tickets are sold for an event of yours that is not settled",
            Against::SubscribersLeft => "People have paid to be members of your channel",
            Against::MonthsNotGiven => "Months for others are not handed out",
            Against::LastOperator => "Nobody else runs the site",
            Against::OnAir => "A live of yours is open",
        }
    }
}

impl From<Owing> for Against {
    fn from(owing: Owing) -> Self {
        match owing {
            Owing::Earnings => Against::EarningsLeft,
            Owing::Payout => Against::PayoutUnderWay,
            Owing::Debt => Against::DebtOpen,
            Owing::Dispute => Against::DisputeOpen,
            Owing::Refund => Against::RefundPending,
            Owing::Payment => Against::PaymentPending,
            Owing::Tickets => Against::TicketsSold,
            Owing::Subscribers => Against::SubscribersLeft,
            Owing::GivenMonths => Against::MonthsNotGiven,
        }
    }
}

/// Why an account is not to be deleted, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such person")]
    PersonUnknown,
    #[error("{}", .0.said())]
    Against(Against),
    #[error("there are {0} coins, and another number was given up")]
    Coins(i64),
}

/// Asks to delete an account; once more is no error and changes nothing. `coins` are given up by naming how many they are.
pub fn ask(tx: &mut Tx, whose: PersonId, coins: i64, now: Timestamp) -> Result<Deletion, AskError> {
    if let Some(asked) = deletion::of(tx, whose)? {
        return Ok(asked);
    }
    if person(tx, whose)?.is_none() {
        return Err(AskError::PersonUnknown);
    }
    if let Some(first) = against(tx, whose, now)?.first() {
        return Err(AskError::Against(*first));
    }
    let have = coins::balance(tx, whose)?;
    if have != coins {
        return Err(AskError::Coins(have));
    }

    subscriptions::cancel_all(tx, whose)?;
    Ok(deletion::ask(tx, whose, coins, now)?)
}

/// All that stands against it.
pub fn against(db: &mut impl Read, whose: PersonId, now: Timestamp) -> Result<Vec<Against>, StoreError> {
    let owing = leaving::owing(db, whose, now)?;
    let mut against: Vec<Against> = owing.into_iter().map(Against::from).collect();
    let operator = person(db, whose)?.is_some_and(|person| person.role == Role::Operator);
    if operator && !deletion::other_operators(db, whose, now)? {
        against.push(Against::LastOperator);
    }
    let open = db.row(
        "SELECT 1 FROM room r JOIN channel c ON c.id = r.channel \
         WHERE c.owner = $1 AND r.state IN ('lobby', 'live', 'interrupted', 'hangout') LIMIT 1",
        params![whose],
    )?;
    if open.is_some() {
        against.push(Against::OnAir);
    }
    Ok(against)
}
