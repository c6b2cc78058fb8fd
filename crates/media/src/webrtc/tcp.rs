//! ICE over TCP, passive side (RFC 6544): frames of RFC 4571, two bytes of length and a datagram.
//!
//! Invariant: what a connection may hold is bounded both ways; who reads too slowly loses datagrams,
//! as it would with UDP.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use slab::Slab;

/// Longer than any datagram of WebRTC.
const FRAME_BYTES_MAX: usize = 1_500;
/// What waits for a slow reader, about a second of video.
const UNSENT_BYTES_MAX: usize = 384 * 1024;
/// Connections that have not said yet whose they are.
const STRANGERS_MAX: usize = 128;
const STRANGER_SILENCE_MAX: Duration = Duration::from_secs(10);

pub(crate) struct Connection {
    stream: TcpStream,
    pub(crate) remote: SocketAddr,
    pub(crate) local: Option<IpAddr>,
    received: Vec<u8>,
    unsent: Vec<u8>,
    /// How much of `unsent` has been written.
    sent: usize,
    accepted_at: Instant,
    stranger: bool,
}

/// The connections of one thread.
pub(crate) struct Connections {
    all: Slab<Connection>,
    by_remote: HashMap<SocketAddr, usize>,
    first_token: usize,
    strangers: usize,
    /// Those with something to write.
    dirty: Vec<usize>,
    pub(crate) dropped: u64,
}

/// What came of reading.
pub(crate) enum Next {
    Frame(Vec<u8>),
    Nothing,
    Closed,
}

impl Connections {
    pub(crate) fn new(first_token: usize) -> Self {
        Self {
            all: Slab::new(),
            by_remote: HashMap::new(),
            first_token,
            strangers: 0,
            dirty: Vec::new(),
            dropped: 0,
        }
    }

    pub(crate) fn key(&self, token: Token) -> Option<usize> {
        token
            .0
            .checked_sub(self.first_token)
            .filter(|key| self.all.contains(*key))
    }

    /// Takes a connection in; `received` is what another thread has read from it already.
    pub(crate) fn insert(
        &mut self,
        registry: &Registry,
        mut stream: TcpStream,
        received: Vec<u8>,
        now: Instant,
    ) -> Option<usize> {
        let (remote, local) = (stream.peer_addr().ok()?, stream.local_addr().ok());
        if self.strangers >= STRANGERS_MAX {
            self.drop_silent(registry, now);
        }
        if self.strangers >= STRANGERS_MAX {
            return None;
        }
        let _ = stream.set_nodelay(true);
        let entry = self.all.vacant_entry();
        let token = Token(self.first_token + entry.key());
        registry
            .register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)
            .ok()?;
        self.strangers += 1;
        let key = entry.key();
        entry.insert(Connection {
            stream,
            remote: canonical(remote),
            local: local.map(|address| canonical(address).ip()),
            received,
            unsent: Vec::new(),
            sent: 0,
            accepted_at: now,
            stranger: true,
        });
        Some(key)
    }

    fn drop_silent(&mut self, registry: &Registry, now: Instant) {
        let silent = |c: &Connection| c.stranger && now.duration_since(c.accepted_at) > STRANGER_SILENCE_MAX;
        let keys: Vec<usize> = self
            .all
            .iter()
            .filter(|(_, c)| silent(c))
            .map(|(key, _)| key)
            .collect();
        for key in keys {
            self.remove(registry, key);
        }
    }

    pub(crate) fn get(&self, key: usize) -> Option<&Connection> {
        self.all.get(key)
    }

    pub(crate) fn is_stranger(&self, key: usize) -> bool {
        self.all.get(key).is_some_and(|c| c.stranger)
    }

    /// The connection has said whose it is.
    pub(crate) fn adopt(&mut self, key: usize) {
        if let Some(connection) = self.all.get_mut(key)
            && std::mem::replace(&mut connection.stranger, false)
        {
            self.strangers -= 1;
            self.by_remote.insert(connection.remote, key);
        }
    }

    /// Gives a connection up to another thread, with what was read from it. `frame` is put back.
    pub(crate) fn hand_over(
        &mut self,
        registry: &Registry,
        key: usize,
        frame: &[u8],
    ) -> Option<(TcpStream, Vec<u8>)> {
        let mut connection = self.take(key)?;
        registry.deregister(&mut connection.stream).ok()?;
        let mut received = framed(frame);
        received.append(&mut connection.received);
        Some((connection.stream, received))
    }

    pub(crate) fn remove(&mut self, registry: &Registry, key: usize) {
        if let Some(mut connection) = self.take(key) {
            let _ = registry.deregister(&mut connection.stream);
        }
    }

    fn take(&mut self, key: usize) -> Option<Connection> {
        let connection = self.all.try_remove(key)?;
        if connection.stranger {
            self.strangers -= 1;
        } else if self.by_remote.get(&connection.remote) == Some(&key) {
            self.by_remote.remove(&connection.remote);
        }
        Some(connection)
    }

    /// The next frame that has come in whole.
    pub(crate) fn next(&mut self, key: usize) -> Next {
        let Some(connection) = self.all.get_mut(key) else {
            return Next::Closed;
        };
        loop {
            if let Some((head, rest)) = connection.received.split_at_checked(2) {
                let length = usize::from(u16::from_be_bytes([head[0], head[1]]));
                if length > FRAME_BYTES_MAX {
                    return Next::Closed;
                }
                if let Some(frame) = rest.get(..length) {
                    let frame = frame.to_vec();
                    connection.received.drain(..2 + length);
                    return Next::Frame(frame);
                }
            }
            let mut buffer = [0; 4_096];
            match connection.stream.read(&mut buffer) {
                Ok(0) => return Next::Closed,
                Ok(length) => connection.received.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Next::Nothing,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Next::Closed,
            }
        }
    }

    /// Queues a datagram for a remote; written by [`Connections::flush`].
    pub(crate) fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        let Some((key, connection)) = self
            .by_remote
            .get(&to)
            .and_then(|key| Some((*key, self.all.get_mut(*key)?)))
        else {
            return;
        };
        let length = u16::try_from(datagram.len()).unwrap_or(u16::MAX);
        if connection.unsent.len() - connection.sent + datagram.len() > UNSENT_BYTES_MAX
            || usize::from(length) != datagram.len()
        {
            self.dropped += 1;
            return;
        }
        connection.unsent.extend_from_slice(&length.to_be_bytes());
        connection.unsent.extend_from_slice(datagram);
        if self.dirty.last() != Some(&key) {
            self.dirty.push(key);
        }
    }

    pub(crate) fn close(&mut self, registry: &Registry, remote: SocketAddr) {
        if let Some(key) = self.by_remote.get(&remote).copied() {
            self.write(key);
            self.remove(registry, key);
        }
    }

    /// Writes what waits, as far as the readers take it.
    pub(crate) fn flush(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for key in dirty.drain(..) {
            self.write(key);
        }
        self.dirty = dirty;
    }

    /// Also called when a connection that was full can take more. Errors show when it is read next.
    pub(crate) fn write(&mut self, key: usize) {
        let Some(connection) = self.all.get_mut(key) else {
            return;
        };
        while connection.sent < connection.unsent.len() {
            match connection.stream.write(&connection.unsent[connection.sent..]) {
                Ok(0) => break,
                Ok(length) => connection.sent += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        connection.unsent.drain(..connection.sent);
        connection.sent = 0;
        if connection.unsent.is_empty() {
            connection.unsent.shrink_to(16 * 1024);
        }
    }
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    let length = u16::try_from(datagram.len()).expect("a frame that was read has a length of two bytes");
    [&length.to_be_bytes(), datagram].concat()
}

/// An IPv4 address that came through a socket for both families.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
