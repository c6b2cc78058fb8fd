//! The moving picture a synthetic camera sees: a scene in soft gradients, the creator's name, a clock
//! to read and a strip of blocks for programs that measure latency.
//!
//! Cheap by construction: everything soft is computed on a coarse grid and interpolated, everything
//! sharp is drawn over it, the letters are drawn once. Colours are BT.709, limited range, 4:2:0.

mod canvas;
mod letters;
mod scenes;
pub mod strip;

use canvas::Canvas;
use letters::Line;

/// A picture in planar YUV 4:2:0; the strides are the widths.
#[derive(Clone, Debug)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub y: Vec<u8>,
    pub u: Vec<u8>,
    pub v: Vec<u8>,
}

impl Picture {
    /// A black picture; odd sizes are rounded down, as 4:2:0 asks.
    pub fn black(width: usize, height: usize) -> Picture {
        let (width, height) = (width & !1, height & !1);
        Picture {
            width,
            height,
            y: vec![16; width * height],
            u: vec![128; width * height / 4],
            v: vec![128; width * height / 4],
        }
    }
}

/// What the camera is pointed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Spotlights wander over a microphone, in front of a crowd.
    Stage,
    /// A pot grows and turns on a wheel in warm light.
    Studio,
    /// Northern lights over hills and water.
    Sky,
}

impl Scene {
    pub const ALL: [Scene; 3] = [Scene::Stage, Scene::Studio, Scene::Sky];
}

/// Draws one scene over and over into the same picture.
pub struct Painter {
    scene: Scene,
    canvas: Canvas,
    name: Line,
    clock: Line,
}

/// The unit of sizes: a picture this high draws everything at its drawn size.
const DESIGN_HEIGHT: f32 = 360.0;

impl Painter {
    pub fn new(scene: Scene, name: &str, width: usize, height: usize) -> Painter {
        let scale = height as f32 / DESIGN_HEIGHT;
        Painter {
            scene,
            canvas: Canvas::new(width, height),
            name: Line::new(name, 13.0 * scale),
            clock: Line::new("0123456789:.", 21.0 * scale),
        }
    }

    /// Draws the picture for `media_ms` since the camera began, at `wall_ms` since the Unix epoch.
    pub fn paint(&mut self, media_ms: u64, wall_ms: u64) -> &Picture {
        let seconds = media_ms as f32 / 1000.0;
        scenes::draw(self.scene, &mut self.canvas, seconds);
        self.write_clock(wall_ms);
        strip::draw(&mut self.canvas.picture, wall_ms);
        &self.canvas.picture
    }

    /// Name and clock sit at the top, on a panel of dusk: the lower part of a picture is where players
    /// put their controls and phones their chat.
    fn write_clock(&mut self, wall_ms: u64) {
        let scale = self.canvas.scale;
        let (left, top) = (18.0 * scale, 16.0 * scale);
        let text = clock_text(wall_ms);
        let width = self.clock.width_of(&text).max(self.name.width()) + 24.0 * scale;
        self.canvas.panel(left, top, width, 62.0 * scale, 12.0 * scale);
        self.name
            .draw_all(&mut self.canvas, left + 12.0 * scale, top + 10.0 * scale, 215);
        self.clock.draw(
            &mut self.canvas,
            &text,
            left + 12.0 * scale,
            top + 31.0 * scale,
            235,
        );
    }
}

/// `HH:MM:SS.mmm`, UTC.
fn clock_text(wall_ms: u64) -> String {
    let (seconds, ms) = (wall_ms / 1000, wall_ms % 1000);
    let (hours, minutes, seconds) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{ms:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_reads_utc() {
        assert_eq!(clock_text(0), "00:00:00.000");
        assert_eq!(clock_text(86_399_999), "23:59:59.999");
        assert_eq!(clock_text(86_400_000 + 3_723_004), "01:02:03.004");
    }

    #[test]
    fn every_scene_fills_the_picture_and_moves() {
        for scene in Scene::ALL {
            let mut painter = Painter::new(scene, "Léa & Co.", 320, 180);
            let first = painter.paint(0, 0).clone();
            let later = painter.paint(2_000, 2_000);
            assert!(later.y.iter().any(|y| *y > 60), "{scene:?} is all dark");
            let moved = first
                .y
                .iter()
                .zip(&later.y)
                .filter(|(a, b)| a.abs_diff(**b) > 8)
                .count();
            assert!(
                moved > first.y.len() / 100,
                "{scene:?} stands still: {moved} pixels"
            );
            assert!(
                later.y.iter().all(|y| (16..=235).contains(y)),
                "{scene:?} leaves the legal range"
            );
        }
    }

    #[test]
    fn odd_and_tiny_sizes_are_drawn() {
        for (width, height) in [(16, 16), (17, 31), (64, 36), (101, 57), (96, 540)] {
            for scene in Scene::ALL {
                Painter::new(scene, "x", width, height).paint(1_234, 5_678);
            }
        }
    }
}
