//! One's own data over HTTP.

use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use busk_api::{Json, OpenApiRouter, Problem, Refusals, routes as operations};
use busk_people::Concerned;
use busk_store::{Reader, StoreError};
use futures_util::stream;
use http::header;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Document;
use crate::Desk;

pub(crate) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(operations!(export))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExportBody {
    /// One's password again: a stolen session must not carry everything away.
    password: String,
}

/// All that the site holds of oneself, as one JSON document; also while the account is shut.
#[utoipa::path(post, path = "/api/v1/me/export", tag = "people", request_body = ExportBody,
    responses((status = 200, description = "a document, sent as it is made", body = String, content_type = "application/json"),
        (status = 401, description = "`name_needed`, `sign_in_needed`"),
        (status = 403, description = "`password_wrong`"), (status = 429, description = "`too_many_attempts`"), Refusals))]
async fn export(
    Shared(desk): Shared<Desk>,
    concerned: Concerned,
    Json(body): Json<ExportBody>,
) -> Result<Response, Problem> {
    // A guest has a name and nothing that a password would guard: the site holds what everybody heard them say.
    let person = concerned.signed_in()?;
    desk.confirmation
        .confirm(&desk.site, person.id, body.password)
        .await?;
    let document = Document::new(person.id, desk.site.now());
    let pieces = stream::try_unfold((desk.site.clone(), document), async |(site, mut document)| {
        let read = site.store().read(move |db: &mut Reader| {
            let piece = document.next(db)?;
            Ok::<_, StoreError>((piece, document))
        });
        let (piece, document) = read.await?;
        Ok::<_, StoreError>(piece.map(|piece| (piece, (site, document))))
    });
    let name = format!("attachment; filename=\"{}.json\"", person.handle);
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
