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
/// Where promotional coins come from: minus all that were ever given.
pub const COIN_PROMOTED: AccountRef = AccountRef::floating("coin_promoted", Unit::Coin);
pub const COIN_SPENT: AccountRef = AccountRef::platform("coin_spent", Unit::Coin);
/// Where diamonds come from: minus all diamonds ever earned.
pub const DIAMOND_ISSUED: AccountRef = AccountRef::floating("diamond_issued", Unit::Diamond);
pub const DIAMOND_REDEEMED: AccountRef = AccountRef::platform("diamond_redeemed", Unit::Diamond);

/// Money paid for what is not delivered yet.
pub const DEFERRED: AccountRef = AccountRef::platform("deferred", MONEY);
/// Tax that prices included, to be paid to states.
pub const TAX_PAYABLE: AccountRef = AccountRef::platform("tax_payable", MONEY);
/// What providers keep of payments, as their reports say: minus all of it.
pub const PSP_FEES: AccountRef = AccountRef::floating("psp_fees", MONEY);
/// Money that payers' banks have taken back for the time being.
pub const DISPUTED: AccountRef = AccountRef::floating("disputed", MONEY);
/// What providers take for disputes: minus all of it.
pub const DISPUTE_FEES: AccountRef = AccountRef::floating("dispute_fees", MONEY);
/// Debts that the platform no longer asks for: minus all of them.
pub const WRITTEN_OFF: AccountRef = AccountRef::floating("written_off", MONEY);
/// Money that has left to creators' banks.
pub const BANK: AccountRef = AccountRef::floating("bank", MONEY);

/// A person's coins that were paid for.
pub fn wallet(person: PersonId) -> AccountRef {
    AccountRef::owned("wallet", Unit::Coin, person.0)
}

/// A person's promotional coins: spent first, worth nothing to creators.
pub fn wallet_promotional(person: PersonId) -> AccountRef {
    AccountRef::owned("wallet.promotional", Unit::Coin, person.0)
}

/// Coins of a purchase that the payer's bank disputes: nobody's to spend until it is decided.
pub fn wallet_frozen(person: PersonId) -> AccountRef {
    AccountRef::owned("wallet.frozen", Unit::Coin, person.0)
}

/// The promotional coins that came with them.
pub fn wallet_promotional_frozen(person: PersonId) -> AccountRef {
    AccountRef::owned("wallet.promotional.frozen", Unit::Coin, person.0)
}

/// What a payer owes after a lost dispute: minus it. Their next coins settle it first.
pub fn payer_debt(payer: PersonId) -> AccountRef {
    AccountRef {
        floating: true,
        ..AccountRef::owned("debt", MONEY, payer.0)
    }
}

pub const DIAMONDS_PENDING: &str = "diamonds.pending";

/// What a channel earned and cannot redeem yet.
pub fn diamonds_pending(channel: ChannelId) -> AccountRef {
    AccountRef::owned(DIAMONDS_PENDING, Unit::Diamond, channel.0)
}

pub fn diamonds_available(channel: ChannelId) -> AccountRef {
    AccountRef::owned("diamonds.available", Unit::Diamond, channel.0)
}

/// A channel's money that can be paid out.
pub fn earnings_available(channel: ChannelId) -> AccountRef {
    AccountRef::owned("earnings.available", MONEY, channel.0)
}

pub const EARNINGS_PENDING: &str = "earnings.pending";

/// A channel's money that is still held.
pub fn earnings_pending(channel: ChannelId) -> AccountRef {
    AccountRef::owned(EARNINGS_PENDING, MONEY, channel.0)
}

pub const EARNINGS_RESERVE: &str = "earnings.reserve";

/// A channel's money that is kept back for what may still be disputed.
pub fn earnings_reserve(channel: ChannelId) -> AccountRef {
    AccountRef::owned(EARNINGS_RESERVE, MONEY, channel.0)
}

/// A channel's money on its way to the bank.
pub fn earnings_in_transit(channel: ChannelId) -> AccountRef {
    AccountRef::owned("earnings.in_transit", MONEY, channel.0)
}

/// What a channel owes the platform: minus it. Settled from later income first.
pub fn debt(channel: ChannelId) -> AccountRef {
    AccountRef {
        floating: true,
        ..AccountRef::owned("debt", MONEY, channel.0)
    }
}
