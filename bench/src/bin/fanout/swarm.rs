//! The load: WebSocket clients in one or many rooms and the one who posts, in one loop on one core.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use busk_fanout::protocol;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Fallible;
use crate::packed::Packed;
use crate::wire::{Manner, Wire};

/// Handshakes that may be under way at once: below every server's backlog.
const OPENING: usize = 128;
const POSTER: Token = Token(usize::MAX);
/// Bytes of one message.
const MESSAGE: usize = 200;
/// What people say, more or less.
const WORDS: [&str; 16] = [
    "what",
    "a",
    "song",
    "hello",
    "from",
    "the",
    "other",
    "side",
    "again",
    "please",
    "louder",
    "thank",
    "you",
    "so",
    "much",
    "everybody",
];
/// As browsers do.
const OFFER: &str = "sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n";
const MARK: &[u8] = b"{\"due\":\"";
const DIGITS: usize = 12;
/// A bucket of the histogram is a tenth of a millisecond; the last one holds whatever took longer.
const BUCKETS: usize = 100_000;
/// What the kernel keeps for a client that reads nothing.
const STALLED_BUFFER: usize = 4096;

/// Who is where: clients go to the rooms in turn.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    pub sockets: usize,
    pub rooms: usize,
    /// Every second client reads nothing once it is in, and its kernel keeps little for it.
    pub half_stalled: bool,
}

impl Places {
    pub fn one_room(sockets: usize) -> Self {
        Self {
            sockets,
            rooms: 1,
            half_stalled: false,
        }
    }

    /// Of neighbours in turn one reads; rooms are one where some do not.
    fn is_stalled(&self, client: usize) -> bool {
        self.half_stalled && client % 2 == 1
    }

    /// Those who take in what is posted to a room.
    fn readers(&self) -> u64 {
        let readers = (0..self.sockets)
            .filter(|client| !self.is_stalled(*client))
            .count();
        (readers / self.rooms) as u64
    }
}

pub struct Swarm {
    poll: Poll,
    events: Events,
    places: Places,
    manner: Manner,
    packed: Packed,
    clients: Vec<Client>,
    poster: TcpStream,
    base: Instant,
    buffer: Vec<u8>,
    open: usize,
    lost: usize,
    histogram: Vec<u32>,
    received: u64,
    /// Of all messages, as they came.
    bytes: u64,
    address: SocketAddr,
}

struct Client {
    wire: Wire,
    carry: Vec<u8>,
    state: State,
    stalled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Shaking,
    Open,
    Lost,
}

/// What a load gave.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    pub expected: u64,
    pub received: u64,
    pub bytes: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl Swarm {
    pub fn connect(address: SocketAddr, places: Places) -> Fallible<Self> {
        Self::connect_by(Manner::default(), address, places)
    }

    pub fn connect_by(manner: Manner, address: SocketAddr, places: Places) -> Fallible<Self> {
        let count = places.sockets;
        let poll = Poll::new()?;
        let poster = std::net::TcpStream::connect(address)?;
        poster.set_nodelay(true)?;
        poster.set_nonblocking(true)?;
        let mut swarm = Self {
            poll,
            events: Events::with_capacity(512),
            places,
            manner,
            packed: Packed::default(),
            clients: Vec::with_capacity(count),
            poster: TcpStream::from_std(poster),
            base: Instant::now(),
            buffer: vec![0; 256 * 1024],
            open: 0,
            lost: 0,
            histogram: vec![0; BUCKETS + 1],
            received: 0,
            bytes: 0,
            address,
        };
        swarm
            .poll
            .registry()
            .register(&mut swarm.poster, POSTER, Interest::READABLE)?;
        let deadline = Instant::now() + Duration::from_secs(60);
        while swarm.open < count {
            while swarm.clients.len() < count && swarm.clients.len() - swarm.open < OPENING {
                swarm.dial()?;
            }
            swarm.turn(Duration::from_millis(100))?;
            if swarm.lost > 0 || Instant::now() > deadline {
                return Err(format!("{} of {count} open, {} lost", swarm.open, swarm.lost).into());
            }
        }
        Ok(swarm)
    }

    /// Posts `rate` messages a second for a while, to the rooms in turn, and waits until every reader has them all.
    pub fn run(&mut self, rate: u32, duration: Duration) -> Fallible<Outcome> {
        self.histogram.fill(0);
        (self.received, self.bytes) = (0, 0);
        let messages = (duration.as_secs_f64() * f64::from(rate)).round() as u32;
        let expected = u64::from(messages) * self.places.readers();
        let start = Instant::now();
        let mut sent = 0;
        let give_up = start + duration + Duration::from_secs(5);
        while self.received < expected {
            let now = Instant::now();
            let due = start + Duration::from_secs(1) * sent / rate;
            if sent < messages && now >= due {
                self.post(due, sent as usize % self.places.rooms)?;
                sent += 1;
                continue;
            }
            if now >= give_up {
                break;
            }
            let until = if sent < messages { due } else { give_up };
            self.turn(until.saturating_duration_since(now))?;
        }
        if self.lost > 0 {
            return Err(format!("{} clients lost their connection", self.lost).into());
        }
        Ok(Outcome {
            expected,
            received: self.received,
            bytes: self.bytes,
            p50_ms: self.quantile(0.5),
            p99_ms: self.quantile(0.99),
        })
    }

    /// Reads on without posting.
    pub fn settle(&mut self, duration: Duration) -> Fallible<()> {
        let until = Instant::now() + duration;
        while Instant::now() < until {
            self.turn(until.saturating_duration_since(Instant::now()))?;
        }
        Ok(())
    }

    fn dial(&mut self) -> Fallible<()> {
        let address = self
            .manner
            .tls
            .as_ref()
            .map_or(self.address, |(address, _)| *address);
        let mut stream = TcpStream::connect(address)?;
        // Closing resets: no port stays behind in TIME_WAIT for the next round.
        let socket = socket2::SockRef::from(&stream);
        socket.set_linger(Some(Duration::ZERO))?;
        let stalled = self.places.is_stalled(self.clients.len());
        if stalled {
            socket.set_recv_buffer_size(STALLED_BUFFER)?;
        }
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, Token(self.clients.len()), interest)?;
        self.clients.push(Client {
            wire: self.manner.wire(stream)?,
            carry: Vec::new(),
            state: State::Connecting,
            stalled,
        });
        Ok(())
    }

    fn post(&mut self, due: Instant, room: usize) -> Fallible<()> {
        let request = posted(due.duration_since(self.base).as_micros(), room);
        // A server whose queue for this is full no longer keeps up at all; then the bench has no figure.
        Ok(self.poster.write_all(request.as_bytes())?)
    }

    fn turn(&mut self, wait: Duration) -> Fallible<()> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            if event.token() == POSTER {
                // The answers to posts say nothing that matters here.
                while matches!(self.poster.read(&mut self.buffer), Ok(count) if count > 0) {}
                continue;
            }
            let index = event.token().0;
            if self.clients[index].state == State::Connecting && event.is_writable() {
                let room = index % self.places.rooms;
                let mut request = handshake(&format!("room={room}"));
                if self.manner.deflate {
                    request.insert_str(request.len() - 2, OFFER);
                }
                self.clients[index].wire.write(request.as_bytes())?;
                self.clients[index].state = State::Shaking;
            }
            let client = &self.clients[index];
            let deaf = client.stalled && client.state == State::Open;
            if event.is_readable() && !deaf {
                self.read(index);
            }
        }
        self.events = events;
        Ok(())
    }

    fn read(&mut self, index: usize) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let client = &mut self.clients[index];
        loop {
            match client.wire.read(&mut buffer) {
                Ok(count) if count > 0 => {
                    let now_us = self.base.elapsed().as_micros() as u64;
                    let mut tally = |due_us: u64| {
                        self.received += 1;
                        let tenths = now_us.saturating_sub(due_us) / 100;
                        self.histogram[(tenths as usize).min(BUCKETS)] += 1;
                    };
                    let before = client.state;
                    if before == State::Open {
                        self.bytes += count as u64;
                    }
                    client.take_in(&buffer[..count], &mut self.packed, &mut tally);
                    match (before, client.state) {
                        (State::Shaking, State::Open) => self.open += 1,
                        (State::Open | State::Shaking, State::Lost) => self.lost += 1,
                        _ => {}
                    }
                    if client.wire.is_emptied_by(count, buffer.len()) {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                _ => {
                    if client.state != State::Lost {
                        client.state = State::Lost;
                        self.lost += 1;
                    }
                    break;
                }
            }
        }
        self.buffer = buffer;
    }

    fn quantile(&self, part: f64) -> f64 {
        let rank = (self.received as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.histogram.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank && seen > 0 {
                return (bucket + 1) as f64 / 10.0;
            }
        }
        f64::NAN
    }
}

impl Client {
    fn take_in(&mut self, bytes: &[u8], packed: &mut Packed, tally: &mut impl FnMut(u64)) {
        if self.state == State::Open && self.carry.is_empty() {
            let used = self.frames(bytes, packed, tally);
            self.carry.extend_from_slice(&bytes[used..]);
            return;
        }
        let mut carry = std::mem::take(&mut self.carry);
        carry.extend_from_slice(bytes);
        if self.state == State::Shaking {
            let Some(end) = carry.windows(4).position(|window| window == b"\r\n\r\n") else {
                self.carry = carry;
                return;
            };
            let switched = carry.starts_with(b"HTTP/1.1 101");
            self.state = if switched { State::Open } else { State::Lost };
            carry.drain(..end + 4);
        }
        let used = self.frames(&carry, packed, tally);
        if used < carry.len() {
            carry.drain(..used);
            self.carry = carry;
        }
    }

    /// Reads whole frames; how many bytes they had.
    fn frames(&mut self, bytes: &[u8], packed: &mut Packed, tally: &mut impl FnMut(u64)) -> usize {
        let mut at = 0;
        while let Some(payload) = protocol::server_payload(&bytes[at..]) {
            let (first, payload, end) = (bytes[at], &bytes[at..][payload.clone()], at + payload.end);
            match first {
                0x81 => messages(payload, tally),
                0xC1 => packed.messages(payload).iter().for_each(|due_us| tally(*due_us)),
                0x89 => {
                    // An empty pong with the mask of zeros.
                    let _ = self.wire.write(&[0x8A, 0x80, 0, 0, 0, 0]);
                }
                _ => self.state = State::Lost,
            }
            at = end;
        }
        at
    }
}

/// The request that says something in a room: a message that carries when it was due.
pub fn posted(due_us: u128, room: usize) -> String {
    // Words and an id that differ from message to message, as in a room.
    let mut dice = due_us as u64;
    let mut roll = || {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        dice >> 32
    };
    let mut body = format!(
        "{{\"due\":\"{due_us:0DIGITS$}\",\"id\":\"{:08x}-{:08x}\",\"text\":\"",
        roll(),
        roll()
    );
    while body.len() < MESSAGE {
        body.push_str(WORDS[roll() as usize % WORDS.len()]);
        body.push(' ');
    }
    body.truncate(MESSAGE - 2);
    body.push_str("\"}");
    format!(
        "POST /pub?room={room} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The request that opens a WebSocket.
pub fn handshake(query: &str) -> String {
    format!(
        "GET /sub?{query} HTTP/1.1\r\nhost: bench\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Finds the messages in a payload by their first bytes; they all have the same length.
pub fn messages(mut payload: &[u8], tally: &mut impl FnMut(u64)) {
    while let Some(at) = payload.windows(MARK.len()).position(|window| window == MARK) {
        let Some(message) = payload.get(at..at + MESSAGE) else {
            return;
        };
        let digits = &message[MARK.len()..MARK.len() + DIGITS];
        let due_us = digits.iter().fold(0, |number, digit| {
            number * 10 + u64::from(digit.wrapping_sub(b'0'))
        });
        tally(due_us);
        payload = &payload[at + MESSAGE..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_message_of_a_frame() {
        let message = |due: u64| {
            let head = format!("{{\"due\":\"{due:0DIGITS$}\",\"text\":\"");
            format!("{head}{}\"}}", "x".repeat(MESSAGE - head.len() - 2))
        };
        let payload = format!(
            "{{\"seq\":3,\"ev\":[{},{},{}]}}",
            message(1),
            message(123_456),
            message(7)
        );
        let mut seen = Vec::new();
        messages(payload.as_bytes(), &mut |due| seen.push(due));
        assert_eq!(seen, [1, 123_456, 7]);
    }
}
