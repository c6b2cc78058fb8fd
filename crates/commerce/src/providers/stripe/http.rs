//! Where Stripe's events arrive.

use axum::extract::State as Shared;
use busk_api::{Failures, OpenApiRouter, Problem, Site, StatusCode, routes as operations};
use bytes::Bytes;
use http::HeaderMap;

use super::event::{self, Event, EventError};
use super::{PROVIDER, Stripe, verify};
use crate::providers::inbox;

/// The address is there on every site; it opens where Stripe is configured.
#[derive(Clone)]
pub struct Door {
    pub site: Site,
    pub stripe: Option<Stripe>,
}

pub fn routes(door: Door) -> OpenApiRouter {
    OpenApiRouter::new().routes(operations!(hear)).with_state(door)
}

/// Takes an event of Stripe: signed by one of the webhooks' secrets, believed once.
///
/// Kinds that are not listened to are answered like the others, so that they are not sent again.
#[utoipa::path(post, path = "/api/v1/providers/stripe/notices", tag = "providers",
    request_body(content = String, content_type = "application/json"),
    responses((status = 200, description = "heard, or nothing to hear"),
        (status = 400, description = "`malformed`, `api_version_wrong`, `livemode_wrong`"),
        (status = 401, description = "`signature_wrong`"), (status = 404, description = "`provider_unknown`"), Failures))]
async fn hear(Shared(door): Shared<Door>, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Problem> {
    let unknown = || Problem::not_found("provider_unknown", "This site does not use Stripe");
    let stripe = door.stripe.ok_or_else(unknown)?;
    let config = &stripe.0.config;
    let signature = headers
        .get("stripe-signature")
        .and_then(|value| value.to_str().ok());
    verify(&config.webhook_secrets, signature, &body, door.site.now()).map_err(|error| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "signature_wrong",
            "The notice is not signed by the provider",
        )
        .detail(error.to_string())
    })?;
    match event::read(&body, config.mode).map_err(problem)? {
        Event::Says(notice) => inbox::hear(&door.site, PROVIDER, notice).await?,
        Event::Nothing(why) => tracing::debug!(provider = PROVIDER, "nothing to hear: {why}"),
    }
    Ok(StatusCode::OK)
}

fn problem(error: EventError) -> Problem {
    tracing::warn!(provider = PROVIDER, "an event is not taken: {error}");
    let (code, title) = match &error {
        EventError::Malformed(_) => ("malformed", "The notice cannot be read"),
        EventError::Version(_) => ("api_version_wrong", "The webhook is set to another version"),
        EventError::Mode => ("livemode_wrong", "The webhook is of the other mode"),
    };
    Problem::new(StatusCode::BAD_REQUEST, code, title).detail(error.to_string())
}
