//! What the books have with a provider in a time: payments that came in; refunds, disputes and payouts that went out.
//!
//! Invariant: every amount and moment is a transfer's, and whether something moved at all is nothing but whether there
//! is one. The rows of payments, refunds, disputes and payouts only say whose a transfer is and what its provider calls
//! it: a row that was changed cannot hide money. A transfer whose row is gone is in the books of every provider.

use std::collections::HashMap;

use busk_base::{Timestamp, Unit};
use busk_ledger::journal::{Span, transfers_in};
use busk_ledger::{AccountRef, Line, lines, transfers_of};
use busk_store::{Read, StoreError, params};
use uuid::Uuid;

use super::Booked;
use crate::accounts::{BANK, CURRENCY, DISPUTE_FEES, DISPUTED, PSP_CLEARING};
use crate::providers::SettlementKind;

/// The cause of a dispute's postings.
const CHARGEBACK: &str = "chargeback";
/// Transfers that are read at once.
const PIECE: i64 = 1_000;

/// All of them, by when they were booked.
pub fn booked(
    db: &mut impl Read,
    provider: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Booked>, StoreError> {
    let span = Span { from, to: until };
    let known = Payments::settled_in(db, span)?;
    let fees = dispute_fees(db, span)?;
    let mut all = Vec::new();
    for line in whole(moves(db, &PSP_CLEARING, span)?) {
        let of = match line.cause.as_str() {
            // What a report itself brought.
            "provider_fee" => continue,
            CHARGEBACK => dispute(db, &line, &fees)?,
            _ => match Moved::of(&line) {
                Moved::Payment(id) => Some((known.named(db, id)?, SettlementKind::Payment, 0)),
                Moved::Refund(id) => Some((refund(db, id)?, SettlementKind::Refund, 0)),
            },
        };
        let of = of.filter(|(of, ..)| of.is_with(provider));
        all.extend(of.map(|(of, kind, fee)| of.booked(&line, kind, fee)));
    }
    for line in moves(db, &BANK, span)? {
        let of = payout(db, line.cause_id)?;
        if of.is_with(provider) {
            all.push(of.booked(&line, SettlementKind::Payout, 0));
        }
    }
    Ok(all)
}

/// An account's transfers of a time, oldest first.
fn moves(db: &mut impl Read, account: &AccountRef, span: Span) -> Result<Vec<Line>, StoreError> {
    let (after, mut before) = transfers_in(db, span)?;
    let mut all = Vec::new();
    loop {
        let page = lines(db, account, before, PIECE)?;
        let last = page.last().map(|line| line.transfer);
        all.extend(
            page.into_iter()
                .filter(|line| line.transfer > after && span.contains(line.at)),
        );
        match last {
            Some(last) if last > after => before = last,
            Some(_) | None => break,
        }
    }
    all.reverse();
    Ok(all)
}

/// What comes from several accounts by one posting is one movement outside. A dispute's amount and its fee are two.
fn whole(lines: Vec<Line>) -> Vec<Line> {
    let mut all: Vec<Line> = Vec::with_capacity(lines.len());
    for line in lines {
        match all.last_mut() {
            Some(last) if last.posting == line.posting && line.cause != CHARGEBACK => {
                last.amount += line.amount
            }
            Some(_) | None => all.push(line),
        }
    }
    all
}

/// What a transfer between us and a provider is of, as its posting says.
enum Moved {
    Payment(Uuid),
    /// Its own posting, or the one that puts back what it took.
    Refund(Uuid),
}

impl Moved {
    fn of(line: &Line) -> Self {
        match line.corrects {
            None => Moved::Payment(line.posting.0),
            Some(_) if gross(line) < 0 => Moved::Refund(line.posting.0),
            Some(refund) => Moved::Refund(refund.0),
        }
    }
}

/// What came in from the outside: what is debited to `psp_clearing` or `bank` came from there.
fn gross(line: &Line) -> i64 {
    -line.amount
}

/// Who moved something, and what it goes by there and here.
#[derive(Clone, Debug)]
struct Named {
    /// Known only where its row is there.
    provider: Option<Option<String>>,
    names: Vec<String>,
}

impl Named {
    fn gone(id: Uuid) -> Self {
        Self {
            provider: None,
            names: vec![id.to_string()],
        }
    }

    fn is_with(&self, provider: &str) -> bool {
        self.provider
            .as_ref()
            .is_none_or(|of| of.as_deref() == Some(provider))
    }

    fn booked(self, line: &Line, kind: SettlementKind, fee: i64) -> Booked {
        Booked {
            kind,
            names: self.names,
            gross: gross(line),
            fee,
            currency: Unit::Money(CURRENCY).code().to_owned(),
            at: line.at,
        }
    }
}

/// Payments' providers, and their names of the charges. Those of the time are read together.
struct Payments(HashMap<Uuid, Named>);

impl Payments {
    fn settled_in(db: &mut impl Read, span: Span) -> Result<Self, StoreError> {
        let rows = db.rows(
            "SELECT id, provider, charge FROM payment WHERE settled_at >= $1 AND settled_at < $2",
            params![span.from, span.to],
        )?;
        let read = rows.iter().map(|row| {
            let (id, provider, charge): (Uuid, String, Option<String>) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((id, Self::name(id, provider, charge)))
        });
        Ok(Self(read.collect::<Result<_, StoreError>>()?))
    }

    fn name(id: Uuid, provider: String, charge: Option<String>) -> Named {
        Named {
            provider: Some(Some(provider)),
            names: charge.into_iter().chain([id.to_string()]).collect(),
        }
    }

    fn named(&self, db: &mut impl Read, id: Uuid) -> Result<Named, StoreError> {
        if let Some(known) = self.0.get(&id) {
            return Ok(known.clone());
        }
        let row = db.row("SELECT provider, charge FROM payment WHERE id = $1", params![id])?;
        Ok(match row {
            Some(row) => Self::name(id, row.get(0)?, row.get(1)?),
            None => Named::gone(id),
        })
    }
}

/// Providers name a refund by our id.
fn refund(db: &mut impl Read, id: Uuid) -> Result<Named, StoreError> {
    let row = db.row(
        "SELECT p.provider FROM refund r JOIN payment p ON p.id = r.payment WHERE r.id = $1",
        params![id],
    )?;
    let provider = row.map(|row| row.get(0)).transpose()?.map(Some);
    let names = vec![id.to_string()];
    Ok(Named { provider, names })
}

/// Each went out when it was opened, with its fee, and came in again if it was won. None for what is its fee itself.
fn dispute(
    db: &mut impl Read,
    line: &Line,
    fees: &HashMap<Uuid, i64>,
) -> Result<Option<(Named, SettlementKind, i64)>, StoreError> {
    let behind = transfers_of(db, line.posting)?;
    let behind = behind.into_iter().find(|transfer| transfer.id == line.transfer);
    let is_amount = behind.is_some_and(|of| {
        [&of.debit, &of.credit]
            .iter()
            .any(|side| side.account == DISPUTED.name)
    });
    if !is_amount {
        return Ok(None);
    }
    let id = line.cause_id;
    let row = db.row(
        "SELECT d.name, p.provider FROM dispute d JOIN payment p ON p.id = d.payment WHERE d.id = $1",
        params![id],
    )?;
    let named = match row {
        Some(row) => Named {
            provider: Some(Some(row.get(1)?)),
            names: vec![row.get(0)?, id.to_string()],
        },
        None => Named::gone(id),
    };
    let fee = fees.get(&id).copied().filter(|_| gross(line) < 0);
    Ok(Some((named, SettlementKind::Dispute, fee.unwrap_or(0))))
}

/// What the books have of disputes' fees, by dispute: also what was said of them after that time.
fn dispute_fees(db: &mut impl Read, span: Span) -> Result<HashMap<Uuid, i64>, StoreError> {
    let to = Span::ALL.to;
    let mut fees = HashMap::new();
    for line in moves(db, &DISPUTE_FEES, Span { to, ..span })? {
        *fees.entry(line.cause_id).or_insert(0) -= line.amount;
    }
    Ok(fees)
}

/// Each went out when it was paid, and came in again if the bank sent it back. Providers name them by our id; what went
/// by a file is with none.
fn payout(db: &mut impl Read, id: Uuid) -> Result<Named, StoreError> {
    let row = db.row("SELECT provider FROM payout WHERE id = $1", params![id])?;
    let provider: Option<Option<String>> = row.map(|row| row.get(0)).transpose()?;
    let names = vec![id.to_string()];
    Ok(Named { provider, names })
}
