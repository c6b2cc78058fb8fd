//! HTTPS with the operator's certificate, beside HTTP: pages, cookies, and a room's socket.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use busk_testkit::app::{TestApp, free};
use busk_testkit::certificate::Files;
use busk_testkit::db::TestDb;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const PATIENCE: Duration = Duration::from_secs(20);

async fn start(certificate: &Files) -> (TestApp, SocketAddr) {
    let address = free();
    let flags = [
        ("--https-listen", address.to_string()),
        ("--public-url", format!("https://localhost:{}", address.port())),
        ("--rtmps-listen", "off".to_owned()),
        ("--tls-certificate", certificate.flag("fullchain.pem")),
        ("--tls-key", certificate.flag("privkey.pem")),
    ];
    let app = TestApp::start_with(BUSK, TestDb::sqlite(), &flags).await;
    (app, address)
}

async fn connect(certificate: &Files, address: SocketAddr) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(certificate.pem.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector
        .connect("localhost".try_into().unwrap(), stream)
        .await
        .unwrap()
}

/// Reads until the text is there; all of it so far.
async fn read_until(stream: &mut TlsStream<TcpStream>, wanted: &str) -> String {
    let mut all = Vec::new();
    let reading = async {
        loop {
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).await.unwrap();
            assert!(count > 0, "closed after {}", String::from_utf8_lossy(&all));
            all.extend_from_slice(&piece[..count]);
            let text = String::from_utf8_lossy(&all);
            if text.contains(wanted) {
                return text.into_owned();
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect(wanted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_cookies_and_sockets_by_tls() {
    let certificate = Files::of("localhost");
    let (app, address) = start(&certificate).await;
    let host = app.sign_up("host").await;
    let room = host.post("/api/v1/rooms", json!({"title": "Songs"})).await;
    let room = room.is(201).text("id");
    app.db
        .tamper("UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1")
        .await;

    let mut stream = connect(&certificate, address).await;
    let who = json!({"handle": "ana", "display_name": "Ana", "password": "correct horse"}).to_string();
    let origin = format!("https://localhost:{}", address.port());
    let request = format!(
        "POST /api/v1/sign-up HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{who}",
        who.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let cookie = answer
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .unwrap();
    assert!(cookie.contains("; Secure"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();

    let mut socket = connect(&certificate, address).await;
    let request = format!(
        "GET /ws/rooms/{room} HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nCookie: {cookie}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let hello = read_until(&mut socket, "\"hello\"").await;
    assert!(hello.starts_with("HTTP/1.1 101"), "{hello}");

    let words =
        json!({"do": "say", "id": uuid::Uuid::from_u128(1).to_string(), "text": "by TLS"}).to_string();
    let header = [0x81, 0x80 | words.len() as u8, 0, 0, 0, 0];
    socket
        .write_all(&[&header[..], words.as_bytes()].concat())
        .await
        .unwrap();
    read_until(&mut socket, "\"text\":\"by TLS\"").await;
    // Who came in the clear is in the same room.
    let mut clear = app.socket(&room, "", &host).await;
    let said = clear.event(|event| event["type"] == "said").await;
    assert_eq!(said["text"], "by TLS");
}

/// Whoever types the site's name without `https://` gets there; what a machine asks by another name, or what a proxy hands
/// on, is answered as it comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_the_site_in_the_clear_is_led_to_tls() {
    let certificate = Files::of("localhost");
    let (app, address) = start(&certificate).await;
    let site = format!("https://localhost:{}", address.port());
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let asks = async |host: &str, proxy: Option<&str>| {
        let url = format!("http://{}/@ana?from=a%20poster", app.http);
        let mut request = client.get(url).header("host", host);
        if let Some(proto) = proxy {
            request = request.header("x-forwarded-proto", proto);
        }
        request.send().await.unwrap()
    };
    for host in ["localhost", "LOCALHOST:80"] {
        let led = asks(host, None).await;
        assert_eq!(led.status(), 308, "{host}");
        assert_eq!(led.headers()["location"], format!("{site}/@ana?from=a%20poster"));
    }
    assert_ne!(asks("localhost", Some("https")).await.status(), 308);
    for other in ["127.0.0.1", "localhost.evil.example"] {
        assert_ne!(asks(other, None).await.status(), 308, "{other}");
    }
}

/// What is no TLS gets no answer, and holds nobody up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_in_the_clear_are_hung_up_on() {
    let certificate = Files::of("localhost");
    let (_app, address) = start(&certificate).await;
    let mut clear = TcpStream::connect(address).await.unwrap();
    clear
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, clear.read_to_end(&mut answer)).await;
    assert!(ended.is_ok() && !answer.starts_with(b"HTTP"), "{answer:?}");
    let mut stream = connect(&certificate, address).await;
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut stream, "HTTP/1.1 200").await;
}
