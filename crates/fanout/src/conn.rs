//! One socket of a shard: what waits to be written, and what is still half read.
//!
//! A connection that keeps up owns nothing but this struct. Only when the kernel takes no more does it get
//! a `Backlog`, which is bounded: chat stops at three quarters of the bounds, so that what must be kept and
//! control frames find room in the last quarter.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use busk_base::RoomId;
use bytes::Bytes;
use mio::net::TcpStream;

use crate::Config;
use crate::envelope::{self, Rights};
use crate::link::Link;
use crate::protocol::{self, Decoder};

/// How long a closed connection may take to read the close frame and answer it.
const LINGER: Duration = Duration::from_secs(2);
/// The same, for one that has taken nothing for as long as it may be behind.
const LINGER_DEAF: Duration = Duration::from_secs(1);
/// Reading this much costs as much of the allowance as a message.
const BYTES_PER_TOKEN: usize = 4096;

pub(crate) struct Conn<V> {
    link: Link<TcpStream>,
    pub generation: u32,
    /// Index of the room in the shard; `None` once it has left and is only being closed.
    pub room: Option<u32>,
    /// Index in the room's members.
    pub place: u32,
    /// Seconds of the shard's life at which the client last said anything whole.
    pub heard_s: u32,
    tokens: u32,
    tokens_at_ms: u32,
    pub rights: Rights,
    /// Whether this is one of the room's viewers.
    pub counted: bool,
    /// Whether messages may be compressed, theirs and ours.
    pub deflate: bool,
    /// The last number this client was told about, or was told that it missed.
    pub seen: u64,
    pub key: u128,
    backlog: Option<Box<Backlog>>,
    decoder: Option<Box<Decoder>>,
    pub viewer: V,
}

#[derive(Default)]
struct Backlog {
    frames: VecDeque<Waiting>,
    bytes: usize,
    /// How much of the first frame is written.
    written: usize,
    /// Chat numbers that were skipped and not yet confessed.
    gap: Option<(u64, u64)>,
    totals: Option<Bytes>,
    closing: Option<Instant>,
}

struct Waiting {
    frame: Bytes,
    since: Instant,
}

/// Why a connection cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The bounds of its queue are reached.
    Overflow,
    /// The socket is gone.
    Broken,
}

/// What became of an event frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    Sent,
    Skipped,
}

impl<V> Conn<V> {
    pub fn new(
        link: Link<TcpStream>,
        generation: u32,
        key: u128,
        rights: Rights,
        seen: u64,
        viewer: V,
    ) -> Self {
        Self {
            link,
            generation,
            room: None,
            place: 0,
            heard_s: 0,
            tokens: 0,
            tokens_at_ms: 0,
            rights,
            counted: true,
            deflate: false,
            seen,
            key,
            backlog: None,
            decoder: None,
            viewer,
        }
    }

    pub fn link(&mut self) -> &mut Link<TcpStream> {
        &mut self.link
    }

    pub fn is_closing(&self) -> bool {
        self.backlog
            .as_ref()
            .is_some_and(|backlog| backlog.closing.is_some())
    }

    pub fn is_behind(&self) -> bool {
        self.backlog.is_some()
    }

    /// The first frame has waited too long, or the close handshake has.
    pub fn is_overdue(&self, now: Instant, behind_max: Duration) -> bool {
        self.backlog
            .as_ref()
            .is_some_and(|backlog| match backlog.closing {
                Some(deadline) => now >= deadline,
                None => backlog
                    .frames
                    .front()
                    .is_some_and(|first| now >= first.since + behind_max),
            })
    }

    /// What was left over from the last read; give it back with `keep_decoder`.
    pub fn take_decoder(&mut self) -> Decoder {
        self.decoder
            .take()
            .map_or_else(Decoder::default, |decoder| *decoder)
    }

    pub fn keep_decoder(&mut self, decoder: Decoder) {
        if !decoder.is_idle() {
            self.decoder = Some(Box::new(decoder));
        }
    }

    pub fn fill_allowance(&mut self, config: &Config, now_ms: u32) {
        self.tokens = config.messages_burst;
        self.tokens_at_ms = now_ms;
    }

    /// Takes the price of a message, or of some bytes, out of the allowance; false when it is used up.
    pub fn may_speak(&mut self, bytes: Option<usize>, config: &Config, now_ms: u32) -> bool {
        let earned =
            u64::from(now_ms.wrapping_sub(self.tokens_at_ms)) * u64::from(config.messages_per_s) / 1000;
        if earned > 0 {
            let full = u64::from(config.messages_burst);
            self.tokens = u64::from(self.tokens).saturating_add(earned).min(full) as u32;
            self.tokens_at_ms = now_ms;
        }
        let price = bytes.map_or(1, |bytes| bytes / BYTES_PER_TOKEN);
        match self.tokens.checked_sub(price as u32) {
            Some(left) => self.tokens = left,
            None => return false,
        }
        true
    }

    /// Sends a frame that must not be skipped.
    pub fn send(&mut self, frame: Bytes, config: &Config, now: Instant) -> Result<(), Lost> {
        if self.backlog.is_none() {
            return self.send_now(frame, now);
        }
        self.push(frame, config.queue_frames_max, config.queue_bytes_max, now)
    }

    /// Sends an event frame that ends at `last`. When the reader is behind, `kept` is asked for what must
    /// be told nevertheless, and the rest becomes a gap mark.
    pub fn deliver(
        &mut self,
        room: RoomId,
        frame: Bytes,
        last: u64,
        kept: impl FnOnce() -> Option<Bytes>,
        config: &Config,
        now: Instant,
    ) -> Result<Delivered, Lost> {
        let Some(backlog) = &mut self.backlog else {
            self.send_now(frame, now)?;
            return Ok(Delivered::Sent);
        };
        let (frames, bytes) = (config.queue_frames_max * 3 / 4, config.queue_bytes_max * 3 / 4);
        let mark = backlog.gap.map(|(from, to)| envelope::gap_frame(room, from, to));
        let wanted = frame.len() + mark.as_ref().map_or(0, Bytes::len);
        if backlog.frames.len() + 2 <= frames && backlog.bytes + wanted <= bytes {
            backlog.gap = None;
            for frame in mark.into_iter().chain([frame]) {
                self.push(frame, frames, bytes, now)?;
            }
            return Ok(Delivered::Sent);
        }
        let (from, to) = (backlog.gap.map_or(self.seen + 1, |(from, _)| from), last);
        let Some(kept) = kept() else {
            backlog.gap = Some((from, to));
            return Ok(Delivered::Skipped);
        };
        // The mark goes first: a client that resumes after `last` must already know what it missed.
        backlog.gap = None;
        for frame in [envelope::gap_frame(room, from, to), kept] {
            self.push(frame, config.queue_frames_max, config.queue_bytes_max, now)?;
        }
        Ok(Delivered::Skipped)
    }

    /// Sends latest values; a reader who is behind gets only the newest, once it has caught up.
    pub fn total(&mut self, frame: Bytes, now: Instant) -> Result<(), Lost> {
        match &mut self.backlog {
            Some(backlog) => {
                backlog.totals = Some(frame);
                Ok(())
            }
            None => self.send_now(frame, now),
        }
    }

    /// Puts a close frame behind what is already half written; the rest of the queue is dropped.
    pub fn close(&mut self, frame: Bytes, now: Instant) {
        if self.is_closing() {
            return;
        }
        let backlog = self.backlog.get_or_insert_default();
        backlog.frames.truncate(usize::from(backlog.written > 0));
        backlog.frames.push_back(Waiting { frame, since: now });
        backlog.bytes = backlog.frames.iter().map(|waiting| waiting.frame.len()).sum();
        (backlog.gap, backlog.totals) = (None, None);
        backlog.closing = Some(now + LINGER);
    }

    /// Its goodbye will hardly be read: it waits less for that.
    pub fn hurry(&mut self, now: Instant) {
        if let Some(closing) = self.backlog.as_mut().and_then(|backlog| backlog.closing.as_mut()) {
            *closing = now + LINGER_DEAF;
        }
    }

    /// Has the kernel let go of what the peer never took, instead of offering it for minutes after the end.
    pub fn abandon(&self) {
        let waits = self
            .backlog
            .as_ref()
            .is_some_and(|backlog| !backlog.frames.is_empty());
        if waits {
            // On a socket that is gone already there is nothing left to let go of.
            let _ = self.link.socket().set_linger(Some(Duration::ZERO));
        }
    }

    /// The kernel takes bytes again: writes what waits. `Ok(true)` when a closing connection has said all.
    pub fn drain(&mut self, room: Option<RoomId>, now: Instant) -> Result<bool, Lost> {
        if taken(self.link.flush())?.is_none() {
            return Ok(false);
        }
        while let Some(backlog) = &mut self.backlog {
            let Some(first) = backlog.frames.front() else {
                if backlog.closing.is_some() {
                    let flushed = taken(self.link.flush())?.is_some();
                    if flushed {
                        self.link.finish();
                    }
                    return Ok(flushed);
                }
                let mark = backlog.gap.take().zip(room);
                let mark = mark.map(|((from, to), room)| envelope::gap_frame(room, from, to));
                match mark.or_else(|| backlog.totals.take()) {
                    Some(frame) => backlog.push(frame, now),
                    None => self.backlog = None,
                }
                continue;
            };
            match write(&mut self.link, &first.frame[backlog.written..])? {
                None => return Ok(false),
                Some(count) => backlog.wrote(count),
            }
        }
        Ok(false)
    }

    fn send_now(&mut self, frame: Bytes, now: Instant) -> Result<(), Lost> {
        let count = write(&mut self.link, &frame)?.unwrap_or(0);
        if count < frame.len() {
            let mut backlog = Box::new(Backlog::default());
            backlog.push(frame, now);
            backlog.wrote(count);
            self.backlog = Some(backlog);
        }
        Ok(())
    }

    fn push(&mut self, frame: Bytes, frames: usize, bytes: usize, now: Instant) -> Result<(), Lost> {
        let backlog = self.backlog.get_or_insert_default();
        if backlog.closing.is_some() {
            return Ok(());
        }
        if backlog.frames.len() >= frames || backlog.bytes + frame.len() > bytes {
            return Err(Lost::Overflow);
        }
        backlog.push(frame, now);
        Ok(())
    }
}

impl Backlog {
    fn push(&mut self, frame: Bytes, since: Instant) {
        self.bytes += frame.len();
        self.frames.push_back(Waiting { frame, since });
    }

    fn wrote(&mut self, count: usize) {
        self.written += count;
        if self
            .frames
            .front()
            .is_some_and(|first| first.frame.len() == self.written)
            && let Some(done) = self.frames.pop_front()
        {
            self.bytes -= done.frame.len();
            self.written = 0;
        }
    }
}

/// Writes once; `None` when the kernel takes nothing now.
fn write(link: &mut Link<TcpStream>, bytes: &[u8]) -> Result<Option<usize>, Lost> {
    loop {
        match link.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => return taken(written),
        }
    }
}

/// What the kernel took; `None` when it takes nothing now.
fn taken<T>(written: io::Result<T>) -> Result<Option<T>, Lost> {
    match written {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(_) => Err(Lost::Broken),
    }
}

/// A reader that is closed for being slow comes back with its number.
pub(crate) fn resume_frame() -> Bytes {
    protocol::close_frame(crate::CLOSE_RESUME, "resume")
}
