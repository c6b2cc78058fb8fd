//! Lives shown on other platforms: a second site and ffmpeg take what the first one pushes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use busk_camera::{ViewOptions, Viewer};
use busk_store::Read;
use busk_testkit::app::{Answer, Browser, TestApp, free};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use reqwest::Method;
use serde_json::{Value, json};

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const WAIT: Duration = Duration::from_secs(60);
const TARGETS: &str = "/api/v1/channels/host/restream-targets";
/// Found where it must not be, it is known at once.
const CANARY: &str = "canary_4f1d7a_secret_WXYZ";

async fn site() -> TestApp {
    let loopback = [("--restream-private-networks", "127.0.0.0/8".to_owned())];
    TestApp::start_with(BUSK, TestDb::sqlite(), &loopback).await
}

fn target(url: &str, key: &str) -> Value {
    json!({"name": "There", "url": url, "key": key, "enabled": true})
}

fn rtmp(address: SocketAddr) -> String {
    format!("rtmp://{address}/live")
}

async fn change(host: &Browser, id: &str, what: Value) -> Answer {
    host.send(Method::PATCH, &format!("{TARGETS}/{id}"), what).await
}

/// Of the only target, once it is so.
async fn until(host: &Browser, room: &str, what: &str, so: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/api/v1/rooms/{room}/restream");
    let mut last = Value::Null;
    for _ in 0..600 {
        let body = host.get(&path).await.is(200).body;
        assert!(!body.to_string().contains(CANARY), "{body:#}");
        last = body["items"][0].clone();
        if so(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never {what}: {last:#}");
}

async fn until_state(host: &Browser, room: &str, state: &str) -> Value {
    until(host, room, state, |target| target["state"] == state).await
}

/// A second site with a channel, and its stream key.
async fn other_site() -> (TestApp, Browser, String) {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let there = app.sign_up("there").await;
    let path = "/api/v1/channels/there/stream-key";
    let key = there.post(path, json!({})).await.is(201).text("key");
    (app, there, key)
}

async fn watch(app: &TestApp, room: &str) -> Viewer {
    let options = ViewOptions {
        decode: true,
        people: 1,
    };
    let url = format!("http://{}/whep/{room}", app.http);
    Viewer::start(&url, None, options).await.unwrap()
}

async fn more(viewer: &mut Viewer) {
    let before = viewer.stats();
    let seen = viewer
        .until(WAIT, |now| {
            now.decoded > before.decoded + 40 && now.audio_packets > before.audio_packets + 40
        })
        .await;
    seen.unwrap_or_else(|last| panic!("{last:?}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_is_live_on_another_site_through_breaks_and_changes() {
    let (app, (other, _, key)) = (site().await, other_site().await);
    let host = app.sign_up("host").await;
    let on_air = app.make_live(&host, "host").await;
    let room = on_air.room.clone();
    // Switched on during the live, it begins at once.
    let added = host.post(TARGETS, target(&rtmp(other.rtmp), &key)).await.is(201);
    let id = added.text("id");
    let there = other.room_in_state("there", "live").await;
    let live = until(&host, &room, "live with figures", |target| {
        target["state"] == "live" && target["kbps"].as_u64() > Some(50)
    });
    let live = live.await;
    assert_eq!((&live["why"], &live["retry_at"]), (&Value::Null, &Value::Null));
    assert!(
        live["since"].is_string() && live["pictures_dropped"] == 0,
        "{live:#}"
    );
    let mut viewer = watch(&other, &there).await;
    more(&mut viewer).await;

    // A break: the slate is part of the program.
    on_air.publisher.stop().await;
    app.room_in_state("host", "interrupted").await;
    more(&mut viewer).await;
    // Back, by other encoder settings than the slate's.
    let publisher = app.publish(&on_air.camera, "host", &on_air.key).await;
    app.room_in_state("host", "live").await;
    more(&mut viewer).await;
    assert_eq!(other.room_in_state("there", "live").await, there);
    assert_eq!(until_state(&host, &room, "live").await["since"], live["since"]);

    // Off and on again, at once; the other site is told that it is over.
    change(&host, &id, json!({"enabled": false})).await.is(200);
    until_state(&host, &room, "off").await;
    other.room_in_state("there", "interrupted").await;
    change(&host, &id, json!({"enabled": true})).await.is(200);
    until_state(&host, &room, "live").await;
    assert_eq!(other.room_in_state("there", "live").await, there);
    more(&mut viewer).await;

    // Not even waiting for the goodbye.
    for enabled in [false, true] {
        change(&host, &id, json!({ "enabled": enabled })).await.is(200);
    }
    until_state(&host, &room, "live").await;
    more(&mut viewer).await;

    // The end of the live is the end there.
    viewer.stop().await;
    host.post(&format!("/api/v1/rooms/{room}/end"), json!({}))
        .await
        .is(200);
    other.room_in_state("there", "interrupted").await;
    let after = until_state(&host, &room, "waiting").await;
    assert_eq!(after["since"], Value::Null);
    publisher.stop().await;
    assert!(
        !app.log().contains(&key) && !app.log().contains("WARN"),
        "{}",
        app.log()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_refused_in_words_and_the_right_one_taken_at_once() {
    let (app, (other, _, key)) = (site().await, other_site().await);
    let host = app.sign_up("host").await;
    let added = host
        .post(TARGETS, target(&rtmp(other.rtmp), CANARY))
        .await
        .is(201);
    let id = added.text("id");
    let on_air = app.make_live(&host, "host").await;
    let refused = until_state(&host, &on_air.room, "refused").await;
    let why = refused["why"].as_str().unwrap();
    assert!(why.contains("the stream key is not right"), "{why}");
    change(&host, &id, json!({"key": key})).await.is(200);
    until_state(&host, &on_air.room, "live").await;
    other.room_in_state("there", "live").await;
    assert!(!app.log().contains(CANARY));
    on_air.publisher.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_down_is_live_again_when_it_comes_back() {
    let (app, (mut other, _, key)) = (site().await, other_site().await);
    let host = app.sign_up("host").await;
    other.kill9();
    host.post(TARGETS, target(&rtmp(other.rtmp), &key)).await.is(201);
    let on_air = app.make_live(&host, "host").await;
    let retrying = until_state(&host, &on_air.room, "retrying").await;
    assert!(retrying["retry_at"].is_string(), "{retrying:#}");
    assert!(retrying["why"].as_str().unwrap().contains("cannot be reached"));
    other.restart().await;
    until_state(&host, &on_air.room, "live").await;
    let there = other.room_in_state("there", "live").await;
    let mut viewer = watch(&other, &there).await;
    more(&mut viewer).await;
    viewer.stop().await;
    // It goes in the middle of the live, too.
    other.kill9();
    until_state(&host, &on_air.room, "retrying").await;
    other.restart().await;
    until_state(&host, &on_air.room, "live").await;
    assert_eq!(other.room_in_state("there", "live").await, there);

    // And so does this site: when the camera is back, so is the restream.
    let mut app = app;
    app.kill9();
    app.restart().await;
    let host = app.again(&host);
    until_state(&host, &on_air.room, "waiting").await;
    let publisher = app.publish(&on_air.camera, "host", &on_air.key).await;
    until_state(&host, &on_air.room, "live").await;
    publisher.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_hangs_holds_up_nobody() {
    let (app, (other, _, key)) = (site().await, other_site().await);
    let host = app.sign_up("host").await;
    host.post(TARGETS, target(&rtmp(other.rtmp), &key)).await.is(201);
    // It lets everybody connect, and never says a word.
    let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = rtmp(hangs.local_addr().unwrap());
    host.post(TARGETS, target(&url, CANARY)).await.is(201);
    let on_air = app.make_live(&host, "host").await;
    let mut here = watch(&app, &on_air.room).await;
    more(&mut here).await;
    let there = other.room_in_state("there", "live").await;
    let mut there = watch(&other, &there).await;
    more(&mut there).await;
    let path = format!("/api/v1/rooms/{}/restream", on_air.room);
    let mut second = Value::Null;
    for _ in 0..600 {
        second = host.get(&path).await.is(200).body["items"][1].clone();
        if second["state"] == "retrying" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(
        second["why"].as_str().unwrap().contains("took too long"),
        "{second:#}"
    );
    more(&mut there).await;
    let first = until_state(&host, &on_air.room, "live").await;
    assert_eq!(first["pictures_dropped"], 0);
    here.stop().await;
    there.stop().await;
    on_air.publisher.stop().await;
}

/// ffmpeg as the other platform.
struct Recorder(Child);

impl Recorder {
    fn start(address: SocketAddr, key: &str, file: &Path) -> Self {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-nostdin", "-listen", "1", "-i"]);
        ffmpeg.arg(format!("rtmp://{address}/live/{key}"));
        ffmpeg.args(["-c", "copy", "-y"]).arg(file);
        Self(ffmpeg.stderr(Stdio::null()).spawn().unwrap())
    }

    async fn ended(&mut self) {
        for _ in 0..300 {
            if self.0.try_wait().unwrap().is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the recorder goes on");
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ffmpeg_records_what_is_pushed() {
    let app = site().await;
    let host = app.sign_up("host").await;
    let folder = tempfile::tempdir().unwrap();
    let (file, address) = (folder.path().join("out.flv"), free());
    let mut recorder = Recorder::start(address, CANARY, &file);
    host.post(TARGETS, target(&rtmp(address), CANARY)).await.is(201);
    let on_air = app.make_live(&host, "host").await;
    let room = on_air.room.clone();
    until(&host, &room, "a few seconds", |target| {
        target["pictures_sent"].as_u64() > Some(120)
    })
    .await;
    host.post(&format!("/api/v1/rooms/{room}/end"), json!({}))
        .await
        .is(200);
    recorder.ended().await;
    on_air.publisher.stop().await;

    let probed = Command::new("ffprobe")
        .args([
            "-v",
            "warning",
            "-show_entries",
            "packet=codec_type,dts_time,flags",
        ])
        .args(["-of", "csv=p=0"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&probed.stderr), "");
    let listed = String::from_utf8(probed.stdout).unwrap();
    let times = |medium: &str| -> Vec<f64> {
        let lines = listed.lines().filter(|line| line.starts_with(medium));
        lines
            .map(|line| line.split(',').nth(1).unwrap().parse().unwrap())
            .collect()
    };
    let (video, audio) = (times("video"), times("audio"));
    assert!(
        video.len() > 100 && audio.len() > 150,
        "{} {}",
        video.len(),
        audio.len()
    );
    for times in [&video, &audio] {
        assert!(times.is_sorted_by(|a, b| a < b));
        assert!(times[0] < 1.0, "begins at {}", times[0]);
    }
    let first = listed.lines().find(|line| line.starts_with("video")).unwrap();
    assert!(first.contains(",K"), "{first}");
    let decoded = Command::new("ffmpeg")
        .args(["-v", "warning", "-xerror", "-i"])
        .arg(&file)
        .args(["-fps_mode", "vfr", "-f", "null", "-"])
        .output()
        .unwrap();
    assert!(decoded.status.success());
    assert_eq!(String::from_utf8_lossy(&decoded.stderr), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_private_is_ever_connected_to() {
    // No network is allowed here.
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let on_air = app.make_live(&host, "host").await;
    let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = v4.local_addr().unwrap().port();
    let v6 = TcpListener::bind(("::1", port)).ok();
    let hosts = [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "0.0.0.0",
        "[fd00::1]",
        "[64:ff9b::7f00:1]",
    ];
    for private in hosts {
        let url = format!("rtmp://{private}:{port}/live");
        let id = host.post(TARGETS, target(&url, CANARY)).await.is(201).text("id");
        let refused = until_state(&host, &on_air.room, "refused").await;
        let why = refused["why"].as_str().unwrap();
        assert!(why.contains("private network"), "{private}: {why}");
        let path = format!("{TARGETS}/{id}");
        host.send(Method::DELETE, &path, Value::Null).await.is(204);
    }
    for listener in [Some(v4), v6].into_iter().flatten() {
        listener.set_nonblocking(true).unwrap();
        let nobody = listener.accept().map_err(|error| error.kind());
        assert_eq!(nobody.err(), Some(std::io::ErrorKind::WouldBlock));
    }
    on_air.publisher.stop().await;
}

/// What the database holds of the targets.
fn sealed(db: &TestDb) -> Vec<Vec<u8>> {
    let database = db.database.clone();
    let read = std::thread::spawn(move || {
        busk_store::read_only(&database, |db| {
            let rows = db.rows("SELECT sealed FROM restream_target", &[])?;
            rows.iter().map(|row| row.get(0)).collect()
        })
    });
    read.join().unwrap().unwrap()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

each_db!(keys_are_kept_where_nobody_reads_them, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let (host, eve) = (app.sign_up("host").await, app.sign_up("eve").await);
    let url = "rtmps://live.example.com:443/app";
    let added = host.post(TARGETS, target(url, CANARY)).await.is(201);
    let id = added.text("id");
    let one = format!("{TARGETS}/{id}");
    assert_eq!(
        (added.text("url"), added.text("key_end")),
        (url.into(), "WXYZ".into())
    );
    let listed = host.get(TARGETS).await.is(200);
    assert_eq!(listed.body["items"], json!([added.body]));
    let renamed = change(&host, &id, json!({"name": " Elsewhere ", "enabled": false})).await;
    assert_eq!(renamed.is(200).text("name"), "Elsewhere");
    let changed = change(
        &host,
        &id,
        json!({"url": "rtmp://other.example/x", "key": format!("{CANARY}2")}),
    )
    .await;
    assert_eq!(changed.clone().is(200).text("key_end"), "XYZ2");
    for answer in [&added, &listed, &changed] {
        assert!(!answer.body.to_string().contains("canary"), "{:#}", answer.body);
    }
    // Another address would be sent a key that was not meant for it.
    let moved = json!({"url": "rtmp://evil.example/x"});
    let moved = change(&host, &id, moved).await.problem(422, "invalid");
    assert_eq!(moved.body["field"], "key");
    change(&host, &id, json!({"url": "rtmp://other.example/x"}))
        .await
        .is(200);

    let kept = sealed(&app.db);
    assert_eq!(kept.len(), 1);
    for text in ["canary", "other.example"] {
        assert!(!has(&kept[0], text), "{text}");
    }
    if let busk_store::Database::Sqlite(path) = &app.db.database {
        for name in ["busk.db", "busk.db-wal"] {
            let bytes = std::fs::read(path.with_file_name(name)).unwrap();
            assert!(!has(&bytes, "canary"), "{name}");
        }
    }
    assert!(!app.log().contains("canary"));

    // Others neither read nor change it.
    for (who, status, code) in [(&eve, 403, "not_yours"), (&app.nobody(), 401, "sign_in_needed")] {
        who.get(TARGETS).await.problem(status, code);
        who.post(TARGETS, target(url, "key")).await.problem(status, code);
        let change = change(who, &id, json!({"enabled": true})).await;
        change.problem(status, code);
        let remove = who.send(Method::DELETE, &one, Value::Null).await;
        remove.problem(status, code);
    }
    let foreign = format!("/api/v1/channels/eve/restream-targets/{id}");
    let foreign = eve.send(Method::PATCH, &foreign, json!({"enabled": true})).await;
    foreign.problem(404, "target_unknown");
    let room = host
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201)
        .text("id");
    let states = format!("/api/v1/rooms/{room}/restream");
    eve.get(&states).await.problem(403, "not_yours");
    app.nobody().get(&states).await.problem(401, "sign_in_needed");
    assert_eq!(host.get(&states).await.is(200).body["items"][0]["state"], "off");

    host.send(Method::DELETE, &one, Value::Null).await.is(204);
    host.send(Method::DELETE, &one, Value::Null)
        .await
        .problem(404, "target_unknown");
    assert_eq!(host.get(TARGETS).await.is(200).body["items"], json!([]));
});

each_db!(what_cannot_be_is_refused_by_its_field, async |db| {
    let app = TestApp::start(BUSK, db).await;
    let host = app.sign_up("host").await;
    let long = "x".repeat(2_000);
    let good = "rtmp://a.example/live";
    for (name, url, key, field) in [
        ("", good, "key", "name"),
        (&long, good, "key", "name"),
        ("There", "http://a.example/live", "key", "url"),
        ("There", "rtmp://me:secret@a.example/live", "key", "url"),
        ("There", "rtmp://a.example", "key", "url"),
        ("There", "rtmp://127.1/live", "key", "url"),
        ("There", "rtmp://a.example/live/canary-key", "canary-key", "url"),
        ("There", &long, "key", "url"),
        ("There", good, " ", "key"),
        ("There", good, "two words", "key"),
        ("There", good, &long, "key"),
    ] {
        let body = json!({"name": name, "url": url, "key": key, "enabled": true});
        let answer = host.post(TARGETS, body).await.problem(422, "invalid");
        assert_eq!(answer.body["field"], field, "{url}: {:#}", answer.body);
    }
    assert_eq!(host.get(TARGETS).await.is(200).body["items"], json!([]));
    for n in 0..3 {
        host.post(TARGETS, target(good, &format!("key{n}"))).await.is(201);
    }
    host.post(TARGETS, target(good, "key3"))
        .await
        .problem(409, "too_many_targets");
    assert_eq!(
        host.get(TARGETS).await.is(200).body["items"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    // Each may have the server connect to somebody, so there is an end to them.
    let mut last = host.post(TARGETS, target(good, "key4")).await;
    for _ in 0..30 {
        last = host.post(TARGETS, target(good, "key4")).await;
    }
    assert!(last.problem(429, "too_fast").headers.contains_key("retry-after"));
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_sealing_key_stream_keys_are_entered_again() {
    let mut app = site().await;
    let host = app.sign_up("host").await;
    let url = "rtmp://a.example/live";
    let id = host.post(TARGETS, target(url, CANARY)).await.is(201).text("id");
    app.kill9();
    std::fs::remove_file(app.folder().join("sealing.key")).unwrap();
    app.restart().await;
    let host = app.again(&host);
    let listed = host.get(TARGETS).await.is(200);
    assert_eq!(listed.body["items"][0]["url"], Value::Null);
    let room = host
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201)
        .text("id");
    let refused = until_state(&host, &room, "refused").await;
    assert!(refused["why"].as_str().unwrap().contains("Enter it again"));
    // It can be switched off as it is, and without an address a key is of no use.
    change(&host, &id, json!({"enabled": false})).await.is(200);
    let answer = change(&host, &id, json!({"key": CANARY}))
        .await
        .problem(422, "invalid");
    assert_eq!(answer.body["field"], "url");
    let again = json!({"url": url, "key": CANARY, "enabled": true});
    assert_eq!(change(&host, &id, again).await.is(200).text("url"), url);
    until_state(&host, &room, "waiting").await;
}
