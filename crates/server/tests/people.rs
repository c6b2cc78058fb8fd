//! People over real HTTP, with a browser's cookies.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;

use busk_server::config::Settings;
use busk_server::serve::{self, Mode, Running};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

struct Site {
    running: Running,
    _folder: tempfile::TempDir,
    _db: TestDb,
}

/// One browser: its own cookies.
struct Browser {
    client: Client,
    http: SocketAddr,
}

impl Site {
    async fn start(db: TestDb) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = Settings {
            data_dir: Some(folder.path().into()),
            database_url: Some(db.url()),
            http_listen: Some(anywhere),
            media_listen: Some(anywhere),
            metrics_listen: Some(anywhere),
            rtmp_listen: Some("off".into()),
            ..Settings::default()
        };
        let running = serve::start(settings.check().unwrap(), Mode::default())
            .await
            .unwrap();
        Self {
            running,
            _folder: folder,
            _db: db,
        }
    }

    fn browser(&self) -> Browser {
        Browser {
            client: Client::builder().cookie_store(true).build().unwrap(),
            http: self.running.http,
        }
    }
}

impl Browser {
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.http))
    }

    async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).send().await.unwrap()).await
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        Answer::of(self.request(method, path).json(&body).send().await.unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    async fn kind(&self) -> String {
        self.get("/api/v1/me").await.body["kind"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self {
            status,
            headers,
            body,
        }
    }

    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self
    }

    /// A refusal, as problem details.
    #[track_caller]
    fn problem(self, status: u16, code: &str, field: Option<&str>) {
        let answer = self.is(status);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(
            answer.body["type"],
            format!("/problems/{code}"),
            "{:#}",
            answer.body
        );
        assert_eq!(answer.body["status"], status);
        assert_eq!(
            answer.body.get("field").and_then(Value::as_str),
            field,
            "{:#}",
            answer.body
        );
    }
}

fn ana() -> Value {
    json!({"handle": "ana", "display_name": "Ana", "password": "correct horse"})
}

each_db!(signs_up_in_and_out, async |db| {
    let site = Site::start(db).await;
    let browser = site.browser();
    assert_eq!(browser.kind().await, "nobody");

    let me = browser.post("/api/v1/sign-up", ana()).await.is(201);
    let cookie = me.headers["set-cookie"].to_str().unwrap();
    for part in [
        "busk_session=",
        "HttpOnly",
        "SameSite=Lax",
        "Path=/",
        "Max-Age=2592000",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(
        !cookie.contains("Secure"),
        "plain http could not send it back: {cookie}"
    );
    assert_eq!(me.body["kind"], "person");
    assert_eq!(me.body["channel"]["handle"], "ana");
    assert_eq!(me.body["role"], "viewer");
    assert_eq!(browser.get("/api/v1/me").await.body, me.body);

    let changed = json!({"display_name": "Ana Lima", "about": "Songs"});
    let me = browser.send(Method::PATCH, "/api/v1/me", changed).await.is(200);
    assert_eq!(me.body["channel"]["name"], "Ana Lima");

    browser.post("/api/v1/sign-out", json!({})).await.is(204);
    assert_eq!(browser.kind().await, "nobody");
    let patch = browser
        .send(Method::PATCH, "/api/v1/me", json!({"about": ""}))
        .await;
    patch.problem(401, "sign_in_needed", None);

    let wrong = json!({"handle": "ana", "password": "wrong horse"});
    browser
        .post("/api/v1/sign-in", wrong)
        .await
        .problem(401, "sign_in_failed", None);
    let nobody = json!({"handle": "nobody", "password": "correct horse"});
    browser
        .post("/api/v1/sign-in", nobody)
        .await
        .problem(401, "sign_in_failed", None);
    let right = json!({"handle": "Ana", "password": "correct horse"});
    let me = browser.post("/api/v1/sign-in", right).await.is(200);
    assert_eq!(me.body["display_name"], "Ana Lima");
    assert_eq!(browser.kind().await, "person");
    site.running.stop().await;
});

each_db!(signing_in_rotates_the_session, async |db| {
    let site = Site::start(db).await;
    let browser = site.browser();
    let first = browser.post("/api/v1/sign-up", ana()).await.is(201);
    let token = |answer: &Answer| {
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    };
    let right = json!({"handle": "ana", "password": "correct horse"});
    let second = browser.post("/api/v1/sign-in", right).await.is(200);
    assert_ne!(token(&first), token(&second));

    let stranger = site.browser();
    let planted = stranger
        .request(Method::GET, "/api/v1/me")
        .header("cookie", token(&first));
    let answer = Answer::of(planted.send().await.unwrap()).await;
    assert_eq!(
        answer.body["kind"], "nobody",
        "the token from before is worth nothing"
    );
    site.running.stop().await;
});

each_db!(a_guest_has_a_name_and_no_rights, async |db| {
    let site = Site::start(db).await;
    let browser = site.browser();
    let me = browser
        .post("/api/v1/guests", json!({"name": " Zoé "}))
        .await
        .is(201);
    assert_eq!(
        (&me.body["kind"], &me.body["display_name"]),
        (&json!("guest"), &json!("Zoé"))
    );
    let patch = browser
        .send(Method::PATCH, "/api/v1/me", json!({"about": "x"}))
        .await;
    patch.problem(401, "sign_in_needed", None);
    let empty = browser.post("/api/v1/guests", json!({"name": " "})).await;
    empty.problem(422, "invalid", Some("name"));

    browser.post("/api/v1/sign-up", ana()).await.is(201);
    let again = browser.post("/api/v1/guests", json!({"name": "Zoé"})).await;
    again.problem(409, "already_signed_in", None);
    site.running.stop().await;
});

each_db!(the_first_operator_needs_the_printed_token, async |db| {
    let site = Site::start(db).await;
    let browser = site.browser();
    let with = |token: &str| {
        let mut body = ana();
        body["token"] = json!(token);
        body
    };
    let wrong = browser.post("/api/v1/setup", with("guess")).await;
    wrong.problem(403, "setup_token_wrong", Some("token"));

    // As a later start does, since only a hash of the printed one is kept.
    let store = site.running.site.store().clone();
    let now = site.running.site.now();
    let offered = store
        .write(move |tx| busk_people::setup::offer(tx, "printed", now))
        .await;
    assert!(offered.unwrap());
    let me = browser.post("/api/v1/setup", with("printed")).await.is(201);
    assert_eq!(me.body["role"], "operator");
    let again = browser.post("/api/v1/setup", with("printed")).await;
    again.problem(409, "already_set_up", None);
    site.running.stop().await;
});

each_db!(a_stream_key_is_shown_once_to_its_owner, async |db| {
    let site = Site::start(db).await;
    let (ana_s, bob_s) = (site.browser(), site.browser());
    ana_s.post("/api/v1/sign-up", ana()).await.is(201);
    let mut bob = ana();
    bob["handle"] = json!("bob");
    bob_s.post("/api/v1/sign-up", bob).await.is(201);

    let path = "/api/v1/channels/ana/stream-key";
    assert_eq!(ana_s.get(path).await.is(200).body, json!({"exists": false}));
    let first = ana_s.post(path, json!({})).await.is(201);
    let second = ana_s.post(path, json!({})).await.is(201);
    assert_ne!(first.body["key"], second.body["key"]);
    let state = ana_s.get(path).await.is(200);
    assert_eq!(state.body["exists"], true);
    assert!(!state.body.to_string().contains("busk_"), "{}", state.body);

    bob_s.get(path).await.problem(403, "not_yours", None);
    bob_s.post(path, json!({})).await.problem(403, "not_yours", None);
    site.browser()
        .get(path)
        .await
        .problem(401, "sign_in_needed", None);
    let unknown = ana_s.get("/api/v1/channels/nobody/stream-key").await;
    unknown.problem(404, "channel_unknown", None);
    site.running.stop().await;
});

each_db!(bad_input_names_its_field, async |db| {
    let site = Site::start(db).await;
    let browser = site.browser();
    browser.post("/api/v1/sign-up", ana()).await.is(201);
    let sign_up = |field: &str, value: Value| {
        let mut body = json!({"handle": "bob", "display_name": "Bob", "password": "correct horse"});
        body[field] = value;
        body
    };
    let rows = [
        ("/api/v1/sign-up", sign_up("handle", json!("b")), "handle"),
        ("/api/v1/sign-up", sign_up("handle", json!("bob smith")), "handle"),
        ("/api/v1/sign-up", sign_up("handle", json!(5)), "handle"),
        (
            "/api/v1/sign-up",
            sign_up("display_name", json!("")),
            "display_name",
        ),
        (
            "/api/v1/sign-up",
            sign_up("display_name", json!("x".repeat(41))),
            "display_name",
        ),
        ("/api/v1/sign-up", sign_up("password", json!("short")), "password"),
        ("/api/v1/sign-up", sign_up("role", json!("operator")), "role"),
        (
            "/api/v1/sign-up",
            json!({"handle": "bob", "display_name": "Bob"}),
            "password",
        ),
        ("/api/v1/sign-in", json!({"handle": "bob"}), "password"),
        ("/api/v1/guests", json!({"nom": "Bob"}), "nom"),
        ("/api/v1/setup", json!({"token": 1}), "token"),
    ];
    for (path, body, field) in rows {
        let answer = browser.post(path, body.clone()).await;
        assert_eq!(answer.body["field"], field, "{path} {body}");
        answer.problem(422, "invalid", Some(field));
    }
    let taken = browser.post("/api/v1/sign-up", ana()).await;
    taken.problem(409, "handle_taken", Some("handle"));
    for (body, field) in [
        (json!({"display_name": " "}), "display_name"),
        (json!({"about": "x".repeat(501)}), "about"),
        (json!({"coins": 1}), "coins"),
    ] {
        let answer = browser.send(Method::PATCH, "/api/v1/me", body).await;
        answer.problem(422, "invalid", Some(field));
    }
    site.running.stop().await;
});

#[tokio::test]
async fn what_no_browser_of_ours_sends_is_refused() {
    let site = Site::start(TestDb::sqlite()).await;
    let browser = site.browser();
    let post = || browser.request(Method::POST, "/api/v1/sign-up");

    let foreign = post().header("origin", "https://evil.example").json(&ana());
    let answer = Answer::of(foreign.send().await.unwrap()).await;
    answer.problem(403, "foreign_origin", None);
    let own = post()
        .header("origin", format!("http://{}", site.running.http))
        .json(&ana());
    Answer::of(own.send().await.unwrap()).await.is(201);

    let json = |body: String| post().header("content-type", "application/json").body(body);
    let large = json(" ".repeat(17 * 1024));
    Answer::of(large.send().await.unwrap())
        .await
        .problem(413, "body_too_large", None);
    let huge = json(" ".repeat(65 * 1024));
    Answer::of(huge.send().await.unwrap())
        .await
        .problem(413, "body_too_large", None);
    let broken = json(r#"{"handle": "ana"#.into());
    Answer::of(broken.send().await.unwrap())
        .await
        .problem(400, "malformed", Some("handle"));
    let text = post().body("handle=ana");
    Answer::of(text.send().await.unwrap())
        .await
        .problem(415, "not_json", None);

    browser
        .get("/api/v1/nowhere")
        .await
        .problem(404, "not_found", None);
    let delete = browser.send(Method::DELETE, "/api/v1/me", json!({})).await;
    delete.problem(405, "method_not_allowed", None);
    site.running.stop().await;
}

#[tokio::test]
async fn guessing_a_password_is_slowed_down() {
    let site = Site::start(TestDb::sqlite()).await;
    let browser = site.browser();
    browser.post("/api/v1/sign-up", ana()).await.is(201);
    // Too short to be anyone's, so it costs an attempt but no hashing.
    let guess = json!({"handle": "ana", "password": "guess"});
    for _ in 0..10 {
        let answer = browser.post("/api/v1/sign-in", guess.clone()).await;
        answer.problem(401, "sign_in_failed", None);
    }
    let right = json!({"handle": "ana", "password": "correct horse"});
    let refused = browser.post("/api/v1/sign-in", right).await;
    assert!(refused.headers.contains_key("retry-after"));
    refused.problem(429, "too_many_attempts", None);
    site.running.stop().await;
}

#[tokio::test]
async fn the_program_says_how_it_is() {
    let site = Site::start(TestDb::sqlite()).await;
    let browser = site.browser();
    browser.get("/livez").await.is(200);
    browser.get("/readyz").await.is(200);
    let openapi = browser.get("/api/openapi.json").await.is(200).body;
    assert_eq!(openapi["openapi"], "3.1.0");
    let operations = openapi["paths"].as_object().unwrap().values();
    for operation in operations.flat_map(|path| path.as_object().unwrap().values()) {
        let answers = operation["responses"].as_object().unwrap();
        for (status, answer) in answers.iter().filter(|(status, _)| status.as_str() >= "400") {
            let schema = &answer["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(
                schema, "#/components/schemas/Problem",
                "{status} of {}",
                operation["operationId"]
            );
        }
        assert!(answers.contains_key("503"), "{}", operation["operationId"]);
    }
    let page = browser.get("/api/v1/me").await.is(200);
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert!(page.headers.contains_key("content-security-policy"));

    let metrics = format!("http://{}/metrics", site.running.metrics);
    let text = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    assert!(
        text.contains("busk_http_answers_total{class=\"2xx\"} 4"),
        "{text}"
    );
    browser.get("/metrics").await.is(404);
    site.running.stop().await;
}
