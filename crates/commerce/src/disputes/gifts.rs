//! Gifts that were made of disputed coins: newest first, from those who got them.
//!
//! Of a gift's coins the platform gives its share back. The creator's comes from the diamonds while they are
//! pending; what is out of its hold stays the creator's, and the payer owes it.
//!
//! Invariant: of a gift no more is taken in all than was given, however many disputes reach it.

use std::collections::HashMap;

use busk_base::{Amount, ChannelId, GiftId, PostingId, Timestamp};
use busk_ledger::{Leg, Line};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};

use super::Dispute;
use crate::accounts::*;
use crate::notices::HearError;
use crate::payments::Payment;
use crate::rules::Rules;
use crate::sales::following;

/// Lines of a wallet that are read at once.
const LINES_MAX: i64 = 500;
/// Gifts that one dispute reaches; what would come of older ones the payer owes.
const GIFTS_MAX: usize = 5_000;

/// A gift as far as disputes go. Amounts are paid coins; promotional ones brought nobody anything.
struct Given {
    id: GiftId,
    channel: ChannelId,
    /// Its transfer out of the wallet.
    transfer: i64,
    coins: i64,
    /// The creator's of them.
    diamonds: i64,
    /// What earlier disputes took of the coins.
    taken: i64,
}

/// Takes up to so many coins out of the payer's gifts since the purchase. Gives the money that came of it.
pub(super) fn take_back(
    tx: &mut Tx,
    dispute: &Dispute,
    payment: &Payment,
    coins: i64,
    price: i64,
    rules: &Rules,
    now: Timestamp,
) -> Result<i64, HearError> {
    let (mut left, mut money) = (coins, 0);
    for given in since(tx, payment, coins)? {
        let take = left.min(given.coins - given.taken);
        if take > 0 {
            left -= take;
            money += take_of(tx, dispute, &given, take, price, rules, now)?;
        }
    }
    Ok(money)
}

/// The payer's gifts since the purchase, newest first, until they hold so many coins.
fn since(tx: &mut Tx, payment: &Payment, coins: i64) -> Result<Vec<Given>, StoreError> {
    let (mut before, mut found, mut held) = (i64::MAX, Vec::new(), 0);
    while held < coins && found.len() < GIFTS_MAX {
        let lines = busk_ledger::lines(tx, &wallet(payment.payer), before, LINES_MAX)?;
        let Some(oldest) = lines.last().map(|line| line.transfer) else {
            break;
        };
        for line in &lines {
            if line.posting == PostingId(payment.id.0) {
                return Ok(found);
            }
            if held < coins && line.cause == "gift" {
                let given = given(tx, line)?;
                held += given.coins - given.taken;
                found.push(given);
            }
        }
        before = oldest;
    }
    Ok(found)
}

fn given(tx: &mut Tx, line: &Line) -> Result<Given, StoreError> {
    let id = GiftId(line.posting.0);
    let gift = tx.row("SELECT channel, diamonds FROM gift WHERE id = $1", params![id])?;
    let gift = gift.ok_or_else(|| StoreError::Broken(format!("no gift {id} of a posting")))?;
    let taken = tx.row(
        "SELECT CAST(COALESCE(SUM(coins), 0) AS BIGINT) FROM dispute_gift WHERE gift = $1",
        params![id],
    )?;
    Ok(Given {
        id,
        channel: gift.get(0)?,
        transfer: line.transfer,
        coins: -line.amount,
        diamonds: gift.get(1)?,
        taken: taken.map_or(Ok(0), |row| row.get(0))?,
    })
}

impl Given {
    /// The creator's share of its first so many coins: rounded over all of them, so that parts sum to the whole.
    fn diamonds_of(&self, coins: i64) -> i64 {
        let share = i128::from(self.diamonds) * i128::from(coins) / i128::from(self.coins);
        i64::try_from(share).expect("a part of the diamonds is no more than all of them")
    }
}

fn take_of(
    tx: &mut Tx,
    dispute: &Dispute,
    given: &Given,
    coins: i64,
    price: i64,
    rules: &Rules,
    now: Timestamp,
) -> Result<i64, HearError> {
    let diamonds = given.diamonds_of(given.taken + coins) - given.diamonds_of(given.taken);
    let is_pending = given.transfer > released_through(tx, given.channel)?;
    let pending = if is_pending { diamonds } else { 0 };
    let money = |coins: i64| Amount::money(coins * price, CURRENCY);
    let platform = coins - diamonds;
    let legs = Leg::moves([
        (
            diamonds_pending(given.channel),
            DIAMOND_ISSUED,
            Amount::diamonds(pending),
        ),
        (DIAMOND_FLOAT, DISPUTED, money(pending)),
        (PLATFORM_REVENUE, DISPUTED, money(platform)),
    ]);
    if !legs.is_empty() {
        let id = following(dispute.id.0, &given.id.to_string());
        super::post(tx, dispute, id, PostingId(given.id.0), legs, rules, now)?;
    }
    tx.insert(
        &TAKEN,
        row![
            dispute.id,
            given.id,
            given.channel,
            given.transfer,
            coins,
            diamonds,
            pending
        ],
    );
    Ok((pending + platform) * price)
}

/// Only ever added to: what a dispute took of a gift.
static TAKEN: Insert = Insert {
    table: "dispute_gift",
    columns: &[
        ("dispute", Type::Blob),
        ("gift", Type::Blob),
        ("channel", Type::Blob),
        ("transfer", Type::Int),
        ("coins", Type::Int),
        ("diamonds", Type::Int),
        ("pending", Type::Int),
    ],
};

/// The last transfer into a channel's pending diamonds that has been released.
fn released_through(tx: &mut Tx, channel: ChannelId) -> Result<i64, StoreError> {
    let row = tx.row(
        "SELECT through FROM earnings_release WHERE channel = $1",
        params![channel],
    )?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// What disputes took of the diamonds that gifts brought a channel after a transfer, by the gift's posting: those
/// are never released.
pub(crate) fn taken_of_pending(
    db: &mut impl Read,
    channel: ChannelId,
    after: i64,
) -> Result<HashMap<PostingId, i64>, StoreError> {
    let rows = db.rows(
        "SELECT gift, CAST(SUM(pending) AS BIGINT) FROM dispute_gift WHERE channel = $1 AND transfer > $2 GROUP BY gift",
        params![channel, after],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
