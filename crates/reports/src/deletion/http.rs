//! Deleting one's account over HTTP. While it is shut, its person may see this, take their data away, and keep it.

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use busk_api::{Failures, Json, OpenApiRouter, Problem, Refusals, StatusCode, routes as operations};
use busk_base::{PersonId, Timestamp};
use busk_commerce::{coins, leaving};
use busk_people::deletion::{self, GRACE, channels_of};
use busk_people::{ChannelRef, Concerned, channel, session};
use busk_store::{Read, Reader, StoreError, Tx};
use http::header;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Against, AskError, against, ask};
use crate::Desk;

pub(crate) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(operations!(preview, delete, keep))
}

/// What deleting one's account means, before it is asked for and while it can be kept.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountDeletion)]
struct DeletionView {
    /// Null when it is not asked for.
    asked_at: Option<Timestamp>,
    /// When it is due; before it is asked for, when it would be.
    due_at: Timestamp,
    /// Erasing has begun: it cannot be kept any more.
    begun: bool,
    /// What stands against it, the first first. Once it is asked for, it waits for these.
    against: Vec<Against>,
    /// Coins that are given up.
    coins: i64,
    /// Memberships that are not renewed, and are lost when it is due.
    memberships: Vec<LostMembership>,
    /// Channels that are closed.
    channels: Vec<ChannelRef>,
}

/// A membership that goes with the account.
#[derive(Serialize, ToSchema)]
struct LostMembership {
    channel: ChannelRef,
    until: Timestamp,
}

fn view(db: &mut impl Read, whose: PersonId, now: Timestamp) -> Result<DeletionView, StoreError> {
    let asked = deletion::of(db, whose)?;
    let mut memberships = Vec::new();
    for membership in leaving::memberships(db, whose, now)? {
        if let Some(found) = channel(db, membership.channel)? {
            memberships.push(LostMembership {
                channel: ChannelRef::from(&found),
                until: membership.until,
            });
        }
    }
    Ok(DeletionView {
        asked_at: asked.as_ref().map(|asked| asked.asked_at),
        due_at: asked.as_ref().map_or(now + GRACE, |asked| asked.due_at),
        begun: asked.is_some_and(|asked| asked.begun_at.is_some()),
        against: against(db, whose, now)?,
        coins: coins::balance(db, whose)?,
        memberships,
        channels: channels_of(db, whose)?.iter().map(ChannelRef::from).collect(),
    })
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Store(error) => error.into(),
            AskError::PersonUnknown => Problem::not_found("person_unknown", "There is no such person"),
            AskError::Against(against) => Problem::conflict(against.word(), against.said()),
            AskError::Coins(_) => {
                Problem::conflict("coins_left", "Coins are given up by saying how many they are")
                    .field("coins_given_up")
            }
        }
    }
}

/// What deleting one's account would mean; or when it is due.
#[utoipa::path(get, path = "/api/v1/me/deletion", tag = "people", operation_id = "deletion_preview",
    responses((status = 200, body = DeletionView), (status = 401, description = "`name_needed`, `sign_in_needed`"), Failures))]
async fn preview(Shared(desk): Shared<Desk>, concerned: Concerned) -> Result<Json<DeletionView>, Problem> {
    let (person, now) = (concerned.signed_in()?, desk.site.now());
    let read = desk
        .site
        .store()
        .read(move |db: &mut Reader| view(db, person.id, now));
    Ok(Json(read.await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeleteAccount)]
struct DeleteBody {
    /// One's password again.
    password: String,
    /// As many as there are.
    #[serde(default)]
    #[schema(minimum = 0)]
    coins_given_up: i64,
}

/// Deletes one's account in 14 days. All sessions are closed at once, and nobody finds its channels any more; whoever
/// signs in until then may keep it.
#[utoipa::path(post, path = "/api/v1/me/deletion", tag = "people", operation_id = "deletion_ask", request_body = DeleteBody,
    responses((status = 200, description = "Shut; the cookie is removed", body = DeletionView),
        (status = 401, description = "`name_needed`, `sign_in_needed`"), (status = 403, description = "`password_wrong`"),
        (status = 404, description = "`person_unknown`"),
        (status = 409, description = "`earnings_left`, `payout_under_way`, `debt_open`, `dispute_open`, `refund_pending`, \
            `payment_pending`, `tickets_sold`, `subscribers_left`, `months_not_given`, `last_operator`, `on_air`, `coins_left`"),
        (status = 429, description = "`too_many_attempts`"), Refusals))]
async fn delete(
    Shared(desk): Shared<Desk>,
    concerned: Concerned,
    Json(body): Json<DeleteBody>,
) -> Result<Response, Problem> {
    let DeleteBody {
        password,
        coins_given_up,
    } = body;
    let person = concerned.signed_in()?.id;
    desk.confirmation.confirm(&desk.site, person, password).await?;
    let now = desk.site.now();
    let asks = move |tx: &mut Tx| {
        ask(tx, person, coins_given_up, now)?;
        view(tx, person, now).map_err(AskError::from)
    };
    let shown = desk.site.store().write(asks).await?;
    // It is shut, whatever happens here.
    if let Err(error) = desk.rooms.shut_out(person).await {
        tracing::warn!(%person, %error, "somebody whose account is shut is still on a stage");
    }
    let gone = [(header::SET_COOKIE, session::cookie_gone(&desk.site))];
    Ok((StatusCode::OK, gone, Json(shown)).into_response())
}

/// Keeps one's account after all: the session that asks is then one like any other. Memberships stay cancelled.
#[utoipa::path(delete, path = "/api/v1/me/deletion", tag = "people", operation_id = "deletion_keep",
    responses((status = 204), (status = 401, description = "`name_needed`, `sign_in_needed`"),
        (status = 404, description = "`deletion_unknown`"), (status = 409, description = "`deletion_begun`"), Refusals))]
async fn keep(Shared(desk): Shared<Desk>, concerned: Concerned) -> Result<StatusCode, Problem> {
    let person = concerned.signed_in()?.id;
    desk.site
        .store()
        .write(move |tx| deletion::keep(tx, person))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
