//! A page's room for ticket holders, at every door, and its LL-HLS through nginx as an edge that checks passes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::time::Duration;

use busk_camera::{Camera, Publisher};
use busk_testkit::app::{Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::edge::Edge;
use busk_testkit::webrtc::{Said, offer};
use reqwest::header::{CACHE_CONTROL, COOKIE, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

async fn buy(app: &TestApp, room: &str, buyer: &Browser, number: u128) {
    buyer.declare_adult().await;
    let body = json!({"id": id(number), "return_to": "/"});
    let begun = buyer.post(&format!("/api/v1/rooms/{room}/tickets"), body).await;
    let url = begun.is(201).text("checkout_url");
    buyer.choose(&url, "pay").await;
    let path = format!("/api/v1/rooms/{room}/ticket-offer");
    for _ in 0..300 {
        if buyer.get(&path).await.is(200).body["mine"]["state"] == "held" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the ticket never came: {}", app.log());
}

/// The same person in another browser.
async fn signed_in(app: &TestApp, handle: &str) -> Browser {
    let mut browser = app.nobody();
    let who = json!({"handle": handle, "password": "correct horse"});
    let answer = browser.post("/api/v1/sign-in", who).await.is(200);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    browser.cookie = cookie.split(';').next().map(str::to_owned);
    browser
}

/// What a door says to somebody: the status, and the token's cookie where there is one.
async fn asks(at: SocketAddr, path: &str, cookie: Option<&str>) -> (StatusCode, Option<String>, String) {
    let request = reqwest::Client::new().get(format!("http://{at}{path}"));
    let request = match cookie {
        Some(cookie) => request.header(COOKIE, cookie),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
    let set = answer.headers().get(SET_COOKIE).map(text);
    let token = set.and_then(|set| set.split(';').next().map(str::to_owned));
    let cached = answer.headers().get(CACHE_CONTROL).map(text).unwrap_or_default();
    (answer.status(), token, cached)
}

/// A show of the host's page for ticket holders is there to be sold.
async fn offered(host: &Browser) -> String {
    let page = json!({"handle": "venue", "name": "The Venue"});
    host.post("/api/v1/pages", page).await.is(201);
    let own = json!({"title": "Songs", "access": "ticket"});
    host.post("/api/v1/rooms", own).await.problem(409, "page_needed");
    let opened = json!({"title": "The show", "channel": "venue", "access": "ticket"});
    let room = host.post("/api/v1/rooms", opened).await.is(201).text("id");
    let offer = json!({"price": 2000, "capacity": 10});
    let path = format!("/api/v1/rooms/{room}/ticket-offer");
    host.send(Method::PUT, &path, offer).await.is(200);
    room
}

/// It goes on the air.
async fn on_air(app: &TestApp, host: &Browser, room: &str) -> (Publisher, Camera) {
    let key = host.stream_key("venue").await;
    let camera = app.camera("venue");
    let publisher = app.publish(&camera, "venue", &key).await;
    host.post(&format!("/api/v1/rooms/{room}/live"), json!({}))
        .await
        .is(200);
    (publisher, camera)
}

/// What the first answer is once there is something to play.
async fn plays(app: &TestApp, index: &str, who: &Browser) -> (StatusCode, Option<String>, String) {
    for _ in 0..100 {
        let answer = asks(app.http, index, who.cookie.as_deref()).await;
        if answer.0 == StatusCode::OK {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("nothing to play");
}

/// At an edge the playlist is kept for all who have a pass, and for nobody else.
async fn edge_asks(app: &TestApp, video: &str, token: &str, other: &str, stranger: &Browser) {
    let in_query = format!("{video}?{}", token.replace("busk_pass", "pass"));
    let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/hls.md"));
    let edge = Edge::of_the_manual(app, &manual.unwrap()).await;
    assert_eq!(asks(edge.address, video, None).await.0, 401);
    assert_eq!(asks(edge.address, video, Some(token)).await.0, 200);
    assert_eq!(asks(edge.address, &in_query, None).await.0, 200);
    assert_eq!(asks(edge.address, video, stranger.cookie.as_deref()).await.0, 403);
    // What one viewer has fetched is there for the next, who has another pass.
    let fetched = async |path: &str, token: &str| {
        let request = reqwest::Client::new().get(format!("http://{}{path}", edge.address));
        let answer = request.header(COOKIE, token).send().await.unwrap();
        let cache = answer.headers()["x-cache"].to_str().unwrap().to_owned();
        (
            answer.status().as_u16(),
            cache,
            answer.text().await.unwrap_or_default(),
        )
    };
    let playlist = fetched(video, token).await.2;
    let segment = playlist
        .lines()
        .find(|line| !line.is_empty() && !line.starts_with('#'));
    let segment = video.replace("video.m3u8", segment.unwrap());
    for (whose, kept) in [(token, "MISS"), (other, "HIT")] {
        let (status, cache, _) = fetched(&segment, whose).await;
        assert_eq!((status, cache.as_str()), (200, kept));
    }
    assert_eq!(
        asks(edge.address, &segment, stranger.cookie.as_deref()).await.0,
        403
    );
}

/// What only those do in a room who may be in it.
async fn bars_strangers_acts(room: &str, stranger: &Browser) {
    for (path, what) in [
        ("stage/ask", json!({})),
        ("gifts", json!({"id": id(60), "kind": "rose", "count": 1})),
        ("badges", json!({"id": id(61), "hearts": 1, "return_to": "/"})),
    ] {
        let path = format!("/api/v1/rooms/{room}/{path}");
        stranger.post(&path, what).await.problem(403, "ticket_required");
    }
}

/// The host's books of the page, which are nobody else's.
async fn has_books_of_its_own(host: &Browser, stranger: &Browser) {
    for path in ["/api/v1/earnings", "/api/v1/earnings/statement"] {
        let of_page = format!("{path}?channel=venue");
        host.get(&of_page).await.is(200);
        stranger.get(&of_page).await.problem(404, "channel_unknown");
    }
}

/// The one request that waits, which nobody but the host sees and grants.
async fn the_host_gives_back(room: &str, host: &Browser, stranger: &Browser) {
    let tickets = format!("/api/v1/rooms/{room}/tickets");
    stranger.get(&tickets).await.problem(403, "not_yours");
    let holders = host.get(&tickets).await.is(200).body;
    let asks_back = &holders["items"][0]["asks"];
    assert_eq!(
        (&asks_back["refund"], &asks_back["reason"]),
        (&json!(id(90)), &json!("not for me"))
    );
    let returns = format!("{tickets}/returns/{}", id(90));
    stranger.post(&returns, json!({})).await.problem(403, "not_yours");
    host.post(&returns, json!({})).await.is(204);
}

/// By WebRTC, the picture is for whoever is let in.
async fn watches(room: &str, who: &Browser) -> Said {
    who.offer(&format!("/whep/{room}"), None, offer("recvonly")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_for_ticket_holders() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let room = offered(&host).await;
    let (publisher, _camera) = on_air(&app, &host, &room).await;

    let (fan, stranger) = (app.sign_up("fan").await, app.sign_up("stranger").await);
    let events = format!("/api/v1/rooms/{room}/events");
    let messages = format!("/api/v1/rooms/{room}/messages");
    let say = || json!({"id": id(77), "text": "hello"});
    app.nobody().get(&events).await.problem(401, "ticket_required");
    stranger.get(&events).await.problem(403, "ticket_required");
    stranger
        .post(&messages, say())
        .await
        .problem(403, "ticket_required");
    host.get(&events).await.is(200);

    bars_strangers_acts(&room, &stranger).await;
    has_books_of_its_own(&host, &stranger).await;
    watches(&room, &app.nobody())
        .await
        .problem(401, "ticket_required");
    watches(&room, &stranger).await.problem(403, "ticket_required");

    buy(&app, &room, &fan, 1).await;
    watches(&room, &fan).await.is(201);
    let mine = fan.get("/api/v1/me/tickets").await.is(200).body;
    assert_eq!(mine["items"][0]["state"], "held");
    assert_eq!(mine["items"][0]["channel"]["handle"], "venue");
    fan.get(&events).await.is(200);
    fan.post(&messages, say()).await.is(201);

    // LL-HLS: by the session once, then by the token alone.
    let index = format!("/hls/{room}/index.m3u8");
    let video = format!("/hls/{room}/video.m3u8");
    let first = plays(&app, &index, &fan).await;
    assert_eq!((first.0, first.2.as_str()), (StatusCode::OK, "private, no-store"));
    let token = first.1.unwrap();
    assert_eq!(asks(app.http, &index, None).await.0, 401);
    assert_eq!(asks(app.http, &video, stranger.cookie.as_deref()).await.0, 403);
    assert_eq!(asks(app.http, &video, Some("busk_pass=made-up")).await.0, 401);
    let by_token = asks(app.http, &video, Some(&token)).await;
    assert_eq!(
        (by_token.0, by_token.1, by_token.2.as_str()),
        (StatusCode::OK, None, "private, no-store")
    );
    let in_query = format!("{video}?{}", token.replace("busk_pass", "pass"));
    assert_eq!(asks(app.http, &in_query, None).await.0, 200);

    let other = plays(&app, &index, &host).await.1.unwrap();
    edge_asks(&app, &video, &token, &other, &stranger).await;

    // A third device takes the place of the first.
    let (second, third) = (signed_in(&app, "fan").await, signed_in(&app, "fan").await);
    for device in [&second, &third] {
        assert_eq!(asks(app.http, &index, device.cookie.as_deref()).await.0, 200);
    }
    assert_eq!(asks(app.http, &video, Some(&token)).await.0, 401);

    // Given back, which takes the host's yes now: shown out of everything at once.
    let mut socket = app.socket(&room, "", &third).await;
    let token = asks(app.http, &index, third.cookie.as_deref())
        .await
        .1
        .unwrap_or(token);
    let back = json!({"id": id(90), "reason": "not for me"});
    let asked = format!("/api/v1/payments/{}/refund-requests", id(1));
    assert_eq!(fan.post(&asked, back).await.is(201).body["state"], "requested");
    the_host_gives_back(&room, &host, &stranger).await;
    tokio::time::timeout(Duration::from_secs(1), socket.closed())
        .await
        .expect("within a second");
    third.get(&events).await.problem(403, "ticket_required");
    assert_eq!(asks(app.http, &video, Some(&token)).await.0, 401);
    publisher.stop().await;
    host.post(&format!("/api/v1/rooms/{room}/end"), json!({}))
        .await
        .is(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_offer_and_the_replay_it_includes() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let room = offered(&host).await;
    let (early, late) = (app.sign_up("early").await, app.sign_up("late").await);
    buy(&app, &room, &early, 1).await;
    // From now on dearer, with the replay; never fewer seats than are sold.
    let path = format!("/api/v1/rooms/{room}/ticket-offer");
    let change = async |offer| host.send(Method::PUT, &path, offer).await;
    let two = json!({"price": 2500, "capacity": 2, "replay": true});
    assert_eq!(change(two).await.is(200).body["left"], 1);
    buy(&app, &room, &late, 2).await;
    let one = json!({"price": 2500, "capacity": 1, "replay": true});
    change(one.clone()).await.problem(409, "below_taken");
    for (who, price, replay) in [(&early, 2_000, false), (&late, 2_500, true)] {
        let mine = who.get("/api/v1/me/tickets").await.is(200).body["items"][0].clone();
        assert_eq!(
            (&mine["price"]["amount"], &mine["replay"]),
            (&json!(price), &json!(replay))
        );
    }

    let (publisher, _camera) = on_air(&app, &host, &room).await;
    change(one).await.problem(409, "too_late");
    tokio::time::sleep(Duration::from_secs(3)).await;
    host.post(&format!("/api/v1/rooms/{room}/end"), json!({}))
        .await
        .is(200);
    publisher.stop().await;
    let replay = format!("/api/v1/rooms/{room}/replay");
    for _ in 0..100 {
        if host.get(&replay).await.body["recording"] == false {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let nobody = app.nobody();
    // Private, for members, for those whose ticket includes it, for all.
    let rows = [
        ("private", [404, 404, 404]),
        ("subscribers", [401, 403, 403]),
        ("ticket_holders", [401, 403, 200]),
        ("public", [200, 200, 200]),
    ];
    for (visibility, expected) in rows {
        let body = json!({ "visibility": visibility });
        host.send(Method::PATCH, &replay, body).await.is(200);
        for (who, expected) in [&nobody, &early, &late].into_iter().zip(expected) {
            for path in [&replay, &format!("/replays/{room}/index.m3u8")] {
                let status = who.get(path).await.status.as_u16();
                assert_eq!(status, expected, "{visibility}: {path}");
            }
        }
    }
}
