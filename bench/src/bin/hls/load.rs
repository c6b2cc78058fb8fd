//! Connections that stay open, each with one request after the other, on one thread. Bodies are thrown
//! away in the kernel (`MSG_TRUNC`): a load that copied them would be slower than what it measures.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustix::net::RecvFlags;

use crate::Fallible;
use crate::newest::Names;

/// Longer than any head of an answer.
const HEAD_BYTES_MAX: usize = 4_096;
/// Longer than any body that comes in chunks: those are playlists.
const CHUNKED_BYTES_MAX: usize = 65_536;
const BODY_BYTES: usize = 1 << 20;
/// How long the connections ask before what they get is counted.
const WARM_UP: Duration = Duration::from_secs(1);
const GIVE_UP: Duration = Duration::from_secs(5);

/// Asks one server for one kind of thing.
pub struct Load {
    pub address: SocketAddr,
    /// The address under which the names are.
    pub under: String,
    pub names: Names,
    pub connections: usize,
}

/// What came in the time that is counted.
#[derive(Clone, Debug, Default)]
pub struct Got {
    pub answers: u64,
    /// Of bodies.
    pub bytes: u64,
    /// Answers that were not 200.
    pub refused: u64,
    pub gzipped: u64,
    pub seconds: f64,
    /// CPU time that the server took.
    pub server_s: f64,
}

struct Connection {
    stream: TcpStream,
    /// Which of the names is next.
    turn: usize,
    head: Vec<u8>,
    /// Of the body, what is still to come; none while the head is.
    left: Option<usize>,
}

impl Load {
    /// Runs for a time after a warm-up; `server_s` tells the CPU time the server has used so far.
    #[allow(clippy::disallowed_methods, reason = "a load maker keeps time")]
    pub fn run(&self, length: Duration, server_s: impl Fn() -> Fallible<f64>) -> Fallible<Got> {
        let mut poll = Poll::new()?;
        let mut open = Vec::new();
        for index in 0..self.connections {
            let stream = std::net::TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry()
                .register(&mut stream, Token(index), Interest::READABLE)?;
            let mut connection = Connection {
                stream,
                turn: index,
                head: Vec::with_capacity(HEAD_BYTES_MAX),
                left: None,
            };
            connection.ask(self)?;
            open.push(connection);
        }
        let mut events = Events::with_capacity(256);
        let mut scratch = vec![0; BODY_BYTES];
        let (begun, mut heard) = (Instant::now(), Instant::now());
        let mut counted: Option<(Instant, f64, Got)> = None;
        let mut got = Got::default();
        loop {
            poll.poll(&mut events, Some(Duration::from_millis(100)))?;
            for event in &events {
                open[event.token().0].read(self, &mut scratch, &mut got)?;
            }
            let now = Instant::now();
            if !events.is_empty() {
                heard = now;
            } else if now - heard > GIVE_UP {
                return Err("the server answers no more".into());
            }
            match &counted {
                None if now - begun >= WARM_UP => counted = Some((now, server_s()?, got.clone())),
                Some((since, server, before)) if now - *since >= length => {
                    got.answers -= before.answers;
                    got.bytes -= before.bytes;
                    got.refused -= before.refused;
                    got.gzipped -= before.gzipped;
                    got.seconds = (now - *since).as_secs_f64();
                    got.server_s = server_s()? - server;
                    return got.checked();
                }
                _ => {}
            }
        }
    }
}

impl Got {
    /// An error where too much was refused to speak of a load.
    fn checked(self) -> Fallible<Got> {
        if self.answers == 0 || self.refused * 100 > self.answers {
            return Err(format!("{} of {} requests were refused", self.refused, self.answers).into());
        }
        Ok(self)
    }
}

impl Connection {
    fn ask(&mut self, load: &Load) -> Fallible<()> {
        let names = load.names.now();
        let name = names
            .get(self.turn % names.len().max(1))
            .ok_or("there is nothing to ask for")?;
        self.turn += 1;
        let request = format!(
            "GET {}/{name} HTTP/1.1\r\nHost: {}\r\nUser-Agent: busk-bench\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br\r\n\r\n",
            load.under, load.address
        );
        // The one before was answered, so that there is room for it.
        Ok(self.stream.write_all(request.as_bytes())?)
    }

    /// Reads until the socket is empty, and asks again after each answer.
    fn read(&mut self, load: &Load, scratch: &mut [u8], got: &mut Got) -> Fallible<()> {
        loop {
            let came = match self.left {
                None => self.head(scratch, got)?,
                Some(left) => {
                    let room = left.min(scratch.len());
                    match rustix::net::recv(&self.stream, &mut scratch[..room], RecvFlags::TRUNC) {
                        Ok((_, 0)) => return Err("the server closed a connection".into()),
                        Ok((_, bytes)) => {
                            self.left = Some(left - bytes.min(left));
                            true
                        }
                        Err(rustix::io::Errno::AGAIN) => false,
                        Err(rustix::io::Errno::INTR) => true,
                        Err(error) => return Err(error.into()),
                    }
                }
            };
            if !came {
                return Ok(());
            }
            if self.left == Some(0) {
                self.left = None;
                got.answers += 1;
                self.ask(load)?;
            }
        }
    }

    /// Reads a head, or some of it; false when there is nothing to read.
    fn head(&mut self, scratch: &mut [u8], got: &mut Got) -> Fallible<bool> {
        match self.stream.read(&mut scratch[..HEAD_BYTES_MAX]) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(bytes) => self.head.extend_from_slice(&scratch[..bytes]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            Err(error) => return Err(error.into()),
        }
        let Some(end) = self.head.windows(4).position(|four| four == b"\r\n\r\n") else {
            if self.head.len() >= HEAD_BYTES_MAX {
                return Err("an answer's head does not end".into());
            }
            return Ok(true);
        };
        let head = Head::read(&self.head[..end])?;
        let body = &self.head[end + 4..];
        let (bytes, left) = match head.bytes {
            Some(bytes) => (bytes, bytes.saturating_sub(body.len())),
            None => match chunked(body)? {
                Some(bytes) => (bytes, 0),
                None if body.len() > CHUNKED_BYTES_MAX => return Err("chunks do not end".into()),
                None => return Ok(true),
            },
        };
        got.bytes += bytes as u64;
        got.refused += u64::from(head.status != 200);
        got.gzipped += u64::from(head.gzipped);
        self.left = Some(left);
        self.head.clear();
        Ok(true)
    }
}

/// What of an answer's head matters here.
struct Head {
    status: u16,
    /// Of the body; none when it comes in chunks.
    bytes: Option<usize>,
    gzipped: bool,
}

impl Head {
    fn read(head: &[u8]) -> Fallible<Head> {
        let text = std::str::from_utf8(head)?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let mut read = Head {
            status: status.ok_or("an answer without a status")?.parse()?,
            bytes: None,
            gzipped: false,
        };
        let mut framed = false;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                (read.bytes, framed) = (Some(value.parse()?), true);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                framed |= value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("content-encoding") {
                read.gzipped = value.eq_ignore_ascii_case("gzip");
            }
        }
        if framed {
            Ok(read)
        } else {
            Err(format!("an answer of unknown length: {text}").into())
        }
    }
}

/// The bytes in a body of chunks (RFC 9112 §7.1) that is whole; none while it is not.
fn chunked(mut body: &[u8]) -> Fallible<Option<usize>> {
    let mut total = 0;
    loop {
        let Some(end) = body.windows(2).position(|two| two == b"\r\n") else {
            return Ok(None);
        };
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end])?.trim(), 16)?;
        let Some(rest) = body.get(end + 2 + size + 2..) else {
            return Ok(None);
        };
        if size == 0 {
            return Ok(Some(total));
        }
        (body, total) = (rest, total + size);
    }
}

#[cfg(test)]
mod tests {
    use super::{Head, chunked};

    #[test]
    fn heads_tell_status_and_length() {
        let read = |text: &str| {
            let head = Head::read(text.as_bytes()).unwrap();
            (head.status, head.bytes, head.gzipped)
        };
        let plain = "HTTP/1.1 200 OK\r\nContent-Length: 7";
        assert_eq!(read(plain), (200, Some(7), false));
        let gzipped = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length:12";
        assert_eq!(read(gzipped), (200, Some(12), true));
        let refused = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nServer: x";
        assert_eq!(read(refused), (404, Some(0), false));
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked";
        assert_eq!(read(chunks), (200, None, false));
        for text in ["HTTP/1.1 200 OK\r\nServer: x", "", "HTTP/1.1"] {
            assert!(Head::read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn chunks_end_with_an_empty_one() {
        let body = b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(chunked(body).unwrap(), Some(13));
        for length in 0..body.len() {
            assert_eq!(chunked(&body[..length]).unwrap(), None, "{length}");
        }
        assert!(chunked(b"x\r\n").is_err());
    }
}
