//! Topics, polls, the spotlight, questions and pins, on both databases.

use std::time::Duration;

use busk_base::{ChannelId, PollId, RecordId, SpotlightId, TopicId};
use busk_people::sign_up::{SignUp, sign_up};
use busk_people::{Moderator, Role};
use busk_store::Store;
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use serde_json::Value;
use uuid::Uuid;

use super::poll::{CastVote, ClosePollError, NewPoll, OpenPollError, VoteError};
use super::question::{AskError, QuestionState};
use super::spotlight::{Show, ShowError};
use super::topic::OpenTopicError;
use super::*;
use crate::chat::filter::ChatFilter;
use crate::chat::{self, Delete, Place, Say};
use crate::log::LogReader;
use crate::members::{self, Member};
use crate::moderation::{self, Act, ActKind};
use crate::state::{self, By, NewRoom};
use crate::subroom::{self, SaySub};
use crate::{Access, Speaker, SpeakerKind};

mod coming;
mod rules;

pub(crate) const NOW: Timestamp = Timestamp::from_unix_us(1_795_252_800_000_000);
/// Hosts [`LIVE`].
pub(crate) const ADA: PersonId = PersonId(Uuid::from_u128(1));
pub(crate) const BEA: PersonId = PersonId(Uuid::from_u128(2));
pub(crate) const CID: PersonId = PersonId(Uuid::from_u128(3));
const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(1_001));
pub(crate) const LIVE: RoomId = RoomId(Uuid::from_u128(100));

/// Ada is live; nobody is a member yet.
pub(crate) struct Stand {
    pub(crate) store: Store,
    _db: TestDb,
}

impl Stand {
    pub(crate) async fn set(db: TestDb) -> Self {
        let store = db.open(&[
            busk_ledger::MIGRATIONS,
            busk_people::MIGRATIONS,
            crate::MIGRATIONS,
        ]);
        for (number, handle) in [(1, "ada"), (2, "bea"), (3, "cid")] {
            let new = SignUp {
                person: PersonId(Uuid::from_u128(number)),
                channel: ChannelId(Uuid::from_u128(number + 1_000)),
                handle: handle.into(),
                display_name: handle.into(),
                password_hash: "hash".into(),
                role: Role::Viewer,
            };
            store.write(move |tx| sign_up(tx, &new, NOW)).await.unwrap();
        }
        let channel = store.read(|db| busk_people::channel_of(db, ADA)).await;
        let channel = channel.unwrap().unwrap();
        let new = NewRoom {
            id: LIVE,
            title: "Songs".into(),
            scheduled_at: None,
            live_on_camera: false,
            access: Access::Free,
        };
        let opened = store.write(move |tx| state::create(tx, &channel, &new, NOW));
        opened.await.unwrap();
        let live = store.write(|tx| state::go_live(tx, LIVE, By::Person(ADA), true, NOW));
        live.await.unwrap();
        Self { store, _db: db }
    }

    pub(crate) async fn member(&self, person: PersonId, until: Timestamp) {
        let member = Member {
            channel: CHANNEL,
            person,
            tier: 1,
            until,
            since: NOW,
            months: 1,
        };
        let kept = self.store.write(move |tx| members::keep(tx, member.clone()));
        kept.await.unwrap();
    }

    /// The events of these types that a viewer is told, a subscriber or not.
    pub(crate) async fn told_to(&self, subscriber: bool, types: &'static [&str]) -> Vec<Value> {
        let reader = LogReader {
            subscriber,
            ..LogReader::default()
        };
        let rows = self.store.read(move |db| log::after(db, LIVE, reader, 0, 1_000));
        let events = rows.await.unwrap().into_iter();
        let events = events.map(|(_, body)| serde_json::from_str::<Value>(&body).unwrap());
        let wanted = |event: &Value| types.contains(&event["type"].as_str().unwrap());
        events.filter(wanted).collect()
    }

    async fn say(&self, number: u128, who: PersonId, text: &'static str) {
        let say = chat_message(number, who, text);
        self.store
            .write(move |tx| chat::say(tx, &say, NOW))
            .await
            .unwrap();
    }

    async fn say_sub(&self, number: u128, who: PersonId, text: &str) {
        let say = SaySub {
            id: message(number),
            room: LIVE,
            from: speaker(who),
            operator: false,
            trusted: false,
            text: text.into(),
            answers: None,
        };
        self.store
            .write(move |tx| subroom::say(tx, &say, NOW))
            .await
            .unwrap();
    }

    /// The host does something to Bea, for a minute where that has an end.
    pub(crate) async fn act(&self, kind: ActKind) {
        let act = Act {
            record: RecordId(Uuid::from_u128(kind as u128 + 1)),
            kind,
            person: BEA.0,
            seconds: Some(60),
            why: String::new(),
        };
        let acts = self.store.write(move |tx| {
            let room = tx.find::<Room>(&LIVE)?;
            let host = host(tx)?;
            moderation::act(tx, room.as_ref(), &host, &act, NOW)
                .map_err(|e| StoreError::Broken(e.to_string()))
        });
        acts.await.unwrap();
    }

    /// The channel does not want a word.
    pub(crate) async fn unwanted(&self, word: &str) {
        let filter = ChatFilter {
            words: vec![word.into()],
            ..ChatFilter::default()
        };
        let filters = self.store.write(move |tx| {
            let host = host(tx)?;
            moderation::set_filter(tx, &host, RecordId(Uuid::nil()), filter.clone(), NOW)
        });
        filters.await.unwrap();
    }

    async fn delete(&self, number: u128) {
        let delete = Delete {
            room: LIVE,
            message: message(number),
            by: ADA.0,
            record: RecordId(Uuid::nil()),
        };
        self.store
            .write(move |tx| chat::delete(tx, &delete, NOW))
            .await
            .unwrap();
    }

    async fn talk(&self) -> Talk {
        self.store.read(|db| sql::read(db, LIVE)).await.unwrap()
    }
}

fn host(tx: &mut Tx) -> Result<Moderator, StoreError> {
    Moderator::of(tx, CHANNEL, ADA)?.ok_or_else(|| StoreError::Broken("no host".into()))
}

fn message(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(number))
}

fn speaker(who: PersonId) -> Speaker {
    Speaker {
        id: who.0,
        name: "name".into(),
        kind: SpeakerKind::Person,
        role: None,
        badge: None,
        months: None,
        rank: None,
    }
}

fn chat_message(number: u128, who: PersonId, text: &str) -> Say {
    Say {
        id: message(number),
        room: LIVE,
        from: speaker(who),
        text: text.into(),
        place: Place::Chat,
        reply_to: None,
        trusted: false,
    }
}

fn refused(error: &HostError) -> &'static str {
    match error {
        HostError::Store(error) => panic!("{error}"),
        HostError::RoomUnknown => "room_unknown",
        HostError::NotYours => "not_yours",
        HostError::RoomNotLive => "room_not_live",
    }
}

each_db!(one_topic_at_a_time, async |db| {
    let stand = Stand::set(db).await;
    let id = |number: u128| TopicId(Uuid::from_u128(number));
    let unknown = RoomId(Uuid::from_u128(7));
    let rows = [
        (unknown, ADA, 1, "Guitars", "room_unknown"),
        (LIVE, BEA, 1, "Guitars", "not_yours"),
        (LIVE, ADA, 1, " ", "title"),
        (LIVE, ADA, 1, "Guitars", "opened"),
        (LIVE, ADA, 1, "Guitars", "opened"),
        (LIVE, ADA, 2, "Drums", "opened"),
        (LIVE, ADA, 1, "Guitars", "opened"),
    ];
    for (room, by, number, title, expected) in rows {
        let done = stand
            .store
            .write(move |tx| topic::open(tx, room, by, id(number), title, NOW));
        let word = match done.await {
            Ok(_) => "opened",
            Err(OpenTopicError::Host(error)) => refused(&error),
            Err(OpenTopicError::IdReused(_)) => "id_reused",
            Err(OpenTopicError::Title(_)) => "title",
            Err(OpenTopicError::TooMany) => "too_many",
        };
        assert_eq!(word, expected, "{by} {number} {title}");
    }
    stand.member(BEA, NOW + Duration::from_secs(9)).await;
    stand.say_sub(10, BEA, "about drums").await;
    for number in [1, 2, 2] {
        let closed = stand
            .store
            .write(move |tx| topic::close(tx, LIVE, ADA, id(number), NOW));
        closed.await.unwrap();
    }
    let told = stand.told_to(true, &["topic"]).await;
    let titles: Vec<_> = told
        .iter()
        .map(|event| event["topic"]["title"].as_str())
        .collect();
    assert_eq!(titles, [Some("Guitars"), Some("Drums"), None]);
    let said = stand.told_to(true, &["sub_room_said"]).await;
    assert_eq!(said[0]["topic"], id(2).to_string());
    assert!(stand.told_to(false, &["topic", "sub_room_said"]).await.is_empty());
});

fn new_poll(number: u128, to: Circle, options: &[&str]) -> NewPoll {
    NewPoll {
        id: PollId(Uuid::from_u128(number)),
        room: LIVE,
        by: ADA,
        question: "Which song?".into(),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        to,
    }
}

async fn opened(stand: &Stand, wanted: NewPoll) -> &'static str {
    match stand.store.write(move |tx| poll::open(tx, &wanted, NOW)).await {
        Ok(_) => "opened",
        Err(OpenPollError::Host(error)) => refused(&error),
        Err(OpenPollError::IdReused(_)) => "id_reused",
        Err(OpenPollError::Question(_)) => "question",
        Err(OpenPollError::Options) => "options",
        Err(OpenPollError::Option(..)) => "option",
        Err(OpenPollError::AlreadyOpen(_)) => "poll_open",
        Err(OpenPollError::TooMany) => "too_many",
    }
}

async fn voted(stand: &Stand, poll: u128, by: PersonId, choice: u8) -> &'static str {
    let cast = CastVote {
        poll: PollId(Uuid::from_u128(poll)),
        room: LIVE,
        by,
        operator: false,
        choice,
    };
    match stand.store.write(move |tx| poll::vote(tx, &cast, NOW)).await {
        Ok(_) => "voted",
        Err(VoteError::PollUnknown) => "poll_unknown",
        Err(VoteError::Voted(_)) => "voted_before",
        Err(VoteError::Closed) => "closed",
        Err(VoteError::OptionUnknown) => "option_unknown",
        Err(VoteError::Store(error)) => panic!("{error}"),
    }
}

each_db!(a_poll_from_question_to_result, async |db| {
    let stand = Stand::set(db).await;
    let base = new_poll(1, Circle::Everyone, &["Roses", "Rain"]);
    let (one, seven) = (["Roses"; 1], ["1", "2", "3", "4", "5", "6", "7"]);
    let not_hers = NewPoll {
        by: BEA,
        ..base.clone()
    };
    let nothing = NewPoll {
        question: "".into(),
        ..base.clone()
    };
    let rows = [
        (not_hers, "not_yours"),
        (nothing, "question"),
        (new_poll(1, Circle::Everyone, &one), "options"),
        (new_poll(1, Circle::Everyone, &seven), "options"),
        (new_poll(1, Circle::Everyone, &["Roses", " Roses"]), "options"),
        (new_poll(1, Circle::Everyone, &["Roses", ""]), "option"),
        (base.clone(), "opened"),
        (base.clone(), "opened"),
        (new_poll(1, Circle::Subscribers, &["Roses", "Rain"]), "id_reused"),
        (new_poll(2, Circle::Everyone, &["Yes", "No"]), "poll_open"),
        (new_poll(3, Circle::Subscribers, &["Yes", "No"]), "opened"),
    ];
    for (wanted, expected) in rows {
        assert_eq!(opened(&stand, wanted.clone()).await, expected, "{wanted:?}");
    }
    stand.member(BEA, NOW + Duration::from_secs(9)).await;
    let rows = [
        (1, BEA, 2, "option_unknown"),
        (1, BEA, 1, "voted"),
        (1, BEA, 1, "voted"),
        (1, BEA, 0, "voted_before"),
        (1, CID, 1, "voted"),
        (3, CID, 0, "poll_unknown"),
        (3, BEA, 0, "voted"),
        (3, ADA, 0, "voted"),
        (99, BEA, 0, "poll_unknown"),
    ];
    for (poll, by, choice, expected) in rows {
        assert_eq!(
            voted(&stand, poll, by, choice).await,
            expected,
            "{poll} {by} {choice}"
        );
    }
    let id = PollId(Uuid::from_u128(1));
    for (by, expected) in [(BEA, "not_yours"), (ADA, "closed"), (ADA, "closed")] {
        let done = stand
            .store
            .write(move |tx| poll::close(tx, LIVE, by, id, NOW))
            .await;
        let word = match &done {
            Ok(_) => "closed",
            Err(ClosePollError::Host(error)) => refused(error),
            Err(ClosePollError::PollUnknown) => "poll_unknown",
        };
        assert_eq!(word, expected);
        if let Ok(poll) = done {
            assert_eq!((poll.open, poll.votes), (false, vec![0, 2]));
        }
    }
    assert_eq!(voted(&stand, 1, ADA, 0).await, "closed");
    let ended = stand.store.write(|tx| state::end(tx, LIVE, By::Person(ADA), NOW));
    ended.await.unwrap();
    let told = |events: Vec<Value>| -> Vec<(bool, Value)> {
        let polls = events.into_iter().map(|event| event["poll"].clone());
        polls
            .map(|poll| (poll["open"] == true, poll["votes"].clone()))
            .collect()
    };
    let everyones = told(stand.told_to(false, &["poll"]).await);
    assert_eq!(everyones, [(true, [0, 0].into()), (false, [0, 2].into())]);
    let all = told(stand.told_to(true, &["poll"]).await);
    assert_eq!(
        all[3],
        (false, Value::from(vec![2, 0])),
        "the end of the live closes the other"
    );
    assert!(stand.talk().await.polls.is_empty());
});

async fn shown(stand: &Stand, number: u128, of: u128, to: Circle, by: PersonId) -> &'static str {
    let wanted = Show {
        id: SpotlightId(Uuid::from_u128(number)),
        room: LIVE,
        by,
        message: message(of),
        to,
    };
    match stand
        .store
        .write(move |tx| spotlight::show(tx, &wanted, NOW))
        .await
    {
        Ok(_) => "shown",
        Err(ShowError::Host(error)) => refused(&error),
        Err(ShowError::IdReused(_)) => "id_reused",
        Err(ShowError::MessageUnknown) => "message_unknown",
    }
}

each_db!(the_spotlight_begins_and_ends, async |db| {
    let stand = Stand::set(db).await;
    stand.member(BEA, NOW + Duration::from_secs(9)).await;
    stand.say(10, CID, "what guitar is that?").await;
    stand.say_sub(11, BEA, "a secret question").await;
    stand.say_sub(12, BEA, "another secret").await;
    let rows = [
        (1, 10, Circle::Everyone, BEA, "not_yours"),
        (1, 99, Circle::Everyone, ADA, "message_unknown"),
        (1, 10, Circle::Everyone, ADA, "shown"),
        (1, 10, Circle::Everyone, ADA, "shown"),
        (2, 12, Circle::Subscribers, ADA, "shown"),
        (1, 10, Circle::Everyone, ADA, "shown"),
    ];
    for (number, of, to, by, expected) in rows {
        assert_eq!(shown(&stand, number, of, to, by).await, expected, "{number} {of}");
    }
    let kinds = &["spotlight", "spotlight_end"];
    let told = stand.told_to(false, kinds).await;
    assert_eq!(
        told.len(),
        2,
        "an id that was used shows nothing again: {told:#?}"
    );
    assert_eq!(told[0]["spotlight"]["text"], "what guitar is that?");
    assert_eq!(told[1]["answered"], false, "another took its place");
    assert!(!format!("{told:?}").contains("secret"));

    let end = |number: u128, answered| {
        let id = SpotlightId(Uuid::from_u128(number));
        stand
            .store
            .write(move |tx| spotlight::end(tx, LIVE, ADA, id, answered, NOW))
    };
    end(1, true).await.unwrap();
    end(2, true).await.unwrap();
    end(2, true).await.unwrap();
    let told = stand.told_to(true, kinds).await;
    assert_eq!(told.len(), 4);
    assert_eq!(told[3]["answered"], true);

    // For everyone by the host's choice; and gone with its message, in the log as well.
    assert_eq!(shown(&stand, 3, 11, Circle::Everyone, ADA).await, "shown");
    assert_eq!(
        stand.told_to(false, kinds).await[2]["spotlight"]["text"],
        "a secret question"
    );
    stand.delete(11).await;
    let left = stand
        .told_to(false, &["spotlight", "spotlight_end", "removed", "deleted"])
        .await;
    assert!(!format!("{left:?}").contains("secret"), "{left:#?}");
    assert_eq!(left[2]["type"], "removed");
    assert_eq!(left[3]["type"], "spotlight_end");
    assert!(stand.talk().await.spotlight.is_none());
    assert!(stand.told_to(false, &["deleted"]).await.is_empty(), "a hint");
    assert_eq!(stand.told_to(true, &["deleted"]).await.len(), 1);
    assert_eq!(
        shown(&stand, 4, 11, Circle::Everyone, ADA).await,
        "message_unknown"
    );
});

each_db!(one_message_of_the_chat_is_pinned, async |db| {
    let stand = Stand::set(db).await;
    stand.member(BEA, NOW + Duration::from_secs(9)).await;
    stand.say(10, CID, "hello").await;
    stand.say_sub(11, BEA, "a secret").await;
    let pin = |number: u128, by| {
        stand
            .store
            .write(move |tx| pin::pin(tx, LIVE, by, message(number), NOW))
    };
    assert!(matches!(
        pin(10, BEA).await,
        Err(pin::PinError::Host(HostError::NotYours))
    ));
    for secret in [11, 99] {
        assert!(matches!(
            pin(secret, ADA).await,
            Err(pin::PinError::MessageUnknown)
        ));
    }
    for _ in 0..2 {
        assert_eq!(pin(10, ADA).await.unwrap().text, "hello");
    }
    stand.delete(10).await;
    let off = stand.store.write(|tx| pin::unpin(tx, LIVE, ADA, NOW));
    off.await.unwrap();
    let told = stand.told_to(false, &["pin", "unpin", "removed"]).await;
    let types: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["removed", "removed", "unpin"]);
    assert!(stand.talk().await.pin.is_none());
});

each_db!(questions_are_asked_backed_and_answered, async |db| {
    let stand = Stand::set(db).await;
    let ask = |number: u128, who| {
        let say = chat_message(number, who, "why?");
        stand.store.write(move |tx| question::ask(tx, &say, NOW))
    };
    for number in [1, 1, 2, 3] {
        ask(number, CID).await.unwrap();
    }
    assert!(matches!(ask(4, CID).await, Err(AskError::TooMany)));
    ask(5, BEA).await.unwrap();
    for by in [BEA, BEA, ADA] {
        let backed = stand
            .store
            .write(move |tx| question::back(tx, LIVE, message(1), by));
        backed.await.unwrap();
    }
    let settle = |number: u128, by, state| {
        stand
            .store
            .write(move |tx| question::settle(tx, LIVE, by, message(number), state, NOW))
    };
    assert!(settle(1, CID, QuestionState::Answered).await.is_err());
    settle(2, ADA, QuestionState::Dismissed).await.unwrap();
    // Answered in the spotlight is answered.
    assert_eq!(shown(&stand, 50, 1, Circle::Everyone, ADA).await, "shown");
    let id = SpotlightId(Uuid::from_u128(50));
    let ended = stand
        .store
        .write(move |tx| spotlight::end(tx, LIVE, ADA, id, true, NOW));
    ended.await.unwrap();
    stand.delete(3).await;
    assert_eq!(stand.talk().await.questions, [message(5)]);
    let told = stand.told_to(false, &["question"]).await;
    let states: Vec<_> = told
        .iter()
        .map(|event| {
            (
                event["question"]["state"].as_str().unwrap(),
                event["question"]["votes"].clone(),
            )
        })
        .collect();
    let waiting = ("waiting", Value::from(0));
    assert_eq!(
        states,
        [
            waiting.clone(),
            waiting.clone(),
            waiting,
            ("dismissed", 0.into()),
            ("answered", 2.into())
        ]
    );
    assert_eq!(
        stand.told_to(false, &["said"]).await.len(),
        3,
        "a question is said in the chat"
    );
});
