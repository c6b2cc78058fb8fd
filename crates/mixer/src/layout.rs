//! Where everybody stands in the picture.

use crate::SEATS;

/// Between two people, in pixels.
const GAP: usize = 8;

/// How the people on stage are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// One person alone: the focus, else the lowest seat.
    Solo,
    /// Side by side, each as high as the picture.
    Split,
    /// Equal tiles of 16:9.
    #[default]
    Grid,
    /// The focus large, the others beside it.
    Spotlight,
}

/// In pixels of the whole picture; all four are even, as 4:2:0 asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rectangle {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

impl Rectangle {
    fn new(left: usize, top: usize, width: usize, height: usize) -> Self {
        let even = |length: usize| length & !1;
        Self {
            left: even(left),
            top: even(top),
            width: even(width).max(2),
            height: even(height).max(2),
        }
    }
}

/// A seat's place in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub seat: u8,
    pub at: Rectangle,
    /// The camera's picture is shown to its edges, with bars beside it; else it fills its place and is cropped.
    pub whole: bool,
}

/// The places of `seats`, which are in the order in which they stand. Places do not overlap. Solo leaves the others
/// out, and so does every layout beyond [`SEATS`].
pub fn rectangles(
    layout: Layout,
    focus: Option<u8>,
    seats: &[u8],
    width: usize,
    height: usize,
) -> Vec<Place> {
    let seats = &seats[..seats.len().min(usize::from(SEATS))];
    let Some(first) = seats.first() else {
        return Vec::new();
    };
    let focus = focus.filter(|focus| seats.contains(focus)).unwrap_or(*first);
    if layout == Layout::Solo || seats.len() == 1 {
        let at = Rectangle::new(0, 0, width, height);
        return vec![Place {
            seat: focus,
            at,
            whole: true,
        }];
    }
    match layout {
        Layout::Solo | Layout::Grid => grid(seats, width, height),
        Layout::Split => split(seats, width, height),
        Layout::Spotlight => spotlight(focus, seats, width, height),
    }
}

fn split(seats: &[u8], width: usize, height: usize) -> Vec<Place> {
    let column = width.saturating_sub(GAP * (seats.len() - 1)) / seats.len();
    let place = |(n, seat): (usize, &u8)| tile(*seat, Rectangle::new(n * (column + GAP), 0, column, height));
    seats.iter().enumerate().map(place).collect()
}

/// Rows of equal tiles, the last one in the middle when it is not full.
fn grid(seats: &[u8], width: usize, height: usize) -> Vec<Place> {
    let columns = (1..).find(|n| n * n >= seats.len()).unwrap_or(1);
    let rows = seats.len().div_ceil(columns);
    let wide = width.saturating_sub(GAP * (columns - 1)) / columns;
    let high = height.saturating_sub(GAP * (rows - 1)) / rows;
    let (wide, high) = sixteen_to_nine(wide, high);
    let top = (height - (rows * high + (rows - 1) * GAP)) / 2;
    let mut places = Vec::with_capacity(seats.len());
    for (row, seats) in seats.chunks(columns).enumerate() {
        let left = (width - (seats.len() * wide + (seats.len() - 1) * GAP)) / 2;
        for (column, seat) in seats.iter().enumerate() {
            let (x, y) = (left + column * (wide + GAP), top + row * (high + GAP));
            places.push(tile(*seat, Rectangle::new(x, y, wide, high)));
        }
    }
    places
}

fn spotlight(focus: u8, seats: &[u8], width: usize, height: usize) -> Vec<Place> {
    let others: Vec<u8> = seats.iter().copied().filter(|seat| *seat != focus).collect();
    let column = width / 4;
    let (wide, high) = sixteen_to_nine(width - column - GAP, height);
    let large = Rectangle::new(0, (height - high) / 2, wide, high);
    let high = height.saturating_sub(GAP * (others.len() - 1)) / others.len();
    let (wide, high) = sixteen_to_nine(column, high);
    let left = width - column + (column - wide) / 2;
    let top = (height - (others.len() * high + (others.len() - 1) * GAP)) / 2;
    let beside =
        |(n, seat): (usize, &u8)| tile(*seat, Rectangle::new(left, top + n * (high + GAP), wide, high));
    std::iter::once(tile(focus, large))
        .chain(others.iter().enumerate().map(beside))
        .collect()
}

fn tile(seat: u8, at: Rectangle) -> Place {
    Place {
        seat,
        at,
        whole: false,
    }
}

/// The largest size of that shape that fits.
fn sixteen_to_nine(width: usize, height: usize) -> (usize, usize) {
    let high = (width * 9 / 16).min(height);
    ((high * 16 / 9).min(width) & !1, high & !1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUTS: [Layout; 4] = [Layout::Solo, Layout::Split, Layout::Grid, Layout::Spotlight];

    fn at(layout: Layout, focus: Option<u8>, seats: &[u8]) -> Vec<(u8, usize, usize, usize, usize)> {
        let places = rectangles(layout, focus, seats, 1_280, 720);
        places
            .iter()
            .map(|p| (p.seat, p.at.left, p.at.top, p.at.width, p.at.height))
            .collect()
    }

    #[test]
    fn layouts_are_as_their_names_say() {
        let whole = |seat| vec![(seat, 0, 0, 1_280, 720)];
        assert_eq!(at(Layout::Grid, None, &[]), []);
        assert_eq!(at(Layout::Grid, None, &[3]), whole(3));
        assert_eq!(at(Layout::Solo, None, &[0, 1]), whole(0));
        assert_eq!(at(Layout::Solo, Some(1), &[0, 1]), whole(1));
        // Who has the focus may have left.
        assert_eq!(at(Layout::Solo, Some(2), &[0, 1]), whole(0));
        assert_eq!(
            at(Layout::Split, None, &[0, 2]),
            [(0, 0, 0, 636, 720), (2, 644, 0, 636, 720)]
        );
        assert_eq!(
            at(Layout::Grid, None, &[0, 1, 2]),
            [
                (0, 4, 0, 632, 356),
                (1, 644, 0, 632, 356),
                (2, 324, 364, 632, 356)
            ]
        );
        assert_eq!(
            at(Layout::Spotlight, Some(1), &[0, 1]),
            [(1, 0, 92, 950, 534), (0, 960, 270, 320, 180)]
        );
    }

    #[test]
    fn places_are_even_inside_and_apart() {
        for layout in LAYOUTS {
            for count in 1..=SEATS {
                let seats: Vec<u8> = (0..count).collect();
                for (width, height) in [(1_280, 720), (640, 360), (720, 1_280)] {
                    let places = rectangles(layout, Some(count / 2), &seats, width, height);
                    for (n, place) in places.iter().enumerate() {
                        let Rectangle {
                            left,
                            top,
                            width: w,
                            height: h,
                        } = place.at;
                        assert!(
                            [left, top, w, h].iter().all(|length| length % 2 == 0),
                            "{place:?}"
                        );
                        assert!(left + w <= width && top + h <= height, "{layout:?} {place:?}");
                        for other in &places[n + 1..] {
                            let apart = |a: usize, al: usize, b: usize, bl: usize| a + al <= b || b + bl <= a;
                            let o = other.at;
                            assert!(
                                apart(left, w, o.left, o.width) || apart(top, h, o.top, o.height),
                                "{layout:?}: {place:?} and {other:?}"
                            );
                        }
                    }
                    let expected = if layout == Layout::Solo { 1 } else { count };
                    assert_eq!(places.len(), usize::from(expected));
                }
            }
        }
    }
}
