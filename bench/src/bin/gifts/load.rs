//! Callers that send gifts for a while, each waiting for its answer.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::site::Site;

#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub per_s: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

/// Sends for `seconds` from `callers` tasks. A gift that is refused is a bug here, and ends the bench.
pub fn load(runtime: &Runtime, site: &Site, callers: usize, seconds: u64) -> Figures {
    let start = now();
    let end = start + Duration::from_secs(seconds);
    let mut times: Vec<u64> = runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for caller in 0..callers {
            let mut sender = site.sender(caller as u64);
            tasks.spawn(async move {
                let mut times = Vec::new();
                while now() < end {
                    let begun = now();
                    sender.send().await.expect("every gift of the bench is paid for");
                    times.push(begun.elapsed().as_micros() as u64);
                }
                times
            });
        }
        let mut all = Vec::new();
        while let Some(times) = tasks.join_next().await {
            all.append(&mut times.expect("a caller does not panic"));
        }
        all
    });
    let took = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |part: f64| {
        let place = ((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1));
        times.get(place).map_or(0.0, |us| *us as f64 / 1_000.0)
    };
    Figures {
        per_s: times.len() as f64 / took,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
    }
}
