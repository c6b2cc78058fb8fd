//! A program that is killed loses at most a second of its recording, and the recording is never the worse for it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use busk_hls::{Finished, Rendition};
use busk_replay::{Recorders, Recording};

use crate::ffmpeg;
use crate::show::{Show, room};

const ROUNDS: u64 = 20;
const CHILD: &str = "BUSK_REPLAY_CHILD";

/// Not a test by itself: what the next ones start and kill. A lazy one writes what has ended only.
#[test]
fn the_child_records_until_it_is_killed() {
    let Some(told) = std::env::var_os(CHILD) else {
        return;
    };
    let told = told.into_string().unwrap();
    let mut told = told.splitn(3, ' ');
    let mut word = || told.next().unwrap();
    let (after_s, lazy, home) = (word(), word() == "true", word());
    let (recorders, _thread) = Recorders::start(home.into()).unwrap();
    let mut recorder = recorders.record(room(9));
    let mut show = Show::begin(after_s.parse().unwrap());
    println!();
    let begin = Instant::now();
    let mut kept = Vec::new();
    for n in 0.. {
        std::thread::sleep((Duration::from_secs(n) / 30).saturating_sub(begin.elapsed()));
        kept.extend(show.step());
        let ends = kept.iter().any(|f| matches!(f, Finished::End { .. }));
        if ends || !lazy {
            recorder.take(kept.drain(..));
        }
        println!("shown {}", n + 1);
    }
}

/// Kills a child when it has shown so many pictures; gives how many it has then.
fn kill(home: &Path, after_s: u64, lazy: bool, at: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "kill::the_child_records_until_it_is_killed",
            "--exact",
            "--nocapture",
        ])
        .env(CHILD, format!("{after_s} {lazy} {}", home.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("shown ")?.parse::<u64>().ok());
    let shown = lines.find(|shown| *shown >= at).expect("the child goes on");
    child.kill().unwrap();
    child.wait().unwrap();
    lines.last().unwrap_or(shown)
}

#[test]
fn a_recorder_that_writes_whole_segments_only_would_be_found_out() {
    let home = tempfile::tempdir().unwrap();
    let shown = kill(home.path(), 0, true, 110);
    let recording = Recording::open(&home.path().join(room(9).to_string())).unwrap();
    assert!(shown as f64 / 30.0 - recording.duration().as_secs_f64() > 1.0);
}

#[test]
fn kill_9_at_random_moments_loses_at_most_a_second() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(room(9).to_string());
    let mut seed = Instant::now().elapsed().as_nanos() as u64 ^ u64::from(std::process::id());
    let mut random = move |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let (mut before, mut worst, mut segments) = (0.0, 0.0_f64, 0);
    for round in 0..ROUNDS {
        let shown = kill(home.path(), round * 60, false, 20 + random(60));

        let recording = Recording::open(&folder).unwrap();
        let kept = recording.duration().as_secs_f64() - before;
        let lost = shown as f64 / 30.0 - kept;
        worst = worst.max(lost);
        assert!(
            lost <= 1.0,
            "round {round}: of {} s {lost} are lost",
            shown as f64 / 30.0
        );
        before += kept;
        let text = recording.playlist(Rendition::Video);
        assert!(
            text.lines().filter(|line| line.ends_with(".m4s")).count() >= segments,
            "nothing is taken back"
        );
        segments = text.lines().filter(|line| line.ends_with(".m4s")).count();
        let breaks = |text: &str| text.matches("#EXT-X-DISCONTINUITY\n").count();
        assert_eq!(breaks(&text), breaks(&recording.playlist(Rendition::Audio)));
        if round % 5 == 4 {
            let pictures = (recording.duration().as_secs_f64() * 30.0).round() as usize;
            assert_eq!(
                ffmpeg::play(&recording, &folder, &home.path().join("vod")),
                pictures
            );
            let file = home.path().join("show.mp4");
            ffmpeg::download(&recording.mp4().unwrap(), &folder, &file);
            ffmpeg::decode(&file);
            assert_eq!(ffmpeg::frames(&file).len(), pictures);
        }
    }
    println!("at most {worst:.3} s were lost in {ROUNDS} rounds");
}
