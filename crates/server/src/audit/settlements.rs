//! `busk audit --settlements`: what the providers report that they moved, compared with the books line by line.
//!
//! Invariant: nothing is changed anywhere; the fees that a report has are posted by an operator's comparison alone.

use std::io::{self, Write};
use std::time::Duration;

use busk_base::Timestamp;
use busk_commerce::providers::{ProviderError, sandbox, stripe};
use busk_commerce::settlements::{Comparison, Difference, against_books};
use busk_commerce::statements::moment;
use busk_store::{Database, StoreError};
use serde::Serialize;

use crate::config::Config;

/// What is compared when nothing is said: as much as an operator compares at once.
const DAYS_31: Duration = Duration::from_secs(31 * 24 * 3_600);
/// Up to so long ago: of what is younger, the notice may still be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(3_600);

/// Whether providers are asked, and of which time.
#[derive(Clone, Debug, clap::Args)]
pub struct Wanted {
    /// Also compare with what the payment providers report that they moved
    #[arg(long)]
    pub settlements: bool,
    /// The first day (2026-11-01) or moment (RFC 3339) [default: 31 days before the last]
    #[arg(long, value_name = "DAY", requires = "settlements", value_parser = parse_moment)]
    from: Option<Timestamp>,
    /// The day or moment after the last [default: an hour ago]
    #[arg(long, value_name = "DAY", requires = "settlements", value_parser = parse_moment)]
    to: Option<Timestamp>,
}

fn parse_moment(text: &str) -> Result<Timestamp, &'static str> {
    moment(text).ok_or("must be a day, as 2026-11-21, or an RFC 3339 time")
}

#[derive(Debug, thiserror::Error)]
pub enum SettlementsError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{provider}: {error}")]
    Provider {
        provider: &'static str,
        error: ProviderError,
    },
}

/// A provider's report against the books.
#[derive(Debug, Serialize)]
pub struct Settled {
    pub provider: &'static str,
    pub from: Timestamp,
    pub to: Timestamp,
    pub clean: bool,
    /// Movements that are in both by the same amount.
    pub matched: usize,
    /// What the provider did for itself, which no book has.
    pub others: usize,
    pub differences: Vec<Difference>,
}

impl Settled {
    fn new(provider: &'static str, (from, to): (Timestamp, Timestamp), found: Comparison) -> Self {
        Self {
            provider,
            from,
            to,
            clean: found.is_clean(),
            matched: found.matched.len(),
            others: found.others.len(),
            differences: found.differences,
        }
    }
}

/// Asks every provider that is configured. PostgreSQL is driven by a runtime of the store's own, so this is to be called
/// outside of `runtime`.
pub fn run(
    config: &Config,
    wanted: &Wanted,
    now: Timestamp,
    runtime: &tokio::runtime::Runtime,
) -> Result<Vec<Settled>, SettlementsError> {
    let to = wanted.to.unwrap_or(now - ON_ITS_WAY);
    let time = (wanted.from.unwrap_or(to - DAYS_31), to);
    let refused = |provider| move |error| SettlementsError::Provider { provider, error };
    let mut reported = None;
    busk_store::read_only(&config.database, |db| {
        reported = Some(sandbox::report(db, time.0, time.1));
        Ok(())
    })?;
    let lines = reported
        .unwrap_or_else(|| Ok(Vec::new()))
        .map_err(refused(sandbox::PROVIDER))?;
    let mut settled = vec![compared(&config.database, sandbox::PROVIDER, lines, time)?];
    if let Some(stripe) = &config.stripe {
        let asked = runtime.block_on(stripe::report(stripe, time.0, time.1));
        let lines = asked.map_err(refused(stripe::PROVIDER))?;
        settled.push(compared(&config.database, stripe::PROVIDER, lines, time)?);
    }
    Ok(settled)
}

fn compared(
    database: &Database,
    provider: &'static str,
    lines: Vec<busk_commerce::providers::Settlement>,
    time: (Timestamp, Timestamp),
) -> Result<Settled, StoreError> {
    let found = busk_store::read_only(database, |db| {
        against_books(db, provider, lines.clone(), time.0, time.1)
    })?;
    Ok(Settled::new(provider, time, found))
}

/// For people: each difference in a line of its own.
pub fn print(settled: &[Settled], out: &mut impl Write) -> io::Result<()> {
    for Settled {
        provider,
        from,
        to,
        clean,
        matched,
        differences,
        ..
    } in settled
    {
        writeln!(out, "{provider}, {from} to {to}: {matched} movements as reported")?;
        for difference in differences {
            writeln!(out, "  ! {difference}")?;
        }
        if !clean {
            writeln!(out, "{provider} and the books DIFFER.")?;
        }
    }
    Ok(())
}
