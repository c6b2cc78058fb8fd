//! A bank takes money back, on both databases.

use std::time::Duration;

use busk_testkit::each_db;

use super::*;
use crate::accounts::*;
use crate::providers::About;
use crate::scene::*;

use DisputeSaid::{Lost, Opened, Won};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

async fn told(scene: &Scene, number: u128, said: DisputeSaid, amount: i64) -> Heard {
    let id = format!("dp-{number}-{said:?}");
    scene.hear_about(&id, dispute(number, said, amount)).await
}

fn posting(number: u128) -> PostingId {
    PostingId(dispute_id(number).0)
}

async fn released(scene: &Scene, number: u128, now: Timestamp) -> i64 {
    let id = PostingId(uuid::Uuid::from_u128(number + 9_000));
    let release = scene
        .store
        .write(move |tx| crate::earnings::release(tx, CHANNEL, id, &rules(), now));
    release.await.unwrap()
}

each_db!(chargeback, async |db| {
    let scene = Scene::set(db).await;
    scene.bought(1, CID, "coins-7000", 7_000).await;
    // The first 350 of it are promotional.
    scene.give(50, CID, "golden-mic", 1, NOW).await.unwrap();
    let before = scene.books().await;

    assert_eq!(told(&scene, 1, Opened, 7_000).await, Heard::Disputed);
    assert_eq!(
        scene.legs(posting(1)).await,
        [
            "disputed>psp_clearing 7000",
            "dispute_fees>psp_clearing 1500",
            "wallet>wallet.frozen 2351"
        ]
    );
    assert_eq!(
        scene.balance(wallet(CID)).await,
        0,
        "frozen coins cannot be spent"
    );
    assert_eq!(told(&scene, 1, Opened, 7_000).await, Heard::Again);

    // Won: all is as before but for the fee.
    assert_eq!(told(&scene, 1, Won, 7_000).await, Heard::DisputeWon);
    assert_eq!(
        scene.legs(following(dispute_id(1).0, "won")).await,
        ["psp_clearing>disputed 7000", "wallet.frozen>wallet 2351"]
    );
    let mut after = scene.books().await;
    let fee = after.remove(&("dispute_fees".to_owned(), None));
    *after.get_mut(&("psp_clearing".to_owned(), None)).unwrap() -= 1_500;
    assert_eq!((fee, after), (Some(-1_500), before));

    // Lost: frozen coins, then gifts of which the diamonds are pending, newest first.
    scene.bought(2, BEA, "coins-350", 350).await;
    scene.give(60, BEA, "guitar", 1, NOW).await.unwrap();
    scene.give(61, BEA, "confetti", 1, NOW).await.unwrap();
    assert_eq!(told(&scene, 2, Opened, 350).await, Heard::Disputed);
    assert_eq!(told(&scene, 2, Lost, 350).await, Heard::DisputeLost);
    assert_eq!(
        scene.legs(following(dispute_id(2).0, "lost")).await,
        ["wallet.frozen>coin_issued 122", "coin_float>disputed 122"]
    );
    let of_gift = |number: u128| {
        let gift = busk_base::GiftId(uuid::Uuid::from_u128(number));
        scene.legs(following(dispute_id(2).0, &gift.to_string()))
    };
    assert_eq!(
        of_gift(61).await,
        [
            "diamonds.pending>diamond_issued 50",
            "diamond_float>disputed 50",
            "platform_revenue>disputed 49"
        ]
    );
    // 129 of its 199 coins: 64 of its 100 diamonds.
    assert_eq!(
        of_gift(60).await,
        [
            "diamonds.pending>diamond_issued 64",
            "diamond_float>disputed 64",
            "platform_revenue>disputed 65"
        ]
    );
    assert_eq!(scene.balance(DISPUTED).await, 0);
    assert_eq!(scene.balance(payer_debt(BEA)).await, 0);

    // A sale: from those who got it; what the channel does not have it owes.
    scene.sold(3, true).await;
    assert_eq!(told(&scene, 3, Opened, 1_000).await, Heard::Disputed);
    assert_eq!(
        scene.legs(posting(3)).await,
        ["disputed>psp_clearing 1000", "dispute_fees>psp_clearing 1500"]
    );
    assert_eq!(told(&scene, 3, Lost, 1_000).await, Heard::DisputeLost);
    assert_eq!(
        scene.legs(following(dispute_id(3).0, "lost")).await,
        ["platform_revenue>disputed 300", "earnings.pending>disputed 700"]
    );
    assert_eq!(scene.balance(DISPUTED).await, 0);
    scene.audit().await;
});

each_db!(what_is_out_of_its_hold_the_payer_owes, async |db| {
    let scene = Scene::set(db).await;
    scene.give(60, BEA, "flower-crown", 1, NOW).await.unwrap();
    scene.give(61, BEA, "rose", 1, NOW + WEEK).await.unwrap();
    assert_eq!(released(&scene, 1, NOW + WEEK).await, 25);
    assert_eq!(
        told(&scene, 900, Lost, 70).await,
        Heard::DisputeLost,
        "a word of its end alone"
    );
    // 15 frozen; of the rose 5; of the crown the platform's 25. The creator keeps 25, which Bea owes.
    assert_eq!(scene.balance(payer_debt(BEA)).await, -25);
    assert_eq!(scene.balance(diamonds_available(CHANNEL)).await, 25);
    assert_eq!(scene.balance(diamonds_pending(CHANNEL)).await, 0);
    assert_eq!(scene.balance(PLATFORM_REVENUE).await, 0);
    assert_eq!(scene.balance(DISPUTED).await, 0);
    // What was taken of a gift is never released.
    scene.bought(1, CID, "coins-70", 70).await;
    scene.give(62, CID, "coffee", 1, NOW + WEEK).await.unwrap();
    assert_eq!(released(&scene, 2, NOW + WEEK + WEEK).await, 13);
    scene.audit().await;
});

each_db!(in_any_order_the_books_are_the_same, async |db| {
    let scene = Scene::set(db).await;
    let orders: [&[DisputeSaid]; 6] = [
        &[Opened, Won],
        &[Won, Opened],
        &[Opened, Won, Opened],
        &[Opened, Lost],
        &[Lost, Opened],
        &[Lost, Opened, Lost],
    ];
    for (number, order) in (1..).zip(orders) {
        scene.bought(number, CID, "coins-70", 70).await;
        let before = scene.balance(wallet(CID)).await;
        for (turn, said) in order.iter().enumerate() {
            let id = format!("{number}-{turn}");
            scene.hear_about(&id, dispute(number, *said, 70)).await;
        }
        let lost = order.contains(&Lost);
        let gone = if lost { 70 } else { 0 };
        assert_eq!(scene.balance(wallet(CID)).await, before - gone, "{order:?}");
        assert_eq!(scene.balance(wallet_frozen(CID)).await, 0, "{order:?}");
        assert_eq!(scene.balance(DISPUTED).await, 0, "{order:?}");
        assert_eq!(
            scene.balance(DISPUTE_FEES).await,
            -1_500 * (number as i64),
            "{order:?}"
        );
        let contrary = if lost { Won } else { Lost };
        let heard = scene
            .hear_about(&format!("{number}-x"), dispute(number, contrary, 70))
            .await;
        assert!(matches!(heard, Heard::SetAside(_)), "{heard:?}");
    }
    scene.audit().await;
});

each_db!(a_dispute_waits_for_its_payment, async |db| {
    let scene = Scene::set(db).await;
    scene.begin(buy_70(1, CID), NOW).await.unwrap();
    assert_eq!(told(&scene, 1, Lost, 70).await, Heard::Waiting);
    assert_eq!(told(&scene, 1, Opened, 70).await, Heard::Waiting);
    assert_eq!(scene.balance(DISPUTED).await, 0);
    let settled = scene
        .hear(notice(1, CID, crate::providers::PaymentSaid::Settled))
        .await;
    assert_eq!(settled, Heard::Settled);
    assert_eq!(scene.balance(wallet(CID)).await, 0);
    assert_eq!(scene.balance(COIN_FLOAT).await, 70, "Bea's alone");
    assert_eq!(scene.balance(PSP_CLEARING).await, -70 + 1_500);
    let waiting = scene
        .store
        .read(|db| crate::notices::aside::listed(db, false, Timestamp::from_unix_us(i64::MAX), 9));
    assert_eq!(waiting.await.unwrap(), []);
    scene.audit().await;
});

each_db!(what_does_not_fit_is_set_aside, async |db| {
    let scene = Scene::set(db).await;
    scene.bought(1, CID, "coins-70", 70).await;
    scene.begin(buy_70(2, CID), NOW).await.unwrap();
    scene
        .hear(notice(2, CID, crate::providers::PaymentSaid::Declined))
        .await;
    let bent = |bend: fn(&mut DisputeNotice)| {
        let About::Dispute(mut said) = dispute(1, Opened, 40) else {
            panic!("a dispute is one");
        };
        bend(&mut said);
        About::Dispute(said)
    };
    let rows: [(&str, About); 4] = [
        ("more than is left of the payment", dispute(1, Opened, 71)),
        ("an amount that cannot be", dispute(1, Opened, 0)),
        ("a dispute of what was not paid", dispute(2, Opened, 70)),
        ("another currency", bent(|said| said.currency = "EUR".into())),
    ];
    for (why, about) in rows {
        assert_eq!(scene.hear_about(why, about).await, Heard::SetAside(why));
    }
    assert_eq!(
        scene.hear_about("first", dispute(1, Opened, 40)).await,
        Heard::Disputed
    );
    let rows = [
        ("another amount", dispute(1, Won, 41)),
        ("another payment", bent(|said| said.charge = "charge-900".into())),
    ];
    for (why, about) in rows {
        assert_eq!(scene.hear_about(why, about).await, Heard::SetAside(why));
    }
    // What the provider takes may be said later; the highest counts.
    for (id, fee) in [("less", 1_499), ("more", 1_600), ("less again", 0)] {
        let About::Dispute(mut said) = dispute(1, Opened, 40) else {
            panic!("a dispute is one");
        };
        said.fee = fee;
        let heard = scene.hear_about(id, About::Dispute(said)).await;
        assert_eq!(heard, Heard::Nothing, "{id}");
    }
    assert_eq!(scene.balance(DISPUTE_FEES).await, -1_600);
    // Another dispute of the same payment, for no more than is left of it.
    let second = |amount| {
        let About::Dispute(mut said) = dispute(1, Opened, amount) else {
            panic!("a dispute is one");
        };
        said.id = dispute_id(77);
        About::Dispute(said)
    };
    let heard = scene.hear_about("second", second(31)).await;
    assert_eq!(heard, Heard::SetAside("more than is left of the payment"));
    assert_eq!(scene.hear_about("third", second(30)).await, Heard::Disputed);
    assert_eq!(scene.balance(wallet_frozen(CID)).await, 70);
    scene.audit().await;
});
