//! Reports against books: made-up ones, and those of both databases.

use busk_testkit::each_db;

use super::*;
use crate::providers::DisputeSaid;
use crate::scene::*;

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn line(id: &str, kind: SettlementKind, of: &str, gross: i64, fee: i64) -> Settlement {
    Settlement {
        id: id.into(),
        kind,
        of: of.into(),
        gross,
        fee,
        currency: "USD".into(),
        at: NOW,
    }
}

fn book(kind: SettlementKind, name: &str, gross: i64, at: Timestamp) -> Booked {
    Booked {
        kind,
        names: vec![name.into()],
        gross,
        fee: 0,
        currency: "USD".into(),
        at,
    }
}

/// Each difference with the names of what is reported and booked.
fn named(found: &Comparison) -> Vec<String> {
    let all = found.differences.iter().map(|of| {
        let reported = of.reported.as_ref().map(|line| line.id.clone());
        let booked = of.booked.as_ref().map(|booked| booked.names[0].clone());
        let names: Vec<String> = reported.into_iter().chain(booked).collect();
        format!("{:?} {}", of.differs, names.join(" "))
    });
    all.collect()
}

use SettlementKind::{Dispute, Other, Payment, Payout, Refund};

#[test]
fn each_line_takes_one_booking() {
    let report = vec![
        line("1", Payment, "a", 70, 32),
        line("2", Payment, "a", 70, 32),
        line("3", Payment, "b", 71, 32),
        line("4", Refund, "b", -70, 0),
        line("5", Dispute, "d", 70, 0),
        line("6", Dispute, "d", -70, 1_500),
    ];
    let books = vec![
        book(Payment, "a", 70, NOW),
        book(Payment, "b", 70, NOW),
        book(Dispute, "d", -70, NOW),
        book(Dispute, "d", 70, NOW),
        book(Payment, "c", 70, NOW),
        book(Payment, "of another day", 70, NOW + DAY),
    ];
    let found = compare(report, books, NOW, NOW + DAY);
    let ids = |lines: Vec<&Settlement>| lines.iter().map(|line| line.id.clone()).collect::<Vec<_>>();
    assert_eq!(
        ids(found.matched.iter().map(|(line, _)| line).collect()),
        ["1", "5", "6"]
    );
    assert_eq!(
        named(&found),
        [
            "DoubledAtProvider 2",
            "OtherAmount 3 b",
            "MissingInBooks 4",
            "MissingAtProvider c"
        ]
    );
    assert!(!found.is_clean());
    assert!(compare(vec![], vec![], NOW, NOW + DAY).is_clean());
}

each_db!(fees_are_posted_once, async |db| {
    let scene = Scene::set(db).await;
    scene.bought(1, CID, "coins-70", 70).await;
    scene
        .hear_about("opened", dispute(1, DisputeSaid::Opened, 70))
        .await;
    let posted = |lines: Vec<Settlement>| {
        scene.store.write(move |tx| {
            let found = against_books(tx, "sandbox", lines.clone(), NOW, NOW + DAY)?;
            let fees = post_fees(tx, "sandbox", &found, &rules(), NOW)?;
            Ok::<_, PostError>((found.is_clean(), fees))
        })
    };
    // Of the dispute's fee the books have all but 100.
    let report = vec![
        line("t1", Payment, "charge-1", 70, 32),
        line("t2", Payment, "charge-900", 70, 32),
        line("t3", Dispute, "dp-1", -70, 1_600),
    ];
    assert_eq!(posted(report.clone()).await.unwrap(), (true, 164));
    assert_eq!(posted(report.clone()).await.unwrap(), (true, 0));
    assert_eq!(scene.balance(PSP_FEES).await, -164);
    // What no book has is shown, and its fee is left.
    let strange = vec![line("t4", Payment, "charge-77", 70, 32)];
    assert_eq!(posted(strange).await.unwrap(), (false, 0));
    // Given back by the provider.
    let back = vec![line("t5", Payment, "charge-1", 70, -32)];
    assert_eq!(posted(back).await.unwrap(), (false, -32));
    assert_eq!(scene.balance(PSP_FEES).await, -132);
    scene.audit().await;
});

#[test]
fn each_kind_of_difference_is_named() {
    let usd = |kind, name: &str, gross| book(kind, name, gross, NOW);
    for kind in [Payment, Refund, Dispute, Payout] {
        let in_euros = Settlement {
            currency: "EUR".into(),
            ..line("3", kind, "c", -70, 0)
        };
        let report = vec![
            line("1", kind, "a", -70, 0),
            line("2", kind, "b", -71, 0),
            in_euros,
            line("4", kind, "d", -70, 0),
            line("5", kind, "d", -70, 0),
            line("6", kind, "e", -70, 0),
        ];
        let books = ["a", "a", "b", "c", "d", "f"].map(|name| usd(kind, name, -70));
        let found = compare(report, books.to_vec(), NOW, NOW + DAY);
        let expected = [
            "OtherAmount 2 b",
            "OtherCurrency 3 c",
            "DoubledAtProvider 5",
            "MissingInBooks 6",
            "DoubledInBooks a",
            "MissingAtProvider f",
        ];
        assert_eq!(named(&found), expected, "{kind:?}");
        assert_eq!(found.matched.len(), 2);
    }
    // What a provider does for itself is no difference.
    let found = compare(vec![line("fee", Other, "fee", -5, 0)], vec![], NOW, NOW + DAY);
    assert!(found.is_clean() && found.others.len() == 1);
}

/// A payout by the sandbox, as far as it came: its row, and the transfers of these steps.
async fn payout(scene: &Scene, number: u128, amount: i64, steps: &'static [&'static str]) {
    use busk_base::PayoutId;
    use busk_store::params;
    let written = scene.store.write(move |tx| {
        let id = PayoutId(uuid::Uuid::from_u128(number));
        tx.execute(
            "INSERT INTO payout (id, channel, amount, currency, provider, account, shown, state, acts, requested_at, \
             changed_at) VALUES ($1, $2, $3, 'USD', 'sandbox', 'acct_1', 'sandbox', 'paid', 1, $4, $4)",
            params![id, CHANNEL, amount, NOW],
        )?;
        for step in steps {
            // From where it does not matter here.
            let (from, to) = match *step {
                "payout_returned" => (BANK, WRITTEN_OFF),
                _ => (WRITTEN_OFF, BANK),
            };
            let posting = Posting {
                id: crate::sales::following(id.0, step),
                cause: Cause { kind: step, id: id.0 },
                policy: rules().version,
                corrects: None,
                legs: Leg::moves([(from, to, Amount::money(amount, CURRENCY))]),
            };
            busk_ledger::post(tx, &posting, NOW)?;
        }
        Ok::<_, PostError>(())
    });
    written.await.unwrap();
}

each_db!(payouts_are_compared, async |db| {
    let scene = Scene::set(db).await;
    let id = |number: u128| uuid::Uuid::from_u128(number).to_string();
    payout(&scene, 1, 5_000, &["payout_paid"]).await;
    payout(&scene, 2, 6_000, &["payout_paid", "payout_returned"]).await;
    payout(&scene, 3, 7_000, &["payout_paid"]).await;
    payout(&scene, 4, 8_000, &[]).await;
    let charge = line("t0", Payment, "charge-900", 70, 0);
    let compared = |report: Vec<Settlement>| {
        scene
            .store
            .read(move |db| against_books(db, "sandbox", report.clone(), NOW, NOW + DAY))
    };
    let report = vec![
        charge,
        line("t1", Payout, &id(1), -5_000, 0),
        line("t2", Payout, &id(2), -6_000, 0),
        line("t3", Payout, &id(2), 6_000, 0),
        line("t4", Payout, &id(3), -7_000, 0),
    ];
    let found = compared(report.clone()).await.unwrap();
    assert_eq!((named(&found), found.matched.len()), (vec![], 5));
    // It failed there, and the books have it as paid: the money is back, or never left.
    let mut came_back = report.clone();
    came_back.push(line("t5", Payout, &id(3), 7_000, 0));
    let found = compared(came_back).await.unwrap();
    assert_eq!(named(&found), ["MissingInBooks t5"]);
    let found = compared(report[..4].to_vec()).await.unwrap();
    assert_eq!(named(&found), [format!("MissingAtProvider {}", id(3))]);
    // Paid there, failed in the books.
    let mut paid = report;
    paid.push(line("t6", Payout, &id(4), -8_000, 0));
    let found = compared(paid).await.unwrap();
    assert_eq!(named(&found), ["MissingInBooks t6"]);
});

/// What the comparison of a report finds: the differences, and how many lines fit.
async fn compared(scene: &Scene, report: Vec<Settlement>) -> (Vec<String>, usize) {
    let found = scene
        .store
        .read(move |db| against_books(db, "sandbox", report.clone(), NOW, NOW + DAY));
    let found = found.await.unwrap();
    (named(&found), found.matched.len())
}

async fn flip(scene: &Scene, change: &'static str, number: u128) {
    let changed = scene
        .store
        .write(move |tx| tx.execute(change, busk_store::params![payment_id(number)]));
    assert_eq!(changed.await.unwrap(), 1, "{change}");
}

each_db!(a_changed_row_hides_no_difference, async |db| {
    let scene = Scene::set(db).await;
    for number in [1, 2, 3] {
        scene.bought(number, CID, "coins-70", 70).await;
    }
    scene.begin(buy_70(4, CID), NOW).await.unwrap();
    let report = |lines: &[(u128, i64)]| {
        let lines = lines.iter();
        let lines =
            lines.map(|(of, gross)| line(&format!("t{of}"), Payment, &format!("charge-{of}"), *gross, 0));
        lines.collect::<Vec<_>>()
    };
    let all = [(900, 70), (1, 70), (2, 70), (3, 70)];
    assert_eq!(compared(&scene, report(&all)).await, (vec![], 4));
    // The money came, whatever the row says of it now.
    flip(&scene, "UPDATE payment SET state = 'declined' WHERE id = $1", 1).await;
    flip(&scene, "UPDATE payment SET settled_at = 0 WHERE id = $1", 2).await;
    assert_eq!(compared(&scene, report(&all)).await, (vec![], 4));
    // As if it had been 7.00, here and there alike.
    flip(&scene, "UPDATE payment SET price = 700 WHERE id = $1", 3).await;
    let more = [(900, 70), (1, 70), (2, 70), (3, 700)];
    let id = |number: u128| payment_id(number).to_string();
    assert_eq!(
        compared(&scene, report(&more)).await,
        (vec!["OtherAmount t3 charge-3".into()], 3)
    );
    // A payment of which no transfer tells is in no book, though its row says that it is paid.
    flip(
        &scene,
        "UPDATE payment SET state = 'paid', charge = 'charge-4', settled_at = created_at WHERE id = $1",
        4,
    )
    .await;
    assert_eq!(compared(&scene, report(&all)).await, (vec![], 4));
    let with_it = [all.as_slice(), &[(4, 70)]].concat();
    assert_eq!(
        compared(&scene, report(&with_it)).await,
        (vec!["MissingInBooks t4".into()], 4)
    );
    // One whose row is gone, or is said to be another provider's, is not forgotten.
    flip(&scene, "DELETE FROM payment WHERE id = $1", 1).await;
    let expected = vec!["MissingInBooks t1".into(), format!("MissingAtProvider {}", id(1))];
    assert_eq!(compared(&scene, report(&all)).await, (expected, 3));
    flip(&scene, "UPDATE payment SET provider = 'stripe' WHERE id = $1", 2).await;
    let (differences, _) = compared(&scene, report(&all)).await;
    assert!(
        differences.contains(&"MissingInBooks t2".into()),
        "{differences:?}"
    );
});

each_db!(
    a_refund_that_failed_is_out_and_in_again_or_was_never_out,
    async |db| {
        use busk_base::{JobId, RefundId};
        let scene = Scene::set(db).await;
        scene.sold(1, true).await;
        let refund = RefundId(uuid::Uuid::from_u128(71));
        let granted = scene.store.write(move |tx| {
            let ask = crate::refunds::Ask {
                id: refund,
                payment: payment_id(1),
                by: crate::refunds::By::Operator(ADA),
                amount: Some(400),
                reason: "asked".into(),
            };
            crate::refunds::ask(tx, &ask, JobId(refund.0), &rules(), NOW)
        });
        granted.await.unwrap();
        let of = refund.to_string();
        let paid = [
            line("t0", Payment, "charge-900", 70, 0),
            line("t1", Payment, "charge-1", 1_000, 0),
        ];
        let with = |lines: &[(&str, i64)]| {
            let more = lines.iter().map(|(id, gross)| line(id, Refund, &of, *gross, 0));
            paid.iter().cloned().chain(more).collect::<Vec<_>>()
        };
        assert_eq!(compared(&scene, with(&[("t2", -400)])).await, (vec![], 3));
        let refused = scene.store.write(move |tx| {
            let no = Err(crate::providers::ProviderError::Refused("no".into()));
            crate::refunds::asked(tx, refund, &no, &rules(), NOW)
        });
        refused.await.unwrap();
        assert_eq!(compared(&scene, with(&[])).await, (vec![], 2), "it never left");
        assert_eq!(
            compared(&scene, with(&[("t2", -400), ("t3", 400)])).await,
            (vec![], 4)
        );
        // It left, and did not come back: the payer has it, and the books do not say so.
        assert_eq!(
            compared(&scene, with(&[("t2", -400)])).await,
            (vec![format!("MissingAtProvider {of}")], 3)
        );
        scene.audit().await;
    }
);
