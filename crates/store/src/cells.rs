//! A row that is looked at where it lies, and gone with the next: what [`Reader::each`](crate::Reader::each)
//! hands over.

use crate::{StoreError, Value, postgres, sqlite};

/// The columns of one row, from 0.
pub struct Cells<'a>(pub(crate) Of<'a>);

pub(crate) enum Of<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

/// One value of a row. SQLite stores truth values as numbers, and gives them as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    Null,
    Int(i64),
    Bool(bool),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl Cells<'_> {
    /// The value of a column; an error when it is of a type that is never stored.
    pub fn cell(&self, column: usize) -> Result<Cell<'_>, StoreError> {
        match &self.0 {
            Of::Sqlite(row) => row.get_ref(column).map_err(sqlite::error).and_then(sqlite::cell),
            Of::Postgres(row) => row.try_get(column).map_err(postgres::error),
        }
    }

    /// The value of a column that holds numbers.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        match self.cell(column)? {
            Cell::Int(number) => Ok(number),
            other => Err(StoreError::Broken(format!(
                "column {column} holds another type: {other:?}"
            ))),
        }
    }
}

impl From<Cell<'_>> for Value {
    fn from(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Null => Value::Null,
            Cell::Int(number) => Value::Int(number),
            Cell::Bool(truth) => Value::Bool(truth),
            Cell::Text(text) => Value::from(text),
            Cell::Blob(bytes) => Value::from(bytes),
        }
    }
}
