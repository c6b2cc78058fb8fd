//! A delivery: one thing that one endpoint is told, from its first attempt to its last, and for a while after.
//!
//! ```text
//!   waiting ─► delivered
//!      ▲ └───► dead (ten attempts over three days) ─► waiting, by hand
//! ```
//!
//! Invariant: its id is the message's, in all attempts; an attempt's outcome is written once.

mod http;
mod sql;

use std::time::Duration;

use busk_base::{DeliveryId, Timestamp, WebhookId};
use busk_store::{StoreError, Tx};
use serde::Serialize;

use crate::endpoint;
use crate::kind::Kind;

pub(crate) use http::routes;
pub(crate) use sql::{Due, due, overruns, take};

/// Between an attempt and the next, as Standard Webhooks proposes: ten attempts over three days.
const WAITS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(5 * 3_600),
    Duration::from_secs(10 * 3_600),
    Duration::from_secs(14 * 3_600),
    Duration::from_secs(20 * 3_600),
    Duration::from_secs(24 * 3_600),
];
/// An endpoint at which nothing has arrived for so long is switched off.
const FAILING_MAX: Duration = Duration::from_secs(5 * 24 * 3_600);
/// Waiting for one endpoint; one with more is switched off.
pub(crate) const WAITING_MAX: i64 = 10_000;
/// Of one endpoint, delivered ones and dead ones that are kept.
const KEPT_MAX: i64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WebhookDeliveryState)]
pub(crate) enum DeliveryState {
    /// To be attempted, for the first time or again.
    Waiting,
    Delivered,
    /// All attempts have failed.
    Dead,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) id: DeliveryId,
    pub(crate) webhook: WebhookId,
    pub(crate) kind: Kind,
    /// JSON.
    pub(crate) body: String,
    pub(crate) state: DeliveryState,
    pub(crate) attempts: i64,
    pub(crate) made_at: Timestamp,
    /// Of one that waits.
    pub(crate) next_at: Option<Timestamp>,
    /// The latest attempt's.
    pub(crate) last: Option<Outcome>,
    pub(crate) last_at: Option<Timestamp>,
}

/// What came of an attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What was answered, if anything was.
    pub(crate) status: Option<u16>,
    pub(crate) took_ms: i64,
    /// Why nothing was answered.
    pub(crate) why: Option<String>,
}

impl Outcome {
    pub(crate) fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// The endpoint asks to be told nothing more (410, by Standard Webhooks).
    fn is_goodbye(&self) -> bool {
        self.status == Some(410)
    }
}

impl Delivery {
    pub(crate) fn new(id: DeliveryId, webhook: WebhookId, kind: Kind, body: String, at: Timestamp) -> Self {
        Self {
            id,
            webhook,
            kind,
            body,
            state: DeliveryState::Waiting,
            attempts: 0,
            made_at: at,
            next_at: Some(at),
            last: None,
            last_at: None,
        }
    }
}

/// Writes what came of an attempt, which was the delivery's `attempts`-th, and what follows from it.
pub(crate) fn attempted(
    tx: &mut Tx,
    (id, webhook): (DeliveryId, WebhookId),
    attempts: i64,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    let wait = usize::try_from(attempts)
        .ok()
        .and_then(|attempts| WAITS.get(attempts.checked_sub(1)?));
    let (state, next_at) = match (outcome.is_success(), wait) {
        (true, _) => (DeliveryState::Delivered, None),
        (false, Some(wait)) => (DeliveryState::Waiting, Some(now + *wait)),
        (false, None) => (DeliveryState::Dead, None),
    };
    sql::attempted(tx, id, state, next_at, outcome, now)?;
    if state != DeliveryState::Waiting {
        sql::forget_old(tx, webhook, state)?;
    }
    if outcome.is_success() {
        return endpoint::recovered(tx, webhook);
    }
    let since = endpoint::fails(tx, webhook, now)?;
    if outcome.is_goodbye() {
        return endpoint::stop(tx, webhook, "It answered 410: it wants to be told nothing more.");
    }
    if now.since(since) >= FAILING_MAX {
        return endpoint::stop(tx, webhook, "Nothing has arrived there for five days.");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
