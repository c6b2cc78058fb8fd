//! Rows of emotes: what a channel has is read and written as a whole, its pictures are beside it.

use busk_base::{ChannelId, EmoteId};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::Emote;
use super::picture::Pictures;

/// The tables of emotes.
pub(crate) const EMOTES: &str = "
CREATE TABLE channel_emotes (channel BYTEA PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE emote_picture (
    emote BYTEA NOT NULL,
    size BIGINT NOT NULL,
    png BYTEA NOT NULL,
    PRIMARY KEY (emote, size)
);
";

/// What a channel has, the oldest first.
#[derive(Clone, Default)]
pub(super) struct List(pub(super) Vec<Emote>);

static NEW: Insert = Insert {
    table: "channel_emotes",
    columns: &[("channel", Type::Blob), ("body", Type::Text)],
};

static CHANGE: Update = Update {
    table: "channel_emotes",
    columns: &[("channel", Type::Blob), ("body", Type::Text)],
};

fn parsed(body: &str) -> Result<Vec<Emote>, StoreError> {
    serde_json::from_str(body).map_err(|e| StoreError::Broken(format!("emotes that cannot be read: {e}")))
}

impl List {
    pub(super) fn save(self, tx: &mut Tx, channel: ChannelId) -> Result<(), StoreError> {
        let body = serde_json::to_string(&self.0).map_err(|e| StoreError::Broken(e.to_string()))?;
        if tx.find::<List>(&channel)?.is_some() {
            tx.update(&CHANGE, row![channel, body]);
        } else {
            tx.insert(&NEW, row![channel, body]);
        }
        tx.put::<List>(channel, self);
        Ok(())
    }
}

impl Entity for List {
    type Key = ChannelId;
    const SELECT: &'static str = "SELECT channel, body FROM channel_emotes WHERE channel";
    const KEY: Type = Type::Blob;

    fn key(key: &ChannelId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(ChannelId, Self), StoreError> {
        Ok((row.get(0)?, Self(parsed(&row.get::<String>(1)?)?)))
    }
}

/// A channel's emotes, for a reader.
pub(super) fn emotes(db: &mut impl Read, channel: ChannelId) -> Result<Vec<Emote>, StoreError> {
    let row = db.row(
        "SELECT body FROM channel_emotes WHERE channel = $1",
        params![channel],
    )?;
    row.map_or_else(|| Ok(Vec::new()), |row| parsed(&row.get::<String>(0)?))
}

pub(super) fn add_pictures(tx: &mut Tx, emote: EmoteId, pictures: &Pictures) -> Result<(), StoreError> {
    for (size, png) in &pictures.0 {
        tx.execute(
            "INSERT INTO emote_picture (emote, size, png) VALUES ($1, $2, $3)",
            params![emote, i64::from(*size), png.clone()],
        )?;
    }
    Ok(())
}

pub(super) fn remove_pictures(tx: &mut Tx, emote: EmoteId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM emote_picture WHERE emote = $1", params![emote])?;
    Ok(())
}

pub(super) fn picture(db: &mut impl Read, emote: EmoteId, size: u32) -> Result<Option<Vec<u8>>, StoreError> {
    let row = db.row(
        "SELECT png FROM emote_picture WHERE emote = $1 AND size = $2",
        params![emote, i64::from(size)],
    )?;
    row.map(|row| row.get(0)).transpose()
}
