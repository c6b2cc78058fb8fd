//! The sub room: the conversation inside a live that is for the channel's subscribers.
//!
//! Invariant: nothing of it reaches anybody but a member of the channel, its host and the site's operators: not live,
//! not by resume, not in a snapshot, not in a replay, and not as a hint. Being on stage does not open it.
//!
//! The right to it is read anew at every door. A socket keeps the right that it came with; when a membership begins
//! or ends, those of that person are told to come back ([`doors`](crate::subroom::doors)), and then get what is theirs.

pub(crate) mod doors;
mod http;
#[cfg(test)]
mod tests;

use busk_base::{MessageId, PersonId, RoomId, Timestamp};
use busk_store::{Read, StoreError, Tx};

use crate::chat::{self, Place, Said, Say, SayError};
use crate::log::Audience;
use crate::members::{self, Member};
use crate::{Room, talk};

pub(crate) use http::routes;

/// What somebody may read of a room's sub room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Right {
    #[default]
    None,
    /// As a member, up to then.
    Until(Timestamp),
    /// As its host, or an operator.
    Always,
}

impl Right {
    /// A member's.
    pub(crate) fn of_member(until: Timestamp, now: Timestamp) -> Self {
        if now < until {
            Right::Until(until)
        } else {
            Right::None
        }
    }

    pub fn is_open(self) -> bool {
        self != Right::None
    }
}

/// Somebody's right to a room's sub room now. A hangout has none.
pub fn right(
    db: &mut impl Read,
    room: &Room,
    person: Option<PersonId>,
    operator: bool,
    now: Timestamp,
) -> Result<Right, StoreError> {
    let Some(person) = person.filter(|_| !room.private) else {
        return Ok(Right::None);
    };
    if operator || person == room.host {
        return Ok(Right::Always);
    }
    let member = members::member(db, room.channel, person, now)?;
    Ok(member.map_or(Right::None, |member| Right::of_member(member.until, now)))
}

/// As [`right`], inside a transaction, where a batch reads memberships together.
pub(crate) fn right_in(
    tx: &mut Tx,
    room: &Room,
    person: PersonId,
    operator: bool,
    now: Timestamp,
) -> Result<Right, StoreError> {
    if room.private {
        return Ok(Right::None);
    }
    if operator || person == room.host {
        return Ok(Right::Always);
    }
    let member = tx.find::<Member>(&(room.channel, person))?;
    Ok(member.map_or(Right::None, |member| Right::of_member(member.until, now)))
}

/// A message for the sub room, as its author sends it.
#[derive(Clone, Debug)]
pub struct SaySub {
    pub id: MessageId,
    pub room: RoomId,
    pub from: crate::Speaker,
    pub operator: bool,
    /// See [`Say::trusted`].
    pub trusted: bool,
    pub text: String,
    /// The message of the sub room that this is the host's answer to.
    pub answers: Option<MessageId>,
}

/// Why nothing was said in the sub room, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SaySubError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("the sub room is for the channel's subscribers")]
    NotSubscribed,
    #[error("only the host answers")]
    NotHost,
    #[error("there is no such message in the sub room")]
    MessageUnknown,
    #[error(transparent)]
    Say(SayError),
}

/// Says something in the sub room, under the topic that is open. What holds for the chat holds here too.
pub fn say(tx: &mut Tx, wanted: &SaySub, now: Timestamp) -> Result<Said, SaySubError> {
    let room = tx.find::<Room>(&wanted.room)?.filter(|room| !room.private);
    let room = room.ok_or(SaySubError::RoomUnknown)?;
    let person = PersonId(wanted.from.id);
    // Before the id: who is not a member any more is not told what was said either.
    if !right_in(tx, &room, person, wanted.operator, now)?.is_open() {
        return Err(SaySubError::NotSubscribed);
    }
    if let Some(answered) = wanted.answers {
        if person != room.host {
            return Err(SaySubError::NotHost);
        }
        talk::message(tx, room.id, answered)?
            .filter(|message| message.audience == Audience::Subscribers && !message.removed)
            .ok_or(SaySubError::MessageUnknown)?;
    }
    let topic = talk::find(tx, room.id)?.topic.map(|topic| topic.id);

    let say = Say {
        id: wanted.id,
        room: wanted.room,
        from: wanted.from.clone(),
        text: wanted.text.clone(),
        place: Place::SubRoom {
            topic,
            answers: wanted.answers,
        },
        reply_to: None,
        trusted: wanted.trusted,
    };
    chat::say(tx, &say, now).map_err(SaySubError::Say)
}
