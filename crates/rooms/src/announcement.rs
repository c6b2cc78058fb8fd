//! What the site's operators tell everybody who is in a live: an event in each room that is on the air, in pieces, so
//! that no transaction grows with the site.

use axum::extract::State as Shared;
use busk_api::{Json, OpenApiRouter, Problem, Refusals, routes as operations};
use busk_base::{RoomId, TextError, Timestamp, bounded_text};
use busk_people::Operator;
use busk_store::{Read, Reader, StoreError, Tx, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::live::Rooms;
use crate::{Room, What, log};

const TEXT_MAX: usize = 300;
/// Rooms told in one transaction.
const ROOMS_AT_ONCE: usize = 100;

pub(crate) fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::new().routes(operations!(announce))
}

/// Rooms that have an audience now.
fn on_air(db: &mut Reader) -> Result<Vec<RoomId>, StoreError> {
    let rows = db.rows(
        "SELECT id FROM room WHERE state IN ('live', 'interrupted') AND NOT private ORDER BY id",
        params![],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Tells those in some rooms, except where the live has ended meanwhile; gives how many rooms.
fn tell(tx: &mut Tx, rooms: &[RoomId], text: &str, now: Timestamp) -> Result<usize, StoreError> {
    let mut told = 0;
    for id in rooms {
        let room = tx.find::<Room>(id)?;
        if room.is_some_and(|room| room.state.is_on_air() && !room.private) {
            let text = text.to_owned();
            log::append(tx, *id, What::Announcement { text }, now)?;
            told += 1;
        }
    }
    Ok(told)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AnnouncementBody {
    /// 1–300 characters.
    text: String,
}

/// Where it was told.
#[derive(Serialize, ToSchema)]
struct Announced {
    rooms: usize,
}

/// Tells everybody who is in a live now.
#[utoipa::path(post, path = "/api/v1/operator/announcements", tag = "operator", operation_id = "announce",
    request_body = AnnouncementBody,
    responses((status = 200, body = Announced), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), Refusals))]
async fn announce(
    Shared(rooms): Shared<Rooms>,
    _operator: Operator,
    Json(body): Json<AnnouncementBody>,
) -> Result<Json<Announced>, Problem> {
    let text = bounded_text(&body.text, 1, TEXT_MAX);
    let text = text.map_err(|why: TextError| Problem::invalid("text", why.to_string()))?;
    let (store, now) = (rooms.site().store(), rooms.site().now());
    let mut told = 0;
    for piece in store.read(on_air).await?.chunks(ROOMS_AT_ONCE) {
        let (piece, text) = (piece.to_vec(), text.clone());
        told += store
            .write(move |tx: &mut Tx| tell(tx, &piece, &text, now))
            .await?;
    }
    Ok(Json(Announced { rooms: told }))
}
