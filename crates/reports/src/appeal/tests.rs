//! Who appeals when, who judges, and what is taken back, on both databases.

use busk_people::suspension;
use busk_testkit::each_db;

use super::*;
use crate::decision::NewDecision;
use crate::report::{NewReport, Object, ObjectKind};
use crate::scene::*;

/// Bea's account is suspended by Ola for what Cid reported.
async fn suspended(scene: &Scene) {
    scene.reports(of_message(1), 2).await.unwrap();
    scene.decides(decision(50, 1, Measure::Suspend), 3).await.unwrap();
}

each_db!(who_appeals_and_when, async |db| {
    let scene = Scene::set(db).await;
    suspended(&scene).await;
    let end = at(3).months_later(6).unwrap();
    let unknown = async |decision, by| scene.appeals(70, decision, by, at(4)).await.unwrap_err();
    assert!(matches!(unknown(99, BEA).await, AppealError::DecisionUnknown));
    assert!(matches!(unknown(50, ADA).await, AppealError::DecisionUnknown));
    let late = scene
        .appeals(70, 50, BEA, end + std::time::Duration::from_secs(1))
        .await;
    assert!(matches!(late, Err(AppealError::Late)));
    let made = scene.appeals(70, 50, BEA, end).await.unwrap();
    assert_eq!(scene.appeals(70, 50, BEA, end).await.unwrap(), made, "sent again");
    assert!(matches!(
        scene.appeals(70, 50, CID, end).await,
        Err(AppealError::IdReused(_))
    ));
    assert!(matches!(
        scene.appeals(71, 50, BEA, end).await,
        Err(AppealError::Already(_))
    ));
    scene
        .appeals(72, 50, CID, at(4))
        .await
        .expect("who reported it may");
    let empty = NewAppeal {
        id: AppealId(id(73)),
        decision: DecisionId(id(50)),
        by: id(CID),
        words: " ".into(),
    };
    let refused = scene.store.write(move |tx| appeal(tx, &empty, at(4))).await;
    assert!(matches!(refused, Err(AppealError::Words(_))));
});

each_db!(
    another_operator_judges_and_the_account_is_open_again,
    async |db| {
        let scene = Scene::set(db).await;
        suspended(&scene).await;
        scene.appeals(70, 50, BEA, at(4)).await.unwrap();
        let holds = async || {
            scene
                .reads(|db| suspension::holds(db, PersonId(id(BEA)), at(9)))
                .await
        };
        assert!(holds().await);
        let unknown = scene.judges(99, OZ, Outcome::Upheld, 5).await;
        assert!(matches!(unknown, Err(JudgeError::AppealUnknown)));
        let same = scene.judges(70, OLA, Outcome::Reversed, 5).await;
        assert!(matches!(same, Err(JudgeError::SameOperator)));
        let judged = scene.judges(70, OZ, Outcome::Reversed, 6).await.unwrap();
        assert!(!holds().await);
        assert_eq!(
            scene.judges(70, OZ, Outcome::Reversed, 7).await.unwrap(),
            judged,
            "sent again"
        );
        assert!(matches!(
            scene.judges(70, OZ, Outcome::Upheld, 7).await,
            Err(JudgeError::Judged)
        ));
        let kept = "SELECT COUNT(*) FROM decision WHERE reversed_at IS NOT NULL AND measure = 'suspend'";
        assert_eq!(scene.count(kept).await, 1, "nothing is written over");
        assert!(matches!(
            scene.appeals(71, 50, CID, at(8)).await,
            Err(AppealError::Reversed)
        ));
    }
);

each_db!(who_is_alone_judges_and_what_is_upheld_stays, async |db| {
    let scene = Scene::set(db).await;
    suspended(&scene).await;
    scene.appeals(70, 50, BEA, at(4)).await.unwrap();
    let alone = |tx: &mut Tx| suspension::suspend(tx, PersonId(id(OZ)), None, at(4));
    scene.store.write(alone).await.unwrap();
    scene.judges(70, OLA, Outcome::Upheld, 5).await.unwrap();
    let holds = scene
        .reads(|db| suspension::holds(db, PersonId(id(BEA)), at(9)))
        .await;
    assert!(holds);
});

each_db!(what_can_be_taken_back_is, async |db| {
    let scene = Scene::set(db).await;
    let room = NewReport {
        object: Object {
            kind: ObjectKind::Room,
            id: id(ROOM),
            room: None,
        },
        ..of_message(3)
    };
    scene.reports(of_message(1), 2).await.unwrap();
    let time_out = NewDecision {
        seconds: Some(600),
        ..decision(50, 1, Measure::TimeOut)
    };
    scene.decides(time_out, 3).await.unwrap();
    scene.reports(of_message(2), 4).await.unwrap();
    scene.decides(decision(51, 2, Measure::Ban), 5).await.unwrap();
    scene.reports(room, 6).await.unwrap();
    scene
        .decides(decision(52, 3, Measure::HideRoom), 7)
        .await
        .unwrap();
    for (number, decision, by) in [(70, 50, BEA), (71, 51, BEA), (72, 52, ADA)] {
        scene.appeals(number, decision, by, at(8)).await.unwrap();
        scene.judges(number, OZ, Outcome::Reversed, 9).await.unwrap();
    }
    let silent = "SELECT COUNT(*) FROM channel_sanction WHERE banned OR silent_until IS NOT NULL";
    assert_eq!(scene.count(silent).await, 0);
    assert_eq!(scene.count("SELECT COUNT(*) FROM room_hidden").await, 0);
    let ended = scene
        .count("SELECT COUNT(*) FROM room WHERE state = 'ended'")
        .await;
    assert_eq!(ended, 1, "a live that was ended stays so");
});

each_db!(who_reported_it_has_it_looked_at_anew, async |db| {
    let scene = Scene::set(db).await;
    scene.reports(of_message(1), 2).await.unwrap();
    scene.decides(decision(50, 1, Measure::None), 3).await.unwrap();
    let concerned = scene.appeals(70, 50, BEA, at(4)).await;
    assert!(
        matches!(concerned, Err(AppealError::DecisionUnknown)),
        "nothing was done to her"
    );
    scene.appeals(70, 50, CID, at(4)).await.unwrap();
    scene.judges(70, OZ, Outcome::Reversed, 5).await.unwrap();
    assert_eq!(
        scene
            .count("SELECT COUNT(*) FROM report WHERE decision IS NULL")
            .await,
        1
    );
    scene
        .decides(decision(51, 1, Measure::RemoveMessage), 6)
        .await
        .unwrap();
    let both = scene.count("SELECT COUNT(*) FROM decision_report").await;
    assert_eq!(both, 2, "which decision answered what stays");
});
