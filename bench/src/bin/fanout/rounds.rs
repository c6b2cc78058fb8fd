//! The order of a whole run, and what is reported of it.

use std::net::SocketAddr;
use std::time::Duration;

use busk_bench::figures::{Report, median};
use busk_bench::process::{Cores, Process, cpu_s, memory_kb, pin};
use clap::{Args, ValueEnum};

use crate::Fallible;
use crate::nchan::Nchan;
use crate::removal::{self, Removal};
use crate::spam::{self, Spam};
use crate::stalled::{self, Stalled};
use crate::storm::{self, Storm};
use crate::swarm::{Outcome, Places, Swarm};
use crate::wire::Manner;

/// Messages a second to everyone: a talking room, a hot one, and a roaring one.
const CALM: u32 = 10;
const HOT: u32 = 100;
const ROARING: u32 = 400;
/// People in each of many rooms, and in how many of those somebody says something every second.
const SMALL_ROOM: usize = 10;
const SMALL_RATE: u32 = 1_000;

#[derive(Args)]
pub struct Plan {
    #[arg(long, default_value_t = 10_000)]
    sockets: usize,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each load is measured, after two seconds that are not.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// How long half of the readers read nothing.
    #[arg(long, default_value_t = 14)]
    stalled_seconds: u64,
    /// Over how long a storm's joins are spread.
    #[arg(long, default_value_t = 10)]
    storm_seconds: u64,
    /// Who spams in the real program.
    #[arg(long, default_value_t = 1_000)]
    bots: usize,
    /// How long people talk without the bots, and then among them.
    #[arg(long, default_value_t = 10)]
    spam_seconds: u64,
    /// Who watches while messages are taken away.
    #[arg(long, default_value_t = 1_000)]
    removal_sockets: usize,
    /// How many are.
    #[arg(long, default_value_t = 100)]
    removals: u32,
    /// Only these.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Room, Part::Tls, Part::Deflate, Part::Small, Part::Stalled, Part::Storm, Part::Spam, Part::Removal, Part::Epoll, Part::Nchan])]
    parts: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Room,
    Tls,
    Deflate,
    Small,
    Stalled,
    Storm,
    Spam,
    Removal,
    Epoll,
    Nchan,
}

/// What was measured of one server, a value a round.
#[derive(Default)]
struct Rounds {
    deliveries_per_core_s: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    kb_per_conn: Vec<f64>,
    bytes_per_message: Vec<f64>,
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

/// What was measured of everybody.
#[derive(Default)]
struct Measured {
    calm: Rounds,
    hot: Rounds,
    roaring: Rounds,
    tls: Rounds,
    tls_hot: Rounds,
    deflate_hot: Rounds,
    small: Rounds,
    stalled: Stalled,
    storm: Storm,
    spam: Spam,
    removal: Removal,
    epoll: Rounds,
    nchan: Rounds,
    without_nchan: Option<String>,
}

pub fn bench(plan: &Plan) -> Fallible<()> {
    let cores = Cores::pick()?;
    pin(cores.load)?;
    let mut measured = Measured::default();
    for round in 0..plan.rounds {
        // Each goes first once.
        for turn in 0..3 {
            match (round + turn) % 3 {
                0 => measured.ours(plan, &cores)?,
                1 if plan.parts.contains(&Part::Epoll) => {
                    let loads = &mut [(CALM, &mut measured.epoll)];
                    measure(
                        plan,
                        Places::one_room(plan.sockets),
                        Manner::default(),
                        ours("epoll", &cores)?,
                        loads,
                    )?;
                }
                2 if plan.parts.contains(&Part::Nchan) => measured.nchan(plan, &cores)?,
                _ => {}
            }
        }
    }
    measured.report(plan, &cores)
}

impl Measured {
    fn ours(&mut self, plan: &Plan, cores: &Cores) -> Fallible<()> {
        let has = |part| plan.parts.contains(&part);
        if has(Part::Room) {
            let loads = &mut [
                (CALM, &mut self.calm),
                (HOT, &mut self.hot),
                (ROARING, &mut self.roaring),
            ];
            let places = Places::one_room(plan.sockets);
            measure(plan, places, Manner::default(), ours("serve", cores)?, loads)?;
        }
        if has(Part::Tls) {
            let (process, address, manner) = encrypted(cores)?;
            let loads = &mut [(CALM, &mut self.tls), (HOT, &mut self.tls_hot)];
            let places = Places::one_room(plan.sockets);
            measure(plan, places, manner, Server::Ours(process, address), loads)?;
        }
        if has(Part::Deflate) {
            let manner = Manner {
                deflate: true,
                ..Manner::default()
            };
            let loads = &mut [(HOT, &mut self.deflate_hot)];
            let places = Places::one_room(plan.sockets);
            measure(plan, places, manner, ours("serve", cores)?, loads)?;
        }
        if has(Part::Small) {
            let places = Places {
                sockets: plan.sockets,
                rooms: plan.sockets / SMALL_ROOM,
                half_stalled: false,
            };
            measure(
                plan,
                places,
                Manner::default(),
                ours("serve", cores)?,
                &mut [(SMALL_RATE, &mut self.small)],
            )?;
        }
        if has(Part::Stalled) {
            let places = Places {
                sockets: plan.sockets / 10,
                rooms: 1,
                half_stalled: true,
            };
            let (process, address) = started("serve", cores)?;
            stalled::measure(&mut self.stalled, &process, address, places, plan.stalled_seconds)?;
        }
        if has(Part::Storm) {
            let (_process, address) = started("serve", cores)?;
            let within = Duration::from_secs(plan.storm_seconds);
            storm::measure(&mut self.storm, address, plan.sockets, within)?;
        }
        if has(Part::Spam) {
            spam::measure(&mut self.spam, cores, plan.bots, plan.spam_seconds)?;
        }
        if has(Part::Removal) {
            removal::measure(&mut self.removal, cores, plan.removal_sockets, plan.removals)?;
        }
        Ok(())
    }

    fn nchan(&mut self, plan: &Plan, cores: &Cores) -> Fallible<()> {
        let server = match Nchan::start(cores.measured, cores.load) {
            Ok(server) => Server::Nchan(server),
            Err(error) => {
                self.without_nchan = Some(error.to_string());
                return Ok(());
            }
        };
        let loads = &mut [(CALM, &mut self.nchan)];
        let places = Places::one_room(plan.sockets);
        measure(plan, places, Manner::default(), server, loads)
    }

    fn report(&self, plan: &Plan, cores: &Cores) -> Fallible<()> {
        let mut report = Report::new("fanout");
        let ours = [
            ("busk", &self.calm),
            ("busk.hot", &self.hot),
            ("busk.roaring", &self.roaring),
            ("tls", &self.tls),
            ("tls.hot", &self.tls_hot),
            ("deflate.hot", &self.deflate_hot),
            ("small", &self.small),
        ];
        for (name, rounds) in ours.into_iter().filter(|(_, rounds)| rounds.is_measured()) {
            rounds.tell(name, |figure, values, unit| report.figure(figure, values, unit));
        }
        if self.calm.is_measured() {
            report.figure("busk.kb_per_conn", &self.calm.kb_per_conn, "kB");
        }
        if self.tls.is_measured() {
            report.figure("tls.kb_per_conn", &self.tls.kb_per_conn, "kB");
        }
        let bytes = [("busk.hot", &self.hot), ("deflate.hot", &self.deflate_hot)];
        for (name, rounds) in bytes.into_iter().filter(|(_, rounds)| rounds.is_measured()) {
            let figure = format!("{name}.bytes_per_message");
            report.figure(figure, &rounds.bytes_per_message, "B");
        }
        if self.stalled.is_measured() {
            self.stalled.tell(&mut report);
        }
        if self.storm.is_measured() {
            self.storm.tell(&mut report);
        }
        if self.spam.is_measured() {
            self.spam.tell(&mut report);
        }
        if self.removal.is_measured() {
            self.removal.tell(&mut report);
        }
        let yardsticks = [("epoll", &self.epoll), ("nchan", &self.nchan)];
        for (name, rounds) in yardsticks.into_iter().filter(|(_, rounds)| rounds.is_measured()) {
            let ratios = self.calm.ratios(rounds);
            if !ratios.is_empty() {
                report.figure(format!("ratio_{name}"), &ratios, "x");
            }
            rounds.tell(name, |figure, values, unit| {
                report.yardstick(figure, values, unit)
            });
            report.yardstick(format!("{name}.kb_per_conn"), &rounds.kb_per_conn, "kB");
        }
        report.note(format!(
            "{} sockets in one room, {MESSAGES}; {} rounds of {} s, medians; server on core {}, load on core {}",
            plan.sockets, plan.rounds, plan.seconds, cores.measured, cores.load,
        ));
        for (name, rounds) in ours.into_iter().chain(yardsticks) {
            if rounds.is_measured() {
                report.note(format!("{name}: {}", rounds.circumstances()));
            }
        }
        if let Some(why) = &self.without_nchan {
            report.note(format!("nchan was not measured: {why}"));
        }
        Ok(report.print()?)
    }
}

const MESSAGES: &str = "messages of 200 bytes, 10 a second, (hot) 100 and (roaring) 400, latency from the scheduled \
    post; tls: the same over TLS 1.3; deflate: clients take permessage-deflate; small: rooms of ten, 1 000 messages a second to the rooms in turn; \
    stalled: every second of a tenth as many sockets reads nothing, 100 messages a second; storm: open-loop joins, then all are sent away and resume; \
    spam and removal: the real program on SQLite, fifty people who each say something every 4 s, among bots of 5 messages a second each; five messages a second said and taken away; \
    ratio: ours by the yardstick's, deliveries per core-s at 10 a second, medians of rounds";

fn ours(role: &str, cores: &Cores) -> Fallible<Server> {
    let (process, address) = started(role, cores)?;
    Ok(Server::Ours(process, address))
}

fn started(role: &str, cores: &Cores) -> Fallible<(Process, SocketAddr)> {
    let mut process = Process::start(&[role], cores.measured, cores.load)?;
    let line = process.hear()?;
    let address = line.split_whitespace().next().ok_or("no address")?.parse()?;
    Ok((process, address))
}

/// Ours, and how clients come to it by TLS.
fn encrypted(cores: &Cores) -> Fallible<(Process, SocketAddr, Manner)> {
    let mut process = Process::start(&["serve"], cores.measured, cores.load)?;
    let line = process.hear()?;
    let [clear, encrypted, digits] = line.split_whitespace().collect::<Vec<_>>()[..] else {
        return Err("two addresses and a certificate were expected".into());
    };
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2).unwrap_or_default(), 16);
    let certificate = (0..digits.len()).step_by(2).map(byte).collect::<Result<_, _>>()?;
    let manner = Manner::encrypted(encrypted.parse()?, certificate)?;
    Ok((process, clear.parse()?, manner))
}

/// One server's turn: connect, then each load after a warm-up of its own.
fn measure(
    plan: &Plan,
    places: Places,
    manner: Manner,
    server: Server,
    loads: &mut [(u32, &mut Rounds)],
) -> Fallible<()> {
    let empty_kb = server.memory_kb()?;
    let mut swarm = Swarm::connect_by(manner, server.address(), places)?;
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
    fn is_measured(&self) -> bool {
        !self.p99_ms.is_empty()
    }

    fn add(&mut self, outcome: Outcome, used_s: f64, elapsed_s: f64, kb_per_conn: f64) {
        let missing = outcome.expected - outcome.received.min(outcome.expected);
        self.deliveries_per_core_s.push(outcome.received as f64 / used_s);
        self.p50_ms.push(outcome.p50_ms);
        self.p99_ms.push(outcome.p99_ms);
        self.kb_per_conn.push(kb_per_conn);
        self.bytes_per_message
            .push(outcome.bytes as f64 / outcome.received as f64);
        self.missing_pct
            .push(100.0 * missing as f64 / outcome.expected as f64);
        self.core_pct.push(100.0 * used_s / elapsed_s);
    }

    /// Deliveries per core-second for one of the other's, round by round.
    fn ratios(&self, yardstick: &Rounds) -> Vec<f64> {
        let pairs = self
            .deliveries_per_core_s
            .iter()
            .zip(&yardstick.deliveries_per_core_s);
        pairs.map(|(ours, theirs)| ours / theirs).collect()
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
