//! The answers that many operations share, for the OpenAPI document:
//! `responses((status = 201, body = Me), Refusals)`.

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::{
    Content, ContentBuilder, KnownFormat, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder,
    SchemaFormat, Type,
};
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

/// Operations that do not take an `Idempotency-Key`: they are for those who have no name yet, or make or end a session,
/// which is not given twice; or providers call them, whose notices have ids of their own.
pub const WITHOUT_KEY: &[&str] = &[
    "/api/v1/demo/enter",
    "/api/v1/guests",
    "/api/v1/providers/sandbox/notices",
    "/api/v1/providers/stripe/notices",
    "/api/v1/setup",
    "/api/v1/sign-in",
    "/api/v1/sign-out",
    "/api/v1/sign-up",
];

const KEY: &str = "Idempotency-Key";

/// Says of every operation that changes something that it takes a key, and what it may answer to one.
pub fn complete_keys(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        if !path.starts_with("/api/v1/") || WITHOUT_KEY.contains(&path.as_str()) {
            continue;
        }
        let operations = [&mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten().for_each(takes_key);
    }
}

fn takes_key(operation: &mut Operation) {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
        .min_length(Some(16))
        .max_length(Some(128));
    let key = ParameterBuilder::new()
        .name(KEY)
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "Names this request: sent again with the same key within 24 hours, it takes effect once and is answered alike.",
        ))
        .schema(Some(schema));
    operation
        .parameters
        .get_or_insert_default()
        .push(RefOr::T(key.build()));
    let answers = &mut operation.responses.responses;
    for (status, description) in [
        ("400", "`idempotency_key_malformed`"),
        ("409", "`idempotency_key_running`, `outcome_unknown`"),
        ("422", "`idempotency_key_reused`"),
        ("429", "`too_many_keys`"),
    ] {
        let (status, answer) = problem((status, description));
        answers.entry(status).or_insert(answer);
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
