//! How a creator stands: what money they have where, and why it cannot be paid out yet.

use busk_base::{ChannelId, PersonId, Timestamp};
use busk_store::{Read, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use super::setting::{Method, Setting};
use super::{identity, sql};
use crate::accounts::*;
use crate::earnings::next_money;
use crate::payments::Money;
use crate::providers::Identity;
use crate::rules::Rules;

/// What keeps money from being paid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The creator has not said that they are 18 or older.
    Age,
    /// They have not said where it goes.
    Method,
    Identity,
    /// They owe money, which is settled first.
    Debt,
    /// Less is available than is paid out at least.
    Minimum,
}

/// A creator's money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PayoutStanding {
    /// Held until what it was paid for is surely the creator's.
    pub pending: Money,
    /// Kept back for what may still be disputed.
    pub reserve: Money,
    pub available: Money,
    pub in_transit: Money,
    /// At the creator's bank, in all.
    pub paid: Money,
    /// What the creator owes.
    pub debt: Money,
    /// The least that is paid out.
    pub minimum: Money,
    pub next_release: Option<MoneyRelease>,
    pub identity: Identity,
    pub method: Option<Method>,
    /// Whether all that is available is asked for at the beginning of each month.
    pub monthly: bool,
    /// The bank account, masked.
    pub bank: Option<String>,
    /// What keeps money from being paid out now; nothing when it can be asked for.
    pub held_by: Vec<Reason>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MoneyRelease {
    pub at: Timestamp,
    /// What becomes available within a day of it.
    pub money: Money,
}

impl PayoutStanding {
    pub fn of(
        db: &mut impl Read,
        channel: ChannelId,
        owner: PersonId,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let account = identity::account_of(db, channel)?;
        let setting = Setting::of(db, channel)?;
        let identity = account
            .as_ref()
            .map_or(Identity::Unverified, |account| account.identity);
        let available = busk_ledger::balance_of(db, &earnings_available(channel))?;
        let owed = -busk_ledger::balance_of(db, &debt(channel))?;
        let minimum = rules.policy.payout_min_cents.max(1);
        let reasons = [
            (!busk_people::adult::has_declared(db, owner)?, Reason::Age),
            (setting.payee(account.as_ref()).is_none(), Reason::Method),
            (identity != Identity::Verified, Reason::Identity),
            (owed > 0, Reason::Debt),
            (available < minimum, Reason::Minimum),
        ];
        let next = next_money(db, channel, now)?;
        Ok(Self {
            pending: Money::new(busk_ledger::balance_of(db, &earnings_pending(channel))?),
            reserve: Money::new(busk_ledger::balance_of(db, &earnings_reserve(channel))?),
            available: Money::new(available),
            in_transit: Money::new(busk_ledger::balance_of(db, &earnings_in_transit(channel))?),
            paid: Money::new(sql::paid(db, channel)?),
            debt: Money::new(owed),
            minimum: Money::new(minimum),
            next_release: next.map(|(at, amount)| MoneyRelease {
                at,
                money: Money::new(amount),
            }),
            identity,
            method: setting.method(account.as_ref()),
            monthly: setting.month_done.is_some(),
            bank: setting.bank.map(|bank| bank.shown),
            held_by: reasons
                .into_iter()
                .filter(|(held, _)| *held)
                .map(|(_, reason)| reason)
                .collect(),
        })
    }
}
