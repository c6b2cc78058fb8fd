//! The stage over HTTP.

use axum::extract::State as Shared;
use busk_api::{Failures, Json, OpenApiRouter, Path, Problem, Refusals, routes as operations};
use busk_base::RoomId;
use busk_people::{Caller, Named, SignedIn, person_by_handle};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Act, Actor, Layout, StageError, StageView};
use crate::http::{already_open, room_unknown};
use crate::live::Rooms;
use crate::socket::speaker;

pub(crate) fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::new()
        .routes(operations!(show))
        .routes(operations!(ask))
        .routes(operations!(invite))
        .routes(operations!(admit))
        .routes(operations!(join))
        .routes(operations!(leave))
        .routes(operations!(remove))
        .routes(operations!(switch))
        .routes(operations!(arrange))
}

/// Who is on stage, and one's own standing.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/stage", tag = "stage", params(("room" = RoomId, Path)),
    operation_id = "stage",
    responses((status = 200, body = StageView), (status = 403, description = "`blocked`"),
        (status = 404, description = "`room_unknown`"), Failures))]
async fn show(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    caller: Caller,
) -> Result<Json<StageView>, Problem> {
    let entered = rooms.entered(room, &caller).await?;
    let asker = entered.viewer.speaker.map(|speaker| speaker.id);
    Ok(Json(rooms.stage_view(room, asker).await?))
}

/// Asks to come on stage. One who was invited comes.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/stage/ask", tag = "stage", params(("room" = RoomId, Path)),
    operation_id = "stage_ask",
    responses((status = 200, body = StageView), (status = 401, description = "`name_needed`"),
        (status = 403, description = "`blocked`, `banned`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`wrong_state`, `host_stays`, `stage_full`, `queue_full`"), Refusals))]
async fn ask(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    named: Named,
) -> Result<Json<StageView>, Problem> {
    // Whoever the room is not for, or may not write in it, may come by the host's invitation only.
    let entered = rooms.entered(room, &caller_of(&named)).await?;
    if rooms.is_banned(&entered).await? {
        return Err(Problem::forbidden(
            "banned",
            "You cannot ask in this channel any more",
        ));
    }
    done(&rooms, room, named, Act::Ask).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Invite {
    handle: String,
}

/// Invites a person onto the stage. One who has asked is admitted.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/stage/invite", tag = "stage", params(("room" = RoomId, Path)),
    operation_id = "stage_invite", request_body = Invite,
    responses((status = 200, body = StageView), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_host`, `blocked`"),
        (status = 404, description = "`room_unknown`, `person_unknown`"),
        (status = 409, description = "`wrong_state`, `host_stays`, `stage_full`, `queue_full`"), Refusals))]
async fn invite(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(host): SignedIn,
    Json(body): Json<Invite>,
) -> Result<Json<StageView>, Problem> {
    let handle = body.handle.trim().trim_start_matches('@').to_lowercase();
    let read = rooms.site().store().read(move |db| person_by_handle(db, &handle));
    let guest = read.await?.ok_or_else(|| problem(StageError::PersonUnknown))?;
    let guest = speaker(&Caller::Person(guest), false).ok_or_else(Problem::internal)?;
    done(&rooms, room, Named::Person(host), Act::Invite(guest)).await
}

/// Somebody, by the id that others see.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Whom {
    person: Uuid,
}

/// Admits one who has asked.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/stage/admit", tag = "stage", params(("room" = RoomId, Path)),
    operation_id = "stage_admit", request_body = Whom,
    responses((status = 200, body = StageView), (status = 401, description = "`name_needed`"),
        (status = 403, description = "`not_host`, `blocked`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`wrong_state`, `not_asked`, `stage_full`"), Refusals))]
async fn admit(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    named: Named,
    Json(body): Json<Whom>,
) -> Result<Json<StageView>, Problem> {
    done(&rooms, room, named, Act::Admit(body.person)).await
}

/// Comes on stage by invitation.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/stage/join", tag = "stage", params(("room" = RoomId, Path)),
    operation_id = "stage_join",
    responses((status = 200, body = StageView), (status = 401, description = "`name_needed`"),
        (status = 403, description = "`blocked`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`wrong_state`, `host_stays`, `not_invited`, `stage_full`"), Refusals))]
async fn join(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    named: Named,
) -> Result<Json<StageView>, Problem> {
    done(&rooms, room, named, Act::Join).await
}

/// Withdraws one's ask, declines an invitation, or leaves the stage.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/stage/leave", tag = "stage", params(("room" = RoomId, Path)),
    operation_id = "stage_leave",
    responses((status = 200, body = StageView), (status = 401, description = "`name_needed`"),
        (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`wrong_state`, `host_stays`, `not_on_stage`"), Refusals))]
async fn leave(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    named: Named,
) -> Result<Json<StageView>, Problem> {
    done(&rooms, room, named, Act::Leave).await
}

/// Dismisses an ask, withdraws an invitation, or removes a guest.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/stage/remove", tag = "stage", params(("room" = RoomId, Path)),
    operation_id = "stage_remove", request_body = Whom,
    responses((status = 200, body = StageView), (status = 401, description = "`name_needed`"),
        (status = 403, description = "`not_host`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`wrong_state`"), Refusals))]
async fn remove(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    named: Named,
    Json(body): Json<Whom>,
) -> Result<Json<StageView>, Problem> {
    done(&rooms, room, named, Act::Remove(body.person)).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Switch {
    /// A guest's id, for the host; without it one's own.
    #[serde(default)]
    person: Option<Uuid>,
    /// Microphone off.
    #[serde(default)]
    muted: Option<bool>,
    /// Camera off.
    #[serde(default)]
    hidden: Option<bool>,
}

/// Switches one's own microphone or camera. The host switches a guest's off, never on.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/stage/switch", tag = "stage", params(("room" = RoomId, Path)),
    operation_id = "stage_switch", request_body = Switch,
    responses((status = 200, body = StageView), (status = 401, description = "`name_needed`"),
        (status = 403, description = "`not_host`, `theirs_to_switch_on`"),
        (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`wrong_state`, `not_on_stage`"), Refusals))]
async fn switch(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    named: Named,
    Json(body): Json<Switch>,
) -> Result<Json<StageView>, Problem> {
    let Switch {
        person,
        muted,
        hidden,
    } = body;
    let act = Act::Switch {
        person,
        muted,
        hidden,
    };
    done(&rooms, room, named, act).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Arrange {
    layout: Layout,
    /// The seat that `solo` and `spotlight` are about; the host's without it.
    #[serde(default)]
    focus: Option<u8>,
}

/// Lays the stage out.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/stage/layout", tag = "stage", params(("room" = RoomId, Path)),
    operation_id = "stage_layout", request_body = Arrange,
    responses((status = 200, body = StageView), (status = 401, description = "`name_needed`"),
        (status = 403, description = "`not_host`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`wrong_state`"), Refusals))]
async fn arrange(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    named: Named,
    Json(body): Json<Arrange>,
) -> Result<Json<StageView>, Problem> {
    let Arrange { layout, focus } = body;
    done(&rooms, room, named, Act::Arrange { layout, focus }).await
}

pub(crate) async fn done(
    rooms: &Rooms,
    room: RoomId,
    named: Named,
    act: Act,
) -> Result<Json<StageView>, Problem> {
    let who = speaker(&caller_of(&named), false).ok_or_else(Problem::internal)?;
    let id = who.id;
    let host = rooms.room(room).await?.ok_or_else(room_unknown)?.host;
    let by = if host.0 == id {
        Actor::Host
    } else {
        Actor::Other(who)
    };
    rooms.stage_act(room, by, act).await.map_err(problem)?;
    Ok(Json(rooms.stage_view(room, Some(id)).await?))
}

fn caller_of(named: &Named) -> Caller {
    match named.clone() {
        Named::Person(person) => Caller::Person(person),
        Named::Guest(guest) => Caller::Guest(guest),
    }
}

pub(crate) fn problem(error: StageError) -> Problem {
    let text = error.to_string();
    match error {
        StageError::Store(error) => error.into(),
        StageError::RoomUnknown => room_unknown(),
        StageError::WrongState(_) => Problem::conflict("wrong_state", text),
        StageError::NotHost => Problem::forbidden("not_host", "Only the host may do this"),
        StageError::HostStays => Problem::conflict("host_stays", text),
        StageError::PersonUnknown => Problem::not_found("person_unknown", text).field("handle"),
        StageError::Blocked => Problem::forbidden("blocked", text),
        StageError::NotAsked => Problem::conflict("not_asked", text),
        StageError::NotInvited => Problem::conflict("not_invited", text),
        StageError::NotOnStage => Problem::conflict("not_on_stage", text),
        StageError::TheirsToSwitchOn => Problem::forbidden("theirs_to_switch_on", text),
        StageError::Full => Problem::conflict("stage_full", text),
        StageError::QueueFull => Problem::conflict("queue_full", text),
        StageError::SeatUnknown(_) => Problem::invalid("focus", "is nobody's seat"),
        StageError::Removed => Problem::forbidden("removed", text),
        StageError::Locked => Problem::conflict("locked", text),
        StageError::TooMany => Problem::conflict("too_many_on_camera", text),
        StageError::NoCamera => Problem::conflict("no_camera", text),
        StageError::OtherOpen(room) => already_open(room),
        StageError::NoVote => Problem::conflict("no_vote", text),
    }
}
