//! Hangouts over their real protocols: people come by a link, see and hear each other, nobody else finds any of it,
//! and an audience comes only when all have said yes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use busk_camera::{Camera, Publisher, ViewOptions, Viewer};
use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const WAIT: Duration = Duration::from_secs(30);
const TRIES: usize = 100;
const UNKNOWN: &str = "01980000-0000-7000-8000-000000000000";

/// Every address at which something of a room could be had.
const DOORS: &str = r#"
    GET /api/v1/rooms/ROOM
    GET /api/v1/rooms/ROOM/events
    GET /api/v1/rooms/ROOM/stage
    GET /api/v1/rooms/ROOM/health
    GET /api/v1/rooms/ROOM/replay
    GET /api/v1/rooms/ROOM/replay/events
    GET /replays/ROOM/index.m3u8
    GET /replays/ROOM/replay.mp4
    GET /hls/ROOM/index.m3u8
    GET /hls/ROOM/video.m3u8
    GET /ws/rooms/ROOM
    POST /whep/ROOM SDP
    POST /whip/rooms/ROOM/stage SDP
    POST /api/v1/rooms/ROOM/messages {"id":"ID","text":"hello?"}
    DELETE /api/v1/rooms/ROOM/messages/ID
    POST /api/v1/rooms/ROOM/gifts {"id":"ID","kind":"rose","count":1}
    PATCH /api/v1/rooms/ROOM {"title":"Mine"}
    DELETE /api/v1/rooms/ROOM/replay
    PATCH /api/v1/rooms/ROOM/replay {"visibility":"public"}
    POST /api/v1/rooms/ROOM/lobby
    POST /api/v1/rooms/ROOM/live
    POST /api/v1/rooms/ROOM/end
    POST /api/v1/rooms/ROOM/stage/ask
    POST /api/v1/rooms/ROOM/stage/join
    POST /api/v1/rooms/ROOM/stage/leave
    POST /api/v1/rooms/ROOM/stage/admit {"person":"ID"}
    POST /api/v1/rooms/ROOM/stage/invite {"handle":"host"}
    POST /api/v1/rooms/ROOM/stage/remove {"person":"ID"}
    POST /api/v1/rooms/ROOM/stage/switch {"muted":true}
    PUT /api/v1/rooms/ROOM/stage/layout {"layout":"solo"}
    POST /api/v1/hangouts/ROOM/door {}
    POST /api/v1/hangouts/ROOM/door {"secret":"guessed"}
    POST /api/v1/hangouts/ROOM/enter {}
    POST /api/v1/hangouts/ROOM/enter {"secret":"guessed"}
    POST /api/v1/hangouts/ROOM/lock {"locked":true}
    POST /api/v1/hangouts/ROOM/link
    POST /api/v1/hangouts/ROOM/live
    POST /api/v1/hangouts/ROOM/answer {"yes":true}
"#;

struct Hangout<'a> {
    app: &'a TestApp,
    room: String,
    secret: String,
}

impl<'a> Hangout<'a> {
    /// The host starts one and comes in.
    async fn start(app: &'a TestApp, host: &Browser) -> Self {
        let started = host.post("/api/v1/hangouts", json!({"title": "Ours"})).await;
        let started = started.is(201);
        let (room, secret) = (started.text("room"), started.text("secret"));
        let hangout = Self { app, room, secret };
        hangout.act(host, "enter", json!({})).await.is(200);
        hangout
    }

    async fn act(&self, who: &Browser, act: &str, body: Value) -> Answer {
        who.post(&format!("/api/v1/hangouts/{}/{act}", self.room), body)
            .await
    }

    async fn on_stage(&self, who: &Browser, act: &str, body: Value) -> Answer {
        who.post(&format!("/api/v1/rooms/{}/stage/{act}", self.room), body)
            .await
    }

    fn key(&self) -> Value {
        json!({"secret": self.secret})
    }

    async fn enter(&self, who: &Browser) -> Answer {
        self.act(who, "enter", self.key()).await
    }

    /// Connects somebody's camera.
    async fn film(&self, who: &Browser, name: &str) -> (Publisher, Camera) {
        let camera = self.app.camera(name);
        let path = format!("/whip/rooms/{}/stage", self.room);
        let publisher = Publisher::start_with(camera.feed(), async |offer| offered(who, &path, offer).await);
        let mut publisher = publisher.await.unwrap();
        assert!(publisher.connected().await, "the camera of {name} connects");
        (publisher, camera)
    }

    /// Watches all but oneself.
    async fn watch(&self, who: &Browser) -> Viewer {
        let path = format!("/whep/{}?own=false", self.room);
        let options = ViewOptions {
            decode: false,
            people: 8,
        };
        // A camera that is connected has a picture a moment later.
        for _ in 0..TRIES {
            let offered = async |offer| offered(who, &path, offer).await;
            match Viewer::start_with(options, offered).await {
                Err(error) if error.to_string().contains("room_not_live") => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                viewer => return viewer.unwrap(),
            }
        }
        panic!("there never was a picture");
    }

    /// Has the host ask to go live, once the host's camera is known to be there.
    async fn ask_live(&self, host: &Browser) -> Answer {
        for _ in 0..TRIES {
            let asked = self.act(host, "live", json!({})).await;
            if asked.body["type"] != "/problems/no_camera" {
                return asked;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the host's camera never came");
    }

    /// What is said to `who` at every address where something of the room could be had.
    async fn doors(&self, who: &Browser) -> Vec<(String, u16)> {
        let mut said = Vec::new();
        for row in DOORS.lines().map(str::trim).filter(|row| !row.is_empty()) {
            let row = row.replace("ROOM", &self.room).replace("ID", UNKNOWN);
            let mut words = row.splitn(3, ' ');
            let method: Method = words.next().unwrap().parse().unwrap();
            let path = words.next().unwrap();
            let request = who.request(method, path);
            let answer = match words.next() {
                Some("SDP") => request.header("content-type", "application/sdp").body("v=0\r\n"),
                Some(json) => request.json(&serde_json::from_str::<Value>(json).unwrap()),
                None => request,
            };
            said.push((row.clone(), Answer::of(answer).await.status.as_u16()));
        }
        said
    }
}

async fn offered(who: &Browser, path: &str, offer: String) -> Result<String, String> {
    let request = who.request(Method::POST, path);
    let request = request.header("content-type", "application/sdp").body(offer);
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    if status == 201 { Ok(text) } else { Err(text) }
}

/// Names of those on camera.
fn people(answer: &Answer) -> Vec<String> {
    let seats = answer.body["seats"].as_array().unwrap();
    let names = seats
        .iter()
        .map(|seat| seat["who"]["name"].as_str().unwrap().to_owned());
    names.collect()
}

fn id_of(answer: &Answer, name: &str) -> Value {
    let seats = answer.body["seats"].as_array().unwrap();
    let seat = seats.iter().find(|seat| seat["who"]["name"] == name).unwrap();
    json!({"person": seat["who"]["id"]})
}

/// One no keeps it private, whoever comes ends the question, the last yes opens the curtain.
async fn all_are_asked(hangout: &Hangout<'_>, host: &Browser, gus: &Browser, ann: &Browser, eve: &Browser) {
    let mut anns = hangout.app.socket(&hangout.room, "", ann).await;
    hangout.act(ann, "live", json!({})).await.problem(403, "not_host");
    hangout.ask_live(host).await.is(200);
    anns.event(|event| event["type"] == "hangout" && event["vote"].is_object())
        .await;
    hangout.act(ann, "answer", json!({"yes": false})).await.is(200);
    anns.event(|event| event["outcome"] == "refused").await;
    hangout
        .act(gus, "answer", json!({"yes": true}))
        .await
        .problem(409, "no_vote");
    hangout.act(host, "live", json!({})).await.is(200);
    hangout.act(ann, "answer", json!({"yes": true})).await.is(200);
    let door = hangout.act(eve, "door", hangout.key()).await.is(200);
    assert_eq!(door.body["asked_live"], true);
    hangout.enter(eve).await.is(200);
    anns.event(|event| event["outcome"] == "changed").await;
    hangout.on_stage(eve, "leave", json!({})).await.is(200);

    hangout.act(host, "live", json!({})).await.is(200);
    hangout.act(gus, "answer", json!({"yes": true})).await.is(200);
    assert_eq!(
        hangout.doors(&hangout.app.nobody()).await[0].1,
        404,
        "not before the last yes"
    );
    hangout.act(ann, "answer", json!({"yes": true})).await.is(200);
    anns.event(|event| event["type"] == "room_state" && event["state"] == "live")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_by_link_see_each_other_and_go_live_when_all_say_yes() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let (host, gus) = (app.sign_up("host").await, app.sign_up("gus").await);
    let (ann, eve) = (app.guest("Ann").await, app.sign_up("eve").await);
    let hangout = Hangout::start(&app, &host).await;
    let door = hangout.act(&app.nobody(), "door", hangout.key()).await.is(200);
    assert_eq!(door.body["people"], json!(["host"]));
    assert_eq!(
        (&door.body["locked"], &door.body["inside"]),
        (&json!(false), &json!(false))
    );
    hangout
        .act(&app.nobody(), "enter", hangout.key())
        .await
        .problem(401, "name_needed");
    hangout.enter(&ann).await.is(200);
    let all = hangout.enter(&gus).await.is(200);
    assert_eq!(people(&all), ["host", "Ann", "gus"]);
    assert_eq!(all.body["mine"], json!({"state": "on", "seat": 2}));

    let _cameras = [
        hangout.film(&host, "host").await,
        hangout.film(&ann, "Ann").await,
        hangout.film(&gus, "gus").await,
    ];
    let mut anns = app.socket(&hangout.room, "", &ann).await;
    let mut view = hangout.watch(&ann).await;
    let seen = |stats: &busk_camera::ViewerStats| stats.video_of[0] > 20 && stats.video_of[2] > 20;
    view.until(WAIT, seen).await.unwrap();
    assert_eq!(view.stats().video_of[1], 0, "Ann sees the others");
    let said = anns.say(&Uuid::from_u128(1).to_string(), "only for us").await;
    assert!(said.get("ok").is_some(), "{said}");
    assert_eq!(app.log().matches("ERROR").count(), 0);
    let on_air = app.nobody().get("/api/v1/rooms").await.is(200);
    assert_eq!(on_air.body["items"], json!([]));
    let channel = app.nobody().get("/api/v1/channels/host").await.is(200);
    assert_eq!(channel.body["room"], Value::Null);
    all_are_asked(&hangout, &host, &gus, &ann, &eve).await;

    // An ordinary live from here on, without what was said before.
    let room = &hangout.room;
    let shown = eve.get(&format!("/api/v1/rooms/{room}")).await.is(200);
    assert_eq!(shown.body["state"], "live");
    let events = eve.get(&format!("/api/v1/rooms/{room}/events")).await.is(200);
    assert!(
        !events.body.to_string().contains("only for us"),
        "{:#}",
        events.body
    );
    let stage = eve.get(&format!("/api/v1/rooms/{room}/stage")).await.is(200);
    assert_eq!(people(&stage), ["host", "Ann", "gus"]);
    assert_eq!(stage.body["seats_max"], 4);
    let mut audience = hangout.watch(&eve).await;
    let all = |stats: &busk_camera::ViewerStats| (0..3).all(|seat| stats.video_of[seat] > 10);
    audience.until(WAIT, all).await.unwrap();
    let playlist = format!("/hls/{room}/index.m3u8");
    for _ in 0..200 {
        if eve.get(&playlist).await.status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    eve.get(&playlist).await.is(200);
    hangout
        .on_stage(&host, "leave", json!({}))
        .await
        .problem(409, "host_stays");
    host.post(&format!("/api/v1/rooms/{room}/end"), json!({}))
        .await
        .is(200);
}

each_db!(for_everybody_else_there_is_no_such_room, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (host, eve) = (app.sign_up("host").await, app.sign_up("eve").await);
    let hangout = Hangout::start(&app, &host).await;
    let _camera = hangout.film(&host, "host").await;
    let (guest, nobody) = (app.guest("Guest").await, app.nobody());
    for who in [&eve, &guest, &nobody] {
        for (door, status) in hangout.doors(who).await {
            let closed = match status {
                404 => true,
                // Who has no account or no name is told that first, whatever the address.
                401 => !std::ptr::eq(who, &eve),
                _ => false,
            };
            assert!(closed, "{door}: {status}");
        }
    }
    // Nor is it there once it is over, nor for who was in it and has left.
    hangout.enter(&guest).await.is(200);
    let mut socket = app.socket(&hangout.room, "", &guest).await;
    socket.say(&Uuid::from_u128(1).to_string(), "hi").await;
    guest
        .get(&format!("/api/v1/rooms/{}", hangout.room))
        .await
        .is(200);
    hangout.on_stage(&guest, "leave", json!({})).await.is(200);
    socket.closed().await;
    guest
        .get(&format!("/ws/rooms/{}", hangout.room))
        .await
        .problem(404, "room_unknown");
    let end = host
        .post(&format!("/api/v1/rooms/{}/end", hangout.room), json!({}))
        .await;
    assert_eq!(end.is(200).body["state"], "ended");
    for (door, status) in hangout.doors(&eve).await {
        assert_eq!(status, 404, "{door}");
    }
    let events = host.get(&format!("/api/v1/rooms/{}/events", hangout.room)).await;
    assert!(
        !events.body.to_string().contains("hi"),
        "what was said is forgotten"
    );
    // Its owner may have another now, and one only; a live beside it is no matter.
    let next = host
        .post("/api/v1/hangouts", json!({"title": "Next", "people_max": 2}))
        .await;
    let next = next.is(201).text("room");
    let second = host.post("/api/v1/hangouts", json!({"title": "Second"})).await;
    assert_eq!(second.problem(409, "already_open").body["detail"], next.as_str());
    host.post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201);
    for people in [0, 1, 9] {
        let refused = json!({"title": "Many", "people_max": people});
        let refused = eve
            .post("/api/v1/hangouts", refused)
            .await
            .problem(422, "invalid");
        assert_eq!(refused.body["field"], "people_max");
    }
});

each_db!(the_host_locks_removes_mutes_and_makes_a_new_link, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (host, gus, eve) = (
        app.sign_up("host").await,
        app.sign_up("gus").await,
        app.sign_up("eve").await,
    );
    let mut hangout = Hangout::start(&app, &host).await;
    let (ann, bob) = (app.guest("Ann").await, app.guest("Bob").await);
    hangout.enter(&ann).await.is(200);
    hangout
        .act(&ann, "lock", json!({"locked": true}))
        .await
        .problem(403, "not_host");
    hangout.act(&host, "lock", json!({"locked": true})).await.is(200);
    hangout.enter(&bob).await.problem(409, "locked");
    let door = hangout.act(&bob, "door", hangout.key()).await.is(200);
    assert_eq!(door.body["locked"], true);
    // Who is inside comes back after a reload, and the host always does.
    hangout.enter(&ann).await.is(200);
    hangout.on_stage(&host, "leave", json!({})).await.is(200);
    hangout.act(&host, "enter", json!({})).await.is(200);
    hangout.act(&host, "lock", json!({"locked": false})).await.is(200);
    let all = hangout.enter(&bob).await.is(200);

    let mut bobs = app.socket(&hangout.room, "", &bob).await;
    let _camera = hangout.film(&bob, "Bob").await;
    let bob_is = id_of(&all, "Bob");
    let mute = json!({"person": bob_is["person"], "muted": true});
    hangout.on_stage(&host, "switch", mute).await.is(200);
    bobs.event(|event| event["seats"][2]["muted"] == true).await;
    hangout
        .on_stage(&ann, "remove", bob_is.clone())
        .await
        .problem(403, "not_host");
    hangout.on_stage(&host, "remove", bob_is).await.is(200);
    bobs.closed().await;
    let whip = offered(
        &bob,
        &format!("/whip/rooms/{}/stage", hangout.room),
        "v=0\r\n".into(),
    )
    .await;
    assert!(whip.unwrap_err().contains("room_unknown"));
    hangout.enter(&bob).await.problem(403, "removed");
    hangout
        .act(&bob, "door", hangout.key())
        .await
        .problem(403, "removed");
    let again = app.guest("Bob").await;
    hangout.enter(&again).await.is(200);

    // Anybody's block counts while they are on camera.
    hangout.enter(&gus).await.is(200);
    gus.send(Method::PUT, "/api/v1/me/blocks/eve", json!({}))
        .await
        .is(204);
    hangout.enter(&eve).await.problem(403, "blocked");
    hangout
        .act(&eve, "door", hangout.key())
        .await
        .problem(403, "blocked");
    hangout.on_stage(&gus, "leave", json!({})).await.is(200);
    hangout.enter(&eve).await.is(200);
    hangout.enter(&gus).await.problem(403, "blocked");
    host.send(Method::PUT, "/api/v1/me/blocks/eve", json!({}))
        .await
        .is(204);
    hangout
        .act(&eve, "door", hangout.key())
        .await
        .problem(403, "removed");

    let old = hangout.key();
    hangout
        .act(&ann, "link", json!({}))
        .await
        .problem(401, "sign_in_needed");
    hangout.secret = hangout.act(&host, "link", json!({})).await.is(200).text("secret");
    hangout.act(&gus, "enter", old).await.problem(404, "room_unknown");
    hangout.enter(&gus).await.is(200);
    // Eight are on camera at once: the host, Ann, Bob, Gus, and four more.
    for name in ["Five", "Six", "Seven", "Eight"] {
        hangout.enter(&app.guest(name).await).await.is(200);
    }
    hangout
        .enter(&app.guest("Nine").await)
        .await
        .problem(409, "stage_full");
    let _camera = hangout.film(&host, "host").await;
    hangout.ask_live(&host).await.problem(409, "too_many_on_camera");
    let ask = json!({"title": "Mine"});
    host.send(Method::PATCH, &format!("/api/v1/rooms/{}", hangout.room), ask)
        .await
        .is(200);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sat_beyond_a_lives_seats_moves_when_it_begins() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let hangout = Hangout::start(&app, &host).await;
    let _host = hangout.film(&host, "host").await;
    let mut others = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let other = app.guest(name).await;
        hangout.enter(&other).await.is(200);
        others.push(other);
    }
    let last = others.pop().unwrap();
    let mut lasts = app.socket(&hangout.room, "", &last).await;
    assert_eq!(lasts.hello["hello"]["stage"]["mine"]["seat"], 4);
    let camera = hangout.film(&last, "d").await;
    for other in &others {
        hangout.on_stage(other, "leave", json!({})).await.is(200);
    }
    hangout.ask_live(&host).await.is(200);
    // Another live of the channel has the place.
    let other = host
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201)
        .text("id");
    hangout.act(&last, "answer", json!({"yes": true})).await.is(200);
    lasts.event(|event| event["outcome"] == "other_open").await;
    hangout
        .act(&host, "live", json!({}))
        .await
        .problem(409, "already_open");
    host.post(&format!("/api/v1/rooms/{other}/end"), json!({}))
        .await
        .is(200);

    hangout.act(&host, "live", json!({})).await.is(200);
    hangout.act(&last, "answer", json!({"yes": true})).await.is(200);
    lasts
        .event(|event| event["type"] == "stage_mine" && event["seat"] == 1)
        .await;
    drop(camera);
    let _camera = hangout.film(&last, "d").await;
    let mut audience = hangout.watch(&app.nobody()).await;
    let both = |stats: &busk_camera::ViewerStats| stats.video_of[0] > 10 && stats.video_of[1] > 10;
    audience.until(WAIT, both).await.unwrap();
    // Whoever comes by the link now is told that it has an audience.
    let late = app.guest("late").await;
    let door = hangout.act(&late, "door", hangout.key()).await.is(200);
    assert_eq!(door.body["state"], "live");
    hangout.enter(&late).await.problem(409, "wrong_state");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_without_its_host_and_over_a_restart() {
    let mut app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let (host, ann) = (app.sign_up("host").await, app.guest("Ann").await);
    let hangout = Hangout::start(&app, &host).await;
    hangout.enter(&ann).await.is(200);
    let camera = hangout.film(&ann, "Ann").await;
    hangout.on_stage(&host, "leave", json!({})).await.is(200);
    let stage = format!("/api/v1/rooms/{}/stage", hangout.room);
    assert_eq!(people(&ann.get(&stage).await.is(200)), ["Ann"]);
    host.get(&stage).await.problem(404, "room_unknown");
    let (room, secret) = (hangout.room.clone(), hangout.secret.clone());
    app.kill9();
    app.restart().await;
    drop(camera);
    let (host, ann) = (app.again(&host), app.again(&ann));
    let hangout = Hangout {
        app: &app,
        room,
        secret,
    };
    let stage = ann.get(&stage).await.is(200);
    assert_eq!(stage.body["seats"][0]["on_air"], false);
    let _camera = hangout.film(&ann, "Ann").await;
    let all = hangout.act(&host, "enter", json!({})).await.is(200);
    assert_eq!(people(&all), ["host", "Ann"]);
    hangout.on_stage(&host, "leave", json!({})).await.is(200);
    hangout.on_stage(&ann, "leave", json!({})).await.is(200);
    let door = hangout.act(&host, "door", json!({})).await.is(200);
    assert_eq!(
        (&door.body["state"], &door.body["people"]),
        (&json!("hangout"), &json!([]))
    );
}
