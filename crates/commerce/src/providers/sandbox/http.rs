//! The sandbox's pages, its notices' way out, and their way in.

use axum::Form;
use axum::extract::State as Shared;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use busk_api::{Failures, OpenApiRouter, Path, Problem, StatusCode, routes as operations};
use busk_base::JobId;
use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;

use super::{Checkout, NOTICE_JOB, Outcome, PROVIDER, Sandbox, decide, page, sign, verify};
use crate::notices::{self, HearError, Heard};
use crate::providers::Notice;
use crate::rules::Rules;

pub fn routes(sandbox: Sandbox) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(hear))
        .route("/sandbox/checkout/{checkout}", get(show).post(choose))
        .with_state(sandbox)
}

fn unknown() -> Problem {
    Problem::not_found("checkout_unknown", "There is no such checkout")
}

async fn show(
    Shared(sandbox): Shared<Sandbox>,
    Path(checkout): Path<String>,
    headers: HeaderMap,
) -> Result<Html<String>, Problem> {
    let found = sandbox
        .site()
        .store()
        .read(move |db| Checkout::find(db, &checkout))
        .await?;
    let found = found.ok_or_else(unknown)?;
    Ok(Html(page::checkout(
        &found,
        page::Language::of(&headers),
        sandbox.site().now(),
    )))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    outcome: ChosenOutcome,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ChosenOutcome {
    Pay,
    Decline,
}

async fn choose(
    Shared(sandbox): Shared<Sandbox>,
    Path(checkout): Path<String>,
    Form(choice): Form<Choice>,
) -> Result<Response, Problem> {
    let outcome = match choice.outcome {
        ChosenOutcome::Pay => Outcome::Paid,
        ChosenOutcome::Decline => Outcome::Declined,
    };
    let site = sandbox.site();
    let now = site.now();
    let jobs = [(); 3].map(|()| JobId::new(now, site.entropy()));
    let name = checkout.clone();
    let decided = site
        .store()
        .write(move |tx| decide(tx, &name, outcome, jobs, now))
        .await?;
    decided.ok_or_else(unknown)?;
    Ok(Redirect::to(&format!("/sandbox/checkout/{checkout}")).into_response())
}

impl Sandbox {
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
    let now = site.now();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    verify(&sandbox.0.secret, id, at, header("webhook-signature"), &body, now).map_err(|error| {
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
    let (rules, notice_id) = (Rules::of(site), notice.id.clone());
    let heard = site
        .store()
        .write(move |tx| notices::hear(tx, PROVIDER, &notice, &rules, now))
        .await;
    match heard {
        Ok(Heard::SetAside(why)) => tracing::warn!(notice = notice_id, "set aside: {why}"),
        Ok(heard) => tracing::info!(notice = notice_id, ?heard, "heard"),
        Err(HearError::Store(error)) => return Err(error.into()),
        Err(HearError::Ledger(error)) => {
            tracing::error!(notice = notice_id, "the ledger refused: {error}");
            return Err(Problem::internal());
        }
    }
    Ok(StatusCode::NO_CONTENT)
}
