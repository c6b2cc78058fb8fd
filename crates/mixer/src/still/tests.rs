use image::ImageFormat;
use proptest::prelude::*;

use super::*;
use crate::Rendition;
use crate::encoder::Encoder;

/// A keyframe of one colour, and the picture after it.
fn filmed(width: usize, height: usize, ink: [u8; 3]) -> [Vec<Bytes>; 2] {
    let mut encoder = Encoder::new(Rendition::Low);
    let picture = Picture::filled(width, height, ink);
    let mut shoot = |n: u64| encoder.encode(&picture, n * 33, n == 0).unwrap().unwrap().nals;
    [shoot(0), shoot(1)]
}

fn pixel(jpeg: &[u8], size: (u32, u32)) -> [u8; 3] {
    let shown = image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg).unwrap();
    let shown = shown.to_rgb8();
    assert_eq!(shown.dimensions(), size);
    shown.get_pixel(size.0 / 2, size.1 / 2).0
}

fn near(a: [u8; 3], b: [u8; 3]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 6)
}

#[test]
fn a_keyframe_is_shown_small_and_in_its_colours() {
    // The encoder says BT.709: pure red and green, white and black in its planes.
    for (ink, shown) in [
        ([63, 102, 240], [255, 0, 0]),
        ([173, 42, 26], [0, 255, 0]),
        ([235, 128, 128], [255, 255, 255]),
        ([16, 128, 128], [0, 0, 0]),
    ] {
        let [keyframe, _] = filmed(1_280, 720, ink);
        let pixel = pixel(&jpeg(&keyframe).unwrap(), (640, 360));
        assert!(near(pixel, shown), "{pixel:?} is not {shown:?}");
    }
}

#[test]
fn its_shape_is_kept_and_it_is_not_made_larger() {
    for (size, shown) in [
        ((160, 96), (160, 96)),
        ((1_280, 720), (640, 360)),
        ((720, 1_280), (202, 360)),
        ((1_440, 1_080), (480, 360)),
    ] {
        let [keyframe, _] = filmed(size.0, size.1, [126, 128, 128]);
        pixel(&jpeg(&keyframe).unwrap(), shown);
    }
}

#[test]
fn what_is_no_whole_keyframe_is_refused() {
    let [keyframe, next] = filmed(320, 176, [126, 128, 128]);
    let without_sets: Vec<_> = keyframe
        .iter()
        .filter(|nal| nal[0] & 0x1f == 5)
        .cloned()
        .collect();
    for (nals, why) in [
        (next, Refused::NoKeyframe),
        (without_sets, Refused::NoKeyframe),
        (keyframe[..keyframe.len() - 1].to_vec(), Refused::Malformed),
        (Vec::new(), Refused::Malformed),
    ] {
        assert_eq!(jpeg(&nals), Err(StillError::Refused(why)));
    }
    let [large, _] = filmed(2_560, 1_440, [126, 128, 128]);
    assert_eq!(jpeg(&large), Err(StillError::Refused(Refused::TooLarge)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_camera_sends_nothing_panics(bends in prop::collection::vec((any::<usize>(), any::<u8>()), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()))
    {
        let [keyframe, _] = filmed(320, 176, [90, 100, 160]);
        let mut nals: Vec<Vec<u8>> = keyframe.iter().map(|nal| nal.to_vec()).collect();
        for (at, by) in bends {
            let nal = at % nals.len();
            let byte = at / 7 % nals[nal].len();
            nals[nal][byte] ^= by;
        }
        if let Some(cut) = cut {
            let last = nals.len() - 1;
            let length = cut.index(nals[last].len());
            nals[last].truncate(length);
        }
        let nals: Vec<Bytes> = nals.into_iter().map(Bytes::from).collect();
        if let Ok(jpeg) = jpeg(&nals) {
            prop_assert!(jpeg.starts_with(&[0xff, 0xd8]));
        }
    }
}
