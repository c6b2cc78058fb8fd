//! One seat's camera: access units wait until they are due, and become a picture.
//!
//! Invariant: the first unit that waits is a keyframe, or follows the one that was decoded last. What waits is
//! bounded.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use openh264::OpenH264API;
use openh264::decoder::{DecodeOptions, Decoder, DecoderConfig, Flush};

use crate::parameters::{self, Sets};
use crate::picture::Picture;
use crate::{AccessUnit, Orientation, Refused};

const UNITS_MAX: usize = 256;
const BYTES_MAX: usize = 8 << 20;
/// More are decoded at the next tick: somebody who was not shown comes back within some of them.
const DECODED_MAX: usize = 8;
/// A picture that is older is not shown any more.
const STALE: u64 = 5 * 90_000;
/// No clock is that far ahead.
const AHEAD_MAX: u64 = 3 * 90_000;

struct Waiting {
    time: u64,
    orientation: Orientation,
    keyframe: bool,
    slices: Vec<Bytes>,
    sets: Option<Sets>,
    bytes: usize,
}

pub(crate) struct Camera {
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// Time of the last unit that came.
    last: u64,
    /// What comes cannot be decoded before a keyframe.
    broken: bool,
    /// The sets that came last: some cameras send them once.
    sets: Option<Sets>,
    decoder: Option<(Decoder, Sets)>,
    annex_b: Vec<u8>,
    picture: Picture,
    /// When the picture was taken; `None` while there is none.
    taken: Option<u64>,
    keyframe_wanted: bool,
    failures: u64,
}

impl Camera {
    pub(crate) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            last: 0,
            broken: true,
            sets: None,
            decoder: None,
            annex_b: Vec::new(),
            picture: Picture::filled(2, 2, [16, 128, 128]),
            taken: None,
            keyframe_wanted: true,
            failures: 0,
        }
    }

    pub(crate) fn push(&mut self, unit: AccessUnit) -> Result<(), Refused> {
        let checked = parameters::check(&unit.nals).inspect_err(|refused| {
            // What follows leans on it. Whoever sends what cannot be shown has no picture.
            self.broken = true;
            self.keyframe_wanted = true;
            if matches!(refused, Refused::TooLarge | Refused::BadParameters) {
                self.forget();
            }
        })?;
        if checked.sets.is_some() {
            self.sets.clone_from(&checked.sets);
        }
        if self.broken && !checked.keyframe || self.sets.is_none() {
            self.broken = true;
            self.keyframe_wanted = true;
            return Err(Refused::NoKeyframe);
        }
        let bytes = checked.slices.iter().map(Bytes::len).sum();
        if self.waiting.len() >= UNITS_MAX || self.waiting_bytes + bytes > BYTES_MAX {
            self.drop_waiting();
            if !checked.keyframe || bytes > BYTES_MAX {
                return Err(Refused::TooMuch);
            }
        }
        self.broken = false;
        self.keyframe_wanted &= !checked.keyframe;
        self.last = self.last.max(unit.time);
        self.waiting_bytes += bytes;
        self.waiting.push_back(Waiting {
            time: self.last,
            orientation: unit.orientation,
            keyframe: checked.keyframe,
            slices: checked.slices,
            sets: checked.keyframe.then(|| self.sets.clone()).flatten(),
            bytes,
        });
        Ok(())
    }

    /// Decodes what is due at `at`, and says whether there is another picture.
    pub(crate) fn advance(&mut self, at: u64) -> bool {
        let mut changed = false;
        for n in 1..=DECODED_MAX {
            let Some(unit) = self.next_due(at) else { break };
            let newest = n == DECODED_MAX || self.waiting.front().is_none_or(|next| next.time > at);
            match self.decode(&unit, newest) {
                Ok(true) => {
                    self.taken = Some(unit.time);
                    changed = true;
                }
                Ok(false) => {}
                Err(Broken) => self.restart(),
            }
        }
        changed
    }

    /// Is not shown: goes on at `at` without decoding.
    pub(crate) fn skip(&mut self, at: u64) {
        let due = self.waiting.iter().take_while(|unit| unit.time <= at);
        let keyframe = due.enumerate().filter(|(_, unit)| unit.keyframe).last();
        for _ in 0..keyframe.map_or(0, |(index, _)| index) {
            self.pop();
        }
    }

    /// The camera is off, or sends what cannot be shown.
    pub(crate) fn forget(&mut self) {
        self.drop_waiting();
        self.decoder = None;
        self.taken = None;
        self.picture = Picture::filled(2, 2, [16, 128, 128]);
    }

    pub(crate) fn picture(&self, at: u64) -> Option<&Picture> {
        let taken = self.taken.filter(|taken| at.saturating_sub(*taken) <= STALE);
        taken.map(|_| &self.picture)
    }

    pub(crate) fn take_keyframe_wanted(&mut self) -> bool {
        std::mem::take(&mut self.keyframe_wanted)
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failures
    }

    fn next_due(&mut self, at: u64) -> Option<Waiting> {
        let time = self.waiting.front()?.time;
        if time > at.saturating_add(AHEAD_MAX) {
            self.drop_waiting();
            self.last = 0;
            return None;
        }
        (time <= at).then(|| self.pop()).flatten()
    }

    fn pop(&mut self) -> Option<Waiting> {
        let unit = self.waiting.pop_front()?;
        self.waiting_bytes -= unit.bytes;
        Some(unit)
    }

    fn drop_waiting(&mut self) {
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.broken = true;
        self.keyframe_wanted = true;
    }

    /// Gives the decoder up; the next keyframe, which may be waiting already, has a new one.
    fn restart(&mut self) {
        self.failures += 1;
        self.decoder = None;
        while self.waiting.front().is_some_and(|unit| !unit.keyframe) {
            self.pop();
        }
        if self.waiting.is_empty() {
            self.broken = true;
            self.keyframe_wanted = true;
        }
    }

    /// Whether there is a picture of it; only the newest is looked at.
    fn decode(&mut self, unit: &Waiting, newest: bool) -> Result<bool, Broken> {
        let known = self.decoder.as_ref().map(|(_, sets)| sets);
        if let Some(sets) = unit.sets.as_ref().filter(|sets| known != Some(sets)) {
            // Another size in the same decoder is a way that is walked less often than this.
            let decoder = Decoder::with_api_config(OpenH264API::from_source(), DecoderConfig::new());
            self.decoder = Some((decoder.map_err(|_| Broken)?, sets.clone()));
        }
        let (decoder, sets) = self.decoder.as_mut().ok_or(Broken)?;
        self.annex_b.clear();
        let told = unit.sets.iter().flat_map(|sets| &sets.nals);
        for nal in told.chain(&unit.slices) {
            self.annex_b.extend_from_slice(&[0, 0, 0, 1]);
            self.annex_b.extend_from_slice(nal);
        }
        let flush = if sets.reorders {
            Flush::NoFlush
        } else {
            Flush::Flush
        };
        let options = DecodeOptions::new().flush_after_decode(flush);
        let (annex_b, picture) = (&self.annex_b, &mut self.picture);
        let decoded = catch_unwind(AssertUnwindSafe(|| {
            let decoded = decoder
                .decode_with_options(annex_b, options)
                .map_err(|_| Broken)?;
            let decoded = decoded.filter(|_| newest);
            if let Some(decoded) = &decoded {
                picture.load(decoded, unit.orientation);
            }
            Ok(decoded.is_some())
        }));
        decoded.unwrap_or(Err(Broken))
    }
}

/// The decoder has failed.
struct Broken;
