use super::*;
use crate::h264::{NAL_IDR, NAL_PPS, NAL_SPS, nal_type, nals};
use crate::picture::{Painter, Scene, strip};

const WALL_MS: u64 = 1_790_000_123_456;

#[test]
fn the_first_picture_is_constrained_baseline_with_parameter_sets() {
    let mut painter = Painter::new(Scene::Stage, "Ada", 320, 180);
    let mut encoder = VideoEncoder::new(24, 500).unwrap();
    let first = encoder
        .encode(painter.paint(0, WALL_MS), 0)
        .unwrap()
        .expect("a keyframe is not skipped");
    assert!(first.keyframe);
    let types: Vec<_> = nals(&first.annex_b).map(nal_type).collect();
    assert_eq!(types, [NAL_SPS, NAL_PPS, NAL_IDR]);
    let sps = nals(&first.annex_b).next().unwrap();
    assert_eq!(sps[1], 66, "profile_idc baseline");
    assert_eq!(sps[2] & 0x40, 0x40, "constraint_set1: constrained baseline");
}

#[test]
fn keyframes_come_every_two_seconds_and_when_wanted() {
    let mut painter = Painter::new(Scene::Sky, "Ada", 160, 90);
    let mut encoder = VideoEncoder::new(25, 300).unwrap();
    let mut keyframes = Vec::new();
    for index in 0..160 {
        let at = index * 40;
        if index == 70 {
            encoder.want_keyframe();
        }
        if encoder
            .encode(painter.paint(at, WALL_MS + at), at)
            .unwrap()
            .is_some_and(|unit| unit.keyframe)
        {
            keyframes.push(at);
        }
    }
    assert_eq!(keyframes, [0, 2_000, 2_800, 4_800]);
}

#[test]
fn the_clock_strip_survives_encoding_and_decoding() {
    for (scene, width, height) in [
        (Scene::Stage, 640, 360),
        (Scene::Studio, 320, 180),
        (Scene::Sky, 960, 540),
    ] {
        let mut painter = Painter::new(scene, "Ada", width, height);
        let mut encoder = VideoEncoder::new(24, 600).unwrap();
        let mut decoder = openh264::decoder::Decoder::new().unwrap();
        let (mut read, mut shown) = (0, 0);
        for index in 0..40 {
            let at = index * 42;
            let Some(unit) = encoder.encode(painter.paint(at, WALL_MS + at), at).unwrap() else {
                continue;
            };
            use openh264::formats::YUVSource;
            let Some(picture) = decoder.decode(&unit.annex_b).unwrap() else {
                continue;
            };
            let (width, height) = picture.dimensions();
            shown += 1;
            if strip::read(picture.y(), picture.strides().0, width, height) == Some((WALL_MS + at) as u32) {
                read += 1;
            }
        }
        assert!(shown >= 30, "{scene:?}: only {shown} pictures decoded");
        assert_eq!(read, shown, "{scene:?}: the strip was misread");
    }
}

#[test]
fn the_bitrate_is_held() {
    for scene in Scene::ALL {
        let mut painter = Painter::new(scene, "Ada", 640, 360);
        let mut encoder = VideoEncoder::new(24, 600).unwrap();
        let mut bytes = 0;
        for index in 0..240u64 {
            let at = index * 1000 / 24;
            if let Some(unit) = encoder.encode(painter.paint(at, WALL_MS + at), at).unwrap() {
                bytes += unit.annex_b.len();
            }
        }
        let kbit = bytes * 8 / 10_000;
        assert!(kbit < 780, "{scene:?}: {kbit} kbit/s of 600");
    }
}
