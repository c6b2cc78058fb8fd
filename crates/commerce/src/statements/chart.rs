//! The place of every account of the ledger in an accountant's chart, and how amounts are written: the only place
//! that says so.
//!
//! Signs are those of plain-text accounting: what a transfer takes out of an account is a debit and stands there as
//! a positive amount. So assets are positive, and what the platform owes is negative: a ledger balance of 70 coins
//! in a wallet is −70 COIN there.

use busk_base::Unit;
use uuid::Uuid;

use crate::accounts::CURRENCY;

/// Accounts by their name in the ledger. Those of a kind that no flow uses yet are there too (see `accounts`).
const CHART: &[(&str, &str)] = &[
    ("psp_clearing", "Assets:Providers:Clearing"),
    ("bank", "Assets:Bank"),
    ("disputed", "Assets:Providers:Disputed"),
    ("debt", "Assets:Debts"),
    ("coin_float", "Liabilities:Coins:Float"),
    ("diamond_float", "Liabilities:Diamonds:Float"),
    ("deferred", "Liabilities:Deferred"),
    ("tax_payable", "Liabilities:Tax"),
    ("wallet", "Liabilities:Coins:Wallets"),
    ("wallet.frozen", "Liabilities:Coins:Frozen"),
    ("wallet.promotional", "Liabilities:Coins:Promotional"),
    ("wallet.promotional.frozen", "Liabilities:Coins:PromotionalFrozen"),
    ("diamonds.pending", "Liabilities:Diamonds:Pending"),
    ("diamonds.available", "Liabilities:Diamonds:Available"),
    ("earnings.pending", "Liabilities:Earnings:Pending"),
    ("earnings.available", "Liabilities:Earnings:Available"),
    ("earnings.reserve", "Liabilities:Earnings:Reserve"),
    ("earnings.in_transit", "Liabilities:Earnings:InTransit"),
    ("affiliate.pending", "Liabilities:Affiliates:Pending"),
    ("brand_deposit", "Liabilities:Brands:Deposits"),
    ("escrow", "Liabilities:Brands:Escrow"),
    ("charity_trust", "Liabilities:Charity"),
    ("bonus_pool", "Liabilities:Bonuses"),
    ("coin_issued", "Equity:Coins:Issued"),
    ("coin_promoted", "Equity:Coins:Promoted"),
    ("coin_spent", "Equity:Coins:Spent"),
    ("diamond_issued", "Equity:Diamonds:Issued"),
    ("diamond_redeemed", "Equity:Diamonds:Redeemed"),
    ("platform_revenue", "Income:Platform"),
    ("psp_fees", "Expenses:Providers:Fees"),
    ("dispute_fees", "Expenses:Providers:Disputes"),
    ("written_off", "Expenses:WrittenOff"),
    ("marketing", "Expenses:Marketing"),
];

/// Where accounts stand that the chart does not have.
const ELSEWHERE: &str = "Equity:Elsewhere";

/// The hierarchical name of an account: its place, its owner's id, and its currency if that is not the site's.
/// Names fit both hledger and beancount: each part begins with a capital or a digit.
pub(super) fn account(name: &str, owner: Option<Uuid>, unit: Unit) -> String {
    let mut full = match CHART.iter().find(|(known, _)| *known == name) {
        Some((_, place)) => (*place).to_owned(),
        None => format!("{ELSEWHERE}:{}", part(name)),
    };
    if let Some(owner) = owner {
        full.push(':');
        full.push_str(&owner.to_string().to_uppercase());
    }
    if let Unit::Money(currency) = unit
        && currency != CURRENCY
    {
        full.push(':');
        full.push_str(currency.code());
    }
    full
}

/// A word of the ledger as a part of a hierarchical name: `coin_purchase` is `CoinPurchase`.
pub(super) fn part(word: &str) -> String {
    let words = word.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .flat_map(|word| word.chars().enumerate())
        .map(|(n, c)| if n == 0 { c.to_ascii_uppercase() } else { c })
        .collect()
}

/// An amount as it is written everywhere here: money with two decimals, coins and diamonds whole.
pub(super) fn amount(value: i64, unit: Unit) -> String {
    match unit {
        Unit::Coin | Unit::Diamond => value.to_string(),
        Unit::Money(_) => {
            let (sign, whole) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
            format!("{sign}{}.{:02}", whole / 100, whole % 100)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_has_its_place() {
        // What features call their accounts, read from where they are named.
        let source = include_str!("../accounts.rs");
        let quoted: Vec<&str> = source.split('"').skip(1).step_by(2).collect();
        assert!(quoted.len() >= 11, "{quoted:?}");
        for name in quoted {
            assert!(
                !account(name, None, Unit::Coin).starts_with(ELSEWHERE),
                "{name} has no place in the chart"
            );
        }
    }

    #[test]
    fn names_and_amounts_fit_both_programs() {
        let owner = Some(Uuid::from_u128(0xabc));
        let eur = Unit::parse("EUR").unwrap();
        for (name, owner, unit, expected) in [
            (
                "coin_float",
                None,
                Unit::Money(CURRENCY),
                "Liabilities:Coins:Float",
            ),
            ("psp_clearing", None, eur, "Assets:Providers:Clearing:EUR"),
            (
                "wallet",
                owner,
                Unit::Coin,
                "Liabilities:Coins:Wallets:00000000-0000-0000-0000-000000000ABC",
            ),
            ("new_thing.x", None, Unit::Coin, "Equity:Elsewhere:NewThingX"),
        ] {
            assert_eq!(account(name, owner, unit), expected);
        }
        for (value, unit, expected) in [
            (0, eur, "0.00"),
            (-5, eur, "-0.05"),
            (123_456, eur, "1234.56"),
            (-7, Unit::Diamond, "-7"),
            (i64::MIN, eur, "-92233720368547758.08"),
        ] {
            assert_eq!(amount(value, unit), expected);
        }
    }
}
