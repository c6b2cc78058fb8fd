//! The answers that many operations share, for the OpenAPI document:
//! `responses((status = 201, body = Me), Refusals)`.

use std::collections::BTreeMap;

use utoipa::openapi::{Content, ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::ProblemBody;

/// What any operation may answer when the site itself fails: 500, 503.
pub struct Failures;

/// What any operation that takes a body may answer before it runs: 400, 403 (foreign origin), 413, 415,
/// 422, and the failures.
pub struct Refusals;

const FAILURES: [(&str, &str); 2] = [
    ("500", "`internal`: something broke on our side"),
    (
        "503",
        "`unavailable`: try again after the time given in Retry-After",
    ),
];

const REFUSALS: [(&str, &str); 5] = [
    ("400", "`malformed`: the body is not JSON"),
    ("403", "`foreign_origin`: another site's page may not do this"),
    ("413", "`body_too_large`"),
    ("415", "`not_json`"),
    ("422", "`invalid`: `field` names what is wrong"),
];

impl IntoResponses for Failures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        FAILURES.into_iter().map(problem).collect()
    }
}

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        FAILURES.into_iter().chain(REFUSALS).map(problem).collect()
    }
}

/// Makes true of a whole document what is true of the program: any operation may fail, and whatever is
/// refused is answered with a problem.
pub fn complete(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
            &mut item.options,
        ];
        for operation in operations.into_iter().flatten() {
            let answers = &mut operation.responses.responses;
            for (status, answer) in FAILURES.into_iter().map(problem) {
                answers.entry(status).or_insert(answer);
            }
            for (status, answer) in answers {
                if let RefOr::T(answer) = answer
                    && status.as_str() >= "400"
                    && answer.content.is_empty()
                {
                    answer.content.insert(PROBLEM_JSON.to_owned(), content().into());
                }
            }
        }
    }
}

const PROBLEM_JSON: &str = "application/problem+json";

fn content() -> Content {
    let schema = Ref::from_schema_name(ProblemBody::name());
    ContentBuilder::new().schema(Some(schema)).build()
}

fn problem((status, description): (&str, &str)) -> (String, RefOr<Response>) {
    let response = ResponseBuilder::new()
        .description(description)
        .content(PROBLEM_JSON, content())
        .build();
    (status.to_owned(), response.into())
}

/// The shared schemas, by name, which the answers above refer to.
pub fn schemas() -> Vec<(String, RefOr<utoipa::openapi::Schema>)> {
    vec![(ProblemBody::name().into_owned(), ProblemBody::schema())]
}
