//! The store: a handle that any task may hold.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::batch::{self, Member, Write};
use crate::engine::Engine;
use crate::postgres::{self, Postgres};
use crate::read::Readers;
use crate::sqlite::Sqlite;
use crate::{Ahead, Announcement, Migration, Reader, StoreError, Tx, jobs, migrate};

/// Which database, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file; made when it is not there.
    Sqlite(PathBuf),
    /// `postgres://user:password@host/name`
    Postgres(String),
}

impl Database {
    /// Reads `sqlite:PATH` or `postgres://…`.
    pub fn parse(url: &str) -> Option<Self> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Some(Self::Sqlite(PathBuf::from(path)));
        }
        (url.starts_with("postgres://") || url.starts_with("postgresql://"))
            .then(|| Self::Postgres(url.to_owned()))
    }

    fn writer(&self) -> Result<Engine, StoreError> {
        Ok(match self {
            Self::Sqlite(path) => Engine::Sqlite(Sqlite::open_writer(path)?),
            Self::Postgres(url) => Engine::Postgres(Box::new(Postgres::open(url, postgres::WRITER)?)),
        })
    }

    pub(crate) fn reader(&self) -> Result<Engine, StoreError> {
        Ok(match self {
            Self::Sqlite(path) => Engine::Sqlite(Sqlite::open_reader(path)?),
            Self::Postgres(url) => Engine::Postgres(Box::new(Postgres::open(url, postgres::READER)?)),
        })
    }
}

/// Told what was announced, after each commit, in commit order, on the writer's thread: must not block.
pub type Sink = Arc<dyn Fn(Vec<Announcement>) + Send + Sync>;

/// How a store is opened.
pub struct Config {
    pub database: Database,
    /// Reading connections at most.
    pub readers_max: usize,
    /// Functions that may wait for the writer; further callers wait for a place.
    pub queue_max: usize,
    /// Functions that may share a transaction: bounds the time to the answer.
    pub batch_max: usize,
    pub sink: Option<Sink>,
}

impl Config {
    pub fn new(database: Database) -> Self {
        Self {
            database,
            readers_max: 8,
            queue_max: 8_192,
            batch_max: 1_024,
            sink: None,
        }
    }
}

/// The database. Clones share one writer and one set of readers.
#[derive(Clone)]
pub struct Store {
    queue: mpsc::Sender<Box<dyn Member>>,
    readers: Arc<Readers>,
}

impl Store {
    /// Opens the database, migrates it and starts the writer. Blocks.
    pub fn open(config: Config, migrations: &[&[Migration]]) -> Result<Self, StoreError> {
        let mut engine = config.database.writer()?;
        let all: Vec<Migration> = std::iter::once(jobs::MIGRATIONS)
            .chain(migrations.iter().copied())
            .flatten()
            .copied()
            .collect();
        migrate::run(&mut engine, &all)?;
        let (queue, waiting) = mpsc::channel(config.queue_max);
        let (sink, batch_max) = (config.sink, config.batch_max.max(1));
        std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || batch::run(Tx::new(engine), waiting, batch_max, sink))
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let readers = Readers::new(config.database, config.readers_max);
        Ok(Self {
            queue,
            readers: Arc::new(readers),
        })
    }

    /// Runs `function` in a transaction; `Ok` means that it is durable. It may run several times and
    /// must have no effect but through its `Tx`.
    pub async fn write<T, E, F>(&self, function: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnMut(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        self.write_ahead(|_| {}, function).await
    }

    /// As [`Store::write`], with the rows named that the function will want.
    pub async fn write_ahead<T, E, A, F>(&self, ahead: A, function: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        A: Fn(&mut Ahead) + Send + 'static,
        F: FnMut(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let member = Write {
            ahead,
            function,
            result: None,
            reply,
        };
        let gone = || E::from(StoreError::Unavailable("the writer has stopped".into()));
        self.queue.send(Box::new(member)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Runs `function` on a reading connection.
    pub async fn read<T, E, F>(&self, function: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Reader) -> Result<T, E> + Send + 'static,
    {
        let unavailable = |text: &str| E::from(StoreError::Unavailable(text.into()));
        let _place = self
            .readers
            .places()
            .acquire()
            .await
            .map_err(|_| unavailable("closed"))?;
        let readers = Arc::clone(&self.readers);
        let done = tokio::task::spawn_blocking(move || readers.with(function)).await;
        done.map_err(|_| unavailable("the reading function panicked"))?
            .map_err(E::from)?
    }
}

/// Runs `function` on a reading connection of its own, on this thread: changes nothing, migrates nothing.
/// For commands.
pub fn read_only<T>(
    database: &Database,
    function: impl FnOnce(&mut Reader) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    Readers::new(database.clone(), 1).with(function)?
}
