//! Whether a text has a link. With a scheme or `www.` anything is one; without, what ends in a name that sites go by,
//! since `e.g.this` and `3.5km` are none. The names are those that spam comes from and people share; a whole list of
//! top-level domains would take half of a careless typist's sentences for links.

/// Top-level names that make a link of what has no scheme.
const ENDS: &[&str] = &[
    "app", "at", "be", "biz", "br", "ca", "cc", "ch", "click", "club", "cn", "co", "com", "de", "dev", "es",
    "eu", "fr", "gg", "gl", "info", "io", "jp", "link", "live", "ly", "me", "net", "nl", "online", "org",
    "pl", "ru", "shop", "site", "store", "tk", "top", "tv", "uk", "us", "vip", "xyz",
];

pub(super) fn is_in(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || "()<>[]{}\"'«»,".contains(c))
        .any(is_one)
}

fn is_one(word: &str) -> bool {
    let lower = word.to_lowercase();
    if lower.contains("://") || lower.starts_with("www.") {
        return true;
    }
    let host = lower.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let host = host.trim_end_matches(['.', '!', '?', ';']);
    let Some((name, end)) = host.rsplit_once('.') else {
        return false;
    };
    let fits = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    !name.is_empty() && !name.ends_with('.') && name.chars().all(fits) && ENDS.contains(&end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_seen() {
        for text in [
            "https://example.org/a",
            "look: http://1.2.3.4",
            "ftp://x",
            "www.example",
            "go to spam.example.com/now!",
            "(bit.ly/abc)",
            "SPAM.XYZ",
        ] {
            assert!(is_in(text), "{text}");
        }
        for text in [
            "e.g.this",
            "3.5km",
            "wait...what",
            "hello.",
            "a.b.c",
            "me.",
            ".com",
            "v1.2",
        ] {
            assert!(!is_in(text), "{text}");
        }
    }
}
