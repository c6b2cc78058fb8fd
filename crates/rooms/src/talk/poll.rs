//! Polls: a question with two to six answers, for everyone or for subscribers. One vote a person, and it is final, as
//! on YouTube; how many there are of each is a latest value while it is open, and an event when it is closed.
//!
//! Invariant: the votes of a poll are as many as the persons who voted. Guests do not vote: a name is nobody.

use busk_base::{PersonId, PollId, RoomId, TextError, Timestamp, bounded_text};
use busk_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sql::{PollRow, Vote};
use super::{Circle, HostError, find, moderated, tell};
use crate::{Room, What, subroom};

pub const QUESTION_MAX: usize = 120;
pub const OPTION_MAX: usize = 60;
pub const OPTIONS_MIN: usize = 2;
pub const OPTIONS_MAX: usize = 6;
/// Polls of one live.
pub const POLLS_MAX: u32 = 50;

/// A poll as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Poll {
    pub id: PollId,
    pub question: String,
    pub options: Vec<String>,
    pub to: Circle,
    pub open: bool,
    /// How many chose each.
    pub votes: Vec<i64>,
}

/// A poll, as the host asks for it.
#[derive(Clone, Debug)]
pub struct NewPoll {
    /// Made by the client; permanent.
    pub id: PollId,
    pub room: RoomId,
    pub by: PersonId,
    pub question: String,
    pub options: Vec<String>,
    pub to: Circle,
}

/// Why no poll was opened, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenPollError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("the id {0} was used for another poll")]
    IdReused(PollId),
    #[error("the question {0}")]
    Question(TextError),
    #[error("a poll has {OPTIONS_MIN} to {OPTIONS_MAX} options that differ")]
    Options,
    #[error("option {0} {1}")]
    Option(usize, TextError),
    #[error("another poll is open")]
    AlreadyOpen(PollId),
    #[error("there were {POLLS_MAX} polls in this live")]
    TooMany,
}

impl From<StoreError> for OpenPollError {
    fn from(error: StoreError) -> Self {
        OpenPollError::Host(error.into())
    }
}

/// Opens a poll; the same again changes nothing.
pub fn open(tx: &mut Tx, wanted: &NewPoll, now: Timestamp) -> Result<Poll, OpenPollError> {
    let room = moderated(tx, wanted.room, wanted.by, wanted.to)?;
    if let Some(past) = tx.find::<PollRow>(&wanted.id)? {
        let same = past.room == room.id && past.poll.to == wanted.to;
        let same = same && past.poll.options.len() == wanted.options.len();
        return if same {
            Ok(past.poll)
        } else {
            Err(OpenPollError::IdReused(wanted.id))
        };
    }
    let question = bounded_text(&wanted.question, 1, QUESTION_MAX).map_err(OpenPollError::Question)?;
    let options = bounded_options(&wanted.options)?;
    let mut talk = find(tx, room.id)?;
    for id in &talk.polls {
        if tx
            .find::<PollRow>(id)?
            .is_some_and(|open| open.poll.to == wanted.to)
        {
            return Err(OpenPollError::AlreadyOpen(*id));
        }
    }
    if talk.polls_so_far >= POLLS_MAX {
        return Err(OpenPollError::TooMany);
    }

    let poll = Poll {
        id: wanted.id,
        question,
        votes: vec![0; options.len()],
        options,
        to: wanted.to,
        open: true,
    };
    let (room, asked) = (room.id, poll.clone());
    PollRow { room, poll: asked }.save(tx)?;
    talk.polls.push(poll.id);
    talk.polls_so_far += 1;
    talk.save(tx, room)?;
    tell(tx, room, poll.to, What::Poll { poll: poll.clone() }, now)?;
    Ok(poll)
}

fn bounded_options(wanted: &[String]) -> Result<Vec<String>, OpenPollError> {
    if !(OPTIONS_MIN..=OPTIONS_MAX).contains(&wanted.len()) {
        return Err(OpenPollError::Options);
    }
    let mut options: Vec<String> = Vec::with_capacity(wanted.len());
    for (place, option) in wanted.iter().enumerate() {
        let option = bounded_text(option, 1, OPTION_MAX);
        let option = option.map_err(|why| OpenPollError::Option(place, why))?;
        if options.contains(&option) {
            return Err(OpenPollError::Options);
        }
        options.push(option);
    }
    Ok(options)
}

/// A vote.
#[derive(Clone, Copy, Debug)]
pub struct CastVote {
    pub poll: PollId,
    pub room: RoomId,
    pub by: PersonId,
    pub operator: bool,
    /// Counted from 0.
    pub choice: u8,
}

/// Why a vote does not count, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VoteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Also one that is not for them.
    #[error("there is no such poll")]
    PollUnknown,
    #[error("they have voted")]
    Voted(u8),
    #[error("the poll is closed")]
    Closed,
    #[error("there is no such option")]
    OptionUnknown,
}

/// Votes once; the same vote again is no error.
pub fn vote(tx: &mut Tx, cast: &CastVote, now: Timestamp) -> Result<Poll, VoteError> {
    let row = tx
        .find::<PollRow>(&cast.poll)?
        .filter(|row| row.room == cast.room);
    let mut row = row.ok_or(VoteError::PollUnknown)?;
    if row.poll.to == Circle::Subscribers {
        let room = tx.find::<Room>(&cast.room)?.ok_or(VoteError::PollUnknown)?;
        let right = subroom::right_in(tx, &room, cast.by, cast.operator, now)?;
        if !right.is_open() {
            return Err(VoteError::PollUnknown);
        }
    }
    match tx.find::<Vote>(&(cast.poll.0, cast.by))? {
        Some(Vote(choice)) if choice == cast.choice => return Ok(row.poll),
        Some(Vote(choice)) => return Err(VoteError::Voted(choice)),
        None => {}
    }
    if !row.poll.open {
        return Err(VoteError::Closed);
    }
    let votes = row.poll.votes.get_mut(usize::from(cast.choice));
    *votes.ok_or(VoteError::OptionUnknown)? += 1;

    let poll = row.poll.clone();
    row.save(tx)?;
    Vote(cast.choice).cast(tx, cast.poll.0, cast.by);
    Ok(poll)
}

/// Why a poll was not closed, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClosePollError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("there is no such poll")]
    PollUnknown,
}

impl From<StoreError> for ClosePollError {
    fn from(error: StoreError) -> Self {
        ClosePollError::Host(error.into())
    }
}

/// Closes a poll, and tells its result; once more is no error.
pub fn close(
    tx: &mut Tx,
    room: RoomId,
    by: PersonId,
    id: PollId,
    now: Timestamp,
) -> Result<Poll, ClosePollError> {
    let row = tx.find::<PollRow>(&id)?.filter(|row| row.room == room);
    // One that there is not is nobody's; the host alone is told so.
    let whose = row.as_ref().map_or(Circle::Subscribers, |row| row.poll.to);
    let room = moderated(tx, room, by, whose)?;
    let past = row.ok_or(ClosePollError::PollUnknown)?.poll;
    Ok(close_now(tx, room.id, id, now)?.unwrap_or(past))
}

/// Closes a poll that is open; gives it as it ended.
pub(super) fn close_now(
    tx: &mut Tx,
    room: RoomId,
    id: PollId,
    now: Timestamp,
) -> Result<Option<Poll>, StoreError> {
    let Some(mut row) = tx.find::<PollRow>(&id)?.filter(|row| row.poll.open) else {
        return Ok(None);
    };
    row.poll.open = false;
    let poll = row.poll.clone();
    row.save(tx)?;
    let mut talk = find(tx, room)?;
    talk.polls.retain(|open| *open != id);
    talk.save(tx, room)?;
    tell(tx, room, poll.to, What::Poll { poll: poll.clone() }, now)?;
    Ok(Some(poll))
}
