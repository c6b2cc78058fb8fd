//! A track: where protocols meet. One codec, one clock, packets shared by all who read them.
//!
//! Whatever brings media in pushes packets; each reader holds a [`Lane`], a cursor of its own, and
//! takes what it has not had yet, renumbered so that it looks like one unbroken stream. A packet's
//! payload is never copied.
//!
//! Invariants: a reader of video starts on a keyframe; what a lane puts out has sequence numbers
//! that begin below 2^15 (an SRTP receiver must begin with rollover counter zero, RFC 3711 §3.3.1)
//! and times that never jump back, also when the source is replaced by another.

mod gather;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use h264_reader::nal::sps::SeqParameterSet;
use h264_reader::rbsp::{BitReader, decode_nal};
use str0m::format::{detect_h264_keyframe, detect_h264_nalu};
use str0m::rtp::VideoOrientation;

/// The most that is kept for those who join, in bytes of payload. Beyond it a join asks for a keyframe.
const KEPT_BYTES_MAX: usize = 1 << 20;
/// The oldest keyframe from which a join may start: more would be a burst that the joiner waits for.
const KEPT_AGE_MAX: Duration = Duration::from_secs(4);
/// A bound against tiny packets, which the bound on bytes would let through.
const KEPT_PACKETS_MAX: usize = 4_096;
/// The least time between two requests for a keyframe: each costs the source several frames of bitrate.
const KEYFRAME_REQUEST_GAP: Duration = Duration::from_millis(800);
/// How many times faster than life a late joiner's past is played, so that it arrives in the present.
const CATCH_UP_SPEED: u64 = 32;
/// A source that has sent nothing for so long is not to be counted on.
const FLOWING_MAX: Duration = Duration::from_millis(1_500);
/// H.264 NAL unit type of a sequence parameter set (ITU-T H.264 table 7-1).
const NAL_SPS: u8 = 7;
/// Single-time aggregation packet (RFC 6184 §5.7.1).
const STAP_A: u8 = 24;

/// What a track carries. One codec each: H.264 (RFC 6184) and Opus (RFC 7587).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrackKind {
    Audio,
    Video,
}

impl TrackKind {
    /// Ticks of the RTP clock in a second.
    pub const fn clock_hz(self) -> u64 {
        match self {
            Self::Audio => 48_000,
            Self::Video => 90_000,
        }
    }
}

/// One RTP packet's worth of media, as it came in.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Extended sequence number of the source.
    pub seq: u64,
    /// Extended time of the source, in ticks of the track's clock.
    pub time: u64,
    /// End of a frame (video), start of a talkspurt (audio).
    pub marker: bool,
    /// How the picture is to be turned, when the camera says so.
    pub orientation: Option<VideoOrientation>,
    /// When it was captured, by the source's clock, where it has said so (RTCP sender reports).
    pub captured: Option<SystemTime>,
    /// When the moment it shows was, by this machine's clock: when it came, or better.
    pub wall: Instant,
    pub payload: Arc<[u8]>,
}

/// What is known of a track, for statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrackFigures {
    /// Over the last full second.
    pub bitrate_bps: u64,
    /// Over the last full second.
    pub frames_per_s: u32,
    pub packets: u64,
    /// Numbers of the source that never came, also not on request.
    pub lost: u64,
    /// Since the latest keyframe came.
    pub keyframe_age: Option<Duration>,
    /// Between the latest keyframe and the one before.
    pub keyframe_gap: Option<Duration>,
}

/// The packets of one source after another, kept from the latest keyframe on.
#[derive(Debug)]
pub struct Track {
    kind: TrackKind,
    source: u32,
    /// H.264 `profile-level-id` of the present source (RFC 6184 §8.1).
    profile: Option<u32>,
    kept: VecDeque<Packet>,
    kept_bytes: usize,
    /// Index of the first packet kept; indexes count every packet ever pushed.
    first: u64,
    /// Index at which a joiner may start.
    keyframe: Option<u64>,
    keyframe_at: Option<Instant>,
    keyframe_gap: Option<Duration>,
    /// When the latest packet came.
    heard_at: Option<Instant>,
    /// Of the picture, in pixels; 0 before it is known.
    height: u16,
    wanted: bool,
    asked_at: Option<Instant>,
    numbering: gather::Numbering,
    meter: Meter,
}

impl Track {
    pub fn new(kind: TrackKind) -> Self {
        Self {
            kind,
            source: 0,
            profile: None,
            kept: VecDeque::new(),
            kept_bytes: 0,
            first: 0,
            keyframe: None,
            keyframe_at: None,
            keyframe_gap: None,
            heard_at: None,
            height: 0,
            wanted: false,
            asked_at: None,
            numbering: gather::Numbering::default(),
            meter: Meter::default(),
        }
    }

    /// One of several tracks of the same picture; a reader can go from one to another.
    pub fn layer(number: u8) -> Self {
        Self {
            source: u32::from(number) << 24,
            ..Self::new(TrackKind::Video)
        }
    }

    pub fn kind(&self) -> TrackKind {
        self.kind
    }

    /// In pixels; 0 before it is known.
    pub fn height(&self) -> u16 {
        self.height
    }

    /// Whether packets of the present source have come lately.
    pub fn is_flowing(&self, now: Instant) -> bool {
        self.heard_at
            .is_some_and(|at| now.duration_since(at) < FLOWING_MAX)
    }

    /// Whether a keyframe has come after `since`, from which a reader can start.
    pub fn has_keyframe_since(&self, since: Instant) -> bool {
        self.keyframe.is_some() && self.keyframe_at.is_some_and(|at| at >= since)
    }

    pub fn profile(&self) -> Option<u32> {
        self.profile
    }

    /// A new source takes the track over: lanes start anew on its first keyframe.
    pub fn replace_source(&mut self, profile: Option<u32>) {
        self.source = self.source.wrapping_add(1);
        self.profile = profile;
        self.forget();
        self.keyframe_at = None;
        self.keyframe_gap = None;
        self.heard_at = None;
        self.wanted = self.kind == TrackKind::Video;
        self.asked_at = None;
        self.numbering = gather::Numbering::default();
        self.meter = Meter::default();
    }

    /// Takes a packet of the present source. Says whether it is the first of a keyframe.
    pub fn push(&mut self, mut packet: Packet, now: Instant) -> bool {
        self.meter.count(&packet, now);
        self.heard_at = Some(now);
        let Some(number) = self.numbering.of(packet.seq) else {
            return false;
        };
        packet.seq = number;
        let starts = self.kind == TrackKind::Video && self.starts_keyframe(&packet);
        if starts && let Some(height) = height_of(&packet.payload) {
            self.height = height;
        }
        self.kept_bytes += packet.payload.len();
        self.kept.push_back(packet);
        if starts {
            self.keyframe = Some(self.first_of_last_frame());
            let former = self.keyframe_at.replace(now);
            self.keyframe_gap = former.map(|former| now.duration_since(former));
            self.wanted = false;
        }
        starts
    }

    /// Whether the packet opens a keyframe that is not already open.
    fn starts_keyframe(&self, packet: &Packet) -> bool {
        let opens = detect_h264_nalu(&packet.payload, NAL_SPS) || detect_h264_keyframe(&packet.payload);
        let open = self.keyframe.and_then(|index| self.get(index));
        opens && open.is_none_or(|first| first.time != packet.time)
    }

    /// Parts of a frame may come in any order: its first packet in the order of arrival.
    fn first_of_last_frame(&self) -> u64 {
        let time = self.kept.back().map(|p| p.time);
        let length = self
            .kept
            .iter()
            .rev()
            .take_while(|p| Some(p.time) == time)
            .count();
        self.end() - length as u64
    }

    /// Index after the newest packet.
    pub fn end(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    fn get(&self, index: u64) -> Option<&Packet> {
        self.kept
            .get(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }

    /// Drops what no joiner will need. Every live lane has had everything; those that are behind have had all
    /// before `needed`.
    pub fn trim(&mut self, now: Instant, needed: u64) {
        let over = |times: usize| {
            self.kept_bytes > times * KEPT_BYTES_MAX || self.kept.len() > times * KEPT_PACKETS_MAX
        };
        let old = self
            .keyframe_at
            .is_none_or(|at| now.duration_since(at) > KEPT_AGE_MAX);
        let until = match self.keyframe {
            _ if over(2) => self.end(),
            // Who is still behind it goes on from it.
            Some(keyframe) if !old && !over(1) => keyframe,
            _ => {
                self.keyframe = None;
                needed.min(self.end())
            }
        };
        while self.first < until {
            self.drop_first();
        }
        self.keyframe = self.keyframe.filter(|keyframe| *keyframe >= self.first);
        if self.kept.is_empty() {
            self.kept.shrink_to(256);
        }
    }

    /// Drops everything, and with it the place to start from.
    fn forget(&mut self) {
        self.first = self.end();
        self.kept.clear();
        self.kept_bytes = 0;
        self.keyframe = None;
    }

    fn drop_first(&mut self) {
        if let Some(packet) = self.kept.pop_front() {
            self.first += 1;
            self.kept_bytes -= packet.payload.len();
        }
    }

    /// A reader cannot go on, or start, without a keyframe.
    pub fn want_keyframe(&mut self) {
        self.wanted = true;
    }

    pub fn wants_keyframe(&self) -> bool {
        self.wanted
    }

    /// Whether a joiner has to wait for a keyframe to be made.
    pub fn lacks_keyframe(&self) -> bool {
        self.kind == TrackKind::Video && self.keyframe.is_none()
    }

    /// Whether the source should be asked for a keyframe now; if so, counts it as asked.
    pub fn ask_keyframe(&mut self, now: Instant) -> bool {
        let due = self.keyframe_ask_at(now).is_some_and(|at| at <= now);
        if due {
            self.asked_at = Some(now);
        }
        due
    }

    /// When the source is to be asked (again) for a keyframe that somebody wants.
    pub fn keyframe_ask_at(&self, now: Instant) -> Option<Instant> {
        self.wanted
            .then(|| self.asked_at.map_or(now, |at| at + KEYFRAME_REQUEST_GAP))
    }

    /// Since the latest keyframe of the present source came.
    pub fn keyframe_age(&self, now: Instant) -> Option<Duration> {
        self.keyframe_at.map(|at| now.duration_since(at))
    }

    pub fn figures(&self, now: Instant) -> TrackFigures {
        TrackFigures {
            keyframe_age: self.keyframe_age(now),
            keyframe_gap: self.keyframe_gap,
            ..self.meter.figures(now)
        }
    }
}

/// Counts of one source.
#[derive(Debug, Default)]
struct Meter {
    window: Option<Instant>,
    bytes: u64,
    frames: u32,
    figures: TrackFigures,
    seq_first: Option<u64>,
    seq_last: u64,
    time_last: Option<u64>,
}

impl Meter {
    fn count(&mut self, packet: &Packet, now: Instant) {
        let window = *self.window.get_or_insert(now);
        let elapsed = now.duration_since(window);
        if elapsed >= Duration::from_secs(1) {
            let per_s = |count: u64| (count as f64 / elapsed.as_secs_f64()).round() as u64;
            self.figures.bitrate_bps = per_s(self.bytes * 8);
            self.figures.frames_per_s = per_s(u64::from(self.frames)) as u32;
            (self.window, self.bytes, self.frames) = (Some(now), 0, 0);
        }
        self.bytes += packet.payload.len() as u64;
        if self.time_last.is_none_or(|time| packet.time > time) {
            self.frames += 1;
            self.time_last = Some(packet.time);
        }
        self.figures.packets += 1;
        self.seq_first.get_or_insert(packet.seq);
        self.seq_last = self.seq_last.max(packet.seq);
    }

    fn figures(&self, now: Instant) -> TrackFigures {
        let mut figures = self.figures;
        if self
            .window
            .is_none_or(|window| now.duration_since(window) > Duration::from_secs(3))
        {
            (figures.bitrate_bps, figures.frames_per_s) = (0, 0);
        }
        let numbered = self
            .seq_first
            .map_or(0, |first| (self.seq_last + 1).saturating_sub(first));
        figures.lost = numbered.saturating_sub(figures.packets);
        figures
    }
}

/// A packet as one reader gets it.
#[derive(Debug)]
pub struct Renumbered<'a> {
    pub seq: u64,
    /// Low 32 bits of the lane's time.
    pub time: u32,
    /// The moment that `time` stands for.
    pub wall: Instant,
    pub packet: &'a Packet,
}

/// One reader's place in a track.
#[derive(Debug)]
pub struct Lane {
    cursor: u64,
    start: Option<Start>,
    seq_next: u64,
    time_last: u64,
    /// The moment that `time_last` stands for.
    wall_last: Option<Instant>,
}

/// How the present source's numbers become the lane's.
#[derive(Debug)]
struct Start {
    source: u32,
    seq_in: u64,
    seq_out: u64,
    time_in: u64,
    time_out: u64,
    /// Time of the source up to which the past is compressed, and the moment it stands for.
    edge: u64,
    edge_wall: Instant,
}

impl Lane {
    /// A lane whose numbers begin at values made of `seed`, as RFC 3550 §5.1 asks for.
    pub fn new(seed: u64) -> Self {
        Self {
            cursor: 0,
            start: None,
            seq_next: 1 + (seed & 0x3fff),
            time_last: (seed >> 16) & 0x7fff_ffff,
            wall_last: None,
        }
    }

    /// Places the lane where a new reader starts: at the keyframe kept, or at whatever comes next.
    pub fn join(&mut self, track: &Track) {
        self.cursor = track.keyframe.unwrap_or_else(|| track.end());
        self.start = None;
    }

    /// Index of the next packet it will take.
    pub fn needs(&self) -> u64 {
        self.cursor
    }

    /// Whether the lane has had all that the track has.
    pub fn is_live(&self, track: &Track) -> bool {
        self.cursor >= track.end()
    }

    /// Whether the lane can go on only with a keyframe, and there is none.
    pub fn is_stuck(&self, track: &Track) -> bool {
        track.lacks_keyframe() && (self.cursor < track.first || !self.has_started(track))
    }

    /// Whether the lane has put anything out of the present source.
    pub fn has_started(&self, track: &Track) -> bool {
        self.start
            .as_ref()
            .is_some_and(|start| start.source == track.source)
    }

    /// The next packet for this reader, renumbered; `None` when it has had all that it can use.
    pub fn next<'a>(&mut self, track: &'a Track) -> Option<Renumbered<'a>> {
        // What came between may have been dropped while this reader was catching up.
        if self.cursor < track.first || !self.has_started(track) {
            self.begin(track)?;
        }
        loop {
            let packet = track.get(self.cursor)?;
            self.cursor += 1;
            if let Some(out) = self.renumber(track.kind, packet) {
                return Some(out);
            }
        }
    }

    /// Anchors the lane's numbers to the present source where a reader can start, if it can.
    fn begin(&mut self, track: &Track) -> Option<()> {
        self.cursor = match track.kind {
            TrackKind::Video => track.keyframe.unwrap_or_else(|| track.end()),
            TrackKind::Audio => self.cursor.max(track.first),
        };
        let packet = track.get(self.cursor)?;
        let frame = track.kept.iter().skip((self.cursor - track.first) as usize);
        let seq_in = frame.take_while(|p| p.time == packet.time).map(|p| p.seq).min();
        // Sound is never hurried: it could be heard.
        let newest = match track.kind {
            TrackKind::Video => track.kept.iter().max_by_key(|p| p.time).unwrap_or(packet),
            TrackKind::Audio => packet,
        };
        let past = newest.time.saturating_sub(packet.time);
        // The lane's own time goes on by what has really passed since it last put something out.
        let gap = self.wall_last.map_or(0, |last| {
            ticks(newest.wall.saturating_duration_since(last), track.kind).max(track.kind.clock_hz() / 100)
        });
        self.start = Some(Start {
            source: track.source,
            seq_in: seq_in.unwrap_or(packet.seq),
            seq_out: self.seq_next,
            time_in: packet.time,
            time_out: self.time_last + gap.saturating_sub(past / CATCH_UP_SPEED).max(u64::from(gap > 0)),
            edge: newest.time,
            edge_wall: newest.wall,
        });
        Some(())
    }

    /// `None` for what the source sent before this reader started, and came late.
    fn renumber<'a>(&mut self, kind: TrackKind, packet: &'a Packet) -> Option<Renumbered<'a>> {
        let start = self.start.as_ref()?;
        let seq = start.seq_out + packet.seq.checked_sub(start.seq_in)?;
        let since = packet.time.checked_sub(start.time_in)?;
        let past = start.edge - start.time_in;
        let (time, wall) = if since < past {
            let time = start.time_out + since / CATCH_UP_SPEED;
            let before = past / CATCH_UP_SPEED - since / CATCH_UP_SPEED;
            let wall = start
                .edge_wall
                .checked_sub(duration(before, kind))
                .unwrap_or(start.edge_wall);
            (time, wall)
        } else {
            (
                start.time_out + past / CATCH_UP_SPEED + (since - past),
                packet.wall,
            )
        };
        self.seq_next = self.seq_next.max(seq + 1);
        if time >= self.time_last {
            self.time_last = time;
            self.wall_last = Some(wall);
        }
        Some(Renumbered {
            seq,
            time: time as u32,
            wall,
            packet,
        })
    }
}

/// The height of the pictures that a payload's sequence parameter set announces.
fn height_of(payload: &[u8]) -> Option<u16> {
    let kind = |nal: &[u8]| nal.first().map(|header| header & 0x1f);
    let sps = match kind(payload)? {
        NAL_SPS => payload,
        STAP_A => {
            let mut rest = &payload[1..];
            loop {
                let (length, after) = rest.split_first_chunk::<2>()?;
                let (nal, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
                if kind(nal) == Some(NAL_SPS) {
                    break nal;
                }
                rest = after;
            }
        }
        _ => return None,
    };
    let bits = decode_nal(sps).ok()?;
    let read = SeqParameterSet::from_bits(BitReader::new(&*bits)).ok()?;
    u16::try_from(read.pixel_dimensions().ok()?.1).ok()
}

fn ticks(duration: Duration, kind: TrackKind) -> u64 {
    (duration.as_micros() as u64).saturating_mul(kind.clock_hz()) / 1_000_000
}

fn duration(ticks: u64, kind: TrackKind) -> Duration {
    Duration::from_micros(ticks.saturating_mul(1_000_000) / kind.clock_hz())
}

#[cfg(test)]
#[path = "track_tests.rs"]
mod tests;
