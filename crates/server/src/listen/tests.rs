use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::stop::{self, Stopper};

/// A server with one slow answer, and places for `connections_max`.
async fn server(connections_max: usize) -> (SocketAddr, Stopper, tokio::task::JoinHandle<()>) {
    let slow = async || {
        tokio::time::sleep(Duration::from_millis(400)).await;
        "done"
    };
    let router = Router::new()
        .route("/slow", get(slow))
        .route("/", get(async || "here"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stopper, stop) = stop::channel();
    let serving = tokio::spawn(serve(listener, None, router, connections_max, None, stop));
    (address, stopper, serving)
}

/// Sends text and reads until the server closes.
async fn talk(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // A reset is an end as well.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[tokio::test]
async fn what_was_begun_is_answered_before_the_end() {
    let (address, stopper, serving) = server(10).await;
    let asking = tokio::spawn(async move { talk(address, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    stopper.stop();
    let answer = asking.await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"),
        "{answer}"
    );
    serving.await.unwrap();
    assert!(
        TcpStream::connect(address).await.is_err(),
        "nobody listens any more"
    );
}

#[tokio::test]
async fn a_header_that_does_not_come_ends_the_connection() {
    let (address, stopper, serving) = server(10).await;
    let patience = HEADER_PATIENCE + Duration::from_secs(5);
    let answer = tokio::time::timeout(patience, talk(address, "GET / HTTP/1.1\r\nHost:")).await;
    assert!(!answer.expect("the server hangs up first").contains("200"));
    stopper.stop();
    serving.await.unwrap();
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_place() {
    let (address, stopper, serving) = server(1).await;
    let holder = TcpStream::connect(address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let close = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut waiting = tokio::spawn(async move { talk(address, close).await });
    let early = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
    assert!(
        early.is_err(),
        "the second was answered while the first held the only place"
    );
    drop(holder);
    assert!(waiting.await.unwrap().ends_with("here"));
    stopper.stop();
    serving.await.unwrap();
}
