//! A subscription: a channel's member by the month, paid by a kept card. Read `subscribe`, `deliver` and then
//! [`renewal`] downward.
//!
//! Months are counted from one day (`anchor`), in UTC, so that they do not creep. The price is the subscriber's own:
//! it stays as it was agreed, whatever the tier costs others meanwhile, until they change their tier.
//!
//! A month may also be [given](gifted) by somebody else. It counts as one that is paid, and renews nothing.
//!
//! A month's money is delivered when the month is paid, at most [`renewal::AHEAD`] before it begins: from then on the
//! perks are there whatever happens, and the hold of the policy begins. A refund takes it back pro rata like any
//! sale's.
//!
//! Invariant: `until` is `anchor` and so many whole months, each of them paid and not given back; nothing but a refund
//! or a lost dispute makes it less. A month is paid once: its payment's id follows from the subscription and the
//! month's number, which never comes again.

pub mod gifted;
mod http;
pub mod renewal;
mod reversal;
mod sql;
#[cfg(test)]
mod tests;
mod tiers;

use std::time::Duration;

use busk_base::{ChannelId, JobId, PaymentId, PersonId, RoomId, Timestamp};
use busk_people::{Caller, Channel, Person};
use busk_rooms::members::{self, Member};
use busk_rooms::{Room, Speaker, What, board, state};
use busk_store::{Read, StoreError, Tx};
use busk_webhooks::{self as webhooks, Telling};

use crate::notices::{HearError, Heard};
use crate::payments::{self, BeginError, NewPayment, Order, Payment, Purchase};
use crate::rules::Rules;
use crate::{refunds, sales};
pub use http::routes;
pub use renewal::RENEWAL_JOB;
pub(crate) use reversal::{disputed, given_again, taken_back};
pub use sql::{Kind, MonthOrder, Subscription, of_channel, of_person, subscription};
pub(crate) use sql::{SUBSCRIPTIONS, TIERS};
pub use tiers::{SetTiersError, TIERS_MAX, Tier, set_tiers, tiers};

/// A person's subscriptions that are read at once: more than anybody has.
pub(crate) const AT_ONCE_MAX: i64 = 1_000;
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// A charge that failed is tried again so many days after the period's end; then the subscription ends.
const RETRIED_ON: [u32; 4] = [1, 3, 5, 7];
/// Loyalty goes on over a gap in which a renewal might still have been paid.
const LOYAL_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Where a subscription is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionState {
    /// Renewed at the period's end.
    Active,
    /// In force to the period's end, and then over.
    Cancelled,
    /// The same, and somebody else has paid for it.
    Given,
    /// A renewal was declined and is tried again.
    PastDue,
    Ended,
}

/// A subscription, as it is asked for.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// Made by the client; permanent.
    pub id: PaymentId,
    pub channel: ChannelId,
    pub person: PersonId,
    pub tier: u8,
    pub provider: &'static str,
}

/// A payment that was begun for a subscription.
pub type Begun = Purchase<MonthOrder>;

/// Why nothing was begun, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubscribeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another payment")]
    IdReused(PaymentId),
    #[error("there is no such channel")]
    ChannelUnknown,
    #[error("the channel has no such tier")]
    TierUnknown,
    #[error("nobody subscribes to their own channel")]
    OwnChannel,
    #[error("they subscribe already")]
    Subscribed,
    #[error("an upgrade is to a tier that costs more")]
    NotAnUpgrade,
    #[error("the rest of the period is worth too little to be charged for")]
    NothingToPay,
    #[error(transparent)]
    Begin(BeginError),
}

/// Begins a subscription, or takes one up again that is past due, cancelled by its end or given: the first month is
/// to be paid now. Nothing changes until the provider says that it is settled.
pub fn subscribe(
    tx: &mut Tx,
    wanted: &Subscribe,
    rules: &Rules,
    now: Timestamp,
) -> Result<Begun, SubscribeError> {
    if let Some(begun) = begun_before(tx, wanted, Kind::Month)? {
        return Ok(begun);
    }
    let tier = offered(tx, wanted)?;
    let current = tx.find::<Subscription>(&(wanted.channel, wanted.person))?;
    if current.is_some_and(|current| current.bars(tier.id, now)) {
        return Err(SubscribeError::Subscribed);
    }
    begin(tx, wanted, Kind::Month, tier.price, tier.price, rules, now)
}

/// Begins a change to a tier that costs more: the difference for the rest of the period is to be paid now.
pub fn upgrade(
    tx: &mut Tx,
    wanted: &Subscribe,
    rules: &Rules,
    now: Timestamp,
) -> Result<Begun, SubscribeError> {
    if let Some(begun) = begun_before(tx, wanted, Kind::Upgrade)? {
        return Ok(begun);
    }
    let tier = offered(tx, wanted)?;
    let current = tx.find::<Subscription>(&(wanted.channel, wanted.person))?;
    let current = current.filter(|current| current.is_in_force(now));
    let current = current.filter(|current| current.price < tier.price && current.tier != tier.id);
    let current = current.ok_or(SubscribeError::NotAnUpgrade)?;
    let difference = current.difference(tier.price, now);
    if difference == 0 {
        return Err(SubscribeError::NothingToPay);
    }
    begin(tx, wanted, Kind::Upgrade, difference, tier.price, rules, now)
}

fn begun_before(tx: &mut Tx, wanted: &Subscribe, kind: Kind) -> Result<Option<Begun>, SubscribeError> {
    let Some(payment) = tx.find::<Payment>(&wanted.id)? else {
        return Ok(None);
    };
    let order = tx.find::<MonthOrder>(&wanted.id)?;
    let same = |order: &MonthOrder| {
        let asked = (wanted.channel, wanted.person, wanted.tier, kind);
        asked == (order.channel, order.person, order.tier, order.kind)
    };
    let order = order.filter(same).ok_or(SubscribeError::IdReused(wanted.id))?;
    let new = false;
    Ok(Some(Begun { payment, order, new }))
}

/// The tier that is asked for, of another's channel.
fn offered(tx: &mut Tx, wanted: &Subscribe) -> Result<Tier, SubscribeError> {
    let channel = tx.find::<Channel>(&wanted.channel)?;
    let channel = channel.ok_or(SubscribeError::ChannelUnknown)?;
    let tiers = tiers(tx, wanted.channel)?;
    let tier = tiers.into_iter().find(|tier| tier.id == wanted.tier);
    let tier = tier.ok_or(SubscribeError::TierUnknown)?;
    if channel.owner == wanted.person {
        return Err(SubscribeError::OwnChannel);
    }
    Ok(tier)
}

fn begin(
    tx: &mut Tx,
    wanted: &Subscribe,
    kind: Kind,
    price: i64,
    monthly: i64,
    rules: &Rules,
    now: Timestamp,
) -> Result<Begun, SubscribeError> {
    let new = NewPayment {
        id: wanted.id,
        payer: wanted.person,
        order: Order::Subscription,
        price,
        provider: wanted.provider,
    };
    let payment = payments::begin(tx, &new, &rules.policy, now).map_err(SubscribeError::Begin)?;
    let order = MonthOrder {
        payment: wanted.id,
        channel: wanted.channel,
        person: wanted.person,
        tier: wanted.tier,
        kind,
        monthly,
        number: None,
        until: None,
        taken_back: false,
    };
    order.clone().add(tx);
    let new = true;
    Ok(Begun { payment, order, new })
}

/// The payment is settled: the month, or the dearer tier, is there at once. The money of what was paid for twice, or of
/// what is over, goes back by itself.
pub(crate) fn deliver(
    tx: &mut Tx,
    payment: &Payment,
    rules: &Rules,
    now: Timestamp,
) -> Result<Heard, HearError> {
    let order = ordered(tx, payment)?;
    sales::paid(tx, payment, rules, now)?;
    let key = (order.channel, order.person);
    let current = tx.find::<Subscription>(&key)?;
    let next = match (order.kind, current) {
        (Kind::Month, current) => match order.number {
            Some(number) if current.as_ref().is_some_and(|current| current.bought != number) => {
                return nothing_brought(tx, payment, "This month was paid already", rules, now);
            }
            None if current
                .as_ref()
                .is_some_and(|current| current.bars(order.tier, now)) =>
            {
                return nothing_brought(tx, payment, "The subscription was there already", rules, now);
            }
            _ => another_month(current, &order, payment, now)?,
        },
        (Kind::Upgrade, Some(current)) if current.is_in_force(now) && current.price < order.monthly => {
            Subscription {
                tier: order.tier,
                price: order.monthly,
                next_tier: None,
                ..current
            }
        }
        (Kind::Upgrade, _) => {
            let why = "The subscription was over, or of that tier already";
            return nothing_brought(tx, payment, why, rules, now);
        }
    };
    let share = rules.policy.subscription_share_percent;
    sales::deliver(tx, payment, order.channel, share, rules, now)?;
    let next = Subscription {
        method: payment.method.clone().or(next.method),
        provider: payment.provider.clone(),
        ..next
    };
    next.clone().save(tx)?;
    let member = admit(tx, &next, order.kind, now)?;
    if order.kind == Kind::Month {
        let job = JobId(sales::following(payment.id.0, "renewal").0);
        renewal::leave(tx, &next, job)?;
    }
    let order = MonthOrder {
        until: Some(next.until),
        ..order
    };
    order.save(tx);
    tell(tx, &member, payment.id, now)?;
    Ok(Heard::Settled)
}

/// Gives the money back of a payment that brings nothing. Whoever subscribes keeps what they have.
fn nothing_brought(
    tx: &mut Tx,
    payment: &Payment,
    why: &str,
    rules: &Rules,
    now: Timestamp,
) -> Result<Heard, HearError> {
    refunds::by_rule(tx, payment, refunds::NOTHING_BROUGHT, why, rules, now)?;
    Ok(Heard::GivenBack)
}

/// The subscription with a month more: after the one that is paid, or from now on when there is none.
fn another_month(
    current: Option<Subscription>,
    order: &MonthOrder,
    payment: &Payment,
    now: Timestamp,
) -> Result<Subscription, StoreError> {
    let bought = current.as_ref().map_or(0, |current| current.bought) + 1;
    // Who cancelled while the charge was on its way stays so.
    let renews = order.number.is_none() || current.as_ref().is_some_and(|current| current.renews);
    let (anchor, months) = match &current {
        Some(current) if current.is_in_force(now) => (current.anchor, current.months + 1),
        _ => (now, 1),
    };
    Ok(Subscription {
        channel: order.channel,
        person: order.person,
        tier: order.tier,
        price: order.monthly,
        anchor,
        months,
        until: month(anchor, months)?,
        bought,
        // Of what was only ever given the root is known to the giver.
        root: current
            .as_ref()
            .filter(|current| current.bought > 0)
            .map_or(order.payment, |current| current.root),
        renews,
        declines: 0,
        next_tier: None,
        provider: payment.provider.clone(),
        method: current.and_then(|current| current.method),
    })
}

/// The membership that follows from a subscription; a month more of loyalty for a month more.
fn admit(tx: &mut Tx, of: &Subscription, kind: Kind, now: Timestamp) -> Result<Member, StoreError> {
    let past = members::find(tx, of.channel, of.person)?;
    let loyal = past.filter(|past| now < past.until + LOYAL_FOR);
    let more = i64::from(kind == Kind::Month);
    let (since, months) = loyal.map_or((now, 0), |loyal| (loyal.since, loyal.months));
    let member = Member {
        channel: of.channel,
        person: of.person,
        tier: of.tier,
        until: of.until,
        since,
        months: months + more,
    };
    members::keep(tx, member.clone())?;
    Ok(member)
}

/// Says so to the channel's webhooks, and in its live, when there is one.
fn tell(tx: &mut Tx, member: &Member, payment: PaymentId, now: Timestamp) -> Result<(), StoreError> {
    let from = named(tx, member.person)?;
    let (tier, months) = (member.tier, member.months);
    let telling = Telling {
        kind: webhooks::Kind::Subscription,
        subject: (payment.0, 0),
        at: now,
        data: &serde_json::json!({ "from": &from, "tier": tier, "months": months }),
    };
    webhooks::tell(tx, member.channel, &telling)?;
    let Some(room) = live_of(tx, member.channel)? else {
        return Ok(());
    };
    let from = board::adorned(tx, room, &from, now)?;
    busk_rooms::log::append(tx, room, What::Subscription { from, tier, months }, now)?;
    Ok(())
}

/// The channel's room that is on the air.
fn live_of(tx: &mut Tx, channel: ChannelId) -> Result<Option<RoomId>, StoreError> {
    let Some(room) = state::open_room(tx, channel)? else {
        return Ok(None);
    };
    let on_air = tx.find::<Room>(&room)?.is_some_and(|room| room.state.is_on_air());
    Ok(on_air.then_some(room))
}

/// A person as the others in a live see them.
fn named_in(tx: &mut Tx, room: RoomId, person: PersonId, now: Timestamp) -> Result<Speaker, StoreError> {
    let speaker = named(tx, person)?;
    board::adorned(tx, room, &speaker, now)
}

fn named(tx: &mut Tx, person: PersonId) -> Result<Speaker, StoreError> {
    let gone = || StoreError::Broken("a subscriber is gone".into());
    let person = tx.find::<Person>(&person)?.ok_or_else(gone)?;
    busk_rooms::speaker(&Caller::Person(person), false).ok_or_else(gone)
}

/// Why a subscription was not changed, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChangeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("they do not subscribe")]
    NotSubscribed,
    #[error("no card is kept that could be charged")]
    NoMethod,
    #[error("the channel has no such tier, or it costs more")]
    TierUnknown,
}

/// Cancels at the period's end, or takes that back until then. `job` would renew it.
pub fn set_renews(
    tx: &mut Tx,
    channel: ChannelId,
    person: PersonId,
    renews: bool,
    job: JobId,
    now: Timestamp,
) -> Result<Subscription, ChangeError> {
    let current = tx.find::<Subscription>(&(channel, person))?;
    let current = current.filter(|current| current.state(now) != SubscriptionState::Ended);
    let current = current.ok_or(ChangeError::NotSubscribed)?;
    if current.renews == renews {
        return Ok(current);
    }
    if renews && current.method.is_none() {
        return Err(ChangeError::NoMethod);
    }
    let next = Subscription { renews, ..current };
    next.clone().save(tx)?;
    if renews {
        renewal::leave(tx, &next, job)?;
    }
    Ok(next)
}

/// Cancels all of a person's at their periods' ends, as many as anybody has.
pub fn cancel_all(tx: &mut Tx, person: PersonId) -> Result<(), StoreError> {
    for current in of_person(tx, person, AT_ONCE_MAX)? {
        if current.renews {
            let renews = false;
            Subscription { renews, ..current }.save(tx)?;
        }
    }
    Ok(())
}

/// A cheaper tier from the next period on; one's own takes that back. What it costs then is what it costs now.
pub fn downgrade(
    tx: &mut Tx,
    channel: ChannelId,
    person: PersonId,
    tier: u8,
    now: Timestamp,
) -> Result<Subscription, ChangeError> {
    let current = tx.find::<Subscription>(&(channel, person))?;
    let current = current.filter(|current| current.state(now) != SubscriptionState::Ended);
    let current = current.ok_or(ChangeError::NotSubscribed)?;
    let next_tier = if tier == current.tier {
        None
    } else {
        let tiers = tiers(tx, channel)?;
        let cheaper = tiers
            .iter()
            .find(|offered| offered.id == tier && offered.price < current.price);
        Some(cheaper.ok_or(ChangeError::TierUnknown)?.id)
    };
    let next = Subscription { next_tier, ..current };
    next.clone().save(tx)?;
    Ok(next)
}

/// What a member pays less for a ticket of the channel, in percent; nothing for others.
pub fn ticket_discount(
    db: &mut impl Read,
    channel: ChannelId,
    person: PersonId,
    now: Timestamp,
) -> Result<u8, StoreError> {
    match members::member(db, channel, person, now)? {
        Some(member) => tiers::ticket_discount(db, channel, member.tier),
        None => Ok(0),
    }
}

impl Subscription {
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// Whether somebody else has paid for it: no card is kept.
    fn is_given(&self) -> bool {
        !self.renews && self.method.is_none()
    }

    /// Whether it stands in the way of subscribing: in force, and no renewal of it was declined. Who was given a
    /// month may go on by themselves with the same tier, so that nobody gets the rest of it at a dearer one's worth.
    fn bars(&self, tier: u8, now: Timestamp) -> bool {
        let goes_on = self.is_given() && self.tier == tier;
        self.is_in_force(now) && self.declines == 0 && !goes_on
    }

    pub fn state(&self, now: Timestamp) -> SubscriptionState {
        match (self.renews, self.declines > 0, self.is_in_force(now)) {
            (true, true, _) => SubscriptionState::PastDue,
            // Also the moments between the period's end and the provider's word.
            (true, false, _) => SubscriptionState::Active,
            (false, _, true) if self.is_given() => SubscriptionState::Given,
            (false, _, true) => SubscriptionState::Cancelled,
            (false, _, false) => SubscriptionState::Ended,
        }
    }

    /// What a tier of this price costs more for the rest of the period; a fraction of the smallest unit is the
    /// payer's.
    pub fn difference(&self, price: i64, now: Timestamp) -> i64 {
        let began = month(self.anchor, self.months - 1).unwrap_or(self.anchor);
        let us = |duration: Duration| i128::try_from(duration.as_micros()).unwrap_or(i128::MAX);
        let (rest, whole) = (us(self.until.since(now)), us(self.until.since(began)));
        if whole == 0 {
            return 0;
        }
        // A renewal that was paid ahead is a rest of more than one month.
        let difference = i128::from((price - self.price).max(0)) * rest / whole;
        i64::try_from(difference).unwrap_or(i64::MAX)
    }
}

/// The end of so many months from a day on.
fn month(anchor: Timestamp, months: i64) -> Result<Timestamp, StoreError> {
    let end = u32::try_from(months)
        .ok()
        .and_then(|months| anchor.months_later(months));
    end.ok_or_else(|| StoreError::Broken(format!("{months} months after {anchor}")))
}

/// The order of a payment's row, which was there when the row was written.
fn ordered(tx: &mut Tx, payment: &Payment) -> Result<MonthOrder, StoreError> {
    let order = tx.find::<MonthOrder>(&payment.id)?;
    order.ok_or_else(|| StoreError::Broken(format!("no month was ordered by {}", payment.id)))
}
