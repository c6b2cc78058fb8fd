//! What moves money: payments, gifts, money back, payouts, tickets.

use std::time::Duration;

use busk_testkit::app::Browser;
use serde_json::{Value, json};

use super::{NONE, People, Walk, now, until};

/// Payments of every kind but tickets, a gift, and money back.
pub(super) async fn money(walk: &Walk<'_>, people: &People) {
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
pub(super) async fn payouts(walk: &Walk<'_>, people: &People) {
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

/// A page's evening, from its announcement to its replay.
pub(super) async fn tickets(walk: &Walk<'_>, people: &People) {
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
