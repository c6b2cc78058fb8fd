//! Signatures of Stripe's events (<https://docs.stripe.com/webhooks#verify-manually>): HMAC-SHA256 over
//! `time.body`, the body as it came.

use busk_base::Timestamp;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// An event signed longer ago, or later, than this is refused, so that a stolen one cannot be kept.
const TOLERANCE_S: u64 = 5 * 60;
/// Of one event, looked at: while a secret is changed, Stripe signs with both.
const SIGNATURES_MAX: usize = 8;

/// Why an event is not believed, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the header stripe-signature is needed, with t= and v1=")]
    Missing,
    #[error("the time is not a number of seconds near now")]
    Stale,
    #[error("no signature is right")]
    Wrong,
}

fn mac(secret: &str, seconds: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    for part in [seconds.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac
}

/// The value of `stripe-signature`, as Stripe writes it.
pub fn sign(secret: &str, at: Timestamp, body: &[u8]) -> String {
    let seconds = at.unix_s().to_string();
    let tag = mac(secret, &seconds, body).finalize().into_bytes();
    let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

/// Checks the raw body against the header. One of the signatures must be right by one of the secrets.
pub fn verify(
    secrets: &[String],
    header: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    let header = header.ok_or(SignatureError::Missing)?;
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let seconds = parts().find_map(|(name, value)| (name == "t").then_some(value));
    let seconds = seconds.ok_or(SignatureError::Missing)?;
    let signatures = parts().filter_map(|(name, value)| (name == "v1").then_some(value));
    let tags: Vec<[u8; 32]> = signatures.take(SIGNATURES_MAX).filter_map(unhex).collect();
    if !parts().any(|(name, _)| name == "v1") {
        return Err(SignatureError::Missing);
    }
    let at: i64 = seconds.parse().map_err(|_| SignatureError::Stale)?;
    if at.abs_diff(now.unix_s()) > TOLERANCE_S {
        return Err(SignatureError::Stale);
    }
    let right = secrets.iter().any(|secret| {
        let right = |tag: &[u8; 32]| {
            // Compared in constant time by the library.
            mac(secret, seconds, body).verify_slice(tag).is_ok()
        };
        tags.iter().any(right)
    });
    if right { Ok(()) } else { Err(SignatureError::Wrong) }
}

/// Thirty-two bytes in lower-case hexadecimal digits, as Stripe writes them.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
