//! The words every other crate speaks: ids, units and amounts, time, limits, policy.
//!
//! Nothing here does I/O, reads a clock or draws a random number; whoever needs one passes it in.

mod amount;
mod id;
pub mod net;
mod policy;
mod text;
mod time;

pub use amount::{Amount, Currency, Shares, Unit, split};
pub use id::*;
pub use policy::{CoinPack, Dated, OutOfBounds, Policies, Policy, PolicyVersion};
pub use text::{TextError, bounded_text, handle};
pub use time::{Timestamp, TimestampError};
