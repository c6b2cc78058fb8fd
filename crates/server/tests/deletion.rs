//! Somebody deletes their account: what they are told first, what stands against it, how they keep it after all, and what
//! is left of them when they do not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::time::Duration;

use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::each_db;
use reqwest::Method;
use serde_json::{Value, json};

#[path = "deletion/life.rs"]
mod life;

use life::{MARK, a_life};

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const DELETION: &str = "/api/v1/me/deletion";
const PASSWORD: &str = "correct horse";

fn uuid(number: u32) -> String {
    format!("01900000-0000-7000-8000-{number:012}")
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never: {what}");
}

async fn asks(who: &Browser, coins: i64) -> Answer {
    let body = json!({"password": PASSWORD, "coins_given_up": coins});
    who.post(DELETION, body).await
}

async fn signs_in(app: &TestApp, handle: &str) -> (Browser, Answer) {
    let mut browser = app.nobody();
    let body = json!({"handle": handle, "password": PASSWORD});
    let answer = browser.post("/api/v1/sign-in", body).await;
    if let Some(cookie) = answer.headers.get("set-cookie") {
        browser.cookie = cookie.to_str().unwrap().split(';').next().map(str::to_owned);
    }
    (browser, answer)
}

/// What stands against it, as the preview says.
async fn against(who: &Browser) -> Vec<String> {
    let shown = who.get(DELETION).await.is(200).body;
    let words = shown["against"].as_array().unwrap().iter();
    words.map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// A room of somebody's that is on the air without a camera.
async fn on_air(app: &TestApp, host: &Browser, channel: &str, title: &str) -> String {
    let path = format!("/api/v1/rooms?channel={channel}");
    let room = host.post(&path, json!({"title": title})).await.is(201).text("id");
    let sql = format!(
        "UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1 WHERE title = '{title}'"
    );
    app.db.tamper(&sql).await;
    room
}

async fn ends(host: &Browser, room: &str) {
    let path = format!("/api/v1/rooms/{room}/end");
    host.post(&path, json!({})).await.is(200);
}

each_db!(an_account_is_shut_at_once_and_can_be_kept, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (zoe, ada) = (app.sign_up("zoe").await, app.sign_up("ada").await);
    let token = zoe
        .post(
            "/api/v1/tokens",
            json!({"name": "bot", "scopes": ["chat:read", "chat:write"]}),
        )
        .await
        .is(201)
        .text("secret");
    let key = zoe.stream_key("zoe").await;
    let shown = zoe.get(DELETION).await.is(200).body;
    assert_eq!(
        (&shown["asked_at"], &shown["coins"], &shown["against"]),
        (&Value::Null, &json!(0), &json!([]))
    );
    assert_eq!(shown["channels"][0]["handle"], "zoe");

    // The password again; and only for somebody with an account.
    let wrong = zoe.post(DELETION, json!({"password": "wrong horse"})).await;
    wrong.problem(403, "password_wrong");
    app.nobody()
        .post(DELETION, json!({"password": PASSWORD}))
        .await
        .problem(401, "name_needed");
    app.guest("gus")
        .await
        .post(DELETION, json!({"password": PASSWORD}))
        .await
        .problem(401, "sign_in_needed");
    zoe.send(Method::DELETE, DELETION, Value::Null)
        .await
        .problem(404, "deletion_unknown");

    let other = signs_in(&app, "zoe").await.0;
    let asked = asks(&zoe, 0).await.is(200);
    assert_eq!(asked.body["begun"], false);
    for closed in [&zoe, &other] {
        closed.get(DELETION).await.problem(401, "name_needed");
    }
    let path = format!("/api/v1/rooms/{}/messages", uuid(1));
    let says = app.nobody().request(Method::POST, &path).bearer_auth(&token);
    Answer::of(says.json(&json!({"id": uuid(2), "text": "hello"})))
        .await
        .problem(401, "token_invalid");
    let camera = reqwest::Client::new()
        .post(format!("http://{}/whip/zoe", app.http))
        .bearer_auth(&key)
        .header("content-type", "application/sdp")
        .body("v=0");
    assert!(camera.send().await.unwrap().status().is_client_error());
    ada.get("/api/v1/channels/zoe")
        .await
        .problem(404, "channel_unknown");
    ada.send(Method::PUT, "/api/v1/channels/zoe/follow", json!({}))
        .await
        .problem(404, "channel_unknown");
    let taken = json!({"handle": "zoe", "display_name": "Zoe", "password": PASSWORD});
    app.nobody()
        .post("/api/v1/sign-up", taken)
        .await
        .problem(409, "handle_taken");

    // Signing in says so and undoes nothing.
    let (back, me) = signs_in(&app, "zoe").await;
    let me = me.is(200).body;
    assert_eq!((&me["kind"], &me["suspended"]), (&json!("nobody"), &json!(false)));
    assert_eq!(me["deleted_at"], asked.body["due_at"]);
    assert_eq!(
        back.get("/api/v1/me").await.is(200).body["deleted_at"],
        me["deleted_at"]
    );
    back.post("/api/v1/rooms", json!({"title": "No"}))
        .await
        .problem(401, "sign_in_needed");
    let export = back
        .post("/api/v1/me/export", json!({"password": PASSWORD}))
        .await;
    assert_eq!(export.is(200).body["parts"]["profile"][0]["handle"], "zoe");
    ada.get("/api/v1/channels/zoe")
        .await
        .problem(404, "channel_unknown");
    // Once more is no other deletion.
    let due = back.get(DELETION).await.is(200).body["due_at"].clone();
    assert_eq!(due, asked.body["due_at"]);

    back.send(Method::DELETE, DELETION, Value::Null).await.is(204);
    assert_eq!(back.get("/api/v1/me").await.is(200).body["handle"], "zoe");
    ada.get("/api/v1/channels/zoe").await.is(200);
    back.send(Method::DELETE, DELETION, Value::Null)
        .await
        .problem(404, "deletion_unknown");
});

each_db!(what_is_owed_is_settled_first, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (zoe, ada, bea) = (
        app.sign_up("zoe").await,
        app.sign_up("ada").await,
        app.sign_up("bea").await,
    );
    // The only operator, who has a live open, cannot go; of both the first is said.
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'zoe'")
        .await;
    let room = on_air(&app, &zoe, "zoe", "Songs").await;
    assert_eq!(against(&zoe).await, ["last_operator", "on_air"]);
    asks(&zoe, 0).await.problem(409, "last_operator");
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'ada'")
        .await;
    asks(&zoe, 0).await.problem(409, "on_air");

    // A gift is earned, a month is paid for, and a page sells a ticket.
    app.buy_coins(&bea, &uuid(1), "coins-1400").await;
    let gift = json!({"id": uuid(2), "kind": "rose", "count": 2});
    bea.post(&format!("/api/v1/rooms/{room}/gifts"), gift)
        .await
        .is(201);
    let tiers = json!({"tiers": [{"name": "Friend", "about": "", "price": 499, "ticket_discount": 0}]});
    let offered = zoe.send(Method::PUT, "/api/v1/channels/zoe/tiers", tiers).await;
    assert!(offered.status.is_success(), "{:#}", offered.body);
    let month = json!({"id": uuid(3), "tier": 1, "return_to": "/"});
    let begun = bea.post("/api/v1/channels/zoe/subscription", month).await.is(201);
    bea.choose(&begun.text("checkout_url"), "pay").await;
    until("she is a member", async || {
        against(&zoe).await.contains(&"subscribers_left".to_owned())
    })
    .await;
    ends(&zoe, &room).await;
    assert_eq!(against(&zoe).await, ["earnings_left", "subscribers_left"]);
    asks(&zoe, 0).await.problem(409, "earnings_left");

    // Coins are given up by their number. A refund that is asked for is done first.
    assert_eq!(against(&bea).await, [] as [&str; 0]);
    let shown = bea.get(DELETION).await.is(200).body;
    let coins = shown["coins"].as_i64().unwrap();
    assert!(coins > 0);
    assert_eq!(shown["memberships"][0]["channel"]["handle"], "zoe");
    let left = asks(&bea, 0).await.problem(409, "coins_left");
    assert_eq!(left.body["field"], "coins_given_up");
    asks(&bea, coins + 1).await.problem(409, "coins_left");
    let refund = json!({"id": uuid(4), "amount": 10, "reason": "too dear"});
    let path = format!("/api/v1/payments/{}/refund-requests", uuid(3));
    bea.post(&path, refund).await.is(201);
    asks(&bea, coins).await.problem(409, "refund_pending");
    assert!(against(&zoe).await.contains(&"refund_pending".to_owned()));
    let no = json!({"grant": false, "answer": "no"});
    let path = format!("/api/v1/operator/refunds/{}/decision", uuid(4));
    ada.post(&path, no).await.is(200);
    asks(&bea, coins).await.is(200);
    let (bea, _) = signs_in(&app, "bea").await;
    bea.send(Method::DELETE, DELETION, Value::Null).await.is(204);
    assert_eq!(bea.coins().await, coins, "kept with the account");
    let membership = bea.get("/api/v1/me/subscriptions").await.is(200).body;
    assert_eq!(membership["items"][0]["state"], "cancelled", "{membership:#}");
});

each_db!(nothing_says_who_somebody_was, async |db| {
    let loopback = [("--webhook-private-networks", "127.0.0.0/8".to_owned())];
    let mut app = TestApp::start_with(BUSK, db, &loopback).await;
    let mut life = a_life(&app).await;
    let before = app.db.dump().await;
    let marked = found(&before);
    assert!(marked.len() > 25, "the mark is in many places: {marked:?}");

    let coins = life.zoe.coins().await;
    asks(&life.zoe, coins).await.is(200);
    app.db.tamper("UPDATE person_deletion SET due_at = 1").await;
    until("erasing has begun", async || {
        !app.db.dump().await["person_deletion.begun_at"].is_empty()
    })
    .await;
    // In the midst of it, or after: what is left is erased at the next start.
    app.kill9();
    app.restart().await;
    life.ada = app.again(&life.ada);
    until("the account is erased", async || {
        !app.db.dump().await["person_deletion.erased_at"].is_empty()
    })
    .await;
    let after = app.db.dump().await;
    assert_eq!(found(&after), BTreeMap::new(), "nothing says who it was");

    // The books are the same, to the row.
    let books = |dump: &BTreeMap<String, Vec<String>>| -> BTreeMap<String, Vec<String>> {
        let of_books = |(column, _): &(&String, &Vec<String>)| {
            column.starts_with("ledger_") && !column.starts_with("ledger_mark")
        };
        let kept = dump.iter().filter(of_books);
        kept.map(|(column, values)| (column.clone(), values.clone()))
            .collect()
    };
    assert_eq!(books(&before), books(&after));
    app.audit().unwrap();

    // The log has its numbers, and blanks where she spoke; her gift is from nobody.
    let socket = app.socket(&life.room, "?after=0", &life.ada).await;
    assert!(socket.heard.contains("\"removed\""), "{}", socket.heard);
    assert!(socket.heard.contains("Deleted account"), "{}", socket.heard);
    assert!(!socket.heard.to_lowercase().contains(MARK), "{}", socket.heard);
    let supporters = life.ada.get("/api/v1/channels/ada/supporters").await.is(200).body;
    assert!(
        supporters.to_string().contains("Deleted account"),
        "{supporters:#}"
    );

    // Nobody else can be her, and she cannot come back.
    let handle = life.handle;
    let taken = json!({"handle": handle, "display_name": "Zoe", "password": PASSWORD});
    app.nobody()
        .post("/api/v1/sign-up", taken)
        .await
        .problem(409, "handle_taken");
    let (_, refused) = signs_in(&app, handle).await;
    refused.problem(401, "sign_in_failed");
    for at in [
        format!("/api/v1/channels/{handle}"),
        format!("/api/v1/rooms/{}", life.own_room),
    ] {
        life.ada.get(&at).await.is(404);
    }
});

/// Columns in which the mark is found, with what was found.
fn found(dump: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (column, values) in dump {
        let marked = values.iter().filter(|value| value.to_lowercase().contains(MARK));
        for value in marked {
            found.entry(column.clone()).or_default().push(value.clone());
        }
    }
    found
}
