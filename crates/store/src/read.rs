//! Reading: on connections of their own, beside the writer.

use std::sync::Mutex;

use tokio::sync::Semaphore;

use crate::engine::Engine;
use crate::store::Database;
use crate::{Cells, Row, StoreError, Value};

/// Whatever statements can be asked of: a [`Reader`], or a [`Tx`](crate::Tx) to read its own writes.
pub trait Read {
    fn rows(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, StoreError>;

    /// The first row, if any.
    fn row(&mut self, sql: &'static str, params: &[Value]) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, params)?.into_iter().next())
    }
}

/// A connection that only reads.
pub struct Reader(Engine);

impl Read for Reader {
    fn rows(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.0.query(sql, params)
    }
}

impl Reader {
    /// Hands each row to `f` as it arrives, and keeps none: for what is too long to hold. The first error ends it.
    pub fn each(
        &mut self,
        sql: &'static str,
        params: &[Value],
        mut f: impl FnMut(&Cells) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.0.each(sql, params, &mut f)
    }

    /// Runs the statements of `f` on one unchanging picture of the database.
    pub fn snapshot<T>(
        &mut self,
        f: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.0.snapshot()?;
        let result = f(self);
        self.0.rollback()?;
        result
    }
}

pub(crate) struct Readers {
    database: Database,
    idle: Mutex<Vec<Reader>>,
    places: Semaphore,
}

impl Readers {
    pub(crate) fn new(database: Database, max: usize) -> Self {
        Self {
            database,
            idle: Mutex::new(Vec::new()),
            places: Semaphore::new(max),
        }
    }

    pub(crate) fn places(&self) -> &Semaphore {
        &self.places
    }

    /// Runs `f` on an idle connection or a new one. Blocks; call it on a thread that may.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Reader) -> T) -> Result<T, StoreError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .pop();
        let mut reader = match idle {
            Some(reader) if !reader.0.is_closed() => reader,
            _ => Reader(self.database.reader()?),
        };
        let result = f(&mut reader);
        self.idle
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .push(reader);
        Ok(result)
    }
}
