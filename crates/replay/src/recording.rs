//! A recording as it is played: the index's segments on one timeline.
//!
//! An *epoch* is what belongs together between two discontinuities. Both media have the same epochs, or players
//! would lose count; one of which a crash left only a medium is left out. The picture says how long each lasts.

use std::path::Path;
use std::time::Duration;

use busk_base::Timestamp;
use busk_hls::{Medium, ResourceName};
use bytes::Bytes;
use mp4_atom::{Atom, Codec, Header, Moov, ReadFrom};

use crate::contents::{Contents, NotAnIndex, Segment};
use crate::writer::INDEX;

/// Why a recording cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("there is no recording")]
    NotFound,
    #[error("cannot read the recording's index: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    NotAnIndex(#[from] NotAnIndex),
    #[error("the index's description of a medium cannot be read")]
    BadInit,
}

/// What was recorded up to the moment at which this was opened.
pub struct Recording {
    pub(crate) video: Track,
    pub(crate) audio: Track,
    over: bool,
}

pub(crate) struct Track {
    pub(crate) medium: Medium,
    pub(crate) scale: u64,
    pub(crate) inits: Vec<Described>,
    pub(crate) segments: Vec<Placed>,
    pub(crate) silence: Option<Bytes>,
}

/// What a player needs before segments, read.
pub(crate) struct Described {
    pub(crate) number: u64,
    pub(crate) bytes: Bytes,
    pub(crate) codec: Codec,
}

pub(crate) struct Placed {
    pub(crate) segment: Segment,
    pub(crate) epoch: usize,
    /// The first of an epoch, but for the first of all.
    pub(crate) discontinuity: bool,
    /// Where it begins on the timeline, in ticks of the track. Of the picture only.
    pub(crate) position: u64,
    pub(crate) duration: u64,
}

/// Where something lies: within an object of the recording, or here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Here(Bytes),
    Stored {
        name: ResourceName,
        start: u64,
        length: u64,
    },
}

impl Piece {
    pub fn length(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::Stored { length, .. } => *length,
        }
    }
}

impl Recording {
    /// Of a folder on this machine, live or over, after a crash or not. Changes nothing.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        match std::fs::read(folder.join(INDEX)) {
            Ok(index) => Self::read(&index.into()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(OpenError::NotFound),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn read(index: &Bytes) -> Result<Self, OpenError> {
        let contents = Contents::read(index)?;
        let mut video = Track::describe(Medium::Video, &contents)?;
        let mut audio = Track::describe(Medium::Audio, &contents)?;
        (video.segments, audio.segments) = place(contents.video, contents.audio);
        Ok(Self {
            video,
            audio,
            over: contents.over,
        })
    }

    /// Whether nothing is to be added any more. What is there can be played all the same.
    pub fn is_over(&self) -> bool {
        self.over
    }

    pub fn is_empty(&self) -> bool {
        self.video.segments.is_empty()
    }

    pub fn duration(&self) -> Duration {
        self.video.time(self.length())
    }

    /// In ticks of the picture.
    pub(crate) fn length(&self) -> u64 {
        let last = self.video.segments.last();
        last.map_or(0, |last| last.position + last.duration)
    }

    /// Where the recording stands when it shows what was at `wall`: at the end of what came before, where
    /// nothing was recorded then.
    pub fn position_at(&self, wall: Timestamp) -> Duration {
        let segments = &self.video.segments;
        let after = segments.partition_point(|placed| placed.segment.wall <= wall);
        let Some(placed) = after.checked_sub(1).and_then(|at| segments.get(at)) else {
            return Duration::ZERO;
        };
        let into = wall.since(placed.segment.wall);
        self.video.time(placed.position) + into.min(self.video.time(placed.duration))
    }

    /// When what the recording shows at a position was; `None` when there is nothing.
    pub fn wall_at(&self, position: Duration) -> Option<Timestamp> {
        let segments = &self.video.segments;
        let after = segments.partition_point(|placed| self.video.time(placed.position) <= position);
        let placed = segments.get(after.saturating_sub(1))?;
        let into = position.saturating_sub(self.video.time(placed.position));
        Some(placed.segment.wall + into.min(self.video.time(placed.duration)))
    }

    /// What a playlist of this recording names, and the type of its content.
    pub fn resource(&self, name: &ResourceName) -> Option<(Piece, &'static str)> {
        let piece = match *name {
            ResourceName::Init(medium, number) => {
                let init = self
                    .track(medium)
                    .inits
                    .iter()
                    .find(|init| init.number == number)?;
                Piece::Here(init.bytes.clone())
            }
            ResourceName::Segment(medium, msn) => {
                let segments = &self.track(medium).segments;
                let at = segments
                    .binary_search_by_key(&msn, |placed| placed.segment.msn)
                    .ok()?;
                let length = segments.get(at)?.segment.length();
                Piece::Stored {
                    name: *name,
                    start: 0,
                    length,
                }
            }
            ResourceName::Part(..) => return None,
        };
        Some((piece, name.content_type()))
    }

    pub(crate) fn track(&self, medium: Medium) -> &Track {
        match medium {
            Medium::Video => &self.video,
            Medium::Audio => &self.audio,
        }
    }
}

impl Track {
    fn describe(medium: Medium, contents: &Contents) -> Result<Self, OpenError> {
        let mut inits = Vec::new();
        let (mut scale, mut silence) = (1, None);
        for init in contents.inits.iter().filter(|init| init.medium == medium) {
            let (codec, timescale) = read_init(&init.bytes).ok_or(OpenError::BadInit)?;
            scale = u64::from(timescale.max(1));
            silence = silence.or_else(|| init.silence.clone());
            inits.push(Described {
                number: init.number,
                bytes: init.bytes.clone(),
                codec,
            });
        }
        Ok(Self {
            medium,
            scale,
            inits,
            segments: Vec::new(),
            silence,
        })
    }

    pub(crate) fn time(&self, ticks: u64) -> Duration {
        Duration::from_nanos((u128::from(ticks) * 1_000_000_000 / u128::from(self.scale)) as u64)
    }
}

/// The sample entry and the timescale of the only track.
fn read_init(bytes: &Bytes) -> Option<(Codec, u32)> {
    let mut bytes = bytes.as_ref();
    while let Ok(header) = Header::read_from(&mut bytes) {
        let size = header.size?;
        if header.kind == Moov::KIND {
            let moov = Moov::decode_body(&mut bytes.get(..size)?).ok()?;
            let mdia = moov.trak.into_iter().next()?.mdia;
            let codec = mdia.minf.stbl.stsd.codecs.into_iter().next()?;
            return Some((codec, mdia.mdhd.timescale));
        }
        bytes = bytes.get(size..)?;
    }
    None
}

/// Counts epochs by the picture, gives the sound's segments those of the same numbers, and leaves out what only
/// one of the two has.
fn place(video: Vec<Segment>, audio: Vec<Segment>) -> (Vec<Placed>, Vec<Placed>) {
    let mut epoch = 0;
    let mut pictures = Vec::with_capacity(video.len());
    for segment in video.into_iter().filter(|segment| !segment.parts.is_empty()) {
        epoch += usize::from(segment.discontinuity);
        pictures.push((epoch, segment));
    }
    let mut sounds = Vec::with_capacity(audio.len());
    for segment in audio.into_iter().filter(|segment| !segment.parts.is_empty()) {
        if let Ok(at) = pictures.binary_search_by_key(&segment.msn, |(_, picture)| picture.msn) {
            sounds.push((pictures[at].0, segment));
        }
    }
    pictures.retain(|(epoch, _)| sounds.binary_search_by_key(epoch, |(epoch, _)| *epoch).is_ok());
    (line_up(pictures), line_up(sounds))
}

fn line_up(segments: Vec<(usize, Segment)>) -> Vec<Placed> {
    let mut placed: Vec<Placed> = Vec::with_capacity(segments.len());
    for (epoch, segment) in segments {
        let last = placed.last();
        placed.push(Placed {
            epoch,
            discontinuity: last.is_some_and(|last| last.epoch != epoch),
            position: last.map_or(0, |last| last.position + last.duration),
            duration: segment.duration(),
            segment,
        });
    }
    placed
}

/// Only H.264 has a profile that `CODECS` must name (RFC 6381 §3.3).
pub(crate) fn codec_name(codec: &Codec) -> String {
    match codec {
        Codec::Avc1(avc1) => format!(
            "avc1.{:02x}{:02x}{:02x}",
            avc1.avcc.avc_profile_indication, avc1.avcc.profile_compatibility, avc1.avcc.avc_level_indication
        ),
        _ => "mp4a.40.2".into(),
    }
}

pub(crate) fn picture_size(codec: &Codec) -> (u16, u16) {
    match codec {
        Codec::Avc1(avc1) => (avc1.visual.width, avc1.visual.height),
        _ => (0, 0),
    }
}
