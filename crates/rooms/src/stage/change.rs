//! What may be done with a stage, as changes of a value.

use busk_base::Timestamp;
use uuid::Uuid;

use super::{Actor, Layout, Place, SEATS, Stage, StageError, Standing, WAITING_MAX};
use crate::Speaker;
use crate::event::Why;

/// One thing that is done.
#[derive(Clone, Debug)]
pub enum Act {
    /// Somebody asks to come on stage.
    Ask,
    /// The host invites somebody.
    Invite(Speaker),
    /// The host admits one who has asked.
    Admit(Uuid),
    /// One who was invited comes.
    Join,
    /// An ask is withdrawn, an invitation declined, the stage left.
    Leave,
    /// The host dismisses an ask, withdraws an invitation, removes a guest.
    Remove(Uuid),
    /// A microphone or a camera is switched; one's own when nobody is named.
    Switch {
        person: Option<Uuid>,
        muted: Option<bool>,
        hidden: Option<bool>,
    },
    Arrange {
        layout: Layout,
        focus: Option<u8>,
    },
    /// A guest's camera has come or gone.
    OnAir {
        seat: u8,
        on_air: bool,
    },
    /// A guest whose camera has been away since then, and still is, gives the seat up.
    GiveUp {
        person: Uuid,
        since: Timestamp,
    },
    /// Somebody who may comes into a hangout.
    Enter(Speaker),
    /// The host closes a hangout to whoever is not in it, or opens it again.
    Lock(bool),
    /// The host asks everybody in a hangout whether to go live.
    AskLive,
    /// Yes or no to that; a host's no takes the question back.
    Answer(bool),
}

impl Stage {
    /// Does it; says why standings changed, where that is not plain.
    pub(super) fn apply(&mut self, by: &Actor, act: &Act, now: Timestamp) -> Result<Option<Why>, StageError> {
        if self.hangout.is_some() {
            return self.apply_in_hangout(by, act, now);
        }
        self.apply_on_stage(by, act, now)
    }

    pub(super) fn apply_on_stage(
        &mut self,
        by: &Actor,
        act: &Act,
        now: Timestamp,
    ) -> Result<Option<Why>, StageError> {
        match (act, by) {
            (Act::Ask, Actor::Other(who)) => self.ask(who, now),
            (Act::Invite(who), Actor::Host) => self.invite(who, now),
            (Act::Admit(person), Actor::Host) => self.admit(*person, now),
            (Act::Join, Actor::Other(who)) => self.join(who.id, now),
            (Act::Leave, Actor::Other(who)) => {
                let left = self.leave(who.id, Why::Left);
                left.map(Some).ok_or(StageError::NotOnStage)
            }
            (Act::Remove(person), Actor::Host) => Ok(self.remove(*person)),
            (
                Act::Switch {
                    person,
                    muted,
                    hidden,
                },
                Actor::Host | Actor::Other(_),
            ) => {
                self.switch(by, *person, *muted, *hidden)?;
                Ok(None)
            }
            (Act::Arrange { layout, focus }, Actor::Host) => {
                self.arrange(*layout, *focus)?;
                Ok(None)
            }
            (Act::OnAir { seat, on_air }, Actor::System) => {
                if let Some(place) = self.on_mut().find(|place| place.seat == *seat)
                    && place.on_air != *on_air
                {
                    place.on_air = *on_air;
                    place.off_since = now;
                }
                Ok(None)
            }
            (Act::GiveUp { person, since }, Actor::System) => {
                let away =
                    |place: &Place| place.who.id == *person && !place.on_air && place.off_since == *since;
                let gone = self.on().any(away);
                Ok(if gone {
                    self.leave(*person, Why::Lost)
                } else {
                    None
                })
            }
            (Act::Ask | Act::Join | Act::Leave, Actor::Host) => Err(StageError::HostStays),
            _ => Err(StageError::NotHost),
        }
    }

    fn ask(&mut self, who: &Speaker, now: Timestamp) -> Result<Option<Why>, StageError> {
        match self.mine(who.id).map(|mine| mine.state) {
            Some(Standing::Invited) => self.join(who.id, now),
            Some(_) => Ok(None),
            None => {
                self.wait(who, Standing::Asked, now)?;
                Ok(None)
            }
        }
    }

    fn invite(&mut self, who: &Speaker, now: Timestamp) -> Result<Option<Why>, StageError> {
        match self.mine(who.id).map(|mine| mine.state) {
            Some(Standing::Asked) => self.admit(who.id, now),
            Some(_) => Ok(None),
            None => {
                self.wait(who, Standing::Invited, now)?;
                Ok(None)
            }
        }
    }

    fn wait(&mut self, who: &Speaker, standing: Standing, now: Timestamp) -> Result<(), StageError> {
        let waiting = self.guests.len() - self.on().count();
        if waiting >= WAITING_MAX {
            return Err(StageError::QueueFull);
        }
        self.guests.push(Place {
            who: who.clone(),
            standing,
            seat: 0,
            muted: false,
            hidden: false,
            on_air: false,
            off_since: now,
        });
        Ok(())
    }

    fn admit(&mut self, person: Uuid, now: Timestamp) -> Result<Option<Why>, StageError> {
        match self.mine(person).map(|mine| mine.state) {
            Some(Standing::Asked) => self.seat(person, now),
            Some(Standing::On) => Ok(None),
            _ => Err(StageError::NotAsked),
        }
    }

    fn join(&mut self, person: Uuid, now: Timestamp) -> Result<Option<Why>, StageError> {
        match self.mine(person).map(|mine| mine.state) {
            Some(Standing::Invited) => self.seat(person, now),
            Some(Standing::On) => Ok(None),
            _ => Err(StageError::NotInvited),
        }
    }

    /// Gives somebody the first free seat.
    fn seat(&mut self, person: Uuid, now: Timestamp) -> Result<Option<Why>, StageError> {
        let free = (1..SEATS).find(|seat| self.on().all(|place| place.seat != *seat));
        let seat = free.ok_or(StageError::Full)?;
        if let Some(place) = self.guests.iter_mut().find(|place| place.who.id == person) {
            place.standing = Standing::On;
            place.seat = seat;
            place.off_since = now;
        }
        Ok(Some(Why::Admitted))
    }

    pub(super) fn leave(&mut self, person: Uuid, why: Why) -> Option<Why> {
        let place = self.guests.iter().position(|place| place.who.id == person)?;
        let place = self.guests.remove(place);
        if place.standing == Standing::On && self.focus == Some(place.seat) {
            self.focus = None;
        }
        Some(why)
    }

    fn remove(&mut self, person: Uuid) -> Option<Why> {
        let why = match self.mine(person)?.state {
            Standing::On => Why::Removed,
            _ => Why::Declined,
        };
        self.leave(person, why)
    }

    fn switch(
        &mut self,
        by: &Actor,
        person: Option<Uuid>,
        muted: Option<bool>,
        hidden: Option<bool>,
    ) -> Result<(), StageError> {
        let (own, person) = match (by, person) {
            (Actor::Host, None) => {
                self.host_muted = muted.unwrap_or(self.host_muted);
                self.host_hidden = hidden.unwrap_or(self.host_hidden);
                return Ok(());
            }
            (Actor::Host, Some(person)) => (false, person),
            (Actor::Other(who), Some(person)) if person != who.id => return Err(StageError::NotHost),
            (Actor::Other(who), _) => (true, who.id),
            (Actor::System, _) => return Err(StageError::NotHost),
        };
        let place = self.on_mut().find(|place| place.who.id == person);
        let place = place.ok_or(StageError::NotOnStage)?;
        let opens = |to: Option<bool>, is: bool| is && to == Some(false);
        if !own && (opens(muted, place.muted) || opens(hidden, place.hidden)) {
            return Err(StageError::TheirsToSwitchOn);
        }
        place.muted = muted.unwrap_or(place.muted);
        place.hidden = hidden.unwrap_or(place.hidden);
        Ok(())
    }

    fn arrange(&mut self, layout: Layout, focus: Option<u8>) -> Result<(), StageError> {
        if let Some(seat) = focus.filter(|seat| *seat != 0 && self.on().all(|place| place.seat != *seat)) {
            return Err(StageError::SeatUnknown(seat));
        }
        (self.layout, self.focus) = (layout, focus);
        Ok(())
    }

    fn on_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.guests
            .iter_mut()
            .filter(|place| place.standing == Standing::On)
    }
}
