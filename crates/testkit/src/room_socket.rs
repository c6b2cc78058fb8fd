//! A viewer's socket into a room, with everything it was told.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const PATIENCE: Duration = Duration::from_secs(20);
const FRAMES_MAX: usize = 100;

pub struct RoomSocket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The first frame.
    pub hello: Value,
    /// Every event told so far, the hello's first.
    pub events: Vec<Value>,
    /// Every text that came, byte for byte.
    pub heard: String,
    /// The code that it was closed with.
    pub close_code: Option<u16>,
    answers: Vec<Value>,
}

impl RoomSocket {
    pub async fn open(url: &str, cookie: Option<&str>) -> Self {
        Self::open_by(url, cookie.map(|cookie| ("cookie", cookie.to_owned()))).await
    }

    /// Says who one is by a header.
    pub async fn open_by(url: &str, header: Option<(&'static str, String)>) -> Self {
        let opened = Self::try_open(url, header.as_slice()).await;
        opened.expect("the room opens a socket")
    }

    /// With these headers; none when it is refused.
    pub async fn try_open(url: &str, headers: &[(&'static str, String)]) -> Option<Self> {
        let mut request = url.into_client_request().expect("a ws:// address");
        for (name, value) in headers {
            let value = value.parse().expect("it is a header's value");
            request.headers_mut().insert(*name, value);
        }
        let (stream, _) = tokio_tungstenite::connect_async(request).await.ok()?;
        let mut socket = Self {
            stream,
            hello: Value::Null,
            events: Vec::new(),
            heard: String::new(),
            close_code: None,
            answers: Vec::new(),
        };
        while socket.hello.is_null() {
            assert!(socket.turn().await, "closed before the hello");
        }
        Some(socket)
    }

    /// Says something; gives the answer.
    pub async fn say(&mut self, id: &str, text: &str) -> Value {
        self.ask(json!({"do": "say", "id": id, "text": text})).await
    }

    /// Sends a command and waits for its answer.
    pub async fn ask(&mut self, command: Value) -> Value {
        let id = command["id"].clone();
        let sent = self.stream.send(Message::text(command.to_string())).await;
        sent.expect("the socket is open");
        loop {
            if let Some(place) = self.answers.iter().position(|answer| answer["re"] == id) {
                return self.answers.remove(place);
            }
            assert!(self.turn().await, "closed before the answer to {command}");
        }
    }

    /// Waits for an event, told already or to come.
    pub async fn event(&mut self, is: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(event) = self.events.iter().find(|event| is(event)) {
                return event.clone();
            }
            assert!(self.turn().await, "closed; told {:#?}", self.events);
        }
    }

    /// Reads on until the server closes it.
    pub async fn closed(&mut self) {
        for _ in 0..FRAMES_MAX {
            if !self.turn().await {
                return;
            }
        }
        panic!("still open; told {:#?}", self.events);
    }

    /// The last number told.
    pub fn last(&self) -> i64 {
        let last = self
            .events
            .last()
            .map(|event| &event["n"])
            .unwrap_or(&self.hello["seq"]);
        last.as_i64().expect("a number")
    }

    /// Takes one frame; `false` when the socket has closed.
    async fn turn(&mut self) -> bool {
        let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
        let next = next.unwrap_or_else(|_| panic!("nothing more was told; so far {:#?}", self.events));
        let Some(Ok(message)) = next else { return false };
        if let Message::Close(frame) = &message {
            self.close_code = frame.as_ref().map(|frame| frame.code.into());
            return false;
        }
        let Ok(text) = message.to_text() else { return true };
        self.heard.push_str(text);
        let Ok(frame) = serde_json::from_str::<Value>(text) else {
            return !message.is_close();
        };
        self.events
            .extend(frame["ev"].as_array().into_iter().flatten().cloned());
        if frame.get("hello").is_some() {
            self.hello = frame;
        } else if frame.get("re").is_some() {
            self.answers.push(frame);
        }
        true
    }
}
