//! How often someone may speak: a sliding window per person, in memory, bounded.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use busk_base::Timestamp;
use uuid::Uuid;

/// More speakers than this are not remembered at once; the idle ones are dropped first.
const SPEAKERS_MAX: usize = 50_000;

#[derive(Default)]
pub(crate) struct Rates(HashMap<Uuid, VecDeque<Timestamp>>);

impl Rates {
    /// Counts one more message, or says how long to wait.
    pub(crate) fn take(
        &mut self,
        who: Uuid,
        max: u32,
        window: Duration,
        now: Timestamp,
    ) -> Result<(), Duration> {
        if self.0.len() >= SPEAKERS_MAX && !self.0.contains_key(&who) {
            self.0
                .retain(|_, times| times.back().is_some_and(|last| now.since(*last) < window));
        }
        let times = self.0.entry(who).or_default();
        while times.front().is_some_and(|first| now.since(*first) >= window) {
            times.pop_front();
        }
        if times.len() >= max as usize {
            let oldest = times.front().copied().unwrap_or(now);
            return Err(window.saturating_sub(now.since(oldest)));
        }
        times.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_slides() {
        let (mut rates, window) = (Rates::default(), Duration::from_secs(10));
        let at = |s: i64| Timestamp::from_unix_us(s * 1_000_000);
        let (ana, ben) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(rates.take(ana, 2, window, at(0)).is_ok());
        assert!(rates.take(ana, 2, window, at(4)).is_ok());
        assert_eq!(rates.take(ana, 2, window, at(5)), Err(Duration::from_secs(5)));
        assert!(
            rates.take(ben, 2, window, at(5)).is_ok(),
            "others are not held up"
        );
        assert!(rates.take(ana, 2, window, at(10)).is_ok());
        assert_eq!(rates.take(ana, 2, window, at(11)), Err(Duration::from_secs(3)));
    }
}
