//! An account that its person wants deleted: shut at once, kept for [`GRACE`], then erased. What is erased is said by each
//! crate ([`erase`](crate::erase)); when, by the crate above all of them.
//!
//! ```text
//!   asked ─► shut, for 14 days ─► begun ─► erased
//!     ▲            │      ▲ │
//!     └─── kept ───┘      └─┘ waits a day while something stands against it
//! ```
//!
//! Invariant: a row here shuts its account, whatever it says; only [`keep`] opens it, and not once erasing has begun. A
//! person is never removed: the books go on naming their id, which then names nobody.

use std::time::Duration;

use busk_api::Problem;
use busk_base::{PersonId, Timestamp};
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, params, row};

use crate::{Channel, Person, Role, secret, session};

/// How long an account can be kept after all.
pub const GRACE: Duration = Duration::from_secs(14 * 24 * 3_600);
/// What stands in the place of a name.
pub const NAME: &str = "Deleted account";

/// `coins` were given up by their number; `through` is the last room whose log is erased. A handle that was somebody's is
/// never anybody else's: links to it are about, and whoever had it could be posed as. Its hash says of a handle that it
/// is retired, and of nobody which was theirs.
pub(crate) const DELETIONS: &str = "
CREATE TABLE person_deletion (
    person BYTEA PRIMARY KEY REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED,
    asked_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    coins BIGINT NOT NULL CHECK (coins >= 0),
    begun_at BIGINT,
    through BYTEA NOT NULL,
    erased_at BIGINT
);
CREATE INDEX person_deletion_due ON person_deletion (due_at) WHERE erased_at IS NULL;
CREATE TABLE handle_retired (hash BYTEA PRIMARY KEY);
CREATE INDEX session_person ON session (person) WHERE person IS NOT NULL;
";

static DELETION: Insert = Insert {
    table: "person_deletion",
    columns: &[
        ("person", Type::Blob),
        ("asked_at", Type::Int),
        ("due_at", Type::Int),
        ("coins", Type::Int),
        ("through", Type::Blob),
    ],
};

/// A deletion as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    pub person: PersonId,
    pub asked_at: Timestamp,
    pub due_at: Timestamp,
    /// Coins that were given up.
    pub coins: i64,
    /// The last room whose log is erased; empty before the first.
    pub through: Vec<u8>,
    pub begun_at: Option<Timestamp>,
    pub erased_at: Option<Timestamp>,
}

/// Why an account was not kept, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("nobody asked to delete it")]
    NotAsked,
    #[error("erasing it has begun")]
    Begun,
}

/// Shuts an account, to be erased after the grace. Nothing is done when it is shut so already.
pub fn ask(tx: &mut Tx, person: PersonId, coins: i64, now: Timestamp) -> Result<Deletion, StoreError> {
    if let Some(asked) = of(tx, person)? {
        return Ok(asked);
    }
    session::close_all(tx, person)?;
    let deletion = Deletion {
        person,
        asked_at: now,
        due_at: now + GRACE,
        coins,
        through: Vec::new(),
        begun_at: None,
        erased_at: None,
    };
    let through = deletion.through.as_slice();
    tx.insert(&DELETION, row![person, now, deletion.due_at, coins, through]);
    Ok(deletion)
}

/// Opens it again.
pub fn keep(tx: &mut Tx, person: PersonId) -> Result<(), KeepError> {
    let asked = of(tx, person)?.ok_or(KeepError::NotAsked)?;
    if asked.begun_at.is_some() {
        return Err(KeepError::Begun);
    }
    tx.execute("DELETE FROM person_deletion WHERE person = $1", params![person])?;
    Ok(())
}

/// The deletion of a person's account, if they have asked for it.
pub fn of(db: &mut impl Read, person: PersonId) -> Result<Option<Deletion>, StoreError> {
    let row = db.row(
        "SELECT person, asked_at, due_at, coins, through, begun_at, erased_at FROM person_deletion WHERE person = $1",
        params![person],
    )?;
    row.as_ref().map(read).transpose()
}

/// Those that are due and not erased, the earliest first.
pub fn due(db: &mut impl Read, now: Timestamp, max: i64) -> Result<Vec<Deletion>, StoreError> {
    let rows = db.rows(
        "SELECT person, asked_at, due_at, coins, through, begun_at, erased_at FROM person_deletion \
         WHERE erased_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT $2",
        params![now, max],
    )?;
    rows.iter().map(read).collect()
}

/// Whether somebody else runs the site, whose account is not shut.
pub fn other_operators(db: &mut impl Read, than: PersonId, now: Timestamp) -> Result<bool, StoreError> {
    let row = db.row(
        "SELECT 1 FROM person p WHERE p.role = 'operator' AND p.id <> $1 AND NOT EXISTS \
         (SELECT 1 FROM person_suspension s WHERE s.person = p.id AND (s.until IS NULL OR s.until > $2)) \
         AND NOT EXISTS (SELECT 1 FROM person_deletion d WHERE d.person = p.id) LIMIT 1",
        params![than, now],
    )?;
    Ok(row.is_some())
}

/// Something stands against it: it is looked at again later.
pub fn put_off(tx: &mut Tx, person: PersonId, until: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE person_deletion SET due_at = $2 WHERE person = $1 AND begun_at IS NULL",
        params![person, until],
    )?;
    Ok(())
}

/// Begins to erase: from now on the account cannot be kept.
pub fn begin(tx: &mut Tx, person: PersonId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE person_deletion SET begun_at = $2 WHERE person = $1 AND begun_at IS NULL",
        params![person, now],
    )?;
    Ok(())
}

/// Notes how far the logs of rooms are erased.
pub fn went_through(tx: &mut Tx, person: PersonId, room: &[u8]) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE person_deletion SET through = $2 WHERE person = $1",
        params![person, room],
    )?;
    Ok(())
}

/// Nothing is left to be erased.
pub fn end(tx: &mut Tx, person: PersonId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE person_deletion SET erased_at = $2 WHERE person = $1",
        params![person, now],
    )?;
    Ok(())
}

/// Takes names, words and the password off a person and their channels, and retires their handles. Once more changes
/// nothing.
pub fn unname(tx: &mut Tx, person: PersonId) -> Result<(), StoreError> {
    let Some(found) = crate::person(tx, person)? else {
        return Ok(());
    };
    retire(tx, &found.handle)?;
    let nobody = Person {
        handle: handle_of(person.0),
        display_name: NAME.into(),
        about: String::new(),
        role: Role::Viewer,
        ..found
    };
    tx.execute(
        "UPDATE person SET handle = $2, display_name = $3, about = '', role = $4, password_hash = '' WHERE id = $1",
        params![person, &nobody.handle, NAME, nobody.role.code()],
    )?;
    tx.put(person, nobody);
    for channel in channels_of(tx, person)? {
        retire(tx, &channel.handle)?;
        let nobodys = Channel {
            handle: handle_of(channel.id.0),
            name: NAME.into(),
            about: String::new(),
            ..channel
        };
        tx.execute(
            "UPDATE channel SET handle = $2, name = $3, about = '' WHERE id = $1",
            params![nobodys.id, &nobodys.handle, NAME],
        )?;
        tx.put(nobodys.id, nobodys);
    }
    Ok(())
}

/// All channels of a person: their own and their pages.
pub fn channels_of(db: &mut impl Read, owner: PersonId) -> Result<Vec<Channel>, StoreError> {
    let mut channels = Vec::from_iter(crate::channel_of(db, owner)?);
    channels.extend(crate::page::pages_of(db, owner)?);
    Ok(channels)
}

/// A handle that cannot be asked for, since no handle has such a character.
pub(crate) fn handle_of(id: uuid::Uuid) -> String {
    format!("deleted-{}", id.simple())
}

fn retire(tx: &mut Tx, handle: &str) -> Result<(), StoreError> {
    if busk_base::handle(handle).is_ok() {
        tx.execute(
            "INSERT INTO handle_retired (hash) VALUES ($1) ON CONFLICT (hash) DO NOTHING",
            params![secret::hash(handle).as_slice()],
        )?;
    }
    Ok(())
}

impl From<KeepError> for Problem {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::Store(error) => error.into(),
            KeepError::NotAsked => Problem::not_found("deletion_unknown", "The account is not to be deleted"),
            KeepError::Begun => Problem::conflict("deletion_begun", "The account is being erased"),
        }
    }
}

fn read(row: &Row) -> Result<Deletion, StoreError> {
    Ok(Deletion {
        person: row.get(0)?,
        asked_at: row.get(1)?,
        due_at: row.get(2)?,
        coins: row.get(3)?,
        through: row.get(4)?,
        begun_at: row.get(5)?,
        erased_at: row.get(6)?,
    })
}
