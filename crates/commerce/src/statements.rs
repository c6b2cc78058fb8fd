//! What the books say, for whoever keeps books of their own: lists to look through, and exports as CSV and as
//! plain-text journals (`docs/books.md`).
//!
//! An export is made piece by piece, each from one short read, so that it needs no memory of its own and holds no
//! connection while its reader is slow. What it lists is only ever added to, so the pieces fit together.
//! Invariant: exports add nothing up that the ledger has not; every figure is a transfer's or a sum of transfers'.

mod chart;
mod csv;
mod http;
mod journal;
mod operator;
pub(crate) mod taxes;
#[cfg(test)]
mod tests;

use busk_base::Timestamp;
use busk_store::{Reader, StoreError};

pub use csv::{PostingsCsv, StatementCsv};
pub use http::routes;
pub use journal::{CreatorJournal, Format, Journal};

/// Postings, or lines, that are read for one piece.
const PIECE: i64 = 500;

/// A text made piece by piece.
pub trait Export: Send {
    /// The next piece, from a read of its own; `None` after the last.
    fn next(&mut self, db: &mut Reader) -> Result<Option<String>, StoreError>;
}

/// A day (`2026-11-21`, from its beginning in UTC) or a moment (RFC 3339).
pub fn moment(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}T00:00:00Z").parse()).ok()
}
