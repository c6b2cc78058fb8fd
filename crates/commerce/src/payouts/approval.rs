//! An operator lets a payout go, or refuses it.
//!
//! Invariant: from `payout_two_approvals_from` on, two different operators have approved what is approved, below it
//! one has; and nobody acts on the payouts of their own channel.

use busk_base::{PayoutId, PersonId, Timestamp};
use busk_ledger::PostError;
use busk_store::{Read, StoreError, Tx, jobs, params};

use super::{Act, Payee, Payout, PayoutState, identity, job_of, sql, transfer, void};
use crate::accounts::*;
use crate::providers::{Identity, Transfer};
use crate::rules::Rules;

/// Why an operator's act was refused, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApprovalError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("There is no such payout")]
    PayoutUnknown,
    #[error("Another operator sees to the payouts of your channel")]
    OwnChannel,
    #[error("It is past that")]
    TooLate(PayoutState),
    #[error("The creator's identity is not verified")]
    IdentityUnverified,
    #[error("The creator owes money")]
    InDebt,
    #[error("the ledger refused: {0}")]
    Ledger(PostError),
}

impl From<PostError> for ApprovalError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Store(error) => ApprovalError::Store(error),
            other => ApprovalError::Ledger(other),
        }
    }
}

/// The payout, if the operator may act on it.
pub(super) fn of_another(
    tx: &mut Tx,
    id: PayoutId,
    operator: PersonId,
) -> Result<Option<(Payout, bool)>, StoreError> {
    let Some(payout) = tx.find::<Payout>(&id)? else {
        return Ok(None);
    };
    let own = tx.row(
        "SELECT 1 FROM channel WHERE id = $1 AND owner = $2",
        params![payout.channel, operator],
    )?;
    Ok(Some((payout, own.is_some())))
}

/// How many operators must approve so much.
pub fn approvals_needed(amount: i64, rules: &Rules) -> usize {
    if amount >= rules.policy.payout_two_approvals_from {
        2
    } else {
        1
    }
}

/// Approves a payout; who has approved it already is answered as then. With the last approval that it needs it goes: to the provider by a job, or with the next batch.
pub fn approve(
    tx: &mut Tx,
    id: PayoutId,
    operator: PersonId,
    rules: &Rules,
    now: Timestamp,
) -> Result<Payout, ApprovalError> {
    let (payout, own) = of_another(tx, id, operator)?.ok_or(ApprovalError::PayoutUnknown)?;
    if own {
        return Err(ApprovalError::OwnChannel);
    }
    // The answer may have been lost.
    let approvers = sql::approvers(tx, id)?;
    if approvers.contains(&operator) {
        return Ok(payout);
    }
    if payout.state != PayoutState::Requested {
        return Err(ApprovalError::TooLate(payout.state));
    }
    let account = identity::account_of(tx, payout.channel)?;
    if !account.is_some_and(|account| account.identity == Identity::Verified) {
        return Err(ApprovalError::IdentityUnverified);
    }
    if busk_ledger::balance(tx, &debt(payout.channel))? < 0 {
        return Err(ApprovalError::InDebt);
    }

    if approvers.len() + 1 < approvals_needed(payout.amount, rules) {
        return Ok(payout.act(tx, Act::Approve, Some(operator), None, now));
    }
    let payout = payout.becomes(PayoutState::Approved);
    if let Payee::Provider { account, .. } = &payout.payee {
        let transfer = Transfer {
            payout: payout.id,
            account: account.clone(),
            amount: payout.amount,
            currency: payout.currency.clone(),
        };
        let body = serde_json::to_string(&transfer).map_err(|e| StoreError::Broken(e.to_string()))?;
        jobs::leave(tx, job_of(id), transfer::TRANSFER_JOB, body, now);
    }
    Ok(payout.act(tx, Act::Approve, Some(operator), None, now))
}

/// Refuses a payout, with the reason that the creator reads; the money is theirs again. One that was approved may be
/// refused until it is in a batch; one that a provider was asked to send may not.
pub fn reject(
    tx: &mut Tx,
    id: PayoutId,
    operator: PersonId,
    reason: &str,
    rules: &Rules,
    now: Timestamp,
) -> Result<Payout, ApprovalError> {
    let (payout, own) = of_another(tx, id, operator)?.ok_or(ApprovalError::PayoutUnknown)?;
    if own {
        return Err(ApprovalError::OwnChannel);
    }
    match (payout.state, payout.payee.is_bank()) {
        (PayoutState::Requested, _) | (PayoutState::Approved, true) => {}
        (PayoutState::Approved, false)
        | (
            PayoutState::Sent
            | PayoutState::Paid
            | PayoutState::Failed
            | PayoutState::Returned
            | PayoutState::Cancelled,
            _,
        ) => {
            return Err(ApprovalError::TooLate(payout.state));
        }
    }

    void(tx, &payout, rules, now)?;
    Ok(payout
        .becomes(PayoutState::Cancelled)
        .act(tx, Act::Reject, Some(operator), Some(reason), now))
}
