//! The audit: re-adds the books from the first transfer to the last, trusting nothing that is stored
//! as a result, and hashes again what is sealed. Any change to a transfer, a posting, a balance or a seal shows as a
//! finding.
//!
//! Rows are streamed once, by number: one thread reads them, another re-adds and hashes. What is held in memory
//! is the accounts, the transfers that are pending, and a few pages of rows.

mod books;
mod fold;
mod seals;
mod stream;

use std::collections::BTreeMap;

use busk_base::Timestamp;
use busk_store::{Read, Reader, StoreError};
use serde::Serialize;

use crate::form::{FIRST, RESOLUTIONS, Rows};
use crate::seal::{Hash, Seal, anchor};
use books::Books;
use seals::Seals;

/// What was counted, and what is wrong with it.
#[derive(Debug, Default, Serialize)]
pub struct Audit {
    pub accounts: u64,
    pub postings: u64,
    pub transfers: u64,
    pub seals: u64,
    /// The end of the last period that is sealed.
    pub sealed_until: Option<Timestamp>,
    /// The sum of the balances that may not float, by unit: what people and platform hold.
    pub held: BTreeMap<String, i128>,
    pub findings: Vec<String>,
    /// How many more findings there are than are listed.
    pub findings_left_out: u64,
}

const FINDINGS_MAX: usize = 100;

impl Audit {
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Adds what the anchor's lines and the seals disagree on.
    pub fn compare_anchor(&mut self, seals: &[Seal], text: &str) {
        for finding in anchor::compare(seals, text) {
            self.finds(finding);
        }
    }

    fn finds(&mut self, finding: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.findings_left_out += 1;
        }
    }
}

/// Audits one unchanging picture of the books. The anchor is compared by [`Audit::compare_anchor`].
pub fn run(db: &mut Reader) -> Result<Audit, StoreError> {
    db.snapshot(|db| {
        let mut audit = Audit::default();
        let mut seals = Seals::read(db, &mut audit)?;
        let mut books = Books::read(db, &mut audit, &mut seals)?;
        let counted = stream::fold(db, &mut audit, &mut books, &mut seals)?;
        let resolutions = resolutions(db, &mut audit, &mut seals, counted.resolved)?;
        books.compare(&mut audit);
        compare_head(db, &mut audit, &counted)?;
        seals.compare(db, &mut audit, resolutions)?;
        Ok(audit)
    })
}

/// What the stream had.
#[derive(Clone, Copy, Default)]
struct Counted {
    /// Rows of postings, which may be more than have transfers.
    postings: i64,
    /// Transfers that settle or release.
    resolved: i64,
}

/// Compares the resolutions with the transfers that they name; gives the hash of each seal's.
fn resolutions(
    db: &mut Reader,
    audit: &mut Audit,
    seals: &mut Seals,
    resolved: i64,
) -> Result<Vec<Hash>, StoreError> {
    let mut hashes = seals.resolutions();
    let (mut from, mut page) = (Some(FIRST), Vec::new());
    let (mut count, mut right) = (0, 0);
    while let Some(first) = from {
        page.clear();
        let table = &RESOLUTIONS;
        let end = table.page(db, first, i64::MAX, 4, &mut page)?;
        let mut rows = Rows(&page);
        while let Some((fields, row)) = rows.fields::<4>() {
            count += 1;
            let [pending, transfer, kind, reserved] = fields.map(|field| field.number());
            let resolves = kind.is_some_and(|kind| [2, 3].contains(&kind)) && reserved == pending;
            if resolves {
                right += 1;
            } else {
                audit.finds(format!(
                    "the resolution of transfer {} names transfer {}, which does not resolve it",
                    pending.unwrap_or(0),
                    transfer.unwrap_or(0)
                ));
            }
            // The sealed columns come first.
            if let Some((_, sealed)) = Rows(row).next(table.width) {
                hashes.row(transfer.unwrap_or(0), sealed);
            }
        }
        from = end.next();
    }
    if right < resolved {
        let missing = db.rows(
            "SELECT t.reserved, t.id FROM ledger_transfer t \
             LEFT JOIN ledger_resolution r ON r.pending = t.reserved \
             WHERE t.kind IN (2, 3) AND r.pending IS NULL ORDER BY t.id LIMIT 100",
            &[],
        )?;
        for row in missing {
            let (pending, transfer): (Option<i64>, i64) = (row.get(0)?, row.get(1)?);
            audit.finds(format!(
                "the resolution of transfer {} by transfer {transfer} is missing",
                pending.unwrap_or(0)
            ));
        }
    }
    if count != resolved {
        audit.finds(format!("{resolved} resolutions were made, {count} are there"));
    }
    Ok(hashes.finish())
}

fn compare_head(db: &mut Reader, audit: &mut Audit, counted: &Counted) -> Result<(), StoreError> {
    let row = db.row(
        "SELECT last_transfer, last_posting, last_account, sealed_until, \
         (SELECT COUNT(*) FROM ledger_balance) FROM ledger_head WHERE id = 1",
        &[],
    )?;
    let Some(row) = row else {
        audit.finds("the head row is missing".into());
        return Ok(());
    };
    let (transfers, postings, accounts): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let (there, balances) = (audit.accounts as i64, row.get(4)?);
    let counts = [
        ("transfers", transfers, audit.transfers as i64),
        ("postings", postings, audit.postings as i64),
        ("stored postings", counted.postings, audit.postings as i64),
        ("accounts", accounts, there),
        ("balances", balances, there),
    ];
    for (what, said, counted) in counts {
        if said != counted {
            audit.finds(format!("{said} {what} were given out, {counted} are there"));
        }
    }
    let barred: Timestamp = row.get(3)?;
    if audit.sealed_until.is_some_and(|until| barred < until) {
        audit.finds(format!(
            "the head row bars the time before {barred} only, though it is sealed to a later one"
        ));
    }
    Ok(())
}
