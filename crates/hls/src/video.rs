//! A lane of pictures: what each lasts is told by the next, and what a decoder has to know goes before them.

use std::time::Duration;

use bytes::Bytes;

use crate::lane::Lane;
use crate::mp4::{self, Sample, VIDEO_SCALE};
use crate::names::Medium;
use crate::pictures::{self, Parameters};
use crate::{Config, Refused, VideoFrame};

/// Bounds on what a source may make of a segment and of a part.
pub(crate) const SEGMENT_BYTES_MAX: usize = 10 << 20;
const PART_SAMPLES_MAX: usize = 512;
/// What a picture lasts when the next one does not say.
const PICTURE_TICKS: u32 = VIDEO_SCALE / 30;

pub(crate) struct VideoLane {
    pub(crate) lane: Lane,
    pub(crate) parameters: Option<Parameters>,
    /// The last picture: the next one says how long it lasts.
    held: Option<Held>,
    pub(crate) picture_ticks: u32,
}

struct Held {
    dts: u64,
    cts: i32,
    keyframe: bool,
    data: Bytes,
}

/// A picture that can be put down, with the initialisation that it needs where that is another.
pub(crate) struct Fit {
    held: Held,
    pub(crate) init: Option<(Parameters, Bytes)>,
}

impl Fit {
    pub(crate) fn bytes(&self) -> usize {
        self.held.data.len()
    }
}

impl VideoLane {
    pub(crate) fn new(first_msn: u64) -> Self {
        Self {
            lane: Lane::new(Medium::Video, VIDEO_SCALE, first_msn),
            parameters: None,
            held: None,
            picture_ticks: PICTURE_TICKS,
        }
    }

    /// When the last picture was.
    pub(crate) fn last(&self) -> Option<u64> {
        self.held.as_ref().map(|held| held.dts)
    }

    /// Whether a picture can be written down; nothing is changed yet.
    pub(crate) fn fit(&self, frame: &VideoFrame) -> Result<Fit, Refused> {
        let told = Parameters::of(&frame.nals).transpose();
        let told = told.map_err(|()| Refused::BadParameters)?;
        if told.is_none() && self.parameters.is_none() {
            return Err(Refused::NoKeyframe);
        }
        let data = pictures::sample(&frame.nals).ok_or(Refused::TooLarge)?;
        let changed = told.filter(|told| frame.keyframe && self.parameters.as_ref() != Some(told));
        let init = changed.map(|parameters| mp4::video_init(&parameters).map(|init| (parameters, init)));
        Ok(Fit {
            init: init.transpose().map_err(|_| Refused::BadParameters)?,
            held: Held {
                dts: frame.dts,
                cts: frame.cts,
                keyframe: frame.keyframe,
                data,
            },
        })
    }

    /// Segments from `msn` on begin with this.
    pub(crate) fn set_init(&mut self, msn: u64, (parameters, init): (Parameters, Bytes)) {
        self.lane.set_init(msn, init);
        self.parameters = Some(parameters);
    }

    pub(crate) fn hold(&mut self, fit: Fit) {
        self.held = Some(fit.held);
    }

    /// Puts the last picture down until `next`, and ends parts that are as long as they may be with whole pictures.
    /// Says whether one was.
    pub(crate) fn advance(&mut self, next: u64, config: &Config) -> bool {
        let Some(last) = self.last() else { return false };
        let longest = ticks(config.part_target());
        let before = self.lane.part_count();
        if self.lane.part_duration() + next.saturating_sub(last) > longest {
            self.lane.close_part();
        }
        self.release(Some(next));
        let with_another = self.lane.part_duration() + u64::from(self.picture_ticks);
        if with_another > longest || self.lane.part_samples() >= PART_SAMPLES_MAX {
            self.lane.close_part();
        }
        self.lane.part_count() > before
    }

    /// Puts the last picture down, as long as it lasts until `next`.
    pub(crate) fn release(&mut self, next: Option<u64>) {
        let Some(held) = self.held.take() else { return };
        let lasts = match next {
            Some(next) => next.saturating_sub(held.dts) as u32,
            None => self.picture_ticks.min(PICTURE_TICKS),
        };
        self.picture_ticks = lasts;
        self.lane.add(Sample {
            duration: lasts,
            cts: held.cts,
            sync: held.keyframe,
            data: held.data,
        });
    }
}

pub(crate) fn ticks(duration: Duration) -> u64 {
    duration.as_millis() as u64 * u64::from(VIDEO_SCALE) / 1_000
}
