//! What WHIP (RFC 9725) and WHEP (its draft) share: an SDP offer in, a session out.

use axum::response::{IntoResponse, Response};
use busk_api::{Problem, Site, StatusCode};
use busk_base::MediaSessionId;
use busk_media::{Answer, Trickle, TrickleError};
use http::header::{CONTENT_TYPE, ETAG, IF_MATCH, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::live::Rooms;

pub(crate) const SDP: &str = "application/sdp";
pub(crate) const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// An id that nobody can guess: it is all that a session's address needs (RFC 9725 §4.2).
pub(crate) fn new_session(site: &Site) -> MediaSessionId {
    let secret = site.secret();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&secret[..16]);
    MediaSessionId(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

/// Refuses a body of another type (RFC 9725 §4.2: 415).
pub(crate) fn of_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), Problem> {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim();
    if given.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "wrong_content_type",
        "Another content type is needed",
    )
    .detail(wanted))
}

/// 201 with the answer, the session's address and its ETag (RFC 9725 §4.2).
pub(crate) fn created(answer: Answer, under: &str) -> Result<Response, Problem> {
    let location = format!("/{under}/s/{}", answer.session);
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Problem::internal());
    let headers: [(HeaderName, HeaderValue); 4] = [
        (CONTENT_TYPE, HeaderValue::from_static(SDP)),
        (LOCATION, value(&location)?),
        (ETAG, value(&answer.etag)?),
        (
            HeaderName::from_static("accept-patch"),
            HeaderValue::from_static(FRAGMENT),
        ),
    ];
    Ok((StatusCode::CREATED, headers, answer.sdp).into_response())
}

/// PATCH: trickles a candidate (204) or restarts ICE (200) (RFC 9725 §4.3).
pub(crate) async fn trickle(
    rooms: &Rooms,
    session: MediaSessionId,
    headers: &HeaderMap,
    fragment: String,
) -> Result<Response, Problem> {
    of_type(headers, FRAGMENT)?;
    let if_match = headers
        .get(IF_MATCH)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    match rooms.media().trickle(session, if_match, fragment).await {
        Ok(Trickle::Added) => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(Trickle::Restarted { etag, fragment }) => {
            let etag = HeaderValue::from_str(&etag).map_err(|_| Problem::internal())?;
            let headers = [(CONTENT_TYPE, HeaderValue::from_static(FRAGMENT)), (ETAG, etag)];
            Ok((StatusCode::OK, headers, fragment).into_response())
        }
        Err(error) => Err(trickle_problem(&error)),
    }
}

fn trickle_problem(error: &TrickleError) -> Problem {
    let text = error.to_string();
    match error {
        TrickleError::SessionUnknown => session_unknown(),
        TrickleError::EtagMissing => Problem::new(StatusCode::PRECONDITION_REQUIRED, "if_match_needed", text),
        TrickleError::EtagMismatch => Problem::new(StatusCode::PRECONDITION_FAILED, "etag_mismatch", text),
        TrickleError::BadFragment => Problem::new(StatusCode::BAD_REQUEST, "malformed", text),
    }
}

fn session_unknown() -> Problem {
    Problem::not_found("session_unknown", "There is no such media session")
}

/// DELETE: hangs up (RFC 9725 §4.2: 200).
pub(crate) async fn hang_up(rooms: &Rooms, session: MediaSessionId) -> Result<StatusCode, Problem> {
    if rooms.media().close(session).await {
        Ok(StatusCode::OK)
    } else {
        Err(session_unknown())
    }
}

/// As many as the server bears: come back later (RFC 9725 §4.5).
pub(crate) fn full(text: String) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "full", text).retry_after(5)
}

pub(crate) fn unprocessable(code: &'static str, text: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, text)
}

pub(crate) fn malformed(text: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed", "The offer cannot be read").detail(text)
}
