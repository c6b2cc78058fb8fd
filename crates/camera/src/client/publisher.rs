//! One camera on its way to a WHIP server.

use std::net::SocketAddr;
use std::time::Instant;

use str0m::media::MediaKind;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::signal::{Answered, Endpoint};
use super::{ClientError, LOOPBACK, Line, ms_since, now};
use crate::feed::{Feed, LayeredFeed};
use crate::protocol::{Peer, PeerError, PeerOutput};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublisherStats {
    /// From the start to the end of the DTLS handshake; `None` before.
    pub connected_ms: Option<u64>,
    pub samples: u64,
    /// Of the samples, those of the camera.
    pub pictures: u64,
    pub bytes: u64,
    pub keyframes_wanted: u64,
    /// The connection ended, by either side.
    pub ended: bool,
}

/// A publisher at work; dropping it ends the session as [`Publisher::stop`] does, without waiting.
pub struct Publisher {
    stats: watch::Receiver<PublisherStats>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Publisher {
    /// Posts an offer to a WHIP address and sends the feed once connected.
    pub async fn start(url: &str, token: Option<&str>, feed: Feed) -> Result<Publisher, ClientError> {
        Publisher::start_layers(url, token, vec![feed]).await
    }

    /// The same with the picture in layers, one from each feed, the best one first.
    pub async fn start_layers(
        url: &str,
        token: Option<&str>,
        feeds: Vec<Feed>,
    ) -> Result<Publisher, ClientError> {
        let start = now();
        let endpoint = Endpoint::new(url, token)?;
        let feed = Feed::join(feeds);
        let open = |at, now| offer(at, &feed, now);
        let (line, offer) = Line::open(endpoint.local_ip().await?, open).await?;
        let answered = endpoint.post(offer).await?;
        Publisher::run(
            line,
            &answered.sdp.clone(),
            feed,
            start,
            Some((endpoint, answered)),
        )
    }

    /// The same with a server in this process: `signal` takes the offer and returns the answer.
    pub async fn start_with(
        feed: Feed,
        signal: impl AsyncFnOnce(String) -> Result<String, String>,
    ) -> Result<Publisher, ClientError> {
        let start = now();
        let (line, offer) = Line::open(LOOPBACK, Peer::publish).await?;
        let answer = signal(offer).await.map_err(ClientError::Signal)?;
        Publisher::run(line, &answer, Feed::join(vec![feed]), start, None)
    }

    /// The same with the picture in layers, one from each feed, the best one first.
    pub async fn start_layers_with(
        feeds: Vec<Feed>,
        signal: impl AsyncFnOnce(String) -> Result<String, String>,
    ) -> Result<Publisher, ClientError> {
        let start = now();
        let feed = Feed::join(feeds);
        let (line, offer) = Line::open(LOOPBACK, |at, now| offer(at, &feed, now)).await?;
        let answer = signal(offer).await.map_err(ClientError::Signal)?;
        Publisher::run(line, &answer, feed, start, None)
    }

    fn run(
        mut line: Line,
        answer: &str,
        feed: LayeredFeed,
        start: Instant,
        session: Option<(Endpoint, Answered)>,
    ) -> Result<Publisher, ClientError> {
        line.peer.answer(answer)?;
        let (stop, stopped) = oneshot::channel();
        let (sender, stats) = watch::channel(PublisherStats::default());
        let task = tokio::spawn(async move {
            if let Err(error) = publish(&mut line, feed, start, stopped, &sender).await {
                tracing::warn!(%error, "a publisher's connection broke");
            }
            line.close().await;
            sender.send_modify(|stats| stats.ended = true);
            if let Some((endpoint, answered)) = session {
                endpoint.delete(&answered).await;
            }
        });
        Ok(Publisher {
            stats,
            stop: Some(stop),
            task,
        })
    }

    pub fn stats(&self) -> PublisherStats {
        *self.stats.borrow()
    }

    pub fn is_connected(&self) -> bool {
        let stats = self.stats();
        stats.connected_ms.is_some() && !stats.ended
    }

    /// Waits until the connection stands; `false` when it ended before.
    pub async fn connected(&mut self) -> bool {
        let until = self
            .stats
            .wait_for(|stats| stats.connected_ms.is_some() || stats.ended)
            .await;
        until.is_ok_and(|stats| !stats.ended)
    }

    /// Waits until the connection ends: the server's doing, the network's, or the camera's.
    pub async fn ended(&mut self) {
        // An error says that the task is gone, which is an end too.
        let _ = self.stats.wait_for(|stats| stats.ended).await;
    }

    /// Ends the session: the server is told by DTLS and by HTTP DELETE.
    pub async fn stop(mut self) {
        self.stop.take();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a publisher's task failed");
        }
    }
}

/// What is offered for a feed: layers when it has several.
fn offer(at: SocketAddr, feed: &LayeredFeed, now: Instant) -> Result<(Peer, String), PeerError> {
    match feed.layers() {
        0 | 1 => Peer::publish(at, now),
        layers => Peer::publish_layers(at, &["h", "m", "l"][..layers.min(3)], now),
    }
}

async fn publish(
    line: &mut Line,
    mut feed: LayeredFeed,
    start: Instant,
    mut stopped: oneshot::Receiver<()>,
    stats: &watch::Sender<PublisherStats>,
) -> Result<(), PeerError> {
    let mut ended = false;
    loop {
        let deadline = line
            .drain(|output| match output {
                PeerOutput::Connected => {
                    stats.send_modify(|stats| stats.connected_ms = Some(ms_since(start)));
                    // Nothing was sent before: what the feed had is gone.
                    feed.want_keyframe();
                }
                PeerOutput::KeyframeWanted => {
                    stats.send_modify(|stats| stats.keyframes_wanted += 1);
                    feed.want_keyframe();
                }
                PeerOutput::Closed => ended = true,
                PeerOutput::Wait(_) | PeerOutput::Send { .. } | PeerOutput::Packet(_) => {}
            })
            .await?;
        if ended {
            return Ok(());
        }
        tokio::select! {
            biased;
            // Also when the handle is dropped.
            _ = &mut stopped => return Ok(()),
            sample = feed.next() => {
                let Some((layer, sample)) = sample else { return Ok(()) };
                line.peer.write_layer(now(), layer, &sample)?;
                stats.send_modify(|stats| {
                    stats.samples += 1;
                    stats.pictures += u64::from(sample.kind == MediaKind::Video);
                    stats.bytes += sample.bytes.len() as u64;
                });
            }
            woken = line.wait(deadline) => {
                let Ok(woken) = woken else { return Ok(()) };
                line.woken(woken)?;
            }
        }
    }
}
