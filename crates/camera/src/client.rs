//! WHIP publishers and WHEP viewers over a UDP socket each, as tokio tasks: the I/O around
//! [`crate::protocol::Peer`]. Signalling goes over HTTP ([`signal`]), or by a function of the caller's
//! when both ends are in one process.

mod publisher;
pub mod signal;
mod viewer;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;

pub use publisher::{Publisher, PublisherStats};
pub use viewer::{ViewOptions, Viewer, ViewerStats};

use crate::protocol::{Peer, PeerError, PeerOutput};

/// Longer than any datagram of WebRTC.
const DATAGRAM_BYTES_MAX: usize = 2_048;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{0} is no http:// address of a server that can be reached")]
    Address(String),
    #[error("the request failed: {0}")]
    Http(#[from] reqwest::Error),
    /// The server's refusal; `retry_after_s` when it said one.
    #[error("the server refused with {status}: {body}")]
    Refused {
        status: u16,
        retry_after_s: Option<u64>,
        body: String,
    },
    #[error("signalling failed: {0}")]
    Signal(String),
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error("no socket: {0}")]
    Socket(#[from] std::io::Error),
}

/// For signalling in one process.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A peer with its socket.
struct Line {
    socket: UdpSocket,
    peer: Peer,
    buffer: Box<[u8; DATAGRAM_BYTES_MAX]>,
}

/// What ended a wait.
enum Woken {
    Datagram(usize, SocketAddr),
    Deadline,
}

impl Line {
    /// Binds a socket at `ip` and makes the offer.
    async fn open(
        ip: IpAddr,
        offer: impl FnOnce(SocketAddr, Instant) -> Result<(Peer, String), PeerError>,
    ) -> Result<(Line, String), ClientError> {
        let socket = UdpSocket::bind((ip, 0)).await?;
        let (peer, sdp) = offer(socket.local_addr()?, now())?;
        Ok((
            Line {
                socket,
                peer,
                buffer: Box::new([0; DATAGRAM_BYTES_MAX]),
            },
            sdp,
        ))
    }

    /// Sends what the peer wants sent and hands its other outputs to `on`, until it waits.
    async fn drain(&mut self, mut on: impl FnMut(PeerOutput)) -> Result<Instant, PeerError> {
        loop {
            match self.peer.poll()? {
                PeerOutput::Wait(until) => return Ok(until),
                // Losing a datagram is what WebRTC is made for: a full socket or a route that is not
                // there shows as a connection that does not come up.
                PeerOutput::Send { to, datagram } => drop(self.socket.send_to(&datagram, to).await),
                output => on(output),
            }
        }
    }

    /// Waits for the network or the deadline. Safe to drop while it waits.
    async fn wait(&mut self, deadline: Instant) -> std::io::Result<Woken> {
        let until_tick = deadline
            .saturating_duration_since(now())
            .min(Duration::from_secs(1));
        tokio::select! {
            received = self.socket.recv_from(&mut self.buffer[..]) => match received {
                Ok((len, source)) => Ok(Woken::Datagram(len, source)),
                // ICMP's answer to an earlier datagram; says nothing of this socket.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(Woken::Deadline),
                Err(error) => Err(error),
            },
            () = tokio::time::sleep(until_tick) => Ok(Woken::Deadline),
        }
    }

    fn woken(&mut self, woken: Woken) -> Result<(), PeerError> {
        match woken {
            Woken::Datagram(len, source) => self.peer.receive(now(), source, &self.buffer[..len]),
            Woken::Deadline => self.peer.tick(now()),
        }
    }

    /// Says goodbye, as far as one round of datagrams does.
    async fn close(mut self) {
        if self.peer.close().is_ok() {
            let _ = self.drain(|_| ()).await;
        }
    }
}

/// Milliseconds since a moment.
fn ms_since(start: Instant) -> u64 {
    now().saturating_duration_since(start).as_millis() as u64
}

#[allow(
    clippy::disallowed_methods,
    reason = "clients are I/O shells: they tell the peers the time"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
