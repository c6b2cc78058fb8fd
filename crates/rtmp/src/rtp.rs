//! H.264 in RTP (RFC 6184, packetization mode 1): single NAL units, parameter sets together, large ones in pieces.

use bytes::{BufMut, Bytes, BytesMut};

const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const SPS: u8 = 7;
const PPS: u8 = 8;
const BEGINS: u8 = 0x80;
const ENDS: u8 = 0x40;
/// Indicator and header of a fragment.
const FU_BYTES: usize = 2;

/// The payloads of one picture, each at most `bytes_max` long (at least 3), and whether it is the picture's last
/// (RTP's marker).
pub fn payloads(nals: &[Bytes], bytes_max: usize) -> impl Iterator<Item = (Bytes, bool)> {
    let bytes_max = bytes_max.max(FU_BYTES + 1);
    let (together, rest) = aggregate(nals, bytes_max);
    let single = rest.iter().flat_map(move |nal| Pieces {
        nal: nal.clone(),
        at: 0,
        bytes_max,
    });
    let mut all = together.into_iter().chain(single).peekable();
    std::iter::from_fn(move || {
        let payload = all.next()?;
        let last = all.peek().is_none();
        Some((payload, last))
    })
}

/// Parameter sets that come first, as one payload (§5.7.1).
fn aggregate(nals: &[Bytes], bytes_max: usize) -> (Option<Bytes>, &[Bytes]) {
    let is_set = |nal: &&Bytes| matches!(nal.first().map(|header| header & 0x1f), Some(SPS | PPS));
    let count = nals.iter().take_while(is_set).count();
    let (sets, rest) = nals.split_at(count);
    let length = 1 + sets.iter().map(|set| 2 + set.len()).sum::<usize>();
    if count < 2 || length > bytes_max.min(usize::from(u16::MAX)) {
        return (None, nals);
    }
    let mut out = BytesMut::with_capacity(length);
    let importance = sets.iter().map(|set| set[0] & 0x60).max().unwrap_or(0);
    out.put_u8(importance | STAP_A);
    for set in sets {
        out.put_u16(set.len() as u16);
        out.put_slice(set);
    }
    (Some(out.freeze()), rest)
}

struct Pieces {
    nal: Bytes,
    at: usize,
    bytes_max: usize,
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let header = *self.nal.first()?;
        if self.at >= self.nal.len() {
            return None;
        }
        if self.nal.len() <= self.bytes_max {
            self.at = self.nal.len();
            return Some(self.nal.clone());
        }
        // The NAL unit's own header is told by the fragments' (§5.8).
        let from = self.at.max(1);
        let to = self.nal.len().min(from + self.bytes_max - FU_BYTES);
        self.at = to;
        let begins = if from == 1 { BEGINS } else { 0 };
        let ends = if to == self.nal.len() { ENDS } else { 0 };
        let mut out = BytesMut::with_capacity(FU_BYTES + to - from);
        out.put_u8(header & 0xe0 | FU_A);
        out.put_u8(begins | ends | header & 0x1f);
        out.put_slice(&self.nal[from..to]);
        Some(out.freeze())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzzing::depacketised;

    proptest! {
        #[test]
        fn what_is_packetised_comes_out(
            sizes in prop::collection::vec((1u8..=23, 1usize..9_000), 1..8), bytes_max in 3usize..1_500,
        ) {
            let nal = |(kind, size): (u8, usize)| {
                let fill = (0..size).map(|n| if n == 0 { 0x60 | kind } else { n as u8 });
                fill.collect::<Bytes>()
            };
            let nals: Vec<Bytes> = sizes.into_iter().map(nal).collect();
            let sent: Vec<_> = payloads(&nals, bytes_max).collect();
            prop_assert_eq!(depacketised(&sent, bytes_max), Some(nals));
        }
    }

    #[test]
    fn parameter_sets_travel_together() {
        let nals = [&[0x67, 1, 2][..], &[0x68, 3], &[0x65, 4, 5]].map(Bytes::from_static);
        let sent: Vec<_> = payloads(&nals, 1_200).collect();
        let expected = Bytes::from_static(&[0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x68, 3]);
        assert_eq!(sent, [(expected, false), (nals[2].clone(), true)]);
        assert_eq!(payloads(&[], 1_200).count(), 0);
    }
}
