//! What can be reported, by whom, and what is refused, on both databases.

use busk_base::DecisionId;
use busk_testkit::each_db;

use super::*;
use crate::decision::Measure;
use crate::scene::*;

fn person(number: u128, who: u128) -> NewReport {
    NewReport {
        object: Object {
            kind: ObjectKind::Person,
            id: id(who),
            room: Some(RoomId(id(ROOM))),
        },
        ..of_message(number)
    }
}

fn room(number: u128) -> NewReport {
    NewReport {
        object: Object {
            kind: ObjectKind::Room,
            id: id(ROOM),
            room: None,
        },
        ..of_message(number)
    }
}

each_db!(what_is_refused, async |db| {
    let scene = Scene::set(db).await;
    let law = NewReport {
        ground: Ground::Law,
        words: "it is".into(),
        good_faith: true,
        ..of_message(1)
    };
    let rows: [(NewReport, &str); 11] = [
        (
            NewReport {
                category: Category::Terrorism,
                ..of_message(1)
            },
            "this kind is not one of what is against the rules",
        ),
        (
            NewReport {
                category: Category::Spam,
                ..law.clone()
            },
            "this kind is not one of what is against the law",
        ),
        (
            NewReport {
                words: "x".repeat(WORDS_MAX + 1),
                ..of_message(1)
            },
            "the reason must have at most 2000 characters",
        ),
        (
            NewReport {
                words: " ".into(),
                ..law.clone()
            },
            "the reason must have at least 1 characters",
        ),
        (
            NewReport {
                good_faith: false,
                ..law.clone()
            },
            "say that you believe this in good faith",
        ),
        (
            NewReport {
                contact_name: Some("x".repeat(101)),
                ..of_message(1)
            },
            "the name must have at most 100 characters",
        ),
        (
            NewReport {
                contact_email: Some("cid at home".into()),
                ..of_message(1)
            },
            "this is not an e-mail address",
        ),
        (
            NewReport {
                object: Object {
                    kind: ObjectKind::Message,
                    id: id(999),
                    room: None,
                },
                ..of_message(1)
            },
            "there is nothing like this",
        ),
        (person(1, 999), "there is nothing like this"),
        (person(1, CID), "nobody reports themselves"),
        (
            NewReport {
                reporter: Some(id(BEA)),
                ..of_message(1)
            },
            "nobody reports themselves",
        ),
    ];
    for (new, expected) in rows {
        let refused = scene.reports(new, 2).await.unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
    assert_eq!(scene.count("SELECT COUNT(*) FROM report").await, 0);
});

each_db!(the_words_are_kept_and_the_same_is_once, async |db| {
    let scene = Scene::set(db).await;
    let made = scene.reports(of_message(1), 2).await.unwrap();
    assert_eq!(
        (made.said.as_deref(), made.person, made.person_name.as_str()),
        (Some("go away"), id(BEA), "bea")
    );
    assert_eq!((made.room, made.said_at), (Some(RoomId(id(ROOM))), Some(at(1))));
    assert_eq!(scene.reports(of_message(1), 9).await.unwrap(), made, "sent again");
    let other = NewReport {
        reporter: None,
        ..of_message(1)
    };
    let reused = scene.reports(other, 3).await.unwrap_err();
    assert!(matches!(reused, ReportError::IdReused(_)));
    let twice = scene.reports(of_message(2), 3).await.unwrap_err();
    assert!(matches!(twice, ReportError::Open(open) if open == made.id));
    // Somebody else may, and so may people without a name, as often as their address is let.
    let by_guest = NewReport {
        reporter: Some(id(GUEST)),
        ..of_message(3)
    };
    scene.reports(by_guest, 3).await.unwrap();
    for number in [4, 5] {
        let anonymous = NewReport {
            reporter: None,
            contact_name: Some("Somebody".into()),
            contact_email: Some("some@example.org".into()),
            ..of_message(number)
        };
        scene.reports(anonymous, 3).await.unwrap();
    }
    assert_eq!(scene.count("SELECT COUNT(*) FROM report").await, 4);

    let host = scene.reports(room(6), 4).await.unwrap();
    assert_eq!(
        (host.said.as_deref(), host.person_name.as_str()),
        (Some("Evening"), "ada")
    );
    let guest = scene.reports(person(7, GUEST), 4).await.unwrap();
    assert_eq!(
        (guest.person_kind, guest.person_name.as_str()),
        (SpeakerKind::Guest, "anna")
    );
});

each_db!(children_come_first_and_then_the_oldest, async |db| {
    let scene = Scene::set(db).await;
    let rows = [
        (1, Category::Spam, 10),
        (2, Category::Hate, 11),
        (3, Category::Minors, 12),
        (4, Category::Hate, 13),
    ];
    for (number, category, seconds) in rows {
        let new = NewReport {
            category,
            reporter: None,
            ..of_message(number)
        };
        scene.reports(new, seconds).await.unwrap();
    }
    let numbers =
        |reports: Vec<Report>| -> Vec<u128> { reports.iter().map(|report| report.id.0.as_u128()).collect() };
    let start = (-1, Timestamp::from_unix_us(0));
    let open = scene.reads(move |db| sql::open(db, start, 10)).await;
    assert_eq!(numbers(open), [3, 2, 4, 1]);
    let after = (Category::Hate.priority(Ground::Rules), at(11));
    let rest = scene.reads(move |db| sql::open(db, after, 10)).await;
    assert_eq!(numbers(rest), [4, 1], "a page goes on where the last ended");
    let latest = scene.reads(move |db| sql::latest(db, at(13), 2)).await;
    assert_eq!(numbers(latest), [3, 2]);
    // One decision answers all of the same thing.
    scene.decides(decision(50, 2, Measure::None), 20).await.unwrap();
    let none = scene.reads(move |db| sql::open(db, start, 10)).await;
    assert_eq!(numbers(none), [] as [u128; 0]);
    let answered = scene
        .reads(move |db| sql::one(db, ReportId(id(3))))
        .await
        .unwrap();
    assert_eq!(answered.decision, Some(DecisionId(id(50))));
});
