//! Text as it is compared: without case, accents, look-alikes and the spaces between single letters.
//!
//! Both sides of a comparison go through this, so it need not be what a reader would call right, only the same for
//! what looks the same. The steps, of each character: compatibility form (NFKD, UAX 15), marks and characters that
//! are not seen dropped, small letters, then the prototype of its look-alikes (UTS 39 §4). The prototypes of plain
//! ASCII are left out: they take `m` for `rn`, and half the words of a language for others.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

/// The words of a text. Single letters that stand beside each other are one word (`b a d`, `b.a.d`).
pub(super) fn words(text: &str) -> Vec<String> {
    let plain: Vec<char> = text.nfkd().filter(|c| is_seen(*c)).flat_map(small).collect();
    let plain: Vec<char> = plain.into_iter().flat_map(prototype).collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (at, c) in plain.iter().enumerate() {
        let beside = |place: Option<usize>| place.and_then(|place| plain.get(place)).copied();
        let (before, after) = (beside(at.checked_sub(1)), beside(Some(at + 1)));
        match letter(*c, before, after) {
            Some(letter) => word.push(letter),
            None => words.extend(whole(&mut word)),
        }
    }
    words.extend(whole(&mut word));
    joined(words)
}

/// The same for texts that say the same: letters only, each run of one letter once.
pub(super) fn gist(text: &str) -> String {
    let mut gist: Vec<char> = words(text).concat().chars().collect();
    gist.retain(|c| c.is_alphabetic());
    gist.dedup();
    if gist.is_empty() {
        return text.trim().to_owned();
    }
    gist.into_iter().collect()
}

fn is_seen(c: char) -> bool {
    let hidden = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    !hidden && !is_combining_mark(c)
}

fn small(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase()
}

fn prototype(c: char) -> Vec<char> {
    if c.is_ascii() {
        return vec![c];
    }
    let mut buffer = [0; 4];
    let same: Vec<char> = skeleton(c.encode_utf8(&mut buffer)).collect();
    same.into_iter()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(small)
        .collect()
}

/// The letter that a character is read as between its neighbours; none for what separates words.
fn letter(c: char, before: Option<char>, after: Option<char>) -> Option<char> {
    let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let within = joins(before) && joins(after);
    match c {
        '$' if joins(before) || joins(after) => Some('s'),
        '@' if within => Some('a'),
        '!' | '|' if within => Some('i'),
        c if c.is_alphanumeric() => Some(c),
        _ => None,
    }
}

/// Ends a word. Digits stand for letters only in a word that has letters; `l` and `i` are one, as `1` is both.
fn whole(word: &mut String) -> Option<String> {
    let word = std::mem::take(word);
    if word.is_empty() {
        return None;
    }
    if !word.chars().any(char::is_alphabetic) {
        return Some(word);
    }
    let read = |c| match c {
        '0' => 'o',
        '1' | 'l' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        other => other,
    };
    Some(word.chars().map(read).collect())
}

fn joined(words: Vec<String>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::with_capacity(words.len());
    let mut run = String::new();
    for word in words {
        if word.chars().count() == 1 {
            run.push_str(&word);
            continue;
        }
        joined.extend(Some(std::mem::take(&mut run)).filter(|run| !run.is_empty()));
        joined.push(word);
    }
    joined.extend(Some(run).filter(|run| !run.is_empty()));
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_the_same_is_the_same() {
        let same = [
            ("Bad", "bad"),
            ("BÁD", "bad"),
            ("b.a.d", "bad"),
            ("b a d", "bad"),
            ("b-a_d", "bad"),
            ("b4d", "bad"),
            ("b@d", "bad"),
            ("ｂａｄ", "bad"),
            ("𝓫𝓪𝓭", "bad"),
            ("b\u{200b}a\u{200d}d", "bad"),
            ("b\u{336}a\u{336}d\u{336}", "bad"),
            ("bаd", "bad"), // the middle one is Cyrillic
            ("$illy", "silly"),
            ("s1lly", "silly"),
        ];
        for (text, plain) in same {
            assert_eq!(words(text), words(plain), "{text}");
        }
    }

    #[test]
    fn what_is_something_else_stays_so() {
        for (text, other) in [("corn", "com"), ("as", "ass"), ("100", "ioo"), ("bad", "bed")] {
            assert_ne!(words(text), words(other), "{text}");
        }
        assert_eq!(words("a big @sam, and 100!"), ["a", "big", "sam", "and", "100"]);
        assert_eq!(words(" … "), Vec::<String>::new());
    }

    #[test]
    fn a_gist_is_what_is_said() {
        assert_eq!(gist("Hello!!! 123"), gist("héllooo"));
        assert_ne!(gist("hello"), gist("help"));
        assert_ne!(gist("🎉"), gist("🔥"));
        assert_ne!(gist("1"), gist("2"));
    }
}
