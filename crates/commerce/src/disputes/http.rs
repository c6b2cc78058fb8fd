//! Disputes over HTTP, for operators. They are decided by banks; what to answer the bank is the provider's page.

use axum::extract::State as Shared;
use busk_api::{Failures, Json, OpenApiRouter, Page, Problem, Query, Site, routes as operations};
use busk_base::{DisputeId, PaymentId, PersonId, Timestamp};
use busk_people::Operator;
use busk_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use super::DisputeState;
use super::sql::{Listed, listed};
use crate::accounts::payer_debt;
use crate::listing::{ListQuery, cursor};
use crate::payments::Money;

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new().routes(operations!(list)).with_state(site)
}

/// A payer's objection at their bank.
#[derive(Serialize, ToSchema)]
struct DisputeView {
    id: DisputeId,
    /// The provider's name for it.
    name: String,
    payment: PaymentId,
    /// What was paid for: `coins`, `badge` …
    order: String,
    payer: PersonId,
    payer_name: String,
    state: DisputeState,
    amount: Money,
    fee: Money,
    /// In the bank's words.
    reason: String,
    /// Coins that could be held when it was opened.
    coins_frozen: i64,
    /// What nobody else had to give when it was lost.
    owed: Money,
    /// What the payer owes now, of all disputes together.
    payer_owes: Money,
    opened_at: Timestamp,
    changed_at: Timestamp,
}

fn shown(
    (
        Listed {
            dispute,
            payer,
            payer_name,
            order,
        },
        owes,
    ): (Listed, i64),
) -> DisputeView {
    DisputeView {
        id: dispute.id,
        name: dispute.name,
        payment: dispute.payment,
        order,
        payer,
        payer_name,
        state: dispute.state,
        amount: Money::new(dispute.amount),
        fee: Money::new(dispute.fee),
        reason: dispute.reason,
        coins_frozen: dispute.frozen + dispute.frozen_promotional,
        owed: Money::new(dispute.owed),
        payer_owes: Money::new(owes),
        opened_at: dispute.opened_at,
        changed_at: dispute.changed_at,
    }
}

/// Disputes, newest first; with `open` those that no bank has decided.
#[utoipa::path(get, path = "/api/v1/operator/disputes", tag = "operator", params(ListQuery),
    responses((status = 200, body = Page<DisputeView>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), Failures))]
async fn list(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<DisputeView>>, Problem> {
    let (open, before, limit) = (query.open, query.before()?, query.limit);
    let read = site.store().read(move |db| {
        db.snapshot(|db| {
            let found = listed(db, open, before, limit.and_one())?;
            let with_debts = found.into_iter().map(|listed| {
                let owes = -busk_ledger::balance_of(db, &payer_debt(listed.payer))?;
                Ok::<_, StoreError>((listed, owes))
            });
            with_debts.collect::<Result<Vec<_>, _>>()
        })
    });
    let page = Page::of(read.await?, limit, |(listed, _)| cursor(listed.dispute.opened_at));
    Ok(Json(Page {
        items: page.items.into_iter().map(shown).collect(),
        next: page.next,
    }))
}
