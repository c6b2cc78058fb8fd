//! Money given back, on both databases.

use busk_testkit::each_db;
use uuid::Uuid;

use super::*;
use crate::chance::Chance;
use crate::providers::About;
use crate::scene::*;

pub(super) fn refund_id(number: u128) -> RefundId {
    RefundId(Uuid::from_u128(number + (5 << 100)))
}

fn asked_by(number: u128, payment: u128, by: By, amount: Option<i64>) -> Ask {
    Ask {
        id: refund_id(number),
        payment: payment_id(payment),
        by,
        amount,
        reason: "by mistake".into(),
    }
}

async fn request(scene: &Scene, wanted: Ask, now: Timestamp) -> Result<Refund, AskError> {
    let job = JobId(wanted.id.0);
    scene
        .store
        .write(move |tx| ask(tx, &wanted, job, &rules(), now))
        .await
}

async fn said(scene: &Scene, id: &str, number: u128, said: RefundSaid, amount: i64) -> Heard {
    let notice = RefundNotice {
        said,
        refund: refund_id(number),
        amount,
        currency: "USD".into(),
    };
    scene.hear_about(id, About::Refund(notice)).await
}

async fn state(scene: &Scene, payment: u128) -> Vec<RefundState> {
    let read = scene
        .store
        .read(move |db| of_payment(db, payment_id(payment)))
        .await;
    read.unwrap().into_iter().map(|refund| refund.state).collect()
}

async fn paid_back(scene: &Scene, payment: u128) -> i64 {
    let read = scene
        .store
        .read(move |db| payments::payment(db, payment_id(payment)))
        .await;
    read.unwrap().unwrap().refunded
}

use RefundSaid::{Failed, Succeeded};

each_db!(refund, async |db| {
    let scene = Scene::set(db).await;
    // Coins: 350 promotional ones came along, of which a coffee took 25.
    scene.bought(1, CID, "coins-7000", 7_000).await;
    scene.give(50, CID, "coffee", 1, NOW).await.unwrap();
    let part = request(&scene, asked_by(1, 1, By::Payer(CID), Some(700)), NOW).await;
    assert_eq!(part.unwrap().state, RefundState::Granted);
    let legs = scene.legs(PostingId(refund_id(1).0)).await;
    assert_eq!(
        legs,
        [
            "wallet>coin_issued 700",
            "wallet.promotional>coin_promoted 35",
            "coin_float>psp_clearing 700"
        ]
    );
    assert_eq!(said(&scene, "a", 1, Succeeded, 700).await, Heard::Refunded);
    assert_eq!(said(&scene, "a", 1, Succeeded, 700).await, Heard::Again);
    assert_eq!(said(&scene, "b", 1, Succeeded, 700).await, Heard::Nothing);
    // The rest, of which the promotional ones are no longer all there.
    let rest = request(&scene, asked_by(2, 1, By::Payer(CID), None), NOW)
        .await
        .unwrap();
    assert_eq!((rest.amount, rest.coins, rest.promotional), (6_300, 6_300, 290));
    assert_eq!(paid_back(&scene, 1).await, 7_000);
    let job = scene.store.read(|db| {
        use busk_store::Read;
        db.rows("SELECT kind FROM job", &[]).map(|rows| rows.len())
    });
    assert_eq!(job.await.unwrap(), 2, "a job for each");

    // A sale before it is delivered, and after.
    scene.sold(3, false).await;
    let operator = By::Operator(ADA);
    request(&scene, asked_by(3, 3, operator, Some(400)), NOW)
        .await
        .unwrap();
    let legs = scene.legs(PostingId(refund_id(3).0)).await;
    assert_eq!(legs, ["deferred>psp_clearing 400"]);
    scene.sold(4, true).await;
    request(&scene, asked_by(4, 4, operator, Some(101)), NOW)
        .await
        .unwrap();
    let legs = scene.legs(PostingId(refund_id(4).0)).await;
    assert_eq!(
        legs,
        [
            "platform_revenue>psp_clearing 30",
            "earnings.pending>psp_clearing 71"
        ]
    );
    scene.audit().await;
});

each_db!(a_failed_refund_puts_all_back, async |db| {
    let scene = Scene::set(db).await;
    scene.bought(1, CID, "coins-7000", 7_000).await;
    scene.sold(2, true).await;
    let before = scene.books().await;
    request(&scene, asked_by(1, 1, By::Payer(CID), Some(1_000)), NOW)
        .await
        .unwrap();
    request(&scene, asked_by(2, 2, By::Operator(ADA), Some(333)), NOW)
        .await
        .unwrap();
    // The one is refused when it is asked for, the other sent back by the bank after it was done.
    let refused = scene.store.write(|tx| {
        let answer = Err(ProviderError::Refused("the card is closed".into()));
        asked(tx, refund_id(1), &answer, &rules(), NOW)
    });
    refused.await.unwrap();
    assert_eq!(said(&scene, "a", 2, Succeeded, 333).await, Heard::Refunded);
    assert_eq!(said(&scene, "b", 2, Failed, 333).await, Heard::RefundFailed);
    assert_eq!(said(&scene, "c", 2, Failed, 333).await, Heard::Nothing);
    assert_eq!(scene.books().await, before);
    assert_eq!((paid_back(&scene, 1).await, paid_back(&scene, 2).await), (0, 0));
    let set_aside = said(&scene, "d", 1, Succeeded, 1_000).await;
    assert_eq!(set_aside, Heard::SetAside("succeeded after it had failed"));
    assert_eq!(state(&scene, 1).await, [RefundState::Failed]);
    let all = request(&scene, asked_by(3, 2, By::Operator(ADA), None), NOW).await;
    assert_eq!(all.unwrap().amount, 1_000, "it can be given back anew");
    scene.audit().await;
});

each_db!(requests_wait_or_are_granted, async |db| {
    let scene = Scene::set(db).await;
    scene.bought(1, CID, "coins-70", 70).await;
    scene.bought(2, CID, "coins-70", 70).await;
    let later = NOW + DAY * 14 + Duration::from_secs(1);
    let decided = |number: u128, grant| {
        let decision = Decision {
            refund: refund_id(number),
            operator: ADA,
            grant,
            answer: "seen".into(),
        };
        let job = JobId(decision.refund.0);
        scene
            .store
            .write(move |tx| decide(tx, &decision, job, &rules(), later))
    };
    let word = |asked: Result<Refund, AskError>| match asked {
        Ok(refund) => refund.state.word().to_owned(),
        Err(AskError::TooMuch { left }) => format!("too_much {left}"),
        Err(AskError::Store(error)) => panic!("{error}"),
        Err(AskError::Ledger(error)) => panic!("{error}"),
        Err(AskError::IdReused(_)) => "id_reused".into(),
        Err(AskError::PaymentUnknown) => "payment_unknown".into(),
        Err(AskError::NotPaid) => "not_paid".into(),
        Err(AskError::Waiting) => "waiting".into(),
        Err(AskError::NothingLeft) => "nothing_left".into(),
        Err(AskError::Amount) => "amount".into(),
    };
    scene.begin(buy_70(3, CID), NOW).await.unwrap();
    let payer = By::Payer(CID);
    let rows = [
        (1, 1, By::Payer(BEA), None, NOW, "payment_unknown"),
        (1, 9, payer, None, NOW, "payment_unknown"),
        (1, 3, payer, None, NOW, "not_paid"),
        (1, 1, payer, Some(0), NOW, "amount"),
        (1, 1, payer, Some(-1), NOW, "amount"),
        (1, 1, payer, Some(71), NOW, "too_much 70"),
        (1, 1, payer, Some(20), NOW, "granted"),
        (1, 1, payer, Some(20), NOW, "granted"),
        (1, 1, payer, Some(21), NOW, "id_reused"),
        (1, 2, payer, Some(20), NOW, "id_reused"),
        (2, 1, payer, None, later, "requested"),
        (3, 1, payer, None, later, "waiting"),
        (3, 2, payer, Some(30), later, "requested"),
    ];
    for (row, (number, payment, by, amount, now, expected)) in rows.into_iter().enumerate() {
        let got = word(request(&scene, asked_by(number, payment, by, amount), now).await);
        assert_eq!(got, expected, "row {row}");
    }
    assert_eq!(scene.balance(wallet(CID)).await, 120);
    // Of the 50 that are asked for, 20 remain.
    scene.give(50, CID, "flower-crown", 2, NOW).await.unwrap();
    assert!(matches!(
        decided(2, true).await,
        Err(DecideError::TooMuch { left: 20 })
    ));
    assert_eq!(decided(2, false).await.unwrap().state, RefundState::Refused);
    assert!(matches!(decided(2, true).await, Err(DecideError::Decided)));
    assert!(matches!(decided(8, true).await, Err(DecideError::Unknown)));
    scene.bought(4, CID, "coins-70", 70).await;
    assert_eq!(decided(3, true).await.unwrap().state, RefundState::Granted);
    let unasked = said(&scene, "a", 2, Succeeded, 50).await;
    assert_eq!(unasked, Heard::SetAside("a refund that nobody was asked for"));
    let unknown = said(&scene, "b", 7, Succeeded, 50).await;
    assert_eq!(unknown, Heard::SetAside("no such refund"));
    let other = said(&scene, "c", 3, Succeeded, 31).await;
    assert_eq!(other, Heard::SetAside("another amount"));
    scene.audit().await;
});

each_db!(partial_refunds_sum_to_what_was_paid, async |db| {
    let scene = Scene::set(db).await;
    let mut chance = Chance::new();
    let mut number = 100;
    for payment in 1..=6u128 {
        let (price, by) = if payment % 2 == 0 {
            scene.sold(payment, payment % 4 == 0).await;
            (1_000, By::Operator(ADA))
        } else {
            scene.bought(payment, CID, "coins-7000", 7_000).await;
            (7_000, By::Payer(CID))
        };
        let mut back = 0;
        while back < price {
            number += 1;
            let amount = chance.below(900) + 1;
            match request(&scene, asked_by(number, payment, by, Some(amount)), NOW).await {
                Ok(refund) => back += refund.amount,
                Err(AskError::TooMuch { left }) => {
                    assert_eq!(left, price - back);
                    let rest = request(&scene, asked_by(number, payment, by, None), NOW).await;
                    back += rest.unwrap().amount;
                }
                Err(other) => panic!("{other}"),
            }
            assert!(back <= price);
        }
        assert_eq!(paid_back(&scene, payment).await, price);
        let more = request(&scene, asked_by(99, payment, by, Some(1)), NOW).await;
        assert!(matches!(more, Err(AskError::NothingLeft)));
    }
    assert_eq!(scene.balance(wallet(CID)).await, 0);
    assert_eq!(scene.balance(wallet_promotional(CID)).await, 0, "to the last one");
    assert_eq!(scene.balance(PSP_CLEARING).await, -70, "all but Bea's coins");
    scene.audit().await;
});

each_db!(the_last_coins_go_one_way, async |db| {
    let scene = Scene::set(db).await;
    // Bea's 70 coins: 32 gifts of 50 and 32 refunds of 50 want them.
    let tries = (0..64u128).map(|number| {
        let store = scene.store.clone();
        let wanted = asked_by(number, 900, By::Payer(BEA), Some(50));
        let gift = scene.give(2_000 + number, BEA, "flower-crown", 1, NOW);
        async move {
            if number % 2 == 0 {
                gift.await.is_ok()
            } else {
                let job = JobId(wanted.id.0);
                store
                    .write(move |tx| ask(tx, &wanted, job, &rules(), NOW))
                    .await
                    .is_ok()
            }
        }
    });
    let won = futures_util::future::join_all(tries).await;
    assert_eq!(won.into_iter().filter(|won| *won).count(), 1, "one winner");
    assert_eq!(scene.balance(wallet(BEA)).await, 20);
    scene.audit().await;
});

each_db!(what_comes_back_after_the_delivery_is_delivered, async |db| {
    let scene = Scene::set(db).await;
    // Some is given back before the delivery, and fails after it.
    scene.sold(1, false).await;
    request(&scene, asked_by(1, 1, By::Operator(ADA), Some(400)), NOW)
        .await
        .unwrap();
    let delivered = scene.store.write(|tx| {
        let payment = tx.find::<Payment>(&payment_id(1))?.unwrap();
        sales::deliver(tx, &payment, CHANNEL, 70, &rules(), NOW)
    });
    assert_eq!(delivered.await.unwrap().parts.sum(), 600);
    assert_eq!(said(&scene, "a", 1, Failed, 400).await, Heard::RefundFailed);
    assert_eq!(scene.balance(DEFERRED).await, 0, "nothing waits for ever");
    assert_eq!(scene.balance(earnings_pending(CHANNEL)).await, 700);
    let legs = scene
        .legs(following(following(refund_id(1).0, "failed").0, "delivery"))
        .await;
    assert_eq!(
        legs,
        ["deferred>earnings.pending 280", "deferred>platform_revenue 120"]
    );
    // All of it can be given back, from those who have it.
    request(&scene, asked_by(2, 1, By::Operator(ADA), None), NOW)
        .await
        .unwrap();
    assert_eq!(scene.balance(earnings_pending(CHANNEL)).await, 0);
    scene.audit().await;
});
