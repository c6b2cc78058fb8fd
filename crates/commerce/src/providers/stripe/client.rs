//! Requests to Stripe: forms out, JSON in.
//!
//! Invariant: an answer is read up to a bound; what may be asked again is told from what is refused for good.

use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::config::StripeConfig;
use super::event::Mode;
use super::{API_VERSION, PROVIDER};
use crate::providers::{ProviderError, outgoing};

/// A page of a hundred balance transactions, each with its source, is some 500 kB.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Names and values of a form; what is nested is written as Stripe does it: `metadata[payment]`.
pub(super) type Form<'a> = Vec<(&'a str, String)>;

pub(super) struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
    mode: Mode,
}

/// Stripe's words for what went wrong.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Complaint {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    /// There when a card was asked: what came of it is also said by an event.
    #[serde(default)]
    pub(super) payment_intent: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Complaints {
    error: Complaint,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// 402: a card's bank said no.
    Card(Complaint),
    Provider(ProviderError),
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Failure::Provider(error)
    }
}

impl From<Failure> for ProviderError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Card(complaint) => ProviderError::Refused(complaint.to_string()),
            Failure::Provider(error) => error,
        }
    }
}

impl std::fmt::Display for Complaint {
    /// The code, for programs and people; Stripe's message says more, and never holds a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.code.as_deref().unwrap_or(&self.kind);
        f.write_str(if code.is_empty() { "unknown" } else { code })?;
        match &self.message {
            Some(message) => write!(f, ": {}", message.chars().take(300).collect::<String>()),
            None => Ok(()),
        }
    }
}

impl Client {
    pub(super) fn new(config: &StripeConfig) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: outgoing::client()?,
            url: config.url.clone(),
            key: config.secret_key.clone(),
            mode: config.mode,
        })
    }

    /// Asks for a change. `key` makes the same asked again the same: Stripe keeps it for a day at least.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        key: &str,
        form: &Form<'_>,
    ) -> Result<T, Failure> {
        let request = self.http.post(format!("{}{path}", self.url));
        self.ask(request.header("idempotency-key", key).form(form)).await
    }

    /// `query` is written into the address, its brackets and all.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &str) -> Result<T, Failure> {
        self.ask(self.http.get(format!("{}{path}?{query}", self.url)))
            .await
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let request = request
            .bearer_auth(&self.key)
            .header("stripe-version", API_VERSION);
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let body = read(answer).await?;
        if !status.is_success() {
            return Err(failure(status, &body));
        }
        let unread =
            |why: String| ProviderError::Unavailable(format!("an answer that cannot be read: {why}"));
        let value: Value = serde_json::from_slice(&body).map_err(|e| unread(e.to_string()))?;
        if let Some(live) = value.get("livemode").and_then(Value::as_bool)
            && Mode::of(live) != self.mode
        {
            return Err(ProviderError::Refused("livemode: the answer is of the other mode".into()).into());
        }
        Ok(serde_json::from_value(value).map_err(|e| unread(e.to_string()))?)
    }
}

fn unreachable(error: reqwest::Error) -> ProviderError {
    // Without the address: what was asked for is nobody's in a log.
    ProviderError::Unavailable(error.without_url().to_string())
}

async fn read(mut answer: Response) -> Result<Vec<u8>, ProviderError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(ProviderError::Unavailable("an answer that is too long".into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What an error means (<https://docs.stripe.com/api/errors>).
fn failure(status: StatusCode, body: &[u8]) -> Failure {
    let complaint = serde_json::from_slice::<Complaints>(body).map(|said| said.error);
    let complaint = complaint.unwrap_or_default();
    let why = format!("{}: {complaint}", status.as_u16());
    match status {
        StatusCode::PAYMENT_REQUIRED => Failure::Card(complaint),
        // A key that is wrong or may too little is the operator's to mend; nothing is given up for it.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            tracing::error!(provider = PROVIDER, "the secret key is not accepted: {why}");
            ProviderError::Unavailable(why).into()
        }
        // Asked twice at once under one key, or a lock that another request holds.
        StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => ProviderError::Unavailable(why).into(),
        status if status.is_client_error() => ProviderError::Refused(complaint.to_string()).into(),
        // 5xx; and redirects, which are not followed.
        _ => ProviderError::Unavailable(why).into(),
    }
}
