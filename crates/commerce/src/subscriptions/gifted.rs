//! Months given to others: somebody pays for a month of a tier for a person whom they name, or for some who are in the
//! live and are no members (as on Twitch). Read `give`, `deliver` and `hand_over` downward.
//!
//! A given month is like any other, but its receiver never pays for it: nothing is renewed by it, and who pays for
//! themselves is charged a month later. A member can be given a month of the tier that they have, and of no other: of
//! a dearer one the rest of what is paid would be worth more than it cost, of a cheaper one less.
//!
//! Who gets those for "anybody here" is drawn when it is paid, by a job, since only then it is known who is there;
//! for whom nobody is found the money goes back at once.
//!
//! Invariant: of a payment no more months are given than it paid for, and each person gets one at most. What of its
//! money brings no month goes back in the transaction that gives the others, so that none is left deferred.

mod draw;
mod http;
mod sql;
#[cfg(test)]
mod tests;

use busk_base::{ChannelId, JobId, PaymentId, PersonId, RoomId, Timestamp};
use busk_people::{Channel, Person, block};
use busk_rooms::{Room, What};
use busk_store::{Read, StoreError, Tx, jobs};

use super::{Kind, Subscription, admit, live_of, month, named_in, subscription, tiers};
use crate::notices::{HearError, Heard};
use crate::payments::{self, BeginError, NewPayment, Order, Payment};
use crate::refunds;
use crate::rules::Rules;
use crate::sales::{self, following};
pub use draw::{DRAW_JOB, draw};
pub(super) use http::routes;
pub(crate) use sql::GIFTED;
pub(super) use sql::set_taken_back;
pub use sql::{GiftOrder, Receiver, receivers};

/// How many can be given to whoever is there.
pub const COUNTS: [u8; 4] = [1, 5, 10, 20];

/// Who is to get a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    Person(PersonId),
    /// So many of those who are in a live of the channel.
    Anybody {
        room: RoomId,
        count: u8,
    },
}

impl To {
    fn count(self) -> i64 {
        match self {
            To::Person(_) => 1,
            To::Anybody { count, .. } => i64::from(count),
        }
    }
}

/// Months for others, as their giver asks for them.
#[derive(Clone, Debug)]
pub struct Give {
    /// Made by the client; permanent.
    pub id: PaymentId,
    pub channel: ChannelId,
    pub giver: PersonId,
    pub tier: u8,
    pub to: To,
    pub provider: &'static str,
}

/// A payment that was begun for others' months.
pub type Purchase = payments::Purchase<GiftOrder>;

/// Why a person gets no month, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("a month for oneself is a subscription")]
    Oneself,
    #[error("it is their channel")]
    Owner,
    #[error("they are a member of another tier")]
    OtherTier,
    /// Of those who happen to be there only who is no member gets one.
    #[error("they are a member already")]
    Member,
    /// The channel or the giver has blocked them, or was blocked by them: which is nobody's business.
    #[error("it cannot be given to them")]
    Blocked,
}

/// Why nothing was begun, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GiveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another payment")]
    IdReused(PaymentId),
    #[error("there is no such channel")]
    ChannelUnknown,
    #[error("the channel has no such tier")]
    TierUnknown,
    #[error("nobody gives months of their own channel")]
    OwnChannel,
    #[error("give 1, 5, 10 or 20")]
    Count,
    #[error("the channel has no such room")]
    RoomUnknown,
    #[error("the room is not live")]
    RoomNotLive,
    #[error("there is no such person")]
    PersonUnknown,
    #[error(transparent)]
    Unfit(Unfit),
    #[error(transparent)]
    Begin(BeginError),
}

/// Begins to pay for others' months: nothing changes until the provider says that it is settled.
pub fn give(tx: &mut Tx, give: &Give, rules: &Rules, now: Timestamp) -> Result<Purchase, GiveError> {
    if let Some(payment) = tx.find::<Payment>(&give.id)? {
        let order = tx.find::<GiftOrder>(&give.id)?;
        let order = order.filter(|order| order.is(give));
        let order = order.ok_or(GiveError::IdReused(give.id))?;
        let new = false;
        return Ok(Purchase { payment, order, new });
    }
    let channel = tx.find::<Channel>(&give.channel)?;
    let channel = channel.ok_or(GiveError::ChannelUnknown)?;
    let offered = tiers(tx, give.channel)?;
    let tier = offered.into_iter().find(|tier| tier.id == give.tier);
    let tier = tier.ok_or(GiveError::TierUnknown)?;
    if channel.owner == give.giver {
        return Err(GiveError::OwnChannel);
    }
    let order = GiftOrder {
        payment: give.id,
        channel: give.channel,
        giver: give.giver,
        tier: give.tier,
        monthly: tier.price,
        to: give.to,
        handed_out: false,
    };
    match give.to {
        To::Anybody { room, count } => {
            if !COUNTS.contains(&count) {
                return Err(GiveError::Count);
            }
            let room = tx.find::<Room>(&room)?;
            let room = room.filter(|room| room.channel == give.channel && !room.private);
            if !room.ok_or(GiveError::RoomUnknown)?.state.is_on_air() {
                return Err(GiveError::RoomNotLive);
            }
        }
        To::Person(person) => {
            if tx.find::<Person>(&person)?.is_none() {
                return Err(GiveError::PersonUnknown);
            }
            if let Some(why) = unfit(tx, &order, channel.owner, person, now)? {
                return Err(GiveError::Unfit(why));
            }
        }
    }
    let new = NewPayment {
        id: give.id,
        payer: give.giver,
        order: Order::GiftedSubscription,
        price: order.monthly * give.to.count(),
        provider: give.provider,
    };
    let payment = payments::begin(tx, &new, &rules.policy, now).map_err(GiveError::Begin)?;

    order.clone().add(tx);
    let new = true;
    Ok(Purchase { payment, order, new })
}

/// Why a person gets no month of an order, if they do not.
fn unfit(
    db: &mut impl Read,
    order: &GiftOrder,
    owner: PersonId,
    person: PersonId,
    now: Timestamp,
) -> Result<Option<Unfit>, StoreError> {
    if person == order.giver {
        return Ok(Some(Unfit::Oneself));
    }
    if person == owner {
        return Ok(Some(Unfit::Owner));
    }
    let current = subscription(db, order.channel, person)?;
    // Who pays for themselves keeps what they agreed to, also while their card is tried again.
    let current = current.filter(|current| current.is_in_force(now) || current.renews);
    match (current, order.to) {
        (Some(_), To::Anybody { .. }) => return Ok(Some(Unfit::Member)),
        (Some(current), To::Person(_)) if current.tier != order.tier => return Ok(Some(Unfit::OtherTier)),
        (Some(_) | None, _) => {}
    }
    for other in [owner, order.giver] {
        if block::has_blocked(db, other, person)? || block::has_blocked(db, person, other)? {
            return Ok(Some(Unfit::Blocked));
        }
    }
    Ok(None)
}

/// The payment is settled: a month that is for a person is theirs at once, others are drawn by a job.
pub(crate) fn deliver(
    tx: &mut Tx,
    payment: &Payment,
    rules: &Rules,
    now: Timestamp,
) -> Result<Heard, HearError> {
    let order = ordered(tx, payment.id)?;
    sales::paid(tx, payment, rules, now)?;
    let To::Person(person) = order.to else {
        let job = JobId(following(payment.id.0, "draw").0);
        jobs::leave(tx, job, DRAW_JOB, draw::body(payment.id)?, now);
        return Ok(Heard::Settled);
    };
    match hand_over(tx, payment, order, &[person], rules, now)? {
        0 => Ok(Heard::GivenBack),
        _ => Ok(Heard::Settled),
    }
}

/// Gives those who were found their month, as far as they can still be given one and the money goes; what is left of
/// the money goes back. Says how many got one.
pub(crate) fn hand_over(
    tx: &mut Tx,
    payment: &Payment,
    order: GiftOrder,
    found: &[PersonId],
    rules: &Rules,
    now: Timestamp,
) -> Result<usize, HearError> {
    let gone = |what| StoreError::Broken(format!("a {what} of given months is gone"));
    let channel = tx.find::<Channel>(&order.channel)?;
    let owner = channel.ok_or_else(|| gone("channel"))?.owner;
    let affordable = payment.kept() / order.monthly;
    let mut members = Vec::new();
    for person in found {
        let full = members.len() as i64 >= affordable;
        if full || members.contains(person) || unfit(tx, &order, owner, *person, now)?.is_some() {
            continue;
        }
        members.push(*person);
    }
    // First, so that what is delivered is all that stays.
    let rest = payment.kept() - order.monthly * members.len() as i64;
    refunds::part_by_rule(tx, payment, rest, NOBODY_FOUND, NOBODY, rules, now)?;
    if !members.is_empty() {
        let payment = tx.find::<Payment>(&payment.id)?.ok_or_else(|| gone("payment"))?;
        let share = rules.policy.subscription_share_percent;
        sales::deliver(tx, &payment, order.channel, share, rules, now)?;
        for person in &members {
            let until = add_month(tx, &order, &payment, *person, now)?;
            sql::add_receiver(tx, order.payment, *person, until)?;
        }
        tell(tx, &order, &members, now)?;
    }
    let handed_out = true;
    GiftOrder { handed_out, ..order }.save(tx);
    Ok(members.len())
}

/// What the refund of such months is known by.
pub(crate) const NOBODY_FOUND: &str = "nobody found";
/// What the giver reads of the money that went back.
const NOBODY: &str = "Nobody more could be given a month";

/// A month more for a receiver: after the one that is paid, or from now on when there is none. Gives its end.
fn add_month(
    tx: &mut Tx,
    order: &GiftOrder,
    payment: &Payment,
    person: PersonId,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let current = tx.find::<Subscription>(&(order.channel, person))?;
    let next = match current {
        Some(current) if current.is_in_force(now) => Subscription {
            months: current.months + 1,
            until: month(current.anchor, current.months + 1)?,
            ..current
        },
        // Their card is being tried again, at what they agreed to: that waits for the end of the month.
        Some(current) if current.renews => Subscription {
            anchor: now,
            months: 1,
            until: month(now, 1)?,
            ..current
        },
        past => Subscription {
            channel: order.channel,
            person,
            tier: order.tier,
            price: order.monthly,
            anchor: now,
            months: 1,
            until: month(now, 1)?,
            bought: past.as_ref().map_or(0, |past| past.bought),
            root: past.map_or(order.payment, |past| past.root),
            renews: false,
            declines: 0,
            next_tier: None,
            provider: payment.provider.clone(),
            method: None,
        },
    };
    next.clone().save(tx)?;
    admit(tx, &next, Kind::Month, now)?;
    Ok(next.until)
}

/// Says so in the channel's live, when there is one.
fn tell(tx: &mut Tx, order: &GiftOrder, members: &[PersonId], now: Timestamp) -> Result<(), StoreError> {
    let Some(room) = live_of(tx, order.channel)? else {
        return Ok(());
    };
    let from = named_in(tx, room, order.giver, now)?;
    let to = members.iter().map(|person| named_in(tx, room, *person, now));
    let to = to.collect::<Result<_, _>>()?;
    let tier = order.tier;
    busk_rooms::log::append(tx, room, What::SubscriptionGift { from, tier, to }, now)?;
    Ok(())
}

/// The order of a payment's row, which was there when the row was written.
fn ordered(tx: &mut Tx, payment: PaymentId) -> Result<GiftOrder, StoreError> {
    let order = tx.find::<GiftOrder>(&payment)?;
    order.ok_or_else(|| StoreError::Broken(format!("no months were ordered by {payment}")))
}
