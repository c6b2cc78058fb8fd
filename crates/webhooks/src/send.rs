//! One attempt, by `outward`: to a public address, and no more of the answer is read than whether it was taken.

use std::time::Duration;

use busk_base::{Timestamp, WebhookId};
use busk_outward::{Address, post};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::Webhooks;
use crate::delivery::{Due, Outcome};
use crate::endpoint::Endpoint;

/// All that an attempt may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const USER_AGENT: &str = concat!("Busk/", env!("CARGO_PKG_VERSION"), " (webhooks)");

/// Sends it; says what came of it, and nothing of the secret.
pub(crate) async fn send(webhooks: &Webhooks, endpoint: &Endpoint, due: &Due, now: Timestamp) -> Outcome {
    let (status, why) = match attempt(webhooks, endpoint, due, now).await {
        Ok(status) => (Some(status.as_u16()), None),
        Err(why) => (None, Some(why)),
    };
    let took = webhooks.site().now().since(now);
    Outcome {
        status,
        took_ms: took.as_millis().try_into().unwrap_or(i64::MAX),
        why,
    }
}

async fn attempt(
    webhooks: &Webhooks,
    endpoint: &Endpoint,
    due: &Due,
    now: Timestamp,
) -> Result<StatusCode, String> {
    let parts = &webhooks.0;
    let address =
        Address::parse(&endpoint.url, &parts.reach).map_err(|error| format!("The address {error}."))?;
    let unreadable = "What is kept of its secret can no longer be read: make a new one.";
    let secret = endpoint.secret(&parts.sealing).ok_or(unreadable)?;
    let signature = secret.signature(&id(due), seconds(now), &due.body);
    let request = (headers(signature, due, now)?, Bytes::from(due.body.clone()));
    let answer = post(&address, &parts.reach, &parts.tls, request, PATIENCE).await?;
    Ok(answer.status)
}

fn headers(signature: String, due: &Due, now: Timestamp) -> Result<HeaderMap, String> {
    let fixed = HeaderValue::from_static;
    let value = |text: String| HeaderValue::try_from(text).map_err(|_| "It cannot be signed.".to_owned());
    Ok(HeaderMap::from_iter([
        (header::USER_AGENT, fixed(USER_AGENT)),
        (header::CONTENT_TYPE, fixed("application/json")),
        (HeaderName::from_static("webhook-id"), value(id(due))?),
        (
            HeaderName::from_static("webhook-timestamp"),
            value(seconds(now).to_string())?,
        ),
        (HeaderName::from_static("webhook-signature"), value(signature)?),
    ]))
}

fn id(due: &Due) -> String {
    due.id.to_string()
}

fn seconds(at: Timestamp) -> i64 {
    at.unix_us().div_euclid(1_000_000)
}

/// The endpoint of a delivery, as it is now.
pub(crate) async fn endpoint_of(webhooks: &Webhooks, due: &Due) -> Option<Endpoint> {
    let (channel, id): (_, WebhookId) = (due.channel, due.webhook);
    let read = webhooks
        .site()
        .store()
        .read(move |db| crate::endpoint::one(db, channel, id));
    read.await.ok()
}
