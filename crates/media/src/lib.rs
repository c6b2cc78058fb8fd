//! The media plane: cameras in by WHIP, viewers out by WHEP, a stage of tracks between.
//!
//! ```text
//! camera ──WHIP──► webrtc ──► stage: seats of tracks ──┬► webrtc ──WHEP──► viewers
//! encoder ─RTMP──► feed ────►                          └► program ──────► LL-HLS, recording, outlet
//! ```
//!
//! A protocol knows bytes and time, never sockets; a server knows sockets, never another protocol; they
//! meet at the [`track`]. A packet's payload is in memory once, however many watch. H.264 (RFC 6184) and
//! Opus (RFC 7587) only; nothing is transcoded.
//!
//! Media runs on plain threads, a room on one of them; [`Media`] is the handle to them for asynchronous
//! callers. One UDP port and one TCP port of the same number serve everybody (ICE-lite, RFC 8445 §2.5;
//! ICE-TCP passive, RFC 6544).
//!
//! Everything is bounded: sessions, viewers of a room, what is kept for joiners, what waits for slow
//! peers. Remote input never stops a thread.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use busk_base::{MediaSessionId, RoomId, Timestamp};
use busk_replay::Recorders;
use tokio::sync::{mpsc, oneshot};

pub mod feed;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod layers;
pub mod program;
mod registry;
pub mod stage;
pub mod thumbnails;
pub mod track;
pub mod webrtc;

pub(crate) use registry::{MediaSession, Registry};
pub use track::TrackFigures;
pub use webrtc::sdp::OfferRefused;
use webrtc::serve::{Ask, Mailbox};

/// How the media plane listens and what it bears.
#[derive(Clone, Debug)]
pub struct Config {
    /// UDP and TCP alike. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Addresses that peers are told to send to; found out when empty.
    pub advertised: Vec<IpAddr>,
    /// Media threads; at least 1, at most 64.
    pub threads: usize,
    pub viewers_per_room_max: usize,
    /// Publishers and viewers together.
    pub sessions_max: usize,
    /// What time it is: what programs say of when their pictures were taken is counted from here.
    pub now: Timestamp,
    /// The folder in which programs are recorded; without one none is.
    pub recordings: Option<PathBuf>,
}

impl Config {
    /// One thread per core, 2 000 viewers in a room, 10 000 sessions in all.
    pub fn new(listen: SocketAddr, now: Timestamp) -> Self {
        Self {
            listen,
            advertised: Vec::new(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            viewers_per_room_max: 2_000,
            sessions_max: 10_000,
            now,
            recordings: None,
        }
    }
}

/// A camera wants in.
#[derive(Clone, Debug)]
pub struct Publish {
    pub room: RoomId,
    /// Below [`stage::SEATS_MAX`]; the host's is 0.
    pub seat: u8,
    /// Whose camera it is; 0 is nobody.
    pub person: u128,
    /// The microphone is off.
    pub muted: bool,
    /// The camera is off.
    pub hidden: bool,
    /// Made by the caller, random enough to be unguessable if it stands in an address.
    pub session: MediaSessionId,
    /// The SDP offer (RFC 8866), at most 64 kB.
    pub offer: String,
}

/// A viewer wants in.
#[derive(Clone, Debug)]
pub struct View {
    pub room: RoomId,
    pub session: MediaSessionId,
    /// Who watches; 0 is nobody.
    pub person: u128,
    /// Whether they get what their own camera brings, too.
    pub own: bool,
    pub offer: String,
}

impl Publish {
    /// The host's camera, all switched on.
    pub fn host(room: RoomId, session: MediaSessionId, offer: String) -> Self {
        Self {
            room,
            seat: 0,
            person: 0,
            muted: false,
            hidden: false,
            session,
            offer,
        }
    }
}

impl View {
    /// Somebody unknown, who sees all.
    pub fn anybody(room: RoomId, session: MediaSessionId, offer: String) -> Self {
        Self {
            room,
            session,
            person: 0,
            own: true,
            offer,
        }
    }
}

/// What answers an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub session: MediaSessionId,
    /// `application/sdp`.
    pub sdp: String,
    /// Of the ICE session, with its quotes (RFC 9725 §4.3.1).
    pub etag: String,
}

/// Why a camera is refused, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("the server has as many media sessions as it bears")]
    Full,
    #[error("the seat has a camera already")]
    AlreadyPublishing,
    #[error("{0}")]
    BadOffer(String),
    #[error("the offer has no H.264 video with packetization-mode=1")]
    NoH264,
    #[error("the offer has no Opus audio")]
    NoOpus,
    #[error("the offer has more than one picture or one sound")]
    TooManyTracks,
}

/// Why a viewer is refused, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    #[error("there is no picture to watch at the moment")]
    NotLive,
    #[error("the picture can be watched by HLS only: its encoder sends B-frames")]
    HlsOnly,
    #[error("no more viewers can be served")]
    Full,
    #[error("{0}")]
    BadOffer(String),
    #[error("the offer cannot receive H.264 video with packetization-mode=1")]
    NoH264,
    #[error("the offer cannot receive Opus audio")]
    NoOpus,
}

impl From<OfferRefused> for PublishError {
    fn from(refused: OfferRefused) -> Self {
        match refused {
            OfferRefused::TooLong | OfferRefused::Malformed(_) => Self::BadOffer(refused.to_string()),
            OfferRefused::NoH264 => Self::NoH264,
            OfferRefused::NoOpus => Self::NoOpus,
            OfferRefused::TooManyTracks => Self::TooManyTracks,
        }
    }
}

/// Refuses a camera's offer that could not be answered anyway, before anything is opened for it.
pub fn check_camera(offer: &str) -> Result<(), PublishError> {
    webrtc::protocol::read_offer(offer, webrtc::protocol::Direction::In)?;
    Ok(())
}

impl From<OfferRefused> for ViewError {
    fn from(refused: OfferRefused) -> Self {
        match refused {
            OfferRefused::TooLong | OfferRefused::Malformed(_) | OfferRefused::TooManyTracks => {
                Self::BadOffer(refused.to_string())
            }
            OfferRefused::NoH264 => Self::NoH264,
            OfferRefused::NoOpus => Self::NoOpus,
        }
    }
}

/// What came of a PATCH of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trickle {
    /// 204.
    Added,
    /// 200, with the new `ETag` and a fragment of our own (RFC 9725 §4.3.3).
    Restarted { etag: String, fragment: String },
}

/// Why a PATCH of a session is refused, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrickleError {
    #[error("there is no such media session")]
    SessionUnknown,
    #[error("the request has no If-Match")]
    EtagMissing,
    #[error("the ICE session is another one by now")]
    EtagMismatch,
    #[error("the body is not a trickle ICE fragment with ICE credentials")]
    BadFragment,
}

/// What happened, in the order in which it did in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaEvent {
    /// The camera is connected and its first keyframe has come.
    PublisherConnected {
        room: RoomId,
        seat: u8,
        session: MediaSessionId,
    },
    /// It hung up, was closed, or nothing has come from it for five seconds. Only after it was connected.
    PublisherLost {
        room: RoomId,
        seat: u8,
        session: MediaSessionId,
    },
    ViewerConnected {
        room: RoomId,
        session: MediaSessionId,
    },
    /// Only after it was connected.
    ViewerGone {
        room: RoomId,
        session: MediaSessionId,
    },
}

/// A room's media at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoomFigures {
    /// A picture is coming.
    pub on_air: bool,
    /// Those that are taken.
    pub seats: Vec<SeatFigures>,
    /// Connected ones.
    pub viewers: usize,
}

/// What comes from a seat at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeatFigures {
    pub seat: u8,
    /// Of the best layer of the picture.
    pub video: TrackFigures,
    /// In pixels.
    pub height: u16,
    /// Sizes in which the picture comes.
    pub layers: usize,
    pub audio: TrackFigures,
    /// It has B-frames, so that no real-time viewer gets it.
    pub reordered: bool,
    /// To the source and back, where that is known.
    pub round_trip: Option<Duration>,
}

/// The handle to the media threads. When the last clone is dropped they stop.
#[derive(Clone)]
pub struct Media {
    inner: Arc<Inner>,
}

struct Inner {
    mailboxes: Vec<Mailbox>,
    registry: Arc<Registry>,
    address: SocketAddr,
    advertised: Vec<SocketAddr>,
    programs: program::Programs,
    words: Mutex<Option<SyncSender<program::Word>>>,
    handles: Mutex<Vec<JoinHandle<()>>>,
}

impl Media {
    /// Opens the ports and starts the threads. Events are lost only when nobody takes them for very long.
    pub fn start(config: &Config, events: mpsc::Sender<MediaEvent>) -> io::Result<Self> {
        let registry = Arc::new(Registry::new(config.threads.clamp(1, 64), config.sessions_max));
        let (recorders, recording) = match &config.recordings {
            Some(folder) => {
                let (recorders, thread) = Recorders::start(folder.clone())?;
                (Some(recorders), Some(thread))
            }
            None => (None, None),
        };
        let (words, programs, program) = program::serve::start(config.now, recorders)?;
        let mut threads = webrtc::serve::start(config, &registry, &events, &words)?;
        // Last, since each ends when those before it have.
        threads.handles.push(program);
        threads.handles.extend(recording);
        Ok(Self {
            inner: Arc::new(Inner {
                mailboxes: threads.mailboxes,
                registry,
                address: threads.address,
                advertised: threads.advertised,
                programs,
                words: Mutex::new(Some(words)),
                handles: Mutex::new(threads.handles),
            }),
        })
    }

    /// The address listened on, UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// The addresses peers are told.
    pub fn advertised(&self) -> &[SocketAddr] {
        &self.inner.advertised
    }

    /// Answers a camera's offer. It is live when [`MediaEvent::PublisherConnected`] says so.
    pub async fn publish(&self, ask: Publish) -> Result<Answer, PublishError> {
        let thread = self.thread_of_room(ask.room);
        let place = self
            .inner
            .registry
            .enter(ask.session, thread)
            .ok_or(PublishError::Full)?;
        self.ask(thread, |reply| Ask::Publish(ask, place, reply))
            .await
            .unwrap_or(Err(PublishError::Full))
    }

    /// Gives a seat to a camera of another protocol. It is live when [`MediaEvent::PublisherConnected`] says so.
    pub async fn open_feed(&self, ask: feed::OpenFeed) -> Result<feed::Feed, PublishError> {
        let thread = self.thread_of_room(ask.room);
        let place = self
            .inner
            .registry
            .enter(ask.session, thread)
            .ok_or(PublishError::Full)?;
        let over = Arc::new(AtomicBool::new(false));
        let feed = feed::Feed {
            room: ask.room,
            seat: ask.seat,
            session: ask.session,
            mailbox: self.inner.mailboxes[thread].clone(),
            over: over.clone(),
            _place: place,
        };
        let opened = self.ask(thread, |reply| Ask::OpenFeed(ask, over, reply)).await;
        opened.unwrap_or(Err(PublishError::Full)).map(|()| feed)
    }

    /// Answers a viewer's offer.
    pub async fn view(&self, ask: View) -> Result<Answer, ViewError> {
        let thread = self.thread_of_room(ask.room);
        let place = self
            .inner
            .registry
            .enter(ask.session, thread)
            .ok_or(ViewError::Full)?;
        self.ask(thread, |reply| Ask::View(ask, place, reply))
            .await
            .unwrap_or(Err(ViewError::Full))
    }

    /// Takes a trickle ICE fragment (RFC 8840) with the request's `If-Match`.
    pub async fn trickle(
        &self,
        session: MediaSessionId,
        if_match: Option<String>,
        fragment: String,
    ) -> Result<Trickle, TrickleError> {
        let thread = self
            .inner
            .registry
            .thread_of_session(session)
            .ok_or(TrickleError::SessionUnknown)?;
        self.ask(thread, |reply| Ask::Trickle(session, if_match, fragment, reply))
            .await
            .unwrap_or(Err(TrickleError::SessionUnknown))
    }

    /// Says how high the tiles are in which a viewer shows the seats, in pixels of the screen; 0 is not shown.
    /// False when there is no such session.
    pub async fn tiles(&self, session: MediaSessionId, heights: Vec<u16>) -> bool {
        let Some(thread) = self.inner.registry.thread_of_session(session) else {
            return false;
        };
        self.ask(thread, |reply| Ask::Tiles(session, heights, reply))
            .await
            .unwrap_or(false)
    }

    /// Ends a session; false when there is none such.
    pub async fn close(&self, session: MediaSessionId) -> bool {
        let Some(thread) = self.inner.registry.thread_of_session(session) else {
            return false;
        };
        self.ask(thread, |reply| Ask::Close(session, reply))
            .await
            .unwrap_or(false)
    }

    /// Ends all sessions of a room.
    pub async fn close_room(&self, room: RoomId) {
        self.ask(self.thread_of_room(room), |reply| Ask::CloseRoom(room, reply))
            .await;
    }

    /// Ends whatever a person has in a room: camera and picture.
    pub async fn close_person(&self, room: RoomId, person: u128) {
        self.ask(self.thread_of_room(room), |reply| {
            Ask::ClosePerson(room, person, reply)
        })
        .await;
    }

    /// Ends the camera on a seat.
    pub async fn clear_seat(&self, room: RoomId, seat: u8) {
        self.ask(self.thread_of_room(room), |reply| {
            Ask::ClearSeat(room, seat, reply)
        })
        .await;
    }

    /// Switches the microphone and the camera on a seat: what is off reaches nobody.
    pub fn switch(&self, room: RoomId, seat: u8, muted: bool, hidden: bool) {
        let ask = Ask::Switch {
            room,
            seat,
            muted,
            hidden,
        };
        // A thread that has ended sends nothing more.
        let _ = self.inner.mailboxes[self.thread_of_room(room)].post(ask);
    }

    /// From now on what the room's camera brings is seen by those who do not watch in real time, too.
    pub fn broadcast(&self, room: RoomId) {
        // A thread that has ended broadcasts nothing more.
        let _ = self.inner.mailboxes[self.thread_of_room(room)].post(Ask::Broadcast(room));
    }

    /// Says who is to be seen in a room's program, and how. Those whose cameras are away are not among them.
    pub fn show(&self, room: RoomId, shown: program::Shown) {
        let words = self.inner.words.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(words) = words.as_ref()
            && words.try_send(program::Word::Show(room, shown)).is_err()
        {
            tracing::error!(%room, "the program was not told of the stage");
        }
    }

    /// A room's program, from its first picture on the air to a minute after its end.
    pub fn program(&self, room: RoomId) -> Option<Arc<program::Program>> {
        self.inner.programs.of(room)
    }

    /// Has the room's program handed out as it is, also one to come, until this takes the outlet away again.
    pub fn tap(&self, room: RoomId, outlet: Option<Arc<dyn program::Outlet>>) {
        self.inner.programs.tap(room, outlet);
    }

    /// `None` when the room has no media sessions.
    pub async fn stats(&self, room: RoomId) -> Option<RoomFigures> {
        self.ask(self.thread_of_room(room), |reply| Ask::Figures(room, reply))
            .await
            .flatten()
    }

    /// Sessions there are, also those still connecting.
    pub fn sessions(&self) -> usize {
        self.inner.registry.sessions().len()
    }

    /// Datagrams that could not be sent, since the start: the network or a peer took them too slowly.
    pub fn lost_to_send(&self) -> u64 {
        self.inner
            .registry
            .lost
            .iter()
            .map(|lost| lost.load(Ordering::Relaxed))
            .sum()
    }

    fn thread_of_room(&self, room: RoomId) -> usize {
        // The random half of the id, so that rooms made in the same moment spread.
        let (_, random) = room.0.as_u64_pair();
        (random.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % self.inner.mailboxes.len()
    }

    async fn ask<T>(&self, thread: usize, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.inner.mailboxes[thread].post(ask(reply)).ok()?;
        answer.await.ok()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for mailbox in &self.mailboxes {
            let _ = mailbox.post(Ask::Stop);
        }
        self.words
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        for handle in self
            .handles
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            let _ = handle.join();
        }
    }
}
