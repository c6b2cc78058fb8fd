//! A sale: what a payment brings a channel. Badges, tickets and subscriptions are sold alike (domain: badge,
//! ticket, subscription, order): paid for, the money is deferred; delivered, it is the creator's, the platform's
//! and the state's; taken back, it comes from those who got it, pro rata.
//!
//! Invariant: the parts of a sale sum to its price less what was taken back; no part is ever below zero.

mod sql;
#[cfg(test)]
mod tests;

use busk_base::{Amount, ChannelId, Policy, PostingId, Timestamp, split};
use busk_ledger::{AccountRef, Cause, Leg, PostError, Posting};
use busk_store::{StoreError, Tx};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::*;
use crate::payments::{Order, Payment};
use crate::rules::Rules;
pub use sql::Sale;

/// Who gets what of a price, in the currency's minor unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Parts {
    /// Included in the price.
    pub tax: i64,
    pub creator: i64,
    pub platform: i64,
}

/// What a payer sees before paying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Quote {
    pub price: i64,
    pub tax: i64,
    pub creator: i64,
    /// What the platform keeps once the provider has its fee.
    pub platform: i64,
    /// What the provider is expected to take; the platform pays it.
    pub provider_fee: i64,
}

impl Parts {
    /// Of a price that includes the tax of the payer's country.
    pub fn of(price: i64, share_percent: u8, country: Option<&str>, policy: &Policy) -> Self {
        let rate = country.and_then(|country| policy.tax_basis_points.get(country));
        let rate = i128::from(rate.copied().unwrap_or(0));
        let tax = i128::from(price) * rate / (10_000 + rate);
        let tax = i64::try_from(tax).expect("the tax in a price is less than the price");
        let shares = split(price - tax, share_percent);
        Self {
            tax,
            creator: shares.creator,
            platform: shares.platform,
        }
    }

    pub fn sum(&self) -> i64 {
        self.tax + self.creator + self.platform
    }

    /// So much of it, each part pro rata (largest remainder; ties to the earlier part); at most all of it.
    pub fn pro_rata(&self, amount: i64) -> Self {
        let whole = i128::from(self.sum());
        let amount = i128::from(amount).min(whole);
        if whole == 0 {
            return *self;
        }
        let wanted = [self.tax, self.creator, self.platform].map(|part| i128::from(part) * amount);
        let mut given = wanted.map(|part| part / whole);
        let mut order = [0, 1, 2];
        order.sort_by_key(|place| std::cmp::Reverse(wanted[*place] % whole));
        let left = amount - given.iter().sum::<i128>();
        for place in order.into_iter().take(usize::try_from(left).unwrap_or(0)) {
            given[place] += 1;
        }
        let [tax, creator, platform] =
            given.map(|part| i64::try_from(part).expect("a part of an i64 is one"));
        Self {
            tax,
            creator,
            platform,
        }
    }

    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            tax: self.tax + other.tax,
            creator: self.creator + other.creator,
            platform: self.platform + other.platform,
        }
    }

    fn less(&self, other: &Self) -> Self {
        Self {
            tax: self.tax - other.tax,
            creator: self.creator - other.creator,
            platform: self.platform - other.platform,
        }
    }
}

impl Quote {
    pub fn of(price: i64, share_percent: u8, country: Option<&str>, policy: &Policy) -> Self {
        let parts = Parts::of(price, share_percent, country, policy);
        let part = price * i64::from(policy.provider_fee_basis_points) / 10_000;
        let provider_fee = part + policy.provider_fee_fixed_cents;
        Self {
            price,
            tax: parts.tax,
            creator: parts.creator,
            platform: parts.platform - provider_fee,
            provider_fee,
        }
    }
}

/// The id of a posting that follows from something: the same word of the same thing is the same posting. It
/// keeps the other's time, so that it sorts beside it.
pub(crate) fn following(of: Uuid, word: &str) -> PostingId {
    let digest = Sha256::new()
        .chain_update(of.as_bytes())
        .chain_update(word)
        .finalize();
    let mut bytes = *of.as_bytes();
    bytes[6..].copy_from_slice(&digest[..10]);
    PostingId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// The payment is settled, and what it is for is owed.
pub(crate) fn paid(tx: &mut Tx, payment: &Payment, rules: &Rules, now: Timestamp) -> Result<(), PostError> {
    let price = Amount::money(payment.price, CURRENCY);
    let posting = Posting {
        id: PostingId(payment.id.0),
        cause: cause(payment),
        policy: rules.version,
        corrects: None,
        legs: Leg::moves([(PSP_CLEARING, DEFERRED, price)]),
    };
    busk_ledger::post(tx, &posting, now).map(|_| ())
}

/// What was paid for is delivered: each gets their part.
pub(crate) fn deliver(
    tx: &mut Tx,
    payment: &Payment,
    channel: ChannelId,
    share_percent: u8,
    rules: &Rules,
    now: Timestamp,
) -> Result<Sale, PostError> {
    let country = payment.country.as_deref();
    let parts = Parts::of(here(tx, payment)?, share_percent, country, &rules.policy);
    let posting = Posting {
        id: following(payment.id.0, "delivery"),
        cause: cause(payment),
        policy: rules.version,
        corrects: None,
        legs: delivery(channel, &parts),
    };
    busk_ledger::post(tx, &posting, now)?;
    let sale = Sale {
        payment: payment.id,
        channel,
        parts,
        delivered_at: now,
    };
    sale.clone().add(tx);
    Ok(sale)
}

/// What of a payment is still here. What is disputed only is, and is taken from those who got it if it is lost.
fn here(tx: &mut Tx, payment: &Payment) -> Result<i64, StoreError> {
    let lost = match payment.disputed {
        0 => 0,
        _ => sql::lost(tx, payment.id)?,
    };
    Ok(payment.price - payment.refunded - lost)
}

/// Takes money of a payment back to `to` (the provider, or a dispute): what is deferred as it is; what was delivered
/// from those who got it, pro rata. Of a sale of which some is deferred, that goes last; of months that nobody was found for,
/// first. A creator's part comes from what is pending, then kept back, then available;
/// the rest is owed. `id` names the posting.
pub(crate) fn take_back(
    tx: &mut Tx,
    payment: &Payment,
    amount: i64,
    to: AccountRef,
    id: PostingId,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), PostError> {
    let legs = match tx.find::<Sale>(&payment.id)? {
        None => money_moves([(DEFERRED, to, amount)]),
        Some(sale) => {
            let waits = match payment.order {
                Order::GiftedSubscription => here(tx, payment)? - sale.parts.sum(),
                Order::Coins | Order::Badge | Order::Ticket | Order::Subscription => 0,
            };
            let back = sale.parts.pro_rata(amount - waits.clamp(0, amount));
            let mut legs = vec![(PLATFORM_REVENUE, to, back.platform), (TAX_PAYABLE, to, back.tax)];
            legs.push((DEFERRED, to, amount - back.sum()));
            legs.extend(collect(tx, sale.channel, back.creator, to)?);
            let parts = sale.parts.less(&back);
            Sale { parts, ..sale }.save(tx);
            money_moves(legs)
        }
    };
    let posting = Posting {
        id,
        cause: cause(payment),
        policy: rules.version,
        corrects: Some(PostingId(payment.id.0)),
        legs,
    };
    busk_ledger::post(tx, &posting, now).map(|_| ())
}

/// Puts back what the posting `taken` took of a payment, to those from whom it came. What was not delivered then, and is
/// `delivered` now, goes on to those who get it: it would wait for ever. Else it waits, owed to its payer.
pub(crate) fn put_back(
    tx: &mut Tx,
    payment: &Payment,
    taken: PostingId,
    id: PostingId,
    delivered: bool,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), PostError> {
    let transfers = busk_ledger::transfers_of(tx, taken)?;
    let mut legs = Vec::new();
    let mut parts = Parts::default();
    for transfer in &transfers {
        let owner = transfer.debit.owner.map(ChannelId);
        let (to, part) = match (transfer.debit.account.as_str(), owner) {
            ("deferred", None) => (DEFERRED, None),
            ("platform_revenue", None) => (PLATFORM_REVENUE, Some(&mut parts.platform)),
            ("tax_payable", None) => (TAX_PAYABLE, Some(&mut parts.tax)),
            (EARNINGS_PENDING, Some(channel)) => (earnings_pending(channel), Some(&mut parts.creator)),
            ("earnings.reserve", Some(channel)) => (earnings_reserve(channel), Some(&mut parts.creator)),
            ("earnings.available", Some(channel)) => (earnings_available(channel), Some(&mut parts.creator)),
            ("debt", Some(channel)) => (debt(channel), Some(&mut parts.creator)),
            (other, _) => {
                let why = format!("a sale was taken back from {other}");
                return Err(StoreError::Broken(why).into());
            }
        };
        if let Some(part) = part {
            *part += transfer.amount;
        }
        legs.push((PSP_CLEARING, to, transfer.amount));
    }
    let posting = Posting {
        id,
        cause: cause(payment),
        policy: rules.version,
        corrects: Some(taken),
        legs: money_moves(legs),
    };
    busk_ledger::post(tx, &posting, now)?;
    let Some(sale) = tx.find::<Sale>(&payment.id)? else {
        return Ok(());
    };
    let late = transfers
        .iter()
        .filter(|transfer| delivered && transfer.debit.account == "deferred");
    let late = late.map(|transfer| transfer.amount).sum();
    let share = share_percent(payment.order, &rules.policy);
    let late = Parts::of(late, share, payment.country.as_deref(), &rules.policy);
    if late.sum() > 0 {
        let posting = Posting {
            id: following(id.0, "delivery"),
            cause: cause(payment),
            policy: rules.version,
            corrects: None,
            legs: delivery(sale.channel, &late),
        };
        busk_ledger::post(tx, &posting, now)?;
    }
    let parts = sale.parts.and(&parts).and(&late);
    Sale { parts, ..sale }.save(tx);
    Ok(())
}

/// The creator's share of what is sold so.
fn share_percent(order: Order, policy: &Policy) -> u8 {
    match order {
        // All of it is the platform's until it is given.
        Order::Coins => 0,
        Order::Badge => policy.badge_share_percent,
        Order::Ticket => policy.ticket_share_percent,
        Order::Subscription | Order::GiftedSubscription => policy.subscription_share_percent,
    }
}

fn delivery(channel: ChannelId, parts: &Parts) -> Vec<Leg> {
    money_moves([
        (DEFERRED, earnings_pending(channel), parts.creator),
        (DEFERRED, PLATFORM_REVENUE, parts.platform),
        (DEFERRED, TAX_PAYABLE, parts.tax),
    ])
}

/// Where money that a channel must give comes from, in order; what it does not have becomes its debt.
pub(crate) fn collect(
    tx: &mut Tx,
    channel: ChannelId,
    amount: i64,
    to: AccountRef,
) -> Result<Vec<(AccountRef, AccountRef, i64)>, StoreError> {
    let mut left = amount;
    let mut legs = Vec::new();
    for from in [
        earnings_pending(channel),
        earnings_reserve(channel),
        earnings_available(channel),
    ] {
        let taken = busk_ledger::balance(tx, &from)?.min(left);
        left -= taken;
        legs.push((from, to, taken));
    }
    legs.push((debt(channel), to, left));
    Ok(legs)
}

/// Transfers in the site's currency; those of nothing are left out.
pub(crate) fn money_moves(legs: impl IntoIterator<Item = (AccountRef, AccountRef, i64)>) -> Vec<Leg> {
    let legs = legs.into_iter();
    Leg::moves(legs.map(|(debit, credit, amount)| (debit, credit, Amount::money(amount, CURRENCY))))
}

fn cause(payment: &Payment) -> Cause {
    Cause {
        kind: payment.order.word(),
        id: payment.id.0,
    }
}
