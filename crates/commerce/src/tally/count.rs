//! What a stretch of a room's log comes to: pure, so that the writer has only sums to write.

use std::collections::BTreeMap;

use busk_base::{ChannelId, GoalId, PersonId, RoomId, StreakId, Timestamp};
use busk_rooms::{Goal, GoalKind, RoomEvent, Speaker, What};
use busk_store::{Ahead, StoreError};

use super::sql::GiftRun;
use crate::rules::Rules;
use crate::supporters::{self, Given};

/// The gifts of the log after `from` and up to `through`.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) from: i64,
    pub(super) through: i64,
    givers: BTreeMap<PersonId, Sum>,
    pub(super) streaks: BTreeMap<StreakId, Grown>,
    goals: Vec<(Goal, Sum)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    gifts: i64,
    coins: i64,
    last_at: Option<Timestamp>,
}

impl Sum {
    fn add(&mut self, gift: &GiftOf, at: Timestamp) {
        self.gifts += gift.count;
        self.coins += gift.total;
        self.last_at = self.last_at.max(Some(at));
    }
}

/// How a streak has grown.
#[derive(Clone, Debug)]
pub(super) struct Grown {
    pub(super) from: Speaker,
    pub(super) kind: String,
    /// How many of the gift in all.
    pub(super) count: i64,
    /// What the gifts that are new to it cost.
    pub(super) coins: i64,
    pub(super) last_at: Timestamp,
}

struct GiftOf {
    kind: String,
    count: i64,
    total: i64,
}

impl Counted {
    /// Of events as the log has them, each with its number.
    pub(super) fn of(from: i64, events: &[(i64, String)], goals: &[Goal]) -> Result<Self, StoreError> {
        let goals = goals.iter().map(|goal| (goal.clone(), Sum::default()));
        let mut counted = Self {
            from,
            through: events.last().map_or(from, |(n, _)| *n),
            givers: BTreeMap::new(),
            streaks: BTreeMap::new(),
            goals: goals.collect(),
        };
        for (_, body) in events {
            let event: RoomEvent = serde_json::from_str(body)
                .map_err(|e| StoreError::Broken(format!("an event that cannot be read: {e}")))?;
            counted.add(event);
        }
        Ok(counted)
    }

    fn add(&mut self, event: RoomEvent) {
        let (n, at) = (event.n, event.at);
        let What::Gift {
            from,
            kind,
            count,
            total,
            streak,
            ..
        } = event.what
        else {
            return;
        };
        let gift = GiftOf { kind, count, total };
        self.givers.entry(PersonId(from.id)).or_default().add(&gift, at);
        for (goal, sum) in &mut self.goals {
            let counts = goal.gift.as_ref().is_none_or(|only| *only == gift.kind);
            if n > goal.since && counts {
                sum.add(&gift, at);
            }
        }
        let Some(streak) = streak else { return };
        let before = self.streaks.remove(&streak.id);
        let grown = Grown {
            from,
            kind: gift.kind,
            count: streak.count,
            coins: gift.total + before.as_ref().map_or(0, |before| before.coins),
            last_at: before.map_or(at, |before| before.last_at.max(at)),
        };
        self.streaks.insert(streak.id, grown);
    }

    /// Names the rows that counting will want.
    pub(super) fn ahead(&self, ahead: &mut Ahead, room: RoomId) {
        for person in self.givers.keys() {
            supporters::ahead(ahead, room, *person);
        }
        for streak in self.streaks.keys() {
            ahead.want::<GiftRun>(*streak);
        }
    }

    /// What each giver gave.
    pub(super) fn given(&self, room: RoomId, channel: ChannelId) -> impl Iterator<Item = Given> + '_ {
        self.givers.iter().filter_map(move |(person, sum)| {
            Some(Given {
                room,
                channel,
                person: *person,
                gifts: sum.gifts,
                coins: sum.coins,
                badges: 0,
                money: 0,
                at: sum.last_at?,
            })
        })
    }

    /// What came for each goal.
    pub(super) fn goals(&self, rules: &Rules) -> Vec<(GoalId, i64)> {
        let moves = self.goals.iter().map(|(goal, sum)| {
            let more = match goal.kind {
                GoalKind::Gifts => sum.gifts,
                GoalKind::Coins => sum.coins,
                GoalKind::Money => sum.coins * rules.policy.coin_price_cents,
            };
            (goal.id, more)
        });
        moves.filter(|(_, more)| *more > 0).collect()
    }
}
