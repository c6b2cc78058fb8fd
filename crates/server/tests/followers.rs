//! A live for followers, at every door and for everybody who may come to one: refused without a follow, let in with it at
//! once, shown out when it ends. Those who run it pass.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use busk_testkit::webrtc::offer;
use reqwest::Method;
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::json;
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const FOLLOW: &str = "/api/v1/channels/host/follow";

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

/// A live for followers, by a camera.
async fn on_air(app: &TestApp, host: &Browser) -> (String, busk_camera::Publisher, busk_camera::Camera) {
    let opened = json!({"title": "Among us", "access": "followers"});
    let opened = host.post("/api/v1/rooms", opened).await.is(201);
    assert_eq!(opened.body["access"], "followers");
    let room = opened.text("id");
    let key = host.stream_key("host").await;
    let camera = app.camera("host");
    let publisher = app.publish(&camera, "host", &key).await;
    let live = format!("/api/v1/rooms/{room}/live");
    host.post(&live, json!({})).await.is(200);
    (room, publisher, camera)
}

/// Everybody who may come to its doors, with what they are refused with.
async fn roles(app: &TestApp, host: &Browser) -> Vec<(&'static str, Browser, Option<u16>)> {
    let (stranger, fan) = (app.sign_up("stranger").await, app.sign_up("fan").await);
    let (former, other) = (app.sign_up("former").await, app.sign_up("other").await);
    let (mod_, boss) = (app.sign_up("helper").await, app.sign_up("boss").await);
    for who in [&fan, &former] {
        who.send(Method::PUT, FOLLOW, json!({})).await.is(200);
    }
    former.send(Method::DELETE, FOLLOW, json!({})).await.is(204);
    let elsewhere = "/api/v1/channels/fan/follow";
    other.send(Method::PUT, elsewhere, json!({})).await.is(200);
    let team = "/api/v1/channels/host/team/helper";
    host.send(Method::PUT, team, json!({"role": "moderator"}))
        .await
        .is(204);
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'boss'")
        .await;
    vec![
        ("nobody", app.nobody(), Some(401)),
        ("a guest", app.guest("Zoé").await, Some(401)),
        ("a stranger", stranger, Some(403)),
        ("who follows no more", former, Some(403)),
        ("who follows another", other, Some(403)),
        ("a follower", fan, None),
        ("the host", host.clone(), None),
        ("a moderator", mod_, None),
        ("an operator", boss, None),
    ]
}

/// What a door says to somebody.
async fn hls(app: &TestApp, path: &str, cookie: Option<&str>) -> (u16, Option<String>) {
    let request = reqwest::Client::new().get(format!("http://{}{path}", app.http));
    let request = match cookie {
        Some(cookie) => request.header(COOKIE, cookie),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let set = answer.headers().get(SET_COOKIE).cloned();
    let token = set.map(|set| set.to_str().unwrap().split(';').next().unwrap().to_owned());
    (answer.status().as_u16(), token)
}

/// Its playlist, once there is something to play.
async fn plays(app: &TestApp, index: &str, who: &Browser) -> String {
    for _ in 0..100 {
        if let (200, Some(token)) = hls(app, index, who.cookie.as_deref()).await {
            return token;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("nothing to play");
}

/// Refused as this door refuses those who do not follow, or not for that.
fn weigh(answer: &Answer, refused: Option<u16>, who: &str, door: &str) {
    let (status, code) = (answer.status.as_u16(), &answer.body["type"]);
    let barred = code
        .as_str()
        .is_some_and(|code| code.ends_with("follow_required"));
    match refused {
        Some(expected) => assert!(barred && status == expected, "{who} at {door}: {status} {code}"),
        None => assert!(!barred, "{who} at {door}: {status} {code}"),
    }
}

async fn watches(room: &str, who: &Browser) -> busk_testkit::webrtc::Said {
    who.offer(&format!("/whep/{room}"), None, offer("recvonly")).await
}

async fn gone(socket: &mut busk_testkit::room_socket::RoomSocket) -> Option<u16> {
    tokio::time::timeout(Duration::from_secs(2), socket.closed())
        .await
        .expect("within two seconds");
    socket.close_code
}

each_db!(a_live_for_followers_at_every_door, async |db: TestDb| {
    let app = TestApp::start(BUSK, db).await;
    let host = app.sign_up("host").await;
    let (room, publisher, _camera) = on_air(&app, &host).await;
    let at = |path: &str| format!("/api/v1/rooms/{room}/{path}");
    let index = format!("/hls/{room}/index.m3u8");
    plays(&app, &index, &host).await;

    for (number, (name, who, refused)) in (1_u128..).zip(roles(&app, &host).await) {
        // What it is, and whom it is for, everybody may know.
        let shown = who.get(&format!("/api/v1/rooms/{room}")).await.is(200);
        assert_eq!(shown.body["access"], "followers", "{name}");
        weigh(&who.get(&at("events")).await, refused, name, "events");
        weigh(&who.get(&at("stage")).await, refused, name, "stage");
        let say = json!({"id": id(number), "text": format!("hello from {name}")});
        weigh(&who.post(&at("messages"), say).await, refused, name, "chat");
        let watching = watches(&room, &who).await;
        match refused {
            Some(status) => drop(watching.problem(status, "follow_required")),
            None => drop(watching.is(201)),
        }
        let playlist = hls(&app, &index, who.cookie.as_deref()).await;
        assert_eq!(playlist.0, refused.unwrap_or(200), "{name} at LL-HLS");
        let socket = app.try_socket(&room, &who).await;
        assert_eq!(socket.is_none(), refused.is_some(), "{name} at the socket");
        // What only a person does: guests are asked to sign in before anything else.
        if refused != Some(401) {
            let gift = json!({"id": id(100 + number), "kind": "rose", "count": 1});
            weigh(&who.post(&at("gifts"), gift).await, refused, name, "gifts");
            let badge = json!({"id": id(200 + number), "hearts": 1, "return_to": "/"});
            weigh(&who.post(&at("badges"), badge).await, refused, name, "badges");
        }
    }
    publisher.stop().await;
    host.post(&at("end"), json!({})).await.is(200);
});

each_db!(
    who_follows_is_let_in_and_who_does_no_more_shown_out,
    async |db: TestDb| {
        let app = TestApp::start(BUSK, db).await;
        let (host, fan) = (app.sign_up("host").await, app.sign_up("fan").await);
        let helper = app.sign_up("helper").await;
        let (room, publisher, _camera) = on_air(&app, &host).await;
        let at = |path: &str| format!("/api/v1/rooms/{room}/{path}");
        let (index, video) = (
            format!("/hls/{room}/index.m3u8"),
            format!("/hls/{room}/video.m3u8"),
        );
        plays(&app, &index, &host).await;
        fan.get(&at("events")).await.problem(403, "follow_required");

        // At once, and those who are there are told.
        let mut inside = app.socket(&room, "", &host).await;
        fan.send(Method::PUT, FOLLOW, json!({})).await.is(200);
        let told = inside.event(|event| event["type"] == "follow").await;
        assert_eq!(told["from"]["name"], "fan");
        let mut socket = app.socket(&room, "", &fan).await;
        let token = plays(&app, &index, &fan).await;
        assert_eq!(hls(&app, &video, Some(&token)).await.0, 200, "by the token alone");
        watches(&room, &fan).await.is(201);

        // No more: out of everything, by the code that says that it is over.
        fan.send(Method::DELETE, FOLLOW, json!({})).await.is(204);
        assert_eq!(gone(&mut socket).await, Some(4005));
        fan.get(&at("events")).await.problem(403, "follow_required");
        assert_eq!(hls(&app, &video, Some(&token)).await.0, 401);
        fan.send(Method::DELETE, FOLLOW, json!({})).await.is(204);
        // And in again.
        fan.send(Method::PUT, FOLLOW, json!({})).await.is(200);
        app.socket(&room, "", &fan).await;

        // The team stays, whether it follows or not.
        let team = "/api/v1/channels/host/team/helper";
        host.send(Method::PUT, team, json!({"role": "moderator"}))
            .await
            .is(204);
        helper.send(Method::PUT, FOLLOW, json!({})).await.is(200);
        let mut stays = app.socket(&room, "", &helper).await;
        helper.send(Method::DELETE, FOLLOW, json!({})).await.is(204);
        let say = json!({"id": id(7), "text": "still here"});
        fan.post(&at("messages"), say).await.is(201);
        stays.event(|event| event["text"] == "still here").await;
        helper.get(&at("events")).await.is(200);
        publisher.stop().await;
        host.post(&at("end"), json!({})).await.is(200);
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_replay_can_be_for_followers_too_and_nothing_shows_it_elsewhere() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let (fan, stranger) = (app.sign_up("fan").await, app.sign_up("stranger").await);
    fan.send(Method::PUT, FOLLOW, json!({})).await.is(200);
    let (room, publisher, _camera) = on_air(&app, &host).await;
    let at = |path: &str| format!("/api/v1/rooms/{room}/{path}");
    let page = format!("/oembed?url=http://{}/r/{room}", app.http);
    app.nobody().get(&page).await.problem(401, "not_public");
    // Nobody's viewers are sent where they could not come in.
    let raider = app.sign_up("raider").await;
    let theirs = app.make_live(&raider, "raider").await;
    let onward = format!("/api/v1/rooms/{}/redirect", theirs.room);
    raider
        .post(&onward, json!({"channel": "host"}))
        .await
        .problem(409, "channel_not_open");
    tokio::time::sleep(Duration::from_secs(3)).await;
    host.post(&at("end"), json!({})).await.is(200);
    publisher.stop().await;
    for _ in 0..100 {
        if host.get(&at("replay")).await.body["recording"] == false {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let rows: [(&str, [u16; 3]); 3] = [
        ("private", [404, 404, 404]),
        ("followers", [401, 403, 200]),
        ("public", [200, 200, 200]),
    ];
    let nobody = app.nobody();
    for (visibility, expected) in rows {
        let body = json!({ "visibility": visibility });
        host.send(Method::PATCH, &at("replay"), body).await.is(200);
        for (who, expected) in [&nobody, &stranger, &fan].into_iter().zip(expected) {
            for path in [
                at("replay"),
                at("replay/events"),
                format!("/replays/{room}/index.m3u8"),
            ] {
                let status = who.get(&path).await.status.as_u16();
                assert_eq!(status, expected, "{visibility}: {path}");
            }
            let listed = who.get("/api/v1/channels/host/replays").await.is(200);
            let listed = listed.body["items"]
                .as_array()
                .is_some_and(|items| !items.is_empty());
            assert_eq!(listed, expected == 200, "{visibility} in the list");
        }
    }
}
