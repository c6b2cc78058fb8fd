//! `/api/v1/rooms/{room}/thumbnail`: what a room on the air looked like a moment ago.
//!
//! Whoever may ask for a live may see it, so it is the same for everybody and caches may keep it: also for persons
//! whom the host has blocked, who see as much when they are signed out. A room for followers, members or ticket holders
//! has one too: it is what stands at its gate.

use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::Response;
use busk_api::{Failures, Path, Problem, StatusCode};
use busk_base::{PersonId, RoomId, Timestamp};
use busk_media::thumbnails::{EVERY, Thumbnail};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};

use crate::RoomView;
use crate::live::Rooms;
use crate::view::Shown;

impl Rooms {
    fn thumbnail(&self, room: RoomId) -> Option<Thumbnail> {
        self.media().program(room)?.thumbnail(self.site().now())
    }

    /// Of when the room's thumbnail is, if it has one.
    pub(crate) fn thumbnail_at(&self, room: RoomId) -> Option<Timestamp> {
        self.thumbnail(room).map(|thumbnail| thumbnail.taken)
    }

    /// A room as it is now.
    pub(crate) fn view(&self, shown: Shown, asker: Option<PersonId>) -> RoomView {
        let room = shown.room.id;
        shown.view(self.fanout().viewers(room), self.thumbnail_at(room), asker)
    }
}

/// A small picture of a room on the air, at most 640 by 360, about ten seconds old.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/thumbnail", tag = "rooms", params(("room" = RoomId, Path)),
    responses((status = 200, description = "a JPEG", content_type = "image/jpeg"),
        (status = 304, description = "it is the one that `If-None-Match` names"),
        (status = 404, description = "`no_thumbnail`: not on the air, or not yet seen"), Failures))]
pub(crate) async fn get(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let thumbnail = rooms.thumbnail(room);
    let none = || Problem::not_found("no_thumbnail", "The room has no picture at the moment");
    let Thumbnail { taken, jpeg } = thumbnail.ok_or_else(none)?;
    let etag = format!("\"{:x}\"", taken.unix_us());
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let known = known.is_some_and(|tags| tags == "*" || tags.split(',').any(|tag| weakly(tag) == etag));
    let response = Response::builder()
        .header(CACHE_CONTROL, format!("public, max-age={}", EVERY.as_secs()))
        .header(ETAG, &etag);
    let response = if known {
        response.status(StatusCode::NOT_MODIFIED).body(Body::empty())
    } else {
        response.header(CONTENT_TYPE, "image/jpeg").body(Body::from(jpeg))
    };
    response.map_err(|_| Problem::internal())
}

/// An entity tag for the weak comparison (RFC 9110 §13.1.2).
fn weakly(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag)
}
