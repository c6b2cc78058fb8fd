//! What an index says, segment by segment.

use busk_base::Timestamp;
use busk_hls::Medium;
use bytes::Bytes;

use crate::index::{MAGIC, Part, Record, records};

#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    pub(crate) inits: Vec<Init>,
    /// Of the picture and of the sound, as they came; none without parts, but for one still without its end.
    pub(crate) video: Vec<Segment>,
    pub(crate) audio: Vec<Segment>,
    pub(crate) over: bool,
    /// Bytes of the index up to the last whole record.
    pub(crate) length: usize,
    /// Bytes up to the first record of a segment that has no end.
    pub(crate) settled: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Init {
    pub(crate) medium: Medium,
    pub(crate) number: u64,
    pub(crate) bytes: Bytes,
    pub(crate) silence: Option<Bytes>,
}

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) msn: u64,
    pub(crate) init: u64,
    pub(crate) wall: Timestamp,
    pub(crate) discontinuity: bool,
    pub(crate) parts: Vec<Part>,
    pub(crate) ended: bool,
    /// Where in the index it begins, and the record of each of its parts.
    pub(crate) record_at: usize,
    pub(crate) part_records: Vec<usize>,
}

impl Segment {
    pub(crate) fn duration(&self) -> u64 {
        self.parts.iter().map(|part| part.duration).sum()
    }

    pub(crate) fn length(&self) -> u64 {
        self.parts.iter().map(|part| part.length).sum()
    }

    /// When its first sample is decoded.
    pub(crate) fn start(&self) -> u64 {
        self.parts.first().map_or(0, |part| part.start)
    }

    /// Where its first sample ends.
    pub(crate) fn first_sample_end(&self) -> u64 {
        let size = |part: &Part| part.samples().next().map_or(0, |sample| u64::from(sample.size));
        self.parts.first().map_or(0, |part| part.data_at + size(part))
    }
}

/// The bytes are no index at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the index of a recording, or of a version that is not known")]
pub struct NotAnIndex;

impl Contents {
    pub(crate) fn read(index: &Bytes) -> Result<Self, NotAnIndex> {
        let head = &index[..MAGIC.len().min(index.len())];
        if !MAGIC.starts_with(head) {
            return Err(NotAnIndex);
        }
        let mut contents = Self::default();
        if head.len() < MAGIC.len() {
            return Ok(contents);
        }
        contents.length = MAGIC.len();
        for (end, record) in records(index) {
            contents.add(record);
            contents.length = end;
        }
        let open = contents.video.iter().chain(&contents.audio);
        let open = open.filter(|segment| !segment.ended);
        let first_open = open.map(|segment| segment.record_at).min();
        contents.settled = first_open.unwrap_or(contents.length);
        Ok(contents)
    }

    fn add(&mut self, record: Record) {
        let record_at = self.length;
        match record {
            Record::Init {
                medium,
                number,
                bytes,
                silence,
            } => self.inits.push(Init {
                medium,
                number,
                bytes,
                silence,
            }),
            Record::Segment {
                medium,
                msn,
                init,
                wall,
                discontinuity,
            } => {
                self.over = false;
                self.lane_mut(medium).push(Segment {
                    msn,
                    init,
                    wall,
                    discontinuity,
                    parts: Vec::new(),
                    ended: false,
                    record_at,
                    part_records: Vec::new(),
                });
            }
            Record::Part { medium, part } => {
                if let Some(segment) = self.lane_mut(medium).last_mut() {
                    segment.parts.push(part);
                    segment.part_records.push(record_at);
                }
            }
            Record::End { medium } => {
                let lane = self.lane_mut(medium);
                if lane.last().is_some_and(|segment| segment.parts.is_empty()) {
                    lane.pop();
                } else if let Some(segment) = lane.last_mut() {
                    segment.ended = true;
                }
            }
            Record::Over => self.over = true,
        }
    }

    pub(crate) fn lane(&self, medium: Medium) -> &[Segment] {
        match medium {
            Medium::Video => &self.video,
            Medium::Audio => &self.audio,
        }
    }

    fn lane_mut(&mut self, medium: Medium) -> &mut Vec<Segment> {
        match medium {
            Medium::Video => &mut self.video,
            Medium::Audio => &mut self.audio,
        }
    }
}
