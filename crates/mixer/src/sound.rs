//! The seats' sound, as one.
//!
//! Invariants: what comes out is without a gap, in units of [`SOUND_UNIT`] samples; a sample that came in stands
//! where its time says; what comes too late is left out and what does not come is silence.

mod limiter;

use crate::{Counts, MixedSound, Refused, SEATS, SOUND_UNIT};
use limiter::Limiter;

pub(crate) const CHANNELS: usize = 2;
/// What one seat may have waiting: 500 ms.
const WAITING_MAX: u64 = 24_000;
/// Sound whose time differs by less than 10 ms from where the last ended follows it: so much is rounding and the
/// drift of clocks, and a gap of it would be heard.
const SLACK: u64 = 480;
/// Whoever is so far behind leaves sound out: 2 s.
const BEHIND_MAX: u64 = 96_000;
/// 120 ms, the longest Opus packet (RFC 6716 §2.1.4).
const PACKET_SAMPLES_MAX: usize = 5_760;

pub(crate) struct Sound {
    /// Time of the next sample to come out.
    at: u64,
    voices: [Option<Voice>; SEATS as usize],
    limiter: Limiter,
    sum: Vec<i32>,
    decoded: Vec<i16>,
}

struct Voice {
    /// Interleaved; the pair of a time is at that time modulo the length. What has not come
    /// is silent.
    ring: Vec<i16>,
    /// Where the sound that came last ended; `None` when none has come.
    end: Option<u64>,
    decoder: Option<opus::Decoder>,
}

impl Sound {
    pub(crate) fn new(at: u64) -> Self {
        Self {
            at,
            voices: std::array::from_fn(|_| None),
            limiter: Limiter::new(),
            sum: vec![0; (SOUND_UNIT + limiter::AHEAD) * CHANNELS],
            decoded: Vec::new(),
        }
    }

    /// A seat begins to be heard, without what it said before.
    pub(crate) fn open(&mut self, seat: u8) {
        self.voices[usize::from(seat)] = Some(Voice {
            ring: vec![0; WAITING_MAX as usize * CHANNELS],
            end: None,
            decoder: None,
        });
    }

    pub(crate) fn close(&mut self, seat: u8) {
        self.voices[usize::from(seat)] = None;
    }

    pub(crate) fn push(&mut self, seat: u8, time: u64, samples: &[i16]) -> Result<(), Refused> {
        let voice = self.voices[usize::from(seat)].as_mut().ok_or(Refused::NotHeard)?;
        voice.push(self.at, time, samples)
    }

    pub(crate) fn push_opus(&mut self, seat: u8, time: u64, packet: &[u8]) -> Result<(), Refused> {
        let voice = self.voices[usize::from(seat)].as_mut().ok_or(Refused::NotHeard)?;
        let decoder = match &mut voice.decoder {
            Some(decoder) => decoder,
            none => {
                let decoder = opus::Decoder::new(48_000, opus::Channels::Stereo);
                none.insert(decoder.map_err(|_| Refused::Malformed)?)
            }
        };
        self.decoded.resize(PACKET_SAMPLES_MAX * CHANNELS, 0);
        // An empty packet would have the decoder invent sound.
        if packet.is_empty() {
            return Err(Refused::Malformed);
        }
        let count = decoder.decode(packet, &mut self.decoded, false);
        let count = count.map_err(|_| Refused::Malformed)?;
        voice.push(self.at, time, &self.decoded[..count * CHANNELS])
    }

    /// When the next unit can come out.
    pub(crate) fn due(&self) -> u64 {
        self.at + (SOUND_UNIT + limiter::AHEAD) as u64
    }

    /// Gives all units that are due at `now`.
    pub(crate) fn mix(&mut self, now: u64, counts: &mut Counts, out: &mut Vec<MixedSound>) {
        let behind = now.saturating_sub(self.due());
        if behind > BEHIND_MAX {
            let units = behind / SOUND_UNIT as u64;
            counts.sound_skipped += units;
            self.at += units * SOUND_UNIT as u64;
            self.voices.iter_mut().flatten().for_each(Voice::clear);
        }
        while self.due() <= now {
            self.sum.fill(0);
            self.voices
                .iter()
                .flatten()
                .for_each(|voice| voice.add(self.at, &mut self.sum));
            out.push(MixedSound {
                time: self.at,
                samples: self.limiter.limit(&self.sum),
            });
            let voices = self.voices.iter_mut().flatten();
            voices.for_each(|voice| voice.silence(self.at, SOUND_UNIT as u64));
            self.at += SOUND_UNIT as u64;
        }
    }
}

impl Voice {
    fn push(&mut self, played: u64, time: u64, samples: &[i16]) -> Result<(), Refused> {
        let count = (samples.len() / CHANNELS) as u64;
        let time = match self.end {
            Some(end) if end.abs_diff(time) < SLACK => end,
            _ => time,
        };
        let end = time.saturating_add(count);
        if end <= played {
            // Where the speaker's clock stands is known all the same.
            self.end = Some(end);
            return Err(Refused::Late);
        }
        if time.saturating_add(count) > played + WAITING_MAX {
            self.end = None;
            return Err(Refused::TooMuch);
        }
        self.end = Some(end);
        for at in time.max(played)..end {
            let from = (at - time) as usize * CHANNELS;
            let to = (at % WAITING_MAX) as usize * CHANNELS;
            self.ring[to..to + CHANNELS].copy_from_slice(&samples[from..from + CHANNELS]);
        }
        Ok(())
    }

    fn add(&self, at: u64, sum: &mut [i32]) {
        for (sum, at) in sum.chunks_exact_mut(CHANNELS).zip(at..) {
            let from = (at % WAITING_MAX) as usize * CHANNELS;
            sum[0] += i32::from(self.ring[from]);
            sum[1] += i32::from(self.ring[from + 1]);
        }
    }

    fn silence(&mut self, from: u64, count: u64) {
        for at in from..from + count {
            let at = (at % WAITING_MAX) as usize * CHANNELS;
            self.ring[at..at + CHANNELS].fill(0);
        }
    }

    fn clear(&mut self) {
        self.ring.fill(0);
        self.end = None;
    }
}

#[cfg(test)]
mod tests;
