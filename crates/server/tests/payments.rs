//! Payment providers over HTTP with the real program: what the sandbox's pages do, and coins by Stripe, whose part
//! a local server plays that speaks its wire format.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use busk_base::Timestamp;
use busk_commerce::providers::stripe::sign;
use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use busk_testkit::stripe::FakeStripe;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const KEY: &str = "sk_test_canary_7d1f";
const SECRET: &str = "whsec_canary_b33f";
const WAIT: Duration = Duration::from_secs(30);

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_unix_us(since.as_micros() as i64)
}

async fn begin(buyer: &Browser, number: u128) -> Answer {
    let body = json!({"id": id(number), "pack": "coins-350", "return_to": "/room"});
    buyer.post("/api/v1/coin-purchases", body).await.is(201)
}

/// Waits until the purchase is in a state.
async fn becomes(buyer: &Browser, number: u128, state: &str) {
    let path = format!("/api/v1/coin-purchases/{}", id(number));
    let waited = tokio::time::timeout(WAIT, async {
        while buyer.get(&path).await.is(200).body["state"] != state {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never {state}"));
}

/// A page of the sandbox, or a button of it; where it leads, or what it shows.
async fn page(buyer: &Browser, address: &str, button: Option<(&str, &str)>) -> (u16, String) {
    let request = match button {
        None => buyer.request(Method::GET, address),
        Some(button) => buyer.request(Method::POST, address).form(&[button]),
    };
    let answer = request.header("accept-language", "fr").send().await.unwrap();
    let status = answer.status().as_u16();
    let location = answer
        .headers()
        .get("location")
        .map(|to| to.to_str().unwrap().to_owned());
    (status, location.unwrap_or(answer.text().await.unwrap()))
}

fn path(url: &str) -> String {
    let (_, path) = url.split_once("/sandbox/").unwrap();
    format!("/sandbox/{path}")
}

each_db!(the_sandboxs_pages_lead_where_they_say, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let bea = app.sign_up("bea").await;
    bea.declare_adult().await;
    let secure = path(&begin(&bea, 1).await.text("checkout_url"));
    let (status, shown) = page(&bea, &secure, None).await;
    assert_eq!(status, 200);
    assert!(
        shown.contains("lang=\"fr\"") && shown.contains("sandbox-secure"),
        "{shown}"
    );
    assert_eq!(page(&bea, &secure, Some(("outcome", "gold"))).await.0, 422);
    let bank = page(&bea, &secure, Some(("outcome", "secure"))).await;
    assert_eq!(bank, (303, format!("{secure}/secure")));
    assert!(page(&bea, &bank.1, None).await.1.contains("sandbox-confirm"));
    assert_eq!(bea.coins().await, 0, "the bank was not answered yet");
    assert_eq!(
        page(&bea, &bank.1, Some(("outcome", "confirm"))).await,
        (303, secure.clone())
    );
    becomes(&bea, 1, "paid").await;
    assert_eq!(bea.coins().await, 350);
    assert_eq!(
        page(&bea, &bank.1, None).await,
        (303, secure.clone()),
        "it has its answer"
    );
    assert_eq!(page(&bea, &format!("{secure}/dispute"), None).await.0, 404);

    let refused = path(&begin(&bea, 2).await.text("checkout_url"));
    page(&bea, &refused, Some(("outcome", "secure"))).await;
    page(&bea, &format!("{refused}/secure"), Some(("outcome", "refuse"))).await;
    becomes(&bea, 2, "declined").await;
    let poor = path(&begin(&bea, 3).await.text("checkout_url"));
    page(&bea, &poor, Some(("outcome", "insufficient"))).await;
    becomes(&bea, 3, "declined").await;
    assert!(page(&bea, &poor, None).await.1.contains("provision insuffisante"));
    assert_eq!(bea.coins().await, 350);
    for nowhere in [
        "/sandbox/checkout/x",
        "/sandbox/checkout/x/secure",
        "/sandbox/account/x",
    ] {
        assert_eq!(page(&bea, nowhere, None).await.0, 404, "{nowhere}");
    }
});

/// A site that asks a local Stripe.
async fn with_stripe(db: TestDb) -> (FakeStripe, TestApp) {
    let fake = FakeStripe::start(KEY).await;
    let flags = [
        ("--stripe-secret-key", KEY.to_owned()),
        ("--stripe-webhook-secrets", format!("whsec_old,{SECRET}")),
        ("--stripe-url", fake.url()),
    ];
    let app = TestApp::start_with(BUSK, db, &flags).await;
    (fake, app)
}

/// Delivers an event as Stripe does.
async fn deliver(app: &TestApp, event: &Value) -> Answer {
    let body = event.to_string();
    let signature = sign(SECRET, now(), body.as_bytes());
    send(app, body, Some(signature)).await
}

async fn send(app: &TestApp, body: String, signature: Option<String>) -> Answer {
    let to_stripe = app
        .nobody()
        .request(Method::POST, "/api/v1/providers/stripe/notices");
    let request = to_stripe
        .header("content-type", "application/json; charset=utf-8")
        .body(body);
    let request = match signature {
        Some(signature) => request.header("stripe-signature", signature),
        None => request,
    };
    Answer::of(request).await
}

each_db!(coins_are_bought_through_stripe, async |db| {
    let (fake, app) = with_stripe(db).await;
    let bea = app.sign_up("bea").await;
    bea.declare_adult().await;
    let begun = begin(&bea, 1).await;
    let url = begun.text("checkout_url");
    let session = url.rsplit('/').next().unwrap();
    assert!(url.starts_with("https://checkout.stripe.com/"), "{url}");
    let call = fake.calls().remove(0);
    assert_eq!(call.form["metadata[payment]"], id(1));
    assert_eq!(call.form["line_items[0][price_data][unit_amount]"], "350");
    let body = json!({"id": id(1), "pack": "coins-350", "return_to": "/elsewhere"});
    let again = bea.post("/api/v1/coin-purchases", body).await.is(200);
    assert_eq!(
        (again.text("checkout_url"), fake.calls().len()),
        (url.clone(), 0),
        "it is open"
    );

    let paid = fake.pay(session);
    forged(&app, &paid).await;
    assert_eq!(bea.coins().await, 0, "nothing forged was believed");
    deliver(&app, &paid).await.is(200);
    becomes(&bea, 1, "paid").await;
    for _ in 0..3 {
        deliver(&app, &paid).await.is(200);
    }
    let mut renamed = paid.clone();
    renamed["id"] = json!("evt_renamed");
    deliver(&app, &renamed).await.is(200);
    assert_eq!(bea.coins().await, 350, "five deliveries, one credit");
    assert_eq!(app.db.row_counts().await["ledger_posting"], 1);
    misfits(&app, &fake, &bea).await;

    deliver(&app, &fake.event("customer.created", json!({"id": "cus_1"})))
        .await
        .is(200);
    let log = app.log();
    assert!(!log.contains("canary"), "a secret is in the log:\n{log}");
});

/// What is not Stripe's, or not of this site's webhook, is not taken.
async fn forged(app: &TestApp, event: &Value) {
    let before = app.db.row_counts().await;
    let body = event.to_string();
    let old = Timestamp::from_unix_us(now().unix_us() - 301_000_000);
    let soon = Timestamp::from_unix_us(now().unix_us() + 360_000_000);
    for signature in [
        None,
        Some(String::new()),
        Some("t=1,v1=00".into()),
        Some(sign("whsec_other", now(), body.as_bytes())),
        Some(sign(SECRET, old, body.as_bytes())),
        Some(sign(SECRET, soon, body.as_bytes())),
        Some(sign(SECRET, now(), b"{}")),
    ] {
        send(app, body.clone(), signature)
            .await
            .problem(401, "signature_wrong");
    }
    let tampered = body.replace("350", "35000");
    let signature = sign(SECRET, now(), body.as_bytes());
    send(app, tampered, Some(signature))
        .await
        .problem(401, "signature_wrong");
    let bent = |field: &str, value: Value| {
        let mut event = event.clone();
        event[field] = value;
        event
    };
    for (event, code) in [
        (bent("livemode", json!(true)), "livemode_wrong"),
        (bent("api_version", json!("2019-02-19")), "api_version_wrong"),
        (bent("data", Value::Null), "malformed"),
        (json!({}), "malformed"),
    ] {
        deliver(app, &event).await.problem(400, code);
    }
    assert_eq!(app.db.row_counts().await, before);
}

/// Signed by Stripe, and yet not what was to be paid: set aside.
async fn misfits(app: &TestApp, fake: &FakeStripe, bea: &Browser) {
    let url = begin(bea, 2).await.text("checkout_url");
    let paid = fake.pay(url.rsplit('/').next().unwrap());
    let bends = [
        ("/data/object/amount_total", json!(1)),
        ("/data/object/currency", json!("eur")),
        ("/data/object/id", json!("cs_test_other")),
        ("/data/object/metadata/payer", json!(id(77))),
        ("/data/object/metadata/payment", json!(id(77))),
    ];
    for (number, (field, value)) in bends.into_iter().enumerate() {
        let mut bent = paid.clone();
        bent["id"] = json!(format!("evt_bent_{number}"));
        *bent.pointer_mut(field).unwrap() = value;
        deliver(app, &bent).await.is(200);
    }
    assert_eq!(bea.coins().await, 350);
    // Late and out of order: the page's end, the payment, its end again.
    let mut expired = paid.clone();
    expired["id"] = json!("evt_expired");
    expired["type"] = json!("checkout.session.expired");
    deliver(app, &expired).await.is(200);
    becomes(bea, 2, "expired").await;
    deliver(app, &paid).await.is(200);
    becomes(bea, 2, "paid").await;
    assert_eq!(bea.coins().await, 700);
}

each_db!(a_stripe_that_does_not_answer_charges_nobody, async |db| {
    let (fake, app) = with_stripe(db).await;
    let bea = app.sign_up("bea").await;
    bea.declare_adult().await;
    let body = json!({"id": id(1), "pack": "coins-350", "return_to": "/room"});
    let buy = async || bea.post("/api/v1/coin-purchases", body.clone()).await;
    fake.answer_next(503, "");
    let later = buy().await.problem(503, "provider_unavailable");
    assert_eq!(later.headers["retry-after"], "5");
    fake.answer_next(
        400,
        r#"{"error":{"type":"invalid_request_error","code":"amount_too_small"}}"#,
    );
    buy().await.problem(502, "provider_refused");
    let begun = buy().await.is(200);
    assert!(
        begun
            .text("checkout_url")
            .starts_with("https://checkout.stripe.com/")
    );
    let keys: Vec<_> = fake.calls().into_iter().map(|call| call.key).collect();
    assert_eq!(
        keys,
        vec![Some(format!("checkout-{}", id(1))); 3],
        "asked again is asked the same"
    );
});

each_db!(the_sandbox_is_closed_beside_stripe, async |db| {
    let mut app = TestApp::start(BUSK, db).await;
    app.nobody()
        .post("/api/v1/providers/stripe/notices", json!({}))
        .await
        .problem(404, "provider_unknown");
    let bea = app.sign_up("bea").await;
    app.buy_coins(&bea, &id(1), "coins-350").await;
    let open = path(&begin(&bea, 2).await.text("checkout_url"));
    let fake = FakeStripe::start(KEY).await;
    app.stop_with(&[
        ("--stripe-secret-key", KEY.to_owned()),
        ("--stripe-webhook-secrets", SECRET.to_owned()),
        ("--stripe-url", fake.url()),
    ]);
    app.restart().await;
    let bea = app.again(&bea);
    // What was opened before would be coins for nothing.
    let (status, shown) = page(&bea, &open, None).await;
    assert!(status == 200 && !shown.contains("<button"), "{shown}");
    page(&bea, &open, Some(("outcome", "pay"))).await;
    assert!(
        begin(&bea, 3)
            .await
            .text("checkout_url")
            .starts_with("https://checkout.stripe.com/")
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(bea.coins().await, 350, "nothing came of the sandbox's button");
});
