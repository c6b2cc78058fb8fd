//! The bench `audit`: ten million transfers, a year of them closed month by month, re-added with their seals on
//! SQLite and on PostgreSQL, beside reading the same rows by the same driver and doing nothing with them.
//!
//! Each round is a process of its own, so that the memory it needed at most is the audit's. Both cores are used, as
//! `busk audit` uses them.

use std::process::Command;
use std::time::Instant;

use busk_bench::figures::Report;
use busk_bench::process::resident_kb;
use busk_bench::{Fallible, books, database};
use busk_store::{Database, Reader, StoreError, params};
use clap::Parser;

#[derive(Parser)]
#[command(about = "How long the books take to be re-added")]
struct Plan {
    /// How long the books are.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(8..=1_000_000_000))]
    transfers: u64,
    /// Rounds of each database, of which the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// For the bench itself: audit or read this database, and tell seconds and kB.
    #[arg(long, hide = true)]
    one: Option<String>,
    #[arg(long, hide = true)]
    select: bool,
}

fn main() -> Fallible<()> {
    let plan = Plan::parse();
    if let Some(url) = &plan.one {
        return one(&Database::parse(url).ok_or("no such database")?, plan.select);
    }
    let mut report = Report::new("audit");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    // On a disk, where the usual temporary folder may be memory.
    let folder = tempfile::tempdir_in("/var/tmp")?;
    let size = match plan.transfers {
        10_000_000 => "10m".to_owned(),
        other => other.to_string(),
    };
    let databases = [
        (size.clone(), database::sqlite(folder.path())),
        (format!("postgres.{size}"), database::postgres("busk_audit")?),
    ];
    for (name, database) in databases {
        let filling = now();
        books::fill(&runtime, &database, plan.transfers)?;
        let filled = filling.elapsed().as_secs_f64();
        eprintln!("{name}: filled in {filled:.0} s");
        let (mut audits, mut selects, mut memory) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..plan.rounds {
            let (seconds, _) = round(&database, true)?;
            selects.push(seconds);
            let (seconds, kb) = round(&database, false)?;
            eprintln!("{name}: audited in {seconds:.2} s with {kb} kB");
            audits.push(seconds);
            memory.push(kb / 1_024.0);
        }
        report.figure(format!("audit.{name}.s"), &audits, "s");
        report.figure(format!("audit.{name}.memory_mb"), &memory, "MB");
        report.yardstick(format!("select.{name}.s"), &selects, "s");
        report.note(format!("{name}: posted and closed in {filled:.0} s"));
    }
    report.note(format!(
        "{} transfers, four of five of gifts, 12 seals; medians of {} rounds; the yardstick reads every column of \
         the same postings and transfers, a page at a time, by the same driver",
        plan.transfers, plan.rounds
    ));
    report.print()?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

/// Seconds and kB of one round, in a process of its own.
fn round(database: &Database, select: bool) -> Fallible<(f64, f64)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--one", &database::url(database)]);
    if select {
        command.arg("--select");
    }
    let done = command.output()?;
    let said = String::from_utf8(done.stdout)?;
    let (seconds, kb) = said.trim().split_once(' ').ok_or_else(|| {
        let why = String::from_utf8_lossy(&done.stderr);
        format!("a round ended without its figures: {why}")
    })?;
    Ok((seconds.parse()?, kb.parse()?))
}

fn one(database: &Database, select: bool) -> Fallible<()> {
    let begun = now();
    if select {
        busk_store::read_only(database, read_all)?;
    } else {
        let audit = busk_store::read_only(database, busk_ledger::audit::run)?;
        if !audit.is_clean() || audit.seals == 0 {
            return Err(format!("{} seals: {:?}", audit.seals, audit.findings).into());
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{seconds} {}", resident_kb(std::process::id(), "VmHWM:")?);
    Ok(())
}

/// The yardstick.
fn read_all(db: &mut Reader) -> Result<(), StoreError> {
    const POSTINGS: &str = "SELECT number, id, at, policy, cause, cause_id, corrects, digest, first_transfer, \
         last_transfer FROM ledger_posting WHERE number > $1 ORDER BY number LIMIT 16384";
    const TRANSFERS: &str = "SELECT id, posting, kind, debit, credit, amount, debit_balance, credit_balance, \
         debit_before, credit_before, reserved, expires_at FROM ledger_transfer WHERE id > $1 ORDER BY id LIMIT 16384";
    for (select, columns) in [(POSTINGS, 10), (TRANSFERS, 12)] {
        let (mut last, mut more) = (0, true);
        while more {
            more = false;
            db.each(select, params![last], |cells| {
                for column in 0..columns {
                    std::hint::black_box(cells.cell(column)?);
                }
                (last, more) = (cells.int(0)?, true);
                Ok(())
            })?;
        }
    }
    Ok(())
}
