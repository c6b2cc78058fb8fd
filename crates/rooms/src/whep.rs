//! `/whep/{room}`: a viewer watches (WHEP draft). Sessions outlive a camera that comes and goes.

use axum::extract::State as Shared;
use axum::response::Response;
use busk_api::{Path, Problem, Query};
use busk_base::RoomId;
use busk_media::{View, ViewError};
use busk_people::Caller;
use http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::enter::Entered;
use crate::live::Rooms;
use crate::signal;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ViewQuery {
    /// `false`: without one's own camera, for those on stage.
    #[serde(default)]
    own: Option<bool>,
}

/// Watches a room that is on air. The offer's first video and audio are the host's, the second those of the guest
/// on seat 1, and so on.
#[utoipa::path(post, path = "/whep/{room}", tag = "media", params(("room" = RoomId, Path), ViewQuery),
    request_body(content = String, content_type = "application/sdp"),
    responses((status = 201, body = String, content_type = "application/sdp", description = "the answer; Location is the session"),
        (status = 400, description = "`malformed`"), (status = 401, description = "`ticket_required`, `subscription_required`, `follow_required`: and sign in"),
        (status = 403, description = "`blocked`, `ticket_required`, `subscription_required`, `follow_required`"),
        (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`room_not_live`, with Retry-After; `hls_only`"),
        (status = 415, description = "`wrong_content_type`"),
        (status = 422, description = "`no_h264`, `no_opus`"), (status = 503, description = "`full`")))]
pub(crate) async fn view(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    Query(query): Query<ViewQuery>,
    caller: Caller,
    headers: HeaderMap,
    signal::Text(offer): signal::Text,
) -> Result<Response, Problem> {
    signal::of_type(&headers, signal::SDP)?;
    let entered = rooms.entered(room, &caller).await?;
    let comer = rooms.comes_with(&entered, &headers).await;
    let Entered { shown, viewer } = entered;
    // Those on stage see each other before the curtain opens.
    if !shown.room.state.is_on_air() && !viewer.stage {
        return Err(problem(&ViewError::NotLive));
    }
    let ask = View {
        room,
        session: signal::new_session(rooms.site()),
        person: viewer.speaker.map_or(0, |speaker| speaker.id.as_u128()),
        own: query.own.unwrap_or(true),
        offer,
    };
    let session = ask.session;
    let answer = rooms.media().view(ask).await.map_err(|error| problem(&error))?;
    if let Some(comer) = comer {
        rooms.passes().watches(comer, session);
    }
    signal::created(&answer)
}

fn problem(error: &ViewError) -> Problem {
    let code = match error {
        ViewError::NotLive => "room_not_live",
        ViewError::HlsOnly => "hls_only",
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
    responses((status = 200, description = "`Accept-Post` names the content type")))]
pub(crate) async fn options() -> Result<Response, Problem> {
    signal::endpoint_options()
}
