//! A chat's rules over its real protocols: each mode, each act of a moderator, and what is left on other screens: live,
//! come back, come new, and in the replay.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use busk_testkit::room_socket::RoomSocket;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
/// Sockets that hear of a removal.
const SCREENS: usize = 50;
/// A moderator's act is on every screen within this.
const REMOVED_WITHIN: Duration = Duration::from_secs(1);

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

fn of(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == kind
}

fn said(text: &str) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == "said" && event["text"] == text
}

fn code(answer: &Value) -> &str {
    let kind = answer["problem"]["type"].as_str().unwrap_or_default();
    kind.trim_start_matches("/problems/")
}

struct Room<'a> {
    app: &'a TestApp,
    room: String,
}

impl Room<'_> {
    /// On air without a camera: enough for chat.
    async fn open<'a>(app: &'a TestApp, host: &Browser) -> Room<'a> {
        let room = host.post("/api/v1/rooms", json!({"title": "Songs"})).await;
        let room = room.is(201).text("id");
        app.db
            .tamper("UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1")
            .await;
        Room { app, room }
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/rooms/{}/{rest}", self.room)
    }

    async fn socket(&self, who: &Browser) -> RoomSocket {
        self.app.socket(&self.room, "", who).await
    }

    async fn mode(&self, by: &Browser, change: Value) -> Answer {
        let mut mode = json!({"slow_s": 0, "followers_min": null, "subscribers": false, "guests": true, "links": "allowed"});
        for (name, value) in change.as_object().unwrap() {
            mode[name] = value.clone();
        }
        by.send(Method::PUT, &self.path("chat-mode"), mode).await
    }

    async fn act(&self, by: &Browser, act: &str, person: &str, seconds: Option<u32>) -> Answer {
        let body = json!({"act": act, "person": person, "seconds": seconds, "why": "spam"});
        by.post(&self.path("moderation/acts"), body).await
    }
}

async fn person(who: &Browser) -> String {
    who.get("/api/v1/me").await.is(200).text("id")
}

/// Makes somebody a moderator of the host's channel.
async fn moderator(host: &Browser, handle: &str) {
    let path = format!("/api/v1/channels/host/team/{handle}");
    host.send(Method::PUT, &path, json!({"role": "moderator"}))
        .await
        .is(204);
}

each_db!(modes, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (host, bea) = (app.sign_up("host").await, app.sign_up("bea").await);
    let room = Room::open(&app, &host).await;
    let (mut person, mut guest) = (
        room.socket(&bea).await,
        room.socket(&app.guest("Zoé").await).await,
    );
    assert_eq!(person.hello["hello"]["chat"]["slow_s"], 0);
    assert_eq!(person.hello["hello"]["held"], Value::Null);

    room.mode(&bea, json!({"slow_s": 5}))
        .await
        .problem(403, "moderator_needed");
    room.mode(&app.nobody(), json!({}))
        .await
        .problem(401, "sign_in_needed");
    room.mode(&host, json!({"slow_s": 121}))
        .await
        .problem(422, "invalid");
    room.mode(&host, json!({"slow_s": 100})).await.is(200);
    let told = guest.event(of("chat_mode")).await;
    assert_eq!(told["mode"]["slow_s"], 100);
    assert!(person.say(&id(1), "one").await.get("ok").is_some());
    let slow = person.say(&id(2), "two").await;
    assert_eq!(
        (code(&slow), &slow["problem"]["status"]),
        ("slow_mode", &json!(429))
    );
    let wait = slow["problem"]["retry_after_s"].as_u64().unwrap();
    assert!((95..=100).contains(&wait), "{slow:#}");

    room.mode(&host, json!({"guests": false})).await.is(200);
    assert_eq!(code(&guest.say(&id(3), "salut").await), "guests_off");
    assert!(person.say(&id(2), "two").await.get("ok").is_some());
    room.mode(&host, json!({"subscribers": true})).await.is(200);
    assert_eq!(code(&person.say(&id(4), "me").await), "subscribers_only");
    room.mode(&host, json!({"links": "refused"})).await.is(200);
    // Somebody else: who is refused has used up a part of their rate, too.
    let cid = app.sign_up("cid").await;
    let mut late = room.socket(&cid).await;
    assert_eq!(late.hello["hello"]["chat"]["links"], "refused");
    assert_eq!(
        code(&late.say(&id(5), "see www.example.org").await),
        "link_refused"
    );
    room.mode(&host, json!({"followers_min": 0})).await.is(200);
    assert_eq!(code(&late.say(&id(6), "hi").await), "followers_only");
    let follow = "/api/v1/channels/host/follow";
    let followed = cid.send(Method::PUT, follow, json!({})).await.is(200);
    assert_eq!(followed.body["followers"], 1);
    let again = cid.send(Method::PUT, follow, json!({})).await.is(200);
    assert_eq!(again.body, followed.body);
    assert!(late.say(&id(7), "I follow").await.get("ok").is_some());
    let follows = cid.get("/api/v1/me/follows").await.is(200).body;
    assert_eq!(follows["items"][0]["channel"]["handle"], "host");
    room.mode(&host, json!({"followers_min": 10})).await.is(200);
    let young = late.say(&id(8), "still").await;
    assert_eq!(code(&young), "followers_wait");
    assert!(
        young["problem"]["retry_after_s"].as_u64().unwrap() > 500,
        "{young:#}"
    );

    // The host is exempt from all of it.
    let all =
        json!({"slow_s": 100, "subscribers": true, "guests": false, "links": "refused", "followers_min": 99});
    room.mode(&host, all).await.is(200);
    let mut hosts = room.socket(&host).await;
    for number in 20..23 {
        assert!(
            hosts
                .say(&id(number), "see www.example.org")
                .await
                .get("ok")
                .is_some()
        );
    }
});

each_db!(a_removal_is_off_every_screen, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (host, eve, mo) = (
        app.sign_up("host").await,
        app.sign_up("eve").await,
        app.sign_up("moe").await,
    );
    let room = Room::open(&app, &host).await;
    moderator(&host, "moe").await;
    let (mut eves, mut bens) = (
        room.socket(&eve).await,
        room.socket(&app.sign_up("ben").await).await,
    );
    let watching = room.socket(&app.nobody()).await;
    eves.say(&id(1), "buy one").await;
    eves.say(&id(2), "buy two").await;
    let fine = json!({"do": "say", "id": id(3), "text": "no thanks", "reply_to": id(1)});
    assert!(bens.ask(fine).await.get("ok").is_some());
    let reply = bens.event(said("no thanks")).await["reply"].clone();
    assert_eq!(
        (&reply["name"], &reply["excerpt"]),
        (&json!("eve"), &json!("buy one"))
    );
    let (seen, epoch) = (bens.last(), watching.hello["epoch"].clone());
    drop(watching);

    let mut screens = Vec::new();
    for _ in 0..SCREENS {
        screens.push(room.socket(&app.nobody()).await);
    }
    let eve_id = person(&eve).await;
    room.act(&eve, "ban", &person(&mo).await, None)
        .await
        .problem(403, "moderator_needed");
    room.act(&mo, "ban", &person(&host).await, None)
        .await
        .problem(403, "protected");
    room.act(&mo, "time_out", &eve_id, None)
        .await
        .problem(422, "invalid");
    room.act(&mo, "ban", &id(77), None)
        .await
        .problem(404, "person_unknown");
    room.act(&mo, "ban", &eve_id, None).await.is(200);
    let heard = tokio::time::timeout(REMOVED_WITHIN, async {
        for screen in &mut screens {
            let cleared = screen.event(of("cleared")).await;
            assert_eq!(cleared["person"], json!(eve_id));
        }
    });
    heard.await.expect("every screen hears of it within a second");

    // Who comes back, who comes new, and who reads the log: nothing of the words, nor of the answer to them.
    let query = format!("?after={seen}&epoch={epoch}");
    let back = app.socket(&room.room, &query, &app.nobody()).await;
    assert!(back.events.iter().any(of("cleared")), "{:#?}", back.events);
    let new = room.socket(&app.nobody()).await;
    let log = app.nobody().get(&room.path("events")).await.is(200).body;
    for told in [json!(back.events), json!(new.events), log] {
        assert!(!told.to_string().contains("buy"), "{told:#}");
    }
    assert!(new.events.iter().any(said("no thanks")));

    assert_eq!(code(&eves.say(&id(4), "buy three").await), "banned");
    eve.post(&room.path("stage/ask"), json!({}))
        .await
        .problem(403, "banned");
    eves.event(of("cleared")).await;
    let watches = room.socket(&eve).await;
    assert!(
        watches.hello["hello"]["room"].is_object(),
        "who is banned may watch"
    );

    let history = mo
        .get(&room.path(&format!("moderation/people/{eve_id}")))
        .await
        .is(200)
        .body;
    assert_eq!(history["sanction"]["banned"], true);
    let texts: Vec<&str> = history["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["buy two", "buy one"]);
    assert_eq!(
        (&history["acts"][0]["by_name"], &history["acts"][0]["why"]),
        (&json!("moe"), &json!("spam"))
    );
    eve.get("/api/v1/channels/host/moderation/log")
        .await
        .problem(403, "moderator_needed");
    let people = host
        .get("/api/v1/channels/host/moderation/people")
        .await
        .is(200)
        .body;
    assert_eq!(people["items"][0]["name"], "eve");
    let lift = json!({"act": "unban", "person": eve_id});
    host.post("/api/v1/channels/host/moderation/acts", lift)
        .await
        .is(200);
    assert!(eves.say(&id(5), "sorry").await.get("ok").is_some());
    let log = mo.get("/api/v1/channels/host/moderation/log").await.is(200).body;
    let deeds: Vec<&str> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["deed"].as_str().unwrap())
        .collect();
    assert_eq!(deeds, ["unban", "ban"]);
});

each_db!(shadows_and_held_messages_are_for_moderators, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (host, eve, mo) = (
        app.sign_up("host").await,
        app.sign_up("eve").await,
        app.sign_up("moe").await,
    );
    let room = Room::open(&app, &host).await;
    let (mut eves, mut others) = (room.socket(&eve).await, room.socket(&app.nobody()).await);
    // Taken into the team, one's sockets come back with the right.
    let mut old = room.socket(&mo).await;
    moderator(&host, "moe").await;
    old.closed().await;
    let mut mods = room.socket(&mo).await;
    assert_eq!(mods.hello["hello"]["held"], json!([]));
    assert_eq!(mods.hello["hello"]["you"]["role"], "moderator");

    let eve_id = person(&eve).await;
    room.act(&mo, "shadow", &eve_id, None).await.is(200);
    assert!(eves.say(&id(1), "psst").await.get("ok").is_some());
    eves.event(said("psst")).await;
    mods.event(|event| event["type"] == "shadowed" && event["text"] == "psst")
        .await;
    room.act(&mo, "unshadow", &eve_id, None).await.is(200);

    let filter = json!({"words": ["bad"], "lists": ["en"], "action": "hold", "repeat_s": 0});
    let path = "/api/v1/channels/host/chat-filter";
    eve.send(Method::PUT, path, filter.clone())
        .await
        .problem(403, "moderator_needed");
    mo.send(Method::PUT, path, filter).await.is(200);
    for (number, text) in [(2, "so b-á-d"), (3, "so baaaad")] {
        let waits = eves.say(&id(number), text).await;
        assert_eq!(waits["ok"]["held"], true, "{waits:#}");
    }
    eves.event(|event| event["type"] == "held_mine" && event["text"] == "so b-á-d")
        .await;
    mods.event(|event| event["type"] == "held" && event["held"]["text"] == "so b-á-d")
        .await;
    let late = room.socket(&mo).await;
    assert_eq!(late.hello["hello"]["held"].as_array().unwrap().len(), 2);
    let judge = |message: u128| room.path(&format!("moderation/held/{}", id(message)));
    eve.post(&judge(2), json!({"approve": true}))
        .await
        .problem(403, "moderator_needed");
    mo.post(&judge(2), json!({"approve": true})).await.is(204);
    mo.post(&judge(3), json!({"approve": false})).await.is(204);
    mo.post(&judge(3), json!({"approve": true}))
        .await
        .problem(404, "not_held");
    others.event(said("so b-á-d")).await;
    eves.event(|event| event["type"] == "held_mine" && event["dismissed"] == true)
        .await;
    let told = json!(others.events).to_string();
    for secret in ["psst", "baaaad", "held", "shadowed"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }

    let raid = room.path("moderation/raid");
    eve.send(Method::PUT, &raid, json!({"minutes": 10}))
        .await
        .problem(403, "moderator_needed");
    mo.send(Method::PUT, &raid, json!({"minutes": 10})).await.is(200);
    others
        .event(|event| event["type"] == "chat_mode" && event["mode"]["raid_until"].is_string())
        .await;
    assert_eq!(code(&eves.say(&id(4), "hi").await), "followers_only");
    mo.send(Method::DELETE, &raid, json!({})).await.is(200);
    assert!(eves.say(&id(4), "hi").await.get("ok").is_some());

    // Out of the team, the right is gone, in the open socket too.
    host.send(Method::DELETE, "/api/v1/channels/host/team/moe", json!({}))
        .await
        .is(204);
    mods.closed().await;
    room.act(&mo, "ban", &eve_id, None)
        .await
        .problem(403, "moderator_needed");
    assert_eq!(room.socket(&mo).await.hello["hello"]["held"], Value::Null);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_away_is_not_in_the_replay() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let (host, eve) = (app.sign_up("host").await, app.sign_up("eve").await);
    let on_air = app.make_live(&host, "host").await;
    let room = Room {
        app: &app,
        room: on_air.room.clone(),
    };
    let mut eves = room.socket(&eve).await;
    eves.say(&id(1), "one to go").await;
    eves.say(&id(2), "two to go").await;
    let mut hosts = room.socket(&host).await;
    hosts.say(&id(3), "to stay").await;
    let delete = json!({"do": "delete", "id": id(50), "message": id(1)});
    assert!(hosts.ask(delete).await.get("ok").is_some());
    room.act(&host, "time_out", &person(&eve).await, Some(60))
        .await
        .is(200);
    assert_eq!(code(&eves.say(&id(4), "three").await), "timed_out");
    // A recording needs its first segment.
    tokio::time::sleep(Duration::from_secs(4)).await;
    host.post(&room.path("end"), json!({})).await.is(200);
    on_air.publisher.stop().await;
    let events = room.path("replay/events");
    let mut replayed = host.get(&events).await;
    for _ in 0..100 {
        if replayed.status.is_success() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        replayed = host.get(&events).await;
    }
    let log = replayed.is(200).body.to_string();
    assert!(log.contains("to stay") && !log.contains("to go"), "{log}");
}
