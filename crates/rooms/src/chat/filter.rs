//! What a channel does not want to read: its own words, lists of words by language, links, and the same again.
//!
//! A word is compared as [`plain`] says, as a whole: `ass` is not in `class`. `bad*` is every word that begins so, and
//! `*bad` every one that ends so. Scripts that set no spaces between words (Han, kana, Thai) are looked for anywhere.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use busk_base::{TextError, bounded_text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::plain;

pub const WORDS_MAX: usize = 500;
pub const WORD_CHARS_MAX: usize = 50;
/// How far back the same is looked for, in seconds.
pub const REPEAT_S_MAX: u16 = 600;

/// What becomes of a message with an unwanted word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WordAction {
    /// It is not said, and its author is told so.
    Refuse,
    /// It waits for a moderator.
    #[default]
    Hold,
}

/// The languages that there is a list of words in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WordList {
    De,
    En,
    Es,
    Fr,
    It,
    Ja,
    Nl,
    Pl,
    Pt,
    Ru,
    Zh,
}

/// What a channel's chats do not want.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatFilter {
    /// The channel's own words: at most 500 of at most 50 characters.
    pub words: Vec<String>,
    /// Whole lists by language. None is on unless the channel says so.
    pub lists: BTreeSet<WordList>,
    pub action: WordAction,
    /// The same text again within so many seconds is refused, up to 600; 0 is off.
    pub repeat_s: u16,
}

/// A field of a filter that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {why}")]
pub struct FilterError {
    pub field: &'static str,
    pub why: String,
}

impl ChatFilter {
    /// The filter with its words trimmed and each once.
    pub fn checked(self) -> Result<Self, FilterError> {
        let of = |field, why: String| FilterError { field, why };
        if self.words.len() > WORDS_MAX {
            return Err(of("words", format!("must be at most {WORDS_MAX}")));
        }
        if self.repeat_s > REPEAT_S_MAX {
            return Err(of("repeat_s", format!("must be 0 to {REPEAT_S_MAX}")));
        }
        let word = |word: &String| {
            let word = bounded_text(word, 1, WORD_CHARS_MAX)?;
            match Pattern::of(&word) {
                Some(_) => Ok(word),
                // Nothing but signs.
                None => Err(TextError::TooShort(1)),
            }
        };
        let words: Result<BTreeSet<String>, TextError> = self.words.iter().map(word).collect();
        Ok(Self {
            words: Vec::from_iter(words.map_err(|why| of("words", why.to_string()))?),
            ..self
        })
    }

    /// Whether a text has a word that the channel does not want.
    pub fn has_unwanted(&self, text: &str) -> bool {
        if self.words.is_empty() && self.lists.is_empty() {
            return false;
        }
        let said = plain::words(text);
        let own = self.words.iter().filter_map(|word| Pattern::of(word));
        own.into_iter().any(|pattern| pattern.is_in(&said))
            || self
                .lists
                .iter()
                .any(|list| list.patterns().iter().any(|pattern| pattern.is_in(&said)))
    }
}

impl WordList {
    fn text(self) -> &'static str {
        match self {
            WordList::De => include_str!("words/de.txt"),
            WordList::En => include_str!("words/en.txt"),
            WordList::Es => include_str!("words/es.txt"),
            WordList::Fr => include_str!("words/fr.txt"),
            WordList::It => include_str!("words/it.txt"),
            WordList::Ja => include_str!("words/ja.txt"),
            WordList::Nl => include_str!("words/nl.txt"),
            WordList::Pl => include_str!("words/pl.txt"),
            WordList::Pt => include_str!("words/pt.txt"),
            WordList::Ru => include_str!("words/ru.txt"),
            WordList::Zh => include_str!("words/zh.txt"),
        }
    }

    fn patterns(self) -> &'static [Pattern] {
        static LISTS: [OnceLock<Vec<Pattern>>; 11] = [const { OnceLock::new() }; 11];
        LISTS[self as usize].get_or_init(|| self.text().lines().filter_map(Pattern::of).collect())
    }
}

/// A word, or several after each other, as they are looked for.
#[derive(Clone, Debug)]
struct Pattern {
    words: Vec<String>,
    open_start: bool,
    open_end: bool,
    /// Without spaces between words.
    anywhere: bool,
}

impl Pattern {
    fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        let words = plain::words(text);
        let unspaced =
            |c: char| matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}');
        (!words.is_empty()).then(|| Self {
            open_start: text.starts_with('*'),
            open_end: text.ends_with('*'),
            anywhere: words.iter().any(|word| word.chars().any(unspaced)),
            words,
        })
    }

    fn is_in(&self, said: &[String]) -> bool {
        if self.anywhere {
            let wanted = self.words.concat();
            return said.concat().contains(&wanted);
        }
        let last = self.words.len() - 1;
        said.windows(self.words.len()).any(|said| {
            self.words.iter().zip(said).enumerate().all(|(at, (word, said))| {
                let start = self.open_start && at == 0;
                let end = self.open_end && at == last;
                match (start, end) {
                    (false, false) => is_drawn_out(said, word),
                    (true, false) => said.ends_with(word.as_str()),
                    (false, true) => said.starts_with(word.as_str()),
                    (true, true) => said.contains(word.as_str()),
                }
            })
        })
    }
}

/// Whether `said` is `word`, or `word` with letters drawn out (`baaad`). Two of a letter are another word (`as`, `ass`).
fn is_drawn_out(said: &str, word: &str) -> bool {
    let (mut said, mut word) = (runs(said), runs(word));
    loop {
        match (said.next(), word.next()) {
            (None, None) => return true,
            (Some((a, long)), Some((b, short))) if a == b && (long == short || long >= 3.max(short)) => {}
            _ => return false,
        }
    }
}

/// Each letter with how often it stands there in a row.
fn runs(text: &str) -> impl Iterator<Item = (char, usize)> {
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || {
        let letter = rest.next()?;
        let mut count = 1;
        while rest.next_if_eq(&letter).is_some() {
            count += 1;
        }
        Some((letter, count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> ChatFilter {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let filter = ChatFilter {
            words,
            ..ChatFilter::default()
        };
        filter.checked().unwrap()
    }

    #[test]
    fn a_word_is_found_however_it_is_written() {
        let filter = words(&["bad", "very ugly", "rot*", "*wurst", "坏"]);
        for text in [
            "bad",
            "so B A D!",
            "b.á.d",
            "baaaaad",
            "VERY   ugly",
            "rotten",
            "Leberwurst",
            "你很坏啊",
            "b4d",
        ] {
            assert!(filter.has_unwanted(text), "{text}");
        }
        for text in [
            "badge",
            "baad",
            "very",
            "ugly very",
            "carrot",
            "wurstig",
            "好",
            "",
        ] {
            assert!(!filter.has_unwanted(text), "{text}");
        }
    }

    #[test]
    fn lists_are_whole_and_only_on_when_asked() {
        let all = [
            WordList::De,
            WordList::En,
            WordList::Es,
            WordList::Fr,
            WordList::It,
            WordList::Ja,
            WordList::Nl,
            WordList::Pl,
            WordList::Pt,
            WordList::Ru,
            WordList::Zh,
        ];
        for list in all {
            assert!(list.patterns().len() >= 30, "{list:?}");
            let first = list.text().lines().next().unwrap();
            let on = ChatFilter {
                lists: BTreeSet::from([list]),
                ..ChatFilter::default()
            };
            assert!(on.has_unwanted(first), "{list:?}");
            assert!(!ChatFilter::default().has_unwanted(first));
        }
        let english = ChatFilter {
            lists: BTreeSet::from([WordList::En]),
            ..ChatFilter::default()
        };
        for fine in [
            "what a class act",
            "hello from Scunthorpe",
            "a grape, an assessment",
        ] {
            assert!(!english.has_unwanted(fine), "{fine}");
        }
    }

    #[test]
    fn a_filter_is_bounded() {
        let refused = |filter: ChatFilter| filter.checked().unwrap_err().field;
        let many = ChatFilter {
            words: vec!["a".into(); WORDS_MAX + 1],
            ..ChatFilter::default()
        };
        assert_eq!(refused(many), "words");
        for word in ["", "!!!", &"x".repeat(51)] {
            let one = ChatFilter {
                words: vec![word.to_owned()],
                ..ChatFilter::default()
            };
            assert_eq!(refused(one), "words", "{word}");
        }
        let late = ChatFilter {
            repeat_s: 601,
            ..ChatFilter::default()
        };
        assert_eq!(refused(late), "repeat_s");
    }
}
