//! What the encoder says of its picture and sound, and what is said when they are of no use here.

use std::fmt;

use bytes::Bytes;

/// How H.264 was set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvcConfig {
    /// Of the length before each NAL unit: 1, 2 or 4.
    pub length_bytes: usize,
    /// SPS and PPS, at least one SPS.
    pub parameter_sets: Vec<Bytes>,
}

/// How AAC-LC was set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AacConfig {
    /// 8 000 to 96 000.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u8,
    /// AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
    pub specific: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    Video,
    Audio,
}

/// What the encoder sends that cannot be taken. Its text names it and the setting to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    pub medium: Medium,
    /// As people know it, such as `HEVC (H.265)`.
    pub codec: String,
    several_tracks: bool,
}

impl Unsupported {
    pub(crate) fn new(medium: Medium, codec: String) -> Self {
        Self {
            medium,
            codec,
            several_tracks: false,
        }
    }

    pub(crate) fn several_tracks(medium: Medium) -> Self {
        let codec = match medium {
            Medium::Video => "several pictures at once (multitrack video)",
            Medium::Audio => "several sounds at once (multitrack audio)",
        };
        Self {
            several_tracks: true,
            ..Self::new(medium, codec.into())
        }
    }

    /// By the code that Enhanced RTMP gives it.
    pub(crate) fn four_cc(medium: Medium, code: [u8; 4]) -> Self {
        let codec = match &code {
            b"hvc1" | b"hev1" => "HEVC (H.265)".into(),
            b"vvc1" | b"vvi1" => "VVC (H.266)".into(),
            b"av01" => "AV1".into(),
            b"vp09" => "VP9".into(),
            b"vp08" => "VP8".into(),
            b"Opus" => "Opus".into(),
            b"fLaC" => "FLAC".into(),
            b".mp3" => "MP3".into(),
            b"ac-3" => "AC-3".into(),
            b"ec-3" => "E-AC-3".into(),
            // It is shown to people: nothing but what can be printed.
            other => format!("an unknown codec ({})", other.escape_ascii()),
        };
        Self::new(medium, codec)
    }

    /// The setting to change.
    pub fn advice(&self) -> &'static str {
        match (self.medium, self.several_tracks) {
            (Medium::Video, false) => {
                "Send H.264. In OBS: Settings → Output → Streaming → Video Encoder: choose an H.264 encoder \
                 (x264, NVENC H.264, …)."
            }
            (Medium::Audio, false) => {
                "Send AAC-LC in mono or stereo. In OBS: Settings → Output → Streaming → Audio Encoder: choose \
                 AAC; Settings → Audio → Channels: Stereo."
            }
            (Medium::Video, true) => {
                "Send one picture. In OBS: Settings → Stream: turn Multitrack Video off."
            }
            (Medium::Audio, true) => {
                "Send one sound. In OBS: Settings → Output → Streaming → Audio Track: choose one, and turn the \
                 Twitch VOD track off."
            }
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The encoder sends {}. {}", self.codec, self.advice())
    }
}
