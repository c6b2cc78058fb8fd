//! Extractors. Each refuses with a [`Problem`] that names the field at fault.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Problem;

/// The largest JSON body, in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// A JSON body, read or written.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "The body must be JSON, with the content type application/json",
            ));
        }
        let body = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX)
            .await
            .map_err(|error| body_problem(&error))?;
        parse(&body).map(Json)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                Problem::internal().into_response()
            }
        }
    }
}

pub(crate) fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        "The body is too large",
    )
}

/// A body that could not be read: too large, or the connection broke.
fn body_problem(error: &axum::Error) -> Problem {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return too_large();
        }
        cause = error.source();
    }
    Problem::new(
        StatusCode::BAD_REQUEST,
        "body_unreadable",
        "The body did not arrive whole",
    )
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()) else {
        return false;
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut source = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut source).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        let why = without_position(&error);
        let field = field(&path, &why);
        let problem = match error.classify() {
            serde_json::error::Category::Data => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                "The input is not valid",
            ),
            _ => malformed(),
        };
        with_field(problem.detail(why), field)
    })?;
    source
        .end()
        .map_err(|error| malformed().detail(without_position(&error)))?;
    Ok(read)
}

fn malformed() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed", "The body is not JSON")
}

fn with_field(problem: Problem, field: Option<String>) -> Problem {
    match field {
        Some(field) => problem.field(field),
        None => problem,
    }
}

/// The message without " at line 1 column 9", which says nothing to who did not write the JSON by hand.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((why, _)) => why.to_owned(),
        None => text,
    }
}

/// Where it went wrong; a missing or unknown field is named by the message, not by the path.
fn field(path: &str, why: &str) -> Option<String> {
    let parent = if path == "." { "" } else { path };
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|start| why.strip_prefix(start)?.split('`').next());
    match (parent, named) {
        ("", None) => None,
        ("", Some(name)) => Some(name.to_owned()),
        (path, None) => Some(path.to_owned()),
        // The path of an unknown field already ends in it.
        (path, Some(name)) if path.split('.').next_back() == Some(name) => Some(path.to_owned()),
        (path, Some(name)) => Some(format!("{path}.{name}")),
    }
}

/// Parts of the path. What does not parse names nothing that exists: 404.
#[derive(Debug, Clone)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Path(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                let problem = Problem::not_found("not_found", "There is nothing at this address");
                Err(match error.into_kind() {
                    ErrorKind::ParseErrorAtKey { key, .. } | ErrorKind::DeserializeError { key, .. } => {
                        problem.field(key)
                    }
                    _ => problem,
                })
            }
            Err(error) => {
                tracing::error!(%error, "a route and its handler disagree about the path");
                Err(Problem::internal())
            }
        }
    }
}

/// The query of the address.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let source = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(source)
            .map(Query)
            .map_err(|error| {
                let path = error.path().to_string();
                let why = error.into_inner().to_string();
                let field = field(&path, &why);
                let problem = Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "invalid",
                    "The input is not valid",
                );
                with_field(problem.detail(why), field)
            })
    }
}

#[cfg(test)]
mod tests;
