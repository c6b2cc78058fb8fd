//! What nobody may read in the database, sealed (AES-256-GCM) for what it belongs to, so that it can be moved to no
//! other: an address with its stream key for its target; bank details for their channel.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use busk_base::{ChannelId, RestreamTargetId};

use super::Secret;

/// The site's key, kept in a file of its own beside the database.
#[derive(Clone)]
pub struct SealingKey(Arc<LessSafeKey>);

impl SealingKey {
    /// `None` is a bug of ours: 32 bytes are always a key.
    pub fn new(bytes: &[u8; 32]) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).ok()?;
        Some(Self(Arc::new(LessSafeKey::new(key))))
    }

    /// `nonce` is random: of 2³² targets, two have the same by a chance of 1 in 2³².
    pub(super) fn seal(
        &self,
        id: RestreamTargetId,
        channel: ChannelId,
        secret: &Secret,
        nonce: [u8; NONCE_LEN],
    ) -> Option<Vec<u8>> {
        let text = serde_json::to_vec(&(&secret.url, &secret.key)).ok()?;
        self.seal_for(&bound_to(id, channel), text, nonce)
    }

    /// Seals any text for what `owner` names. `nonce` is random, as for [`SealingKey::seal`].
    pub fn seal_for(&self, owner: &[u8], mut text: Vec<u8>, nonce: [u8; NONCE_LEN]) -> Option<Vec<u8>> {
        let unique = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(unique, Aad::from(owner), &mut text)
            .ok()?;
        Some([&nonce[..], &text].concat())
    }

    /// `None` when it was sealed with another key, for another owner, or changed.
    pub fn open_for(&self, owner: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = self.0.open_in_place(nonce, Aad::from(owner), &mut text).ok()?;
        Some(text.to_vec())
    }

    /// `None` when it was sealed with another key, for another target, or changed.
    pub(super) fn open(&self, id: RestreamTargetId, channel: ChannelId, sealed: &[u8]) -> Option<Secret> {
        let text = self.open_for(&bound_to(id, channel), sealed)?;
        let (url, key) = serde_json::from_slice(&text).ok()?;
        Some(Secret { url, key })
    }
}

fn bound_to(id: RestreamTargetId, channel: ChannelId) -> Vec<u8> {
    [&id.as_bytes()[..], channel.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_the_right_key_opens_it_for_the_right_target() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        let (id, channel) = (
            RestreamTargetId(Uuid::from_u128(1)),
            ChannelId(Uuid::from_u128(2)),
        );
        let secret = Secret {
            url: "rtmp://a/live".into(),
            key: "canary-key".into(),
        };
        let sealed = key.seal(id, channel, &secret, [3; 12]).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("canary"));
        assert!(key.open(id, channel, &sealed) == Some(secret));

        let other = RestreamTargetId(Uuid::from_u128(3));
        assert!(key.open(other, channel, &sealed).is_none());
        let elsewhere = ChannelId(Uuid::from_u128(4));
        assert!(key.open(id, elsewhere, &sealed).is_none());
        let stranger = SealingKey::new(&[8; 32]).unwrap();
        assert!(stranger.open(id, channel, &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(id, channel, &changed).is_none(), "byte {at}");
            assert!(key.open(id, channel, &sealed[..at]).is_none(), "{at} bytes");
        }
    }
}
