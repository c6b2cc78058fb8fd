//! Payments over HTTP: one's own, where each is, and its receipt. The operator may see any.

use axum::extract::State as Shared;
use axum::response::{Html, IntoResponse, Response};
use busk_api::{
    Failures, Json, OpenApiRouter, Page, PageQuery, Path, Problem, Query, Site, routes as operations,
};
use busk_base::{PaymentId, Timestamp};
use busk_people::{ChannelRef, Person, Role, SignedIn};
use busk_store::StoreError;
use http::HeaderMap;
use http::header::CACHE_CONTROL;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::receipt::{self, Receipt};
use super::{Before, Entry, Money, Order, PaymentState, entry, payments_of};
use crate::html::Language;
use crate::refunds::RefundState;

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(list))
        .routes(operations!(show))
        .routes(operations!(receipt_page))
        .with_state(site)
}

/// A payment, as its payer sees it.
#[derive(Serialize, ToSchema)]
struct PaymentView {
    id: PaymentId,
    /// What it is for.
    order: Order,
    /// Of an order of coins.
    coins: Option<CoinsOrdered>,
    /// Whose it is: the channel of the badge, the ticket or the subscription. Coins are for nobody yet.
    channel: Option<ChannelRef>,
    state: PaymentState,
    price: Money,
    /// What was given back of the price.
    refunded: Money,
    /// What became of the money that was asked for last, or given back by a rule.
    refund: Option<PaymentRefund>,
    provider: String,
    /// Where to pay, as long as it can be paid.
    checkout_url: Option<String>,
    created_at: Timestamp,
    /// Until when it can be paid.
    expires_at: Timestamp,
    /// When it was paid, declined, or could no longer be paid.
    settled_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
struct PaymentRefund {
    state: RefundState,
    amount: Money,
    /// The operator's answer, or why it failed.
    answer: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct CoinsOrdered {
    coins: i64,
    promotional: i64,
}

impl PaymentView {
    fn new(entry: Entry, now: Timestamp) -> Self {
        let Entry {
            payment,
            coins,
            channel,
            taxed: _,
            back,
        } = entry;
        let open = payment.state == PaymentState::Pending && now < payment.expires_at;
        let money = |amount| Money {
            amount,
            currency: payment.currency.clone(),
        };
        Self {
            id: payment.id,
            order: payment.order,
            coins: coins.map(|order| CoinsOrdered {
                coins: order.coins,
                promotional: order.promotional,
            }),
            channel,
            state: payment.state,
            price: money(payment.price),
            refunded: money(payment.refunded),
            refund: back.map(|back| PaymentRefund {
                state: back.state,
                amount: money(back.amount),
                answer: back.answer,
            }),
            provider: payment.provider,
            checkout_url: payment.checkout_url.filter(|_| open),
            created_at: payment.created_at,
            expires_at: payment.expires_at,
            settled_at: payment.settled_at,
        }
    }
}

/// One's own payments, newest first.
#[utoipa::path(get, path = "/api/v1/payments", tag = "payments", params(PageQuery),
    responses((status = 200, body = Page<PaymentView>), (status = 401, description = "`sign_in_needed`"), Failures))]
async fn list(
    Shared(site): Shared<Site>,
    SignedIn(person): SignedIn,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<PaymentView>>, Problem> {
    let before = match &page.cursor {
        None => Before::NEWEST,
        Some(cursor) => {
            Before::parse(cursor).ok_or_else(|| Problem::invalid("cursor", "is not one of this list"))?
        }
    };
    let (limit, now) = (page.limit, site.now());
    let read = site
        .store()
        .read(move |db| payments_of(db, person.id, before, limit));
    let Page { items, next } = Page::of(read.await?, limit, Before::cursor);
    let items = items.into_iter().map(|entry| PaymentView::new(entry, now));
    Ok(Json(Page {
        items: items.collect(),
        next,
    }))
}

/// A payment of one's own.
#[utoipa::path(get, path = "/api/v1/payments/{id}", tag = "payments", params(("id" = PaymentId, Path)),
    responses((status = 200, body = PaymentView), (status = 401, description = "`sign_in_needed`"),
        (status = 404, description = "`payment_unknown`"), Failures))]
async fn show(
    Shared(site): Shared<Site>,
    SignedIn(person): SignedIn,
    Path(id): Path<PaymentId>,
) -> Result<Json<PaymentView>, Problem> {
    let read = site.store().read(move |db| entry(db, id));
    let entry = shown_to(&person, read.await?)?;
    Ok(Json(PaymentView::new(entry, site.now())))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReceiptQuery {
    /// The language of the page; else the browser's.
    #[param(inline)]
    lang: Option<Language>,
}

/// The receipt of a payment, as a page to be printed.
#[utoipa::path(get, path = "/api/v1/payments/{id}/receipt", tag = "payments",
    params(("id" = PaymentId, Path), ReceiptQuery),
    responses((status = 200, body = String, content_type = "text/html"),
        (status = 401, description = "`sign_in_needed`"), (status = 404, description = "`payment_unknown`"),
        (status = 409, description = "`not_paid`"), Failures))]
async fn receipt_page(
    Shared(site): Shared<Site>,
    SignedIn(person): SignedIn,
    Path(id): Path<PaymentId>,
    Query(query): Query<ReceiptQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let read = site.store().read(move |db| {
        db.snapshot(|db| {
            let entry = entry(db, id)?;
            let payer = match &entry {
                Some(entry) => busk_people::person(db, entry.payment.payer)?,
                None => None,
            };
            Ok::<_, StoreError>((entry, payer))
        })
    });
    let (entry, payer) = read.await?;
    let entry = shown_to(&person, entry)?;
    if entry.payment.state != PaymentState::Paid {
        return Err(Problem::conflict(
            "not_paid",
            "There is a receipt once it is paid",
        ));
    }
    let receipt = Receipt {
        site: site.public_url(),
        payer: payer.as_ref().ok_or_else(Problem::internal)?,
        tax: entry.tax(&site.policy()),
        entry: &entry,
    };
    let language = query.lang.unwrap_or_else(|| Language::of(&headers));
    let page = Html(receipt::page(&receipt, language));
    Ok(([(CACHE_CONTROL, "private, no-store")], page).into_response())
}

/// To others a payment does not exist.
fn shown_to(person: &Person, entry: Option<Entry>) -> Result<Entry, Problem> {
    entry
        .filter(|entry| entry.payment.payer == person.id || person.role == Role::Operator)
        .ok_or_else(|| Problem::not_found("payment_unknown", "There is no such payment"))
}
