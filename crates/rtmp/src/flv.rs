//! FLV tags as RTMP carries them: what is in a video or an audio message (Adobe FLV 10.1 §E.4, Enhanced RTMP v2).
//!
//! H.264 and AAC-LC are read, each in its old and its enhanced form; everything else is named and refused.

use bytes::Bytes;

use crate::codec::{AacConfig, AvcConfig, Medium, Unsupported};
use crate::frames::{PPS, SPS, kind};

/// More slices than any picture has.
const NALS_MAX: usize = 512;
/// More than any encoder's parameter sets have: every keyframe takes them along.
pub(crate) const SETS_BYTES_MAX: usize = 8 << 10;

/// A video message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoTag {
    Config(AvcConfig),
    /// A picture: its NAL units, each after its length, and how much later than decoded it is shown.
    Picture {
        cts_ms: i32,
        units: Bytes,
    },
    /// Nothing to see: the end of a sequence, a command, colour information.
    Nothing,
}

/// An audio message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioTag {
    Config(AacConfig),
    Unit(Bytes),
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    #[error("{0}")]
    Unsupported(Unsupported),
    #[error("{0}")]
    Malformed(&'static str),
}

const CUT_SHORT: TagError = TagError::Malformed("a tag is cut short");

/// Codecs of video tags (FLV §E.4.3.1).
const AVC: u8 = 7;
/// Of audio tags (FLV §E.4.2.1).
const AAC: u8 = 10;
const ENHANCED_AUDIO: u8 = 9;
/// Frame type of what is a command and no picture.
const COMMAND: u8 = 5;

/// Packet types (FLV §E.4.3.1 AVCPacketType, Enhanced RTMP VideoPacketType and AudioPacketType).
const START: u8 = 0;
const CODED: u8 = 1;
const CODED_WITHOUT_TIME: u8 = 3;
const VIDEO_METADATA: u8 = 4;
const AUDIO_MULTITRACK: u8 = 5;
const VIDEO_MULTITRACK: u8 = 6;
const MODIFIER: u8 = 7;

/// Reads the payload of a video message.
pub fn video_tag(tag: &Bytes) -> Result<VideoTag, TagError> {
    let mut bytes = Cursor { tag, at: 0 };
    let first = bytes.u8()?;
    if first & 0x80 != 0 {
        return enhanced_video(first, bytes);
    }
    match first & 0x0f {
        _ if first >> 4 == COMMAND => return Ok(VideoTag::Nothing),
        AVC => {}
        other => return Err(TagError::Unsupported(old_video_codec(other))),
    }
    let kind = bytes.u8()?;
    let cts_ms = bytes.i24()?;
    match kind {
        START => avc_config(&bytes.rest()).map(VideoTag::Config),
        CODED => Ok(VideoTag::Picture {
            cts_ms,
            units: bytes.rest(),
        }),
        _ => Ok(VideoTag::Nothing),
    }
}

fn enhanced_video(first: u8, mut bytes: Cursor) -> Result<VideoTag, TagError> {
    let kind = bytes.modified(first & 0x0f)?;
    // A command has a byte of its own where the codec would be.
    if (first >> 4) & 7 == COMMAND && kind != VIDEO_METADATA {
        return Ok(VideoTag::Nothing);
    }
    if kind == VIDEO_MULTITRACK {
        return Err(TagError::Unsupported(Unsupported::several_tracks(Medium::Video)));
    }
    let codec = bytes.array()?;
    match &codec {
        b"avc1" => {}
        other => return Err(TagError::Unsupported(Unsupported::four_cc(Medium::Video, *other))),
    }
    match kind {
        START => avc_config(&bytes.rest()).map(VideoTag::Config),
        CODED => Ok(VideoTag::Picture {
            cts_ms: bytes.i24()?,
            units: bytes.rest(),
        }),
        CODED_WITHOUT_TIME => Ok(VideoTag::Picture {
            cts_ms: 0,
            units: bytes.rest(),
        }),
        _ => Ok(VideoTag::Nothing),
    }
}

fn old_video_codec(id: u8) -> Unsupported {
    let name = match id {
        2 => "Sorenson H.263",
        3 | 6 => "Screen Video",
        4 | 5 => "VP6",
        // Not in any specification, and sent before Enhanced RTMP was.
        12 => "HEVC (H.265)",
        13 => "AV1",
        _ => return Unsupported::new(Medium::Video, format!("an unknown video codec (number {id})")),
    };
    Unsupported::new(Medium::Video, name.into())
}

/// Reads the payload of an audio message.
pub fn audio_tag(tag: &Bytes) -> Result<AudioTag, TagError> {
    let mut bytes = Cursor { tag, at: 0 };
    let first = bytes.u8()?;
    match first >> 4 {
        AAC => {}
        ENHANCED_AUDIO => return enhanced_audio(first, bytes),
        other => return Err(TagError::Unsupported(old_audio_codec(other))),
    }
    match bytes.u8()? {
        START => aac_config(bytes.rest()).map(AudioTag::Config),
        CODED => Ok(AudioTag::Unit(bytes.rest())),
        _ => Ok(AudioTag::Nothing),
    }
}

fn enhanced_audio(first: u8, mut bytes: Cursor) -> Result<AudioTag, TagError> {
    let kind = bytes.modified(first & 0x0f)?;
    if kind == AUDIO_MULTITRACK {
        return Err(TagError::Unsupported(Unsupported::several_tracks(Medium::Audio)));
    }
    let codec = bytes.array()?;
    match &codec {
        b"mp4a" => {}
        other => return Err(TagError::Unsupported(Unsupported::four_cc(Medium::Audio, *other))),
    }
    match kind {
        START => aac_config(bytes.rest()).map(AudioTag::Config),
        CODED => Ok(AudioTag::Unit(bytes.rest())),
        _ => Ok(AudioTag::Nothing),
    }
}

fn old_audio_codec(id: u8) -> Unsupported {
    let name = match id {
        0 | 3 => "uncompressed sound (PCM)",
        1 => "ADPCM",
        2 | 14 => "MP3",
        4..=6 => "Nellymoser",
        7 => "G.711 A-law",
        8 => "G.711 µ-law",
        11 => "Speex",
        13 => "Opus",
        _ => return Unsupported::new(Medium::Audio, format!("an unknown audio codec (number {id})")),
    };
    Unsupported::new(Medium::Audio, name.into())
}

/// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1).
fn avc_config(record: &Bytes) -> Result<AvcConfig, TagError> {
    let mut bytes = Cursor { tag: record, at: 0 };
    if bytes.u8()? != 1 {
        return Err(TagError::Malformed(
            "an unknown version of the H.264 configuration",
        ));
    }
    let [_profile, _compatibility, _level] = bytes.array()?;
    let length_bytes = usize::from(bytes.u8()? & 3) + 1;
    let mut parameter_sets = Vec::new();
    for count_mask in [0x1f, 0xff] {
        for _ in 0..bytes.u8()? & count_mask {
            let length = usize::from(u16::from_be_bytes(bytes.array()?));
            parameter_sets.push(bytes.take(length)?);
        }
    }
    // Anything else would mean something else in RTP.
    parameter_sets.retain(|set| matches!(kind(set), SPS | PPS));
    if parameter_sets.iter().map(Bytes::len).sum::<usize>() > SETS_BYTES_MAX {
        return Err(TagError::Malformed("the H.264 configuration is too long"));
    }
    if length_bytes == 3 || !parameter_sets.iter().any(|set| kind(set) == SPS) {
        return Err(TagError::Malformed(
            "the H.264 configuration has no sequence parameters",
        ));
    }
    Ok(AvcConfig {
        length_bytes,
        parameter_sets,
    })
}

/// AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
fn aac_config(specific: Bytes) -> Result<AacConfig, TagError> {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ];
    let [a, b, ..] = specific[..] else {
        return Err(CUT_SHORT);
    };
    let refuse = |what: &str| {
        Err(TagError::Unsupported(Unsupported::new(
            Medium::Audio,
            what.into(),
        )))
    };
    match a >> 3 {
        2 => {}
        5 | 29 => return refuse("HE-AAC"),
        other => return refuse(&format!("AAC of type {other}")),
    }
    let index = usize::from((a & 7) << 1 | b >> 7);
    let Some(sample_rate) = RATES.get(index).copied().filter(|rate| *rate >= 8_000) else {
        return refuse("AAC of an unusual sample rate");
    };
    let channels = (b >> 3) & 0x0f;
    if !(1..=2).contains(&channels) {
        return refuse("surround sound");
    }
    Ok(AacConfig {
        sample_rate,
        channels,
        specific,
    })
}

/// The NAL units of a picture, as they follow each other with lengths of `length_bytes` bytes.
pub fn nal_units(units: &Bytes, length_bytes: usize) -> Result<Vec<Bytes>, TagError> {
    let mut bytes = Cursor { tag: units, at: 0 };
    let mut nals = Vec::new();
    while bytes.at < units.len() {
        let length = bytes.take(length_bytes)?;
        let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let nal = bytes.take(length)?;
        if nals.len() == NALS_MAX {
            return Err(TagError::Malformed("a picture has too many parts"));
        }
        if !nal.is_empty() {
            nals.push(nal);
        }
    }
    Ok(nals)
}

struct Cursor<'a> {
    tag: &'a Bytes,
    at: usize,
}

impl Cursor<'_> {
    fn take(&mut self, count: usize) -> Result<Bytes, TagError> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.tag.len());
        let end = end.ok_or(CUT_SHORT)?;
        let taken = self.tag.slice(self.at..end);
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TagError> {
        let taken = self.take(N)?;
        taken.first_chunk().copied().ok_or(CUT_SHORT)
    }

    fn u8(&mut self) -> Result<u8, TagError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn i24(&mut self) -> Result<i32, TagError> {
        let [a, b, c] = self.array()?;
        Ok(i32::from_be_bytes([a, b, c, 0]) >> 8)
    }

    fn rest(&mut self) -> Bytes {
        let rest = self.tag.slice(self.at..);
        self.at = self.tag.len();
        rest
    }

    /// The packet type after all modifiers, which are passed over.
    fn modified(&mut self, mut kind: u8) -> Result<u8, TagError> {
        while kind == MODIFIER {
            let mut length = usize::from(self.u8()?) + 1;
            if length == 256 {
                length = usize::from(u16::from_be_bytes(self.array()?)) + 1;
            }
            self.take(length)?;
            kind = self.u8()? & 0x0f;
        }
        Ok(kind)
    }
}

#[cfg(test)]
#[path = "flv_tests.rs"]
mod tests;
