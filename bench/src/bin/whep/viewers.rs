//! Many viewers on one thread. Each has a socket and a whole WebRTC peer; until its first keyframe is
//! whole it does all that a viewer does. After that, so that one core can watch for hundreds, packets
//! are counted by the sequence numbers that SRTP leaves in clear, and only what is not media goes to
//! the peer. Some stay whole viewers throughout.

use std::collections::BTreeMap;
use std::io::{ErrorKind, IoSliceMut};
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use busk_camera::h264::{AccessUnit, Assembler};
use busk_camera::protocol::{Peer, PeerOutput};
use mio::{Events, Interest, Poll, Token, Waker};
use quinn_udp::{RecvMeta, UdpSocketState};
use str0m::media::MediaKind;

use crate::Fallible;

const WAKER: Token = Token(usize::MAX);
/// Between two looks at the peers' timers.
const TIMERS_EVERY: Duration = Duration::from_millis(5);
const READS: usize = 8;
const READ_BYTES: usize = 65_536;
/// Payload types that [`Peer`] offers.
const PT_VIDEO: u8 = 108;
const PT_AUDIO: u8 = 111;

/// A viewer whose answer has come.
pub struct Joining {
    pub socket: UdpSocket,
    pub peer: Peer,
    /// When its request was due.
    pub due: Instant,
    /// It decrypts and assembles everything, all along.
    pub whole: bool,
}

/// What all viewers together have seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub connected: usize,
    /// Bytes of datagrams with media, as UDP carries them.
    pub bytes: u64,
    pub packets: u64,
    /// Packets that should have come by the sequence numbers.
    pub expected: u64,
    pub lost: u64,
    /// Milliseconds from when each join was due to its first whole keyframe.
    pub joins_ms: Vec<f64>,
    /// Pictures that the whole viewers put together.
    pub frames: u64,
    pub ended: usize,
}

impl Seen {
    pub fn loss_pct(&self) -> f64 {
        self.lost as f64 * 100.0 / self.expected.max(1) as f64
    }
}

enum Command {
    Join(Box<Joining>),
    Look(Sender<Seen>),
    /// Note the times and sizes of the first viewer's media datagrams, for this long.
    Record(Duration, Sender<Vec<(u64, usize)>>),
    Leave,
}

/// The thread's handle.
#[derive(Clone)]
pub struct Viewers {
    commands: Sender<Command>,
    waker: Arc<Waker>,
}

impl Viewers {
    /// `coalesce`: take runs of datagrams as one (UDP GRO), as behind a network card that cuts them.
    pub fn start(coalesce: bool) -> Fallible<Viewers> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (commands, inbox) = channel();
        std::thread::Builder::new()
            .name("viewers".into())
            .spawn(move || {
                if let Err(error) = Room::new(poll, inbox, coalesce).run() {
                    eprintln!("the viewers stopped: {error}");
                }
            })?;
        Ok(Viewers { commands, waker })
    }

    fn post(&self, command: Command) -> Fallible<()> {
        self.commands
            .send(command)
            .map_err(|_| "the viewers' thread is gone")?;
        Ok(self.waker.wake()?)
    }

    pub fn join(&self, joining: Joining) -> Fallible<()> {
        self.post(Command::Join(Box::new(joining)))
    }

    pub fn look(&self) -> Fallible<Seen> {
        let (reply, seen) = channel();
        self.post(Command::Look(reply))?;
        Ok(seen.recv()?)
    }

    pub fn record(&self, length: Duration) -> Fallible<Vec<(u64, usize)>> {
        let (reply, recording) = channel();
        self.post(Command::Record(length, reply))?;
        Ok(recording.recv()?)
    }

    /// Says goodbye for all of them and ends the thread.
    pub fn leave(&self) -> Fallible<()> {
        self.post(Command::Leave)
    }
}

/// Sequence numbers of one stream, extended from 16 bits.
#[derive(Default)]
struct Tally {
    first: Option<u64>,
    last: u64,
    received: u64,
}

impl Tally {
    fn count(&mut self, sequence: u16) {
        if self.first.is_none() {
            // One wrap ahead, so that an earlier packet that comes later does not go below zero.
            let start = u64::from(sequence) + 0x1_0000;
            (self.first, self.last) = (Some(start), start);
        }
        let ahead = sequence.wrapping_sub(self.last as u16) as i16;
        let extended = self.last.wrapping_add_signed(i64::from(ahead));
        self.first = self.first.map(|first| first.min(extended));
        self.last = self.last.max(extended);
        self.received += 1;
    }

    fn expected(&self) -> u64 {
        self.first.map_or(0, |first| self.last - first + 1)
    }
}

struct Viewer {
    socket: mio::net::UdpSocket,
    gro: Option<UdpSocketState>,
    peer: Peer,
    due: Instant,
    wait: Instant,
    whole: bool,
    connected: bool,
    joined_ms: Option<f64>,
    assembler: Assembler,
    video: Tally,
    audio: Tally,
    bytes: u64,
    frames: u64,
    ended: bool,
}

struct Recording {
    start: Instant,
    length: Duration,
    datagrams: Vec<(u64, usize)>,
    reply: Sender<Vec<(u64, usize)>>,
}

struct Room {
    poll: Poll,
    inbox: Receiver<Command>,
    coalesce: bool,
    viewers: BTreeMap<usize, Viewer>,
    recording: Option<Recording>,
    buffer: Vec<u8>,
}

impl Room {
    fn new(poll: Poll, inbox: Receiver<Command>, coalesce: bool) -> Room {
        let buffer = vec![0; READS * READ_BYTES];
        Room {
            poll,
            inbox,
            coalesce,
            viewers: BTreeMap::new(),
            recording: None,
            buffer,
        }
    }

    fn run(mut self) -> Fallible<()> {
        let mut events = Events::with_capacity(512);
        let mut timers = now();
        loop {
            let until_timers = timers.saturating_duration_since(now());
            match self.poll.poll(&mut events, Some(until_timers)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => other?,
            }
            for event in &events {
                if event.token() != WAKER
                    && let Some(viewer) = self.viewers.get_mut(&event.token().0)
                {
                    let recording = if event.token().0 == 0 {
                        self.recording.as_mut()
                    } else {
                        None
                    };
                    viewer.read(&mut self.buffer, recording)?;
                }
            }
            while let Ok(command) = self.inbox.try_recv() {
                match command {
                    Command::Join(joining) => self.join(*joining)?,
                    // A reader that is gone wants no answer.
                    Command::Look(reply) => drop(reply.send(self.seen())),
                    Command::Record(length, reply) => {
                        self.recording = Some(Recording {
                            start: now(),
                            length,
                            datagrams: Vec::new(),
                            reply,
                        });
                    }
                    Command::Leave => {
                        for viewer in self.viewers.values_mut() {
                            viewer.peer.close()?;
                            viewer.drain()?;
                        }
                        return Ok(());
                    }
                }
            }
            if timers <= now() {
                timers = now() + TIMERS_EVERY;
                self.tick()?;
            }
        }
    }

    fn tick(&mut self) -> Fallible<()> {
        let at = now();
        for viewer in self
            .viewers
            .values_mut()
            .filter(|viewer| viewer.wait <= at && !viewer.ended)
        {
            viewer.peer.tick(at)?;
            viewer.drain()?;
        }
        if let Some(recording) = self
            .recording
            .take_if(|recording| recording.start + recording.length <= at)
        {
            drop(recording.reply.send(recording.datagrams));
        }
        Ok(())
    }

    fn join(&mut self, joining: Joining) -> Fallible<()> {
        let Joining {
            socket,
            peer,
            due,
            whole,
        } = joining;
        socket.set_nonblocking(true)?;
        let mut socket = mio::net::UdpSocket::from_std(socket);
        let token = self.viewers.len();
        self.poll
            .registry()
            .register(&mut socket, Token(token), Interest::READABLE)?;
        let gro = if self.coalesce {
            Some(UdpSocketState::new((&socket).into())?)
        } else {
            None
        };
        let mut viewer = Viewer {
            socket,
            gro,
            peer,
            due,
            wait: now(),
            whole,
            connected: false,
            joined_ms: None,
            assembler: Assembler::default(),
            video: Tally::default(),
            audio: Tally::default(),
            bytes: 0,
            frames: 0,
            ended: false,
        };
        viewer.drain()?;
        self.viewers.insert(token, viewer);
        Ok(())
    }

    fn seen(&self) -> Seen {
        let mut seen = Seen::default();
        for viewer in self.viewers.values() {
            seen.connected += usize::from(viewer.connected);
            seen.bytes += viewer.bytes;
            for tally in [&viewer.video, &viewer.audio] {
                seen.packets += tally.received;
                seen.expected += tally.expected();
                seen.lost += tally.expected().saturating_sub(tally.received);
            }
            seen.joins_ms.extend(viewer.joined_ms);
            seen.frames += viewer.frames;
            seen.ended += usize::from(viewer.ended);
        }
        seen
    }
}

impl Viewer {
    /// Reads until the socket is empty.
    fn read(&mut self, buffer: &mut [u8], mut recording: Option<&mut Recording>) -> Fallible<()> {
        loop {
            let mut metas = [RecvMeta::default(); READS];
            let count = match &self.gro {
                Some(state) => {
                    let mut slices: Vec<_> = buffer.chunks_mut(READ_BYTES).map(IoSliceMut::new).collect();
                    state.recv((&self.socket).into(), &mut slices, &mut metas)
                }
                None => self.socket.recv_from(buffer).map(|(len, addr)| {
                    metas[0] = RecvMeta {
                        addr,
                        len,
                        stride: len,
                        ..RecvMeta::default()
                    };
                    1
                }),
            };
            let count = match count {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            for (meta, run) in metas[..count].iter().zip(buffer.chunks(READ_BYTES)) {
                for datagram in run[..meta.len].chunks(meta.stride.max(1)) {
                    self.take(meta, datagram, recording.as_deref_mut())?;
                }
            }
        }
    }

    fn take(&mut self, meta: &RecvMeta, datagram: &[u8], recording: Option<&mut Recording>) -> Fallible<()> {
        let media = self.count(datagram);
        if let Some(recording) = recording
            && media
        {
            let at = now().saturating_duration_since(recording.start);
            recording.datagrams.push((at.as_micros() as u64, datagram.len()));
        }
        if !media || self.whole || self.joined_ms.is_none() {
            self.peer.receive(now(), meta.addr, datagram)?;
            self.drain()?;
        }
        Ok(())
    }

    /// Counts a datagram by its RTP header (RFC 3550 §5.1); false when it is none of the two tracks'.
    fn count(&mut self, datagram: &[u8]) -> bool {
        let [first, second, high, low, ..] = *datagram else {
            return false;
        };
        // RFC 7983: RTP and RTCP begin with 128 to 191; RTCP's types are none of our payload types.
        if first >> 6 != 2 {
            return false;
        }
        let tally = match second & 0x7f {
            PT_VIDEO => &mut self.video,
            PT_AUDIO => &mut self.audio,
            _ => return false,
        };
        tally.count(u16::from_be_bytes([high, low]));
        self.bytes += datagram.len() as u64;
        true
    }

    fn drain(&mut self) -> Fallible<()> {
        let mut units: Vec<AccessUnit> = Vec::new();
        loop {
            match self.peer.poll()? {
                PeerOutput::Wait(until) => {
                    self.wait = until;
                    break;
                }
                // A full socket loses a datagram, as networks do; the peers know how to live with it.
                PeerOutput::Send { to, datagram } => drop(self.socket.send_to(&datagram, to)),
                PeerOutput::Connected => self.connected = true,
                PeerOutput::Packet(packet) if packet.kind == MediaKind::Video => {
                    let payload = &packet.payload;
                    self.assembler.push(
                        packet.sequence,
                        packet.rtp_time,
                        packet.marker,
                        payload,
                        &mut units,
                    );
                }
                PeerOutput::Packet(_) | PeerOutput::KeyframeWanted => {}
                PeerOutput::Closed => self.ended = true,
            }
        }
        self.frames += units.len() as u64;
        if self.joined_ms.is_none() && units.iter().any(|unit| unit.keyframe) {
            self.joined_ms = Some(now().saturating_duration_since(self.due).as_secs_f64() * 1000.0);
        }
        Ok(())
    }
}

#[allow(clippy::disallowed_methods, reason = "a load maker keeps time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_in_sequence_numbers_are_losses_and_reordering_is_not() {
        for (sequences, expected, received) in [
            (vec![5u16, 6, 7], 3, 3),
            (vec![5, 7, 6], 3, 3),
            (vec![6, 5, 7], 3, 3),
            (vec![5, 9], 5, 2),
            (vec![65_534, 65_535, 0, 1], 4, 4),
            (vec![65_534, 1], 4, 2),
            (vec![0, 65_535, 1], 3, 3),
        ] {
            let mut tally = Tally::default();
            sequences.iter().for_each(|sequence| tally.count(*sequence));
            assert_eq!(
                (tally.expected(), tally.received),
                (expected, received),
                "{sequences:?}"
            );
        }
    }
}
