//! One line of IRC: `@tags :prefix COMMAND parameters :last one` (RFC 1459 §2.3.1, with IRCv3's message tags).
//!
//! Invariant: what is written is one line, whatever is in it, and is read again as it was.

use std::fmt::Write;

/// Of a line without its tags, in bytes. IRC has 512, which is less than three hundred characters of most of the
/// world's scripts; so this is what they may take, and a command.
pub(crate) const LINE_BYTES_MAX: usize = 2_048;
/// Of its tags, the `@` and the space included.
pub(crate) const TAGS_BYTES_MAX: usize = 8_191;
/// RFC 1459's, and the command.
const PARAMS_MAX: usize = 15;

/// A line, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) prefix: Option<String>,
    /// In capitals.
    pub(crate) command: String,
    pub(crate) params: Vec<String>,
}

impl Line {
    pub(crate) fn new(command: &str, params: &[&str]) -> Self {
        Self {
            command: command.to_owned(),
            params: params.iter().map(|param| (*param).to_owned()).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn from(self, prefix: &str) -> Self {
        Self {
            prefix: Some(prefix.to_owned()),
            ..self
        }
    }

    pub(crate) fn tagged(mut self, tags: &[(&str, &str)]) -> Self {
        let tags = tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        self.tags.extend(tags);
        self
    }

    /// Reads a line without its end; `None` when it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim_matches(' ');
        let mut line = Self::default();
        if let Some(tagged) = rest.strip_prefix('@') {
            let (tags, after) = tagged.split_once(' ')?;
            let tags = tags.split(';').filter(|tag| !tag.is_empty());
            line.tags = tags
                .map(|tag| {
                    let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
                    (key.to_owned(), unescaped(value))
                })
                .collect();
            rest = after.trim_start_matches(' ');
        }
        if let Some(prefixed) = rest.strip_prefix(':') {
            let (prefix, after) = prefixed.split_once(' ')?;
            line.prefix = Some(prefix.to_owned());
            rest = after.trim_start_matches(' ');
        }
        let (command, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if command.is_empty() || !command.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        line.command = command.to_ascii_uppercase();
        loop {
            rest = rest.trim_start_matches(' ');
            if rest.is_empty() {
                return Some(line);
            }
            if let Some(last) = rest.strip_prefix(':') {
                line.params.push(last.to_owned());
                return Some(line);
            }
            if line.params.len() == PARAMS_MAX - 1 {
                line.params.push(rest.to_owned());
                return Some(line);
            }
            let (param, after) = rest.split_once(' ').unwrap_or((rest, ""));
            line.params.push(param.to_owned());
            rest = after;
        }
    }

    /// As it is sent, with its end.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if !self.tags.is_empty() {
            for (place, (key, value)) in self.tags.iter().enumerate() {
                let before = if place == 0 { '@' } else { ';' };
                // A String takes every write.
                let _ = write!(text, "{before}{key}={}", escaped(value));
            }
            text.push(' ');
        }
        if let Some(prefix) = &self.prefix {
            let _ = write!(text, ":{prefix} ");
        }
        text.push_str(&self.command);
        for (place, param) in self.params.iter().enumerate() {
            let last = place + 1 == self.params.len();
            // As servers do, also where a single word would not need it: some bots look for it.
            let whole = place > 0 || param.is_empty() || param.starts_with(':') || param.contains(' ');
            text.push_str(if last && whole { " :" } else { " " });
            text.extend(param.chars().map(|c| match c {
                '\r' | '\n' | '\0' => ' ',
                other => other,
            }));
        }
        text.push_str("\r\n");
        text
    }

    /// A parameter, or nothing.
    pub(crate) fn param(&self, place: usize) -> &str {
        self.params.get(place).map_or("", String::as_str)
    }
}

/// IRCv3's message tags, "Escaping values".
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            ';' => text.push_str("\\:"),
            ' ' => text.push_str("\\s"),
            '\\' => text.push_str("\\\\"),
            '\r' => text.push_str("\\r"),
            '\n' => text.push_str("\\n"),
            '\0' => {}
            other => text.push(other),
        }
    }
    text
}

fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some(':') => text.push(';'),
            Some('s') => text.push(' '),
            Some('r') => text.push('\r'),
            Some('n') => text.push('\n'),
            Some(other) => text.push(other),
            None => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let line = Line::parse("@a=1;b=x\\sy\\:z;c :ana!ana@host privmsg  #room :hello  you").unwrap();
        let tags: Vec<_> = line.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(tags, [("a", "1"), ("b", "x y;z"), ("c", "")]);
        assert_eq!(line.prefix.as_deref(), Some("ana!ana@host"));
        assert_eq!(
            (line.command.as_str(), line.param(0), line.param(1)),
            ("PRIVMSG", "#room", "hello  you")
        );
        assert_eq!(Line::parse("PING").unwrap(), Line::new("PING", &[]));
        assert_eq!(Line::parse("CAP REQ :").unwrap(), Line::new("CAP", &["REQ", ""]));
        for none in [
            "",
            " ",
            ":",
            ":prefix",
            "@tags",
            "@tags ",
            ":p ",
            "PRIV-MSG x",
            "\u{e9} x",
        ] {
            assert_eq!(Line::parse(none), None, "{none:?}");
        }
    }

    #[test]
    fn nothing_in_a_line_ends_it() {
        let line = Line::new("PRIVMSG", &["#room", "one\r\nQUIT :two\0"]).tagged(&[("name", "a;b c\\\r\n")]);
        let text = line.text();
        assert_eq!(
            text,
            "@name=a\\:b\\sc\\\\\\r\\n PRIVMSG #room :one  QUIT :two \r\n"
        );
        assert_eq!(text.matches('\n').count(), 1);
    }
}
