//! H.264 in RTP (RFC 6184, packetization-mode 1), without I/O: an access unit in Annex B form becomes
//! payloads, and payloads become access units again.
//! Invariant: no payload is longer than the limit it was asked for, and an access unit that comes out
//! of the assembler had every one of its packets.

use std::collections::BTreeMap;

/// NAL unit types (ITU-T H.264 table 7-1) and the RTP-only ones (RFC 6184 §5.2).
pub const NAL_IDR: u8 = 5;
pub const NAL_SPS: u8 = 7;
pub const NAL_PPS: u8 = 8;
const NAL_AUD: u8 = 9;
const NAL_STAP_A: u8 = 24;
const NAL_FU_A: u8 = 28;

const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// Packets kept while an earlier one is missing; beyond it the earlier one counts as lost.
const REORDER_PACKETS_MAX: usize = 64;
/// A frame larger than this is not assembled: remote input must not grow memory without end.
const ACCESS_UNIT_BYTES_MAX: usize = 4 << 20;

/// One RTP payload; `marker` is set on the last of an access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    pub bytes: Vec<u8>,
    pub marker: bool,
}

/// The NAL units of an Annex B byte stream, without their start codes.
pub fn nals(annex_b: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(annex_b);
    std::iter::from_fn(move || {
        loop {
            let here = rest?;
            let (nal, next) = match find_start_code(here) {
                Some(at) => (&here[..at], after_start_code(&here[at..])),
                None => (here, None),
            };
            rest = next;
            // A four-byte start code leaves its first zero at the end of the NAL unit before it.
            let end = nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            if end > 0 {
                return Some(&nal[..end]);
            }
        }
    })
}

pub fn nal_type(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |header| header & 0x1f)
}

/// Whether an Annex B access unit can be decoded without any earlier one.
pub fn is_keyframe(annex_b: &[u8]) -> bool {
    nals(annex_b).any(|nal| nal_type(nal) == NAL_IDR)
}

fn find_start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    find_start_code(bytes).map(|at| &bytes[at + 3..])
}

/// Splits an access unit into payloads of at most `limit` bytes: parameter sets share a STAP-A with
/// what follows when they fit, a NAL unit that fits goes alone, a longer one becomes FU-A fragments.
///
/// # Panics
/// When `limit` has no room for a fragment (below 3).
pub fn packetise(annex_b: &[u8], limit: usize) -> Vec<Payload> {
    assert!(limit >= 3, "a fragment needs two header bytes and one of payload");
    let mut payloads = Vec::new();
    let mut small: Vec<&[u8]> = Vec::new();
    for nal in nals(annex_b).filter(|nal| nal_type(nal) != NAL_AUD) {
        if 1 + aggregate_len(&small) + 2 + nal.len() <= limit {
            small.push(nal);
            continue;
        }
        flush(&mut small, &mut payloads);
        if 3 + nal.len() <= limit {
            small.push(nal);
        } else if nal.len() <= limit {
            payloads.push(Payload {
                bytes: nal.to_vec(),
                marker: false,
            });
        } else {
            fragment(nal, limit, &mut payloads);
        }
    }
    flush(&mut small, &mut payloads);
    if let Some(last) = payloads.last_mut() {
        last.marker = true;
    }
    payloads
}

fn aggregate_len(nals: &[&[u8]]) -> usize {
    nals.iter().map(|nal| 2 + nal.len()).sum()
}

fn flush(small: &mut Vec<&[u8]>, payloads: &mut Vec<Payload>) {
    let bytes = match small.as_slice() {
        [] => return,
        [one] => one.to_vec(),
        several => {
            let importance = several.iter().map(|nal| nal[0] & 0x60).max().unwrap_or(0);
            let mut bytes = vec![importance | NAL_STAP_A];
            for nal in several {
                let len = u16::try_from(nal.len()).expect("it fitted a payload, which is shorter");
                bytes.extend_from_slice(&len.to_be_bytes());
                bytes.extend_from_slice(nal);
            }
            bytes
        }
    };
    payloads.push(Payload { bytes, marker: false });
    small.clear();
}

fn fragment(nal: &[u8], limit: usize, payloads: &mut Vec<Payload>) {
    let (header, body) = (nal[0], &nal[1..]);
    let count = body.len().div_ceil(limit - 2);
    // Even sizes: a last fragment of a few bytes costs as much to send as a full one.
    let size = body.len().div_ceil(count);
    for (index, chunk) in body.chunks(size).enumerate() {
        let start = if index == 0 { 0x80 } else { 0 };
        let end = if (index + 1) * size >= body.len() { 0x40 } else { 0 };
        let mut bytes = Vec::with_capacity(2 + chunk.len());
        bytes.push((header & 0xe0) | NAL_FU_A);
        bytes.push(start | end | (header & 0x1f));
        bytes.extend_from_slice(chunk);
        payloads.push(Payload { bytes, marker: false });
    }
}

/// One picture, whole, in Annex B form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    pub annex_b: Vec<u8>,
    pub rtp_time: u32,
    pub keyframe: bool,
}

/// Puts access units together again; tolerates reordering, drops a picture that misses a packet.
#[derive(Default)]
pub struct Assembler {
    next: Option<u64>,
    waiting: BTreeMap<u64, (u32, bool, Vec<u8>)>,
    unit: Vec<u8>,
    unit_time: Option<u32>,
    keyframe: bool,
    /// A packet of the unit under way is missing or made no sense.
    broken: bool,
    /// Packets before the next one were given up.
    gap: bool,
    gaps: u64,
    /// Between the first and the last fragment of a NAL unit.
    in_fragment: bool,
}

impl Assembler {
    /// Takes one packet (`sequence` is the extended one) and appends the access units it completes.
    pub fn push(
        &mut self,
        sequence: u64,
        rtp_time: u32,
        marker: bool,
        payload: &[u8],
        out: &mut Vec<AccessUnit>,
    ) {
        let next = *self.next.get_or_insert(sequence);
        if sequence < next {
            return;
        }
        self.waiting
            .insert(sequence, (rtp_time, marker, payload.to_vec()));
        if self.waiting.len() > REORDER_PACKETS_MAX {
            self.next = self.waiting.keys().next().copied();
            self.gap = true;
            self.gaps += 1;
        }
        while let Some(next) = self.next
            && let Some((rtp_time, marker, payload)) = self.waiting.remove(&next)
        {
            self.next = Some(next + 1);
            self.take(rtp_time, marker, &payload, out);
        }
    }

    /// How often packets were given up: after each, pictures may lean on one that is missing.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    fn take(&mut self, rtp_time: u32, marker: bool, payload: &[u8], out: &mut Vec<AccessUnit>) {
        let gap = std::mem::take(&mut self.gap);
        if self.unit_time == Some(rtp_time) {
            self.broken |= gap;
        } else {
            // A unit that never had its marker is not whole; after a gap neither may the new one be.
            self.reset();
            self.broken = gap && !begins_unit(payload);
            self.unit_time = Some(rtp_time);
        }
        if self.append(payload).is_none() || self.unit.len() > ACCESS_UNIT_BYTES_MAX {
            self.broken = true;
            self.unit.clear();
        }
        if marker {
            if !self.broken && !self.in_fragment && !self.unit.is_empty() {
                out.push(AccessUnit {
                    annex_b: std::mem::take(&mut self.unit),
                    rtp_time,
                    keyframe: self.keyframe,
                });
            }
            self.reset();
        }
    }

    fn reset(&mut self) {
        self.unit.clear();
        self.unit_time = None;
        self.keyframe = false;
        self.broken = false;
        self.in_fragment = false;
    }

    /// Appends the NAL units of one payload; `None` when the payload makes no sense here.
    fn append(&mut self, payload: &[u8]) -> Option<()> {
        match nal_type(payload) {
            1..=23 => self.append_nal(payload),
            NAL_STAP_A => {
                let mut rest = &payload[1..];
                while !rest.is_empty() {
                    let (len, after) = rest.split_at_checked(2)?;
                    let len = usize::from(u16::from_be_bytes([len[0], len[1]]));
                    let (nal, after) = after.split_at_checked(len)?;
                    self.append_nal(nal)?;
                    rest = after;
                }
                Some(())
            }
            NAL_FU_A => {
                let (head, body) = payload.split_at_checked(2)?;
                if head[1] & 0x80 != 0 {
                    self.append_nal(&[(head[0] & 0xe0) | (head[1] & 0x1f)])?;
                    self.in_fragment = true;
                } else if !self.in_fragment {
                    return None;
                }
                self.unit.extend_from_slice(body);
                self.in_fragment = head[1] & 0x40 == 0;
                Some(())
            }
            _ => None,
        }
    }

    fn append_nal(&mut self, nal: &[u8]) -> Option<()> {
        if nal.is_empty() || self.in_fragment {
            return None;
        }
        self.keyframe |= nal_type(nal) == NAL_IDR;
        self.unit.extend_from_slice(&START_CODE);
        self.unit.extend_from_slice(nal);
        Some(())
    }
}

/// Whether a payload can be the first of a picture: parameter sets and the like, or a slice whose
/// `first_mb_in_slice` is zero, which Exp-Golomb codes as a leading one bit.
fn begins_unit(payload: &[u8]) -> bool {
    let (kind, body) = match (nal_type(payload), payload) {
        (NAL_STAP_A, [_, _, _, header, body @ ..]) => (header & 0x1f, body),
        (NAL_FU_A, [_, flags, body @ ..]) if flags & 0x80 != 0 => (flags & 0x1f, body),
        (kind @ 1..=23, [_, body @ ..]) => (kind, body),
        _ => return false,
    };
    !(1..=NAL_IDR).contains(&kind) || body.first().is_some_and(|byte| byte & 0x80 != 0)
}

#[cfg(test)]
mod tests;
