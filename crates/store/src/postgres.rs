//! PostgreSQL: a connection with a small runtime of its own, so that callers need not be async.

use std::error::Error;

use bytes::BytesMut;
use futures_util::TryStreamExt;
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type as Oid, to_sql_checked};
use tokio_postgres::{Client, NoTls, Statement};

use crate::cells::Of;
use crate::engine::{Each, Texts, address};
use crate::sql::{self, Rows};
use crate::{Cell, Cells, Insert, Row, StoreError, Type, Update, Value};

pub(crate) struct Postgres {
    url: String,
    settings: &'static str,
    runtime: Quiet,
    client: Client,
    statements: Texts<Statement>,
}

/// The planner falls back to whole-table scans while statistics are stale; the writer's statements
/// are all by key, so it is told never to. (`enable_seqscan` alone would bring in the JIT compiler.)
pub(crate) const WRITER: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; \
     SET enable_mergejoin = off; SET jit = off; SET synchronous_commit = on; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '30s';";
pub(crate) const READER: &str = "SET default_transaction_read_only = on; SET jit = off; \
     SET statement_timeout = '20s';";

impl Postgres {
    pub(crate) fn open(url: &str, settings: &'static str) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let runtime = Quiet(Some(runtime));
        let client = connect(&runtime, url, settings)?;
        Ok(Self {
            url: url.to_owned(),
            settings,
            runtime,
            client,
            statements: Texts::new(),
        })
    }

    /// A lost connection is opened anew; called between transactions only.
    fn reconnect_if_closed(&mut self) -> Result<(), StoreError> {
        if self.client.is_closed() {
            self.client = connect(&self.runtime, &self.url, self.settings)?;
            self.statements.clear();
        }
        Ok(())
    }

    pub(crate) fn begin(&mut self) -> Result<(), StoreError> {
        self.reconnect_if_closed()?;
        match self.batch("BEGIN") {
            Err(StoreError::Unavailable(_)) => {
                self.reconnect_if_closed()?;
                self.batch("BEGIN")
            }
            other => other,
        }
    }

    pub(crate) fn snapshot(&mut self) -> Result<(), StoreError> {
        self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ")
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        self.batch("COMMIT")
    }

    pub(crate) fn rollback(&mut self) -> Result<(), StoreError> {
        if self.client.is_closed() {
            Ok(())
        } else {
            self.batch("ROLLBACK")
        }
    }

    fn batch(&mut self, text: &str) -> Result<(), StoreError> {
        self.runtime
            .block_on(self.client.batch_execute(text))
            .map_err(error)
    }

    pub(crate) fn schema(&mut self, text: &str) -> Result<(), StoreError> {
        self.batch(&sql::postgres_schema(text))
    }

    fn prepare(
        &mut self,
        of: (usize, usize),
        use_: u8,
        make: impl FnOnce() -> String,
    ) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(&(of.0, of.1, use_)) {
            return Ok(statement.clone());
        }
        let statement = self
            .runtime
            .block_on(self.client.prepare(&make()))
            .map_err(error)?;
        self.statements.insert((of.0, of.1, use_), statement.clone());
        Ok(statement)
    }

    pub(crate) fn query(&mut self, text: &'static str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepare(address(text), 0, || text.to_owned())?;
        self.fetch(&statement, &borrowed(params))
    }

    /// The answer is read as `f` takes it: the server waits when it is ahead.
    pub(crate) fn each(&mut self, text: &'static str, params: &[Value], f: Each) -> Result<(), StoreError> {
        let statement = self.prepare(address(text), 0, || text.to_owned())?;
        let params = borrowed(params);
        self.runtime.block_on(async {
            let asked = self.client.query_raw(&statement, params);
            let mut rows = std::pin::pin!(asked.await.map_err(error)?);
            while let Some(row) = rows.try_next().await.map_err(error)? {
                f(&Cells(Of::Postgres(&row)))?;
            }
            Ok(())
        })
    }

    pub(crate) fn execute(&mut self, text: &'static str, params: &[Value]) -> Result<u64, StoreError> {
        let statement = self.prepare(address(text), 0, || text.to_owned())?;
        self.runtime
            .block_on(self.client.execute(&statement, &borrowed(params)))
            .map_err(error)
    }

    pub(crate) fn query_keys(
        &mut self,
        select: &'static str,
        kind: Type,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepare(address(select), 1, || {
            format!("{select} = ANY($1::{})", kind.postgres_array())
        })?;
        let keys = Column(keys);
        self.fetch(&statement, &[&keys])
    }

    pub(crate) fn insert(&mut self, into: &'static Insert, rows: &mut Rows) -> Result<(), StoreError> {
        let statement = self.prepare((into as *const Insert as usize, 0), 2, || into.postgres())?;
        self.write(&statement, rows)
    }

    pub(crate) fn update(&mut self, table: &'static Update, rows: &mut Rows) -> Result<(), StoreError> {
        let statement = self.prepare((table as *const Update as usize, 0), 3, || table.postgres())?;
        self.write(&statement, rows)
    }

    fn write(&mut self, statement: &Statement, rows: &mut Rows) -> Result<(), StoreError> {
        let columns: Vec<Column> = rows.take_columns().into_iter().map(Column).collect();
        let params: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|c| c as &(dyn ToSql + Sync)).collect();
        self.runtime
            .block_on(self.client.execute(statement, &params))
            .map(|_| ())
            .map_err(error)
    }

    fn fetch(&self, statement: &Statement, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StoreError> {
        let rows = self
            .runtime
            .block_on(self.client.query(statement, params))
            .map_err(error)?;
        rows.iter()
            .map(|row| {
                let values = (0..row.len()).map(|column| row.try_get::<_, Value>(column).map_err(error));
                values.collect::<Result<_, _>>().map(Row)
            })
            .collect()
    }
}

/// A runtime that may be dropped anywhere, also on another runtime's thread.
struct Quiet(Option<Runtime>);

impl std::ops::Deref for Quiet {
    type Target = Runtime;
    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("taken in drop only")
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn connect(runtime: &Runtime, url: &str, settings: &str) -> Result<Client, StoreError> {
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(error)?;
        tokio::spawn(async move {
            if let Err(e) = connection.await {
                tracing::warn!("the connection to PostgreSQL ended: {e}");
            }
        });
        client.batch_execute(settings).await.map_err(error)?;
        Ok(client)
    })
}

fn borrowed(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

type Encoded = Result<IsNull, Box<dyn Error + Sync + Send>>;

impl ToSql for Value {
    fn to_sql(&self, oid: &Oid, out: &mut BytesMut) -> Encoded {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) => number.to_sql_checked(oid, out),
            Value::Bool(truth) => truth.to_sql_checked(oid, out),
            Value::Text(text) => text.to_sql_checked(oid, out),
            Value::Blob(bytes) => bytes.as_slice().to_sql_checked(oid, out),
            Value::Uuid(id) => id.as_bytes().as_slice().to_sql_checked(oid, out),
        }
    }

    fn accepts(_: &Oid) -> bool {
        true // each variant checks for itself
    }

    to_sql_checked!();
}

/// One column of many rows, sent as an array.
#[derive(Debug)]
struct Column(Vec<Value>);

impl ToSql for Column {
    fn to_sql(&self, oid: &Oid, out: &mut BytesMut) -> Encoded {
        self.0.as_slice().to_sql(oid, out)
    }

    fn accepts(_: &Oid) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(oid: &Oid, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Cell::from_sql(oid, raw).map(Value::from)
    }

    fn from_sql_null(_: &Oid) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Value::Null)
    }

    fn accepts(_: &Oid) -> bool {
        true
    }
}

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(oid: &Oid, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *oid {
            Oid::INT8 => Cell::Int(i64::from_sql(oid, raw)?),
            Oid::INT4 => Cell::Int(i32::from_sql(oid, raw)?.into()),
            Oid::BOOL => Cell::Bool(bool::from_sql(oid, raw)?),
            Oid::BYTEA => Cell::Blob(raw),
            Oid::TEXT | Oid::VARCHAR => Cell::Text(std::str::from_utf8(raw)?),
            ref other => return Err(format!("a column of type {other}: cast it").into()),
        })
    }

    fn from_sql_null(_: &Oid) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Cell::Null)
    }

    fn accepts(_: &Oid) -> bool {
        true
    }
}

pub(crate) fn error(error: tokio_postgres::Error) -> StoreError {
    let Some(cause) = error.as_db_error() else {
        return if error.is_closed() || error.source().is_some_and(|e| e.is::<std::io::Error>()) {
            StoreError::Unavailable(error.to_string())
        } else {
            StoreError::Broken(format!("{error}: {:?}", error.source()))
        };
    };
    let text = format!("{}: {}", cause.code().code(), cause.message());
    match cause.code() {
        c if *c == SqlState::UNIQUE_VIOLATION => StoreError::Unique(text),
        c if *c == SqlState::CHECK_VIOLATION
            || *c == SqlState::FOREIGN_KEY_VIOLATION
            || *c == SqlState::RAISE_EXCEPTION
            || *c == SqlState::NOT_NULL_VIOLATION =>
        {
            StoreError::Constraint(text)
        }
        c if *c == SqlState::T_R_SERIALIZATION_FAILURE
            || *c == SqlState::T_R_DEADLOCK_DETECTED
            || *c == SqlState::LOCK_NOT_AVAILABLE =>
        {
            StoreError::Conflict(text)
        }
        // Class 53: out of disk, memory or connections; 57: the operator stops it; 08: connection.
        c if ["53", "57", "08"].iter().any(|class| c.code().starts_with(class)) => {
            StoreError::Unavailable(text)
        }
        _ => StoreError::Broken(text),
    }
}
