//! Earnings' way to a bank over HTTP: asked for, approved by operators, in a file, paid.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use busk_testkit::app::{Browser, TestApp};
use busk_testkit::each_db;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
/// Of everybody who signs up in a test.
const PASSWORD: &str = "correct horse";

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

async fn put(who: &Browser, path: &str, body: Value) -> busk_testkit::app::Answer {
    who.send(Method::PUT, path, body).await
}

/// Ada has 25.00 that she can have paid out: a gift, held for no time, redeemed.
async fn earned(app: &mut TestApp) -> (Browser, Browser) {
    let (ada, bea) = (app.sign_up("ada").await, app.sign_up("bea").await);
    let room = ada
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201)
        .text("id");
    app.db
        .tamper(
            "UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1; \
             UPDATE ledger_policy SET body = REPLACE(body, '\"gift_hold_s\":604800', '\"gift_hold_s\":0')",
        )
        .await;
    // Packs without promotional coins, which bring creators nothing.
    for number in 900..904 {
        app.buy_coins(&bea, &id(number), "coins-1400").await;
    }
    let gift = json!({"id": id(1), "kind": "golden-mic", "count": 1});
    bea.post(&format!("/api/v1/rooms/{room}/gifts"), gift)
        .await
        .is(201);
    // What is due is released at the start.
    app.kill9();
    app.restart().await;
    let (ada, bea) = (app.again(&ada), app.again(&bea));
    for _ in 0..200 {
        if ada.get("/api/v1/earnings").await.is(200).body["diamonds"]["available"] == 2_500 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let redeem = json!({"id": id(2), "diamonds": 2_500});
    ada.post("/api/v1/earnings/redeem", redeem).await.is(201);
    (ada, bea)
}

each_db!(from_earnings_to_a_bank, async |db| {
    let mut app = TestApp::start(BUSK, db).await;
    let (ada, bea) = earned(&mut app).await;
    let money = ada.get("/api/v1/earnings/money").await.is(200).body;
    assert_eq!(money["available"], json!({"amount": 2_500, "currency": "USD"}));
    assert_eq!(money["held_by"], json!(["age", "method", "identity"]));
    app.nobody()
        .get("/api/v1/earnings/money")
        .await
        .problem(401, "sign_in_needed");

    let wanted = json!({"id": id(10), "amount": 2_200});
    let ask = async || ada.post("/api/v1/payouts", wanted.clone()).await;
    let small = json!({"id": id(10), "amount": 1_999});
    ada.post("/api/v1/payouts", small)
        .await
        .problem(409, "below_payout_minimum");
    ask().await.problem(403, "age_undeclared");
    ada.declare_adult().await;
    ask().await.problem(409, "payout_method_missing");
    let bank = "/api/v1/payouts/bank";
    put(
        &ada,
        bank,
        json!({"name": "Ada Byron", "iban": "DE00", "password": PASSWORD}),
    )
    .await
    .problem(422, "invalid");
    let account = |password: &str| json!({"name": "Ada Byron", "iban": "DE89 3704 0044 0532 0130 00", "password": password});
    // A session alone does not say where the money goes.
    for wrong in ["", "not the password"] {
        let refused = put(&ada, bank, account(wrong))
            .await
            .problem(403, "password_wrong");
        assert_eq!(refused.body["field"], "password");
    }
    let unsaid = json!({"name": "Ada Byron", "iban": "DE89 3704 0044 0532 0130 00"});
    put(&ada, bank, unsaid).await.problem(422, "invalid");
    ask().await.problem(409, "payout_method_missing");
    let account = account(PASSWORD);
    let money = put(&ada, bank, account).await.is(200).body;
    assert_eq!(
        (&money["method"], &money["bank"]),
        (&json!("bank"), &json!("DE•• •••• 3000"))
    );
    ask().await.problem(403, "identity_unverified");
    app.db
        .tamper(
            "INSERT INTO payout_account (channel, provider, account, identity) \
             SELECT id, 'sandbox', 'acct_ada', 'verified' FROM channel WHERE handle = 'ada'; \
             UPDATE person SET role = 'operator' WHERE handle IN ('ada', 'bea')",
        )
        .await;
    let identity = ada.get("/api/v1/earnings/identity").await.is(200).body;
    assert_eq!(identity["identity"], "verified");
    let asked = ask().await.is(201).body;
    assert_eq!(
        (&asked["state"], &asked["to"]),
        (&json!("requested"), &money["bank"])
    );
    assert_eq!(ask().await.is(200).body, asked);
    let over = json!({"id": id(11), "amount": 2_200});
    ada.post("/api/v1/payouts", over)
        .await
        .problem(402, "insufficient_funds");

    seen_to_by_operators(&app, &ada, &bea).await;
    let paid = ada.get("/api/v1/payouts").await.is(200).body;
    assert_eq!(paid["items"][0]["state"], "paid");
    let money = ada.get("/api/v1/earnings/money").await.is(200).body;
    assert_eq!(
        (&money["paid"]["amount"], &money["in_transit"]["amount"]),
        (&json!(2_200), &json!(0))
    );
    assert_eq!(bea.get("/api/v1/payouts").await.is(200).body["items"], json!([]));
});

async fn seen_to_by_operators(app: &TestApp, ada: &Browser, bea: &Browser) {
    let cid = app.sign_up("cid").await;
    let desk = "/api/v1/operator/payouts";
    cid.get(desk).await.problem(403, "operator_needed");
    let list = bea.get(desk).await.is(200).body;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list:#}");
    assert_eq!(list["items"][0]["channel"], "ada");
    assert_eq!(ada.get(desk).await.is(200).body["items"][0]["yours"], true);

    let approve = format!("{desk}/{}/approve", id(10));
    cid.post(&approve, json!({}))
        .await
        .problem(403, "operator_needed");
    ada.post(&approve, json!({})).await.problem(403, "own_channel");
    let batches = "/api/v1/operator/payout-batches";
    let batch = json!({"id": id(20)});
    bea.post(batches, batch.clone())
        .await
        .problem(409, "nothing_to_send");
    let approved = bea.post(&approve, json!({})).await.is(200).body;
    assert_eq!(approved["state"], "approved");
    let again = bea.post(&approve, json!({})).await.is(200).body;
    assert_eq!(again, approved, "asked again, since the answer may be lost");
    ada.post(&format!("/api/v1/payouts/{}/cancel", id(10)), json!({}))
        .await
        .problem(409, "payout_too_late");

    let made = bea.post(batches, batch.clone()).await.is(200).body;
    assert_eq!(
        (&made["payouts"], &made["money"]["amount"]),
        (&json!(1), &json!(2_200))
    );
    assert_eq!(bea.post(batches, batch).await.is(200).body, made);
    let path = made["file"].as_str().unwrap();
    cid.get(path).await.problem(403, "operator_needed");
    let file = bea.request(Method::GET, path).send().await.unwrap();
    let named = file.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(named.contains(".csv"), "{named}");
    let text = file.text().await.unwrap();
    assert!(
        text.contains("\"Ada Byron\",DE89370400440532013000,22.00,USD"),
        "{text}"
    );

    let outcome = format!("{desk}/{}/outcome", id(10));
    let failed = json!({"outcome": "failed"});
    bea.post(&outcome, failed).await.problem(422, "invalid");
    let paid = bea.post(&outcome, json!({"outcome": "paid"})).await.is(200).body;
    assert_eq!(paid["state"], "paid");
    let listed = bea.get(&format!("{desk}?state=paid&limit=1")).await.is(200).body;
    assert_eq!((&listed["items"][0], &listed["next"]), (&paid, &Value::Null));
    bea.get(&format!("{desk}?state=lost"))
        .await
        .problem(422, "invalid");
    let acts = paid["acts"].as_array().unwrap().iter();
    let acts: Vec<(&str, &str)> = acts
        .map(|act| (act["act"].as_str().unwrap(), act["by"].as_str().unwrap()))
        .collect();
    assert_eq!(
        acts,
        [
            ("request", "ada"),
            ("approve", "bea"),
            ("send", "bea"),
            ("pay", "bea")
        ]
    );
}
