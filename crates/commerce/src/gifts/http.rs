//! Gifts over HTTP.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, Site, StatusCode, routes as operations,
};
use busk_base::{GiftId, Policy, RoomId, Shares, StreakId, split};
use busk_people::{Caller, SignedIn};
use busk_rooms::event::Streak;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{COUNT_MAX, Receipt, SendGift, SendGiftError, ahead, catalogue, send};
use crate::rules::Rules;

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(list))
        .routes(operations!(send_gift))
        .with_state(site)
}

/// A gift that can be sent.
#[derive(Serialize, ToSchema)]
struct GiftKind {
    code: &'static str,
    name: GiftName,
    /// In coins.
    price: i64,
    /// Where its picture is on this site.
    picture: String,
    /// Whether it counts up when it is sent again within the streak's time.
    streakable: bool,
    effect: Effect,
    /// Who gets what of one, for the sender to see before sending it.
    split: Split,
}

#[derive(Serialize, ToSchema)]
struct GiftName {
    en: &'static str,
    fr: &'static str,
}

/// How much room it takes on the screen.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Effect {
    Small,
    Big,
}

impl GiftKind {
    fn new(kind: &'static catalogue::Kind, policy: &Policy) -> Self {
        let streakable = kind.streakable(policy);
        Self {
            code: kind.code,
            name: GiftName {
                en: kind.name_en,
                fr: kind.name_fr,
            },
            price: kind.price,
            picture: format!("/gifts/{}.svg", kind.code),
            streakable,
            effect: if streakable { Effect::Small } else { Effect::Big },
            split: split(kind.price, policy.gift_share_percent).into(),
        }
    }
}

/// The gifts there are, cheapest first.
#[utoipa::path(get, path = "/api/v1/gifts", tag = "gifts",
    responses((status = 200, body = Page<GiftKind>), Failures))]
async fn list(Shared(site): Shared<Site>) -> Json<Page<GiftKind>> {
    let policy = site.policy();
    let kinds = catalogue::KINDS.iter().map(|kind| GiftKind::new(kind, &policy));
    Json(Page::whole(kinds.collect()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SendBody {
    /// Made by the sender (UUIDv7) and permanent: the same gift again is sent once.
    id: GiftId,
    /// A code of the catalogue.
    kind: String,
    /// 1–999.
    #[schema(minimum = 1, maximum = 999)]
    count: i64,
}

/// What was paid, and who gets what of it.
#[derive(Serialize, ToSchema)]
struct Sent {
    gift: GiftId,
    /// In coins.
    paid: i64,
    /// The sender's coins after it.
    coins: i64,
    streak: Option<Streak>,
    split: Split,
}

/// In coins; the creator's part becomes as many diamonds.
#[derive(Serialize, ToSchema)]
struct Split {
    creator: i64,
    platform: i64,
}

impl From<Shares> for Split {
    fn from(Shares { creator, platform }: Shares) -> Self {
        Self { creator, platform }
    }
}

impl From<Receipt> for Sent {
    fn from(receipt: Receipt) -> Self {
        let Receipt {
            gift,
            paid,
            coins,
            streak,
            shares,
            again: _,
        } = receipt;
        Self {
            gift,
            paid,
            coins,
            streak,
            split: shares.into(),
        }
    }
}

/// Sends a gift.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/gifts", tag = "gifts", params(("room" = RoomId, Path)),
    request_body = SendBody,
    responses((status = 201, body = Sent), (status = 200, body = Sent, description = "sent before"),
        (status = 401, description = "`sign_in_needed`"), (status = 402, description = "`insufficient_funds`"),
        (status = 403, description = "`ticket_required`, `subscription_required`, `follow_required`, `self_gift`"),
        (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`id_reused`, `room_not_live`"), Refusals))]
async fn send_gift(
    Shared(site): Shared<Site>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
    Json(body): Json<SendBody>,
) -> Result<(StatusCode, Json<Sent>), Problem> {
    let now = site.now();
    let sender = person.id;
    // The host cannot give, so a gift's sender is never shown as one.
    let from = busk_rooms::speaker(&Caller::Person(person), false).ok_or_else(Problem::internal)?;
    let streak = StreakId::new(now, site.entropy());
    let gift = SendGift {
        id: body.id,
        room,
        sender,
        from,
        kind: body.kind,
        count: body.count,
        streak,
    };
    let rules = Rules::at(&site, now);
    let wanted = gift.clone();
    let sent = site
        .store()
        .write_ahead(
            move |rows| ahead(rows, &wanted),
            move |tx| send(tx, &gift, &rules, now),
        )
        .await
        .map_err(problem)?;
    let status = if sent.again {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, Json(sent.into())))
}

fn problem(error: SendGiftError) -> Problem {
    let text = error.to_string();
    match error {
        SendGiftError::Store(error) => error.into(),
        SendGiftError::IdReused(_) => {
            Problem::conflict("id_reused", "This id was used for another gift").field("id")
        }
        SendGiftError::RoomUnknown => Problem::not_found("room_unknown", "There is no such room"),
        SendGiftError::RoomNotLive => Problem::conflict("room_not_live", "The room is not live"),
        SendGiftError::Barred(access) => access.refusal(true),
        SendGiftError::KindUnknown => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "kind_unknown",
            "There is no such gift",
        )
        .field("kind"),
        SendGiftError::Count => Problem::invalid("count", format!("must be 1 to {COUNT_MAX}")),
        SendGiftError::SelfGift => Problem::forbidden("self_gift", "You cannot send a gift to yourself"),
        SendGiftError::InsufficientFunds { .. } => Problem::new(
            StatusCode::PAYMENT_REQUIRED,
            "insufficient_funds",
            "Not enough coins",
        )
        .detail(text),
        SendGiftError::Ledger(_) => {
            tracing::error!("a gift was refused by the ledger: {text}");
            Problem::internal()
        }
    }
}
