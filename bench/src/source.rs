//! What costs a publisher next to nothing: two seconds of real pictures at 30 a second, encoded
//! beforehand and padded to their bitrate with filler NAL units, with Opus beside them; sent over and
//! over, in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use busk_camera::encode::VideoEncoder;
use busk_camera::picture::{Painter, Scene};
use busk_camera::tone::Microphone;
use busk_camera::{Feed, FeedSender, Sample, feed};
use str0m::media::MediaKind;

use crate::Fallible;

const FPS: u64 = 30;
/// One keyframe at the start of each.
const LOOP_US: u64 = 2_000_000;
/// ITU-T H.264 §7.4.1: filler data, which decoders throw away.
const NAL_FILLER: u8 = 12;

/// The samples of one loop in order of time.
#[derive(Clone)]
pub struct Stream {
    samples: Arc<[Sample]>,
}

/// Lines of the picture, 16:9: what cameras send at this bitrate.
pub fn height(kbit_per_s: u32) -> usize {
    match kbit_per_s {
        0..=200 => 180,
        201..=1_000 => 360,
        _ => 720,
    }
}

impl Stream {
    /// Pictures of this many kbit/s.
    pub fn encode(kbit_per_s: u32) -> Fallible<Stream> {
        let pictures = LOOP_US / 1_000_000 * FPS;
        let height = height(kbit_per_s);
        let mut painter = Painter::new(Scene::Stage, "bench", height * 16 / 9, height);
        let mut encoder = VideoEncoder::new(FPS as u32, kbit_per_s)?;
        let mut units = Vec::new();
        for index in 0..pictures {
            let at = index * 1000 / FPS;
            units.push(
                encoder
                    .encode(painter.paint(at, at), at)?
                    .map(|unit| unit.annex_b)
                    .unwrap_or_default(),
            );
        }
        pad(
            &mut units,
            kbit_per_s as usize * 125 * (LOOP_US / 1_000_000) as usize,
        );
        let video = units.into_iter().enumerate().map(|(index, bytes)| Sample {
            kind: MediaKind::Video,
            media_us: index as u64 * 1_000_000 / FPS,
            bytes: bytes.into(),
            keyframe: index == 0,
        });
        let mut samples: Vec<Sample> = video.collect();
        let mut microphone = Microphone::new(0)?;
        for index in 0..LOOP_US / 20_000 {
            let bytes = microphone.next_packet()?.into();
            samples.push(Sample {
                kind: MediaKind::Audio,
                media_us: index * 20_000,
                bytes,
                keyframe: false,
            });
        }
        samples.sort_by_key(|sample| sample.media_us);
        Ok(Stream {
            samples: samples.into(),
        })
    }
}

/// Sends the loops of all layers over and over, on one clock, until a publisher is gone.
#[allow(clippy::disallowed_methods, reason = "a load maker keeps time")]
pub fn play(layers: &[Stream], mut feeds: Vec<FeedSender>) {
    let of_layer = |(layer, stream): (usize, &Stream)| {
        let samples = stream.samples.iter().cloned();
        samples.map(|sample| (layer, sample)).collect::<Vec<_>>()
    };
    let mut samples: Vec<(usize, Sample)> = layers.iter().enumerate().flat_map(of_layer).collect();
    samples.sort_by_key(|(_, sample)| sample.media_us);
    let start = Instant::now();
    for round in 0.. {
        for (layer, sample) in &samples {
            let media_us = round * LOOP_US + sample.media_us;
            let due = start + Duration::from_micros(media_us);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let sample = Sample {
                media_us,
                ..sample.clone()
            };
            if !feeds[*layer].send(&sample) {
                return;
            }
        }
    }
}

/// Plays on a thread of its own; the feeds are the publisher's, in the order of the layers.
pub fn start(layers: &[Stream]) -> Fallible<Vec<Feed>> {
    let (senders, feeds) = layers.iter().map(|_| feed()).unzip();
    let layers = layers.to_vec();
    std::thread::Builder::new()
        .name("source".into())
        .spawn(move || play(&layers, senders))?;
    Ok(feeds)
}

/// Pads pictures with filler until all together have `bytes`: the missing bytes in equal parts. One
/// that is empty, because the encoder skipped it, stays out: padding alone is no picture.
fn pad(units: &mut [Vec<u8>], bytes: usize) {
    const FRAME: usize = 6;
    let missing = bytes.saturating_sub(units.iter().map(Vec::len).sum());
    let shown = units.iter().filter(|unit| !unit.is_empty()).count();
    let part = missing / shown.max(1);
    if part <= FRAME {
        return;
    }
    for unit in units.iter_mut().filter(|unit| !unit.is_empty()) {
        unit.extend_from_slice(&[0, 0, 0, 1, NAL_FILLER]);
        unit.resize(unit.len() + part - FRAME, 0xff);
        unit.push(0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use busk_camera::h264;

    #[test]
    fn a_stream_has_its_bitrate_and_one_keyframe() {
        for kbit_per_s in [2_500, 600, 150] {
            let stream = Stream::encode(kbit_per_s).unwrap();
            let video: Vec<_> = stream
                .samples
                .iter()
                .filter(|sample| sample.kind == MediaKind::Video)
                .collect();
            let bytes: usize = video.iter().map(|sample| sample.bytes.len()).sum();
            let off = bytes.abs_diff(kbit_per_s as usize * 125 * 2) as f64 / bytes as f64;
            assert!(off < 0.02, "{bytes} bytes in two seconds at {kbit_per_s} kbit/s");
            for (index, sample) in video.iter().enumerate() {
                assert_eq!(h264::is_keyframe(&sample.bytes), index == 0);
            }
            assert!(
                stream
                    .samples
                    .windows(2)
                    .all(|pair| pair[0].media_us <= pair[1].media_us)
            );
            assert_eq!(stream.samples.len() - video.len(), 100, "Opus packets");
        }
    }
}
