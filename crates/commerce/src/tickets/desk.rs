//! The host's side of a room's tickets: who has one, who asks for their money back, and the host's own yes to it. A
//! request that no rule grants waits for an operator; the host of the event may grant it too, since it is mostly theirs.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, Site, StatusCode, routes as operations,
};
use busk_base::{JobId, PaymentId, PersonId, RefundId, RoomId, Timestamp};
use busk_people::{SignedIn, person};
use busk_rooms::Room;
use busk_rooms::room::public;
use busk_store::{Read, Reader, StoreError, Tx};
use serde::Serialize;
use utoipa::ToSchema;

use super::{TicketState, sql};
use crate::badges::room_unknown;
use crate::payments::{Money, Till};
use crate::refunds::{self, DecideError, Decision, Refund};
use crate::rules::Rules;

/// Tickets in one answer.
const LISTED_MAX: i64 = 1_000;

pub(super) fn routes() -> OpenApiRouter<Till> {
    OpenApiRouter::new()
        .routes(operations!(holders))
        .routes(operations!(grant))
}

/// Why nothing was given back, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GrantError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("the room is not yours")]
    NotYours,
    #[error(transparent)]
    Decide(DecideError),
}

/// The host says yes to somebody who asks for the money of a ticket back.
pub fn grant_return(
    tx: &mut Tx,
    room: RoomId,
    refund: RefundId,
    host: PersonId,
    job: JobId,
    rules: &Rules,
    now: Timestamp,
) -> Result<Refund, GrantError> {
    let room = tx.find::<Room>(&room)?.filter(|room| !room.private);
    let room = room.ok_or(GrantError::RoomUnknown)?;
    if room.host != host {
        return Err(GrantError::NotYours);
    }
    let payment = tx.find::<Refund>(&refund)?.map(|refund| refund.payment);
    let ticket = match payment {
        Some(payment) => sql::ticket(tx, payment)?,
        None => None,
    };
    if ticket.is_none_or(|ticket| ticket.room != room.id) {
        return Err(GrantError::Decide(DecideError::Unknown));
    }
    let decision = Decision {
        refund,
        operator: host,
        grant: true,
        answer: "The host gives it back".into(),
    };
    refunds::decide(tx, &decision, job, rules, now).map_err(|error| match error {
        DecideError::Store(error) => GrantError::Store(error),
        other => GrantError::Decide(other),
    })
}

/// Somebody who has or had a ticket, as the host sees them.
#[derive(Serialize, ToSchema)]
struct TicketHolder {
    payment: PaymentId,
    person: PersonId,
    handle: String,
    name: String,
    /// With a turn on camera.
    stage: bool,
    state: TicketState,
    bought_at: Timestamp,
    /// They ask for the money back, and wait.
    asks: Option<ReturnAsked>,
}

/// Money of a ticket that somebody asks for.
#[derive(Serialize, ToSchema)]
struct ReturnAsked {
    refund: RefundId,
    amount: Money,
    reason: String,
    asked_at: Timestamp,
}

/// The room of this id, which must be the asker's.
fn own(db: &mut impl Read, room: RoomId, host: PersonId) -> Result<Result<Room, Problem>, StoreError> {
    let room = public(db, room)?;
    Ok(match room {
        None => Err(room_unknown()),
        Some(room) if room.host != host => Err(not_yours()),
        Some(room) => Ok(room),
    })
}

fn not_yours() -> Problem {
    Problem::forbidden("not_yours", "The room is not yours")
}

/// Who has or had a ticket of a room of one's own, the latest first, and who asks for the money back; at most a thousand.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/tickets", tag = "tickets", params(("room" = RoomId, Path)),
    responses((status = 200, body = Page<TicketHolder>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`"), Failures))]
async fn holders(
    Shared(site): Shared<Site>,
    Path(room): Path<RoomId>,
    SignedIn(host): SignedIn,
) -> Result<Json<Page<TicketHolder>>, Problem> {
    let read = site.store().read(move |db: &mut Reader| {
        db.snapshot(|db| {
            let room = match own(db, room, host.id)? {
                Ok(room) => room.id,
                Err(problem) => return Ok(Err(problem)),
            };
            let mut asked = sql::returns_asked(db, room)?;
            let mut holders = Vec::new();
            for ticket in sql::holders(db, room, LISTED_MAX)? {
                let Some(holder) = person(db, ticket.person)? else {
                    continue;
                };
                let place = asked.iter().position(|asked| asked.payment == ticket.payment);
                let asks = place.map(|place| asked.swap_remove(place));
                holders.push(TicketHolder {
                    payment: ticket.payment,
                    person: holder.id,
                    handle: holder.handle,
                    name: holder.display_name,
                    stage: ticket.stage,
                    state: ticket.state,
                    bought_at: ticket.created_at,
                    asks: asks.map(|asked| ReturnAsked {
                        refund: asked.refund,
                        amount: Money::new(asked.amount),
                        reason: asked.reason,
                        asked_at: asked.asked_at,
                    }),
                });
            }
            Ok::<_, StoreError>(Ok(holders))
        })
    });
    Ok(Json(Page::whole(read.await??)))
}

/// Gives somebody's ticket's money back who asks for it, in a room of one's own; their ticket lets nobody in any more.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/tickets/returns/{refund}", tag = "tickets",
    params(("room" = RoomId, Path), ("refund" = RefundId, Path)),
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`, `refund_unknown`"),
        (status = 409, description = "`decided`, `too_much`"), Refusals))]
async fn grant(
    Shared(site): Shared<Site>,
    Path((room, refund)): Path<(RoomId, RefundId)>,
    SignedIn(host): SignedIn,
) -> Result<StatusCode, Problem> {
    let ((now, rules), host) = (Rules::now(&site), host.id);
    let job = JobId::new(now, site.entropy());
    let granted = site
        .store()
        .write(move |tx| grant_return(tx, room, refund, host, job, &rules, now));
    granted.await.map_err(grant_problem)?;
    Ok(StatusCode::NO_CONTENT)
}

fn grant_problem(error: GrantError) -> Problem {
    let text = error.to_string();
    match error {
        GrantError::Store(error) | GrantError::Decide(DecideError::Store(error)) => error.into(),
        GrantError::RoomUnknown => room_unknown(),
        GrantError::NotYours => not_yours(),
        GrantError::Decide(DecideError::Unknown) => {
            Problem::not_found("refund_unknown", "There is no such request")
        }
        GrantError::Decide(DecideError::Decided) => Problem::conflict("decided", text),
        GrantError::Decide(DecideError::TooMuch { .. }) => Problem::conflict("too_much", text),
        GrantError::Decide(DecideError::Ledger(_)) => {
            tracing::error!("a ticket's money was not given back: {text}");
            Problem::internal()
        }
    }
}
