//! Replays and the mixed program, over the real protocols, as ffmpeg sees them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Command;
use std::time::Duration;

use busk_camera::Publisher;
use busk_testkit::app::{Browser, TestApp};
use busk_testkit::db::TestDb;
use reqwest::Method;
use serde_json::{Value, json};

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

/// What ffprobe says of a file or an address; nothing on its error output.
async fn probed(url: String, what: &'static str) -> String {
    let probe = tokio::task::spawn_blocking(move || {
        let mut ffprobe = Command::new("ffprobe");
        ffprobe.args(["-v", "warning", "-count_packets", "-show_entries", what]);
        ffprobe.args(["-of", "csv=p=0", &url]);
        ffprobe.output().unwrap()
    });
    let output = probe.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

async fn until(what: &str, ready: impl AsyncFn() -> bool) {
    for looks in 0..150 {
        if ready().await {
            println!("{what}: there after {} ms", looks * 200);
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{what} did not come within 30 s");
}

async fn playlist(app: &TestApp, path: &str) -> String {
    let answer = reqwest::get(format!("http://{}{path}", app.http)).await.unwrap();
    answer.text().await.unwrap()
}

async fn end(host: &Browser, room: &str) {
    host.post(&format!("/api/v1/rooms/{room}/end"), json!({}))
        .await
        .is(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_is_there_to_be_seen_again_at_once_and_by_whom_its_creator_says() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let on_air = app.make_live(&host, "host").await;
    let room = on_air.room.clone();
    let live = format!("/hls/{room}/video.m3u8");
    until("two segments", async || {
        playlist(&app, &live).await.matches("#EXTINF").count() >= 2
    })
    .await;
    let say = json!({"id": uuid::Uuid::from_u128(5), "text": "that was it"});
    host.post(&format!("/api/v1/rooms/{room}/messages"), say)
        .await
        .is(201);
    tokio::time::sleep(Duration::from_secs(1)).await;
    end(&host, &room).await;
    on_air.publisher.stop().await;

    let path = format!("/api/v1/rooms/{room}/replay");
    let (nobody, eve) = (app.nobody(), app.sign_up("eve").await);
    until("the replay", async || {
        host.get(&path).await.body["recording"] == false
    })
    .await;
    let replay = host.get(&path).await.is(200).body;
    assert!(replay["duration_ms"].as_u64().unwrap() > 4_000, "{replay:#}");
    assert_eq!(
        (&replay["visibility"], &replay["mine"]),
        (&json!("private"), &json!(true))
    );
    for other in [&nobody, &eve] {
        other.get(&path).await.problem(404, "replay_unknown");
        let file = other.get(&format!("/replays/{room}/replay.mp4")).await;
        file.problem(404, "replay_unknown");
    }
    eve.send(Method::PATCH, &path, json!({"visibility": "public"}))
        .await
        .problem(403, "not_yours");
    host.send(Method::PATCH, &path, json!({"visibility": "public"}))
        .await
        .is(200);
    let listed = nobody.get("/api/v1/channels/host/replays").await.is(200);
    assert_eq!(listed.body["items"][0]["room"], json!(room));

    // By HLS, as a file, as a clip; and the log in time with it.
    let at = |name: &str| format!("http://{}/replays/{room}/{name}", app.http);
    let streams = probed(at("index.m3u8"), "stream=codec_name").await;
    assert!(streams.contains("h264") && streams.contains("aac"), "{streams}");
    let seconds: f64 = probed(at("replay.mp4"), "format=duration").await.parse().unwrap();
    let expected = replay["duration_ms"].as_u64().unwrap() as f64 / 1_000.0;
    assert!((seconds - expected).abs() < 0.2, "{seconds} s of {expected}");
    let clip = at("clip.mp4?from_ms=1000&to_ms=3000");
    let seconds: f64 = probed(clip, "format=duration").await.parse().unwrap();
    assert!((1.9..=4.1).contains(&seconds), "{seconds}");
    let range = nobody.request(Method::GET, &format!("/replays/{room}/replay.mp4"));
    let range = range.header("range", "bytes=4-7").send().await.unwrap();
    assert_eq!(range.status().as_u16(), 206);
    assert_eq!(range.bytes().await.unwrap(), "ftyp");
    let events = nobody.get(&format!("{path}/events")).await.is(200).body;
    let said = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|placed| placed["event"]["type"] == "said");
    let position = said.unwrap()["position_ms"].as_u64().unwrap();
    assert!(
        (3_000..=replay["duration_ms"].as_u64().unwrap()).contains(&position),
        "{position}"
    );

    host.send(Method::DELETE, &path, json!({})).await.is(204);
    nobody.get(&path).await.problem(404, "replay_unknown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_replay_over_a_crash_and_back() {
    let mut app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let on_air = app.make_live(&host, "host").await;
    let room = on_air.room.clone();
    let live = format!("/hls/{room}/video.m3u8");
    until("two segments", async || {
        playlist(&app, &live).await.matches("#EXTINF").count() >= 2
    })
    .await;
    on_air.publisher.stop().await;
    app.kill9();
    app.restart().await;
    let publisher = app.publish(&on_air.camera, "host", &on_air.key).await;
    until("two more", async || {
        playlist(&app, &live).await.matches("#EXTINF").count() >= 2
    })
    .await;
    let host = app.again(&host);
    end(&host, &room).await;
    publisher.stop().await;
    let path = format!("/api/v1/rooms/{room}/replay");
    until("the replay", async || {
        host.get(&path).await.body["recording"] == false
    })
    .await;
    let replay = host.get(&path).await.is(200).body;
    assert!(replay["duration_ms"].as_u64().unwrap() > 8_000, "{replay:#}");
    let playlist = host.request(Method::GET, &format!("/replays/{room}/video.m3u8"));
    let playlist = playlist.send().await.unwrap().text().await.unwrap();
    assert!(
        playlist.contains("#EXT-X-DISCONTINUITY") && playlist.contains("#EXT-X-ENDLIST"),
        "{playlist}"
    );

    // Long after, it is gone by itself.
    app.kill9();
    app.db.tamper("UPDATE room SET ended_at = 1").await;
    app.restart().await;
    let host = app.again(&host);
    until("the end of the replay", async || {
        host.get(&path).await.status.as_u16() == 404
    })
    .await;
}

/// The height of the pictures that the playlist's last map announces (ISO/IEC 14496-12 §12.1.3).
async fn last_height(app: &TestApp, room: &str) -> Option<u16> {
    let text = playlist(app, &format!("/hls/{room}/video.m3u8")).await;
    let map = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("#EXT-X-MAP:URI=\""))?;
    let url = format!("http://{}/hls/{room}/{}", app.http, map.trim_end_matches('"'));
    let init = reqwest::get(url).await.unwrap().bytes().await.unwrap();
    let entry = init.windows(4).position(|window| window == b"avc1")? + 4;
    let height = init.get(entry + 26..entry + 28)?;
    Some(u16::from_be_bytes([height[0], height[1]]))
}

/// Connects a guest's camera.
async fn guest(app: &TestApp, who: &Browser, room: &str) -> Publisher {
    let camera = app.camera("gus");
    let path = format!("/whip/rooms/{room}/stage");
    let feed = camera.feed();
    let publisher = Publisher::start_with(feed, async |offer| {
        let request = who
            .request(Method::POST, &path)
            .header("content-type", "application/sdp");
        let answer = request.body(offer).send().await.unwrap();
        Ok::<_, String>(answer.text().await.unwrap())
    });
    // The camera is to film on.
    std::mem::forget(camera);
    publisher.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_people_are_one_picture_in_the_program_and_a_slate_stands_for_nobody() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let on_air = app.make_live(&host, "host").await;
    let room = on_air.room.clone();
    let live = format!("/hls/{room}/index.m3u8");
    let size = async |wanted: u16| last_height(&app, &room).await == Some(wanted);
    until("the program", async || {
        playlist(&app, &live).await.contains("avc1")
    })
    .await;
    until("the host's own picture", async || size(180).await).await;

    let gus = app.sign_up("gus").await;
    let stage = |act: &str| format!("/api/v1/rooms/{room}/stage/{act}");
    host.post(&stage("invite"), json!({"handle": "gus"}))
        .await
        .is(200);
    gus.post(&stage("join"), json!({})).await.is(200);
    let guests = guest(&app, &gus, &room).await;
    until("a mixed picture", async || size(720).await).await;
    let seen: Value = host
        .get(&format!("/api/v1/rooms/{room}/stage"))
        .await
        .is(200)
        .body;
    assert_eq!(seen["seats"][1]["on_air"], true);
    gus.post(&stage("leave"), json!({})).await.is(200);
    until("the host's own picture again", async || size(180).await).await;
    guests.stop().await;

    // The host's camera is away: the playlist goes on with a slate.
    on_air.publisher.stop().await;
    until("a slate", async || size(720).await).await;
    end(&host, &room).await;
}
