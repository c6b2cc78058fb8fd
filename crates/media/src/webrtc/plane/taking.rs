//! Taking what sources bring, and asking them for keyframes.

use std::time::Instant;

use busk_base::{MediaSessionId, RoomId};

use super::{FRAME_GATHER_MAX, FRAME_GATHER_PACKETS, Flow, Plane, Role, Source, askable};
use crate::MediaEvent;
use crate::stage::{From, Pushed};
use crate::track::Packet;
use crate::webrtc::protocol::Wire;

impl Plane {
    /// A packet of a publisher's.
    pub(super) fn take(&mut self, key: usize, from: From, packet: Packet, now: Instant) {
        let session = &mut self.sessions[key];
        let (id, room_id) = (session.id, session.room);
        let Role::Publisher {
            seat: number,
            media_at,
            ..
        } = &mut session.role
        else {
            return;
        };
        *media_at = now;
        let number = *number;
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return;
        };
        if room.flows[number].peer() != Some(key) {
            return;
        }
        self.take_packet(room_id, number, id, from, packet, now);
    }

    /// A packet of a seat's source.
    pub(super) fn take_packet(
        &mut self,
        room_id: RoomId,
        number: usize,
        id: MediaSessionId,
        from: From,
        packet: Packet,
        now: Instant,
    ) {
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return;
        };
        let sound_at = room.sound_at(now);
        let flow = &mut room.flows[number];
        let Some(seat) = room.stage.seat_mut(number) else {
            return;
        };
        let (off, marker) = (seat.is_off(from.kind()), packet.marker);
        // A feed's pictures go into the program whole.
        let is_whole = matches!(flow.source, Some(Source::Feed { .. })) && from != From::Sound;
        let handed_on = (room.broadcast && !off && !is_whole).then(|| packet.clone());
        let pushed = if off {
            Pushed {
                comes_on_air: seat.come_on_air(),
                ..Pushed::default()
            }
        } else {
            seat.push(from, packet, now)
        };
        if pushed.comes_on_air {
            self.events.push_back(MediaEvent::PublisherConnected {
                room: room_id,
                seat: number as u8,
                session: id,
            });
        }
        if off {
            return;
        }
        match from {
            From::Sound => drop(flow.audio_at.get_or_insert(sound_at)),
            From::Layer(layer) => {
                let waiting = seat.layers()[layer].end().saturating_sub(flow.video_from[layer]);
                let whole = marker || waiting >= FRAME_GATHER_PACKETS;
                let at = flow.video_at[layer].unwrap_or(now + FRAME_GATHER_MAX);
                flow.video_at[layer] = Some(if whole { now } else { at });
            }
        }
        if seat.layers().len() > 1 {
            self.choose_for_all(room_id, now);
        }
        if let Some(packet) = handed_on {
            self.hand_on(room_id, number, id, from, packet, now);
        }
        self.schedule_room(room_id, now);
    }

    pub(super) fn keyframe_wanted(
        &mut self,
        key: usize,
        room: RoomId,
        seat: usize,
        now: Instant,
        wire: &mut impl Wire,
    ) {
        if let Role::Viewer { lanes, .. } = &self.sessions[key].role
            && let Some(lanes) = lanes.get(seat)
            && let Some(room) = self.rooms.get_mut(&room)
            && let Some(seat) = room.stage.seat_mut(seat)
            && let Some(layer) = seat.layers_mut().get_mut(lanes.layer)
        {
            layer.want_keyframe();
        }
        self.ask_keyframe(room, seat, now, wire);
    }

    /// Passes the wish for a keyframe on, as often as is good for the source.
    pub(super) fn ask_keyframe(&mut self, room: RoomId, seat: usize, now: Instant, wire: &mut impl Wire) {
        let Some(room) = self.rooms.get_mut(&room) else {
            return;
        };
        let Some(key) = room.flows.get(seat).and_then(Flow::peer) else {
            return;
        };
        let Some(seat) = room.stage.seat_mut(seat) else {
            return;
        };
        let is_wanted = askable(seat, now).any(|(_, track)| track.wants_keyframe());
        if room.broadcast && is_wanted {
            // The program's ladder is cut where all layers have one.
            seat.want_keyframes();
        }
        let publisher = &mut self.sessions[key].peer;
        let may: Vec<usize> = askable(seat, now).map(|(layer, _)| layer).collect();
        let mut asked = false;
        if publisher.is_connected() {
            for layer in may {
                if seat.layers_mut()[layer].ask_keyframe(now) {
                    publisher.request_keyframe(layer);
                    asked = true;
                }
            }
        }
        if asked {
            publisher.tick(now);
            self.settle(key, now, wire);
        } else {
            self.schedule(key, now);
        }
    }
}
