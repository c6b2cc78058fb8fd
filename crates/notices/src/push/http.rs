use axum::extract::State;
use busk_api::{Json, OpenApiRouter, Path, Problem, Refusals, StatusCode, routes};
use busk_base::PushId;
use busk_people::SignedIn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Browser, BrowserKeys, SubscribeError, subscribe, unsubscribe};
use crate::Notices;
use crate::keys::decoded;

pub(crate) fn routes() -> OpenApiRouter<Notices> {
    OpenApiRouter::new().routes(routes!(add)).routes(routes!(remove))
}

/// A browser's subscription, as its `PushSubscription` writes itself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PushSubscription)]
struct Subscription {
    /// At the push service.
    endpoint: String,
    keys: SubscriptionKeys,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PushSubscriptionKeys)]
struct SubscriptionKeys {
    /// base64url
    p256dh: String,
    /// base64url
    auth: String,
}

/// A browser that will be told.
#[derive(Serialize, ToSchema)]
struct PushSubscribed {
    id: PushId,
}

impl From<SubscribeError> for Problem {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::Store(error) => error.into(),
            SubscribeError::Endpoint(why) => Problem::invalid("endpoint", why.to_string()),
        }
    }
}

/// Has this browser told when channels that one follows go live.
#[utoipa::path(post, path = "/api/v1/me/push-subscriptions", tag = "notices", request_body = Subscription,
    responses((status = 201, body = PushSubscribed), (status = 401, description = "`sign_in_needed`"), Refusals))]
async fn add(
    State(notices): State<Notices>,
    SignedIn(person): SignedIn,
    Json(body): Json<Subscription>,
) -> Result<(StatusCode, Json<PushSubscribed>), Problem> {
    let (public, auth) = (decoded(&body.keys.p256dh), decoded(&body.keys.auth));
    let keys = public
        .zip(auth)
        .and_then(|(public, auth)| BrowserKeys::new(&public, &auth));
    let keys = keys.ok_or_else(|| Problem::invalid("keys", "are no keys of a browser"))?;
    let browser = Browser {
        endpoint: body.endpoint,
        keys,
    };
    let (now, reach) = (notices.site().now(), notices.0.reach.clone());
    let store = notices.site().store();
    let id = store
        .write(move |tx| subscribe(tx, person.id, &browser, &reach, now))
        .await?;
    Ok((StatusCode::CREATED, Json(PushSubscribed { id })))
}

/// Has a browser of one's own told no more.
#[utoipa::path(delete, path = "/api/v1/me/push-subscriptions/{id}", tag = "notices", params(("id" = PushId, Path)),
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`push_unknown`"), Refusals))]
async fn remove(
    State(notices): State<Notices>,
    SignedIn(person): SignedIn,
    Path(id): Path<PushId>,
) -> Result<StatusCode, Problem> {
    let store = notices.site().store();
    let gone = store.write(move |tx| unsubscribe(tx, person.id, id)).await?;
    match gone {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found(
            "push_unknown",
            "There is no such browser of yours",
        )),
    }
}
