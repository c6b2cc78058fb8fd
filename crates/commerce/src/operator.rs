//! What the operator sees at a glance: people, rooms, coins, what the platform holds, and the last audit.
//!
//! Looking costs the same however long the books are: they are re-added beside it, once an hour at most or when an
//! operator asks, and what came of it is kept until the next time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{FromRef, State as Shared};
use busk_api::{Failures, Json, OpenApiRouter, Problem, Site, routes as operations};
use busk_base::{Timestamp, Unit};
use busk_ledger::AccountRef;
use busk_people::Operator;
use busk_store::{Read, Reader, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::*;

pub fn routes(site: Site) -> OpenApiRouter {
    let desk = Desk {
        site,
        audits: Arc::default(),
    };
    OpenApiRouter::new()
        .routes(operations!(summary))
        .routes(operations!(audit_now))
        .with_state(desk)
}

/// How old what came of an audit may be before the books are re-added.
const AUDIT_EVERY: Duration = Duration::from_secs(3_600);

/// The site, and what came of its last audit. Clones share it.
#[derive(Clone)]
struct Desk {
    site: Site,
    audits: Arc<Mutex<Audits>>,
}

#[derive(Default)]
struct Audits {
    last: Option<AuditSummary>,
    running: bool,
}

impl FromRef<Desk> for Site {
    fn from_ref(desk: &Desk) -> Self {
        desk.site.clone()
    }
}

impl Desk {
    fn audits(&self) -> std::sync::MutexGuard<'_, Audits> {
        self.audits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came of the last audit; when there was none, or it is old, the next begins.
    fn last_audit(&self) -> Option<AuditSummary> {
        let now = self.site.now();
        let mut audits = self.audits();
        let fresh = audits
            .last
            .as_ref()
            .is_some_and(|last| now < last.at + AUDIT_EVERY);
        if !fresh && !audits.running {
            audits.running = true;
            let desk = self.clone();
            tokio::spawn(async move {
                if let Err(error) = desk.audit().await {
                    tracing::warn!(%error, "the books could not be re-added");
                }
                desk.audits().running = false;
            });
        }
        audits.last.clone()
    }

    async fn audit(&self) -> Result<AuditSummary, StoreError> {
        let at = self.site.now();
        let audit = self.site.store().read(busk_ledger::audit::run).await?;
        let summary = AuditSummary {
            at,
            ok: audit.is_clean(),
            accounts: audit.accounts,
            postings: audit.postings,
            transfers: audit.transfers,
            findings: audit.findings,
        };
        self.audits().last = Some(summary.clone());
        Ok(summary)
    }
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
    /// What came of the last audit; null until the first since the site's start has ended.
    audit: Option<AuditSummary>,
}

/// One of the platform's accounts.
#[derive(Serialize, ToSchema)]
struct Holding {
    account: String,
    #[schema(value_type = String)]
    unit: Unit,
    balance: i64,
}

/// What came of re-adding the books.
#[derive(Clone, Serialize, ToSchema)]
struct AuditSummary {
    /// When it began.
    at: Timestamp,
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
async fn summary(Shared(desk): Shared<Desk>, _operator: Operator) -> Result<Json<OperatorSummary>, Problem> {
    let audit = desk.last_audit();
    let summary = desk.site.store().read(move |db| read(db, audit));
    Ok(Json(summary.await?))
}

/// Re-adds the books now, which takes as long as they are.
#[utoipa::path(post, path = "/api/v1/operator/audits", tag = "operator",
    responses((status = 200, body = AuditSummary), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), Failures))]
async fn audit_now(Shared(desk): Shared<Desk>, _operator: Operator) -> Result<Json<AuditSummary>, Problem> {
    Ok(Json(desk.audit().await?))
}

fn read(db: &mut Reader, audit: Option<AuditSummary>) -> Result<OperatorSummary, StoreError> {
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
        audit,
    })
}

fn count(db: &mut Reader, sql: &'static str) -> Result<i64, StoreError> {
    db.row(sql, &[])?.map_or(Ok(0), |row| row.get(0))
}
