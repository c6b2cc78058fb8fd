//! Tags become units: times without end, parameter sets before keyframes, and what order pictures are shown in.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use h264_reader::nal::sps::SeqParameterSet;
use h264_reader::rbsp::{BitReader, decode_nal};

use crate::flv::{self, AudioTag, TagError, VideoTag};
use crate::{AacConfig, AvcConfig, Medium, Picture, Sound, Unit};

/// NAL unit types (H.264 table 7-1).
const IDR: u8 = 5;
pub(crate) const SPS: u8 = 7;
pub(crate) const PPS: u8 = 8;

/// Further back, or further ahead of everything, it is a clock that was set anew.
const BACK_MS_MAX: i64 = 1_000;
const AHEAD_MS_MAX: i64 = 10_000;
const CTS_MS_MAX: u32 = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Frames {
    clock: Clock,
    avc: Option<AvcConfig>,
    aac: Option<Arc<AacConfig>>,
    dts_last: Option<u64>,
    order: Order,
}

impl Frames {
    pub(crate) fn video(&mut self, time: u32, tag: &Bytes, out: &mut VecDeque<Unit>) -> Result<(), TagError> {
        match flv::video_tag(tag)? {
            VideoTag::Config(config) => self.avc = Some(config),
            VideoTag::Picture { cts_ms, units } => {
                let time = self.clock.extend(Medium::Video, time);
                // Before its configuration a picture cannot be read.
                if let Some(avc) = &self.avc {
                    let nals = flv::nal_units(&units, avc.length_bytes)?;
                    self.picture(time, cts_ms, nals, out);
                }
            }
            VideoTag::Nothing => {}
        }
        Ok(())
    }

    pub(crate) fn audio(&mut self, time: u32, tag: &Bytes, out: &mut VecDeque<Unit>) -> Result<(), TagError> {
        match flv::audio_tag(tag)? {
            AudioTag::Config(config) => {
                if self.aac.as_deref() != Some(&config) {
                    self.aac = Some(Arc::new(config));
                }
            }
            AudioTag::Unit(data) => {
                let time_ms = self.clock.extend(Medium::Audio, time);
                if let Some(config) = self.aac.clone().filter(|_| !data.is_empty()) {
                    out.push_back(Unit::Sound(Sound {
                        time_ms,
                        config,
                        data,
                    }));
                }
            }
            AudioTag::Nothing => {}
        }
        Ok(())
    }

    fn picture(&mut self, time: u64, cts_ms: i32, mut nals: Vec<Bytes>, out: &mut VecDeque<Unit>) {
        // No delimiters and no filler; nor what would mean something else in RTP.
        nals.retain(|nal| matches!(kind(nal), 1..=SPS | PPS | 13..=23));
        let keyframe = nals.iter().any(|nal| kind(nal) == IDR);
        let has_slice = nals.iter().any(|nal| matches!(kind(nal), 1..=IDR));
        if !has_slice || (self.dts_last.is_none() && !keyframe) {
            return;
        }
        let has = |wanted| nals.iter().any(|nal| kind(nal) == wanted);
        if keyframe
            && !(has(SPS) && has(PPS))
            && let Some(avc) = &self.avc
        {
            nals.retain(|nal| !matches!(kind(nal), SPS | PPS));
            nals.splice(0..0, avc.parameter_sets.iter().cloned());
        }
        let shown = i128::from(time) + i128::from(cts_ms);
        let dts_ms = self
            .dts_last
            .map_or(time, |last| time.max(last.saturating_add(1)));
        self.dts_last = Some(dts_ms);
        if self.order.hear(shown, cts_ms, &nals) {
            out.push_back(Unit::Reordered);
        }
        let cts_ms = u32::try_from((shown - i128::from(dts_ms)).max(0)).unwrap_or(CTS_MS_MAX);
        out.push_back(Unit::Picture(Picture {
            dts_ms,
            cts_ms: cts_ms.min(CTS_MS_MAX),
            keyframe,
            nals,
        }));
    }
}

pub(crate) fn kind(nal: &Bytes) -> u8 {
    nal.first().map_or(0, |header| header & 0x1f)
}

/// Milliseconds of 32 bits, which wrap after 49 days, since the first.
///
/// Encoders set their clocks anew, picture and sound one after the other. What is told goes on from where it was,
/// and keeps both as far apart as they were sent.
#[derive(Debug, Default)]
struct Clock {
    /// The first that came.
    origin: Option<u32>,
    /// What the latest clock is shifted by.
    shift: i64,
    /// The latest that was told.
    latest: i64,
    video: Option<Lane>,
    audio: Option<Lane>,
}

#[derive(Clone, Copy, Debug)]
struct Lane {
    came: u32,
    /// Since the origin; below zero for what is from before it.
    since: i64,
    shift: i64,
    told: i64,
}

impl Clock {
    fn extend(&mut self, medium: Medium, time: u32) -> u64 {
        let origin = *self.origin.get_or_insert(time);
        let lane = match medium {
            Medium::Video => &mut self.video,
            Medium::Audio => &mut self.audio,
        };
        let (came, since, mut shift) = lane.map_or((origin, 0, self.shift), |lane| {
            (lane.came, lane.since, lane.shift)
        });
        let since = since.saturating_add(i64::from(time.wrapping_sub(came) as i32));
        if let Some(lane) = lane {
            let allowed = lane.told - BACK_MS_MAX..=self.latest + AHEAD_MS_MAX;
            if !allowed.contains(&(since + shift)) {
                // The other medium may have changed to this clock before.
                if !allowed.contains(&(since + self.shift)) {
                    self.shift = lane.told - since;
                }
                shift = self.shift;
            }
        }
        let told = since + shift;
        *lane = Some(Lane {
            came: time,
            since,
            shift,
            told,
        });
        self.latest = self.latest.max(told);
        u64::try_from(told).unwrap_or(0)
    }
}

/// Whether pictures are shown in the order they come.
#[derive(Debug, Default)]
struct Order {
    told: bool,
    /// The parameter set that was looked into.
    sps: Bytes,
    /// When the latest picture is shown, and how much later than decoded.
    latest: Option<(i128, i32)>,
}

impl Order {
    /// True once, when it shows that they are not.
    fn hear(&mut self, shown: i128, cts_ms: i32, nals: &[Bytes]) -> bool {
        if self.told {
            return false;
        }
        let overtaken = self
            .latest
            .is_some_and(|(latest, cts)| shown <= latest && cts_ms < cts);
        if self.latest.is_none_or(|(latest, _)| shown > latest) {
            self.latest = Some((shown, cts_ms));
        }
        self.told = overtaken || self.is_announced(nals);
        self.told
    }

    fn is_announced(&mut self, nals: &[Bytes]) -> bool {
        let Some(sps) = nals.iter().find(|nal| kind(nal) == SPS && **nal != self.sps) else {
            return false;
        };
        self.sps = sps.clone();
        reorders(sps)
    }
}

/// Whether the sequence parameters let pictures be shown in another order (H.264 §E.2.1 max_num_reorder_frames).
fn reorders(sps: &Bytes) -> bool {
    let restrictions = sequence(sps).and_then(|read| read.vui_parameters?.bitstream_restrictions);
    restrictions.is_some_and(|restrictions| restrictions.max_num_reorder_frames > 0)
}

/// What a sequence parameter set says; `None` when it cannot be read.
pub(crate) fn sequence(sps: &Bytes) -> Option<SeqParameterSet> {
    let bits = decode_nal(sps).ok()?;
    SeqParameterSet::from_bits(BitReader::new(&*bits)).ok()
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
