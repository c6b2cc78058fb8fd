//! The right to a sub room and what is said in it, on both databases.

use std::time::Duration;

use busk_base::ChannelId;
use busk_testkit::each_db;
use uuid::Uuid;

use super::*;
use crate::log;
use crate::log::LogReader;
use crate::moderation::ActKind;
use crate::talk::tests::{ADA, BEA, CID, LIVE, NOW, Stand};
use crate::{Speaker, SpeakerKind};

fn saying(number: u128, who: PersonId, text: &str) -> SaySub {
    SaySub {
        id: MessageId(Uuid::from_u128(number)),
        room: LIVE,
        from: Speaker {
            id: who.0,
            name: "name".into(),
            kind: SpeakerKind::Person,
            role: None,
            badge: None,
            months: None,
            rank: None,
        },
        operator: false,
        trusted: false,
        text: text.into(),
        answers: None,
    }
}

async fn said(stand: &Stand, wanted: SaySub, now: Timestamp) -> &'static str {
    match stand.store.write(move |tx| say(tx, &wanted, now)).await {
        Ok(_) => "said",
        Err(SaySubError::RoomUnknown) => "room_unknown",
        Err(SaySubError::NotSubscribed) => "not_subscribed",
        Err(SaySubError::NotHost) => "not_host",
        Err(SaySubError::MessageUnknown) => "message_unknown",
        Err(SaySubError::Say(SayError::Text(_))) => "text",
        Err(SaySubError::Say(SayError::IdReused(_))) => "id_reused",
        Err(other) => panic!("{other}"),
    }
}

each_db!(members_host_and_operators_speak, async |db| {
    let stand = Stand::set(db).await;
    let over = NOW + Duration::from_secs(10);
    stand.member(BEA, over).await;
    let answer = |number, who, to: u128| SaySub {
        answers: Some(MessageId(Uuid::from_u128(to))),
        ..saying(number, who, "yes")
    };
    let operator = SaySub {
        operator: true,
        ..saying(3, CID, "hello")
    };
    let nowhere = SaySub {
        room: RoomId(Uuid::from_u128(77)),
        ..saying(9, BEA, "hello")
    };
    let rows = [
        (nowhere, NOW, "room_unknown"),
        (saying(1, CID, "hello"), NOW, "not_subscribed"),
        (saying(1, BEA, ""), NOW, "text"),
        (saying(1, BEA, "hello"), NOW, "said"),
        (saying(1, BEA, "hello"), NOW, "said"),
        (saying(2, ADA, "welcome"), NOW, "said"),
        (operator, NOW, "said"),
        (answer(4, BEA, 1), NOW, "not_host"),
        (answer(4, ADA, 99), NOW, "message_unknown"),
        (answer(4, ADA, 1), NOW, "said"),
        (saying(4, BEA, "yes"), NOW, "id_reused"),
        (saying(5, BEA, "still here?"), over, "not_subscribed"),
    ];
    for (wanted, now, expected) in rows {
        assert_eq!(said(&stand, wanted.clone(), now).await, expected, "{wanted:?}");
    }
    let told = stand.told_to(true, &["sub_room_said"]).await;
    let texts: Vec<_> = told.iter().map(|event| event["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["hello", "welcome", "hello", "yes"]);
    assert_eq!(told[3]["answers"], told[0]["id"]);
    assert!(stand.told_to(false, &["sub_room_said"]).await.is_empty());
});

each_db!(the_right_to_read, async |db| {
    let stand = Stand::set(db).await;
    let over = NOW + Duration::from_secs(10);
    stand.member(BEA, over).await;
    let rows = [
        (None, false, NOW, Right::None),
        (Some(CID), false, NOW, Right::None),
        (Some(CID), true, NOW, Right::Always),
        (Some(ADA), false, NOW, Right::Always),
        (Some(BEA), false, NOW, Right::Until(over)),
        (Some(BEA), false, over, Right::None),
    ];
    for (person, operator, now, expected) in rows {
        let read = stand.store.read(move |db| {
            let room = crate::room::public(db, LIVE)?.unwrap();
            let hangout = Room {
                private: true,
                ..room.clone()
            };
            let other = Room {
                channel: ChannelId(Uuid::from_u128(404)),
                ..room.clone()
            };
            Ok::<_, StoreError>([
                right(db, &room, person, operator, now)?,
                right(db, &hangout, person, operator, now)?,
                right(db, &other, person, operator, now)?,
            ])
        });
        let [here, in_a_hangout, elsewhere] = read.await.unwrap();
        assert_eq!(here, expected, "{person:?} {operator}");
        assert_eq!(in_a_hangout, Right::None);
        assert_eq!(elsewhere.is_open(), expected == Right::Always);
        let inside = stand.store.write(move |tx| {
            let room = tx.find::<Room>(&LIVE)?.unwrap();
            person.map_or(Ok(Right::None), |person| {
                right_in(tx, &room, person, operator, now)
            })
        });
        assert_eq!(inside.await.unwrap(), expected);
    }
});

each_db!(what_is_done_to_people_holds_here_too, async |db| {
    let stand = Stand::set(db).await;
    let over = NOW + Duration::from_secs(1_000);
    stand.member(BEA, over).await;
    stand.member(CID, over).await;
    stand.unwanted("plum").await;
    // In the chat it would wait; here nobody may be there to judge it who may read it.
    let plum = stand
        .store
        .write(|tx| say(tx, &saying(1, BEA, "a plum"), NOW))
        .await;
    assert!(matches!(plum, Err(SaySubError::Say(SayError::Word))), "{plum:?}");
    assert_eq!(said(&stand, saying(2, BEA, "one"), NOW).await, "said");
    assert_eq!(said(&stand, saying(3, CID, "two"), NOW).await, "said");

    stand.act(ActKind::Shadow).await;
    assert_eq!(said(&stand, saying(4, BEA, "three"), NOW).await, "said");
    let texts = |events: Vec<serde_json::Value>| {
        let texts = events
            .into_iter()
            .map(|event| event["text"].as_str().unwrap().to_owned());
        texts.collect::<Vec<_>>()
    };
    let kinds = &["sub_room_said", "shadowed"];
    assert_eq!(texts(stand.told_to(true, kinds).await), ["one", "two"]);
    let author = LogReader {
        person: Some(BEA.0),
        subscriber: true,
        ..LogReader::default()
    };
    let stage = LogReader {
        stage: true,
        ..LogReader::default()
    };
    let read = stand.store.read(move |db| {
        let own = log::after(db, LIVE, author, 0, 100)?;
        Ok::<_, StoreError>((own, log::after(db, LIVE, stage, 0, 100)?))
    });
    let (own, moderators) = read.await.unwrap();
    let sees = |log: &[(i64, String)]| log.iter().any(|(_, body)| body.contains("three"));
    assert!(
        sees(&own) && !sees(&moderators),
        "it may not be theirs to read, either"
    );

    stand.act(ActKind::TimeOut).await;
    let silent = stand
        .store
        .write(|tx| say(tx, &saying(5, BEA, "four"), NOW))
        .await;
    assert!(
        matches!(silent, Err(SaySubError::Say(SayError::TimedOut(_)))),
        "{silent:?}"
    );
    assert_eq!(texts(stand.told_to(true, kinds).await), ["two"]);
    assert_eq!(stand.told_to(false, &["cleared"]).await.len(), 1);
});
