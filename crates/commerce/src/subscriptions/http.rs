//! Subscriptions over HTTP: what a channel offers, one's own subscriptions, and a creator's members.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, Site, StatusCode, routes as operations,
};
use busk_base::{ChannelId, JobId, PaymentId, PersonId, Timestamp};
use busk_people::{Caller, Channel, ChannelRef, SignedIn};
use busk_store::{Read, Reader, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ChangeError, MonthOrder, SetTiersError, Subscribe, SubscribeError, Subscription, SubscriptionState, Tier,
    downgrade, of_channel, of_person, renewal, set_renews, set_tiers, subscribe, subscription, tiers,
    upgrade,
};
use crate::payments::{self, Money, PaymentState, Purchase, Till};
use crate::rules::Rules;
use crate::sales::Quote;

/// Subscriptions in one answer.
const LISTED_MAX: i64 = 1_000;

pub fn routes(till: Till) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(offers, set))
        .routes(operations!(subscribers))
        .routes(operations!(mine))
        .routes(operations!(begin))
        .routes(operations!(change_renewal))
        .routes(operations!(change_next_tier))
        .merge(super::gifted::routes())
        .with_state(till)
}

pub(super) fn channel_unknown() -> Problem {
    Problem::not_found("channel_unknown", "There is no such channel")
}

/// A tier that one can subscribe to.
#[derive(Serialize, ToSchema)]
struct TierOffer {
    #[serde(flatten)]
    tier: Tier,
    /// Who gets what of the price.
    quote: Quote,
    /// Whether it is the asker's.
    held: bool,
    /// What the asker pays now to change to it from the cheaper one that they have.
    upgrade: Option<Money>,
}

/// What a channel offers its members, the cheapest first.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/tiers", tag = "subscriptions", operation_id = "subscription_tiers",
    params(("handle" = String, Path)),
    responses((status = 200, body = Page<TierOffer>), (status = 404, description = "`channel_unknown`"), Failures))]
async fn offers(
    Shared(site): Shared<Site>,
    Path(handle): Path<String>,
    caller: Caller,
) -> Result<Json<Page<TierOffer>>, Problem> {
    let (policy, now) = (site.policy().clone(), site.now());
    let read = site.store().read(move |db: &mut Reader| {
        db.snapshot(|db| {
            let Some(channel) = busk_people::channel_by_handle(db, &handle)? else {
                return Ok(None);
            };
            let current = match caller.person_id() {
                Some(person) => subscription(db, channel.id, person)?,
                None => None,
            };
            let current = current.filter(|current| current.is_in_force(now));
            let offers = tiers(db, channel.id)?.into_iter().map(|tier| {
                let dearer = current.as_ref().filter(|current| current.price < tier.price);
                TierOffer {
                    quote: Quote::of(tier.price, policy.subscription_share_percent, None, &policy),
                    held: current.as_ref().is_some_and(|current| current.tier == tier.id),
                    upgrade: dearer.map(|current| Money::new(current.difference(tier.price, now))),
                    tier,
                }
            });
            Ok::<_, StoreError>(Some(offers.collect()))
        })
    });
    Ok(Json(Page::whole(read.await?.ok_or_else(channel_unknown)?)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetTiersBody {
    /// The cheapest first; at most three.
    tiers: Vec<TierBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TierBody {
    /// Of a tier that is there; none of a new one.
    #[serde(default)]
    id: Option<u8>,
    name: String,
    #[serde(default)]
    about: String,
    /// By the month, in the minor unit of the site's currency.
    price: i64,
    /// In percent.
    #[serde(default)]
    ticket_discount: u8,
}

/// Sets what one's channel offers. Who subscribes already keeps their tier and price until they change it.
#[utoipa::path(put, path = "/api/v1/channels/{handle}/tiers", tag = "subscriptions", operation_id = "set_subscription_tiers",
    params(("handle" = String, Path)), request_body = SetTiersBody,
    responses((status = 200, body = Page<Tier>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_your_channel`"), (status = 404, description = "`channel_unknown`"), Refusals))]
async fn set(
    Shared(site): Shared<Site>,
    Path(handle): Path<String>,
    SignedIn(person): SignedIn,
    Json(body): Json<SetTiersBody>,
) -> Result<Json<Page<Tier>>, Problem> {
    let channel = own(&site, handle, person.id).await?;
    let wanted = body.tiers.into_iter().map(|tier| Tier {
        id: tier.id.unwrap_or(0),
        name: tier.name,
        about: tier.about,
        price: tier.price,
        ticket_discount: tier.ticket_discount,
    });
    let wanted: Vec<Tier> = wanted.collect();
    let set = site.store().write(move |tx| set_tiers(tx, channel.id, &wanted));
    let set = set.await.map_err(|error| match error {
        SetTiersError::Store(error) => error.into(),
        error @ (SetTiersError::TooMany
        | SetTiersError::Name(_)
        | SetTiersError::About(_)
        | SetTiersError::Price
        | SetTiersError::Discount
        | SetTiersError::Unknown
        | SetTiersError::UsedUp) => Problem::invalid("tiers", error.to_string()),
    })?;
    Ok(Json(Page::whole(set)))
}

/// The channel of this handle, which must be the asker's.
async fn own(site: &Site, handle: String, person: PersonId) -> Result<Channel, Problem> {
    let channel = named(site, handle).await?;
    if channel.owner != person {
        return Err(Problem::forbidden("not_your_channel", "This is not your channel"));
    }
    Ok(channel)
}

pub(super) async fn named(site: &Site, handle: String) -> Result<Channel, Problem> {
    let read = site
        .store()
        .read(move |db: &mut Reader| busk_people::channel_by_handle(db, &handle));
    let channel: Option<Channel> = read.await.map_err(|error: StoreError| Problem::from(error))?;
    channel.ok_or_else(channel_unknown)
}

/// A member, as the creator sees them.
#[derive(Serialize, ToSchema)]
struct Subscriber {
    person: PersonId,
    handle: String,
    name: String,
    tier: u8,
    price: Money,
    state: SubscriptionState,
    until: Timestamp,
}

/// Who subscribes to one's channel or did, the longest first; at most a thousand.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/subscribers", tag = "subscriptions",
    params(("handle" = String, Path)),
    responses((status = 200, body = Page<Subscriber>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_your_channel`"), (status = 404, description = "`channel_unknown`"), Failures))]
async fn subscribers(
    Shared(site): Shared<Site>,
    Path(handle): Path<String>,
    SignedIn(person): SignedIn,
) -> Result<Json<Page<Subscriber>>, Problem> {
    let (channel, now) = (own(&site, handle, person.id).await?, site.now());
    let read = site.store().read(move |db: &mut Reader| {
        db.snapshot(|db| {
            let mut all = Vec::new();
            for current in of_channel(db, channel.id, LISTED_MAX)? {
                let Some(person) = busk_people::person(db, current.person)? else {
                    continue;
                };
                all.push(Subscriber {
                    person: person.id,
                    handle: person.handle,
                    name: person.display_name,
                    tier: current.tier,
                    price: Money::new(current.price),
                    state: current.state(now),
                    until: current.until,
                });
            }
            Ok::<_, StoreError>(all)
        })
    });
    Ok(Json(Page::whole(read.await?)))
}

/// A subscription of one's own.
#[derive(Serialize, ToSchema)]
struct SubscriptionView {
    channel: ChannelRef,
    tier: u8,
    /// By the month, as it was agreed.
    price: Money,
    state: SubscriptionState,
    /// When access ends, unless it is renewed.
    until: Timestamp,
    /// When the card is charged next.
    next_charge_at: Option<Timestamp>,
    /// The cheaper tier of the next period.
    next_tier: Option<u8>,
}

fn view(db: &mut impl Read, of: Subscription, now: Timestamp) -> Result<SubscriptionView, StoreError> {
    let channel = busk_people::channel(db, of.channel)?;
    let gone = || StoreError::Broken(format!("a subscription to {}", of.channel));
    Ok(SubscriptionView {
        channel: ChannelRef::from(&channel.ok_or_else(gone)?),
        tier: of.tier,
        price: Money::new(of.price),
        state: of.state(now),
        until: of.until,
        next_charge_at: of.renews.then(|| renewal::asked_at(&of)),
        next_tier: of.next_tier,
    })
}

/// One's own subscriptions, also those that are over; the longest first.
#[utoipa::path(get, path = "/api/v1/me/subscriptions", tag = "subscriptions", operation_id = "my_subscriptions",
    responses((status = 200, body = Page<SubscriptionView>), (status = 401, description = "`sign_in_needed`"), Failures))]
async fn mine(
    Shared(site): Shared<Site>,
    SignedIn(person): SignedIn,
) -> Result<Json<Page<SubscriptionView>>, Problem> {
    let now = site.now();
    let read = site.store().read(move |db: &mut Reader| {
        db.snapshot(|db| {
            let all = of_person(db, person.id, LISTED_MAX)?;
            let views = all.into_iter().map(|of| view(db, of, now));
            views.collect::<Result<Vec<_>, StoreError>>()
        })
    });
    Ok(Json(Page::whole(read.await?)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SubscribeBody {
    /// Made by the payer and permanent: the same again is begun once.
    id: PaymentId,
    #[schema(minimum = 1)]
    tier: u8,
    /// To a tier that costs more than one's own: the difference for the rest of the period is paid now.
    #[serde(default)]
    upgrade: bool,
    /// The page of this site that the checkout leads back to.
    return_to: String,
}

/// A payment for a subscription.
#[derive(Serialize, ToSchema)]
struct SubscriptionPayment {
    id: PaymentId,
    tier: u8,
    state: PaymentState,
    /// What is to be paid now.
    price: Money,
    /// What every month costs from then on.
    monthly: Money,
    /// Where to pay.
    checkout_url: Option<String>,
}

/// Begins a subscription: its first month is paid at the provider's page, which keeps the card for renewals. Also
/// takes one up again whose renewal was declined, and changes to a tier that costs more.
#[utoipa::path(post, path = "/api/v1/channels/{handle}/subscription", tag = "subscriptions", operation_id = "subscribe",
    params(("handle" = String, Path)), request_body = SubscribeBody,
    responses((status = 201, body = SubscriptionPayment), (status = 200, body = SubscriptionPayment, description = "begun before"),
        (status = 401, description = "`sign_in_needed`"), (status = 403, description = "`own_channel`, `age_undeclared`"),
        (status = 404, description = "`channel_unknown`"),
        (status = 409, description = "`id_reused`, `subscribed`, `not_an_upgrade`, `nothing_to_pay`, `spending_cap_reached`, `in_debt`"),
        (status = 429, description = "`too_many_payments`"),
        (status = 502, description = "`provider_refused`"), (status = 503, description = "`provider_unavailable`"), Refusals))]
async fn begin(
    Shared(till): Shared<Till>,
    Path(handle): Path<String>,
    SignedIn(person): SignedIn,
    Json(body): Json<SubscribeBody>,
) -> Result<(StatusCode, Json<SubscriptionPayment>), Problem> {
    let channel = named(till.site(), handle).await?;
    let wanted = Subscribe {
        id: body.id,
        channel: channel.id,
        person: person.id,
        tier: body.tier,
        provider: till.provider().name(),
    };
    let order = if body.upgrade { upgrade } else { subscribe };
    let begin = move |tx: &mut Tx, rules: &Rules, now| order(tx, &wanted, rules, now);
    let describe = |_: &MonthOrder| format!("Subscription to {}, by the month", channel.name);
    let (status, Purchase { payment, order, .. }) = till.begin(&body.return_to, begin, describe).await?;
    let answer = SubscriptionPayment {
        id: payment.id,
        tier: order.tier,
        state: payment.state,
        price: Money::new(payment.price),
        monthly: Money::new(order.monthly),
        checkout_url: payment.checkout_url,
    };
    Ok((status, Json(answer)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RenewalBody {
    /// False cancels: access lasts to the end of what is paid.
    renews: bool,
}

/// Cancels a subscription at the period's end, or takes that back until then.
#[utoipa::path(put, path = "/api/v1/channels/{handle}/subscription/renewal", tag = "subscriptions",
    operation_id = "set_subscription_renewal", params(("handle" = String, Path)), request_body = RenewalBody,
    responses((status = 200, body = SubscriptionView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`, `not_subscribed`"),
        (status = 409, description = "`no_card_kept`"), Refusals))]
async fn change_renewal(
    Shared(site): Shared<Site>,
    Path(handle): Path<String>,
    SignedIn(person): SignedIn,
    Json(body): Json<RenewalBody>,
) -> Result<Json<SubscriptionView>, Problem> {
    let channel: ChannelId = named(&site, handle).await?.id;
    let (now, job) = (site.now(), JobId::new(site.now(), site.entropy()));
    let changed = site.store().write(move |tx| {
        let changed = set_renews(tx, channel, person.id, body.renews, job, now)?;
        Ok::<_, ChangeError>(view(tx, changed, now)?)
    });
    Ok(Json(changed.await.map_err(change_problem)?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NextTierBody {
    /// A cheaper one; one's own takes the change back.
    #[schema(minimum = 1)]
    tier: u8,
}

/// Changes to a cheaper tier from the next period on.
#[utoipa::path(put, path = "/api/v1/channels/{handle}/subscription/next-tier", tag = "subscriptions",
    operation_id = "set_subscription_next_tier", params(("handle" = String, Path)), request_body = NextTierBody,
    responses((status = 200, body = SubscriptionView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`, `not_subscribed`"), Refusals))]
async fn change_next_tier(
    Shared(site): Shared<Site>,
    Path(handle): Path<String>,
    SignedIn(person): SignedIn,
    Json(body): Json<NextTierBody>,
) -> Result<Json<SubscriptionView>, Problem> {
    let channel: ChannelId = named(&site, handle).await?.id;
    let now = site.now();
    let changed = site.store().write(move |tx| {
        let changed = downgrade(tx, channel, person.id, body.tier, now)?;
        Ok::<_, ChangeError>(view(tx, changed, now)?)
    });
    Ok(Json(changed.await.map_err(change_problem)?))
}

impl From<SubscribeError> for Problem {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::Store(error) => error.into(),
            SubscribeError::IdReused(_) => {
                Problem::conflict("id_reused", "This id was used for another payment").field("id")
            }
            SubscribeError::ChannelUnknown => channel_unknown(),
            SubscribeError::TierUnknown => Problem::invalid("tier", "there is no such tier"),
            SubscribeError::OwnChannel => {
                Problem::forbidden("own_channel", "You cannot subscribe to your own channel")
            }
            SubscribeError::Subscribed => {
                Problem::conflict("subscribed", "You subscribe to this channel already")
            }
            SubscribeError::NotAnUpgrade => Problem::conflict(
                "not_an_upgrade",
                "You have no subscription here that this tier costs more than",
            ),
            SubscribeError::NothingToPay => Problem::conflict(
                "nothing_to_pay",
                "The rest of the period is worth nothing; change when it is renewed",
            ),
            SubscribeError::Begin(error) => payments::begin_problem(error),
        }
    }
}

fn change_problem(error: ChangeError) -> Problem {
    match error {
        ChangeError::Store(error) => error.into(),
        ChangeError::NotSubscribed => {
            Problem::not_found("not_subscribed", "You do not subscribe to this channel")
        }
        ChangeError::NoMethod => Problem::conflict("no_card_kept", "No card is kept that could be charged"),
        ChangeError::TierUnknown => Problem::invalid("tier", "there is no cheaper tier like this"),
    }
}
