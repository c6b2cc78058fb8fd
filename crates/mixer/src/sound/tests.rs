use super::*;

struct Mix {
    sound: Sound,
    out: Vec<MixedSound>,
    counts: Counts,
}

impl Mix {
    fn new(voices: u8) -> Self {
        let mut sound = Sound::new(0);
        (0..voices).for_each(|seat| sound.open(seat));
        Self {
            sound,
            out: Vec::new(),
            counts: Counts::default(),
        }
    }

    fn until(&mut self, now: u64) {
        self.sound.mix(now, &mut self.counts, &mut self.out);
    }

    /// The left channel, from time 0 on.
    fn left(&self) -> Vec<i16> {
        let ends = self.out.windows(2);
        ends.for_each(|pair| assert_eq!(pair[1].time, pair[0].time + SOUND_UNIT as u64));
        assert!(
            self.out
                .iter()
                .all(|unit| unit.samples.len() == SOUND_UNIT * CHANNELS)
        );
        self.out
            .iter()
            .flat_map(|unit| unit.samples.iter().step_by(2).copied())
            .collect()
    }
}

fn tone(hz: f32, level: f32, time: u64, count: u64) -> Vec<i16> {
    let sample = |t: u64| (level * (t as f32 * hz * std::f32::consts::TAU / 48_000.0).sin()) as i16;
    (time..time + count)
        .flat_map(|t| [sample(t), -sample(t)])
        .collect()
}

fn ones(count: u64) -> Vec<i16> {
    vec![1; count as usize * 2]
}

/// How loud a frequency is (Goertzel).
fn level(samples: &[i16], hz: f32) -> f32 {
    let step = hz * std::f32::consts::TAU / 48_000.0;
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        re += f32::from(*sample) * (n as f32 * step).cos();
        im += f32::from(*sample) * (n as f32 * step).sin();
    }
    2.0 * re.hypot(im) / samples.len() as f32
}

#[test]
fn two_tones_are_both_heard() {
    let mut mix = Mix::new(2);
    for n in 0..50 {
        mix.sound
            .push(0, n * 960, &tone(440.0, 8_000.0, n * 960, 960))
            .unwrap();
        mix.sound
            .push(1, n * 960, &tone(1_000.0, 5_000.0, n * 960, 960))
            .unwrap();
        mix.until(n * 960);
    }
    let left = mix.left();
    let heard = &left[..left.len() / 4_800 * 4_800];
    for (hz, expected) in [(440.0, 8_000.0), (1_000.0, 5_000.0), (700.0, 0.0)] {
        let found = level(heard, hz);
        assert!((found - expected).abs() < 100.0, "{found} at {hz} Hz");
    }
    let right = &mix.out[3].samples[1..2];
    assert_eq!(right[0], -mix.out[3].samples[0]);
}

#[test]
fn sound_comes_out_as_it_went_in_at_its_time() {
    let mut mix = Mix::new(1);
    let samples = tone(300.0, 20_000.0, 0, 9_600);
    for (n, samples) in samples.chunks(960 * 2).enumerate() {
        mix.sound.push(0, n as u64 * 960, samples).unwrap();
    }
    mix.until(9_000);
    let left = mix.left();
    assert_eq!(left.len(), 8 * SOUND_UNIT);
    assert!(
        left.iter()
            .zip(samples.chunks(2))
            .all(|(out, pair)| *out == pair[0])
    );
}

#[test]
fn gaps_are_silence_and_what_is_late_is_left_out() {
    let mut mix = Mix::new(1);
    mix.sound.push(0, 1_000, &ones(960)).unwrap();
    // One packet was lost; the next comes before the one that should be there.
    mix.sound.push(0, 1_000 + 2 * 960, &ones(960)).unwrap();
    mix.until(4_000);
    assert_eq!(mix.sound.push(0, 1_000 + 960, &ones(100)), Err(Refused::Late));
    mix.until(6_000);
    let expected = |t: usize| i16::from((1_000..1_960).contains(&t) || (2_920..3_880).contains(&t));
    assert!(
        mix.left()
            .iter()
            .enumerate()
            .all(|(t, sample)| *sample == expected(t))
    );
    // Half of it is late.
    mix.sound.push(0, 4_800, &ones(960)).unwrap();
    mix.until(8_000);
    let left = mix.left();
    let played = 5 * SOUND_UNIT;
    assert_eq!(
        [left[played - 1], left[played], left[5_759], left[5_760]],
        [0, 1, 1, 0]
    );
}

#[test]
fn small_differences_of_time_are_no_gaps() {
    let mut mix = Mix::new(1);
    for (n, drift) in [0i64, 3, -4, 40, -30, 7].into_iter().enumerate() {
        mix.sound
            .push(0, (n as u64 * 960).saturating_add_signed(drift), &ones(960))
            .unwrap();
    }
    mix.until(5_760);
    assert!(mix.left()[..5 * 960].iter().all(|sample| *sample == 1));
}

#[test]
fn nobody_has_more_waiting_than_half_a_second() {
    let mut mix = Mix::new(1);
    for n in 0..25 {
        mix.sound.push(0, n * 960, &ones(960)).unwrap();
    }
    assert_eq!(mix.sound.push(0, 24_000, &ones(960)), Err(Refused::TooMuch));
    assert_eq!(mix.sound.push(0, u64::MAX - 5, &ones(960)), Err(Refused::TooMuch));
    assert_eq!(mix.sound.push(1, 0, &ones(960)), Err(Refused::NotHeard));
    mix.until(24_000);
    assert!(mix.left().iter().all(|sample| *sample == 1));
}

#[test]
fn a_caller_who_was_away_leaves_sound_out_but_not_its_time() {
    let mut mix = Mix::new(1);
    mix.until(5_000);
    mix.until(48_000 * 60);
    let last = mix.out.last().unwrap().time;
    assert!(mix.out.len() < 10 && last > 48_000 * 60 - 3 * 1_024, "{last}");
    assert_eq!(last % SOUND_UNIT as u64, 0);
    assert!(mix.counts.sound_skipped > 2_000);
}

#[test]
fn opus_is_heard_and_what_is_none_is_refused() {
    let mut mix = Mix::new(1);
    let mut encoder = opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Audio).unwrap();
    for n in 0..20 {
        let samples: Vec<i16> = tone(440.0, 9_000.0, n * 960, 960)
            .into_iter()
            .step_by(2)
            .collect();
        let packet = encoder.encode_vec(&samples, 1_000).unwrap();
        mix.sound.push_opus(0, n * 960, &packet).unwrap();
    }
    assert_eq!(mix.sound.push_opus(0, 0, &[]), Err(Refused::Malformed));
    assert_eq!(mix.sound.push_opus(0, 0, &[0xff; 7]), Err(Refused::Malformed));
    mix.until(20 * 960);
    let left = mix.left();
    assert!(level(&left[4_800..14_400], 440.0) > 7_000.0);
}
