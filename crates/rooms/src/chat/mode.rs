//! How a room's chat is run: slowly, for followers, for subscribers, with or without guests and links. The host and
//! the moderators say so, everybody is told, and the rules do not hold for those who make them.
//!
//! A raid's answer lies over the mode for a time and ends by itself: the mode under it stays as it was.

use std::time::Duration;

use busk_base::{RoomId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest wait between one's messages, in seconds.
pub const SLOW_S_MAX: u16 = 120;
/// The longest that somebody must have followed, in minutes: 90 days.
pub const FOLLOWERS_MIN_MAX: u32 = 90 * 24 * 60;
/// While a raid is answered: how long between one's messages, and how long one must have followed.
pub const RAID_SLOW_S: u16 = 30;
pub const RAID_FOLLOWERS_MIN: u32 = 10;

/// What becomes of links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Links {
    #[default]
    Allowed,
    /// They wait for a moderator.
    Held,
    Refused,
}

/// How a chat is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatMode {
    /// Between two messages of one person, in seconds; 0 is off.
    pub slow_s: u16,
    /// Only those who have followed the channel for so many minutes; null is off.
    pub followers_min: Option<u32>,
    /// Only the channel's subscribers.
    pub subscribers: bool,
    /// Whether people without an account may write.
    pub guests: bool,
    pub links: Links,
    /// Until then a raid is answered: at least 30 s between messages, and only who has followed for 10 minutes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub raid_until: Option<Timestamp>,
}

impl Default for ChatMode {
    fn default() -> Self {
        Self {
            slow_s: 0,
            followers_min: None,
            subscribers: false,
            guests: true,
            links: Links::Allowed,
            raid_until: None,
        }
    }
}

impl ChatMode {
    /// What holds at a time.
    pub fn at(mut self, now: Timestamp) -> Self {
        match self.raid_until {
            Some(until) if now < until => {
                self.slow_s = self.slow_s.max(RAID_SLOW_S);
                self.followers_min = Some(self.followers_min.unwrap_or(0).max(RAID_FOLLOWERS_MIN));
            }
            Some(_) => self.raid_until = None,
            None => {}
        }
        self
    }

    /// The field that is out of bounds, and why.
    pub fn out_of_bounds(&self) -> Option<(&'static str, String)> {
        if self.slow_s > SLOW_S_MAX {
            return Some(("slow_s", format!("must be 0 to {SLOW_S_MAX}")));
        }
        if self
            .followers_min
            .is_some_and(|minutes| minutes > FOLLOWERS_MIN_MAX)
        {
            return Some(("followers_min", format!("must be 0 to {FOLLOWERS_MIN_MAX}")));
        }
        None
    }

    /// How long somebody who follows since then, or not at all, must wait; none who may write.
    pub(super) fn wait_of_follower(
        &self,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Option<Duration>> {
        let needed = Duration::from_secs(u64::from(self.followers_min?) * 60);
        match since.map(|since| needed.saturating_sub(now.since(since))) {
            Some(Duration::ZERO) => None,
            wait => Some(wait),
        }
    }
}

/// A room's mode in a batch; a room without a row has the default.
#[derive(Clone)]
pub(super) struct ModeRow(ChatMode);

impl Entity for ModeRow {
    type Key = RoomId;
    const SELECT: &'static str = "SELECT room, body FROM room_chat WHERE room";
    const KEY: Type = Type::Blob;

    fn key(key: &RoomId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(RoomId, Self), StoreError> {
        Ok((row.get(0)?, Self(parsed(&row.get::<String>(1)?)?)))
    }
}

static NEW: Insert = Insert {
    table: "room_chat",
    columns: &[("room", Type::Blob), ("body", Type::Text)],
};

static CHANGE: Update = Update {
    table: "room_chat",
    columns: &[("room", Type::Blob), ("body", Type::Text)],
};

fn parsed(body: &str) -> Result<ChatMode, StoreError> {
    serde_json::from_str(body).map_err(|e| StoreError::Broken(format!("a mode that cannot be read: {e}")))
}

/// How a room's chat is run, in a batch.
pub fn find(tx: &mut Tx, room: RoomId) -> Result<ChatMode, StoreError> {
    Ok(tx.find::<ModeRow>(&room)?.map(|row| row.0).unwrap_or_default())
}

/// How a room's chat is run.
pub fn read(db: &mut impl Read, room: RoomId) -> Result<ChatMode, StoreError> {
    let row = db.row("SELECT body FROM room_chat WHERE room = $1", params![room])?;
    row.map_or_else(|| Ok(ChatMode::default()), |row| parsed(&row.get::<String>(0)?))
}

pub(crate) fn keep(tx: &mut Tx, room: RoomId, mode: ChatMode) -> Result<(), StoreError> {
    let body = serde_json::to_string(&mode).map_err(|e| StoreError::Broken(e.to_string()))?;
    if tx.find::<ModeRow>(&room)?.is_some() {
        tx.update(&CHANGE, row![room, body]);
    } else {
        tx.insert(&NEW, row![room, body]);
    }
    tx.put::<ModeRow>(room, ModeRow(mode));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_us(second * 1_000_000)
    }

    #[test]
    fn a_raids_answer_lies_over_the_mode_and_ends() {
        let mode = ChatMode {
            slow_s: 5,
            raid_until: Some(at(600)),
            ..ChatMode::default()
        };
        let during = mode.at(at(599));
        assert_eq!((during.slow_s, during.followers_min), (30, Some(10)));
        let after = mode.at(at(600));
        assert_eq!(
            (after.slow_s, after.followers_min, after.raid_until),
            (5, None, None)
        );
        let stricter = ChatMode {
            slow_s: 60,
            followers_min: Some(60),
            ..mode
        };
        let during = stricter.at(at(0));
        assert_eq!((during.slow_s, during.followers_min), (60, Some(60)));
    }

    #[test]
    fn followers_wait_for_what_is_missing() {
        let mode = ChatMode {
            followers_min: Some(10),
            ..ChatMode::default()
        };
        assert_eq!(mode.wait_of_follower(None, at(0)), Some(None));
        assert_eq!(
            mode.wait_of_follower(Some(at(0)), at(590)),
            Some(Some(Duration::from_secs(10)))
        );
        assert_eq!(mode.wait_of_follower(Some(at(0)), at(600)), None);
        let any = ChatMode {
            followers_min: Some(0),
            ..mode
        };
        assert_eq!(any.wait_of_follower(Some(at(0)), at(0)), None);
        assert_eq!(ChatMode::default().wait_of_follower(None, at(0)), None);
    }
}
