//! A chat that is faster than people can read is shown in part, and everybody is told so.
//!
//! Invariant: the log has all of it. What is left out still reaches its author, the room's moderators and those on
//! stage; what the host and moderators say, and all that is not chat (gifts, a pin, a deletion), always passes. Who
//! comes again is shown the same part by the fan-out's ring, and all of it by the log.

use std::collections::HashMap;
use std::time::Duration;

use busk_base::{RoomId, Timestamp};
use busk_fanout::{Audience, Class, Event};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Messages a second that a reader can follow.
const SHOWN_PER_S: u32 = 40;
/// How much of a burst is shown at once: a second's worth.
const BURST: Duration = Duration::from_secs(1);
/// How often the part is counted and told.
pub(crate) const SAMPLE: Duration = Duration::from_secs(1);

/// The pace of the rooms that somebody has just talked in.
#[derive(Default)]
pub(crate) struct Sampling(HashMap<RoomId, Pace>);

struct Pace {
    /// When all that was shown has had its time on the screen.
    read_by: Timestamp,
    counted: Sample,
    /// The room knows that it sees a part.
    told: bool,
}

/// What was shown of what was said in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sample {
    shown: u32,
    said: u32,
}

/// What matters here of a message.
#[derive(Deserialize)]
struct Spoken {
    from: From,
}

#[derive(Deserialize)]
struct From {
    id: Uuid,
    role: Option<IgnoredAny>,
}

impl Sampling {
    /// Leaves out what is too much: from now on it is for its author and the stage.
    pub(crate) fn pick(&mut self, room: RoomId, events: &mut [Event], now: Timestamp) {
        for event in events {
            if event.class != Class::Chat || event.audience != Audience::Everyone {
                continue;
            }
            let pace = self.0.entry(room).or_insert(Pace {
                read_by: now,
                counted: Sample::default(),
                told: false,
            });
            pace.counted.said += 1;
            match pace.has_time(now) {
                true => pace.counted.shown += 1,
                false => match serde_json::from_slice::<Spoken>(&event.json) {
                    Ok(Spoken {
                        from: From { id, role: None },
                    }) => event.audience = Audience::StageAnd(id.as_u128()),
                    _ => pace.counted.shown += 1,
                },
            }
        }
    }

    /// Once a second: what each room is to be told, which is nothing when it sees no more than everything.
    pub(crate) fn take(&mut self) -> Vec<(RoomId, Option<Sample>)> {
        let mut news = Vec::new();
        self.0.retain(|room, pace| {
            let sample = std::mem::take(&mut pace.counted);
            let part = (sample.shown < sample.said).then_some(sample);
            if part.is_some() || pace.told {
                news.push((*room, part));
            }
            pace.told = part.is_some();
            sample.said > 0
        });
        news
    }
}

impl Pace {
    /// Whether one more can be read, which it then is.
    fn has_time(&mut self, now: Timestamp) -> bool {
        let from = self.read_by.max(now);
        if from.since(now) > BURST - Duration::from_secs(1) / SHOWN_PER_S {
            return false;
        }
        self.read_by = from + Duration::from_secs(1) / SHOWN_PER_S;
        true
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn room() -> RoomId {
        RoomId(Uuid::from_u128(1))
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_us(ms * 1000)
    }

    fn said(from: u128, role: &str, class: Class, audience: Audience) -> Event {
        let id = Uuid::from_u128(from);
        Event {
            n: 1,
            audience,
            class,
            json: Bytes::from(format!(
                r#"{{"n":1,"type":"said","from":{{"id":"{id}","name":"Ana"{role}}}}}"#
            )),
        }
    }

    fn chat(from: u128) -> Event {
        said(from, "", Class::Chat, Audience::Everyone)
    }

    /// Says so many in a second, evenly; how many everyone was shown.
    fn second(sampling: &mut Sampling, from_ms: i64, count: i64) -> usize {
        let shown = |n: &i64| {
            let mut events = [chat(7)];
            sampling.pick(room(), &mut events, at(from_ms + n * 1000 / count));
            events[0].audience == Audience::Everyone
        };
        (0..count).filter(shown).count()
    }

    #[test]
    fn a_pace_that_people_can_read_is_shown_whole() {
        let mut sampling = Sampling::default();
        for at_s in 0..5 {
            assert_eq!(second(&mut sampling, at_s * 1000, 40), 40);
            assert_eq!(sampling.take(), []);
        }
        // A burst after quiet is, too.
        let mut burst: Vec<Event> = (0..40).map(|_| chat(7)).collect();
        sampling.pick(room(), &mut burst, at(60_000));
        assert!(burst.iter().all(|event| event.audience == Audience::Everyone));
    }

    #[test]
    fn a_faster_one_is_shown_in_part_and_said_so_until_it_calms_down() {
        let mut sampling = Sampling::default();
        second(&mut sampling, 0, 400);
        sampling.take();
        let shown = second(&mut sampling, 1000, 400);
        assert!((38..=42).contains(&shown), "{shown}");
        let part = Sample {
            shown: shown as u32,
            said: 400,
        };
        assert_eq!(sampling.take(), [(room(), Some(part))]);
        assert_eq!(sampling.take(), [(room(), None)], "it is quiet again");
        assert_eq!(sampling.take(), []);
        assert!(sampling.0.is_empty(), "and forgotten");
    }

    #[test]
    fn what_must_pass_passes() {
        let mut sampling = Sampling::default();
        second(&mut sampling, 0, 400);
        let role = r#","role":"moderator""#;
        let mut events = [
            chat(7),
            said(8, role, Class::Chat, Audience::Everyone),
            said(9, "", Class::Kept, Audience::Everyone),
            said(9, "", Class::Chat, Audience::Subscribers),
        ];
        sampling.pick(room(), &mut events, at(999));
        assert_eq!(
            events.map(|event| event.audience),
            [
                Audience::StageAnd(7),
                Audience::Everyone,
                Audience::Everyone,
                Audience::Subscribers,
            ]
        );
        // Another room has its own pace.
        let mut events = [chat(7)];
        sampling.pick(RoomId(Uuid::from_u128(2)), &mut events, at(999));
        assert_eq!(events[0].audience, Audience::Everyone);
    }
}
