//! From an HTTP request to a bare socket: the opening handshake of RFC 6455 §4.2.
//!
//! Works under any hyper HTTP/1.1 server that gives it `TokioIo<TcpStream>`, as `axum::serve` and
//! `hyper_util::server::conn::auto` do, or the same with tokio-rustls' `TlsStream` between. Who may enter (origin,
//! session) is the caller's business, before.

use bytes::Bytes;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use std::future::Future;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::link::Link;
use crate::{deflate, protocol};

/// A connected socket that has left its HTTP server.
#[derive(Debug)]
pub struct Socket {
    pub(crate) link: Link<std::net::TcpStream>,
    /// What the client sent right behind its handshake.
    pub(crate) early: Bytes,
    /// Whether messages may be compressed.
    pub(crate) deflate: bool,
}

/// Why a request is not a WebSocket handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    #[error("a WebSocket opens with GET over HTTP/1.1")]
    Method,
    #[error("the headers Connection: Upgrade and Upgrade: websocket are missing")]
    NotUpgrade,
    #[error("only WebSocket version 13 is spoken here")]
    Version,
    #[error("Sec-WebSocket-Key is not 16 bytes in base64")]
    Key,
    #[error("this connection cannot be upgraded")]
    Impossible,
}

impl HandshakeError {
    /// The status to refuse with; with 426 goes `Sec-WebSocket-Version: 13` (§4.4).
    pub fn status(self) -> StatusCode {
        match self {
            Self::Method | Self::Key => StatusCode::BAD_REQUEST,
            Self::NotUpgrade | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Impossible => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A refusal without a body, for callers that have no form of their own.
    pub fn response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        if self.status() == StatusCode::UPGRADE_REQUIRED {
            response
                .headers_mut()
                .insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            response
                .headers_mut()
                .insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        response
    }
}

/// Why there is no socket although the handshake was answered.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    #[error("the connection ended before it was upgraded")]
    Gone(#[source] hyper::Error),
    #[error("the HTTP server speaks over something else than TCP, or TLS on it")]
    NotTcp,
    #[error("the socket could not be taken over")]
    Io(#[source] std::io::Error),
}

/// Checks a handshake. The response goes back to the client; when it is written, the future yields the
/// socket. The future must be polled in a task of its own: it ends only after the response is sent.
pub fn upgrade<B, R: Default>(
    request: &mut Request<B>,
) -> Result<
    (
        Response<R>,
        impl Future<Output = Result<Socket, UpgradeError>> + Send + 'static,
    ),
    HandshakeError,
> {
    if request.method() != Method::GET || request.version() != Version::HTTP_11 {
        return Err(HandshakeError::Method);
    }
    let headers = request.headers();
    if !has_token(headers, &CONNECTION, "upgrade") || !has_token(headers, &UPGRADE, "websocket") {
        return Err(HandshakeError::NotUpgrade);
    }
    if headers
        .get(SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        return Err(HandshakeError::Version);
    }
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .filter(|key| protocol::is_key(key.as_bytes()));
    let accept = protocol::accept_key(key.ok_or(HandshakeError::Key)?.as_bytes());
    if request.extensions().get::<hyper::upgrade::OnUpgrade>().is_none() {
        return Err(HandshakeError::Impossible);
    }
    let deflate = headers
        .get_all(SEC_WEBSOCKET_EXTENSIONS)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .any(deflate::is_offered);
    let upgraded = hyper::upgrade::on(request);

    let mut response = Response::new(R::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::from_str(&accept).expect("base64 is a header value");
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    if deflate {
        let accepted = HeaderValue::from_static(deflate::ACCEPTED);
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, accepted);
    }
    Ok((response, async move {
        take_socket(upgraded.await.map_err(UpgradeError::Gone)?, deflate)
    }))
}

fn take_socket(upgraded: Upgraded, deflate: bool) -> Result<Socket, UpgradeError> {
    let (stream, session, early) = match taken::<TcpStream>(upgraded) {
        Ok((stream, early)) => (stream, None, early),
        Err(upgraded) => {
            let (stream, early) =
                taken::<TlsStream<TcpStream>>(upgraded).map_err(|_| UpgradeError::NotTcp)?;
            let (stream, session) = stream.into_inner();
            (stream, Some(session), early)
        }
    };
    let stream = stream.into_std().map_err(UpgradeError::Io)?;
    Ok(Socket {
        link: Link::new(stream, session),
        // A copy: even an empty slice of hyper's read buffer would keep all of it alive.
        early: Bytes::copy_from_slice(&early),
        deflate,
    })
}

/// What was upgraded, if it is this, and what was read of it already.
fn taken<S>(upgraded: Upgraded) -> Result<(S, Bytes), Upgraded>
where
    TokioIo<S>: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let upgraded = match auto::upgrade::downcast::<TokioIo<S>>(upgraded) {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    // A server that uses hyper's HTTP/1 connection directly does not wrap its stream.
    let parts = upgraded.downcast::<TokioIo<S>>()?;
    Ok((parts.io.into_inner(), parts.read_buf))
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}
