//! Accepts encoders that come by RTMP.

use std::sync::Arc;

use busk_rooms::Rooms;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::stop::Stop;

/// Connections that nobody has let in yet; further ones are closed at once.
const STRANGERS_MAX: usize = 128;

/// Accepts until it is time to stop; encoders that are in are cut off then, and come back by themselves.
pub(crate) async fn serve(listener: TcpListener, rooms: Rooms, mut stop: Stop) {
    let places = Arc::new(Semaphore::new(STRANGERS_MAX));
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
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let rooms = rooms.clone();
        encoders.spawn(async move { rooms.serve_rtmp(stream, place).await });
    }
}
