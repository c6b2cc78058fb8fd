use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use busk_base::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;

/// What the relay heard, and whether in private.
type Heard = Arc<Mutex<Vec<(bool, String)>>>;

/// How the relay behaves.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Good,
    /// Somebody between slips an answer in before the encryption.
    Injected,
    /// It does not know how to encrypt.
    Open,
    /// It refuses one address for good.
    Picky,
}

async fn relay(manner: Manner) -> (SocketAddr, Tls, Heard) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate: CertificateDer<'static> = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Heard::default();
    let hears = heard.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut open = BufReader::new(stream);
            open.write_all(b"220 relay\r\n").await.unwrap();
            if !converse(&mut open, manner, &hears, false).await {
                continue;
            }
            // Who does not like the certificate hangs up.
            let Ok(private) = acceptor.accept(open.into_inner()).await else {
                continue;
            };
            converse(&mut BufReader::new(private), manner, &hears, true).await;
        }
    });
    (address, Tls::trusting([certificate]).unwrap(), heard)
}

/// Whether encryption is to begin.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    manner: Manner,
    heard: &Heard,
    private: bool,
) -> bool {
    let mut in_letter = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return false;
        }
        let line = line.trim_end().to_owned();
        heard.lock().unwrap().push((private, line.clone()));
        if in_letter && line != "." {
            continue;
        }
        let answer = match line.split([' ', ':']).next().unwrap() {
            "STARTTLS" if manner == Manner::Open => "502 what?\r\n",
            "STARTTLS" if manner == Manner::Injected => "220 go\r\n250 injected\r\n",
            "STARTTLS" => "220 go\r\n",
            "EHLO" => "250-relay\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n",
            "AUTH" => "235 welcome\r\n",
            "RCPT" if manner == Manner::Picky && line.contains("nobody") => "550 no such mailbox\r\n",
            "DATA" => {
                in_letter = true;
                "354 go on\r\n"
            }
            "." => {
                in_letter = false;
                "250 taken\r\n"
            }
            _ => "250 ok\r\n",
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
        if line == "STARTTLS" && manner != Manner::Open {
            return true;
        }
    }
}

fn configured(address: SocketAddr) -> Relay {
    Relay {
        host: "localhost".into(),
        port: address.port(),
        security: Security::StartTls,
        login: Some(("me@busk.example".into(), "canary".into())),
        from: Address::parse("live@busk.example").unwrap(),
    }
}

fn letter(to: &str) -> Letter {
    Letter {
        id: "one".into(),
        from_name: "Busk".into(),
        to: Address::parse(to).unwrap(),
        subject: "Ana is live".into(),
        text: ".hidden\n".into(),
        at: Timestamp::from_unix_us(0),
        unsubscribe: None,
    }
}

#[tokio::test]
async fn a_letter_and_the_password_go_in_private() {
    let (address, tls, heard) = relay(Manner::Good).await;
    let mut session = Session::open(&configured(address), &tls).await.unwrap();
    session.send(&letter("bea@example.org")).await.unwrap();
    session.send(&letter("cy@example.org")).await.unwrap();
    session.quit().await;
    let heard = heard.lock().unwrap().clone();
    let open: Vec<&str> = heard
        .iter()
        .filter(|(private, _)| !private)
        .map(|(_, line)| line.as_str())
        .collect();
    assert_eq!(open, ["EHLO busk.example", "STARTTLS"]);
    let secret = STANDARD.encode("\0me@busk.example\0canary");
    assert!(heard.contains(&(true, format!("AUTH PLAIN {secret}"))));
    assert!(heard.contains(&(true, "RCPT TO:<cy@example.org>".into())));
    assert!(
        heard.contains(&(true, "..hidden".into())),
        "a dot at a line's beginning is doubled"
    );
    assert_eq!(heard.iter().filter(|(_, line)| line == ".").count(), 2);
}

#[tokio::test]
async fn without_encryption_nothing_is_said() {
    for manner in [Manner::Open, Manner::Injected] {
        let (address, tls, heard) = relay(manner).await;
        assert!(Session::open(&configured(address), &tls).await.is_err());
        assert!(
            !heard
                .lock()
                .unwrap()
                .iter()
                .any(|(_, line)| line.starts_with("AUTH"))
        );
    }
    // A certificate that nobody vouches for.
    let (address, _, heard) = relay(Manner::Good).await;
    let (_, others, _) = relay(Manner::Good).await;
    let refused = Session::open(&configured(address), &others).await;
    assert!(matches!(refused, Err(SubmitError::Later(_))));
    assert!(
        !heard
            .lock()
            .unwrap()
            .iter()
            .any(|(_, line)| line.starts_with("AUTH"))
    );
}

#[tokio::test]
async fn a_refused_letter_does_not_hold_up_the_next() {
    let (address, tls, heard) = relay(Manner::Picky).await;
    let mut session = Session::open(&configured(address), &tls).await.unwrap();
    let refused = session.send(&letter("nobody@example.org")).await;
    assert_eq!(refused, Err(SubmitError::Never("550 no such mailbox".into())));
    session.send(&letter("bea@example.org")).await.unwrap();
    assert!(heard.lock().unwrap().contains(&(true, "RSET".into())));
}
