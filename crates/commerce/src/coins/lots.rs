//! Coins that leave the wallet they were bought into: given back, frozen, or gone for a debt.
//!
//! Invariant: of a purchase no more coins leave than it brought, of either lot; what is spent cannot leave. Its
//! promotional coins go pro rata with the paid ones, as far as they are still there.

use busk_base::Amount;
use busk_ledger::AccountRef;
use busk_store::{StoreError, Tx};

use super::CoinOrder;
use crate::accounts::*;
use crate::payments::Payment;

/// Coins of one purchase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lot {
    pub coins: i64,
    pub promotional: i64,
}

/// What a payment brought.
pub(crate) fn order(tx: &mut Tx, payment: &Payment) -> Result<CoinOrder, StoreError> {
    let order = tx.find::<CoinOrder>(&payment.id)?;
    order.ok_or_else(|| StoreError::Broken(format!("no coins were ordered by {}", payment.id)))
}

/// What one coin of a purchase cost, in the currency's minor unit.
pub(crate) fn coin_price(payment: &Payment, order: &CoinOrder) -> i64 {
    payment.price / order.coins
}

/// How many paid coins of a purchase are in the wallet still.
pub(crate) fn unspent(tx: &mut Tx, payment: &Payment, order: &CoinOrder) -> Result<i64, StoreError> {
    let has = busk_ledger::balance(tx, &wallet(payment.payer))?;
    Ok(has.min(order.coins - order.coins_back))
}

/// So many paid coins of a purchase, with the promotional ones that go with them. Rounded over all that has left,
/// so that the last coin takes the last promotional one.
pub(crate) fn lot(tx: &mut Tx, payment: &Payment, order: &CoinOrder, coins: i64) -> Result<Lot, StoreError> {
    let gone = i128::from(order.coins_back + coins);
    let due = i128::from(order.promotional) * gone / i128::from(order.coins);
    let due = i64::try_from(due).expect("a part of the promotional coins is no more than all of them");
    let has = busk_ledger::balance(tx, &wallet_promotional(payment.payer))?;
    Ok(Lot {
        coins,
        promotional: (due - order.promotional_back).min(has),
    })
}

impl Lot {
    /// Notes that it has left the purchase.
    pub(crate) fn leave(self, tx: &mut Tx, order: CoinOrder) {
        CoinOrder {
            coins_back: order.coins_back + self.coins,
            promotional_back: order.promotional_back + self.promotional,
            ..order
        }
        .save(tx);
    }

    /// Notes that it is the purchase's again.
    pub(crate) fn come_back(self, tx: &mut Tx, order: CoinOrder) {
        CoinOrder {
            coins_back: order.coins_back - self.coins,
            promotional_back: order.promotional_back - self.promotional,
            ..order
        }
        .save(tx);
    }

    /// Transfers of it, paid coins from the first pair of accounts to each other, promotional ones by the second.
    pub(crate) fn moves(
        self,
        paid: (AccountRef, AccountRef),
        promotional: (AccountRef, AccountRef),
    ) -> [(AccountRef, AccountRef, Amount); 2] {
        [
            (paid.0, paid.1, Amount::coins(self.coins)),
            (promotional.0, promotional.1, Amount::coins(self.promotional)),
        ]
    }
}
