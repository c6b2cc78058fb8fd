//! Parameter sets of H.264 (ITU-T H.264 §7.3.2.1), and access units as MP4 stores them.

use bytes::{BufMut, Bytes, BytesMut};
use h264_reader::nal::sps::SeqParameterSet;
use h264_reader::rbsp::{BitReader, decode_nal};

/// NAL unit types (table 7-1).
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;
const SAMPLE_BYTES_MAX: usize = 4 << 20;

/// What a decoder has to know before the pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) sps: Bytes,
    pub(crate) pps: Bytes,
    pub(crate) width: u16,
    pub(crate) height: u16,
}

impl Parameters {
    /// Of a picture that carries them; `None` when it carries none, `Some(Err)` when they cannot be read.
    pub(crate) fn of(nals: &[Bytes]) -> Option<Result<Self, ()>> {
        let of_type = |wanted: u8| nals.iter().find(|nal| kind(nal) == wanted);
        let (sps, pps) = (of_type(SPS)?, of_type(PPS)?);
        Some(Self::read(sps, pps).ok_or(()))
    }

    fn read(sps: &Bytes, pps: &Bytes) -> Option<Self> {
        let bits = decode_nal(sps).ok()?;
        let read = SeqParameterSet::from_bits(BitReader::new(&*bits)).ok()?;
        let (width, height) = read.pixel_dimensions().ok()?;
        (sps.len() >= 4).then_some(())?;
        Some(Self {
            sps: sps.clone(),
            pps: pps.clone(),
            width: u16::try_from(width).ok()?,
            height: u16::try_from(height).ok()?,
        })
    }

    /// As in `CODECS` (RFC 6381 §3.3).
    pub(crate) fn codec(&self) -> String {
        format!("avc1.{:02x}{:02x}{:02x}", self.sps[1], self.sps[2], self.sps[3])
    }
}

fn kind(nal: &Bytes) -> u8 {
    nal.first().map_or(0, |header| header & 0x1f)
}

/// The access unit, each NAL unit after its length; without what the file says elsewhere. `None` when there
/// is nothing to store, or too much.
pub(crate) fn sample(nals: &[Bytes]) -> Option<Bytes> {
    let stored = || {
        nals.iter()
            .filter(|nal| !matches!(kind(nal), 0 | SPS | PPS | DELIMITER | FILLER))
    };
    let size: usize = stored().map(|nal| nal.len() + 4).sum();
    if size == 0 || size > SAMPLE_BYTES_MAX {
        return None;
    }
    let mut out = BytesMut::with_capacity(size);
    for nal in stored() {
        out.put_u32(nal.len() as u32);
        out.put_slice(nal);
    }
    Some(out.freeze())
}
