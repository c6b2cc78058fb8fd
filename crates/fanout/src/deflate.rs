//! `permessage-deflate` (RFC 7692), in the one form in which a message can be compressed once for everybody: neither side
//! keeps anything from one message to the next.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::protocol::{self, Violation};

/// The answer to an offer that is taken (§7.1.1).
pub(crate) const ACCEPTED: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// Below this a message gets hardly shorter.
const WORTH_IT: usize = 256;
/// What a flush ends with, and a message leaves out (§7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];
/// Room that is kept between messages.
const KEPT: usize = 16 * 1024;

/// Whether an offer among those of a `Sec-WebSocket-Extensions` header can be taken as it stands: with any parameters
/// of the RFC but a window for the server that is smaller than the one that all share (§7.1.2.1).
pub(crate) fn is_offered(header: &str) -> bool {
    header.split(',').any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        if !parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("permessage-deflate"))
        {
            return false;
        }
        let mut names = Vec::new();
        parts.all(|part| {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim_end(), Some(value.trim_start().trim_matches('"'))),
                None => (part, None),
            };
            let is_new = !names.contains(&name);
            names.push(name);
            is_new
                && match (name, value) {
                    ("server_no_context_takeover" | "client_no_context_takeover", None) => true,
                    ("client_max_window_bits", None) => true,
                    ("client_max_window_bits", Some(bits)) => is_window(bits),
                    ("server_max_window_bits", Some(bits)) => bits == "15",
                    _ => false,
                }
        })
    })
}

fn is_window(bits: &str) -> bool {
    matches!(bits, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
}

/// Makes messages shorter.
pub(crate) struct Deflater(Compress);

impl Deflater {
    pub fn new() -> Self {
        Self(Compress::new(Compression::fast(), false))
    }

    /// The text frame around `payload`, compressed; none when it would be no shorter.
    pub fn text_frame(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        if payload.len() < WORTH_IT {
            return None;
        }
        self.0.reset();
        let mut packed = Vec::with_capacity(payload.len());
        let done = self
            .0
            .compress_vec(payload, &mut packed, FlushCompress::Sync)
            .ok()?;
        let whole = done == Status::Ok && self.0.total_in() == payload.len() as u64;
        // What filled its place to the last byte was not finished: it is no shorter.
        if !whole || packed.len() == packed.capacity() || !packed.ends_with(&TAIL) {
            return None;
        }
        packed.truncate(packed.len() - TAIL.len());
        let mut frame = Vec::with_capacity(packed.len() + 10);
        protocol::push_compressed_text_header(&mut frame, packed.len());
        frame.extend_from_slice(&packed);
        Some(frame)
    }
}

/// Makes clients' messages whole again.
#[derive(Debug)]
pub struct Inflater {
    state: Decompress,
    message: Vec<u8>,
}

impl Default for Inflater {
    fn default() -> Self {
        Self {
            state: Decompress::new(false),
            message: Vec::new(),
        }
    }
}

impl Inflater {
    /// The message that was compressed to `packed`, when it is not longer than `cap`.
    pub(crate) fn message(&mut self, packed: &[u8], cap: usize) -> Result<&[u8], Violation> {
        self.state.reset(false);
        self.message.clear();
        self.message.shrink_to(KEPT);
        for part in [packed, &TAIL] {
            self.feed(part, cap)?;
        }
        Ok(&self.message)
    }

    fn feed(&mut self, mut input: &[u8], cap: usize) -> Result<(), Violation> {
        loop {
            // One more than may be is enough to see that it is too much.
            let room = (cap + 1 - self.message.len()).min(KEPT);
            self.message.reserve(room);
            let (read, written) = (self.state.total_in(), self.message.len());
            let status = self
                .state
                .decompress_vec(input, &mut self.message, FlushDecompress::Sync)
                .map_err(|_| Violation::NotDeflated)?;
            input = &input[(self.state.total_in() - read) as usize..];
            if self.message.len() > cap {
                return Err(Violation::TooBig);
            }
            match status {
                // A block that says it is the last (§7.2.3.4): what follows it begins anew.
                Status::StreamEnd => {
                    self.state.reset(false);
                    if input.is_empty() {
                        return Ok(());
                    }
                }
                _ if input.is_empty() && self.message.len() < self.message.capacity() => return Ok(()),
                _ if self.state.total_in() == read && self.message.len() == written => {
                    return Err(Violation::NotDeflated);
                }
                _ => {}
            }
        }
    }
}
