//! A real encoder: ffmpeg publishes over loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::process::Stdio;
use std::time::Duration;

use busk_rtmp::{Ended, Limits, Opus, Refusal, ServeError, Unit, payloads, serve};
use common::Studio;
use tokio::net::TcpListener;
use tokio::process::Command;

struct Published {
    studio: Studio,
    ended: Result<Ended, ServeError>,
    encoder: std::process::ExitStatus,
    said: String,
}

/// Has ffmpeg publish two seconds of a test picture and a tone, with these options.
async fn published(options: &str, key: &str) -> Published {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let inputs = "-f lavfi -i testsrc2=size=320x180:rate=30:duration=2 \
                  -f lavfi -i sine=frequency=440:duration=2";
    let encoder = Command::new("ffmpeg")
        .args("-hide_banner -loglevel info".split_whitespace())
        .args(inputs.split_whitespace())
        .args("-c:v libx264 -preset veryfast -g 30 -b:v 300k -c:a aac".split_whitespace())
        .args(options.split_whitespace())
        .args(["-f", "flv", &format!("rtmp://{address}/live/{key}")])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let accepted = tokio::time::timeout(Duration::from_secs(20), listener.accept()).await;
    let (stream, _) = accepted.unwrap().unwrap();
    let studio = Studio::default();
    let (ended, output) = tokio::join!(
        serve(stream, &studio, Limits::default()),
        encoder.wait_with_output()
    );
    let output = output.unwrap();
    Published {
        studio,
        ended,
        encoder: output.status,
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn kinds(nals: &[bytes::Bytes]) -> Vec<u8> {
    nals.iter().map(|nal| nal[0] & 0x1f).collect()
}

#[tokio::test]
async fn pictures_and_sound_arrive() {
    let published = published("-tune zerolatency -profile:v baseline", "key").await;
    assert_eq!(published.ended, Ok(Ended::ByEncoder), "{}", published.said);
    assert!(published.encoder.success(), "{}", published.said);

    let studio = &published.studio;
    let pictures = studio.pictures();
    assert_eq!(pictures.len(), 60);
    for (n, picture) in pictures.iter().enumerate() {
        let exact = n as f64 * 1_000.0 / 30.0 + pictures[0].dts_ms as f64;
        assert!((picture.dts_ms as f64 - exact).abs() <= 1.0, "{n}: {picture:?}");
        assert_eq!((picture.cts_ms, picture.keyframe), (0, n % 30 == 0));
        let kinds = kinds(&picture.nals);
        assert_eq!(kinds.starts_with(&[7, 8]), picture.keyframe, "{kinds:?}");
        assert!(payloads(&picture.nals, 1_200).all(|(payload, _)| payload.len() <= 1_200));
    }
    assert!(!studio.is_reordered());

    let sounds = studio.sounds();
    let length = sounds.last().unwrap().time_ms - sounds[0].time_ms;
    assert!((1_900..2_100).contains(&length), "{length} ms of sound");
    assert_eq!(
        (sounds[0].config.sample_rate, sounds[0].config.channels),
        (44_100, 1)
    );

    let units = studio.units();
    let Unit::Metadata(metadata) = &units[0] else {
        panic!("{:?}", units[0]);
    };
    assert_eq!((metadata.width, metadata.frames_per_s), (Some(320.0), Some(30.0)));
    assert!(metadata.encoder.as_deref().unwrap().starts_with("Lavf"));
}

#[tokio::test]
async fn b_frames_are_recognised() {
    let none = published("-bf 0", "key").await;
    assert!(!none.studio.is_reordered() && none.studio.pictures().len() == 60);

    let published = published("-bf 2", "key").await;
    assert_eq!(published.ended, Ok(Ended::ByEncoder), "{}", published.said);
    let units = published.studio.units();
    let place = |wanted: fn(&Unit) -> bool| units.iter().position(wanted);
    let told = place(|unit| *unit == Unit::Reordered);
    // The sequence parameters say so before the first picture is shown.
    assert!(told.is_some() && told < place(|unit| matches!(unit, Unit::Picture(_))));
    let pictures = published.studio.pictures();
    let mut shown: Vec<_> = pictures.iter().map(|p| p.dts_ms + u64::from(p.cts_ms)).collect();
    assert!(!shown.is_sorted());
    shown.sort_unstable();
    for pair in shown.windows(2) {
        assert!((32..=35).contains(&(pair[1] - pair[0])), "{pair:?}");
    }
}

#[tokio::test]
async fn sound_becomes_opus() {
    for (options, rate) in [("-ar 44100 -ac 2", 44_100), ("-ar 48000 -ac 1", 48_000)] {
        let published = published(options, "key").await;
        let sounds = published.studio.sounds();
        assert_eq!(sounds[0].config.sample_rate, rate);
        let mut opus = Opus::new().unwrap();
        let packets: Vec<_> = sounds
            .iter()
            .flat_map(|sound| opus.push(sound).unwrap())
            .collect();
        assert!(packets.len() >= 97, "{} packets", packets.len());
        assert!(packets.windows(2).all(|pair| pair[1].time - pair[0].time == 960));
        let mut decoder = opus::Decoder::new(48_000, opus::Channels::Stereo).unwrap();
        let (mut power, mut pcm) = (0.0, [0.0; 1_920]);
        for packet in &packets {
            decoder.decode_float(&packet.data, &mut pcm, false).unwrap();
            power += pcm.iter().map(|sample| sample * sample).sum::<f32>();
        }
        // The tone has an amplitude of 1/8.
        let mean = (power / (packets.len() * pcm.len()) as f32).sqrt();
        assert!((0.05..0.12).contains(&mean), "{rate} Hz: it is {mean} loud");
    }
}

#[tokio::test]
async fn a_click_is_heard_when_it_is_seen() {
    for rate in [44_100, 48_000] {
        let options =
            format!("-tune zerolatency -af aeval=if(between(t\\,1\\,1.001)\\,0.7\\,0):c=same -ar {rate}");
        let published = published(&options, "key").await;
        let mut opus = Opus::new().unwrap();
        let mut decoder = opus::Decoder::new(48_000, opus::Channels::Stereo).unwrap();
        let (mut loudest, mut pcm) = ((0.0, 0), [0.0; 1_920]);
        for sound in published.studio.sounds() {
            for packet in opus.push(&sound).unwrap() {
                decoder.decode_float(&packet.data, &mut pcm, false).unwrap();
                for (n, pair) in pcm.chunks_exact(2).enumerate() {
                    if pair[0].abs() > loudest.0 {
                        loudest = (pair[0].abs(), packet.time + n as u64);
                    }
                }
            }
        }
        let heard = loudest.1 as f64 / 48.0 - published.studio.pictures()[0].dts_ms as f64;
        assert!(
            loudest.0 > 0.05 && (heard - 1_000.5).abs() < 10.0,
            "{rate} Hz: {loudest:?} at {heard} ms"
        );
    }
}

#[tokio::test]
async fn a_wrong_key_is_told_to_the_encoder() {
    let published = published("", "other").await;
    assert_eq!(published.ended, Err(ServeError::Refused(Refusal::Unknown)));
    assert!(!published.encoder.success());
    assert!(
        published.said.contains("stream key is not right"),
        "{}",
        published.said
    );
}

#[tokio::test]
async fn other_codecs_are_told_to_the_encoder() {
    for (options, codec, advice) in [
        ("-c:v flv1", "Sorenson H.263", "choose an H.264 encoder"),
        ("-c:a libmp3lame -ar 44100", "MP3", "choose AAC"),
    ] {
        // Slowly, or ffmpeg has sent everything before it looks at what it was told.
        let options = format!("-vf realtime -af arealtime {options}");
        let published = published(&options, "key").await;
        let Err(ServeError::Unsupported(unsupported)) = published.ended else {
            panic!("{:?}", published.ended);
        };
        assert_eq!(unsupported.codec, codec);
        assert!(!published.encoder.success(), "{}", published.said);
        let text = format!("The encoder sends {codec}.");
        assert!(published.said.contains(&text), "{}", published.said);
        assert!(unsupported.to_string().contains(advice));
    }
}
