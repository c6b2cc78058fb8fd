//! The stage of a room: up to four people, each with a camera and a microphone as two tracks.
//!
//! Invariant: a seat has at most one source at a time. A seat whose source was lost stays, so that
//! those who watch go on from where they were when the person comes back.

use std::time::{Duration, Instant, SystemTime};

use busk_base::MediaSessionId;

use crate::track::{Packet, Track, TrackKind};

/// People who can be on stage at once. Whoever publishes to a room today gets the first seat.
pub const SEATS: usize = 4;
/// A source whose clock and ours part by more than this has changed its clock.
const CLOCK_DRIFT_MAX: Duration = Duration::from_secs(1);

/// One person's place on stage.
#[derive(Debug)]
pub struct Seat {
    source: Option<MediaSessionId>,
    on_air: bool,
    clock: Option<SourceClock>,
    video: Track,
    audio: Track,
}

impl Seat {
    fn new() -> Self {
        Self {
            source: None,
            on_air: false,
            clock: None,
            video: Track::new(TrackKind::Video),
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
            TrackKind::Video => &self.video,
            TrackKind::Audio => &self.audio,
        }
    }

    pub fn track_mut(&mut self, kind: TrackKind) -> &mut Track {
        match kind {
            TrackKind::Video => &mut self.video,
            TrackKind::Audio => &mut self.audio,
        }
    }

    /// Gives the seat to a source; `profile` is its H.264 `profile-level-id`.
    pub fn take(&mut self, source: MediaSessionId, profile: Option<u32>) {
        self.source = Some(source);
        self.on_air = false;
        self.clock = None;
        self.video.replace_source(profile);
        self.audio.replace_source(None);
    }

    /// The source is gone. Says whether it had been on air.
    pub fn leave(&mut self) -> bool {
        self.source = None;
        std::mem::take(&mut self.on_air)
    }

    /// Takes a packet of the seat's source. Says whether with it the seat came on air.
    pub fn push(&mut self, kind: TrackKind, mut packet: Packet, now: Instant) -> bool {
        if let Some(captured) = packet.captured {
            packet.wall = SourceClock::wall(&mut self.clock, captured, packet.wall);
        }
        let starts = self.track_mut(kind).push(packet, now);
        let first = starts && !self.on_air;
        self.on_air |= starts;
        first
    }
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

/// The seats of a room. Tracks of all of them go to every viewer.
#[derive(Debug)]
pub struct Stage {
    seats: Vec<Seat>,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            seats: vec![Seat::new()],
        }
    }
}

impl Stage {
    /// The seat of the one camera a room has for now.
    pub fn seat(&self) -> &Seat {
        &self.seats[0]
    }

    pub fn seat_mut(&mut self) -> &mut Seat {
        &mut self.seats[0]
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
            let seat = stage.seat_mut();
            seat.take(
                MediaSessionId::new(Timestamp::from_unix_us(number), [0; 10]),
                None,
            );
            assert!(!seat.on_air());
            assert!(seat.push(TrackKind::Video, packet(1, None, now), now));
            assert!(!seat.push(TrackKind::Video, packet(2, None, now), now));
            assert!(stage.is_live());
            assert!(stage.seat_mut().leave() && !stage.seat_mut().leave());
            assert!(!stage.is_live());
        }
    }
}
