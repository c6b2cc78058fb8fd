//! Buying coins, on both databases.

use busk_testkit::each_db;

use super::*;
use crate::payments::PaymentState;
use crate::providers::{PaymentNotice, PaymentSaid};
use crate::scene::*;

each_db!(begun_once, async |db| {
    let scene = Scene::set(db).await;
    let begun = scene.begin(buy_70(1, CID), NOW).await.unwrap();
    assert!(begun.new);
    assert_eq!((begun.order.coins, begun.payment.price), (70, 70));
    assert_eq!(begun.payment.state, PaymentState::Pending);
    let again = scene.begin(buy_70(1, CID), NOW).await.unwrap();
    assert!(!again.new, "the same again is not new");
    let of = |number: u128, person, pack: &str| Buy {
        pack: pack.into(),
        ..buy_70(number, person)
    };
    for (wanted, why) in [
        (of(1, CID, "coins-350"), "id_reused"),
        (of(1, BEA, "coins-70"), "id_reused"),
        (of(2, CID, "coins-1"), "pack_unknown"),
    ] {
        let refused = scene.begin(wanted, NOW).await.unwrap_err();
        let word = match refused {
            BuyError::IdReused(_) => "id_reused",
            BuyError::PackUnknown => "pack_unknown",
            other => panic!("{other}"),
        };
        assert_eq!(word, why);
    }
    assert_eq!(
        scene.balance(wallet(CID)).await,
        0,
        "nothing comes before the notice"
    );
});

each_db!(buy_coins, async |db| {
    let scene = Scene::set(db).await;
    let pack = Buy {
        pack: "coins-7000".into(),
        ..buy_70(1, CID)
    };
    scene.begin(pack, NOW).await.unwrap();
    let before = [PSP_CLEARING, COIN_FLOAT, COIN_ISSUED, COIN_PROMOTED];
    let mut after = Vec::new();
    for account in before {
        after.push(-scene.balance(account).await);
    }
    let said = PaymentNotice {
        amount: 7_000,
        ..notice(1, CID, PaymentSaid::Settled)
    };
    scene.hear(said).await;
    for (account, after) in before.into_iter().zip(&mut after) {
        *after += scene.balance(account).await;
    }
    assert_eq!(after, [-7_000, 7_000, -7_000, -350]);
    assert_eq!(scene.balance(wallet(CID)).await, 7_000);
    assert_eq!(scene.balance(wallet_promotional(CID)).await, 350);
    scene.audit().await;
});

each_db!(who_may_not_pay, async |db| {
    let scene = Scene::set(db).await;
    let gone = scene.store.write(|tx| {
        tx.execute(
            "DELETE FROM person_adult WHERE person = $1",
            busk_store::params![CID],
        )
    });
    gone.await.map_err(|error: StoreError| error).unwrap();
    let refused = scene.begin(buy_70(1, CID), NOW).await;
    assert!(matches!(refused, Err(BuyError::Begin(BeginError::AgeUndeclared))));

    let hour = std::time::Duration::from_secs(3_600);
    for number in 0..5 {
        scene.begin(buy_70(number + 10, BEA), NOW).await.unwrap();
        scene.hear(notice(number + 10, BEA, PaymentSaid::Declined)).await;
    }
    let refused = scene.begin(buy_70(20, BEA), NOW).await;
    assert!(
        matches!(refused, Err(BuyError::Begin(BeginError::TooMany))),
        "five declined cards"
    );
    let begun = scene.begin(buy_70(20, BEA), NOW + hour).await;
    assert!(begun.is_ok(), "an hour later");
});
