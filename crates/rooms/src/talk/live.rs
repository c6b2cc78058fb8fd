//! Votes as they come in: not an event each, but totals at a steady beat, of which the latest holds. The same beat
//! looks for memberships whose time is over.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use busk_base::{MessageId, PollId, RoomId};
use busk_store::{Reader, StoreError};
use serde::Serialize;

use super::{Circle, sql};
use crate::live::Rooms;

const BEAT: Duration = Duration::from_millis(400);

/// Rooms in which somebody has voted since the last beat.
#[derive(Default)]
pub(crate) struct Counts(Mutex<HashSet<RoomId>>);

impl Counts {
    pub(crate) fn count(&self, room: RoomId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(room);
    }

    fn take(&self) -> HashSet<RoomId> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Serialize)]
struct PollVotes {
    id: PollId,
    votes: Vec<i64>,
}

#[derive(Serialize)]
struct QuestionVotes {
    message: MessageId,
    votes: i64,
}

/// The votes of a room.
#[derive(Default)]
struct Votes {
    everyones: Vec<PollVotes>,
    subscribers: Vec<PollVotes>,
    questions: Vec<QuestionVotes>,
}

impl Rooms {
    pub(crate) async fn beat(self) {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            for room in self.counts().take() {
                if let Err(error) = self.tell_votes(room).await {
                    tracing::warn!(%room, "votes could not be told: {error}");
                }
            }
            for turned in self.doors().lapsed(self.site().now()) {
                self.turn(turned).await;
            }
        }
    }

    async fn tell_votes(&self, room: RoomId) -> Result<(), StoreError> {
        let read = self.site().store().read(move |db| votes(db, room));
        let votes = read.await?;
        let told = |what: serde_json::Result<String>| what.map_err(|e| StoreError::Broken(e.to_string()));
        let everyones = told(serde_json::to_string(&votes.everyones))?;
        self.fanout().totals(room, "polls", everyones);
        let questions = told(serde_json::to_string(&votes.questions))?;
        self.fanout().totals(room, "questions", questions);
        let subscribers = told(serde_json::to_string(&votes.subscribers))?;
        self.fanout()
            .totals_for_subscribers(room, "sub_polls", subscribers);
        Ok(())
    }
}

fn votes(db: &mut Reader, room: RoomId) -> Result<Votes, StoreError> {
    let (talk, mut all) = (sql::read(db, room)?, Votes::default());
    for id in talk.polls {
        let Some(poll) = sql::poll(db, id)? else { continue };
        let of = match poll.to {
            Circle::Everyone => &mut all.everyones,
            Circle::Subscribers => &mut all.subscribers,
        };
        let votes = poll.votes;
        of.push(PollVotes { id, votes });
    }
    for message in talk.questions {
        let Some(question) = sql::question(db, message)? else {
            continue;
        };
        let votes = question.votes;
        all.questions.push(QuestionVotes { message, votes });
    }
    Ok(all)
}
