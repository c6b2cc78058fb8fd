//! What a posting is made of.

use busk_base::{Amount, PolicyVersion, PostingId, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::AccountRef;

/// A transfer's number, given in commit order from 1 without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferId(pub i64);

/// What brought a posting about: a word (`gift`) and the id of that thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    pub kind: &'static str,
    pub id: Uuid,
}

/// A list of transfers that all happen or none do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Made by the client, permanent: the same id with the same contents is answered as before.
    pub id: PostingId,
    pub cause: Cause,
    pub policy: PolicyVersion,
    /// The posting that this one corrects.
    pub corrects: Option<PostingId>,
    pub legs: Vec<Leg>,
}

/// One transfer of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    Move {
        debit: AccountRef,
        credit: AccountRef,
        amount: Amount,
    },
    /// A pending transfer: reserves on the debit account until settled or released; expired, it can only be
    /// released.
    Reserve {
        debit: AccountRef,
        credit: AccountRef,
        amount: Amount,
        expires_at: Timestamp,
    },
    /// Moves what was reserved, wholly or in part; the rest is free again.
    Settle {
        reserved: TransferId,
        debit: AccountRef,
        credit: AccountRef,
        amount: Amount,
    },
    /// Frees what was reserved.
    Release {
        reserved: TransferId,
        debit: AccountRef,
        credit: AccountRef,
    },
}

/// How a leg is written in `ledger_transfer.kind`.
pub(crate) mod kind {
    pub(crate) const MOVE: i64 = 0;
    pub(crate) const RESERVE: i64 = 1;
    pub(crate) const SETTLE: i64 = 2;
    pub(crate) const RELEASE: i64 = 3;
}

impl Leg {
    /// Moves from debit to credit, in order; those of nothing are left out.
    pub fn moves(legs: impl IntoIterator<Item = (AccountRef, AccountRef, Amount)>) -> Vec<Self> {
        let legs = legs.into_iter().filter(|(.., amount)| amount.value != 0);
        legs.map(|(debit, credit, amount)| Leg::Move {
            debit,
            credit,
            amount,
        })
        .collect()
    }

    pub(crate) fn accounts(&self) -> (&AccountRef, &AccountRef) {
        match self {
            Leg::Move { debit, credit, .. }
            | Leg::Reserve { debit, credit, .. }
            | Leg::Settle { debit, credit, .. }
            | Leg::Release { debit, credit, .. } => (debit, credit),
        }
    }

    pub(crate) fn kind(&self) -> i64 {
        match self {
            Leg::Move { .. } => kind::MOVE,
            Leg::Reserve { .. } => kind::RESERVE,
            Leg::Settle { .. } => kind::SETTLE,
            Leg::Release { .. } => kind::RELEASE,
        }
    }

    pub(crate) fn amount(&self) -> Option<Amount> {
        match self {
            Leg::Move { amount, .. } | Leg::Reserve { amount, .. } | Leg::Settle { amount, .. } => {
                Some(*amount)
            }
            Leg::Release { .. } => None,
        }
    }

    pub(crate) fn reserved(&self) -> Option<TransferId> {
        match self {
            Leg::Settle { reserved, .. } | Leg::Release { reserved, .. } => Some(*reserved),
            Leg::Move { .. } | Leg::Reserve { .. } => None,
        }
    }
}

/// A fingerprint of contents, the same whether it is made from a request or from stored rows.
pub(crate) struct Fingerprint(Sha256);

impl Fingerprint {
    pub(crate) fn new(
        id: PostingId,
        cause: &str,
        cause_id: Uuid,
        policy: PolicyVersion,
        corrects: Option<PostingId>,
    ) -> Self {
        let mut hash = Sha256::new();
        hash.update(id.as_bytes());
        hash.update((cause.len() as u64).to_be_bytes());
        hash.update(cause.as_bytes());
        hash.update(cause_id.as_bytes());
        hash.update(policy.0.to_be_bytes());
        hash.update(corrects.map_or([0; 16], |id| *id.as_bytes()));
        Self(hash)
    }

    /// A release's amount is what was reserved, which its maker need not know: it counts as zero.
    pub(crate) fn leg(&mut self, kind: i64, debit: &[u8], credit: &[u8], amount: i64, reserved: i64) {
        let amount = if kind == kind::RELEASE { 0 } else { amount };
        for key in [debit, credit] {
            self.0.update((key.len() as u64).to_be_bytes());
            self.0.update(key);
        }
        for number in [kind, amount, reserved] {
            self.0.update(number.to_be_bytes());
        }
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
