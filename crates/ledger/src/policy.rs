//! Policies: numbered and dated. None is ever changed; one that has not begun may be withdrawn, and keeps its number.

use std::sync::Arc;

use busk_base::{Policy, PolicyVersion, Timestamp};
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, params, row};
use uuid::Uuid;

pub use busk_base::{Dated, Policies};

#[derive(Debug, thiserror::Error)]
pub enum SetPolicyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a policy begins after the one before it and not in the past")]
    TooEarly,
}

#[derive(Debug, thiserror::Error)]
pub enum WithdrawError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such policy")]
    Unknown,
    #[error("the policy has begun")]
    Begun,
}

/// Who did something to a policy, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deed {
    pub by: Uuid,
    pub at: Timestamp,
}

/// What was done to a policy; policy 1 was written by nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    pub written: Option<Deed>,
    pub withdrawn: Option<Deed>,
}

static POLICY: Insert = Insert {
    table: "ledger_policy",
    columns: &[
        ("version", Type::Int),
        ("starts_at", Type::Int),
        ("body", Type::Text),
    ],
};

static DEED: Insert = Insert {
    table: "ledger_policy_deed",
    columns: &[
        ("version", Type::Int),
        ("deed", Type::Text),
        ("person", Type::Blob),
        ("at", Type::Int),
    ],
};

const WRITTEN: &str = "written";
const WITHDRAWN: &str = "withdrawn";

/// Reads all policies.
pub fn all(db: &mut impl Read) -> Result<Policies, StoreError> {
    let rows = db.rows(
        "SELECT p.version, p.starts_at, p.body, d.at FROM ledger_policy p \
         LEFT JOIN ledger_policy_deed d ON d.version = p.version AND d.deed = 'withdrawn' ORDER BY p.version",
        &[],
    )?;
    let policies: Result<Vec<Dated>, StoreError> = rows.iter().map(read).collect();
    policies.map(Policies::new)
}

fn read(row: &Row) -> Result<Dated, StoreError> {
    let body: String = row.get(2)?;
    let policy: Policy = serde_json::from_str(&body)
        .map_err(|e| StoreError::Broken(format!("a policy that cannot be read: {e}")))?;
    Ok(Dated {
        version: row.get(0)?,
        starts_at: row.get(1)?,
        policy: Arc::new(policy),
        withdrawn_at: row.get(3)?,
    })
}

/// What was done to a policy.
pub fn deeds(db: &mut impl Read, version: PolicyVersion) -> Result<Deeds, StoreError> {
    let rows = db.rows(
        "SELECT deed, person, at FROM ledger_policy_deed WHERE version = $1",
        params![version],
    )?;
    let mut deeds = Deeds::default();
    for row in &rows {
        let (word, by, at): (String, Uuid, Timestamp) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let deed = Some(Deed { by, at });
        match word.as_str() {
            WRITTEN => deeds.written = deed,
            WITHDRAWN => deeds.withdrawn = deed,
            other => return Err(StoreError::Broken(format!("a policy was {other}"))),
        }
    }
    Ok(deeds)
}

/// Adds the next policy, from `starts_at` on; gives its number.
pub fn add(
    tx: &mut Tx,
    policy: &Policy,
    starts_at: Timestamp,
    now: Timestamp,
) -> Result<PolicyVersion, SetPolicyError> {
    let policies = all(tx)?;
    let last = policies.standing().next_back();
    if starts_at < now || last.is_some_and(|last| starts_at <= last.starts_at) {
        return Err(SetPolicyError::TooEarly);
    }
    let version = policies.next();
    write(tx, policy, version, starts_at)?;
    Ok(version)
}

/// Notes who wrote a policy.
pub fn note_written(tx: &mut Tx, version: PolicyVersion, deed: Deed) {
    tx.insert(&DEED, row![version, WRITTEN, deed.by, deed.at]);
}

/// Withdraws a policy that has not begun. Doing it again changes nothing.
pub fn withdraw(tx: &mut Tx, version: PolicyVersion, deed: Deed) -> Result<(), WithdrawError> {
    let policies = all(tx)?;
    let dated = policies.version(version).ok_or(WithdrawError::Unknown)?;
    if dated.withdrawn_at.is_some() {
        return Ok(());
    }
    if version == PolicyVersion(1) || dated.starts_at <= deed.at {
        return Err(WithdrawError::Begun);
    }
    tx.insert(&DEED, row![version, WITHDRAWN, deed.by, deed.at]);
    Ok(())
}

/// Writes policy 1 when there is none yet.
pub fn ensure(tx: &mut Tx, first: &Policy, now: Timestamp) -> Result<(), StoreError> {
    let any = tx.row("SELECT version FROM ledger_policy LIMIT 1", params![])?;
    if any.is_none() {
        write(tx, first, PolicyVersion(1), now)?;
    }
    Ok(())
}

fn write(
    tx: &mut Tx,
    policy: &Policy,
    version: PolicyVersion,
    starts_at: Timestamp,
) -> Result<(), StoreError> {
    let body = serde_json::to_string(policy).map_err(|e| StoreError::Broken(e.to_string()))?;
    tx.insert(&POLICY, row![version, starts_at, body]);
    Ok(())
}
