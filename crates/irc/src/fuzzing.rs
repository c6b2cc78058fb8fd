//! What must hold whatever strangers send. Each function is a fuzz target: it takes any bytes, and panics where one
//! of the rules is broken. `cargo xtask fuzz` looks for such bytes; the corpus that it keeps is a test, too.

use std::time::Duration;

use crate::line::{LINE_BYTES_MAX, Line, TAGS_BYTES_MAX};
use crate::protocol::{Asked, HangUp, Session};

/// A line that is read is read again as it was when it is written. What clients send makes no difference by where it
/// is cut, what waits is bounded, and nothing that is sent back has a line within a line.
pub fn irc(input: &[u8]) {
    if let Some(line) = std::str::from_utf8(input).ok().and_then(Line::parse) {
        read_again(&line);
    }
    let Some((cut, bytes)) = input.split_first_chunk() else {
        return;
    };
    // Strangers are hung up on by how much comes at once, too.
    let bytes = &bytes[..bytes.len().min(4_096)];
    let cut = usize::from(u16::from_be_bytes(*cut)) % (bytes.len() + 1);
    let (first, second) = bytes.split_at(cut);
    assert_eq!(speak(&[bytes]), speak(&[first, second]), "cut at {cut}");
}

/// What has no ends of lines in it comes back; and what has, as one line.
fn read_again(line: &Line) {
    let text = line.text();
    let body = text.strip_suffix("\r\n").expect("a line ends");
    assert!(!body.contains(['\r', '\n', '\0']) || line.prefix.is_some() || !line.tags.is_empty());
    let again = Line::parse(body);
    let plain = |text: &str| !text.contains(['\r', '\n', '\0']);
    let middle = line.params.split_last().map_or(&[][..], |(_, middle)| middle);
    let told = line
        .params
        .iter()
        .all(|param| plain(param) && param.trim_matches(' ') == param)
        && middle.iter().all(|param| !param.is_empty())
        && line.tags.iter().all(|(key, value)| plain(key) && plain(value))
        && line.prefix.as_deref().is_none_or(plain);
    if told {
        assert_eq!(again.as_ref(), Some(line), "{text:?}");
    }
}

type Spoken = (Vec<Asked>, String, Option<HangUp>);

fn speak(pieces: &[&[u8]]) -> Spoken {
    let now = Duration::from_secs(1);
    let mut session = Session::new(now);
    let (mut asked, mut said, mut hung_up) = (Vec::new(), String::new(), None);
    for piece in pieces {
        hung_up = hung_up.or_else(|| session.receive(piece, now).err());
        assert!(session.waiting() <= TAGS_BYTES_MAX + LINE_BYTES_MAX + piece.len());
    }
    while let Some(next) = session.next() {
        if let Asked::SignIn { .. } = next {
            session.welcome("somebody");
        }
        asked.push(next);
    }
    said.extend(session.output());
    (asked, said, hung_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_keeps_the_rules() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/irc");
        let mut kept = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            irc(&std::fs::read(entry.unwrap().path()).unwrap());
            kept += 1;
        }
        assert!(kept >= 8);
    }
}
