//! Webhooks: what happens in a channel arrives where its owner wants it, signed, and again when it did not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use hmac::{Hmac, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const HOOKS: &str = "/api/v1/channels/host/webhooks";

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

async fn site(db: TestDb) -> TestApp {
    let loopback = [("--webhook-private-networks", "127.0.0.0/8".to_owned())];
    TestApp::start_with(BUSK, db, &loopback).await
}

type Got = (HeaderMap, String);

/// What came, and what is answered.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<(Vec<Got>, u16)>>);

impl Receiver {
    async fn start() -> (Self, SocketAddr) {
        let receiver = Self::default();
        receiver.answers(204);
        let take = async |State(receiver): State<Receiver>, headers: HeaderMap, body: String| {
            let mut inner = receiver.0.lock().unwrap();
            inner.0.push((headers, body));
            StatusCode::from_u16(inner.1).unwrap()
        };
        let router = Router::new()
            .route("/hook", post(take))
            .with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, address)
    }

    fn answers(&self, status: u16) {
        self.0.lock().unwrap().1 = status;
    }

    fn came(&self) -> Vec<Got> {
        self.0.lock().unwrap().0.clone()
    }

    /// Waits until so many have come; gives their bodies.
    async fn until(&self, count: usize) -> Vec<Value> {
        for _ in 0..200 {
            let came = self.came();
            if came.len() >= count {
                return came
                    .iter()
                    .map(|(_, body)| serde_json::from_str(body).unwrap())
                    .collect();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("of {count} came {:#?}", self.came());
    }
}

async fn hook(host: &Browser, address: SocketAddr, kinds: &[&str]) -> (String, String) {
    let body = json!({"url": format!("http://{address}/hook"), "kinds": kinds});
    let made = host.post(HOOKS, body).await.is(201);
    assert_eq!(made.headers["cache-control"], "no-store");
    let id = made.body["webhook"]["id"].as_str().unwrap().to_owned();
    (id, made.text("secret"))
}

/// Of the log of one webhook, once its latest entry is so.
async fn until(host: &Browser, hook: &str, what: &str, so: impl Fn(&Value) -> bool) -> Value {
    let path = format!("{HOOKS}/{hook}/deliveries");
    let mut last = Value::Null;
    for _ in 0..200 {
        last = host.get(&path).await.is(200).body["items"][0].clone();
        if so(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never {what}: {last:#}");
}

/// As an endpoint verifies by Standard Webhooks.
fn verify(secret: &str, headers: &HeaderMap, body: &str) {
    let text = |name: &str| headers[name].to_str().unwrap();
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("{}.{}.{body}", text("webhook-id"), text("webhook-timestamp"));
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(signed.as_bytes());
    let expected = STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(text("webhook-signature"), format!("v1,{expected}"));
    assert_eq!(text("content-type"), "application/json");
}

each_db!(a_live_with_a_gift_is_told_signed_and_once, async |db: TestDb| {
    let app = site(db).await;
    let (host, ana) = (app.sign_up("host").await, app.sign_up("ana").await);
    let (receiver, address) = Receiver::start().await;
    let (hook, secret) = hook(&host, address, &["live.began", "live.ended", "gift"]).await;
    app.buy_coins(&ana, &id(1), "coins-70").await;

    let on_air = app.make_live(&host, "host").await;
    // What is under way at once may arrive in any order.
    receiver.until(1).await;
    let gift = json!({"id": id(2), "kind": "rose", "count": 3});
    ana.post(&format!("/api/v1/rooms/{}/gifts", on_air.room), gift)
        .await
        .is(201);
    let told = receiver.until(2).await;
    // A camera that comes back is no beginning.
    on_air.publisher.stop().await;
    app.room_in_state("host", "interrupted").await;
    let publisher = app.publish(&on_air.camera, "host", &on_air.key).await;
    app.room_in_state("host", "live").await;
    host.post(&format!("/api/v1/rooms/{}/end", on_air.room), json!({}))
        .await
        .is(200);
    publisher.stop().await;
    let all = receiver.until(3).await;
    let kinds: Vec<&str> = all.iter().map(|body| body["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["live.began", "gift", "live.ended"]);
    let data = &told[1]["data"];
    assert_eq!(
        (&data["channel"]["handle"], &data["room"]),
        (&json!("host"), &json!(on_air.room))
    );
    let event = &data["event"];
    assert_eq!(
        (&event["from"]["name"], &event["kind"], &event["count"]),
        (&json!("ana"), &json!("rose"), &json!(3))
    );

    for (headers, body) in receiver.came() {
        verify(&secret, &headers, &body);
    }
    until(&host, &hook, "delivered", |entry| {
        entry["kind"] == "live.ended" && entry["state"] == "delivered"
    })
    .await;
    let log = host.get(&format!("{HOOKS}/{hook}/deliveries")).await.is(200).body;
    assert_eq!(log["items"].as_array().unwrap().len(), 3);
    for entry in log["items"].as_array().unwrap() {
        assert_eq!(
            (&entry["state"], &entry["status"], &entry["attempts"]),
            (&json!("delivered"), &json!(204), &json!(1))
        );
    }
    let shown = host.get(HOOKS).await.is(200).body.to_string();
    assert!(!shown.contains("whsec_") && !log.to_string().contains("whsec_") && !app.log().contains(&secret));
});

each_db!(
    what_does_not_arrive_is_tried_again_and_replayed_by_hand,
    async |db: TestDb| {
        let app = site(db).await;
        let host = app.sign_up("host").await;
        let (receiver, address) = Receiver::start().await;
        let (hook, _) = hook(&host, address, &["gift"]).await;
        receiver.answers(500);
        host.post(&format!("{HOOKS}/{hook}/test"), json!({}))
            .await
            .is(204);
        let failed = until(&host, &hook, "attempted", |entry| {
            entry["attempts"] == 1 && entry["status"] == 500
        })
        .await;
        assert_eq!(
            (&failed["kind"], &failed["state"]),
            (&json!("test"), &json!("waiting"))
        );
        receiver.answers(200);
        let again = until(&host, &hook, "delivered", |entry| entry["state"] == "delivered").await;
        assert_eq!((&again["attempts"], &again["id"]), (&json!(2), &failed["id"]));

        // The tenth attempt is the last.
        let dead = "UPDATE webhook_delivery SET state = 'waiting', attempts = 9, next_at = 1";
        receiver.answers(302);
        app.db.tamper(dead).await;
        until(&host, &hook, "dead", |entry| {
            entry["state"] == "dead" && entry["attempts"] == 10
        })
        .await;
        let listed = host
            .get(&format!("{HOOKS}/{hook}/deliveries?dead=true"))
            .await
            .is(200);
        assert_eq!(listed.body["items"][0]["id"], failed["id"]);
        receiver.answers(200);
        let path = format!(
            "{HOOKS}/{hook}/deliveries/{}/replay",
            failed["id"].as_str().unwrap()
        );
        host.post(&path, json!({})).await.is(204);
        until(&host, &hook, "delivered", |entry| {
            entry["state"] == "delivered" && entry["attempts"] == 1
        })
        .await;
        let ids: Vec<_> = receiver
            .came()
            .iter()
            .map(|(headers, _)| headers["webhook-id"].clone())
            .collect();
        assert!(
            ids.len() == 4 && ids.iter().all(|id| id.to_str().unwrap() == failed["id"]),
            "{ids:?}"
        );

        // 410 says that nothing more is wanted.
        receiver.answers(410);
        host.post(&format!("{HOOKS}/{hook}/test"), json!({}))
            .await
            .is(204);
        for _ in 0..200 {
            if host.get(HOOKS).await.is(200).body["items"][0]["state"] == "failed" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let shown = host.get(HOOKS).await.is(200).body["items"][0].clone();
        assert!(shown["why"].as_str().unwrap().contains("410"), "{shown:#}");
        host.post(&format!("{HOOKS}/{hook}/test"), json!({}))
            .await
            .problem(409, "webhook_off");
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_private_is_connected_to_and_nobody_else_may() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let (host, eve) = (app.sign_up("host").await, app.sign_up("eve").await);
    let (receiver, address) = Receiver::start().await;
    for url in [
        format!("http://{address}/hook"),
        "http://example.com/".into(),
        "https://me:pw@example.com/".into(),
    ] {
        let refused = host.post(HOOKS, json!({"url": url, "kinds": ["gift"]})).await;
        assert_eq!(refused.problem(422, "invalid").body["field"], "url");
    }
    let mut hooks = Vec::new();
    // Names and numbers that lead home are known for it only when they are connected to.
    for host_name in ["127.0.0.1", "localhost", "2130706433", "[::1]"] {
        let body = json!({"url": format!("https://{host_name}:{}/hook", address.port()), "kinds": ["gift"]});
        hooks.push(
            host.post(HOOKS, body).await.is(201).body["webhook"]["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    for hook in &hooks {
        host.post(&format!("{HOOKS}/{hook}/test"), json!({}))
            .await
            .is(204);
        let failed = until(&host, hook, "refused", |entry| {
            entry["attempts"] == 1 && !entry["why"].is_null()
        })
        .await;
        let why = failed["why"].as_str().unwrap();
        assert!(
            why.contains("private network") || why.contains("not known"),
            "{why}"
        );
    }
    assert_eq!(receiver.came().len(), 0);

    eve.get(HOOKS).await.problem(403, "not_yours");
    app.nobody().get(HOOKS).await.problem(401, "sign_in_needed");
    let path = format!("{HOOKS}/{}", hooks[0]);
    eve.send(Method::DELETE, &path, json!({}))
        .await
        .problem(403, "not_yours");
    host.send(Method::DELETE, &path, json!({})).await.is(204);
    host.send(Method::DELETE, &path, json!({}))
        .await
        .problem(404, "webhook_unknown");
    host.send(
        Method::PATCH,
        &format!("{HOOKS}/{}", hooks[1]),
        json!({"kinds": []}),
    )
    .await
    .problem(422, "invalid");
    let _: Answer = host
        .get(&format!("{HOOKS}/{}/deliveries", hooks[0]))
        .await
        .problem(404, "webhook_unknown");
}

each_db!(what_was_committed_is_told_after_a_crash, async |db: TestDb| {
    let mut app = site(db).await;
    let (host, ana) = (app.sign_up("host").await, app.sign_up("ana").await);
    let (receiver, address) = Receiver::start().await;
    let (_, _) = hook(&host, address, &["gift"]).await;
    app.buy_coins(&ana, &id(1), "coins-70").await;
    let room = host
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201)
        .text("id");
    app.db
        .tamper("UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1")
        .await;
    receiver.answers(500);
    let gifts = format!("/api/v1/rooms/{room}/gifts");
    ana.post(&gifts, json!({"id": id(2), "kind": "rose", "count": 1}))
        .await
        .is(201);
    // The program dies at once: what it has committed is told by the next one.
    app.kill9();
    app.db.tamper("UPDATE webhook_delivery SET next_at = 1").await;
    receiver.answers(200);
    app.restart().await;
    let ana = app.again(&ana);
    ana.post(&gifts, json!({"id": id(3), "kind": "rose", "count": 2}))
        .await
        .is(201);
    for _ in 0..400 {
        let mut counts: Vec<i64> = receiver
            .came()
            .iter()
            .map(|(_, body)| {
                serde_json::from_str::<Value>(body).unwrap()["data"]["event"]["count"]
                    .as_i64()
                    .unwrap()
            })
            .collect();
        counts.sort_unstable();
        counts.dedup();
        if counts == [1, 2] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not all came: {:#?}", receiver.came());
});
