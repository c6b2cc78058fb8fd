//! One connection to either database, behind one set of operations.

use std::collections::HashMap;

use crate::postgres::Postgres;
use crate::sql::Rows;
use crate::sqlite::Sqlite;
use crate::{Cells, Insert, Row, StoreError, Update, Value};

/// What was made from a `'static` statement or set, kept by its address, its length and its use.
pub(crate) type Texts<T> = HashMap<(usize, usize, u8), T>;

pub(crate) fn address(text: &'static str) -> (usize, usize) {
    (text.as_ptr() as usize, text.len())
}

/// Takes the rows of an answer one by one.
pub(crate) type Each<'f> = &'f mut dyn FnMut(&Cells) -> Result<(), StoreError>;

pub(crate) enum Engine {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

macro_rules! on {
    ($self:ident, $engine:ident => $call:expr) => {
        match $self {
            Engine::Sqlite($engine) => $call,
            Engine::Postgres($engine) => $call,
        }
    };
}

impl Engine {
    pub(crate) fn begin(&mut self) -> Result<(), StoreError> {
        on!(self, engine => engine.begin())
    }

    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        on!(self, engine => engine.commit())
    }

    pub(crate) fn rollback(&mut self) -> Result<(), StoreError> {
        on!(self, engine => engine.rollback())
    }

    /// Begins a reading transaction that sees one unchanging picture.
    pub(crate) fn snapshot(&mut self) -> Result<(), StoreError> {
        on!(self, engine => engine.snapshot())
    }

    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Engine::Sqlite(_) => false,
            Engine::Postgres(engine) => engine.is_closed(),
        }
    }

    pub(crate) fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        on!(self, engine => engine.query(sql, params))
    }

    pub(crate) fn each(&mut self, sql: &'static str, params: &[Value], f: Each) -> Result<(), StoreError> {
        on!(self, engine => engine.each(sql, params, f))
    }

    pub(crate) fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, StoreError> {
        on!(self, engine => engine.execute(sql, params))
    }

    /// The rows whose key (after the statement's last word) is one of `keys`.
    pub(crate) fn query_keys(
        &mut self,
        select: &'static str,
        kind: crate::Type,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        on!(self, engine => engine.query_keys(select, kind, keys))
    }

    /// Writes the rows and takes them out.
    pub(crate) fn insert(&mut self, into: &'static Insert, rows: &mut Rows) -> Result<(), StoreError> {
        on!(self, engine => engine.insert(into, rows))
    }

    /// Writes the rows, whose keys differ, and takes them out.
    pub(crate) fn update(&mut self, table: &'static Update, rows: &mut Rows) -> Result<(), StoreError> {
        on!(self, engine => engine.update(table, rows))
    }

    /// Runs a migration's text; several statements are allowed.
    pub(crate) fn schema(&mut self, text: &str) -> Result<(), StoreError> {
        on!(self, engine => engine.schema(text))
    }
}
