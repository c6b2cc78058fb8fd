//! A stream key: what lets a program such as OBS publish to a channel without its owner's session.
//! Shown once; a new one ends the old.

mod http;

use busk_base::{ChannelId, Timestamp};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};

use crate::{Channel, Shut, channel, secret};

pub(crate) use http::routes;

/// Makes a leaked key easy to find in logs and repositories.
const PREFIX: &str = "busk_";

static STREAM_KEY: Insert = Insert {
    table: "stream_key",
    columns: &[
        ("channel", Type::Blob),
        ("key_hash", Type::Blob),
        ("created_at", Type::Int),
    ],
};

/// A new key.
pub fn key(secret: [u8; 32]) -> String {
    format!("{PREFIX}{}", secret::text(secret))
}

/// Makes `key` the channel's only one.
pub fn rotate(tx: &mut Tx, channel: ChannelId, key: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("DELETE FROM stream_key WHERE channel = $1", params![channel])?;
    tx.insert(&STREAM_KEY, row![channel, secret::hash(key).as_slice(), now]);
    Ok(())
}

/// When the channel's key was made, if it has one.
pub fn created_at(db: &mut impl Read, channel: ChannelId) -> Result<Option<Timestamp>, StoreError> {
    let row = db.row(
        "SELECT created_at FROM stream_key WHERE channel = $1",
        params![channel],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// Whose key it is; nobody's while its owner's account is shut.
pub fn owner(db: &mut impl Read, key: &str, now: Timestamp) -> Result<Option<Channel>, StoreError> {
    if !key.starts_with(PREFIX) {
        return Ok(None);
    }
    let row = db.row(
        "SELECT channel FROM stream_key WHERE key_hash = $1",
        params![secret::hash(key).as_slice()],
    )?;
    let found = match row {
        Some(row) => channel(db, row.get(0)?)?,
        None => None,
    };
    match found {
        Some(found) if Shut::of(db, found.owner, now)?.is_shut() => Ok(None),
        found => Ok(found),
    }
}
