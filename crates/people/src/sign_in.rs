//! Someone signs in, and out.

mod http;

use busk_api::{Problem, Site};
use busk_base::{PersonId, SessionId, Timestamp};
use busk_store::{Read, StoreError, Tx, params};

use crate::session::{self, Holder, Token, TokenHash};

pub(crate) use http::{answer, routes};

/// Whom a handle names, and the hash of their password.
pub fn credentials(db: &mut impl Read, handle: &str) -> Result<Option<(PersonId, String)>, StoreError> {
    let row = db.row(
        "SELECT id, password_hash FROM person WHERE handle = $1",
        params![handle],
    )?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// A session about to be opened, in place of the one the browser had.
#[derive(Clone)]
pub(crate) struct Opening {
    pub token: Token,
    id: SessionId,
    holder: Holder,
    before: Option<TokenHash>,
}

impl Opening {
    pub(crate) fn new(site: &Site, holder: Holder, headers: &::http::HeaderMap) -> Self {
        Self {
            token: Token::new(site.secret()),
            id: SessionId::new(site.now(), site.entropy()),
            holder,
            before: session::token_hash(headers),
        }
    }

    pub(crate) fn open(&self, tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
        if let Some(before) = self.before {
            session::close(tx, before)?;
        }
        session::open(tx, self.id, self.holder, self.token.hash(), now);
        Ok(())
    }
}

/// One answer for a wrong password and for a handle that nobody has.
fn refused() -> Problem {
    Problem::new(
        busk_api::StatusCode::UNAUTHORIZED,
        "sign_in_failed",
        "The handle or the password is wrong",
    )
}
