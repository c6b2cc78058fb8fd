//! What a creator earned: pending, available, redeemed; and every line of it, down to the transfers. Money that sales
//! bring waits in [`holds`].
//!
//! Invariant: diamonds become available in the order in which they came, each after the hold of the
//! policy that its gift was posted under, less what a lost dispute took of that gift; what is shown is read from the ledger, never kept beside it.

mod holds;
mod http;
mod statement;
#[cfg(test)]
mod tests;

use std::time::Duration;

use busk_base::{Amount, ChannelId, PostingId, RedemptionId, Timestamp};
use busk_ledger::policy::Policies;
use busk_ledger::{Cause, Leg, Line, PostError, Posting};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Value, params, row};

use crate::accounts::*;
use crate::disputes;
use crate::rules::Rules;
pub(crate) use holds::settle_debt;
pub use holds::{channels_waiting, money_due, next_money, release_money};
pub use http::routes;
pub(crate) use http::{ChannelQuery, StatementQuery};
pub use statement::{Progress, StatementLine, lines, lines_onward};

/// Lines looked at in one release; what is left comes with the next.
const RELEASE_MAX: i64 = 5_000;

/// When what an account got becomes available.
fn due(line: &Line, policies: &Policies) -> Timestamp {
    let hold = policies
        .version(line.policy)
        .map_or(0, |dated| dated.policy.gift_hold_s);
    line.at + Duration::from_secs(hold)
}

/// What came in and went out of a channel's pending diamonds after a transfer, oldest first; what came in less what
/// disputes took of it since.
fn came(db: &mut impl Read, channel: ChannelId, through: i64) -> Result<Vec<Line>, StoreError> {
    let taken = disputes::taken_of_pending(db, channel, through)?;
    let mut lines = busk_ledger::lines_after(db, &diamonds_pending(channel), through, RELEASE_MAX)?;
    for line in lines.iter_mut().filter(|line| line.amount > 0) {
        line.amount -= taken.get(&line.posting).copied().unwrap_or(0);
    }
    Ok(lines)
}

/// Channels that have diamonds pending.
pub fn channels_with_pending(db: &mut impl Read) -> Result<Vec<ChannelId>, StoreError> {
    let owners = busk_ledger::owners_with(db, DIAMONDS_PENDING)?;
    Ok(owners.into_iter().map(ChannelId).collect())
}

/// Makes available what has been held long enough. Gives how many diamonds.
pub fn release(
    tx: &mut Tx,
    channel: ChannelId,
    id: PostingId,
    rules: &Rules,
    now: Timestamp,
) -> Result<i64, PostError> {
    let policies = busk_ledger::policy::all(tx)?;
    let through = tx
        .row(
            "SELECT through FROM earnings_release WHERE channel = $1",
            params![channel],
        )?
        .map_or(Ok(0), |row| row.get(0))?;
    let came = came(tx, channel, through)?;
    // What went out is an earlier release, or was taken off its gift already, and is gone past.
    let ripe = came
        .iter()
        .take_while(|line| line.amount < 0 || due(line, &policies) <= now);
    let (diamonds, last) = ripe.fold((0, through), |(sum, _), line| {
        (sum + line.amount.max(0), line.transfer)
    });
    if diamonds > 0 {
        make_available(tx, channel, diamonds, id, rules, now)?;
    }
    // Also past gifts of which nothing is left.
    if last > through {
        tx.execute(
            "INSERT INTO earnings_release (channel, through) VALUES ($1, $2) \
             ON CONFLICT (channel) DO UPDATE SET through = excluded.through",
            params![channel, last],
        )?;
    }
    Ok(diamonds)
}

fn make_available(
    tx: &mut Tx,
    channel: ChannelId,
    diamonds: i64,
    id: PostingId,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), PostError> {
    let (pending, available) = (diamonds_pending(channel), diamonds_available(channel));
    let leg = Leg::Move {
        debit: pending,
        credit: available,
        amount: Amount::diamonds(diamonds),
    };
    let cause = Cause {
        kind: "release",
        id: channel.0,
    };
    let posting = Posting {
        id,
        cause,
        policy: rules.version,
        corrects: None,
        legs: vec![leg],
    };
    busk_ledger::post(tx, &posting, now).map(|_| ())
}

/// The next diamonds to become available: when the first do, and how many within a day of it.
pub fn next_release(db: &mut impl Read, channel: ChannelId) -> Result<Option<(Timestamp, i64)>, StoreError> {
    let policies = busk_ledger::policy::all(db)?;
    let through = db
        .row(
            "SELECT through FROM earnings_release WHERE channel = $1",
            params![channel],
        )?
        .map_or(Ok(0), |row| row.get(0))?;
    let waiting = came(db, channel, through)?;
    let came = || waiting.iter().filter(|line| line.amount > 0);
    let Some(first) = came().next().map(|line| due(line, &policies)) else {
        return Ok(None);
    };
    let day = first + Duration::from_secs(24 * 3_600);
    let sum = came()
        .filter(|line| due(line, &policies) <= day)
        .map(|line| line.amount)
        .sum();
    Ok(Some((first, sum)))
}

/// A creator wants money for diamonds.
#[derive(Clone, Debug)]
pub struct Redeem {
    /// Made by the client; permanent.
    pub id: RedemptionId,
    pub channel: ChannelId,
    pub diamonds: i64,
}

/// Why nothing was redeemed, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RedeemError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another redemption")]
    IdReused(RedemptionId),
    #[error("at least one diamond")]
    Count,
    #[error("fewer diamonds are available")]
    InsufficientFunds,
    #[error("the ledger refused: {0}")]
    Ledger(PostError),
}

/// What a redemption brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redeemed {
    pub id: RedemptionId,
    /// In the currency's minor unit.
    pub money: i64,
    pub again: bool,
}

/// Diamonds become money, at what the coins behind them cost (domain: redeem).
pub fn redeem(tx: &mut Tx, redeem: &Redeem, rules: &Rules, now: Timestamp) -> Result<Redeemed, RedeemError> {
    if let Some(past) = tx.find::<Redemption>(&redeem.id)? {
        let same = past.channel == redeem.channel && past.diamonds == redeem.diamonds;
        let done = Redeemed {
            id: redeem.id,
            money: past.money,
            again: true,
        };
        return if same {
            Ok(done)
        } else {
            Err(RedeemError::IdReused(redeem.id))
        };
    }
    let money = redeem.diamonds.checked_mul(rules.policy.coin_price_cents);
    let money = money.filter(|money| *money > 0).ok_or(RedeemError::Count)?;
    let (available, diamonds) = (
        diamonds_available(redeem.channel),
        Amount::diamonds(redeem.diamonds),
    );
    // Before the ledger, to which a number that no account can hold is an overflow, not a refusal.
    if busk_ledger::balance(tx, &available)? < redeem.diamonds {
        return Err(RedeemError::InsufficientFunds);
    }
    let posting = Posting {
        id: PostingId(redeem.id.0),
        cause: Cause {
            kind: "redeem",
            id: redeem.id.0,
        },
        policy: rules.version,
        corrects: None,
        legs: vec![
            Leg::Move {
                debit: available,
                credit: DIAMOND_REDEEMED,
                amount: diamonds,
            },
            Leg::Move {
                debit: DIAMOND_FLOAT,
                credit: earnings_available(redeem.channel),
                amount: Amount::money(money, CURRENCY),
            },
        ],
    };
    busk_ledger::post(tx, &posting, now).map_err(|error| match error {
        PostError::Store(error) => RedeemError::Store(error),
        PostError::InsufficientFunds(account) if account == available => RedeemError::InsufficientFunds,
        other => RedeemError::Ledger(other),
    })?;
    holds::settle_debt(tx, redeem.channel, posting.id, rules, now).map_err(|error| match error {
        PostError::Store(error) => RedeemError::Store(error),
        other => RedeemError::Ledger(other),
    })?;

    let row = Redemption {
        channel: redeem.channel,
        diamonds: redeem.diamonds,
        money,
    };
    tx.insert(
        &REDEMPTION,
        row![redeem.id, row.channel, row.diamonds, row.money, now],
    );
    tx.put::<Redemption>(redeem.id, row);
    Ok(Redeemed {
        id: redeem.id,
        money,
        again: false,
    })
}

static REDEMPTION: Insert = Insert {
    table: "earnings_redemption",
    columns: &[
        ("id", Type::Blob),
        ("channel", Type::Blob),
        ("diamonds", Type::Int),
        ("money", Type::Int),
        ("at", Type::Int),
    ],
};

#[derive(Clone)]
struct Redemption {
    channel: ChannelId,
    diamonds: i64,
    money: i64,
}

impl Entity for Redemption {
    type Key = RedemptionId;
    const SELECT: &'static str = "SELECT id, channel, diamonds, money FROM earnings_redemption WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &RedemptionId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(RedemptionId, Self), StoreError> {
        let redemption = Redemption {
            channel: row.get(1)?,
            diamonds: row.get(2)?,
            money: row.get(3)?,
        };
        Ok((row.get(0)?, redemption))
    }
}
