//! One message to one browser, by its push service (RFC 8030 §5).

use std::time::Duration;

use busk_base::{RoomId, Timestamp};
use busk_outward::{Address, Answer, post};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::{Browser, encrypt::encrypt};
use crate::Notices;
use crate::delivery::Outcome;
use crate::keys::encoded;
use crate::letters::Told;

/// All that an attempt may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How long a service keeps a message for a browser that is off: a live is seldom longer.
const KEPT_S: u64 = 2 * 3_600;
/// A service that asks to be left alone for longer is asked again anyway.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

pub(crate) async fn send(
    notices: &Notices,
    browser: &Browser,
    room: RoomId,
    told: &Told,
    now: Timestamp,
) -> Outcome {
    let Ok(address) = Address::parse(&browser.endpoint, &notices.0.reach) else {
        return Outcome::Gone;
    };
    let Some((headers, body)) = message(notices, browser, &address, room, told, now) else {
        return Outcome::Again(None);
    };
    let tls = &notices.0.tls;
    match post(&address, &notices.0.reach, tls, (headers, body), PATIENCE).await {
        Ok(answer) => outcome(&answer),
        Err(why) => {
            tracing::info!(host = address.host(), "a push service could not be asked: {why}");
            Outcome::Again(None)
        }
    }
}

fn outcome(answer: &Answer) -> Outcome {
    match answer.status {
        status if status.is_success() => Outcome::Done,
        // RFC 8030 §7.3: the subscription is over.
        StatusCode::NOT_FOUND | StatusCode::GONE => Outcome::Gone,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            Outcome::Again(answer.retry_after.map(|after| after.min(RETRY_AFTER_MAX)))
        }
        status if status.is_server_error() => {
            Outcome::Again(answer.retry_after.map(|after| after.min(RETRY_AFTER_MAX)))
        }
        status => {
            tracing::warn!(%status, "a push service will not have a message");
            Outcome::Done
        }
    }
}

/// What the browser's service worker is told; it makes a sentence of it in its own language.
fn message(
    notices: &Notices,
    browser: &Browser,
    address: &Address,
    room: RoomId,
    told: &Told,
    now: Timestamp,
) -> Option<(HeaderMap, Bytes)> {
    let text = serde_json::json!({
        "channel": told.channel,
        "title": told.title,
        "url": format!("/@{}", told.handle),
        "tag": room,
    });
    let site = notices.site();
    let salt: [u8; 32] = site.secret();
    let salt = std::array::from_fn(|at| salt[at]);
    let body = encrypt(text.to_string().as_bytes(), &browser.keys, &site.secret(), &salt)?;
    let contact = site.public_url();
    let word = notices
        .0
        .keys
        .sender
        .authorization(&address.origin(), contact, now)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::try_from(word).ok()?);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
    headers.insert(HeaderName::from_static("ttl"), HeaderValue::from(KEPT_S));
    headers.insert(
        HeaderName::from_static("urgency"),
        HeaderValue::from_static("normal"),
    );
    // A second message of a live takes the first one's place while that waits (RFC 8030 §5.4).
    let topic = HeaderValue::try_from(encoded(room.as_bytes())).ok()?;
    headers.insert(HeaderName::from_static("topic"), topic);
    Some((headers, body.into()))
}
