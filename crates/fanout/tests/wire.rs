//! What a client may do to a socket, byte by byte, and what it gets for it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use busk_fanout::Config;
use common::House;

/// Connects and shakes hands; `early` is sent in the same write.
fn connect(house: &House, early: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(house.address).unwrap();
    stream.set_read_timeout(Some(common::WAIT)).unwrap();
    let request = format!(
        "GET /ws?key=1&after=0 HTTP/1.1\r\nHost: {}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        house.address
    );
    stream.write_all(&[request.as_bytes(), early].concat()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    assert!(
        head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
        "{head}"
    );
    assert_eq!(read_frame(&mut stream), Some((0x81, br#"{"hello":0}"#.to_vec())));
    stream
}

/// The next frame that is not about totals; `None` at the end of the stream.
fn read_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head).ok()?;
        assert!(head[1] < 126, "no long frames here, and none masked");
        let mut payload = vec![0; usize::from(head[1])];
        stream.read_exact(&mut payload).unwrap();
        if !payload.windows(8).any(|window| window == b"\"totals\"") {
            return Some((head[0], payload));
        }
    }
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        medium => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
    }
    frame.extend([1, 2, 3, 4]);
    frame.extend(
        payload
            .iter()
            .zip([1u8, 2, 3, 4].iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    frame
}

fn said(house: &House) -> Vec<String> {
    let told = house.notes.told.lock().unwrap();
    let texts = told.iter().filter_map(|told| match told {
        common::Told::Said(_, text) => Some(text.clone()),
        common::Told::Joined(_) | common::Told::Left(_) => None,
    });
    texts.collect()
}

/// Bytes that end the connection, and the code they end it with.
#[tokio::test(flavor = "multi_thread")]
async fn violations_and_their_codes() {
    let config = Config {
        message_bytes_max: 1000,
        ..Config::default()
    };
    let house = House::start(config).await;
    let rows: [(&str, Vec<u8>, u16); 10] = [
        ("5.1 unmasked", vec![0x81, 0x02, b'h', b'i'], 1002),
        ("5.2 reserved bit", masked(0xC1, b"x"), 1002),
        ("5.2 unknown opcode", masked(0x83, b"x"), 1002),
        ("5.4 continuation alone", masked(0x80, b"x"), 1002),
        ("5.5 fragmented ping", masked(0x09, b"x"), 1002),
        ("5.5 long ping", masked(0x89, &[b'x'; 126]), 1002),
        ("7.4 close code 1005", masked(0x88, &1005u16.to_be_bytes()), 1002),
        ("8.1 not UTF-8", masked(0x81, b"\xff\xfe"), 1007),
        ("too big", masked(0x81, &[b'x'; 1001]), 1009),
        ("binary", masked(0x82, b"x"), 1003),
    ];
    let count = rows.len() as u64;
    for (name, bytes, code) in rows {
        let mut stream = connect(&house, &[]);
        stream.write_all(&bytes).unwrap();
        // What follows a violation is not listened to.
        let _ = stream.write_all(&masked(0x81, b"ignored"));
        let (first, payload) = read_frame(&mut stream).unwrap_or_else(|| panic!("{name}: no close frame"));
        assert_eq!((first, &payload[..2]), (0x88, &code.to_be_bytes()[..]), "{name}");
        assert_eq!(
            read_frame(&mut stream),
            None,
            "{name}: nothing after the close frame"
        );
    }
    assert_eq!(said(&house), Vec::<String>::new());
    assert_eq!(house.fanout.stats().closed_rude, count);
    house
        .until("all sockets are freed", |house| {
            house.fanout.stats().connections == 0
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn section_5_5_1_a_close_is_answered() {
    let house = House::start(Config::default()).await;
    for (payload, echo) in [
        (&b""[..], &b""[..]),
        (b"\x03\xe8", b"\x03\xe8"),
        (b"\x0f\xa0bye", b"\x0f\xa0"),
    ] {
        let mut stream = connect(&house, &[]);
        stream.write_all(&masked(0x88, payload)).unwrap();
        assert_eq!(read_frame(&mut stream), Some((0x88, echo.to_vec())));
        assert_eq!(read_frame(&mut stream), None);
    }
    house
        .until("all sockets are freed", |house| {
            house.fanout.stats().connections == 0
        })
        .await;
    assert_eq!(house.fanout.stats().closed_rude, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_pings_and_early_words() {
    let house = House::start(Config::default()).await;
    let mut stream = connect(&house, &masked(0x81, b"before the answer"));
    let bytes = [
        masked(0x01, b"two "),
        masked(0x89, b"ping?"),
        masked(0x80, b"parts"),
        masked(0x81, "dribbled \u{1F3B8}".as_bytes()),
    ];
    for byte in bytes.concat() {
        stream.write_all(&[byte]).unwrap();
    }
    assert_eq!(read_frame(&mut stream), Some((0x8A, b"ping?".to_vec())));
    house.until("three words", |house| said(house).len() == 3).await;
    assert_eq!(
        said(&house),
        ["before the answer", "two parts", "dribbled \u{1F3B8}"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_too_much_is_closed() {
    let house = House::start(Config::default()).await;
    let mut stream = connect(&house, &[]);
    stream.write_all(&masked(0x81, b"x").repeat(200)).unwrap();
    let (first, payload) = read_frame(&mut stream).expect("a close frame");
    assert_eq!((first, &payload[..2]), (0x88, &1008u16.to_be_bytes()[..]));
    let words = said(&house).len();
    assert!((38..=42).contains(&words), "the burst and no more: {words}");

    // Empty fragments are no way around it.
    let mut stream = connect(&house, &masked(0x01, b""));
    let flood = masked(0x00, b"").repeat(60_000);
    let _ = stream.write_all(&flood);
    let (first, payload) = read_frame(&mut stream).expect("a close frame");
    assert_eq!((first, &payload[..2]), (0x88, &1008u16.to_be_bytes()[..]));

    // Within the rate one may speak on and on.
    let mut stream = connect(&house, &[]);
    for _ in 0..50 {
        stream.write_all(&masked(0x81, b"y")).unwrap();
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    house
        .until("all of it", |house| {
            said(house).iter().filter(|word| *word == "y").count() == 50
        })
        .await;
}
