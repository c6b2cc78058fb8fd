use busk_base::{ChannelId, PersonId, Timestamp, WebhookId};
use busk_people::{Channel, channel_by_handle};
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, params, row};

use super::{Endpoint, EndpointError, EndpointState};
use crate::kind;

static WEBHOOK: Insert = Insert {
    table: "webhook",
    columns: &[
        ("id", Type::Blob),
        ("channel", Type::Blob),
        ("url", Type::Text),
        ("kinds", Type::Text),
        ("sealed", Type::Blob),
        ("state", Type::Text),
        ("since", Type::Int),
        ("created_at", Type::Int),
    ],
};

impl EndpointState {
    fn word(self) -> &'static str {
        match self {
            EndpointState::On => "on",
            EndpointState::Off => "off",
            EndpointState::Failed => "failed",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "on" => Ok(EndpointState::On),
            "off" => Ok(EndpointState::Off),
            "failed" => Ok(EndpointState::Failed),
            other => Err(StoreError::Broken(format!("a webhook is {other:?}"))),
        }
    }
}

/// A channel, for its owner and nobody else.
pub(crate) fn owned(db: &mut impl Read, handle: &str, by: PersonId) -> Result<Channel, EndpointError> {
    let channel = channel_by_handle(db, handle)?.ok_or(EndpointError::ChannelUnknown)?;
    if channel.owner != by {
        return Err(EndpointError::NotYours);
    }
    Ok(channel)
}

/// A channel's endpoints, the oldest first.
pub(crate) fn of_channel(db: &mut impl Read, channel: ChannelId) -> Result<Vec<Endpoint>, StoreError> {
    let rows = db.rows(
        "SELECT id, channel, url, kinds, sealed, state, since, failing_since, why, created_at FROM webhook \
         WHERE channel = $1 ORDER BY created_at, id",
        params![channel],
    )?;
    rows.iter().map(read).collect()
}

/// One of a channel's.
pub(crate) fn one(db: &mut impl Read, channel: ChannelId, id: WebhookId) -> Result<Endpoint, EndpointError> {
    let row = db.row(
        "SELECT id, channel, url, kinds, sealed, state, since, failing_since, why, created_at FROM webhook \
         WHERE channel = $1 AND id = $2",
        params![channel, id],
    )?;
    Ok(read(&row.ok_or(EndpointError::WebhookUnknown)?)?)
}

pub(super) fn add(tx: &mut Tx, endpoint: &Endpoint) {
    tx.insert(
        &WEBHOOK,
        row![
            endpoint.id,
            endpoint.channel,
            &endpoint.url,
            kind::words(&endpoint.kinds),
            &endpoint.sealed[..],
            endpoint.state.word(),
            endpoint.since,
            endpoint.created_at
        ],
    );
}

pub(super) fn change(tx: &mut Tx, endpoint: &Endpoint) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE webhook SET url = $2, kinds = $3, sealed = $4, state = $5, since = $6, failing_since = $7, why = $8 \
         WHERE id = $1",
        params![
            endpoint.id,
            &endpoint.url,
            kind::words(&endpoint.kinds),
            &endpoint.sealed[..],
            endpoint.state.word(),
            endpoint.since,
            endpoint.failing_since,
            endpoint.why.clone()
        ],
    )?;
    Ok(())
}

pub(super) fn remove(tx: &mut Tx, id: WebhookId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM webhook_delivery WHERE webhook = $1", params![id])?;
    tx.execute("DELETE FROM webhook WHERE id = $1", params![id])?;
    Ok(())
}

/// Something has arrived again.
pub(crate) fn recovered(tx: &mut Tx, id: WebhookId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE webhook SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL",
        params![id],
    )?;
    Ok(())
}

/// Something has not arrived; gives since when nothing has.
pub(crate) fn fails(tx: &mut Tx, id: WebhookId, now: Timestamp) -> Result<Timestamp, StoreError> {
    tx.execute(
        "UPDATE webhook SET failing_since = $2 WHERE id = $1 AND failing_since IS NULL",
        params![id, now],
    )?;
    let row = tx.row("SELECT failing_since FROM webhook WHERE id = $1", params![id])?;
    let since = row.map(|row| row.get::<Option<Timestamp>>(0)).transpose()?;
    Ok(since.flatten().unwrap_or(now))
}

/// The site switches an endpoint off.
pub(crate) fn stop(tx: &mut Tx, id: WebhookId, why: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE webhook SET state = 'failed', why = $2 WHERE id = $1 AND state = 'on'",
        params![id, why],
    )?;
    Ok(())
}

fn read(row: &Row) -> Result<Endpoint, StoreError> {
    Ok(Endpoint {
        id: row.get(0)?,
        channel: row.get(1)?,
        url: row.get(2)?,
        kinds: kind::parse(&row.get::<String>(3)?)?,
        sealed: row.get(4)?,
        state: EndpointState::parse(&row.get::<String>(5)?)?,
        since: row.get(6)?,
        failing_since: row.get(7)?,
        why: row.get(8)?,
        created_at: row.get(9)?,
    })
}
