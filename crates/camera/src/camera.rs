//! A synthetic camera and microphone: a plain thread that draws, encodes and hands samples to every
//! publisher that is attached. It sleeps while there is none.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use str0m::media::MediaKind;

use crate::client::{ClientError, Publisher};
use crate::encode::{EncodeError, VideoEncoder};
use crate::feed::{Feed, FeedSender, feed};
use crate::picture::{Painter, Scene};
use crate::protocol::Sample;
use crate::tone::{Microphone, PACKET_MS, ToneError};

/// How long a camera without publishers sleeps between two looks.
const IDLE: Duration = Duration::from_millis(100);

#[derive(Clone, Debug)]
pub struct CameraConfig {
    pub scene: Scene,
    /// Written into the picture.
    pub name: String,
    pub width: usize,
    pub height: usize,
    pub fps: u32,
    pub bitrate_kbit: u32,
    /// Sizes of the same picture (simulcast): each half as wide and high as the one before.
    pub layers: usize,
}

impl CameraConfig {
    /// 768×432 at 24 a second, about a tenth of a core: three of them leave a machine of two cores free.
    pub fn demo(scene: Scene, name: &str) -> CameraConfig {
        CameraConfig {
            scene,
            name: name.into(),
            width: 768,
            height: 432,
            fps: 24,
            bitrate_kbit: 900,
            layers: 1,
        }
    }

    /// 960×540 at 30 a second.
    pub fn full(scene: Scene, name: &str) -> CameraConfig {
        CameraConfig {
            scene,
            name: name.into(),
            width: 960,
            height: 540,
            fps: 30,
            bitrate_kbit: 2_000,
            layers: 1,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    #[error("a picture of {width}×{height} at {fps} a second cannot be drawn")]
    Size { width: usize, height: usize, fps: u32 },
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error(transparent)]
    Tone(#[from] ToneError),
    #[error("no thread for the camera: {0}")]
    Thread(#[from] std::io::Error),
}

/// Counters since the camera started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CameraStats {
    pub pictures: u64,
    /// Pictures the rate control left out.
    pub skipped: u64,
    pub keyframes: u64,
    pub video_bytes: u64,
}

#[derive(Default)]
struct Shared {
    /// Each with the layer that it is of.
    feeds: Mutex<Vec<(usize, FeedSender)>>,
    ended: AtomicBool,
    pictures: AtomicU64,
    skipped: AtomicU64,
    keyframes: AtomicU64,
    video_bytes: AtomicU64,
}

impl Shared {
    fn feeds(&self) -> MutexGuard<'_, Vec<(usize, FeedSender)>> {
        // A panic cannot leave the list half changed: each change is one call on the Vec.
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running camera; dropping it ends its feeds.
pub struct Camera {
    shared: Arc<Shared>,
    layers: usize,
    thread: Option<JoinHandle<()>>,
}

impl Camera {
    pub fn start(config: CameraConfig) -> Result<Camera, CameraError> {
        let CameraConfig {
            width,
            height,
            fps,
            layers,
            ..
        } = config;
        let smallest = width.min(height) >> layers.saturating_sub(1).min(8);
        let large = width > 3840 || height > 2160;
        if smallest < 16 || large || !(1..=60).contains(&fps) || !(1..=3).contains(&layers) {
            return Err(CameraError::Size { width, height, fps });
        }
        let microphone = Microphone::new(config.scene as u32)?;
        let shared = Arc::new(Shared::default());
        let of_thread = shared.clone();
        let thread = thread::Builder::new()
            .name(format!("camera {}", config.name))
            .spawn(move || {
                if let Err(error) = film(&config, microphone, &of_thread) {
                    tracing::error!(%error, camera = config.name, "the camera stopped");
                }
                // Publishers see their feed end.
                of_thread.feeds().clear();
            })?;
        Ok(Camera {
            shared,
            layers,
            thread: Some(thread),
        })
    }

    /// Attaches a publisher of the full picture: samples from the next keyframe on.
    pub fn feed(&self) -> Feed {
        self.attach(0)
    }

    /// Attaches a publisher of all layers, the full picture first.
    pub fn layers(&self) -> Vec<Feed> {
        (0..self.layers).map(|layer| self.attach(layer)).collect()
    }

    fn attach(&self, layer: usize) -> Feed {
        let (sender, feed) = feed();
        self.shared.feeds().push((layer, sender));
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
        feed
    }

    /// Goes live: publishes to a WHIP address, in all its layers. Returns when the server has answered; the
    /// connection stands when the publisher says so.
    pub async fn publish(&self, url: &str, token: Option<&str>) -> Result<Publisher, ClientError> {
        Publisher::start_layers(url, token, self.layers()).await
    }

    pub fn stats(&self) -> CameraStats {
        CameraStats {
            pictures: self.shared.pictures.load(Ordering::Relaxed),
            skipped: self.shared.skipped.load(Ordering::Relaxed),
            keyframes: self.shared.keyframes.load(Ordering::Relaxed),
            video_bytes: self.shared.video_bytes.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It looks at `ended` once a picture, so this is short. A panic of it was printed already.
            let _ = thread.join();
        }
    }
}

fn film(config: &CameraConfig, mut microphone: Microphone, shared: &Shared) -> Result<(), CameraError> {
    let mut layers = Layer::all(config)?;
    let picture_us = 1_000_000 / u64::from(config.fps);
    // Media time runs only while somebody watches, and never backwards.
    let (mut media_us, mut sound_us) = (0u64, 0u64);
    let mut began = now();
    while !shared.ended.load(Ordering::Relaxed) {
        if shared.feeds().is_empty() {
            thread::park_timeout(IDLE);
            began = now() - Duration::from_micros(media_us);
            continue;
        }
        // As browsers do: a keyframe of one layer is one of all.
        let wanted = shared
            .feeds()
            .iter()
            .fold(false, |wanted, (_, feed)| feed.take_keyframe_wanted() || wanted);
        let wall_ms = wall_ms();
        for (number, layer) in layers.iter_mut().enumerate() {
            if wanted {
                layer.encoder.want_keyframe();
            }
            if number > 0 && shared.feeds().iter().all(|(of, _)| *of != number) {
                continue;
            }
            let sample = layer.film(media_us, wall_ms)?;
            if number == 0 {
                shared.count(sample.as_ref());
            }
            if let Some(sample) = sample {
                send(shared, number, &sample);
            }
        }
        media_us += picture_us;
        while sound_us < media_us {
            let bytes = microphone.next_packet()?.into();
            send(
                shared,
                0,
                &Sample {
                    kind: MediaKind::Audio,
                    media_us: sound_us,
                    bytes,
                    keyframe: false,
                },
            );
            sound_us += PACKET_MS * 1000;
            wait_until(began + Duration::from_micros(sound_us.min(media_us)));
        }
        let late = now().saturating_duration_since(began + Duration::from_micros(media_us));
        if late > Duration::from_millis(500) {
            // The machine slept or is overloaded: film on from here rather than race after the clock.
            began += late;
        }
    }
    Ok(())
}

/// The picture in one size.
struct Layer {
    painter: Painter,
    encoder: VideoEncoder,
}

impl Layer {
    fn all(config: &CameraConfig) -> Result<Vec<Self>, CameraError> {
        let layer = |number: usize| {
            // Even, as the encoder has them.
            let half = |size: usize| (size >> number) & !1;
            let (width, height) = (half(config.width), half(config.height));
            Ok(Self {
                painter: Painter::new(config.scene, &config.name, width, height),
                encoder: VideoEncoder::new(config.fps, (config.bitrate_kbit >> (2 * number)).max(50))?,
            })
        };
        (0..config.layers).map(layer).collect()
    }

    /// Of a moment; `None` when the rate control leaves it out.
    fn film(&mut self, media_us: u64, wall_ms: u64) -> Result<Option<Sample>, CameraError> {
        let picture = self.painter.paint(media_us / 1_000, wall_ms);
        let encoded = self.encoder.encode(picture, media_us / 1_000)?;
        Ok(encoded.map(|encoded| Sample {
            kind: MediaKind::Video,
            media_us,
            bytes: encoded.annex_b.into(),
            keyframe: encoded.keyframe,
        }))
    }
}

impl Shared {
    fn count(&self, sample: Option<&Sample>) {
        let add = |counter: &AtomicU64, n: u64| counter.fetch_add(n, Ordering::Relaxed);
        add(&self.pictures, 1);
        match sample {
            Some(sample) => {
                add(&self.video_bytes, sample.bytes.len() as u64);
                add(&self.keyframes, u64::from(sample.keyframe));
            }
            None => {
                add(&self.skipped, 1);
            }
        }
    }
}

fn send(shared: &Shared, layer: usize, sample: &Sample) {
    shared
        .feeds()
        .retain_mut(|(of, feed)| *of != layer || feed.send(sample));
}

fn wait_until(at: Instant) {
    thread::sleep(at.saturating_duration_since(now()));
}

#[allow(
    clippy::disallowed_methods,
    reason = "a camera's thread is an I/O shell: it paces itself"
)]
fn now() -> Instant {
    Instant::now()
}

/// The wall clock that is drawn into the picture and compared by viewers.
#[allow(
    clippy::disallowed_methods,
    reason = "the clock in the picture is the wall clock"
)]
pub(crate) fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests;
