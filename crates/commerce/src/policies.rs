//! Policies as operators write them: the next one, from a time on. Read `schedule` downward.
//!
//! Invariant: none is ever changed; none begins or is withdrawn with less than [`NOTICE`], so that every node of the
//! site knows of it before its beginning; the price of a coin never changes, since the coins that people hold are
//! backed at it.

mod form;
mod http;
mod simulation;
#[cfg(test)]
mod tests;

use std::time::Duration;

use busk_api::Site;
use busk_base::{Dated, OutOfBounds, PersonId, Policy, PolicyVersion, Timestamp};
use busk_ledger::policy::{self, Deed, SetPolicyError, WithdrawError};
use busk_store::{StoreError, Tx};

pub use http::routes;
pub use simulation::{Compared, Outcome, Simulation};

/// How long before its beginning a policy must be written, and may be withdrawn.
pub const NOTICE: Duration = Duration::from_secs(60);
/// Policies are read often and kept for ever.
const POLICIES_MAX: i64 = 1_000;

/// A policy, as an operator writes it.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The number it shall have: the next one. The same again is the same policy.
    pub version: PolicyVersion,
    pub policy: Policy,
    pub starts_at: Timestamp,
    pub operator: PersonId,
}

/// Why a policy was not written, in order of precedence.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("policy {} is there already, and says something else", .0.0)]
    VersionTaken(PolicyVersion),
    #[error("the next policy is {}", .next.0)]
    NotTheNext { next: PolicyVersion },
    #[error("there are {POLICIES_MAX} policies already")]
    TooMany,
    #[error("{} {}", .0.field, .0.why)]
    OutOfBounds(OutOfBounds),
    #[error("the price of a coin is {price}, and coins are held that were sold at it")]
    CoinPrice { price: i64 },
    #[error("a policy is written at least {} s before it begins", NOTICE.as_secs())]
    TooSoon,
    #[error("a policy begins later than the one before it")]
    BeforeTheLast { last: Timestamp },
}

/// Why a policy was not withdrawn, in order of precedence.
#[derive(Debug, thiserror::Error)]
pub enum TakeBackError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such policy")]
    Unknown,
    #[error("the policy has begun, or is about to")]
    Begun,
}

/// Writes the next policy. Whether it was written just now.
pub fn schedule(tx: &mut Tx, wanted: &Schedule, now: Timestamp) -> Result<bool, ScheduleError> {
    let policies = policy::all(tx)?;
    if let Some(past) = policies.version(wanted.version) {
        return if *past.policy == wanted.policy && past.starts_at == wanted.starts_at {
            Ok(false)
        } else {
            Err(ScheduleError::VersionTaken(wanted.version))
        };
    }
    let next = policies.next();
    if wanted.version != next {
        return Err(ScheduleError::NotTheNext { next });
    }
    if next.0 > POLICIES_MAX {
        return Err(ScheduleError::TooMany);
    }
    if let Some(found) = wanted.policy.out_of_bounds().into_iter().next() {
        return Err(ScheduleError::OutOfBounds(found));
    }
    let price = policies.at(now).policy.coin_price_cents;
    if wanted.policy.coin_price_cents != price {
        return Err(ScheduleError::CoinPrice { price });
    }
    if wanted.starts_at < now + NOTICE {
        return Err(ScheduleError::TooSoon);
    }
    if let Some(Dated { starts_at: last, .. }) = policies.standing().next_back()
        && wanted.starts_at <= *last
    {
        return Err(ScheduleError::BeforeTheLast { last: *last });
    }

    let added = policy::add(tx, &wanted.policy, wanted.starts_at, now);
    let version = added.map_err(|error| match error {
        SetPolicyError::Store(error) => ScheduleError::Store(error),
        SetPolicyError::TooEarly => ScheduleError::TooSoon,
    })?;
    let by = wanted.operator.0;
    policy::note_written(tx, version, Deed { by, at: now });
    Ok(true)
}

/// Withdraws a policy before it begins; again changes nothing.
pub fn withdraw(
    tx: &mut Tx,
    version: PolicyVersion,
    operator: PersonId,
    now: Timestamp,
) -> Result<(), TakeBackError> {
    let policies = policy::all(tx)?;
    let dated = policies.version(version).ok_or(TakeBackError::Unknown)?;
    if dated.withdrawn_at.is_none() && dated.starts_at < now + NOTICE {
        return Err(TakeBackError::Begun);
    }
    let deed = Deed {
        by: operator.0,
        at: now,
    };
    policy::withdraw(tx, version, deed).map_err(|error| match error {
        WithdrawError::Store(error) => TakeBackError::Store(error),
        WithdrawError::Unknown => TakeBackError::Unknown,
        WithdrawError::Begun => TakeBackError::Begun,
    })
}

/// Reads the policies anew, and goes by them.
pub async fn follow(site: &Site) -> Result<(), StoreError> {
    let policies = site.store().read(policy::all).await?;
    site.adopt(policies);
    Ok(())
}
