//! Reading the whole ledger: postings by their time, a page at a time, each with its transfers; accounts with their
//! balances; what a period comes to.
//!
//! Postings stand in the order of (time, number): a clock that was set back gives later numbers earlier times.

use busk_base::{PolicyVersion, PostingId, Timestamp, Unit};
use busk_store::{Read, Row, StoreError, params};
use uuid::Uuid;

use crate::posting::kind;
use crate::statement::{TransferRow, transfer_row};

/// From the first moment up to the second, which is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Span {
    pub const ALL: Self = Self {
        from: Timestamp::from_unix_us(i64::MIN),
        to: Timestamp::from_unix_us(i64::MAX),
    };

    pub fn contains(&self, at: Timestamp) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// A place in the order of postings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub at: Timestamp,
    pub number: i64,
}

impl Place {
    /// Before every posting at or after this time.
    pub fn before(at: Timestamp) -> Self {
        Self { at, number: i64::MIN }
    }
}

/// One posting, without its transfers.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    pub number: i64,
    pub id: PostingId,
    pub at: Timestamp,
    pub policy: PolicyVersion,
    pub cause: String,
    pub cause_id: Uuid,
    pub corrects: Option<PostingId>,
}

impl Head {
    pub fn place(&self) -> Place {
        Place {
            at: self.at,
            number: self.number,
        }
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            number: row.get(0)?,
            id: row.get(1)?,
            at: row.get(2)?,
            policy: row.get(3)?,
            cause: row.get(4)?,
            cause_id: row.get(5)?,
            corrects: row.get(6)?,
        })
    }
}

/// The postings of a span before a place, newest first, at most `max`; of one kind, if one is named.
pub fn postings_before(
    db: &mut impl Read,
    span: Span,
    cause: Option<&str>,
    before: Place,
    max: i64,
) -> Result<Vec<Head>, StoreError> {
    let before = before.min(Place::before(span.to));
    let rows = db.rows(
        "SELECT number, id, at, policy, cause, cause_id, corrects FROM ledger_posting \
         WHERE (at, number) < ($1, $2) AND at >= $3 AND cause = COALESCE($4, cause) \
         ORDER BY at DESC, number DESC LIMIT $5",
        params![before.at, before.number, span.from, cause.map(str::to_owned), max],
    )?;
    rows.iter().map(Head::read).collect()
}

/// The number of the last posting.
pub fn last_posting(db: &mut impl Read) -> Result<i64, StoreError> {
    let row = db.row("SELECT last_posting FROM ledger_head WHERE id = 1", &[])?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// A posting by its id.
pub fn posting(db: &mut impl Read, id: PostingId) -> Result<Option<Head>, StoreError> {
    let row = db.row(
        "SELECT number, id, at, policy, cause, cause_id, corrects FROM ledger_posting WHERE id = $1",
        params![id],
    )?;
    row.as_ref().map(Head::read).transpose()
}

/// One posting with its transfers, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub head: Head,
    pub transfers: Vec<TransferRow>,
}

/// The postings of a span after a place, oldest first, at most `max`, each with its transfers.
pub fn entries_after(
    db: &mut impl Read,
    span: Span,
    after: Place,
    max: i64,
) -> Result<Vec<Entry>, StoreError> {
    let after = after.max(Place::before(span.from));
    let rows = db.rows(
        "SELECT p.number, p.id, p.at, p.policy, p.cause, p.cause_id, p.corrects, \
         t.id, t.kind, d.name, d.owner, t.debit_balance, c.name, c.owner, t.credit_balance, t.amount, d.unit \
         FROM (SELECT * FROM ledger_posting WHERE (at, number) > ($1, $2) AND at < $3 \
               ORDER BY at, number LIMIT $4) p \
         JOIN ledger_transfer t ON t.id BETWEEN p.first_transfer AND p.last_transfer \
         JOIN ledger_account d ON d.id = t.debit JOIN ledger_account c ON c.id = t.credit \
         ORDER BY p.at, p.number, t.id",
        params![after.at, after.number, span.to, max],
    )?;
    let mut entries: Vec<Entry> = Vec::new();
    for row in &rows {
        let number: i64 = row.get(0)?;
        if entries.last().is_none_or(|last| last.head.number != number) {
            entries.push(Entry {
                head: Head::read(row)?,
                transfers: Vec::new(),
            });
        }
        if let Some(entry) = entries.last_mut() {
            entry.transfers.push(transfer_row(row, 7)?);
        }
    }
    Ok(entries)
}

/// An account, with what it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub id: i64,
    pub name: String,
    pub unit: Unit,
    pub owner: Option<Uuid>,
    pub floating: bool,
    pub balance: i64,
    /// What pending transfers hold of it.
    pub reserved: i64,
    /// How many transfers moved it.
    pub moves: i64,
}

/// The accounts after the one with this id, in the order in which they were opened, at most `max`.
pub fn accounts_after(db: &mut impl Read, after: i64, max: i64) -> Result<Vec<Standing>, StoreError> {
    let rows = db.rows(
        "SELECT a.id, a.name, a.unit, a.owner, b.floating, b.balance, b.reserved, b.moves \
         FROM ledger_account a JOIN ledger_balance b ON b.account = a.id \
         WHERE a.id > $1 ORDER BY a.id LIMIT $2",
        params![after, max],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Standing {
                id: row.get(0)?,
                name: row.get(1)?,
                unit: row.get(2)?,
                owner: row.get(3)?,
                floating: row.get(4)?,
                balance: row.get(5)?,
                reserved: row.get(6)?,
                moves: row.get(7)?,
            })
        })
        .collect()
}

/// What the postings of one kind did to the accounts of one name and unit in a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Turnover {
    pub cause: String,
    pub account: String,
    pub unit: Unit,
    /// What went out of them, and what came in.
    pub debits: i64,
    pub credits: i64,
}

/// How many postings of each kind a span has, by kind.
pub fn kinds(db: &mut impl Read, span: Span) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = db.rows(
        "SELECT cause, COUNT(*) FROM ledger_posting WHERE at >= $1 AND at < $2 GROUP BY cause ORDER BY cause",
        params![span.from, span.to],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// What a span comes to, by kind, account and unit. What is only reserved has not moved.
pub fn turnovers(db: &mut impl Read, span: Span) -> Result<Vec<Turnover>, StoreError> {
    const {
        assert!(
            kind::MOVE == 0 && kind::SETTLE == 2,
            "the statement names the kinds by number"
        )
    };
    // Accounts are many and names are few: sums by account first.
    let rows = db.rows(
        "SELECT s.cause, a.name, a.unit, CAST(SUM(s.debits) AS BIGINT), CAST(SUM(s.credits) AS BIGINT) FROM ( \
             SELECT p.cause AS cause, t.debit AS account, SUM(t.amount) AS debits, 0 AS credits \
             FROM ledger_posting p JOIN ledger_transfer t ON t.id BETWEEN p.first_transfer AND p.last_transfer \
             WHERE p.at >= $1 AND p.at < $2 AND t.kind IN (0, 2) GROUP BY p.cause, t.debit \
             UNION ALL \
             SELECT p.cause, t.credit, 0, SUM(t.amount) \
             FROM ledger_posting p JOIN ledger_transfer t ON t.id BETWEEN p.first_transfer AND p.last_transfer \
             WHERE p.at >= $1 AND p.at < $2 AND t.kind IN (0, 2) GROUP BY p.cause, t.credit) s \
         JOIN ledger_account a ON a.id = s.account \
         GROUP BY s.cause, a.name, a.unit ORDER BY s.cause, a.name, a.unit",
        params![span.from, span.to],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Turnover {
                cause: row.get(0)?,
                account: row.get(1)?,
                unit: row.get(2)?,
                debits: row.get(3)?,
                credits: row.get(4)?,
            })
        })
        .collect()
}

/// How far a clock may be set back without a line being missed by [`transfers_in`].
const CLOCK_BACK_US: i64 = 31 * 24 * 3_600 * 1_000_000;

/// Numbers of transfers between which all those of a span lie, both not included. They may hold others too, since
/// clocks are set back; by more than a month they are not.
pub fn transfers_in(db: &mut impl Read, span: Span) -> Result<(i64, i64), StoreError> {
    let from = Timestamp::from_unix_us(span.from.unix_us().saturating_sub(CLOCK_BACK_US));
    let to = Timestamp::from_unix_us(span.to.unix_us().saturating_add(CLOCK_BACK_US));
    let first = db.row(
        "SELECT first_transfer FROM ledger_posting WHERE at >= $1 ORDER BY at, number LIMIT 1",
        params![from],
    )?;
    let last = db.row(
        "SELECT last_transfer FROM ledger_posting WHERE at < $1 ORDER BY at DESC, number DESC LIMIT 1",
        params![to],
    )?;
    let number = |row: Option<Row>, none: i64| row.map_or(Ok(none), |row| row.get(0));
    Ok((
        number(first, i64::MAX)?.saturating_sub(1),
        number(last, 0)?.saturating_add(1),
    ))
}
