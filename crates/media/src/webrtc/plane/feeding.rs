//! Cameras that come by another protocol: their frames are handed over, not sent to a port of ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use busk_base::{MediaSessionId, RoomId};

use super::asks::PUBLISHER_REPLACEABLE_AFTER;
use super::{Flow, Plane, Role, Source};
use crate::feed::{Fed, FedPicture, OpenFeed};
use crate::program::Word;
use crate::stage::{From, SEATS_MAX, Seat};
use crate::track::{Packet, TrackKind};
use crate::webrtc::protocol::Wire;
use crate::{MediaEvent, PublishError};

impl Plane {
    /// Gives a seat to a camera of another protocol.
    pub(crate) fn open_feed(
        &mut self,
        ask: &OpenFeed,
        over: Arc<AtomicBool>,
        now: Instant,
        wire: &mut impl Wire,
    ) -> Result<(), PublishError> {
        let number = usize::from(ask.seat).min(SEATS_MAX - 1);
        self.make_way(ask.room, number, now, wire)?;
        let room = self.rooms.entry(ask.room).or_default();
        room.flows[number].source = Some(Source::Feed {
            session: ask.session,
            fed_at: now,
            over,
        });
        let seat = room.stage.open(number);
        seat.take(ask.session, ask.person, None, 1);
        seat.switch(ask.muted, ask.hidden);
        Ok(())
    }

    /// Whether media comes from a seat now.
    pub(super) fn is_taken(&self, room: RoomId, seat: usize, now: Instant) -> bool {
        let source = self
            .rooms
            .get(&room)
            .and_then(|room| room.flows[seat].source.as_ref());
        let media_at = source.and_then(|source| match source {
            Source::Peer(key) => match self.sessions[*key].role {
                Role::Publisher { media_at, .. } => Some(media_at),
                Role::Viewer { .. } => None,
            },
            Source::Feed { fed_at, .. } => Some(*fed_at),
        });
        media_at.is_some_and(|at| now.duration_since(at) < PUBLISHER_REPLACEABLE_AFTER)
    }

    /// Ends what is on a seat, unless media still comes from there.
    pub(super) fn make_way(
        &mut self,
        room: RoomId,
        seat: usize,
        now: Instant,
        wire: &mut impl Wire,
    ) -> Result<(), PublishError> {
        if self.is_taken(room, seat, now) {
            return Err(PublishError::AlreadyPublishing);
        }
        self.empty(room, seat, now, wire);
        Ok(())
    }

    /// Ends what is on a seat.
    pub(super) fn empty(&mut self, room: RoomId, seat: usize, now: Instant, wire: &mut impl Wire) {
        let flow = self.rooms.get(&room).and_then(|room| room.flows.get(seat));
        match flow.and_then(|flow| flow.source.clone()) {
            Some(Source::Peer(key)) => self.end(key, now, wire),
            Some(Source::Feed { session, .. }) => self.close_feed(room, seat, session),
            None => {}
        }
    }

    /// The feed has ended, by itself or because its seat is taken from it.
    pub(crate) fn close_feed(&mut self, id: RoomId, seat: usize, session: MediaSessionId) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        let Some(flow) = room.flows.get_mut(seat).filter(|flow| flow.is_fed_by(session)) else {
            return;
        };
        if let Some(Source::Feed { over, .. }) = flow.source.take() {
            over.store(true, Ordering::Relaxed);
        }
        if room.stage.seat_mut(seat).is_some_and(Seat::leave) {
            self.events.push_back(MediaEvent::PublisherLost {
                room: id,
                seat: seat as u8,
                session,
            });
        }
        if room.is_empty() {
            self.rooms.remove(&id);
        }
    }

    /// Takes what a feed brings.
    pub(crate) fn feed(
        &mut self,
        id: RoomId,
        seat: usize,
        session: MediaSessionId,
        fed: Fed,
        now: Instant,
        wire: &mut impl Wire,
    ) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        let Some(flow) = room.flows.get_mut(seat).filter(|flow| flow.is_fed_by(session)) else {
            return;
        };
        if let Some(Source::Feed { fed_at, .. }) = &mut flow.source {
            *fed_at = now;
        }
        match fed {
            Fed::Picture(picture) => self.feed_picture(id, seat, session, picture, now),
            Fed::Sound { time, opus } => {
                let captured = captured(Duration::from_micros(time * 1_000_000 / 48_000));
                let packet = Packet {
                    seq: self.fed_next(id, seat, TrackKind::Audio, 1),
                    time,
                    marker: false,
                    orientation: None,
                    captured: Some(captured),
                    wall: now,
                    payload: opus[..].into(),
                };
                self.take_packet(id, seat, session, From::Sound, packet, now);
            }
            Fed::Reordered => self.only_by_program(id, seat, now, wire),
        }
    }

    fn feed_picture(
        &mut self,
        id: RoomId,
        number: usize,
        session: MediaSessionId,
        picture: FedPicture,
        now: Instant,
    ) {
        let captured = captured(Duration::from_millis(picture.dts_ms));
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        let Some(seat) = room.stage.seat_mut(number) else {
            return;
        };
        let (off, by_program) = (seat.is_off(TrackKind::Video), seat.is_only_by_program());
        let wall = seat.wall(captured, now);
        if room.broadcast && !off {
            self.words.push(Word::Picture {
                room: id,
                seat: number as u8,
                session,
                wall,
                picture: picture.clone(),
            });
        }
        if by_program {
            if picture.keyframe && seat.come_on_air() {
                self.events.push_back(MediaEvent::PublisherConnected {
                    room: id,
                    seat: number as u8,
                    session,
                });
            }
            return;
        }
        let first = self.fed_next(id, number, TrackKind::Video, picture.payloads.len() as u64);
        for (seq, (payload, marker)) in (first..).zip(&picture.payloads) {
            let packet = Packet {
                seq,
                time: picture.dts_ms * 90,
                marker: *marker,
                orientation: None,
                captured: Some(captured),
                wall: now,
                payload: payload[..].into(),
            };
            self.take_packet(id, number, session, From::Layer(0), packet, now);
        }
    }

    /// The number of the next packet of a feed, and takes so many.
    fn fed_next(&mut self, id: RoomId, seat: usize, kind: TrackKind, count: u64) -> u64 {
        let flow = self.rooms.get_mut(&id).map(|room| &mut room.flows[seat]);
        let Some(flow) = flow else { return 0 };
        let next = match kind {
            TrackKind::Audio => &mut flow.fed_audio,
            TrackKind::Video => &mut flow.fed_video,
        };
        *next += count;
        *next - count
    }

    /// The source's pictures are not in the order in which they are shown: no real-time viewer can play them.
    /// Those who watch are sent to the program.
    fn only_by_program(&mut self, id: RoomId, number: usize, now: Instant, wire: &mut impl Wire) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        if let Some(seat) = room.stage.seat_mut(number) {
            seat.set_only_by_program();
        }
        if number == 0 {
            for key in room.viewers.clone() {
                self.end(key, now, wire);
            }
        }
    }
}

impl Flow {
    fn is_fed_by(&self, by: MediaSessionId) -> bool {
        matches!(&self.source, Some(Source::Feed { session, .. }) if *session == by)
    }
}

/// A feed's own clock as a moment: what matters is how its moments lie to each other.
fn captured(since_its_start: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH + since_its_start
}
