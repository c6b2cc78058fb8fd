//! `/webrtc/{session}`: what a camera's or a viewer's session is changed and ended at; its address is the
//! `Location` of the answer that opened it, and needs no other proof (RFC 9725 §4.2).

use axum::extract::State as Shared;
use axum::response::Response;
use busk_api::{Json, Path, Problem, Refusals, StatusCode};
use busk_base::MediaSessionId;
use busk_media::TrickleError;
use busk_media::stage::SEATS_MAX;
use busk_media::webrtc::signalling::{self, FRAGMENT};
use http::HeaderMap;
use http::header::IF_MATCH;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::live::Rooms;
use crate::signal;

/// Where sessions are.
pub(crate) const UNDER: &str = "/webrtc/";

/// Trickles candidates into a session, or restarts its ICE.
#[utoipa::path(patch, path = "/webrtc/{session}", tag = "media", params(("session" = String, Path)),
    request_body(content = String, content_type = "application/trickle-ice-sdpfrag"),
    responses((status = 204), (status = 200, body = String, description = "ICE restarted"),
        (status = 400, description = "`malformed`"), (status = 404, description = "`session_unknown`"),
        (status = 412, description = "`etag_mismatch`"), (status = 415, description = "`wrong_content_type`"),
        (status = 428, description = "`if_match_needed`")))]
pub(crate) async fn trickle(
    Shared(rooms): Shared<Rooms>,
    Path(session): Path<MediaSessionId>,
    headers: HeaderMap,
    signal::Text(fragment): signal::Text,
) -> Result<Response, Problem> {
    signal::of_type(&headers, FRAGMENT)?;
    let if_match = signal::text(&headers, IF_MATCH).map(str::to_owned);
    let trickled = rooms.media().trickle(session, if_match, fragment).await;
    signal::response(signalling::patched(&trickled.map_err(|error| problem(&error))?))
}

/// Hangs up. A camera's room is interrupted, and goes on when it comes back.
#[utoipa::path(delete, path = "/webrtc/{session}", tag = "media", params(("session" = String, Path)),
    responses((status = 200), (status = 404, description = "`session_unknown`")))]
pub(crate) async fn hang_up(
    Shared(rooms): Shared<Rooms>,
    Path(session): Path<MediaSessionId>,
) -> Result<Response, Problem> {
    if rooms.media().close(session).await {
        signal::response(signalling::deleted())
    } else {
        Err(problem(&TrickleError::SessionUnknown))
    }
}

/// How large a viewer shows the seats.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tiles {
    /// By seat, in pixels of the screen; 0 for one that is not shown, which then is not sent. At most 8.
    heights: Vec<u16>,
}

/// Says how high a viewer's tiles are, so that each is sent in the size that it can use.
#[utoipa::path(post, path = "/webrtc/{session}/tiles", tag = "media", params(("session" = String, Path)),
    request_body = Tiles,
    responses((status = 204), (status = 404, description = "`session_unknown`"), Refusals))]
pub(crate) async fn tiles(
    Shared(rooms): Shared<Rooms>,
    Path(session): Path<MediaSessionId>,
    Json(tiles): Json<Tiles>,
) -> Result<StatusCode, Problem> {
    if tiles.heights.len() > SEATS_MAX {
        return Err(Problem::invalid(
            "heights",
            format!("must be at most {SEATS_MAX}"),
        ));
    }
    if rooms.media().tiles(session, tiles.heights).await {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(problem(&TrickleError::SessionUnknown))
    }
}

/// What a change of this session is made of.
#[utoipa::path(options, path = "/webrtc/{session}", tag = "media", operation_id = "session_options",
    params(("session" = String, Path)),
    responses((status = 200, description = "`Accept-Patch` names the content type")))]
pub(crate) async fn options() -> Result<Response, Problem> {
    signal::response(signalling::session_options())
}

fn problem(error: &TrickleError) -> Problem {
    let code = match error {
        TrickleError::SessionUnknown => "session_unknown",
        TrickleError::EtagMissing => "if_match_needed",
        TrickleError::EtagMismatch => "etag_mismatch",
        TrickleError::BadFragment => "malformed",
    };
    signal::refusal(error.status(), code, error.to_string(), None)
}
