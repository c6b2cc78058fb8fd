//! A guest: an anonymous viewer who gave a name. Lives as long as the session.

mod http;

use busk_base::{GuestId, TextError, Timestamp, bounded_text};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};

use crate::sign_up::DISPLAY_NAME_MAX;

pub(crate) use http::routes;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    pub id: GuestId,
    pub name: String,
}

static GUEST: Insert = Insert {
    table: "guest",
    columns: &[
        ("id", Type::Blob),
        ("name", Type::Text),
        ("created_at", Type::Int),
    ],
};

impl Guest {
    pub fn new(id: GuestId, name: &str) -> Result<Self, TextError> {
        let name = bounded_text(name, 1, DISPLAY_NAME_MAX)?;
        Ok(Self { id, name })
    }
}

pub fn guest(db: &mut impl Read, id: GuestId) -> Result<Option<Guest>, StoreError> {
    let row = db.row("SELECT id, name FROM guest WHERE id = $1", params![id])?;
    row.map(|row| {
        Ok(Guest {
            id: row.get(0)?,
            name: row.get(1)?,
        })
    })
    .transpose()
}

pub fn welcome(tx: &mut Tx, guest: &Guest, now: Timestamp) {
    tx.insert(&GUEST, row![guest.id, &guest.name, now]);
}
