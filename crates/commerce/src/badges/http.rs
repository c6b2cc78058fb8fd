//! Badges over HTTP.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, Site, StatusCode, routes as operations,
};
use busk_base::{PaymentId, RoomId};
use busk_people::{Caller, SignedIn};
use busk_rooms::room::public;
use busk_store::{Reader, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{BadgeOrder, Buy, BuyError, Purchase, bought, buy, order, price};
use crate::payments::{self, Money, PaymentState, Till, payment};
use crate::rules::Rules;
use crate::sales::Quote;

pub fn routes(till: Till) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(list, begin))
        .routes(operations!(show))
        .with_state(till)
}

/// A badge that can be bought.
#[derive(Serialize, ToSchema)]
struct BadgeOffer {
    /// 1, 2 or 3: that many stand beside the name for this live.
    hearts: u8,
    price: Money,
    /// Who gets what of the price.
    quote: Quote,
    /// Whether the asker has it.
    held: bool,
    /// The asker's purchase of it that can still be paid.
    pending: Option<PendingBadge>,
}

#[derive(Serialize, ToSchema)]
struct PendingBadge {
    id: PaymentId,
    checkout_url: Option<String>,
}

/// The badges of a live, cheapest first.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/badges", tag = "badges", params(("room" = RoomId, Path)),
    responses((status = 200, body = Page<BadgeOffer>), (status = 404, description = "`room_unknown`"), Failures))]
async fn list(
    Shared(site): Shared<Site>,
    Path(room): Path<RoomId>,
    caller: Caller,
) -> Result<Json<Page<BadgeOffer>>, Problem> {
    let (policy, now) = (site.policy(), site.now());
    let read = site.store().read(move |db: &mut Reader| {
        db.snapshot(|db| {
            if public(db, room)?.is_none() {
                return Ok(None);
            }
            let person = caller.person_id();
            let mine = person.map_or(Ok(Vec::new()), |person| bought(db, room, person))?;
            let mut offers = Vec::new();
            for hearts in 1..=u8::MAX {
                let Some(price) = price(hearts, &policy) else {
                    break;
                };
                let same = || mine.iter().filter(|bought| bought.hearts == hearts);
                let open = same().find(|bought| bought.can_be_paid(now));
                let open = open
                    .map(|bought| payment(db, bought.payment))
                    .transpose()?
                    .flatten();
                offers.push(BadgeOffer {
                    hearts,
                    price: Money::new(price),
                    quote: Quote::of(price, policy.badge_share_percent, None, &policy),
                    held: same().any(|bought| bought.state == PaymentState::Paid),
                    pending: open.map(|payment| PendingBadge {
                        id: payment.id,
                        checkout_url: payment.checkout_url,
                    }),
                });
            }
            Ok::<_, StoreError>(Some(offers))
        })
    });
    let offers = read.await?.ok_or_else(room_unknown)?;
    Ok(Json(Page::whole(offers)))
}

pub(crate) fn room_unknown() -> Problem {
    Problem::not_found("room_unknown", "There is no such room")
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BuyBadgeBody {
    /// Made by the buyer and permanent: the same purchase again is begun once.
    id: PaymentId,
    #[schema(minimum = 1, maximum = 3)]
    hearts: u8,
    /// The page of this site that the checkout leads back to.
    return_to: String,
}

/// A purchase of a badge.
#[derive(Serialize, ToSchema)]
struct BadgePurchase {
    id: PaymentId,
    room: RoomId,
    hearts: u8,
    state: PaymentState,
    price: Money,
    /// Where to pay.
    checkout_url: Option<String>,
}

impl From<Purchase> for BadgePurchase {
    fn from(Purchase { payment, order, .. }: Purchase) -> Self {
        Self {
            id: payment.id,
            room: order.room,
            hearts: order.hearts,
            state: payment.state,
            price: Money::new(payment.price),
            checkout_url: payment.checkout_url,
        }
    }
}

/// Begins a purchase of a badge; the hearts come when the provider says that it was paid.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/badges", tag = "badges", params(("room" = RoomId, Path)),
    request_body = BuyBadgeBody,
    responses((status = 201, body = BadgePurchase), (status = 200, body = BadgePurchase, description = "begun before"),
        (status = 401, description = "`sign_in_needed`"), (status = 403, description = "`self_badge`, `age_undeclared`, `ticket_required`, `subscription_required`, `follow_required`"),
        (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`id_reused`, `room_not_live`, `badge_held`, `badge_being_paid`, `spending_cap_reached`"),
        (status = 429, description = "`too_many_payments`"),
        (status = 502, description = "`provider_refused`"), (status = 503, description = "`provider_unavailable`"), Refusals))]
async fn begin(
    Shared(till): Shared<Till>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
    Json(body): Json<BuyBadgeBody>,
) -> Result<(StatusCode, Json<BadgePurchase>), Problem> {
    let wanted = Buy {
        id: body.id,
        room,
        person: person.id,
        hearts: body.hearts,
        provider: till.provider().name(),
    };
    let begin = move |tx: &mut Tx, rules: &Rules, now| buy(tx, &wanted, rules, now);
    let describe = |order: &BadgeOrder| match order.hearts {
        1 => "Badge: 1 heart".to_owned(),
        hearts => format!("Badge: {hearts} hearts"),
    };
    let (status, purchase) = till.begin(&body.return_to, begin, describe).await?;
    Ok((status, Json(purchase.into())))
}

/// A purchase of one's own.
#[utoipa::path(get, path = "/api/v1/badge-purchases/{id}", tag = "badges", params(("id" = PaymentId, Path)),
    responses((status = 200, body = BadgePurchase), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`purchase_unknown`"), Failures))]
async fn show(
    Shared(site): Shared<Site>,
    SignedIn(person): SignedIn,
    Path(id): Path<PaymentId>,
) -> Result<Json<BadgePurchase>, Problem> {
    let read = site.store().read(move |db| order(db, id)).await?;
    let mine = read.filter(|(payment, _)| payment.payer == person.id);
    let unknown = || Problem::not_found("purchase_unknown", "There is no such purchase");
    let (payment, order) = mine.ok_or_else(unknown)?;
    let purchase = Purchase {
        payment,
        order,
        new: false,
    };
    Ok(Json(purchase.into()))
}

impl From<BuyError> for Problem {
    fn from(error: BuyError) -> Self {
        match error {
            BuyError::Store(error) => error.into(),
            BuyError::IdReused(_) => {
                Problem::conflict("id_reused", "This id was used for another payment").field("id")
            }
            BuyError::RoomUnknown => room_unknown(),
            BuyError::RoomNotLive => Problem::conflict("room_not_live", "The room is not live"),
            BuyError::Barred(access) => access.refusal(true),
            BuyError::BadgeUnknown => Problem::invalid("hearts", "there is no such badge"),
            BuyError::SelfBadge => {
                Problem::forbidden("self_badge", "You cannot buy a badge in your own live")
            }
            BuyError::Held => Problem::conflict("badge_held", "You have this badge in this live already"),
            BuyError::BeingPaid => Problem::conflict(
                "badge_being_paid",
                "You are paying for this badge already; its page is still open",
            ),
            BuyError::Begin(error) => payments::begin_problem(error),
        }
    }
}
