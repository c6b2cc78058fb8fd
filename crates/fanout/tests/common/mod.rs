//! A real server around the fan-out (axum, the upgrade, loopback) and an independent client.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use axum::routing::get;
use busk_base::{RoomId, Timestamp};
use busk_fanout::{Audience, Class, Config, ConnId, Event, Fanout, Inbound, Member, Peer, Rights, upgrade};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub const WAIT: Duration = Duration::from_secs(10);

/// What the shards told the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Joined(u128),
    Said(u128, String),
    Left(u128),
}

#[derive(Default)]
pub struct Notes {
    pub told: Mutex<Vec<Told>>,
    pub conns: Mutex<Vec<(u128, ConnId)>>,
}

impl Inbound<String> for Notes {
    fn joined(&self, peer: &Peer<'_, String>) {
        assert_eq!(*peer.viewer, format!("viewer {}", peer.key));
        self.told.lock().unwrap().push(Told::Joined(peer.key));
        self.conns.lock().unwrap().push((peer.key, peer.conn));
    }

    fn message(&self, peer: &Peer<'_, String>, text: &str) {
        self.told
            .lock()
            .unwrap()
            .push(Told::Said(peer.key, text.to_owned()));
    }

    fn left(&self, peer: &Peer<'_, String>) {
        self.told.lock().unwrap().push(Told::Left(peer.key));
    }
}

pub struct House {
    pub fanout: Fanout<String>,
    pub notes: Arc<Notes>,
    pub address: SocketAddr,
    pub room: RoomId,
}

#[derive(serde::Deserialize)]
struct Entry {
    key: u64,
    after: u64,
    #[serde(default)]
    stage: bool,
    #[serde(default)]
    subscriber: bool,
    #[serde(default = "counted")]
    counted: bool,
}

fn counted() -> bool {
    true
}

impl House {
    pub async fn start(config: Config) -> Self {
        Self::open(config, None).await
    }

    /// One into which all come by TLS.
    pub async fn start_encrypted(config: Config, tls: TlsAcceptor) -> Self {
        Self::open(config, Some(tls)).await
    }

    async fn open(config: Config, tls: Option<TlsAcceptor>) -> Self {
        let notes = Arc::new(Notes::default());
        let fanout = Fanout::start(config, notes.clone()).expect("threads and epolls are to be had");
        let room = RoomId::new(Timestamp::from_unix_us(1_000_000), [3; 10]);
        fanout.open(room, 1, 0);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/ws", get(enter))
            .with_state((fanout.clone(), room));
        match tls {
            None => drop(tokio::spawn(async move { axum::serve(listener, router).await })),
            Some(tls) => drop(tokio::spawn(serve_encrypted(listener, tls, router))),
        }
        Self {
            fanout,
            notes,
            address,
            room,
        }
    }

    pub fn publish(&self, events: Vec<Event>) {
        self.fanout
            .publish(self.room, 1, events)
            .expect("events in order");
    }

    pub async fn enter(&self, key: u128, after: u64) -> Client {
        self.enter_as(key, after, "").await
    }

    pub async fn enter_as(&self, key: u128, after: u64, more: &str) -> Client {
        let stream = TcpStream::connect(self.address).await.unwrap();
        self.enter_on(stream, key, after, more).await
    }

    pub async fn enter_on<S>(&self, stream: S, key: u128, after: u64, more: &str) -> Client<S>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let url = format!("ws://{}/ws?key={key}&after={after}{more}", self.address);
        let (socket, response) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        assert_eq!(response.status(), 101);
        Client { socket }
    }

    /// Waits until something has become true on another thread.
    pub async fn until(&self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        let mut left = 1000;
        while !is(self) {
            left -= 1;
            assert!(left > 0, "still not: {what}; {:?}", self.fanout.stats());
            tokio::time::sleep(WAIT / 1000).await;
        }
    }

    /// What the program was told that somebody said, in order.
    pub fn said_by(&self, key: u128) -> Vec<String> {
        let told = self.notes.told.lock().unwrap();
        let texts = told.iter().filter_map(|told| match told {
            Told::Said(by, text) if *by == key => Some(text.clone()),
            _ => None,
        });
        texts.collect()
    }

    pub fn conn_of(&self, key: u128) -> ConnId {
        let conns = self.notes.conns.lock().unwrap();
        conns
            .iter()
            .find(|(known, _)| *known == key)
            .expect("someone who joined")
            .1
    }
}

async fn serve_encrypted(listener: TcpListener, tls: TlsAcceptor, router: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, router) = (tls.clone(), router.clone());
        tokio::spawn(async move {
            let stream = tls.accept(stream).await.unwrap();
            let service = hyper_util::service::TowerToHyperService::new(router);
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let served = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
            let _ = served.await;
        });
    }
}

async fn enter(
    State((fanout, room)): State<(Fanout<String>, RoomId)>,
    Query(entry): Query<Entry>,
    mut request: Request,
) -> Response {
    let (response, socket) = match upgrade::<_, Body>(&mut request) {
        Ok(upgraded) => upgraded,
        Err(error) => return error.response(),
    };
    tokio::spawn(async move {
        let Ok(socket) = socket.await else { return };
        let rights = Rights {
            subscriber: entry.subscriber,
            stage: entry.stage,
        };
        let viewer = format!("viewer {}", entry.key);
        let member = Member {
            room,
            key: entry.key.into(),
            rights,
            counted: entry.counted,
            viewer,
        };
        let hello = format!(r#"{{"hello":{}}}"#, entry.after);
        if let Err(refused) = fanout.attach(socket, member, hello.as_bytes(), 1, entry.after) {
            refused.socket.refuse(4001, &refused.why.to_string());
        }
    });
    response
}

pub struct Client<S = TcpStream> {
    pub socket: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// The next message, whatever it is.
    pub async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(WAIT, self.socket.next())
            .await
            .expect("a message in time");
        next.expect("the connection goes on").expect("a valid frame")
    }

    /// The next text that is not about totals.
    pub async fn json(&mut self) -> serde_json::Value {
        loop {
            let Message::Text(text) = self.next().await else {
                continue;
            };
            let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            if json.get("totals").is_none() {
                return json;
            }
        }
    }

    /// Numbers of the next frame of events.
    pub async fn numbers(&mut self) -> Vec<u64> {
        let json = self.json().await;
        numbers(&json).unwrap_or_else(|| panic!("no events in {json}"))
    }

    /// Reads on until the close frame: its code.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.next().await {
                return frame.expect("a code").code.into();
            }
        }
    }

    /// The next message, an error, or the end.
    pub async fn socket_next(&mut self) -> Option<Result<Message, tokio_tungstenite::tungstenite::Error>> {
        tokio::time::timeout(WAIT, self.socket.next())
            .await
            .expect("something in time")
    }

    pub async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }
}

pub fn numbers(json: &serde_json::Value) -> Option<Vec<u64>> {
    let events = json.get("ev")?.as_array()?;
    events.iter().map(|event| event.get("n")?.as_u64()).collect()
}

pub fn event(n: u64, audience: Audience, class: Class, text: &str) -> Event {
    Event {
        n,
        audience,
        class,
        json: Bytes::from(format!(r#"{{"n":{n},"text":"{text}"}}"#)),
    }
}

pub fn chat(n: u64) -> Event {
    event(n, Audience::Everyone, Class::Chat, "hello")
}
