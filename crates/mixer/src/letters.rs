//! Letters drawn by code: strokes of one width with round ends on a grid of 4 by 6.
//! Capitals and digits only; small letters and accents become the capitals below them.

use crate::picture::{Ink, Picture};

/// Of the height of a letter.
const STROKE_RADIUS: f32 = 0.085;
const GAP: f32 = 0.30;
const SPACE: f32 = 0.36;

type Point = (f32, f32);

/// Whether there is a letter for every character.
pub(crate) fn can_write(text: &str) -> bool {
    text.chars()
        .map(capital)
        .all(|letter| letter == ' ' || strokes_of(letter).is_some())
}

/// The width in pixels of letters of a height.
pub(crate) fn width(text: &str, height: f32) -> f32 {
    let letters: f32 = text.chars().map(|letter| advance(capital(letter), height)).sum();
    (letters - GAP * height).max(0.0)
}

/// Writes a line whose middle is at `x` and whose top is at `y`.
pub(crate) fn write(picture: &mut Picture, text: &str, (x, y): Point, height: f32, ink: Ink) {
    let mut left = x - width(text, height) / 2.0;
    for letter in text.chars().map(capital) {
        if let Some((wide, strokes)) = strokes_of(letter) {
            draw(
                picture,
                strokes,
                (left, y),
                f32::from(wide) * height / 6.0,
                height,
                ink,
            );
        }
        left += advance(letter, height);
    }
}

fn draw(picture: &mut Picture, strokes: &str, (left, top): Point, width: f32, height: f32, ink: Ink) {
    let unit = height / 6.0;
    let radius = STROKE_RADIUS * height;
    let place = |(x, y): Point| (left + x * unit, top + y * unit);
    let lines: Vec<Vec<Point>> = strokes
        .split(' ')
        .map(|stroke| points_of(stroke).into_iter().map(place).collect())
        .collect();
    let reach = radius + 1.0;
    // The comma hangs one unit below.
    let (from, to) = (
        (left - reach, top - reach),
        (left + width + reach, top + height + unit + reach),
    );
    picture.shape(from, to, ink, |x, y| {
        let distances = lines
            .iter()
            .flat_map(|line| line.windows(2))
            .map(|ends| distance_to_segment((x, y), ends[0], ends[1]));
        distances.fold(f32::MAX, f32::min) - radius
    });
}

fn advance(letter: char, height: f32) -> f32 {
    let width = strokes_of(letter).map_or(SPACE, |(width, _)| f32::from(width) / 6.0 + GAP);
    width * height
}

fn distance_to_segment(p: Point, a: Point, b: Point) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = (dx * dx + dy * dy).max(f32::EPSILON);
    let along = (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / length).clamp(0.0, 1.0);
    (p.0 - a.0 - along * dx).hypot(p.1 - a.1 - along * dy)
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
        for letter in ('A'..='Z').chain('0'..='9').chain(":.,'!?-_/+·&".chars()) {
            let (width, strokes) = strokes_of(letter).unwrap_or_else(|| panic!("{letter}"));
            for (x, y) in strokes.split(' ').flat_map(points_of) {
                assert!(x <= f32::from(width) && y <= 7.0, "{letter}: ({x}, {y})");
            }
        }
    }

    #[test]
    fn names_are_written_when_there_are_letters_for_them() {
        assert!(can_write("Léa d’Œuvre – Ñandú 7"));
        assert!(!can_write("Дарья"));
        let mut picture = Picture::filled(200, 40, [16, 128, 128]);
        write(&mut picture, "Ada", (100.0, 10.0), 20.0, [235, 128, 128]);
        let lit: Vec<usize> = (0..200)
            .filter(|x| (0..40).any(|y| picture.planes[0][y * 200 + x] > 200))
            .collect();
        let (first, last) = (lit[0] as f32, lit[lit.len() - 1] as f32);
        assert!((first + last - 200.0).abs() < 4.0, "from {first} to {last}");
        assert!((last - first - width("Ada", 20.0)).abs() < 6.0);
    }
}
