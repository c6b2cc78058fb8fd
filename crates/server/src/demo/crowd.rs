//! The demonstration's audience: programs that do what browsers do, over HTTP and WebSocket.

use std::net::SocketAddr;
use std::time::Duration;

use busk_api::Site;
use busk_base::{GiftId, MessageId, PaymentId, RoomId};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::header::COOKIE;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};

use super::{DemoError, people};
use crate::serve::Running;

/// Viewers by room.
const VIEWERS: [usize; 3] = [6, 4, 3];
const NAMES: [&str; 13] = [
    "Ines",
    "Jonas",
    "Wren",
    "Dmitri",
    "Aïcha",
    "Paolo",
    "Mei",
    "Sam",
    "Lena",
    "Tariq",
    "Chloé",
    "Bo",
    "Esperanza del Río",
];
const LINES: [&str; 18] = [
    "hello from Lisbon!",
    "this is so good",
    "first time here, what a place",
    "the light is unreal",
    "encore!!",
    "can you say that again?",
    "sound is perfect on my phone",
    "who else is up too late",
    "magnifique ✨",
    "on dirait un rêve",
    "take your time, we're not going anywhere",
    "how long have you been doing this?",
    "👏👏👏",
    "sending this to my sister right now",
    "best part of my week",
    "greetings from the night shift",
    "that bit gave me chills",
    "more please",
];
/// Which gifts, the likelier more often.
const GIFTS: [&str; 12] = [
    "heart",
    "heart",
    "heart",
    "rose",
    "rose",
    "rose",
    "clap",
    "clap",
    "coffee",
    "flower-crown",
    "confetti",
    "guitar",
];

/// Everyone who watches. They leave when this is dropped.
pub(super) struct Crowd(JoinSet<()>);

impl Crowd {
    pub(super) async fn gather(running: &Running, rooms: &[RoomId]) -> Result<Self, DemoError> {
        let mut names = NAMES.iter().enumerate();
        let mut tasks = JoinSet::new();
        for (room, count) in rooms.iter().zip(VIEWERS) {
            for (n, name) in names.by_ref().take(count) {
                let handle = format!("viewer_{n}");
                let (_, token) = people::viewer(&running.site, handle, (*name).to_owned()).await?;
                let cookie = token.cookie(&running.site);
                // Name and value; the rest is for browsers.
                let cookie = cookie
                    .to_str()
                    .unwrap_or_default()
                    .split(';')
                    .next()
                    .unwrap_or_default();
                let viewer = Viewer {
                    site: running.site.clone(),
                    http: running.http,
                    room: *room,
                    cookie: cookie.to_owned(),
                    client: reqwest::Client::builder().no_proxy().build().unwrap_or_default(),
                };
                tasks.spawn(viewer.stay());
            }
        }
        Ok(Self(tasks))
    }

    pub(super) fn leave(mut self) {
        self.0.abort_all();
    }
}

struct Viewer {
    site: Site,
    http: SocketAddr,
    room: RoomId,
    cookie: String,
    client: reqwest::Client,
}

impl Viewer {
    /// Watches the room, and now and then says or gives something. What fails is tried again later.
    async fn stay(self) {
        loop {
            tokio::select! {
                watched = self.watch() => {
                    tracing::debug!(room = %self.room, "left: {watched:?}");
                    self.rest(2_000, 4_000).await;
                }
                () = self.take_part() => {}
            }
        }
    }

    /// Holds a socket and reads everything, as an open page does.
    async fn watch(&self) -> Result<(), tokio_tungstenite::tungstenite::Error> {
        let mut request = format!("ws://{}/ws/rooms/{}", self.http, self.room).into_client_request()?;
        if let Ok(cookie) = self.cookie.parse() {
            request.headers_mut().insert(COOKIE, cookie);
        }
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
        while let Some(message) = socket.next().await {
            if let Message::Ping(payload) = message? {
                socket.send(Message::Pong(payload)).await?;
            }
        }
        Ok(())
    }

    async fn take_part(&self) {
        loop {
            self.rest(4_000, 14_000).await;
            let done = match self.dice(10) {
                0..7 => self.say().await,
                _ => self.give().await,
            };
            if let Err(error) = done {
                tracing::debug!("a viewer could not: {error}");
            }
        }
    }

    async fn say(&self) -> Result<(), reqwest::Error> {
        let id = MessageId::new(self.site.now(), self.site.entropy());
        let text = LINES[self.dice(LINES.len())];
        let path = format!("/api/v1/rooms/{}/messages", self.room);
        self.post(&path, &json!({ "id": id, "text": text }))
            .await
            .map(|_| ())
    }

    /// Sends a gift, often a streak of it; buys coins when they run out.
    async fn give(&self) -> Result<(), reqwest::Error> {
        let kind = GIFTS[self.dice(GIFTS.len())];
        let times = if self.dice(3) == 0 { 2 + self.dice(6) } else { 1 };
        for _ in 0..times {
            let id = GiftId::new(self.site.now(), self.site.entropy());
            let path = format!("/api/v1/rooms/{}/gifts", self.room);
            let (status, _) = self
                .post(&path, &json!({ "id": id, "kind": kind, "count": 1 }))
                .await?;
            if status == reqwest::StatusCode::PAYMENT_REQUIRED {
                return self.buy().await;
            }
            self.rest(350, 900).await;
        }
        Ok(())
    }

    /// Buys coins as a person would: a purchase, the provider's page, the button on it.
    async fn buy(&self) -> Result<(), reqwest::Error> {
        let id = PaymentId::new(self.site.now(), self.site.entropy());
        let body = json!({ "id": id, "pack": "coins-350", "return_to": "/" });
        let (_, purchase) = self.post("/api/v1/coin-purchases", &body).await?;
        let page = purchase["checkout_url"].as_str().unwrap_or_default();
        let path = page.find("/sandbox/").map_or("", |start| &page[start..]);
        let url = format!("http://{}{path}", self.http);
        self.client.post(url).form(&[("outcome", "pay")]).send().await?;
        Ok(())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<(reqwest::StatusCode, Value), reqwest::Error> {
        let url = format!("http://{}{path}", self.http);
        let answer = self
            .client
            .post(url)
            .header(COOKIE, &self.cookie)
            .json(body)
            .send()
            .await?;
        let status = answer.status();
        Ok((status, answer.json().await.unwrap_or_default()))
    }

    async fn rest(&self, from_ms: u64, to_ms: u64) {
        let span = usize::try_from(to_ms - from_ms).unwrap_or(1);
        tokio::time::sleep(Duration::from_millis(from_ms + self.dice(span) as u64)).await;
    }

    /// A number below `sides`.
    fn dice(&self, sides: usize) -> usize {
        let [a, b, c, d, ..] = self.site.entropy();
        u32::from_be_bytes([a, b, c, d]) as usize % sides.max(1)
    }
}
