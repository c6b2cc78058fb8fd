//! A host who ends a live may take its viewers along to another channel's live, as raids do on Twitch. Read [`redirect`]
//! downward.
//!
//! Invariant: the viewers are told and the live is ended in one transaction; nobody is sent where they could not come in,
//! nor to somebody who has blocked the host.

#[cfg(test)]
mod tests;

use axum::extract::State as Shared;
use busk_api::{Json, OpenApiRouter, Path, Problem, Refusals, routes as operations};
use busk_base::{RoomId, Timestamp};
use busk_people::{Channel, ChannelRef, Person, SignedIn, block, channel_by_handle};
use busk_store::{StoreError, Tx};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{change_problem, room_unknown};
use crate::live::Rooms;
use crate::state::{self, By, ChangeError};
use crate::{Access, Room, RoomView, State, What, access, log};

pub(crate) fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::new().routes(operations!(send))
}

/// Where a live's viewers shall go, as its host asks for it.
#[derive(Clone, Debug)]
pub struct Redirect {
    pub room: RoomId,
    pub by: Person,
    /// The handle of the channel that they shall go to.
    pub to: String,
    /// How many watch now.
    pub viewers: i64,
}

/// Why nobody was sent anywhere, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RedirectError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("the room is not yours")]
    NotYours,
    #[error("the room is not live")]
    RoomNotLive,
    #[error("there is no such channel")]
    ChannelUnknown,
    #[error("the channel is not live, or not for everybody")]
    ChannelNotOpen,
    #[error("the channel does not take viewers from you")]
    Blocked,
}

/// Takes a live's viewers along to another one, and ends it. Ended already, it is not done again.
pub fn redirect(tx: &mut Tx, wanted: &Redirect, now: Timestamp) -> Result<Room, RedirectError> {
    let room = tx.find::<Room>(&wanted.room)?.filter(|room| !room.private);
    let room = room.ok_or(RedirectError::RoomUnknown)?;
    if room.host != wanted.by.id {
        return Err(RedirectError::NotYours);
    }
    if !room.state.is_on_air() {
        return Err(RedirectError::RoomNotLive);
    }
    let to = channel_by_handle(tx, &wanted.to)?.ok_or(RedirectError::ChannelUnknown)?;
    let target = open_live(tx, &to)?.filter(|target| target.id != room.id);
    let target = target.ok_or(RedirectError::ChannelNotOpen)?;
    if block::has_blocked(tx, target.host, wanted.by.id)? {
        return Err(RedirectError::Blocked);
    }
    let gone = || StoreError::Broken("a live's channel is gone".into());
    let from = busk_people::channel(tx, room.channel)?.ok_or_else(gone)?;

    let sent = What::Redirect {
        room: target.id,
        channel: ChannelRef::from(&to),
    };
    log::append(tx, room.id, sent, now)?;
    let arrivals = What::Arrivals {
        channel: ChannelRef::from(&from),
        viewers: wanted.viewers,
    };
    log::append(tx, target.id, arrivals, now)?;
    state::end(tx, room.id, By::System, now).map_err(|error| match error {
        ChangeError::Store(error) => RedirectError::Store(error),
        other => RedirectError::Store(StoreError::Broken(other.to_string())),
    })
}

/// The live that is on in a channel and that everybody may watch.
fn open_live(tx: &mut Tx, channel: &Channel) -> Result<Option<Room>, StoreError> {
    let Some(room) = state::open_room(tx, channel.id)? else {
        return Ok(None);
    };
    let room = tx.find::<Room>(&room)?;
    let Some(room) =
        room.filter(|room| matches!(room.state, State::Live | State::Interrupted) && !room.private)
    else {
        return Ok(None);
    };
    let open = access::of(tx, room.id)? == Access::Free;
    Ok(open.then_some(room))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RedirectBody {
    /// The handle of a channel whose live is on and for everybody.
    channel: String,
}

/// Ends a live and takes its viewers along to another channel's.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/redirect", tag = "rooms", params(("room" = RoomId, Path)),
    operation_id = "room_redirect", request_body = RedirectBody,
    responses((status = 200, body = RoomView), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`, `blocked`"),
        (status = 404, description = "`room_unknown`, `channel_unknown`"),
        (status = 409, description = "`room_not_live`, `channel_not_open`"), Refusals))]
async fn send(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(person): SignedIn,
    Json(body): Json<RedirectBody>,
) -> Result<Json<RoomView>, Problem> {
    let wanted = Redirect {
        room,
        by: person.clone(),
        to: body.channel,
        viewers: rooms.fanout().viewers(room).into(),
    };
    let now = rooms.site().now();
    let ended = rooms
        .site()
        .store()
        .write(move |tx| redirect(tx, &wanted, now))
        .await
        .map_err(problem)?;
    rooms.hang_up(room).await;
    crate::http::shown(&rooms, &ended, &busk_people::Caller::Person(person)).await
}

fn problem(error: RedirectError) -> Problem {
    let text = error.to_string();
    match error {
        RedirectError::Store(error) => error.into(),
        RedirectError::RoomUnknown => room_unknown(),
        RedirectError::NotYours => change_problem(ChangeError::NotYours),
        RedirectError::RoomNotLive => Problem::conflict("room_not_live", text),
        RedirectError::ChannelUnknown => Problem::not_found("channel_unknown", "There is no such channel"),
        RedirectError::ChannelNotOpen => Problem::conflict("channel_not_open", text),
        RedirectError::Blocked => Problem::forbidden("blocked", text),
    }
}
