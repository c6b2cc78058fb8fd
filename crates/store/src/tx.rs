//! One transaction, as domain code sees it.

use std::borrow::Cow;

use bytes::Bytes;
use fail::fail_point;
use uuid::Uuid;

use crate::engine::Engine;
use crate::entity::{Known, Wanted};
use crate::sql::Rows;
use crate::{Ahead, Entity, Insert, Read, Row, StoreError, Update, Value};

/// What is to be told after the commit, in commit order: an event of a room's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// What it is about (a room).
    pub subject: Uuid,
    /// Its number there.
    pub number: i64,
    /// Whom and what kind, in the announcer's words.
    pub tag: Cow<'static, str>,
    pub body: Bytes,
}

/// A transaction shared by the functions of one batch. See the crate's page for what that gives.
pub struct Tx {
    engine: Engine,
    known: Known,
    inserts: Kept<Insert>,
    updates: Kept<Update>,
    announcements: Vec<Announcement>,
    /// Counts writes of any kind, kept back or done.
    writes: u64,
    failed: Option<StoreError>,
}

/// Rows kept back, by set, in the order in which the sets were first used. Sets stay when their rows are
/// written, for the next batch.
struct Kept<S: 'static>(Vec<(&'static S, Rows)>);

impl<S> Kept<S> {
    fn push<const WIDTH: usize>(&mut self, set: &'static S, row: [Value; WIDTH]) {
        match self.0.iter_mut().find(|(known, _)| std::ptr::eq(*known, set)) {
            Some((_, rows)) => rows.push(row),
            None => {
                let mut rows = Rows::new(WIDTH);
                rows.push(row);
                self.0.push((set, rows));
            }
        }
    }

    fn waiting(&mut self) -> impl Iterator<Item = (&'static S, &mut Rows)> {
        let sets = self.0.iter_mut().filter(|(_, rows)| !rows.is_empty());
        sets.map(|(set, rows)| (*set, rows))
    }

    fn clear(&mut self) {
        self.0.iter_mut().for_each(|(_, rows)| rows.clear());
    }
}

impl Tx {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine,
            known: Known::default(),
            inserts: Kept(Vec::new()),
            updates: Kept(Vec::new()),
            announcements: Vec::new(),
            writes: 0,
            failed: None,
        }
    }

    /// The row with this key, as this batch knows it.
    pub fn find<E: Entity>(&mut self, key: &E::Key) -> Result<Option<E>, StoreError> {
        if !self.known.of::<E>().contains_key(key) {
            self.find_all::<E>(vec![key.clone()])?;
        }
        Ok(self.known.of::<E>().get(key).cloned().flatten())
    }

    pub(crate) fn find_all<E: Entity>(&mut self, mut keys: Vec<E::Key>) -> Result<(), StoreError> {
        let known = self.known.of::<E>();
        keys.retain(|key| !known.contains_key(key));
        // The first mark keeps a key from being asked for twice; the answer overwrites it.
        keys.retain(|key| known.insert(key.clone(), None).is_none());
        if keys.is_empty() {
            return Ok(());
        }
        if let Some(lock) = E::LOCK
            && self.known.take(lock)
        {
            let held = self.engine.execute(lock, &[]);
            self.noted(held)?;
        }
        let values = keys.iter().map(E::key).collect();
        let rows = self.engine.query_keys(E::SELECT, E::KEY, values);
        for row in self.noted(rows)? {
            let read = E::read(&row);
            let (key, entity) = self.noted(read)?;
            self.known.of::<E>().insert(key, Some(entity));
        }
        Ok(())
    }

    /// Tells the batch what a row now is. Says nothing to the database: see [`Tx::insert`], [`Tx::update`].
    pub fn put<E: Entity>(&mut self, key: E::Key, entity: E) {
        self.known.of::<E>().insert(key, Some(entity));
    }

    /// Adds a row when the batch ends.
    pub fn insert<const WIDTH: usize>(&mut self, into: &'static Insert, row: [Value; WIDTH]) {
        assert_eq!(
            into.columns.len(),
            WIDTH,
            "a row of {} has another width",
            into.table
        );
        self.writes += 1;
        self.inserts.push(into, row);
    }

    /// Sets a row's columns when the batch ends; the key stands first.
    pub fn update<const WIDTH: usize>(&mut self, table: &'static Update, row: [Value; WIDTH]) {
        assert_eq!(
            table.columns.len(),
            WIDTH,
            "a row of {} has another width",
            table.table
        );
        self.writes += 1;
        self.updates.push(table, row);
    }

    /// Changes rows now, after everything kept back.
    pub fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, StoreError> {
        self.flush()?;
        self.writes += 1;
        let changed = self.engine.execute(sql, params);
        self.noted(changed)
    }

    /// Has something told after the commit.
    pub fn announce(&mut self, announcement: Announcement) {
        self.writes += 1;
        self.announcements.push(announcement);
    }

    fn noted<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            self.failed.get_or_insert_with(|| error.clone());
        }
        result
    }

    /// Writes everything kept back.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        let written = self.write();
        self.noted(written)
    }

    fn write(&mut self) -> Result<(), StoreError> {
        for (into, rows) in self.inserts.waiting() {
            self.engine.insert(into, rows)?;
            fail_point!("store::written", |_| Err(failed_as_told()));
        }
        for (table, rows) in self.updates.waiting() {
            rows.keep_last_of_each();
            self.engine.update(table, rows)?;
            fail_point!("store::written", |_| Err(failed_as_told()));
        }
        Ok(())
    }

    pub(crate) fn begin(&mut self) -> Result<(), StoreError> {
        self.forget();
        fail_point!("store::begin", |_| Err(failed_as_told()));
        self.engine.begin()
    }

    pub(crate) fn commit(&mut self) -> Result<Vec<Announcement>, StoreError> {
        self.flush()?;
        fail_point!("store::commit", |_| Err(failed_as_told()));
        self.engine.commit()?;
        // As when the connection is lost before the database's answer: it is done, and nobody knows.
        fail_point!("store::committed", |_| Err(failed_as_told()));
        Ok(std::mem::take(&mut self.announcements))
    }

    pub(crate) fn rollback(&mut self) -> Result<(), StoreError> {
        self.forget();
        self.engine.rollback()
    }

    fn forget(&mut self) {
        self.known.clear();
        self.inserts.clear();
        self.updates.clear();
        self.announcements.clear();
        self.failed = None;
        self.writes = 0;
    }

    pub(crate) fn writes(&self) -> u64 {
        self.writes
    }

    pub(crate) fn failure(&self) -> Option<&StoreError> {
        self.failed.as_ref()
    }

    /// Reads what the functions of a batch say they will want.
    pub(crate) fn read_ahead(&mut self, mut ask: impl FnMut(&mut Ahead)) -> Result<(), StoreError> {
        for _ in 0..Ahead::ROUNDS {
            let mut wanted = Wanted::default();
            ask(&mut Ahead::new(&mut self.known, &mut wanted));
            if wanted.is_empty() {
                break;
            }
            wanted.read(self)?;
        }
        Ok(())
    }
}

/// What a point of failure gives, where a test has switched it on (commerce's `faults`).
#[allow(
    dead_code,
    reason = "points of failure are nothing outside of builds of tests"
)]
fn failed_as_told() -> StoreError {
    StoreError::Unavailable("told to fail".into())
}

impl Read for Tx {
    fn rows(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.flush()?;
        let rows = self.engine.query(sql, params);
        self.noted(rows)
    }
}
