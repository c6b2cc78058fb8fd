//! Counters of all shards, for the metrics page. Relaxed: each is right, together they are not one moment.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counted since the start, but for `connections`, which is now.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Stats { $($(#[$doc])* pub $name: u64,)* }

        #[derive(Default)]
        pub(crate) struct Counters { $(pub $name: Counter,)* }

        impl Counters {
            pub fn read(&self) -> Stats {
                Stats { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Sockets that are open now, closing ones included.
    connections,
    joined,
    /// Events published into rooms, once each.
    events,
    /// Sweeps over a room's members.
    sweeps,
    /// Event frames handed to sockets.
    frames,
    /// Event frames skipped, or cut to what must be kept, because the reader was slow.
    skipped,
    /// Connections closed because they could not keep up.
    closed_slow,
    /// Connections that gave no sign of life.
    closed_silent,
    /// Connections closed because they broke the protocol or spoke too much.
    closed_rude,
    /// Messages taken from clients.
    messages,
}

#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }
}
