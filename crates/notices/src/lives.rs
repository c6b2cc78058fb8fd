//! A channel's lives that are announced for a time, as others' programs read them: a calendar and RSS. What is for some
//! only is in them, too: its title and time are on the site's front page anyway, and whoever may be in it is told there.

mod http;
mod ics;
mod rss;
#[cfg(test)]
mod tests;

use std::time::Duration;

use busk_base::{ChannelId, RoomId, Timestamp};
use busk_people::ChannelRef;
use busk_store::{Read, Row, StoreError, params};

pub(crate) use http::routes;
pub(crate) use rss::escaped;

/// In one calendar.
const LIVES_MAX: i64 = 100;
/// A live stays in the calendar for so long after its beginning: one that is late is still looked for.
const STAYS: Duration = Duration::from_secs(24 * 3_600);

/// A live that is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) room: RoomId,
    pub(crate) channel: ChannelRef,
    pub(crate) title: String,
    pub(crate) announced_at: Timestamp,
    pub(crate) starts_at: Timestamp,
}

/// What a channel has announced, the soonest first.
pub(crate) fn of_channel(
    db: &mut impl Read,
    channel: ChannelId,
    now: Timestamp,
) -> Result<Vec<Planned>, StoreError> {
    let rows = db.rows(
        "SELECT r.id, r.title, r.created_at, r.scheduled_at, c.id, c.handle, c.name \
         FROM room r JOIN channel c ON c.id = r.channel \
         WHERE r.channel = $1 AND r.state IN ('scheduled', 'lobby', 'live', 'interrupted') AND r.private = FALSE \
         AND r.scheduled_at > $2 ORDER BY r.scheduled_at, r.id LIMIT $3",
        params![channel, now - STAYS, LIVES_MAX],
    )?;
    rows.iter().map(planned).collect()
}

/// One live, as long as it is announced and not over.
pub(crate) fn one(db: &mut impl Read, room: RoomId) -> Result<Option<Planned>, StoreError> {
    let row = db.row(
        "SELECT r.id, r.title, r.created_at, r.scheduled_at, c.id, c.handle, c.name \
         FROM room r JOIN channel c ON c.id = r.channel \
         WHERE r.id = $1 AND r.state IN ('scheduled', 'lobby', 'live', 'interrupted') AND r.private = FALSE \
         AND r.scheduled_at IS NOT NULL",
        params![room],
    )?;
    row.as_ref().map(planned).transpose()
}

fn planned(row: &Row) -> Result<Planned, StoreError> {
    Ok(Planned {
        room: row.get(0)?,
        title: row.get(1)?,
        announced_at: row.get(2)?,
        starts_at: row.get(3)?,
        channel: ChannelRef {
            id: row.get(4)?,
            handle: row.get(5)?,
            name: row.get(6)?,
        },
    })
}
