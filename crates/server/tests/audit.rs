//! `busk audit` sees what was changed behind the ledger's back, and names it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Command;

use busk_base::{Amount, PolicyVersion, PostingId, Timestamp};
use busk_commerce::accounts::{BANK, CURRENCY, WRITTEN_OFF};
use busk_commerce::providers::stripe::sign;
use busk_ledger::{Cause, Leg, Posting};
use busk_testkit::app::{Answer, TestApp};
use busk_testkit::each_db;
use busk_testkit::stripe::FakeStripe;
use reqwest::Method;
use serde_json::{Value, json};

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

/// A change, its undoing, and a part of what the audit says of it.
const TAMPERING: [(&str, &str, &str); 5] = [
    (
        "UPDATE ledger_transfer SET amount = amount + 1 WHERE id = 2",
        "UPDATE ledger_transfer SET amount = amount - 1 WHERE id = 2",
        "transfer 2",
    ),
    (
        "UPDATE ledger_transfer SET credit_balance = credit_balance + 1 WHERE id = 1",
        "UPDATE ledger_transfer SET credit_balance = credit_balance - 1 WHERE id = 1",
        "transfer 1",
    ),
    (
        "UPDATE ledger_balance SET balance = balance + 5 WHERE account = (SELECT MIN(id) FROM ledger_account WHERE name = 'wallet')",
        "UPDATE ledger_balance SET balance = balance - 5 WHERE account = (SELECT MIN(id) FROM ledger_account WHERE name = 'wallet')",
        "(wallet) gives as its balance 75, its transfers give 70",
    ),
    (
        "UPDATE ledger_posting SET cause = 'gift'",
        "UPDATE ledger_posting SET cause = 'coin_purchase'",
        "posting 1 is not what was posted",
    ),
    (
        "UPDATE ledger_transfer SET id = 9 WHERE id = 2",
        "UPDATE ledger_transfer SET id = 2 WHERE id = 9",
        "transfers 2 to 8 are missing",
    ),
];

each_db!(tampering_is_named, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let bea = app.sign_up("bea").await;
    let purchase = uuid::Uuid::from_u128(1).to_string();
    app.buy_coins(&bea, &purchase, "coins-70").await;
    assert_eq!(app.audit(), Ok(()));
    // Whoever tampers has first to get past the triggers.
    let unguarded = if app.db.is_sqlite() {
        "DROP TRIGGER ledger_transfer_update; DROP TRIGGER ledger_posting_update"
    } else {
        "ALTER TABLE ledger_transfer DISABLE TRIGGER USER; ALTER TABLE ledger_posting DISABLE TRIGGER USER"
    };
    app.db.tamper(unguarded).await;
    for (change, undo, said) in TAMPERING {
        app.db.tamper(change).await;
        let found = app.audit();
        app.db.tamper(undo).await;
        let found = found.expect_err(change);
        assert!(found.contains(said), "{change}: {found}");
        assert_eq!(app.audit(), Ok(()), "{undo}");
    }
});

/// Runs `busk audit --settlements` over two days around now; its exit code, and what it says as JSON.
fn settlements(app: &TestApp, more: &[(&str, String)]) -> (Option<i32>, Value) {
    let said = |json: bool| {
        let mut command = Command::new(BUSK);
        command.args(["audit", "--settlements", "--database-url", &app.db.url()]);
        command.args(["--data-dir", &app.folder().display().to_string()]);
        for (name, time) in [("--from", -86_400), ("--to", 86_400)] {
            let day = Timestamp::from_unix_us(now_us() + time * 1_000_000);
            command.args([name, &day.to_string()]);
        }
        more.iter().for_each(|(name, value)| {
            command.args([name, value.as_str()]);
        });
        if json {
            command.arg("--json");
        }
        command.env("RUST_LOG", "error").output().unwrap()
    };
    let (json, people) = (said(true), said(false));
    assert_eq!(json.status.code(), people.status.code());
    let whole: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(whole["findings"], json!([]), "the books themselves balance");
    let text = String::from_utf8(people.stdout).unwrap();
    for provider in whole["settlements"].as_array().unwrap() {
        let count = provider["differences"].as_array().unwrap().len();
        assert_eq!(provider["clean"], count == 0);
        for id in provider["differences"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|of| of["reported"]["id"].as_str())
        {
            assert!(text.contains(id), "{id} in {text}");
        }
    }
    (json.status.code(), whole["settlements"].clone())
}

fn now_us() -> i64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64
}

/// How each movement differs, by what it is of.
fn differences(provider: &Value) -> Vec<(String, String)> {
    let all = provider["differences"].as_array().unwrap().iter().map(|of| {
        let name = match of["reported"]["of"].as_str() {
            Some(name) => name.to_owned(),
            None => of["booked"]["names"][0].as_str().unwrap().to_owned(),
        };
        (name, of["differs"].as_str().unwrap().to_owned())
    });
    let mut all: Vec<_> = all.collect();
    all.sort();
    all
}

fn expected(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all: Vec<_> = pairs
        .iter()
        .map(|(of, how)| ((*of).to_owned(), (*how).to_owned()))
        .collect();
    all.sort();
    all
}

/// A payout of 50.00 that the books have as paid by a provider; its id. The program is stopped for it.
async fn booked_payout(app: &mut TestApp, provider: &str) -> String {
    let page = app.nobody().get("/api/v1/channels/bea").await.is(200);
    app.stop_with(&[]);
    let at = now_us();
    // The channel's id serves as the payout's.
    app.db
        .tamper(&format!(
            "INSERT INTO payout (id, channel, amount, currency, provider, account, shown, state, acts, requested_at, \
             changed_at) SELECT id, id, 5000, 'USD', '{provider}', 'acct_1', '{provider}', 'paid', 1, {at}, {at} \
             FROM channel WHERE handle = 'bea'"
        ))
        .await;
    let id = page.text("id");
    let payout: uuid::Uuid = id.parse().unwrap();
    let posting = Posting {
        id: PostingId(uuid::Uuid::from_u128(5_000)),
        cause: Cause {
            kind: "payout_paid",
            id: payout,
        },
        policy: PolicyVersion(1),
        corrects: None,
        // From where it does not matter here.
        legs: Leg::moves([(WRITTEN_OFF, BANK, Amount::money(5_000, CURRENCY))]),
    };
    let store = app.db.open(&[]);
    let now = Timestamp::from_unix_us(at);
    let posted = store.write(move |tx| busk_ledger::post(tx, &posting, now));
    posted.await.unwrap();
    id
}

each_db!(a_providers_report_that_differs_is_named, async |db| {
    let mut app = TestApp::start(BUSK, db).await;
    let bea = app.sign_up("bea").await;
    let id = |number: u128| uuid::Uuid::from_u128(number).to_string();
    for number in 1..=5 {
        app.buy_coins(&bea, &id(number), "coins-70").await;
    }
    let (code, settled) = settlements(&app, &[]);
    assert_eq!((code, &settled[0]["matched"]), (Some(0), &json!(5)), "{settled}");

    let charge = |number: u128| format!("ch_{}", id(number));
    let (one, two, three, four, five) = (charge(1), charge(2), charge(3), charge(4), charge(5));
    // Where a payment's row was changed, the transfers tell all the same.
    let seeded = format!(
        "DELETE FROM sandbox_movement WHERE subject = '{one}'; \
         INSERT INTO sandbox_movement SELECT 'txn_again', kind, subject, gross, fee, currency, at \
             FROM sandbox_movement WHERE subject = '{two}'; \
         UPDATE sandbox_movement SET gross = gross + 1 WHERE subject = '{three}'; \
         UPDATE payment SET price = price + 1 WHERE charge = '{three}'; \
         UPDATE payment SET state = 'declined' WHERE charge = '{five}'; \
         UPDATE sandbox_movement SET currency = 'EUR' WHERE subject = '{four}'; \
         INSERT INTO sandbox_movement SELECT 'txn_strange', 'refund', 'a-refund', -70, 0, 'USD', MAX(at) \
             FROM sandbox_movement"
    );
    app.db.tamper(&seeded).await;
    let payout = booked_payout(&mut app, "sandbox").await;
    let (code, settled) = settlements(&app, &[]);
    assert_eq!(code, Some(7), "{settled}");
    let (one, two) = (one.as_str(), two.as_str());
    let named = [
        (one, "missing_at_provider"),
        (two, "doubled_at_provider"),
        (&three, "other_amount"),
        (&four, "other_currency"),
        ("a-refund", "missing_in_books"),
        (&payout, "missing_at_provider"),
    ];
    assert_eq!(differences(&settled[0]), expected(&named), "{settled}");
    assert_eq!(settled[0]["matched"], 2, "the second and the fifth");
});

each_db!(stripes_report_that_differs_is_named, async |db| {
    let fake = FakeStripe::start("sk_test_key").await;
    let flags = [
        ("--stripe-secret-key", "sk_test_key".to_owned()),
        ("--stripe-webhook-secrets", "whsec_one".to_owned()),
        ("--stripe-url", fake.url()),
    ];
    let mut app = TestApp::start_with(BUSK, db, &flags).await;
    let bea = app.sign_up("bea").await;
    bea.declare_adult().await;
    let mut charges = Vec::new();
    for number in 1..=4 {
        let id = uuid::Uuid::from_u128(number).to_string();
        let body = json!({"id": id, "pack": "coins-350", "return_to": "/room"});
        let begun = bea.post("/api/v1/coin-purchases", body).await.is(201);
        let url = begun.text("checkout_url");
        let event = fake.pay(url.rsplit('/').next().unwrap());
        let text = event.to_string();
        let signature = sign("whsec_one", Timestamp::from_unix_us(now_us()), text.as_bytes());
        let request = app
            .nobody()
            .request(Method::POST, "/api/v1/providers/stripe/notices");
        let request = request
            .header("content-type", "application/json")
            .header("stripe-signature", signature);
        Answer::of(request.body(text)).await.is(200);
        charges.push(
            event["data"]["object"]["payment_intent"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let payout = booked_payout(&mut app, "stripe").await;
    let line = |id: &str, kind: &str, amount: i64, currency: &str, source: Value| {
        json!({"id": id, "object": "balance_transaction", "type": kind, "amount": amount, "fee": 0,
            "currency": currency, "created": now_us() / 1_000_000, "source": source})
    };
    let charged = |id: &str, amount: i64, currency: &str, intent: &str| {
        let source = json!({"object": "charge", "id": format!("ch_of_{intent}"), "payment_intent": intent});
        line(id, "charge", amount, currency, source)
    };
    let sent = json!({"object": "transfer", "id": "tr_1", "metadata": {"payout": payout}});
    let clean: Vec<Value> = charges
        .iter()
        .map(|intent| charged(&format!("txn_{intent}"), 350, "usd", intent))
        .collect();
    let clean = [
        clean,
        vec![line("txn_tr", "transfer", -5_000, "usd", sent.clone())],
    ]
    .concat();
    fake.report(clean);
    let (code, settled) = settlements(&app, &flags);
    assert_eq!((code, &settled[1]["matched"]), (Some(0), &json!(5)), "{settled}");

    let own = json!({"object": "fee", "id": "fee_1"});
    fake.report(vec![
        line("txn_own", "stripe_fee", -200, "usd", own),
        // It never came to the bank, though the books have it there.
        line("txn_back", "transfer_failure", 5_000, "usd", sent.clone()),
        line("txn_tr", "transfer", -5_000, "usd", sent),
        charged("txn_strange", 350, "usd", "pi_strange"),
        charged("txn_euro", 350, "eur", &charges[2]),
        charged("txn_more", 351, "usd", &charges[1]),
        charged("txn_again", 350, "usd", &charges[0]),
        charged("txn_first", 350, "usd", &charges[0]),
    ]);
    let (code, settled) = settlements(&app, &flags);
    assert_eq!(code, Some(7), "{settled}");
    let named = [
        (&*charges[0], "doubled_at_provider"),
        (&*charges[1], "other_amount"),
        (&*charges[2], "other_currency"),
        (&*charges[3], "missing_at_provider"),
        ("pi_strange", "missing_in_books"),
        (&*payout, "missing_in_books"),
    ];
    assert_eq!(differences(&settled[1]), expected(&named), "{settled}");
    assert_eq!(
        (&settled[1]["matched"], &settled[1]["others"]),
        (&json!(2), &json!(1))
    );
    // A provider that does not answer is no finding of the books.
    fake.answer_next(503, "{}");
    let mut asked = Command::new(BUSK);
    asked.args(["audit", "--settlements", "--database-url", &app.db.url()]);
    asked.args(["--data-dir", &app.folder().display().to_string()]);
    flags.iter().for_each(|(name, value)| {
        asked.args([name, value.as_str()]);
    });
    let asked = asked.output().unwrap();
    assert_eq!(asked.status.code(), Some(1), "{asked:?}");
});
