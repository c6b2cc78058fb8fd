//! The worker that does what transactions left to be done.
//!
//! A job is done at least once: its handler removes it ([`jobs::done`]) in the transaction that has its
//! result. A handler that fails, or a kind without a handler, is put off, longer each time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use busk_api::Site;
use busk_store::StoreError;
use busk_store::jobs::{self, Job};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use crate::metrics::Metrics;
use crate::stop::Stop;

/// Does one kind of job, and removes it in its transaction. The text says why it failed.
pub type Handler = Arc<dyn Fn(Site, Job) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Handlers by the kind of job they do.
pub type Handlers = HashMap<&'static str, Handler>;

const PERIOD: Duration = Duration::from_millis(200);
/// A job that takes longer is begun again by another taker, so handlers are stopped before.
const LEASE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(45);
const AT_ONCE_MAX: usize = 32;

/// Works until `stop` becomes true; what was begun is finished.
pub(crate) async fn work(site: Site, handlers: Handlers, metrics: Metrics, mut stop: Stop) {
    let mut tick = tokio::time::interval(PERIOD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = stop.told() => break,
            Some(done) = running.next() => metrics.job(done),
            _ = tick.tick() => match take(&site, AT_ONCE_MAX - running.len()).await {
                Ok(due) => running.extend(due.into_iter().map(|job| one(&site, &handlers, job))),
                Err(error) => tracing::warn!(%error, "jobs could not be taken"),
            },
        }
    }
    while let Some(done) = running.next().await {
        metrics.job(done);
    }
}

/// Takes what is due, up to `places`.
async fn take(site: &Site, places: usize) -> Result<Vec<Job>, StoreError> {
    let now = site.now();
    if places == 0 || !site.store().read(move |db| jobs::any_due(db, now)).await? {
        return Ok(Vec::new());
    }
    let places = i64::try_from(places).expect("places are at most AT_ONCE_MAX");
    site.store()
        .write(move |tx| jobs::take(tx, now, LEASE, places))
        .await
}

/// Does one job; false when it was put off.
async fn one(site: &Site, handlers: &Handlers, job: Job) -> bool {
    let (id, kind, attempts) = (job.id, job.kind.clone(), job.attempts);
    let result = match handlers.get(kind.as_str()) {
        Some(handler) => {
            // A task of its own: a handler that panics must not end the worker.
            let task = tokio::spawn(tokio::time::timeout(PATIENCE, handler(site.clone(), job)));
            match task.await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err("it took too long".into()),
                Err(panic) => Err(panic.to_string()),
            }
        }
        None => Err("no handler does this kind".into()),
    };
    let Err(why) = result else { return true };
    tracing::warn!(job = %id, kind, attempts, why, "a job failed and is put off");
    let until = site.now() + jobs::backoff(attempts);
    let put_off = site.store().write(move |tx| jobs::put_off(tx, id, until, &why));
    if let Err(error) = put_off.await {
        // Its lease ends by itself.
        tracing::warn!(job = %id, %error, "a job could not be put off");
    }
    false
}

#[cfg(test)]
mod tests;
