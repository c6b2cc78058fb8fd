//! The people on a stage as one picture and one sound, for LL-HLS, replays and restreams. It knows bytes and
//! time, no clock, no threads and no sockets: whoever drives it pushes what cameras bring and ticks.
//!
//! ```text
//! picture() ─► camera: waits until due, decodes ─┐
//! come(), arrange(), hide() … ─► layout ─────────┼─► one picture ─► encoder 720p ─► MixedPicture
//!                                                │        └─ half ─► encoder 360p ─► MixedPicture
//! sound(), opus() ─► ring ─► sum ─► limiter ─────┴──────────────────────────────► MixedSound
//! ```
//!
//! All times are the program's: pictures in ticks of 90 kHz, sound in samples of 48 kHz, both from the same
//! moment on. What was captured at a time comes out with that time, [`DELAY`] later; by then it has come over
//! any network that is fit for talking, so picture and sound of a person stay together and jitter does not show.
//!
//! ```
//! # use busk_mixer::{Layout, Mixed, Mixer};
//! let mut mixer = Mixer::new(0, "Be right back");
//! mixer.come(0, "Ada");
//! mixer.arrange(Layout::Grid, None);
//! let mut mixed = Mixed::default();
//! mixer.tick(mixer.next_due(), &mut mixed)?;
//! # Ok::<(), busk_mixer::MixerError>(())
//! ```
//!
//! [`still`] stands beside it: one keyframe as a small picture.
//!
//! Invariants: the times of what comes out strictly increase; sound is without a gap; keyframes of both renditions
//! are of the same pictures, one every two seconds; everything that waits is bounded; no input makes it panic.

mod camera;
mod card;
mod encoder;
mod layout;
mod letters;
mod mixer;
mod parameters;
mod picture;
mod sound;
pub mod still;

use bytes::Bytes;

pub use layout::{Layout, Place, Rectangle, rectangles};
pub use mixer::Mixer;

pub const SEATS: u8 = 8;
/// How long after its capture something comes out, in ticks of 90 kHz: 200 ms.
pub const DELAY: u64 = 18_000;
pub const PICTURES_PER_S: u64 = 30;
/// What a picture lasts, in ticks of 90 kHz.
pub const PICTURE_TICKS: u64 = 90_000 / PICTURES_PER_S;
/// Pictures from a keyframe to the next.
pub const KEYFRAME_EVERY: u64 = 2 * PICTURES_PER_S;
/// Samples of each channel in a [`MixedSound`]: an AAC-LC access unit.
pub const SOUND_UNIT: usize = 1_024;

/// What the mixed picture is encoded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rendition {
    /// 1280 by 720.
    High,
    /// 640 by 360.
    Low,
}

impl Rendition {
    pub const ALL: [Rendition; 2] = [Rendition::High, Rendition::Low];

    /// Width and height.
    pub const fn size(self) -> (usize, usize) {
        match self {
            Rendition::High => (1_280, 720),
            Rendition::Low => (640, 360),
        }
    }

    pub const fn bits_per_s(self) -> u32 {
        match self {
            Rendition::High => 2_500_000,
            Rendition::Low => 600_000,
        }
    }
}

/// How far a camera's picture has to be turned clockwise to be upright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orientation {
    #[default]
    Deg0,
    Deg90,
    Deg180,
    Deg270,
}

/// A camera's picture.
#[derive(Clone, Debug)]
pub struct AccessUnit {
    /// When it was captured, in ticks of 90 kHz.
    pub time: u64,
    pub orientation: Orientation,
    /// H.264, in decoding order, without start codes. Keyframes carry their parameter sets, or follow ones that do.
    pub nals: Vec<Bytes>,
}

/// An encoded picture; its keyframes begin with their parameter sets.
#[derive(Clone, Debug)]
pub struct MixedPicture {
    pub rendition: Rendition,
    /// In ticks of 90 kHz; there are no B-frames, so it is both the decoding and the showing time.
    pub time: u64,
    pub keyframe: bool,
    /// Without start codes.
    pub nals: Vec<Bytes>,
}

/// [`SOUND_UNIT`] samples of two channels, interleaved.
#[derive(Clone, Debug)]
pub struct MixedSound {
    /// Of the first sample, in samples of 48 kHz.
    pub time: u64,
    pub samples: Vec<i16>,
}

/// What a tick gives.
#[derive(Clone, Debug, Default)]
pub struct Mixed {
    /// In the order of their time; a picture that the rate control skips is missing in its rendition.
    pub pictures: Vec<MixedPicture>,
    pub sound: Vec<MixedSound>,
}

/// Why something that was pushed is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("nobody has this seat")]
    NotOnStage,
    #[error("the seat's camera is off")]
    NotSeen,
    #[error("the seat is muted")]
    NotHeard,
    #[error("it is not H.264 or Opus as it should be")]
    Malformed,
    #[error("its parameter sets cannot be used")]
    BadParameters,
    #[error("the picture is larger than 1920 by 1088")]
    TooLarge,
    #[error("there was no keyframe yet, or none since what was lost")]
    NoKeyframe,
    #[error("more waits than may")]
    TooMuch,
    #[error("its time is over")]
    Late,
}

/// A failure that is not the cameras'. The mixer goes on with the next tick.
#[derive(Debug, thiserror::Error)]
pub enum MixerError {
    #[error("the picture cannot be encoded: {0}")]
    Encode(#[from] openh264::Error),
}

/// What has happened since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pictures left out because the caller was late.
    pub pictures_skipped: u64,
    /// Units of sound left out because the caller was late.
    pub sound_skipped: u64,
    /// Times a seat's decoder failed and was given up.
    pub decoders_failed: u64,
}
