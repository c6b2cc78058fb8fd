//! Pictures become H.264, constrained baseline, one slice a picture.
//! Invariant: a keyframe at least every [`KEYFRAME_EVERY_MS`] of media time, each led by SPS and PPS.

use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, Profile, RateControlMode, UsageType,
    VuiConfig,
};
use openh264::formats::YUVSlices;

use crate::picture::Picture;

/// WebRTC itself has no keyframe interval; recordings and late joiners want one.
pub const KEYFRAME_EVERY_MS: u64 = 2_000;

#[derive(Debug, thiserror::Error)]
#[error("the H.264 encoder refused: {0}")]
pub struct EncodeError(#[from] openh264::Error);

/// One encoded picture, Annex B.
#[derive(Clone, Debug)]
pub struct Encoded {
    pub annex_b: Vec<u8>,
    pub keyframe: bool,
}

pub struct VideoEncoder {
    encoder: Encoder,
    last_keyframe_ms: Option<u64>,
    keyframe_wanted: bool,
}

impl VideoEncoder {
    pub fn new(fps: u32, bitrate_kbit: u32) -> Result<VideoEncoder, EncodeError> {
        let config = EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            .profile(Profile::Baseline)
            .complexity(Complexity::Low)
            .rate_control_mode(RateControlMode::Bitrate)
            .bitrate(BitRate::from_bps(bitrate_kbit.saturating_mul(1000)))
            .max_frame_rate(FrameRate::from_hz(fps as f32))
            // Without leave to skip a picture openh264 overshoots its bitrate.
            .skip_frames(true)
            // A synthetic picture has no scene cuts and no noise to look for.
            .scene_change_detect(false)
            .background_detection(false)
            .adaptive_quantization(false)
            .num_threads(1)
            .vui(VuiConfig::bt709());
        let encoder = Encoder::with_api_config(OpenH264API::from_source(), config)?;
        Ok(VideoEncoder {
            encoder,
            last_keyframe_ms: None,
            keyframe_wanted: false,
        })
    }

    /// The next picture is encoded as a keyframe.
    pub fn want_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    /// Encodes one picture shown at `media_ms`; `None` when the rate control skipped it.
    pub fn encode(&mut self, picture: &Picture, media_ms: u64) -> Result<Option<Encoded>, EncodeError> {
        if let Some(last) = self.last_keyframe_ms
            && (self.keyframe_wanted || media_ms.saturating_sub(last) >= KEYFRAME_EVERY_MS)
        {
            self.encoder.force_intra_frame();
        }
        let planes = YUVSlices::new(
            (&picture.y, &picture.u, &picture.v),
            (picture.width, picture.height),
            (picture.width, picture.width / 2, picture.width / 2),
        );
        let bits = self
            .encoder
            .encode_at(&planes, openh264::Timestamp::from_millis(media_ms))?;
        let keyframe = bits.frame_type() == FrameType::IDR;
        let annex_b = bits.to_vec();
        if annex_b.is_empty() {
            return Ok(None);
        }
        if keyframe {
            self.last_keyframe_ms = Some(media_ms);
            self.keyframe_wanted = false;
        }
        Ok(Some(Encoded { annex_b, keyframe }))
    }
}

#[cfg(test)]
mod tests;
