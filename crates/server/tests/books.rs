//! The books as accountants have them: months that close by themselves, an anchor that is mended and watched, lists and
//! exports over HTTP and on the command line.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use busk_base::{Amount, PersonId, PolicyVersion, PostingId, Timestamp};
use busk_commerce::accounts::{COIN_ISSUED, wallet};
use busk_ledger::{Cause, Leg, PostError, Posting};
use busk_store::{Config, Store};
use busk_testkit::app::{Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

/// Posts 70 coins in September of 2026, as a site that has run since then would have.
async fn september(db: &TestDb) {
    let database = db.database.clone();
    let opened = std::thread::spawn(move || Store::open(Config::new(database), &[busk_ledger::MIGRATIONS]));
    let store = opened.join().unwrap().unwrap();
    let id = Uuid::from_u128(1);
    let posting = Posting {
        id: PostingId(id),
        cause: Cause { kind: "test", id },
        policy: PolicyVersion(1),
        corrects: None,
        legs: vec![Leg::Move {
            debit: COIN_ISSUED,
            credit: wallet(PersonId(id)),
            amount: Amount::coins(70),
        }],
    };
    let at: Timestamp = "2026-09-10T12:00:00Z".parse().unwrap();
    let posted = store.write(move |tx| busk_ledger::post(tx, &posting, at));
    let posted: Result<_, PostError> = posted.await;
    posted.unwrap();
}

fn anchor(app: &TestApp) -> PathBuf {
    app.folder().join("seals")
}

fn anchored(app: &TestApp) -> String {
    std::fs::read_to_string(anchor(app)).unwrap_or_default()
}

async fn when(what: &str, is: impl Fn() -> bool) {
    for _ in 0..200 {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never: {what}");
}

fn busk(app: &TestApp, args: &[&str]) -> Output {
    let folder = app.folder().display().to_string();
    let done = Command::new(BUSK)
        .args(args)
        .args(["--database-url", &app.db.url(), "--data-dir", &folder])
        .env("RUST_LOG", "error")
        .output();
    done.unwrap()
}

each_db!(months_close_by_themselves_and_are_anchored, async |db| {
    let mut app = TestApp::start(BUSK, db).await;
    assert!(!anchor(&app).exists(), "nothing is closed, nothing is anchored");
    app.kill9();
    september(&app.db).await;
    app.restart().await;
    // September, and October at least: the clock is the machine's.
    when("two months are closed", || anchored(&app).lines().count() >= 2).await;
    let whole = anchored(&app);
    assert!(
        whole.starts_with("1 until 2026-10-01T00:00:00.000Z policies 1 accounts 2 postings 1 transfers 1 "),
        "{whole}"
    );
    assert_eq!(app.audit(), Ok(()));
    let again = busk(&app, &["close", "--json"]);
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(
        again,
        json!({"seals": []}),
        "beside a server there is nothing left to close"
    );

    let half = whole.len() / 2;
    for (what, text) in [
        ("cut", whole[..half].to_owned()),
        ("edited", whole.replacen("postings 1 ", "postings 2 ", 1)),
        ("longer", format!("{whole}99 until …\n")),
        ("empty", String::new()),
    ] {
        std::fs::write(anchor(&app), text).unwrap();
        let said = app.audit().expect_err(what);
        assert!(said.contains("anchor"), "{what}: {said}");
    }

    // As a process leaves it that dies between a seal and its line.
    app.kill9();
    std::fs::write(anchor(&app), &whole[..whole.len() - 40]).unwrap();
    app.restart().await;
    when("the anchor is mended", || anchored(&app) == whole).await;

    // A lost one is not made up for in silence.
    app.kill9();
    std::fs::remove_file(anchor(&app)).unwrap();
    app.restart().await;
    let refused = busk(&app, &["close"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("seal 1 is not in the anchor"), "{said}");
    assert!(busk(&app, &["close", "--renew-anchor"]).status.success());
    assert_eq!(anchored(&app), whole);
    assert_eq!(app.audit(), Ok(()));
});

/// Text, and how it is announced.
async fn text(browser: &Browser, path: &str) -> (StatusCode, String, String) {
    let answer = browser.request(Method::GET, path).send().await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status(), kind, answer.text().await.unwrap())
}

each_db!(operators_and_creators_see_the_books, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (ada, bea) = (app.sign_up("ada").await, app.sign_up("bea").await);
    app.db
        .tamper("UPDATE person SET role = 'operator' WHERE handle = 'ada'")
        .await;
    app.buy_coins(&bea, &Uuid::from_u128(1).to_string(), "coins-70")
        .await;

    let listed = ada.get("/api/v1/operator/postings").await.is(200).body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["kind"], "coin_purchase");
    let posting = listed["items"][0]["posting"].as_str().unwrap();
    let whole = ada
        .get(&format!("/api/v1/operator/postings/{posting}"))
        .await
        .is(200)
        .body;
    let moved: Vec<(&str, i64)> = whole["transfers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| {
            (
                t["debit"]["account"].as_str().unwrap(),
                t["amount"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(moved, [("psp_clearing", 70), ("coin_issued", 70)]);
    let none = ada.get("/api/v1/operator/postings?kind=gift").await.is(200).body;
    assert_eq!(none, json!({"items": [], "next": null}));

    let accounts = ada.get("/api/v1/operator/accounts?limit=1").await.is(200).body;
    assert_eq!(accounts["items"][0]["account"], "psp_clearing");
    assert_eq!(accounts["items"][0]["balance"], -70);
    let next = accounts["next"].as_str().unwrap();
    let rest = ada
        .get(&format!("/api/v1/operator/accounts?cursor={next}"))
        .await
        .is(200)
        .body;
    assert_eq!(rest["items"].as_array().unwrap().len(), 3);
    let account = rest["items"][0]["id"].as_i64().unwrap();
    let of_account = ada
        .get(&format!("/api/v1/operator/postings?account={account}"))
        .await;
    assert_eq!(of_account.is(200).body["items"], listed["items"]);
    let month = listed["items"][0]["at"].as_str().unwrap()[..7].to_owned();
    let month = ada
        .get(&format!("/api/v1/operator/months/{month}"))
        .await
        .is(200)
        .body;
    assert_eq!(month["kinds"][0]["postings"], 1);

    for (who, path, kind, begins) in [
        (
            &ada,
            "/api/v1/operator/postings.csv",
            "text/csv; charset=utf-8",
            "at,number,posting,",
        ),
        (
            &ada,
            "/api/v1/operator/journal",
            "text/plain; charset=utf-8",
            "; Busk: a journal for hledger\n",
        ),
        (
            &ada,
            "/api/v1/operator/journal?format=beancount&from=2026-01-01",
            "text/plain; charset=utf-8",
            "; Busk: a journal for beancount\n",
        ),
        (
            &bea,
            "/api/v1/earnings/statement.csv?to=2099-01-01",
            "text/csv; charset=utf-8",
            "at,posting,kind,",
        ),
        (
            &bea,
            "/api/v1/earnings/journal",
            "text/plain; charset=utf-8",
            "; Busk: a journal for hledger\n",
        ),
    ] {
        let (status, said, body) = text(who, path).await;
        assert_eq!((status, said.as_str()), (StatusCode::OK, kind), "{path}");
        assert!(body.starts_with(begins), "{path}: {body}");
        let (status, ..) = text(&app.nobody(), path).await;
        assert_eq!(status, 401, "{path}");
    }
    for path in [
        "postings",
        "accounts",
        "postings.csv",
        "journal",
        "months/2026-11",
    ] {
        bea.get(&format!("/api/v1/operator/{path}"))
            .await
            .problem(403, "operator_needed");
    }
    for (path, status, code) in [
        ("postings?from=yesterday", 422, "invalid"),
        ("postings?cursor=AAAA", 422, "invalid"),
        ("postings?account=1&cursor=AAAA", 422, "invalid"),
        ("journal?format=ledger", 422, "invalid"),
        ("months/2026-13", 404, "month_unknown"),
        (
            "postings/00000000-0000-0000-0000-000000000009",
            404,
            "posting_unknown",
        ),
    ] {
        ada.get(&format!("/api/v1/operator/{path}"))
            .await
            .problem(status, code);
    }

    let over_http = text(&ada, "/api/v1/operator/journal").await.2;
    let exported = busk(&app, &["export", "--format", "hledger"]);
    assert_eq!(String::from_utf8(exported.stdout).unwrap(), over_http);
    assert!(over_http.contains("0.70 USD"), "{over_http}");
    let nobody = busk(&app, &["export", "--format", "csv", "--creator", "nobody"]);
    assert_eq!(nobody.status.code(), Some(1));
});
