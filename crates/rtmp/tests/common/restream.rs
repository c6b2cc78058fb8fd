//! Programs to push, and where to.

use std::sync::Arc;

use busk_rtmp::push::{PushEnded, PushError, PushLimits, Statistics, Target, push};
use busk_rtmp::{AacConfig, Limits, Picture, Sound, Unit, serve};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, duplex};
use tokio::sync::{mpsc, watch};

use super::Studio;

pub fn target(key: &str) -> Target {
    Target::parse("rtmp://target.example/live", key).unwrap()
}

const SPS: &[u8] = &[0x67, 0x42, 0, 30, 1];
const PPS: &[u8] = &[0x68, 0xce];

/// A picture whose last NAL unit says which one it is, and its group.
pub fn picture(n: u64, group: u64, size: usize) -> Unit {
    let keyframe = n.is_multiple_of(group);
    let mut slice = vec![if keyframe { 0x65 } else { 0x41 }];
    slice.extend(n.to_be_bytes());
    slice.resize(size.max(9), 7);
    let sets = [SPS, PPS].into_iter().filter(|_| keyframe);
    Unit::Picture(Picture {
        dts_ms: 5_000 + n * 33,
        cts_ms: [0, 66, 33][n as usize % 3],
        keyframe,
        nals: sets.map(Bytes::from_static).chain([slice.into()]).collect(),
    })
}

/// Which one it is.
pub fn number(picture: &Picture) -> u64 {
    u64::from_be_bytes(picture.nals.last().unwrap()[1..9].try_into().unwrap())
}

pub fn sound(time_ms: u64, channels: u8) -> Unit {
    let specific = if channels == 2 {
        &[0x11, 0x90]
    } else {
        &[0x11, 0x88]
    };
    let config = AacConfig {
        sample_rate: 48_000,
        channels,
        specific: Bytes::from_static(specific),
    };
    Unit::Sound(Sound {
        time_ms,
        config: Arc::new(config),
        data: time_ms.to_be_bytes().to_vec().into(),
    })
}

/// What ffmpeg published in the recorded session: two seconds of H.264 and AAC.
pub async fn recorded() -> Vec<Unit> {
    let studio = Studio::default();
    let (mut client, server) = duplex(1 << 20);
    let session = include_bytes!("../session.rtmp");
    client.write_all(session).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(client);
    writer.shutdown().await.unwrap();
    let mut unread = tokio::io::sink();
    let (served, _) = tokio::join!(
        serve(server, &studio, Limits::default()),
        tokio::io::copy(&mut reader, &mut unread)
    );
    served.unwrap();
    studio.units()
}

/// Pushes these over the stream as soon as they may come.
pub async fn push_all<S>(stream: S, key: &str, units: Vec<Unit>) -> (Result<PushEnded, PushError>, Statistics)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (sender, mut frames) = mpsc::channel(units.len().max(1));
    let (statistics, mut told) = watch::channel(Statistics::default());
    let feed = async move {
        if told.wait_for(|told| told.live_since.is_some()).await.is_ok() {
            for unit in units {
                sender.try_send(unit).unwrap();
            }
        }
    };
    let target = target(key);
    let push = async {
        let ended = push(stream, &target, &mut frames, PushLimits::default(), &statistics).await;
        let told = *statistics.borrow();
        // The feed, too, learns that it is over.
        drop(statistics);
        (ended, told)
    };
    let (outcome, ()) = tokio::join!(push, feed);
    outcome
}
