use std::time::Duration;

use busk_base::{ChannelId, DeliveryId, Timestamp, WebhookId};
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, params, row};

use super::{Delivery, DeliveryState, KEPT_MAX, Outcome, WAITING_MAX};
use crate::kind::Kind;

static DELIVERY: Insert = Insert {
    table: "webhook_delivery",
    columns: &[
        ("id", Type::Blob),
        ("webhook", Type::Blob),
        ("kind", Type::Text),
        ("body", Type::Text),
        ("state", Type::Text),
        ("attempts", Type::Int),
        ("made_at", Type::Int),
        ("next_at", Type::Int),
    ],
};

impl DeliveryState {
    fn word(self) -> &'static str {
        match self {
            DeliveryState::Waiting => "waiting",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Dead => "dead",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "waiting" => Ok(DeliveryState::Waiting),
            "delivered" => Ok(DeliveryState::Delivered),
            "dead" => Ok(DeliveryState::Dead),
            other => Err(StoreError::Broken(format!("a delivery is {other:?}"))),
        }
    }
}

impl Delivery {
    pub(crate) fn add(&self, tx: &mut Tx) {
        tx.insert(
            &DELIVERY,
            row![
                self.id,
                self.webhook,
                self.kind.word(),
                &self.body,
                self.state.word(),
                self.attempts,
                self.made_at,
                self.next_at
            ],
        );
    }
}

/// A delivery that is to be attempted now, with where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub(crate) id: DeliveryId,
    pub(crate) webhook: WebhookId,
    pub(crate) channel: ChannelId,
    pub(crate) body: String,
    /// With this one.
    pub(crate) attempts: i64,
}

/// Whether more wait for an endpoint than may.
pub(crate) fn overruns(db: &mut impl Read, webhook: WebhookId) -> Result<bool, StoreError> {
    let row = db.row(
        "SELECT 1 FROM webhook_delivery WHERE webhook = $1 AND state = 'waiting' LIMIT 1 OFFSET $2",
        params![webhook, WAITING_MAX],
    )?;
    Ok(row.is_some())
}

/// Endpoints that something is due for.
pub(crate) fn due(db: &mut impl Read, now: Timestamp) -> Result<Vec<WebhookId>, StoreError> {
    let rows = db.rows(
        "SELECT w.id FROM webhook w WHERE w.state = 'on' AND EXISTS \
         (SELECT 1 FROM webhook_delivery d WHERE d.webhook = w.id AND d.state = 'waiting' AND d.next_at <= $1)",
        params![now],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Takes what is due for an endpoint, at most `max`, and leases it: if the taker dies, it is due again after `lease`.
pub(crate) fn take(
    tx: &mut Tx,
    webhook: WebhookId,
    max: i64,
    lease: Duration,
    now: Timestamp,
) -> Result<Vec<Due>, StoreError> {
    let rows = tx.rows(
        "SELECT d.id, d.webhook, w.channel, d.body, d.attempts FROM webhook_delivery d \
         JOIN webhook w ON w.id = d.webhook \
         WHERE d.webhook = $1 AND d.state = 'waiting' AND d.next_at <= $2 AND w.state = 'on' \
         ORDER BY d.next_at, d.id LIMIT $3",
        params![webhook, now, max],
    )?;
    let mut taken = Vec::with_capacity(rows.len());
    for row in &rows {
        let due = Due {
            id: row.get(0)?,
            webhook: row.get(1)?,
            channel: row.get(2)?,
            body: row.get(3)?,
            attempts: row.get::<i64>(4)? + 1,
        };
        tx.execute(
            "UPDATE webhook_delivery SET attempts = $2, next_at = $3 WHERE id = $1",
            params![due.id, due.attempts, now + lease],
        )?;
        taken.push(due);
    }
    Ok(taken)
}

pub(super) fn attempted(
    tx: &mut Tx,
    id: DeliveryId,
    state: DeliveryState,
    next_at: Option<Timestamp>,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE webhook_delivery SET state = $2, next_at = $3, last_at = $4, status = $5, took_ms = $6, why = $7 \
         WHERE id = $1 AND state = 'waiting'",
        params![
            id,
            state.word(),
            next_at,
            now,
            outcome.status.map(i64::from),
            outcome.took_ms,
            outcome.why.clone()
        ],
    )?;
    Ok(())
}

/// Keeps the latest of an endpoint's deliveries in a state.
pub(super) fn forget_old(tx: &mut Tx, webhook: WebhookId, state: DeliveryState) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM webhook_delivery WHERE webhook = $1 AND state = $2 AND id <= \
         (SELECT id FROM webhook_delivery WHERE webhook = $1 AND state = $2 ORDER BY id DESC LIMIT 1 OFFSET $3)",
        params![webhook, state.word(), KEPT_MAX],
    )?;
    Ok(())
}

/// An endpoint's latest deliveries, the newest first; in one state, or in any.
pub(super) fn listed(
    db: &mut impl Read,
    webhook: WebhookId,
    dead: bool,
) -> Result<Vec<Delivery>, StoreError> {
    let rows = db.rows(
        "SELECT id, webhook, kind, body, state, attempts, made_at, next_at, last_at, status, took_ms, why \
         FROM webhook_delivery WHERE webhook = $1 AND ($2 = FALSE OR state = 'dead') ORDER BY id DESC LIMIT $3",
        params![webhook, dead, KEPT_MAX],
    )?;
    rows.iter().map(read).collect()
}

pub(super) fn one(
    db: &mut impl Read,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<Option<Delivery>, StoreError> {
    let row = db.row(
        "SELECT id, webhook, kind, body, state, attempts, made_at, next_at, last_at, status, took_ms, why \
         FROM webhook_delivery WHERE webhook = $1 AND id = $2",
        params![webhook, id],
    )?;
    row.as_ref().map(read).transpose()
}

/// From the first attempt again.
pub(super) fn again(tx: &mut Tx, id: DeliveryId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE webhook_delivery SET state = 'waiting', attempts = 0, next_at = $2 WHERE id = $1",
        params![id, now],
    )?;
    Ok(())
}

fn read(row: &Row) -> Result<Delivery, StoreError> {
    let status: Option<i64> = row.get(9)?;
    let last_at: Option<Timestamp> = row.get(8)?;
    let last = Outcome {
        status: status.and_then(|status| status.try_into().ok()),
        took_ms: row.get::<Option<i64>>(10)?.unwrap_or(0),
        why: row.get(11)?,
    };
    Ok(Delivery {
        id: row.get(0)?,
        webhook: row.get(1)?,
        kind: Kind::parse(&row.get::<String>(2)?)?,
        body: row.get(3)?,
        state: DeliveryState::parse(&row.get::<String>(4)?)?,
        attempts: row.get(5)?,
        made_at: row.get(6)?,
        next_at: row.get(7)?,
        last: last_at.map(|_| last),
        last_at,
    })
}
