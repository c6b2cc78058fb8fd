//! Where a creator wants their money to go, and whether it goes every month by itself.
//!
//! Invariant: bank details are in the database sealed for their channel only, and are shown masked.

use busk_base::{ChannelId, PayoutId, PersonId, Timestamp};
use busk_store::{Read, Row, StoreError, Tx, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bank::Sealed;
use super::identity::Account;
use super::{Payee, Payout, Request, RequestError, request};
use crate::accounts::*;
use crate::rules::Rules;
use crate::sales::following;

/// How money reaches a creator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PayoutMethod)]
pub enum Method {
    /// By the payment provider.
    Provider,
    /// To a bank account, by a file that the operator gives to the bank.
    Bank,
}

/// What a creator has chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    pub method: Option<Method>,
    /// The last month that was seen to (`2026-11`); none when nothing goes by itself.
    pub month_done: Option<String>,
    pub bank: Option<Sealed>,
}

impl Method {
    fn word(self) -> &'static str {
        match self {
            Method::Provider => "provider",
            Method::Bank => "bank",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "provider" => Ok(Method::Provider),
            "bank" => Ok(Method::Bank),
            other => Err(StoreError::Broken(format!("payouts by {other}"))),
        }
    }
}

impl Setting {
    pub fn of(db: &mut impl Read, channel: ChannelId) -> Result<Self, StoreError> {
        let row = db.row(
            "SELECT method, month_done, bank, bank_shown FROM payout_setting WHERE channel = $1",
            params![channel],
        )?;
        row.as_ref().map_or(Ok(Self::default()), Self::read)
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let method: Option<String> = row.get(0)?;
        let (sealed, shown): (Option<Vec<u8>>, Option<String>) = (row.get(2)?, row.get(3)?);
        let bank = sealed.zip(shown).map(|(sealed, shown)| Sealed { sealed, shown });
        Ok(Self {
            method: method.as_deref().map(Method::parse).transpose()?,
            month_done: row.get(1)?,
            bank,
        })
    }

    pub(super) fn save(&self, tx: &mut Tx, channel: ChannelId) -> Result<(), StoreError> {
        let bank = self.bank.as_ref();
        tx.execute(
            "INSERT INTO payout_setting (channel, method, month_done, bank, bank_shown) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (channel) DO UPDATE SET method = excluded.method, month_done = excluded.month_done, \
             bank = excluded.bank, bank_shown = excluded.bank_shown",
            params![
                channel,
                self.method.map(Method::word),
                self.month_done.clone(),
                bank.map(|bank| bank.sealed.clone()),
                bank.map(|bank| bank.shown.clone())
            ],
        )?;
        Ok(())
    }

    /// The method in force: the chosen one, else the bank that was told, else the provider's account. That may be
    /// there for the identity alone.
    pub fn method(&self, account: Option<&Account>) -> Option<Method> {
        let told = self.bank.as_ref().map(|_| Method::Bank);
        self.method.or(told).or(account.map(|_| Method::Provider))
    }

    /// Where money goes by it; none when that was not said.
    pub(super) fn payee(&self, account: Option<&Account>) -> Option<Payee> {
        match self.method(account)? {
            Method::Provider => account.map(|account| Payee::Provider {
                provider: account.provider.clone(),
                account: account.account.clone(),
            }),
            Method::Bank => self.bank.as_ref().map(|bank| Payee::Bank {
                sealed: bank.sealed.clone(),
                shown: bank.shown.clone(),
            }),
        }
    }

    /// Begins with the next month, or stops.
    pub(super) fn monthly(self, wanted: bool, now: Timestamp) -> Self {
        let month_done = wanted.then(|| self.month_done.unwrap_or_else(|| month(now)));
        Self { month_done, ..self }
    }
}

/// Of UTC: `2026-11`.
fn month(now: Timestamp) -> String {
    now.to_string().chars().take(7).collect()
}

/// Channels whose money goes by itself and was not seen to this month, with their owners.
pub fn channels_monthly(
    db: &mut impl Read,
    now: Timestamp,
) -> Result<Vec<(ChannelId, PersonId)>, StoreError> {
    let rows = db.rows(
        "SELECT s.channel, c.owner FROM payout_setting s JOIN channel c ON c.id = s.channel \
         WHERE s.month_done < $1 ORDER BY s.channel",
        params![month(now)],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Asks for all that is available, once a month. What cannot be paid now waits for the next month.
pub fn monthly(
    tx: &mut Tx,
    channel: ChannelId,
    owner: PersonId,
    rules: &Rules,
    now: Timestamp,
) -> Result<Option<Payout>, RequestError> {
    let month = month(now);
    let setting = Setting::of(tx, channel)?;
    if setting.month_done.as_ref().is_none_or(|done| *done >= month) {
        return Ok(None);
    }
    let wanted = Request {
        id: PayoutId(following(channel.0, &format!("payout {month}")).0),
        channel,
        owner,
        amount: busk_ledger::balance(tx, &earnings_available(channel))?,
        by: None,
    };
    let asked = match request(tx, &wanted, rules, now) {
        Ok(payout) => Some(payout),
        Err(
            RequestError::BelowMinimum(_)
            | RequestError::AgeUndeclared
            | RequestError::MethodMissing
            | RequestError::IdentityUnverified
            | RequestError::InDebt
            | RequestError::InsufficientFunds
            | RequestError::IdReused(_),
        ) => None,
        Err(error @ (RequestError::Store(_) | RequestError::Ledger(_))) => return Err(error),
    };
    let month_done = Some(month);
    Setting {
        month_done,
        ..setting
    }
    .save(tx, channel)?;
    Ok(asked)
}
