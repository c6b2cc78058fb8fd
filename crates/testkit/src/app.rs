//! The real program over the real protocols: `busk serve` in a process of its own.
//!
//! A [`TestApp`] that is dropped stops its process, has `busk audit` re-add the books, and looks that no
//! job was left that is due; so every test that uses one ends with that.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use busk_base::Timestamp;
use busk_camera::{Camera, CameraConfig, Publisher, Scene};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::db::TestDb;
use crate::room_socket::RoomSocket;

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(20);
const JOBS_WITHIN: Duration = Duration::from_secs(8);

/// A server process, its database and its folder.
pub struct TestApp {
    pub db: TestDb,
    pub http: SocketAddr,
    pub rtmp: SocketAddr,
    binary: &'static str,
    args: Vec<String>,
    folder: tempfile::TempDir,
    process: Option<Child>,
    /// Up to when its jobs were done, where a test has stopped it.
    stopped: Option<Timestamp>,
    client: reqwest::Client,
}

/// Someone who uses the site: their own session cookie.
#[derive(Clone)]
pub struct Browser {
    pub cookie: Option<String>,
    client: reqwest::Client,
    http: SocketAddr,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    /// Null when it is no JSON.
    pub body: Value,
}

/// A room that is live by a camera; it stays so while this is kept.
pub struct OnAir {
    pub room: String,
    pub key: String,
    pub publisher: Publisher,
    pub camera: Camera,
}

#[expect(clippy::disallowed_methods, reason = "a harness waits by the clock")]
fn clock() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "what is due is due by the wall clock")]
fn wall_clock() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970");
    Timestamp::from_unix_us(since.as_micros() as i64)
}

/// An address that nobody has now, nor takes while the server is away between two starts: its port is
/// below those that Linux gives to outgoing connections (a client could even connect to itself there).
pub fn free() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let turn = std::process::id()
            .wrapping_mul(131)
            .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + (turn % 12_000) as u16;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

impl TestApp {
    /// Starts `binary serve`; tests give `env!("CARGO_BIN_EXE_busk")`.
    pub async fn start(binary: &'static str, db: TestDb) -> Self {
        Self::start_with(binary, db, &[]).await
    }

    /// With more flags.
    pub async fn start_with(binary: &'static str, db: TestDb, more: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (http, media, metrics, rtmp) = (free(), free(), free(), free());
        let args = [
            ("--data-dir", folder.path().display().to_string()),
            ("--database-url", db.url()),
            ("--http-listen", http.to_string()),
            ("--media-listen", media.to_string()),
            ("--metrics-listen", metrics.to_string()),
            ("--rtmp-listen", rtmp.to_string()),
            ("--address-limits", "false".to_owned()),
        ];
        let mut app = Self {
            db,
            http,
            rtmp,
            binary,
            args: args
                .iter()
                .chain(more)
                .flat_map(|(name, value)| [(*name).to_owned(), value.clone()])
                .collect(),
            folder,
            process: None,
            stopped: None,
            client: client(),
        };
        app.restart().await;
        app
    }

    /// Starts the process (again) and waits until it is ready.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("the log can be written");
        let process = Command::new(self.binary)
            .arg("serve")
            .args(&self.args)
            .current_dir(self.folder.path())
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        self.process = Some(process);
        self.stopped = None;
        self.client = client();
        let url = format!("http://{}/readyz", self.http);
        let begun = clock();
        loop {
            if let Ok(answer) = self.client.get(&url).send().await
                && answer.status().is_success()
            {
                return;
            }
            let process = self.process.as_mut().expect("it was just started");
            let ended = process.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "it ended at once:\n{}", self.log());
            assert!(
                clock() - begun < READY_WITHIN,
                "not ready in time:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// SIGKILL: nothing is said goodbye to.
    pub fn kill9(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("a child can be killed");
        process.wait().expect("a killed child can be waited for");
    }

    /// Stops it, and has its next start take more flags.
    pub fn stop_with(&mut self, more: &[(&str, String)]) {
        self.stop();
        let more = more
            .iter()
            .flat_map(|(name, value)| [(*name).to_owned(), value.clone()]);
        self.args.extend(more);
    }

    /// The process's data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Memory of the process that is in use, in kB.
    pub fn memory_kb(&self) -> u64 {
        let id = self.pid();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a process has a status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|kb| kb.parse().ok()).expect("memory is a number")
    }

    /// What the process wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Someone without a session.
    pub fn nobody(&self) -> Browser {
        Browser {
            cookie: None,
            client: self.client.clone(),
            http: self.http,
        }
    }

    /// The same person, after a restart.
    pub fn again(&self, browser: &Browser) -> Browser {
        Browser {
            cookie: browser.cookie.clone(),
            ..self.nobody()
        }
    }

    pub async fn sign_up(&self, handle: &str) -> Browser {
        let mut browser = self.nobody();
        let who = json!({"handle": handle, "display_name": handle, "password": "correct horse"});
        browser.enter("/api/v1/sign-up", who).await;
        browser
    }

    pub async fn guest(&self, name: &str) -> Browser {
        let mut browser = self.nobody();
        browser.enter("/api/v1/guests", json!({ "name": name })).await;
        browser
    }

    /// A camera goes live in the host's channel by a stream key, as OBS would.
    pub async fn make_live(&self, host: &Browser, handle: &str) -> OnAir {
        let key = host.stream_key(handle).await;
        let camera = self.camera(handle);
        let publisher = self.publish(&camera, handle, &key).await;
        let room = self.room_in_state(handle, "live").await;
        OnAir {
            room,
            key,
            publisher,
            camera,
        }
    }

    /// Where an encoder publishes with this key.
    pub fn rtmp_url(&self, key: &str) -> String {
        format!("rtmp://{}/live/{key}", self.rtmp)
    }

    /// A small synthetic camera, its name in the picture.
    pub fn camera(&self, name: &str) -> Camera {
        let config = CameraConfig {
            width: 320,
            height: 180,
            ..CameraConfig::demo(Scene::Stage, name)
        };
        Camera::start(config).expect("a small picture can be drawn")
    }

    /// Connects a camera by WHIP.
    pub async fn publish(&self, camera: &Camera, handle: &str, key: &str) -> Publisher {
        let url = format!("http://{}/whip/{handle}", self.http);
        let mut publisher = camera
            .publish(&url, Some(key))
            .await
            .expect("WHIP accepts the camera");
        assert!(publisher.connected().await, "the camera connects");
        publisher
    }

    /// Waits until the channel's room is in a state; gives its id.
    pub async fn room_in_state(&self, handle: &str, state: &str) -> String {
        let path = format!("/api/v1/channels/{handle}");
        let begun = clock();
        loop {
            let room = self.nobody().get(&path).await.is(200).body["room"].clone();
            if room["state"] == state {
                return room["id"].as_str().expect("a room has an id").to_owned();
            }
            assert!(
                clock() - begun < Duration::from_secs(30),
                "never {state}: {room:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Buys a pack at the sandbox's checkout and waits for the coins.
    pub async fn buy_coins(&self, buyer: &Browser, id: &str, pack: &str) {
        buyer.declare_adult().await;
        let body = json!({"id": id, "pack": pack, "return_to": "/"});
        let begun = buyer.post("/api/v1/coin-purchases", body).await.is(201);
        let url = begun.text("checkout_url");
        buyer.choose(&url, "pay").await;
        let path = format!("/api/v1/coin-purchases/{id}");
        let since = clock();
        while buyer.get(&path).await.is(200).body["state"] != "paid" {
            assert!(clock() - since < Duration::from_secs(30), "the coins never came");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A socket into a room; `query` is empty or begins with `?`.
    pub async fn socket(&self, room: &str, query: &str, who: &Browser) -> RoomSocket {
        let url = format!("ws://{}/ws/rooms/{room}{query}", self.http);
        RoomSocket::open(&url, who.cookie.as_deref()).await
    }

    /// A socket into a room; none when its door refuses.
    pub async fn try_socket(&self, room: &str, who: &Browser) -> Option<RoomSocket> {
        let url = format!("ws://{}/ws/rooms/{room}", self.http);
        let cookie = who.cookie.clone().map(|cookie| ("cookie", cookie));
        RoomSocket::try_open(&url, cookie.as_slice()).await
    }

    /// A program's socket into a room.
    pub async fn socket_by_token(&self, room: &str, token: &str) -> RoomSocket {
        let url = format!("ws://{}/ws/rooms/{room}", self.http);
        RoomSocket::open_by(&url, Some(("authorization", format!("Bearer {token}")))).await
    }

    /// Has the program re-add the books; gives what it found.
    pub fn audit(&self) -> Result<(), String> {
        let folder = self.folder.path().display().to_string();
        let done = Command::new(self.binary)
            .args(["audit", "--json", "--database-url", &self.db.url()])
            .args(["--data-dir", &folder])
            .env("RUST_LOG", "error")
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let clean = serde_json::from_str::<Value>(&said).is_ok_and(|audit| audit["findings"] == json!([]));
        if done.status.success() && clean {
            Ok(())
        } else {
            Err(said)
        }
    }

    /// Whether a job was due at this time that nobody has done.
    /// Whether no job is due for a while.
    pub fn is_idle(&self, ahead: Duration) -> bool {
        !self.job_due(wall_clock() + ahead)
    }

    fn job_due(&self, now: Timestamp) -> bool {
        let database = self.db.database.clone();
        // PostgreSQL is driven by a runtime of the store's own, which must not nest in the test's.
        let asked = std::thread::spawn(move || {
            busk_store::read_only(&database, |db| busk_store::jobs::any_due(db, now))
        });
        let due = asked.join().expect("asking does not panic");
        due.expect("the database can be read")
    }

    /// Stops the program when it has nothing to do; gives the time up to which its jobs must be done.
    /// A job that comes due while it stops is for its next start.
    fn stop(&mut self) -> Timestamp {
        let (begun, mut at) = (clock(), wall_clock());
        let Some(mut process) = self.process.take() else {
            return self.stopped.unwrap_or(at);
        };
        while self.job_due(at) && clock() - begun < JOBS_WITHIN {
            std::thread::sleep(Duration::from_millis(100));
            at = wall_clock();
        }
        let pid = process.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(told.is_ok_and(|status| status.success()), "SIGTERM is sent");
        let begun = clock();
        loop {
            match process.try_wait().expect("a child can be waited for") {
                Some(status) => {
                    assert!(status.success(), "{status}:\n{}", self.log());
                    self.stopped = Some(at);
                    return at;
                }
                None if clock() - begun > STOP_WITHIN => {
                    let _ = process.kill();
                    panic!("it did not stop when told:\n{}", self.log());
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if let Some(mut process) = self.process.take() {
                let _ = process.kill();
                let _ = process.wait();
            }
            eprintln!("the server said:\n{}", self.log());
            return;
        }
        let at = self.stop();
        assert_eq!(self.audit(), Ok(()), "the books balance");
        assert!(!self.job_due(at), "a job was left that was due");
    }
}

fn client() -> reqwest::Client {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .no_proxy();
    client.build().expect("a client without TLS can be made")
}

impl Browser {
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("http://{}{path}", self.http));
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        Answer::of(self.request(method, path).json(&body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    /// A new stream key of one's own channel.
    pub async fn stream_key(&self, handle: &str) -> String {
        let path = format!("/api/v1/channels/{handle}/stream-key");
        self.post(&path, json!({})).await.is(201).text("key")
    }

    /// Says that one is 18 or older, which payments need.
    pub async fn declare_adult(&self) {
        self.post("/api/v1/me/adult", json!({"adult": true}))
            .await
            .is(204);
    }

    pub async fn coins(&self) -> i64 {
        let me = self.get("/api/v1/me").await.is(200);
        me.body["coins"].as_i64().expect("coins are a number")
    }

    /// Presses a button of the sandbox's checkout page.
    pub async fn choose(&self, checkout_url: &str, outcome: &str) {
        let (_, path) = checkout_url
            .split_once("/sandbox/")
            .expect("a checkout of the sandbox");
        let request = self.request(Method::POST, &format!("/sandbox/{path}"));
        Answer::of(request.form(&[("outcome", outcome)])).await.is(303);
    }

    async fn enter(&mut self, path: &str, body: Value) {
        let answer = self.post(path, body).await.is(201);
        let cookie = answer.headers["set-cookie"].to_str().expect("a cookie is text");
        self.cookie = cookie.split(';').next().map(str::to_owned);
    }
}

impl Answer {
    /// Sends a request and reads all of the answer.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        Self::try_of(request).await.expect("the server answers")
    }

    pub async fn try_of(request: reqwest::RequestBuilder) -> Result<Self, reqwest::Error> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Self {
            status,
            headers,
            body,
        })
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self
    }

    /// A refusal, as problem details.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(
            answer.body["type"],
            format!("/problems/{code}"),
            "{:#}",
            answer.body
        );
        answer
    }

    #[track_caller]
    pub fn text(&self, field: &str) -> String {
        let text = self.body[field].as_str();
        text.unwrap_or_else(|| panic!("no {field} in {:#}", self.body))
            .to_owned()
    }
}
