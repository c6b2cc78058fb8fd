//! The stage of a room: up to four people, each with a camera and a microphone as two tracks.
//!
//! Invariant: a seat has at most one source at a time. A seat whose source was lost stays, so that
//! those who watch go on from where they were when the person comes back.

use std::time::Instant;

use busk_base::MediaSessionId;

use crate::track::{Packet, Track, TrackKind};

/// People who can be on stage at once. Whoever publishes to a room today gets the first seat.
pub const SEATS: usize = 4;

/// One person's place on stage.
#[derive(Debug)]
pub struct Seat {
    source: Option<MediaSessionId>,
    on_air: bool,
    video: Track,
    audio: Track,
}

impl Seat {
    fn new() -> Self {
        Self {
            source: None,
            on_air: false,
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
        self.video.replace_source(profile);
        self.audio.replace_source(None);
    }

    /// The source is gone. Says whether it had been on air.
    pub fn leave(&mut self) -> bool {
        self.source = None;
        std::mem::take(&mut self.on_air)
    }

    /// Takes a packet of the seat's source. Says whether with it the seat came on air.
    pub fn push(&mut self, kind: TrackKind, packet: Packet, now: Instant) -> bool {
        let starts = self.track_mut(kind).push(packet, now);
        let first = starts && !self.on_air;
        self.on_air |= starts;
        first
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
