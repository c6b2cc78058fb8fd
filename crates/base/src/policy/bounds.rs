//! What a policy may say: the bounds of every field.
//!
//! The fields are taken apart by name, so that a new one does not compile before it has its bounds here.

use std::ops::RangeInclusive;

use super::Policy;

/// A field that cannot be what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// As a path: `gift_share_percent`, `coin_packs[1].coins`, `tax_basis_points.DE`.
    pub field: String,
    pub why: String,
}

const DAY_S: u64 = 24 * 3_600;
const PERCENT: RangeInclusive<i128> = 0..=100;
const HOLD_S: RangeInclusive<i128> = 0..=365 * DAY_S as i128;
const PRICE_CENTS: RangeInclusive<i128> = 1..=1_000_000;
const PACKS_MAX: usize = 12;

/// ISO 3166-1 alpha-2, as assigned in 2026, in order.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
    BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET \
    FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ \
    IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML \
    MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS \
    PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL \
    TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

struct Found(Vec<OutOfBounds>);

impl Found {
    fn says(&mut self, field: impl Into<String>, why: impl Into<String>) {
        self.0.push(OutOfBounds {
            field: field.into(),
            why: why.into(),
        });
    }

    fn within(&mut self, field: &str, value: impl Into<i128>, bounds: RangeInclusive<i128>) {
        if !bounds.contains(&value.into()) {
            self.says(field, format!("must be {} to {}", bounds.start(), bounds.end()));
        }
    }
}

impl Policy {
    /// All that cannot be, in the order of the fields; of a good policy nothing.
    pub fn out_of_bounds(&self) -> Vec<OutOfBounds> {
        let Self {
            gift_share_percent,
            gift_hold_s,
            streak_window_ms,
            streak_price_max,
            resume_window_s,
            hangout_people_max,
            replay_keep_days,
            chat_messages_max,
            chat_messages_guest_max,
            chat_window_s,
            coin_price_cents,
            coin_packs: _,
            badge_prices_cents: _,
            spending_cap_raise_s,
            badge_share_percent,
            ticket_share_percent,
            subscription_share_percent,
            badge_hold_s,
            ticket_hold_s,
            subscription_hold_s,
            provider_fee_basis_points,
            provider_fee_fixed_cents,
            tax_basis_points: _,
            refund_unspent_days,
            payments_per_hour_max,
            declines_per_hour_max,
            ticket_reserve_s,
            ticket_refund_before_s,
            ticket_no_show_s,
            ticket_devices_max,
            reserve_percent,
            reserve_hold_s,
            payout_min_cents,
            payout_two_approvals_from,
        } = self;
        let mut found = Found(Vec::new());
        found.within("gift_share_percent", *gift_share_percent, PERCENT);
        found.within("gift_hold_s", *gift_hold_s, HOLD_S);
        found.within("streak_window_ms", *streak_window_ms, 0..=60_000);
        found.within("streak_price_max", *streak_price_max, 0..=1_000_000);
        found.within("resume_window_s", *resume_window_s, 1..=3_600);
        found.within("hangout_people_max", *hangout_people_max, 2..=8);
        found.within("replay_keep_days", *replay_keep_days, 1..=3_650);
        found.within("chat_messages_max", *chat_messages_max, 1..=1_000);
        found.within("chat_messages_guest_max", *chat_messages_guest_max, 1..=1_000);
        found.within("chat_window_s", *chat_window_s, 1..=3_600);
        found.within("coin_price_cents", *coin_price_cents, 1..=10_000);
        self.check_packs(&mut found);
        self.check_badges(&mut found);
        found.within("spending_cap_raise_s", *spending_cap_raise_s, HOLD_S);
        found.within("badge_share_percent", *badge_share_percent, PERCENT);
        found.within("ticket_share_percent", *ticket_share_percent, PERCENT);
        found.within("subscription_share_percent", *subscription_share_percent, PERCENT);
        found.within("badge_hold_s", *badge_hold_s, HOLD_S);
        found.within("ticket_hold_s", *ticket_hold_s, HOLD_S);
        found.within("subscription_hold_s", *subscription_hold_s, HOLD_S);
        found.within(
            "provider_fee_basis_points",
            *provider_fee_basis_points,
            0..=10_000,
        );
        found.within("provider_fee_fixed_cents", *provider_fee_fixed_cents, 0..=10_000);
        self.check_taxes(&mut found);
        found.within("refund_unspent_days", *refund_unspent_days, 0..=365);
        found.within("payments_per_hour_max", *payments_per_hour_max, 1..=10_000);
        found.within("declines_per_hour_max", *declines_per_hour_max, 1..=10_000);
        found.within("ticket_reserve_s", *ticket_reserve_s, 60..=3_600);
        found.within("ticket_refund_before_s", *ticket_refund_before_s, HOLD_S);
        found.within("ticket_no_show_s", *ticket_no_show_s, 60..=7 * DAY_S as i128);
        found.within("ticket_devices_max", *ticket_devices_max, 1..=20);
        found.within("reserve_percent", *reserve_percent, PERCENT);
        found.within("reserve_hold_s", *reserve_hold_s, 0..=730 * DAY_S as i128);
        found.within("payout_min_cents", *payout_min_cents, 1..=10_000_000);
        found.within(
            "payout_two_approvals_from",
            *payout_two_approvals_from,
            0..=1_000_000_000_000,
        );
        found.0
    }

    fn check_packs(&self, found: &mut Found) {
        let packs = &self.coin_packs;
        if !(1..=PACKS_MAX).contains(&packs.len()) {
            found.says("coin_packs", format!("must be 1 to {PACKS_MAX}"));
        }
        for (place, pack) in packs.iter().enumerate() {
            let field = format!("coin_packs[{place}].coins");
            found.within(&field, pack.coins, 1..=10_000_000);
            if place > 0 && packs[place - 1].coins >= pack.coins {
                found.says(field, "must be more than in the pack before");
            }
            let field = format!("coin_packs[{place}].promotional");
            found.within(&field, pack.promotional, 0..=i128::from(pack.coins));
        }
    }

    fn check_badges(&self, found: &mut Found) {
        let prices = &self.badge_prices_cents;
        if prices.len() != 3 {
            found.says(
                "badge_prices_cents",
                "must be three: of one, two and three hearts",
            );
        }
        for (place, price) in prices.iter().enumerate() {
            let field = format!("badge_prices_cents[{place}]");
            found.within(&field, *price, PRICE_CENTS);
            if place > 0 && prices[place - 1] >= *price {
                found.says(field, "must be more than the price before");
            }
        }
    }

    fn check_taxes(&self, found: &mut Found) {
        for (country, rate) in &self.tax_basis_points {
            let field = format!("tax_basis_points.{country}");
            if COUNTRIES.split_whitespace().all(|known| known != country) {
                found.says(&field, "must be a country's two capital letters (ISO 3166-1)");
            }
            found.within(&field, *rate, 0..=10_000);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CoinPack;

    fn fields(change: impl FnOnce(&mut Policy)) -> Vec<String> {
        let mut policy = Policy::default();
        change(&mut policy);
        let found = policy.out_of_bounds().into_iter();
        found.map(|found| found.field).collect()
    }

    #[test]
    fn every_field_has_its_bounds() {
        let none: [&str; 0] = [];
        assert_eq!(fields(|_| {}), none);
        assert_eq!(fields(|p| p.gift_share_percent = 101), ["gift_share_percent"]);
        assert_eq!(fields(|p| p.gift_share_percent = 0), none);
        assert_eq!(fields(|p| p.reserve_percent = 200), ["reserve_percent"]);
        assert_eq!(fields(|p| p.gift_hold_s = 366 * DAY_S), ["gift_hold_s"]);
        assert_eq!(fields(|p| p.coin_packs.clear()), ["coin_packs"]);
        assert_eq!(fields(|p| p.coin_packs.swap(0, 1)), ["coin_packs[1].coins"]);
        let gift = CoinPack {
            coins: 70,
            promotional: 71,
        };
        assert_eq!(fields(|p| p.coin_packs[0] = gift), ["coin_packs[0].promotional"]);
        assert_eq!(
            fields(|p| p.badge_prices_cents = vec![99]),
            ["badge_prices_cents"]
        );
        let taxes = |country: &str, rate| [(country.to_owned(), rate)].into();
        assert_eq!(fields(|p| p.tax_basis_points = taxes("DE", 1_900)), none);
        for (country, rate) in [("de", 1_900), ("XX", 1), ("DE", 10_001)] {
            let field = format!("tax_basis_points.{country}");
            assert_eq!(fields(|p| p.tax_basis_points = taxes(country, rate)), [field]);
        }
        let two = fields(|p| (p.chat_window_s, p.payout_min_cents) = (0, 0));
        assert_eq!(two, ["chat_window_s", "payout_min_cents"]);
    }
}
