//! A live room by LL-HLS: what players and caches are promised (RFC 8216bis), and what ffmpeg says of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use busk_camera::{Camera, CameraConfig, Scene};
use busk_testkit::app::{OnAir, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::edge::Edge;
use busk_testkit::player::{faults, play};
use reqwest::Response;
use serde_json::json;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

struct Hls<'a> {
    app: &'a TestApp,
    room: String,
}

impl Hls<'_> {
    fn url(&self, name: &str) -> String {
        format!("http://{}/hls/{}/{name}", self.app.http, self.room)
    }

    async fn get(&self, name: &str) -> Response {
        reqwest::get(self.url(name)).await.unwrap()
    }

    /// Asks until it is there.
    async fn text(&self, name: &str) -> String {
        for _ in 0..150 {
            let answer = self.get(name).await;
            if answer.status().is_success() {
                return answer.text().await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no {name} within 15 s")
    }

    /// Asks until it says so.
    async fn until(&self, name: &str, said: impl Fn(&str) -> bool) -> String {
        for _ in 0..200 {
            let text = self.text(name).await;
            if said(&text) {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{name} never says it: {}", self.text(name).await)
    }
}

fn number(playlist: &str, tag: &str) -> u64 {
    let line = playlist.lines().find_map(|line| line.strip_prefix(tag));
    line.unwrap_or_else(|| panic!("no {tag} in {playlist}"))
        .parse()
        .unwrap()
}

/// Names of whole segments, oldest first.
fn segments(playlist: &str) -> Vec<&str> {
    playlist
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

async fn on_air(app: &TestApp) -> (busk_testkit::app::Browser, OnAir) {
    let host = app.sign_up("host").await;
    let on_air = app.make_live(&host, "host").await;
    (host, on_air)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_room_is_played_by_hls() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let (host, on_air) = on_air(&app).await;
    let hls = Hls {
        app: &app,
        room: on_air.room.clone(),
    };
    let master = hls.text("index.m3u8").await;
    assert!(
        master.contains("avc1.") && master.contains("mp4a.40.2"),
        "{master}"
    );

    // Blocking reload: the part after the last comes when it is made, and in that playlist.
    let known = hls.until("video.m3u8", |text| segments(text).len() >= 2).await;
    let next = number(&known, "#EXT-X-MEDIA-SEQUENCE:") + segments(&known).len() as u64 + 1;
    let waited = hls.get(&format!("video.m3u8?_HLS_msn={next}&_HLS_part=0")).await;
    assert_eq!(waited.status(), 200);
    let waited = waited.text().await.unwrap();
    assert!(waited.contains(&format!("v-{next}-0.m4s")), "{waited}");
    let far = hls.get(&format!("video.m3u8?_HLS_msn={}", next + 9)).await;
    assert_eq!(far.status(), 400);

    // Whatever a playlist names is there, and may be kept for ever.
    for name in segments(&waited) {
        let segment = hls.get(name).await;
        assert_eq!(segment.status(), 200, "{name}");
        let cached = segment.headers()["cache-control"].to_str().unwrap().to_owned();
        assert!(cached.contains("immutable"), "{cached}");
    }
    assert_eq!(hls.get("v-999999.m4s").await.status(), 404);
    assert_eq!(hls.get("..%2f..%2fetc%2fpasswd").await.status(), 404);

    assert_eq!(play(&hls.url("index.m3u8"), 4).await, "");

    let health = format!("/api/v1/rooms/{}/health", on_air.room);
    let seat = host.get(&health).await.is(200).body["seats"][0].clone();
    let round_trip = seat["round_trip_ms"].as_u64();
    assert!(round_trip.is_some_and(|ms| ms < 1_000), "{seat:#}");

    let end = format!("/api/v1/rooms/{}/end", on_air.room);
    host.post(&end, json!({})).await.is(200);
    let ended = hls
        .until("video.m3u8", |text| text.contains("#EXT-X-ENDLIST"))
        .await;
    assert!(!segments(&ended).is_empty());
    on_air.publisher.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_layers_of_a_camera_are_the_sizes_to_choose_from() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let key = host.post("/api/v1/channels/host/stream-key", json!({})).await;
    let key = key.is(201).text("key");
    let config = CameraConfig {
        width: 640,
        height: 360,
        layers: 3,
        ..CameraConfig::demo(Scene::Stage, "host")
    };
    let camera = Camera::start(config).unwrap();
    let publisher = app.publish(&camera, "host", &key).await;
    let room = app.room_in_state("host", "live").await;
    let hls = Hls { app: &app, room };
    let master = hls.until("index.m3u8", |text| segments(text).len() == 3).await;
    assert_eq!(segments(&master), ["video.m3u8", "video-2.m3u8", "video-3.m3u8"]);

    for (name, size) in [
        ("video.m3u8", "640,360"),
        ("video-2.m3u8", "320,180"),
        ("video-3.m3u8", "160,90"),
    ] {
        assert!(
            master.contains(&format!("RESOLUTION={}", size.replace(',', "x"))),
            "{master}"
        );
        let url = hls.url(name);
        let seen = tokio::task::spawn_blocking(move || {
            let mut ffprobe = Command::new("ffprobe");
            ffprobe.args([
                "-v",
                "repeat+warning",
                "-show_entries",
                "stream=width,height",
                "-of",
                "csv=p=0",
                &url,
            ]);
            ffprobe.output().unwrap()
        });
        let seen = seen.await.unwrap();
        assert_eq!(faults(&seen.stderr), "", "{name}");
        assert_eq!(
            String::from_utf8_lossy(&seen.stdout).lines().next().unwrap(),
            size,
            "{name}"
        );
    }

    // Whoever goes from one size to another finds the same moments under the same numbers.
    let best = hls.text("video.m3u8").await;
    let rung = hls.text("video-3.m3u8").await;
    let moments = |text: &str| {
        let of = |tag: &'static str| text.lines().filter(move |line| line.starts_with(tag));
        let moments = of("#EXT-X-PROGRAM-DATE-TIME:").map(str::to_owned);
        let number = number(text, "#EXT-X-MEDIA-SEQUENCE:");
        (number..).zip(moments).collect::<BTreeMap<u64, String>>()
    };
    let (best, rung) = (moments(&best), moments(&rung));
    let both: Vec<_> = best
        .iter()
        .filter(|(number, _)| rung.contains_key(number))
        .collect();
    assert!(both.len() >= 3);
    assert!(
        both.iter().all(|(number, moment)| rung[number] == **moment),
        "{best:?} {rung:?}"
    );
    publisher.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_cache_the_origin_is_asked_once() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let (_, on_air) = on_air(&app).await;
    let hls = Hls {
        app: &app,
        room: on_air.room.clone(),
    };
    let known = hls.until("video.m3u8", |text| !segments(text).is_empty()).await;
    let locations = "location / { proxy_pass http://127.0.0.1:8080; proxy_cache busk;
        proxy_cache_key $uri$is_args$args; proxy_cache_lock on; add_header X-Cache $upstream_cache_status; }";
    let edge = Edge::start(&app, locations).await;
    let url = |name: &str| format!("http://{}/hls/{}/{name}", edge.address, hls.room);

    // Thirty viewers wait for the same part: one of them is the origin's.
    let next = number(&known, "#EXT-X-MEDIA-SEQUENCE:") + segments(&known).len() as u64 + 1;
    let blocking = url(&format!("video.m3u8?_HLS_msn={next}&_HLS_part=0"));
    let mut viewers = tokio::task::JoinSet::new();
    for _ in 0..30 {
        viewers.spawn(reqwest::get(blocking.clone()));
    }
    let (mut texts, mut asked) = (Vec::new(), 0);
    while let Some(answer) = viewers.join_next().await {
        let answer = answer.unwrap().unwrap();
        asked += usize::from(answer.headers()["x-cache"] == "MISS");
        texts.push(answer.text().await.unwrap());
    }
    assert_eq!(asked, 1);
    assert!(
        texts
            .iter()
            .all(|text| *text == texts[0] && text.contains(&format!("v-{next}-0.m4s")))
    );

    for expected in ["MISS", "HIT"] {
        let segment = reqwest::get(url(segments(&known)[0])).await.unwrap();
        assert_eq!(
            (segment.status().as_u16(), &segment.headers()["x-cache"]),
            (200, &expected.parse().unwrap())
        );
    }
    on_air.publisher.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_playlist_goes_on_when_the_camera_comes_back() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let (_, on_air) = on_air(&app).await;
    let hls = Hls {
        app: &app,
        room: on_air.room.clone(),
    };
    hls.until("video.m3u8", |text| !segments(text).is_empty()).await;
    on_air.publisher.stop().await;
    let before = hls.text("video.m3u8").await;
    let publisher = app.publish(&on_air.camera, "host", &on_air.key).await;
    let after = hls
        .until("video.m3u8", |text| {
            text.contains("#EXT-X-DISCONTINUITY\n") && segments(text).len() > segments(&before).len()
        })
        .await;
    assert!(
        number(&after, "#EXT-X-MEDIA-SEQUENCE:") >= number(&before, "#EXT-X-MEDIA-SEQUENCE:"),
        "numbers only grow"
    );
    publisher.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_numbers_go_on() {
    let mut app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let (_, on_air) = on_air(&app).await;
    let room = on_air.room.clone();
    let hls = Hls {
        app: &app,
        room: room.clone(),
    };
    let before = hls.until("video.m3u8", |text| segments(text).len() >= 2).await;
    on_air.publisher.stop().await;
    app.kill9();
    app.restart().await;
    let publisher = app.publish(&on_air.camera, "host", &on_air.key).await;
    let hls = Hls { app: &app, room };
    let after = hls.until("video.m3u8", |text| !segments(text).is_empty()).await;
    let last = number(&before, "#EXT-X-MEDIA-SEQUENCE:") + segments(&before).len() as u64;
    assert!(
        number(&after, "#EXT-X-MEDIA-SEQUENCE:") > last,
        "no number is given to other media"
    );
    publisher.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_before_going_live_is_in_no_program() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let room = host.post("/api/v1/rooms", json!({"title": "Songs"})).await;
    let room = room.is(201).text("id");
    let key = host.post("/api/v1/channels/host/stream-key", json!({})).await;
    let key = key.is(201).text("key");
    let camera = app.camera("host");
    let publisher = app.publish(&camera, "host", &key).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let hls = Hls {
        app: &app,
        room: room.clone(),
    };
    assert_eq!(hls.get("index.m3u8").await.status(), 404);
    host.post(&format!("/api/v1/rooms/{room}/live"), json!({}))
        .await
        .is(200);
    hls.text("index.m3u8").await;
    let nobodys = Hls {
        app: &app,
        room: uuid::Uuid::from_u128(9).to_string(),
    };
    assert_eq!(nobodys.get("index.m3u8").await.status(), 404);
    publisher.stop().await;
}
