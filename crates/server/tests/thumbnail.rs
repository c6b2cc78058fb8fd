//! What rooms on the air look like, for pages that list them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Command;
use std::time::Duration;

use busk_testkit::app::{Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::encoder::Encoder;
use image::{ImageFormat, RgbImage};
use reqwest::{Method, Response};
use serde_json::json;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

fn path(room: &str) -> String {
    format!("/api/v1/rooms/{room}/thumbnail")
}

async fn get(who: &Browser, room: &str) -> Response {
    who.request(Method::GET, &path(room)).send().await.unwrap()
}

/// The first thumbnail that is another than the one with this entity tag.
async fn newer(who: &Browser, room: &str, than: &str) -> (String, RgbImage) {
    for _ in 0..400 {
        let response = get(who, room).await;
        if response.status() == 200 {
            let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
            let etag = header("etag");
            if etag != than {
                assert_eq!(header("content-type"), "image/jpeg");
                assert_eq!(header("cache-control"), "public, max-age=10");
                let jpeg = response.bytes().await.unwrap();
                let shown = image::load_from_memory_with_format(&jpeg, ImageFormat::Jpeg).unwrap();
                return (etag, shown.to_rgb8());
            }
        } else {
            assert_eq!(response.status(), 404);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("there is no new thumbnail of {room}");
}

/// How far two pictures are apart, from 0 to 255.
fn distance(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a
        .iter()
        .zip(b.iter())
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.len() as f64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_room_has_a_picture_that_changes_and_is_gone_at_its_end() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let on_air = app.make_live(&host, "host").await;
    let anyone = app.nobody();
    let (first, shown) = newer(&anyone, &on_air.room, "").await;
    assert_eq!(shown.dimensions(), (320, 180));
    // The stage is lit, and not of one colour.
    let lit = shown
        .pixels()
        .filter(|pixel| pixel.0.iter().any(|value| *value > 96))
        .count();
    assert!(lit * 10 > shown.pixels().len(), "{lit} pixels are lit");
    let grey = RgbImage::from_pixel(320, 180, image::Rgb([128; 3]));
    let black = RgbImage::new(320, 180);
    assert!(distance(&shown, &grey) > 10.0 && distance(&shown, &black) > 10.0);

    let room = anyone
        .get(&format!("/api/v1/rooms/{}", on_air.room))
        .await
        .is(200);
    assert!(room.body["thumbnail_at"].is_string(), "{:#}", room.body);
    let known = anyone
        .request(Method::GET, &path(&on_air.room))
        .header("if-none-match", &first);
    assert_eq!(known.send().await.unwrap().status(), 304);

    let (second, later) = newer(&anyone, &on_air.room, &first).await;
    assert_ne!(second, first);
    assert!(distance(&shown, &later) > 0.5, "what moves has moved");

    let end = format!("/api/v1/rooms/{}/end", on_air.room);
    host.post(&end, json!({})).await.is(200);
    let mut status = 200;
    for _ in 0..100 {
        status = get(&anyone, &on_air.room).await.status().as_u16();
        if status == 404 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(status, 404);
    anyone.get(&path(&on_air.room)).await.problem(404, "no_thumbnail");
    let room = anyone
        .get(&format!("/api/v1/rooms/{}", on_air.room))
        .await
        .is(200);
    assert!(room.body["thumbnail_at"].is_null(), "{:#}", room.body);
    on_air.publisher.stop().await;
}

/// What the encoder films, as ffmpeg itself shows it.
fn filmed() -> RgbImage {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=30",
    ]);
    ffmpeg.args(["-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]);
    let done = ffmpeg.output().unwrap();
    RgbImage::from_raw(320, 180, done.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encoders_picture_is_in_its_colours_also_with_pictures_out_of_order() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let key = host.stream_key("host").await;
    let _encoder = Encoder::start(&app.rtmp_url(&key), &["-bf", "2", "-profile:v", "high"]);
    let room = app.room_in_state("host", "live").await;
    let (_, shown) = newer(&app.nobody(), &room, "").await;
    let apart = distance(&shown, &filmed());
    // A clock and a box move over the bars.
    assert!(apart < 24.0, "{apart} apart");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_is_not_on_the_air_has_none() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let lobby = host
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201);
    let lobby = lobby.text("id");
    for room in [&*lobby, "01980000-0000-7000-8000-000000000000"] {
        host.get(&path(room)).await.problem(404, "no_thumbnail");
    }
    host.get(&path("nothing")).await.is(404);
}
