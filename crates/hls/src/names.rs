//! The names of things under a room's address. They never change their meaning.

use std::fmt;

/// A playlist of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rendition {
    /// The best picture.
    Video,
    /// The same smaller.
    Rung(Rung),
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
            _ => Rung::ALL
                .into_iter()
                .map(Self::Rung)
                .find(|rung| rung.to_string() == name),
        }
    }
}

impl fmt::Display for Rendition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Video => f.write_str("video.m3u8"),
            Self::Rung(rung) => write!(f, "video-{}.m3u8", rung.number()),
            Self::Audio => f.write_str("audio.m3u8"),
            Self::IFrames => f.write_str("iframes.m3u8"),
        }
    }
}

/// A place in the ladder below the best picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rung(u8);

impl Rung {
    pub const ALL: [Self; 2] = [Self(0), Self(1)];

    pub(crate) fn place(self) -> usize {
        usize::from(self.0)
    }

    /// Counted from the best picture.
    fn number(self) -> u8 {
        self.0 + 2
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
        Self::parse_rest(medium, rest)
    }

    fn parse_rest(medium: Medium, rest: &str) -> Option<Self> {
        if let Some(number) = rest.strip_prefix("init-") {
            return Some(Self::Init(medium, decimal(number.strip_suffix(".mp4")?)?));
        }
        let rest = rest.strip_suffix(".m4s")?;
        Some(match rest.split_once('-') {
            Some((segment, part)) => Self::Part(medium, decimal(segment)?, decimal(part)?),
            None => Self::Segment(medium, decimal(rest)?),
        })
    }

    pub fn medium(&self) -> Medium {
        let (Self::Init(medium, _) | Self::Segment(medium, _) | Self::Part(medium, ..)) = self;
        *medium
    }

    pub fn content_type(&self) -> &'static str {
        match self.medium() {
            Medium::Video => "video/mp4",
            Medium::Audio => "audio/mp4",
        }
    }
}

/// What a live playlist names: of the best picture, of the sound, or of a rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LiveName {
    pub(crate) rung: Option<Rung>,
    pub(crate) resource: ResourceName,
}

impl LiveName {
    pub fn parse(name: &str) -> Option<Self> {
        let of_rung = |rung: Rung| {
            let rest = name.strip_prefix('v')?.strip_prefix(&rung.number().to_string())?;
            let resource = ResourceName::parse_rest(Medium::Video, rest.strip_prefix('-')?)?;
            Some((Some(rung), resource))
        };
        let found = Rung::ALL.into_iter().find_map(of_rung);
        let (rung, resource) = found.or_else(|| Some((None, ResourceName::parse(name)?)))?;
        Some(Self { rung, resource })
    }

    pub fn content_type(&self) -> &'static str {
        self.resource.content_type()
    }
}

impl fmt::Display for LiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.resource.to_string();
        match self.rung {
            Some(rung) => write!(f, "v{}{}", rung.number(), &name[1..]),
            None => f.write_str(&name),
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
