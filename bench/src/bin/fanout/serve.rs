//! busk-fanout as the product uses it: axum answers the handshake, the shard takes the socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use busk_base::RoomId;
use busk_fanout::{Audience, Class, Config, Event, Fanout, Inbound, Member, Peer, Rights, upgrade};

use crate::Fallible;

const EPOCH: u32 = 1;

struct Silence;

impl Inbound<Arc<str>> for Silence {
    fn message(&self, _peer: &Peer<'_, Arc<str>>, _text: &str) {}
}

#[derive(Clone)]
struct House {
    fanout: Fanout<Arc<str>>,
    room: RoomId,
    last: Arc<AtomicU64>,
}

/// One core, one thread for HTTP, a shard for each core it may use: pinned, that is one.
#[tokio::main(flavor = "current_thread")]
pub async fn serve() -> Fallible<()> {
    let room = RoomId(uuid::Uuid::now_v7());
    let fanout = Fanout::start(Config::default(), Arc::new(Silence))?;
    fanout.open(room, EPOCH, 0);
    let house = House {
        fanout,
        room,
        last: Arc::default(),
    };
    let router = Router::new()
        .route("/sub", get(enter))
        .route("/pub", post(publish))
        .with_state(house);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    crate::end_with_input();
    Ok(axum::serve(listener, router).await?)
}

async fn enter(State(house): State<House>, mut request: Request) -> Response {
    let (response, socket) = match upgrade::<_, Body>(&mut request) {
        Ok(upgraded) => upgraded,
        Err(error) => return error.response(),
    };
    tokio::spawn(async move {
        let Ok(socket) = socket.await else { return };
        let after = house.last.load(Ordering::Acquire);
        let hello = format!(
            r#"{{"v":1,"room":"{}","epoch":{EPOCH},"seq":{after},"ev":[]}}"#,
            house.room
        );
        let member = Member {
            room: house.room,
            key: uuid::Uuid::now_v7().as_u128(),
            rights: Rights::default(),
            counted: true,
            viewer: Arc::from("a viewer"),
        };
        if let Err(refused) = house
            .fanout
            .attach(socket, member, hello.as_bytes(), EPOCH, after)
        {
            refused.socket.refuse(1013, "try again");
        }
    });
    response
}

async fn publish(State(house): State<House>, body: Bytes) -> StatusCode {
    // HTTP has one thread here, so nobody else publishes between these two lines.
    let n = house.last.fetch_add(1, Ordering::AcqRel) + 1;
    let event = Event {
        n,
        audience: Audience::Everyone,
        class: Class::Chat,
        json: body,
    };
    match house.fanout.publish(house.room, EPOCH, vec![event]) {
        Ok(()) => StatusCode::ACCEPTED,
        Err(_) => StatusCode::CONFLICT,
    }
}
