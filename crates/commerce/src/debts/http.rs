//! Debts over HTTP: one's own, and an operator's writing one off.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Path, Problem, Refusals, Site, StatusCode, routes as operations,
};
use busk_base::{PersonId, PostingId, bounded_text};
use busk_people::{Operator, SignedIn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{WriteOff, WriteOffError, write_off};
use crate::accounts::payer_debt;
use crate::payments::Money;
use crate::rules::Rules;

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(own))
        .routes(operations!(give_up))
        .with_state(site)
}

/// What one owes of payments that one's bank took back.
#[derive(Serialize, ToSchema)]
struct Debt {
    /// Coins that are bought settle it first.
    owed: Money,
}

/// What one owes.
#[utoipa::path(get, path = "/api/v1/me/debt", tag = "payments",
    responses((status = 200, body = Debt), (status = 401, description = "`sign_in_needed`"), Failures))]
async fn own(Shared(site): Shared<Site>, SignedIn(person): SignedIn) -> Result<Json<Debt>, Problem> {
    let read = site
        .store()
        .read(move |db| busk_ledger::balance_of(db, &payer_debt(person.id)));
    let balance = read.await?;
    Ok(Json(Debt {
        owed: Money::new(-balance),
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WriteOffBody {
    /// Made by the operator's page and permanent.
    id: PostingId,
    /// In the currency's minor unit.
    #[schema(minimum = 1)]
    amount: i64,
    /// Why, for whoever looks later.
    #[schema(min_length = 1, max_length = 500)]
    note: String,
}

/// Writes a payer's debt off, or some of it: the platform pays it.
#[utoipa::path(post, path = "/api/v1/operator/people/{id}/debt-write-offs", tag = "operator",
    params(("id" = PersonId, Path)), request_body = WriteOffBody,
    responses((status = 204, description = "written off"), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"),
        (status = 409, description = "`id_reused`, `debt_smaller`"), Refusals))]
async fn give_up(
    Shared(site): Shared<Site>,
    Operator(operator): Operator,
    Path(payer): Path<PersonId>,
    Json(body): Json<WriteOffBody>,
) -> Result<StatusCode, Problem> {
    let wanted = WriteOff {
        id: body.id,
        payer,
        amount: body.amount,
        operator: operator.id,
        note: bounded_text(&body.note, 1, 500).map_err(|e| Problem::invalid("note", e.to_string()))?,
    };
    let (now, rules) = Rules::now(&site);
    let written = site.store().write(move |tx| write_off(tx, &wanted, &rules, now));
    written.await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

fn problem(error: WriteOffError) -> Problem {
    match error {
        WriteOffError::Store(error) => error.into(),
        WriteOffError::IdReused(_) => {
            Problem::conflict("id_reused", "This id was used for another posting").field("id")
        }
        WriteOffError::TooMuch { owed } => {
            Problem::conflict("debt_smaller", "They owe less").detail(format!("{owed} is owed"))
        }
        WriteOffError::Ledger(error) => {
            tracing::error!("the ledger refused a write-off: {error}");
            Problem::internal()
        }
    }
}
