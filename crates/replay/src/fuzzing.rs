//! What must hold whatever an index has become on a disk. Each function is a fuzz target: it takes any bytes, and
//! panics where one of the rules is broken. `cargo xtask fuzz` looks for such bytes.

use std::time::Duration;

use busk_hls::Rendition;
use bytes::Bytes;

use crate::index::{MAGIC, Record, records};
use crate::{Plan, Recording};

const SILENCE_TICKS_MAX: u128 = 20_000;

/// An index: what is read of it is read again as it was when it is written; and whatever it says, what is made of it
/// for players is bounded, and as long as it claims to be.
pub fn index(input: &[u8]) {
    let Some((options, payloads)) = input.split_first() else {
        return;
    };
    let index = if options & 1 == 0 {
        framed(payloads)
    } else {
        payloads.to_vec()
    };
    let index = Bytes::from(index);
    let read: Vec<Record> = records(&index).map(|(_, record)| record).collect();
    let written = read.iter().flat_map(Record::write);
    let written: Bytes = MAGIC.iter().copied().chain(written).collect();
    assert!(records(&written).map(|(_, record)| record).eq(read));

    let Ok(recording) = Recording::read(&index) else {
        return;
    };
    let length = recording.duration();
    assert_eq!(length == Duration::ZERO, recording.length() == 0);
    let _ = recording.master();
    for which in [Rendition::Video, Rendition::Audio, Rendition::IFrames] {
        let playlist = recording.playlist(which);
        assert!(playlist.starts_with("#EXTM3U\n") && playlist.ends_with("#EXT-X-ENDLIST\n"));
    }
    if let Some(wall) = recording.wall_at(length / 2) {
        assert!(recording.position_at(wall) <= length);
    }
    // Silence that is missing is made up for, in access units that the index may say are very short.
    let ticks = u128::from(recording.length()) * u128::from(recording.audio.scale);
    if ticks / u128::from(recording.video.scale) > SILENCE_TICKS_MAX {
        return;
    }
    let middle = length / 2;
    for plan in [recording.mp4(), recording.clip(middle / 2, middle)] {
        plan.iter().for_each(is_whole);
    }
}

/// Records with the lengths and checksums that a fuzzer would not find.
fn framed(mut payloads: &[u8]) -> Vec<u8> {
    let mut index = MAGIC.to_vec();
    while let Some((length, rest)) = payloads.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (payload, rest) = rest.split_at(length);
        index.extend((length as u32).to_be_bytes());
        index.extend(crc32fast::hash(payload).to_be_bytes());
        index.extend(payload);
        payloads = rest;
    }
    index
}

fn is_whole(plan: &Plan) {
    let lengths = plan.pieces(0..u64::MAX).map(|piece| piece.length());
    assert_eq!(lengths.sum::<u64>(), plan.length());
    let (from, to) = (plan.length() / 3, plan.length() / 2);
    let lengths = plan.pieces(from..to).map(|piece| piece.length());
    assert_eq!(lengths.sum::<u64>(), to - from);
}
