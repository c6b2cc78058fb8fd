//! A quiet synthesised arpeggio over a soft pad, in Opus packets of 20 ms.
//! Deterministic: the same seed gives the same sound, so two creators do not play in unison.

use std::f32::consts::TAU;

/// The clock of Opus in RTP, whatever the sound's own bandwidth (RFC 7587 §4.1).
pub const SAMPLE_RATE_HZ: u32 = 48_000;
pub const PACKET_MS: u64 = 20;
pub const PACKET_SAMPLES: usize = 960;

const BITRATE_BPS: i32 = 40_000;
const NOTE_S: f32 = 0.42;
/// Semitones above the root: four chords of one bar each, all from one major scale.
const BARS: [[i32; 8]; 4] = [
    [0, 7, 12, 16, 19, 16, 12, 7],
    [-3, 4, 9, 12, 16, 12, 9, 4],
    [5, 9, 12, 17, 21, 17, 12, 9],
    [-5, 2, 7, 11, 14, 11, 7, 2],
];
/// Peak of a note; with the pad about −22 dBFS: heard, never annoying.
const NOTE_LEVEL: f32 = 0.06;
const PAD_LEVEL: f32 = 0.018;
const PAD_FADE_S: f32 = 0.25;

#[derive(Debug, thiserror::Error)]
#[error("the Opus encoder refused: {0}")]
pub struct ToneError(#[from] opus::Error);

pub struct Microphone {
    encoder: opus::Encoder,
    root_hz: f32,
    /// Position in the tune, in samples.
    at: u64,
    samples: [f32; PACKET_SAMPLES],
}

impl Microphone {
    /// `seed` transposes the tune.
    pub fn new(seed: u32) -> Result<Microphone, ToneError> {
        let mut encoder = opus::Encoder::new(SAMPLE_RATE_HZ, opus::Channels::Mono, opus::Application::Audio)?;
        encoder.set_bitrate(opus::Bitrate::Bits(BITRATE_BPS))?;
        encoder.set_complexity(2)?;
        let semitones = [0, 5, -3, 2, 7][seed as usize % 5];
        Ok(Microphone {
            encoder,
            root_hz: 196.0 * semitone_ratio(semitones),
            at: 0,
            samples: [0.0; PACKET_SAMPLES],
        })
    }

    /// The next 20 ms.
    pub fn next_packet(&mut self) -> Result<Vec<u8>, ToneError> {
        let (root_hz, start) = (self.root_hz, self.at);
        for (offset, sample) in self.samples.iter_mut().enumerate() {
            *sample = tune(
                root_hz,
                (start + offset as u64) as f64 / f64::from(SAMPLE_RATE_HZ),
            );
        }
        self.at += PACKET_SAMPLES as u64;
        Ok(self.encoder.encode_vec_float(&self.samples, 400)?)
    }
}

fn semitone_ratio(semitones: i32) -> f32 {
    2f32.powf(semitones as f32 / 12.0)
}

/// The tune at `seconds`: the note under way, the tails of the two before it, and the chord's pad.
fn tune(root_hz: f32, seconds: f64) -> f32 {
    let index = (seconds / f64::from(NOTE_S)) as u64;
    let into = (seconds - index as f64 * f64::from(NOTE_S)) as f32;
    let mut sample = 0.0;
    for back in 0..3.min(index + 1) {
        let age = into + back as f32 * NOTE_S;
        let ratio = semitone_ratio(semitones_of(index - back));
        let attack = (age / 0.012).min(1.0);
        let phase = TAU * root_hz * ratio * age;
        let timbre = phase.sin() + 0.28 * (2.0 * phase).sin() + 0.1 * (3.0 * phase).sin();
        sample += NOTE_LEVEL * attack * (-3.2 * age).exp() * timbre;
    }
    let bar = &BARS[bar_of(index)];
    // The pad breathes out before the chord changes: a jump between two phases is a click.
    let into_bar = (index % 8) as f32 * NOTE_S + into;
    let breath = (into_bar / PAD_FADE_S)
        .min((8.0 * NOTE_S - into_bar) / PAD_FADE_S)
        .clamp(0.0, 1.0);
    // f64 phases: after hours an f32 would have too few bits left for the fraction of a turn.
    for step in [bar[0], bar[2]] {
        let hz = f64::from(root_hz * semitone_ratio(step - 12));
        let phase = (seconds * hz).fract() as f32 * TAU;
        let swell = 0.7 + 0.3 * ((seconds * 0.21).fract() as f32 * TAU).sin();
        sample += PAD_LEVEL * breath * swell * phase.sin();
    }
    sample
}

fn bar_of(note: u64) -> usize {
    (note / 8 % 4) as usize
}

fn semitones_of(note: u64) -> i32 {
    BARS[bar_of(note)][(note % 8) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tone_decodes_to_a_quiet_sound() {
        let mut microphone = Microphone::new(1).unwrap();
        let mut decoder = opus::Decoder::new(SAMPLE_RATE_HZ, opus::Channels::Stereo).unwrap();
        let (mut sum, mut count, mut peak) = (0.0f64, 0usize, 0f32);
        for _ in 0..150 {
            let packet = microphone.next_packet().unwrap();
            assert!(packet.len() > 10 && packet.len() < 400, "{} bytes", packet.len());
            let mut sound = [0f32; PACKET_SAMPLES * 2];
            assert_eq!(
                decoder.decode_float(&packet, &mut sound, false).unwrap(),
                PACKET_SAMPLES
            );
            sum += sound.iter().map(|s| f64::from(s * s)).sum::<f64>();
            count += sound.len();
            peak = sound.iter().fold(peak, |peak, s| peak.max(s.abs()));
        }
        let level_db = 10.0 * (sum / count as f64).log10();
        assert!((-45.0..-18.0).contains(&level_db), "{level_db} dBFS");
        assert!(peak < 0.5, "peak {peak}");
    }

    #[test]
    fn the_sound_has_no_clicks_where_notes_meet() {
        let step = 1.0 / f64::from(SAMPLE_RATE_HZ);
        let mut last = tune(196.0, 0.0);
        for index in 1..(SAMPLE_RATE_HZ * 20) {
            let now = tune(196.0, f64::from(index) * step);
            assert!(
                (now - last).abs() < 0.03,
                "a step of {} at sample {index}",
                now - last
            );
            last = now;
        }
    }
}
