//! One keyframe of a camera, as a small JPEG.
//!
//! A decoder is made for the one picture and thrown away: nothing that one camera sends is there when the next one's
//! is decoded.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use fast_image_resize::Resizer;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use openh264::OpenH264API;
use openh264::decoder::{DecodeOptions, Decoder, DecoderConfig, Flush};

use crate::parameters::{self, Colours, Matrix};
use crate::picture::Picture;
use crate::{Orientation, Refused};

/// Width and height that it fits into.
const SIZE_MAX: (usize, usize) = (640, 360);
/// Of 100. A picture of that size has some 30 kB with it.
const QUALITY: u8 = 72;

/// Why there is no still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StillError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the picture cannot be decoded")]
    Undecodable,
    #[error("the picture cannot be encoded")]
    Unencodable,
}

/// Makes a JPEG of a keyframe: its NAL units without start codes, parameter sets among them.
pub fn jpeg(nals: &[Bytes]) -> Result<Vec<u8>, StillError> {
    let checked = parameters::check(nals)?;
    let sets = checked.sets.filter(|_| checked.keyframe);
    let sets = sets.ok_or(Refused::NoKeyframe)?;
    let mut annex_b = Vec::new();
    for nal in sets.nals.iter().chain(&checked.slices) {
        annex_b.extend_from_slice(&[0, 0, 0, 1]);
        annex_b.extend_from_slice(nal);
    }
    let whole = catch_unwind(AssertUnwindSafe(|| decoded(&annex_b)));
    let whole = whole.ok().flatten().ok_or(StillError::Undecodable)?;
    let small = fitted(&whole);
    let rgb = rgb(
        &small,
        sets.colours.unwrap_or_else(|| Colours::usual(whole.height)),
    );
    let mut out = Vec::new();
    let (width, height) = (small.width as u32, small.height as u32);
    JpegEncoder::new_with_quality(&mut out, QUALITY)
        .encode(&rgb, width, height, ExtendedColorType::Rgb8)
        .map_err(|_| StillError::Unencodable)?;
    Ok(out)
}

fn decoded(annex_b: &[u8]) -> Option<Picture> {
    let mut decoder = Decoder::with_api_config(OpenH264API::from_source(), DecoderConfig::new()).ok()?;
    let options = DecodeOptions::new().flush_after_decode(Flush::Flush);
    let decoded = decoder.decode_with_options(annex_b, options).ok()??;
    let mut picture = Picture::filled(2, 2, [16, 128, 128]);
    picture.load(&decoded, Orientation::Deg0);
    Some(picture)
}

/// Scaled down so that it fits, never up.
fn fitted(whole: &Picture) -> Picture {
    let (width, height) = (whole.width as f64, whole.height as f64);
    let scale = (SIZE_MAX.0 as f64 / width)
        .min(SIZE_MAX.1 as f64 / height)
        .min(1.0);
    let length = |own: f64, most: usize| ((own * scale).round() as usize).clamp(2, most.max(2)) & !1;
    let mut small = Picture::filled(
        length(width, SIZE_MAX.0),
        length(height, SIZE_MAX.1),
        [16, 128, 128],
    );
    let at = small.whole();
    small.lay_scaled(whole, at, false, &mut Resizer::new());
    small
}

/// Red, green and blue of every pixel (ITU-T H.264 annex E, equations E-16 and following, inverted).
fn rgb(picture: &Picture, colours: Colours) -> Vec<u8> {
    let (red, blue) = match colours.matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.212_6, 0.072_2),
    };
    let green: f32 = 1.0 - red - blue;
    let (black, luma, chroma) = match colours.full_range {
        true => (0.0, 1.0, 1.0),
        false => (16.0, 255.0 / 219.0, 255.0 / 224.0),
    };
    let [y, u, v] = &picture.planes;
    let mut out = Vec::with_capacity(picture.width * picture.height * 3);
    for (row, pixels) in y.chunks_exact(picture.width).enumerate() {
        let at = row / 2 * (picture.width / 2);
        for (column, y) in pixels.iter().enumerate() {
            let y = (f32::from(*y) - black) * luma;
            let cb = (f32::from(u[at + column / 2]) - 128.0) * chroma;
            let cr = (f32::from(v[at + column / 2]) - 128.0) * chroma;
            let r = y + 2.0 * (1.0 - red) * cr;
            let b = y + 2.0 * (1.0 - blue) * cb;
            let g = (y - red * r - blue * b) / green;
            // A cast to a byte saturates.
            out.extend([r, g, b].map(|value| value.round() as u8));
        }
    }
    out
}

#[cfg(test)]
mod tests;
