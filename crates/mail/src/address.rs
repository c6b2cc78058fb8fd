//! An address: `ana@example.org`. Fewer than RFC 5321 permits: no quotes, no comments, no letters beyond ASCII. Whoever
//! has such a one is refused rather than misread.

use std::fmt;

const BYTES_MAX: usize = 254;
const LOCAL_BYTES_MAX: usize = 64;
const LABEL_BYTES_MAX: usize = 63;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no address such as ana@example.org")]
pub struct AddressError;

impl Address {
    /// The part after the @ is written in small letters.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (local, domain) = text.trim().rsplit_once('@').ok_or(AddressError)?;
        let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
        let dotted = |part: &str| {
            part.split('.')
                .all(|atoms| !atoms.is_empty() && atoms.bytes().all(atom))
        };
        let label = |label: &str| {
            let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && label.bytes().all(inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let named = domain.contains('.') || domain.eq_ignore_ascii_case("localhost");
        let fits = local.len() <= LOCAL_BYTES_MAX && local.len() + domain.len() < BYTES_MAX;
        if fits && named && dotted(local) && domain.split('.').all(label) {
            Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
        } else {
            Err(AddressError)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_more_than_an_address_is_none() {
        assert_eq!(
            Address::parse(" Ana+lives@Example.ORG ").map(|a| a.to_string()),
            Ok("Ana+lives@example.org".into())
        );
        for text in [
            "",
            "ana",
            "@example.org",
            "ana@",
            "ana@example",
            "a na@example.org",
            "ana@exa mple.org",
            "ana@example.org\r\nBcc: x@example.org",
            "ana@example.org>",
            "<ana@example.org",
            "a..b@example.org",
            ".a@example.org",
            "\"a\"@example.org",
            "é@example.org",
            "ana@-a.org",
            "ana@[127.0.0.1]",
            "a,b@example.org",
        ] {
            assert_eq!(Address::parse(text), Err(AddressError), "{text:?}");
        }
        let long = format!("{}@example.org", "a".repeat(65));
        assert_eq!(Address::parse(&long), Err(AddressError));
    }
}
