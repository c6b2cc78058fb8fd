//! What may reach a decoder, which is a large C++ program that trusts what it is given more than it should.
//!
//! Invariant: a NAL unit that is let through holds no other (no start code within), and every parameter set
//! asks for a picture of a bounded size without slice groups.

use bytes::Bytes;
use h264_reader::Context;
use h264_reader::nal::pps::PicParameterSet;
use h264_reader::nal::sps::{ChromaFormat, FrameMbsFlags, SeqParameterSet};
use h264_reader::rbsp::{BitReader, decode_nal};

use crate::Refused;

/// NAL unit types (ITU-T H.264 table 7-1).
const SLICE: u8 = 1;
const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;

/// 1920 by 1088 either way round, in macroblocks.
const SIDE_MBS_MAX: u32 = 120;
const PICTURE_MBS_MAX: u32 = 120 * 68;
/// Macroblocks of all pictures that are kept for reference (table A-1, level 4.1).
const REFERENCE_MBS_MAX: u32 = 32_768;
const SET_BYTES_MAX: usize = 1_024;
const SETS_MAX: usize = 8;

/// An access unit's NAL units that a decoder needs.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) slices: Vec<Bytes>,
    pub(crate) keyframe: bool,
    /// Parameter sets, when the unit has any.
    pub(crate) sets: Option<Sets>,
}

/// Parameter sets that go together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sets {
    pub(crate) nals: Vec<Bytes>,
    /// Pictures come in another order than they are shown.
    pub(crate) reorders: bool,
    /// `None` when they do not say.
    pub(crate) colours: Option<Colours>,
}

/// What the planes' values mean (§E.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colours {
    pub(crate) matrix: Matrix,
    /// From 0 to 255 rather than from 16 to 235.
    pub(crate) full_range: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matrix {
    Bt601,
    Bt709,
}

impl Colours {
    /// What players take for granted in a picture of this height.
    pub(crate) fn usual(height: usize) -> Self {
        let matrix = if height >= 720 {
            Matrix::Bt709
        } else {
            Matrix::Bt601
        };
        Self {
            matrix,
            full_range: false,
        }
    }

    fn of(sps: &SeqParameterSet) -> Option<Self> {
        let signal = sps.vui_parameters.as_ref()?.video_signal_type.as_ref()?;
        let usual = Self::usual(sps.pixel_dimensions().ok()?.1 as usize);
        let told = signal.colour_description.as_ref();
        Some(Self {
            matrix: match told.map(|told| told.matrix_coefficients) {
                Some(1) => Matrix::Bt709,
                Some(4..=6) => Matrix::Bt601,
                _ => usual.matrix,
            },
            full_range: signal.video_full_range_flag,
        })
    }
}

/// Takes what may pass; a unit with anything in it that may not is refused as a whole.
pub(crate) fn check(nals: &[Bytes]) -> Result<Checked, Refused> {
    let mut checked = Checked::default();
    let mut sets = Vec::new();
    for nal in nals {
        let nal = nal.slice(..nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        let Some(header) = nal.first() else { continue };
        let kind = header & 0x1f;
        if !matches!(kind, SLICE | IDR | SPS | PPS) {
            continue;
        }
        if header & 0x80 != 0 || holds_start_code(&nal) {
            return Err(Refused::Malformed);
        }
        checked.keyframe |= kind == IDR;
        match kind {
            SPS | PPS => sets.push(nal),
            _ => checked.slices.push(nal),
        }
    }
    if !sets.is_empty() {
        checked.sets = Some(read(sets)?);
    }
    if checked.slices.is_empty() {
        return Err(Refused::Malformed);
    }
    Ok(checked)
}

/// Within a NAL unit these are written with an emulation prevention byte (§7.4.1).
fn holds_start_code(nal: &[u8]) -> bool {
    nal.windows(3)
        .any(|three| three[0] == 0 && three[1] == 0 && three[2] <= 2)
}

fn read(nals: Vec<Bytes>) -> Result<Sets, Refused> {
    if nals.len() > SETS_MAX || nals.iter().any(|nal| nal.len() > SET_BYTES_MAX) {
        return Err(Refused::BadParameters);
    }
    let mut context = Context::new();
    let (mut reorders, mut colours) = (false, None);
    for nal in &nals {
        let bits = decode_nal(nal).map_err(|_| Refused::BadParameters)?;
        let bits = BitReader::new(&*bits);
        if nal[0] & 0x1f == SPS {
            let sps = SeqParameterSet::from_bits(bits).map_err(|_| Refused::BadParameters)?;
            is_bounded(&sps)?;
            let restrictions = sps.vui_parameters.as_ref();
            let restrictions = restrictions.and_then(|vui| vui.bitstream_restrictions.as_ref());
            reorders |= restrictions.is_some_and(|told| told.max_num_reorder_frames > 0);
            colours = Colours::of(&sps);
            context.put_seq_param_set(sps);
        } else {
            let pps = PicParameterSet::from_bits(&context, bits).map_err(|_| Refused::BadParameters)?;
            if pps.slice_groups.is_some() {
                return Err(Refused::BadParameters);
            }
        }
    }
    Ok(Sets {
        nals,
        reorders,
        colours,
    })
}

fn is_bounded(sps: &SeqParameterSet) -> Result<(), Refused> {
    let side = |minus_one: u32| minus_one.checked_add(1).filter(|mbs| *mbs <= SIDE_MBS_MAX);
    let width = side(sps.pic_width_in_mbs_minus1).ok_or(Refused::TooLarge)?;
    let height = side(sps.pic_height_in_map_units_minus1).ok_or(Refused::TooLarge)?;
    let picture = width * height;
    if picture > PICTURE_MBS_MAX
        || picture.saturating_mul(sps.max_num_ref_frames) > REFERENCE_MBS_MAX.max(picture)
    {
        return Err(Refused::TooLarge);
    }
    let chroma = &sps.chroma_info;
    let plain = chroma.chroma_format == ChromaFormat::YUV420
        && chroma.bit_depth_luma_minus8 == 0
        && chroma.bit_depth_chroma_minus8 == 0
        && matches!(sps.frame_mbs_flags, FrameMbsFlags::Frames);
    // Beyond the bound above this may overflow.
    let (width, height) = sps.pixel_dimensions().map_err(|_| Refused::BadParameters)?;
    if !plain || width < 16 || height < 16 {
        return Err(Refused::BadParameters);
    }
    Ok(())
}
