//! The stage: who is on it, how they are shown, and what comes out at each tick.

use fast_image_resize::Resizer;

use crate::camera::Camera;
use crate::card::{self, GROUND};
use crate::encoder::{Encoded, Encoder};
use crate::layout::{Layout, Place, rectangles};
use crate::picture::Picture;
use crate::sound::Sound;
use crate::{
    AccessUnit, Counts, DELAY, KEYFRAME_EVERY, Mixed, MixedPicture, MixerError, PICTURE_TICKS, Refused,
    Rendition, SEATS,
};

/// Pictures that are made up for when the caller is late; with more, all but the newest are left out.
const LATE_MAX: u64 = 3;
const NAME_CHARS_MAX: usize = 40;

/// One stage's mix.
pub struct Mixer {
    start: u64,
    /// Number of the next picture since `start`.
    next: u64,
    /// Number of the picture that has to be a keyframe, if none before was asked to.
    next_keyframe: u64,
    keyframe_asked: bool,
    seats: [Option<Person>; SEATS as usize],
    layout: Layout,
    focus: Option<u8>,
    tiles: Vec<Tile>,
    /// Somebody came or went, or the layout is another.
    rearranged: bool,
    slate: String,
    /// The slate is what is in the picture.
    slated: bool,
    picture: Picture,
    small: Picture,
    resizer: Resizer,
    encoders: [Encoder; 2],
    sound: Sound,
    counts: Counts,
}

struct Person {
    name: String,
    camera: Camera,
    hidden: bool,
    muted: bool,
}

struct Tile {
    place: Place,
    drawn: Drawn,
}

/// What a tile shows.
#[derive(Clone, Copy, PartialEq)]
enum Drawn {
    Nothing,
    Card,
    /// A picture of that size.
    Picture(usize, usize),
}

impl Mixer {
    /// Begins at a time of 90 kHz. `slate` is written when nobody is there to be seen.
    pub fn new(start: u64, slate: &str) -> Self {
        let (width, height) = Rendition::High.size();
        let (small_width, small_height) = Rendition::Low.size();
        Self {
            start,
            next: 0,
            next_keyframe: 0,
            keyframe_asked: false,
            seats: std::array::from_fn(|_| None),
            layout: Layout::default(),
            focus: None,
            tiles: Vec::new(),
            rearranged: true,
            slate: slate.chars().take(NAME_CHARS_MAX).collect(),
            slated: false,
            picture: Picture::filled(width, height, GROUND),
            small: Picture::filled(small_width, small_height, GROUND),
            resizer: Resizer::new(),
            encoders: Rendition::ALL.map(Encoder::new),
            sound: Sound::new(samples(start)),
            counts: Counts::default(),
        }
    }

    /// Somebody takes a seat; whoever had it has left. Seats beyond [`SEATS`] are nobody's.
    pub fn come(&mut self, seat: u8, name: &str) {
        if seat >= SEATS {
            return;
        }
        self.leave(seat);
        self.seats[usize::from(seat)] = Some(Person {
            name: name.chars().take(NAME_CHARS_MAX).collect(),
            camera: Camera::new(),
            hidden: false,
            muted: false,
        });
        self.sound.open(seat);
        self.rearranged = true;
    }

    pub fn leave(&mut self, seat: u8) {
        let Some(person) = self.seats.get_mut(usize::from(seat)).and_then(Option::take) else {
            return;
        };
        self.counts.decoders_failed += person.camera.failures();
        self.sound.close(seat);
        self.rearranged = true;
    }

    /// The camera is switched off, or on: a card with the name stands in for it.
    pub fn hide(&mut self, seat: u8, hidden: bool) {
        if let Ok(person) = self.person(seat)
            && person.hidden != hidden
        {
            person.hidden = hidden;
            person.camera.forget();
        }
    }

    /// The microphone is switched off, or on. What was said before and has not come out does not.
    pub fn mute(&mut self, seat: u8, muted: bool) {
        if let Ok(person) = self.person(seat)
            && person.muted != muted
        {
            person.muted = muted;
            match muted {
                true => self.sound.close(seat),
                false => self.sound.open(seat),
            }
        }
    }

    pub fn arrange(&mut self, layout: Layout, focus: Option<u8>) {
        self.rearranged |= (self.layout, self.focus) != (layout, focus);
        (self.layout, self.focus) = (layout, focus);
    }

    /// The next picture is a keyframe too.
    pub fn keyframe(&mut self) {
        self.keyframe_asked = true;
    }

    /// Takes what a seat's camera has captured. In decoding order; time that goes back counts as standing still.
    pub fn picture(&mut self, seat: u8, unit: AccessUnit) -> Result<(), Refused> {
        let person = self.person(seat)?;
        if person.hidden {
            return Err(Refused::NotSeen);
        }
        person.camera.push(unit)
    }

    /// Takes what a seat's microphone has captured from `time` on (48 kHz): two channels, interleaved.
    pub fn sound(&mut self, seat: u8, time: u64, samples: &[i16]) -> Result<(), Refused> {
        self.person(seat)?;
        self.sound.push(seat, time, samples)
    }

    /// The same from an Opus packet.
    pub fn opus(&mut self, seat: u8, time: u64, packet: &[u8]) -> Result<(), Refused> {
        self.person(seat)?;
        self.sound.push_opus(seat, time, packet)
    }

    /// The seats whose cameras have to send a keyframe before anything more can be shown of them. Told again with
    /// each unit that cannot be used, so whoever asks the cameras does so with measure.
    pub fn keyframes_wanted(&mut self) -> Vec<u8> {
        let seats = (0..SEATS).zip(&mut self.seats);
        let wanted = seats.filter_map(|(seat, person)| person.as_mut().map(|person| (seat, person)));
        wanted
            .filter_map(|(seat, person)| person.camera.take_keyframe_wanted().then_some(seat))
            .collect()
    }

    /// The earliest time (90 kHz) at which [`tick`](Self::tick) gives something.
    pub fn next_due(&self) -> u64 {
        let picture = self.start + self.next * PICTURE_TICKS;
        let sound = (self.sound.due() * 15).div_ceil(8);
        picture.min(sound) + DELAY
    }

    /// Gives what is due by now: all sound, and the pictures, fewer when it is called too late for all of them.
    pub fn tick(&mut self, now: u64, out: &mut Mixed) -> Result<(), MixerError> {
        let captured = now.saturating_sub(DELAY);
        self.sound
            .mix(samples(captured), &mut self.counts, &mut out.sound);
        let Some(since) = captured.checked_sub(self.start) else {
            return Ok(());
        };
        let newest = since / PICTURE_TICKS;
        if newest >= self.next + LATE_MAX {
            self.counts.pictures_skipped += newest - self.next;
            self.next = newest;
        }
        while self.next <= newest {
            let at = self.start + self.next * PICTURE_TICKS;
            let keyframe = std::mem::take(&mut self.keyframe_asked) | (self.next >= self.next_keyframe);
            if self.next >= self.next_keyframe {
                self.next_keyframe = (self.next / KEYFRAME_EVERY + 1) * KEYFRAME_EVERY;
            }
            self.next += 1;
            // What was captured nearer to this picture than to the next is in it.
            self.compose(at + PICTURE_TICKS / 2);
            self.encode(at, keyframe, &mut out.pictures)?;
        }
        Ok(())
    }

    pub fn counts(&self) -> Counts {
        let cameras = self.seats.iter().flatten().map(|person| person.camera.failures());
        Counts {
            decoders_failed: self.counts.decoders_failed + cameras.sum::<u64>(),
            ..self.counts
        }
    }

    fn person(&mut self, seat: u8) -> Result<&mut Person, Refused> {
        let person = self.seats.get_mut(usize::from(seat)).and_then(Option::as_mut);
        person.ok_or(Refused::NotOnStage)
    }

    /// Brings the picture to what is seen at `at`; only what has changed is drawn.
    fn compose(&mut self, at: u64) {
        if std::mem::take(&mut self.rearranged) {
            self.place();
        }
        let mut seen = false;
        let mut fresh = [false; SEATS as usize];
        for ((seat, person), fresh) in (0..).zip(&mut self.seats).zip(&mut fresh) {
            let Some(person) = person else { continue };
            if self.tiles.iter().any(|tile| tile.place.seat == seat) {
                *fresh = person.camera.advance(at);
            } else {
                person.camera.skip(at);
            }
            seen |= person.hidden || person.camera.picture(at).is_some();
        }
        if !seen {
            self.draw_slate();
            return;
        }
        if std::mem::take(&mut self.slated) {
            self.picture.fill(self.picture.whole(), GROUND);
        }
        for tile in &mut self.tiles {
            if let Some(person) = &self.seats[usize::from(tile.place.seat)] {
                let fresh = fresh[usize::from(tile.place.seat)];
                tile.draw(person, at, fresh, &mut self.picture, &mut self.resizer);
            }
        }
    }

    fn place(&mut self) {
        let (width, height) = Rendition::High.size();
        let seats: Vec<u8> = (0..SEATS)
            .filter(|seat| self.seats[usize::from(*seat)].is_some())
            .collect();
        self.tiles = rectangles(self.layout, self.focus, &seats, width, height)
            .into_iter()
            .map(|place| Tile {
                place,
                drawn: Drawn::Nothing,
            })
            .collect();
        self.picture.fill(self.picture.whole(), GROUND);
        self.slated = false;
    }

    fn draw_slate(&mut self) {
        if !std::mem::replace(&mut self.slated, true) {
            let (width, height) = Rendition::High.size();
            self.picture = card::slate(&self.slate, width, height);
            self.tiles.iter_mut().for_each(|tile| tile.drawn = Drawn::Nothing);
        }
    }

    fn encode(&mut self, time: u64, keyframe: bool, out: &mut Vec<MixedPicture>) -> Result<(), MixerError> {
        self.small.halve(&self.picture);
        let ms = (time - self.start) / 90;
        let pictures = [&self.picture, &self.small];
        for ((rendition, encoder), picture) in
            Rendition::ALL.into_iter().zip(&mut self.encoders).zip(pictures)
        {
            match encoder.encode(picture, ms, keyframe) {
                Ok(Some(Encoded { keyframe, nals })) => out.push(MixedPicture {
                    rendition,
                    time,
                    keyframe,
                    nals,
                }),
                Ok(None) => {}
                Err(error) => {
                    // Both begin anew, so that their keyframes stay together.
                    self.encoders.iter_mut().for_each(Encoder::reset);
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }
}

impl Tile {
    fn draw(&mut self, person: &Person, at: u64, fresh: bool, into: &mut Picture, resizer: &mut Resizer) {
        let Place {
            seat,
            at: place,
            whole,
        } = self.place;
        match person.camera.picture(at) {
            Some(picture) => {
                let drawn = Drawn::Picture(picture.width, picture.height);
                if self.drawn != drawn && whole {
                    into.fill(place, GROUND);
                }
                if self.drawn != drawn || fresh {
                    into.lay_scaled(picture, place, whole, resizer);
                }
                self.drawn = drawn;
            }
            None if self.drawn != Drawn::Card => {
                let card = card::avatar(seat, &person.name, place.width, place.height);
                into.lay(&card, (0, 0), place);
                self.drawn = Drawn::Card;
            }
            None => {}
        }
    }
}

/// A time of 90 kHz, in samples.
fn samples(ticks: u64) -> u64 {
    ticks * 8 / 15
}

#[cfg(test)]
mod tests;
