//! The sub room over HTTP: its messages.

use axum::extract::State as Shared;
use busk_api::{Failures, Json, OpenApiRouter, Path, Problem, Refusals, StatusCode, routes as operations};
use busk_base::{MessageId, RoomId};
use busk_people::{Caller, SignedIn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{SaySub, SaySubError, say};
use crate::access::Access;
use crate::http::room_unknown;
use crate::live::Rooms;
use crate::socket::{name_needed, say_problem};
use crate::{RoomEvent, log};

/// Events of the past that one who comes into it is given.
const RECENT: i64 = 100;

pub(crate) fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::new().routes(operations!(events, say_sub))
}

/// The last events of a sub room.
#[derive(Serialize, ToSchema)]
struct SubRoomEvents {
    /// The oldest first.
    items: Vec<RoomEvent>,
}

/// What happened in the sub room of late, the oldest first; 100 at most.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/sub-room/messages", tag = "talk", params(("room" = RoomId, Path)),
    operation_id = "sub_room_events",
    responses((status = 200, body = SubRoomEvents), (status = 401, description = "`subscription_required`: and sign in"),
        (status = 403, description = "`subscription_required`, `blocked`"),
        (status = 404, description = "`room_unknown`"), Failures))]
async fn events(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    caller: Caller,
) -> Result<Json<SubRoomEvents>, Problem> {
    let viewer = rooms.entered(room, &caller).await?.viewer;
    if !viewer.right.is_open() {
        return Err(Access::Subscribers.refusal(caller.person_id().is_some()));
    }
    let read = rooms
        .site()
        .store()
        .read(move |db| log::of_sub_room(db, room, RECENT));
    let read = read.await?;
    let items = read.iter().map(|(_, body)| serde_json::from_str(body));
    let items = items.collect::<Result<_, _>>().map_err(|_| Problem::internal())?;
    Ok(Json(SubRoomEvents { items }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SaySubBody {
    /// Made by the author; the same again is said once.
    id: MessageId,
    /// 1–300 characters.
    text: String,
    /// For the host: the message of the sub room that this answers.
    #[serde(default)]
    answers: Option<MessageId>,
}

/// What was said in a sub room.
#[derive(Serialize, ToSchema)]
struct SaidSubBody {
    id: MessageId,
    /// The message's number in the room's log.
    n: i64,
}

/// Says something in the sub room, under the topic that is open.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/sub-room/messages", tag = "talk", params(("room" = RoomId, Path)),
    operation_id = "sub_room_say", request_body = SaySubBody,
    responses((status = 201, body = SaidSubBody), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`subscription_required`, `not_host`, `blocked`"),
        (status = 404, description = "`room_unknown`, `message_unknown`"),
        (status = 409, description = "`room_not_live`, `id_reused`"),
        (status = 429, description = "`too_fast`"), Refusals))]
async fn say_sub(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
    Json(body): Json<SaySubBody>,
) -> Result<(StatusCode, Json<SaidSubBody>), Problem> {
    let caller = Caller::Person(person);
    let viewer = rooms.entered(room, &caller).await?.viewer;
    let from = viewer.speaker.ok_or_else(name_needed)?;
    let now = rooms.site().now();
    rooms.may_speak(&from, now)?;
    let SaySubBody { id, text, answers } = body;
    let wanted = SaySub {
        id,
        room,
        from,
        operator: caller.is_operator(),
        trusted: viewer.moderates,
        text,
        answers,
    };
    let said = rooms.site().store().write(move |tx| say(tx, &wanted, now)).await;
    let n = said.map_err(problem)?.n;
    Ok((StatusCode::CREATED, Json(SaidSubBody { id, n })))
}

fn problem(error: SaySubError) -> Problem {
    match error {
        SaySubError::Store(error) => error.into(),
        SaySubError::RoomUnknown => room_unknown(),
        SaySubError::NotSubscribed => Access::Subscribers.refusal(true),
        SaySubError::NotHost => Problem::forbidden("not_host", "Only the host answers"),
        SaySubError::MessageUnknown => {
            Problem::not_found("message_unknown", "There is no such message").field("answers")
        }
        SaySubError::Say(error) => say_problem(error),
    }
}
