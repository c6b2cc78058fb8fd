//! A room as one shard sees it: its members there, what waits for the next beat, and the running sweep.
//!
//! A sweep walks the members from the last to the first and may stop anywhere. When someone leaves, the
//! last member takes the empty place: walking downward that is someone already served or newly arrived,
//! and the number each connection remembers keeps it from being served twice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use busk_base::RoomId;
use bytes::Bytes;

use crate::envelope::{self, Audience, Class, Event, Rights};
use crate::hub::RoomEntry;

/// One sweep carries at most this much, so that its frame fits into a socket's queue beside others.
const BATCH_BYTES_MAX: usize = 32 * 1024;

pub(crate) struct Room {
    pub entry: Arc<RoomEntry>,
    pub epoch: u32,
    /// Slots of the connections here; each knows its place.
    pub members: Vec<u32>,
    /// The last number this shard has been given.
    pub tail: u64,
    /// The entry's tail a second ago: what was published then must have arrived by now.
    pub tail_before: u64,
    pub pending: VecDeque<Event>,
    /// The next sweep does not begin before this.
    pub rest_until: Instant,
    pub sweep: Option<Box<Sweep>>,
    pub totals: Totals,
    /// In the shard's list of rooms with something to do.
    pub listed: bool,
}

/// The state of a room's latest values.
#[derive(Default)]
pub(crate) struct Totals {
    /// Someone has not seen the latest values.
    pub stale: bool,
    /// They go with the next events, or alone from this moment on.
    pub due: Option<Instant>,
    pub viewers_sent: u32,
}

/// One walk over the members.
pub(crate) struct Sweep {
    pub batch: Batch,
    /// Members below this place are still to be served.
    pub left: usize,
    pub started: Instant,
    pub busy: Duration,
}

/// The events of one beat and the frames made of them.
pub(crate) struct Batch {
    room: RoomId,
    epoch: u32,
    first: u64,
    pub last: u64,
    events: Vec<Event>,
    /// Persons who get something of their own.
    alone: Vec<u128>,
    pub totals: Option<Bytes>,
    groups: [Option<GroupFrames>; Rights::GROUPS],
}

#[derive(Clone)]
struct GroupFrames {
    events: Option<Bytes>,
    /// Events and totals in one piece: one write.
    both: Option<Bytes>,
}

impl Room {
    pub fn new(entry: Arc<RoomEntry>, epoch: u32, tail: u64, now: Instant) -> Self {
        Self {
            entry,
            epoch,
            members: Vec::new(),
            tail,
            tail_before: tail,
            pending: VecDeque::new(),
            rest_until: now,
            sweep: None,
            totals: Totals::default(),
            listed: false,
        }
    }

    /// When there is something to sweep: the moment it may begin.
    pub fn due(&self) -> Option<Instant> {
        let events = (!self.pending.is_empty()).then_some(self.rest_until);
        let totals = self.totals.due.map(|due| due.max(self.rest_until));
        [events, totals].into_iter().flatten().min()
    }

    /// Begins a sweep over everyone who is here now.
    pub fn begin(&mut self, now: Instant) {
        let mut bytes = 0;
        let mut events = Vec::new();
        while let Some(event) = self.pending.front() {
            bytes += event.json.len();
            if bytes > BATCH_BYTES_MAX && !events.is_empty() {
                break;
            }
            events.extend(self.pending.pop_front());
        }
        let totals = self.totals.due.take().map(|_| {
            self.totals.stale = false;
            self.totals.viewers_sent = self.entry.viewers();
            envelope::totals_frame(self.entry.id, self.totals.viewers_sent, &self.entry.totals())
        });
        let batch = Batch::new(self.entry.id, self.epoch, events, totals);
        let sweep = Sweep {
            batch,
            left: self.members.len(),
            started: now,
            busy: Duration::ZERO,
        };
        self.sweep = Some(Box::new(sweep));
    }
}

impl Batch {
    fn new(room: RoomId, epoch: u32, events: Vec<Event>, totals: Option<Bytes>) -> Self {
        let mut alone: Vec<u128> = Vec::new();
        for event in &events {
            if let Audience::One(key) = event.audience
                && !alone.contains(&key)
            {
                alone.push(key);
            }
        }
        Self {
            room,
            epoch,
            first: events.first().map_or(u64::MAX, |event| event.n),
            last: events.last().map_or(0, |event| event.n),
            events,
            alone,
            totals,
            groups: Default::default(),
        }
    }

    /// What a member who has seen everything up to `seen` may be told, in one frame. With `both`, the
    /// totals are part of it.
    pub fn frame(&mut self, rights: Rights, key: u128, seen: u64, both: bool) -> Option<Bytes> {
        if seen >= self.last {
            return if both { self.totals.clone() } else { None };
        }
        if seen >= self.first || self.alone.contains(&key) {
            let events = self.build(|event| event.n > seen && event.audience.includes(rights, key));
            return if both {
                joined(events.as_ref(), self.totals.as_ref())
            } else {
                events
            };
        }
        let group = rights.group();
        if self.groups[group].is_none() {
            // Who is alone never comes here, so the key is nobody's.
            let included = |event: &&Event| match event.audience {
                Audience::One(_) => false,
                audience => audience.includes(rights, 0),
            };
            let events = self.build(|event| included(&event));
            let both = joined(events.as_ref(), self.totals.as_ref());
            self.groups[group] = Some(GroupFrames { events, both });
        }
        let frames = self.groups[group].as_ref()?;
        if both {
            frames.both.clone()
        } else {
            frames.events.clone()
        }
    }

    /// Of the same, what must not be skipped.
    pub fn kept(&self, rights: Rights, key: u128, seen: u64) -> Option<Bytes> {
        self.build(|event| {
            event.class == Class::Kept && event.n > seen && event.audience.includes(rights, key)
        })
    }

    fn build(&self, wanted: impl Fn(&Event) -> bool + Clone) -> Option<Bytes> {
        let events = self.events.iter().filter(move |event| wanted(event));
        envelope::events_frame(self.room, self.epoch, self.last, events)
    }
}

fn joined(events: Option<&Bytes>, totals: Option<&Bytes>) -> Option<Bytes> {
    match (events, totals) {
        (Some(events), Some(totals)) => Some(Bytes::from([&events[..], &totals[..]].concat())),
        (one, None) | (None, one) => one.cloned(),
    }
}
