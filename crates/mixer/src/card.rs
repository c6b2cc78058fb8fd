//! What stands in for a camera's picture: a person's card, and the slate when nobody is there to be seen.

use crate::letters;
use crate::picture::{Ink, Picture};

const INK: Ink = [225, 126, 130];
/// The ground of a card and its disc, by seat.
const COLOURS: [(Ink, Ink); 4] = [
    ([52, 140, 128], [104, 146, 122]),
    ([50, 128, 142], [102, 120, 158]),
    ([54, 118, 124], [104, 108, 112]),
    ([52, 136, 138], [100, 138, 156]),
];
pub(crate) const GROUND: Ink = [28, 131, 128];

/// A disc with the person's initial, and the name below it where there is room.
pub(crate) fn avatar(seat: u8, name: &str, width: usize, height: usize) -> Picture {
    let (ground, disc) = COLOURS[usize::from(seat) % COLOURS.len()];
    let mut card = Picture::filled(width, height, ground);
    let (x, high) = (width as f32 / 2.0, height as f32);
    let size = high.min(width as f32);
    let named = !name.trim().is_empty() && letters::can_write(name) && size >= 80.0;
    let y = high / 2.0 - if named { size * 0.08 } else { 0.0 };
    let radius = size * 0.22;
    card.disc((x, y), radius, disc);
    match initial(name) {
        Some(initial) => letters::write(&mut card, &initial, (x, y - radius * 0.5), radius, INK),
        None => silhouette(&mut card, (x, y), radius, ground),
    }
    if named {
        let line = size * 0.075;
        let line = line.min(line * (width as f32 * 0.9) / letters::width(name, line).max(1.0));
        letters::write(&mut card, name.trim(), (x, y + radius + size * 0.08), line, INK);
    }
    card
}

/// A calm ground with a line of text.
pub(crate) fn slate(text: &str, width: usize, height: usize) -> Picture {
    let mut slate = Picture::filled(width, height, GROUND);
    let (wide, high) = (width as f32, height as f32);
    let line = high * 0.07;
    let line = line.min(line * wide * 0.9 / letters::width(text, line).max(1.0));
    let middle = (wide / 2.0, (high - line) / 2.0);
    letters::write(&mut slate, text, middle, line, INK);
    for n in [-1.0, 0.0, 1.0] {
        let at = (wide / 2.0 + n * high * 0.045, high / 2.0 + line + high * 0.05);
        slate.disc(at, high * 0.009, COLOURS[0].1);
    }
    slate
}

fn initial(name: &str) -> Option<String> {
    let first = name.trim().chars().next()?.to_string();
    letters::can_write(&first).then_some(first)
}

/// A head and shoulders, where there is no letter.
fn silhouette(card: &mut Picture, (x, y): (f32, f32), radius: f32, ink: Ink) {
    card.disc((x, y - radius * 0.25), radius * 0.32, ink);
    let (from, to) = ((x - radius, y + radius * 0.2), (x + radius, y + radius));
    card.shape(from, to, ink, |px, py| {
        let body = (px - x).hypot(py - (y + radius * 0.85)) - radius * 0.6;
        body.max((px - x).hypot(py - y) - radius)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_of_any_name_and_size_are_drawn() {
        for name in [
            "Ada",
            "",
            "  ",
            "Дарья",
            "Jules de la Tour d’Auvergne the forty-first",
        ] {
            for (width, height) in [(1_280, 720), (636, 720), (96, 54), (16, 16), (2, 2)] {
                for seat in 0..8 {
                    let card = avatar(seat, name, width, height);
                    assert_eq!((card.width, card.height), (width, height));
                    slate(name, width, height);
                }
            }
        }
    }

    #[test]
    fn the_initial_is_in_the_middle_of_the_disc() {
        let card = avatar(0, "Ivo", 640, 360);
        let luma = |x: usize, y: usize| card.planes[0][y * 640 + x];
        let middle = 180 - (360.0 * 0.08) as usize;
        assert_eq!(luma(320, middle), INK[0]);
        assert_eq!(luma(320 + 50, middle), COLOURS[0].1[0]);
        assert_eq!(luma(40, 40), COLOURS[0].0[0]);
    }
}
