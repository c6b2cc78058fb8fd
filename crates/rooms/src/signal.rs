//! What WHIP (RFC 9725) and WHEP (its draft) share over HTTP: the rules are media's, here they become
//! answers of ours.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use busk_api::{Problem, Site, StatusCode};
use busk_base::MediaSessionId;
use busk_media::Answer;
use busk_media::webrtc::signalling::{self, Reply};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CONTENT_TYPE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) use busk_media::webrtc::signalling::{SDP, bearer};

use crate::session;

/// A body of text; bytes that are none, and too many of them, are refused as problems.
pub(crate) struct Text(pub(crate) String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = String::from_request(request, state).await;
        read.map(Text).map_err(|refused| {
            let why = refused.body_text();
            if refused.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
                let title = "The body is too large";
                return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", title);
            }
            Problem::new(StatusCode::BAD_REQUEST, "malformed", "The body is not text").detail(why)
        })
    }
}

/// An id that nobody can guess: it is all that a session's address needs (RFC 9725 §4.2).
pub(crate) fn new_session(site: &Site) -> MediaSessionId {
    let secret = site.secret();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&secret[..16]);
    MediaSessionId(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

/// Refuses a body of another type with 415.
pub(crate) fn of_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), Problem> {
    if signalling::is_type(text(headers, CONTENT_TYPE), wanted) {
        return Ok(());
    }
    let title = "Another content type is needed";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_content_type", title).detail(wanted))
}

pub(crate) fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// 201 with the answer, the session's address and its ETag.
pub(crate) fn created(answer: &Answer) -> Result<Response, Problem> {
    let address = format!("{}{}", session::UNDER, answer.session);
    response(signalling::created(answer, &address, &[]))
}

/// What other sites' pages may send and read (CORS). Cookies are not among it: they come as strangers.
const FOR_ALL_ORIGINS: [(HeaderName, &str); 5] = [
    (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (ACCESS_CONTROL_ALLOW_METHODS, "DELETE, GET, OPTIONS, PATCH, POST"),
    (
        ACCESS_CONTROL_ALLOW_HEADERS,
        "accept, authorization, content-type, if-match",
    ),
    (
        ACCESS_CONTROL_EXPOSE_HEADERS,
        "accept-patch, accept-post, etag, link, location, retry-after, www-authenticate",
    ),
    (ACCESS_CONTROL_MAX_AGE, "7200"),
];

/// Lets other sites' pages use what it is laid over (RFC 9725 §4.2).
pub(crate) async fn for_all_origins(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let allowed = FOR_ALL_ORIGINS.map(|(name, value)| (name, HeaderValue::from_static(value)));
    response.headers_mut().extend(allowed);
    response
}

/// Endpoints and sessions have nothing to show (RFC 9725 §4.1).
pub(crate) async fn nothing() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// What a `POST` to this address takes.
pub(crate) fn endpoint_options() -> Result<Response, Problem> {
    response(signalling::endpoint_options())
}

pub(crate) fn response(reply: Reply) -> Result<Response, Problem> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response
        .body(Body::from(reply.body))
        .map_err(|_| Problem::internal())
}

/// A refusal of the media plane, as a problem.
pub(crate) fn refusal(status: u16, code: &'static str, text: String, retry_after_s: Option<u32>) -> Problem {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let problem = Problem::new(status, code, text);
    match retry_after_s {
        Some(seconds) => problem.retry_after(seconds),
        None => problem,
    }
}
