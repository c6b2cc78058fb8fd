//! Encoders that come by RTMP, as ffmpeg and OBS do: seen in real time where that can be, by LL-HLS always.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use busk_camera::{ClientError, ViewOptions, Viewer};
use busk_testkit::app::TestApp;
use busk_testkit::db::TestDb;
use busk_testkit::encoder::Encoder;
use busk_testkit::player::play;
use serde_json::json;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const WAIT: Duration = Duration::from_secs(40);

/// Plays a few seconds by LL-HLS, all with one initialization; what ffmpeg has to say against it.
async fn played(app: &TestApp, room: &str) -> String {
    let url = format!("http://{}/hls/{room}/index.m3u8", app.http);
    let video = url.replace("index", "video");
    for _ in 0..200 {
        let playlist = reqwest::get(&video).await.unwrap().text().await.unwrap();
        if playlist.matches("#EXTINF").count() >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let said = play(&url, 3).await;
    let playlist = reqwest::get(&video).await.unwrap().text().await.unwrap();
    assert_eq!(playlist.matches("#EXT-X-MAP").count(), 1, "{playlist}");
    said
}

async fn watch(app: &TestApp, room: &str) -> Result<Viewer, ClientError> {
    let options = ViewOptions {
        decode: true,
        people: 1,
    };
    Viewer::start(&format!("http://{}/whep/{room}", app.http), None, options).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encoder_is_seen_and_heard_in_real_time_and_by_hls() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let key = host.stream_key("host").await;
    let baseline = ["-tune", "zerolatency", "-profile:v", "baseline"];
    let encoder = Encoder::start(&app.rtmp_url(&key), &baseline);
    let room = app.room_in_state("host", "live").await;
    let mut viewer = watch(&app, &room).await.unwrap();
    let seen = viewer
        .until(WAIT, |s| s.decoded > 60 && s.audio_packets > 100)
        .await;
    let seen = seen.unwrap_or_else(|last| panic!("{last:?}"));
    assert_eq!((seen.lost, seen.decoded), (0, seen.frames), "{seen:?}");
    assert_eq!(played(&app, &room).await, "");
    let health = host
        .get(&format!("/api/v1/rooms/{room}/health"))
        .await
        .is(200)
        .body;
    let seat = &health["seats"][0];
    assert_eq!(
        (&seat["height"], &seat["lost_permille"]),
        (&json!(180), &json!(0)),
        "{health:#}"
    );
    assert!(
        (20..=40).contains(&seat["frames_per_s"].as_u64().unwrap()),
        "{health:#}"
    );
    assert!(
        (1_500..=2_500).contains(&seat["keyframe_gap_ms"].as_u64().unwrap()),
        "{health:#}"
    );
    assert!(seat["video_bps"].as_u64().unwrap() > 50_000 && seat["audio_bps"].as_u64().unwrap() > 10_000);
    assert_eq!(
        (&health["watching_live"], &seat["reordered"]),
        (&json!(1), &json!(false))
    );
    assert!(
        health["recording"]["bytes"].as_u64().unwrap() > 10_000 && health["recording"]["fault"].is_null()
    );
    app.nobody()
        .get(&format!("/api/v1/rooms/{room}/health"))
        .await
        .problem(401, "sign_in_needed");

    // The seat is taken: another encoder is told so, and the first goes on.
    let second = Encoder::start(&app.rtmp_url(&key), &baseline).ended().await;
    assert!(!second.is_empty());
    let wrong = Encoder::start(&app.rtmp_url("busk_nokey"), &baseline)
        .ended()
        .await;
    assert!(!wrong.is_empty());
    let before = viewer.stats().decoded;
    viewer.until(WAIT, |s| s.decoded > before + 30).await.unwrap();

    // From OBS to the browser: the same viewer sees on, in the same room.
    drop(encoder);
    app.room_in_state("host", "interrupted").await;
    let camera = app.camera("host");
    let publisher = app.publish(&camera, "host", &key).await;
    assert_eq!(app.room_in_state("host", "live").await, room);
    let before = viewer.stats().decoded;
    viewer.until(WAIT, |s| s.decoded > before + 30).await.unwrap();
    viewer.stop().await;
    publisher.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_out_of_order_are_for_hls_only() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let key = host.stream_key("host").await;
    let _encoder = Encoder::start(&app.rtmp_url(&key), &["-bf", "2", "-profile:v", "high"]);
    let room = app.room_in_state("host", "live").await;
    assert_eq!(played(&app, &room).await, "");
    match watch(&app, &room).await {
        Err(ClientError::Refused {
            status: 409, body, ..
        }) => assert!(body.contains("hls_only"), "{body}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("nobody can watch this in real time"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_strangers_cost_a_running_live_nothing() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let on_air = app.make_live(&host, "host").await;
    let mut viewer = watch(&app, &on_air.room).await.unwrap();
    viewer.until(WAIT, |s| s.decoded > 20).await.unwrap();
    let memory = app.memory_kb();
    let address = app.rtmp;
    let strangers = tokio::task::spawn_blocking(move || {
        let mut open = Vec::new();
        for number in 0..1_000_u32 {
            let Ok(mut stream) = TcpStream::connect(address) else {
                continue;
            };
            stream.set_nodelay(true).unwrap();
            // Nothing, half a handshake, a whole one with garbage after it, a flood.
            let length = [0, 700, 1_537 + 1_536 + 200, 60_000][number as usize % 4];
            let mut bytes: Vec<u8> = (0..length as u32)
                .map(|at| (at.wrapping_mul(2_654_435_761).wrapping_add(number) >> 9) as u8)
                .collect();
            if let Some(version) = bytes.first_mut() {
                *version = 3;
            }
            // Whoever is shown the door cannot write.
            let _ = stream.write_all(&bytes);
            open.push(stream);
        }
        std::thread::sleep(Duration::from_secs(3));
        open.len()
    });
    assert!(strangers.await.unwrap() > 900);
    let grown = app.memory_kb().saturating_sub(memory);
    assert!(grown <= 128 * 1_024, "memory grew by {grown} kB");
    let before = viewer.stats().decoded;
    let seen = viewer.until(WAIT, |s| s.decoded > before + 30).await;
    let seen = seen.unwrap_or_else(|last| panic!("{last:?}"));
    assert_eq!((seen.lost, seen.decoded), (0, seen.frames), "{seen:?}");

    // And who has a key still comes in.
    on_air.publisher.stop().await;
    let encoder = Encoder::start(&app.rtmp_url(&on_air.key), &["-tune", "zerolatency"]);
    let before = viewer.stats().decoded;
    viewer.until(WAIT, |s| s.decoded > before + 30).await.unwrap();
    drop(encoder);
    viewer.stop().await;
}
