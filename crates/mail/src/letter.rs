//! A letter as it is written down (RFC 5322, RFC 2045, RFC 2047): plain text, in lines that any relay takes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use busk_base::Timestamp;

use crate::Address;

/// Of an encoded line of text (RFC 2045 §6.7), and of an encoded word's text, in bytes.
const LINE_MAX: usize = 76;
const WORD_BYTES_MAX: usize = 42;

/// One letter to one person. What people typed may stand in `subject`, `text` and `from_name`.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Names this letter wherever it goes: the same again is the same letter. Letters, digits, `-` and `.`.
    pub id: String,
    pub from_name: String,
    pub to: Address,
    pub subject: String,
    /// Lines end with `\n`.
    pub text: String,
    pub at: Timestamp,
    /// Where a POST without a session ends letters of this kind (RFC 8058).
    pub unsubscribe: Option<String>,
}

impl Letter {
    /// The whole of it, lines ended by CRLF.
    pub(crate) fn written(&self, from: &Address) -> String {
        let mut headers = vec![
            format!("From: {} <{from}>", phrase(&self.from_name)),
            format!("To: <{}>", self.to),
            format!("Subject: {}", phrase(&self.subject)),
            format!("Date: {}", self.at.rfc5322()),
            format!("Message-ID: <{}@{}>", self.id, from.domain()),
            "MIME-Version: 1.0".to_owned(),
            "Content-Type: text/plain; charset=utf-8".to_owned(),
            "Content-Transfer-Encoding: quoted-printable".to_owned(),
            // So that no absence notice answers (RFC 3834 §5).
            "Auto-Submitted: auto-generated".to_owned(),
        ];
        if let Some(url) = &self.unsubscribe {
            headers.push(format!("List-Unsubscribe: <{url}>"));
            headers.push("List-Unsubscribe-Post: List-Unsubscribe=One-Click".to_owned());
        }
        format!("{}\r\n\r\n{}", headers.join("\r\n"), quoted_printable(&self.text))
    }
}

/// Text in a header, as encoded words (RFC 2047) on lines of their own: of whatever it is made, it stays one header.
/// Plain words stay as they are.
fn phrase(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == ' ';
    if text.len() <= WORD_BYTES_MAX && !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for c in text.chars() {
        let word = words.last_mut().expect("there is one from the beginning");
        if word.len() + c.len_utf8() > WORD_BYTES_MAX {
            words.push(c.to_string());
        } else {
            word.push(c);
        }
    }
    let encoded = words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
    encoded.collect::<Vec<_>>().join("\r\n ")
}

/// RFC 2045 §6.7: what is not plain is written as `=C3`, and long lines go on after a `=`.
fn quoted_printable(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + text.len() / 8);
    for line in text.lines() {
        let mut column = 0;
        let bytes = line.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            // A blank at a line's end gets lost on the way.
            let plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~')
                || (matches!(byte, b' ' | b'\t') && at + 1 < bytes.len());
            let width = if plain { 1 } else { 3 };
            if column + width >= LINE_MAX {
                written.push_str("=\r\n");
                column = 0;
            }
            if plain {
                written.push(char::from(*byte));
            } else {
                written.push_str(&format!("={byte:02X}"));
            }
            column += width;
        }
        written.push_str("\r\n");
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter {
            id: "a-1".into(),
            from_name: "Zoé\r\nBcc: all@example.org".into(),
            to: Address::parse("bea@example.org").unwrap(),
            subject: "Ana is live: ".to_owned() + &"é".repeat(60),
            text: format!("Hello = {}\n.\ntail \n", "é".repeat(60)),
            at: Timestamp::from_unix_us(1_795_252_800_000_000),
            unsubscribe: Some("https://busk.example/unsubscribe/t".into()),
        }
    }

    #[test]
    fn what_people_typed_stays_text() {
        let from = Address::parse("live@busk.example").unwrap();
        let written = letter().written(&from);
        let (head, body) = written.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with(' '))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "MIME-Version",
                "Content-Type",
                "Content-Transfer-Encoding",
                "Auto-Submitted",
                "List-Unsubscribe",
                "List-Unsubscribe-Post"
            ]
        );
        assert!(written.is_ascii() && written.split("\r\n").all(|line| line.len() <= 78));
        assert!(!written.replace("\r\n", "").contains(['\r', '\n']));
        assert_eq!(unquoted(body), letter().text.replace('\n', "\r\n"));
        assert!(body.contains("tail=20\r\n"));
    }

    #[test]
    fn plain_words_stay_readable() {
        assert_eq!(phrase("Songs at dusk"), "Songs at dusk");
        assert_eq!(phrase("a: b"), "=?utf-8?B?YTogYg==?=");
        assert_eq!(phrase(""), "=?utf-8?B??=");
    }

    /// What a reader makes of it.
    fn unquoted(body: &str) -> String {
        let joined = body.replace("=\r\n", "");
        let mut bytes = Vec::new();
        let mut rest = joined.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            if *first == b'=' {
                let hex = std::str::from_utf8(&after[..2]).unwrap();
                bytes.push(u8::from_str_radix(hex, 16).unwrap());
                rest = &after[2..];
            } else {
                bytes.push(*first);
                rest = after;
            }
        }
        String::from_utf8(bytes).unwrap()
    }
}
