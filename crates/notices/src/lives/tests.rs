use busk_base::{ChannelId, PersonId, RoomId, Timestamp};
use busk_people::{Channel, ChannelKind, ChannelRef};
use uuid::Uuid;

use super::{Planned, ics, rss};

const NOW: Timestamp = Timestamp::from_unix_us(1_795_252_800_000_000);
/// A title that would be more than a title.
const HOSTILE: &str = "a;b,c\\d\nEND:VEVENT <b>&\"'\u{7}]]> \u{1f600}é é é é é é é é é é é é é é é é é é é é é é é é é é é é é é é";

fn channel() -> Channel {
    Channel {
        id: ChannelId(Uuid::from_u128(2)),
        owner: PersonId(Uuid::from_u128(1)),
        kind: ChannelKind::Personal,
        handle: "ana".into(),
        name: "Ana <script>".into(),
        about: String::new(),
    }
}

fn lives() -> Vec<Planned> {
    let live = |room: u128, title: &str| Planned {
        room: RoomId(Uuid::from_u128(room)),
        channel: ChannelRef::from(&channel()),
        title: title.into(),
        announced_at: NOW,
        starts_at: NOW,
    };
    vec![live(7, "Songs"), live(8, HOSTILE)]
}

/// Reads a calendar as strictly as RFC 5545 writes it; gives its lines unfolded.
fn lines_of(text: &str) -> Vec<String> {
    assert!(text.ends_with("\r\n"));
    assert!(
        !text.replace("\r\n", "").contains(['\r', '\n']),
        "only CRLF ends lines"
    );
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim_end_matches("\r\n").split("\r\n") {
        assert!(
            line.len() <= 75 && !line.is_empty(),
            "{} octets: {line}",
            line.len()
        );
        match line.strip_prefix(' ') {
            Some(more) => lines.last_mut().unwrap().push_str(more),
            None => lines.push(line.to_owned()),
        }
    }
    for line in &lines {
        let name = line.split([':', ';']).next().unwrap();
        assert!(
            name.bytes().all(|b| b.is_ascii_uppercase() || b == b'-'),
            "{line}"
        );
        assert!(line.contains(':'), "{line}");
    }
    lines
}

#[test]
fn the_calendar_is_one_by_the_letter() {
    let text = ics::calendar("https://busk.example", "Ana, live", &lives(), NOW);
    let lines = lines_of(&text);
    let mut open = Vec::new();
    for line in &lines {
        if let Some(part) = line.strip_prefix("BEGIN:") {
            open.push(part.to_owned());
        } else if let Some(part) = line.strip_prefix("END:") {
            assert_eq!(open.pop().as_deref(), Some(part));
        }
    }
    assert!(open.is_empty());
    assert_eq!(lines.iter().filter(|line| *line == "BEGIN:VEVENT").count(), 2);
    let values = |name: &str| -> Vec<&str> {
        let lines = lines
            .iter()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        lines.collect()
    };
    assert_eq!(
        values("UID"),
        [7_u128, 8].map(|room| format!("{}@busk.example", Uuid::from_u128(room)))
    );
    assert_eq!(values("DTSTAMP"), ["20261121T092000Z"; 2]);
    assert_eq!(values("DTSTART"), ["20261121T092000Z"; 2]);
    assert_eq!(values("DTEND"), ["20261121T102000Z"; 2]);
    assert_eq!(values("NAME"), ["Ana\\, live"]);
    let hostile = values("SUMMARY")[1];
    assert!(
        hostile.starts_with("Ana <script>: a\\;b\\,c\\\\d\\nEND:VEVENT <b>&\"']]> \u{1f600}é"),
        "{hostile}"
    );
    assert_eq!(
        lines_of(&ics::calendar("https://busk.example", "Ana", &[], NOW)).len(),
        9
    );
}

/// Reads XML as far as the feed has it: one root, tags that close, quoted attributes, only known references.
fn text_of(xml: &str, element: &str) -> Vec<String> {
    let (mut open, mut found, mut rest) = (Vec::new(), Vec::new(), xml);
    let unescaped = |text: &str| {
        for (at, _) in text.match_indices('&') {
            let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
            assert!(known.iter().any(|known| text[at..].starts_with(known)), "{text}");
        }
        let text = text
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"");
        text.replace("&#39;", "'").replace("&amp;", "&")
    };
    assert!(
        xml.chars().all(|c| c >= ' ' || c == '\n'),
        "no control characters"
    );
    rest = rest
        .strip_prefix("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n")
        .unwrap();
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        assert!(!text.contains("]]>"));
        let (tag, after) = tag[1..].split_once('>').unwrap();
        if open.last() == Some(&element.to_owned()) && tag.starts_with('/') {
            found.push(unescaped(text));
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
        } else if !tag.ends_with('/') {
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            open.push(tag.split(' ').next().unwrap().to_owned());
        }
        rest = after;
    }
    assert!(open.is_empty() && rest.trim().is_empty());
    found
}

#[test]
fn the_feed_is_well_formed_whatever_is_in_it() {
    let xml = rss::feed("https://busk.example", &channel(), &lives());
    let hostile = HOSTILE.replace('\u{7}', "");
    assert_eq!(text_of(&xml, "title"), ["Ana <script>", "Songs", &hostile]);
    assert_eq!(text_of(&xml, "link")[0], "https://busk.example/@ana");
    assert_eq!(text_of(&xml, "pubDate"), ["Sat, 21 Nov 2026 09:20:00 +0000"; 2]);
    assert_eq!(text_of(&xml, "guid").len(), 2);
}
