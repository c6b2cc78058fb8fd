//! What must hold whatever strangers send. Each function is a fuzz target: it takes any bytes, and panics where one
//! of the rules is broken. `cargo xtask fuzz` looks for such bytes.

use busk_base::Timestamp;

use crate::providers::stripe::{Event, Mode, read, sign, verify};
use crate::providers::{About, Notice};

/// A signature's header, a zero byte, and an event. Nothing is believed that no secret signed, and what one signed is,
/// as it came alone; an event is refused, or a notice that is kept and read again as it was.
pub fn stripe_event(input: &[u8]) {
    let cut = input.iter().position(|byte| *byte == 0).unwrap_or(0);
    let (header, body) = input.split_at(cut);
    let body = body.get(1..).unwrap_or_default();
    let header = String::from_utf8_lossy(header);
    let (secrets, now) = (
        ["whsec_fuzz".to_owned()],
        Timestamp::from_unix_us(1_795_252_800_000_000),
    );
    assert!(verify(&secrets, Some(&header), body, now).is_err());
    let signed = sign(&secrets[0], now, body);
    assert_eq!(verify(&secrets, Some(&signed), body, now), Ok(()));
    assert!(verify(&secrets, Some(&signed), &[body, b" "].concat(), now).is_err());

    for mode in [Mode::Test, Mode::Live] {
        let Ok(Event::Says(notice)) = read(body, mode) else {
            continue;
        };
        assert!((1..=255).contains(&notice.id.len()));
        let kept = serde_json::to_string(&notice).expect("a notice is text and numbers");
        let again: Notice = serde_json::from_str(&kept).expect("what was written can be read");
        assert_eq!(again, notice);
        if let About::Payment(paid) = &notice.about {
            assert!(!paid.currency.bytes().any(|byte| byte.is_ascii_lowercase()));
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_keeps_the_rules() {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/stripe_event");
        let inputs = std::fs::read_dir(corpus)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let read = inputs.map(|path| super::stripe_event(&std::fs::read(path).unwrap()));
        assert!(read.count() >= 6);
    }
}
