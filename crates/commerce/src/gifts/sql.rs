//! Rows of gifts and of streaks.

use std::time::Duration;

use busk_base::{ChannelId, GiftId, PersonId, RoomId, Shares, StreakId, Timestamp};
use busk_rooms::event::Streak;
use busk_store::{Entity, Insert, Row, StoreError, Tx, Type, Update, Value, row};

use serde::{Deserialize, Serialize};

use super::{Bill, Receipt, SendGift};
use crate::accounts::{wallet, wallet_promotional};

/// A gift that was sent.
#[derive(Clone)]
pub(super) struct Gift {
    id: GiftId,
    room: RoomId,
    sender: PersonId,
    channel: ChannelId,
    kind: String,
    count: i64,
    total: i64,
    promotional: i64,
    diamonds: i64,
    streak: Option<Streak>,
}

static GIFT: Insert = Insert {
    table: "gift",
    columns: &[
        ("id", Type::Blob),
        ("room", Type::Blob),
        ("sender", Type::Blob),
        ("channel", Type::Blob),
        ("kind", Type::Text),
        ("count", Type::Int),
        ("total", Type::Int),
        ("promotional", Type::Int),
        ("diamonds", Type::Int),
        ("streak", Type::Blob),
        ("streak_count", Type::Int),
        ("at", Type::Int),
    ],
};

impl Gift {
    pub(super) fn new(gift: &SendGift, channel: ChannelId, bill: &Bill, streak: Option<Streak>) -> Self {
        Self {
            id: gift.id,
            room: gift.room,
            sender: gift.sender,
            channel,
            kind: gift.kind.clone(),
            count: gift.count,
            total: bill.total,
            promotional: bill.promotional,
            diamonds: bill.shares.creator,
            streak,
        }
    }

    /// Whether this is the gift that is asked for.
    pub(super) fn is(&self, gift: &SendGift) -> bool {
        self.room == gift.room
            && self.sender == gift.sender
            && self.kind == gift.kind
            && self.count == gift.count
    }

    pub(super) fn receipt(&self, tx: &mut Tx) -> Result<Receipt, StoreError> {
        let shares = Shares {
            creator: self.diamonds,
            platform: self.total - self.promotional - self.diamonds,
        };
        let coins = busk_ledger::balance(tx, &wallet(self.sender))?
            + busk_ledger::balance(tx, &wallet_promotional(self.sender))?;
        Ok(Receipt {
            gift: self.id,
            paid: self.total,
            coins,
            streak: self.streak,
            shares,
            again: true,
        })
    }

    pub(super) fn add(self, tx: &mut Tx, id: GiftId, now: Timestamp) {
        let Self {
            room,
            sender,
            channel,
            count,
            total,
            promotional,
            diamonds,
            streak,
            ..
        } = self;
        let (run, run_count) = (streak.map(|streak| streak.id), streak.map(|streak| streak.count));
        tx.insert(
            &GIFT,
            row![
                id,
                room,
                sender,
                channel,
                self.kind.as_str(),
                count,
                total,
                promotional,
                diamonds,
                run,
                run_count,
                now
            ],
        );
        tx.put::<Gift>(id, self);
    }
}

impl Entity for Gift {
    type Key = GiftId;
    const SELECT: &'static str = "SELECT id, room, sender, channel, kind, count, total, promotional, diamonds, streak, \
         streak_count FROM gift WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &GiftId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(GiftId, Self), StoreError> {
        let streak = match (row.get::<Option<StreakId>>(9)?, row.get::<Option<i64>>(10)?) {
            (Some(id), Some(count)) => Some(Streak { id, count }),
            _ => None,
        };
        let gift = Gift {
            id: row.get(0)?,
            room: row.get(1)?,
            sender: row.get(2)?,
            channel: row.get(3)?,
            kind: row.get(4)?,
            count: row.get(5)?,
            total: row.get(6)?,
            promotional: row.get(7)?,
            diamonds: row.get(8)?,
            streak,
        };
        Ok((gift.id, gift))
    }
}

/// A viewer's streaks that can still grow: a short list in one row, since only the last seconds count.
#[derive(Clone, Default)]
pub(crate) struct Runs(Vec<Run>);

/// A streak of one gift in one room.
#[derive(Clone, Serialize, Deserialize)]
struct Run {
    room: RoomId,
    kind: String,
    id: StreakId,
    count: i64,
    last_at_us: i64,
}

/// Streaks remembered of one viewer; the oldest are forgotten first.
const RUNS_MAX: usize = 12;

static NEW_RUNS: Insert = Insert {
    table: "gift_streak",
    columns: &[("sender", Type::Blob), ("runs", Type::Text)],
};

static RUNS: Update = Update {
    table: "gift_streak",
    columns: &[("sender", Type::Blob), ("runs", Type::Text)],
};

impl Runs {
    /// The streak that this gift carries on, if there is one that still can.
    pub(super) fn alive(&self, gift: &SendGift, window: Duration, now: Timestamp) -> Option<Streak> {
        let run = self
            .0
            .iter()
            .find(|run| run.is_of(gift) && run.is_alive(window, now))?;
        Some(Streak {
            id: run.id,
            count: run.count,
        })
    }

    /// Notes how far the gift's streak is, and forgets those that have ended.
    pub(super) fn note(
        tx: &mut Tx,
        gift: &SendGift,
        streak: Streak,
        window: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let known = tx.find::<Runs>(&gift.sender)?;
        let new = known.is_none();
        let Runs(mut runs) = known.unwrap_or_default();
        runs.retain(|run| run.is_alive(window, now) && !run.is_of(gift));
        if runs.len() == RUNS_MAX {
            runs.remove(0);
        }
        let (room, kind) = (gift.room, gift.kind.clone());
        runs.push(Run {
            room,
            kind,
            id: streak.id,
            count: streak.count,
            last_at_us: now.unix_us(),
        });
        Runs(runs).save(tx, gift.sender, new)
    }

    /// Takes a streak off its sender's list, so that no gift carries it on: unless one that is not counted yet has,
    /// which came after `last_at`. Whether it is off the list.
    pub(crate) fn seal(
        tx: &mut Tx,
        sender: PersonId,
        streak: StreakId,
        last_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(Runs(mut runs)) = tx.find::<Runs>(&sender)? else {
            return Ok(true);
        };
        let Some(place) = runs.iter().position(|run| run.id == streak) else {
            return Ok(true);
        };
        // The log tells times to the millisecond.
        if runs[place].last_at_us / 1_000 > last_at.unix_us() / 1_000 {
            return Ok(false);
        }
        runs.remove(place);
        Runs(runs).save(tx, sender, false)?;
        Ok(true)
    }

    fn save(self, tx: &mut Tx, sender: PersonId, new: bool) -> Result<(), StoreError> {
        let text = serde_json::to_string(&self.0).map_err(|e| StoreError::Broken(e.to_string()))?;
        if new {
            tx.insert(&NEW_RUNS, row![sender, text]);
        } else {
            tx.update(&RUNS, row![sender, text]);
        }
        tx.put::<Runs>(sender, self);
        Ok(())
    }
}

impl Run {
    fn is_of(&self, gift: &SendGift) -> bool {
        self.room == gift.room && self.kind == gift.kind
    }

    fn is_alive(&self, window: Duration, now: Timestamp) -> bool {
        now.since(Timestamp::from_unix_us(self.last_at_us)) <= window
    }
}

impl Entity for Runs {
    type Key = PersonId;
    const SELECT: &'static str = "SELECT sender, runs FROM gift_streak WHERE sender";
    const KEY: Type = Type::Blob;

    fn key(key: &PersonId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(PersonId, Self), StoreError> {
        let runs = serde_json::from_str(&row.get::<String>(1)?)
            .map_err(|e| StoreError::Broken(format!("streaks that cannot be read: {e}")))?;
        Ok((row.get(0)?, Runs(runs)))
    }
}
