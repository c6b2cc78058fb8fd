//! One run: publishers and viewers on a server, and what it cost the server.

use std::time::{Duration, Instant};

use busk_bench::figures::quantile;
use busk_bench::process::{cpu_s, memory_kb};
use busk_bench::source::{self, Stream};
use busk_camera::client::signal::Endpoint;
use busk_camera::{Publisher, PublisherStats};

use crate::Fallible;
use crate::joins::join;
use crate::viewers::{Seen, Viewers};

/// A server that speaks WHIP and WHEP. In its addresses `{room}` stands for the room's number, from 1.
pub struct Target<'a> {
    /// Where the publishers go; without it there are none.
    pub whip: Option<&'a str>,
    pub whip_token: Option<&'a str>,
    pub whep: &'a str,
    pub whep_token: Option<&'a str>,
    /// The process whose time and memory are told.
    pub pid: Option<u32>,
}

/// What is put on it.
pub struct Load {
    pub rooms: usize,
    /// In all rooms together.
    pub viewers: usize,
    /// One in this many decrypts and assembles all it gets; the others count packets.
    pub whole_one_in: usize,
    /// Viewers take runs of datagrams as one (UDP GRO).
    pub coalesce: bool,
    pub length: Duration,
    /// The beginning of that, in which the first viewer's datagrams are noted; of none, nothing is.
    pub recorded: Duration,
}

/// What a run gave; of the server's process, nothing when it was not told.
pub struct Run {
    pub cpu_s_per_gbit: f64,
    pub server_share: f64,
    pub kb_per_viewer: f64,
    pub mbit_per_s: f64,
    pub load_share: f64,
    pub seen: Seen,
    pub refused: usize,
    pub reason: Option<String>,
    /// Pictures that a publisher sent and that a whole viewer put together, a second.
    pub published_fps: f64,
    pub fps: f64,
    pub recording: Vec<(u64, usize)>,
}

/// Puts the load on the server, measures, and takes it off again.
#[allow(clippy::disallowed_methods, reason = "a bench keeps time")]
pub fn run(target: &Target<'_>, load: &Load, stream: &Stream) -> Fallible<Run> {
    let of_server = |what: fn(u32) -> Fallible<f64>| target.pid.map_or(Ok(f64::NAN), what);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let publishers = runtime.block_on(publish(target, load.rooms, stream))?;
    // A loop's next keyframe is within two seconds: then the stage has a picture, and the server has
    // allocated what rooms without viewers need.
    std::thread::sleep(Duration::from_millis(2_500));
    let empty_kb = of_server(memory_kb)?;

    let viewers = Viewers::start(load.coalesce)?;
    let endpoint = |room| Endpoint::new(&address(target.whep, room), target.whep_token);
    let endpoints = (1..=load.rooms).map(endpoint).collect::<Result<Vec<_>, _>>()?;
    let (refused, reason) = runtime.block_on(join(&endpoints, &viewers, load.viewers, load.whole_one_in))?;
    std::thread::sleep(Duration::from_millis(1_500));

    let before = (viewers.look()?, of_server(cpu_s)?, cpu_s(std::process::id())?);
    let (clock, published) = (Instant::now(), pictures(&publishers));
    let recording = match load.recorded {
        Duration::ZERO => Vec::new(),
        length => viewers.record(length)?,
    };
    std::thread::sleep(load.length.saturating_sub(clock.elapsed()));
    let after = (viewers.look()?, of_server(cpu_s)?, cpu_s(std::process::id())?);
    let seconds = clock.elapsed().as_secs_f64();
    let published = pictures(&publishers) - published;
    let full_kb = of_server(memory_kb)?;

    runtime.block_on(async {
        for publisher in publishers {
            publisher.stop().await;
        }
    });
    viewers.leave()?;
    let bits = (after.0.bytes - before.0.bytes) as f64 * 8.0;
    let cpu = after.1 - before.1;
    Ok(Run {
        cpu_s_per_gbit: cpu / (bits / 1e9),
        server_share: cpu / seconds,
        kb_per_viewer: (full_kb - empty_kb) / load.viewers as f64,
        mbit_per_s: bits / 1e6 / seconds,
        load_share: (after.2 - before.2) / seconds,
        refused,
        reason,
        published_fps: published as f64 / seconds / load.rooms as f64,
        fps: (after.0.frames - before.0.frames) as f64
            / seconds
            / load.viewers.div_ceil(load.whole_one_in.max(1)) as f64,
        seen: after.0,
        recording,
    })
}

impl Run {
    /// For the eye.
    pub fn line(&self) -> String {
        format!(
            "{:.3} cpu-s/Gbit at {:.0} Mbit/s; server {:.0} %, load {:.0} % of a core; join p50 {:.0} p95 {:.0} ms; \
             {} of {} packets lost; {:.1} of {:.1} pictures/s; {:.0} kB a viewer",
            self.cpu_s_per_gbit,
            self.mbit_per_s,
            self.server_share * 100.0,
            self.load_share * 100.0,
            quantile(&self.seen.joins_ms, 0.5),
            quantile(&self.seen.joins_ms, 0.95),
            self.seen.lost,
            self.seen.expected,
            self.fps,
            self.published_fps,
            self.kb_per_viewer
        )
    }

    /// An error unless every viewer got a picture and stayed.
    pub fn whole(self, viewers: usize) -> Fallible<Run> {
        if self.refused > 0 {
            let reason = self.reason.as_deref().unwrap_or_default();
            return Err(format!("{} of {viewers} joins failed: {reason}", self.refused).into());
        }
        if self.seen.joins_ms.len() < viewers || self.seen.ended > 0 {
            let (there, ended) = (self.seen.joins_ms.len(), self.seen.ended);
            return Err(format!("only {there} of {viewers} viewers had a picture, {ended} ended").into());
        }
        Ok(self)
    }
}

/// Publishes the stream into every room and waits until all are connected.
async fn publish(target: &Target<'_>, rooms: usize, stream: &Stream) -> Fallible<Vec<Publisher>> {
    let Some(whip) = target.whip else {
        return Ok(Vec::new());
    };
    let mut publishers = Vec::new();
    for room in 1..=rooms {
        for feed in source::start(std::slice::from_ref(stream))? {
            let mut publisher = Publisher::start(&address(whip, room), target.whip_token, feed).await?;
            if !publisher.connected().await {
                return Err(format!("the publisher of room {room} was not connected").into());
            }
            publishers.push(publisher);
        }
    }
    Ok(publishers)
}

fn address(pattern: &str, room: usize) -> String {
    pattern.replace("{room}", &room.to_string())
}

fn pictures(publishers: &[Publisher]) -> u64 {
    let stats = publishers.iter().map(Publisher::stats);
    stats.map(|stats: PublisherStats| stats.pictures).sum()
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn rooms_have_addresses_of_their_own_where_the_pattern_says_so() {
        assert_eq!(address("http://a/{room}/whip", 12), "http://a/12/whip");
        assert_eq!(address("http://a/live/whip", 12), "http://a/live/whip");
    }
}
