//! One attempt: connects as `outward` does, to a public address, posts, and reads no more of the answer than whether
//! it was taken. A redirect is followed nowhere: whoever moves, changes the address.

use std::time::Duration;

use busk_base::{Timestamp, WebhookId};
use busk_outward::{Dns, open};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::Webhooks;
use crate::address::Address;
use crate::delivery::{Due, Outcome};
use crate::endpoint::Endpoint;

/// All that an attempt may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Of a header, read at most, in bytes.
const HEADER_BYTES_MAX: usize = 16 * 1024;
const USER_AGENT: &str = concat!("Busk/", env!("CARGO_PKG_VERSION"), " (webhooks)");

/// Sends it; says what came of it, and nothing of the secret.
pub(crate) async fn send(webhooks: &Webhooks, endpoint: &Endpoint, due: &Due, now: Timestamp) -> Outcome {
    let answered = timeout(PATIENCE, post(webhooks, endpoint, due, now)).await;
    let (status, why) = match answered {
        Ok(Ok(status)) => (Some(status.as_u16()), None),
        Ok(Err(why)) => (None, Some(why)),
        Err(_) => (None, Some("Nothing was answered within 20 seconds.".to_owned())),
    };
    let took = webhooks.site().now().since(now);
    Outcome {
        status,
        took_ms: took.as_millis().try_into().unwrap_or(i64::MAX),
        why,
    }
}

async fn post(
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
    let request = request(
        &address,
        secret.signature(&id(due), seconds(now), &due.body),
        due,
        now,
    )?;

    let tls = address.encrypted.then_some(&parts.tls);
    let to = (address.host.as_str(), address.port);
    let connection = open(to, &parts.reach, &Dns, tls, PATIENCE).await;
    let connection = connection.map_err(|error| error.to_string())?;
    let broken = |_| "What was answered is no HTTP.".to_owned();
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEADER_BYTES_MAX)
        .handshake(TokioIo::new(connection))
        .await
        .map_err(broken)?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = &mut answer => answer,
        // The answer may have come before the end, as may none.
        _ = connection => answer.await,
    };
    // The rest of it is of no interest: the connection is dropped with it.
    let status = answer.map(|answer| answer.status());
    status.map_err(|_| "It hung up without an answer.".to_owned())
}

fn request(
    address: &Address,
    signature: String,
    due: &Due,
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, String> {
    Request::post(&address.path)
        .header(header::HOST, &address.authority)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close")
        .header("webhook-id", id(due))
        .header("webhook-timestamp", seconds(now))
        .header("webhook-signature", signature)
        .body(Full::new(Bytes::from(due.body.clone())))
        .map_err(|_| "The address cannot be asked for.".to_owned())
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
