use super::*;

/// Quarters of four levels: 10 20 above 30 40.
fn quarters(width: usize, height: usize) -> Picture {
    let mut picture = Picture::filled(width, height, [0, 128, 128]);
    for (n, ink) in [10, 20, 30, 40].into_iter().enumerate() {
        let at = Rectangle {
            left: n % 2 * width / 2,
            top: n / 2 * height / 2,
            width: width / 2,
            height: height / 2,
        };
        picture.fill(at, [ink, 100 + ink, 200 + ink]);
    }
    picture
}

fn levels(picture: &Picture) -> [u8; 4] {
    let (w, h) = (picture.width, picture.height);
    [(1, 1), (3, 1), (1, 3), (3, 3)].map(|(x, y)| picture.planes[0][h * y / 4 * w + w * x / 4])
}

#[test]
fn pictures_are_turned_upright() {
    let source = quarters(16, 8);
    for (orientation, expected, size) in [
        (Orientation::Deg0, [10, 20, 30, 40], (16, 8)),
        (Orientation::Deg90, [30, 10, 40, 20], (8, 16)),
        (Orientation::Deg180, [40, 30, 20, 10], (16, 8)),
        (Orientation::Deg270, [20, 40, 10, 30], (8, 16)),
    ] {
        let mut upright = Picture::filled(2, 2, [0; 3]);
        upright.load(&source.slices(), orientation);
        assert_eq!((upright.width, upright.height), size);
        assert_eq!(levels(&upright), expected, "{orientation:?}");
        assert_eq!(upright.planes[2].len(), 32);
    }
}

#[test]
fn a_picture_fills_its_place_or_is_whole_within_it() {
    let source = quarters(64, 36);
    let place = Rectangle {
        left: 20,
        top: 10,
        width: 40,
        height: 60,
    };
    let mut resizer = Resizer::new();
    let mut into = Picture::filled(100, 80, [1, 2, 3]);
    into.lay_scaled(&source, place, false, &mut resizer);
    let luma = |picture: &Picture, x: usize, y: usize| picture.planes[0][y * 100 + x];
    assert_eq!(
        [
            luma(&into, 20, 10),
            luma(&into, 59, 10),
            luma(&into, 20, 69),
            luma(&into, 59, 69)
        ],
        [10, 20, 30, 40]
    );
    assert_eq!(
        [
            luma(&into, 19, 10),
            luma(&into, 60, 40),
            luma(&into, 30, 9),
            luma(&into, 30, 70)
        ],
        [1; 4]
    );
    assert_eq!(into.planes[1][5 * 50 + 10], 110);

    let mut into = Picture::filled(100, 80, [1, 2, 3]);
    into.lay_scaled(&source, place, true, &mut resizer);
    // 40 by 22, in the middle.
    assert_eq!(
        [
            luma(&into, 20, 30),
            luma(&into, 59, 49),
            luma(&into, 20, 27),
            luma(&into, 40, 53)
        ],
        [10, 40, 1, 1]
    );
}

#[test]
fn a_little_too_large_is_cropped_without_interpolation() {
    let mut source = Picture::filled(640, 360, [0, 128, 128]);
    let noise = |n: usize| ((n * 2_654_435_761) >> 7) as u8;
    for plane in &mut source.planes {
        plane
            .iter_mut()
            .enumerate()
            .for_each(|(n, pixel)| *pixel = noise(n));
    }
    let place = Rectangle {
        left: 4,
        top: 0,
        width: 632,
        height: 356,
    };
    let mut into = Picture::filled(1_280, 720, [0; 3]);
    into.lay_scaled(&source, place, false, &mut Resizer::new());
    for (x, y) in [(0, 0), (631, 355), (17, 201)] {
        assert_eq!(
            into.planes[0][y * 1_280 + x + 4],
            source.planes[0][(y + 2) * 640 + x + 4]
        );
    }
    assert_eq!(
        into.planes[1][9 * 640 + 2 + 5],
        source.planes[1][(9 + 1) * 320 + 2 + 5]
    );
}

#[test]
fn half_is_the_mean() {
    let mut small = Picture::filled(32, 18, [0; 3]);
    let mut source = quarters(64, 36);
    source.planes[0][..2].fill(30);
    small.halve(&source);
    assert_eq!(levels(&small), [10, 20, 30, 40]);
    assert_eq!(small.planes[0][0], 20);
}
