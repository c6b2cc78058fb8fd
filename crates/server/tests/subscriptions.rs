//! Members with the real program: a renewal for which the sandbox is really asked, and months for others, drawn among
//! those who are in a live.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use busk_base::Timestamp;
use busk_testkit::app::{Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const WAIT: Duration = Duration::from_secs(30);

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_unix_us(since.as_micros() as i64)
}

/// A creator whose channel has two tiers.
async fn creator(app: &TestApp) -> Browser {
    let host = app.sign_up("mira").await;
    let tiers = json!({"tiers": [{"name": "Friend", "price": 499}, {"name": "Patron", "price": 999}]});
    let set = host.send(Method::PUT, "/api/v1/channels/mira/tiers", tiers).await;
    assert_eq!(set.is(200).body["items"][1]["id"], 2);
    host
}

/// Begins a payment and pays it at the sandbox's page.
async fn pays(payer: &Browser, path: &str, body: Value) {
    pays_with(payer, path, body, "pay").await;
}

async fn pays_with(payer: &Browser, path: &str, body: Value, card: &str) {
    payer.declare_adult().await;
    let url = payer.post(path, body).await.is(201).text("checkout_url");
    payer.choose(&url, card).await;
}

/// Asks again until the answer is as it should be; gives it.
async fn becomes(who: &Browser, path: &str, is: impl Fn(&Value) -> bool) -> Value {
    let waited = tokio::time::timeout(WAIT, async {
        loop {
            let body = who.get(path).await.is(200).body;
            if is(&body) {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let Ok(body) = waited.await else {
        panic!("{path} never became so: {:#}", who.get(path).await.body);
    };
    body
}

/// A day so long ago that a month from it ends in so much time.
fn a_month_before(end: Timestamp) -> Timestamp {
    let days = (28..=31).map(|days| end - Duration::from_secs(days * 24 * 3_600));
    days.into_iter()
        .find(|day| day.months_later(1) == Some(end))
        .unwrap()
}

each_db!(a_month_is_renewed_by_the_kept_card, async |db: TestDb| {
    let app = TestApp::start(BUSK, db).await;
    let host = creator(&app).await;
    let fan = app.sign_up("ben").await;
    let subscription = "/api/v1/channels/mira/subscription";
    let body = json!({"id": id(1), "tier": 1, "return_to": "/"});
    pays(&fan, subscription, body).await;
    let mine = "/api/v1/me/subscriptions";
    becomes(&fan, mine, |mine| mine["items"][0]["state"] == "active").await;
    // Another's card pays once, and not again with nobody there.
    let other = app.sign_up("cleo").await;
    let body = json!({"id": id(2), "tier": 1, "return_to": "/"});
    pays_with(&other, subscription, body, "once").await;
    becomes(&other, mine, |mine| mine["items"][0]["state"] == "active").await;

    // The month is over in a few minutes, as if it had begun a month ago.
    let end = Timestamp::from_unix_us((now() + Duration::from_secs(600)).unix_ms() as i64 * 1_000);
    let (anchor, until) = (a_month_before(end).unix_us(), end.unix_us());
    app.db
        .tamper(&format!(
            "UPDATE subscription SET anchor = {anchor}, until = {until}; \
             UPDATE channel_member SET until = {until}; \
             UPDATE job SET run_at = 0 WHERE kind = 'commerce.subscription'"
        ))
        .await;
    let next = Timestamp::from_unix_us(anchor).months_later(2).unwrap();
    let next = serde_json::to_value(next).unwrap();
    let renewed = becomes(&fan, mine, |mine| mine["items"][0]["until"] == next).await;
    assert_eq!(renewed["items"][0]["state"], "active");
    let payments = fan.get("/api/v1/payments").await.is(200).body;
    let paid: Vec<_> = payments["items"].as_array().unwrap().iter().collect();
    assert_eq!(paid.len(), 2, "{payments:#}");
    for payment in &paid {
        assert_eq!(
            (&payment["state"], &payment["order"]),
            (&json!("paid"), &json!("subscription"))
        );
        assert_eq!(payment["price"]["amount"], 499);
    }
    assert_eq!(paid[0]["checkout_url"], Value::Null, "nobody was led to a page");
    let declined = becomes(&other, mine, |mine| mine["items"][0]["state"] == "past_due").await;
    let (at, again) = (end, end + Duration::from_secs(24 * 3_600));
    let [at, again] = [at, again].map(|time| serde_json::to_value(time).unwrap());
    let first = &declined["items"][0];
    assert_eq!((&first["until"], &first["next_charge_at"]), (&at, &again));
    let members = host.get("/api/v1/channels/mira/subscribers").await.is(200).body;
    assert_eq!(members["items"][0]["handle"], "ben");
});

each_db!(months_are_given_to_those_in_a_live, async |db: TestDb| {
    let app = TestApp::start(BUSK, db).await;
    let host = creator(&app).await;
    let on_air = app.make_live(&host, "mira").await;
    let (giver, fan, banned) = (
        app.sign_up("ben").await,
        app.sign_up("cleo").await,
        app.sign_up("dora").await,
    );
    host.send(Method::PUT, "/api/v1/me/blocks/dora", json!({}))
        .await
        .is(204);
    let gifts = "/api/v1/channels/mira/gifted-subscriptions";
    let body = |number: u128, to: Value| {
        let mut body = json!({"id": id(number), "tier": 1, "return_to": "/"});
        body.as_object_mut()
            .unwrap()
            .extend(to.as_object().unwrap().clone());
        body
    };
    giver
        .post(gifts, body(1, json!({})))
        .await
        .problem(422, "invalid");
    giver
        .post(gifts, body(1, json!({"to": "nobody"})))
        .await
        .problem(404, "person_unknown");
    giver
        .post(gifts, body(1, json!({"to": "dora"})))
        .await
        .problem(409, "not_possible");
    host.post(gifts, body(1, json!({"to": "ben"})))
        .await
        .problem(403, "own_channel");

    // The giver, the host, a guest and one other person are there; five are paid for.
    let (mut seen, _mine) = (
        app.socket(&on_air.room, "", &fan).await,
        app.socket(&on_air.room, "", &giver).await,
    );
    let (_host, guest) = (app.socket(&on_air.room, "", &host).await, app.guest("Gus").await);
    let _guest = app.socket(&on_air.room, "", &guest).await;
    let several = json!({"room": on_air.room, "count": 5});
    pays(&giver, gifts, body(2, several)).await;
    let became = format!("/api/v1/gifted-subscriptions/{}", id(2));
    let became = becomes(&giver, &became, |gift| gift["handed_out"] == true).await;
    assert_eq!((&became["to"], &became["count"]), (&json!(["cleo"]), &json!(5)));
    assert_eq!(became["refunded"]["amount"], 4 * 499);
    // Who becomes a member comes back for what is theirs now.
    seen.closed().await;
    let mut seen = app.socket(&on_air.room, "", &fan).await;
    let told = seen.event(|event| event["type"] == "subscription_gift").await;
    assert_eq!(
        (&told["from"]["name"], &told["to"][0]["name"], &told["tier"]),
        (&json!("ben"), &json!("cleo"), &json!(1))
    );
    let mine = fan.get("/api/v1/me/subscriptions").await.is(200).body;
    assert_eq!(mine["items"][0]["state"], "given");
    assert_eq!(mine["items"][0]["next_charge_at"], Value::Null);
    assert_eq!(
        banned.get("/api/v1/me/subscriptions").await.body["items"],
        json!([])
    );
    // What they say shows it from now on.
    seen.say(&id(70), "thank you").await;
    let said = seen.event(|event| event["type"] == "said").await;
    assert_eq!(said["from"]["months"], 1);
    fan.get(&format!("/api/v1/gifted-subscriptions/{}", id(2)))
        .await
        .problem(404, "payment_unknown");
    // A gift by name, of a month more.
    pays(&giver, gifts, body(3, json!({"to": "Cleo"}))).await;
    becomes(&fan, "/api/v1/me/subscriptions", |now| {
        now["items"][0]["until"] != mine["items"][0]["until"]
    })
    .await;
    giver
        .post(
            gifts,
            json!({"id": id(4), "tier": 2, "to": "cleo", "return_to": "/"}),
        )
        .await
        .problem(409, "other_tier");
    on_air.publisher.stop().await;
});
