//! A calendar as RFC 5545 writes it, down to the bytes: CRLF, lines of at most 75 octets, text escaped.

use std::time::Duration;

use busk_base::Timestamp;

use super::Planned;

/// Of a line, without its end (RFC 5545 §3.1), in octets.
const LINE_MAX: usize = 75;
/// How long a live is shown: nobody says beforehand how long it will be, and an event without a length is easily missed.
const SHOWN_FOR: Duration = Duration::from_secs(3_600);
/// How long before its beginning a calendar reminds.
const REMINDS_BEFORE_MIN: u32 = 10;

/// Lives in one calendar. `site` is where the site is found, `name` the calendar's name.
pub(crate) fn calendar(site: &str, name: &str, lives: &[Planned], now: Timestamp) -> String {
    let host = site.split("://").last().unwrap_or(site);
    let mut lines = Lines::default();
    lines.raw("BEGIN:VCALENDAR");
    lines.raw("VERSION:2.0");
    lines.raw("PRODID:-//Busk//Lives//EN");
    lines.raw("CALSCALE:GREGORIAN");
    lines.raw("METHOD:PUBLISH");
    // RFC 7986 §5.1 and §5.7; the other name is what calendars had before it.
    lines.text("NAME", name);
    lines.text("X-WR-CALNAME", name);
    lines.raw("REFRESH-INTERVAL;VALUE=DURATION:PT1H");
    for live in lives {
        let link = format!("{site}/r/{}", live.room);
        let summary = format!("{}: {}", live.channel.name, live.title);
        lines.raw("BEGIN:VEVENT");
        lines.raw(&format!("UID:{}@{host}", live.room));
        lines.raw(&format!("DTSTAMP:{}", now.rfc5545()));
        lines.raw(&format!("DTSTART:{}", live.starts_at.rfc5545()));
        lines.raw(&format!("DTEND:{}", (live.starts_at + SHOWN_FOR).rfc5545()));
        lines.text("SUMMARY", &summary);
        lines.text("DESCRIPTION", &link);
        lines.raw(&format!("URL:{link}"));
        lines.raw("STATUS:CONFIRMED");
        lines.raw("TRANSP:TRANSPARENT");
        lines.raw("BEGIN:VALARM");
        lines.raw("ACTION:DISPLAY");
        lines.text("DESCRIPTION", &summary);
        lines.raw(&format!("TRIGGER:-PT{REMINDS_BEFORE_MIN}M"));
        lines.raw("END:VALARM");
        lines.raw("END:VEVENT");
    }
    lines.raw("END:VCALENDAR");
    lines.0
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    /// A property whose value is text that somebody typed (RFC 5545 §3.3.11).
    fn text(&mut self, name: &str, value: &str) {
        let mut line = format!("{name}:");
        for c in value.chars() {
            match c {
                '\\' | ';' | ',' => line.extend(['\\', c]),
                '\n' => line.push_str("\\n"),
                c if c.is_control() => {}
                c => line.push(c),
            }
        }
        self.raw(&line);
    }

    /// Folds a long line between characters: what follows a fold begins with a blank.
    fn raw(&mut self, line: &str) {
        let mut width = 0;
        for c in line.chars() {
            if width + c.len_utf8() > LINE_MAX {
                self.0.push_str("\r\n ");
                width = 1;
            }
            self.0.push(c);
            width += c.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}
