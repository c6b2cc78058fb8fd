//! A message to one browser (RFC 8291): encrypted for the keys it gave, so that the push service between learns nothing
//! but its length; in the coding aes128gcm (RFC 8188), as one record.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};

/// An uncompressed point of P-256.
pub(crate) const POINT_BYTES: usize = 65;
pub(crate) const AUTH_BYTES: usize = 16;
const SALT_BYTES: usize = 16;
/// Of a record (RFC 8291 §4): push services take 4096 bytes, header and tag included.
const RECORD_BYTES: u32 = 4096;
/// What may be said, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 3_000;

/// Where a browser can be reached, as far as encryption is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    /// `p256dh`: the browser's public key.
    pub(crate) public: [u8; POINT_BYTES],
    /// `auth`: a secret that the browser shares with us.
    pub(crate) auth: [u8; AUTH_BYTES],
}

impl Keys {
    /// `None` when they cannot be a browser's.
    pub(crate) fn new(public: &[u8], auth: &[u8]) -> Option<Self> {
        let keys = Self {
            public: public.try_into().ok()?,
            auth: auth.try_into().ok()?,
        };
        // A point that is not on the curve is found now, not with every message.
        let ours = PrivateKey::from_private_key(&ECDH_P256, &[1; 32]).ok()?;
        keys.agreed(&ours).map(|_| keys)
    }

    fn agreed(&self, ours: &PrivateKey) -> Option<[u8; 32]> {
        let theirs = UnparsedPublicKey::new(&ECDH_P256, &self.public);
        agree(ours, theirs, (), |secret| secret.try_into().map_err(|_| ())).ok()
    }
}

/// The body of a request to the push service. `secret` and `salt` are random, and for this message alone. `None` where
/// the secret is no key, by a chance of 1 in 2³².
pub(crate) fn encrypt(
    text: &[u8],
    keys: &Keys,
    secret: &[u8; 32],
    salt: &[u8; SALT_BYTES],
) -> Option<Vec<u8>> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let ours = PrivateKey::from_private_key(&ECDH_P256, secret).ok()?;
    let our_point = ours.compute_public_key().ok()?;
    let agreed = keys.agreed(&ours)?;
    // RFC 8291 §3.4.
    let info = [b"WebPush: info\0", &keys.public[..], our_point.as_ref()].concat();
    let input = derived::<32>(&keys.auth, &agreed, &info);
    let key = derived::<16>(salt, &input, b"Content-Encoding: aes128gcm\0");
    let nonce = derived::<12>(salt, &input, b"Content-Encoding: nonce\0");

    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?);
    // The mark of the last record (RFC 8188 §2).
    let mut record = [text, &[2]].concat();
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record)
        .ok()?;
    let point_bytes = u8::try_from(our_point.as_ref().len()).ok()?;
    let header = [
        &salt[..],
        &RECORD_BYTES.to_be_bytes(),
        &[point_bytes],
        our_point.as_ref(),
    ]
    .concat();
    Some([header, record].concat())
}

/// HKDF (RFC 5869) of at most one block.
fn derived<const BYTES: usize>(salt: &[u8], input: &[u8], info: &[u8]) -> [u8; BYTES] {
    let extracted = sign(&Key::new(HMAC_SHA256, salt), input);
    let block = sign(&Key::new(HMAC_SHA256, extracted.as_ref()), &[info, &[1]].concat());
    std::array::from_fn(|at| block.as_ref()[at])
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD
            .decode(text.replace(char::is_whitespace, ""))
            .unwrap()
    }

    /// RFC 8291, appendix A.
    #[test]
    fn it_writes_what_the_standard_writes() {
        let keys = Keys::new(
            &bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
            &bytes("BTBZMqHH6r4Tts7J_aSIgg"),
        );
        let secret = bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw");
        let sealed = encrypt(
            b"When I grow up, I want to be a watermelon",
            &keys.unwrap(),
            &secret.try_into().unwrap(),
            &salt.try_into().unwrap(),
        );
        let expected = bytes(
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml
             mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT
             pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
        );
        assert_eq!(sealed.unwrap(), expected);
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let point =
            bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4");
        assert!(Keys::new(&point, &[1; 16]).is_some());
        let mut beside = point.clone();
        beside[64] ^= 1;
        for (public, auth) in [
            (&beside[..], &[1; 16][..]),
            (&point[1..], &[1; 16]),
            (&point, &[1; 15]),
            (&[], &[]),
        ] {
            assert_eq!(Keys::new(public, auth), None);
        }
    }
}
