//! Which samples an MP4 of a stretch of the timeline has, and where they lie.
//!
//! Invariant: within a recording sound and picture never drift apart. At a discontinuity the sound is brought
//! back to the picture by whole access units, left out or silent: players differ in what they make of edit
//! lists and of uneven durations, but all can count samples. What remains is half an access unit at most, and
//! it does not add up.

use busk_hls::{ResourceName, SampleEntry};
use bytes::Bytes;

use crate::recording::{Piece, Placed, Recording, Track};

/// What a chunk lasts: how far sound and picture are apart in the file.
const CHUNK_S: u64 = 1;

/// A track of the file that is to be made.
pub(crate) struct Cut {
    pub(crate) chunks: Vec<Chunk>,
    /// Where in the first sample it begins, in ticks: what is before that is not shown.
    pub(crate) skipped: u64,
    /// In ticks, beginning with the first sample.
    pub(crate) length: u64,
}

/// Samples in a row, in the file and in time.
pub(crate) struct Chunk {
    /// In ticks of the track, of the file.
    pub(crate) at: u64,
    /// Number of the initialisation.
    pub(crate) init: u64,
    pub(crate) samples: Vec<SampleEntry>,
    pub(crate) pieces: Vec<Piece>,
}

impl Cut {
    fn new() -> Self {
        Self {
            chunks: Vec::new(),
            skipped: 0,
            length: 0,
        }
    }

    fn push(&mut self, sample: SampleEntry, init: u64, scale: u64, piece: Piece) {
        let full = |chunk: &Chunk| chunk.init != init || self.length - chunk.at >= CHUNK_S * scale;
        if self.chunks.last().is_none_or(full) {
            self.chunks.push(Chunk {
                at: self.length,
                init,
                samples: Vec::new(),
                pieces: Vec::new(),
            });
        }
        self.length += u64::from(sample.duration);
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.samples.push(sample);
            join(&mut chunk.pieces, piece);
        }
    }
}

/// Ranges that follow on each other are one.
fn join(pieces: &mut Vec<Piece>, piece: Piece) {
    if let (
        Some(Piece::Stored { name, start, length }),
        Piece::Stored {
            name: next,
            start: from,
            length: more,
        },
    ) = (pieces.last_mut(), &piece)
        && name == next
        && *start + *length == *from
    {
        *length += more;
        return;
    }
    pieces.push(piece);
}

/// A sample, with where it is on the track's own clock and in its segment's object.
struct Located {
    sample: SampleEntry,
    start: u64,
    at: u64,
}

fn samples(placed: &Placed) -> impl Iterator<Item = Located> + use<'_> {
    let mut part_at = 0;
    placed.segment.parts.iter().flat_map(move |part| {
        let (mut at, mut start) = (part_at + part.data_at, part.start);
        part_at += part.length;
        part.samples().map(move |sample| {
            let located = Located { sample, start, at };
            at += u64::from(sample.size);
            start += u64::from(sample.duration);
            located
        })
    })
}

fn stored(track: &Track, placed: &Placed, located: &Located) -> Piece {
    Piece::Stored {
        name: ResourceName::Segment(track.medium, placed.segment.msn),
        start: located.at,
        length: located.sample.size.into(),
    }
}

/// The picture from the last keyframe at or before `from` up to `to`, in ticks of the timeline. Also gives
/// where that keyframe is, and where the last picture ends.
pub(crate) fn picture(recording: &Recording, from: u64, to: u64) -> (Cut, u64, u64) {
    let track = &recording.video;
    let first = track
        .segments
        .partition_point(|placed| placed.position <= from)
        .saturating_sub(1);
    let segments = track.segments.get(first..).unwrap_or_default();
    // Segments begin with a keyframe; there may be a later one.
    let begin = segments.first().map_or(0, |placed| {
        let mut at = placed.position;
        let mut begin = at;
        for located in samples(placed) {
            if located.sample.sync && at <= from {
                begin = at;
            }
            at += u64::from(located.sample.duration);
        }
        begin
    });
    let mut cut = Cut::new();
    let mut end = begin;
    for placed in segments.iter().take_while(|placed| placed.position < to) {
        let mut at = placed.position;
        for located in samples(placed) {
            if at >= begin && at < to {
                let piece = stored(track, placed, &located);
                cut.push(located.sample, placed.segment.init, track.scale, piece);
                end = at + u64::from(located.sample.duration);
            }
            at += u64::from(located.sample.duration);
        }
    }
    (cut, begin, end)
}

/// The sound to the picture from `begin` to `end`, in ticks of the picture.
pub(crate) fn sound(recording: &Recording, begin: u64, end: u64) -> Cut {
    let (video, audio) = (&recording.video, &recording.audio);
    let ticks = |video_ticks: i128| video_ticks * i128::from(audio.scale) / i128::from(video.scale);
    let mut sound = Sound {
        cut: Cut::new(),
        at: 0,
        scale: audio.scale,
        silence: audio.silence.as_ref(),
        init: audio.segments.first().map_or(0, |placed| placed.segment.init),
        unit: 0,
    };
    for epoch in video.segments.chunk_by(|a, b| a.epoch == b.epoch) {
        let (Some(first), Some(last)) = (epoch.first(), epoch.last()) else {
            continue;
        };
        let (from, to) = (
            first.position.max(begin),
            (last.position + last.duration).min(end),
        );
        if from >= to {
            continue;
        }
        // What the sound's clock says when the file begins.
        let zero = i128::from(first.segment.start()) - i128::from(first.position) + i128::from(begin);
        let zero = ticks(zero);
        let (from, to) = (
            ticks(i128::from(from) - i128::from(begin)),
            ticks(i128::from(to) - i128::from(begin)),
        );
        let begins = audio
            .segments
            .partition_point(|placed| placed.epoch < first.epoch);
        let segments = audio.segments[begins..].iter();
        for placed in segments.take_while(|placed| placed.epoch == first.epoch) {
            let at = i128::from(placed.segment.start()) - zero;
            if at >= to || at + i128::from(placed.duration) <= from {
                continue;
            }
            for located in samples(placed) {
                let at = i128::from(located.start) - zero;
                if at < to && at + i128::from(located.sample.duration) > from {
                    let piece = stored(audio, placed, &located);
                    sound.push(at, located.sample, placed.segment.init, piece);
                }
            }
        }
        sound.fill(to);
    }
    sound.cut
}

struct Sound<'a> {
    cut: Cut,
    /// Where the next access unit is to be, from the beginning of the picture.
    at: i128,
    scale: u64,
    silence: Option<&'a Bytes>,
    init: u64,
    /// What an access unit lasts.
    unit: i128,
}

impl Sound<'_> {
    fn push(&mut self, at: i128, sample: SampleEntry, init: u64, piece: Piece) {
        (self.unit, self.init) = (sample.duration.max(1).into(), init);
        if self.cut.length == 0 && at <= 0 {
            // It overlaps the first picture; what is before that is edited out.
            self.at = at;
            self.cut.skipped = self.at.unsigned_abs() as u64;
        }
        self.fill(at);
        // There is something in its place already.
        if at + self.unit / 2 < self.at {
            return;
        }
        self.at += i128::from(sample.duration);
        self.cut.push(sample, init, self.scale, piece);
    }

    /// Silence up to there, as near as whole access units come.
    fn fill(&mut self, until: i128) {
        let Some(silence) = self.silence.filter(|_| self.unit > 0) else {
            return;
        };
        while until - self.at > self.unit / 2 {
            let sample = SampleEntry {
                size: silence.len() as u32,
                duration: self.unit as u32,
                cts: 0,
                sync: true,
            };
            self.at += self.unit;
            self.cut
                .push(sample, self.init, self.scale, Piece::Here(silence.clone()));
        }
    }
}
