//! Sockets that come by TLS: all that holds in the clear, and what only encryption can go wrong with.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::io::{Read as _, Write as _};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use busk_fanout::{Audience, Class, Config, Event};
use common::{Client, House, Told, chat, event};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_tungstenite::tungstenite::Message;

struct Encrypted {
    house: House,
    trusting: Arc<ClientConfig>,
}

impl Encrypted {
    async fn start(config: Config) -> Self {
        let made = rcgen::generate_simple_self_signed(["house.test".to_owned()]).unwrap();
        let certificate = CertificateDer::from(made.cert.der().to_vec());
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let trusting = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            house: House::start_encrypted(config, TlsAcceptor::from(Arc::new(server))).await,
            trusting: Arc::new(trusting),
        }
    }

    fn name() -> ServerName<'static> {
        ServerName::try_from("house.test").unwrap()
    }

    async fn enter_on(&self, stream: TcpStream, key: u128, after: u64) -> Client<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(self.trusting.clone());
        let stream = connector.connect(Self::name(), stream).await.unwrap();
        self.house.enter_on(stream, key, after, "").await
    }

    async fn enter(&self, key: u128, after: u64) -> Client<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.house.address).await.unwrap();
        self.enter_on(stream, key, after).await
    }

    /// Somebody whose kernel takes next to nothing for them.
    async fn enter_narrow(&self, key: u128) -> Client<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let stream = socket.connect(self.house.address).await.unwrap();
        self.enter_on(stream, key, 0).await
    }
}

fn long(numbers: RangeInclusive<u64>, bytes: usize, class: Class) -> Vec<Event> {
    let text = "x".repeat(bytes);
    numbers
        .map(|n| event(n, Audience::Everyone, class, &text))
        .collect()
}

#[tokio::test]
async fn hello_replay_live_and_answers() {
    let encrypted = Encrypted::start(Config::default()).await;
    let house = &encrypted.house;
    house.publish((1..=3).map(chat).collect());
    let mut client = encrypted.enter(7, 1).await;
    assert_eq!(client.json().await["hello"], 1);
    assert_eq!(client.numbers().await, [2, 3]);
    house.publish(vec![chat(4)]);
    assert_eq!(client.numbers().await, [4]);

    client.say("something").await;
    let told = |house: &House, wanted| house.notes.told.lock().unwrap().contains(&wanted);
    house
        .until("it is heard", |house| {
            told(house, Told::Said(7, "something".into()))
        })
        .await;
    house.fanout.reply(house.conn_of(7), br#"{"ok":1}"#);
    assert_eq!(client.json().await["ok"], 1);

    client.socket.close(None).await.unwrap();
    house.until("they left", |house| told(house, Told::Left(7))).await;
    house
        .until("the socket is gone", |house| {
            house.fanout.stats().connections == 0
        })
        .await;
}

/// More than a record holds, and more than a kernel takes at once.
#[tokio::test]
async fn long_messages_arrive_whole() {
    let encrypted = Encrypted::start(Config::default()).await;
    let mut client = encrypted.enter(1, 0).await;
    client.json().await;
    for n in 1..=20 {
        encrypted.house.publish(long(n..=n, 30_000, Class::Kept));
        assert_eq!(client.numbers().await, [n]);
    }
    let words = "y".repeat(50_000);
    client.say(&words).await;
    let said = Told::Said(1, words);
    encrypted
        .house
        .until("they are heard", |house| {
            house.notes.told.lock().unwrap().contains(&said)
        })
        .await;
}

/// What comes in one piece with the handshake is taken in although no event tells of it any more.
#[tokio::test]
async fn words_that_come_before_the_answer() {
    let encrypted = Encrypted::start(Config::default()).await;
    let (address, trusting) = (encrypted.house.address, encrypted.trusting.clone());
    let speaking = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(common::WAIT)).unwrap();
        let mut session = ClientConnection::new(trusting, Encrypted::name()).unwrap();
        while session.is_handshaking() {
            session.complete_io(&mut stream).unwrap();
        }
        let request = format!(
            "GET /ws?key=1&after=0 HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        // Three records, one write: the first ends with half a frame.
        let early = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];
        session
            .writer()
            .write_all(&[request.as_bytes(), &early[..3]].concat())
            .unwrap();
        session.writer().write_all(&early[3..]).unwrap();
        session.writer().write_all(&early).unwrap();
        let mut all = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut all).unwrap();
        }
        stream.write_all(&all).unwrap();
        (stream, session)
    });
    let _open = speaking.await.unwrap();
    encrypted
        .house
        .until("both are heard", |house| {
            let told = house.notes.told.lock().unwrap();
            let said = told.iter().filter(|told| **told == Told::Said(1, "hi".into()));
            said.count() == 2
        })
        .await;
}

#[tokio::test]
async fn a_slow_reader_is_told_of_all_that_it_misses() {
    let encrypted = Encrypted::start(Config::default()).await;
    let house = &encrypted.house;
    let mut slow = encrypted.enter_narrow(1).await;
    let mut quick = encrypted.enter(2, 0).await;
    let reading = async {
        let mut told = Vec::new();
        while told.last() != Some(&300) {
            if let Some(numbers) = common::numbers(&quick.json().await) {
                told.extend(numbers);
            }
        }
        told
    };
    let publishing = async {
        for event in long(1..=300, 2000, Class::Chat) {
            house.publish(vec![event]);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let (told, ()) = tokio::join!(reading, publishing);
    assert_eq!(told, (1..=300).collect::<Vec<_>>(), "others do not suffer");
    assert!(house.fanout.stats().skipped > 100, "{:?}", house.fanout.stats());

    // It reads again while the room goes on: each number is told once or said to be missing.
    let mut known = vec![0; 301];
    let going_on = async {
        for n in 301.. {
            house.publish(vec![chat(n)]);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let catching_up = async {
        let mut last = 0;
        while last < 301 {
            let json = slow.json().await;
            let gap = json.get("gap").map(|gap| {
                let end = |name: &str| gap[name].as_u64().unwrap();
                (end("from")..=end("to")).collect()
            });
            for n in gap.or(common::numbers(&json)).unwrap_or_default() {
                last = last.max(n);
                if let Some(known) = known.get_mut(n as usize) {
                    *known += 1;
                }
            }
        }
    };
    tokio::select! {
        () = catching_up => {}
        () = going_on => unreachable!("the room goes on"),
    }
    assert!(known[1..].iter().all(|times| *times == 1), "{known:?}");
}

#[tokio::test]
async fn who_takes_nothing_is_closed_in_time() {
    let config = Config {
        behind_max: Duration::from_secs(1),
        ..Config::default()
    };
    let encrypted = Encrypted::start(config).await;
    let house = &encrypted.house;
    let _stuck = encrypted.enter_narrow(1).await;
    house
        .until("it is in", |house| house.fanout.viewers(house.room) == 1)
        .await;
    for event in long(1..=100, 2000, Class::Chat) {
        house.publish(vec![event]);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    house
        .until("its socket is freed", |house| {
            house.fanout.stats().connections == 0
        })
        .await;
    assert_eq!(house.fanout.stats().closed_slow, 1);
}

/// The close frame arrives, and after it the end that TLS asks for (RFC 8446 §6.1).
#[tokio::test]
async fn goodbyes_are_said_in_full() {
    let encrypted = Encrypted::start(Config::default()).await;
    let mut client = encrypted.enter(1, 0).await;
    client.json().await;
    encrypted.house.fanout.close(encrypted.house.room, 4002, "over");
    assert_eq!(client.close_code().await, 4002);
    assert!(
        matches!(client.socket_next().await, None | Some(Ok(Message::Close(_)))),
        "an end without its notice would be an error"
    );
}

#[tokio::test]
async fn who_breaks_the_encryption_is_gone() {
    let encrypted = Encrypted::start(Config::default()).await;
    let (address, trusting) = (encrypted.house.address, encrypted.trusting.clone());
    let breaking = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(common::WAIT)).unwrap();
        let mut session = ClientConnection::new(trusting, Encrypted::name()).unwrap();
        let request = format!(
            "GET /ws?key=1&after=0 HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        session.writer().write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.windows(5).any(|window| window == b"hello") {
            session.complete_io(&mut stream).unwrap();
            let mut piece = [0; 1024];
            if let Ok(count) = session.reader().read(&mut piece) {
                answer.extend_from_slice(&piece[..count]);
            }
        }
        // A record of application data that nobody has the key of.
        let mut record = vec![23, 3, 3, 0, 32];
        record.extend([0xAB; 32]);
        stream.write_all(&record).unwrap();
        stream
    });
    let _open = breaking.await.unwrap();
    encrypted
        .house
        .until("it is gone", |house| {
            house.fanout.stats().joined == 1 && house.fanout.stats().connections == 0
        })
        .await;
}
