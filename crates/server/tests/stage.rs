//! The stage over its real protocols: guests come, are seen and heard, are switched, and go.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use busk_camera::{Publisher, ViewOptions, Viewer};
use busk_testkit::app::{Answer, Browser, OnAir, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use busk_testkit::room_socket::RoomSocket;
use reqwest::Method;
use serde_json::{Value, json};

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const WAIT: Duration = Duration::from_secs(30);

/// Who is on stage now: names by seat.
fn on_stage(names: &[&str]) -> impl Fn(&Value) -> bool {
    move |event| {
        let seats = event["seats"].as_array();
        event["type"] == "stage"
            && seats.is_some_and(|seats| {
                let there: Vec<&str> = seats
                    .iter()
                    .filter_map(|seat| seat["who"]["name"].as_str())
                    .collect();
                there == names
            })
    }
}

fn mine(state: &str) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == "stage_mine" && event["state"] == state
}

struct Live<'a> {
    app: &'a TestApp,
    on_air: OnAir,
}

impl Live<'_> {
    fn path(&self, act: &str) -> String {
        format!("/api/v1/rooms/{}/stage/{act}", self.on_air.room)
    }

    async fn act(&self, who: &Browser, act: &str, body: Value) -> Answer {
        who.post(&self.path(act), body).await
    }

    /// Watches for all seats.
    async fn watch(&self, who: &Browser, query: &str) -> Viewer {
        let path = format!("/whep/{}{query}", self.on_air.room);
        let options = ViewOptions {
            decode: false,
            people: 4,
        };
        let viewer = Viewer::start_with(options, async |offer| offered(who, &path, offer).await);
        viewer.await.unwrap()
    }

    /// Connects a guest's camera.
    async fn publish(&self, who: &Browser, name: &str) -> Publisher {
        let camera = self.app.camera(name);
        let path = format!("/whip/rooms/{}/stage", self.on_air.room);
        let feed = camera.feed();
        let publisher = Publisher::start_with(feed, async |offer| offered(who, &path, offer).await);
        let mut publisher = publisher.await.unwrap();
        assert!(publisher.connected().await, "the guest's camera connects");
        // The camera is to film on.
        std::mem::forget(camera);
        publisher
    }
}

async fn offered(who: &Browser, path: &str, offer: String) -> Result<String, String> {
    let request = who.request(Method::POST, path);
    let request = request.header("content-type", "application/sdp").body(offer);
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    if status == 201 { Ok(text) } else { Err(text) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_is_seen_and_heard_by_all_switched_and_removed() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let live = Live {
        on_air: app.make_live(&host, "host").await,
        app: &app,
    };
    let gus = app.sign_up("gus").await;
    let mut watching = app.socket(&live.on_air.room, "", &app.nobody()).await;
    let mut hosts = app.socket(&live.on_air.room, "", &host).await;
    let mut guests = app.socket(&live.on_air.room, "", &gus).await;
    let mut viewer = live.watch(&app.nobody(), "").await;
    viewer.until(WAIT, |stats| stats.video_of[0] > 20).await.unwrap();

    let path = format!("/whip/rooms/{}/stage", live.on_air.room);
    let refused = offered(&gus, &path, "v=0\r\n".into()).await.unwrap_err();
    assert!(refused.contains("not_on_stage"), "{refused}");
    let asked = live.act(&gus, "ask", json!({})).await.is(200);
    assert_eq!(asked.body["mine"]["state"], "asked");
    let waiting = hosts.event(|event| event["type"] == "stage_waiting").await;
    assert_eq!(waiting["asked"][0]["name"], "gus");
    let person = json!({"person": waiting["asked"][0]["id"]});
    live.act(&gus, "admit", person.clone())
        .await
        .problem(403, "not_host");
    live.act(&host, "admit", person.clone()).await.is(200);
    watching.event(on_stage(&["host", "gus"])).await;
    guests.event(mine("on")).await;

    // The same viewer gets the guest on the lines offered for that seat, without a new session.
    let publisher = live.publish(&gus, "gus").await;
    let seen = |stats: &busk_camera::ViewerStats| stats.video_of[1] > 20 && stats.audio_of[1] > 20;
    viewer.until(WAIT, seen).await.unwrap();
    watching.event(|event| event["seats"][1]["on_air"] == true).await;
    // Those on stage see each other, and not themselves when they say so.
    let mut stage_view = live.watch(&gus, "?own=false").await;
    stage_view
        .until(WAIT, |stats| stats.video_of[0] > 40)
        .await
        .unwrap();
    assert_eq!(stage_view.stats().video_of[1], 0);
    stage_view.stop().await;

    switched(&live, &host, &gus, &person, &mut watching, &mut viewer).await;

    let layout = json!({"layout": "spotlight", "focus": 1});
    host.send(Method::PUT, &live.path("layout"), layout).await.is(200);
    watching
        .event(|event| event["layout"] == "spotlight" && event["focus"] == 1)
        .await;
    live.act(&host, "remove", person).await.is(200);
    let gone = guests.event(mine("none")).await;
    assert_eq!(gone["why"], "removed");
    watching.event(on_stage(&["host"])).await;
    drop(publisher);
    let refused = offered(&gus, &path, "v=0\r\n".into()).await.unwrap_err();
    assert!(refused.contains("not_on_stage"), "{refused}");
    viewer.stop().await;
}

/// The host switches a guest off, the guest switches on again.
async fn switched(
    live: &Live<'_>,
    host: &Browser,
    gus: &Browser,
    person: &Value,
    watching: &mut RoomSocket,
    viewer: &mut Viewer,
) {
    let mute = json!({"person": person["person"], "muted": true, "hidden": true});
    live.act(host, "switch", mute).await.is(200);
    watching.event(|event| event["seats"][1]["muted"] == true).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (quiet, host_at) = (viewer.stats(), viewer.stats().video_of[0]);
    viewer
        .until(WAIT, |stats| stats.video_of[0] > host_at + 30)
        .await
        .unwrap();
    let after = viewer.stats();
    assert_eq!(
        (after.audio_of[1], after.video_of[1]),
        (quiet.audio_of[1], quiet.video_of[1]),
        "what is switched off reaches nobody"
    );
    live.act(
        host,
        "switch",
        json!({"person": person["person"], "muted": false}),
    )
    .await
    .problem(403, "theirs_to_switch_on");
    live.act(gus, "switch", json!({"muted": false, "hidden": false}))
        .await
        .is(200);
    let on_again = |stats: &busk_camera::ViewerStats| {
        stats.video_of[1] > after.video_of[1] + 20 && stats.audio_of[1] > after.audio_of[1] + 20
    };
    viewer.until(WAIT, on_again).await.unwrap();
}

each_db!(who_is_blocked_by_anyone_on_stage_is_out, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let host = app.sign_up("host").await;
    let live = Live {
        on_air: app.make_live(&host, "host").await,
        app: &app,
    };
    let room = live.on_air.room.clone();
    let (eve, gus) = (app.sign_up("eve").await, app.sign_up("gus").await);
    let mut eves = app.socket(&room, "", &eve).await;
    let mut picture = live.watch(&eve, "").await;
    picture.until(WAIT, |stats| stats.video_of[0] > 5).await.unwrap();
    gus.send(Method::PUT, "/api/v1/me/blocks/eve", json!({}))
        .await
        .is(204);
    assert!(
        eves.say(&uuid::Uuid::from_u128(1).to_string(), "hi")
            .await
            .get("ok")
            .is_some()
    );

    // Gus's blocks count while he is on stage.
    live.act(&host, "invite", json!({"handle": "@Gus"})).await.is(200);
    live.act(&gus, "join", json!({})).await.is(200);
    let ended = picture.until(WAIT, |_| false).await.unwrap_err();
    assert!(ended.ended, "the picture of whoever is blocked ends");
    let whep = offered(&eve, &format!("/whep/{room}"), "v=0\r\n".into()).await;
    assert!(whep.unwrap_err().contains("blocked"));
    eve.get(&format!("/hls/{room}/index.m3u8"))
        .await
        .problem(403, "blocked");
    let say = json!({"id": uuid::Uuid::from_u128(2), "text": "still here"});
    let messages = format!("/api/v1/rooms/{room}/messages");
    eve.post(&messages, say.clone()).await.problem(403, "blocked");
    live.act(&eve, "ask", json!({})).await.problem(403, "blocked");
    let socket = eve.get(&format!("/ws/rooms/{room}")).await;
    socket.problem(403, "blocked");
    let invited = live.act(&host, "invite", json!({"handle": "eve"})).await;
    invited.problem(403, "blocked");

    live.act(&gus, "leave", json!({})).await.is(200);
    eve.post(&messages, say).await.is(201);
    let blocks = gus.get("/api/v1/me/blocks").await.is(200);
    assert_eq!(blocks.body["items"][0]["handle"], "eve");
    gus.send(Method::DELETE, "/api/v1/me/blocks/eve", json!({}))
        .await
        .is(204);
    let none = gus.get("/api/v1/me/blocks").await.is(200);
    assert_eq!(none.body["items"], json!([]));
    gus.send(Method::PUT, "/api/v1/me/blocks/gus", json!({}))
        .await
        .problem(409, "yourself");
    let id = eve.get("/api/v1/me").await.is(200).text("id");
    gus.send(Method::PUT, &format!("/api/v1/me/blocks/{id}"), json!({}))
        .await
        .is(204);
    let blocks = gus.get("/api/v1/me/blocks").await.is(200);
    assert_eq!(blocks.body["items"][0]["handle"], "eve");
    let nowhere = format!("/webrtc/{}/tiles", uuid::Uuid::from_u128(77));
    eve.post(&nowhere, json!({"heights": [720, 0]}))
        .await
        .problem(404, "session_unknown");
    eve.post(&nowhere, json!({"heights": vec![0; 9]}))
        .await
        .problem(422, "invalid");
});

each_db!(each_sees_of_the_stage_what_is_theirs_to_see, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let host = app.sign_up("host").await;
    let live = Live {
        on_air: app.make_live(&host, "host").await,
        app: &app,
    };
    let room = live.on_air.room.clone();
    let (ann, bob) = (app.guest("Ann").await, app.sign_up("bob").await);
    live.act(&app.nobody(), "ask", json!({}))
        .await
        .problem(401, "name_needed");
    live.act(&ann, "ask", json!({})).await.is(200);
    live.act(&bob, "ask", json!({})).await.is(200);
    let seen = async |who: &Browser| {
        let events = who.get(&format!("/api/v1/rooms/{room}/events")).await.is(200);
        let items = events.body["items"].as_array().unwrap().clone();
        let kinds = items
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned());
        let stage = kinds.filter(|kind| kind.starts_with("stage"));
        stage.collect::<Vec<_>>()
    };
    assert_eq!(seen(&app.nobody()).await, Vec::<String>::new());
    assert_eq!(seen(&ann).await, ["stage_mine"]);
    assert_eq!(seen(&bob).await, ["stage_mine"]);
    assert_eq!(seen(&host).await, ["stage_waiting", "stage_waiting"]);
    let of = async |who: &Browser| who.get(&format!("/api/v1/rooms/{room}/stage")).await.is(200).body;
    assert_eq!(of(&app.nobody()).await["waiting"], Value::Null);
    assert_eq!(of(&bob).await["waiting"], Value::Null);
    assert_eq!(of(&bob).await["mine"]["state"], "asked");
    let waiting = of(&host).await["waiting"]["asked"].clone();
    assert_eq!(waiting.as_array().unwrap().len(), 2);

    // Whoever comes on stage sees from then on what the stage sees, in the same socket.
    let mut anns = app.socket(&room, "", &ann).await;
    live.act(&host, "admit", json!({"person": waiting[0]["id"]}))
        .await
        .is(200);
    anns.event(mine("on")).await;
    live.act(&bob, "leave", json!({})).await.is(200);
    anns.event(|event| event["type"] == "stage_waiting" && event["asked"] == json!([]))
        .await;
    let socket = app.socket(&room, "", &app.nobody()).await;
    assert_eq!(socket.hello["hello"]["stage"]["seats"][1]["who"]["name"], "Ann");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_no_guest_is_on_air_before_their_camera_is_back() {
    let mut app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let (host, gus) = (app.sign_up("host").await, app.sign_up("gus").await);
    let room = host.post("/api/v1/rooms", json!({"title": "Soundcheck"})).await;
    let stage = format!("/api/v1/rooms/{}/stage", room.is(201).text("id"));
    host.post(&format!("{stage}/invite"), json!({"handle": "gus"}))
        .await
        .is(200);
    gus.post(&format!("{stage}/join"), json!({})).await.is(200);
    let camera = app.camera("gus");
    let path = stage.replace("/api/v1/", "/whip/");
    let publisher = Publisher::start_with(camera.feed(), async |offer| offered(&gus, &path, offer).await);
    let publisher = publisher.await.unwrap();
    let on_air = async |who: &Browser| who.get(&stage).await.is(200).body["seats"][1]["on_air"].clone();
    for _ in 0..150 {
        if on_air(&host).await == true {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(on_air(&host).await, true);
    app.kill9();
    app.restart().await;
    let host = app.again(&host);
    assert_eq!(on_air(&host).await, false);
    drop(publisher);
}
