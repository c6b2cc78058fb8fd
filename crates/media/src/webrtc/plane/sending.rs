//! Sending on what has come: to each viewer of the room, a whole frame in one go; and to those who joined
//! late what they missed, in parts that their sockets can take.

use std::time::{Duration, Instant};

use busk_base::RoomId;

use super::{Plane, Role, Session};
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
        let mut index = 0;
        while let Some(id) = self.busy.get(index).copied() {
            self.send_on_room(id, now, wire);
            match self.rooms.get_mut(&id) {
                Some(room) if room.next_at().is_some() => index += 1,
                Some(room) => {
                    room.busy = false;
                    self.busy.swap_remove(index);
                }
                None => {
                    self.busy.swap_remove(index);
                }
            }
        }
    }

    fn send_on_room(&mut self, id: RoomId, now: Instant, wire: &mut impl Wire) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        let due = |at: &mut Option<Instant>| at.is_some_and(|t| t <= now) && at.take().is_some();
        let (audio, video, catch_up) = (
            due(&mut room.audio_at),
            due(&mut room.video_at),
            due(&mut room.catch_up_at),
        );
        if audio || video {
            let mut index = 0;
            while let Some(key) = self
                .rooms
                .get(&id)
                .and_then(|room| room.viewers.get(index).copied())
            {
                self.serve(key, audio, video, now, wire);
                // Unless that viewer has ended, and another has its place.
                let same = self.rooms.get(&id).and_then(|room| room.viewers.get(index)) == Some(&key);
                index += usize::from(same);
            }
        }
        if catch_up {
            self.catch_up(id, now, wire);
        }
        if let Some(room) = self.rooms.get_mut(&id) {
            let behind = room.catching_up.iter().filter_map(|key| self.sessions.get(*key));
            let needed = behind.filter_map(Session::needs).min().unwrap_or(u64::MAX);
            let seat = room.stage.seat_mut();
            if audio {
                seat.track_mut(TrackKind::Audio).trim(now, u64::MAX);
            }
            if video {
                seat.track_mut(TrackKind::Video).trim(now, needed);
                room.video_from = seat.track(TrackKind::Video).end();
            }
        }
    }

    /// Writes to one viewer what its lanes have not had yet.
    fn serve(&mut self, key: usize, audio: bool, video: bool, now: Instant, wire: &mut impl Wire) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let Some(room) = self.rooms.get_mut(&session.room) else {
            return;
        };
        let Role::Viewer {
            video: video_lane,
            audio: audio_lane,
            catching_up,
        } = &mut session.role
        else {
            return;
        };
        let seat = room.stage.seat();
        let mut written = 0;
        if audio {
            let track = seat.track(TrackKind::Audio);
            written += session.peer.write(track, audio_lane, AT_ONCE_PACKETS);
        }
        if video && !*catching_up {
            let track = seat.track(TrackKind::Video);
            let count = session.peer.write(track, video_lane, AT_ONCE_PACKETS);
            written += count;
            if count == AT_ONCE_PACKETS && !video_lane.is_live(track) {
                *catching_up = true;
                room.catching_up.push(key);
                room.catch_up_at.get_or_insert(now + CATCH_UP_EVERY);
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
        for key in joiners {
            let session = self.sessions.get_mut(key).filter(|session| session.room == id);
            let (Some(session), Some(room)) = (session, self.rooms.get_mut(&id)) else {
                continue;
            };
            let Role::Viewer {
                video, catching_up, ..
            } = &mut session.role
            else {
                continue;
            };
            let track = room.stage.seat_mut().track_mut(TrackKind::Video);
            let written = session.peer.write(track, video, CATCH_UP_PACKETS);
            if video.is_stuck(track) {
                track.want_keyframe();
            }
            *catching_up = written == CATCH_UP_PACKETS && !video.is_live(track);
            if *catching_up {
                remaining.push(key);
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
        self.ask_keyframe(id, now, wire);
    }
}
