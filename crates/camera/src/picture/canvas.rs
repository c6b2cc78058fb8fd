//! Drawing on a picture: a soft background from a coarse grid, and sharp shapes with smooth edges.

use busk_letters::distance_to_segment;

use super::{DESIGN_HEIGHT, Picture};

/// Pixels between two points of the coarse grid; even, so that the chroma planes share it.
const CELL: usize = 8;

/// Linear red, green and blue, 0 to 1 (beyond is clamped).
pub type Rgb = [f32; 3];

/// A colour as the planes store it.
#[derive(Clone, Copy, Debug)]
pub struct Ink {
    pub y: f32,
    pub u: f32,
    pub v: f32,
}

impl Ink {
    pub fn new(rgb: Rgb) -> Ink {
        let [r, g, b] = rgb.map(|part| part.clamp(0.0, 1.0));
        let luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        Ink {
            y: 16.0 + 219.0 * luma,
            u: 128.0 + 224.0 * (b - luma) / 1.8556,
            v: 128.0 + 224.0 * (r - luma) / 1.5748,
        }
    }
}

/// `0xRRGGBB` as fractions.
pub const fn rgb(hex: u32) -> Rgb {
    [
        ((hex >> 16) & 0xff) as f32 / 255.0,
        ((hex >> 8) & 0xff) as f32 / 255.0,
        (hex & 0xff) as f32 / 255.0,
    ]
}

pub fn mix(from: Rgb, to: Rgb, part: f32) -> Rgb {
    let part = part.clamp(0.0, 1.0);
    std::array::from_fn(|i| from[i] + (to[i] - from[i]) * part)
}

pub fn add(to: &mut Rgb, light: Rgb, strength: f32) {
    for (part, light) in to.iter_mut().zip(light) {
        *part += light * strength;
    }
}

pub struct Canvas {
    pub picture: Picture,
    /// Pixels of one unit of the design, which is 360 high.
    pub scale: f32,
    /// Planes of the coarse grid, in 1/256 of a level.
    grid: [Vec<i32>; 3],
    grid_width: usize,
    edge: Vec<f32>,
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Canvas {
        let picture = Picture::black(width, height);
        let (grid_width, grid_height) = (picture.width / CELL + 2, picture.height / CELL + 2);
        Canvas {
            scale: picture.height as f32 / DESIGN_HEIGHT,
            grid: std::array::from_fn(|_| vec![0; grid_width * grid_height]),
            grid_width,
            edge: vec![0.0; picture.width],
            picture,
        }
    }

    pub fn width(&self) -> f32 {
        self.picture.width as f32
    }

    pub fn height(&self) -> f32 {
        self.picture.height as f32
    }

    /// Width over height.
    pub fn aspect(&self) -> f32 {
        self.width() / self.height()
    }

    /// Fills the picture from a function of the place: x from 0 to the aspect, y from 0 to 1.
    pub fn soft(&mut self, colour: impl Fn(f32, f32) -> Rgb) {
        let step = CELL as f32 / self.height();
        let points = self.grid[0].len();
        for point in 0..points {
            let (column, row) = (point % self.grid_width, point / self.grid_width);
            let ink = Ink::new(colour(column as f32 * step, row as f32 * step));
            for (plane, level) in self.grid.iter_mut().zip([ink.y, ink.u, ink.v]) {
                plane[point] = (level * 256.0) as i32;
            }
        }
        let (width, height) = (self.picture.width, self.picture.height);
        spread::<CELL>(&self.grid[0], self.grid_width, &mut self.picture.y, width, height);
        spread::<{ CELL / 2 }>(
            &self.grid[1],
            self.grid_width,
            &mut self.picture.u,
            width / 2,
            height / 2,
        );
        spread::<{ CELL / 2 }>(
            &self.grid[2],
            self.grid_width,
            &mut self.picture.v,
            width / 2,
            height / 2,
        );
    }

    /// Lays `ink` over one pixel; outside the picture nothing happens.
    pub fn dot(&mut self, x: i32, y: i32, ink: Ink, alpha: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return;
        };
        if x >= self.picture.width || y >= self.picture.height {
            return;
        }
        lay(&mut self.picture.y[y * self.picture.width + x], ink.y, alpha);
        if x % 2 == 0 && y % 2 == 0 {
            let at = y / 2 * (self.picture.width / 2) + x / 2;
            lay(&mut self.picture.u[at], ink.u, alpha);
            lay(&mut self.picture.v[at], ink.v, alpha);
        }
    }

    /// A shape by its signed distance in pixels, negative inside, within a box.
    pub fn shape(
        &mut self,
        from: (f32, f32),
        to: (f32, f32),
        ink: Ink,
        alpha: f32,
        sd: impl Fn(f32, f32) -> f32,
    ) {
        let (left, right) = (
            from.0.floor().max(0.0) as i32,
            to.0.ceil().min(self.width()) as i32,
        );
        let (top, bottom) = (
            from.1.floor().max(0.0) as i32,
            to.1.ceil().min(self.height()) as i32,
        );
        for y in top..bottom {
            for x in left..right {
                let cover = (0.5 - sd(x as f32 + 0.5, y as f32 + 0.5)).clamp(0.0, 1.0);
                if cover > 0.0 {
                    self.dot(x, y, ink, alpha * cover);
                }
            }
        }
    }

    pub fn disc(&mut self, x: f32, y: f32, radius: f32, ink: Ink, alpha: f32) {
        let reach = radius + 1.0;
        self.shape(
            (x - reach, y - reach),
            (x + reach, y + reach),
            ink,
            alpha,
            |px, py| (px - x).hypot(py - y) - radius,
        );
    }

    /// An ellipse with axes along the picture's.
    pub fn ellipse(&mut self, x: f32, y: f32, (rx, ry): (f32, f32), ink: Ink, alpha: f32) {
        let from = (x - rx - 1.0, y - ry - 1.0);
        self.shape(from, (x + rx + 1.0, y + ry + 1.0), ink, alpha, |px, py| {
            ((px - x) / rx)
                .hypot((py - y) / ry)
                .mul_add(rx.min(ry), -rx.min(ry))
        });
    }

    /// A line with round ends.
    pub fn line(&mut self, a: (f32, f32), b: (f32, f32), radius: f32, ink: Ink, alpha: f32) {
        let reach = radius + 1.0;
        let from = (a.0.min(b.0) - reach, a.1.min(b.1) - reach);
        let to = (a.0.max(b.0) + reach, a.1.max(b.1) + reach);
        self.shape(from, to, ink, alpha, |x, y| {
            distance_to_segment((x, y), a, b) - radius
        });
    }

    /// A dusky panel with round corners, for letters to stand on.
    pub fn panel(&mut self, left: f32, top: f32, width: f32, height: f32, radius: f32) {
        let ink = Ink::new(rgb(0x0c0818));
        let (cx, cy) = (left + width / 2.0, top + height / 2.0);
        self.shape((left, top), (left + width, top + height), ink, 0.55, |x, y| {
            let (dx, dy) = (
                (x - cx).abs() - width / 2.0 + radius,
                (y - cy).abs() - height / 2.0 + radius,
            );
            dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - radius
        });
    }

    /// Fills everything below an edge (pixels from the top, by pixel column).
    pub fn below(&mut self, ink: Ink, alpha: f32, edge_at: impl Fn(f32) -> f32) {
        let (width, height) = (self.picture.width, self.picture.height);
        for (x, edge) in self.edge.iter_mut().enumerate() {
            *edge = edge_at(x as f32);
        }
        let highest = self.edge.iter().copied().fold(f32::MAX, f32::min).max(0.0) as usize & !1;
        for row in highest..height {
            let levels = &mut self.picture.y[row * width..][..width];
            for (level, edge) in levels.iter_mut().zip(&self.edge) {
                lay(level, ink.y, alpha * (row as f32 + 1.0 - edge).clamp(0.0, 1.0));
            }
        }
        let half = width / 2;
        for row in highest / 2..height / 2 {
            let us = self.picture.u[row * half..][..half].iter_mut();
            let vs = self.picture.v[row * half..][..half].iter_mut();
            for ((u, v), edge) in us.zip(vs).zip(self.edge.iter().step_by(2)) {
                let alpha = alpha * ((row * 2) as f32 + 1.0 - edge).clamp(0.0, 1.0);
                lay(u, ink.u, alpha);
                lay(v, ink.v, alpha);
            }
        }
    }
}

fn lay(level: &mut u8, ink: f32, alpha: f32) {
    let under = f32::from(*level);
    *level = (under + (ink - under) * alpha + 0.5) as u8;
}

/// Interpolates a coarse grid, whose points lie `C` pixels apart, over a plane.
fn spread<const C: usize>(grid: &[i32], grid_width: usize, plane: &mut [u8], width: usize, height: usize) {
    let mut column = vec![0i32; grid_width];
    for row in 0..height {
        let (above, part) = (row / C, (row % C) as i32);
        let (upper, lower) = (
            &grid[above * grid_width..][..grid_width],
            &grid[(above + 1) * grid_width..][..grid_width],
        );
        for ((value, upper), lower) in column.iter_mut().zip(upper).zip(lower) {
            *value = upper + (lower - upper) * part / C as i32;
        }
        for (cell, pixels) in plane[row * width..][..width].chunks_mut(C).enumerate() {
            let (left, right) = (column[cell], column[cell + 1]);
            for (x, pixel) in pixels.iter_mut().enumerate() {
                *pixel = ((left + (right - left) * x as i32 / C as i32 + 128) >> 8) as u8;
            }
        }
    }
}
