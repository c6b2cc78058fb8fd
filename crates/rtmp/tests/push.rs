//! A program is pushed into our own server, and looked at there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use busk_rtmp::push::{
    ConnectError, PushEnded, PushError, PushLimits, Reach, Resolve, Restream, State, Statistics, Target, Tls,
    connect, open, push, supervise,
};
use busk_rtmp::{Ended, Limits, Picture, Refusal, ServeError, Unit, serve};
use common::Studio;
use common::restream::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ServerConfig};

/// What should arrive: from the first keyframe on, whose time is 0.
fn expected(units: &[Unit]) -> Vec<Unit> {
    let mut origin = None;
    let mut expected = Vec::new();
    for unit in units {
        let mut unit = unit.clone();
        match &mut unit {
            Unit::Picture(picture) => {
                let origin = *origin.get_or_insert(picture.dts_ms);
                picture.dts_ms -= origin;
            }
            Unit::Sound(sound) => match origin.and_then(|origin| sound.time_ms.checked_sub(origin)) {
                Some(time) => sound.time_ms = time,
                None => continue,
            },
            Unit::Metadata(_) | Unit::Reordered => continue,
        }
        expected.push(unit);
    }
    expected
}

fn frames(studio: &Studio) -> Vec<Unit> {
    let units = studio.units().into_iter();
    units
        .filter(|unit| matches!(unit, Unit::Picture(_) | Unit::Sound(_)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_pushed_arrives_as_it_was() {
    let mut synthetic = vec![sound(4_980, 2)];
    for n in 0..60 {
        let size = if n % 30 == 0 { 20_000 } else { 500 };
        synthetic.push(picture(n, 30, size));
        // From the second keyframe on, in mono.
        synthetic.push(sound(5_000 + n * 33 + 10, if n < 30 { 2 } else { 1 }));
    }
    for units in [synthetic, recorded().await] {
        let studio = Studio::default();
        let (client, server) = duplex(1 << 16);
        let (served, (pushed, statistics)) = tokio::join!(
            serve(server, &studio, Limits::default()),
            push_all(client, "key", units.clone())
        );
        assert_eq!(pushed, Ok(PushEnded::BySource));
        assert_eq!(served, Ok(Ended::ByEncoder));
        assert_eq!(frames(&studio), expected(&units));
        let pictures = studio.pictures().len() as u64;
        assert_eq!((statistics.frames_sent, statistics.frames_dropped), (pictures, 0));
        assert!(statistics.bytes_sent > 20_000 && pictures == 60);
        let Some(Unit::Metadata(metadata)) = studio.units().into_iter().next() else {
            panic!("nothing is said about the program");
        };
        assert_eq!(metadata.encoder.as_deref(), Some("Busk"));
    }
}

#[tokio::test(start_paused = true)]
async fn times_go_on_after_they_need_more_than_24_bits() {
    // Five hours.
    let late = |unit: Unit| match unit {
        Unit::Picture(picture) => Unit::Picture(Picture {
            dts_ms: picture.dts_ms + 18_000_000,
            ..picture
        }),
        other => other,
    };
    let mut pictures: Vec<_> = (0..4).map(|n| picture(n, 4, 9_000)).collect();
    // The server would take one leap for a clock set anew.
    for hop in 1..=2_000 {
        let Unit::Picture(first) = picture(1, 4, 10) else {
            unreachable!()
        };
        let dts_ms = first.dts_ms + hop * 9_000;
        pictures.push(Unit::Picture(Picture { dts_ms, ..first }));
    }
    pictures.extend((4..8).map(|n| late(picture(n, 4, 9_000))));
    let studio = Studio::default();
    let (client, server) = duplex(1 << 16);
    let (sender, mut receiver) = mpsc::channel(1);
    let (statistics, mut told) = watch::channel(Statistics::default());
    let (count, sent) = (pictures.len(), pictures.clone());
    let feed = async move {
        told.wait_for(|told| told.live_since.is_some()).await.unwrap();
        for picture in pictures {
            sender.send(picture).await.unwrap();
            sleep(Duration::from_millis(1)).await;
        }
    };
    let target = target("key");
    let limits = PushLimits {
        queue_ms: 60_000,
        ..PushLimits::default()
    };
    let (served, pushed, ()) = tokio::join!(
        serve(server, &studio, Limits::default()),
        push(client, &target, &mut receiver, limits, &statistics),
        feed
    );
    assert_eq!((served, pushed), (Ok(Ended::ByEncoder), Ok(PushEnded::BySource)));
    assert_eq!(studio.pictures().len(), count);
    assert_eq!(frames(&studio), expected(&sent));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_in_the_targets_words() {
    for refusal in [Refusal::Unknown, Refusal::Busy] {
        let studio = Studio {
            refusal: Some(refusal),
            ..Studio::default()
        };
        let (client, server) = duplex(1 << 16);
        let (served, (pushed, _)) = tokio::join!(
            serve(server, &studio, Limits::default()),
            push_all(client, "key", Vec::new())
        );
        assert_eq!(served, Err(ServeError::Refused(refusal)));
        let Err(PushError::Refused(told)) = pushed else {
            panic!("{pushed:?}");
        };
        assert_eq!(
            (&*told.code, told.description),
            ("NetStream.Publish.BadName", refusal.to_string())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_ends_the_stream() {
    let studio = Studio {
        enough: Some(10),
        ..Studio::default()
    };
    let (client, server) = duplex(1 << 16);
    let units = (0..60).map(|n| picture(n, 30, 20_000)).collect();
    let (served, (pushed, _)) = tokio::join!(
        serve(server, &studio, Limits::default()),
        push_all(client, "key", units)
    );
    assert_eq!((served, pushed), (Ok(Ended::BySink), Ok(PushEnded::ByTarget)));
}

/// Feeds pictures in time for this long, through a connection that stands still for a while.
async fn through_a_slow_connection(still: Duration, size: usize) -> (Studio, Statistics, u64) {
    const COUNT: u64 = 600;
    let studio = Studio::default();
    let (client, near) = duplex(8 << 10);
    let (far, server) = duplex(8 << 10);
    let (sender, mut receiver) = mpsc::channel(8);
    let (statistics, mut told) = watch::channel(Statistics::default());
    let limits = PushLimits::default();
    let proxy = async {
        let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
            (tokio::io::split(near), tokio::io::split(far));
        let back = tokio::io::copy(&mut from_server, &mut to_client);
        let forth = async {
            let (mut bytes, mut moved) = ([0; 4 << 10], 0);
            let mut still = Some(still);
            while let Ok(count) = from_client.read(&mut bytes).await
                && count > 0
            {
                moved += count;
                if moved > 3 * size
                    && let Some(still) = still.take()
                {
                    sleep(still).await;
                }
                if to_server.write_all(&bytes[..count]).await.is_err() {
                    break;
                }
            }
            let _ = to_server.shutdown().await;
        };
        tokio::join!(back, forth)
    };
    let feed = async {
        told.wait_for(|told| told.live_since.is_some()).await.unwrap();
        for n in 0..COUNT {
            // The room never waits: it would be seen here.
            sender.try_send(picture(n, 30, size)).unwrap();
            let queue_ms = told.borrow_and_update().queue_ms;
            assert!(queue_ms <= limits.queue_ms, "{queue_ms} ms wait");
            sleep(Duration::from_millis(33)).await;
        }
        drop(sender);
    };
    let target = target("key");
    let push = async {
        let pushed = push(client, &target, &mut receiver, limits, &statistics).await;
        assert_eq!(pushed, Ok(PushEnded::BySource));
    };
    let patient = Limits {
        silence: Duration::from_secs(60),
        ..Limits::default()
    };
    let (served, ..) = tokio::join!(serve(server, &studio, patient), push, feed, proxy);
    assert_eq!(served, Ok(Ended::ByEncoder));
    let told = *statistics.borrow();
    (studio, told, COUNT)
}

#[tokio::test(start_paused = true)]
async fn a_slow_target_loses_whole_groups() {
    // For too long, and too much at once: 8 s of 0.3 Mbit/s and 2 s of 29 Mbit/s.
    for (still, size) in [(8, 1_200), (2, 120_000)] {
        let (studio, told, count) = through_a_slow_connection(Duration::from_secs(still), size).await;
        assert!(told.frames_dropped >= 30, "{told:?}");
        assert_eq!(told.frames_sent + told.frames_dropped, count, "{told:?}");
        let numbers: Vec<u64> = studio.pictures().iter().map(number).collect();
        assert_eq!(numbers.len() as u64, told.frames_sent);
        assert_eq!(numbers.last(), Some(&(count - 1)));
        for pair in numbers.windows(2) {
            assert!(
                pair[1] == pair[0] + 1 || pair[1] % 30 == 0,
                "{pair:?}: it cannot be decoded"
            );
        }
        for picture in studio.pictures() {
            assert_eq!(picture.dts_ms, number(&picture) * 33, "the clock has slipped");
        }
    }
    let (_, told, _) = through_a_slow_connection(Duration::from_secs(2), 1_200).await;
    assert_eq!(told.frames_dropped, 0, "two seconds have room");
}

/// Answers each question with the next of its answers, and counts them.
#[derive(Clone, Default)]
struct Names {
    answers: Vec<Vec<IpAddr>>,
    asked: Arc<AtomicUsize>,
}

impl Resolve for Names {
    async fn resolve(&self, _host: &str) -> std::io::Result<Vec<IpAddr>> {
        let n = self.asked.fetch_add(1, Ordering::Relaxed);
        self.answers
            .get(n)
            .cloned()
            .ok_or(std::io::ErrorKind::NotFound.into())
    }
}

fn names(answers: &[&[&str]]) -> Names {
    let parsed = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
    Names {
        answers: answers.iter().map(parsed).collect(),
        ..Names::default()
    }
}

fn home() -> Reach {
    Reach {
        private: vec!["127.0.0.1".parse().unwrap()],
    }
}

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn private_addresses_are_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = |host: &str| Target::parse(&format!("rtmp://{host}:{port}/live"), "key").unwrap();
    for host in [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
    ] {
        let refused = connect(&target(host), &Reach::default(), &Names::default(), SOON).await;
        assert_eq!(refused.err(), Some(ConnectError::Private), "{host}");
    }
    for answer in [
        &["127.0.0.1"][..],
        &["8.8.8.8", "127.0.0.1"],
        &["192.168.1.1"],
        &["fd00::1", "::1"],
    ] {
        let resolver = names(&[answer]);
        let refused = connect(&target("name.example"), &Reach::default(), &resolver, SOON).await;
        assert_eq!(refused.err(), Some(ConnectError::Private), "{answer:?}");
    }
    // Permitted at first, private when asked again: nobody asks again.
    let resolver = names(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let stream = connect(&target("name.example"), &home(), &resolver, SOON)
        .await
        .unwrap();
    assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 1);
    let refused = connect(&target("name.example"), &home(), &resolver, SOON).await;
    assert_eq!(refused.err(), Some(ConnectError::Private));
    let unknown = connect(&target("name.example"), &home(), &resolver, SOON).await;
    assert_eq!(unknown.err(), Some(ConnectError::Unresolved));
    drop(listener);
    let unreachable = connect(&target("127.0.0.1"), &home(), &resolver, SOON).await;
    assert_eq!(unreachable.err(), Some(ConnectError::Unreachable));
}

#[tokio::test]
async fn rtmps_checks_the_certificate() {
    let signed = rcgen::generate_simple_self_signed(vec!["target.example".into()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let studio = Studio::default();
    let server = {
        let studio = studio.clone();
        async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    let _ = serve(stream, &studio, Limits::default()).await;
                }
            }
        }
    };
    let server = tokio::spawn(server);
    let resolver = || names(&[&["127.0.0.1"]]);
    let target = |host: &str| Target::parse(&format!("rtmps://{host}:{port}/live"), "key").unwrap();

    let trusting = Tls::trusting([signed.cert.der().clone()]).unwrap();
    let stream = open(&target("target.example"), &home(), &resolver(), &trusting, SOON)
        .await
        .unwrap();
    let units: Vec<_> = (0..60).map(|n| picture(n, 30, 5_000)).collect();
    let (pushed, _) = push_all(stream, "key", units.clone()).await;
    assert_eq!(pushed, Ok(PushEnded::BySource));
    assert_eq!(frames(&studio), expected(&units));

    let other = rcgen::generate_simple_self_signed(vec!["target.example".into()]).unwrap();
    let distrusting = Tls::trusting([other.cert.der().clone()]).unwrap();
    for (host, tls) in [("other.example", &trusting), ("target.example", &distrusting)] {
        let opened = open(&target(host), &home(), &resolver(), tls, SOON).await;
        assert_eq!(opened.err(), Some(ConnectError::Certificate), "{host}");
    }
    assert!(Tls::trusting([]).is_err());
    server.abort();
}

type Served = Option<Result<Ended, ServeError>>;

/// Serves one after the other, and loses the second after a second.
async fn forgetful(listener: TcpListener, studio: Studio, ends: mpsc::UnboundedSender<Served>) {
    for n in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        let served = serve(stream, &studio, Limits::default());
        let served = match n {
            1 => timeout(Duration::from_secs(1), served).await.ok(),
            _ => Some(served.await),
        };
        ends.send(served).unwrap();
    }
}

#[tokio::test]
async fn a_restream_follows_its_target() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let studio = Studio::default();
    let (ends, mut ended) = mpsc::unbounded_channel();
    let server = tokio::spawn(forgetful(listener, studio.clone(), ends));
    let target = |key: &str| Target::parse(&format!("rtmp://127.0.0.1:{port}/live"), key).ok();
    let (targets, followed) = watch::channel(target("canary"));
    let (sender, receiver) = mpsc::channel(8);
    let (state, mut states) = watch::channel(State::Stopped);
    let (statistics, told) = watch::channel(Statistics::default());
    let restream = Restream {
        targets: followed,
        frames: receiver,
        resolver: Names::default(),
        reach: home(),
        tls: Tls::trusting([rcgen::generate_simple_self_signed(vec![])
            .unwrap()
            .cert
            .der()
            .clone()])
        .unwrap(),
        limits: PushLimits::default(),
        state,
        statistics,
    };
    let feed = tokio::spawn(async move {
        for n in 0.. {
            if sender.send(picture(n, 5, 1_000)).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    });
    let supervised = tokio::spawn(supervise(restream, || 1.0));
    let within = Duration::from_secs(10);

    let refused = |state: &State| matches!(state, State::Refused { .. });
    let why = timeout(within, states.wait_for(refused))
        .await
        .unwrap()
        .unwrap()
        .clone();
    let text = format!("The other platform refuses the stream: {}", Refusal::Unknown);
    assert_eq!(why, State::Refused { why: text });
    assert_eq!(
        ended.recv().await,
        Some(Some(Err(ServeError::Refused(Refusal::Unknown))))
    );

    targets.send_replace(target("key"));
    for wanted in ["Live", "Retrying", "Live"] {
        let is = |state: &State| format!("{state:?}").starts_with(wanted);
        let came = timeout(within, states.wait_for(is)).await;
        assert!(came.is_ok(), "it is never {wanted}");
    }
    assert_eq!(ended.recv().await, Some(None));
    sleep(Duration::from_millis(1_500)).await;
    assert!(
        told.borrow().frames_sent > 10 && told.borrow().kbps > 0,
        "{:?}",
        told.borrow()
    );

    targets.send_replace(None);
    timeout(within, states.wait_for(|state| *state == State::Stopped))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        timeout(within, ended.recv()).await.unwrap(),
        Some(Some(Ok(Ended::ByEncoder)))
    );
    assert!(studio.pictures().len() > 20);

    feed.abort();
    timeout(within, supervised).await.unwrap().unwrap();
    server.abort();
}
