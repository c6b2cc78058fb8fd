//! `busk audit`: re-adds the books and says what it found.

use std::io::{self, Write};

use busk_ledger::audit::{self, Audit};
use busk_store::{Database, StoreError};

/// Reads the database, changes nothing.
pub fn run(database: &Database) -> Result<Audit, StoreError> {
    busk_store::read_only(database, audit::run)
}

/// Prints the audit, as JSON or for people.
pub fn print(audit: &Audit, json: bool, out: &mut impl Write) -> io::Result<()> {
    if json {
        serde_json::to_writer_pretty(&mut *out, audit).map_err(io::Error::other)?;
        return writeln!(out);
    }
    writeln!(
        out,
        "{} accounts, {} postings, {} transfers re-added",
        audit.accounts, audit.postings, audit.transfers
    )?;
    for (unit, held) in &audit.held {
        writeln!(out, "  {held} {unit} held")?;
    }
    for finding in &audit.findings {
        writeln!(out, "  ! {finding}")?;
    }
    if audit.findings_left_out > 0 {
        writeln!(out, "  ! and {} more", audit.findings_left_out)?;
    }
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
