//! How one message reaches ten thousand screens.
//!
//! ```text
//!   publish(room, events) ─► hub: number checked, ring, ─► shard: gathers a beat, builds one frame per
//!                            posts to shards with members          audience, sweeps over its sockets
//!   attach(socket, after) ─► hub: hello + ring replay   ─► shard: owns the socket from here on
//!   client's frame ────────► shard: protocol, rate      ─► Inbound (must not block)
//! ```
//!
//! A shard is one plain thread per core with its own epoll (mio). It owns its sockets; a room's members are
//! spread over shards when there are many. Nothing here is a task or a buffer per connection: an idle
//! member costs about a hundred bytes, or a TLS session where it came by TLS, and a sweep is a loop over `write`.
//!
//! Promises:
//! - Who attaches with `after` sees every event of its audience after that number, in order and once,
//!   whatever is published meanwhile: the replay and the place in the shard's queue are taken under the
//!   room's lock, and each connection remembers the last number it was given.
//! - [`Class::Kept`] events are never skipped: who cannot take them is closed with [`CLOSE_RESUME`].
//!   [`Class::Chat`] is skipped for slow readers, with a gap mark; kept events with numbers inside the gap
//!   come all the same, so a mark is no place to resume from, `seq` is. Totals are overwritten.
//! - Everything per socket is bounded, in the kernel too.
//!
//! This crate knows sockets, frames and rings; no database, no chat rules, and of JSON only the envelope.

mod beat;
mod conn;
mod deflate;
mod envelope;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod hub;
mod inbox;
mod link;
pub mod protocol;
mod ring;
mod room;
mod rooms;
mod shard;
mod stats;
mod upgrade;

use std::time::Duration;

use busk_base::RoomId;

pub use envelope::{Audience, Class, Event, Rights};
pub use hub::{AttachError, Fanout, Member, Position, PublishError, Refused};
pub use stats::Stats;
pub use upgrade::{HandshakeError, Socket, UpgradeError, upgrade};

/// Close code: come back with the last `seq` you saw, nothing is wrong with you.
pub const CLOSE_RESUME: u16 = 4000;

/// What a shard tells the program. Called on shard threads, between writes to thousands of sockets:
/// an implementation hands over (a bounded channel's `try_send`) and returns.
pub trait Inbound<V>: Send + Sync + 'static {
    /// The socket is registered and its hello is on the way.
    fn joined(&self, _peer: &Peer<'_, V>) {}
    /// A whole text message, already within the rate and size limits.
    fn message(&self, peer: &Peer<'_, V>, text: &str);
    /// No longer a member of its room; called once for each `joined`.
    fn left(&self, _peer: &Peer<'_, V>) {}
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub struct Peer<'a, V> {
    pub conn: ConnId,
    pub room: RoomId,
    /// The person, as given to `attach`; several connections may have the same.
    pub key: u128,
    pub viewer: &'a V,
}

/// One connection. Never given twice, so a late reply cannot reach a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnId {
    shard: u16,
    slot: u32,
    generation: u32,
}

/// Whom a disconnection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    Everyone,
    Room(RoomId),
    /// A person, in all rooms.
    Person(u128),
    Member(RoomId, u128),
    Conn(ConnId),
}

/// Limits, with the values of the house as default.
#[derive(Debug, Clone)]
pub struct Config {
    /// Threads; one per core.
    pub shards: usize,
    /// Sockets over all shards.
    pub connections_max: usize,
    /// Open rooms above which those without members are forgotten.
    pub rooms_kept: usize,
    pub ring_events_max: usize,
    pub ring_bytes_max: usize,
    /// Frames and bytes that may wait for one socket in our memory, besides `send_buffer` in the kernel's.
    pub queue_frames_max: usize,
    pub queue_bytes_max: usize,
    pub send_buffer: usize,
    /// Who has not taken a frame after this long is closed.
    pub behind_max: Duration,
    /// Who has been silent this long is pinged; after two and a half times of it, closed.
    pub ping_every: Duration,
    pub message_bytes_max: usize,
    pub messages_per_s: u32,
    pub messages_burst: u32,
    /// For the proof that the tests can fail; replays nothing from the ring.
    #[doc(hidden)]
    pub seeded_bug_no_replay: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(1, usize::from),
            connections_max: 100_000,
            rooms_kept: 1024,
            ring_events_max: 500,
            ring_bytes_max: 256 * 1024,
            queue_frames_max: 64,
            queue_bytes_max: 64 * 1024,
            send_buffer: 32 * 1024,
            behind_max: Duration::from_secs(5),
            ping_every: Duration::from_secs(30),
            message_bytes_max: 64 * 1024,
            messages_per_s: 20,
            messages_burst: 40,
            seeded_bug_no_replay: false,
        }
    }
}
