//! Reports over HTTP: from somebody's pointing at a message to the reversal of what was decided, who may do what, and
//! what is left of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use busk_testkit::app::{Browser, TestApp};
use busk_testkit::each_db;
use reqwest::Method;
use serde_json::{Value, json};

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const QUEUE: &str = "/api/v1/operator/reports";
const APPEALS: &str = "/api/v1/operator/appeals";
const PERIOD: &str = "from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z";

fn uuid(number: u32) -> String {
    format!("01900000-0000-7000-8000-{number:012}")
}

async fn says(who: &Browser, room: &str, number: u32, text: &str) -> String {
    let path = format!("/api/v1/rooms/{room}/messages");
    let body = json!({"id": uuid(number), "text": text});
    who.post(&path, body).await.is(201).text("id")
}

fn of_message(number: u32, message: &str) -> Value {
    json!({
        "id": uuid(number),
        "object": {"kind": "message", "id": message},
        "ground": "rules",
        "category": "harassment",
        "words": "she goes on and on"
    })
}

fn decision(number: u32, measure: &str) -> Value {
    json!({
        "id": uuid(number),
        "measure": measure,
        "ground": "rules",
        "category": "harassment",
        "basis": "Rule 2: be kind",
        "facts": "The message insults another viewer."
    })
}

async fn operators(app: &TestApp, handles: &str) {
    let sql = format!("UPDATE person SET role = 'operator' WHERE handle IN ({handles})");
    app.db.tamper(&sql).await;
}

async fn items(who: &Browser, path: &str) -> Vec<Value> {
    let listed = who.get(path).await.is(200).body;
    listed["items"].as_array().unwrap().clone()
}

each_db!(from_a_report_to_a_reversal, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (ada, bea, cid) = (
        app.sign_up("ada").await,
        app.sign_up("bea").await,
        app.sign_up("cid").await,
    );
    let (ola, ozz) = (app.sign_up("ola").await, app.sign_up("ozz").await);
    operators(&app, "'ola', 'ozz'").await;
    let live = app.make_live(&ada, "ada").await;
    let message = says(&bea, &live.room, 1, "nobody wants you here").await;
    says(&bea, &live.room, 2, "as I said").await;

    // Cid reports it, and has it confirmed, once.
    let made = cid
        .post("/api/v1/reports", of_message(10, &message))
        .await
        .is(201);
    assert_eq!(
        (&made.body["person"], &made.body["decision"]),
        (&json!("bea"), &Value::Null)
    );
    cid.post("/api/v1/reports", of_message(10, &message))
        .await
        .is(201);
    cid.post("/api/v1/reports", of_message(11, &message))
        .await
        .problem(409, "already_reported");
    bea.post("/api/v1/reports", of_message(12, &message))
        .await
        .problem(409, "yourself");
    // Without a name, too: the answer is there for whoever knows the report's id.
    let stranger = app.nobody();
    stranger
        .post("/api/v1/reports", of_message(13, &message))
        .await
        .is(201);
    let own = format!("/api/v1/reports/{}", uuid(13));
    stranger.get(&own).await.is(200);
    bea.get(&format!("/api/v1/reports/{}", uuid(10)))
        .await
        .problem(404, "report_unknown");
    stranger
        .get("/api/v1/me/reports")
        .await
        .problem(401, "name_needed");

    // Only operators see the queue.
    let case = format!("{QUEUE}/{}", uuid(10));
    let decide = format!("{case}/decision");
    for (who, status, code) in [(&bea, 403, "operator_needed"), (&stranger, 401, "sign_in_needed")] {
        who.get(&format!("{QUEUE}?open=true")).await.problem(status, code);
        who.get(&case).await.problem(status, code);
        who.post(&decide, decision(20, "ban")).await.problem(status, code);
        who.get(APPEALS).await.problem(status, code);
        who.get(&format!("/api/v1/operator/transparency?{PERIOD}"))
            .await
            .problem(status, code);
    }
    assert_eq!(items(&ola, &format!("{QUEUE}?open=true")).await.len(), 2);
    let shown = ola.get(&case).await.is(200).body;
    assert_eq!(shown["report"]["said"], "nobody wants you here");
    assert_eq!(shown["report"]["reporter"], "cid");
    assert_eq!(shown["others"].as_array().unwrap().len(), 1);
    let context = shown["context"].as_array().unwrap().iter();
    let context: Vec<_> = context.map(|said| said["text"].as_str().unwrap()).collect();
    assert_eq!(context, ["as I said", "nobody wants you here"]);

    // The account is suspended; its person reads why, and can do nothing else.
    let wrong = ola.post(&decide, decision(20, "hide_room")).await;
    assert_eq!(wrong.problem(422, "invalid").body["field"], "measure");
    ola.post(&decide, decision(20, "suspend")).await.is(201);
    ola.post(&decide, decision(21, "none"))
        .await
        .problem(409, "decided");
    assert_eq!(items(&ola, &format!("{QUEUE}?open=true")).await, [] as [Value; 0]);
    assert_eq!(items(&ola, QUEUE).await.len(), 2, "nothing leaves the queue");
    let me = bea.get("/api/v1/me").await.is(200).body;
    assert_eq!((&me["kind"], &me["suspended"]), (&json!("nobody"), &json!(true)));
    let path = format!("/api/v1/rooms/{}/messages", live.room);
    let refused = bea.post(&path, json!({"id": uuid(3), "text": "hello?"})).await;
    refused.problem(401, "name_needed");
    let statement = items(&bea, "/api/v1/me/statements").await.remove(0);
    assert_eq!(
        (&statement["measure"], &statement["facts"], &statement["basis"]),
        (
            &json!("suspend"),
            &json!("The message insults another viewer."),
            &json!("Rule 2: be kind")
        )
    );
    assert_eq!(
        (&statement["automated"], &statement["scope"], &statement["until"]),
        (&json!(false), &json!("worldwide"), &Value::Null)
    );
    assert!(
        !statement.to_string().contains("\"cid\""),
        "who reported it is not told"
    );
    let told = items(&cid, "/api/v1/me/reports").await.remove(0);
    assert_eq!(told["decision"]["measure"], "suspend");
    assert_eq!(told["decision"]["facts"], Value::Null);
    let told = stranger.get(&own).await.is(200).body;
    assert_eq!(told["decision"]["measure"], "suspend");

    // She appeals; another operator takes it back.
    let decided = statement["id"].as_str().unwrap();
    let appeals = format!("/api/v1/decisions/{decided}/appeals");
    let words = json!({"id": uuid(30), "words": "I was quoting a song."});
    ada.post(&appeals, words.clone())
        .await
        .problem(404, "decision_unknown");
    bea.post(&appeals, words.clone()).await.is(201);
    bea.post(&appeals, words).await.is(201);
    let open = items(&ozz, &format!("{APPEALS}?open=true")).await;
    assert_eq!(
        (&open[0]["appellant"], &open[0]["operator"]),
        (&json!("bea"), &json!("ola"))
    );
    let judge = format!("{APPEALS}/{}/decision", uuid(30));
    let reversed = json!({"outcome": "reversed", "answer": "It is a line of a song."});
    bea.post(&judge, reversed.clone())
        .await
        .problem(401, "sign_in_needed");
    cid.post(&judge, reversed.clone())
        .await
        .problem(403, "operator_needed");
    ola.post(&judge, reversed.clone())
        .await
        .problem(403, "same_operator");
    ozz.post(&judge, reversed).await.is(200);
    let me = bea.get("/api/v1/me").await.is(200).body;
    assert_eq!((&me["kind"], &me["suspended"]), (&json!("person"), &json!(false)));
    says(&bea, &live.room, 4, "thank you").await;
    let statement = items(&bea, "/api/v1/me/statements").await.remove(0);
    assert_eq!(statement["appeal"]["answer"], "It is a line of a song.");
    assert_ne!(statement["reversed_at"], Value::Null);

    // What came of it all.
    let counted = ola
        .get(&format!("/api/v1/operator/transparency?{PERIOD}"))
        .await
        .is(200)
        .body;
    assert_eq!(
        (
            &counted["notices"],
            &counted["decisions"],
            &counted["appeals"]["reversed"]
        ),
        (&json!(2), &json!(1), &json!(1))
    );
    let csv = ola.request(
        Method::GET,
        &format!("/api/v1/operator/transparency.csv?{PERIOD}"),
    );
    let csv = csv.send().await.unwrap().text().await.unwrap();
    assert!(
        csv.contains("decisions_by_measure,suspend,rules,harassment,1"),
        "{csv}"
    );
});

each_db!(what_is_suspended_or_hidden_is_shut, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (ada, bea, ola) = (
        app.sign_up("ada").await,
        app.sign_up("bea").await,
        app.sign_up("ola").await,
    );
    operators(&app, "'ola'").await;
    let live = app.make_live(&ada, "ada").await;
    let of_room = json!({
        "id": uuid(10), "object": {"kind": "room", "id": live.room}, "ground": "law", "category": "fraud",
        "words": "It sells what it does not have.", "good_faith": true
    });
    bea.post("/api/v1/reports", of_room).await.is(201);
    let decide = format!("{QUEUE}/{}/decision", uuid(10));
    ola.post(&decide, decision(20, "hide_room")).await.is(201);
    let room = format!("/api/v1/rooms/{}", live.room);
    ada.get(&room).await.problem(403, "room_hidden");
    app.nobody().get(&room).await.problem(403, "room_hidden");
    ola.get(&room).await.is(200);
    let refused = bea.get(&format!("{room}/events")).await;
    refused.problem(403, "room_hidden");

    let of_host = json!({
        "id": uuid(11), "object": {"kind": "person", "id": person_of(&ada).await}, "ground": "rules", "category": "fraud"
    });
    bea.post("/api/v1/reports", of_host).await.is(201);
    let decide = format!("{QUEUE}/{}/decision", uuid(11));
    ola.post(&decide, decision(21, "suspend")).await.is(201);
    // Neither the key of an encoder nor signing in again opens anything.
    let camera = app.camera("ada");
    let url = format!("http://{}/whip/ada", app.http);
    assert!(camera.publish(&url, Some(&live.key)).await.is_err());
    let again = app.nobody();
    let who = json!({"handle": "ada", "password": "correct horse"});
    let signed_in = again.post("/api/v1/sign-in", who).await.is(200);
    assert_eq!(
        (&signed_in.body["kind"], &signed_in.body["suspended"]),
        (&json!("nobody"), &json!(true))
    );
    ada.get("/api/v1/me/blocks").await.problem(401, "sign_in_needed");
    assert_eq!(items(&ada, "/api/v1/me/statements").await.len(), 2);
});

async fn person_of(who: &Browser) -> Value {
    who.get("/api/v1/me").await.is(200).body["id"].clone()
}
