//! A page's room for ticket holders, at every door, and its LL-HLS through nginx as an edge that checks passes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use busk_camera::{Camera, Publisher};
use busk_testkit::app::{Browser, TestApp};
use busk_testkit::db::TestDb;
use reqwest::StatusCode;
use reqwest::header::{CACHE_CONTROL, COOKIE, SET_COOKIE};
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

/// A show of the host's page for ticket holders goes on the air.
async fn on_air(app: &TestApp, host: &Browser) -> (String, Publisher, Camera) {
    let page = json!({"handle": "venue", "name": "The Venue"});
    host.post("/api/v1/pages", page).await.is(201);
    let own = json!({"title": "Songs", "access": "ticket"});
    host.post("/api/v1/rooms", own).await.problem(409, "page_needed");
    let opened = json!({"title": "The show", "channel": "venue", "access": "ticket"});
    let room = host.post("/api/v1/rooms", opened).await.is(201).text("id");
    let offer = json!({"price": 2000, "capacity": 10});
    let path = format!("/api/v1/rooms/{room}/ticket-offer");
    host.send(reqwest::Method::PUT, &path, offer).await.is(200);
    let key = host.stream_key("venue").await;
    let camera = app.camera("venue");
    let publisher = app.publish(&camera, "venue", &key).await;
    host.post(&format!("/api/v1/rooms/{room}/live"), json!({}))
        .await
        .is(200);
    (room, publisher, camera)
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
async fn edge_asks(app: &TestApp, video: &str, token: &str, stranger: &Browser) {
    let in_query = format!("{video}?{}", token.replace("busk_pass", "pass"));
    let edge = Edge::start(app).await;
    assert_eq!(asks(edge.address, video, None).await.0, 401);
    assert_eq!(asks(edge.address, video, Some(token)).await.0, 200);
    assert_eq!(asks(edge.address, &in_query, None).await.0, 200);
    assert_eq!(asks(edge.address, video, stranger.cookie.as_deref()).await.0, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_for_ticket_holders() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let (room, publisher, _camera) = on_air(&app, &host).await;

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
    let stage = format!("/api/v1/rooms/{room}/stage/ask");
    stranger
        .post(&stage, json!({}))
        .await
        .problem(403, "ticket_required");
    host.get(&events).await.is(200);

    buy(&app, &room, &fan, 1).await;
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

    edge_asks(&app, &video, &token, &stranger).await;

    // A third device takes the place of the first.
    let (second, third) = (signed_in(&app, "fan").await, signed_in(&app, "fan").await);
    for device in [&second, &third] {
        assert_eq!(asks(app.http, &index, device.cookie.as_deref()).await.0, 200);
    }
    assert_eq!(asks(app.http, &video, Some(&token)).await.0, 401);

    // Given back, which takes an operator's yes now: shown out of everything at once.
    let mut socket = app.socket(&room, "", &third).await;
    let token = asks(app.http, &index, third.cookie.as_deref())
        .await
        .1
        .unwrap_or(token);
    let back = json!({"id": id(90), "reason": "not for me"});
    let asked = format!("/api/v1/payments/{}/refund-requests", id(1));
    assert_eq!(fan.post(&asked, back).await.is(201).body["state"], "requested");
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'stranger'")
        .await;
    let decision = format!("/api/v1/operator/refunds/{}/decision", id(90));
    let yes = json!({"grant": true, "answer": "of course"});
    stranger.post(&decision, yes).await.is(200);
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

/// nginx as docs/hls.md has it, gone when dropped.
struct Edge {
    process: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Edge {
    async fn start(app: &TestApp) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = busk_testkit::app::free();
        let (path, origin) = (folder.path().display(), app.http);
        let manual =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/hls.md")).unwrap();
        let (_, after) = manual.split_once("location ~").unwrap();
        let (locations, _) = after.split_once("```").unwrap();
        let locations = locations.replace("127.0.0.1:8080", &origin.to_string());
        let configuration = format!(
            "daemon off; pid {path}/pid; error_log stderr; events {{}} http {{ access_log off;
             client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;
             uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;
             proxy_cache_path {path}/cache keys_zone=busk:1m;
             server {{ listen {address}; location ~{locations} }} }}"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let installed = Path::new("/usr/sbin/nginx");
        let nginx = if installed.exists() {
            installed
        } else {
            Path::new("nginx")
        };
        let process = Command::new(nginx).arg("-c").arg(&file).spawn().unwrap();
        let edge = Self {
            process,
            address,
            _folder: folder,
        };
        for _ in 0..100 {
            if TcpStream::connect(address).is_ok() {
                return edge;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nginx does not come up");
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // The master tells its workers when it is asked to, not when it is killed.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
