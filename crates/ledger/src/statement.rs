//! Reading an owner's accounts: the lines of a statement, and the transfers behind a line.

use busk_base::{PolicyVersion, PostingId, Timestamp, Unit};
use busk_store::{Read, Row, StoreError, params};
use uuid::Uuid;

use crate::AccountRef;
use crate::posting::kind;

/// One transfer seen from one account.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub transfer: i64,
    pub posting: PostingId,
    pub at: Timestamp,
    pub policy: PolicyVersion,
    /// The word of what brought it about, and the id of that thing.
    pub cause: String,
    pub cause_id: Uuid,
    /// Positive when it came in.
    pub amount: i64,
    /// The account's balance after it.
    pub balance: i64,
}

/// One transfer of a posting, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferRow {
    pub id: i64,
    pub kind: &'static str,
    pub debit: Side,
    pub credit: Side,
    pub amount: i64,
    pub unit: Unit,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    pub account: String,
    pub owner: Option<Uuid>,
    pub balance: i64,
}

/// What an account has; zero when it was never used.
pub fn balance_of(db: &mut impl Read, account: &AccountRef) -> Result<i64, StoreError> {
    let row = db.row(
        "SELECT balance - reserved FROM ledger_account WHERE key = $1",
        params![account.key()],
    )?;
    row.map_or(Ok(0), |row| row.get(0))
}

const NEWEST_FIRST: &str = "SELECT t.id, p.id, p.at, p.policy, p.cause, p.cause_id, t.debit, t.amount, \
     t.debit_balance, t.credit_balance, a.id \
     FROM ledger_account a \
     JOIN ledger_transfer t ON t.id IN ( \
        SELECT id FROM (SELECT id FROM ledger_transfer WHERE debit = (SELECT id FROM ledger_account WHERE key = $1) \
            AND debit > 1000 AND id < $2 AND kind IN (0, 2) ORDER BY id DESC LIMIT $3) d \
        UNION ALL \
        SELECT id FROM (SELECT id FROM ledger_transfer WHERE credit = (SELECT id FROM ledger_account WHERE key = $1) \
            AND credit > 1000 AND id < $2 AND kind IN (0, 2) ORDER BY id DESC LIMIT $3) c) \
     JOIN ledger_posting p ON p.number = t.posting \
     WHERE a.key = $1 ORDER BY t.id DESC LIMIT $3";

/// The account's transfers before `before`, newest first, at most `max`.
pub fn lines(
    db: &mut impl Read,
    account: &AccountRef,
    before: i64,
    max: i64,
) -> Result<Vec<Line>, StoreError> {
    let rows = db.rows(NEWEST_FIRST, params![account.key(), before, max])?;
    rows.iter().map(line).collect()
}

/// What came into the account after transfer `after`, oldest first, at most `max`.
pub fn lines_after(
    db: &mut impl Read,
    account: &AccountRef,
    after: i64,
    max: i64,
) -> Result<Vec<Line>, StoreError> {
    let rows = db.rows(
        "SELECT t.id, p.id, p.at, p.policy, p.cause, p.cause_id, t.debit, t.amount, \
         t.debit_balance, t.credit_balance, a.id \
         FROM ledger_account a JOIN ledger_transfer t ON t.credit = a.id AND t.credit > 1000 \
         JOIN ledger_posting p ON p.number = t.posting \
         WHERE a.key = $1 AND t.id > $2 AND t.kind IN (0, 2) ORDER BY t.id LIMIT $3",
        params![account.key(), after, max],
    )?;
    rows.iter().map(line).collect()
}

fn line(row: &Row) -> Result<Line, StoreError> {
    let (debit, amount, own): (i64, i64, i64) = (row.get(6)?, row.get(7)?, row.get(10)?);
    let out = debit == own;
    Ok(Line {
        transfer: row.get(0)?,
        posting: row.get(1)?,
        at: row.get(2)?,
        policy: row.get(3)?,
        cause: row.get(4)?,
        cause_id: row.get(5)?,
        amount: if out { -amount } else { amount },
        balance: row.get(if out { 8 } else { 9 })?,
    })
}

/// The transfers of a posting, in order.
pub fn transfers_of(db: &mut impl Read, posting: PostingId) -> Result<Vec<TransferRow>, StoreError> {
    let rows = db.rows(
        "SELECT t.id, t.kind, d.name, d.owner, t.debit_balance, c.name, c.owner, t.credit_balance, \
         t.amount, d.unit \
         FROM ledger_posting p JOIN ledger_transfer t ON t.posting = p.number \
         JOIN ledger_account d ON d.id = t.debit JOIN ledger_account c ON c.id = t.credit \
         WHERE p.id = $1 ORDER BY t.id",
        params![posting],
    )?;
    rows.iter()
        .map(|row| {
            Ok(TransferRow {
                id: row.get(0)?,
                kind: kind_word(row.get(1)?)?,
                debit: Side {
                    account: row.get(2)?,
                    owner: row.get(3)?,
                    balance: row.get(4)?,
                },
                credit: Side {
                    account: row.get(5)?,
                    owner: row.get(6)?,
                    balance: row.get(7)?,
                },
                amount: row.get(8)?,
                unit: row.get(9)?,
            })
        })
        .collect()
}

fn kind_word(number: i64) -> Result<&'static str, StoreError> {
    match number {
        kind::MOVE => Ok("move"),
        kind::RESERVE => Ok("reserve"),
        kind::SETTLE => Ok("settle"),
        kind::RELEASE => Ok("release"),
        other => Err(StoreError::Broken(format!("a transfer of kind {other}"))),
    }
}
