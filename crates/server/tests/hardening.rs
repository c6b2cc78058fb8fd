//! Strangers who mean no good, many at once, over the real protocols: all others are served meanwhile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "how long people waited is printed")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use busk_testkit::app::{Browser, TestApp};
use busk_testkit::db::TestDb;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use uuid::Uuid;

#[path = "hardening/spam.rs"]
mod spam;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const STRANGERS: u128 = 1_000;

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

fn said(text: String) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == "said" && event["text"] == text.as_str()
}

/// A room on air without a camera: enough for chat.
async fn open_room(app: &TestApp, host: &Browser) -> String {
    let room = host.post("/api/v1/rooms", json!({"title": "Songs"})).await;
    let room = room.is(201).text("id");
    app.db
        .tamper("UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1")
        .await;
    room
}

fn print_p99(what: &str, mut waits: Vec<Duration>) {
    waits.sort_unstable();
    let at = (waits.len() * 99).div_ceil(100).saturating_sub(1);
    eprintln!("{what}: p99 {:?} of {}", waits.get(at), waits.len());
}

/// A socket into the room whose kernel takes next to nothing, and that reads no more once it is in.
async fn deaf(address: SocketAddr, room: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /ws/rooms/{room} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 101");
    stream
}

/// Whether the other end hangs up in time; what it had sent is read and let go.
async fn hangs_up(mut stream: TcpStream, within: Duration) -> bool {
    let mut bytes = [0; 16 * 1024];
    let reading = async { while matches!(stream.read(&mut bytes).await, Ok(1..)) {} };
    tokio::time::timeout(within, reading).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_who_read_nothing_hold_nobody_up() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let room = open_room(&app, &host).await;
    let mut stalled = Vec::new();
    for _ in 0..STRANGERS {
        stalled.push(deaf(app.http, &room).await);
    }
    let mut speakers = Vec::new();
    for n in 0..80 {
        let guest = app.guest(&format!("guest {n}")).await;
        speakers.push(app.socket(&room, "", &guest).await);
    }
    let mut healthy = app.socket(&room, "", &app.nobody()).await;
    let mut waits = Vec::new();
    // Several times what a kernel holds for somebody who reads nothing.
    for n in 0..200_u128 {
        let text = format!("{n} {}", "x".repeat(250));
        let began = Instant::now();
        let at = n as usize % speakers.len();
        let answer = speakers[at].say(&id(n + 1), &text).await;
        assert!(answer["ok"]["n"].is_i64(), "{answer}");
        healthy.event(said(text)).await;
        waits.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    print_p99("a message, while a thousand read nothing", waits);
    // Five seconds behind is too far; then two for the goodbye.
    tokio::time::sleep(Duration::from_secs(9)).await;
    let mut closing = JoinSet::new();
    for stream in stalled {
        closing.spawn(hangs_up(stream, Duration::from_secs(5)));
    }
    let closed = closing.join_all().await;
    assert!(closed.iter().all(|closed| *closed), "some of them are still in");
    let answer = speakers[0].say(&id(999), "still here").await;
    assert!(answer["ok"]["n"].is_i64(), "{answer}");
    healthy.event(said("still here".into())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_trickle_in_are_cut_off_and_others_are_served() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let room = open_room(&app, &host).await;
    let mut slow = JoinSet::new();
    for n in 0..500 {
        let (address, room) = (app.http, room.clone());
        slow.spawn(async move {
            // Every second one is on its way to be a socket.
            let path = if n % 2 == 0 {
                "/".to_owned()
            } else {
                format!("/ws/rooms/{room}")
            };
            let mut stream = TcpStream::connect(address).await.unwrap();
            let began = Instant::now();
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: {address}\r\nx-long: {}",
                "x".repeat(60)
            );
            let (mut input, mut output) = stream.split();
            let trickle = async {
                for byte in request.as_bytes() {
                    // That it was cut off is told by the reading.
                    if output.write_all(&[*byte]).await.is_err() {
                        std::future::pending::<()>().await;
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            };
            let mut bytes = [0; 4096];
            let reading = async { while matches!(input.read(&mut bytes).await, Ok(1..)) {} };
            tokio::select! {
                () = trickle => panic!("never cut off"),
                () = reading => began.elapsed(),
            }
        });
    }
    let mut waits = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        app.nobody().get("/api/v1/rooms").await.is(200);
        waits.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    print_p99("a request, while five hundred trickle", waits);
    let lived = slow.join_all().await;
    let longest = lived.into_iter().max().unwrap();
    // Ten seconds are what a header may take.
    assert!(longest < Duration::from_secs(20), "{longest:?}");
}
