//! `/hls/{room}/…`: a room on the air by LL-HLS (RFC 8216bis), for as many as caches can serve.
//!
//! Playlists change and are kept for a moment; all else is named once and never changes.

use std::io::Write;

use axum::body::Body;
use axum::extract::{FromRequestParts, State as Shared};
use axum::response::Response;
use busk_api::{Path, Problem, Query, StatusCode};
use busk_base::RoomId;
use busk_hls::{Ask, LiveName, Rendition};
use busk_media::program::{PlaylistError, Program};
use busk_people::Caller;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::live::Rooms;

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// A playlist that was waited for says the same for ever; one that was not is old with the next part.
const WAITED_FOR: &str = "public, max-age=60";
const CURRENT: &str = "public, max-age=1";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// What a player asks for beyond the playlist as it is (RFC 8216bis §6.2.5).
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Directives {
    /// Wait for this media sequence number.
    #[serde(rename = "_HLS_msn")]
    #[param(rename = "_HLS_msn")]
    msn: Option<u64>,
    /// And in it for this part.
    #[serde(rename = "_HLS_part")]
    #[param(rename = "_HLS_part")]
    part: Option<u64>,
    /// `YES`: leave out what the player knows already.
    #[serde(rename = "_HLS_skip")]
    #[param(rename = "_HLS_skip")]
    skip: Option<String>,
}

impl Directives {
    pub(crate) fn ask(&self) -> Ask {
        Ask {
            msn: self.msn,
            part: self.part,
            skip: matches!(self.skip.as_deref(), Some("YES" | "v2")),
        }
    }
}

/// A playlist, or what one names.
#[utoipa::path(get, path = "/hls/{room}/{name}", tag = "media",
    params(("room" = RoomId, Path), ("name" = String, Path, description = "`index.m3u8`, or what it leads to"), Directives),
    responses((status = 200, description = "a playlist (`application/vnd.apple.mpegurl`) or fragmented MP4"),
        (status = 400, description = "`malformed`"), (status = 403, description = "`blocked`"),
        (status = 404, description = "`no_program`, `not_found`"),
        (status = 503, description = "`stalled`: what was waited for did not come")))]
pub(crate) async fn get(
    Shared(rooms): Shared<Rooms>,
    Path((room, name)): Path<(RoomId, String)>,
    Query(directives): Query<Directives>,
    mut asking: Parts,
) -> Result<Response, Problem> {
    let program = rooms.media().program(room).ok_or_else(no_program)?;
    if name == "index.m3u8" {
        // At this door only: what the playlist leads to has to be the same for everybody, for caches.
        let caller = Caller::from_request_parts(&mut asking, &rooms).await?;
        if caller.person().is_some() {
            rooms.entered(room, &caller).await?;
        }
        let text = program.master().ok_or_else(no_program)?;
        return playlist(text, CURRENT, &asking.headers);
    }
    if let Some(which) = Rendition::of_playlist(&name) {
        let text = media_playlist(&program, which, &directives).await?;
        let cached = if directives.msn.is_some() {
            WAITED_FOR
        } else {
            CURRENT
        };
        return playlist(text, cached, &asking.headers);
    }
    let unknown = || Problem::not_found("not_found", "There is nothing at this address");
    let resource = LiveName::parse(&name).ok_or_else(unknown)?;
    let bytes = program.resource(&resource).await.ok_or_else(unknown)?;
    answer(Body::from(bytes), resource.content_type(), FOR_EVER)
}

async fn media_playlist(
    program: &Program,
    which: Rendition,
    directives: &Directives,
) -> Result<String, Problem> {
    program
        .playlist(which, directives.ask())
        .await
        .map_err(|error| match error {
            PlaylistError::Refused(refused) => {
                Problem::new(StatusCode::BAD_REQUEST, "malformed", refused.to_string()).field("_HLS_msn")
            }
            PlaylistError::Stalled => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stalled", error.to_string()).retry_after(1)
            }
        })
}

fn no_program() -> Problem {
    Problem::not_found("no_program", "The room has no program to play")
}

fn playlist(text: String, cached: &'static str, headers: &HeaderMap) -> Result<Response, Problem> {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let gzip = accepted.is_some_and(|value| value.contains("gzip"));
    let mut response = if gzip {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
        let mut response = answer(
            Body::from(packed.map_err(|_| Problem::internal())?),
            PLAYLIST,
            cached,
        )?;
        let headers = response.headers_mut();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        answer(Body::from(text), PLAYLIST, cached)?
    };
    response
        .headers_mut()
        .insert(VARY, HeaderValue::from_static("accept-encoding"));
    Ok(response)
}

fn answer(body: Body, kind: &'static str, cached: &'static str) -> Result<Response, Problem> {
    Response::builder()
        .header(CONTENT_TYPE, kind)
        .header(CACHE_CONTROL, cached)
        .body(body)
        .map_err(|_| Problem::internal())
}
