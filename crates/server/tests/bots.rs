//! Programs that act as people: by tokens, as far as their scopes reach.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

/// A room on air without a camera: enough for chat.
async fn open_room(app: &TestApp, host: &Browser) -> String {
    let room = host.post("/api/v1/rooms", json!({"title": "Songs"})).await;
    let room = room.is(201).text("id");
    app.db
        .tamper("UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1")
        .await;
    room
}

/// A program with a token of that person's; gives the token's id, too.
async fn bot(who: &Browser, scopes: &[&str]) -> (String, String) {
    let made = who
        .post("/api/v1/tokens", json!({"name": "greeter", "scopes": scopes}))
        .await
        .is(201);
    assert_eq!(made.headers["cache-control"], "no-store");
    let id = made.body["token"]["id"].as_str().unwrap().to_owned();
    (made.text("secret"), id)
}

async fn by(app: &TestApp, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
    let request = app.nobody().request(method, path).bearer_auth(token);
    Answer::of(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

each_db!(
    a_token_does_what_its_scopes_say_and_no_more,
    async |db: TestDb| {
        let app = TestApp::start(BUSK, db).await;
        let (host, ana) = (app.sign_up("host").await, app.sign_up("ana").await);
        let room = open_room(&app, &host).await;
        let (reader, _) = bot(&ana, &["chat:read"]).await;
        let (writer, _) = bot(&ana, &["chat:write", "room:read"]).await;
        let (moderator, _) = bot(&host, &["moderate"]).await;

        let (events, messages) = (
            format!("/api/v1/rooms/{room}/events?after=0"),
            format!("/api/v1/rooms/{room}/messages"),
        );
        let say = |number| Some(json!({"id": id(number), "text": "hello"}));
        by(&app, &reader, Method::POST, &messages, say(1))
            .await
            .problem(403, "scope_needed");
        let said = by(&app, &writer, Method::POST, &messages, say(1)).await.is(201);
        let n = said.body["n"].as_i64().unwrap();
        by(&app, &writer, Method::GET, &events, None)
            .await
            .problem(403, "scope_needed");
        let read = by(&app, &reader, Method::GET, &format!("{events}&limit=200"), None)
            .await
            .is(200);
        let heard = read.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|event| event["n"] == n);
        assert_eq!(
            heard.unwrap()["from"]["name"],
            "ana",
            "a program acts as its person"
        );
        let after = format!("/api/v1/rooms/{room}/events?after={n}");
        assert_eq!(
            by(&app, &reader, Method::GET, &after, None).await.is(200).body["items"],
            json!([])
        );
        by(&app, &writer, Method::GET, &format!("/api/v1/rooms/{room}"), None)
            .await
            .is(200);
        by(&app, &reader, Method::GET, "/api/v1/channels/host", None)
            .await
            .problem(403, "scope_needed");

        let message = format!("{messages}/{}", id(1));
        by(&app, &writer, Method::DELETE, &message, None)
            .await
            .problem(403, "scope_needed");
        by(&app, &moderator, Method::DELETE, &message, None).await.is(204);

        // What needs a session does not take a token; where anybody may ask, its bearer is nobody.
        by(&app, &writer, Method::GET, "/api/v1/tokens", None)
            .await
            .problem(403, "session_needed");
        by(&app, &writer, Method::PATCH, "/api/v1/me", Some(json!({})))
            .await
            .problem(403, "session_needed");
        assert_eq!(
            by(&app, &writer, Method::GET, "/api/v1/me", None)
                .await
                .is(200)
                .body["kind"],
            "nobody"
        );
        let own = by(&app, &writer, Method::GET, "/api/v1/token", None)
            .await
            .is(200);
        assert_eq!(
            (own.text("handle").as_str(), &own.body["scopes"]),
            ("ana", &json!(["room:read", "chat:write"]))
        );

        let wrong = by(&app, &format!("{writer}x"), Method::POST, &messages, say(2)).await;
        assert_eq!(
            wrong.problem(401, "token_invalid").headers["www-authenticate"],
            "Bearer"
        );
        host.get("/api/v1/token").await.problem(401, "token_invalid");

        // None of them is anywhere to be read.
        let listed = ana.get("/api/v1/tokens").await.is(200).body.to_string();
        for secret in [&reader, &writer, &moderator] {
            assert!(!listed.contains(secret.as_str()) && !app.log().contains(secret.as_str()));
        }
    }
);

each_db!(
    a_revoked_token_ends_what_it_opened_within_a_second,
    async |db: TestDb| {
        let app = TestApp::start(BUSK, db).await;
        let (host, ana) = (app.sign_up("host").await, app.sign_up("ana").await);
        let room = open_room(&app, &host).await;
        let (token, token_id) = bot(&ana, &["chat:read"]).await;
        let (other, _) = bot(&ana, &["chat:read", "chat:write"]).await;
        let mut reading = app.socket_by_token(&room, &token).await;
        let mut writing = app.socket_by_token(&room, &other).await;
        assert_eq!(reading.hello["hello"]["you"]["name"], "ana");

        let refused = reading.say(&id(1), "not mine to say").await;
        assert_eq!(refused["problem"]["type"], "/problems/scope_needed");
        assert!(writing.say(&id(2), "hello").await["ok"]["n"].is_i64());
        reading.event(|event| event["text"] == "hello").await;

        let path = format!("/api/v1/tokens/{token_id}");
        host.send(Method::DELETE, &path, json!({}))
            .await
            .problem(404, "token_unknown");
        ana.send(Method::DELETE, &path, json!({})).await.is(204);
        timeout(Duration::from_millis(1_000), reading.closed())
            .await
            .expect("closed within a second");
        // The person's other tokens go on.
        assert!(writing.say(&id(3), "still here").await["ok"]["n"].is_i64());
        let gone = by(
            &app,
            &token,
            Method::GET,
            &format!("/api/v1/rooms/{room}/events"),
            None,
        )
        .await;
        gone.problem(401, "token_invalid");
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_token_ends_what_it_opened() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let room = open_room(&app, &host).await;
    let (token, _) = bot(&host, &["chat:read"]).await;
    let mut socket = app.socket_by_token(&room, &token).await;
    app.db.tamper("UPDATE access_token SET expires_at = 1").await;
    timeout(Duration::from_millis(1_000), socket.closed())
        .await
        .expect("closed within a second");
}
