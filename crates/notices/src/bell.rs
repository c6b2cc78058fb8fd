//! A channel's bell: whether one is told of its lives, by any way, or of none. It is on for whoever follows.

use axum::extract::State;
use busk_api::{Failures, Json, OpenApiRouter, Path, Problem, Refusals, routes};
use busk_base::{ChannelId, PersonId};
use busk_people::{SignedIn, channel_by_handle, follow};
use busk_store::{Read, Reader, StoreError, Tx, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Notices;

/// Of what one is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Bell {
    All,
    None,
}

/// Why a bell was not set, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum BellError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such channel")]
    ChannelUnknown,
    #[error("only whoever follows a channel has a bell of it")]
    NotFollowed,
}

impl From<BellError> for Problem {
    fn from(error: BellError) -> Self {
        let text = error.to_string();
        match error {
            BellError::Store(error) => error.into(),
            BellError::ChannelUnknown => Problem::not_found("channel_unknown", "There is no such channel"),
            BellError::NotFollowed => {
                Problem::conflict("not_followed", "Follow the channel first").detail(text)
            }
        }
    }
}

/// Sets a follower's bell. It keeps its position when they follow no more and then again.
pub(crate) fn set(tx: &mut Tx, person: PersonId, handle: &str, bell: Bell) -> Result<(), BellError> {
    let channel = channel_by_handle(tx, handle)?.ok_or(BellError::ChannelUnknown)?;
    if follow::since(tx, channel.id, person)?.is_none() {
        return Err(BellError::NotFollowed);
    }
    let statement = match bell {
        Bell::All => "DELETE FROM notice_quiet WHERE person = $1 AND channel = $2",
        Bell::None => {
            "INSERT INTO notice_quiet (person, channel) VALUES ($1, $2) ON CONFLICT (person, channel) DO NOTHING"
        }
    };
    tx.execute(statement, params![person, channel.id])?;
    Ok(())
}

pub(crate) fn of(db: &mut impl Read, person: PersonId, channel: ChannelId) -> Result<Bell, StoreError> {
    let quiet = db.row(
        "SELECT 1 FROM notice_quiet WHERE person = $1 AND channel = $2",
        params![person, channel],
    )?;
    Ok(quiet.map_or(Bell::All, |_| Bell::None))
}

pub(crate) fn routes() -> OpenApiRouter<Notices> {
    OpenApiRouter::new().routes(routes!(show, ring))
}

/// A channel's bell.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BellView {
    bell: Bell,
}

/// One's bell of a channel.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/bell", tag = "notices", params(("handle" = String, Path)),
    responses((status = 200, body = BellView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"), Failures))]
async fn show(
    State(notices): State<Notices>,
    SignedIn(person): SignedIn,
    Path(handle): Path<String>,
) -> Result<Json<BellView>, Problem> {
    let read = notices.site().store().read(move |db: &mut Reader| {
        let channel = channel_by_handle(db, &handle)?.ok_or(BellError::ChannelUnknown)?;
        Ok::<_, BellError>(of(db, person.id, channel.id)?)
    });
    Ok(Json(BellView { bell: read.await? }))
}

/// Sets one's bell of a channel that one follows.
#[utoipa::path(put, path = "/api/v1/channels/{handle}/bell", tag = "notices", params(("handle" = String, Path)),
    operation_id = "put_channels_handle_bell", request_body = BellView,
    responses((status = 200, body = BellView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`channel_unknown`"), (status = 409, description = "`not_followed`"), Refusals))]
async fn ring(
    State(notices): State<Notices>,
    SignedIn(person): SignedIn,
    Path(handle): Path<String>,
    Json(body): Json<BellView>,
) -> Result<Json<BellView>, Problem> {
    let bell = body.bell;
    let write = notices.site().store();
    write.write(move |tx| set(tx, person.id, &handle, bell)).await?;
    Ok(Json(body))
}
