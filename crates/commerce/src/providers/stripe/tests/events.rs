//! Events as Stripe writes them, each with the notice that it is.

use busk_base::{DisputeId, PaymentId, PersonId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::API_VERSION;
use super::super::event::{Event, EventError, Mode, read};
use crate::providers::{
    About, AccountNotice, DisputeNotice, DisputeSaid, Identity, Notice, PaymentNotice, PaymentSaid,
    PayoutNotice, PayoutSaid, RefundNotice, RefundSaid,
};

const CREATED: i64 = 1_795_252_800;

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn text(number: u128) -> String {
    uuid(number).to_string()
}

fn event(kind: &str, object: Value) -> Value {
    json!({"id": "evt_1", "object": "event", "type": kind, "api_version": API_VERSION, "created": CREATED,
        "livemode": false, "data": {"object": object}})
}

fn heard(event: &Value) -> Result<Event, EventError> {
    read(event.to_string().as_bytes(), Mode::Test)
}

fn says(about: About) -> Result<Event, EventError> {
    Ok(Event::Says(Notice {
        id: "evt_1".into(),
        about,
    }))
}

fn session(status: &str) -> Value {
    json!({"id": "cs_test_1", "object": "checkout.session", "payment_status": status, "amount_total": 350,
        "currency": "usd", "payment_intent": "pi_1", "customer": "cus_1", "mode": "payment",
        "customer_details": {"email": "a@b.c", "address": {"country": "FR", "city": null}},
        "metadata": {"payment": text(1), "payer": text(2)}})
}

fn paid(said: PaymentSaid) -> About {
    About::Payment(PaymentNotice {
        said,
        payment: PaymentId(uuid(1)),
        payer: PersonId(uuid(2)),
        checkout: Some("cs_test_1".into()),
        charge: Some("pi_1".into()),
        method: Some("cus_1".into()),
        country: Some("FR".into()),
        amount: 350,
        currency: "USD".into(),
    })
}

fn with(mut object: Value, field: &str, value: Value) -> Value {
    *object.pointer_mut(field).unwrap() = value;
    object
}

#[test]
fn a_session_says_what_became_of_its_payment() {
    let bare = with(session("paid"), "/customer_details", Value::Null);
    let bare = with(
        with(bare, "/customer", Value::Null),
        "/payment_intent",
        Value::Null,
    );
    let About::Payment(whole) = paid(PaymentSaid::Expired) else {
        unreachable!("it was just made")
    };
    let without = PaymentNotice {
        charge: None,
        method: None,
        country: None,
        ..whole
    };
    let rows = [
        (
            "checkout.session.completed",
            session("paid"),
            paid(PaymentSaid::Settled),
        ),
        (
            "checkout.session.completed",
            session("unpaid"),
            paid(PaymentSaid::Pending),
        ),
        (
            "checkout.session.async_payment_succeeded",
            session("paid"),
            paid(PaymentSaid::Settled),
        ),
        (
            "checkout.session.async_payment_failed",
            session("unpaid"),
            paid(PaymentSaid::Declined),
        ),
        (
            "checkout.session.expired",
            session("unpaid"),
            paid(PaymentSaid::Expired),
        ),
        ("checkout.session.expired", bare, About::Payment(without)),
    ];
    for (kind, object, about) in rows {
        assert_eq!(heard(&event(kind, object)), says(about), "{kind}");
    }
}

#[test]
fn an_intent_speaks_for_renewals_only() {
    let intent = json!({"id": "pi_2", "amount": 499, "amount_received": 499, "currency": "usd", "customer": "cus_1",
        "metadata": {"payment": text(1), "payer": text(2)}});
    let notice = |said| {
        About::Payment(PaymentNotice {
            said,
            payment: PaymentId(uuid(1)),
            payer: PersonId(uuid(2)),
            checkout: None,
            charge: Some("pi_2".into()),
            method: Some("cus_1".into()),
            country: None,
            amount: 499,
            currency: "USD".into(),
        })
    };
    let declined = with(intent.clone(), "/amount_received", json!(0));
    assert_eq!(
        heard(&event("payment_intent.succeeded", intent.clone())),
        says(notice(PaymentSaid::Settled))
    );
    assert_eq!(
        heard(&event("payment_intent.payment_failed", declined)),
        says(notice(PaymentSaid::Declined))
    );
    let of_checkout = with(
        intent,
        "/metadata",
        json!({"checkout_of": text(1), "payer": text(2)}),
    );
    for kind in ["payment_intent.succeeded", "payment_intent.payment_failed"] {
        assert_eq!(
            heard(&event(kind, of_checkout.clone())),
            Ok(Event::Nothing("not of this site"))
        );
    }
}

#[test]
fn a_refund_is_told_by_our_id() {
    let refund = |status: &str| {
        json!({"id": "re_1", "amount": 100, "currency": "usd", "created": CREATED, "status": status,
            "charge": "ch_1", "payment_intent": "pi_1", "metadata": {"refund": text(3), "payment": text(1)}})
    };
    let notice = |said| {
        About::Refund(RefundNotice {
            said,
            refund: busk_base::RefundId(uuid(3)),
            amount: 100,
            currency: "USD".into(),
        })
    };
    for (kind, status, said) in [
        ("refund.created", "succeeded", Some(RefundSaid::Succeeded)),
        ("refund.updated", "succeeded", Some(RefundSaid::Succeeded)),
        ("refund.failed", "failed", Some(RefundSaid::Failed)),
        ("refund.updated", "canceled", Some(RefundSaid::Failed)),
        ("refund.created", "pending", None),
        ("refund.updated", "requires_action", None),
    ] {
        let expected = match said {
            Some(said) => says(notice(said)),
            None => Ok(Event::Nothing("not decided yet")),
        };
        assert_eq!(heard(&event(kind, refund(status))), expected, "{kind} {status}");
    }
    // Made at Stripe: under an id that is nobody's here, and always the same.
    let foreign = event(
        "refund.created",
        with(refund("succeeded"), "/metadata", json!({})),
    );
    let Ok(Event::Says(first)) = heard(&foreign) else {
        panic!("a refund made at Stripe is heard of")
    };
    assert_eq!(heard(&foreign), Ok(Event::Says(first)));
    let whole = json!({"id": "ch_1", "object": "charge", "amount_refunded": 100});
    assert!(matches!(
        heard(&event("charge.refunded", whole)),
        Ok(Event::Nothing(_))
    ));
}

#[test]
fn a_dispute_has_its_amount_and_fee() {
    let dispute = |status: &str| {
        json!({"id": "du_1", "amount": 350, "currency": "usd", "charge": "ch_1", "payment_intent": "pi_1",
            "created": CREATED, "reason": "fraudulent", "status": status, "balance_transactions": [
                {"id": "txn_1", "amount": -350, "fee": 1_500, "net": -1_850, "type": "adjustment"}]})
    };
    let Ok(Event::Says(opened)) = heard(&event("charge.dispute.created", dispute("needs_response"))) else {
        panic!("a dispute is heard of")
    };
    let About::Dispute(opened) = opened.about else {
        panic!("{opened:?}")
    };
    let notice = |said, fee| {
        About::Dispute(DisputeNotice {
            said,
            dispute: "du_1".into(),
            id: opened.id,
            charge: "pi_1".into(),
            amount: 350,
            fee,
            currency: "USD".into(),
            reason: "fraudulent".into(),
        })
    };
    assert_ne!(opened.id, DisputeId(Uuid::nil()));
    let mut won = dispute("won");
    let back = json!({"id": "txn_2", "amount": 350, "fee": 0, "net": 350});
    won["balance_transactions"].as_array_mut().unwrap().push(back);
    let mut bare = dispute("needs_response");
    bare.as_object_mut().unwrap().remove("balance_transactions");
    let of_charge = with(dispute("needs_response"), "/payment_intent", Value::Null);
    let About::Dispute(by_charge) = notice(DisputeSaid::Opened, 1_500) else {
        unreachable!("it was just made")
    };
    let by_charge = About::Dispute(DisputeNotice {
        charge: "ch_1".into(),
        ..by_charge
    });
    let (created, closed) = ("charge.dispute.created", "charge.dispute.closed");
    let withdrawn = "charge.dispute.funds_withdrawn";
    for (kind, object, expected) in [
        (
            created,
            dispute("needs_response"),
            says(notice(DisputeSaid::Opened, 1_500)),
        ),
        (
            withdrawn,
            dispute("under_review"),
            says(notice(DisputeSaid::Opened, 1_500)),
        ),
        (created, bare, says(notice(DisputeSaid::Opened, 0))),
        (created, of_charge, says(by_charge)),
        (closed, won, says(notice(DisputeSaid::Won, 1_500))),
        (closed, dispute("lost"), says(notice(DisputeSaid::Lost, 1_500))),
        (
            created,
            dispute("warning_needs_response"),
            Ok(Event::Nothing("an inquiry moves nothing")),
        ),
        (
            closed,
            dispute("warning_closed"),
            Ok(Event::Nothing("an inquiry moves nothing")),
        ),
        (
            closed,
            dispute("open"),
            Err(EventError::Malformed("closed as open".into())),
        ),
    ] {
        assert_eq!(heard(&event(kind, object.clone())), expected, "{kind} {object}");
    }
}

#[test]
fn a_creator_is_verified_when_stripe_pays_out() {
    let account = |submitted: bool, enabled: bool, requirements: Value| {
        json!({"id": "acct_1", "object": "account", "details_submitted": submitted, "payouts_enabled": enabled,
            "requirements": requirements, "metadata": {"channel": text(4)}})
    };
    let none = json!({"currently_due": [], "pending_verification": [], "disabled_reason": null});
    let due = json!({"currently_due": ["individual.id_number"], "pending_verification": [],
        "disabled_reason": "requirements.past_due"});
    let waiting = json!({"currently_due": [], "pending_verification": ["individual.verification.document"],
        "disabled_reason": "requirements.pending_verification"});
    let rejected = json!({"currently_due": [], "disabled_reason": "rejected.fraud"});
    for (object, identity) in [
        (account(true, true, none.clone()), Identity::Verified),
        (account(true, true, Value::Null), Identity::Verified),
        (account(true, false, waiting), Identity::Pending),
        (account(true, false, due), Identity::Unverified),
        (account(true, false, none.clone()), Identity::Unverified),
        (account(false, false, none.clone()), Identity::Unverified),
        (account(true, false, rejected.clone()), Identity::Rejected),
        (account(true, true, rejected), Identity::Rejected),
    ] {
        let notice = AccountNotice {
            account: "acct_1".into(),
            identity,
            at: super::super::event::at(CREATED),
        };
        let mut event = event("account.updated", object.clone());
        event["account"] = json!("acct_1");
        assert_eq!(heard(&event), says(About::Account(notice)), "{object}");
    }
    let foreign = with(account(true, true, none), "/metadata", json!({}));
    assert_eq!(
        heard(&event("account.updated", foreign)),
        Ok(Event::Nothing("not of this site"))
    );
}

#[test]
fn a_transfer_is_paid_when_it_is_made() {
    let transfer = |reversed: i64| {
        json!({"id": "tr_1", "amount": 2_000, "amount_reversed": reversed, "currency": "usd",
            "destination": "acct_1", "metadata": {"payout": text(5)}})
    };
    let notice = |said, amount, reason: Option<&str>| {
        About::Payout(PayoutNotice {
            said,
            payout: busk_base::PayoutId(uuid(5)),
            amount,
            currency: "USD".into(),
            reason: reason.map(str::to_owned),
        })
    };
    let why = Some("the transfer was reversed at Stripe");
    for (kind, object, about) in [
        (
            "transfer.created",
            transfer(0),
            notice(PayoutSaid::Paid, 2_000, None),
        ),
        (
            "transfer.reversed",
            transfer(2_000),
            notice(PayoutSaid::Returned, 2_000, why),
        ),
        // In part: another amount than the payout's.
        (
            "transfer.reversed",
            transfer(500),
            notice(PayoutSaid::Returned, 500, why),
        ),
    ] {
        assert_eq!(heard(&event(kind, object)), says(about), "{kind}");
    }
    for kind in ["payout.paid", "payout.failed"] {
        assert!(matches!(
            heard(&event(kind, json!({"id": "po_1"}))),
            Ok(Event::Nothing(_))
        ));
    }
}

#[test]
fn what_does_not_fit_is_not_taken() {
    let good = event("checkout.session.completed", session("paid"));
    let version = |text: &str| Err(EventError::Version(text.into()));
    let old = with(good.clone(), "/api_version", json!("2020-08-27"));
    let nameless = with(good.clone(), "/api_version", Value::Null);
    let live = with(good.clone(), "/livemode", json!(true));
    let mut live_of_account = live.clone();
    live_of_account["account"] = json!("acct_1");
    let both_modes = Ok(Event::Nothing("a connected account in the other mode"));
    let foreign = with(good.clone(), "/data/object/metadata", json!({}));
    let unknown = event("invoice.paid", json!({"id": "in_1"}));
    for (event, expected) in [
        (old, version("2020-08-27")),
        (nameless, version("")),
        (live, Err(EventError::Mode)),
        (live_of_account, both_modes),
        (foreign, Ok(Event::Nothing("not of this site"))),
        (unknown, Ok(Event::Nothing("of a kind that is not listened to"))),
    ] {
        assert_eq!(heard(&event), expected, "{event}");
    }
    let malformed = [
        with(good.clone(), "/id", json!("")),
        with(good.clone(), "/id", json!("e".repeat(256))),
        with(good.clone(), "/id", json!(1)),
        with(good.clone(), "/livemode", json!("false")),
        with(good.clone(), "/data", json!({})),
        with(good.clone(), "/data/object", json!([])),
        with(good.clone(), "/data/object/amount_total", json!(3.5)),
        with(good.clone(), "/data/object/amount_total", Value::Null),
        with(good.clone(), "/data/object/currency", Value::Null),
        with(good.clone(), "/data/object/metadata/payment", json!("1")),
        with(good, "/data/object/metadata/payer", json!("")),
    ];
    for event in malformed {
        assert!(matches!(heard(&event), Err(EventError::Malformed(_))), "{event}");
    }
    for bytes in [&b""[..], b"{}", b"[]", b"{\"id\":", b"\xff\xfe"] {
        assert!(
            matches!(read(bytes, Mode::Test), Err(EventError::Malformed(_))),
            "{bytes:?}"
        );
    }
}
