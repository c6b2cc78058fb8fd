//! Taxes over HTTP, for operators.

use axum::extract::State as Shared;
use axum::response::Response;
use busk_api::{
    Cursor, Failures, Json, Limit, OpenApiRouter, Page, Problem, Query, Site, routes as operations,
};
use busk_base::Timestamp;
use busk_ledger::journal::{Place, Span};
use busk_people::Operator;
use busk_store::StoreError;
use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::{IntoParams, ToSchema};

use super::csv::{TaxLinesCsv, TaxSummaryCsv};
use super::{TaxLine, TaxRow, TaxedAs, lines, period, summary};
use crate::statements::PIECE;
use crate::statements::http::{CSV, cursor_of, foreign_cursor, place_of, streamed};

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(operator_taxes))
        .routes(operations!(operator_taxes_csv))
        .routes(operations!(operator_tax_lines))
        .routes(operations!(operator_tax_lines_csv))
        .with_state(site)
}

#[derive(Clone, Copy, Debug)]
struct Period(Span);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        let read = period(&text).map(Self);
        read.ok_or_else(|| de::Error::custom("must be a month, as 2026-11, or a year, as 2026"))
    }
}

/// Which month or year.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TaxQuery {
    /// A month or a year, in UTC.
    #[param(value_type = String, example = "2026-11")]
    period: Period,
}

/// What was sold and taxed in a month or a year.
#[derive(Serialize, ToSchema)]
struct TaxSummary {
    from: Timestamp,
    to: Timestamp,
    /// By country and currency; sales of no known country first.
    rows: Vec<TaxRow>,
    /// All countries together, by currency.
    totals: Vec<TaxRow>,
}

/// What was sold and taxed, by the payer's country.
#[utoipa::path(get, path = "/api/v1/operator/taxes", tag = "operator", params(TaxQuery),
    responses((status = 200, body = TaxSummary), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 422, description = "`invalid`"), Failures))]
async fn operator_taxes(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Query(TaxQuery { period: Period(span) }): Query<TaxQuery>,
) -> Result<Json<TaxSummary>, Problem> {
    let read = site.store().read(move |db| summary(db, span));
    let (rows, totals) = read.await.map_err(|error: StoreError| Problem::from(error))?;
    Ok(Json(TaxSummary {
        from: span.from,
        to: span.to,
        rows,
        totals,
    }))
}

/// The same as CSV, a line a country and currency.
#[utoipa::path(get, path = "/api/v1/operator/taxes.csv", tag = "operator", params(TaxQuery),
    responses((status = 200, body = String, content_type = "text/csv"),
        (status = 401, description = "`sign_in_needed`"), (status = 403, description = "`operator_needed`"),
        (status = 422, description = "`invalid`"), Failures))]
async fn operator_taxes_csv(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Query(TaxQuery { period: Period(span) }): Query<TaxQuery>,
) -> Response {
    streamed(site, TaxSummaryCsv::new(span), CSV, "taxes.csv")
}

/// Which lines, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TaxLinesQuery {
    /// A month or a year, in UTC.
    #[param(value_type = String, example = "2026-11")]
    period: Period,
    /// Of this country only; `none`: of no known one.
    country: Option<String>,
    /// Only sales, or only what was taken back.
    #[serde(rename = "as")]
    #[param(rename = "as")]
    taxed_as: Option<TaxedAs>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// Items at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 30)]
    limit: Limit,
}

impl TaxLinesQuery {
    fn wants(&self, line: &TaxLine) -> bool {
        let country = match self.country.as_deref() {
            None => true,
            Some("none") => line.country.is_none(),
            Some(country) => line.country.as_deref() == Some(country),
        };
        country && self.taxed_as.is_none_or(|wanted| wanted == line.taxed_as)
    }
}

/// Pieces that are looked through for one page.
const PIECES_MAX: usize = 20;

/// What a summary is the sum of, oldest first: each posting, which opens at `/api/v1/operator/postings/{posting}`. A
/// page may hold fewer than asked for, even none, and still have a next one.
#[utoipa::path(get, path = "/api/v1/operator/taxes/lines", tag = "operator", params(TaxLinesQuery),
    responses((status = 200, body = Page<TaxLine>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 422, description = "`invalid`"), Failures))]
async fn operator_tax_lines(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Query(query): Query<TaxLinesQuery>,
) -> Result<Json<Page<TaxLine>>, Problem> {
    let span = query.period.0;
    let place = query
        .cursor
        .as_ref()
        .map(|cursor| place_of(cursor).ok_or_else(foreign_cursor));
    let place = place.transpose()?.unwrap_or(Place::before(span.from));
    let read = site.store().read(move |db| {
        let (mut items, mut after) = (Vec::new(), Some(place));
        for _ in 0..PIECES_MAX {
            let Some(place) = after else { break };
            let (found, next) = lines(db, span, place, PIECE)?;
            after = next;
            for line in found.into_iter().filter(|line| query.wants(line)) {
                if items.len() == query.limit.get() {
                    let last: Option<&TaxLine> = items.last();
                    let ended = last.map(|line| Place {
                        at: line.at,
                        number: line.number,
                    });
                    return Ok((items, ended));
                }
                items.push(line);
            }
        }
        Ok::<_, StoreError>((items, after))
    });
    let (items, next) = read.await.map_err(Problem::from)?;
    Ok(Json(Page {
        items,
        next: next.map(cursor_of),
    }))
}

/// The same as CSV, all of a month or year.
#[utoipa::path(get, path = "/api/v1/operator/taxes/lines.csv", tag = "operator", params(TaxQuery),
    responses((status = 200, body = String, content_type = "text/csv"),
        (status = 401, description = "`sign_in_needed`"), (status = 403, description = "`operator_needed`"),
        (status = 422, description = "`invalid`"), Failures))]
async fn operator_tax_lines_csv(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Query(TaxQuery { period: Period(span) }): Query<TaxQuery>,
) -> Response {
    streamed(site, TaxLinesCsv::new(span), CSV, "tax-lines.csv")
}
