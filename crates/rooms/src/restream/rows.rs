//! The rows of targets.

use busk_base::{ChannelId, PersonId, RestreamTargetId};
use busk_people::{Channel, channel_by_handle};
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, params, row};

use super::{Kept, RestreamError, TARGETS_MAX};

static TARGET: Insert = Insert {
    table: "restream_target",
    columns: &[
        ("id", Type::Blob),
        ("channel", Type::Blob),
        ("name", Type::Text),
        ("sealed", Type::Blob),
        ("enabled", Type::Bool),
        ("created_at", Type::Int),
    ],
};

/// A channel, for its owner and nobody else.
pub(super) fn owned(db: &mut impl Read, handle: &str, by: PersonId) -> Result<Channel, RestreamError> {
    let channel = channel_by_handle(db, handle)?.ok_or(RestreamError::ChannelUnknown)?;
    if channel.owner != by {
        return Err(RestreamError::NotYours);
    }
    Ok(channel)
}

/// A channel's targets, the oldest first.
pub(super) fn of_channel(db: &mut impl Read, channel: ChannelId) -> Result<Vec<Kept>, StoreError> {
    let rows = db.rows(
        "SELECT id, channel, name, sealed, enabled, created_at FROM restream_target \
         WHERE channel = $1 ORDER BY created_at, id",
        params![channel],
    )?;
    rows.iter().map(read).collect()
}

/// One of a channel's.
pub(super) fn one(
    db: &mut impl Read,
    channel: ChannelId,
    id: RestreamTargetId,
) -> Result<Kept, RestreamError> {
    let row = db.row(
        "SELECT id, channel, name, sealed, enabled, created_at FROM restream_target \
         WHERE channel = $1 AND id = $2",
        params![channel, id],
    )?;
    Ok(read(&row.ok_or(RestreamError::TargetUnknown)?)?)
}

pub(super) fn add(tx: &mut Tx, target: &Kept) -> Result<(), RestreamError> {
    if of_channel(tx, target.channel)?.len() >= TARGETS_MAX {
        return Err(RestreamError::TooMany);
    }
    tx.insert(
        &TARGET,
        row![
            target.id,
            target.channel,
            &target.name,
            &target.sealed[..],
            target.enabled,
            target.created_at
        ],
    );
    Ok(())
}

pub(super) fn change(tx: &mut Tx, target: &Kept) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE restream_target SET name = $2, sealed = $3, enabled = $4 WHERE id = $1",
        params![target.id, &target.name, &target.sealed[..], target.enabled],
    )?;
    Ok(())
}

pub(super) fn remove(tx: &mut Tx, channel: ChannelId, id: RestreamTargetId) -> Result<(), RestreamError> {
    one(tx, channel, id)?;
    tx.execute("DELETE FROM restream_target WHERE id = $1", params![id])?;
    Ok(())
}

fn read(row: &Row) -> Result<Kept, StoreError> {
    Ok(Kept {
        id: row.get(0)?,
        channel: row.get(1)?,
        name: row.get(2)?,
        sealed: row.get(3)?,
        enabled: row.get(4)?,
        created_at: row.get(5)?,
    })
}
