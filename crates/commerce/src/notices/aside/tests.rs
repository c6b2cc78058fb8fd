//! What operators do about notices, on both databases.

use busk_testkit::each_db;

use super::*;
use crate::accounts::*;
use crate::providers::{PaymentNotice, PaymentSaid};
use crate::scene::*;

async fn done(scene: &Scene, notice: &str, wanted: Act) -> Result<Option<Heard>, ActError> {
    let wanted = DoAct {
        notice: notice.into(),
        operator: ADA,
        act: wanted,
        note: "seen".into(),
    };
    scene.store.write(move |tx| act(tx, &wanted, &rules(), NOW)).await
}

async fn open(scene: &Scene) -> Vec<String> {
    let read = scene
        .store
        .read(|db| listed(db, true, Timestamp::from_unix_us(i64::MAX), 9));
    read.await.unwrap().into_iter().map(|aside| aside.id).collect()
}

each_db!(looked_at_or_heard_again, async |db| {
    let scene = Scene::set(db).await;
    scene.begin(buy_70(1, CID), NOW).await.unwrap();
    // It comes before the page's name was kept.
    let early = PaymentNotice {
        checkout: Some("checkout-2".into()),
        payment: payment_id(2),
        ..notice(1, CID, PaymentSaid::Settled)
    };
    let heard = scene.hear_as("early", early).await;
    assert_eq!(heard, Heard::SetAside("no such payment"));
    let wrong = PaymentNotice {
        amount: 71,
        ..notice(1, CID, PaymentSaid::Settled)
    };
    scene.hear_as("wrong", wrong).await;
    scene.hear_as("right", notice(1, CID, PaymentSaid::Pending)).await;
    assert_eq!(open(&scene).await, ["wrong", "early"]);

    let again = done(&scene, "early", Act::HearAgain).await;
    assert_eq!(again.unwrap(), Some(Heard::SetAside("no such payment")));
    scene.begin(buy_70(2, CID), NOW).await.unwrap();
    let again = done(&scene, "early", Act::HearAgain).await;
    assert_eq!(again.unwrap(), Some(Heard::Settled));
    assert_eq!(scene.balance(wallet(CID)).await, 70);
    let again = done(&scene, "early", Act::HearAgain).await;
    assert!(matches!(again, Err(ActError::NotAside)), "once");

    assert_eq!(done(&scene, "wrong", Act::LookedAt).await.unwrap(), None);
    assert_eq!(open(&scene).await, Vec::<String>::new());
    assert!(matches!(
        done(&scene, "right", Act::LookedAt).await,
        Err(ActError::NotAside)
    ));
    assert!(matches!(
        done(&scene, "none", Act::LookedAt).await,
        Err(ActError::Unknown)
    ));
    let acts = scene.store.read(|db| acts(db, "early")).await.unwrap();
    let words: Vec<_> = acts.iter().map(|done| done.act.as_str()).collect();
    assert_eq!(words, ["hear_again", "hear_again"]);
    let rewritten = scene.store.write(|tx| {
        let changed = tx.execute("UPDATE notice_act SET note = 'nothing'", &[]);
        changed.map_err(ActError::from)
    });
    assert!(rewritten.await.is_err(), "acts are only ever added to");
    scene.audit().await;
});
