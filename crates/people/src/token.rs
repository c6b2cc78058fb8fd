//! A token: what lets a program act as the person who made it, as far as its [scopes](Scope) reach. It is shown
//! once, and only its hash is stored. A bot with a name of its own is an account of its own, which makes a token.
//!
//! Invariant: a token that was revoked or has expired lets nobody do anything, and ends what was opened by it
//! within a second (rooms look after their sockets).

mod http;
#[cfg(test)]
mod tests;

use ::http::{HeaderMap, header};
use busk_base::{PersonId, TextError, Timestamp, TokenId, bounded_text};
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, params, row};

use crate::{Person, Scopes, Shut, person, secret};

pub(crate) use http::routes;

/// Makes a leaked token easy to find in logs and repositories.
const PREFIX: &str = "busk_token_";
/// Tokens of one person.
pub const TOKENS_MAX: usize = 20;
/// Characters of a name.
pub const NAME_MAX: usize = 40;

static TOKEN: Insert = Insert {
    table: "access_token",
    columns: &[
        ("id", Type::Blob),
        ("token_hash", Type::Blob),
        ("person", Type::Blob),
        ("name", Type::Text),
        ("scopes", Type::Text),
        ("created_at", Type::Int),
        ("expires_at", Type::Int),
    ],
};

/// A token, without what only its program knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    pub id: TokenId,
    pub person: PersonId,
    pub name: String,
    pub scopes: Scopes,
    pub created_at: Timestamp,
    /// None: it does not expire by itself.
    pub expires_at: Option<Timestamp>,
}

/// Why no token was made, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MakeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the name {0}")]
    Name(TextError),
    #[error("a token is for something")]
    NoScope,
    #[error("it would have expired already")]
    Past,
    #[error("nobody has more than {TOKENS_MAX} tokens; revoke one first")]
    TooMany,
}

/// Why no token was revoked, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RevokeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such token")]
    TokenUnknown,
}

/// A new token's text. In small letters and digits only: tmi.js makes any others small.
pub fn text(secret: [u8; 32]) -> String {
    let digits = secret.iter().map(|byte| format!("{byte:02x}"));
    format!("{PREFIX}{}", digits.collect::<String>())
}

/// Whether a text looks like a token.
pub fn is_one(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// What a request's `Authorization: Bearer` brings (RFC 6750 §2.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, text) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(text.trim())
}

/// Keeps a token, by the hash of its `text`. Those that have expired make place.
pub fn make(tx: &mut Tx, token: &AccessToken, text: &str, now: Timestamp) -> Result<AccessToken, MakeError> {
    let name = bounded_text(&token.name, 1, NAME_MAX).map_err(MakeError::Name)?;
    if token.scopes.is_empty() {
        return Err(MakeError::NoScope);
    }
    if token.expires_at.is_some_and(|at| at <= now) {
        return Err(MakeError::Past);
    }
    let known = of_person(tx, token.person)?;
    if known.iter().filter(|token| token.holds(now)).count() >= TOKENS_MAX {
        return Err(MakeError::TooMany);
    }

    tx.execute(
        "DELETE FROM access_token WHERE person = $1 AND expires_at <= $2",
        params![token.person, now],
    )?;
    let token = AccessToken {
        name,
        created_at: now,
        ..token.clone()
    };
    tx.insert(
        &TOKEN,
        row![
            token.id,
            secret::hash(text).as_slice(),
            token.person,
            &token.name,
            token.scopes.words(),
            token.created_at,
            token.expires_at
        ],
    );
    Ok(token)
}

/// Ends a token of one's own.
pub fn revoke(tx: &mut Tx, person: PersonId, id: TokenId) -> Result<(), RevokeError> {
    let gone = tx.execute(
        "DELETE FROM access_token WHERE id = $1 AND person = $2",
        params![id, person],
    )?;
    match gone {
        0 => Err(RevokeError::TokenUnknown),
        _ => Ok(()),
    }
}

/// A person's tokens, the newest first.
pub fn of_person(db: &mut impl Read, person: PersonId) -> Result<Vec<AccessToken>, StoreError> {
    let rows = db.rows(
        "SELECT id, person, name, scopes, created_at, expires_at FROM access_token \
         WHERE person = $1 ORDER BY created_at DESC, id",
        params![person],
    )?;
    rows.iter().map(read).collect()
}

/// The token with this text and whose it is, while it holds and its person's account is not shut.
pub fn holder(
    db: &mut impl Read,
    text: &str,
    now: Timestamp,
) -> Result<Option<(AccessToken, Person)>, StoreError> {
    if !is_one(text) {
        return Ok(None);
    }
    let row = db.row(
        "SELECT id, person, name, scopes, created_at, expires_at FROM access_token WHERE token_hash = $1",
        params![secret::hash(text).as_slice()],
    )?;
    let token = row.as_ref().map(read).transpose()?;
    let Some(token) = token.filter(|token| token.holds(now)) else {
        return Ok(None);
    };
    if Shut::of(db, token.person, now)?.is_shut() {
        return Ok(None);
    }
    Ok(person(db, token.person)?.map(|person| (token, person)))
}

/// Whether a token holds still.
pub fn holds(db: &mut impl Read, id: TokenId, now: Timestamp) -> Result<bool, StoreError> {
    let row = db.row(
        "SELECT 1 FROM access_token t WHERE t.id = $1 AND (t.expires_at IS NULL OR t.expires_at > $2) AND NOT EXISTS \
         (SELECT 1 FROM person_suspension x WHERE x.person = t.person AND (x.until IS NULL OR x.until > $2)) \
         AND NOT EXISTS (SELECT 1 FROM person_deletion d WHERE d.person = t.person)",
        params![id, now],
    )?;
    Ok(row.is_some())
}

impl AccessToken {
    fn holds(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| at > now)
    }
}

fn read(row: &Row) -> Result<AccessToken, StoreError> {
    Ok(AccessToken {
        id: row.get(0)?,
        person: row.get(1)?,
        name: row.get(2)?,
        scopes: Scopes::parse(&row.get::<String>(3)?)?,
        created_at: row.get(4)?,
        expires_at: row.get(5)?,
    })
}
