//! SQLite: one writing connection, several read-only ones, WAL, `synchronous=FULL`.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, ToSql, params_from_iter};

use crate::cells::Of;
use crate::engine::{Each, Texts, address};
use crate::sql::{self, Rows};
use crate::{Cell, Cells, Insert, Row, StoreError, Type, Update, Value};

pub(crate) struct Sqlite {
    connection: Connection,
    texts: Texts<String>,
}

impl Sqlite {
    pub(crate) fn open_writer(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path).map_err(error)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                 PRAGMA recursive_triggers = ON; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -262144;
                 PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY;",
            )
            .map_err(error)?;
        // With NORMAL, a power cut loses what was acknowledged; no configuration may bring that about.
        let synchronous: i64 = connection
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .map_err(error)?;
        if synchronous != 2 {
            return Err(StoreError::Broken(format!(
                "synchronous is {synchronous}, not FULL (2)"
            )));
        }
        if rusqlite::version_number() < 3_051_003 {
            return Err(StoreError::Broken(
                "SQLite before 3.51.3 can corrupt a WAL at its reset".into(),
            ));
        }
        Ok(Self::new(connection))
    }

    pub(crate) fn open_reader(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(error)?;
        connection
            .execute_batch("PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; PRAGMA cache_size = -16384;")
            .map_err(error)?;
        Ok(Self::new(connection))
    }

    fn new(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(256);
        Self {
            connection,
            texts: Texts::new(),
        }
    }

    pub(crate) fn begin(&mut self) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("BEGIN IMMEDIATE")
            .and_then(|mut s| s.execute([]))
            .map_err(error)?;
        Ok(())
    }

    pub(crate) fn snapshot(&mut self) -> Result<(), StoreError> {
        self.connection.execute_batch("BEGIN DEFERRED").map_err(error)
    }

    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("COMMIT")
            .and_then(|mut s| s.execute([]))
            .map_err(error)?;
        Ok(())
    }

    pub(crate) fn rollback(&mut self) -> Result<(), StoreError> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.connection.execute_batch("ROLLBACK").map_err(error)
    }

    pub(crate) fn query(&mut self, text: &'static str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let text = spelled(&mut self.texts, address(text), 0, || sql::sqlite(text));
        rows(&self.connection, text, params)
    }

    pub(crate) fn each(&mut self, text: &'static str, params: &[Value], f: Each) -> Result<(), StoreError> {
        let text = spelled(&mut self.texts, address(text), 0, || sql::sqlite(text));
        let mut statement = self.connection.prepare_cached(text).map_err(error)?;
        let mut cursor = statement.query(params_from_iter(params)).map_err(error)?;
        while let Some(row) = cursor.next().map_err(error)? {
            f(&Cells(Of::Sqlite(row)))?;
        }
        Ok(())
    }

    pub(crate) fn execute(&mut self, text: &'static str, params: &[Value]) -> Result<u64, StoreError> {
        let text = spelled(&mut self.texts, address(text), 0, || sql::sqlite(text));
        let mut statement = self.connection.prepare_cached(text).map_err(error)?;
        let changed = statement.execute(params_from_iter(params)).map_err(error)?;
        Ok(changed as u64)
    }

    pub(crate) fn query_keys(
        &mut self,
        select: &'static str,
        _kind: Type,
        mut keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let text = spelled(&mut self.texts, address(select), 1, || {
            format!("{} = ?1", sql::sqlite(select))
        });
        keys.sort_unstable();
        let mut statement = self.connection.prepare_cached(text).map_err(error)?;
        let mut found = Vec::with_capacity(keys.len());
        for key in &keys {
            fetch(&mut statement, std::slice::from_ref(key), &mut found)?;
        }
        Ok(found)
    }

    pub(crate) fn insert(&mut self, into: &'static Insert, rows: &mut Rows) -> Result<(), StoreError> {
        let text = spelled(&mut self.texts, (into as *const Insert as usize, 0), 2, || {
            into.sqlite()
        });
        each(&self.connection, text, rows)
    }

    pub(crate) fn update(&mut self, table: &'static Update, rows: &mut Rows) -> Result<(), StoreError> {
        let text = spelled(&mut self.texts, (table as *const Update as usize, 0), 3, || {
            table.sqlite()
        });
        each(&self.connection, text, rows)
    }

    pub(crate) fn schema(&mut self, text: &str) -> Result<(), StoreError> {
        self.connection
            .execute_batch(&sql::sqlite_schema(text))
            .map_err(error)
    }
}

/// The text for a statement, made once. `use_` keeps texts made from the same words apart.
fn spelled(texts: &mut Texts<String>, of: (usize, usize), use_: u8, make: impl FnOnce() -> String) -> &str {
    texts.entry((of.0, of.1, use_)).or_insert_with(make)
}

fn rows(connection: &Connection, text: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
    let mut statement = connection.prepare_cached(text).map_err(error)?;
    let mut found = Vec::new();
    fetch(&mut statement, params, &mut found)?;
    Ok(found)
}

fn fetch(statement: &mut Statement, params: &[Value], found: &mut Vec<Row>) -> Result<(), StoreError> {
    let width = statement.column_count();
    let mut cursor = statement.query(params_from_iter(params)).map_err(error)?;
    while let Some(row) = cursor.next().map_err(error)? {
        let mut values = Vec::with_capacity(width);
        for column in 0..width {
            values.push(value(row.get_ref(column).map_err(error)?)?);
        }
        found.push(Row(values));
    }
    Ok(())
}

fn each(connection: &Connection, text: &str, rows: &mut Rows) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(text).map_err(error)?;
    for row in rows.iter() {
        statement.execute(params_from_iter(row)).map_err(error)?;
    }
    rows.clear();
    Ok(())
}

fn value(value: ValueRef<'_>) -> Result<Value, StoreError> {
    cell(value).map(Value::from)
}

/// A value where it lies.
pub(crate) fn cell(value: ValueRef<'_>) -> Result<Cell<'_>, StoreError> {
    Ok(match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Text(text) => Cell::Text(
            std::str::from_utf8(text).map_err(|_| StoreError::Broken("text that is not UTF-8".into()))?,
        ),
        ValueRef::Blob(bytes) => Cell::Blob(bytes),
        ValueRef::Real(_) => return Err(StoreError::Broken("a floating-point value".into())),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Bool(truth) => ValueRef::Integer(i64::from(*truth)),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
            Value::Uuid(id) => ValueRef::Blob(id.as_bytes()),
        }))
    }
}

pub(crate) fn error(error: rusqlite::Error) -> StoreError {
    let text = error.to_string();
    let rusqlite::Error::SqliteFailure(cause, _) = &error else {
        return StoreError::Broken(text);
    };
    match cause.code {
        ErrorCode::ConstraintViolation => match cause.extended_code {
            rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                StoreError::Unique(text)
            }
            _ => StoreError::Constraint(text),
        },
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Conflict(text),
        ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::OutOfMemory => StoreError::Unavailable(text),
        _ => StoreError::Broken(text),
    }
}
