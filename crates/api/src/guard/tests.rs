use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

fn site() -> (Site, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let database = busk_store::Database::Sqlite(folder.path().join("t.db"));
    let store = busk_store::Store::open(busk_store::Config::new(database), &[]).unwrap();
    let site = Site::new(crate::SiteConfig {
        store,
        clock: std::sync::Arc::new(|| busk_base::Timestamp::from_unix_us(0)),
        random: std::sync::Arc::new(|bytes| bytes.fill(7)),
        public_url: "https://live.example.org/".into(),
        encoder_ports: crate::EncoderPorts::default(),
        demo: false,
        policies: busk_base::Policies::first(busk_base::Policy::default()),
    });
    (site, folder)
}

#[test]
fn only_our_own_pages_may_change_things() {
    let (site, _folder) = site();
    assert_eq!(site.public_url(), "https://live.example.org");
    for (pairs, ours) in [
        (&[][..], true),
        (&[("origin", "https://live.example.org")][..], true),
        (&[("origin", "https://live.example.org.evil.example")][..], false),
        (&[("origin", "null")][..], false),
        (
            &[("origin", "http://10.0.0.5:8080"), ("host", "10.0.0.5:8080")][..],
            true,
        ),
        (
            &[("origin", "http://evil.example"), ("host", "10.0.0.5:8080")][..],
            false,
        ),
        (&[("sec-fetch-site", "cross-site")][..], false),
        (&[("sec-fetch-site", "same-origin")][..], true),
    ] {
        assert_eq!(origin_is_ours(&site, &headers(pairs)), ours, "{pairs:?}");
    }
}
