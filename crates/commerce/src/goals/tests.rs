//! Goals, on both databases.

use busk_rooms::GoalKind::{Coins, Gifts, Money};
use busk_testkit::each_db;
use uuid::Uuid;

use super::*;
use crate::scene::*;

fn goal(number: u128, kind: GoalKind, gift: Option<&str>, target: i64) -> SetGoal {
    SetGoal {
        id: GoalId(Uuid::from_u128(number)),
        room: LIVE,
        by: ADA,
        title: "For the roof".into(),
        kind,
        gift: gift.map(str::to_owned),
        target,
    }
}

async fn set_by(scene: &Scene, wanted: SetGoal) -> &'static str {
    let done = scene.store.write(move |tx| set(tx, &wanted, NOW)).await;
    match done {
        Ok(_) => "set",
        Err(SetGoalError::RoomUnknown) => "room_unknown",
        Err(SetGoalError::NotYours) => "not_yours",
        Err(SetGoalError::RoomNotOpen) => "room_not_open",
        Err(SetGoalError::IdReused(_)) => "id_reused",
        Err(SetGoalError::Title(_)) => "title",
        Err(SetGoalError::GiftUnknown) => "gift_unknown",
        Err(SetGoalError::Target) => "target",
        Err(SetGoalError::TooMany) => "too_many",
        Err(SetGoalError::Store(error)) => panic!("{error}"),
    }
}

each_db!(setting, async |db| {
    let scene = Scene::set(db).await;
    let base = goal(1, Gifts, Some("rose"), 300);
    let none = RoomId(Uuid::from_u128(7));
    let rows = [
        (
            SetGoal {
                room: none,
                ..base.clone()
            },
            "room_unknown",
        ),
        (
            SetGoal {
                by: BEA,
                ..base.clone()
            },
            "not_yours",
        ),
        (
            SetGoal {
                room: LATER,
                ..base.clone()
            },
            "room_not_open",
        ),
        (
            SetGoal {
                title: " ".into(),
                ..base.clone()
            },
            "title",
        ),
        (goal(1, Gifts, Some("tulip"), 300), "gift_unknown"),
        (goal(1, Money, Some("rose"), 300), "gift_unknown"),
        (goal(1, Gifts, None, 0), "target"),
        (goal(1, Gifts, None, TARGET_MAX + 1), "target"),
        (base.clone(), "set"),
        (base.clone(), "set"),
        (goal(1, Gifts, Some("rose"), 301), "id_reused"),
        (goal(2, Coins, None, 100), "set"),
        (goal(3, Money, None, 50_000), "set"),
        (goal(4, Gifts, None, 1), "too_many"),
    ];
    for (wanted, expected) in rows {
        assert_eq!(set_by(&scene, wanted.clone()).await, expected, "{wanted:?}");
    }
    assert_eq!(
        scene.told(&["goal"]).await.len(),
        3,
        "the same again tells nothing"
    );
});

each_db!(moving_on, async |db| {
    let scene = Scene::set(db).await;
    scene.gave(1, BEA, "rose", 1, NOW).await;
    set_by(&scene, goal(1, Gifts, Some("rose"), 3)).await;
    set_by(&scene, goal(2, Coins, None, 100)).await;
    set_by(&scene, goal(3, Money, None, 100)).await;
    scene.gave(2, BEA, "rose", 2, NOW).await;
    scene.gave(3, BEA, "coffee", 1, NOW).await;
    scene.count(NOW).await;
    let board = scene.store.read(|db| board::read(db, LIVE)).await.unwrap();
    let so_far: Vec<_> = board.goals.iter().map(|goal| goal.so_far).collect();
    assert_eq!(so_far, [2, 35, 35], "what came before a goal is not for it");
    scene.gave(4, BEA, "rose", 1, NOW).await;
    scene.count(NOW).await;
    scene.count(NOW).await;
    let told = scene.told(&["goal"]).await;
    let roses = told.iter().filter(|event| event["goal"]["target"] == 3);
    let roses: Vec<_> = roses
        .map(|event| {
            let goal = &event["goal"];
            (goal["so_far"].as_i64().unwrap(), goal["state"].as_str().unwrap())
        })
        .collect();
    assert_eq!(roses, [(0, "open"), (2, "open"), (3, "reached")]);

    let id = GoalId(Uuid::from_u128(1));
    for (by, expected) in [(BEA, "not_yours"), (ADA, "removed"), (ADA, "goal_unknown")] {
        let done = scene.store.write(move |tx| remove(tx, LIVE, id, by, NOW)).await;
        let word = match done {
            Ok(()) => "removed",
            Err(RemoveGoalError::NotYours) => "not_yours",
            Err(RemoveGoalError::GoalUnknown) => "goal_unknown",
            Err(other) => panic!("{other}"),
        };
        assert_eq!(word, expected);
    }
    let last = scene.told(&["goal"]).await.pop().unwrap();
    assert_eq!(last["goal"]["state"], "removed");
});
