//! Tickets: a page sells who may be in one of its rooms, and stage passes ("Live With"): a ticket with a turn on
//! camera. Read `offer`, `buy` and then `deliver` downward; what becomes of tickets when the event is over stands in
//! [`events`](crate::events).
//!
//! Invariant: never more seats are taken than there are. A seat is taken by an update that finds one or does nothing,
//! in the transaction that begins the payment; it is kept for whoever pays for a while (policy). Who pays later than
//! that gets what is free then, or all their money back by itself. A person has one ticket of a room, and is let in
//! as long as they have it.

pub mod desk;
mod http;
mod sql;
#[cfg(test)]
mod tests;

use std::time::Duration;

use busk_base::{JobId, PaymentId, PersonId, Policy, RoomId, Timestamp};
use busk_people::{Caller, Channel, ChannelKind, Person};
use busk_rooms::{Access, Room, State, What, access, board, log};
use busk_store::{Read, StoreError, Tx};
use busk_webhooks::{self as webhooks, Telling};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::notices::HearError;
use crate::payments::{self, BeginError, NewPayment, Order, Payment};
use crate::rules::Rules;
use crate::sales::{self, following};
pub use http::routes;
pub use sql::{Offer, Ticket, of_person, offer_of, tickets_of};
pub(crate) use sql::{held, turns};

pub const CAPACITY_MAX: i64 = 1_000_000;
pub const PRICE_MAX: i64 = 1_000_000;
pub const COUNTRIES_MAX: usize = 50;

/// Where a ticket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TicketState {
    /// Its page can be paid at, and its seat is kept.
    Reserved,
    /// It was not paid in time.
    Lapsed,
    /// Paid, and its holder is let in; the money waits for the event.
    Held,
    /// The event was held; of a stage pass: its holder was on stage.
    Delivered,
    /// The money went back.
    Returned,
}

/// What a room's tickets are to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOffer {
    /// In the currency's minor unit.
    pub price: i64,
    pub capacity: i64,
    pub sales_from: Option<Timestamp>,
    pub sales_until: Option<Timestamp>,
    /// Whether tickets include the replay.
    pub replay: bool,
    /// ISO 3166-1 alpha-2; everywhere when there is none.
    pub countries: Vec<String>,
    pub stage: Option<NewStage>,
}

/// Stage passes: each is a ticket too, and takes a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewStage {
    pub price: i64,
    pub count: i64,
}

/// Why tickets are not offered, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OfferError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("the room is not yours")]
    NotYours,
    #[error("only pages sell tickets")]
    PageNeeded,
    #[error("tickets are offered before a room is live")]
    TooLate,
    #[error("a price is from 1 to {PRICE_MAX}")]
    Price,
    #[error("from 1 to {CAPACITY_MAX} seats")]
    Capacity,
    #[error("more are sold already")]
    BelowTaken,
    #[error("the sale ends before it begins")]
    Window,
    #[error("countries are two capital letters each, at most {COUNTRIES_MAX}")]
    Countries,
}

/// Offers tickets, or changes what is offered: what was sold stays as it was.
pub fn offer(
    tx: &mut Tx,
    room: RoomId,
    by: PersonId,
    new: &NewOffer,
    now: Timestamp,
) -> Result<Offer, OfferError> {
    let room = tx.find::<Room>(&room)?.filter(|room| !room.private);
    let room = room.ok_or(OfferError::RoomUnknown)?;
    if room.host != by {
        return Err(OfferError::NotYours);
    }
    let channel = tx.find::<Channel>(&room.channel)?;
    if channel.is_none_or(|channel| channel.kind != ChannelKind::Page) {
        return Err(OfferError::PageNeeded);
    }
    if !matches!(room.state, State::Scheduled | State::Lobby) {
        return Err(OfferError::TooLate);
    }
    let prices = [new.price, new.stage.map_or(1, |stage| stage.price)];
    if prices.iter().any(|price| !(1..=PRICE_MAX).contains(price)) {
        return Err(OfferError::Price);
    }
    let stage = new.stage.map_or(0, |stage| stage.count);
    if !(1..=CAPACITY_MAX).contains(&new.capacity) || !(0..=new.capacity).contains(&stage) {
        return Err(OfferError::Capacity);
    }
    let known = offer_of(tx, room.id)?;
    if known
        .as_ref()
        .is_some_and(|known| new.capacity < known.taken || stage < known.stage_taken)
    {
        return Err(OfferError::BelowTaken);
    }
    if matches!((new.sales_from, new.sales_until), (Some(from), Some(until)) if until <= from) {
        return Err(OfferError::Window);
    }
    let country = |code: &String| code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase());
    if new.countries.len() > COUNTRIES_MAX || !new.countries.iter().all(country) {
        return Err(OfferError::Countries);
    }

    sql::save_offer(tx, room.id, new, now)?;
    access::set(tx, room.id, Access::Ticket)?;
    let gone = || StoreError::Broken("an offer that was just made is gone".into());
    Ok(offer_of(tx, room.id)?.ok_or_else(gone)?)
}

/// A ticket, as its buyer asks for it.
#[derive(Clone, Debug)]
pub struct Buy {
    /// Made by the client; permanent.
    pub id: PaymentId,
    pub room: RoomId,
    pub person: PersonId,
    /// With a turn on stage.
    pub stage: bool,
    /// Where the buyer says that they are.
    pub country: Option<String>,
    pub provider: &'static str,
}

/// A purchase as it stands.
pub type Purchase = payments::Purchase<Ticket>;

/// Why no purchase was begun, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BuyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another payment")]
    IdReused(PaymentId),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("this is not sold for the room")]
    NotSold,
    #[error("nobody buys a ticket of their own room")]
    SelfTicket,
    #[error("the sale has not begun, or is over")]
    NotOnSale,
    #[error("say where you are: this is sold in some countries only")]
    CountryNeeded,
    #[error("this is not sold in your country")]
    CountryNotServed,
    #[error("you have a ticket")]
    Held,
    #[error("a ticket is being paid for already")]
    BeingPaid,
    #[error("all are sold")]
    SoldOut,
    #[error(transparent)]
    Begin(BeginError),
}

/// Begins a purchase: the seat is kept while it is paid for, and nothing moves until it is settled.
pub fn buy(tx: &mut Tx, buy: &Buy, rules: &Rules, now: Timestamp) -> Result<Purchase, BuyError> {
    if let Some(payment) = tx.find::<Payment>(&buy.id)? {
        let order = sql::ticket(tx, buy.id)?;
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
    let offer = offer_of(tx, room.id)?.ok_or(BuyError::NotSold)?;
    let price = offer.price_of(buy.stage).ok_or(BuyError::NotSold)?;
    if buy.person == room.host {
        return Err(BuyError::SelfTicket);
    }
    if !offer.is_on_sale(&room, now) {
        return Err(BuyError::NotOnSale);
    }
    if !offer.serves(buy.country.as_deref()) {
        return Err(match buy.country {
            None => BuyError::CountryNeeded,
            Some(_) => BuyError::CountryNotServed,
        });
    }
    let mine = sql::of_person_in(tx, buy.room, buy.person)?;
    if mine.iter().any(Ticket::lets_in) {
        return Err(BuyError::Held);
    }
    if mine.iter().any(|ticket| ticket.is_kept(now)) {
        return Err(BuyError::BeingPaid);
    }
    if !sql::has_seat(tx, &offer, buy.stage, now)? {
        return Err(BuyError::SoldOut);
    }
    let new = NewPayment {
        id: buy.id,
        payer: buy.person,
        order: Order::Ticket,
        price,
        provider: buy.provider,
    };
    let payment = payments::begin(tx, &new, &rules.policy, now).map_err(BuyError::Begin)?;

    sql::let_lapse(tx, buy.room, now)?;
    if !sql::take_seat(tx, buy.room, buy.stage)? {
        return Err(BuyError::SoldOut);
    }
    let order = Ticket {
        payment: buy.id,
        room: buy.room,
        person: buy.person,
        stage: buy.stage,
        state: TicketState::Reserved,
        replay: offer.replay,
        scheduled_at: room.scheduled_at,
        country: buy.country.clone(),
        reserved_until: now + Duration::from_secs(rules.policy.ticket_reserve_s),
        created_at: now,
    };
    order.add(tx)?;
    Ok(Purchase {
        payment,
        order,
        new: true,
    })
}

/// What a settled payment brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brought {
    Ticket,
    /// The money is to go back, for this reason.
    Nothing(&'static str),
}

/// The payment is settled: its payer is let in, if there is still a seat. The money waits for the event.
pub(crate) fn deliver(
    tx: &mut Tx,
    payment: &Payment,
    rules: &Rules,
    now: Timestamp,
) -> Result<Brought, HearError> {
    let ticket = sql::ticket(tx, payment.id)?;
    let ticket =
        ticket.ok_or_else(|| StoreError::Broken(format!("no ticket was ordered by {}", payment.id)))?;
    sales::paid(tx, payment, rules, now)?;
    let gone = |what| StoreError::Broken(format!("a ticket's {what} is gone"));
    let offer = offer_of(tx, ticket.room)?.ok_or_else(|| gone("offer"))?;
    let others = sql::of_person_in(tx, ticket.room, ticket.person)?;
    let card = payment.country.as_deref();
    let why = if offer.closed {
        Some("the event is over, or was not held")
    } else if others.iter().any(Ticket::lets_in) {
        Some("there is a ticket already")
    } else if card.is_some() && !offer.serves(card) {
        Some("the card is from a country in which this is not sold")
    } else {
        None
    };
    sql::let_lapse(tx, ticket.room, now)?;
    let ticket = sql::ticket(tx, payment.id)?.ok_or_else(|| gone("row"))?;
    let kept = ticket.state == TicketState::Reserved;
    if let Some(why) = why {
        if kept {
            sql::free_seat(tx, &ticket)?;
        }
        ticket.turn(tx, TicketState::Returned)?;
        return Ok(Brought::Nothing(why));
    }
    if !kept && !sql::take_seat(tx, ticket.room, ticket.stage)? {
        ticket.turn(tx, TicketState::Returned)?;
        return Ok(Brought::Nothing("all were sold when it was paid"));
    }
    ticket.turn(tx, TicketState::Held)?;
    access::admit(tx, ticket.room, ticket.person, ticket.replay, now)?;
    tell(tx, &ticket, now)?;
    Ok(Brought::Ticket)
}

/// Says so to the channel's webhooks; and in the room while it is on the air: before, a full house would fill the log that
/// its first viewers read.
fn tell(tx: &mut Tx, ticket: &Ticket, now: Timestamp) -> Result<(), StoreError> {
    let gone = || StoreError::Broken("a ticket's room or buyer is gone".into());
    let room = tx.find::<Room>(&ticket.room)?.ok_or_else(gone)?;
    let person = tx.find::<Person>(&ticket.person)?.ok_or_else(gone)?;
    let from = busk_rooms::speaker(&Caller::Person(person), false).ok_or_else(gone)?;
    let telling = Telling {
        kind: webhooks::Kind::Ticket,
        subject: (ticket.payment.0, 0),
        at: now,
        data: &serde_json::json!({ "room": room.id, "from": from, "stage": ticket.stage }),
    };
    webhooks::tell(tx, room.channel, &telling)?;
    if room.state.is_on_air() {
        let from = board::adorned(tx, room.id, &from, now)?;
        let stage = ticket.stage;
        log::append(tx, room.id, What::Ticket { from, stage }, now)?;
    }
    Ok(())
}

/// The payment will not be made: its seat is free again.
pub(crate) fn not_paid(tx: &mut Tx, payment: PaymentId) -> Result<(), StoreError> {
    let ticket = sql::ticket(tx, payment)?;
    if let Some(ticket) = ticket.filter(|ticket| ticket.state == TicketState::Reserved) {
        sql::free_seat(tx, &ticket)?;
        ticket.turn(tx, TicketState::Lapsed)?;
    }
    Ok(())
}

/// What was promised is delivered: each gets their part of the money.
pub(crate) fn hand_over(
    tx: &mut Tx,
    ticket: &Ticket,
    payment: &Payment,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), HearError> {
    let room = tx.find::<Room>(&ticket.room)?;
    let room = room.ok_or_else(|| StoreError::Broken("a ticket's room is gone".into()))?;
    let share = rules.policy.ticket_share_percent;
    sales::deliver(tx, payment, room.channel, share, rules, now)?;
    ticket.turn(tx, TicketState::Delivered)?;
    Ok(())
}

/// All of the money went back, by a refund or a lost dispute (`because`): the ticket lets nobody in any more.
pub(crate) fn given_back(
    tx: &mut Tx,
    payment: PaymentId,
    because: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ticket = sql::ticket(tx, payment)?;
    if let Some(ticket) = ticket.filter(Ticket::lets_in) {
        sql::free_seat(tx, &ticket)?;
        ticket.turn(tx, TicketState::Returned)?;
        let job = JobId(following(because, "show out").0);
        access::withdraw(tx, ticket.room, ticket.person, job, now)?;
    }
    Ok(())
}

/// The money did not go back after all: the ticket holds again, if its seat was not sold meanwhile.
pub(crate) fn given_again(tx: &mut Tx, payment: &Payment, now: Timestamp) -> Result<(), StoreError> {
    let ticket = sql::ticket(tx, payment.id)?;
    let Some(ticket) = ticket.filter(|ticket| ticket.state == TicketState::Returned) else {
        return Ok(());
    };
    if sql::take_seat(tx, ticket.room, ticket.stage)? {
        let delivered = tx.find::<sales::Sale>(&payment.id)?.is_some();
        let state = if delivered {
            TicketState::Delivered
        } else {
            TicketState::Held
        };
        ticket.turn(tx, state)?;
        access::admit(tx, ticket.room, ticket.person, ticket.replay, now)?;
    }
    Ok(())
}

/// Whether a ticket is given back on request without asking anybody.
pub(crate) fn goes_back_on_request(
    db: &mut impl Read,
    payment: PaymentId,
    policy: &Policy,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(ticket) = sql::ticket(db, payment)?.filter(|ticket| ticket.state == TicketState::Held) else {
        return Ok(false);
    };
    let room = busk_rooms::room::public(db, ticket.room)?;
    Ok(room.is_some_and(|room| ticket.is_free_to_return(&room, policy, now)))
}

impl Offer {
    /// What a ticket costs, or one with a turn on stage.
    pub fn price_of(&self, stage: bool) -> Option<i64> {
        if stage { self.stage_price } else { Some(self.price) }
    }

    fn is_on_sale(&self, room: &Room, now: Timestamp) -> bool {
        let open = matches!(
            room.state,
            State::Scheduled | State::Lobby | State::Live | State::Interrupted
        );
        let begun = self.sales_from.is_none_or(|from| from <= now);
        let over = self.sales_until.is_some_and(|until| until <= now);
        open && !self.closed && begun && !over
    }

    fn serves(&self, country: Option<&str>) -> bool {
        self.countries.is_empty()
            || country.is_some_and(|country| self.countries.iter().any(|of| of == country))
    }
}

impl Ticket {
    /// Whether it is paid for, and not given back.
    pub fn lets_in(&self) -> bool {
        matches!(self.state, TicketState::Held | TicketState::Delivered)
    }

    /// Whether its seat is kept while it is paid for.
    pub fn is_kept(&self, now: Timestamp) -> bool {
        self.state == TicketState::Reserved && now < self.reserved_until
    }

    fn is(&self, buy: &Buy) -> bool {
        (self.room, self.person, self.stage, &self.country) == (buy.room, buy.person, buy.stage, &buy.country)
    }

    /// Whether its holder may have the money back for the asking: long enough before, or when the time was changed.
    fn is_free_to_return(&self, room: &Room, policy: &Policy, now: Timestamp) -> bool {
        let before = Duration::from_secs(policy.ticket_refund_before_s);
        let early = room.scheduled_at.is_some_and(|at| now + before <= at);
        room.started_at.is_none() && (early || room.scheduled_at != self.scheduled_at)
    }
}
