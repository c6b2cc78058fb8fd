//! Every operation of the document that takes a key, driven three times under one: it takes effect once, is answered alike
//! the second time, and refuses other contents. What cannot be driven here stands in [`BY_HAND`] with the reason; a
//! new operation is in neither and fails the test.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::each_db;
use serde_json::{Value, json};

use self::live::{a_live, onward, the_chats_rules};
use self::money::{money, payouts, tickets};
use self::told::{notices, overlays, reports};
use super::{BUSK, WITHOUT, key, keyed, operations};

#[path = "every/live.rs"]
mod live;
#[path = "every/money.rs"]
mod money;
#[path = "every/told.rs"]
mod told;

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
        "POST /api/v1/me/deletion",
        "closes the session that its key would be known by; once more is the same by itself: tests/deletion.rs",
    ),
    (
        "DELETE /api/v1/me/deletion",
        "whoever asks is nobody, who has no keys: tests/deletion.rs",
    ),
    (
        "PUT /api/v1/me/notice-address",
        "wants a site that sends letters: tests/notices.rs",
    ),
    (
        "DELETE /api/v1/me/notice-address",
        "takes back the one above: tests/notices.rs",
    ),
    (
        "POST /api/v1/operator/people/{id}/debt-write-offs",
        "wants a debt, which only a lost dispute makes: commerce/debts/tests.rs",
    ),
];

/// What is due within this may add rows.
const SOON: Duration = Duration::from_secs(3);
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
            // Providers tell when they like, also twice; what it leads to is counted by the ledger's rows.
            counts.remove("provider_notice");
            counts.remove("refund_act");
            // Counted at a beat of their own.
            counts.remove("supporter");
            counts.remove("tally");
            // Looked for once a second: what is on the air.
            counts.remove("notice_live");
            counts
        };
        let mut last = counts().await;
        for _ in 0..80 {
            tokio::time::sleep(Duration::from_millis(120)).await;
            let now = counts().await;
            if now == last && self.app.is_idle(SOON) {
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
    walk!(notices);
    walk!(overlays);
    walk!(reports);
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
        "PATCH /api/v1/channels/{handle}/emotes/{emote}",
        &["ada", &emote],
        json!({"tiers": [2, 1]}),
    )
    .await;
    drive(
        "DELETE /api/v1/channels/{handle}/emotes/{emote}",
        &["ada", &emote],
        NONE,
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
