//! Choosing among the layers of a picture for each viewer, and changing from one to another without a freeze:
//! the old one is sent until the new one has a keyframe.

use std::time::{Duration, Instant};

use busk_base::{MediaSessionId, RoomId};

use super::{Lanes, Plane, Role};
use crate::layers::{Layer, Offer, choose};
use crate::stage::Seat;
use crate::track::TrackKind;
use crate::webrtc::protocol::Wire;

/// How often it is looked at which layers come.
const CHOOSE_EVERY: Duration = Duration::from_millis(500);

impl Lanes {
    /// Goes over to the wanted layer where it can be begun.
    pub(super) fn change_layer(&mut self, seat: &Seat) {
        if self.wanted == self.layer || self.catching_up {
            return;
        }
        let wanted = seat.layers().get(self.wanted);
        if let Some(track) = wanted.filter(|track| track.has_keyframe_since(self.wanted_at)) {
            self.layer = self.wanted;
            self.video.join(track);
        }
    }

    fn offer(&self, seat: &Seat, unseen: bool, now: Instant) -> Offer {
        let flowing = seat.layers().iter().enumerate();
        let flowing = flowing.filter(|(_, track)| track.is_flowing(now) && track.height() > 0);
        let layer = |(number, track): (usize, &crate::track::Track)| Layer {
            number,
            bitrate_bps: track.figures(now).bitrate_bps,
            height: track.height(),
        };
        let started = seat
            .layers()
            .get(self.layer)
            .is_some_and(|track| self.video.has_started(track));
        Offer {
            layers: flowing.map(layer).collect(),
            tile: if unseen { Some(0) } else { self.tile },
            present: started.then_some(self.layer),
        }
    }
}

impl Plane {
    /// The line to a viewer bears so much.
    pub(super) fn estimated(&mut self, key: usize, bps: u64, now: Instant) {
        if let Role::Viewer { estimate_bps, .. } = &mut self.sessions[key].role {
            *estimate_bps = Some(bps);
            self.choose_layers(key, now);
        }
    }

    /// Looks again, now and then, at what each viewer of a room is to get.
    pub(super) fn choose_for_all(&mut self, id: RoomId, now: Instant) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        let due = room
            .chosen_at
            .is_none_or(|at| now.duration_since(at) >= CHOOSE_EVERY);
        if !due {
            return;
        }
        room.chosen_at = Some(now);
        for index in 0..room.viewers.len() {
            if let Some(key) = self
                .rooms
                .get(&id)
                .and_then(|room| room.viewers.get(index).copied())
            {
                self.choose_layers(key, now);
            }
        }
    }

    pub(super) fn choose_layers(&mut self, key: usize, now: Instant) {
        let session = &mut self.sessions[key];
        let Some(room) = self.rooms.get_mut(&session.room) else {
            return;
        };
        let Role::Viewer {
            lanes,
            own,
            estimate_bps,
        } = &mut session.role
        else {
            return;
        };
        let seats = room.stage.seats();
        if seats.iter().all(|seat| seat.layers().len() == 1) {
            return;
        }
        let unseen = |seat: &Seat| !*own && seat.is_of(session.person);
        let pairs = lanes.iter().zip(seats);
        let offers: Vec<Offer> = pairs
            .map(|(lanes, seat)| lanes.offer(seat, unseen(seat), now))
            .collect();
        let plan = choose(&offers, *estimate_bps);
        for (number, layer) in plan.layers.iter().enumerate() {
            let (Some(layer), Some(seat)) = (*layer, room.stage.seat_mut(number)) else {
                continue;
            };
            let lanes = &mut lanes[number];
            if lanes.wanted == layer {
                continue;
            }
            (lanes.wanted, lanes.wanted_at) = (layer, now);
            let track = &mut seat.layers_mut()[layer];
            if offers[number].present.is_none() && !track.lacks_keyframe() {
                // Nothing was sent yet: there is nothing to go on with.
                lanes.layer = layer;
                lanes.video.join(track);
            } else if layer != lanes.layer {
                track.want_keyframe();
            }
        }
        if estimate_bps.is_some() {
            session.peer.wish(plan.next_bps.unwrap_or(0), plan.best_bps);
        }
    }

    /// A viewer says how high its tiles are. Says whether there was such a viewer.
    pub(crate) fn tiles(
        &mut self,
        id: MediaSessionId,
        heights: &[u16],
        now: Instant,
        wire: &mut impl Wire,
    ) -> bool {
        let Some(key) = self.by_id.get(&id).copied() else {
            return false;
        };
        let session = &mut self.sessions[key];
        let Role::Viewer { lanes, .. } = &mut session.role else {
            return false;
        };
        let (room_id, connected) = (session.room, session.peer.is_connected());
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return false;
        };
        for (number, lanes) in lanes.iter_mut().enumerate() {
            let was = std::mem::replace(&mut lanes.tile, heights.get(number).copied());
            let comes_back = was == Some(0) && lanes.tile != Some(0) && connected && !lanes.catching_up;
            if comes_back && let Some(seat) = room.stage.seat_mut(number) {
                lanes.video.join(seat.track(TrackKind::Video));
                (lanes.layer, lanes.wanted) = (seat.best(), seat.best());
                lanes.catching_up = true;
                room.catching_up.push((key, number));
                room.catch_up_at = Some(now);
            }
        }
        self.schedule_room(room_id, now);
        self.choose_layers(key, now);
        for seat in 0..heights.len() {
            self.ask_keyframe(room_id, seat, now, wire);
        }
        true
    }
}
