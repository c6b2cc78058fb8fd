//! The audit: re-adds the books from the first transfer to the last, trusting nothing that is stored
//! as a result. Any change to a transfer, a posting or a balance shows as a finding.

use std::collections::{BTreeMap, HashMap, HashSet};

use busk_base::{PolicyVersion, PostingId, Unit};
use busk_store::{Read, Reader, StoreError, params};
use serde::Serialize;
use uuid::Uuid;

use crate::account::MARK_EVERY;
use crate::posting::{Fingerprint, kind};

/// What was counted, and what is wrong with it.
#[derive(Debug, Default, Serialize)]
pub struct Audit {
    pub accounts: u64,
    pub postings: u64,
    pub transfers: u64,
    /// The sum of the balances that may not float, by unit: what people and platform hold.
    pub held: BTreeMap<String, i128>,
    pub findings: Vec<String>,
    /// How many more findings there are than are listed.
    pub findings_left_out: u64,
}

const FINDINGS_MAX: usize = 100;
const PAGE: i64 = 20_000;

impl Audit {
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    fn finds(&mut self, finding: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.findings_left_out += 1;
        }
    }
}

/// Audits one unchanging picture of the books.
pub fn run(db: &mut Reader) -> Result<Audit, StoreError> {
    db.snapshot(|db| {
        let mut audit = Audit::default();
        let mut books = read_accounts(db, &mut audit)?;
        read_marks(db, &mut books)?;
        fold_transfers(db, &mut audit, &mut books)?;
        compare_balances(&mut audit, &books);
        compare_head(db, &mut audit, &books)?;
        Ok(audit)
    })
}

struct Stored {
    key: Vec<u8>,
    name: String,
    unit: Unit,
    floating: bool,
    balance: i64,
    reserved: i64,
    moves: i64,
    last_move: i64,
    /// Re-added.
    again: Again,
}

/// What an account's transfers make of it.
#[derive(Clone, Copy, Default)]
struct Again {
    balance: i64,
    reserved: i64,
    moves: i64,
    last_move: i64,
}

#[derive(Default)]
struct Books {
    accounts: HashMap<i64, Stored>,
    pending: HashMap<i64, (i64, i64, i64)>,
    /// Marks that were found, and not yet come by.
    marks: HashSet<(i64, i64)>,
}

fn read_accounts(db: &mut Reader, audit: &mut Audit) -> Result<Books, StoreError> {
    let mut books = Books::default();
    let mut last = 0;
    loop {
        let rows = db.rows(
            "SELECT a.id, a.key, a.name, a.unit, b.floating, b.balance, b.reserved, b.moves, b.last_move \
             FROM ledger_account a JOIN ledger_balance b ON b.account = a.id \
             WHERE a.id > $1 ORDER BY a.id LIMIT $2",
            params![last, PAGE],
        )?;
        for row in &rows {
            last = row.get(0)?;
            let account = Stored {
                key: row.get(1)?,
                name: row.get(2)?,
                unit: row.get(3)?,
                floating: row.get(4)?,
                balance: row.get(5)?,
                reserved: row.get(6)?,
                moves: row.get(7)?,
                last_move: row.get(8)?,
                again: Again::default(),
            };
            books.accounts.insert(last, account);
        }
        if rows.len() < PAGE as usize {
            audit.accounts = books.accounts.len() as u64;
            return Ok(books);
        }
    }
}

fn read_marks(db: &mut Reader, books: &mut Books) -> Result<(), StoreError> {
    let mut last = (0, 0);
    loop {
        let rows = db.rows(
            "SELECT account, transfer FROM ledger_mark WHERE account > $1 OR (account = $1 AND transfer > $2) \
             ORDER BY account, transfer LIMIT $3",
            params![last.0, last.1, PAGE],
        )?;
        for row in &rows {
            last = (row.get(0)?, row.get(1)?);
            books.marks.insert(last);
        }
        if rows.len() < PAGE as usize {
            return Ok(());
        }
    }
}

struct OpenPosting {
    number: i64,
    transfers: (i64, i64),
    digest: Vec<u8>,
    print: Fingerprint,
}

fn fold_transfers(db: &mut Reader, audit: &mut Audit, books: &mut Books) -> Result<(), StoreError> {
    let mut last = 0;
    let mut seen: HashSet<i64> = HashSet::new();
    let mut open: Option<OpenPosting> = None;
    loop {
        let rows = db.rows(
            "SELECT t.id, t.posting, t.kind, t.debit, t.credit, t.amount, t.debit_balance, \
             t.credit_balance, t.reserved, p.id, p.cause, p.cause_id, p.policy, p.corrects, p.digest, \
             p.first_transfer, p.last_transfer, t.debit_before, t.credit_before \
             FROM ledger_transfer t LEFT JOIN ledger_posting p ON p.number = t.posting \
             WHERE t.id > $1 ORDER BY t.id LIMIT $2",
            params![last, PAGE],
        )?;
        for row in &rows {
            let id: i64 = row.get(0)?;
            if id != last + 1 {
                audit.finds(format!("transfers {} to {} are missing", last + 1, id - 1));
            }
            last = id;
            let number: i64 = row.get(1)?;
            if open.as_ref().is_none_or(|open| open.number != number) {
                close(audit, open.take(), id - 1);
                if !seen.insert(number) {
                    audit.finds(format!("posting {number} is scattered"));
                }
                open = begin(audit, number, id, row)?;
            }
            let leg = Leg {
                id,
                kind: row.get(2)?,
                debit: row.get(3)?,
                credit: row.get(4)?,
                amount: row.get(5)?,
                balances: (row.get(6)?, row.get(7)?),
                before: (row.get(17)?, row.get(18)?),
                reserved: row.get(8)?,
            };
            fold(audit, books, &leg, open.as_mut());
            audit.transfers += 1;
        }
        if rows.len() < PAGE as usize {
            close(audit, open, last);
            audit.postings = seen.len() as u64;
            return Ok(());
        }
    }
}

struct Leg {
    id: i64,
    kind: i64,
    debit: i64,
    credit: i64,
    amount: i64,
    /// As stored: after it, of the debit and of the credit account.
    balances: (i64, i64),
    /// As stored: the transfer that moved each before.
    before: (i64, i64),
    reserved: Option<i64>,
}

fn begin(
    audit: &mut Audit,
    number: i64,
    first: i64,
    row: &busk_store::Row,
) -> Result<Option<OpenPosting>, StoreError> {
    let Some(id) = row.get::<Option<PostingId>>(9)? else {
        audit.finds(format!("posting {number} is missing"));
        return Ok(None);
    };
    let cause: String = row.get(10)?;
    let print = Fingerprint::new(
        id,
        &cause,
        row.get::<Uuid>(11)?,
        row.get::<PolicyVersion>(12)?,
        row.get::<Option<PostingId>>(13)?,
    );
    let transfers: (i64, i64) = (row.get(15)?, row.get(16)?);
    if transfers.0 != first {
        audit.finds(format!(
            "posting {number} begins with transfer {first}, not {}",
            transfers.0
        ));
    }
    Ok(Some(OpenPosting {
        number,
        transfers,
        digest: row.get(14)?,
        print,
    }))
}

fn close(audit: &mut Audit, open: Option<OpenPosting>, last: i64) {
    let Some(open) = open else { return };
    let (number, said) = (open.number, open.transfers.1);
    if said != last {
        audit.finds(format!("posting {number} ends with transfer {last}, not {said}"));
    }
    if open.print.finish().as_slice() != open.digest {
        audit.finds(format!("posting {number} is not what was posted"));
    }
}

fn fold(audit: &mut Audit, books: &mut Books, leg: &Leg, open: Option<&mut OpenPosting>) {
    let id = leg.id;
    let (Some(debit), Some(credit)) = (books.accounts.get(&leg.debit), books.accounts.get(&leg.credit))
    else {
        return audit.finds(format!("transfer {id} names an account that is missing"));
    };
    if debit.unit != credit.unit {
        audit.finds(format!(
            "transfer {id} is between {:?} and {:?}",
            debit.unit, credit.unit
        ));
    }
    if let Some(open) = open {
        open.print.leg(
            leg.kind,
            &debit.key,
            &credit.key,
            leg.amount,
            leg.reserved.unwrap_or(0),
        );
    }
    match leg.kind {
        kind::RESERVE => {
            books.pending.insert(id, (leg.debit, leg.credit, leg.amount));
            hold(books, leg.debit, leg.amount);
        }
        kind::SETTLE | kind::RELEASE => match books.pending.remove(&leg.reserved.unwrap_or(0)) {
            Some((debit, credit, amount)) if (debit, credit) == (leg.debit, leg.credit) => {
                hold(books, debit, -amount);
            }
            _ => audit.finds(format!("transfer {id} resolves what is not pending")),
        },
        kind::MOVE => {}
        other => audit.finds(format!("transfer {id} is of the unknown kind {other}")),
    }
    let moves = matches!(leg.kind, kind::MOVE | kind::SETTLE);
    let sides = [
        (leg.debit, -leg.amount, leg.balances.0, leg.before.0),
        (leg.credit, leg.amount, leg.balances.1, leg.before.1),
    ];
    for (account, amount, balance, before) in sides {
        let Some(found) = books.accounts.get_mut(&account) else {
            continue;
        };
        let was = if moves { found.again.shift(amount, id) } else { 0 };
        let marked = moves && found.again.moves % MARK_EVERY == 0;
        let (again, who) = (found.again, format_args!("{} (account {account})", found.name));
        if again.balance != balance {
            audit.finds(format!(
                "transfer {id}: {who} has {}, not {balance}",
                again.balance
            ));
        }
        if was != before {
            audit.finds(format!(
                "transfer {id}: {who} was moved before by {was}, not {before}"
            ));
        }
        if !found.floating && again.balance < again.reserved {
            audit.finds(format!("transfer {id}: {who} is below zero"));
        }
        if marked && !books.marks.remove(&(account, id)) {
            audit.finds(format!("transfer {id}: {who} has no mark"));
        }
    }
}

impl Again {
    fn shift(&mut self, amount: i64, transfer: i64) -> i64 {
        self.balance = self.balance.wrapping_add(amount);
        self.moves += 1;
        std::mem::replace(&mut self.last_move, transfer)
    }
}

fn hold(books: &mut Books, account: i64, amount: i64) {
    if let Some(found) = books.accounts.get_mut(&account) {
        found.again.reserved = found.again.reserved.wrapping_add(amount);
    }
}

fn compare_balances(audit: &mut Audit, books: &Books) {
    let mut totals: BTreeMap<&str, i128> = BTreeMap::new();
    for (id, account) in &books.accounts {
        let again = account.again;
        let compared = [
            ("balance", account.balance, again.balance),
            ("reserve", account.reserved, again.reserved),
            ("number of moves", account.moves, again.moves),
            ("last move", account.last_move, again.last_move),
        ];
        for (what, said, counted) in compared {
            if said != counted {
                audit.finds(format!(
                    "account {id} ({}) gives as its {what} {said}, its transfers give {counted}",
                    account.name
                ));
            }
        }
        *totals.entry(account.unit.code()).or_default() += i128::from(account.balance);
        if !account.floating {
            *audit.held.entry(account.unit.code().to_owned()).or_default() += i128::from(account.balance);
        }
    }
    for (account, transfer) in &books.marks {
        audit.finds(format!(
            "account {account} has a mark at transfer {transfer} that is none"
        ));
    }
    for (unit, total) in totals {
        if total != 0 {
            audit.finds(format!("all balances in {unit} sum to {total}, not to zero"));
        }
    }
}

fn compare_head(db: &mut Reader, audit: &mut Audit, books: &Books) -> Result<(), StoreError> {
    let row = db.row(
        "SELECT last_transfer, last_posting, last_account, \
         (SELECT COUNT(*) FROM ledger_posting), (SELECT COUNT(*) FROM ledger_resolution), \
         (SELECT COUNT(*) FROM ledger_transfer WHERE kind IN (2, 3)), \
         (SELECT COUNT(*) FROM ledger_account), (SELECT COUNT(*) FROM ledger_balance) \
         FROM ledger_head WHERE id = 1",
        &[],
    )?;
    let Some(row) = row else {
        audit.finds("the head row is missing".into());
        return Ok(());
    };
    let (transfers, postings, accounts): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let stored: i64 = row.get(3)?;
    let counts = [
        ("transfers", transfers, audit.transfers as i64),
        ("postings", postings, audit.postings as i64),
        ("stored postings", stored, audit.postings as i64),
        ("accounts", accounts, books.accounts.len() as i64),
        ("resolutions", row.get(4)?, row.get(5)?),
        ("names of accounts", row.get(6)?, books.accounts.len() as i64),
        ("balances", row.get(7)?, books.accounts.len() as i64),
    ];
    for (what, said, counted) in counts {
        if said != counted {
            audit.finds(format!("{said} {what} were given out, {counted} are there"));
        }
    }
    Ok(())
}
