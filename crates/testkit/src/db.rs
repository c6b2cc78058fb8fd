//! A fresh, empty database of each kind.
//!
//! `each_db!(name, |db| async move { … })` makes two tests of one body. PostgreSQL is reached by
//! `BUSK_TEST_POSTGRES` (`cargo xtask test` starts a throw-away cluster and sets it); each test makes a
//! database of its own there and drops it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use busk_store::{Config, Database, Migration, Sink, Store};

/// A fresh database; gone when dropped.
pub struct TestDb {
    pub database: Database,
    guard: Guard,
}

enum Guard {
    Folder {
        _folder: tempfile::TempDir,
    },
    /// Somebody else's.
    Kept,
    Postgres {
        admin: String,
        name: String,
    },
}

/// Makes a test for SQLite and one for PostgreSQL of an async function that takes a [`TestDb`].
#[macro_export]
macro_rules! each_db {
    ($name:ident, $body:expr) => {
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let body = $body;
                body($crate::db::TestDb::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let body = $body;
                body($crate::db::TestDb::postgres().await).await;
            }
        }
    };
}

impl TestDb {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Self {
            database: Database::Sqlite(folder.path().join("busk.db")),
            guard: Guard::Folder { _folder: folder },
        }
    }

    /// The file `busk.db` of a folder, which is left there.
    pub fn sqlite_in(folder: &std::path::Path) -> Self {
        Self::kept(Database::Sqlite(folder.join("busk.db")))
    }

    /// One that is left as it is.
    pub fn kept(database: Database) -> Self {
        Self {
            database,
            guard: Guard::Kept,
        }
    }

    pub async fn postgres() -> Self {
        Self::postgres_like("template1").await
    }

    /// Another one with the same in it. Whoever has a PostgreSQL open loses the connection.
    pub async fn copy(&self) -> Self {
        match (&self.database, &self.guard) {
            (Database::Sqlite(path), _) => {
                let copy = Self::sqlite();
                let Database::Sqlite(to) = &copy.database else {
                    unreachable!("it was just made so")
                };
                let connection = rusqlite::Connection::open(path).expect("the file opens");
                let copied = connection.execute("VACUUM INTO ?1", [to.display().to_string()]);
                copied.expect("the file can be written anew");
                copy
            }
            (Database::Postgres(_), Guard::Postgres { name, .. }) => Self::postgres_like(name).await,
            (Database::Postgres(_), _) => unreachable!("it is made with a name"),
        }
    }

    async fn postgres_like(template: &str) -> Self {
        #[expect(clippy::disallowed_methods, reason = "where the tests' PostgreSQL is")]
        let admin = std::env::var("BUSK_TEST_POSTGRES")
            .expect("BUSK_TEST_POSTGRES names a PostgreSQL; `cargo xtask test` starts one");
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "busk_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        // A database that is open cannot be copied.
        let leave =
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{template}'");
        if template != "template1" {
            run(&admin, &leave).await;
        }
        run(&admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        let base = admin.rsplit_once('/').map_or(admin.as_str(), |(base, _)| base);
        let database = Database::Postgres(format!("{base}/{name}"));
        Self {
            database,
            guard: Guard::Postgres { admin, name },
        }
    }

    /// The address in the form that `busk --database-url` takes.
    pub fn url(&self) -> String {
        match &self.database {
            Database::Sqlite(path) => format!("sqlite:{}", path.display()),
            Database::Postgres(url) => url.clone(),
        }
    }

    /// Runs statements behind the store's back, as someone who tampers with the database would.
    pub async fn tamper(&self, statements: &str) {
        match &self.database {
            Database::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).expect("the file opens");
                connection.execute_batch(statements).expect("the statements run");
            }
            Database::Postgres(url) => run(url, statements).await,
        }
    }

    /// How many rows each table has: equal before and after what must change nothing.
    pub async fn row_counts(&self) -> BTreeMap<String, i64> {
        match &self.database {
            Database::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).expect("the file opens");
                let count = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
                let names = "SELECT group_concat(name) FROM sqlite_master WHERE type = 'table'";
                let names = connection.query_row(names, [], |row| row.get::<_, String>(0));
                let names = names.expect("there are tables");
                let counted = names.split(',').map(|name| {
                    let rows = count(&format!("SELECT COUNT(*) FROM {name}"));
                    (name.to_owned(), rows.expect("a table can be counted"))
                });
                counted.collect()
            }
            Database::Postgres(url) => postgres_row_counts(url).await,
        }
    }

    /// Every column of every table, as `table.column`.
    pub async fn columns(&self) -> Vec<String> {
        match &self.database {
            Database::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).expect("the file opens");
                let sql = "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c \
                     WHERE m.type = 'table' ORDER BY 1";
                let mut statement = connection.prepare(sql).expect("the schema can be asked");
                let rows = statement.query_map([], |row| row.get::<_, String>(0));
                let rows = rows.expect("the schema can be read");
                rows.map(|row| row.expect("a name is text")).collect()
            }
            Database::Postgres(url) => {
                let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
                    .await
                    .expect("the test's database is reachable");
                let driving = tokio::spawn(connection);
                let sql = "SELECT table_name || '.' || column_name FROM information_schema.columns \
                     WHERE table_schema = 'public' ORDER BY 1";
                let rows = client.query(sql, &[]).await.expect("the schema can be read");
                drop(client);
                let _ = driving.await;
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// All text and bytes of every column, as `table.column`: what is not in it, the database does not have.
    pub async fn dump(&self) -> BTreeMap<String, Vec<String>> {
        let mut dump = BTreeMap::new();
        for column in self.columns().await {
            let (table, name) = column.split_once('.').expect("a column has a table");
            let sql = |cast: &str| format!("SELECT {cast} FROM {table} WHERE {name} IS NOT NULL ORDER BY 1");
            let values = match &self.database {
                Database::Sqlite(path) => {
                    let connection = rusqlite::Connection::open(path).expect("the file opens");
                    let sql = sql(&format!("CAST({name} AS BLOB)"));
                    let mut statement = connection.prepare(&sql).expect("a column can be read");
                    let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0));
                    let rows = rows.expect("a column can be read");
                    rows.map(|row| String::from_utf8_lossy(&row.expect("bytes are bytes")).into_owned())
                        .collect()
                }
                Database::Postgres(url) => {
                    let texts = postgres_texts(url, &sql(&format!("CAST({name} AS TEXT)"))).await;
                    texts.into_iter().map(of_hex).collect()
                }
            };
            dump.insert(column, values);
        }
        dump
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self.database, Database::Sqlite(_))
    }

    pub fn open(&self, migrations: &[&[Migration]]) -> Store {
        self.open_with(migrations, None)
    }

    /// Opens with a sink for announcements.
    pub fn open_with(&self, migrations: &[&[Migration]], sink: Option<Sink>) -> Store {
        let config = Config {
            sink,
            ..Config::new(self.database.clone())
        };
        let migrations: Vec<Vec<Migration>> = migrations.iter().map(|part| part.to_vec()).collect();
        // The store drives PostgreSQL on a runtime of its own, which must not nest in the test's.
        std::thread::spawn(move || {
            let parts: Vec<&[Migration]> = migrations.iter().map(Vec::as_slice).collect();
            Store::open(config, &parts).expect("a fresh database opens")
        })
        .join()
        .expect("opening does not panic")
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        match &self.guard {
            Guard::Folder { .. } | Guard::Kept => {}
            Guard::Postgres { admin, name } => {
                let (admin, drop) = (
                    admin.clone(),
                    format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
                );
                let dropping = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    runtime
                        .expect("a runtime can be made")
                        .block_on(run(&admin, &drop));
                });
                let _ = dropping.join();
            }
        }
    }
}

async fn postgres_row_counts(url: &str) -> BTreeMap<String, i64> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .expect("the test's database is reachable");
    let driving = tokio::spawn(connection);
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
    let mut counts = BTreeMap::new();
    for table in client.query(tables, &[]).await.expect("tables are listed") {
        let name: String = table.get(0);
        let counted = client
            .query_one(&format!("SELECT COUNT(*) FROM {name}"), &[])
            .await;
        counts.insert(name, counted.expect("a table can be counted").get(0));
    }
    drop(client);
    let _ = driving.await;
    counts
}

/// Bytes as PostgreSQL writes them, as the text that they may be.
fn of_hex(text: String) -> String {
    let Some(hex) = text.strip_prefix("\\x").filter(|hex| hex.is_ascii()) else {
        return text;
    };
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
    bytes.map_or(text, |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

async fn postgres_texts(url: &str, sql: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .expect("the test's database is reachable");
    let driving = tokio::spawn(connection);
    let rows = client.query(sql, &[]).await.expect("a column can be read");
    drop(client);
    let _ = driving.await;
    rows.iter().map(|row| row.get(0)).collect()
}

async fn run(url: &str, statement: &str) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .expect("BUSK_TEST_POSTGRES is reachable");
    let driving = tokio::spawn(connection);
    client
        .batch_execute(statement)
        .await
        .expect("the tests' role may create databases");
    drop(client);
    let _ = driving.await;
}
