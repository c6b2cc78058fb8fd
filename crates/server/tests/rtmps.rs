//! RTMPS: the same encoders by TLS, with the operator's certificate.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use busk_camera::{ViewOptions, Viewer};
use busk_testkit::app::{TestApp, free};
use busk_testkit::certificate::Files;
use busk_testkit::db::TestDb;
use busk_testkit::encoder::Encoder;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const WAIT: Duration = Duration::from_secs(40);

/// Whether who trusts this certificate alone gets a connection.
async fn is_served(certificate: &Files, address: SocketAddr) -> bool {
    let mut roots = RootCertStore::empty();
    let own = CertificateDer::from_pem_slice(certificate.pem.as_bytes()).unwrap();
    roots.add(own).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector
        .connect("localhost".try_into().unwrap(), stream)
        .await
        .is_ok()
}

async fn start(certificate: &Files) -> (TestApp, SocketAddr) {
    let address = free();
    let flags = [
        ("--rtmps-listen", address.to_string()),
        ("--tls-certificate", certificate.flag("fullchain.pem")),
        ("--tls-key", certificate.flag("privkey.pem")),
    ];
    let app = TestApp::start_with(BUSK, TestDb::sqlite(), &flags).await;
    (app, address)
}

async fn watch(app: &TestApp, room: &str) -> Viewer {
    let options = ViewOptions {
        decode: true,
        people: 1,
    };
    let url = format!("http://{}/whep/{room}", app.http);
    Viewer::start(&url, None, options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encoder_is_seen_by_rtmps_and_goes_on_while_the_certificate_is_renewed() {
    let mut certificate = Files::of("localhost");
    let (app, address) = start(&certificate).await;
    let host = app.sign_up("host").await;
    let key = host.stream_key("host").await;
    let state = host.get("/api/v1/channels/host/stream-key").await.is(200).body;
    assert_eq!(state["rtmp_port"], app.rtmp.port());
    assert_eq!(state["rtmps_port"], address.port());

    let url = format!("rtmps://{address}/live/{key}");
    let _encoder = Encoder::start(&url, &["-tune", "zerolatency", "-profile:v", "baseline"]);
    let room = app.room_in_state("host", "live").await;
    let mut viewer = watch(&app, &room).await;
    let seen = viewer
        .until(WAIT, |s| s.decoded > 60 && s.audio_packets > 100)
        .await;
    let seen = seen.unwrap_or_else(|last| panic!("{last:?}"));
    assert_eq!((seen.lost, seen.decoded), (0, seen.frames), "{seen:?}");

    assert!(is_served(&certificate, address).await);
    certificate.renew();
    let mut renewed = false;
    for _ in 0..300 {
        renewed = is_served(&certificate, address).await;
        if renewed {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(renewed, "the new certificate is never served");
    let before = viewer.stats().decoded;
    let seen = viewer.until(WAIT, |s| s.decoded > before + 60).await;
    let seen = seen.unwrap_or_else(|last| panic!("{last:?}"));
    assert_eq!((seen.lost, seen.decoded), (0, seen.frames), "{seen:?}");
    assert_eq!(app.room_in_state("host", "live").await, room);
    viewer.stop().await;
}

/// What comes until the server hangs up; panics if it does not in time.
fn hung_up(stream: &mut TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(WAIT)).unwrap();
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_speaks_no_tls_or_stalls_in_its_handshake_is_dropped() {
    let certificate = Files::of("localhost");
    let (app, address) = start(&certificate).await;
    let (plain, rest) = (address, app.rtmp);
    let strangers = tokio::task::spawn_blocking(move || {
        // C0 and C1 of RTMP in the clear: a TLS alert at most comes back.
        let mut encoder = TcpStream::connect(plain).unwrap();
        let mut hello = vec![3];
        hello.extend([0; 1_536]);
        encoder.write_all(&hello).unwrap();
        assert!(hung_up(&mut encoder).len() < 16);

        // Nothing, and the beginning of a ClientHello, fill all places that strangers have, by either door.
        let mut stalled: Vec<_> = (0..128)
            .map(|n| {
                let mut stream = TcpStream::connect(plain).unwrap();
                stream.write_all(&[22, 3, 1, 2, 0, 1][..n % 7]).unwrap();
                stream
            })
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        for door in [plain, rest] {
            let mut refused = TcpStream::connect(door).unwrap();
            assert!(hung_up(&mut refused).is_empty());
        }
        for stream in &mut stalled {
            assert!(hung_up(stream).is_empty());
        }
    });
    strangers.await.unwrap();
    // Their places are free again.
    assert!(is_served(&certificate, address).await);
}

#[test]
fn a_start_with_files_that_are_no_pair_says_so() {
    let (one, other) = (Files::of("localhost"), Files::of("localhost"));
    let folder = tempfile::tempdir().unwrap();
    let start = |certificate: String, key: String| {
        let mut busk = Command::new(BUSK);
        busk.arg("serve")
            .current_dir(folder.path())
            .env("RUST_LOG", "error");
        busk.args(["--http-listen", &free().to_string(), "--rtmp-listen", "off"]);
        busk.args(["--tls-certificate", &certificate, "--tls-key", &key]);
        let done = busk.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        (done.status.code(), said)
    };
    for (certificate, key, why) in [
        (
            one.flag("fullchain.pem"),
            other.flag("privkey.pem"),
            "do not belong together",
        ),
        (one.flag("nothing.pem"), one.flag("privkey.pem"), "nothing.pem"),
        (
            one.flag("fullchain.pem"),
            one.flag("fullchain.pem"),
            "holds no private key",
        ),
    ] {
        let (code, said) = start(certificate, key);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(why), "{why}: {said}");
        assert!(!folder.path().join("busk-data").exists(), "nothing was begun");
    }
}
