//! What an operator sees who decides: the report, what was said around it, what else was reported of the same thing, and
//! what was decided about the same person before.

use busk_base::{ChannelId, DecisionId, ReportId, RoomId, Timestamp};
use busk_people::ChannelRef;
use busk_rooms::reported::{self, SaidThere};
use busk_rooms::{SpeakerKind, hidden};
use busk_store::{Read, StoreError};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Measure, sql};
use crate::category::{Category, Ground};
use crate::report::{self, ObjectKind, Report};
use crate::statement::StatementView;

/// Messages around a report.
const CONTEXT_MAX: i64 = 30;
/// Other reports and earlier decisions.
const OTHERS_MAX: i64 = 20;

/// A report, as operators see it in their list.
#[derive(Serialize, ToSchema)]
pub(super) struct DeskReport {
    id: ReportId,
    kind: ObjectKind,
    person: Uuid,
    person_kind: SpeakerKind,
    /// As they were called then.
    person_name: String,
    room: Option<RoomId>,
    room_title: Option<String>,
    channel: Option<ChannelRef>,
    /// The message's text or the room's title, as it was.
    said: Option<String>,
    said_at: Option<Timestamp>,
    ground: Ground,
    category: Category,
    words: String,
    /// Who reports, where it is somebody with a name on the site or somebody who said theirs.
    reporter: Option<String>,
    email: Option<String>,
    pub(super) at: Timestamp,
    decision: Option<DecisionId>,
    /// 0 is looked at first.
    pub(super) priority: i64,
}

/// A report with all that is around it.
#[derive(Serialize, ToSchema)]
pub(super) struct ReportCase {
    report: DeskReport,
    /// What the person said last in that room, the latest first.
    context: Vec<SaidThere>,
    /// Of the same thing, the latest first.
    others: Vec<DeskReport>,
    /// About the same person, the latest first.
    decisions: Vec<StatementView>,
    /// What can be done about it.
    measures: Vec<Measure>,
    /// The room was taken down already.
    hidden: bool,
}

pub(super) fn desk_report(db: &mut impl Read, report: Report) -> Result<DeskReport, StoreError> {
    let channel = channel(db, report.channel)?;
    let known = match report.reporter {
        Some(reporter) => reported::somebody(db, reporter)?.map(|somebody| somebody.name),
        None => None,
    };
    Ok(DeskReport {
        id: report.id,
        kind: report.kind,
        person: report.person,
        person_kind: report.person_kind,
        person_name: report.person_name,
        room: report.room,
        room_title: report::sql::title(db, report.room)?,
        channel,
        said: report.said,
        said_at: report.said_at,
        ground: report.ground,
        category: report.category,
        words: report.words,
        reporter: report.contact_name.or(known),
        email: report.contact_email,
        at: report.at,
        decision: report.decision,
        priority: report.category.priority(report.ground),
    })
}

fn channel(db: &mut impl Read, id: Option<ChannelId>) -> Result<Option<ChannelRef>, StoreError> {
    let Some(id) = id else { return Ok(None) };
    let found = busk_people::channel(db, id)?;
    Ok(found.as_ref().map(ChannelRef::from))
}

pub(super) fn case(db: &mut impl Read, id: ReportId) -> Result<Option<ReportCase>, StoreError> {
    let Some(report) = report::sql::one(db, id)? else {
        return Ok(None);
    };
    let context = match report.room {
        Some(room) => reported::latest_of(db, room, report.person, CONTEXT_MAX)?,
        None => Vec::new(),
    };
    let hidden = match report.room {
        Some(room) => hidden::is(db, room)?,
        None => false,
    };
    let mut others = Vec::new();
    for other in report::sql::of_object(db, &report, OTHERS_MAX)? {
        others.push(desk_report(db, other)?);
    }
    let end = Timestamp::from_unix_us(i64::MAX);
    let mut decisions = Vec::new();
    for decision in sql::about(db, report.person, end, OTHERS_MAX)? {
        decisions.push(StatementView::of(db, decision, report.person)?);
    }
    let measures = Measure::ALL.into_iter().filter(|measure| measure.fits(&report));
    let measures = measures.collect();
    Ok(Some(ReportCase {
        report: desk_report(db, report)?,
        context,
        others,
        decisions,
        measures,
        hidden,
    }))
}
