use axum::extract::State;
use axum::response::{IntoResponse, Response};
use busk_api::{Failures, Json, OpenApiRouter, Path, Problem, ProblemBody, Refusals, routes};
use busk_base::{PersonId, Timestamp};
use busk_store::{Read, StoreError};
use http::{StatusCode, header};
use serde::Serialize;

use super::{created_at, key, rotate};
use crate::routes::People;
use crate::{Channel, SignedIn, channel_by_handle};

pub(crate) fn routes() -> OpenApiRouter<People> {
    OpenApiRouter::new().routes(routes!(stream_key, rotate_stream_key))
}

#[derive(Serialize, utoipa::ToSchema)]
struct StreamKey {
    exists: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    /// Where `rtmp://host:port/live` is listened for; absent when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtmp_port: Option<u16>,
    /// The same for `rtmps://`.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtmps_port: Option<u16>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct NewStreamKey {
    /// Shown this once.
    #[schema(example = "busk_kq3…")]
    key: String,
}

/// Why someone may not see or change a channel's key.
#[derive(Debug)]
enum Refused {
    ChannelUnknown,
    NotYours,
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Refused::Store(error)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::ChannelUnknown => Problem::not_found("channel_unknown", "There is no such channel"),
            Refused::NotYours => Problem::forbidden("not_yours", "Only the channel's owner may do this"),
            Refused::Store(error) => error.into(),
        }
    }
}

fn owned(db: &mut impl Read, handle: &str, by: PersonId) -> Result<Channel, Refused> {
    let channel = channel_by_handle(db, handle)?.ok_or(Refused::ChannelUnknown)?;
    if channel.owner != by {
        return Err(Refused::NotYours);
    }
    Ok(channel)
}

/// Whether a channel has a stream key, and since when; where encoders use it.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/stream-key", tag = "people",
    params(("handle" = String, Path)), security(("session" = [])), responses(
    (status = 200, body = StreamKey),
    (status = 401, description = "`sign_in_needed`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`not_yours`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "`channel_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    Failures,
))]
async fn stream_key(
    State(people): State<People>,
    SignedIn(person): SignedIn,
    Path(handle): Path<String>,
) -> Result<Json<StreamKey>, Problem> {
    let read = people.site.store().read(move |db| {
        let channel = owned(db, &handle, person.id)?;
        Ok::<_, Refused>(created_at(db, channel.id)?)
    });
    let created_at = read.await?;
    let ports = people.site.encoder_ports();
    Ok(Json(StreamKey {
        exists: created_at.is_some(),
        created_at,
        rtmp_port: ports.rtmp,
        rtmps_port: ports.rtmps,
    }))
}

/// Makes a new stream key; the one before stops working.
#[utoipa::path(post, path = "/api/v1/channels/{handle}/stream-key", tag = "people",
    params(("handle" = String, Path)), security(("session" = [])), responses(
    (status = 201, body = NewStreamKey),
    (status = 401, description = "`sign_in_needed`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "`channel_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    Refusals,
    (status = 403, description = "`not_yours`, `foreign_origin`", body = ProblemBody, content_type = "application/problem+json"),
))]
async fn rotate_stream_key(
    State(people): State<People>,
    SignedIn(person): SignedIn,
    Path(handle): Path<String>,
) -> Result<Response, Problem> {
    let site = &people.site;
    let (new, now) = (key(site.secret()), site.now());
    let kept = new.clone();
    let done = site.store().write(move |tx| {
        let channel = owned(tx, &handle, person.id)?;
        Ok::<_, Refused>(rotate(tx, channel.id, &kept, now)?)
    });
    done.await?;
    let answer = (
        StatusCode::CREATED,
        [(header::CACHE_CONTROL, "no-store")],
        Json(NewStreamKey { key: new }),
    );
    Ok(answer.into_response())
}
