//! A creator's bank account: checked when it is said, sealed when it is kept, masked when it is shown.

use std::fmt;

use busk_base::{ChannelId, bounded_text};
use busk_rooms::restream::SealingKey;
use serde::{Deserialize, Serialize};

/// ISO 20022 `Max70Text`.
const NAME_MAX: usize = 70;

/// How long the IBANs of countries are (ISO 13616 registry); of others, 15 to 34.
const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AT", 20),
    ("BE", 16),
    ("BG", 22),
    ("CH", 21),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DK", 18),
    ("EE", 20),
    ("ES", 24),
    ("FI", 18),
    ("FR", 27),
    ("GB", 22),
    ("GI", 23),
    ("GR", 27),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IS", 26),
    ("IT", 27),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("MC", 27),
    ("MT", 31),
    ("NL", 18),
    ("NO", 15),
    ("PL", 28),
    ("PT", 25),
    ("RO", 24),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("VA", 22),
];

/// An international bank account number (ISO 13616) whose length and check digits are right.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iban(String);

impl Iban {
    /// Spaces and small letters, as people write them, are no fault.
    pub fn parse(text: &str) -> Option<Self> {
        let compact: String = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let bytes = compact.as_bytes();
        let formed = (15..=34).contains(&bytes.len())
            && bytes[..2].iter().all(u8::is_ascii_uppercase)
            && bytes[2..4].iter().all(u8::is_ascii_digit)
            && bytes.iter().all(u8::is_ascii_alphanumeric);
        if !formed {
            return None;
        }
        let length = LENGTHS.iter().find(|(country, _)| compact.starts_with(country));
        if length.is_some_and(|(_, length)| *length != bytes.len()) {
            return None;
        }
        (remainder(bytes) == 1).then_some(Self(compact))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country and the last four: enough to know one's own by.
    pub fn masked(&self) -> String {
        let (country, last) = (&self.0[..2], &self.0[self.0.len() - 4..]);
        format!("{country}\u{2022}\u{2022} \u{2022}\u{2022}\u{2022}\u{2022} {last}")
    }
}

/// Of the number that an IBAN stands for (ISO 7064, MOD 97-10): its first four characters last, letters as 10 to 35.
fn remainder(iban: &[u8]) -> u32 {
    let (first, rest) = iban.split_at(4);
    rest.iter().chain(first).fold(0, |sum, byte| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        letter => (sum * 100 + u32::from(letter - b'A') + 10) % 97,
    })
}

/// Logs show no account.
impl fmt::Debug for Iban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// Whose account, and which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankDetails {
    pub name: String,
    pub iban: Iban,
}

/// Bank details as they are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub sealed: Vec<u8>,
    /// What may be shown.
    pub shown: String,
}

/// What is wrong with bank details, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BankError {
    #[error("must be the account holder's name, of at most {NAME_MAX} characters")]
    Name,
    #[error("is no IBAN: its length or its check digits are wrong")]
    Iban,
}

impl BankDetails {
    pub fn new(name: &str, iban: &str) -> Result<Self, BankError> {
        let name = bounded_text(name, 1, NAME_MAX).map_err(|_| BankError::Name)?;
        let iban = Iban::parse(iban).ok_or(BankError::Iban)?;
        Ok(Self { name, iban })
    }

    /// `None` is a bug of ours, as it is of [`SealingKey::seal_for`].
    pub fn seal(&self, key: &SealingKey, channel: ChannelId, nonce: [u8; 12]) -> Option<Sealed> {
        let text = serde_json::to_vec(self).ok()?;
        Some(Sealed {
            sealed: key.seal_for(&owner(channel), text, nonce)?,
            shown: self.iban.masked(),
        })
    }

    /// `None` when they were sealed with another key or for another channel.
    pub fn open(key: &SealingKey, channel: ChannelId, sealed: &[u8]) -> Option<Self> {
        serde_json::from_slice(&key.open_for(&owner(channel), sealed)?).ok()
    }
}

fn owner(channel: ChannelId) -> Vec<u8> {
    [b"bank".as_slice(), channel.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_iban_is_checked() {
        for right in [
            "DE89 3704 0044 0532 0130 00",
            "gb82west12345698765432",
            "FR14 2004 1010 0505 0001 3M02 606",
            "NO93 8601 1117 947",
            "MT84MALT011000012345MTLCAST001S",
            "BR1800360305000010009795493C1",
        ] {
            assert!(Iban::parse(right).is_some(), "{right}");
        }
        for wrong in [
            "DE89 3704 0044 0532 0130 01",
            "DE98 3704 0044 0532 0130 00",
            "DE89 3704 0044 0532 0130 000",
            "89DE370400440532013000",
            "DE8937040044053201300é",
            "DE",
            "",
        ] {
            assert!(Iban::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn every_single_wrong_digit_is_found() {
        let right = "DE89370400440532013000";
        for at in 2..right.len() {
            for digit in b'0'..=b'9' {
                let mut text = right.as_bytes().to_vec();
                text[at] = digit;
                let text = String::from_utf8(text).unwrap();
                assert_eq!(Iban::parse(&text).is_some(), text == right, "{text}");
            }
        }
    }

    #[test]
    fn details_are_sealed_for_their_channel_and_masked() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        let (channel, other) = (ChannelId(Uuid::from_u128(1)), ChannelId(Uuid::from_u128(2)));
        let details = BankDetails::new(" Ada Byron ", "DE89370400440532013000").unwrap();
        let kept = details.seal(&key, channel, [3; 12]).unwrap();
        assert_eq!(kept.shown, "DE•• •••• 3000");
        assert!(!format!("{details:?}").contains("0532"));
        let text = String::from_utf8_lossy(&kept.sealed).into_owned();
        assert!(!text.contains("3704") && !text.contains("Byron"));
        assert_eq!(BankDetails::open(&key, channel, &kept.sealed), Some(details));
        assert_eq!(BankDetails::open(&key, other, &kept.sealed), None);
        assert_eq!(
            BankDetails::new("", "DE89370400440532013000"),
            Err(BankError::Name)
        );
        assert_eq!(BankDetails::new("Ada", "DE00"), Err(BankError::Iban));
    }
}
