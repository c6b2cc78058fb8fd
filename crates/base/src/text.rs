//! Limits on what people may call themselves and say. Text stays text: nothing is escaped here,
//! only measured and trimmed.

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("must have at least {0} characters")]
    TooShort(usize),
    #[error("must have at most {0} characters")]
    TooLong(usize),
    #[error("has a character that is not allowed")]
    Character,
}

/// Trims white space at both ends and checks the length in characters; refuses control characters
/// and the marks that turn the direction of the text that follows.
pub fn bounded_text(text: &str, min: usize, max: usize) -> Result<String, TextError> {
    let text = text.trim();
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.chars().any(|c| c.is_control() || turns(c)) {
        return Err(TextError::Character);
    }
    let length = text.chars().take(max + 1).count();
    match length {
        _ if length < min => Err(TextError::TooShort(min)),
        _ if length > max => Err(TextError::TooLong(max)),
        _ => Ok(text.to_owned()),
    }
}

/// A handle: 3–24 of `a-z`, `0-9` and `_`, the part of an address that names a channel.
pub fn handle(text: &str) -> Result<String, TextError> {
    let text = bounded_text(text, 3, 24)?.to_ascii_lowercase();
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if text.bytes().all(fits) {
        Ok(text)
    } else {
        Err(TextError::Character)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_and_bounded() {
        assert_eq!(bounded_text("  hi ", 1, 3).as_deref(), Ok("hi"));
        assert_eq!(bounded_text("   ", 1, 3), Err(TextError::TooShort(1)));
        assert_eq!(bounded_text("éàüö", 1, 3), Err(TextError::TooLong(3)));
        assert_eq!(bounded_text("a\u{202e}b", 1, 9), Err(TextError::Character));
        assert_eq!(handle("Ana_9").as_deref(), Ok("ana_9"));
        assert_eq!(handle("a b c"), Err(TextError::Character));
    }
}
