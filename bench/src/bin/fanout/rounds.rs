//! The order of a whole run, and what is reported of it.

use std::net::SocketAddr;
use std::time::Duration;

use busk_bench::figures::{Report, median};
use busk_bench::process::{Cores, Process, cpu_s, memory_kb, pin};
use clap::Args;

use crate::Fallible;
use crate::nchan::Nchan;
use crate::swarm::{Outcome, Swarm};

/// Messages a second to everyone: a talking room, and a roaring one.
const CALM: u32 = 10;
const HOT: u32 = 100;

#[derive(Args)]
pub struct Plan {
    #[arg(long, default_value_t = 10_000)]
    sockets: usize,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each load is measured, after two seconds that are not.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Only the server under test, without the yardsticks.
    #[arg(long)]
    only_busk: bool,
}

/// What was measured of one server, a value a round.
#[derive(Default)]
struct Rounds {
    deliveries_per_core_s: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    kb_per_conn: Vec<f64>,
    missing_pct: Vec<f64>,
    core_pct: Vec<f64>,
    load_pct: Vec<f64>,
    others_pct: Vec<f64>,
}

enum Server {
    Ours(Process, SocketAddr),
    Nchan(Nchan),
}

impl Server {
    fn address(&self) -> SocketAddr {
        match self {
            Self::Ours(_, address) => *address,
            Self::Nchan(nchan) => nchan.address(),
        }
    }

    fn cpu_s(&self) -> Fallible<f64> {
        match self {
            Self::Ours(process, _) => process.cpu_s(),
            Self::Nchan(nchan) => nchan.cpu_s(),
        }
    }

    fn memory_kb(&self) -> Fallible<f64> {
        match self {
            Self::Ours(process, _) => memory_kb(process.id()),
            Self::Nchan(nchan) => nchan.memory_kb(),
        }
    }
}

pub fn bench(plan: &Plan) -> Fallible<()> {
    let cores = Cores::pick()?;
    pin(cores.load)?;
    let (mut busk, mut hot) = (Rounds::default(), Rounds::default());
    let (mut epoll, mut nchan) = (Rounds::default(), Rounds::default());
    let mut report = Report::new("fanout");
    let mut without_nchan = None;
    for round in 0..plan.rounds {
        // Each goes first once.
        for turn in 0..3 {
            match (round + turn) % 3 {
                0 => measure(
                    plan,
                    ours("serve", &cores)?,
                    &mut [(CALM, &mut busk), (HOT, &mut hot)],
                )?,
                _ if plan.only_busk => {}
                1 => measure(plan, ours("epoll", &cores)?, &mut [(CALM, &mut epoll)])?,
                _ => match Nchan::start(cores.measured, cores.load) {
                    Ok(server) => measure(plan, Server::Nchan(server), &mut [(CALM, &mut nchan)])?,
                    Err(error) => without_nchan = Some(error.to_string()),
                },
            }
        }
    }

    for (name, rounds) in [("busk", &busk), ("busk.hot", &hot)] {
        rounds.tell(name, |figure, values, unit| report.figure(figure, values, unit));
    }
    report.figure("busk.kb_per_conn", &busk.kb_per_conn, "kB");
    for (name, rounds) in [("epoll", &epoll), ("nchan", &nchan)] {
        if !rounds.p99_ms.is_empty() {
            rounds.tell(name, |figure, values, unit| {
                report.yardstick(figure, values, unit)
            });
            report.yardstick(format!("{name}.kb_per_conn"), &rounds.kb_per_conn, "kB");
        }
    }
    report.note(format!(
        "{} sockets in one room, {MESSAGES}; {} rounds of {} s, medians; server on core {}, load on core {}",
        plan.sockets, plan.rounds, plan.seconds, cores.measured, cores.load,
    ));
    for (name, rounds) in [
        ("busk", &busk),
        ("busk.hot", &hot),
        ("epoll", &epoll),
        ("nchan", &nchan),
    ] {
        if !rounds.p99_ms.is_empty() {
            report.note(format!("{name}: {}", rounds.circumstances()));
        }
    }
    if let Some(why) = without_nchan {
        report.note(format!("nchan was not measured: {why}"));
    }
    Ok(report.print()?)
}

const MESSAGES: &str =
    "messages of 200 bytes, 10 a second and (hot) 100 a second, latency from the scheduled post";

fn ours(role: &str, cores: &Cores) -> Fallible<Server> {
    let mut process = Process::start(&[role], cores.measured, cores.load)?;
    let address = process.hear()?.parse()?;
    Ok(Server::Ours(process, address))
}

/// One server's turn: connect, then each load after a warm-up of its own.
fn measure(plan: &Plan, server: Server, loads: &mut [(u32, &mut Rounds)]) -> Fallible<()> {
    let empty_kb = server.memory_kb()?;
    let mut swarm = Swarm::connect(server.address(), plan.sockets)?;
    swarm.settle(Duration::from_millis(1500))?;
    for (rate, rounds) in loads {
        swarm.run(*rate, Duration::from_secs(2))?;
        let (server_before, load_before) = (server.cpu_s()?, cpu_s(std::process::id())?);
        let machine_before = machine_cpu_s()?;
        let began = std::time::Instant::now();
        let outcome = swarm.run(*rate, Duration::from_secs(plan.seconds))?;
        let elapsed = began.elapsed().as_secs_f64();
        let used = server.cpu_s()? - server_before;
        let kb_per_conn = (server.memory_kb()? - empty_kb) / plan.sockets as f64;
        let load = cpu_s(std::process::id())? - load_before;
        let others = (machine_cpu_s()? - machine_before - used - load).max(0.0);
        eprintln!(
            "{rate}/s: {outcome:?}, {:.0} % of the server's core, {kb_per_conn:.2} kB",
            100.0 * used / elapsed
        );
        rounds.add(outcome, used, elapsed, kb_per_conn);
        rounds.load_pct.push(100.0 * load / elapsed);
        rounds.others_pct.push(100.0 * others / elapsed);
    }
    drop(swarm);
    drop(server);
    Ok(())
}

impl Rounds {
    fn add(&mut self, outcome: Outcome, used_s: f64, elapsed_s: f64, kb_per_conn: f64) {
        let missing = outcome.expected - outcome.received.min(outcome.expected);
        self.deliveries_per_core_s.push(outcome.received as f64 / used_s);
        self.p50_ms.push(outcome.p50_ms);
        self.p99_ms.push(outcome.p99_ms);
        self.kb_per_conn.push(kb_per_conn);
        self.missing_pct
            .push(100.0 * missing as f64 / outcome.expected as f64);
        self.core_pct.push(100.0 * used_s / elapsed_s);
    }

    fn tell(&self, name: &str, mut line: impl FnMut(String, &[f64], &'static str)) {
        line(
            format!("{name}.deliveries_per_core_s"),
            &self.deliveries_per_core_s,
            "1/s",
        );
        line(format!("{name}.p50_ms"), &self.p50_ms, "ms");
        line(format!("{name}.p99_ms"), &self.p99_ms, "ms");
        line(format!("{name}.missing_pct"), &self.missing_pct, "%");
    }

    fn circumstances(&self) -> String {
        let spread = |values: &[f64]| {
            let values: Vec<String> = values.iter().map(|value| format!("{value:.0}")).collect();
            values.join(" ")
        };
        format!(
            "server core {:.0} % busy, load core {:.0} %, other programs took {:.0} % of a core; by round: deliveries per core-s {}, p99 ms {}",
            median(&self.core_pct),
            median(&self.load_pct),
            median(&self.others_pct),
            spread(&self.deliveries_per_core_s),
            spread(&self.p99_ms),
        )
    }
}

/// CPU time of everything on this machine, interrupts and what its host took away included.
fn machine_cpu_s() -> Fallible<f64> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let fields = stat
        .lines()
        .next()
        .ok_or("no first line")?
        .split_whitespace()
        .skip(1);
    let ticks: Vec<u64> = fields.map(str::parse).collect::<Result<_, _>>()?;
    // user nice system (idle iowait) irq softirq steal
    let busy = ticks
        .iter()
        .take(8)
        .enumerate()
        .filter(|(at, _)| *at != 3 && *at != 4);
    Ok(busy.map(|(_, ticks)| *ticks).sum::<u64>() as f64 / rustix::param::clock_ticks_per_second() as f64)
}
