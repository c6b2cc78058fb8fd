//! SIGKILL during gifts: what was acknowledged is there, once, after the restart; and the harness that
//! says so is shown to notice when a gift is acknowledged too early.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::db::TestDb;
use serde_json::{Value, json};
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const SENDERS: usize = 4;
/// With its promotional coins.
const PACK: (&str, i64) = ("coins-17500", 17_500 + 1_750);

/// SplitMix64: enough to vary moments and ids, and repeatable.
struct Random(u64);

impl Random {
    /// The seed is printed; `BUSK_TEST_SEED` repeats it.
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a seed may be given, or is the time")]
        let seed = std::env::var("BUSK_TEST_SEED").map_or_else(
            |_| std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64,
            |seed| seed.parse().unwrap(),
        );
        println!("BUSK_TEST_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn id(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.next(), self.next())
    }
}

/// A server with a room on air and senders with coins.
struct Stage {
    app: TestApp,
    room: String,
    senders: Vec<Browser>,
    /// By sender: the coins that acknowledged gifts cost.
    spent: [i64; SENDERS],
    random: Random,
}

/// What a cycle found wrong, and how much it saw.
#[derive(Debug, Default)]
struct Found {
    acknowledged: usize,
    unanswered: usize,
    wrong: Vec<String>,
}

impl Stage {
    async fn set(db: TestDb) -> Self {
        let app = TestApp::start(BUSK, db).await;
        let mut random = Random::new();
        let host = app.sign_up("host").await;
        let room = host
            .post("/api/v1/rooms", json!({"title": "Songs"}))
            .await
            .is(201);
        let room = room.text("id");
        // A room whose camera is away takes gifts, also from one start to the next.
        app.db
            .tamper("UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1")
            .await;
        let mut senders = Vec::new();
        for number in 0..SENDERS {
            let sender = app.sign_up(&format!("sender{number}")).await;
            app.buy_coins(&sender, &random.id().to_string(), PACK.0).await;
            senders.push(sender);
        }
        Self {
            app,
            room,
            senders,
            spent: [0; SENDERS],
            random,
        }
    }

    /// Sends gifts through `door`, kills the server meanwhile, starts it again and compares.
    async fn cycle(&mut self, door: SocketAddr) -> Found {
        let path = format!("/api/v1/rooms/{}/gifts", self.room);
        let mut sending = Vec::new();
        for (sender, browser) in self.senders.iter().enumerate() {
            for _ in 0..2 {
                let ids = Random(self.random.next());
                let task = send_until_broken(door, path.clone(), browser.cookie.clone().unwrap(), ids);
                sending.push((sender, tokio::spawn(task)));
            }
        }
        tokio::time::sleep(Duration::from_millis(5 + self.random.next() % 90)).await;
        self.app.kill9();
        let mut sent = Vec::new();
        for (sender, task) in sending {
            sent.extend(
                task.await
                    .unwrap()
                    .into_iter()
                    .map(|(id, said)| (sender, id, said)),
            );
        }
        self.app.restart().await;
        self.senders = self
            .senders
            .iter()
            .map(|browser| self.app.again(browser))
            .collect();
        self.compare(&path, sent).await
    }

    async fn compare(&mut self, path: &str, sent: Vec<(usize, Uuid, Option<Value>)>) -> Found {
        let mut found = Found::default();
        for (sender, id, said) in sent {
            let again = self.senders[sender].post(path, gift(id)).await;
            let status = again.status.as_u16();
            match said {
                Some(said) => {
                    found.acknowledged += 1;
                    if status != 200 {
                        found
                            .wrong
                            .push(format!("{id} was acknowledged and is lost: {status}"));
                    } else if receipt(&again.body) != receipt(&said) {
                        found.wrong.push(format!("{id}: {said} became {}", again.body));
                    }
                }
                // Nobody was told: it may have been sent or not, but is now.
                None => {
                    found.unanswered += 1;
                    if !matches!(status, 200 | 201) {
                        found
                            .wrong
                            .push(format!("{id} cannot be sent again: {status} {}", again.body));
                    }
                }
            }
            self.spent[sender] += 1;
        }
        for (sender, browser) in self.senders.iter().enumerate() {
            let (coins, expected) = (browser.coins().await, PACK.1 - self.spent[sender]);
            if coins != expected {
                found
                    .wrong
                    .push(format!("sender {sender} has {coins} coins, not {expected}"));
            }
        }
        found
    }

    async fn cycles(&mut self, count: usize) {
        let mut all = Found::default();
        for cycle in 0..count {
            let found = self.cycle(self.app.http).await;
            assert_eq!(found.wrong, Vec::<String>::new(), "cycle {cycle}");
            all.acknowledged += found.acknowledged;
            all.unanswered += found.unanswered;
            if cycle % 50 == 49 {
                assert_eq!(self.app.audit(), Ok(()), "cycle {cycle}");
            }
        }
        println!(
            "{count} kills: {} gifts acknowledged, none lost; {} unanswered",
            all.acknowledged, all.unanswered
        );
        assert!(all.acknowledged > 0, "no gift says anything: {all:?}");
        assert!(all.unanswered > 0, "no kill came during a gift: {all:?}");
        self.numbers_have_no_gap().await;
    }

    /// One event for each coin spent, since each gift is one heart.
    async fn numbers_have_no_gap(&self) {
        let (mut after, mut gifts) = (0, BTreeMap::new());
        loop {
            let path = format!("/api/v1/rooms/{}/events?after={after}", self.room);
            let page = self.app.nobody().get(&path).await.is(200);
            for event in page.body["items"].as_array().unwrap() {
                after += 1;
                assert_eq!(event["n"], after, "a gap in the log");
                if event["type"] == "gift" {
                    let before = gifts.insert(event["id"].to_string(), after);
                    assert_eq!(before, None, "a gift was told twice: {event}");
                }
            }
            if page.body["next"].is_null() {
                break;
            }
        }
        assert_eq!(gifts.len() as i64, self.spent.iter().sum::<i64>());
    }
}

fn gift(id: Uuid) -> Value {
    json!({"id": id, "kind": "heart", "count": 1})
}

/// What must be the same in every answer about a gift; the balance moves on.
fn receipt(answer: &Value) -> [&Value; 3] {
    [&answer["gift"], &answer["paid"], &answer["split"]]
}

/// Sends gifts one after the other until the connection breaks. Gives every id, with what was answered.
async fn send_until_broken(
    door: SocketAddr,
    path: String,
    cookie: String,
    mut ids: Random,
) -> Vec<(Uuid, Option<Value>)> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut sent = Vec::new();
    loop {
        let id = ids.id();
        let request = client
            .post(format!("http://{door}{path}"))
            .header("cookie", &cookie)
            .json(&gift(id));
        match Answer::try_of(request).await {
            Ok(answer) if answer.status == StatusCode::CREATED => sent.push((id, Some(answer.body))),
            Ok(answer) if answer.status.is_server_error() => sent.push((id, None)),
            Ok(answer) => panic!("{} {:#}", answer.status, answer.body),
            Err(_) => {
                sent.push((id, None));
                return sent;
            }
        }
    }
}

/// A door with a bug: it says "sent" at once and passes the gift on a moment later.
async fn hasty_door(server: SocketAddr) -> SocketAddr {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let hasty = move |uri: Uri, headers: HeaderMap, body: Bytes| {
        let client = client.clone();
        async move {
            let gift: Value = serde_json::from_slice(&body).unwrap();
            let passed_on = client
                .post(format!("http://{server}{uri}"))
                .header("cookie", headers["cookie"].to_str().unwrap())
                .header("content-type", "application/json")
                .body(body);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                passed_on.send().await
            });
            tokio::time::sleep(Duration::from_millis(5)).await;
            let said = json!({"gift": gift["id"], "paid": 1, "split": {"creator": 1, "platform": 0}});
            (StatusCode::CREATED, axum::Json(said))
        }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(hasty);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_sqlite() {
    Stage::set(TestDb::sqlite()).await.cycles(200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_postgres() {
    Stage::set(TestDb::postgres().await).await.cycles(20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_harness_sees_what_is_acknowledged_too_early() {
    let mut stage = Stage::set(TestDb::sqlite()).await;
    let door = hasty_door(stage.app.http).await;
    for _ in 0..10 {
        // The door outlives the server, so each sender goes on until it is told to stop.
        let found = tokio::time::timeout(Duration::from_secs(30), stage.hasty_cycle(door)).await;
        let found = found.expect("the cycle ends");
        if found.wrong.iter().any(|wrong| wrong.contains("is lost")) {
            return;
        }
    }
    panic!("ten cycles of a server that loses gifts, and nothing was noticed");
}

impl Stage {
    /// A cycle whose senders are stopped with the server, since the hasty door never breaks.
    async fn hasty_cycle(&mut self, door: SocketAddr) -> Found {
        let path = format!("/api/v1/rooms/{}/gifts", self.room);
        let (client, cookie) = (reqwest::Client::new(), self.senders[0].cookie.clone().unwrap());
        let mut sent = Vec::new();
        for _ in 0..10 {
            let id = self.random.id();
            let request = client
                .post(format!("http://{door}{path}"))
                .header("cookie", &cookie)
                .json(&gift(id));
            sent.push((0, id, Some(Answer::of(request).await.is(201).body)));
        }
        self.app.kill9();
        self.app.restart().await;
        self.senders = self
            .senders
            .iter()
            .map(|browser| self.app.again(browser))
            .collect();
        self.compare(&path, sent).await
    }
}
