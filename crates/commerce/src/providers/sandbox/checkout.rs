//! A checkout of the sandbox: a page that is open for a time, at which the payer takes one of the test cards.
//!
//! Invariant: the first card that comes to an end stands; what comes after it, or after the page's time, changes
//! nothing.

use busk_base::{PaymentId, PersonId, Timestamp};
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, params, row};

use super::card::Card;
use super::charge::{self, CardCharge};
use super::outbox::{self, Saying};
use crate::providers::{About, PaymentNotice, PaymentSaid};

/// A checkout, as the provider sees it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checkout {
    pub(super) checkout: String,
    pub(super) payment: PaymentId,
    pub(super) payer: PersonId,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) description: String,
    pub(super) return_to: String,
    pub(super) keep_method: bool,
    pub(super) expires_at: Timestamp,
    /// The card that was taken.
    pub(super) card: Option<Card>,
    pub(super) outcome: Option<Outcome>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Paid,
    Declined,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Paid => "paid",
            Outcome::Declined => "declined",
        }
    }
}

/// What the payer does at the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Take(Card),
    /// Says yes to their bank.
    Confirm,
    /// Says no to their bank.
    Refuse,
}

/// When a page that nobody paid at is said to be expired, after its time.
const EXPIRED_MS: &[u64] = &[500, 2_000];

static CHECKOUT: Insert = Insert {
    table: "sandbox_checkout",
    columns: &[
        ("checkout", Type::Text),
        ("payment", Type::Blob),
        ("payer", Type::Blob),
        ("amount", Type::Int),
        ("currency", Type::Text),
        ("description", Type::Text),
        ("return_to", Type::Text),
        ("keep_method", Type::Bool),
        ("expires_at", Type::Int),
    ],
};

impl Checkout {
    /// Opens it; gives the name of the one that is open for the same payment already.
    pub(super) fn open(self, tx: &mut Tx) -> Result<String, StoreError> {
        let known = tx.row(
            "SELECT checkout FROM sandbox_checkout WHERE payment = $1",
            params![self.payment],
        )?;
        if let Some(row) = known {
            return row.get(0);
        }
        let row = row![
            self.checkout.as_str(),
            self.payment,
            self.payer,
            self.amount,
            self.currency.as_str(),
            self.description.as_str(),
            self.return_to.as_str(),
            self.keep_method,
            self.expires_at
        ];
        tx.insert(&CHECKOUT, row);
        let expired = Saying {
            word: "expired",
            about: self.notice(PaymentSaid::Expired, None),
            delays_ms: EXPIRED_MS,
        };
        outbox::say(tx, &self.checkout, vec![expired], self.expires_at)?;
        Ok(self.checkout)
    }

    /// Nothing can be paid there any more.
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.outcome.is_none() && self.expires_at <= now
    }

    /// Whether the payer's bank waits for an answer.
    pub(super) fn asks_payer(&self) -> bool {
        self.outcome.is_none() && self.card == Some(Card::Secure)
    }

    pub(super) fn notice(&self, said: PaymentSaid, charge: Option<&CardCharge>) -> About {
        About::Payment(PaymentNotice {
            said,
            payment: self.payment,
            payer: self.payer,
            checkout: Some(self.checkout.clone()),
            charge: charge.map(|charge| charge.charge.clone()),
            method: self.keep_method.then(|| charge::method_of(self.payment)),
            country: None,
            amount: self.amount,
            currency: self.currency.clone(),
        })
    }

    pub(super) fn find(db: &mut impl Read, checkout: &str) -> Result<Option<Self>, StoreError> {
        let row = db.row(
            "SELECT checkout, payment, payer, amount, currency, description, return_to, outcome, \
             expires_at, keep_method, card FROM sandbox_checkout WHERE checkout = $1",
            params![checkout],
        )?;
        row.as_ref().map(Self::read).transpose()
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let outcome = match row.get::<Option<String>>(7)?.as_deref() {
            Some("paid") => Some(Outcome::Paid),
            Some("declined") => Some(Outcome::Declined),
            Some(other) => return Err(StoreError::Broken(format!("a checkout that is {other}"))),
            None => None,
        };
        let card = row.get::<Option<String>>(10)?;
        Ok(Self {
            checkout: row.get(0)?,
            payment: row.get(1)?,
            payer: row.get(2)?,
            amount: row.get(3)?,
            currency: row.get(4)?,
            description: row.get(5)?,
            return_to: row.get(6)?,
            expires_at: row.get(8)?,
            keep_method: row.get(9)?,
            card: card.and_then(|word| Card::parse(&word)),
            outcome,
        })
    }
}

/// The payer acts at the page. Leaves the notices to be delivered once it came to an end.
pub(super) fn act(
    tx: &mut Tx,
    checkout: &str,
    act: Act,
    now: Timestamp,
) -> Result<Option<Checkout>, StoreError> {
    let Some(found) = Checkout::find(tx, checkout)? else {
        return Ok(None);
    };
    if found.outcome.is_some() || found.is_expired(now) {
        return Ok(Some(found));
    }
    let (card, outcome) = match act {
        // The bank has the word; another card may be taken until it had an answer.
        Act::Take(Card::Secure) => (Card::Secure, None),
        Act::Take(card) if card.pays() => (card, Some(Outcome::Paid)),
        Act::Take(card) => (card, Some(Outcome::Declined)),
        Act::Confirm if found.asks_payer() => (Card::Secure, Some(Outcome::Paid)),
        Act::Refuse if found.asks_payer() => (Card::Secure, Some(Outcome::Declined)),
        Act::Confirm | Act::Refuse => return Ok(Some(found)),
    };
    tx.execute(
        "UPDATE sandbox_checkout SET card = $2, outcome = $3 WHERE checkout = $1",
        params![checkout, card.word(), outcome.map(Outcome::word)],
    )?;
    let decided = Checkout {
        card: Some(card),
        outcome,
        ..found
    };
    if let Some(outcome) = outcome {
        end(tx, &decided, card, outcome, now)?;
    }
    Ok(Some(decided))
}

fn end(
    tx: &mut Tx,
    checkout: &Checkout,
    card: Card,
    outcome: Outcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    let name = &checkout.checkout;
    outbox::unsay(tx, name, "expired", EXPIRED_MS, checkout.expires_at)?;
    let charge = CardCharge {
        charge: charge::charge_of(checkout.payment),
        payment: checkout.payment,
        payer: checkout.payer,
        amount: checkout.amount,
        currency: checkout.currency.clone(),
        card,
        paid: outcome == Outcome::Paid,
    };
    charge::take(tx, &charge, now);
    let said = match outcome {
        Outcome::Paid => PaymentSaid::Settled,
        Outcome::Declined => PaymentSaid::Declined,
    };
    // The end comes before what leads to it, and once more after it.
    let sayings = vec![
        Saying {
            word: "settled",
            about: checkout.notice(said, Some(&charge)),
            delays_ms: &[600, 2_500],
        },
        Saying {
            word: "pending",
            about: checkout.notice(PaymentSaid::Pending, Some(&charge)),
            delays_ms: &[1_500],
        },
    ];
    outbox::say(tx, name, sayings, now)?;
    if card == Card::Disputed {
        super::dispute::open(tx, &charge, now)?;
    }
    Ok(())
}
