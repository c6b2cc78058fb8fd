//! Coins: packs, buying them, and the settled notice that alone brings them.
//!
//! Invariant: a purchase is settled at most once, and only by a notice whose amount, currency, payer and
//! order are those of the purchase; any other notice is set aside and moves nothing.

mod http;
mod sql;
#[cfg(test)]
mod tests;

use std::time::Duration;

use busk_base::{Amount, PersonId, PolicyVersion, PostingId, PurchaseId, Timestamp};
use busk_ledger::{Cause, Leg, PostError, Posting};
use busk_store::{Read, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::*;
use crate::caps::{self, Reached};
pub use http::routes;
use sql::Notice;
pub use sql::{Purchase, purchase};

/// A number of coins for a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pack {
    pub code: &'static str,
    pub coins: i64,
}

impl Pack {
    /// In the currency's minor unit.
    pub fn price(&self, coin_price_cents: i64) -> i64 {
        self.coins * coin_price_cents
    }
}

pub static PACKS: [Pack; 5] = [
    Pack {
        code: "coins-70",
        coins: 70,
    },
    Pack {
        code: "coins-350",
        coins: 350,
    },
    Pack {
        code: "coins-1400",
        coins: 1_400,
    },
    Pack {
        code: "coins-7000",
        coins: 7_000,
    },
    Pack {
        code: "coins-17500",
        coins: 17_500,
    },
];

/// How long a provider's page can be paid at.
pub const CHECKOUT_LASTS: Duration = Duration::from_secs(3_600);

/// Where a purchase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PurchaseState {
    Pending,
    Paid,
    Declined,
}

/// A purchase to be begun.
#[derive(Clone, Debug)]
pub struct Buy {
    /// Made by the client; permanent.
    pub id: PurchaseId,
    pub person: PersonId,
    pub pack: String,
    /// The provider's name for the checkout.
    pub checkout: String,
    pub coin_price_cents: i64,
}

/// Why no purchase was begun, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BuyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another purchase")]
    IdReused(PurchaseId),
    #[error("there is no such pack")]
    PackUnknown,
    #[error("the buyer's own spending cap is reached")]
    CapReached(Reached),
}

/// Begins a purchase: nothing moves until the provider says that it is settled. `true` when it is new.
pub fn buy(tx: &mut Tx, buy: &Buy, now: Timestamp) -> Result<(Purchase, bool), BuyError> {
    if let Some(past) = tx.find::<Purchase>(&buy.id)? {
        let same = past.person == buy.person && past.pack == buy.pack;
        return if same {
            Ok((past, false))
        } else {
            Err(BuyError::IdReused(buy.id))
        };
    }
    let pack = PACKS
        .iter()
        .find(|pack| pack.code == buy.pack)
        .ok_or(BuyError::PackUnknown)?;
    let price = pack.price(buy.coin_price_cents);
    if let Some(reached) = caps::over(tx, buy.person, price, now)? {
        return Err(BuyError::CapReached(reached));
    }
    let purchase = Purchase {
        id: buy.id,
        person: buy.person,
        pack: buy.pack.clone(),
        coins: pack.coins,
        price,
        currency: CURRENCY.code().to_owned(),
        state: PurchaseState::Pending,
        checkout: buy.checkout.clone(),
        created_at: now,
    };
    purchase.clone().add(tx);
    Ok((purchase, true))
}

/// What a provider says about a checkout, after its signature was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderNotice {
    /// The notice's own id: the same again counts once.
    pub id: String,
    pub kind: NoticeKind,
    /// The provider's name for the checkout.
    pub checkout: String,
    pub order: PurchaseId,
    pub payer: PersonId,
    /// In the currency's minor unit.
    pub amount: i64,
    pub currency: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeKind {
    /// The card was presented; nothing is certain yet.
    Pending,
    Settled,
    Declined,
}

/// What came of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The coins are in the wallet.
    Settled,
    Declined,
    /// True, but it changes nothing: late, or out of order.
    Nothing,
    /// Heard before.
    Again,
    /// It does not fit the purchase; set aside for the operator, with the reason.
    SetAside(&'static str),
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum HearError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the ledger refused: {0}")]
    Ledger(PostError),
}

/// Takes a provider's notice. Late, doubled and out-of-order notices are the normal case.
pub fn hear(
    tx: &mut Tx,
    provider: &'static str,
    notice: &ProviderNotice,
    policy: PolicyVersion,
    now: Timestamp,
) -> Result<Heard, HearError> {
    if tx.find::<Notice>(&notice.id)?.is_some() {
        return Ok(Heard::Again);
    }
    let heard = weigh(tx, notice)?;
    let purchase = tx.find::<Purchase>(&notice.order)?;
    match (&heard, purchase) {
        (Heard::Settled, Some(purchase)) => {
            busk_ledger::post(tx, &posting(&purchase, policy), now).map_err(|error| match error {
                PostError::Store(error) => HearError::Store(error),
                other => HearError::Ledger(other),
            })?;
            purchase.becomes(tx, PurchaseState::Paid, now);
        }
        (Heard::Declined, Some(purchase)) => purchase.becomes(tx, PurchaseState::Declined, now),
        _ => {}
    }
    Notice::add(tx, provider, notice, &heard, now)?;
    Ok(heard)
}

/// Says what a notice should do, and changes nothing.
fn weigh(tx: &mut Tx, notice: &ProviderNotice) -> Result<Heard, StoreError> {
    let Some(purchase) = tx.find::<Purchase>(&notice.order)? else {
        return Ok(Heard::SetAside("no such order"));
    };
    let mismatch = [
        (purchase.checkout != notice.checkout, "another checkout"),
        (purchase.person != notice.payer, "another payer"),
        (purchase.price != notice.amount, "another amount"),
        (purchase.currency != notice.currency, "another currency"),
    ];
    if let Some((_, why)) = mismatch.into_iter().find(|(wrong, _)| *wrong) {
        return Ok(Heard::SetAside(why));
    }
    Ok(match (notice.kind, purchase.state) {
        (NoticeKind::Settled, PurchaseState::Pending) => Heard::Settled,
        (NoticeKind::Declined, PurchaseState::Pending) => Heard::Declined,
        (NoticeKind::Settled, PurchaseState::Paid) | (NoticeKind::Declined, PurchaseState::Declined) => {
            Heard::Nothing
        }
        (NoticeKind::Settled, PurchaseState::Declined) => Heard::SetAside("settled after it was declined"),
        (NoticeKind::Declined, PurchaseState::Paid) => Heard::SetAside("declined after it was settled"),
        (NoticeKind::Pending, _) => Heard::Nothing,
    })
}

/// The money comes to the float, the coins to the wallet (domain: buy coins).
fn posting(purchase: &Purchase, policy: PolicyVersion) -> Posting {
    let money = Amount::money(purchase.price, CURRENCY);
    let coins = Amount::coins(purchase.coins);
    Posting {
        id: PostingId(purchase.id.0),
        cause: Cause {
            kind: "coin_purchase",
            id: purchase.id.0,
        },
        policy,
        corrects: None,
        legs: vec![
            Leg::Move {
                debit: PSP_CLEARING,
                credit: COIN_FLOAT,
                amount: money,
            },
            Leg::Move {
                debit: COIN_ISSUED,
                credit: wallet(purchase.person),
                amount: coins,
            },
        ],
    }
}

/// A person's coins.
pub fn balance(db: &mut impl Read, person: PersonId) -> Result<i64, StoreError> {
    busk_ledger::balance_of(db, &wallet(person))
}
