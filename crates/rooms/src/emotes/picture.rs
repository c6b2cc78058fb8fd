//! An upload becomes an emote's pictures: square PNGs of three sizes, drawn anew from what was decoded. Of a GIF its
//! first picture.
//!
//! Invariant: whatever the bytes, decoding takes no more memory than [`ALLOCATED_MAX`], and what comes out is a PNG
//! that we have written.

use std::io::Cursor;

use image::imageops::{FilterType, overlay};
use image::{DynamicImage, ImageFormat, ImageReader, Limits, RgbaImage};

/// Edges of the pictures, in pixels: beside a line of chat, and for screens with two and four times the pixels.
pub(crate) const SIZES: [u32; 3] = [28, 56, 112];
/// The longest edge of an upload.
const EDGE_MAX: u32 = 2_048;
const ALLOCATED_MAX: u64 = 48 * 1024 * 1024;

/// An emote as PNGs, by [`SIZES`].
#[derive(Clone, Debug, PartialEq)]
pub struct Pictures(pub(super) Vec<(u32, Vec<u8>)>);

/// Why an upload is no picture of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    #[error("a picture is a PNG, a JPEG, a WebP or a GIF")]
    Format,
    #[error("a picture is at most {EDGE_MAX} pixels wide and high")]
    TooLarge,
    #[error("the picture cannot be read")]
    Broken,
}

/// Draws an upload as an emote. Takes milliseconds: not for the threads that answer.
pub(crate) fn drawn(upload: &[u8]) -> Result<Pictures, PictureError> {
    let mut reader = ImageReader::new(Cursor::new(upload))
        .with_guessed_format()
        .map_err(|_| PictureError::Broken)?;
    match reader.format() {
        Some(ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP | ImageFormat::Gif) => {}
        _ => return Err(PictureError::Format),
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(EDGE_MAX);
    limits.max_image_height = Some(EDGE_MAX);
    limits.max_alloc = Some(ALLOCATED_MAX);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| match error {
        image::ImageError::Limits(_) => PictureError::TooLarge,
        _ => PictureError::Broken,
    })?;
    let pictures = SIZES.map(|size| Ok((size, square(&picture, size)?)));
    Ok(Pictures(pictures.into_iter().collect::<Result<_, _>>()?))
}

/// All of a picture in a square, with nothing beside it where it is none.
fn square(picture: &DynamicImage, size: u32) -> Result<Vec<u8>, PictureError> {
    let fitted = picture.resize(size, size, FilterType::Lanczos3).to_rgba8();
    let mut whole = RgbaImage::new(size, size);
    let beside = |edge: u32| i64::from((size - edge.min(size)) / 2);
    overlay(
        &mut whole,
        &fitted,
        beside(fitted.width()),
        beside(fitted.height()),
    );
    let mut png = Cursor::new(Vec::new());
    let written = DynamicImage::ImageRgba8(whole).write_to(&mut png, ImageFormat::Png);
    written.map_err(|_| PictureError::Broken)?;
    Ok(png.into_inner())
}
