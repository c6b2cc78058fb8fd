//! Keeps a sum of voices within 16 bits without a click: the gain falls before a peak comes, and rises slowly.
//!
//! Invariant: the gain is one while nothing is too loud, and then samples come out as they went in.

use super::CHANNELS;
use crate::SOUND_UNIT;

/// Samples between two gains; in between it changes linearly. 1.3 ms.
const STEP: usize = 64;
/// How far the limiter looks ahead.
pub(super) const AHEAD: usize = STEP;
/// −1 dBFS: AAC overshoots a little.
const CEILING: f32 = 29_204.0;
/// By which the gain rises in a step: back from a half in 130 ms.
const RELEASE: f32 = 0.005;

pub(super) struct Limiter {
    gain: f32,
}

impl Limiter {
    pub(super) fn new() -> Self {
        Self { gain: 1.0 }
    }

    /// Takes a unit of interleaved samples and [`AHEAD`] more, and gives the unit.
    pub(super) fn limit(&mut self, sum: &[i32]) -> Vec<i16> {
        debug_assert_eq!(sum.len(), (SOUND_UNIT + AHEAD) * CHANNELS);
        let mut out = Vec::with_capacity(SOUND_UNIT * CHANNELS);
        let steps: Vec<&[i32]> = sum.chunks_exact(STEP * CHANNELS).collect();
        let mut needed = gain_for(steps[0]);
        // What was heard less ahead than this came late.
        self.gain = self.gain.min(needed);
        for pair in steps.windows(2) {
            let next = gain_for(pair[1]);
            let end = (self.gain + RELEASE).min(needed).min(next);
            for (n, sample) in pair[0].iter().enumerate() {
                let along = (n / CHANNELS) as f32 / STEP as f32;
                let gain = self.gain + (end - self.gain) * along;
                let limited = if gain < 1.0 {
                    (*sample as f32 * gain).round() as i32
                } else {
                    *sample
                };
                out.push(limited.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16);
            }
            self.gain = end;
            needed = next;
        }
        out
    }
}

fn gain_for(samples: &[i32]) -> f32 {
    let peak = samples
        .iter()
        .map(|sample| sample.unsigned_abs())
        .max()
        .unwrap_or(0);
    (CEILING / (peak as f32).max(1.0)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(level: impl Fn(usize) -> i32, units: usize) -> Vec<i16> {
        let mut limiter = Limiter::new();
        let unit = |n: usize| -> Vec<i32> {
            let times = n * SOUND_UNIT..(n + 1) * SOUND_UNIT + AHEAD;
            times.flat_map(|t| [level(t), level(t)]).collect()
        };
        (0..units).flat_map(|n| limiter.limit(&unit(n))).collect()
    }

    #[test]
    fn what_is_not_too_loud_is_not_touched() {
        let out = limited(|t| (t as i32 * 7_919) % 29_000, 3);
        assert!(
            out.chunks(2)
                .enumerate()
                .all(|(t, pair)| i32::from(pair[0]) == (t as i32 * 7_919) % 29_000)
        );
    }

    #[test]
    fn what_is_too_loud_stays_below_the_ceiling_without_a_step() {
        let loud = |t: usize| {
            ((t as f32 - 3_000.0) / 200.0)
                .min((5_000.0 - t as f32) / 200.0)
                .clamp(0.0, 1.0)
        };
        let wave = |t: usize| ((t as f32 * 0.05).sin() * (9_000.0 + 111_000.0 * loud(t))) as i32;
        let out = limited(wave, 16);
        assert!(
            out.iter()
                .all(|s| i32::from(s.unsigned_abs()) <= CEILING as i32 + 1)
        );
        let after: Vec<_> = out
            .chunks(2)
            .skip(15_000)
            .map(|pair| i32::from(pair[0]))
            .collect();
        assert!(
            after.iter().enumerate().all(|(n, s)| *s == wave(n + 15_000)),
            "the gain is back"
        );
        let jump = out.chunks(2).collect::<Vec<_>>();
        let jump = jump
            .windows(2)
            .map(|w| (i32::from(w[0][0]) - i32::from(w[1][0])).abs())
            .max();
        assert!(jump < Some(4_000), "{jump:?}");
    }
}
