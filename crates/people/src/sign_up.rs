//! Someone signs up: a person, with a personal channel under the same handle.
//! Invariant: person and channel are made together, and a handle names one of each.

mod http;

use busk_base::{ChannelId, PersonId, TextError, Timestamp, bounded_text, handle};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};

use crate::{Channel, ChannelKind, Person, Role, secret};

pub(crate) use http::{NewPerson, routes};

pub const DISPLAY_NAME_MAX: usize = 40;

static PERSON: Insert = Insert {
    table: "person",
    columns: &[
        ("id", Type::Blob),
        ("handle", Type::Text),
        ("display_name", Type::Text),
        ("about", Type::Text),
        ("role", Type::Text),
        ("password_hash", Type::Text),
        ("created_at", Type::Int),
    ],
};

#[derive(Clone, Debug)]
pub struct SignUp {
    pub person: PersonId,
    pub channel: ChannelId,
    pub handle: String,
    pub display_name: String,
    /// Made by [`password::hash`](crate::password::hash).
    pub password_hash: String,
    pub role: Role,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum SignUpError {
    #[error("the handle {0}")]
    Handle(TextError),
    #[error("the display name {0}")]
    DisplayName(TextError),
    #[error("the handle is taken")]
    HandleTaken,
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for SignUpError {
    fn from(error: StoreError) -> Self {
        match error {
            // Another node took the handle between our look and our commit.
            StoreError::Unique(_) => SignUpError::HandleTaken,
            other => SignUpError::Store(other),
        }
    }
}

pub fn sign_up(tx: &mut Tx, new: &SignUp, now: Timestamp) -> Result<Person, SignUpError> {
    let handle = handle(&new.handle).map_err(SignUpError::Handle)?;
    let display_name =
        bounded_text(&new.display_name, 1, DISPLAY_NAME_MAX).map_err(SignUpError::DisplayName)?;
    if is_taken(tx, &handle)? {
        return Err(SignUpError::HandleTaken);
    }

    let person = Person {
        id: new.person,
        handle: handle.clone(),
        display_name: display_name.clone(),
        about: String::new(),
        role: new.role,
    };
    let channel = Channel {
        id: new.channel,
        owner: new.person,
        kind: ChannelKind::Personal,
        handle,
        name: display_name,
        about: String::new(),
    };
    insert(tx, &person, &channel, &new.password_hash, now);
    Ok(person)
}

/// Whether a person or a channel has this handle, or had it when it was deleted.
pub fn is_taken(db: &mut impl Read, handle: &str) -> Result<bool, StoreError> {
    let found = db.row(
        "SELECT 1 FROM person WHERE handle = $1 UNION SELECT 1 FROM channel WHERE handle = $1 \
         UNION SELECT 1 FROM handle_retired WHERE hash = $2",
        params![handle, secret::hash(handle).as_slice()],
    )?;
    Ok(found.is_some())
}

fn insert(tx: &mut Tx, person: &Person, channel: &Channel, password_hash: &str, now: Timestamp) {
    tx.insert(
        &PERSON,
        row![
            person.id,
            &person.handle,
            &person.display_name,
            &person.about,
            person.role.code(),
            password_hash,
            now
        ],
    );
    tx.put(person.id, person.clone());
    channel.add(tx, now);
}
