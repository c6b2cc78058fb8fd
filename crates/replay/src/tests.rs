//! What needs more media, or a slower disk, than a test has.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use busk_base::{RoomId, Timestamp};
use busk_hls::{AudioConfig, Config, Finished, Medium, Packager, VideoFrame};
use bytes::Bytes;
use mp4_atom::{Atom, Header, Moov, ReadFrom};

use crate::contents::Contents;
use crate::index::{MAGIC, Part, Record};
use crate::{Piece, Recorders, Recording};

const SPS: &[u8] = &[
    0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
    0x00, 0x03, 0x03, 0xc0, 0xf1, 0x42, 0xa4, 0x80,
];
const PPS: &[u8] = &[0x68, 0xcb, 0x83, 0xcb, 0x20];

/// What a packager finishes of so many pictures, of so many bytes each; in silence.
fn finished(pictures: u64, bytes: usize) -> Vec<Finished> {
    let audio = AudioConfig {
        sample_rate: 48_000,
        channels: 2,
        specific: Bytes::from_static(&[0x11, 0x90]),
        silence: Bytes::from_static(&[0x21]),
    };
    let mut packager = Packager::new(Config::default(), audio, 7);
    packager.keep_finished();
    let mut all = Vec::new();
    for n in 0..pictures {
        let keyframe = n.is_multiple_of(60);
        let mut slice = vec![0; bytes];
        slice[0] = if keyframe { 0x65 } else { 0x41 };
        let parameters = [Bytes::from_static(SPS), Bytes::from_static(PPS)];
        let frame = VideoFrame {
            dts: 900_000 + n * 3_000,
            // Every second picture is shown after the next.
            cts: if n % 2 == 0 { 6_000 } else { 0 },
            keyframe,
            nals: parameters
                .into_iter()
                .filter(|_| keyframe)
                .chain([slice.into()])
                .collect(),
        };
        packager
            .video(frame, Timestamp::from_unix_us(n as i64 * 33_333))
            .unwrap();
        all.append(&mut packager.take_finished());
    }
    packager.end();
    all.append(&mut packager.take_finished());
    all
}

/// The index of a recording whose pictures are so many times as large; there are no media.
fn index(finished: &[Finished], larger: u32) -> Bytes {
    let mut out = MAGIC.to_vec();
    for finished in finished {
        let record = match finished.clone() {
            Finished::Init {
                medium,
                number,
                bytes,
                silence,
            } => Record::Init {
                medium,
                number,
                bytes,
                silence,
            },
            Finished::Segment {
                medium,
                msn,
                init,
                wall,
                discontinuity,
            } => Record::Segment {
                medium,
                msn,
                init,
                wall,
                discontinuity,
            },
            Finished::Part { medium, mut part, .. } => {
                if medium == Medium::Video {
                    part.samples.iter_mut().for_each(|sample| sample.size *= larger);
                }
                let data: u32 = part.samples.iter().map(|sample| sample.size).sum();
                let length = (part.data_at + data as usize) as u64;
                let mut part = Part::of(&part);
                part.length = length;
                Record::Part { medium, part }
            }
            Finished::End { medium, .. } => Record::End { medium },
        };
        out.extend(record.write());
    }
    out.into()
}

#[test]
fn a_file_of_more_than_4_gib_has_64_bit_offsets() {
    let finished = finished(1_800, 2_000);
    for (larger, expected) in [(1, false), (1_500, true)] {
        let recording = Recording::read(&index(&finished, larger)).unwrap();
        let plan = recording.mp4().unwrap();
        assert_eq!(plan.length() > u64::from(u32::MAX), expected);
        let Some(Piece::Here(head)) = plan.pieces(0..u64::MAX).next() else {
            panic!("it begins with what is made");
        };
        let mut boxes = &head[..];
        let ftyp = Header::read_from(&mut boxes).unwrap();
        boxes = &boxes[ftyp.size.unwrap()..];
        let moov = Header::read_from(&mut boxes).unwrap();
        let (mut body, mdat) = boxes.split_at(moov.size.unwrap());
        let moov = Moov::decode_body(&mut body).unwrap();
        let media = plan.length() - head.len() as u64;
        match expected {
            true => assert_eq!(
                mdat,
                [&b"\0\0\0\x01mdat"[..], &(media + 16).to_be_bytes()].concat()
            ),
            false => assert_eq!(mdat, [&(media as u32 + 8).to_be_bytes()[..], b"mdat"].concat()),
        }
        let mut offsets: Vec<(u64, Medium)> = Vec::new();
        for (trak, medium) in moov.trak.iter().zip([Medium::Video, Medium::Audio]) {
            let stbl = &trak.mdia.minf.stbl;
            assert_eq!((stbl.co64.is_some(), stbl.stco.is_some()), (expected, !expected));
            let small = stbl
                .stco
                .iter()
                .flat_map(|stco| &stco.entries)
                .map(|at| u64::from(*at));
            let large = stbl.co64.iter().flat_map(|co64| &co64.entries).copied();
            offsets.extend(small.chain(large).map(|at| (at, medium)));
            assert_eq!(stbl.ctts.is_some(), medium == Medium::Video);
        }
        // Where a chunk is said to be, there is that medium's first piece of it.
        offsets.sort_by_key(|offset| offset.0);
        assert_eq!(offsets[0].0, head.len() as u64);
        assert!(offsets.len() > 100 && offsets.windows(2).any(|two| two[0].1 != two[1].1));
        for (at, medium) in offsets {
            match plan.pieces(at..at + 1).next().unwrap() {
                Piece::Stored { name, .. } => {
                    assert_eq!(name.content_type() == "video/mp4", medium == Medium::Video);
                }
                Piece::Here(_) => assert_eq!(medium, Medium::Audio),
            }
        }
    }
}

#[test]
fn what_a_slow_disk_has_no_room_for_is_a_gap_in_both_media() {
    let home = tempfile::tempdir().unwrap();
    let room = RoomId::new(Timestamp::from_unix_us(0), [1; 10]);
    let (syncs, _nobody) = std::sync::mpsc::sync_channel(1);
    let (recorders, run) = Recorders::prepare(home.path().to_owned(), syncs);
    let mut recorder = recorders.record(room);
    let all = finished(900, 50_000);
    let late = all
        .iter()
        .rposition(|f| {
            matches!(
                f,
                Finished::Segment {
                    medium: Medium::Video,
                    ..
                }
            )
        })
        .unwrap();
    // While the thread does nothing: more than may wait for it.
    recorder.take(all[..late].to_vec());
    assert_eq!(recorder.state().gaps, 1);
    drop(recorders);
    let thread = std::thread::spawn(run);
    while recorder.queued() > 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    recorder.take(all[late..].to_vec());
    let state = recorder.state();
    recorder.end();
    thread.join().unwrap();
    assert_eq!((state.gaps, state.fault), (1, None));
    let index = std::fs::read(home.path().join(room.to_string()).join("index")).unwrap();
    let contents = Contents::read(&index.into()).unwrap();
    assert!(contents.over);
    for lane in [&contents.video, &contents.audio] {
        let (last, before) = lane.split_last().unwrap();
        assert!(last.msn > before.last().unwrap().msn + 1, "something is missing");
        assert_eq!(last.init, 7);
        let bytes: u64 = before.iter().map(|segment| segment.length()).sum();
        assert!(bytes < 17 << 20, "{bytes}");
    }
    assert_eq!(
        contents.video.last().unwrap().msn,
        contents.audio.last().unwrap().msn
    );
    assert!(contents.video.last().unwrap().discontinuity);
}
