//! Tickets over HTTP.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, Site, StatusCode, routes as operations,
};
use busk_base::{PaymentId, PersonId, RoomId, Timestamp};
use busk_people::{Caller, ChannelRef, SignedIn, person};
use busk_rooms::room::public;
use busk_store::{Reader, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Buy, BuyError, NewOffer, NewStage, OfferError, Purchase, Ticket, TicketState, buy, of_person, offer,
    offer_of, sql, tickets_of,
};
use crate::badges::room_unknown;
use crate::payments::{self, Money, PaymentState, Till, payment};
use crate::rules::Rules;
use crate::sales::Quote;

const LISTED_MAX: i64 = 100;

pub fn routes(till: Till) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(show_offer, put_offer))
        .routes(operations!(begin))
        .routes(operations!(list))
        .routes(operations!(passes))
        .merge(super::desk::routes())
        .with_state(till)
}

/// What tickets of a room cost, and what rules they come with.
#[derive(Serialize, ToSchema)]
struct TicketOffer {
    price: Money,
    /// Who gets what of the price.
    quote: Quote,
    capacity: i64,
    /// Seats that are neither sold nor kept for whoever is paying.
    left: i64,
    stage: Option<StageOffer>,
    sales_from: Option<Timestamp>,
    sales_until: Option<Timestamp>,
    /// Whether it can be bought now.
    on_sale: bool,
    /// Whether tickets include the replay.
    replay: bool,
    /// ISO 3166-1 alpha-2; everywhere when there is none.
    countries: Vec<String>,
    rules: TicketRules,
    /// The asker's ticket, or the one they are paying for.
    mine: Option<MyTicket>,
}

/// A ticket with a turn on camera.
#[derive(Serialize, ToSchema)]
struct StageOffer {
    price: Money,
    quote: Quote,
    count: i64,
    left: i64,
}

/// What is promised before paying.
#[derive(Serialize, ToSchema)]
struct TicketRules {
    /// Given back on request until so long before the event, and whenever its time is changed.
    refund_before_s: u64,
    /// Given back to all when the host cancels, or is not live so long after the event's time.
    no_show_s: u64,
    /// On how many devices a ticket plays at once.
    devices_max: u8,
}

/// A ticket of one's own.
#[derive(Serialize, ToSchema)]
struct MyTicket {
    payment: PaymentId,
    room: RoomId,
    title: String,
    /// Whose event it is.
    channel: ChannelRef,
    scheduled_at: Option<Timestamp>,
    /// With a turn on camera.
    stage: bool,
    state: TicketState,
    replay: bool,
    price: Money,
    /// Whether it is given back for the asking.
    refundable: bool,
    /// Where to pay, as long as it can be paid.
    checkout_url: Option<String>,
    /// Until when the seat is kept for whoever is paying.
    reserved_until: Option<Timestamp>,
    bought_at: Timestamp,
}

fn my_ticket(
    db: &mut Reader,
    ticket: Ticket,
    rules: &Rules,
    now: Timestamp,
) -> Result<Option<MyTicket>, StoreError> {
    let (Some(room), Some(payment)) = (public(db, ticket.room)?, payment(db, ticket.payment)?) else {
        return Ok(None);
    };
    let Some(channel) = busk_people::channel(db, room.channel)? else {
        return Ok(None);
    };
    let refundable = ticket.state == TicketState::Held && ticket.is_free_to_return(&room, &rules.policy, now);
    let open = payment.state == PaymentState::Pending && now < payment.expires_at;
    Ok(Some(MyTicket {
        payment: ticket.payment,
        room: ticket.room,
        title: room.title,
        channel: ChannelRef::from(&channel),
        scheduled_at: room.scheduled_at,
        stage: ticket.stage,
        state: ticket.state,
        replay: ticket.replay,
        price: Money::new(payment.price),
        refundable,
        checkout_url: payment.checkout_url.filter(|_| open),
        reserved_until: (ticket.state == TicketState::Reserved).then_some(ticket.reserved_until),
        bought_at: ticket.created_at,
    }))
}

fn read_offer(
    db: &mut Reader,
    room: RoomId,
    asker: Option<PersonId>,
    rules: &Rules,
    now: Timestamp,
) -> Result<Option<TicketOffer>, StoreError> {
    let (Some(room), Some(offer)) = (public(db, room)?, offer_of(db, room)?) else {
        return Ok(None);
    };
    let mine = match asker {
        Some(person) => sql::of_person_in(db, room.id, person)?,
        None => Vec::new(),
    };
    let of_use = |ticket: &Ticket| ticket.lets_in() || ticket.is_kept(now);
    let mine = mine.into_iter().find(of_use);
    let mine = mine.map(|ticket| my_ticket(db, ticket, rules, now)).transpose()?;
    let policy = &rules.policy;
    let quote = |price| Quote::of(price, policy.ticket_share_percent, None, policy);
    let (lapsed, lapsed_stage) = sql::lapsed(db, room.id, now)?;
    let left = offer.capacity - offer.taken + lapsed;
    let stage_left = (offer.stage_capacity - offer.stage_taken + lapsed_stage).min(left);
    Ok(Some(TicketOffer {
        price: Money::new(offer.price),
        quote: quote(offer.price),
        capacity: offer.capacity,
        left,
        stage: offer.stage_price.map(|price| StageOffer {
            price: Money::new(price),
            quote: quote(price),
            count: offer.stage_capacity,
            left: stage_left,
        }),
        on_sale: offer.is_on_sale(&room, now),
        sales_from: offer.sales_from,
        sales_until: offer.sales_until,
        replay: offer.replay,
        countries: offer.countries,
        rules: TicketRules {
            refund_before_s: policy.ticket_refund_before_s,
            no_show_s: policy.ticket_no_show_s,
            devices_max: policy.ticket_devices_max,
        },
        mine: mine.flatten(),
    }))
}

fn not_sold() -> Problem {
    Problem::not_found("tickets_not_sold", "No tickets of this room are sold")
}

/// What tickets of a room cost, and the rules; with one's own ticket.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/ticket-offer", tag = "tickets", params(("room" = RoomId, Path)),
    responses((status = 200, body = TicketOffer), (status = 404, description = "`tickets_not_sold`"), Failures))]
async fn show_offer(
    Shared(site): Shared<Site>,
    Path(room): Path<RoomId>,
    caller: Caller,
) -> Result<Json<TicketOffer>, Problem> {
    offer_for(&site, room, caller.person_id()).await
}

async fn offer_for(site: &Site, room: RoomId, asker: Option<PersonId>) -> Result<Json<TicketOffer>, Problem> {
    let (now, rules) = Rules::now(site);
    let read = site
        .store()
        .read(move |db: &mut Reader| db.snapshot(|db| read_offer(db, room, asker, &rules, now)));
    read.await?.map(Json).ok_or_else(not_sold)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OfferBody {
    /// In the currency's minor unit.
    #[schema(minimum = 1, maximum = 1_000_000)]
    price: i64,
    #[schema(minimum = 1, maximum = 1_000_000)]
    capacity: i64,
    #[serde(default)]
    sales_from: Option<Timestamp>,
    #[serde(default)]
    sales_until: Option<Timestamp>,
    #[serde(default)]
    replay: bool,
    /// ISO 3166-1 alpha-2; everywhere when there is none.
    #[serde(default)]
    countries: Vec<String>,
    #[serde(default)]
    stage: Option<StageBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StageBody {
    /// With the ticket in it.
    #[schema(minimum = 1, maximum = 1_000_000)]
    price: i64,
    #[schema(minimum = 1)]
    count: i64,
}

/// Offers tickets of a page's room before it is live, or changes what is offered; the room is then for whoever has one.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/ticket-offer", tag = "tickets", params(("room" = RoomId, Path)),
    request_body = OfferBody,
    responses((status = 200, body = TicketOffer), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`page_needed`, `too_late`, `below_taken`"), Refusals))]
async fn put_offer(
    Shared(site): Shared<Site>,
    Path(room): Path<RoomId>,
    SignedIn(host): SignedIn,
    Json(body): Json<OfferBody>,
) -> Result<Json<TicketOffer>, Problem> {
    let (now, by) = (site.now(), host.id);
    let new = NewOffer {
        price: body.price,
        capacity: body.capacity,
        sales_from: body.sales_from,
        sales_until: body.sales_until,
        replay: body.replay,
        countries: body.countries,
        stage: body.stage.map(|stage| NewStage {
            price: stage.price,
            count: stage.count,
        }),
    };
    let written = site.store().write(move |tx| offer(tx, room, by, &new, now));
    written.await.map_err(offer_problem)?;
    offer_for(&site, room, Some(by)).await
}

fn offer_problem(error: OfferError) -> Problem {
    let text = error.to_string();
    match error {
        OfferError::Store(error) => error.into(),
        OfferError::RoomUnknown => room_unknown(),
        OfferError::NotYours => Problem::forbidden("not_yours", "The room is not yours"),
        OfferError::PageNeeded => Problem::conflict("page_needed", "Only pages sell tickets"),
        OfferError::TooLate => Problem::conflict("too_late", text),
        OfferError::Price => Problem::invalid("price", text),
        OfferError::Capacity => Problem::invalid("capacity", text),
        OfferError::BelowTaken => Problem::conflict("below_taken", text).field("capacity"),
        OfferError::Window => Problem::invalid("sales_until", text),
        OfferError::Countries => Problem::invalid("countries", text),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BuyTicketBody {
    /// Made by the buyer and permanent: the same purchase again is begun once.
    id: PaymentId,
    /// With a turn on camera.
    #[serde(default)]
    stage: bool,
    /// Where one is: ISO 3166-1 alpha-2; needed where tickets are sold in some countries only.
    #[serde(default)]
    country: Option<String>,
    /// The page of this site that the checkout leads back to.
    return_to: String,
}

/// A purchase of a ticket.
#[derive(Serialize, ToSchema)]
struct TicketPurchase {
    id: PaymentId,
    room: RoomId,
    stage: bool,
    state: PaymentState,
    price: Money,
    /// Until when the seat is kept while it is paid for.
    reserved_until: Timestamp,
    /// Where to pay.
    checkout_url: Option<String>,
}

impl From<Purchase> for TicketPurchase {
    fn from(Purchase { payment, order, .. }: Purchase) -> Self {
        Self {
            id: payment.id,
            room: order.room,
            stage: order.stage,
            state: payment.state,
            price: Money::new(payment.price),
            reserved_until: order.reserved_until,
            checkout_url: payment.checkout_url,
        }
    }
}

/// Begins a purchase of a ticket; it lets in when the provider says that it was paid.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/tickets", tag = "tickets", params(("room" = RoomId, Path)),
    request_body = BuyTicketBody,
    responses((status = 201, body = TicketPurchase), (status = 200, body = TicketPurchase, description = "begun before"),
        (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`self_ticket`, `age_undeclared`, `country_not_served`"),
        (status = 404, description = "`room_unknown`, `tickets_not_sold`"),
        (status = 409, description = "`id_reused`, `not_on_sale`, `ticket_held`, `ticket_being_paid`, `sold_out`, `spending_cap_reached`"),
        (status = 429, description = "`too_many_payments`"),
        (status = 502, description = "`provider_refused`"), (status = 503, description = "`provider_unavailable`"), Refusals))]
async fn begin(
    Shared(till): Shared<Till>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
    Json(body): Json<BuyTicketBody>,
) -> Result<(StatusCode, Json<TicketPurchase>), Problem> {
    let wanted = Buy {
        id: body.id,
        room,
        person: person.id,
        stage: body.stage,
        country: body.country.map(|country| country.to_uppercase()),
        provider: till.provider().name(),
    };
    let begin = move |tx: &mut Tx, rules: &Rules, now| buy(tx, &wanted, rules, now);
    let describe = |order: &Ticket| if order.stage { "Stage pass" } else { "Ticket" }.to_owned();
    let (status, purchase) = till.begin(&body.return_to, begin, describe).await?;
    Ok((status, Json(purchase.into())))
}

impl From<BuyError> for Problem {
    fn from(error: BuyError) -> Self {
        let text = error.to_string();
        match error {
            BuyError::Store(error) => error.into(),
            BuyError::IdReused(_) => Problem::conflict("id_reused", text).field("id"),
            BuyError::RoomUnknown => room_unknown(),
            BuyError::NotSold => not_sold(),
            BuyError::SelfTicket => Problem::forbidden("self_ticket", text),
            BuyError::NotOnSale => Problem::conflict("not_on_sale", text),
            BuyError::CountryNeeded => Problem::invalid("country", text),
            BuyError::CountryNotServed => Problem::forbidden("country_not_served", text).field("country"),
            BuyError::Held => Problem::conflict("ticket_held", text),
            BuyError::BeingPaid => Problem::conflict("ticket_being_paid", text),
            BuyError::SoldOut => Problem::conflict("sold_out", text),
            BuyError::Begin(error) => payments::begin_problem(error),
        }
    }
}

/// One's own tickets, the latest first; at most 100.
#[utoipa::path(get, path = "/api/v1/me/tickets", tag = "tickets",
    responses((status = 200, body = Page<MyTicket>), (status = 401, description = "`sign_in_needed`"), Failures))]
async fn list(Shared(site): Shared<Site>, SignedIn(me): SignedIn) -> Result<Json<Page<MyTicket>>, Problem> {
    let (now, rules) = Rules::now(&site);
    let read = site.store().read(move |db: &mut Reader| {
        db.snapshot(|db| {
            let mut mine = Vec::new();
            for ticket in of_person(db, me.id, LISTED_MAX)? {
                mine.extend(my_ticket(db, ticket, &rules, now)?);
            }
            Ok::<_, StoreError>(mine)
        })
    });
    Ok(Json(Page::whole(read.await?)))
}

/// A holder of a stage pass, as the host sees them.
#[derive(Serialize, ToSchema)]
struct PassHolder {
    person: PersonId,
    handle: String,
    name: String,
    /// Whether they were on stage, and the money is the page's.
    had_turn: bool,
    bought_at: Timestamp,
}

/// Who waits for a turn on stage in a room of one's own, the first bought first. They are admitted as everybody is who
/// asks to come on stage (`/stage/admit`, `/stage/invite`); their money moves then.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/stage-passes", tag = "tickets", params(("room" = RoomId, Path)),
    responses((status = 200, body = Page<PassHolder>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`"), Failures))]
async fn passes(
    Shared(site): Shared<Site>,
    Path(room): Path<RoomId>,
    SignedIn(host): SignedIn,
) -> Result<Json<Page<PassHolder>>, Problem> {
    let read = site.store().read(move |db: &mut Reader| {
        db.snapshot(|db| {
            let Some(room) = public(db, room)? else {
                return Ok(None);
            };
            let mut holders = Vec::new();
            for ticket in tickets_of(db, room.id, LISTED_MAX)? {
                let Some(holder) = person(db, ticket.person)? else {
                    continue;
                };
                holders.push(PassHolder {
                    person: holder.id,
                    handle: holder.handle,
                    name: holder.display_name,
                    had_turn: ticket.state == TicketState::Delivered,
                    bought_at: ticket.created_at,
                });
            }
            Ok::<_, StoreError>(Some((room.host, holders)))
        })
    });
    let (of, holders) = read.await?.ok_or_else(room_unknown)?;
    if of != host.id {
        return Err(Problem::forbidden("not_yours", "The room is not yours"));
    }
    Ok(Json(Page::whole(holders)))
}
