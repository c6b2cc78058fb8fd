//! From packets to whole pictures: RTP's H.264 payload (RFC 6184) put back in order and together.
//!
//! Invariant: every picture given out can be decoded from those given out before it; after a loss nothing
//! comes until the next keyframe.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::track::Packet;

/// How long a packet that is missing is waited for: by then it was asked for again, twice.
const MISSING_MAX: Duration = Duration::from_millis(400);
/// Packets that wait for a missing one; more than that of one picture is not a camera's.
const WAITING_MAX: usize = 2_048;
const NALS_MAX: usize = 512;
const PICTURE_BYTES_MAX: usize = 4 << 20;

/// NAL unit types (ITU-T H.264 table 7-1, RFC 6184 table 1).
const IDR: u8 = 5;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// One picture: an access unit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    /// In ticks of the source's 90 kHz clock.
    pub(crate) time: u64,
    pub(crate) wall: Instant,
    pub(crate) keyframe: bool,
    /// Without start codes.
    pub(crate) nals: Vec<Bytes>,
}

/// Puts one source's packets together.
#[derive(Default)]
pub(crate) struct Assembler {
    waiting: BTreeMap<u64, Packet>,
    /// Number of the next packet in order.
    next: Option<u64>,
    open: Option<Picture>,
    open_bytes: usize,
    /// A fragmented NAL unit, as far as it has come.
    fragment: Option<BytesMut>,
    /// What comes cannot be decoded before a keyframe.
    broken: bool,
}

impl Assembler {
    pub(crate) fn new() -> Self {
        Self {
            broken: true,
            ..Self::default()
        }
    }

    /// Takes a packet, and gives the pictures that it completes.
    pub(crate) fn push(&mut self, packet: Packet, out: &mut Vec<Picture>) {
        let next = *self.next.get_or_insert(packet.seq);
        if packet.seq < next {
            return;
        }
        let newest = packet.wall;
        self.waiting.insert(packet.seq, packet);
        self.in_order(out);
        let overdue = self.waiting.first_key_value().is_some_and(|(_, oldest)| {
            newest.saturating_duration_since(oldest.wall) > MISSING_MAX || self.waiting.len() > WAITING_MAX
        });
        if overdue {
            self.break_off();
            self.next = self.waiting.keys().next().copied();
            self.in_order(out);
        }
    }

    fn in_order(&mut self, out: &mut Vec<Picture>) {
        while let Some(next) = self.next
            && let Some(packet) = self.waiting.remove(&next)
        {
            self.next = Some(next + 1);
            self.take(&packet, out);
        }
    }

    fn take(&mut self, packet: &Packet, out: &mut Vec<Picture>) {
        if self.open.as_ref().is_some_and(|open| open.time != packet.time) {
            // Its end was not marked, or the packet with the mark was empty.
            self.finish(out);
        }
        if self.open.is_none() {
            self.open_bytes = 0;
            self.open = Some(Picture {
                time: packet.time,
                wall: packet.wall,
                keyframe: false,
                nals: Vec::new(),
            });
        }
        if self.unpack(&packet.payload).is_none() {
            self.break_off();
        }
        if packet.marker {
            self.finish(out);
        }
    }

    /// Adds a payload's NAL units to the open picture; `None` when it is none that can be.
    fn unpack(&mut self, payload: &[u8]) -> Option<()> {
        let (header, rest) = payload.split_first()?;
        match header & 0x1f {
            1..=23 => self.add(Bytes::copy_from_slice(payload)),
            STAP_A => {
                let mut rest = rest;
                while !rest.is_empty() {
                    let (length, after) = rest.split_first_chunk::<2>()?;
                    let length = usize::from(u16::from_be_bytes(*length));
                    let (nal, after) = after.split_at_checked(length)?;
                    self.add(Bytes::copy_from_slice(nal))?;
                    rest = after;
                }
                Some(())
            }
            FU_A => {
                let (fragment_header, bytes) = rest.split_first()?;
                let (starts, ends) = (fragment_header & 0x80 != 0, fragment_header & 0x40 != 0);
                if starts {
                    let nal_header = (header & 0xe0) | (fragment_header & 0x1f);
                    self.fragment = Some(BytesMut::from(&[nal_header][..]));
                }
                let fragment = self.fragment.as_mut()?;
                if fragment.len() + bytes.len() > PICTURE_BYTES_MAX {
                    return None;
                }
                fragment.extend_from_slice(bytes);
                if ends {
                    let nal = self.fragment.take()?.freeze();
                    self.add(nal)?;
                }
                Some(())
            }
            // Of packetization-mode 1 there are no others.
            _ => None,
        }
    }

    fn add(&mut self, nal: Bytes) -> Option<()> {
        let open = self.open.as_mut()?;
        let kind = nal.first()? & 0x1f;
        self.open_bytes += nal.len();
        if open.nals.len() >= NALS_MAX || self.open_bytes > PICTURE_BYTES_MAX {
            return None;
        }
        open.keyframe |= kind == IDR;
        open.nals.push(nal);
        Some(())
    }

    fn break_off(&mut self) {
        self.broken = true;
        self.fragment = None;
        self.open = None;
    }

    fn finish(&mut self, out: &mut Vec<Picture>) {
        if self.fragment.take().is_some() {
            self.break_off();
        }
        let Some(picture) = self.open.take() else { return };
        if picture.nals.is_empty() || (self.broken && !picture.keyframe) {
            return;
        }
        self.broken = false;
        out.push(picture);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
    fn packets(payloads: &[(u64, u64, bool, &[u8])]) -> Vec<Packet> {
        let start = Instant::now();
        let packet = |(seq, time, marker, payload): &(u64, u64, bool, &[u8])| Packet {
            seq: *seq,
            time: *time,
            marker: *marker,
            orientation: None,
            captured: None,
            wall: start + Duration::from_millis(*time / 90),
            payload: (*payload).into(),
        };
        payloads.iter().map(packet).collect()
    }

    fn assembled(payloads: &[(u64, u64, bool, &[u8])]) -> Vec<(u64, bool, Vec<Vec<u8>>)> {
        let (mut assembler, mut out) = (Assembler::new(), Vec::new());
        for packet in packets(payloads) {
            assembler.push(packet, &mut out);
        }
        let plain = |p: Picture| {
            (
                p.time,
                p.keyframe,
                p.nals.iter().map(|nal| nal.to_vec()).collect(),
            )
        };
        out.into_iter().map(plain).collect()
    }

    const KEY: &[u8] = &[0x65, 1, 2];

    #[test]
    fn single_units_aggregates_and_fragments_make_pictures() {
        let aggregate = [0x78, 0, 2, 0x67, 9, 0, 2, 0x68, 8];
        let found = assembled(&[
            (7, 0, false, &aggregate),
            (8, 0, false, &[0x7c, 0x85, 1]),
            (9, 0, false, &[0x7c, 0x05, 2]),
            (10, 0, true, &[0x7c, 0x45, 3]),
            (11, 3_000, true, &[0x41, 5]),
        ]);
        let first = vec![vec![0x67, 9], vec![0x68, 8], vec![0x65, 1, 2, 3]];
        assert_eq!(found, [(0, true, first), (3_000, false, vec![vec![0x41, 5]])]);
    }

    #[test]
    fn packets_in_any_order_make_the_same_picture() {
        let found = assembled(&[
            (1, 0, true, KEY),
            (4, 3_000, true, &[0x5c, 0x41, 3]),
            (3, 3_000, false, &[0x5c, 0x01, 2]),
            (2, 3_000, false, &[0x5c, 0x81, 1]),
        ]);
        assert_eq!(found[1], (3_000, false, vec![vec![0x41, 1, 2, 3]]));
    }

    #[test]
    fn after_a_loss_nothing_comes_before_a_keyframe() {
        let found = assembled(&[
            (1, 0, true, KEY),
            (3, 6_000, true, &[0x41]),
            (4, 9_000, true, &[0x41]),
            (5, 90_000, true, &[0x41]),
            (6, 93_000, true, KEY),
            (7, 96_000, true, &[0x41]),
            (2, 3_000, true, &[0x41]),
        ]);
        let times: Vec<u64> = found.iter().map(|(time, ..)| *time).collect();
        assert_eq!(times, [0, 93_000, 96_000]);
    }

    #[test]
    fn what_is_no_payload_breaks_the_picture_only() {
        for bad in [
            &[][..],
            &[0x7c],
            &[0x7c, 0x05, 1],
            &[0x78, 0, 9, 1],
            &[0x79, 1],
            &[0x00],
            &[0x7c, 0x85],
        ] {
            let found = assembled(&[
                (1, 0, true, KEY),
                (2, 3_000, true, bad),
                (3, 6_000, true, &[0x41]),
                (4, 9_000, true, KEY),
            ]);
            let times: Vec<u64> = found.iter().map(|(time, ..)| *time).collect();
            assert_eq!(times, [0, 9_000], "{bad:?}");
        }
    }
}
