//! The names of things under a room's address. They never change their meaning.

use std::fmt;

/// A playlist of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rendition {
    Video,
    Audio,
    /// The picture's keyframes alone, for scrubbing.
    IFrames,
}

impl Rendition {
    pub fn of_playlist(name: &str) -> Option<Self> {
        match name {
            "video.m3u8" => Some(Self::Video),
            "audio.m3u8" => Some(Self::Audio),
            "iframes.m3u8" => Some(Self::IFrames),
            _ => None,
        }
    }
}

/// Which of the two tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Medium {
    Video,
    Audio,
}

impl Medium {
    pub(crate) fn letter(self) -> char {
        match self {
            Self::Video => 'v',
            Self::Audio => 'a',
        }
    }
}

/// What a playlist names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceName {
    /// What a player needs before segments (ISO/IEC 14496-12 `moov`).
    Init(Medium, u64),
    Segment(Medium, u64),
    /// A part of a segment.
    Part(Medium, u64, u64),
}

impl ResourceName {
    pub fn parse(name: &str) -> Option<Self> {
        let (medium, rest) = name.split_once('-')?;
        let medium = match medium {
            "v" => Medium::Video,
            "a" => Medium::Audio,
            _ => return None,
        };
        if let Some(number) = rest.strip_prefix("init-") {
            return Some(Self::Init(medium, decimal(number.strip_suffix(".mp4")?)?));
        }
        let rest = rest.strip_suffix(".m4s")?;
        Some(match rest.split_once('-') {
            Some((segment, part)) => Self::Part(medium, decimal(segment)?, decimal(part)?),
            None => Self::Segment(medium, decimal(rest)?),
        })
    }

    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Init(Medium::Video, _)
            | Self::Segment(Medium::Video, _)
            | Self::Part(Medium::Video, ..) => "video/mp4",
            _ => "audio/mp4",
        }
    }
}

/// One spelling a number, so that a cache keeps nothing twice.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Init(medium, n) => write!(f, "{}-init-{n}.mp4", medium.letter()),
            Self::Segment(medium, msn) => write!(f, "{}-{msn}.m4s", medium.letter()),
            Self::Part(medium, msn, part) => write!(f, "{}-{msn}-{part}.m4s", medium.letter()),
        }
    }
}
