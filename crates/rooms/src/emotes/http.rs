//! Emotes over HTTP: a channel's, adding and removing them, and their pictures.

use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, StatusCode, routes as operations,
};
use busk_base::{EmoteId, PersonId};
use busk_people::{Caller, Channel, Person, Role, SignedIn, channel_by_handle};
use busk_store::{Reader, StoreError};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::picture::{SIZES, drawn};
use super::{AddError, Emote, add, change_tiers, remove, sql};
use crate::live::Rooms;
use crate::members;

/// A picture in a body that may be as long as any.
const UPLOAD_MAX: usize = 45 * 1024;
/// Uploads that are drawn at once; the others wait.
static DRAWN_AT_ONCE: Semaphore = Semaphore::const_new(2);

pub(crate) fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::new()
        .routes(operations!(list, create))
        .routes(operations!(edit, delete))
        .routes(operations!(picture))
}

/// An emote, as somebody may use it.
#[derive(Serialize, ToSchema)]
struct EmoteView {
    #[serde(flatten)]
    emote: Emote,
    /// Whether the asker may use it now.
    usable: bool,
}

fn channel_unknown() -> Problem {
    Problem::not_found("channel_unknown", "There is no such channel")
}

/// A channel's emotes, the oldest first.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/emotes", tag = "chat", operation_id = "channel_emotes",
    params(("handle" = String, Path)),
    responses((status = 200, body = Page<EmoteView>), (status = 404, description = "`channel_unknown`"), Failures))]
async fn list(
    Shared(rooms): Shared<Rooms>,
    Path(handle): Path<String>,
    caller: Caller,
) -> Result<Json<Page<EmoteView>>, Problem> {
    let (asker, now) = (caller.person_id(), rooms.site().now());
    let read = rooms.site().store().read(move |db: &mut Reader| {
        let Some(channel) = channel_by_handle(db, &handle)? else {
            return Ok(None);
        };
        let owns = asker == Some(channel.owner);
        let tier = match asker {
            Some(person) => members::member(db, channel.id, person, now)?.map(|member| member.tier),
            None => None,
        };
        let emotes = sql::emotes(db, channel.id)?.into_iter().map(|emote| EmoteView {
            usable: owns || tier.is_some_and(|tier| emote.is_for(Some(tier))),
            emote,
        });
        Ok::<_, StoreError>(Some(emotes.collect()))
    });
    Ok(Json(Page::whole(read.await?.ok_or_else(channel_unknown)?)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EmoteBody {
    /// What is written between colons: 2 to 20 letters, digits and `_`.
    name: String,
    /// The tiers whose members may use it; all members when there is none.
    #[serde(default)]
    tiers: Vec<u8>,
    /// A PNG, JPEG, WebP or GIF (its first picture) in base64, of at most 45 kB and 2 048 pixels.
    picture: String,
}

/// Adds an emote to one's channel: the picture is drawn anew as square PNGs.
#[utoipa::path(post, path = "/api/v1/channels/{handle}/emotes", tag = "chat", operation_id = "add_emote",
    params(("handle" = String, Path)), request_body = EmoteBody,
    responses((status = 201, body = Emote), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_your_channel`"), (status = 404, description = "`channel_unknown`"),
        (status = 409, description = "`name_taken`, `too_many`"), Refusals))]
async fn create(
    Shared(rooms): Shared<Rooms>,
    Path(handle): Path<String>,
    SignedIn(person): SignedIn,
    Json(body): Json<EmoteBody>,
) -> Result<(StatusCode, Json<Emote>), Problem> {
    let channel = named(&rooms, handle).await?;
    if channel.owner != person.id {
        return Err(not_yours());
    }
    let invalid = |why: String| Problem::invalid("picture", why);
    let upload = STANDARD.decode(&body.picture);
    let upload = upload.map_err(|_| invalid("is not base64".into()))?;
    if upload.len() > UPLOAD_MAX {
        return Err(invalid(format!("is at most {} kB long", UPLOAD_MAX / 1024)));
    }
    let place = DRAWN_AT_ONCE.acquire().await.map_err(|_| Problem::internal())?;
    let pictures = tokio::task::spawn_blocking(move || drawn(&upload)).await;
    drop(place);
    let pictures = pictures.map_err(|_| Problem::internal())?;
    let pictures = pictures.map_err(|error| invalid(error.to_string()))?;
    let emote = Emote {
        id: EmoteId::new(rooms.site().now(), rooms.site().entropy()),
        name: body.name,
        tiers: each_once(body.tiers),
    };
    let new = emote.clone();
    let added = rooms
        .site()
        .store()
        .write(move |tx| add(tx, channel.id, &new, &pictures));
    added.await.map_err(add_problem)?;
    Ok((StatusCode::CREATED, Json(emote)))
}

fn each_once(mut tiers: Vec<u8>) -> Vec<u8> {
    tiers.sort_unstable();
    tiers.dedup();
    tiers
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EmoteTiers {
    /// The tiers whose members may use it; all members when there is none.
    tiers: Vec<u8>,
}

/// Says anew for which tiers' members an emote is. What was said with it stays as it was.
#[utoipa::path(patch, path = "/api/v1/channels/{handle}/emotes/{emote}", tag = "chat", operation_id = "change_emote",
    params(("handle" = String, Path), ("emote" = EmoteId, Path)), request_body = EmoteTiers,
    responses((status = 200, body = Emote), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_your_channel`"),
        (status = 404, description = "`channel_unknown`, `emote_unknown`"), Refusals))]
async fn edit(
    Shared(rooms): Shared<Rooms>,
    Path((handle, emote)): Path<(String, EmoteId)>,
    SignedIn(person): SignedIn,
    Json(body): Json<EmoteTiers>,
) -> Result<Json<Emote>, Problem> {
    let channel = named(&rooms, handle).await?;
    if channel.owner != person.id {
        return Err(not_yours());
    }
    let tiers = each_once(body.tiers);
    let changed = rooms
        .site()
        .store()
        .write(move |tx| change_tiers(tx, channel.id, emote, &tiers));
    let changed: Option<Emote> = changed.await.map_err(|error: StoreError| Problem::from(error))?;
    changed.map(Json).ok_or_else(emote_unknown)
}

async fn named(rooms: &Rooms, handle: String) -> Result<Channel, Problem> {
    let read = rooms
        .site()
        .store()
        .read(move |db: &mut Reader| channel_by_handle(db, &handle));
    let channel: Option<Channel> = read.await.map_err(|error: StoreError| Problem::from(error))?;
    channel.ok_or_else(channel_unknown)
}

fn not_yours() -> Problem {
    Problem::forbidden("not_your_channel", "This is not your channel")
}

fn add_problem(error: AddError) -> Problem {
    let text = error.to_string();
    match error {
        AddError::Store(error) => error.into(),
        AddError::Name => Problem::invalid("name", text),
        AddError::Taken => Problem::conflict("name_taken", text).field("name"),
        AddError::TooMany => Problem::conflict("too_many", text),
    }
}

/// Whether somebody may take a channel's emotes away: its owner, and who runs the site.
fn may_remove(channel: &Channel, person: &Person) -> bool {
    let owner: PersonId = channel.owner;
    owner == person.id || person.role == Role::Operator
}

/// Takes an emote away; what was said with it shows its name.
#[utoipa::path(delete, path = "/api/v1/channels/{handle}/emotes/{emote}", tag = "chat", operation_id = "remove_emote",
    params(("handle" = String, Path), ("emote" = EmoteId, Path)),
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_your_channel`"),
        (status = 404, description = "`channel_unknown`, `emote_unknown`"), Failures))]
async fn delete(
    Shared(rooms): Shared<Rooms>,
    Path((handle, emote)): Path<(String, EmoteId)>,
    SignedIn(person): SignedIn,
) -> Result<StatusCode, Problem> {
    let channel = named(&rooms, handle).await?;
    if !may_remove(&channel, &person) {
        return Err(not_yours());
    }
    let removed = rooms
        .site()
        .store()
        .write(move |tx| remove(tx, channel.id, emote));
    let removed: bool = removed.await.map_err(|error: StoreError| Problem::from(error))?;
    if !removed {
        return Err(emote_unknown());
    }
    Ok(StatusCode::NO_CONTENT)
}

fn emote_unknown() -> Problem {
    Problem::not_found("emote_unknown", "There is no such emote")
}

/// An emote's picture, 28, 56 or 112 pixels wide and high. It never changes.
#[utoipa::path(get, path = "/emotes/{emote}/{size}", tag = "chat", operation_id = "emote_picture",
    params(("emote" = EmoteId, Path), ("size" = u32, Path)),
    responses((status = 200, description = "a PNG", content_type = "image/png"),
        (status = 404, description = "`emote_unknown`"), Failures))]
async fn picture(
    Shared(rooms): Shared<Rooms>,
    Path((emote, size)): Path<(EmoteId, u32)>,
) -> Result<Response, Problem> {
    if !SIZES.contains(&size) {
        return Err(emote_unknown());
    }
    let read = rooms.site().store().read(move |db| sql::picture(db, emote, size));
    let png: Option<Vec<u8>> = read.await.map_err(|error: StoreError| Problem::from(error))?;
    let png = png.ok_or_else(emote_unknown)?;
    let response = Response::builder()
        .header(CACHE_CONTROL, "public, max-age=31536000, immutable")
        .header(CONTENT_TYPE, "image/png");
    response.body(Body::from(png)).map_err(|_| Problem::internal())
}
