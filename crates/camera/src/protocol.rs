//! A WebRTC peer that publishes or views, without I/O: bytes and the time go in; datagrams to send,
//! events and the next deadline come out. The peer makes the offer and controls ICE, as WHIP (RFC
//! 9725) and WHEP ask of a client; the server is ICE-lite.
//! Invariant: after any call that takes `&mut self`, [`Peer::poll`] is called until it says `Wait`.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::{Codec, PayloadParams};
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};

use crate::h264;

/// Room for RTP, its extensions and SRTP's tag within the 1 200 bytes WebRTC keeps a datagram to.
pub const PAYLOAD_BYTES_MAX: usize = 1_120;
const VIDEO_CLOCK_HZ: u64 = 90_000;
const AUDIO_CLOCK_HZ: u64 = 48_000;

#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    #[error("the answer is not SDP: {0}")]
    AnswerUnreadable(String),
    #[error("the answer does not fit the offer: {0}")]
    AnswerRefused(String),
    #[error("the server does not take {0:?}")]
    NoCodec(MediaKind),
    #[error("the connection broke: {0}")]
    Broken(#[from] str0m::RtcError),
    #[error("{0} is no address to connect from")]
    Address(SocketAddr),
}

/// Encoded media of one moment.
#[derive(Clone, Debug)]
pub struct Sample {
    pub kind: MediaKind,
    /// When it was taken, since the source began.
    pub media_us: u64,
    /// An Annex B access unit, or an Opus packet.
    pub bytes: Arc<[u8]>,
    pub keyframe: bool,
}

/// One RTP packet from the server.
#[derive(Debug)]
pub struct Packet {
    pub kind: MediaKind,
    /// Whose it is, by the order of the offer's lines.
    pub person: usize,
    /// Extended: it does not wrap.
    pub sequence: u64,
    pub rtp_time: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
}

#[derive(Debug)]
pub enum PeerOutput {
    /// Nothing more until this time, or until something arrives.
    Wait(Instant),
    Send {
        to: SocketAddr,
        datagram: Vec<u8>,
    },
    Connected,
    Packet(Packet),
    /// The server asks the publisher for a keyframe.
    KeyframeWanted,
    Closed,
}

/// The outgoing half of one track.
struct Outgoing {
    mid: Mid,
    rid: Option<Rid>,
    pt: Pt,
    sequence: u64,
}

pub struct Peer {
    rtc: Rtc,
    local: SocketAddr,
    pending: Option<SdpPendingOffer>,
    /// Pictures and sounds, by person.
    video: Vec<Mid>,
    audio: Vec<Mid>,
    /// Names of the layers in which the picture is sent; none for one alone.
    rids: Vec<Rid>,
    /// By kind, filled by the answer when publishing.
    outgoing: Vec<(MediaKind, Outgoing)>,
    /// The streams seen so far.
    incoming: Vec<(Ssrc, MediaKind, usize)>,
    publishes: bool,
    events: VecDeque<PeerOutput>,
}

impl Peer {
    /// A peer that sends one camera and one microphone, and its offer.
    pub fn publish(local: SocketAddr, now: Instant) -> Result<(Peer, String), PeerError> {
        Peer::offer(local, Direction::SendOnly, 1, &[], now)
    }

    /// The same with the picture in several layers (simulcast, RFC 8853), by name.
    pub fn publish_layers(
        local: SocketAddr,
        names: &[&str],
        now: Instant,
    ) -> Result<(Peer, String), PeerError> {
        Peer::offer(local, Direction::SendOnly, 1, names, now)
    }

    /// A peer that receives the cameras and microphones of so many people, and its offer.
    pub fn view(local: SocketAddr, people: usize, now: Instant) -> Result<(Peer, String), PeerError> {
        Peer::offer(local, Direction::RecvOnly, people.max(1), &[], now)
    }

    fn offer(
        local: SocketAddr,
        direction: Direction,
        people: usize,
        layers: &[&str],
        now: Instant,
    ) -> Result<(Peer, String), PeerError> {
        let mut config = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false);
        // Constrained baseline, as openh264 makes it and every browser takes it.
        config
            .codec_config()
            .add_h264(108.into(), Some(109.into()), true, 0x42e01f);
        let mut rtc = config.build(now);
        let host = Candidate::host(local, "udp").map_err(|_| PeerError::Address(local))?;
        rtc.add_local_candidate(host);
        let mut change = rtc.sdp_api();
        let simulcast = (!layers.is_empty()).then(|| {
            let mut simulcast = Simulcast::new();
            for name in layers {
                simulcast.add_send_layer(SimulcastLayer::new(name));
            }
            simulcast
        });
        let mut add =
            |kind, simulcast| change.add_media(kind, direction, Some("busk".into()), None, simulcast);
        let audio = (0..people).map(|_| add(MediaKind::Audio, None)).collect();
        let video = (0..people)
            .map(|_| add(MediaKind::Video, simulcast.clone()))
            .collect();
        let (offer, pending) = change
            .apply()
            .expect("two media were added, so there is something to offer");
        let peer = Peer {
            rtc,
            local,
            pending: Some(pending),
            video,
            audio,
            rids: layers.iter().map(|name| Rid::from(*name)).collect(),
            outgoing: Vec::new(),
            incoming: Vec::new(),
            publishes: direction == Direction::SendOnly,
            events: VecDeque::new(),
        };
        Ok((peer, offer.to_sdp_string()))
    }

    /// Takes the server's answer; ICE begins with the next poll.
    pub fn answer(&mut self, sdp: &str) -> Result<(), PeerError> {
        let answer = SdpAnswer::from_sdp_string(sdp)
            .map_err(|error| PeerError::AnswerUnreadable(error.to_string()))?;
        let Some(pending) = self.pending.take() else {
            return Err(PeerError::AnswerRefused("it was answered before".into()));
        };
        self.rtc
            .sdp_api()
            .accept_answer(pending, answer)
            .map_err(|error| PeerError::AnswerRefused(error.to_string()))?;
        if self.publishes {
            let tracks = [
                (MediaKind::Video, self.video[0], Codec::H264),
                (MediaKind::Audio, self.audio[0], Codec::Opus),
            ];
            for (kind, mid, codec) in tracks {
                let pt = self.negotiated(mid, codec).ok_or(PeerError::NoCodec(kind))?;
                let rids: Vec<Option<Rid>> = match kind {
                    MediaKind::Video if !self.rids.is_empty() => {
                        self.rids.iter().copied().map(Some).collect()
                    }
                    _ => vec![None],
                };
                self.outgoing.extend(rids.into_iter().map(|rid| {
                    let outgoing = Outgoing {
                        mid,
                        rid,
                        pt,
                        sequence: 1_000,
                    };
                    (kind, outgoing)
                }));
            }
        }
        Ok(())
    }

    fn negotiated(&self, mid: Mid, codec: Codec) -> Option<Pt> {
        let agreed = self.rtc.media(mid)?.remote_pts();
        let fits = |params: &&PayloadParams| params.spec().codec == codec && agreed.contains(&params.pt());
        self.rtc
            .codec_config()
            .params()
            .iter()
            .find(fits)
            .map(PayloadParams::pt)
    }

    /// Takes a datagram from the network. What is no WebRTC is ignored: anyone may send to a socket.
    pub fn receive(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) -> Result<(), PeerError> {
        if let Ok(receive) = Receive::new(Protocol::Udp, source, self.local, datagram) {
            self.rtc.handle_input(Input::Receive(now, receive))?;
        }
        Ok(())
    }

    /// Tells the time: at the deadline of `Wait`, or any earlier moment.
    pub fn tick(&mut self, now: Instant) -> Result<(), PeerError> {
        Ok(self.rtc.handle_input(Input::Timeout(now))?)
    }

    /// Sends one sample. Before the connection stands it goes nowhere.
    pub fn write(&mut self, now: Instant, sample: &Sample) -> Result<(), PeerError> {
        self.write_layer(now, 0, sample)
    }

    /// Sends one sample of a layer.
    pub fn write_layer(&mut self, now: Instant, layer: usize, sample: &Sample) -> Result<(), PeerError> {
        if !self.rtc.is_connected() {
            return Ok(());
        }
        match sample.kind {
            MediaKind::Video => {
                let rtp_time = (sample.media_us * VIDEO_CLOCK_HZ / 1_000_000) as u32;
                for payload in h264::packetise(&sample.bytes, PAYLOAD_BYTES_MAX) {
                    let bytes = payload.bytes.into();
                    self.write_packet(now, (sample.kind, layer), rtp_time, payload.marker, bytes)?;
                }
            }
            MediaKind::Audio => {
                let rtp_time = (sample.media_us * AUDIO_CLOCK_HZ / 1_000_000) as u32;
                self.write_packet(now, (sample.kind, 0), rtp_time, false, sample.bytes.clone())?;
            }
        }
        // str0m hands written packets out when it is next told the time.
        self.tick(now)
    }

    fn write_packet(
        &mut self,
        now: Instant,
        (kind, layer): (MediaKind, usize),
        rtp_time: u32,
        marker: bool,
        payload: Arc<[u8]>,
    ) -> Result<(), PeerError> {
        let mut of_kind = self.outgoing.iter_mut().filter(|(of, _)| *of == kind);
        let Some((_, outgoing)) = of_kind.nth(layer) else {
            return Ok(());
        };
        let sequence = outgoing.sequence;
        outgoing.sequence += 1;
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(outgoing.mid, outgoing.rid) {
            let write = RtpWrite::new(outgoing.pt, sequence.into(), rtp_time, now, payload);
            stream.write_rtp(write.marker(marker).nackable(kind == MediaKind::Video));
        }
        // Every change is drained before the next.
        loop {
            match self.step()? {
                PeerOutput::Wait(_) => return Ok(()),
                output => self.events.push_back(output),
            }
        }
    }

    /// Asks the server for a keyframe.
    pub fn want_keyframe(&mut self) {
        let video = self.video[0];
        if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(video, None) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Result<PeerOutput, PeerError> {
        match self.events.pop_front() {
            Some(output) => Ok(output),
            None => self.step(),
        }
    }

    fn step(&mut self) -> Result<PeerOutput, PeerError> {
        loop {
            let output = self.rtc.poll_output()?;
            if let Some(output) = self.translate(output) {
                return Ok(output);
            }
        }
    }

    fn translate(&mut self, output: Output) -> Option<PeerOutput> {
        match output {
            Output::Timeout(at) => Some(PeerOutput::Wait(at)),
            Output::Transmit(transmit) => Some(PeerOutput::Send {
                to: transmit.destination,
                datagram: transmit.contents.into(),
            }),
            Output::Event(Event::Connected) => Some(PeerOutput::Connected),
            Output::Event(Event::KeyframeRequest(_)) => Some(PeerOutput::KeyframeWanted),
            Output::Event(Event::RtpPacket(packet)) => {
                let (kind, person) = self.kind_of(packet.header.ssrc)?;
                Some(PeerOutput::Packet(Packet {
                    kind,
                    person,
                    sequence: *packet.seq_no,
                    rtp_time: packet.header.timestamp,
                    marker: packet.header.marker,
                    payload: packet.payload,
                }))
            }
            Output::Event(Event::Closed)
            | Output::Event(Event::IceConnectionStateChange(IceConnectionState::Disconnected)) => {
                Some(PeerOutput::Closed)
            }
            Output::Event(_) => None,
        }
    }

    fn kind_of(&mut self, ssrc: Ssrc) -> Option<(MediaKind, usize)> {
        if let Some((_, kind, person)) = self.incoming.iter().find(|(known, ..)| *known == ssrc) {
            return Some((*kind, *person));
        }
        let mid = self.rtc.direct_api().stream_rx(&ssrc)?.mid();
        let place = |mids: &[Mid]| mids.iter().position(|of| *of == mid);
        let (kind, person) = match place(&self.video) {
            Some(person) => (MediaKind::Video, person),
            None => (MediaKind::Audio, place(&self.audio)?),
        };
        // str0m itself bounds the number of streams of a connection.
        self.incoming.push((ssrc, kind, person));
        Some((kind, person))
    }

    /// Ends the connection: the server is told by DTLS.
    pub fn close(&mut self) -> Result<(), PeerError> {
        Ok(self.rtc.close()?)
    }
}
