//! A stage driven picture by picture, and what a player sees of it.

use busk_mixer::{
    AccessUnit, DELAY, Mixed, MixedPicture, MixedSound, Mixer, PICTURE_TICKS, Rectangle, Rendition,
};
use openh264::decoder::Decoder;
use openh264::formats::YUVSource;

use super::{Camera, Planes, annex_b};

pub struct Screen {
    pub mixer: Mixer,
    /// Number of the next picture.
    pub next: u64,
    decoders: [Decoder; 2],
    /// What is on the screen, by rendition.
    pub shown: [Option<Planes>; 2],
    pub pictures: Vec<MixedPicture>,
    pub sound: Vec<MixedSound>,
}

impl Screen {
    pub fn new() -> Self {
        Self {
            mixer: Mixer::new(0, "Be right back"),
            next: 0,
            decoders: [Decoder::new().unwrap(), Decoder::new().unwrap()],
            shown: [None, None],
            pictures: Vec::new(),
            sound: Vec::new(),
        }
    }

    /// The time of the next picture.
    pub fn time(&self) -> u64 {
        self.next * PICTURE_TICKS
    }

    /// Gives the seats' units, and ticks once.
    pub fn step(&mut self, units: Vec<(u8, AccessUnit)>) {
        for (seat, unit) in units {
            // Some tests push what is refused.
            let _ = self.mixer.picture(seat, unit);
        }
        self.tick(self.time() + DELAY);
        self.next += 1;
    }

    /// Gives the seats' units now, and what was captured so many pictures ago comes out.
    pub fn step_late(&mut self, units: Vec<(u8, AccessUnit)>, pictures: u64) {
        for (seat, unit) in units {
            self.mixer.picture(seat, unit).unwrap();
        }
        self.next += 1;
        self.tick((self.time() + DELAY).saturating_sub(pictures * PICTURE_TICKS));
    }

    pub fn tick(&mut self, now: u64) {
        let mut mixed = Mixed::default();
        self.mixer.tick(now, &mut mixed).unwrap();
        for picture in &mixed.pictures {
            let at = index(picture.rendition);
            let decoded = self.decoders[at].decode(&annex_b(&picture.nals)).unwrap();
            self.shown[at] = decoded.map(|decoded| {
                let (width, height) = decoded.dimensions();
                assert_eq!((width, height), picture.rendition.size());
                let plane = |pixels: &[u8], stride: usize, width: usize| -> Vec<u8> {
                    pixels
                        .chunks(stride)
                        .flat_map(|row| row[..width].to_vec())
                        .collect()
                };
                let (y, u, v) = decoded.strides();
                let planes = [
                    plane(decoded.y(), y, width),
                    plane(decoded.u(), u, width / 2),
                    plane(decoded.v(), v, width / 2),
                ];
                Planes {
                    width,
                    height,
                    planes,
                }
            });
        }
        self.pictures.extend(mixed.pictures);
        self.sound.extend(mixed.sound);
    }

    /// Steps with a camera of one colour in each of the seats.
    pub fn flat(&mut self, seats: &mut [(u8, Camera, Planes)], count: usize) {
        for n in 0..count {
            let time = self.time();
            let shoot = |(seat, camera, picture): &mut (u8, Camera, Planes)| {
                (*seat, camera.shoot(picture, time, n == 0))
            };
            let units = seats.iter_mut().map(shoot).collect();
            self.step(units);
        }
    }

    /// The colour in the 720p picture.
    pub fn ink(&self, x: usize, y: usize) -> [u8; 3] {
        self.ink_of(Rendition::High, x, y)
    }

    pub fn ink_of(&self, rendition: Rendition, x: usize, y: usize) -> [u8; 3] {
        let shown = self.shown[index(rendition)].as_ref().expect("there is a picture");
        let half = y / 2 * (shown.width / 2) + x / 2;
        [
            shown.planes[0][y * shown.width + x],
            shown.planes[1][half],
            shown.planes[2][half],
        ]
    }

    pub fn ink_at(&self, place: Rectangle) -> [u8; 3] {
        self.ink(place.left + place.width / 2, place.top + place.height / 2)
    }
}

fn index(rendition: Rendition) -> usize {
    usize::from(rendition == Rendition::Low)
}

#[track_caller]
pub fn assert_like(found: [u8; 3], expected: [u8; 3]) {
    let apart = found.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
    assert!(apart <= Some(8), "{found:?} is not {expected:?}");
}
