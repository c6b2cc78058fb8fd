//! Compressed frames as the load reads them. All clients of a room are told the same bytes: what was inflated for one is
//! known for the others, so that the load's core is not what is measured.

use std::collections::VecDeque;

use flate2::{Decompress, FlushDecompress};

use crate::swarm::messages;

/// Frames that some have read and others have not yet.
const KNOWN_MAX: usize = 8;
/// A frame that was no longer than this before.
const INFLATED_MAX: usize = 256 * 1024;

#[derive(Default)]
pub struct Packed(VecDeque<(Vec<u8>, Vec<u64>)>);

impl Packed {
    /// When the messages of a payload were due.
    pub fn messages(&mut self, payload: &[u8]) -> &[u64] {
        let known = self.0.iter().position(|(packed, _)| packed == payload);
        let at = known.unwrap_or_else(|| {
            let mut due = Vec::new();
            messages(&inflated(payload), &mut |due_us| due.push(due_us));
            self.0.truncate(KNOWN_MAX - 1);
            self.0.push_front((payload.to_vec(), due));
            0
        });
        &self.0[at].1
    }
}

/// RFC 7692 §7.2.2.
fn inflated(packed: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(INFLATED_MAX);
    let packed = [packed, &[0, 0, 0xFF, 0xFF]].concat();
    // What cannot be inflated has no messages, and is missed.
    let _ = Decompress::new(false).decompress_vec(&packed, &mut text, FlushDecompress::Sync);
    text
}
