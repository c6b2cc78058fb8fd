//! A payment: money that a person owes for one order, taken by a provider. Of every order the same holds, so
//! it stands here; what an order brings stands with it (`coins`, `badges` …).
//!
//! Invariant: a payment is settled at most once, and only by a notice whose amount, currency, payer and checkout
//! are its own; any other notice is set aside and moves nothing. No more is given back than was paid.

mod history;
mod http;
mod receipt;
mod sql;
#[cfg(test)]
mod tests;
mod till;

use std::time::Duration;

use busk_base::{PaymentId, PersonId, Policy, Timestamp};
use busk_store::{Read, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::CURRENCY;
use crate::caps::{self, Reached};
use crate::debts;
use crate::providers::{PaymentNotice, PaymentSaid};
pub use history::{Before, Entry, entry, payments_of};
pub use http::routes;
pub use sql::{Payment, any_by, payment};
pub use till::{Money, Provider, Till};
pub(crate) use till::{begin_problem, page_of_ours, provider_problem};

/// How long a provider's page can be paid at.
pub const CHECKOUT_LASTS: Duration = Duration::from_secs(3_600);
const HOUR: Duration = Duration::from_secs(3_600);

/// What is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    Coins,
    Badge,
    Ticket,
    Subscription,
    /// Months as a member, for others.
    GiftedSubscription,
}

/// Where a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PaymentState {
    Pending,
    Paid,
    Declined,
    /// The page can no longer be paid at.
    Expired,
}

/// A payment to be begun.
#[derive(Clone, Debug)]
pub struct NewPayment {
    /// Made by the payer; permanent.
    pub id: PaymentId,
    pub payer: PersonId,
    pub order: Order,
    /// In the currency's minor unit.
    pub price: i64,
    pub provider: &'static str,
}

/// A purchase as it stands: what is paid, and what for.
#[derive(Clone, Debug, PartialEq)]
pub struct Purchase<O> {
    pub payment: Payment,
    pub order: O,
    /// Whether it was begun just now.
    pub new: bool,
}

/// Why no payment was begun, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BeginError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the payer has not said that they are 18 or older")]
    AgeUndeclared,
    /// Only coins, for at least what is owed, may be bought: they settle it first.
    #[error("the payer owes {owed} of a lost dispute")]
    InDebt { owed: i64 },
    #[error("the payer's own spending cap is reached")]
    CapReached(Reached),
    #[error("too many payments, or too many declined cards, in an hour")]
    TooMany,
}

/// Begins a payment that was not begun before: nothing moves until the provider says that it is settled.
pub fn begin(tx: &mut Tx, new: &NewPayment, policy: &Policy, now: Timestamp) -> Result<Payment, BeginError> {
    if !busk_people::adult::has_declared(tx, new.payer)? {
        return Err(BeginError::AgeUndeclared);
    }
    let owed = debts::owed(tx, new.payer)?;
    if owed > 0 && !debts::settles(new, owed, policy) {
        return Err(BeginError::InDebt { owed });
    }
    if let Some(reached) = caps::over(tx, new.payer, new.price, now)? {
        return Err(BeginError::CapReached(reached));
    }
    let (begun, declined) = sql::begun_since(tx, new.payer, now - HOUR)?;
    if begun >= i64::from(policy.payments_per_hour_max) || declined >= i64::from(policy.declines_per_hour_max)
    {
        return Err(BeginError::TooMany);
    }
    let payment = Payment {
        id: new.id,
        payer: new.payer,
        order: new.order,
        price: new.price,
        currency: CURRENCY.code().to_owned(),
        provider: new.provider.to_owned(),
        checkout: None,
        checkout_url: None,
        state: PaymentState::Pending,
        charge: None,
        method: None,
        country: None,
        refunded: 0,
        disputed: 0,
        created_at: now,
        expires_at: now + CHECKOUT_LASTS,
        settled_at: None,
    };
    payment.clone().add(tx);
    Ok(payment)
}

/// Where the payment can be made, once the provider has opened its page.
pub fn opened(tx: &mut Tx, id: PaymentId, checkout: &str, url: &str) -> Result<Payment, StoreError> {
    let payment = tx
        .find::<Payment>(&id)?
        .ok_or_else(|| StoreError::Broken(format!("no payment {id} to be made")))?;
    Ok(payment
        .change(|payment| {
            payment.checkout = Some(checkout.to_owned());
            payment.checkout_url = Some(url.to_owned());
        })
        .save(tx))
}

/// What a notice about a payment does to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Weighed {
    /// It is paid, just now.
    Settled(Box<Payment>),
    Declined,
    Expired,
    /// True, but it changes nothing: late, or out of order.
    Nothing,
    /// It does not fit the payment: for the operator, with the reason.
    SetAside(&'static str),
}

/// Takes a notice's word for the payment's state; moves no money.
pub fn hear(tx: &mut Tx, notice: &PaymentNotice, now: Timestamp) -> Result<Weighed, StoreError> {
    let Some(payment) = tx.find::<Payment>(&notice.payment)? else {
        return Ok(Weighed::SetAside("no such payment"));
    };
    if let Some(why) = misfit(&payment, notice) {
        return Ok(Weighed::SetAside(why));
    }
    let country = match (&notice.country, &notice.method) {
        (Some(country), _) => Some(country.clone()),
        // Of a renewal it is not said again: it is charged to what was kept at a payment of which it was.
        (None, Some(method)) => sql::country_of(tx, &payment, method)?,
        (None, None) => None,
    };
    let becomes = |payment: Payment, state| {
        payment.change(|payment| {
            payment.state = state;
            payment.settled_at = Some(now);
            payment.charge = notice.charge.clone().or(payment.charge.take());
            payment.method = notice.method.clone().or(payment.method.take());
            payment.country = country.or(payment.country.take());
        })
    };
    Ok(match (notice.said, payment.state) {
        (PaymentSaid::Settled, PaymentState::Pending | PaymentState::Expired) => {
            Weighed::Settled(Box::new(becomes(payment, PaymentState::Paid).save(tx)))
        }
        (PaymentSaid::Declined, PaymentState::Pending | PaymentState::Expired) => {
            becomes(payment, PaymentState::Declined).save(tx);
            Weighed::Declined
        }
        (PaymentSaid::Expired, PaymentState::Pending) => {
            becomes(payment, PaymentState::Expired).save(tx);
            Weighed::Expired
        }
        (PaymentSaid::Settled, PaymentState::Declined) => Weighed::SetAside("settled after it was declined"),
        (PaymentSaid::Declined, PaymentState::Paid) => Weighed::SetAside("declined after it was settled"),
        (PaymentSaid::Settled, PaymentState::Paid)
        | (PaymentSaid::Declined, PaymentState::Declined)
        | (PaymentSaid::Expired | PaymentSaid::Pending, _) => Weighed::Nothing,
    })
}

/// The provider refused at once to take a renewal.
pub(crate) fn refused(tx: &mut Tx, id: PaymentId, now: Timestamp) -> Result<(), StoreError> {
    let payment = tx.find::<Payment>(&id)?;
    if let Some(payment) = payment.filter(|payment| payment.state == PaymentState::Pending) {
        let declined = payment.change(|payment| {
            payment.state = PaymentState::Declined;
            payment.settled_at = Some(now);
        });
        declined.save(tx);
    }
    Ok(())
}

/// What of the notice is not the payment's.
fn misfit(payment: &Payment, notice: &PaymentNotice) -> Option<&'static str> {
    // A renewal has no page; where there is one, it is named.
    let elsewhere = notice.checkout.is_some() && notice.checkout != payment.checkout;
    let mismatch = [
        (
            elsewhere || (notice.checkout.is_none() && payment.checkout.is_some()),
            "another checkout",
        ),
        (payment.payer != notice.payer, "another payer"),
        (payment.price != notice.amount, "another amount"),
        (payment.currency != notice.currency, "another currency"),
    ];
    mismatch.into_iter().find(|(wrong, _)| *wrong).map(|(_, why)| why)
}

impl Payment {
    /// What of the price was neither given back nor disputed.
    pub fn kept(&self) -> i64 {
        self.price - self.refunded - self.disputed
    }
}

/// The payment that a provider knows by this name of its charge.
pub(crate) fn by_charge(tx: &mut Tx, provider: &str, charge: &str) -> Result<Option<Payment>, StoreError> {
    sql::by_charge(tx, provider, charge)
}

/// Notes that so much more of it was given back; negative: that it was not, after all. The caller has seen to it
/// that this is not too much, and the database sees to it again.
pub(crate) fn gave_back(tx: &mut Tx, payment: Payment, amount: i64) -> Payment {
    debug_assert!(amount <= payment.kept());
    payment.change(|payment| payment.refunded += amount).save(tx)
}

/// Notes that the payer's bank has taken so much of it; negative: that it gave it again.
pub(crate) fn disputed(tx: &mut Tx, payment: Payment, amount: i64) -> Payment {
    debug_assert!(amount <= payment.kept());
    payment.change(|payment| payment.disputed += amount).save(tx)
}

/// What a person has paid, or may still pay, since a moment.
pub(crate) fn spent(
    db: &mut impl Read,
    person: PersonId,
    since: Timestamp,
    now: Timestamp,
) -> Result<i64, StoreError> {
    sql::spent(db, person, since, now)
}
