//! Accepts connections and speaks HTTP/1.1 on them, in the clear or by TLS; with TLS, the clear leads there.
//!
//! `axum::serve` has no limit on how slowly a header may come, so this uses hyper directly. The stream is
//! given to hyper as it is (`TokioIo<TcpStream>`, or `TlsStream` of it): whoever upgrades a connection can take the
//! socket out of it again.

mod lead;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use busk_api::{Peer, Site};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::serve::{StartError, bind, local};
use crate::stop::Stop;
use crate::tls::{self, Tls};

/// How long a TLS handshake may take, a request's header, and a connection may be idle.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// How much header a request may have, in bytes.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// How long requests may take to end after the program was told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Where people come in: in the clear, and by TLS where there is a certificate.
pub(crate) struct Front {
    clear: TcpListener,
    encrypted: Option<(TcpListener, Tls)>,
}

impl Front {
    pub(crate) async fn open(config: &Config) -> Result<Self, StartError> {
        let clear = bind(config.http_listen).await?;
        let encrypted = match &config.https {
            Some(by_tls) => Some((bind(by_tls.listen).await?, Tls::read(&by_tls.files)?)),
            None => None,
        };
        Ok(Self { clear, encrypted })
    }

    /// In the clear.
    pub(crate) fn address(&self) -> Result<SocketAddr, StartError> {
        local(&self.clear)
    }

    /// Lets at most `connections_max` in by each, until it is time to stop.
    pub(crate) fn serve(
        self,
        router: Router,
        site: &Site,
        connections_max: usize,
        metrics: &Metrics,
        stop: &Stop,
    ) -> Vec<JoinHandle<()>> {
        let serve = |listener, tls, router| {
            let metrics = Some(metrics.clone());
            tokio::spawn(serve(
                listener,
                tls,
                router,
                connections_max,
                metrics,
                stop.clone(),
            ))
        };
        let Some((listener, tls)) = self.encrypted else {
            return vec![serve(self.clear, None, router)];
        };
        vec![
            serve(self.clear, None, lead::to_tls(router.clone(), site.public_url())),
            serve(listener, Some(tls.acceptor()), router),
            tokio::spawn(tls::renew(tls, stop.clone())),
        ]
    }
}

/// Serves until `stop` becomes true, then lets what was begun end.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
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
        let conversation = Conversation {
            server: server.clone(),
            router: router.clone(),
            peer,
            watcher: graceful.watcher(),
        };
        let held = metrics.as_ref().map(Metrics::connection);
        let tls = tls.clone();
        tokio::spawn(async move {
            match tls {
                None => conversation.hold(stream).await,
                Some(tls) => match timeout(HEADER_PATIENCE, tls.accept(stream)).await {
                    Ok(Ok(stream)) => conversation.hold(stream).await,
                    Ok(Err(error)) => tracing::trace!(%peer, %error, "a TLS handshake failed"),
                    Err(_) => tracing::trace!(%peer, "a TLS handshake took too long"),
                },
            }
            drop((place, held));
        });
    }
    drop(listener);
    if timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

/// One connection.
struct Conversation {
    server: auto::Builder<TokioExecutor>,
    router: Router,
    peer: SocketAddr,
    watcher: Watcher,
}

impl Conversation {
    async fn hold<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(self, stream: S) {
        let (router, peer) = (self.router, self.peer);
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            router.clone().oneshot(request)
        });
        let connection = self
            .server
            .serve_connection_with_upgrades(TokioIo::new(stream), service);
        // Clients leave when they like: how a connection ends is no news.
        if let Err(error) = self.watcher.watch(connection.into_owned()).await {
            tracing::trace!(%peer, %error, "a connection ended");
        }
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
