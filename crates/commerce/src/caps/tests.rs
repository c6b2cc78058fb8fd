//! Caps, in one's head and in both databases.

use busk_testkit::each_db;

use super::*;
use crate::coins::BuyError;
use crate::payments::BeginError;
use crate::providers::PaymentSaid;
use crate::scene::*;

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn a_lower_cap_acts_at_once_and_a_higher_one_a_day_later() {
    let none = Cap::default();
    assert_eq!(none.limit(NOW), None);
    let cap = none.set(Some(1_000), DAY, NOW);
    assert_eq!((cap.limit(NOW), cap.raise(NOW)), (Some(1_000), None));
    let lower = cap.set(Some(500), DAY, NOW);
    assert_eq!((lower.limit(NOW), lower.raise(NOW)), (Some(500), None));

    for higher in [Some(2_000), None] {
        let raised = cap.set(higher, DAY, NOW);
        assert_eq!(raised.limit(NOW + 23 * HOUR), Some(1_000));
        assert_eq!(raised.raise(NOW).unwrap().limit, higher);
        assert_eq!((raised.limit(NOW + DAY), raised.raise(NOW + DAY)), (higher, None));

        let again = raised.set(higher, DAY, NOW + HOUR);
        assert_eq!(again, raised, "the wait does not begin anew");
        let back = raised.set(Some(1_000), DAY, NOW + HOUR);
        assert_eq!(back, cap, "the present limit again takes the raise back");
        let lowered = raised.set(Some(400), DAY, NOW + HOUR);
        assert_eq!(
            (lowered.limit(NOW + 2 * DAY), lowered.raise(NOW + HOUR)),
            (Some(400), None)
        );
    }
    let more = cap.set(Some(2_000), DAY, NOW).set(Some(3_000), DAY, NOW + HOUR);
    assert_eq!(
        more.limit(NOW + DAY),
        Some(1_000),
        "another raise waits its own day"
    );
    assert_eq!(more.limit(NOW + DAY + HOUR), Some(3_000));
}

/// Begins to buy 70 coins for 70 cents; the cap that refuses it, if any.
async fn try_70(scene: &Scene, number: u128, now: Timestamp) -> Option<Reached> {
    match scene.begin(buy_70(number, CID), now).await {
        Ok(_) => None,
        Err(BuyError::Begin(BeginError::CapReached(reached))) => Some(reached),
        Err(other) => panic!("{other}"),
    }
}

async fn limit(scene: &Scene, day: Option<i64>, month: Option<i64>, now: Timestamp) -> Caps {
    let wanted = Wanted {
        person: CID,
        day,
        month,
    };
    let set = scene
        .store
        .write(move |tx| set(tx, &wanted, &Policy::default(), now));
    set.await.unwrap()
}

async fn pay(scene: &Scene, number: u128) {
    scene.hear(notice(number, CID, PaymentSaid::Settled)).await;
}

each_db!(nothing_is_bought_over_a_cap, async |db| {
    let scene = Scene::set(db).await;
    assert_eq!(try_70(&scene, 1, NOW).await, None);
    pay(&scene, 1).await;
    limit(&scene, Some(200), None, NOW).await;
    let day = |left| {
        Some(Reached {
            period: Period::Day,
            left,
        })
    };
    let month = |left| {
        Some(Reached {
            period: Period::Month,
            left,
        })
    };

    assert_eq!(try_70(&scene, 2, NOW).await, None);
    assert_eq!(try_70(&scene, 3, NOW).await, day(60), "70 are paid, 70 may be");
    assert_eq!(
        try_70(&scene, 2, NOW).await,
        None,
        "the same again is the first one still"
    );
    assert_eq!(
        try_70(&scene, 3, NOW + 2 * HOUR).await,
        None,
        "the second was never paid"
    );
    pay(&scene, 3).await;
    assert_eq!(try_70(&scene, 4, NOW + 3 * HOUR).await, day(60));
    assert_eq!(
        try_70(&scene, 4, NOW + DAY + HOUR).await,
        None,
        "the first is a day ago"
    );
    pay(&scene, 4).await;

    let at = NOW + 2 * DAY + HOUR;
    limit(&scene, None, Some(270), at).await;
    assert_eq!(try_70(&scene, 5, at).await, month(60), "210 in thirty days");
    limit(&scene, None, Some(100), at).await;
    assert_eq!(try_70(&scene, 5, at).await, month(0));
    assert_eq!(try_70(&scene, 5, NOW + 32 * DAY).await, None);
    scene.audit().await;
});

each_db!(caps_are_ones_own_and_kept, async |db| {
    let scene = Scene::set(db).await;
    let lowered = limit(&scene, Some(0), Some(5_000), NOW).await;
    let raised = limit(&scene, Some(100), None, NOW).await;
    assert_ne!(lowered, raised);
    let read = scene
        .store
        .read(|db| Ok((sql::caps(db, CID)?, sql::caps(db, BEA)?)));
    let (cid, bea): (Caps, Caps) = read.await.map_err(|e: StoreError| e).unwrap();
    assert_eq!((cid, bea), (raised, Caps::default()));
    assert_eq!(cid.of(Period::Day).limit(NOW), Some(0));
    assert_eq!(cid.of(Period::Day).limit(NOW + DAY), Some(100));
    assert_eq!(cid.of(Period::Month).limit(NOW), Some(5_000));
    assert_eq!(cid.of(Period::Month).limit(NOW + DAY), None);
    assert!(try_70(&scene, 1, NOW).await.is_some());
});
