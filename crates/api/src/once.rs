//! A request that may be sent again: its `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header) names it, so that
//! it takes effect once and is answered alike, however often it comes.
//!
//! A key is claimed before the operation runs, and the answer kept beside it afterwards. What was refused has changed
//! nothing and releases its claim, to be tried again; what broke, or took too long, keeps it without an answer, since
//! nobody knows what became of it.
//!
//! Invariant: between a claim and its release or its end, no other request of the same caller with the same key runs.

mod schema;

use std::time::Duration;

use busk_base::Timestamp;
use busk_store::{Read, StoreError, Tx, params};
use sha2::{Digest, Sha256};

pub use schema::MIGRATIONS;

/// How long an answer is kept.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 3_600);
/// Longer answers are not kept: asked again, the operation runs again. Nothing that changes something answers so much.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Keys of one caller that are kept.
pub const KEYS_MAX: i64 = 1_000;
/// A claim this old that has no answer is of a request that ended without one: none takes so long.
const RUNS_AT_MOST: Duration = Duration::from_secs(60);
/// What is removed at once.
const SWEPT_MAX: i64 = 1_000;

/// A request with a key, as it is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// Of the caller and the key.
    pub name: [u8; 32],
    pub caller: [u8; 32],
    /// Of method, address and body.
    pub contents: [u8; 32],
}

/// Why a key cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 16 to 128 visible characters, best a new UUID")]
pub struct KeyError;

/// The key in the header's value: a string as structured fields write it, in quotes, or without them.
pub fn key(value: &[u8]) -> Result<&[u8], KeyError> {
    let bare = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let key = bare.unwrap_or(value);
    let fits = (16..=128).contains(&key.len())
        && key
            .iter()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    if fits { Ok(key) } else { Err(KeyError) }
}

impl Keyed {
    pub fn new(caller: &[u8], key: &[u8], method: &str, address: &str, body: &[u8]) -> Self {
        Self {
            name: hash(&[b"name".as_slice(), caller, key]),
            caller: hash(&[b"caller".as_slice(), caller]),
            contents: hash(&[method.as_bytes(), address.as_bytes(), body]),
        }
    }
}

/// Each part with its length, so that none runs into the next.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// What a claim comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The request is to run now.
    New,
    /// It ran; the answer as it was kept.
    Again(Vec<u8>),
}

/// Why a request does not run, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClaimError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the key was used for another request")]
    OtherContents,
    #[error("a request with this key is running")]
    Running,
    #[error("nobody knows what became of the request with this key")]
    OutcomeUnknown,
    #[error("too many keys in a day")]
    TooMany,
}

/// Claims a key for a request.
pub fn claim(tx: &mut Tx, keyed: &Keyed, now: Timestamp) -> Result<Claimed, ClaimError> {
    let row = tx.row(
        "SELECT contents, begun_at, answer FROM kept_answer WHERE name = $1",
        params![keyed.name.to_vec()],
    )?;
    if let Some(row) = row {
        let (contents, begun_at): (Vec<u8>, Timestamp) = (row.get(0)?, row.get(1)?);
        if begun_at + KEPT_FOR > now {
            if contents != keyed.contents {
                return Err(ClaimError::OtherContents);
            }
            return match row.get::<Option<Vec<u8>>>(2)? {
                Some(answer) => Ok(Claimed::Again(answer)),
                None if begun_at + RUNS_AT_MOST > now => Err(ClaimError::Running),
                None => Err(ClaimError::OutcomeUnknown),
            };
        }
        release(tx, keyed)?;
    }
    let kept = tx.row(
        "SELECT COUNT(*) FROM kept_answer WHERE caller = $1",
        params![keyed.caller.to_vec()],
    )?;
    if kept.map_or(Ok(0), |row| row.get::<i64>(0))? >= KEYS_MAX {
        return Err(ClaimError::TooMany);
    }

    tx.execute(
        "INSERT INTO kept_answer (name, caller, contents, begun_at) VALUES ($1, $2, $3, $4)",
        params![
            keyed.name.to_vec(),
            keyed.caller.to_vec(),
            keyed.contents.to_vec(),
            now
        ],
    )?;
    Ok(Claimed::New)
}

/// Keeps the answer of a request that ran.
pub fn keep(tx: &mut Tx, keyed: &Keyed, answer: &[u8]) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE kept_answer SET answer = $2 WHERE name = $1 AND answer IS NULL",
        params![keyed.name.to_vec(), answer],
    )?;
    Ok(())
}

/// Gives up a claim: the request changed nothing, or is not to be remembered.
pub fn release(tx: &mut Tx, keyed: &Keyed) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM kept_answer WHERE name = $1",
        params![keyed.name.to_vec()],
    )?;
    Ok(())
}

/// Removes what was kept long enough, so many at most; gives how many.
pub fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM kept_answer WHERE name IN \
         (SELECT name FROM kept_answer WHERE begun_at <= $1 ORDER BY begun_at LIMIT $2)",
        params![now - KEPT_FOR, SWEPT_MAX],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_quoted_or_bare() {
        let uuid = "8e03978e-40d5-43dd-bc93-6894a57f9324";
        assert_eq!(key(uuid.as_bytes()), Ok(uuid.as_bytes()));
        assert_eq!(key(format!("\"{uuid}\"").as_bytes()), Ok(uuid.as_bytes()));
        let long = "x".repeat(129);
        for wrong in [
            "",
            "1",
            "fifteen-letters",
            "with a space in it",
            "\"only-one-quote-here",
            &long,
            "ünïcödé-is-not-plain",
        ] {
            assert_eq!(key(wrong.as_bytes()), Err(KeyError), "{wrong}");
        }
    }

    #[test]
    fn no_part_runs_into_the_next() {
        let of = |address, body: &[u8]| Keyed::new(b"bea", b"key", "POST", address, body).contents;
        assert_ne!(of("/a", b"b"), of("/ab", b""));
        let name = |caller: &[u8], key: &[u8]| Keyed::new(caller, key, "POST", "/", b"").name;
        assert_ne!(name(b"be", b"akey"), name(b"bea", b"key"));
    }
}
