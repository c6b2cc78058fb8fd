//! Half of the readers read nothing: what the others notice of it, what one who reads nothing costs, and how soon
//! it is gone.
//!
//! Memory is the server's own and what the kernel holds in TCP's buffers, both ends of all sockets, at the most:
//! more than the stalled cost, never less.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use busk_bench::figures::Report;
use busk_bench::process::{Process, memory_kb};

use crate::Fallible;
use crate::swarm::{Places, Swarm};

const RATE: u32 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(100);
const PAGE_KB: f64 = 4.0;

/// A value a round.
#[derive(Default)]
pub struct Stalled {
    healthy_p99_ms: Vec<f64>,
    missing_pct: Vec<f64>,
    kb_per_stalled: Vec<f64>,
    dropped_s: Vec<f64>,
}

/// What was seen of the server from outside while the load ran.
#[derive(Default)]
struct Watched {
    most_kb: f64,
    dropped: Option<Duration>,
}

pub fn measure(
    rounds: &mut Stalled,
    server: &Process,
    address: SocketAddr,
    places: Places,
    seconds: u64,
) -> Fallible<()> {
    let mut swarm = Swarm::connect(address, places)?;
    swarm.settle(Duration::from_millis(500))?;
    let empty_kb = held_kb(server.id())?;
    let (healthy, done) = (places.sockets / 2, AtomicBool::new(false));
    let (outcome, watched) = std::thread::scope(|scope| {
        let watching = scope.spawn(|| watch(server.id(), address, healthy, &done).map_err(|e| e.to_string()));
        let outcome = swarm.run(RATE, Duration::from_secs(seconds));
        done.store(true, Ordering::Release);
        (outcome, watching.join())
    });
    let (outcome, watched) = (outcome?, watched.map_err(|_| "the watch panicked")??);
    eprintln!("half stalled: {outcome:?}, gone after {:?}", watched.dropped);
    let missing = outcome.expected.saturating_sub(outcome.received);
    rounds.healthy_p99_ms.push(outcome.p99_ms);
    rounds
        .missing_pct
        .push(100.0 * missing as f64 / outcome.expected as f64);
    let stalled = (places.sockets - healthy) as f64;
    rounds
        .kb_per_stalled
        .push((watched.most_kb - empty_kb).max(0.0) / stalled);
    rounds
        .dropped_s
        .extend(watched.dropped.map(|dropped| dropped.as_secs_f64()));
    Ok(())
}

impl Stalled {
    pub fn tell(&self, report: &mut Report) {
        report.figure("stalled.healthy_p99_ms", &self.healthy_p99_ms, "ms");
        report.figure("stalled.missing_pct", &self.missing_pct, "%");
        report.figure("stalled.kb_per_stalled", &self.kb_per_stalled, "kB");
        if self.dropped_s.is_empty() {
            return report.note("stalled: not all of them were gone when the load ended");
        }
        report.figure("stalled.dropped_s", &self.dropped_s, "s");
    }

    pub fn is_measured(&self) -> bool {
        !self.healthy_p99_ms.is_empty()
    }
}

/// Looks until it is done; a thread of its own, so that no reading waits for it.
fn watch(server: u32, address: SocketAddr, healthy: usize, done: &AtomicBool) -> Fallible<Watched> {
    let began = Instant::now();
    let mut asked = TcpStream::connect(address)?;
    let mut watched = Watched::default();
    while !done.load(Ordering::Acquire) {
        watched.most_kb = watched.most_kb.max(held_kb(server)?);
        if watched.dropped.is_none() && connections(&mut asked)? <= healthy {
            watched.dropped = Some(began.elapsed());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(watched)
}

/// The server's sockets, closing ones included.
fn connections(asked: &mut TcpStream) -> Fallible<usize> {
    asked.write_all(b"GET /connections HTTP/1.1\r\nhost: bench\r\n\r\n")?;
    let mut answer = [0; 1024];
    let count = asked.read(&mut answer)?;
    let answer = std::str::from_utf8(&answer[..count])?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("an answer without a body")?;
    Ok(body.parse()?)
}

fn held_kb(server: u32) -> Fallible<f64> {
    let stat = std::fs::read_to_string("/proc/net/sockstat")?;
    let tcp = stat.lines().find(|line| line.starts_with("TCP:"));
    let pages = tcp.and_then(|line| line.rsplit_once("mem "));
    let (_, pages) = pages.ok_or("the kernel does not tell TCP's memory")?;
    Ok(memory_kb(server)? + pages.trim().parse::<f64>()? * PAGE_KB)
}
