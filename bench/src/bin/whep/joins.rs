//! People come in: each posts its offer when it is due, whether or not those before it have their
//! picture yet.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use busk_camera::client::signal::Endpoint;
use busk_camera::protocol::Peer;
use tokio::task::JoinSet;

use crate::Fallible;
use crate::viewers::{Joining, Viewers};

/// How many a second.
pub const JOINS_PER_S: f64 = 25.0;
const RECEIVE_BUFFER_BYTES: usize = 1 << 20;

/// Joins `count` viewers at the rate, to one endpoint after the other, and returns how many were
/// refused, with one reason. One in `whole_one_in` decrypts and assembles all it gets.
#[allow(clippy::disallowed_methods, reason = "a load maker keeps time")]
pub async fn join(
    endpoints: &[Endpoint],
    viewers: &Viewers,
    count: usize,
    whole_one_in: usize,
) -> Fallible<(usize, Option<String>)> {
    let ip = endpoints
        .first()
        .ok_or("there is nothing to join")?
        .local_ip()
        .await?;
    // Keys and offers are made beforehand: that is the viewer's own time, and this core is shared.
    let mut prepared = Vec::new();
    for _ in 0..count {
        let socket = UdpSocket::bind((ip, 0))?;
        // A load maker that is kept waiting for its core must not look like a network that loses.
        // Where the system allows less than this, that is what we get.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
        let (peer, offer) = Peer::view(socket.local_addr()?, 1, Instant::now())?;
        prepared.push((socket, peer, offer));
    }
    let start = Instant::now();
    let mut joins = JoinSet::new();
    for (index, (socket, mut peer, offer)) in prepared.into_iter().enumerate() {
        let due = start + Duration::from_secs_f64(index as f64 / JOINS_PER_S);
        let (endpoint, viewers) = (endpoints[index % endpoints.len()].clone(), viewers.clone());
        joins.spawn(async move {
            tokio::time::sleep_until(due.into()).await;
            let answered = endpoint.post(offer).await?;
            peer.answer(&answered.sdp)?;
            viewers.join(Joining {
                socket,
                peer,
                due,
                whole: index % whole_one_in.max(1) == 0,
            })
        });
    }
    let (mut refused, mut reason) = (0, None);
    while let Some(joined) = joins.join_next().await {
        if let Err(error) = joined? {
            refused += 1;
            reason = Some(error.to_string());
        }
    }
    Ok((refused, reason))
}
