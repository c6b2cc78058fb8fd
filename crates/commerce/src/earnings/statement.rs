//! The statement: one line a posting, newest first, with the balances after it.

use busk_base::{ChannelId, GiftId, PolicyVersion, PostingId, RoomId, Timestamp};
use busk_ledger::{AccountRef, Line};
use busk_store::{Read, StoreError, params};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::*;

/// One posting, as it touched a creator's accounts.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StatementLine {
    pub posting: PostingId,
    pub at: Timestamp,
    /// `gift`, `release`, `redeem`, `money_release`, `debt`, `payout`, `payout_void` or `payout_returned`.
    pub kind: String,
    pub text: StatementText,
    pub diamonds_pending: i64,
    pub diamonds_available: i64,
    /// In the currency's minor unit.
    pub money: i64,
    pub balance_after: BalanceAfter,
    pub policy: PolicyVersion,
    #[serde(skip)]
    pub(super) transfer: i64,
}

/// What a line says about where it came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct StatementText {
    pub from: Option<String>,
    /// A code of the gift catalogue.
    pub gift: Option<String>,
    pub count: Option<i64>,
    /// The room's title.
    pub room: Option<String>,
    pub room_id: Option<RoomId>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct BalanceAfter {
    pub pending: i64,
    pub available: i64,
    pub money: i64,
}

/// The lines before transfer `before`, newest first, at most `max`.
pub fn lines(
    db: &mut impl Read,
    channel: ChannelId,
    before: i64,
    max: i64,
) -> Result<Vec<StatementLine>, StoreError> {
    let accounts = [
        diamonds_pending(channel),
        diamonds_available(channel),
        earnings_available(channel),
    ];
    let [pending, available, money] = accounts.map(|account| read(db, &account, before, max));
    let (pending, available, money) = (pending?, available?, money?);
    let mut all: Vec<&Line> = [&pending, &available, &money].into_iter().flatten().collect();
    all.sort_by_key(|line| std::cmp::Reverse(line.transfer));

    let mut shown: Vec<StatementLine> = Vec::new();
    for line in all {
        if shown.iter().any(|known| known.posting == line.posting) {
            continue;
        }
        if shown.len() as i64 == max {
            break;
        }
        let of = |lines: &[Line]| {
            let own = lines.iter().filter(|other| other.posting == line.posting);
            own.map(|other| other.amount).sum()
        };
        shown.push(StatementLine {
            posting: line.posting,
            at: line.at,
            kind: line.cause.clone(),
            text: text(db, &line.cause, line.cause_id)?,
            diamonds_pending: of(&pending),
            diamonds_available: of(&available),
            money: of(&money),
            balance_after: BalanceAfter {
                pending: balance_at(&pending, line),
                available: balance_at(&available, line),
                money: balance_at(&money, line),
            },
            policy: line.policy,
            transfer: line.transfer,
        });
    }
    Ok(shown)
}

/// One more than asked for, so that the balance before the last line is known too.
fn read(db: &mut impl Read, account: &AccountRef, before: i64, max: i64) -> Result<Vec<Line>, StoreError> {
    busk_ledger::lines(db, account, before, max + 1)
}

/// The account's balance after the posting of `at`: that of its newest line up to there.
fn balance_at(lines: &[Line], at: &Line) -> i64 {
    let own = lines
        .iter()
        .find(|line| line.posting == at.posting || line.transfer <= at.transfer);
    own.map_or(0, |line| line.balance)
}

fn text(db: &mut impl Read, cause: &str, id: Uuid) -> Result<StatementText, StoreError> {
    if cause != "gift" {
        return Ok(StatementText::default());
    }
    let row = db.row(
        "SELECT p.display_name, g.kind, g.count, r.title, r.id FROM gift g \
         JOIN person p ON p.id = g.sender JOIN room r ON r.id = g.room WHERE g.id = $1",
        params![GiftId(id)],
    )?;
    let Some(row) = row else {
        return Ok(StatementText::default());
    };
    Ok(StatementText {
        from: Some(row.get(0)?),
        gift: Some(row.get(1)?),
        count: Some(row.get(2)?),
        room: Some(row.get(3)?),
        room_id: Some(row.get(4)?),
    })
}
