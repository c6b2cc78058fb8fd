//! The rungs below the best picture: the same, smaller, from the layers that a source sends beside it.
//!
//! The best picture decides where segments begin. A segment is a rung's own when a layer has a keyframe there;
//! otherwise the rung's playlist names the best picture's, so that it always goes on. Which it is to be is decided
//! when the best picture's first part is whole: by then every layer's keyframe has come, or will not.

use std::cmp::Reverse;
use std::collections::VecDeque;

use crate::lane::{Lane, Opening, Segment};
use crate::names::{ResourceName, Rung};
use crate::pictures::Parameters;
use crate::video::{SEGMENT_BYTES_MAX, VideoLane};
use crate::{Answer, Config, VideoFrame};
use bytes::Bytes;

/// Layers that a source can send beside the best one.
const LAYERS_MAX: usize = 4;
/// How far apart the keyframes of two layers may be and still show the same, in ticks: sources' clocks are known
/// no better than that.
const MATCH_MAX: u64 = 90 * 90;
/// How much before a cut a picture may be and still be behind it.
const CUT_SLACK: u64 = 10 * 90;
/// How long a segment that has ended waits for its last pictures.
const LATE_MAX: u64 = 400 * 90;
/// Pictures that wait for their segment: more than that of a second is not a camera's.
const WAITING_MAX: usize = 256;
/// A rung is offered when so many of the latest segments were its own: for one that was not, players get the best
/// picture's.
const STEADY: (usize, usize) = (3, 4);

/// Pictures of a layer that wait for their segment.
type Waiting = VecDeque<VideoFrame>;

/// Where a layer has the keyframe that a segment can begin with.
struct Start {
    layer: usize,
    place: usize,
    height: u16,
}

struct Step {
    video: VideoLane,
    own: Option<Own>,
}

/// A segment that is being made of a layer.
struct Own {
    layer: usize,
    /// What the layer's times are behind those of the best picture.
    behind: i64,
    /// Where it ends, when that is known.
    until: Option<u64>,
}

pub(crate) struct Ladder {
    steps: [Step; Rung::ALL.len()],
    layers: [Waiting; LAYERS_MAX],
    /// Of the segment of which it is not decided yet whose it is.
    opening: Option<Opening>,
}

/// What a rung's playlist names for a segment.
pub(crate) enum Shown<'a> {
    Own(&'a Segment),
    /// What the best picture has.
    Same,
    /// It is not known yet.
    Undecided,
}

impl Ladder {
    pub(crate) fn new(first_msn: u64) -> Self {
        Self {
            steps: Rung::ALL.map(|_| Step {
                video: VideoLane::new(first_msn),
                own: None,
            }),
            layers: Default::default(),
            opening: None,
        }
    }

    /// Takes a picture of a layer, on the best picture's time as nearly as that is known.
    pub(crate) fn push(&mut self, layer: usize, frame: VideoFrame) {
        let Some(waiting) = self.layers.get_mut(layer) else {
            return;
        };
        if waiting.back().is_some_and(|last| frame.dts <= last.dts) {
            return;
        }
        waiting.push_back(frame);
        if waiting.len() > WAITING_MAX {
            waiting.pop_front();
        }
    }

    /// The best picture has begun a segment.
    pub(crate) fn open(&mut self, opening: Opening) {
        self.opening = Some(opening);
    }

    /// The best picture's segment has its first part, at the latest now.
    pub(crate) fn decide(&mut self, config: &Config) {
        let Some(opening) = self.opening.take() else {
            return;
        };
        for step in &mut self.steps {
            step.end(config);
        }
        let mut starts: Vec<Start> = self.starts(opening.start).collect();
        starts.sort_by_key(|start| Reverse(start.height));
        for (step, start) in self.steps.iter_mut().zip(starts) {
            let waiting = &mut self.layers[start.layer];
            waiting.drain(..start.place);
            step.begin(start.layer, opening, waiting);
        }
        self.settle(opening.start, config);
    }

    fn starts(&self, at: u64) -> impl Iterator<Item = Start> {
        let layers = self.layers.iter().enumerate();
        layers.filter_map(move |(layer, waiting)| {
            let near = waiting.iter().enumerate();
            let near = near.filter(|(_, frame)| frame.keyframe && frame.dts.abs_diff(at) <= MATCH_MAX);
            let (place, frame) = near.min_by_key(|(_, frame)| frame.dts.abs_diff(at))?;
            let height = Parameters::of(&frame.nals)?.ok()?.height;
            Some(Start { layer, place, height })
        })
    }

    /// The best picture's segment ends.
    pub(crate) fn close(&mut self, at: u64, config: &Config) {
        self.decide(config);
        for own in self.steps.iter_mut().flat_map(|step| &mut step.own) {
            own.until.get_or_insert(at);
        }
    }

    /// Nothing more comes of this source.
    pub(crate) fn break_off(&mut self, config: &Config) {
        for step in &mut self.steps {
            step.take(&mut self.layers, config);
            step.end(config);
        }
        self.layers = Default::default();
    }

    /// Puts down what has come; the best picture has come to `now`.
    pub(crate) fn settle(&mut self, now: u64, config: &Config) {
        for step in &mut self.steps {
            step.take(&mut self.layers, config);
            let until = step.own.as_ref().and_then(|own| own.until);
            if until.is_some_and(|until| now >= until + LATE_MAX) {
                step.end(config);
            }
        }
        let oldest = self
            .opening
            .map_or(now, |opening| opening.start)
            .saturating_sub(LATE_MAX);
        for waiting in &mut self.layers {
            while waiting.front().is_some_and(|frame| frame.dts < oldest) {
                waiting.pop_front();
            }
        }
    }

    /// Lets go of what the best picture has let go of.
    pub(crate) fn trim(&mut self, oldest: u64) {
        for step in &mut self.steps {
            let segments = &mut step.video.lane.segments;
            while segments.front().is_some_and(|segment| segment.msn < oldest) {
                segments.pop_front();
            }
        }
    }

    fn step(&self, rung: Rung) -> &Step {
        &self.steps[rung.place()]
    }

    pub(crate) fn shown(&self, rung: Rung, msn: u64) -> Shown<'_> {
        let lane = &self.step(rung).video.lane;
        let mut all = lane.segments.iter().chain(lane.open_segment());
        match all.find(|segment| segment.msn == msn) {
            Some(segment) => Shown::Own(segment),
            None if self.opening.is_some_and(|opening| opening.msn == msn) => Shown::Undecided,
            None => Shown::Same,
        }
    }

    /// Of the rung's own segments.
    pub(crate) fn lane(&self, rung: Rung) -> &Lane {
        &self.step(rung).video.lane
    }

    /// The number of the segment that is being made, and how many parts of it there are.
    pub(crate) fn edge(&self, rung: Rung, best: &Lane) -> (u64, u64) {
        let lane = self.lane(rung);
        match self.opening {
            _ if lane.is_open() => lane.edge(),
            Some(opening) => (opening.msn, 0),
            None => best.edge(),
        }
    }

    pub(crate) fn resource(&self, rung: Rung, name: &ResourceName, best: &Lane) -> Answer<Option<Bytes>> {
        let lane = self.lane(rung);
        // Of the segment that is to come, or not to be decided yet whose it is.
        let undecided = match self.opening {
            Some(opening) => Some(opening.msn),
            None => Some(best.edge().0).filter(|_| !best.is_open()),
        };
        match name {
            ResourceName::Part(_, msn, 0) if undecided == Some(*msn) => Answer::Wait,
            // Nothing of its own is to come.
            ResourceName::Part(_, msn, part) if !lane.is_open() && lane.edge() == (*msn, *part) => {
                Answer::Now(None)
            }
            _ => lane.resource(name),
        }
    }

    /// What the rung is, while it is one.
    pub(crate) fn steady(&self, rung: Rung, best: &Lane) -> Option<&Parameters> {
        let is_own = |segment: &&Segment| matches!(self.shown(rung, segment.msn), Shown::Own(_));
        let latest = best.segments.iter().rev().take(STEADY.1);
        let steady = latest.filter(is_own).count() >= STEADY.0;
        self.step(rung).video.parameters.as_ref().filter(|_| steady)
    }

    pub(crate) fn progress(&self) -> impl PartialEq + use<> {
        let edges = self.steps.each_ref().map(|step| step.video.lane.edge());
        (edges, self.opening.map(|opening| opening.msn))
    }
}

impl Step {
    /// Begins a segment with the keyframe that waits first.
    fn begin(&mut self, layer: usize, opening: Opening, waiting: &Waiting) {
        let Some(first) = waiting.front() else { return };
        let Ok(fit) = self.video.fit(first) else { return };
        if let Some(init) = fit.init {
            self.video.set_init(opening.msn, init);
        }
        self.video.lane.open(opening);
        self.own = Some(Own {
            layer,
            behind: opening.start as i64 - first.dts as i64,
            until: None,
        });
    }

    /// Puts down what waits of its segment.
    fn take(&mut self, layers: &mut [Waiting; LAYERS_MAX], config: &Config) {
        while let Some(own) = &self.own
            && let Some(next) = layers[own.layer].front()
        {
            let at = next.dts.saturating_add_signed(own.behind);
            if own.until.is_some_and(|until| at + CUT_SLACK >= until) {
                return self.end(config);
            }
            let Some(mut frame) = layers[own.layer].pop_front() else {
                return;
            };
            frame.dts = at;
            self.add(&frame, config);
        }
    }

    fn add(&mut self, frame: &VideoFrame, config: &Config) {
        let Ok(fit) = self.video.fit(frame) else { return };
        let last = self.video.last();
        if last.is_some_and(|last| frame.dts <= last)
            || self.video.lane.open_bytes() + fit.bytes() > SEGMENT_BYTES_MAX
        {
            return;
        }
        self.video.advance(frame.dts, config);
        self.video.hold(fit);
    }

    /// Ends the segment that is being made.
    fn end(&mut self, config: &Config) {
        if let Some(own) = self.own.take() {
            self.video.release(own.until);
            self.video.lane.close_segment(config);
        }
    }
}
