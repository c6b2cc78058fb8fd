//! Connections out, to addresses that somebody typed in: other platforms, webhooks. The one place where they are
//! made, so that there is one place which looks where they lead.
//!
//! Invariants: no address is connected to that was not checked; certificates are checked against the machine's
//! authorities; nothing waits for ever.

mod connect;
mod tls;

pub use connect::{ConnectError, Connection, Dns, Reach, Resolve, connect, open};
pub use tls::{Tls, TlsError};
