//! Policies: numbered and dated. One that has begun is never changed.

use busk_base::{Policy, PolicyVersion, Timestamp};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};

/// All policies, oldest first; read once and handed to whoever needs one.
#[derive(Clone, Debug, Default)]
pub struct Policies(Vec<Dated>);

/// A policy with its number and its beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Dated {
    pub version: PolicyVersion,
    pub starts_at: Timestamp,
    pub policy: Policy,
}

impl Policies {
    /// The policy in force: the latest that has begun, else the first.
    pub fn at(&self, now: Timestamp) -> &Dated {
        self.0
            .iter()
            .rev()
            .find(|dated| dated.starts_at <= now)
            .or(self.0.first())
            .expect("policy 1 is written when the store is first opened, before anything reads policies")
    }

    pub fn version(&self, version: PolicyVersion) -> Option<&Dated> {
        self.0.iter().find(|dated| dated.version == version)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SetPolicyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a policy begins after the one before it and not in the past")]
    TooEarly,
}

static POLICY: Insert = Insert {
    table: "ledger_policy",
    columns: &[
        ("version", Type::Int),
        ("starts_at", Type::Int),
        ("body", Type::Text),
    ],
};

/// Reads all policies.
pub fn all(db: &mut impl Read) -> Result<Policies, StoreError> {
    let rows = db.rows(
        "SELECT version, starts_at, body FROM ledger_policy ORDER BY version",
        &[],
    )?;
    rows.iter()
        .map(|row| {
            let body: String = row.get(2)?;
            let policy = serde_json::from_str(&body)
                .map_err(|e| StoreError::Broken(format!("a policy that cannot be read: {e}")))?;
            Ok(Dated {
                version: row.get(0)?,
                starts_at: row.get(1)?,
                policy,
            })
        })
        .collect::<Result<_, StoreError>>()
        .map(Policies)
}

/// Adds the next policy, from `starts_at` on; gives its number.
pub fn add(
    tx: &mut Tx,
    policy: &Policy,
    starts_at: Timestamp,
    now: Timestamp,
) -> Result<PolicyVersion, SetPolicyError> {
    let last = all(tx)?.0.pop();
    if starts_at < now || last.as_ref().is_some_and(|last| starts_at <= last.starts_at) {
        return Err(SetPolicyError::TooEarly);
    }
    let version = PolicyVersion(last.map_or(1, |last| last.version.0 + 1));
    write(tx, policy, version, starts_at)?;
    Ok(version)
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
