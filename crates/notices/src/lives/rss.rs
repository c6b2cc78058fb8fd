//! Announced lives as RSS 2.0 (<https://www.rssboard.org/rss-specification>).

use super::Planned;
use busk_people::Channel;

/// `site` is where the site is found.
pub(crate) fn feed(site: &str, channel: &Channel, lives: &[Planned]) -> String {
    let page = format!("{site}/@{}", channel.handle);
    let own = format!("{site}/api/v1/channels/{}/lives.rss", channel.handle);
    let about = if channel.about.is_empty() {
        &channel.name
    } else {
        &channel.about
    };
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    text.push_str("<rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\">\n<channel>\n");
    element(&mut text, "title", &channel.name);
    element(&mut text, "link", &page);
    text.push_str(&format!(
        "<atom:link href=\"{}\" rel=\"self\" type=\"application/rss+xml\"/>\n",
        escaped(&own)
    ));
    element(&mut text, "description", about);
    element(&mut text, "generator", "Busk");
    element(&mut text, "ttl", "60");
    for live in lives {
        text.push_str("<item>\n");
        element(&mut text, "title", &live.title);
        element(&mut text, "link", &format!("{site}/r/{}", live.room));
        text.push_str(&format!("<guid isPermaLink=\"false\">{}</guid>\n", live.room));
        element(&mut text, "pubDate", &live.announced_at.rfc5322());
        element(&mut text, "description", &live.starts_at.rfc5322());
        text.push_str("</item>\n");
    }
    text.push_str("</channel>\n</rss>\n");
    text
}

fn element(text: &mut String, name: &str, value: &str) {
    text.push_str(&format!("<{name}>{}</{name}>\n", escaped(value)));
}

/// Text between tags or in a quoted attribute; without the characters that XML 1.0 (§2.2) has no way to write.
pub(crate) fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            '\t' | '\n' | '\r' => text.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            c => text.push(c),
        }
    }
    text
}
