//! A refusal, as RFC 9457 *problem details*.
//!
//! `code` is what programs decide by and never changes; `title` is the same sentence for every problem
//! of that code; `detail` speaks of this one; `field` names the part of the input at fault.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use busk_store::StoreError;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// A refusal on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: Cow<'static, str>,
    detail: Option<String>,
    field: Option<Cow<'static, str>>,
    retry_after_s: Option<u32>,
    wants_bearer: bool,
}

/// A refusal as it is written.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// `/problems/{code}`; programs decide by it.
    #[serde(rename = "type")]
    #[schema(example = "/problems/insufficient_funds")]
    kind: String,
    /// What is wrong, for people.
    title: &'a str,
    /// The HTTP status again.
    status: u16,
    /// What is wrong with this request in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    /// The part of the input at fault, as a path: `name`, `items[2].price`.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// When to try again, in seconds, where that would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u32>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            title: title.into(),
            detail: None,
            field: None,
            retry_after_s: None,
            wants_bearer: false,
        }
    }

    /// 404
    pub fn not_found(code: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, title)
    }

    /// 403
    pub fn forbidden(code: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, title)
    }

    /// 409
    pub fn conflict(code: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, title)
    }

    /// 422: one field cannot be what it is.
    pub fn invalid(field: impl Into<Cow<'static, str>>, why: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "The input is not valid",
        )
        .field(field)
        .detail(why)
    }

    /// 500: our fault; what it was stands in the log.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something broke on our side",
        )
    }

    pub fn field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// When to try again, in seconds.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// A bearer token is what would help (RFC 6750 §3).
    pub fn wants_bearer(mut self) -> Self {
        self.wants_bearer = true;
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn title(&self) -> &str {
        &self.title
    }

    pub fn code(&self) -> &'static str {
        self.code
    }

    fn body(&self) -> ProblemBody<'_> {
        ProblemBody {
            kind: format!("/problems/{}", self.code),
            title: &self.title,
            status: self.status.as_u16(),
            detail: self.detail.as_deref(),
            field: self.field.as_deref(),
            retry_after_s: self.retry_after_s,
        }
    }

    /// As a value, for answers inside a WebSocket.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self.body()).expect("a problem is numbers and text under fixed keys")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "the store is not available");
                Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "The site cannot do this right now",
                )
                .retry_after(1)
            }
            StoreError::Unique(_)
            | StoreError::Constraint(_)
            | StoreError::Conflict(_)
            | StoreError::Broken(_) => {
                tracing::error!(%error, "the store refused");
                Problem::internal()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.to_json().to_string();
        let mut response = (
            self.status,
            [
                (header::CONTENT_TYPE, "application/problem+json"),
                (header::CACHE_CONTROL, "no-store"),
            ],
            body,
        )
            .into_response();
        if let Some(seconds) = self.retry_after_s {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.wants_bearer {
            let challenge = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_rfc_9457_says() {
        let problem = Problem::invalid("pack", "no such pack");
        assert_eq!(
            problem.to_json().to_string(),
            r#"{"detail":"no such pack","field":"pack","status":422,"title":"The input is not valid","type":"/problems/invalid"}"#
        );
        let bare = Problem::not_found("room_unknown", "There is no such room").to_json();
        assert_eq!(bare.get("detail"), None);
    }

    #[test]
    fn an_unavailable_store_says_when_to_come_back() {
        let response = Problem::from(StoreError::Unavailable("full".into())).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert_eq!(Problem::from(StoreError::Broken("x".into())).code(), "internal");
    }
}
