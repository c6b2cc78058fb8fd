//! What a provider reports that it moved, compared with the books, and what it kept of it.
//!
//! Invariant: the books' side is transfers, and no other row can hide or make up a movement ([`books`]). Comparing
//! changes nothing; a line's fee is posted once, whatever is compared how often; nothing but fees is ever posted by a
//! report. What differs is shown, for people to find out why.

mod books;
mod http;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use busk_base::{Amount, PostingId, Timestamp};
use busk_ledger::{Cause, Leg, PostError, Posting};
use busk_store::{Read, StoreError, Tx};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::accounts::*;
use crate::providers::{Provider, ProviderError, Settlement, SettlementKind};
use crate::rules::Rules;
pub use books::booked;
pub use http::routes;

/// A movement may be in the report of another day than in the books, by so much.
const SLACK: Duration = Duration::from_secs(3 * 24 * 3_600);

/// A movement that the books have with a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Booked {
    pub kind: SettlementKind,
    /// What it is of: the provider's name where that is known, and ours.
    pub names: Vec<String>,
    /// What came in, or went out (negative), in the currency's minor unit.
    pub gross: i64,
    /// What of the provider's fee is in the books already.
    pub fee: i64,
    pub currency: String,
    pub at: Timestamp,
}

impl Booked {
    fn is_of(&self, line: &Settlement) -> bool {
        self.kind == line.kind && self.names.contains(&line.of)
    }
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// In both, by the same amount.
    pub matched: Vec<(Settlement, Booked)>,
    pub differences: Vec<Difference>,
    /// What the provider did for itself, which no book has: its own fees, reserves, what it sent to the operator.
    pub others: Vec<Settlement>,
}

/// How report and books differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SettlementDiffers)]
pub enum Differs {
    /// In both, by another amount.
    OtherAmount,
    OtherCurrency,
    /// Reported, and in no book.
    MissingInBooks,
    /// Reported again, and booked once.
    DoubledAtProvider,
    /// In the books of that time, and not reported.
    MissingAtProvider,
    /// Booked again, and reported once.
    DoubledInBooks,
}

/// One movement on which report and books differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub differs: Differs,
    pub reported: Option<Settlement>,
    pub booked: Option<Booked>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.differs {
            Differs::OtherAmount => "another amount",
            Differs::OtherCurrency => "another currency",
            Differs::MissingInBooks => "not in the books",
            Differs::DoubledAtProvider => "doubled at the provider",
            Differs::MissingAtProvider => "not at the provider",
            Differs::DoubledInBooks => "doubled in the books",
        })?;
        if let Some(Settlement {
            id,
            kind,
            of,
            gross,
            currency,
            at,
            ..
        }) = &self.reported
        {
            write!(
                f,
                "; reported: {} {of}, {gross} {currency}, {at} ({id})",
                kind.word()
            )?;
        }
        if let Some(Booked {
            kind,
            names,
            gross,
            currency,
            at,
            ..
        }) = &self.booked
        {
            write!(
                f,
                "; booked: {} {}, {gross} {currency}, {at}",
                kind.word(),
                names.join(" ")
            )?;
        }
        Ok(())
    }
}

impl Comparison {
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Compares a report of a time with the books around it. Each line and each booking is used once.
pub fn compare(report: Vec<Settlement>, books: Vec<Booked>, from: Timestamp, until: Timestamp) -> Comparison {
    let mut found = Comparison::default();
    let mut left: Vec<Option<Booked>> = books.into_iter().map(Some).collect();
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, booked) in left.iter().enumerate() {
        for name in booked.iter().flat_map(|booked| &booked.names) {
            by_name.entry(name.clone()).or_default().push(place);
        }
    }
    // The equal ones first, so that a differing line does not take another's booking.
    let mut rest = Vec::new();
    for line in report {
        let same = |booked: &Booked| booked.gross == line.gross && booked.currency == line.currency;
        match take(&mut left, &by_name, &line, same) {
            Some(booked) => found.matched.push((line, booked)),
            None => rest.push(line),
        }
    }
    for line in rest {
        let booked = take(&mut left, &by_name, &line, |_| true);
        if booked.is_none() && line.kind == SettlementKind::Other {
            found.others.push(line);
            continue;
        }
        let differs = match &booked {
            Some(booked) if booked.currency != line.currency => Differs::OtherCurrency,
            Some(_) => Differs::OtherAmount,
            None if found.matched.iter().any(|(known, _)| is_again(known, &line)) => {
                Differs::DoubledAtProvider
            }
            None => Differs::MissingInBooks,
        };
        found.differences.push(Difference {
            differs,
            reported: Some(line),
            booked,
        });
    }
    let unreported = without_undone(left.into_iter().flatten().collect());
    for booked in unreported {
        if !(from..until).contains(&booked.at) {
            continue;
        }
        let doubled = found
            .matched
            .iter()
            .any(|(line, known)| booked.is_of(line) && booked.gross == known.gross);
        let differs = match doubled {
            true => Differs::DoubledInBooks,
            false => Differs::MissingAtProvider,
        };
        found.differences.push(Difference {
            differs,
            reported: None,
            booked: Some(booked),
        });
    }
    found
}

/// Leaves out refunds that the provider refused before it had moved anything: the books have them out and in again.
fn without_undone(mut left: Vec<Booked>) -> Vec<Booked> {
    let undoes = |back: &Booked, out: &Booked| {
        let refunds = [back, out].iter().all(|of| of.kind == SettlementKind::Refund);
        refunds && back.gross > 0 && back.gross == -out.gross && back.names == out.names
    };
    while let Some((out, back)) = left.iter().enumerate().find_map(|(out, of)| {
        let back = left.iter().position(|back| undoes(back, of))?;
        Some((out, back))
    }) {
        left.remove(out.max(back));
        left.remove(out.min(back));
    }
    left
}

/// Whether a line says the same as another.
fn is_again(known: &Settlement, line: &Settlement) -> bool {
    (known.kind, &known.of, known.gross, &known.currency) == (line.kind, &line.of, line.gross, &line.currency)
}

fn take(
    left: &mut [Option<Booked>],
    by_name: &HashMap<String, Vec<usize>>,
    line: &Settlement,
    fits: impl Fn(&Booked) -> bool,
) -> Option<Booked> {
    let places = by_name.get(&line.of)?;
    let place = places.iter().copied().find(|place| {
        let booked = left[*place].as_ref();
        booked.is_some_and(|booked| booked.is_of(line) && fits(booked))
    })?;
    left[place].take()
}

/// Asks a provider for its report of a time.
pub async fn report(
    provider: &dyn Provider,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Settlement>, ProviderError> {
    provider.settlements(from, until).await
}

/// Compares a provider's report with the books.
pub fn against_books(
    db: &mut impl Read,
    provider: &str,
    report: Vec<Settlement>,
    from: Timestamp,
    until: Timestamp,
) -> Result<Comparison, StoreError> {
    let books = booked(db, provider, from - SLACK, until + SLACK)?;
    Ok(compare(report, books, from, until))
}

/// Posts what the provider kept of the lines that are in the books, less what the books have of it already. Gives
/// how much that was, of those not posted before.
pub fn post_fees(
    tx: &mut Tx,
    provider: &str,
    found: &Comparison,
    rules: &Rules,
    now: Timestamp,
) -> Result<i64, PostError> {
    let mut posted = 0;
    let differing = found.differences.iter();
    let differing = differing.filter_map(|of| of.reported.as_ref().zip(of.booked.as_ref()));
    for (line, booked) in found
        .matched
        .iter()
        .map(|(line, booked)| (line, booked))
        .chain(differing)
    {
        let fee = line.fee - booked.fee;
        let id = fee_posting(provider, line);
        if fee == 0 || line.currency != CURRENCY.code() || !busk_ledger::transfers_of(tx, id)?.is_empty() {
            continue;
        }
        let leg = if fee > 0 {
            (PSP_FEES, PSP_CLEARING, Amount::money(fee, CURRENCY))
        } else {
            (PSP_CLEARING, PSP_FEES, Amount::money(-fee, CURRENCY))
        };
        let posting = Posting {
            id,
            cause: Cause {
                kind: "provider_fee",
                id: id.0,
            },
            policy: rules.version,
            corrects: None,
            legs: Leg::moves([leg]),
        };
        busk_ledger::post(tx, &posting, now)?;
        posted += fee;
    }
    Ok(posted)
}

/// The posting of a line's fee: the same line is the same posting. It sorts at the line's time.
fn fee_posting(provider: &str, line: &Settlement) -> PostingId {
    let digest = Sha256::new()
        .chain_update(provider)
        .chain_update([0])
        .chain_update(&line.id)
        .finalize();
    let mut name = [0; 10];
    name.copy_from_slice(&digest[..10]);
    PostingId::new(line.at, name)
}
