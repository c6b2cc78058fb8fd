//! Notices on the site. There is no row a person: what one is told of are the lives of the channels that one follows, read
//! when somebody looks. So a live costs the same whoever follows, and nothing can be lost or doubled on the way.

use std::time::Duration;

use axum::extract::State;
use busk_api::{Failures, Json, OpenApiRouter, Problem, Refusals, StatusCode, routes};
use busk_base::{PersonId, RoomId, Timestamp};
use busk_people::{ChannelRef, SignedIn};
use busk_store::{Read, Reader, StoreError, Tx, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Notices, choice};

/// How long a notice is shown, and how many at most.
pub(crate) const KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);
const LIVES_MAX: i64 = 50;

/// That a channel went live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Notice {
    pub(crate) room: RoomId,
    pub(crate) channel: ChannelRef,
    /// The live's title.
    pub(crate) title: String,
    /// When it began.
    pub(crate) at: Timestamp,
    /// Whether it still is on.
    pub(crate) on_air: bool,
    pub(crate) unread: bool,
}

/// The latest first, at most fifty, of thirty days.
pub(crate) fn of(db: &mut impl Read, person: PersonId, now: Timestamp) -> Result<Vec<Notice>, StoreError> {
    if !choice::of(db, person)?.in_app {
        return Ok(Vec::new());
    }
    let rows = db.rows(
        "SELECT n.room, c.id, c.handle, c.name, r.title, n.at, r.state IN ('live', 'interrupted'), \
         s.through IS NULL OR n.at > s.through \
         FROM channel_follow f \
         JOIN notice_live n ON n.channel = f.channel AND n.told AND n.at >= f.since AND n.at > $2 \
         JOIN channel c ON c.id = n.channel \
         JOIN room r ON r.id = n.room \
         LEFT JOIN notice_quiet q ON q.person = f.person AND q.channel = f.channel \
         LEFT JOIN notice_seen s ON s.person = f.person \
         WHERE f.person = $1 AND q.person IS NULL ORDER BY n.at DESC LIMIT $3",
        params![person, now - KEPT, LIVES_MAX],
    )?;
    let notice = |row: &busk_store::Row| {
        Ok(Notice {
            room: row.get(0)?,
            channel: ChannelRef {
                id: row.get(1)?,
                handle: row.get(2)?,
                name: row.get(3)?,
            },
            title: row.get(4)?,
            at: row.get(5)?,
            on_air: row.get(6)?,
            unread: row.get(7)?,
        })
    };
    rows.iter().map(notice).collect()
}

/// All up to a time have been read.
pub(crate) fn read_through(tx: &mut Tx, person: PersonId, through: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO notice_seen (person, through) VALUES ($1, $2) ON CONFLICT (person) DO UPDATE SET \
         through = CASE WHEN excluded.through > notice_seen.through THEN excluded.through ELSE notice_seen.through END",
        params![person, through],
    )?;
    Ok(())
}

pub(crate) fn routes() -> OpenApiRouter<Notices> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read))
}

/// What one was told.
#[derive(Serialize, ToSchema)]
struct Inbox {
    unread: usize,
    /// The latest first, at most fifty, of thirty days.
    items: Vec<Notice>,
}

/// What one was told.
#[utoipa::path(get, path = "/api/v1/me/notices", tag = "notices",
    responses((status = 200, body = Inbox), (status = 401, description = "`sign_in_needed`"), Failures))]
async fn list(State(notices): State<Notices>, SignedIn(person): SignedIn) -> Result<Json<Inbox>, Problem> {
    let now = notices.site().now();
    let read = notices
        .site()
        .store()
        .read(move |db: &mut Reader| of(db, person.id, now));
    let items = read.await?;
    Ok(Json(Inbox {
        unread: items.iter().filter(|notice| notice.unread).count(),
        items,
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReadThrough {
    /// When the latest one that was seen began.
    through: Timestamp,
}

/// Marks notices as read, up to a time.
#[utoipa::path(post, path = "/api/v1/me/notices/read", tag = "notices", request_body = ReadThrough,
    responses((status = 204), (status = 401, description = "`sign_in_needed`"), Refusals))]
async fn read(
    State(notices): State<Notices>,
    SignedIn(person): SignedIn,
    Json(body): Json<ReadThrough>,
) -> Result<StatusCode, Problem> {
    // Times go out in whole milliseconds: what began in this one was seen.
    let through = body.through + Duration::from_micros(999);
    let through = through.min(notices.site().now());
    let store = notices.site().store();
    store
        .write(move |tx| read_through(tx, person.id, through))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
