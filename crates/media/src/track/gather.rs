//! Sound that waited for a picture, joined: several Opus packets in a row become one (RFC 6716 §3.2.5). What an
//! audience costs is a matter of packets, and half of those at a low bitrate are sound.

use std::sync::Arc;

use opus::Repacketizer;

use super::{Packet, Track};

/// The longest sound in a packet, in ticks: what is lost with it is to be concealed (RFC 7587 §4.2 allows 120 ms).
const TICKS_MAX: u64 = 60 * 48;
/// Of a packet's payload, so that it fits where any picture's does.
const BYTES_MAX: usize = 1_100;
/// Far enough from zero for numbers to be moved down by as many as are joined away.
const NUMBERS_FROM: u64 = 1 << 40;

/// How a track of sound numbers its packets: as the source did, less those that went into another.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    joined: u64,
    /// The source's number after the newest packet that had its chance: an earlier one would come too late.
    from: u64,
}

impl Numbering {
    /// The number of what the source numbered so; none for what came too late.
    pub(super) fn of(&self, source: u64) -> Option<u64> {
        (source >= self.from).then(|| NUMBERS_FROM + source - self.joined)
    }
}

impl Track {
    /// Joins what is kept, which nobody has had yet, as far as it belongs together.
    pub fn gather(&mut self) {
        let in_order = self
            .kept
            .iter()
            .zip(self.kept.iter().skip(1))
            .all(|(a, b)| a.seq < b.seq);
        let Some(newest) = self.kept.back().filter(|_| in_order && self.kept.len() > 1) else {
            return;
        };
        self.numbering.from = newest.seq + self.numbering.joined + 1 - NUMBERS_FROM;
        let mut joined = 0;
        let packets: Vec<Packet> = self.kept.drain(..).collect();
        for group in packets.chunk_by(follows) {
            let mut rest = group;
            while let Some(first) = rest.first() {
                let (payload, taken) = longest(rest);
                self.kept_bytes += payload.len();
                self.kept.push_back(Packet {
                    seq: first.seq - joined,
                    payload,
                    ..first.clone()
                });
                joined += taken as u64 - 1;
                rest = &rest[taken..];
            }
        }
        self.kept_bytes -= packets.iter().map(|packet| packet.payload.len()).sum::<usize>();
        self.numbering.joined += joined;
    }
}

/// Whether the second goes on where the first ends.
fn follows(a: &Packet, b: &Packet) -> bool {
    b.seq == a.seq + 1 && !b.marker && ticks(&a.payload).is_some_and(|ticks| b.time == a.time + ticks)
}

/// As many of these as fit into one packet, and how many they are; one at least.
fn longest(packets: &[Packet]) -> (Arc<[u8]>, usize) {
    let whole = || (packets[0].payload.clone(), 1);
    let mut fits = (0, 0, 0);
    for packet in packets {
        let (count, time, bytes) = fits;
        // Two bytes more of each: its length.
        let next = (
            count + 1,
            time + ticks(&packet.payload).unwrap_or(TICKS_MAX),
            bytes + packet.payload.len() + 2,
        );
        if next.1 > TICKS_MAX || next.2 > BYTES_MAX {
            break;
        }
        fits = next;
    }
    let (count, _, bytes) = fits;
    if count < 2 {
        return whole();
    }
    let payloads: Vec<&[u8]> = packets[..count]
        .iter()
        .map(|packet| &packet.payload[..])
        .collect();
    let mut buffer = vec![0; bytes + 2];
    let joined = Repacketizer::new().and_then(|mut joiner| joiner.combine(&payloads, &mut buffer));
    // Those of different kinds cannot be in one packet.
    joined.map_or_else(|_| whole(), |length| (buffer[..length].into(), count))
}

fn ticks(payload: &[u8]) -> Option<u64> {
    let samples = opus::packet::get_nb_samples(payload, 48_000).ok()?;
    Some(samples as u64)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::track::{Lane, TrackKind};

    const FRAME: usize = 960;

    /// Twenty milliseconds each.
    fn sound(count: usize) -> Vec<Vec<u8>> {
        let mut encoder = opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Audio).unwrap();
        let tone = |n: usize| ((n as f32 * 0.06).sin() * 9_000.0) as i16;
        let frames =
            (0..count).map(|frame| (0..FRAME).map(|n| tone(frame * FRAME + n)).collect::<Vec<i16>>());
        frames
            .map(|samples| encoder.encode_vec(&samples, 400).unwrap())
            .collect()
    }

    fn heard<'a>(packets: impl IntoIterator<Item = &'a [u8]>) -> Vec<i16> {
        let mut decoder = opus::Decoder::new(48_000, opus::Channels::Mono).unwrap();
        let mut all = Vec::new();
        for packet in packets {
            let mut samples = vec![0; 6 * FRAME];
            let count = decoder.decode(packet, &mut samples, false).unwrap();
            all.extend_from_slice(&samples[..count]);
        }
        all
    }

    fn packet(seq: u64, frame: u64, payload: &[u8]) -> Packet {
        Packet {
            seq,
            time: 5_000 + frame * FRAME as u64,
            marker: false,
            orientation: None,
            captured: None,
            wall: start(),
            payload: payload.into(),
        }
    }

    #[allow(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
    fn start() -> Instant {
        Instant::now()
    }

    fn drain(lane: &mut Lane, track: &Track) -> Vec<(u64, u32, Vec<u8>)> {
        let all = std::iter::from_fn(|| {
            let out = lane.next(track)?;
            Some((out.seq, out.time, out.packet.payload.to_vec()))
        });
        all.collect()
    }

    #[test]
    fn joined_sound_sounds_the_same_and_is_numbered_without_a_gap() {
        let frames = sound(12);
        let mut track = Track::new(TrackKind::Audio);
        let mut lane = Lane::new(0);
        lane.join(&track);
        let mut out = Vec::new();
        for (round, group) in frames.chunks(3).enumerate() {
            for (place, payload) in group.iter().enumerate() {
                let n = (round * 3 + place) as u64;
                track.push(packet(100 + n, n, payload), start());
            }
            track.gather();
            out.append(&mut drain(&mut lane, &track));
            track.trim(start() + Duration::from_secs(1), u64::MAX);
        }
        assert_eq!(out.len(), 4, "three frames each");
        for pair in out.windows(2) {
            assert_eq!(pair[1].0, pair[0].0 + 1);
            assert_eq!(pair[1].1 - pair[0].1, 3 * FRAME as u32);
        }
        let joined = heard(out.iter().map(|(_, _, payload)| &payload[..]));
        assert_eq!(joined, heard(frames.iter().map(|payload| &payload[..])));
    }

    #[test]
    fn what_does_not_follow_is_not_joined_and_a_loss_stays_a_gap() {
        let frames = sound(6);
        let mut track = Track::new(TrackKind::Audio);
        let mut lane = Lane::new(0);
        lane.join(&track);
        for n in [0, 1, 3, 4] {
            track.push(packet(n, n, &frames[n as usize]), start());
        }
        track.gather();
        let out = drain(&mut lane, &track);
        let apart: Vec<u64> = out.iter().map(|(seq, ..)| seq - out[0].0).collect();
        assert_eq!(apart, [0, 2], "one was lost between the two");
        assert_eq!(out[1].1 - out[0].1, 3 * FRAME as u32);
        track.trim(start(), u64::MAX);
        // Its number is nobody's any more.
        track.push(packet(2, 2, &frames[2]), start());
        track.push(packet(5, 5, &frames[5]), start());
        let out = drain(&mut lane, &track);
        assert_eq!(out.len(), 1);
        assert_eq!(out[0].2, frames[5]);
    }

    #[test]
    fn what_is_no_opus_goes_as_it_came() {
        let mut track = Track::new(TrackKind::Audio);
        let mut lane = Lane::new(0);
        lane.join(&track);
        for n in 0..3 {
            track.push(packet(n, n, &[0xff; 7]), start());
        }
        track.gather();
        let payloads: Vec<Vec<u8>> = drain(&mut lane, &track).into_iter().map(|out| out.2).collect();
        assert_eq!(payloads, [[0xff; 7]; 3]);
    }
}
