//! What is refused, what ends, and that nothing is left behind.

mod common;

use std::net::UdpSocket;
use std::time::Duration;

use busk_media::{MediaEvent, Publish, PublishError, Trickle, TrickleError, View, ViewError};
use common::{Peer, event, media, on_air, publish, room, session, until, view};

#[tokio::test]
async fn a_room_has_one_camera() {
    let (media, mut events) = media(1);
    let (room, _, _camera) = on_air(&media, &mut events, Peer::camera()).await;
    let second = Publish::host(room, session(), Peer::camera().offer);
    assert_eq!(media.publish(second).await, Err(PublishError::AlreadyPublishing));
    assert_eq!(media.sessions(), 1);
}

#[tokio::test]
async fn bad_offers_are_told_what_they_lack() {
    let (media, mut events) = media(1);
    let (live, _, _camera) = on_air(&media, &mut events, Peer::camera()).await;
    let without = |offer: &str, codec: &str| offer.replace(codec, "X-NONE");
    let camera = Peer::camera().offer;
    let viewer = Peer::viewer().offer;
    let long = format!("{camera}{}", "a=x:y\r\n".repeat(12_000));
    for (offer, wanted) in [
        (without(&camera, "H264"), PublishError::NoH264),
        (without(&camera, "opus"), PublishError::NoOpus),
        (viewer.clone(), PublishError::NoH264),
        (long, PublishError::BadOffer(String::new())),
        (String::new(), PublishError::BadOffer(String::new())),
        ("garbage".repeat(50), PublishError::BadOffer(String::new())),
        (
            camera.replace("a=fingerprint", "a=x"),
            PublishError::BadOffer(String::new()),
        ),
        (
            camera.replace("a=ice-pwd", "a=x"),
            PublishError::BadOffer(String::new()),
        ),
    ] {
        let refused = media
            .publish(Publish::host(room(), session(), offer))
            .await
            .unwrap_err();
        let same = std::mem::discriminant(&refused) == std::mem::discriminant(&wanted);
        assert!(same, "{refused:?} for {wanted:?}");
    }
    for (room, offer, wanted) in [
        (live, without(&viewer, "H264"), ViewError::NoH264),
        (live, without(&viewer, "opus"), ViewError::NoOpus),
        (live, camera, ViewError::NoH264),
        (room(), viewer, ViewError::NotLive),
    ] {
        assert_eq!(
            media.view(View::anybody(room, session(), offer)).await,
            Err(wanted)
        );
    }
    assert_eq!(media.sessions(), 1);
}

#[tokio::test]
async fn a_room_and_a_server_can_be_full() {
    let (media, mut events) = media(1);
    let (room, _, _camera) = on_air(&media, &mut events, Peer::camera()).await;
    for _ in 0..8 {
        let ask = View::anybody(room, session(), Peer::viewer().offer);
        assert!(media.view(ask).await.is_ok());
    }
    let ask = View::anybody(room, session(), Peer::viewer().offer);
    assert_eq!(media.view(ask).await, Err(ViewError::Full));
    for _ in 0..7 {
        let ask = Publish::host(common::room(), session(), Peer::camera().offer);
        assert!(media.publish(ask).await.is_ok());
    }
    let ask = Publish::host(common::room(), session(), Peer::camera().offer);
    assert_eq!(media.publish(ask).await, Err(PublishError::Full));
    assert_eq!(media.sessions(), 16);
}

#[tokio::test]
async fn closing_frees_everything() {
    let (media, mut events) = media(2);
    let (room, camera, _running) = on_air(&media, &mut events, Peer::camera()).await;
    let (viewing, _viewer) = view(&media, room, Peer::viewer()).await;
    assert_eq!(
        event(&mut events).await,
        MediaEvent::ViewerConnected {
            room,
            session: viewing
        }
    );
    assert_eq!(media.sessions(), 2);
    assert!(media.close(viewing).await);
    assert!(!media.close(viewing).await);
    assert_eq!(
        event(&mut events).await,
        MediaEvent::ViewerGone {
            room,
            session: viewing
        }
    );
    media.close_room(room).await;
    assert_eq!(
        event(&mut events).await,
        MediaEvent::PublisherLost {
            room,
            seat: 0,
            session: camera
        }
    );
    assert_eq!(media.sessions(), 0);
    assert_eq!(media.stats(room).await, None);
}

#[tokio::test]
async fn a_viewer_that_hangs_up_is_gone_at_once() {
    let (media, mut events) = media(1);
    let (room, _, _camera) = on_air(&media, &mut events, Peer::camera()).await;
    let (viewing, mut viewer) = view(&media, room, Peer::viewer()).await;
    assert_eq!(
        event(&mut events).await,
        MediaEvent::ViewerConnected {
            room,
            session: viewing
        }
    );
    viewer.stop();
    assert_eq!(
        event(&mut events).await,
        MediaEvent::ViewerGone {
            room,
            session: viewing
        }
    );
    assert_eq!(media.sessions(), 1);
}

#[tokio::test]
async fn a_camera_without_power_is_lost_after_five_seconds_and_may_be_replaced_after_two() {
    let (media, mut events) = media(1);
    let (first, one, mut dying) = on_air(&media, &mut events, Peer::camera()).await;
    let (second, two, mut dying_too) = on_air(&media, &mut events, Peer::camera()).await;
    dying.vanish();
    dying_too.vanish();
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    let (again, _camera) = publish(&media, second, Peer::camera()).await;
    assert_eq!(
        event(&mut events).await,
        MediaEvent::PublisherLost {
            seat: 0,
            room: second,
            session: two
        }
    );
    assert_eq!(
        event(&mut events).await,
        MediaEvent::PublisherConnected {
            seat: 0,
            room: second,
            session: again
        }
    );
    assert_eq!(
        event(&mut events).await,
        MediaEvent::PublisherLost {
            seat: 0,
            room: first,
            session: one
        }
    );
}

#[tokio::test]
async fn datagrams_that_mean_nothing_change_nothing() {
    let (media, mut events) = media(1);
    let (room, _, _camera) = on_air(&media, &mut events, Peer::camera()).await;
    let (_, viewer) = view(&media, room, Peer::viewer()).await;
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut noise: u64 = 7;
    for length in (0..1_400).chain([9_000, 60_000]) {
        let mut datagram: Vec<u8> = (0..length)
            .map(|_| {
                noise = noise
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (noise >> 56) as u8
            })
            .collect();
        // Half of them look like STUN binding requests, RTP or DTLS at first.
        if let Some(first) = datagram.first_mut() {
            *first = [0, 22, 128, *first][length % 4];
        }
        if length >= 8 && length % 4 == 0 {
            datagram[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
        }
        stranger.send_to(&datagram, media.address()).unwrap();
    }
    until("still watching", async || viewer.shared.video().len() > 60).await;
    assert_eq!(media.sessions(), 2);
}

#[tokio::test]
async fn patches_add_candidates_or_restart_ice() {
    let (media, mut events) = media(1);
    let (room, _, _camera) = on_air(&media, &mut events, Peer::camera()).await;
    let viewer = Peer::viewer();
    let id = session();
    let answer = media
        .view(View::anybody(room, id, viewer.offer.clone()))
        .await
        .unwrap();
    let value = |name: &str| {
        let line = viewer.offer.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].to_owned()
    };
    let known = format!(
        "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 2 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n",
        value("a=ice-ufrag:"),
        value("a=ice-pwd:")
    );
    let patch = async |tag: Option<&str>, text: &str| {
        media.trickle(id, tag.map(str::to_owned), text.to_owned()).await
    };
    assert_eq!(patch(None, &known).await, Err(TrickleError::EtagMissing));
    assert_eq!(
        patch(Some("\"other\""), &known).await,
        Err(TrickleError::EtagMismatch)
    );
    assert_eq!(
        patch(Some(&answer.etag), "garbage").await,
        Err(TrickleError::BadFragment)
    );
    assert_eq!(patch(Some(&answer.etag), &known).await, Ok(Trickle::Added));
    let other = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijklmn\r\n";
    let Ok(Trickle::Restarted { etag, fragment }) = patch(Some("*"), other).await else {
        panic!("no restart")
    };
    assert_ne!(etag, answer.etag);
    assert!(
        fragment.contains("a=ice-ufrag:00") && fragment.contains("a=candidate:"),
        "{fragment}"
    );
    assert_eq!(
        patch(Some(&answer.etag), &known).await,
        Err(TrickleError::EtagMismatch)
    );
    assert_eq!(
        media.trickle(session(), None, known).await,
        Err(TrickleError::SessionUnknown)
    );
}

#[tokio::test]
async fn connections_that_are_none_of_ours_are_closed() {
    use std::io::{Read, Write};
    let (media, mut events) = media(2);
    let mut browser = std::net::TcpStream::connect(media.address()).unwrap();
    browser.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    browser.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert!(matches!(browser.read(&mut [0; 16]), Ok(0) | Err(_)));
    let _ = on_air(&media, &mut events, Peer::camera()).await;
}
