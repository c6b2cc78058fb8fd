//! `permessage-deflate` (RFC 7692) on the wire: what is offered and taken, what all get in one form, and what a client
//! may send.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use busk_fanout::{Audience, Class, Config, Event, protocol};
use common::House;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

struct Client {
    stream: TcpStream,
    /// What the server said of extensions.
    accepted: Option<String>,
}

impl Client {
    fn connect(house: &House, key: u32, offer: &str) -> Self {
        let mut stream = TcpStream::connect(house.address).unwrap();
        stream.set_read_timeout(Some(common::WAIT)).unwrap();
        let request = format!(
            "GET /ws?key={key}&after=0 HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n",
            house.address
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let line = head
            .lines()
            .find_map(|line| line.strip_prefix("sec-websocket-extensions: "));
        let accepted = line.map(str::to_owned);
        Self { stream, accepted }
    }

    fn offering(house: &House, key: u32) -> Self {
        let client = Self::connect(
            house,
            key,
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
        );
        let expected = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        assert_eq!(client.accepted.as_deref(), Some(expected));
        client
    }

    /// The next frame but for totals: its first byte and its payload, made whole.
    fn frame(&mut self) -> (u8, Vec<u8>) {
        loop {
            let mut frame = vec![0; 2];
            self.stream.read_exact(&mut frame).unwrap();
            while protocol::server_payload(&frame).is_none() {
                let mut byte = [0];
                self.stream.read_exact(&mut byte).unwrap();
                frame.push(byte[0]);
            }
            let payload = frame[protocol::server_payload(&frame).unwrap()].to_vec();
            let payload = if frame[0] & 0x40 == 0 {
                payload
            } else {
                inflated(&payload)
            };
            if !payload.windows(8).any(|window| window == b"\"totals\"") {
                return (frame[0], payload);
            }
        }
    }

    fn send(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first, 0x80 | 126];
        match payload.len() {
            short @ 0..=125 => frame[1] = 0x80 | short as u8,
            medium => frame.extend((medium as u16).to_be_bytes()),
        }
        frame.extend([9, 8, 7, 6]);
        let masked = payload.iter().zip([9, 8, 7, 6].iter().cycle());
        frame.extend(masked.map(|(byte, key)| byte ^ key));
        self.stream.write_all(&frame).unwrap();
    }

    /// The code of the close frame that comes next.
    fn close_code(&mut self) -> u16 {
        loop {
            let (first, payload) = self.frame();
            if first == 0x88 {
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    }
}

/// As a client does it: the tail is put back (§7.2.2).
fn inflated(packed: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 << 20);
    let input = [packed, &[0, 0, 0xFF, 0xFF]].concat();
    Decompress::new(false)
        .decompress_vec(&input, &mut out, FlushDecompress::Sync)
        .unwrap();
    out
}

/// §7.2.1.
fn deflated(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 1024);
    Compress::new(Compression::best(), false)
        .compress_vec(text, &mut out, FlushCompress::Sync)
        .unwrap();
    assert!(out.ends_with(&[0, 0, 0xFF, 0xFF]));
    out.truncate(out.len() - 4);
    out
}

fn line(n: u64) -> Event {
    let text = format!("viewer {n} says something that others have said before");
    common::event(n, Audience::Everyone, Class::Chat, &text)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_offered_and_what_is_taken() {
    let house = House::start(Config::default()).await;
    let taken = [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=12; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits=15; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=10, permessage-deflate",
        "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits=\"15\"",
    ];
    let declined = [
        "",
        "x-webkit-deflate-frame",
        "permessage-deflate; server_max_window_bits=10",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=08",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; level=9",
    ];
    for (offer, is_taken) in taken
        .map(|o| (o, true))
        .into_iter()
        .chain(declined.map(|o| (o, false)))
    {
        let header = format!("Sec-WebSocket-Extensions: {offer}\r\n");
        let client = Client::connect(&house, 1, &header);
        assert_eq!(client.accepted.is_some(), is_taken, "{offer}");
    }
    assert_eq!(Client::connect(&house, 1, "").accepted, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_told_the_same_in_both_forms() {
    let house = House::start(Config::default()).await;
    let mut plain = Client::connect(&house, 1, "");
    let mut packed = Client::offering(&house, 2);
    // A short hello is no shorter when it is compressed.
    assert_eq!(packed.frame(), (0x81, br#"{"hello":0}"#.to_vec()));
    plain.frame();

    house.publish((1..=20).map(line).collect());
    let (first, told) = packed.frame();
    assert_eq!(first, 0xC1, "compressed, as one text frame");
    assert_eq!(plain.frame(), (0x81, told.clone()));
    let json: serde_json::Value = serde_json::from_slice(&told).unwrap();
    assert_eq!(common::numbers(&json), Some((1..=20).collect()));

    // One line is hardly shorter, and goes to both as it is.
    house.publish(vec![line(21)]);
    let told = plain.frame();
    assert_eq!((told.0, told.clone()), (0x81, packed.frame()));

    // What is for one person alone is not compressed for others, nor told to them.
    let own = common::event(22, Audience::One(2), Class::Kept, &"for you ".repeat(100));
    house.publish(vec![own, line(23)]);
    let (_, told) = packed.frame();
    let json: serde_json::Value = serde_json::from_slice(&told).unwrap();
    assert_eq!(common::numbers(&json), Some(vec![22, 23]));
    let json: serde_json::Value = serde_json::from_slice(&plain.frame().1).unwrap();
    assert_eq!(common::numbers(&json), Some(vec![23]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_compress_is_heard() {
    let house = House::start(Config::default()).await;
    let mut client = Client::offering(&house, 7);
    let words = "the same words, ".repeat(500);
    client.send(0xC1, &deflated(words.as_bytes()));
    // In three fragments; only the first says so (§6.1), and each may be a message's only part of a block.
    let packed = deflated(words.as_bytes());
    client.send(0x41, &packed[..2]);
    client.send(0x89, b"in between");
    client.send(0x00, &packed[2..5]);
    client.send(0x80, &packed[5..]);
    // Uncompressed among them (§6), empty, and as blocks that are not compressed at all.
    client.send(0x81, b"plain");
    client.send(0xC1, &deflated(b""));
    // §7.2.3.3: a block with BTYPE of 00, and §7.2.3.4: one with BFINAL set.
    client.send(
        0xC1,
        &[0x00, 0x05, 0x00, 0xFA, 0xFF, b'H', b'e', b'l', b'l', b'o', 0x00],
    );
    client.send(0xC1, &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]);
    // §7.2.3.1: the example of the RFC.
    client.send(0xC1, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    let expected = [&*words, &words, "plain", "", "Hello", "Hello", "Hello"];
    house
        .until("all is heard", |house| house.said_by(7).len() == expected.len())
        .await;
    assert_eq!(house.said_by(7), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn violations_and_their_codes() {
    let house = House::start(Config::default()).await;
    let bomb = deflated(&vec![b'x'; 10_000_000]);
    assert!(bomb.len() < 20_000, "{}", bomb.len());
    let rows: &[(&str, u8, &[u8], u16)] = &[
        ("what grows beyond the limit", 0xC1, &bomb, 1009),
        ("what is no compressed data", 0xC1, &[0xFF; 8], 1002),
        ("text that is not UTF-8", 0xC1, &deflated(&[0xC3, 0x28]), 1007),
        ("a compressed continuation", 0xC0, b"", 1002),
        ("a compressed ping", 0xC9, b"", 1002),
        ("RSV2", 0xA1, b"", 1002),
        ("binary", 0xC2, &deflated(b"x"), 1003),
    ];
    for (name, first, payload, code) in rows {
        let mut client = Client::offering(&house, 1);
        client.send(*first, payload);
        assert_eq!(client.close_code(), *code, "{name}");
    }
    // Who did not ask for it may not use it.
    let mut client = Client::connect(&house, 1, "");
    client.send(0xC1, &deflated(b"hello"));
    assert_eq!(client.close_code(), 1002);
}

/// Sizes of messages and of their fragments, of the Autobahn test suite's sections 12 and 13; 0: in one piece.
const SIZES: [(usize, usize); 18] = [
    (16, 0),
    (64, 0),
    (256, 0),
    (1024, 0),
    (4096, 0),
    (8192, 0),
    (16384, 0),
    (32768, 0),
    (65536, 0),
    (131_072, 0),
    (8192, 256),
    (16384, 256),
    (32768, 256),
    (65536, 256),
    (131_072, 256),
    (131_072, 1024),
    (131_072, 4096),
    (131_072, 32768),
];
/// What is offered in 13.1 to 13.7, and whether it can be taken here. What cannot, the suite counts as not done.
const OFFERS: [(&str, bool); 7] = [
    ("permessage-deflate", true),
    ("permessage-deflate; server_no_context_takeover", true),
    ("permessage-deflate; server_max_window_bits=9", false),
    ("permessage-deflate; server_max_window_bits=15", true),
    (
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
        false,
    ),
    (
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=15",
        true,
    ),
    (
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=9, \
         permessage-deflate; server_no_context_takeover, permessage-deflate",
        true,
    ),
];
/// The suite sends a thousand of each.
const MESSAGES: usize = 3;

/// Text that says `n` somewhere, exactly so long.
fn page(kind: &str, n: usize, length: usize) -> String {
    let mut text = String::with_capacity(length + 64);
    while text.len() < length {
        let at = (text.len() * 7 + n * 13) % 997;
        match kind {
            "json" => text.push_str(&format!(
                r#"{{"id":{at},"name":"viewer {n}","paid":{}}},"#,
                at * at
            )),
            _ => text.push_str(&format!(
                "<li class=\"line-{at}\">viewer {n} said {}</li>\n",
                at * 31
            )),
        }
    }
    text.truncate(length);
    text
}

/// One case: what was sent arrives, or is refused as too long.
async fn case(
    house: &House,
    key: u32,
    offer: &str,
    kind: &str,
    (size, piece): (usize, usize),
) -> Result<(), String> {
    let texts: Vec<String> = (0..MESSAGES).map(|n| page(kind, n, size)).collect();
    let (sent, offer) = (texts.clone(), format!("Sec-WebSocket-Extensions: {offer}\r\n"));
    let mut client = Client::connect(house, key, &offer);
    let code = tokio::task::spawn_blocking(move || {
        for text in &sent {
            let packed = deflated(text.as_bytes());
            let pieces: Vec<&[u8]> = match piece {
                0 => vec![&packed],
                piece => packed.chunks(piece).collect(),
            };
            for (at, part) in pieces.iter().enumerate() {
                let opcode = if at == 0 { 0x41 } else { 0 };
                let fin = if at + 1 == pieces.len() { 0x80 } else { 0 };
                client.send(opcode | fin, part);
            }
        }
        client.send(0x88, &1000_u16.to_be_bytes());
        client.close_code()
    });
    let code = code.await.map_err(|error| error.to_string())?;
    let said = house.said_by(key.into());
    let fits = size <= Config::default().message_bytes_max;
    let expected = if fits { (1000, texts) } else { (1009, Vec::new()) };
    if (code, &said) == (expected.0, &expected.1) {
        return Ok(());
    }
    Err(format!("closed with {code}, {} of {MESSAGES} said", said.len()))
}

/// Sections 12 and 13, by their numbers: text that is like the suite's (12.1, 12.4); its other data are binary, which is
/// not spoken here.
#[tokio::test(flavor = "multi_thread")]
async fn the_autobahn_suites_compressed_cases() {
    let house = House::start(Config {
        messages_per_s: 1_000_000,
        messages_burst: 1_000_000,
        ..Config::default()
    })
    .await;
    let default = OFFERS[0].0;
    let mut cases = Vec::new();
    for (at, sizes) in (1..).zip(SIZES) {
        cases.push((format!("12.1.{at}"), default, "json", sizes));
        cases.push((format!("12.4.{at}"), default, "html", sizes));
        for (section, (offer, taken)) in (1..).zip(OFFERS) {
            if taken {
                cases.push((format!("13.{section}.{at}"), offer, "json", sizes));
            }
        }
    }
    assert_eq!(cases.len(), 126);
    let mut wrong = Vec::new();
    for (key, (name, offer, kind, sizes)) in (1..).zip(cases) {
        if let Err(why) = case(&house, key, offer, kind, sizes).await {
            wrong.push(format!("{name}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (offer, taken) in OFFERS {
        let client = Client::connect(&house, 1, &format!("Sec-WebSocket-Extensions: {offer}\r\n"));
        assert_eq!(client.accepted.is_some(), taken, "{offer}");
    }
}
