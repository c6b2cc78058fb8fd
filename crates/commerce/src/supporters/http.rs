//! Rankings and supporters over HTTP. A ranking is everybody's to see; the list of supporters is the creator's.

use axum::extract::State as Shared;
use busk_api::{
    Cursor, Failures, Json, OpenApiRouter, Page, PageQuery, Path, Problem, Query, Site, routes as operations,
};
use busk_base::{PersonId, RoomId, Timestamp};
use busk_people::{Caller, SignedIn};
use busk_rooms::room::public;
use busk_store::{Reader, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Place, RANKED_MAX, RANKED_OVER, Supporter, of_channel, of_room, ranking_of_channel, ranking_of_room,
};
use crate::badges::room_unknown;
use crate::payments::Money;

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(live_ranking))
        .routes(operations!(channel_ranking))
        .routes(operations!(live_supporters))
        .routes(operations!(channel_supporters))
        .with_state(site)
}

/// A place of a ranking.
#[derive(Serialize, ToSchema)]
struct RankingPlace {
    /// From 1.
    rank: usize,
    person: PersonId,
    name: String,
    /// What they gave: gifts at the price of a coin, and badges.
    value: Money,
    /// Whether it is the asker's own.
    mine: bool,
}

fn places(ranked: Vec<Place>, caller: &Caller) -> Page<RankingPlace> {
    let asker = caller.person_id();
    let places = (1..).zip(ranked).map(|(rank, place)| RankingPlace {
        rank,
        person: place.person,
        name: place.name,
        value: Money::new(place.value),
        mine: asker == Some(place.person),
    });
    Page::whole(places.collect())
}

/// Who gave most in a live, at most a hundred; kept when it has ended.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/ranking", tag = "supporters", params(("room" = RoomId, Path)),
    responses((status = 200, body = Page<RankingPlace>), (status = 404, description = "`room_unknown`"), Failures))]
async fn live_ranking(
    Shared(site): Shared<Site>,
    Path(room): Path<RoomId>,
    caller: Caller,
) -> Result<Json<Page<RankingPlace>>, Problem> {
    let read = site.store().read(move |db: &mut Reader| match public(db, room)? {
        Some(_) => ranking_of_room(db, room, RANKED_MAX).map(Some),
        None => Ok(None),
    });
    let ranked: Option<_> = read.await.map_err(|error: StoreError| Problem::from(error))?;
    Ok(Json(places(ranked.ok_or_else(room_unknown)?, &caller)))
}

/// Who gave most in a channel's lives of the last 30 days, at most a hundred.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/ranking", tag = "supporters",
    params(("handle" = String, Path)),
    responses((status = 200, body = Page<RankingPlace>), (status = 404, description = "`channel_unknown`"), Failures))]
async fn channel_ranking(
    Shared(site): Shared<Site>,
    Path(handle): Path<String>,
    caller: Caller,
) -> Result<Json<Page<RankingPlace>>, Problem> {
    let since = site.now() - RANKED_OVER;
    let read = site.store().read(move |db: &mut Reader| {
        let channel = busk_people::channel_by_handle(db, &handle)?;
        let ranked = channel.map(|channel| ranking_of_channel(db, channel.id, since, RANKED_MAX));
        ranked.transpose()
    });
    let ranked: Option<_> = read.await.map_err(|error: StoreError| Problem::from(error))?;
    Ok(Json(places(ranked.ok_or_else(channel_unknown)?, &caller)))
}

/// Someone who gave.
#[derive(Serialize, ToSchema)]
struct SupporterView {
    person: PersonId,
    handle: String,
    name: String,
    badges: i64,
    gifts: i64,
    /// What the gifts cost, in coins.
    coins: i64,
    /// Of badges and gifts.
    value: Money,
    /// In how many lives they gave.
    lives: i64,
    /// When they last did.
    last_at: Timestamp,
}

impl From<Supporter> for SupporterView {
    fn from(supporter: Supporter) -> Self {
        Self {
            person: supporter.person,
            handle: supporter.handle,
            name: supporter.name,
            badges: supporter.badges,
            gifts: supporter.gifts,
            coins: supporter.coins,
            value: Money::new(supporter.value),
            lives: supporter.lives,
            last_at: supporter.last_at,
        }
    }
}

fn page_of(rows: Vec<Supporter>, query: &PageQuery) -> Page<SupporterView> {
    let page = Page::of(rows, query.limit, |last| {
        let bytes = [&last.value.to_be_bytes()[..], &last.person.as_bytes()[..]].concat();
        Cursor::from_bytes(&bytes)
    });
    Page {
        items: page.items.into_iter().map(SupporterView::from).collect(),
        next: page.next,
    }
}

fn after(query: &PageQuery) -> Result<Option<(i64, PersonId)>, Problem> {
    let Some(cursor) = &query.cursor else {
        return Ok(None);
    };
    let halves = cursor.as_bytes().split_first_chunk::<8>();
    let place =
        halves.and_then(|(value, person)| Some((i64::from_be_bytes(*value), PersonId::from_slice(person)?)));
    let foreign = || Problem::invalid("cursor", "is not one of this list");
    place.map(Some).ok_or_else(foreign)
}

/// Why there is no list, in order of precedence.
enum Refused {
    Unknown,
    NotYours,
}

/// A channel's supporters of all times, who gave most first. Its creator's to see.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/supporters", tag = "supporters",
    params(("handle" = String, Path), PageQuery),
    responses((status = 200, body = Page<SupporterView>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`channel_unknown`"), Failures))]
async fn channel_supporters(
    Shared(site): Shared<Site>,
    Path(handle): Path<String>,
    SignedIn(person): SignedIn,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<SupporterView>>, Problem> {
    let (after, max) = (after(&query)?, query.limit.and_one());
    let read = site.store().read(move |db: &mut Reader| {
        let Some(channel) = busk_people::channel_by_handle(db, &handle)? else {
            return Ok(Err(Refused::Unknown));
        };
        if channel.owner != person.id {
            return Ok(Err(Refused::NotYours));
        }
        of_channel(db, channel.id, after, max).map(Ok)
    });
    let rows = read.await.map_err(|error: StoreError| Problem::from(error))?;
    let rows = rows.map_err(|refused| refused.problem(channel_unknown))?;
    Ok(Json(page_of(rows, &query)))
}

/// The supporters of one live, who gave most first. Its creator's to see.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/supporters", tag = "supporters",
    params(("room" = RoomId, Path), PageQuery),
    responses((status = 200, body = Page<SupporterView>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`"), Failures))]
async fn live_supporters(
    Shared(site): Shared<Site>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<SupporterView>>, Problem> {
    let (after, max) = (after(&query)?, query.limit.and_one());
    let read = site.store().read(move |db: &mut Reader| match public(db, room)? {
        None => Ok(Err(Refused::Unknown)),
        Some(room) if room.host != person.id => Ok(Err(Refused::NotYours)),
        Some(room) => of_room(db, room.id, after, max).map(Ok),
    });
    let rows = read.await.map_err(|error: StoreError| Problem::from(error))?;
    let rows = rows.map_err(|refused| refused.problem(room_unknown))?;
    Ok(Json(page_of(rows, &query)))
}

impl Refused {
    fn problem(self, unknown: fn() -> Problem) -> Problem {
        match self {
            Refused::Unknown => unknown(),
            Refused::NotYours => Problem::forbidden("not_yours", "Only its creator sees who supported it"),
        }
    }
}

fn channel_unknown() -> Problem {
    Problem::not_found("channel_unknown", "There is no such channel")
}
