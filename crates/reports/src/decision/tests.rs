//! What can be done, what is refused, and what is left, on both databases.

use busk_people::suspension;
use busk_rooms::reported;
use busk_store::params;
use busk_testkit::each_db;

use super::*;
use crate::report::{NewReport, Object};
use crate::scene::*;

fn of_room(number: u128) -> NewReport {
    NewReport {
        object: Object {
            kind: ObjectKind::Room,
            id: id(ROOM),
            room: None,
        },
        ..of_message(number)
    }
}

fn of_guest(number: u128) -> NewReport {
    NewReport {
        object: Object {
            kind: ObjectKind::Message,
            id: id(SAID_BY_GUEST),
            room: None,
        },
        ..of_message(number)
    }
}

each_db!(what_is_refused, async |db| {
    let scene = Scene::set(db).await;
    scene.reports(of_message(1), 2).await.unwrap();
    scene.reports(of_room(2), 2).await.unwrap();
    scene.reports(of_guest(3), 2).await.unwrap();
    let of_operator = NewReport {
        object: Object {
            kind: ObjectKind::Person,
            id: id(OZ),
            room: Some(RoomId(id(ROOM))),
        },
        ..of_message(4)
    };
    scene.reports(of_operator, 2).await.unwrap();
    let base = |measure| decision(50, 1, measure);
    let rows: [(NewDecision, &str); 12] = [
        (decision(50, 99, Measure::Ban), "there is no such report"),
        (
            NewDecision {
                category: Category::Goods,
                ..base(Measure::Ban)
            },
            "this kind is not one of what is against this ground",
        ),
        (
            NewDecision {
                basis: " ".into(),
                ..base(Measure::Ban)
            },
            "the law or the rule must have at least 1 characters",
        ),
        (
            NewDecision {
                facts: String::new(),
                ..base(Measure::None)
            },
            "what was found must have at least 1 characters",
        ),
        (
            base(Measure::TimeOut),
            "for how long it is must be from 1 to 1209600 seconds",
        ),
        (
            NewDecision {
                seconds: Some(0),
                ..base(Measure::Suspend)
            },
            "for how long it is must be from 1 to 63072000 seconds",
        ),
        (
            base(Measure::HideRoom),
            "this cannot be done about what was reported",
        ),
        (
            decision(50, 2, Measure::RemoveMessage),
            "this cannot be done about what was reported",
        ),
        (
            decision(50, 3, Measure::Suspend),
            "this cannot be done about what was reported",
        ),
        (
            NewDecision {
                operator: PersonId(id(OZ)),
                ..decision(50, 4, Measure::None)
            },
            "nobody decides about themselves",
        ),
        (
            decision(50, 4, Measure::Suspend),
            "nobody does this to the channel's team or the site's operators",
        ),
        (
            decision(50, 4, Measure::Ban),
            "nobody does this to the channel's team or the site's operators",
        ),
    ];
    for (new, expected) in rows {
        let refused = scene.decides(new, 3).await.unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
    assert_eq!(scene.count("SELECT COUNT(*) FROM decision").await, 0);
    scene.decides(base(Measure::None), 3).await.unwrap();
    scene.decides(base(Measure::None), 9).await.expect("sent again");
    let reused = scene.decides(base(Measure::Ban), 4).await.unwrap_err();
    assert!(matches!(reused, DecideError::IdReused(_)));
    let twice = scene.decides(decision(51, 1, Measure::Ban), 4).await;
    assert!(matches!(twice, Err(DecideError::Decided(by)) if by.0 == id(50)));
});

each_db!(a_message_goes_and_its_words_stay_with_the_report, async |db| {
    let scene = Scene::set(db).await;
    scene.reports(of_message(1), 2).await.unwrap();
    let decided = scene
        .decides(decision(50, 1, Measure::RemoveMessage), 3)
        .await
        .unwrap();
    assert_eq!(decided.follows, Follows::default());
    assert_eq!(decided.decision.said.as_deref(), Some("go away"));
    let left = scene
        .reads(|db| reported::latest_of(db, RoomId(id(ROOM)), id(BEA), 10))
        .await;
    assert_eq!((left.len(), left[0].removed), (1, true));
    // The channel's own log has it under the decision's id, so that nobody counts it twice.
    let by = params![id(50)].to_vec();
    let recorded = scene
        .reads(move |db| db.row("SELECT deed FROM moderation_record WHERE id = $1", &by))
        .await;
    assert_eq!(recorded.unwrap().get::<String>(0).unwrap(), "delete");
});

each_db!(people_are_kept_from_writing, async |db| {
    let scene = Scene::set(db).await;
    scene.reports(of_message(1), 2).await.unwrap();
    scene.reports(of_guest(2), 2).await.unwrap();
    let time_out = NewDecision {
        seconds: Some(600),
        ..decision(50, 1, Measure::TimeOut)
    };
    let decided = scene.decides(time_out, 3).await.unwrap();
    assert_eq!(decided.decision.until, Some(at(603)));
    scene.decides(decision(51, 2, Measure::Ban), 3).await.unwrap();
    let silent = "SELECT COUNT(*) FROM channel_sanction WHERE banned OR silent_until IS NOT NULL";
    assert_eq!(scene.count(silent).await, 2);
});

each_db!(a_room_ends_and_is_hidden, async |db| {
    let scene = Scene::set(db).await;
    scene.reports(of_room(1), 2).await.unwrap();
    let decided = scene
        .decides(decision(50, 1, Measure::HideRoom), 3)
        .await
        .unwrap();
    assert_eq!(decided.follows.ended, [RoomId(id(ROOM))]);
    let state = "SELECT COUNT(*) FROM room JOIN room_hidden ON room = id WHERE state = 'ended'";
    assert_eq!(scene.count(state).await, 1);
});

each_db!(an_account_is_shut_with_what_is_open_of_it, async |db| {
    let scene = Scene::set(db).await;
    scene.reports(of_room(1), 2).await.unwrap();
    let suspend = NewDecision {
        seconds: Some(3_600),
        ..decision(50, 1, Measure::Suspend)
    };
    let decided = scene.decides(suspend, 3).await.unwrap();
    let ada = PersonId(id(ADA));
    assert_eq!(decided.follows.shut_out, Some(ada));
    assert_eq!(decided.follows.ended, [RoomId(id(ROOM))]);
    let holds = async |seconds| {
        scene
            .reads(move |db| suspension::holds(db, ada, at(seconds)))
            .await
    };
    assert!(holds(3_602).await);
    assert!(!holds(3_603).await, "it ends by itself");
});
