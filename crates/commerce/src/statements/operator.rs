//! What operators look through: postings, each down to its transfers; accounts with what they have; months.

use busk_base::{PolicyVersion, PostingId, Timestamp, Unit};
use busk_ledger::journal::{self, Head, Place, Span, Standing};
use busk_ledger::{Side, TransferRow};
use busk_store::{Read, StoreError};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// One posting.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct OperatorPosting {
    pub(super) posting: PostingId,
    /// In the order in which they were made, from 1.
    pub(super) number: i64,
    pub(super) at: Timestamp,
    /// What brought it about: `gift`, `coin_purchase`, `release` …
    pub(super) kind: String,
    /// The id of that.
    cause: Uuid,
    policy: PolicyVersion,
    /// The posting that this one corrects.
    corrects: Option<PostingId>,
}

impl From<Head> for OperatorPosting {
    fn from(head: Head) -> Self {
        Self {
            posting: head.id,
            number: head.number,
            at: head.at,
            kind: head.cause,
            cause: head.cause_id,
            policy: head.policy,
            corrects: head.corrects,
        }
    }
}

/// A posting with its transfers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct OperatorPostingWhole {
    #[serde(flatten)]
    head: OperatorPosting,
    transfers: Vec<OperatorTransfer>,
}

/// One transfer: what left an account and came to another.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct OperatorTransfer {
    id: i64,
    /// `move` and `settle` moved the amount; `reserve` and `release` only held or freed it.
    kind: String,
    amount: i64,
    #[schema(value_type = String)]
    unit: Unit,
    debit: OperatorSide,
    credit: OperatorSide,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct OperatorSide {
    account: String,
    /// Whose account it is: a person's or a channel's id.
    owner: Option<Uuid>,
    /// After the transfer.
    balance: i64,
}

impl From<TransferRow> for OperatorTransfer {
    fn from(row: TransferRow) -> Self {
        let side = |side: Side| OperatorSide {
            account: side.account,
            owner: side.owner,
            balance: side.balance,
        };
        Self {
            id: row.id,
            kind: row.kind.to_owned(),
            amount: row.amount,
            unit: row.unit,
            debit: side(row.debit),
            credit: side(row.credit),
        }
    }
}

/// An account, with what it has.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct OperatorAccount {
    /// To be named as `account` when postings are listed.
    pub(super) id: i64,
    account: String,
    owner: Option<Uuid>,
    #[schema(value_type = String)]
    unit: Unit,
    /// What came in less what went out.
    balance: i64,
    /// What pending transfers hold of it.
    reserved: i64,
    /// How many transfers moved it.
    transfers: i64,
    /// Whether it stands for the outside world and may be below zero.
    floating: bool,
}

impl From<Standing> for OperatorAccount {
    fn from(standing: Standing) -> Self {
        Self {
            id: standing.id,
            account: standing.name,
            owner: standing.owner,
            unit: standing.unit,
            balance: standing.balance,
            reserved: standing.reserved,
            transfers: standing.moves,
            floating: standing.floating,
        }
    }
}

/// What a span comes to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct PeriodSummary {
    from: Timestamp,
    to: Timestamp,
    kinds: Vec<KindSummary>,
}

/// The postings of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct KindSummary {
    kind: String,
    postings: i64,
    accounts: Vec<AccountTurnover>,
}

/// What they did to all accounts of one name.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct AccountTurnover {
    account: String,
    #[schema(value_type = String)]
    unit: Unit,
    /// What went out of them.
    debits: i64,
    /// What came in.
    credits: i64,
}

/// A posting with its transfers, if there is such a posting.
pub(super) fn whole(db: &mut impl Read, id: PostingId) -> Result<Option<OperatorPostingWhole>, StoreError> {
    let Some(head) = journal::posting(db, id)? else {
        return Ok(None);
    };
    let transfers = busk_ledger::transfers_of(db, id)?;
    Ok(Some(OperatorPostingWhole {
        head: head.into(),
        transfers: transfers.into_iter().map(Into::into).collect(),
    }))
}

/// Which postings are wanted.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) span: Span,
    pub(super) kind: Option<String>,
}

/// The postings before a place, newest first.
pub(super) fn postings(
    db: &mut impl Read,
    wanted: &Wanted,
    before: Place,
    max: i64,
) -> Result<Vec<OperatorPosting>, StoreError> {
    let heads = journal::postings_before(db, wanted.span, wanted.kind.as_deref(), before, max)?;
    Ok(heads.into_iter().map(Into::into).collect())
}

/// Moves of an account that are looked through for one page.
const LOOKED_THROUGH_MAX: i64 = 2_000;

/// A part of an account's postings: those that are wanted, and the transfer before which the next part begins.
pub(super) struct Part {
    pub(super) items: Vec<OperatorPosting>,
    pub(super) next: Option<i64>,
}

/// The wanted postings that moved an account before a transfer, newest first. A part may hold fewer than `max`, even
/// none, when others lie between.
pub(super) fn of_account(
    db: &mut impl Read,
    account: i64,
    wanted: &Wanted,
    before: Option<i64>,
    max: usize,
) -> Result<Part, StoreError> {
    let (after, end) = journal::transfers_in(db, wanted.span)?;
    let before = before.map_or(end, |before| before.min(end));
    let lines = busk_ledger::lines_of(db, account, before, LOOKED_THROUGH_MAX)?;
    let mut part = Part {
        items: Vec::new(),
        next: None,
    };
    let mut last: Option<PostingId> = None;
    for line in lines.iter().take_while(|line| line.transfer > after) {
        if part.items.len() == max && last != Some(line.posting) {
            return Ok(part);
        }
        part.next = Some(line.transfer);
        let fits =
            wanted.span.contains(line.at) && wanted.kind.as_ref().is_none_or(|kind| *kind == line.cause);
        if fits && last != Some(line.posting) {
            part.items
                .extend(journal::posting(db, line.posting)?.map(OperatorPosting::from));
        }
        last = Some(line.posting);
    }
    // All that there are were looked through.
    if (lines.len() as i64) < LOOKED_THROUGH_MAX || lines.last().is_some_and(|line| line.transfer <= after) {
        part.next = None;
    }
    Ok(part)
}

/// What a span comes to, by kind.
pub(super) fn summary(db: &mut impl Read, span: Span) -> Result<PeriodSummary, StoreError> {
    let turnovers = journal::turnovers(db, span)?;
    let of = |kind: &str| {
        let own = turnovers.iter().filter(|turnover| turnover.cause == kind);
        own.map(|turnover| AccountTurnover {
            account: turnover.account.clone(),
            unit: turnover.unit,
            debits: turnover.debits,
            credits: turnover.credits,
        })
        .collect()
    };
    let kinds = journal::kinds(db, span)?.into_iter();
    Ok(PeriodSummary {
        from: span.from,
        to: span.to,
        kinds: kinds
            .map(|(kind, postings)| KindSummary {
                accounts: of(&kind),
                kind,
                postings,
            })
            .collect(),
    })
}
