//! Where a person's letters go. An address is theirs once somebody who reads its letters says so: until then one letter
//! goes there, and few of those a day, so that nobody can have the site write to strangers.

use std::time::Duration;

use axum::extract::State;
use busk_api::{Json, OpenApiRouter, Problem, Refusals, StatusCode, routes};
use busk_base::{PersonId, Timestamp};
use busk_mail::Address;
use busk_people::SignedIn;
use busk_store::{Read, StoreError, Tx, params};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Notices;
use crate::delivery::{Delivery, Way, id_of};
use crate::letters::Language;

/// Addresses that one person may have asked in so long.
const ASKED_MAX: i64 = 5;
const ASKED_WITHIN: Duration = Duration::from_secs(24 * 3_600);
/// How long a question waits for its answer.
pub(crate) const GOOD_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) address: String,
    pub(crate) language: Language,
    pub(crate) asked_at: Timestamp,
    pub(crate) confirmed_at: Option<Timestamp>,
}

/// Where letters go.
#[derive(Serialize, ToSchema)]
#[schema(as = NoticeAddress)]
pub(crate) struct AddressView {
    address: String,
    /// Whether somebody who reads its letters said that it is theirs.
    confirmed: bool,
}

impl From<Kept> for AddressView {
    fn from(kept: Kept) -> Self {
        Self {
            address: kept.address,
            confirmed: kept.confirmed_at.is_some(),
        }
    }
}

/// Why no address was taken, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum GiveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("at most {ASKED_MAX} addresses a day")]
    TooOften,
}

impl From<GiveError> for Problem {
    fn from(error: GiveError) -> Self {
        let text = error.to_string();
        match error {
            GiveError::Store(error) => error.into(),
            GiveError::TooOften => Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_attempts",
                "Try again tomorrow",
            )
            .detail(text),
        }
    }
}

/// Notes an address, and leaves the letter that asks whether it is theirs. The same one, once confirmed, stays so.
pub(crate) fn give(
    tx: &mut Tx,
    person: PersonId,
    address: &Address,
    language: Language,
    now: Timestamp,
) -> Result<Kept, GiveError> {
    let known = of(tx, person)?;
    if let Some(known) = &known
        && known.address == address.as_str()
        && known.confirmed_at.is_some()
    {
        return Ok(known.clone());
    }
    let row = tx.row(
        "SELECT asked, asked_since FROM notice_address WHERE person = $1 AND asked_since > $2",
        params![person, now - ASKED_WITHIN],
    )?;
    let (asked, since): (i64, Timestamp) = match row {
        Some(row) => (row.get(0)?, row.get(1)?),
        None => (0, now),
    };
    if asked >= ASKED_MAX {
        return Err(GiveError::TooOften);
    }

    tx.execute(
        "INSERT INTO notice_address (person, address, language, asked_at, asked_since, asked, confirmed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, NULL) ON CONFLICT (person) DO UPDATE SET address = excluded.address, \
         language = excluded.language, asked_at = excluded.asked_at, asked_since = excluded.asked_since, \
         asked = excluded.asked, confirmed_at = NULL",
        params![person, address.as_str(), language.tag(), now, since, asked + 1],
    )?;
    let asks = Delivery {
        id: id_of(&[person.as_bytes(), &now.unix_us().to_be_bytes()], now),
        way: Way::Confirm,
        person,
        room: None,
        attempts: 0,
    };
    asks.add(tx, now, now + GOOD_FOR);
    Ok(Kept {
        address: address.as_str().to_owned(),
        language,
        asked_at: now,
        confirmed_at: None,
    })
}

pub(crate) fn of(db: &mut impl Read, person: PersonId) -> Result<Option<Kept>, StoreError> {
    let row = db.row(
        "SELECT address, language, asked_at, confirmed_at FROM notice_address WHERE person = $1 AND address <> ''",
        params![person],
    )?;
    let kept = row.map(|row| {
        Ok(Kept {
            address: row.get(0)?,
            language: Language::of_tag(&row.get::<String>(1)?),
            asked_at: row.get(2)?,
            confirmed_at: row.get(3)?,
        })
    });
    kept.transpose()
}

/// The address is theirs, if it is still the one that was asked at this time.
pub(crate) fn confirm(
    tx: &mut Tx,
    person: PersonId,
    asked_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE notice_address SET confirmed_at = COALESCE(confirmed_at, $3) WHERE person = $1 AND asked_at = $2",
        params![person, asked_at, now],
    )?;
    Ok(())
}

/// Forgets the address, but not how often one was asked.
pub(crate) fn forget(tx: &mut Tx, person: PersonId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE notice_address SET address = '', confirmed_at = NULL, asked_at = 0 WHERE person = $1",
        params![person],
    )?;
    Ok(())
}

pub(crate) fn routes() -> OpenApiRouter<Notices> {
    OpenApiRouter::new().routes(routes!(put, remove))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GivenAddress {
    address: String,
}

/// Gives an address for letters; a letter there asks whether it is one's own.
#[utoipa::path(put, path = "/api/v1/me/notice-address", tag = "notices", request_body = GivenAddress,
    operation_id = "put_me_notice_address",
    responses((status = 200, body = AddressView), (status = 401, description = "`sign_in_needed`"),
        (status = 409, description = "`no_letters`: the site sends none"),
        (status = 429, description = "`too_many_attempts`"), Refusals))]
async fn put(
    State(notices): State<Notices>,
    SignedIn(person): SignedIn,
    headers: HeaderMap,
    Json(body): Json<GivenAddress>,
) -> Result<Json<AddressView>, Problem> {
    if notices.0.relay.is_none() {
        return Err(Problem::conflict("no_letters", "This site sends no e-mail"));
    }
    let wrong = |error: busk_mail::AddressError| Problem::invalid("address", error.to_string());
    let address = Address::parse(&body.address).map_err(wrong)?;
    let (now, language) = (notices.site().now(), Language::of(&headers));
    let store = notices.site().store();
    let kept = store
        .write(move |tx| give(tx, person.id, &address, language, now))
        .await?;
    notices.0.due.notify_one();
    Ok(Json(AddressView::from(kept)))
}

/// Has the address forgotten.
#[utoipa::path(delete, path = "/api/v1/me/notice-address", tag = "notices",
    responses((status = 204), (status = 401, description = "`sign_in_needed`"), Refusals))]
async fn remove(State(notices): State<Notices>, SignedIn(person): SignedIn) -> Result<StatusCode, Problem> {
    notices
        .site()
        .store()
        .write(move |tx| forget(tx, person.id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
