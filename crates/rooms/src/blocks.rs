//! Blocking over HTTP: who is blocked by somebody on stage leaves that room at once.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, StatusCode, routes as operations,
};
use busk_base::PersonId;
use busk_people::block::{self, BlockError};
use busk_people::{Person, SignedIn, person, person_by_handle};
use busk_store::{Read, Tx};
use serde::Serialize;
use utoipa::ToSchema;

use crate::live::Rooms;

pub(crate) fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::new()
        .routes(operations!(blocks))
        .routes(operations!(add, remove))
}

/// Someone who is blocked.
#[derive(Serialize, ToSchema)]
struct Blocked {
    /// As it stands beside what they say.
    id: PersonId,
    handle: String,
    name: String,
}

fn problem(error: BlockError) -> Problem {
    let text = error.to_string();
    match error {
        BlockError::Store(error) => error.into(),
        BlockError::PersonUnknown => Problem::not_found("person_unknown", "There is no such person"),
        BlockError::Yourself => Problem::conflict("yourself", "You cannot block yourself"),
        BlockError::TooMany => Problem::conflict("too_many", text),
    }
}

/// By handle, or by the id that stands beside what somebody says.
fn named(db: &mut impl Read, name: &str) -> Result<Person, BlockError> {
    let found = match name.parse::<PersonId>() {
        Ok(id) => person(db, id)?,
        Err(_) => person_by_handle(db, &name.to_lowercase())?,
    };
    found.ok_or(BlockError::PersonUnknown)
}

/// Whom one has blocked, the latest first.
#[utoipa::path(get, path = "/api/v1/me/blocks", tag = "people",
    responses((status = 200, body = Page<Blocked>), (status = 401, description = "`sign_in_needed`"), Failures))]
async fn blocks(
    Shared(rooms): Shared<Rooms>,
    SignedIn(person): SignedIn,
) -> Result<Json<Page<Blocked>>, Problem> {
    let read = move |db: &mut busk_store::Reader| block::blocked_by(db, person.id);
    let blocked = rooms.site().store().read(read).await?;
    let blocked = blocked.into_iter().map(|person| Blocked {
        id: person.id,
        handle: person.handle,
        name: person.display_name,
    });
    Ok(Json(Page::whole(blocked.collect())))
}

/// Blocks a person: they can neither watch, chat nor join where one is on stage.
#[utoipa::path(put, path = "/api/v1/me/blocks/{handle}", tag = "people", params(("handle" = String, Path, description = "a handle or a person's id")),
    operation_id = "block",
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`person_unknown`"),
        (status = 409, description = "`yourself`, `too_many`"), Refusals))]
async fn add(
    Shared(rooms): Shared<Rooms>,
    SignedIn(person): SignedIn,
    Path(handle): Path<String>,
) -> Result<StatusCode, Problem> {
    let (now, blocker) = (rooms.site().now(), person.id);
    let blocks = move |tx: &mut Tx| {
        let blocked = named(tx, &handle)?.id;
        block::block(tx, blocker, blocked, now)?;
        Ok(blocked)
    };
    let blocked = rooms.site().store().write(blocks).await.map_err(problem)?;
    rooms.show_out(blocker, blocked).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a block back.
#[utoipa::path(delete, path = "/api/v1/me/blocks/{handle}", tag = "people", params(("handle" = String, Path, description = "a handle or a person's id")),
    operation_id = "unblock",
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`person_unknown`"), Refusals))]
async fn remove(
    Shared(rooms): Shared<Rooms>,
    SignedIn(person): SignedIn,
    Path(handle): Path<String>,
) -> Result<StatusCode, Problem> {
    let unblocks = move |tx: &mut Tx| {
        let other = named(tx, &handle)?;
        block::unblock(tx, person.id, other.id)?;
        Ok::<_, BlockError>(())
    };
    rooms.site().store().write(unblocks).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}
