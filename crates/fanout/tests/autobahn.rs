//! The cases of the Autobahn test suite that are about a server's inbound side (sections 1 to 7), by their numbers,
//! over real sockets. The suite talks to an echo; here nobody answers, so that a case says instead what the program
//! was told, which pings were answered, and how the connection ended. Text alone is spoken: where the suite
//! sends binary messages, 1003 is right.
//!
//! Cases that the suite lets pass in more than one way are held to its strict one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;
#[path = "autobahn/utf8.rs"]
mod utf8;

use std::time::Duration;

use busk_fanout::{Config, protocol};
use common::House;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// What is sent, and what comes of it.
struct Case {
    name: String,
    writes: Vec<Vec<u8>>,
    said: Vec<String>,
    pongs: Vec<Vec<u8>>,
    close: u16,
}

/// The close code of a connection that ended in peace: ours, echoed.
const FINE: u16 = 1000;
const PROTOCOL: u16 = 1002;
const TEXT_ONLY: u16 = 1003;
const NOT_UTF8: u16 = 1007;
const TOO_BIG: u16 = 1009;
/// A close frame without a code.
const NO_CODE: u16 = 0;

/// A client's frame; the mask is not zeros, so that it matters.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xFA, 0x21, 0x3D];
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => frame.push(0x80 | short),
        (_, Ok(medium)) => {
            frame.push(0x80 | 126);
            frame.extend(medium.to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    frame
}

fn whole(opcode: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | opcode, payload.as_ref())
}

fn part(opcode: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(opcode, payload.as_ref())
}

fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    whole(CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
}

/// A message of single bytes.
fn crumbs(text: &[u8]) -> Vec<Vec<u8>> {
    let last = text.len() - 1;
    let piece = |(at, byte): (usize, &u8)| {
        let opcode = if at == 0 { TEXT } else { CONTINUATION };
        frame(opcode | if at == last { FIN } else { 0 }, &[*byte])
    };
    text.iter().enumerate().map(piece).collect()
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    /// All is well to the end, and ends with a close of ours.
    fn fine(&mut self, name: &str, mut writes: Vec<Vec<u8>>, said: &[&str], pongs: &[&[u8]]) {
        writes.push(close(FINE, ""));
        self.ends(name, writes, said, pongs, FINE);
    }

    fn fails(&mut self, name: &str, writes: Vec<Vec<u8>>, said: &[&str], code: u16) {
        self.ends(name, writes, said, &[], code);
    }

    fn ends(&mut self, name: &str, writes: Vec<Vec<u8>>, said: &[&str], pongs: &[&[u8]], code: u16) {
        self.0.push(Case {
            name: name.to_owned(),
            writes,
            said: said.iter().map(|said| (*said).to_owned()).collect(),
            pongs: pongs.iter().map(|pong| pong.to_vec()).collect(),
            close: code,
        });
    }

    /// The last case again, a byte at a time.
    fn by_bytes(&mut self, name: &str) {
        self.chopped(name, 1);
    }

    fn chopped(&mut self, name: &str, length: usize) {
        let last = self.0.last().expect("a case to send again");
        let sent = last.writes.concat();
        self.0.push(Case {
            name: name.to_owned(),
            writes: sent.chunks(length).map(<[u8]>::to_vec).collect(),
            said: last.said.clone(),
            pongs: last.pongs.clone(),
            close: last.close,
        });
    }

    /// The last case again, all at once.
    fn at_once(&mut self, name: &str) {
        self.chopped(name, usize::MAX);
    }
}

fn framing(cases: &mut Cases) {
    for (at, length) in [0, 125, 126, 127, 128, 65_535, 65_536].into_iter().enumerate() {
        let text = "*".repeat(length);
        cases.fine(
            &format!("1.1.{}", at + 1),
            vec![whole(TEXT, &text)],
            &[&text],
            &[],
        );
    }
    cases.chopped("1.1.8", 997);
    for (at, length) in [0, 125, 126, 127, 128, 65_535, 65_536].into_iter().enumerate() {
        let bytes = vec![0xFE; length];
        cases.fails(
            &format!("1.2.{}", at + 1),
            vec![whole(BINARY, bytes)],
            &[],
            TEXT_ONLY,
        );
    }
    cases.chopped("1.2.8", 997);
}

fn pings(cases: &mut Cases) {
    let binary: &[u8] = &[0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF];
    let long: &[u8] = &[0xFE; 125];
    cases.fine("2.1", vec![whole(PING, "")], &[], &[b""]);
    cases.fine(
        "2.2",
        vec![whole(PING, "Hello, world!")],
        &[],
        &[b"Hello, world!"],
    );
    cases.fine("2.3", vec![whole(PING, binary)], &[], &[binary]);
    cases.fine("2.4", vec![whole(PING, long)], &[], &[long]);
    cases.fails("2.5", vec![whole(PING, [0xFE; 126])], &[], PROTOCOL);
    cases.fine("2.6 at once", vec![whole(PING, long)], &[], &[long]);
    cases.by_bytes("2.6");
    cases.fine("2.7", vec![whole(PONG, "")], &[], &[]);
    cases.fine("2.8", vec![whole(PONG, "unsolicited pong payload")], &[], &[]);
    let pong = whole(PONG, "unsolicited pong payload");
    cases.fine(
        "2.9",
        vec![pong, whole(PING, "ping payload")],
        &[],
        &[b"ping payload"],
    );
    let payloads: Vec<String> = (0..10).map(|n| format!("payload-{n}")).collect();
    let answers: Vec<&[u8]> = payloads.iter().map(String::as_bytes).collect();
    let pings = payloads.iter().map(|payload| whole(PING, payload)).collect();
    cases.fine("2.10", pings, &[], &answers);
    cases.by_bytes("2.11");
}

fn reserved_bits(cases: &mut Cases) {
    let bits = |bits: u8, opcode, payload: &str| frame(FIN | bits << 4 | opcode, payload.as_bytes());
    let small = "small message";
    let rest = |bad: Vec<u8>| vec![whole(TEXT, small), bad, whole(PING, "")];
    cases.fails("3.1", vec![bits(1, TEXT, small)], &[], PROTOCOL);
    cases.fails("3.2 by frames", rest(bits(2, TEXT, small)), &[small], PROTOCOL);
    cases.at_once("3.2");
    cases.fails("3.3", rest(bits(3, TEXT, small)), &[small], PROTOCOL);
    cases.fails("3.4 by frames", rest(bits(4, TEXT, small)), &[small], PROTOCOL);
    cases.by_bytes("3.4");
    cases.fails("3.5", vec![bits(5, BINARY, small)], &[], PROTOCOL);
    cases.fails("3.6", vec![bits(6, PING, small)], &[], PROTOCOL);
    cases.fails("3.7", vec![bits(7, CLOSE, "")], &[], PROTOCOL);
}

fn opcodes(cases: &mut Cases) {
    for (section, opcodes) in [(1, 3..=7), (2, 11..=15)] {
        for (at, opcode) in opcodes.enumerate() {
            let payload = if at % 2 == 0 {
                ""
            } else {
                "reserved opcode payload"
            };
            let mut writes = vec![whole(opcode, payload)];
            let mut said: &[&str] = &[];
            if at >= 2 {
                writes.insert(0, whole(TEXT, "hello"));
                writes.push(whole(PING, ""));
                said = &["hello"];
            }
            let name = format!("4.{section}.{}", at + 1);
            cases.fails(&name, writes, said, PROTOCOL);
            if at == 4 {
                cases.by_bytes(&format!("{name} by bytes"));
            }
        }
    }
}

fn fragments(cases: &mut Cases) {
    let (first, second) = ("fragment1", "fragment2");
    let both = "fragment1fragment2";
    let alone = "non-continuation payload";
    for (name, opcode) in [("5.1", PING), ("5.2", PONG)] {
        let writes = vec![part(opcode, first), whole(CONTINUATION, second)];
        cases.fails(name, writes, &[], PROTOCOL);
    }
    let halves = || vec![part(TEXT, first), whole(CONTINUATION, second)];
    cases.fine("5.4", halves(), &[both], &[]);
    cases.at_once("5.3");
    cases.by_bytes("5.5");
    let pinged = vec![
        part(TEXT, first),
        whole(PING, "ping payload"),
        whole(CONTINUATION, second),
    ];
    cases.fine("5.7", pinged, &[both], &[b"ping payload"]);
    cases.at_once("5.6");
    cases.by_bytes("5.8");
    for (names, fin) in [(["5.10", "5.9", "5.11"], true), (["5.13", "5.12", "5.14"], false)] {
        let opcode = if fin { FIN | CONTINUATION } else { CONTINUATION };
        let writes = vec![frame(opcode, alone.as_bytes()), whole(TEXT, "Hello, world!")];
        cases.fails(names[0], writes, &[], PROTOCOL);
        cases.at_once(names[1]);
        cases.by_bytes(names[2]);
    }
    let mut writes = halves();
    writes.extend([part(CONTINUATION, alone), whole(TEXT, "Hello, world!")]);
    cases.fails("5.15", writes, &[both], PROTOCOL);
    for (name, opcode) in [("5.16", CONTINUATION), ("5.17", FIN | CONTINUATION)] {
        let once = [vec![frame(opcode, first.as_bytes())], halves()].concat();
        cases.fails(name, [once.clone(), once].concat(), &[], PROTOCOL);
    }
    let writes = vec![part(TEXT, first), whole(TEXT, second)];
    cases.fails("5.18", writes, &[], PROTOCOL);
    let five = "fragment1fragment2fragment3fragment4fragment5";
    let writes = vec![
        part(TEXT, first),
        part(CONTINUATION, second),
        whole(PING, "pongme 1!"),
        part(CONTINUATION, "fragment3"),
        part(CONTINUATION, "fragment4"),
        whole(PING, "pongme 2!"),
        whole(CONTINUATION, "fragment5"),
    ];
    cases.fine("5.19", writes, &[five], &[b"pongme 1!", b"pongme 2!"]);
    cases.at_once("5.20");
}

/// Text, by what it is made of; the tables are in `utf8`.
fn text(cases: &mut Cases) {
    cases.fine("6.1.1", vec![whole(TEXT, "")], &[""], &[]);
    let empty = |middle: &str| {
        vec![
            part(TEXT, ""),
            part(CONTINUATION, middle),
            whole(CONTINUATION, ""),
        ]
    };
    cases.fine("6.1.2", empty(""), &[""], &[]);
    cases.fine(
        "6.1.3",
        empty("middle frame payload"),
        &["middle frame payload"],
        &[],
    );
    let (start, end) = ("Hello-µ@ßöä", "üàá-UTF-8!!");
    let german = format!("{start}{end}");
    cases.fine("6.2.1", vec![whole(TEXT, &german)], &[&german], &[]);
    cases.fine(
        "6.2.2",
        vec![part(TEXT, start), whole(CONTINUATION, end)],
        &[&german],
        &[],
    );
    cases.fine("6.2.3", crumbs(german.as_bytes()), &[&german], &[]);
    cases.fine("6.2.4", crumbs("κόσμε".as_bytes()), &["κόσμε"], &[]);
    let surrogate = ["κόσμε".as_bytes(), &[0xED, 0xA0, 0x80], b"edited"].concat();
    cases.fails("6.3.1", vec![whole(TEXT, &surrogate)], &[], NOT_UTF8);
    cases.fails("6.3.2", crumbs(&surrogate), &[], NOT_UTF8);

    // What is wrong is refused before the rest has come: it never does.
    let (good, bad, cut) = ("κόσμε".as_bytes(), &[0xF4, 0x90, 0x80, 0x80][..], &[0xF4][..]);
    cases.fails(
        "6.4.1",
        vec![part(TEXT, good), part(CONTINUATION, bad)],
        &[],
        NOT_UTF8,
    );
    let writes = vec![part(TEXT, [good, cut].concat()), part(CONTINUATION, [0x90])];
    cases.fails("6.4.2", writes, &[], NOT_UTF8);
    let all = whole(TEXT, [good, bad, b"edited"].concat());
    let at = all.len() - b"edited".len() - bad.len();
    cases.fails(
        "6.4.3",
        vec![all[..at].to_vec(), all[at..at + 4].to_vec()],
        &[],
        NOT_UTF8,
    );
    let writes = vec![all[..=at].to_vec(), all[at + 1..at + 2].to_vec()];
    cases.fails("6.4.4", writes, &[], NOT_UTF8);

    for sequence in utf8::sequences() {
        let utf8::Sequence { name, bytes, valid } = sequence;
        for (name, writes) in [
            (name.clone(), vec![whole(TEXT, &bytes)]),
            (format!("{name} by crumbs"), crumbs(&bytes)),
        ] {
            match std::str::from_utf8(&bytes).ok().filter(|_| valid) {
                Some(text) => cases.fine(&name, writes, &[text], &[]),
                None => cases.fails(&name, writes, &[], NOT_UTF8),
            }
        }
    }
}

fn closing(cases: &mut Cases) {
    let hello = "Hello World!";
    cases.fine("7.1.1", vec![whole(TEXT, hello)], &[hello], &[]);
    let twice = vec![close(FINE, ""), close(FINE, "")];
    cases.ends("7.1.2", twice, &[], &[], FINE);
    let then = |after: Vec<u8>| vec![close(FINE, ""), after];
    cases.ends("7.1.3", then(whole(PING, "")), &[], &[], FINE);
    cases.ends("7.1.4", then(whole(TEXT, hello)), &[], &[], FINE);
    let inside = vec![
        part(TEXT, "fragment1"),
        close(FINE, ""),
        whole(CONTINUATION, "fragment2"),
    ];
    cases.ends("7.1.5", inside, &[], &[], FINE);
    let huge = vec![
        whole(TEXT, "BAsd7&jh23".repeat(26_214)),
        close(FINE, ""),
        whole(PING, ""),
    ];
    cases.fails("7.1.6", huge, &[], TOO_BIG);

    cases.ends("7.3.1", vec![whole(CLOSE, "")], &[], &[], NO_CODE);
    cases.fails("7.3.2", vec![whole(CLOSE, "a")], &[], PROTOCOL);
    cases.ends("7.3.3", vec![close(FINE, "")], &[], &[], FINE);
    cases.ends("7.3.4", vec![close(FINE, hello)], &[], &[], FINE);
    cases.ends("7.3.5", vec![close(FINE, "*".repeat(123))], &[], &[], FINE);
    cases.fails("7.3.6", vec![close(FINE, "*".repeat(124))], &[], PROTOCOL);
    let bad = ["κόσμε".as_bytes(), &[0xED, 0xA0, 0x80], b"edited"].concat();
    cases.fails("7.5.1", vec![close(FINE, bad)], &[], NOT_UTF8);
    let valid = [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
    ];
    for (at, code) in valid.into_iter().enumerate() {
        cases.ends(&format!("7.7.{}", at + 1), vec![close(code, "")], &[], &[], code);
    }
    let invalid = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
    for (at, code) in invalid.into_iter().enumerate() {
        cases.fails(&format!("7.9.{}", at + 1), vec![close(code, "")], &[], PROTOCOL);
    }
    for (at, code) in [5000, 65_535].into_iter().enumerate() {
        cases.fails(&format!("7.13.{}", at + 1), vec![close(code, "")], &[], PROTOCOL);
    }
}

/// Sends a case on a connection of its own: the pongs, and the code of the close frame.
async fn drive(house: &House, key: u128, case: &Case) -> std::io::Result<(Vec<Vec<u8>>, u16)> {
    let mut stream = TcpStream::connect(house.address).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /ws?key={key}&after=0 HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut got = Vec::new();
    let head = loop {
        stream.read_buf(&mut got).await?;
        if let Some(head) = got.windows(4).position(|window| window == b"\r\n\r\n") {
            break head + 4;
        }
    };
    got.drain(..head);
    let (mut input, mut output) = stream.split();
    let sending = async {
        for write in &case.writes {
            // Who has failed the connection need not read on.
            if output.write_all(write).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let reading = async {
        let mut pongs = Vec::new();
        loop {
            while let Some(payload) = protocol::server_payload(&got) {
                let (opcode, end) = (got[0] & 0x0F, payload.end);
                let payload = got[payload].to_vec();
                got.drain(..end);
                match opcode {
                    PONG => pongs.push(payload),
                    CLOSE => {
                        let code = payload
                            .first_chunk()
                            .map_or(NO_CODE, |code| u16::from_be_bytes(*code));
                        return Ok((pongs, code));
                    }
                    _ => {}
                }
            }
            if input.read_buf(&mut got).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    };
    let both = async {
        tokio::select! {
            read = reading => read,
            () = sending => unreachable!("it waits for the reading"),
        }
    };
    match tokio::time::timeout(Duration::from_secs(5), both).await {
        Ok(read) => read,
        Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

#[tokio::test]
async fn cases() {
    let house = House::start(Config {
        messages_per_s: 1_000_000,
        messages_burst: 1_000_000,
        ..Config::default()
    })
    .await;
    let mut cases = Cases::default();
    framing(&mut cases);
    pings(&mut cases);
    reserved_bits(&mut cases);
    opcodes(&mut cases);
    fragments(&mut cases);
    text(&mut cases);
    closing(&mut cases);
    let Cases(cases) = cases;
    assert!(cases.len() > 350, "{} cases", cases.len());

    let mut wrong = Vec::new();
    for (key, case) in (1_u128..).zip(&cases) {
        let ended = drive(&house, key, case).await;
        let said = house.said_by(key);
        let right = ended
            .as_ref()
            .is_ok_and(|(pongs, code)| *pongs == case.pongs && *code == case.close);
        if !right || said != case.said {
            wrong.push(format!(
                "{}: {ended:?} instead of {}, said {} of {}",
                case.name,
                case.close,
                said.len(),
                case.said.len()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}
