//! What is final, for whoever keeps it: told once, in the order in which it came to be.

use busk_base::Timestamp;
use bytes::Bytes;

use crate::mp4::Sample;
use crate::names::Medium;

/// Something that will not change any more.
#[derive(Clone, Debug, PartialEq)]
pub enum Finished {
    /// Segments that name this number need it before them.
    Init {
        medium: Medium,
        number: u64,
        bytes: Bytes,
        /// Of sound: an access unit in which nothing is heard.
        silence: Option<Bytes>,
    },
    /// A segment begins; its parts follow. The picture's is told before the sound's of the same number.
    Segment {
        medium: Medium,
        msn: u64,
        init: u64,
        wall: Timestamp,
        /// It has nothing to do with the one before.
        discontinuity: bool,
    },
    Part {
        medium: Medium,
        msn: u64,
        part: FinishedPart,
    },
    /// A segment has all its parts.
    End { medium: Medium, msn: u64 },
}

/// A part as a fragment: `moof` and `mdat`.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedPart {
    pub bytes: Bytes,
    /// Decoding time of its first sample, in ticks of the medium.
    pub start: u64,
    pub duration: u64,
    /// Where in `bytes` the samples begin; they follow each other without gaps to its end.
    pub data_at: usize,
    pub samples: Vec<SampleEntry>,
}

/// A picture, or an access unit of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleEntry {
    pub size: u32,
    /// In ticks of the medium.
    pub duration: u32,
    /// How much later than it is decoded it is shown.
    pub cts: i32,
    pub sync: bool,
}

impl Finished {
    pub fn medium(&self) -> Medium {
        match self {
            Self::Init { medium, .. }
            | Self::Segment { medium, .. }
            | Self::Part { medium, .. }
            | Self::End { medium, .. } => *medium,
        }
    }
}

impl From<&Sample> for SampleEntry {
    fn from(sample: &Sample) -> Self {
        Self {
            size: sample.data.len() as u32,
            duration: sample.duration,
            cts: sample.cts,
            sync: sample.sync,
        }
    }
}
