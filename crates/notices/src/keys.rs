//! The site's own secrets for notices: the key by which push services know it, and the one that signs the links in
//! letters. Made once, kept sealed in the database, so that every node has the same.
//!
//! Where the sealing key was lost they cannot be read any more: new ones are made then, and with them go the
//! subscriptions, which are bound to the old one; browsers subscribe anew when their people come by.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use busk_api::Site;
use busk_base::{PersonId, Timestamp};
use busk_rooms::restream::SealingKey;
use busk_store::{Read, StoreError, Tx, params};

use crate::push::Sender;

/// What the secrets are sealed for.
const OWNER: &[u8] = b"notices";
/// What a token begins with; its signature follows.
const PERSON_BYTES: usize = 16;

pub(crate) struct Keys {
    pub(crate) sender: Sender,
    links: Key,
}

/// What a link in a letter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// No more letters.
    Unsubscribe,
    /// The address that was given at this time is theirs.
    Confirm(Timestamp),
}

impl Link {
    fn named(self, person: PersonId) -> Vec<u8> {
        let (name, at) = match self {
            Link::Unsubscribe => ("unsubscribe", 0),
            Link::Confirm(at) => ("confirm", at.unix_us()),
        };
        [name.as_bytes(), person.as_bytes(), &at.to_be_bytes()].concat()
    }
}

impl Keys {
    fn new(secrets: &[u8; 64]) -> Option<Self> {
        let (push, links) = secrets.split_at(32);
        Some(Self {
            sender: Sender::new(push.try_into().ok()?)?,
            links: Key::new(HMAC_SHA256, links),
        })
    }

    /// Shows that a link is ours and for whom; it names nobody in words.
    pub(crate) fn token(&self, link: Link, person: PersonId) -> String {
        let mark = sign(&self.links, &link.named(person));
        encoded(&[person.as_bytes(), mark.as_ref()].concat())
    }

    /// Whom a token is said to be for; whether it is, [`Keys::is_good`] tells.
    pub(crate) fn person_of(token: &str) -> Option<PersonId> {
        PersonId::from_slice(decoded(token)?.get(..PERSON_BYTES)?)
    }

    /// Takes the same time whatever is in it.
    pub(crate) fn is_good(&self, token: &str, link: Link, person: PersonId) -> bool {
        let bytes = decoded(token).unwrap_or_default();
        let Some((named, mark)) = bytes.split_at_checked(PERSON_BYTES) else {
            return false;
        };
        named == person.as_bytes() && verify(&self.links, &link.named(person), mark).is_ok()
    }
}

pub(crate) fn encoded(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    // Browsers write keys without padding; a few libraries with it.
    let text = text.trim_end_matches('=');
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()
}

/// Reads the keys, makes them where there are none that can be read.
pub(crate) async fn keep(site: &Site, sealing: &SealingKey) -> Result<Keys, StoreError> {
    let broken = || StoreError::Broken("the keys of notices cannot be made".into());
    let kept: Option<Vec<u8>> = site.store().read(kept).await?;
    if let Some(keys) = kept.as_deref().and_then(|sealed| opened(sealing, sealed)) {
        return Ok(keys);
    }
    if kept.is_some() {
        tracing::warn!("the keys of notices cannot be read: new ones are made, and subscriptions forgotten");
    }
    let secrets = [site.secret(), site.secret()].concat();
    let nonce: [u8; 32] = site.secret();
    let nonce = std::array::from_fn(|at| nonce[at]);
    let sealed = sealing.seal_for(OWNER, secrets, nonce).ok_or_else(broken)?;
    let written = site
        .store()
        .write(move |tx| replace(tx, kept.as_deref(), &sealed));
    opened(sealing, &written.await?).ok_or_else(broken)
}

fn opened(sealing: &SealingKey, sealed: &[u8]) -> Option<Keys> {
    let secrets = sealing.open_for(OWNER, sealed)?;
    Keys::new(secrets.as_slice().try_into().ok()?)
}

fn kept(db: &mut impl Read) -> Result<Option<Vec<u8>>, StoreError> {
    let row = db.row("SELECT sealed FROM notice_key WHERE id = 1", &[])?;
    row.map(|row| row.get(0)).transpose()
}

/// Writes new keys in place of those that were read; who comes second takes the first one's.
fn replace(tx: &mut Tx, before: Option<&[u8]>, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
    let now = kept(tx)?;
    if let Some(now) = now.filter(|now| Some(now.as_slice()) != before) {
        return Ok(now);
    }
    tx.execute("DELETE FROM notice_push", &[])?;
    tx.execute("DELETE FROM notice_key", &[])?;
    tx.execute(
        "INSERT INTO notice_key (id, sealed) VALUES (1, $1)",
        params![sealed.to_vec()],
    )?;
    Ok(sealed.to_vec())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_link_is_for_one_person_and_one_thing() {
        let keys = Keys::new(&[7; 64]).unwrap();
        let (ana, bea) = (PersonId(Uuid::from_u128(1)), PersonId(Uuid::from_u128(2)));
        let (at, later) = (Timestamp::from_unix_us(5), Timestamp::from_unix_us(6));
        let token = keys.token(Link::Unsubscribe, ana);
        assert_eq!(Keys::person_of(&token), Some(ana));
        assert!(keys.is_good(&token, Link::Unsubscribe, ana));
        assert!(!keys.is_good(&token, Link::Unsubscribe, bea));
        assert!(!keys.is_good(&token, Link::Confirm(at), ana));
        assert!(!keys.is_good(&keys.token(Link::Confirm(at), ana), Link::Confirm(later), ana));
        let mut bytes = decoded(&token).unwrap();
        bytes[..16].copy_from_slice(bea.as_bytes());
        assert!(!keys.is_good(&encoded(&bytes), Link::Unsubscribe, bea));
        for broken in ["", "x", &token[1..], &token[..20], "é"] {
            assert!(!keys.is_good(broken, Link::Unsubscribe, ana), "{broken}");
        }
    }
}
