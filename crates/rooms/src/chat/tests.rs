//! What may be said, by whom, and what becomes of it, on both databases.

use busk_base::{ChannelId, GuestId};
use busk_people::sign_up::{SignUp, sign_up};
use busk_people::{Guest, Role, TeamRole, channel_of, follow, guest, team};
use busk_store::Store;
use busk_testkit::each_db;

use super::filter::{ChatFilter, WordAction};
use super::mode::Links;
use super::*;
use crate::access::Access;
use crate::event::{SpeakerKind, SpeakerRole};
use crate::log::LogReader;
use crate::members::{self, Member};
use crate::moderation::{Act, ActKind, HeldWhy, act, held_in, judge_held, right, set_filter, set_mode};
use crate::state::{self, By, NewRoom};

pub(crate) const ROOM: RoomId = RoomId(Uuid::from_u128(100));
/// The host, a moderator, viewers; a guest.
pub(crate) const HOST: u128 = 1;
pub(crate) const MOD: u128 = 2;
pub(crate) const ANA: u128 = 3;
pub(crate) const BEN: u128 = 4;
pub(crate) const OPERATOR: u128 = 5;
pub(crate) const GUEST: u128 = 9;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_us((1_000_000 + second) * 1_000_000)
}

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A live room with its people.
pub(crate) struct World {
    pub(crate) store: Store,
}

impl World {
    pub(crate) async fn new(db: &busk_testkit::db::TestDb) -> Self {
        let store = db.open(&[busk_people::MIGRATIONS, crate::MIGRATIONS]);
        let made = store.write(|tx| {
            let broken = |e: String| StoreError::Broken(e);
            for (number, name) in [
                (HOST, "host"),
                (MOD, "mod"),
                (ANA, "ana"),
                (BEN, "ben"),
                (OPERATOR, "olga"),
            ] {
                let new = SignUp {
                    person: PersonId(id(number)),
                    channel: ChannelId(id(1_000 + number)),
                    handle: name.into(),
                    display_name: name.into(),
                    password_hash: "hash".into(),
                    role: if number == OPERATOR {
                        Role::Operator
                    } else {
                        Role::Viewer
                    },
                };
                sign_up(tx, &new, at(0)).map_err(|e| broken(e.to_string()))?;
            }
            let guest = Guest::new(GuestId(id(GUEST)), "guest").map_err(|e| broken(e.to_string()))?;
            guest::welcome(tx, &guest, at(0));
            let channel = channel_of(tx, PersonId(id(HOST)))?.unwrap();
            team::add(
                tx,
                &channel,
                channel.owner,
                PersonId(id(MOD)),
                TeamRole::Moderator,
                at(0),
            )
            .map_err(|e| broken(e.to_string()))?;
            let new = NewRoom {
                id: ROOM,
                title: "Songs".into(),
                scheduled_at: None,
                live_on_camera: false,
                access: Access::Free,
            };
            state::create(tx, &channel, &new, at(0)).map_err(|e| broken(e.to_string()))?;
            let by = By::Person(channel.owner);
            state::go_live(tx, ROOM, by, true, at(0)).map_err(|e| broken(e.to_string()))?;
            Ok::<_, StoreError>(())
        });
        made.await.unwrap();
        Self { store }
    }

    pub(crate) async fn says(
        &self,
        who: u128,
        message: u128,
        text: &str,
        second: i64,
    ) -> Result<Said, SayError> {
        self.answers(who, message, text, None, second).await
    }

    pub(crate) async fn answers(
        &self,
        who: u128,
        message: u128,
        text: &str,
        reply_to: Option<u128>,
        second: i64,
    ) -> Result<Said, SayError> {
        let trusted = [HOST, MOD, OPERATOR].contains(&who);
        let from = Speaker {
            id: id(who),
            name: format!("n{who}"),
            kind: if who == GUEST {
                SpeakerKind::Guest
            } else {
                SpeakerKind::Person
            },
            role: trusted.then_some(SpeakerRole::Moderator),
            badge: None,
            months: None,
            rank: None,
        };
        let say = Say {
            id: MessageId(id(message)),
            room: ROOM,
            from,
            text: text.into(),
            place: Place::Chat,
            reply_to: reply_to.map(|message| MessageId(id(message))),
            trusted,
        };
        let wanted = say.clone();
        let said = self.store.write_ahead(
            move |rows| ahead(rows, &wanted),
            move |tx| super::say(tx, &say, at(second)),
        );
        said.await
    }

    /// The refusal, in words; empty when it was said.
    pub(crate) async fn refusal(&self, who: u128, message: u128, text: &str, second: i64) -> String {
        let said = self.says(who, message, text, second).await;
        said.err().map_or(String::new(), |error| error.to_string())
    }

    pub(crate) async fn mode(&self, mode: ChatMode) {
        let sets = move |tx: &mut Tx| {
            let (room, right) = right(tx, ROOM, PersonId(id(HOST))).unwrap();
            set_mode(
                tx,
                &room,
                &right,
                RecordId(Uuid::from_u128(rand_id())),
                mode,
                at(0),
            )
        };
        self.store.write(sets).await.unwrap();
    }

    pub(crate) async fn filter(&self, filter: ChatFilter) {
        let filter = filter.checked().unwrap();
        let sets = move |tx: &mut Tx| {
            let (_, right) = right(tx, ROOM, PersonId(id(MOD))).unwrap();
            set_filter(
                tx,
                &right,
                RecordId(Uuid::from_u128(rand_id())),
                filter.clone(),
                at(0),
            )
        };
        self.store.write(sets).await.unwrap();
    }

    pub(crate) async fn acts(
        &self,
        by: u128,
        kind: ActKind,
        person: u128,
        seconds: Option<u32>,
        second: i64,
    ) -> String {
        let wanted = Act {
            record: RecordId(Uuid::from_u128(rand_id())),
            kind,
            person: id(person),
            seconds,
            why: "because".into(),
        };
        let acts = move |tx: &mut Tx| {
            let (room, right) = right(tx, ROOM, PersonId(id(by)))?;
            act(tx, Some(&room), &right, &wanted, at(second))
        };
        let done = self.store.write(acts).await;
        done.err().map_or(String::new(), |error| error.to_string())
    }

    /// What somebody would be told of the log: what was said by its text, the rest by its kind.
    pub(crate) async fn log_of(&self, who: u128, stage: bool) -> Vec<String> {
        let reader = LogReader {
            person: Some(id(who)),
            stage,
            subscriber: false,
        };
        let read = self.store.read(move |db| log::after(db, ROOM, reader, 0, 1_000));
        let told = read.await.unwrap().into_iter().map(|(_, body)| {
            let event: serde_json::Value = serde_json::from_str(&body).unwrap();
            let kind = event["type"].as_str().unwrap().to_owned();
            match event["text"].as_str() {
                Some(text) => format!("{kind} {text}"),
                None => kind,
            }
        });
        let kept = |kind: &String| kind != "room_state" && kind != "stage" && kind != "chat_mode";
        told.filter(kept).collect()
    }
}

/// Another id each time.
fn rand_id() -> u128 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1 << 40);
    u128::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

each_db!(
    each_mode_refuses_and_says_what_would_help,
    async |db: busk_testkit::db::TestDb| {
        let world = World::new(&db).await;
        let mode = ChatMode::default();

        world.mode(ChatMode { slow_s: 10, ..mode }).await;
        assert_eq!(world.refusal(ANA, 200, "one", 0).await, "");
        let slow = world.says(ANA, 201, "two", 4).await.unwrap_err();
        assert!(
            matches!(slow, SayError::Slow(wait) if wait == Duration::from_secs(6)),
            "{slow}"
        );
        assert!(
            world.says(ANA, 200, "one", 4).await.unwrap().event.is_none(),
            "a retry beats it"
        );
        assert_eq!(world.refusal(BEN, 202, "others are not held up", 4).await, "");
        assert_eq!(world.refusal(ANA, 201, "two", 10).await, "");
        for (message, who) in [
            (203, HOST),
            (204, HOST),
            (205, MOD),
            (206, MOD),
            (207, OPERATOR),
            (208, OPERATOR),
        ] {
            assert_eq!(world.refusal(who, message, "exempt", 11).await, "", "{who}");
        }

        world
            .mode(ChatMode {
                guests: false,
                ..mode
            })
            .await;
        assert_eq!(
            world.refusal(GUEST, 210, "hi", 20).await,
            "only people with an account write here now"
        );
        assert_eq!(world.refusal(ANA, 211, "hi", 20).await, "");

        world
            .mode(ChatMode {
                followers_min: Some(10),
                ..mode
            })
            .await;
        assert!(matches!(
            world.says(ANA, 220, "hi", 30).await,
            Err(SayError::FollowersOnly(None))
        ));
        assert!(matches!(
            world.says(GUEST, 221, "hi", 30).await,
            Err(SayError::FollowersOnly(None))
        ));
        let follows = world.store.write(|tx| {
            let channel = channel_of(tx, PersonId(id(HOST)))?.unwrap();
            follow::follow(tx, &channel, PersonId(id(ANA)), at(30))
        });
        follows.await.unwrap();
        let wait = world.says(ANA, 220, "hi", 90).await.unwrap_err();
        assert!(
            matches!(wait, SayError::FollowersOnly(Some(wait)) if wait == Duration::from_secs(540)),
            "{wait}"
        );
        assert_eq!(world.refusal(ANA, 220, "hi", 630).await, "");

        world
            .mode(ChatMode {
                subscribers: true,
                ..mode
            })
            .await;
        assert_eq!(
            world.refusal(BEN, 230, "hi", 700).await,
            "only subscribers write here now"
        );
        let joins = world.store.write(|tx| {
            let member = Member {
                channel: ChannelId(id(1_000 + HOST)),
                person: PersonId(id(BEN)),
                tier: 1,
                until: at(800),
                since: at(0),
                months: 1,
            };
            members::keep(tx, member)
        });
        joins.await.unwrap();
        assert_eq!(world.refusal(BEN, 230, "hi", 700).await, "");
        assert_eq!(
            world.refusal(BEN, 231, "late", 800).await,
            "only subscribers write here now"
        );

        world
            .mode(ChatMode {
                links: Links::Refused,
                ..mode
            })
            .await;
        assert_eq!(
            world.refusal(ANA, 240, "see example.com", 900).await,
            "links are not wanted here"
        );
        assert_eq!(world.refusal(HOST, 241, "see example.com", 900).await, "");
        world
            .mode(ChatMode {
                links: Links::Held,
                ..mode
            })
            .await;
        assert!(world.says(ANA, 242, "see example.com", 900).await.unwrap().held);
    }
);

each_db!(words_and_repeats, async |db: busk_testkit::db::TestDb| {
    let world = World::new(&db).await;
    let filter = ChatFilter {
        words: vec!["bad".into()],
        action: WordAction::Refuse,
        repeat_s: 30,
        ..ChatFilter::default()
    };
    world.filter(filter.clone()).await;
    assert_eq!(
        world.refusal(ANA, 200, "so b á d", 0).await,
        "a word in it is not wanted here"
    );
    assert_eq!(world.refusal(MOD, 201, "so bad", 0).await, "");
    assert_eq!(world.refusal(ANA, 202, "hello there", 0).await, "");
    assert_eq!(
        world.refusal(ANA, 203, "HELLO  thére!!!", 10).await,
        "you have just said the same"
    );
    assert_eq!(world.refusal(BEN, 204, "hello there", 10).await, "");
    assert_eq!(world.refusal(ANA, 205, "hello there", 31).await, "");

    world
        .filter(ChatFilter {
            action: WordAction::Hold,
            repeat_s: 0,
            ..filter
        })
        .await;
    let held = world.says(ANA, 206, "really bad", 40).await.unwrap();
    assert!(held.held);
    assert!(
        world.says(ANA, 206, "really bad", 40).await.unwrap().held,
        "asked again it still waits"
    );
});

each_db!(
    what_is_held_waits_for_a_moderator,
    async |db: busk_testkit::db::TestDb| {
        let world = World::new(&db).await;
        world
            .filter(ChatFilter {
                words: vec!["bad".into()],
                ..ChatFilter::default()
            })
            .await;
        for (message, text) in [(200, "bad one"), (201, "bad two"), (202, "bad three")] {
            assert!(world.says(ANA, message, text, 0).await.unwrap().held);
        }
        let held = world.store.read(|db| held_in(db, ROOM)).await.unwrap();
        assert_eq!(held.len(), 3);
        assert_eq!((held[0].text.as_str(), held[0].why), ("bad one", HeldWhy::Word));
        assert_eq!(world.log_of(BEN, false).await, [] as [&str; 0]);
        let waits = ["held_mine bad one", "held_mine bad two", "held_mine bad three"];
        assert_eq!(world.log_of(ANA, false).await, waits);
        assert_eq!(world.log_of(MOD, true).await, ["held", "held", "held"]);

        let judges = async |by: u128, message: u128, approve| {
            let record = RecordId(Uuid::from_u128(rand_id()));
            let judged = world.store.write(move |tx: &mut Tx| {
                let (room, right) = right(tx, ROOM, PersonId(id(by)))?;
                judge_held(tx, &room, &right, record, MessageId(id(message)), approve, at(9))
            });
            judged
                .await
                .err()
                .map_or(String::new(), |error| error.to_string())
        };
        let only = "only the channel's host, moderators and the site's operators may do this";
        assert_eq!(judges(BEN, 200, true).await, only);
        assert_eq!(judges(ANA, 200, true).await, only);
        assert_eq!(judges(MOD, 200, true).await, "");
        assert_eq!(judges(MOD, 200, false).await, "this message does not wait");
        assert_eq!(judges(OPERATOR, 201, false).await, "");
        assert_eq!(world.log_of(BEN, false).await, ["said bad one"]);
        let own = world.log_of(ANA, false).await;
        assert_eq!(
            own,
            [
                "held_mine bad one",
                "removed",
                "held_mine bad three",
                "said bad one",
                "held_mine "
            ]
        );
        assert!(
            !world.says(ANA, 200, "bad one", 10).await.unwrap().held,
            "it has been said"
        );

        // Who is banned meanwhile has nothing that waits.
        assert_eq!(world.acts(HOST, ActKind::Ban, ANA, None, 11).await, "");
        assert_eq!(world.store.read(|db| held_in(db, ROOM)).await.unwrap(), []);
        assert_eq!(judges(MOD, 202, true).await, "this message does not wait");
        assert_eq!(world.log_of(BEN, false).await, ["removed", "cleared"]);
    }
);

each_db!(
    an_answer_keeps_nothing_of_what_was_taken_away,
    async |db: busk_testkit::db::TestDb| {
        let world = World::new(&db).await;
        let excerpts = async || {
            let read = world
                .store
                .read(|db| log::after(db, ROOM, LogReader::default(), 0, 1_000));
            let bodies = read.await.unwrap();
            let excerpts = bodies.iter().filter_map(|(_, body)| {
                let event: serde_json::Value = serde_json::from_str(body).unwrap();
                Some(event["reply"]["excerpt"].as_str()?.to_owned())
            });
            excerpts.collect::<Vec<_>>()
        };
        let long = "é".repeat(100);
        world.says(ANA, 200, &long, 0).await.unwrap();
        world.says(ANA, 201, "short", 0).await.unwrap();
        world.answers(BEN, 202, "yes", Some(200), 1).await.unwrap();
        world.answers(BEN, 203, "no", Some(201), 1).await.unwrap();
        world.answers(BEN, 204, "to nothing", Some(999), 1).await.unwrap();
        let eighty = format!("{}…", "é".repeat(80));
        assert_eq!(excerpts().await, [eighty.as_str(), "short"]);
        let deletes = world.store.write(|tx| {
            let delete = Delete {
                room: ROOM,
                message: MessageId(id(200)),
                by: id(MOD),
                record: RecordId(id(700)),
            };
            super::delete(tx, &delete, at(2))
        });
        deletes.await.unwrap();
        assert_eq!(excerpts().await, ["", "short"]);
        world
            .answers(BEN, 205, "to what is gone", Some(200), 3)
            .await
            .unwrap();
        assert_eq!(world.acts(MOD, ActKind::TimeOut, ANA, Some(60), 4).await, "");
        assert_eq!(excerpts().await, ["", ""]);
    }
);

each_db!(
    what_waits_is_bounded_and_ends_with_the_live,
    async |db: busk_testkit::db::TestDb| {
        let world = World::new(&db).await;
        world
            .filter(ChatFilter {
                words: vec!["bad".into()],
                ..ChatFilter::default()
            })
            .await;
        let max = moderation::HELD_MAX as u128;
        for message in 0..max {
            assert!(world.says(ANA, 2_000 + message, "bad", 0).await.unwrap().held);
        }
        let full = "too many messages wait for a moderator";
        assert_eq!(world.refusal(BEN, 2_000 + max, "bad", 1).await, full);
        assert_eq!(world.refusal(BEN, 2_001 + max, "good", 1).await, "");

        let ends = world.store.write(|tx| state::end(tx, ROOM, By::Operator, at(2)));
        ends.await.unwrap();
        for (approve, expected) in [(true, "the live is over"), (false, "")] {
            let record = RecordId(Uuid::from_u128(rand_id()));
            let judged = world.store.write(move |tx: &mut Tx| {
                let (room, right) = right(tx, ROOM, PersonId(id(MOD)))?;
                judge_held(tx, &room, &right, record, MessageId(id(2_000)), approve, at(3))
            });
            let said = judged
                .await
                .err()
                .map_or(String::new(), |error| error.to_string());
            assert_eq!(said, expected);
        }
        assert_eq!(world.refusal(ANA, 3_000, "late", 4).await, "the room is not live");
    }
);
