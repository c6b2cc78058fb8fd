//! Recordings in S3: a server within this process that checks signatures (s3s), over a folder.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use busk_hls::Rendition;
use busk_replay::{Archive, ArchiveError, OpenError, Piece, Recording, S3Config};
use futures_util::TryStreamExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;

use crate::ffmpeg;
use crate::playback::record;
use crate::show::{Show, room};

async fn serve(listener: TcpListener, folder: &Path) {
    std::fs::create_dir_all(folder.join("replays")).unwrap();
    let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
    service.set_auth(SimpleAuth::from_single("busk", "a secret"));
    let service = service.build();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
}

fn config(address: SocketAddr) -> S3Config {
    S3Config {
        endpoint: Some(format!("http://{address}")),
        region: "us-east-1".into(),
        bucket: "replays".into(),
        prefix: "site/one".into(),
        access_key_id: "busk".into(),
        secret_access_key: "a secret".into(),
        path_style: true,
    }
}

/// Names of the recording's objects, and when they were written.
fn objects(server: &Path, n: u8) -> BTreeMap<String, SystemTime> {
    let folder = server.join("replays/site/one").join(room(n).to_string());
    let files = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(Result::unwrap);
    files
        .map(|file| {
            (
                file.file_name().into_string().unwrap(),
                file.metadata().unwrap().modified().unwrap(),
            )
        })
        .collect()
}

fn not_found<T>(result: Result<T, ArchiveError>) -> bool {
    matches!(result, Err(ArchiveError::Open(OpenError::NotFound)))
}

#[tokio::test]
async fn a_recording_is_uploaded_played_by_ranges_and_removed() {
    let (home, server) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let archive = Archive::new(home.path(), Some(&config(listener.local_addr().unwrap()))).unwrap();
    let mut show = Show::begin(0);
    let mut finished = show.run(200);
    finished.extend(show.change_source(1, 0));
    finished.extend(show.run(100));
    finished.extend(show.end());
    record(home.path(), room(1), finished, true);
    let folder = home.path().join(room(1).to_string());
    let local = Recording::open(&folder).unwrap();
    let file = home.path().join("show.mp4");
    let expected = ffmpeg::download(&local.mp4().unwrap(), &folder, &file);
    serve(listener, server.path()).await;
    let here = archive.size(room(1)).await.unwrap();
    assert!(here.local_bytes > 100_000 && here.remote_bytes == 0, "{here:?}");

    archive.upload().await.unwrap();
    assert!(!folder.exists(), "all of it is there, so the copy here goes");
    let there = archive.size(room(1)).await.unwrap();
    assert_eq!((there.local_bytes, there.remote_bytes), (0, here.local_bytes));
    assert_eq!(archive.list().await.unwrap(), [there]);

    let recording = archive.open(room(1)).await.unwrap();
    assert!(recording.is_over());
    assert_eq!(
        recording.playlist(Rendition::Video),
        local.playlist(Rendition::Video)
    );
    let plan = Arc::new(recording.mp4().unwrap());
    let download = |range| {
        archive
            .stream(room(1), plan.clone(), range)
            .try_collect::<Vec<_>>()
    };
    assert_eq!(download(0..u64::MAX).await.unwrap().concat(), expected);
    assert_eq!(
        download(70_001..70_777).await.unwrap().concat(),
        expected[70_001..70_777]
    );
    assert!(download(1 << 40..u64::MAX).await.unwrap().is_empty());
    let piece = Piece::Stored {
        name: recording
            .playlist(Rendition::Audio)
            .lines()
            .find_map(busk_hls::ResourceName::parse)
            .unwrap(),
        start: 4,
        length: 4,
    };
    assert_eq!(archive.read(room(1), &piece).await.unwrap(), "moof");

    archive.remove(room(1)).await.unwrap();
    assert!(objects(server.path(), 1).is_empty());
    assert!(not_found(archive.open(room(1)).await) && not_found(archive.size(room(1)).await));
    assert!(not_found(archive.read(room(1), &piece).await));
    assert!(archive.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart_and_when_s3_comes_back() {
    let (home, server) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let folder = home.path().join(room(2).to_string());
    let archive = || Archive::new(home.path(), Some(&config(address))).unwrap();
    record(home.path(), room(2), Show::begin(0).run(200), false);
    let before = archive();
    assert!(before.upload().await.is_err(), "nobody is there");
    assert!(
        before
            .open(room(2))
            .await
            .is_ok_and(|recording| !recording.is_over())
    );

    serve(TcpListener::bind(address).await.unwrap(), server.path()).await;
    before.upload().await.unwrap();
    let uploaded = objects(server.path(), 2);
    assert!(
        uploaded.contains_key("index") && uploaded.len() > 6 && folder.exists(),
        "it may go on"
    );
    // What is there can be played should this machine never come back.
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Archive::new(elsewhere.path(), Some(&config(address))).unwrap();
    assert!(other.open(room(2)).await.unwrap().duration() > Duration::from_secs(5));

    // The program starts anew, the room comes back and ends; an upload was broken off.
    let torn = uploaded.keys().find(|name| name.starts_with("a-")).unwrap();
    std::fs::write(
        server
            .path()
            .join("replays/site/one")
            .join(room(2).to_string())
            .join(torn),
        "half",
    )
    .unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    record(home.path(), room(2), Show::begin(60).run(100), false);
    let after = archive();
    after.settle(room(2)).await.unwrap();
    let local = Recording::open(&folder).unwrap();
    assert!(local.is_over());
    let file = home.path().join("show.mp4");
    let expected = ffmpeg::download(&local.mp4().unwrap(), &folder, &file);
    after.upload().await.unwrap();
    assert!(!folder.exists());
    let again = objects(server.path(), 2);
    for (name, written) in &uploaded {
        let same = again.get(name) == Some(written);
        assert_eq!(same, name != torn && name != "index", "{name} is uploaded once");
    }
    let plan = Arc::new(after.open(room(2)).await.unwrap().mp4().unwrap());
    let read: Vec<_> = after
        .stream(room(2), plan, 0..u64::MAX)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(read.concat(), expected);
    after.upload().await.unwrap();
}

#[tokio::test]
async fn without_s3_everything_stays_here() {
    let home = tempfile::tempdir().unwrap();
    let archive = Archive::new(home.path(), None).unwrap();
    let mut show = Show::begin(0);
    let mut finished = show.run(70);
    finished.extend(show.end());
    record(archive.folder(), room(3), finished, true);
    archive.upload().await.unwrap();
    let recording = archive.open(room(3)).await.unwrap();
    let plan = Arc::new(recording.clip(Duration::ZERO, Duration::from_secs(1)).unwrap());
    let length = plan.length();
    let read: Vec<_> = archive
        .stream(room(3), plan, 0..u64::MAX)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(read.concat().len() as u64, length);
    assert_eq!(archive.list().await.unwrap().len(), 1);
    archive.remove(room(3)).await.unwrap();
    archive.remove(room(3)).await.unwrap();
    archive.settle(room(3)).await.unwrap();
    assert!(not_found(archive.open(room(3)).await) && archive.list().await.unwrap().is_empty());
}
