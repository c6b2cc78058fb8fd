//! A page: a channel of a business, a venue, a teacher. Its owner goes live with it, and only pages sell tickets.
//! Invariant: a page has one owner, and its handle is nobody else's.

mod http;

use busk_base::{ChannelId, PersonId, TextError, Timestamp, bounded_text, handle};
use busk_store::{Read, StoreError, Tx, params};

use crate::me::ABOUT_MAX;
use crate::sign_up::{DISPLAY_NAME_MAX, is_taken};
use crate::{Channel, ChannelKind, channel};

pub(crate) use http::routes;

/// Pages that one person may have.
pub const PAGES_MAX: usize = 20;

#[derive(Clone, Debug)]
pub struct NewPage {
    pub id: ChannelId,
    pub owner: PersonId,
    pub handle: String,
    pub name: String,
    pub about: String,
}

/// Why no page was created, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CreateError {
    #[error(transparent)]
    Store(StoreError),
    #[error("the handle {0}")]
    Handle(TextError),
    #[error("the name {0}")]
    Name(TextError),
    #[error("the text {0}")]
    About(TextError),
    #[error("the handle is taken")]
    HandleTaken,
    #[error("at most {PAGES_MAX} pages are one person's")]
    TooMany,
}

impl From<StoreError> for CreateError {
    fn from(error: StoreError) -> Self {
        match error {
            // Another node took the handle between our look and our commit.
            StoreError::Unique(_) => CreateError::HandleTaken,
            other => CreateError::Store(other),
        }
    }
}

/// Creates a page.
pub fn create(tx: &mut Tx, new: &NewPage, now: Timestamp) -> Result<Channel, CreateError> {
    let handle = handle(&new.handle).map_err(CreateError::Handle)?;
    let name = bounded_text(&new.name, 1, DISPLAY_NAME_MAX).map_err(CreateError::Name)?;
    let about = bounded_text(&new.about, 0, ABOUT_MAX).map_err(CreateError::About)?;
    if is_taken(tx, &handle)? {
        return Err(CreateError::HandleTaken);
    }
    if pages_of(tx, new.owner)?.len() >= PAGES_MAX {
        return Err(CreateError::TooMany);
    }

    let page = Channel {
        id: new.id,
        owner: new.owner,
        kind: ChannelKind::Page,
        handle,
        name,
        about,
    };
    page.add(tx, now);
    Ok(page)
}

/// A person's pages, the oldest first.
pub fn pages_of(db: &mut impl Read, owner: PersonId) -> Result<Vec<Channel>, StoreError> {
    let rows = db.rows(
        "SELECT id FROM channel WHERE owner = $1 AND kind = 'page' ORDER BY created_at, id",
        params![owner],
    )?;
    let mut pages = Vec::with_capacity(rows.len());
    for row in rows {
        pages.extend(channel(db, row.get(0)?)?);
    }
    Ok(pages)
}
