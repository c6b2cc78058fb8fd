//! The statement of reasons: what was done to somebody, and why (Article 17). They read it on their account's page, also
//! while the account is suspended.

use axum::extract::State as Shared;
use busk_api::{Failures, Json, OpenApiRouter, Page, PageQuery, Problem, Query, routes as operations};
use busk_base::{DecisionId, RoomId, Timestamp};
use busk_people::Concerned;
use busk_store::{Read, Reader, StoreError};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::appeal::{self, AppealView};
use crate::category::{Category, Ground};
use crate::decision::{self, Decision, Measure};
use crate::report::{self, ObjectKind};
use crate::{Desk, listing};

pub(crate) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(operations!(own))
}

/// Where a decision holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StatementScope)]
pub(crate) enum Scope {
    /// Everywhere that the site is seen.
    Worldwide,
}

/// What was decided about somebody, and why.
#[derive(Serialize, ToSchema)]
#[schema(as = Statement)]
pub(crate) struct StatementView {
    id: DecisionId,
    at: Timestamp,
    measure: Measure,
    /// When it ends by itself; null where it does not.
    until: Option<Timestamp>,
    /// What it was about.
    kind: ObjectKind,
    room: Option<RoomId>,
    room_title: Option<String>,
    /// The message's text or the room's title, as it was.
    said: Option<String>,
    ground: Ground,
    category: Category,
    /// The law or the site's rule.
    basis: String,
    /// What was found.
    facts: String,
    scope: Scope,
    /// Somebody had reported it; who is never told.
    after_report: bool,
    /// Whether a machine found it or decided.
    automated: bool,
    /// Until when one may appeal against it.
    appeal_until: Timestamp,
    appeal: Option<AppealView>,
    /// When an appeal took it back.
    reversed_at: Option<Timestamp>,
    /// Whether what was done can be taken back: a message that was removed and a live that was ended cannot.
    can_be_taken_back: bool,
}

impl StatementView {
    /// As whoever appeals sees it.
    pub(crate) fn of(db: &mut impl Read, decision: Decision, appellant: Uuid) -> Result<Self, StoreError> {
        let appeal = appeal::sql::of(db, decision.id, appellant)?;
        let appeal_until = decision.appeal_until();
        Ok(Self {
            id: decision.id,
            at: decision.at,
            measure: decision.measure,
            until: decision.until,
            kind: decision.kind,
            room: decision.room,
            room_title: report::sql::title(db, decision.room)?,
            said: decision.said,
            ground: decision.ground,
            category: decision.category,
            basis: decision.basis,
            facts: decision.facts,
            scope: Scope::Worldwide,
            after_report: true,
            automated: false,
            appeal_until,
            appeal: appeal.map(AppealView::from),
            reversed_at: decision.reversed_at,
            can_be_taken_back: decision.measure.can_be_taken_back(),
        })
    }
}

/// What was done to oneself and why, the latest first.
#[utoipa::path(get, path = "/api/v1/me/statements", tag = "reports", params(PageQuery),
    responses((status = 200, body = Page<StatementView>), (status = 401, description = "`name_needed`"), Failures))]
async fn own(
    Shared(desk): Shared<Desk>,
    Concerned(named): Concerned,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<StatementView>>, Problem> {
    let (asker, before) = (report::id_of(&named), listing::before(query.cursor.as_ref())?);
    let limit = query.limit;
    let read = desk.site.store().read(move |db: &mut Reader| {
        let decisions = decision::sql::against(db, asker, before, limit.and_one())?;
        let views = decisions
            .into_iter()
            .map(|decision| StatementView::of(db, decision, asker));
        views.collect::<Result<Vec<_>, StoreError>>()
    });
    let views = read.await?;
    Ok(Json(Page::of(views, limit, |view| listing::at(view.at))))
}
