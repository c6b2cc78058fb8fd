//! Notices a raid: many people at once who have never spoken in the room. It only says so to the moderators; they
//! decide.
//!
//! The rule: in the last minute at least 15 people spoke here for the first time, and at least four times as many as
//! in a minute on the average of the five minutes before. A room is watched for five minutes before, so that neither a
//! beginning nor a restart of the program looks like one; and said once in ten minutes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use busk_base::{RoomId, Timestamp};
use uuid::Uuid;

const MINUTE: Duration = Duration::from_secs(60);
const BEFORE: Duration = Duration::from_secs(5 * 60);
const AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);
const NEWCOMERS_MIN: usize = 15;
const TIMES_MIN: usize = 4;
/// Rooms and speakers of a room beyond this are not watched.
const ROOMS_MAX: usize = 1_000;
const SPEAKERS_MAX: usize = 20_000;

#[derive(Default)]
pub(crate) struct Raids(HashMap<RoomId, Watched>);

struct Watched {
    since: Timestamp,
    last: Timestamp,
    spoke: HashSet<Uuid>,
    /// When people spoke for the first time, of the last six minutes.
    firsts: VecDeque<Timestamp>,
    told_at: Option<Timestamp>,
}

impl Raids {
    /// Somebody has spoken; gives how many newcomers there were in the last minute when that looks like a raid.
    pub(crate) fn spoke(&mut self, room: RoomId, who: Uuid, now: Timestamp) -> Option<usize> {
        if self.0.len() >= ROOMS_MAX && !self.0.contains_key(&room) {
            self.0.retain(|_, watched| now.since(watched.last) < AGAIN_AFTER);
            if self.0.len() >= ROOMS_MAX {
                return None;
            }
        }
        let watched = self.0.entry(room).or_insert_with(|| Watched {
            since: now,
            last: now,
            spoke: HashSet::new(),
            firsts: VecDeque::new(),
            told_at: None,
        });
        watched.last = now;
        if watched.spoke.len() >= SPEAKERS_MAX || !watched.spoke.insert(who) {
            return None;
        }
        watched.first(now)
    }
}

impl Watched {
    fn first(&mut self, now: Timestamp) -> Option<usize> {
        self.firsts.push_back(now);
        let old = |first: &Timestamp| now.since(*first) >= MINUTE + BEFORE;
        while self.firsts.front().is_some_and(old) {
            self.firsts.pop_front();
        }
        let newcomers = self
            .firsts
            .iter()
            .filter(|first| now.since(**first) < MINUTE)
            .count();
        let before = self.firsts.len() - newcomers;
        let watched_long = now.since(self.since) >= BEFORE;
        let told = self.told_at.is_some_and(|told| now.since(told) < AGAIN_AFTER);
        // Five minutes' worth on both sides, to stay with whole numbers.
        if !watched_long || told || newcomers < NEWCOMERS_MIN || newcomers * 5 < TIMES_MIN * before {
            return None;
        }
        self.told_at = Some(now);
        Some(newcomers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId(Uuid::from_u128(1));

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_us(second * 1_000_000)
    }

    /// Newcomers at these seconds, each somebody else.
    fn told(raids: &mut Raids, who: &mut u128, seconds: impl Iterator<Item = i64>) -> Vec<i64> {
        let mut told = Vec::new();
        for second in seconds {
            *who += 1;
            if raids.spoke(ROOM, Uuid::from_u128(*who), at(second)).is_some() {
                told.push(second);
            }
        }
        told
    }

    #[test]
    fn many_newcomers_at_once_are_told_once() {
        let (mut raids, mut who) = (Raids::default(), 0);
        assert_eq!(
            told(&mut raids, &mut who, 0..60),
            [] as [i64; 0],
            "a beginning is none"
        );
        assert_eq!(
            told(&mut raids, &mut who, (60..600).step_by(20)),
            [] as [i64; 0],
            "nor is a busy room"
        );
        // One a second then: four times what there was, 3 a minute, is 12; fifteen are needed.
        let raid = told(&mut raids, &mut who, 600..660);
        assert_eq!(raid.len(), 1, "{raid:?}");
        assert!((611..=615).contains(&raid[0]), "{raid:?}");
        assert_eq!(
            told(&mut raids, &mut who, 660..900),
            [] as [i64; 0],
            "said once in ten minutes"
        );
    }

    #[test]
    fn those_who_have_spoken_are_no_newcomers() {
        let mut raids = Raids::default();
        for second in 0..2_000 {
            let who = Uuid::from_u128(second as u128 % 40);
            assert_eq!(raids.spoke(ROOM, who, at(second)), None);
        }
    }
}
