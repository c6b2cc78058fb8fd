use proptest::prelude::*;

use super::*;

/// Baseline, without bitstream restrictions.
const CONFIG: &[u8] = &[
    0x17, 0, 0, 0, 0, 1, 0x42, 0, 30, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0, 30, 1, 0, 2, 0x68, 0xce,
];

fn tag(keyframe: bool, cts_ms: i32, nals: &[&[u8]]) -> Bytes {
    let mut out = vec![if keyframe { 0x17 } else { 0x27 }, 1];
    out.extend(&cts_ms.to_be_bytes()[1..]);
    for nal in nals {
        out.extend((nal.len() as u32).to_be_bytes());
        out.extend(*nal);
    }
    out.into()
}

const IDR_NAL: &[u8] = &[0x65, 1];
const OTHER_NAL: &[u8] = &[0x41, 1];

struct Source {
    frames: Frames,
    units: VecDeque<Unit>,
}

impl Source {
    fn new() -> Self {
        let mut source = Self {
            frames: Frames::default(),
            units: VecDeque::new(),
        };
        source.video(0, Bytes::from_static(CONFIG));
        source
    }

    fn video(&mut self, time: u32, tag: Bytes) {
        self.frames.video(time, &tag, &mut self.units).unwrap();
    }

    fn pictures(&self) -> Vec<&Picture> {
        let mut pictures = Vec::new();
        for unit in &self.units {
            if let Unit::Picture(picture) = unit {
                pictures.push(picture);
            }
        }
        pictures
    }

    fn is_reordered(&self) -> bool {
        self.units.contains(&Unit::Reordered)
    }
}

/// Times of pictures, the first of which comes at `first`.
fn told(times: &[u32]) -> Vec<u64> {
    let mut source = Source::new();
    for (n, time) in times.iter().enumerate() {
        let nal = if n == 0 { IDR_NAL } else { OTHER_NAL };
        source.video(*time, tag(n == 0, 0, &[nal]));
    }
    source.pictures().iter().map(|picture| picture.dts_ms).collect()
}

#[test]
fn times_go_on_whatever_the_encoder_does() {
    // Over the wrap of 32 bits.
    assert_eq!(told(&[u32::MAX - 9, 10, 30]), [0, 20, 40]);
    // A clock set anew.
    assert_eq!(told(&[60_000, 60_033, 0, 33]), [0, 33, 34, 66]);
    // Twice the same time.
    assert_eq!(told(&[0, 33, 33, 66]), [0, 33, 34, 66]);
    // A pause, and what is too long for one.
    assert_eq!(told(&[0, 33, 9_033]), [0, 33, 9_033]);
    assert_eq!(told(&[0, 33, 100_033, 100_066]), [0, 33, 34, 66]);
}

#[test]
fn sound_and_picture_are_on_one_clock() {
    let mut source = Source::new();
    let Source { frames, units } = &mut source;
    let config = Bytes::from_static(&[0xaf, 0, 0x11, 0x90]);
    let unit = Bytes::from_static(&[0xaf, 1, 1]);
    frames.audio(1_000, &config, units).unwrap();
    for time in [1_020, 1_041] {
        frames.audio(time, &unit, units).unwrap();
    }
    source.video(1_000, tag(true, 0, &[IDR_NAL]));
    source.video(1_040, tag(false, 0, &[OTHER_NAL]));
    let time = |unit: &Unit| match unit {
        Unit::Sound(sound) => sound.time_ms,
        Unit::Picture(picture) => picture.dts_ms,
        _ => panic!("{unit:?}"),
    };
    // The first picture is from before the first sound.
    assert_eq!(source.units.iter().map(time).collect::<Vec<_>>(), [0, 21, 0, 20]);
}

#[test]
fn picture_and_sound_stay_together_when_their_clock_is_set_anew() {
    use Medium::{Audio, Video};
    for (ahead, anew) in [(0, 0), (0, 3_000_000_000), (30_000, 5), (u32::MAX - 500, 7)] {
        let mut clock = Clock::default();
        let mut told = |medium, time: u32| {
            let ahead = if medium == Audio { ahead } else { 0 };
            clock.extend(medium, time.wrapping_add(ahead))
        };
        let video = told(Video, 600_000);
        let apart = told(Audio, 601_000).abs_diff(video + 1_000);
        told(Video, 602_000);
        // One of the old clock comes after one of the new.
        told(Video, anew);
        told(Audio, 602_020);
        told(Audio, anew.wrapping_add(20));
        let (video, sound) = (told(Video, anew + 1_000), told(Audio, anew + 1_000));
        assert_eq!(sound.abs_diff(video), apart, "{ahead} ms ahead, set to {anew}");
        assert!((3_000..35_000).contains(&video), "{video}");
    }
}

#[test]
fn parameter_sets_are_in_front_of_keyframes() {
    let (sps, pps) = (&CONFIG[13..17], &CONFIG[20..22]);
    let mut source = Source::new();
    source.video(0, tag(false, 0, &[OTHER_NAL]));
    source.video(40, tag(true, 0, &[&[9, 0xf0], IDR_NAL, &[12, 0xff]]));
    source.video(80, tag(false, 0, &[OTHER_NAL]));
    source.video(120, tag(true, 0, &[&[0x67, 7], &[0x68, 8], IDR_NAL]));
    source.video(160, tag(true, 0, &[&[0x67, 7], IDR_NAL]));
    source.video(200, tag(false, 0, &[&[6, 1]]));
    let nals = source
        .pictures()
        .iter()
        .map(|p| p.nals.clone())
        .collect::<Vec<_>>();
    let expected: [&[&[u8]]; 4] = [
        &[sps, pps, IDR_NAL],
        &[OTHER_NAL],
        &[&[0x67, 7], &[0x68, 8], IDR_NAL],
        &[sps, pps, IDR_NAL],
    ];
    assert_eq!(nals, expected);
    assert!(source.pictures()[0].keyframe && !source.pictures()[1].keyframe);
}

/// Whether pictures that come 40 ms apart, shown this much later than decoded, are taken as reordered.
fn is_reordered(cts: &[i32]) -> bool {
    let mut source = Source::new();
    for (n, cts) in cts.iter().enumerate() {
        let nal = if n == 0 { IDR_NAL } else { OTHER_NAL };
        source.video(n as u32 * 40, tag(n == 0, *cts, &[nal]));
    }
    let told = source
        .units
        .iter()
        .filter(|unit| **unit == Unit::Reordered)
        .count();
    assert!(told <= 1);
    told == 1
}

#[test]
fn pictures_in_another_order_are_recognised() {
    assert!(is_reordered(&[80, 160, 80, 0, 40, 160]));
    assert!(is_reordered(&[40, 80, 0, 80, 0]));
    assert!(!is_reordered(&[0, 0, 0]));
    // A delay that is always the same reorders nothing, nor does a time that is not exact.
    assert!(!is_reordered(&[80, 80, 80]));
    assert!(!is_reordered(&[40, 41, 39, 40]));
}

#[test]
fn a_clock_set_anew_reorders_nothing() {
    let mut source = Source::new();
    for (n, time) in [1_000, 1_040, 600, 640, 680].into_iter().enumerate() {
        let nal = if n == 0 { IDR_NAL } else { OTHER_NAL };
        source.video(time, tag(n == 0, 80, &[nal]));
    }
    assert!(!source.is_reordered());
}

/// With timing and bitstream restrictions.
const SPS_WITH_ALL: &[u8] = &[
    0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00,
    0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e, 0x48,
];

proptest! {
    #[test]
    fn spoilt_parameters_do_no_harm(
        changes in prop::collection::vec((1..SPS_WITH_ALL.len(), any::<u8>()), 0..6),
        rest in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut sps = SPS_WITH_ALL.to_vec();
        for (at, value) in changes {
            sps[at] = value;
        }
        sps.extend(rest);
        reorders(&sps.into());
    }
}
