//! Cutting: when parts and segments end, and that sound is cut where the picture is.

use std::collections::VecDeque;
use std::time::Duration;

use busk_base::Timestamp;
use bytes::Bytes;

use crate::finished::Finished;
use crate::ladder::Ladder;
use crate::lane::{Lane, Opening};
use crate::mp4::{self, Sample, VIDEO_SCALE};
use crate::names::{LiveName, Medium, Rendition};
use crate::video::{Fit, SEGMENT_BYTES_MAX, VideoLane, ticks};
use crate::{Answer, Ask, AskRefused, AudioConfig, AudioFrame, Config, Refused, VideoFrame, playlist};

/// Samples in an AAC access unit.
const UNIT: u64 = 1_024;
/// How far sound may be behind the picture before it is taken to be silence, in milliseconds.
const SOUND_LATE_MAX_MS: u64 = 1_000;
/// A segment may be so much longer than its target: it is rounded before it is compared (RFC 8216bis
/// §4.4.3.1).
const TARGET_SLACK: Duration = Duration::from_millis(400);

/// One room's segments, parts and playlists.
pub struct Packager {
    config: Config,
    sound: AudioConfig,
    pub(crate) video: VideoLane,
    pub(crate) ladder: Ladder,
    pub(crate) audio: Lane,
    first_msn: u64,
    next_msn: u64,
    /// The source has changed: what comes has nothing to do with what was.
    broken: bool,
    /// Where sound is still to be cut, oldest first.
    cuts: VecDeque<Cut>,
    /// When the next access unit of sound begins.
    sound_at: u64,
    ended: bool,
}

/// A cut of the sound, in its samples.
struct Cut {
    at: u64,
    what: What,
}

enum What {
    Close,
    Open(Opening),
}

impl Packager {
    /// The first segment has the number `first`. For the same room it must be beyond any that was ever given
    /// out, also by another run of the program: players and caches remember.
    pub fn new(config: Config, sound: AudioConfig, first: u64) -> Self {
        let mut audio = Lane::new(Medium::Audio, sound.sample_rate, first);
        // Without it there is no sound, which players say plainly.
        if let Ok(init) = mp4::audio_init(&sound) {
            audio.set_init(first, init);
        }
        Self {
            config,
            sound,
            video: VideoLane::new(first),
            ladder: Ladder::new(first),
            audio,
            first_msn: first,
            next_msn: first,
            broken: true,
            cuts: VecDeque::new(),
            sound_at: 0,
            ended: false,
        }
    }

    /// Takes a picture; `wall` is when it was captured.
    pub fn video(&mut self, frame: VideoFrame, wall: Timestamp) -> Result<(), Refused> {
        if self.ended || self.video.last().is_some_and(|last| frame.dts <= last) {
            return Err(Refused::NotLater);
        }
        if self.lasts_too_long(&frame) {
            self.discontinuity();
        }
        if !frame.keyframe && (self.broken || !self.video.lane.is_open()) {
            return Err(Refused::NoKeyframe);
        }
        // Before anything is changed: what cannot be written down is refused.
        let mut fit = self.video.fit(&frame)?;
        if self.video.lane.open_bytes() + fit.bytes() > SEGMENT_BYTES_MAX {
            self.discontinuity();
            return Err(Refused::TooLarge);
        }
        let part_is_whole = self.video.advance(frame.dts, &self.config);
        let due = self.video.lane.open_duration() >= ticks(self.config.segment);
        if frame.keyframe && (due || self.broken || fit.init.is_some() || !self.video.lane.is_open()) {
            self.next_segment(&frame, &mut fit, wall);
        } else if part_is_whole {
            self.ladder.decide(&self.config);
        }
        self.video.hold(fit);
        self.ladder.settle(frame.dts, &self.config);
        self.fill_sound(frame.dts);
        Ok(())
    }

    /// Takes the same picture smaller, one of several layers that come beside the best one. It is on the same
    /// time, as nearly as that is known.
    pub fn lower(&mut self, layer: usize, frame: VideoFrame) {
        let Some(last) = self.video.last().filter(|_| !self.ended) else {
            return;
        };
        self.ladder.push(layer, frame);
        self.ladder.settle(last, &self.config);
    }

    /// Takes sound. What is late, or of no segment, is left out.
    pub fn audio(&mut self, frame: AudioFrame) {
        // Nobody's clock is that far ahead of the picture's.
        let picture = self.video.last().map_or(0, |last| self.samples(last));
        if self.ended || frame.pts > picture + 10 * self.audio.scale {
            return;
        }
        loop {
            if !self.audio.is_open() {
                match self.cuts.front() {
                    Some(cut) if cut.at <= frame.pts => self.apply_next(),
                    _ => return,
                }
            } else if frame.pts + UNIT / 2 < self.sound_at {
                return;
            } else if frame.pts >= self.sound_at + UNIT {
                self.add_sound(self.sound.silence.clone());
            } else {
                return self.add_sound(frame.data);
            }
        }
    }

    /// The source has changed; the next keyframe begins a segment that has nothing to do with the last.
    pub fn discontinuity(&mut self) {
        self.video.release(None);
        if let Some(end) = self.video.lane.open_end() {
            self.close(end);
        }
        self.ladder.break_off(&self.config);
        self.broken = true;
    }

    /// Nothing comes any more.
    pub fn end(&mut self) {
        if self.ended {
            return;
        }
        self.discontinuity();
        while !self.cuts.is_empty() {
            if self.audio.is_open() {
                self.add_sound(self.sound.silence.clone());
            } else {
                self.apply_next();
            }
        }
        self.ended = true;
    }

    /// From now on what is finished is kept for [`Self::take_finished`], which is then to be asked after every
    /// call: nothing else bounds it.
    pub fn keep_finished(&mut self) {
        self.video.lane.keep_finished(None);
        self.audio.keep_finished(Some(&self.sound.silence));
    }

    /// What was finished since this was last asked.
    pub fn take_finished(&mut self) -> Vec<Finished> {
        let mut finished = self.video.lane.take_finished();
        finished.append(&mut self.audio.take_finished());
        finished
    }

    /// The multivariant playlist, when there is something to play.
    pub fn master(&self) -> Option<String> {
        let parameters = self.video.parameters.as_ref()?;
        self.is_ready().then(|| playlist::master(self, parameters))
    }

    pub fn playlist(&self, which: Rendition, ask: Ask) -> Answer<Result<String, AskRefused>> {
        if ask.part.is_some() && ask.msn.is_none() {
            return Answer::Now(Err(AskRefused::PartWithoutSegment));
        }
        let (open, parts) = self.edge(which);
        if let Some(msn) = ask.msn.filter(|_| !self.ended) {
            if msn > open + 1 {
                return Answer::Now(Err(AskRefused::TooFarAhead));
            }
            let there = msn < open || (msn == open && ask.part.is_some_and(|part| part < parts));
            if !there {
                return Answer::Wait;
            }
        }
        if !self.is_ready() {
            return Answer::Wait;
        }
        Answer::Now(Ok(match which {
            Rendition::IFrames => playlist::iframes(self),
            Rendition::Video | Rendition::Rung(_) => playlist::media(self, which, &self.video.lane, ask.skip),
            Rendition::Audio => playlist::media(self, which, &self.audio, ask.skip),
        }))
    }

    /// What a playlist names; [`Answer::Wait`] for the part that it announces.
    pub fn resource(&self, name: &LiveName) -> Answer<Option<Bytes>> {
        let LiveName { rung, resource } = name;
        let found = match (rung, resource.medium()) {
            (Some(rung), _) => self.ladder.resource(*rung, resource, &self.video.lane),
            (None, Medium::Video) => self.video.lane.resource(resource),
            (None, Medium::Audio) => self.audio.resource(resource),
        };
        match found {
            Answer::Wait if self.ended => Answer::Now(None),
            found => found,
        }
    }

    /// How far it has come: whoever waits needs to ask again only when this is another.
    pub fn progress(&self) -> impl PartialEq + use<> {
        (
            self.video.lane.edge(),
            self.ladder.progress(),
            self.audio.edge(),
            self.ended,
        )
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    fn is_ready(&self) -> bool {
        !self.video.lane.segments.is_empty() && !self.audio.segments.is_empty()
    }

    /// The number of the segment that is being made, and how many parts of it there are.
    pub(crate) fn edge(&self, which: Rendition) -> (u64, u64) {
        match which {
            Rendition::Video | Rendition::IFrames => self.video.lane.edge(),
            Rendition::Rung(rung) => self.ladder.edge(rung, &self.video.lane),
            Rendition::Audio => self.audio.edge(),
        }
    }

    /// A moment of the picture, in samples of the sound.
    fn samples(&self, dts: u64) -> u64 {
        dts * self.audio.scale / u64::from(VIDEO_SCALE)
    }

    /// Whether the segment would, with the last picture until this one, and this one.
    fn lasts_too_long(&self, frame: &VideoFrame) -> bool {
        let Some(last) = self.video.last() else {
            return false;
        };
        let next = if frame.keyframe {
            0
        } else {
            u64::from(self.video.picture_ticks)
        };
        self.video.lane.open_duration() + (frame.dts - last) + next > ticks(self.config.target + TARGET_SLACK)
    }

    fn next_segment(&mut self, frame: &VideoFrame, fit: &mut Fit, wall: Timestamp) {
        if self.video.lane.is_open() {
            self.close(frame.dts);
        }
        if let Some(init) = fit.init.take() {
            self.video.set_init(self.next_msn, init);
        }
        let opening = Opening {
            msn: self.next_msn,
            start: frame.dts,
            wall,
            discontinuity: std::mem::take(&mut self.broken) && self.next_msn > self.first_msn,
        };
        self.next_msn += 1;
        self.video.lane.open(opening);
        self.ladder.open(opening);
        self.cut(frame.dts, What::Open(opening));
    }

    fn close(&mut self, at: u64) {
        self.video.lane.close_segment(&self.config);
        self.ladder.close(at, &self.config);
        if let Some(oldest) = self.video.lane.segments.front() {
            self.ladder.trim(oldest.msn);
        }
        self.cut(at, What::Close);
    }

    fn cut(&mut self, dts: u64, what: What) {
        self.cuts.push_back(Cut {
            at: self.samples(dts),
            what,
        });
    }

    fn apply_next(&mut self) {
        let Some(Cut { at, what }) = self.cuts.pop_front() else {
            return;
        };
        match what {
            What::Close => self.audio.close_segment(&self.config),
            What::Open(opening) => {
                // Sound goes on where it was, unless the picture has jumped.
                if opening.discontinuity || at.abs_diff(self.sound_at) >= 2 * UNIT {
                    self.sound_at = at;
                }
                self.audio.open(Opening {
                    start: self.sound_at,
                    ..opening
                });
            }
        }
    }

    fn add_sound(&mut self, data: Bytes) {
        while self.cuts.front().is_some_and(|cut| cut.at <= self.sound_at) {
            self.apply_next();
        }
        if self.audio.is_open() {
            self.audio.add(Sample {
                duration: UNIT as u32,
                cts: 0,
                sync: true,
                data,
            });
            self.sound_at += UNIT;
            let longest = self.config.part_target().as_millis() as u64 * self.audio.scale / 1_000;
            if self.audio.part_duration() + UNIT > longest {
                self.audio.close_part();
            }
        }
    }

    /// Players must not wait for sound that does not come.
    fn fill_sound(&mut self, dts: u64) {
        let late = self.audio.scale * SOUND_LATE_MAX_MS / 1_000;
        let Some(until) = self.samples(dts).checked_sub(late) else {
            return;
        };
        loop {
            if self.audio.is_open() && self.sound_at < until {
                self.add_sound(self.sound.silence.clone());
            } else if !self.audio.is_open() && self.cuts.front().is_some_and(|cut| cut.at < until) {
                self.apply_next();
            } else {
                return;
            }
        }
    }
}
