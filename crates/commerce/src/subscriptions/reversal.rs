//! What was paid for members' months and went back, by a refund or a dispute: the months go with it. Read `taken_back`
//! and `given_again` downward.
//!
//! Invariant: a month that is over was used, and stays. Of a payment whose money went back only in part the months
//! stay. Nobody who pays for themselves is renewed less because somebody else took a gift back.

use busk_base::{ChannelId, JobId, PaymentId, PersonId, Timestamp};
use busk_rooms::members::{self, Member};
use busk_store::{StoreError, Tx};

use super::gifted::{self, GiftOrder};
use super::{Kind, MonthOrder, Subscription, month, renewal};
use crate::payments::Payment;
use crate::sales::following;

/// All of a payment was given back, or its dispute lost: what it paid is no longer there, and nothing is renewed.
pub(crate) fn taken_back(tx: &mut Tx, payment: PaymentId, now: Timestamp) -> Result<(), StoreError> {
    let paid = tx.find::<Payment>(&payment)?;
    if paid.is_some_and(|paid| paid.kept() > 0) {
        return Ok(());
    }
    if let Some(gift) = tx.find::<GiftOrder>(&payment)? {
        return gifts_taken_back(tx, gift, now);
    }
    let Some(order) = tx.find::<MonthOrder>(&payment)? else {
        return Ok(());
    };
    let in_force = order.until.is_some_and(|until| now < until) && !order.taken_back;
    if !in_force || order.kind != Kind::Month {
        return Ok(());
    }
    let Some(current) = tx.find::<Subscription>(&(order.channel, order.person))? else {
        return Ok(());
    };
    let renews = false;
    change_months(tx, Subscription { renews, ..current }, -1)?;
    let order = MonthOrder {
        taken_back: true,
        ..order
    };
    order.save(tx);
    Ok(())
}

/// A refund failed after all, or a dispute was won: the month is there again, and what was not renewed stays so.
pub(crate) fn given_again(tx: &mut Tx, payment: PaymentId) -> Result<(), StoreError> {
    if let Some(gift) = tx.find::<GiftOrder>(&payment)? {
        return gifts_given_again(tx, &gift);
    }
    let order = tx.find::<MonthOrder>(&payment)?;
    let Some(order) = order.filter(|order| order.taken_back) else {
        return Ok(());
    };
    if let Some(current) = tx.find::<Subscription>(&(order.channel, order.person))? {
        change_months(tx, current, 1)?;
    }
    let order = MonthOrder {
        taken_back: false,
        ..order
    };
    order.save(tx);
    Ok(())
}

/// A payer's bank objects: they are not charged again.
pub(crate) fn disputed(tx: &mut Tx, payment: PaymentId) -> Result<(), StoreError> {
    let Some(order) = tx.find::<MonthOrder>(&payment)? else {
        return Ok(());
    };
    if let Some(current) = tx.find::<Subscription>(&(order.channel, order.person))? {
        let renews = false;
        Subscription { renews, ..current }.save(tx)?;
    }
    Ok(())
}

/// The months that others were given of a payment are theirs no more; what was not handed out is not any more.
fn gifts_taken_back(tx: &mut Tx, gift: GiftOrder, now: Timestamp) -> Result<(), StoreError> {
    for receiver in gifted::receivers(tx, gift.payment)? {
        if receiver.taken_back || now >= receiver.until {
            continue;
        }
        gifted::set_taken_back(tx, gift.payment, receiver.person, true)?;
        let Some(current) = subscription_of(tx, gift.channel, receiver.person)? else {
            continue;
        };
        let changed = change_months(tx, current, -1)?;
        // Their own next payment had been put off by the month.
        if changed.renews {
            let word = format!("{} pays again at {now}", receiver.person);
            renewal::leave(tx, &changed, JobId(following(gift.payment.0, &word).0))?;
        }
    }
    let handed_out = true;
    GiftOrder { handed_out, ..gift }.save(tx);
    Ok(())
}

fn gifts_given_again(tx: &mut Tx, gift: &GiftOrder) -> Result<(), StoreError> {
    for receiver in gifted::receivers(tx, gift.payment)? {
        if !receiver.taken_back {
            continue;
        }
        gifted::set_taken_back(tx, gift.payment, receiver.person, false)?;
        if let Some(current) = subscription_of(tx, gift.channel, receiver.person)? {
            change_months(tx, current, 1)?;
        }
    }
    Ok(())
}

fn subscription_of(
    tx: &mut Tx,
    channel: ChannelId,
    person: PersonId,
) -> Result<Option<Subscription>, StoreError> {
    tx.find::<Subscription>(&(channel, person))
}

fn change_months(tx: &mut Tx, current: Subscription, by: i64) -> Result<Subscription, StoreError> {
    let months = (current.months + by).max(0);
    let next = Subscription {
        months,
        until: month(current.anchor, months)?,
        ..current
    };
    next.clone().save(tx)?;
    if let Some(member) = members::find(tx, next.channel, next.person)? {
        let until = next.until;
        let months = (member.months + by).max(0);
        let changed = Member {
            until,
            months,
            ..member
        };
        members::keep(tx, changed)?;
    }
    Ok(next)
}
