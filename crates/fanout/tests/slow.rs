//! Readers who do not keep up: chat is skipped and said so, what must be kept is kept or the socket closed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::ops::RangeInclusive;
use std::time::Duration;

use busk_fanout::{Audience, Class, Config, Event};
use common::{Client, House, WAIT, chat, event};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;

/// A connection whose reader's kernel takes next to nothing.
async fn narrow(house: &House) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(house.address).await.unwrap()
}

async fn slow_and_quick(house: &House) -> (Client, Client) {
    let stream = narrow(house).await;
    let slow = house.enter_on(stream, 1, 0, "").await;
    let mut quick = house.enter(2, 0).await;
    // The hello.
    quick.json().await;
    house
        .until("both are in", |house| house.fanout.viewers(house.room) == 2)
        .await;
    (slow, quick)
}

fn long(numbers: RangeInclusive<u64>, class: Class) -> Vec<Event> {
    let text = "x".repeat(2000);
    numbers
        .map(|n| event(n, Audience::Everyone, class, &text))
        .collect()
}

/// For tests of the queue's bounds: nobody is closed for the time it takes, however busy the machine is.
fn patient() -> Config {
    Config {
        behind_max: WAIT * 6,
        ..Config::default()
    }
}

/// Publishes one by one, each when somebody quick was told the one before: so each is a frame of its own, for the slow
/// one too, whose turn is in the same sweep. Goes on while it may; gives the last number.
async fn publish_in_step(
    house: &House,
    quick: &mut Client,
    events: Vec<Event>,
    goes_on: impl Fn() -> bool,
) -> u64 {
    let mut last = 0;
    for event in events {
        if !goes_on() {
            break;
        }
        last = event.n;
        house.publish(vec![event]);
        assert_eq!(quick.numbers().await, [last], "others do not suffer");
    }
    last
}

/// Reads until something from `last` on is told: what was told, and what was said to be missing.
async fn account(client: &mut Client, last: u64) -> (Vec<u64>, Vec<(u64, u64)>) {
    let (mut told, mut gaps) = (Vec::new(), Vec::new());
    while told.last().is_none_or(|told| *told < last) {
        let json = client.json().await;
        if let Some(gap) = json.get("gap") {
            gaps.push((gap["from"].as_u64().unwrap(), gap["to"].as_u64().unwrap()));
        }
        told.extend(common::numbers(&json).unwrap_or_default());
    }
    (told, gaps)
}

/// The reader reads again while the room goes on, from `next`: everything it is told until it is up to date.
async fn catch_up(house: &House, slow: &mut Client, next: u64) -> (Vec<u64>, Vec<(u64, u64)>) {
    let publishing = async {
        for n in next.. {
            house.publish(vec![chat(n)]);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        account = account(slow, next) => account,
        () = publishing => unreachable!("the room goes on"),
    }
}

#[tokio::test]
async fn a_slow_reader_misses_chat_and_is_told() {
    let house = House::start(patient()).await;
    let (mut slow, mut quick) = slow_and_quick(&house).await;
    publish_in_step(&house, &mut quick, long(1..=300, Class::Chat), || true).await;
    let skipped = house.fanout.stats().skipped;
    assert!(skipped > 100, "{skipped}");

    let (told, gaps) = catch_up(&house, &mut slow, 301).await;
    let mut all = told.clone();
    for (from, to) in &gaps {
        assert!(
            told.iter().all(|n| n < from || n > to),
            "chat inside a gap that was told after all"
        );
        all.extend(*from..=*to);
    }
    all.sort_unstable();
    assert_eq!(
        all,
        (1..=all.len() as u64).collect::<Vec<_>>(),
        "each number is either told or confessed"
    );
    assert!(!gaps.is_empty());
    assert_eq!(house.fanout.stats().closed_slow, 0);
}

#[tokio::test]
async fn what_must_be_kept_arrives_between_gaps() {
    let house = House::start(patient()).await;
    let (mut slow, mut quick) = slow_and_quick(&house).await;
    let mut events = long(1..=200, Class::Chat);
    for n in [60, 120, 180] {
        events[n - 1] = event(n as u64, Audience::Everyone, Class::Kept, "a gift");
    }
    publish_in_step(&house, &mut quick, events, || true).await;
    let (told, gaps) = catch_up(&house, &mut slow, 201).await;
    for n in [60, 120, 180] {
        assert!(told.contains(&n), "the gift {n} arrives: {told:?}");
    }
    assert!(told.is_sorted_by(|a, b| a < b), "in order and once: {told:?}");
    let missing = (1..*told.last().expect("the last one")).filter(|n| !told.contains(n));
    for n in missing {
        assert!(
            gaps.iter().any(|(from, to)| (*from..=*to).contains(&n)),
            "{n} is missing without a word"
        );
    }
}

#[tokio::test]
async fn who_cannot_take_what_must_be_kept_is_sent_to_resume() {
    let house = House::start(patient()).await;
    let (mut slow, mut quick) = slow_and_quick(&house).await;
    // From its end on it has two seconds to read what it is told last: it reads at once.
    let is_in = || house.fanout.stats().closed_slow == 0;
    let published = publish_in_step(&house, &mut quick, long(1..=300, Class::Kept), is_in).await;
    assert_eq!(house.fanout.stats().closed_slow, 1);
    let mut told = Vec::new();
    loop {
        match slow.next().await {
            Message::Text(text) => {
                let json: serde_json::Value = serde_json::from_str(&text).unwrap();
                told.extend(common::numbers(&json).unwrap_or_default());
            }
            Message::Close(frame) => {
                assert_eq!(u16::from(frame.expect("a code").code), 4000);
                break;
            }
            _ => {}
        }
    }
    let last = *told.last().expect("something was told");
    assert_eq!(
        told,
        (1..=last).collect::<Vec<_>>(),
        "up to there nothing is missing"
    );
    assert!(last < published);
}

#[tokio::test]
async fn who_takes_nothing_is_closed_in_time() {
    let config = Config {
        behind_max: Duration::from_secs(1),
        ..Config::default()
    };
    let house = House::start(config).await;
    let stream = narrow(&house).await;
    let mut stuck = house.enter_on(stream, 1, 0, "").await;
    for event in long(1..=60, Class::Chat) {
        house.publish(vec![event]);
    }
    house
        .until("the stuck one left", |house| {
            house.fanout.viewers(house.room) == 0
        })
        .await;
    assert_eq!(house.fanout.stats().closed_slow, 1);
    // It never reads: after the linger its socket is gone as well.
    house
        .until("its socket is freed", |house| {
            house.fanout.stats().connections == 0
        })
        .await;
    while !matches!(
        stuck.socket_next().await,
        None | Some(Err(_)) | Some(Ok(Message::Close(_)))
    ) {}
}

#[tokio::test]
async fn a_room_faster_than_its_sweeps_is_heard_in_parts() {
    let house = House::start(Config::default()).await;
    let mut viewer = house.enter(1, 0).await;
    let mut other = house.enter(2, 0).await;
    viewer.json().await;
    other.json().await;
    // More at once than may wait for a sweep.
    let mut events = long(1..=2000, Class::Chat);
    let gifts: Vec<u64> = (1..=40).map(|n| n * 40).collect();
    for n in &gifts {
        events[*n as usize - 1].class = Class::Kept;
    }
    house.publish(events);
    for client in [&mut viewer, &mut other] {
        let (told, gaps) = account(client, 2000).await;
        assert!(gifts.iter().all(|n| told.contains(n)), "gifts arrive: {told:?}");
        assert!(told.is_sorted_by(|a, b| a < b), "in order and once: {told:?}");
        assert!(told.len() < 100, "{}", told.len());
        for n in (1..=2000).filter(|n| !told.contains(n)) {
            assert!(
                gaps.iter().any(|(from, to)| (*from..=*to).contains(&n)),
                "{n} is missing without a word"
            );
        }
    }
    house.publish(vec![chat(2001)]);
    assert_eq!(viewer.numbers().await, [2001]);
}

#[tokio::test]
async fn a_full_house_refuses() {
    let house = House::start(Config {
        connections_max: 2,
        ..Config::default()
    })
    .await;
    let mut first = house.enter(1, 0).await;
    let mut second = house.enter(2, 0).await;
    first.json().await;
    second.json().await;
    let mut third = house.enter(3, 0).await;
    assert_eq!(third.close_code().await, 4001);
    drop(first);
    house
        .until("a place is free", |house| house.fanout.stats().connections == 1)
        .await;
    house.enter(4, 0).await.json().await;
}
