//! Restreaming: a room's program is pushed to another platform by RTMP or RTMPS.
//!
//! ```text
//! supervise(): which Target? ─► connect(): public addresses only, TLS ─► push(): handshake, publish, frames
//!      ▲ State, Statistics                                                 ▲ Queue: whole GOPs or nothing
//! ```
//!
//! `protocol.rs` holds what is said, `queue.rs` what waits and what is dropped, `supervisor.rs` when to try again,
//! `serve.rs` the time that everything may take.
//!
//! Invariants: the stream key is in no log and in no text shown; no address is connected to that was not checked;
//! what waits for a slow target is bounded; nothing that a target sends makes it panic.

mod protocol;
mod queue;
mod serve;
mod supervisor;
mod tags;
mod target;

use std::time::Duration;

pub use busk_outward::{ConnectError, Connection, Dns, Reach, Resolve, Tls, TlsError};
pub use serve::{Restream, push, supervise};
pub use supervisor::{Attempt, Step, Supervisor};
pub use target::{Target, TargetError};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// Connects to the target's host within `time_max`; TLS is not part of it.
pub async fn connect<R: Resolve>(
    target: &Target,
    reach: &Reach,
    resolver: &R,
    time_max: Duration,
) -> Result<TcpStream, ConnectError> {
    busk_outward::connect((target.host(), target.port()), reach, resolver, time_max).await
}

/// Connects, with TLS if the target asks for it, within `time_max`.
pub async fn open<R: Resolve>(
    target: &Target,
    reach: &Reach,
    resolver: &R,
    tls: &Tls,
    time_max: Duration,
) -> Result<Box<dyn Connection>, ConnectError> {
    let tls = target.is_encrypted().then_some(tls);
    busk_outward::open((target.host(), target.port()), reach, resolver, tls, time_max).await
}

/// What one target may take.
#[derive(Clone, Copy, Debug)]
pub struct PushLimits {
    /// From the first byte until it lets us publish.
    pub opening: Duration,
    /// Without taking a byte of what is to be sent.
    pub stall: Duration,
    /// Of the program, waiting to be sent.
    pub queue_ms: u64,
    pub queue_bytes: usize,
    /// To take what is left and the goodbye.
    pub closing: Duration,
}

impl Default for PushLimits {
    fn default() -> Self {
        Self {
            opening: Duration::from_secs(10),
            stall: Duration::from_secs(10),
            queue_ms: 3_000,
            queue_bytes: 4 << 20,
            closing: Duration::from_secs(2),
        }
    }
}

/// What became of the frames, as it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Since when it publishes.
    pub live_since: Option<Instant>,
    /// What was sent in the last full second.
    pub kbps: u64,
    pub bytes_sent: u64,
    /// Pictures.
    pub frames_sent: u64,
    /// Pictures that the target was too slow for. They go in whole groups, from a keyframe to the next.
    pub frames_dropped: u64,
    /// Of the program, waiting to be sent.
    pub queue_ms: u64,
}

/// How a push that was let in came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushEnded {
    /// No more frames come.
    BySource,
    /// The target said so.
    ByTarget,
}

/// What the target answered, fit to be shown: one line, at most 300 characters, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRefusal {
    /// Such as `NetStream.Publish.BadName`.
    pub code: String,
    /// In the target's words; may be empty.
    pub description: String,
}

impl std::fmt::Display for TargetRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&*self.description, &*self.code) {
            ("", "") => f.write_str("no reason was given"),
            ("", code) => f.write_str(code),
            (description, _) => f.write_str(description),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    #[error("The other platform refuses the stream: {0}")]
    Refused(TargetRefusal),
    /// Many platforms say no more when a key is wrong.
    #[error(
        "The other platform hung up when it was given the stream key. The key may be wrong or not active."
    )]
    HungUp,
    #[error("The other platform does not speak RTMP at this address.")]
    NotRtmp,
    #[error("What the other platform answers makes no sense: {0}")]
    Malformed(&'static str),
    #[error("The other platform took too long to begin.")]
    TooSlow,
    #[error("The connection to the other platform was lost.")]
    Lost,
    #[error("The other platform takes no more data.")]
    Stalled,
    /// A bug of ours, caught.
    #[error("What the other platform answers could not be read.")]
    Panicked,
}

/// How a restream is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Connecting,
    Live,
    Retrying {
        in_s: u64,
        why: String,
    },
    /// Nothing more is tried until the target is changed.
    Refused {
        why: String,
    },
    /// It has no target.
    Stopped,
}
