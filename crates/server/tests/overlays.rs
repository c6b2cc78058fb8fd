//! Overlays over their real protocols: the secret opens a live's log as everyone sees it and nothing more, whomever the
//! room is for; another secret closes what the old one has opened; the page has no origin.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::room_socket::RoomSocket;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const OVERLAYS: &str = "/api/v1/channels/host/overlays";
/// In everything that an overlay must not be told.
const SECRET: &str = "s3cret";

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

/// A room on air without a camera: enough for talk.
async fn open_room(app: &TestApp, host: &Browser, access: &str) -> String {
    let asked = json!({"title": "Songs", "access": access});
    let room = host.post("/api/v1/rooms", asked).await.is(201).text("id");
    app.db
        .tamper(&format!(
            "UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1 \
             WHERE id = X'{}'",
            room.replace('-', "")
        ))
        .await;
    room
}

/// A new secret of an overlay, from its address.
async fn secret(host: &Browser, kind: &str) -> String {
    let made = host
        .post(&format!("{OVERLAYS}/{kind}/secret"), json!({}))
        .await
        .is(201);
    assert_eq!(made.headers["cache-control"], "no-store");
    let url = made.text("url");
    let (page, secret) = url.split_once("/overlay#").expect("an address with a secret");
    assert!(
        page.starts_with("http://") && secret.starts_with("busk_overlay_"),
        "{url}"
    );
    secret.to_owned()
}

/// As a browser source asks: from a page without an origin.
async fn ask(app: &TestApp, secret: &str) -> Answer {
    let request = app.nobody().request(Method::GET, "/api/v1/overlay");
    let request = request.header("origin", "null").bearer_auth(secret);
    Answer::of(request).await
}

async fn socket(app: &TestApp, room: &str, query: &str, secret: &str) -> Option<RoomSocket> {
    let url = format!("ws://{}/ws/overlay?room={room}{query}", app.http);
    let protocol = format!("busk.overlay, {secret}");
    let headers = [
        ("sec-websocket-protocol", protocol),
        ("origin", "null".to_owned()),
    ];
    RoomSocket::try_open(&url, &headers).await
}

async fn opened(app: &TestApp, room: &str, secret: &str) -> RoomSocket {
    socket(app, room, "", secret).await.expect("the secret opens it")
}

async fn closes(socket: &mut RoomSocket) -> Option<u16> {
    tokio::time::timeout(Duration::from_secs(1), socket.closed())
        .await
        .expect("within a second");
    socket.close_code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_opens_and_another_one_closes() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let (host, other) = (app.sign_up("host").await, app.sign_up("other").await);
    let all = host.get(OVERLAYS).await.is(200).body;
    let kinds: Vec<_> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["kind"])
        .collect();
    assert_eq!(kinds, ["alerts", "goal", "chat", "spotlight"]);
    assert!(
        all["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["secret_at"].is_null())
    );
    other.get(OVERLAYS).await.problem(403, "not_yours");
    app.nobody().get(OVERLAYS).await.problem(401, "sign_in_needed");
    let of_other = other.post(&format!("{OVERLAYS}/chat/secret"), json!({})).await;
    of_other.problem(403, "not_yours");
    ask(&app, "busk_overlay_x").await.problem(404, "overlay_unknown");

    let first = secret(&host, "chat").await;
    let shown = ask(&app, &first).await.is(200);
    assert_eq!(shown.headers["access-control-allow-origin"], "*");
    assert_eq!(shown.headers["cache-control"], "no-store");
    assert_eq!(
        (&shown.body["kind"], &shown.body["room"]),
        (&json!("chat"), &Value::Null)
    );
    assert_eq!(shown.body["currency"], "USD");
    let room = open_room(&app, &host, "free").await;
    assert_eq!(ask(&app, &first).await.is(200).body["room"], room);
    let foreign = open_room(&app, &other, "free").await;
    assert!(
        socket(&app, &foreign, "", &first).await.is_none(),
        "of another channel"
    );

    let mut open = opened(&app, &room, &first).await;
    assert_eq!(open.hello["hello"]["you"], Value::Null);
    let refused = open.ask(json!({"do": "say", "id": id(1), "text": "hello"})).await;
    assert_eq!(refused["problem"]["type"], "/problems/name_needed");
    let viewers = app
        .nobody()
        .get(&format!("/api/v1/rooms/{room}"))
        .await
        .is(200)
        .body["viewers"]
        .clone();
    assert_eq!(viewers, 0, "an overlay is no viewer");

    let second = secret(&host, "chat").await;
    assert_eq!(closes(&mut open).await, Some(4000));
    assert!(socket(&app, &room, "", &first).await.is_none());
    ask(&app, &first).await.problem(404, "overlay_unknown");
    let mut open = opened(&app, &room, &second).await;
    let mut of_goal = opened(&app, &room, &secret(&host, "goal").await).await;

    // Another look is asked for, by coming back.
    let mut look = host.get(OVERLAYS).await.body["items"][2]["look"].clone();
    look["font_px"] = json!(48);
    let changed = host
        .send(Method::PUT, &format!("{OVERLAYS}/chat"), look.clone())
        .await;
    assert_eq!(changed.is(200).body["look"]["font_px"], 48);
    assert_eq!(closes(&mut open).await, Some(4000));
    assert_eq!(ask(&app, &second).await.is(200).body["look"], look);
    let mut open = opened(&app, &room, &second).await;

    let taken = host
        .send(Method::DELETE, &format!("{OVERLAYS}/chat/secret"), json!({}))
        .await;
    assert_eq!(taken.is(200).body["secret_at"], Value::Null);
    assert_eq!(closes(&mut open).await, Some(4000));
    assert!(socket(&app, &room, "", &second).await.is_none());
    // The other overlay was none of all this.
    host.post(
        &format!("/api/v1/rooms/{room}/messages"),
        json!({"id": id(5), "text": "still here"}),
    )
    .await
    .is(201);
    of_goal.event(|event| event["text"] == "still here").await;
    assert!(!app.log().contains("busk_overlay_"), "no secret is logged");
    end(&host, &room).await;
    end(&other, &foreign).await;
}

async fn end(host: &Browser, room: &str) {
    host.post(&format!("/api/v1/rooms/{room}/end"), json!({}))
        .await
        .is(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overlay_is_told_what_everyone_sees_whomever_the_room_is_for() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let (fan, stranger) = (app.sign_up("fan").await, app.sign_up("stranger").await);
    let room = open_room(&app, &host, "subscribers").await;
    let at = |path: &str| format!("/api/v1/rooms/{room}/{path}");
    stranger
        .get(&at("events"))
        .await
        .problem(403, "subscription_required");
    let secret = secret(&host, "alerts").await;
    let mut open = opened(&app, &room, &secret).await;

    let say = |number: u128, text: &str| json!({"id": id(number), "text": text});
    host.post(&at("messages"), say(1, "for everyone")).await.is(201);
    host.post(&at("topics"), json!({"id": id(10), "title": SECRET}))
        .await
        .is(201);
    host.post(&at("sub-room/messages"), say(2, SECRET)).await.is(201);
    let poll = json!({"id": id(20), "question": SECRET, "options": ["yes", "no"], "to": "subscribers"});
    host.post(&at("polls"), poll).await.is(201);
    host.send(
        Method::PUT,
        &at("polls/00000000-0000-0000-0000-000000000014/vote"),
        json!({"choice": 0}),
    )
    .await
    .is(200);
    let show =
        |number: u128, message: u128, to: &str| json!({"id": id(number), "message": id(message), "to": to});
    host.send(Method::PUT, &at("spotlight"), show(30, 2, "subscribers"))
        .await
        .is(200);
    host.send(Method::PUT, &at("spotlight"), show(31, 1, "everyone"))
        .await
        .is(200);
    host.send(
        Method::DELETE,
        &at("messages/00000000-0000-0000-0000-000000000001"),
        json!({}),
    )
    .await
    .is(204);
    // Votes are told at a beat.
    tokio::time::sleep(Duration::from_millis(900)).await;
    host.post(&at("messages"), say(3, "the end")).await.is(201);
    open.event(|event| event["text"] == "the end").await;

    let again = opened(&app, &room, &secret).await;
    let resumed = socket(&app, &room, "&after=0&epoch=1", &secret).await.unwrap();
    for (told, how) in [(&open, "live"), (&again, "snapshot"), (&resumed, "resumed")] {
        assert!(!told.heard.contains(SECRET), "{how}: {}", told.heard);
        for hint in [
            "sub_room_said",
            "\"type\":\"topic\"",
            "sub_polls",
            "stage_waiting",
            "stage_mine",
        ] {
            assert!(!told.heard.contains(hint), "{how} has {hint}: {}", told.heard);
        }
        assert!(told.heard.contains("the end"), "{how}");
        assert_eq!(told.hello["hello"]["talk"]["sub_room"], false, "{how}");
    }
    let kinds: Vec<_> = open
        .events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"spotlight") && kinds.contains(&"spotlight_end") && kinds.contains(&"deleted"),
        "{kinds:?}"
    );
    assert!(
        !again.heard.contains("for everyone"),
        "what was deleted is not told again"
    );
    drop(fan);
    end(&host, &room).await;
    open.event(|event| event["state"] == "ended").await;
    assert_eq!(ask(&app, &secret).await.is(200).body["room"], Value::Null);

    // A hangout is opened by no overlay, though it is the channel's.
    let hangout = host
        .post("/api/v1/hangouts", json!({"title": "Tea"}))
        .await
        .is(201)
        .body;
    let hangout = hangout["room"]
        .as_str()
        .or(hangout["id"].as_str())
        .unwrap()
        .to_owned();
    assert_eq!(ask(&app, &secret).await.is(200).body["room"], Value::Null);
    assert!(socket(&app, &hangout, "", &secret).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_changed_on_another_node_closes_what_is_open_here() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let room = open_room(&app, &host, "free").await;
    let mut open = opened(&app, &room, &secret(&host, "chat").await).await;
    app.db
        .tamper("UPDATE overlay SET version = version + 1, secret_hash = NULL")
        .await;
    assert_eq!(closes(&mut open).await, Some(4000));
    end(&host, &room).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_has_no_origin_and_its_addresses_answer_any() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let page = app.nobody().get("/overlay").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    // Without a built app there is no page to isolate.
    if page.status == 200 {
        for part in [
            "sandbox allow-scripts;",
            "default-src 'none'",
            "script-src 'self';",
            "style-src 'self';",
            "frame-ancestors 'self'",
        ] {
            assert!(policy.contains(part), "{part} in {policy}");
        }
        for part in ["unsafe-inline", "unsafe-eval", "allow-same-origin", "data:"] {
            assert!(!policy.contains(part), "{part} in {policy}");
        }
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
    }
    let preflight = app.nobody().request(Method::OPTIONS, "/api/v1/overlay");
    let preflight = preflight
        .header("origin", "null")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    let allowed = Answer::of(preflight).await.is(204);
    assert_eq!(allowed.headers["access-control-allow-origin"], "*");
    assert_eq!(allowed.headers["access-control-allow-headers"], "authorization");
    assert!(!allowed.headers.contains_key("access-control-allow-credentials"));
    ask(&app, "busk_overlay_x").await.problem(404, "overlay_unknown");
}
