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

/// A payout by the sandbox, as far as it came.
async fn payout(scene: &Scene, number: u128, amount: i64, acts: &'static [&'static str]) {
    use busk_base::PayoutId;
    use busk_store::params;
    let written = scene.store.write(move |tx| {
        let id = PayoutId(uuid::Uuid::from_u128(number));
        tx.execute(
            "INSERT INTO payout (id, channel, amount, currency, provider, account, shown, state, acts, requested_at, \
             changed_at) VALUES ($1, $2, $3, 'USD', 'sandbox', 'acct_1', 'sandbox', 'paid', 1, $4, $4)",
            params![id, CHANNEL, amount, NOW],
        )?;
        for (number, act) in acts.iter().enumerate() {
            tx.execute(
                "INSERT INTO payout_act (payout, number, act, at) VALUES ($1, $2, $3, $4)",
                params![id, number as i64, *act, NOW],
            )?;
        }
        Ok::<_, StoreError>(())
    });
    written.await.unwrap();
}

each_db!(payouts_are_compared, async |db| {
    let scene = Scene::set(db).await;
    let id = |number: u128| uuid::Uuid::from_u128(number).to_string();
    payout(&scene, 1, 5_000, &["request", "approve", "send", "pay"]).await;
    payout(&scene, 2, 6_000, &["pay", "return"]).await;
    payout(&scene, 3, 7_000, &["pay"]).await;
    payout(&scene, 4, 8_000, &["request", "fail"]).await;
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
