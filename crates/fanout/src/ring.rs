//! The last events of a room, for who comes back after a moment.
//!
//! Invariant: the numbers held are contiguous and end at `tail`; everything after `tail - len` is held.
//! At most `events_max` events and `bytes_max` bytes: whoever is further behind asks the room's log.

use std::collections::VecDeque;

use crate::envelope::Event;

pub(crate) struct Ring {
    events: VecDeque<Event>,
    bytes: usize,
    tail: u64,
    events_max: usize,
    bytes_max: usize,
}

impl Ring {
    /// An empty ring whose next event has the number `tail + 1`.
    pub fn new(tail: u64, events_max: usize, bytes_max: usize) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            tail,
            events_max,
            bytes_max,
        }
    }

    /// The number of the last event.
    pub fn tail(&self) -> u64 {
        self.tail
    }

    /// Appends the next event; the caller has checked its number.
    pub fn push(&mut self, event: Event) {
        debug_assert_eq!(event.n, self.tail + 1);
        self.tail = event.n;
        self.bytes += event.json.len();
        self.events.push_back(event);
        while self.events.len() > self.events_max || self.bytes > self.bytes_max {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= oldest.json.len();
        }
    }

    /// Every event after `after`, or `None` when some of them are no longer here. Someone who is ahead of
    /// the ring (the log is written before it is published) misses nothing.
    pub fn after(&self, after: u64) -> Option<impl Iterator<Item = &Event> + Clone> {
        let missing = self.tail.saturating_sub(after);
        let skip = (self.events.len() as u64).checked_sub(missing)?;
        Some(self.events.iter().skip(skip as usize))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::envelope::{Audience, Class};

    fn event(n: u64, bytes: usize) -> Event {
        Event {
            n,
            audience: Audience::Everyone,
            class: Class::Chat,
            json: Bytes::from(vec![b'x'; bytes]),
        }
    }

    fn numbers(ring: &Ring, after: u64) -> Option<Vec<u64>> {
        ring.after(after)
            .map(|events| events.map(|event| event.n).collect())
    }

    #[test]
    fn holds_the_last_events() {
        let mut ring = Ring::new(10, 3, 1000);
        assert_eq!(numbers(&ring, 10), Some(vec![]));
        assert_eq!(numbers(&ring, 9), None, "event 10 was never here");
        for n in 11..=15 {
            ring.push(event(n, 10));
        }
        assert_eq!(ring.tail(), 15);
        assert_eq!(numbers(&ring, 15), Some(vec![]));
        assert_eq!(numbers(&ring, 12), Some(vec![13, 14, 15]));
        assert_eq!(numbers(&ring, 11), None);
        assert_eq!(numbers(&ring, 99), Some(vec![]), "ahead of the ring");
    }

    #[test]
    fn is_bounded_in_bytes_too() {
        let mut ring = Ring::new(0, 500, 100);
        for n in 1..=10 {
            ring.push(event(n, 40));
        }
        assert_eq!(numbers(&ring, 8), Some(vec![9, 10]));
        assert_eq!(numbers(&ring, 7), None);
        ring.push(event(11, 4000));
        assert_eq!(
            numbers(&ring, 11),
            Some(vec![]),
            "one that is too big leaves nothing behind"
        );
        assert_eq!(numbers(&ring, 10), None);
    }
}
