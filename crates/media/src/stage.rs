//! The stage of a room: a few people, each with a camera and a microphone as two tracks.
//!
//! Invariant: a seat has at most one source at a time. A seat whose source was lost stays, so that
//! those who watch go on from where they were when the person comes back.

use std::time::{Duration, Instant, SystemTime};

use busk_base::MediaSessionId;

use crate::track::{Packet, Track, TrackKind};

/// Seats there can be; the rooms above decide how many of them are given.
pub const SEATS_MAX: usize = 8;
/// Sizes in which a source can send its picture (simulcast, RFC 8853).
pub const LAYERS_MAX: usize = 3;
/// Of the program's 720 lines, what one of several people gets.
const TILE_HEIGHT: u16 = 360;
/// A source whose clock and ours part by more than this has changed its clock.
const CLOCK_DRIFT_MAX: Duration = Duration::from_secs(1);

/// One person's place on stage.
#[derive(Debug)]
pub struct Seat {
    source: Option<MediaSessionId>,
    /// Who sits here; 0 is nobody.
    person: u128,
    muted: bool,
    hidden: bool,
    /// Its pictures are not in the order in which they are shown, so that none goes to real-time viewers.
    only_by_program: bool,
    on_air: bool,
    clock: Option<SourceClock>,
    layers: [Track; LAYERS_MAX],
    /// How many of them the source may send.
    offered: usize,
    /// The best layer that comes; the picture, for all who take only one.
    best: usize,
    audio: Track,
}

impl Seat {
    fn new() -> Self {
        Self {
            source: None,
            person: 0,
            muted: false,
            hidden: false,
            only_by_program: false,
            on_air: false,
            clock: None,
            layers: std::array::from_fn(|number| Track::layer(number as u8)),
            offered: 1,
            best: 0,
            audio: Track::new(TrackKind::Audio),
        }
    }

    /// The session that brings this seat's media, while it is there.
    pub fn source(&self) -> Option<MediaSessionId> {
        self.source
    }

    /// Whether a picture has come from the present source.
    pub fn on_air(&self) -> bool {
        self.on_air
    }

    pub fn track(&self, kind: TrackKind) -> &Track {
        match kind {
            TrackKind::Video => &self.layers[self.best],
            TrackKind::Audio => &self.audio,
        }
    }

    pub fn track_mut(&mut self, kind: TrackKind) -> &mut Track {
        match kind {
            TrackKind::Video => &mut self.layers[self.best],
            TrackKind::Audio => &mut self.audio,
        }
    }

    /// The picture in the sizes that the source may send.
    pub fn layers(&self) -> &[Track] {
        &self.layers[..self.offered]
    }

    pub fn layers_mut(&mut self) -> &mut [Track] {
        &mut self.layers[..self.offered]
    }

    /// Which of the layers is the best one that comes.
    pub fn best(&self) -> usize {
        self.best
    }

    /// The layer that the program is made of: the best one of a person alone, else one that fills a tile.
    pub fn layer_for_program(&self, alone: bool, now: Instant) -> usize {
        let flowing = self.layers().iter().enumerate();
        let fills = flowing.filter(|(_, track)| track.is_flowing(now) && track.height() >= TILE_HEIGHT);
        let smallest = fills.min_by_key(|(_, track)| track.height());
        match smallest {
            Some((layer, _)) if !alone => layer,
            _ => self.best,
        }
    }

    /// Every layer is to begin anew with a keyframe.
    pub fn want_keyframes(&mut self) {
        self.layers_mut().iter_mut().for_each(Track::want_keyframe);
    }

    pub fn is_only_by_program(&self) -> bool {
        self.only_by_program
    }

    pub fn set_only_by_program(&mut self) {
        self.only_by_program = true;
    }

    /// When, by our clock, something was captured that has arrived now.
    pub fn wall(&mut self, captured: SystemTime, arrived: Instant) -> Instant {
        SourceClock::wall(&mut self.clock, captured, arrived)
    }

    /// Whether it is the camera of this person (0 is nobody).
    pub fn is_of(&self, person: u128) -> bool {
        person != 0 && self.person == person
    }

    /// Whether packets of this kind are to reach nobody.
    pub fn is_off(&self, kind: TrackKind) -> bool {
        match kind {
            TrackKind::Video => self.hidden,
            TrackKind::Audio => self.muted,
        }
    }

    /// Switches the microphone and the camera. What is switched on again starts anew for all who read it: its
    /// numbers went on meanwhile, which would look like loss.
    pub fn switch(&mut self, muted: bool, hidden: bool) {
        if self.muted && !muted {
            self.audio.replace_source(None);
        }
        if self.hidden && !hidden {
            for layer in self.layers_mut() {
                layer.replace_source(layer.profile());
            }
        }
        (self.muted, self.hidden) = (muted, hidden);
    }

    /// Gives the seat to somebody's source, which may send its picture in so many layers; `profile` is its H.264
    /// `profile-level-id`.
    pub fn take(&mut self, source: MediaSessionId, person: u128, profile: Option<u32>, layers: usize) {
        self.source = Some(source);
        self.person = person;
        self.on_air = false;
        self.only_by_program = false;
        self.clock = None;
        (self.offered, self.best) = (layers.clamp(1, LAYERS_MAX), 0);
        for layer in &mut self.layers {
            layer.replace_source(profile);
        }
        self.audio.replace_source(None);
    }

    /// The source is gone. Says whether it had been on air.
    pub fn leave(&mut self) -> bool {
        self.source = None;
        std::mem::take(&mut self.on_air)
    }

    /// Something came that is switched off. Says whether with it the seat came on air.
    pub fn come_on_air(&mut self) -> bool {
        !std::mem::replace(&mut self.on_air, true)
    }

    /// Takes a packet of the seat's source, of sound or of a layer of the picture.
    pub fn push(&mut self, from: From, mut packet: Packet, now: Instant) -> Pushed {
        if let Some(captured) = packet.captured {
            packet.wall = SourceClock::wall(&mut self.clock, captured, packet.wall);
        }
        let From::Layer(layer) = from else {
            self.audio.push(packet, now);
            return Pushed::default();
        };
        let layer = layer.min(self.offered - 1);
        let keyframe = self.layers[layer].push(packet, now);
        if keyframe && self.is_better(layer, now) {
            self.best = layer;
        }
        let comes_on_air = keyframe && !self.on_air;
        self.on_air |= keyframe;
        Pushed {
            keyframe,
            comes_on_air,
        }
    }

    /// Whether a layer is better than the best so far, or that one has ceased.
    fn is_better(&self, layer: usize, now: Instant) -> bool {
        let (new, best) = (&self.layers[layer], &self.layers[self.best]);
        !best.is_flowing(now) || new.height() > best.height()
    }
}

/// What of a source a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Sound,
    /// By number, in the order in which they first came.
    Layer(usize),
}

impl From {
    pub fn kind(self) -> TrackKind {
        match self {
            From::Sound => TrackKind::Audio,
            From::Layer(_) => TrackKind::Video,
        }
    }
}

/// What a packet brought about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// It opens a keyframe.
    pub keyframe: bool,
    /// With it the seat came on air.
    pub comes_on_air: bool,
}

/// A moment by a source's clock and by ours. Sound and picture of a person go by the same clock, so that
/// they stay together however differently they travel.
#[derive(Clone, Copy, Debug)]
struct SourceClock {
    theirs: SystemTime,
    ours: Instant,
}

impl SourceClock {
    /// When, by our clock, something was captured that has arrived now.
    fn wall(clock: &mut Option<Self>, captured: SystemTime, arrived: Instant) -> Instant {
        let here = Self {
            theirs: captured,
            ours: arrived,
        };
        let known = *clock.get_or_insert(here);
        let wall = match captured.duration_since(known.theirs) {
            Ok(after) => known.ours.checked_add(after),
            Err(before) => known.ours.checked_sub(before.duration()),
        };
        let near = |wall: &Instant| {
            let apart = wall.saturating_duration_since(arrived) + arrived.saturating_duration_since(*wall);
            apart < CLOCK_DRIFT_MAX
        };
        wall.filter(near).unwrap_or_else(|| {
            *clock = Some(here);
            arrived
        })
    }
}

/// The seats of a room that were ever taken. Tracks of all of them go to every viewer.
#[derive(Debug, Default)]
pub struct Stage {
    seats: Vec<Seat>,
}

impl Stage {
    pub fn seat(&self, seat: usize) -> Option<&Seat> {
        self.seats.get(seat)
    }

    pub fn seat_mut(&mut self, seat: usize) -> Option<&mut Seat> {
        self.seats.get_mut(seat)
    }

    /// The seat, which is there from now on; the last one when there cannot be so many.
    pub fn open(&mut self, seat: usize) -> &mut Seat {
        let seat = seat.min(SEATS_MAX - 1);
        while self.seats.len() <= seat {
            self.seats.push(Seat::new());
        }
        &mut self.seats[seat]
    }

    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Whether there is a picture to watch.
    pub fn is_live(&self) -> bool {
        self.seats.iter().any(Seat::on_air)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use busk_base::Timestamp;

    fn packet(time: u64, captured: Option<SystemTime>, wall: Instant) -> Packet {
        Packet {
            seq: time,
            time,
            marker: true,
            orientation: None,
            captured,
            wall,
            payload: vec![0x65; 10].into(),
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
    fn sound_and_picture_captured_together_stand_for_the_same_moment() {
        let (now, then) = (Instant::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(9));
        let ms = Duration::from_millis;
        let mut clock = None;
        assert_eq!(SourceClock::wall(&mut clock, then, now), now);
        // The picture took 80 ms longer.
        assert_eq!(SourceClock::wall(&mut clock, then, now + ms(80)), now);
        assert_eq!(
            SourceClock::wall(&mut clock, then + ms(20), now + ms(100)),
            now + ms(20)
        );
        // A clock that jumped is believed from there on.
        assert_eq!(
            SourceClock::wall(&mut clock, then + ms(90_000), now + ms(200)),
            now + ms(200)
        );
        assert_eq!(
            SourceClock::wall(&mut clock, then + ms(90_010), now + ms(215)),
            now + ms(210)
        );
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
    fn a_seat_comes_on_air_with_its_first_keyframe_each_time() {
        let now = Instant::now();
        let mut stage = Stage::default();
        for number in 1..=2 {
            let seat = stage.open(1);
            seat.take(
                MediaSessionId::new(Timestamp::from_unix_us(number), [0; 10]),
                7,
                None,
                1,
            );
            assert!(!seat.on_air());
            assert!(seat.push(From::Layer(0), packet(1, None, now), now).comes_on_air);
            assert!(!seat.push(From::Layer(0), packet(2, None, now), now).comes_on_air);
            assert!(stage.is_live());
            assert!(stage.open(1).leave() && !stage.open(1).leave());
            assert!(!stage.is_live());
        }
    }
}
