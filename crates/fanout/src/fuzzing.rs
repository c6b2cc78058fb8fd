//! What must hold whatever strangers send. Each function is a fuzz target: it takes any bytes, and panics where one
//! of the rules is broken. `cargo xtask fuzz` looks for such bytes; the corpus that it keeps is a test, too.

use crate::deflate::{self, Deflater, Inflater};
use crate::protocol::{Decoder, Incoming, Violation, server_payload};

const CAP: usize = 2_048;

/// What a client says is the same wherever it is cut, and no longer than may be; what is heard of it comes back when we
/// compress it. Offers of extensions are read whatever they are.
pub fn websocket(input: &[u8]) {
    let Some((cut, bytes)) = input.split_first_chunk() else {
        return;
    };
    let cut = usize::from(u16::from_be_bytes(*cut)) % (bytes.len() + 1);
    let (first, second) = bytes.split_at(cut);
    for deflate in [false, true] {
        let whole = heard(&[bytes], deflate);
        assert_eq!(heard(&[first, second], deflate), whole, "cut at {cut}");
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        deflate::is_offered(text);
        come_back(text);
    }
}

/// What came out, and how it ended.
fn heard(pieces: &[&[u8]], deflate: bool) -> (Vec<String>, Option<Violation>) {
    let (mut decoder, mut heard) = (Decoder::default(), Vec::new());
    let mut inflater = deflate.then(Inflater::default);
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            match decoder.next(&mut input, inflater.as_mut(), CAP) {
                Ok(Some(incoming)) => {
                    if let Incoming::Text(text) = incoming {
                        assert!(text.len() <= CAP);
                    }
                    heard.push(format!("{incoming:?}"));
                }
                Ok(None) => break,
                Err(violation) => return (heard, Some(violation)),
            }
        }
        assert!(input.is_empty());
    }
    (heard, None)
}

fn come_back(text: &str) {
    if let Some(packed) = Deflater::new().text_frame(text.as_bytes()) {
        let payload = &packed[server_payload(&packed).expect("a whole frame")];
        let back = Inflater::default()
            .message(payload, text.len())
            .map(<[u8]>::to_vec);
        assert_eq!(back.as_deref(), Ok(text.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_kept_breaks_no_rule() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/websocket");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).expect("there is a corpus") {
            let path = entry.expect("it can be listed").path();
            super::websocket(&std::fs::read(&path).expect("it can be read"));
            seen += 1;
        }
        assert!(seen >= 8);
    }
}
