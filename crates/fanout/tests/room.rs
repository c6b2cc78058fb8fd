//! A room's members: hello, events, audiences, totals, answers, goodbye.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use busk_base::{RoomId, Timestamp};
use busk_fanout::{Audience, Class, Config, PublishError, Whom};
use common::{House, Told, chat, event};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn hello_replay_live() {
    let house = House::start(Config::default()).await;
    house.publish(vec![chat(1), chat(2), chat(3)]);
    let mut late = house.enter(7, 1).await;
    assert_eq!(late.json().await["hello"], 1);
    let replay = late.json().await;
    assert_eq!(common::numbers(&replay), Some(vec![2, 3]));
    assert_eq!(
        (&replay["v"], &replay["epoch"], &replay["seq"]),
        (&1.into(), &1.into(), &3.into())
    );
    assert_eq!(replay["room"], house.room.to_string());
    house.publish(vec![chat(4), chat(5)]);
    assert_eq!(late.numbers().await, [4, 5]);
    assert_eq!(house.fanout.viewers(house.room), 1);
}

#[tokio::test]
async fn who_is_ahead_of_the_ring_gets_only_what_is_new() {
    // The log is written before it is published: a hello may know more than the ring.
    let house = House::start(Config::default()).await;
    house.publish(vec![chat(1)]);
    let mut ahead = house.enter(7, 3).await;
    ahead.json().await;
    house.publish(vec![chat(2), chat(3), chat(4)]);
    assert_eq!(ahead.numbers().await, [4]);
}

#[tokio::test]
async fn who_is_behind_the_ring_is_sent_to_the_log() {
    let config = Config {
        ring_events_max: 3,
        ..Config::default()
    };
    let house = House::start(config).await;
    house.publish((1..=5).map(chat).collect());
    let mut behind = house.enter(7, 1).await;
    assert_eq!(behind.close_code().await, 4001);
    let mut near = house.enter(8, 2).await;
    near.json().await;
    assert_eq!(near.numbers().await, [3, 4, 5]);
}

#[tokio::test]
async fn publish_in_order_and_only_once() {
    let house = House::start(Config::default()).await;
    let mut viewer = house.enter(7, 0).await;
    viewer.json().await;
    let publish = |epoch, events| house.fanout.publish(house.room, epoch, events);
    assert_eq!(publish(1, vec![chat(1), chat(2)]), Ok(()));
    assert_eq!(publish(1, vec![chat(1), chat(2)]), Ok(()), "twice is harmless");
    assert_eq!(publish(1, vec![chat(4)]), Err(PublishError::Gap { expected: 3 }));
    assert_eq!(
        publish(1, vec![chat(3), chat(5)]),
        Err(PublishError::Gap { expected: 4 })
    );
    assert_eq!(
        publish(0, vec![chat(3)]),
        Err(PublishError::OldEpoch { current: 1 })
    );
    assert_eq!(publish(1, vec![chat(2), chat(3)]), Ok(()), "half of it is new");
    let mut told = Vec::new();
    while told.len() < 3 {
        told.extend(viewer.numbers().await);
    }
    assert_eq!(told, [1, 2, 3]);

    assert_eq!(
        publish(2, vec![chat(1)]),
        Ok(()),
        "a new epoch has its own numbers"
    );
    assert_eq!(viewer.close_code().await, 4000);
    assert_eq!(
        house.fanout.position(house.room).map(|at| (at.epoch, at.tail)),
        Some((2, 1))
    );
}

#[tokio::test]
async fn audiences_never_mix() {
    let house = House::start(Config {
        shards: 2,
        ..Config::default()
    })
    .await;
    let mut plain = house.enter(1, 0).await;
    let mut other = house.enter(2, 0).await;
    let mut paying = house.enter_as(3, 0, "&subscriber=true").await;
    let mut host = house.enter_as(4, 0, "&stage=true").await;
    for client in [&mut plain, &mut other, &mut paying, &mut host] {
        client.json().await;
    }
    let events = |base: u64| {
        vec![
            event(base + 1, Audience::Everyone, Class::Chat, "all"),
            event(base + 2, Audience::Subscribers, Class::Kept, "sub"),
            event(base + 3, Audience::Stage, Class::Kept, "stage"),
            event(base + 4, Audience::One(2), Class::Kept, "two"),
        ]
    };
    house.publish(events(0));
    for (client, expected) in [
        (&mut plain, vec![1]),
        (&mut other, vec![1, 4]),
        (&mut paying, vec![1, 2]),
        (&mut host, vec![1, 3]),
    ] {
        let json = client.json().await;
        assert_eq!(common::numbers(&json), Some(expected));
        assert_eq!(json["seq"], 4, "everyone is told how far this goes");
    }
    // The replay knows the same rules.
    let mut again = house.enter(2, 0).await;
    again.json().await;
    assert_eq!(again.numbers().await, [1, 4]);

    house.fanout.set_on_stage(house.room, 1, true);
    house.publish(events(4));
    assert_eq!(plain.numbers().await, [5, 7], "the stage opens no sub room");
    assert_eq!(other.numbers().await, [5, 8]);
}

#[tokio::test]
async fn what_others_are_not_shown_reaches_its_author_and_the_stage() {
    let house = House::start(Config::default()).await;
    let mut viewer = house.enter(1, 0).await;
    let mut author = house.enter(2, 0).await;
    let mut moderator = house.enter_as(3, 0, "&stage=true").await;
    for client in [&mut viewer, &mut author, &mut moderator] {
        client.json().await;
    }
    let own = |n| event(n, Audience::StageAnd(2), Class::Chat, "too fast");
    house.publish(vec![chat(1), own(2), own(3), chat(4)]);
    assert_eq!(viewer.numbers().await, [1, 4]);
    assert_eq!(author.numbers().await, [1, 2, 3, 4]);
    assert_eq!(moderator.numbers().await, [1, 2, 3, 4]);
    // The ring shows who comes again the same.
    let mut again = house.enter(1, 0).await;
    again.json().await;
    assert_eq!(again.numbers().await, [1, 4]);
}

#[tokio::test]
async fn totals_are_the_latest_values() {
    let house = House::start(Config::default()).await;
    let mut viewer = house.enter(1, 0).await;
    let _other = house.enter(2, 0).await;
    for hearts in 1..=50 {
        house.fanout.totals(house.room, "hearts", hearts.to_string());
    }
    let mut seen = Vec::new();
    loop {
        let Message::Text(text) = viewer.next().await else {
            continue;
        };
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let Some(totals) = json.get("totals") else {
            continue;
        };
        seen.push(totals.clone());
        if totals["hearts"] == 50 && totals["viewers"] == 2 {
            break;
        }
    }
    assert!(seen.len() < 50, "not each of them is sent: {}", seen.len());
}

#[tokio::test]
async fn totals_of_the_sub_room_are_its_readers() {
    let house = House::start(Config::default()).await;
    let mut plain = house.enter(1, 0).await;
    let mut paying = house.enter_as(2, 0, "&subscriber=true").await;
    for votes in 1..=5 {
        house
            .fanout
            .totals_for_subscribers(house.room, "secret", votes.to_string());
    }
    let mut told = serde_json::Value::Null;
    while told["totals"]["secret"] != 5 {
        if let Message::Text(text) = paying.next().await {
            told = serde_json::from_str(&text).unwrap();
        }
    }
    // The other one is told nothing of it, and nothing because of it: this is the next that reaches them.
    house.fanout.totals(house.room, "hearts", "7");
    loop {
        let Message::Text(text) = plain.next().await else {
            continue;
        };
        assert!(!text.contains("secret"), "{text}");
        if text.contains("hearts") {
            break;
        }
    }
}

#[tokio::test]
async fn words_of_clients_and_answers() {
    let house = House::start(Config::default()).await;
    let mut alice = house.enter(1, 0).await;
    let mut bob = house.enter(2, 0).await;
    alice.json().await;
    bob.json().await;
    alice.say("from alice").await;
    house
        .until("the word arrived", |house| {
            house.notes.told.lock().unwrap().len() == 3
        })
        .await;
    house.fanout.reply(house.conn_of(1), br#"{"re":"x","ok":{}}"#);
    assert_eq!(alice.json().await["re"], "x");

    house.fanout.disconnect(Whom::Person(1), 4403, "banned");
    assert_eq!(alice.close_code().await, 4403);
    house
        .until("alice is gone", |house| house.fanout.viewers(house.room) == 1)
        .await;
    // A late answer to her reaches nobody, not even who has taken her place.
    let (old, mut carol) = (house.conn_of(1), house.enter(3, 0).await);
    carol.json().await;
    house.fanout.reply(old, br#"{"re":"late"}"#);
    house.publish(vec![chat(1)]);
    assert_eq!(carol.numbers().await, [1]);
    assert_eq!(bob.numbers().await, [1]);
    let told = house.notes.told.lock().unwrap().clone();
    let of_alice: Vec<_> = told
        .iter()
        .filter(|told| matches!(told, Told::Joined(1) | Told::Said(1, _) | Told::Left(1)))
        .collect();
    assert_eq!(
        of_alice,
        [
            &Told::Joined(1),
            &Told::Said(1, "from alice".into()),
            &Told::Left(1)
        ]
    );
}

#[tokio::test]
async fn rooms_close_and_the_house_stops() {
    let house = House::start(Config::default()).await;
    let mut viewer = house.enter(1, 0).await;
    viewer.json().await;
    house.fanout.close(house.room, 1000, "the live is over");
    assert_eq!(viewer.close_code().await, 1000);
    assert_eq!(house.fanout.position(house.room), None);
    let mut late = house.enter(2, 0).await;
    assert_eq!(late.close_code().await, 4001, "the room is not open");

    house.fanout.open(house.room, 1, 0);
    let mut last = house.enter(3, 0).await;
    last.json().await;
    let fanout = house.fanout.clone();
    let stopped = tokio::task::spawn_blocking(move || fanout.stop());
    assert_eq!(last.close_code().await, 1001);
    stopped.await.unwrap();
    assert_eq!(house.fanout.viewers(house.room), 0);
    let mut too_late = house.enter(4, 0).await;
    assert_eq!(too_late.close_code().await, 4001);
}

#[tokio::test]
async fn who_is_not_counted_is_told_everything_all_the_same() {
    let house = House::start(Config::default()).await;
    let mut viewer = house.enter(1, 0).await;
    let mut overlay = house.enter_as(0, 0, "&counted=false").await;
    viewer.json().await;
    overlay.json().await;
    assert_eq!(house.fanout.viewers(house.room), 1);
    house.publish(vec![chat(1)]);
    assert_eq!(overlay.numbers().await, [1]);
    drop(viewer);
    house
        .until("the viewer is gone", |house| {
            house.fanout.viewers(house.room) == 0
        })
        .await;
    house.publish(vec![chat(2)]);
    assert_eq!(overlay.numbers().await, [2], "the room is there for it alone");
    drop(overlay);
    house
        .until("nobody is left", |house| house.fanout.stats().connections == 0)
        .await;
    assert_eq!(house.fanout.viewers(house.room), 0);
}

#[tokio::test]
async fn the_dead_are_pinged_and_closed() {
    let config = Config {
        ping_every: Duration::from_secs(1),
        ..Config::default()
    };
    let house = House::start(config).await;
    let mut alive = house.enter(1, 0).await;
    let mut mute = house.enter(2, 0).await;
    mute.json().await;
    // tungstenite answers pings only while it is read: `alive` is, `mute` is not.
    let pings = async {
        let mut pings = 0;
        while pings < 4 {
            pings += usize::from(matches!(alive.next().await, Message::Ping(_)));
        }
    };
    tokio::time::timeout(common::WAIT, pings)
        .await
        .expect("a ping a second");
    house
        .until("the mute one is closed", |house| {
            house.fanout.viewers(house.room) == 1
        })
        .await;
    assert_eq!(house.fanout.stats().closed_silent, 1);
    alive.say("still here").await;
    house
        .until("a word", |house| house.fanout.stats().messages == 1)
        .await;
}

#[tokio::test]
async fn half_a_frame_is_no_sign_of_life() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let config = Config {
        ping_every: Duration::from_secs(1),
        ..Config::default()
    };
    let house = House::start(config).await;
    let mut alive = house.enter(1, 0).await;
    let mut trickling = tokio::net::TcpStream::connect(house.address).await.unwrap();
    let request = "GET /ws?key=2&after=0 HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    trickling.write_all(request.as_bytes()).await.unwrap();
    // A frame of 125 bytes, one in a fifth of a second.
    let (mut input, mut output) = trickling.split();
    let trickle = async {
        output.write_all(&[0x81, 0x80 | 125, 0, 0, 0, 0]).await.unwrap();
        while output.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let mut bytes = [0; 4096];
    let cut = async { while matches!(input.read(&mut bytes).await, Ok(1..)) {} };
    let reading = async {
        loop {
            alive.next().await;
        }
    };
    let both = async {
        tokio::select! {
            () = trickle => {}
            () = cut => {}
            () = reading => {}
        }
    };
    tokio::time::timeout(common::WAIT, both)
        .await
        .expect("it is cut off");
    house
        .until("it has left", |house| house.fanout.viewers(house.room) == 1)
        .await;
    assert_eq!(house.fanout.stats().closed_silent, 1);
}

#[tokio::test]
async fn empty_rooms_are_forgotten_and_opened_again() {
    let house = House::start(Config {
        rooms_kept: 3,
        ..Config::default()
    })
    .await;
    let mut viewer = house.enter(1, 0).await;
    viewer.json().await;
    let other = |byte| RoomId::new(Timestamp::from_unix_us(0), [byte; 10]);
    for byte in 1..=50 {
        house.fanout.open(other(byte), 1, 7);
    }
    let open = (1..=50)
        .filter(|byte| house.fanout.position(other(*byte)).is_some())
        .count();
    assert!(open <= 3, "{open}");
    house.publish(vec![chat(1)]);
    assert_eq!(viewer.numbers().await, [1], "a room with members stays");
    house
        .fanout
        .publish(other(1), 1, vec![chat(9)])
        .expect("it opens again where it is");
    assert_eq!(house.fanout.position(other(1)).map(|at| at.tail), Some(9));
}
