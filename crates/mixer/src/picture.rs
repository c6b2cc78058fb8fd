//! Pictures in planes (YUV 4:2:0, limited range), and how one is laid into another.
//!
//! Invariant: sizes are even, and every plane has exactly its size.

use fast_image_resize::images::{TypedCroppedImageMut, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use openh264::formats::{YUVSlices, YUVSource};

use crate::Orientation;
use crate::layout::Rectangle;

/// A picture that is so little too large for its place is cropped instead of scaled.
const CROPPED_ONLY_MIN: f64 = 0.97;

/// A colour as the planes store it.
pub(crate) type Ink = [u8; 3];

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) planes: [Vec<u8>; 3],
}

impl Picture {
    pub(crate) fn filled(width: usize, height: usize, ink: Ink) -> Self {
        let (width, height) = (width & !1, height & !1);
        let size = |plane: usize| {
            if plane == 0 {
                width * height
            } else {
                width * height / 4
            }
        };
        Self {
            width,
            height,
            planes: std::array::from_fn(|plane| vec![ink[plane]; size(plane)]),
        }
    }

    pub(crate) fn whole(&self) -> Rectangle {
        Rectangle {
            left: 0,
            top: 0,
            width: self.width,
            height: self.height,
        }
    }

    pub(crate) fn slices(&self) -> YUVSlices<'_> {
        let [y, u, v] = &self.planes;
        let strides = (self.width, self.width / 2, self.width / 2);
        YUVSlices::new((y, u, v), (self.width, self.height), strides)
    }

    /// Becomes what a decoder gave, upright.
    pub(crate) fn load(&mut self, source: &impl YUVSource, orientation: Orientation) {
        let (width, height) = source.dimensions();
        let (width, height) = (width & !1, height & !1);
        let strides = source.strides();
        let planes = [
            (source.y(), strides.0, width, height),
            (source.u(), strides.1, width / 2, height / 2),
            (source.v(), strides.2, width / 2, height / 2),
        ];
        for (to, (from, stride, width, height)) in self.planes.iter_mut().zip(planes) {
            to.resize(width * height, 0);
            turn(from, stride, (width, height), orientation, to);
        }
        (self.width, self.height) = match orientation {
            Orientation::Deg0 | Orientation::Deg180 => (width, height),
            Orientation::Deg90 | Orientation::Deg270 => (height, width),
        };
    }

    pub(crate) fn fill(&mut self, at: Rectangle, ink: Ink) {
        for (plane, (pixels, stride, at)) in self.parts(at).into_iter().enumerate() {
            let rows = pixels.chunks_exact_mut(stride).skip(at.top).take(at.height);
            rows.for_each(|row| row[at.left..at.left + at.width].fill(ink[plane]));
        }
    }

    /// Lays ink over one pixel, `alpha` from 0 to 1; outside the picture nothing happens.
    pub(crate) fn dot(&mut self, x: usize, y: usize, ink: Ink, alpha: f32) {
        if x >= self.width || y >= self.height {
            return;
        }
        let lay = |under: &mut u8, ink: u8| {
            *under = (f32::from(*under) + (f32::from(ink) - f32::from(*under)) * alpha).round() as u8;
        };
        lay(&mut self.planes[0][y * self.width + x], ink[0]);
        if x.is_multiple_of(2) && y.is_multiple_of(2) {
            let at = y / 2 * (self.width / 2) + x / 2;
            lay(&mut self.planes[1][at], ink[1]);
            lay(&mut self.planes[2][at], ink[2]);
        }
    }

    /// A shape by its signed distance in pixels (negative inside), in the box from `from` to `to`.
    pub(crate) fn shape(
        &mut self,
        from: (f32, f32),
        to: (f32, f32),
        ink: Ink,
        distance: impl Fn(f32, f32) -> f32,
    ) {
        let range =
            |from: f32, to: f32, end: usize| from.max(0.0) as usize..(to.ceil().max(0.0) as usize).min(end);
        for y in range(from.1, to.1, self.height) {
            for x in range(from.0, to.0, self.width) {
                let cover = (0.5 - distance(x as f32 + 0.5, y as f32 + 0.5)).clamp(0.0, 1.0);
                if cover > 0.0 {
                    self.dot(x, y, ink, cover);
                }
            }
        }
    }

    pub(crate) fn disc(&mut self, (x, y): (f32, f32), radius: f32, ink: Ink) {
        let reach = radius + 1.0;
        let (from, to) = ((x - reach, y - reach), (x + reach, y + reach));
        self.shape(from, to, ink, |px, py| (px - x).hypot(py - y) - radius);
    }

    /// Lays a part of `from`, whose top left corner is given and which is as large as `at`, into this picture.
    pub(crate) fn lay(&mut self, from: &Picture, (left, top): (usize, usize), at: Rectangle) {
        for (plane, (to, stride, at)) in self.parts(at).into_iter().enumerate() {
            let scale = if plane == 0 { 1 } else { 2 };
            let to = to.chunks_exact_mut(stride).skip(at.top).take(at.height);
            let from = from.planes[plane]
                .chunks_exact(from.width / scale)
                .skip(top / scale);
            for (to, from) in to.zip(from) {
                to[at.left..at.left + at.width].copy_from_slice(&from[left / scale..][..at.width]);
            }
        }
    }

    /// Lays `from` into a place, scaled: filling it and cropped, or whole within it.
    pub(crate) fn lay_scaled(&mut self, from: &Picture, at: Rectangle, whole: bool, resizer: &mut Resizer) {
        let (at, [left, top, width, height]) = if whole {
            let all = [0.0, 0.0, from.width as f64, from.height as f64];
            (inscribed(from, at), all)
        } else {
            (at, cropped(from, at))
        };
        if (width, height) == (at.width as f64, at.height as f64) {
            self.lay(from, (left as usize, top as usize), at);
        } else {
            self.resize(from, [left, top, width, height], at, resizer);
        }
    }

    /// Becomes `from` at half its width and height.
    pub(crate) fn halve(&mut self, from: &Picture) {
        for (plane, (to, from_pixels)) in self.planes.iter_mut().zip(&from.planes).enumerate() {
            let scale = if plane == 0 { 1 } else { 2 };
            let rows = from_pixels.chunks_exact(from.width / scale * 2);
            for (to, rows) in to.chunks_exact_mut(self.width / scale).zip(rows) {
                let (upper, lower) = rows.split_at(rows.len() / 2);
                let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
                for (to, (upper, lower)) in to.iter_mut().zip(pairs) {
                    let sum = [upper[0], upper[1], lower[0], lower[1]].map(u16::from);
                    *to = ((sum[0] + sum[1] + sum[2] + sum[3] + 2) / 4) as u8;
                }
            }
        }
    }

    fn resize(&mut self, from: &Picture, crop: [f64; 4], at: Rectangle, resizer: &mut Resizer) {
        let height = self.height;
        for (plane, (to, stride, at)) in self.parts(at).into_iter().enumerate() {
            let scale = if plane == 0 { 1 } else { 2 };
            let [left, top, wide, high] = crop.map(|length| length / f64::from(scale));
            let options = ResizeOptions::new()
                .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
                .crop(left, top, wide, high)
                .use_alpha(false);
            let [width, height, to_width, to_height] =
                [from.width, from.height, stride * scale as usize, height].map(|n| n as u32 / scale);
            let at = [at.left, at.top, at.width, at.height].map(|n| n as u32);
            let source = TypedImageRef::<U8>::from_buffer(width, height, &from.planes[plane]);
            let source = source.expect("a plane has its size");
            let target = TypedImage::<U8>::from_buffer(to_width, to_height, to);
            let mut target = target.expect("a plane has its size");
            let mut target = TypedCroppedImageMut::from_ref(&mut target, at[0], at[1], at[2], at[3])
                .expect("places are inside the picture");
            resizer
                .resize_typed(&source, &mut target, &options)
                .expect("the crop is inside the picture");
        }
    }

    /// The planes, their strides and the place in each.
    fn parts(&mut self, at: Rectangle) -> [(&mut [u8], usize, Rectangle); 3] {
        let half = Rectangle {
            left: at.left / 2,
            top: at.top / 2,
            width: at.width / 2,
            height: at.height / 2,
        };
        let [y, u, v] = &mut self.planes;
        [
            (y, self.width, at),
            (u, self.width / 2, half),
            (v, self.width / 2, half),
        ]
    }
}

/// The part of a picture, in its pixels (left, top, width, height), that has the shape of its place.
fn cropped(from: &Picture, at: Rectangle) -> [f64; 4] {
    let (width, height) = (from.width as f64, from.height as f64);
    let mut scale = (at.width as f64 / width).max(at.height as f64 / height);
    if (CROPPED_ONLY_MIN..=1.0).contains(&scale) {
        scale = 1.0;
    }
    let (wide, high) = (
        (at.width as f64 / scale).min(width),
        (at.height as f64 / scale).min(height),
    );
    let mut origin = [(width - wide) / 2.0, (height - high) / 2.0];
    if scale == 1.0 {
        // On whole pixels of all planes, so that nothing is interpolated.
        origin = origin.map(|length| (length / 2.0).floor() * 2.0);
    }
    [origin[0], origin[1], wide, high]
}

/// The largest place of the picture's shape within `at`.
fn inscribed(from: &Picture, at: Rectangle) -> Rectangle {
    let scale = (at.width as f64 / from.width as f64).min(at.height as f64 / from.height as f64);
    let length = |own: usize, most: usize| ((own as f64 * scale).round() as usize).clamp(2, most) & !1;
    let (width, height) = (length(from.width, at.width), length(from.height, at.height));
    Rectangle {
        left: (at.left + (at.width - width) / 2) & !1,
        top: (at.top + (at.height - height) / 2) & !1,
        width,
        height,
    }
}

/// Copies a plane, turned clockwise; `size` is before it is turned.
fn turn(
    from: &[u8],
    stride: usize,
    (width, height): (usize, usize),
    orientation: Orientation,
    to: &mut [u8],
) {
    let rows = || from.chunks(stride).take(height);
    match orientation {
        Orientation::Deg0 => {
            for (to, row) in to.chunks_exact_mut(width).zip(rows()) {
                to.copy_from_slice(&row[..width]);
            }
        }
        Orientation::Deg180 => {
            for (to, row) in to.rchunks_exact_mut(width).zip(rows()) {
                to.iter_mut()
                    .zip(row[..width].iter().rev())
                    .for_each(|(to, from)| *to = *from);
            }
        }
        Orientation::Deg90 | Orientation::Deg270 => {
            for (y, row) in rows().enumerate() {
                for (x, pixel) in row[..width].iter().enumerate() {
                    let at = match orientation {
                        Orientation::Deg90 => x * height + (height - 1 - y),
                        _ => (width - 1 - x) * height + y,
                    };
                    to[at] = *pixel;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
