//! What one room's cameras bring, on its way into the program: as it is while one camera is shown, mixed otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use busk_base::{MediaSessionId, Timestamp};
use busk_hls::{AudioConfig, AudioFrame, Config, Packager, VideoFrame};
use bytes::Bytes;

use super::clock::{Clock, Start};
use super::mixing::{Mixing, Piece};
use super::pictures::{Assembler, Picture};
use super::sound::{self, Sound};
use super::{Program, Shown};
use crate::feed::FedPicture;
use crate::stage::From;
use crate::track::{Packet, TrackKind};

/// The host's seat, whose picture is passed on as it is.
const HOST: u8 = 0;

/// Segments last longer than a second on the whole, so that a later program of the room, begun by the clock too, has
/// later numbers.
pub(crate) fn packager(now: Timestamp) -> Packager {
    let audio = AudioConfig {
        sample_rate: sound::RATE,
        channels: sound::CHANNELS,
        specific: Bytes::from_static(&sound::CONFIG),
        silence: Bytes::from_static(&sound::SILENCE),
    };
    let first = u64::try_from(now.unix_us() / 1_000_000).unwrap_or(0);
    Packager::new(Config::default(), audio, first)
}

/// A room's cameras, and what they bring into.
pub(crate) struct Feed {
    program: Arc<Program>,
    start: Start,
    shown: Shown,
    seats: BTreeMap<u8, Seat>,
    way: Way,
}

/// How what comes gets into the program.
enum Way {
    /// One camera as it is: nothing of the picture is decoded.
    Passing { sound: Option<Sound> },
    /// Several, or none, as one picture.
    Mixing(Mixing),
}

/// One seat's camera.
struct Seat {
    session: MediaSessionId,
    layer: usize,
    pictures: Assembler,
    picture_clock: Clock,
    sound_clock: Clock,
}

impl Seat {
    fn new(session: MediaSessionId) -> Self {
        Self {
            session,
            layer: 0,
            pictures: Assembler::new(),
            picture_clock: Clock::new(TrackKind::Video),
            sound_clock: Clock::new(TrackKind::Audio),
        }
    }
}

/// A picture on the program's time.
struct Timed {
    /// In ticks of 90 kHz.
    dts: u64,
    cts: i32,
    /// How far the program's time was when it was captured.
    since: Duration,
    keyframe: bool,
    nals: Vec<Bytes>,
}

impl Feed {
    pub(crate) fn new(program: Arc<Program>, start: Start, shown: Shown) -> Self {
        Self {
            program,
            start,
            shown,
            seats: BTreeMap::new(),
            way: Way::Passing { sound: None },
        }
    }

    /// Another stage is to be seen from now on.
    pub(crate) fn show(&mut self, shown: Shown) {
        self.shown = shown;
        if let Way::Mixing(mixing) = &self.way {
            mixing.show(&self.shown);
        }
        self.choose_way(false);
    }

    pub(crate) fn push(&mut self, seat: u8, session: MediaSessionId, from: From, packet: Packet) {
        self.enter(seat, session);
        match from {
            From::Layer(layer) => self.packet(seat, layer, packet),
            From::Sound => self.sound(seat, &packet),
        }
    }

    /// Takes a whole picture, from a source that does not send packets.
    pub(crate) fn push_picture(
        &mut self,
        seat: u8,
        session: MediaSessionId,
        wall: Instant,
        picture: FedPicture,
    ) {
        self.enter(seat, session);
        let Some(from) = self.seats.get_mut(&seat) else {
            return;
        };
        let since = self.start.since(wall);
        let timed = Timed {
            dts: from.picture_clock.at(picture.dts_ms * 90, since, true),
            cts: picture.cts_ms.saturating_mul(90).try_into().unwrap_or(0),
            since,
            keyframe: picture.keyframe,
            nals: picture.nals,
        };
        self.picture(seat, timed);
    }

    pub(crate) fn end(self) {
        drop(self.way);
        self.program.end();
    }

    /// A seat's media comes from this session now.
    fn enter(&mut self, seat: u8, session: MediaSessionId) {
        if self
            .seats
            .get(&seat)
            .is_some_and(|known| known.session == session)
        {
            return;
        }
        let former = self.seats.insert(seat, Seat::new(session));
        if seat == HOST
            && former.is_some()
            && let Way::Passing { sound } = &mut self.way
        {
            self.program.change(Packager::discontinuity);
            *sound = None;
        }
    }

    fn packet(&mut self, seat: u8, layer: usize, packet: Packet) {
        let Some(from) = self.seats.get_mut(&seat) else {
            return;
        };
        if layer != from.layer {
            // The same picture in another size, with numbers and times of its own.
            from.layer = layer;
            from.pictures = Assembler::new();
            from.picture_clock.lose();
        }
        let captured = packet.captured.is_some();
        let mut whole = Vec::new();
        from.pictures.push(packet, &mut whole);
        let timed = |Picture {
                         time,
                         wall,
                         keyframe,
                         nals,
                     }| {
            let since = self.start.since(wall);
            Timed {
                dts: from.picture_clock.at(time, since, captured),
                cts: 0,
                since,
                keyframe,
                nals,
            }
        };
        let whole: Vec<Timed> = whole.into_iter().map(timed).collect();
        for picture in whole {
            self.picture(seat, picture);
        }
    }

    fn picture(&mut self, seat: u8, picture: Timed) {
        if seat == HOST {
            self.choose_way(picture.keyframe);
        }
        match &self.way {
            Way::Mixing(mixing) => mixing.take(
                seat,
                Piece::Picture {
                    time: picture.dts,
                    nals: picture.nals,
                },
            ),
            Way::Passing { .. } if seat == HOST => {
                let frame = VideoFrame {
                    dts: picture.dts,
                    cts: picture.cts,
                    keyframe: picture.keyframe,
                    nals: picture.nals,
                };
                self.program.picture(frame, self.start.wall(picture.since));
            }
            Way::Passing { .. } => {}
        }
    }

    fn sound(&mut self, seat: u8, packet: &Packet) {
        let Some(from) = self.seats.get_mut(&seat) else {
            return;
        };
        let since = self.start.since(packet.wall);
        let time = from.sound_clock.at(packet.time, since, packet.captured.is_some());
        match &mut self.way {
            Way::Mixing(mixing) => mixing.take(
                seat,
                Piece::Opus {
                    time,
                    packet: packet.payload.clone(),
                },
            ),
            Way::Passing { sound } if seat == HOST => {
                if sound.is_none() {
                    *sound = Sound::new()
                        .inspect_err(|error| tracing::error!(%error, "a program is without sound"))
                        .ok();
                }
                let Some(encoder) = sound else { return };
                let mut units = Vec::new();
                if let Err(error) = encoder.push(&packet.payload, time, &mut units) {
                    tracing::error!(%error, "a piece of a program is without sound");
                    *sound = None;
                }
                self.program.sound(units);
            }
            Way::Passing { .. } => {}
        }
    }

    /// Changes the way where what is shown asks for it; while the host is seen, with a keyframe of theirs, so that
    /// nothing is missing between.
    fn choose_way(&mut self, hosts_keyframe: bool) {
        let can_change = hosts_keyframe || !self.shown.sees(HOST);
        match (&self.way, self.shown.is_one_camera(HOST)) {
            (Way::Passing { .. }, false) if can_change => {
                self.program.change(Packager::discontinuity);
                match Mixing::start(self.program.clone(), self.start, &self.shown) {
                    Ok(mixing) => self.way = Way::Mixing(mixing),
                    Err(error) => tracing::error!(%error, "a stage is not mixed"),
                }
            }
            (Way::Mixing(_), true) if hosts_keyframe => {
                // Ends before the camera's own pictures begin.
                self.way = Way::Passing { sound: None };
                self.program.change(Packager::discontinuity);
            }
            _ => {}
        }
    }
}

impl Program {
    fn picture(&self, frame: VideoFrame, wall: Timestamp) {
        if let Err(error) = self.change(|packager| packager.video(frame, wall)) {
            tracing::debug!(%error, "a picture is left out of the program");
        }
    }

    pub(super) fn mixed_picture(&self, dts: u64, keyframe: bool, nals: Vec<Bytes>, wall: Timestamp) {
        let frame = VideoFrame {
            dts,
            cts: 0,
            keyframe,
            nals,
        };
        self.picture(frame, wall);
    }

    pub(super) fn sound(&self, units: Vec<sound::Unit>) {
        for sound::Unit { time: pts, data } in units {
            self.change(|packager| packager.audio(AudioFrame { pts, data }));
        }
    }
}
