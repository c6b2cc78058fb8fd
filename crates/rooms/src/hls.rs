//! `/hls/{room}/…`: a room on the air by LL-HLS (RFC 8216bis), for as many as caches can serve.
//!
//! Playlists change and are kept for a moment; all else is named once and never changes.
//!
//! What a room that is not for everybody has here is opened by a token of each viewer's device ([`passes`](crate::passes)):
//! in a cookie for this room's addresses, or in the query as `pass`. Whoever is admitted by their session gets one with
//! the first answer. Such answers are for one viewer only, unless an edge asks that says that it checks passes itself
//! (by [`pass`]): what it asks for then is the same for all, and stays out of nobody's key.

use std::io::Write;

use axum::body::Body;
use axum::extract::{FromRequestParts, State as Shared};
use axum::response::Response;
use busk_api::{Path, Problem, Query, StatusCode};
use busk_base::RoomId;
use busk_hls::{Ask, LiveName, Rendition};
use busk_media::program::{PlaylistError, Program};
use busk_people::{Caller, secret};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, COOKIE as COOKIE_HEADER, SET_COOKIE, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::{self, Access};
use crate::live::Rooms;
use crate::passes::Worth;

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// A playlist that was waited for says the same for ever; one that was not is old with the next part.
const WAITED_FOR: &str = "public, max-age=60";
const CURRENT: &str = "public, max-age=1";
/// Of a room that is not for everybody.
const FOR_ONE: &str = "private, no-store";
/// How long an edge may believe that a token is good.
const CHECKED: &str = "private, max-age=20";
/// What a viewer's token is kept in.
const COOKIE: &str = "busk_pass";
/// By this header an edge says that it asks for each request whether the viewer may have it.
const EDGE: &str = "busk-edge";
const CHECKS_PASSES: &str = "checks-passes";
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
    /// A token, for players that keep no cookies.
    pass: Option<String>,
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
        (status = 400, description = "`malformed`"),
        (status = 401, description = "`ticket_required`, `subscription_required`, `follow_required`: and sign in"),
        (status = 403, description = "`blocked`, `ticket_required`, `subscription_required`, `follow_required`"),
        (status = 404, description = "`no_program`, `not_found`"),
        (status = 503, description = "`stalled`: what was waited for did not come")))]
pub(crate) async fn get(
    Shared(rooms): Shared<Rooms>,
    Path((room, name)): Path<(RoomId, String)>,
    Query(directives): Query<Directives>,
    mut asking: Parts,
) -> Result<Response, Problem> {
    let program = rooms.media().program(room).ok_or_else(no_program)?;
    let passed = rooms
        .passed(room, directives.pass.as_deref(), &mut asking)
        .await?;
    let mut response = content(&rooms, room, &program, &name, &directives, &passed, &mut asking).await?;
    let by_edge = asking
        .headers
        .get(EDGE)
        .is_some_and(|value| value == CHECKS_PASSES);
    let headers = response.headers_mut();
    match passed {
        Passed::Free => {}
        Passed::New(cookie) => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(FOR_ONE));
            headers.insert(SET_COOKIE, cookie);
        }
        Passed::Known if by_edge && name != "index.m3u8" => {}
        Passed::Known => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(FOR_ONE));
        }
    }
    Ok(response)
}

/// Whether whoever asks may have what is under `/hls/{room}/`: what an edge asks for each of its requests, by
/// `auth_request` or its like. A new token comes as a cookie, to be handed on.
#[utoipa::path(get, path = "/hls/{room}/pass", tag = "media", params(("room" = RoomId, Path), Directives),
    responses((status = 204, description = "they may"),
        (status = 401, description = "`ticket_required`, `subscription_required`, `follow_required`: and sign in"),
        (status = 403, description = "`blocked`, `ticket_required`, `subscription_required`, `follow_required`")))]
pub(crate) async fn pass(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    Query(directives): Query<Directives>,
    mut asking: Parts,
) -> Result<Response, Problem> {
    // What is not there has nothing to guard; it is said with the content.
    let passed = match rooms.media().program(room) {
        Some(_) => {
            rooms
                .passed(room, directives.pass.as_deref(), &mut asking)
                .await?
        }
        None => Passed::Free,
    };
    let cached = match &passed {
        Passed::Free | Passed::Known => CHECKED,
        Passed::New(_) => FOR_ONE,
    };
    let mut response = Response::builder()
        .status(StatusCode::NO_CONTENT)
        .header(CACHE_CONTROL, cached);
    if let Passed::New(cookie) = passed {
        response = response.header(SET_COOKIE, cookie);
    }
    response.body(Body::empty()).map_err(|_| Problem::internal())
}

/// How somebody came through this door.
enum Passed {
    /// The room is for everybody.
    Free,
    /// By a token.
    Known,
    /// By being admitted: the token for the next time.
    New(HeaderValue),
}

impl Rooms {
    async fn passed(
        &self,
        room: RoomId,
        in_query: Option<&str>,
        asking: &mut Parts,
    ) -> Result<Passed, Problem> {
        if !self.is_guarded(room).await? {
            return Ok(Passed::Free);
        }
        let now = self.site().now();
        let in_query = in_query.filter(|token| !token.is_empty());
        let token = in_query.map(str::to_owned).or_else(|| cookie(&asking.headers));
        if let Some(token) = token {
            match self.passes().worth(&token, room, now) {
                Worth::Good => return Ok(Passed::Known),
                Worth::Ask(person) if self.still_admitted(room, person).await? => {
                    self.passes().believe(&token, now);
                    return Ok(Passed::Known);
                }
                Worth::Ask(person) => self.passes().forget_person(room, person),
                Worth::Nothing => {}
            }
        }
        let caller = Caller::from_request_parts(asking, self).await?;
        let entered = self.entered(room, &caller).await?;
        let comer = self.comes_with(&entered, &asking.headers).await;
        let comer = comer.ok_or_else(Problem::internal)?;
        let token = self.passes().token(comer, secret::text(self.site().secret()));
        let secure = if self.site().is_https() { "; Secure" } else { "" };
        let cookie = format!("{COOKIE}={token}; Path=/hls/{room}/; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::try_from(cookie)
            .map(Passed::New)
            .map_err(|_| Problem::internal())
    }

    /// Whether a room on the air is not for everybody; read once.
    async fn is_guarded(&self, room: RoomId) -> Result<bool, Problem> {
        if let Some(known) = self.passes().guarded(room) {
            return Ok(known);
        }
        let access = self.site().store().read(move |db| access::of(db, room)).await?;
        let guarded = access != Access::Free;
        self.passes().know_guarded(room, guarded);
        Ok(guarded)
    }
}

/// The token in the cookies.
fn cookie(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(COOKIE_HEADER).iter();
    let mut pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let value = pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    value.map(str::to_owned)
}

async fn content(
    rooms: &Rooms,
    room: RoomId,
    program: &Program,
    name: &str,
    directives: &Directives,
    passed: &Passed,
    asking: &mut Parts,
) -> Result<Response, Problem> {
    if name == "index.m3u8" {
        // At this door only: what the playlist leads to has to be the same for everybody, for caches.
        let caller = Caller::from_request_parts(asking, rooms).await?;
        if caller.person().is_some() && matches!(passed, Passed::Free) {
            rooms.entered(room, &caller).await?;
        }
        let text = program.master().ok_or_else(no_program)?;
        return playlist(text, CURRENT, &asking.headers);
    }
    if let Some(which) = Rendition::of_playlist(name) {
        let text = media_playlist(program, which, directives).await?;
        let cached = if directives.msn.is_some() {
            WAITED_FOR
        } else {
            CURRENT
        };
        return playlist(text, cached, &asking.headers);
    }
    let unknown = || Problem::not_found("not_found", "There is nothing at this address");
    let resource = LiveName::parse(name).ok_or_else(unknown)?;
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
