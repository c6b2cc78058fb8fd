//! A session: a browser that is signed in, or has a guest's name. Its token is in a cookie that scripts
//! cannot read; only the token's hash is stored. A new one is opened at every sign-in, so that a token
//! planted before it is worth nothing after it.

use std::time::Duration;

use busk_api::Site;
use busk_base::{GuestId, PersonId, SessionId, Timestamp};
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, params, row};
use http::{HeaderMap, HeaderValue, header};

use crate::{Caller, Shut, guest, person, secret};

pub const COOKIE: &str = "busk_session";

/// How long a session lasts.
pub const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3_600);

static SESSION: Insert = Insert {
    table: "session",
    columns: &[
        ("token_hash", Type::Blob),
        ("id", Type::Blob),
        ("person", Type::Blob),
        ("guest", Type::Blob),
        ("opened_at", Type::Int),
        ("expires_at", Type::Int),
    ],
};

/// What is stored of a session's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

/// A session's token, as the cookie has it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    pub fn new(secret: [u8; 32]) -> Self {
        Self(secret::text(secret))
    }

    pub fn hash(&self) -> TokenHash {
        TokenHash(secret::hash(&self.0))
    }

    /// The `Set-Cookie` header that gives the token to the browser.
    pub fn cookie(&self, site: &Site) -> HeaderValue {
        cookie(site, &self.0, LIFETIME)
    }
}

/// The `Set-Cookie` header that takes the token from the browser.
pub fn cookie_gone(site: &Site) -> HeaderValue {
    cookie(site, "", Duration::ZERO)
}

fn cookie(site: &Site, value: &str, lifetime: Duration) -> HeaderValue {
    let secure = if site.is_https() { "; Secure" } else { "" };
    let text = format!(
        "{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}",
        lifetime.as_secs()
    );
    HeaderValue::try_from(text).expect("a cookie of ours is letters, digits and punctuation")
}

/// The hash of the token in a request's cookies, if it has one.
pub fn token_hash(headers: &HeaderMap) -> Option<TokenHash> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let mut pairs = cookies
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let value = pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
    (!value.is_empty()).then(|| TokenHash(secret::hash(value)))
}

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    Person(PersonId),
    Guest(GuestId),
}

/// Opens a session; it begins with this transaction's commit.
pub fn open(tx: &mut Tx, id: SessionId, holder: Holder, token: TokenHash, now: Timestamp) {
    let (person, guest) = match holder {
        Holder::Person(id) => (Some(id), None),
        Holder::Guest(id) => (None, Some(id)),
    };
    tx.insert(
        &SESSION,
        row![token.0.as_slice(), id, person, guest, now, now + LIFETIME],
    );
}

/// Ends a session, if there is one.
pub fn close(tx: &mut Tx, token: TokenHash) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM session WHERE token_hash = $1",
        params![token.0.as_slice()],
    )?;
    Ok(())
}

/// Ends all sessions of a person.
pub(crate) fn close_all(tx: &mut Tx, person: PersonId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM session WHERE person = $1", params![person])?;
    Ok(())
}

/// Who holds the session with this token; nobody when it ended, or while their account is shut.
pub fn caller(db: &mut impl Read, token: TokenHash, now: Timestamp) -> Result<Caller, StoreError> {
    let held = holding(db, token, now)?;
    Ok(if held.shut.is_shut() {
        Caller::Nobody
    } else {
        held.caller
    })
}

/// Who holds a session.
#[derive(Clone, Debug)]
pub(crate) struct Holding {
    pub caller: Caller,
    /// While their account is shut, they are nobody to all but [`Concerned`](crate::Concerned).
    pub shut: Shut,
}

impl Holding {
    pub(crate) fn nobody() -> Self {
        Self {
            caller: Caller::Nobody,
            shut: Shut::default(),
        }
    }
}

/// Who holds the session with this token, also while their account is shut.
pub(crate) fn holding(db: &mut impl Read, token: TokenHash, now: Timestamp) -> Result<Holding, StoreError> {
    let row = db.row(
        "SELECT s.person, s.guest, x.person IS NOT NULL, d.due_at FROM session s \
         LEFT JOIN person_suspension x ON x.person = s.person AND (x.until IS NULL OR x.until > $2) \
         LEFT JOIN person_deletion d ON d.person = s.person \
         WHERE s.token_hash = $1 AND s.expires_at > $2",
        params![token.0.as_slice(), now],
    )?;
    let Some(row) = row else {
        return Ok(Holding::nobody());
    };
    let shut = Shut {
        suspended: row.get(2)?,
        deleted_at: row.get(3)?,
    };
    let caller = holder(db, &row)?;
    Ok(Holding { caller, shut })
}

fn holder(db: &mut impl Read, row: &Row) -> Result<Caller, StoreError> {
    if let Some(id) = row.get::<Option<PersonId>>(0)? {
        return Ok(person(db, id)?.map_or(Caller::Nobody, Caller::Person));
    }
    let guest = match row.get::<Option<GuestId>>(1)? {
        Some(id) => guest::guest(db, id)?,
        None => None,
    };
    Ok(guest.map_or(Caller::Nobody, Caller::Guest))
}

/// Removes sessions that have ended. Returns how many.
pub fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM session WHERE expires_at <= $1", params![now])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_its_own_cookie_among_others() {
        let hash = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, line.parse().unwrap());
            }
            token_hash(&headers)
        };
        let expected = Some(TokenHash(secret::hash("abc")));
        assert_eq!(hash(&["busk_session=abc"]), expected);
        assert_eq!(hash(&["a=1; busk_session=abc; b=2"]), expected);
        assert_eq!(hash(&["a=1", "busk_session=abc"]), expected);
        assert_eq!(hash(&["not_busk_session=abc; busk_session2=abc"]), None);
        assert_eq!(hash(&["busk_session="]), None);
        assert_eq!(hash(&[]), None);
    }
}
