//! Questions: a message of the chat that its author asks as one. Others are for it by a vote, and the host marks it
//! answered, or dismisses it. One that was answered in the spotlight is answered.
//!
//! Invariant: whoever asks has said so in the chat, under all of its rules; a question is its message's.

use busk_base::{MessageId, PersonId, RoomId, Timestamp};
use busk_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sql::{QuestionRow, Vote};
use super::{Circle, HostError, find, moderated, tell};
use crate::chat::{self, Say, SayError};
use crate::log;
use crate::{Room, Speaker, What};

/// Questions that wait in a room.
pub const WAITING_MAX: usize = 50;
/// Of one person.
pub const WAITING_OF_ONE_MAX: usize = 3;

/// A question as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Question {
    /// The chat's message that asks it.
    pub message: MessageId,
    pub from: Speaker,
    pub text: String,
    pub state: QuestionState,
    /// How many are for it.
    pub votes: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum QuestionState {
    Waiting,
    Answered,
    Dismissed,
}

/// Why nothing was asked, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the room has {WAITING_MAX} questions that wait, or {WAITING_OF_ONE_MAX} of theirs")]
    TooMany,
    #[error(transparent)]
    Say(SayError),
    /// As a message it would wait for a moderator; a question does not.
    #[error("a word or a link in it is not wanted here")]
    Unwanted,
}

/// Says something in the chat, and asks it; the same again changes nothing.
pub fn ask(tx: &mut Tx, say: &Say, now: Timestamp) -> Result<Question, AskError> {
    if let Some(past) = tx.find::<QuestionRow>(&say.id)? {
        let same = past.room == say.room && past.question.from.id == say.from.id;
        return if same {
            Ok(past.question)
        } else {
            Err(AskError::Say(SayError::IdReused(say.id)))
        };
    }
    let mut talk = find(tx, say.room)?;
    let mut theirs = 0;
    for id in &talk.questions {
        let row = tx.find::<QuestionRow>(id)?;
        theirs += usize::from(row.is_some_and(|row| row.question.from.id == say.from.id));
    }
    if talk.questions.len() >= WAITING_MAX || theirs >= WAITING_OF_ONE_MAX {
        return Err(AskError::TooMany);
    }
    let said = chat::say(tx, say, now).map_err(AskError::Say)?;
    let reused = || AskError::Say(SayError::IdReused(say.id));
    let What::Said { from, text, .. } = said.event.ok_or_else(reused)?.what else {
        return Err(AskError::Unwanted);
    };

    let question = Question {
        message: say.id,
        from,
        text,
        state: QuestionState::Waiting,
        votes: 0,
    };
    // To its author alone it looks asked.
    if said.shadowed {
        return Ok(question);
    }
    talk.questions.push(say.id);
    talk.save(tx, say.room)?;
    save(tx, say.room, question.clone())?;
    tell_of(tx, say.room, question.clone(), now)?;
    Ok(question)
}

/// Why somebody is not for a question, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BackError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such question")]
    QuestionUnknown,
    #[error("it does not wait any more")]
    NotWaiting,
}

/// Is for a question, once.
pub fn back(tx: &mut Tx, room: RoomId, id: MessageId, by: PersonId) -> Result<Question, BackError> {
    let row = tx.find::<QuestionRow>(&id)?.filter(|row| row.room == room);
    let mut question = row.ok_or(BackError::QuestionUnknown)?.question;
    if tx.find::<Vote>(&(id.0, by))?.is_some() {
        return Ok(question);
    }
    if question.state != QuestionState::Waiting {
        return Err(BackError::NotWaiting);
    }

    question.votes += 1;
    save(tx, room, question.clone())?;
    Vote(0).cast(tx, id.0, by);
    Ok(question)
}

/// Why a question was not settled, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SettleError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("there is no such question")]
    QuestionUnknown,
}

impl From<StoreError> for SettleError {
    fn from(error: StoreError) -> Self {
        SettleError::Host(error.into())
    }
}

/// Marks a question answered, or dismisses it; once more is no error.
pub fn settle(
    tx: &mut Tx,
    room: RoomId,
    by: PersonId,
    id: MessageId,
    state: QuestionState,
    now: Timestamp,
) -> Result<Question, SettleError> {
    let room: Room = moderated(tx, room, by, Circle::Everyone)?;
    let row = tx.find::<QuestionRow>(&id)?.filter(|row| row.room == room.id);
    let question = row.ok_or(SettleError::QuestionUnknown)?.question;
    if question.state != QuestionState::Waiting || state == QuestionState::Waiting {
        return Ok(question);
    }
    Ok(settle_now(tx, room.id, Question { state, ..question }, now)?)
}

/// A message was answered in the spotlight: so is its question.
pub(super) fn answered(tx: &mut Tx, room: RoomId, id: MessageId, now: Timestamp) -> Result<(), StoreError> {
    let row = tx.find::<QuestionRow>(&id)?;
    if let Some(row) = row.filter(|row| row.question.state == QuestionState::Waiting) {
        let state = QuestionState::Answered;
        settle_now(
            tx,
            room,
            Question {
                state,
                ..row.question
            },
            now,
        )?;
    }
    Ok(())
}

fn settle_now(tx: &mut Tx, room: RoomId, question: Question, now: Timestamp) -> Result<Question, StoreError> {
    save(tx, room, question.clone())?;
    let mut talk = find(tx, room)?;
    talk.questions.retain(|waiting| *waiting != question.message);
    talk.save(tx, room)?;
    tell_of(tx, room, question.clone(), now)?;
    Ok(question)
}

/// The message is deleted, which is told already: its question waits no more, and nobody reads it again.
pub(super) fn forget(tx: &mut Tx, room: RoomId, id: MessageId) -> Result<(), StoreError> {
    let mut talk = find(tx, room)?;
    if !talk.questions.contains(&id) {
        return Ok(());
    }
    talk.questions.retain(|waiting| *waiting != id);
    talk.save(tx, room)
}

fn tell_of(tx: &mut Tx, room: RoomId, question: Question, now: Timestamp) -> Result<(), StoreError> {
    let message = question.message;
    let n = tell(tx, room, Circle::Everyone, What::Question { question }, now)?;
    log::quotes(tx, room, n, message);
    Ok(())
}

fn save(tx: &mut Tx, room: RoomId, question: Question) -> Result<(), StoreError> {
    QuestionRow { room, question }.save(tx)
}
