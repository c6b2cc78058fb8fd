//! A channel's team over HTTP: who is taken in or out has their sockets come back with their new rights at once.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, StatusCode, routes as operations,
};
use busk_base::{PersonId, Timestamp};
use busk_fanout::Whom;
use busk_people::team::{TeamError, add as add_to, remove as remove_from, role_in, team as team_of};
use busk_people::{Channel, SignedIn, TeamRole, channel_by_handle, person_by_handle};
use busk_store::{Reader, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::live::Rooms;

pub(crate) fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::new()
        .routes(operations!(show))
        .routes(operations!(add, remove))
}

/// Somebody in a channel's team.
#[derive(Serialize, ToSchema)]
struct TeamMate {
    id: PersonId,
    handle: String,
    name: String,
    role: TeamRole,
    /// Null of the owner.
    since: Option<Timestamp>,
}

fn problem(error: TeamError) -> Problem {
    let text = error.to_string();
    match error {
        TeamError::Store(error) => error.into(),
        TeamError::PersonUnknown => Problem::not_found("person_unknown", "There is no such person"),
        TeamError::NotYours => Problem::forbidden("not_yours", text),
        TeamError::Owner => Problem::conflict("owner", text),
        TeamError::TooMany => Problem::conflict("too_many", text),
    }
}

fn unknown() -> Problem {
    Problem::not_found("channel_unknown", "There is no such channel")
}

/// A channel's team, for those in it: the owner, then the longest there first.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/team", tag = "channels", operation_id = "team",
    params(("handle" = String, Path)),
    responses((status = 200, body = Page<TeamMate>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`channel_unknown`"), Failures))]
async fn show(
    Shared(rooms): Shared<Rooms>,
    Path(handle): Path<String>,
    SignedIn(person): SignedIn,
) -> Result<Json<Page<TeamMate>>, Problem> {
    let read = rooms.site().store().read(move |db: &mut Reader| {
        let Some(channel) = channel_by_handle(db, &handle)? else {
            return Ok(None);
        };
        let own = role_in(db, channel.id, person.id)?;
        let team = team_of(db, &channel)?;
        Ok::<_, StoreError>(Some((own, team)))
    });
    let (own, team) = read.await?.ok_or_else(unknown)?;
    if own.is_none() {
        return Err(problem(TeamError::NotYours));
    }
    let team = team.into_iter().map(|mate| TeamMate {
        id: mate.person.id,
        handle: mate.person.handle,
        name: mate.person.display_name,
        role: mate.role,
        since: mate.since,
    });
    Ok(Json(Page::whole(team.collect())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TeamPlace {
    /// `manager`, which only the owner gives, or `moderator`.
    role: TeamRole,
}

/// Takes somebody into the team, or gives them another role there.
#[utoipa::path(put, path = "/api/v1/channels/{handle}/team/{member}", tag = "channels", operation_id = "team_add",
    params(("handle" = String, Path), ("member" = String, Path, description = "a handle")), request_body = TeamPlace,
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"),
        (status = 404, description = "`channel_unknown`, `person_unknown`"),
        (status = 409, description = "`owner`, `too_many`"), Refusals))]
async fn add(
    Shared(rooms): Shared<Rooms>,
    Path((handle, member)): Path<(String, String)>,
    SignedIn(person): SignedIn,
    Json(body): Json<TeamPlace>,
) -> Result<StatusCode, Problem> {
    let channel = channel(&rooms, handle).await?;
    let (now, by) = (rooms.site().now(), person.id);
    let adds = move |tx: &mut Tx| {
        let mate = person_by_handle(tx, &plain(&member))?.ok_or(TeamError::PersonUnknown)?;
        add_to(tx, &channel, by, mate.id, body.role, now)?;
        Ok(mate.id)
    };
    let changed = rooms.site().store().write(adds).await.map_err(problem)?;
    rooms.have_come_back(changed);
    Ok(StatusCode::NO_CONTENT)
}

/// Takes somebody out of the team. Everybody may leave it.
#[utoipa::path(delete, path = "/api/v1/channels/{handle}/team/{member}", tag = "channels",
    operation_id = "team_remove",
    params(("handle" = String, Path), ("member" = String, Path, description = "a handle")),
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"),
        (status = 404, description = "`channel_unknown`, `person_unknown`"),
        (status = 409, description = "`owner`"), Refusals))]
async fn remove(
    Shared(rooms): Shared<Rooms>,
    Path((handle, member)): Path<(String, String)>,
    SignedIn(person): SignedIn,
) -> Result<StatusCode, Problem> {
    let channel = channel(&rooms, handle).await?;
    let by = person.id;
    let removes = move |tx: &mut Tx| {
        let mate = person_by_handle(tx, &plain(&member))?.ok_or(TeamError::PersonUnknown)?;
        remove_from(tx, &channel, by, mate.id)?;
        Ok(mate.id)
    };
    let changed = rooms.site().store().write(removes).await.map_err(problem)?;
    rooms.have_come_back(changed);
    Ok(StatusCode::NO_CONTENT)
}

/// As people write handles.
fn plain(handle: &str) -> String {
    handle.trim().trim_start_matches('@').to_lowercase()
}

async fn channel(rooms: &Rooms, handle: String) -> Result<Channel, Problem> {
    let read = rooms
        .site()
        .store()
        .read(move |db| channel_by_handle(db, &handle));
    read.await?.ok_or_else(unknown)
}

impl Rooms {
    /// Has somebody's sockets come back: what they may see and do has changed.
    fn have_come_back(&self, person: PersonId) {
        let whom = Whom::Person(person.0.as_u128());
        self.fanout()
            .disconnect(whom, busk_fanout::CLOSE_RESUME, "your rights have changed");
    }
}
