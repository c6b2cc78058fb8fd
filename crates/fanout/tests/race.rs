//! Joining while a room talks: whatever is published meanwhile, nothing is missed and nothing comes twice.
//!
//! Two hundred viewers come in at numbers of their own while events are published, lose their
//! connections, and come back with the last number they saw. The same harness must fail when the replay
//! is taken out.

mod common;

use std::sync::Arc;
use std::time::Duration;

use busk_fanout::{Audience, Class, Config, Whom};
use common::{Client, House, event};
use tokio_tungstenite::tungstenite::Message;

const VIEWERS: u64 = 200;
const EVENTS: u64 = 3000;

/// xorshift64*: the seed is printed, so that a failure can be had again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % n
    }
}

/// Reads until the last event; the numbers this viewer saw after `after`, in the order it saw them.
async fn watch(house: &House, key: u64, mut after: u64, dice: &mut Dice) -> Result<(), String> {
    let mut client: Option<Client> = None;
    while after < EVENTS {
        let connected = match &mut client {
            Some(client) => client,
            None => client.insert(house.enter(key.into(), after).await),
        };
        match connected.next().await {
            Message::Text(text) => {
                let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                if json.get("gap").is_some() {
                    return Err(format!("viewer {key}: a gap in what must be kept: {json}"));
                }
                for n in common::numbers(&json).unwrap_or_default() {
                    if n != after + 1 {
                        return Err(format!("viewer {key}: {n} after {after}"));
                    }
                    after = n;
                }
                if dice.below(40) == 0 {
                    client = None;
                }
            }
            Message::Close(frame) => match frame.map(|frame| u16::from(frame.code)) {
                Some(4000) => client = None,
                // Behind the ring: in the product the log helps; here the viewer was too slow for the test.
                other => return Err(format!("viewer {key}: closed with {other:?} at {after}")),
            },
            _ => {}
        }
    }
    Ok(())
}

async fn run(config: Config, seed: u64) -> Result<(), String> {
    eprintln!("seed {seed}");
    let house = Arc::new(House::start(config).await);
    let publisher = {
        let (house, mut dice) = (house.clone(), Dice(seed));
        tokio::spawn(async move {
            let mut n = 0;
            while n < EVENTS {
                let count = (1 + dice.below(4)).min(EVENTS - n);
                let one = |n| event(n, Audience::Everyone, Class::Kept, "gift");
                house.publish((n + 1..=n + count).map(one).collect());
                n += count;
                if dice.below(3) == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                if dice.below(200) == 0 {
                    house.fanout.disconnect(Whom::Room(house.room), 4000, "resume");
                }
            }
        })
    };
    let mut viewers = Vec::new();
    for key in 1..=VIEWERS {
        let (house, mut dice) = (house.clone(), Dice(seed ^ (key << 20)));
        viewers.push(tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(dice.below(700))).await;
            let tail = house.fanout.position(house.room).expect("an open room").tail;
            let after = tail.saturating_sub(dice.below(100));
            watch(&house, key, after, &mut dice).await
        }));
    }
    publisher.await.expect("the publisher does not panic");
    for viewer in viewers {
        viewer.await.expect("a viewer does not panic")?;
    }
    assert_eq!(house.fanout.stats().events, EVENTS);
    Ok(())
}

fn config(shards: usize) -> Config {
    let ring = EVENTS as usize;
    Config {
        shards,
        ring_events_max: ring,
        ring_bytes_max: 1 << 20,
        queue_bytes_max: 1 << 20,
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_and_nothing_comes_twice() {
    for (shards, seed) in [(1, 11), (2, 12), (2, 13)] {
        run(config(shards), seed).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_harness_sees_a_missing_replay() {
    let broken = Config {
        seeded_bug_no_replay: true,
        ..config(2)
    };
    let error = run(broken, 14).await.expect_err("a hub that replays nothing");
    assert!(error.contains(" after "), "{error}");
}
