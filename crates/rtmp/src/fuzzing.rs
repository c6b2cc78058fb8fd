//! What must hold whatever strangers send. Each function is a fuzz target: it takes any bytes, and panics where one
//! of the rules is broken. `cargo xtask fuzz` looks for such bytes; the corpus that it keeps is a test, too.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use crate::amf::{self, Value};
use crate::chunks::{self, CHUNK_BYTES_SENT, ChunkError, ChunkReader, Message};
use crate::flv::{self, AudioTag, VideoTag};
use crate::frames::Frames;
use crate::protocol::{Event, Session};
use crate::{Limits, Opus, ServeError, Sound, Unit, payloads};

/// Messages that are read are read again as they were when they are written; it makes no difference where the bytes
/// are cut; and what waits is never more than came.
pub fn chunks(input: &[u8]) {
    const MESSAGE_BYTES_MAX: usize = 4_096;
    let Some((cut, bytes)) = input.split_first_chunk() else {
        return;
    };
    let cut = usize::from(u16::from_be_bytes(*cut)) % (bytes.len() + 1);
    let mut whole = ChunkReader::new(MESSAGE_BYTES_MAX);
    let (messages, error) = read(&mut whole, &[bytes]);
    let mut halved = ChunkReader::new(MESSAGE_BYTES_MAX);
    let (first, second) = bytes.split_at(cut);
    assert_eq!(
        read(&mut halved, &[first, second]),
        (messages.clone(), error),
        "cut at {cut}"
    );
    assert!(whole.waiting() <= bytes.len());

    let mut written = Vec::new();
    for message in &messages {
        assert!(message.payload.len() <= MESSAGE_BYTES_MAX);
        chunks::write_at(
            &mut written,
            message.kind,
            message.stream,
            message.time,
            &message.payload,
        );
    }
    let mut reader = ChunkReader::new(MESSAGE_BYTES_MAX);
    let size = (CHUNK_BYTES_SENT as u32).to_be_bytes();
    assert_eq!(reader.set_chunk_size(&size), Ok(()));
    let mut written = BytesMut::from(&written[..]);
    for message in messages {
        assert_eq!(reader.next(&mut written), Ok(Some(message)));
    }
    assert!(written.is_empty() && reader.waiting() == 0);
}

/// The messages in what comes piece by piece, up to an error.
fn read(reader: &mut ChunkReader, pieces: &[&[u8]]) -> (Vec<Message>, Option<ChunkError>) {
    let (mut input, mut messages) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let message = match reader.next(&mut input) {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            };
            let set = match message.kind {
                chunks::SET_CHUNK_SIZE => reader.set_chunk_size(&message.payload),
                chunks::ABORT => {
                    reader.abort(&message.payload);
                    Ok(())
                }
                _ => Ok(()),
            };
            messages.push(message);
            if let Err(error) = set {
                return (messages, Some(error));
            }
        }
    }
    (messages, None)
}

/// Values that are read are read again as they were when they are written.
pub fn amf(input: &[u8]) {
    let Some(values) = amf::read(input) else { return };
    // Nothing so long is ever written: it would be cut.
    if !values.iter().all(is_short) {
        return;
    }
    let written = amf::write(&values);
    let again = amf::read(&written).map(|values| amf::write(&values));
    // As bytes, because a number may be none (NaN), which is not itself.
    assert_eq!(again, Some(written));
}

fn is_short(value: &Value) -> bool {
    let fits = |text: &str| u16::try_from(text.len()).is_ok();
    match value {
        Value::String(text) => fits(text),
        Value::Object(fields) => fields.iter().all(|(name, value)| fits(name) && is_short(value)),
        Value::Array(values) => values.iter().all(is_short),
        Value::Number(_) | Value::Boolean(_) | Value::Null => true,
    }
}

/// A whole session, from its first byte. It makes no difference where the bytes are cut; before the door has opened
/// no more is taken than is allowed; what is answered is bounded by what came; and units keep what [`Unit`] says.
pub fn session(input: &[u8]) {
    let Some(([options, cut @ ..], bytes)) = input.split_first_chunk::<3>() else {
        return;
    };
    // Most begin after the handshake, which is mere bytes.
    let hello = if options & 1 == 0 {
        vec![3; 3_073]
    } else {
        Vec::new()
    };
    let bytes = [&hello[..], bytes].concat();
    let cut = usize::from(u16::from_be_bytes(*cut)) % (bytes.len() + 1);
    let limits = Limits {
        message_bytes: 32 << 10,
        ..Limits::default()
    };
    // Read at once, all of it counts.
    if bytes.len() as u64 <= limits.early_bytes {
        let (first, second) = bytes.split_at(cut);
        let heard = hear(limits, &[&bytes]);
        // As text, because a number may be none (NaN), which is not itself.
        let halved = hear(limits, &[first, second]);
        assert_eq!(format!("{heard:?}"), format!("{halved:?}"), "cut at {cut}");
        units(heard.0.iter().filter_map(|event| match event {
            Event::Unit(unit) => Some(unit),
            _ => None,
        }));
    }
    let few = Limits {
        early_bytes: 3_073 + u64::from(*options),
        ..limits
    };
    let early: Vec<&[u8]> = bytes.chunks(64).collect();
    let (events, _) = hear(few, &early);
    assert!(events.is_empty() || bytes.len() as u64 > 3_073);
}

/// What a session makes of what comes piece by piece, whose door lets everybody in, and how it ends.
fn hear(limits: Limits, pieces: &[&[u8]]) -> (Vec<Event>, Option<ServeError>) {
    let mut session = Session::new(limits);
    let (mut input, mut events) = (BytesMut::new(), Vec::new());
    let (mut came, mut told, mut admitted) = (0, 0, false);
    for piece in pieces {
        input.extend_from_slice(piece);
        came += piece.len();
        loop {
            let event = session.next(&mut input);
            if !admitted && event.is_ok() {
                assert!(session.received() <= limits.early_bytes, "it took too much");
            }
            told += session.take_out().len();
            // A ping is seven bytes and its answer eighteen; of commands there are few, and `connect` is answered at
            // more length than any.
            assert!(
                told <= 4 * came + 512 * limits.early_messages as usize,
                "{told} bytes for {came}"
            );
            match event {
                Ok(Some(Event::Publish { app, key })) => {
                    assert!(!admitted && app.len() <= 1_024 && key.len() <= 1_024);
                    events.push(Event::Publish { app, key });
                    session.admit();
                    admitted = true;
                }
                Ok(Some(Event::Over)) => {
                    events.push(Event::Over);
                    return (events, None);
                }
                Ok(Some(unit)) => {
                    assert!(admitted, "{unit:?} from somebody who was not let in");
                    events.push(unit);
                }
                Ok(None) => break,
                Err(error) => {
                    session.part(&error);
                    return (events, Some(error));
                }
            }
        }
    }
    (events, None)
}

/// Video and audio messages: what [`Unit`] says of units holds, and RTP payloads made of a picture are that picture.
pub fn media(input: &[u8]) {
    let (mut frames, mut heard) = (Frames::default(), VecDeque::new());
    let (mut rest, mut time) = (input, 0u32);
    while let Some(([head, length @ ..], after)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (tag, after) = after.split_at(length);
        let tag = Bytes::copy_from_slice(tag);
        rest = after;
        // Mostly a little later; now and then anything else.
        time = time.wrapping_add(match head >> 1 {
            step @ 0..=99 => step.into(),
            step => u32::from(step) << 24 | 7,
        });
        // Cut by the caller.
        if tag.is_empty() {
            continue;
        }
        let is_read = if head & 1 == 0 {
            video_tag(&tag);
            frames.video(time, &tag, &mut heard)
        } else {
            audio_tag(&tag);
            frames.audio(time, &tag, &mut heard)
        };
        if is_read.is_err() {
            break;
        }
    }
    units(heard.iter());
    let carried: usize = heard.iter().map(bytes_of).sum();
    // A keyframe takes the parameter sets of its configuration along.
    assert!(carried <= input.len() + heard.len() * flv::SETS_BYTES_MAX);
}

fn video_tag(tag: &Bytes) {
    match flv::video_tag(tag) {
        Ok(VideoTag::Config(config)) => {
            assert!(matches!(config.length_bytes, 1 | 2 | 4));
            let length: usize = config.parameter_sets.iter().map(Bytes::len).sum();
            assert!(length < tag.len());
        }
        Ok(VideoTag::Picture { units, .. }) => {
            for length_bytes in [1, 2, 4] {
                let Ok(nals) = flv::nal_units(&units, length_bytes) else {
                    continue;
                };
                let length: usize = nals.iter().map(|nal| length_bytes + nal.len()).sum();
                assert!(length <= units.len() && nals.iter().all(|nal| !nal.is_empty()));
            }
        }
        Ok(VideoTag::Nothing) => {}
        Err(error) => assert!(error.to_string().len() < 400),
    }
}

fn audio_tag(tag: &Bytes) {
    match flv::audio_tag(tag) {
        Ok(AudioTag::Config(config)) => {
            assert!((8_000..=96_000).contains(&config.sample_rate) && (1..=2).contains(&config.channels));
        }
        Ok(AudioTag::Unit(unit)) => assert!(unit.len() < tag.len()),
        Ok(AudioTag::Nothing) => {}
        Err(error) => assert!(error.to_string().len() < 400),
    }
}

fn bytes_of(unit: &Unit) -> usize {
    match unit {
        Unit::Picture(picture) => picture.nals.iter().map(Bytes::len).sum(),
        Unit::Sound(sound) => sound.data.len(),
        Unit::Metadata(_) | Unit::Reordered => 0,
    }
}

/// What is promised of everything that a sink hears.
fn units<'a>(units: impl Iterator<Item = &'a Unit>) {
    let (mut dts_last, mut reordered) = (None, false);
    for unit in units {
        match unit {
            Unit::Picture(picture) => {
                assert!(dts_last.map_or(picture.keyframe, |last| last < picture.dts_ms));
                dts_last = Some(picture.dts_ms);
                assert!(picture.cts_ms <= 10_000 && !picture.nals.is_empty());
                for bytes_max in [3, 16, 1_200] {
                    let sent: Vec<_> = payloads(&picture.nals, bytes_max).collect();
                    assert_eq!(
                        depacketised(&sent, bytes_max).as_ref(),
                        Some(&picture.nals),
                        "{bytes_max}"
                    );
                }
            }
            Unit::Sound(sound) => assert!(!sound.data.is_empty()),
            Unit::Metadata(metadata) => {
                let encoder = metadata.encoder.as_deref().unwrap_or_default();
                assert!(encoder.chars().count() <= 100);
            }
            Unit::Reordered => assert!(!std::mem::replace(&mut reordered, true)),
        }
    }
}

/// What a receiver makes of the payloads; `None` when they break a rule.
pub(crate) fn depacketised(payloads: &[(Bytes, bool)], bytes_max: usize) -> Option<Vec<Bytes>> {
    let mut nals = Vec::new();
    let mut open: Option<BytesMut> = None;
    for (n, (payload, last)) in payloads.iter().enumerate() {
        if payload.len() > bytes_max || *last != (n + 1 == payloads.len()) {
            return None;
        }
        match payload[0] & 0x1f {
            24 => {
                let mut rest = payload.slice(1..);
                while !rest.is_empty() {
                    let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
                    nals.push(rest.slice(2..2 + length));
                    rest = rest.slice(2 + length..);
                }
            }
            28 => {
                let (begins, ends) = (payload[1] & 0x80 != 0, payload[1] & 0x40 != 0);
                if begins {
                    let mut nal = BytesMut::new();
                    nal.put_u8(payload[0] & 0xe0 | payload[1] & 0x1f);
                    open.replace(nal).is_none().then_some(())?;
                }
                open.as_mut()?.put_slice(&payload[2..]);
                if ends {
                    // A fragment that begins and ends is not allowed.
                    (!begins).then_some(())?;
                    nals.push(open.take()?.freeze());
                }
            }
            1..=23 if open.is_none() => nals.push(payload.clone()),
            _ => return None,
        }
    }
    open.is_none().then_some(nals)
}

/// AAC with any configuration, to Opus: packets are whole, in time, and no more than were due.
pub fn aac(input: &[u8]) {
    const UNITS_MAX: usize = 24;
    // 20 ms each: a gap that is filled, what an access unit lasts at the lowest rate, and what waited.
    const PACKETS_MAX: usize = 50 + 13 + 2;
    let Some((length, rest)) = input.split_first() else {
        return;
    };
    let (specific, mut rest) = rest.split_at(usize::from(length % 32).min(rest.len()));
    let header = [&[0xaf, 0][..], specific].concat();
    let Ok(AudioTag::Config(config)) = flv::audio_tag(&header.into()) else {
        return;
    };
    let config = Arc::new(config);
    let Ok(mut opus) = Opus::new() else { return };
    let mut time_ms = 0u64;
    for _ in 0..UNITS_MAX {
        let Some(([step, length @ ..], after)) = rest.split_first_chunk::<3>() else {
            return;
        };
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (unit, after) = after.split_at(length);
        rest = after;
        time_ms = match step {
            0..=127 => time_ms + u64::from(*step),
            step => u64::from(*step) << 56 | time_ms,
        };
        let sound = Sound {
            time_ms,
            config: config.clone(),
            data: Bytes::copy_from_slice(unit),
        };
        let Ok(packets) = opus.push(&sound) else { return };
        assert!(packets.len() <= PACKETS_MAX, "{} packets", packets.len());
        assert!(packets.windows(2).all(|pair| pair[0].time + 960 == pair[1].time));
        assert!(packets.iter().all(|packet| !packet.data.is_empty()));
    }
}
