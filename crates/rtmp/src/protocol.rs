//! What an RTMP server says and hears (RTMP 1.0 §5.2, §5.4, §7): bytes in, events and bytes out.
//!
//! Handshake, `connect`, `createStream`, `publish`, media, `deleteStream`. What encoders send besides is answered
//! where they wait for an answer, and otherwise passed over.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use crate::amf::{self, Value};
use crate::chunks::{self, CHUNK_BYTES_SENT, ChunkReader, Message};
use crate::flv::TagError;
use crate::frames::Frames;
use crate::{Limits, Metadata, ServeError, Unit};

/// C0 and C1, C2 (§5.2).
const HELLO_BYTES: usize = 1 + ECHO_BYTES;
const ECHO_BYTES: usize = 1_536;
const VERSION: u8 = 3;
/// What each end acknowledges; more often than encoders ask for serves nobody.
const WINDOW_BYTES: u32 = 2_500_000;
const WINDOW_BYTES_MIN: u64 = 64 << 10;
/// The one message stream that is given out.
const STREAM: u32 = 1;
/// Commands and metadata are small.
const AMF_BYTES_MAX: usize = 64 << 10;
const NAME_CHARS_MAX: usize = 100;
/// OBS writes the description of this code, and of few others, into its log.
const REJECTED: &str = "NetStream.Publish.Rejected";
/// `app` and stream key.
const ADDRESS_BYTES_MAX: usize = 1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Hello,
    Echo,
    /// Connects and asks to publish.
    Asking,
    /// The door is being asked.
    Waiting,
    Publishing,
    Over,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    /// Ask the door, then `admit`.
    Publish {
        app: String,
        key: String,
    },
    Unit(Unit),
    /// The encoder ended its stream.
    Over,
}

#[derive(Debug)]
pub(crate) struct Session {
    stage: Stage,
    limits: Limits,
    chunks: ChunkReader,
    frames: Frames,
    app: Option<String>,
    units: VecDeque<Unit>,
    out: Vec<u8>,
    messages: u32,
    received: u64,
    acknowledged: u64,
    window: u64,
}

impl Session {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            stage: Stage::Hello,
            limits,
            chunks: ChunkReader::new(limits.message_bytes),
            frames: Frames::default(),
            app: None,
            units: VecDeque::new(),
            out: Vec::new(),
            messages: 0,
            received: 0,
            acknowledged: 0,
            window: u64::from(WINDOW_BYTES),
        }
    }

    /// What is to be sent to the encoder.
    pub(crate) fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Takes from `input` until there is an event; `None` when it needs more. After `Publish`, the door's answer
    /// has to be told first.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Event>, ServeError> {
        loop {
            if let Some(unit) = self.units.pop_front() {
                return Ok(Some(Event::Unit(unit)));
            }
            if self.is_early() && self.received + input.len() as u64 > self.limits.early_bytes {
                return Err(ServeError::TooMuch);
            }
            let before = input.len();
            let went_on = match self.stage {
                Stage::Hello => self.hello(input)?,
                Stage::Echo => self.echo(input),
                Stage::Over => return Ok(Some(Event::Over)),
                Stage::Asking | Stage::Waiting | Stage::Publishing => match self.chunks.next(input) {
                    Err(error) => return Err(ServeError::Malformed(error.to_string())),
                    Ok(None) => false,
                    Ok(Some(message)) => {
                        if let Some(event) = self.hear(message)? {
                            self.count(before - input.len());
                            return Ok(Some(event));
                        }
                        true
                    }
                },
            };
            self.count(before - input.len());
            if !went_on {
                return Ok(None);
            }
        }
    }

    /// The door let it in.
    pub(crate) fn admit(&mut self) {
        self.stage = Stage::Publishing;
        // Stream Begin (§7.1.7), then the start.
        let begin = [&[0, 0][..], &STREAM.to_be_bytes()].concat();
        self.send(chunks::USER_CONTROL, 0, &begin);
        self.status("status", "NetStream.Publish.Start", "You are publishing.");
    }

    /// Tells the encoder why the stream ends.
    pub(crate) fn part(&mut self, error: &ServeError) {
        match error {
            ServeError::Refused(refusal) => {
                self.status("error", "NetStream.Publish.BadName", &refusal.to_string());
            }
            ServeError::Unsupported(unsupported) => {
                self.status("error", REJECTED, &unsupported.to_string());
            }
            ServeError::NotPublishing => {
                self.status("error", "NetStream.Play.Failed", "Streams cannot be played here.");
            }
            ServeError::Malformed(what) if self.stage == Stage::Publishing => {
                self.status("error", REJECTED, what);
            }
            _ => {}
        }
    }

    /// Tells the encoder that its stream was ended here.
    pub(crate) fn stop(&mut self) {
        self.status("status", "NetStream.Unpublish.Success", "The stream was ended.");
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    fn is_early(&self) -> bool {
        !matches!(self.stage, Stage::Publishing | Stage::Over)
    }

    /// Acknowledges what came (§5.4.3).
    fn count(&mut self, bytes: usize) {
        self.received += bytes as u64;
        if self.received - self.acknowledged >= self.window && self.stage != Stage::Over {
            self.acknowledged = self.received;
            let received = (self.received as u32).to_be_bytes();
            self.send(chunks::ACKNOWLEDGEMENT, 0, &received);
        }
    }

    fn hello(&mut self, input: &mut BytesMut) -> Result<bool, ServeError> {
        // Others than RTMP are known by their first byte.
        if input.first().is_some_and(|version| *version != VERSION) {
            return Err(ServeError::NotRtmp);
        }
        if input.len() < HELLO_BYTES {
            return Ok(false);
        }
        // The simple handshake, which all encoders take. Its random bytes tell connections of one program from
        // each other (§5.2.3), which nobody checks: they may be any.
        self.out.push(VERSION);
        self.out.extend([0; 8]);
        self.out.extend((8..ECHO_BYTES).map(|n| n as u8));
        self.out.extend(&input[1..HELLO_BYTES]);
        input.advance(HELLO_BYTES);
        self.stage = Stage::Echo;
        Ok(true)
    }

    fn echo(&mut self, input: &mut BytesMut) -> bool {
        if input.len() < ECHO_BYTES {
            return false;
        }
        // Some encoders do not echo what they were sent.
        input.advance(ECHO_BYTES);
        self.stage = Stage::Asking;
        true
    }

    fn hear(&mut self, message: Message) -> Result<Option<Event>, ServeError> {
        if self.is_early() {
            self.messages += 1;
            if self.messages > self.limits.early_messages {
                return Err(ServeError::TooMuch);
            }
        }
        let payload = &message.payload;
        match message.kind {
            chunks::SET_CHUNK_SIZE => {
                let set = self.chunks.set_chunk_size(payload);
                set.map_err(|error| ServeError::Malformed(error.to_string()))?;
            }
            chunks::ABORT => self.chunks.abort(payload),
            chunks::WINDOW_SIZE => {
                if let Some(window) = payload.first_chunk() {
                    let window = u64::from(u32::from_be_bytes(*window));
                    self.window = window.clamp(WINDOW_BYTES_MIN, u64::from(WINDOW_BYTES));
                }
            }
            chunks::USER_CONTROL => self.answer_ping(payload),
            chunks::AUDIO | chunks::VIDEO if self.stage == Stage::Publishing => self.media(&message)?,
            chunks::DATA_AMF0 if self.stage == Stage::Publishing => self.metadata(payload),
            chunks::COMMAND_AMF0 => return self.command(payload),
            // Its values are AMF 0 after a first byte.
            chunks::COMMAND_AMF3 => return self.command(&payload.slice(payload.len().min(1)..)),
            _ => {}
        }
        Ok(None)
    }

    fn media(&mut self, message: &Message) -> Result<(), ServeError> {
        // Encoders send empty ones when a source is missing.
        if message.payload.is_empty() {
            return Ok(());
        }
        let heard = match message.kind {
            chunks::AUDIO => self.frames.audio(message.time, &message.payload, &mut self.units),
            _ => self.frames.video(message.time, &message.payload, &mut self.units),
        };
        heard.map_err(|error| match error {
            TagError::Unsupported(unsupported) => ServeError::Unsupported(unsupported),
            TagError::Malformed(what) => ServeError::Malformed(what.into()),
        })
    }

    fn metadata(&mut self, payload: &Bytes) {
        if payload.len() > AMF_BYTES_MAX {
            return;
        }
        let Some(values) = amf::read(payload) else { return };
        let is_metadata = values.iter().any(|value| value.string() == Some("onMetaData"));
        if let Some(fields) = values.iter().find(|value| matches!(value, Value::Object(_)))
            && is_metadata
        {
            let number = |name| fields.field(name).and_then(Value::number);
            let encoder = fields.field("encoder").and_then(Value::string);
            self.units.push_back(Unit::Metadata(Metadata {
                encoder: encoder.map(|name| name.chars().take(NAME_CHARS_MAX).collect()),
                width: number("width"),
                height: number("height"),
                frames_per_s: number("framerate"),
                video_kbps: number("videodatarate"),
                audio_kbps: number("audiodatarate"),
            }));
        }
    }

    fn command(&mut self, payload: &[u8]) -> Result<Option<Event>, ServeError> {
        let malformed = || ServeError::Malformed("a command cannot be read".into());
        if payload.len() > AMF_BYTES_MAX {
            return Err(malformed());
        }
        let values = amf::read(payload).ok_or_else(malformed)?;
        let [name, rest @ ..] = &values[..] else {
            return Err(malformed());
        };
        let name = name.string().ok_or_else(malformed)?;
        let transaction = rest.first().and_then(Value::number).unwrap_or(0.0);
        let arguments = rest.get(1..).unwrap_or_default();
        match (name, self.stage) {
            ("connect", Stage::Asking) => {
                let app = arguments.first().and_then(|object| object.field("app"));
                self.connect(transaction, app.and_then(Value::string))?;
            }
            ("createStream", _) => {
                self.answer(transaction, &[Value::Null, Value::Number(STREAM.into())]);
            }
            ("publish", Stage::Asking) => return self.publish(arguments).map(Some),
            ("play" | "play2", _) => return Err(ServeError::NotPublishing),
            ("FCUnpublish" | "deleteStream" | "closeStream", Stage::Publishing) => {
                self.stop();
                self.stage = Stage::Over;
                return Ok(Some(Event::Over));
            }
            // Asked before the stream is made, by convention of the encoders; some wait for the answer.
            ("releaseStream" | "FCPublish" | "_checkbw" | "getStreamLength", _) if transaction != 0.0 => {
                self.answer(transaction, &[Value::Null, Value::Null]);
            }
            _ => {}
        }
        Ok(None)
    }

    fn connect(&mut self, transaction: f64, app: Option<&str>) -> Result<(), ServeError> {
        let app = app.filter(|app| app.len() <= ADDRESS_BYTES_MAX);
        let app = app.ok_or_else(|| ServeError::Malformed("it connects to no app".into()))?;
        self.app = Some(app.trim_end_matches('/').into());
        self.send(chunks::WINDOW_SIZE, 0, &WINDOW_BYTES.to_be_bytes());
        // Dynamic (§5.4.5).
        let bandwidth = [&WINDOW_BYTES.to_be_bytes()[..], &[2]].concat();
        self.send(chunks::PEER_BANDWIDTH, 0, &bandwidth);
        let size = (CHUNK_BYTES_SENT as u32).to_be_bytes();
        self.send(chunks::SET_CHUNK_SIZE, 0, &size);
        let properties = Value::Object(vec![
            ("fmsVer".into(), Value::String("FMS/3,0,1,123".into())),
            ("capabilities".into(), Value::Number(31.0)),
        ]);
        let mut information = information("status", "NetConnection.Connect.Success", "Connected.");
        information.push(("objectEncoding".into(), Value::Number(0.0)));
        self.answer(transaction, &[properties, Value::Object(information)]);
        Ok(())
    }

    fn publish(&mut self, arguments: &[Value]) -> Result<Event, ServeError> {
        let key = arguments.get(1).and_then(Value::string);
        let key = key.filter(|key| key.len() <= ADDRESS_BYTES_MAX);
        let (Some(app), Some(key)) = (self.app.clone(), key) else {
            return Err(ServeError::Malformed(
                "it publishes without an app or a key".into(),
            ));
        };
        self.stage = Stage::Waiting;
        Ok(Event::Publish { app, key: key.into() })
    }

    /// Ping request, ping response (§7.1.7).
    fn answer_ping(&mut self, payload: &[u8]) {
        if let [0, 6, time @ ..] = payload
            && time.len() == 4
        {
            let pong = [&[0, 7][..], time].concat();
            self.send(chunks::USER_CONTROL, 0, &pong);
        }
    }

    fn answer(&mut self, transaction: f64, values: &[Value]) {
        let head = [Value::String("_result".into()), Value::Number(transaction)];
        let payload = amf::write(&[&head, values].concat());
        self.send(chunks::COMMAND_AMF0, 0, &payload);
    }

    fn status(&mut self, level: &str, code: &str, description: &str) {
        let payload = amf::write(&[
            Value::String("onStatus".into()),
            Value::Number(0.0),
            Value::Null,
            Value::Object(information(level, code, description)),
        ]);
        self.send(chunks::COMMAND_AMF0, STREAM, &payload);
    }

    fn send(&mut self, kind: u8, stream: u32, payload: &[u8]) {
        chunks::write(&mut self.out, kind, stream, payload);
    }
}

fn information(level: &str, code: &str, description: &str) -> Vec<(String, Value)> {
    [("level", level), ("code", code), ("description", description)]
        .map(|(name, value)| (name.into(), Value::String(value.into())))
        .into()
}
