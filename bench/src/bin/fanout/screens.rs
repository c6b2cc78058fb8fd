//! Sockets into a room of the real program, each of somebody with a session or of nobody: in one loop, on one core.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use busk_fanout::protocol;
use busk_testkit::app::Browser;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Fallible;

/// Handshakes that may be under way at once: below the server's backlog.
const OPENING: usize = 128;
/// How long all of them may take to come in.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Screens {
    address: SocketAddr,
    poll: Poll,
    events: Events,
    all: Vec<Screen>,
    buffer: Vec<u8>,
}

struct Screen {
    stream: Option<TcpStream>,
    request: String,
    carry: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Shaking,
    /// Its hello has not come yet.
    Waiting,
    Inside,
}

impl Screens {
    pub fn new(address: SocketAddr) -> Fallible<Self> {
        Ok(Self {
            address,
            poll: Poll::new()?,
            events: Events::with_capacity(512),
            all: Vec::new(),
            buffer: vec![0; 256 * 1024],
        })
    }

    /// Brings everybody into a room, and waits until each was greeted.
    pub fn enter(&mut self, room: &str, everybody: &[Browser]) -> Fallible<()> {
        let (first, until) = (self.all.len(), Instant::now() + PATIENCE);
        loop {
            let inside = |screen: &&Screen| screen.state == State::Inside;
            let greeted = self.all[first..].iter().filter(inside).count();
            let dialled = self.all.len() - first;
            if greeted == everybody.len() {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("{greeted} of {} came in", everybody.len()).into());
            }
            match everybody.get(dialled) {
                Some(who) if dialled - greeted < OPENING => _ = self.dial(room, "", who)?,
                _ => self.turn(Duration::from_millis(100), &mut |_, _| Ok(()))?,
            }
        }
    }

    /// Dials; the first text is the hello. `query` is empty or begins with `?`.
    pub fn dial(&mut self, room: &str, query: &str, who: &Browser) -> Fallible<usize> {
        let mut stream = TcpStream::connect(self.address)?;
        // Closing resets: no port stays behind in TIME_WAIT for the next round.
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        let screen = self.all.len();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, Token(screen), interest)?;
        let cookie = who
            .cookie
            .as_ref()
            .map_or(String::new(), |cookie| format!("cookie: {cookie}\r\n"));
        let request = format!(
            "GET /ws/rooms/{room}{query} HTTP/1.1\r\nhost: {}\r\n{cookie}connection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.address
        );
        self.all.push(Screen {
            stream: Some(stream),
            request,
            carry: Vec::new(),
            state: State::Connecting,
        });
        Ok(screen)
    }

    /// Leaves without a word.
    pub fn leave(&mut self, screen: usize) {
        self.all[screen].stream = None;
    }

    /// A text of less than 64 kB. Who is not heard any more has no figure either, and ends the bench.
    pub fn send(&mut self, screen: usize, text: &str) -> Fallible<()> {
        let mut frame = vec![0x81];
        match u8::try_from(text.len()) {
            Ok(short @ 0..=125) => frame.push(0x80 | short),
            _ => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(text.len())?.to_be_bytes());
            }
        }
        // With the mask of zeros, a text is its own masked form.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        self.all[screen].write(&frame)
    }

    /// Waits for what comes, not longer than this; gives each text with the screen that it is on.
    pub fn turn(
        &mut self,
        wait: Duration,
        told: &mut impl FnMut(usize, &[u8]) -> Fallible<()>,
    ) -> Fallible<()> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in &self.events {
            let index = event.token().0;
            let screen = &mut self.all[index];
            if screen.state == State::Connecting && event.is_writable() {
                let request = std::mem::take(&mut screen.request);
                screen.write(request.as_bytes())?;
                screen.state = State::Shaking;
            }
            if event.is_readable() {
                screen.read(&mut self.buffer, &mut |text| told(index, text))?;
            }
        }
        Ok(())
    }
}

impl Screen {
    fn write(&mut self, bytes: &[u8]) -> Fallible<()> {
        let stream = self.stream.as_mut().ok_or("it has left")?;
        Ok(stream.write_all(bytes)?)
    }

    fn read(&mut self, buffer: &mut [u8], told: &mut impl FnMut(&[u8]) -> Fallible<()>) -> Fallible<()> {
        while let Some(stream) = &mut self.stream {
            match stream.read(buffer) {
                Ok(0) => return Err("a screen lost its connection without a word".into()),
                Ok(count) => {
                    self.carry.extend_from_slice(&buffer[..count]);
                    self.understand(told)?;
                    if count < buffer.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn understand(&mut self, told: &mut impl FnMut(&[u8]) -> Fallible<()>) -> Fallible<()> {
        let carry = std::mem::take(&mut self.carry);
        let mut at = 0;
        if self.state == State::Shaking {
            let Some(end) = carry.windows(4).position(|window| window == b"\r\n\r\n") else {
                self.carry = carry;
                return Ok(());
            };
            if !carry.starts_with(b"HTTP/1.1 101") {
                let answer = String::from_utf8_lossy(&carry);
                return Err(format!("a handshake was refused: {answer}").into());
            }
            self.state = State::Waiting;
            at = end + 4;
        }
        while let Some(payload) = protocol::server_payload(&carry[at..]) {
            let (first, end) = (carry[at], at + payload.end);
            let payload = &carry[at..][payload];
            match first {
                0x81 => {
                    self.state = State::Inside;
                    told(payload)?;
                }
                // An empty pong.
                0x89 => self.write(&[0x8A, 0x80, 0, 0, 0, 0])?,
                0x88 => {
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    return Err(format!("a screen was closed with {code:?}").into());
                }
                _ => {}
            }
            at = end;
        }
        self.carry = carry[at..].to_vec();
        Ok(())
    }
}
