//! Refunds over HTTP: asked for by the payer, given and decided by operators.

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Query, Refusals, Site, StatusCode,
    routes as operations,
};
use busk_base::{JobId, PaymentId, RefundId, Timestamp, bounded_text};
use busk_people::{Operator, SignedIn};
use busk_store::StoreError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sql::{Listed, listed};
use super::{Ask, AskError, By, DecideError, Decision, Refund, RefundState, ask, decide, of_payment};
use crate::accounts::CURRENCY;
use crate::listing::{ListQuery, cursor};
use crate::payments::{self, Money};
use crate::rules::Rules;

const REASON_MAX: usize = 500;

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(request))
        .routes(operations!(own))
        .routes(operations!(give))
        .routes(operations!(list))
        .routes(operations!(answer))
        .with_state(site)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefundBody {
    /// Made by the asker and permanent: the same request again is one.
    id: RefundId,
    /// In the currency's minor unit; all that can be given back when it is left out.
    #[schema(minimum = 1)]
    amount: Option<i64>,
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Money given back, or asked to be.
#[derive(Serialize, ToSchema)]
struct RefundView {
    id: RefundId,
    payment: PaymentId,
    state: RefundState,
    amount: Money,
    /// Coins that were taken from the wallet for it.
    coins: i64,
    promotional: i64,
    reason: String,
    /// The operator's answer, or why it failed.
    answer: Option<String>,
    asked_at: Timestamp,
    changed_at: Timestamp,
}

impl From<Refund> for RefundView {
    fn from(refund: Refund) -> Self {
        Self {
            id: refund.id,
            payment: refund.payment,
            state: refund.state,
            amount: Money::new(refund.amount),
            coins: refund.coins,
            promotional: refund.promotional,
            reason: refund.reason,
            answer: refund.answer,
            asked_at: refund.asked_at,
            changed_at: refund.changed_at,
        }
    }
}

/// Asks for money back of one's own payment. Unspent coins are given back at once within the policy's days;
/// other requests wait for the operator.
#[utoipa::path(post, path = "/api/v1/payments/{id}/refund-requests", tag = "payments", params(("id" = PaymentId, Path)),
    request_body = RefundBody,
    responses((status = 201, body = RefundView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`payment_unknown`"),
        (status = 409, description = "`id_reused`, `payment_not_paid`, `refund_waiting`, `nothing_left`, `refund_too_much`"), Refusals))]
async fn request(
    Shared(site): Shared<Site>,
    SignedIn(person): SignedIn,
    Path(payment): Path<PaymentId>,
    Json(body): Json<RefundBody>,
) -> Result<(StatusCode, Json<RefundView>), Problem> {
    asked(&site, payment, By::Payer(person.id), body).await
}

/// Gives money back of any payment.
#[utoipa::path(post, path = "/api/v1/operator/payments/{id}/refunds", tag = "operator", params(("id" = PaymentId, Path)),
    request_body = RefundBody,
    responses((status = 201, body = RefundView), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 404, description = "`payment_unknown`"),
        (status = 409, description = "`id_reused`, `payment_not_paid`, `nothing_left`, `refund_too_much`"), Refusals))]
async fn give(
    Shared(site): Shared<Site>,
    Operator(operator): Operator,
    Path(payment): Path<PaymentId>,
    Json(body): Json<RefundBody>,
) -> Result<(StatusCode, Json<RefundView>), Problem> {
    asked(&site, payment, By::Operator(operator.id), body).await
}

async fn asked(
    site: &Site,
    payment: PaymentId,
    by: By,
    body: RefundBody,
) -> Result<(StatusCode, Json<RefundView>), Problem> {
    let wanted = Ask {
        id: body.id,
        payment,
        by,
        amount: body.amount,
        reason: text("reason", &body.reason)?,
    };
    let (now, rules) = Rules::now(site);
    let job = JobId::new(now, site.entropy());
    let written = site.store().write(move |tx| ask(tx, &wanted, job, &rules, now));
    let refund = written.await.map_err(ask_problem)?;
    Ok((StatusCode::CREATED, Json(refund.into())))
}

fn text(field: &'static str, text: &str) -> Result<String, Problem> {
    bounded_text(text, 1, REASON_MAX).map_err(|error| Problem::invalid(field, error.to_string()))
}

/// The refunds of one's own payment, newest first.
#[utoipa::path(get, path = "/api/v1/payments/{id}/refunds", tag = "payments", params(("id" = PaymentId, Path)),
    responses((status = 200, body = Page<RefundView>), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`payment_unknown`"), Failures))]
async fn own(
    Shared(site): Shared<Site>,
    SignedIn(person): SignedIn,
    Path(id): Path<PaymentId>,
) -> Result<Json<Page<RefundView>>, Problem> {
    let read = site.store().read(move |db| {
        let payment = payments::payment(db, id)?.filter(|payment| payment.payer == person.id);
        let refunds = payment.map(|payment| of_payment(db, payment.id));
        refunds.transpose()
    });
    let refunds = read.await.map_err(|error: StoreError| Problem::from(error))?;
    let refunds = refunds.ok_or_else(payment_unknown)?;
    Ok(Json(Page::whole(
        refunds.into_iter().map(RefundView::from).collect(),
    )))
}

/// A refund for operators.
#[derive(Serialize, ToSchema)]
struct OperatorRefund {
    refund: RefundView,
    /// What they are called.
    payer: String,
    /// What was paid for: `coins`, `badge` …
    order: String,
    price: Money,
}

impl From<Listed> for OperatorRefund {
    fn from(listed: Listed) -> Self {
        Self {
            refund: listed.refund.into(),
            payer: listed.payer,
            order: listed.order,
            price: Money::new(listed.price),
        }
    }
}

/// Refunds, newest first; with `open` those to decide and those that failed.
#[utoipa::path(get, path = "/api/v1/operator/refunds", tag = "operator", params(ListQuery),
    responses((status = 200, body = Page<OperatorRefund>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), Failures))]
async fn list(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<OperatorRefund>>, Problem> {
    let (open, before, limit) = (query.open, query.before()?, query.limit);
    let read = site
        .store()
        .read(move |db| listed(db, open, before, limit.and_one()));
    let page = Page::of(read.await?, limit, |listed| cursor(listed.refund.asked_at));
    Ok(Json(Page {
        items: page.items.into_iter().map(OperatorRefund::from).collect(),
        next: page.next,
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    grant: bool,
    /// For the payer to read.
    #[schema(min_length = 1, max_length = 500)]
    answer: String,
}

/// Grants or refuses a request.
#[utoipa::path(post, path = "/api/v1/operator/refunds/{id}/decision", tag = "operator", params(("id" = RefundId, Path)),
    request_body = DecisionBody,
    responses((status = 200, body = RefundView), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 404, description = "`refund_unknown`"),
        (status = 409, description = "`refund_decided`, `refund_too_much`"), Refusals))]
async fn answer(
    Shared(site): Shared<Site>,
    Operator(operator): Operator,
    Path(refund): Path<RefundId>,
    Json(body): Json<DecisionBody>,
) -> Result<Json<RefundView>, Problem> {
    let decision = Decision {
        refund,
        operator: operator.id,
        grant: body.grant,
        answer: text("answer", &body.answer)?,
    };
    let (now, rules) = Rules::now(&site);
    let job = JobId::new(now, site.entropy());
    let written = site
        .store()
        .write(move |tx| decide(tx, &decision, job, &rules, now));
    Ok(Json(written.await.map_err(decide_problem)?.into()))
}

fn payment_unknown() -> Problem {
    Problem::not_found("payment_unknown", "There is no such payment")
}

fn too_much(left: i64) -> Problem {
    let (whole, cents, currency) = (left / 100, left % 100, CURRENCY.code());
    Problem::conflict("refund_too_much", "This is more than can be given back")
        .field("amount")
        .detail(format!("{whole}.{cents:02} {currency} can be given back"))
}

fn ledger_refused(error: &busk_ledger::PostError) -> Problem {
    tracing::error!("the ledger refused a refund: {error}");
    Problem::internal()
}

fn ask_problem(error: AskError) -> Problem {
    match error {
        AskError::Store(error) => error.into(),
        AskError::IdReused(_) => {
            Problem::conflict("id_reused", "This id was used for another refund").field("id")
        }
        AskError::PaymentUnknown => payment_unknown(),
        AskError::NotPaid => Problem::conflict("payment_not_paid", "The payment is not paid"),
        AskError::Waiting => Problem::conflict(
            "refund_waiting",
            "A request for this payment waits for the operator already",
        ),
        AskError::NothingLeft => Problem::conflict(
            "nothing_left",
            "Nothing of this payment can be given back: it was given back, or the coins are spent",
        ),
        AskError::Amount => Problem::invalid("amount", "must be positive, and whole coins"),
        AskError::TooMuch { left } => too_much(left),
        AskError::Ledger(error) => ledger_refused(&error),
    }
}

fn decide_problem(error: DecideError) -> Problem {
    match error {
        DecideError::Store(error) => error.into(),
        DecideError::Unknown => Problem::not_found("refund_unknown", "There is no such refund"),
        DecideError::Decided => Problem::conflict("refund_decided", "This request was decided before"),
        DecideError::TooMuch { left } => too_much(left),
        DecideError::Ledger(error) => ledger_refused(&error),
    }
}
