//! oEmbed 1.0 (<https://oembed.com>): whoever has the address of a channel's page, or of a live's, asks what to show in
//! its place. What is shown is the player at `/embed/…`, which has no session and shows only what is for everybody.

#[cfg(test)]
mod tests;

use axum::extract::State;
use busk_api::{Failures, Json, OpenApiRouter, Problem, Query, StatusCode, routes};
use busk_base::RoomId;
use busk_people::{ChannelRef, channel, channel_by_handle};
use busk_rooms::{Access, access, room};
use busk_store::{Reader, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Notices;
use crate::lives::escaped;

/// How large the player is when nobody says.
const WIDTH: u32 = 640;
const HEIGHT: u32 = 360;
/// Smaller ones cannot be used.
const WIDTH_MIN: u32 = 160;
const URL_BYTES_MAX: usize = 500;
/// How long an answer may be kept, in seconds.
const CACHE_AGE_S: u32 = 3_600;

pub(crate) fn routes() -> OpenApiRouter<Notices> {
    OpenApiRouter::new().routes(routes!(oembed))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// The page's address: `…/@handle` or `…/r/room`.
    url: String,
    /// Only `json`.
    format: Option<String>,
    maxwidth: Option<u32>,
    maxheight: Option<u32>,
}

/// What to show in place of an address.
#[derive(Serialize, ToSchema)]
struct OEmbed {
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
    title: String,
    author_name: String,
    author_url: String,
    provider_name: &'static str,
    provider_url: String,
    cache_age: u32,
    html: String,
    width: u32,
    height: u32,
}

/// What the address names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Page {
    Channel(String),
    Room(RoomId),
}

/// What is embedded for a page of this site.
#[utoipa::path(get, path = "/oembed", tag = "embedding", params(Asked),
    responses((status = 200, body = OEmbed), (status = 401, description = "`not_public`: it is for some only"),
        (status = 404, description = "`page_unknown`"), (status = 501, description = "`format_unknown`: only JSON"), Failures))]
async fn oembed(State(notices): State<Notices>, Query(asked): Query<Asked>) -> Result<Json<OEmbed>, Problem> {
    if asked.format.as_deref().is_some_and(|format| format != "json") {
        let text = "Only JSON is written here";
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "format_unknown", text));
    }
    let site = notices.site().public_url();
    let page = page_of(site, &asked.url).ok_or_else(unknown)?;
    let path = match &page {
        Page::Channel(handle) => format!("@{handle}"),
        Page::Room(room) => format!("r/{room}"),
    };
    let read = notices
        .site()
        .store()
        .read(move |db: &mut Reader| named(db, page));
    let (channel, title, access) = read.await?.ok_or_else(unknown)?;
    if access != Access::Free {
        let text = "This live is for some only";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "not_public", text));
    }
    let (width, height) = fit(asked.maxwidth, asked.maxheight);
    let html = format!(
        "<iframe src=\"{}\" width=\"{width}\" height=\"{height}\" title=\"{}\" style=\"border:0\" \
         allow=\"autoplay; fullscreen\" allowfullscreen loading=\"lazy\"></iframe>",
        escaped(&format!("{site}/embed/{path}")),
        escaped(&title)
    );
    Ok(Json(OEmbed {
        kind: "video",
        version: "1.0",
        title,
        author_url: format!("{site}/@{}", channel.handle),
        author_name: channel.name,
        provider_name: "Busk",
        provider_url: site.to_owned(),
        cache_age: CACHE_AGE_S,
        html,
        width,
        height,
    }))
}

fn unknown() -> Problem {
    Problem::not_found("page_unknown", "There is nothing to embed at this address")
}

/// Only addresses of this site name anything; by http or https, as whoever asks may have noted either.
fn page_of(site: &str, url: &str) -> Option<Page> {
    if url.len() > URL_BYTES_MAX {
        return None;
    }
    let without_scheme = |url: &str| {
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"))?;
        Some(rest.to_owned())
    };
    let (site, url) = (without_scheme(site)?, without_scheme(url)?);
    let path = url.strip_prefix(&site)?.strip_prefix('/')?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path.strip_suffix('/').unwrap_or(path);
    if let Some(handle) = path.strip_prefix('@') {
        return busk_base::handle(handle).ok().map(Page::Channel);
    }
    path.strip_prefix("r/")?.parse().ok().map(Page::Room)
}

fn named(db: &mut Reader, page: Page) -> Result<Option<(ChannelRef, String, Access)>, StoreError> {
    match page {
        Page::Channel(handle) => {
            let found = channel_by_handle(db, &handle)?;
            Ok(found.map(|found| (ChannelRef::from(&found), found.name.clone(), Access::Free)))
        }
        Page::Room(id) => {
            let Some(room) = room::public(db, id)? else {
                return Ok(None);
            };
            let access = access::of(db, id)?;
            let found = channel(db, room.channel)?;
            Ok(found.map(|found| (ChannelRef::from(&found), room.title, access)))
        }
    }
}

/// 16:9 within the limits, not larger than usual.
fn fit(width_max: Option<u32>, height_max: Option<u32>) -> (u32, u32) {
    let width = width_max.unwrap_or(WIDTH).min(WIDTH);
    let height = height_max.unwrap_or(HEIGHT).min(HEIGHT);
    let width = width.min(height * 16 / 9).max(WIDTH_MIN);
    (width, width * 9 / 16)
}
