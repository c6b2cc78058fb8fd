//! Months for others over HTTP.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Path, Problem, Refusals, Site, StatusCode, routes as operations,
};
use busk_base::{PaymentId, RoomId};
use busk_people::{SignedIn, person, person_by_handle};
use busk_store::{Reader, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{GiftOrder, Give, GiveError, To, Unfit, give, receivers, sql};
use crate::payments::{self, Money, PaymentState, Till, payment};
use crate::rules::Rules;
use crate::subscriptions::http::{channel_unknown, named};

pub(in crate::subscriptions) fn routes() -> OpenApiRouter<Till> {
    OpenApiRouter::new()
        .routes(operations!(begin))
        .routes(operations!(show))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GiveSubscriptionBody {
    /// Made by the payer and permanent: the same again is begun once.
    id: PaymentId,
    #[schema(minimum = 1)]
    tier: u8,
    /// The handle of whom it is for; or `room`.
    #[serde(default)]
    to: Option<String>,
    /// The channel's live in which `count` people who are no members are drawn from those who are there.
    #[serde(default)]
    room: Option<RoomId>,
    /// 1, 5, 10 or 20.
    #[serde(default)]
    count: Option<u8>,
    /// The page of this site that the checkout leads back to.
    return_to: String,
}

/// A payment for others' months.
#[derive(Serialize, ToSchema)]
struct GiftedSubscriptionPayment {
    id: PaymentId,
    tier: u8,
    state: PaymentState,
    price: Money,
    /// Where to pay.
    checkout_url: Option<String>,
}

/// Begins to pay for a month of a tier for others: for a person who is named, or for some who are in the channel's live
/// and no members. Those are drawn when it is paid; for whom nobody is found the money goes back at once. Nothing is
/// ever renewed by it.
#[utoipa::path(post, path = "/api/v1/channels/{handle}/gifted-subscriptions", tag = "subscriptions",
    params(("handle" = String, Path)), request_body = GiveSubscriptionBody,
    responses((status = 201, body = GiftedSubscriptionPayment),
        (status = 200, body = GiftedSubscriptionPayment, description = "begun before"),
        (status = 401, description = "`sign_in_needed`"), (status = 403, description = "`own_channel`, `age_undeclared`"),
        (status = 404, description = "`channel_unknown`, `room_unknown`, `person_unknown`"),
        (status = 409, description = "`id_reused`, `room_not_live`, `yourself`, `owner`, `other_tier`, `not_possible`, `spending_cap_reached`, `in_debt`"),
        (status = 429, description = "`too_many_payments`"),
        (status = 502, description = "`provider_refused`"), (status = 503, description = "`provider_unavailable`"), Refusals))]
async fn begin(
    Shared(till): Shared<Till>,
    Path(handle): Path<String>,
    SignedIn(giver): SignedIn,
    Json(body): Json<GiveSubscriptionBody>,
) -> Result<(StatusCode, Json<GiftedSubscriptionPayment>), Problem> {
    let channel = named(till.site(), handle).await?;
    let to = match (body.to, body.room) {
        (Some(handle), None) => {
            let read = till
                .site()
                .store()
                .read(move |db: &mut Reader| person_by_handle(db, &handle.to_lowercase()));
            let found = read.await.map_err(|error: StoreError| Problem::from(error))?;
            To::Person(found.ok_or_else(person_unknown)?.id)
        }
        (None, Some(room)) => To::Anybody {
            room,
            count: body.count.unwrap_or(1),
        },
        (Some(_), Some(_)) | (None, None) => {
            return Err(Problem::invalid("to", "name somebody, or a room"));
        }
    };
    let wanted = Give {
        id: body.id,
        channel: channel.id,
        giver: giver.id,
        tier: body.tier,
        to,
        provider: till.provider().name(),
    };
    let begin = move |tx: &mut Tx, rules: &Rules, now| give(tx, &wanted, rules, now);
    let describe = |order: &GiftOrder| match order.to.count() {
        1 => format!("A month as a subscriber of {}, as a gift", channel.name),
        count => format!("A month as subscribers of {}, for {count} people", channel.name),
    };
    let (status, bought) = till.begin(&body.return_to, begin, describe).await?;
    let answer = GiftedSubscriptionPayment {
        id: bought.payment.id,
        tier: bought.order.tier,
        state: bought.payment.state,
        price: Money::new(bought.payment.price),
        checkout_url: bought.payment.checkout_url,
    };
    Ok((status, Json(answer)))
}

/// What became of months that one has paid for.
#[derive(Serialize, ToSchema)]
struct GiftedSubscription {
    id: PaymentId,
    tier: u8,
    /// How many were paid for.
    count: i64,
    /// Whether everybody who gets one has it.
    handed_out: bool,
    /// Who got one, by name.
    to: Vec<String>,
    /// What went back, where nobody was found.
    refunded: Money,
}

/// Who got the months that one has paid for.
#[utoipa::path(get, path = "/api/v1/gifted-subscriptions/{id}", tag = "subscriptions",
    params(("id" = PaymentId, Path)),
    responses((status = 200, body = GiftedSubscription), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`payment_unknown`"), Failures))]
async fn show(
    Shared(site): Shared<Site>,
    SignedIn(me): SignedIn,
    Path(id): Path<PaymentId>,
) -> Result<Json<GiftedSubscription>, Problem> {
    let read = site.store().read(move |db: &mut Reader| {
        db.snapshot(|db| {
            let order = sql::order(db, id)?.filter(|order| order.giver == me.id);
            let (Some(order), Some(payment)) = (order, payment(db, id)?) else {
                return Ok(None);
            };
            let mut to = Vec::new();
            for receiver in receivers(db, id)? {
                to.extend(person(db, receiver.person)?.map(|person| person.display_name));
            }
            Ok::<_, StoreError>(Some(GiftedSubscription {
                id,
                tier: order.tier,
                count: order.to.count(),
                handed_out: order.handed_out,
                to,
                refunded: Money::new(payment.refunded),
            }))
        })
    });
    let unknown = || Problem::not_found("payment_unknown", "There is no such payment");
    Ok(Json(read.await?.ok_or_else(unknown)?))
}

fn person_unknown() -> Problem {
    Problem::not_found("person_unknown", "There is no such person")
}

impl From<GiveError> for Problem {
    fn from(error: GiveError) -> Self {
        let text = error.to_string();
        match error {
            GiveError::Store(error) => error.into(),
            GiveError::IdReused(_) => Problem::conflict("id_reused", text).field("id"),
            GiveError::ChannelUnknown => channel_unknown(),
            GiveError::TierUnknown => Problem::invalid("tier", "there is no such tier"),
            GiveError::OwnChannel => {
                Problem::forbidden("own_channel", "You cannot give months of your own channel")
            }
            GiveError::Count => Problem::invalid("count", text),
            GiveError::RoomUnknown => crate::badges::room_unknown(),
            GiveError::RoomNotLive => Problem::conflict("room_not_live", "The room is not live"),
            GiveError::PersonUnknown => person_unknown(),
            GiveError::Unfit(Unfit::Oneself) => Problem::conflict("yourself", text).field("to"),
            GiveError::Unfit(Unfit::Owner) => Problem::conflict("owner", text).field("to"),
            GiveError::Unfit(Unfit::OtherTier) => Problem::conflict("other_tier", text).field("to"),
            GiveError::Unfit(Unfit::Member | Unfit::Blocked) => {
                Problem::conflict("not_possible", "It cannot be given to them").field("to")
            }
            GiveError::Begin(error) => payments::begin_problem(error),
        }
    }
}
