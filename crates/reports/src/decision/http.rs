//! The operators' queue over HTTP, and deciding.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Query, Refusals, StatusCode, routes as operations,
};
use busk_base::{DecisionId, ReportId};
use busk_notices::post::Language;
use busk_people::Operator;
use busk_store::{Reader, StoreError, Tx};
use serde::Deserialize;
use utoipa::ToSchema;

use super::case::{DeskReport, ReportCase, case, desk_report};
use super::{DecideError, Follows, Measure, NewDecision, decide};
use crate::Desk;
use crate::category::{Category, Ground};
use crate::decision;
use crate::listing::{self, DeskQuery};
use crate::report::sql;
use crate::statement::StatementView;

pub(crate) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .routes(operations!(list))
        .routes(operations!(show))
        .routes(operations!(make))
}

impl From<DecideError> for Problem {
    fn from(error: DecideError) -> Self {
        let text = error.to_string();
        match error {
            DecideError::Store(error) => error.into(),
            DecideError::IdReused(_) => {
                Problem::conflict("id_reused", "This id was used for another decision").field("id")
            }
            DecideError::ReportUnknown => Problem::not_found("report_unknown", "There is no such report"),
            DecideError::Decided(id) => {
                Problem::conflict("decided", "It is decided already").detail(id.to_string())
            }
            DecideError::Category => Problem::invalid("category", text),
            DecideError::Basis(why) => Problem::invalid("basis", why.to_string()),
            DecideError::Facts(why) => Problem::invalid("facts", why.to_string()),
            DecideError::Seconds(_) => Problem::invalid("seconds", text),
            DecideError::Unfit => Problem::invalid("measure", text),
            DecideError::Yourself => Problem::forbidden("yourself", "Nobody decides about themselves"),
            DecideError::Protected => Problem::forbidden("protected", text),
            DecideError::Gone(what) => {
                Problem::conflict("gone", "What was reported is not there any more").detail(what)
            }
        }
    }
}

/// What was reported: what is open with the gravest first, or all with the latest first.
#[utoipa::path(get, path = "/api/v1/operator/reports", tag = "operator", params(DeskQuery),
    responses((status = 200, body = Page<DeskReport>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), Failures))]
async fn list(
    Shared(desk): Shared<Desk>,
    _operator: Operator,
    Query(query): Query<DeskQuery>,
) -> Result<Json<Page<DeskReport>>, Problem> {
    let limit = query.limit;
    let (after, before) = if query.open {
        (Some(listing::after(query.cursor.as_ref())?), None)
    } else {
        (None, Some(listing::before(query.cursor.as_ref())?))
    };
    let read = desk.site.store().read(move |db: &mut Reader| {
        let mut reports = Vec::new();
        if let Some(after) = after {
            reports = sql::open(db, after, limit.and_one())?;
        } else if let Some(before) = before {
            reports = sql::latest(db, before, limit.and_one())?;
        }
        let shown = reports.into_iter().map(|report| desk_report(db, report));
        shown.collect::<Result<Vec<_>, StoreError>>()
    });
    let shown = read.await?;
    Ok(Json(Page::of(shown, limit, |report| match after {
        Some(_) => listing::at_priority(report.priority, report.at),
        None => listing::at(report.at),
    })))
}

/// A report with what is around it.
#[utoipa::path(get, path = "/api/v1/operator/reports/{id}", tag = "operator", params(("id" = ReportId, Path)),
    responses((status = 200, body = ReportCase), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 404, description = "`report_unknown`"), Failures))]
async fn show(
    Shared(desk): Shared<Desk>,
    _operator: Operator,
    Path(id): Path<ReportId>,
) -> Result<Json<ReportCase>, Problem> {
    let read = desk.site.store().read(move |db: &mut Reader| case(db, id));
    let found: Result<_, StoreError> = read.await;
    found?
        .ok_or_else(|| Problem::not_found("report_unknown", "There is no such report"))
        .map(Json)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDecision)]
struct DecisionBody {
    /// Made by the operator's page; the same again is one decision.
    id: DecisionId,
    measure: Measure,
    /// Of a time-out, and of a suspension that ends by itself.
    #[serde(default)]
    seconds: Option<u32>,
    ground: Ground,
    category: Category,
    /// The law or the site's rule; may be empty where nothing is done.
    #[serde(default)]
    #[schema(max_length = 200)]
    basis: String,
    /// What was found: whom it is about reads it, or, where nothing is done, who reported it.
    #[schema(min_length = 1, max_length = 2000)]
    facts: String,
}

/// Decides about a report and every other open one of the same thing; does what is decided, and keeps why.
#[utoipa::path(post, path = "/api/v1/operator/reports/{id}/decision", tag = "operator",
    params(("id" = ReportId, Path)), request_body = DecisionBody,
    responses((status = 201, body = StatementView), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`, `yourself`, `protected`"),
        (status = 404, description = "`report_unknown`"),
        (status = 409, description = "`id_reused`, `decided`, `gone`"), Refusals))]
async fn make(
    Shared(desk): Shared<Desk>,
    Operator(operator): Operator,
    Path(report): Path<ReportId>,
    Json(body): Json<DecisionBody>,
) -> Result<(StatusCode, Json<StatementView>), Problem> {
    let now = desk.site.now();
    let DecisionBody {
        id,
        measure,
        seconds,
        ground,
        category,
        basis,
        facts,
    } = body;
    let new = NewDecision {
        id,
        report,
        measure,
        seconds,
        ground,
        category,
        basis,
        facts,
        operator: operator.id,
    };
    let letters = desk.letters(Language::of_tag(""));
    let decides = move |tx: &mut Tx| {
        let known = decision::sql::one(tx, new.id)?.is_some();
        let decided = decide(tx, &new, now)?;
        if let Some(letters) = letters.as_ref().filter(|_| !known) {
            letters.decided(tx, &decided.decision, now)?;
        }
        let person = decided.decision.person;
        let view = StatementView::of(tx, decided.decision, person)?;
        Ok::<_, DecideError>((view, decided.follows))
    };
    let (view, follows) = desk.site.store().write(decides).await?;
    desk.notices.wake();
    desk.follow(follows).await;
    Ok((StatusCode::CREATED, Json(view)))
}

impl Desk {
    /// Carries out what follows from a decision: it is made, whatever happens here.
    async fn follow(&self, follows: Follows) {
        for room in follows.ended {
            self.rooms.hang_up(room).await;
        }
        if let Some(person) = follows.shut_out
            && let Err(error) = self.rooms.shut_out(person).await
        {
            tracing::warn!(%person, %error, "somebody suspended is still on a stage");
        }
    }
}
