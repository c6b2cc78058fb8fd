//! A viewer sends a gift. Read `send` downward; nothing else happens.
//!
//! Invariant: one [`GiftId`] moves coins at most once; the posting, the gift's row and the room's event
//! commit together or not at all.

pub mod catalogue;
mod http;
mod sql;
#[cfg(test)]
mod tests;

use std::time::Duration;

use busk_base::{Amount, ChannelId, GiftId, PersonId, PostingId, RoomId, Shares, StreakId, Timestamp, split};
use busk_ledger::{Cause, Leg, PostError, Posting};
use busk_rooms::event::Streak;
use busk_rooms::{Access, Room, Speaker, What, access, board};
use busk_store::{Ahead, StoreError, Tx};

use crate::accounts::*;
use crate::rules::Rules;
use crate::tally;
use catalogue::Kind;
pub use http::routes;
use sql::Gift;
pub(crate) use sql::Runs;

pub const COUNT_MAX: i64 = 999;

/// A gift, as its sender asks for it.
#[derive(Clone, Debug)]
pub struct SendGift {
    /// Made by the client; permanent.
    pub id: GiftId,
    pub room: RoomId,
    pub sender: PersonId,
    /// The sender as others see them.
    pub from: Speaker,
    /// A code of the catalogue.
    pub kind: String,
    pub count: i64,
    /// The id of the streak, if this gift begins one.
    pub streak: StreakId,
}

/// What the sender is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    pub gift: GiftId,
    /// In coins.
    pub paid: i64,
    /// The sender's coins after it.
    pub coins: i64,
    pub streak: Option<Streak>,
    pub shares: Shares,
    /// Whether it had been sent before.
    pub again: bool,
}

/// Why no gift was sent, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendGiftError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another gift")]
    IdReused(GiftId),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("the room is not live")]
    RoomNotLive,
    #[error("the sender may not be in the room")]
    Barred(Access),
    #[error("there is no such gift")]
    KindUnknown,
    #[error("a gift is sent 1 to {COUNT_MAX} times")]
    Count,
    #[error("nobody gives to themselves")]
    SelfGift,
    #[error("not enough coins: {total} needed")]
    InsufficientFunds { total: i64 },
    /// The books do not hold what they must: a bug, not a refusal.
    #[error("the ledger refused: {0}")]
    Ledger(PostError),
}

/// Names the rows that sending will want.
pub fn ahead(ahead: &mut Ahead, gift: &SendGift) {
    ahead.want::<Gift>(gift.id);
    ahead.want::<Runs>(gift.sender);
    access::ahead(ahead, gift.room, gift.sender);
    board::ahead(ahead, gift.room, gift.sender.0);
    tally::ahead(ahead, gift.room);
    let platform = [
        COIN_SPENT,
        DIAMOND_ISSUED,
        COIN_FLOAT,
        DIAMOND_FLOAT,
        PLATFORM_REVENUE,
    ];
    busk_ledger::ahead(ahead, PostingId(gift.id.0), &platform);
    let own = [wallet(gift.sender), wallet_promotional(gift.sender)];
    busk_ledger::ahead(ahead, PostingId(gift.id.0), &own);
    if let Some(room) = ahead.want::<Room>(gift.room) {
        busk_ledger::ahead(ahead, PostingId(gift.id.0), &[diamonds_pending(room.channel)]);
    }
}

pub fn send(tx: &mut Tx, gift: &SendGift, rules: &Rules, now: Timestamp) -> Result<Receipt, SendGiftError> {
    // First, so that a retry beats every later refusal.
    if let Some(past) = tx.find::<Gift>(&gift.id)? {
        return if past.is(gift) {
            Ok(past.receipt(tx)?)
        } else {
            Err(SendGiftError::IdReused(gift.id))
        };
    }
    let room = tx.find::<Room>(&gift.room)?.filter(|room| !room.private);
    let room = room.ok_or(SendGiftError::RoomUnknown)?;
    if !room.state.is_on_air() {
        return Err(SendGiftError::RoomNotLive);
    }
    if let Some(access) = access::bars(tx, &room, gift.sender, now)? {
        return Err(SendGiftError::Barred(access));
    }
    let kind = catalogue::find(&gift.kind).ok_or(SendGiftError::KindUnknown)?;
    if !(1..=COUNT_MAX).contains(&gift.count) {
        return Err(SendGiftError::Count);
    }
    if gift.sender == room.host {
        return Err(SendGiftError::SelfGift);
    }
    let promotional = busk_ledger::balance(tx, &wallet_promotional(gift.sender))?;
    let bill = Bill::new(gift, kind, room.channel, promotional, rules);
    let streak = streak(tx, gift, kind, rules, now)?;
    busk_ledger::post(tx, &bill.posting(gift, rules), now).map_err(|error| refused(error, gift, &bill))?;

    // After this line nothing refuses; a database error rolls all of it back.
    let row = Gift::new(gift, room.channel, &bill, streak);
    row.clone().add(tx, gift.id, now);
    if let Some(streak) = streak {
        Runs::note(tx, gift, streak, window(rules), now)?;
    }
    let what = What::Gift {
        id: gift.id,
        from: board::adorned(tx, room.id, &gift.from, now)?,
        kind: kind.code.to_owned(),
        count: gift.count,
        price: kind.price,
        total: bill.total,
        streak,
    };
    busk_rooms::log::append(tx, room.id, what, now)?;
    tally::wake(tx, room.id)?;
    Ok(Receipt {
        again: false,
        ..row.receipt(tx)?
    })
}

fn refused(error: PostError, gift: &SendGift, bill: &Bill) -> SendGiftError {
    match error {
        PostError::Store(error) => SendGiftError::Store(error),
        PostError::InsufficientFunds(account) if account == wallet(gift.sender) => {
            SendGiftError::InsufficientFunds { total: bill.total }
        }
        other => SendGiftError::Ledger(other),
    }
}

/// What a gift costs and who gets what of it.
struct Bill {
    channel: ChannelId,
    total: i64,
    /// What of the total is promotional coins: nobody gets anything of them.
    promotional: i64,
    /// Of the rest, in coins, and so in diamonds: a diamond is worth what a coin cost.
    shares: Shares,
    cents_per_coin: i64,
}

impl Bill {
    /// Of a sender who has so many promotional coins.
    fn new(gift: &SendGift, kind: &Kind, channel: ChannelId, promotional: i64, rules: &Rules) -> Self {
        let total = kind.price * gift.count;
        let promotional = promotional.min(total);
        let shares = split(total - promotional, rules.policy.gift_share_percent);
        Self {
            channel,
            total,
            promotional,
            shares,
            cents_per_coin: rules.policy.coin_price_cents,
        }
    }

    /// Coins are spent, diamonds are earned, and the money behind them follows (domain: gift).
    fn posting(&self, gift: &SendGift, rules: &Rules) -> Posting {
        let money = |coins: i64| Amount::money(coins * self.cents_per_coin, CURRENCY);
        let (creator, platform) = (self.shares.creator, self.shares.platform);
        let pending = diamonds_pending(self.channel);
        let paid = Amount::coins(self.total - self.promotional);
        let promotional = Amount::coins(self.promotional);
        let legs = [
            (wallet_promotional(gift.sender), COIN_SPENT, promotional),
            (wallet(gift.sender), COIN_SPENT, paid),
            (DIAMOND_ISSUED, pending, Amount::diamonds(creator)),
            (COIN_FLOAT, DIAMOND_FLOAT, money(creator)),
            (COIN_FLOAT, PLATFORM_REVENUE, money(platform)),
        ];
        Posting {
            id: PostingId(gift.id.0),
            cause: Cause {
                kind: "gift",
                id: gift.id.0,
            },
            policy: rules.version,
            corrects: None,
            legs: Leg::moves(legs),
        }
    }
}

/// The streak that this gift begins or carries on (as on TikTok): same gift, same viewer, in time.
fn streak(
    tx: &mut Tx,
    gift: &SendGift,
    kind: &Kind,
    rules: &Rules,
    now: Timestamp,
) -> Result<Option<Streak>, StoreError> {
    if !kind.streakable(&rules.policy) {
        return Ok(None);
    }
    let runs = tx.find::<Runs>(&gift.sender)?.unwrap_or_default();
    let alive = runs.alive(gift, window(rules), now);
    Ok(Some(match alive {
        Some(streak) => Streak {
            id: streak.id,
            count: streak.count + gift.count,
        },
        None => Streak {
            id: gift.streak,
            count: gift.count,
        },
    }))
}

/// The same gift within this time counts up.
pub(crate) fn window(rules: &Rules) -> Duration {
    Duration::from_millis(rules.policy.streak_window_ms)
}
