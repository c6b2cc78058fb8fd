//! What was never meant well: garbage, and a good session spoilt in hundreds of ways. Nothing may panic, take
//! longer than it is allowed, or take memory that it was not given.
//!
//! `session.rtmp` is what ffmpeg 5.1 sent to publish two seconds of 160×90 H.264 and AAC as `live/key`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::ops::Range;
use std::time::Duration;

use busk_rtmp::{Ended, Limits, Opus, ServeError, flv, payloads, serve};
use bytes::Bytes;
use common::*;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::{Instant, timeout};

const SESSION: &[u8] = include_bytes!("session.rtmp");
/// Handshake, `connect` and everything else before the pictures.
const OPENING: Range<usize> = 3_073..3_800;

/// Serves these bytes in pieces of this size, after which the encoder is silent but there.
async fn outcome(bytes: &[u8], piece: usize) -> (Result<Ended, ServeError>, Studio) {
    let studio = Studio::default();
    let limits = Limits::default();
    let (client, server) = duplex(1 << 16);
    let (mut reader, mut writer) = tokio::io::split(client);
    let began = Instant::now();
    let served = async {
        let served = timeout(Duration::from_secs(60), serve(server, &studio, limits)).await;
        (served.unwrap(), began.elapsed())
    };
    let client = async {
        let write = async {
            for bytes in bytes.chunks(piece) {
                if writer.write_all(bytes).await.is_err() {
                    return;
                }
            }
        };
        let mut unread = [0; 1_024];
        let read = async { while matches!(reader.read(&mut unread).await, Ok(count) if count > 0) {} };
        tokio::join!(write, read);
    };
    let ((outcome, took), ()) = tokio::join!(served, client);
    // Admission, silence and the parting.
    assert!(
        took <= limits.admission + limits.silence + Duration::from_secs(2),
        "{took:?}"
    );
    (outcome, studio)
}

/// What follows is chosen by this: the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((self.0 >> 33) as usize) % bound
    }

    fn within(&mut self, range: Range<usize>) -> usize {
        range.start + self.below(range.len())
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

/// The session, spoilt in one of many ways.
fn spoilt(kind: usize, chance: &mut Chance) -> Vec<u8> {
    let mut bytes = SESSION.to_vec();
    // Half of them where everything is decided.
    let at = match kind / 10 % 2 {
        0 => chance.within(OPENING),
        _ => chance.below(SESSION.len() - 4_000),
    };
    let some = at..at + chance.within(1..400);
    match kind % 10 {
        0 => bytes.truncate(at),
        1 => bytes[at] ^= 1 << chance.below(8),
        2 => bytes[some].fill(0),
        3 => bytes[some].fill(0xff),
        4 => drop(bytes.drain(some)),
        5 => {
            let again = bytes[some.clone()].to_vec();
            bytes.splice(some.start..some.start, again);
        }
        6 => {
            let garbage = chance.bytes(some.len());
            bytes.splice(some, garbage);
        }
        7 => {
            let garbage = chance.bytes(some.len());
            bytes.splice(at..at, garbage);
        }
        8 => {
            for _ in 0..100 {
                let at = chance.within(3_073..SESSION.len());
                bytes[at] = chance.below(256) as u8;
            }
        }
        _ => {
            bytes.truncate(at);
            bytes.extend(chance.bytes(20_000));
        }
    }
    bytes
}

/// The most memory that this process ever had, in KiB.
fn memory_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmPeak:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_session_is_a_good_one() {
    for piece in [1, 100, 65_536] {
        let (outcome, studio) = outcome(SESSION, piece).await;
        assert_eq!(outcome, Ok(Ended::ByEncoder));
        assert_eq!((studio.pictures().len(), studio.sounds().len()), (60, 88));
    }
}

#[tokio::test(start_paused = true)]
async fn spoilt_sessions_do_no_harm() {
    let before = memory_peak();
    let mut chance = Chance(1);
    let mut ends = std::collections::BTreeMap::<String, u32>::new();
    for kind in 0..600 {
        let bytes = spoilt(kind, &mut chance);
        let piece = [1, 7, 128, 65_536][chance.below(4)];
        let (outcome, studio) = outcome(&bytes, piece).await;
        assert_ne!(outcome, Err(ServeError::Panicked), "kind {kind}");
        // What still came through is used as it would be.
        let mut opus = Opus::new().unwrap();
        for sound in studio.sounds().iter().take(20) {
            let _ = opus.push(sound);
        }
        let pictures = studio.pictures();
        assert!(pictures.windows(2).all(|pair| pair[0].dts_ms < pair[1].dts_ms));
        for picture in &pictures {
            assert!(payloads(&picture.nals, 1_200).all(|(payload, _)| payload.len() <= 1_200));
        }
        let end = format!("{outcome:?}");
        *ends.entry(end[..end.len().min(20)].to_string()).or_default() += 1;
    }
    // They reach all that may happen.
    assert!(ends.len() >= 6, "{ends:?}");
    let grown = memory_peak() - before;
    assert!(grown < 200 << 10, "{grown} KiB more memory");
}

#[tokio::test(start_paused = true)]
async fn garbage_does_no_harm() {
    let mut chance = Chance(2);
    let publishing = [opening("live", "key"), media()].concat();
    for n in 0..300 {
        let length = chance.within(1..30_000);
        let garbage = chance.bytes(length);
        let bytes = match n % 3 {
            0 => [&[3][..], &garbage].concat(),
            1 => [hello(), garbage].concat(),
            _ => [&publishing[..], &garbage].concat(),
        };
        let (outcome, _) = outcome(&bytes, 4_096).await;
        assert_ne!(outcome, Err(ServeError::Panicked), "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn bombs_do_no_harm() {
    let before = memory_peak();
    let set_chunk_size = |size: u32| {
        let header = [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];
        [&header[..], &size.to_be_bytes()].concat()
    };
    // The first 3 MiB of many messages of nearly 4.
    let begun: Vec<u8> = (4..20)
        .flat_map(|id| {
            let header = [id, 0, 0, 0, 0x3f, 0xff, 0xff, VIDEO, 1, 0, 0, 0];
            header.into_iter().chain(vec![0; 3 << 20])
        })
        .collect();
    let many_streams: Vec<u8> = (0..30_000u32)
        .flat_map(|id| {
            [
                1,
                id as u8,
                (id >> 8) as u8,
                0,
                0,
                0,
                0,
                0,
                9,
                VIDEO,
                1,
                0,
                0,
                0,
                0,
            ]
        })
        .collect();
    let huge = [4, 0, 0, 0, 0xff, 0xff, 0xff, VIDEO, 1, 0, 0, 0];
    let nested = [3, 0, 1, b'a'].repeat(15_000);
    let counted = [10, 0xff, 0xff, 0xff, 0xff];
    let many_values = vec![5; 60_000];
    let many_nals = [&[0x17, 1, 0, 0, 0][..], &[0, 0, 0, 1, 0x65].repeat(100_000)].concat();
    let amf = [&nested[..], &counted, &many_values].map(|values| {
        let metadata = [string("onMetaData"), values.to_vec()].concat();
        [command("connect", 1.0, &[values]), message(18, 0, &metadata)]
    });
    let mut bombs = vec![
        [set_chunk_size(3 << 20), begun].concat(),
        [&set_chunk_size(0x7fff_ffff)[..], &huge].concat(),
        many_streams,
        message(VIDEO, 0, &many_nals),
        [2, 0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0, 0, 0, 0].repeat(1_000),
    ];
    bombs.extend(amf.into_iter().flatten());
    for (n, bomb) in bombs.iter().enumerate() {
        for opening in [hello(), [opening("live", "key"), media()].concat()] {
            let (outcome, _) = outcome(&[&opening[..], bomb].concat(), 65_536).await;
            assert_ne!(outcome, Err(ServeError::Panicked), "bomb {n}");
            if n < 2 && opening.len() > hello().len() {
                let too_large = ServeError::Malformed("a message is too large".into());
                assert_eq!(outcome, Err(too_large), "bomb {n}");
            }
        }
    }
    let grown = memory_peak() - before;
    assert!(grown < 200 << 10, "{grown} KiB more memory");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn tags_are_read_or_refused(tag in prop::collection::vec(any::<u8>(), 0..200), first: u8, length in 1usize..=4) {
        let tag: Bytes = std::iter::once(first).chain(tag).collect();
        let _ = flv::video_tag(&tag);
        let _ = flv::audio_tag(&tag);
        let _ = flv::nal_units(&tag, length);
    }
}
