//! Accepts encoders that come by RTMP, in the clear or by TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use busk_api::EncoderPorts;
use busk_rooms::Rooms;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
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

/// Where encoders are listened for.
pub(crate) struct Doors {
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
    pub(crate) async fn open(config: &Config) -> Result<Self, StartError> {
        let encrypted = match &config.rtmps {
            Some(rtmps) => {
                let tls = Tls::read(&rtmps.files)?;
                Some((Door::open(rtmps.listen).await?, tls))
            }
            None => None,
        };
        let clear = match config.rtmp_listen {
            Some(address) => Some(Door::open(address).await?),
            None => None,
        };
        Ok(Self { clear, encrypted })
    }

    pub(crate) fn ports(&self) -> EncoderPorts {
        EncoderPorts {
            rtmp: self.clear.as_ref().map(|door| door.address.port()),
            rtmps: self.encrypted.as_ref().map(|(door, _)| door.address.port()),
        }
    }

    /// Lets encoders in until it is time to stop.
    pub(crate) fn serve(self, rooms: &Rooms, stop: &Stop) -> Vec<JoinHandle<()>> {
        // Shared, by whichever door they come.
        let places = Arc::new(Semaphore::new(STRANGERS_MAX));
        let mut tasks = Vec::new();
        if let Some(Door { listener, address }) = self.clear {
            tracing::info!(rtmp = %address, "encoders may come");
            let served = serve(listener, None, places.clone(), rooms.clone(), stop.clone());
            tasks.push(tokio::spawn(served));
        }
        if let Some((Door { listener, address }, tls)) = self.encrypted {
            tracing::info!(rtmps = %address, "encoders may come");
            let served = serve(
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

/// Accepts until it is time to stop; encoders that are in are cut off then, and come back by themselves.
async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
    rooms: Rooms,
    mut stop: Stop,
) {
    let mut encoders = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.told() => return,
            Some(_) = encoders.join_next(), if !encoders.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of open files, mostly: wait for some to close rather than spin.
                tracing::warn!(%error, "an encoder could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let (rooms, tls) = (rooms.clone(), tls.clone());
        encoders.spawn(async move {
            let Some(tls) = tls else {
                return rooms.serve_rtmp(stream, place).await;
            };
            match timeout(HANDSHAKE, tls.accept(stream)).await {
                Ok(Ok(stream)) => rooms.serve_rtmp(stream, place).await,
                Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            }
        });
    }
}
