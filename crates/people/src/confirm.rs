//! Who is signed in says their password again, before what a stolen session must not do.

use std::sync::{Arc, Mutex};

use busk_api::{Problem, Site};
use busk_base::PersonId;
use busk_store::{Read, StoreError, params};

use crate::attempts::{Attempts, Limits, admit, locked};
use crate::password::{Passwords, check};

/// Asks for passwords again, each person's so often as a sign-in. Clones share what they count.
#[derive(Clone)]
pub struct Confirmation(Arc<Inner>);

struct Inner {
    passwords: Passwords,
    attempts: Mutex<Attempts<PersonId>>,
}

impl Default for Confirmation {
    fn default() -> Self {
        Self(Arc::new(Inner {
            passwords: Passwords::new(),
            attempts: Mutex::new(Attempts::new(Limits::default().sign_ins_per_handle)),
        }))
    }
}

impl Confirmation {
    /// Refuses with `password_wrong`, or `too_many_attempts`.
    pub async fn confirm(&self, site: &Site, person: PersonId, password: String) -> Result<(), Problem> {
        admit(&self.0.attempts, person, site.now())?;
        let wrong = || Problem::forbidden("password_wrong", "This is not your password").field("password");
        check(&password).map_err(|_| wrong())?;
        let read = site.store().read(move |db| hash_of(db, person));
        let hash = read.await.map_err(|error: StoreError| Problem::from(error))?;
        if !self.0.passwords.verify(password, hash).await? {
            return Err(wrong());
        }
        locked(&self.0.attempts).forget(&person);
        Ok(())
    }
}

fn hash_of(db: &mut impl Read, person: PersonId) -> Result<Option<String>, StoreError> {
    let row = db.row("SELECT password_hash FROM person WHERE id = $1", params![person])?;
    row.map(|row| row.get(0)).transpose()
}
