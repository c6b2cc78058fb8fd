//! The opening handshake, RFC 6455 §4: what is refused, and how.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use axum::body::Body;
use busk_fanout::{HandshakeError, upgrade};
use http::{Request, Response, StatusCode, Version};

fn refused(change: impl FnOnce(&mut Request<()>)) -> Option<(HandshakeError, Response<Body>)> {
    let mut request = Request::get("/ws")
        .header("connection", "keep-alive, Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap();
    change(&mut request);
    let refused = upgrade::<_, Body>(&mut request).err();
    refused.map(|error| (error, error.response()))
}

#[test]
fn refusals() {
    type Change = fn(&mut Request<()>);
    let rows: [(&str, Change, HandshakeError, u16); 9] = [
        (
            "POST",
            |r| *r.method_mut() = http::Method::POST,
            HandshakeError::Method,
            400,
        ),
        (
            "HTTP/1.0",
            |r| *r.version_mut() = Version::HTTP_10,
            HandshakeError::Method,
            400,
        ),
        (
            "HTTP/2",
            |r| *r.version_mut() = Version::HTTP_2,
            HandshakeError::Method,
            400,
        ),
        (
            "no connection",
            |r| drop(r.headers_mut().remove("connection")),
            HandshakeError::NotUpgrade,
            426,
        ),
        (
            "no upgrade",
            |r| drop(r.headers_mut().remove("upgrade")),
            HandshakeError::NotUpgrade,
            426,
        ),
        (
            "version 8",
            |r| {
                drop(
                    r.headers_mut()
                        .insert("sec-websocket-version", "8".parse().unwrap()),
                )
            },
            HandshakeError::Version,
            426,
        ),
        (
            "no key",
            |r| drop(r.headers_mut().remove("sec-websocket-key")),
            HandshakeError::Key,
            400,
        ),
        (
            "short key",
            |r| {
                drop(
                    r.headers_mut()
                        .insert("sec-websocket-key", "c2hvcnQ=".parse().unwrap()),
                )
            },
            HandshakeError::Key,
            400,
        ),
        (
            "a request without a connection",
            |_| {},
            HandshakeError::Impossible,
            500,
        ),
    ];
    for (name, change, expected, status) in rows {
        let (error, response) = refused(change).expect(name);
        assert_eq!((error, response.status().as_u16()), (expected, status), "{name}");
        let version = response.headers().get("sec-websocket-version");
        assert_eq!(
            version.is_some(),
            response.status() == StatusCode::UPGRADE_REQUIRED,
            "{name}"
        );
    }
}

/// A server whose streams are not plain TCP (here: in memory) is an error, not a panic.
#[tokio::test]
async fn a_connection_that_is_no_socket() {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let (mut client, server) = tokio::io::duplex(4096);
    let outcome = Arc::new(Mutex::new(None));
    let noted = outcome.clone();
    let service = hyper::service::service_fn(move |mut request: Request<hyper::body::Incoming>| {
        let (response, socket) = upgrade::<_, Body>(&mut request).expect("a good handshake");
        let noted = noted.clone();
        tokio::spawn(async move {
            *noted.lock().unwrap() = Some(socket.await.map(|_| ()).map_err(|error| error.to_string()));
        });
        async { Ok::<_, Infallible>(response) }
    });
    tokio::spawn(async move {
        let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
        let _ = builder
            .serve_connection_with_upgrades(TokioIo::new(server), service)
            .await;
    });
    client
        .write_all(
            b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
              sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .await
        .unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    for _ in 0..1000 {
        if outcome.lock().unwrap().is_some() {
            break;
        }
        tokio::time::sleep(common::WAIT / 1000).await;
    }
    let outcome = outcome.lock().unwrap().clone();
    assert_eq!(
        outcome,
        Some(Err(
            "the HTTP server speaks over something else than TCP, or TLS on it".to_owned()
        ))
    );
}
