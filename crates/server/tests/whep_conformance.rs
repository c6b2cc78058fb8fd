//! WHEP (draft-ietf-wish-whep) over HTTP, clause by clause: what it asks of a server. `docs/whip.md` has the table.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use busk_testkit::app::{Browser, OnAir, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::webrtc::{FRAGMENT, SDP, Said, candidates, fragment, offer};
use reqwest::Method;
use serde_json::json;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");

/// A room on the air, and a player without a session of the site's.
struct Site {
    on_air: OnAir,
    endpoint: String,
    player: Browser,
    /// Last: what uses it goes first.
    _app: TestApp,
}

impl Site {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(flags: &[(&str, String)]) -> Self {
        let app = TestApp::start_with(BUSK, TestDb::sqlite(), flags).await;
        let host = app.sign_up("host").await;
        let on_air = app.make_live(&host, "host").await;
        Self {
            endpoint: format!("/whep/{}", on_air.room),
            player: app.nobody(),
            on_air,
            _app: app,
        }
    }

    async fn view(&self, offer: String) -> Said {
        self.player.offer(&self.endpoint, None, offer).await
    }

    async fn session(&self) -> (String, String) {
        let created = self.view(offer("recvonly")).await.is(201);
        (
            created.header("location").to_owned(),
            created.header("etag").to_owned(),
        )
    }

    async fn ask(&self, method: Method, path: &str) -> Said {
        Said::of(self.player.request(method, path)).await
    }

    async fn over(self) {
        self.on_air.publisher.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_4_1_get_answers_2xx_without_content_and_other_methods_are_405() {
    let site = Site::new().await;
    let (session, _) = site.session().await;
    for path in [&site.endpoint, &session] {
        assert_eq!(site.ask(Method::GET, path).await.is(204).text, "");
        let refused = site.ask(Method::PUT, path).await;
        assert!(
            !refused
                .problem(405, "method_not_allowed")
                .list("allow")
                .is_empty()
        );
    }
    site.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_4_2_post_answers_201_with_location_etag_and_a_sendonly_answer() {
    let site = Site::new().await;
    for direction in ["recvonly", "sendrecv"] {
        let created = site.view(offer(direction)).await.is(201);
        assert_eq!(created.header("content-type"), SDP);
        assert!(created.header("location").starts_with("/webrtc/"), "{created:?}");
        assert!(created.header("etag").starts_with('"'), "{created:?}");
        assert_eq!(created.header("cache-control"), "no-store");
        for section in &created.sections()[1..] {
            assert!(section.contains(&"a=sendonly"), "{direction}: {section:?}");
            assert!(section.contains(&"a=setup:passive"), "{section:?}");
        }
    }
    site.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_4_2_another_content_type_or_a_malformed_offer_is_refused() {
    let site = Site::new().await;
    for (content_type, body, status, code) in [
        ("text/plain", offer("recvonly"), 415, "wrong_content_type"),
        (SDP, "let me in".into(), 400, "malformed"),
        (SDP, offer("sendonly"), 422, "no_h264"),
        (SDP, offer("inactive"), 422, "no_h264"),
        (SDP, offer("recvonly").replace("H264", "VP8"), 422, "no_h264"),
        (SDP, offer("recvonly").replace("opus", "G722"), 422, "no_opus"),
    ] {
        let request = site.player.request(Method::POST, &site.endpoint);
        let request = request.header("content-type", content_type).body(body);
        Said::of(request).await.problem(status, code);
    }
    let nowhere = "/whep/01980000-0000-7000-8000-000000000000";
    let unknown = site.player.offer(nowhere, None, offer("recvonly")).await;
    unknown.problem(404, "room_unknown");
    site.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_4_2_a_room_that_is_not_live_is_409_with_retry_after() {
    let app = TestApp::start(BUSK, TestDb::sqlite()).await;
    let host = app.sign_up("host").await;
    let lobby = host
        .post("/api/v1/rooms", json!({"title": "Songs"}))
        .await
        .is(201);
    let endpoint = format!("/whep/{}", lobby.text("id"));
    let early = app.nobody().offer(&endpoint, None, offer("recvonly")).await;
    let early = early.problem(409, "room_not_live");
    assert!(early.header("retry-after").parse::<u32>().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_4_3_delete_ends_the_session_whatever_its_entity_tag() {
    let site = Site::new().await;
    let (session, etag) = site.session().await;
    let request = site
        .player
        .request(Method::DELETE, &session)
        .header("if-match", "\"another\"");
    Said::of(request).await.is(200);
    site.ask(Method::DELETE, &session)
        .await
        .problem(404, "session_unknown");
    let patched = site.player.patch(&session, Some(&etag), candidates()).await;
    patched.problem(404, "session_unknown");
    site.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_4_3_options_allow_pages_of_all_origins() {
    let site = Site::new().await;
    let preflight = site.player.request(Method::OPTIONS, &site.endpoint);
    let preflight = preflight.header("origin", "https://fans.example.net");
    let said = Said::of(preflight.header("access-control-request-method", "POST"))
        .await
        .is(200);
    assert_eq!(said.header("accept-post"), SDP);
    assert_eq!(said.header("access-control-allow-origin"), "*");
    let request = site
        .player
        .request(Method::POST, &site.endpoint)
        .header("content-type", SDP);
    let request = request
        .header("origin", "https://fans.example.net")
        .body(offer("recvonly"));
    let created = Said::of(request).await.is(201);
    let exposed = created.list("access-control-expose-headers");
    for header in ["location", "etag", "link", "retry-after"] {
        assert!(exposed.iter().any(|name| name == header), "{header}: {exposed:?}");
    }
    site.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_4_4_1_a_patch_is_a_fragment_and_says_which_ice_session_it_means() {
    let site = Site::new().await;
    let (session, etag) = site.session().await;
    let request = site
        .player
        .request(Method::PATCH, &session)
        .header("if-match", &etag);
    let typed = request.header("content-type", SDP).body(candidates());
    Said::of(typed).await.problem(415, "wrong_content_type");
    for (if_match, body, status, code) in [
        (Some(&*etag), "a=candidate:1".to_owned(), 400, "malformed"),
        (None, candidates(), 428, "if_match_needed"),
        (Some("\"another\""), candidates(), 412, "etag_mismatch"),
    ] {
        site.player
            .patch(&session, if_match, body)
            .await
            .problem(status, code);
    }
    site.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_4_4_2_candidates_are_taken_with_204_without_body_or_entity_tag() {
    let site = Site::new().await;
    let created = site.view(offer("recvonly")).await.is(201);
    assert!(created.text.contains("a=candidate:"), "{}", created.text);
    let (session, etag) = (created.header("location"), created.header("etag"));
    let added = site.player.patch(session, Some(etag), candidates()).await.is(204);
    assert_eq!((&*added.text, added.header("etag")), ("", ""));
    site.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_4_4_3_a_restart_has_new_credentials_candidates_and_a_new_entity_tag() {
    let site = Site::new().await;
    let (session, first) = site.session().await;
    let refused = site
        .player
        .patch(&session, Some("*"), fragment("x", "short"))
        .await;
    refused.problem(400, "malformed");
    // That left the session as it was.
    site.player
        .patch(&session, Some(&first), candidates())
        .await
        .is(204);
    let other = fragment("ysXw", "vw5LmwG4y/e6dPP/zAP9Gp5k");
    let restarted = site
        .player
        .patch(&session, Some("*"), other.clone())
        .await
        .is(200);
    assert_eq!(restarted.header("content-type"), FRAGMENT);
    for line in ["a=ice-lite", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:"] {
        assert!(restarted.text.contains(line), "{}", restarted.text);
    }
    let second = restarted.header("etag");
    assert_ne!(second, first);
    let late = site.player.patch(&session, Some(&first), other.clone()).await;
    late.problem(412, "etag_mismatch");
    site.player.patch(&session, Some(second), other).await.is(204);
    site.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_4_5_1_all_sections_are_one_bundle_with_muxed_rtcp() {
    let site = Site::new().await;
    let created = site.view(offer("recvonly")).await.is(201);
    let sections = created.sections();
    assert!(sections[0].contains(&"a=group:BUNDLE 0 1"), "{:?}", sections[0]);
    for section in &sections[1..] {
        for line in ["a=rtcp-mux", "a=rtcp-mux-only"] {
            assert_eq!(
                section.iter().filter(|is| **is == line).count(),
                1,
                "{line}: {section:?}"
            );
        }
    }
    site.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_4_5_2_one_persons_picture_and_sound_are_one_stream() {
    let site = Site::new().await;
    let created = site.view(offer("recvonly")).await.is(201);
    let streams: Vec<_> = created
        .sections()
        .iter()
        .skip(1)
        .map(|section| {
            let msid = section.iter().find_map(|line| line.strip_prefix("a=msid:"));
            msid.and_then(|ids| ids.split(' ').next())
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    assert_eq!(streams.len(), 2, "{streams:?}");
    assert!(!streams[0].is_empty() && streams[0] == streams[1], "{streams:?}");
    site.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_4_6_a_full_server_answers_503_with_retry_after() {
    // The camera has the one place.
    let site = Site::with(&[("--media-sessions-max", "1".into())]).await;
    let full = site.view(offer("recvonly")).await.problem(503, "full");
    assert!(full.header("retry-after").parse::<u32>().unwrap() > 0);
    site.over().await;
}
