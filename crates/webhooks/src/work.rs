//! Delivers what is due. Beside the program's other jobs, not among them: an endpoint that takes its twenty seconds
//! must not hold up a refund, nor another endpoint.

use std::collections::HashMap;
use std::time::Duration;

use busk_base::WebhookId;
use busk_store::StoreError;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Webhooks;
use crate::delivery::{self, Due};
use crate::send::{PATIENCE, endpoint_of, send};

/// Deliveries under way: of all endpoints, and of one.
const AT_ONCE_MAX: usize = 64;
const OF_ONE_MAX: usize = 4;
/// Longer than an attempt can take.
const LEASE: Duration = Duration::from_secs(60);
const _: () = assert!(LEASE.as_secs() > 2 * PATIENCE.as_secs());
/// How often it is looked for what has become due without being told of.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Delivers for as long as the program runs; what is under way when it ends is due again after its lease.
pub async fn work(webhooks: Webhooks) {
    let mut running = JoinSet::new();
    let mut busy: HashMap<WebhookId, usize> = HashMap::new();
    loop {
        tokio::select! {
            Some(done) = running.join_next(), if !running.is_empty() => {
                let done: Result<WebhookId, _> = done;
                match done {
                    Ok(webhook) => free(&mut busy, webhook),
                    Err(error) => {
                        tracing::error!("a delivery panicked: {error}");
                        // Nobody knows whose place it had; all are counted anew once none is under way.
                        if running.is_empty() {
                            busy.clear();
                        }
                    }
                }
            }
            _ = timeout(LOOK_EVERY, webhooks.0.due.notified()) => {}
        }
        match take(&webhooks, &busy, AT_ONCE_MAX.saturating_sub(running.len())).await {
            Ok(due) => {
                for due in due {
                    *busy.entry(due.webhook).or_default() += 1;
                    running.spawn(one(webhooks.clone(), due));
                }
            }
            Err(error) => {
                tracing::warn!("deliveries could not be taken: {error}");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

fn free(busy: &mut HashMap<WebhookId, usize>, webhook: WebhookId) {
    if let Some(places) = busy.get_mut(&webhook) {
        *places = places.saturating_sub(1);
        if *places == 0 {
            busy.remove(&webhook);
        }
    }
}

async fn take(
    webhooks: &Webhooks,
    busy: &HashMap<WebhookId, usize>,
    mut places: usize,
) -> Result<Vec<Due>, StoreError> {
    let (store, now) = (webhooks.site().store(), webhooks.site().now());
    if places == 0 {
        return Ok(Vec::new());
    }
    let mut taken = Vec::new();
    for webhook in store.read(move |db| delivery::due(db, now)).await? {
        let free = OF_ONE_MAX.saturating_sub(busy.get(&webhook).copied().unwrap_or(0));
        let max = free.min(places);
        if max == 0 {
            continue;
        }
        let max = i64::try_from(max).expect("there are at most AT_ONCE_MAX places");
        let due = store
            .write(move |tx| delivery::take(tx, webhook, max, LEASE, now))
            .await?;
        places -= due.len();
        taken.extend(due);
    }
    Ok(taken)
}

async fn one(webhooks: Webhooks, due: Due) -> WebhookId {
    let webhook = due.webhook;
    // Taken away meanwhile: so are its deliveries.
    let Some(endpoint) = endpoint_of(&webhooks, &due).await else {
        return webhook;
    };
    let now = webhooks.site().now();
    let outcome = send(&webhooks, &endpoint, &due, now).await;
    let after = webhooks.site().now();
    let written = webhooks
        .site()
        .store()
        .write(move |tx| delivery::attempted(tx, (due.id, due.webhook), due.attempts, &outcome, after));
    if let Err(error) = written.await {
        // Its lease ends by itself, and it is delivered once more.
        tracing::warn!(%webhook, "what came of a delivery could not be written: {error}");
    }
    webhook
}
