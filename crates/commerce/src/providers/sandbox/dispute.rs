//! A payer's bank takes money back: seconds after the payment, and decided at a page of the sandbox.
//!
//! Invariant: a dispute ends once.

use std::time::Duration;

use busk_base::{DisputeId, PaymentId, Timestamp};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};

use super::charge::{self, CardCharge};
use super::movements::{self, DISPUTE_FEE};
use super::outbox::{self, Saying, digest};
use crate::providers::{About, DisputeNotice, DisputeSaid, Settlement, SettlementKind};

/// How long after the payment the bank comes.
const OPENS_AFTER: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dispute {
    pub(super) dispute: String,
    pub(super) charge: CardCharge,
    pub(super) opens_at: Timestamp,
    pub(super) outcome: Option<Ended>,
}

/// How it ended, for the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Won,
    Lost,
}

static DISPUTE: Insert = Insert {
    table: "sandbox_dispute",
    columns: &[
        ("dispute", Type::Text),
        ("charge", Type::Text),
        ("opens_at", Type::Int),
    ],
};

/// Has the bank come, a while from now.
pub(super) fn open(tx: &mut Tx, charge: &CardCharge, now: Timestamp) -> Result<(), StoreError> {
    let dispute = Dispute {
        dispute: format!("dp_{}", charge.payment),
        charge: charge.clone(),
        opens_at: now + OPENS_AFTER,
        outcome: None,
    };
    let row = row![dispute.dispute.as_str(), charge.charge.as_str(), dispute.opens_at];
    tx.insert(&DISPUTE, row);
    dispute.moved(tx, "opened", -charge.amount, DISPUTE_FEE, dispute.opens_at);
    let opened = Saying {
        word: "opened",
        about: dispute.notice(DisputeSaid::Opened),
        delays_ms: &[200, 1_900],
    };
    outbox::say(tx, &dispute.dispute, vec![opened], dispute.opens_at)
}

/// The bank decides; the first word stands.
pub(super) fn decide(
    tx: &mut Tx,
    payment: PaymentId,
    ended: Ended,
    now: Timestamp,
) -> Result<Option<Dispute>, StoreError> {
    let Some(dispute) = Dispute::of(tx, payment)? else {
        return Ok(None);
    };
    if dispute.outcome.is_some() || now < dispute.opens_at {
        return Ok(Some(dispute));
    }
    let (word, said) = match ended {
        Ended::Won => ("won", DisputeSaid::Won),
        Ended::Lost => ("lost", DisputeSaid::Lost),
    };
    tx.execute(
        "UPDATE sandbox_dispute SET outcome = $2 WHERE dispute = $1",
        params![&dispute.dispute, word],
    )?;
    if ended == Ended::Won {
        dispute.moved(tx, "won", dispute.charge.amount, 0, now);
    }
    let closed = Saying {
        word: "closed",
        about: dispute.notice(said),
        delays_ms: &[500, 2_200],
    };
    outbox::say(tx, &dispute.dispute, vec![closed], now)?;
    Ok(Some(Dispute {
        outcome: Some(ended),
        ..dispute
    }))
}

impl Dispute {
    /// Of a payment.
    pub(super) fn of(db: &mut impl Read, payment: PaymentId) -> Result<Option<Self>, StoreError> {
        let Some(charge) = CardCharge::find(db, &charge::charge_of(payment))? else {
            return Ok(None);
        };
        let row = db.row(
            "SELECT dispute, opens_at, outcome FROM sandbox_dispute WHERE charge = $1",
            params![&charge.charge],
        )?;
        let Some(row) = row else { return Ok(None) };
        let outcome = match row.get::<Option<String>>(2)?.as_deref() {
            Some("won") => Some(Ended::Won),
            Some("lost") => Some(Ended::Lost),
            Some(other) => return Err(StoreError::Broken(format!("a dispute that is {other}"))),
            None => None,
        };
        Ok(Some(Self {
            dispute: row.get(0)?,
            opens_at: row.get(1)?,
            charge,
            outcome,
        }))
    }

    fn notice(&self, said: DisputeSaid) -> About {
        About::Dispute(DisputeNotice {
            said,
            dispute: self.dispute.clone(),
            id: DisputeId::new(self.opens_at, digest(&self.dispute)),
            charge: self.charge.charge.clone(),
            amount: self.charge.amount,
            fee: DISPUTE_FEE,
            currency: self.charge.currency.clone(),
            reason: "fraudulent".to_owned(),
        })
    }

    fn moved(&self, tx: &mut Tx, word: &str, gross: i64, fee: i64, at: Timestamp) {
        let movement = Settlement {
            id: format!("txn_{}_{word}", self.dispute),
            kind: SettlementKind::Dispute,
            of: self.dispute.clone(),
            gross,
            fee,
            currency: self.charge.currency.clone(),
            at,
        };
        movements::note(tx, movement);
    }
}
