//! What a policy would have made of a time that is over: each gift and each delivery in the ledger is divided again.
//!
//! Reckoned are the divisions themselves, in money: what of a gift's coins and of a sale's price went to the creator,
//! the platform and the tax. What was given back later is left out on both sides: it is taken pro rata of any division.
//! Prices are as they were, and so is what people did.
//!
//! Invariant: a policy with the same shares and taxes as the one that was posted under gives what was posted, to the
//! unit. Postings are read a page at a time; memory grows with the creators who earned, not with what they earned.

use std::collections::{BTreeMap, HashMap};

use busk_base::{ChannelId, GiftId, Policies, Policy, split};
use busk_ledger::journal::{Entry, Place, Span, entries_after};
use busk_store::{Read, StoreError, params};
use uuid::Uuid;

use crate::accounts::*;
use crate::payments::{Order, payment};
use crate::sales::Parts;

/// Postings that are read at once.
const PAGE: i64 = 500;
/// Creators who are named on each side.
const NAMED_MAX: usize = 20;

/// What was posted, and what would have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Gifts or deliveries.
    pub count: i64,
    pub got: Parts,
    pub would: Parts,
}

impl Compared {
    fn add(&mut self, other: &Compared) {
        self.count += other.count;
        self.got = self.got.and(&other.got);
        self.would = self.would.and(&other.would);
    }

    /// What the creator would have got more.
    pub fn change(&self) -> i64 {
        self.would.creator - self.got.creator
    }
}

/// A simulation under way.
pub struct Simulation {
    span: Span,
    policy: Policy,
    policies: Policies,
    after: Place,
    kinds: BTreeMap<String, Compared>,
    creators: HashMap<ChannelId, Compared>,
}

/// What it comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub total: Compared,
    /// By kind of income: `gift`, `badge`, `ticket`, `subscription`, `gifted_subscription`.
    pub kinds: BTreeMap<String, Compared>,
    /// How many creators earned anything.
    pub creators: usize,
    /// Those who would have got less, the greatest loss first; then those who would have got more.
    pub losing: Vec<(ChannelId, Compared)>,
    pub gaining: Vec<(ChannelId, Compared)>,
}

impl Simulation {
    /// `policies` are those that the postings name.
    pub fn new(span: Span, policy: Policy, policies: Policies) -> Self {
        Self {
            span,
            policy,
            policies,
            after: Place::before(span.from),
            kinds: BTreeMap::new(),
            creators: HashMap::new(),
        }
    }

    /// Reckons a page of postings; false when none was left.
    pub fn step(&mut self, db: &mut impl Read) -> Result<bool, StoreError> {
        let entries = entries_after(db, self.span, self.after, PAGE)?;
        let Some(last) = entries.last() else {
            return Ok(false);
        };
        self.after = last.head.place();
        for entry in &entries {
            let reckoned = match entry.head.cause.as_str() {
                "gift" => self.gift(db, entry)?,
                kind => match share_of(kind, &self.policy) {
                    Some(share) => self.delivery(db, entry, share)?,
                    None => None,
                },
            };
            let Some((channel, compared)) = reckoned else {
                continue;
            };
            let kind = self.kinds.entry(entry.head.cause.clone()).or_default();
            kind.add(&compared);
            self.creators.entry(channel).or_default().add(&compared);
        }
        Ok(true)
    }

    pub fn outcome(self) -> Outcome {
        let mut total = Compared::default();
        self.kinds.values().for_each(|kind| total.add(kind));
        let creators = self.creators.len();
        let mut changed: Vec<(ChannelId, Compared)> = self.creators.into_iter().collect();
        changed.retain(|(_, compared)| compared.change() != 0);
        // Of one change the smaller id first, so that the same books give the same answer.
        changed.sort_by_key(|(channel, compared)| (compared.change(), *channel));
        let losing = changed.iter().filter(|(_, compared)| compared.change() < 0);
        let gaining = changed.iter().rev().filter(|(_, compared)| compared.change() > 0);
        Outcome {
            total,
            kinds: self.kinds,
            creators,
            losing: losing.take(NAMED_MAX).copied().collect(),
            gaining: gaining.take(NAMED_MAX).copied().collect(),
        }
    }

    /// A gift's paid coins, divided again. One of promotional coins alone divides nothing.
    fn gift(&self, db: &mut impl Read, entry: &Entry) -> Result<Option<(ChannelId, Compared)>, StoreError> {
        let mut got = Parts::default();
        let mut channel = None;
        for transfer in entry.transfers.iter().filter(|transfer| transfer.moves()) {
            match transfer.credit.account.as_str() {
                name if name == DIAMOND_FLOAT.name => got.creator += transfer.amount,
                name if name == PLATFORM_REVENUE.name => got.platform += transfer.amount,
                DIAMONDS_PENDING => channel = transfer.credit.owner.map(ChannelId),
                _ => {}
            }
        }
        if got.sum() == 0 {
            return Ok(None);
        }
        let under = self.policies.version(entry.head.policy);
        let price = under.map_or(self.policy.coin_price_cents, |dated| {
            dated.policy.coin_price_cents
        });
        let shares = split(got.sum() / price, self.policy.gift_share_percent);
        let would = Parts {
            tax: 0,
            creator: shares.creator * price,
            platform: shares.platform * price,
        };
        let channel = match channel {
            Some(channel) => channel,
            // The creator's share was nothing, so that no transfer names them.
            None => gift_channel(db, GiftId(entry.head.cause_id))?,
        };
        let count = 1;
        Ok(Some((channel, Compared { count, got, would })))
    }

    /// What was paid for and delivered, divided again.
    fn delivery(
        &self,
        db: &mut impl Read,
        entry: &Entry,
        share_percent: u8,
    ) -> Result<Option<(ChannelId, Compared)>, StoreError> {
        let mut got = Parts::default();
        let mut channel = None;
        let from_deferred = |name: &str| name == DEFERRED.name;
        for transfer in &entry.transfers {
            if !transfer.moves() || !from_deferred(&transfer.debit.account) {
                continue;
            }
            match transfer.credit.account.as_str() {
                EARNINGS_PENDING => {
                    got.creator += transfer.amount;
                    channel = transfer.credit.owner.map(ChannelId);
                }
                name if name == PLATFORM_REVENUE.name => got.platform += transfer.amount,
                name if name == TAX_PAYABLE.name => got.tax += transfer.amount,
                // To the provider or a dispute: given back before it was delivered.
                _ => {}
            }
        }
        if got.sum() == 0 {
            return Ok(None);
        }
        let id = entry.head.cause_id;
        let paid = payment(db, busk_base::PaymentId(id))?;
        let country = paid.and_then(|payment| payment.country);
        let would = Parts::of(got.sum(), share_percent, country.as_deref(), &self.policy);
        let channel = match channel {
            Some(channel) => channel,
            None => sale_channel(db, id)?,
        };
        let count = 1;
        Ok(Some((channel, Compared { count, got, would })))
    }
}

/// What the creator gets of what is sold so, in percent; none of what is no sale.
fn share_of(kind: &str, policy: &Policy) -> Option<u8> {
    let shares = [
        (Order::Badge, policy.badge_share_percent),
        (Order::Ticket, policy.ticket_share_percent),
        (Order::Subscription, policy.subscription_share_percent),
        (Order::GiftedSubscription, policy.subscription_share_percent),
    ];
    let share = shares.into_iter().find(|(order, _)| order.word() == kind);
    share.map(|(_, percent)| percent)
}

fn gift_channel(db: &mut impl Read, gift: GiftId) -> Result<ChannelId, StoreError> {
    let row = db.row("SELECT channel FROM gift WHERE id = $1", params![gift])?;
    let row = row.ok_or_else(|| StoreError::Broken(format!("the gift {gift} is gone")))?;
    row.get(0)
}

fn sale_channel(db: &mut impl Read, payment: Uuid) -> Result<ChannelId, StoreError> {
    let row = db.row("SELECT channel FROM sale WHERE payment = $1", params![payment])?;
    let row = row.ok_or_else(|| StoreError::Broken(format!("the sale {payment} is gone")))?;
    row.get(0)
}
