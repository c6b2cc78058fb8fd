//! What the sandbox took from cards, and gave back to them.
//!
//! Invariant: a payment is charged once, whatever comes of it; no charge gives back more than it took.

use busk_base::{PaymentId, PersonId, Timestamp};
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, params, row};

use super::card::Card;
use super::movements::{self, payment_fee};
use super::outbox::{self, Saying};
use crate::providers::{
    About, Charge, PaymentNotice, PaymentSaid, ProviderError, Refund, RefundNotice, RefundSaid, Settlement,
    SettlementKind,
};

/// A card that was charged.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CardCharge {
    pub(super) charge: String,
    pub(super) payment: PaymentId,
    pub(super) payer: PersonId,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) card: Card,
    /// Whether its bank said yes.
    pub(super) paid: bool,
}

static CHARGE: Insert = Insert {
    table: "sandbox_charge",
    columns: &[
        ("charge", Type::Text),
        ("payment", Type::Blob),
        ("payer", Type::Blob),
        ("amount", Type::Int),
        ("currency", Type::Text),
        ("card", Type::Text),
        ("paid", Type::Bool),
    ],
};

static REFUND: Insert = Insert {
    table: "sandbox_refund",
    columns: &[
        ("refund", Type::Blob),
        ("charge", Type::Text),
        ("amount", Type::Int),
        ("succeeded", Type::Bool),
    ],
};

/// The name of a payment's charge.
pub(super) fn charge_of(payment: PaymentId) -> String {
    format!("ch_{payment}")
}

/// The name of what is kept of a payment for renewals.
pub(super) fn method_of(payment: PaymentId) -> String {
    format!("pm_{payment}")
}

/// Notes a charge, and what it moved.
pub(super) fn take(tx: &mut Tx, charge: &CardCharge, now: Timestamp) {
    let row = row![
        charge.charge.as_str(),
        charge.payment,
        charge.payer,
        charge.amount,
        charge.currency.as_str(),
        charge.card.word(),
        charge.paid
    ];
    tx.insert(&CHARGE, row);
    if charge.paid {
        let movement = Settlement {
            id: format!("txn_{}", charge.charge),
            kind: SettlementKind::Payment,
            of: charge.charge.clone(),
            gross: charge.amount,
            fee: payment_fee(charge.amount),
            currency: charge.currency.clone(),
            at: now,
        };
        movements::note(tx, movement);
    }
}

/// Charges the card of an earlier payment again, with nobody there.
pub(super) fn renew(tx: &mut Tx, wanted: &Charge, now: Timestamp) -> Result<(), ProviderError> {
    let currency = wanted.amount.unit.code();
    if let Some(known) = CardCharge::find(tx, &charge_of(wanted.payment))? {
        let same =
            known.payer == wanted.payer && known.amount == wanted.amount.value && known.currency == currency;
        return if same { Ok(()) } else { Err(another()) };
    }
    let kept = wanted
        .method
        .strip_prefix("pm_")
        .map(|payment| format!("ch_{payment}"));
    let kept = match kept {
        Some(charge) => CardCharge::find(tx, &charge)?.filter(|kept| kept.paid && kept.payer == wanted.payer),
        None => None,
    };
    let kept = kept.ok_or_else(|| ProviderError::Refused("resource_missing: nothing is kept".into()))?;

    let charge = CardCharge {
        charge: charge_of(wanted.payment),
        payment: wanted.payment,
        payer: wanted.payer,
        amount: wanted.amount.value,
        currency: currency.to_owned(),
        card: kept.card,
        paid: kept.card.pays_again(),
    };
    take(tx, &charge, now);
    let said = match charge.paid {
        true => PaymentSaid::Settled,
        false => PaymentSaid::Declined,
    };
    let about = About::Payment(PaymentNotice {
        said,
        payment: charge.payment,
        payer: charge.payer,
        checkout: None,
        charge: Some(charge.charge.clone()),
        method: Some(wanted.method.clone()),
        country: None,
        amount: charge.amount,
        currency: charge.currency.clone(),
    });
    let saying = Saying {
        word: "settled",
        about,
        delays_ms: &[400, 1_700],
    };
    Ok(outbox::say(tx, &charge.charge, vec![saying], now)?)
}

/// Gives money of a charge back.
pub(super) fn refund(tx: &mut Tx, wanted: &Refund, now: Timestamp) -> Result<(), ProviderError> {
    let known = tx.row(
        "SELECT charge, amount FROM sandbox_refund WHERE refund = $1",
        params![wanted.refund],
    )?;
    if let Some(row) = known {
        let same = row.get::<String>(0)? == wanted.charge && row.get::<i64>(1)? == wanted.amount;
        return if same { Ok(()) } else { Err(another()) };
    }
    let charge = CardCharge::find(tx, &wanted.charge)?.filter(|charge| charge.paid);
    let charge = charge.ok_or_else(|| ProviderError::Refused("resource_missing: no such charge".into()))?;
    if charge.currency != wanted.currency {
        return Err(ProviderError::Refused("another currency".into()));
    }
    if wanted.amount <= 0 || given_back(tx, &charge.charge)? + wanted.amount > charge.amount {
        return Err(ProviderError::Refused(
            "amount_too_large: more than was paid".into(),
        ));
    }

    let succeeded = charge.card != Card::Unrefundable;
    let row = row![wanted.refund, charge.charge.as_str(), wanted.amount, succeeded];
    tx.insert(&REFUND, row);
    let name = format!("re_{}", wanted.refund);
    let said = match succeeded {
        true => RefundSaid::Succeeded,
        false => RefundSaid::Failed,
    };
    if succeeded {
        let movement = Settlement {
            id: format!("txn_{name}"),
            kind: SettlementKind::Refund,
            of: wanted.refund.to_string(),
            gross: -wanted.amount,
            fee: 0,
            currency: charge.currency,
            at: now,
        };
        movements::note(tx, movement);
    }
    let about = About::Refund(RefundNotice {
        said,
        refund: wanted.refund,
        amount: wanted.amount,
        currency: wanted.currency.clone(),
    });
    let saying = Saying {
        word: "ended",
        about,
        delays_ms: &[900, 2_100],
    };
    Ok(outbox::say(tx, &name, vec![saying], now)?)
}

fn given_back(db: &mut impl Read, charge: &str) -> Result<i64, StoreError> {
    let row = db.row(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM sandbox_refund WHERE charge = $1 AND succeeded",
        params![charge],
    )?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// The answer to an id that was used for something else.
pub(super) fn another() -> ProviderError {
    ProviderError::Refused("idempotency_error: the id was used for something else".into())
}

impl CardCharge {
    pub(super) fn find(db: &mut impl Read, charge: &str) -> Result<Option<Self>, StoreError> {
        let row = db.row(
            "SELECT charge, payment, payer, amount, currency, card, paid FROM sandbox_charge WHERE charge = $1",
            params![charge],
        )?;
        row.as_ref().map(Self::read).transpose()
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let card: String = row.get(5)?;
        Ok(Self {
            charge: row.get(0)?,
            payment: row.get(1)?,
            payer: row.get(2)?,
            amount: row.get(3)?,
            currency: row.get(4)?,
            card: Card::parse(&card).ok_or_else(|| StoreError::Broken(format!("a card that is {card}")))?,
            paid: row.get(6)?,
        })
    }
}
