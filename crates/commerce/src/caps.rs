//! What a person lets themselves spend: in a day, in thirty days.
//!
//! A lower cap acts at once. A higher one, or none, acts a day later, so that nobody raises it in the heat
//! of a live (domain: policy). Spent is what was paid, and what may still be paid at a checkout.

mod http;
mod sql;
#[cfg(test)]
mod tests;

use std::time::Duration;

use busk_base::{PersonId, Policy, Timestamp};
use busk_store::{Read, StoreError, Tx};
use serde::Serialize;
use utoipa::ToSchema;

use crate::payments;
pub use http::routes;

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// The largest cap that can be set, in the currency's minor unit.
pub const LIMIT_MAX: i64 = 100_000_000;

/// What a cap is counted over, back from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// 24 hours.
    Day,
    /// 30 days.
    Month,
}

impl Period {
    pub const ALL: [Period; 2] = [Period::Day, Period::Month];

    fn length(self) -> Duration {
        match self {
            Period::Day => DAY,
            Period::Month => 30 * DAY,
        }
    }
}

/// One cap. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cap {
    limit: Option<i64>,
    raise: Option<Raise>,
}

/// A higher limit that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raise {
    pub limit: Option<i64>,
    pub at: Timestamp,
}

impl Cap {
    /// The limit in force.
    pub fn limit(self, now: Timestamp) -> Option<i64> {
        match self.raise {
            Some(raise) if raise.at <= now => raise.limit,
            _ => self.limit,
        }
    }

    /// The higher limit to come.
    pub fn raise(self, now: Timestamp) -> Option<Raise> {
        self.raise.filter(|raise| raise.at > now)
    }

    /// The cap after its person has asked for `wanted`. Asking again for the same does not begin the wait anew.
    fn set(self, wanted: Option<i64>, wait: Duration, now: Timestamp) -> Self {
        let limit = self.limit(now);
        let higher = match (wanted, limit) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(wanted), Some(limit)) => wanted > limit,
        };
        if !higher {
            return Self {
                limit: wanted,
                raise: None,
            };
        }
        let asked = self.raise(now).filter(|raise| raise.limit == wanted);
        let raise = asked.unwrap_or(Raise {
            limit: wanted,
            at: now + wait,
        });
        Self {
            limit,
            raise: Some(raise),
        }
    }
}

/// A person's caps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    day: Cap,
    month: Cap,
}

impl Caps {
    pub fn of(&self, period: Period) -> Cap {
        match period {
            Period::Day => self.day,
            Period::Month => self.month,
        }
    }
}

/// The limits that a person asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub person: PersonId,
    pub day: Option<i64>,
    pub month: Option<i64>,
}

/// Sets both caps.
pub fn set(tx: &mut Tx, wanted: &Wanted, policy: &Policy, now: Timestamp) -> Result<Caps, StoreError> {
    let wait = Duration::from_secs(policy.spending_cap_raise_s);
    let known = tx.find::<Caps>(&wanted.person)?;
    let present = known.unwrap_or_default();
    let caps = Caps {
        day: present.day.set(wanted.day, wait, now),
        month: present.month.set(wanted.month, wait, now),
    };
    caps.keep(tx, wanted.person, known.is_none());
    Ok(caps)
}

/// A cap that a purchase would go over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    pub period: Period,
    /// What can still be spent, in the currency's minor unit.
    pub left: i64,
}

/// The cap that spending `price` now would go over, if any.
pub(crate) fn over(
    tx: &mut Tx,
    person: PersonId,
    price: i64,
    now: Timestamp,
) -> Result<Option<Reached>, StoreError> {
    let Some(caps) = tx.find::<Caps>(&person)? else {
        return Ok(None);
    };
    for period in Period::ALL {
        if let Some(limit) = caps.of(period).limit(now) {
            let left = (limit - spent(tx, person, period, now)?).max(0);
            if price > left {
                return Ok(Some(Reached { period, left }));
            }
        }
    }
    Ok(None)
}

/// What a person has spent in a period up to now.
pub fn spent(
    db: &mut impl Read,
    person: PersonId,
    period: Period,
    now: Timestamp,
) -> Result<i64, StoreError> {
    payments::spent(db, person, now - period.length(), now)
}
