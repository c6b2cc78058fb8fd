//! What goes on the wire around events: `{"v":1,"room":…,"epoch":…,"seq":…,"ev":[…]}`, in a text frame.
//!
//! Events arrive as finished JSON and are only joined here. `seq` is the number up to which a client has
//! now been told everything it may see; numbers of events for other audiences are simply absent.

use std::fmt::Write as _;

use busk_base::RoomId;
use bytes::Bytes;

use crate::protocol;
use crate::rooms::{Total, Whose};

/// One numbered entry of a room's log, already JSON.
#[derive(Debug, Clone)]
pub struct Event {
    pub n: u64,
    pub audience: Audience,
    pub class: Class,
    pub json: Bytes,
}

/// Who may see an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    Everyone,
    /// Who may read the sub room. Being on stage opens it to nobody.
    Subscribers,
    /// Hosts, guests and moderators.
    Stage,
    /// The one person with this key.
    One(u128),
    /// As [`Stage`](Self::Stage), and the one person with this key: what others are not shown its author and the
    /// moderators are.
    StageAnd(u128),
}

/// What may happen to an event when a reader is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Money, moderation, the room's state: never skipped; who cannot take it must come back and resume.
    Kept,
    /// Skipped when a reader is behind, and said so with a gap mark.
    Chat,
}

/// What a member may see beside what everyone sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights {
    pub subscriber: bool,
    pub stage: bool,
}

impl Rights {
    pub(crate) const GROUPS: usize = 4;

    /// Members with the same group see the same events, but for those to one person.
    pub(crate) fn group(self) -> usize {
        usize::from(self.subscriber) | usize::from(self.stage) << 1
    }
}

impl Audience {
    pub(crate) fn includes(self, rights: Rights, key: u128) -> bool {
        match self {
            Self::Everyone => true,
            Self::Subscribers => rights.subscriber,
            Self::Stage => rights.stage,
            Self::One(person) => person == key,
            Self::StageAnd(person) => rights.stage || person == key,
        }
    }
}

/// The text frame with `events`, which brings its reader to `seq`; `None` when there are none.
pub(crate) fn events_frame<'a>(
    room: RoomId,
    epoch: u32,
    seq: u64,
    events: impl Iterator<Item = &'a Event> + Clone,
) -> Option<Bytes> {
    let bytes: usize = events.clone().map(|event| event.json.len() + 1).sum();
    if bytes == 0 {
        return None;
    }
    let mut head = String::with_capacity(112);
    write!(
        head,
        "{{\"v\":1,\"room\":\"{room}\",\"epoch\":{epoch},\"seq\":{seq},\"ev\":["
    )
    .expect("a String takes every write");
    // Each event brings a comma, of which the last gives its place to the bracket.
    let length = head.len() + bytes + 1;
    let mut frame = Vec::with_capacity(length + 10);
    protocol::push_text_header(&mut frame, length);
    frame.extend_from_slice(head.as_bytes());
    for event in events {
        frame.extend_from_slice(&event.json);
        frame.push(b',');
    }
    frame.pop();
    frame.extend_from_slice(b"]}");
    Some(Bytes::from(frame))
}

/// Latest values; they have no number and overwrite each other.
pub(crate) fn totals_frame(room: RoomId, viewers: u32, totals: &[Total], rights: Rights) -> Bytes {
    let mut json = format!("{{\"v\":1,\"room\":\"{room}\",\"totals\":{{\"viewers\":{viewers}");
    let seen = |total: &&Total| total.whose == Whose::Everyones || rights.subscriber;
    for Total {
        name, json: value, ..
    } in totals.iter().filter(seen)
    {
        write!(json, ",\"{name}\":{value}").expect("a String takes every write");
    }
    json.push_str("}}");
    protocol::text_frame(json.as_bytes())
}

/// Says that chat between two numbers was skipped.
pub(crate) fn gap_frame(room: RoomId, from: u64, to: u64) -> Bytes {
    let json = format!("{{\"v\":1,\"room\":\"{room}\",\"gap\":{{\"from\":{from},\"to\":{to}}}}}");
    protocol::text_frame(json.as_bytes())
}

#[cfg(test)]
mod tests {
    use busk_base::Timestamp;

    use super::*;

    fn payload(frame: &Bytes) -> String {
        let range = protocol::server_payload(frame).expect("a whole frame");
        assert_eq!(range.end, frame.len());
        String::from_utf8(frame[range].to_vec()).expect("text")
    }

    #[test]
    fn frames_are_exactly_as_long_as_they_say() {
        let room = RoomId::new(Timestamp::from_unix_us(0), [7; 10]);
        let event = |n| Event {
            n,
            audience: Audience::Everyone,
            class: Class::Chat,
            json: Bytes::from(format!("{{\"n\":{n}}}")),
        };
        let events = [event(8), event(9)];
        assert_eq!(
            payload(&events_frame(room, 2, 9, events.iter()).expect("two events")),
            format!(r#"{{"v":1,"room":"{room}","epoch":2,"seq":9,"ev":[{{"n":8}},{{"n":9}}]}}"#)
        );
        assert_eq!(events_frame(room, 2, 9, [].iter()), None);
        let total = |name, whose, json: &str| Total {
            name,
            whose,
            json: json.into(),
        };
        let totals = [
            total("hearts", Whose::Everyones, "3"),
            total("secret", Whose::Subscribers, "4"),
        ];
        let told = |subscriber: bool| {
            let stage = !subscriber;
            payload(&totals_frame(room, 12, &totals, Rights { subscriber, stage }))
        };
        assert_eq!(
            told(false),
            format!(r#"{{"v":1,"room":"{room}","totals":{{"viewers":12,"hearts":3}}}}"#)
        );
        assert_eq!(
            told(true),
            format!(r#"{{"v":1,"room":"{room}","totals":{{"viewers":12,"hearts":3,"secret":4}}}}"#)
        );
        assert_eq!(
            payload(&gap_frame(room, 5, 40)),
            format!(r#"{{"v":1,"room":"{room}","gap":{{"from":5,"to":40}}}}"#)
        );
    }

    #[test]
    fn audiences() {
        let rights = |subscriber, stage| Rights { subscriber, stage };
        let rows = [
            (Audience::Everyone, [true, true, true]),
            (Audience::Subscribers, [false, true, false]),
            (Audience::Stage, [false, false, true]),
            (Audience::One(7), [true, true, true]),
            (Audience::One(8), [false, false, false]),
            (Audience::StageAnd(7), [true, true, true]),
            (Audience::StageAnd(8), [false, false, true]),
        ];
        for (audience, expected) in rows {
            let members = [rights(false, false), rights(true, false), rights(false, true)];
            assert_eq!(
                members.map(|rights| audience.includes(rights, 7)),
                expected,
                "{audience:?}"
            );
        }
    }
}
