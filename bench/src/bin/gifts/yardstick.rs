//! What the same disk and the same PostgreSQL do without us.

use std::error::Error;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use busk_store::Database;

const SCALE: &str = "100";
const NAIVE_TABLES: &str = include_str!("naive_tables.sql");
const NAIVE: &str = include_str!("naive.sql");

/// Pages of 4 KiB written and synced one after the other.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
pub fn fsyncs_per_s(folder: &Path) -> Result<f64, std::io::Error> {
    let mut file = File::create(folder.join("fsync"))?;
    file.set_len(1 << 20)?;
    file.sync_all()?;
    let (page, start) = ([7u8; 4_096], Instant::now());
    let mut count = 0u64;
    while start.elapsed() < Duration::from_secs(1) {
        file.seek(SeekFrom::Start(count % 256 * 4_096))?;
        file.write_all(&page)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

/// The server that `cargo xtask bench` started, with its own programs.
pub struct Postgres {
    base: String,
    programs: PathBuf,
}

impl Postgres {
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo xtask bench says where PostgreSQL is"
    )]
    pub fn from_environment() -> Result<Self, Box<dyn Error>> {
        let url = std::env::var("BUSK_BENCH_POSTGRES")
            .map_err(|_| "BUSK_BENCH_POSTGRES is not set; run `cargo xtask bench gifts`")?;
        let programs = std::env::var("BUSK_PG_BIN").map_err(|_| "BUSK_PG_BIN is not set")?;
        let base = url
            .rsplit_once('/')
            .map_or(url.as_str(), |(base, _)| base)
            .to_owned();
        Ok(Self {
            base,
            programs: programs.into(),
        })
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }

    pub fn database(&self, name: &str) -> Result<Database, Box<dyn Error>> {
        let sql = format!("CREATE DATABASE {name}");
        self.run("psql", &["-q", "-c", &sql, &self.url("postgres")])?;
        Ok(Database::Postgres(self.url(name)))
    }

    pub fn prepare_pgbench(&self) -> Result<(), Box<dyn Error>> {
        self.database("tpcb")?;
        self.run("pgbench", &["-i", "-q", "-s", SCALE, &self.url("tpcb")])
            .map(|_| ())
    }

    /// Tables for [`Postgres::naive`].
    pub fn prepare_naive(&self) -> Result<(), Box<dyn Error>> {
        self.database("naive")?;
        let mut tables = tempfile::NamedTempFile::new()?;
        tables.write_all(NAIVE_TABLES.as_bytes())?;
        let path = tables.path().display().to_string();
        self.run(
            "psql",
            &["-q", "-v", "ON_ERROR_STOP=1", "-f", &path, &self.url("naive")],
        )
        .map(|_| ())
    }

    /// Gifts a second when each is a transaction of its own that writes the same rows, a statement at a time.
    pub fn naive(&self, clients: usize, seconds: u64) -> Result<f64, Box<dyn Error>> {
        let mut script = tempfile::NamedTempFile::new()?;
        script.write_all(NAIVE.as_bytes())?;
        let path = script.path().display().to_string();
        self.transactions(&["-f", &path], "naive", clients, seconds)
    }

    /// Transactions a second of the built-in TPC-B-like script.
    pub fn pgbench(&self, clients: usize, seconds: u64) -> Result<f64, Box<dyn Error>> {
        self.transactions(&[], "tpcb", clients, seconds)
    }

    fn transactions(
        &self,
        script: &[&str],
        database: &str,
        clients: usize,
        seconds: u64,
    ) -> Result<f64, Box<dyn Error>> {
        let (clients, seconds, url) = (clients.to_string(), seconds.to_string(), self.url(database));
        let mut args = vec!["-n", "-M", "prepared", "-c", &clients, "-j", "2", "-T", &seconds];
        args.extend(script);
        args.push(&url);
        let out = self.run("pgbench", &args)?;
        let line = out.lines().find_map(|line| line.strip_prefix("tps = "));
        let tps = line
            .and_then(|rest| rest.split_whitespace().next())
            .ok_or("pgbench told no tps")?;
        eprintln!("pgbench, {database}: {tps} transactions/s");
        Ok(tps.parse()?)
    }

    fn run(&self, program: &str, args: &[&str]) -> Result<String, Box<dyn Error>> {
        let out = Command::new(self.programs.join(program)).args(args).output()?;
        if !out.status.success() {
            return Err(format!("{program}: {}", String::from_utf8_lossy(&out.stderr)).into());
        }
        Ok(String::from_utf8(out.stdout)?)
    }
}
