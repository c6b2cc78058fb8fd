//! When a room's next sweep begins: the trade between how soon and how many messages share a write.
//!
//! A write costs the same system call for one message as for twenty, so a large room that is busy gathers
//! what comes in and sweeps half of the time. A large room that is not busy, and every small room, sends
//! at once.

use std::time::{Duration, Instant};

/// Below this many members on a shard a sweep is short enough to begin at once.
pub(crate) const SMALL: usize = 200;
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(250);

/// A sweep that has just ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Swept {
    pub members: usize,
    pub started: Instant,
    pub ended: Instant,
    /// How long this sweep kept the shard busy.
    pub busy: Duration,
    /// Events came in while it ran: the room is faster than its sweeps.
    pub waiting: bool,
}

/// The earliest begin of the next sweep.
pub(crate) fn next(swept: Swept) -> Instant {
    if swept.members < SMALL {
        return swept.ended;
    }
    let period = if swept.waiting {
        swept.busy * 2
    } else {
        swept.busy + SHORTEST
    };
    swept.started + period.clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant can only be had from the clock"
    )]
    fn rests() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let next_ms = |members, busy: u64, waiting| {
            let ended = start + ms(busy);
            let swept = Swept {
                members,
                started: start,
                ended,
                busy: ms(busy),
                waiting,
            };
            (next(swept) - start).as_millis()
        };
        assert_eq!(next_ms(199, 2, true), 2, "small: at once");
        assert_eq!(
            next_ms(300, 2, true),
            10,
            "never more often than a hundred times a second"
        );
        assert_eq!(next_ms(10_000, 65, false), 75, "quiet: a short rest");
        assert_eq!(next_ms(10_000, 65, true), 130, "busy: sweeps half of the time");
        assert_eq!(next_ms(100_000, 400, true), 250, "never later than 250 ms");
    }
}
