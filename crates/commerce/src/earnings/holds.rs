//! Money's holds: what badges, tickets and subscriptions brought is pending until the hold of its kind is over, in
//! the policy that its delivery was posted under. A part of it may then be kept back for a while longer.
//!
//! Invariant: what is still held stays. Pending never goes below what the sales still in their hold brought, each
//! less what was given back of it; so nothing is early, whatever was taken in between, and however the clock jumps.
//! All of it is read from the ledger; what is kept beside it is only where to begin to read.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use busk_base::{ChannelId, Policy, PolicyVersion, PostingId, Timestamp, split};
use busk_ledger::policy::Policies;
use busk_ledger::{AccountRef, Cause, Line, PostError, Posting};
use busk_store::{Read, StoreError, Tx, params};
use uuid::Uuid;

use crate::accounts::*;
use crate::payments::Order;
use crate::rules::Rules;
use crate::sales::{following, money_moves};

/// What the ledger calls a release of money.
pub(crate) const RELEASE: &str = "money_release";
/// Lines read at a time. In all, as many as a channel has sold within its longest hold.
const PAGE: i64 = 5_000;
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// An account that money waits in.
#[derive(Clone, Copy)]
enum Waiting {
    Pending,
    Reserve,
}

impl Waiting {
    fn account(self, channel: ChannelId) -> AccountRef {
        match self {
            Waiting::Pending => earnings_pending(channel),
            Waiting::Reserve => earnings_reserve(channel),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Waiting::Pending => "pending",
            Waiting::Reserve => "reserve",
        }
    }

    /// When what came in by this line is no longer held.
    fn due(self, line: &Line, policies: &Policies) -> Timestamp {
        let hold = |policy: &Policy| match self {
            Waiting::Pending => hold_of(&line.cause, policy),
            Waiting::Reserve => policy.reserve_hold_s,
        };
        let version: PolicyVersion = line.policy;
        let hold = policies.version(version).map_or(0, |dated| hold(&dated.policy));
        line.at + Duration::from_secs(hold)
    }
}

/// How long money of a kind is held, in seconds; what is no kind of sale, as the longest.
fn hold_of(cause: &str, policy: &Policy) -> u64 {
    let holds = [
        (Order::Badge, policy.badge_hold_s),
        (Order::Ticket, policy.ticket_hold_s),
        (Order::Subscription, policy.subscription_hold_s),
        (Order::GiftedSubscription, policy.subscription_hold_s),
    ];
    let known = holds.iter().find(|(order, _)| order.word() == cause);
    let longest = holds.iter().map(|(_, hold)| *hold).max().unwrap_or(0);
    known.map_or(longest, |(_, hold)| *hold)
}

/// What of an account is held at a moment.
struct Held {
    /// When what is held is free, and how much of it.
    lots: Vec<(Timestamp, i64)>,
    /// Up to this transfer nothing is held.
    through: i64,
}

impl Held {
    fn sum(&self) -> i64 {
        self.lots.iter().map(|(_, amount)| amount).sum()
    }

    fn read(
        db: &mut impl Read,
        channel: ChannelId,
        waiting: Waiting,
        policies: &Policies,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let account = waiting.account(channel);
        let mut through = began_after(db, channel, waiting)?;
        let (mut seen, mut free_so_far) = (through, true);
        let mut brought: HashMap<Uuid, Vec<(Timestamp, i64)>> = HashMap::new();
        loop {
            let lines = busk_ledger::lines_after(db, &account, seen, PAGE)?;
            for line in &lines {
                let due = waiting.due(line, policies);
                free_so_far &= line.amount < 0 || due <= now;
                if free_so_far {
                    through = line.transfer;
                }
                let of = line.corrects.map_or(line.cause_id, |sale| sale.0);
                if line.amount > 0 {
                    brought.entry(of).or_default().push((due, line.amount));
                } else if line.cause != RELEASE {
                    give_back(brought.get_mut(&of), -line.amount);
                }
                seen = line.transfer;
            }
            if (lines.len() as i64) < PAGE {
                break;
            }
        }
        let lots = brought.into_values().flatten();
        let lots = lots.filter(|(due, amount)| *due > now && *amount > 0).collect();
        Ok(Self { lots, through })
    }
}

/// Takes from what a sale brought, what is free first; more than that came from others, which stay held.
fn give_back(brought: Option<&mut Vec<(Timestamp, i64)>>, amount: i64) {
    let Some(lots) = brought else { return };
    lots.sort_by_key(|(due, _)| *due);
    let mut left = amount;
    for (_, lot) in lots {
        let taken = left.min(*lot);
        *lot -= taken;
        left -= taken;
    }
}

fn began_after(db: &mut impl Read, channel: ChannelId, waiting: Waiting) -> Result<i64, StoreError> {
    let row = db.row(
        "SELECT through FROM money_release WHERE channel = $1 AND account = $2",
        params![channel, waiting.word()],
    )?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// Channels that have money waiting.
pub fn channels_waiting(db: &mut impl Read) -> Result<BTreeSet<ChannelId>, StoreError> {
    let mut owners = busk_ledger::owners_with(db, EARNINGS_PENDING)?;
    owners.extend(busk_ledger::owners_with(db, EARNINGS_RESERVE)?);
    Ok(owners.into_iter().map(ChannelId).collect())
}

/// How much [`release_money`] would move now. Asked first, beside the writer, since mostly it is nothing.
pub fn money_due(db: &mut impl Read, channel: ChannelId, now: Timestamp) -> Result<i64, StoreError> {
    let policies = busk_ledger::policy::all(db)?;
    let mut due = 0;
    for waiting in [Waiting::Pending, Waiting::Reserve] {
        let held = Held::read(db, channel, waiting, &policies, now)?;
        due += (busk_ledger::balance_of(db, &waiting.account(channel))? - held.sum()).max(0);
    }
    Ok(due)
}

/// Makes available what has been held long enough, but what is kept back of it. Gives how much left pending or the
/// reserve. What the channel owes is settled from it at once.
pub fn release_money(
    tx: &mut Tx,
    channel: ChannelId,
    id: PostingId,
    rules: &Rules,
    now: Timestamp,
) -> Result<i64, PostError> {
    let policies = busk_ledger::policy::all(tx)?;
    let mut free = |waiting: Waiting| -> Result<(i64, i64), StoreError> {
        let held = Held::read(tx, channel, waiting, &policies, now)?;
        let has = busk_ledger::balance(tx, &waiting.account(channel))?;
        Ok(((has - held.sum()).max(0), held.through))
    };
    let (pending, pending_through) = free(Waiting::Pending)?;
    let (reserve, reserve_through) = free(Waiting::Reserve)?;
    if pending + reserve == 0 {
        return Ok(0);
    }

    let available_percent = 100 - rules.policy.reserve_percent.min(100);
    let parts = split(pending, available_percent);
    let posting = Posting {
        id,
        cause: Cause {
            kind: RELEASE,
            id: channel.0,
        },
        policy: rules.version,
        corrects: None,
        legs: money_moves([
            (
                earnings_pending(channel),
                earnings_available(channel),
                parts.creator,
            ),
            (
                earnings_pending(channel),
                earnings_reserve(channel),
                parts.platform,
            ),
            (earnings_reserve(channel), earnings_available(channel), reserve),
        ]),
    };
    busk_ledger::post(tx, &posting, now)?;
    // The reserve's mark stays before what has just come there.
    begin_after(tx, channel, Waiting::Pending, pending_through)?;
    begin_after(tx, channel, Waiting::Reserve, reserve_through)?;
    settle_debt(tx, channel, id, rules, now)?;
    Ok(pending + reserve)
}

fn begin_after(tx: &mut Tx, channel: ChannelId, waiting: Waiting, through: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO money_release (channel, account, through) VALUES ($1, $2, $3) \
         ON CONFLICT (channel, account) DO UPDATE SET through = excluded.through",
        params![channel, waiting.word(), through],
    )?;
    Ok(())
}

/// Settles what a channel owes from what is available, after something (`after`) made it so. Gives how much.
pub(crate) fn settle_debt(
    tx: &mut Tx,
    channel: ChannelId,
    after: PostingId,
    rules: &Rules,
    now: Timestamp,
) -> Result<i64, PostError> {
    let owed = -busk_ledger::balance(tx, &debt(channel))?;
    let settled = busk_ledger::balance(tx, &earnings_available(channel))?.min(owed);
    if settled <= 0 {
        return Ok(0);
    }
    let posting = Posting {
        id: following(after.0, "debt"),
        cause: Cause {
            kind: "debt",
            id: channel.0,
        },
        policy: rules.version,
        corrects: None,
        legs: money_moves([(earnings_available(channel), debt(channel), settled)]),
    };
    busk_ledger::post(tx, &posting, now)?;
    Ok(settled)
}

/// When money becomes available next, and how much within a day of it.
pub fn next_money(
    db: &mut impl Read,
    channel: ChannelId,
    now: Timestamp,
) -> Result<Option<(Timestamp, i64)>, StoreError> {
    let policies = busk_ledger::policy::all(db)?;
    let mut lots = Held::read(db, channel, Waiting::Pending, &policies, now)?.lots;
    lots.extend(Held::read(db, channel, Waiting::Reserve, &policies, now)?.lots);
    let Some(first) = lots.iter().map(|(due, _)| *due).min() else {
        return Ok(None);
    };
    let within = lots.iter().filter(|(due, _)| *due <= first + DAY);
    Ok(Some((first, within.map(|(_, amount)| amount).sum())))
}
