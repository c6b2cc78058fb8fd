//! Targets and their states over HTTP, for their owner.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, StatusCode, routes as operations,
};
use busk_base::{PersonId, RestreamTargetId, RoomId, bounded_text};
use busk_people::{Channel, SignedIn};
use busk_store::{Reader, StoreError, Tx};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Kept, NAME_MAX, Restream, RestreamError, RestreamTarget, Secret, rows};
use crate::http::room_unknown;
use crate::live::Rooms;
use crate::{state, view};

pub(crate) fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::new()
        .routes(operations!(list, add))
        .routes(operations!(change, remove))
        .routes(operations!(states))
}

fn problem(error: RestreamError) -> Problem {
    let text = error.to_string();
    match error {
        RestreamError::Store(error) => error.into(),
        RestreamError::ChannelUnknown => Problem::not_found("channel_unknown", text),
        RestreamError::NotYours => Problem::forbidden("not_yours", text),
        RestreamError::TargetUnknown => Problem::not_found("target_unknown", text),
        RestreamError::TooMany => Problem::conflict("too_many_targets", text),
        RestreamError::Name(_) => Problem::invalid("name", text),
        RestreamError::Url(_) | RestreamError::KeyInUrl => Problem::invalid("url", text),
        RestreamError::Key(_) | RestreamError::KeyNeeded => Problem::invalid("key", text),
        RestreamError::Sealing => Problem::internal(),
    }
}

/// Where one's channel can be shown, too.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/restream-targets", tag = "restream",
    operation_id = "restream_targets", params(("handle" = String, Path)),
    responses((status = 200, body = Page<RestreamTarget>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`channel_unknown`"), Failures))]
async fn list(
    Shared(rooms): Shared<Rooms>,
    SignedIn(person): SignedIn,
    Path(handle): Path<String>,
) -> Result<Json<Page<RestreamTarget>>, Problem> {
    let read = rooms.site().store().read(move |db: &mut Reader| {
        let channel = rows::owned(db, &handle, person.id)?;
        Ok(rows::of_channel(db, channel.id)?)
    });
    let kept = read.await.map_err(problem)?;
    let sealing = rooms.restreams().sealing();
    let views = kept.into_iter().map(|kept| kept.view(sealing));
    Ok(Json(Page::whole(views.collect())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTarget {
    /// 1–40 characters, such as the platform's name.
    name: String,
    /// `rtmp://` or `rtmps://`, without the stream key.
    url: String,
    /// The stream key that the platform gave. It is never shown again.
    key: String,
    enabled: bool,
}

/// Adds a platform that one's lives are shown on, too; at most three. One that is on begins at once.
#[utoipa::path(post, path = "/api/v1/channels/{handle}/restream-targets", tag = "restream",
    operation_id = "restream_target_add", params(("handle" = String, Path)), request_body = NewTarget,
    responses((status = 201, body = RestreamTarget), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"),
        (status = 409, description = "`too_many_targets`: the channel has three"),
        (status = 429, description = "`too_fast`"), Refusals))]
async fn add(
    Shared(rooms): Shared<Rooms>,
    SignedIn(person): SignedIn,
    Path(handle): Path<String>,
    Json(body): Json<NewTarget>,
) -> Result<(StatusCode, Json<RestreamTarget>), Problem> {
    let (site, now) = (rooms.site(), rooms.site().now());
    not_too_fast(&rooms, person.id)?;
    let (id, nonce) = (RestreamTargetId::new(now, site.entropy()), nonce(&rooms));
    let sealing = rooms.restreams().sealing().clone();
    let written = site.store().write(move |tx: &mut Tx| {
        let channel = rows::owned(tx, &handle, person.id)?;
        let secret = Secret::new(&body.url, &body.key)?;
        let sealed = sealing.seal(id, channel.id, &secret, nonce);
        let kept = Kept {
            id,
            channel: channel.id,
            name: bounded_text(&body.name, 1, NAME_MAX).map_err(RestreamError::Name)?,
            sealed: sealed.ok_or(RestreamError::Sealing)?,
            enabled: body.enabled,
            created_at: now,
        };
        rows::add(tx, &kept)?;
        Ok::<_, RestreamError>((channel, kept))
    });
    let (channel, kept) = written.await.map_err(problem)?;
    follow(&rooms, channel, id).await?;
    let view = kept.view(rooms.restreams().sealing());
    Ok((StatusCode::CREATED, Json(view)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeTarget {
    #[serde(default)]
    name: Option<String>,
    /// Another one needs the key, too.
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    enabled: Option<bool>,
}

impl ChangeTarget {
    fn secret(&self, known: Option<Secret>) -> Result<Option<Secret>, RestreamError> {
        let url = self.url.as_deref().map(str::trim);
        let same = known
            .as_ref()
            .is_some_and(|known| url.is_none_or(|url| url == known.url));
        match (&self.key, url.or(known.as_ref().map(|known| &*known.url))) {
            (None, _) if same || (known.is_none() && url.is_none()) => Ok(None),
            (None, Some(url)) => {
                Secret::new(url, "key")?;
                Err(RestreamError::KeyNeeded)
            }
            (None, None) => Err(RestreamError::KeyNeeded),
            // What cannot be read has no address either.
            (Some(key), url) => Secret::new(url.unwrap_or_default(), key).map(Some),
        }
    }
}

/// Changes a target, also during a live. One that has failed is tried again at once.
#[utoipa::path(patch, path = "/api/v1/channels/{handle}/restream-targets/{target}", tag = "restream",
    operation_id = "restream_target_change",
    params(("handle" = String, Path), ("target" = RestreamTargetId, Path)), request_body = ChangeTarget,
    responses((status = 200, body = RestreamTarget), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`, `target_unknown`"),
        (status = 429, description = "`too_fast`"), Refusals))]
async fn change(
    Shared(rooms): Shared<Rooms>,
    SignedIn(person): SignedIn,
    Path((handle, id)): Path<(String, RestreamTargetId)>,
    Json(body): Json<ChangeTarget>,
) -> Result<Json<RestreamTarget>, Problem> {
    not_too_fast(&rooms, person.id)?;
    let nonce = nonce(&rooms);
    let sealing = rooms.restreams().sealing().clone();
    let written = rooms.site().store().write(move |tx: &mut Tx| {
        let channel = rows::owned(tx, &handle, person.id)?;
        let mut kept = rows::one(tx, channel.id, id)?;
        if let Some(name) = &body.name {
            kept.name = bounded_text(name, 1, NAME_MAX).map_err(RestreamError::Name)?;
        }
        if let Some(secret) = body.secret(kept.secret(&sealing))? {
            let sealed = sealing.seal(id, channel.id, &secret, nonce);
            kept.sealed = sealed.ok_or(RestreamError::Sealing)?;
        }
        kept.enabled = body.enabled.unwrap_or(kept.enabled);
        rows::change(tx, &kept)?;
        Ok::<_, RestreamError>((channel, kept))
    });
    let (channel, kept) = written.await.map_err(problem)?;
    follow(&rooms, channel, id).await?;
    Ok(Json(kept.view(rooms.restreams().sealing())))
}

/// Removes a target, and its stream key with it. A live is no longer shown there.
#[utoipa::path(delete, path = "/api/v1/channels/{handle}/restream-targets/{target}", tag = "restream",
    operation_id = "restream_target_remove",
    params(("handle" = String, Path), ("target" = RestreamTargetId, Path)),
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`, `target_unknown`"), Refusals))]
async fn remove(
    Shared(rooms): Shared<Rooms>,
    SignedIn(person): SignedIn,
    Path((handle, id)): Path<(String, RestreamTargetId)>,
) -> Result<StatusCode, Problem> {
    let written = rooms.site().store().write(move |tx: &mut Tx| {
        let channel = rows::owned(tx, &handle, person.id)?;
        rows::remove(tx, channel.id, id)?;
        Ok::<_, RestreamError>(channel)
    });
    let channel = written.await.map_err(problem)?;
    follow(&rooms, channel, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How a live of one's own reaches the other platforms.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/restream", tag = "restream", params(("room" = RoomId, Path)),
    operation_id = "room_restream",
    responses((status = 200, body = Page<Restream>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`"), Failures))]
async fn states(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
) -> Result<Json<Page<Restream>>, Problem> {
    let read = rooms.site().store().read(move |db: &mut Reader| {
        let Some(shown) = view::one(db, room)? else {
            return Ok(None);
        };
        let kept = rows::of_channel(db, shown.room.channel)?;
        Ok::<_, StoreError>(Some((shown.room.host, kept)))
    });
    let (host, kept) = read.await?.ok_or_else(room_unknown)?;
    if host != person.id {
        return Err(Problem::forbidden("not_yours", "The room is not yours"));
    }
    Ok(Json(Page::whole(rooms.restreaming(room, kept).await)))
}

/// What was changed holds for the live that goes on, too.
async fn follow(rooms: &Rooms, channel: Channel, changed: RestreamTargetId) -> Result<(), StoreError> {
    let read = rooms
        .site()
        .store()
        .read(move |db| state::open_room(db, channel.id));
    if let Some(room) = read.await? {
        rooms.restream(room, Some(changed)).await;
    }
    Ok(())
}

fn not_too_fast(rooms: &Rooms, person: PersonId) -> Result<(), Problem> {
    let taken = rooms.restreams().may_change(person, rooms.site().now());
    taken.map_err(|wait| {
        let seconds = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
        let title = "You are changing this too often";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_fast", title)
            .detail(format!("Wait {seconds} s"))
            .retry_after(seconds)
    })
}

fn nonce(rooms: &Rooms) -> [u8; 12] {
    let secret = rooms.site().secret();
    std::array::from_fn(|at| secret[at])
}
