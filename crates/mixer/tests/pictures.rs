//! What is seen: cameras of known colours go in, and what comes out is decoded again.

mod common;

use busk_mixer::{
    AccessUnit, DELAY, KEYFRAME_EVERY, Layout, Mixed, Mixer, Orientation, PICTURE_TICKS, Refused, Rendition,
    rectangles,
};
use bytes::Bytes;
use common::screen::{Screen, assert_like};
use common::{Camera, Noise, Planes};
use openh264::encoder::Profile;

/// What stands between people, and the ground of seat 0's card.
const GROUND: [u8; 3] = [28, 131, 128];
const CARD: [u8; 3] = [52, 140, 128];
const INKS: [[u8; 3]; 4] = [[60, 100, 160], [110, 160, 100], [160, 128, 128], [210, 110, 140]];

fn seats(count: u8, width: usize, height: usize) -> Vec<(u8, Camera, Planes)> {
    let seat = |seat: u8| {
        let ink = INKS[usize::from(seat)];
        (seat, Camera::new(500), Planes::flat(width, height, ink))
    };
    (0..count).map(seat).collect()
}

fn on_stage(count: u8) -> Screen {
    let mut screen = Screen::new();
    (0..count).for_each(|seat| screen.mixer.come(seat, "Ada"));
    screen
}

#[track_caller]
fn assert_tiles(screen: &Screen, layout: Layout, focus: Option<u8>, seats: &[u8]) {
    for place in rectangles(layout, focus, seats, 1_280, 720) {
        let (ink, at) = (INKS[usize::from(place.seat)], place.at);
        let inset = 12;
        let (right, bottom) = (at.left + at.width - inset, at.top + at.height - inset);
        for (x, y) in [(at.left + inset, at.top + inset), (right, bottom)] {
            assert_like(screen.ink(x, y), ink);
            assert_like(screen.ink_of(Rendition::Low, x / 2, y / 2), ink);
        }
    }
}

#[test]
fn everybody_is_where_the_layout_says() {
    let mut screen = on_stage(4);
    let mut cameras = seats(4, 640, 360);
    screen.flat(&mut cameras, 8);
    assert_tiles(&screen, Layout::Grid, None, &[0, 1, 2, 3]);
    for (layout, focus) in [
        (Layout::Spotlight, Some(2)),
        (Layout::Split, None),
        (Layout::Solo, Some(3)),
    ] {
        screen.mixer.arrange(layout, focus);
        screen.flat(&mut cameras, 8);
        assert_tiles(&screen, layout, focus, &[0, 1, 2, 3]);
        if layout == Layout::Spotlight {
            assert_like(screen.ink(100, 20), GROUND);
        }
    }
    // Those who were not shown come back at once.
    screen.mixer.arrange(Layout::Grid, None);
    screen.flat(&mut cameras, 8);
    assert_tiles(&screen, Layout::Grid, None, &[0, 1, 2, 3]);
}

#[test]
fn people_leave_and_come() {
    let mut screen = on_stage(3);
    let mut cameras = seats(3, 640, 360);
    screen.flat(&mut cameras, 6);
    assert_tiles(&screen, Layout::Grid, None, &[0, 1, 2]);
    screen.mixer.leave(1);
    screen.flat(&mut cameras, 6);
    assert_tiles(&screen, Layout::Grid, None, &[0, 2]);
    let (_, camera, picture) = &mut cameras[1];
    let unit = camera.shoot(picture, 0, true);
    assert_eq!(screen.mixer.picture(1, unit), Err(Refused::NotOnStage));

    screen.mixer.come(1, "Ivo");
    assert_eq!(screen.mixer.keyframes_wanted(), [1]);
    assert_eq!(screen.mixer.keyframes_wanted(), []);
    let time = screen.time();
    let (_, camera, picture) = &mut cameras[1];
    let unit = camera.shoot(picture, time, false);
    assert_eq!(screen.mixer.picture(1, unit), Err(Refused::NoKeyframe));
    screen.flat(&mut cameras, 6);
    assert_tiles(&screen, Layout::Grid, None, &[0, 1, 2]);
}

#[test]
fn a_card_stands_in_for_a_camera_that_is_off_and_the_slate_for_nobody() {
    let mut screen = Screen::new();
    screen.flat(&mut [], 4);
    // The words stand in the middle of the picture.
    let lit = |screen: &Screen| (0..1_280).filter(|x| screen.ink(*x, 360)[0] > 150).count();
    assert!(lit(&screen) > 20 && screen.ink(100, 100)[0] < 40);

    screen.mixer.come(0, "Ada");
    screen.mixer.hide(0, true);
    screen.flat(&mut [], 4);
    assert_like(screen.ink(60, 60), CARD);
    screen.mixer.hide(0, false);
    let mut cameras = seats(1, 640, 360);
    screen.flat(&mut cameras, 4);
    assert_tiles(&screen, Layout::Grid, None, &[0]);
    screen.mixer.hide(0, true);
    screen.flat(&mut cameras, 4);
    assert_like(screen.ink(60, 60), CARD);
    assert_eq!(screen.mixer.keyframes_wanted(), [0]);

    // A camera that stops is shown for some seconds; then nobody is there to be seen.
    screen.mixer.hide(0, false);
    screen.flat(&mut cameras, 4);
    screen.next += 140;
    screen.flat(&mut [], 2);
    assert_tiles(&screen, Layout::Grid, None, &[0]);
    screen.next += 10;
    screen.flat(&mut [], 2);
    assert!(lit(&screen) > 20 && screen.ink(100, 100)[0] < 40);
}

#[test]
fn a_camera_may_change_its_size_and_be_turned() {
    let mut screen = on_stage(1);
    for (width, height) in [(320, 180), (640, 360), (1_280, 720), (480, 270), (1_920, 1_080)] {
        screen.flat(&mut seats(1, width, height), 5);
        assert_tiles(&screen, Layout::Grid, None, &[0]);
    }
    let mut cameras = seats(1, 640, 360);
    cameras[0].1.orientation = Orientation::Deg90;
    screen.flat(&mut cameras, 6);
    // Upright now, with bars beside it.
    assert_like(screen.ink(640, 360), INKS[0]);
    assert_like(screen.ink(640 + 180, 20), INKS[0]);
    assert_like(screen.ink(300, 360), GROUND);
    screen.flat(&mut seats(1, 640, 360), 6);
    assert_tiles(&screen, Layout::Grid, None, &[0]);
    assert_eq!(screen.mixer.counts().decoders_failed, 0);
}

/// Decoders hold pictures of the high profile back, for B-frames; a camera that has none must not be late for it.
#[test]
fn every_profile_is_shown_at_once() {
    for profile in [Profile::Baseline, Profile::Main, Profile::High] {
        let mut screen = on_stage(1);
        let mut camera = Camera::of_profile(2_000, profile);
        for n in 0..12 {
            let ink = INKS[n / 3];
            let unit = camera.shoot(&Planes::flat(640, 360, ink), screen.time(), n == 0);
            screen.step(vec![(0, unit)]);
            let found = screen.ink(640, 360);
            let apart = found[0].abs_diff(ink[0]);
            assert!(apart < 20, "{profile:?}: picture {n} is {found:?}, not {ink:?}");
        }
    }
}

#[test]
fn keyframes_are_two_seconds_apart_and_of_the_same_pictures() {
    let mut screen = on_stage(2);
    let mut noise = Noise(5);
    let mut camera = Camera::new(1_000);
    for n in 0..130 {
        let picture = Planes::moving(320, 180, n, &mut noise);
        let unit = camera.shoot(&picture, screen.time(), n == 0);
        if n == 80 {
            screen.mixer.keyframe();
        }
        screen.step(vec![(0, unit)]);
    }
    for rendition in Rendition::ALL {
        let own = || {
            screen
                .pictures
                .iter()
                .filter(|picture| picture.rendition == rendition)
        };
        let times: Vec<u64> = own().map(|picture| picture.time / PICTURE_TICKS).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(times.len() > 120, "{} of 130 pictures", times.len());
        let keyframes = own().filter(|picture| picture.keyframe);
        let keyframes: Vec<u64> = keyframes.map(|picture| picture.time / PICTURE_TICKS).collect();
        assert_eq!(keyframes, [0, KEYFRAME_EVERY, 80, 2 * KEYFRAME_EVERY]);
        for picture in own().filter(|picture| picture.keyframe) {
            let kinds: Vec<u8> = picture.nals.iter().map(|nal| nal[0] & 0x1f).collect();
            assert_eq!(kinds, [7, 8, 5]);
        }
    }
}

#[test]
fn the_bitrate_holds_for_four_noisy_cameras() {
    let mut screen = on_stage(4);
    let mut noise = Noise(9);
    let mut cameras: Vec<Camera> = (0..4).map(|_| Camera::new(3_000)).collect();
    for n in 0..90 {
        let time = screen.time();
        let mut shoot = |(seat, camera): (u8, &mut Camera)| {
            let mut picture = Planes::moving(320, 180, n, &mut noise);
            let grain = |pixel: &mut u8| *pixel = pixel.saturating_add((noise.next() % 40) as u8);
            picture.planes[0].iter_mut().for_each(grain);
            (seat, camera.shoot(&picture, time, n == 0))
        };
        let units = (0..).zip(&mut cameras).map(&mut shoot).collect();
        screen.step(units);
    }
    for rendition in Rendition::ALL {
        let own = screen
            .pictures
            .iter()
            .filter(|picture| picture.rendition == rendition);
        let bytes: usize = own.flat_map(|picture| &picture.nals).map(Bytes::len).sum();
        let bits_per_s = bytes as u32 * 8 / 3;
        assert!(
            bits_per_s < rendition.bits_per_s() / 10 * 13,
            "{rendition:?}: {bits_per_s} bit/s"
        );
    }
}

#[test]
fn a_late_caller_leaves_pictures_out_and_times_stay_right() {
    let mut mixer = Mixer::new(90_000, "");
    let mut times = Vec::new();
    let mut tick = |now: u64| {
        let mut mixed = Mixed::default();
        mixer.tick(now, &mut mixed).unwrap();
        let high = mixed
            .pictures
            .iter()
            .filter(|picture| picture.rendition == Rendition::High);
        let found: Vec<(u64, bool)> = high.map(|picture| (picture.time, picture.keyframe)).collect();
        times.extend(found.iter().map(|(time, _)| *time));
        found
    };
    assert_eq!(tick(90_000 + DELAY - 1), []);
    assert_eq!(tick(90_000 + DELAY), [(90_000, true)]);
    assert_eq!(tick(90_000 + DELAY), []);
    // 100 ms late: made up for.
    assert_eq!(tick(99_000 + DELAY).len(), 3);
    // Three seconds late: one picture, and the keyframe that was due.
    assert_eq!(tick(369_500 + DELAY), [(369_000, true)]);
    assert_eq!(tick(372_000 + DELAY), [(372_000, false)]);
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(mixer.counts().pictures_skipped, 89);
    // Sound is due before the next picture.
    assert!((372_000..375_000).contains(&(mixer.next_due() - DELAY)));
}

#[test]
fn sizes_that_are_too_large_are_refused_and_the_card_is_shown() {
    let mut screen = on_stage(2);
    let mut cameras = seats(2, 640, 360);
    screen.flat(&mut cameras, 4);
    let large = Planes::flat(2_560, 1_440, INKS[0]);
    let unit = Camera::new(500).shoot(&large, screen.time(), true);
    assert_eq!(screen.mixer.picture(0, unit), Err(Refused::TooLarge));
    screen.step(Vec::new());
    screen.step(Vec::new());
    let places = rectangles(Layout::Grid, None, &[0, 1], 1_280, 720);
    assert_like(screen.ink(places[0].at.left + 20, places[0].at.top + 20), CARD);
    assert_like(screen.ink_at(places[1].at), INKS[1]);
}

#[test]
fn one_nal_unit_does_not_bring_another_past_the_checks() {
    let mut mixer = Mixer::new(0, "");
    mixer.come(0, "Ada");
    let large = Camera::new(500).shoot(&Planes::flat(2_560, 1_440, INKS[0]), 0, true);
    let mut good = Camera::new(500).shoot(&Planes::flat(640, 360, INKS[0]), 0, true);
    let hidden = common::annex_b(&large.nals);
    let last = good.nals.pop().unwrap();
    good.nals.push([&last[..], &hidden[..]].concat().into());
    assert_eq!(mixer.picture(0, good), Err(Refused::Malformed));
}

/// What is no H.264 freezes its own seat until its next keyframe, and nothing else.
#[test]
fn rubbish_harms_nobody_else() {
    let mut screen = on_stage(2);
    let mut cameras = seats(2, 320, 180);
    screen.flat(&mut cameras, 4);
    let mut noise = Noise(1);
    for n in 0..80 {
        let time = screen.time();
        let mut bad = cameras[0]
            .1
            .shoot(&Planes::moving(320, 180, n, &mut noise), time, n % 5 == 0);
        // Parameter sets that are bent are refused; what is to be seen is what a decoder makes of slices.
        let sets_too = noise.next().is_multiple_of(8);
        for nal in bad.nals.iter_mut().filter(|nal| nal[0] & 0x1f < 7 || sets_too) {
            let mut bytes = nal.to_vec();
            match noise.next() % 4 {
                0 => bytes.truncate(noise.next() as usize % bytes.len()),
                1 => bytes
                    .iter_mut()
                    .skip(1)
                    .for_each(|byte| *byte = noise.next() as u8 | 4),
                _ => (0..3).for_each(|_| {
                    let at = noise.next() as usize % bytes.len();
                    bytes[at] ^= 1 << (noise.next() % 8);
                }),
            }
            *nal = bytes.into();
        }
        let (_, camera, picture) = &mut cameras[1];
        let good = camera.shoot(picture, time, false);
        screen.step(vec![(0, bad), (1, good)]);
    }
    let places = rectangles(Layout::Grid, None, &[0, 1], 1_280, 720);
    assert_like(screen.ink_at(places[1].at), INKS[1]);
    assert!(screen.mixer.counts().decoders_failed > 0);
    screen.flat(&mut cameras, 6);
    assert_tiles(&screen, Layout::Grid, None, &[0, 1]);
}

#[test]
fn empty_and_foreign_units_are_refused() {
    let mut mixer = Mixer::new(0, "");
    mixer.come(0, "Ada");
    let unit = |nals: &[&[u8]]| AccessUnit {
        time: 0,
        orientation: Orientation::Deg0,
        nals: nals.iter().map(|nal| Bytes::copy_from_slice(nal)).collect(),
    };
    let rows: [(&[&[u8]], Refused); 10] = [
        (&[], Refused::Malformed),
        (&[&[]], Refused::Malformed),
        (&[&[0, 0, 0]], Refused::Malformed),
        (&[&[0x09, 0xf0]], Refused::Malformed),
        (&[&[0xe5, 1]], Refused::Malformed),
        (&[&[0x65, 0, 0, 1]], Refused::Malformed),
        (&[&[0x65, 1, 2]], Refused::NoKeyframe),
        (&[&[0x67], &[0x65, 1]], Refused::BadParameters),
        (&[&[0x68, 0xce], &[0x65, 1]], Refused::BadParameters),
        (
            &[&[0x67, 66, 0, 31, 0xff, 0xff], &[0x65, 1]],
            Refused::BadParameters,
        ),
    ];
    for (nals, refused) in rows {
        assert_eq!(mixer.picture(0, unit(nals)), Err(refused), "{nals:x?}");
        assert_eq!(mixer.picture(9, unit(nals)), Err(Refused::NotOnStage));
    }
}
