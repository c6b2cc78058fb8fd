//! Notices set aside, over HTTP, for operators.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Query, Refusals, Site, routes as operations,
};
use busk_base::{PersonId, Timestamp, bounded_text};
use busk_people::Operator;
use busk_store::StoreError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Act, ActError, Aside, DoAct, Done, act, acts, listed};
use crate::listing::{ListQuery, cursor};
use crate::notices::HearError;
use crate::rules::Rules;

const NOTE_MAX: usize = 500;

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(list))
        .routes(operations!(do_act))
        .with_state(site)
}

/// A provider's notice that moved nothing.
#[derive(Serialize, ToSchema)]
struct NoticeAside {
    id: String,
    provider: String,
    received_at: Timestamp,
    /// Why it was set aside; `null`: its payment is not settled yet.
    reason: Option<String>,
    /// What the provider said, as JSON.
    body: String,
    looked_at: Option<Timestamp>,
    /// Oldest first.
    acts: Vec<NoticeAct>,
}

/// What an operator did about a notice.
#[derive(Serialize, ToSchema)]
struct NoticeAct {
    at: Timestamp,
    who: PersonId,
    /// `looked_at` or `hear_again`.
    act: String,
    note: String,
}

impl From<Done> for NoticeAct {
    fn from(Done { at, who, act, note }: Done) -> Self {
        Self { at, who, act, note }
    }
}

fn shown((aside, acts): (Aside, Vec<Done>)) -> NoticeAside {
    NoticeAside {
        id: aside.id,
        provider: aside.provider,
        received_at: aside.received_at,
        reason: aside.reason,
        body: aside.body,
        looked_at: aside.looked_at,
        acts: acts.into_iter().map(NoticeAct::from).collect(),
    }
}

/// Notices that were set aside or wait for their payment, newest first.
#[utoipa::path(get, path = "/api/v1/operator/notices", tag = "operator", params(ListQuery),
    responses((status = 200, body = Page<NoticeAside>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), Failures))]
async fn list(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<NoticeAside>>, Problem> {
    let (open, before, limit) = (query.open, query.before()?, query.limit);
    let read = site.store().read(move |db| {
        db.snapshot(|db| {
            let found = listed(db, open, before, limit.and_one())?;
            let with_acts = found.into_iter().map(|aside| {
                let acts = acts(db, &aside.id)?;
                Ok::<_, StoreError>((aside, acts))
            });
            with_acts.collect::<Result<Vec<_>, _>>()
        })
    });
    let page = Page::of(read.await?, limit, |(aside, _)| cursor(aside.received_at));
    Ok(Json(Page {
        items: page.items.into_iter().map(shown).collect(),
        next: page.next,
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ActBody {
    act: Act,
    /// Why, for whoever looks later.
    #[schema(max_length = 500)]
    note: String,
}

/// What came of an act.
#[derive(Serialize, ToSchema)]
struct NoticeActDone {
    /// What came of a notice that was heard again: `settled`, `refunded`, `set_aside` …
    outcome: Option<String>,
    /// Why it was set aside again.
    reason: Option<String>,
}

/// Marks a notice as looked at, or has it heard again.
#[utoipa::path(post, path = "/api/v1/operator/notices/{id}/acts", tag = "operator", params(("id" = String, Path)),
    request_body = ActBody,
    responses((status = 200, body = NoticeActDone), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 404, description = "`notice_unknown`"),
        (status = 409, description = "`notice_not_aside`"), Refusals))]
async fn do_act(
    Shared(site): Shared<Site>,
    Operator(operator): Operator,
    Path(id): Path<String>,
    Json(body): Json<ActBody>,
) -> Result<Json<NoticeActDone>, Problem> {
    let note = bounded_text(&body.note, 1, NOTE_MAX).map_err(|e| Problem::invalid("note", e.to_string()))?;
    let wanted = DoAct {
        notice: id,
        operator: operator.id,
        act: body.act,
        note,
    };
    let (now, rules) = Rules::now(&site);
    let written = site.store().write(move |tx| act(tx, &wanted, &rules, now));
    let heard = written.await.map_err(problem)?;
    Ok(Json(NoticeActDone {
        outcome: heard.as_ref().map(|heard| heard.word().to_owned()),
        reason: heard.as_ref().and_then(|heard| heard.why()).map(str::to_owned),
    }))
}

fn problem(error: ActError) -> Problem {
    match error {
        ActError::Hear(HearError::Store(error)) => error.into(),
        ActError::Hear(HearError::Ledger(error)) => {
            tracing::error!("the ledger refused a notice that was heard again: {error}");
            Problem::internal()
        }
        ActError::Unknown => Problem::not_found("notice_unknown", "There is no such notice"),
        ActError::NotAside => {
            Problem::conflict("notice_not_aside", "The notice is neither set aside nor waiting")
        }
    }
}
