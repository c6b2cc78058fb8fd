//! What a person wants: three switches, one a way. All are on for whoever never said: a letter goes to a confirmed
//! address only, and a push to a browser that has asked for it.

use axum::extract::State;
use busk_api::{Failures, Json, OpenApiRouter, Problem, Refusals, routes};
use busk_base::{ChannelId, PersonId};
use busk_people::SignedIn;
use busk_store::{Read, Reader, StoreError, Tx, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Notices;
use crate::address::{self, AddressView};

/// Channels that are named whose bell is off.
const QUIET_MAX: i64 = 5_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) in_app: bool,
    pub(crate) email: bool,
    pub(crate) push: bool,
}

/// A way that is switched on or off; the others stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NoticeSwitches)]
pub(crate) struct Switches {
    #[serde(default)]
    pub(crate) in_app: Option<bool>,
    #[serde(default)]
    pub(crate) email: Option<bool>,
    #[serde(default)]
    pub(crate) push: Option<bool>,
}

pub(crate) fn of(db: &mut impl Read, person: PersonId) -> Result<Choice, StoreError> {
    let row = db.row(
        "SELECT in_app, email, push FROM notice_choice WHERE person = $1",
        params![person],
    )?;
    let Some(row) = row else {
        return Ok(Choice {
            in_app: true,
            email: true,
            push: true,
        });
    };
    Ok(Choice {
        in_app: row.get(0)?,
        email: row.get(1)?,
        push: row.get(2)?,
    })
}

/// Switches; what is under way already still arrives.
pub(crate) fn switch(tx: &mut Tx, person: PersonId, to: &Switches) -> Result<(), StoreError> {
    let now = of(tx, person)?;
    tx.execute(
        "INSERT INTO notice_choice (person, in_app, email, push) VALUES ($1, $2, $3, $4) ON CONFLICT (person) DO UPDATE \
         SET in_app = excluded.in_app, email = excluded.email, push = excluded.push",
        params![
            person,
            to.in_app.unwrap_or(now.in_app),
            to.email.unwrap_or(now.email),
            to.push.unwrap_or(now.push)
        ],
    )?;
    Ok(())
}

pub(crate) fn routes() -> OpenApiRouter<Notices> {
    OpenApiRouter::new().routes(routes!(show, change))
}

/// By which ways one is told.
#[derive(Serialize, ToSchema)]
struct NoticeSettings {
    in_app: bool,
    email: bool,
    push: bool,
    /// Where letters go; null when no address was given.
    address: Option<AddressView>,
    /// Whether the site sends letters at all.
    email_offered: bool,
    /// What browsers subscribe with (`applicationServerKey`), base64url.
    push_key: String,
    /// Channels whose bell is off.
    quiet: Vec<ChannelId>,
}

async fn settings(notices: &Notices, person: PersonId) -> Result<Json<NoticeSettings>, Problem> {
    let read = notices.site().store().read(move |db: &mut Reader| {
        let rows = db.rows(
            "SELECT channel FROM notice_quiet WHERE person = $1 LIMIT $2",
            params![person, QUIET_MAX],
        )?;
        let quiet = rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
        Ok::<_, StoreError>((of(db, person)?, address::of(db, person)?, quiet))
    });
    let (choice, address, quiet): (Choice, _, Vec<ChannelId>) = read.await?;
    Ok(Json(NoticeSettings {
        in_app: choice.in_app,
        email: choice.email,
        push: choice.push,
        address: address.map(AddressView::from),
        email_offered: notices.0.relay.is_some(),
        push_key: notices.0.keys.sender.public().to_owned(),
        quiet,
    }))
}

/// By which ways one is told.
#[utoipa::path(get, path = "/api/v1/me/notice-settings", tag = "notices",
    responses((status = 200, body = NoticeSettings), (status = 401, description = "`sign_in_needed`"), Failures))]
async fn show(
    State(notices): State<Notices>,
    SignedIn(person): SignedIn,
) -> Result<Json<NoticeSettings>, Problem> {
    settings(&notices, person.id).await
}

/// Switches ways on and off.
#[utoipa::path(patch, path = "/api/v1/me/notice-settings", tag = "notices", request_body = Switches,
    responses((status = 200, body = NoticeSettings), (status = 401, description = "`sign_in_needed`"), Refusals))]
async fn change(
    State(notices): State<Notices>,
    SignedIn(person): SignedIn,
    Json(to): Json<Switches>,
) -> Result<Json<NoticeSettings>, Problem> {
    let id = person.id;
    notices
        .site()
        .store()
        .write(move |tx| switch(tx, id, &to))
        .await?;
    settings(&notices, id).await
}
