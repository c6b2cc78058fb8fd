//! The bench `gifts`: the whole of `gifts::send` (ledger legs, gift row, room event), durable, by 1, 64 and
//! 1 024 callers on SQLite and by 64 on PostgreSQL, beside the disk's own speed, one transaction a gift,
//! and, on the same server in the same minutes, pgbench's TPC-B, and a gift's rows written a statement at a time.
//!
//! Then the same through the real program's HTTP, by 1 024 clients that keep their connections.
//!
//! Callers wait for their answer before they send again, as people do; the rate is what all of them reach
//! together. The writer's thread has one core, the callers the other.

mod http;
mod load;
mod site;
mod yardstick;

use busk_bench::figures::Report;
use busk_bench::process::Cores;
use busk_store::Database;
use clap::Parser;

use load::{Figures, load};
use site::Site;

const ROUNDS: usize = 3;
const SECONDS: u64 = 3;
const CREATORS: usize = 10_000;

#[derive(Parser)]
#[command(about = "How many gifts are taken, durably")]
struct Plan {
    /// Measure only through HTTP
    #[arg(long)]
    http: bool,
    /// Rounds through HTTP, and how long each is
    #[arg(long, default_value_t = ROUNDS)]
    rounds: usize,
    #[arg(long, default_value_t = SECONDS)]
    seconds: u64,
    #[arg(long, default_value_t = CREATORS)]
    creators: usize,
    #[arg(long, default_value_t = 1_024)]
    clients: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut report = Report::new("gifts");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let plan = Plan::parse();
    // Before anything is pinned.
    let cores = Cores::pick().map_err(|error| error.to_string())?;
    if !plan.http {
        sqlite(&runtime, &mut report)?;
        postgres(&runtime, &mut report)?;
    }
    through_http(&runtime, &cores, &plan, &mut report)?;
    if !plan.http {
        report.note(format!(
            "{ROUNDS} rounds of {SECONDS} s each, medians; {CREATORS} creators and senders"
        ));
    }
    report.note(format!(
        "through HTTP {} rounds of {} s, medians; {} creators; the server may use both cores, the load one of them",
        plan.rounds, plan.seconds, plan.creators
    ));
    report.print()?;
    Ok(())
}

type Fallible = Result<(), Box<dyn std::error::Error>>;

fn sqlite(runtime: &tokio::runtime::Runtime, report: &mut Report) -> Fallible {
    let folder = tempfile::tempdir()?;
    let mut found: [Vec<Figures>; 3] = Default::default();
    let (mut fsync, mut one_by_one) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        fsync.push(yardstick::fsyncs_per_s(folder.path())?);
        let database = |name: &str| Database::Sqlite(folder.path().join(format!("{name}{round}.db")));
        let site = Site::open(runtime, database("batched"), CREATORS, 1_024)?;
        for (callers, found) in [1, 64, 1_024].into_iter().zip(&mut found) {
            let figures = load(runtime, &site, callers, SECONDS);
            eprintln!("sqlite, {callers} callers: {figures:?}");
            found.push(figures);
        }
        site.check()?;
        let single = Site::open(runtime, database("single"), 1_000, 1)?;
        let figures = load(runtime, &single, 64, SECONDS);
        eprintln!("sqlite, one by one: {figures:?}");
        one_by_one.push(figures.per_s);
        single.check()?;
    }
    for (callers, found) in ["1", "64", "1024"].into_iter().zip(&found) {
        let all = |of: fn(&Figures) -> f64| found.iter().map(of).collect::<Vec<_>>();
        report.figure(format!("sqlite.{callers}.per_s"), &all(|f| f.per_s), "gifts/s");
        report.figure(format!("sqlite.{callers}.p50_ms"), &all(|f| f.p50_ms), "ms");
        report.figure(format!("sqlite.{callers}.p99_ms"), &all(|f| f.p99_ms), "ms");
    }
    report.yardstick("disk.fsync.per_s", &fsync, "1/s");
    report.yardstick("sqlite.one_by_one.per_s", &one_by_one, "gifts/s");
    Ok(())
}

fn through_http(
    runtime: &tokio::runtime::Runtime,
    cores: &Cores,
    plan: &Plan,
    report: &mut Report,
) -> Fallible {
    let wanted = http::Wanted {
        creators: plan.creators,
        clients: plan.clients,
        seconds: plan.seconds,
    };
    let server = yardstick::Postgres::from_environment()?;
    for kind in ["sqlite", "postgres"] {
        let mut found = Vec::new();
        for round in 0..plan.rounds {
            let folder = tempfile::tempdir_in("/var/tmp")?;
            let database = match kind {
                "sqlite" => Database::Sqlite(folder.path().join("busk.db")),
                _ => server.database(&format!("busk_http_{round}"))?,
            };
            let figures = http::load(runtime, cores, database, wanted).map_err(|error| error.to_string())?;
            eprintln!("http, {kind}, {} clients: {figures:?}", plan.clients);
            found.push(figures);
        }
        let all = |of: fn(&Figures) -> f64| found.iter().map(of).collect::<Vec<_>>();
        let name = |figure: &str| format!("http.{kind}.{}.{figure}", plan.clients);
        report.figure(name("per_s"), &all(|f| f.per_s), "gifts/s");
        report.figure(name("p99_ms"), &all(|f| f.p99_ms), "ms");
    }
    Ok(())
}

fn postgres(runtime: &tokio::runtime::Runtime, report: &mut Report) -> Fallible {
    let server = yardstick::Postgres::from_environment()?;
    server.prepare_pgbench()?;
    server.prepare_naive()?;
    let spread = Site::open(runtime, server.database("busk_spread")?, CREATORS, 1_024)?;
    let hot = Site::open(runtime, server.database("busk_hot")?, 1, 1_024)?;
    let (mut spread_found, mut hot_found) = (Vec::new(), Vec::new());
    let (mut pgbench, mut naive) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        pgbench.push(server.pgbench(64, SECONDS * 2)?);
        naive.push(server.naive(64, SECONDS * 2)?);
        for (site, found) in [(&spread, &mut spread_found), (&hot, &mut hot_found)] {
            let figures = load(runtime, site, 64, SECONDS);
            eprintln!("postgres, {} creators: {figures:?}", site.creators());
            found.push(figures);
        }
    }
    spread.check()?;
    hot.check()?;
    for (name, found) in [("spread", &spread_found), ("hot", &hot_found)] {
        let all = |of: fn(&Figures) -> f64| found.iter().map(of).collect::<Vec<_>>();
        report.figure(format!("postgres.{name}.per_s"), &all(|f| f.per_s), "gifts/s");
        report.figure(format!("postgres.{name}.p99_ms"), &all(|f| f.p99_ms), "ms");
    }
    report.yardstick("pgbench.tpcb.per_s", &pgbench, "transactions/s");
    report.yardstick("postgres.statement_by_statement.per_s", &naive, "gifts/s");
    Ok(())
}
