//! Followers are told: letters to a relay, messages to a push service, and the bell; and lives that are announced, as
//! others' programs read them. All over the protocols themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "notices/receivers.rs"]
mod receivers;
#[path = "notices/reported.rs"]
mod reported;

use std::net::SocketAddr;
use std::time::Duration;

use busk_testkit::app::{Answer, Browser as Person, TestApp};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use receivers::{Browser, PushService, Relay, vapid};
use reqwest::Method;
use serde_json::json;

const BUSK: &str = env!("CARGO_BIN_EXE_busk");
const SETTINGS: &str = "/api/v1/me/notice-settings";
const ADDRESS: &str = "/api/v1/me/notice-address";
const BROWSERS: &str = "/api/v1/me/push-subscriptions";

async fn site(db: TestDb, relay: SocketAddr) -> TestApp {
    let settings = [
        ("--smtp-url", format!("smtp://{relay}")),
        ("--mail-from", "live@busk.example".to_owned()),
        ("--push-private-networks", "127.0.0.0/8".to_owned()),
    ];
    TestApp::start_with(BUSK, db, &settings).await
}

/// A room on the air without a camera.
#[expect(clippy::disallowed_methods, reason = "a row is written as of now")]
async fn goes_live(app: &TestApp, host: &Person, title: &str) -> String {
    let room = host.post("/api/v1/rooms", json!({ "title": title })).await;
    let room = room.is(201).text("id");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap().as_micros();
    // Only what is in the lobby: the lives before it have ended.
    let statement = format!("UPDATE room SET state = 'live', started_at = {now} WHERE state = 'lobby'");
    app.db.tamper(&statement).await;
    room
}

async fn follows(person: &Person, handle: &str) {
    let path = format!("/api/v1/channels/{handle}/follow");
    person.send(Method::PUT, &path, json!({})).await.is(200);
}

/// Gives an address, and follows the link of the letter that comes there.
async fn confirms(app: &TestApp, person: &Person, relay: &Relay, address: &str) {
    let before = relay.came().len();
    let given = person
        .send(Method::PUT, ADDRESS, json!({ "address": address }))
        .await
        .is(200);
    assert_eq!(given.body["confirmed"], false);
    let asked = relay.until(before + 1).await.pop().unwrap();
    assert_eq!(
        (asked.to.as_str(), asked.header("List-Unsubscribe")),
        (address, None)
    );
    let link = asked.link("/confirm-address/");
    // Looking does nothing: mailboxes look.
    let looked = app.nobody().get(&link).await.is(200);
    assert!(
        looked.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    assert_eq!(
        person.get(SETTINGS).await.is(200).body["address"]["confirmed"],
        false
    );
    let posted = Answer::of(app.nobody().request(Method::POST, &link)).await;
    posted.is(200);
    assert_eq!(
        person.get(SETTINGS).await.is(200).body["address"]["confirmed"],
        true
    );
}

async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never {what}");
}

each_db!(followers_are_told_by_all_ways, async |db: TestDb| {
    let (relay, relay_at) = Relay::start().await;
    let (service, service_at) = PushService::start().await;
    let app = site(db, relay_at).await;
    let (host, bea) = (app.sign_up("host").await, app.sign_up("bea").await);
    let cy = app.sign_up("cyril").await;
    follows(&bea, "host").await;
    follows(&cy, "host").await;
    confirms(&app, &bea, &relay, "bea@example.org").await;
    confirms(&app, &cy, &relay, "cy@example.org").await;
    let browser = Browser::new(7);
    let subscription = browser.subscription(format!("http://{service_at}/push/bea"));
    bea.post(BROWSERS, subscription).await.is(201);
    let elsewhere = browser.subscription("http://10.0.0.1/push".into());
    bea.post(BROWSERS, elsewhere).await.problem(422, "invalid");
    // Cy wants no letters, and has no browser: only the bell.
    let settings = cy
        .send(Method::PATCH, SETTINGS, json!({"email": false}))
        .await
        .is(200);
    assert_eq!(settings.body["email"], false);

    // A relay that is busy gets it a moment later, once.
    relay.busy(1);
    let room = goes_live(&app, &host, "Songs & <tea>").await;
    let came = relay.until(3).await;
    let letter = &came[2];
    assert_eq!(letter.to, "bea@example.org");
    assert!(letter.header("Subject").unwrap().starts_with("=?utf-8?B?"));
    assert!(letter.body().contains("Songs & <tea>"), "{}", letter.body());
    assert_eq!(
        letter.header("List-Unsubscribe-Post"),
        Some("List-Unsubscribe=One-Click")
    );

    let (to, headers, body) = service.until(1).await.pop().unwrap();
    assert_eq!(
        (to.as_str(), &headers["content-encoding"]),
        ("bea", &"aes128gcm".parse().unwrap())
    );
    assert!(headers.contains_key("ttl") && headers["topic"].len() <= 32);
    let told = browser.read(&body);
    assert_eq!(
        told,
        json!({"channel": "host", "title": "Songs & <tea>", "url": "/@host", "tag": room})
    );
    let key = bea.get(SETTINGS).await.is(200).text("push_key");
    let claims = vapid(&headers, &key);
    assert_eq!(claims["aud"], format!("http://{service_at}"));

    for person in [&bea, &cy] {
        let inbox = person.get("/api/v1/me/notices").await.is(200).body;
        assert_eq!(
            (&inbox["unread"], &inbox["items"][0]["room"]),
            (&json!(1), &json!(room))
        );
        let through = json!({"through": inbox["items"][0]["at"]});
        person.post("/api/v1/me/notices/read", through).await.is(204);
        assert_eq!(person.get("/api/v1/me/notices").await.is(200).body["unread"], 0);
    }
    assert_eq!(
        host.get("/api/v1/me/notices").await.is(200).body["items"],
        json!([])
    );
    app.nobody()
        .get("/api/v1/me/notices")
        .await
        .problem(401, "sign_in_needed");

    // One click in a mailbox, without a session (RFC 8058).
    let link = letter
        .header("List-Unsubscribe")
        .unwrap()
        .trim_matches(['<', '>'])
        .to_owned();
    let path = format!("/{}", link.splitn(4, '/').nth(3).unwrap());
    app.nobody().get(&path).await.is(200);
    assert_eq!(
        bea.get(SETTINGS).await.is(200).body["email"],
        true,
        "looking does nothing"
    );
    let click = app.nobody().request(Method::POST, &path);
    let form = [("List-Unsubscribe", "One-Click")];
    Answer::of(click.form(&form)).await.is(200);
    assert_eq!(bea.get(SETTINGS).await.is(200).body["email"], false);
    let forged = format!("{}A", &path[..path.len() - 1]);
    let forged = if forged == path {
        format!("{}B", &path[..path.len() - 1])
    } else {
        forged
    };
    let refused = Answer::of(app.nobody().request(Method::POST, &forged)).await;
    refused.problem(404, "link_unknown");
    assert_eq!(relay.came().len(), 3, "nobody got anything twice");
});

each_db!(
    nobody_is_told_twice_or_forgotten_when_it_dies,
    async |db: TestDb| {
        let (relay, relay_at) = Relay::start().await;
        let (service, service_at) = PushService::start().await;
        let mut app = site(db, relay_at).await;
        let host = app.sign_up("host").await;
        let browser = Browser::new(9);
        for number in 0..12 {
            let person = app.sign_up(&format!("fan{number}")).await;
            follows(&person, "host").await;
            let subscription = browser.subscription(format!("http://{service_at}/push/fan{number}"));
            person.post(BROWSERS, subscription).await.is(201);
            confirms(&app, &person, &relay, &format!("fan{number}@example.org")).await;
        }
        let gone = app.sign_up("gone").await;
        follows(&gone, "host").await;
        let asked = relay.came().len();

        goes_live(&app, &host, "Songs").await;
        // It dies somewhere on the way, again and again.
        for pause in [300, 900, 1_100] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            app.kill9();
            app.restart().await;
        }
        // What was under way when it died is due again after its lease: here, at once.
        app.kill9();
        app.db.tamper("UPDATE notice_delivery SET next_at = 0").await;
        app.restart().await;
        relay.until(asked + 12).await;
        service.until(12).await;
        until("all is delivered", async || {
            app.db.row_counts().await["notice_delivery"] == 0
        })
        .await;

        let mut letters: Vec<(String, Option<String>)> = relay.came()[asked..]
            .iter()
            .map(|came| (came.to.clone(), came.header("Message-ID").map(str::to_owned)))
            .collect();
        letters.sort();
        letters.dedup();
        assert_eq!(letters.len(), 12, "the same letter has one name: {letters:?}");
        let mut told: Vec<String> = service.came().into_iter().map(|(to, _, _)| to).collect();
        told.sort();
        told.dedup();
        assert_eq!(told.len(), 12);
        // Between the other side's yes and our writing it down, one letter a connection may be said again.
        assert!(
            relay.came().len() - asked <= 12 + 4 * 4,
            "{}",
            relay.came().len() - asked
        );
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_has_gone_is_forgotten_and_a_restart_tells_nobody_twice() {
    let (_relay, relay_at) = Relay::start().await;
    let (service, service_at) = PushService::start().await;
    let app = site(TestDb::sqlite(), relay_at).await;
    let (host, bea) = (app.sign_up("host").await, app.sign_up("bea").await);
    follows(&bea, "host").await;
    let subscription = Browser::new(7).subscription(format!("http://{service_at}/push/bea"));
    bea.post(BROWSERS, subscription).await.is(201);
    service.answers(410);
    let room = goes_live(&app, &host, "One").await;
    service.until(1).await;
    until("it is forgotten", async || {
        app.db.row_counts().await["notice_push"] == 0
    })
    .await;

    // The live stops and another begins: within two hours, nobody is told again.
    let subscription = Browser::new(8).subscription(format!("http://{service_at}/push/again"));
    bea.post(BROWSERS, subscription).await.is(201);
    service.answers(201);
    host.post(&format!("/api/v1/rooms/{room}/end"), json!({}))
        .await
        .is(200);
    goes_live(&app, &host, "Two").await;
    until("it is noted", async || {
        app.db.row_counts().await["notice_live"] == 2
    })
    .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(service.came().len(), 1);
    let inbox = bea.get("/api/v1/me/notices").await.is(200).body;
    assert_eq!(inbox["items"].as_array().unwrap().len(), 1, "{inbox:#}");

    // The bell, which only followers have.
    let bell = "/api/v1/channels/host/bell";
    bea.send(Method::PUT, bell, json!({"bell": "none"})).await.is(200);
    assert_eq!(bea.get(bell).await.is(200).body["bell"], "none");
    assert_eq!(
        bea.get("/api/v1/me/notices").await.is(200).body["items"],
        json!([])
    );
    host.send(Method::PUT, bell, json!({"bell": "none"}))
        .await
        .problem(409, "not_followed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_programs_read_what_is_announced() {
    let (_relay, relay_at) = Relay::start().await;
    let app = site(TestDb::sqlite(), relay_at).await;
    let host = app.sign_up("host").await;
    let at = "2099-11-21T20:00:00Z";
    let body = json!({"title": "Songs; tea, <b>", "scheduled_at": at});
    let room = host.post("/api/v1/rooms", body).await.is(201).text("id");
    let nobody = app.nobody();
    let text = async |path: &str| {
        let answer = nobody.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(!answer.headers().contains_key("set-cookie"));
        (kind, answer.text().await.unwrap())
    };
    for path in [
        "/api/v1/channels/host/lives.ics".to_owned(),
        format!("/api/v1/rooms/{room}/live.ics"),
    ] {
        let (kind, calendar) = text(&path).await;
        assert_eq!(kind, "text/calendar; charset=utf-8");
        assert!(calendar.contains("DTSTART:20991121T200000Z\r\n"), "{calendar}");
        assert!(
            calendar.contains("SUMMARY:host: Songs\\; tea\\, <b>\r\n"),
            "{calendar}"
        );
        assert!(calendar.contains(&format!("UID:{room}@")));
    }
    let (kind, feed) = text("/api/v1/channels/host/lives.rss").await;
    assert_eq!(kind, "application/rss+xml; charset=utf-8");
    assert!(feed.contains("<title>Songs; tea, &lt;b&gt;</title>"), "{feed}");
    nobody
        .get("/api/v1/channels/nobody/lives.ics")
        .await
        .problem(404, "channel_unknown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_is_embedded_in_any_page() {
    let (_relay, relay_at) = Relay::start().await;
    let app = site(TestDb::sqlite(), relay_at).await;
    let host = app.sign_up("host").await;
    let body = json!({"title": "Songs; tea, <b>"});
    let room = host.post("/api/v1/rooms", body).await.is(201).text("id");
    let nobody = app.nobody();
    let site = format!("http://{}", app.http);
    let embed = async |page: &str, more: &str| nobody.get(&format!("/oembed?url={page}{more}")).await;
    let channel = embed(&format!("{site}/@host"), "&format=json&maxwidth=320")
        .await
        .is(200)
        .body;
    assert_eq!(
        (&channel["type"], &channel["version"]),
        (&json!("video"), &json!("1.0"))
    );
    assert_eq!(
        (&channel["width"], &channel["height"]),
        (&json!(320), &json!(180))
    );
    assert!(
        channel["html"]
            .as_str()
            .unwrap()
            .contains(&format!("src=\"{site}/embed/@host\""))
    );
    let live = embed(&format!("{site}/r/{room}"), "").await.is(200).body;
    assert_eq!(live["title"], "Songs; tea, <b>");
    assert!(
        live["html"]
            .as_str()
            .unwrap()
            .contains("title=\"Songs; tea, &lt;b&gt;\"")
    );
    embed(&format!("{site}/r/{room}"), "&format=xml")
        .await
        .problem(501, "format_unknown");
    embed("https://evil.example/@host", "")
        .await
        .problem(404, "page_unknown");
    embed(&format!("{site}/@nobody"), "")
        .await
        .problem(404, "page_unknown");
    app.db
        .tamper("INSERT INTO room_access (room, kind) SELECT id, 'subscribers' FROM room")
        .await;
    embed(&format!("{site}/r/{room}"), "")
        .await
        .problem(401, "not_public");

    let page = nobody.request(Method::GET, "/@host").send().await.unwrap();
    // Where the web app is not built, there is no page.
    if page.status().is_success() {
        let policy = |headers: &reqwest::header::HeaderMap| {
            let policy = headers["content-security-policy"].to_str();
            policy.unwrap().to_owned()
        };
        assert!(policy(page.headers()).contains("frame-ancestors 'none'"));
        let page = page.text().await.unwrap();
        assert!(page.contains("application/json+oembed") && page.contains("lives.rss"));
        let player = nobody.get("/embed/@host").await.is(200);
        let policy = policy(&player.headers);
        assert!(policy.contains("frame-ancestors *") && policy.contains("default-src 'none'"));
        assert!(!policy.contains("unsafe-inline") && !player.headers.contains_key("set-cookie"));
    }
}
