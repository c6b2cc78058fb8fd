//! Rows of gifts and of streaks.

use busk_base::{ChannelId, GiftId, PersonId, RoomId, Shares, StreakId, Timestamp};
use busk_rooms::event::Streak;
use busk_store::{Entity, Insert, Row, StoreError, Tx, Type, Update, Value, row};

use super::{Bill, Receipt, SendGift};
use crate::accounts::wallet;

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
            platform: self.total - self.diamonds,
        };
        let coins = busk_ledger::balance(tx, &wallet(self.sender))?;
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
    const SELECT: &'static str = "SELECT id, room, sender, channel, kind, count, total, diamonds, streak, streak_count \
         FROM gift WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &GiftId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(GiftId, Self), StoreError> {
        let streak = match (row.get::<Option<StreakId>>(8)?, row.get::<Option<i64>>(9)?) {
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
            diamonds: row.get(7)?,
            streak,
        };
        Ok((gift.id, gift))
    }
}

/// A viewer's last streak of a gift in a room.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) id: StreakId,
    pub(super) count: i64,
    pub(super) last_at: Timestamp,
}

/// Room, sender and kind, end to end.
pub(super) fn run_key(gift: &SendGift) -> Vec<u8> {
    [
        gift.room.as_bytes().as_slice(),
        gift.sender.as_bytes(),
        gift.kind.as_bytes(),
    ]
    .concat()
}

static NEW_RUN: Insert = Insert {
    table: "gift_streak",
    columns: &[
        ("key", Type::Blob),
        ("id", Type::Blob),
        ("count", Type::Int),
        ("last_at", Type::Int),
    ],
};

static RUN: Update = Update {
    table: "gift_streak",
    columns: &[
        ("key", Type::Blob),
        ("id", Type::Blob),
        ("count", Type::Int),
        ("last_at", Type::Int),
    ],
};

impl Run {
    pub(super) fn save(self, tx: &mut Tx, gift: &SendGift) -> Result<(), StoreError> {
        let key = run_key(gift);
        let row = row![key.clone(), self.id, self.count, self.last_at];
        match tx.find::<Run>(&key)? {
            Some(_) => tx.update(&RUN, row),
            None => tx.insert(&NEW_RUN, row),
        }
        tx.put::<Run>(key, self);
        Ok(())
    }
}

impl Entity for Run {
    type Key = Vec<u8>;
    const SELECT: &'static str = "SELECT key, id, count, last_at FROM gift_streak WHERE key";
    const KEY: Type = Type::Blob;

    fn key(key: &Vec<u8>) -> Value {
        Value::Blob(key.clone())
    }

    fn read(row: &Row) -> Result<(Vec<u8>, Self), StoreError> {
        Ok((
            row.get(0)?,
            Run {
                id: row.get(1)?,
                count: row.get(2)?,
                last_at: row.get(3)?,
            },
        ))
    }
}
