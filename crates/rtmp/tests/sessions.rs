//! What is said to encoders, and how long they may take. Time is tokio's, and paused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use busk_rtmp::{Ended, Limits, Refusal, ServeError, Unit, serve};
use common::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep, timeout};

/// Servers spawn it.
#[allow(dead_code, reason = "it need only compile")]
fn it_can_be_spawned(stream: tokio::net::TcpStream) {
    fn spawned(_: impl Future + Send) {}
    spawned(serve(stream, &Studio::default(), Limits::default()));
}

type Outcome = Result<Ended, ServeError>;

/// Serves an encoder that sends these bytes and then hangs up, or waits.
async fn served(studio: &Studio, bytes: &[u8]) -> (Outcome, Vec<u8>) {
    let (encoder, server) = duplex(1 << 20);
    tokio::join!(serve(server, studio, Limits::default()), answers(encoder, bytes))
}

#[tokio::test(start_paused = true)]
async fn a_stream_begins_and_ends() {
    let studio = Studio::default();
    for end in ["FCUnpublish", "deleteStream", "closeStream"] {
        let end = command(end, 7.0, &[NULL, &string("key")]);
        let bytes = [opening("live", "key"), media(), end].concat();
        let (outcome, answers) = served(&studio, &bytes).await;
        assert_eq!(outcome, Ok(Ended::ByEncoder));
        for said in [
            "NetConnection.Connect.Success",
            "NetStream.Publish.Start",
            "NetStream.Unpublish.Success",
        ] {
            assert!(says(&answers, said), "{said} is not said");
        }
        // connect, releaseStream, FCPublish, createStream, _checkbw.
        let results = answers.windows(7).filter(|at| at == b"_result").count();
        assert_eq!(results, 5);
    }
    assert_eq!(studio.pictures().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_let_in_is_not_told_why() {
    let mut told = Vec::new();
    for (app, key) in [("live", "other"), ("other", "key"), ("", "")] {
        let (outcome, answers) = served(&Studio::default(), &opening(app, key)).await;
        assert_eq!(outcome, Err(ServeError::Refused(Refusal::Unknown)));
        assert!(says(&answers, "NetStream.Publish.BadName"));
        assert!(!says(&answers, "NetStream.Publish.Start"));
        told.push(answers);
    }
    assert!(told.iter().all(|answers| *answers == told[0]));
    for refusal in [Refusal::Busy, Refusal::Unavailable] {
        let studio = Studio {
            refusal: Some(refusal),
            ..Studio::default()
        };
        let (outcome, answers) = served(&studio, &opening("live", "key")).await;
        assert_eq!(outcome, Err(ServeError::Refused(refusal)));
        assert!(says(&answers, &refusal.to_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn other_codecs_are_refused_by_name() {
    for (kind, tag, codec) in [
        (VIDEO, &b"\x90hvc1\x01"[..], "HEVC (H.265)"),
        (VIDEO, b"\x90av01\x81", "AV1"),
        (VIDEO, b"\x90vp09\x00", "VP9"),
        (AUDIO, b"\x90Opus", "Opus"),
        (AUDIO, b"\x2f\x00", "MP3"),
    ] {
        let bytes = [opening("live", "key"), message(kind, 0, tag)].concat();
        let (outcome, answers) = served(&Studio::default(), &bytes).await;
        let Err(ServeError::Unsupported(unsupported)) = outcome else {
            panic!("{codec}: {outcome:?}");
        };
        assert_eq!(unsupported.codec, codec);
        assert!(says(&answers, "NetStream.Publish.Rejected"));
        let text = format!("The encoder sends {codec}. Send ");
        assert!(says(&answers, &text), "{text} is not said");
        assert!(says(&answers, "In OBS: Settings → Output → Streaming → "));
    }
}

#[tokio::test(start_paused = true)]
async fn the_sink_ends_a_stream() {
    let studio = Studio {
        enough: Some(1),
        ..Studio::default()
    };
    let (outcome, answers) = served(&studio, &[opening("live", "key"), media(), media()].concat()).await;
    assert_eq!(outcome, Ok(Ended::BySink));
    assert!(says(&answers, "NetStream.Unpublish.Success"));
    assert_eq!(studio.units().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn players_are_sent_away() {
    let play = command("play", 5.0, &[NULL, &string("key")]);
    let bytes = [hello(), connect("live"), play].concat();
    let (outcome, answers) = served(&Studio::default(), &bytes).await;
    assert_eq!(outcome, Err(ServeError::NotPublishing));
    assert!(says(&answers, "NetStream.Play.Failed"));
}

/// Serves an encoder that does this; what became of it, and after how long.
async fn timed<F: Future<Output = DuplexStream>>(
    encoder: impl FnOnce(DuplexStream) -> F,
) -> (Outcome, Duration) {
    let (client, server) = duplex(1 << 16);
    let began = Instant::now();
    let studio = Studio::default();
    let served = async {
        let outcome = serve(server, &studio, Limits::default()).await;
        (outcome, began.elapsed())
    };
    let encoding = async {
        // Kept until the server is done with it.
        let _client = encoder(client).await;
        sleep(Duration::from_secs(3_600)).await;
    };
    tokio::select! {
        timed = served => timed,
        () = encoding => panic!("it is served for ever"),
    }
}

fn within(time: Duration, from_s: u64, to_s: u64) -> bool {
    (Duration::from_secs(from_s)..=Duration::from_secs(to_s)).contains(&time)
}

#[tokio::test(start_paused = true)]
async fn nobody_takes_for_ever_to_begin() {
    let (outcome, time) = timed(|client| async { client }).await;
    assert_eq!(outcome, Err(ServeError::TooSlow));
    assert!(within(time, 10, 11), "{time:?}");

    // A byte a second, in the handshake and after it.
    for already in [0, 3_073, 3_100] {
        let (outcome, time) = timed(|mut client| async move {
            let bytes = opening("live", "key");
            client.write_all(&bytes[..already]).await.unwrap();
            for byte in &bytes[already..] {
                sleep(Duration::from_secs(1)).await;
                let _ = client.write_all(&[*byte]).await;
            }
            client
        })
        .await;
        assert_eq!(outcome, Err(ServeError::TooSlow));
        assert!(within(time, 10, 11), "{time:?}");
    }

    // One that never reads what it is told.
    let (client, server) = duplex(64);
    let (mut reader, mut writer) = tokio::io::split(client);
    let (studio, bytes) = (Studio::default(), opening("live", "key"));
    let served = timeout(Duration::from_secs(12), serve(server, &studio, Limits::default()));
    let (outcome, _) = tokio::join!(served, writer.write_all(&bytes));
    assert_eq!(outcome.unwrap(), Err(ServeError::TooSlow));
    let _ = reader.read(&mut []).await;
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_stream() {
    let begun = || [opening("live", "key"), media()].concat();
    let (outcome, time) = timed(|mut client| async move {
        client.write_all(&begun()).await.unwrap();
        client
    })
    .await;
    assert_eq!(outcome, Ok(Ended::Silent));
    assert!(within(time, 10, 11), "{time:?}");

    // Pings, metadata, and the first bytes of a picture are no pictures.
    let ping = [2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1];
    for noise in [&ping[..], &message(18, 0, NULL), &message(VIDEO, 0, &[])] {
        let (outcome, time) = timed(|mut client| async move {
            client.write_all(&begun()).await.unwrap();
            loop {
                sleep(Duration::from_secs(1)).await;
                if client.write_all(noise).await.is_err() {
                    return client;
                }
            }
        })
        .await;
        assert_eq!(outcome, Ok(Ended::Silent));
        assert!(within(time, 10, 11), "{time:?}");
    }

    // A picture every nine seconds is enough; then the connection goes.
    let (outcome, time) = timed(|mut client| async move {
        client.write_all(&begun()).await.unwrap();
        for n in 1..=5 {
            sleep(Duration::from_secs(9)).await;
            let picture = message(VIDEO, n * 9_000, PICTURE);
            client.write_all(&picture).await.unwrap();
        }
        let (other, _) = duplex(1);
        drop(client);
        other
    })
    .await;
    assert_eq!(outcome, Ok(Ended::Lost));
    assert!(within(time, 45, 46), "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_sends_much_before_they_are_let_in() {
    let large = message(COMMAND, 0, &vec![0; 100_000]);
    let media = media().repeat(2_000);
    let pings = [2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1].repeat(100);
    for flood in [large, media, pings] {
        let bytes = [hello(), connect("live"), flood].concat();
        let (outcome, _) = served(&Studio::default(), &bytes).await;
        assert_eq!(outcome, Err(ServeError::TooMuch));
    }
}

#[tokio::test(start_paused = true)]
async fn others_than_rtmp_are_left_at_once() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0x16, 3, 1, 2, 0, 1],
        &[6; 2_000],
    ] {
        let (outcome, answers) = served(&Studio::default(), bytes).await;
        assert_eq!((outcome, answers.len()), (Err(ServeError::NotRtmp), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn pictures_are_acknowledged_and_pings_answered() {
    let studio = Studio::default();
    let window = [2, 0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0, 1, 0, 0];
    let ping = [2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 6, 1, 2, 3, 4];
    let pictures: Vec<u8> = (1..5_000).flat_map(|n| message(VIDEO, n * 33, PICTURE)).collect();
    let bytes = [&opening("live", "key")[..], &window, &media(), &ping, &pictures].concat();
    let (client, server) = duplex(1 << 12);
    let (mut reader, mut writer) = tokio::io::split(client);
    let mut told = Vec::new();
    let (outcome, ..) = tokio::join!(
        serve(server, &studio, Limits::default()),
        async {
            writer.write_all(&bytes).await.unwrap();
            writer.shutdown().await.unwrap();
        },
        reader.read_to_end(&mut told),
    );
    assert_eq!(outcome, Ok(Ended::Lost));
    assert_eq!(studio.pictures().len(), 5_000);
    assert!(says(&told, "\0\x07\x01\x02\x03\x04"), "the ping is not answered");
    let acknowledgement = [2, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0];
    let count = told.windows(12).filter(|at| *at == acknowledgement).count();
    assert_eq!(count, bytes.len() / 65_536);
}

#[tokio::test(start_paused = true)]
async fn metadata_is_told() {
    let name = [&[0, 7][..], b"encoder", &string("obs-output module")].concat();
    let width = [&[0, 5][..], b"width", &number(1_920.0)].concat();
    let array = [&[8, 0, 0, 0, 2][..], &name, &width, &[0, 0, 9]].concat();
    let payload = [string("@setDataFrame"), string("onMetaData"), array].concat();
    let studio = Studio::default();
    let bytes = [opening("live", "key"), message(18, 0, &payload)].concat();
    let (outcome, _) = served(&studio, &bytes).await;
    assert_eq!(outcome, Ok(Ended::Silent));
    let units = studio.units();
    let [Unit::Metadata(metadata)] = &units[..] else {
        panic!("{units:?}");
    };
    assert_eq!(metadata.encoder.as_deref(), Some("obs-output module"));
    assert_eq!((metadata.width, metadata.height), (Some(1_920.0), None));
}
