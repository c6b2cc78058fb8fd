//! Other targets than our own server: ffmpeg, nginx, and those that mean harm.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use busk_rtmp::push::{PushEnded, PushError, PushLimits, Statistics, push};
use busk_rtmp::{Limits, Unit, serve};
use common::restream::*;
use common::{Studio, hello};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

/// A port that was free a moment ago, for programs that cannot say which they took.
async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

async fn connected(port: u16) -> TcpStream {
    for _ in 0..200 {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            return stream;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody listens");
}

/// What ffprobe sees in the file: per packet medium, time, duration and flags.
async fn packets(file: &Path) -> (Vec<(String, f64, bool)>, String) {
    let output = Command::new("ffprobe")
        .args("-v warning -show_entries packet=codec_type,dts_time,flags -of csv=p=0".split_whitespace())
        .arg(file)
        .output()
        .await
        .unwrap();
    let packet = |line: &str| {
        let mut fields = line.split(',');
        let (medium, dts, flags) = (fields.next()?, fields.next()?, fields.next()?);
        Some((medium.to_owned(), dts.parse().ok()?, flags.starts_with('K')))
    };
    let listed = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (listed.lines().filter_map(packet).collect(), said)
}

/// What was recorded is what was pushed, and decodes without a complaint.
async fn assert_recorded(file: &Path, units: &[Unit]) {
    let (packets, said) = packets(file).await;
    assert_eq!(said, "");
    let of = |medium: &str| {
        packets
            .iter()
            .filter(|(m, ..)| m == medium)
            .cloned()
            .collect::<Vec<_>>()
    };
    let (video, audio) = (of("video"), of("audio"));
    let mut origin = None;
    let (mut pictures, mut sounds) = (Vec::new(), Vec::new());
    for unit in units {
        match unit {
            Unit::Picture(picture) => {
                let origin = *origin.get_or_insert(picture.dts_ms);
                pictures.push((picture.dts_ms - origin, picture.keyframe));
            }
            Unit::Sound(sound) => sounds.extend(origin.and_then(|o| sound.time_ms.checked_sub(o))),
            Unit::Metadata(_) | Unit::Reordered => {}
        }
    }
    assert_eq!((video.len(), audio.len()), (pictures.len(), sounds.len()));
    let first = video[0].1;
    for ((_, dts, key), (dts_ms, keyframe)) in video.iter().zip(pictures) {
        assert!(
            ((dts - first) * 1_000.0 - dts_ms as f64).abs() < 1.5,
            "{dts} {dts_ms}"
        );
        assert_eq!(*key, keyframe);
    }
    for ((_, dts, _), time_ms) in audio.iter().zip(sounds) {
        assert!(
            ((dts - first) * 1_000.0 - time_ms as f64).abs() < 1.5,
            "{dts} {time_ms}"
        );
    }
    let decoded = Command::new("ffmpeg")
        .args("-v warning -xerror -i".split_whitespace())
        .arg(file)
        .args("-f null -".split_whitespace())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(decoded.stderr).unwrap();
    assert!(decoded.status.success() && said.is_empty(), "{said}");
}

#[tokio::test]
async fn ffmpeg_takes_what_is_pushed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.flv");
    let port = free_port().await;
    let server = Command::new("ffmpeg")
        .args("-hide_banner -v warning -listen 1 -i".split_whitespace())
        .arg(format!("rtmp://127.0.0.1:{port}/live/key"))
        .args("-c copy".split_whitespace())
        .arg(&file)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let units = recorded().await;
    let (pushed, statistics) = push_all(connected(port).await, "key", units.clone()).await;
    assert_eq!(pushed, Ok(PushEnded::BySource), "{statistics:?}");
    let output = timeout(Duration::from_secs(20), server.wait_with_output()).await;
    let said = String::from_utf8(output.unwrap().unwrap().stderr).unwrap();
    // How it takes the end of any publisher, ffmpeg among them.
    let end = format!("rtmp://127.0.0.1:{port}/live/key: Input/output error\n");
    assert_eq!(said, end);
    assert_recorded(&file, &units).await;
}

/// Debian's package libnginx-mod-rtmp, where it is installed, or where the variable says.
fn nginx_module() -> Option<PathBuf> {
    let places = [
        std::env::var_os("BUSK_NGINX_RTMP").map(PathBuf::from),
        Some("/usr/lib/nginx/modules/ngx_rtmp_module.so".into()),
    ];
    places.into_iter().flatten().find(|place| place.exists())
}

#[tokio::test]
async fn nginx_takes_what_is_pushed() {
    let Some(module) = nginx_module() else {
        println!("no nginx with RTMP here: install libnginx-mod-rtmp to have this tested");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (port, place) = (free_port().await, folder.path().display());
    let configuration = format!(
        "load_module {};\ndaemon off; master_process off; pid {place}/pid; error_log {place}/log info;\n\
         events {{}}\n\
         rtmp {{ server {{ listen 127.0.0.1:{port}; ping 1s; ack_window 20000;\n\
         application live {{ live on; record all; record_path {place}; record_suffix .flv; }} }} }}\n",
        module.display()
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, configuration).unwrap();
    let mut server = Command::new("nginx")
        .arg("-c")
        .arg(&file)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let units = recorded().await;
    let (pushed, statistics) = push_all(connected(port).await, "key", units.clone()).await;
    assert_eq!(pushed, Ok(PushEnded::BySource), "{statistics:?}");
    sleep(Duration::from_millis(300)).await;
    assert_recorded(&folder.path().join("key.flv"), &units).await;

    // A second publisher under the same key, and an app that is none.
    let (first, second) = (connected(port).await, connected(port).await);
    let units = vec![Unit::Reordered];
    let hold = async {
        sleep(Duration::from_secs(1)).await;
        push_all(second, "busy", units).await
    };
    let target = target("busy");
    let (_keep, mut frames) = mpsc::channel(1);
    let (statistics, _) = watch::channel(Statistics::default());
    let limits = PushLimits::default();
    let held = timeout(
        Duration::from_secs(3),
        push(first, &target, &mut frames, limits, &statistics),
    );
    let (held, (pushed, _)) = tokio::join!(held, hold);
    assert!(held.is_err(), "{held:?}");
    let Err(PushError::Refused(refusal)) = pushed else {
        panic!("{pushed:?}");
    };
    assert_eq!(refusal.description, "Already publishing");
    server.kill().await.unwrap();
}

/// What our own server says to a publisher, byte for byte.
async fn dialogue() -> Vec<u8> {
    let (client, mut near) = duplex(1 << 16);
    let (mut far, server) = duplex(1 << 16);
    let mut said = Vec::new();
    let proxy = async {
        let mut from_client = [0; 4 << 10];
        let mut from_server = [0; 4 << 10];
        let mut over = false;
        loop {
            tokio::select! {
                count = near.read(&mut from_client), if !over => match count {
                    Ok(count) if count > 0 => far.write_all(&from_client[..count]).await.unwrap(),
                    _ => {
                        over = true;
                        far.shutdown().await.unwrap();
                    }
                },
                count = far.read(&mut from_server) => match count {
                    Ok(count) if count > 0 => {
                        said.extend(&from_server[..count]);
                        let _ = near.write_all(&from_server[..count]).await;
                    }
                    _ => break,
                },
            }
        }
        drop((near, far));
    };
    let studio = Studio::default();
    let units = (0..30).map(|n| picture(n, 30, 500)).collect();
    let (_, (pushed, _), ()) = tokio::join!(
        serve(server, &studio, Limits::default()),
        push_all(client, "key", units),
        proxy
    );
    assert_eq!(pushed, Ok(PushEnded::BySource));
    said
}

/// Pushes to a target that says these bytes whatever it hears, and then hangs up or stays.
async fn pushed_to(bytes: &[u8], stays: bool) -> Result<PushEnded, PushError> {
    let (client, mut server) = duplex(1 << 20);
    let fake = async move {
        // Refused when it has gone.
        let _ = server.write_all(bytes).await;
        if !stays {
            let _ = server.shutdown().await;
        }
        let mut unread = [0; 4 << 10];
        while matches!(server.read(&mut unread).await, Ok(count) if count > 0) {}
    };
    let units = (0..30).map(|n| picture(n, 30, 500)).collect();
    let push = timeout(Duration::from_secs(30), push_all(client, "key", units));
    let (pushed, ()) = tokio::join!(push, fake);
    pushed.expect("it is over in time").0
}

#[tokio::test(start_paused = true)]
async fn a_target_may_hang_up_at_every_byte() {
    let dialogue = dialogue().await;
    assert!(dialogue.len() > 3_073 + 300, "{} bytes", dialogue.len());
    let (mut hung_up, mut live) = (0, 0);
    for end in (0..dialogue.len()).filter(|end| *end > 3_000 || end % 100 == 0 || *end < 10) {
        match pushed_to(&dialogue[..end], false).await {
            Err(PushError::Lost) => {}
            Err(PushError::HungUp) => hung_up += 1,
            other => panic!("{end}: {other:?}"),
        }
        let stayed = pushed_to(&dialogue[..end], true).await;
        match stayed {
            Err(PushError::TooSlow) => {}
            Ok(PushEnded::BySource) => live += 1,
            other => panic!("{end}: {other:?}"),
        }
    }
    assert!(hung_up > 20 && live > 20, "{hung_up} {live}");
    assert_eq!(pushed_to(&dialogue, false).await, Ok(PushEnded::ByTarget));
}

#[tokio::test(start_paused = true)]
async fn garbage_harms_nobody() {
    let dialogue = dialogue().await;
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: usize| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance % bound as u64) as usize
    };
    for _ in 0..600 {
        let mut spoilt = dialogue.clone();
        for _ in 0..1 + below(4) {
            let at = 3_073 + below(spoilt.len() - 3_073);
            match below(3) {
                0 => spoilt[at] = below(256) as u8,
                1 => drop(spoilt.drain(at..spoilt.len().min(at + 1 + below(9)))),
                _ => spoilt.insert(at, below(256) as u8),
            }
        }
        assert_ne!(pushed_to(&spoilt, below(2) == 0).await, Err(PushError::Panicked));
    }
    for bytes in [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"\x15\x03\x01", &[0; 5_000]] {
        assert_eq!(pushed_to(bytes, true).await, Err(PushError::NotRtmp));
    }
    // Talk without end.
    let ping = [2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 6, 1, 2, 3, 4].repeat(1_000);
    let talk = pushed_to(&[hello(), ping].concat(), true).await;
    assert_eq!(talk, Err(PushError::Malformed("it talks too much")));
}

#[tokio::test(start_paused = true)]
async fn what_a_target_repeats_of_the_key_is_not_told() {
    let text = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
    let field = |name: &str, value: &str| [text(name), vec![2], text(value)].concat();
    let told = "No stream\r\nnamed live/canary-77?t=1 or\u{202e} canary-77";
    let object = [
        vec![3],
        field("level", "error"),
        field("code", "NetStream.Publish.Weird"),
        field("description", told),
        vec![0, 0, 9],
    ];
    let status = common::command("onStatus", 0.0, &[common::NULL, &object.concat()]);
    let (client, mut server) = duplex(1 << 16);
    let fake = async {
        server.write_all(&[hello(), status].concat()).await.unwrap();
        let mut unread = [0; 4 << 10];
        while matches!(server.read(&mut unread).await, Ok(count) if count > 0) {}
    };
    let ((pushed, _), ()) = tokio::join!(push_all(client, "canary-77?t=1", Vec::new()), fake);
    let Err(error) = pushed else {
        panic!("it is refused")
    };
    assert_eq!(
        error.to_string(),
        "The other platform refuses the stream: No stream named live/… or …"
    );
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_takes_nothing_is_left() {
    let dialogue = dialogue().await;
    // It lets us publish, and never reads again.
    let (client, mut server) = duplex(8 << 10);
    let fake = async {
        let (mut reader, mut writer) = tokio::io::split(&mut server);
        let mut heard = vec![0; 3_073 + 300];
        // Up to the goodbye.
        let goodbye = b"NetStream.Unpublish.Success";
        let end = dialogue
            .windows(goodbye.len())
            .position(|at| at == goodbye)
            .unwrap()
            - 50;
        let (said, _) = tokio::join!(writer.write_all(&dialogue[..end]), reader.read_exact(&mut heard));
        said.unwrap();
        sleep(Duration::from_secs(60)).await;
    };
    let (sender, mut frames) = mpsc::channel(8);
    let (statistics, told) = watch::channel(Statistics::default());
    let feed = async {
        for n in 0.. {
            // Who feeds it is never held back.
            sender.try_send(picture(n, 30, 50_000)).unwrap();
            sleep(Duration::from_millis(33)).await;
        }
    };
    let target = target("key");
    let limits = PushLimits::default();
    tokio::select! {
        pushed = push(client, &target, &mut frames, limits, &statistics) => {
            assert_eq!(pushed, Err(PushError::Stalled));
            let told = *told.borrow();
            assert!(told.frames_sent == 1 && told.frames_dropped > 200 && told.queue_ms <= 3_000, "{told:?}");
        }
        () = fake => panic!("it is never left"),
        () = feed => unreachable!(),
    }
}
