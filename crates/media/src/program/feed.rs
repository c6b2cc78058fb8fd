//! What one room's cameras bring, on its way into the program: as it is while one camera is shown, mixed otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use busk_base::{MediaSessionId, Timestamp};
use busk_hls::{AudioFrame, Config, Packager, VideoFrame};
use busk_mixer::{MixedPicture, Rendition};

use super::camera::{Camera, Timed};
use super::clock::Start;
use super::mixing::{Mixing, Piece};
use super::sound::{self, Sound};
use super::{Program, Shown};
use crate::feed::FedPicture;
use crate::stage::From;
use crate::track::Packet;

/// The host's seat, whose picture is passed on as it is.
const HOST: u8 = 0;
/// The layer that the smaller mixed picture is.
const MIXED_LOW: usize = 1;

/// Segments last longer than a second on the whole, so that a later program of the room, begun by the clock too, has
/// later numbers.
pub(crate) fn packager(now: Timestamp) -> Packager {
    let first = u64::try_from(now.unix_us() / 1_000_000).unwrap_or(0);
    Packager::new(Config::default(), super::sound_config(), first)
}

/// A room's cameras, and what they bring into.
pub(crate) struct Feed {
    program: Arc<Program>,
    start: Start,
    shown: Shown,
    seats: BTreeMap<u8, Camera>,
    way: Way,
}

/// How what comes gets into the program.
enum Way {
    /// One camera as it is: nothing of the picture is decoded.
    Passing { sound: Option<Sound> },
    /// Several, or none, as one picture.
    Mixing(Mixing),
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

    /// Takes a packet; of a picture in several layers `lead` is the one to be shown.
    pub(crate) fn push(
        &mut self,
        seat: u8,
        session: MediaSessionId,
        from: From,
        lead: usize,
        packet: Packet,
    ) {
        let start = self.start;
        let camera = self.enter(seat, session);
        match from {
            From::Layer(layer) => {
                for picture in camera.packet(layer, lead, packet, &start) {
                    self.picture(seat, picture);
                }
            }
            From::Sound => {
                let time = camera.sound(&packet, &start);
                self.sound(seat, time, &packet);
            }
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
        let start = self.start;
        let picture = self.enter(seat, session).picture(picture, wall, &start);
        self.picture(seat, picture);
    }

    pub(crate) fn end(self) {
        drop(self.way);
        self.program.end();
    }

    /// A seat's media comes from this session now.
    fn enter(&mut self, seat: u8, session: MediaSessionId) -> &mut Camera {
        let former = self.seats.get(&seat).map(|camera| camera.session);
        let changed = former.is_some_and(|former| former != session);
        if seat == HOST
            && changed
            && let Way::Passing { sound } = &mut self.way
        {
            self.program.change(Packager::discontinuity);
            *sound = None;
        }
        let camera = self.seats.entry(seat).or_insert_with(|| Camera::new(session));
        if changed {
            *camera = Camera::new(session);
        }
        camera
    }

    fn picture(&mut self, seat: u8, picture: Timed) {
        if seat == HOST && picture.beside.is_none() {
            self.choose_way(picture.keyframe);
        }
        let frame = VideoFrame {
            dts: picture.dts,
            cts: picture.cts,
            keyframe: picture.keyframe,
            nals: picture.nals,
        };
        match (&self.way, picture.beside) {
            (Way::Mixing(mixing), None) => mixing.take(
                seat,
                Piece::Picture {
                    time: frame.dts,
                    nals: frame.nals,
                },
            ),
            (Way::Passing { .. }, None) if seat == HOST => {
                self.program.picture(frame, self.start.wall(picture.since));
            }
            (Way::Passing { .. }, Some(layer)) if seat == HOST => {
                self.program.change(|packager| packager.lower(layer, frame));
            }
            _ => {}
        }
    }

    fn sound(&mut self, seat: u8, time: u64, packet: &Packet) {
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
        self.thumbnail.see(&frame.nals, frame.keyframe, wall);
        let handed_out = self.tapped().is_some().then(|| frame.clone());
        if let Err(error) = self.change(|packager| packager.video(frame, wall)) {
            tracing::debug!(%error, "a picture is left out of the program");
            return;
        }
        if let (Some(frame), Some(tapped)) = (handed_out, self.tapped().as_mut()) {
            tapped.picture(&frame);
        }
    }

    pub(super) fn mixed(&self, picture: MixedPicture, wall: Timestamp) {
        let frame = VideoFrame {
            dts: picture.time,
            cts: 0,
            keyframe: picture.keyframe,
            nals: picture.nals,
        };
        match picture.rendition {
            Rendition::High => self.picture(frame, wall),
            Rendition::Low => self.change(|packager| packager.lower(MIXED_LOW, frame)),
        }
    }

    pub(super) fn sound(&self, units: Vec<sound::Unit>) {
        for sound::Unit { time: pts, data } in units {
            let frame = AudioFrame { pts, data };
            if let Some(tapped) = self.tapped().as_mut() {
                tapped.sound(&frame);
            }
            self.change(|packager| packager.audio(frame));
        }
    }
}
