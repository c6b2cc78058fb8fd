//! Camera, publisher and viewer against the smallest server there can be: it passes one publisher's
//! packets to one viewer. The real server's tests are its own crate's.

use str0m::change::SdpOffer;
use str0m::media::{KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::sync::mpsc;

use super::*;
use crate::{Camera, CameraConfig, Scene};

/// One ICE-lite end with its socket.
struct End {
    rtc: Rtc,
    socket: UdpSocket,
    mids: Vec<(MediaKind, Mid, u64)>,
}

async fn accept(offer: &str) -> (End, String) {
    let socket = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    let mut rtc = Rtc::builder().set_ice_lite(true).set_rtp_mode(true).build(now());
    rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
    let answer = rtc
        .sdp_api()
        .accept_offer(SdpOffer::from_sdp_string(offer).unwrap())
        .unwrap();
    (
        End {
            rtc,
            socket,
            mids: Vec::new(),
        },
        answer.to_sdp_string(),
    )
}

impl End {
    async fn turn(&mut self) -> Vec<Event> {
        let mut buffer = [0; 2048];
        let local = self.socket.local_addr().unwrap();
        let mut events = Vec::new();
        while let Ok((len, source)) = self.socket.try_recv_from(&mut buffer) {
            let receive = Receive::new(Protocol::Udp, source, local, &buffer[..len]).unwrap();
            self.rtc.handle_input(Input::Receive(now(), receive)).unwrap();
            self.drain(&mut events).await;
        }
        self.rtc.handle_input(Input::Timeout(now())).unwrap();
        self.drain(&mut events).await;
        events
    }

    async fn drain(&mut self, events: &mut Vec<Event>) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(transmit) => {
                    self.socket
                        .send_to(&transmit.contents, transmit.destination)
                        .await
                        .unwrap();
                }
                Output::Event(Event::MediaAdded(media)) => self.mids.push((media.kind, media.mid, 1)),
                Output::Event(event) => events.push(event),
            }
        }
    }

    async fn forward(&mut self, kind: MediaKind, packet: &str0m::rtp::RtpPacket) {
        let pt = if kind == MediaKind::Video { 108 } else { 111 }.into();
        let Some((_, mid, sequence)) = self.mids.iter_mut().find(|(of, ..)| *of == kind) else {
            return;
        };
        let write = RtpWrite::new(
            pt,
            (*sequence).into(),
            packet.header.timestamp,
            now(),
            packet.payload.clone(),
        );
        *sequence += 1;
        let mid = *mid;
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.write_rtp(write.marker(packet.header.marker));
        }
        self.drain(&mut Vec::new()).await;
    }
}

/// Passes packets on until both clients are gone. The first `dropped` video packets get lost.
async fn pass(mut from: End, mut viewers: mpsc::Receiver<End>) {
    let mut to: Option<End> = None;
    loop {
        tokio::time::sleep(Duration::from_millis(2)).await;
        if let Ok(end) = viewers.try_recv() {
            to = Some(end);
        }
        if let Some(to) = &mut to {
            for event in to.turn().await {
                if matches!(event, Event::Connected | Event::KeyframeRequest(_)) {
                    let (_, video, _) = *from
                        .mids
                        .iter()
                        .find(|(kind, ..)| *kind == MediaKind::Video)
                        .unwrap();
                    let mut direct = from.rtc.direct_api();
                    direct
                        .stream_rx_by_mid(video, None)
                        .unwrap()
                        .request_keyframe(KeyframeRequestKind::Pli);
                }
            }
        }
        for event in from.turn().await {
            match (event, &mut to) {
                (Event::RtpPacket(packet), Some(to)) => {
                    let kind = if packet.header.payload_type == 108.into() {
                        MediaKind::Video
                    } else {
                        MediaKind::Audio
                    };
                    to.forward(kind, &packet).await;
                }
                (Event::Closed, _) => return,
                _ => {}
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_sees_what_the_camera_films() {
    let config = CameraConfig {
        width: 320,
        height: 180,
        ..CameraConfig::demo(Scene::Sky, "Ada")
    };
    let camera = Camera::start(config).unwrap();
    let (viewers, arrivals) = mpsc::channel(1);
    let mut server = None;
    let mut publisher = Publisher::start_with(camera.feed(), async |offer| {
        let (end, answer) = accept(&offer).await;
        server = Some(tokio::spawn(pass(end, arrivals)));
        Ok(answer)
    })
    .await
    .unwrap();
    assert!(publisher.connected().await);
    let mut viewer = Viewer::start_with(
        ViewOptions {
            decode: true,
            people: 1,
        },
        async |offer| {
            let (end, answer) = accept(&offer).await;
            viewers.send(end).await.map_err(|error| error.to_string())?;
            Ok(answer)
        },
    )
    .await
    .unwrap();
    let seen = viewer
        .until(Duration::from_secs(20), |s| {
            s.decoded >= 30 && s.audio_packets >= 30
        })
        .await;
    let seen = seen.unwrap_or_else(|last| panic!("only {last:?}, publisher {:?}", publisher.stats()));
    assert_eq!((seen.lost, seen.width, seen.height), (0, 320, 180));
    assert!(seen.keyframes >= 1 && seen.frames >= seen.decoded);
    assert!(
        seen.latency_ms.is_some_and(|ms| ms < 1_000),
        "the clock strip was read: {:?}",
        seen.latency_ms
    );
    assert!(
        publisher.stats().keyframes_wanted >= 1,
        "the joining viewer's request reached the camera"
    );

    assert!(viewer.stop().await.ended);
    publisher.stop().await;
    // The server sees the goodbye and stops passing.
    tokio::time::timeout(Duration::from_secs(5), server.unwrap())
        .await
        .expect("a goodbye came")
        .unwrap();
}

#[tokio::test]
async fn a_camera_that_ends_ends_its_publishers() {
    let camera = Camera::start(CameraConfig::demo(Scene::Stage, "Ada")).unwrap();
    let (_viewers, arrivals) = mpsc::channel(1);
    let mut publisher = Publisher::start_with(camera.feed(), async |offer| {
        let (end, answer) = accept(&offer).await;
        tokio::spawn(pass(end, arrivals));
        Ok(answer)
    })
    .await
    .unwrap();
    assert!(publisher.connected().await && publisher.is_connected());
    tokio::task::spawn_blocking(move || drop(camera)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), publisher.ended())
        .await
        .expect("it ended");
    assert!(!publisher.is_connected());
}

#[tokio::test]
async fn bad_addresses_and_answers_are_refused() {
    for url in ["", "ftp://x/whip", "https://localhost/whip", "whip/ada"] {
        let viewer = Viewer::start(url, None, ViewOptions::default()).await;
        assert!(matches!(viewer.err(), Some(ClientError::Address(_))), "{url:?}");
    }
    let viewer = Viewer::start_with(ViewOptions::default(), async |_| Ok("v=0".into())).await;
    assert!(matches!(
        viewer.err(),
        Some(ClientError::Peer(PeerError::AnswerUnreadable(_)))
    ));
    let viewer = Viewer::start_with(ViewOptions::default(), async |_| Err("full".into())).await;
    assert!(matches!(viewer.err(), Some(ClientError::Signal(why)) if why == "full"));
}
