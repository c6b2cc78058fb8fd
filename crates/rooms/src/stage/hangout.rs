//! The stage of a hangout: whoever may come has a seat at once, the host is one of those who come and go, and all
//! of them are asked before there is an audience.
//!
//! Invariant: a vote is about those who are on camera when it is asked. Whoever comes or goes ends it, so that
//! nobody is shown to an audience who has not said yes to it.

use busk_base::{RoomId, Timestamp};
use busk_store::{StoreError, Tx, jobs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Act, Actor, Away, Place, SEATS, Stage, StageError, Standing, sql};
use crate::event::Why;
use crate::state::{self, ChangeError};
use crate::{Room, Speaker, State, log};

/// The job that ends a hangout in which nobody is any more.
pub const EMPTY_JOB: &str = "rooms.end_empty_hangout";
/// On camera in a hangout; the media plane has no more seats.
pub const PEOPLE_MAX: u8 = busk_media::stage::SEATS_MAX as u8;
/// Removed people who are remembered; the first are forgotten when there are more.
const REMOVED_MAX: usize = 200;

/// What a stage is more in a hangout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hangout {
    pub(crate) locked: bool,
    pub(crate) seats_max: u8,
    pub(crate) removed: Vec<Uuid>,
    pub(crate) vote: Option<Vote>,
    pub(crate) outcome: Option<Outcome>,
    /// Since when nobody has been there.
    pub(crate) empty_since: Option<Timestamp>,
}

/// What is special about a hangout, as those in it see it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HangoutView {
    pub locked: bool,
    pub vote: Option<Vote>,
    pub outcome: Option<Outcome>,
}

/// All are asked whether to go live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Vote {
    /// Who has said yes so far.
    pub yes: Vec<Uuid>,
}

/// How a vote ended that did not end in going live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Somebody said no.
    Refused,
    /// The host took it back.
    Withdrawn,
    /// Somebody came or went.
    Changed,
    /// The host's camera was away when all had agreed.
    NoCamera,
    /// Another room of the channel had opened.
    OtherOpen,
}

impl Act {
    /// Whether it can be done in hangouts only.
    pub(super) fn is_of_hangouts(&self) -> bool {
        matches!(self, Act::Enter(_) | Act::Lock(_) | Act::AskLive | Act::Answer(_))
    }
}

impl Hangout {
    /// An empty one.
    pub(crate) fn new(seats_max: u8, now: Timestamp) -> Self {
        Self {
            locked: false,
            seats_max,
            removed: Vec::new(),
            vote: None,
            outcome: None,
            empty_since: Some(now),
        }
    }

    fn end_vote(&mut self, outcome: Outcome) {
        if self.vote.take().is_some() {
            self.outcome = Some(outcome);
        }
    }

    fn remember_removed(&mut self, person: Uuid) {
        self.removed.retain(|other| *other != person);
        self.removed.push(person);
        let surplus = self.removed.len().saturating_sub(REMOVED_MAX);
        self.removed.drain(..surplus);
    }
}

impl Stage {
    pub(crate) fn hangout_view(&self) -> Option<HangoutView> {
        self.hangout.as_ref().map(|hangout| HangoutView {
            locked: hangout.locked,
            vote: hangout.vote.clone(),
            outcome: hangout.outcome,
        })
    }

    /// Whether who acts may know that a private room is there: the host, those on camera, whoever comes by its link.
    pub(super) fn may_know(&self, by: &Actor, act: &Act) -> bool {
        match by {
            Actor::Host | Actor::System => true,
            Actor::Other(who) => matches!(act, Act::Enter(_)) || self.mine(who.id).is_some(),
        }
    }

    pub(super) fn is_emptied(&self, before: &Stage) -> bool {
        self.hangout.is_some() && self.on().count() == 0 && before.on().count() > 0
    }

    pub(super) fn apply_in_hangout(
        &mut self,
        by: &Actor,
        act: &Act,
        now: Timestamp,
    ) -> Result<Option<Why>, StageError> {
        let before = self.people();
        let why = self.apply_to_people(by, act, now)?;
        let people = self.people();
        if let Some(hangout) = &mut self.hangout
            && people != before
        {
            hangout.end_vote(Outcome::Changed);
            hangout.empty_since = people.is_empty().then_some(now);
        }
        Ok(why)
    }

    fn apply_to_people(&mut self, by: &Actor, act: &Act, now: Timestamp) -> Result<Option<Why>, StageError> {
        let host = self
            .on()
            .find(|place| place.seat == 0)
            .map(|place| place.who.clone());
        match (act, by) {
            (Act::Enter(who), Actor::Host | Actor::Other(_)) => {
                self.enter(who, matches!(by, Actor::Host), now)
            }
            (Act::Leave, Actor::Host) => {
                let left = host.and_then(|host| self.leave(host.id, Why::Left));
                left.map(Some).ok_or(StageError::NotOnStage)
            }
            (Act::Remove(person), Actor::Host) => {
                if host.is_some_and(|host| host.id == *person) {
                    return Err(StageError::HostStays);
                }
                if let Some(hangout) = self.hangout.as_mut() {
                    hangout.remember_removed(*person);
                }
                Ok(self.leave(*person, Why::Removed))
            }
            (Act::Switch { person: None, .. }, Actor::Host) => {
                let host = host.ok_or(StageError::NotOnStage)?;
                self.apply_on_stage(&Actor::Other(host), act, now)
            }
            (Act::Lock(locked), Actor::Host) => {
                if let Some(hangout) = self.hangout.as_mut() {
                    hangout.locked = *locked;
                }
                Ok(None)
            }
            (Act::AskLive, Actor::Host) => self.ask_live(host.as_ref()).map(|()| None),
            (Act::Answer(yes), Actor::Host) => self
                .answer(host.as_ref(), *yes, Outcome::Withdrawn)
                .map(|()| None),
            (Act::Answer(yes), Actor::Other(who)) => {
                self.answer(Some(who), *yes, Outcome::Refused).map(|()| None)
            }
            (Act::Ask | Act::Invite(_) | Act::Admit(_) | Act::Join | Act::Arrange { .. }, _) => {
                Err(StageError::WrongState(State::Hangout))
            }
            (Act::Leave | Act::Switch { .. } | Act::OnAir { .. } | Act::GiveUp { .. }, _) => {
                self.apply_on_stage(by, act, now)
            }
            _ => Err(StageError::NotHost),
        }
    }

    pub(crate) fn has_removed(&self, person: Uuid) -> bool {
        let hangout = self.hangout.as_ref();
        hangout.is_some_and(|hangout| hangout.removed.contains(&person))
    }

    /// Since when nobody has been in a hangout.
    pub(crate) fn empty_since(&self) -> Option<Timestamp> {
        self.hangout.as_ref()?.empty_since
    }

    fn people(&self) -> Vec<Uuid> {
        self.on().map(|place| place.who.id).collect()
    }

    fn enter(&mut self, who: &Speaker, is_host: bool, now: Timestamp) -> Result<Option<Why>, StageError> {
        let Some(hangout) = &self.hangout else {
            return Err(StageError::WrongState(State::Hangout));
        };
        if self.mine(who.id).is_some() {
            return Ok(None);
        }
        if !is_host && self.has_removed(who.id) {
            return Err(StageError::Removed);
        }
        if !is_host && hangout.locked {
            return Err(StageError::Locked);
        }
        // The host's place is kept free.
        let mut seats = if is_host { 0..1 } else { 1..hangout.seats_max };
        let free = seats.find(|seat| self.on().all(|place| place.seat != *seat));
        self.guests.push(Place {
            who: who.clone(),
            standing: Standing::On,
            seat: free.ok_or(StageError::Full)?,
            muted: false,
            hidden: false,
            on_air: false,
            off_since: now,
        });
        Ok(Some(Why::Admitted))
    }

    fn ask_live(&mut self, host: Option<&Speaker>) -> Result<(), StageError> {
        let host = host.ok_or(StageError::NotOnStage)?;
        if self.on().count() > usize::from(SEATS) {
            return Err(StageError::TooMany);
        }
        if !self.on().any(|place| place.seat == 0 && place.on_air) {
            return Err(StageError::NoCamera);
        }
        if let Some(hangout) = self.hangout.as_mut().filter(|hangout| hangout.vote.is_none()) {
            hangout.vote = Some(Vote { yes: vec![host.id] });
            hangout.outcome = None;
        }
        Ok(())
    }

    fn answer(&mut self, who: Option<&Speaker>, yes: bool, no: Outcome) -> Result<(), StageError> {
        let who = who.filter(|who| self.mine(who.id).is_some());
        let who = who.ok_or(StageError::NotOnStage)?.id;
        let hangout = self.hangout.as_mut().ok_or(StageError::NoVote)?;
        let vote = hangout.vote.as_mut().ok_or(StageError::NoVote)?;
        if !yes {
            hangout.end_vote(no);
        } else if !vote.yes.contains(&who) {
            vote.yes.push(who);
        }
        Ok(())
    }

    fn all_agree(&self) -> bool {
        let vote = self.hangout.as_ref().and_then(|hangout| hangout.vote.as_ref());
        vote.is_some_and(|vote| self.on().all(|place| vote.yes.contains(&place.who.id)))
    }

    /// Opens the curtain when all have said yes; gives the room as it is then.
    pub(super) fn go_live_if_agreed(
        &mut self,
        tx: &mut Tx,
        room: Room,
        now: Timestamp,
    ) -> Result<Room, StageError> {
        if !self.all_agree() {
            return Ok(room);
        }
        let host_on_air = self.on().any(|place| place.seat == 0 && place.on_air);
        let in_the_way = match state::open_room(tx, room.channel)? {
            Some(_) => Some(Outcome::OtherOpen),
            None => (!host_on_air).then_some(Outcome::NoCamera),
        };
        if let (Some(outcome), Some(hangout)) = (in_the_way, self.hangout.as_mut()) {
            hangout.end_vote(outcome);
            return Ok(room);
        }
        let live = Room {
            state: State::Live,
            started_at: Some(now),
            private: false,
            ..room
        };
        let live = state::change(tx, live, now).map_err(|error| match error {
            ChangeError::Store(error) => StageError::Store(error),
            _ => StageError::RoomUnknown,
        })?;
        // Nothing of what was said among themselves is the audience's.
        log::forget(tx, live.id, live.seq)?;
        self.become_live(now);
        Ok(live)
    }

    /// The host is nobody's guest any more, and all sit where an audience sees them.
    fn become_live(&mut self, now: Timestamp) {
        self.hangout = None;
        if let Some(at) = self.guests.iter().position(|place| place.seat == 0) {
            let host = self.guests.remove(at);
            (self.host_muted, self.host_hidden) = (host.muted, host.hidden);
        }
        for at in 0..self.guests.len() {
            let free = (1..SEATS).find(|seat| self.guests.iter().all(|place| place.seat != *seat));
            let place = &mut self.guests[at];
            if let Some(free) = free.filter(|_| place.seat >= SEATS) {
                // Their camera has to connect anew.
                (place.seat, place.on_air, place.off_since) = (free, false, now);
            }
        }
    }
}

/// Makes a room's stage that of a hangout.
pub(crate) fn begin_hangout(tx: &mut Tx, room: RoomId, hangout: Hangout) -> Result<(), StoreError> {
    let stage = Stage {
        hangout: Some(hangout),
        ..Stage::default()
    };
    sql::save(tx, room, &stage)
}

/// Leaves a job that ends a hangout that is still as empty as it is now.
pub(crate) fn leave_empty(tx: &mut Tx, room: RoomId, at: Away, now: Timestamp) {
    let body = serde_json::json!([room, now]).to_string();
    jobs::leave(tx, at.job, EMPTY_JOB, body, at.until);
}

#[cfg(test)]
mod tests;
