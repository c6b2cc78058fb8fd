//! One's own spending caps over HTTP.

use axum::extract::State as Shared;
use busk_api::{Failures, Json, OpenApiRouter, Problem, Refusals, Site, routes as operations};
use busk_base::{PersonId, Timestamp};
use busk_people::SignedIn;
use busk_store::{Read, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Cap, Caps, LIMIT_MAX, Period, Wanted, set, spent, sql};
use crate::accounts::CURRENCY;

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(show))
        .routes(operations!(change))
        .with_state(site)
}

/// What one lets oneself spend. Amounts are in the currency's minor unit.
#[derive(Serialize, ToSchema)]
struct SpendingCaps {
    /// ISO 4217.
    currency: String,
    /// How long a higher cap waits until it acts.
    raise_after_s: u64,
    day: SpendingCap,
    month: SpendingCap,
}

#[derive(Serialize, ToSchema)]
struct SpendingCap {
    /// `null`: no limit.
    limit: Option<i64>,
    /// In the last 24 hours, or 30 days.
    spent: i64,
    raise: Option<CapRaise>,
}

/// A higher cap that was asked for.
#[derive(Serialize, ToSchema)]
struct CapRaise {
    /// `null`: no limit.
    limit: Option<i64>,
    /// When it acts.
    at: Timestamp,
}

impl SpendingCap {
    fn new(cap: Cap, spent: i64, now: Timestamp) -> Self {
        let raise = cap.raise(now);
        Self {
            limit: cap.limit(now),
            spent,
            raise: raise.map(|raise| CapRaise {
                limit: raise.limit,
                at: raise.at,
            }),
        }
    }
}

/// What was spent in a day, and in a month.
fn spent_each(db: &mut impl Read, person: PersonId, now: Timestamp) -> Result<[i64; 2], StoreError> {
    let day = spent(db, person, Period::Day, now)?;
    Ok([day, spent(db, person, Period::Month, now)?])
}

fn shown(site: &Site, caps: Caps, spent: [i64; 2], now: Timestamp) -> Json<SpendingCaps> {
    let [day, month] = spent;
    Json(SpendingCaps {
        currency: CURRENCY.code().to_owned(),
        raise_after_s: site.policy().spending_cap_raise_s,
        day: SpendingCap::new(caps.of(Period::Day), day, now),
        month: SpendingCap::new(caps.of(Period::Month), month, now),
    })
}

/// One's own caps, and what was spent.
#[utoipa::path(get, path = "/api/v1/me/spending-caps", tag = "coins",
    responses((status = 200, body = SpendingCaps), (status = 401, description = "`sign_in_needed`"), Failures))]
async fn show(Shared(site): Shared<Site>, SignedIn(person): SignedIn) -> Result<Json<SpendingCaps>, Problem> {
    let now = site.now();
    let read = site.store().read(move |db| {
        db.snapshot(|db| {
            let caps = sql::caps(db, person.id)?;
            Ok((caps, spent_each(db, person.id, now)?))
        })
    });
    let (caps, spent) = read.await?;
    Ok(shown(&site, caps, spent, now))
}

/// Both have to be there: one that is left out by mistake must not be lifted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CapsBody {
    /// In the currency's minor unit; `null` lifts it.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(minimum = 0, maximum = 100_000_000, required = true)]
    day: Option<i64>,
    /// In the currency's minor unit; `null` lifts it.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(minimum = 0, maximum = 100_000_000, required = true)]
    month: Option<i64>,
}

/// Sets one's own caps: lower acts at once, higher after `raise_after_s`.
#[utoipa::path(put, path = "/api/v1/me/spending-caps", tag = "coins", request_body = CapsBody,
    responses((status = 200, body = SpendingCaps), (status = 401, description = "`sign_in_needed`"), Refusals))]
async fn change(
    Shared(site): Shared<Site>,
    SignedIn(person): SignedIn,
    Json(body): Json<CapsBody>,
) -> Result<Json<SpendingCaps>, Problem> {
    for (field, limit) in [("day", body.day), ("month", body.month)] {
        if limit.is_some_and(|limit| !(0..=LIMIT_MAX).contains(&limit)) {
            return Err(Problem::invalid(field, format!("must be 0 to {LIMIT_MAX}")));
        }
    }
    let now = site.now();
    let policy = site.policy();
    let wanted = Wanted {
        person: person.id,
        day: body.day,
        month: body.month,
    };
    let written = site.store().write(move |tx| {
        let caps = set(tx, &wanted, &policy, now)?;
        Ok((caps, spent_each(tx, wanted.person, now)?))
    });
    let (caps, spent) = written.await.map_err(|error: StoreError| Problem::from(error))?;
    Ok(shown(&site, caps, spent, now))
}
