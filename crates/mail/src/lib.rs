//! E-mail: a letter as text (RFC 5322, MIME), and handing it to a relay (RFC 6409), which knows the ways of the rest of
//! the world: queues, DKIM, what bounces.
//!
//! Invariants: nothing that somebody typed becomes a header line or a command of its own; a password goes over an
//! encrypted connection only, or stays on this machine; nothing waits for ever.

mod address;
mod letter;
mod relay;
mod session;

pub use address::{Address, AddressError};
pub use letter::Letter;
pub use relay::{Relay, RelayError};
pub use session::{Session, SubmitError};
