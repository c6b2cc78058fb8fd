//! Who is in which room by a socket, with what right to its sub room; so that a membership that begins or ends is
//! followed at once, and one whose time runs out within a second.
//!
//! Invariant: no socket is attached with a right that was read before a change that is told already. Whoever
//! attaches one holds the [`Threshold`], and looks whether anything about that person was told since the right was
//! read; whoever tells a change holds it, too. So a change finds the socket inside, or the socket the change.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use busk_base::{ChannelId, RoomId, Timestamp};
use uuid::Uuid;

use super::Right;
use crate::members::Changed;

/// Changes that are remembered for those on their way in; who takes longer reads their right anew.
const REMEMBERED: usize = 1_024;

#[derive(Default)]
pub(crate) struct Doors(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Changes told so far.
    told: u64,
    /// The last of them, each with its number.
    recent: VecDeque<(u64, ChannelId, Uuid)>,
    /// By person.
    inside: HashMap<Uuid, Vec<Inside>>,
}

/// A person in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inside {
    room: RoomId,
    channel: ChannelId,
    right: Right,
    sockets: u32,
    /// They watch a room that is for subscribers only, also without a socket.
    watches: bool,
}

/// Somebody whose right to a room's sub room began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turned {
    pub(crate) room: RoomId,
    pub(crate) person: Uuid,
    /// The room itself may be closed to them now.
    pub(crate) out: bool,
}

/// Somebody who comes in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coming {
    pub(crate) room: RoomId,
    pub(crate) channel: ChannelId,
    pub(crate) person: Uuid,
    pub(crate) right: Right,
}

/// Held while somebody comes in.
pub(crate) struct Threshold<'a>(MutexGuard<'a, Inner>);

impl Doors {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes told so far: asked before a right is read.
    pub(crate) fn told(&self) -> u64 {
        self.inner().told
    }

    pub(crate) fn threshold(&self) -> Threshold<'_> {
        Threshold(self.inner())
    }

    /// Somebody watches a room that is for subscribers only.
    pub(crate) fn watches(&self, coming: Coming) {
        let mut inner = self.inner();
        inner.of(coming).watches = true;
    }

    /// One of a person's sockets has gone.
    pub(crate) fn left(&self, room: RoomId, person: Uuid) {
        let mut inner = self.inner();
        let Some(rooms) = inner.inside.get_mut(&person) else {
            return;
        };
        if let Some(inside) = rooms.iter_mut().find(|inside| inside.room == room) {
            inside.sockets = inside.sockets.saturating_sub(1);
        }
        rooms.retain(|inside| inside.sockets > 0 || inside.watches);
        if rooms.is_empty() {
            inner.inside.remove(&person);
        }
    }

    pub(crate) fn forget_room(&self, room: RoomId) {
        self.inner().inside.retain(|_, rooms| {
            rooms.retain(|inside| inside.room != room || inside.sockets > 0);
            rooms
                .iter_mut()
                .for_each(|inside| inside.watches &= inside.room != room);
            !rooms.is_empty()
        });
    }

    /// A membership changed; gives the rooms in which that turns something.
    pub(crate) fn changed(&self, change: Changed, now: Timestamp) -> Vec<Turned> {
        let mut inner = self.inner();
        inner.told += 1;
        let noted = (inner.told, change.channel, change.person.0);
        inner.recent.push_back(noted);
        if inner.recent.len() > REMEMBERED {
            inner.recent.pop_front();
        }
        let rooms = inner.inside.get_mut(&change.person.0);
        let of_channel = rooms
            .into_iter()
            .flatten()
            .filter(|at| at.channel == change.channel);
        let turned = of_channel.filter_map(|inside| {
            let right = Right::of_member(change.until, now);
            inside.turns(right).then(|| inside.turned(change.person.0))
        });
        turned.collect()
    }

    /// Those whose time is over.
    pub(crate) fn lapsed(&self, now: Timestamp) -> Vec<Turned> {
        let mut turned = Vec::new();
        for (person, rooms) in &mut self.inner().inside {
            for inside in rooms {
                if matches!(inside.right, Right::Until(until) if until <= now) && inside.turns(Right::None) {
                    turned.push(inside.turned(*person));
                }
            }
        }
        turned
    }
}

impl Threshold<'_> {
    /// Whether a membership of that person was told of since so many had been.
    pub(crate) fn has_changed(&self, told: u64, channel: ChannelId, person: Uuid) -> bool {
        let missed = self.0.told - told;
        if missed > self.0.recent.len() as u64 {
            return true;
        }
        let since = self.0.recent.iter().rev().take(missed as usize);
        since
            .into_iter()
            .any(|(_, of, who)| (*of, *who) == (channel, person))
    }

    /// A socket of theirs is attached.
    pub(crate) fn entered(&mut self, coming: Coming) {
        self.0.of(coming).sockets += 1;
    }
}

impl Inner {
    fn of(&mut self, coming: Coming) -> &mut Inside {
        let rooms = self.inside.entry(coming.person).or_default();
        let place = rooms.iter().position(|inside| inside.room == coming.room);
        let place = place.unwrap_or_else(|| {
            rooms.push(Inside {
                room: coming.room,
                channel: coming.channel,
                right: coming.right,
                sockets: 0,
                watches: false,
            });
            rooms.len() - 1
        });
        let inside = &mut rooms[place];
        inside.right = coming.right;
        inside
    }
}

impl Inside {
    /// Takes another right; whether that opens or closes something. Host and operator keep theirs.
    fn turns(&mut self, right: Right) -> bool {
        if self.right == Right::Always {
            return false;
        }
        let turns = right.is_open() != self.right.is_open();
        self.right = right;
        turns
    }

    fn turned(&self, person: Uuid) -> Turned {
        Turned {
            room: self.room,
            person,
            out: self.watches && !self.right.is_open(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use busk_base::PersonId;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_us(1_795_252_800_000_000);
    const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(1));
    const ROOM: RoomId = RoomId(Uuid::from_u128(2));
    const BEA: Uuid = Uuid::from_u128(3);

    fn at(seconds: u64) -> Timestamp {
        NOW + Duration::from_secs(seconds)
    }

    fn coming(right: Right) -> Coming {
        Coming {
            room: ROOM,
            channel: CHANNEL,
            person: BEA,
            right,
        }
    }

    fn until(seconds: u64) -> Changed {
        Changed {
            channel: CHANNEL,
            person: PersonId(BEA),
            until: at(seconds),
        }
    }

    fn turned(out: bool) -> Turned {
        let (room, person) = (ROOM, BEA);
        Turned { room, person, out }
    }

    #[test]
    fn who_is_inside_is_turned_when_a_membership_begins_and_ends() {
        let doors = Doors::default();
        assert_eq!(doors.changed(until(50), at(0)), [], "nobody is inside");
        doors.threshold().entered(coming(Right::None));
        assert_eq!(doors.changed(until(50), at(0)), [turned(false)]);
        assert_eq!(doors.changed(until(90), at(1)), [], "a renewal turns nothing");
        assert_eq!(doors.lapsed(at(89)), []);
        assert_eq!(doors.lapsed(at(90)), [turned(false)]);
        assert_eq!(doors.lapsed(at(91)), [], "once");
        assert_eq!(doors.changed(until(99), at(92)), [turned(false)]);
        assert_eq!(doors.changed(until(93), at(93)), [turned(false)], "given back");
        let other = Changed {
            channel: ChannelId(BEA),
            ..until(99)
        };
        assert_eq!(doors.changed(other, at(94)), [], "of another channel");
        doors.left(ROOM, BEA);
        assert_eq!(doors.changed(until(99), at(95)), []);
    }

    #[test]
    fn who_watches_what_is_for_subscribers_is_out_without_a_socket() {
        let doors = Doors::default();
        doors.watches(coming(Right::Until(at(5))));
        doors.threshold().entered(coming(Right::Until(at(5))));
        doors.left(ROOM, BEA);
        assert_eq!(doors.lapsed(at(5)), [turned(true)]);
        doors.forget_room(ROOM);
        assert_eq!(doors.changed(until(99), at(6)), []);
    }

    #[test]
    fn hosts_and_operators_keep_their_right() {
        let doors = Doors::default();
        doors.threshold().entered(coming(Right::Always));
        assert_eq!(doors.changed(until(0), at(1)), []);
        assert_eq!(doors.lapsed(at(99)), []);
    }

    #[test]
    fn who_is_on_the_way_in_meets_the_change() {
        let doors = Doors::default();
        let told = doors.told();
        assert!(!doors.threshold().has_changed(told, CHANNEL, BEA));
        doors.changed(until(9), at(0));
        assert!(doors.threshold().has_changed(told, CHANNEL, BEA));
        assert!(!doors.threshold().has_changed(told, CHANNEL, Uuid::from_u128(9)));
        let since = doors.told();
        assert!(!doors.threshold().has_changed(since, CHANNEL, BEA));
        let other = Changed {
            person: PersonId(Uuid::from_u128(9)),
            ..until(9)
        };
        for _ in 0..REMEMBERED {
            doors.changed(other, at(0));
        }
        let long_ago = doors.threshold().has_changed(told, CHANNEL, Uuid::from_u128(8));
        assert!(long_ago, "who took too long asks anew, whoever it is");
    }
}
