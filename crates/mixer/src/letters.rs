//! Lines of text in mixed pictures.

use busk_letters::{GAP, Letter, Point, ROWS, SPACE, STROKE_RADIUS, capital, distance};

use crate::picture::{Ink, Picture};

/// Whether there is a letter for every character.
pub(crate) fn can_write(text: &str) -> bool {
    text.chars()
        .map(capital)
        .all(|letter| letter == ' ' || Letter::of(letter).is_some())
}

/// The width in pixels of letters of a height.
pub(crate) fn width(text: &str, height: f32) -> f32 {
    let letters = text.chars().map(|letter| Letter::of(capital(letter)));
    let letters: f32 = letters.map(|letter| advance(letter.as_ref(), height)).sum();
    (letters - GAP * height).max(0.0)
}

/// Writes a line whose middle is at `x` and whose top is at `y`.
pub(crate) fn write(picture: &mut Picture, text: &str, (x, y): Point, height: f32, ink: Ink) {
    let mut left = x - width(text, height) / 2.0;
    for character in text.chars() {
        let letter = Letter::of(capital(character));
        if let Some(letter) = &letter {
            draw(picture, letter, (left, y), height, ink);
        }
        left += advance(letter.as_ref(), height);
    }
}

fn draw(picture: &mut Picture, letter: &Letter, (left, top): Point, height: f32, ink: Ink) {
    let unit = height / ROWS;
    let radius = STROKE_RADIUS * height;
    let width = f32::from(letter.width) * unit;
    let strokes = letter.placed(|(x, y)| (left + x * unit, top + y * unit));
    let reach = radius + 1.0;
    // The comma hangs one unit below.
    let (from, to) = (
        (left - reach, top - reach),
        (left + width + reach, top + height + unit + reach),
    );
    picture.shape(from, to, ink, |x, y| distance(&strokes, (x, y)) - radius);
}

fn advance(letter: Option<&Letter>, height: f32) -> f32 {
    letter.map_or(SPACE, |letter| f32::from(letter.width) / ROWS + GAP) * height
}

#[cfg(test)]
mod tests {
    use super::*;

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
