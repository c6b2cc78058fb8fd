//! A person: someone who can sign in.

use busk_base::PersonId;
use busk_store::{Entity, Read, Row, StoreError, Type, Value, params};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Viewer,
    /// Runs the site.
    Operator,
}

impl Role {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
        }
    }

    fn parse(code: &str) -> Result<Self, StoreError> {
        match code {
            "viewer" => Ok(Role::Viewer),
            "operator" => Ok(Role::Operator),
            other => Err(StoreError::Broken(format!("a person's role is {other:?}"))),
        }
    }
}

/// In a batch, read by [`Tx::find`](busk_store::Tx::find); every change is [put](busk_store::Tx::put).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: PersonId,
    pub handle: String,
    pub display_name: String,
    pub about: String,
    pub role: Role,
}

impl Entity for Person {
    type Key = PersonId;
    const SELECT: &'static str = "SELECT id, handle, display_name, about, role FROM person WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &PersonId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(PersonId, Self), StoreError> {
        let person = read(row)?;
        Ok((person.id, person))
    }
}

fn read(row: &Row) -> Result<Person, StoreError> {
    Ok(Person {
        id: row.get(0)?,
        handle: row.get(1)?,
        display_name: row.get(2)?,
        about: row.get(3)?,
        role: Role::parse(&row.get::<String>(4)?)?,
    })
}

pub fn person(db: &mut impl Read, id: PersonId) -> Result<Option<Person>, StoreError> {
    let row = db.row(
        "SELECT id, handle, display_name, about, role FROM person WHERE id = $1",
        params![id],
    )?;
    row.as_ref().map(read).transpose()
}

/// One whose account is to be deleted is not found.
pub fn person_by_handle(db: &mut impl Read, handle: &str) -> Result<Option<Person>, StoreError> {
    let row = db.row(
        "SELECT id, handle, display_name, about, role FROM person p WHERE handle = $1 \
         AND NOT EXISTS (SELECT 1 FROM person_deletion d WHERE d.person = p.id)",
        params![handle],
    )?;
    row.as_ref().map(read).transpose()
}
