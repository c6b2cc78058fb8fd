//! The door for requests that carry an `Idempotency-Key`: whatever under `/api/v1/` changes something takes it.
//!
//! The request runs in a task of its own, so that it ends and its answer is kept also when the connection breaks, which
//! is what the key is for. A key belongs to its person or guest; who has no name yet has none, and the header is left
//! alone. So it is by whatever answers with a cookie: a session is not given twice.
//!
//! Whose account is suspended has keys for what they may do still, apart from those they had: an answer from before is
//! behind a door that is shut now.
//!
//! Invariant: answers are in the database sealed for their key only.

use std::future::Future;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use busk_api::once::{self, ANSWER_BYTES_MAX, ClaimError, Claimed, Keyed};
use busk_api::{Problem, Site, StatusCode};
use busk_people::{Caller, Concerned, Named};
use busk_rooms::restream::SealingKey;
use busk_store::StoreError;
use http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};

pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Behind the id in the name of a key that is sent while an account is suspended.
const SUSPENDED: &[u8] = b"suspended";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Whether a request is to take effect once.
pub(crate) fn is_keyed(request: &Request) -> bool {
    request.headers().contains_key(KEY)
        && request.uri().path().starts_with("/api/v1/")
        && !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
}

/// How an answer that is kept begins; after a line's end comes its body.
#[derive(Serialize, Deserialize)]
struct Head {
    status: u16,
    content_type: Option<String>,
    location: Option<String>,
}

/// Runs a request, unless one with its key ran or runs.
pub(crate) async fn once<F>(
    site: Site,
    sealing: SealingKey,
    request: Request,
    run: impl FnOnce(Request) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = Response> + Send + 'static,
{
    match named(&site, request).await {
        Ok((None, request)) => run(request).await,
        Ok((Some(keyed), request)) => {
            let running = tokio::spawn(claimed(site, sealing, keyed, run, request));
            running
                .await
                .unwrap_or_else(|_| Problem::internal().into_response())
        }
        Err(refused) => refused.into_response(),
    }
}

/// The name of the request, and the request with its body read.
async fn named(site: &Site, request: Request) -> Result<(Option<Keyed>, Request), Problem> {
    let (mut parts, body) = request.into_parts();
    let Some(owner) = owner(&mut parts, site).await? else {
        return Ok((None, Request::from_parts(parts, body)));
    };
    let mut values = parts.headers.get_all(KEY).iter();
    let value = values.next().filter(|_| values.next().is_none());
    let malformed = || {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "idempotency_key_malformed",
            "The Idempotency-Key must be 16 to 128 visible characters, best a new UUID",
        )
    };
    let key = once::key(value.ok_or_else(malformed)?.as_bytes()).map_err(|_| malformed())?;
    // The guard around has bounded it.
    let body = axum::body::to_bytes(body, crate::router::BODY_BYTES_MAX)
        .await
        .map_err(|_| {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The body is too large",
            )
        })?;
    let address = parts
        .uri
        .path_and_query()
        .map_or(parts.uri.path(), |whole| whole.as_str());
    let keyed = Keyed::new(&owner, key, parts.method.as_str(), address, &body);
    Ok((Some(keyed), Request::from_parts(parts, Body::from(body))))
}

/// Whose keys a request's are; nobody's, where there is no name.
async fn owner(parts: &mut Parts, site: &Site) -> Result<Option<Vec<u8>>, Problem> {
    let named = match Caller::from_request_parts(parts, site).await? {
        Caller::Person(person) => Some(person.id.0),
        Caller::Guest(guest) => Some(guest.id.0),
        Caller::Nobody => None,
    };
    if let Some(id) = named {
        return Ok(Some(id.as_bytes().to_vec()));
    }
    match Concerned::from_request_parts(parts, site).await {
        Ok(Concerned(Named::Person(person))) => Ok(Some([&person.id.as_bytes()[..], SUSPENDED].concat())),
        Ok(Concerned(Named::Guest(_))) => Ok(None),
        Err(refused) if refused.status() == StatusCode::UNAUTHORIZED => Ok(None),
        Err(broken) => Err(broken),
    }
}

async fn claimed<F>(
    site: Site,
    sealing: SealingKey,
    keyed: Keyed,
    run: impl FnOnce(Request) -> F + Send + 'static,
    request: Request,
) -> Response
where
    F: Future<Output = Response> + Send + 'static,
{
    let now = site.now();
    match site.store().write(move |tx| once::claim(tx, &keyed, now)).await {
        Ok(Claimed::New) => {}
        Ok(Claimed::Again(sealed)) => return again(&sealing, &keyed, &sealed),
        Err(error) => return problem(error).into_response(),
    }
    ended(&site, &sealing, &keyed, run(request).await).await
}

/// Keeps the answer, or gives up the claim, or leaves it when nobody knows what was done.
async fn ended(site: &Site, sealing: &SealingKey, keyed: &Keyed, response: Response) -> Response {
    let status = response.status();
    let refused = status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT;
    // Both say that the same may be asked again.
    let put_off = matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE);
    let keyed = *keyed;
    if refused || put_off || response.headers().contains_key(SET_COOKIE) {
        noted(site.store().write(move |tx| once::release(tx, &keyed)).await);
        return response;
    }
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return Problem::internal().into_response();
    };
    let text = |name: HeaderName| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let head = Head {
        status: status.as_u16(),
        content_type: text(CONTENT_TYPE),
        location: text(LOCATION),
    };
    let mut nonce = [0; 12];
    nonce.copy_from_slice(&site.secret()[..12]);
    let head = serde_json::to_vec(&head).ok();
    let sealed = head.and_then(|head| {
        let text = [&head[..], b"\n", &body[..]].concat();
        sealing.seal_for(&keyed.name, text, nonce)
    });
    let written = match sealed.filter(|_| body.len() <= ANSWER_BYTES_MAX) {
        Some(sealed) => {
            site.store()
                .write(move |tx| once::keep(tx, &keyed, &sealed))
                .await
        }
        None => site.store().write(move |tx| once::release(tx, &keyed)).await,
    };
    noted(written);
    Response::from_parts(parts, Body::from(body))
}

/// An answer that could not be kept leaves its claim: asked again, nobody knows what became of it.
fn noted(written: Result<(), StoreError>) {
    if let Err(error) = written {
        tracing::warn!(%error, "what became of a request with a key could not be noted");
    }
}

fn again(sealing: &SealingKey, keyed: &Keyed, sealed: &[u8]) -> Response {
    let opened = sealing.open_for(&keyed.name, sealed);
    let kept = opened.as_deref().and_then(|text| {
        let end = text.iter().position(|byte| *byte == b'\n')?;
        let head: Head = serde_json::from_slice(&text[..end]).ok()?;
        Some((head, Bytes::copy_from_slice(&text[end + 1..])))
    });
    // Sealed with a key that is lost: it did run.
    let Some((head, body)) = kept else {
        return problem(ClaimError::OutcomeUnknown).into_response();
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    for (name, value) in [(CONTENT_TYPE, head.content_type), (LOCATION, head.location)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    response
}

fn problem(error: ClaimError) -> Problem {
    match error {
        ClaimError::Store(error) => error.into(),
        ClaimError::OtherContents => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request",
        ),
        ClaimError::Running => Problem::conflict(
            "idempotency_key_running",
            "A request with this Idempotency-Key is running",
        )
        .retry_after(1),
        ClaimError::OutcomeUnknown => Problem::conflict(
            "outcome_unknown",
            "A request with this Idempotency-Key ended without an answer; look what became of it",
        ),
        ClaimError::TooMany => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_keys",
            "Too many requests with an Idempotency-Key in a day",
        )
        .retry_after(3_600),
    }
}
