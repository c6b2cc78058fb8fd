//! What the operator sees at a glance: people, rooms, coins, what the platform holds, and the audit.

use axum::extract::State as Shared;
use busk_api::{Failures, Json, OpenApiRouter, Problem, Site, routes as operations};
use busk_base::Unit;
use busk_ledger::AccountRef;
use busk_people::Operator;
use busk_store::{Read, Reader, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::*;

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new().routes(operations!(summary)).with_state(site)
}

/// The site at a glance.
#[derive(Serialize, ToSchema)]
struct OperatorSummary {
    people: i64,
    rooms_live: i64,
    /// Ever.
    coins_sold: i64,
    /// Notices of payment providers that fitted nothing, and were not looked at yet.
    notices_set_aside: i64,
    holdings: Vec<Holding>,
    audit: AuditSummary,
}

/// One of the platform's accounts.
#[derive(Serialize, ToSchema)]
struct Holding {
    account: String,
    #[schema(value_type = String)]
    unit: Unit,
    balance: i64,
}

/// The books, re-added just now.
#[derive(Serialize, ToSchema)]
struct AuditSummary {
    ok: bool,
    accounts: u64,
    postings: u64,
    transfers: u64,
    findings: Vec<String>,
}

/// The site at a glance, for its operators.
#[utoipa::path(get, path = "/api/v1/operator/summary", tag = "operator",
    responses((status = 200, body = OperatorSummary), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), Failures))]
async fn summary(Shared(site): Shared<Site>, _operator: Operator) -> Result<Json<OperatorSummary>, Problem> {
    Ok(Json(site.store().read(read).await?))
}

fn read(db: &mut Reader) -> Result<OperatorSummary, StoreError> {
    let audit = busk_ledger::audit::run(db)?;
    let accounts: [AccountRef; 4] = [PSP_CLEARING, COIN_FLOAT, DIAMOND_FLOAT, PLATFORM_REVENUE];
    let holdings = accounts.iter().map(|account| {
        let balance = busk_ledger::balance_of(db, account)?;
        Ok(Holding {
            account: account.name.to_owned(),
            unit: account.unit,
            balance,
        })
    });
    Ok(OperatorSummary {
        holdings: holdings.collect::<Result<_, StoreError>>()?,
        people: count(db, "SELECT COUNT(*) FROM person")?,
        rooms_live: count(
            db,
            "SELECT COUNT(*) FROM room WHERE state IN ('live', 'interrupted')",
        )?,
        coins_sold: -busk_ledger::balance_of(db, &COIN_ISSUED)?,
        notices_set_aside: count(
            db,
            "SELECT COUNT(*) FROM provider_notice WHERE outcome = 'set_aside' AND looked_at IS NULL",
        )?,
        audit: AuditSummary {
            ok: audit.is_clean(),
            accounts: audit.accounts,
            postings: audit.postings,
            transfers: audit.transfers,
            findings: audit.findings,
        },
    })
}

fn count(db: &mut Reader, sql: &'static str) -> Result<i64, StoreError> {
    db.row(sql, &[])?.map_or(Ok(0), |row| row.get(0))
}
