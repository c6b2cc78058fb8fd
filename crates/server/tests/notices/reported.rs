//! Letters about reports, to a relay: that one has arrived, what was decided, the reasons to whom it was about, and how
//! her appeal was judged.

use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use reqwest::Method;
use serde_json::{Value, json};

use super::receivers::{Came, Relay};
use super::{SETTINGS, confirms, site};

fn uuid(number: u32) -> String {
    format!("01900000-0000-7000-8000-{number:012}")
}

fn of_person(number: u32, person: &str, email: Option<&str>) -> Value {
    json!({"id": uuid(number), "object": {"kind": "person", "id": person}, "ground": "rules",
        "category": "harassment", "words": "she shouts at Bert", "email": email})
}

fn decision(number: u32, measure: &str) -> Value {
    json!({"id": uuid(number), "measure": measure, "ground": "rules", "category": "harassment",
        "basis": "Rule 2: be kind", "facts": "She shouted at three people."})
}

fn to<'a>(came: &'a [Came], address: &str) -> Vec<&'a Came> {
    came.iter().filter(|letter| letter.to == address).collect()
}

each_db!(what_becomes_of_a_report_is_told_by_letter, async |db: TestDb| {
    let (relay, relay_at) = Relay::start().await;
    let app = site(db, relay_at).await;
    let (bea, zora) = (app.sign_up("bea").await, app.sign_up("zora").await);
    let ola = app.sign_up("ola").await;
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'ola'")
        .await;
    confirms(&app, &bea, &relay, "bea@example.org").await;
    confirms(&app, &zora, &relay, "zora@example.org").await;
    // No news by letter; this is none.
    bea.send(Method::PATCH, SETTINGS, json!({"email": false}))
        .await
        .is(200);
    let person = bea.get("/api/v1/me").await.is(200).text("id");

    // Somebody without an account has it confirmed, once however often it is sent.
    let stranger = app.nobody();
    let report = of_person(10, &person, Some("ann@example.org"));
    for _ in 0..2 {
        stranger.post("/api/v1/reports", report.clone()).await.is(201);
    }
    let came = relay.until(3).await;
    let receipt = &came[2];
    assert_eq!(
        (receipt.to.as_str(), receipt.header("Subject")),
        ("ann@example.org", Some("Your report has arrived"))
    );
    assert_eq!(receipt.header("List-Unsubscribe"), None, "it is no news");
    assert!(!receipt.body().contains("bea"), "{}", receipt.body());
    let page = receipt.link("/me?report=");
    assert!(page.ends_with(&uuid(10)), "{page}");
    zora.post("/api/v1/reports", of_person(11, &person, None))
        .await
        .is(201);

    // The decision goes to her with its reasons, and to both who reported her without.
    let decide = format!("/api/v1/operator/reports/{}/decision", uuid(10));
    for _ in 0..2 {
        ola.post(&decide, decision(20, "suspend")).await.is(201);
    }
    let came = relay.until(6).await;
    let statement = to(&came, "bea@example.org")[1].body();
    for part in [
        "The account was suspended",
        "Rule 2: be kind",
        "She shouted at three people.",
    ] {
        assert!(statement.contains(part), "{part} in {statement}");
    }
    assert!(
        !statement.contains("zora") && !statement.contains("ann@"),
        "{statement}"
    );
    for address in ["ann@example.org", "zora@example.org"] {
        let told = to(&came, address)[1].body();
        assert!(told.contains("The account was suspended."), "{told}");
        assert!(!told.contains("three people") && !told.contains("bea"), "{told}");
    }

    // She appeals, though she is suspended, and is told what became of it.
    let appeal = json!({"id": uuid(30), "words": "It was the neighbour."});
    let path = format!("/api/v1/decisions/{}/appeals", uuid(20));
    bea.post(&path, appeal).await.is(201);
    let judge = format!("/api/v1/operator/appeals/{}/decision", uuid(30));
    for _ in 0..2 {
        let judgement = json!({"outcome": "reversed", "answer": "The recording shows the neighbour."});
        ola.post(&judge, judgement).await.is(200);
    }
    let came = relay.until(7).await;
    let answer = to(&came, "bea@example.org")[2];
    assert_eq!(answer.header("Subject"), Some("Your appeal was decided"));
    for part in [
        "the decision does not stand",
        "The recording shows the neighbour.",
    ] {
        assert!(answer.body().contains(part), "{part} in {}", answer.body());
    }

    // Nothing is left over, and nothing came twice.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert_eq!(relay.came().len(), 7);
    let rows = app.db.row_counts().await;
    assert_eq!((rows["notice_letter"], rows["notice_delivery"]), (0, 0));
});
