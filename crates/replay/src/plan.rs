//! A file that is nowhere as a whole: made bytes and ranges of what is stored, one after the other.

use std::ops::Range;

use bytes::Bytes;

use crate::recording::Piece;

/// What a download consists of. Its length is known before anything is read, and any range of it can be asked
/// for by itself (RFC 9110 §14).
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Each with where it begins.
    pieces: Vec<(u64, Piece)>,
    length: u64,
    /// CRC-32 of what was made, which says all of what follows.
    made: u32,
}

impl Plan {
    pub(crate) fn begin(made: Bytes) -> Self {
        let mut plan = Self {
            made: crc32fast::hash(&made),
            ..Self::default()
        };
        plan.push(Piece::Here(made));
        plan
    }

    pub(crate) fn push(&mut self, piece: Piece) {
        let length = piece.length();
        if length > 0 {
            self.pieces.push((self.length, piece));
            self.length += length;
        }
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// Changes when any byte does; without quotes.
    pub fn etag(&self) -> String {
        format!("{:x}-{:08x}", self.length, self.made)
    }

    /// The pieces of a range of it, those at its ends cut. What is beyond the end is left out.
    pub fn pieces(&self, range: Range<u64>) -> impl Iterator<Item = Piece> + use<'_> {
        let end = range.end.min(self.length);
        let first = self
            .pieces
            .partition_point(|(at, piece)| at + piece.length() <= range.start);
        let pieces = self.pieces.get(first..).unwrap_or_default().iter();
        pieces
            .take_while(move |(at, _)| *at < end)
            .map(move |(at, piece)| {
                let from = range.start.saturating_sub(*at);
                let to = (end - at).min(piece.length());
                piece.slice(from..to)
            })
    }
}

impl Piece {
    fn slice(&self, range: Range<u64>) -> Self {
        match self {
            Self::Here(bytes) => Self::Here(bytes.slice(range.start as usize..range.end as usize)),
            Self::Stored { name, start, .. } => Self::Stored {
                name: *name,
                start: start + range.start,
                length: range.end - range.start,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use busk_hls::{Medium, ResourceName};

    use super::*;

    #[test]
    fn any_range_is_made_of_the_pieces_it_touches() {
        let bytes: Vec<u8> = (0..60).collect();
        let mut plan = Plan::begin(Bytes::copy_from_slice(&bytes[..10]));
        for n in 1..5 {
            plan.push(Piece::Stored {
                name: ResourceName::Segment(Medium::Video, n),
                start: n * 10,
                length: 10,
            });
        }
        plan.push(Piece::Here(Bytes::copy_from_slice(&bytes[50..])));
        assert_eq!(plan.length(), 60);
        for from in 0..=61 {
            for to in from..=62 {
                let mut read = Vec::new();
                for piece in plan.pieces(from..to) {
                    match piece {
                        Piece::Here(here) => read.extend_from_slice(&here),
                        Piece::Stored { start, length, .. } => {
                            read.extend_from_slice(&bytes[start as usize..(start + length) as usize]);
                        }
                    }
                }
                let expected = &bytes[(from as usize).min(60)..(to as usize).min(60)];
                assert_eq!(read, expected, "{from}..{to}");
            }
        }
    }
}
