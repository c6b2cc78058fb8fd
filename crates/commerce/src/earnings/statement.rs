//! The statement: one line a posting, with the balances after it; newest first to be looked at, oldest first to be
//! exported.

use std::collections::HashMap;

use busk_base::{ChannelId, GiftId, PolicyVersion, PostingId, RoomId, Timestamp};
use busk_ledger::{AccountRef, Line};
use busk_store::{Read, StoreError, Value};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::*;

/// One posting, as it touched a creator's accounts.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StatementLine {
    pub posting: PostingId,
    pub at: Timestamp,
    /// `gift`, `release`, `redeem`; `badge`, `ticket`, `subscription`, `money_release`, `debt`, `payout`, `payout_void` or
    /// `payout_returned`.
    pub kind: String,
    pub text: StatementText,
    pub diamonds_pending: i64,
    pub diamonds_available: i64,
    /// What is still held, in the currency's minor unit.
    pub money_pending: i64,
    /// What can be paid out, in the currency's minor unit.
    pub money: i64,
    pub balance_after: BalanceAfter,
    pub policy: PolicyVersion,
    /// The first of its transfers: what comes before it is the next page.
    #[serde(skip)]
    pub(crate) transfer: i64,
}

/// What a line says about where it came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct StatementText {
    pub from: Option<String>,
    /// A code of the gift catalogue.
    pub gift: Option<String>,
    pub count: Option<i64>,
    /// The room's title.
    pub room: Option<String>,
    pub room_id: Option<RoomId>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct BalanceAfter {
    pub pending: i64,
    pub available: i64,
    pub money_pending: i64,
    pub money: i64,
}

const ACCOUNTS: usize = 4;

/// The accounts that the statement is of, in the order of its columns.
fn accounts(channel: ChannelId) -> [AccountRef; ACCOUNTS] {
    [
        diamonds_pending(channel),
        diamonds_available(channel),
        earnings_pending(channel),
        earnings_available(channel),
    ]
}

/// The lines of each of those accounts.
type Lines = [Vec<Line>; ACCOUNTS];

fn read(
    channel: ChannelId,
    mut read: impl FnMut(&AccountRef) -> Result<Vec<Line>, StoreError>,
) -> Result<Lines, StoreError> {
    let [pending, available, held, money] = accounts(channel).map(|account| read(&account));
    Ok([pending?, available?, held?, money?])
}

/// The lines before transfer `before`, newest first, at most `max`.
pub fn lines(
    db: &mut impl Read,
    channel: ChannelId,
    before: i64,
    max: i64,
) -> Result<Vec<StatementLine>, StoreError> {
    // One more than asked for, so that the balance before the last line is known too.
    let of = read(channel, |account| {
        busk_ledger::lines(db, account, before, max + 1)
    })?;
    let mut all: Vec<&Line> = of.iter().flatten().collect();
    all.sort_by_key(|line| std::cmp::Reverse(line.transfer));
    all.dedup_by_key(|line| line.posting);
    all.truncate(usize::try_from(max).unwrap_or(0));
    let texts = texts(db, &all)?;
    let shown = all.into_iter().map(|line| {
        let balances = [0, 1, 2, 3].map(|account| balance_at(&of[account], line));
        make(line, &of, balances, &texts)
    });
    Ok(shown.collect())
}

/// How far an export has come: after this transfer, with these balances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    after: i64,
    balances: [i64; ACCOUNTS],
}

impl Progress {
    /// After transfer `after`.
    pub fn start(db: &mut impl Read, channel: ChannelId, after: i64) -> Result<Self, StoreError> {
        let before = after.saturating_add(1);
        let last = read(channel, |account| busk_ledger::lines(db, account, before, 1))?;
        Ok(Self {
            after,
            balances: last
                .each_ref()
                .map(|lines| lines.first().map_or(0, |line| line.balance)),
        })
    }
}

/// The next lines before transfer `before`, oldest first, about `max` of them; none when all have been read.
pub fn lines_onward(
    db: &mut impl Read,
    channel: ChannelId,
    progress: &mut Progress,
    before: i64,
    max: i64,
) -> Result<Vec<StatementLine>, StoreError> {
    // Enough for the longest posting, so that there is always a whole one.
    let max = max.max(busk_ledger::LEGS_MAX as i64 + 1);
    let mut of = read(channel, |account| {
        busk_ledger::lines_after(db, account, progress.after, max)
    })?;
    let mut more = false;
    // Up to where every account has been read.
    let mut upto = before;
    for lines in &of {
        if lines.len() as i64 == max
            && let Some(last) = lines.last().filter(|last| last.transfer < upto)
        {
            (upto, more) = (last.transfer + 1, true);
        }
    }
    of.iter_mut()
        .for_each(|lines| lines.retain(|line| line.transfer < upto));
    let mut all: Vec<&Line> = of.iter().flatten().collect();
    all.sort_by_key(|line| line.transfer);
    // The last posting may go on beyond.
    if more && let Some(last) = all.last().map(|line| line.posting) {
        all.retain(|line| line.posting != last);
    }
    let Some(through) = all.last().map(|line| line.transfer) else {
        return Ok(Vec::new());
    };
    all.dedup_by_key(|line| line.posting);
    let texts = texts(db, &all)?;
    let mut balances = progress.balances;
    let mut made = Vec::with_capacity(all.len());
    for line in all {
        for (balance, lines) in balances.iter_mut().zip(&of) {
            *balance += amount_of(lines, line);
        }
        made.push(make(line, &of, balances, &texts));
    }
    *progress = Progress {
        after: through,
        balances,
    };
    Ok(made)
}

/// What a line's posting did to an account.
fn amount_of(lines: &[Line], line: &Line) -> i64 {
    around(lines, line).map(|own| own.amount).sum()
}

/// An account's lines of the posting of `line`, of whichever account that is: a posting's transfers are numbered
/// without a gap, so they lie together.
fn around<'a>(lines: &'a [Line], line: &Line) -> impl Iterator<Item = &'a Line> {
    const REACH: i64 = busk_ledger::LEGS_MAX as i64;
    let (posting, from, to) = (line.posting, line.transfer - REACH, line.transfer + REACH);
    // Sorted one way or the other.
    let rising = lines.first().map(|line| line.transfer) <= lines.last().map(|line| line.transfer);
    let begin = lines.partition_point(|line| {
        if rising {
            line.transfer < from
        } else {
            line.transfer > to
        }
    });
    let near = lines[begin..]
        .iter()
        .take_while(move |line| (from..=to).contains(&line.transfer));
    near.filter(move |own| own.posting == posting)
}

fn make(line: &Line, of: &Lines, balances: [i64; ACCOUNTS], texts: &Texts) -> StatementLine {
    let own = of.iter().flat_map(|lines| around(lines, line));
    let first = own.map(|own| own.transfer).min();
    let text = texts.get(&line.cause_id).filter(|_| line.cause == GIFT);
    let [diamonds_pending, diamonds_available, money_pending, money] =
        of.each_ref().map(|lines| amount_of(lines, line));
    let [pending, available, held, money_after] = balances;
    StatementLine {
        posting: line.posting,
        at: line.at,
        kind: line.cause.clone(),
        text: text.cloned().unwrap_or_default(),
        diamonds_pending,
        diamonds_available,
        money_pending,
        money,
        balance_after: BalanceAfter {
            pending,
            available,
            money_pending: held,
            money: money_after,
        },
        policy: line.policy,
        transfer: first.unwrap_or(line.transfer),
    }
}

/// The account's balance after the posting of `at`: that of its newest line up to there. Newest first.
fn balance_at(lines: &[Line], at: &Line) -> i64 {
    let own = around(lines, at).next();
    let older = || lines.get(lines.partition_point(|line| line.transfer > at.transfer));
    own.or_else(older).map_or(0, |line| line.balance)
}

type Texts = HashMap<Uuid, StatementText>;

/// The cause that has a text.
const GIFT: &str = "gift";
/// Gifts that are asked for at once.
const AT_ONCE: usize = 32;

/// What is said of those lines that are gifts, by the gift.
fn texts(db: &mut impl Read, lines: &[&Line]) -> Result<Texts, StoreError> {
    let gifts: Vec<Uuid> = lines
        .iter()
        .filter(|line| line.cause == GIFT)
        .map(|line| line.cause_id)
        .collect();
    let mut texts = Texts::with_capacity(gifts.len());
    for some in gifts.chunks(AT_ONCE) {
        // Places that are left over ask for the last one again.
        let wanted = (0..AT_ONCE).map(|place| Value::from(GiftId(some[place.min(some.len() - 1)])));
        let wanted: Vec<Value> = wanted.collect();
        let rows = db.rows(
            "SELECT g.id, p.display_name, g.kind, g.count, r.title, r.id FROM gift g \
             JOIN person p ON p.id = g.sender JOIN room r ON r.id = g.room WHERE g.id IN ( \
             $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
             $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)",
            &wanted,
        )?;
        for row in &rows {
            let text = StatementText {
                from: Some(row.get(1)?),
                gift: Some(row.get(2)?),
                count: Some(row.get(3)?),
                room: Some(row.get(4)?),
                room_id: Some(row.get(5)?),
            };
            texts.insert(row.get(0)?, text);
        }
    }
    Ok(texts)
}
