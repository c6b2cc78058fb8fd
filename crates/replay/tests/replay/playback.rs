//! A recording plays as it was: as playlists, as one file and as a clip.

use std::path::Path;
use std::time::Duration;

use busk_base::RoomId;
use busk_hls::{Finished, Rendition};
use busk_replay::{ClipError, Recorders, Recording};

use crate::ffmpeg;
use crate::show::{SIZES, Show, heard_s, number, room};

/// Hands it to the thread and waits until it is written.
pub fn record(folder: &Path, room: RoomId, finished: Vec<Finished>, over: bool) {
    let (recorders, thread) = Recorders::start(folder.to_owned()).unwrap();
    let mut recorder = recorders.record(room);
    drop(recorders);
    for finished in finished {
        recorder.take([finished]);
    }
    assert_eq!(recorder.state().fault, None);
    match over {
        true => recorder.end(),
        false => drop(recorder),
    }
    thread.join().unwrap();
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / 90_000.0
}

/// Every access unit that was heard beside a picture is so in the file: the times are those of the file's
/// pictures on the program's clock, in pieces without a gap.
fn assert_in_sync(file: &Path, bytes: &[u8], pictures: &[u64]) -> usize {
    let shown = ffmpeg::packets(file, "v:0");
    assert_eq!(shown.len(), pictures.len());
    let mut heard = 0;
    let mut at = 0;
    for (time, size, pos) in ffmpeg::packets(file, "a:0") {
        let Some(number) = number(&bytes[pos..pos + size]) else {
            continue;
        };
        heard += 1;
        while at + 1 < shown.len() && shown[at + 1].0 <= time + 0.012 {
            at += 1;
        }
        // Of a unit across a change of cameras half belongs to either.
        let beside = |at: usize| seconds(pictures[at]) + (time - shown[at].0);
        let apart = [at, at.saturating_sub(1)].map(|at| (heard_s(number) - beside(at)).abs());
        let apart = apart[0].min(apart[1]);
        assert!(apart < 0.012, "{} is {apart} s from its picture", heard_s(number));
    }
    heard
}

fn count(text: &str, tag: &str) -> usize {
    text.lines().filter(|line| *line == tag).count()
}

fn lasts(text: &str) -> f64 {
    let lengths = text.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
    lengths
        .map(|length| length.trim_end_matches(',').parse::<f64>().unwrap())
        .sum()
}

#[test]
fn a_show_with_two_cameras_plays_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(room(1).to_string());
    let mut show = Show::begin(0);
    let mut finished = show.run(200);
    finished.extend(show.change_source(1, 270_000));
    finished.extend(show.run(155));
    finished.extend(show.end());
    record(home.path(), room(1), finished, true);

    let recording = Recording::open(&folder).unwrap();
    assert!(recording.is_over());
    assert_eq!(show.pictures.len(), 355);
    let length = 355.0 / 30.0;
    assert!((recording.duration().as_secs_f64() - length).abs() < 0.001);
    for which in [Rendition::Video, Rendition::Audio, Rendition::IFrames] {
        let text = recording.playlist(which);
        assert!(text.contains("#EXT-X-PLAYLIST-TYPE:VOD") && text.ends_with("#EXT-X-ENDLIST\n"));
        assert_eq!(count(&text, "#EXT-X-DISCONTINUITY"), 1, "{text}");
        assert!(
            (lasts(&text) - length).abs() < 0.043,
            "{which:?} lasts {}",
            lasts(&text)
        );
    }
    let text = recording.playlist(Rendition::Video);
    assert!(text.contains("#EXT-X-TARGETDURATION:2\n"), "{text}");
    assert!(
        text.contains("#EXT-X-PROGRAM-DATE-TIME:2026-11-21T09:20:00.000Z\n"),
        "{text}"
    );
    assert_eq!(text.matches("#EXT-X-MAP:").count(), 2);

    assert_eq!(ffmpeg::play(&recording, &folder, &home.path().join("vod")), 355);

    let file = home.path().join("show.mp4");
    let bytes = ffmpeg::download(&recording.mp4().unwrap(), &folder, &file);
    ffmpeg::decode(&file);
    assert!(
        (ffmpeg::duration(&file) - length).abs() < 0.034,
        "{}",
        ffmpeg::duration(&file)
    );
    let frames = ffmpeg::frames(&file);
    let of_size =
        |(width, height): (usize, usize)| frames.iter().filter(|f| (f.0, f.1) == (width, height)).count();
    assert_eq!((of_size(SIZES[0]), of_size(SIZES[1])), (200, 155));
    let heard = assert_in_sync(&file, &bytes, &show.pictures);
    assert!(heard > 540, "{heard} units of about 555");
}

#[test]
fn a_room_that_comes_back_after_a_crash_has_one_recording_in_sync() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(room(2).to_string());
    let (mut first, mut second) = (Show::begin(0), Show::begin(40));
    // The sound's last part is not written, nor is anything ended.
    let mut finished = first.run(215);
    let sound = |f: &Finished| {
        matches!(
            f,
            Finished::Part {
                medium: busk_hls::Medium::Audio,
                ..
            }
        )
    };
    finished.truncate(finished.iter().rposition(sound).unwrap());
    record(home.path(), room(2), finished, false);
    let pictures = || Recording::open(&folder).unwrap().duration().as_secs_f64() * 30.0;
    let before = pictures().round() as usize;
    assert!(before > 185, "{before} of 215 pictures are there");
    second.size = 1;
    let mut finished = second.run(130);
    finished.extend(second.end());
    record(home.path(), room(2), finished, true);

    let recording = Recording::open(&folder).unwrap();
    assert_eq!(pictures().round() as usize, before + 130);
    for which in [Rendition::Video, Rendition::Audio] {
        assert_eq!(count(&recording.playlist(which), "#EXT-X-DISCONTINUITY"), 1);
    }
    assert_eq!(
        ffmpeg::play(&recording, &folder, &home.path().join("vod")),
        before + 130
    );
    let file = home.path().join("show.mp4");
    let bytes = ffmpeg::download(&recording.mp4().unwrap(), &folder, &file);
    ffmpeg::decode(&file);
    let times = [&first.pictures[..before], &second.pictures[..]].concat();
    assert_in_sync(&file, &bytes, &times);

    // The picture stands still over the time in which nothing was recorded.
    let position = Duration::from_secs_f64(before as f64 / 30.0);
    let near = |a: Duration, b: Duration| a.abs_diff(b) < Duration::from_millis(1);
    let begin = recording.wall_at(Duration::ZERO).unwrap();
    assert!(near(
        recording.position_at(begin + Duration::from_secs(20)),
        position
    ));
    assert!(near(
        recording.position_at(begin + Duration::from_secs(41)),
        position + Duration::from_secs(1)
    ));
    let later = recording.wall_at(position + Duration::from_secs(2)).unwrap();
    assert!(near(later.since(begin), Duration::from_secs(42)));
    assert_eq!(
        recording.position_at(begin - Duration::from_secs(5)),
        Duration::ZERO
    );
}

#[test]
fn a_clip_begins_at_a_keyframe_and_holds_what_was_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(room(3).to_string());
    let mut show = Show::begin(0);
    let mut finished = show.run(245);
    finished.extend(show.change_source(1, 7_000));
    finished.extend(show.run(120));
    record(home.path(), room(3), finished, false);
    let recording = Recording::open(&folder).unwrap();
    assert!(!recording.is_over(), "a clip can be made of a show that is on");
    // Asked for, in ms; what the clip has, in pictures. The second camera's first keyframe is picture 245.
    for (from, to, first, last) in [
        (3_300, 6_100, 60, 183),
        (0, 500, 0, 15),
        (7_000, 9_000, 180, 270),
        (8_200, 99_000, 245, 350),
    ] {
        let plan = recording
            .clip(Duration::from_millis(from), Duration::from_millis(to))
            .unwrap();
        let file = home.path().join(format!("{from}.mp4"));
        let bytes = ffmpeg::download(&plan, &folder, &file);
        ffmpeg::decode(&file);
        let frames = ffmpeg::frames(&file);
        let last = last.min((recording.duration().as_secs_f64() * 30.0).round() as usize);
        assert_eq!(
            (frames.len(), frames[0].2.as_str()),
            (last - first, "I"),
            "{from} to {to}"
        );
        let lasts = (last - first) as f64 / 30.0;
        assert!(
            (ffmpeg::duration(&file) - lasts).abs() < 0.034,
            "{from} to {to}: {}",
            ffmpeg::duration(&file)
        );
        assert_in_sync(&file, &bytes, &show.pictures[first..last]);
    }
    let clip = |from, to| {
        recording
            .clip(Duration::from_secs(from), Duration::from_secs(to))
            .map(|plan| plan.length())
    };
    assert_eq!(clip(0, 601), Err(ClipError::TooLong));
    assert_eq!(clip(5, 5), Err(ClipError::Empty));
    assert_eq!(clip(500, 510), Err(ClipError::Empty));
}

#[test]
fn each_keyframe_can_be_decoded_from_its_range_alone() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(room(4).to_string());
    let mut show = Show::begin(0);
    let mut finished = show.run(150);
    finished.extend(show.change_source(1, 0));
    finished.extend(show.run(150));
    finished.extend(show.end());
    record(home.path(), room(4), finished, true);
    let recording = Recording::open(&folder).unwrap();
    ffmpeg::lay_out(&recording, &folder, &home.path().join("vod"));
    let (mut init, mut range, mut decoded) = (Vec::new(), 0, Vec::new());
    for line in recording.playlist(Rendition::IFrames).lines() {
        let resource = |name: &str| std::fs::read(home.path().join("vod").join(name)).unwrap();
        if let Some(uri) = line.strip_prefix("#EXT-X-MAP:URI=") {
            init = resource(uri.trim_matches('"'));
        } else if let Some(length) = line.strip_prefix("#EXT-X-BYTERANGE:") {
            range = length.strip_suffix("@0").unwrap().parse().unwrap();
        } else if !line.starts_with('#') {
            let file = home.path().join("keyframe.mp4");
            std::fs::write(&file, [&init[..], &resource(line)[..range]].concat()).unwrap();
            decoded.extend(ffmpeg::first_frame(&file));
        }
    }
    let of_size = |(w, h): (usize, usize)| decoded.iter().filter(|f| **f == (w, h, "I".to_owned())).count();
    assert_eq!((of_size(SIZES[0]), of_size(SIZES[1])), (3, 3), "{decoded:?}");
}
