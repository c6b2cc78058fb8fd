//! The transparency report over HTTP.

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use busk_api::{Failures, Json, OpenApiRouter, Problem, Query, routes as operations};
use busk_base::Timestamp;
use busk_people::Operator;
use busk_store::{Reader, StoreError};
use http::header;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Transparency, count, csv};
use crate::Desk;

pub(crate) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .routes(operations!(as_json))
        .routes(operations!(as_csv))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PeriodQuery {
    /// From when on.
    from: Timestamp,
    /// Before when.
    to: Timestamp,
}

async fn counted(desk: &Desk, PeriodQuery { from, to }: PeriodQuery) -> Result<Transparency, Problem> {
    if to <= from {
        return Err(Problem::invalid("to", "must be after from"));
    }
    let read = desk
        .site
        .store()
        .read(move |db: &mut Reader| db.snapshot(|db| count(db, from, to)));
    read.await.map_err(|error: StoreError| Problem::from(error))
}

/// What came of reports in a time.
#[utoipa::path(get, path = "/api/v1/operator/transparency", tag = "operator", params(PeriodQuery),
    responses((status = 200, body = Transparency), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 422, description = "`invalid`"), Failures))]
async fn as_json(
    Shared(desk): Shared<Desk>,
    _operator: Operator,
    Query(query): Query<PeriodQuery>,
) -> Result<Json<Transparency>, Problem> {
    counted(&desk, query).await.map(Json)
}

/// The same as CSV, a line a figure.
#[utoipa::path(get, path = "/api/v1/operator/transparency.csv", tag = "operator", params(PeriodQuery),
    responses((status = 200, body = String, content_type = "text/csv"),
        (status = 401, description = "`sign_in_needed`"), (status = 403, description = "`operator_needed`"),
        (status = 422, description = "`invalid`"), Failures))]
async fn as_csv(
    Shared(desk): Shared<Desk>,
    _operator: Operator,
    Query(query): Query<PeriodQuery>,
) -> Result<Response, Problem> {
    let name = format!("transparency-{}-{}.csv", query.from.day(), query.to.day());
    let text = csv::csv(&counted(&desk, query).await?);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, text).into_response())
}
