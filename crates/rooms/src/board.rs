//! The board of a live: what stands beside its picture, besides who is on stage. Who gives most, what is being given
//! for, and the hearts beside names. Whoever counts what is given (commerce) writes it here.
//!
//! Every hello tells the board as it is. Goals are told again by events, as they move; the top is a total, the latest
//! of which holds. What stands beside a name is part of what that person says or gives, so that the log keeps it.

mod sql;

use busk_base::{GoalId, PersonId, RoomId, Timestamp};
use busk_store::{Ahead, Read, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Room, Speaker, SpeakerKind, What, log, members};
use sql::{Hearts, Row};

/// Goals on a board at once, those that are reached included.
pub const GOALS_MAX: usize = 3;
/// Supporters on a board.
pub const TOP_MAX: usize = 3;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Board {
    /// Who has given most in this live, most first.
    pub top: Vec<TopSupporter>,
    /// The oldest first.
    pub goals: Vec<Goal>,
}

/// One of those who have given most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TopSupporter {
    pub id: Uuid,
    pub name: String,
    /// What they have given, in the minor unit of the site's currency.
    pub value: i64,
}

/// What a live is given for: "300 roses", "$500 for the roof".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Goal {
    pub id: GoalId,
    pub title: String,
    pub kind: GoalKind,
    /// Which gifts count; all do when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gift: Option<String>,
    pub target: i64,
    pub so_far: i64,
    pub state: GoalState,
    /// What came after this number of the log counts.
    pub since: i64,
}

/// What a goal counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GoalKind {
    /// A number of gifts.
    Gifts,
    /// What gifts cost, in coins.
    Coins,
    /// What gifts and badges are worth, in the minor unit of the site's currency.
    Money,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GoalState {
    Open,
    Reached,
    /// Taken off the board.
    Removed,
}

/// Names the rows that [`adorned`] will want.
pub fn ahead(ahead: &mut Ahead, room: RoomId, person: Uuid) {
    let person = PersonId(person);
    if ahead.want::<Row>(room).is_some_and(|row| row.hearts) {
        ahead.want::<Hearts>((room, person));
    }
    if let Some(room) = ahead.want::<Room>(room) {
        members::ahead(ahead, room.channel, person);
    }
}

/// A speaker with what stands beside their name in this live. Where nobody has hearts, nobody's are looked for; and
/// so with months.
pub fn adorned(tx: &mut Tx, room: RoomId, speaker: &Speaker, now: Timestamp) -> Result<Speaker, StoreError> {
    let plain = speaker.clone();
    if speaker.kind == SpeakerKind::Guest {
        return Ok(plain);
    }
    let person = PersonId(speaker.id);
    let row = tx.find::<Row>(&room)?.unwrap_or_default();
    let hearts = match row.hearts {
        true => tx.find::<Hearts>(&(room, person))?,
        false => None,
    };
    let months = match tx.find::<Room>(&room)? {
        Some(room) => members::months(tx, room.channel, person, now)?,
        None => None,
    };
    Ok(Speaker {
        badge: hearts.map(|Hearts(hearts)| hearts).filter(|hearts| *hearts > 0),
        months,
        rank: row.board.rank(speaker.id),
        ..plain
    })
}

/// As [`adorned`], for a reader.
pub(crate) fn adorned_for(
    db: &mut impl Read,
    room: &Room,
    speaker: &Speaker,
    now: Timestamp,
) -> Result<Speaker, StoreError> {
    let plain = speaker.clone();
    if speaker.kind == SpeakerKind::Guest {
        return Ok(plain);
    }
    let person = PersonId(speaker.id);
    Ok(Speaker {
        badge: sql::hearts(db, room.id, person)?,
        months: members::member(db, room.channel, person, now)?.map(|member| member.months),
        rank: read(db, room.id)?.rank(speaker.id),
        ..plain
    })
}

impl Board {
    /// 1 for who has given most; none below the top.
    fn rank(&self, person: Uuid) -> Option<u8> {
        let place = self.top.iter().position(|supporter| supporter.id == person)?;
        u8::try_from(place + 1).ok()
    }
}

/// The board, inside a transaction.
pub fn find(tx: &mut Tx, room: RoomId) -> Result<Board, StoreError> {
    Ok(tx.find::<Row>(&room)?.unwrap_or_default().board)
}

/// The board, for a reader.
pub fn read(db: &mut impl Read, room: RoomId) -> Result<Board, StoreError> {
    sql::read(db, room)
}

/// From now on so many hearts stand beside a person's name in this live, unless there are more.
pub fn give_hearts(tx: &mut Tx, room: RoomId, person: PersonId, hearts: u8) -> Result<(), StoreError> {
    let row = tx.find::<Row>(&room)?.unwrap_or_default();
    if !row.hearts {
        let row = Row { hearts: true, ..row };
        row.save(tx, room)?;
    }
    Hearts::raise(tx, room, person, hearts)
}

/// From now on so many hearts stand beside a person's name in this live, more or fewer than before; 0: none.
pub fn set_hearts(tx: &mut Tx, room: RoomId, person: PersonId, hearts: u8) -> Result<(), StoreError> {
    give_hearts(tx, room, person, hearts)?;
    Hearts::set(tx, room, person, hearts)
}

/// Puts those who have given most on the board; whether that changed it.
pub fn set_top(tx: &mut Tx, room: RoomId, top: Vec<TopSupporter>) -> Result<bool, StoreError> {
    let mut row = tx.find::<Row>(&room)?.unwrap_or_default();
    if row.board.top == top {
        return Ok(false);
    }
    row.board.top = top;
    row.save(tx, room)?;
    Ok(true)
}

/// Puts a goal on the board. The caller has seen to it that there is a place.
pub fn add_goal(tx: &mut Tx, room: RoomId, goal: Goal, now: Timestamp) -> Result<(), StoreError> {
    let mut row = tx.find::<Row>(&room)?.unwrap_or_default();
    debug_assert!(row.board.goals.len() < GOALS_MAX);
    row.board.goals.push(goal.clone());
    row.save(tx, room)?;
    log::append(tx, room, What::Goal { goal }, now)?;
    Ok(())
}

/// Takes a goal off the board; gives it as it was.
pub fn remove_goal(
    tx: &mut Tx,
    room: RoomId,
    id: GoalId,
    now: Timestamp,
) -> Result<Option<Goal>, StoreError> {
    let mut row = tx.find::<Row>(&room)?.unwrap_or_default();
    let Some(place) = row.board.goals.iter().position(|goal| goal.id == id) else {
        return Ok(None);
    };
    let goal = row.board.goals.remove(place);
    row.save(tx, room)?;
    let removed = Goal {
        state: GoalState::Removed,
        ..goal.clone()
    };
    log::append(tx, room, What::Goal { goal: removed }, now)?;
    Ok(Some(goal))
}

/// So much more came for each goal; those that are not on the board any more are passed over.
pub fn move_goals(
    tx: &mut Tx,
    room: RoomId,
    moves: &[(GoalId, i64)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut row = tx.find::<Row>(&room)?.unwrap_or_default();
    let mut moved = Vec::new();
    for goal in &mut row.board.goals {
        let more = moves.iter().filter(|(id, _)| *id == goal.id);
        let more: i64 = more.map(|(_, more)| more).sum();
        if more == 0 {
            continue;
        }
        goal.so_far += more;
        if goal.so_far >= goal.target {
            goal.state = GoalState::Reached;
        }
        moved.push(goal.clone());
    }
    if moved.is_empty() {
        return Ok(());
    }
    row.save(tx, room)?;
    for goal in moved {
        log::append(tx, room, What::Goal { goal }, now)?;
    }
    Ok(())
}
