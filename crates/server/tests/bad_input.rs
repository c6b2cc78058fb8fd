//! Bad input to every operation of the OpenAPI document that changes something: a problem that says what
//! is wrong, never a server error, and nothing changed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::each_db;
use reqwest::Method;
use serde_json::{Map, Value, json};

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const UNKNOWN: &str = "01980000-0000-7000-8000-000000000000";
/// More than any body may have.
const OVERSIZED: usize = 80 * 1024;

/// One operation, as the document has it.
struct Operation {
    method: Method,
    path: String,
    /// The kind of its body, if it has one.
    content: Option<String>,
    /// The properties of its JSON body, and those of them that must be there.
    properties: Map<String, Value>,
    required: Vec<Value>,
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if !matches!(method.as_str(), "post" | "put" | "patch" | "delete") {
                continue;
            }
            let body = operation["requestBody"]["content"].as_object();
            let (content, schema) = body.and_then(|body| body.iter().next()).unzip();
            let named = schema.and_then(|body| body["schema"]["$ref"].as_str());
            let schema =
                named.map(|name| &document["components"]["schemas"][name.rsplit('/').next().unwrap()]);
            let schema = schema.cloned().unwrap_or_default();
            found.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                content: content.cloned(),
                properties: schema["properties"].as_object().cloned().unwrap_or_default(),
                required: schema["required"].as_array().cloned().unwrap_or_default(),
            });
        }
    }
    found
}

/// A value that no property of that schema can have.
fn wrong(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("integer") => json!("many"),
        _ => json!({"not": "this"}),
    }
}

impl Operation {
    fn with(&self, room: &str, message: &str) -> String {
        let path = self.path.replace("{room}", room).replace("{message}", message);
        path.replace("{handle}", "nobody_here")
            .replace("{session}", "none")
    }

    fn takes_fields(&self) -> bool {
        !self.properties.is_empty()
    }

    async fn ask(&self, who: &Browser, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let mut request = who.request(self.method.clone(), path).body(body);
        if let Some(content) = &self.content {
            request = request.header("content-type", content);
        }
        self.refused(Answer::of(request).await)
    }

    /// Whatever it is, it is a refusal that a program can read.
    #[track_caller]
    fn refused(&self, answer: Answer) -> Answer {
        let (method, path) = (&self.method, &self.path);
        let status = answer.status;
        assert!(
            status.is_client_error(),
            "{method} {path}: {status} {:#}",
            answer.body
        );
        let content = answer
            .headers
            .get("content-type")
            .map(|value| value.to_str().unwrap());
        assert_eq!(
            content,
            Some("application/problem+json"),
            "{method} {path} {status}"
        );
        assert_eq!(answer.body["status"], status.as_u16(), "{method} {path}");
        for member in ["type", "title"] {
            assert!(
                answer.body[member].is_string(),
                "{method} {path}: {:#}",
                answer.body
            );
        }
        answer
    }

    #[track_caller]
    fn says(&self, answer: &Answer, status: u16, code: &str, field: Option<&str>) {
        let about = format!("{} {}: {:#}", self.method, self.path, answer.body);
        assert_eq!(answer.status.as_u16(), status, "{about}");
        assert_eq!(answer.body["type"], format!("/problems/{code}"), "{about}");
        if field.is_some() {
            assert_eq!(answer.body["field"].as_str(), field, "{about}");
        }
    }

    /// Wrong, unknown and missing fields are named.
    async fn fields(&self, who: &Browser, path: &str) {
        for (name, schema) in &self.properties {
            let body = json!({ name: wrong(schema) }).to_string();
            let answer = self.ask(who, path, body).await;
            self.says(&answer, 422, "invalid", Some(name));
        }
        let answer = self.ask(who, path, r#"{"surprise":1}"#).await;
        self.says(&answer, 422, "invalid", Some("surprise"));
        if !self.required.is_empty() {
            let answer = self.ask(who, path, "{}").await;
            self.says(&answer, 422, "invalid", None);
            assert!(self.required.contains(&answer.body["field"]), "{:#}", answer.body);
        }
        for malformed in ["{", "", "{} {}", "\u{0}", "{\"a\":\"\\ud800\"}"] {
            let answer = self.ask(who, path, malformed).await;
            assert!(
                matches!(answer.status.as_u16(), 400 | 422),
                "{malformed:?}: {:#}",
                answer.body
            );
        }
        self.says(&self.ask(who, path, "{").await, 400, "malformed", None);
        let request = who.request(self.method.clone(), path).body("{}");
        let answer = self.refused(Answer::of(request).await);
        self.says(&answer, 415, "not_json", None);
    }
}

each_db!(nothing_comes_of_bad_input, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (host, eve) = (app.sign_up("host").await, app.sign_up("eve").await);
    let room = host
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201)
        .text("id");
    let document = app.nobody().get("/api/openapi.json").await.is(200).body;
    let operations = operations(&document);
    assert!(operations.len() >= 20, "only {} operations", operations.len());
    let before = app.db.row_counts().await;
    let shown = eve.get(&format!("/api/v1/rooms/{room}")).await.body;

    for operation in &operations {
        let path = operation.with(&room, UNKNOWN);
        let foreign = eve
            .request(operation.method.clone(), &path)
            .header("origin", "https://evil.example");
        let answer = operation.refused(Answer::of(foreign).await);
        operation.says(&answer, 403, "foreign_origin", None);

        if operation.takes_fields() {
            operation.fields(&eve, &path).await;
        }
        if operation.content.is_some() {
            // Whoever sends too much may find the connection closed after the answer.
            let oversized = eve
                .request(operation.method.clone(), &path)
                .header("connection", "close")
                .header("content-type", operation.content.as_deref().unwrap())
                .body(vec![b'x'; OVERSIZED]);
            let answer = operation.refused(Answer::of(oversized).await);
            operation.says(&answer, 413, "body_too_large", None);
            operation.ask(&eve, &path, "garbage").await;
            operation.ask(&eve, &path, vec![0xff, 0xfe, 0]).await;
        } else if operation.path.contains('{') {
            // Without a body only the address can be wrong: an unknown room, message, handle, session.
            operation.ask(&eve, &operation.with(UNKNOWN, UNKNOWN), "").await;
            operation.ask(&eve, &path, "").await;
        }
        if operation.path.contains("{room}") {
            for id in ["1", "%00", "..%2f..", "x".repeat(300).as_str()] {
                let answer = operation.ask(&eve, &operation.with(id, UNKNOWN), "{}").await;
                assert_eq!(answer.status, 404, "{} {id}: {:#}", operation.path, answer.body);
            }
        }
    }

    assert_eq!(app.db.row_counts().await, before, "nothing changed");
    assert_eq!(eve.get(&format!("/api/v1/rooms/{room}")).await.body, shown);
    assert_eq!(app.audit(), Ok(()));
});

/// Fields that have the right type and a value that is not allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_out_of_bounds_are_named() {
    let app = TestApp::start(BUSK, busk_testkit::db::TestDb::sqlite()).await;
    let eve = app.sign_up("eve").await;
    let before = app.db.row_counts().await;
    let long = "x".repeat(1_000);
    let person = |handle: &str, name: &str, password: &str| json!({"handle": handle, "display_name": name, "password": password});
    let gift = |count: i64| json!({"id": UNKNOWN, "kind": "rose", "count": count});
    let buy = |pack: &str, to: &str| json!({"id": UNKNOWN, "pack": pack, "return_to": to});
    let gifts = format!("/api/v1/rooms/{UNKNOWN}/gifts");
    let table = [
        (
            "/api/v1/sign-up",
            person("a", "A", "correct horse"),
            422,
            Some("handle"),
        ),
        (
            "/api/v1/sign-up",
            person("a b c", "A", "correct horse"),
            422,
            Some("handle"),
        ),
        (
            "/api/v1/sign-up",
            person("bea", "", "correct horse"),
            422,
            Some("display_name"),
        ),
        (
            "/api/v1/sign-up",
            person("bea", &long, "correct horse"),
            422,
            Some("display_name"),
        ),
        (
            "/api/v1/sign-up",
            person("bea", "B", "short"),
            422,
            Some("password"),
        ),
        (
            "/api/v1/sign-up",
            person("bea", "B", &long),
            422,
            Some("password"),
        ),
        (
            "/api/v1/sign-up",
            person("eve", "E", "correct horse"),
            409,
            Some("handle"),
        ),
        ("/api/v1/rooms", json!({"title": ""}), 422, Some("title")),
        ("/api/v1/rooms", json!({"title": long}), 422, Some("title")),
        (
            "/api/v1/rooms",
            json!({"title": "a\u{202e}b"}),
            422,
            Some("title"),
        ),
        (
            "/api/v1/rooms",
            json!({"title": "a", "scheduled_at": "2001-01-01T00:00:00Z"}),
            422,
            Some("scheduled_at"),
        ),
        (
            "/api/v1/rooms",
            json!({"title": "a", "scheduled_at": "soon"}),
            422,
            Some("scheduled_at"),
        ),
        ("/api/v1/coin-purchases", buy("coins-1", "/"), 422, Some("pack")),
        (
            "/api/v1/coin-purchases",
            buy("coins-70", "//evil.example"),
            422,
            Some("return_to"),
        ),
        (
            "/api/v1/coin-purchases",
            buy("coins-70", "https://evil.example"),
            422,
            Some("return_to"),
        ),
        (
            "/api/v1/coin-purchases",
            buy("coins-70", "/\\evil.example"),
            422,
            Some("return_to"),
        ),
        (
            "/api/v1/earnings/redeem",
            json!({"id": UNKNOWN, "diamonds": 0}),
            422,
            Some("diamonds"),
        ),
        (
            "/api/v1/earnings/redeem",
            json!({"id": UNKNOWN, "diamonds": -5}),
            422,
            Some("diamonds"),
        ),
        (
            "/api/v1/earnings/redeem",
            json!({"id": UNKNOWN, "diamonds": i64::MAX}),
            402,
            Some("diamonds"),
        ),
        (gifts.as_str(), gift(1), 404, None),
        (gifts.as_str(), gift(i64::MAX), 404, None),
    ];
    for (path, body, status, field) in table {
        let answer = eve.post(path, body.clone()).await.is(status);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(
            answer.body["field"].as_str(),
            field,
            "{path} {body}: {:#}",
            answer.body
        );
    }
    assert_eq!(app.db.row_counts().await, before, "nothing changed");
}
