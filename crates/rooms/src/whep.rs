//! `/whep/{room}`: a viewer watches (WHEP draft). Sessions outlive a camera that comes and goes.

use axum::extract::State as Shared;
use axum::response::Response;
use busk_api::{Path, Problem};
use busk_base::RoomId;
use busk_media::{View, ViewError};
use http::HeaderMap;

use crate::http::room_unknown;
use crate::live::Rooms;
use crate::{signal, view};

/// Watches a room that is on air.
#[utoipa::path(post, path = "/whep/{room}", tag = "media", params(("room" = RoomId, Path)),
    request_body(content = String, content_type = "application/sdp"),
    responses((status = 201, body = String, content_type = "application/sdp", description = "the answer; Location is the session"),
        (status = 400, description = "`malformed`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`room_not_live`, with Retry-After"),
        (status = 415, description = "`wrong_content_type`"),
        (status = 422, description = "`no_h264`, `no_opus`"), (status = 503, description = "`full`")))]
pub(crate) async fn view(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    headers: HeaderMap,
    signal::Text(offer): signal::Text,
) -> Result<Response, Problem> {
    signal::of_type(&headers, signal::SDP)?;
    let shown = rooms.site().store().read(move |db| view::one(db, room)).await?;
    let state = shown.ok_or_else(room_unknown)?.room.state;
    if !state.is_on_air() {
        return Err(problem(&ViewError::NotLive));
    }
    let ask = View {
        room,
        session: signal::new_session(rooms.site()),
        offer,
    };
    signal::created(&rooms.media().view(ask).await.map_err(|error| problem(&error))?)
}

fn problem(error: &ViewError) -> Problem {
    let code = match error {
        ViewError::NotLive => "room_not_live",
        ViewError::Full => "full",
        ViewError::BadOffer(_) => "malformed",
        ViewError::NoH264 => "no_h264",
        ViewError::NoOpus => "no_opus",
    };
    signal::refusal(error.status(), code, error.to_string(), error.retry_after_s())
}

/// What an offer to this address is made of (RFC 9725 §4.1).
#[utoipa::path(options, path = "/whep/{room}", tag = "media", operation_id = "whep_options",
    params(("room" = String, Path)),
    responses((status = 204, description = "`Accept-Post` names the content type")))]
pub(crate) async fn options() -> Result<Response, Problem> {
    signal::endpoint_options()
}
