//! Policies over HTTP: who may write them, what is refused by which name, and that they begin without a restart.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use busk_base::Timestamp;
use busk_testkit::app::{Browser, TestApp};
use busk_testkit::each_db;
use reqwest::Method;
use serde_json::{Value, json};

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const POLICIES: &str = "/api/v1/operator/policies";

#[allow(clippy::disallowed_methods, reason = "the server's clock is the machine's")]
fn later(seconds: u64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_unix_us(i64::try_from(now.as_micros()).unwrap()) + Duration::from_secs(seconds)
}

async fn states(ada: &Browser) -> Vec<(i64, String)> {
    let listed = ada.get(POLICIES).await.is(200).body;
    let items = listed["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            (
                item["version"].as_i64().unwrap(),
                item["state"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

each_db!(operators_write_simulate_and_withdraw_policies, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (ada, bea) = (app.sign_up("ada").await, app.sign_up("bea").await);
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'ada'")
        .await;
    bea.get(POLICIES).await.problem(403, "operator_needed");
    let first = ada.get(POLICIES).await.is(200).body["items"][0].clone();
    assert_eq!(
        (&first["version"], &first["state"]),
        (&json!(1), &json!("in_force"))
    );

    let mut policy = first["policy"].clone();
    policy["gift_share_percent"] = json!(60);
    let second = format!("{POLICIES}/2");
    let put = async |who: &Browser, policy: &Value, starts_at: Timestamp| {
        let body = json!({"starts_at": starts_at.to_string(), "policy": policy});
        who.send(Method::PUT, &second, body).await
    };
    let start = later(3_600);
    put(&bea, &policy, start).await.problem(403, "operator_needed");
    for (field, value) in [("gift_share_percent", json!(101)), ("coin_price_cents", json!(2))] {
        let mut wrong = policy.clone();
        wrong[field] = value;
        let refused = put(&ada, &wrong, start).await.problem(422, "invalid");
        assert_eq!(refused.body["field"], format!("policy.{field}"));
    }
    let early = put(&ada, &policy, later(30)).await.problem(422, "invalid");
    assert_eq!(early.body["field"], "starts_at");
    put(&ada, &policy, start).await.is(201);
    put(&ada, &policy, start).await.is(200);
    put(&ada, &policy, later(7_200))
        .await
        .problem(409, "policy_version_taken");
    let both = [(2, "scheduled".to_owned()), (1, "in_force".to_owned())];
    assert_eq!(states(&ada).await, both);

    let body = json!({"from": later(0).to_string(), "to": later(60).to_string(), "policy": policy});
    let simulations = format!("{POLICIES}/simulations");
    let simulated = ada.post(&simulations, body.clone()).await.is(200).body;
    assert_eq!(
        (&simulated["total"]["count"], &simulated["creators"]),
        (&json!(0), &json!(0))
    );
    bea.post(&simulations, body).await.problem(403, "operator_needed");

    ada.send(Method::DELETE, &second, json!({})).await.is(204);
    assert_eq!(states(&ada).await[0], (2, "withdrawn".to_owned()));
    let begun = format!("{POLICIES}/1");
    ada.send(Method::DELETE, &begun, json!({}))
        .await
        .problem(409, "policy_begun");
});

each_db!(a_policy_that_another_node_wrote_begins_here_too, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let split = async || app.nobody().get("/api/v1/gifts").await.is(200).body["items"][3]["split"].clone();
    let before = split().await;
    // As if it had been written long ago, and begun a moment ago.
    app.db
        .tamper(
            "INSERT INTO ledger_policy SELECT 2, starts_at + 1, \
             REPLACE(body, '\"gift_share_percent\":50', '\"gift_share_percent\":20') FROM ledger_policy WHERE version = 1",
        )
        .await;
    for _ in 0..150 {
        if split().await != before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the policy did not begin");
});
