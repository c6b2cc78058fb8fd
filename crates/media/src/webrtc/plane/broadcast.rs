//! Handing on to the program what the cameras of rooms bring that are on the air.

use std::time::Instant;

use busk_base::{MediaSessionId, RoomId};

use super::Plane;
use crate::program::{KEYFRAME_EVERY, Word};
use crate::stage::{From, SEATS_MAX};
use crate::track::{Packet, TrackKind};
use crate::webrtc::protocol::Wire;

impl Plane {
    /// From now on what the room's camera brings goes into its program too. Nothing of before does: it was
    /// seen by nobody but the host.
    pub(crate) fn broadcast(&mut self, id: RoomId, now: Instant, wire: &mut impl Wire) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        if !std::mem::replace(&mut room.broadcast, true) {
            for seat in 0..SEATS_MAX {
                if let Some(seat) = room.stage.seat_mut(seat) {
                    seat.want_keyframes();
                }
            }
            for seat in 0..SEATS_MAX {
                self.ask_keyframe(id, seat, now, wire);
            }
        }
    }

    /// The room has ended: its program is whole.
    pub(super) fn broadcast_over(&mut self, id: RoomId) {
        self.words.push(Word::Over(id));
    }

    /// Hands a packet on, and sees to it that keyframes come as often as segments are to begin.
    pub(super) fn hand_on(
        &mut self,
        id: RoomId,
        seat: usize,
        session: MediaSessionId,
        from: From,
        packet: Packet,
        now: Instant,
    ) {
        let Some(room) = self.rooms.get(&id) else {
            return;
        };
        let alone = room.stage.seats().iter().filter(|seat| seat.on_air()).count() <= 1;
        let Some(lead) = room
            .stage
            .seat(seat)
            .map(|seat| seat.layer_for_program(alone, now))
        else {
            return;
        };
        // Those of somebody alone are the program's ladder.
        if !alone && matches!(from, From::Layer(layer) if layer != lead) {
            return;
        }
        self.words.push(Word::Packet {
            room: id,
            seat: seat as u8,
            session,
            from,
            lead,
            packet,
        });
        if from.kind() == TrackKind::Video
            && let Some(room) = self.rooms.get_mut(&id)
            && let Some(seat) = room.stage.seat_mut(seat)
        {
            let age = seat.track(TrackKind::Video).keyframe_age(now);
            if age.is_none_or(|age| age > KEYFRAME_EVERY) {
                seat.want_keyframes();
            }
        }
    }
}
