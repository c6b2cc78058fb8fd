use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::Orientation;

#[derive(Clone, Debug)]
enum Event {
    Come(u8, String),
    Leave(u8),
    Hide(u8, bool),
    Mute(u8, bool),
    Arrange(u8, Option<u8>),
    Keyframe,
    /// Seat, time and bytes after a header.
    Picture(u8, u64, u8, Vec<u8>),
    /// One of a real camera's pictures, or one that is bent.
    Film(u8, u64, usize, Option<usize>),
    Sound(u8, u64, usize),
    Opus(u8, u64, Vec<u8>),
    Tick(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let time = || prop_oneof![0..400_000u64, any::<u64>()];
    let event = prop_oneof![
        (0..10u8, ".{0,50}").prop_map(|(seat, name)| Event::Come(seat, name)),
        (0..10u8).prop_map(Event::Leave),
        (0..10u8, any::<bool>()).prop_map(|(seat, hidden)| Event::Hide(seat, hidden)),
        (0..10u8, any::<bool>()).prop_map(|(seat, muted)| Event::Mute(seat, muted)),
        (0..4u8, proptest::option::of(0..10u8)).prop_map(|(layout, focus)| Event::Arrange(layout, focus)),
        Just(Event::Keyframe),
        (0..10u8, time(), any::<u8>(), vec(any::<u8>(), 0..40))
            .prop_map(|(seat, time, header, bytes)| Event::Picture(seat, time, header, bytes)),
        (
            0..4u8,
            0..400_000u64,
            0..8usize,
            proptest::option::of(any::<usize>())
        )
            .prop_map(|(seat, time, n, bent)| Event::Film(seat, time, n, bent)),
        (0..10u8, time(), 0..6_000usize).prop_map(|(seat, time, count)| Event::Sound(seat, time, count)),
        (0..10u8, time(), vec(any::<u8>(), 0..40))
            .prop_map(|(seat, time, data)| Event::Opus(seat, time, data)),
        prop_oneof![9 => 0..9_000u64, 1 => 0..1u64 << 40].prop_map(Event::Tick),
    ];
    vec(event, 0..60)
}

/// A camera's first pictures.
fn film() -> Vec<Vec<Bytes>> {
    let mut encoder = Encoder::new(Rendition::Low);
    let shoot = |n: u8| {
        let picture = Picture::filled(160, 96, [40 + 20 * n, 128, 120]);
        encoder
            .encode(&picture, u64::from(n) * 33, n == 0)
            .unwrap()
            .unwrap()
            .nals
    };
    (0..8).map(shoot).collect()
}

fn bend(nals: &[Bytes], by: usize) -> Vec<Bytes> {
    let bend = |nal: &Bytes| {
        let mut bytes = nal.to_vec();
        let at = by % bytes.len();
        bytes[at] ^= (by >> 13) as u8 | 1;
        bytes.into()
    };
    nals.iter().map(bend).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_times_increase_and_nothing_panics(events in events()) {
        let film = film();
        let mut mixer = Mixer::new(1_000, "Back soon");
        let (mut now, mut mixed) = (0u64, Mixed::default());
        for event in events {
            match event {
                Event::Come(seat, name) => mixer.come(seat, &name),
                Event::Leave(seat) => mixer.leave(seat),
                Event::Hide(seat, hidden) => mixer.hide(seat, hidden),
                Event::Mute(seat, muted) => mixer.mute(seat, muted),
                Event::Arrange(layout, focus) => {
                    let layouts = [Layout::Solo, Layout::Split, Layout::Grid, Layout::Spotlight];
                    mixer.arrange(layouts[usize::from(layout)], focus);
                }
                Event::Keyframe => mixer.keyframe(),
                Event::Picture(seat, time, header, mut bytes) => {
                    bytes.insert(0, header);
                    let nals = vec![bytes.into()];
                    let _ = mixer.picture(seat, AccessUnit { time, orientation: Orientation::Deg0, nals });
                }
                Event::Film(seat, time, n, bent) => {
                    let nals = bent.map_or_else(|| film[n].clone(), |by| bend(&film[n], by));
                    let _ = mixer.picture(seat, AccessUnit { time, orientation: Orientation::Deg270, nals });
                }
                Event::Sound(seat, time, count) => {
                    let _ = mixer.sound(seat, time, &vec![i16::MIN; count]);
                }
                Event::Opus(seat, time, packet) => {
                    let _ = mixer.opus(seat, time, &packet);
                }
                Event::Tick(later) => {
                    now += later;
                    mixer.tick(now, &mut mixed).unwrap();
                    prop_assert!(mixer.next_due() > now || now < 1_000);
                }
            }
        }
        for rendition in Rendition::ALL {
            let times = mixed.pictures.iter().filter(|picture| picture.rendition == rendition);
            let times: Vec<u64> = times.map(|picture| picture.time).collect();
            prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(times.iter().all(|time| *time + DELAY <= now));
        }
        prop_assert!(mixed.sound.windows(2).all(|pair| pair[0].time < pair[1].time));
    }
}
