//! What Stripe is asked, to a local server that speaks its wire format.

use std::sync::Arc;
use std::time::Duration;

use busk_base::{Amount, PayoutId, RefundId};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use busk_testkit::stripe::{Call, FakeStripe, Fields};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{API_VERSION, Stripe, StripeConfig};
use crate::accounts::CURRENCY;
use crate::providers::{
    Charge, Checkout, Onboard, Provider, ProviderError, Refund, Settlement, SettlementKind, Transfer,
};
use crate::scene::*;

const KEY: &str = "sk_test_key";

async fn set(db: TestDb) -> (FakeStripe, Stripe, Scene) {
    let (fake, scene) = (FakeStripe::start(KEY).await, Scene::set(db).await);
    let site = site(scene.store.clone(), Arc::new(|| NOW));
    let config = StripeConfig::new(KEY.into(), vec!["whsec_one".into()], Some(fake.url())).unwrap();
    (fake, Stripe::new(site, config).unwrap(), scene)
}

fn checkout(number: u128, keep_method: bool) -> Checkout {
    Checkout {
        payment: payment_id(number),
        payer: CID,
        amount: Amount::money(350, CURRENCY),
        description: "350 coins & more".into(),
        return_to: "/room?id=1".into(),
        expires_at: NOW + Duration::from_secs(3_600),
        keep_method,
    }
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// The only call since.
fn only(fake: &FakeStripe) -> Call {
    let mut calls = fake.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let call = calls.remove(0);
    assert_eq!(call.version.as_deref(), Some(API_VERSION));
    assert_eq!(call.authorization.as_deref(), Some("Bearer sk_test_key"));
    call
}

each_db!(a_session_is_opened_once, async |db| {
    let (fake, stripe, _scene) = set(db).await;
    let (payment, payer) = (payment_id(1).to_string(), CID.to_string());
    let opened = stripe.checkout(&checkout(1, false)).await.unwrap();
    assert_eq!(
        opened.url,
        format!("https://checkout.stripe.com/c/pay/{}", opened.checkout)
    );
    let call = only(&fake);
    assert_eq!(
        (call.method, call.path.as_str()),
        (Method::POST, "/v1/checkout/sessions")
    );
    assert_eq!(call.key, Some(format!("checkout-{payment}")));
    let expected = fields(&[
        ("mode", "payment"),
        ("client_reference_id", &payment),
        ("metadata[payment]", &payment),
        ("metadata[payer]", &payer),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "350"),
        (
            "line_items[0][price_data][product_data][name]",
            "350 coins & more",
        ),
        ("success_url", "http://live.example/room?id=1"),
        ("cancel_url", "http://live.example/room?id=1"),
        ("expires_at", "1795256400"),
        ("payment_intent_data[metadata][checkout_of]", &payment),
        ("payment_intent_data[metadata][payer]", &payer),
    ]);
    assert_eq!(call.form, expected);

    assert_eq!(
        stripe.checkout(&checkout(1, false)).await,
        Ok(opened),
        "the same, asked again"
    );
    let other = Checkout {
        amount: Amount::money(351, CURRENCY),
        ..checkout(1, false)
    };
    let refused = stripe.checkout(&other).await.unwrap_err();
    assert!(
        matches!(&refused, ProviderError::Refused(why) if why.starts_with("idempotency_error")),
        "{refused}"
    );
    fake.calls();

    stripe.checkout(&checkout(2, true)).await.unwrap();
    let form = only(&fake).form;
    assert_eq!(form["customer_creation"], "always");
    assert_eq!(form["payment_intent_data[setup_future_usage]"], "off_session");
});

each_db!(a_renewal_charges_what_was_kept, async |db| {
    let (fake, stripe, _scene) = set(db).await;
    let renewal = |number: u128, method: &str| Charge {
        payment: payment_id(number),
        payer: CID,
        method: method.into(),
        amount: Amount::money(499, CURRENCY),
        description: "a month".into(),
    };
    assert_eq!(stripe.charge(&renewal(1, "cus_1")).await, Ok(()));
    let calls = fake.calls();
    let (asked, charged) = (&calls[0], &calls[1]);
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("GET", "/v1/customers/cus_1/payment_methods")
    );
    assert_eq!(
        (asked.query.clone(), asked.key.clone()),
        (fields(&[("limit", "1")]), None)
    );
    assert_eq!(charged.key, Some(format!("charge-{}", payment_id(1))));
    let expected = fields(&[
        ("amount", "499"),
        ("currency", "usd"),
        ("customer", "cus_1"),
        ("payment_method", "pm_of_cus_1"),
        ("off_session", "true"),
        ("confirm", "true"),
        ("description", "a month"),
        ("metadata[payment]", &payment_id(1).to_string()),
        ("metadata[payer]", &CID.to_string()),
    ]);
    assert_eq!(charged.form, expected);

    // That the bank said no is said by the intent's event.
    assert_eq!(stripe.charge(&renewal(2, "cus_declined")).await, Ok(()));
    let refused = |answer: Result<(), ProviderError>| match answer {
        Err(ProviderError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(stripe.charge(&renewal(3, "cus_empty")).await).starts_with("resource_missing"));
    assert!(refused(stripe.charge(&renewal(4, "cus_gone")).await).starts_with("resource_missing"));
    fake.calls();
    for method in ["", "pm_1", "cus_", "cus_1/../../refunds", "cus_1?x=y"] {
        assert!(refused(stripe.charge(&renewal(5, method)).await).starts_with("resource_missing"));
    }
    assert_eq!(fake.calls(), [], "nothing was asked under names that are none");
});

each_db!(a_refund_names_its_payment, async |db| {
    let (fake, stripe, _scene) = set(db).await;
    for (charge, name) in [("pi_1", "payment_intent"), ("ch_1", "charge")] {
        let number = charge.len() as u128 + u128::from(charge.as_bytes()[0]);
        let wanted = Refund {
            refund: RefundId(Uuid::from_u128(number)),
            payment: payment_id(1),
            charge: charge.into(),
            amount: 100,
            currency: "USD".into(),
        };
        assert_eq!(stripe.refund(&wanted).await, Ok(()));
        let call = only(&fake);
        assert_eq!(
            (call.path.as_str(), call.key),
            ("/v1/refunds", Some(format!("refund-{}", wanted.refund)))
        );
        let expected = fields(&[
            (name, charge),
            ("amount", "100"),
            ("metadata[refund]", &wanted.refund.to_string()),
            ("metadata[payment]", &payment_id(1).to_string()),
        ]);
        assert_eq!(call.form, expected);
    }
});

each_db!(a_creator_has_one_account_and_many_links, async |db| {
    let (fake, stripe, _scene) = set(db).await;
    let wanted = |account: Option<&str>| Onboard {
        channel: CHANNEL,
        account: account.map(str::to_owned),
        return_to: "/earnings".into(),
    };
    let first = stripe.onboard(&wanted(None)).await.unwrap();
    let again = stripe.onboard(&wanted(None)).await.unwrap();
    assert_eq!(again.account, first.account, "asked again, it is the same");
    assert_ne!(again.url, first.url, "a link is good once");
    let calls = fake.calls();
    assert_eq!(calls[0].key, Some(format!("account-{CHANNEL}")));
    let made = fields(&[
        ("type", "express"),
        ("capabilities[transfers][requested]", "true"),
        ("metadata[channel]", &CHANNEL.to_string()),
    ]);
    assert_eq!(calls[0].form, made);
    let link = fields(&[
        ("account", &first.account),
        ("type", "account_onboarding"),
        ("return_url", "http://live.example/earnings"),
        ("refresh_url", "http://live.example/earnings"),
    ]);
    assert_eq!(calls[1].form, link);
    assert_ne!(calls[1].key, calls[3].key);
    stripe.onboard(&wanted(Some("acct_known"))).await.unwrap();
    assert_eq!(only(&fake).form["account"], "acct_known");
});

each_db!(a_transfer_goes_to_the_creators_account, async |db| {
    let (fake, stripe, _scene) = set(db).await;
    let wanted = Transfer {
        payout: PayoutId(Uuid::from_u128(5)),
        account: "acct_1".into(),
        amount: 2_000,
        currency: "USD".into(),
    };
    assert_eq!(stripe.transfer(&wanted).await, Ok(()));
    let call = only(&fake);
    assert_eq!(
        (call.path.as_str(), call.key),
        ("/v1/transfers", Some(format!("transfer-{}", wanted.payout)))
    );
    let expected = fields(&[
        ("amount", "2000"),
        ("currency", "usd"),
        ("destination", "acct_1"),
        ("metadata[payout]", &wanted.payout.to_string()),
    ]);
    assert_eq!(call.form, expected);
});

/// What Stripe answers, and what is made of it: whether the same may be asked again, and in which words.
const ANSWERS: &[(u16, &str, bool, &str)] = &[
    (
        400,
        r#"{"error":{"type":"invalid_request_error","code":"amount_too_small","message":"Too small"}}"#,
        false,
        "amount_too_small: Too small",
    ),
    (
        400,
        r#"{"error":{"type":"invalid_request_error"}}"#,
        false,
        "invalid_request_error",
    ),
    (
        400,
        r#"{"error":{"type":"idempotency_error","message":"Other"}}"#,
        false,
        "idempotency_error: Other",
    ),
    (400, "<html>", false, "unknown"),
    (
        402,
        r#"{"error":{"type":"card_error","code":"card_declined"}}"#,
        false,
        "card_declined",
    ),
    (
        404,
        r#"{"error":{"type":"invalid_request_error","code":"resource_missing"}}"#,
        false,
        "resource_missing",
    ),
    (
        401,
        r#"{"error":{"type":"invalid_request_error"}}"#,
        true,
        "401: invalid_request_error",
    ),
    (
        403,
        r#"{"error":{"type":"invalid_request_error"}}"#,
        true,
        "403: invalid_request_error",
    ),
    (
        409,
        r#"{"error":{"type":"idempotency_error","code":"idempotency_key_in_use"}}"#,
        true,
        "409: idempotency_key_in_use",
    ),
    (
        429,
        r#"{"error":{"type":"invalid_request_error","code":"rate_limit"}}"#,
        true,
        "429: rate_limit",
    ),
    (429, "", true, "429: unknown"),
    (500, r#"{"error":{"type":"api_error"}}"#, true, "500: api_error"),
    (503, "gone", true, "503: unknown"),
    // Never followed: the key would go with it.
    (302, "", true, "302: unknown"),
    (200, "not json", true, "an answer that cannot be read"),
    (
        200,
        r#"{"url":"https://x"}"#,
        true,
        "an answer that cannot be read",
    ),
    (
        200,
        r#"{"id":"cs_live_1","url":"https://x","livemode":true}"#,
        false,
        "livemode",
    ),
    (
        200,
        r#"{"id":"cs_test_1","url":null}"#,
        false,
        "a session without a page",
    ),
    (
        200,
        r#"{"id":"cs_test_1","url":"javascript:alert(1)"}"#,
        false,
        "a session without a page",
    ),
];

each_db!(errors_are_told_apart, async |db| {
    let (fake, stripe, _scene) = set(db).await;
    for (row, (status, body, again, why)) in ANSWERS.iter().enumerate() {
        fake.answer_next(*status, body);
        let (may_again, said) = match stripe.checkout(&checkout(row as u128, false)).await {
            Err(ProviderError::Unavailable(said)) => (true, said),
            Err(ProviderError::Refused(said)) => (false, said),
            Ok(opened) => panic!("row {row}: {opened:?}"),
        };
        assert_eq!(may_again, *again, "row {row}: {said}");
        assert!(said.starts_with(why), "row {row}: {said}");
        assert!(!said.contains(KEY), "the key is shown");
        assert_eq!(fake.calls().len(), 1, "row {row} was asked once");
    }
    let long = format!("\"{}\"", "x".repeat(5 * 1024 * 1024));
    fake.answer_next(200, &long);
    let asked = stripe.checkout(&checkout(99, false)).await;
    assert_eq!(
        asked,
        Err(ProviderError::Unavailable("an answer that is too long".into()))
    );
    drop(fake);
    let asked = stripe.checkout(&checkout(100, false)).await.unwrap_err();
    let ProviderError::Unavailable(why) = asked else {
        panic!("{asked:?}")
    };
    assert!(!why.contains("127.0.0.1"), "{why}");
});

fn line(id: &str, kind: &str, amount: i64, fee: i64, source: Value) -> Value {
    json!({"id": id, "object": "balance_transaction", "type": kind, "amount": amount, "fee": fee,
        "net": amount - fee, "currency": "usd", "created": NOW.unix_s(), "source": source})
}

each_db!(the_report_is_read_to_its_end, async |db| {
    let (fake, stripe, _scene) = set(db).await;
    let (refund, payout) = (Uuid::from_u128(3).to_string(), Uuid::from_u128(5).to_string());
    let rows = [
        (
            "txn_1",
            "charge",
            350,
            40,
            json!({"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}),
            SettlementKind::Payment,
            "pi_1",
        ),
        (
            "txn_2",
            "payment",
            100,
            33,
            json!({"id": "py_1", "object": "charge", "payment_intent": null}),
            SettlementKind::Payment,
            "py_1",
        ),
        (
            "txn_3",
            "refund",
            -100,
            0,
            json!({"id": "re_1", "object": "refund", "metadata": {"refund": refund}}),
            SettlementKind::Refund,
            refund.as_str(),
        ),
        (
            "txn_4",
            "refund",
            -1,
            0,
            json!({"id": "re_2", "object": "refund", "metadata": {}}),
            SettlementKind::Refund,
            "re_2",
        ),
        (
            "txn_5",
            "adjustment",
            -350,
            1_500,
            json!({"id": "du_1", "object": "dispute"}),
            SettlementKind::Dispute,
            "du_1",
        ),
        (
            "txn_6",
            "adjustment",
            5,
            0,
            Value::Null,
            SettlementKind::Other,
            "txn_6",
        ),
        (
            "txn_7",
            "transfer",
            -2_000,
            0,
            json!({"id": "tr_1", "object": "transfer", "metadata": {"payout": payout}}),
            SettlementKind::Payout,
            payout.as_str(),
        ),
        (
            "txn_8",
            "transfer_refund",
            2_000,
            0,
            json!({"id": "trr_1", "object": "transfer_reversal", "transfer": "tr_1", "metadata": {}}),
            SettlementKind::Payout,
            "tr_1",
        ),
        (
            "txn_9",
            "payout",
            -500,
            0,
            json!({"id": "po_1", "object": "payout"}),
            SettlementKind::Other,
            "po_1",
        ),
        (
            "txn_a",
            "stripe_fee",
            -7,
            0,
            Value::Null,
            SettlementKind::Other,
            "txn_a",
        ),
    ];
    let given = rows
        .iter()
        .map(|(id, kind, amount, fee, source, ..)| line(id, kind, *amount, *fee, source.clone()));
    fake.report(given.rev().collect());
    let until = NOW + Duration::from_secs(86_400);
    let read = stripe.settlements(NOW, until).await.unwrap();
    let expected: Vec<Settlement> = rows
        .iter()
        .map(|(id, _, gross, fee, _, kind, of)| Settlement {
            id: (*id).to_owned(),
            kind: *kind,
            of: (*of).to_owned(),
            gross: *gross,
            fee: *fee,
            currency: "USD".into(),
            at: NOW,
        })
        .collect();
    assert_eq!(read, expected);
    let calls = fake.calls();
    assert_eq!(calls.len(), 5, "two lines a page");
    let first = fields(&[
        ("limit", "100"),
        ("expand[]", "data.source"),
        ("created[gte]", "1795252800"),
        ("created[lt]", "1795339200"),
    ]);
    assert_eq!(calls[0].query, first);
    assert_eq!(calls[1].query["starting_after"], "txn_9");
    fake.report(Vec::new());
    assert_eq!(stripe.settlements(NOW, until).await, Ok(Vec::new()));
});
