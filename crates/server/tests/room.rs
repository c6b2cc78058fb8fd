//! A room over its real protocols: WHIP, WHEP, WebSocket, HTTP.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use busk_camera::{ClientError, ViewOptions, Viewer};
use busk_testkit::app::{Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

fn said(text: &str) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == "said" && event["text"] == text
}

fn state(state: &str) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == "room_state" && event["state"] == state
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_goes_live_is_lost_and_comes_back() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let lobby = host
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201);
    assert_eq!(lobby.body["state"], "lobby");
    let whep = |room: &str| format!("http://{}/whep/{room}", app.http);
    let options = ViewOptions {
        decode: true,
        people: 1,
    };
    match Viewer::start(&whep(&lobby.text("id")), None, options).await {
        Err(ClientError::Refused {
            status: 409,
            retry_after_s: Some(1..),
            ..
        }) => {}
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("nobody watches a lobby"),
    }
    let live = format!("/api/v1/rooms/{}/live", lobby.text("id"));
    host.post(&live, json!({})).await.problem(409, "no_camera");
    let end = format!("/api/v1/rooms/{}/end", lobby.text("id"));
    host.post(&end, json!({})).await.is(200);

    let on_air = app.make_live(&host, "host").await;
    let mut socket = app.socket(&on_air.room, "", &app.nobody()).await;
    socket.event(state("live")).await;
    assert_eq!(socket.hello["hello"]["room"]["state"], "live");
    let viewer = Viewer::start(&whep(&on_air.room), None, options).await;
    let mut viewer = viewer.unwrap();
    let seen = viewer
        .until(Duration::from_secs(30), |stats| stats.decoded >= 3)
        .await;
    seen.expect("the viewer sees a picture");

    on_air.publisher.stop().await;
    let lost = socket.event(state("interrupted")).await;
    assert!(lost["resume_until"].is_string(), "{lost}");
    let before = viewer.stats().decoded;
    let publisher = app.publish(&on_air.camera, "host", &on_air.key).await;
    socket
        .event(|event| state("live")(event) && event["n"].as_i64() > lost["n"].as_i64())
        .await;
    let again = viewer
        .until(Duration::from_secs(30), |stats| stats.decoded > before + 3)
        .await;
    again.expect("the same viewer sees on");

    let end = format!("/api/v1/rooms/{}/end", on_air.room);
    assert_eq!(host.post(&end, json!({})).await.is(200).body["state"], "ended");
    socket.event(state("ended")).await;
    viewer.stop().await;
    publisher.stop().await;
    match Viewer::start(&whep(&on_air.room), None, options).await {
        Err(ClientError::Refused { status: 409, .. }) => {}
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("nobody watches what has ended"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_sites_page_gets_no_socket() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let room = open_room(&app, &host).await;
    let upgrade = |origin: String| {
        host.request(Method::GET, &format!("/ws/rooms/{room}"))
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("origin", origin)
    };
    let refused = busk_testkit::app::Answer::of(upgrade("https://evil.example".into())).await;
    refused.problem(403, "foreign_origin");
    let taken = upgrade(format!("http://{}", app.http)).send().await.unwrap();
    assert_eq!(taken.status().as_u16(), 101);
}

each_db!(chat, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let host = app.sign_up("host").await;
    let room = open_room(&app, &host).await;
    let bea = app.sign_up("bea").await;
    let (mut guest, mut watching) = (
        app.socket(&room, "", &app.guest("Zoé").await).await,
        app.socket(&room, "", &app.nobody()).await,
    );
    let mut person = app.socket(&room, "", &bea).await;
    assert_eq!(watching.hello["hello"]["you"], Value::Null);
    assert_eq!(guest.hello["hello"]["you"]["kind"], "guest");

    let answer = person.say(&id(1), "  hello  ").await;
    let n = answer["ok"]["n"].as_i64().unwrap();
    let event = watching.event(said("hello")).await;
    assert_eq!(
        (event["n"].as_i64(), &event["from"]["name"]),
        (Some(n), &json!("bea"))
    );
    assert_eq!(
        person.say(&id(1), "hello").await["ok"]["n"],
        n,
        "the same again is said once"
    );
    assert!(guest.say(&id(2), "salut").await["ok"]["n"].as_i64().unwrap() > n);
    watching.event(said("salut")).await;

    let problem = |answer: &Value| answer["problem"]["type"].clone();
    let nobody = watching.say(&id(3), "me too").await;
    assert_eq!(problem(&nobody), "/problems/name_needed");
    let empty = guest.say(&id(3), "").await;
    assert_eq!(problem(&empty), "/problems/invalid");
    assert_eq!(empty["problem"]["field"], "text");
    // A guest's third within ten seconds is the last, a person's fifth.
    assert!(guest.say(&id(3), "third").await.get("ok").is_some());
    let fourth = guest.say(&id(4), "one more").await;
    assert_eq!(problem(&fourth), "/problems/too_fast");
    assert_eq!(fourth["problem"]["status"], 429);
    for number in 5..8 {
        assert!(person.say(&id(number), "again").await.get("ok").is_some());
    }
    assert_eq!(
        person.say(&id(9), "too much").await["problem"]["type"],
        "/problems/too_fast"
    );

    delete_by_the_host(&app, &room, &host, &mut watching).await;
});

async fn delete_by_the_host(
    app: &TestApp,
    room: &str,
    host: &Browser,
    watching: &mut busk_testkit::room_socket::RoomSocket,
) {
    let message = id(1);
    let stranger = app.sign_up("cid").await;
    let mut others = app.socket(room, "", &stranger).await;
    let delete = json!({"do": "delete", "id": id(50), "message": message});
    let refused = others.ask(delete.clone()).await;
    assert_eq!(refused["problem"]["type"], "/problems/not_yours");
    let path = format!("/api/v1/rooms/{room}/messages/{message}");
    let events = format!("/api/v1/rooms/{room}/events");
    let kept = app.nobody().get(&events).await.is(200);
    assert!(kept.body.to_string().contains("\"hello\""));

    let mut hosts = app.socket(room, "", host).await;
    assert!(hosts.ask(delete).await.get("ok").is_some());
    watching
        .event(|event| event["type"] == "deleted" && event["message"] == json!(message))
        .await;
    host.send(Method::DELETE, &path, json!({})).await.is(204);
    let log = app.nobody().get(&events).await.is(200).body;
    assert!(!log.to_string().contains("\"hello\""), "{log:#}");
    let numbers: Vec<i64> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["n"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>());
    let late = app.socket(room, "", &app.nobody()).await;
    assert!(!late.hello.to_string().contains("\"hello\"}"), "{:#}", late.hello);
    assert!(!late.events.iter().any(said("hello")));
}

each_db!(who_comes_back_gets_what_was_missed, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let host = app.sign_up("host").await;
    let room = open_room(&app, &host).await;
    let mut talking = app.socket(&room, "", &host).await;
    let watching = app.socket(&room, "", &app.nobody()).await;
    talking.say(&id(1), "before").await;
    let (seen, epoch) = (
        talking.event(said("before")).await["n"].as_i64().unwrap(),
        watching.hello["epoch"].clone(),
    );
    drop(watching);
    for number in 2..5 {
        talking.say(&id(number), &format!("missed {number}")).await;
    }
    let back = app
        .socket(&room, &format!("?after={seen}&epoch={epoch}"), &app.nobody())
        .await;
    assert_eq!(back.hello["hello"]["reset"], false);
    let numbers: Vec<i64> = back
        .events
        .iter()
        .map(|event| event["n"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, [seen + 1, seen + 2, seen + 3]);
    assert_eq!(back.last(), seen + 3);
    assert!(back.events.iter().any(said("missed 4")));

    // Numbers of another epoch, or from the future, mean nothing: all anew.
    for query in [format!("?after={seen}&epoch=77"), "?after=999999&epoch=1".into()] {
        let anew = app.socket(&room, &query, &app.nobody()).await;
        assert_eq!(anew.hello["hello"]["reset"], true, "{query}");
        assert!(anew.events.iter().any(said("before")));
    }
});

each_db!(someone_elses_room, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (host, eve) = (app.sign_up("host").await, app.sign_up("eve").await);
    let room = host
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201)
        .text("id");
    let path = format!("/api/v1/rooms/{room}");
    let before = app.nobody().get(&path).await.is(200).body;
    for (method, path, body) in [
        (Method::PATCH, path.clone(), json!({"title": "Mine now"})),
        (Method::POST, format!("{path}/live"), json!({})),
        (Method::POST, format!("{path}/lobby"), json!({})),
        (Method::POST, format!("{path}/end"), json!({})),
        (Method::POST, "/api/v1/channels/host/stream-key".into(), json!({})),
    ] {
        let answer = eve.send(method.clone(), &path, body.clone()).await;
        assert!(
            matches!(answer.status.as_u16(), 403 | 404),
            "{method} {path}: {:#}",
            answer.body
        );
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let nobody = app.nobody().send(method, &path, body).await;
        nobody.problem(401, "sign_in_needed");
    }
    assert_eq!(app.nobody().get(&path).await.is(200).body, before);
    let key = host.get("/api/v1/channels/host/stream-key").await.is(200);
    assert_eq!(key.body["exists"], false);
});
