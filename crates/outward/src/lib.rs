//! Connections out, to addresses that somebody typed in: other platforms, webhooks, push services, a relay for
//! e-mail. The one place where they are
//! made, so that there is one place which looks where they lead.
//!
//! Invariants: no address is connected to that was not checked; certificates are checked against the machine's
//! authorities; nothing waits for ever.

mod address;
mod connect;
mod post;
mod tls;

pub use address::{Address, AddressError};
pub use connect::{ConnectError, Connection, Dns, Reach, Resolve, connect, open};
pub use post::{Answer, post};
pub use tls::{Tls, TlsError};
