//! A plane and its peers in one thread, in made-up time: what takes seconds in life takes none here.

use std::net::SocketAddr;

use str0m::change::SdpAnswer;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};

use super::*;
use crate::{Publish, RoomFigures, View};

const SERVER: &str = "192.0.2.1:8081";
const STEP: Duration = Duration::from_millis(5);

/// Collects what the plane sends.
#[derive(Default)]
struct Sent(Vec<(Remote, Vec<u8>)>);

impl Wire for Sent {
    fn send(&mut self, to: Remote, _from: Option<IpAddr>, bytes: &[u8]) {
        self.0.push((to, bytes.to_vec()));
    }

    fn close(&mut self, _to: Remote) {}
}

/// A browser, more or less.
struct Client {
    rtc: Rtc,
    address: SocketAddr,
    audio: Mid,
    video: Mid,
    offer: String,
    pending: Option<str0m::change::SdpPendingOffer>,
    connected: bool,
    /// What it sends the next time.
    waiting: Vec<Vec<u8>>,
    packets: usize,
    keyframes_asked: usize,
    seq: u64,
    sounds: u64,
    frame: u32,
}

impl Client {
    fn new(port: u16, sends: bool, now: Instant) -> Self {
        let address = SocketAddr::from(([198, 51, 100, 7], port));
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_h264(true)
            .enable_opus(true, false)
            .build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
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
            rtc,
            address,
            audio,
            video,
            offer: offer.to_sdp_string(),
            pending: Some(pending),
            connected: false,
            waiting: Vec::new(),
            packets: 0,
            keyframes_asked: 0,
            seq: 0,
            sounds: 0,
            frame: 0,
        }
    }

    fn accept(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc
            .sdp_api()
            .accept_answer(self.pending.take().unwrap(), answer)
            .unwrap();
    }

    fn frame(&mut self, packets: usize, keyframe: bool, now: Instant) {
        let payload_type = self.rtc.media(self.video).unwrap().remote_pts()[0];
        for part in 0..packets {
            self.seq += 1;
            let nal = match (keyframe, part) {
                (true, 0) => 7,
                (true, _) => 5,
                (false, _) => 1,
            };
            let mut direct = self.rtc.direct_api();
            let stream = direct.stream_tx_by_mid(self.video, None).unwrap();
            let write = RtpWrite::new(
                payload_type,
                self.seq.into(),
                self.frame * 3_000,
                now,
                vec![0x60 | nal; 900],
            );
            stream.write_rtp(write.marker(part + 1 == packets).nackable(true));
        }
        self.frame += 1;
    }

    fn sound(&mut self, now: Instant) {
        let payload_type = self.rtc.media(self.audio).unwrap().remote_pts()[0];
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(self.audio, None).unwrap();
        self.sounds += 1;
        let time = self.sounds as u32 * 960;
        stream.write_rtp(RtpWrite::new(
            payload_type,
            self.sounds.into(),
            time,
            now,
            vec![0xf8; 80],
        ));
    }

    fn out(&mut self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return out,
                Output::Transmit(transmit) => out.push(transmit.contents.to_vec()),
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(Event::RtpPacket(_)) => self.packets += 1,
                Output::Event(Event::KeyframeRequest(_)) => self.keyframes_asked += 1,
                Output::Event(_) => {}
            }
        }
    }
}

struct World {
    plane: Plane,
    registry: Arc<Registry>,
    now: Instant,
    room: RoomId,
    clients: Vec<Client>,
    next_id: u8,
}

impl World {
    #[allow(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
    fn new() -> Self {
        let registry = Arc::new(Registry::new(1, 100));
        let setup = Arc::new(Setup::new(vec![SERVER.parse().unwrap()]).unwrap());
        Self {
            plane: Plane::new(0, 10, setup, registry.clone()),
            registry,
            now: Instant::now(),
            room: RoomId::new(busk_base::Timestamp::from_unix_us(0), [0; 10]),
            clients: Vec::new(),
            next_id: 0,
        }
    }

    fn id(&mut self) -> MediaSessionId {
        self.next_id += 1;
        MediaSessionId::new(busk_base::Timestamp::from_unix_us(0), [self.next_id; 10])
    }

    fn publish(&mut self) -> MediaSessionId {
        let mut client = Client::new(1_000 + u16::from(self.next_id), true, self.now);
        let session = self.id();
        let ask = Publish::host(self.room, session, client.offer.clone());
        let place = self.registry.enter(session, 0).unwrap();
        let answer = self
            .plane
            .publish(&ask, place, self.now, &mut Sent::default())
            .unwrap();
        client.accept(&answer.sdp);
        self.clients.push(client);
        session
    }

    fn view(&mut self) -> MediaSessionId {
        let mut client = Client::new(1_000 + u16::from(self.next_id), false, self.now);
        let session = self.id();
        let ask = View::anybody(self.room, session, client.offer.clone());
        let place = self.registry.enter(session, 0).unwrap();
        let answer = self
            .plane
            .view(&ask, place, self.now, &mut Sent::default())
            .unwrap();
        client.accept(&answer.sdp);
        self.clients.push(client);
        session
    }

    /// Lets time pass for the plane and for those clients that `talk` says.
    fn run(&mut self, time: Duration, talk: impl Fn(usize) -> bool) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            let mut sent = Sent::default();
            for index in (0..self.clients.len()).filter(|index| talk(*index)) {
                let client = &mut self.clients[index];
                client.rtc.handle_input(Input::Timeout(self.now)).unwrap();
                let from = Remote {
                    tcp: false,
                    address: client.address,
                };
                let mut datagrams = std::mem::take(&mut client.waiting);
                datagrams.extend(client.out());
                for datagram in datagrams {
                    self.plane.receive(from, None, &datagram, self.now, &mut sent);
                }
            }
            self.plane.pass(self.now, &mut sent);
            for (to, datagram) in sent.0 {
                let client = self
                    .clients
                    .iter_mut()
                    .enumerate()
                    .find(|(index, c)| c.address == to.address && talk(*index));
                let Some((_, client)) = client else { continue };
                let receive =
                    Receive::new(Protocol::Udp, SERVER.parse().unwrap(), client.address, &datagram).unwrap();
                client
                    .rtc
                    .handle_input(Input::Receive(self.now, receive))
                    .unwrap();
                // Answers go the next time.
                let answers = client.out();
                client.waiting.extend(answers);
            }
        }
    }

    fn figures(&self) -> Option<RoomFigures> {
        self.plane.figures(self.room, self.now)
    }

    /// A publisher on air and a viewer that watches: clients 0 and 1.
    fn watched() -> (Self, MediaSessionId, MediaSessionId) {
        let mut world = Self::new();
        let publisher = world.publish();
        world.run(Duration::from_secs(1), |_| true);
        assert!(world.clients[0].connected);
        assert!(
            world.clients[0].keyframes_asked >= 1,
            "the first keyframe is asked for"
        );
        world.clients[0].frame(3, true, world.now);
        world.run(Duration::from_millis(50), |_| true);
        assert!(world.figures().unwrap().on_air);
        let viewer = world.view();
        world.run(Duration::from_secs(1), |_| true);
        assert!(world.clients[1].connected);
        assert_eq!(world.clients[1].packets, 3);
        (world, publisher, viewer)
    }
}

#[test]
fn who_never_connects_is_forgotten_after_fifteen_seconds() {
    let mut world = World::new();
    world.publish();
    assert_eq!(world.registry.sessions().len(), 1);
    world.run(Duration::from_secs(14), |_| false);
    assert_eq!(world.registry.sessions().len(), 1);
    world.run(Duration::from_secs(2), |_| false);
    assert_eq!((world.registry.sessions().len(), world.figures()), (0, None));
    assert!(world.plane.events.is_empty(), "it was never there");
    assert!(world.plane.by_id.is_empty() && world.plane.by_ufrag.is_empty() && world.plane.rooms.is_empty());
}

#[test]
fn who_falls_silent_is_gone_and_nothing_of_them_stays() {
    let (mut world, publisher, viewer) = World::watched();
    world.run(Duration::from_secs(4), |_| false);
    world.plane.events.clear();
    world.run(Duration::from_secs(2), |_| false);
    let room = world.room;
    assert_eq!(
        world.plane.events.pop_front(),
        Some(MediaEvent::PublisherLost {
            room,
            seat: 0,
            session: publisher
        })
    );
    world.run(Duration::from_secs(12), |_| false);
    assert_eq!(
        world.plane.events.pop_front(),
        Some(MediaEvent::ViewerGone {
            room,
            session: viewer
        })
    );
    let plane = &world.plane;
    assert!(plane.by_id.is_empty() && plane.by_ufrag.is_empty() && plane.by_remote.is_empty());
    assert!(plane.rooms.is_empty() && plane.sessions.is_empty());
    assert_eq!(world.registry.sessions().len(), 0);
}

#[test]
fn a_silent_room_without_pictures_is_not_lost_while_its_camera_talks() {
    let (mut world, _, _) = World::watched();
    world.run(Duration::from_secs(20), |_| true);
    assert!(
        world.figures().unwrap().on_air,
        "a still screen sends nothing for long"
    );
}

#[test]
fn a_viewer_whose_address_changes_is_still_the_same() {
    let (mut world, _, _) = World::watched();
    let before = world.clients[1].packets;
    // Its router gave it another port; it does not know.
    world.clients[1].address.set_port(9_999);
    // The browser's next STUN check comes from there, which is proof enough.
    world.run(Duration::from_secs(5), |_| true);
    assert!(
        world
            .plane
            .by_remote
            .keys()
            .any(|remote| remote.address.port() == 9_999)
    );
    assert_eq!(world.figures().unwrap().viewers, 1);
    assert!(world.clients[1].packets >= before);
}

#[test]
fn who_does_not_know_the_password_gets_nothing() {
    let (mut world, _, _) = World::watched();
    let ufrag = world.plane.sessions[1].ufrag.clone();
    let known = world.plane.by_remote.len();
    // A binding request in that name, with an integrity that is made up.
    let name = format!("{ufrag}:them");
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.extend([9; 12]);
    for (kind, value) in [
        (0x0006, name.as_bytes()),
        (0x0024, &[1, 2, 3, 4]),
        (0x802a, &[5; 8]),
        (0x0008, &[7; 20]),
    ] {
        request.extend(u16::to_be_bytes(kind));
        request.extend(u16::to_be_bytes(value.len() as u16));
        request.extend(value);
        request.resize(request.len().next_multiple_of(4), 0);
    }
    let length = (request.len() - 20) as u16;
    request[2..4].copy_from_slice(&length.to_be_bytes());
    let mut sent = Sent::default();
    let from = Remote {
        tcp: false,
        address: SocketAddr::from(([203, 0, 113, 9], 9)),
    };
    world.plane.receive(from, None, &request, world.now, &mut sent);
    assert_eq!((world.plane.by_remote.len(), sent.0.len()), (known, 0));
}

#[test]
fn a_frame_too_large_for_one_go_arrives_whole() {
    let (mut world, _, _) = World::watched();
    let before = world.clients[1].packets;
    for keyframe in [true, false, false] {
        world.clients[0].frame(300, keyframe, world.now);
        world.run(Duration::from_millis(33), |_| true);
    }
    world.run(Duration::from_secs(1), |_| true);
    assert_eq!(world.clients[1].packets - before, 900);
}

#[test]
fn before_an_audience_sound_waits_a_moment_for_the_next_picture() {
    let (mut world, ..) = World::watched();
    let heard = |world: &mut World, time: u64| {
        let before = world.clients[1].packets;
        world.run(Duration::from_millis(time), |_| true);
        world.clients[1].packets - before
    };
    world.clients[0].sound(world.now);
    assert_eq!(heard(&mut world, 10), 1, "one viewer hears at once");
    while world.figures().unwrap().viewers < SOUND_GATHER_VIEWERS {
        world.view();
        world.run(Duration::from_secs(1), |_| true);
    }
    world.clients[0].sound(world.now);
    assert_eq!(heard(&mut world, 40), 0);
    assert_eq!(heard(&mut world, 20), 1, "there is no picture to wait for");
    world.clients[0].sound(world.now);
    assert_eq!(heard(&mut world, 10), 0);
    world.clients[0].frame(2, false, world.now);
    assert_eq!(heard(&mut world, 10), 3);
    world.clients[0].sound(world.now);
    world.clients[0].sound(world.now);
    world.clients[0].frame(2, false, world.now);
    assert_eq!(heard(&mut world, 10), 3, "what waited is in one packet");
}

#[test]
fn who_joins_when_the_keyframe_is_old_makes_the_camera_send_one() {
    let (mut world, _, _) = World::watched();
    for _ in 0..200 {
        world.clients[0].frame(2, false, world.now);
        world.run(Duration::from_millis(33), |_| true);
    }
    let asked = world.clients[0].keyframes_asked;
    world.view();
    world.run(Duration::from_millis(500), |_| true);
    assert_eq!(world.clients[0].keyframes_asked, asked + 1);
    assert_eq!(world.clients[2].packets, 0);
    world.clients[0].frame(4, true, world.now);
    world.run(Duration::from_millis(500), |_| true);
    assert_eq!(world.clients[2].packets, 4);
}

#[test]
fn a_wish_for_a_keyframe_is_repeated_until_it_is_granted() {
    let (mut world, _, _) = World::watched();
    let asked = world.clients[0].keyframes_asked;
    let video = world.clients[1].video;
    let mut direct = world.clients[1].rtc.direct_api();
    direct
        .stream_rx_by_mid(video, None)
        .unwrap()
        .request_keyframe(KeyframeRequestKind::Pli);
    world.run(Duration::from_millis(4_500), |_| true);
    let more = world.clients[0].keyframes_asked - asked;
    assert!((4..=6).contains(&more), "about one in 0.8 s: {more}");
    world.clients[0].frame(3, true, world.now);
    world.run(Duration::from_millis(100), |_| true);
    let asked = world.clients[0].keyframes_asked;
    world.run(Duration::from_secs(5), |_| true);
    assert_eq!(world.clients[0].keyframes_asked, asked);
}

#[test]
fn only_what_comes_on_the_air_goes_into_the_program() {
    let (mut world, ..) = World::watched();
    assert!(world.plane.words.is_empty());
    let asked = world.clients[0].keyframes_asked;
    world.plane.broadcast(world.room, world.now, &mut Sent::default());
    world.run(Duration::from_secs(1), |_| true);
    let first = world.clients[0].keyframes_asked;
    assert!(first > asked, "the program begins with a keyframe");

    world.clients[0].frame(3, true, world.now);
    world.run(Duration::from_millis(2_500), |_| true);
    assert_eq!(world.plane.words.len(), 3);
    assert_eq!(world.clients[0].keyframes_asked, first);
    world.clients[0].frame(1, false, world.now);
    world.run(Duration::from_secs(1), |_| true);
    assert!(
        world.clients[0].keyframes_asked > first,
        "segments begin with one"
    );

    let (room, now) = (world.room, world.now);
    world.plane.close_room(room, now, &mut Sent::default());
    assert!(matches!(world.plane.words.last(), Some(Word::Over(over)) if *over == room));
}
