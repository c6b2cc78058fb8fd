//! From pending diamonds to money, on both databases.

use busk_base::{GiftId, StreakId};
use busk_rooms::{Speaker, SpeakerKind};
use busk_testkit::each_db;
use uuid::Uuid;

use super::*;
use crate::gifts::{SendGift, send};
use crate::scene::*;

/// Bea gives coffee for 25 coins: 13 diamonds.
async fn coffee(scene: &Scene, number: u128, now: Timestamp) {
    let gift = SendGift {
        id: GiftId(Uuid::from_u128(5_000 + number)),
        room: LIVE,
        sender: BEA,
        from: Speaker {
            id: BEA.0,
            name: "bea".into(),
            kind: SpeakerKind::Person,
            role: None,
            badge: None,
            months: None,
            rank: None,
        },
        kind: "coffee".into(),
        count: 1,
        streak: StreakId(Uuid::from_u128(6_000 + number)),
    };
    let sent = scene.store.write(move |tx| send(tx, &gift, &rules(), now));
    assert_eq!(sent.await.unwrap().shares.creator, 13);
}

async fn released(scene: &Scene, number: u128, now: Timestamp) -> i64 {
    let id = PostingId(Uuid::from_u128(7_000 + number));
    let release = scene
        .store
        .write(move |tx| release(tx, CHANNEL, id, &rules(), now));
    release.await.unwrap()
}

async fn redeemed(scene: &Scene, number: u128, diamonds: i64) -> Result<Redeemed, RedeemError> {
    let asked = Redeem {
        id: RedemptionId(Uuid::from_u128(8_000 + number)),
        channel: CHANNEL,
        diamonds,
    };
    scene
        .store
        .write(move |tx| redeem(tx, &asked, &rules(), NOW))
        .await
}

/// Pending, available, money.
async fn has(scene: &Scene) -> (i64, i64, i64) {
    (
        scene.balance(diamonds_pending(CHANNEL)).await,
        scene.balance(diamonds_available(CHANNEL)).await,
        scene.balance(earnings_available(CHANNEL)).await,
    )
}

each_db!(diamonds_wait_out_their_hold, async |db| {
    let scene = Scene::set(db).await;
    let hold = Duration::from_secs(rules().policy.gift_hold_s);
    let (hour, us) = (Duration::from_secs(3_600), Duration::from_micros(1));
    coffee(&scene, 1, NOW).await;
    coffee(&scene, 2, NOW + hour).await;
    let next = scene.store.read(|db| next_release(db, CHANNEL)).await.unwrap();
    assert_eq!(next, Some((NOW + hold, 26)), "both within a day of the first");

    assert_eq!(released(&scene, 1, NOW + hold - us).await, 0, "not before");
    assert_eq!(has(&scene).await, (26, 0, 0));
    assert_eq!(released(&scene, 2, NOW + hold).await, 13);
    assert_eq!(has(&scene).await, (13, 13, 0));
    assert_eq!(
        released(&scene, 3, NOW + hold + us).await,
        0,
        "the same once only"
    );
    assert_eq!(released(&scene, 4, NOW + hold + hour).await, 13);
    assert_eq!(has(&scene).await, (0, 26, 0));
    let next = scene.store.read(|db| next_release(db, CHANNEL)).await.unwrap();
    assert_eq!(next, None);
    scene.audit().await;
});

each_db!(redeeming, async |db| {
    let scene = Scene::set(db).await;
    coffee(&scene, 1, NOW).await;
    let none = redeemed(&scene, 1, 1).await;
    assert!(
        matches!(none, Err(RedeemError::InsufficientFunds)),
        "pending is not available: {none:?}"
    );
    let hold = Duration::from_secs(rules().policy.gift_hold_s);
    released(&scene, 1, NOW + hold).await;

    let done = redeemed(&scene, 2, 10).await.unwrap();
    assert_eq!((done.money, done.again), (10, false));
    let posting = PostingId(done.id.0);
    let read = scene.store.read(move |db| busk_ledger::transfers_of(db, posting));
    let rows = read.await.unwrap();
    let legs: Vec<(&str, &str, i64, &str)> = rows
        .iter()
        .map(|row| {
            (
                &*row.debit.account,
                &*row.credit.account,
                row.amount,
                row.unit.code(),
            )
        })
        .collect();
    assert_eq!(
        legs,
        [
            ("diamonds.available", "diamond_redeemed", 10, "DIAMOND"),
            ("diamond_float", "earnings.available", 10, "USD"),
        ]
    );
    assert_eq!(has(&scene).await, (0, 3, 10));
    let again = redeemed(&scene, 2, 10).await.unwrap();
    assert_eq!((again.money, again.again), (10, true));

    type Is = fn(&RedeemError) -> bool;
    let refused: &[(u128, i64, Is)] = &[
        (2, 9, |e| matches!(e, RedeemError::IdReused(_))),
        (3, 4, |e| matches!(e, RedeemError::InsufficientFunds)),
        (3, 0, |e| matches!(e, RedeemError::Count)),
        (3, -1, |e| matches!(e, RedeemError::Count)),
        (3, i64::MAX, |e| matches!(e, RedeemError::InsufficientFunds)),
    ];
    for (number, diamonds, expected) in refused {
        let error = redeemed(&scene, *number, *diamonds).await.unwrap_err();
        assert!(expected(&error), "{number} {diamonds}: {error:?}");
        assert_eq!(has(&scene).await, (0, 3, 10));
    }
    scene.audit().await;

    let read = scene.store.read(|db| lines(db, CHANNEL, i64::MAX, 10));
    let lines = read.await.unwrap();
    let kinds: Vec<&str> = lines.iter().map(|line| line.kind.as_str()).collect();
    assert_eq!(kinds, ["redeem", "release", "gift"], "newest first");
    let after = lines[0].balance_after;
    assert_eq!((after.pending, after.available, after.money), (0, 3, 10));
});

each_db!(a_statement_has_what_is_held, async |db| {
    let scene = Scene::set(db).await;
    scene.sold(1, true).await;
    scene.sold(2, true).await;
    let read = scene.store.read(|db| lines(db, CHANNEL, i64::MAX, 10));
    let lines = read.await.unwrap();
    let shown = lines.iter().map(|line| {
        let after = line.balance_after;
        (
            line.kind.as_str(),
            line.money_pending,
            line.money,
            after.money_pending,
            after.money,
        )
    });
    let shown: Vec<_> = shown.collect();
    assert_eq!(shown, [("badge", 700, 0, 1_400, 0), ("badge", 700, 0, 700, 0)]);
    assert_eq!(scene.balance(earnings_pending(CHANNEL)).await, 1_400);
});
