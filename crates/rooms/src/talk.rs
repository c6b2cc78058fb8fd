//! What a live talks about beside its chat: the topic of its sub room, polls, the message in the spotlight over the
//! picture, questions, and the message that is pinned. The host opens and ends them; each is an event of the log, and
//! how they are now stands in every hello.
//!
//! Invariants: at most one topic, spotlight and pin at a time, and one open poll for everyone and one for subscribers.
//! What quotes a message goes when the message is deleted, in the log as well. What is for subscribers is told to
//! nobody else.

mod http;
mod live;
pub mod pin;
pub mod poll;
pub mod question;
pub mod spotlight;
mod sql;
#[cfg(test)]
pub(crate) mod tests;
pub mod topic;
mod view;

use busk_base::{MessageId, PersonId, RoomId, Timestamp};
use busk_people::Moderator;
use busk_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::log::{self, Audience};
use crate::{Room, State, What};

pub(crate) use http::routes;
pub(crate) use live::Counts;
pub use pin::Pin;
pub use poll::Poll;
pub use question::Question;
pub use spotlight::Spotlight;
pub(crate) use sql::{TALK, Talk, message};
pub use topic::Topic;
pub(crate) use view::{TalkView, view};

/// Whom something in a live is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Circle {
    #[default]
    Everyone,
    /// Whoever may read the sub room.
    Subscribers,
}

impl Circle {
    pub(crate) fn audience(self) -> Audience {
        match self {
            Circle::Everyone => Audience::Everyone,
            Circle::Subscribers => Audience::Subscribers,
        }
    }
}

/// Why the host's act is refused before it is looked at, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("only the host, and moderators where it is for everybody, may do this")]
    NotYours,
    #[error("the room is not live")]
    RoomNotLive,
}

/// The host's own room, on the air.
fn hosted(tx: &mut Tx, room: RoomId, by: PersonId) -> Result<Room, HostError> {
    held_by(known(tx, room)?, by)
}

fn known(tx: &mut Tx, room: RoomId) -> Result<Room, HostError> {
    let room = tx.find::<Room>(&room)?.filter(|room| !room.private);
    room.ok_or(HostError::RoomUnknown)
}

fn held_by(room: Room, by: PersonId) -> Result<Room, HostError> {
    if room.host != by {
        return Err(HostError::NotYours);
    }
    if !room.state.is_on_air() {
        return Err(HostError::RoomNotLive);
    }
    Ok(room)
}

/// As [`hosted`]; where it is for everybody, moderators may do it, too.
fn moderated(tx: &mut Tx, room: RoomId, by: PersonId, whose: Circle) -> Result<Room, HostError> {
    let room = known(tx, room)?;
    let helps = whose == Circle::Everyone && Moderator::of(tx, room.channel, by)?.is_some();
    let by = if helps { room.host } else { by };
    held_by(room, by)
}

/// What a room talks about, inside a transaction.
pub(crate) fn find(tx: &mut Tx, room: RoomId) -> Result<Talk, StoreError> {
    Ok(tx.find::<Talk>(&room)?.unwrap_or_default())
}

/// A message was deleted: nothing shows its words any more. Its question is off the list, too.
pub(crate) fn forget_message(
    tx: &mut Tx,
    room: RoomId,
    message: MessageId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let talk = find(tx, room)?;
    if talk
        .spotlight
        .as_ref()
        .is_some_and(|shown| shown.message == message)
    {
        spotlight::take_away(tx, room, false, now)?;
    }
    if talk.pin.as_ref().is_some_and(|pin| pin.message == message) {
        pin::take_off(tx, room, now)?;
    }
    question::forget(tx, room, message)
}

/// The live ends: polls are closed with their results, and nothing is over the picture any more.
pub(crate) fn end(tx: &mut Tx, room: &Room, now: Timestamp) -> Result<(), StoreError> {
    if room.private || !matches!(room.state, State::Live | State::Interrupted) {
        return Ok(());
    }
    let talk = find(tx, room.id)?;
    for id in talk.polls {
        poll::close_now(tx, room.id, id, now)?;
    }
    if talk.spotlight.is_some() {
        spotlight::take_away(tx, room.id, false, now)?;
    }
    if talk.topic.is_some() {
        topic::close_now(tx, room.id, now)?;
    }
    Ok(())
}

/// Tells those whom it is for.
fn tell(tx: &mut Tx, room: RoomId, to: Circle, what: What, now: Timestamp) -> Result<i64, StoreError> {
    Ok(log::append_for(tx, room, to.audience(), what, now)?.n)
}
