//! Following a channel: free, and public as a number only.
//!
//! Invariant: a person follows a channel at most once, since a time; the channel's count is of exactly those rows.

mod http;
#[cfg(test)]
mod tests;

use busk_base::{ChannelId, JobId, PersonId, Timestamp};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};

use crate::{Channel, Person, block, channel};

pub(crate) use http::routes;

/// Tells of somebody who follows, or does no more, in the same transaction. Rooms and webhooks are above this crate; the
/// server passes it.
#[derive(Clone, Copy)]
pub struct Told {
    /// From now on.
    pub followed: fn(&mut Tx, &Channel, &Person, Timestamp) -> Result<(), StoreError>,
    /// No more; the job shows them out of where only followers are.
    pub unfollowed: fn(&mut Tx, &Channel, PersonId, JobId, Timestamp) -> Result<(), StoreError>,
}

/// Channels that one person may follow.
pub const FOLLOWS_MAX: i64 = 5_000;

/// Why nothing is followed, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such channel")]
    ChannelUnknown,
    #[error("nobody follows themselves")]
    Yourself,
    #[error("the channel's owner has blocked you")]
    Blocked,
    #[error("at most {FOLLOWS_MAX} channels can be followed")]
    TooMany,
}

/// Follows a channel; gives since when. Once more is no error and changes nothing.
pub fn follow(
    tx: &mut Tx,
    channel: &Channel,
    person: PersonId,
    now: Timestamp,
) -> Result<Timestamp, FollowError> {
    if channel.owner == person {
        return Err(FollowError::Yourself);
    }
    if let Some(since) = since(tx, channel.id, person)? {
        return Ok(since);
    }
    if block::has_blocked(tx, channel.owner, person)? {
        return Err(FollowError::Blocked);
    }
    let count = tx.row(
        "SELECT COUNT(*) FROM channel_follow WHERE person = $1",
        params![person],
    )?;
    if count.map_or(Ok(0), |row| row.get::<i64>(0))? >= FOLLOWS_MAX {
        return Err(FollowError::TooMany);
    }

    tx.insert(&FOLLOW, row![channel.id, person, now]);
    tx.execute(
        "INSERT INTO channel_followers (channel, followers) VALUES ($1, 1) \
         ON CONFLICT (channel) DO UPDATE SET followers = channel_followers.followers + 1",
        params![channel.id],
    )?;
    Ok(now)
}

/// Follows a channel no more; whether they did.
pub fn unfollow(tx: &mut Tx, channel: ChannelId, person: PersonId) -> Result<bool, StoreError> {
    let gone = tx.execute(
        "DELETE FROM channel_follow WHERE channel = $1 AND person = $2",
        params![channel, person],
    )?;
    if gone > 0 {
        tx.execute(
            "UPDATE channel_followers SET followers = followers - 1 WHERE channel = $1",
            params![channel],
        )?;
    }
    Ok(gone > 0)
}

/// Since when a person follows a channel.
pub fn since(
    db: &mut impl Read,
    channel: ChannelId,
    person: PersonId,
) -> Result<Option<Timestamp>, StoreError> {
    let row = db.row(
        "SELECT since FROM channel_follow WHERE channel = $1 AND person = $2",
        params![channel, person],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// How many follow a channel.
pub fn followers(db: &mut impl Read, channel: ChannelId) -> Result<i64, StoreError> {
    let row = db.row(
        "SELECT followers FROM channel_followers WHERE channel = $1",
        params![channel],
    )?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// Channels that a person follows and that are to be found, the latest first, from those followed before a time on.
pub fn followed_by(
    db: &mut impl Read,
    person: PersonId,
    before: Option<Timestamp>,
    max: i64,
) -> Result<Vec<(Channel, Timestamp)>, StoreError> {
    let before = before.unwrap_or(Timestamp::from_unix_us(i64::MAX));
    let rows = db.rows(
        "SELECT f.channel, f.since FROM channel_follow f JOIN channel c ON c.id = f.channel \
         WHERE f.person = $1 AND f.since < $2 \
         AND NOT EXISTS (SELECT 1 FROM person_deletion d WHERE d.person = c.owner) ORDER BY f.since DESC LIMIT $3",
        params![person, before, max],
    )?;
    let mut followed = Vec::with_capacity(rows.len());
    for row in rows {
        let since: Timestamp = row.get(1)?;
        followed.extend(channel(db, row.get(0)?)?.map(|channel| (channel, since)));
    }
    Ok(followed)
}

static FOLLOW: Insert = Insert {
    table: "channel_follow",
    columns: &[
        ("channel", Type::Blob),
        ("person", Type::Blob),
        ("since", Type::Int),
    ],
};
