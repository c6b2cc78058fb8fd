//! Pictures and sound as FLV tags (Adobe FLV 10.1 §E.4), what [`crate::flv`] reads.

use bytes::Bytes;
use h264_reader::nal::sps::ChromaFormat;

use crate::frames::{PPS, SPS, kind, sequence};
use crate::{AacConfig, Picture};

/// AVC in a keyframe, and in another picture (§E.4.3.1).
const KEYFRAME: u8 = 0x17;
const INTER: u8 = 0x27;
/// AAC; the rest of the byte is fixed for it, whatever the sound is (§E.4.2.1).
const AAC: u8 = 0xaf;
const CONFIG: u8 = 0;
const CODED: u8 = 1;
/// What the counts of a configuration hold.
const SPS_COUNT_MAX: usize = 31;
const PPS_COUNT_MAX: usize = 255;
/// Profiles whose configuration tells more (ISO/IEC 14496-15 §5.3.3.1.2).
const HIGH_PROFILES: [u8; 4] = [100, 110, 122, 144];

/// SPS and PPS that go into a configuration; at least one of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ParameterSets {
    pub(super) sps: Vec<Bytes>,
    pub(super) pps: Vec<Bytes>,
}

impl ParameterSets {
    /// Those of a keyframe; `None` when it has none of its own.
    pub(super) fn of(picture: &Picture) -> Option<Self> {
        let of_kind = |wanted| {
            let nals = picture.nals.iter().filter(move |nal| kind(nal) == wanted);
            nals.cloned().collect::<Vec<_>>()
        };
        let sets = Self {
            sps: of_kind(SPS),
            pps: of_kind(PPS),
        };
        let fits = |sets: &[Bytes], max| {
            (1..=max).contains(&sets.len()) && sets.iter().all(|set| set.len() <= usize::from(u16::MAX))
        };
        let whole = picture.keyframe
            && fits(&sets.sps, SPS_COUNT_MAX)
            && fits(&sets.pps, PPS_COUNT_MAX)
            && sets.sps[0].len() >= 4;
        whole.then_some(sets)
    }

    pub(super) fn dimensions(&self) -> Option<(u32, u32)> {
        sequence(self.sps.first()?)?.pixel_dimensions().ok()
    }

    /// The tag with the AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1).
    pub(super) fn tag(&self) -> Vec<u8> {
        let first = &self.sps[0];
        let mut tag = vec![KEYFRAME, CONFIG, 0, 0, 0, 1, first[1], first[2], first[3]];
        // Lengths of four bytes.
        tag.push(0xff);
        for (sets, reserved) in [(&self.sps, 0xe0), (&self.pps, 0)] {
            tag.push(reserved | sets.len() as u8);
            for set in sets {
                tag.extend((set.len() as u16).to_be_bytes());
                tag.extend(&set[..]);
            }
        }
        if HIGH_PROFILES.contains(&first[1])
            && let Some(read) = sequence(first)
        {
            let chroma = &read.chroma_info;
            let format = match chroma.chroma_format {
                ChromaFormat::Monochrome => 0,
                ChromaFormat::YUV422 => 2,
                ChromaFormat::YUV444 => 3,
                _ => 1,
            };
            let depths = [chroma.bit_depth_luma_minus8, chroma.bit_depth_chroma_minus8];
            tag.extend([0xfc | format, 0xf8 | depths[0] & 7, 0xf8 | depths[1] & 7, 0]);
        }
        tag
    }
}

/// A picture. `configured` says that its parameter sets were sent before it.
pub(super) fn picture(picture: &Picture, configured: bool) -> Vec<u8> {
    let size: usize = picture.nals.iter().map(|nal| 4 + nal.len()).sum();
    let mut tag = Vec::with_capacity(5 + size);
    tag.extend([if picture.keyframe { KEYFRAME } else { INTER }, CODED]);
    tag.extend(&picture.cts_ms.to_be_bytes()[1..]);
    let in_config = |nal: &&Bytes| configured && matches!(kind(nal), SPS | PPS);
    for nal in picture.nals.iter().filter(|nal| !in_config(nal)) {
        tag.extend((nal.len() as u32).to_be_bytes());
        tag.extend(&nal[..]);
    }
    tag
}

/// The end of the pictures, for decoders that wait for the next one.
pub(super) fn end() -> Vec<u8> {
    vec![KEYFRAME, 2, 0, 0, 0]
}

pub(super) fn sound_config(config: &AacConfig) -> Vec<u8> {
    [&[AAC, CONFIG], &config.specific[..]].concat()
}

pub(super) fn sound(data: &[u8]) -> Vec<u8> {
    [&[AAC, CODED], data].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flv::{AudioTag, VideoTag, audio_tag, nal_units, video_tag};

    const HIGH_SPS: &[u8] = &[
        0x67, 0x64, 0x00, 0x0c, 0xac, 0x3b, 0x50, 0xb0, 0x4b, 0x42, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00,
        0x03, 0x00, 0x3d, 0x08,
    ];

    fn keyframe() -> Picture {
        let nals = [HIGH_SPS, &[0x68, 0xce, 1], &[0x06, 5], &[0x65, 1, 2, 3]];
        Picture {
            dts_ms: 0,
            cts_ms: 67,
            keyframe: true,
            nals: nals.map(Bytes::from_static).into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let sent = keyframe();
        let sets = ParameterSets::of(&sent).unwrap();
        let Ok(VideoTag::Config(config)) = video_tag(&sets.tag().into()) else {
            panic!("no configuration");
        };
        assert_eq!(
            (config.length_bytes, &config.parameter_sets[..]),
            (4, &sent.nals[..2])
        );
        // 4:2:0 of 8 bits, and no extension.
        assert!(sets.tag().ends_with(&[0xfd, 0xf8, 0xf8, 0]));
        for (configured, nals) in [(true, &sent.nals[2..]), (false, &sent.nals)] {
            let Ok(VideoTag::Picture { cts_ms: 67, units }) = video_tag(&picture(&sent, configured).into())
            else {
                panic!("no picture");
            };
            assert_eq!(nal_units(&units, 4).as_deref(), Ok(nals));
        }
        assert_eq!(video_tag(&end().into()), Ok(VideoTag::Nothing));
        let config = AacConfig {
            sample_rate: 48_000,
            channels: 2,
            specific: Bytes::from_static(&[0x11, 0x90]),
        };
        let read = audio_tag(&sound_config(&config).into());
        assert_eq!(read, Ok(AudioTag::Config(config)));
        assert_eq!(
            audio_tag(&sound(b"abc").into()),
            Ok(AudioTag::Unit(Bytes::from_static(b"abc")))
        );
    }

    #[test]
    fn parameter_sets_of_no_use_are_left_where_they_are() {
        let mut without = keyframe();
        without.nals.remove(1);
        let mut short = keyframe();
        short.nals[0] = Bytes::from_static(&[0x67, 100]);
        let mut large = keyframe();
        large.nals[1] = [&[0x68][..], &[0; 70_000]].concat().into();
        let mut inter = keyframe();
        inter.keyframe = false;
        for picture in [without, short, large, inter] {
            assert_eq!(ParameterSets::of(&picture), None);
        }
    }
}
