//! RTMP's chunk streams (RTMP 1.0 §5.3): chunks in, messages out, and back.
//!
//! Invariant: what waits to become a message is bounded in all, and grows only with bytes that came,
//! whatever lengths and chunk sizes were announced.

use std::collections::HashMap;

use bytes::{Buf, Bytes, BytesMut};

/// Encoders use five or six.
const STREAMS_MAX: usize = 64;
/// What both ends begin with.
const CHUNK_BYTES_FIRST: usize = 128;
/// In place of a time, that it follows in 32 bits.
const EXTENDED: u32 = 0x00ff_ffff;
/// What we send is cut at this many bytes. What is said before the other end is told fits into one smaller chunk.
pub(crate) const CHUNK_BYTES_SENT: usize = 4_096;

pub(crate) const SET_CHUNK_SIZE: u8 = 1;
pub(crate) const ABORT: u8 = 2;
pub(crate) const ACKNOWLEDGEMENT: u8 = 3;
pub(crate) const USER_CONTROL: u8 = 4;
pub(crate) const WINDOW_SIZE: u8 = 5;
pub(crate) const PEER_BANDWIDTH: u8 = 6;
pub(crate) const AUDIO: u8 = 8;
pub(crate) const VIDEO: u8 = 9;
pub(crate) const COMMAND_AMF3: u8 = 17;
pub(crate) const DATA_AMF0: u8 = 18;
pub(crate) const COMMAND_AMF0: u8 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChunkError {
    #[error("a chunk refers to a header that never came")]
    NoHeader,
    #[error("a message begins inside another")]
    Interrupted,
    #[error("a message is too large")]
    TooLarge,
    #[error("too many chunk streams")]
    TooManyStreams,
    #[error("an impossible chunk size")]
    BadSize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    /// Milliseconds, of 32 bits.
    pub(crate) time: u32,
    pub(crate) stream: u32,
    pub(crate) payload: Bytes,
}

#[derive(Clone, Copy, Debug, Default)]
struct Header {
    time: u32,
    /// What a chunk without a time of its own adds when it begins a message.
    delta: u32,
    length: usize,
    kind: u8,
    stream: u32,
    extended: bool,
}

#[derive(Debug, Default)]
struct ChunkStream {
    header: Header,
    partial: BytesMut,
}

#[derive(Debug)]
pub(crate) struct ChunkReader {
    streams: HashMap<u32, ChunkStream>,
    chunk_bytes: usize,
    message_bytes_max: usize,
    /// Of all partial messages.
    waiting: usize,
    /// The chunk that is being read: its chunk stream, and how much is to come.
    open: Option<(u32, usize)>,
}

impl ChunkReader {
    pub(crate) fn new(message_bytes_max: usize) -> Self {
        Self {
            streams: HashMap::new(),
            chunk_bytes: CHUNK_BYTES_FIRST,
            message_bytes_max,
            waiting: 0,
            open: None,
        }
    }

    /// Takes what it can from `input`, until a message is whole.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Message>, ChunkError> {
        loop {
            let (id, left) = match self.open.take() {
                Some(open) => open,
                None => match self.begin(input)? {
                    Some(open) => open,
                    None => return Ok(None),
                },
            };
            let Some(stream) = self.streams.get_mut(&id) else {
                return Err(ChunkError::NoHeader);
            };
            let count = left.min(input.len());
            stream.partial.extend_from_slice(&input[..count]);
            input.advance(count);
            self.waiting += count;
            // Sound may come in the middle of a picture.
            if self.waiting > 2 * self.message_bytes_max {
                return Err(ChunkError::TooLarge);
            }
            if count < left {
                self.open = Some((id, left - count));
                return Ok(None);
            }
            if stream.partial.len() == stream.header.length {
                self.waiting -= stream.header.length;
                let message = Message {
                    kind: stream.header.kind,
                    time: stream.header.time,
                    stream: stream.header.stream,
                    payload: std::mem::take(&mut stream.partial).freeze(),
                };
                return Ok(Some(message));
            }
        }
    }

    /// The other end announces the size of its chunks.
    pub(crate) fn set_chunk_size(&mut self, payload: &[u8]) -> Result<(), ChunkError> {
        let size = first_u32(payload).ok_or(ChunkError::BadSize)?;
        // The highest bit is none of the size, and the least size is a recommendation (§5.4.1).
        if size == 0 || size > 0x7fff_ffff {
            return Err(ChunkError::BadSize);
        }
        self.chunk_bytes = usize::try_from(size).map_err(|_| ChunkError::BadSize)?;
        Ok(())
    }

    /// The other end gives up a message that it began (§5.4.2).
    pub(crate) fn abort(&mut self, payload: &[u8]) {
        if let Some(stream) = first_u32(payload).and_then(|id| self.streams.get_mut(&id)) {
            self.waiting -= stream.partial.len();
            stream.partial = BytesMut::new();
        }
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Reads a chunk's headers; `None` while they are not all there.
    fn begin(&mut self, input: &mut BytesMut) -> Result<Option<(u32, usize)>, ChunkError> {
        let mut bytes = Fields(input);
        let Some((format, id)) = bytes.basic() else {
            return Ok(None);
        };
        let known = self.streams.get(&id);
        if known.is_none() && format != 0 {
            return Err(ChunkError::NoHeader);
        }
        let inside = known.is_some_and(|stream| !stream.partial.is_empty());
        if inside && format != 3 {
            return Err(ChunkError::Interrupted);
        }
        let before = known.map(|stream| stream.header).unwrap_or_default();
        let Some(header) = bytes.message(format, before, inside) else {
            return Ok(None);
        };
        let taken = input.len() - bytes.0.len();
        input.advance(taken);
        if header.length > self.message_bytes_max {
            return Err(ChunkError::TooLarge);
        }
        if !self.streams.contains_key(&id) && self.streams.len() >= STREAMS_MAX {
            return Err(ChunkError::TooManyStreams);
        }
        let stream = self.streams.entry(id).or_default();
        stream.header = header;
        let left = header.length - stream.partial.len();
        Ok(Some((id, left.min(self.chunk_bytes))))
    }
}

fn first_u32(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u24(&mut self) -> Option<u32> {
        let [a, b, c] = self.take()?;
        Some(u32::from_be_bytes([0, a, b, c]))
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    /// Format and chunk stream (§5.3.1.1).
    fn basic(&mut self) -> Option<(u8, u32)> {
        let [first] = self.take()?;
        let id = match first & 0x3f {
            0 => {
                let [id] = self.take()?;
                64 + u32::from(id)
            }
            1 => 64 + u32::from(u16::from_le_bytes(self.take()?)),
            id => u32::from(id),
        };
        Some((first >> 6, id))
    }

    /// §5.3.1.2 and §5.3.1.3.
    fn message(&mut self, format: u8, before: Header, inside: bool) -> Option<Header> {
        let mut header = before;
        let mut field = EXTENDED;
        if format < 3 {
            field = self.u24()?;
        }
        if format < 2 {
            header.length = usize::try_from(self.u24()?).ok()?;
            [header.kind] = self.take()?;
        }
        if format == 0 {
            header.stream = u32::from_le_bytes(self.take()?);
        }
        if format == 3 {
            return self.repeated(header, inside);
        }
        header.extended = field == EXTENDED;
        if header.extended {
            field = self.u32()?;
        }
        header.delta = field;
        header.time = match format {
            0 => field,
            _ => before.time.wrapping_add(field),
        };
        Some(header)
    }

    /// A chunk without a header of its own: it goes on with its message, or begins one like the last.
    fn repeated(&mut self, mut header: Header, inside: bool) -> Option<Header> {
        if header.extended {
            // Some encoders leave the time out where a message goes on.
            let again = u32::from_be_bytes(*self.0.first_chunk()?);
            if !inside || again == header.delta {
                header.delta = self.u32()?;
            }
        }
        if !inside {
            header.time = header.time.wrapping_add(header.delta);
        }
        Some(header)
    }
}

/// Appends a message of time 0 as chunks.
pub(crate) fn write(out: &mut Vec<u8>, kind: u8, stream: u32, payload: &[u8]) {
    write_at(out, kind, stream, 0, payload);
}

/// Appends a message as chunks.
pub(crate) fn write_at(out: &mut Vec<u8>, kind: u8, stream: u32, time: u32, payload: &[u8]) {
    // Control messages have a chunk stream of their own (§5.4).
    let id = match kind {
        0..AUDIO => 2,
        AUDIO => 4,
        VIDEO => 6,
        _ => 3,
    };
    let extended = (time >= EXTENDED).then(|| time.to_be_bytes());
    let extended = extended.as_ref().map_or(&[][..], |bytes| bytes);
    out.push(id);
    out.extend(&time.min(EXTENDED).to_be_bytes()[1..]);
    out.extend(&(payload.len() as u32).to_be_bytes()[1..]);
    out.push(kind);
    out.extend(stream.to_le_bytes());
    out.extend(extended);
    for (n, chunk) in payload.chunks(CHUNK_BYTES_SENT).enumerate() {
        if n > 0 {
            out.push(0xc0 | id);
            out.extend(extended);
        }
        out.extend(chunk);
    }
}

#[cfg(test)]
#[path = "chunks_tests.rs"]
mod tests;
