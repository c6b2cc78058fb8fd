//! Moderation: what the host, a channel's moderators and the site's operators do about people who chat. Read [`act`]
//! downward.
//!
//! What is done to a person holds in the whole channel, from then on: timed out (cannot write until), banned (cannot
//! write), shadowed (writes, and only moderators see it). Who is timed out or banned in a room loses what they have
//! said there, on every screen and in the replay. They may watch on: who may not is [blocked](busk_people::block).
//!
//! Invariants: only a [`Moderator`] acts, never against the team or an operator; each act is one [`Record`], in the
//! transaction that does it, and records are never changed.

mod held;
pub(crate) mod http;
pub(crate) mod raid;
mod record;
mod sanction;

use std::time::Duration;

use busk_base::{ChannelId, PersonId, RecordId, RoomId, TextError, Timestamp, bounded_text};
use busk_people::Moderator;
use busk_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::chat::{ChatMode, filter, mode, removal, rules};
use crate::{Room, What, log};

pub use held::{HELD_MAX, HeldError, HeldWhy, held_in, judge_held};
pub(crate) use held::{hold, waiting};
pub use record::{Deed, Record, RecordView, records_about, records_of};
pub use sanction::{Sanction, Sanctioned, sanctioned};
pub(crate) use sanction::{known, of_person};

/// The longest time-out: 14 days.
pub const TIME_OUT_S_MAX: u32 = 14 * 24 * 3_600;
/// Characters of a reason.
pub const WHY_MAX: usize = 200;

/// What is done to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ModerationAct)]
pub enum ActKind {
    TimeOut,
    EndTimeOut,
    Ban,
    Unban,
    Shadow,
    Unshadow,
}

/// An act, as a moderator asks for it.
#[derive(Clone, Debug)]
pub struct Act {
    pub record: RecordId,
    pub kind: ActKind,
    /// A person or a guest.
    pub person: Uuid,
    /// Of a time-out.
    pub seconds: Option<u32>,
    pub why: String,
}

/// Why nothing was done, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ActError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the reason {0}")]
    Why(TextError),
    #[error("a time-out lasts 1 to {TIME_OUT_S_MAX} seconds")]
    Seconds,
    #[error(transparent)]
    Right(#[from] NoRight),
    #[error("there is no such person")]
    PersonUnknown,
    #[error("nobody acts against the channel's team or the site's operators")]
    Protected,
}

/// Why somebody does not moderate, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoRight {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("only the channel's host, moderators and the site's operators may do this")]
    NotModerator,
}

/// The right of a person to moderate a room.
pub(crate) fn right(tx: &mut Tx, room: RoomId, by: PersonId) -> Result<(Room, Moderator), NoRight> {
    let room = tx.find::<Room>(&room)?.filter(|room| !room.private);
    let room = room.ok_or(NoRight::RoomUnknown)?;
    let right = right_in(tx, room.channel, by)?;
    Ok((room, right))
}

/// The right of a person to moderate a channel.
pub(crate) fn right_in(tx: &mut Tx, channel: ChannelId, by: PersonId) -> Result<Moderator, NoRight> {
    Moderator::of(tx, channel, by)?.ok_or(NoRight::NotModerator)
}

/// Does something to a person, from a room or, outside of a live, from the channel. Done once more it is recorded once
/// more and changes nothing else.
pub fn act(
    tx: &mut Tx,
    room: Option<&Room>,
    by: &Moderator,
    act: &Act,
    now: Timestamp,
) -> Result<Sanction, ActError> {
    let why = bounded_text(&act.why, 0, WHY_MAX).map_err(ActError::Why)?;
    let seconds = act.seconds.filter(|_| act.kind == ActKind::TimeOut);
    if act.kind == ActKind::TimeOut && !seconds.is_some_and(|s| (1..=TIME_OUT_S_MAX).contains(&s)) {
        return Err(ActError::Seconds);
    }
    let person = known(tx, act.person)?.ok_or(ActError::PersonUnknown)?;
    if Moderator::of(tx, by.channel(), PersonId(act.person))?.is_some() {
        return Err(ActError::Protected);
    }

    let key = (by.channel(), act.person);
    let mut is = tx.find::<Sanction>(&key)?.unwrap_or_default();
    let deed = match act.kind {
        ActKind::TimeOut => {
            is.silent_until = seconds.map(|seconds| now + Duration::from_secs(u64::from(seconds)));
            Deed::TimeOut
        }
        ActKind::EndTimeOut => {
            is.silent_until = None;
            Deed::EndTimeOut
        }
        ActKind::Ban => {
            is.banned = true;
            Deed::Ban
        }
        ActKind::Unban => {
            is.banned = false;
            Deed::Unban
        }
        ActKind::Shadow => {
            is.shadowed = true;
            Deed::Shadow
        }
        ActKind::Unshadow => {
            is.shadowed = false;
            Deed::Unshadow
        }
    };
    sanction::keep(tx, key, &person, &is, now)?;
    if let Some(room) = room
        && matches!(act.kind, ActKind::TimeOut | ActKind::Ban)
    {
        held::drop_all_of(tx, room, act.person, by, now)?;
        removal::all_of(tx, room.id, act.person, by.person().0, seconds, now)?;
    }
    let mut record = Record::of(act.record, by, deed, now).about(tx, act.person)?;
    record.room = room.map(|room| room.id);
    record.seconds = seconds.map(i64::from);
    record.why = why;
    record.write(tx);
    Ok(is)
}

/// Why a chat's mode stayed as it was, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ModeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0} {1}")]
    OutOfBounds(&'static str, String),
    #[error(transparent)]
    Right(#[from] NoRight),
}

/// Says how a room's chat is run from now on; a raid's answer that goes on stays.
pub fn set_mode(
    tx: &mut Tx,
    room: &Room,
    by: &Moderator,
    record: RecordId,
    wanted: ChatMode,
    now: Timestamp,
) -> Result<ChatMode, StoreError> {
    let was = mode::find(tx, room.id)?;
    let is = ChatMode {
        raid_until: was.at(now).raid_until,
        ..wanted
    };
    change_mode(tx, room, was, is, now)?;
    let mut record = Record::of(record, by, Deed::Mode, now).in_room(room.id);
    record.why = serde_json::to_string(&is).map_err(|e| StoreError::Broken(e.to_string()))?;
    record.write(tx);
    Ok(is)
}

/// Answers a raid for a time, or stops answering it.
pub fn answer_raid(
    tx: &mut Tx,
    room: &Room,
    by: &Moderator,
    record: RecordId,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<ChatMode, StoreError> {
    let was = mode::find(tx, room.id)?;
    let is = ChatMode {
        raid_until: until,
        ..was
    };
    change_mode(tx, room, was, is, now)?;
    let deed = if until.is_some() {
        Deed::Raid
    } else {
        Deed::EndRaid
    };
    let mut record = Record::of(record, by, deed, now).in_room(room.id);
    record.seconds = until.map(|until| until.since(now).as_secs() as i64);
    record.write(tx);
    Ok(is)
}

fn change_mode(
    tx: &mut Tx,
    room: &Room,
    was: ChatMode,
    is: ChatMode,
    now: Timestamp,
) -> Result<(), StoreError> {
    if was == is {
        return Ok(());
    }
    mode::keep(tx, room.id, is)?;
    log::append(tx, room.id, What::ChatMode { mode: is }, now)?;
    Ok(())
}

/// Says what a channel's chats do not want; holds from the next message on.
pub fn set_filter(
    tx: &mut Tx,
    by: &Moderator,
    record: RecordId,
    wanted: filter::ChatFilter,
    now: Timestamp,
) -> Result<(), StoreError> {
    rules::keep_filter(tx, by.channel(), wanted)?;
    Record::of(record, by, Deed::Filter, now).write(tx);
    Ok(())
}

#[cfg(test)]
mod tests;
