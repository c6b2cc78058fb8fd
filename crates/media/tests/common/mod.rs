//! A WebRTC peer over real sockets for the tests: a camera that sends made-up H.264 and Opus, or a viewer
//! that writes down what it gets. Offers and answers go by hand, without HTTP.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read the clock and may fail"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use busk_base::{MediaSessionId, RoomId, Timestamp};
use busk_media::track::TrackKind;
use busk_media::{Config, Media, MediaEvent, Publish, View};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::sync::mpsc;

pub const FRAME: Duration = Duration::from_millis(33);
const PACKET: usize = 1_100;

/// A media plane on loopback and its events.
pub fn media(threads: usize) -> (Media, mpsc::Receiver<MediaEvent>) {
    let (sender, events) = mpsc::channel(256);
    let mut config = Config::new(
        SocketAddr::from(([127, 0, 0, 1], 0)),
        busk_base::Timestamp::from_unix_us(0),
    );
    config.threads = threads;
    config.viewers_per_room_max = 8;
    config.sessions_max = 16;
    (Media::start(&config, sender).unwrap(), events)
}

static NEXT: AtomicU64 = AtomicU64::new(1);

fn random() -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(
        &NEXT
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes(),
    );
    bytes
}

pub fn room() -> RoomId {
    RoomId::new(Timestamp::from_unix_us(0), random())
}

pub fn session() -> MediaSessionId {
    MediaSessionId::new(Timestamp::from_unix_us(0), random())
}

pub async fn event(events: &mut mpsc::Receiver<MediaEvent>) -> MediaEvent {
    tokio::time::timeout(Duration::from_secs(10), events.recv())
        .await
        .expect("an event in time")
        .unwrap()
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !so().await {
        assert!(Instant::now() < end, "never {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A packet as a viewer got it.
#[derive(Clone, Debug)]
pub struct Got {
    pub kind: TrackKind,
    pub seq: u64,
    pub time: u64,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    pub at: Instant,
}

impl Got {
    pub fn is_parameter_sets(&self) -> bool {
        self.payload[0] & 0x1f == 24
    }

    /// Number of the source's frame.
    pub fn frame(&self) -> u32 {
        let tail = &self.payload[self.payload.len() - 8..];
        u32::from_be_bytes(tail[..4].try_into().unwrap())
    }

    /// Part within the frame.
    pub fn part(&self) -> u32 {
        u32::from_be_bytes(self.payload[self.payload.len() - 4..].try_into().unwrap())
    }
}

#[derive(Default)]
pub struct Shared {
    pub got: Mutex<Vec<Got>>,
    pub connected: AtomicBool,
    pub stop: AtomicBool,
    /// Stop without a word, as when the power fails.
    pub vanish: AtomicBool,
    pub keyframes_asked: AtomicU64,
    pub keyframes_sent: AtomicU64,
    pub ask_keyframe: AtomicBool,
    /// Drop every nth packet that comes in.
    pub lose_every: AtomicU64,
    /// Set to make the peer begin an ICE restart; it then puts its new credentials here.
    pub restart: AtomicBool,
    pub credentials: Mutex<Option<(String, String)>>,
    /// The answer to the restart.
    pub restarted: Mutex<Option<String>>,
}

impl Shared {
    pub fn video(&self) -> Vec<Got> {
        self.got
            .lock()
            .unwrap()
            .iter()
            .filter(|got| got.kind == TrackKind::Video)
            .cloned()
            .collect()
    }

    pub fn audio(&self) -> Vec<Got> {
        self.got
            .lock()
            .unwrap()
            .iter()
            .filter(|got| got.kind == TrackKind::Audio)
            .cloned()
            .collect()
    }
}

enum Link {
    Udp(UdpSocket),
    Tcp(TcpStream, Vec<u8>),
}

pub struct Peer {
    pub shared: Arc<Shared>,
    rtc: Rtc,
    pending: Option<SdpPendingOffer>,
    link: Link,
    local: SocketAddr,
    video: Mid,
    audio: Mid,
    pub offer: String,
    sends: bool,
    /// Frames between keyframes that nobody asked for.
    pub keyframe_every: u32,
    pub frame_packets: u32,
}

impl Peer {
    pub fn camera() -> Self {
        Self::new(true, None)
    }

    pub fn viewer() -> Self {
        Self::new(false, None)
    }

    pub fn new(sends: bool, tcp_to: Option<SocketAddr>) -> Self {
        let link = match tcp_to {
            None => Link::Udp(UdpSocket::bind("127.0.0.1:0").unwrap()),
            Some(server) => Link::Tcp(TcpStream::connect(server).unwrap(), Vec::new()),
        };
        let local = match &link {
            Link::Udp(socket) => socket.local_addr().unwrap(),
            Link::Tcp(stream, _) => stream.local_addr().unwrap(),
        };
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_h264(true)
            .enable_opus(true, false)
            .build(Instant::now());
        let candidate = match &link {
            Link::Udp(_) => Candidate::host(local, "udp").unwrap(),
            Link::Tcp(..) => Candidate::builder()
                .tcp()
                .tcptype(TcpType::Active)
                .host(local)
                .build()
                .unwrap(),
        };
        rtc.add_local_candidate(candidate);
        let direction = if sends {
            Direction::SendOnly
        } else {
            Direction::RecvOnly
        };
        let mut change = rtc.sdp_api();
        let audio = change.add_media(MediaKind::Audio, direction, None, None, None);
        let video = change.add_media(MediaKind::Video, direction, None, None, None);
        let (offer, pending) = change.apply().unwrap();
        Self {
            shared: Arc::default(),
            rtc,
            pending: Some(pending),
            link,
            local,
            video,
            audio,
            offer: offer.to_sdp_string(),
            sends,
            keyframe_every: 60,
            frame_packets: 4,
        }
    }

    pub fn accept(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        let pending = self.pending.take().unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
    }

    /// Runs in a thread of its own until told to stop.
    pub fn run(mut self) -> Running {
        let shared = self.shared.clone();
        let thread = std::thread::spawn(move || self.run_here());
        Running {
            shared,
            thread: Some(thread),
        }
    }

    fn run_here(&mut self) {
        match &self.link {
            Link::Udp(socket) => socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap(),
            Link::Tcp(stream, _) => stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap(),
        }
        let mut source = Source::default();
        let mut received = 0;
        while !self.shared.vanish.load(Ordering::Relaxed) {
            if self.shared.stop.load(Ordering::Relaxed) {
                let _ = self.rtc.close();
                self.drain();
                return;
            }
            if self.shared.connected.load(Ordering::Relaxed) && self.sends {
                self.send_due(&mut source);
            }
            if self.shared.ask_keyframe.swap(false, Ordering::Relaxed) {
                let mut direct = self.rtc.direct_api();
                let stream = direct.stream_rx_by_mid(self.video, None).unwrap();
                stream.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
            }
            self.restart_ice();
            if self.rtc.handle_input(Input::Timeout(Instant::now())).is_err() {
                return;
            }
            self.drain();
            while let Some(datagram) = self.read() {
                received += 1;
                let lose = self.shared.lose_every.load(Ordering::Relaxed);
                if lose > 0 && received % lose == 0 && datagram[0] >= 128 {
                    continue;
                }
                let protocol = if matches!(self.link, Link::Udp(_)) {
                    Protocol::Udp
                } else {
                    Protocol::Tcp
                };
                let from = self.remote();
                if let Ok(input) = Receive::new(protocol, from, self.local, &datagram) {
                    let _ = self.rtc.handle_input(Input::Receive(Instant::now(), input));
                    self.drain();
                }
            }
        }
    }

    fn restart_ice(&mut self) {
        if self.shared.restart.swap(false, Ordering::Relaxed) {
            let mut change = self.rtc.sdp_api();
            let credentials = change.ice_restart(true);
            self.pending = change.apply().map(|(_, pending)| pending);
            *self.shared.credentials.lock().unwrap() = Some((credentials.ufrag, credentials.pass));
        }
        let answer = self.shared.restarted.lock().unwrap().take();
        if let Some(answer) = answer {
            self.accept(&answer);
        }
    }

    fn remote(&self) -> SocketAddr {
        match &self.link {
            Link::Udp(_) => self.last_from(),
            Link::Tcp(stream, _) => stream.peer_addr().unwrap(),
        }
    }

    fn last_from(&self) -> SocketAddr {
        LAST_FROM.with(std::cell::Cell::get).unwrap()
    }

    fn read(&mut self) -> Option<Vec<u8>> {
        match &mut self.link {
            Link::Udp(socket) => {
                let mut buffer = [0; 2_000];
                let (length, from) = socket.recv_from(&mut buffer).ok()?;
                LAST_FROM.with(|cell| cell.set(Some(from)));
                Some(buffer[..length].to_vec())
            }
            Link::Tcp(stream, received) => loop {
                if let Some((head, rest)) = received.split_at_checked(2) {
                    let length = usize::from(u16::from_be_bytes([head[0], head[1]]));
                    if let Some(frame) = rest.get(..length) {
                        let frame = frame.to_vec();
                        received.drain(..2 + length);
                        return Some(frame);
                    }
                }
                let mut buffer = [0; 4_096];
                match stream.read(&mut buffer) {
                    Ok(length) if length > 0 => received.extend_from_slice(&buffer[..length]),
                    _ => return None,
                }
            },
        }
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(_)) | Err(_) => return,
                Ok(Output::Transmit(transmit)) => match &mut self.link {
                    Link::Udp(socket) => drop(socket.send_to(&transmit.contents, transmit.destination)),
                    Link::Tcp(stream, _) => {
                        let length = u16::try_from(transmit.contents.len()).unwrap();
                        let _ = stream.write_all(&[&length.to_be_bytes(), &transmit.contents[..]].concat());
                    }
                },
                Ok(Output::Event(Event::Connected)) => self.shared.connected.store(true, Ordering::Relaxed),
                Ok(Output::Event(Event::KeyframeRequest(_))) => {
                    self.shared.keyframes_asked.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Output::Event(Event::RtpPacket(packet))) => {
                    let kind = if packet.time.denom() == 90_000 {
                        TrackKind::Video
                    } else {
                        TrackKind::Audio
                    };
                    self.shared.got.lock().unwrap().push(Got {
                        kind,
                        seq: *packet.seq_no,
                        time: packet.time.numer(),
                        marker: packet.header.marker,
                        payload: packet.payload,
                        at: Instant::now(),
                    });
                }
                Ok(Output::Event(_)) => {}
            }
        }
    }

    fn send_due(&mut self, source: &mut Source) {
        let now = Instant::now();
        let start = *source.start.get_or_insert(now);
        while start + FRAME * source.frame < now {
            let asked = self.shared.keyframes_asked.load(Ordering::Relaxed);
            let keyframe = source.frame.is_multiple_of(self.keyframe_every) || asked > source.asked;
            source.asked = asked;
            if keyframe {
                self.shared.keyframes_sent.fetch_add(1, Ordering::Relaxed);
            }
            for (payload, marker) in frame(source.frame, keyframe, self.frame_packets) {
                let time = 7_000 + source.frame * 2_970;
                source.seq_video += 1;
                self.write(self.video, source.seq_video, time, payload, marker);
            }
            source.frame += 1;
        }
        while start + Duration::from_millis(20) * source.sound < now {
            let mut payload = vec![0xfc; 80];
            payload.extend_from_slice(&u64::from(source.sound).to_be_bytes());
            self.write(
                self.audio,
                u64::from(source.sound) + 1,
                3_000 + source.sound * 960,
                payload,
                false,
            );
            source.sound += 1;
        }
    }

    fn write(&mut self, mid: Mid, seq: u64, time: u32, payload: Vec<u8>, marker: bool) {
        let media = self.rtc.media(mid).unwrap();
        let payload_type = media.remote_pts()[0];
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(mid, None).unwrap();
        let write = RtpWrite::new(payload_type, seq.into(), time, Instant::now(), payload);
        stream.write_rtp(write.marker(marker).nackable(true));
    }
}

thread_local! {
    static LAST_FROM: std::cell::Cell<Option<SocketAddr>> = const { std::cell::Cell::new(None) };
}

#[derive(Default)]
struct Source {
    start: Option<Instant>,
    frame: u32,
    sound: u32,
    seq_video: u64,
    asked: u64,
}

/// The payloads of one frame: a keyframe begins with its parameter sets in a STAP-A, then FU-A of an IDR
/// slice; another one is FU-A of a plain slice. Each ends with the numbers of frame and part.
fn frame(number: u32, keyframe: bool, packets: u32) -> Vec<(Vec<u8>, bool)> {
    let mut payloads = Vec::new();
    if keyframe {
        let mut sets = vec![0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 10, 0x68, 0xce];
        sets.extend_from_slice(&number.to_be_bytes());
        sets.extend_from_slice(&0u32.to_be_bytes());
        payloads.push((sets, false));
    }
    let nal = if keyframe { 5 } else { 1 };
    for part in 1..=packets {
        let start = if part == 1 { 0x80 } else { 0 };
        let end = if part == packets { 0x40 } else { 0 };
        let mut payload = vec![0x7c, start | end | nal];
        payload.resize(if part == packets { PACKET / 2 } else { PACKET }, 0xab);
        payload.extend_from_slice(&number.to_be_bytes());
        payload.extend_from_slice(&part.to_be_bytes());
        payloads.push((payload, part == packets));
    }
    payloads
}

pub struct Running {
    pub shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    pub fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.join();
    }

    pub fn vanish(&mut self) {
        self.shared.vanish.store(true, Ordering::Relaxed);
        self.join();
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.vanish();
    }
}

pub async fn publish(media: &Media, room: RoomId, mut camera: Peer) -> (MediaSessionId, Running) {
    let session = session();
    let ask = Publish::host(room, session, camera.offer.clone());
    let answer = media.publish(ask).await.unwrap();
    camera.accept(&answer.sdp);
    (session, camera.run())
}

pub async fn view(media: &Media, room: RoomId, mut viewer: Peer) -> (MediaSessionId, Running) {
    let session = session();
    let ask = View::anybody(room, session, viewer.offer.clone());
    let answer = media.view(ask).await.unwrap();
    viewer.accept(&answer.sdp);
    (session, viewer.run())
}

/// A room with a camera on air.
pub async fn on_air(
    media: &Media,
    events: &mut mpsc::Receiver<MediaEvent>,
    camera: Peer,
) -> (RoomId, MediaSessionId, Running) {
    let room = room();
    let (session, running) = publish(media, room, camera).await;
    assert_eq!(
        event(events).await,
        MediaEvent::PublisherConnected {
            room,
            seat: 0,
            session
        }
    );
    (room, session, running)
}
