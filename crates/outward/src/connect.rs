//! Connecting to a host that somebody typed in, without letting them reach what only this machine reaches.
//!
//! Invariant: a name is resolved once, all that it resolves to must be permitted, and what is connected to is one
//! of those addresses, not the name.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use busk_base::net::{Network, is_public};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Tls;

/// Of a name's addresses, tried one after the other.
const ADDRESSES_MAX: usize = 4;
/// Of a name's addresses, looked at.
const ANSWERS_MAX: usize = 64;

/// Which addresses may be connected to.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Besides all public addresses: for operators who have something to reach within their own network.
    pub private: Vec<Network>,
}

impl Reach {
    pub fn permits(&self, ip: IpAddr) -> bool {
        is_public(ip) || self.private.iter().any(|network| network.contains(ip))
    }
}

/// Finds a name's addresses.
pub trait Resolve: Sync {
    fn resolve(&self, host: &str) -> impl Future<Output = io::Result<Vec<IpAddr>>> + Send;
}

/// As this machine does it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dns;

impl Resolve for Dns {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.take(ANSWERS_MAX).map(|address| address.ip()).collect())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    #[error("The address of the other side is not known. Check the spelling.")]
    Unresolved,
    #[error("The address leads into a private network, where this server may not connect to.")]
    Private,
    #[error("The other side cannot be reached.")]
    Unreachable,
    #[error("This server knows no certificate authorities, so that it cannot connect with encryption.")]
    NoAuthorities,
    #[error("The certificate of the other side is not valid.")]
    Certificate,
    #[error("The other side does not speak TLS at this address.")]
    Tls,
    #[error("The other side took too long to answer.")]
    TooSlow,
}

/// Any connection, encrypted or not.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connection for S {}

/// Connects to a port of a host, a name or an address without brackets, within `time_max`.
pub async fn connect<R: Resolve>(
    (host, port): (&str, u16),
    reach: &Reach,
    resolver: &R,
    time_max: Duration,
) -> Result<TcpStream, ConnectError> {
    let connected = timeout(time_max, async {
        let addresses = permitted(host, reach, resolver).await?;
        first_of(&addresses, port, time_max).await
    });
    connected.await.unwrap_or(Err(ConnectError::TooSlow))
}

/// Connects, with TLS where `tls` says by whom it is to be vouched for, within `time_max`.
pub async fn open<R: Resolve>(
    (host, port): (&str, u16),
    reach: &Reach,
    resolver: &R,
    tls: Option<&Tls>,
    time_max: Duration,
) -> Result<Box<dyn Connection>, ConnectError> {
    let opened = timeout(time_max, async {
        let stream = connect((host, port), reach, resolver, time_max).await?;
        let connection: Box<dyn Connection> = match tls {
            Some(tls) => Box::new(tls.wrap(stream, host).await?),
            None => Box::new(stream),
        };
        Ok(connection)
    });
    opened.await.unwrap_or(Err(ConnectError::TooSlow))
}

async fn permitted<R: Resolve>(host: &str, reach: &Reach, resolver: &R) -> Result<Vec<IpAddr>, ConnectError> {
    let addresses = match host.parse() {
        Ok(address) => vec![address],
        Err(_) => {
            let found = resolver.resolve(host).await;
            found.map_err(|_| ConnectError::Unresolved)?
        }
    };
    // A name that is public and private at once is an attempt to slip through.
    if !addresses.iter().all(|address| reach.permits(*address)) {
        return Err(ConnectError::Private);
    }
    Ok(addresses)
}

async fn first_of(addresses: &[IpAddr], port: u16, time_max: Duration) -> Result<TcpStream, ConnectError> {
    let addresses = &addresses[..addresses.len().min(ADDRESSES_MAX)];
    let mut failure = ConnectError::Unresolved;
    for address in addresses {
        let share = time_max / addresses.len() as u32;
        match timeout(share, TcpStream::connect(SocketAddr::new(*address, port))).await {
            Ok(Ok(stream)) => {
                // Frames are written whole: waiting to fill packets only delays them. Without it all works, too.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(_)) => failure = ConnectError::Unreachable,
            Err(_) => failure = ConnectError::TooSlow,
        }
    }
    Err(failure)
}
