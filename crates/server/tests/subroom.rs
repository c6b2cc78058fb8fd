//! The sub room over its real protocols: what each role is told, live, by resume, by snapshot, over HTTP and in the
//! replay, is the log filtered by its rights, and nobody else gets a byte of it; and memberships that begin and end
//! while sockets are open.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use busk_store::{Read, StoreError, params};
use busk_testkit::app::{Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::room_socket::RoomSocket;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
/// In everything that only readers of the sub room may be told.
const SECRET: &str = "s3cret";

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

/// Everything in the room's log: number, audience, type.
fn log(app: &TestApp, room: &str) -> Vec<(i64, String, String)> {
    let (database, room) = (app.db.database.clone(), room.parse::<Uuid>().unwrap());
    // PostgreSQL is driven by a runtime of the store's own, which must not nest in the test's.
    let read = std::thread::spawn(move || {
        busk_store::read_only(&database, |db| {
            let rows = db.rows(
                "SELECT n, audience, body FROM room_event WHERE room = $1 ORDER BY n",
                params![room],
            )?;
            let row = |row: &busk_store::Row| {
                let body: Value = serde_json::from_str(&row.get::<String>(2)?).unwrap();
                Ok::<_, StoreError>((
                    row.get(0)?,
                    row.get(1)?,
                    body["type"].as_str().unwrap().to_owned(),
                ))
            };
            rows.iter().map(row).collect::<Result<Vec<_>, _>>()
        })
    });
    read.join().unwrap().unwrap()
}

/// Somebody, and what they may be told.
struct Role {
    name: &'static str,
    who: Browser,
    id: String,
    sub_room: bool,
    stage: bool,
}

impl Role {
    fn may_see(&self, audience: &str) -> bool {
        match audience {
            "everyone" => true,
            "subscribers" => self.sub_room,
            "stage" => self.stage,
            person => person == self.id,
        }
    }

    fn numbers(&self, log: &[(i64, String, String)]) -> Vec<i64> {
        let seen = log.iter().filter(|(_, audience, _)| self.may_see(audience));
        seen.map(|(n, ..)| *n).collect()
    }

    /// Nothing of the sub room is in what they were told, unless they may read it.
    fn is_clean(&self, told: &str, how: &str) {
        let hints = [SECRET, "sub_room_said", "\"type\":\"topic\"", "sub_polls"];
        let found = hints.iter().any(|hint| told.contains(hint));
        assert_eq!(found, self.sub_room, "{} {how}: {told}", self.name);
    }
}

async fn own_id(who: &Browser) -> String {
    who.get("/api/v1/me").await.is(200).text("id")
}

/// Memberships as they were before the live.
async fn member(app: &TestApp, host: &str, who: &Browser, until: &str) {
    let person = own_id(who).await.replace('-', "");
    let channel = app
        .nobody()
        .get(&format!("/api/v1/channels/{host}"))
        .await
        .is(200);
    let channel = channel.text("id").replace('-', "");
    app.db
        .tamper(&format!(
            "INSERT INTO channel_member (id, channel, person, tier, until, since, months) \
             VALUES (X'{channel}{person}', X'{channel}', X'{person}', 1, {until}, 1, 1)"
        ))
        .await;
}

fn numbers(events: &[Value]) -> Vec<i64> {
    events.iter().map(|event| event["n"].as_i64().unwrap()).collect()
}

async fn roles(app: &TestApp, host: &Browser, room: &str) -> Vec<Role> {
    let role = async |name, who: Browser, sub_room, stage| Role {
        name,
        id: own_id(&who).await,
        who,
        sub_room,
        stage,
    };
    let (viewer, fan) = (app.sign_up("viewer").await, app.sign_up("fan").await);
    let (ex, on_stage) = (app.sign_up("former").await, app.sign_up("singer").await);
    let boss = app.sign_up("boss").await;
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'boss'")
        .await;
    member(app, "host", &fan, "9000000000000000").await;
    member(app, "host", &ex, "2").await;
    let path = format!("/api/v1/rooms/{room}/stage");
    on_stage.post(&format!("{path}/ask"), json!({})).await.is(200);
    let admit = json!({"person": own_id(&on_stage).await});
    host.post(&format!("{path}/admit"), admit).await.is(200);
    let nobody = Role {
        name: "nobody",
        who: app.nobody(),
        id: String::new(),
        sub_room: false,
        stage: false,
    };
    let guest = app.guest("Zoé").await;
    vec![
        nobody,
        role("guest", guest, false, false).await,
        role("viewer", viewer, false, false).await,
        role("member", fan, true, false).await,
        role("ex-member", ex, false, false).await,
        role("guest on stage", on_stage, false, true).await,
        role("host", host.clone(), true, true).await,
        role("operator", boss, true, true).await,
    ]
}

/// A live with a little of everything.
async fn act_out(host: &Browser, fan: &Browser, viewer: &Browser, room: &str) {
    let at = |path: &str| format!("/api/v1/rooms/{room}/{path}");
    let say = |number: u128, text: &str| json!({"id": id(number), "text": text});
    let secret = |what: &str| format!("{SECRET} {what}");
    viewer.post(&at("messages"), say(1, "hello")).await.is(201);
    let topic = json!({"id": id(10), "title": secret("topic")});
    host.post(&at("topics"), topic).await.is(201);
    for number in [2, 3] {
        let text = secret("message");
        fan.post(&at("sub-room/messages"), say(number, &text))
            .await
            .is(201);
    }
    let answer = json!({"id": id(4), "text": secret("answer"), "answers": id(2)});
    host.post(&at("sub-room/messages"), answer).await.is(201);
    let poll = |number: u128, question: &str, to: &str| json!({"id": id(number), "question": question, "options": ["yes", "no"], "to": to});
    host.post(&at("polls"), poll(20, "Another song?", "everyone"))
        .await
        .is(201);
    let hidden = poll(21, &secret("poll"), "subscribers");
    host.post(&at("polls"), hidden).await.is(201);
    let vote = |poll: u128| at(&format!("polls/{}/vote", id(poll)));
    viewer
        .send(Method::PUT, &vote(20), json!({"choice": 1}))
        .await
        .is(200);
    let refused = viewer.send(Method::PUT, &vote(21), json!({"choice": 1})).await;
    refused.problem(404, "poll_unknown");
    fan.send(Method::PUT, &vote(21), json!({"choice": 0}))
        .await
        .is(200);
    let show =
        |number: u128, message: u128, to: &str| json!({"id": id(number), "message": id(message), "to": to});
    host.send(Method::PUT, &at("spotlight"), show(30, 3, "subscribers"))
        .await
        .is(200);
    let end = at(&format!("spotlight/{}/end", id(30)));
    host.post(&end, json!({"answered": true})).await.is(204);
    host.send(Method::PUT, &at("spotlight"), show(31, 1, "everyone"))
        .await
        .is(200);
    host.send(Method::PUT, &at("pin"), json!({"message": id(1)}))
        .await
        .is(200);
    let gone = at(&format!("messages/{}", id(3)));
    fan.send(Method::DELETE, &gone, json!({})).await.is(204);
    // The votes are told at a beat.
    tokio::time::sleep(Duration::from_millis(900)).await;
    viewer.post(&at("messages"), say(5, "the end")).await.is(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_is_told_its_part_of_the_log() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let on_air = app.make_live(&host, "host").await;
    let room = on_air.room.clone();
    let roles = roles(&app, &host, &room).await;
    let mut sockets: Vec<RoomSocket> = Vec::new();
    for role in &roles {
        sockets.push(app.socket(&room, "?after=0&epoch=1", &role.who).await);
    }
    let of = |name: &str| &roles.iter().find(|role| role.name == name).unwrap().who;
    act_out(&host, of("member"), of("viewer"), &room).await;
    let the_end = |event: &Value| event["text"] == "the end";
    for socket in &mut sockets {
        socket.event(the_end).await;
    }
    let written = log(&app, &room);
    assert!(written.len() < 60, "a snapshot has all of it");
    let of_sub_room = written
        .iter()
        .filter(|(_, audience, _)| audience == "subscribers");
    let kinds: Vec<_> = of_sub_room.map(|(.., kind)| kind.as_str()).collect();
    let (said, deleted) = ("sub_room_said", "deleted");
    assert_eq!(
        kinds,
        [
            "topic",
            said,
            said,
            said,
            "poll",
            "spotlight",
            "spotlight_end",
            deleted
        ]
    );

    let path = |of: &str| format!("/api/v1/rooms/{room}/{of}");
    for (role, socket) in roles.iter().zip(&sockets) {
        let expected = role.numbers(&written);
        assert_eq!(numbers(&socket.events), expected, "{} live", role.name);
        role.is_clean(&socket.heard, "live");
        for (query, how) in [("?after=0&epoch=1", "resumed"), ("", "snapshot")] {
            let again = app.socket(&room, query, &role.who).await;
            assert_eq!(numbers(&again.events), expected, "{} {how}", role.name);
            role.is_clean(&again.heard, how);
            let hello = &again.hello["hello"]["talk"];
            assert_eq!(hello["sub_room"], role.sub_room, "{}", role.name);
        }
        let events = role.who.get(&path("events")).await.is(200).body;
        let items = events["items"].as_array().unwrap();
        assert_eq!(numbers(items), expected, "{} by HTTP", role.name);
        role.is_clean(&events.to_string(), "by HTTP");
        let talk = role.who.get(&path("talk")).await.is(200).body;
        let polls = talk["polls"].as_array().unwrap().len();
        assert_eq!(polls, 1 + usize::from(role.sub_room), "{}", role.name);
        let messages = role.who.get(&path("sub-room/messages")).await;
        let status = match (role.sub_room, role.name) {
            (true, _) => 200,
            (false, "nobody" | "guest") => 401,
            (false, _) => 403,
        };
        role.is_clean(&messages.is(status).body.to_string(), "of the sub room");
    }

    drop(sockets);
    on_air.publisher.stop().await;
    replayed(&app, &host, &room, &roles).await;
}

/// The live ends; its replay's log, too, is each one's part.
async fn replayed(app: &TestApp, host: &Browser, room: &str, roles: &[Role]) {
    let path = |of: &str| format!("/api/v1/rooms/{room}/{of}");
    host.post(&path("end"), json!({})).await.is(200);
    let replay = path("replay");
    for _ in 0..100 {
        if host.get(&replay).await.body["recording"] == false {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let public = json!({"visibility": "public"});
    host.send(Method::PATCH, &replay, public).await.is(200);
    let written = log(app, room);
    for role in roles {
        let placed = role.who.get(&path("replay/events")).await.is(200).body;
        let items = placed["items"].as_array().unwrap();
        let told: Vec<i64> = items
            .iter()
            .map(|item| item["event"]["n"].as_i64().unwrap())
            .collect();
        // What was the stage's, or one person's, is not told again.
        let again = Role {
            name: role.name,
            who: app.nobody(),
            id: String::new(),
            stage: false,
            ..*role
        };
        assert_eq!(told, again.numbers(&written), "{} in the replay", role.name);
        role.is_clean(&placed.to_string(), "in the replay");
    }
}

/// A room on air without a camera: enough for talk.
async fn open_room(app: &TestApp, host: &Browser, access: &str) -> String {
    let asked = json!({"title": "Songs", "access": access});
    let room = host.post("/api/v1/rooms", asked).await.is(201).text("id");
    app.db
        .tamper("UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1")
        .await;
    room
}

async fn subscribe(app: &TestApp, fan: &Browser, number: u128) {
    fan.declare_adult().await;
    let body = json!({"id": id(number), "tier": 1, "return_to": "/"});
    let begun = fan.post("/api/v1/channels/host/subscription", body).await;
    let url = begun.is(201).text("checkout_url");
    fan.choose(&url, "pay").await;
    for _ in 0..300 {
        let mine = fan.get("/api/v1/me/subscriptions").await.is(200).body;
        if mine["items"].as_array().is_some_and(|items| !items.is_empty()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the subscription never came: {}", app.log());
}

/// The operator gives all of a month back: it ends at once.
async fn give_back(app: &TestApp, fan: &Browser, payment: u128) {
    let operator = app.sign_up("boss").await;
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'boss'")
        .await;
    let asked = format!("/api/v1/payments/{}/refund-requests", id(payment));
    let back = json!({"id": id(payment + 1), "reason": "not for me"});
    fan.post(&asked, back).await.is(201);
    let decision = format!("/api/v1/operator/refunds/{}/decision", id(payment + 1));
    let yes = json!({"grant": true, "answer": "of course"});
    operator.post(&decision, yes).await.is(200);
}

async fn tiers(host: &Browser) {
    let tiers = json!({"tiers": [{"name": "Friend", "about": "", "price": 499, "ticket_discount": 0}]});
    host.send(Method::PUT, "/api/v1/channels/host/tiers", tiers)
        .await
        .is(200);
}

async fn closes(socket: &mut RoomSocket) -> Option<u16> {
    tokio::time::timeout(Duration::from_secs(1), socket.closed())
        .await
        .expect("within a second");
    socket.close_code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_that_begins_and_ends_turns_an_open_socket() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let fan = app.sign_up("fan").await;
    tiers(&host).await;
    let room = open_room(&app, &host, "free").await;
    let path = format!("/api/v1/rooms/{room}/sub-room/messages");
    let say = |number: u128| json!({"id": id(number), "text": format!("{SECRET} {number}")});
    host.post(&path, say(1)).await.is(201);

    let mut outside = app.socket(&room, "", &fan).await;
    assert_eq!(outside.hello["hello"]["talk"]["sub_room"], false);
    subscribe(&app, &fan, 100).await;
    assert_eq!(closes(&mut outside).await, Some(4000));
    assert!(!outside.heard.contains(SECRET));
    let mut inside = app.socket(&room, "", &fan).await;
    assert_eq!(inside.hello["hello"]["talk"]["sub_room"], true);
    fan.post(&path, say(2)).await.is(201);
    inside.event(|event| event["text"] == format!("{SECRET} 2")).await;

    give_back(&app, &fan, 100).await;
    assert_eq!(closes(&mut inside).await, Some(4000));
    host.post(&path, say(3)).await.is(201);
    let after = app.socket(&room, "", &fan).await;
    assert_eq!(after.hello["hello"]["talk"]["sub_room"], false);
    assert!(!after.heard.contains(SECRET));
    assert!(!inside.heard.contains(&format!("{SECRET} 3")));
    fan.post(&path, say(4))
        .await
        .problem(403, "subscription_required");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_ends_closes_a_room_for_subscribers() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let fan = app.sign_up("fan").await;
    tiers(&host).await;
    let room = open_room(&app, &host, "subscribers").await;
    let events = format!("/api/v1/rooms/{room}/events");
    fan.get(&events).await.problem(403, "subscription_required");
    subscribe(&app, &fan, 100).await;
    let mut inside = app.socket(&room, "", &fan).await;
    give_back(&app, &fan, 100).await;
    assert_eq!(closes(&mut inside).await, Some(4005));
    fan.get(&events).await.problem(403, "subscription_required");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_whose_time_is_over_turns_an_open_socket() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let fan = app.sign_up("fan").await;
    let room = open_room(&app, &host, "free").await;
    // A second and a half from now, by the database's clock.
    let until = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) + 1500000";
    member(&app, "host", &fan, until).await;
    let mut inside = app.socket(&room, "", &fan).await;
    assert_eq!(inside.hello["hello"]["talk"]["sub_room"], true);
    tokio::time::timeout(Duration::from_secs(3), inside.closed())
        .await
        .expect("within a second of the end");
    assert_eq!(inside.close_code, Some(4000));
    let after = app.socket(&room, "", &fan).await;
    assert_eq!(after.hello["hello"]["talk"]["sub_room"], false);
}
