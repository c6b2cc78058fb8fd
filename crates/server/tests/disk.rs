//! A full disk: what would move money is refused with 503 within a second, reading goes on, nothing is damaged, and
//! when there is room again it goes on without a restart. A door that keeps such a refusal back is noticed.
//!
//! The disk is a small one in memory, mounted where only a child of the test sees it: that needs root, or a kernel
//! that gives a process namespaces of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use busk_store::{Database, Read, StoreError};
use busk_testkit::app::{Answer, Browser, TestApp};
use busk_testkit::chance::Chance;
use busk_testkit::child;
use busk_testkit::db::TestDb;
use serde_json::json;
use uuid::Uuid;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
/// Enough for an empty site, and for some gifts.
const DISK: &str = "size=12m";
const PATIENCE: Duration = Duration::from_secs(1);
const COINS: i64 = 17_500 + 1_750;
/// Refused at least so often, before room is made.
const REFUSED: usize = 25;
/// A full disk may have room within files that are there already.
const GIFTS_MAX: usize = 4_000;

/// In namespaces of its own, of mounts and of users where it is not root; nothing where that is not permitted.
fn on_a_small_disk(test: &str) {
    let ways: [&[&str]; 2] = [
        &["unshare", "--mount"],
        &["unshare", "--mount", "--map-root-user"],
    ];
    let disk = tempfile::tempdir().unwrap();
    let permitted = |way: &&&[&str]| {
        let mut mounts = std::process::Command::new(way[0]);
        mounts
            .args(&way[1..])
            .args(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs"])
            .arg(disk.path());
        mounts.output().is_ok_and(|done| done.status.success())
    };
    let Some(way) = ways.iter().find(permitted) else {
        println!("left out: this process may not mount a disk, not even in a namespace of its own");
        return;
    };
    let mount = format!("mount -t tmpfs -o {DISK} tmpfs \"$0\" && exec \"$@\"");
    let place = disk.path().display().to_string();
    let before: Vec<&str> = way.iter().copied().chain(["sh", "-c", &mount, &place]).collect();
    let mut command = child::command(&before, test, &place);
    let done = command.env("TMPDIR", disk.path()).output().unwrap();
    println!("{}", String::from_utf8_lossy(&done.stdout));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

struct Site {
    app: TestApp,
    sender: Browser,
    path: String,
    /// Takes what room there is while it exists.
    filler: PathBuf,
    chance: Chance,
}

impl Site {
    async fn set(disk: &Path) -> Self {
        let app = TestApp::start(BUSK, TestDb::sqlite()).await;
        let host = app.sign_up("host").await;
        let room = host
            .post("/api/v1/rooms", json!({"title": "Songs"}))
            .await
            .is(201)
            .text("id");
        app.db
            .tamper("UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1")
            .await;
        let sender = app.sign_up("sender").await;
        let mut chance = Chance::new();
        app.buy_coins(&sender, &id(&mut chance).to_string(), "coins-17500")
            .await;
        Self {
            app,
            sender,
            path: format!("/api/v1/rooms/{room}/gifts"),
            filler: disk.join("filler"),
            chance,
        }
    }

    /// Writes until there is no room.
    fn fill(&self) {
        let mut filler = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&self.filler)
            .unwrap();
        for block in [65_536, 4_096, 1] {
            while filler.write_all(&vec![1; block]).is_ok() {}
        }
    }

    /// Gives while the disk is full, through `door`: the ids that were accepted, and those that were refused.
    async fn give_on_a_full_disk(&mut self, door: SocketAddr) -> Result<[Vec<Uuid>; 2], String> {
        let (mut given, mut refused) = (Vec::new(), Vec::new());
        while refused.len() < REFUSED {
            if given.len() > GIFTS_MAX {
                return Err("the disk is full, and gifts are taken".into());
            }
            // Something else may have given some of it free.
            self.fill();
            let id = id(&mut self.chance);
            let url = format!("http://{door}{}", self.path);
            let request = reqwest::Client::new()
                .post(url)
                .header("cookie", self.sender.cookie.clone().unwrap())
                .json(&gift(id));
            let begun = clock();
            let answer = Answer::try_of(request)
                .await
                .map_err(|e| format!("no answer: {e}"))?;
            if clock() - begun > PATIENCE {
                return Err(format!("{} after {:?}", answer.status, clock() - begun));
            }
            match answer.status.as_u16() {
                201 => given.push(id),
                503 => {
                    let answer = answer.problem(503, "unavailable");
                    assert_eq!(answer.headers["retry-after"], "1");
                    refused.push(id);
                    self.reading_goes_on().await;
                }
                other => return Err(format!("{other}: {:#}", answer.body)),
            }
        }
        Ok([given, refused])
    }

    async fn reading_goes_on(&self) {
        for path in ["/api/v1/me", "/api/v1/gifts", "/readyz", "/livez"] {
            self.sender.get(path).await.is(200);
        }
    }

    /// Nothing is damaged.
    fn is_intact(&self) {
        let Database::Sqlite(path) = self.app.db.database.clone() else {
            unreachable!("it is a SQLite")
        };
        let checked: Result<String, StoreError> = busk_store::read_only(&Database::Sqlite(path), |db| {
            db.row("PRAGMA integrity_check", &[])?
                .map_or(Err(StoreError::Broken("no answer".into())), |row| row.get(0))
        });
        assert_eq!(checked.unwrap(), "ok".to_owned());
        assert_eq!(self.app.audit(), Ok(()));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test measures how long an answer takes"
)]
fn clock() -> Instant {
    Instant::now()
}

fn id(chance: &mut Chance) -> Uuid {
    Uuid::from_u64_pair(chance.below(usize::MAX) as u64, chance.below(usize::MAX) as u64)
}

fn gift(id: Uuid) -> serde_json::Value {
    json!({"id": id, "kind": "heart", "count": 1})
}

/// Passes everything on, and keeps refusals back for a while: the bug that must be noticed.
async fn slow_door(server: SocketAddr) -> SocketAddr {
    let slow = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
        let passed_on = reqwest::Client::new()
            .request(method, format!("http://{server}{uri}"))
            .header("cookie", headers["cookie"].to_str().unwrap())
            .header("content-type", "application/json")
            .body(body);
        let answer = passed_on.send().await.unwrap();
        if answer.status() == 503 {
            tokio::time::sleep(PATIENCE + Duration::from_millis(300)).await;
        }
        (answer.status(), answer.bytes().await.unwrap())
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(slow)).await });
    address
}

#[test]
fn money_waits_for_room_and_nothing_is_lost() {
    on_a_small_disk("fills");
}

#[test]
fn a_refusal_that_comes_late_is_noticed() {
    on_a_small_disk("fills_behind_a_slow_door");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a disk of its own"]
async fn fills() {
    let Some(disk) = child::told() else { return };
    let mut site = Site::set(Path::new(&disk)).await;
    let mut spent = 0;
    // The second time what the first left is there.
    for _ in 0..2 {
        let [given, refused] = site.give_on_a_full_disk(site.app.http).await.unwrap();
        println!(
            "{} gifts on a full disk, then {} refused",
            given.len(),
            refused.len()
        );
        site.is_intact();
        assert_eq!(site.sender.coins().await, COINS - spent - given.len() as i64);
        std::fs::remove_file(&site.filler).unwrap();
        for (ids, status) in [(&given, 200), (&refused, 201)] {
            for id in ids {
                site.sender.post(&site.path, gift(*id)).await.is(status);
            }
        }
        spent += (given.len() + refused.len()) as i64;
        assert_eq!(site.sender.coins().await, COINS - spent);
        site.is_intact();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a disk of its own"]
async fn fills_behind_a_slow_door() {
    let Some(disk) = child::told() else { return };
    let mut site = Site::set(Path::new(&disk)).await;
    let door = slow_door(site.app.http).await;
    let noticed = site.give_on_a_full_disk(door).await.unwrap_err();
    assert!(noticed.starts_with("503"), "{noticed}");
    std::fs::remove_file(&site.filler).unwrap();
}
