//! From a source of encoded media to one publisher: a bounded channel one way, the wish for a keyframe
//! the other way.
//! Invariant: after a video sample was dropped, none passes before the next keyframe.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use str0m::media::MediaKind;
use tokio::sync::mpsc;

use crate::protocol::Sample;

/// About a second of camera and microphone.
const SAMPLES_MAX: usize = 80;

/// The publisher's end.
pub struct Feed {
    samples: mpsc::Receiver<Sample>,
    keyframe_wanted: Arc<AtomicBool>,
}

/// The source's end.
pub struct FeedSender {
    samples: mpsc::Sender<Sample>,
    keyframe_wanted: Arc<AtomicBool>,
    broken: bool,
}

/// A new feed; its source is asked for a keyframe at once.
pub fn feed() -> (FeedSender, Feed) {
    let (sender, receiver) = mpsc::channel(SAMPLES_MAX);
    let keyframe_wanted = Arc::new(AtomicBool::new(true));
    let source = FeedSender {
        samples: sender,
        keyframe_wanted: keyframe_wanted.clone(),
        broken: true,
    };
    (
        source,
        Feed {
            samples: receiver,
            keyframe_wanted,
        },
    )
}

impl Feed {
    /// The next sample; `None` when the source is gone.
    pub async fn next(&mut self) -> Option<Sample> {
        self.samples.recv().await
    }

    pub fn want_keyframe(&self) {
        self.keyframe_wanted.store(true, Ordering::Relaxed);
    }

    /// Joins feeds of the same scene into one of layers; sound is the first one's.
    pub fn join(feeds: Vec<Feed>) -> LayeredFeed {
        let (sender, samples) = mpsc::channel(SAMPLES_MAX);
        let wishes = feeds.iter().map(|feed| feed.keyframe_wanted.clone()).collect();
        for (layer, mut feed) in feeds.into_iter().enumerate() {
            let sender = sender.clone();
            tokio::spawn(async move {
                while let Some(sample) = feed.next().await {
                    let passes = layer == 0 || sample.kind == MediaKind::Video;
                    if passes && sender.send((layer, sample)).await.is_err() {
                        return;
                    }
                }
            });
        }
        LayeredFeed { samples, wishes }
    }
}

/// The same picture in several sizes.
pub struct LayeredFeed {
    samples: mpsc::Receiver<(usize, Sample)>,
    wishes: Vec<Arc<AtomicBool>>,
}

impl LayeredFeed {
    pub(crate) fn layers(&self) -> usize {
        self.wishes.len()
    }

    /// The next sample and its layer; `None` when all sources are gone.
    pub async fn next(&mut self) -> Option<(usize, Sample)> {
        self.samples.recv().await
    }

    pub fn want_keyframe(&self) {
        for wish in &self.wishes {
            wish.store(true, Ordering::Relaxed);
        }
    }
}

impl FeedSender {
    /// Hands a sample over, or drops it when the publisher lags; `false` when the publisher is gone.
    pub fn send(&mut self, sample: &Sample) -> bool {
        let video = sample.kind == MediaKind::Video;
        if video && self.broken && !sample.keyframe {
            return !self.samples.is_closed();
        }
        match self.samples.try_send(sample.clone()) {
            Ok(()) => self.broken &= !video,
            Err(mpsc::error::TrySendError::Full(_)) => {
                if video {
                    self.broken = true;
                    self.keyframe_wanted.store(true, Ordering::Relaxed);
                }
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return false,
        }
        true
    }

    /// Whether the publisher asked for a keyframe since the last call.
    pub fn take_keyframe_wanted(&self) -> bool {
        self.keyframe_wanted.swap(false, Ordering::Relaxed)
    }

    pub fn is_closed(&self) -> bool {
        self.samples.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(kind: MediaKind, keyframe: bool, media_us: u64) -> Sample {
        Sample {
            kind,
            media_us,
            bytes: Arc::from([1u8].as_slice()),
            keyframe,
        }
    }

    #[tokio::test]
    async fn after_a_drop_video_waits_for_a_keyframe() {
        let (mut source, mut feed) = feed();
        assert!(source.take_keyframe_wanted() && !source.take_keyframe_wanted());
        source.send(&sample(MediaKind::Video, false, 1));
        source.send(&sample(MediaKind::Video, true, 2));
        for at in 0..SAMPLES_MAX as u64 {
            source.send(&sample(MediaKind::Video, false, 3 + at));
        }
        assert!(source.take_keyframe_wanted(), "a drop asks for a keyframe");
        let first = feed.next().await.unwrap();
        assert_eq!(
            (first.keyframe, first.media_us),
            (true, 2),
            "nothing before the first keyframe"
        );
        source.send(&sample(MediaKind::Video, false, 900));
        source.send(&sample(MediaKind::Audio, false, 901));
        source.send(&sample(MediaKind::Audio, false, 902));
        for _ in 1..SAMPLES_MAX {
            assert!(feed.next().await.unwrap().media_us < 900);
        }
        assert_eq!(
            feed.next().await.unwrap().media_us,
            901,
            "the picture after the drop did not pass"
        );
        source.send(&sample(MediaKind::Video, true, 903));
        assert_eq!(feed.next().await.unwrap().media_us, 903);
        drop(feed);
        assert!(!source.send(&sample(MediaKind::Audio, false, 904)));
    }
}
