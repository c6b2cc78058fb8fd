//! Limits on what one address or one handle may try. Kept in memory, bounded, forgotten at a restart.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use busk_api::{Peer, Problem, StatusCode};
use busk_base::Timestamp;

/// How many attempts in which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub attempts_max: u32,
    pub window: Duration,
}

/// Limits per address and handle. A site behind one proxy address, or under a load test, may lift those
/// per address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub sign_ins_per_handle: Rate,
    pub sign_ins_per_address: Rate,
    pub sign_ups_per_address: Rate,
    pub guests_per_address: Rate,
    pub reports_per_address: Rate,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Default for Limits {
    fn default() -> Self {
        let rate = |attempts_max, window| Rate { attempts_max, window };
        Self {
            sign_ins_per_handle: rate(10, 5 * MINUTE),
            sign_ins_per_address: rate(60, 5 * MINUTE),
            sign_ups_per_address: rate(60, 10 * MINUTE),
            guests_per_address: rate(300, 10 * MINUTE),
            reports_per_address: rate(30, 60 * MINUTE),
        }
    }
}

impl Limits {
    /// Without the limits per address.
    pub fn without_addresses(self) -> Self {
        let free = Rate {
            attempts_max: u32::MAX,
            window: MINUTE,
        };
        Self {
            sign_ins_per_address: free,
            sign_ups_per_address: free,
            guests_per_address: free,
            reports_per_address: free,
            ..self
        }
    }
}

/// Keys remembered at most; beyond it the oldest window is forgotten.
const KEYS_MAX: usize = 20_000;

struct Window {
    since: Timestamp,
    attempts: u32,
}

/// Counts attempts by key, in windows that begin with a key's first attempt.
pub(crate) struct Attempts<K> {
    rate: Rate,
    windows: HashMap<K, Window>,
}

impl<K: Clone + Eq + Hash> Attempts<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            windows: HashMap::new(),
        }
    }

    /// Counts an attempt, or says how long to wait.
    fn admit(&mut self, key: K, now: Timestamp) -> Result<(), Duration> {
        let rate = self.rate;
        if self.windows.len() >= KEYS_MAX && !self.windows.contains_key(&key) {
            self.make_place(now);
        }
        let window = self.windows.entry(key).or_insert(Window {
            since: now,
            attempts: 0,
        });
        // A clock that was set back must not lock anyone out for longer than a window.
        if now < window.since || now.since(window.since) >= rate.window {
            *window = Window {
                since: now,
                attempts: 0,
            };
        }
        if window.attempts >= rate.attempts_max {
            return Err(rate.window.saturating_sub(now.since(window.since)));
        }
        window.attempts += 1;
        Ok(())
    }

    pub(crate) fn forget(&mut self, key: &K) {
        self.windows.remove(key);
    }

    fn make_place(&mut self, now: Timestamp) {
        let length = self.rate.window;
        self.windows.retain(|_, window| now.since(window.since) < length);
        if self.windows.len() < KEYS_MAX {
            return;
        }
        let oldest = self.windows.iter().min_by_key(|(_, window)| window.since);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.windows.remove(&key);
        }
    }
}

/// A limit by address, with its counts, for a crate above. Clones share them.
#[derive(Clone)]
pub struct AddressGate(Arc<Mutex<Attempts<IpAddr>>>);

impl AddressGate {
    pub fn new(rate: Rate) -> Self {
        Self(Arc::new(Mutex::new(Attempts::new(rate))))
    }

    /// Counts an attempt; refuses with `too_many_attempts`.
    pub fn admit(&self, peer: Peer, now: Timestamp) -> Result<(), Problem> {
        admit(&self.0, peer.bucket(), now)
    }
}

/// The limits with their counts.
pub(crate) struct Gates {
    sign_ins_per_handle: Mutex<Attempts<String>>,
    sign_ins_per_address: Mutex<Attempts<IpAddr>>,
    sign_ups_per_address: Mutex<Attempts<IpAddr>>,
    guests_per_address: Mutex<Attempts<IpAddr>>,
}

impl Gates {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            sign_ins_per_handle: Mutex::new(Attempts::new(limits.sign_ins_per_handle)),
            sign_ins_per_address: Mutex::new(Attempts::new(limits.sign_ins_per_address)),
            sign_ups_per_address: Mutex::new(Attempts::new(limits.sign_ups_per_address)),
            guests_per_address: Mutex::new(Attempts::new(limits.guests_per_address)),
        }
    }

    pub(crate) fn sign_in(&self, handle: &str, address: IpAddr, now: Timestamp) -> Result<(), Problem> {
        admit(&self.sign_ins_per_address, address, now)?;
        admit(&self.sign_ins_per_handle, handle.to_owned(), now)
    }

    /// The right password clears what was counted against its handle.
    pub(crate) fn signed_in(&self, handle: &str) {
        locked(&self.sign_ins_per_handle).forget(&handle.to_owned());
    }

    pub(crate) fn sign_up(&self, address: IpAddr, now: Timestamp) -> Result<(), Problem> {
        admit(&self.sign_ups_per_address, address, now)
    }

    pub(crate) fn guest(&self, address: IpAddr, now: Timestamp) -> Result<(), Problem> {
        admit(&self.guests_per_address, address, now)
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A count is right even if a thread died while it held the lock.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

pub(crate) fn admit<K: Clone + Eq + Hash>(
    attempts: &Mutex<Attempts<K>>,
    key: K,
    now: Timestamp,
) -> Result<(), Problem> {
    locked(attempts).admit(key, now).map_err(|wait| {
        let seconds = u32::try_from(wait.as_secs())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_attempts",
            "Too many attempts; wait a little",
        )
        .retry_after(seconds)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_us(seconds * 1_000_000)
    }

    fn attempts(attempts_max: u32) -> Attempts<u32> {
        Attempts::new(Rate {
            attempts_max,
            window: MINUTE,
        })
    }

    #[test]
    fn admits_so_many_in_a_window_and_says_how_long_to_wait() {
        let mut attempts = attempts(2);
        assert_eq!(attempts.admit(1, at(0)), Ok(()));
        assert_eq!(attempts.admit(1, at(10)), Ok(()));
        assert_eq!(attempts.admit(1, at(20)), Err(Duration::from_secs(40)));
        assert_eq!(attempts.admit(2, at(20)), Ok(()));
        assert_eq!(attempts.admit(1, at(60)), Ok(()));
        attempts.admit(1, at(61)).unwrap();
        attempts.forget(&1);
        assert_eq!(attempts.admit(1, at(62)), Ok(()));
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let mut attempts = attempts(1);
        attempts.admit(1, at(1_000)).unwrap();
        assert_eq!(attempts.admit(1, at(10)), Ok(()));
    }

    #[test]
    fn remembers_a_bounded_number_of_keys() {
        let mut attempts = attempts(1);
        for key in 0..(KEYS_MAX as u32 + 50) {
            attempts
                .admit(key, Timestamp::from_unix_us(i64::from(key)))
                .unwrap();
        }
        assert_eq!(attempts.windows.len(), KEYS_MAX);
        // The oldest was forgotten, the newest is still held back.
        assert!(attempts.admit(KEYS_MAX as u32 + 49, at(1)).is_err());
        assert!(attempts.admit(0, at(1)).is_ok());
    }
}
