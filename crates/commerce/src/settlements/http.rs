//! A provider's report against the books, for operators.

use axum::extract::State as Shared;
use busk_api::{Json, OpenApiRouter, Problem, Refusals, StatusCode, routes as operations};
use busk_base::Timestamp;
use busk_ledger::PostError;
use busk_people::Operator;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Booked, Comparison, Differs, against_books, post_fees, report};
use crate::payments::{Money, Till, provider_problem};
use crate::providers::{Settlement, SettlementKind};
use crate::rules::Rules;

/// The longest time that is compared at once, in seconds: 31 days.
const TIME_MAX_S: i64 = 31 * 24 * 3_600;

pub fn routes(till: Till) -> OpenApiRouter {
    OpenApiRouter::new().routes(operations!(compare)).with_state(till)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CompareBody {
    /// The provider's name: `sandbox`, `stripe`.
    provider: String,
    from: Timestamp,
    /// At most 31 days later.
    until: Timestamp,
}

/// What a provider reports against what the books have.
#[derive(Serialize, ToSchema)]
struct SettlementComparison {
    clean: bool,
    /// Movements that are in both by the same amount.
    matched: usize,
    /// Movements on which they differ, one by one.
    differences: Vec<SettlementDifference>,
    /// What the provider did for itself, which no book has: its own fees, reserves, what it sent to the operator.
    others: Vec<SettlementLine>,
    /// What the provider kept and was not in the books until now.
    fees_posted: Money,
}

/// A movement on which report and books differ.
#[derive(Serialize, ToSchema)]
struct SettlementDifference {
    differs: Differs,
    reported: Option<SettlementLine>,
    booked: Option<BookedLine>,
}

/// A line of the report. Amounts are in the currency's minor unit.
#[derive(Serialize, ToSchema)]
struct SettlementLine {
    id: String,
    #[schema(value_type = String)]
    kind: SettlementKind,
    of: String,
    gross: i64,
    fee: i64,
    currency: String,
    at: Timestamp,
}

impl From<Settlement> for SettlementLine {
    fn from(line: Settlement) -> Self {
        Self {
            id: line.id,
            kind: line.kind,
            of: line.of,
            gross: line.gross,
            fee: line.fee,
            currency: line.currency,
            at: line.at,
        }
    }
}

/// A movement in the books, in the currency's minor unit.
#[derive(Serialize, ToSchema)]
struct BookedLine {
    #[schema(value_type = String)]
    kind: SettlementKind,
    /// What it goes by: the provider's name for it, and ours.
    names: Vec<String>,
    gross: i64,
    currency: String,
    at: Timestamp,
}

impl From<Booked> for BookedLine {
    fn from(booked: Booked) -> Self {
        Self {
            kind: booked.kind,
            names: booked.names,
            gross: booked.gross,
            currency: booked.currency,
            at: booked.at,
        }
    }
}

/// Compares a provider's report with the books, and posts the fees that it kept.
#[utoipa::path(post, path = "/api/v1/operator/settlement-comparisons", tag = "operator", request_body = CompareBody,
    responses((status = 200, body = SettlementComparison), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 404, description = "`provider_unknown`"),
        (status = 502, description = "`provider_refused`"), (status = 503, description = "`provider_unavailable`"), Refusals))]
async fn compare(
    Shared(till): Shared<Till>,
    _operator: Operator,
    Json(body): Json<CompareBody>,
) -> Result<(StatusCode, Json<SettlementComparison>), Problem> {
    let CompareBody {
        provider,
        from,
        until,
    } = body;
    let time = until.unix_s().saturating_sub(from.unix_s());
    if from >= until || time > TIME_MAX_S {
        return Err(Problem::invalid(
            "until",
            "must be later than from, by at most 31 days",
        ));
    }
    let unknown = || Problem::not_found("provider_unknown", "There is no such provider");
    let asked = till.named(&provider).ok_or_else(unknown)?;
    let lines = report(asked.as_ref(), from, until)
        .await
        .map_err(provider_problem)?;
    let site = till.site();
    let (now, rules) = Rules::now(site);
    let written = site.store().write(move |tx| {
        let found = against_books(tx, &provider, lines.clone(), from, until)?;
        let fees = post_fees(tx, &provider, &found, &rules, now)?;
        Ok((found, fees))
    });
    let (found, fees) = written.await.map_err(problem)?;
    Ok((StatusCode::OK, Json(shown(found, fees))))
}

fn shown(found: Comparison, fees: i64) -> SettlementComparison {
    SettlementComparison {
        clean: found.is_clean(),
        matched: found.matched.len(),
        differences: found
            .differences
            .into_iter()
            .map(|of| SettlementDifference {
                differs: of.differs,
                reported: of.reported.map(SettlementLine::from),
                booked: of.booked.map(BookedLine::from),
            })
            .collect(),
        others: found.others.into_iter().map(SettlementLine::from).collect(),
        fees_posted: Money::new(fees),
    }
}

fn problem(error: PostError) -> Problem {
    match error {
        PostError::Store(error) => error.into(),
        other => {
            tracing::error!("the ledger refused a provider's fee: {other}");
            Problem::internal()
        }
    }
}
