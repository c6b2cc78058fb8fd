//! The rounds of the bench and what is worked out from them.

use std::net::SocketAddr;
use std::time::Duration;

use busk_bench::figures::Report;
use busk_bench::nginx::{Nginx, Told};
use busk_bench::process::{Cores, cpu_s, load_average, pin};
use busk_bench::site;
use busk_bench::source::Stream;
use clap::Args;

use crate::Fallible;
use crate::load::{Got, Load};
use crate::newest::{Follower, Names, PLAYLISTS};

#[derive(Args)]
pub struct Plan {
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// How long each phase of a round is measured.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,
}

const KBIT: u32 = 2_500;
/// Segments that a playlist lists before the load begins.
const SEGMENTS_MIN: usize = 5;
/// What a distribution's nginx.conf says about files and compression, with the type of playlists added.
const FILES: &str = "
    sendfile on;
    tcp_nopush on;
    types { video/mp4 mp4 m4s; application/vnd.apple.mpegurl m3u8; }
    gzip on;
    gzip_types application/vnd.apple.mpegurl;";

/// What a server gave out in every round.
#[derive(Default)]
struct Phases(Vec<Got>);

impl Phases {
    fn all(&self, pick: impl Fn(&Got) -> f64) -> Vec<f64> {
        self.0.iter().map(pick).collect()
    }

    fn gbit_per_s(&self) -> Vec<f64> {
        self.all(|got| got.bytes as f64 * 8e-9 / got.seconds)
    }

    fn per_s(&self) -> Vec<f64> {
        self.all(|got| got.answers as f64 / got.seconds)
    }

    fn core_pct(&self) -> Vec<f64> {
        self.all(|got| got.server_s * 100.0 / got.seconds)
    }

    fn gbit_per_cpu_s(&self) -> Vec<f64> {
        self.all(|got| got.bytes as f64 * 8e-9 / got.server_s)
    }
}

#[derive(Default)]
struct Results {
    parts: Phases,
    nginx_parts: Phases,
    playlists: Phases,
    nginx_playlists: Phases,
    /// What the site uses while nginx is asked: the live room.
    room_pct: Vec<f64>,
}

pub fn bench(plan: &Plan) -> Fallible<()> {
    let cores = Cores::pick()?;
    pin(cores.load)?;
    let busy = load_average()?;
    println!("load average of the machine: {busy}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let stream = Stream::encode(KBIT)?;
    let folder = tempfile::Builder::new().prefix("busk-bench-hls-").tempdir()?;
    let results = runtime.block_on(async {
        let app = site::start(Some(&cores)).await?;
        let live = site::go_live(&app, "host", std::slice::from_ref(&stream)).await?;
        let playlist = format!("/hls/{}/video.m3u8", live.room);
        site::text_when(&app, &playlist, |text| {
            text.matches("#EXTINF").count() >= SEGMENTS_MIN
        })
        .await?;
        let mut follower = Follower::new(&live.room, folder.path())?;
        follower.look(&app).await?;
        let told = Told {
            http: FILES,
            server: &format!("root {};", folder.path().display()),
            ..Told::default()
        };
        let nginx = Nginx::start(&told, cores.measured, cores.load)?;
        let asked = Asked {
            names: follower.names(),
            under: follower.room().to_owned(),
            busk: (app.http, app.pid()),
            nginx: (nginx.address, nginx.worker()),
        };
        // The load is a loop of its own on a thread of its own; here the playlists are followed.
        let Plan {
            rounds,
            seconds,
            connections,
        } = *plan;
        let rounds = tokio::task::spawn_blocking(move || asked.rounds(rounds, seconds, connections));
        let results = tokio::select! {
            results = rounds => results?,
            failed = follower.follow(&app) => Err(failed.err().unwrap_or("the playlists ended".into())),
        };
        live.publisher.stop().await;
        results
    })?;
    report(plan, &results, busy)
}

struct Asked {
    names: Names,
    under: String,
    busk: (SocketAddr, u32),
    nginx: (SocketAddr, u32),
}

impl Asked {
    fn rounds(&self, rounds: u16, seconds: u64, connections: u16) -> Fallible<Results> {
        let mut results = Results::default();
        let playlists = Names::fixed(&PLAYLISTS);
        let phase = |(address, pid): (SocketAddr, u32), names: &Names| {
            let load = Load {
                address,
                under: self.under.clone(),
                names: names.clone(),
                connections: connections.into(),
            };
            load.run(Duration::from_secs(seconds), || cpu_s(pid))
        };
        for round in 1..=rounds {
            let got = phase(self.busk, &self.names)?;
            tell(round, "busk, parts", &got);
            results.parts.0.push(got);
            let room = cpu_s(self.busk.1)?;
            let got = phase(self.nginx, &self.names)?;
            results
                .room_pct
                .push((cpu_s(self.busk.1)? - room) * 100.0 / (got.seconds + 1.0));
            tell(round, "nginx, parts", &got);
            results.nginx_parts.0.push(got);
            let got = phase(self.busk, &playlists)?;
            tell(round, "busk, playlists", &got);
            results.playlists.0.push(got);
            let got = phase(self.nginx, &playlists)?;
            tell(round, "nginx, playlists", &got);
            results.nginx_playlists.0.push(got);
        }
        Ok(results)
    }
}

fn tell(round: u16, what: &str, got: &Got) {
    println!(
        "round {round}, {what}: {:.2} Gbit/s, {:.0} answers/s of {:.0} kB ({} not 200, {} gzipped); server {:.0} % of a core",
        got.bytes as f64 * 8e-9 / got.seconds,
        got.answers as f64 / got.seconds,
        got.bytes as f64 / 1e3 / got.answers as f64,
        got.refused,
        got.gzipped,
        got.server_s * 100.0 / got.seconds,
    );
}

fn report(plan: &Plan, results: &Results, busy: f64) -> Fallible<()> {
    let Results {
        parts,
        nginx_parts,
        playlists,
        nginx_playlists,
        room_pct,
    } = results;
    let mut report = Report::new("hls");
    let ratio = |ours: Vec<f64>, theirs: Vec<f64>| -> Vec<f64> {
        ours.iter()
            .zip(theirs)
            .map(|(ours, theirs)| ours / theirs)
            .collect()
    };
    report.figure("parts.gbit_per_s", &parts.gbit_per_s(), "Gbit/s");
    let of_nginx = ratio(parts.gbit_per_s(), nginx_parts.gbit_per_s());
    report.figure("parts.ratio", &of_nginx, "of nginx");
    report.figure("parts.per_s", &parts.per_s(), "answers/s");
    report.figure("parts.gbit_per_cpu_s", &parts.gbit_per_cpu_s(), "Gbit/cpu-s");
    report.figure("parts.core_pct", &parts.core_pct(), "%");
    report.figure("playlists.per_s", &playlists.per_s(), "answers/s");
    let of_nginx = ratio(playlists.per_s(), nginx_playlists.per_s());
    report.figure("playlists.ratio", &of_nginx, "of nginx");
    report.figure("room.core_pct", room_pct, "%");
    report.yardstick("nginx.gbit_per_s", &nginx_parts.gbit_per_s(), "Gbit/s");
    report.yardstick("nginx.per_s", &nginx_parts.per_s(), "answers/s");
    report.yardstick(
        "nginx.gbit_per_cpu_s",
        &nginx_parts.gbit_per_cpu_s(),
        "Gbit/cpu-s",
    );
    report.yardstick("nginx.core_pct", &nginx_parts.core_pct(), "%");
    report.yardstick("nginx.playlists_per_s", &nginx_playlists.per_s(), "answers/s");
    report.note(format!(
        "{} rounds, medians; each phase {} s after 1 s of warm-up; {} connections that stay open, HTTP/1.1 on loopback, \
         each with one request after the other; ratios are of each round",
        plan.rounds, plan.seconds, plan.connections
    ));
    report.note(format!(
        "busk serve with one live room at {KBIT} kbit/s, packaged and recorded in all phases, also while nginx is asked \
         (room.core_pct); both servers on one core, load, camera and copying on the other"
    ));
    report.note(
        "parts: the newest 8 parts and 2 segments of picture and of sound, followed as the room goes on; nginx gives out \
         copies from disk by sendfile; bodies are thrown away in the kernel. playlists: picture's and sound's as they are, \
         gzipped, none waited for",
    );
    report.note("kernel receive work of the loopback is in the sender's time, both servers' alike");
    report.note(format!(
        "load average of the machine before the first round: {busy}"
    ));
    Ok(report.print()?)
}
