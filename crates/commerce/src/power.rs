//! Power cuts while gifts are given: what was acknowledged is there, once, whatever the disk made of the rest; and the
//! books balance. The same cuts must lose gifts where the database was told not to wait for the disk at each commit.

use std::collections::BTreeSet;
use std::path::Path;

use busk_store::{Read, StoreError, params};
use busk_testkit::chance::Chance;
use busk_testkit::db::TestDb;
use busk_testkit::{child, power};
use futures_util::future::join_all;

use crate::accounts::{wallet, wallet_promotional};
use crate::scene::*;

const CUTS: usize = 150;
const CUTS_LONG: usize = 5_000;
const SENDERS: u128 = 3;
const GIFTS_EACH: u128 = 60;
/// What Bea has before: the scene's, and a pack with its promotional coins.
const COINS: i64 = 70 + 7_000 + 350;
/// Pages in the write-ahead log before they are brought into the database, so that cuts come into that, too.
const CHECKPOINT_PAGES: &str = "PRAGMA wal_autocheckpoint = 100";

/// A line on standard output by one system call, which the recording has among the writes to the files.
fn say(line: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that is recorded by the other tests"]
async fn gives_and_says_so() {
    let Some(told) = child::told() else { return };
    let (folder, bug) = told.split_once('|').unwrap();
    let scene = Scene::set(TestDb::sqlite_in(Path::new(folder))).await;
    scene.bought(901, BEA, "coins-7000", 7_000).await;
    let bug = bug == "bug";
    let set = scene.store.write(move |tx| {
        tx.rows(CHECKPOINT_PAGES, &[])?;
        if bug {
            // No configuration brings it about, and it may not be changed within a transaction.
            tx.execute("COMMIT", &[])?;
            tx.execute("PRAGMA synchronous = NORMAL", &[])?;
            tx.execute("BEGIN IMMEDIATE", &[])?;
        }
        Ok::<_, StoreError>(())
    });
    set.await.unwrap();
    say("begun");
    let senders = (0..SENDERS).map(|sender| {
        let scene = &scene;
        async move {
            for gift in 0..GIFTS_EACH {
                let number = sender * GIFTS_EACH + gift;
                scene.gave(number, BEA, "heart", 1, NOW).await;
                say(&format!("acknowledged {number}"));
            }
        }
    });
    join_all(senders).await;
}

fn recorded(bug: bool) -> power::Recording {
    let folder = tempfile::tempdir().unwrap();
    let trace = tempfile::NamedTempFile::new().unwrap();
    let recorder = power::recorder(trace.path());
    let recorder: Vec<&str> = recorder.iter().map(String::as_str).collect();
    let told = format!("{}|{}", folder.path().display(), if bug { "bug" } else { "" });
    let command = child::command(&recorder, "power::gives_and_says_so", &told);
    power::Recording::of(command, trace.path(), folder.path())
}

/// Cuts the power so often, and gives the first thing that was wrong afterwards.
async fn cut(recording: &power::Recording, cuts: usize) -> Result<(), String> {
    let mut chance = Chance::new();
    let moments = recording.moments("begun");
    let mut acknowledged = 0;
    for _ in 0..cuts {
        let moment = moments.start + chance.below(moments.len());
        let folder = tempfile::tempdir().unwrap();
        let how = recording.cut(moment, &mut chance, folder.path());
        let said = recording.said_before(moment, "acknowledged ");
        let said: BTreeSet<u128> = said.map(|number| number.parse().unwrap()).collect();
        acknowledged += said.len();
        let wrong = wrong_after(folder.path(), &said).await;
        wrong.map_err(|why| format!("cut at {moment} of {moments:?}, {how}: {why}"))?;
    }
    println!(
        "{cuts} cuts among {} events, {acknowledged} gifts acknowledged before",
        moments.len()
    );
    Ok(())
}

/// Starts again on what the cut left.
async fn wrong_after(folder: &Path, acknowledged: &BTreeSet<u128>) -> Result<(), String> {
    let scene = Scene::open(TestDb::sqlite_in(folder));
    let read = scene.store.read(|db| {
        let intact: String = db.row("PRAGMA integrity_check", &[])?.unwrap().get(0)?;
        let findings = busk_ledger::audit::run(db)?.findings;
        let gifts = db.rows("SELECT id FROM gift", &[])?;
        let gifts = gifts
            .iter()
            .map(|row| Ok(row.get::<busk_base::GiftId>(0)?.0.as_u128() - 5_000));
        let gifts = gifts.collect::<Result<BTreeSet<u128>, StoreError>>()?;
        let events = db.row(
            "SELECT COUNT(*), COALESCE(MAX(n), 0), (SELECT last FROM room_seq WHERE room = $1) \
             FROM room_event WHERE room = $1",
            params![LIVE],
        )?;
        let events = events.unwrap();
        let events: [i64; 3] = [events.get(0)?, events.get(1)?, events.get(2)?];
        Ok::<_, StoreError>((intact, findings, gifts, events))
    });
    let (intact, findings, gifts, events) = read
        .await
        .map_err(|error| format!("it cannot be read: {error}"))?;
    if intact != "ok" || !findings.is_empty() {
        return Err(format!("{intact}, the audit found {findings:?}"));
    }
    if let Some(lost) = acknowledged.difference(&gifts).next() {
        return Err(format!("gift {lost} was acknowledged and is lost"));
    }
    if events[0] != events[1] || events[1] != events[2] {
        return Err(format!("the room's log has a gap: {events:?}"));
    }
    let has = scene.balance(wallet(BEA)).await + scene.balance(wallet_promotional(BEA)).await;
    if has != COINS - gifts.len() as i64 {
        return Err(format!(
            "{} gifts, and {has} coins are left of {COINS}",
            gifts.len()
        ));
    }
    // And it goes on: what nobody was told of is sent again, whether it is there or not.
    scene.gave(SENDERS * GIFTS_EACH - 1, BEA, "heart", 1, NOW).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_power_goes() {
    let cuts = if child::long() { CUTS_LONG } else { CUTS };
    let recording = recorded(false);
    let brought = recording.syncs("busk.db", "begun");
    assert!(
        brought > 2,
        "the log was brought into the database {brought} times"
    );
    cut(&recording, cuts).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_show_a_commit_that_does_not_wait_for_the_disk() {
    let found = cut(&recorded(true), CUTS)
        .await
        .expect_err("synchronous = NORMAL must lose gifts");
    assert!(found.contains("acknowledged and is lost"), "{found}");
}
