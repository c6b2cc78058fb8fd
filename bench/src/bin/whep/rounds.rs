//! The rounds of the bench and what is worked out from them.

use std::time::Duration;

use busk_camera::client::signal::Endpoint;
use clap::Args;

use crate::Fallible;
use crate::joins::{JOINS_PER_S, join};
use crate::load::publish;
use crate::source::Stream;
use crate::udp::{Orders, Sink};
use crate::viewers::Viewers;
use busk_bench::figures::{Report, quantile};
use busk_bench::process::{Cores, Process, cpu_s, pin};

#[derive(Args)]
pub struct Plan {
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many viewers, one run of each a round.
    #[arg(long, value_delimiter = ',', default_values_t = [50, 150, 300])]
    viewers: Vec<usize>,
    /// How long each run is measured.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// One in this many viewers decrypts and assembles all it gets; the others count packets.
    #[arg(long, default_value_t = 1)]
    whole_one_in: usize,
    /// Viewers take each datagram by itself: cutting runs into datagrams is then the server's time too.
    #[arg(long)]
    no_coalesce: bool,
}

/// What one run of N viewers gave.
struct Run {
    cpu_s_per_gbit: f64,
    mbit_per_s: f64,
    server_share: f64,
    load_share: f64,
    kb_per_viewer: f64,
    expected: u64,
    lost: u64,
    /// Pictures that were published and that a whole viewer put together, a second.
    published_fps: f64,
    fps: f64,
    joins_ms: Vec<f64>,
    recording: Vec<(u64, usize)>,
}

/// The middle size, whose joins are reported and whose datagrams the yardstick sends.
const MIDDLE: usize = 150;
const RECORD: Duration = Duration::from_secs(2);

pub fn bench(plan: &Plan) -> Fallible<()> {
    let cores = Cores::pick()?;
    pin(cores.load)?;
    let busy = std::fs::read_to_string("/proc/loadavg")?;
    let stream = Stream::encode()?;
    let mut runs: Vec<(usize, Run)> = Vec::new();
    let mut yardstick = Vec::new();
    for round in 1..=plan.rounds {
        for viewers in &plan.viewers {
            let run = run(&cores, *viewers, plan, &stream)?;
            println!(
                "round {round}, {viewers} viewers: {:.3} cpu-s/Gbit at {:.0} Mbit/s; server {:.0} %, load {:.0} % of a core; \
                 join p50 {:.0} p95 {:.0} ms; {} of {} packets lost; {:.1} of {:.1} pictures/s; {:.0} kB a viewer",
                run.cpu_s_per_gbit,
                run.mbit_per_s,
                run.server_share * 100.0,
                run.load_share * 100.0,
                quantile(&run.joins_ms, 0.5),
                quantile(&run.joins_ms, 0.95),
                run.lost,
                run.expected,
                run.fps,
                run.published_fps,
                run.kb_per_viewer
            );
            runs.push((*viewers, run));
        }
        let middle = plan
            .viewers
            .iter()
            .copied()
            .min_by_key(|count| count.abs_diff(MIDDLE))
            .unwrap_or(MIDDLE);
        let recording = runs
            .iter()
            .rev()
            .find(|(count, _)| *count == middle)
            .map(|(_, run)| &run.recording);
        let bare = bare(&cores, middle, recording.ok_or("no run was recorded")?, plan)?;
        println!("round {round}, bare sender to {middle}: {bare:.3} cpu-s/Gbit");
        yardstick.push(bare);
    }
    report(plan, &runs, &yardstick, &busy)
}

fn report(plan: &Plan, runs: &[(usize, Run)], yardstick: &[f64], busy: &str) -> Fallible<()> {
    let mut report = Report::new("whep");
    let of = |count: usize, pick: &dyn Fn(&Run) -> f64| -> Vec<f64> {
        runs.iter()
            .filter(|(viewers, _)| *viewers == count)
            .map(|(_, run)| pick(run))
            .collect()
    };
    for count in &plan.viewers {
        report.figure(
            format!("n{count}.cpu_s_per_gbit"),
            &of(*count, &|run| run.cpu_s_per_gbit),
            "cpu-s/Gbit",
        );
    }
    let expected: u64 = runs.iter().map(|(_, run)| run.expected).sum();
    let lost: u64 = runs.iter().map(|(_, run)| run.lost).sum();
    report.figure("loss_pct", &[lost as f64 * 100.0 / expected.max(1) as f64], "%");
    let largest = plan.viewers.iter().copied().max().unwrap_or(0);
    report.figure("kb_per_viewer", &of(largest, &|run| run.kb_per_viewer), "kB");
    let middle = plan
        .viewers
        .iter()
        .copied()
        .min_by_key(|count| count.abs_diff(MIDDLE))
        .unwrap_or(MIDDLE);
    report.figure(
        "join_p95_ms",
        &of(middle, &|run| quantile(&run.joins_ms, 0.95)),
        "ms",
    );
    for count in &plan.viewers {
        report.figure(
            format!("n{count}.join_p50_ms"),
            &of(*count, &|run| quantile(&run.joins_ms, 0.5)),
            "ms",
        );
        report.figure(
            format!("n{count}.join_p95_ms"),
            &of(*count, &|run| quantile(&run.joins_ms, 0.95)),
            "ms",
        );
        report.figure(
            format!("n{count}.published_fps"),
            &of(*count, &|run| run.published_fps),
            "pictures/s",
        );
        report.figure(format!("n{count}.fps"), &of(*count, &|run| run.fps), "pictures/s");
        report.figure(
            format!("n{count}.mbit_per_s"),
            &of(*count, &|run| run.mbit_per_s),
            "Mbit/s",
        );
        report.figure(
            format!("n{count}.server_core_pct"),
            &of(*count, &|run| run.server_share * 100.0),
            "%",
        );
    }
    report.yardstick("udp.cpu_s_per_gbit", yardstick, "cpu-s/Gbit");
    note(&mut report, plan, middle, busy);
    Ok(report.print()?)
}

fn note(report: &mut Report, plan: &Plan, middle: usize, busy: &str) {
    report.note(format!(
        "{} rounds, medians; {} s measured in each run after the last join; H.264 at 2.5 Mbit/s with a keyframe every 2 s, and Opus",
        plan.rounds, plan.seconds
    ));
    report.note(format!(
        "joins: {JOINS_PER_S} a second from when each was due to its first whole keyframe; join_p95_ms at n{middle}"
    ));
    report.note(match plan.whole_one_in {
        0 | 1 => "viewers do all of ICE, DTLS, SRTP and RTCP and put every picture together".into(),
        some => format!(
            "viewers do all of ICE, DTLS and SRTP up to the first keyframe, 1 in {some} throughout; the others then \
             count packets by their RTP sequence numbers"
        ),
    });
    report.note("bytes are of UDP payloads with media; server and load pinned to one core each; kernel receive work of the loopback is in the sender's time, the server's and the yardstick's alike");
    let load_average = busy.split(' ').next().unwrap_or_default();
    report.note(format!(
        "load average of the machine before the first round: {load_average}"
    ));
    report.note(if plan.no_coalesce {
        "viewers take single datagrams: the kernel cuts the server's runs in the server's time"
    } else {
        "viewers take runs of datagrams as sent (UDP GRO), as a card that cuts them would: compare --no-coalesce"
    });
}

fn run(cores: &Cores, count: usize, plan: &Plan, stream: &Stream) -> Fallible<Run> {
    let mut server = Process::start("serve", cores.measured, cores.load)?;
    let address = server.hear()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let publisher = runtime.block_on(publish(&format!("{address}/whip"), "", stream.clone()))?;
    // The stage has a picture, and the server has allocated what a room without viewers needs.
    std::thread::sleep(Duration::from_millis(1_000));
    let empty_kb = server.memory_kb()?;

    let viewers = Viewers::start(!plan.no_coalesce)?;
    let endpoint = Endpoint::new(&format!("{address}/whep"), None)?;
    let (refused, reason) = runtime.block_on(join(&endpoint, &viewers, count, plan.whole_one_in))?;
    if refused > 0 {
        return Err(format!(
            "{refused} of {count} joins failed: {}",
            reason.unwrap_or_default()
        )
        .into());
    }
    std::thread::sleep(Duration::from_millis(1_500));

    let (before, cpu, own, clock) = (
        viewers.look()?,
        server.cpu_s()?,
        cpu_s(std::process::id())?,
        now(),
    );
    let published = publisher.stats().pictures;
    let recording = viewers.record(RECORD)?;
    std::thread::sleep(Duration::from_secs(plan.seconds).saturating_sub(RECORD));
    let (after, cpu, own) = (
        viewers.look()?,
        server.cpu_s()? - cpu,
        cpu_s(std::process::id())? - own,
    );
    let seconds = clock.elapsed().as_secs_f64();
    let full_kb = server.memory_kb()?;

    let stats = publisher.stats();
    let published_fps = (stats.pictures - published) as f64 / seconds;
    runtime.block_on(publisher.stop());
    viewers.leave()?;
    if after.joins_ms.len() < count || after.ended > 0 {
        return Err(format!(
            "only {} of {count} viewers had a picture, {} ended: {stats:?}",
            after.joins_ms.len(),
            after.ended
        )
        .into());
    }
    let bits = (after.bytes - before.bytes) as f64 * 8.0;
    Ok(Run {
        cpu_s_per_gbit: cpu / (bits / 1e9),
        mbit_per_s: bits / 1e6 / seconds,
        server_share: cpu / seconds,
        load_share: own / seconds,
        kb_per_viewer: (full_kb - empty_kb) / count as f64,
        expected: after.expected,
        lost: after.lost,
        published_fps,
        fps: (after.frames - before.frames) as f64
            / seconds
            / count.div_ceil(plan.whole_one_in.max(1)) as f64,
        joins_ms: after.joins_ms,
        recording,
    })
}

/// CPU per Gbit of the bare sender, with what one viewer of a run got.
fn bare(cores: &Cores, count: usize, recording: &[(u64, usize)], plan: &Plan) -> Fallible<f64> {
    let sink = Sink::start(count)?;
    let mut sender = Process::start("udp", cores.measured, cores.load)?;
    let period_us = RECORD.as_micros() as u64;
    let orders = Orders {
        ports: sink.ports.clone(),
        datagrams: recording.to_vec(),
        period_us,
    };
    sender.tell(&serde_json::to_string(&orders)?)?;
    sender.hear()?;
    std::thread::sleep(Duration::from_millis(500));
    let (bytes, cpu) = (sink.bytes(), sender.cpu_s()?);
    std::thread::sleep(Duration::from_secs(plan.seconds));
    let (bytes, cpu) = (sink.bytes() - bytes, sender.cpu_s()? - cpu);
    Ok(cpu / (bytes as f64 * 8.0 / 1e9))
}

#[allow(clippy::disallowed_methods, reason = "a bench keeps time")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
