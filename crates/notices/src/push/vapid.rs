//! Who sends (RFC 8292): a signed word to the push service, so that it can tell one sender from another and whom to ask
//! when something is wrong. The browser ties a subscription to our public key: nobody else can send to it.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use busk_base::Timestamp;
use std::time::Duration;

/// How long a word is good for: at most a day (RFC 8292 §2).
const GOOD_FOR: Duration = Duration::from_secs(12 * 3_600);

/// The site's key. Made once: with another one all subscriptions are lost.
pub(crate) struct Sender {
    pair: EcdsaKeyPair,
    /// base64url, as browsers are told it.
    public: String,
}

impl Sender {
    /// `None` when the secret is no key, by a chance of 1 in 2³².
    pub(crate) fn new(secret: &[u8; 32]) -> Option<Self> {
        let public = PrivateKey::from_private_key(&ECDH_P256, secret)
            .ok()?
            .compute_public_key()
            .ok()?;
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, secret, public.as_ref()).ok()?;
        Some(Self {
            pair,
            public: URL_SAFE_NO_PAD.encode(public.as_ref()),
        })
    }

    pub(crate) fn public(&self) -> &str {
        &self.public
    }

    /// The header `authorization` for a push service at `origin`. `contact` is where the site is found. `None` is a
    /// bug of ours: what is signed is always signable.
    pub(crate) fn authorization(&self, origin: &str, contact: &str, now: Timestamp) -> Option<String> {
        let until = (now + GOOD_FOR).unix_s();
        let head = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ES256"}"#);
        let claims = serde_json::json!({"aud": origin, "exp": until, "sub": contact}).to_string();
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).ok()?;
        let signature = URL_SAFE_NO_PAD.encode(signature.as_ref());
        Some(format!("vapid t={signed}.{signature}, k={}", self.public))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    #[test]
    fn its_word_can_be_verified_by_its_public_key() {
        let sender = Sender::new(&[7; 32]).unwrap();
        let now = Timestamp::from_unix_us(1_795_252_800_000_000);
        let header = sender
            .authorization("https://push.example", "https://busk.example", now)
            .unwrap();
        let (token, key) = header
            .strip_prefix("vapid t=")
            .unwrap()
            .split_once(", k=")
            .unwrap();
        let key = URL_SAFE_NO_PAD.decode(key).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let known = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &key);
        known.verify(signed.as_bytes(), &signature).unwrap();
        assert!(known.verify(b"another", &signature).is_err());
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(
            claims,
            serde_json::json!({"aud": "https://push.example", "exp": now.unix_s() + 43_200, "sub": "https://busk.example"})
        );
        assert!(Sender::new(&[0; 32]).is_none());
    }
}
