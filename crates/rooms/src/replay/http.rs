//! Replays over HTTP: what there is, who may see it, and the room's log in time with it.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Query, Refusals, StatusCode, routes as operations,
};
use busk_base::{ChannelId, RoomId};
use busk_people::{Caller, SignedIn};
use busk_store::{Read, Reader, StoreError, params};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Opened, Placed, Replay, ReplayError, Visibility, files, publish};
use crate::live::Rooms;
use crate::{RoomEvent, State, log, subroom};

const EVENTS_MAX: i64 = 200;
const LISTED_MAX: i64 = 50;

pub(crate) fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::new()
        .routes(operations!(show, edit, delete))
        .routes(operations!(events))
        .routes(operations!(list))
        .routes(operations!(files::get))
}

pub(super) fn problem(error: ReplayError) -> Problem {
    let text = error.to_string();
    match error {
        ReplayError::Store(error) => error.into(),
        ReplayError::Unknown => unknown(),
        ReplayError::Closed { to, signed_in } => to.refusal(signed_in),
        ReplayError::NotYours => Problem::forbidden("not_yours", "The replay is not yours"),
        ReplayError::NotOver => Problem::conflict("not_over", text),
        ReplayError::Archive(busk_replay::ArchiveError::Open(busk_replay::OpenError::NotFound)) => unknown(),
        ReplayError::Archive(error) => {
            tracing::error!(%error, "a replay cannot be read");
            Problem::internal()
        }
    }
}

pub(super) fn unknown() -> Problem {
    Problem::not_found("replay_unknown", "There is no such replay")
}

async fn replay_of(rooms: &Rooms, opened: Opened) -> Result<Replay, ReplayError> {
    let shelf = rooms.shelf().ok_or(ReplayError::Unknown)?;
    let room = opened.shown.room.id;
    let volume = shelf.open(room, rooms.site().now()).await?;
    if volume.recording.is_empty() {
        return Err(ReplayError::Unknown);
    }
    let size = shelf.archive().size(room).await?;
    let begun_at = volume.recording.wall_at(std::time::Duration::ZERO);
    let (channel, title) = (opened.shown.channel().clone(), opened.shown.room.title.clone());
    Ok(Replay {
        room,
        title,
        channel,
        recording: opened.shown.room.state != State::Ended,
        visibility: opened.visibility,
        begun_at: begun_at.unwrap_or(opened.shown.room.created_at),
        duration_ms: volume.recording.duration().as_millis() as u64,
        bytes: size.local_bytes.max(size.remote_bytes),
        mine: opened.mine,
    })
}

/// A replay that the asker may see.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/replay", tag = "replays", params(("room" = RoomId, Path)),
    operation_id = "replay",
    responses((status = 200, body = Replay), (status = 401, description = "`ticket_required`, `subscription_required`, `follow_required`: and sign in"),
        (status = 403, description = "`ticket_required`, `subscription_required`, `follow_required`"),
        (status = 404, description = "`replay_unknown`"), Failures))]
async fn show(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    caller: Caller,
) -> Result<Json<Replay>, Problem> {
    let opened = rooms.open_replay(room, &caller).await.map_err(problem)?;
    Ok(Json(replay_of(&rooms, opened).await.map_err(problem)?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditReplay {
    visibility: Visibility,
}

/// Says who may watch one's own replay.
#[utoipa::path(patch, path = "/api/v1/rooms/{room}/replay", tag = "replays", params(("room" = RoomId, Path)),
    operation_id = "replay_edit", request_body = EditReplay,
    responses((status = 200, body = Replay), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`replay_unknown`"),
        (status = 409, description = "`not_over`"), Refusals))]
async fn edit(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
    Json(body): Json<EditReplay>,
) -> Result<Json<Replay>, Problem> {
    rooms.own_replay(room, person.id).await.map_err(problem)?;
    let published = rooms
        .site()
        .store()
        .write(move |tx| publish(tx, room, body.visibility));
    published.await?;
    let caller = Caller::Person(person);
    let opened = rooms.open_replay(room, &caller).await.map_err(problem)?;
    Ok(Json(replay_of(&rooms, opened).await.map_err(problem)?))
}

/// Deletes one's own replay for good.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}/replay", tag = "replays", params(("room" = RoomId, Path)),
    operation_id = "replay_delete",
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`replay_unknown`"),
        (status = 409, description = "`not_over`"), Refusals))]
async fn delete(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
) -> Result<StatusCode, Problem> {
    rooms.own_replay(room, person.id).await.map_err(problem)?;
    let shelf = rooms.shelf().ok_or_else(unknown)?;
    let removed = shelf.remove(room).await;
    removed.map_err(|error| problem(error.into()))?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    /// The last number seen.
    #[serde(default)]
    after: i64,
}

/// The room's log after a number, in time with the replay.
#[derive(Serialize, ToSchema)]
struct PlacedEvents {
    items: Vec<Placed>,
    /// The number to ask after next; null when this was all.
    next: Option<i64>,
}

/// What happened in a room, placed on its replay; 200 at a time.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/replay/events", tag = "replays",
    operation_id = "replay_events", params(("room" = RoomId, Path), EventsQuery),
    responses((status = 200, body = PlacedEvents), (status = 401, description = "`ticket_required`, `subscription_required`, `follow_required`: and sign in"),
        (status = 403, description = "`ticket_required`, `subscription_required`, `follow_required`"),
        (status = 404, description = "`replay_unknown`"), Failures))]
async fn events(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    caller: Caller,
    Query(query): Query<EventsQuery>,
) -> Result<Json<PlacedEvents>, Problem> {
    let opened = rooms.open_replay(room, &caller).await.map_err(problem)?;
    let shelf = rooms.shelf().ok_or_else(unknown)?;
    let volume = shelf.open(room, rooms.site().now()).await;
    let volume = volume.map_err(|error| problem(error.into()))?;
    // What was for fewer than everybody is not told again, but for the sub room: to those who may read it now.
    let (asker, operator, now) = (caller.person_id(), caller.is_operator(), rooms.site().now());
    let of = opened.shown.room;
    let right = rooms
        .site()
        .store()
        .read(move |db: &mut Reader| subroom::right(db, &of, asker, operator, now));
    let reader = log::LogReader {
        subscriber: right.await?.is_open(),
        ..log::LogReader::default()
    };
    let read = rooms
        .site()
        .store()
        .read(move |db| log::after(db, room, reader, query.after, EVENTS_MAX));
    let rows = read.await?;
    let next = (rows.len() as i64 == EVENTS_MAX)
        .then(|| rows.last().map(|(n, _)| *n))
        .flatten();
    let mut items = Vec::with_capacity(rows.len());
    for (_, body) in rows {
        let event: RoomEvent = serde_json::from_str(&body).map_err(|_| Problem::internal())?;
        let position_ms = volume.recording.position_at(event.at).as_millis() as u64;
        items.push(Placed { position_ms, event });
    }
    Ok(Json(PlacedEvents { items, next }))
}

/// A channel's replays that the asker may see, the latest first.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/replays", tag = "replays",
    operation_id = "channel_replays", params(("handle" = String, Path)),
    responses((status = 200, body = Page<Replay>), (status = 404, description = "`channel_unknown`"), Failures))]
async fn list(
    Shared(rooms): Shared<Rooms>,
    Path(handle): Path<String>,
    caller: Caller,
) -> Result<Json<Page<Replay>>, Problem> {
    let read = rooms.site().store().read(move |db: &mut Reader| {
        let Some(channel) = busk_people::channel_by_handle(db, &handle.to_lowercase())? else {
            return Ok(None);
        };
        ended_of(db, channel.id).map(Some)
    });
    let unknown = || Problem::not_found("channel_unknown", "There is no such channel");
    let mut items = Vec::new();
    for room in read.await?.ok_or_else(unknown)? {
        let Ok(opened) = rooms.open_replay(room, &caller).await else {
            continue;
        };
        match replay_of(&rooms, opened).await {
            Ok(replay) => items.push(replay),
            Err(ReplayError::Unknown | ReplayError::Archive(_)) => {}
            Err(error) => return Err(problem(error)),
        }
    }
    Ok(Json(Page::whole(items)))
}

fn ended_of(db: &mut impl Read, channel: ChannelId) -> Result<Vec<RoomId>, StoreError> {
    let rows = db.rows(
        "SELECT id FROM room WHERE channel = $1 AND state = 'ended' AND started_at IS NOT NULL \
         ORDER BY created_at DESC LIMIT $2",
        params![channel, LISTED_MAX],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}
