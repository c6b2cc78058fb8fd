//! What is done to people, by whom, and what is left of what they said, on both databases.

use busk_base::MessageId;
use busk_testkit::each_db;

use super::*;
use crate::chat::tests::at;
use crate::chat::tests::{ANA, BEN, GUEST, HOST, MOD, OPERATOR, ROOM, World, id};

const ONLY: &str = "only the channel's host, moderators and the site's operators may do this";
const PROTECTED: &str = "nobody acts against the channel's team or the site's operators";

each_db!(who_may_act_against_whom, async |db: busk_testkit::db::TestDb| {
    let world = World::new(&db).await;
    let rows = [
        (ANA, ActKind::Ban, BEN, None, ONLY),
        (ANA, ActKind::Ban, ANA, None, ONLY),
        (
            MOD,
            ActKind::TimeOut,
            ANA,
            None,
            "a time-out lasts 1 to 1209600 seconds",
        ),
        (
            MOD,
            ActKind::TimeOut,
            ANA,
            Some(0),
            "a time-out lasts 1 to 1209600 seconds",
        ),
        (
            MOD,
            ActKind::TimeOut,
            ANA,
            Some(TIME_OUT_S_MAX + 1),
            "a time-out lasts 1 to 1209600 seconds",
        ),
        (MOD, ActKind::Ban, 77, None, "there is no such person"),
        (MOD, ActKind::Ban, HOST, None, PROTECTED),
        (MOD, ActKind::Ban, MOD, None, PROTECTED),
        (HOST, ActKind::Ban, MOD, None, PROTECTED),
        (HOST, ActKind::Ban, OPERATOR, None, PROTECTED),
        (MOD, ActKind::Ban, ANA, None, ""),
        (HOST, ActKind::Shadow, BEN, None, ""),
        (OPERATOR, ActKind::TimeOut, GUEST, Some(60), ""),
    ];
    for (by, kind, person, seconds, expected) in rows {
        let said = world.acts(by, kind, person, seconds, 0).await;
        assert_eq!(said, expected, "{by} {kind:?} {person}");
    }
    let channel = ChannelId(id(1_000 + HOST));
    let records = world
        .store
        .read(move |db| records_of(db, channel, None, 100))
        .await
        .unwrap();
    let mut told: Vec<_> = records
        .iter()
        .map(|record| {
            (
                record.by_name.as_str(),
                record.deed,
                record.person_name.as_deref(),
                record.seconds,
            )
        })
        .collect();
    told.sort_by_key(|(by, ..)| *by);
    let expected = [
        ("host", Deed::Shadow, Some("ben"), None),
        ("mod", Deed::Ban, Some("ana"), None),
        ("olga", Deed::TimeOut, Some("guest"), Some(60)),
    ];
    assert_eq!(told, expected, "refusals are not recorded");
    assert!(
        records
            .iter()
            .all(|record| record.why == "because" && record.room == Some(ROOM))
    );
    let held = world
        .store
        .read(move |db| sanctioned(db, channel, at(59), 100))
        .await
        .unwrap();
    assert_eq!(held.len(), 3);
    let later = world
        .store
        .read(move |db| sanctioned(db, channel, at(60), 100))
        .await
        .unwrap();
    assert_eq!(later.len(), 2, "a time-out ends by itself");
});

each_db!(
    what_was_said_goes_and_nothing_more_comes,
    async |db: busk_testkit::db::TestDb| {
        let world = World::new(&db).await;
        world.says(ANA, 200, "one", 0).await.unwrap();
        world.says(BEN, 201, "two", 0).await.unwrap();
        world.says(ANA, 202, "three", 0).await.unwrap();
        assert_eq!(world.acts(MOD, ActKind::TimeOut, ANA, Some(60), 1).await, "");
        assert_eq!(
            world.log_of(BEN, false).await,
            ["removed", "said two", "removed", "cleared"]
        );
        assert_eq!(
            world.refusal(ANA, 203, "four", 60).await,
            "you cannot write for a while"
        );
        assert_eq!(world.refusal(ANA, 203, "four", 61).await, "");
        assert_eq!(world.acts(MOD, ActKind::Ban, ANA, None, 62).await, "");
        assert_eq!(
            world.refusal(ANA, 204, "five", 999).await,
            "you cannot write in this channel any more"
        );
        assert_eq!(world.acts(HOST, ActKind::Unban, ANA, None, 1_000).await, "");
        assert_eq!(world.refusal(ANA, 204, "five", 1_000).await, "");
        let log = world.log_of(BEN, false).await;
        assert_eq!(
            log,
            [
                "removed",
                "said two",
                "removed",
                "cleared",
                "removed",
                "cleared",
                "said five"
            ]
        );
        // Those of nobody else, and not twice.
        assert_eq!(world.acts(MOD, ActKind::Ban, GUEST, None, 1_001).await, "");
        assert_eq!(world.log_of(BEN, false).await.len(), log.len() + 1);
    }
);

each_db!(
    who_is_shadowed_does_not_see_it,
    async |db: busk_testkit::db::TestDb| {
        let world = World::new(&db).await;
        world.says(ANA, 200, "before", 0).await.unwrap();
        assert_eq!(world.acts(MOD, ActKind::Shadow, ANA, None, 1).await, "");
        world.says(ANA, 201, "buy my things", 2).await.unwrap();
        world.answers(BEN, 202, "hello ana", Some(201), 3).await.unwrap();
        assert_eq!(world.log_of(BEN, false).await, ["said before", "said hello ana"]);
        assert_eq!(
            world.log_of(GUEST, false).await,
            ["said before", "said hello ana"]
        );
        let own = ["said before", "said buy my things", "said hello ana"];
        assert_eq!(world.log_of(ANA, false).await, own);
        let moderators = ["said before", "shadowed buy my things", "said hello ana"];
        assert_eq!(world.log_of(MOD, true).await, moderators);
        assert_eq!(world.acts(MOD, ActKind::Unshadow, ANA, None, 4).await, "");
        world.says(ANA, 203, "after", 5).await.unwrap();
        assert_eq!(
            world.log_of(BEN, false).await,
            ["said before", "said hello ana", "said after"]
        );
    }
);

each_db!(
    a_moderators_deletion_is_recorded_and_ones_own_is_not,
    async |db: busk_testkit::db::TestDb| {
        let world = World::new(&db).await;
        let deletes = async |by: u128, message: u128| {
            let record = RecordId(id(800 + message));
            let deleted = world.store.write(move |tx| {
                let delete = crate::chat::Delete {
                    room: ROOM,
                    message: MessageId(id(message)),
                    by: id(by),
                    record,
                };
                crate::chat::delete(tx, &delete, at(1))
            });
            deleted
                .await
                .err()
                .map_or(String::new(), |error| error.to_string())
        };
        for message in 200..204 {
            world.says(ANA, message, "words", 0).await.unwrap();
        }
        assert_eq!(
            deletes(BEN, 200).await,
            "only its author, the host, the moderators and the operator may delete it"
        );
        for (by, message) in [(ANA, 200), (MOD, 201), (HOST, 202), (OPERATOR, 203), (MOD, 203)] {
            assert_eq!(deletes(by, message).await, "", "{by} {message}");
        }
        assert_eq!(deletes(MOD, 999).await, "there is no such message");
        let channel = ChannelId(id(1_000 + HOST));
        let about = world
            .store
            .read(move |db| records_about(db, channel, id(ANA), 100))
            .await
            .unwrap();
        let mut by: Vec<_> = about
            .iter()
            .map(|record| (record.by_name.as_str(), record.deed))
            .collect();
        by.sort_by_key(|(by, _)| *by);
        assert_eq!(
            by,
            [
                ("host", Deed::Delete),
                ("mod", Deed::Delete),
                ("olga", Deed::Delete)
            ]
        );
        assert_eq!(
            world
                .log_of(BEN, false)
                .await
                .iter()
                .filter(|kind| *kind == "deleted")
                .count(),
            4
        );
    }
);

each_db!(
    a_mode_is_told_and_a_raid_lies_over_it,
    async |db: busk_testkit::db::TestDb| {
        let world = World::new(&db).await;
        let mode = ChatMode {
            slow_s: 5,
            ..ChatMode::default()
        };
        world.mode(mode).await;
        world.mode(mode).await;
        let answers = |until| {
            move |tx: &mut Tx| {
                let (room, right) = right(tx, ROOM, PersonId(id(MOD))).unwrap();
                answer_raid(
                    tx,
                    &room,
                    &right,
                    RecordId(id(900 + u128::from(until == Some(at(600))))),
                    until,
                    at(0),
                )
            }
        };
        world.store.write(answers(Some(at(600)))).await.unwrap();
        assert_eq!(
            world.refusal(ANA, 200, "hi", 599).await,
            "only followers write here now"
        );
        assert_eq!(world.refusal(ANA, 200, "hi", 600).await, "");
        world.store.write(answers(None)).await.unwrap();
        let read = world
            .store
            .read(|db| log::after(db, ROOM, log::LogReader::default(), 0, 100));
        let told = read
            .await
            .unwrap()
            .into_iter()
            .filter(|(_, body)| body.contains("chat_mode"));
        let told: Vec<bool> = told.map(|(_, body)| body.contains("raid_until")).collect();
        assert_eq!(
            told,
            [false, true, false],
            "the same mode again is not told again"
        );
    }
);

each_db!(
    a_shadowed_message_goes_where_it_was_seen,
    async |db: busk_testkit::db::TestDb| {
        let world = World::new(&db).await;
        assert_eq!(world.acts(MOD, ActKind::Shadow, ANA, None, 1).await, "");
        world.says(ANA, 201, "buy my things", 2).await.unwrap();
        let deletes = world.store.write(|tx| {
            let delete = crate::chat::Delete {
                room: ROOM,
                message: MessageId(id(201)),
                by: id(MOD),
                record: RecordId(id(901)),
            };
            crate::chat::delete(tx, &delete, at(3)).map_err(|e| StoreError::Broken(e.to_string()))
        });
        deletes.await.unwrap();
        assert!(
            world.log_of(BEN, false).await.is_empty(),
            "others know of nothing"
        );
        assert_eq!(world.log_of(ANA, false).await, ["removed", "deleted"]);
        assert_eq!(world.log_of(MOD, true).await, ["removed", "deleted"]);
    }
);
