//! The operators' desk: payouts to approve, batches for the bank, and what became of them.

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use busk_api::{
    Cursor, Failures, Json, Limit, OpenApiRouter, Page, Path, Problem, Query, Refusals, StatusCode,
    routes as operations,
};
use busk_base::{PayoutBatchId, PayoutId, PersonId, Timestamp, bounded_text};
use busk_people::Operator;
use busk_store::{Read, StoreError, Tx, params};
use http::header;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::approval::{ApprovalError, approvals_needed, approve, reject};
use super::bank::BankDetails;
use super::batch::{self, Batch, BatchError};
use super::http::{PayoutView, bank_problem, cursor, place};
use super::outcome::{MarkError, Marked, mark};
use super::{Payout, PayoutState, Payouts, sql};
use crate::payments::Money;
use crate::rules::Rules;

const REASON_MAX: usize = 200;
/// Batches that are listed; older ones are found by their payouts.
const BATCHES_MAX: i64 = 50;

pub fn routes(payouts: Payouts) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(list))
        .routes(operations!(one))
        .routes(operations!(approve_one))
        .routes(operations!(reject_one))
        .routes(operations!(mark_one))
        .routes(operations!(batches, make))
        .routes(operations!(file))
        .with_state(payouts)
}

/// A payout, as operators see it.
#[derive(Serialize, ToSchema)]
struct DeskPayout {
    #[serde(flatten)]
    payout: PayoutView,
    /// The channel's handle.
    channel: String,
    /// How many operators have approved it, and how many must.
    approvals: i64,
    approvals_needed: i64,
    /// Whether the operator who asks may act on it: not on their own channel's.
    yours: bool,
    batch: Option<PayoutBatchId>,
    acts: Vec<ActView>,
}

/// Something that was done with a payout.
#[derive(Serialize, ToSchema)]
struct ActView {
    /// `request`, `approve`, `reject`, `cancel`, `send`, `pay`, `fail` or `return`.
    act: String,
    /// Nobody when it came by itself: the month's, or by the provider's word.
    by: Option<String>,
    reason: Option<String>,
    at: Timestamp,
}

impl DeskPayout {
    fn of(db: &mut impl Read, payout: Payout, operator: PersonId, rules: &Rules) -> Result<Self, StoreError> {
        let channel = db.row(
            "SELECT handle, owner FROM channel WHERE id = $1",
            params![payout.channel],
        )?;
        let channel = channel.ok_or_else(|| StoreError::Broken("a payout without a channel".into()))?;
        let acts = sql::acts(db, payout.id)?.into_iter().map(|done| ActView {
            act: done.act,
            by: done.by,
            reason: done.reason,
            at: done.at,
        });
        Ok(Self {
            channel: channel.get(0)?,
            yours: channel.get::<PersonId>(1)? == operator,
            approvals: sql::approvers(db, payout.id)?.len() as i64,
            approvals_needed: approvals_needed(payout.amount, rules) as i64,
            batch: payout.batch,
            acts: acts.collect(),
            payout: payout.into(),
        })
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeskQuery {
    /// `requested` when nothing is said.
    #[param(inline)]
    state: Option<PayoutState>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// Items at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 30)]
    limit: Limit,
}

/// The payouts in a state, those first that wait longest.
#[utoipa::path(get, path = "/api/v1/operator/payouts", tag = "operator", operation_id = "operator_payouts",
    params(DeskQuery),
    responses((status = 200, body = Page<DeskPayout>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), Failures))]
async fn list(
    Shared(payouts): Shared<Payouts>,
    Operator(operator): Operator,
    Query(wanted): Query<DeskQuery>,
) -> Result<Json<Page<DeskPayout>>, Problem> {
    let first = (Timestamp::from_unix_us(i64::MIN), PayoutId(Uuid::nil()));
    let after = place(wanted.cursor.as_ref(), first)?;
    let (limit, rules) = (wanted.limit, Rules::of(payouts.site()));
    let state = wanted.state.unwrap_or(PayoutState::Requested);
    let read = payouts.site().store().read(move |db| {
        db.snapshot(|db| {
            let found = sql::in_state(db, state, after, limit.and_one())?;
            let Page { items, next } = Page::of(found, limit, cursor);
            let items = items.into_iter();
            let items = items.map(|payout| DeskPayout::of(db, payout, operator.id, &rules));
            let items = items.collect::<Result<_, StoreError>>()?;
            Ok::<_, StoreError>(Page { items, next })
        })
    });
    Ok(Json(read.await?))
}

async fn view(payouts: &Payouts, id: PayoutId, operator: PersonId) -> Result<Json<DeskPayout>, Problem> {
    let rules = Rules::of(payouts.site());
    let read = payouts.site().store().read(move |db| {
        db.snapshot(|db| match sql::payout(db, id)? {
            Some(payout) => DeskPayout::of(db, payout, operator, &rules).map(Some),
            None => Ok(None),
        })
    });
    let found = read.await.map_err(|error: StoreError| Problem::from(error))?;
    found.map(Json).ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::not_found("payout_unknown", "There is no such payout")
}

/// A payout with everything that was done with it.
#[utoipa::path(get, path = "/api/v1/operator/payouts/{payout}", tag = "operator", operation_id = "operator_payout",
    params(("payout" = PayoutId, Path)),
    responses((status = 200, body = DeskPayout), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 404, description = "`payout_unknown`"), Failures))]
async fn one(
    Shared(payouts): Shared<Payouts>,
    Operator(operator): Operator,
    Path(id): Path<PayoutId>,
) -> Result<Json<DeskPayout>, Problem> {
    view(&payouts, id, operator.id).await
}

fn approval_problem(error: ApprovalError) -> Problem {
    let text = error.to_string();
    match error {
        ApprovalError::Store(error) => error.into(),
        ApprovalError::PayoutUnknown => unknown(),
        ApprovalError::OwnChannel => Problem::forbidden("own_channel", text),
        ApprovalError::TooLate(state) => {
            Problem::conflict("payout_too_late", text).detail(format!("It is {}", state.word()))
        }
        ApprovalError::IdentityUnverified => Problem::conflict("identity_unverified", text),
        ApprovalError::InDebt => Problem::conflict("in_debt", text),
        ApprovalError::Ledger(error) => {
            tracing::error!("a payout was refused by the ledger: {error}");
            Problem::internal()
        }
    }
}

/// Approves a payout; from an amount of the policy on, two operators must.
#[utoipa::path(post, path = "/api/v1/operator/payouts/{payout}/approve", tag = "operator",
    operation_id = "payout_approve", params(("payout" = PayoutId, Path)),
    responses((status = 200, body = DeskPayout), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`, `own_channel`"),
        (status = 404, description = "`payout_unknown`"),
        (status = 409, description = "`payout_too_late`, `identity_unverified`, `in_debt`"),
        Failures))]
async fn approve_one(
    Shared(payouts): Shared<Payouts>,
    Operator(operator): Operator,
    Path(id): Path<PayoutId>,
) -> Result<Json<DeskPayout>, Problem> {
    let (now, rules) = Rules::now(payouts.site());
    let by = operator.id;
    let written = payouts
        .site()
        .store()
        .write(move |tx| approve(tx, id, by, &rules, now));
    written.await.map_err(approval_problem)?;
    view(&payouts, id, by).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RejectBody {
    /// The creator reads it; 1–200 characters.
    reason: String,
}

fn reason(text: &str, min: usize) -> Result<String, Problem> {
    bounded_text(text, min, REASON_MAX).map_err(|error| Problem::invalid("reason", error.to_string()))
}

/// Refuses a payout, with the reason; the money is available again.
#[utoipa::path(post, path = "/api/v1/operator/payouts/{payout}/reject", tag = "operator",
    operation_id = "payout_reject", params(("payout" = PayoutId, Path)), request_body = RejectBody,
    responses((status = 200, body = DeskPayout), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`, `own_channel`"),
        (status = 404, description = "`payout_unknown`"),
        (status = 409, description = "`payout_too_late`"), Refusals))]
async fn reject_one(
    Shared(payouts): Shared<Payouts>,
    Operator(operator): Operator,
    Path(id): Path<PayoutId>,
    Json(body): Json<RejectBody>,
) -> Result<Json<DeskPayout>, Problem> {
    let why = reason(&body.reason, 1)?;
    let (now, rules) = Rules::now(payouts.site());
    let by = operator.id;
    let written = payouts
        .site()
        .store()
        .write(move |tx| reject(tx, id, by, &why, &rules, now));
    written.await.map_err(approval_problem)?;
    view(&payouts, id, by).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MarkBody {
    outcome: Marked,
    /// The creator reads it, unless it was paid; at most 200 characters.
    #[serde(default)]
    reason: String,
}

/// Says what the bank made of a payout that went by a file.
#[utoipa::path(post, path = "/api/v1/operator/payouts/{payout}/outcome", tag = "operator",
    operation_id = "payout_outcome", params(("payout" = PayoutId, Path)), request_body = MarkBody,
    responses((status = 200, body = DeskPayout), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`, `own_channel`"),
        (status = 404, description = "`payout_unknown`"),
        (status = 409, description = "`payout_by_provider`, `payout_out_of_turn`"), Refusals))]
async fn mark_one(
    Shared(payouts): Shared<Payouts>,
    Operator(operator): Operator,
    Path(id): Path<PayoutId>,
    Json(body): Json<MarkBody>,
) -> Result<Json<DeskPayout>, Problem> {
    let why = reason(&body.reason, usize::from(body.outcome != Marked::Paid))?;
    let (now, rules) = Rules::now(payouts.site());
    let (by, outcome) = (operator.id, body.outcome);
    let written = payouts
        .site()
        .store()
        .write(move |tx| mark(tx, id, by, outcome, &why, &rules, now));
    written.await.map_err(|error| {
        let text = error.to_string();
        match error {
            MarkError::Store(error) => error.into(),
            MarkError::PayoutUnknown => unknown(),
            MarkError::OwnChannel => Problem::forbidden("own_channel", text),
            MarkError::ByProvider => Problem::conflict("payout_by_provider", text),
            MarkError::OutOfTurn(state) => {
                Problem::conflict("payout_out_of_turn", text).detail(format!("It is {}", state.word()))
            }
            MarkError::Ledger(error) => {
                tracing::error!("a payout could not be marked: {error}");
                Problem::internal()
            }
        }
    })?;
    view(&payouts, id, by).await
}

/// A batch of payouts.
#[derive(Serialize, ToSchema)]
struct BatchView {
    id: PayoutBatchId,
    payouts: i64,
    money: Money,
    made_at: Timestamp,
    /// Where its file is.
    file: String,
}

impl From<Batch> for BatchView {
    fn from(batch: Batch) -> Self {
        Self {
            id: batch.id,
            payouts: batch.payouts,
            money: Money {
                amount: batch.amount,
                currency: batch.currency,
            },
            made_at: batch.made_at,
            file: format!("/api/v1/operator/payout-batches/{}/file", batch.id),
        }
    }
}

/// The newest batches.
#[utoipa::path(get, path = "/api/v1/operator/payout-batches", tag = "operator", operation_id = "payout_batches",
    responses((status = 200, body = Page<BatchView>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), Failures))]
async fn batches(
    Shared(payouts): Shared<Payouts>,
    _operator: Operator,
) -> Result<Json<Page<BatchView>>, Problem> {
    let read = payouts.site().store().read(|db| batch::newest(db, BATCHES_MAX));
    let found = read.await.map_err(|error: StoreError| Problem::from(error))?;
    Ok(Json(Page::whole(
        found.into_iter().map(BatchView::from).collect(),
    )))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchBody {
    /// Made by the operator and permanent: the same batch again is made once.
    id: PayoutBatchId,
    /// Whose account it is paid from; needed for euros.
    debtor: Option<DebtorBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DebtorBody {
    name: String,
    iban: String,
}

/// Puts the approved payouts that go to bank accounts into a batch, 500 at most: they are sent.
#[utoipa::path(post, path = "/api/v1/operator/payout-batches", tag = "operator", operation_id = "payout_batch_make",
    request_body = BatchBody,
    responses((status = 200, body = BatchView), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"),
        (status = 409, description = "`id_reused`, `debtor_missing`, `nothing_to_send`"), Refusals))]
async fn make(
    Shared(payouts): Shared<Payouts>,
    Operator(operator): Operator,
    Json(body): Json<BatchBody>,
) -> Result<Json<BatchView>, Problem> {
    let debtor = body.debtor.as_ref();
    let debtor = debtor.map(|debtor| BankDetails::new(&debtor.name, &debtor.iban));
    let debtor = debtor.transpose().map_err(bank_problem)?;
    let (id, now) = (body.id, payouts.site().now());
    let written = payouts
        .site()
        .store()
        .write(move |tx: &mut Tx| batch::make(tx, id, operator.id, debtor.as_ref(), now));
    let made = written.await.map_err(|error| {
        let text = error.to_string();
        match error {
            BatchError::Store(error) => error.into(),
            BatchError::IdReused(_) => Problem::conflict("id_reused", text).field("id"),
            BatchError::DebtorMissing => Problem::conflict("debtor_missing", text).field("debtor"),
            BatchError::Nothing => Problem::conflict("nothing_to_send", text),
        }
    })?;
    Ok(Json(made.into()))
}

/// The file of a batch, for the bank: SEPA credit transfers (`pain.001.001.09`) for euros, a table for the rest.
#[utoipa::path(get, path = "/api/v1/operator/payout-batches/{batch}/file", tag = "operator",
    operation_id = "payout_batch_file", params(("batch" = PayoutBatchId, Path)),
    responses((status = 200, description = "the file", content_type = "application/octet-stream"),
        (status = 401, description = "`sign_in_needed`"), (status = 403, description = "`operator_needed`"),
        (status = 404, description = "`batch_unknown`"), Failures))]
async fn file(
    Shared(payouts): Shared<Payouts>,
    _operator: Operator,
    Path(id): Path<PayoutBatchId>,
) -> Result<Response, Problem> {
    let sealing = payouts.sealing.clone();
    let read = payouts
        .site()
        .store()
        .read(move |db| match batch::batch(db, id)? {
            Some(batch) => batch::file(db, &batch, &sealing).map(Some),
            None => Ok(None),
        });
    let found = read.await.map_err(|error: StoreError| Problem::from(error))?;
    let file = found.ok_or_else(|| Problem::not_found("batch_unknown", "There is no such batch"))?;
    let headers = [
        (header::CONTENT_TYPE, file.content_type.to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", file.name),
        ),
    ];
    Ok((StatusCode::OK, headers, file.text).into_response())
}
