//! Accepts connections and speaks HTTP/1.1 on them.
//!
//! `axum::serve` has no limit on how slowly a header may come, so this uses hyper directly. The stream is
//! given to hyper as it is (`TokioIo<TcpStream>`): whoever upgrades a connection can take the socket out
//! of it again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use busk_api::Peer;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::metrics::Metrics;
use crate::stop::Stop;

/// How long a request's header may take, and a connection may be idle.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// How much header a request may have, in bytes.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// How long requests may take to end after the program was told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until `stop` becomes true, then lets what was begun end.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    connections_max: usize,
    metrics: Option<Metrics>,
    mut stop: Stop,
) {
    let places = Arc::new(Semaphore::new(connections_max));
    let graceful = GracefulShutdown::new();
    let mut server = auto::Builder::new(TokioExecutor::new()).http1_only();
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(HEADER_BYTES_MAX);
    loop {
        let accepted = tokio::select! {
            () = stop.told() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else {
            continue;
        };
        // Answers are small; waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            router.clone().oneshot(request)
        });
        let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let connection = graceful.watch(connection.into_owned());
        let held = metrics.as_ref().map(Metrics::connection);
        tokio::spawn(async move {
            // Clients leave when they like: how a connection ends is no news.
            if let Err(error) = connection.await {
                tracing::trace!(%peer, %error, "a connection ended");
            }
            drop((place, held));
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

type Place = tokio::sync::OwnedSemaphorePermit;

/// The next connection, when there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, Place)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            // Out of open files, mostly: wait for some to close rather than spin.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

#[cfg(test)]
mod tests;
