use axum::extract::State;
use axum::response::{IntoResponse, Response};
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, StatusCode, routes as operations,
};
use busk_base::{Timestamp, WebhookId};
use busk_people::SignedIn;
use busk_store::{Reader, Tx};
use http::header;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Change, Endpoint, EndpointError, EndpointState, add, change, of_channel, owned, remove, rotate};
use crate::Webhooks;
use crate::kind::Kind;
use crate::secret::Secret;

pub(crate) fn routes() -> OpenApiRouter<Webhooks> {
    OpenApiRouter::new()
        .routes(operations!(list, make))
        .routes(operations!(edit, take_away))
        .routes(operations!(renew_secret))
}

/// An endpoint as its owner sees it.
#[derive(Serialize, ToSchema)]
struct Webhook {
    id: WebhookId,
    url: String,
    /// What it is told of.
    kinds: Vec<Kind>,
    state: EndpointState,
    /// Since when nothing has arrived; null when the last delivery did.
    failing_since: Option<Timestamp>,
    /// Why the site has switched it off.
    why: Option<String>,
    created_at: Timestamp,
}

impl From<Endpoint> for Webhook {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id,
            url: endpoint.url,
            kinds: endpoint.kinds,
            state: endpoint.state,
            failing_since: endpoint.failing_since,
            why: endpoint.why,
            created_at: endpoint.created_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct WebhookWithSecret {
    webhook: Webhook,
    /// Shown this once: what deliveries are verified with.
    #[schema(example = "whsec_MfKQ9r8…")]
    secret: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    /// `https://…`, at a public address.
    #[schema(max_length = 500)]
    url: String,
    /// What it is told of.
    kinds: Vec<Kind>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeWebhook {
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    kinds: Option<Vec<Kind>>,
    #[serde(default)]
    enabled: Option<bool>,
}

pub(crate) fn problem(error: EndpointError) -> Problem {
    let text = error.to_string();
    match error {
        EndpointError::Store(error) => error.into(),
        EndpointError::ChannelUnknown => Problem::not_found("channel_unknown", "There is no such channel"),
        EndpointError::NotYours => Problem::forbidden("not_yours", "Only the channel's owner may do this"),
        EndpointError::WebhookUnknown => Problem::not_found("webhook_unknown", "There is no such webhook"),
        EndpointError::DeliveryUnknown => Problem::not_found("delivery_unknown", "There is no such delivery"),
        EndpointError::TooMany => Problem::conflict("too_many", text),
        EndpointError::Url(why) => Problem::invalid("url", why.to_string()),
        EndpointError::NoKind => Problem::invalid("kinds", "must name at least one"),
        EndpointError::Off => Problem::conflict("webhook_off", "The webhook is switched off"),
        EndpointError::Sealing => Problem::internal(),
    }
}

fn nonce(webhooks: &Webhooks) -> [u8; 12] {
    let secret = webhooks.site().secret();
    std::array::from_fn(|at| secret[at])
}

/// Shown once: no cache may have it.
fn shown_once(status: StatusCode, endpoint: Endpoint, secret: &Secret) -> Response {
    let body = WebhookWithSecret {
        webhook: endpoint.into(),
        secret: secret.text(),
    };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// A channel's webhooks, the oldest first.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/webhooks", tag = "webhooks",
    params(("handle" = String, Path)),
    responses((status = 200, body = Page<Webhook>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`channel_unknown`"), Failures))]
async fn list(
    State(webhooks): State<Webhooks>,
    SignedIn(person): SignedIn,
    Path(handle): Path<String>,
) -> Result<Json<Page<Webhook>>, Problem> {
    let read = webhooks.site().store().read(move |db: &mut Reader| {
        let channel = owned(db, &handle, person.id)?;
        Ok::<_, EndpointError>(of_channel(db, channel.id)?)
    });
    let endpoints = read.await.map_err(problem)?;
    Ok(Json(Page::whole(
        endpoints.into_iter().map(Webhook::from).collect(),
    )))
}

/// Has an address told what happens in a channel, from now on.
#[utoipa::path(post, path = "/api/v1/channels/{handle}/webhooks", tag = "webhooks",
    params(("handle" = String, Path)), request_body = NewWebhook,
    responses((status = 201, body = WebhookWithSecret), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"), (status = 409, description = "`too_many`"), Refusals))]
async fn make(
    State(webhooks): State<Webhooks>,
    SignedIn(person): SignedIn,
    Path(handle): Path<String>,
    Json(asked): Json<NewWebhook>,
) -> Result<Response, Problem> {
    let (site, now) = (webhooks.site(), webhooks.site().now());
    let (id, nonce) = (WebhookId::new(now, site.entropy()), nonce(&webhooks));
    let secret = Secret::new(site.secret());
    let (parts, kept) = (webhooks.0.clone(), secret.clone());
    let write = site.store().write(move |tx: &mut Tx| {
        let channel = owned(tx, &handle, person.id)?;
        let mut endpoint = Endpoint {
            id,
            channel: channel.id,
            url: asked.url.trim().to_owned(),
            kinds: asked.kinds.clone(),
            sealed: Vec::new(),
            state: EndpointState::On,
            since: now,
            failing_since: None,
            why: None,
            created_at: now,
        };
        endpoint.seal(&kept, &parts.sealing, nonce)?;
        add(tx, endpoint, &parts.reach)
    });
    let endpoint = write.await.map_err(problem)?;
    Ok(shown_once(StatusCode::CREATED, endpoint, &secret))
}

/// Changes a webhook. Switched on again, it is told what happens from then on.
#[utoipa::path(patch, path = "/api/v1/channels/{handle}/webhooks/{webhook}", tag = "webhooks",
    params(("handle" = String, Path), ("webhook" = WebhookId, Path)), request_body = ChangeWebhook,
    responses((status = 200, body = Webhook), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`, `webhook_unknown`"), Refusals))]
async fn edit(
    State(webhooks): State<Webhooks>,
    SignedIn(person): SignedIn,
    Path((handle, id)): Path<(String, WebhookId)>,
    Json(asked): Json<ChangeWebhook>,
) -> Result<Json<Webhook>, Problem> {
    let (now, parts) = (webhooks.site().now(), webhooks.0.clone());
    let write = webhooks.site().store().write(move |tx: &mut Tx| {
        let channel = owned(tx, &handle, person.id)?;
        let asked = Change {
            url: asked.url.as_deref().map(|url| url.trim().to_owned()),
            kinds: asked.kinds.clone(),
            enabled: asked.enabled,
        };
        change(tx, &channel, id, asked, &parts.reach, now)
    });
    let endpoint = write.await.map_err(problem)?;
    webhooks.0.due.notify_one();
    Ok(Json(endpoint.into()))
}

/// Makes a new secret; the one before verifies nothing that is delivered from now on.
#[utoipa::path(post, path = "/api/v1/channels/{handle}/webhooks/{webhook}/secret", tag = "webhooks",
    params(("handle" = String, Path), ("webhook" = WebhookId, Path)),
    responses((status = 201, body = WebhookWithSecret), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`, `webhook_unknown`"), Refusals))]
async fn renew_secret(
    State(webhooks): State<Webhooks>,
    SignedIn(person): SignedIn,
    Path((handle, id)): Path<(String, WebhookId)>,
) -> Result<Response, Problem> {
    let secret = Secret::new(webhooks.site().secret());
    let (parts, kept, nonce) = (webhooks.0.clone(), secret.clone(), nonce(&webhooks));
    let write = webhooks.site().store().write(move |tx: &mut Tx| {
        let channel = owned(tx, &handle, person.id)?;
        rotate(tx, channel.id, id, &kept, &parts.sealing, nonce)
    });
    let endpoint = write.await.map_err(problem)?;
    Ok(shown_once(StatusCode::CREATED, endpoint, &secret))
}

/// Removes a webhook, its secret and its deliveries.
#[utoipa::path(delete, path = "/api/v1/channels/{handle}/webhooks/{webhook}", tag = "webhooks",
    params(("handle" = String, Path), ("webhook" = WebhookId, Path)),
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`, `webhook_unknown`"), Refusals))]
async fn take_away(
    State(webhooks): State<Webhooks>,
    SignedIn(person): SignedIn,
    Path((handle, id)): Path<(String, WebhookId)>,
) -> Result<StatusCode, Problem> {
    let write = webhooks.site().store().write(move |tx: &mut Tx| {
        let channel = owned(tx, &handle, person.id)?;
        remove(tx, channel.id, id)
    });
    write.await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}
