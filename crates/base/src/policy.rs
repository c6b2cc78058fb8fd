//! A policy: one numbered, dated set of prices, shares, holds and limits. Every posting stores the
//! version it used, so a change never rewrites what was already earned.

mod bounds;
mod dated;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use bounds::OutOfBounds;
pub use dated::{Dated, Policies};

/// A number of coins that is sold, and what comes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicyCoinPack)]
pub struct CoinPack {
    /// Paid for.
    pub coins: i64,
    /// The discount: promotional coins, which are spent first and bring creators nothing.
    pub promotional: i64,
}

impl CoinPack {
    const ALL: [Self; 5] = [
        Self::new(70, 0),
        Self::new(350, 0),
        Self::new(1_400, 0),
        Self::new(7_000, 350),
        Self::new(17_500, 1_750),
    ];

    const fn new(coins: i64, promotional: i64) -> Self {
        Self { coins, promotional }
    }

    /// What it is asked for by.
    pub fn code(&self) -> String {
        format!("coins-{}", self.coins)
    }
}

/// The number of a policy, from 1.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct PolicyVersion(pub i64);

/// The fields of a policy; defaults are those of policy 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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
    /// What coins are sold in, smallest first.
    pub coin_packs: Vec<CoinPack>,
    /// What one, two and three hearts beside a name cost for a live, in hundredths of the currency's main unit.
    pub badge_prices_cents: Vec<i64>,
    /// How long a higher spending cap waits until it acts, in seconds.
    pub spending_cap_raise_s: u64,
    /// What the creator gets of badges, tickets and subscriptions, after tax, in percent.
    pub badge_share_percent: u8,
    pub ticket_share_percent: u8,
    pub subscription_share_percent: u8,
    /// How long earned money stays pending once what was paid for is delivered, in seconds.
    pub badge_hold_s: u64,
    pub ticket_hold_s: u64,
    pub subscription_hold_s: u64,
    /// What a payment is expected to cost at the provider: hundredths of a percent of it, and a fixed part in
    /// hundredths of the currency's main unit. Shown before paying; what it did cost is in the provider's report.
    pub provider_fee_basis_points: u32,
    pub provider_fee_fixed_cents: i64,
    /// The tax that prices include, in hundredths of a percent, by the payer's country (ISO 3166-1 alpha-2).
    pub tax_basis_points: BTreeMap<String, u32>,
    /// How long after paying coins that are still unspent are given back on request, without anybody's yes, in days.
    pub refund_unspent_days: u64,
    /// Payments that one person may begin in an hour.
    pub payments_per_hour_max: u32,
    /// Declined cards of one person in an hour, after which no payment is begun.
    pub declines_per_hour_max: u32,
    /// How long a seat is kept for whoever is paying for it, in seconds.
    pub ticket_reserve_s: u64,
    /// How long before an event a ticket is given back on request without anybody's yes, in seconds.
    pub ticket_refund_before_s: u64,
    /// An event that is not live so long after its time is not held: all tickets are given back. In seconds.
    pub ticket_no_show_s: u64,
    /// On how many devices a ticket plays at once.
    pub ticket_devices_max: u8,
    /// What of money that becomes available is kept back for disputes, in percent, and for how long, in seconds.
    pub reserve_percent: u8,
    pub reserve_hold_s: u64,
    /// The least that is paid out, in hundredths of the currency's main unit.
    pub payout_min_cents: i64,
    /// From this amount on two operators approve a payout, in hundredths of the currency's main unit.
    pub payout_two_approvals_from: i64,
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
            coin_packs: CoinPack::ALL.to_vec(),
            badge_prices_cents: vec![99, 199, 499],
            spending_cap_raise_s: 24 * 3_600,
            badge_share_percent: 70,
            ticket_share_percent: 90,
            subscription_share_percent: 70,
            badge_hold_s: 7 * 24 * 3_600,
            ticket_hold_s: 7 * 24 * 3_600,
            subscription_hold_s: 7 * 24 * 3_600,
            provider_fee_basis_points: 290,
            provider_fee_fixed_cents: 30,
            tax_basis_points: BTreeMap::new(),
            refund_unspent_days: 14,
            payments_per_hour_max: 20,
            declines_per_hour_max: 5,
            ticket_reserve_s: 600,
            ticket_refund_before_s: 48 * 3_600,
            ticket_no_show_s: 2 * 3_600,
            ticket_devices_max: 2,
            reserve_percent: 0,
            reserve_hold_s: 90 * 24 * 3_600,
            payout_min_cents: 2_000,
            payout_two_approvals_from: 100_000,
        }
    }
}
