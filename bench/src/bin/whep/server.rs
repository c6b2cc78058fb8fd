//! The server under test: busk-media with one thread, behind the smallest WHIP and WHEP there can be,
//! at which rooms are numbers. No sign-in, no domain, no database: what is measured is media.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use busk_base::{MediaSessionId, RoomId};
use busk_media::{Answer, Config, Media, Publish, View};
use tokio::sync::mpsc;

use crate::Fallible;

#[derive(Clone)]
struct Server {
    media: Media,
    broadcast: bool,
}

/// Serves until standard input ends. The first line of its output is its address. With `broadcast`, each
/// room has a program for LL-HLS besides, as one that is live in the product.
pub fn serve(broadcast: bool) -> Fallible<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut config = Config::new(loopback, busk_base::Timestamp::from_unix_us(0));
        config.threads = 1;
        config.advertised = vec![Ipv4Addr::LOCALHOST.into()];
        let (events, mut happenings) = mpsc::channel(1_024);
        let media = Media::start(&config, events)?;
        tokio::spawn(async move { while happenings.recv().await.is_some() {} });

        let server = Server { media, broadcast };
        let routes = Router::new()
            .route("/whip/{room}", post(publish))
            .route("/whep/{room}", post(view))
            .route("/s/{session}", delete(end))
            .with_state(server);
        let listener = tokio::net::TcpListener::bind(loopback).await?;
        println!("http://{}", listener.local_addr()?);
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        tokio::select! {
            served = axum::serve(listener, routes) => Ok(served?),
            _ = ended => Ok(()),
        }
    })
}

async fn publish(State(server): State<Server>, Path(room): Path<u32>, offer: String) -> Response {
    let session = MediaSessionId(uuid::Uuid::now_v7());
    let room = RoomId(uuid::Uuid::from_u128(room.into()));
    match server.media.publish(Publish::host(room, session, offer)).await {
        Ok(answer) => {
            if server.broadcast {
                server.media.broadcast(room);
            }
            created(answer)
        }
        Err(refused) => (StatusCode::CONFLICT, refused.to_string()).into_response(),
    }
}

async fn view(State(server): State<Server>, Path(room): Path<u32>, offer: String) -> Response {
    let session = MediaSessionId(uuid::Uuid::now_v7());
    let room = RoomId(uuid::Uuid::from_u128(room.into()));
    match server.media.view(View::anybody(room, session, offer)).await {
        Ok(answer) => created(answer),
        Err(refused) => (StatusCode::CONFLICT, refused.to_string()).into_response(),
    }
}

async fn end(State(server): State<Server>, Path(session): Path<uuid::Uuid>) -> StatusCode {
    if server.media.close(MediaSessionId(session)).await {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    }
}

fn created(answer: Answer) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/sdp".to_owned()),
        (header::LOCATION, format!("/s/{}", answer.session)),
        (header::ETAG, answer.etag),
    ];
    (StatusCode::CREATED, headers, answer.sdp).into_response()
}
