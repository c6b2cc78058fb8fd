//! Money's whole way over HTTP: a checkout, its late, doubled and disordered notices, a gift, and a
//! statement that opens down to the transfers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::time::Duration;

use busk_testkit::app::{Browser, TestApp};
use busk_testkit::each_db;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

/// Waits until every notice was delivered.
async fn notices_are_out(app: &TestApp) {
    for _ in 0..300 {
        if app.db.row_counts().await["job"] == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("notices were left");
}

each_db!(coins_come_once, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (bea, cid) = (app.sign_up("bea").await, app.sign_up("cid").await);
    let body = json!({"id": id(1), "pack": "coins-350", "return_to": "/room"});
    bea.post("/api/v1/coin-purchases", body.clone())
        .await
        .problem(403, "age_undeclared");
    bea.post("/api/v1/me/adult", json!({"adult": false}))
        .await
        .problem(422, "invalid");
    bea.declare_adult().await;
    let begun = bea.post("/api/v1/coin-purchases", body.clone()).await.is(201);
    assert_eq!(begun.body["state"], "pending");
    assert_eq!(begun.body["price"], json!({"amount": 350, "currency": "USD"}));
    let again = bea.post("/api/v1/coin-purchases", body.clone()).await.is(200);
    assert_eq!(again.body, begun.body);
    cid.post("/api/v1/coin-purchases", body)
        .await
        .problem(409, "id_reused");
    let purchase = format!("/api/v1/coin-purchases/{}", id(1));
    cid.get(&purchase).await.problem(404, "purchase_unknown");

    let checkout = begun.text("checkout_url");
    let (_, page) = checkout.split_once("/sandbox/").unwrap();
    let page = bea
        .request(Method::GET, &format!("/sandbox/{page}"))
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("3.50 USD") && !page.contains("<script"), "{page}");
    assert_eq!(bea.coins().await, 0, "nothing comes of a pending purchase");

    bea.choose(&checkout, "pay").await;
    bea.choose(&checkout, "decline").await;
    notices_are_out(&app).await;
    assert_eq!(bea.get(&purchase).await.is(200).body["state"], "paid");
    assert_eq!(bea.coins().await, 350, "three notices, one credit");
    let counts = app.db.row_counts().await;
    assert_eq!(counts["provider_notice"], 2, "the doubled one was heard once");
    assert_eq!(counts["ledger_posting"], 1);

    let body = json!({"id": id(2), "pack": "coins-70", "return_to": "/"});
    let declined = bea.post("/api/v1/coin-purchases", body).await.is(201);
    bea.choose(&declined.text("checkout_url"), "decline").await;
    notices_are_out(&app).await;
    let purchase = format!("/api/v1/coin-purchases/{}", id(2));
    assert_eq!(bea.get(&purchase).await.is(200).body["state"], "declined");
    assert_eq!(bea.coins().await, 350);
    forged_notices(&app, &bea).await;
});

/// What is not signed by the provider is not believed.
async fn forged_notices(app: &TestApp, bea: &Browser) {
    let before = app.db.row_counts().await;
    let body = json!({"id": "evt", "kind": "settled", "checkout": "x", "order": id(2), "payer": id(3),
        "amount": 70, "currency": "USD"});
    let path = "/api/v1/providers/sandbox/notices";
    bea.post(path, body.clone()).await.problem(401, "signature_wrong");
    for signature in ["v1,AAAA", "v1,", "", "v2,x v1,y"] {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let request = bea
            .request(Method::POST, path)
            .header("webhook-id", "evt")
            .header("webhook-timestamp", now.to_string())
            .header("webhook-signature", signature)
            .json(&body);
        busk_testkit::app::Answer::of(request)
            .await
            .problem(401, "signature_wrong");
    }
    assert_eq!(app.db.row_counts().await, before);
}

each_db!(a_gift_becomes_a_line_that_opens, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (ada, bea, cid) = (
        app.sign_up("ada").await,
        app.sign_up("bea").await,
        app.sign_up("cid").await,
    );
    let room = ada
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201)
        .text("id");
    let gifts = format!("/api/v1/rooms/{room}/gifts");
    let coffee = |number: u128, count: i64| json!({"id": id(number), "kind": "coffee", "count": count});
    bea.post(&gifts, coffee(1, 1)).await.problem(409, "room_not_live");
    app.db
        .tamper("UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1")
        .await;
    bea.post(&gifts, coffee(1, 1))
        .await
        .problem(402, "insufficient_funds");
    app.buy_coins(&bea, &id(900), "coins-70").await;
    app.nobody()
        .post(&gifts, coffee(1, 1))
        .await
        .problem(401, "sign_in_needed");
    ada.post(&gifts, coffee(1, 1)).await.problem(403, "self_gift");

    let mut watching = app.socket(&room, "", &app.nobody()).await;
    let sent = bea.post(&gifts, coffee(1, 1)).await.is(201).body;
    assert_eq!((&sent["paid"], &sent["coins"]), (&json!(25), &json!(45)));
    assert_eq!(sent["split"], json!({"creator": 13, "platform": 12}));
    let event = watching.event(|event| event["type"] == "gift").await;
    assert_eq!((&event["id"], &event["total"]), (&json!(id(1)), &json!(25)));
    assert_eq!(bea.post(&gifts, coffee(1, 1)).await.is(200).body, sent);
    bea.post(&gifts, coffee(1, 2)).await.problem(409, "id_reused");
    bea.post(&gifts, coffee(2, 2))
        .await
        .problem(402, "insufficient_funds");
    assert_eq!(bea.coins().await, 45);

    let earned = ada.get("/api/v1/earnings").await.is(200).body;
    assert_eq!(earned["diamonds"], json!({"pending": 13, "available": 0}));
    assert_eq!(earned["next_release"]["diamonds"], 13);
    statement_opens(&ada, &bea, &cid).await;
    let redeem = json!({"id": id(50), "diamonds": 1});
    ada.post("/api/v1/earnings/redeem", redeem)
        .await
        .problem(402, "insufficient_funds");
    assert_eq!(ada.get("/api/v1/earnings").await.is(200).body, earned);
});

async fn statement_opens(ada: &Browser, bea: &Browser, cid: &Browser) {
    let statement = ada.get("/api/v1/earnings/statement").await.is(200).body;
    let lines = statement["items"].as_array().unwrap();
    assert_eq!(lines.len(), 1, "{statement:#}");
    let line = &lines[0];
    assert_eq!(
        (&line["kind"], &line["diamonds_pending"]),
        (&json!("gift"), &json!(13))
    );
    assert_eq!(line["text"]["from"], "bea");

    let path = format!("/api/v1/earnings/statement/{}", line["posting"].as_str().unwrap());
    let opened = ada.get(&path).await.is(200).body;
    let mut moved: BTreeMap<(String, String), i64> = BTreeMap::new();
    for transfer in opened["transfers"].as_array().unwrap() {
        let text = |field: &str| transfer[field].as_str().unwrap().to_owned();
        let amount = transfer["amount"].as_i64().unwrap();
        *moved.entry((text("debit"), text("unit"))).or_default() -= amount;
        *moved.entry((text("credit"), text("unit"))).or_default() += amount;
    }
    for unit in ["coin", "diamond", "USD"] {
        let legs = moved.iter().filter(|((_, of), _)| of.eq_ignore_ascii_case(unit));
        let (count, sum) = legs.fold((0, 0), |(count, sum), (_, amount)| (count + 1, sum + amount));
        assert!(count > 0 && sum == 0, "{unit} does not re-add: {moved:?}");
    }
    let of = |account: &str| {
        moved
            .iter()
            .find(|((name, _), _)| name == account)
            .map(|(_, amount)| *amount)
    };
    assert_eq!(of("diamonds.pending (you)"), Some(13), "{moved:?}");
    assert_eq!(of("wallet (viewer)"), Some(-25), "{moved:?}");
    assert_eq!(of("coin_float"), Some(-25), "what coins cost goes on");

    // The sender's own wallet is in it, so it is the sender's too; nobody else's.
    bea.get(&path).await.is(200);
    cid.get(&path).await.problem(404, "posting_unknown");
    let unknown = format!("/api/v1/earnings/statement/{}", id(77));
    ada.get(&unknown).await.problem(404, "posting_unknown");
    let theirs: Value = cid.get("/api/v1/earnings/statement").await.is(200).body;
    assert_eq!(theirs["items"], json!([]));
}

each_db!(a_badge_is_seen_by_all_and_kept_for_its_creator, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (ada, bea) = (app.sign_up("ada").await, app.sign_up("bea").await);
    let room = ada
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201)
        .text("id");
    let badges = format!("/api/v1/rooms/{room}/badges");
    let wanted = |number: u128, hearts: u8| json!({"id": id(number), "hearts": hearts, "return_to": "/"});
    bea.post(&badges, wanted(1, 2))
        .await
        .problem(409, "room_not_live");
    app.db
        .tamper("UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1")
        .await;
    app.nobody()
        .post(&badges, wanted(1, 2))
        .await
        .problem(401, "sign_in_needed");
    bea.post(&badges, wanted(1, 2))
        .await
        .problem(403, "age_undeclared");
    bea.declare_adult().await;
    ada.post(&badges, wanted(1, 2)).await.problem(403, "self_badge");
    bea.post(&badges, wanted(1, 4)).await.problem(422, "invalid");

    let offers = bea.get(&badges).await.is(200).body;
    let quote = &offers["items"][1]["quote"];
    assert_eq!(
        *quote,
        json!({"price": 199, "tax": 0, "creator": 139, "platform": 25, "provider_fee": 35})
    );
    let begun = bea.post(&badges, wanted(1, 2)).await.is(201);
    assert_eq!(bea.post(&badges, wanted(1, 2)).await.is(200).body, begun.body);
    bea.post(&badges, wanted(2, 2))
        .await
        .problem(409, "badge_being_paid");
    let offers = bea.get(&badges).await.is(200).body;
    assert_eq!(offers["items"][1]["pending"]["id"], id(1));

    let goals = format!("/api/v1/rooms/{room}/goals");
    let goal = json!({"id": id(60), "title": "A new amp", "kind": "money", "target": 199});
    bea.post(&goals, goal.clone()).await.problem(403, "not_yours");
    ada.post(&goals, goal).await.is(201);

    let mut watching = app.socket(&room, "", &app.nobody()).await;
    assert_eq!(watching.hello["hello"]["board"]["goals"][0]["title"], "A new amp");
    bea.choose(&begun.text("checkout_url"), "pay").await;
    let event = watching.event(|event| event["type"] == "badge").await;
    assert_eq!(
        (&event["hearts"], &event["from"]["badge"]),
        (&json!(2), &json!(2))
    );
    let event = watching.event(|event| event["goal"]["state"] == "reached").await;
    assert_eq!(event["goal"]["so_far"], 199);
    notices_are_out(&app).await;
    let purchase = format!("/api/v1/badge-purchases/{}", id(1));
    assert_eq!(bea.get(&purchase).await.is(200).body["state"], "paid");
    ada.get(&purchase).await.problem(404, "purchase_unknown");
    bea.post(&badges, wanted(2, 2)).await.problem(409, "badge_held");

    let mut speaking = app.socket(&room, "", &bea).await;
    assert_eq!(
        speaking.hello["hello"]["you"]["badge"], 2,
        "who comes later knows, too"
    );
    speaking.say(&id(70), "for the amp").await;
    let said = watching.event(|event| event["type"] == "said").await;
    assert_eq!(said["from"]["badge"], 2);
    rankings_and_supporters(&app, &room, &ada, &bea).await;
    ada.send(Method::DELETE, &format!("{goals}/{}", id(60)), Value::Null)
        .await
        .is(204);
    let board = format!("/api/v1/rooms/{room}/board");
    assert_eq!(ada.get(&board).await.is(200).body["goals"], json!([]));
});

async fn rankings_and_supporters(app: &TestApp, room: &str, ada: &Browser, bea: &Browser) {
    for path in [
        format!("/api/v1/rooms/{room}/ranking"),
        "/api/v1/channels/ada/ranking".into(),
    ] {
        let places = app.nobody().get(&path).await.is(200).body;
        let first = &places["items"][0];
        assert_eq!((&first["name"], &first["mine"]), (&json!("bea"), &json!(false)));
        assert_eq!(first["value"], json!({"amount": 199, "currency": "USD"}));
        assert_eq!(bea.get(&path).await.is(200).body["items"][0]["mine"], true);
    }
    for path in [
        format!("/api/v1/rooms/{room}/supporters"),
        "/api/v1/channels/ada/supporters".into(),
    ] {
        app.nobody().get(&path).await.problem(401, "sign_in_needed");
        bea.get(&path).await.problem(403, "not_yours");
        ada.get(&format!("{path}?cursor=AAAA"))
            .await
            .problem(422, "invalid");
        let list = ada.get(&path).await.is(200).body;
        let first = &list["items"][0];
        assert_eq!((&first["handle"], &first["badges"]), (&json!("bea"), &json!(1)));
        assert_eq!((&first["gifts"], &first["lives"]), (&json!(0), &json!(1)));
    }
    let nowhere = format!("/api/v1/rooms/{}/ranking", id(99));
    bea.get(&nowhere).await.problem(404, "room_unknown");
    bea.get("/api/v1/channels/nobody/ranking")
        .await
        .problem(404, "channel_unknown");
}

each_db!(a_streak_ends_once_although_the_program_dies, async |db| {
    let mut app = TestApp::start(BUSK, db).await;
    let (ada, bea) = (app.sign_up("ada").await, app.sign_up("bea").await);
    let room = ada
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201)
        .text("id");
    app.db
        .tamper("UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1")
        .await;
    app.buy_coins(&bea, &id(900), "coins-70").await;
    let gifts = format!("/api/v1/rooms/{room}/gifts");
    for number in 1..=3 {
        let rose = json!({"id": id(number), "kind": "rose", "count": 1});
        bea.post(&gifts, rose).await.is(201);
    }
    app.kill9();
    app.restart().await;
    let events = format!("/api/v1/rooms/{room}/events?after=0");
    let ends = async |app: &TestApp| -> Vec<Value> {
        let log = app.nobody().get(&events).await.is(200).body;
        let events = log["items"].as_array().unwrap().clone();
        let is_end = |event: &Value| event["type"] == "streak_end";
        events.into_iter().filter(is_end).collect()
    };
    let mut told = Vec::new();
    for _ in 0..200 {
        told = ends(&app).await;
        if !told.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    app.kill9();
    app.restart().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(ends(&app).await, told, "once is enough");
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["count"], &told[0]["total"]), (&json!(3), &json!(15)));
});
