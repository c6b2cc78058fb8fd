//! A person says that they are 18 or older: asked once, before the first payment (domain: policy).

mod http;

use busk_base::{PersonId, Timestamp};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};

pub(crate) use http::routes;

static DECLARED: Insert = Insert {
    table: "person_adult",
    columns: &[("person", Type::Blob), ("declared_at", Type::Int)],
};

/// Keeps what a person said; once more changes nothing.
pub fn declare(tx: &mut Tx, person: PersonId, now: Timestamp) -> Result<(), StoreError> {
    if !has_declared(tx, person)? {
        tx.insert(&DECLARED, row![person, now]);
    }
    Ok(())
}

pub fn has_declared(db: &mut impl Read, person: PersonId) -> Result<bool, StoreError> {
    let row = db.row("SELECT 1 FROM person_adult WHERE person = $1", params![person])?;
    Ok(row.is_some())
}
