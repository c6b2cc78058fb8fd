//! A show for the packager: pictures that busk-camera encoded, and sound of which every access unit says when it
//! was made, though nothing is heard.

use std::sync::OnceLock;

use busk_base::{RoomId, Timestamp};
use busk_camera::Scene;
use busk_camera::encode::VideoEncoder;
use busk_camera::h264::{is_keyframe, nals};
use busk_camera::picture::Painter;
use busk_hls::{AudioConfig, AudioFrame, Config, Finished, Packager, VideoFrame};
use bytes::Bytes;

pub const FRAME: u64 = 3_000;
pub const UNIT: u64 = 1_024;
const GOP: usize = 60;
pub const SIZES: [(usize, usize); 2] = [(320, 180), (480, 270)];
/// An access unit of both channels in which nothing is heard.
const SILENCE: [u8; 6] = [0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c];
/// Where programs' clocks begin.
const BEGINNING_S: u64 = 10;

pub fn room(n: u8) -> RoomId {
    RoomId::new(Timestamp::from_unix_us(1_795_252_800_000_000), [n; 10])
}

/// Two seconds, again and again.
fn gop(size: usize) -> &'static [Vec<Bytes>] {
    static GOPS: [OnceLock<Vec<Vec<Bytes>>>; 2] = [OnceLock::new(), OnceLock::new()];
    GOPS[size].get_or_init(|| {
        let (width, height) = SIZES[size];
        let mut painter = Painter::new(Scene::Stage, "Ada", width, height);
        let mut encoder = VideoEncoder::new(30, 1_500).unwrap();
        let mut encode = |n: usize| {
            let ms = n as u64 * 1_000 / 30;
            let encoded = encoder.encode(painter.paint(ms, ms), ms).unwrap();
            let annex_b = encoded.expect("with that bitrate no picture is skipped").annex_b;
            assert_eq!(is_keyframe(&annex_b), n == 0);
            nals(&annex_b).map(Bytes::copy_from_slice).collect()
        };
        (0..GOP).map(&mut encode).collect()
    })
}

/// Silence with a fill element (ISO/IEC 14496-3 §4.4.2.7) that carries a number.
pub fn unit(number: u32) -> Bytes {
    let mut bits: Vec<bool> = SILENCE
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
        .collect();
    // Without the end and its padding.
    bits.truncate(5 * 8 + 3);
    let mut put = |value: u64, count: u32| bits.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    put(0b110, 3);
    put(5, 4);
    put(0, 8);
    put(number.into(), 32);
    put(0b111, 3);
    while !bits.len().is_multiple_of(8) {
        bits.push(false);
    }
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    bits.chunks(8).map(byte).collect()
}

/// The number that it carries, if it is one of [`unit`]'s.
pub fn number(unit: &[u8]) -> Option<u32> {
    let bit = |at: usize| u32::from(unit[at / 8] >> (7 - at % 8) & 1);
    let numbered = unit.len() > SILENCE.len();
    numbered.then(|| (58..90).fold(0, |number, at| number << 1 | bit(at)))
}

#[test]
fn a_unit_carries_its_number() {
    for n in [0, 1, 469, u32::MAX] {
        assert_eq!(number(&unit(n)), Some(n));
    }
    assert_eq!(number(&SILENCE), None);
}

pub struct Show {
    pub packager: Packager,
    pub size: usize,
    pub dts: u64,
    sound: u64,
    count: usize,
    wall: Timestamp,
    /// What was packed: the times of all pictures that were taken.
    pub pictures: Vec<u64>,
}

impl Show {
    /// Begun so many seconds after a fixed moment.
    pub fn begin(after_s: u64) -> Self {
        let unix_s = 1_795_252_800 + after_s;
        let audio = AudioConfig {
            sample_rate: 48_000,
            channels: 2,
            specific: Bytes::from_static(&[0x11, 0x90]),
            silence: Bytes::from_static(&SILENCE),
        };
        let mut packager = Packager::new(Config::default(), audio, unix_s);
        packager.keep_finished();
        Self {
            packager,
            size: 0,
            dts: BEGINNING_S * 90_000,
            sound: BEGINNING_S * 48_000,
            count: 0,
            wall: Timestamp::from_unix_us(unix_s as i64 * 1_000_000),
            pictures: Vec::new(),
        }
    }

    pub fn wall(&self) -> Timestamp {
        let since = self.dts - BEGINNING_S * 90_000;
        self.wall + std::time::Duration::from_micros(since * 1_000 / 90)
    }

    /// The next picture and the sound to it.
    pub fn step(&mut self) -> Vec<Finished> {
        let nals = gop(self.size)[self.count % GOP].clone();
        let frame = VideoFrame {
            dts: self.dts,
            cts: 0,
            keyframe: self.count.is_multiple_of(GOP),
            nals,
        };
        let wall = self.wall();
        if self.packager.video(frame, wall).is_ok() {
            self.pictures.push(self.dts);
        }
        self.dts += FRAME;
        self.count += 1;
        while self.sound * 90 / 48 < self.dts {
            let number = (self.sound / 16) as u32;
            let data = unit(number);
            self.packager.audio(AudioFrame {
                pts: self.sound,
                data,
            });
            self.sound += UNIT;
        }
        self.packager.take_finished()
    }

    pub fn run(&mut self, pictures: usize) -> Vec<Finished> {
        (0..pictures).flat_map(|_| self.step()).collect()
    }

    /// Another camera, after a pause.
    pub fn change_source(&mut self, size: usize, pause: u64) -> Vec<Finished> {
        self.packager.discontinuity();
        (self.size, self.count) = (size, 0);
        self.dts += pause;
        self.sound = self.dts * 48 / 90;
        self.packager.take_finished()
    }

    pub fn end(&mut self) -> Vec<Finished> {
        self.packager.end();
        self.packager.take_finished()
    }
}

/// When the unit with that number was heard, in seconds of the program's clock.
pub fn heard_s(number: u32) -> f64 {
    f64::from(number) * 16.0 / 48_000.0
}
