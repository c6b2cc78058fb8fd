//! That a live began: looked for among the rooms that are on the air, and noted once.

use std::time::Duration;

use busk_base::{ChannelId, RoomId, Timestamp};
use busk_store::{Read, Reader, StoreError, Tx, params};

/// Between two lives of one channel that are told of: who goes off the air and comes back tells nobody twice.
pub(crate) const APART: Duration = Duration::from_secs(2 * 3_600);
/// A live that began longer ago is no news any more: it is told to nobody who was not yet.
pub(crate) const NEWS: Duration = Duration::from_secs(4 * 3_600);
/// Found at once; the others a second later.
const LIVES_MAX: i64 = 200;

/// A live that began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Began {
    pub(crate) room: RoomId,
    pub(crate) channel: ChannelId,
    pub(crate) at: Timestamp,
}

/// Lives on the air that nobody has noted yet.
pub(crate) fn unnoted(db: &mut Reader) -> Result<Vec<Began>, StoreError> {
    let rows = db.rows(
        "SELECT r.id, r.channel, r.started_at FROM room r LEFT JOIN notice_live n ON n.room = r.id \
         WHERE r.state <> 'ended' AND r.state IN ('live', 'interrupted') AND r.private = FALSE \
         AND r.started_at IS NOT NULL AND n.room IS NULL LIMIT $1",
        params![LIVES_MAX],
    )?;
    let began = rows.iter().map(|row| {
        Ok(Began {
            room: row.get(0)?,
            channel: row.get(1)?,
            at: row.get(2)?,
        })
    });
    began.collect()
}

/// Notes that a live began; whether it is told of. Whoever notes it second, another node, changes nothing.
pub(crate) fn note(tx: &mut Tx, live: &Began, now: Timestamp) -> Result<bool, StoreError> {
    let before = tx.row(
        "SELECT 1 FROM notice_live WHERE channel = $1 AND told AND at > $2 LIMIT 1",
        params![live.channel, live.at - APART],
    )?;
    let told = before.is_none() && now.since(live.at) < NEWS;
    let noted = tx.execute(
        "INSERT INTO notice_live (room, channel, at, told, through, spread) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (room) DO NOTHING",
        params![live.room, live.channel, live.at, told, Vec::<u8>::new(), !told],
    )?;
    Ok(told && noted > 0)
}

/// Forgets lives that are in nobody's list any more.
pub(crate) fn sweep(tx: &mut Tx, before: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM notice_live WHERE at < $1 AND spread \
         AND room NOT IN (SELECT id FROM room WHERE state IN ('live', 'interrupted'))",
        params![before],
    )?;
    Ok(())
}
