//! `/replays/{room}/…`: a replay by HLS, as one MP4 file, and clips of it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::Response;
use busk_api::{Path, Problem, Query, StatusCode};
use busk_base::RoomId;
use busk_hls::{Rendition, ResourceName};
use busk_people::Caller;
use busk_replay::{ClipError, Plan};
use http::HeaderMap;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    IF_RANGE, RANGE,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::http::{problem, unknown};
use super::{Shelf, Visibility};
use crate::live::Rooms;
use crate::signal;

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// A replay can be made private or deleted: caches may keep it for a moment.
const FOR_ALL: &str = "public, max-age=60";
const FOR_ONE: &str = "private, max-age=60";

/// What a clip is cut from.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cut {
    /// Of `clip.mp4`: where it begins; it does with the keyframe before.
    #[serde(default)]
    pub(crate) from_ms: Option<u64>,
    /// And where it ends, at most ten minutes later.
    #[serde(default)]
    pub(crate) to_ms: Option<u64>,
}

/// A playlist of a replay (`index.m3u8`), what one names, `replay.mp4`, or `clip.mp4`.
#[utoipa::path(get, path = "/replays/{room}/{name}", tag = "replays", operation_id = "replay_file",
    params(("room" = RoomId, Path), ("name" = String, Path), Cut),
    responses((status = 200, description = "a playlist, a piece of media, or an MP4 file"),
        (status = 206, description = "a range of an MP4 file"),
        (status = 401, description = "`ticket_required`, `subscription_required`, `follow_required`: and sign in"),
        (status = 403, description = "`ticket_required`, `subscription_required`, `follow_required`"),
        (status = 404, description = "`replay_unknown`, `not_found`"),
        (status = 416, description = "`range_not_there`"), (status = 422, description = "`invalid`")))]
pub(crate) async fn get(
    Shared(rooms): Shared<Rooms>,
    Path((room, name)): Path<(RoomId, String)>,
    Query(cut): Query<Cut>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let opened = rooms.open_replay(room, &caller).await.map_err(problem)?;
    let shelf = rooms.shelf().ok_or_else(unknown)?;
    let volume = shelf.open(room, rooms.site().now()).await;
    let volume = volume.map_err(|error| problem(error.into()))?;
    let cached = match opened.visibility {
        Visibility::Public => FOR_ALL,
        Visibility::Private | Visibility::Followers | Visibility::Subscribers | Visibility::TicketHolders => {
            FOR_ONE
        }
    };
    let nothing = || Problem::not_found("not_found", "There is nothing at this address");
    match name.as_str() {
        "index.m3u8" => {
            let text = volume.recording.master().ok_or_else(unknown)?;
            return answer(StatusCode::OK, Body::from(text), PLAYLIST, cached);
        }
        "replay.mp4" => {
            let plan = volume.mp4().ok_or_else(unknown)?;
            return file(shelf, room, plan, &headers, cached, "replay.mp4");
        }
        "clip.mp4" => {
            let (Some(from), Some(to)) = (cut.from_ms, cut.to_ms) else {
                return Err(Problem::invalid("from_ms", "from_ms and to_ms are needed"));
            };
            let clip = volume
                .recording
                .clip(Duration::from_millis(from), Duration::from_millis(to));
            let plan = clip.map_err(|error: ClipError| Problem::invalid("to_ms", error.to_string()))?;
            return file(shelf, room, Arc::new(plan), &headers, cached, "clip.mp4");
        }
        _ => {}
    }
    if let Some(which) = Rendition::of_playlist(&name) {
        let text = volume.recording.playlist(which);
        return answer(StatusCode::OK, Body::from(text), PLAYLIST, cached);
    }
    let resource = ResourceName::parse(&name).ok_or_else(nothing)?;
    let (piece, kind) = volume.recording.resource(&resource).ok_or_else(nothing)?;
    let bytes = shelf.archive().read(room, &piece).await;
    let bytes = bytes.map_err(|error| problem(error.into()))?;
    answer(StatusCode::OK, Body::from(bytes), kind, cached)
}

fn answer(
    status: StatusCode,
    body: Body,
    kind: &'static str,
    cached: &'static str,
) -> Result<Response, Problem> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, kind)
        .header(CACHE_CONTROL, cached)
        .body(body)
        .map_err(|_| Problem::internal())
}

/// An MP4 file, or a range of it (RFC 9110 §14).
fn file(
    shelf: &Shelf,
    room: RoomId,
    plan: Arc<Plan>,
    headers: &HeaderMap,
    cached: &'static str,
    name: &'static str,
) -> Result<Response, Problem> {
    let (length, etag) = (plan.length(), plan.etag());
    let same = signal::text(headers, IF_RANGE).is_none_or(|wanted| wanted == etag);
    let asked = signal::text(headers, RANGE).filter(|_| same);
    let part = match asked.and_then(|asked| asked.strip_prefix("bytes=")) {
        Some(part) => match range(part, length) {
            Asked::Part(range) => Some(range),
            Asked::Whole => None,
            Asked::Nowhere => {
                let title = "The file is shorter";
                return Err(Problem::new(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "range_not_there",
                    title,
                ));
            }
        },
        None => None,
    };
    let (status, wanted) = match &part {
        Some(range) => (StatusCode::PARTIAL_CONTENT, range.clone()),
        None => (StatusCode::OK, 0..length),
    };
    let stream = shelf.archive().stream(room, plan, wanted.clone());
    let mut response = answer(status, Body::from_stream(stream), "video/mp4", cached)?;
    let mut set = |name, value: String| {
        if let Ok(value) = value.try_into() {
            response.headers_mut().insert(name, value);
        }
    };
    set(ACCEPT_RANGES, "bytes".into());
    set(ETAG, etag);
    set(CONTENT_LENGTH, (wanted.end - wanted.start).to_string());
    set(CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""));
    if part.is_some() {
        set(
            CONTENT_RANGE,
            format!("bytes {}-{}/{length}", wanted.start, wanted.end - 1),
        );
    }
    Ok(response)
}

#[derive(Debug, PartialEq)]
pub(crate) enum Asked {
    Part(Range<u64>),
    /// Nothing that can be read, or several parts: the whole is an answer too.
    Whole,
    Nowhere,
}

/// `FIRST-LAST`, `FIRST-`, `-LENGTH` (RFC 9110 §14.1.2).
pub(crate) fn range(text: &str, length: u64) -> Asked {
    let Some((first, last)) = text.split_once('-') else {
        return Asked::Whole;
    };
    let number = |text: &str| text.parse::<u64>().ok();
    let range = match (first, last) {
        ("", last) => match number(last) {
            Some(last) => length.saturating_sub(last)..length,
            None => return Asked::Whole,
        },
        (first, last) => {
            let end = match last {
                "" => Some(length),
                last => number(last).map(|last| last.saturating_add(1).min(length)),
            };
            match (number(first), end) {
                (Some(first), Some(end)) if first < end || first >= length => first..end,
                _ => return Asked::Whole,
            }
        }
    };
    if range.start >= range.end {
        Asked::Nowhere
    } else {
        Asked::Part(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_has_them() {
        for (text, asked) in [
            ("0-9", Asked::Part(0..10)),
            ("5-", Asked::Part(5..100)),
            ("90-400", Asked::Part(90..100)),
            ("-10", Asked::Part(90..100)),
            ("-400", Asked::Part(0..100)),
            ("100-", Asked::Nowhere),
            ("200-300", Asked::Nowhere),
            ("-0", Asked::Nowhere),
            ("9-5", Asked::Whole),
            ("0-1,5-6", Asked::Whole),
            ("a-b", Asked::Whole),
            ("7", Asked::Whole),
        ] {
            assert_eq!(range(text, 100), asked, "{text}");
        }
    }
}
