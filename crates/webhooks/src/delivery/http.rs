use axum::extract::State;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Query, Refusals, StatusCode, routes as operations,
};
use busk_base::{DeliveryId, Timestamp, WebhookId};
use busk_people::{ChannelRef, SignedIn};
use busk_store::{Reader, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Delivery, DeliveryState, sql};
use crate::Webhooks;
use crate::endpoint::{self, EndpointError, EndpointState, owned, problem};
use crate::kind::Kind;
use crate::tell::{Telling, tell_those};

pub(crate) fn routes() -> OpenApiRouter<Webhooks> {
    OpenApiRouter::new()
        .routes(operations!(list))
        .routes(operations!(replay))
        .routes(operations!(test))
}

/// Something that a webhook was told, or is to be.
#[derive(Serialize, ToSchema)]
struct WebhookDelivery {
    /// The header `webhook-id` of all its attempts.
    id: DeliveryId,
    kind: Kind,
    state: DeliveryState,
    /// Since it was made, or was told to be made again.
    attempts: i64,
    made_at: Timestamp,
    /// When it is attempted; null when it is not any more.
    next_at: Option<Timestamp>,
    /// When the latest attempt ended.
    last_at: Option<Timestamp>,
    /// What was answered to it; null when nothing was.
    status: Option<u16>,
    /// How long it took, in milliseconds.
    took_ms: Option<i64>,
    /// Why nothing was answered.
    why: Option<String>,
}

impl From<Delivery> for WebhookDelivery {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            kind: delivery.kind,
            state: delivery.state,
            attempts: delivery.attempts,
            made_at: delivery.made_at,
            next_at: delivery.next_at,
            last_at: delivery.last_at,
            status: delivery.last.as_ref().and_then(|last| last.status),
            took_ms: delivery.last.as_ref().map(|last| last.took_ms),
            why: delivery.last.and_then(|last| last.why),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Only those of which all attempts have failed.
    #[serde(default)]
    dead: bool,
}

/// The last hundred things that a webhook was told, the newest first.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/webhooks/{webhook}/deliveries", tag = "webhooks",
    params(("handle" = String, Path), ("webhook" = WebhookId, Path), Which),
    responses((status = 200, body = Page<WebhookDelivery>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"),
        (status = 404, description = "`channel_unknown`, `webhook_unknown`"), Failures))]
async fn list(
    State(webhooks): State<Webhooks>,
    SignedIn(person): SignedIn,
    Path((handle, id)): Path<(String, WebhookId)>,
    Query(which): Query<Which>,
) -> Result<Json<Page<WebhookDelivery>>, Problem> {
    let read = webhooks.site().store().read(move |db: &mut Reader| {
        let channel = owned(db, &handle, person.id)?;
        endpoint::one(db, channel.id, id)?;
        Ok::<_, EndpointError>(sql::listed(db, id, which.dead)?)
    });
    let deliveries = read.await.map_err(problem)?.into_iter();
    Ok(Json(Page::whole(deliveries.map(WebhookDelivery::from).collect())))
}

/// Delivers something again, from the first attempt on, under its id.
#[utoipa::path(post, path = "/api/v1/channels/{handle}/webhooks/{webhook}/deliveries/{delivery}/replay",
    tag = "webhooks",
    params(("handle" = String, Path), ("webhook" = WebhookId, Path), ("delivery" = DeliveryId, Path)),
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`, `webhook_unknown`, `delivery_unknown`"),
        (status = 409, description = "`webhook_off`"), Refusals))]
async fn replay(
    State(webhooks): State<Webhooks>,
    SignedIn(person): SignedIn,
    Path((handle, id, delivery)): Path<(String, WebhookId, DeliveryId)>,
) -> Result<StatusCode, Problem> {
    let now = webhooks.site().now();
    let write = webhooks.site().store().write(move |tx: &mut Tx| {
        let channel = owned(tx, &handle, person.id)?;
        let endpoint = endpoint::one(tx, channel.id, id)?;
        let known = sql::one(tx, id, delivery)?.ok_or(EndpointError::DeliveryUnknown)?;
        if endpoint.state != EndpointState::On {
            return Err(EndpointError::Off);
        }
        Ok(sql::again(tx, known.id, now)?)
    });
    write.await.map_err(problem)?;
    webhooks.0.due.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// What a test tells.
#[derive(Serialize)]
struct Said {
    said: &'static str,
}

/// Sends a webhook something of the kind `test`, to see whether it arrives.
#[utoipa::path(post, path = "/api/v1/channels/{handle}/webhooks/{webhook}/test", tag = "webhooks",
    params(("handle" = String, Path), ("webhook" = WebhookId, Path)),
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`, `webhook_unknown`"),
        (status = 409, description = "`webhook_off`"), Refusals))]
async fn test(
    State(webhooks): State<Webhooks>,
    SignedIn(person): SignedIn,
    Path((handle, id)): Path<(String, WebhookId)>,
) -> Result<StatusCode, Problem> {
    let now = webhooks.site().now();
    let write = webhooks.site().store().write(move |tx: &mut Tx| {
        let channel = owned(tx, &handle, person.id)?;
        let endpoint = endpoint::one(tx, channel.id, id)?;
        if endpoint.state != EndpointState::On || super::overruns(tx, id)? {
            return Err(EndpointError::Off);
        }
        let telling = Telling {
            kind: Kind::Test,
            subject: (id.0, now.unix_us()),
            at: now,
            data: &Said { said: "It works." },
        };
        Ok(tell_those(
            tx,
            &ChannelRef::from(&channel),
            &[endpoint],
            &telling,
        )?)
    });
    write.await.map_err(problem)?;
    webhooks.0.due.notify_one();
    Ok(StatusCode::NO_CONTENT)
}
