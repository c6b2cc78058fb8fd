//! What a payer owes: what a lost dispute took and nobody else had to give (domain: chargeback).
//!
//! Invariant: who owes buys nothing but coins, for at least what they owe, and those settle it before they can be
//! spent. A debt is never forgotten but by an operator's act, which is a posting of its own.

mod http;
#[cfg(test)]
mod tests;

use busk_base::{Amount, PersonId, Policy, PostingId, Timestamp};
use busk_ledger::{Cause, Leg, PostError, Posting};
use busk_store::{Insert, StoreError, Tx, Type, row};

use crate::accounts::*;
use crate::coins::CoinOrder;
use crate::coins::lots::{self, Lot};
use crate::payments::{NewPayment, Order, Payment};
use crate::rules::Rules;
use crate::sales::following;
pub use http::routes;

/// What a person owes, in the currency's minor unit.
pub fn owed(tx: &mut Tx, payer: PersonId) -> Result<i64, StoreError> {
    Ok(-busk_ledger::balance(tx, &payer_debt(payer))?)
}

/// Whether a payment to be begun would settle a debt, or as much of it as can be bought at once.
pub(crate) fn settles(new: &NewPayment, owed: i64, policy: &Policy) -> bool {
    let packs = policy.coin_packs.iter();
    let most = packs.map(|pack| pack.coins * policy.coin_price_cents).max();
    new.order == Order::Coins && new.price >= owed.min(most.unwrap_or(0))
}

/// Takes what is owed of coins that have just come.
pub(crate) fn settle(
    tx: &mut Tx,
    payment: &Payment,
    order: CoinOrder,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), PostError> {
    let payer = payment.payer;
    let price = lots::coin_price(payment, &order);
    let coins = (owed(tx, payer)? / price).min(order.coins);
    if coins == 0 {
        return Ok(());
    }
    let legs = [
        (wallet(payer), COIN_ISSUED, Amount::coins(coins)),
        (
            COIN_FLOAT,
            payer_debt(payer),
            Amount::money(coins * price, CURRENCY),
        ),
    ];
    let posting = Posting {
        id: following(payment.id.0, "debt"),
        cause: Cause {
            kind: "debt",
            id: payment.id.0,
        },
        policy: rules.version,
        corrects: None,
        legs: Leg::moves(legs),
    };
    busk_ledger::post(tx, &posting, now)?;
    let lot = Lot {
        coins,
        promotional: 0,
    };
    lot.leave(tx, order);
    Ok(())
}

/// An operator no longer asks for a debt, or for some of it.
#[derive(Clone, Debug)]
pub struct WriteOff {
    /// Made by the operator's page; permanent.
    pub id: PostingId,
    pub payer: PersonId,
    /// In the currency's minor unit.
    pub amount: i64,
    pub operator: PersonId,
    /// Why, for whoever looks later.
    pub note: String,
}

/// Only ever added to.
static WRITTEN: Insert = Insert {
    table: "debt_write_off",
    columns: &[
        ("id", Type::Blob),
        ("payer", Type::Blob),
        ("amount", Type::Int),
        ("who", Type::Blob),
        ("note", Type::Text),
        ("at", Type::Int),
    ],
};

/// Why nothing was written off, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteOffError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another posting")]
    IdReused(PostingId),
    #[error("they owe {owed}")]
    TooMuch { owed: i64 },
    #[error("the ledger refused: {0}")]
    Ledger(PostError),
}

/// Writes a debt off: the platform pays it.
pub fn write_off(tx: &mut Tx, wanted: &WriteOff, rules: &Rules, now: Timestamp) -> Result<(), WriteOffError> {
    let owed = owed(tx, wanted.payer)?;
    let debt = payer_debt(wanted.payer);
    let posting = Posting {
        id: wanted.id,
        cause: Cause {
            kind: "write_off",
            id: wanted.payer.0,
        },
        policy: rules.version,
        corrects: None,
        legs: Leg::moves([(WRITTEN_OFF, debt, Amount::money(wanted.amount, CURRENCY))]),
    };
    // A retry finds the debt gone: what was posted before answers first.
    let again = !busk_ledger::transfers_of(tx, wanted.id)?.is_empty();
    if !again && !(1..=owed).contains(&wanted.amount) {
        return Err(WriteOffError::TooMuch { owed });
    }
    busk_ledger::post(tx, &posting, now).map_err(|error| match error {
        PostError::Store(error) => WriteOffError::Store(error),
        PostError::IdReused(id) => WriteOffError::IdReused(id),
        other => WriteOffError::Ledger(other),
    })?;
    if !again {
        let note = wanted.note.as_str();
        tx.insert(
            &WRITTEN,
            row![wanted.id, wanted.payer, wanted.amount, wanted.operator, note, now],
        );
    }
    Ok(())
}
