//! Sending on what has come: to each viewer of the room, a whole frame in one go; and to those who joined
//! late what they missed, in parts that their sockets can take.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use busk_base::RoomId;

use super::{Plane, Role, Room};
use crate::stage::{LAYERS_MAX, SEATS_MAX};
use crate::track::TrackKind;
use crate::webrtc::protocol::Wire;

/// How a joiner gets its past: so many packets each so often. Faster would overflow its socket.
const CATCH_UP_PACKETS: usize = 24;
const CATCH_UP_EVERY: Duration = Duration::from_millis(4);
/// Of a frame larger than this the rest goes the same way.
const AT_ONCE_PACKETS: usize = 64;

impl Plane {
    /// Sends on what has come to each room, as far as it is due.
    pub(crate) fn send_on(&mut self, now: Instant, wire: &mut impl Wire) {
        while let Some(Reverse((at, id))) = self.sends.peek().copied()
            && at <= now
        {
            self.sends.pop();
            let Some(room) = self.rooms.get_mut(&id).filter(|room| room.scheduled == Some(at)) else {
                continue;
            };
            room.scheduled = None;
            self.send_on_room(id, now, wire);
            // Not now again, so that a room that is always due cannot hold the thread.
            self.schedule_room(id, now + Duration::from_millis(1));
        }
    }

    fn send_on_room(&mut self, id: RoomId, now: Instant, wire: &mut impl Wire) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        let flows = room.take_due(now);
        let catch_up = take_due(&mut room.catch_up_at, now);
        let any = flows.iter().any(Due::any);
        if any {
            room.gather(&flows);
            let mut index = 0;
            while let Some(key) = self
                .rooms
                .get(&id)
                .and_then(|room| room.viewers.get(index).copied())
            {
                self.serve(key, &flows, now, wire);
                // Unless that viewer has ended, and another has its place.
                let same = self.rooms.get(&id).and_then(|room| room.viewers.get(index)) == Some(&key);
                index += usize::from(same);
            }
        }
        if catch_up {
            self.catch_up(id, now, wire);
        }
        if any {
            self.trim(id, &flows, now);
        }
    }

    /// Drops what was sent on to all.
    fn trim(&mut self, id: RoomId, flows: &[Due; SEATS_MAX], now: Instant) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        for (number, due) in flows.iter().enumerate() {
            let Some(seat) = room.stage.seat_mut(number) else {
                return;
            };
            if due.audio {
                seat.track_mut(TrackKind::Audio).trim(now, u64::MAX);
            }
            for (layer, track) in seat.layers_mut().iter_mut().enumerate() {
                if due.video[layer] {
                    let behind = room.catching_up.iter().filter(|(_, of)| *of == number);
                    let needs = behind.filter_map(|(key, _)| self.sessions.get(*key)?.needs(number, layer));
                    track.trim(now, needs.min().unwrap_or(u64::MAX));
                    room.flows[number].video_from[layer] = track.end();
                }
            }
        }
    }

    /// Writes to one viewer what its lanes have not had yet.
    fn serve(&mut self, key: usize, flows: &[Due; SEATS_MAX], now: Instant, wire: &mut impl Wire) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let Some(room) = self.rooms.get_mut(&session.room) else {
            return;
        };
        let Role::Viewer { lanes, own, .. } = &mut session.role else {
            return;
        };
        let mut written = 0;
        for (number, (lanes, seat)) in lanes.iter_mut().zip(room.stage.seats()).enumerate() {
            let due = &flows[number];
            if !due.any() || (!*own && seat.is_of(session.person)) {
                continue;
            }
            lanes.change_layer(seat);
            if due.audio {
                let track = seat.track(TrackKind::Audio);
                written += session
                    .peer
                    .write(number, track, &mut lanes.audio, AT_ONCE_PACKETS);
            }
            if due.video[lanes.layer]
                && !lanes.catching_up
                && lanes.tile != Some(0)
                && let Some(track) = seat.layers().get(lanes.layer)
            {
                let count = session
                    .peer
                    .write(number, track, &mut lanes.video, AT_ONCE_PACKETS);
                written += count;
                if count == AT_ONCE_PACKETS && !lanes.video.is_live(track) {
                    lanes.catching_up = true;
                    room.catching_up.push((key, number));
                    room.catch_up_at.get_or_insert(now + CATCH_UP_EVERY);
                }
            }
        }
        if written > 0 {
            session.peer.tick(now);
            self.settle(key, now, wire);
        }
    }

    /// Gives those who joined late the next part of what they missed.
    fn catch_up(&mut self, id: RoomId, now: Instant, wire: &mut impl Wire) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        let joiners = std::mem::take(&mut room.catching_up);
        let mut remaining = Vec::new();
        for (key, number) in joiners {
            let session = self.sessions.get_mut(key).filter(|session| session.room == id);
            let (Some(session), Some(room)) = (session, self.rooms.get_mut(&id)) else {
                continue;
            };
            let Role::Viewer { lanes, own, .. } = &mut session.role else {
                continue;
            };
            let (Some(lanes), Some(seat)) = (lanes.get_mut(number), room.stage.seat_mut(number)) else {
                continue;
            };
            let unseen = (!*own && seat.is_of(session.person)) || lanes.tile == Some(0);
            let Some(track) = seat.layers_mut().get_mut(lanes.layer) else {
                continue;
            };
            let written = if unseen {
                0
            } else {
                session
                    .peer
                    .write(number, track, &mut lanes.video, CATCH_UP_PACKETS)
            };
            if lanes.video.is_stuck(track) && !unseen {
                track.want_keyframe();
            }
            lanes.catching_up = written == CATCH_UP_PACKETS && !lanes.video.is_live(track);
            if lanes.catching_up {
                remaining.push((key, number));
            }
            if written > 0 {
                session.peer.tick(now);
                self.settle(key, now, wire);
            }
        }
        if let Some(room) = self.rooms.get_mut(&id) {
            remaining.append(&mut room.catching_up);
            room.catch_up_at = (!remaining.is_empty()).then(|| now + CATCH_UP_EVERY);
            room.catching_up = remaining;
        }
        for seat in 0..SEATS_MAX {
            self.ask_keyframe(id, seat, now, wire);
        }
    }
}

impl Room {
    /// Joins the sound that waited before an audience.
    fn gather(&mut self, flows: &[Due; SEATS_MAX]) {
        if !self.is_before_audience() {
            return;
        }
        for (number, _) in flows.iter().enumerate().filter(|(_, due)| due.audio) {
            if let Some(seat) = self.stage.seat_mut(number) {
                seat.track_mut(TrackKind::Audio).gather();
            }
        }
    }

    fn take_due(&mut self, now: Instant) -> [Due; SEATS_MAX] {
        let mut flows = [Due::default(); SEATS_MAX];
        for (flow, due) in self.flows.iter_mut().zip(&mut flows) {
            due.audio = take_due(&mut flow.audio_at, now);
            due.video = std::array::from_fn(|layer| take_due(&mut flow.video_at[layer], now));
        }
        if flows.iter().any(Due::any) {
            // All sound that waits goes along.
            for (flow, due) in self.flows.iter_mut().zip(&mut flows) {
                due.audio |= flow.audio_at.take().is_some();
            }
        }
        flows
    }
}

fn take_due(at: &mut Option<Instant>, now: Instant) -> bool {
    at.is_some_and(|at| at <= now) && at.take().is_some()
}

/// What is to be sent on from a seat now.
#[derive(Clone, Copy, Default)]
struct Due {
    audio: bool,
    /// By layer.
    video: [bool; LAYERS_MAX],
}

impl Due {
    fn any(&self) -> bool {
        self.audio || self.video.contains(&true)
    }
}
