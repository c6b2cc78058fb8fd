//! An account that is suspended: for its person every door of the site is shut, but those to why, and to an appeal.
//!
//! Invariant: while it lasts, sessions and stream keys of that person are nobody's. They are not ended: when it is over,
//! or taken back, all is as it was.

use busk_base::{PersonId, Timestamp};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};

static SUSPENSION: Insert = Insert {
    table: "person_suspension",
    columns: &[("person", Type::Blob), ("since", Type::Int), ("until", Type::Int)],
};

/// Suspends an account, in the place of what held before; without `until`, until it is lifted.
pub fn suspend(
    tx: &mut Tx,
    person: PersonId,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), StoreError> {
    lift(tx, person)?;
    tx.insert(&SUSPENSION, row![person, now, until]);
    Ok(())
}

/// Ends a suspension, if there is one.
pub fn lift(tx: &mut Tx, person: PersonId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM person_suspension WHERE person = $1", params![person])?;
    Ok(())
}

/// Whether an account is suspended.
pub fn holds(db: &mut impl Read, person: PersonId, now: Timestamp) -> Result<bool, StoreError> {
    let row = db.row(
        "SELECT 1 FROM person_suspension WHERE person = $1 AND (until IS NULL OR until > $2)",
        params![person, now],
    )?;
    Ok(row.is_some())
}
