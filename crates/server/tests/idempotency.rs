//! Whatever changes something can be sent again. Read from our own OpenAPI document: each operation that is no GET has
//! an id of the client's in its body or its address, or takes an `Idempotency-Key`, or stands in a list with the reason
//! why it does neither. Then the real program: the same key twice is one effect and one answer, and other contents
//! under it are refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::path::Path;

use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::each_db;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

#[path = "idempotency/every.rs"]
mod every;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

/// Operations without a client's id that take no key, and why it does no harm to send them again.
const WITHOUT: &[(&str, &str)] = &[
    ("POST /api/v1/demo/enter", "a session is not given twice"),
    ("POST /api/v1/guests", "a session is not given twice"),
    (
        "POST /api/v1/providers/sandbox/notices",
        "notices have ids of their own",
    ),
    (
        "POST /api/v1/providers/stripe/notices",
        "notices have ids of their own",
    ),
    ("POST /api/v1/setup", "its token is good once"),
    ("POST /api/v1/sign-in", "a session is not given twice"),
    ("POST /api/v1/sign-out", "the session is gone already"),
    ("POST /api/v1/sign-up", "the handle is taken already"),
    (
        "POST /confirm-address/{token}",
        "its token says what, however often it comes",
    ),
    (
        "POST /unsubscribe/{token}",
        "RFC 8058: one click, and once more is no error",
    ),
    // Sockets' and media's own protocols have sessions of their own.
    ("PATCH /webrtc/{session}", "RFC 9725: of a session that is named"),
    ("DELETE /webrtc/{session}", "RFC 9725: of a session that is named"),
    (
        "POST /webrtc/{session}/tiles",
        "what is asked for replaces what was",
    ),
    ("POST /whep/{room}", "a session of its own, which ends by itself"),
    ("POST /whip/{handle}", "one publisher at a time"),
    ("POST /whip/rooms/{room}/stage", "one publisher at a time"),
];

fn operations(openapi: &Value) -> BTreeMap<String, &Value> {
    let mut all = BTreeMap::new();
    for (path, item) in openapi["paths"].as_object().unwrap() {
        for method in ["put", "post", "patch", "delete"] {
            if let Some(operation) = item.get(method) {
                all.insert(format!("{} {path}", method.to_uppercase()), operation);
            }
        }
    }
    all
}

fn takes_key(operation: &Value) -> bool {
    let parameters = operation["parameters"].as_array();
    parameters.is_some_and(|all| {
        all.iter()
            .any(|of| of["name"] == "Idempotency-Key" && of["in"] == "header")
    })
}

/// Whether its body has an `id` that its sender makes.
fn has_id(openapi: &Value, operation: &Value) -> bool {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let Some(name) = schema.as_str().and_then(|whole| whole.rsplit('/').next()) else {
        return false;
    };
    openapi["components"]["schemas"][name]["properties"]
        .get("id")
        .is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_can_be_sent_again() {
    let app = TestApp::start(BUSK, busk_testkit::db::TestDb::sqlite()).await;
    let openapi = app.nobody().get("/api/openapi.json").await.is(200).body;
    let all = operations(&openapi);
    assert!(all.len() > 60, "{}", all.len());
    let mut with_id = 0;
    for (name, operation) in &all {
        let excused = WITHOUT.iter().any(|(known, _)| known == name);
        assert_eq!(takes_key(operation), !excused, "{name}");
        with_id += usize::from(has_id(&openapi, operation));
        if !excused {
            for status in ["400", "409", "422"] {
                assert!(
                    operation["responses"].get(status).is_some(),
                    "{name} may answer {status}"
                );
            }
        }
    }
    assert!(with_id > 10, "{with_id} have a client's id");
    for (name, _) in WITHOUT {
        // The demonstration's is there only in one.
        assert!(
            all.contains_key(*name) || name.contains("demo"),
            "{name} is no operation"
        );
    }
}

/// What is answered to a request with a key, and whether it was answered before.
async fn keyed(who: &Browser, method: &str, path: &str, key: &str, body: Option<&Value>) -> (Answer, bool) {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = who.request(method, path).header("idempotency-key", key);
    let answer = Answer::of(match body {
        Some(body) => request.json(body),
        None => request,
    });
    let answer = answer.await;
    let replayed = answer.headers.contains_key("idempotency-replayed");
    (answer, replayed)
}

fn key(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

each_db!(the_same_key_is_one_effect_and_one_answer, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let ada = app.sign_up("ada").await;
    // All operations are driven by `every`; these are looked at more closely.
    let rooms = json!({"title": "One", "access": "free"});
    let asked: Vec<(&str, String, Option<Value>)> = vec![
        ("POST", "/api/v1/rooms".into(), Some(rooms)),
        ("POST", "/api/v1/channels/ada/stream-key".into(), None),
    ];
    for (number, (method, path, body)) in asked.iter().enumerate() {
        let key = key(100 + number as u128);
        let (first, replayed) = keyed(&ada, method, path, &key, body.as_ref()).await;
        assert!(
            first.status.is_success() && !replayed,
            "{path}: {} {}",
            first.status,
            first.body
        );
        let rows = app.db.row_counts().await;
        let (again, replayed) = keyed(&ada, method, path, &key, body.as_ref()).await;
        assert!(replayed, "{path}");
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{path}");
        assert_eq!(app.db.row_counts().await, rows, "{path}: one effect");
        // In quotes, as structured fields are written, it is the same key.
        let (quoted, _) = keyed(&ada, method, path, &format!("\"{key}\""), body.as_ref()).await;
        assert_eq!(quoted.body, first.body, "{path}");
        let other = json!({"something": "else"});
        let (reused, _) = keyed(&ada, method, path, &key, Some(&other)).await;
        reused.problem(422, "idempotency_key_reused");
        assert_eq!(app.db.row_counts().await, rows, "{path}: nothing else");
    }
    // At another address the key names the same request, so it is refused there.
    let (elsewhere, _) = keyed(
        &ada,
        "POST",
        "/api/v1/hangouts",
        &key(100),
        Some(&json!({"title": "x"})),
    )
    .await;
    elsewhere.problem(422, "idempotency_key_reused");
    // A key is its sender's own.
    let bea = app.sign_up("bea").await;
    let body = json!({"title": "Bea's", "access": "free"});
    let (beas, replayed) = keyed(&bea, "POST", "/api/v1/rooms", &key(100), Some(&body)).await;
    assert!(!replayed, "Bea's key is not Ada's");
    beas.is(201);
    // It outlives a session, and a restart.
    let kept = keyed(&ada, "POST", "/api/v1/channels/ada/stream-key", &key(101), None).await;
    assert!(kept.1 && kept.0.body["key"].is_string(), "{}", kept.0.body);
    if let Some(database) = app.db.url().strip_prefix("sqlite:") {
        let (secret, folder) = (kept.0.text("key"), Path::new(database).parent().unwrap());
        for file in std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
        {
            let bytes = std::fs::read(&file).unwrap_or_default();
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "what is kept is sealed, and {} has it", file.display());
        }
    }
});

each_db!(what_was_refused_may_be_tried_again, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let ada = app.sign_up("ada").await;
    let (buy, body) = (
        "/api/v1/coin-purchases",
        json!({"id": key(1), "pack": "coins-70", "return_to": "/"}),
    );
    let (refused, _) = keyed(&ada, "POST", buy, &key(50), Some(&body)).await;
    refused.problem(403, "age_undeclared");
    ada.declare_adult().await;
    let (begun, replayed) = keyed(&ada, "POST", buy, &key(50), Some(&body)).await;
    assert!(!replayed);
    begun.is(201);
    for wrong in ["short", "with a space in it", "0123456789\"abcdef"] {
        let (malformed, _) = keyed(&ada, "POST", buy, wrong, Some(&body)).await;
        malformed.problem(400, "idempotency_key_malformed");
    }
    // Who has no name yet has no keys, and a session is not given twice.
    let sign_in = json!({"handle": "ada", "password": "wrong password"});
    let (in_vain, _) = keyed(
        &app.nobody(),
        "POST",
        "/api/v1/sign-in",
        "not a key",
        Some(&sign_in),
    )
    .await;
    in_vain.problem(401, "sign_in_failed");
});

each_db!(one_of_many_runs, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let ada = app.sign_up("ada").await;
    let before = app.db.row_counts().await["room"];
    let body = json!({"title": "Once", "access": "free"});
    let tries = (0..16).map(|_| {
        keyed(
            &ada,
            "POST",
            "/api/v1/rooms",
            "one-key-for-all-of-them",
            Some(&body),
        )
    });
    let all = join_all(tries).await;
    let mut made = 0;
    for (answer, replayed) in all {
        match answer.status.as_u16() {
            201 => made += usize::from(!replayed),
            409 => _ = answer.problem(409, "idempotency_key_running"),
            other => panic!("{other}: {}", answer.body),
        }
    }
    assert_eq!(
        (made, app.db.row_counts().await["room"]),
        (1, before + 1),
        "one room"
    );
});

each_db!(what_nobody_knows_is_not_done_twice, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let ada = app.sign_up("ada").await;
    let body = json!({"title": "Once", "access": "free"});
    let ask = async || {
        keyed(
            &ada,
            "POST",
            "/api/v1/rooms",
            "a-key-that-is-claimed",
            Some(&body),
        )
        .await
        .0
    };
    ask().await.is(201);
    // As if the program had died between what it did and its answer.
    app.db.tamper("UPDATE kept_answer SET answer = NULL").await;
    ask().await.problem(409, "idempotency_key_running");
    app.db
        .tamper("UPDATE kept_answer SET begun_at = begun_at - 120000000")
        .await;
    ask().await.problem(409, "outcome_unknown");
    // A day later the key is free, and the operation itself refuses.
    app.db
        .tamper("UPDATE kept_answer SET begun_at = begun_at - 86400000000")
        .await;
    ask().await.problem(409, "already_open");
    assert_eq!(app.db.row_counts().await["kept_answer"], 0);
});

each_db!(an_appeal_of_somebody_suspended_is_made_once, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (ada, bea, ola) = (
        app.sign_up("ada").await,
        app.sign_up("bea").await,
        app.sign_up("ola").await,
    );
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'ola'")
        .await;
    // What she was answered before is not told again while she is shut out.
    let stream_key = "/api/v1/channels/bea/stream-key";
    keyed(&bea, "POST", stream_key, &key(1), None).await.0.is(201);
    let person = bea.get("/api/v1/me").await.is(200).text("id");
    let report = json!({"id": key(10), "object": {"kind": "person", "id": person}, "ground": "rules",
        "category": "harassment", "words": "she shouts"});
    ada.post("/api/v1/reports", report).await.is(201);
    let decision = json!({"id": key(20), "measure": "suspend", "ground": "rules", "category": "harassment",
        "basis": "Rule 2", "facts": "She shouts at people."});
    let decide = format!("/api/v1/operator/reports/{}/decision", key(10));
    ola.post(&decide, decision).await.is(201);
    let (shut, replayed) = keyed(&bea, "POST", stream_key, &key(1), None).await;
    assert!(!replayed);
    shut.problem(401, "sign_in_needed");

    let appeals = format!("/api/v1/decisions/{}/appeals", key(20));
    let words = json!({"id": key(30), "words": "I was singing."});
    let (made, replayed) = keyed(&bea, "POST", &appeals, &key(2), Some(&words)).await;
    assert!(!replayed);
    let made = made.is(201);
    let rows = app.db.row_counts().await;
    let (again, replayed) = keyed(&bea, "POST", &appeals, &key(2), Some(&words)).await;
    assert!(replayed, "{}", again.body);
    assert_eq!((again.status, &again.body), (made.status, &made.body));
    assert_eq!(app.db.row_counts().await, rows, "one effect");
    let other = json!({"id": key(31), "words": "Something else."});
    let (reused, _) = keyed(&bea, "POST", &appeals, &key(2), Some(&other)).await;
    reused.problem(422, "idempotency_key_reused");
    let (malformed, _) = keyed(&bea, "POST", &appeals, "short", Some(&other)).await;
    malformed.problem(400, "idempotency_key_malformed");
    // Under another key it is asked anew, and refused as it is without one.
    let (twice, _) = keyed(&bea, "POST", &appeals, &key(3), Some(&other)).await;
    twice.problem(409, "already_appealed");
});
