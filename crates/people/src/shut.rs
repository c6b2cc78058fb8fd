//! Why an account is shut, if it is: whoever reads a session, a token or a stream key asks this, so that no handler has to.

use busk_base::{PersonId, Timestamp};
use busk_store::{Read, StoreError};

use crate::{deletion, suspension};

/// Why an account is shut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shut {
    pub suspended: bool,
    /// When it is deleted, if that was asked for; or was.
    pub deleted_at: Option<Timestamp>,
}

impl Shut {
    pub fn of(db: &mut impl Read, person: PersonId, now: Timestamp) -> Result<Self, StoreError> {
        Ok(Self {
            suspended: suspension::holds(db, person, now)?,
            deleted_at: deletion::of(db, person)?.map(|deletion| deletion.due_at),
        })
    }

    pub fn is_shut(&self) -> bool {
        self.suspended || self.deleted_at.is_some()
    }
}
