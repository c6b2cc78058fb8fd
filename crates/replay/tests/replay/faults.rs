//! What goes wrong beneath a recording is said, holds nobody up, and costs no more than it must.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use busk_hls::{Finished, Medium, Rendition};
use busk_replay::{OpenError, Recorder, Recorders, Recording};

use crate::ffmpeg;
use crate::playback::record;
use crate::show::{Show, room};

/// Until the thread has come so far, but not for ever.
fn wait(recorder: &Recorder, what: impl Fn(&busk_replay::RecorderState) -> bool) {
    let begin = Instant::now();
    while !what(&recorder.state()) {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "{:?}",
            recorder.state()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_off_and_gone_on_from() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(room(1).to_string());
    let mut finished = Show::begin(0).run(130);
    record(home.path(), room(1), finished.clone(), false);
    let (index, whole) = (folder.join("index"), fs::read(folder.join("index")).unwrap());
    let duration = || Recording::open(&folder).unwrap().duration();
    let all = duration();
    // The last records are two ends of segments; before them are parts of some hundred bytes.
    for torn in 1..=300.min(whole.len()) {
        fs::write(&index, &whole[..whole.len() - torn]).unwrap();
        assert!(
            duration() <= all && all - duration() < Duration::from_secs(1),
            "{torn} bytes"
        );
    }
    // And goes on, with every twentieth of them.
    let again: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    let saved: Vec<_> = again
        .iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    finished = Show::begin(60).run(70);
    for torn in (1..=300.min(whole.len())).step_by(20) {
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        saved
            .iter()
            .for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
        fs::write(&index, &whole[..whole.len() - torn]).unwrap();
        let before = duration();
        record(home.path(), room(1), finished.clone(), true);
        let recording = Recording::open(&folder).unwrap();
        assert!(recording.is_over() && recording.duration() > before + Duration::from_secs(1));
        assert_eq!(
            recording
                .playlist(Rendition::Audio)
                .matches("#EXT-X-DISCONTINUITY\n")
                .count(),
            1
        );
        if torn % 100 == 1 {
            let pictures = (recording.duration().as_secs_f64() * 30.0).round() as usize;
            assert_eq!(
                ffmpeg::play(&recording, &folder, &home.path().join("vod")),
                pictures
            );
        }
    }
}

#[test]
fn what_a_power_cut_took_from_segments_is_taken_from_the_index() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(room(2).to_string());
    let mut finished = Show::begin(0).run(110);
    record(home.path(), room(2), finished.clone(), false);
    // As a program leaves it that was killed: without the last ends. Then the last segment loses its end.
    let index = fs::read(folder.join("index")).unwrap();
    fs::write(folder.join("index"), &index[..index.len() - 20]).unwrap();
    let last = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let last = last
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("v-"))
        .max()
        .unwrap();
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() / 2]).unwrap();
    finished = Show::begin(60).run(70);
    record(home.path(), room(2), finished, true);
    let recording = Recording::open(&folder).unwrap();
    let pictures = (recording.duration().as_secs_f64() * 30.0).round() as usize;
    assert_eq!(
        ffmpeg::play(&recording, &folder, &home.path().join("vod")),
        pictures
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_said_and_holds_nobody_up() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(room(3).to_string());
    fs::write(&folder, "a file where the folder should be").unwrap();
    let (recorders, thread) = Recorders::start(home.path().to_owned()).unwrap();
    let mut recorder = recorders.record(room(3));
    let mut show = Show::begin(0);
    recorder.take(show.run(100));
    wait(&recorder, |state| state.fault.is_some());
    // It is tried again, and goes on with a segment once it can.
    fs::remove_file(&folder).unwrap();
    std::thread::sleep(Duration::from_millis(5_100));
    recorder.take(show.run(200));
    wait(&recorder, |state| state.fault.is_none() && state.bytes > 0);
    recorder.take(show.end());
    recorder.end();
    drop(recorders);
    thread.join().unwrap();
    let recording = Recording::open(&folder).unwrap();
    assert!(
        recording.is_over() && recording.duration() > Duration::from_secs(5),
        "{:?}",
        recording.duration()
    );
    let pictures = (recording.duration().as_secs_f64() * 30.0).round() as usize;
    assert_eq!(
        ffmpeg::play(&recording, &folder, &home.path().join("vod")),
        pictures
    );
}

const CHILD: &str = "BUSK_REPLAY_FULL";

/// Not a test by itself: the next one runs it where files may not grow.
#[test]
fn the_child_writes_until_its_disk_is_full() {
    let Some(home) = std::env::var_os(CHILD) else {
        return;
    };
    let (recorders, thread) = Recorders::start(home.into()).unwrap();
    let mut recorder = recorders.record(room(4));
    let mut show = Show::begin(0);
    show.size = 1;
    for _ in 0..30 {
        let begin = Instant::now();
        recorder.take(show.run(30));
        assert!(begin.elapsed() < Duration::from_secs(5));
    }
    wait(&recorder, |state| state.fault.is_some());
    recorder.end();
    drop(recorders);
    thread.join().unwrap();
}

#[test]
fn a_full_disk_is_said_and_what_was_written_plays() {
    let home = tempfile::tempdir().unwrap();
    // In blocks of 512 bytes or 1 KiB, as the shell has it: less than a segment needs.
    let script = "trap '' XFSZ; ulimit -f 240; exec \"$0\" \"$@\"";
    let child = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .args([
            "faults::the_child_writes_until_its_disk_is_full",
            "--exact",
            "--nocapture",
        ])
        .env(CHILD, home.path())
        .output()
        .unwrap();
    assert!(
        child.status.success(),
        "{}",
        String::from_utf8_lossy(&child.stderr)
    );
    let folder = home.path().join(room(4).to_string());
    let recording = Recording::open(&folder).unwrap();
    let pictures = (recording.duration().as_secs_f64() * 30.0).round() as usize;
    assert!((15..900).contains(&pictures), "{pictures}");
    assert_eq!(
        ffmpeg::play(&recording, &folder, &home.path().join("vod")),
        pictures
    );
}

#[test]
fn a_writer_that_does_not_keep_up_makes_a_gap_and_memory_stays_bounded() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(room(5).to_string());
    // The thread waits for as long as nobody opens the other end of the pipe that its index is.
    fs::create_dir_all(&folder).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(folder.join("index"))
            .status()
            .unwrap()
            .success()
    );
    let (recorders, thread) = Recorders::start(home.path().to_owned()).unwrap();
    let mut recorder = recorders.record(room(5));
    let mut show = Show::begin(0);
    let begin = Instant::now();
    let mut minutes = 0;
    while recorder.state().gaps == 0 {
        recorder.take(show.run(60));
        minutes += 1;
        assert!(minutes < 3_000, "the queue has no end");
    }
    let took = begin.elapsed();
    let queued = show.run(60);
    recorder.take(queued.clone());
    assert!(took < Duration::from_secs(60), "{took:?}");
    let pipe = home.path().join("pipe");
    fs::rename(folder.join("index"), &pipe).unwrap();
    let _end = fs::OpenOptions::new().read(true).write(true).open(pipe).unwrap();
    wait(&recorder, |state| state.fault.is_some());
    std::thread::sleep(Duration::from_millis(5_100));
    recorder.take(show.run(300));
    wait(&recorder, |state| state.fault.is_none() && state.bytes > 0);
    recorder.take(show.end());
    recorder.end();
    drop(recorders);
    thread.join().unwrap();
    let recording = Recording::open(&folder).unwrap();
    assert!(
        recording.duration() > Duration::from_secs(7),
        "{:?}",
        recording.duration()
    );
}

#[test]
fn what_is_no_recording_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let open = || Recording::open(home.path());
    assert!(matches!(open().err(), Some(OpenError::NotFound)));
    fs::write(home.path().join("index"), "not at all").unwrap();
    assert!(matches!(open().err(), Some(OpenError::NotAnIndex(_))));
    fs::write(home.path().join("index"), "").unwrap();
    let nothing = open().unwrap();
    assert!(nothing.is_empty() && nothing.master().is_none() && nothing.mp4().is_err());
    assert!(nothing.playlist(Rendition::Video).ends_with("#EXT-X-ENDLIST\n"));
    // A picture without sound, as a crash in the first second leaves it, is nothing yet.
    let pictures = |f: &Finished| f.medium() == Medium::Video;
    record(
        home.path(),
        room(6),
        Show::begin(0).run(40).into_iter().filter(pictures).collect(),
        false,
    );
    assert!(
        Recording::open(Path::new(&home.path().join(room(6).to_string())))
            .unwrap()
            .is_empty()
    );
}
