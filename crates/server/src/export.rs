//! `busk export`: the books, or a creator's part of them, to standard output.

use std::io::{self, Write};

use busk_base::Timestamp;
use busk_commerce::statements::{CreatorJournal, Export, Format, Journal, PostingsCsv, StatementCsv, moment};
use busk_ledger::journal::Span;
use busk_store::{Database, StoreError};

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum As {
    /// One line a transfer; of a creator, one line a posting
    Csv,
    /// A journal for hledger
    Hledger,
    /// A journal for beancount
    Beancount,
}

/// What is exported.
#[derive(Clone, Debug, clap::Args)]
pub struct Wanted {
    /// How it is written
    #[arg(long, value_enum)]
    format: As,
    /// The first day (2026-11-01) or moment (RFC 3339)
    #[arg(long, value_name = "DAY", value_parser = parse_moment)]
    from: Option<Timestamp>,
    /// The day or moment after the last
    #[arg(long, value_name = "DAY", value_parser = parse_moment)]
    to: Option<Timestamp>,
    /// Only this creator's accounts
    #[arg(long, value_name = "HANDLE")]
    creator: Option<String>,
}

fn parse_moment(text: &str) -> Result<Timestamp, &'static str> {
    moment(text).ok_or("must be a day, as 2026-11-21, or an RFC 3339 time")
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no channel of the handle {0}")]
    HandleUnknown(String),
    #[error("the export cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Writes the export as it is made; a piece at a time is in memory.
pub fn run(database: &Database, wanted: &Wanted, out: &mut impl Write) -> Result<(), ExportError> {
    let span = Span {
        from: wanted.from.unwrap_or(Span::ALL.from),
        to: wanted.to.unwrap_or(Span::ALL.to),
    };
    let mut written = Ok(());
    let known = busk_store::read_only(database, |db| {
        let channel = match &wanted.creator {
            None => None,
            Some(handle) => match busk_people::channel_by_handle(db, handle)? {
                Some(channel) => Some(channel.id),
                None => return Ok(false),
            },
        };
        let mut export: Box<dyn Export> = match (wanted.format.program(), channel) {
            (None, None) => Box::new(PostingsCsv::new(span)),
            (None, Some(channel)) => Box::new(StatementCsv::new(channel, span)),
            (Some(format), None) => Box::new(Journal::new(span, format)),
            (Some(format), Some(channel)) => Box::new(CreatorJournal::new(channel, span, format)),
        };
        while written.is_ok()
            && let Some(piece) = export.next(db)?
        {
            written = out.write_all(piece.as_bytes());
        }
        Ok(true)
    })?;
    if !known {
        return Err(ExportError::HandleUnknown(
            wanted.creator.clone().unwrap_or_default(),
        ));
    }
    Ok(written.and_then(|()| out.flush())?)
}

impl As {
    fn program(self) -> Option<Format> {
        match self {
            As::Csv => None,
            As::Hledger => Some(Format::Hledger),
            As::Beancount => Some(Format::Beancount),
        }
    }
}
