//! What a provider's notices do, to both databases.

use busk_testkit::each_db;

use super::*;
use crate::accounts::*;
use crate::payments::PaymentState;
use crate::providers::PaymentSaid;
use crate::scene::*;

async fn state(scene: &Scene) -> PaymentState {
    let found = scene.store.read(|db| payments::payment(db, payment_id(1))).await;
    found.unwrap().unwrap().state
}

/// Notices in the order in which they come, each with what comes of it and the coins after it.
type Story = &'static [(&'static str, PaymentSaid, Heard, i64)];

use PaymentSaid::{Declined, Pending, Settled};

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
        scene.begin(buy_70(number, CID), NOW).await.unwrap();
        for (id, said, heard, coins) in *story {
            let said = notice(number, CID, *said);
            let told = scene.hear_as(&format!("{number}-{id}"), said).await;
            assert_eq!(told, *heard, "{number} {id}");
            assert_eq!(scene.balance(wallet(CID)).await - before, *coins, "{number} {id}");
        }
    }
    scene.audit().await;
});

each_db!(what_does_not_fit_is_set_aside, async |db| {
    let scene = Scene::set(db).await;
    scene.begin(buy_70(1, CID), NOW).await.unwrap();
    type Bend = fn(&mut PaymentNotice);
    let bends: [(&'static str, Bend); 7] = [
        ("another amount", |n| n.amount = 69),
        ("another amount", |n| n.amount = 7_000),
        ("another currency", |n| n.currency = "EUR".into()),
        ("another payer", |n| n.payer = BEA),
        ("another checkout", |n| n.checkout = Some("checkout-2".into())),
        ("another checkout", |n| n.checkout = None),
        ("no such payment", |n| n.payment = payment_id(77)),
    ];
    for (number, (why, bend)) in bends.into_iter().enumerate() {
        let mut bent = notice(1, CID, Settled);
        bend(&mut bent);
        let heard = scene.hear_as(&format!("bent-{number}"), bent).await;
        assert_eq!(heard, Heard::SetAside(why));
        assert_eq!(scene.balance(wallet(CID)).await, 0, "{why}");
        assert_eq!(scene.balance(wallet(BEA)).await, 70, "{why}");
        assert_eq!(state(&scene).await, PaymentState::Pending, "{why}");
    }
    assert_eq!(scene.hear(notice(1, CID, Settled)).await, Heard::Settled);
    assert_eq!(state(&scene).await, PaymentState::Paid);
    assert_eq!(scene.balance(wallet(CID)).await, 70);
    assert_eq!(scene.balance(COIN_FLOAT).await, 140);
    scene.audit().await;
});
