//! Goals over HTTP.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Path, Problem, Refusals, Site, StatusCode, routes as operations,
};
use busk_base::{GoalId, RoomId};
use busk_people::SignedIn;
use busk_rooms::room::public;
use busk_rooms::{Board, Goal, GoalKind, board};
use busk_store::{Reader, StoreError};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{RemoveGoalError, SetGoal, SetGoalError, TARGET_MAX, remove, set};
use crate::badges::room_unknown;

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(show))
        .routes(operations!(set_goal))
        .routes(operations!(remove_goal))
        .with_state(site)
}

/// What stands beside a live's picture: who gives most, and its goals.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/board", tag = "goals", params(("room" = RoomId, Path)),
    responses((status = 200, body = Board), (status = 404, description = "`room_unknown`"), Failures))]
async fn show(Shared(site): Shared<Site>, Path(room): Path<RoomId>) -> Result<Json<Board>, Problem> {
    let read = site.store().read(move |db: &mut Reader| match public(db, room)? {
        Some(room) => board::read(db, room.id).map(Some),
        None => Ok(None),
    });
    let board: Option<_> = read.await.map_err(|error: StoreError| Problem::from(error))?;
    Ok(Json(board.ok_or_else(room_unknown)?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetGoalBody {
    /// Made by the host and permanent: the same goal again is set once.
    id: GoalId,
    /// 1–60 characters.
    title: String,
    kind: GoalKind,
    /// Of a goal of `gifts`: a code of the catalogue, when only these count.
    #[serde(default)]
    gift: Option<String>,
    /// A number of gifts, coins, or the currency's minor unit.
    #[schema(minimum = 1, maximum = 100_000_000)]
    target: i64,
}

/// Sets a goal in one's own live: three at most at a time.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/goals", tag = "goals", params(("room" = RoomId, Path)),
    request_body = SetGoalBody,
    responses((status = 201, body = Goal), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`room_not_open`, `id_reused`, `too_many_goals`"), Refusals))]
async fn set_goal(
    Shared(site): Shared<Site>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
    Json(body): Json<SetGoalBody>,
) -> Result<(StatusCode, Json<Goal>), Problem> {
    let now = site.now();
    let SetGoalBody {
        id,
        title,
        kind,
        gift,
        target,
    } = body;
    let wanted = SetGoal {
        id,
        room,
        by: person.id,
        title,
        kind,
        gift,
        target,
    };
    let done = site.store().write(move |tx| set(tx, &wanted, now)).await;
    Ok((StatusCode::CREATED, Json(done.map_err(set_problem)?)))
}

/// Takes a goal off.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}/goals/{goal}", tag = "goals",
    params(("room" = RoomId, Path), ("goal" = GoalId, Path)),
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`, `goal_unknown`"),
        Failures))]
async fn remove_goal(
    Shared(site): Shared<Site>,
    Path((room, goal)): Path<(RoomId, GoalId)>,
    SignedIn(person): SignedIn,
) -> Result<StatusCode, Problem> {
    let now = site.now();
    let done = site
        .store()
        .write(move |tx| remove(tx, room, goal, person.id, now));
    done.await.map_err(remove_problem)?;
    Ok(StatusCode::NO_CONTENT)
}

fn not_yours() -> Problem {
    Problem::forbidden("not_yours", "Only the host sets goals")
}

fn set_problem(error: SetGoalError) -> Problem {
    match error {
        SetGoalError::Store(error) => error.into(),
        SetGoalError::RoomUnknown => room_unknown(),
        SetGoalError::NotYours => not_yours(),
        SetGoalError::RoomNotOpen => Problem::conflict("room_not_open", "The room is not open"),
        SetGoalError::IdReused(_) => {
            Problem::conflict("id_reused", "This id was used for another goal").field("id")
        }
        SetGoalError::Title(why) => Problem::invalid("title", why.to_string()),
        SetGoalError::GiftUnknown => {
            Problem::invalid("gift", "there is no such gift, or the goal does not count gifts")
        }
        SetGoalError::Target => Problem::invalid("target", format!("must be 1 to {TARGET_MAX}")),
        SetGoalError::TooMany => Problem::conflict("too_many_goals", "There are three goals already"),
    }
}

fn remove_problem(error: RemoveGoalError) -> Problem {
    match error {
        RemoveGoalError::Store(error) => error.into(),
        RemoveGoalError::RoomUnknown => room_unknown(),
        RemoveGoalError::NotYours => not_yours(),
        RemoveGoalError::GoalUnknown => Problem::not_found("goal_unknown", "There is no such goal"),
    }
}
