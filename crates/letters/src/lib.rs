//! Letters as strokes of one width with round ends on a grid of 4 by 6, for pictures that are drawn by code.
//! Capitals and digits only; small letters and accents become the capitals below them.

/// Of the height of a letter.
pub const STROKE_RADIUS: f32 = 0.085;
pub const GAP: f32 = 0.30;
pub const SPACE: f32 = 0.36;
/// The grid's rows: what the height of a letter is divided into.
pub const ROWS: f32 = 6.0;

pub type Point = (f32, f32);

/// A letter's width on the grid, and its strokes as lines of points.
#[derive(Clone, Debug)]
pub struct Letter {
    pub width: u8,
    pub strokes: Vec<Vec<Point>>,
}

impl Letter {
    /// `None` for a space, and for what there is no letter for.
    pub fn of(character: char) -> Option<Self> {
        let (width, strokes) = strokes_of(character)?;
        let strokes = strokes.split(' ').map(points_of).collect();
        Some(Self { width, strokes })
    }

    /// The same with its points anywhere else.
    pub fn placed(&self, place: impl Fn(Point) -> Point) -> Vec<Vec<Point>> {
        let stroke = |stroke: &Vec<Point>| stroke.iter().map(|point| place(*point)).collect();
        self.strokes.iter().map(stroke).collect()
    }
}

/// How far a point is from the nearest of some strokes.
pub fn distance(strokes: &[Vec<Point>], to: Point) -> f32 {
    let lines = strokes.iter().flat_map(|stroke| stroke.windows(2));
    lines
        .map(|ends| distance_to_segment(to, ends[0], ends[1]))
        .fold(f32::MAX, f32::min)
}

pub fn distance_to_segment(p: Point, a: Point, b: Point) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = (dx * dx + dy * dy).max(1e-6);
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

/// The capital that stands for a character.
pub fn capital(character: char) -> char {
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
                let whole = stroke.starts_with(['-', '~']) && stroke.len() % 2 == 1;
                assert!(whole, "{character}: {stroke}");
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
        assert!(Letter::of('Д').is_none());
    }
}
