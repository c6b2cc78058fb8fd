//! The real program on a core of its own, and people with pre-encoded cameras in it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use axum::http::Method;
use busk_camera::{Feed, Publisher};
use busk_testkit::app::{Browser, TestApp};
use busk_testkit::db::TestDb;
use serde_json::json;

use crate::process::{Cores, pin};
use crate::source::{self, Stream};
use crate::{Fallible, process};

/// How long anything of a site may take to come about.
const WAIT: Duration = Duration::from_secs(30);

/// `busk serve` with an empty SQLite database. With cores it is pinned to one, and the caller stays on the
/// other. It is stopped, and its books are audited, when it is dropped.
pub async fn start(cores: Option<&Cores>) -> Fallible<TestApp> {
    start_on(TestDb::sqlite(), cores).await
}

/// The same on a database that may have something in it.
pub async fn start_on(db: TestDb, cores: Option<&Cores>) -> Fallible<TestApp> {
    let program: PathBuf = std::env::current_exe()?.with_file_name("busk");
    if !program.exists() {
        return Err(format!("{} is not there: build busk-server too", program.display()).into());
    }
    // For as long as this process: the harness names programs by constants.
    let program: &'static str = String::leak(program.display().to_string());
    if let Some(cores) = cores {
        pin(cores.measured)?;
    }
    let app = TestApp::start(program, db).await;
    if let Some(cores) = cores {
        pin(cores.load)?;
    }
    Ok(app)
}

/// A room that is live; it stays so while this is kept.
pub struct Live {
    pub room: String,
    pub host: Browser,
    pub publisher: Publisher,
}

/// A room on the air whose camera is away: enough for chat. Gives its id.
pub async fn open_without_camera(app: &TestApp, host: &Browser) -> String {
    let opened = host.post("/api/v1/rooms", json!({"title": "Songs"})).await;
    let on_air = "UPDATE room SET state = 'interrupted', resume_until = 9000000000000000, started_at = 1";
    app.db.tamper(on_air).await;
    opened.is(201).text("id")
}

/// A camera, in one layer or several with the best first, makes a new person's channel live.
pub async fn go_live(app: &TestApp, handle: &str, layers: &[Stream]) -> Fallible<Live> {
    go_live_with(app, handle, source::start(layers)?).await
}

/// The same with feeds of any source.
pub async fn go_live_with(app: &TestApp, handle: &str, feeds: Vec<Feed>) -> Fallible<Live> {
    let host = app.sign_up(handle).await;
    let path = format!("/api/v1/channels/{handle}/stream-key");
    let key = host.post(&path, json!({})).await.is(201).text("key");
    let publisher = publish(&host, &format!("/whip/{handle}"), Some(&key), feeds).await?;
    let room = app.room_in_state(handle, "live").await;
    Ok(Live {
        room,
        host,
        publisher,
    })
}

/// A new person asks to come on stage, is admitted, and publishes.
pub async fn go_on_stage(app: &TestApp, live: &Live, handle: &str, layers: &[Stream]) -> Fallible<Publisher> {
    let (guest, stage) = (
        app.sign_up(handle).await,
        format!("/api/v1/rooms/{}/stage", live.room),
    );
    guest.post(&format!("{stage}/ask"), json!({})).await.is(200);
    let me = guest.get("/api/v1/me").await.is(200).text("id");
    let admit = json!({ "person": me });
    live.host.post(&format!("{stage}/admit"), admit).await.is(200);
    let path = format!("/whip/rooms/{}/stage", live.room);
    publish(&guest, &path, None, source::start(layers)?).await
}

async fn publish(who: &Browser, path: &str, key: Option<&str>, feeds: Vec<Feed>) -> Fallible<Publisher> {
    let signal = async |offer: String| {
        let mut request = who.request(Method::POST, path).body(offer);
        request = request.header("content-type", "application/sdp");
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let created = answer.status().as_u16() == 201;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if created { Ok(text) } else { Err(text) }
    };
    let mut publisher = match feeds.len() {
        1 => {
            let feed = feeds.into_iter().next().ok_or("one feed is one feed")?;
            Publisher::start_with(feed, signal).await?
        }
        _ => Publisher::start_layers_with(feeds, signal).await?,
    };
    if !publisher.connected().await {
        return Err(format!("the camera at {path} was not connected").into());
    }
    Ok(publisher)
}

/// Text at an address of the site, once it is there and `enough`.
pub async fn text_when(app: &TestApp, path: &str, enough: impl Fn(&str) -> bool) -> Fallible<String> {
    until(path, async || {
        let answer = app.nobody().request(Method::GET, path).send().await?;
        let found = answer.status().is_success();
        let text = answer.text().await?;
        Ok((found && enough(&text)).then_some(text))
    })
    .await
}

/// Asks again and again until there is something.
#[allow(clippy::disallowed_methods, reason = "a bench waits by the clock")]
async fn until<T>(what: &str, look: impl AsyncFn() -> Fallible<Option<T>>) -> Fallible<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if begun.elapsed() > WAIT {
            return Err(format!("{what}: not as wanted within {} s", WAIT.as_secs()).into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The share of a core that the site's process uses during a time.
#[allow(clippy::disallowed_methods, reason = "a bench keeps time")]
pub async fn core_share(app: &TestApp, length: Duration) -> Fallible<f64> {
    let (begun, before) = (Instant::now(), process::cpu_s(app.pid())?);
    tokio::time::sleep(length).await;
    Ok((process::cpu_s(app.pid())? - before) / begun.elapsed().as_secs_f64())
}
