use axum::extract::State;
use busk_api::{
    Cursor, Failures, Json, OpenApiRouter, Page, PageQuery, Path, Problem, Query, Refusals, StatusCode,
    routes,
};
use busk_base::{JobId, Timestamp};
use busk_store::Tx;
use serde::Serialize;

use super::{FollowError, follow, followed_by, followers, since, unfollow};
use crate::routes::People;
use crate::{Caller, ChannelRef, SignedIn, channel_by_handle};

pub(crate) fn routes() -> OpenApiRouter<People> {
    OpenApiRouter::new()
        .routes(routes!(show, add, remove))
        .routes(routes!(follows))
}

/// How many follow a channel, and whether the asker does.
#[derive(Serialize, utoipa::ToSchema)]
struct FollowView {
    followers: i64,
    /// Since when the asker does; null when they do not.
    since: Option<Timestamp>,
}

/// A channel that one follows.
#[derive(Serialize, utoipa::ToSchema)]
struct Followed {
    channel: ChannelRef,
    since: Timestamp,
}

impl From<FollowError> for Problem {
    fn from(error: FollowError) -> Self {
        let text = error.to_string();
        match error {
            FollowError::Store(error) => error.into(),
            FollowError::ChannelUnknown => unknown(),
            FollowError::Yourself => Problem::conflict("yourself", "Nobody follows themselves"),
            FollowError::Blocked => Problem::forbidden("blocked", "You cannot follow this channel"),
            FollowError::TooMany => Problem::conflict("too_many", text),
        }
    }
}

fn unknown() -> Problem {
    Problem::not_found("channel_unknown", "There is no such channel")
}

/// How many follow a channel, and since when one does oneself.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/follow", tag = "channels", params(("handle" = String, Path)),
    operation_id = "follow_show",
    responses((status = 200, body = FollowView), (status = 404, description = "`channel_unknown`"), Failures))]
async fn show(
    State(people): State<People>,
    Path(handle): Path<String>,
    caller: Caller,
) -> Result<Json<FollowView>, Problem> {
    let asker = caller.person_id();
    let read = people.site.store().read(move |db| {
        let Some(channel) = channel_by_handle(db, &handle)? else {
            return Err(FollowError::ChannelUnknown);
        };
        let own = asker.map(|asker| since(db, channel.id, asker)).transpose()?;
        Ok(FollowView {
            followers: followers(db, channel.id)?,
            since: own.flatten(),
        })
    });
    Ok(Json(read.await?))
}

/// Follows a channel.
#[utoipa::path(put, path = "/api/v1/channels/{handle}/follow", tag = "channels", params(("handle" = String, Path)),
    operation_id = "follow",
    responses((status = 200, body = FollowView), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`blocked`"), (status = 404, description = "`channel_unknown`"),
        (status = 409, description = "`yourself`, `too_many`"), Refusals))]
async fn add(
    State(people): State<People>,
    SignedIn(person): SignedIn,
    Path(handle): Path<String>,
) -> Result<Json<FollowView>, Problem> {
    let (now, followed) = (people.site.now(), people.told.followed);
    let follows = move |tx: &mut Tx| {
        let channel = channel_by_handle(tx, &handle)?.ok_or(FollowError::ChannelUnknown)?;
        let before = since(tx, channel.id, person.id)?;
        let since = follow(tx, &channel, person.id, now)?;
        if before.is_none() {
            followed(tx, &channel, &person, now)?;
        }
        Ok::<_, FollowError>(FollowView {
            followers: followers(tx, channel.id)?,
            since: Some(since),
        })
    };
    Ok(Json(people.site.store().write(follows).await?))
}

/// Follows a channel no more.
#[utoipa::path(delete, path = "/api/v1/channels/{handle}/follow", tag = "channels", params(("handle" = String, Path)),
    operation_id = "unfollow",
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"), Refusals))]
async fn remove(
    State(people): State<People>,
    SignedIn(person): SignedIn,
    Path(handle): Path<String>,
) -> Result<StatusCode, Problem> {
    let (person, now, unfollowed) = (person.id, people.site.now(), people.told.unfollowed);
    let job = JobId::new(now, people.site.entropy());
    let unfollows = move |tx: &mut Tx| {
        let channel = channel_by_handle(tx, &handle)?.ok_or(FollowError::ChannelUnknown)?;
        if unfollow(tx, channel.id, person)? {
            unfollowed(tx, &channel, person, job, now)?;
        }
        Ok::<_, FollowError>(())
    };
    people.site.store().write(unfollows).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Channels that one follows, the latest first.
#[utoipa::path(get, path = "/api/v1/me/follows", tag = "people", params(PageQuery), operation_id = "follows",
    responses((status = 200, body = Page<Followed>), (status = 401, description = "`sign_in_needed`"), Failures))]
async fn follows(
    State(people): State<People>,
    SignedIn(person): SignedIn,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Followed>>, Problem> {
    let before = page
        .cursor
        .as_ref()
        .and_then(Cursor::as_i64)
        .map(Timestamp::from_unix_us);
    let (person, max) = (person.id, page.limit.and_one());
    let read = people
        .site
        .store()
        .read(move |db| followed_by(db, person, before, max));
    let rows = read.await?.into_iter().map(|(channel, since)| Followed {
        channel: ChannelRef::from(&channel),
        since,
    });
    let cursor = |last: &Followed| Cursor::from_i64(last.since.unix_us());
    Ok(Json(Page::of(rows.collect(), page.limit, cursor)))
}
