//! One seat's camera on the program's time: its layers put together, and which of them is shown.

use std::time::{Duration, Instant};

use busk_base::MediaSessionId;
use bytes::Bytes;

use super::clock::{Clock, Start};
use super::pictures::{Assembler, Picture};
use crate::feed::FedPicture;
use crate::stage::LAYERS_MAX;
use crate::track::{Packet, TrackKind};

/// A picture on the program's time.
pub(super) struct Timed {
    /// In ticks of 90 kHz.
    pub(super) dts: u64,
    pub(super) cts: i32,
    /// How far the program's time was when it was captured.
    pub(super) since: Duration,
    pub(super) keyframe: bool,
    pub(super) nals: Vec<Bytes>,
    /// The layer that it is of, when another is shown.
    pub(super) beside: Option<usize>,
}

pub(super) struct Camera {
    pub(super) session: MediaSessionId,
    layers: [Layer; LAYERS_MAX],
    shown: usize,
    sound: Clock,
}

struct Layer {
    pictures: Assembler,
    clock: Clock,
}

impl Camera {
    pub(super) fn new(session: MediaSessionId) -> Self {
        Self {
            session,
            layers: std::array::from_fn(|_| Layer {
                pictures: Assembler::new(),
                clock: Clock::new(TrackKind::Video),
            }),
            shown: 0,
            sound: Clock::new(TrackKind::Audio),
        }
    }

    /// Takes a packet of a layer; `lead` is the one that is to be shown. It is from its next keyframe on.
    pub(super) fn packet(&mut self, layer: usize, lead: usize, packet: Packet, start: &Start) -> Vec<Timed> {
        let captured = packet.captured.is_some();
        let mut whole = Vec::new();
        let Some(from) = self.layers.get_mut(layer) else {
            return Vec::new();
        };
        from.pictures.push(packet, &mut whole);
        let mut timed = Vec::with_capacity(whole.len());
        for Picture {
            time,
            wall,
            keyframe,
            nals,
        } in whole
        {
            if keyframe && layer == lead && layer != self.shown {
                let last = self.layers[self.shown].clock.last();
                self.layers[layer].clock.begin_after(last);
                self.shown = layer;
            }
            let since = start.since(wall);
            timed.push(Timed {
                dts: self.layers[layer].clock.at(time, since, captured),
                cts: 0,
                since,
                keyframe,
                nals,
                beside: (layer != self.shown).then_some(layer),
            });
        }
        timed
    }

    /// Takes a whole picture, from a source that does not send packets.
    pub(super) fn picture(&mut self, picture: FedPicture, wall: Instant, start: &Start) -> Timed {
        let since = start.since(wall);
        Timed {
            dts: self.layers[self.shown].clock.at(picture.dts_ms * 90, since, true),
            cts: picture.cts_ms.saturating_mul(90).try_into().unwrap_or(0),
            since,
            keyframe: picture.keyframe,
            nals: picture.nals,
            beside: None,
        }
    }

    /// The program's time for a packet of sound.
    pub(super) fn sound(&mut self, packet: &Packet, start: &Start) -> u64 {
        let since = start.since(packet.wall);
        self.sound.at(packet.time, since, packet.captured.is_some())
    }
}
