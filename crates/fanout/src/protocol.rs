//! The WebSocket protocol of a server (RFC 6455), without any I/O: bytes in, messages out.
//!
//! [`Decoder::next`] takes what a read gave and returns one message or control frame at a time. A message
//! that arrived whole is unmasked where it lies; only half frames and fragments are copied, and an idle
//! decoder owns no memory. Every header is judged before its payload is waited for, so that nobody can make
//! us hold more than `cap` bytes.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha1::{Digest, Sha1};

use crate::deflate::Inflater;

/// The longest payload of a control frame (RFC 6455 §5.5).
pub const CONTROL_MAX: usize = 125;
/// The longest header of a client's frame: two bytes, a length of eight, a mask of four.
const CLIENT_HEADER_MAX: usize = 14;

/// An unmasked, empty ping (§5.5.2).
pub const PING: [u8; 2] = [0x80 | PING_OPCODE, 0];

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING_OPCODE: u8 = 0x9;
const PONG: u8 = 0xA;
/// RSV1, which stands beside the opcode.
const COMPRESSED: u8 = 0x40;

/// What a client said.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    Ping(&'a [u8]),
    Pong,
    /// A valid close frame; without a code when its payload was empty.
    Close(Option<u16>),
}

/// Why a client's bytes are refused. The connection fails with [`Violation::close_code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("a client's frame must be masked (RFC 6455 §5.1)")]
    Unmasked,
    #[error("reserved bits without an extension that gives them a meaning (§5.2)")]
    ReservedBits,
    #[error("unknown opcode (§5.2)")]
    UnknownOpcode,
    #[error("length not written in its shortest form (§5.2)")]
    LengthNotMinimal,
    #[error("control frame longer than 125 bytes (§5.5)")]
    ControlTooLong,
    #[error("fragmented control frame (§5.4)")]
    ControlFragmented,
    #[error("continuation without a first fragment (§5.4)")]
    ContinuationAlone,
    #[error("new message inside a fragmented one (§5.4)")]
    MessageInsideMessage,
    #[error("close payload of one byte or with a code that must not be sent (§7.4)")]
    CloseCode,
    #[error("text that is not UTF-8 (§8.1)")]
    NotUtf8,
    #[error("compressed data that is none (RFC 7692 §7.2.2)")]
    NotDeflated,
    #[error("message longer than allowed")]
    TooBig,
}

impl Violation {
    /// The status code the connection is failed with (§7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Self::NotUtf8 => 1007,
            Self::TooBig => 1009,
            Self::Unmasked
            | Self::ReservedBits
            | Self::UnknownOpcode
            | Self::LengthNotMinimal
            | Self::ControlTooLong
            | Self::ControlFragmented
            | Self::ContinuationAlone
            | Self::MessageInsideMessage
            | Self::NotDeflated
            | Self::CloseCode => 1002,
        }
    }
}

/// What is left over between reads: half a frame, the fragments of a message. Empty for nearly everyone.
#[derive(Debug, Default)]
pub struct Decoder {
    held: Vec<u8>,
    /// `held` was answered from and is dropped by the next call.
    spent: bool,
    /// How much of the payload in `held` is unmasked and looked at already.
    looked: usize,
    fragments: Vec<u8>,
    /// Where the text that is arriving stands, of a message or frame that came in pieces.
    text: Utf8,
    /// The message that is being continued.
    continued: Option<Begun>,
}

/// What the first frame of a message says of all of it.
#[derive(Debug, Clone, Copy)]
struct Begun {
    opcode: u8,
    compressed: bool,
}

impl Begun {
    /// Whether its bytes are text as they come.
    fn is_plain_text(self) -> bool {
        self.opcode == TEXT && !self.compressed
    }
}

impl Decoder {
    /// True when nothing is remembered, so that the decoder may be thrown away.
    pub fn is_idle(&self) -> bool {
        (self.held.is_empty() || self.spent) && self.continued.is_none()
    }

    /// Takes the next message or control frame from `input`, which shrinks from the front. `None`: all of
    /// it is used up. Messages may be compressed when there is an `inflater`; `cap` is for what they were before.
    /// After an error the connection must be failed; the decoder is of no further use.
    pub fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i mut [u8],
        inflater: Option<&'a mut Inflater>,
        cap: usize,
    ) -> Result<Option<Incoming<'a>>, Violation> {
        let limits = Limits {
            cap,
            deflate: inflater.is_some(),
        };
        if std::mem::take(&mut self.spent) {
            self.held = Vec::new();
        }
        if !self.fragments.is_empty() && self.continued.is_none() {
            self.fragments = Vec::new();
        }
        loop {
            let (header, from_held) = if self.held.is_empty() {
                match header(input, self.continued, self.fragments.len(), limits)? {
                    Some(header) if header.end <= input.len() => (header, false),
                    begun => {
                        self.held.extend_from_slice(take(input, usize::MAX));
                        if let Some(header) = begun {
                            self.look(&header)?;
                        }
                        return Ok(None);
                    }
                }
            } else {
                match self.fill(input, limits)? {
                    Some(header) => (header, true),
                    None => return Ok(None),
                }
            };
            let looked = std::mem::take(&mut self.looked);
            if header.opcode <= BINARY && !(header.fin && self.continued.is_none()) {
                let frame: &mut [u8] = if from_held {
                    &mut self.held
                } else {
                    take(input, header.end)
                };
                let payload = unmask(frame, &header, looked);
                let begun = self.continued.unwrap_or(header.begun());
                if begun.is_plain_text() {
                    self.text.feed(&payload[looked..])?;
                }
                self.fragments.extend_from_slice(payload);
                if from_held {
                    self.held = Vec::new();
                }
                self.continued = (!header.fin).then_some(begun);
                if header.fin {
                    let whole = whole(begun, &self.fragments, inflater, cap)?;
                    return message(begun.opcode, whole).map(Some);
                }
                continue;
            }
            if header.opcode == TEXT {
                self.text = Utf8::default();
            }
            let frame: &'a mut [u8] = if from_held {
                self.spent = true;
                &mut self.held
            } else {
                take(input, header.end)
            };
            let whole = whole(header.begun(), unmask(frame, &header, looked), inflater, cap)?;
            return message(header.opcode, whole).map(Some);
        }
    }

    /// Moves bytes into `held` until it is exactly one frame.
    fn fill(&mut self, input: &mut &mut [u8], limits: Limits) -> Result<Option<Header>, Violation> {
        loop {
            let known = header(&self.held, self.continued, self.fragments.len(), limits)?;
            let wanted = match &known {
                Some(header) => header.end,
                // A byte at a time until the header is whole: it is at most 14 of them.
                None => self.held.len() + 1,
            };
            debug_assert!(known.is_some() || self.held.len() < CLIENT_HEADER_MAX);
            if self.held.len() == wanted {
                return Ok(known);
            }
            if input.is_empty() {
                if let Some(header) = known {
                    self.look(&header)?;
                }
                return Ok(None);
            }
            self.held.extend_from_slice(take(input, wanted - self.held.len()));
        }
    }

    /// Judges what is there of a frame's text before the rest comes (§8.1), each byte once.
    fn look(&mut self, header: &Header) -> Result<(), Violation> {
        if header.opcode <= BINARY && self.continued.unwrap_or(header.begun()).is_plain_text() {
            let there = Header {
                end: self.held.len(),
                ..*header
            };
            let payload = unmask(&mut self.held, &there, self.looked);
            self.text.feed(&payload[self.looked..])?;
            self.looked = payload.len();
        }
        Ok(())
    }
}

/// UTF-8 that arrives in pieces: remembers a character that was cut, and refuses at the first byte that cannot be.
#[derive(Debug, Default)]
struct Utf8 {
    cut: [u8; 4],
    length: usize,
}

impl Utf8 {
    fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Violation> {
        while self.length > 0 {
            let Some((first, rest)) = bytes.split_first() else {
                return Ok(());
            };
            bytes = rest;
            self.cut[self.length] = *first;
            self.length += 1;
            // No character is longer than four bytes, and the fourth makes it whole or wrong.
            match std::str::from_utf8(&self.cut[..self.length]) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(Violation::NotUtf8),
            }
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_none() => {
                let cut = &bytes[error.valid_up_to()..];
                self.cut[..cut.len()].copy_from_slice(cut);
                self.length = cut.len();
                Ok(())
            }
            Err(_) => Err(Violation::NotUtf8),
        }
    }
}

#[derive(Debug)]
struct Header {
    fin: bool,
    /// RSV1 (RFC 7692 §6).
    compressed: bool,
    opcode: u8,
    mask: [u8; 4],
    payload: usize,
    end: usize,
}

impl Header {
    fn begun(&self) -> Begun {
        Begun {
            opcode: self.opcode,
            compressed: self.compressed,
        }
    }
}

/// What a connection may send.
#[derive(Clone, Copy)]
struct Limits {
    cap: usize,
    deflate: bool,
}

/// Reads and judges a client's frame header; `None` when more bytes are needed.
fn header(
    bytes: &[u8],
    continued: Option<Begun>,
    so_far: usize,
    limits: Limits,
) -> Result<Option<Header>, Violation> {
    let &[first, second, ..] = bytes else {
        return Ok(None);
    };
    let (fin, compressed, opcode) = (first & 0x80 != 0, first & 0x40 != 0, first & 0x0F);
    let may_be = limits.deflate && matches!(opcode, TEXT | BINARY);
    if first & 0x30 != 0 || compressed && !may_be {
        return Err(Violation::ReservedBits);
    }
    match opcode {
        CONTINUATION if continued.is_none() => return Err(Violation::ContinuationAlone),
        TEXT | BINARY if continued.is_some() => return Err(Violation::MessageInsideMessage),
        CONTINUATION | TEXT | BINARY => {}
        CLOSE | PING_OPCODE | PONG if !fin => return Err(Violation::ControlFragmented),
        CLOSE | PING_OPCODE | PONG if usize::from(second & 0x7F) > CONTROL_MAX => {
            return Err(Violation::ControlTooLong);
        }
        CLOSE | PING_OPCODE | PONG => {}
        _ => return Err(Violation::UnknownOpcode),
    }
    if second & 0x80 == 0 {
        return Err(Violation::Unmasked);
    }
    let (length, at) = match second & 0x7F {
        126 => {
            let Some(&[a, b]) = bytes.get(2..4).and_then(|b| b.first_chunk()) else {
                return Ok(None);
            };
            (u64::from(u16::from_be_bytes([a, b])), 4)
        }
        127 => {
            let Some(long) = bytes.get(2..10).and_then(|b| b.first_chunk()) else {
                return Ok(None);
            };
            (u64::from_be_bytes(*long), 10)
        }
        short => (u64::from(short), 2),
    };
    if (at == 4 && length < 126) || (at == 10 && length <= u64::from(u16::MAX)) {
        return Err(Violation::LengthNotMinimal);
    }
    let room = if opcode <= BINARY {
        limits.cap.saturating_sub(so_far)
    } else {
        CONTROL_MAX
    };
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= room)
        .ok_or(Violation::TooBig)?;
    let Some(mask) = bytes.get(at..at + 4).and_then(|b| b.first_chunk()) else {
        return Ok(None);
    };
    let payload = at + 4;
    Ok(Some(Header {
        fin,
        compressed,
        opcode,
        mask: *mask,
        payload,
        end: payload + length,
    }))
}

/// What a message was before its client compressed it.
fn whole<'a>(
    begun: Begun,
    payload: &'a [u8],
    inflater: Option<&'a mut Inflater>,
    cap: usize,
) -> Result<&'a [u8], Violation> {
    match inflater.filter(|_| begun.compressed) {
        Some(inflater) => inflater.message(payload, cap),
        None => Ok(payload),
    }
}

fn message(opcode: u8, payload: &[u8]) -> Result<Incoming<'_>, Violation> {
    match opcode {
        TEXT => std::str::from_utf8(payload)
            .map(Incoming::Text)
            .map_err(|_| Violation::NotUtf8),
        BINARY => Ok(Incoming::Binary(payload)),
        PING_OPCODE => Ok(Incoming::Ping(payload)),
        PONG => Ok(Incoming::Pong),
        // `header` let only these five opcodes and continuations pass, and continuations are resolved.
        _ => close_payload(payload).map(Incoming::Close),
    }
}

fn close_payload(payload: &[u8]) -> Result<Option<u16>, Violation> {
    match payload {
        [] => Ok(None),
        [_] => Err(Violation::CloseCode),
        [a, b, reason @ ..] => {
            let code = u16::from_be_bytes([*a, *b]);
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(Violation::CloseCode);
            }
            std::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
            Ok(Some(code))
        }
    }
}

fn take<'a>(input: &mut &'a mut [u8], at_most: usize) -> &'a mut [u8] {
    let at = at_most.min(input.len());
    let (taken, rest) = std::mem::take(input).split_at_mut(at);
    *input = rest;
    taken
}

/// The payload, of which the first `from` bytes are unmasked already.
fn unmask<'a>(frame: &'a mut [u8], header: &Header, from: usize) -> &'a [u8] {
    let payload = &mut frame[header.payload..header.end];
    let mut mask = header.mask;
    mask.rotate_left(from % 4);
    let mut words = payload[from..].chunks_exact_mut(4);
    for word in &mut words {
        for (byte, key) in word.iter_mut().zip(mask) {
            *byte ^= key;
        }
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(mask) {
        *byte ^= key;
    }
    payload
}

/// An unmasked text frame around `payload`, which the caller knows to be UTF-8.
pub fn text_frame(payload: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(payload.len() + 10);
    push_text_header(&mut frame, payload.len());
    frame.extend_from_slice(payload);
    Bytes::from(frame)
}

/// Appends the header of an unmasked, final text frame of `length` bytes (§5.2).
pub fn push_text_header(out: &mut Vec<u8>, length: usize) {
    push_header(out, TEXT, length);
}

/// The same, of one that is compressed (RFC 7692 §6).
pub(crate) fn push_compressed_text_header(out: &mut Vec<u8>, length: usize) {
    push_header(out, COMPRESSED | TEXT, length);
}

/// The answer to a ping: the same payload (§5.5.3).
pub fn pong_frame(payload: &[u8]) -> Bytes {
    control(PONG, payload)
}

/// A close frame; the reason is cut to what a control frame can carry, never inside a character.
pub fn close_frame(code: u16, reason: &str) -> Bytes {
    let mut payload = Vec::with_capacity(CONTROL_MAX);
    payload.extend_from_slice(&code.to_be_bytes());
    payload.extend_from_slice(&reason.as_bytes()[..reason.floor_char_boundary(CONTROL_MAX - 2)]);
    control(CLOSE, &payload)
}

/// The close frame that answers a client's (§5.5.1): its code, or nothing when it gave none.
pub fn close_echo(code: Option<u16>) -> Bytes {
    match code {
        Some(code) => close_frame(code, ""),
        None => control(CLOSE, &[]),
    }
}

fn control(opcode: u8, payload: &[u8]) -> Bytes {
    debug_assert!(payload.len() <= CONTROL_MAX);
    let mut frame = Vec::with_capacity(2 + payload.len());
    push_header(&mut frame, opcode, payload.len());
    frame.extend_from_slice(payload);
    Bytes::from(frame)
}

fn push_header(out: &mut Vec<u8>, opcode: u8, length: usize) {
    out.push(0x80 | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => out.push(short),
        (_, Ok(medium)) => {
            out.push(126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// The value of `Sec-WebSocket-Accept` for a client's key (§4.2.2).
pub fn accept_key(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

/// A `Sec-WebSocket-Key` is 16 random bytes in base64 (§4.1).
pub fn is_key(key: &[u8]) -> bool {
    STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// Where the payload of a server's frame lies in `frame`: for tests and clients of our own.
pub fn server_payload(frame: &[u8]) -> Option<Range<usize>> {
    let second = *frame.get(1)?;
    let (at, length) = match second {
        126 => (
            4,
            usize::from(u16::from_be_bytes(*frame.get(2..4)?.first_chunk()?)),
        ),
        127 => (
            10,
            usize::try_from(u64::from_be_bytes(*frame.get(2..10)?.first_chunk()?)).ok()?,
        ),
        short => (2, usize::from(short)),
    };
    (at + length <= frame.len()).then_some(at..at + length)
}

#[cfg(test)]
mod tests;
