//! Goals: what a live is given for ("300 roses", "$500 for the roof"). The host sets them; the [tally](crate::tally)
//! moves them on as gifts come, and badges do where they are delivered. They stand on the room's
//! [board](busk_rooms::board).

mod http;
#[cfg(test)]
mod tests;

use busk_base::{GoalId, PersonId, RoomId, TextError, Timestamp, bounded_text};
use busk_rooms::board::{self, GOALS_MAX};
use busk_rooms::{Goal, GoalKind, GoalState, Room, State};
use busk_store::{StoreError, Tx};

use crate::gifts::catalogue;
pub use http::routes;

pub const TITLE_MAX: usize = 60;
pub const TARGET_MAX: i64 = 100_000_000;

/// A goal, as the host sets it.
#[derive(Clone, Debug)]
pub struct SetGoal {
    /// Made by the client; permanent.
    pub id: GoalId,
    pub room: RoomId,
    pub by: PersonId,
    pub title: String,
    pub kind: GoalKind,
    /// A code of the catalogue: only these gifts count.
    pub gift: Option<String>,
    pub target: i64,
}

/// Why no goal was set, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SetGoalError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("only the host sets goals")]
    NotYours,
    #[error("the room is not open")]
    RoomNotOpen,
    #[error("the id {0} was used for another goal")]
    IdReused(GoalId),
    #[error("the title {0}")]
    Title(TextError),
    #[error("there is no such gift, or it is not what the goal counts")]
    GiftUnknown,
    #[error("a goal is from 1 to {TARGET_MAX}")]
    Target,
    #[error("there are {GOALS_MAX} goals already")]
    TooMany,
}

/// Sets a goal; the same again changes nothing.
pub fn set(tx: &mut Tx, wanted: &SetGoal, now: Timestamp) -> Result<Goal, SetGoalError> {
    let room = tx.find::<Room>(&wanted.room)?.filter(|room| !room.private);
    let room = room.ok_or(SetGoalError::RoomUnknown)?;
    if room.host != wanted.by {
        return Err(SetGoalError::NotYours);
    }
    if !is_open(&room) {
        return Err(SetGoalError::RoomNotOpen);
    }
    let goals = board::find(tx, room.id)?.goals;
    if let Some(past) = goals.iter().find(|goal| goal.id == wanted.id) {
        let same = past.kind == wanted.kind && past.gift == wanted.gift && past.target == wanted.target;
        return if same {
            Ok(past.clone())
        } else {
            Err(SetGoalError::IdReused(wanted.id))
        };
    }
    let title = bounded_text(&wanted.title, 1, TITLE_MAX).map_err(SetGoalError::Title)?;
    if let Some(gift) = &wanted.gift {
        let counts = wanted.kind == GoalKind::Gifts;
        catalogue::find(gift)
            .filter(|_| counts)
            .ok_or(SetGoalError::GiftUnknown)?;
    }
    if !(1..=TARGET_MAX).contains(&wanted.target) {
        return Err(SetGoalError::Target);
    }
    if goals.len() >= GOALS_MAX {
        return Err(SetGoalError::TooMany);
    }

    let goal = Goal {
        id: wanted.id,
        title,
        kind: wanted.kind,
        gift: wanted.gift.clone(),
        target: wanted.target,
        so_far: 0,
        state: GoalState::Open,
        since: room.seq,
    };
    board::add_goal(tx, room.id, goal.clone(), now)?;
    Ok(goal)
}

/// In the lobby, or on air.
fn is_open(room: &Room) -> bool {
    room.state == State::Lobby || room.state.is_on_air()
}

/// Why no goal was removed, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RemoveGoalError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("only the host removes goals")]
    NotYours,
    #[error("there is no such goal")]
    GoalUnknown,
}

/// Takes a goal off the board.
pub fn remove(
    tx: &mut Tx,
    room: RoomId,
    goal: GoalId,
    by: PersonId,
    now: Timestamp,
) -> Result<(), RemoveGoalError> {
    let room = tx.find::<Room>(&room)?.filter(|room| !room.private);
    let room = room.ok_or(RemoveGoalError::RoomUnknown)?;
    if room.host != by {
        return Err(RemoveGoalError::NotYours);
    }
    let removed = board::remove_goal(tx, room.id, goal, now)?;
    removed.map(|_| ()).ok_or(RemoveGoalError::GoalUnknown)
}
