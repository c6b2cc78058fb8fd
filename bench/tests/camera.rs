//! The synthetic camera through the real media plane to a viewer that decodes: what the demo is made
//! of, and what tells that publisher, server and viewer agree on more than packet counts.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use busk_base::{MediaSessionId, RoomId};
use busk_camera::{Camera, CameraConfig, Publisher, Scene, ViewOptions, Viewer};
use busk_media::{Config, Media, MediaEvent, Publish, View};
use tokio::sync::mpsc;
use uuid::Uuid;

const ROOM: RoomId = RoomId(Uuid::from_u128(7));

fn media() -> (Media, mpsc::Receiver<MediaEvent>) {
    recording_media(None)
}

fn recording_media(folder: Option<&std::path::Path>) -> (Media, mpsc::Receiver<MediaEvent>) {
    let mut config = Config::new(
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        busk_base::Timestamp::from_unix_us(0),
    );
    config.advertised = vec![Ipv4Addr::LOCALHOST.into()];
    config.recordings = folder.map(Into::into);
    let (events, happenings) = mpsc::channel(64);
    (
        Media::start(&config, events).expect("loopback has free ports"),
        happenings,
    )
}

fn session() -> MediaSessionId {
    MediaSessionId(Uuid::now_v7())
}

async fn view(media: &Media) -> Viewer {
    let signal = async |offer| {
        let answer = media.view(View::anybody(ROOM, session(), offer)).await;
        answer
            .map(|answer| answer.sdp)
            .map_err(|refused| refused.to_string())
    };
    Viewer::start_with(
        ViewOptions {
            decode: true,
            people: 1,
        },
        signal,
    )
    .await
    .expect("the offer is answered")
}

async fn publish(media: &Media, camera: &Camera) -> Publisher {
    let signal = async |offer| {
        let answer = media.publish(Publish::host(ROOM, session(), offer)).await;
        answer
            .map(|answer| answer.sdp)
            .map_err(|refused| refused.to_string())
    };
    Publisher::start_with(camera.feed(), signal)
        .await
        .expect("the offer is answered")
}

async fn next(happenings: &mut mpsc::Receiver<MediaEvent>) -> MediaEvent {
    let soon = tokio::time::timeout(Duration::from_secs(20), happenings.recv()).await;
    soon.expect("something happens within 20 s")
        .expect("the media plane runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_see_the_clock_the_camera_films() {
    let (media, mut happenings) = media();
    let camera = Camera::start(CameraConfig::demo(Scene::Stage, "Ada")).unwrap();
    let mut publisher = publish(&media, &camera).await;
    assert!(publisher.connected().await);
    assert!(matches!(
        next(&mut happenings).await,
        MediaEvent::PublisherConnected { room: ROOM, .. }
    ));

    // One joins at once, one into the middle of a stream: both begin with a whole keyframe.
    for late in [false, true] {
        if late {
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        let mut viewer = view(&media).await;
        let seen = viewer
            .until(Duration::from_secs(30), |s| {
                s.decoded >= 48 && s.audio_packets >= 50
            })
            .await;
        let seen = seen.unwrap_or_else(|last| panic!("only {last:?}; {:?}", publisher.stats()));
        assert_eq!(seen.lost, 0);
        assert!(seen.decoded == seen.frames, "every picture was decoded: {seen:?}");
        assert!(seen.latency_ms.is_some(), "the clock was read: {seen:?}");
        assert!(matches!(
            next(&mut happenings).await,
            MediaEvent::ViewerConnected { .. }
        ));
        viewer.stop().await;
        assert!(matches!(
            next(&mut happenings).await,
            MediaEvent::ViewerGone { .. }
        ));
    }
    publisher.stop().await;
    assert!(matches!(
        next(&mut happenings).await,
        MediaEvent::PublisherLost { room: ROOM, .. }
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_goes_on_when_the_camera_comes_back() {
    let (media, mut happenings) = media();
    let camera = Camera::start(CameraConfig::demo(Scene::Sky, "Mira")).unwrap();
    let mut first = publish(&media, &camera).await;
    assert!(first.connected().await);
    assert!(matches!(
        next(&mut happenings).await,
        MediaEvent::PublisherConnected { .. }
    ));
    let mut viewer = view(&media).await;
    let before = viewer
        .until(Duration::from_secs(30), |s| s.decoded >= 5)
        .await
        .unwrap();
    first.stop().await;
    while !matches!(next(&mut happenings).await, MediaEvent::PublisherLost { .. }) {}

    let second = publish(&media, &camera).await;
    let after = viewer
        .until(Duration::from_secs(30), |s| s.decoded >= before.decoded + 30)
        .await;
    let after = after.unwrap_or_else(|last| panic!("no picture of the second camera: {last:?}"));
    assert_eq!(after.lost, 0, "the change shows in no sequence number");
    viewer.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_gets_the_layer_its_tile_can_use_and_changes_without_a_freeze() {
    let (media, mut happenings) = media();
    let camera = |height: usize| {
        let config = CameraConfig {
            width: height * 16 / 9,
            height,
            bitrate_kbit: height as u32 / 2,
            ..CameraConfig::demo(Scene::Stage, "Ada")
        };
        Camera::start(config).unwrap()
    };
    let cameras = [camera(360), camera(180), camera(90)];
    let feeds = cameras.iter().map(Camera::feed).collect();
    let signal = async |offer| {
        let answer = media.publish(Publish::host(ROOM, session(), offer)).await;
        answer
            .map(|answer| answer.sdp)
            .map_err(|refused| refused.to_string())
    };
    let mut publisher = Publisher::start_layers_with(feeds, signal).await.unwrap();
    assert!(publisher.connected().await);
    assert!(matches!(
        next(&mut happenings).await,
        MediaEvent::PublisherConnected { .. }
    ));
    tokio::time::sleep(Duration::from_secs(2)).await;

    let watching = session();
    let signal = async |offer| {
        let answer = media.view(View::anybody(ROOM, watching, offer)).await;
        answer
            .map(|answer| answer.sdp)
            .map_err(|refused| refused.to_string())
    };
    let options = ViewOptions {
        decode: true,
        people: 1,
    };
    let mut viewer = Viewer::start_with(options, signal).await.unwrap();
    let wait = Duration::from_secs(30);
    let best = viewer.until(wait, |s| s.height == 360 && s.decoded > 30).await;
    best.unwrap_or_else(|last| panic!("never the best layer: {last:?}"));
    for (tile, height) in [(90, 90), (100, 180), (1_080, 360), (80, 90)] {
        let before = viewer.stats().decoded;
        assert!(media.tiles(watching, vec![tile]).await);
        let changed = viewer
            .until(wait, |s| s.height == height && s.decoded > before + 60)
            .await;
        let changed = changed.unwrap_or_else(|last| panic!("{tile}: {last:?}"));
        assert_eq!(changed.lost, 0, "the change shows in no sequence number");
    }
    let seen = viewer.stats();
    assert_eq!(
        seen.decoded, seen.frames,
        "every picture follows from the one before: {seen:?}"
    );

    // What is not shown is not sent, and there again at once.
    assert!(media.tiles(watching, vec![0]).await);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let hidden = viewer.stats().video_packets;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(viewer.stats().video_packets, hidden);
    assert!(media.tiles(watching, vec![360]).await);
    let shown = viewer.until(wait, |s| s.video_packets > hidden + 30).await;
    shown.unwrap_or_else(|last| panic!("{last:?}"));
    assert!(!media.tiles(session(), vec![1]).await);
    viewer.stop().await;
    publisher.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_media_plane_ends_in_the_middle_of_a_recorded_live() {
    let folder = tempfile::tempdir().unwrap();
    let (media, mut happenings) = recording_media(Some(folder.path()));
    let camera = Camera::start(CameraConfig::demo(Scene::Stage, "Ada")).unwrap();
    let mut publisher = publish(&media, &camera).await;
    assert!(publisher.connected().await);
    next(&mut happenings).await;
    media.broadcast(ROOM);
    while media.program(ROOM).is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ends = tokio::task::spawn_blocking(move || drop(media));
    let ended = tokio::time::timeout(Duration::from_secs(30), ends).await;
    ended.expect("the threads end").unwrap();
    drop(publisher);
}
