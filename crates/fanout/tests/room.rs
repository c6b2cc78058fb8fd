//! A room's members: hello, events, audiences, totals, answers, goodbye.

mod common;

use busk_fanout::{Audience, Class, Config, PublishError, Rights, Whom};
use common::{House, Told, chat, event};

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
