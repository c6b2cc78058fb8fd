//! RFC 6455, rule by rule; each case runs whole, byte by byte, and cut at every place.

use proptest::prelude::*;

use super::*;

const CAP: usize = 1000;

/// A client's frame with the mask every test uses.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = vec![first];
    match payload.len() {
        short @ 0..=125 => out.push(0x80 | short as u8),
        medium @ 126..=0xFFFF => {
            out.push(0x80 | 126);
            out.extend((medium as u16).to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    out.extend(mask);
    out.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    out
}

/// What came out, in a form that can be compared.
fn read(
    decoder: &mut Decoder,
    mut inflater: Option<&mut Inflater>,
    bytes: &[u8],
    out: &mut Vec<String>,
) -> Result<(), Violation> {
    let mut bytes = bytes.to_vec();
    let mut input = &mut bytes[..];
    while let Some(incoming) = decoder.next(&mut input, inflater.as_deref_mut(), CAP)? {
        out.push(match incoming {
            Incoming::Text(text) => format!("text {text}"),
            Incoming::Binary(bytes) => format!("binary {bytes:?}"),
            Incoming::Ping(payload) => format!("ping {}", String::from_utf8_lossy(payload)),
            Incoming::Pong => "pong".to_owned(),
            Incoming::Close(code) => format!("close {code:?}"),
        });
    }
    assert!(input.is_empty(), "everything is used up");
    Ok(())
}

/// However the bytes are cut, the same comes out.
#[track_caller]
fn decode(bytes: &[u8]) -> Result<Vec<String>, Violation> {
    decode_by(bytes, false)
}

#[track_caller]
fn decode_by(bytes: &[u8], deflate: bool) -> Result<Vec<String>, Violation> {
    let run = |pieces: &[&[u8]]| {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        let mut inflater = deflate.then(Inflater::default);
        for piece in pieces {
            read(&mut decoder, inflater.as_mut(), piece, &mut out)?;
        }
        Ok(out)
    };
    let whole = run(&[bytes]);
    assert_eq!(run(&bytes.chunks(1).collect::<Vec<_>>()), whole, "byte by byte");
    for at in 0..bytes.len() {
        let (a, b) = bytes.split_at(at);
        assert_eq!(run(&[a, b]), whole, "cut at {at}");
    }
    whole
}

fn texts(expected: &[&str]) -> Result<Vec<String>, Violation> {
    Ok(expected.iter().map(|text| (*text).to_owned()).collect())
}

#[test]
fn section_5_7_examples() {
    // "A single-frame masked text message", byte for byte from the RFC.
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(decode(&hello), texts(&["text Hello"]));
    assert_eq!(hello.to_vec(), frame(0x81, b"Hello"));
    // "A single-frame unmasked text message" and "unmasked Ping" are what a server sends.
    assert_eq!(
        text_frame(b"Hello")[..],
        [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]
    );
    assert_eq!(PING, [0x89, 0x00]);
    assert_eq!(
        pong_frame(b"Hello")[..],
        [0x8a, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]
    );
    // "256 bytes binary message" and "64KiB": the forms of the length.
    assert_eq!(text_frame(&[b'x'; 256])[..4], [0x81, 0x7E, 0x01, 0x00]);
    assert_eq!(
        text_frame(&[b'x'; 65_536])[..10],
        [0x81, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]
    );
    assert_eq!(text_frame(&[b'x'; 125])[..2], [0x81, 125]);
    assert_eq!(text_frame(&[b'x'; 126])[..4], [0x81, 126, 0, 126]);
}

#[test]
fn section_5_1_unmasked_is_refused() {
    assert_eq!(decode(&[0x81, 0x00]), Err(Violation::Unmasked));
    assert_eq!(Violation::Unmasked.close_code(), 1002);
}

#[test]
fn section_5_2_headers() {
    for rsv in [0x40, 0x20, 0x10] {
        assert_eq!(decode(&frame(0x81 | rsv, b"x")), Err(Violation::ReservedBits));
    }
    for opcode in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        assert_eq!(decode(&frame(0x80 | opcode, b"")), Err(Violation::UnknownOpcode));
    }
    let short_as_medium = [0x81, 0x80 | 126, 0, 5, 0, 0, 0, 0];
    assert_eq!(decode(&short_as_medium), Err(Violation::LengthNotMinimal));
    let medium_as_long = [0x81, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];
    assert_eq!(decode(&medium_as_long), Err(Violation::LengthNotMinimal));
    let payload = "m".repeat(200);
    assert_eq!(
        decode(&frame(0x81, payload.as_bytes())),
        texts(&[&format!("text {payload}")])
    );
    assert_eq!(decode(&frame(0x82, &[0, 255])), texts(&["binary [0, 255]"]));
}

#[test]
fn section_5_4_fragments_with_a_ping_between() {
    let bytes = [
        frame(0x01, "h\u{e9}llo ".as_bytes()),
        frame(0x89, b"are you there"),
        frame(0x00, b"wor"),
        frame(0x8A, b"unasked"),
        frame(0x80, b"ld"),
        frame(0x81, b"next"),
    ]
    .concat();
    assert_eq!(
        decode(&bytes),
        texts(&["ping are you there", "pong", "text h\u{e9}llo world", "text next"])
    );
    let empty = [frame(0x01, b""), frame(0x00, b""), frame(0x80, b"")].concat();
    assert_eq!(decode(&empty), texts(&["text "]));
}

#[test]
fn section_5_4_fragments_out_of_place() {
    assert_eq!(decode(&frame(0x80, b"x")), Err(Violation::ContinuationAlone));
    assert_eq!(decode(&frame(0x00, b"x")), Err(Violation::ContinuationAlone));
    for second in [0x81, 0x01, 0x82] {
        let bytes = [frame(0x01, b"a"), frame(second, b"b")].concat();
        assert_eq!(decode(&bytes), Err(Violation::MessageInsideMessage));
    }
    let after_the_end = [frame(0x01, b"a"), frame(0x80, b"b"), frame(0x80, b"c")].concat();
    assert_eq!(decode(&after_the_end), Err(Violation::ContinuationAlone));
}

#[test]
fn section_5_5_control_frames() {
    for opcode in [8, 9, 0xA] {
        assert_eq!(decode(&frame(opcode, b"")), Err(Violation::ControlFragmented));
        assert_eq!(
            decode(&frame(0x80 | opcode, &[b'x'; 126])),
            Err(Violation::ControlTooLong)
        );
    }
    let longest = "p".repeat(CONTROL_MAX);
    assert_eq!(
        decode(&frame(0x89, longest.as_bytes())),
        texts(&[&format!("ping {longest}")])
    );
}

#[test]
fn section_5_5_1_close() {
    let close = |code: u16, reason: &[u8]| frame(0x88, &[&code.to_be_bytes(), reason].concat());
    assert_eq!(decode(&frame(0x88, b"")), texts(&["close None"]));
    for code in [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4000, 4999] {
        assert_eq!(
            decode(&close(code, b"bye")),
            texts(&[&format!("close Some({code})")])
        );
    }
    // §7.4.1 and §7.4.2: not to be sent, or not in use.
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
    ] {
        assert_eq!(decode(&close(code, b"")), Err(Violation::CloseCode), "{code}");
    }
    assert_eq!(decode(&frame(0x88, b"x")), Err(Violation::CloseCode));
    assert_eq!(decode(&close(1000, b"\xff")), Err(Violation::NotUtf8));

    assert_eq!(close_echo(Some(1000))[..], [0x88, 2, 0x03, 0xE8]);
    assert_eq!(close_echo(None)[..], [0x88, 0]);
    let cut = close_frame(1000, &"\u{e9}".repeat(100));
    assert_eq!(cut.len(), 2 + 124, "a character of two bytes is not cut in half");
    assert!(std::str::from_utf8(&cut[4..]).is_ok());
}

#[test]
fn section_8_1_utf8() {
    assert_eq!(
        decode(&frame(0x81, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80")),
        Err(Violation::NotUtf8)
    );
    assert_eq!(Violation::NotUtf8.close_code(), 1007);
    // A character may be cut by fragments.
    let snowman = "\u{2603}".as_bytes();
    let cut = [
        frame(0x01, &snowman[..1]),
        frame(0x00, &snowman[1..2]),
        frame(0x80, &snowman[2..]),
    ]
    .concat();
    assert_eq!(decode(&cut), texts(&["text \u{2603}"]));
    let unfinished = [frame(0x01, &snowman[..1]), frame(0x80, b"")].concat();
    assert_eq!(decode(&unfinished), Err(Violation::NotUtf8));
    // What no continuation can mend fails at once, before the message ends.
    assert_eq!(decode(&frame(0x01, b"ok\xff")), Err(Violation::NotUtf8));
    assert!(decode(&frame(0x82, b"\xff")).is_ok(), "binary is not text");
}

#[test]
fn too_big_is_refused_by_its_header() {
    let announced = [0x81, 0x80 | 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    assert_eq!(decode(&announced), Err(Violation::TooBig));
    assert_eq!(Violation::TooBig.close_code(), 1009);
    assert!(decode(&frame(0x81, &[b'x'; CAP])).is_ok());
    assert_eq!(decode(&frame(0x81, &[b'x'; CAP + 1])), Err(Violation::TooBig));
    let in_parts = [frame(0x01, &[b'x'; CAP - 1]), frame(0x80, b"ab")].concat();
    assert_eq!(decode(&in_parts), Err(Violation::TooBig));
    // A control frame between does not count.
    let with_ping = [
        frame(0x01, &[b'x'; CAP]),
        frame(0x89, &[b'p'; 100]),
        frame(0x80, b""),
    ]
    .concat();
    assert!(decode(&with_ping).is_ok());
}

#[test]
fn an_idle_decoder_owns_nothing() {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    let hello = frame(0x81, b"hello");
    for piece in [&hello[..3], &hello[3..], &frame(0x01, b"a"), &frame(0x80, b"b")] {
        read(&mut decoder, None, piece, &mut out).expect("valid");
    }
    assert_eq!(out, ["text hello", "text ab"]);
    read(&mut decoder, None, &hello[..3], &mut out).expect("valid");
    assert!(!decoder.is_idle());
    read(&mut decoder, None, &hello[3..], &mut out).expect("valid");
    assert!(decoder.is_idle());
    assert_eq!((decoder.held.capacity(), decoder.fragments.capacity()), (0, 0));
}

#[test]
fn section_1_3_accept_key() {
    assert_eq!(
        accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    assert!(is_key(b"dGhlIHNhbXBsZSBub25jZQ=="));
    for bad in [
        "",
        "dGhlIHNhbXBsZSBub25jZQ",
        "c2hvcnQ=",
        "!!!!!!!!!!!!!!!!!!!!!!==",
    ] {
        assert!(!is_key(bad.as_bytes()), "{bad}");
    }
}

proptest! {
    /// Whatever comes, in whatever pieces: no panic, and never more held than the cap and a header.
    #[test]
    fn any_bytes_are_survived(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let mut decoder = Decoder::default();
        for piece in pieces {
            if read(&mut decoder, None, &piece, &mut Vec::new()).is_err() {
                break;
            }
            prop_assert!(decoder.held.len() + decoder.fragments.len() <= CAP + CONTROL_MAX + CLIENT_HEADER_MAX);
        }
    }

    /// Messages come out as they went in, however they are fragmented and cut.
    #[test]
    fn messages_survive_any_cut(
        messages in prop::collection::vec(("\\PC{0,40}", 1usize..5), 1..6),
        cut in 1usize..40,
    ) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (text, parts) in &messages {
            let size = text.len().div_ceil(*parts).max(1);
            let mut pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            if pieces.is_empty() {
                pieces.push(b"");
            }
            let last = pieces.len() - 1;
            for (i, piece) in pieces.into_iter().enumerate() {
                bytes.extend(frame(if i == 0 { 1 } else { 0 } | if i == last { 0x80 } else { 0 }, piece));
            }
            expected.push(format!("text {text}"));
        }
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        for piece in bytes.chunks(cut) {
            read(&mut decoder, None, piece, &mut out).expect("valid frames");
        }
        prop_assert_eq!(out, expected);
    }
}

/// RFC 7692 §7.2.3, its examples.
#[test]
fn compressed_messages_however_they_are_cut() {
    let hello = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    let stored = [0x00, 0x05, 0x00, 0xFA, 0xFF, b'H', b'e', b'l', b'l', b'o', 0x00];
    let last = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
    let two_blocks = [
        0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00,
    ];
    for packed in [&hello[..], &stored, &last, &two_blocks] {
        assert_eq!(decode_by(&frame(0xC1, packed), true), texts(&["text Hello"]));
        let (a, b) = packed.split_at(3);
        let pieces = [
            frame(0x41, a),
            frame(0x89, b"ping"),
            frame(0x00, b""),
            frame(0x80, b),
        ];
        let all = [pieces.concat(), frame(0x81, b"plain"), frame(0xC1, packed)].concat();
        let expected = ["ping ping", "text Hello", "text plain", "text Hello"];
        assert_eq!(decode_by(&all, true), texts(&expected));
    }
    for (bytes, violation) in [
        (frame(0xC1, &[0xFF; 9]), Violation::NotDeflated),
        (
            [frame(0x01, b"x"), frame(0xC0, b"")].concat(),
            Violation::ReservedBits,
        ),
        (frame(0xC9, b""), Violation::ReservedBits),
        (frame(0xE1, &hello), Violation::ReservedBits),
    ] {
        assert_eq!(decode_by(&bytes, true), Err(violation));
    }
    assert_eq!(decode(&frame(0xC1, &hello)), Err(Violation::ReservedBits));
}

proptest! {
    /// What is compressed for all is what was said; a client's message is as long as may be, and no longer.
    #[test]
    fn what_is_compressed_comes_back(text in ".{0,400}", times in 1_usize..8) {
        let text = text.repeat(times);
        let mut deflater = crate::deflate::Deflater::new();
        // Twice: nothing is kept in between.
        for _ in 0..2 {
            let Some(packed) = deflater.text_frame(text.as_bytes()) else { continue };
            let payload = server_payload(&packed).unwrap();
            prop_assert!(packed[0] == 0xC1 && packed.len() < text.len() && payload.end == packed.len());
            let sent = frame(0xC1, &packed[payload]);
            let fits = text.len() <= CAP;
            let mut out = Vec::new();
            let read = read(&mut Decoder::default(), Some(&mut Inflater::default()), &sent, &mut out);
            prop_assert_eq!(read, if fits { Ok(()) } else { Err(Violation::TooBig) });
            prop_assert_eq!(out, if fits { vec![format!("text {text}")] } else { vec![] });
        }
    }

    /// Whatever comes is a message or a violation, never more than the limit, and never a panic.
    #[test]
    fn noise_is_no_message(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut inflater = Inflater::default();
        if let Ok(message) = inflater.message(&noise, CAP) {
            prop_assert!(message.len() <= CAP);
        }
    }
}
