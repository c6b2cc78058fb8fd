//! `whep load`: the bench's viewers, and if wanted its publisher, on any server that speaks WHIP and
//! WHEP.

use std::time::Duration;

use busk_camera::Publisher;
use busk_camera::client::signal::Endpoint;
use busk_camera::feed;

use crate::source::Stream;
use crate::viewers::Viewers;
use crate::{Fallible, joins};
use busk_bench::figures::quantile;

#[derive(clap::Args)]
pub struct Load {
    /// Publish the bench's stream to this WHIP address first.
    #[arg(long)]
    whip: Option<String>,
    /// The bearer token of the WHIP address: a stream key.
    #[arg(long, default_value = "")]
    token: String,
    /// The WHEP address to watch.
    #[arg(long)]
    whep: String,
    #[arg(long, default_value_t = 50)]
    viewers: usize,
    /// One in this many decrypts and assembles all it gets; the others count packets.
    #[arg(long, default_value_t = 1)]
    whole_one_in: usize,
    /// How long to watch once all have joined.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

impl Load {
    pub fn run(&self) -> Fallible<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let _publisher = match &self.whip {
            Some(whip) => Some(runtime.block_on(publish(whip, &self.token, Stream::encode()?))?),
            None => None,
        };
        let viewers = Viewers::start(true)?;
        let endpoint = Endpoint::new(&self.whep, None)?;
        let (refused, reason) =
            runtime.block_on(joins::join(&endpoint, &viewers, self.viewers, self.whole_one_in))?;
        if let Some(reason) = reason {
            println!("{refused} were refused, the last one by: {reason}");
        }
        std::thread::sleep(Duration::from_secs(1));
        let before = viewers.look()?;
        std::thread::sleep(Duration::from_secs(self.seconds));
        let seen = viewers.look()?;
        viewers.leave()?;
        println!(
            "{} of {} viewers have a picture; join p50 {:.0} ms, p95 {:.0} ms; {:.1} Mbit/s; {} of {} packets lost; {} ended",
            seen.joins_ms.len(),
            seen.viewers,
            quantile(&seen.joins_ms, 0.5),
            quantile(&seen.joins_ms, 0.95),
            (seen.bytes - before.bytes) as f64 * 8e-6 / self.seconds as f64,
            seen.lost,
            seen.expected,
            seen.ended
        );
        Ok(())
    }
}

/// Publishes the bench's stream and waits until it is connected.
pub async fn publish(whip: &str, token: &str, stream: Stream) -> Fallible<Publisher> {
    let (source, feed) = feed();
    let token = Some(token).filter(|token| !token.is_empty());
    let mut publisher = Publisher::start(whip, token, feed).await?;
    if !publisher.connected().await {
        return Err("the publisher was not connected".into());
    }
    std::thread::Builder::new()
        .name("source".into())
        .spawn(move || stream.play(source))?;
    Ok(publisher)
}
