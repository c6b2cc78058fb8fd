//! Coins: packs, buying them, and what a person has of them.
//!
//! Two lots: coins that were paid for, with money behind them; and promotional ones, which come with larger packs,
//! are spent first, and are worth nothing to redeem (domain: buy coins).

mod http;
pub(crate) mod lots;
mod sql;
#[cfg(test)]
mod tests;

use busk_base::{Amount, PaymentId, PersonId, PostingId, Timestamp};
use busk_ledger::{Cause, Leg, PostError, Posting};
use busk_store::{Read, StoreError, Tx};

use crate::accounts::*;
use crate::debts;
use crate::notices::HearError;
use crate::payments::{self, BeginError, NewPayment, Order, Payment};
use crate::rules::Rules;
pub use http::routes;
pub use sql::{CoinOrder, order};

/// A purchase to be begun.
#[derive(Clone, Debug)]
pub struct Buy {
    /// Made by the client; permanent.
    pub id: PaymentId,
    pub person: PersonId,
    /// A code of the policy's packs.
    pub pack: String,
    pub provider: &'static str,
}

/// A purchase as it stands.
pub type Purchase = payments::Purchase<CoinOrder>;

/// Why no purchase was begun, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BuyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another payment")]
    IdReused(PaymentId),
    #[error("there is no such pack")]
    PackUnknown,
    #[error(transparent)]
    Begin(BeginError),
}

/// Begins a purchase: nothing moves until the provider says that it is settled.
pub fn buy(tx: &mut Tx, buy: &Buy, rules: &Rules, now: Timestamp) -> Result<Purchase, BuyError> {
    if let Some(payment) = tx.find::<Payment>(&buy.id)? {
        let order = tx.find::<CoinOrder>(&buy.id)?;
        return match order.filter(|order| payment.payer == buy.person && order.pack == buy.pack) {
            Some(order) => Ok(Purchase {
                payment,
                order,
                new: false,
            }),
            None => Err(BuyError::IdReused(buy.id)),
        };
    }
    let packs = &rules.policy.coin_packs;
    let pack = packs.iter().find(|pack| pack.code() == buy.pack);
    let pack = pack.ok_or(BuyError::PackUnknown)?;
    let new = NewPayment {
        id: buy.id,
        payer: buy.person,
        order: Order::Coins,
        price: pack.coins * rules.policy.coin_price_cents,
        provider: buy.provider,
    };
    let payment = payments::begin(tx, &new, &rules.policy, now).map_err(BuyError::Begin)?;

    let order = CoinOrder {
        payment: buy.id,
        pack: buy.pack.clone(),
        coins: pack.coins,
        promotional: pack.promotional,
        coins_back: 0,
        promotional_back: 0,
    };
    order.clone().add(tx);
    Ok(Purchase {
        payment,
        order,
        new: true,
    })
}

/// The payment is settled: the money comes to the float, the coins to the wallet.
pub(crate) fn deliver(
    tx: &mut Tx,
    payment: &Payment,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), HearError> {
    let order = tx.find::<CoinOrder>(&payment.id)?;
    let order =
        order.ok_or_else(|| StoreError::Broken(format!("no coins were ordered by {}", payment.id)))?;
    post(tx, payment, &order, rules, now)?;
    debts::settle(tx, payment, order, rules, now)?;
    Ok(())
}

fn post(
    tx: &mut Tx,
    payment: &Payment,
    order: &CoinOrder,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), PostError> {
    let money = Amount::money(payment.price, CURRENCY);
    let promotional = Amount::coins(order.promotional);
    let legs = [
        (PSP_CLEARING, COIN_FLOAT, money),
        (COIN_ISSUED, wallet(payment.payer), Amount::coins(order.coins)),
        (COIN_PROMOTED, wallet_promotional(payment.payer), promotional),
    ];
    let posting = Posting {
        id: PostingId(payment.id.0),
        cause: Cause {
            kind: "coin_purchase",
            id: payment.id.0,
        },
        policy: rules.version,
        corrects: None,
        legs: Leg::moves(legs),
    };
    busk_ledger::post(tx, &posting, now).map(|_| ())
}

/// A person's coins, of both lots.
pub fn balance(db: &mut impl Read, person: PersonId) -> Result<i64, StoreError> {
    let paid = busk_ledger::balance_of(db, &wallet(person))?;
    Ok(paid + busk_ledger::balance_of(db, &wallet_promotional(person))?)
}
