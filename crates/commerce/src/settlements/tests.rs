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

use SettlementKind::{Dispute, Payment, Refund};

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
    assert_eq!(ids(found.differing.iter().map(|(line, _)| line).collect()), ["3"]);
    assert_eq!(ids(found.unbooked.iter().collect()), ["2", "4"]);
    assert_eq!(found.unreported, [book(Payment, "c", 70, NOW)]);
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
