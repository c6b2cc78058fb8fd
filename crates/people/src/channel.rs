//! A channel: the public face that goes live. A person gets a personal one at sign-up, under the same
//! handle.

use busk_base::{ChannelId, PersonId};
use busk_store::{Entity, Read, Row, StoreError, Type, Value, params};
use serde::{Deserialize, Serialize};

/// In a batch, read by [`Tx::find`](busk_store::Tx::find); every change is [put](busk_store::Tx::put).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub id: ChannelId,
    pub owner: PersonId,
    pub handle: String,
    pub name: String,
    pub about: String,
}

/// A channel as others' answers name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChannelRef {
    pub id: ChannelId,
    pub handle: String,
    pub name: String,
}

impl From<&Channel> for ChannelRef {
    fn from(channel: &Channel) -> Self {
        Self {
            id: channel.id,
            handle: channel.handle.clone(),
            name: channel.name.clone(),
        }
    }
}

impl Entity for Channel {
    type Key = ChannelId;
    const SELECT: &'static str = "SELECT id, owner, handle, name, about FROM channel WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &ChannelId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(ChannelId, Self), StoreError> {
        let channel = read(row)?;
        Ok((channel.id, channel))
    }
}

fn read(row: &Row) -> Result<Channel, StoreError> {
    Ok(Channel {
        id: row.get(0)?,
        owner: row.get(1)?,
        handle: row.get(2)?,
        name: row.get(3)?,
        about: row.get(4)?,
    })
}

pub fn channel(db: &mut impl Read, id: ChannelId) -> Result<Option<Channel>, StoreError> {
    let row = db.row(
        "SELECT id, owner, handle, name, about FROM channel WHERE id = $1",
        params![id],
    )?;
    row.as_ref().map(read).transpose()
}

/// The person's own channel.
pub fn channel_of(db: &mut impl Read, owner: PersonId) -> Result<Option<Channel>, StoreError> {
    let row = db.row(
        "SELECT id, owner, handle, name, about FROM channel WHERE owner = $1 ORDER BY created_at, id LIMIT 1",
        params![owner],
    )?;
    row.as_ref().map(read).transpose()
}

/// Handles are stored in small letters; asked for in any.
pub fn channel_by_handle(db: &mut impl Read, handle: &str) -> Result<Option<Channel>, StoreError> {
    let row = db.row(
        "SELECT id, owner, handle, name, about FROM channel WHERE handle = $1",
        params![handle.to_ascii_lowercase()],
    )?;
    row.as_ref().map(read).transpose()
}
