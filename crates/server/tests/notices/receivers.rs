//! Who is told: a relay that takes letters, and a push service with a browser behind it, both on this machine.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey as Verifier};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A letter as it came: to whom, and its lines.
#[derive(Clone, Debug)]
pub struct Came {
    pub to: String,
    pub text: String,
}

impl Came {
    /// The text with soft line ends joined and `=3D` read.
    pub fn body(&self) -> String {
        let (_, body) = self.text.split_once("\r\n\r\n").unwrap();
        body.replace("=\r\n", "").replace("=3D", "=")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let (head, _) = self.text.split_once("\r\n\r\n")?;
        head.split("\r\n")
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The first link with this in it.
    pub fn link(&self, part: &str) -> String {
        let body = self.body();
        let found = body
            .split_whitespace()
            .find(|word| word.starts_with("http") && word.contains(part));
        let link = found.unwrap_or_else(|| panic!("no {part} in {body}"));
        let path = link.splitn(4, '/').nth(3).unwrap();
        format!("/{path}")
    }
}

/// A relay that takes letters, or is busy.
#[derive(Clone, Default)]
pub struct Relay(Arc<Mutex<(Vec<Came>, u32)>>);

impl Relay {
    pub async fn start() -> (Self, SocketAddr) {
        let relay = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let takes = relay.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let relay = takes.clone();
                // A client that hangs up ends its own conversation only.
                tokio::spawn(async move { relay.converse(stream).await.ok() });
            }
        });
        (relay, address)
    }

    /// Refuses so many letters for now.
    pub fn busy(&self, letters: u32) {
        self.0.lock().unwrap().1 = letters;
    }

    pub fn came(&self) -> Vec<Came> {
        self.0.lock().unwrap().0.clone()
    }

    pub async fn until(&self, count: usize) -> Vec<Came> {
        for _ in 0..600 {
            if self.came().len() >= count {
                return self.came();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("of {count} letters came {:#?}", self.came());
    }

    async fn converse(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 relay ready\r\n").await?;
        let mut to = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let word = line.split([' ', ':', '\r']).next().unwrap_or_default().to_owned();
            let answer = match word.as_str() {
                "EHLO" => "250-relay\r\n250 8BITMIME\r\n",
                "RCPT" => {
                    to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    "250 ok\r\n"
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    self.letter(&mut stream, &to).await?
                }
                "QUIT" => return stream.write_all(b"221 bye\r\n").await,
                _ => "250 ok\r\n",
            };
            stream.write_all(answer.as_bytes()).await?;
        }
    }

    async fn letter(&self, stream: &mut BufReader<TcpStream>, to: &str) -> std::io::Result<&'static str> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
                break;
            }
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
        }
        let mut inner = self.0.lock().unwrap();
        if inner.1 > 0 {
            inner.1 -= 1;
            return Ok("451 busy\r\n");
        }
        inner.0.push(Came {
            to: to.to_owned(),
            text,
        });
        Ok("250 taken\r\n")
    }
}

/// What a browser was told: which, with which headers, and what.
type Pushed = (String, HeaderMap, Bytes);

/// A push service, and what its browsers were told.
#[derive(Clone, Default)]
pub struct PushService(Arc<Mutex<(Vec<Pushed>, u16)>>);

impl PushService {
    pub async fn start() -> (Self, SocketAddr) {
        let service = Self::default();
        service.answers(201);
        let take = async |State(service): State<PushService>,
                          Path(browser): Path<String>,
                          headers: HeaderMap,
                          body: Bytes| {
            let mut inner = service.0.lock().unwrap();
            inner.0.push((browser, headers, body));
            StatusCode::from_u16(inner.1).unwrap()
        };
        let router = Router::new()
            .route("/push/{browser}", post(take))
            .with_state(service.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (service, address)
    }

    pub fn answers(&self, status: u16) {
        self.0.lock().unwrap().1 = status;
    }

    pub fn came(&self) -> Vec<Pushed> {
        self.0.lock().unwrap().0.clone()
    }

    pub async fn until(&self, count: usize) -> Vec<Pushed> {
        for _ in 0..600 {
            if self.came().len() >= count {
                return self.came();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("of {count} messages came {}", self.came().len());
    }
}

/// A browser with a subscription.
pub struct Browser {
    secret: PrivateKey,
    public: Vec<u8>,
    auth: [u8; 16],
}

impl Browser {
    pub fn new(seed: u8) -> Self {
        let secret = PrivateKey::from_private_key(&ECDH_P256, &[seed; 32]).unwrap();
        let public = secret.compute_public_key().unwrap().as_ref().to_vec();
        Self {
            secret,
            public,
            auth: [seed; 16],
        }
    }

    pub fn subscription(&self, endpoint: String) -> Value {
        let keys = json!({"p256dh": URL_SAFE_NO_PAD.encode(&self.public), "auth": URL_SAFE_NO_PAD.encode(self.auth)});
        json!({"endpoint": endpoint, "keys": keys})
    }

    /// As a browser decrypts (RFC 8291 §3.4, RFC 8188 §2).
    pub fn read(&self, body: &[u8]) -> Value {
        let (salt, rest) = body.split_at(16);
        let (size, rest) = rest.split_at(4);
        assert!(
            u32::from_be_bytes(size.try_into().unwrap()) as usize >= rest.len() - 66,
            "one record"
        );
        let (theirs, record) = rest[1..].split_at(usize::from(rest[0]));
        let peer = UnparsedPublicKey::new(&ECDH_P256, theirs);
        let shared = agree(&self.secret, peer, (), |secret| Ok::<_, ()>(secret.to_vec())).unwrap();
        let info = [b"WebPush: info\0", &self.public[..], theirs].concat();
        let input = derive(&self.auth, &shared, &info, 32);
        let key = derive(salt, &input, b"Content-Encoding: aes128gcm\0", 16);
        let nonce = derive(salt, &input, b"Content-Encoding: nonce\0", 12);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(&nonce).unwrap();
        let mut record = record.to_vec();
        let text = key.open_in_place(nonce, Aad::empty(), &mut record).unwrap();
        assert_eq!(text.last(), Some(&2), "the last record");
        serde_json::from_slice(&text[..text.len() - 1]).unwrap()
    }
}

fn derive(salt: &[u8], input: &[u8], info: &[u8], bytes: usize) -> Vec<u8> {
    let extracted = sign(&Key::new(HMAC_SHA256, salt), input);
    let block = sign(&Key::new(HMAC_SHA256, extracted.as_ref()), &[info, &[1]].concat());
    block.as_ref()[..bytes].to_vec()
}

/// As a push service looks who sends (RFC 8292); gives the claims.
pub fn vapid(headers: &HeaderMap, key: &str) -> Value {
    let text = headers["authorization"].to_str().unwrap();
    let (token, named) = text.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    assert_eq!(named, key, "the key that browsers subscribe with");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let verifier = Verifier::new(&ECDSA_P256_SHA256_FIXED, URL_SAFE_NO_PAD.decode(key).unwrap());
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    verifier.verify(signed.as_bytes(), &signature).unwrap();
    let claims = signed.split_once('.').unwrap().1;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}
