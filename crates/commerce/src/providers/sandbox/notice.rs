//! Signing and verifying notices, as Standard Webhooks v1 does it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use busk_base::Timestamp;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// A notice older or newer than this is refused, so that a stolen one cannot be kept.
const TOLERANCE_S: i64 = 5 * 60;

/// Why a notice is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the headers webhook-id, webhook-timestamp and webhook-signature are needed")]
    Missing,
    #[error("the timestamp is not a number of seconds near now")]
    Stale,
    #[error("no signature is right")]
    Wrong,
}

fn mac(secret: &[u8; 32], id: &str, seconds: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    for part in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac
}

/// The value of `webhook-signature`.
pub fn sign(secret: &[u8; 32], id: &str, at: Timestamp, body: &[u8]) -> String {
    let seconds = at.unix_s().to_string();
    format!(
        "v1,{}",
        STANDARD.encode(mac(secret, id, &seconds, body).finalize().into_bytes())
    )
}

/// Checks the raw body against the headers. Several signatures may stand side by side; one must be right.
pub fn verify(
    secret: &[u8; 32],
    id: Option<&str>,
    seconds: Option<&str>,
    signatures: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    let (Some(id), Some(seconds), Some(signatures)) = (id, seconds, signatures) else {
        return Err(SignatureError::Missing);
    };
    let at: i64 = seconds.parse().map_err(|_| SignatureError::Stale)?;
    if at.abs_diff(now.unix_s()) > TOLERANCE_S as u64 {
        return Err(SignatureError::Stale);
    }
    let right = signatures
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .any(|encoded| {
            // Compared in constant time by the library.
            STANDARD
                .decode(encoded)
                .is_ok_and(|tag| mac(secret, id, seconds, body).verify_slice(&tag).is_ok())
        });
    if right { Ok(()) } else { Err(SignatureError::Wrong) }
}
