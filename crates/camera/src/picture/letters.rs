//! Lines of text whose letters are drawn beforehand.

use busk_letters::{GAP, Letter, ROWS, SPACE, STROKE_RADIUS, capital, distance};

use super::canvas::{Canvas, Ink};

/// Characters of a name that are drawn; names are at most 40.
const LETTERS_MAX: usize = 26;

/// One character, drawn once: coverage 0 to 255.
struct Mask {
    character: char,
    width: usize,
    coverage: Vec<u8>,
    advance: f32,
}

/// A line of text whose characters are drawn beforehand.
pub struct Line {
    text: String,
    masks: Vec<Mask>,
    rows: usize,
    margin: f32,
    space: f32,
}

impl Line {
    /// Prepares the characters of `text` at a letter height in pixels.
    pub fn new(text: &str, height: f32) -> Line {
        let height = height.max(4.0);
        let text: String = text.chars().take(LETTERS_MAX).map(capital).collect();
        let margin = STROKE_RADIUS * height + 1.0;
        let rows = (height + 2.0 * margin).ceil() as usize;
        let mut masks: Vec<Mask> = Vec::new();
        for character in text.chars() {
            if let Some(letter) = Letter::of(character)
                && masks.iter().all(|mask| mask.character != character)
            {
                masks.push(draw_mask(character, &letter, height, margin, rows));
            }
        }
        Line {
            text,
            masks,
            rows,
            margin,
            space: SPACE * height,
        }
    }

    /// The width in pixels of the line's own text.
    pub fn width(&self) -> f32 {
        self.width_of(&self.text)
    }

    pub fn width_of(&self, text: &str) -> f32 {
        text.chars().map(|character| self.advance(character)).sum()
    }

    fn mask(&self, character: char) -> Option<&Mask> {
        self.masks.iter().find(|mask| mask.character == character)
    }

    fn advance(&self, character: char) -> f32 {
        self.mask(character).map_or(self.space, |mask| mask.advance)
    }

    pub fn draw_all(&self, canvas: &mut Canvas, x: f32, y: f32, luma: u8) {
        self.draw(canvas, &self.text, x, y, luma);
    }

    /// Draws characters among the prepared ones, their top left corner at (x, y).
    pub fn draw(&self, canvas: &mut Canvas, text: &str, mut x: f32, y: f32, luma: u8) {
        let ink = Ink {
            y: f32::from(luma),
            u: 128.0,
            v: 128.0,
        };
        for character in text.chars() {
            if let Some(mask) = self.mask(character) {
                let (left, top) = ((x - self.margin).round() as i32, (y - self.margin).round() as i32);
                for (at, cover) in mask.coverage.iter().enumerate().filter(|(_, cover)| **cover > 0) {
                    let (column, row) = ((at % mask.width) as i32, (at / mask.width) as i32);
                    canvas.dot(left + column, top + row, ink, f32::from(*cover) / 255.0);
                }
            }
            x += self.advance(character);
        }
        debug_assert!(
            self.masks
                .iter()
                .all(|mask| mask.coverage.len() == mask.width * self.rows)
        );
    }
}

fn draw_mask(character: char, letter: &Letter, height: f32, margin: f32, rows: usize) -> Mask {
    let unit = height / ROWS;
    let radius = STROKE_RADIUS * height;
    let strokes = letter.placed(|(x, y)| (x * unit, y * unit));
    let width = f32::from(letter.width) * unit;
    let columns = (width + 2.0 * margin).ceil() as usize;
    let coverage = (0..rows * columns)
        .map(|at| {
            let here = (
                (at % columns) as f32 + 0.5 - margin,
                (at / columns) as f32 + 0.5 - margin,
            );
            ((radius - distance(&strokes, here) + 0.5).clamp(0.0, 1.0) * 255.0) as u8
        })
        .collect();
    Mask {
        character,
        width: columns,
        coverage,
        advance: width + GAP * height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut() {
        assert_eq!(Line::new(&"é".repeat(90), 12.0).text.chars().count(), LETTERS_MAX);
    }

    #[test]
    fn digits_are_equally_wide() {
        let line = Line::new("0123456789", 20.0);
        let widths: Vec<_> = line.masks.iter().map(|mask| mask.advance).collect();
        assert!(widths.iter().all(|width| *width == widths[0]));
    }
}
