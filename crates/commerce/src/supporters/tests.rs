//! Rankings, on both databases.

use busk_testkit::each_db;

use super::*;
use crate::coins::Buy;
use crate::providers::PaymentSaid;
use crate::scene::*;

async fn two_givers(scene: &Scene) {
    let buy = Buy {
        person: CID,
        ..buy_70(901, CID)
    };
    scene.begin(buy, NOW).await.unwrap();
    scene.hear(notice(901, CID, PaymentSaid::Settled)).await;
    scene.gave(1, BEA, "rose", 2, NOW).await;
    scene.gave(2, CID, "coffee", 1, NOW).await;
}

fn names(top: &[TopSupporter]) -> Vec<(&str, i64)> {
    top.iter().map(|one| (one.name.as_str(), one.value)).collect()
}

each_db!(who_gave_most_stands_first, async |db| {
    let scene = Scene::set(db).await;
    two_givers(&scene).await;
    let top = scene.count(NOW).await.unwrap();
    assert_eq!(names(&top), [("cid", 25), ("bea", 10)]);
    assert_eq!(scene.count(NOW).await, None, "nothing has changed");
    scene.gave(3, BEA, "flower-crown", 1, NOW).await;
    let top = scene.count(NOW).await.unwrap();
    assert_eq!(names(&top), [("bea", 60), ("cid", 25)]);
    scene.gave(4, CID, "heart", 1, NOW).await;
    let told = scene.told(&["gift"]).await;
    let ranks: Vec<_> = told.iter().map(|gift| gift["from"]["rank"].as_u64()).collect();
    assert_eq!(ranks, [None, None, Some(2), Some(2)], "as it was when they gave");
});

each_db!(rankings_and_supporters, async |db| {
    let scene = Scene::set(db).await;
    two_givers(&scene).await;
    scene.count(NOW).await;
    let month = RANKED_OVER;
    let read = scene.store.read(move |db| {
        let since = [NOW - month, NOW];
        let live = ranking_of_room(db, LIVE, 1)?;
        let channel = ranking_of_channel(db, CHANNEL, since[0], 10)?;
        let old = ranking_of_channel(db, CHANNEL, since[1], 10)?;
        let first = of_channel(db, CHANNEL, None, 1)?;
        let after = Some((first[0].value, first[0].person));
        let rest = of_channel(db, CHANNEL, after, 10)?;
        let none = of_room(db, LATER, None, 10)?;
        Ok::<_, StoreError>((live, channel, old, first, rest, none))
    });
    let (live, channel, old, first, rest, none) = read.await.unwrap();
    assert_eq!((live.len(), live[0].person, live[0].value), (1, CID, 25));
    assert_eq!((channel.len(), channel[1].person), (2, BEA));
    assert_eq!((old.len(), none.len()), (0, 0));
    assert_eq!((first[0].person, first[0].gifts, first[0].lives), (CID, 1, 1));
    assert_eq!((rest.len(), rest[0].person, rest[0].coins), (1, BEA, 10));
    assert_eq!(rest[0].last_at, NOW);
});
