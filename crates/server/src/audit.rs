//! `busk audit`: re-adds the books, compares the seals with them and with the anchor, and says what it found.

pub mod settlements;

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use busk_ledger::audit::{self, Audit};
use busk_ledger::seal;
use busk_ledger::seal::anchor::compare;
use busk_store::{Database, StoreError};

use serde::Serialize;

use self::settlements::Settled;
use crate::anchor;

/// How long a server that has added a seal may take to write its line.
const LINE_WITHIN: Duration = Duration::from_secs(1);

/// Reads the database and the anchor file in the data folder, changes nothing.
pub fn run(database: &Database, folder: &Path) -> Result<Audit, StoreError> {
    let mut audit = busk_store::read_only(database, audit::run)?;
    // Seals that cannot be read are findings already.
    let Ok(mut seals) = busk_store::read_only(database, seal::all) else {
        return Ok(audit);
    };
    let mut text = anchor(folder)?;
    if !compare(&seals, &text).is_empty() {
        // Beside a server that is closing a month just now: its line comes after its seal.
        std::thread::sleep(LINE_WITHIN);
        seals = busk_store::read_only(database, seal::all)?;
        text = anchor(folder)?;
    }
    audit.compare_anchor(&seals, &text);
    Ok(audit)
}

fn anchor(folder: &Path) -> Result<String, StoreError> {
    anchor::text(folder).map_err(|error| StoreError::Unavailable(format!("the anchor file: {error}")))
}

/// The audit, and what providers were asked.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    audit: &'a Audit,
    #[serde(skip_serializing_if = "Option::is_none")]
    settlements: Option<&'a [Settled]>,
}

/// Prints the audit, as JSON or for people; and the providers' reports, if they were asked for.
pub fn print(
    audit: &Audit,
    settlements: Option<&[Settled]>,
    json: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    if json {
        let whole = Whole { audit, settlements };
        serde_json::to_writer_pretty(&mut *out, &whole).map_err(io::Error::other)?;
        return writeln!(out);
    }
    writeln!(
        out,
        "{} accounts, {} postings, {} transfers re-added",
        audit.accounts, audit.postings, audit.transfers
    )?;
    if let Some(until) = audit.sealed_until {
        writeln!(out, "{} seals, until {until}", audit.seals)?;
    }
    for (unit, held) in &audit.held {
        writeln!(out, "  {held} {unit} held")?;
    }
    for finding in &audit.findings {
        writeln!(out, "  ! {finding}")?;
    }
    if audit.findings_left_out > 0 {
        writeln!(out, "  ! and {} more", audit.findings_left_out)?;
    }
    settlements::print(settlements.unwrap_or_default(), out)?;
    writeln!(
        out,
        "{}",
        if audit.is_clean() {
            "The books balance."
        } else {
            "The books do NOT balance."
        }
    )
}
