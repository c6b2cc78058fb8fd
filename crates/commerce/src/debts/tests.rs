//! What a payer owes, on both databases.

use busk_testkit::each_db;
use uuid::Uuid;

use super::*;
use crate::coins::BuyError;
use crate::notices::Heard;
use crate::payments::BeginError;
use crate::providers::DisputeSaid;
use crate::scene::*;

/// Bea gives all away, the diamonds are released, and her bank takes the money back: she owes 35.
async fn owing(scene: &Scene) {
    scene.give(60, BEA, "heart", 70, NOW).await.unwrap();
    let week = std::time::Duration::from_secs(7 * 24 * 3_600);
    let id = PostingId(Uuid::from_u128(1));
    let release = scene
        .store
        .write(move |tx| crate::earnings::release(tx, CHANNEL, id, &rules(), NOW + week));
    assert_eq!(release.await.unwrap(), 35);
    let lost = scene
        .hear_about("lost", dispute(900, DisputeSaid::Lost, 70))
        .await;
    assert_eq!(lost, Heard::DisputeLost);
    assert_eq!(scene.balance(payer_debt(BEA)).await, -35);
}

async fn written_off(scene: &Scene, number: u128, amount: i64) -> Result<(), WriteOffError> {
    let wanted = WriteOff {
        id: PostingId(Uuid::from_u128(number)),
        payer: BEA,
        amount,
        operator: ADA,
        note: "let it be".into(),
    };
    scene
        .store
        .write(move |tx| write_off(tx, &wanted, &rules(), NOW))
        .await
}

each_db!(the_next_coins_settle_it, async |db| {
    let scene = Scene::set(db).await;
    owing(&scene).await;
    let badge = scene.store.write(|tx| {
        let new = NewPayment {
            id: payment_id(5),
            payer: BEA,
            order: Order::Badge,
            price: 99,
            provider: "sandbox",
        };
        crate::payments::begin(tx, &new, &rules().policy, NOW)
    });
    assert!(matches!(badge.await, Err(BeginError::InDebt { owed: 35 })));
    scene.bought(6, BEA, "coins-70", 70).await;
    assert_eq!(
        scene.legs(following(payment_id(6).0, "debt")).await,
        ["wallet>coin_issued 35", "coin_float>debt 35"]
    );
    assert_eq!(scene.balance(payer_debt(BEA)).await, 0);
    assert_eq!(scene.balance(wallet(BEA)).await, 35);
    assert_eq!(scene.balance(COIN_FLOAT).await, 35);
    scene.audit().await;
});

each_db!(fewer_coins_than_are_owed_are_not_sold, async |db| {
    let scene = Scene::set(db).await;
    owing(&scene).await;
    // As if of another dispute.
    let more = scene.store.write(|tx| {
        let posting = Posting {
            id: PostingId(Uuid::from_u128(9)),
            cause: Cause {
                kind: "chargeback",
                id: Uuid::nil(),
            },
            policy: rules().version,
            corrects: None,
            legs: Leg::moves([(payer_debt(BEA), PSP_CLEARING, Amount::money(65, CURRENCY))]),
        };
        busk_ledger::post(tx, &posting, NOW)
    });
    more.await.unwrap();
    let small = scene.begin(buy_70(6, BEA), NOW).await;
    assert!(matches!(
        small,
        Err(BuyError::Begin(BeginError::InDebt { owed: 100 }))
    ));
    scene.bought(6, BEA, "coins-350", 350).await;
    assert_eq!(scene.balance(wallet(BEA)).await, 250);
    scene.audit().await;
});

each_db!(an_operator_writes_it_off, async |db| {
    let scene = Scene::set(db).await;
    owing(&scene).await;
    let owes = |refused| match refused {
        Err(WriteOffError::TooMuch { owed }) => owed,
        other => panic!("{other:?}"),
    };
    assert_eq!(owes(written_off(&scene, 10, 36).await), 35);
    assert_eq!(owes(written_off(&scene, 10, 0).await), 35);
    written_off(&scene, 10, 30).await.unwrap();
    written_off(&scene, 10, 30).await.unwrap();
    let reused = written_off(&scene, 10, 5).await;
    assert!(matches!(reused, Err(WriteOffError::IdReused(_))));
    assert_eq!(scene.balance(payer_debt(BEA)).await, -5);
    written_off(&scene, 11, 5).await.unwrap();
    assert_eq!(scene.balance(WRITTEN_OFF).await, -35);
    assert_eq!(owes(written_off(&scene, 12, 1).await), 0);
    scene.audit().await;
});
