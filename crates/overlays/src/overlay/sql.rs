use busk_base::{ChannelId, OverlayId, Timestamp};
use busk_store::{Read, Row, StoreError, Tx, params};

use super::{Kind, Overlay};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, channel, kind, look, secret_at, version FROM overlay ",
            $rest
        )
    };
}

pub(super) fn of_channel(db: &mut impl Read, channel: ChannelId) -> Result<Vec<Overlay>, StoreError> {
    let rows = db.rows(select!("WHERE channel = $1"), params![channel])?;
    rows.iter().map(read).collect()
}

/// A channel's overlay; a new row, under this id, where there is none.
pub(super) fn kept(
    tx: &mut Tx,
    channel: ChannelId,
    kind: Kind,
    id: OverlayId,
) -> Result<Overlay, StoreError> {
    let row = tx.row(
        select!("WHERE channel = $1 AND kind = $2"),
        params![channel, kind.word()],
    )?;
    if let Some(row) = row {
        return read(&row);
    }
    let overlay = Overlay::plain(id, channel, kind);
    tx.execute(
        "INSERT INTO overlay (id, channel, kind, look, version) VALUES ($1, $2, $3, $4, $5)",
        params![id, channel, kind.word(), json(&overlay)?, overlay.version],
    )?;
    Ok(overlay)
}

pub(super) fn save(tx: &mut Tx, overlay: &Overlay) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE overlay SET look = $2, version = $3 WHERE id = $1",
        params![overlay.id, json(overlay)?, overlay.version],
    )?;
    Ok(())
}

pub(super) fn set_secret(
    tx: &mut Tx,
    id: OverlayId,
    secret: Option<(&[u8; 32], Timestamp)>,
) -> Result<(), StoreError> {
    let (hash, at) = secret.unzip();
    tx.execute(
        "UPDATE overlay SET secret_hash = $2, secret_at = $3 WHERE id = $1",
        params![id, hash.map(|hash| hash.to_vec()), at],
    )?;
    Ok(())
}

pub(super) fn by_hash(db: &mut impl Read, hash: &[u8; 32]) -> Result<Option<Overlay>, StoreError> {
    let row = db.row(select!("WHERE secret_hash = $1"), params![&hash[..]])?;
    row.as_ref().map(read).transpose()
}

/// The versions that hold now.
pub(crate) fn versions(
    db: &mut impl Read,
    ids: &[OverlayId],
) -> Result<Vec<(OverlayId, Option<i64>)>, StoreError> {
    let one = |id: &OverlayId| {
        let row = db.row("SELECT version FROM overlay WHERE id = $1", params![*id])?;
        Ok((*id, row.map(|row| row.get(0)).transpose()?))
    };
    ids.iter().map(one).collect()
}

fn json(overlay: &Overlay) -> Result<String, StoreError> {
    serde_json::to_string(&overlay.look).map_err(|error| StoreError::Broken(error.to_string()))
}

fn read(row: &Row) -> Result<Overlay, StoreError> {
    let broken = |error: serde_json::Error| StoreError::Broken(format!("an overlay's look: {error}"));
    Ok(Overlay {
        id: row.get(0)?,
        channel: row.get(1)?,
        kind: Kind::parse(&row.get::<String>(2)?)?,
        look: serde_json::from_str(&row.get::<String>(3)?).map_err(broken)?,
        secret_at: row.get(4)?,
        version: row.get(5)?,
    })
}
