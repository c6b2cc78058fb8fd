//! Hangouts over HTTP. Leaving, removing and switching are those of any stage.

use axum::extract::State as Shared;
use busk_api::{Json, OpenApiRouter, Path, Problem, Refusals, StatusCode, routes as operations};
use busk_base::RoomId;
use busk_people::{Caller, Named, SignedIn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::StartError;
use super::live::Door;
use crate::http::{already_open, own_channel};
use crate::live::Rooms;
use crate::socket::speaker;
use crate::stage::http::{done, problem};
use crate::stage::{Act, StageView};

pub(crate) fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::new()
        .routes(operations!(start))
        .routes(operations!(door))
        .routes(operations!(enter))
        .routes(operations!(lock))
        .routes(operations!(relink))
        .routes(operations!(ask_live))
        .routes(operations!(answer))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StartHangout {
    /// 1–100 characters.
    title: String,
    /// How many may be on camera: 2 to 8, or what the policy allows.
    #[serde(default)]
    people_max: Option<u8>,
}

/// A hangout's link.
#[derive(Serialize, ToSchema)]
struct HangoutLink {
    room: RoomId,
    /// What opens it; shown this once. The page is `/h/{room}#{secret}`.
    secret: String,
}

/// Opens a hangout.
#[utoipa::path(post, path = "/api/v1/hangouts", tag = "hangouts", operation_id = "hangout_start",
    request_body = StartHangout,
    responses((status = 201, body = HangoutLink), (status = 401, description = "`sign_in_needed`"),
        (status = 409, description = "`already_open`: there is one; the detail is its id"), Refusals))]
async fn start(
    Shared(rooms): Shared<Rooms>,
    SignedIn(person): SignedIn,
    Json(body): Json<StartHangout>,
) -> Result<(StatusCode, Json<HangoutLink>), Problem> {
    let channel = own_channel(&rooms, &person, None).await?;
    let started = rooms.start_hangout(channel, body.title, body.people_max).await;
    let (room, secret) = started.map_err(|error| match error {
        StartError::Store(error) => error.into(),
        StartError::Title(why) => Problem::invalid("title", why.to_string()),
        StartError::People(_) => Problem::invalid("people_max", error.to_string()),
        StartError::AlreadyOpen(room) => already_open(room),
    })?;
    Ok((StatusCode::CREATED, Json(HangoutLink { room, secret })))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Key {
    /// The link's; not needed by the host and by those inside.
    #[serde(default)]
    secret: Option<String>,
}

/// What is behind a hangout's link, before coming in.
#[utoipa::path(post, path = "/api/v1/hangouts/{room}/door", tag = "hangouts", params(("room" = RoomId, Path)),
    operation_id = "hangout_door", request_body = Key,
    responses((status = 200, body = Door), (status = 403, description = "`removed`, `blocked`"),
        (status = 404, description = "`room_unknown`: also with a wrong secret"), Refusals))]
async fn door(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    caller: Caller,
    Json(body): Json<Key>,
) -> Result<Json<Door>, Problem> {
    let door = rooms.hangout_door(room, body.secret, &caller).await;
    Ok(Json(door.map_err(problem)?))
}

/// Comes into a hangout, onto a free seat. The camera is connected by `/whip/rooms/{room}/stage`.
#[utoipa::path(post, path = "/api/v1/hangouts/{room}/enter", tag = "hangouts", params(("room" = RoomId, Path)),
    operation_id = "hangout_enter", request_body = Key,
    responses((status = 200, body = StageView), (status = 401, description = "`name_needed`"),
        (status = 403, description = "`removed`, `blocked`"),
        (status = 404, description = "`room_unknown`: also with a wrong secret"),
        (status = 409, description = "`wrong_state`, `locked`, `stage_full`"), Refusals))]
async fn enter(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    named: Named,
    Json(body): Json<Key>,
) -> Result<Json<StageView>, Problem> {
    let caller = match named {
        Named::Person(person) => Caller::Person(person),
        Named::Guest(guest) => Caller::Guest(guest),
    };
    let hosted = rooms.room(room).await?.map(|room| room.host);
    let host = hosted.is_some() && hosted == caller.person_id();
    let who = speaker(&caller, host).ok_or_else(Problem::internal)?;
    let id = who.id;
    let entered = rooms.enter_hangout(room, body.secret, who).await;
    entered.map_err(problem)?;
    Ok(Json(rooms.stage_view(room, Some(id)).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Lock {
    locked: bool,
}

/// Closes a hangout to whoever is not in it, or opens it again.
#[utoipa::path(post, path = "/api/v1/hangouts/{room}/lock", tag = "hangouts", params(("room" = RoomId, Path)),
    operation_id = "hangout_lock", request_body = Lock,
    responses((status = 200, body = StageView), (status = 401, description = "`name_needed`"),
        (status = 403, description = "`not_host`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`wrong_state`"), Refusals))]
async fn lock(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    named: Named,
    Json(body): Json<Lock>,
) -> Result<Json<StageView>, Problem> {
    done(&rooms, room, named, Act::Lock(body.locked)).await
}

/// Makes a new link; the old one opens nothing any more. Who is inside stays.
#[utoipa::path(post, path = "/api/v1/hangouts/{room}/link", tag = "hangouts", params(("room" = RoomId, Path)),
    operation_id = "hangout_link",
    responses((status = 200, body = HangoutLink), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_host`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`wrong_state`"), Refusals))]
async fn relink(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
) -> Result<Json<HangoutLink>, Problem> {
    let secret = rooms.relink_hangout(room, person.id.0).await.map_err(problem)?;
    Ok(Json(HangoutLink { room, secret }))
}

/// Asks everybody on camera whether to go live for an audience; the host's asking is the host's yes.
#[utoipa::path(post, path = "/api/v1/hangouts/{room}/live", tag = "hangouts", params(("room" = RoomId, Path)),
    operation_id = "hangout_ask_live",
    responses((status = 200, body = StageView), (status = 401, description = "`name_needed`"),
        (status = 403, description = "`not_host`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`wrong_state`, `not_on_stage`, `too_many_on_camera`, `no_camera`, `already_open`"), Refusals))]
async fn ask_live(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    named: Named,
) -> Result<Json<StageView>, Problem> {
    done(&rooms, room, named, Act::AskLive).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Answer {
    yes: bool,
}

/// Says yes or no to going live. The last yes opens the curtain; one no keeps it closed.
#[utoipa::path(post, path = "/api/v1/hangouts/{room}/answer", tag = "hangouts", params(("room" = RoomId, Path)),
    operation_id = "hangout_answer", request_body = Answer,
    responses((status = 200, body = StageView), (status = 401, description = "`name_needed`"),
        (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`wrong_state`, `not_on_stage`, `no_vote`"), Refusals))]
async fn answer(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    named: Named,
    Json(body): Json<Answer>,
) -> Result<Json<StageView>, Problem> {
    done(&rooms, room, named, Act::Answer(body.yes)).await
}
