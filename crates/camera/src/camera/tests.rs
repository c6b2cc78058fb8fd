use super::*;
use crate::h264;

#[tokio::test]
async fn a_camera_films_while_somebody_watches() {
    let camera = Camera::start(CameraConfig {
        scene: Scene::Studio,
        name: "Ada".into(),
        width: 160,
        height: 90,
        fps: 30,
        bitrate_kbit: 200,
        layers: 1,
    })
    .unwrap();
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(
        camera.stats(),
        CameraStats::default(),
        "nobody watches, nothing is encoded"
    );

    let mut feed = camera.feed();
    let (mut video, mut audio) = (Vec::new(), Vec::new());
    while video.len() < 20 || audio.len() < 20 {
        let sample = feed.next().await.expect("the camera runs");
        if sample.kind == MediaKind::Video {
            &mut video
        } else {
            &mut audio
        }
        .push(sample);
    }
    assert!(
        video[0].keyframe && h264::is_keyframe(&video[0].bytes),
        "the first picture stands alone"
    );
    assert!(video.windows(2).all(|pair| pair[0].media_us < pair[1].media_us));
    assert!(
        audio
            .windows(2)
            .all(|pair| pair[1].media_us - pair[0].media_us == 20_000)
    );
    let apart = video[19].media_us.abs_diff(audio[19].media_us) as i64;
    assert!(apart < 400_000, "picture and sound drift by {apart} µs");

    let before = camera.stats().keyframes;
    feed.want_keyframe();
    while !feed.next().await.expect("the camera runs").keyframe {}
    assert_eq!(camera.stats().keyframes, before + 1);
    drop(camera);
    while feed.next().await.is_some() {}
}

#[test]
fn impossible_sizes_are_refused() {
    for (width, height, fps) in [
        (0, 360, 24),
        (640, 8, 24),
        (640, 360, 0),
        (640, 360, 600),
        (9_999, 360, 24),
    ] {
        let config = CameraConfig {
            width,
            height,
            fps,
            ..CameraConfig::demo(Scene::Sky, "x")
        };
        assert!(
            matches!(Camera::start(config), Err(CameraError::Size { .. })),
            "{width}x{height}@{fps}"
        );
    }
}
