//! Opus to AAC: what real-time viewers hear becomes what HLS players can play (Safari plays no Opus there).
//!
//! Invariant: the samples that come out stand where they stood in time. A gap in what came is silence, a
//! long one is a jump.

use bytes::Bytes;
use fdk_aac::enc::{AudioObjectType, BitRate, ChannelMode, Encoder, EncoderParams, Transport};

/// Of Opus in RTP (RFC 7587 §4.1), and of the AAC made of it.
pub(crate) const RATE: u32 = 48_000;
pub(crate) const CHANNELS: u8 = 2;
/// Samples of each channel in an AAC-LC access unit (ISO/IEC 14496-3 §4.5.1.1).
pub(crate) const UNIT: u64 = 1_024;
/// AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1): AAC-LC, 48 kHz, two channels.
pub(crate) const CONFIG: [u8; 2] = [0x11, 0x90];
/// An access unit of both channels in which nothing is heard.
pub(crate) const SILENCE: [u8; 6] = [0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c];
const BITS_PER_S: u32 = 128_000;
/// What an encoder puts before the first sample it is given: half of it is the window's overlap.
const DELAY: u64 = 2 * UNIT;
/// 120 ms, the longest Opus packet (RFC 6716 §2.1.4).
const PACKET_SAMPLES_MAX: usize = 5_760;
/// A gap up to here is filled with silence.
const GAP_MAX: u64 = RATE as u64;
/// Differences below are of clocks and rounding, not of what was said.
const SLACK: u64 = RATE as u64 / 25;

/// An AAC access unit.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// In ticks of 48 kHz.
    pub(crate) time: u64,
    pub(crate) data: Bytes,
}

#[derive(Debug, thiserror::Error)]
#[error("the sound cannot be converted: {0}")]
pub(crate) struct SoundError(String);

/// One source's sound.
pub(crate) struct Sound {
    decoder: opus::Decoder,
    encoder: Encoder,
    /// Decoded and not yet encoded, interleaved.
    samples: Vec<i16>,
    /// Time of the first of `samples`; `None` before anything came.
    at: Option<u64>,
    /// Units to come that are the encoder's own delay.
    priming: u64,
    decoded: Vec<i16>,
    encoded: Vec<u8>,
}

impl Sound {
    pub(crate) fn new() -> Result<Self, SoundError> {
        let decoder =
            opus::Decoder::new(RATE, opus::Channels::Stereo).map_err(|e| SoundError(e.to_string()))?;
        Ok(Self {
            decoder,
            encoder: encoder()?,
            samples: Vec::new(),
            at: None,
            priming: DELAY / UNIT,
            decoded: vec![0; PACKET_SAMPLES_MAX * usize::from(CHANNELS)],
            encoded: vec![0; 8_192],
        })
    }

    /// Takes an Opus packet that begins at `time`, and gives the units that it completes.
    pub(crate) fn push(&mut self, packet: &[u8], time: u64, out: &mut Vec<Unit>) -> Result<(), SoundError> {
        // What is not Opus is silence, which the next packet will show as a gap.
        let Ok(count) = self.decoder.decode(packet, &mut self.decoded, false) else {
            return Ok(());
        };
        let decoded = std::mem::take(&mut self.decoded);
        let pushed = self.push_samples(&decoded[..count * usize::from(CHANNELS)], time, out);
        self.decoded = decoded;
        pushed
    }

    /// The same with samples, interleaved.
    pub(crate) fn push_samples(
        &mut self,
        samples: &[i16],
        time: u64,
        out: &mut Vec<Unit>,
    ) -> Result<(), SoundError> {
        let expected = self.end().unwrap_or(time);
        if time + SLACK < expected {
            return Ok(());
        }
        let gap = time.saturating_sub(expected);
        if self.at.is_none() || gap > GAP_MAX {
            self.samples.clear();
            self.at = Some(time);
        } else if gap > SLACK {
            let silence = gap as usize * usize::from(CHANNELS);
            self.samples.resize(self.samples.len() + silence, 0);
        }
        self.samples.extend_from_slice(samples);
        self.encode(out)
    }

    /// When the next sample is due.
    fn end(&self) -> Option<u64> {
        let waiting = self.samples.len() as u64 / u64::from(CHANNELS);
        self.at.map(|at| at + waiting)
    }

    fn encode(&mut self, out: &mut Vec<Unit>) -> Result<(), SoundError> {
        let size = UNIT as usize * usize::from(CHANNELS);
        let whole = self.samples.len() / size * size;
        for samples in self.samples[..whole].chunks_exact(size) {
            let Some(at) = &mut self.at else { break };
            let done = self.encoder.encode(samples, &mut self.encoded);
            let done = done.map_err(|e| SoundError(format!("{e:?}")))?;
            let time = *at;
            *at += UNIT;
            if done.output_size == 0 {
                continue;
            }
            if self.priming > 0 {
                self.priming -= 1;
                continue;
            }
            out.push(Unit {
                time: time.saturating_sub(DELAY),
                data: Bytes::copy_from_slice(&self.encoded[..done.output_size]),
            });
        }
        self.samples.drain(..whole);
        Ok(())
    }
}

fn encoder() -> Result<Encoder, SoundError> {
    Encoder::new(EncoderParams {
        bit_rate: BitRate::Cbr(BITS_PER_S),
        sample_rate: RATE,
        transport: Transport::Raw,
        channels: ChannelMode::Stereo,
        audio_object_type: AudioObjectType::Mpeg4LowComplexity,
    })
    .map_err(|e| SoundError(format!("{e:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A click of 1 ms in silence, at each of these samples, in packets of 20 ms from `start` on.
    fn clicks(start: u64, packets: u64, at: &[u64]) -> Vec<(u64, Vec<u8>)> {
        let mut encoder =
            opus::Encoder::new(RATE, opus::Channels::Stereo, opus::Application::LowDelay).unwrap();
        encoder.set_bitrate(opus::Bitrate::Bits(256_000)).unwrap();
        let packet = |n: u64| {
            let times = start + n * 960..start + (n + 1) * 960;
            let sample = |t| {
                if at.iter().any(|c| (*c..*c + 48).contains(&t)) {
                    20_000
                } else {
                    0
                }
            };
            let samples: Vec<i16> = times.clone().flat_map(|t| [sample(t), sample(t)]).collect();
            (times.start, encoder.encode_vec(&samples, 1_500).unwrap())
        };
        (0..packets).map(packet).collect()
    }

    fn converted(packets: &[(u64, Vec<u8>)]) -> Vec<Unit> {
        let (mut sound, mut out) = (Sound::new().unwrap(), Vec::new());
        for (time, packet) in packets {
            sound.push(packet, *time, &mut out).unwrap();
        }
        out
    }

    /// Where the units are loudest, in samples.
    fn loudest(units: &[Unit]) -> u64 {
        let mut decoder = fdk_aac::dec::Decoder::new(fdk_aac::dec::Transport::Raw);
        decoder.config_raw(&CONFIG).unwrap();
        let mut best = (0, 0);
        for unit in units {
            decoder.fill(&unit.data).unwrap();
            let mut pcm = vec![0; 2_048];
            decoder.decode_frame(&mut pcm).unwrap();
            for (n, pair) in pcm.chunks_exact(2).enumerate() {
                best = best.max((i32::from(pair[0]).abs(), unit.time + n as u64));
            }
        }
        // This decoder conceals losses, for which it holds back what it has.
        best.1 - u64::from(decoder.stream_info().outputDelay)
    }

    #[test]
    fn a_click_stays_where_it_was() {
        let units = converted(&clicks(480_000, 50, &[500_000]));
        assert!(units.windows(2).all(|pair| pair[1].time == pair[0].time + UNIT));
        assert_eq!(units[0].time, 480_000);
        let heard = loudest(&units);
        // An Opus encoder looks 2.5 ms ahead in this mode, and AAC smears.
        assert!(heard.abs_diff(500_000) < 480, "heard at {heard}");
    }

    #[test]
    fn what_was_lost_is_silence_and_a_long_pause_is_a_jump() {
        let mut packets = clicks(0, 50, &[]);
        packets.drain(10..20);
        let late = clicks(500_000, 20, &[]);
        let units = converted(&[packets, late].concat());
        let jumps: Vec<(u64, u64)> = units
            .windows(2)
            .filter(|pair| pair[1].time != pair[0].time + UNIT)
            .map(|pair| (pair[0].time, pair[1].time))
            .collect();
        assert_eq!(jumps.len(), 1, "{jumps:?}");
        assert!(jumps[0].0 < 48_000 && jumps[0].1 > 490_000, "{jumps:?}");
    }

    #[test]
    fn what_is_no_opus_is_passed_over() {
        let mut packets = clicks(0, 20, &[]);
        packets[3].1 = vec![0xff; 7];
        packets[4].1 = Vec::new();
        assert!(converted(&packets).len() > 10);
    }
}
