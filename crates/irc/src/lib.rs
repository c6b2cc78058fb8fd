//! Rooms' chat by IRC, in the dialect that Twitch's bots speak, so that they need another host and port and no more.
//!
//! ```text
//!   bytes ─► protocol.rs ─► what is asked ─► serve.rs ─► rooms
//!   bytes ◄─ protocol.rs ◄─ lines ◄─ tell.rs ◄─ events ◄─┘
//! ```
//!
//! `line.rs` reads and writes single lines, `protocol.rs` is a connection without I/O, `tell.rs` says events in the
//! dialect, `channel.rs` follows a channel from live to live, `serve.rs` has the connection and the time.
//!
//! Invariants: whoever is connected has a token, and sees and does by it what its scopes and its person may, no more;
//! whatever strangers send, memory and time are bounded.

mod channel;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod line;
mod protocol;
mod serve;
mod tell;

pub use serve::serve;
