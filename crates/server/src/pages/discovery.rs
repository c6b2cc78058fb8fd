//! What others' programs find in a page's head: how it is embedded (oEmbed), and the channel's announced lives.

use std::fmt::Write;

/// The links of a channel's page (`/@handle`) or of a live's (`/r/room`); other pages have none, nor have addresses that
/// cannot be any.
pub(super) fn links(site: &str, path: &str) -> Option<String> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let handle = path
        .strip_prefix("/@")
        .and_then(|handle| busk_base::handle(handle).ok());
    let room = path
        .strip_prefix("/r/")
        .and_then(|room| room.parse::<busk_base::RoomId>().ok());
    let page = match (&handle, room) {
        (Some(handle), _) => format!("{site}/@{handle}"),
        (None, Some(room)) => format!("{site}/r/{room}"),
        (None, None) => return None,
    };
    let url: String = form_urlencoded::byte_serialize(page.as_bytes()).collect();
    let mut links = format!(
        r#"<link rel="alternate" type="application/json+oembed" href="{site}/oembed?url={url}&amp;format=json" title="Busk">"#
    );
    if let Some(handle) = handle {
        let lives = format!("{site}/api/v1/channels/{handle}/lives");
        for (kind, ending) in [("application/rss+xml", "rss"), ("text/calendar", "ics")] {
            // Writing into a text does not fail.
            let _ = write!(
                links,
                r#"<link rel="alternate" type="{kind}" href="{lives}.{ending}" title="@{handle}">"#
            );
        }
    }
    Some(links)
}

#[cfg(test)]
mod tests {
    use super::links;

    #[test]
    fn only_pages_that_can_be_have_links() {
        let site = "https://busk.example";
        let of = |path: &str| links(site, path);
        let channel = of("/@Ana").unwrap();
        assert!(
            channel.contains("oembed?url=https%3A%2F%2Fbusk.example%2F%40ana&amp;format=json"),
            "{channel}"
        );
        assert!(channel.contains("/api/v1/channels/ana/lives.rss") && channel.contains("lives.ics"));
        let room = of("/r/019f0000-0000-7000-8000-000000000001").unwrap();
        assert!(room.contains("oembed") && !room.contains("lives"));
        for path in ["/", "/studio", "/@", "/@a\"><script>", "/r/x", "/@ana/more"] {
            assert_eq!(of(path), None, "{path}");
        }
    }
}
