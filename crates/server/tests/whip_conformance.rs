//! WHIP (RFC 9725) over HTTP, clause by clause: what it asks of a server. `docs/whip.md` has the table.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use busk_testkit::app::{Browser, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::webrtc::{FRAGMENT, SDP, Said, candidates, fragment, offer};
use reqwest::Method;
use serde_json::Value;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const ENDPOINT: &str = "/whip/host";

/// A site with a channel that encoders may publish to.
struct Site {
    app: TestApp,
    host: Browser,
    key: String,
    /// A program without a session of the site's: all it has is the key.
    encoder: Browser,
}

impl Site {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(flags: &[(&str, String)]) -> Self {
        let app = TestApp::start_with(BUSK, TestDb::sqlite(), flags).await;
        let host = app.sign_up("host").await;
        let key = host.stream_key("host").await;
        let encoder = app.nobody();
        Self {
            app,
            host,
            key,
            encoder,
        }
    }

    async fn publish(&self, offer: String) -> Said {
        self.encoder.offer(ENDPOINT, Some(&self.key), offer).await
    }

    /// A session's address and its first entity tag.
    async fn session(&self) -> (String, String) {
        let created = self.publish(offer("sendonly")).await.is(201);
        (
            created.header("location").to_owned(),
            created.header("etag").to_owned(),
        )
    }

    async fn ask(&self, method: Method, path: &str) -> Said {
        Said::of(self.encoder.request(method, path)).await
    }
}

#[tokio::test]
async fn rfc9725_4_1_get_answers_2xx_without_content() {
    let site = Site::new().await;
    let (session, _) = site.session().await;
    for path in [
        ENDPOINT,
        "/whip/rooms/01980000-0000-7000-8000-000000000000/stage",
        &session,
    ] {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(site.ask(method, path).await.is(204).text, "");
        }
    }
}

#[tokio::test]
async fn rfc9725_4_1_other_methods_are_405_with_allow() {
    let site = Site::new().await;
    let (session, _) = site.session().await;
    for (path, methods, allowed) in [
        (
            ENDPOINT,
            [Method::PUT, Method::PATCH, Method::DELETE],
            ["post", "options"],
        ),
        (
            &session,
            [Method::PUT, Method::POST, Method::TRACE],
            ["patch", "delete"],
        ),
    ] {
        for method in methods {
            let said = site.ask(method, path).await.problem(405, "method_not_allowed");
            let allow = said.list("allow");
            assert!(
                allowed.iter().all(|method| allow.iter().any(|a| a == method)),
                "{allow:?}"
            );
        }
    }
    // It is still there.
    site.ask(Method::DELETE, &session).await.is(200);
}

#[tokio::test]
async fn rfc9725_4_2_post_answers_201_with_location_etag_and_the_answer() {
    let site = Site::new().await;
    let created = site.publish(offer("sendonly")).await.is(201);
    assert_eq!(created.header("content-type"), SDP);
    assert!(created.header("location").starts_with("/webrtc/"), "{created:?}");
    assert!(created.text.starts_with("v=0\r\n"), "{created:?}");
    assert_eq!(created.header("accept-patch"), FRAGMENT);
    assert_eq!(created.header("cache-control"), "no-store");
    assert_eq!(created.sections().len(), 3, "{created:?}");
}

#[tokio::test]
async fn rfc9725_4_2_another_content_type_or_a_malformed_offer_is_refused_and_changes_nothing() {
    let site = Site::new().await;
    for (content_type, body, status, code) in [
        ("text/plain", offer("sendonly"), 415, "wrong_content_type"),
        ("application/json", "{}".into(), 415, "wrong_content_type"),
        (SDP, String::new(), 400, "malformed"),
        (SDP, "v=0".into(), 422, "no_h264"),
        (SDP, "let me in".into(), 400, "malformed"),
        (
            SDP,
            offer("sendonly").replace("a=mid:", "a=middle:"),
            400,
            "malformed",
        ),
        (SDP, offer("inactive"), 422, "no_h264"),
        (SDP, offer("recvonly"), 422, "no_h264"),
    ] {
        let request = site
            .encoder
            .request(Method::POST, ENDPOINT)
            .bearer_auth(&site.key);
        let request = request.header("content-type", content_type).body(body);
        Said::of(request).await.problem(status, code);
    }
    let channel = site.host.get("/api/v1/channels/host").await.is(200);
    assert_eq!(channel.body["room"], Value::Null, "no room was opened");
}

#[tokio::test]
async fn rfc9725_4_2_the_answer_is_recvonly() {
    let site = Site::new().await;
    for direction in ["sendonly", "sendrecv"] {
        let created = site.publish(offer(direction)).await.is(201);
        for section in &created.sections()[1..] {
            assert!(section.contains(&"a=recvonly"), "{direction}: {section:?}");
        }
        site.ask(Method::DELETE, created.header("location")).await.is(200);
    }
}

#[tokio::test]
async fn rfc9725_4_2_one_publisher_at_a_time_and_who_comes_second_is_told_when_to_come_back() {
    let site = Site::new().await;
    let (session, etag) = site.session().await;
    let second = site
        .publish(offer("sendonly"))
        .await
        .problem(409, "already_publishing");
    assert!(second.header("retry-after").parse::<u32>().unwrap() > 0);
    // The first goes on.
    site.encoder
        .patch(&session, Some(&etag), candidates())
        .await
        .is(204);
}

#[tokio::test]
async fn rfc9725_4_2_delete_ends_the_session_whatever_its_entity_tag() {
    let site = Site::new().await;
    let (session, etag) = site.session().await;
    // §4.3.1: entity tags are not looked at here.
    let request = site
        .encoder
        .request(Method::DELETE, &session)
        .header("if-match", "\"another\"");
    Said::of(request).await.is(200);
    site.ask(Method::DELETE, &session)
        .await
        .problem(404, "session_unknown");
    let patched = site.encoder.patch(&session, Some(&etag), candidates()).await;
    patched.problem(404, "session_unknown");
    // The place is free.
    site.session().await;
}

#[tokio::test]
async fn rfc9725_4_2_options_allow_pages_of_all_origins_and_say_what_is_taken() {
    let site = Site::new().await;
    let (session, _) = site.session().await;
    for (path, method, accepts, taken) in [
        (ENDPOINT, "POST", "accept-post", SDP),
        (&session, "PATCH", "accept-patch", FRAGMENT),
        (&session, "DELETE", "accept-patch", FRAGMENT),
    ] {
        let preflight = site.encoder.request(Method::OPTIONS, path);
        let preflight = preflight.header("origin", "https://studio.example.net");
        let preflight = preflight.header("access-control-request-method", method);
        let said = Said::of(preflight).await.is(200);
        assert_eq!(said.header(accepts), taken);
        assert_eq!(said.header("access-control-allow-origin"), "*");
        assert!(
            said.list("access-control-allow-methods")
                .contains(&method.to_lowercase()),
            "{said:?}"
        );
        let headers = said.list("access-control-allow-headers");
        for header in ["authorization", "content-type", "if-match"] {
            assert!(
                headers.iter().any(|allowed| allowed == header),
                "{header}: {headers:?}"
            );
        }
    }
}

#[tokio::test]
async fn rfc9725_4_2_a_page_of_another_origin_publishes_with_a_key_and_not_with_a_cookie() {
    let site = Site::new().await;
    let foreign = |request: reqwest::RequestBuilder| {
        request
            .header("origin", "https://studio.example.net")
            .header("content-type", SDP)
            .body(offer("sendonly"))
    };
    // The host's own cookie opens the endpoint, but not for what another site's page sends along with it.
    let with_cookie = Said::of(foreign(site.host.request(Method::POST, ENDPOINT))).await;
    with_cookie.problem(401, "key_needed");
    let request = site
        .encoder
        .request(Method::POST, ENDPOINT)
        .bearer_auth(&site.key);
    let created = Said::of(foreign(request)).await.is(201);
    assert_eq!(created.header("access-control-allow-origin"), "*");
    assert_eq!(created.header("access-control-allow-credentials"), "");
    let exposed = created.list("access-control-expose-headers");
    for header in ["location", "etag", "link", "accept-patch", "retry-after"] {
        assert!(exposed.iter().any(|name| name == header), "{header}: {exposed:?}");
    }
}

#[tokio::test]
async fn rfc9725_4_3_1_a_patch_of_another_type_or_without_sense_is_refused() {
    let site = Site::new().await;
    let (session, etag) = site.session().await;
    let request = site
        .encoder
        .request(Method::PATCH, &session)
        .header("if-match", &etag);
    let typed = request.header("content-type", SDP).body(candidates());
    Said::of(typed).await.problem(415, "wrong_content_type");
    for nonsense in ["", "a=candidate:1", "a=ice-ufrag:x\r\na=ice-pwd:y\r\n"] {
        let said = site.encoder.patch(&session, Some(&etag), nonsense.into()).await;
        said.problem(400, "malformed");
    }
    site.encoder
        .patch(&session, Some(&etag), candidates())
        .await
        .is(204);
}

#[tokio::test]
async fn rfc9725_4_3_1_entity_tags_are_strong_and_of_one_ice_session() {
    let site = Site::new().await;
    let (session, first) = site.session().await;
    assert!(
        first.starts_with('"') && first.ends_with('"') && first.len() > 6,
        "{first}"
    );
    site.ask(Method::DELETE, &session).await.is(200);
    let (_, second) = site.session().await;
    assert_ne!(first, second);
}

#[tokio::test]
async fn rfc9725_4_3_2_candidates_are_taken_with_204_without_body_or_entity_tag() {
    let site = Site::new().await;
    let (session, etag) = site.session().await;
    for _ in 0..2 {
        let added = site
            .encoder
            .patch(&session, Some(&etag), candidates())
            .await
            .is(204);
        assert_eq!((&*added.text, added.header("etag")), ("", ""));
    }
}

#[tokio::test]
async fn rfc9725_4_3_2_a_patch_says_which_ice_session_it_means() {
    let site = Site::new().await;
    let (session, etag) = site.session().await;
    let without = site.encoder.patch(&session, None, candidates()).await;
    without.problem(428, "if_match_needed");
    let weak = format!("W/{etag}");
    for other in ["\"another\"", &weak] {
        let mismatched = site.encoder.patch(&session, Some(other), candidates()).await;
        mismatched.problem(412, "etag_mismatch");
    }
}

#[tokio::test]
async fn rfc9725_4_3_2_the_answer_has_all_candidates() {
    let site = Site::new().await;
    let created = site.publish(offer("sendonly")).await.is(201);
    let has = |start: &str| created.text.lines().any(|line| line.starts_with(start));
    assert!(has("a=ice-lite") && has("a=candidate:"), "{}", created.text);
    let transports: Vec<_> = created
        .text
        .lines()
        .filter(|line| line.starts_with("a=candidate:"))
        .collect();
    assert!(
        transports
            .iter()
            .any(|line| line.to_lowercase().contains(" udp ")),
        "{transports:?}"
    );
    assert!(
        transports
            .iter()
            .any(|line| line.to_lowercase().contains(" tcp ")),
        "{transports:?}"
    );
}

#[tokio::test]
async fn rfc9725_4_3_3_a_restart_answers_200_with_new_credentials_and_a_new_entity_tag() {
    let site = Site::new().await;
    let (session, first) = site.session().await;
    let other = fragment("ysXw", "vw5LmwG4y/e6dPP/zAP9Gp5k");
    let restarted = site
        .encoder
        .patch(&session, Some("*"), other.clone())
        .await
        .is(200);
    assert_eq!(restarted.header("content-type"), FRAGMENT);
    let second = restarted.header("etag").to_owned();
    assert!(!second.is_empty() && second != first, "{second}");
    for line in ["a=ice-ufrag:", "a=ice-pwd:", "a=candidate:"] {
        assert!(restarted.text.contains(line), "{}", restarted.text);
    }
    let late = site.encoder.patch(&session, Some(&first), other.clone()).await;
    late.problem(412, "etag_mismatch");
    site.encoder.patch(&session, Some(&second), other).await.is(204);
}

#[tokio::test]
async fn rfc9725_4_3_3_a_restart_that_cannot_be_leaves_the_session_as_it_was() {
    let site = Site::new().await;
    let (session, etag) = site.session().await;
    let refused = site
        .encoder
        .patch(&session, Some("*"), fragment("x", "short"))
        .await;
    refused.problem(400, "malformed");
    site.encoder
        .patch(&session, Some(&etag), candidates())
        .await
        .is(204);
}

#[tokio::test]
async fn rfc9725_4_4_1_all_sections_are_one_bundle_with_muxed_rtcp() {
    let site = Site::new().await;
    let created = site.publish(offer("sendonly")).await.is(201);
    let sections = created.sections();
    let groups: Vec<_> = sections[0]
        .iter()
        .filter(|line| line.starts_with("a=group:"))
        .collect();
    assert_eq!(groups, [&"a=group:BUNDLE 0 1"]);
    for section in &sections[1..] {
        for line in ["a=rtcp-mux", "a=rtcp-mux-only"] {
            assert_eq!(
                section.iter().filter(|is| **is == line).count(),
                1,
                "{line}: {section:?}"
            );
        }
        assert!(!section[0].contains(" 0 UDP"), "{section:?}");
    }
}

#[tokio::test]
async fn rfc9725_4_4_2_two_pictures_are_refused() {
    let site = Site::new().await;
    let one = offer("sendonly");
    let video = one[one.find("m=video").unwrap()..].replace("a=mid:1", "a=mid:2");
    let two = format!("{one}{video}").replace("BUNDLE 0 1", "BUNDLE 0 1 2");
    site.publish(two).await.problem(422, "too_many_tracks");
}

#[tokio::test]
async fn rfc9725_4_4_3_nothing_is_accepted_in_part() {
    let site = Site::new().await;
    for (from, to, code) in [
        ("H264/90000", "VP8/90000", "no_h264"),
        ("packetization-mode=1", "packetization-mode=0", "no_h264"),
        ("opus/48000/2", "PCMU/8000", "no_opus"),
        ("m=audio 9", "m=audio 0", "no_opus"),
    ] {
        site.publish(offer("sendonly").replace(from, to))
            .await
            .problem(422, code);
    }
}

#[tokio::test]
async fn rfc9725_4_4_4_the_server_is_dtls_server_whatever_the_client_offers() {
    let site = Site::new().await;
    for setup in ["actpass", "active"] {
        let offered = offer("sendonly").replace("a=setup:actpass", &format!("a=setup:{setup}"));
        let created = site.publish(offered).await.is(201);
        for section in &created.sections()[1..] {
            assert!(section.contains(&"a=setup:passive"), "{setup}: {section:?}");
        }
        site.ask(Method::DELETE, created.header("location")).await.is(200);
    }
}

#[tokio::test]
async fn rfc9725_4_5_a_full_server_answers_503_with_retry_after() {
    let site = Site::with(&[("--media-sessions-max", "1".into())]).await;
    site.session().await;
    let other = site.app.sign_up("other").await;
    let key = other.stream_key("other").await;
    let full = other.offer("/whip/other", Some(&key), offer("sendonly")).await;
    let full = full.problem(503, "full");
    assert!(full.header("retry-after").parse::<u32>().unwrap() > 0);
}

#[tokio::test]
async fn rfc9725_4_7_1_a_bearer_token_opens_its_own_endpoint_only() {
    let site = Site::new().await;
    let eve = site.app.sign_up("eve").await;
    let others = eve.stream_key("eve").await;
    for key in ["busk_wrong", others.as_str(), ""] {
        let refused = site.encoder.offer(ENDPOINT, Some(key), offer("sendonly")).await;
        let refused = refused.problem(401, "key_needed");
        assert_eq!(refused.header("www-authenticate"), "Bearer", "{key:?}");
    }
    let refused = site.encoder.offer(ENDPOINT, None, offer("sendonly")).await;
    refused.problem(401, "key_needed");
    let channel = site.host.get("/api/v1/channels/host").await.is(200);
    assert_eq!(channel.body["room"], Value::Null);
    // In any case of the scheme (RFC 9110 §11.1).
    let request = site
        .encoder
        .request(Method::POST, ENDPOINT)
        .header("content-type", SDP);
    let request = request.header("authorization", format!("bearer {}", site.key));
    Said::of(request.body(offer("sendonly"))).await.is(201);
}

#[tokio::test]
async fn rfc9725_5_session_addresses_cannot_be_guessed_and_give_nothing_away() {
    let site = Site::new().await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let (session, _) = site.session().await;
        let id: uuid::Uuid = session.strip_prefix("/webrtc/").unwrap().parse().unwrap();
        assert_eq!(id.get_version_num(), 4, "122 bits of it are random");
        assert!(
            !session.contains(&site.key) && !session.contains("host"),
            "{session}"
        );
        site.ask(Method::DELETE, &session).await.is(200);
        seen.push(id);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4);
    let unknown = format!("/webrtc/{}", uuid::Uuid::from_u128(7));
    site.ask(Method::DELETE, &unknown)
        .await
        .problem(404, "session_unknown");
}
