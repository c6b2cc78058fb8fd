//! What people ask of a plane: to publish, to view, to trickle, to end.

use std::time::{Duration, Instant};

use busk_base::{MediaSessionId, RoomId};

use super::{Lanes, Plane, Role, Session, Source};
use crate::stage::{SEATS_MAX, Seat};
use crate::track::{Lane, TrackKind};
use crate::webrtc::protocol::{Answered, Direction, Peer, Wire};
use crate::webrtc::{sdp, signalling};
use crate::{
    Answer, MediaSession, Publish, PublishError, RoomFigures, SeatFigures, Trickle, TrickleError, View,
    ViewError,
};

/// A publisher without media for so long gives way to another one: its page was reloaded.
pub(super) const PUBLISHER_REPLACEABLE_AFTER: Duration = Duration::from_secs(2);

impl Plane {
    pub(crate) fn publish(
        &mut self,
        ask: &Publish,
        place: MediaSession,
        now: Instant,
        wire: &mut impl Wire,
    ) -> Result<Answer, PublishError> {
        let seat = usize::from(ask.seat).min(SEATS_MAX - 1);
        let answered = Peer::answer(&self.setup, Direction::In, &ask.offer, self.thread, now);
        // Whether the seat is free comes first, but a bad offer must not cost the one who is there the seat.
        if answered.is_err() && self.is_taken(ask.room, seat, now) {
            return Err(PublishError::AlreadyPublishing);
        }
        let answered = answered?;
        self.make_way(ask.room, seat, now, wire)?;
        let (profile, layers) = (answered.peer.profile(), answered.peer.layers());
        let role = Role::Publisher {
            seat,
            media_at: now,
            round_trip: None,
        };
        let who = (ask.session, ask.room, ask.person);
        let (key, answer) = self.admit(who, role, answered, place, now);
        let room = self.rooms.entry(ask.room).or_default();
        room.flows[seat].source = Some(Source::Peer(key));
        let seat = room.stage.open(seat);
        seat.take(ask.session, ask.person, profile, layers);
        seat.switch(ask.muted, ask.hidden);
        self.settle(key, now, wire);
        Ok(answer)
    }

    pub(crate) fn view(
        &mut self,
        ask: &View,
        place: MediaSession,
        now: Instant,
        wire: &mut impl Wire,
    ) -> Result<Answer, ViewError> {
        let room = self
            .rooms
            .get(&ask.room)
            .filter(|room| room.stage.is_live())
            .ok_or(ViewError::NotLive)?;
        if room.stage.seat(0).is_some_and(Seat::is_only_by_program) {
            return Err(ViewError::HlsOnly);
        }
        if room.viewers.len() + room.viewers_connecting >= self.viewers_per_room_max {
            return Err(ViewError::Full);
        }
        let adaptive = room.stage.seats().iter().any(|seat| seat.layers().len() > 1);
        let direction = Direction::Out { adaptive };
        let answered = Peer::answer(&self.setup, direction, &ask.offer, self.thread, now)?;
        let (high, low) = ask.session.0.as_u64_pair();
        let lanes = |seat: usize| {
            let low = low.rotate_left(7 * seat as u32);
            Lanes {
                video: Lane::new(low),
                audio: Lane::new(low.rotate_left(29) ^ high),
                catching_up: false,
                layer: 0,
                wanted: 0,
                wanted_at: now,
                tile: None,
            }
        };
        let role = Role::Viewer {
            lanes: (0..answered.peer.seats()).map(lanes).collect(),
            own: ask.own,
            estimate_bps: None,
        };
        let who = (ask.session, ask.room, ask.person);
        let (key, answer) = self.admit(who, role, answered, place, now);
        self.rooms.entry(ask.room).or_default().viewers_connecting += 1;
        self.settle(key, now, wire);
        Ok(answer)
    }

    /// Enters a session in the books. Settle it when its room knows it.
    fn admit(
        &mut self,
        (id, room, person): (MediaSessionId, RoomId, u128),
        role: Role,
        answered: Answered,
        place: MediaSession,
        now: Instant,
    ) -> (usize, Answer) {
        let Answered { peer, sdp, ufrag } = answered;
        let etag = format!("\"{ufrag}\"");
        let key = self.sessions.insert(Session {
            id,
            room,
            person,
            peer,
            role,
            ufrag: ufrag.clone(),
            etag: etag.clone(),
            created_at: now,
            heard_at: now,
            due: None,
            scheduled: None,
            _place: place,
        });
        self.by_id.insert(id, key);
        self.by_ufrag.insert(ufrag, key);
        (
            key,
            Answer {
                session: id,
                sdp,
                etag,
            },
        )
    }

    /// Adds candidates, or restarts ICE when the fragment has other credentials (RFC 9725 §4.3).
    pub(crate) fn trickle(
        &mut self,
        id: MediaSessionId,
        if_match: Option<&str>,
        fragment: &str,
        now: Instant,
        wire: &mut impl Wire,
    ) -> Result<Trickle, TrickleError> {
        let key = *self.by_id.get(&id).ok_or(TrickleError::SessionUnknown)?;
        let session = &mut self.sessions[key];
        let if_match = if_match.ok_or(TrickleError::EtagMissing)?;
        if !signalling::if_match(if_match, &session.etag) {
            return Err(TrickleError::EtagMismatch);
        }
        let fragment = sdp::fragment(fragment).ok_or(TrickleError::BadFragment)?;
        if session.peer.knows(&fragment) {
            return Ok(Trickle::Added);
        }
        let restarted = session
            .peer
            .restart(&fragment, self.thread)
            .map_err(|_| TrickleError::BadFragment)?;
        self.by_ufrag.remove(&session.ufrag);
        session.ufrag = restarted.ufrag.clone();
        session.etag = format!("\"{}\"", restarted.ufrag);
        let etag = session.etag.clone();
        self.by_ufrag.insert(restarted.ufrag, key);
        self.settle(key, now, wire);
        Ok(Trickle::Restarted {
            etag,
            fragment: restarted.fragment,
        })
    }

    /// Says whether there was such a session.
    pub(crate) fn close(&mut self, id: MediaSessionId, now: Instant, wire: &mut impl Wire) -> bool {
        let key = self.by_id.get(&id).copied();
        if let Some(key) = key {
            self.end(key, now, wire);
        }
        key.is_some()
    }

    pub(crate) fn close_room(&mut self, id: RoomId, now: Instant, wire: &mut impl Wire) {
        let keys: Vec<usize> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.room == id)
            .map(|(key, _)| key)
            .collect();
        for key in keys {
            self.end(key, now, wire);
        }
        for seat in 0..SEATS_MAX {
            self.empty(id, seat, now, wire);
        }
        self.broadcast_over(id);
    }

    /// Ends what a person has in a room.
    pub(crate) fn close_person(&mut self, id: RoomId, person: u128, now: Instant, wire: &mut impl Wire) {
        let theirs = |s: &Session| s.room == id && s.person == person && person != 0;
        let sessions = self.sessions.iter().filter(|(_, session)| theirs(session));
        for key in sessions.map(|(key, _)| key).collect::<Vec<_>>() {
            self.end(key, now, wire);
        }
    }

    /// Ends the camera on a seat.
    pub(crate) fn clear_seat(&mut self, id: RoomId, seat: u8, now: Instant, wire: &mut impl Wire) {
        self.empty(id, usize::from(seat), now, wire);
    }

    pub(crate) fn switch(
        &mut self,
        id: RoomId,
        seat: u8,
        muted: bool,
        hidden: bool,
        now: Instant,
        wire: &mut impl Wire,
    ) {
        let seat = usize::from(seat);
        if let Some(room) = self.rooms.get_mut(&id)
            && let Some(seat) = room.stage.seat_mut(seat)
        {
            seat.switch(muted, hidden);
        }
        self.ask_keyframe(id, seat, now, wire);
    }

    pub(crate) fn close_all(&mut self, now: Instant, wire: &mut impl Wire) {
        let keys: Vec<usize> = self.sessions.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.end(key, now, wire);
        }
    }

    pub(crate) fn figures(&self, id: RoomId, now: Instant) -> Option<RoomFigures> {
        let room = self.rooms.get(&id)?;
        let taken = room.stage.seats().iter().enumerate();
        let taken = taken.filter(|(_, seat)| seat.source().is_some());
        let figures = |(number, seat): (usize, &Seat)| SeatFigures {
            seat: number as u8,
            video: seat.track(TrackKind::Video).figures(now),
            height: seat.track(TrackKind::Video).height(),
            layers: seat.layers().iter().filter(|track| track.is_flowing(now)).count(),
            audio: seat.track(TrackKind::Audio).figures(now),
            reordered: seat.is_only_by_program(),
            round_trip: room.flows[number]
                .peer()
                .and_then(|key| match self.sessions[key].role {
                    Role::Publisher { round_trip, .. } => round_trip,
                    Role::Viewer { .. } => None,
                }),
        };
        Some(RoomFigures {
            on_air: room.stage.is_live(),
            seats: taken.map(figures).collect(),
            viewers: room.viewers.len(),
        })
    }
}
