//! Rooms over HTTP.

use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::middleware::from_fn;
use axum::routing::get;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Query, Refusals, StatusCode, routes as operations,
};
use busk_base::{ChannelId, MessageId, RoomId, Timestamp};
use busk_people::{
    Allowed, Caller, Channel, ChannelKind, ChatRead, ChatWrite, Moderate, Person, RoomRead, SignedIn,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::Access;
use crate::live::Rooms;
use crate::state::{self, By, ChangeError, CreateError, NewRoom};
use crate::{
    Room, RoomEvent, RoomView, announcement, blocks, emotes, hangout, health, hls, log, moderation, redirect,
    replay, restream, session, signal, socket, stage, subroom, talk, team, thumbnail, view, whep, whip,
};

const LISTED_MAX: i64 = 100;
const EVENTS_MAX: i64 = 200;
const SDP_BYTES_MAX: usize = 64 * 1024;

/// All of a room's addresses.
pub fn routes(rooms: Rooms) -> OpenApiRouter {
    let webrtc = OpenApiRouter::new()
        .routes(operations!(whip::publish, whip::options))
        .routes(operations!(whip::publish_guest, whip::guest_options))
        .routes(operations!(whep::view, whep::options))
        .routes(operations!(session::trickle, session::hang_up, session::options))
        .routes(operations!(session::tiles))
        .route("/whip/{handle}", get(signal::nothing))
        .route("/whip/rooms/{room}/stage", get(signal::nothing))
        .route("/whep/{room}", get(signal::nothing))
        .route("/webrtc/{session}", get(signal::nothing))
        .layer(from_fn(signal::for_all_origins))
        .layer(DefaultBodyLimit::max(SDP_BYTES_MAX));
    OpenApiRouter::new()
        .routes(operations!(list, create))
        .routes(operations!(show, edit))
        .routes(operations!(enter_lobby))
        .routes(operations!(go_live))
        .routes(operations!(end))
        .routes(operations!(events))
        .routes(operations!(say))
        .routes(operations!(delete))
        .routes(operations!(channel))
        .merge(stage::http::routes())
        .merge(hangout::routes())
        .merge(blocks::routes())
        .merge(emotes::routes())
        .merge(team::routes())
        .merge(moderation::http::routes())
        .merge(redirect::routes())
        .merge(announcement::routes())
        .merge(replay::routes())
        .merge(restream::routes())
        .merge(talk::routes())
        .merge(subroom::routes())
        .routes(operations!(health::get))
        .routes(operations!(thumbnail::get))
        .route("/ws/rooms/{room}", get(socket::open))
        .routes(operations!(hls::get))
        .routes(operations!(hls::pass))
        .merge(webrtc)
        .with_state(rooms)
}

/// Rooms on air, the newest first, then those scheduled, the soonest first.
#[utoipa::path(get, path = "/api/v1/rooms", tag = "rooms",
    security((), ("session" = []), ("token" = ["room:read"])),
    responses((status = 200, body = Page<RoomView>), Failures))]
async fn list(
    Shared(rooms): Shared<Rooms>,
    Allowed { caller, .. }: Allowed<RoomRead>,
) -> Result<Json<Page<RoomView>>, Problem> {
    let shown = rooms
        .site()
        .store()
        .read(|db| view::listed(db, LISTED_MAX))
        .await?;
    let asker = caller.person_id();
    let views = shown.into_iter().map(|shown| rooms.view(shown, asker));
    Ok(Json(Page::whole(views.collect())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateRoom {
    /// 1–100 characters.
    title: String,
    /// In the future; without it the room opens in the lobby.
    #[serde(default)]
    scheduled_at: Option<Timestamp>,
    /// The handle of a page of one's own; else it is in one's personal channel.
    #[serde(default)]
    channel: Option<String>,
    /// Whom it is for; only a page's is for whoever has a ticket.
    #[serde(default)]
    access: Access,
}

/// Opens a room in a channel of one's own.
#[utoipa::path(post, path = "/api/v1/rooms", tag = "rooms", request_body = CreateRoom,
    responses((status = 201, body = RoomView),
        (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"),
        (status = 409, description = "`already_open`: the channel has an open room; `page_needed`"), Refusals))]
async fn create(
    Shared(rooms): Shared<Rooms>,
    SignedIn(person): SignedIn,
    Json(body): Json<CreateRoom>,
) -> Result<(StatusCode, Json<RoomView>), Problem> {
    let (site, now) = (rooms.site(), rooms.site().now());
    let CreateRoom {
        title,
        scheduled_at,
        channel,
        access,
    } = body;
    let channel = own_channel(&rooms, &person, channel).await?;
    let new = NewRoom {
        id: RoomId::new(now, site.entropy()),
        title,
        scheduled_at,
        live_on_camera: false,
        access,
    };
    let room = site
        .store()
        .write(move |tx| state::create(tx, &channel, &new, now))
        .await;
    let room = room.map_err(create_problem)?;
    Ok((
        StatusCode::CREATED,
        shown(&rooms, &room, &Caller::Person(person)).await?,
    ))
}

/// A room.
#[utoipa::path(get, path = "/api/v1/rooms/{room}", tag = "rooms",
    security((), ("session" = []), ("token" = ["room:read"])), params(("room" = RoomId, Path)),
    responses((status = 200, body = RoomView), (status = 404, description = "`room_unknown`"), Failures))]
async fn show(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    Allowed { caller, .. }: Allowed<RoomRead>,
) -> Result<Json<RoomView>, Problem> {
    view_of(&rooms, room, &caller).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditRoom {
    #[serde(default)]
    title: Option<String>,
    /// Of a scheduled room.
    #[serde(default)]
    scheduled_at: Option<Timestamp>,
}

/// Changes a room's title or time.
#[utoipa::path(patch, path = "/api/v1/rooms/{room}", tag = "rooms", params(("room" = RoomId, Path)),
    request_body = EditRoom,
    responses((status = 200, body = RoomView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`room_unknown`"), (status = 409, description = "`wrong_state`"), Refusals))]
async fn edit(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
    Json(body): Json<EditRoom>,
) -> Result<Json<RoomView>, Problem> {
    let (now, by) = (rooms.site().now(), By::Person(person.id));
    let EditRoom { title, scheduled_at } = body;
    let edited = rooms
        .site()
        .store()
        .write(move |tx| state::edit(tx, room, by, title.as_deref(), scheduled_at, now))
        .await
        .map_err(change_problem)?;
    shown(&rooms, &edited, &Caller::Person(person)).await
}

/// Opens the lobby of a scheduled room.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/lobby", tag = "rooms", params(("room" = RoomId, Path)),
    responses((status = 200, body = RoomView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`wrong_state`, `already_open`"), Refusals))]
async fn enter_lobby(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
) -> Result<Json<RoomView>, Problem> {
    let (now, by) = (rooms.site().now(), By::Person(person.id));
    let store = rooms.site().store();
    let changed = store.write(move |tx| state::enter_lobby(tx, room, by, now)).await;
    shown(&rooms, &changed.map_err(change_problem)?, &Caller::Person(person)).await
}

/// Goes live with the connected camera.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/live", tag = "rooms", params(("room" = RoomId, Path)),
    responses((status = 200, body = RoomView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`wrong_state`, `no_camera`"), Refusals))]
async fn go_live(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
) -> Result<Json<RoomView>, Problem> {
    let room = rooms
        .go_live(room, By::Person(person.id))
        .await
        .map_err(change_problem)?;
    shown(&rooms, &room, &Caller::Person(person)).await
}

/// Ends a room. The operator may end any.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/end", tag = "rooms", params(("room" = RoomId, Path)),
    responses((status = 200, body = RoomView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`room_unknown`"), Refusals))]
async fn end(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
) -> Result<Json<RoomView>, Problem> {
    let caller = Caller::Person(person.clone());
    let by = if caller.is_operator() {
        By::Operator
    } else {
        By::Person(person.id)
    };
    let room = rooms.end(room, by).await.map_err(change_problem)?;
    shown(&rooms, &room, &caller).await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    /// The last number seen.
    #[serde(default)]
    after: i64,
    /// At most 200.
    #[serde(default)]
    limit: Option<i64>,
}

/// The room's log after a number.
#[derive(Serialize, ToSchema)]
struct Events {
    items: Vec<RoomEvent>,
    /// The number to ask after next; null when this was all.
    next: Option<i64>,
}

/// What happened in a room after a number.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/events", tag = "rooms",
    security((), ("session" = []), ("token" = ["chat:read"])),
    params(("room" = RoomId, Path), EventsQuery),
    responses((status = 200, body = Events), (status = 404, description = "`room_unknown`"), Failures))]
async fn events(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    Allowed { caller, .. }: Allowed<ChatRead>,
    Query(query): Query<EventsQuery>,
) -> Result<Json<Events>, Problem> {
    let max = query.limit.unwrap_or(EVENTS_MAX);
    if !(1..=EVENTS_MAX).contains(&max) {
        return Err(Problem::invalid("limit", format!("must be 1 to {EVENTS_MAX}")));
    }
    let entered = rooms.entered(room, &caller).await?;
    let reader = entered.viewer.reader();
    let read = rooms
        .site()
        .store()
        .read(move |db| log::after(db, room, reader, query.after, max));
    let rows = read.await?;
    let next = (rows.len() as i64 == max)
        .then(|| rows.last().map(|(n, _)| *n))
        .flatten();
    let items = rows
        .iter()
        .map(|(_, body)| serde_json::from_str(body))
        .collect::<Result<_, _>>();
    Ok(Json(Events {
        items: items.map_err(|_| Problem::internal())?,
        next,
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SayBody {
    /// Made by the author; the same again is said once.
    id: MessageId,
    /// 1–300 characters.
    text: String,
    /// What it answers; one that is not there any more is let go.
    #[serde(default)]
    reply_to: Option<MessageId>,
}

/// What was said.
#[derive(Serialize, ToSchema)]
struct SaidBody {
    id: MessageId,
    /// The message's number in the room's log.
    n: i64,
    /// It waits for a moderator.
    held: bool,
}

/// Says something in a room.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/messages", tag = "rooms",
    security(("session" = []), ("token" = ["chat:write"])), params(("room" = RoomId, Path)),
    request_body = SayBody,
    responses((status = 201, body = SaidBody), (status = 401, description = "`name_needed`, `token_invalid`"),
        (status = 403, description = "`blocked`, `banned`, `guests_off`, `subscribers_only`, `followers_only`, `link_refused`, `word_refused`, `scope_needed`"),
        (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`room_not_live`, `id_reused`, `repeated`, `too_many_held`"),
        (status = 429, description = "`too_fast`, `slow_mode`, `timed_out`, `followers_wait`"), Refusals))]
async fn say(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    Allowed { caller, .. }: Allowed<ChatWrite>,
    Json(body): Json<SayBody>,
) -> Result<(StatusCode, Json<SaidBody>), Problem> {
    let viewer = rooms.entered(room, &caller).await?.viewer;
    let said = rooms
        .say(room, &viewer, body.id, body.text, body.reply_to)
        .await?;
    let (n, held) = (said.n, said.held);
    Ok((StatusCode::CREATED, Json(SaidBody { id: body.id, n, held })))
}

/// Deletes a message: one's own, or any as the host, a moderator or the operator.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}/messages/{message}", tag = "rooms",
    security(("session" = []), ("token" = ["moderate"])),
    params(("room" = RoomId, Path), ("message" = MessageId, Path)),
    responses((status = 204), (status = 401, description = "`name_needed`"),
        (status = 404, description = "`message_unknown`"), Refusals))]
async fn delete(
    Shared(rooms): Shared<Rooms>,
    Path((room, message)): Path<(RoomId, MessageId)>,
    Allowed { caller, .. }: Allowed<Moderate>,
) -> Result<StatusCode, Problem> {
    let viewer = rooms.entered(room, &caller).await?.viewer;
    rooms.delete_message(room, &viewer, message).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A channel with the room that is open or next.
#[derive(Serialize, ToSchema)]
struct ChannelView {
    id: ChannelId,
    kind: ChannelKind,
    handle: String,
    name: String,
    about: String,
    room: Option<RoomView>,
    /// Whether it is the asker's.
    mine: bool,
}

/// A channel.
#[utoipa::path(get, path = "/api/v1/channels/{handle}", tag = "channels",
    security((), ("session" = []), ("token" = ["room:read"])), params(("handle" = String, Path)),
    responses((status = 200, body = ChannelView), (status = 404, description = "`channel_unknown`"), Failures))]
async fn channel(
    Shared(rooms): Shared<Rooms>,
    Path(handle): Path<String>,
    Allowed { caller, .. }: Allowed<RoomRead>,
) -> Result<Json<ChannelView>, Problem> {
    let read = rooms.site().store().read(move |db| {
        let Some(channel) = busk_people::channel_by_handle(db, &handle)? else {
            return Ok(None);
        };
        let room = view::of_channel(db, channel.id)?;
        Ok::<_, busk_store::StoreError>(Some((channel, room)))
    });
    let unknown = || Problem::not_found("channel_unknown", "There is no such channel");
    let (channel, room) = read.await?.ok_or_else(unknown)?;
    let asker = caller.person_id();
    let room = room.map(|shown| rooms.view(shown, asker));
    let Channel {
        id,
        owner,
        kind,
        handle,
        name,
        about,
    } = channel;
    Ok(Json(ChannelView {
        id,
        kind,
        handle,
        name,
        about,
        room,
        mine: asker == Some(owner),
    }))
}

pub(crate) async fn own_channel(
    rooms: &Rooms,
    person: &Person,
    handle: Option<String>,
) -> Result<Channel, Problem> {
    let id = person.id;
    let channel = rooms
        .site()
        .store()
        .read(move |db| busk_people::own_channel(db, id, handle.as_deref()))
        .await?;
    channel.ok_or_else(|| Problem::not_found("channel_unknown", "You have no such channel"))
}

pub(crate) async fn shown(rooms: &Rooms, room: &Room, caller: &Caller) -> Result<Json<RoomView>, Problem> {
    view_of(rooms, room.id, caller).await
}

async fn view_of(rooms: &Rooms, room: RoomId, caller: &Caller) -> Result<Json<RoomView>, Problem> {
    let found = rooms.site().store().read(move |db| view::one(db, room)).await?;
    let found = found.ok_or_else(room_unknown)?;
    if found.is_hidden_from(caller) {
        rooms.entered(room, caller).await?;
    }
    Ok(Json(rooms.view(found, caller.person_id())))
}

pub(crate) fn room_unknown() -> Problem {
    Problem::not_found("room_unknown", "There is no such room")
}

fn create_problem(error: CreateError) -> Problem {
    match error {
        CreateError::Store(error) => error.into(),
        CreateError::Title(why) => Problem::invalid("title", why.to_string()),
        CreateError::Past => Problem::invalid("scheduled_at", "must be in the future"),
        CreateError::PageNeeded => {
            Problem::conflict("page_needed", "Only pages sell tickets").field("access")
        }
        CreateError::AlreadyOpen(room) => already_open(room),
    }
}

pub(crate) fn already_open(room: RoomId) -> Problem {
    Problem::conflict("already_open", "Another room of the channel is open").detail(room.to_string())
}

pub(crate) fn change_problem(error: ChangeError) -> Problem {
    let text = error.to_string();
    match error {
        ChangeError::Store(error) => error.into(),
        ChangeError::RoomUnknown => room_unknown(),
        ChangeError::NotYours => Problem::forbidden("not_yours", "The room is not yours"),
        ChangeError::WrongState(_) => Problem::conflict("wrong_state", text),
        ChangeError::AlreadyOpen(room) => already_open(room),
        ChangeError::NoCamera => Problem::conflict("no_camera", "Connect a camera first"),
        ChangeError::Title(why) => Problem::invalid("title", why.to_string()),
        ChangeError::Past => Problem::invalid("scheduled_at", "must be in the future"),
    }
}
