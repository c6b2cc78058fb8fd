//! All rooms and peers of one thread: who a datagram is from, what goes to whom, and when.
//! Does no I/O and reads no clock; a [`Wire`] takes what goes out.
//!
//! Cost is kept to what happens: a datagram is one look-up by its source address; a packet is written to
//! the viewers of its room and to nobody else; time is a heap of deadlines. Nothing walks all peers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use busk_base::{MediaSessionId, RoomId};
use slab::Slab;

use super::demux;
use super::protocol::{Heard, Peer, Remote, Setup, Wire};
use crate::program::Word;
use crate::stage::{LAYERS_MAX, SEATS_MAX, Seat, Stage};
use crate::track::{Lane, Track, TrackKind};
use crate::{MediaEvent, MediaSession, Registry};

mod asks;
mod broadcast;
mod choosing;
mod feeding;
mod sending;
mod taking;

/// A peer that has not connected by now will not.
const SETUP_MAX: Duration = Duration::from_secs(15);
/// A publisher of which nothing at all was heard for so long is lost.
const PUBLISHER_SILENCE_MAX: Duration = Duration::from_secs(5);
/// A viewer of which nothing was heard for so long is gone; browsers report every second or so.
const VIEWER_SILENCE_MAX: Duration = Duration::from_secs(15);
/// The longest that the parts of a frame wait for its last one, to be sent in one go.
const FRAME_GATHER_MAX: Duration = Duration::from_millis(8);
/// Parts of a frame beyond which sending does not wait for the last one.
const FRAME_GATHER_PACKETS: u64 = 48;
/// The longest that sound waits before an audience for the next picture, to go to each viewer together with it, and
/// joined: a part of what a low bitrate costs is the number of times that each of them is served. Pictures at 24 a
/// second are 42 ms apart.
const SOUND_GATHER_MAX: Duration = Duration::from_millis(45);
/// Fewer viewers than this are no audience: people may talk with each other.
const SOUND_GATHER_VIEWERS: usize = 8;

struct Session {
    id: MediaSessionId,
    room: RoomId,
    /// Whose it is; 0 is nobody.
    person: u128,
    peer: Peer,
    role: Role,
    ufrag: String,
    etag: String,
    created_at: Instant,
    heard_at: Instant,
    /// When the peer is due by its own word.
    due: Option<Instant>,
    /// The earliest entry for it in the heap.
    scheduled: Option<Instant>,
    /// Counts against the limits of all threads while it exists.
    _place: MediaSession,
}

enum Role {
    Publisher {
        seat: usize,
        media_at: Instant,
        /// What a packet to it and the answer take together.
        round_trip: Option<Duration>,
    },
    Viewer {
        /// By seat, for as many as the viewer has lines for.
        lanes: Box<[Lanes]>,
        /// Whether they get what their own camera brings, too.
        own: bool,
        /// What the line bears, where that is known.
        estimate_bps: Option<u64>,
    },
}

/// A viewer's place in what comes from a seat.
struct Lanes {
    video: Lane,
    audio: Lane,
    catching_up: bool,
    /// The layer of the picture that they get, the one they are to get, and since when.
    layer: usize,
    wanted: usize,
    wanted_at: Instant,
    /// How high the picture is shown, where they have said so; 0 is not at all.
    tile: Option<u16>,
}

impl Session {
    /// Index of the next packet of a seat's layer that a viewer has not had.
    fn needs(&self, seat: usize, layer: usize) -> Option<u64> {
        match &self.role {
            Role::Viewer { lanes, .. } => {
                let lanes = lanes.get(seat).filter(|lanes| lanes.layer == layer)?;
                Some(lanes.video.needs())
            }
            Role::Publisher { .. } => None,
        }
    }
}

/// What brings a seat's media.
#[derive(Clone, Debug)]
enum Source {
    /// A session of this thread's.
    Peer(usize),
    /// Another protocol, which hands over frames.
    Feed {
        session: MediaSessionId,
        fed_at: Instant,
        over: Arc<AtomicBool>,
    },
}

/// What is under way from a seat.
#[derive(Clone, Default)]
struct Flow {
    source: Option<Source>,
    /// Numbers of a feed's next packets.
    fed_audio: u64,
    fed_video: u64,
    /// When what came last is to be sent on.
    audio_at: Option<Instant>,
    /// By layer.
    video_at: [Option<Instant>; LAYERS_MAX],
    /// First packet of the layer that waits.
    video_from: [u64; LAYERS_MAX],
}

#[derive(Default)]
struct Room {
    stage: Stage,
    flows: [Flow; SEATS_MAX],
    /// Connected viewers; those still connecting are not served.
    viewers: Vec<usize>,
    viewers_connecting: usize,
    /// Viewers that are getting what was before they came, with the seat that it came from.
    catching_up: Vec<(usize, usize)>,
    catch_up_at: Option<Instant>,
    /// The earliest entry for it in the heap.
    scheduled: Option<Instant>,
    /// Whether what comes goes into the program.
    broadcast: bool,
    /// When layers were last chosen for all.
    chosen_at: Option<Instant>,
}

impl Flow {
    /// The session that brings the media, where it is one of this thread's.
    fn peer(&self) -> Option<usize> {
        match self.source {
            Some(Source::Peer(key)) => Some(key),
            Some(Source::Feed { .. }) | None => None,
        }
    }
}

impl Room {
    fn next_at(&self) -> Option<Instant> {
        let video = self.flows.iter().flat_map(|flow| flow.video_at);
        let audio = self.flows.iter().map(|flow| flow.audio_at);
        video.chain(audio).chain([self.catch_up_at]).flatten().min()
    }

    /// When sound that comes now is to be sent on at the latest.
    fn sound_at(&self, now: Instant) -> Instant {
        if self.is_before_audience() {
            now + SOUND_GATHER_MAX
        } else {
            now
        }
    }

    fn is_before_audience(&self) -> bool {
        self.viewers.len() >= SOUND_GATHER_VIEWERS
    }

    fn is_empty(&self) -> bool {
        self.flows.iter().all(|flow| flow.source.is_none())
            && self.viewers.is_empty()
            && self.viewers_connecting == 0
    }
}

pub(crate) struct Plane {
    thread: usize,
    viewers_per_room_max: usize,
    setup: Arc<Setup>,
    registry: Arc<Registry>,
    sessions: Slab<Session>,
    by_id: HashMap<MediaSessionId, usize>,
    by_ufrag: HashMap<String, usize>,
    by_remote: HashMap<Remote, usize>,
    rooms: HashMap<RoomId, Room>,
    /// When sessions are due, and when rooms have something to send.
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    sends: BinaryHeap<Reverse<(Instant, RoomId)>>,
    heard: Vec<Heard>,
    pub(crate) events: VecDeque<MediaEvent>,
    /// For the program.
    pub(crate) words: Vec<Word>,
}

impl Plane {
    pub(crate) fn new(
        thread: usize,
        viewers_per_room_max: usize,
        setup: Arc<Setup>,
        registry: Arc<Registry>,
    ) -> Self {
        Self {
            thread,
            viewers_per_room_max,
            setup,
            registry,
            sessions: Slab::new(),
            by_id: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_remote: HashMap::new(),
            rooms: HashMap::new(),
            timers: BinaryHeap::new(),
            sends: BinaryHeap::new(),
            heard: Vec::new(),
            events: VecDeque::new(),
            words: Vec::new(),
        }
    }

    /// Whether a remote's datagrams belong here; no other thread need be asked.
    pub(crate) fn knows(&self, remote: Remote) -> bool {
        self.by_remote.contains_key(&remote)
    }

    /// Takes a datagram. `to` is the local address it came to, where the system says so.
    pub(crate) fn receive(
        &mut self,
        from: Remote,
        to: Option<IpAddr>,
        bytes: &[u8],
        now: Instant,
        wire: &mut impl Wire,
    ) {
        let known = self.by_remote.get(&from).copied();
        let key = match known {
            // An address can change hands: its new owner's first word is a STUN request with its own name.
            Some(key) if !demux::is_stun(bytes) => key,
            known => match demux::our_ufrag(bytes).and_then(|ufrag| self.by_ufrag.get(ufrag)) {
                Some(key) if known == Some(*key) => *key,
                Some(key) => {
                    let key = *key;
                    if !self.meet(key, from, to, bytes, now) {
                        return;
                    }
                    key
                }
                None => return,
            },
        };
        let session = &mut self.sessions[key];
        session.heard_at = now;
        session.peer.receive(&self.setup, from, to, bytes, now);
        self.settle(key, now, wire);
    }

    /// Learns that a remote is a session's, if it can prove it.
    fn meet(&mut self, key: usize, from: Remote, to: Option<IpAddr>, bytes: &[u8], now: Instant) -> bool {
        let session = &mut self.sessions[key];
        if !session.peer.accepts(&self.setup, from, to, bytes, now) {
            return false;
        }
        if let Some(oldest) = session.peer.learn(from, to) {
            self.by_remote.remove(&oldest);
            self.registry.forget(oldest);
        }
        if let Some(former) = self.by_remote.insert(from, key) {
            self.sessions[former].peer.unlearn(from);
        }
        self.registry.learn(from, self.thread);
        true
    }

    /// When [`Plane::pass`] is to be called next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let send = self.sends.peek().map(|Reverse((at, _))| *at);
        timer.into_iter().chain(send).min()
    }

    /// Does all that is due.
    pub(crate) fn pass(&mut self, now: Instant, wire: &mut impl Wire) {
        while let Some(Reverse((at, key))) = self.timers.peek().copied()
            && at <= now
        {
            self.timers.pop();
            let Some(session) = self.sessions.get_mut(key).filter(|s| s.scheduled == Some(at)) else {
                continue;
            };
            session.scheduled = None;
            if self.next_at(key, now).is_some_and(|at| at > now) {
                self.schedule(key, now);
            } else {
                self.wake(key, now, wire);
            }
        }
        self.send_on(now, wire);
    }

    fn wake(&mut self, key: usize, now: Instant, wire: &mut impl Wire) {
        let session = &mut self.sessions[key];
        if is_over(session, now) {
            return self.end(key, now, wire);
        }
        session.peer.tick(now);
        let room = session.room;
        let publishes = match session.role {
            Role::Publisher { seat, .. } => Some(seat),
            Role::Viewer { .. } => None,
        };
        self.settle(key, now, wire);
        if let Some(seat) = publishes {
            self.ask_keyframe(room, seat, now, wire);
        }
    }

    /// When something is due for a session: by the peer's own word, a keyframe to be asked for, or its end.
    fn next_at(&self, key: usize, now: Instant) -> Option<Instant> {
        let session = self.sessions.get(key)?;
        let mut at = over_at(session);
        at = session.due.map_or(at, |due| at.min(due));
        if let Role::Publisher { seat, .. } = session.role
            && session.peer.is_connected()
            && let Some(seat) = self
                .rooms
                .get(&session.room)
                .and_then(|room| room.stage.seat(seat))
        {
            let asks = askable(seat, now).filter_map(|(_, track)| track.keyframe_ask_at(now));
            let keyframe = asks.min();
            at = keyframe.map_or(at, |keyframe| at.min(keyframe));
        }
        Some(at)
    }

    /// Puts the session's next deadline on the heap, unless an earlier one is there already.
    fn schedule(&mut self, key: usize, now: Instant) {
        let Some(at) = self.next_at(key, now) else {
            return;
        };
        // Not in the past, so that a peer that is always due cannot hold the thread.
        let at = at.max(now + Duration::from_millis(1));
        let session = &mut self.sessions[key];
        if session.scheduled.is_none_or(|scheduled| at < scheduled) {
            session.scheduled = Some(at);
            self.timers.push(Reverse((at, key)));
        }
    }

    /// Drains a peer after a change to it, and does what it says.
    fn settle(&mut self, key: usize, now: Instant, wire: &mut impl Wire) {
        let mut heard = std::mem::take(&mut self.heard);
        let session = &mut self.sessions[key];
        session.due = session.peer.drain(wire, &mut heard);
        let room = session.room;
        let mut gone = false;
        for word in heard.drain(..) {
            if !self.sessions.contains(key) {
                break;
            }
            match word {
                Heard::Connected => self.connected(key, now, wire),
                Heard::Packet(from, packet) => self.take(key, from, packet, now),
                Heard::RoundTrip(lasts) => {
                    if let Role::Publisher { round_trip, .. } = &mut self.sessions[key].role {
                        *round_trip = Some(lasts);
                    }
                }
                Heard::Estimate(bps) => self.estimated(key, bps, now),
                Heard::KeyframeWanted(seat) => self.keyframe_wanted(key, room, seat, now, wire),
                Heard::Gone => gone = true,
            }
        }
        if self.heard.capacity() < heard.capacity() {
            self.heard = heard;
        }
        if gone {
            self.end(key, now, wire)
        } else {
            self.schedule(key, now)
        }
    }

    fn connected(&mut self, key: usize, now: Instant, wire: &mut impl Wire) {
        let session = &mut self.sessions[key];
        let (id, room_id) = (session.id, session.room);
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return;
        };
        if let Role::Viewer { lanes, .. } = &mut session.role {
            room.viewers_connecting -= 1;
            room.viewers.push(key);
            for (number, lanes) in lanes.iter_mut().enumerate() {
                let Some(seat) = room.stage.seat_mut(number).filter(|seat| seat.on_air()) else {
                    continue;
                };
                (lanes.layer, lanes.wanted) = (seat.best(), seat.best());
                lanes.video.join(seat.track(TrackKind::Video));
                lanes.audio.join(seat.track(TrackKind::Audio));
                lanes.catching_up = true;
                room.catching_up.push((key, number));
                let track = seat.track_mut(TrackKind::Video);
                if track.lacks_keyframe() {
                    track.want_keyframe();
                }
            }
            room.catch_up_at = Some(now);
            self.schedule_room(room_id, now);
            self.choose_layers(key, now);
            self.events.push_back(MediaEvent::ViewerConnected {
                room: room_id,
                session: id,
            });
        }
        for seat in 0..SEATS_MAX {
            self.ask_keyframe(room_id, seat, now, wire);
        }
    }

    /// Puts on the heap when the room has something to send, unless an earlier entry is there already.
    fn schedule_room(&mut self, id: RoomId, not_before: Instant) {
        if let Some(room) = self.rooms.get_mut(&id)
            && let Some(at) = room.next_at()
        {
            let at = at.max(not_before);
            if room.scheduled.is_none_or(|scheduled| at < scheduled) {
                room.scheduled = Some(at);
                self.sends.push(Reverse((at, id)));
            }
        }
    }

    /// Ends a session: says goodbye to the peer, frees all that it had, tells who must know.
    fn end(&mut self, key: usize, _now: Instant, wire: &mut impl Wire) {
        let Some(mut session) = self.sessions.try_remove(key) else {
            return;
        };
        let connected = session.peer.is_connected();
        session.peer.close();
        session.peer.drain(wire, &mut Vec::new());
        self.by_id.remove(&session.id);
        self.by_ufrag.remove(&session.ufrag);
        for remote in session.peer.remotes() {
            self.by_remote.remove(&remote);
            self.registry.forget(remote);
            wire.close(remote);
        }
        let (room_id, id) = (session.room, session.id);
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return;
        };
        match session.role {
            Role::Publisher { seat, .. } if room.flows[seat].peer() == Some(key) => {
                room.flows[seat].source = None;
                if room.stage.seat_mut(seat).is_some_and(Seat::leave) {
                    self.events.push_back(MediaEvent::PublisherLost {
                        room: room_id,
                        seat: seat as u8,
                        session: id,
                    });
                }
            }
            Role::Publisher { .. } => {}
            Role::Viewer { .. } if connected => {
                room.viewers.retain(|viewer| *viewer != key);
                room.catching_up.retain(|(viewer, _)| *viewer != key);
                self.events.push_back(MediaEvent::ViewerGone {
                    room: room_id,
                    session: id,
                });
            }
            Role::Viewer { .. } => room.viewers_connecting -= 1,
        }
        if room.is_empty() {
            self.rooms.remove(&room_id);
        }
    }
}

/// Layers of which a keyframe can be asked for: those of several that do not come would be asked for ever.
fn askable(seat: &Seat, now: Instant) -> impl Iterator<Item = (usize, &Track)> {
    let layers = seat.layers();
    let alone = layers.len() == 1;
    layers
        .iter()
        .enumerate()
        .filter(move |(_, track)| alone || track.is_flowing(now))
}

/// When the session ends unless something is heard.
fn over_at(session: &Session) -> Instant {
    if !session.peer.is_connected() {
        return session.created_at + SETUP_MAX;
    }
    match session.role {
        Role::Publisher { .. } => session.heard_at + PUBLISHER_SILENCE_MAX,
        Role::Viewer { .. } => session.heard_at + VIEWER_SILENCE_MAX,
    }
}

fn is_over(session: &Session, now: Instant) -> bool {
    over_at(session) <= now
}

#[cfg(test)]
mod tests;
