//! Reading an owner's accounts: the lines of a statement, and the transfers behind a line.

use busk_base::{PolicyVersion, PostingId, Timestamp, Unit};
use busk_store::{Read, Row, StoreError, params};
use uuid::Uuid;

use crate::AccountRef;
use crate::account::MARK_EVERY;
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
    /// The posting that it corrects.
    pub corrects: Option<PostingId>,
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

impl TransferRow {
    /// Whether it moved its amount, or only reserved or freed it.
    pub fn moves(&self) -> bool {
        matches!(self.kind, MOVE | SETTLE)
    }
}

const MOVE: &str = "move";
const SETTLE: &str = "settle";

#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    pub account: String,
    pub owner: Option<Uuid>,
    pub balance: i64,
}

/// What an account has; zero when it was never used.
pub fn balance_of(db: &mut impl Read, account: &AccountRef) -> Result<i64, StoreError> {
    let row = db.row(
        "SELECT b.balance - b.reserved FROM ledger_account a JOIN ledger_balance b ON b.account = a.id \
         WHERE a.key = $1",
        params![account.key()],
    )?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// The owners of the accounts of this name that have something.
pub fn owners_with(db: &mut impl Read, name: &'static str) -> Result<Vec<Uuid>, StoreError> {
    let rows = db.rows(
        "SELECT a.owner FROM ledger_account a JOIN ledger_balance b ON b.account = a.id \
         WHERE a.name = $1 AND a.owner IS NOT NULL AND b.balance > 0",
        params![name],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Walks an account's ($1) moves backward from one of them ($2), at most $3 steps, and gives those after $4
/// and before $5, newest first, at most $6. CROSS JOIN has SQLite begin with the steps, as their order asks for: left
/// alone it reads all transfers there are and looks each up among the steps.
const WALK: &str = "WITH RECURSIVE move(id, step) AS ( \
        SELECT CAST($2 AS BIGINT), CAST(1 AS BIGINT) \
        UNION ALL \
        SELECT CASE WHEN t.debit = $1 THEN t.debit_before ELSE t.credit_before END, move.step + 1 \
        FROM move CROSS JOIN ledger_transfer t WHERE t.id = move.id AND move.id > $4 AND move.step < $3) \
     SELECT t.id, p.id, p.at, p.policy, p.cause, p.cause_id, t.debit, t.amount, t.debit_balance, t.credit_balance, \
        p.corrects \
     FROM move CROSS JOIN ledger_transfer t CROSS JOIN ledger_posting p \
     WHERE t.id = move.id AND p.number = t.posting AND move.id > $4 AND move.id < $5 ORDER BY move.id DESC LIMIT $6";

/// The account's transfers before `before`, newest first, at most `max`.
pub fn lines(
    db: &mut impl Read,
    account: &AccountRef,
    before: i64,
    max: i64,
) -> Result<Vec<Line>, StoreError> {
    let from = db.row(
        "SELECT a.id, COALESCE( \
            (SELECT MIN(transfer) FROM ledger_mark m WHERE m.account = a.id AND m.transfer >= $2), b.last_move) \
         FROM ledger_account a JOIN ledger_balance b ON b.account = a.id WHERE a.key = $1",
        params![account.key(), before],
    )?;
    walk(db, from, 0, before, max)
}

/// The transfers before `before` of the account with this number, newest first, at most `max`.
pub fn lines_of(db: &mut impl Read, account: i64, before: i64, max: i64) -> Result<Vec<Line>, StoreError> {
    let from = db.row(
        "SELECT b.account, COALESCE( \
            (SELECT MIN(transfer) FROM ledger_mark m WHERE m.account = b.account AND m.transfer >= $2), b.last_move) \
         FROM ledger_balance b WHERE b.account = $1",
        params![account, before],
    )?;
    walk(db, from, 0, before, max)
}

/// The account's transfers after `after`, oldest first, at most `max`.
pub fn lines_after(
    db: &mut impl Read,
    account: &AccountRef,
    after: i64,
    max: i64,
) -> Result<Vec<Line>, StoreError> {
    // From the mark before which there are that many, if there are.
    let marks = max.max(0) / MARK_EVERY + 1;
    let from = db.row(
        "SELECT a.id, COALESCE( \
            (SELECT m.transfer FROM ledger_mark m WHERE m.account = a.id AND m.transfer > $2 \
             ORDER BY m.transfer LIMIT 1 OFFSET $3), b.last_move) \
         FROM ledger_account a JOIN ledger_balance b ON b.account = a.id WHERE a.key = $1",
        params![account.key(), after, marks],
    )?;
    let mut lines = walk(db, from, after, i64::MAX, (marks + 1) * MARK_EVERY)?;
    lines.reverse();
    lines.truncate(usize::try_from(max).unwrap_or(0));
    Ok(lines)
}

/// The lines between `after` and `before`, from the account and its move in `from` back. That move is the
/// last wanted one, or at most as many later as lie between two marks.
fn walk(
    db: &mut impl Read,
    from: Option<Row>,
    after: i64,
    before: i64,
    max: i64,
) -> Result<Vec<Line>, StoreError> {
    let Some(from) = from else { return Ok(Vec::new()) };
    let (account, start): (i64, i64) = (from.get(0)?, from.get(1)?);
    let rows = db.rows(
        WALK,
        params![account, start, max + MARK_EVERY, after, before, max],
    )?;
    rows.iter().map(|row| line(row, account)).collect()
}

fn line(row: &Row, account: i64) -> Result<Line, StoreError> {
    let (debit, amount): (i64, i64) = (row.get(6)?, row.get(7)?);
    let out = debit == account;
    Ok(Line {
        transfer: row.get(0)?,
        posting: row.get(1)?,
        at: row.get(2)?,
        policy: row.get(3)?,
        cause: row.get(4)?,
        cause_id: row.get(5)?,
        amount: if out { -amount } else { amount },
        balance: row.get(if out { 8 } else { 9 })?,
        corrects: row.get(10)?,
    })
}

/// The transfers of a posting, in order.
pub fn transfers_of(db: &mut impl Read, posting: PostingId) -> Result<Vec<TransferRow>, StoreError> {
    let rows = db.rows(
        "SELECT t.id, t.kind, d.name, d.owner, t.debit_balance, c.name, c.owner, t.credit_balance, \
         t.amount, d.unit \
         FROM ledger_posting p JOIN ledger_transfer t ON t.id BETWEEN p.first_transfer AND p.last_transfer \
         JOIN ledger_account d ON d.id = t.debit JOIN ledger_account c ON c.id = t.credit \
         WHERE p.id = $1 ORDER BY t.id",
        params![posting],
    )?;
    rows.iter().map(|row| transfer_row(row, 0)).collect()
}

/// Reads a transfer whose columns begin at this one: id, kind; of debit and credit the account's name, owner and
/// balance; amount, unit.
pub(crate) fn transfer_row(row: &Row, first: usize) -> Result<TransferRow, StoreError> {
    Ok(TransferRow {
        id: row.get(first)?,
        kind: kind_word(row.get(first + 1)?)?,
        debit: Side {
            account: row.get(first + 2)?,
            owner: row.get(first + 3)?,
            balance: row.get(first + 4)?,
        },
        credit: Side {
            account: row.get(first + 5)?,
            owner: row.get(first + 6)?,
            balance: row.get(first + 7)?,
        },
        amount: row.get(first + 8)?,
        unit: row.get(first + 9)?,
    })
}

fn kind_word(number: i64) -> Result<&'static str, StoreError> {
    match number {
        kind::MOVE => Ok(MOVE),
        kind::RESERVE => Ok("reserve"),
        kind::SETTLE => Ok(SETTLE),
        kind::RELEASE => Ok("release"),
        other => Err(StoreError::Broken(format!("a transfer of kind {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use busk_testkit::db::TestDb;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_walk_reads_the_rows_of_its_steps_only() {
        let db = TestDb::sqlite();
        let store = db.open(&[crate::MIGRATIONS]);
        let explain: &str = String::leak(format!("EXPLAIN QUERY PLAN {WALK}"));
        let plan = store.read(move |db| db.rows(explain, params![1, 1, 96, 0, i64::MAX, 32]));
        let plan = plan.await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get(3).unwrap()).collect();
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        for table in ["t", "p"] {
            let by_key = format!("SEARCH {table} USING INTEGER PRIMARY KEY (rowid=?)");
            assert!(steps.contains(&&*by_key), "{steps:#?}");
        }
        let wide = |step: &&&str| {
            step.contains("rowid>") || step.contains("AUTOMATIC") || step.starts_with("SCAN t")
        };
        assert_eq!(steps.iter().find(wide), None, "{steps:#?}");
    }
}
