//! The index of a recording: an append-only file of records that says what lies where, down to the sample, so
//! that playlists and whole MP4 files are made without reading media.
//!
//! A record is its length and its CRC-32 (four bytes each, big-endian) and then its payload: a tag and LEB128
//! numbers. What does not add up is the tail of a write that did not finish: reading stops before it.

use busk_base::Timestamp;
use busk_hls::{Medium, SampleEntry};
use bytes::{Buf, BufMut, Bytes};

/// How the file begins; the last byte is the format's version.
pub(crate) const MAGIC: &[u8; 8] = b"BUSKRPL\x01";
const FRAME: usize = 8;
/// No part has that many samples, and no parameter sets are that long.
const RECORD_BYTES_MAX: usize = 1 << 20;
/// No clock of ours comes so far: what is below can be added up. Nor is a part 4 GiB long, or lasts for hours.
const TICKS_MAX: u64 = 1 << 48;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    Init {
        medium: Medium,
        number: u64,
        bytes: Bytes,
        silence: Option<Bytes>,
    },
    Segment {
        medium: Medium,
        msn: u64,
        init: u64,
        wall: Timestamp,
        discontinuity: bool,
    },
    /// Of the medium's last segment.
    Part { medium: Medium, part: Part },
    /// The medium's last segment is whole.
    End { medium: Medium },
    /// The recording is. (It may go on all the same, when its room does.)
    Over,
}

/// A fragment in a segment's file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) length: u64,
    pub(crate) crc: u32,
    pub(crate) start: u64,
    pub(crate) duration: u64,
    /// Where in it the samples begin.
    pub(crate) data_at: u64,
    /// As [`write_samples`] puts them.
    table: Bytes,
}

impl Part {
    pub(crate) fn of(part: &busk_hls::FinishedPart) -> Self {
        Self {
            length: part.bytes.len() as u64,
            crc: crc32fast::hash(&part.bytes),
            start: part.start,
            duration: part.duration,
            data_at: part.data_at as u64,
            table: write_samples(&part.samples),
        }
    }

    pub(crate) fn samples(&self) -> impl Iterator<Item = SampleEntry> + use<> {
        let mut table = self.table.clone();
        std::iter::from_fn(move || {
            let size = varint(&mut table)?;
            Some(SampleEntry {
                size: u32::try_from(size >> 1).ok()?,
                duration: u32::try_from(varint(&mut table)?).ok()?,
                cts: i32::try_from(unzigzag(varint(&mut table)?)).ok()?,
                sync: size & 1 == 1,
            })
        })
    }
}

fn write_samples(samples: &[SampleEntry]) -> Bytes {
    let mut out = Vec::with_capacity(samples.len() * 6);
    for sample in samples {
        put_varint(&mut out, u64::from(sample.size) << 1 | u64::from(sample.sync));
        put_varint(&mut out, sample.duration.into());
        put_varint(&mut out, zigzag(sample.cts.into()));
    }
    out.into()
}

impl Record {
    /// With its length and checksum before it.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = vec![0; FRAME];
        self.put(&mut out);
        let (length, crc) = (out.len() - FRAME, crc32fast::hash(&out[FRAME..]));
        out[..4].copy_from_slice(&(length as u32).to_be_bytes());
        out[4..FRAME].copy_from_slice(&crc.to_be_bytes());
        out
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Init {
                medium,
                number,
                bytes,
                silence,
            } => {
                out.extend([1, medium_byte(*medium)]);
                put_varint(out, *number);
                put_bytes(out, bytes);
                put_bytes(out, silence.as_deref().unwrap_or_default());
            }
            Self::Segment {
                medium,
                msn,
                init,
                wall,
                discontinuity,
            } => {
                out.extend([2, medium_byte(*medium), u8::from(*discontinuity)]);
                put_varint(out, *msn);
                put_varint(out, *init);
                put_varint(out, zigzag(wall.unix_us()));
            }
            Self::Part { medium, part } => {
                out.extend([3, medium_byte(*medium)]);
                out.put_u32(part.crc);
                for number in [part.length, part.start, part.duration, part.data_at] {
                    put_varint(out, number);
                }
                put_bytes(out, &part.table);
            }
            Self::End { medium } => out.extend([4, medium_byte(*medium)]),
            Self::Over => out.push(5),
        }
    }

    fn read(mut payload: Bytes) -> Option<Self> {
        let payload = &mut payload;
        let tag = byte(payload)?;
        Some(match tag {
            1 => Self::Init {
                medium: medium(payload)?,
                number: varint(payload)?,
                bytes: counted(payload)?,
                silence: counted(payload).map(|silence| (!silence.is_empty()).then_some(silence))?,
            },
            2 => {
                let (medium, discontinuity) = (medium(payload)?, byte(payload)? == 1);
                Self::Segment {
                    medium,
                    msn: varint(payload)?,
                    init: varint(payload)?,
                    wall: Timestamp::from_unix_us(unzigzag(varint(payload)?)),
                    discontinuity,
                }
            }
            3 => {
                let medium = medium(payload)?;
                let crc = payload.try_get_u32().ok()?;
                let part = Part {
                    crc,
                    length: below(u32::MAX.into(), payload)?,
                    start: below(TICKS_MAX, payload)?,
                    duration: below(u32::MAX.into(), payload)?,
                    data_at: below(u32::MAX.into(), payload)?,
                    table: counted(payload)?,
                };
                Self::Part { medium, part }
            }
            4 => Self::End {
                medium: medium(payload)?,
            },
            5 => Self::Over,
            _ => return None,
        })
    }
}

/// The records of an index, each with where it ends; those that were written whole.
pub(crate) fn records(index: &Bytes) -> impl Iterator<Item = (usize, Record)> + use<> {
    let index = index.clone();
    let mut at = MAGIC.len();
    std::iter::from_fn(move || {
        let mut frame = index.get(at..at + FRAME)?;
        let (length, crc) = (frame.get_u32() as usize, frame.get_u32());
        let (begin, end) = (at + FRAME, at + FRAME + length);
        if length > RECORD_BYTES_MAX || end > index.len() {
            return None;
        }
        let payload = index.slice(begin..end);
        if crc32fast::hash(&payload) != crc {
            return None;
        }
        at = end;
        Some((end, Record::read(payload)?))
    })
}

fn medium_byte(medium: Medium) -> u8 {
    match medium {
        Medium::Video => 0,
        Medium::Audio => 1,
    }
}

fn medium(from: &mut Bytes) -> Option<Medium> {
    match byte(from)? {
        0 => Some(Medium::Video),
        1 => Some(Medium::Audio),
        _ => None,
    }
}

fn byte(from: &mut Bytes) -> Option<u8> {
    from.try_get_u8().ok()
}

fn counted(from: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(varint(from)?).ok()?;
    (length <= from.len()).then(|| from.split_to(length))
}

fn below(bound: u64, from: &mut Bytes) -> Option<u64> {
    varint(from).filter(|number| *number < bound)
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(from: &mut Bytes) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = byte(from)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn all() -> Vec<Record> {
        let samples: Vec<SampleEntry> = (0..20)
            .map(|n| SampleEntry {
                size: 1 << n,
                duration: 3_000 + n,
                cts: 10 - n as i32,
                sync: n == 0,
            })
            .collect();
        let part = Part {
            length: 12_345,
            crc: 0xdead_beef,
            start: TICKS_MAX - 1,
            duration: 45_000,
            data_at: 300,
            table: write_samples(&samples),
        };
        assert!(part.samples().eq(samples));
        vec![
            Record::Init {
                medium: Medium::Audio,
                number: 1_795_252_800,
                bytes: Bytes::from_static(b"moov"),
                silence: Some(Bytes::from_static(&[0x21])),
            },
            Record::Segment {
                medium: Medium::Video,
                msn: 300,
                init: 7,
                wall: Timestamp::from_unix_us(-5),
                discontinuity: true,
            },
            Record::End {
                medium: Medium::Audio,
            },
            Record::Over,
            Record::Part {
                medium: Medium::Video,
                part,
            },
        ]
    }

    fn file(records: &[Record]) -> Vec<u8> {
        let written = records.iter().map(Record::write);
        std::iter::once(MAGIC.to_vec())
            .chain(written)
            .collect::<Vec<_>>()
            .concat()
    }

    #[test]
    fn records_read_as_they_were_written() {
        let read: Vec<Record> = records(&file(&all()).into()).map(|(_, record)| record).collect();
        assert_eq!(read, all());
    }

    #[test]
    fn numbers_that_cannot_be_added_up_are_none() {
        let Some(Record::Part { medium, part }) = all().pop() else {
            panic!("the last is a part");
        };
        for (length, start) in [(u64::MAX, 0), (0, TICKS_MAX), (1 << 32, 0)] {
            let part = Part {
                length,
                start,
                ..part.clone()
            };
            let index = file(&[Record::Over, Record::Part { medium, part }]);
            assert_eq!(records(&index.into()).count(), 1);
        }
    }

    #[test]
    fn a_tail_torn_at_any_byte_costs_its_own_record_only() {
        let all = all();
        let (whole, before) = (file(&all), file(&all[..all.len() - 1]));
        for cut in before.len()..whole.len() {
            let torn = Bytes::copy_from_slice(&whole[..cut]);
            let read: Vec<_> = records(&torn).collect();
            assert_eq!(read.len(), all.len() - 1, "cut at {cut}");
            assert_eq!(read.last().unwrap().0, before.len());
        }
    }

    #[test]
    fn a_changed_byte_is_noticed_wherever_it_is() {
        let all = all();
        let (whole, before) = (file(&all), file(&all[..all.len() - 1]));
        for at in before.len()..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            assert_eq!(records(&changed.into()).count(), all.len() - 1, "changed at {at}");
        }
    }
}
