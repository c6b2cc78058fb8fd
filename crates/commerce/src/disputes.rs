//! A payer's bank takes money back, and may give it again (domain: chargeback). Read `hear` downward.
//!
//! | said | transfers (debit → credit) |
//! |---|---|
//! | opened | `disputed` → `psp_clearing` (the amount), `dispute_fees` → `psp_clearing` (the fee); coins still in the wallet: `wallet` → `wallet.frozen` |
//! | won | the amount and the coins reversed; the fee stays with the provider |
//! | lost, a sale | from those who got it → `disputed` ([`sales::take_back`]) |
//! | lost, coins | frozen ones destroyed, `coin_float` → `disputed`; then gifts ([`gifts`]); the rest the payer's `debt` → `disputed` |
//!
//! Invariant: a dispute's postings depend on what was said of it, never on the order in which it was heard: a word
//! of its end says that it was opened, too. Together with refunds no more is taken of a payment than was paid.

mod gifts;
mod http;
mod sql;
#[cfg(test)]
mod tests;

use busk_base::{Amount, PostingId, Timestamp};
use busk_ledger::{Cause, Leg, PostError, Posting};
use busk_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::*;
use crate::coins::lots::{self, Lot};
use crate::notices::{HearError, Heard};
use crate::payments::{self, Order, Payment, PaymentState};
use crate::providers::{DisputeNotice, DisputeSaid};
use crate::rules::Rules;
use crate::sales::{self, following};
use crate::{badges, subscriptions, tickets};
pub(crate) use gifts::taken_of_pending;
pub use http::routes;
pub use sql::Dispute;

/// Where a dispute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DisputeState {
    /// The bank has the money, and asks.
    Opened,
    /// The bank gave it again.
    Won,
    /// The bank keeps it.
    Lost,
}

/// Takes a notice's word for a dispute. One whose payment is not known yet waits for it.
pub(crate) fn hear(
    tx: &mut Tx,
    provider: &str,
    notice: &DisputeNotice,
    rules: &Rules,
    now: Timestamp,
) -> Result<Heard, HearError> {
    // A page that has run out may have been paid at all the same: its end is still to come.
    let decided = |payment: &Payment| matches!(payment.state, PaymentState::Paid | PaymentState::Declined);
    let payment = payments::by_charge(tx, provider, &notice.charge)?;
    let Some(payment) = payment.filter(decided) else {
        return Ok(Heard::Waiting);
    };
    let known = tx.find::<Dispute>(&notice.id)?;
    let misfit = match &known {
        Some(dispute) => misfit(dispute, &payment, notice),
        None => misfit_of_new(&payment, notice),
    };
    if let Some(why) = misfit {
        return Ok(Heard::SetAside(why));
    }
    let is_new = known.is_none();
    let dispute = match known {
        Some(dispute) => raise_fee(tx, dispute, notice.fee, rules, now)?,
        None => open(tx, notice, &payment, rules, now)?,
    };
    match (notice.said, dispute.state) {
        (DisputeSaid::Opened, DisputeState::Opened) if is_new => Ok(Heard::Disputed),
        (DisputeSaid::Won, DisputeState::Opened) => {
            win(tx, dispute, rules, now)?;
            Ok(Heard::DisputeWon)
        }
        (DisputeSaid::Lost, DisputeState::Opened) => {
            lose(tx, dispute, rules, now)?;
            Ok(Heard::DisputeLost)
        }
        (DisputeSaid::Opened, _)
        | (DisputeSaid::Won, DisputeState::Won)
        | (DisputeSaid::Lost, DisputeState::Lost) => Ok(Heard::Nothing),
        (DisputeSaid::Won, DisputeState::Lost) => Ok(Heard::SetAside("won after it was lost")),
        (DisputeSaid::Lost, DisputeState::Won) => Ok(Heard::SetAside("lost after it was won")),
    }
}

/// What of the notice is not the known dispute's.
fn misfit(dispute: &Dispute, payment: &Payment, notice: &DisputeNotice) -> Option<&'static str> {
    let mismatch = [
        (dispute.payment != payment.id, "another payment"),
        (dispute.amount != notice.amount, "another amount"),
        (payment.currency != notice.currency, "another currency"),
    ];
    mismatch.into_iter().find(|(wrong, _)| *wrong).map(|(_, why)| why)
}

/// What of a new dispute's notice does not fit the payment.
fn misfit_of_new(payment: &Payment, notice: &DisputeNotice) -> Option<&'static str> {
    let mismatch = [
        (
            payment.state != PaymentState::Paid,
            "a dispute of what was not paid",
        ),
        (payment.currency != notice.currency, "another currency"),
        (notice.amount <= 0 || notice.fee < 0, "an amount that cannot be"),
        (notice.amount > payment.kept(), "more than is left of the payment"),
    ];
    mismatch.into_iter().find(|(wrong, _)| *wrong).map(|(_, why)| why)
}

/// The bank has the money: it is disputed, and what of it can still be held is held.
fn open(
    tx: &mut Tx,
    notice: &DisputeNotice,
    payment: &Payment,
    rules: &Rules,
    now: Timestamp,
) -> Result<Dispute, HearError> {
    let frozen = match payment.order {
        Order::Coins => freezable(tx, payment, notice.amount)?,
        Order::Badge | Order::Ticket | Order::Subscription | Order::GiftedSubscription => Lot::default(),
    };
    let dispute = Dispute {
        id: notice.id,
        name: notice.dispute.clone(),
        payment: payment.id,
        amount: notice.amount,
        fee: notice.fee,
        reason: notice.reason.clone(),
        state: DisputeState::Opened,
        frozen: frozen.coins,
        frozen_promotional: frozen.promotional,
        owed: 0,
        opened_at: now,
        changed_at: now,
    };
    let payer = payment.payer;
    let [paid, promotional] = frozen.moves(
        (wallet(payer), wallet_frozen(payer)),
        (wallet_promotional(payer), wallet_promotional_frozen(payer)),
    );
    let legs = [
        (DISPUTED, PSP_CLEARING, Amount::money(dispute.amount, CURRENCY)),
        (DISPUTE_FEES, PSP_CLEARING, Amount::money(dispute.fee, CURRENCY)),
        paid,
        promotional,
    ];
    let corrected = PostingId(payment.id.0);
    post(
        tx,
        &dispute,
        PostingId(dispute.id.0),
        corrected,
        Leg::moves(legs),
        rules,
        now,
    )?;
    if payment.order == Order::Coins {
        let order = lots::order(tx, payment)?;
        frozen.leave(tx, order);
    }
    payments::disputed(tx, payment.clone(), dispute.amount);
    subscriptions::disputed(tx, payment.id)?;
    dispute.clone().add(tx);
    Ok(dispute)
}

/// A provider may say later what it takes, and each of its words says all of it: the highest counts.
fn raise_fee(
    tx: &mut Tx,
    mut dispute: Dispute,
    fee: i64,
    rules: &Rules,
    now: Timestamp,
) -> Result<Dispute, HearError> {
    let more = fee - dispute.fee;
    if more <= 0 {
        return Ok(dispute);
    }
    let legs = Leg::moves([(DISPUTE_FEES, PSP_CLEARING, Amount::money(more, CURRENCY))]);
    let id = following(dispute.id.0, &format!("fee {fee}"));
    let opened = PostingId(dispute.id.0);
    post(tx, &dispute, id, opened, legs, rules, now)?;
    dispute.fee = fee;
    dispute.save(tx);
    Ok(dispute)
}

/// The coins of a purchase that are there to be held for so much money.
fn freezable(tx: &mut Tx, payment: &Payment, amount: i64) -> Result<Lot, StoreError> {
    let order = lots::order(tx, payment)?;
    let unspent = lots::unspent(tx, payment, &order)?;
    let coins = unspent.min(amount / lots::coin_price(payment, &order));
    lots::lot(tx, payment, &order, coins)
}

/// The bank gives the money again, and the payer has the coins again.
fn win(tx: &mut Tx, dispute: Dispute, rules: &Rules, now: Timestamp) -> Result<(), HearError> {
    let payment = disputed(tx, &dispute)?;
    let (payer, frozen) = (payment.payer, dispute.lot());
    let [paid, promotional] = frozen.moves(
        (wallet_frozen(payer), wallet(payer)),
        (wallet_promotional_frozen(payer), wallet_promotional(payer)),
    );
    let money = (PSP_CLEARING, DISPUTED, Amount::money(dispute.amount, CURRENCY));
    let (id, opened) = (following(dispute.id.0, "won"), PostingId(dispute.id.0));
    let legs = Leg::moves([money, paid, promotional]);
    post(tx, &dispute, id, opened, legs, rules, now)?;
    if payment.order == Order::Coins {
        let order = lots::order(tx, &payment)?;
        frozen.come_back(tx, order);
    }
    payments::disputed(tx, payment, -dispute.amount);
    dispute.close(tx, DisputeState::Won, 0, now);
    Ok(())
}

/// The bank keeps the money: it comes from those who got it.
fn lose(tx: &mut Tx, dispute: Dispute, rules: &Rules, now: Timestamp) -> Result<(), HearError> {
    let payment = disputed(tx, &dispute)?;
    let owed = match payment.order {
        Order::Coins => lose_coins(tx, &dispute, &payment, rules, now)?,
        Order::Badge | Order::Ticket | Order::Subscription | Order::GiftedSubscription => {
            let id = following(dispute.id.0, "lost");
            sales::take_back(tx, &payment, dispute.amount, DISPUTED, id, rules, now)?;
            match payment.order {
                Order::Ticket if payment.kept() == 0 => {
                    tickets::given_back(tx, payment.id, dispute.id.0, now)?;
                }
                Order::Badge if payment.kept() == 0 => badges::given_back(tx, &payment, rules, now)?,
                Order::Coins
                | Order::Badge
                | Order::Ticket
                | Order::Subscription
                | Order::GiftedSubscription => {}
            }
            0
        }
    };
    subscriptions::taken_back(tx, payment.id, now)?;
    dispute.close(tx, DisputeState::Lost, owed, now);
    Ok(())
}

/// Coins that were frozen are destroyed; those that were spent come from the gifts they went into, and from the
/// payer. Gives what the payer owes of it.
fn lose_coins(
    tx: &mut Tx,
    dispute: &Dispute,
    payment: &Payment,
    rules: &Rules,
    now: Timestamp,
) -> Result<i64, HearError> {
    let order = lots::order(tx, payment)?;
    let price = lots::coin_price(payment, &order);
    let spent = dispute.amount / price - dispute.frozen;
    let from_gifts = gifts::take_back(tx, dispute, payment, spent, price, rules, now)?;
    let destroyed = dispute.frozen * price;
    let owed = dispute.amount - destroyed - from_gifts;
    let payer = payment.payer;
    let [paid, promotional] = dispute.lot().moves(
        (wallet_frozen(payer), COIN_ISSUED),
        (wallet_promotional_frozen(payer), COIN_PROMOTED),
    );
    let legs = [
        paid,
        promotional,
        (COIN_FLOAT, DISPUTED, Amount::money(destroyed, CURRENCY)),
        (payer_debt(payer), DISPUTED, Amount::money(owed, CURRENCY)),
    ];
    let legs = Leg::moves(legs);
    // All of it may have come from gifts.
    if !legs.is_empty() {
        let (id, opened) = (following(dispute.id.0, "lost"), PostingId(dispute.id.0));
        post(tx, dispute, id, opened, legs, rules, now)?;
    }
    Ok(owed)
}

fn post(
    tx: &mut Tx,
    dispute: &Dispute,
    id: PostingId,
    corrects: PostingId,
    legs: Vec<Leg>,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), PostError> {
    let posting = Posting {
        id,
        cause: Cause {
            kind: "chargeback",
            id: dispute.id.0,
        },
        policy: rules.version,
        corrects: Some(corrects),
        legs,
    };
    busk_ledger::post(tx, &posting, now).map(|_| ())
}

/// The payment of a dispute's row, which was there when the row was written.
fn disputed(tx: &mut Tx, dispute: &Dispute) -> Result<Payment, StoreError> {
    let payment = tx.find::<Payment>(&dispute.payment)?;
    payment.ok_or_else(|| StoreError::Broken(format!("no payment {} of a dispute", dispute.payment)))
}
