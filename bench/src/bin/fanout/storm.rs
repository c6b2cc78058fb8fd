//! Everybody comes at once, and everybody comes again at once.
//!
//! Joins are open-loop: each has its moment, and its snapshot counts from there, however late it was dialled. Then
//! the server sends all of them away; each comes again after the wait that browsers have, with its number and epoch.
//! Somebody talks all the while. Every message has a number, and every client counts: a number that it was not told
//! is lost, one that it was told again is doubled.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use busk_bench::figures::{Report, quantile};
use busk_fanout::protocol;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Fallible;
use crate::swarm::{handshake, messages, posted};

const POSTER: Token = Token(usize::MAX);
/// Messages a second to everyone.
const RATE: u32 = 10;
/// A browser's wait before it comes again the first time: between a quarter and the whole of it.
const WAIT_MS: u64 = 400;
/// How long the last may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A value a round.
#[derive(Default)]
pub struct Storm {
    snapshot_p50_ms: Vec<f64>,
    snapshot_p99_ms: Vec<f64>,
    resume_p99_ms: Vec<f64>,
    back_s: Vec<f64>,
    lost: Vec<f64>,
    doubled: Vec<f64>,
    reset: Vec<f64>,
}

pub fn measure(rounds: &mut Storm, address: SocketAddr, joins: usize, within: Duration) -> Fallible<()> {
    let mut crowd = Crowd::new(address, joins)?;
    let start = Instant::now();
    crowd.due = (0..joins)
        .map(|join| start + within.mul_f64(join as f64 / joins as f64))
        .collect();
    crowd.until_all_are_in()?;
    let snapshots = std::mem::take(&mut crowd.took_ms);

    crowd
        .poster
        .write_all(b"POST /send-away HTTP/1.1\r\nhost: bench\r\ncontent-length: 0\r\n\r\n")?;
    crowd.sent_away = Some(Instant::now());
    let back = crowd.until_all_are_in()?;
    crowd.until_all_are_told()?;
    eprintln!(
        "{joins} joins: p99 {:.1} ms; all back after {back:?}; {} lost, {} doubled, {} reset",
        quantile(&snapshots, 0.99),
        crowd.lost,
        crowd.doubled,
        crowd.reset
    );
    rounds.snapshot_p50_ms.push(quantile(&snapshots, 0.5));
    rounds.snapshot_p99_ms.push(quantile(&snapshots, 0.99));
    rounds.resume_p99_ms.push(quantile(&crowd.took_ms, 0.99));
    rounds.back_s.push(back.as_secs_f64());
    rounds.lost.push(crowd.lost as f64);
    rounds.doubled.push(crowd.doubled as f64);
    rounds.reset.push(crowd.reset as f64);
    Ok(())
}

impl Storm {
    pub fn tell(&self, report: &mut Report) {
        report.figure("storm.snapshot_p50_ms", &self.snapshot_p50_ms, "ms");
        report.figure("storm.snapshot_p99_ms", &self.snapshot_p99_ms, "ms");
        report.figure("storm.resume_p99_ms", &self.resume_p99_ms, "ms");
        report.figure("storm.back_s", &self.back_s, "s");
        report.figure("storm.lost", &self.lost, "messages");
        report.figure("storm.doubled", &self.doubled, "messages");
        report.figure("storm.reset", &self.reset, "clients");
    }

    pub fn is_measured(&self) -> bool {
        !self.snapshot_p99_ms.is_empty()
    }
}

struct Crowd {
    address: SocketAddr,
    poll: Poll,
    clients: Vec<Client>,
    /// When each is to dial, or was.
    due: Vec<Instant>,
    poster: TcpStream,
    base: Instant,
    next_post: Instant,
    posted: u64,
    sent_away: Option<Instant>,
    /// From each one's moment to its hello.
    took_ms: Vec<f64>,
    inside: usize,
    lost: u64,
    doubled: u64,
    reset: u64,
    buffer: Vec<u8>,
}

#[derive(Default)]
struct Client {
    stream: Option<TcpStream>,
    state: State,
    carry: Vec<u8>,
    /// The last number it knows; none before its first hello.
    seen: Option<u64>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Outside,
    Connecting,
    Shaking,
    /// Its hello has not come yet.
    Waiting,
    Inside,
}

impl Crowd {
    fn new(address: SocketAddr, joins: usize) -> Fallible<Self> {
        let poll = Poll::new()?;
        let poster = std::net::TcpStream::connect(address)?;
        poster.set_nodelay(true)?;
        poster.set_nonblocking(true)?;
        let mut poster = TcpStream::from_std(poster);
        poll.registry()
            .register(&mut poster, POSTER, Interest::READABLE)?;
        let now = Instant::now();
        Ok(Self {
            address,
            poll,
            clients: (0..joins).map(|_| Client::default()).collect(),
            due: Vec::new(),
            poster,
            base: now,
            next_post: now,
            posted: 0,
            sent_away: None,
            took_ms: Vec::new(),
            inside: 0,
            lost: 0,
            doubled: 0,
            reset: 0,
            buffer: vec![0; 256 * 1024],
        })
    }

    /// Dials whoever is due and talks on. How long it took.
    fn until_all_are_in(&mut self) -> Fallible<Duration> {
        let start = Instant::now();
        let last = self.due.iter().max().map_or(start, |due| (*due).max(start));
        // Clients dial in the order of their moments the first time; the second time that order is their wait's.
        let mut begun = 0;
        loop {
            let now = Instant::now();
            if self.sent_away.is_none() {
                while begun < self.clients.len() && self.due[begun] <= now {
                    self.dial(begun)?;
                    begun += 1;
                }
            } else {
                self.dial_those_sent_away(now)?;
            }
            if self.took_ms.len() == self.clients.len() && self.inside == self.clients.len() {
                return Ok(start.elapsed());
            }
            if now > last + PATIENCE {
                let (inside, all) = (self.inside, self.clients.len());
                return Err(format!("{inside} of {all} came in").into());
            }
            self.turn(true)?;
        }
    }

    fn dial_those_sent_away(&mut self, now: Instant) -> Fallible<()> {
        for index in 0..self.clients.len() {
            if self.clients[index].state == State::Outside && self.due[index] <= now {
                self.dial(index)?;
            }
        }
        Ok(())
    }

    /// Nobody talks any more: until the last message is everywhere.
    fn until_all_are_told(&mut self) -> Fallible<()> {
        let until = Instant::now() + PATIENCE;
        let told = |client: &Client, posted| client.seen.is_some_and(|seen| seen >= posted);
        while !self.clients.iter().all(|client| told(client, self.posted)) {
            if Instant::now() > until {
                let posted = self.posted;
                self.lost += self
                    .clients
                    .iter()
                    .filter_map(|client| posted.checked_sub(client.seen?))
                    .sum::<u64>();
                return Ok(());
            }
            self.turn(false)?;
        }
        Ok(())
    }

    fn dial(&mut self, index: usize) -> Fallible<()> {
        let mut stream = TcpStream::connect(self.address)?;
        // Closing resets: no port stays behind in TIME_WAIT for the next round.
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, Token(index), interest)?;
        let client = &mut self.clients[index];
        client.carry.clear();
        client.stream = Some(stream);
        client.state = State::Connecting;
        Ok(())
    }

    fn turn(&mut self, talking: bool) -> Fallible<()> {
        let now = Instant::now();
        if talking && now >= self.next_post {
            let due_us = self.next_post.duration_since(self.base).as_micros();
            self.poster.write_all(posted(due_us, 0).as_bytes())?;
            self.posted += 1;
            self.next_post += Duration::from_secs(1) / RATE;
        }
        let mut events = Events::with_capacity(512);
        match self.poll.poll(&mut events, Some(Duration::from_millis(1))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in &events {
            if event.token() == POSTER {
                // The answers to posts say nothing that matters here.
                while matches!(self.poster.read(&mut self.buffer), Ok(count) if count > 0) {}
                continue;
            }
            let index = event.token().0;
            let client = &mut self.clients[index];
            if client.state == State::Connecting && event.is_writable() {
                let known = client
                    .seen
                    .map_or(String::new(), |seen| format!("&epoch=1&after={seen}"));
                let request = handshake(&format!("room=0{known}"));
                if let Some(stream) = &mut client.stream {
                    stream.write_all(request.as_bytes())?;
                }
                client.state = State::Shaking;
            }
            if event.is_readable() {
                self.read(index)?;
            }
        }
        Ok(())
    }

    fn read(&mut self, index: usize) -> Fallible<()> {
        loop {
            let client = &mut self.clients[index];
            let Some(stream) = &mut client.stream else {
                return Ok(());
            };
            match stream.read(&mut self.buffer) {
                Ok(count) if count > 0 => {
                    client.carry.extend_from_slice(&self.buffer[..count]);
                    self.understand(index)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                _ => return Err("a client lost its connection without a word".into()),
            }
        }
    }

    fn understand(&mut self, index: usize) -> Fallible<()> {
        let mut carry = std::mem::take(&mut self.clients[index].carry);
        let mut at = 0;
        if self.clients[index].state == State::Shaking {
            let Some(end) = carry.windows(4).position(|window| window == b"\r\n\r\n") else {
                self.clients[index].carry = carry;
                return Ok(());
            };
            if !carry.starts_with(b"HTTP/1.1 101") {
                return Err("a handshake was refused".into());
            }
            self.clients[index].state = State::Waiting;
            at = end + 4;
        }
        while let Some(payload) = protocol::server_payload(&carry[at..]) {
            let (first, end) = (carry[at], at + payload.end);
            let payload = &carry[at..][payload];
            match first {
                0x81 => self.told(index, payload)?,
                0x88 => {
                    self.went(index)?;
                    return Ok(());
                }
                _ => {}
            }
            at = end;
        }
        carry.drain(..at);
        self.clients[index].carry = carry;
        Ok(())
    }

    /// A frame: the hello, or messages that bring their reader to a number.
    fn told(&mut self, index: usize, payload: &[u8]) -> Fallible<()> {
        let now = Instant::now();
        let Some(seq) = seq(payload) else {
            return Ok(());
        };
        let client = &mut self.clients[index];
        if client.state == State::Waiting {
            client.state = State::Inside;
            self.inside += 1;
            self.took_ms
                .push(now.duration_since(self.due[index]).as_secs_f64() * 1000.0);
            let resumed = payload.ends_with(b"\"resumed\":true}");
            self.reset += u64::from(client.seen.is_some() && !resumed);
            client.seen = Some(seq);
            return Ok(());
        }
        let mut count = 0;
        messages(payload, &mut |_| count += 1);
        let seen = client.seen.ok_or("messages before the hello")?;
        let before = seq.saturating_sub(count);
        self.lost += before.saturating_sub(seen);
        self.doubled += seen.saturating_sub(before);
        client.seen = Some(seq);
        Ok(())
    }

    /// It was sent away, and comes again after a while.
    fn went(&mut self, index: usize) -> Fallible<()> {
        let away = self.sent_away.ok_or("a client was sent away unasked")?;
        let client = &mut self.clients[index];
        self.inside -= usize::from(client.state == State::Inside);
        client.stream = None;
        client.state = State::Outside;
        // Spread evenly over the wait, in an order that is not that of the clients.
        let part = (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let wait_ms = WAIT_MS / 4 + (WAIT_MS * 3 / 4) * part / u64::from(u32::MAX);
        self.due[index] = Instant::now().max(away) + Duration::from_millis(wait_ms);
        Ok(())
    }
}

/// The number that a frame brings its reader to.
fn seq(payload: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"\"seq\":";
    let at = payload.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let digits = payload[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    #[test]
    fn reads_where_a_frame_brings_its_reader() {
        assert_eq!(super::seq(br#"{"v":1,"epoch":1,"seq":1204,"ev":[]}"#), Some(1204));
        assert_eq!(super::seq(br#"{"v":1,"totals":{"viewers":3}}"#), None);
    }
}
