//! Units and amounts: integers in the unit's smallest part, and how a whole is split.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency code, three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    pub const USD: Self = Self(*b"USD");
    pub const EUR: Self = Self(*b"EUR");

    pub fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is three ASCII letters, checked when made")
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What an amount counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// What viewers buy and spend.
    Coin,
    /// What creators earn and redeem.
    Diamond,
    /// Money, in the currency's minor unit.
    Money(Currency),
}

impl Unit {
    pub fn code(&self) -> &str {
        match self {
            Unit::Coin => "COIN",
            Unit::Diamond => "DIAMOND",
            Unit::Money(currency) => currency.code(),
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "COIN" => Some(Unit::Coin),
            "DIAMOND" => Some(Unit::Diamond),
            other => Currency::parse(other).map(Unit::Money),
        }
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Unit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Unit::parse(&code).ok_or_else(|| serde::de::Error::custom("not a unit"))
    }
}

/// A number of something.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    pub value: i64,
    pub unit: Unit,
}

impl Amount {
    pub const fn coins(value: i64) -> Self {
        Self {
            value,
            unit: Unit::Coin,
        }
    }

    pub const fn diamonds(value: i64) -> Self {
        Self {
            value,
            unit: Unit::Diamond,
        }
    }

    pub const fn money(value: i64, currency: Currency) -> Self {
        Self {
            value,
            unit: Unit::Money(currency),
        }
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.value, self.unit)
    }
}

/// A whole, divided between a creator and the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    pub creator: i64,
    pub platform: i64,
}

/// Splits `whole` (≥ 0) by the creator's percentage: the parts sum to the whole, by largest remainder,
/// and a tie goes to the creator.
pub fn split(whole: i64, creator_percent: u8) -> Shares {
    let hundredfold = i128::from(whole) * i128::from(creator_percent.min(100));
    let (floor, remainder) = (hundredfold / 100, hundredfold % 100);
    let creator = i64::try_from(if remainder >= 50 { floor + 1 } else { floor })
        .expect("a share of an i64 by at most 100 % fits an i64");
    Shares {
        creator,
        platform: whole - creator,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tie_goes_to_the_creator() {
        assert_eq!(
            split(5, 50),
            Shares {
                creator: 3,
                platform: 2
            }
        );
        assert_eq!(
            split(1, 50),
            Shares {
                creator: 1,
                platform: 0
            }
        );
        assert_eq!(
            split(1, 49),
            Shares {
                creator: 0,
                platform: 1
            }
        );
        assert_eq!(
            split(i64::MAX, 100),
            Shares {
                creator: i64::MAX,
                platform: 0
            }
        );
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_whole(whole in 0i64.., percent in 0u8..=100) {
            let parts = split(whole, percent);
            prop_assert_eq!(parts.creator + parts.platform, whole);
            prop_assert!(parts.creator >= 0 && parts.platform >= 0);
        }
    }
}
