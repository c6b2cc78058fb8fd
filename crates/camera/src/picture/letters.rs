//! Letters drawn by code: strokes of one width with round ends on a grid of 4 by 6.
//! Capitals and digits only; small letters and accents become the capitals below them.

use super::canvas::{Canvas, Ink, distance_to_segment};

/// Characters of a name that are drawn; names are at most 40.
const LETTERS_MAX: usize = 26;
/// Of the height of a letter.
const STROKE_RADIUS: f32 = 0.085;
const GAP: f32 = 0.30;
const SPACE: f32 = 0.36;

type Point = (f32, f32);

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
            if let Some((width, strokes)) = strokes_of(character)
                && masks.iter().all(|mask| mask.character != character)
            {
                masks.push(draw_mask(character, width, strokes, height, margin, rows));
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

fn draw_mask(character: char, width: u8, strokes: &str, height: f32, margin: f32, rows: usize) -> Mask {
    let unit = height / 6.0;
    let radius = STROKE_RADIUS * height;
    let lines: Vec<Vec<Point>> = strokes
        .split(' ')
        .map(|stroke| {
            points_of(stroke)
                .into_iter()
                .map(|(x, y)| (x * unit, y * unit))
                .collect()
        })
        .collect();
    let columns = (f32::from(width) * unit + 2.0 * margin).ceil() as usize;
    let coverage = (0..rows * columns)
        .map(|at| {
            let here = (
                (at % columns) as f32 + 0.5 - margin,
                (at / columns) as f32 + 0.5 - margin,
            );
            let distance = lines
                .iter()
                .flat_map(|line| line.windows(2))
                .map(|ends| distance_to_segment(here, ends[0], ends[1]))
                .fold(f32::MAX, f32::min);
            ((radius - distance + 0.5).clamp(0.0, 1.0) * 255.0) as u8
        })
        .collect();
    Mask {
        character,
        width: columns,
        coverage,
        advance: f32::from(width) * unit + GAP * height,
    }
}

/// The points of one stroke: pairs of digits after `-` (corners stay) or `~` (corners are cut round).
fn points_of(stroke: &str) -> Vec<Point> {
    let digits: Vec<f32> = stroke
        .bytes()
        .skip(1)
        .map(|byte| f32::from(byte - b'0'))
        .collect();
    let mut points: Vec<Point> = digits.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    if stroke.starts_with('~') {
        for _ in 0..3 {
            points = cut_corners(&points);
        }
    }
    points
}

/// One round of Chaikin's corner cutting; the ends stay.
fn cut_corners(points: &[Point]) -> Vec<Point> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Vec::new();
    };
    let between = |a: Point, b: Point, part: f32| (a.0 + (b.0 - a.0) * part, a.1 + (b.1 - a.1) * part);
    let mut cut = vec![*first];
    for ends in points.windows(2) {
        cut.push(between(ends[0], ends[1], 0.25));
        cut.push(between(ends[0], ends[1], 0.75));
    }
    cut.push(*last);
    cut
}

fn capital(character: char) -> char {
    match character.to_uppercase().next().unwrap_or(character) {
        'À'..='Å' | 'Æ' => 'A',
        'Ç' => 'C',
        'È'..='Ë' => 'E',
        'Ì'..='Ï' => 'I',
        'Ñ' => 'N',
        'Ò'..='Ö' | 'Ø' | 'Œ' => 'O',
        'Ù'..='Ü' => 'U',
        'Ý' | 'Ÿ' => 'Y',
        '’' => '\'',
        '–' | '—' => '-',
        other => other,
    }
}

/// The width of a character on the grid and its strokes.
fn strokes_of(character: char) -> Option<(u8, &'static str)> {
    Some(match character {
        '0' | 'O' => (4, "~204046060020"),
        '1' => (4, "-1120 -2026 -1636"),
        '2' => (4, "~0100404306 -0646"),
        '3' => (4, "~0100404323 ~2343460605"),
        '4' => (4, "-300444 -3036"),
        '5' => (4, "-400002 ~022242460605"),
        '6' => (4, "~30000646420204"),
        '7' => (4, "-004016"),
        '8' => (4, "~204043030020 ~234346060323"),
        '9' => (4, "~16464000044442"),
        'A' => (4, "-062046 -1434"),
        'B' => (4, "-0006 ~00404303 ~03434606"),
        'C' => (4, "~414000064645"),
        'D' => (4, "-0006 ~00404606"),
        'E' => (4, "-40000646 -0333"),
        'F' => (4, "-400006 -0333"),
        'G' => (4, "~41400006464323"),
        'H' => (4, "-0006 -4046 -0343"),
        'I' => (0, "-0006"),
        'J' => (4, "~40460604"),
        'K' => (4, "-0006 -4004 -1346"),
        'L' => (4, "-000646"),
        'M' => (4, "-0600234046"),
        'N' => (4, "-06004640"),
        'P' => (4, "-0006 ~00404303"),
        'Q' => (4, "~204046060020 -2446"),
        'R' => (4, "-0006 ~00404303 -2346"),
        'S' => (4, "~4140000343460605"),
        'T' => (4, "-0040 -2026"),
        'U' => (4, "~00064640"),
        'V' => (4, "-002640"),
        'W' => (4, "-0016233640"),
        'X' => (4, "-0046 -4006"),
        'Y' => (4, "-002340 -2326"),
        'Z' => (4, "-00400646"),
        ':' => (0, "-0202 -0505"),
        '.' => (0, "-0606"),
        ',' => (0, "-0607"),
        '\'' => (0, "-0001"),
        '!' => (0, "-0004 -0606"),
        '?' => (4, "~010040432324 -2626"),
        '-' => (3, "-0333"),
        '_' => (4, "-0646"),
        '/' => (4, "-0640"),
        '+' => (4, "-0343 -2125"),
        '·' => (0, "-0303"),
        '&' => (4, "~461110303104062644"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_and_digit_is_drawn_inside_its_grid() {
        for character in ('A'..='Z').chain('0'..='9').chain(":.,'!?-_/+·&".chars()) {
            let (width, strokes) = strokes_of(character).unwrap_or_else(|| panic!("{character}"));
            for stroke in strokes.split(' ') {
                assert!(
                    stroke.starts_with(['-', '~']) && stroke.len() % 2 == 1,
                    "{character}: {stroke}"
                );
                for (x, y) in points_of(stroke) {
                    assert!(x <= f32::from(width) && y <= 7.0, "{character}: ({x}, {y})");
                }
            }
        }
    }

    #[test]
    fn names_fold_to_capitals() {
        let folded: String = "Léa d’Œuvre – Ñandú".chars().map(capital).collect();
        assert_eq!(folded, "LEA D'OUVRE - NANDU");
        assert_eq!(Line::new(&"é".repeat(90), 12.0).text.chars().count(), LETTERS_MAX);
    }

    #[test]
    fn digits_are_equally_wide() {
        let line = Line::new("0123456789", 20.0);
        let widths: Vec<_> = line.masks.iter().map(|mask| mask.advance).collect();
        assert!(widths.iter().all(|width| *width == widths[0]));
    }
}
