//! The stage: the people on camera in a room. The host has seat 0; guests come by the host's invitation or by
//! asking and being admitted, and leave whenever they like.
//!
//! Invariants: a seat is one person's; whoever is blocked by anybody on stage does not come onto it; microphones
//! and cameras are switched on by their owners only.

mod change;
mod hangout;
pub(crate) mod http;
mod live;
mod sql;

use busk_base::{JobId, PersonId, RoomId, Timestamp};
use busk_people::{Person, block, person};
use busk_store::{Read, StoreError, Tx, jobs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::event::{SpeakerKind, SpeakerRole, Why};
use crate::log::{self, Audience};
use crate::state;
use crate::{Room, Speaker, State, What};

pub use change::Act;
pub use hangout::{EMPTY_JOB, Hangout, HangoutView, Outcome, PEOPLE_MAX, Vote};
pub(crate) use hangout::{begin_hangout, leave_empty};

/// The host and three guests.
pub const SEATS: u8 = 4;
/// The job that takes a seat back whose camera did not come in time.
pub const GIVE_UP_JOB: &str = "rooms.give_up_seat";
/// Asks and invitations that may be open.
pub const WAITING_MAX: usize = 50;

/// How the people on stage are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One person alone: the focus, else the host.
    Solo,
    /// Side by side.
    Split,
    #[default]
    Grid,
    /// The focus large, the others beside it.
    Spotlight,
}

/// Where somebody stands with the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    None,
    Asked,
    Invited,
    On,
}

/// A person on stage, as everybody sees them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Seat {
    /// 0 is the host's.
    pub seat: u8,
    pub who: Speaker,
    /// The microphone is off.
    pub muted: bool,
    /// The camera is off.
    pub hidden: bool,
    /// Whether their camera is connected.
    pub on_air: bool,
}

/// Somebody and where they stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) who: Speaker,
    pub(crate) standing: Standing,
    /// Of those who are on.
    pub(crate) seat: u8,
    pub(crate) muted: bool,
    pub(crate) hidden: bool,
    pub(crate) on_air: bool,
    /// When their camera was lost, or they came on without one.
    pub(crate) off_since: Timestamp,
}

/// A room's stage: the guests and how all are shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub(crate) layout: Layout,
    pub(crate) focus: Option<u8>,
    pub(crate) host_muted: bool,
    pub(crate) host_hidden: bool,
    pub(crate) guests: Vec<Place>,
    /// In a hangout the host is one of those who come and go, on seat 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hangout: Option<Hangout>,
}

/// The stage as one person sees it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StageView {
    pub layout: Layout,
    pub focus: Option<u8>,
    pub seats: Vec<Seat>,
    pub seats_max: u8,
    pub mine: Option<Mine>,
    /// For those on stage.
    pub waiting: Option<Waiting>,
    /// Of a hangout.
    pub hangout: Option<HangoutView>,
}

/// One's own standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Mine {
    pub state: Standing,
    pub seat: Option<u8>,
}

/// Who waits to come on stage.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Waiting {
    pub asked: Vec<Speaker>,
    pub invited: Vec<Speaker>,
}

/// Who acts.
#[derive(Clone, Debug)]
pub enum Actor {
    Host,
    /// Somebody else with a name.
    Other(Speaker),
    /// A camera, the clock.
    System,
}

/// Why nothing was changed, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StageError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("the room is {}", .0.word())]
    WrongState(State),
    #[error("only the host may do this")]
    NotHost,
    #[error("the host stays on stage until the live ends")]
    HostStays,
    #[error("there is no such person")]
    PersonUnknown,
    #[error("this person and somebody on stage do not meet: one has blocked the other")]
    Blocked,
    #[error("this person has not asked")]
    NotAsked,
    #[error("there is no invitation")]
    NotInvited,
    #[error("this person is not on stage")]
    NotOnStage,
    #[error("only its owner switches a microphone or a camera on")]
    TheirsToSwitchOn,
    #[error("the stage is full")]
    Full,
    #[error("too many people are waiting")]
    QueueFull,
    #[error("the seat {0} is nobody's")]
    SeatUnknown(u8),
    #[error("the host has removed you from this hangout")]
    Removed,
    #[error("the hangout is locked")]
    Locked,
    #[error("a live has four on camera; more are here")]
    TooMany,
    #[error("the host's camera is not connected")]
    NoCamera,
    #[error("another room of the channel is open")]
    OtherOpen(RoomId),
    #[error("nothing is asked")]
    NoVote,
}

/// What an act changed, for those who carry it out.
#[derive(Clone, Debug)]
pub struct Changed {
    pub room: Room,
    pub before: Stage,
    pub after: Stage,
}

/// A seat without a camera is given up at a time, by a job.
#[derive(Clone, Copy, Debug)]
pub struct Away {
    pub job: JobId,
    pub until: Timestamp,
}

/// Does one act and tells those concerned.
pub fn act(
    tx: &mut Tx,
    room: RoomId,
    by: &Actor,
    act: &Act,
    away: Away,
    now: Timestamp,
) -> Result<Changed, StageError> {
    let room = tx.find::<Room>(&room)?.ok_or(StageError::RoomUnknown)?;
    // Before the curtain opens there is nobody who could ask.
    let open = room.state.has_chat() || (room.state == State::Lobby && !matches!(act, Act::Ask));
    let before = sql::find(tx, room.id)?;
    if room.private && !before.may_know(by, act) {
        return Err(StageError::RoomUnknown);
    }
    if !open || (act.is_of_hangouts() && before.hangout.is_none()) {
        return Err(StageError::WrongState(room.state));
    }
    let mut after = before.clone();
    let why = after.apply(by, act, now)?;
    if matches!(act, Act::AskLive)
        && let Some(open) = state::open_room(tx, room.channel)?
    {
        return Err(StageError::OtherOpen(open));
    }
    // The host's own room is never closed to the host.
    for joins in after
        .newcomers(&before)
        .into_iter()
        .filter(|id| *id != room.host.0)
    {
        if is_blocked(tx, &room, &after, joins)? || has_blocked(tx, &room, &after, joins)? {
            return Err(StageError::Blocked);
        }
    }

    if after != before {
        let room = after.go_live_if_agreed(tx, room, now)?;
        sql::save(tx, room.id, &after)?;
        let new = |place: &&Place| !before.on().any(|was| was == *place);
        if let Some(place) = after
            .on()
            .filter(new)
            .find(|place| !place.on_air && place.off_since == now)
        {
            let body = serde_json::json!([room.id, place.who.id, now]).to_string();
            jobs::leave(tx, away.job, GIVE_UP_JOB, body, away.until);
        }
        let comes_on =
            |place: &&Place| place.who.kind == SpeakerKind::Person && !before.has(&room, place.who.id);
        for place in after.on().filter(comes_on) {
            sql::had_a_turn(tx, room.id, PersonId(place.who.id), now)?;
        }
        if after.is_emptied(&before) {
            leave_empty(tx, room.id, away, now);
        }
        tell(tx, &room, &before, &after, why, now)?;
        return Ok(Changed { room, before, after });
    }
    Ok(Changed { room, before, after })
}

fn tell(
    tx: &mut Tx,
    room: &Room,
    before: &Stage,
    after: &Stage,
    why: Option<Why>,
    now: Timestamp,
) -> Result<(), StageError> {
    let host = host_of(tx, room)?;
    let seats = |stage: &Stage| (stage.layout, stage.focus, stage.seats(room, &host));
    let (layout, focus, on) = seats(after);
    if seats(before) != (layout, focus, on.clone()) {
        let what = What::Stage {
            layout,
            focus,
            seats: on,
        };
        log::append(tx, room.id, what, now)?;
    }
    let waiting = after.waiting();
    if before.waiting() != waiting {
        let Waiting { asked, invited } = waiting;
        log::append_for(
            tx,
            room.id,
            Audience::Stage,
            What::StageWaiting { asked, invited },
            now,
        )?;
    }
    let people = before
        .guests
        .iter()
        .chain(&after.guests)
        .map(|place| place.who.id);
    let mut told = Vec::new();
    for person in people {
        let (was, is) = (before.mine(person), after.mine(person));
        if was == is || told.contains(&person) {
            continue;
        }
        told.push(person);
        // To the host a live's stage is nothing one stands with.
        if person == room.host.0 && after.hangout.is_none() {
            continue;
        }
        let what = What::StageMine {
            state: is.map_or(Standing::None, |mine| mine.state),
            seat: is.and_then(|mine| mine.seat),
            why,
        };
        log::append_for(tx, room.id, Audience::One(person), what, now)?;
    }
    if let Some(is) = after
        .hangout_view()
        .filter(|is| before.hangout_view().as_ref() != Some(is))
    {
        let what = What::Hangout {
            locked: is.locked,
            vote: is.vote,
            outcome: is.outcome,
        };
        log::append(tx, room.id, what, now)?;
    }
    Ok(())
}

/// Whether anybody on stage has blocked this person.
pub(crate) fn is_blocked(
    db: &mut impl Read,
    room: &Room,
    stage: &Stage,
    person: Uuid,
) -> Result<bool, StoreError> {
    for blocker in stage.blockers(room) {
        if blocker.0 != person && block::has_blocked(db, blocker, PersonId(person))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether this person has blocked anybody on stage.
fn has_blocked(db: &mut impl Read, room: &Room, stage: &Stage, person: Uuid) -> Result<bool, StoreError> {
    for other in stage.blockers(room) {
        if other.0 != person && block::has_blocked(db, PersonId(person), other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A room's stage.
pub(crate) fn of(db: &mut impl Read, room: RoomId) -> Result<Stage, StoreError> {
    sql::read(db, room)
}

/// The stage as `asker` sees it.
pub(crate) fn view(
    db: &mut impl Read,
    room: &Room,
    stage: &Stage,
    asker: Option<Uuid>,
) -> Result<StageView, StoreError> {
    let host = host_of(db, room)?;
    let on_stage = asker.is_some_and(|asker| stage.has(room, asker));
    Ok(StageView {
        layout: stage.layout,
        focus: stage.focus,
        seats: stage.seats(room, &host),
        seats_max: stage.hangout.as_ref().map_or(SEATS, |hangout| hangout.seats_max),
        mine: asker.and_then(|asker| stage.mine(asker)),
        waiting: on_stage.then(|| stage.waiting()),
        hangout: stage.hangout_view(),
    })
}

fn host_of(db: &mut impl Read, room: &Room) -> Result<Speaker, StoreError> {
    let host = person(db, room.host)?;
    let Person { id, display_name, .. } = host.ok_or_else(|| StoreError::Broken("a host is gone".into()))?;
    Ok(Speaker {
        id: id.0,
        name: display_name,
        kind: SpeakerKind::Person,
        role: Some(SpeakerRole::Host),
        badge: None,
        months: None,
        rank: None,
    })
}

impl Stage {
    /// The host and all who are on, by seat.
    pub(crate) fn seats(&self, room: &Room, host: &Speaker) -> Vec<Seat> {
        let always = self.hangout.is_none().then(|| Seat {
            seat: 0,
            who: host.clone(),
            muted: self.host_muted,
            hidden: self.host_hidden,
            on_air: room.state == State::Live,
        });
        let mut seats = Vec::from_iter(always);
        seats.extend(self.on().map(|place| Seat {
            seat: place.seat,
            who: place.who.clone(),
            muted: place.muted,
            hidden: place.hidden,
            on_air: place.on_air,
        }));
        seats.sort_by_key(|seat| seat.seat);
        seats
    }

    pub(crate) fn on(&self) -> impl Iterator<Item = &Place> {
        self.guests.iter().filter(|place| place.standing == Standing::On)
    }

    pub(crate) fn waiting(&self) -> Waiting {
        let of = |standing| {
            let places = self.guests.iter().filter(move |place| place.standing == standing);
            places.map(|place| place.who.clone()).collect()
        };
        Waiting {
            asked: of(Standing::Asked),
            invited: of(Standing::Invited),
        }
    }

    pub(crate) fn mine(&self, person: Uuid) -> Option<Mine> {
        let place = self.guests.iter().find(|place| place.who.id == person)?;
        Some(Mine {
            state: place.standing,
            seat: (place.standing == Standing::On).then_some(place.seat),
        })
    }

    /// The seat of somebody on stage.
    pub(crate) fn seat_of(&self, room: &Room, person: Uuid) -> Option<u8> {
        if person == room.host.0 && self.hangout.is_none() {
            return Some(0);
        }
        self.mine(person)?.seat
    }

    /// Whether the seat's microphone and camera are off.
    pub(crate) fn switches(&self, seat: u8) -> (bool, bool) {
        match self.on().find(|place| place.seat == seat) {
            Some(place) => (place.muted, place.hidden),
            None => (seat == 0 && self.host_muted, seat == 0 && self.host_hidden),
        }
    }

    pub(crate) fn has(&self, room: &Room, person: Uuid) -> bool {
        self.seat_of(room, person).is_some()
    }

    /// Whose blocks count: persons on stage.
    fn blockers(&self, room: &Room) -> Vec<PersonId> {
        let persons = self.on().filter(|place| place.who.kind == SpeakerKind::Person);
        std::iter::once(room.host)
            .chain(persons.map(|place| PersonId(place.who.id)))
            .collect()
    }

    /// Who stands nearer to the stage than before.
    fn newcomers(&self, before: &Stage) -> Vec<Uuid> {
        let new = self.guests.iter().filter(|place| {
            let was = before.mine(place.who.id).map(|mine| mine.state);
            was != Some(place.standing) && place.who.kind == SpeakerKind::Person
        });
        new.map(|place| place.who.id).collect()
    }
}

#[cfg(test)]
mod tests;
