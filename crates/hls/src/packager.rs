//! Cutting: when parts and segments end, and that sound is cut where the picture is.

use std::collections::VecDeque;
use std::time::Duration;

use busk_base::Timestamp;
use bytes::Bytes;

use crate::finished::Finished;
use crate::lane::{Lane, Opening};
use crate::mp4::{self, Sample, VIDEO_SCALE};
use crate::names::{Medium, Rendition, ResourceName};
use crate::pictures::{self, Parameters};
use crate::{Answer, Ask, AskRefused, AudioConfig, AudioFrame, Config, Refused, VideoFrame, playlist};

/// Samples in an AAC access unit.
const UNIT: u64 = 1_024;
/// How far sound may be behind the picture before it is taken to be silence, in milliseconds.
const SOUND_LATE_MAX_MS: u64 = 1_000;
/// Bounds on what a source may make of a segment and of a part.
const SEGMENT_BYTES_MAX: usize = 10 << 20;
const PART_SAMPLES_MAX: usize = 512;
/// A segment may be so much longer than its target: it is rounded before it is compared (RFC 8216bis
/// §4.4.3.1).
const TARGET_SLACK: Duration = Duration::from_millis(400);
/// What a picture lasts when the next one does not say.
const PICTURE_TICKS: u32 = VIDEO_SCALE / 30;

/// One room's segments, parts and playlists.
pub struct Packager {
    config: Config,
    sound: AudioConfig,
    pub(crate) video: Lane,
    pub(crate) audio: Lane,
    parameters: Option<Parameters>,
    /// The last picture: the next one says how long it lasts.
    held: Option<Held>,
    picture_ticks: u32,
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

struct Held {
    dts: u64,
    cts: i32,
    keyframe: bool,
    data: Bytes,
}

/// A cut of the sound, in its samples.
struct Cut {
    at: u64,
    what: What,
}

enum What {
    Part,
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
            video: Lane::new(Medium::Video, VIDEO_SCALE, first),
            audio,
            parameters: None,
            held: None,
            picture_ticks: PICTURE_TICKS,
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
        if self.ended || self.held.as_ref().is_some_and(|held| frame.dts <= held.dts) {
            return Err(Refused::NotLater);
        }
        if self.lasts_too_long(&frame) {
            self.discontinuity();
        }
        if !frame.keyframe && (self.broken || !self.video.is_open()) {
            return Err(Refused::NoKeyframe);
        }
        let told = Parameters::of(&frame.nals).transpose();
        let told = told.map_err(|()| Refused::BadParameters)?;
        if told.is_none() && self.parameters.is_none() {
            return Err(Refused::NoKeyframe);
        }
        let data = pictures::sample(&frame.nals).ok_or(Refused::TooLarge)?;
        if self.video.open_bytes() + data.len() > SEGMENT_BYTES_MAX {
            self.discontinuity();
            return Err(Refused::TooLarge);
        }
        let changed = told.filter(|told| frame.keyframe && self.parameters.as_ref() != Some(told));
        // Before anything is changed: what cannot be written down is refused.
        let init = changed.map(|parameters| mp4::video_init(&parameters).map(|init| (parameters, init)));
        let init = init.transpose().map_err(|_| Refused::BadParameters)?;

        self.release(Some(frame.dts));
        let due = self.video.open_duration() >= self.ticks(self.config.segment);
        if frame.keyframe && (due || self.broken || init.is_some() || !self.video.is_open()) {
            self.next_segment(&frame, init, wall);
        } else if self.part_is_due() {
            self.video.close_part();
            self.cut(frame.dts, What::Part);
        }
        self.held = Some(Held {
            dts: frame.dts,
            cts: frame.cts,
            keyframe: frame.keyframe,
            data,
        });
        self.fill_sound(frame.dts);
        Ok(())
    }

    /// Takes sound. What is late, or of no segment, is left out.
    pub fn audio(&mut self, frame: AudioFrame) {
        // Nobody's clock is that far ahead of the picture's.
        let picture = self.held.as_ref().map_or(0, |held| self.samples(held.dts));
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
        self.release(None);
        if let Some(end) = self.video.open_end() {
            self.close(end);
        }
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
        self.video.keep_finished(None);
        self.audio.keep_finished(Some(&self.sound.silence));
    }

    /// What was finished since this was last asked.
    pub fn take_finished(&mut self) -> Vec<Finished> {
        let mut finished = self.video.take_finished();
        finished.append(&mut self.audio.take_finished());
        finished
    }

    /// The multivariant playlist, when there is something to play.
    pub fn master(&self) -> Option<String> {
        let parameters = self.parameters.as_ref()?;
        self.is_ready().then(|| playlist::master(self, parameters))
    }

    pub fn playlist(&self, which: Rendition, ask: Ask) -> Answer<Result<String, AskRefused>> {
        if ask.part.is_some() && ask.msn.is_none() {
            return Answer::Now(Err(AskRefused::PartWithoutSegment));
        }
        let lane = self.lane(which);
        let (open, parts) = lane.edge();
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
            Rendition::Video | Rendition::Audio => playlist::media(self, lane, ask.skip),
        }))
    }

    /// What a playlist names; [`Answer::Wait`] for the part that it announces.
    pub fn resource(&self, name: &ResourceName) -> Answer<Option<Bytes>> {
        let (ResourceName::Init(medium, _)
        | ResourceName::Segment(medium, _)
        | ResourceName::Part(medium, ..)) = name;
        match medium {
            Medium::Video => self.video.resource(name),
            Medium::Audio => self.audio.resource(name),
        }
    }

    /// How far it has come: whoever waits needs to ask again only when this is another.
    pub fn progress(&self) -> impl PartialEq + use<> {
        (self.video.edge(), self.audio.edge(), self.ended)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    fn is_ready(&self) -> bool {
        !self.video.segments.is_empty() && !self.audio.segments.is_empty()
    }

    fn lane(&self, which: Rendition) -> &Lane {
        match which {
            Rendition::Video | Rendition::IFrames => &self.video,
            Rendition::Audio => &self.audio,
        }
    }

    fn ticks(&self, duration: Duration) -> u64 {
        duration.as_millis() as u64 * u64::from(VIDEO_SCALE) / 1_000
    }

    /// A moment of the picture, in samples of the sound.
    fn samples(&self, dts: u64) -> u64 {
        dts * self.audio.scale / u64::from(VIDEO_SCALE)
    }

    /// Puts the last picture down, as long as it lasts until `next`.
    fn release(&mut self, next: Option<u64>) {
        let Some(held) = self.held.take() else { return };
        let lasts = match next {
            Some(next) => (next - held.dts) as u32,
            None => self.picture_ticks.min(PICTURE_TICKS),
        };
        self.picture_ticks = lasts;
        self.video.add(Sample {
            duration: lasts,
            cts: held.cts,
            sync: held.keyframe,
            data: held.data,
        });
    }

    /// Whether the segment would, with the last picture until this one, and this one.
    fn lasts_too_long(&self, frame: &VideoFrame) -> bool {
        let Some(held) = &self.held else { return false };
        let next = if frame.keyframe {
            0
        } else {
            u64::from(self.picture_ticks)
        };
        self.video.open_duration() + (frame.dts - held.dts) + next
            > self.ticks(self.config.target + TARGET_SLACK)
    }

    /// Whether the part is, with whole pictures, as near as it comes to what it is meant to last.
    fn part_is_due(&self) -> bool {
        let nearly = self.video.part_duration() + u64::from(self.picture_ticks / 2);
        nearly >= self.ticks(self.config.part) || self.video.part_samples() >= PART_SAMPLES_MAX
    }

    fn next_segment(&mut self, frame: &VideoFrame, init: Option<(Parameters, Bytes)>, wall: Timestamp) {
        if self.video.is_open() {
            self.close(frame.dts);
        }
        if let Some((parameters, init)) = init {
            self.video.set_init(self.next_msn, init);
            self.parameters = Some(parameters);
        }
        let opening = Opening {
            msn: self.next_msn,
            start: frame.dts,
            wall,
            discontinuity: std::mem::take(&mut self.broken) && self.next_msn > self.first_msn,
        };
        self.next_msn += 1;
        self.video.open(opening);
        self.cut(frame.dts, What::Open(opening));
    }

    fn close(&mut self, at: u64) {
        self.video.close_segment(&self.config);
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
            What::Part => self.audio.close_part(),
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
