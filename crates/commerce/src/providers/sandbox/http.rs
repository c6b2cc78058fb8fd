//! The sandbox's pages, its notices' way out, and their way in.

use axum::Form;
use axum::extract::State as Shared;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use busk_api::{Failures, OpenApiRouter, Path, Problem, StatusCode, routes as operations};
use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;

use super::card::Card;
use super::checkout::{Act, Checkout, act};
use super::creator::{Account, Answer, answer};
use super::dispute::{self, Dispute, Ended};
use super::{NOTICE_JOB, PROVIDER, Sandbox, page, sign, verify};
use crate::html::Language;
use crate::providers::{Notice, inbox};

pub fn routes(sandbox: Sandbox) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(hear))
        .route("/sandbox/checkout/{checkout}", get(show).post(choose))
        .route("/sandbox/checkout/{checkout}/secure", get(ask).post(confirm))
        .route(
            "/sandbox/checkout/{checkout}/dispute",
            get(show_dispute).post(decide),
        )
        .route("/sandbox/account/{account}", get(show_account).post(say))
        .with_state(sandbox)
}

fn unknown() -> Problem {
    Problem::not_found("checkout_unknown", "There is no such checkout")
}

/// The form's button is none of the page's.
fn no_button(field: &'static str) -> Problem {
    Problem::invalid(field, "there is no such button on this page")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    outcome: String,
}

async fn show(
    Shared(sandbox): Shared<Sandbox>,
    Path(checkout): Path<String>,
    headers: HeaderMap,
) -> Result<Html<String>, Problem> {
    let found = sandbox.find(checkout).await?;
    let (language, now) = (Language::of(&headers), sandbox.site().now());
    Ok(Html(page::checkout(&found, sandbox.0.is_open, language, now)))
}

async fn choose(
    Shared(sandbox): Shared<Sandbox>,
    Path(checkout): Path<String>,
    Form(choice): Form<Choice>,
) -> Result<Response, Problem> {
    let card = Card::parse(&choice.outcome).ok_or_else(|| no_button("outcome"))?;
    let after = sandbox.act(&checkout, Act::Take(card)).await?;
    let step = if after.asks_payer() { "/secure" } else { "" };
    Ok(Redirect::to(&format!("/sandbox/checkout/{checkout}{step}")).into_response())
}

async fn ask(
    Shared(sandbox): Shared<Sandbox>,
    Path(checkout): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = sandbox.find(checkout).await?;
    if !found.asks_payer() || found.is_expired(sandbox.site().now()) {
        return Ok(Redirect::to(&format!("/sandbox/checkout/{}", found.checkout)).into_response());
    }
    Ok(Html(page::bank(&found, Language::of(&headers))).into_response())
}

async fn confirm(
    Shared(sandbox): Shared<Sandbox>,
    Path(checkout): Path<String>,
    Form(choice): Form<Choice>,
) -> Result<Response, Problem> {
    let said = match choice.outcome.as_str() {
        "confirm" => Act::Confirm,
        "refuse" => Act::Refuse,
        _ => return Err(no_button("outcome")),
    };
    sandbox.act(&checkout, said).await?;
    Ok(Redirect::to(&format!("/sandbox/checkout/{checkout}")).into_response())
}

async fn show_dispute(
    Shared(sandbox): Shared<Sandbox>,
    Path(checkout): Path<String>,
    headers: HeaderMap,
) -> Result<Html<String>, Problem> {
    let (found, now) = (sandbox.find(checkout).await?, sandbox.site().now());
    let payment = found.payment;
    let disputed = sandbox
        .site()
        .store()
        .read(move |db| Dispute::of(db, payment))
        .await?;
    let disputed = disputed.ok_or_else(dispute_unknown)?;
    Ok(Html(page::dispute(
        &found,
        &disputed,
        Language::of(&headers),
        now,
    )))
}

async fn decide(
    Shared(sandbox): Shared<Sandbox>,
    Path(checkout): Path<String>,
    Form(choice): Form<Choice>,
) -> Result<Response, Problem> {
    let ended = match choice.outcome.as_str() {
        "won" => Ended::Won,
        "lost" => Ended::Lost,
        _ => return Err(no_button("outcome")),
    };
    let (found, now) = (sandbox.find(checkout).await?, sandbox.site().now());
    let decided = sandbox
        .site()
        .store()
        .write(move |tx| dispute::decide(tx, found.payment, ended, now));
    decided.await?.ok_or_else(dispute_unknown)?;
    Ok(Redirect::to(&format!("/sandbox/checkout/{}/dispute", found.checkout)).into_response())
}

fn dispute_unknown() -> Problem {
    Problem::not_found("dispute_unknown", "This payment is not disputed")
}

async fn show_account(
    Shared(sandbox): Shared<Sandbox>,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Html<String>, Problem> {
    let found = sandbox
        .site()
        .store()
        .read(move |db| Account::find(db, &account))
        .await?;
    Ok(Html(page::creator(
        &found.ok_or_else(account_unknown)?,
        Language::of(&headers),
    )))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    answer: String,
}

async fn say(
    Shared(sandbox): Shared<Sandbox>,
    Path(account): Path<String>,
    Form(said): Form<Said>,
) -> Result<Response, Problem> {
    let said = Answer::parse(&said.answer).ok_or_else(|| no_button("answer"))?;
    let (name, now) = (account.clone(), sandbox.site().now());
    let answered = sandbox
        .site()
        .store()
        .write(move |tx| answer(tx, &name, said, now));
    answered.await?.ok_or_else(account_unknown)?;
    Ok(Redirect::to(&format!("/sandbox/account/{account}")).into_response())
}

fn account_unknown() -> Problem {
    Problem::not_found("account_unknown", "There is no such creator")
}

impl Sandbox {
    async fn find(&self, checkout: String) -> Result<Checkout, Problem> {
        let found = self.site().store().read(move |db| Checkout::find(db, &checkout));
        found.await?.ok_or_else(unknown)
    }

    async fn act(&self, checkout: &str, said: Act) -> Result<Checkout, Problem> {
        if !self.0.is_open {
            return self.find(checkout.to_owned()).await;
        }
        let (name, now) = (checkout.to_owned(), self.site().now());
        let acted = self.site().store().write(move |tx| act(tx, &name, said, now));
        acted.await?.ok_or_else(unknown)
    }

    /// Does a [`NOTICE_JOB`]: delivers one notice, signed, over HTTP like any provider.
    pub async fn deliver(&self, job: &busk_store::jobs::Job) -> Result<(), String> {
        debug_assert_eq!(job.kind, NOTICE_JOB);
        let notice: Notice = serde_json::from_str(&job.body).map_err(|e| e.to_string())?;
        let now = self.site().now();
        let signature = sign(&self.0.secret, &notice.id, now, job.body.as_bytes());
        let answer = self
            .0
            .client
            .post(&self.0.notices_url)
            .header("content-type", "application/json")
            .header("webhook-id", &notice.id)
            .header("webhook-timestamp", now.unix_s().to_string())
            .header("webhook-signature", signature)
            .body(job.body.clone())
            .send()
            .await
            .map_err(|e| e.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("the notice was answered with {}", answer.status()));
        }
        let id = job.id;
        let done = self
            .site()
            .store()
            .write(move |tx| busk_store::jobs::done(tx, id))
            .await;
        done.map_err(|e: busk_store::StoreError| e.to_string())
    }
}

/// Takes a notice of the sandbox: signed as Standard Webhooks are, believed once.
#[utoipa::path(post, path = "/api/v1/providers/sandbox/notices", tag = "providers",
    request_body(content = String, content_type = "application/json"),
    responses((status = 204, description = "heard"), (status = 400, description = "`malformed`"),
        (status = 401, description = "`signature_wrong`"), Failures))]
async fn hear(
    Shared(sandbox): Shared<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let site = sandbox.site();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    let signature = header("webhook-signature");
    verify(&sandbox.0.secret, id, at, signature, &body, site.now()).map_err(|error| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "signature_wrong",
            "The notice is not signed by the provider",
        )
        .detail(error.to_string())
    })?;
    let notice: Notice = serde_json::from_slice(&body).map_err(|e| {
        Problem::new(StatusCode::BAD_REQUEST, "malformed", "The notice cannot be read").detail(e.to_string())
    })?;
    inbox::hear(site, PROVIDER, notice).await?;
    Ok(StatusCode::NO_CONTENT)
}
