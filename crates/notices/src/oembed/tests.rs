use super::*;

#[test]
fn only_pages_of_this_site_are_embedded() {
    let page = |url: &str| page_of("https://busk.example", url);
    let ana = Some(Page::Channel("ana".into()));
    assert_eq!(page("https://busk.example/@ana"), ana);
    assert_eq!(page("http://busk.example/@Ana/?x=1#y"), ana);
    let room = "019f0000-0000-7000-8000-000000000001";
    assert_eq!(
        page(&format!("https://busk.example/r/{room}")),
        Some(Page::Room(room.parse().unwrap()))
    );
    for url in [
        "",
        "busk.example/@ana",
        "https://busk.example.evil/@ana",
        "https://busk.example@evil/@ana",
        "https://evil/https://busk.example/@ana",
        "https://busk.example",
        "https://busk.example/",
        "https://busk.example/@",
        "https://busk.example/@a\"onload=x",
        "https://busk.example/r/",
        "https://busk.example/r/../studio",
        "https://busk.example/h/019f0000-0000-7000-8000-000000000001",
        "javascript:alert(1)",
    ] {
        assert_eq!(page(url), None, "{url}");
    }
}

#[test]
fn the_player_fits_into_what_there_is() {
    for (width, height, fits) in [
        (None, None, (640, 360)),
        (Some(320), None, (320, 180)),
        (None, Some(180), (320, 180)),
        (Some(1_000), Some(1_000), (640, 360)),
        (Some(480), Some(90), (160, 90)),
        (Some(0), Some(0), (160, 90)),
        (Some(u32::MAX), Some(u32::MAX), (640, 360)),
    ] {
        assert_eq!(fit(width, height), fits, "{width:?} {height:?}");
    }
}
