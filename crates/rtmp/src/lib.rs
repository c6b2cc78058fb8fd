//! What an encoder (OBS, ffmpeg) publishes by RTMP becomes pictures and sound (Adobe RTMP 1.0, FLV 10.1, Enhanced
//! RTMP v2). H.264 and AAC-LC; anything else is refused by name, with the setting to change. The other way round,
//! [`push`] publishes a room's program to another platform.
//!
//! ```text
//! any stream of bytes ─► serve() ─► Door: who may? ─► Sink: pictures and sound as they come
//!                                                       ├─► payloads(): H.264 for RTP
//!                                                       └─► Opus: AAC for those who hear Opus
//! ```
//!
//! What is served opens no sockets: RTMPS is the caller's TLS stream. `protocol.rs` holds what is said, `serve.rs`
//! the time it may take.
//!
//! Invariants: nobody gets more than [`Limits`] before the [`Door`] admits them; what one connection may have in
//! memory is bounded; no bytes make it panic.

mod amf;
mod chunks;
mod codec;
pub mod flv;
mod frames;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod opus;
mod protocol;
pub mod push;
mod rtp;
mod serve;

use std::{future::Future, ops::ControlFlow, sync::Arc, time::Duration};

use bytes::Bytes;

pub use codec::{AacConfig, AvcConfig, Medium, Unsupported};
pub use opus::{Opus, OpusError, OpusPacket};
pub use rtp::payloads;
pub use serve::serve;

/// What one connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the door has admitted it, from the first byte on.
    pub admission: Duration,
    /// Bytes until then. The handshake is 3 073 of them.
    pub early_bytes: u64,
    /// Messages until then.
    pub early_messages: u32,
    /// Of a message; the largest is a keyframe. At most 16 MiB can be announced.
    pub message_bytes: usize,
    /// Without a picture or sound, while it publishes. Also how long it may leave unread what it is told.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            admission: Duration::from_secs(10),
            early_bytes: 64 << 10,
            early_messages: 64,
            message_bytes: 4 << 20,
            silence: Duration::from_secs(10),
        }
    }
}

/// Decides who may publish.
pub trait Door: Sync {
    type Sink: Sink;

    /// `app` and `key` as the encoder sent them: `rtmp://host/{app}` and the stream key, which may carry a query.
    fn admit(&self, app: &str, key: &str) -> impl Future<Output = Result<Self::Sink, Refusal>> + Send;
}

/// Takes what one encoder publishes.
pub trait Sink: Send {
    /// A `Break` ends the connection.
    fn hear(&mut self, unit: Unit) -> ControlFlow<()>;
}

/// Why the door stays closed. What the encoder is told of it is the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such app or key: which of them is not told.
    #[error("The address or the stream key is not right. Copy both again from the studio.")]
    Unknown,
    #[error("Another encoder is already sending with this stream key. Stop it first.")]
    Busy,
    #[error("This server takes no more streams just now. Try again in a minute.")]
    Unavailable,
}

/// What an encoder sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Unit {
    /// What it says about itself, usually first.
    Metadata(Metadata),
    Picture(Picture),
    Sound(Sound),
    /// Pictures are shown in another order than they come (B-frames), which real-time viewers cannot play. Said
    /// once, as soon as it shows.
    Reordered,
}

/// What `onMetaData` tells. Nothing of it is checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// The program and its version, at most 100 characters.
    pub encoder: Option<String>,
    pub width: Option<f64>,
    pub height: Option<f64>,
    pub frames_per_s: Option<f64>,
    pub video_kbps: Option<f64>,
    pub audio_kbps: Option<f64>,
}

/// A picture: an H.264 access unit. The first one is a keyframe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Milliseconds since the stream began, on one clock with the sound; each later than the one before.
    pub dts_ms: u64,
    /// How much later it is shown: 0 to 10 000.
    pub cts_ms: u32,
    /// It is an IDR, and its parameter sets are in front of it.
    pub keyframe: bool,
    /// NAL units without start codes or lengths, none empty; no delimiters and no filler.
    pub nals: Vec<Bytes>,
}

/// An AAC access unit of 1 024 samples (960 in rare streams).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Milliseconds since the stream began, on one clock with the pictures.
    pub time_ms: u64,
    pub config: Arc<AacConfig>,
    pub data: Bytes,
}

/// How a stream that was admitted came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The encoder said so.
    ByEncoder,
    /// The sink said so.
    BySink,
    /// Nothing was heard for [`Limits::silence`].
    Silent,
    /// The connection went.
    Lost,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    #[error("it went before it published")]
    Left,
    #[error("it took too long before it published")]
    TooSlow,
    #[error("it sent too much before it published")]
    TooMuch,
    #[error("it does not speak RTMP")]
    NotRtmp,
    #[error("it wants to play, not to publish")]
    NotPublishing,
    #[error("it was not admitted: {0}")]
    Refused(Refusal),
    #[error("{0}")]
    Unsupported(Unsupported),
    #[error("what it sends makes no sense: {0}")]
    Malformed(String),
    /// A bug of ours, caught.
    #[error("it could not be read")]
    Panicked,
}
