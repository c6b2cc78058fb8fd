//! One track, cut into segments of parts.

use std::collections::VecDeque;

use busk_base::Timestamp;
use bytes::{Bytes, BytesMut};

use crate::finished::{Finished, FinishedPart, SampleEntry};
use crate::mp4::{self, Sample};
use crate::names::{Medium, ResourceName};
use crate::{Answer, Config};

/// What a track may have in memory: half a minute of 16 Mbit/s. Beyond it, only as many segments stay as a
/// playlist must have.
const BYTES_MAX: usize = 64 << 20;
const SEGMENTS_MIN: usize = 6;
/// Segments begin with the initialisation that was in force; this many are remembered beside those in use.
const INITS_SPARE: usize = 2;

pub(crate) struct Part {
    pub(crate) bytes: Bytes,
    pub(crate) duration: u64,
    /// It can be decoded without the one before.
    pub(crate) independent: bool,
}

pub(crate) struct Segment {
    pub(crate) msn: u64,
    pub(crate) wall: Timestamp,
    pub(crate) init: u64,
    pub(crate) discontinuity: bool,
    pub(crate) parts: Vec<Part>,
    pub(crate) duration: u64,
    pub(crate) pictures: u64,
    /// Where its first picture ends.
    pub(crate) keyframe_end: usize,
    /// Of a closed one: its parts are slices of it.
    pub(crate) whole: Bytes,
}

impl Segment {
    /// Whether more is to come of it.
    pub(crate) fn is_open(&self) -> bool {
        self.whole.is_empty()
    }
}

/// What a segment begins with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) msn: u64,
    /// In ticks of the lane.
    pub(crate) start: u64,
    pub(crate) wall: Timestamp,
    pub(crate) discontinuity: bool,
}

struct Open {
    segment: Segment,
    /// Of the part that is being made.
    samples: Vec<Sample>,
    start: u64,
    duration: u64,
    /// Of the segment, as far as it has come.
    bytes: usize,
}

pub(crate) struct Lane {
    medium: Medium,
    pub(crate) scale: u64,
    /// Closed ones, the oldest first.
    pub(crate) segments: VecDeque<Segment>,
    open: Option<Open>,
    /// By the number of the first segment that needs it.
    inits: VecDeque<(u64, Bytes)>,
    init: u64,
    first_msn: u64,
    fragments: u32,
    /// Among the segments that are gone.
    discontinuities_gone: u64,
    /// For whoever keeps it; `None` when nobody does.
    finished: Option<Vec<Finished>>,
}

impl Lane {
    pub(crate) fn new(medium: Medium, scale: u32, first_msn: u64) -> Self {
        Self {
            medium,
            scale: u64::from(scale),
            segments: VecDeque::new(),
            open: None,
            inits: VecDeque::new(),
            init: first_msn,
            first_msn,
            fragments: 0,
            discontinuities_gone: 0,
            finished: None,
        }
    }

    /// From now on what is finished is kept until it is taken, beginning with the initialisation in force.
    pub(crate) fn keep_finished(&mut self, silence: Option<&Bytes>) {
        let init = self.inits.back().map(|(number, bytes)| Finished::Init {
            medium: self.medium,
            number: *number,
            bytes: bytes.clone(),
            silence: silence.cloned(),
        });
        self.finished.get_or_insert_with(|| init.into_iter().collect());
    }

    pub(crate) fn take_finished(&mut self) -> Vec<Finished> {
        self.finished.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn finish(&mut self, finished: impl FnOnce() -> Finished) {
        if let Some(all) = &mut self.finished {
            all.push(finished());
        }
    }

    /// Segments opened from now on begin with this.
    pub(crate) fn set_init(&mut self, msn: u64, bytes: Bytes) {
        self.init = msn;
        self.inits.push_back((msn, bytes.clone()));
        let medium = self.medium;
        self.finish(|| Finished::Init {
            medium,
            number: msn,
            bytes,
            silence: None,
        });
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(crate) fn open(&mut self, opening: Opening) {
        let (medium, init) = (self.medium, self.init);
        self.finish(|| Finished::Segment {
            medium,
            msn: opening.msn,
            init,
            wall: opening.wall,
            discontinuity: opening.discontinuity,
        });
        self.open = Some(Open {
            segment: Segment {
                msn: opening.msn,
                wall: opening.wall,
                init: self.init,
                discontinuity: opening.discontinuity,
                parts: Vec::new(),
                duration: 0,
                pictures: 0,
                keyframe_end: 0,
                whole: Bytes::new(),
            },
            samples: Vec::new(),
            start: opening.start,
            duration: 0,
            bytes: 0,
        });
    }

    pub(crate) fn add(&mut self, sample: Sample) {
        if let Some(open) = &mut self.open {
            open.duration += u64::from(sample.duration);
            open.bytes += sample.data.len();
            open.samples.push(sample);
        }
    }

    /// Of what is open: its parts and what is to be its next.
    pub(crate) fn open_duration(&self) -> u64 {
        self.open
            .as_ref()
            .map_or(0, |open| open.segment.duration + open.duration)
    }

    /// When what is open ends, as far as it has come.
    pub(crate) fn open_end(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.start + open.duration)
    }

    pub(crate) fn part_duration(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.duration)
    }

    /// Of what is open: parts that are whole.
    pub(crate) fn part_count(&self) -> usize {
        self.open_segment().map_or(0, |segment| segment.parts.len())
    }

    pub(crate) fn part_samples(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.samples.len())
    }

    pub(crate) fn open_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.bytes)
    }

    pub(crate) fn open_segment(&self) -> Option<&Segment> {
        self.open.as_ref().map(|open| &open.segment)
    }

    pub(crate) fn close_part(&mut self) {
        let Some(open) = self.open.as_mut().filter(|open| !open.samples.is_empty()) else {
            return;
        };
        self.fragments = self.fragments.wrapping_add(1);
        let samples = std::mem::take(&mut open.samples);
        // Boxes of our own making, with lengths that were bounded before: they can be written.
        let Ok((bytes, first_end)) = mp4::fragment(self.fragments, open.start, &samples) else {
            return;
        };
        if open.segment.parts.is_empty() {
            open.segment.keyframe_end = first_end;
        }
        if let Some(finished) = &mut self.finished {
            let data: usize = samples.iter().map(|sample| sample.data.len()).sum();
            finished.push(Finished::Part {
                medium: self.medium,
                msn: open.segment.msn,
                part: FinishedPart {
                    bytes: bytes.clone(),
                    start: open.start,
                    duration: open.duration,
                    data_at: bytes.len() - data,
                    samples: samples.iter().map(SampleEntry::from).collect(),
                },
            });
        }
        open.segment.parts.push(Part {
            bytes,
            duration: open.duration,
            independent: samples.first().is_some_and(|sample| sample.sync),
        });
        open.segment.pictures += samples.len() as u64;
        open.segment.duration += open.duration;
        open.start += open.duration;
        open.duration = 0;
    }

    pub(crate) fn close_segment(&mut self, config: &Config) {
        self.close_part();
        let Some(Open { mut segment, .. }) = self.open.take() else {
            return;
        };
        let (medium, msn) = (self.medium, segment.msn);
        self.finish(|| Finished::End { medium, msn });
        if segment.parts.is_empty() {
            return;
        }
        let mut whole = BytesMut::with_capacity(segment.parts.iter().map(|part| part.bytes.len()).sum());
        for part in &segment.parts {
            whole.extend_from_slice(&part.bytes);
        }
        segment.whole = whole.freeze();
        let mut at = 0;
        for part in &mut segment.parts {
            let end = at + part.bytes.len();
            part.bytes = segment.whole.slice(at..end);
            at = end;
        }
        self.segments.push_back(segment);
        self.trim(config);
    }

    fn trim(&mut self, config: &Config) {
        let mut bytes: usize = self.segments.iter().map(|segment| segment.whole.len()).sum();
        while (self.segments.len() > config.window + config.kept
            || (bytes > BYTES_MAX && self.segments.len() > SEGMENTS_MIN))
            && let Some(gone) = self.segments.pop_front()
        {
            bytes -= gone.whole.len();
            self.discontinuities_gone += u64::from(gone.discontinuity);
        }
        let oldest = self.segments.front().map_or(self.init, |segment| segment.init);
        while self.inits.len() > INITS_SPARE && self.inits.front().is_some_and(|(n, _)| *n < oldest) {
            self.inits.pop_front();
        }
    }

    /// Those that a playlist lists.
    pub(crate) fn listed(&self, config: &Config) -> impl Iterator<Item = &Segment> {
        self.segments.iter().skip(self.unlisted(config))
    }

    fn unlisted(&self, config: &Config) -> usize {
        self.segments.len().saturating_sub(config.window)
    }

    /// Discontinuities that were before what a playlist lists.
    pub(crate) fn discontinuities_before(&self, config: &Config) -> u64 {
        let unlisted = self.segments.iter().take(self.unlisted(config));
        self.discontinuities_gone + unlisted.filter(|segment| segment.discontinuity).count() as u64
    }

    /// The number of the segment that is being made, or would be next, and how many parts of it there are.
    pub(crate) fn edge(&self) -> (u64, u64) {
        match (&self.open, self.segments.back()) {
            (Some(open), _) => (open.segment.msn, open.segment.parts.len() as u64),
            (None, Some(last)) => (last.msn + 1, 0),
            (None, None) => (self.first_msn, 0),
        }
    }

    pub(crate) fn resource(&self, name: &ResourceName) -> Answer<Option<Bytes>> {
        let mut closed = self.segments.iter();
        Answer::Now(match *name {
            ResourceName::Init(_, number) => {
                let init = self.inits.iter().find(|(n, _)| *n == number);
                init.map(|(_, bytes)| bytes.clone())
            }
            ResourceName::Segment(_, msn) => {
                let segment = closed.find(|segment| segment.msn == msn);
                segment.map(|segment| segment.whole.clone())
            }
            // The one that the playlist announces.
            ResourceName::Part(_, msn, part) if self.edge() == (msn, part) => {
                return Answer::Wait;
            }
            ResourceName::Part(_, msn, part) => {
                let segment = closed
                    .chain(self.open_segment())
                    .find(|segment| segment.msn == msn);
                let part = segment.and_then(|segment| segment.parts.get(part as usize));
                part.map(|part| part.bytes.clone())
            }
        })
    }

    pub(crate) fn medium(&self) -> Medium {
        self.medium
    }
}
