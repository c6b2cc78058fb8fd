//! The rounds of the bench and what is worked out from them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use busk_bench::figures::{Report, quantile};
use busk_bench::process::{Cores, Process, load_average, pin};
use busk_bench::source::{Stream, height};
use clap::Args;

use crate::Fallible;
use crate::joins::JOINS_PER_S;
use crate::run::{Load, Run, Target, run};
use crate::udp::{Orders, Sink};

#[derive(Args)]
pub struct Plan {
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many viewers, one run of each a round.
    #[arg(long, value_delimiter = ',', default_values_t = [50, 150, 300])]
    viewers: Vec<usize>,
    /// In how many rooms the largest number of viewers is put once more; 1 leaves that out.
    #[arg(long, default_value_t = 20)]
    rooms: usize,
    /// The bitrate at which the largest number of viewers is served once more, in kbit/s; 0 leaves that out.
    #[arg(long, default_value_t = 500)]
    low_kbit: u32,
    /// How long each run is measured.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// One in this many viewers decrypts and assembles all it gets; the others count packets.
    #[arg(long, default_value_t = 1)]
    whole_one_in: usize,
    /// Viewers take each datagram by itself: cutting runs into datagrams is then the server's time too.
    #[arg(long)]
    no_coalesce: bool,
    /// Every room has a program for LL-HLS besides.
    #[arg(long)]
    broadcast: bool,
}

/// One kind of run, of which there is one a round.
struct Case {
    name: String,
    kbit: u32,
    rooms: usize,
    viewers: usize,
    runs: Vec<Run>,
}

const KBIT: u32 = 2_500;
/// The middle size, whose joins are reported and whose datagrams the yardstick sends.
const MIDDLE: usize = 150;
const RECORD: Duration = Duration::from_secs(2);

pub fn bench(plan: &Plan) -> Fallible<()> {
    let cores = Cores::pick()?;
    pin(cores.load)?;
    let busy = load_average()?;
    println!("load average of the machine: {busy}");
    let mut cases = plan.cases();
    let middle = middle(&cases).ok_or("--viewers names no size")?;
    let mut streams = BTreeMap::new();
    for case in &cases {
        if let Entry::Vacant(place) = streams.entry(case.kbit) {
            place.insert(Stream::encode(case.kbit)?);
        }
    }
    let mut yardstick = Vec::new();
    for round in 1..=plan.rounds.max(1) {
        for case in &mut cases {
            let run = one(&cores, case, plan, &streams[&case.kbit])?;
            println!("round {round}, {}: {}", case.name, run.line());
            case.runs.push(run);
        }
        let recording = cases[middle].runs.last().map(|run| run.recording.as_slice());
        let viewers = cases[middle].viewers;
        let bare = bare(&cores, viewers, recording.ok_or("no run was recorded")?, plan)?;
        println!("round {round}, bare sender to {viewers}: {bare:.3} cpu-s/Gbit");
        yardstick.push(bare);
    }
    report(plan, &cases, &cases[middle], &yardstick, busy)
}

impl Plan {
    fn cases(&self) -> Vec<Case> {
        let largest = self.viewers.iter().copied().max().unwrap_or(0);
        let case = |name: String, kbit, rooms, viewers| Case {
            name,
            kbit,
            rooms,
            viewers,
            runs: Vec::new(),
        };
        let sizes = self.viewers.iter();
        let mut cases: Vec<Case> = sizes
            .map(|count| case(format!("n{count}"), KBIT, 1, *count))
            .collect();
        if self.low_kbit > 0 && largest > 0 {
            cases.push(case(format!("low.n{largest}"), self.low_kbit, 1, largest));
        }
        if self.rooms > 1 && largest >= self.rooms {
            cases.push(case(format!("rooms{}", self.rooms), KBIT, self.rooms, largest));
        }
        cases
    }
}

/// Which case is nearest to the middle size.
fn middle(cases: &[Case]) -> Option<usize> {
    let plain = cases.iter().enumerate().filter(|(_, case)| case.is_plain());
    plain
        .min_by_key(|(_, case)| case.viewers.abs_diff(MIDDLE))
        .map(|(place, _)| place)
}

impl Case {
    fn is_plain(&self) -> bool {
        self.kbit == KBIT && self.rooms == 1
    }

    fn all(&self, pick: impl Fn(&Run) -> f64) -> Vec<f64> {
        self.runs.iter().map(pick).collect()
    }

    fn cost(&self) -> Vec<f64> {
        self.all(|run| run.cpu_s_per_gbit)
    }
}

fn report(plan: &Plan, cases: &[Case], middle: &Case, yardstick: &[f64], busy: f64) -> Fallible<()> {
    let mut report = Report::new("whep");
    for case in cases {
        report.figure(
            format!("{}.cpu_s_per_gbit", case.name),
            &case.cost(),
            "cpu-s/Gbit",
        );
    }
    let plain = cases.iter().filter(|case| case.is_plain());
    let largest = plain.max_by_key(|case| case.viewers).unwrap_or(middle);
    for case in cases.iter().filter(|case| case.rooms > 1) {
        // Of each round by itself: what else the machine does changes both.
        let pairs = case.cost().into_iter().zip(largest.cost());
        let ratios: Vec<f64> = pairs.map(|(many, one)| many / one).collect();
        report.figure(format!("{}.ratio", case.name), &ratios, "of one room");
    }
    let runs = || cases.iter().flat_map(|case| &case.runs);
    let (lost, expected) = (
        runs().map(|run| run.seen.lost).sum::<u64>(),
        runs().map(|run| run.seen.expected).sum::<u64>(),
    );
    report.figure("loss_pct", &[lost as f64 * 100.0 / expected.max(1) as f64], "%");
    report.figure("kb_per_viewer", &largest.all(|run| run.kb_per_viewer), "kB");
    let join = |part| move |run: &Run| quantile(&run.seen.joins_ms, part);
    report.figure("join_p95_ms", &middle.all(join(0.95)), "ms");
    for case in cases {
        let mut tell = |what: &str, values: Vec<f64>, unit| {
            report.figure(format!("{}.{what}", case.name), &values, unit);
        };
        tell("join_p50_ms", case.all(join(0.5)), "ms");
        tell("join_p95_ms", case.all(join(0.95)), "ms");
        tell("published_fps", case.all(|run| run.published_fps), "pictures/s");
        tell("fps", case.all(|run| run.fps), "pictures/s");
        tell("mbit_per_s", case.all(|run| run.mbit_per_s), "Mbit/s");
        tell("server_core_pct", case.all(|run| run.server_share * 100.0), "%");
    }
    report.yardstick("udp.cpu_s_per_gbit", yardstick, "cpu-s/Gbit");
    note(&mut report, plan, middle, busy);
    Ok(report.print()?)
}

fn note(report: &mut Report, plan: &Plan, middle: &Case, busy: f64) {
    report.note(format!(
        "{} rounds, medians; {} s measured in each run after the last join; H.264 at {KBIT} kbit/s ({} lines; low: {} \
         kbit/s, {} lines) with a keyframe every 2 s, and Opus; rooms: the same viewers spread over {} rooms, each with \
         a publisher; rooms.ratio against one room of the same round",
        plan.rounds,
        plan.seconds,
        height(KBIT),
        plan.low_kbit,
        height(plan.low_kbit),
        plan.rooms
    ));
    report.note(if plan.broadcast {
        "what runs: busk-media with one thread; every room has its program (LL-HLS packaging, Opus to AAC) besides"
    } else {
        "what runs: busk-media with one thread, WebRTC alone; the rooms have no program (no LL-HLS, no recording): compare \
         --broadcast"
    });
    report.note(format!(
        "joins: {JOINS_PER_S} a second from when each was due to its first whole keyframe; join_p95_ms at {}",
        middle.name
    ));
    report.note(match plan.whole_one_in {
        0 | 1 => "viewers do all of ICE, DTLS, SRTP and RTCP and put every picture together".into(),
        some => format!(
            "viewers do all of ICE, DTLS and SRTP up to the first keyframe, 1 in {some} throughout; the others then \
             count packets by their RTP sequence numbers"
        ),
    });
    report.note("bytes are of UDP payloads with media that viewers got; server and load pinned to one core each; kernel receive work of the loopback is in the sender's time, the server's and the yardstick's alike");
    report.note(format!(
        "load average of the machine before the first round: {busy}"
    ));
    report.note(if plan.no_coalesce {
        "viewers take single datagrams: the kernel cuts the server's runs in the server's time"
    } else {
        "viewers take runs of datagrams as sent (UDP GRO), as a card that cuts them would: compare --no-coalesce"
    });
}

/// One run against a server of its own.
fn one(cores: &Cores, case: &Case, plan: &Plan, stream: &Stream) -> Fallible<Run> {
    let role: &[&str] = if plan.broadcast {
        &["serve", "--broadcast"]
    } else {
        &["serve"]
    };
    let mut server = Process::start(role, cores.measured, cores.load)?;
    let address = server.hear()?;
    let target = Target {
        whip: Some(&format!("{address}/whip/{{room}}")),
        whip_token: None,
        whep: &format!("{address}/whep/{{room}}"),
        whep_token: None,
        pid: Some(server.id()),
    };
    let load = Load {
        rooms: case.rooms,
        viewers: case.viewers,
        whole_one_in: plan.whole_one_in,
        coalesce: !plan.no_coalesce,
        length: Duration::from_secs(plan.seconds.max(1)),
        recorded: RECORD,
    };
    run(&target, &load, stream)?.whole(case.viewers)
}

/// CPU per Gbit of the bare sender, with what one viewer of a run got.
fn bare(cores: &Cores, count: usize, recording: &[(u64, usize)], plan: &Plan) -> Fallible<f64> {
    let sink = Sink::start(count)?;
    let mut sender = Process::start(&["udp"], cores.measured, cores.load)?;
    let period_us = RECORD.as_micros() as u64;
    let orders = Orders {
        ports: sink.ports.clone(),
        datagrams: recording.to_vec(),
        period_us,
    };
    sender.tell(&serde_json::to_string(&orders)?)?;
    sender.hear()?;
    std::thread::sleep(Duration::from_millis(500));
    let (bytes, cpu) = (sink.bytes(), sender.living_threads_cpu_s()?);
    std::thread::sleep(Duration::from_secs(plan.seconds.max(1)));
    let (bytes, cpu) = (sink.bytes() - bytes, sender.living_threads_cpu_s()? - cpu);
    Ok(cpu / (bytes as f64 * 8.0 / 1e9))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Plan, middle};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        plan: Plan,
    }

    #[test]
    fn the_largest_size_is_run_at_the_low_bitrate_and_in_many_rooms_too() {
        for (line, names, middle_name) in [
            ("whep", "n50 n150 n300 low.n300 rooms20", "n150"),
            ("whep --viewers 8,40 --rooms 4", "n8 n40 low.n40 rooms4", "n40"),
            ("whep --viewers 5 --rooms 1 --low-kbit 0", "n5", "n5"),
            ("whep --viewers 5 --low-kbit 0", "n5", "n5"),
        ] {
            let cases = Cli::parse_from(line.split(' ')).plan.cases();
            let all: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
            assert_eq!(all.join(" "), names, "{line}");
            assert_eq!(cases[middle(&cases).unwrap()].name, middle_name, "{line}");
        }
    }
}
