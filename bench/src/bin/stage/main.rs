//! The bench `stage`: what a live room costs the server that makes its program.
//!
//! The server is the real `busk serve`, pinned to a core, with everything a live room has: WebRTC in, LL-HLS
//! and the recording out, sound as AAC. Alone, a host with three simulcast layers; then four people on
//! stage, whose pictures and sounds are mixed and encoded. Cameras are real pictures that were encoded
//! beforehand, on the other core. Nobody watches: viewers are what `whep` and `hls` measure.

use std::path::Path;
use std::time::Duration;

use busk_bench::figures::{Report, quantile};
use busk_bench::process::{Cores, load_average, pin};
use busk_bench::site::{self, Live};
use busk_bench::source::{Stream, height};
use busk_testkit::app::TestApp;
use clap::Parser;

pub use busk_bench::Fallible;

#[derive(Parser)]
#[command(about = "What a live room costs")]
struct Plan {
    /// Windows that are measured, of each kind of room.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    windows: u16,
    /// How long each window is.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How long a room runs before the first.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    warm_up: u64,
}

/// What the web app's camera sends at once (`web/src/lib/media/whip.ts`), the best first.
const LAYERS_KBIT: [u32; 3] = [2_500, 600, 150];
const GUESTS: [&str; 3] = ["ada", "ben", "cleo"];

fn main() -> Fallible<()> {
    let plan = Plan::parse();
    let cores = Cores::pick()?;
    pin(cores.load)?;
    let busy = load_average()?;
    println!("load average of the machine: {busy}");
    let layers = LAYERS_KBIT.map(Stream::encode);
    let layers = layers.into_iter().collect::<Fallible<Vec<Stream>>>()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let (solo, four) = runtime.block_on(async {
        let app = site::start(Some(&cores)).await?;
        let live = site::go_live(&app, "host", &layers).await?;
        let solo = Room::measure(&app, &live, &plan, "solo").await?;
        let mut guests = Vec::new();
        for guest in GUESTS {
            guests.push(site::go_on_stage(&app, &live, guest, &layers).await?);
        }
        let stage = format!("/api/v1/rooms/{}/stage", live.room);
        let everybody = |text: &str| text.matches("\"on_air\":true").count() == 1 + GUESTS.len();
        site::text_when(&app, &stage, everybody).await?;
        let four = Room::measure(&app, &live, &plan, "four").await?;
        for publisher in guests.into_iter().chain([live.publisher]) {
            if !publisher.is_connected() {
                return Err("a camera was lost on the way".into());
            }
            publisher.stop().await;
        }
        Fallible::Ok((solo, four))
    })?;
    report(&plan, &solo, &four, busy)
}

/// What was measured of one kind of room.
struct Room {
    core_pct: Vec<f64>,
    /// How the multivariant playlist describes the pictures there are.
    pictures: Vec<String>,
    recorded_kbit_per_s: f64,
}

impl Room {
    async fn measure(app: &TestApp, live: &Live, plan: &Plan, name: &str) -> Fallible<Room> {
        let playlist = format!("/hls/{}/video.m3u8", live.room);
        site::text_when(app, &playlist, |text| text.contains("#EXTINF")).await?;
        tokio::time::sleep(Duration::from_secs(plan.warm_up)).await;
        let (mut core_pct, recorded) = (Vec::new(), bytes_under(&app.folder().join("recordings"))?);
        for window in 1..=plan.windows {
            let share = site::core_share(app, Duration::from_secs(plan.seconds)).await?;
            println!("{name}, window {window}: {:.1} % of a core", share * 100.0);
            core_pct.push(share * 100.0);
        }
        let recorded = bytes_under(&app.folder().join("recordings"))? - recorded;
        let before = site::text_when(app, &playlist, |_| true).await?;
        // A program that stands still costs little: it is no figure.
        site::text_when(app, &playlist, |text| sequence(text) > sequence(&before)).await?;
        let master = site::text_when(app, &format!("/hls/{}/index.m3u8", live.room), |_| true).await?;
        let pictures = master
            .lines()
            .filter_map(|line| line.strip_prefix("#EXT-X-STREAM-INF:"));
        Ok(Room {
            core_pct,
            pictures: pictures.map(described).collect(),
            recorded_kbit_per_s: recorded as f64 / 125.0 / (u64::from(plan.windows) * plan.seconds) as f64,
        })
    }
}

/// The number of a playlist's newest segment.
fn sequence(playlist: &str) -> u64 {
    let first = playlist
        .lines()
        .find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"))
        .and_then(|number| number.parse::<u64>().ok());
    first.unwrap_or(0) + playlist.matches("#EXTINF").count() as u64
}

/// Size and rate out of a playlist's attributes.
fn described(attributes: &str) -> String {
    let of = |name: &str| {
        let value = attributes.split_once(name).map(|(_, rest)| rest);
        value.and_then(|rest| rest.split(',').next()).unwrap_or("?")
    };
    format!("{}@{}", of("RESOLUTION="), of("FRAME-RATE="))
}

/// What the files of a folder and its folders hold.
fn bytes_under(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() {
            bytes_under(&entry.path())?
        } else {
            about.len()
        };
    }
    Ok(bytes)
}

fn report(plan: &Plan, solo: &Room, four: &Room, busy: f64) -> Fallible<()> {
    let mut report = Report::new("stage");
    for (name, room) in [("solo", solo), ("four", four)] {
        if room.recorded_kbit_per_s <= 0.0 {
            return Err(format!("{name}: nothing was recorded").into());
        }
        report.figure(format!("{name}.core_pct"), &room.core_pct, "%");
        report.figure(
            format!("{name}.recorded_kbit_per_s"),
            &[room.recorded_kbit_per_s],
            "kbit/s",
        );
        report.note(format!(
            "{name}: LL-HLS of {}; windows from {:.1} to {:.1} %",
            room.pictures.join(" and "),
            quantile(&room.core_pct, 0.0),
            quantile(&room.core_pct, 1.0)
        ));
    }
    let layers: Vec<String> = LAYERS_KBIT
        .iter()
        .map(|kbit| format!("{} lines at {kbit} kbit/s", height(*kbit)))
        .collect();
    report.note(format!(
        "{} windows of {} s of each, {} s after the program began, medians; CPU time of all of busk serve, pinned to a core \
         alone; every camera sends {} at 30 pictures a second with a keyframe every 2 s, and Opus; nobody watches",
        plan.windows,
        plan.seconds,
        plan.warm_up,
        layers.join(", ")
    ));
    report.note("four: the host and three guests on stage by the API, in the grid, mixed and encoded");
    report.note(format!("load average of the machine beforehand: {busy}"));
    Ok(report.print()?)
}

#[cfg(test)]
mod tests {
    use super::{described, sequence};

    #[test]
    fn playlists_tell_how_far_they_are_and_what_they_show() {
        assert_eq!(
            sequence("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\na\n#EXTINF:2,\nb\n"),
            9
        );
        let attributes = "BANDWIDTH=1,CODECS=\"avc1.42c01f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO=\"sound\"";
        assert_eq!(described(attributes), "1280x720@30.000");
        assert_eq!(described("BANDWIDTH=1"), "?@?");
    }
}
