//! The program's clock, and how a source's becomes it.

use std::time::{Duration, Instant};

use busk_base::Timestamp;

use crate::track::TrackKind;

/// Where the program's clock begins, so that sound a little older than the first picture has a time too.
const BEGINNING: Duration = Duration::from_secs(10);
/// A camera that has said when it captured what (RTCP sender reports) is believed beyond this; sound and
/// picture that are less apart are together for all who watch (ITU-R BT.1359).
const APART_MAX: Duration = Duration::from_millis(45);
/// One that has not is believed only when it has plainly jumped.
const JUMP_MIN: Duration = Duration::from_secs(1);

/// The same moment by both clocks: where a program's time is counted from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start(pub(crate) Instant, pub(crate) Timestamp);

impl Start {
    /// How far the program's time is at a moment.
    pub(crate) fn since(&self, wall: Instant) -> Duration {
        (wall + BEGINNING).saturating_duration_since(self.0)
    }

    /// When, by the site's clock, the program's time was so far.
    pub(crate) fn wall(&self, since: Duration) -> Timestamp {
        self.1 + since.saturating_sub(BEGINNING)
    }
}

/// Turns a source's ticks into the program's.
pub(crate) struct Clock {
    kind: TrackKind,
    /// The same moment, by theirs and by ours.
    known: Option<(u64, u64)>,
    last: u64,
}

impl Clock {
    pub(crate) fn new(kind: TrackKind) -> Self {
        Self {
            kind,
            known: None,
            last: 0,
        }
    }

    /// The latest time that was given.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// What comes is later than this, whatever the source's clock says.
    pub(crate) fn begin_after(&mut self, last: u64) {
        self.known = None;
        self.last = self.last.max(last);
    }

    /// The program's time for a source's, of something captured so long after the program's beginning.
    pub(crate) fn at(&mut self, theirs: u64, since: Duration, captured: bool) -> u64 {
        let by_wall = self.ticks(since);
        let slack = self.ticks(if captured { APART_MAX } else { JUMP_MIN });
        let by_theirs = self
            .known
            .map(|(then, ours)| (ours + theirs).saturating_sub(then));
        let time = match by_theirs.filter(|time| time.abs_diff(by_wall) <= slack) {
            Some(time) => time,
            None => {
                let ours = by_wall.max(self.last + 1);
                self.known = Some((theirs, ours));
                ours
            }
        };
        self.last = self.last.max(time);
        time
    }

    fn ticks(&self, duration: Duration) -> u64 {
        (duration.as_micros() * u128::from(self.kind.clock_hz()) / 1_000_000) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_sources_ticks_count_as_long_as_they_keep_with_the_wall() {
        let mut clock = Clock::new(TrackKind::Video);
        assert_eq!(clock.at(5_000, ms(1_000), false), 90_000);
        // Late by the network, not by the camera.
        assert_eq!(clock.at(8_000, ms(1_300), false), 93_000);
        assert_eq!(clock.at(8_000 + 90_000, ms(2_040), true), 183_000);
        // Sender reports say that it is 100 ms off.
        assert_eq!(clock.at(11_000 + 90_000, ms(2_167), true), 195_030);
        assert_eq!(clock.at(14_000 + 90_000, ms(2_200), true), 198_030);
    }

    #[test]
    fn time_never_goes_back() {
        let mut clock = Clock::new(TrackKind::Audio);
        assert_eq!(clock.at(100, ms(1_000), true), 48_000);
        assert_eq!(clock.at(100 + 48_000, ms(2_000), true), 96_000);
        clock.begin_after(96_500);
        assert_eq!(clock.at(7, ms(1_990), true), 96_501);
        assert_eq!(clock.at(7 + 960, ms(2_010), true), 97_461);
    }
}
