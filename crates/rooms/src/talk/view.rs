//! What a live talks about, as somebody sees it.

use busk_base::{PersonId, RoomId, Timestamp};
use busk_store::{Read, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use super::poll::RESULT_STAYS;
use super::{Circle, Pin, Poll, Question, Spotlight, Topic, sql};
use crate::subroom::Right;

/// What a live talks about now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct TalkView {
    /// Whether the asker may read and write in the sub room.
    sub_room: bool,
    /// Of the sub room.
    topic: Option<Topic>,
    /// Those that are open; and of those for everyone and those for subscribers the last result, for 15 minutes or until
    /// the next one is opened.
    polls: Vec<PollView>,
    spotlight: Option<Spotlight>,
    pin: Option<Pin>,
    /// Those that wait, in the order in which they were asked.
    questions: Vec<QuestionView>,
}

/// A poll, and one's own vote.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct PollView {
    #[serde(flatten)]
    poll: Poll,
    /// Counted from 0; null when one has not voted.
    mine: Option<u8>,
}

/// A question that waits, and whether one is for it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct QuestionView {
    #[serde(flatten)]
    question: Question,
    mine: bool,
}

pub(crate) fn view(
    db: &mut impl Read,
    room: RoomId,
    person: Option<PersonId>,
    right: Right,
    now: Timestamp,
) -> Result<TalkView, StoreError> {
    let talk = sql::read(db, room)?;
    let seen = |to: Circle| to == Circle::Everyone || right.is_open();
    let mut polls = Vec::new();
    let results = talk.results.iter();
    let results = results.filter(|closed| now < closed.at + RESULT_STAYS);
    for id in results.map(|closed| closed.id).chain(talk.polls) {
        let Some(poll) = sql::poll(db, id)?.filter(|poll| seen(poll.to)) else {
            continue;
        };
        let mine = person.map(|person| sql::vote(db, id.0, person)).transpose()?;
        let mine = mine.flatten();
        polls.push(PollView { poll, mine });
    }
    let mut questions = Vec::new();
    for id in talk.questions {
        let Some(question) = sql::question(db, id)? else {
            continue;
        };
        let mine = person.map(|person| sql::vote(db, id.0, person)).transpose()?;
        let mine = mine.flatten().is_some();
        questions.push(QuestionView { question, mine });
    }
    Ok(TalkView {
        sub_room: right.is_open(),
        topic: talk.topic.filter(|_| right.is_open()),
        polls,
        spotlight: talk.spotlight.filter(|spotlight| seen(spotlight.to)),
        pin: talk.pin,
        questions,
    })
}
