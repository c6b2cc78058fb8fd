//! One file, and what a rule may ask of it: its code without comments and strings, its strings, its
//! functions, and which lines are tests.

use std::cell::OnceCell;
use std::ops::Range;

pub struct Source {
    pub path: String,
    pub text: String,
    lexed: OnceCell<Lexed>,
}

/// A Rust file taken apart.
pub struct Lexed {
    /// As long as the text, with comments and strings blanked.
    pub code: String,
    /// Each string literal's offset and content.
    pub strings: Vec<(usize, String)>,
    /// Byte ranges of items under `#[cfg(test)]`.
    tests: Vec<Range<usize>>,
}

pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

impl Source {
    pub fn new(path: String, text: String) -> Source {
        Source {
            path,
            text,
            lexed: OnceCell::new(),
        }
    }

    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The crate's short name: `base` for everything under `crates/base/`.
    pub fn krate(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    pub fn line_of(&self, offset: usize) -> usize {
        1 + self.text.as_bytes()[..offset.min(self.text.len())]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    }

    pub fn lexed(&self) -> &Lexed {
        self.lexed.get_or_init(|| Lexed::of(&self.text))
    }

    /// Whether the whole file is test code.
    pub fn is_test_file(&self) -> bool {
        let path = &self.path;
        path.contains("/tests/") || path.ends_with("tests.rs") || path.starts_with("crates/testkit/")
    }

    pub fn is_test(&self, offset: usize) -> bool {
        self.is_test_file() || self.lexed().tests.iter().any(|range| range.contains(&offset))
    }

    /// Where `word` stands in the code as a whole word.
    pub fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let code = &self.lexed().code;
        code.match_indices(word).map(|(at, _)| at).filter(move |at| {
            let before = code[..*at].chars().next_back();
            let after = code[at + word.len()..].chars().next();
            !(joins(before, word.chars().next()) || joins(word.chars().next_back(), after))
        })
    }

    pub fn functions(&self) -> Vec<Function> {
        let code = &self.lexed().code;
        let mut functions = Vec::new();
        for at in self.words("fn") {
            let rest = &code[at + 2..];
            let name: String = rest
                .trim_start()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if name.is_empty() {
                continue;
            }
            if let Some(body) = body(code, at) {
                let line = self.line_of(at);
                functions.push(Function {
                    name,
                    line,
                    lines: self.line_of(body.end) - line + 1,
                });
            }
        }
        functions
    }
}

/// Whether these two neighbours are of one word.
pub fn joins(left: Option<char>, right: Option<char>) -> bool {
    let inner = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    inner(left) && inner(right)
}

/// The braces that follow `from`, unless a `;` ends the item first.
fn body(code: &str, from: usize) -> Option<Range<usize>> {
    let mut depth = 0_i32;
    let mut open = None;
    for (at, c) in code[from..].char_indices() {
        match c {
            '(' | '[' if open.is_none() => depth += 1,
            ')' | ']' if open.is_none() => depth -= 1,
            ';' if open.is_none() && depth == 0 => return None,
            '{' => {
                if open.is_none() {
                    open = Some(from + at);
                    depth = 0;
                }
                depth += 1;
            }
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return open.map(|start| start..from + at);
                }
            }
            _ => {}
        }
    }
    None
}

impl Lexed {
    fn of(text: &str) -> Lexed {
        let mut lexer = Lexer {
            text,
            at: 0,
            code: String::with_capacity(text.len()),
            strings: Vec::new(),
        };
        while lexer.at < text.len() {
            lexer.step();
        }
        let Lexer { code, strings, .. } = lexer;
        let tests = code
            .match_indices("#[cfg(test)]")
            .filter_map(|(at, mark)| body(&code, at + mark.len()).map(|body| at..body.end))
            .collect();
        Lexed { code, strings, tests }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    code: String,
    strings: Vec<(usize, String)>,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = &self.text[self.at..];
        if rest.starts_with("//") {
            self.blank(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.blank(comment_length(rest));
        } else if let Some(hashes) = raw_string(rest, self.code.chars().next_back()) {
            let open = rest.find('"').map_or(rest.len(), |quote| quote + 1);
            let close = format!("\"{}", "#".repeat(hashes));
            let length = rest[open..].find(&close).unwrap_or(rest.len() - open);
            self.string(open, length, close.len());
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let length = quoted_length(quoted);
            self.string(1, length, 1);
        } else if rest.starts_with('\'') {
            self.blank(char_length(rest));
        } else {
            let c = rest.chars().next().expect("the caller checked that text is left");
            self.code.push(c);
            self.at += c.len_utf8();
        }
    }

    fn string(&mut self, open: usize, length: usize, close: usize) {
        let start = self.at + open;
        self.strings
            .push((start, self.text[start..start + length].to_string()));
        self.blank((open + length + close).min(self.text.len() - self.at));
    }

    /// Passes over `length` bytes, keeping line breaks and offsets.
    fn blank(&mut self, length: usize) {
        for byte in self.text.as_bytes()[self.at..self.at + length].iter() {
            self.code.push(if *byte == b'\n' { '\n' } else { ' ' });
        }
        self.at += length;
    }
}

/// The number of `#` when a raw string starts here.
fn raw_string(rest: &str, before: Option<char>) -> Option<usize> {
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let after = ["br", "cr", "r"]
        .iter()
        .find_map(|prefix| rest.strip_prefix(prefix))?;
    let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
    after[hashes..].starts_with('"').then_some(hashes)
}

fn quoted_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    text.len()
}

/// A character literal's length, or 1 for the quote of a lifetime.
fn char_length(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            chars.next();
            chars.find(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1)
        }
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

fn comment_length(rest: &str) -> usize {
    let mut depth = 0;
    let bytes = rest.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("crates/x/src/lib.rs".into(), text.into())
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        let text = "a // b\n/* c /* d */ e */ f \"g\\\"h\" i r#\"j \"k\" l\"# m 'n' '\\'' <'o>(p)";
        let source = source(text);
        let letters: String = source
            .lexed()
            .code
            .chars()
            .filter(|c| c.is_alphabetic())
            .collect();
        assert_eq!(letters, "afimop");
        assert_eq!(source.lexed().code.len(), text.len());
        let strings: Vec<_> = source
            .lexed()
            .strings
            .iter()
            .map(|(_, text)| text.as_str())
            .collect();
        assert_eq!(strings, ["g\\\"h", "j \"k\" l"]);
    }

    #[test]
    fn functions_are_measured_by_their_braces() {
        let source = source(
            "trait T { fn none(&self) -> [u8; 4]; }\nfn two(x: [u8; 3]) {\n}\nimpl X {\n fn three() -> X {\n  \"}\";\n }\n}\n",
        );
        let found: Vec<_> = source
            .functions()
            .into_iter()
            .map(|f| (f.name, f.line, f.lines))
            .collect();
        assert_eq!(found, [("two".into(), 2, 2), ("three".into(), 5, 3)]);
    }

    #[test]
    fn test_modules_are_known() {
        let source =
            source("fn a() { now() }\n#[cfg(test)]\nmod tests {\n fn b() { now() }\n}\nfn c() { now() }\n");
        let tests: Vec<_> = source.words("now").map(|at| source.is_test(at)).collect();
        assert_eq!(tests, [false, true, false]);
    }

    #[test]
    fn words_are_whole() {
        let source = source("tokio::x; my_tokio; tokio_postgres; tokio");
        assert_eq!(source.words("tokio").count(), 2);
    }
}
