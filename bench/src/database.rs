//! Databases of a bench: a file of its own, and one in the PostgreSQL that `cargo xtask bench` started.

use std::path::{Path, PathBuf};
use std::process::Command;

use busk_store::Database;

use crate::Fallible;

pub fn sqlite(folder: &Path) -> Database {
    Database::Sqlite(folder.join("busk.db"))
}

/// Makes a database there.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo xtask bench says where PostgreSQL is"
)]
pub fn postgres(name: &str) -> Fallible<Database> {
    let url = std::env::var("BUSK_BENCH_POSTGRES")
        .map_err(|_| "BUSK_BENCH_POSTGRES is not set; run it by `cargo xtask bench`")?;
    let programs = std::env::var("BUSK_PG_BIN").map_err(|_| "BUSK_PG_BIN is not set")?;
    let made = Command::new(PathBuf::from(programs).join("psql"))
        .args(["-q", "-c", &format!("CREATE DATABASE {name}"), &url])
        .output()?;
    if !made.status.success() {
        return Err(format!("psql: {}", String::from_utf8_lossy(&made.stderr)).into());
    }
    let base = url.rsplit_once('/').map_or(url.as_str(), |(base, _)| base);
    Ok(Database::Postgres(format!("{base}/{name}")))
}

/// The address in the form that [`Database::parse`] reads.
pub fn url(database: &Database) -> String {
    match database {
        Database::Sqlite(path) => format!("sqlite:{}", path.display()),
        Database::Postgres(url) => url.clone(),
    }
}
