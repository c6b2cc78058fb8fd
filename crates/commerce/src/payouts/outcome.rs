//! What became of a payout: paid, failed, or sent back by the bank. A provider says it by a notice, an operator for
//! what went by a file.
//!
//! Invariant: whatever the order in which it is said, money is at the bank once or back with the creator once.

use busk_base::{PayoutId, PersonId, Timestamp};
use busk_ledger::PostError;
use busk_store::{StoreError, Tx};
use serde::Deserialize;
use utoipa::ToSchema;

use super::approval::of_another;
use super::{Act, Payee, Payout, PayoutState, Step, post, void};
use crate::accounts::*;
use crate::earnings::settle_debt;
use crate::notices::{HearError, Heard};
use crate::providers::{PayoutNotice, PayoutSaid};
use crate::rules::Rules;
use crate::sales::following;

/// A payout is on its way: a provider or a bank has taken it.
pub(super) fn sent(tx: &mut Tx, payout: Payout, by: Option<PersonId>, now: Timestamp) -> Payout {
    payout
        .becomes(PayoutState::Sent)
        .act(tx, Act::Send, by, None, now)
}

fn paid(
    tx: &mut Tx,
    payout: Payout,
    by: Option<PersonId>,
    rules: &Rules,
    now: Timestamp,
) -> Result<Payout, PostError> {
    let from = earnings_in_transit(payout.channel);
    post(tx, &payout, Step::Paid, &[(from, BANK)], rules, now)?;
    Ok(payout.becomes(PayoutState::Paid).act(tx, Act::Pay, by, None, now))
}

pub(super) fn failed(
    tx: &mut Tx,
    payout: Payout,
    by: Option<PersonId>,
    reason: &str,
    rules: &Rules,
    now: Timestamp,
) -> Result<Payout, PostError> {
    void(tx, &payout, rules, now)?;
    Ok(payout
        .becomes(PayoutState::Failed)
        .act(tx, Act::Fail, by, Some(reason), now))
}

/// After it was paid: corrects that posting, and what is owed is settled from what came back.
fn returned(
    tx: &mut Tx,
    payout: Payout,
    by: Option<PersonId>,
    reason: &str,
    rules: &Rules,
    now: Timestamp,
) -> Result<Payout, PostError> {
    let to = earnings_available(payout.channel);
    post(tx, &payout, Step::Returned, &[(BANK, to)], rules, now)?;
    let back = following(payout.id.0, Step::Returned.word());
    settle_debt(tx, payout.channel, back, rules, now)?;
    Ok(payout
        .becomes(PayoutState::Returned)
        .act(tx, Act::Return, by, Some(reason), now))
}

/// Takes a provider's word for a payout. Late, doubled and out-of-order notices are the normal case.
pub(crate) fn hear(
    tx: &mut Tx,
    provider: &str,
    said: &PayoutNotice,
    rules: &Rules,
    now: Timestamp,
) -> Result<Heard, HearError> {
    let Some(payout) = tx.find::<Payout>(&said.payout)? else {
        return Ok(Heard::SetAside("no such payout"));
    };
    if let Some(why) = misfit(&payout, provider, said) {
        return Ok(Heard::SetAside(why));
    }
    let why = said.reason.as_deref().unwrap_or("the provider gave no reason");
    match (said.said, payout.state) {
        (_, PayoutState::Requested | PayoutState::Cancelled) => {
            return Ok(Heard::SetAside("a payout that was not sent"));
        }
        (PayoutSaid::Paid, PayoutState::Approved | PayoutState::Sent) => {
            paid(tx, payout, None, rules, now)?;
        }
        (PayoutSaid::Failed, PayoutState::Approved | PayoutState::Sent) => {
            failed(tx, payout, None, why, rules, now)?;
        }
        (PayoutSaid::Returned, PayoutState::Paid) => {
            returned(tx, payout, None, why, rules, now)?;
        }
        // The word that it was paid is still on its way; what came back was there.
        (PayoutSaid::Returned, PayoutState::Approved | PayoutState::Sent) => {
            let payout = paid(tx, payout, None, rules, now)?;
            returned(tx, payout, None, why, rules, now)?;
        }
        (PayoutSaid::Paid, PayoutState::Failed) => return Ok(Heard::SetAside("paid after it failed")),
        (PayoutSaid::Returned, PayoutState::Failed) => {
            return Ok(Heard::SetAside("returned after it failed"));
        }
        (PayoutSaid::Failed, PayoutState::Paid) => return Ok(Heard::SetAside("failed after it was paid")),
        (PayoutSaid::Failed, PayoutState::Returned) => {
            return Ok(Heard::SetAside("failed after it was returned"));
        }
        (PayoutSaid::Paid, PayoutState::Paid | PayoutState::Returned)
        | (PayoutSaid::Failed, PayoutState::Failed)
        | (PayoutSaid::Returned, PayoutState::Returned) => return Ok(Heard::Nothing),
    }
    Ok(Heard::Taken)
}

/// What of the notice is not the payout's.
fn misfit(payout: &Payout, provider: &str, said: &PayoutNotice) -> Option<&'static str> {
    let theirs = matches!(&payout.payee, Payee::Provider { provider: own, .. } if own == provider);
    let mismatch = [
        (!theirs, "a payout that this provider was not asked for"),
        (payout.amount != said.amount, "another amount"),
        (payout.currency != said.currency, "another currency"),
    ];
    mismatch.into_iter().find(|(wrong, _)| *wrong).map(|(_, why)| why)
}

/// What an operator has read in the bank's statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PayoutMarked)]
pub enum Marked {
    Paid,
    Failed,
    Returned,
}

/// Why nothing was marked, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MarkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("There is no such payout")]
    PayoutUnknown,
    #[error("Another operator sees to the payouts of your channel")]
    OwnChannel,
    #[error("The provider says what becomes of it")]
    ByProvider,
    #[error("It is not in the state for that")]
    OutOfTurn(PayoutState),
    #[error("the ledger refused: {0}")]
    Ledger(PostError),
}

impl From<PostError> for MarkError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Store(error) => MarkError::Store(error),
            other => MarkError::Ledger(other),
        }
    }
}

/// An operator says what became of a payout that went by a file; the same again changes nothing.
pub fn mark(
    tx: &mut Tx,
    id: PayoutId,
    operator: PersonId,
    marked: Marked,
    reason: &str,
    rules: &Rules,
    now: Timestamp,
) -> Result<Payout, MarkError> {
    let (payout, own) = of_another(tx, id, operator)?.ok_or(MarkError::PayoutUnknown)?;
    if own {
        return Err(MarkError::OwnChannel);
    }
    if !payout.payee.is_bank() {
        return Err(MarkError::ByProvider);
    }
    let by = Some(operator);
    Ok(match (marked, payout.state) {
        (Marked::Paid, PayoutState::Paid)
        | (Marked::Failed, PayoutState::Failed)
        | (Marked::Returned, PayoutState::Returned) => payout,
        (Marked::Paid, PayoutState::Sent) => paid(tx, payout, by, rules, now)?,
        (Marked::Failed, PayoutState::Sent) => failed(tx, payout, by, reason, rules, now)?,
        (Marked::Returned, PayoutState::Paid) => returned(tx, payout, by, reason, rules, now)?,
        (Marked::Paid | Marked::Failed | Marked::Returned, state) => return Err(MarkError::OutOfTurn(state)),
    })
}
