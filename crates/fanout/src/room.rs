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

use crate::deflate::Deflater;
use crate::envelope::{self, Audience, Class, Event, Rights};
use crate::protocol;
use crate::rooms::{RoomEntry, Whose};

/// What may wait for the next sweeps; a room that talks more than this is heard in parts.
const PENDING_BYTES_MAX: usize = 1024 * 1024;
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
    pending_bytes: usize,
    /// Chat that nobody here will be told, because the room was faster than its sweeps.
    thinned: Option<(u64, u64)>,
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
    /// Whose latest values somebody has not seen: everybody's, those of the sub room's readers among them, or
    /// those of these alone.
    pub stale: Option<Whose>,
    /// They go with the next events, or alone from this moment on.
    pub due: Option<Instant>,
    pub viewers_sent: u32,
}

impl Totals {
    pub fn is_stale(&mut self, whose: Whose) {
        if self.stale != Some(Whose::Everyones) {
            self.stale = Some(whose);
        }
    }
}

/// The latest values as one frame; a reader of the sub room is told more, and sometimes alone.
pub(crate) struct TotalsFrames {
    all: Option<Bytes>,
    subscribers: Bytes,
}

impl TotalsFrames {
    pub fn of(&self, rights: Rights) -> Option<Bytes> {
        if rights.subscriber {
            Some(self.subscribers.clone())
        } else {
            self.all.clone()
        }
    }
}

/// One walk over the members.
pub(crate) struct Sweep {
    pub batch: Batch,
    /// Members below this place are still to be served.
    pub left: usize,
    pub started: Instant,
    pub busy: Duration,
}

/// Whom a batch is for.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    pub rights: Rights,
    pub key: u128,
    /// Everything up to here they know.
    pub seen: u64,
}

/// The events of one beat and the frames made of them.
pub(crate) struct Batch {
    room: RoomId,
    epoch: u32,
    first: u64,
    pub last: u64,
    events: Vec<Event>,
    /// Chat that is missing here, for everyone.
    thinned: Option<(u64, u64)>,
    /// Persons who get something of their own, in order.
    alone: Vec<u128>,
    pub totals: Option<TotalsFrames>,
    /// By what they may see, and then by whether they take it compressed.
    groups: [[Option<GroupFrames>; 2]; Rights::GROUPS],
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
            pending_bytes: 0,
            thinned: None,
            rest_until: now,
            sweep: None,
            totals: Totals::default(),
            listed: false,
        }
    }

    /// Takes events for the next sweep. False when not even what must be kept can wait.
    pub fn gather(&mut self, events: &[Event]) -> bool {
        self.pending.extend(events.iter().cloned());
        self.pending_bytes += events.iter().map(|event| event.json.len()).sum::<usize>();
        if self.pending_bytes > PENDING_BYTES_MAX {
            self.thin();
        }
        self.pending_bytes <= PENDING_BYTES_MAX
    }

    /// Drops chat but for the newest, and remembers to say so.
    fn thin(&mut self) {
        let mut newest = 0;
        for at in (0..self.pending.len()).rev() {
            let event = &self.pending[at];
            newest += event.json.len();
            if newest > BATCH_BYTES_MAX && event.class == Class::Chat {
                let (from, to) = self.thinned.unwrap_or((u64::MAX, 0));
                self.thinned = Some((from.min(event.n), to.max(event.n)));
            }
        }
        let Some((_, to)) = self.thinned else { return };
        self.pending
            .retain(|event| event.n > to || event.class == Class::Kept);
        self.pending_bytes = self.pending.iter().map(|event| event.json.len()).sum();
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
            self.pending_bytes -= event.json.len();
            events.extend(self.pending.pop_front());
        }
        let mut thinned = self.thinned.take();
        // What must be kept and does not fit into this batch comes later: until there the gap is open.
        if let (Some((from, to)), Some(next)) = (thinned, self.pending.front().map(|event| event.n))
            && next <= to
        {
            thinned = (from < next).then_some((from, next - 1));
            self.thinned = (next < to).then_some((from.max(next + 1), to));
        }
        let totals = self.totals.due.take().map(|_| {
            let everyones = self.totals.stale.take() != Some(Whose::Subscribers);
            if everyones {
                self.totals.viewers_sent = self.entry.viewers();
            }
            let (id, viewers, totals) = (self.entry.id, self.totals.viewers_sent, self.entry.totals());
            let frame = |subscriber| {
                let stage = false;
                envelope::totals_frame(id, viewers, &totals, Rights { subscriber, stage })
            };
            TotalsFrames {
                all: everyones.then(|| frame(false)),
                subscribers: frame(true),
            }
        });
        let batch = Batch::new(self.entry.id, self.epoch, events, thinned, totals);
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
    fn new(
        room: RoomId,
        epoch: u32,
        events: Vec<Event>,
        thinned: Option<(u64, u64)>,
        totals: Option<TotalsFrames>,
    ) -> Self {
        let own = |event: &Event| match event.audience {
            Audience::One(key) | Audience::StageAnd(key) => Some(key),
            Audience::Everyone | Audience::Subscribers | Audience::Stage => None,
        };
        let mut alone: Vec<u128> = events.iter().filter_map(own).collect();
        alone.sort_unstable();
        alone.dedup();
        Self {
            room,
            epoch,
            first: events
                .first()
                .map_or(u64::MAX, |event| event.n)
                .min(thinned.map_or(u64::MAX, |(from, _)| from)),
            last: events
                .last()
                .map_or(0, |event| event.n)
                .max(thinned.map_or(0, |(_, to)| to)),
            events,
            thinned,
            alone,
            totals,
            groups: Default::default(),
        }
    }

    /// What a member who has seen everything up to `seen` may be told, in one frame. With `both`, the
    /// totals are part of it. With a `deflater` it may be compressed: once, for all who see the same.
    pub fn frame(
        &mut self,
        Reader { rights, key, seen }: Reader,
        both: bool,
        deflater: Option<&mut Deflater>,
    ) -> Option<Bytes> {
        if seen >= self.last {
            return if both { self.totals_of(rights) } else { None };
        }
        if seen >= self.first || self.alone.binary_search(&key).is_ok() {
            let events = self.build(|event| event.n > seen && event.audience.includes(rights, key));
            let events = joined(self.mark(seen).as_ref(), events.as_ref());
            return if both {
                joined(events.as_ref(), self.totals_of(rights).as_ref())
            } else {
                events
            };
        }
        let (group, packed) = (rights.group(), usize::from(deflater.is_some()));
        if self.groups[group][packed].is_none() {
            // Who is alone never comes here, so the key is nobody's.
            let included = |event: &&Event| match event.audience {
                Audience::One(_) => false,
                Audience::StageAnd(_) => rights.stage,
                audience => audience.includes(rights, 0),
            };
            let events = self.build(|event| included(&event)).map(|frame| match deflater {
                Some(deflater) => shortened(frame, deflater),
                None => frame,
            });
            let events = joined(self.mark(seen).as_ref(), events.as_ref());
            let both = joined(events.as_ref(), self.totals_of(rights).as_ref());
            self.groups[group][packed] = Some(GroupFrames { events, both });
        }
        let frames = self.groups[group][packed].as_ref()?;
        if both {
            frames.both.clone()
        } else {
            frames.events.clone()
        }
    }

    fn totals_of(&self, rights: Rights) -> Option<Bytes> {
        self.totals.as_ref()?.of(rights)
    }

    /// Of the same, what must not be skipped.
    pub fn kept(&self, Reader { rights, key, seen }: Reader) -> Option<Bytes> {
        self.build(|event| {
            event.class == Class::Kept && event.n > seen && event.audience.includes(rights, key)
        })
    }

    /// The gap mark for what was thinned out.
    fn mark(&self, seen: u64) -> Option<Bytes> {
        let (from, to) = self.thinned.filter(|(_, to)| *to > seen)?;
        Some(envelope::gap_frame(self.room, from.max(seen + 1), to))
    }

    fn build(&self, wanted: impl Fn(&Event) -> bool + Clone) -> Option<Bytes> {
        let events = self.events.iter().filter(move |event| wanted(event));
        envelope::events_frame(self.room, self.epoch, self.last, events)
    }
}

/// The same message, compressed if that makes it shorter.
fn shortened(frame: Bytes, deflater: &mut Deflater) -> Bytes {
    let payload = protocol::server_payload(&frame).and_then(|payload| frame.get(payload));
    match payload.and_then(|payload| deflater.text_frame(payload)) {
        Some(packed) => packed.into(),
        None => frame,
    }
}

fn joined(first: Option<&Bytes>, second: Option<&Bytes>) -> Option<Bytes> {
    match (first, second) {
        (Some(first), Some(second)) => Some(Bytes::from([&first[..], &second[..]].concat())),
        (one, None) | (None, one) => one.cloned(),
    }
}
