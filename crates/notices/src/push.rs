//! Web Push: browsers that want to be told, each by an address at its maker's push service (RFC 8030) that it gave us
//! together with its keys.
//!
//! Invariant: a browser is one person's, whoever signed in there last; one that has gone is forgotten.

mod encrypt;
mod http;
mod send;
mod vapid;

use busk_base::{PersonId, PushId, Timestamp};
use busk_outward::{Address, AddressError, Reach};
use busk_store::{Read, StoreError, Tx, params};
use sha2::{Digest, Sha256};

pub(crate) use encrypt::Keys as BrowserKeys;
pub(crate) use http::routes;
pub(crate) use send::{PATIENCE, send};
pub(crate) use vapid::Sender;

/// Browsers of one person; with one more, the oldest is forgotten.
pub(crate) const BROWSERS_MAX: i64 = 10;

/// A browser that is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Browser {
    pub(crate) endpoint: String,
    pub(crate) keys: BrowserKeys,
}

/// Why a subscription was not taken, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum SubscribeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the address {0}")]
    Endpoint(AddressError),
}

/// Notes a browser; once more, also for somebody else, is no error.
pub(crate) fn subscribe(
    tx: &mut Tx,
    person: PersonId,
    browser: &Browser,
    reach: &Reach,
    now: Timestamp,
) -> Result<PushId, SubscribeError> {
    Address::parse(&browser.endpoint, reach).map_err(SubscribeError::Endpoint)?;

    let id = id_of(&browser.endpoint);
    tx.execute(
        "INSERT INTO notice_push (id, person, endpoint, public, auth, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (id) DO UPDATE SET person = excluded.person, public = excluded.public, auth = excluded.auth, \
         created_at = excluded.created_at",
        params![
            id,
            person,
            &browser.endpoint,
            browser.keys.public.to_vec(),
            browser.keys.auth.to_vec(),
            now
        ],
    )?;
    tx.execute(
        "DELETE FROM notice_push WHERE person = $1 AND id NOT IN \
         (SELECT id FROM notice_push WHERE person = $1 ORDER BY created_at DESC, id LIMIT $2)",
        params![person, BROWSERS_MAX],
    )?;
    Ok(id)
}

/// Forgets one's browser, if it is there.
pub(crate) fn unsubscribe(tx: &mut Tx, person: PersonId, id: PushId) -> Result<bool, StoreError> {
    let gone = tx.execute(
        "DELETE FROM notice_push WHERE id = $1 AND person = $2",
        params![id, person],
    )?;
    Ok(gone > 0)
}

/// A person's browser, while it is theirs.
pub(crate) fn browser(
    db: &mut impl Read,
    person: PersonId,
    id: PushId,
) -> Result<Option<Browser>, StoreError> {
    let row = db.row(
        "SELECT endpoint, public, auth FROM notice_push WHERE id = $1 AND person = $2",
        params![id, person],
    )?;
    let Some(row) = row else { return Ok(None) };
    let (public, auth): (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?);
    let broken = || StoreError::Broken("the keys of a browser are none".into());
    Ok(Some(Browser {
        endpoint: row.get(0)?,
        keys: BrowserKeys::new(&public, &auth).ok_or_else(broken)?,
    }))
}

/// Follows from the address, so that a browser that comes again is the same.
pub(crate) fn id_of(endpoint: &str) -> PushId {
    let hash = Sha256::digest(endpoint);
    PushId::from_slice(&hash[..16]).expect("a hash has more than 16 bytes")
}
