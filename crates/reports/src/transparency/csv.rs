//! The same as CSV (RFC 4180): a line a figure. All of it is words and numbers of ours, so nothing needs quotes.

use super::Transparency;
use std::fmt::Write;

const HEADER: &str = "section,measure,ground,category,value\r\n";

pub(super) fn csv(counted: &Transparency) -> String {
    let mut out = String::from(HEADER);
    let mut line = |section: &str, measure: &str, ground: &str, category: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{section},{measure},{ground},{category},{value}\r\n");
    };
    let maybe = |value: Option<i64>| value.map_or_else(String::new, |value| value.to_string());
    line("from", "", "", "", &counted.from.to_string());
    line("to", "", "", "", &counted.to.to_string());
    line("notices", "", "", "", &counted.notices.to_string());
    for count in &counted.notices_by_kind {
        let value = count.notices.to_string();
        line(
            "notices_by_kind",
            "",
            count.ground.word(),
            count.category.word(),
            &value,
        );
    }
    line(
        "notices_anonymous",
        "",
        "",
        "",
        &counted.notices_anonymous.to_string(),
    );
    line("decisions", "", "", "", &counted.decisions.to_string());
    for count in &counted.decisions_by_measure {
        let value = count.decisions.to_string();
        line(
            "decisions_by_measure",
            count.measure.word(),
            count.ground.word(),
            count.category.word(),
            &value,
        );
    }
    line("decision_median_s", "", "", "", &maybe(counted.median_s));
    let appeals = &counted.appeals;
    line("appeals_received", "", "", "", &appeals.received.to_string());
    line("appeals_upheld", "", "", "", &appeals.upheld.to_string());
    line("appeals_reversed", "", "", "", &appeals.reversed.to_string());
    line("appeal_median_s", "", "", "", &maybe(appeals.median_s));
    for count in &counted.moderation {
        line(
            "channel_moderation",
            &count.deed,
            "",
            "",
            &count.times.to_string(),
        );
    }
    let automated = &counted.automated;
    line("automated_held", "", "", "", &automated.judged.to_string());
    line(
        "automated_held_approved",
        "",
        "",
        "",
        &automated.approved.to_string(),
    );
    line(
        "automated_decisions",
        "",
        "",
        "",
        &automated.decisions.to_string(),
    );
    out
}
