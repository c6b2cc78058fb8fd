//! Every operation of the document that takes a key, driven three times under one: it takes effect once, is answered alike
//! the second time, and refuses other contents. What cannot be driven here stands in [`BY_HAND`] with the reason; a
//! new operation is in neither and fails the test.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::each_db;
use serde_json::{Value, json};

use super::{BUSK, WITHOUT, key, keyed, operations};

/// Operations that are not driven, and why.
const BY_HAND: &[(&str, &str)] = &[
    (
        "POST /api/v1/hangouts/{room}/live",
        "wants the cameras of all who are there: tests/hangout.rs",
    ),
    (
        "POST /api/v1/hangouts/{room}/answer",
        "answers the one above: tests/hangout.rs",
    ),
    (
        "POST /api/v1/operator/people/{id}/debt-write-offs",
        "wants a debt, which only a lost dispute makes: commerce/debts/tests.rs",
    ),
];

/// A square of eight red pixels, as PNG.
const SQUARE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAYAAADED76LAAAAEklEQVR42mP4b6DwHx9mGBkKABV8k4EJgvDYAAAAAElFTkSuQmCC";
const NONE: Value = Value::Null;

/// A walk through the operations, which remembers those that it has driven.
struct Walk<'a> {
    app: &'a TestApp,
    driven: &'a RefCell<BTreeSet<String>>,
    next: &'a Cell<u128>,
}

impl Walk<'_> {
    /// Sends an operation under one key, again, and with another body; gives its first answer. `at` fills what stands in
    /// braces in its path, in order.
    async fn drive(&self, who: &Browser, operation: &str, at: &[&str], body: Value) -> Answer {
        let (method, path) = operation.split_once(' ').unwrap();
        let mut filled = at.iter();
        let parts = path.split('/').map(|part| match part.starts_with('{') {
            true => filled.next().copied().unwrap_or("nothing"),
            false => part,
        });
        let path = parts.collect::<Vec<_>>().join("/");
        let body = Some(body).filter(|body| !body.is_null());
        let key = key(9_000 + self.number());
        let (first, replayed) = keyed(who, method, &path, &key, body.as_ref()).await;
        let said = format!("{operation}: {} {:#}", first.status, first.body);
        assert!(first.status.is_success() && !replayed, "{said}");
        let rows = self.settled().await;
        let (again, replayed) = keyed(who, method, &path, &key, body.as_ref()).await;
        assert!(replayed, "{operation}");
        assert_eq!(
            (again.status, &again.body),
            (first.status, &first.body),
            "{operation}"
        );
        let other = json!({"something": "else"});
        let (reused, _) = keyed(who, method, &path, &key, Some(&other)).await;
        reused.problem(422, "idempotency_key_reused");
        assert_eq!(self.settled().await, rows, "{operation}: done once");
        self.driven.borrow_mut().insert(operation.to_owned());
        first
    }

    fn number(&self) -> u128 {
        self.next.replace(self.next.get() + 1)
    }

    /// An id of the client's.
    fn id(&self) -> String {
        key(500_000 + self.number())
    }

    /// How many rows there are, once nothing adds any by itself. Jobs come and go.
    async fn settled(&self) -> BTreeMap<String, i64> {
        let counts = async || {
            let mut counts = self.app.db.row_counts().await;
            counts.remove("job");
            counts
        };
        let mut last = counts().await;
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            let now = counts().await;
            if now == last {
                break;
            }
            last = now;
        }
        last
    }

    /// Pays at the page that an answer leads to, and waits until the payment is settled.
    async fn pay(&self, who: &Browser, begun: &Answer, payment: &str) {
        who.choose(&begun.text("checkout_url"), "pay").await;
        let path = format!("/api/v1/payments/{payment}");
        until("it is paid", async || {
            who.get(&path).await.is(200).body["state"] == "paid"
        })
        .await;
    }
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..300 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never: {what}");
}

/// The people of the walk: Ada hosts, Bea and Cid watch, Dan is the operator.
struct People {
    ada: Browser,
    bea: Browser,
    cid: Browser,
    dan: Browser,
}

each_db!(every_operation_is_done_once_and_answered_alike, async |db| {
    let loopback = [("--webhook-private-networks", "127.0.0.0/8".to_owned())];
    let mut app = TestApp::start_with(BUSK, db, &loopback).await;
    let (driven, next) = (RefCell::default(), Cell::new(1));
    let mut people = People {
        ada: app.sign_up("ada").await,
        bea: app.sign_up("bea").await,
        cid: app.sign_up("cid").await,
        dan: app.sign_up("dan").await,
    };
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'dan'")
        .await;
    macro_rules! walk {
        ($part:ident) => {{
            let walk = Walk {
                app: &app,
                driven: &driven,
                next: &next,
            };
            $part(&walk, &people).await
        }};
    }
    walk!(oneself_and_ones_channel);
    let room = walk!(a_live);
    walk!(the_chats_rules);
    walk!(money);
    // What is due is released at the start.
    app.kill9();
    app.restart().await;
    for who in [&mut people.ada, &mut people.bea, &mut people.cid, &mut people.dan] {
        *who = app.again(who);
    }
    walk!(payouts);
    walk!(operators);
    walk!(programs);
    walk!(hangouts);
    let walk = Walk {
        app: &app,
        driven: &driven,
        next: &next,
    };
    walk.drive(&people.ada, "POST /api/v1/rooms/{room}/end", &[&room], NONE)
        .await;
    walk!(onward);
    walk!(tickets);

    let openapi = app.nobody().get("/api/openapi.json").await.is(200).body;
    let mut all: BTreeSet<String> = operations(&openapi).into_keys().collect();
    for (name, _) in WITHOUT.iter().filter(|(name, _)| !name.contains("demo")) {
        assert!(all.remove(*name), "{name} is no operation");
    }
    for (name, why) in BY_HAND {
        assert!(all.remove(*name), "{name} is no operation, or driven; {why}");
    }
    all.remove("POST /api/v1/demo/enter");
    let driven = driven.take();
    assert_eq!(
        all.difference(&driven).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "not driven"
    );
    assert_eq!(
        driven.difference(&all).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "no operations"
    );
});

async fn oneself_and_ones_channel(walk: &Walk<'_>, people: &People) {
    let ada = &people.ada;
    let drive = async |operation: &str, at: &[&str], body: Value| walk.drive(ada, operation, at, body).await;
    drive("PATCH /api/v1/me", &[], json!({"display_name": "Ada B."})).await;
    for who in [ada, &people.bea, &people.cid] {
        walk.drive(who, "POST /api/v1/me/adult", &[], json!({"adult": true}))
            .await;
    }
    drive(
        "PUT /api/v1/me/spending-caps",
        &[],
        json!({"day": 50_000, "month": null}),
    )
    .await;
    drive("PUT /api/v1/me/blocks/{handle}", &["dan"], NONE).await;
    drive("DELETE /api/v1/me/blocks/{handle}", &["dan"], NONE).await;
    drive(
        "POST /api/v1/pages",
        &[],
        json!({"handle": "adas", "name": "Ada's"}),
    )
    .await;

    drive("POST /api/v1/channels/{handle}/stream-key", &["ada"], NONE).await;
    let target =
        json!({"name": "There", "url": "rtmp://live.example.org/app", "key": "secret", "enabled": false});
    let target = drive(
        "POST /api/v1/channels/{handle}/restream-targets",
        &["ada"],
        target,
    )
    .await
    .text("id");
    let one = "/api/v1/channels/{handle}/restream-targets/{target}";
    drive(
        &format!("PATCH {one}"),
        &["ada", &target],
        json!({"name": "Elsewhere"}),
    )
    .await;
    drive(&format!("DELETE {one}"), &["ada", &target], NONE).await;

    let tier =
        |name: &str, price: i64| json!({"name": name, "about": "", "price": price, "ticket_discount": 0});
    let tiers = json!({"tiers": [tier("Friend", 499), tier("Patron", 999)]});
    drive("PUT /api/v1/channels/{handle}/tiers", &["ada"], tiers).await;
    let emote = json!({"name": "pogo", "tiers": [], "picture": SQUARE});
    let emote = drive("POST /api/v1/channels/{handle}/emotes", &["ada"], emote)
        .await
        .text("id");
    drive(
        "DELETE /api/v1/channels/{handle}/emotes/{emote}",
        &["ada", &emote],
        NONE,
    )
    .await;
}

/// What a live and its talk take; gives its room, which goes on.
async fn a_live(walk: &Walk<'_>, people: &People) -> String {
    let People { ada, bea, cid, .. } = people;
    let room = walk
        .drive(ada, "POST /api/v1/rooms", &[], json!({"title": "Songs"}))
        .await
        .text("id");
    // On the air without a camera.
    let on_air = "UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1; \
        UPDATE ledger_policy SET body = REPLACE(body, '\"gift_hold_s\":604800', '\"gift_hold_s\":0')";
    walk.app.db.tamper(on_air).await;
    let drive = async |who: &Browser, operation: &str, more: &[&str], body: Value| {
        let (method, path) = operation.split_once(' ').unwrap();
        let at = [&[room.as_str()], more].concat();
        walk.drive(who, &format!("{method} /api/v1/rooms/{{room}}/{path}"), &at, body)
            .await
    };
    let said = walk.id();
    drive(bea, "POST messages", &[], json!({"id": said, "text": "hello"})).await;
    drive(ada, "PUT pin", &[], json!({"message": said})).await;
    drive(ada, "DELETE pin", &[], NONE).await;
    let spotlight = walk.id();
    let shown = json!({"id": spotlight, "message": said, "to": "everyone"});
    drive(ada, "PUT spotlight", &[], shown).await;
    drive(
        ada,
        "POST spotlight/{spotlight}/end",
        &[&spotlight],
        json!({"answered": true}),
    )
    .await;
    drive(bea, "DELETE messages/{message}", &[&said], NONE).await;
    let topic = walk.id();
    drive(
        ada,
        "POST topics",
        &[],
        json!({"id": topic, "title": "The encore"}),
    )
    .await;
    drive(
        ada,
        "POST sub-room/messages",
        &[],
        json!({"id": walk.id(), "text": "welcome"}),
    )
    .await;
    drive(ada, "DELETE topics/{topic}", &[&topic], NONE).await;
    let poll = walk.id();
    let asked =
        json!({"id": poll, "question": "Which song?", "options": ["Roses", "Rain"], "to": "everyone"});
    drive(ada, "POST polls", &[], asked).await;
    drive(bea, "PUT polls/{poll}/vote", &[&poll], json!({"choice": 1})).await;
    drive(ada, "POST polls/{poll}/close", &[&poll], NONE).await;
    let question = walk.id();
    drive(
        bea,
        "POST questions",
        &[],
        json!({"id": question, "text": "When?"}),
    )
    .await;
    drive(cid, "PUT questions/{message}/vote", &[&question], NONE).await;
    drive(
        ada,
        "PUT questions/{message}",
        &[&question],
        json!({"state": "answered"}),
    )
    .await;
    let goal = walk.id();
    let wanted = json!({"id": goal, "title": "A new amp", "kind": "coins", "target": 100_000});
    drive(ada, "POST goals", &[], wanted).await;
    drive(ada, "DELETE goals/{goal}", &[&goal], NONE).await;

    let person = bea.get("/api/v1/me").await.is(200).body["id"].clone();
    drive(bea, "POST stage/ask", &[], NONE).await;
    drive(ada, "POST stage/admit", &[], json!({"person": person})).await;
    drive(ada, "PUT stage/layout", &[], json!({"layout": "split"})).await;
    drive(
        ada,
        "POST stage/switch",
        &[],
        json!({"person": person, "muted": true}),
    )
    .await;
    drive(ada, "POST stage/remove", &[], json!({"person": person})).await;
    drive(ada, "POST stage/invite", &[], json!({"handle": "cid"})).await;
    drive(cid, "POST stage/join", &[], NONE).await;
    drive(cid, "POST stage/leave", &[], NONE).await;
    room
}

/// Whoever leads a channel, follows it, and what they may say there.
async fn the_chats_rules(walk: &Walk<'_>, people: &People) {
    let People { ada, bea, cid, .. } = people;
    let room = ada.get("/api/v1/channels/ada").await.is(200).body["room"]["id"].clone();
    let room = room.as_str().unwrap();
    let drive = async |who: &Browser, operation: &str, at: &[&str], body: Value| {
        walk.drive(who, operation, at, body).await
    };
    drive(bea, "PUT /api/v1/channels/{handle}/follow", &["ada"], NONE).await;
    drive(bea, "DELETE /api/v1/channels/{handle}/follow", &["ada"], NONE).await;
    let team = "/api/v1/channels/{handle}/team/{member}";
    drive(
        ada,
        &format!("PUT {team}"),
        &["ada", "dan"],
        json!({"role": "moderator"}),
    )
    .await;
    drive(ada, &format!("DELETE {team}"), &["ada", "dan"], NONE).await;
    let mode = json!({"slow_s": 0, "subscribers": false, "guests": true, "links": "held"});
    drive(ada, "PUT /api/v1/rooms/{room}/chat-mode", &[room], mode).await;
    let filter = json!({"words": ["rutabaga"], "lists": [], "action": "hold", "repeat_s": 0});
    drive(ada, "PUT /api/v1/channels/{handle}/chat-filter", &["ada"], filter).await;
    let held = walk.id();
    let said = json!({"id": held, "text": "a rutabaga"});
    cid.post(&format!("/api/v1/rooms/{room}/messages"), said).await;
    let let_through = json!({"approve": true});
    drive(
        ada,
        "POST /api/v1/rooms/{room}/moderation/held/{message}",
        &[room, &held],
        let_through,
    )
    .await;
    drive(
        ada,
        "PUT /api/v1/rooms/{room}/moderation/raid",
        &[room],
        json!({"minutes": 5}),
    )
    .await;
    drive(ada, "DELETE /api/v1/rooms/{room}/moderation/raid", &[room], NONE).await;
    let person = cid.get("/api/v1/me").await.is(200).body["id"].clone();
    let out = json!({"act": "time_out", "person": person, "seconds": 60, "why": "spam"});
    drive(ada, "POST /api/v1/rooms/{room}/moderation/acts", &[room], out).await;
    let in_again = json!({"act": "end_time_out", "person": person});
    drive(
        ada,
        "POST /api/v1/channels/{handle}/moderation/acts",
        &["ada"],
        in_again,
    )
    .await;
}

/// Tokens, and a webhook that a program here takes.
async fn programs(walk: &Walk<'_>, people: &People) {
    let ada = &people.ada;
    let drive = async |operation: &str, at: &[&str], body: Value| walk.drive(ada, operation, at, body).await;
    let token = json!({"name": "greeter", "scopes": ["chat:read"]});
    let made = drive("POST /api/v1/tokens", &[], token).await;
    let token = made.body["token"]["id"].as_str().unwrap().to_owned();
    drive("DELETE /api/v1/tokens/{token}", &[&token], NONE).await;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let takes = axum::Router::new().route(
        "/hook",
        axum::routing::post(async || axum::http::StatusCode::NO_CONTENT),
    );
    tokio::spawn(async move { axum::serve(listener, takes).await });
    let hooks = "/api/v1/channels/{handle}/webhooks";
    let hook = json!({"url": url, "kinds": ["gift"]});
    let made = drive(&format!("POST {hooks}"), &["ada"], hook).await;
    let hook = made.body["webhook"]["id"].as_str().unwrap().to_owned();
    let hook = hook.as_str();
    drive(
        &format!("PATCH {hooks}/{{webhook}}"),
        &["ada", hook],
        json!({"kinds": ["gift", "live.began"]}),
    )
    .await;
    drive(&format!("POST {hooks}/{{webhook}}/secret"), &["ada", hook], NONE).await;
    drive(&format!("POST {hooks}/{{webhook}}/test"), &["ada", hook], NONE).await;
    let listed = format!("/api/v1/channels/ada/webhooks/{hook}/deliveries");
    until("the test is delivered", async || {
        ada.get(&listed).await.is(200).body["items"][0]["state"] == "delivered"
    })
    .await;
    let delivery = ada.get(&listed).await.is(200).body["items"][0]["id"].clone();
    let again = format!("POST {hooks}/{{webhook}}/deliveries/{{delivery}}/replay");
    drive(&again, &["ada", hook, delivery.as_str().unwrap()], NONE).await;
    drive(&format!("DELETE {hooks}/{{webhook}}"), &["ada", hook], NONE).await;
}

/// Payments of every kind but tickets, a gift, and money back.
async fn money(walk: &Walk<'_>, people: &People) {
    let People { ada, bea, cid, dan } = people;
    let room = ada.get("/api/v1/channels/ada").await.is(200).body["room"]["id"].clone();
    let room = room.as_str().unwrap();
    for _ in 0..4 {
        walk.app.buy_coins(bea, &walk.id(), "coins-1400").await;
    }
    let coins = walk.id();
    let body = json!({"id": coins, "pack": "coins-70", "return_to": "/"});
    let begun = walk.drive(bea, "POST /api/v1/coin-purchases", &[], body).await;
    walk.pay(bea, &begun, &coins).await;
    let gift = json!({"id": walk.id(), "kind": "golden-mic", "count": 1});
    walk.drive(bea, "POST /api/v1/rooms/{room}/gifts", &[room], gift)
        .await;
    let badge = walk.id();
    let body = json!({"id": badge, "hearts": 1, "return_to": "/"});
    let begun = walk
        .drive(bea, "POST /api/v1/rooms/{room}/badges", &[room], body)
        .await;
    walk.pay(bea, &begun, &badge).await;
    let month = walk.id();
    let body = json!({"id": month, "tier": 2, "return_to": "/"});
    let begun = walk
        .drive(bea, "POST /api/v1/channels/{handle}/subscription", &["ada"], body)
        .await;
    walk.pay(bea, &begun, &month).await;
    let own = "/api/v1/channels/{handle}/subscription";
    walk.drive(bea, &format!("PUT {own}/next-tier"), &["ada"], json!({"tier": 1}))
        .await;
    walk.drive(
        bea,
        &format!("PUT {own}/renewal"),
        &["ada"],
        json!({"renews": false}),
    )
    .await;
    let given = walk.id();
    let body = json!({"id": given, "tier": 1, "to": "cid", "return_to": "/"});
    let begun = walk
        .drive(
            bea,
            "POST /api/v1/channels/{handle}/gifted-subscriptions",
            &["ada"],
            body,
        )
        .await;
    walk.pay(bea, &begun, &given).await;
    assert!(cid.get("/api/v1/me/subscriptions").await.is(200).body["items"][0].is_object());

    let asks = "POST /api/v1/payments/{id}/refund-requests";
    let body = json!({"id": walk.id(), "amount": 10, "reason": "too many"});
    walk.drive(bea, asks, &[&coins], body).await;
    let request = walk.id();
    let body = json!({"id": request, "amount": 10, "reason": "too dear"});
    walk.drive(bea, asks, &[&month], body).await;
    let body = json!({"grant": false, "answer": "no"});
    walk.drive(
        dan,
        "POST /api/v1/operator/refunds/{id}/decision",
        &[&request],
        body,
    )
    .await;
    let body = json!({"id": walk.id(), "amount": 10, "reason": "sorry"});
    walk.drive(
        dan,
        "POST /api/v1/operator/payments/{id}/refunds",
        &[&badge],
        body,
    )
    .await;
}

/// From diamonds to a bank, once all the way, once taken back, once refused.
async fn payouts(walk: &Walk<'_>, people: &People) {
    let People { ada, dan, .. } = people;
    let drive = async |operation: &str, at: &[&str], body: Value| walk.drive(ada, operation, at, body).await;
    until("the diamonds are free", async || {
        let earnings = ada.get("/api/v1/earnings").await.is(200).body;
        earnings["diamonds"]["available"].as_i64() >= Some(2_500)
    })
    .await;
    drive(
        "POST /api/v1/earnings/redeem",
        &[],
        json!({"id": walk.id(), "diamonds": 2_500}),
    )
    .await;
    let account =
        json!({"name": "Ada Byron", "iban": "DE89 3704 0044 0532 0130 00", "password": "correct horse"});
    drive("PUT /api/v1/payouts/bank", &[], account).await;
    drive(
        "PUT /api/v1/payouts/setting",
        &[],
        json!({"method": "bank", "monthly": false}),
    )
    .await;
    drive("POST /api/v1/earnings/identity", &[], json!({"return_to": "/"})).await;
    walk.app
        .db
        .tamper("UPDATE payout_account SET identity = 'verified'")
        .await;
    let asked = async || {
        let id = walk.id();
        drive("POST /api/v1/payouts", &[], json!({"id": id, "amount": 2_200})).await;
        id
    };
    drive("POST /api/v1/payouts/{payout}/cancel", &[&asked().await], NONE).await;
    let desk = "/api/v1/operator/payouts/{payout}";
    let rejected = json!({"reason": "not now"});
    walk.drive(dan, &format!("POST {desk}/reject"), &[&asked().await], rejected)
        .await;
    let sent = asked().await;
    walk.drive(dan, &format!("POST {desk}/approve"), &[&sent], NONE)
        .await;
    walk.drive(
        dan,
        "POST /api/v1/operator/payout-batches",
        &[],
        json!({"id": walk.id()}),
    )
    .await;
    walk.drive(
        dan,
        &format!("POST {desk}/outcome"),
        &[&sent],
        json!({"outcome": "paid"}),
    )
    .await;
}

async fn operators(walk: &Walk<'_>, people: &People) {
    let dan = &people.dan;
    let drive = async |operation: &str, at: &[&str], body: Value| walk.drive(dan, operation, at, body).await;
    drive("POST /api/v1/operator/audits", &[], NONE).await;
    let told = json!({"text": "A word to all"});
    drive("POST /api/v1/operator/announcements", &[], told).await;
    let now = now();
    let at = |hours: i64| busk_base::Timestamp::from_unix_us(now + hours * 3_600_000_000).to_string();
    let time = json!({"provider": "sandbox", "from": at(-24), "until": at(1)});
    drive("POST /api/v1/operator/settlement-comparisons", &[], time).await;
    let first = dan.get("/api/v1/operator/policies").await.is(200).body["items"][0]["policy"].clone();
    let simulated = json!({"from": at(-1), "to": at(0), "policy": first});
    drive("POST /api/v1/operator/policies/simulations", &[], simulated).await;
    let policy = "/api/v1/operator/policies/{version}";
    drive(
        &format!("PUT {policy}"),
        &["2"],
        json!({"starts_at": at(1), "policy": first}),
    )
    .await;
    drive(&format!("DELETE {policy}"), &["2"], NONE).await;
    let aside = "INSERT INTO provider_notice (id, provider, received_at, outcome, body) \
        VALUES ('evt_strange', 'sandbox', 1, 'set_aside', '{}')";
    walk.app.db.tamper(aside).await;
    let looked = json!({"act": "looked_at", "note": "seen"});
    drive(
        "POST /api/v1/operator/notices/{id}/acts",
        &["evt_strange"],
        looked,
    )
    .await;
}

fn now() -> i64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64
}

async fn hangouts(walk: &Walk<'_>, people: &People) {
    let People { bea, cid, .. } = people;
    let started = walk
        .drive(cid, "POST /api/v1/hangouts", &[], json!({"title": "Ours"}))
        .await;
    let (room, secret) = (started.text("room"), json!({"secret": started.text("secret")}));
    let drive = async |who: &Browser, act: &str, body: Value| {
        let operation = format!("POST /api/v1/hangouts/{{room}}/{act}");
        walk.drive(who, &operation, &[&room], body).await
    };
    drive(cid, "enter", json!({})).await;
    drive(bea, "door", secret.clone()).await;
    drive(bea, "enter", secret).await;
    drive(cid, "lock", json!({"locked": true})).await;
    drive(cid, "link", NONE).await;
}

/// A live whose viewers go on to another one.
async fn onward(walk: &Walk<'_>, people: &People) {
    let People { ada, cid, .. } = people;
    let mut rooms = Vec::new();
    for who in [ada, cid] {
        let made = who.post("/api/v1/rooms", json!({"title": "Once more"})).await;
        rooms.push(made.is(201).text("id"));
    }
    let on_air = "UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1 \
        WHERE title = 'Once more'";
    walk.app.db.tamper(on_air).await;
    let to = json!({"channel": "cid"});
    walk.drive(ada, "POST /api/v1/rooms/{room}/redirect", &[&rooms[0]], to)
        .await;
}

/// A page's evening, from its announcement to its replay.
async fn tickets(walk: &Walk<'_>, people: &People) {
    let People { ada, bea, .. } = people;
    let announced = json!({"title": "The show", "channel": "adas", "access": "ticket",
        "scheduled_at": busk_base::Timestamp::from_unix_us(now() + 3_600_000_000).to_string()});
    let room = ada.post("/api/v1/rooms", announced).await.is(201).text("id");
    let drive = async |who: &Browser, operation: &str, more: &[&str], body: Value| {
        walk.drive(who, operation, &[&[room.as_str()], more].concat(), body)
            .await
    };
    drive(
        ada,
        "PATCH /api/v1/rooms/{room}",
        &[],
        json!({"title": "The great show"}),
    )
    .await;
    let offer = json!({"price": 1_250, "capacity": 5, "replay": true});
    drive(ada, "PUT /api/v1/rooms/{room}/ticket-offer", &[], offer).await;
    let ticket = walk.id();
    let body = json!({"id": ticket, "return_to": "/"});
    let begun = drive(bea, "POST /api/v1/rooms/{room}/tickets", &[], body).await;
    walk.pay(bea, &begun, &ticket).await;
    // It is too late to have it back for the asking.
    let refund = walk.id();
    let asked = json!({"id": refund, "reason": "I cannot come"});
    let asked = bea
        .post(&format!("/api/v1/payments/{ticket}/refund-requests"), asked)
        .await;
    assert_eq!(asked.is(201).text("state"), "requested");
    drive(
        ada,
        "POST /api/v1/rooms/{room}/tickets/returns/{refund}",
        &[&refund],
        NONE,
    )
    .await;

    drive(ada, "POST /api/v1/rooms/{room}/lobby", &[], NONE).await;
    let camera = walk.app.camera("adas");
    let publisher = walk
        .app
        .publish(&camera, "adas", &ada.stream_key("adas").await)
        .await;
    drive(ada, "POST /api/v1/rooms/{room}/live", &[], NONE).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    ada.post(&format!("/api/v1/rooms/{room}/end"), json!({}))
        .await
        .is(200);
    drop(publisher);
    let replay = format!("/api/v1/rooms/{room}/replay");
    until("the replay is written", async || {
        let replay = ada.get(&replay).await;
        replay.status.is_success() && replay.body["recording"] == false
    })
    .await;
    drive(
        ada,
        "PATCH /api/v1/rooms/{room}/replay",
        &[],
        json!({"visibility": "public"}),
    )
    .await;
    drive(ada, "DELETE /api/v1/rooms/{room}/replay", &[], NONE).await;
}
