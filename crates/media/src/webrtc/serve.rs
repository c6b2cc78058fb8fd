//! The media threads: plain threads that own sockets and run a [`Plane`] each.
//!
//! All threads share one UDP port (`SO_REUSEPORT`: the kernel gives each source address to one of them)
//! and the first owns the TCP port of the same number. A room is on one thread, by its id; what comes in
//! on another is handed over. Sending needs no hand-over: any of the sockets has the right address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream, UdpSocket};
use mio::{Events, Interest, Poll, Token, Waker};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::{mpsc, oneshot};

use super::demux;
use super::plane::Plane;
use super::protocol::{Remote, Setup, Wire};
use super::tcp::{Connections, Next};
use super::udp::{BUFFER_BYTES, DATAGRAM_BYTES_MAX, Received, Udp};
use crate::feed::{Fed, OpenFeed};
use crate::program::Word;
use crate::{
    Answer, Config, MediaEvent, MediaSession, Publish, PublishError, Registry, RoomFigures, Trickle,
    TrickleError, View, ViewError,
};
use busk_base::{MediaSessionId, RoomId};

const WAKER: Token = Token(0);
const UDP: Token = Token(1);
const LISTENER: Token = Token(2);
const FIRST_CONNECTION: usize = 16;
/// What a thread may be asked before it must have answered some.
const ASKS_MAX: usize = 4_096;
/// Reads before timers and others get their turn.
const READS_IN_A_ROW: usize = 32;
/// Events that wait for a slow listener; more than all sessions can make in a moment.
const EVENTS_WAITING_MAX: usize = 65_536;

/// What a thread is asked.
pub(crate) enum Ask {
    Publish(
        Publish,
        MediaSession,
        oneshot::Sender<Result<Answer, PublishError>>,
    ),
    OpenFeed(
        OpenFeed,
        Arc<AtomicBool>,
        oneshot::Sender<Result<(), PublishError>>,
    ),
    Feed(RoomId, u8, MediaSessionId, Fed),
    CloseFeed(RoomId, u8, MediaSessionId),
    View(View, MediaSession, oneshot::Sender<Result<Answer, ViewError>>),
    Trickle(
        MediaSessionId,
        Option<String>,
        String,
        oneshot::Sender<Result<Trickle, TrickleError>>,
    ),
    Tiles(MediaSessionId, Vec<u16>, oneshot::Sender<bool>),
    Close(MediaSessionId, oneshot::Sender<bool>),
    CloseRoom(RoomId, oneshot::Sender<()>),
    ClosePerson(RoomId, u128, oneshot::Sender<()>),
    ClearSeat(RoomId, u8, oneshot::Sender<()>),
    Switch {
        room: RoomId,
        seat: u8,
        muted: bool,
        hidden: bool,
    },
    Broadcast(RoomId),
    Figures(RoomId, oneshot::Sender<Option<RoomFigures>>),
    /// From another thread: a datagram of a peer of this one.
    Datagram(SocketAddr, Option<IpAddr>, Box<[u8]>),
    /// From another thread: a connection of a peer of this one, and what was read from it.
    Connection(TcpStream, Vec<u8>),
    Stop,
}

/// How to reach a thread.
#[derive(Clone)]
pub(crate) struct Mailbox {
    asks: SyncSender<Ask>,
    waker: Arc<Waker>,
}

impl Mailbox {
    /// Gives the question back when the thread has too many.
    pub(crate) fn post(&self, ask: Ask) -> Result<(), Box<Ask>> {
        self.asks.try_send(ask).map_err(|error| match error {
            TrySendError::Full(ask) | TrySendError::Disconnected(ask) => Box::new(ask),
        })?;
        // A thread that is gone is found out by whoever waits for its answer.
        let _ = self.waker.wake();
        Ok(())
    }
}

/// The running threads.
pub(crate) struct Threads {
    pub(crate) mailboxes: Vec<Mailbox>,
    pub(crate) address: SocketAddr,
    pub(crate) advertised: Vec<SocketAddr>,
    pub(crate) handles: Vec<JoinHandle<()>>,
}

/// Opens the sockets and starts the threads.
pub(crate) fn start(
    config: &Config,
    registry: &Arc<Registry>,
    events: &mpsc::Sender<MediaEvent>,
    words: &SyncSender<Word>,
) -> io::Result<Threads> {
    let count = config.threads.clamp(1, 64);
    let (listener, sockets) = open(config.listen, count)?;
    let address = listener.local_addr()?;
    let advertised = advertised(config, address);
    let setup =
        Setup::new(advertised.clone()).ok_or_else(|| io::Error::other("no certificate could be made"))?;
    let setup = Arc::new(setup);
    let mut polls = Vec::new();
    let mut mailboxes = Vec::new();
    let mut inboxes = Vec::new();
    for _ in 0..count {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (asks, inbox) = sync_channel(ASKS_MAX);
        polls.push(poll);
        mailboxes.push(Mailbox { asks, waker });
        inboxes.push(inbox);
    }
    let mut handles = Vec::new();
    let mut listener = Some(listener);
    for (index, ((poll, inbox), mut socket)) in polls.into_iter().zip(inboxes).zip(sockets).enumerate() {
        poll.registry()
            .register(&mut socket, UDP, Interest::READABLE | Interest::WRITABLE)?;
        let mut listener = listener.take();
        if let Some(listener) = &mut listener {
            poll.registry().register(listener, LISTENER, Interest::READABLE)?;
        }
        let thread = Thread {
            index,
            poll,
            plane: Plane::new(
                index,
                config.viewers_per_room_max,
                setup.clone(),
                registry.clone(),
            ),
            net: Net {
                udp: Udp::new(socket)?,
                tcp: Connections::new(FIRST_CONNECTION),
                closing: Vec::new(),
            },
            listener,
            inbox,
            mailboxes: mailboxes.clone(),
            registry: registry.clone(),
            events: events.clone(),
            words: words.clone(),
            udp_more: false,
        };
        let builder = std::thread::Builder::new().name(format!("media-{index}"));
        handles.push(builder.spawn(move || thread.run())?);
    }
    Ok(Threads {
        mailboxes,
        address,
        advertised,
        handles,
    })
}

/// Opens the TCP port and as many UDP sockets on the same one. The listener comes first and does not share:
/// it keeps a second server from quietly taking half of the datagrams.
fn open(listen: SocketAddr, count: usize) -> io::Result<(TcpListener, Vec<UdpSocket>)> {
    let mut attempts = 0;
    loop {
        let listener = TcpListener::bind(listen)?;
        let address = listener.local_addr()?;
        let sockets: io::Result<Vec<UdpSocket>> =
            (0..count).map(|_| udp_socket(address, count > 1)).collect();
        match sockets {
            Ok(sockets) => return Ok((listener, sockets)),
            // Any port would do, and this one is taken for UDP: try another.
            Err(_) if listen.port() == 0 && attempts < 16 => attempts += 1,
            Err(error) => return Err(error),
        }
    }
}

fn udp_socket(address: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}

/// The addresses peers are told: those configured, else the one listened on, else loopback and those that
/// packets to far away would leave from.
fn advertised(config: &Config, address: SocketAddr) -> Vec<SocketAddr> {
    let ips = if !config.advertised.is_empty() {
        config.advertised.clone()
    } else if !address.ip().is_unspecified() {
        vec![address.ip()]
    } else {
        let mut ips = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        ips.extend(leaving_from(
            (Ipv4Addr::UNSPECIFIED, 0).into(),
            (Ipv4Addr::new(192, 0, 2, 1), 9).into(),
        ));
        if address.is_ipv6() {
            let far = (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into();
            ips.extend(leaving_from((Ipv6Addr::UNSPECIFIED, 0).into(), far));
        }
        ips
    };
    let mut advertised: Vec<SocketAddr> = Vec::new();
    for ip in ips {
        let address = SocketAddr::new(ip, address.port());
        if !advertised.contains(&address) {
            advertised.push(address);
        }
    }
    advertised
}

/// The local address of the route to `to`. Sends nothing.
fn leaving_from(any: SocketAddr, to: SocketAddr) -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind(any).ok()?;
    socket.connect(to).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}

/// The sockets of a thread, as a [`Wire`].
struct Net {
    udp: Udp,
    tcp: Connections,
    closing: Vec<SocketAddr>,
}

impl Wire for Net {
    fn send(&mut self, to: Remote, from: Option<IpAddr>, bytes: &[u8]) {
        if to.tcp {
            self.tcp.send(to.address, bytes);
        } else {
            self.udp.send(to.address, from, bytes);
        }
    }

    fn close(&mut self, to: Remote) {
        if to.tcp {
            self.closing.push(to.address);
        }
    }
}

struct Thread {
    index: usize,
    poll: Poll,
    plane: Plane,
    net: Net,
    listener: Option<TcpListener>,
    inbox: Receiver<Ask>,
    mailboxes: Vec<Mailbox>,
    registry: Arc<Registry>,
    events: mpsc::Sender<MediaEvent>,
    words: SyncSender<Word>,
    /// There may be more to read, though the system will not say so again.
    udp_more: bool,
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the I/O shell: it gives the plane its time"
)]
fn clock() -> Instant {
    Instant::now()
}

impl Thread {
    fn run(mut self) {
        let mut ready = Events::with_capacity(256);
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let timeout = self.timeout();
            if let Err(error) = self.poll.poll(&mut ready, timeout)
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "a media thread cannot wait for its sockets");
                return;
            }
            let mut asked = false;
            for event in &ready {
                match event.token() {
                    WAKER => asked = true,
                    UDP => {
                        self.udp_more |= event.is_readable();
                        if event.is_writable() {
                            self.net.udp.drain_backlog();
                        }
                    }
                    LISTENER => self.accept(),
                    token => self.connection(token, event.is_writable()),
                }
            }
            if self.udp_more {
                self.read_udp(&mut buffer);
            }
            if asked && !self.answer() {
                return;
            }
            let now = clock();
            self.plane.pass(now, &mut self.net);
            self.finish();
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if self.udp_more {
            return Some(Duration::ZERO);
        }
        let wait = self
            .plane
            .deadline()
            .map(|at| at.saturating_duration_since(clock()));
        if self.plane.events.is_empty() && self.plane.words.is_empty() {
            wait
        } else {
            // A listener was full; look again soon.
            Some(wait.unwrap_or(Duration::MAX).min(Duration::from_millis(20)))
        }
    }

    /// Sends what has been gathered and tells what has happened.
    fn finish(&mut self) {
        self.net.udp.flush();
        self.net.tcp.flush();
        for remote in std::mem::take(&mut self.net.closing) {
            self.net.tcp.close(self.poll.registry(), remote);
        }
        while let Some(event) = self.plane.events.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
                self.plane.events.push_front(event);
                break;
            }
        }
        self.plane.events.truncate(EVENTS_WAITING_MAX);
        for word in std::mem::take(&mut self.plane.words) {
            match self.words.try_send(word) {
                // A room's end must arrive; without a picture it goes on from the next keyframe.
                Err(TrySendError::Full(over @ (Word::Over(_) | Word::Show(..)))) => {
                    self.plane.words.push(over)
                }
                Err(TrySendError::Full(Word::Packet { .. } | Word::Picture { .. })) => {
                    tracing::debug!("the programs' thread does not keep up");
                }
                Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            }
        }
        self.registry
            .lost_to_send(self.index, self.net.udp.dropped + self.net.tcp.dropped);
    }

    fn read_udp(&mut self, buffer: &mut [u8]) {
        for _ in 0..READS_IN_A_ROW {
            let now = clock();
            let Self {
                net,
                plane,
                mailboxes,
                registry,
                index,
                ..
            } = self;
            let Net { udp, tcp, closing } = net;
            let mut split = SplitNet { tcp, closing };
            let result = udp.receive(buffer, |udp, received| {
                if received.bytes.len() > DATAGRAM_BYTES_MAX {
                    return;
                }
                let from = Remote {
                    tcp: false,
                    address: received.from,
                };
                let known = plane.knows(from) && !demux::is_stun(received.bytes);
                let thread = if known {
                    *index
                } else {
                    whose(registry, *index, from, received.bytes)
                };
                match thread {
                    thread if thread != *index => hand_over(mailboxes, thread, &received),
                    _ => {
                        let mut wire = (udp, &mut split);
                        plane.receive(from, received.to, received.bytes, now, &mut wire);
                    }
                }
            });
            match result {
                Ok(true) => {}
                Ok(false) => {
                    self.udp_more = false;
                    return;
                }
                // An error of one datagram sent earlier, as the system reports them.
                Err(error) => tracing::debug!(%error, "reading datagrams"),
            }
        }
    }

    fn accept(&mut self) {
        while let Some(Ok((stream, _))) = self.listener.as_ref().map(TcpListener::accept) {
            if self.registry.has_room_for_connection() {
                self.net
                    .tcp
                    .insert(self.poll.registry(), stream, Vec::new(), clock());
            }
        }
    }

    fn connection(&mut self, token: Token, writable: bool) {
        let Some(key) = self.net.tcp.key(token) else {
            return;
        };
        if writable {
            self.net.tcp.write(key);
        }
        self.read_connection(key);
    }

    fn read_connection(&mut self, key: usize) {
        loop {
            let frame = match self.net.tcp.next(key) {
                Next::Frame(frame) => frame,
                Next::Nothing => return,
                Next::Closed => return self.net.tcp.remove(self.poll.registry(), key),
            };
            let Some(connection) = self.net.tcp.get(key) else {
                return;
            };
            let from = Remote {
                tcp: true,
                address: connection.remote,
            };
            let to = connection.local;
            if self.net.tcp.is_stranger(key) {
                match demux::our_ufrag(&frame).and_then(demux::thread_of) {
                    Some(thread) if thread == self.index => self.net.tcp.adopt(key),
                    Some(thread) if thread < self.mailboxes.len() => {
                        if let Some((stream, received)) =
                            self.net.tcp.hand_over(self.poll.registry(), key, &frame)
                        {
                            let _ = self.mailboxes[thread].post(Ask::Connection(stream, received));
                        }
                        return;
                    }
                    _ => return self.net.tcp.remove(self.poll.registry(), key),
                }
            }
            self.plane.receive(from, to, &frame, clock(), &mut self.net);
        }
    }

    /// Answers what was asked; false when the thread is to stop.
    fn answer(&mut self) -> bool {
        while let Ok(ask) = self.inbox.try_recv() {
            let now = clock();
            let (plane, net) = (&mut self.plane, &mut self.net);
            // Whoever asked may have gone; a session nobody knows of ends by itself.
            match ask {
                Ask::Publish(ask, place, reply) => drop(reply.send(plane.publish(&ask, place, now, net))),
                Ask::OpenFeed(ask, over, reply) => drop(reply.send(plane.open_feed(&ask, over, now, net))),
                Ask::Feed(id, seat, session, fed) => {
                    plane.feed(id, usize::from(seat), session, fed, now, net)
                }
                Ask::CloseFeed(id, seat, session) => plane.close_feed(id, usize::from(seat), session),
                Ask::View(ask, place, reply) => drop(reply.send(plane.view(&ask, place, now, net))),
                Ask::Trickle(id, etag, fragment, reply) => {
                    drop(reply.send(plane.trickle(id, etag.as_deref(), &fragment, now, net)));
                }
                Ask::Tiles(id, heights, reply) => drop(reply.send(plane.tiles(id, &heights, now, net))),
                Ask::Close(id, reply) => drop(reply.send(plane.close(id, now, net))),
                Ask::CloseRoom(id, reply) => {
                    plane.close_room(id, now, net);
                    let _ = reply.send(());
                }
                Ask::ClosePerson(id, person, reply) => {
                    plane.close_person(id, person, now, net);
                    let _ = reply.send(());
                }
                Ask::ClearSeat(id, seat, reply) => {
                    plane.clear_seat(id, seat, now, net);
                    let _ = reply.send(());
                }
                Ask::Switch {
                    room,
                    seat,
                    muted,
                    hidden,
                } => plane.switch(room, seat, muted, hidden, now, net),
                Ask::Broadcast(id) => plane.broadcast(id, now, net),
                Ask::Figures(id, reply) => drop(reply.send(plane.figures(id, now))),
                Ask::Datagram(from, to, bytes) => {
                    let from = Remote {
                        tcp: false,
                        address: from,
                    };
                    plane.receive(from, to, &bytes, now, net);
                }
                Ask::Connection(stream, received) => {
                    let registry = self.poll.registry();
                    if let Some(key) = net.tcp.insert(registry, stream, received, now) {
                        self.read_connection(key);
                    }
                }
                Ask::Stop => {
                    self.plane.close_all(now, &mut self.net);
                    self.finish();
                    return false;
                }
            }
        }
        true
    }
}

/// The sockets of a thread while its UDP socket is being read.
struct SplitNet<'a> {
    tcp: &'a mut Connections,
    closing: &'a mut Vec<SocketAddr>,
}

impl Wire for (&mut Udp, &mut SplitNet<'_>) {
    fn send(&mut self, to: Remote, from: Option<IpAddr>, bytes: &[u8]) {
        if to.tcp {
            self.1.tcp.send(to.address, bytes);
        } else {
            self.0.send(to.address, from, bytes);
        }
    }

    fn close(&mut self, to: Remote) {
        if to.tcp {
            self.1.closing.push(to.address);
        }
    }
}

/// The thread that a datagram's peer is on; this one when nobody knows.
fn whose(registry: &Registry, here: usize, from: Remote, bytes: &[u8]) -> usize {
    if registry.threads() == 1 {
        return here;
    }
    let thread = match demux::our_ufrag(bytes) {
        Some(ufrag) => demux::thread_of(ufrag),
        None => registry.thread_of(from),
    };
    thread
        .filter(|thread| *thread < registry.threads())
        .unwrap_or(here)
}

fn hand_over(mailboxes: &[Mailbox], thread: usize, received: &Received<'_>) {
    // When that thread has too much to do, the datagram is lost, as it would be in a full socket.
    let _ = mailboxes[thread].post(Ask::Datagram(received.from, received.to, received.bytes.into()));
}
