use axum::extract::State;
use axum::response::{IntoResponse, Response};
use busk_api::{Failures, OpenApiRouter, Path, Problem, routes};
use busk_base::RoomId;
use busk_people::{Channel, channel_by_handle};
use busk_store::{Reader, StoreError};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};

use super::{Planned, ics, of_channel, one, rss};
use crate::Notices;

/// Readers ask again and again; a change may be seen so much later.
const KEPT: &str = "public, max-age=300";
const CALENDAR: &str = "text/calendar; charset=utf-8";
const FEED: &str = "application/rss+xml; charset=utf-8";

pub(crate) fn routes() -> OpenApiRouter<Notices> {
    OpenApiRouter::new()
        .routes(routes!(calendar))
        .routes(routes!(feed))
        .routes(routes!(one_live))
}

async fn read(notices: &Notices, handle: String) -> Result<(Channel, Vec<Planned>), Problem> {
    let now = notices.site().now();
    let read = notices.site().store().read(move |db: &mut Reader| {
        let Some(channel) = channel_by_handle(db, &handle)? else {
            return Ok(None);
        };
        let lives = of_channel(db, channel.id, now)?;
        Ok::<_, StoreError>(Some((channel, lives)))
    });
    let unknown = || Problem::not_found("channel_unknown", "There is no such channel");
    read.await?.ok_or_else(unknown)
}

/// A channel's announced lives as a calendar to subscribe to (RFC 5545).
#[utoipa::path(get, path = "/api/v1/channels/{handle}/lives.ics", tag = "channels", params(("handle" = String, Path)),
    responses((status = 200, description = "A calendar", content_type = "text/calendar"),
        (status = 404, description = "`channel_unknown`"), Failures))]
async fn calendar(State(notices): State<Notices>, Path(handle): Path<String>) -> Result<Response, Problem> {
    let (channel, lives) = read(&notices, handle).await?;
    let (site, now) = (notices.site().public_url(), notices.site().now());
    let text = ics::calendar(site, &channel.name, &lives, now);
    Ok(([(CONTENT_TYPE, CALENDAR), (CACHE_CONTROL, KEPT)], text).into_response())
}

/// A channel's announced lives as RSS 2.0.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/lives.rss", tag = "channels", params(("handle" = String, Path)),
    responses((status = 200, description = "A feed", content_type = "application/rss+xml"),
        (status = 404, description = "`channel_unknown`"), Failures))]
async fn feed(State(notices): State<Notices>, Path(handle): Path<String>) -> Result<Response, Problem> {
    let (channel, lives) = read(&notices, handle).await?;
    let text = rss::feed(notices.site().public_url(), &channel, &lives);
    Ok(([(CONTENT_TYPE, FEED), (CACHE_CONTROL, KEPT)], text).into_response())
}

/// One announced live, to put into a calendar.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/live.ics", tag = "rooms", params(("room" = RoomId, Path)),
    responses((status = 200, description = "A calendar of one event", content_type = "text/calendar"),
        (status = 404, description = "`room_unknown`: there is none, or it is not announced for a time"), Failures))]
async fn one_live(State(notices): State<Notices>, Path(room): Path<RoomId>) -> Result<Response, Problem> {
    let read = notices.site().store().read(move |db| one(db, room));
    let unknown = || Problem::not_found("room_unknown", "There is no such live to come");
    let live = read.await?.ok_or_else(unknown)?;
    let (site, now) = (notices.site().public_url(), notices.site().now());
    let text = ics::calendar(site, &live.channel.name.clone(), &[live], now);
    let headers = [
        (CONTENT_TYPE, CALENDAR),
        (CACHE_CONTROL, KEPT),
        (CONTENT_DISPOSITION, "attachment; filename=\"live.ics\""),
    ];
    Ok((headers, text).into_response())
}
