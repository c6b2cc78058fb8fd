use super::*;

/// A source of pictures at 30 a second, two packets each.
struct Source {
    seq: u64,
    frame: u64,
    start: Instant,
}

impl Source {
    fn new(seq: u64, start: Instant) -> Self {
        Self { seq, frame: 0, start }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(33) * u32::try_from(self.frame).unwrap()
    }

    /// Pushes a frame.
    fn push(&mut self, track: &mut Track, keyframe: bool) {
        let now = self.now();
        for (part, nal) in [
            (0, if keyframe { NAL_SPS } else { 1 }),
            (1, if keyframe { 5 } else { 1 }),
        ] {
            let packet = Packet {
                seq: self.seq,
                time: 1_000 + self.frame * 2_970,
                marker: part == 1,
                orientation: None,
                captured: None,
                wall: now,
                payload: vec![0x60 | nal; 100].into(),
            };
            self.seq += 1;
            track.push(packet, now);
        }
        self.frame += 1;
    }

    fn frames(&mut self, track: &mut Track, count: u32) {
        for number in 0..count {
            self.push(track, number == 0);
        }
    }
}

fn drain(lane: &mut Lane, track: &Track) -> Vec<(u64, u32)> {
    std::iter::from_fn(|| lane.next(track).map(|out| (out.seq, out.time))).collect()
}

#[allow(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
fn start() -> Instant {
    Instant::now()
}

#[test]
fn a_lane_starts_on_a_keyframe() {
    let mut track = Track::new(TrackKind::Video);
    track.replace_source(None);
    let mut source = Source::new(60_000, start());
    source.push(&mut track, false);
    let mut lane = Lane::new(7);
    lane.join(&track);
    assert_eq!(drain(&mut lane, &track), []);
    assert!(track.lacks_keyframe());
    track.trim(source.now(), u64::MAX);
    source.push(&mut track, true);
    source.push(&mut track, false);
    let out = drain(&mut lane, &track);
    assert_eq!(
        out.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        [8, 9, 10, 11]
    );
    assert!(lane.is_live(&track) && lane.has_started(&track));
}

#[test]
fn a_late_joiner_gets_the_past_fast_and_the_present_as_it_is() {
    let mut track = Track::new(TrackKind::Video);
    track.replace_source(None);
    let mut source = Source::new(1, start());
    source.frames(&mut track, 60);
    let mut lane = Lane::new(0);
    lane.join(&track);
    let past = drain(&mut lane, &track);
    assert_eq!(past.len(), 120);
    assert_eq!(past[119].1 - past[0].1, 59 * 2_970 / 32);
    assert!(
        past.windows(2)
            .all(|pair| pair[1].0 == pair[0].0 + 1 && pair[1].1 >= pair[0].1)
    );
    source.push(&mut track, false);
    source.push(&mut track, false);
    let present = drain(&mut lane, &track);
    assert_eq!(present[0].1 - past[119].1, 2_970);
    assert_eq!(present[2].1 - present[0].1, 2_970);
}

#[test]
fn the_past_stands_for_the_moments_just_before_the_present() {
    let mut track = Track::new(TrackKind::Video);
    track.replace_source(None);
    let mut source = Source::new(1, start());
    source.frames(&mut track, 33);
    let mut lane = Lane::new(0);
    lane.join(&track);
    let outs: Vec<_> = std::iter::from_fn(|| lane.next(&track).map(|out| (out.time, out.wall))).collect();
    for pair in outs.windows(2) {
        let (ticks_between, walls_between) = (u64::from(pair[1].0 - pair[0].0), pair[1].1 - pair[0].1);
        let error = duration(ticks_between, TrackKind::Video).abs_diff(walls_between);
        assert!(
            error < Duration::from_micros(50),
            "a sender report made of either says the same"
        );
    }
}

#[test]
fn another_source_goes_on_where_the_last_left_off() {
    let mut track = Track::new(TrackKind::Video);
    track.replace_source(None);
    let begin = start();
    let mut source = Source::new(50, begin);
    source.frames(&mut track, 10);
    let mut lane = Lane::new(3);
    lane.join(&track);
    let before = drain(&mut lane, &track);
    track.replace_source(None);
    let mut source = Source::new(65_530, begin + Duration::from_secs(3));
    source.push(&mut track, false);
    assert_eq!(drain(&mut lane, &track), [], "not without a keyframe");
    source.frames(&mut track, 5);
    let after = drain(&mut lane, &track);
    assert_eq!(after[0].0, before.last().unwrap().0 + 1);
    let gap = f64::from(after[0].1 - before.last().unwrap().1) / 90_000.0;
    assert!((2.5..3.2).contains(&gap), "{gap} s");
}

#[test]
fn what_comes_late_keeps_its_number() {
    let mut track = Track::new(TrackKind::Video);
    track.replace_source(None);
    let now = start();
    let packet = |seq, time, nal: u8| Packet {
        seq,
        time,
        marker: false,
        orientation: None,
        captured: None,
        wall: now,
        payload: vec![nal; 10].into(),
    };
    // The parameter sets come after the slice they are for; an older packet comes last.
    for packet in [
        packet(11, 500, 0x65),
        packet(10, 500, 0x67),
        packet(13, 600, 0x61),
        packet(12, 500, 0x65),
    ] {
        track.push(packet, now);
    }
    track.push(packet(9, 400, 0x61), now);
    let mut lane = Lane::new(0);
    lane.join(&track);
    let seqs: Vec<u64> = drain(&mut lane, &track).into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(
        seqs,
        [2, 1, 4, 3],
        "in the order in which they came, before-the-start left out"
    );
}

#[test]
fn a_lane_left_behind_starts_anew_on_the_next_keyframe() {
    let mut track = Track::new(TrackKind::Video);
    track.replace_source(None);
    let mut source = Source::new(1, start());
    source.frames(&mut track, 60);
    let mut lane = Lane::new(0);
    lane.join(&track);
    let some: Vec<u64> = (0..10)
        .filter_map(|_| lane.next(&track).map(|out| out.seq))
        .collect();
    source.frames(&mut track, 3);
    track.trim(source.now(), u64::MAX);
    let rest = drain(&mut lane, &track);
    assert_eq!(rest.len(), 6);
    assert_eq!(rest[0].0, some.last().unwrap() + 1);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut track = Track::new(TrackKind::Video);
    track.replace_source(None);
    let mut source = Source::new(1, start());
    source.push(&mut track, true);
    for _ in 0..300 {
        source.push(&mut track, false);
        track.trim(source.now(), u64::MAX);
    }
    assert!(
        track.kept.is_empty() && track.lacks_keyframe(),
        "ten seconds are too old to start from"
    );
}

#[test]
fn keyframes_are_asked_for_until_one_comes_but_not_too_often() {
    let mut track = Track::new(TrackKind::Video);
    track.replace_source(None);
    let begin = start();
    assert!(track.ask_keyframe(begin));
    assert!(!track.ask_keyframe(begin + Duration::from_millis(100)));
    assert!(track.ask_keyframe(begin + Duration::from_millis(900)));
    let mut source = Source::new(1, begin + Duration::from_secs(1));
    source.push(&mut track, true);
    assert!(!track.ask_keyframe(begin + Duration::from_secs(9)));
}

#[test]
fn what_never_came_is_counted() {
    let mut track = Track::new(TrackKind::Video);
    track.replace_source(None);
    let mut source = Source::new(1, start());
    source.push(&mut track, true);
    source.seq += 3;
    source.push(&mut track, false);
    let figures = track.figures(source.now());
    assert_eq!((figures.packets, figures.lost), (4, 3));
}

#[test]
fn sound_is_never_hurried() {
    let mut track = Track::new(TrackKind::Audio);
    track.replace_source(None);
    let now = start();
    let mut lane = Lane::new(0);
    lane.join(&track);
    for number in 0..3 {
        let packet = Packet {
            seq: number,
            time: number * 960,
            marker: false,
            orientation: None,
            captured: None,
            wall: now,
            payload: vec![1; 80].into(),
        };
        track.push(packet, now);
    }
    let times: Vec<u32> = drain(&mut lane, &track)
        .into_iter()
        .map(|(_, time)| time)
        .collect();
    assert_eq!((times[1] - times[0], times[2] - times[1]), (960, 960));
}

#[test]
fn who_is_behind_keeps_what_it_needs_though_nobody_can_start_from_it() {
    let mut track = Track::new(TrackKind::Video);
    track.replace_source(None);
    let mut source = Source::new(1, start());
    source.frames(&mut track, 110);
    let mut lane = Lane::new(0);
    lane.join(&track);
    let some = (0..100).filter_map(|_| lane.next(&track)).count();
    source.frame += 30;
    source.push(&mut track, false);
    track.trim(source.now(), lane.needs());
    assert!(track.lacks_keyframe() && !lane.is_stuck(&track));
    assert_eq!(some + drain(&mut lane, &track).len(), 222);
}
