//! Pictures become H.264, constrained baseline: one slice a picture, no B-frames, keyframes when they are asked for.

use bytes::Bytes;
use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Complexity, EncoderConfig, FrameRate, FrameType, Profile, RateControlMode, UsageType, VuiConfig,
};

use crate::picture::Picture;
use crate::{PICTURES_PER_S, Rendition};

pub(crate) struct Encoder {
    config: EncoderConfig,
    /// `None` before the first picture, and after a failure: the next picture then begins anew with a keyframe.
    encoder: Option<openh264::encoder::Encoder>,
}

/// An access unit.
pub(crate) struct Encoded {
    pub(crate) keyframe: bool,
    pub(crate) nals: Vec<Bytes>,
}

impl Encoder {
    pub(crate) fn new(rendition: Rendition) -> Self {
        let config = EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            .profile(Profile::Baseline)
            .complexity(Complexity::Low)
            .rate_control_mode(RateControlMode::Bitrate)
            .bitrate(BitRate::from_bps(rendition.bits_per_s()))
            .max_frame_rate(FrameRate::from_hz(PICTURES_PER_S as f32))
            // Without leave to skip a picture openh264 overshoots its bitrate.
            .skip_frames(true)
            // A scene cut would be a keyframe of one rendition alone.
            .scene_change_detect(false)
            .adaptive_quantization(false)
            // Background detection stays on: cards and walls cost a third less time, and a quarter of the bits.
            .num_threads(1)
            .vui(VuiConfig::bt709());
        Self {
            config,
            encoder: None,
        }
    }

    /// `None` when the rate control skips the picture, which it never does with a keyframe.
    pub(crate) fn encode(
        &mut self,
        picture: &Picture,
        time_ms: u64,
        keyframe: bool,
    ) -> Result<Option<Encoded>, openh264::Error> {
        let encoder = match &mut self.encoder {
            Some(encoder) => {
                if keyframe {
                    encoder.force_intra_frame();
                }
                encoder
            }
            none => {
                let api = OpenH264API::from_source();
                none.insert(openh264::encoder::Encoder::with_api_config(api, self.config)?)
            }
        };
        let time = openh264::Timestamp::from_millis(time_ms);
        let bits = match encoder.encode_at(&picture.slices(), time) {
            Ok(bits) => bits,
            Err(error) => {
                self.encoder = None;
                return Err(error);
            }
        };
        let keyframe = bits.frame_type() == FrameType::IDR;
        let nals = nals(bits.to_vec());
        Ok((!nals.is_empty()).then_some(Encoded { keyframe, nals }))
    }

    pub(crate) fn reset(&mut self) {
        self.encoder = None;
    }
}

/// The NAL units of what openh264 gives (Annex B), without start codes; they share the bytes.
fn nals(annex_b: Vec<u8>) -> Vec<Bytes> {
    let annex_b = Bytes::from(annex_b);
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(next) = annex_b[at..].windows(3).position(|three| three == [0, 0, 1]) {
        at += next + 3;
        starts.push(at);
    }
    let ends = starts
        .iter()
        .skip(1)
        .map(|start| start - 3)
        .chain([annex_b.len()]);
    let whole = |(start, end): (&usize, usize)| {
        let length = annex_b[*start..end].iter().rposition(|byte| *byte != 0)?;
        Some(annex_b.slice(*start..start + length + 1))
    };
    starts.iter().zip(ends).filter_map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nal_units_are_found_behind_both_start_codes() {
        let found = nals(vec![
            0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 0, 2, 0, 0, 1, 0x65, 3,
        ]);
        assert_eq!(found, [&[0x67, 1][..], &[0x68, 0, 2], &[0x65, 3]]);
        assert!(nals(Vec::new()).is_empty());
    }
}
