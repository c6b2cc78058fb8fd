//! AAC becomes Opus: what an encoder sends is also heard by real-time viewers, whose browsers take no AAC.
//!
//! Invariant: sound stays where it was in time. What decoder, resampler and encoder delay it by is subtracted; a
//! gap is silence, a long one a jump.

use std::sync::Arc;

use bytes::Bytes;
use fdk_aac::dec::{Decoder, Transport};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use crate::{AacConfig, Sound};

/// Of Opus (RFC 7587 §4.1).
const RATE: i64 = 48_000;
const TICKS_PER_MS: i64 = RATE / 1_000;
const CHANNELS: usize = 2;
/// Later than any stream lasts, and early enough to be counted on from.
const TIME_MS_MAX: u64 = 1 << 48;
/// 20 ms.
const PACKET: usize = 960;
const PACKET_BYTES_MAX: usize = 1_500;
const BITS_PER_S: i32 = 128_000;
/// An access unit has at most 768 bytes a channel (ISO/IEC 14496-3 §4.5.3.1); a decoder fed with more goes astray.
const UNIT_BYTES_MAX: usize = 768 * CHANNELS;
/// Samples of a decoded access unit, also when it turns out to be HE-AAC.
const UNIT_SAMPLES_MAX: usize = 2_048 * CHANNELS;
/// A gap up to here is filled with silence.
const GAP_MAX: i64 = RATE;
/// Differences below are of clocks and rounding; a lost access unit is more.
const SLACK: i64 = RATE / 50;
/// Samples that are resampled at once, about.
const RESAMPLED_AT_ONCE: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpusPacket {
    /// In ticks of 48 kHz, on the stream's clock.
    pub time: u64,
    /// 20 ms in stereo.
    pub data: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sound cannot be converted: {0}")]
pub struct OpusError(String);

impl OpusError {
    fn of(error: impl ToString) -> Self {
        Self(error.to_string())
    }
}

/// One encoder's sound.
pub struct Opus {
    encoder: opus::Encoder,
    /// Ticks that what is encoded comes out later than it went in.
    lookahead: i64,
    aac: Option<Aac>,
    /// At 48 kHz and not yet encoded, interleaved.
    samples: Vec<f32>,
    /// Time of the first of `samples`, in ticks.
    at: i64,
    encoded: Vec<u8>,
}

impl Opus {
    pub fn new() -> Result<Self, OpusError> {
        let channels = opus::Channels::Stereo;
        let mut encoder =
            opus::Encoder::new(RATE as u32, channels, opus::Application::Audio).map_err(OpusError::of)?;
        let bitrate = opus::Bitrate::Bits(BITS_PER_S);
        encoder.set_bitrate(bitrate).map_err(OpusError::of)?;
        let lookahead = encoder.get_lookahead().map_err(OpusError::of)?;
        Ok(Self {
            encoder,
            lookahead: lookahead.into(),
            aac: None,
            samples: Vec::new(),
            at: 0,
            encoded: vec![0; PACKET_BYTES_MAX],
        })
    }

    /// The packets that this access unit completes. One that cannot be read is silence.
    pub fn push(&mut self, sound: &Sound) -> Result<Vec<OpusPacket>, OpusError> {
        if self.aac.as_ref().is_none_or(|aac| aac.config != sound.config) {
            self.aac = Some(Aac::new(sound.config.clone())?);
        }
        let mut packets = Vec::new();
        if let Some(aac) = &mut self.aac
            && let Some(decoded) = aac.decode(&sound.data)
        {
            let begins = sound.time_ms.min(TIME_MS_MAX) as i64 * TICKS_PER_MS - decoded.delay;
            match aac.place(begins, decoded.rate)? {
                Place::Past => return Ok(packets),
                Place::Jump => {
                    self.samples.clear();
                    self.at = begins - aac.resampler_delay();
                }
                Place::After => {}
            }
            aac.resample(decoded.samples, &mut self.samples)?;
            self.encode(&mut packets)?;
        }
        Ok(packets)
    }

    fn encode(&mut self, packets: &mut Vec<OpusPacket>) -> Result<(), OpusError> {
        let size = PACKET * CHANNELS;
        let whole = self.samples.len() / size * size;
        for samples in self.samples[..whole].chunks_exact(size) {
            let length = self.encoder.encode_float(samples, &mut self.encoded);
            let length = length.map_err(OpusError::of)?;
            let time = self.at - self.lookahead;
            self.at += PACKET as i64;
            // What comes out before the stream begins is the delay, not sound.
            if let Ok(time) = u64::try_from(time) {
                let data = Bytes::copy_from_slice(&self.encoded[..length]);
                packets.push(OpusPacket { time, data });
            }
        }
        self.samples.drain(..whole);
        Ok(())
    }
}

struct Decoded {
    /// Interleaved, both channels.
    samples: usize,
    rate: u32,
    /// Ticks that it comes later than it went in.
    delay: i64,
}

/// Where an access unit stands to those before it.
enum Place {
    After,
    /// What was before is left behind.
    Jump,
    /// It is older than what was heard.
    Past,
}

/// Everything that depends on what the encoder sends.
struct Aac {
    config: Arc<AacConfig>,
    decoder: Decoder,
    /// What comes out of the decoder, which may differ from what was announced.
    rate: u32,
    resampler: Option<Fft<f32>>,
    /// Decoded and not yet resampled, interleaved.
    waiting: Vec<f32>,
    /// Time of the first sample since the last jump, in ticks, and samples of each channel since then.
    since: Option<(i64, i64)>,
    pcm: Vec<i16>,
}

impl Aac {
    fn new(config: Arc<AacConfig>) -> Result<Self, OpusError> {
        let mut decoder = Decoder::new(Transport::Raw);
        let refused = |error: fdk_aac::dec::DecoderError| OpusError::of(error.message());
        decoder.config_raw(&config.specific).map_err(refused)?;
        decoder.set_min_output_channels(CHANNELS).map_err(refused)?;
        decoder.set_max_output_channels(CHANNELS).map_err(refused)?;
        Ok(Self {
            config,
            decoder,
            rate: 0,
            resampler: None,
            waiting: Vec::new(),
            since: None,
            pcm: vec![0; UNIT_SAMPLES_MAX],
        })
    }

    /// Decodes into `pcm`; `None` for what cannot be read.
    fn decode(&mut self, unit: &[u8]) -> Option<Decoded> {
        if unit.len() > UNIT_BYTES_MAX || self.decoder.fill(unit).ok()? < unit.len() {
            return None;
        }
        self.decoder.decode_frame(&mut self.pcm).ok()?;
        let info = self.decoder.stream_info();
        let samples = self.decoder.decoded_frame_size();
        let rate = u32::try_from(info.sampleRate).ok()?;
        let is_whole = info.numChannels == CHANNELS as i32 && samples > 0 && samples <= self.pcm.len();
        (is_whole && (8_000..=96_000).contains(&rate)).then_some(Decoded {
            samples,
            rate,
            delay: i64::from(info.outputDelay) * RATE / i64::from(rate),
        })
    }

    /// Finds where what begins at this time belongs, and fills a gap before it.
    fn place(&mut self, begins: i64, rate: u32) -> Result<Place, OpusError> {
        if self.rate != rate {
            self.rate = rate;
            self.resampler = resampler(rate)?;
            self.since = None;
        }
        if let Some((since, count)) = &mut self.since {
            let gap = begins - *since - *count * RATE / i64::from(rate);
            if (-GAP_MAX..-SLACK).contains(&gap) {
                return Ok(Place::Past);
            }
            if (-GAP_MAX..=GAP_MAX).contains(&gap) {
                if gap > SLACK {
                    let silence = gap * i64::from(rate) / RATE;
                    *count += silence;
                    let length = self.waiting.len() + silence as usize * CHANNELS;
                    self.waiting.resize(length, 0.0);
                }
                return Ok(Place::After);
            }
        }
        self.since = Some((begins, 0));
        self.waiting.clear();
        if let Some(resampler) = &mut self.resampler {
            resampler.reset();
        }
        Ok(Place::Jump)
    }

    /// Takes `count` decoded samples, and gives what can be said of them at 48 kHz.
    fn resample(&mut self, count: usize, out: &mut Vec<f32>) -> Result<(), OpusError> {
        let decoded = self.pcm[..count].iter();
        self.waiting
            .extend(decoded.map(|sample| f32::from(*sample) / 32_768.0));
        if let Some((_, since)) = &mut self.since {
            *since += (count / CHANNELS) as i64;
        }
        let Some(resampler) = &mut self.resampler else {
            out.append(&mut self.waiting);
            return Ok(());
        };
        let mut taken = 0;
        loop {
            let frames = resampler.input_frames_next();
            let Some(chunk) = self.waiting.get(taken..taken + frames * CHANNELS) else {
                break;
            };
            taken += chunk.len();
            let chunk = InterleavedSlice::new(chunk, CHANNELS, frames).map_err(OpusError::of)?;
            let made = resampler.process(&chunk, None).map_err(OpusError::of)?;
            out.extend(made.take_data());
        }
        self.waiting.drain(..taken);
        Ok(())
    }

    fn resampler_delay(&self) -> i64 {
        let delay = self.resampler.as_ref().map_or(0, Resampler::output_delay);
        delay as i64
    }
}

fn resampler(rate: u32) -> Result<Option<Fft<f32>>, OpusError> {
    if i64::from(rate) == RATE {
        return Ok(None);
    }
    let (from, to) = (rate as usize, RATE as usize);
    Fft::new(from, to, RESAMPLED_AT_ONCE, CHANNELS, FixedSync::Both)
        .map(Some)
        .map_err(OpusError::of)
}

#[cfg(test)]
#[path = "opus_tests.rs"]
mod tests;
