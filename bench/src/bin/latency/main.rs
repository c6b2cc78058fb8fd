//! The bench `latency`: how late a viewer sees what the camera films.
//!
//! The real `busk serve`, and a synthetic camera that draws the clock into the picture as a row of blocks.
//! In Chromium the site's own watch page plays it, by WHEP and then by LL-HLS (hls.js, with the server
//! refusing WHEP); `e2e/src/latency.mjs` reads the blocks back from the frames that are presented. So a
//! figure holds drawing, encoding, the network of this machine, the server, buffering, decoding and
//! presenting; it lacks a sensor, a screen and distance.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use busk_bench::figures::{Report, quantile};
use busk_bench::process::load_average;
use busk_bench::site;
use busk_camera::{Camera, CameraConfig, Scene};
use clap::Parser;
use serde::Deserialize;

pub use busk_bench::Fallible;

#[derive(Parser)]
#[command(about = "How late a viewer sees what the camera films")]
struct Plan {
    /// How long LL-HLS is watched
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=120))]
    minutes: u64,
    /// How long WHEP is watched
    #[arg(long, default_value_t = 45, value_parser = clap::value_parser!(u64).range(5..=3_600))]
    seconds: u64,
    /// How often the page is opened, for the time to the first frame by WHEP
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    joins: u64,
    /// Fail where a figure is more than so many times its goal, or stalls are as many
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(1..=10))]
    hold: Option<u32>,
}

/// The goals, each with its figure: what it may be at most.
const GOALS: [(&str, f64); 5] = [
    ("whep.first_frame_p95_ms", 500.0),
    ("whep.p50_ms", 200.0),
    ("hls.p50_ms", 2_000.0),
    ("hls.p95_ms", 3_000.0),
    ("hls.stalls", 0.0),
];

/// Beyond what is watched: starting, and as long for each page as it may take.
const SLACK: Duration = Duration::from_secs(90);
const JOIN_MAX: Duration = Duration::from_secs(4);
/// Of the readings asked for, what must be there: fewer are no picture of a stream that plays.
const READINGS_MIN: f64 = 0.2;
const READINGS_PER_S: f64 = 4.0;

/// What the browser's side prints.
#[derive(Deserialize)]
struct Seen {
    /// Milliseconds from the page's request to the first frame; none where the page did not ask.
    joins: Vec<Option<f64>>,
    whep: Watched,
    hls: Watched,
}

#[derive(Deserialize)]
struct Watched {
    ms: Vec<f64>,
    /// Frames whose clock could not be read.
    unread: u64,
    stalls: u64,
    frames: u64,
    dropped: u64,
    height: u64,
    /// The picture came by HLS.
    hls: bool,
    /// What may explain a stall: each one, and requests that failed or were slow.
    remarks: Vec<String>,
}

fn main() -> Fallible<()> {
    let plan = Plan::parse();
    let busy = load_average()?;
    println!("load average of the machine: {busy}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let config = CameraConfig::demo(Scene::Stage, "latency");
    let said = runtime.block_on(async {
        let app = site::start(None).await?;
        let camera = Camera::start(config.clone())?;
        let live = site::go_live_with(&app, "host", vec![camera.feed()]).await?;
        let playlist = format!("/hls/{}/index.m3u8", live.room);
        site::text_when(&app, &playlist, |_| true).await?;
        let url = format!("http://{}", app.http);
        let watching = plan.command(&url);
        let said = tokio::task::spawn_blocking(move || watch(watching.0, watching.1)).await?;
        live.publisher.stop().await;
        said
    })?;
    let seen: Seen = serde_json::from_str(&said).map_err(|error| format!("{error} in {said:?}"))?;
    seen.check(&plan)?;
    report(&plan, &config, &seen, busy)
}

impl Plan {
    /// The browser's side, and how long it may take.
    fn command(&self, url: &str) -> (Command, Duration) {
        let e2e = Path::new(env!("CARGO_MANIFEST_DIR")).join("../e2e");
        let mut command = Command::new("node");
        command.current_dir(e2e).args(["src/latency.mjs", url, "host"]);
        for (flag, value) in [
            ("--joins", self.joins),
            ("--whep", self.seconds),
            ("--hls", self.minutes * 60),
        ] {
            command.args([flag.into(), value.to_string()]);
        }
        let longest =
            Duration::from_secs(self.seconds + self.minutes * 60) + JOIN_MAX * self.joins as u32 + SLACK;
        (command, longest)
    }
}

/// Runs the browser's side to its end; gives what it printed.
#[allow(clippy::disallowed_methods, reason = "a bench keeps time")]
fn watch(mut command: Command, longest: Duration) -> Fallible<String> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = Ended(child.map_err(|error| format!("node cannot be started: {error}"))?);
    let mut output = child.0.stdout.take().ok_or("its output was asked to be a pipe")?;
    let reader = std::thread::spawn(move || {
        let mut said = String::new();
        output.read_to_string(&mut said).map(|_| said)
    });
    let begun = Instant::now();
    loop {
        if let Some(status) = child.0.try_wait()? {
            return if status.success() {
                Ok(reader.join().map_err(|_| "its output was not read")??)
            } else {
                Err(format!("the browser's side failed ({status})").into())
            };
        }
        if begun.elapsed() > longest {
            return Err(format!("the browser's side took longer than {} s", longest.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Seen {
    /// An error where what was seen is not what the figures say they are of.
    fn check(&self, plan: &Plan) -> Fallible<()> {
        for (name, watched, seconds, hls) in [
            ("WHEP", &self.whep, plan.seconds, false),
            ("HLS", &self.hls, plan.minutes * 60, true),
        ] {
            if watched.hls != hls {
                return Err(format!("the page did not play by {name}").into());
            }
            let wanted = seconds as f64 * READINGS_PER_S * READINGS_MIN;
            if (watched.ms.len() as f64) < wanted {
                let (there, not) = (watched.ms.len(), watched.unread);
                return Err(format!(
                    "{name}: the clock was read {there} times in {seconds} s, {not} times not"
                )
                .into());
            }
        }
        if self.joins.iter().any(Option::is_none) {
            return Err("a page had a picture without asking for WHEP".into());
        }
        Ok(())
    }
}

fn report(plan: &Plan, config: &CameraConfig, seen: &Seen, busy: f64) -> Fallible<()> {
    let joins: Vec<f64> = seen.joins.iter().copied().flatten().collect();
    let mut report = Report::new("latency");
    let mut missed = Vec::new();
    let mut figure = |name: &str, value: f64, unit| {
        report.figure(name, &[value], unit);
        let times = f64::from(plan.hold.unwrap_or(1));
        let most = |goal: f64| if goal == 0.0 { times - 1.0 } else { goal * times };
        if GOALS.iter().any(|(of, goal)| *of == name && value > most(*goal)) {
            missed.push(format!("{name} is {value:.0} {unit}"));
        }
    };
    figure("whep.first_frame_p50_ms", quantile(&joins, 0.5), "ms");
    figure("whep.first_frame_p95_ms", quantile(&joins, 0.95), "ms");
    for (name, watched) in [("whep", &seen.whep), ("hls", &seen.hls)] {
        figure(&format!("{name}.p50_ms"), quantile(&watched.ms, 0.5), "ms");
        figure(&format!("{name}.p95_ms"), quantile(&watched.ms, 0.95), "ms");
        figure(&format!("{name}.max_ms"), quantile(&watched.ms, 1.0), "ms");
        figure(&format!("{name}.stalls"), watched.stalls as f64, "times");
    }
    for (name, watched) in [("WHEP", &seen.whep), ("HLS", &seen.hls)] {
        report.note(format!(
            "{name}: {} readings, {} failed; {} frames of {} lines, {} dropped",
            watched.ms.len(),
            watched.unread,
            watched.frames,
            watched.height,
            watched.dropped
        ));
        for remark in &watched.remarks {
            report.note(format!("{name}, {remark}"));
        }
    }
    report.note(format!(
        "camera: {}x{} at {} a second, {} kbit/s, one layer; it draws the wall clock before it encodes; viewer: Chromium \
         with the site's own page, where the clock is read from a frame when it is presented, four times a second, 10 s \
         after the page was opened",
        config.width, config.height, config.fps, config.bitrate_kbit
    ));
    report.note(format!(
        "first frame: from the page's WHEP POST to its first presented frame, {} openings; WHEP watched for {} s, HLS for {} \
         min with hls.js while the server's WHEP is answered 503",
        plan.joins, plan.seconds, plan.minutes
    ));
    report.note("a stall: `waiting`, or a time that stands for more than 500 ms");
    report.note("nothing is pinned: camera, server and browser share the machine");
    report.note(format!("load average of the machine beforehand: {busy}"));
    report.print()?;
    if plan.hold.is_some() && !missed.is_empty() {
        return Err(format!("a goal is missed: {}", missed.join(", ")).into());
    }
    Ok(())
}
