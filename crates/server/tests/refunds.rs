//! Money back over HTTP: what a payer may ask for, and what operators see and decide.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use busk_testkit::app::TestApp;
use busk_testkit::each_db;
use serde_json::json;
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

/// Waits until nothing is left to be done.
async fn jobs_are_done(app: &TestApp) {
    for _ in 0..300 {
        if app.db.row_counts().await["job"] == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("jobs were left");
}

each_db!(unspent_coins_are_given_back, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (ada, bea, cid) = (
        app.sign_up("ada").await,
        app.sign_up("bea").await,
        app.sign_up("cid").await,
    );
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'ada'")
        .await;
    app.buy_coins(&bea, &id(1), "coins-350").await;
    let requests = format!("/api/v1/payments/{}/refund-requests", id(1));
    let body = json!({"id": id(2), "amount": 100, "reason": "by mistake"});
    app.nobody()
        .post(&requests, body.clone())
        .await
        .problem(401, "sign_in_needed");
    cid.post(&requests, body.clone())
        .await
        .problem(404, "payment_unknown");
    bea.post(&requests, json!({"id": id(2), "reason": " "}))
        .await
        .problem(422, "invalid");
    bea.post(&requests, json!({"id": id(2), "amount": 351, "reason": "all"}))
        .await
        .problem(409, "refund_too_much");
    let granted = bea.post(&requests, body.clone()).await.is(201).body;
    assert_eq!(
        (&granted["state"], &granted["coins"]),
        (&json!("granted"), &json!(100))
    );
    jobs_are_done(&app).await;

    // Whatever the provider made of it, coins and money agree.
    let refunds = format!("/api/v1/payments/{}/refunds", id(1));
    let listed = bea.get(&refunds).await.is(200).body;
    let coins = match listed["items"][0]["state"].as_str().unwrap() {
        "done" => 250,
        "failed" => 350,
        other => panic!("a refund that is {other}"),
    };
    assert_eq!(bea.coins().await, coins);
    cid.get(&refunds).await.problem(404, "payment_unknown");

    let give = format!("/api/v1/operator/payments/{}/refunds", id(1));
    let body = json!({"id": id(3), "amount": 50, "reason": "sorry"});
    bea.post(&give, body.clone())
        .await
        .problem(403, "operator_needed");
    ada.post(&give, body).await.is(201);
    jobs_are_done(&app).await;
    let all = ada.get("/api/v1/operator/refunds").await.is(200).body;
    assert_eq!(all["items"].as_array().unwrap().len(), 2, "{all}");
    assert_eq!(all["items"][0]["payer"], "bea");
    let decision = format!("/api/v1/operator/refunds/{}/decision", id(3));
    ada.post(&decision, json!({"grant": true, "answer": "yes"}))
        .await
        .problem(409, "refund_decided");
    app.audit().unwrap();
});

each_db!(only_operators_see_the_lists, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (ada, bea) = (app.sign_up("ada").await, app.sign_up("bea").await);
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'ada'")
        .await;
    for path in ["refunds", "disputes", "notices"] {
        let path = format!("/api/v1/operator/{path}?open=true&limit=5");
        bea.get(&path).await.problem(403, "operator_needed");
        assert_eq!(ada.get(&path).await.is(200).body["items"], json!([]));
    }
    for path in ["taxes?period=2026-11", "taxes/lines?period=2026", "summary"] {
        let path = format!("/api/v1/operator/{path}");
        bea.get(&path).await.problem(403, "operator_needed");
        ada.get(&path).await.is(200);
    }
    let wrong = ada
        .get("/api/v1/operator/taxes?period=2026-13")
        .await
        .problem(422, "invalid");
    assert_eq!(wrong.body["field"], "period");
    ada.post(
        "/api/v1/operator/notices/evt/acts",
        json!({"act": "looked_at", "note": "seen"}),
    )
    .await
    .problem(404, "notice_unknown");
    let time = json!({"provider": "nobody", "from": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"});
    ada.post("/api/v1/operator/settlement-comparisons", time)
        .await
        .problem(404, "provider_unknown");
    assert_eq!(bea.get("/api/v1/me/debt").await.is(200).body["owed"]["amount"], 0);
});

each_db!(the_summary_has_the_last_audit, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (ada, bea) = (app.sign_up("ada").await, app.sign_up("bea").await);
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'ada'")
        .await;
    // The first look begins one, and a later look has it.
    let summary = async || ada.get("/api/v1/operator/summary").await.is(200).body;
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        while summary().await["audit"].is_null() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.unwrap();
    assert_eq!(
        (
            &summary().await["audit"]["ok"],
            &summary().await["audit"]["postings"]
        ),
        (&json!(true), &json!(0))
    );
    app.buy_coins(&bea, &id(1), "coins-70").await;
    let kept = summary().await;
    assert_eq!(kept["audit"]["postings"], 0, "looking does not re-add the books");
    assert_eq!(kept["coins_sold"], 70, "though balances are those of now");
    bea.post("/api/v1/operator/audits", json!({}))
        .await
        .problem(403, "operator_needed");
    let audit = ada.post("/api/v1/operator/audits", json!({})).await.is(200).body;
    assert_eq!((&audit["ok"], &audit["postings"]), (&json!(true), &json!(1)));
    assert_eq!(summary().await["audit"], audit);
});
