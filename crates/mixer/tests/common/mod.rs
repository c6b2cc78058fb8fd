//! Cameras of H.264 for tests and for the measurement.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

pub mod screen;

use busk_mixer::{AccessUnit, Orientation};
use bytes::Bytes;
use openh264::OpenH264API;
use openh264::encoder::{BitRate, Complexity, Encoder, EncoderConfig, FrameRate, Profile, RateControlMode};
use openh264::formats::YUVSlices;

/// Planes of a picture.
pub struct Planes {
    pub width: usize,
    pub height: usize,
    pub planes: [Vec<u8>; 3],
}

impl Planes {
    pub fn flat(width: usize, height: usize, ink: [u8; 3]) -> Self {
        let chroma = width * height / 4;
        let planes = [
            vec![ink[0]; width * height],
            vec![ink[1]; chroma],
            vec![ink[2]; chroma],
        ];
        Self {
            width,
            height,
            planes,
        }
    }

    /// Something like a person before a wall: soft texture, slow movement and the noise of a camera.
    pub fn moving(width: usize, height: usize, n: usize, noise: &mut Noise) -> Self {
        let mut picture = Self::flat(width, height, [0, 120, 134]);
        let unit = height as f32 / 360.0;
        let (x0, y0) = (
            width as f32 / 2.0 + (n as f32 * 0.05).sin() * 40.0 * unit,
            height as f32 * 0.6 + (n as f32 * 0.11).sin() * 12.0 * unit,
        );
        for y in 0..height {
            for x in 0..width {
                let (fx, fy) = (x as f32 / unit, y as f32 / unit);
                let wall = 70.0 + 25.0 * (fx * 0.021).sin() + 18.0 * (fy * 0.037 + fx * 0.011).cos();
                let from = ((x as f32 - x0) / unit).hypot((y as f32 - y0) / unit * 0.7);
                let body = 130.0 + 30.0 * (from * 0.13 + n as f32 * 0.2).sin() + 10.0 * (fx * 0.4).sin();
                let light = if from < 100.0 { body } else { wall };
                let grain = (noise.next() & 3) as f32 - 1.5;
                picture.planes[0][y * width + x] = (light + grain) as u8;
                if x % 2 == 0 && y % 2 == 0 && from < 100.0 {
                    picture.planes[2][y / 2 * (width / 2) + x / 2] = 150;
                }
            }
        }
        picture
    }
}

/// Numbers without a pattern, the same each time.
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }
}

pub struct Camera {
    encoder: Encoder,
    pub orientation: Orientation,
}

impl Camera {
    pub fn new(kbits_per_s: u32) -> Self {
        Self::of_profile(kbits_per_s, Profile::Baseline)
    }

    pub fn of_profile(kbits_per_s: u32, profile: Profile) -> Self {
        let config = EncoderConfig::new()
            .bitrate(BitRate::from_bps(kbits_per_s * 1_000))
            .rate_control_mode(RateControlMode::Bitrate)
            .max_frame_rate(FrameRate::from_hz(30.0))
            .complexity(Complexity::Low)
            .profile(profile)
            .skip_frames(false)
            .scene_change_detect(false)
            .num_threads(1);
        Self {
            encoder: Encoder::with_api_config(OpenH264API::from_source(), config).unwrap(),
            orientation: Orientation::Deg0,
        }
    }

    pub fn shoot(&mut self, picture: &Planes, time: u64, keyframe: bool) -> AccessUnit {
        if keyframe {
            self.encoder.force_intra_frame();
        }
        let [y, u, v] = &picture.planes;
        let strides = (picture.width, picture.width / 2, picture.width / 2);
        let slices = YUVSlices::new((y, u, v), (picture.width, picture.height), strides);
        let at = openh264::Timestamp::from_millis(time / 90);
        let bits = self.encoder.encode_at(&slices, at).unwrap().to_vec();
        let nals = openh264::nal_units(&bits).map(|nal| {
            let start = nal.iter().position(|byte| *byte == 1).unwrap() + 1;
            Bytes::copy_from_slice(&nal[start..])
        });
        AccessUnit {
            time,
            orientation: self.orientation,
            nals: nals.collect(),
        }
    }
}

pub fn annex_b(nals: &[Bytes]) -> Vec<u8> {
    nals.iter()
        .flat_map(|nal| [&[0, 0, 0, 1], &nal[..]].concat())
        .collect()
}
