//! A policy: one numbered, dated set of prices, shares, holds and limits. Every posting stores the
//! version it used, so a change never rewrites what was already earned.

use serde::{Deserialize, Serialize};

/// The number of a policy, from 1.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct PolicyVersion(pub i64);

/// The fields of a policy; defaults are those of policy 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// What the creator gets of a gift's coins, in percent.
    pub gift_share_percent: u8,
    /// How long earned diamonds stay pending, in seconds.
    pub gift_hold_s: u64,
    /// The same gift by the same viewer within this time counts up, in milliseconds.
    pub streak_window_ms: u64,
    /// Only gifts up to this price can be streaked, in coins.
    pub streak_price_max: i64,
    /// How long a room waits for a lost camera, in seconds.
    pub resume_window_s: u64,
    /// How many a hangout may have on camera; eight at most.
    pub hangout_people_max: u8,
    /// How long a replay is kept, in days.
    pub replay_keep_days: u64,
    /// Chat messages a signed-in person may send in `chat_window_s`.
    pub chat_messages_max: u32,
    /// Chat messages a guest may send in `chat_window_s`.
    pub chat_messages_guest_max: u32,
    pub chat_window_s: u64,
    /// What one coin costs, in hundredths of the currency's main unit.
    pub coin_price_cents: i64,
    /// How long a higher spending cap waits until it acts, in seconds.
    pub spending_cap_raise_s: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            gift_share_percent: 50,
            gift_hold_s: 7 * 24 * 3_600,
            streak_window_ms: 5_000,
            streak_price_max: 99,
            resume_window_s: 60,
            hangout_people_max: 8,
            replay_keep_days: 30,
            chat_messages_max: 5,
            chat_messages_guest_max: 3,
            chat_window_s: 10,
            coin_price_cents: 1,
            spending_cap_raise_s: 24 * 3_600,
        }
    }
}
