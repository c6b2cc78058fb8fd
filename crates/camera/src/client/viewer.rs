//! One WHEP viewer: receives, counts, puts pictures together, and on demand decodes them to read the
//! clock strip.

use std::time::{Duration, Instant};

use openh264::decoder::Decoder;
use openh264::formats::YUVSource;
use str0m::media::MediaKind;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::signal::{Answered, Endpoint};
use super::{ClientError, LOOPBACK, Line, ms_since, now};
use crate::camera::wall_ms;
use crate::h264::{AccessUnit, Assembler};
use crate::picture::strip;
use crate::protocol::{Packet, Peer, PeerError, PeerOutput};

/// Between two requests for a keyframe.
const WANT_KEYFRAME_EVERY: Duration = Duration::from_millis(500);
/// A reading of the clock strip further off than this is not of this clock.
const LATENCY_MS_MAX: u32 = 60_000;

#[derive(Clone, Copy, Debug, Default)]
pub struct ViewOptions {
    /// Decode every picture and read the clock strip: costs about 1 ms of CPU a picture at 640×360.
    pub decode: bool,
    /// Of how many people to receive; 0 is 1. Only the first one's pictures are put together.
    pub people: usize,
}

/// Of whom packets are counted.
pub const PEOPLE: usize = 4;

/// Counters since the start; times are from the start, before the offer was posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewerStats {
    pub connected_ms: Option<u64>,
    pub first_packet_ms: Option<u64>,
    /// To the first whole keyframe.
    pub first_frame_ms: Option<u64>,
    /// To the first decoded picture.
    pub first_picture_ms: Option<u64>,
    pub video_packets: u64,
    pub audio_packets: u64,
    /// Packets of pictures and of sound, by person.
    pub video_of: [u64; PEOPLE],
    pub audio_of: [u64; PEOPLE],
    pub bytes: u64,
    /// Packets missing in the sequence numbers of both tracks.
    pub lost: u64,
    pub frames: u64,
    pub keyframes: u64,
    pub decoded: u64,
    /// Size of the last decoded picture.
    pub width: u32,
    pub height: u32,
    /// From the camera's clock to the decoded picture, the last and the longest.
    pub latency_ms: Option<u32>,
    pub latency_ms_max: u32,
    /// The longest time between two decoded pictures.
    pub freeze_ms_max: u64,
    pub ended: bool,
}

/// A viewer at work; dropping it ends the session as [`Viewer::stop`] does, without waiting.
pub struct Viewer {
    stats: watch::Receiver<ViewerStats>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Viewer {
    /// Posts an offer to a WHEP address and watches.
    pub async fn start(url: &str, token: Option<&str>, options: ViewOptions) -> Result<Viewer, ClientError> {
        let start = now();
        let endpoint = Endpoint::new(url, token)?;
        let (line, offer) = Line::open(endpoint.local_ip().await?, |at, now| {
            Peer::view(at, options.people, now)
        })
        .await?;
        let answered = endpoint.post(offer).await?;
        Viewer::run(
            line,
            &answered.sdp.clone(),
            options,
            start,
            Some((endpoint, answered)),
        )
    }

    /// The same with a server in this process: `signal` takes the offer and returns the answer.
    pub async fn start_with(
        options: ViewOptions,
        signal: impl AsyncFnOnce(String) -> Result<String, String>,
    ) -> Result<Viewer, ClientError> {
        let start = now();
        let (line, offer) = Line::open(LOOPBACK, |at, now| Peer::view(at, options.people, now)).await?;
        let answer = signal(offer).await.map_err(ClientError::Signal)?;
        Viewer::run(line, &answer, options, start, None)
    }

    fn run(
        mut line: Line,
        answer: &str,
        options: ViewOptions,
        start: Instant,
        session: Option<(Endpoint, Answered)>,
    ) -> Result<Viewer, ClientError> {
        line.peer.answer(answer)?;
        let (stop, stopped) = oneshot::channel();
        let (sender, stats) = watch::channel(ViewerStats::default());
        let task = tokio::spawn(async move {
            let mut screen = Screen::new(start, options);
            if let Err(error) = view(&mut line, &mut screen, stopped, &sender).await {
                tracing::warn!(%error, "a viewer's connection broke");
            }
            line.close().await;
            screen.stats.ended = true;
            sender.send_replace(screen.stats);
            if let Some((endpoint, answered)) = session {
                endpoint.delete(&answered).await;
            }
        });
        Ok(Viewer {
            stats,
            stop: Some(stop),
            task,
        })
    }

    pub fn stats(&self) -> ViewerStats {
        *self.stats.borrow()
    }

    /// Waits until the counters satisfy a condition; `Err` holds them when it ended or took too long.
    pub async fn until(
        &mut self,
        within: Duration,
        enough: impl Fn(&ViewerStats) -> bool,
    ) -> Result<ViewerStats, ViewerStats> {
        let wait = self.stats.wait_for(|now| now.ended || enough(now));
        let waited = tokio::time::timeout(within, wait)
            .await
            .ok()
            .and_then(|stats| Some(*stats.ok()?));
        let last = waited.unwrap_or_else(|| *self.stats.borrow());
        if enough(&last) { Ok(last) } else { Err(last) }
    }

    /// Ends the session: the server is told by DTLS and by HTTP DELETE. Returns the last counters.
    pub async fn stop(mut self) -> ViewerStats {
        self.stop.take();
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "a viewer's task failed");
        }
        self.stats()
    }
}

async fn view(
    line: &mut Line,
    screen: &mut Screen,
    mut stopped: oneshot::Receiver<()>,
    stats: &watch::Sender<ViewerStats>,
) -> Result<(), PeerError> {
    loop {
        let mut ended = false;
        let mut deadline = line
            .drain(|output| match output {
                PeerOutput::Connected => screen.stats.connected_ms = Some(ms_since(screen.start)),
                PeerOutput::Packet(packet) => screen.take(&packet),
                PeerOutput::Closed => ended = true,
                PeerOutput::Wait(_) | PeerOutput::Send { .. } | PeerOutput::KeyframeWanted => {}
            })
            .await?;
        if screen.wants_keyframe() {
            line.peer.want_keyframe();
            deadline = line.drain(|_| ()).await?;
        }
        stats.send_if_modified(|shown| {
            let changed = *shown != screen.stats;
            *shown = screen.stats;
            changed
        });
        if ended {
            return Ok(());
        }
        tokio::select! {
            biased;
            // Also when the handle is dropped.
            _ = &mut stopped => return Ok(()),
            woken = line.wait(deadline) => {
                let Ok(woken) = woken else { return Ok(()) };
                line.woken(woken)?;
            }
        }
    }
}

/// Sequence numbers of one track: how many there should have been.
#[derive(Default)]
struct Tally {
    first: Option<u64>,
    last: u64,
    received: u64,
}

impl Tally {
    fn count(&mut self, sequence: u64) {
        let first = self.first.get_or_insert(sequence);
        *first = (*first).min(sequence);
        self.last = self.last.max(sequence);
        self.received += 1;
    }

    fn lost(&self) -> u64 {
        self.first
            .map_or(0, |first| (self.last - first + 1).saturating_sub(self.received))
    }
}

/// What is done with received packets.
struct Screen {
    start: Instant,
    stats: ViewerStats,
    video: Tally,
    audio: Tally,
    assembler: Assembler,
    units: Vec<AccessUnit>,
    decoder: Option<Decoder>,
    /// No picture can be shown before a keyframe comes.
    blind: bool,
    keyframe_asked: Option<Instant>,
    gaps_seen: u64,
    shown_at: Option<Instant>,
}

impl Screen {
    fn new(start: Instant, options: ViewOptions) -> Screen {
        // A machine without room for a decoder counts packets all the same.
        let decoder = if options.decode { Decoder::new().ok() } else { None };
        Screen {
            start,
            stats: ViewerStats::default(),
            video: Tally::default(),
            audio: Tally::default(),
            assembler: Assembler::default(),
            units: Vec::new(),
            decoder,
            blind: true,
            keyframe_asked: None,
            gaps_seen: 0,
            shown_at: None,
        }
    }

    fn take(&mut self, packet: &Packet) {
        self.stats.bytes += packet.payload.len() as u64;
        let of = match packet.kind {
            MediaKind::Audio => &mut self.stats.audio_of,
            MediaKind::Video => &mut self.stats.video_of,
        };
        of[packet.person.min(PEOPLE - 1)] += 1;
        if packet.person > 0 {
            return;
        }
        match packet.kind {
            MediaKind::Audio => {
                self.audio.count(packet.sequence);
                self.stats.audio_packets += 1;
            }
            MediaKind::Video => {
                self.stats
                    .first_packet_ms
                    .get_or_insert_with(|| ms_since(self.start));
                self.video.count(packet.sequence);
                self.stats.video_packets += 1;
                let mut units = std::mem::take(&mut self.units);
                let Packet {
                    sequence,
                    rtp_time,
                    marker,
                    ..
                } = *packet;
                self.assembler
                    .push(sequence, rtp_time, marker, &packet.payload, &mut units);
                units.drain(..).for_each(|unit| self.show(&unit));
                self.units = units;
            }
        }
        self.stats.lost = self.video.lost() + self.audio.lost();
    }

    fn show(&mut self, unit: &AccessUnit) {
        self.stats.frames += 1;
        if unit.keyframe {
            self.blind = false;
            self.stats.keyframes += 1;
            self.stats
                .first_frame_ms
                .get_or_insert_with(|| ms_since(self.start));
        }
        if self.blind {
            return;
        }
        let Some(decoder) = &mut self.decoder else { return };
        let Ok(Some(picture)) = decoder.decode(&unit.annex_b) else {
            return;
        };
        self.stats.decoded += 1;
        let shown_at = self.shown_at.replace(now());
        let still = shown_at.map_or(0, ms_since);
        self.stats.freeze_ms_max = self.stats.freeze_ms_max.max(still);
        self.stats
            .first_picture_ms
            .get_or_insert_with(|| ms_since(self.start));
        let (width, height) = picture.dimensions();
        (self.stats.width, self.stats.height) = (width as u32, height as u32);
        if let Some(clock) = strip::read(picture.y(), picture.strides().0, width, height) {
            let latency_ms = (wall_ms() as u32).wrapping_sub(clock);
            if latency_ms <= LATENCY_MS_MAX {
                self.stats.latency_ms = Some(latency_ms);
                self.stats.latency_ms_max = self.stats.latency_ms_max.max(latency_ms);
            }
        }
    }

    /// Whether it is time to ask for a keyframe, as a browser does when it has nothing to show.
    fn wants_keyframe(&mut self) -> bool {
        if self.assembler.gaps() != self.gaps_seen {
            self.gaps_seen = self.assembler.gaps();
            self.blind = true;
        }
        let asked = self.keyframe_asked.unwrap_or(self.start);
        let wants = self.blind
            && self.stats.video_packets > 0
            && now().saturating_duration_since(asked) >= WANT_KEYFRAME_EVERY;
        if wants {
            self.keyframe_asked = Some(now());
        }
        wants
    }
}
