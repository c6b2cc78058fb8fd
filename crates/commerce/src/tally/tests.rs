//! Counting, on both databases.

use std::time::Duration;

use busk_testkit::each_db;

use super::*;
use crate::scene::*;

/// Past a streak's window after [`NOW`].
const LATER_ON: Duration = Duration::from_secs(6);

async fn ends(scene: &Scene) -> Vec<(String, i64, i64)> {
    let told = scene.told(&["streak_end"]).await;
    let end = |event: &serde_json::Value| {
        let number = |field: &str| event[field].as_i64().unwrap();
        (
            event["kind"].as_str().unwrap().to_owned(),
            number("count"),
            number("total"),
        )
    };
    told.iter().map(end).collect()
}

async fn is_open(scene: &Scene) -> bool {
    let open = scene.store.read(|db| sql::open(db, 10)).await.unwrap();
    open.contains(&LIVE)
}

each_db!(a_streak_ends_once, async |db| {
    let scene = Scene::set(db).await;
    assert!(
        !is_open(&scene).await,
        "where nothing was given nothing is counted"
    );
    // Finer than the log tells it.
    let then = NOW + Duration::from_micros(1_321);
    scene.gave(1, BEA, "rose", 2, then).await;
    scene.gave(2, BEA, "heart", 1, then).await;
    scene.count(then).await;
    scene.gave(3, BEA, "rose", 1, NOW + Duration::from_secs(4)).await;
    scene.count(NOW + Duration::from_secs(4)).await;
    assert_eq!(ends(&scene).await, [], "nobody's time is over");
    let at = NOW + LATER_ON;
    scene.count(at).await;
    assert_eq!(ends(&scene).await, [("heart".into(), 1, 1)]);
    let at = at + LATER_ON;
    for _ in 0..4 {
        scene.count(at).await;
    }
    let all = [("heart".to_owned(), 1, 1), ("rose".to_owned(), 3, 15)];
    assert_eq!(ends(&scene).await, all);
    assert!(!is_open(&scene).await, "all is counted");
    scene.gave(4, BEA, "rose", 1, at).await;
    assert!(is_open(&scene).await, "a gift wakes it");
    scene.count(at).await;
    scene.count(at + LATER_ON).await;
    assert_eq!(ends(&scene).await.len(), 3, "a later rose is another streak");
});

each_db!(a_gift_that_comes_late_is_of_its_streak, async |db| {
    let scene = Scene::set(db).await;
    scene.gave(1, BEA, "rose", 1, NOW).await;
    scene.count(NOW).await;
    // In the log already, and not counted when the end is near.
    scene.gave(2, BEA, "rose", 1, NOW + Duration::from_secs(5)).await;
    let events = scene.told(&["gift"]).await;
    assert_eq!(events[0]["streak"]["id"], events[1]["streak"]["id"]);
    scene.count(NOW + LATER_ON).await;
    assert_eq!(ends(&scene).await, []);
    scene.count(NOW + LATER_ON * 2).await;
    assert_eq!(ends(&scene).await, [("rose".into(), 2, 10)]);
    // One that was sent in time and written after the end begins a streak of its own.
    scene.gave(3, BEA, "rose", 1, NOW + Duration::from_secs(9)).await;
    let events = scene.told(&["gift"]).await;
    assert_ne!(events[1]["streak"]["id"], events[2]["streak"]["id"]);
});

each_db!(counted_once_also_when_it_is_done_twice, async |db| {
    let scene = Scene::set(db).await;
    scene.gave(1, BEA, "rose", 3, NOW).await;
    // Two counts that read the same stretch: the second finds it counted.
    let read = scene.store.read(|db| {
        let from = sql::through(db, LIVE)?.unwrap();
        let events = sql::events(db, LIVE, from, EVENTS_MAX)?;
        Counted::of(from, &events, &[])
    });
    let counted = read.await.unwrap();
    for _ in 0..2 {
        let counted = counted.clone();
        let applied = scene
            .store
            .write(move |tx| apply(tx, LIVE, &counted, &rules(), NOW));
        applied.await.unwrap();
    }
    let given = scene.store.read(|db| supporters::of_room(db, LIVE, None, 10));
    let given = given.await.unwrap();
    assert_eq!((given.len(), given[0].gifts, given[0].coins), (1, 3, 15));
});
