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
            let schema = schema.map(|body| referred(document, &body["schema"]));
            let schema = schema.cloned().unwrap_or_default();
            let properties = schema["properties"].as_object().into_iter().flatten();
            found.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                content: content.cloned(),
                properties: properties
                    .map(|(name, property)| (name.clone(), referred(document, property).clone()))
                    .collect(),
                required: schema["required"].as_array().cloned().unwrap_or_default(),
            });
        }
    }
    found
}

/// A schema, or the one that it refers to.
fn referred<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        Some(name) => &document["components"]["schemas"][name],
        None => schema,
    }
}

/// A value that no property of that schema can have.
fn wrong(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("integer" | "object") => json!("many"),
        _ => json!({"not": "this"}),
    }
}

impl Operation {
    fn with(&self, room: &str, message: &str) -> String {
        let path = self.path.replace("{room}", room).replace("{message}", message);
        let path = path
            .replace("{handle}", "nobody_here")
            .replace("{version}", "7")
            .replace("{kind}", "goal");
        // Whatever else there is, is unknown.
        path.split('/')
            .map(|part| if part.starts_with('{') { UNKNOWN } else { part })
            .collect::<Vec<_>>()
            .join("/")
    }

    fn is_for_operators(&self) -> bool {
        self.path.starts_with("/api/v1/operator/")
    }

    /// What other sites' pages may use, as strangers.
    fn is_for_all_origins(&self) -> bool {
        let starts = ["/whip/", "/whep/", "/webrtc/"];
        starts.iter().any(|start| self.path.starts_with(start))
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
            self.says(&answer, 422, "invalid", None);
            // Of what has fields itself, one of them.
            let field = answer.body["field"].as_str().unwrap_or_default();
            let named = field.split('.').next() == Some(name);
            assert!(named, "{} {name}: {:#}", self.path, answer.body);
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
    let operator = app.sign_up("olga").await;
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'olga'")
        .await;
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
        if !operation.is_for_all_origins() {
            operation.says(&answer, 403, "foreign_origin", None);
        }

        let who = if operation.is_for_operators() {
            let answer = operation.ask(&eve, &path, "{}").await;
            operation.says(&answer, 403, "operator_needed", None);
            &operator
        } else {
            &eve
        };
        if operation.takes_fields() {
            operation.fields(who, &path).await;
        }
        if operation.content.is_some() {
            // Whoever sends too much may find the connection closed after the answer.
            let oversized = who
                .request(operation.method.clone(), &path)
                .header("connection", "close")
                .header("content-type", operation.content.as_deref().unwrap())
                .body(vec![b'x'; OVERSIZED]);
            let answer = operation.refused(Answer::of(oversized).await);
            operation.says(&answer, 413, "body_too_large", None);
            operation.ask(who, &path, "garbage").await;
            operation.ask(who, &path, vec![0xff, 0xfe, 0]).await;
        } else if operation.path.contains('{') {
            // Without a body only the address can be wrong: an unknown room, message, handle, session.
            operation.ask(who, &operation.with(UNKNOWN, UNKNOWN), "").await;
            operation.ask(who, &path, "").await;
        }
        if operation.path.contains("{room}") {
            for id in ["1", "%00", "..%2f..", "x".repeat(300).as_str()] {
                let answer = operation.ask(who, &operation.with(id, UNKNOWN), "{}").await;
                assert_eq!(answer.status, 404, "{} {id}: {:#}", operation.path, answer.body);
            }
        }
    }

    assert_eq!(app.db.row_counts().await, before, "nothing changed");
    assert_eq!(eve.get(&format!("/api/v1/rooms/{room}")).await.body, shown);
    assert_eq!(app.audit(), Ok(()));
});

/// Fields of the right type with a value that is not allowed: `PATH BODY -> STATUS FIELD`.
const OUT_OF_BOUNDS: &str = r#"
    /api/v1/sign-up {"handle":"a","display_name":"A","password":"correct horse"} -> 422 handle
    /api/v1/sign-up {"handle":"a b c","display_name":"A","password":"correct horse"} -> 422 handle
    /api/v1/sign-up {"handle":"bea","display_name":"","password":"correct horse"} -> 422 display_name
    /api/v1/sign-up {"handle":"bea","display_name":"LONG","password":"correct horse"} -> 422 display_name
    /api/v1/sign-up {"handle":"bea","display_name":"B","password":"short"} -> 422 password
    /api/v1/sign-up {"handle":"bea","display_name":"B","password":"LONG"} -> 422 password
    /api/v1/sign-up {"handle":"eve","display_name":"E","password":"correct horse"} -> 409 handle
    /api/v1/rooms {"title":""} -> 422 title
    /api/v1/rooms {"title":"LONG"} -> 422 title
    /api/v1/rooms {"title":"a\u202eb"} -> 422 title
    /api/v1/rooms {"title":"a","scheduled_at":"2001-01-01T00:00:00Z"} -> 422 scheduled_at
    /api/v1/rooms {"title":"a","scheduled_at":"soon"} -> 422 scheduled_at
    /api/v1/coin-purchases {"id":"UNKNOWN","pack":"coins-1","return_to":"/"} -> 422 pack
    /api/v1/coin-purchases {"id":"UNKNOWN","pack":"coins-70","return_to":"//evil.example"} -> 422 return_to
    /api/v1/coin-purchases {"id":"UNKNOWN","pack":"coins-70","return_to":"http://evil"} -> 422 return_to
    /api/v1/coin-purchases {"id":"UNKNOWN","pack":"coins-70","return_to":"/\\evil.example"} -> 422 return_to
    /api/v1/coin-purchases {"id":"7","pack":"coins-70","return_to":"/"} -> 422 id
    /api/v1/earnings/redeem {"id":"UNKNOWN","diamonds":0} -> 422 diamonds
    /api/v1/earnings/redeem {"id":"UNKNOWN","diamonds":-5} -> 422 diamonds
    /api/v1/earnings/redeem {"id":"UNKNOWN","diamonds":1.5} -> 422 diamonds
    /api/v1/earnings/redeem {"id":"UNKNOWN","diamonds":9223372036854775807} -> 402 diamonds
    /api/v1/earnings/redeem {"id":"UNKNOWN","diamonds":9223372036854775808} -> 422 diamonds
    /api/v1/rooms/UNKNOWN/gifts {"id":"UNKNOWN","kind":"rose","count":1} -> 404 -
    /api/v1/rooms/UNKNOWN/gifts {"id":"UNKNOWN","kind":"rose","count":9223372036854775807} -> 404 -
    /api/v1/rooms/ROOM/messages {"id":"UNKNOWN","text":"LONG"} -> 422 text
    /api/v1/rooms/ROOM/messages {"id":"UNKNOWN","text":"   "} -> 422 text
    /api/v1/rooms/ROOM/messages {"id":"UNKNOWN","text":"hello"} -> 409 -
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_out_of_bounds_are_named() {
    let app = TestApp::start(BUSK, busk_testkit::db::TestDb::sqlite()).await;
    let (host, eve) = (app.sign_up("host").await, app.sign_up("eve").await);
    let room = host
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201)
        .text("id");
    let before = app.db.row_counts().await;
    for row in OUT_OF_BOUNDS.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (asked, expected) = row.split_once(" -> ").unwrap();
        let asked = asked.replace("UNKNOWN", UNKNOWN).replace("ROOM", &room);
        let asked = asked.replace("LONG", &"x".repeat(1_000));
        let (path, body) = asked.split_once(' ').unwrap();
        let (status, field) = expected.split_once(' ').unwrap();
        let answer = eve.post(path, serde_json::from_str(body).unwrap()).await;
        assert_eq!(answer.status.as_str(), status, "{row}: {:#}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(
            answer.body["field"].as_str().unwrap_or("-"),
            field,
            "{row}: {:#}",
            answer.body
        );
    }
    assert_eq!(app.db.row_counts().await, before, "nothing changed");
}
