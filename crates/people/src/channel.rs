//! A channel: the public face that goes live. A person gets a personal one at sign-up, under the same
//! handle, and may create [pages](crate::page).

use busk_base::{ChannelId, PersonId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Value, params, row};
use serde::{Deserialize, Serialize};

/// What a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// A person's own.
    Personal,
    /// A business, a venue, a teacher: it sells tickets.
    Page,
}

impl ChannelKind {
    pub(crate) fn code(self) -> &'static str {
        match self {
            ChannelKind::Personal => "personal",
            ChannelKind::Page => "page",
        }
    }

    fn parse(code: &str) -> Result<Self, StoreError> {
        match code {
            "personal" => Ok(ChannelKind::Personal),
            "page" => Ok(ChannelKind::Page),
            other => Err(StoreError::Broken(format!("a channel's kind is {other:?}"))),
        }
    }
}

/// In a batch, read by [`Tx::find`](busk_store::Tx::find); every change is [put](busk_store::Tx::put).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub id: ChannelId,
    pub owner: PersonId,
    pub kind: ChannelKind,
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

static CHANNEL: Insert = Insert {
    table: "channel",
    columns: &[
        ("id", Type::Blob),
        ("owner", Type::Blob),
        ("handle", Type::Text),
        ("name", Type::Text),
        ("about", Type::Text),
        ("created_at", Type::Int),
        ("kind", Type::Text),
    ],
};

impl Channel {
    pub(crate) fn add(&self, tx: &mut Tx, now: Timestamp) {
        tx.insert(
            &CHANNEL,
            row![
                self.id,
                self.owner,
                &self.handle,
                &self.name,
                &self.about,
                now,
                self.kind.code()
            ],
        );
        tx.put(self.id, self.clone());
    }
}

impl Entity for Channel {
    type Key = ChannelId;
    const SELECT: &'static str = "SELECT id, owner, handle, name, about, kind FROM channel WHERE id";
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
        kind: ChannelKind::parse(&row.get::<String>(5)?)?,
    })
}

pub fn channel(db: &mut impl Read, id: ChannelId) -> Result<Option<Channel>, StoreError> {
    let row = db.row(
        "SELECT id, owner, handle, name, about, kind FROM channel WHERE id = $1",
        params![id],
    )?;
    row.as_ref().map(read).transpose()
}

/// The person's personal channel.
pub fn channel_of(db: &mut impl Read, owner: PersonId) -> Result<Option<Channel>, StoreError> {
    let row = db.row(
        "SELECT id, owner, handle, name, about, kind FROM channel WHERE owner = $1 AND kind = 'personal'",
        params![owner],
    )?;
    row.as_ref().map(read).transpose()
}

/// Handles are stored in small letters; asked for in any. One whose owner's account is to be deleted is not found.
pub fn channel_by_handle(db: &mut impl Read, handle: &str) -> Result<Option<Channel>, StoreError> {
    let row = db.row(
        "SELECT id, owner, handle, name, about, kind FROM channel c WHERE handle = $1 \
         AND NOT EXISTS (SELECT 1 FROM person_deletion d WHERE d.person = c.owner)",
        params![handle.to_ascii_lowercase()],
    )?;
    row.as_ref().map(read).transpose()
}

/// A channel of the person's own: the one with this handle, else the personal one.
pub fn own_channel(
    db: &mut impl Read,
    owner: PersonId,
    handle: Option<&str>,
) -> Result<Option<Channel>, StoreError> {
    match handle {
        Some(handle) => Ok(channel_by_handle(db, handle)?.filter(|channel| channel.owner == owner)),
        None => channel_of(db, owner),
    }
}
