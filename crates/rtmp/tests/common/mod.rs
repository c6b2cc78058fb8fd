//! A door that writes down what it hears, and an encoder of a few lines.

#![allow(dead_code, reason = "each test program uses some of it")]

pub mod restream;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use busk_rtmp::{Door, Picture, Refusal, Sink, Sound, Unit};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Lets `live/key` in, and keeps what comes.
#[derive(Clone, Default)]
pub struct Studio {
    pub units: Arc<Mutex<Vec<Unit>>>,
    /// The door refuses with this.
    pub refusal: Option<Refusal>,
    /// The sink breaks after so many units.
    pub enough: Option<usize>,
}

impl Studio {
    pub fn units(&self) -> Vec<Unit> {
        self.units.lock().unwrap().clone()
    }

    pub fn pictures(&self) -> Vec<Picture> {
        let picture = |unit| match unit {
            Unit::Picture(picture) => Some(picture),
            _ => None,
        };
        self.units().into_iter().filter_map(picture).collect()
    }

    pub fn sounds(&self) -> Vec<Sound> {
        let sound = |unit| match unit {
            Unit::Sound(sound) => Some(sound),
            _ => None,
        };
        self.units().into_iter().filter_map(sound).collect()
    }

    pub fn is_reordered(&self) -> bool {
        self.units().contains(&Unit::Reordered)
    }
}

impl Door for Studio {
    type Sink = Self;

    async fn admit(&self, app: &str, key: &str) -> Result<Self, Refusal> {
        match self.refusal {
            Some(refusal) => Err(refusal),
            None if (app, key) == ("live", "key") => Ok(self.clone()),
            None => Err(Refusal::Unknown),
        }
    }
}

impl Sink for Studio {
    fn hear(&mut self, unit: Unit) -> ControlFlow<()> {
        let mut units = self.units.lock().unwrap();
        units.push(unit);
        if self.enough.is_some_and(|enough| units.len() >= enough) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

pub const AUDIO: u8 = 8;
pub const VIDEO: u8 = 9;
pub const COMMAND: u8 = 20;

/// An AMF 0 string, and a number.
pub fn string(text: &str) -> Vec<u8> {
    [&[2], &(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat()
}

pub fn number(number: f64) -> Vec<u8> {
    [&[0], &number.to_be_bytes()[..]].concat()
}

pub const NULL: &[u8] = &[5];

/// A message as chunks of 128 bytes.
pub fn message(kind: u8, time: u32, payload: &[u8]) -> Vec<u8> {
    let id = if kind == COMMAND { 3 } else { 4 };
    let mut out = vec![id];
    out.extend(&time.to_be_bytes()[1..]);
    out.extend(&(payload.len() as u32).to_be_bytes()[1..]);
    out.push(kind);
    out.extend(1u32.to_le_bytes());
    for (n, chunk) in payload.chunks(128).enumerate() {
        if n > 0 {
            out.push(0xc0 | id);
        }
        out.extend(chunk);
    }
    out
}

pub fn command(name: &str, transaction: f64, rest: &[&[u8]]) -> Vec<u8> {
    let payload = [string(name), number(transaction), rest.concat()].concat();
    message(COMMAND, 0, &payload)
}

/// `connect` to this app.
pub fn connect(app: &str) -> Vec<u8> {
    let object = [&[3, 0, 3][..], b"app", &string(app), &[0, 0, 9]].concat();
    command("connect", 1.0, &[&object])
}

pub fn publish(key: &str) -> Vec<u8> {
    command("publish", 5.0, &[NULL, &string(key), &string("live")])
}

/// Everything up to the key, as OBS does it.
pub fn opening(app: &str, key: &str) -> Vec<u8> {
    [
        hello(),
        connect(app),
        command("releaseStream", 2.0, &[NULL, &string(key)]),
        command("FCPublish", 3.0, &[NULL, &string(key)]),
        command("createStream", 4.0, &[NULL]),
        command("_checkbw", 6.0, &[NULL]),
        publish(key),
    ]
    .concat()
}

/// C0, C1 and C2.
pub fn hello() -> Vec<u8> {
    [&[3][..], &[0; 2 * 1_536]].concat()
}

pub const AVC_CONFIG: &[u8] = &[
    0x17, 0, 0, 0, 0, 1, 0x42, 0, 30, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0, 30, 1, 0, 2, 0x68, 0xce,
];
pub const KEYFRAME: &[u8] = &[0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 1];
pub const PICTURE: &[u8] = &[0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 1];

/// A configuration and a keyframe.
pub fn media() -> Vec<u8> {
    [message(VIDEO, 0, AVC_CONFIG), message(VIDEO, 0, KEYFRAME)].concat()
}

/// Sends the bytes and gives all that is answered until the server hangs up.
pub async fn answers(mut encoder: DuplexStream, bytes: &[u8]) -> Vec<u8> {
    // A server that hangs up early need not read it all.
    let _ = encoder.write_all(bytes).await;
    let mut answers = Vec::new();
    let _ = encoder.read_to_end(&mut answers).await;
    answers
}

/// Whether the answers hold this text.
pub fn says(answers: &[u8], text: &str) -> bool {
    answers.windows(text.len()).any(|at| at == text.as_bytes())
}
