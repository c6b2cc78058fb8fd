//! Rows, on SQLite or PostgreSQL: the only crate that knows which.
//!
//! Domain code is a plain function over [`Tx`], handed to [`Store::write`]. One writer thread drains a
//! queue of such functions, runs a batch of them in one transaction, commits once and then answers all
//! of them (*group commit*): an answer therefore means durable. Reads go to their own connections.
//!
//! What a batch shares, so that domain code is fast without batching by hand:
//! - [`Entity`] rows are read once ([`Tx::find`]); [`Ahead`] lets a function name the rows that it will
//!   want, so that a whole batch reads them with one statement a table;
//! - [`Insert`] and [`Update`] rows are kept back and written set-wise at the end.
//!
//! A function that refuses (returns `Err`) before its first write costs the batch nothing. One that
//! refuses after it, or meets a database error, rolls the batch back; its members then run one by one.
//! A function may therefore run more than once: it must have no effect but through its `Tx`.

mod batch;
mod cells;
mod engine;
mod entity;
pub mod jobs;
mod migrate;
mod postgres;
mod read;
mod sql;
mod sqlite;
mod store;
mod tx;
mod value;

pub use cells::{Cell, Cells};
pub use entity::{Ahead, Entity};
pub use migrate::Migration;
pub use read::{Read, Reader};
pub use sql::{Insert, Type, Update};
pub use store::{Config, Database, Sink, Store, read_only};
pub use tx::{Announcement, Tx};
pub use value::{FromValue, Row, Value};

/// Why the database could not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot write now (disk full, connection lost). Retry later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A row with this key is there already.
    #[error("a unique key is taken: {0}")]
    Unique(String),
    /// The database's own guard refused (`CHECK`, foreign key, append-only trigger).
    #[error("the database refused the row: {0}")]
    Constraint(String),
    /// Another transaction won; the writer retries these itself.
    #[error("another transaction won: {0}")]
    Conflict(String),
    /// A statement, a type or a stored value that cannot be: a bug or a damaged file.
    #[error("the database and the program disagree: {0}")]
    Broken(String),
}

/// Builds a list of [`Value`]s for a statement's `$1`, `$2` …
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::Value::from($value)),*][..] };
}

/// Builds the row of an [`Insert`] or [`Update`].
#[macro_export]
macro_rules! row {
    ($($value:expr),* $(,)?) => { [$($crate::Value::from($value)),*] };
}
