//! Appeals over HTTP: making one, and the operators' list.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Query, Refusals, StatusCode, routes as operations,
};
use busk_base::{AppealId, DecisionId, RecordId, Timestamp};
use busk_notices::post::Language;
use busk_people::{Concerned, Operator, person};
use busk_rooms::reported;
use busk_store::{Read, Reader, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Appeal, AppealError, AppealView, JudgeError, Judgement, NewAppeal, Outcome, appeal, judge, sql};
use crate::listing::{self, DeskQuery};
use crate::statement::StatementView;
use crate::{Desk, decision, report};

pub(crate) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .routes(operations!(make))
        .routes(operations!(list))
        .routes(operations!(judge_one))
}

impl From<AppealError> for Problem {
    fn from(error: AppealError) -> Self {
        let text = error.to_string();
        match error {
            AppealError::Store(error) => error.into(),
            AppealError::IdReused(_) => {
                Problem::conflict("id_reused", "This id was used for another appeal").field("id")
            }
            AppealError::DecisionUnknown => {
                Problem::not_found("decision_unknown", "There is no such decision")
            }
            AppealError::Words(why) => Problem::invalid("words", why.to_string()),
            AppealError::Already(id) => {
                Problem::conflict("already_appealed", "You have appealed against it").detail(id.to_string())
            }
            AppealError::Reversed => Problem::conflict("reversed", text),
            AppealError::Late => Problem::conflict("too_late", text),
        }
    }
}

impl From<JudgeError> for Problem {
    fn from(error: JudgeError) -> Self {
        let text = error.to_string();
        match error {
            JudgeError::Store(error) => error.into(),
            JudgeError::AppealUnknown => Problem::not_found("appeal_unknown", "There is no such appeal"),
            JudgeError::Judged => Problem::conflict("judged", "It is judged already"),
            JudgeError::Answer(why) => Problem::invalid("answer", why.to_string()),
            JudgeError::Yourself => Problem::forbidden("yourself", "Nobody judges about themselves"),
            JudgeError::SameOperator => Problem::forbidden("same_operator", text),
            JudgeError::Measure(_) => Problem::conflict("gone", "It cannot be taken back").detail(text),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAppeal)]
struct AppealBody {
    /// Made by whoever appeals; the same again is one appeal.
    id: AppealId,
    /// Why the decision is wrong.
    #[schema(min_length = 1, max_length = 2000)]
    words: String,
}

/// Appeals against a decision that was made about oneself, or about what one reported; within six months, without a fee.
#[utoipa::path(post, path = "/api/v1/decisions/{id}/appeals", tag = "reports", operation_id = "appeal",
    params(("id" = DecisionId, Path)), request_body = AppealBody,
    responses((status = 201, body = AppealView), (status = 401, description = "`name_needed`"),
        (status = 404, description = "`decision_unknown`"),
        (status = 409, description = "`id_reused`, `already_appealed`, `reversed`, `too_late`"), Refusals))]
async fn make(
    Shared(desk): Shared<Desk>,
    Concerned(named): Concerned,
    Path(decision): Path<DecisionId>,
    Json(body): Json<AppealBody>,
) -> Result<(StatusCode, Json<AppealView>), Problem> {
    let now = desk.site.now();
    let new = NewAppeal {
        id: body.id,
        decision,
        by: report::id_of(&named),
        words: body.words,
    };
    let made = desk
        .site
        .store()
        .write(move |tx: &mut Tx| appeal(tx, &new, now))
        .await?;
    Ok((StatusCode::CREATED, Json(AppealView::from(made))))
}

/// An appeal, as operators see it.
#[derive(Serialize, ToSchema)]
struct DeskAppeal {
    appeal: AppealView,
    /// Who appeals; whom it is about, or who had reported it.
    appellant: String,
    by_reporter: bool,
    statement: StatementView,
    /// Who decided.
    operator: String,
}

fn shown(db: &mut impl Read, appeal: Appeal) -> Result<Option<DeskAppeal>, StoreError> {
    let Some(decided) = decision::sql::one(db, appeal.decision)? else {
        return Ok(None);
    };
    let appellant = reported::somebody(db, appeal.appellant)?;
    let operator = person(db, decided.operator)?;
    Ok(Some(DeskAppeal {
        appellant: appellant.map_or_else(String::new, |somebody| somebody.name),
        by_reporter: decided.person != appeal.appellant,
        statement: StatementView::of(db, decided, appeal.appellant)?,
        operator: operator.map_or_else(String::new, |person| person.display_name),
        appeal: AppealView::from(appeal),
    }))
}

/// Appeals: what waits with the longest waiting first, or all with the latest first.
#[utoipa::path(get, path = "/api/v1/operator/appeals", tag = "operator", params(DeskQuery),
    responses((status = 200, body = Page<DeskAppeal>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), Failures))]
async fn list(
    Shared(desk): Shared<Desk>,
    _operator: Operator,
    Query(query): Query<DeskQuery>,
) -> Result<Json<Page<DeskAppeal>>, Problem> {
    let (limit, open) = (query.limit, query.open);
    let from = match (&query.cursor, open) {
        (None, true) => Timestamp::from_unix_us(i64::MIN),
        (cursor, _) => listing::before(cursor.as_ref())?,
    };
    let read = desk.site.store().read(move |db: &mut Reader| {
        let appeals = if open {
            sql::open(db, from, limit.and_one())?
        } else {
            sql::latest(db, from, limit.and_one())?
        };
        let all = appeals
            .into_iter()
            .filter_map(|appeal| shown(db, appeal).transpose());
        all.collect::<Result<Vec<_>, StoreError>>()
    });
    let all = read.await?;
    Ok(Json(Page::of(all, limit, |one| listing::at(one.appeal.at))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewJudgement)]
struct JudgementBody {
    outcome: Outcome,
    /// Why, for whoever appealed.
    #[schema(min_length = 1, max_length = 2000)]
    answer: String,
}

/// Judges an appeal: another operator than the one who decided, where there is another. What is reversed for whom it was
/// done to is taken back; what is reversed for who reported it is open again.
#[utoipa::path(post, path = "/api/v1/operator/appeals/{id}/decision", tag = "operator",
    params(("id" = AppealId, Path)), request_body = JudgementBody,
    responses((status = 200, body = AppealView), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`, `yourself`, `same_operator`"),
        (status = 404, description = "`appeal_unknown`"),
        (status = 409, description = "`judged`, `gone`"), Refusals))]
async fn judge_one(
    Shared(desk): Shared<Desk>,
    Operator(operator): Operator,
    Path(id): Path<AppealId>,
    Json(body): Json<JudgementBody>,
) -> Result<Json<AppealView>, Problem> {
    let now = desk.site.now();
    let judgement = Judgement {
        appeal: id,
        operator: operator.id,
        outcome: body.outcome,
        answer: body.answer,
        record: RecordId::new(now, desk.site.entropy()),
    };
    let letters = desk.letters(Language::of_tag(""));
    let judges = move |tx: &mut Tx| {
        let known = sql::one(tx, judgement.appeal)?.is_some_and(|appeal| appeal.judged.is_some());
        let appeal = judge(tx, &judgement, now)?;
        if let Some(letters) = letters.as_ref().filter(|_| !known) {
            letters.judged(tx, &appeal, now)?;
        }
        Ok::<_, JudgeError>(appeal)
    };
    let judged = desk.site.store().write(judges).await?;
    Ok(Json(AppealView::from(judged)))
}
