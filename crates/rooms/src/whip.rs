//! `/whip/{handle}`: a camera comes in (RFC 9725). A stream key or the owner's own session opens it.

use axum::extract::State as Shared;
use axum::response::Response;
use busk_api::{Path, Problem, StatusCode};
use busk_base::RoomId;
use busk_media::{Publish, PublishError};
use busk_people::{Caller, Channel, stream_key};
use busk_store::StoreError;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use uuid::Uuid;

use crate::access::Access;
use crate::enter::Entered;
use crate::live::Rooms;
use crate::stage::{self, Stage, StageError};
use crate::state::{self, CreateError, NewRoom};
use crate::{State, signal};

/// Publishes a camera into the channel's open room. With a stream key and no open room, one is opened and
/// goes live as soon as the camera is connected.
#[utoipa::path(post, path = "/whip/{handle}", tag = "media", params(("handle" = String, Path)),
    request_body(content = String, content_type = "application/sdp"),
    responses((status = 201, body = String, content_type = "application/sdp", description = "the answer; Location is the session"),
        (status = 400, description = "`malformed`"), (status = 401, description = "`key_needed`"),
        (status = 409, description = "`already_publishing`, `no_room`"),
        (status = 415, description = "`wrong_content_type`"),
        (status = 422, description = "`no_h264`, `no_opus`, `too_many_tracks`"), (status = 503, description = "`full`")))]
pub(crate) async fn publish(
    Shared(rooms): Shared<Rooms>,
    Path(handle): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    signal::Text(offer): signal::Text,
) -> Result<Response, Problem> {
    signal::of_type(&headers, signal::SDP)?;
    let (channel, by_key) = authorize(&rooms, &handle, &caller, &headers).await?;
    busk_media::check_camera(&offer).map_err(|error| problem(&error))?;
    let room = room_of(&rooms, &channel, by_key).await?;
    let (stage, host) = (rooms.stage_of(room).await?, channel.owner);
    enter(&rooms, room, 0, host.0, &stage, offer).await
}

/// Publishes the camera of a guest who is on stage, with their own session.
#[utoipa::path(post, path = "/whip/rooms/{room}/stage", tag = "media", params(("room" = RoomId, Path)),
    request_body(content = String, content_type = "application/sdp"),
    responses((status = 201, body = String, content_type = "application/sdp", description = "the answer; Location is the session"),
        (status = 400, description = "`malformed`"), (status = 401, description = "`name_needed`"),
        (status = 403, description = "`blocked`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`already_publishing`, `not_on_stage`, `wrong_state`"),
        (status = 415, description = "`wrong_content_type`"),
        (status = 422, description = "`no_h264`, `no_opus`, `too_many_tracks`"), (status = 503, description = "`full`")))]
pub(crate) async fn publish_guest(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    caller: Caller,
    headers: HeaderMap,
    signal::Text(offer): signal::Text,
) -> Result<Response, Problem> {
    signal::of_type(&headers, signal::SDP)?;
    caller.clone().named()?;
    let Entered { shown, viewer } = rooms.entered(room, &caller).await?;
    let who = viewer.speaker.ok_or_else(Problem::internal)?.id;
    let state = shown.room.state;
    if matches!(state, State::Scheduled | State::Ended) {
        return Err(stage::http::problem(StageError::WrongState(state)));
    }
    let stage = rooms.stage_of(room).await?;
    let seat = stage.seat_of(&shown.room, who);
    let seat = seat.ok_or_else(|| stage::http::problem(StageError::NotOnStage))?;
    enter(&rooms, room, seat, who, &stage, offer).await
}

async fn enter(
    rooms: &Rooms,
    room: RoomId,
    seat: u8,
    person: Uuid,
    stage: &Stage,
    offer: String,
) -> Result<Response, Problem> {
    let (muted, hidden) = stage.switches(seat);
    let ask = Publish {
        room,
        seat,
        session: signal::new_session(rooms.site()),
        person: person.as_u128(),
        muted,
        hidden,
        offer,
    };
    let answer = rooms.media().publish(ask).await;
    signal::created(&answer.map_err(|error| problem(&error))?)
}

/// The channel that the asker may publish to, and whether a stream key opened it.
async fn authorize(
    rooms: &Rooms,
    handle: &str,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<(Channel, bool), Problem> {
    let refuse = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "key_needed",
            "A stream key of this channel is needed",
        )
        .wants_bearer()
    };
    let handle = handle.to_lowercase();
    let wanted = handle.clone();
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = bearer.and_then(signal::bearer).map(str::to_owned);
    let person = caller.person_id();
    let (by_key, now) = (key.is_some(), rooms.site().now());
    let channel = rooms
        .site()
        .store()
        .read(move |db| match (key, person) {
            (Some(key), _) => stream_key::owner(db, &key, now),
            (None, Some(person)) => busk_people::own_channel(db, person, Some(&wanted)),
            (None, None) => Ok::<_, StoreError>(None),
        })
        .await?;
    let channel = channel
        .filter(|channel| channel.handle == handle)
        .ok_or_else(refuse)?;
    Ok((channel, by_key))
}

pub(crate) async fn room_of(rooms: &Rooms, channel: &Channel, by_key: bool) -> Result<RoomId, Problem> {
    let site = rooms.site();
    let now = site.now();
    let (channel, title) = (channel.clone(), channel.name.clone());
    let new = NewRoom {
        id: RoomId::new(now, site.entropy()),
        title,
        scheduled_at: None,
        live_on_camera: true,
        access: Access::Free,
    };
    let found = site.store().write(move |tx| {
        if let Some(open) = state::open_room(tx, channel.id)? {
            return Ok(Some(open));
        }
        if by_key {
            state::create(tx, &channel, &new, now).map(|room| Some(room.id))
        } else {
            Ok(None)
        }
    });
    match found.await {
        Ok(Some(room)) => Ok(room),
        Ok(None) => Err(Problem::conflict("no_room", "Open a room first")),
        Err(CreateError::Store(error)) => Err(error.into()),
        Err(CreateError::AlreadyOpen(room)) => Ok(room),
        Err(CreateError::Title(_) | CreateError::Past | CreateError::PageNeeded) => Err(Problem::internal()),
    }
}

fn problem(error: &PublishError) -> Problem {
    let code = match error {
        PublishError::Full => "full",
        PublishError::AlreadyPublishing => "already_publishing",
        PublishError::BadOffer(_) => "malformed",
        PublishError::NoH264 => "no_h264",
        PublishError::NoOpus => "no_opus",
        PublishError::TooManyTracks => "too_many_tracks",
    };
    signal::refusal(error.status(), code, error.to_string(), error.retry_after_s())
}

/// What an offer to this address is made of (RFC 9725 §4.1).
#[utoipa::path(options, path = "/whip/rooms/{room}/stage", tag = "media", operation_id = "whip_guest_options",
    params(("room" = RoomId, Path)),
    responses((status = 200, description = "`Accept-Post` names the content type")))]
pub(crate) async fn guest_options() -> Result<Response, Problem> {
    signal::endpoint_options()
}

/// What an offer to this address is made of (RFC 9725 §4.1).
#[utoipa::path(options, path = "/whip/{handle}", tag = "media", operation_id = "whip_options",
    params(("handle" = String, Path)),
    responses((status = 200, description = "`Accept-Post` names the content type")))]
pub(crate) async fn options() -> Result<Response, Problem> {
    signal::endpoint_options()
}
