//! One WebRTC peer, over str0m in RTP mode: answers an offer, then turns datagrams into packets of
//! media and packets into datagrams. Does no I/O and reads no clock.
//!
//! Invariant of str0m that is kept here: after each change to a peer, [`Peer::drain`] is called until
//! it says when the peer is due next, before the next change. Writes in a row count as one change.

use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};

use str0m::bwe::{Bitrate, BweKind};
use str0m::change::SdpOffer;
use str0m::media::{KeyframeRequestKind, Mid, Pt, Rid};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, Ssrc};
use str0m::{Candidate, Event, IceConnectionState, IceCreds, Input, Output, Rtc};

use super::demux;
use super::sdp::{self, OfferRefused};
pub use super::setup::Setup;
use crate::stage::{From, LAYERS_MAX, SEATS_MAX};
use crate::track::{Lane, Packet, Track, TrackKind};

/// Addresses a peer may be heard from: a browser's network interfaces, twice over.
const REMOTES_MAX: usize = 16;
/// Streams of a publisher that are remembered: sound, layers, and as many again.
const STREAMS_MAX: usize = 8;
/// The streams that the tracks of an answer are in, one for each person.
const STREAM: &str = "busk";

/// Where a datagram goes or comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Remote {
    pub tcp: bool,
    pub address: SocketAddr,
}

impl Remote {
    fn protocol(self) -> Protocol {
        if self.tcp { Protocol::Tcp } else { Protocol::Udp }
    }
}

/// Takes the datagrams that peers put out.
pub trait Wire {
    /// `from` is the local address to send from, where it is known.
    fn send(&mut self, to: Remote, from: Option<IpAddr>, bytes: &[u8]);
    /// Nothing more goes to this remote.
    fn close(&mut self, to: Remote);
}

/// Which way media flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// They publish, by WHIP.
    In,
    /// They view, by WHEP; `adaptive` when there is something to choose from for them, so that the line's
    /// capacity has to be known.
    Out { adaptive: bool },
}

/// What a peer has to say.
#[derive(Debug)]
pub enum Heard {
    Connected,
    /// The peer is gone and will not come back; nothing more is said.
    Gone,
    Packet(From, Packet),
    /// Of the picture on this line.
    KeyframeWanted(usize),
    /// What the line to the peer bears, in bits a second.
    Estimate(u64),
    /// What a packet and the answer to it take together (RTCP XR DLRR, RFC 3611 §4.5).
    RoundTrip(Duration),
}

/// The line of an answer that one kind of media is on.
#[derive(Debug)]
struct Line {
    mid: Mid,
    /// Payload types with the H.264 profile each stands for.
    payload_types: Vec<(Pt, Option<u32>)>,
}

impl Line {
    /// All lines of a kind, in the order of the offer.
    fn all(answer: &str, kind: TrackKind) -> Vec<Self> {
        let (name, fits): (_, fn(&sdp::Codec<'_>) -> bool) = match kind {
            TrackKind::Video => ("video", |c| c.is_h264()),
            TrackKind::Audio => ("audio", |c| c.is_opus()),
        };
        let sections = sdp::sections(answer);
        let usable = sections
            .iter()
            .filter(|s| s.is_live(name) && s.codecs.iter().any(fits));
        let line = |section: &sdp::Section<'_>| {
            let codecs = section.codecs.iter().filter(|codec| fits(codec));
            Self {
                mid: section.mid.into(),
                payload_types: codecs.map(|c| (c.payload_type.into(), c.profile())).collect(),
            }
        };
        usable.map(line).take(SEATS_MAX).collect()
    }

    /// The payload type for a source of this profile: its own, else the most compatible. Decoders take
    /// what the stream's parameter sets say, not what was negotiated, so a near match still plays.
    fn payload_type(&self, profile: Option<u32>) -> Option<Pt> {
        let same = |p: &Option<u32>| p.map(|p| p >> 8) == profile.map(|p| p >> 8);
        let exact = self.payload_types.iter().find(|(_, p)| same(p));
        exact
            .or(self.payload_types.first())
            .map(|(payload_type, _)| *payload_type)
    }
}

/// An accepted offer's answer.
pub struct Answered {
    pub peer: Peer,
    pub sdp: String,
    /// Our ICE user name fragment: what their first datagram is known by.
    pub ufrag: String,
}

/// New ICE credentials of ours, after a restart.
pub struct Restarted {
    pub ufrag: String,
    pub fragment: String,
}

pub struct Peer {
    rtc: Rtc,
    direction: Direction,
    /// A person's picture each; there is at least one.
    video: Vec<Line>,
    audio: Vec<Line>,
    offer: Box<str>,
    /// Layers of the picture that a publisher may send, and those that have come.
    layers: usize,
    rids: Vec<Rid>,
    /// Streams that have come.
    incoming: Vec<(Ssrc, From)>,
    /// What the estimate of the line was told last.
    wishes: (u64, u64),
    /// Where the peer was heard from, with our own address that it came to.
    remotes: Vec<(Remote, Option<IpAddr>)>,
    connected: bool,
    gone: bool,
}

/// Reads an offer, if it is one that can be served; with its text as it is gone on with.
pub fn read_offer(offer: &str, direction: Direction) -> Result<(SdpOffer, String), OfferRefused> {
    let they_send = direction == Direction::In;
    sdp::check_offer(offer, they_send)?;
    let offer = sdp::one_way(offer, they_send);
    let parsed = SdpOffer::from_sdp_string(&offer);
    let parsed = parsed.map_err(|error| OfferRefused::Malformed(error.to_string()))?;
    Ok((parsed, offer))
}

impl Peer {
    /// Answers an offer. `thread` is the number that the ICE user name fragment is marked with.
    pub fn answer(
        setup: &Setup,
        direction: Direction,
        offer: &str,
        thread: usize,
        now: Instant,
    ) -> Result<Answered, OfferRefused> {
        let (parsed, offer) = read_offer(offer, direction)?;
        let malformed = |error: &dyn std::fmt::Display| OfferRefused::Malformed(error.to_string());
        let mut credentials = IceCreds::new();
        credentials.ufrag = demux::mark(thread, &credentials.ufrag);
        let ufrag = credentials.ufrag.clone();
        let mut rtc = setup
            .config(direction)
            .set_local_ice_credentials(credentials)
            .build(now);
        for address in &setup.advertised {
            let udp = Candidate::builder().udp().host(*address).build();
            let tcp = Candidate::builder()
                .tcp()
                .tcptype(TcpType::Passive)
                .host(*address)
                .build();
            for candidate in [udp, tcp] {
                rtc.add_local_candidate(candidate.map_err(|e| malformed(&e))?);
            }
        }
        let answer = guarded(|| rtc.sdp_api().accept_offer(parsed))
            .ok_or_else(|| malformed(&"it could not be read"))?
            .map_err(|e| malformed(&e))?;
        let sdp = sdp::only_muxed(&sdp::join_streams(&answer.to_sdp_string(), STREAM));
        let (video, audio) = (
            Line::all(&sdp, TrackKind::Video),
            Line::all(&sdp, TrackKind::Audio),
        );
        if video.is_empty() {
            return Err(OfferRefused::NoH264);
        }
        if audio.is_empty() {
            return Err(OfferRefused::NoOpus);
        }
        let peer = Self {
            rtc,
            direction,
            video,
            audio,
            offer: offer.into(),
            layers: sdp::layers(&sdp).clamp(1, LAYERS_MAX),
            rids: Vec::new(),
            incoming: Vec::new(),
            wishes: (0, 0),
            remotes: Vec::new(),
            connected: false,
            gone: false,
        };
        Ok(Answered { peer, sdp, ufrag })
    }

    /// H.264 `profile-level-id` that a publisher was answered first, which is what it will send.
    pub fn profile(&self) -> Option<u32> {
        let first = self.video.first()?.payload_types.first();
        first.and_then(|(_, profile)| *profile)
    }

    /// In how many layers a publisher may send its picture.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// How many people's pictures and sounds the peer has lines for.
    pub fn seats(&self) -> usize {
        self.video.len().max(self.audio.len())
    }

    pub fn is_connected(&self) -> bool {
        self.connected
    }

    pub fn remotes(&self) -> impl Iterator<Item = Remote> {
        self.remotes.iter().map(|(remote, _)| *remote)
    }

    /// Remembers a remote that proved to be this peer; the one that is forgotten for it, if any.
    pub fn learn(&mut self, remote: Remote, local: Option<IpAddr>) -> Option<Remote> {
        let oldest = (self.remotes.len() == REMOTES_MAX).then(|| self.remotes.remove(0).0);
        self.remotes.push((remote, local));
        oldest
    }

    /// The remote has become another peer's.
    pub fn unlearn(&mut self, remote: Remote) {
        self.remotes.retain(|(known, _)| *known != remote);
    }

    /// Whether a datagram from an address not seen before is from this peer: it is a STUN message with
    /// an integrity made of the password that only this peer was told.
    pub fn accepts(
        &self,
        setup: &Setup,
        from: Remote,
        to: Option<IpAddr>,
        bytes: &[u8],
        now: Instant,
    ) -> bool {
        let Some(input) = receive(setup, from, to, bytes) else {
            return false;
        };
        guarded(|| self.rtc.accepts(&Input::Receive(now, input))).unwrap_or(false)
    }

    /// Takes a datagram. What cannot be read is ignored.
    pub fn receive(&mut self, setup: &Setup, from: Remote, to: Option<IpAddr>, bytes: &[u8], now: Instant) {
        let Some(input) = receive(setup, from, to, bytes) else {
            return;
        };
        let rtc = &mut self.rtc;
        match guarded(|| rtc.handle_input(Input::Receive(now, input))) {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::debug!(%error, "a datagram was refused"),
            None => self.gone = true,
        }
    }

    /// Time has passed, or packets were written that are to go out.
    pub fn tick(&mut self, now: Instant) {
        let rtc = &mut self.rtc;
        match guarded(|| rtc.handle_input(Input::Timeout(now))) {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "a peer failed");
                self.gone = true;
            }
            None => self.gone = true,
        }
    }

    /// Puts out what there is to send and to say; the time at which the peer is due again.
    pub fn drain(&mut self, wire: &mut impl Wire, heard: &mut Vec<Heard>) -> Option<Instant> {
        let deadline = loop {
            if self.gone {
                break None;
            }
            let rtc = &mut self.rtc;
            match guarded(|| rtc.poll_output()) {
                Some(Ok(Output::Timeout(at))) => break Some(at),
                Some(Ok(Output::Transmit(transmit))) => {
                    let tcp = transmit.proto != Protocol::Udp;
                    let to = Remote {
                        tcp,
                        address: transmit.destination,
                    };
                    let from = self
                        .remotes
                        .iter()
                        .find(|(remote, _)| *remote == to)
                        .and_then(|(_, from)| *from);
                    wire.send(to, from, &transmit.contents);
                }
                Some(Ok(Output::Event(event))) => self.hear(event, heard),
                Some(Err(_)) | None => self.gone = true,
            }
        };
        if self.gone || !self.rtc.is_alive() {
            self.gone = true;
            heard.push(Heard::Gone);
            return None;
        }
        deadline
    }

    fn hear(&mut self, event: Event, heard: &mut Vec<Heard>) {
        match event {
            Event::Connected => {
                self.connected = true;
                heard.push(Heard::Connected);
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) | Event::Closed => {
                heard.push(Heard::Gone);
            }
            Event::RtpPacket(packet) if self.direction == Direction::In => {
                if let Some(from) = self.source_of(&packet) {
                    heard.push(Heard::Packet(from, taken(packet)));
                }
            }
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => {
                heard.push(Heard::Estimate(estimate.as_u64()));
            }
            Event::MediaIngressStats(stats) => heard.extend(stats.rtt.map(Heard::RoundTrip)),
            Event::KeyframeRequest(request) => {
                let line = self.video.iter().position(|line| line.mid == request.mid);
                heard.extend(line.map(Heard::KeyframeWanted));
            }
            _ => {}
        }
    }

    fn source_of(&mut self, packet: &RtpPacket) -> Option<From> {
        let ssrc = packet.header.ssrc;
        if let Some((_, from)) = self.incoming.iter().find(|(known, _)| *known == ssrc) {
            return Some(*from);
        }
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_rx(&ssrc)?;
        let (mid, rid) = (stream.mid(), stream.rid());
        let from = if self.audio.iter().any(|line| line.mid == mid) {
            From::Sound
        } else {
            From::Layer(rid.map_or(Some(0), |rid| self.layer(rid))?)
        };
        // A source that restarts an encoder may come with another number.
        self.incoming.truncate(STREAMS_MAX - 1);
        self.incoming.insert(0, (ssrc, from));
        Some(from)
    }

    /// The number of a layer, given when it first comes; `None` for one too many.
    fn layer(&mut self, rid: Rid) -> Option<usize> {
        if let Some(number) = self.rids.iter().position(|known| *known == rid) {
            return Some(number);
        }
        let number = self.rids.len();
        (number < self.layers).then(|| self.rids.push(rid))?;
        Some(number)
    }

    /// Asks a publisher for a keyframe of a layer (PLI, RFC 4585 §6.3.1). Tick and drain after it.
    pub fn request_keyframe(&mut self, layer: usize) {
        let rid = self.rids.get(layer).copied();
        let mut direct = self.rtc.direct_api();
        if let Some(line) = self.video.first()
            && let Some(stream) = direct.stream_rx_by_mid(line.mid, rid)
        {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Has the line probed for what the next better choice and the best one would take, in bits a second.
    pub fn wish(&mut self, next_bps: u64, best_bps: u64) {
        let near = |a: u64, b: u64| a.abs_diff(b) * 20 <= a.max(b);
        if near(self.wishes.0, next_bps) && near(self.wishes.1, best_bps) {
            return;
        }
        self.wishes = (next_bps, best_bps);
        self.rtc
            .bwe()
            .set_bitrate(Bitrate::from(next_bps), Bitrate::from(best_bps));
    }

    /// Hands over packets of a seat's track to be sent, at most so many; how many there were. Tick and drain
    /// after it.
    pub fn write(&mut self, seat: usize, track: &Track, lane: &mut Lane, packets_max: usize) -> usize {
        let lines = match track.kind() {
            TrackKind::Video => &self.video,
            TrackKind::Audio => &self.audio,
        };
        let Some(line) = lines.get(seat) else {
            return 0;
        };
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(line.mid, None);
        let (Some(payload_type), Some(stream)) = (line.payload_type(track.profile()), stream) else {
            return 0;
        };
        let mut written = 0;
        while written < packets_max
            && let Some(out) = lane.next(track)
        {
            let extensions = ExtensionValues {
                video_orientation: out.packet.orientation,
                ..ExtensionValues::default()
            };
            let payload = out.packet.payload.clone();
            let write = RtpWrite::new(payload_type, out.seq.into(), out.time, out.wall, payload)
                .marker(out.packet.marker)
                .nackable(track.kind() == TrackKind::Video)
                .ext_vals(extensions);
            stream.write_rtp(write);
            written += 1;
        }
        written
    }

    /// Restarts ICE for a fragment with other credentials than those so far (RFC 9725 §4.3.3).
    pub fn restart(
        &mut self,
        fragment: &sdp::Fragment<'_>,
        thread: usize,
    ) -> Result<Restarted, OfferRefused> {
        let offer = sdp::with_credentials(&self.offer, fragment);
        let malformed = |error: &dyn std::fmt::Display| OfferRefused::Malformed(error.to_string());
        let parsed = SdpOffer::from_sdp_string(&offer).map_err(|e| malformed(&e))?;
        let rtc = &mut self.rtc;
        let answer = guarded(|| rtc.sdp_api().accept_offer(parsed))
            .ok_or_else(|| malformed(&"it could not be read"))?
            .map_err(|e| malformed(&e))?;
        // str0m made credentials of its own; ours say which thread the peer is on.
        let mut credentials = IceCreds::new();
        credentials.ufrag = demux::mark(thread, &credentials.ufrag);
        self.rtc
            .direct_api()
            .set_local_ice_credentials(credentials.clone());
        self.offer = offer.into();
        let mut text = format!(
            "a=ice-lite\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n",
            credentials.ufrag, credentials.pass
        );
        text.push_str("m=video 9 UDP/TLS/RTP/SAVPF 0\r\n");
        for line in self.video.iter().take(1) {
            text.push_str(&format!("a=mid:{}\r\n", line.mid));
        }
        for line in answer
            .to_sdp_string()
            .lines()
            .filter(|line| line.starts_with("a=candidate:"))
        {
            if !text.contains(line) {
                text.extend([line, "\r\n"]);
            }
        }
        text.push_str("a=end-of-candidates\r\n");
        Ok(Restarted {
            ufrag: credentials.ufrag,
            fragment: text,
        })
    }

    /// The fragment's credentials are those the peer already has: it only adds candidates, which an
    /// ICE-lite agent has no use for (RFC 8445 §2.5).
    pub fn knows(&self, fragment: &sdp::Fragment<'_>) -> bool {
        let has = |name: &str, value: &str| {
            self.offer
                .lines()
                .any(|line| line.trim_end().strip_prefix(name) == Some(value))
        };
        has("a=ice-ufrag:", fragment.ufrag) && has("a=ice-pwd:", fragment.password)
    }

    /// Says goodbye: RTCP BYE and DTLS close. Drain once more, then drop.
    pub fn close(&mut self) {
        let rtc = &mut self.rtc;
        if !matches!(guarded(|| rtc.close()), Some(Ok(()))) {
            self.gone = true;
        }
    }
}

fn receive<'a>(setup: &Setup, from: Remote, to: Option<IpAddr>, bytes: &'a [u8]) -> Option<Receive<'a>> {
    let local = setup.local(to, from.address)?;
    guarded(|| Receive::new(from.protocol(), from.address, local, bytes).ok())?
}

fn taken(packet: RtpPacket) -> Packet {
    Packet {
        seq: *packet.seq_no,
        time: packet.time.numer(),
        marker: packet.header.marker,
        orientation: packet.header.ext_vals.video_orientation,
        captured: captured(&packet),
        wall: packet.timestamp,
        payload: packet.payload,
    }
}

/// When the source says a packet's media was captured (RFC 3550 §6.4.1): its report names one moment by its
/// clock and by the track's.
fn captured(packet: &RtpPacket) -> Option<SystemTime> {
    let report = packet.last_sender_info.as_ref()?;
    // Both wrap at 32 bits, so the difference is taken there.
    let ticks = (packet.time.numer() as u32).wrapping_sub(report.rtp_time.numer() as u32) as i32;
    let apart = Duration::from_micros(
        u64::from(ticks.unsigned_abs()) * 1_000_000 / u64::from(packet.time.denom().max(1)),
    );
    if ticks < 0 {
        report.ntp_time.checked_sub(apart)
    } else {
        report.ntp_time.checked_add(apart)
    }
}

/// Nobody's bytes may stop the thread that serves everyone: a panic in the protocol's code ends this
/// peer only. `None` when there was one.
fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(call)).ok()
}
