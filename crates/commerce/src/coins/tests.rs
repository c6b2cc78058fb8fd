//! What a provider's notices do, to both databases.

use busk_testkit::each_db;

use super::*;
use crate::scene::*;

async fn begin(scene: &Scene) {
    let (purchase, new) = scene
        .store
        .write(|tx| buy(tx, &buy_70(1, CID), NOW))
        .await
        .unwrap();
    assert!(new);
    assert_eq!(
        (purchase.coins, purchase.price, purchase.state),
        (70, 70, PurchaseState::Pending)
    );
}

async fn state(scene: &Scene) -> PurchaseState {
    let id = buy_70(1, CID).id;
    let found = scene.store.read(move |db| purchase(db, id, CID)).await;
    found.unwrap().unwrap().state
}

each_db!(begun_once, async |db| {
    let scene = Scene::set(db).await;
    begin(&scene).await;
    let again = scene.store.write(|tx| buy(tx, &buy_70(1, CID), NOW)).await;
    assert!(!again.unwrap().1, "the same again is not new");
    let pack = |pack: &str| Buy {
        pack: pack.into(),
        ..buy_70(1, CID)
    };
    let (larger, none) = (pack("coins-350"), pack("coins-1"));
    let refused = scene.store.write(move |tx| buy(tx, &larger, NOW)).await;
    assert!(matches!(refused, Err(BuyError::IdReused(_))));
    let others = scene.store.write(|tx| buy(tx, &buy_70(1, BEA), NOW)).await;
    assert!(matches!(others, Err(BuyError::IdReused(_))));
    let none = Buy {
        id: PurchaseId(uuid::Uuid::from_u128(2)),
        ..none
    };
    let unknown = scene.store.write(move |tx| buy(tx, &none, NOW)).await;
    assert!(matches!(unknown, Err(BuyError::PackUnknown)));
    assert_eq!(
        scene.balance(wallet(CID)).await,
        0,
        "nothing comes before the notice"
    );
});

/// Notices in the order in which they come, each with what comes of it and the coins after it.
type Story = &'static [(&'static str, NoticeKind, Heard, i64)];

use NoticeKind::{Declined, Pending, Settled};

const STORIES: &[Story] = &[
    &[
        ("a", Pending, Heard::Nothing, 0),
        ("b", Settled, Heard::Settled, 70),
        ("b", Settled, Heard::Again, 70),
        ("c", Settled, Heard::Nothing, 70),
        ("d", Pending, Heard::Nothing, 70),
        ("a", Pending, Heard::Again, 70),
        (
            "e",
            Declined,
            Heard::SetAside("declined after it was settled"),
            70,
        ),
    ],
    &[
        ("a", Declined, Heard::Declined, 0),
        ("a", Declined, Heard::Again, 0),
        ("b", Declined, Heard::Nothing, 0),
        ("c", Pending, Heard::Nothing, 0),
        ("d", Settled, Heard::SetAside("settled after it was declined"), 0),
    ],
];

each_db!(hearing, async |db| {
    let scene = Scene::set(db).await;
    for (number, story) in STORIES.iter().enumerate() {
        let number = number as u128 + 10;
        let before = scene.balance(wallet(CID)).await;
        scene
            .store
            .write(move |tx| buy(tx, &buy_70(number, CID), NOW))
            .await
            .unwrap();
        for (id, kind, heard, coins) in *story {
            let said = ProviderNotice {
                id: format!("{number}-{id}"),
                ..notice(number, CID, *kind)
            };
            assert_eq!(scene.hear(said).await, *heard, "{number} {id}");
            assert_eq!(scene.balance(wallet(CID)).await - before, *coins, "{number} {id}");
        }
    }
    scene.audit().await;
});

each_db!(what_does_not_fit_is_set_aside, async |db| {
    let scene = Scene::set(db).await;
    begin(&scene).await;
    type Bend = fn(&mut ProviderNotice);
    let bends: [(&'static str, Bend); 6] = [
        ("another amount", |n| n.amount = 69),
        ("another amount", |n| n.amount = 7_000),
        ("another currency", |n| n.currency = "EUR".into()),
        ("another payer", |n| n.payer = BEA),
        ("another checkout", |n| n.checkout = "checkout-2".into()),
        ("no such order", |n| {
            n.order = PurchaseId(uuid::Uuid::from_u128(77))
        }),
    ];
    for (number, (why, bend)) in bends.into_iter().enumerate() {
        let mut bent = notice(1, CID, Settled);
        bent.id = format!("bent-{number}");
        bend(&mut bent);
        assert_eq!(scene.hear(bent).await, Heard::SetAside(why));
        assert_eq!(scene.balance(wallet(CID)).await, 0, "{why}");
        assert_eq!(scene.balance(wallet(BEA)).await, 70, "{why}");
        assert_eq!(state(&scene).await, PurchaseState::Pending, "{why}");
    }
    assert_eq!(scene.hear(notice(1, CID, Settled)).await, Heard::Settled);
    assert_eq!(state(&scene).await, PurchaseState::Paid);
    assert_eq!(scene.balance(wallet(CID)).await, 70);
    assert_eq!(scene.balance(COIN_FLOAT).await, 140);
    scene.audit().await;
});
