//! What an RTMP publisher says and hears (RTMP 1.0 §5.2, §5.4, §7): bytes and frames in, events and bytes out.
//!
//! Handshake, `connect`, `releaseStream`, `FCPublish`, `createStream`, `publish`, media, `FCUnpublish`,
//! `deleteStream`: in the order and with the words of the encoders that all platforms know.

use std::sync::Arc;

use bytes::{Buf, BytesMut};

use super::tags::{self, ParameterSets};
use super::{PushError, Target, TargetRefusal};
use crate::amf::{self, Value};
use crate::chunks::{self, CHUNK_BYTES_SENT, ChunkReader, Message};
use crate::{AacConfig, Metadata, Picture, Sound};

/// C1 and C2, S1 and S2 (§5.2).
const ECHO_BYTES: usize = 1_536;
const VERSION: u8 = 3;
/// Answers are small.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// Before it lets us publish, and in one second after that. Busy servers send two or three.
const MESSAGES_MAX: u32 = 256;
const WINDOW_BYTES: u32 = 2_500_000;
const WINDOW_BYTES_MIN: u64 = 4 << 10;
const TEXT_CHARS_MAX: usize = 300;
/// Transactions.
const CONNECT: f64 = 1.0;
const RELEASE_STREAM: f64 = 2.0;
const FC_PUBLISH: f64 = 3.0;
const CREATE_STREAM: f64 = 4.0;
const PUBLISH: f64 = 5.0;
const FC_UNPUBLISH: f64 = 6.0;
const DELETE_STREAM: f64 = 7.0;
/// Some servers know encoders by it.
const VERSION_TEXT: &str = "FMLE/3.0 (compatible; Busk)";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Hello,
    Connecting,
    Creating,
    /// The key was sent.
    Asking,
    Publishing,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// From now on it takes frames.
    Live,
    /// It ended the stream.
    Over,
}

/// Not `Debug`: what it has to send holds the key.
pub(super) struct Session {
    target: Target,
    stage: Stage,
    chunks: ChunkReader,
    out: Vec<u8>,
    messages: u32,
    received: u64,
    acknowledged: u64,
    window: u64,
    /// The message stream to publish in.
    stream: u32,
    /// When the first keyframe was.
    origin_ms: Option<u64>,
    /// Of the latest picture.
    time: u32,
    sets: Option<ParameterSets>,
    aac: Option<Arc<AacConfig>>,
    aac_sent: bool,
    metadata: Metadata,
}

impl Session {
    pub(super) fn new(target: &Target) -> Self {
        // The simple handshake: its four zeros say that it is (§5.2.3), its random bytes may be any.
        let mut out = vec![VERSION];
        out.extend([0; 8]);
        out.extend((8..ECHO_BYTES).map(|n| n as u8));
        Self {
            target: target.clone(),
            stage: Stage::Hello,
            chunks: ChunkReader::new(MESSAGE_BYTES_MAX),
            out,
            messages: 0,
            received: 0,
            acknowledged: 0,
            window: u64::from(WINDOW_BYTES),
            stream: 0,
            origin_ms: None,
            time: 0,
            sets: None,
            aac: None,
            aac_sent: false,
            metadata: Metadata::default(),
        }
    }

    /// What is to be sent to the target.
    pub(super) fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// A second has passed: the target may send so many messages again.
    pub(super) fn tick(&mut self) {
        if self.stage == Stage::Publishing {
            self.messages = 0;
        }
    }

    /// What it means that the target hangs up now.
    pub(super) fn lost(&self) -> PushError {
        match self.stage {
            Stage::Asking => PushError::HungUp,
            _ => PushError::Lost,
        }
    }

    /// Takes from `input` until there is an event; `None` when it needs more.
    pub(super) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Event>, PushError> {
        loop {
            let before = input.len();
            let (went_on, event) = match self.stage {
                Stage::Hello => (self.hello(input)?, None),
                Stage::Over => return Ok(Some(Event::Over)),
                _ => {
                    let message = self.chunks.next(input);
                    match message.map_err(|_| PushError::Malformed("it is cut into impossible chunks"))? {
                        Some(message) => (true, self.hear(&message)?),
                        None => (false, None),
                    }
                }
            };
            self.count(before - input.len());
            if event.is_some() || !went_on {
                return Ok(event);
            }
        }
    }

    /// Acknowledges what came (§5.4.3).
    fn count(&mut self, bytes: usize) {
        self.received += bytes as u64;
        if self.received - self.acknowledged >= self.window && self.stage != Stage::Hello {
            self.acknowledged = self.received;
            let received = (self.received as u32).to_be_bytes();
            self.send(chunks::ACKNOWLEDGEMENT, 0, &received);
        }
    }

    fn hello(&mut self, input: &mut BytesMut) -> Result<bool, PushError> {
        if input.first().is_some_and(|version| *version != VERSION) {
            return Err(PushError::NotRtmp);
        }
        if input.len() < 1 + 2 * ECHO_BYTES {
            return Ok(false);
        }
        // C2 is S1. Some servers do not echo what they were sent.
        self.out.extend(&input[1..1 + ECHO_BYTES]);
        input.advance(1 + 2 * ECHO_BYTES);
        let size = (CHUNK_BYTES_SENT as u32).to_be_bytes();
        self.send(chunks::SET_CHUNK_SIZE, 0, &size);
        self.connect();
        self.stage = Stage::Connecting;
        Ok(true)
    }

    fn connect(&mut self) {
        let url = self.target.tc_url();
        let fields = [
            ("app", self.target.app()),
            ("type", "nonprivate"),
            ("flashVer", VERSION_TEXT),
            ("swfUrl", &url),
            ("tcUrl", &url),
        ];
        let fields = fields.map(|(name, value)| (name.into(), Value::String(value.into())));
        let values = [
            Value::String("connect".into()),
            Value::Number(CONNECT),
            Value::Object(fields.into()),
        ];
        self.send(chunks::COMMAND_AMF0, 0, &amf::write(&values));
    }

    fn hear(&mut self, message: &Message) -> Result<Option<Event>, PushError> {
        self.messages += 1;
        if self.messages > MESSAGES_MAX {
            return Err(PushError::Malformed("it talks too much"));
        }
        let payload = &message.payload;
        match message.kind {
            chunks::SET_CHUNK_SIZE => {
                let set = self.chunks.set_chunk_size(payload);
                set.map_err(|_| PushError::Malformed("it announces an impossible chunk size"))?;
            }
            chunks::ABORT => self.chunks.abort(payload),
            chunks::WINDOW_SIZE => {
                if let Some(window) = payload.first_chunk() {
                    let window = u64::from(u32::from_be_bytes(*window));
                    self.window = window.clamp(WINDOW_BYTES_MIN, u64::from(WINDOW_BYTES));
                }
            }
            // Answered with our own window (§5.4.5).
            chunks::PEER_BANDWIDTH => self.send(chunks::WINDOW_SIZE, 0, &WINDOW_BYTES.to_be_bytes()),
            chunks::USER_CONTROL => {
                // Ping request, ping response (§7.1.7).
                if let [0, 6, time @ ..] = &payload[..]
                    && time.len() == 4
                {
                    let pong = [&[0, 7][..], time].concat();
                    self.send(chunks::USER_CONTROL, 0, &pong);
                }
            }
            chunks::COMMAND_AMF0 => return self.command(payload),
            // Its values are AMF 0 after a first byte.
            chunks::COMMAND_AMF3 => return self.command(&payload[payload.len().min(1)..]),
            _ => {}
        }
        Ok(None)
    }

    fn command(&mut self, payload: &[u8]) -> Result<Option<Event>, PushError> {
        let values = amf::read(payload).ok_or(PushError::Malformed("a command cannot be read"))?;
        let name = values.first().and_then(Value::string).unwrap_or_default();
        let transaction = values.get(1).and_then(Value::number).unwrap_or(0.0);
        let information = values.iter().skip(2).rfind(|value| value.field("code").is_some());
        match (name, self.stage) {
            ("_result", Stage::Connecting) if transaction == CONNECT => {
                self.ask("releaseStream", RELEASE_STREAM, &[]);
                self.ask("FCPublish", FC_PUBLISH, &[]);
                let values = [
                    Value::String("createStream".into()),
                    Value::Number(CREATE_STREAM),
                    Value::Null,
                ];
                self.send(chunks::COMMAND_AMF0, 0, &amf::write(&values));
                self.stage = Stage::Creating;
            }
            ("_result", Stage::Creating) if transaction == CREATE_STREAM => {
                let stream = values.get(3).and_then(Value::number).unwrap_or(1.0);
                self.stream = stream as u32;
                self.ask("publish", PUBLISH, &[Value::String("live".into())]);
                self.stage = Stage::Asking;
            }
            // Not all know `releaseStream` and `FCPublish`.
            ("_error", Stage::Connecting | Stage::Creating | Stage::Asking)
                if transaction != RELEASE_STREAM && transaction != FC_PUBLISH =>
            {
                return Err(self.refused(information));
            }
            ("onStatus", _) => return self.status(information),
            ("close", _) => return Err(self.lost()),
            _ => {}
        }
        Ok(None)
    }

    fn status(&mut self, information: Option<&Value>) -> Result<Option<Event>, PushError> {
        let field = |name| {
            let value = information.and_then(|information| information.field(name));
            value.and_then(Value::string).unwrap_or_default()
        };
        match (field("code"), self.stage) {
            ("NetStream.Publish.Start", Stage::Asking) => {
                self.stage = Stage::Publishing;
                self.messages = 0;
                Ok(Some(Event::Live))
            }
            ("NetStream.Unpublish.Success" | "NetStream.Publish.Stop", Stage::Publishing) => {
                self.stage = Stage::Over;
                Ok(Some(Event::Over))
            }
            // Not all say that it is an error.
            ("NetStream.Publish.BadName" | "NetStream.Publish.Rejected" | "NetStream.Publish.Denied", _) => {
                Err(self.refused(information))
            }
            _ if field("level") == "error" => Err(self.refused(information)),
            _ => Ok(None),
        }
    }

    fn refused(&self, information: Option<&Value>) -> PushError {
        let field = |name| {
            let value = information.and_then(|information| information.field(name));
            self.shown(value.and_then(Value::string).unwrap_or_default())
        };
        PushError::Refused(TargetRefusal {
            code: field("code"),
            description: field("description"),
        })
    }

    /// The target's text, fit for people: nothing but what can be printed, and nothing of the key.
    fn shown(&self, text: &str) -> String {
        let turns = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let printed = |c: char| match c {
            _ if c.is_control() => Some(' '),
            _ => Some(c).filter(|c| !turns(*c)),
        };
        let printable: String = text.chars().filter_map(printed).collect();
        let words: Vec<&str> = printable.split_whitespace().collect();
        let censored = self.target.censor(&words.join(" "));
        censored.chars().take(TEXT_CHARS_MAX).collect()
    }

    /// What the program says of itself. Sent with the first picture.
    pub(super) fn describe(&mut self, metadata: Metadata) {
        self.metadata = metadata;
    }

    /// There will be such sound: before the first picture, so that the metadata tells of it.
    pub(super) fn foretell(&mut self, config: &Arc<AacConfig>) {
        if self.origin_ms.is_none() {
            self.aac = Some(config.clone());
        }
    }

    /// Sends a picture. Before the first keyframe nothing is sent.
    pub(super) fn picture(&mut self, picture: &Picture) -> bool {
        if self.stage != Stage::Publishing || (self.origin_ms.is_none() && !picture.keyframe) {
            return false;
        }
        let sets = ParameterSets::of(picture);
        if self.origin_ms.is_none() && sets.is_none() {
            return false;
        }
        let origin = *self.origin_ms.get_or_insert(picture.dts_ms);
        let time = picture.dts_ms.saturating_sub(origin) as u32;
        self.time = time;
        let configured = sets.is_some();
        if sets.is_some() && self.sets != sets {
            self.sets = sets;
            self.metadata_now(time);
            let tag = self.sets.as_ref().map(ParameterSets::tag);
            self.send_at(chunks::VIDEO, time, &tag.unwrap_or_default());
        }
        self.send_at(chunks::VIDEO, time, &tags::picture(picture, configured));
        true
    }

    /// Sends an access unit of sound, when pictures came before it and its time is not before theirs.
    pub(super) fn sound(&mut self, sound: &Sound) -> bool {
        let changed = self.aac.as_deref() != Some(&*sound.config);
        if changed {
            self.aac = Some(sound.config.clone());
            self.aac_sent = false;
        }
        let Some(time) = self
            .origin_ms
            .and_then(|origin| sound.time_ms.checked_sub(origin))
        else {
            return false;
        };
        let time = time as u32;
        if changed {
            // Not foretold.
            self.metadata_now(time);
        }
        if !self.aac_sent {
            self.send_at(chunks::AUDIO, time, &tags::sound_config(&sound.config));
            self.aac_sent = true;
        }
        self.send_at(chunks::AUDIO, time, &tags::sound(&sound.data));
        true
    }

    /// Says goodbye.
    pub(super) fn part(&mut self) {
        if self.stage != Stage::Publishing {
            return;
        }
        self.send_at(chunks::VIDEO, self.time, &tags::end());
        self.ask("FCUnpublish", FC_UNPUBLISH, &[]);
        let values = [
            Value::String("deleteStream".into()),
            Value::Number(DELETE_STREAM),
            Value::Null,
            Value::Number(self.stream.into()),
        ];
        self.send(chunks::COMMAND_AMF0, 0, &amf::write(&values));
        self.stage = Stage::Over;
    }

    fn metadata_now(&mut self, time: u32) {
        let number = |name: &str, value: Option<f64>| Some((name.to_owned(), Value::Number(value?)));
        let size = self.sets.as_ref().and_then(ParameterSets::dimensions);
        let (given, aac) = (&self.metadata, self.aac.as_deref());
        let width = size.map(|(width, _)| width.into()).or(given.width);
        let height = size.map(|(_, height)| height.into()).or(given.height);
        let fields = [
            number("width", width),
            number("height", height),
            number("framerate", given.frames_per_s),
            number("videodatarate", given.video_kbps),
            number("videocodecid", Some(7.0)),
            number("audiodatarate", given.audio_kbps.filter(|_| aac.is_some())),
            number("audiosamplerate", aac.map(|aac| aac.sample_rate.into())),
            number("audiosamplesize", aac.map(|_| 16.0)),
            number("audiochannels", aac.map(|aac| aac.channels.into())),
            number("audiocodecid", aac.map(|_| 10.0)),
            aac.map(|aac| ("stereo".to_owned(), Value::Boolean(aac.channels == 2))),
            Some(("encoder".to_owned(), Value::String("Busk".into()))),
        ];
        let values = [
            Value::String("@setDataFrame".into()),
            Value::String("onMetaData".into()),
            Value::Object(fields.into_iter().flatten().collect()),
        ];
        self.send_at(chunks::DATA_AMF0, time, &amf::write(&values));
    }

    /// A command about the stream key.
    fn ask(&mut self, name: &str, transaction: f64, arguments: &[Value]) {
        let head = [
            Value::String(name.into()),
            Value::Number(transaction),
            Value::Null,
            Value::String(self.target.key().into()),
        ];
        let stream = if name == "publish" { self.stream } else { 0 };
        self.send(
            chunks::COMMAND_AMF0,
            stream,
            &amf::write(&[&head, arguments].concat()),
        );
    }

    fn send(&mut self, kind: u8, stream: u32, payload: &[u8]) {
        chunks::write(&mut self.out, kind, stream, payload);
    }

    fn send_at(&mut self, kind: u8, time: u32, payload: &[u8]) {
        chunks::write_at(&mut self.out, kind, self.stream, time, payload);
    }
}
