//! The UDP socket of one thread. Sending is half of what a media server does, so datagrams to the same
//! peer go to the kernel in one call, as segments of one send (UDP GSO): the kernel then walks its
//! stack once for a frame of a picture, not once for each of its packets.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};

use super::tcp::canonical;

/// The longest datagram that is looked at; WebRTC stays below 1 500 bytes.
pub(crate) const DATAGRAM_BYTES_MAX: usize = 1_500;
/// A send is at most what one IP packet can say it holds.
const RUN_BYTES_MAX: usize = 65_000;
/// What waits while the kernel takes no more: a few hundred frames.
const BACKLOG_BYTES_MAX: usize = 8 << 20;
/// Reads in one call, each of up to 64 datagrams that the kernel has joined.
const READS: usize = 16;
const READ_BYTES: usize = 65_536;
/// What [`Udp::receive`] wants as a buffer.
pub(crate) const BUFFER_BYTES: usize = READS * READ_BYTES;

pub(crate) struct Udp {
    pub(crate) socket: UdpSocket,
    state: UdpSocketState,
    dual_stack: bool,
    run: Run,
    backlog: VecDeque<Run>,
    backlog_bytes: usize,
    pub(crate) dropped: u64,
}

/// Datagrams to one peer: all of `segment` bytes but the last, which may be shorter.
#[derive(Default)]
struct Run {
    to: Option<(SocketAddr, Option<IpAddr>)>,
    bytes: Vec<u8>,
    segment: usize,
    /// A shorter one has come, so nothing may follow.
    ended: bool,
}

/// A datagram that came in.
pub(crate) struct Received<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) to: Option<IpAddr>,
    pub(crate) bytes: &'a [u8],
}

impl Udp {
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        let dual_stack = socket.local_addr()?.is_ipv6();
        // As much as the system lets us have: what does not fit is lost or waits.
        let _ = state.set_send_buffer_size((&socket).into(), 4 << 20);
        let _ = state.set_recv_buffer_size((&socket).into(), 4 << 20);
        Ok(Self {
            socket,
            state,
            dual_stack,
            run: Run::default(),
            backlog: VecDeque::new(),
            backlog_bytes: 0,
            dropped: 0,
        })
    }

    /// Reads once and gives each datagram to `take`; false when there was nothing.
    pub(crate) fn receive(
        &mut self,
        buffer: &mut [u8],
        mut take: impl FnMut(&mut Self, Received<'_>),
    ) -> io::Result<bool> {
        let mut metas = [RecvMeta::default(); READS];
        let mut slices: Vec<IoSliceMut<'_>> = buffer.chunks_mut(READ_BYTES).map(IoSliceMut::new).collect();
        let count = match self.state.recv((&self.socket).into(), &mut slices, &mut metas) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        for (meta, buffer) in metas.iter().zip(buffer.chunks(READ_BYTES)).take(count) {
            for bytes in buffer[..meta.len].chunks(meta.stride.max(1)) {
                let received = Received {
                    from: canonical(meta.addr),
                    to: meta.dst_ip.map(|ip| ip.to_canonical()),
                    bytes,
                };
                take(self, received);
            }
        }
        Ok(true)
    }

    /// Adds a datagram to the run, after sending the run when it does not fit.
    pub(crate) fn send(&mut self, to: SocketAddr, from: Option<IpAddr>, bytes: &[u8]) {
        let run = &self.run;
        let fits = run.to == Some((to, from))
            && !run.ended
            && bytes.len() <= run.segment
            && run.bytes.len() + bytes.len() <= RUN_BYTES_MAX
            && run.bytes.len() / run.segment.max(1) + 1 < self.state.max_gso_segments();
        if !fits {
            self.flush();
            self.run.to = Some((to, from));
            self.run.segment = bytes.len();
            self.run.ended = false;
        }
        self.run.ended |= bytes.len() < self.run.segment;
        self.run.bytes.extend_from_slice(bytes);
    }

    /// Sends what has been gathered.
    pub(crate) fn flush(&mut self) {
        if self.run.to.is_none() {
            return;
        }
        if self.backlog.is_empty()
            && !matches!(self.put(&self.run), Err(error) if error.kind() == ErrorKind::WouldBlock)
        {
            self.run.bytes.clear();
            self.run.to = None;
            return;
        }
        if self.backlog_bytes + self.run.bytes.len() > BACKLOG_BYTES_MAX {
            self.dropped += self.run.bytes.len().div_ceil(self.run.segment.max(1)) as u64;
            self.run.bytes.clear();
            self.run.to = None;
            return;
        }
        self.backlog_bytes += self.run.bytes.len();
        self.backlog.push_back(std::mem::take(&mut self.run));
    }

    /// The socket takes more again.
    pub(crate) fn drain_backlog(&mut self) {
        while let Some(run) = self.backlog.front() {
            if matches!(self.put(run), Err(error) if error.kind() == ErrorKind::WouldBlock) {
                return;
            }
            self.backlog_bytes -= run.bytes.len();
            self.backlog.pop_front();
        }
    }

    fn put(&self, run: &Run) -> io::Result<()> {
        let Some((to, from)) = run.to else { return Ok(()) };
        let (destination, src_ip) = match (self.dual_stack, to) {
            (true, SocketAddr::V4(v4)) => (SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()), None),
            _ => (to, from),
        };
        let transmit = Transmit {
            destination,
            ecn: None,
            contents: &run.bytes,
            segment_size: Some(run.segment),
            src_ip,
        };
        let result = self.state.try_send((&self.socket).into(), &transmit);
        if let Err(error) = &result
            && error.kind() != ErrorKind::WouldBlock
        {
            tracing::debug!(%error, %destination, "a datagram was not sent");
        }
        result
    }
}
