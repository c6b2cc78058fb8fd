//! Jobs: work that a transaction leaves to be done after it (the outbox for all but room events, whose
//! outbox is the room's log).
//!
//! A job is done at least once: it is due from `run_at`, leased while it runs, and removed in the
//! transaction that has its result, or put off after a failure.

use std::time::Duration;

use busk_base::{JobId, Timestamp};

use crate::{Insert, Migration, Read, StoreError, Tx, Type, params, row};

pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    name: "store/0001_jobs",
    sql: "CREATE TABLE job (
        id BYTEA PRIMARY KEY,
        kind TEXT NOT NULL,
        body TEXT NOT NULL,
        run_at BIGINT NOT NULL,
        attempts BIGINT NOT NULL,
        last_error TEXT
    );
    CREATE INDEX job_due ON job (run_at);",
}];

static JOB: Insert = Insert {
    table: "job",
    columns: &[
        ("id", Type::Blob),
        ("kind", Type::Text),
        ("body", Type::Text),
        ("run_at", Type::Int),
        ("attempts", Type::Int),
    ],
};

/// A job that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    /// JSON, in the words of its kind.
    pub body: String,
    /// How often it was begun before.
    pub attempts: i64,
}

/// Leaves a job to be done from `run_at` on.
pub fn leave(tx: &mut Tx, id: JobId, kind: &str, body: String, run_at: Timestamp) {
    tx.insert(&JOB, row![id, kind, body, run_at, 0]);
}

/// Whether a job is due: asked first, so that a site without any writes nothing.
pub fn any_due(db: &mut impl Read, now: Timestamp) -> Result<bool, StoreError> {
    let due = db.row("SELECT 1 FROM job WHERE run_at <= $1 LIMIT 1", params![now])?;
    Ok(due.is_some())
}

/// Takes the jobs that are due, and leases them: if the taker dies, they are due again after `lease`.
pub fn take(tx: &mut Tx, now: Timestamp, lease: Duration, max: i64) -> Result<Vec<Job>, StoreError> {
    let due = tx.rows(
        "SELECT id, kind, body, attempts FROM job WHERE run_at <= $1 ORDER BY run_at LIMIT $2",
        params![now, max],
    )?;
    let jobs = due
        .iter()
        .map(|row| {
            Ok(Job {
                id: row.get(0)?,
                kind: row.get(1)?,
                body: row.get(2)?,
                attempts: row.get(3)?,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    for job in &jobs {
        tx.execute(
            "UPDATE job SET run_at = $2, attempts = attempts + 1 WHERE id = $1",
            params![job.id, now + lease],
        )?;
    }
    Ok(jobs)
}

/// Removes a job that is done.
pub fn done(tx: &mut Tx, id: JobId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM job WHERE id = $1", params![id])?;
    Ok(())
}

/// Puts a job off after a failure.
pub fn put_off(tx: &mut Tx, id: JobId, until: Timestamp, error: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE job SET run_at = $2, last_error = $3 WHERE id = $1",
        params![id, until, error],
    )?;
    Ok(())
}

/// How long to wait after the given number of attempts: 1 s, 2 s, 4 s … at most an hour.
pub fn backoff(attempts: i64) -> Duration {
    Duration::from_secs(1u64 << attempts.clamp(0, 11)).min(Duration::from_secs(3_600))
}
