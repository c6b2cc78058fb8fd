//! The chart of accounts. Money accounts are in the site's currency.

use busk_base::{ChannelId, Currency, PersonId, Unit};
use busk_ledger::AccountRef;

/// The currency that coins are sold and earnings are kept in.
pub const CURRENCY: Currency = Currency::USD;
const MONEY: Unit = Unit::Money(CURRENCY);

/// What payment providers owe or are owed.
pub const PSP_CLEARING: AccountRef = AccountRef::floating("psp_clearing", MONEY);
/// Money behind coins not yet spent.
pub const COIN_FLOAT: AccountRef = AccountRef::platform("coin_float", MONEY);
/// Money behind diamonds not yet redeemed.
pub const DIAMOND_FLOAT: AccountRef = AccountRef::platform("diamond_float", MONEY);
pub const PLATFORM_REVENUE: AccountRef = AccountRef::platform("platform_revenue", MONEY);
/// Where coins come from: minus all coins ever sold.
pub const COIN_ISSUED: AccountRef = AccountRef::floating("coin_issued", Unit::Coin);
pub const COIN_SPENT: AccountRef = AccountRef::platform("coin_spent", Unit::Coin);
/// Where diamonds come from: minus all diamonds ever earned.
pub const DIAMOND_ISSUED: AccountRef = AccountRef::floating("diamond_issued", Unit::Diamond);
pub const DIAMOND_REDEEMED: AccountRef = AccountRef::platform("diamond_redeemed", Unit::Diamond);

/// A person's coins.
pub fn wallet(person: PersonId) -> AccountRef {
    AccountRef::owned("wallet", Unit::Coin, person.0)
}

pub const DIAMONDS_PENDING: &str = "diamonds.pending";

/// What a channel earned and cannot redeem yet.
pub fn diamonds_pending(channel: ChannelId) -> AccountRef {
    AccountRef::owned(DIAMONDS_PENDING, Unit::Diamond, channel.0)
}

pub fn diamonds_available(channel: ChannelId) -> AccountRef {
    AccountRef::owned("diamonds.available", Unit::Diamond, channel.0)
}

/// A channel's money, to be paid out.
pub fn earnings_available(channel: ChannelId) -> AccountRef {
    AccountRef::owned("earnings.available", MONEY, channel.0)
}
