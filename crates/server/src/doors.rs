//! Accepts what does not come by HTTP, in the clear or by TLS: encoders by RTMP, bots by IRC.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use busk_api::EncoderPorts;
use busk_rooms::Rooms;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::config::Config;
use crate::serve::{StartError, bind, local};
use crate::stop::Stop;
use crate::tls::{self, Tls};

/// Connections that nobody has let in yet; further ones are closed at once.
const STRANGERS_MAX: usize = 128;
/// For a TLS handshake, from the first byte on.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Bots that are let in. Encoders are few by themselves: one a channel.
const BOTS_MAX: usize = 2_048;

/// How many there may be, by whichever door they come.
#[derive(Clone)]
struct Places {
    strangers: Arc<Semaphore>,
    inside: Arc<Semaphore>,
}

/// Who comes by a door.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Visitors {
    /// By RTMP.
    Encoders,
    /// By IRC.
    Bots,
}

impl Visitors {
    async fn serve<S>(self, rooms: Rooms, stream: S, places: Places, place: OwnedSemaphorePermit)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        match self {
            Visitors::Encoders => rooms.serve_rtmp(stream, place).await,
            Visitors::Bots => busk_irc::serve(rooms, stream, place, places.inside).await,
        }
    }
}

/// Where one kind of them is listened for.
pub(crate) struct Doors {
    visitors: Visitors,
    clear: Option<Door>,
    encrypted: Option<(Door, Tls)>,
}

struct Door {
    listener: TcpListener,
    address: SocketAddr,
}

impl Door {
    async fn open(address: SocketAddr) -> Result<Self, StartError> {
        let listener = bind(address).await?;
        let address = local(&listener)?;
        Ok(Self { listener, address })
    }
}

impl Doors {
    pub(crate) async fn open(config: &Config, visitors: Visitors) -> Result<Self, StartError> {
        let (clear, by_tls) = match visitors {
            Visitors::Encoders => (config.rtmp_listen, &config.rtmps),
            Visitors::Bots => (config.irc_listen, &config.ircs),
        };
        let encrypted = match by_tls {
            Some(by_tls) => {
                let tls = Tls::read(&by_tls.files)?;
                Some((Door::open(by_tls.listen).await?, tls))
            }
            None => None,
        };
        let clear = match clear {
            Some(address) => Some(Door::open(address).await?),
            None => None,
        };
        Ok(Self {
            visitors,
            clear,
            encrypted,
        })
    }

    pub(crate) fn ports(&self) -> EncoderPorts {
        EncoderPorts {
            rtmp: self.clear.as_ref().map(|door| door.address.port()),
            rtmps: self.encrypted.as_ref().map(|(door, _)| door.address.port()),
        }
    }

    /// Lets them in until it is time to stop.
    pub(crate) fn serve(self, rooms: &Rooms, stop: &Stop) -> Vec<JoinHandle<()>> {
        let visitors = self.visitors;
        let places = Places {
            strangers: Arc::new(Semaphore::new(STRANGERS_MAX)),
            inside: Arc::new(Semaphore::new(BOTS_MAX)),
        };
        let mut tasks = Vec::new();
        if let Some(Door { listener, address }) = self.clear {
            tracing::info!(?visitors, %address, "may come in the clear");
            let served = serve(
                visitors,
                listener,
                None,
                places.clone(),
                rooms.clone(),
                stop.clone(),
            );
            tasks.push(tokio::spawn(served));
        }
        if let Some((Door { listener, address }, tls)) = self.encrypted {
            tracing::info!(?visitors, %address, "may come by TLS");
            let served = serve(
                visitors,
                listener,
                Some(tls.acceptor()),
                places,
                rooms.clone(),
                stop.clone(),
            );
            tasks.push(tokio::spawn(served));
            tasks.push(tokio::spawn(tls::renew(tls, stop.clone())));
        }
        tasks
    }
}

/// Accepts until it is time to stop; whoever is in is cut off then, and comes back by themselves.
async fn serve(
    visitors: Visitors,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    places: Places,
    rooms: Rooms,
    mut stop: Stop,
) {
    let mut inside = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.told() => return,
            Some(_) = inside.join_next(), if !inside.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of open files, mostly: wait for some to close rather than spin.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places.strangers).try_acquire_owned() else {
            continue;
        };
        let (rooms, tls, places) = (rooms.clone(), tls.clone(), places.clone());
        inside.spawn(async move {
            let Some(tls) = tls else {
                return visitors.serve(rooms, stream, places, place).await;
            };
            match timeout(HANDSHAKE, tls.accept(stream)).await {
                Ok(Ok(stream)) => visitors.serve(rooms, stream, places, place).await,
                Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            }
        });
    }
}
