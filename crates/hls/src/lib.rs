//! The LL-HLS packager of one live room (RFC 8216bis): pictures and sound in, fragmented MP4 (CMAF, ISO/IEC
//! 23000-19) and playlists out. It knows bytes and time, no sockets and no clock.
//!
//! ```text
//! video(), audio() ──► lanes of segments of parts ──► playlist(), resource(), take_finished()
//! lower() ──► rungs of the ladder ──┘
//! ```
//!
//! Picture and sound are a rendition each, cut at the same moments under the same numbers: the picture's
//! keyframes decide. Sound that does not come is silence, so that players always have both.
//!
//! Invariants: every segment of the picture begins with an IDR; a number is never given to other media; what
//! a playlist has named stays as it was named until it is gone. Everything is bounded.

mod finished;
mod ladder;
mod lane;
mod mp4;
mod names;
mod packager;
mod pictures;
mod playlist;
mod video;

use std::time::Duration;

use bytes::Bytes;

pub use finished::{Finished, FinishedPart, SampleEntry};
pub use names::{LiveName, Medium, Rendition, ResourceName, Rung};
pub use packager::Packager;

/// How media is cut.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// What a part lasts, as nearly as whole pictures allow.
    pub part: Duration,
    /// What a segment lasts at least; it ends with the first keyframe after that.
    pub segment: Duration,
    /// What a segment lasts at most. A source that sends no keyframe by then is left out until it does.
    pub target: Duration,
    /// Segments that a playlist lists.
    pub window: usize,
    /// Segments that are there for those who still have an older playlist.
    pub kept: usize,
}

impl Config {
    /// What a part lasts at most: cameras are not exact.
    fn part_target(&self) -> Duration {
        self.part + self.part / 50
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            part: Duration::from_millis(500),
            // Encoders set to keyframes every two seconds are not exact.
            segment: Duration::from_millis(1_750),
            target: Duration::from_secs(4),
            window: 16,
            kept: 4,
        }
    }
}

/// What the sound is: AAC-LC in access units of 1 024 samples.
#[derive(Clone, Debug)]
pub struct AudioConfig {
    pub sample_rate: u32,
    pub channels: u8,
    /// AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
    pub specific: Bytes,
    /// An access unit in which nothing is heard.
    pub silence: Bytes,
}

/// A picture: an H.264 access unit.
#[derive(Clone, Debug)]
pub struct VideoFrame {
    /// Ticks of 90 kHz; each later than the one before.
    pub dts: u64,
    /// How much later it is shown.
    pub cts: i32,
    pub keyframe: bool,
    /// NAL units without start codes; parameter sets may be among them.
    pub nals: Vec<Bytes>,
}

/// An AAC access unit.
#[derive(Clone, Debug)]
pub struct AudioFrame {
    /// In samples.
    pub pts: u64,
    pub data: Bytes,
}

/// Why a picture is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it is not later than the one before")]
    NotLater,
    #[error("there was no keyframe yet, or none for too long")]
    NoKeyframe,
    #[error("its parameter sets cannot be read")]
    BadParameters,
    #[error("it is too large")]
    TooLarge,
}

/// What a player waits for (RFC 8216bis §6.2.5): nothing, a segment, or a part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    pub msn: Option<u64>,
    pub part: Option<u64>,
    /// Leave out what is older than the player needs (a delta update).
    pub skip: bool,
}

/// Why a playlist is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskRefused {
    #[error("a part is asked for without its segment")]
    PartWithoutSegment,
    #[error("the segment is too far ahead")]
    TooFarAhead,
}

/// What was asked for, or that it is about to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    Now(T),
    Wait,
}

#[cfg(test)]
mod tests;
