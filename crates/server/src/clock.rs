//! The only place that reads the clock and draws random numbers.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use busk_api::{Clock, Randomness};
use busk_base::Timestamp;

/// The machine's clock.
pub fn clock() -> Clock {
    Arc::new(now)
}

fn now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that the others are given"
    )]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_us(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The operating system's random numbers.
pub fn randomness() -> Randomness {
    Arc::new(|bytes| {
        getrandom::fill(bytes).expect("without random numbers no secret can be made: stopping is right");
    })
}
