//! A block: who is blocked by someone on stage neither watches, chats nor joins there.

use busk_base::{PersonId, Timestamp};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};

use crate::{Person, person};

/// Persons that one person may block.
pub const BLOCKS_MAX: i64 = 10_000;

static BLOCK: Insert = Insert {
    table: "person_block",
    columns: &[
        ("blocker", Type::Blob),
        ("blocked", Type::Blob),
        ("created_at", Type::Int),
    ],
};

/// Why nobody was blocked, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BlockError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such person")]
    PersonUnknown,
    #[error("nobody can block themselves")]
    Yourself,
    #[error("at most {BLOCKS_MAX} people can be blocked")]
    TooMany,
}

/// Blocks a person; once more is no error.
pub fn block(tx: &mut Tx, blocker: PersonId, blocked: PersonId, now: Timestamp) -> Result<(), BlockError> {
    if blocker == blocked {
        return Err(BlockError::Yourself);
    }
    if person(tx, blocked)?.is_none() {
        return Err(BlockError::PersonUnknown);
    }
    if has_blocked(tx, blocker, blocked)? {
        return Ok(());
    }
    let count = tx.row(
        "SELECT COUNT(*) FROM person_block WHERE blocker = $1",
        params![blocker],
    )?;
    let count: i64 = count.map_or(Ok(0), |row| row.get(0))?;
    if count >= BLOCKS_MAX {
        return Err(BlockError::TooMany);
    }

    tx.insert(&BLOCK, row![blocker, blocked, now]);
    Ok(())
}

/// Takes a block back, if there is one.
pub fn unblock(tx: &mut Tx, blocker: PersonId, blocked: PersonId) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM person_block WHERE blocker = $1 AND blocked = $2",
        params![blocker, blocked],
    )?;
    Ok(())
}

pub fn has_blocked(db: &mut impl Read, blocker: PersonId, blocked: PersonId) -> Result<bool, StoreError> {
    let row = db.row(
        "SELECT 1 FROM person_block WHERE blocker = $1 AND blocked = $2",
        params![blocker, blocked],
    )?;
    Ok(row.is_some())
}

/// Whom a person has blocked, the latest first.
pub fn blocked_by(db: &mut impl Read, blocker: PersonId) -> Result<Vec<Person>, StoreError> {
    let rows = db.rows(
        "SELECT blocked FROM person_block WHERE blocker = $1 ORDER BY created_at DESC LIMIT $2",
        params![blocker, BLOCKS_MAX],
    )?;
    let mut people = Vec::with_capacity(rows.len());
    for row in rows {
        people.extend(person(db, row.get(0)?)?);
    }
    Ok(people)
}

/// Ids of whom a person has blocked.
pub fn ids_blocked_by(db: &mut impl Read, blocker: PersonId) -> Result<Vec<PersonId>, StoreError> {
    let rows = db.rows(
        "SELECT blocked FROM person_block WHERE blocker = $1 LIMIT $2",
        params![blocker, BLOCKS_MAX],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}
