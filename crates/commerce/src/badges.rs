//! A badge: one, two or three hearts beside a name for one live, bought with money. Read `buy` and then `deliver`
//! downward; nothing else happens.
//!
//! Invariant: a person has each badge at most once in a live, and nothing is delivered twice. Hearts, supporter's row,
//! the room's event and the money's posting commit together or not at all.

mod http;
mod sql;
#[cfg(test)]
mod tests;

use busk_base::{GoalId, PaymentId, PersonId, Policy, RoomId, Timestamp};
use busk_people::{Caller, Person};
use busk_rooms::board::{self, Goal, GoalKind};
use busk_rooms::{Access, Room, What, access};
use busk_store::{StoreError, Tx};

use crate::notices::{HearError, Heard};
use crate::payments::{self, BeginError, NewPayment, Order, Payment, PaymentState};
use crate::rules::Rules;
use crate::supporters::{self, Given};
use crate::{refunds, sales, tally};
pub(crate) use http::room_unknown;
pub use http::routes;
pub use sql::{BadgeOrder, Bought, bought, order};

/// A badge, as its buyer asks for it.
#[derive(Clone, Debug)]
pub struct Buy {
    /// Made by the client; permanent.
    pub id: PaymentId,
    pub room: RoomId,
    pub person: PersonId,
    /// 1, 2 or 3.
    pub hearts: u8,
    pub provider: &'static str,
}

/// A purchase as it stands.
pub type Purchase = payments::Purchase<BadgeOrder>;

/// Why no purchase was begun, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BuyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another payment")]
    IdReused(PaymentId),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("the room is not live")]
    RoomNotLive,
    #[error("the buyer may not be in the room")]
    Barred(Access),
    #[error("there is no such badge")]
    BadgeUnknown,
    #[error("nobody buys a badge in their own live")]
    SelfBadge,
    #[error("this badge is there already")]
    Held,
    #[error("this badge is being paid for already")]
    BeingPaid,
    #[error(transparent)]
    Begin(BeginError),
}

/// What so many hearts cost, in the currency's minor unit.
pub fn price(hearts: u8, policy: &Policy) -> Option<i64> {
    let place = usize::from(hearts).checked_sub(1)?;
    policy.badge_prices_cents.get(place).copied()
}

/// Begins a purchase: nothing moves until the provider says that it is settled.
pub fn buy(tx: &mut Tx, buy: &Buy, rules: &Rules, now: Timestamp) -> Result<Purchase, BuyError> {
    if let Some(payment) = tx.find::<Payment>(&buy.id)? {
        let order = tx.find::<BadgeOrder>(&buy.id)?;
        return match order.filter(|order| order.is(buy)) {
            Some(order) => Ok(Purchase {
                payment,
                order,
                new: false,
            }),
            None => Err(BuyError::IdReused(buy.id)),
        };
    }
    let room = tx.find::<Room>(&buy.room)?.filter(|room| !room.private);
    let room = room.ok_or(BuyError::RoomUnknown)?;
    if !room.state.is_on_air() {
        return Err(BuyError::RoomNotLive);
    }
    if let Some(access) = access::bars(tx, &room, buy.person, now)? {
        return Err(BuyError::Barred(access));
    }
    let price = price(buy.hearts, &rules.policy).ok_or(BuyError::BadgeUnknown)?;
    if buy.person == room.host {
        return Err(BuyError::SelfBadge);
    }
    let bought = bought(tx, buy.room, buy.person)?;
    let same = || bought.iter().filter(|bought| bought.hearts == buy.hearts);
    if same().any(|bought| bought.state == PaymentState::Paid && bought.kept) {
        return Err(BuyError::Held);
    }
    if same().any(|bought| bought.can_be_paid(now)) {
        return Err(BuyError::BeingPaid);
    }
    let new = NewPayment {
        id: buy.id,
        payer: buy.person,
        order: Order::Badge,
        price,
        provider: buy.provider,
    };
    let payment = payments::begin(tx, &new, &rules.policy, now).map_err(BuyError::Begin)?;

    let order = BadgeOrder::new(buy);
    order.clone().add(tx);
    Ok(Purchase {
        payment,
        order,
        new: true,
    })
}

/// The payment is settled: the hearts are there at once, also when the live has ended meanwhile. A badge that was paid
/// for twice, by a page that had expired, is not delivered again: the money goes back by itself.
pub(crate) fn deliver(
    tx: &mut Tx,
    payment: &Payment,
    rules: &Rules,
    now: Timestamp,
) -> Result<Heard, HearError> {
    let order = tx.find::<BadgeOrder>(&payment.id)?;
    let order = order.ok_or_else(|| StoreError::Broken(format!("no badge was ordered by {}", payment.id)))?;
    sales::paid(tx, payment, rules, now)?;
    if sql::was_delivered(tx, &order)? {
        let (word, why) = (refunds::NOTHING_BROUGHT, "The badge was there already");
        refunds::by_rule(tx, payment, word, why, rules, now)?;
        return Ok(Heard::GivenBack);
    }
    let gone = |what| StoreError::Broken(format!("a badge's {what} is gone"));
    let room = tx.find::<Room>(&order.room)?.ok_or_else(|| gone("room"))?;
    let person = tx.find::<Person>(&order.person)?.ok_or_else(|| gone("buyer"))?;
    let share = rules.policy.badge_share_percent;
    sales::deliver(tx, payment, room.channel, share, rules, now)?;
    order.delivered(tx, now);

    let given = Given {
        room: room.id,
        channel: room.channel,
        person: person.id,
        gifts: 0,
        coins: 0,
        badges: 1,
        money: payment.price,
        at: now,
    };
    supporters::give(tx, &given, &rules.policy)?;
    board::give_hearts(tx, room.id, person.id, order.hearts)?;
    let buyer = busk_rooms::speaker(&Caller::Person(person), false).ok_or_else(|| gone("name"))?;
    let from = board::adorned(tx, room.id, &buyer, now)?;
    let hearts = order.hearts;
    busk_rooms::log::append(tx, room.id, What::Badge { from, hearts }, now)?;
    let goals = board::find(tx, room.id)?.goals;
    let moves: Vec<(GoalId, i64)> = goals.iter().filter_map(|goal| counts(goal, payment)).collect();
    board::move_goals(tx, room.id, &moves, now)?;
    // Who has given most is seen to by the tally, with the gifts.
    tally::wake(tx, room.id)?;
    Ok(Heard::Settled)
}

/// All of the money went back, by a refund or a lost dispute: the hearts leave the name, and the badge leaves what its
/// buyer gave. What was said with them stays as it was said, and goals where they were.
pub(crate) fn given_back(
    tx: &mut Tx,
    payment: &Payment,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(order) = sql::delivered(tx, payment.id)? else {
        return Ok(());
    };
    order.undelivered(tx)?;
    count(tx, &order, payment, -1, rules, now)
}

/// The money did not go back after all: the badge is there again, unless it was bought anew meanwhile.
pub(crate) fn given_again(
    tx: &mut Tx,
    payment: &Payment,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), StoreError> {
    let was_sold = tx.find::<sales::Sale>(&payment.id)?.is_some();
    let order = tx.find::<BadgeOrder>(&payment.id)?.filter(|_| was_sold);
    let Some(order) = order else { return Ok(()) };
    if sql::was_delivered(tx, &order)? {
        return Ok(());
    }
    order.delivered(tx, now);
    count(tx, &order, payment, 1, rules, now)
}

/// Adds a badge to what its buyer gave, or takes it away, and puts the most hearts that they have beside their name.
fn count(
    tx: &mut Tx,
    order: &BadgeOrder,
    payment: &Payment,
    by: i64,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), StoreError> {
    let room = tx.find::<Room>(&order.room)?;
    let room = room.ok_or_else(|| StoreError::Broken("a badge's room is gone".into()))?;
    let given = Given {
        room: room.id,
        channel: room.channel,
        person: order.person,
        gifts: 0,
        coins: 0,
        badges: by,
        money: by * payment.price,
        at: now,
    };
    supporters::correct(tx, &given, &rules.policy)?;
    let most = sql::most_hearts(tx, room.id, order.person)?;
    board::set_hearts(tx, room.id, order.person, most)?;
    tally::wake(tx, room.id)
}

/// What a badge brings a goal.
fn counts(goal: &Goal, payment: &Payment) -> Option<(GoalId, i64)> {
    (goal.kind == GoalKind::Money).then_some((goal.id, payment.price))
}
