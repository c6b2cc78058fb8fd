//! busk-fanout as the product uses it: axum answers the handshake, the shard takes the socket. Who comes is told the
//! last messages in the hello, and who comes again what came after its number.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use busk_base::RoomId;
use busk_fanout::{
    AttachError, Audience, CLOSE_RESUME, Class, Config, Event, Fanout, Inbound, Member, Peer, Rights, Whom,
    upgrade,
};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::Fallible;

const EPOCH: u32 = 1;
const ROOMS: usize = 1_000;
/// Messages that a hello tells.
const TOLD_MAX: usize = 50;

struct Silence;

impl Inbound<Arc<str>> for Silence {
    fn message(&self, _peer: &Peer<'_, Arc<str>>, _text: &str) {}
}

#[derive(Clone)]
struct House {
    fanout: Fanout<Arc<str>>,
    rooms: Arc<[Room]>,
}

struct Room {
    id: RoomId,
    log: Mutex<Log>,
}

/// The end of a room's log, for hellos.
#[derive(Default)]
struct Log {
    last: u64,
    messages: VecDeque<Bytes>,
}

impl House {
    fn room(&self, of: &Of) -> Result<&Room, StatusCode> {
        self.rooms.get(of.room).ok_or(StatusCode::NOT_FOUND)
    }
}

impl Room {
    /// Everything up to the number that it gives too.
    fn snapshot(&self) -> (u64, String) {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let messages: Vec<&str> = log
            .messages
            .iter()
            .map(|message| std::str::from_utf8(message).unwrap_or("null"))
            .collect();
        let (room, last, told) = (self.id, log.last, messages.join(","));
        (
            last,
            format!(r#"{{"v":1,"room":"{room}","epoch":{EPOCH},"seq":{last},"hello":[{told}]}}"#),
        )
    }
}

/// Which room is meant, and what is known of it.
#[derive(serde::Deserialize)]
struct Of {
    room: usize,
    after: Option<u64>,
    epoch: Option<u32>,
}

/// One core, one thread for HTTP, a shard for each core it may use: pinned, that is one.
#[tokio::main(flavor = "current_thread")]
pub async fn serve() -> Fallible<()> {
    let fanout = Fanout::start(Config::default(), Arc::new(Silence))?;
    let rooms: Arc<[_]> = (0..ROOMS)
        .map(|_| Room {
            id: RoomId(uuid::Uuid::now_v7()),
            log: Mutex::default(),
        })
        .collect();
    let house = House { fanout, rooms };
    let router = Router::new()
        .route("/sub", get(enter))
        .route("/pub", post(publish))
        .route("/connections", get(connections))
        .route("/send-away", post(send_away))
        .with_state(house);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let encrypted = TcpListener::bind("127.0.0.1:0").await?;
    let made = rcgen::generate_simple_self_signed([crate::wire::NAME.to_owned()])?;
    let digits: String = made.cert.der().iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{} {} {digits}", listener.local_addr()?, encrypted.local_addr()?);
    crate::end_with_input();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    tokio::spawn(serve_encrypted(
        encrypted,
        TlsAcceptor::from(Arc::new(tls)),
        router.clone(),
    ));
    Ok(axum::serve(listener, router).await?)
}

async fn serve_encrypted(listener: TcpListener, tls: TlsAcceptor, router: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, router) = (tls.clone(), router.clone());
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else {
                return;
            };
            let server = auto::Builder::new(TokioExecutor::new());
            let service = TowerToHyperService::new(router);
            // A client that is gone is counted by who made it.
            let _ = server
                .serve_connection_with_upgrades(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// How many sockets there are.
async fn connections(State(house): State<House>) -> String {
    house.fanout.stats().connections.to_string()
}

/// Closes every socket and asks it to come again.
async fn send_away(State(house): State<House>) {
    house
        .fanout
        .disconnect(Whom::Everyone, CLOSE_RESUME, "come again");
}

async fn enter(State(house): State<House>, Query(of): Query<Of>, mut request: Request) -> Response {
    if let Err(status) = house.room(&of) {
        return status.into_response();
    }
    let (response, socket) = match upgrade::<_, Body>(&mut request) {
        Ok(upgraded) => upgraded,
        Err(error) => return error.response(),
    };
    tokio::spawn(async move {
        let (Ok(socket), Ok(room)) = (socket.await, house.room(&of)) else {
            return;
        };
        let mut member = Member {
            room: room.id,
            key: uuid::Uuid::now_v7().as_u128(),
            rights: Rights::default(),
            counted: true,
            viewer: Arc::from("a viewer"),
        };
        let mut socket = socket;
        if let (Some(after), Some(epoch)) = (of.after, of.epoch) {
            let id = room.id;
            let hello = format!(r#"{{"v":1,"room":"{id}","epoch":{epoch},"seq":{after},"resumed":true}}"#);
            match house
                .fanout
                .attach(socket, member, hello.as_bytes(), epoch, after)
            {
                Ok(()) => return,
                Err(refused) if refused.why == AttachError::Behind => {
                    (socket, member) = (refused.socket, refused.member);
                }
                Err(refused) => return refused.socket.refuse(1013, "try again"),
            }
        }
        let (last, hello) = room.snapshot();
        house.fanout.open(room.id, EPOCH, last);
        if let Err(refused) = house.fanout.attach(socket, member, hello.as_bytes(), EPOCH, last) {
            refused.socket.refuse(1013, "try again");
        }
    });
    response
}

async fn publish(State(house): State<House>, Query(of): Query<Of>, body: Bytes) -> StatusCode {
    let Ok(room) = house.room(&of) else {
        return StatusCode::NOT_FOUND;
    };
    let mut log = room.log.lock().unwrap_or_else(PoisonError::into_inner);
    let event = Event {
        n: log.last + 1,
        audience: Audience::Everyone,
        class: Class::Chat,
        json: body.clone(),
    };
    if house.fanout.publish(room.id, EPOCH, vec![event]).is_err() {
        return StatusCode::CONFLICT;
    }
    log.last += 1;
    log.messages.push_back(body);
    if log.messages.len() > TOLD_MAX {
        log.messages.pop_front();
    }
    StatusCode::ACCEPTED
}
