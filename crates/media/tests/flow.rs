//! Media from a camera to viewers, over real sockets on loopback.

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use busk_media::{MediaEvent, Trickle, View};
use common::{Got, Peer, Running, event, media, on_air, publish, until, view};

/// What a viewer has of the picture in the order of numbers, once there is a number of packets without a gap:
/// a crowded machine may lose some, which are then sent again.
async fn whole(viewer: &Running, count: usize) -> Vec<Got> {
    let mut whole = Vec::new();
    until("a stream without gaps", async || {
        let mut video = viewer.shared.video();
        video.sort_by_key(|got| got.seq);
        let follows = |pair: &[Got]| pair[1].seq == pair[0].seq + 1;
        let unbroken = 1 + video.windows(2).take_while(|pair| follows(pair)).count();
        whole = video.into_iter().take(unbroken).collect();
        unbroken >= count
    })
    .await;
    whole
}

/// The first packet is the start of a keyframe, times never go back, a frame has one time and ends with a marker.
fn assert_decodable(video: &[Got]) {
    assert!(
        video[0].is_parameter_sets(),
        "starts with SPS and PPS, not {:?}",
        &video[0].payload[..2]
    );
    assert_eq!(video[1].payload[1], 0x80 | 5, "then the first part of the IDR");
    assert!(
        video[0].seq < 1 << 15,
        "the rollover counter is zero: {}",
        video[0].seq
    );
    for pair in video.windows(2) {
        assert!(
            pair[1].time >= pair[0].time,
            "{} then {}",
            pair[0].time,
            pair[1].time
        );
        let same_frame = pair[0].frame() == pair[1].frame();
        assert_eq!(same_frame, pair[0].time == pair[1].time);
        assert_eq!(!same_frame, pair[0].marker);
    }
}

#[tokio::test]
async fn a_viewer_gets_a_stream_that_can_be_decoded_from_its_first_packet() {
    let (media, mut events) = media(1);
    let (room, _, _camera) = on_air(&media, &mut events, Peer::camera()).await;
    let (session, viewer) = view(&media, room, Peer::viewer()).await;
    assert_eq!(
        event(&mut events).await,
        MediaEvent::ViewerConnected { room, session }
    );
    assert_decodable(&whole(&viewer, 100).await);
    let audio = viewer.shared.audio();
    assert!(audio.len() > 10);
    // Sound that a crowded machine loses is not sent again.
    let steps: Vec<u64> = audio.windows(2).map(|pair| pair[1].time - pair[0].time).collect();
    assert!(steps.iter().all(|step| step % 960 == 0), "{steps:?}");
    let figures = media.stats(room).await.unwrap();
    assert!(
        figures.on_air && figures.viewers == 1 && figures.seats[0].video.lost == 0,
        "{figures:?}"
    );
}

#[tokio::test]
async fn udp_may_be_blocked() {
    let (media, mut events) = media(2);
    let server = media.address();
    let (room, _, _camera) = on_air(&media, &mut events, Peer::new(true, Some(server))).await;
    let (session, viewer) = view(&media, room, Peer::new(false, Some(server))).await;
    assert_eq!(
        event(&mut events).await,
        MediaEvent::ViewerConnected { room, session }
    );
    assert_decodable(&whole(&viewer, 100).await);
}

#[tokio::test]
async fn any_thread_may_get_the_datagrams_of_any_room() {
    let (media, mut events) = media(4);
    let mut rooms = Vec::new();
    for _ in 0..3 {
        rooms.push(on_air(&media, &mut events, Peer::camera()).await);
    }
    let mut viewers = Vec::new();
    for (room, _, _) in &rooms {
        viewers.push(view(&media, *room, Peer::viewer()).await.1);
    }
    until("all watch", async || {
        viewers.iter().all(|viewer| viewer.shared.video().len() > 60)
    })
    .await;
    for viewer in &viewers {
        assert_decodable(&whole(viewer, 60).await);
    }
}

#[tokio::test]
async fn a_late_joiner_starts_from_the_keyframe_kept_and_is_soon_in_the_present() {
    let (media, mut events) = media(1);
    let mut camera = Peer::camera();
    camera.keyframe_every = 1_000;
    camera.frame_packets = 8;
    let (room, _, camera) = on_air(&media, &mut events, camera).await;
    until("camera asked once", async || {
        camera.shared.keyframes_sent.load(Ordering::Relaxed) >= 1
    })
    .await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    let sent = camera.shared.keyframes_sent.load(Ordering::Relaxed);
    let (_, viewer) = view(&media, room, Peer::viewer()).await;
    assert_eq!(
        camera.shared.keyframes_sent.load(Ordering::Relaxed),
        sent,
        "nobody asked for a keyframe"
    );
    let video = whole(&viewer, 400).await;
    assert_decodable(&video);
    // The second that was missed came in little time of the stream.
    let past = &video[..video.len().min(28 * 8)];
    assert!(past[past.len() - 1].time - past[0].time < 90_000 / 2);
    // From there on one frame is one frame's time.
    let last = video
        .iter()
        .rev()
        .filter(|got| got.marker)
        .take(5)
        .collect::<Vec<_>>();
    assert!(last.windows(2).all(|pair| pair[0].time - pair[1].time == 2_970));
}

#[tokio::test]
async fn viewers_stay_while_the_camera_comes_back() {
    let (media, mut events) = media(1);
    let (room, first, mut camera) = on_air(&media, &mut events, Peer::camera()).await;
    let (viewing, viewer) = view(&media, room, Peer::viewer()).await;
    assert_eq!(
        event(&mut events).await,
        MediaEvent::ViewerConnected {
            room,
            session: viewing
        }
    );
    until("watching", async || viewer.shared.video().len() > 60).await;
    camera.stop();
    assert_eq!(
        event(&mut events).await,
        MediaEvent::PublisherLost {
            room,
            seat: 0,
            session: first
        }
    );
    assert!(!media.stats(room).await.unwrap().on_air);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = viewer.shared.video().len();
    let (second, _camera) = publish(&media, room, Peer::camera()).await;
    assert_eq!(
        event(&mut events).await,
        MediaEvent::PublisherConnected {
            room,
            seat: 0,
            session: second
        }
    );
    until("watching again", async || {
        viewer.shared.video().len() > before + 60
    })
    .await;
    let video = whole(&viewer, before + 30).await;
    assert!(video[0].is_parameter_sets());
    // The second camera counts its frames from zero again.
    let cut = 1 + video
        .windows(2)
        .position(|pair| pair[1].frame() < pair[0].frame())
        .expect("a cut");
    assert!(video[cut].is_parameter_sets());
    let gap = video[cut].time - video[cut - 1].time;
    let real = (video[cut].at - video[cut - 1].at).as_micros() as u64 * 90 / 1_000;
    assert!(
        gap.abs_diff(real) < 90_000 / 4,
        "time goes on as it does outside: {gap} for {real}"
    );
    assert_eq!(media.sessions(), 2);
}

#[tokio::test]
async fn what_is_lost_on_the_way_is_sent_again() {
    let (media, mut events) = media(1);
    let (room, _, _camera) = on_air(&media, &mut events, Peer::camera()).await;
    let viewer = Peer::viewer();
    viewer.shared.lose_every.store(20, Ordering::Relaxed);
    let (_, viewer) = view(&media, room, viewer).await;
    until("enough", async || viewer.shared.video().len() > 200).await;
    viewer.shared.lose_every.store(0, Ordering::Relaxed);
    let count = viewer.shared.video().len();
    assert_decodable(&whole(&viewer, count).await);
}

#[tokio::test]
async fn a_viewers_wish_for_a_keyframe_reaches_the_camera_but_not_too_often() {
    let (media, mut events) = media(1);
    let mut camera = Peer::camera();
    camera.keyframe_every = 1_000;
    let (room, _, camera) = on_air(&media, &mut events, camera).await;
    let (_, viewer) = view(&media, room, Peer::viewer()).await;
    until("watching", async || viewer.shared.video().len() > 20).await;
    let before = camera.shared.keyframes_asked.load(Ordering::Relaxed);
    for _ in 0..20 {
        viewer.shared.ask_keyframe.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let asked = camera.shared.keyframes_asked.load(Ordering::Relaxed) - before;
    assert!((1..=4).contains(&asked), "{asked} in two seconds");
}

#[tokio::test]
async fn a_viewer_may_restart_ice_while_it_watches() {
    let (media, mut events) = media(1);
    let (room, _, _camera) = on_air(&media, &mut events, Peer::camera()).await;
    let mut viewer = Peer::viewer();
    let session = common::session();
    let ask = View::anybody(room, session, viewer.offer.clone());
    let answer = media.view(ask).await.unwrap();
    viewer.accept(&answer.sdp);
    let viewer = viewer.run();
    until("watching", async || viewer.shared.video().len() > 60).await;
    viewer.shared.restart.store(true, Ordering::Relaxed);
    until("restarting", async || {
        viewer.shared.credentials.lock().unwrap().is_some()
    })
    .await;
    let (ufrag, password) = viewer.shared.credentials.lock().unwrap().take().unwrap();
    let fragment = format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n");
    let Ok(Trickle::Restarted { fragment, .. }) =
        media.trickle(session, Some("*".to_owned()), fragment).await
    else {
        panic!("no restart");
    };
    let value = |name: &str| {
        fragment
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    let replaced = |line: &str| match line.split_once(':').map(|(name, _)| name) {
        Some(name @ ("a=ice-ufrag" | "a=ice-pwd")) => value(name),
        _ => line.to_owned(),
    };
    let restarted: String = answer.sdp.lines().map(|line| replaced(line) + "\r\n").collect();
    *viewer.shared.restarted.lock().unwrap() = Some(restarted);
    // What was nominated before is forgotten at once: what comes now has gone the new way.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let count = viewer.shared.video().len();
    assert_decodable(&whole(&viewer, count + 100).await);
}
