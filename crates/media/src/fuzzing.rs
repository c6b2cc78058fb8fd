//! What must hold whatever strangers send. Each function is a fuzz target: it takes any bytes, and panics where one
//! of the rules is broken. `cargo xtask fuzz` looks for such bytes.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use busk_base::Timestamp;
use busk_hls::{Answer, Ask, LiveName, Rendition, Rung, VideoFrame};

use crate::program::clock::{Clock, Start};
use crate::program::feed::packager;
use crate::program::pictures::{Assembler, Picture};
use crate::program::sound::Sound;
use crate::track::{Lane, Packet, Track, TrackKind};
use crate::webrtc::protocol::{Direction, Peer};
use crate::webrtc::sdp::{self, Fragment};
use crate::webrtc::setup::Setup;
use crate::webrtc::{demux, signalling};

/// An offer and, after a zero byte, a trickle-ICE fragment: answered line by line or refused; a restart is one with
/// the fragment's credentials and with nothing else changed.
pub fn offer(input: &[u8], now: Instant) {
    let Some((direction, text)) = input.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let (offer, patch) = text.split_once('\0').unwrap_or((text, ""));
    if let Some(token) = signalling::bearer(patch) {
        assert_eq!(token, token.trim());
    }
    let fragment = sdp::fragment(patch);
    if let Some(fragment) = &fragment {
        restarted(offer, fragment);
    }
    let direction = match direction % 3 {
        0 => Direction::In,
        way => Direction::Out { adaptive: way == 1 },
    };
    let Ok(mut answered) = Peer::answer(setup(), direction, offer, 3, now) else {
        return;
    };
    assert_eq!(demux::thread_of(&answered.ufrag), Some(3));
    let media = |text: &str| text.lines().filter(|line| line.starts_with("m=")).count();
    assert_eq!(media(&answered.sdp), media(offer), "each line has its answer");
    assert!(answered.sdp.len() <= sdp::SDP_BYTES_MAX);
    assert_eq!(sdp::join_streams(&answered.sdp, "busk"), answered.sdp);
    let Some(fragment) = fragment else { return };
    if !answered.peer.knows(&fragment) && answered.peer.restart(&fragment, 3).is_ok() {
        assert!(answered.peer.knows(&fragment), "restarted with other credentials");
    }
}

fn restarted(offer: &str, fragment: &Fragment<'_>) {
    assert!(fragment.ufrag.len() <= 256 && fragment.password.len() <= 256);
    let restarted = sdp::with_credentials(offer, fragment);
    assert_eq!(sdp::sections(&restarted), sdp::sections(offer));
    assert_eq!(sdp::with_credentials(&restarted, fragment), restarted);
}

fn setup() -> &'static Setup {
    static SETUP: OnceLock<Setup> = OnceLock::new();
    SETUP.get_or_init(|| {
        let advertised = SocketAddr::from(([192, 0, 2, 1], 3_478));
        Setup::new(vec![advertised]).expect("the cryptography that is built in makes certificates")
    })
}

/// RTP of H.264, in any order: the pictures it is made into begin with a keyframe, hold no more than came, and are
/// the same in whichever order it came; readers of the track see one unbroken stream; and what the program's
/// playlists name is there.
pub fn h264(input: &[u8], now: Instant) {
    let packets = packets(input, now);
    let came: usize = packets.iter().map(|packet| packet.payload.len()).sum();
    let pictures = assembled(packets.iter().cloned());
    assert!(pictures.first().is_none_or(|first| first.keyframe));
    let nals = || pictures.iter().flat_map(|picture| &picture.nals);
    assert!(nals().all(|nal| !nal.is_empty()));
    assert!(nals().map(|nal| nal.len()).sum::<usize>() <= came);

    in_any_order(&packets, now);
    on_a_track(&packets, now);
    in_a_program(&pictures, now);
}

/// Up to 256 packets: steps of number and time, and how long the payload is.
fn packets(input: &[u8], now: Instant) -> Vec<Packet> {
    let (mut seq, mut time, mut wall) = (70_000u64, 1u64 << 33, now);
    let (mut rest, mut packets) = (input, Vec::new());
    while packets.len() < 256
        && let Some(([order, step, length @ ..], after)) = rest.split_first_chunk::<4>()
    {
        let length = u16::from_be_bytes(*length);
        let (payload, after) = after.split_at(usize::from(length & 0x7ff).min(after.len()));
        rest = after;
        // Mostly the next number; now and then one before or far behind.
        seq = match order {
            0..=127 => seq + 1,
            128..=250 => (seq + 64).saturating_sub(u64::from(*order - 128)),
            order => seq + (1 << (order - 240)),
        };
        time = match step {
            0..=127 => time + u64::from(*step) * 300,
            step => (time + (100 << 20)).saturating_sub(u64::from(*step) << 20),
        };
        wall += Duration::from_millis(u64::from(length >> 11));
        packets.push(Packet {
            seq,
            time,
            marker: order & 1 == 1,
            orientation: None,
            captured: None,
            wall,
            payload: payload.into(),
        });
    }
    packets
}

fn assembled(packets: impl Iterator<Item = Packet>) -> Vec<Picture> {
    let (mut assembler, mut pictures) = (Assembler::new(), Vec::new());
    for packet in packets {
        assembler.push(packet, &mut pictures);
    }
    pictures
}

/// As they come at once, none is waited for in vain.
fn in_any_order(packets: &[Packet], now: Instant) {
    let mut sorted = packets.to_vec();
    sorted.iter_mut().for_each(|packet| packet.wall = now);
    sorted.sort_by_key(|packet| packet.seq);
    sorted.dedup_by_key(|packet| packet.seq);
    let first = sorted.first().cloned();
    let backwards = first.into_iter().chain(sorted.iter().skip(1).rev().cloned());
    assert_eq!(assembled(sorted.iter().cloned()), assembled(backwards));
}

/// No number of a reader's stream comes twice unless one of the source's does.
fn on_a_track(packets: &[Packet], now: Instant) {
    let (mut track, mut lane) = (Track::new(TrackKind::Video), Lane::new(u64::MAX));
    lane.join(&track);
    let mut sent = Vec::new();
    for packet in packets {
        let starts = track.push(packet.clone(), packet.wall.max(now));
        assert!(!starts || !track.lacks_keyframe());
        while let Some(out) = lane.next(&track) {
            sent.push(out.seq);
        }
        track.trim(packet.wall, lane.needs());
    }
    assert!(sent.len() <= packets.len() && sent.first().is_none_or(|first| *first < 1 << 15));
    let distinct = |numbers: &mut dyn Iterator<Item = u64>| numbers.collect::<BTreeSet<_>>().len();
    let came = distinct(&mut packets.iter().map(|packet| packet.seq));
    assert!(distinct(&mut sent.iter().copied()) == sent.len() || came < packets.len());
}

fn in_a_program(pictures: &[Picture], now: Instant) {
    let start = Start(now, Timestamp::from_unix_us(1_800_000_000_000_000));
    let mut clock = Clock::new(TrackKind::Video);
    let mut packager = packager(start.1);
    for picture in pictures {
        let since = start.since(picture.wall);
        let frame = VideoFrame {
            dts: clock.at(picture.time, since, false),
            cts: 0,
            keyframe: picture.keyframe,
            nals: picture.nals.clone(),
        };
        // As if it came in a second size too.
        packager.lower(1, frame.clone());
        let _ = packager.video(frame, start.wall(since));
    }
    if pictures.len().is_multiple_of(2) {
        packager.end();
    }
    let whole = [Rendition::Video, Rendition::Audio, Rendition::IFrames].into_iter();
    for which in whole.chain(Rung::ALL.map(Rendition::Rung)) {
        let Answer::Now(playlist) = packager.playlist(which, Ask::default()) else {
            continue;
        };
        let playlist = playlist.expect("nothing but the playlist was asked for");
        let named = playlist
            .split(['"', '\n', ','])
            .filter_map(|word| Some((word, LiveName::parse(word)?)));
        for (word, name) in named {
            assert_eq!(name.to_string(), word);
            assert_ne!(packager.resource(&name), Answer::Now(None), "{name} is not there");
        }
    }
}

/// Opus packets of any bytes, at any time: the units of AAC are whole, in time, and no more than were due.
pub fn opus(input: &[u8]) {
    const PACKETS_MAX: usize = 24;
    // 1 024 samples each: 120 ms, a second of silence before it, and what waited.
    const UNITS_MAX: usize = 6 + 47 + 2;
    let Ok(mut sound) = Sound::new() else { return };
    let (mut rest, mut time) = (input, 0u64);
    for _ in 0..PACKETS_MAX {
        let Some(([step, length], after)) = rest.split_first_chunk() else {
            return;
        };
        let (packet, after) = after.split_at(usize::from(*length).min(after.len()));
        rest = after;
        time = match step {
            0..=127 => time + u64::from(*step) * 240,
            step => (time + (64 << 12)).saturating_sub(u64::from(*step - 128) << 12),
        };
        let mut units = Vec::new();
        if sound.push(packet, time, &mut units).is_err() {
            return;
        }
        assert!(units.len() <= UNITS_MAX, "{} units", units.len());
        assert!(units.iter().all(|unit| !unit.data.is_empty()));
    }
}
