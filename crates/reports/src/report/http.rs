//! Reporting over HTTP, and one's own reports.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, PageQuery, Path, Peer, Problem, Query, Refusals, StatusCode,
    routes as operations,
};
use busk_base::{ReportId, RoomId, Timestamp};
use busk_notices::post::Language;
use busk_people::{Caller, Concerned, Named};
use busk_store::{Read, Reader, StoreError, Tx};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{NewReport, Object, ObjectKind, Report, ReportError, report, sql};
use crate::category::{Category, Ground};
use crate::decision::{self, Measure};
use crate::{Desk, listing};

pub(crate) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .routes(operations!(make))
        .routes(operations!(show))
        .routes(operations!(own))
}

/// Who has a name on the site: a person or a guest.
pub(crate) fn id_of(named: &Named) -> Uuid {
    match named {
        Named::Person(person) => person.id.0,
        Named::Guest(guest) => guest.id.0,
    }
}

/// What is reported.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReportObject)]
struct ObjectBody {
    kind: ObjectKind,
    /// The message's, the person's or guest's, or the room's.
    id: Uuid,
    /// Where a person was seen.
    #[serde(default)]
    room: Option<RoomId>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewReport)]
struct ReportBody {
    /// Made by whoever reports; the same again is one report.
    id: ReportId,
    object: ObjectBody,
    ground: Ground,
    category: Category,
    /// Why; must be said of what is against the law.
    #[serde(default)]
    #[schema(max_length = 2000)]
    words: String,
    /// That one believes in good faith that it is so; must be said of what is against the law.
    #[serde(default)]
    good_faith: bool,
    /// Who reports, where they want to say.
    #[serde(default)]
    #[schema(max_length = 100)]
    name: Option<String>,
    /// Where an answer reaches them, where they want one by letter: that it has arrived, and what was decided.
    #[serde(default)]
    #[schema(max_length = 254)]
    email: Option<String>,
}

/// What became of a report, as whoever made it sees it.
#[derive(Serialize, ToSchema)]
struct ReportView {
    id: ReportId,
    kind: ObjectKind,
    /// Whom it is about, as they were called then.
    person: String,
    ground: Ground,
    category: Category,
    words: String,
    at: Timestamp,
    /// Null until it is decided.
    decision: Option<ReportOutcome>,
}

/// What was decided about a report.
#[derive(Serialize, ToSchema)]
struct ReportOutcome {
    id: busk_base::DecisionId,
    measure: Measure,
    at: Timestamp,
    /// What the operator says, where nothing was done; else what was done was told to whom it is about.
    facts: Option<String>,
    /// An appeal about whom it was done to took it back.
    reversed: bool,
    /// Until when one may appeal against it.
    appeal_until: Timestamp,
    /// One has.
    appealed: bool,
}

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        let text = error.to_string();
        match error {
            ReportError::Store(error) => error.into(),
            ReportError::IdReused(_) => {
                Problem::conflict("id_reused", "This id was used for another report").field("id")
            }
            ReportError::Category(_) => Problem::invalid("category", text),
            ReportError::Words(why) => Problem::invalid("words", why.to_string()),
            ReportError::GoodFaith => Problem::invalid("good_faith", text),
            ReportError::Name(why) => Problem::invalid("name", why.to_string()),
            ReportError::Email => Problem::invalid("email", text),
            ReportError::ObjectUnknown => Problem::not_found("object_unknown", "There is nothing like this"),
            ReportError::Yourself => Problem::conflict("yourself", "You cannot report yourself"),
            ReportError::Open(id) => {
                Problem::conflict("already_reported", "You have reported this already").detail(id.to_string())
            }
        }
    }
}

fn view(db: &mut impl Read, report: Report, asker: Option<Uuid>) -> Result<ReportView, StoreError> {
    let outcome = match report.decision {
        None => None,
        Some(id) => decision::sql::one(db, id)?,
    };
    let decision = match outcome {
        None => None,
        Some(decided) => Some(ReportOutcome {
            id: decided.id,
            measure: decided.measure,
            at: decided.at,
            facts: (decided.measure == Measure::None).then(|| decided.facts.clone()),
            reversed: decided.reversed_at.is_some(),
            appeal_until: decided.appeal_until(),
            appealed: match asker {
                Some(asker) => crate::appeal::sql::of(db, decided.id, asker)?.is_some(),
                None => false,
            },
        }),
    };
    Ok(ReportView {
        id: report.id,
        kind: report.kind,
        person: report.person_name,
        ground: report.ground,
        category: report.category,
        words: report.words,
        at: report.at,
        decision,
    })
}

/// Reports a message, a person or a room to the site's operators. Nobody needs an account for it; the answer is the
/// confirmation that it arrived.
#[utoipa::path(post, path = "/api/v1/reports", tag = "reports", operation_id = "report", request_body = ReportBody,
    responses((status = 201, body = ReportView), (status = 404, description = "`object_unknown`"),
        (status = 409, description = "`id_reused`, `yourself`, `already_reported`"),
        (status = 429, description = "`too_many_attempts`"), Refusals))]
async fn make(
    Shared(desk): Shared<Desk>,
    peer: Peer,
    caller: Caller,
    headers: HeaderMap,
    Json(body): Json<ReportBody>,
) -> Result<(StatusCode, Json<ReportView>), Problem> {
    let now = desk.site.now();
    desk.gate.admit(peer, now)?;
    let ReportBody {
        id,
        object,
        ground,
        category,
        words,
        good_faith,
        name,
        email,
    } = body;
    let new = NewReport {
        id,
        object: Object {
            kind: object.kind,
            id: object.id,
            room: object.room,
        },
        ground,
        category,
        words,
        good_faith,
        reporter: caller.named().ok().as_ref().map(id_of),
        contact_name: name,
        contact_email: email,
    };
    let letters = desk.letters(Language::of(&headers));
    let reports = move |tx: &mut Tx| {
        let known = sql::one(tx, new.id)?.is_some();
        let made = report(tx, &new, now)?;
        if let Some(letters) = letters.as_ref().filter(|_| !known) {
            letters.received(tx, &made, now)?;
        }
        Ok::<_, ReportError>(view(tx, made, new.reporter)?)
    };
    let made = desk.site.store().write(reports).await?;
    desk.notices.wake();
    Ok((StatusCode::CREATED, Json(made)))
}

/// What became of a report: for whoever made it, or, where nobody in particular did, for whoever knows its id.
#[utoipa::path(get, path = "/api/v1/reports/{id}", tag = "reports", params(("id" = ReportId, Path)),
    responses((status = 200, body = ReportView), (status = 404, description = "`report_unknown`"), Failures))]
async fn show(
    Shared(desk): Shared<Desk>,
    caller: Caller,
    Path(id): Path<ReportId>,
) -> Result<Json<ReportView>, Problem> {
    let asker = caller.named().ok().as_ref().map(id_of);
    let read = desk.site.store().read(move |db: &mut Reader| {
        let found = sql::one(db, id)?.filter(|report| report.reporter.is_none() || report.reporter == asker);
        found.map(|report| view(db, report, asker)).transpose()
    });
    let found: Result<_, StoreError> = read.await;
    let unknown = || Problem::not_found("report_unknown", "There is no such report");
    found?.ok_or_else(unknown).map(Json)
}

/// One's own reports, the latest first, and what became of them.
#[utoipa::path(get, path = "/api/v1/me/reports", tag = "reports", params(PageQuery),
    responses((status = 200, body = Page<ReportView>), (status = 401, description = "`name_needed`"), Failures))]
async fn own(
    Shared(desk): Shared<Desk>,
    Concerned(named): Concerned,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ReportView>>, Problem> {
    let (asker, before) = (id_of(&named), listing::before(query.cursor.as_ref())?);
    let limit = query.limit;
    let read = desk.site.store().read(move |db: &mut Reader| {
        let reports = sql::of_reporter(db, asker, before, limit.and_one())?;
        let views = reports.into_iter().map(|report| view(db, report, Some(asker)));
        views.collect::<Result<Vec<_>, StoreError>>()
    });
    let views = read.await?;
    Ok(Json(Page::of(views, limit, |view| listing::at(view.at))))
}
