//! What was sold and taxed, by the payer's country, for the operator's returns to the states.
//!
//! A sale counts when it is delivered, since only then does the ledger put its tax aside; what is taken back of it
//! later (a refund, a lost dispute) stands apart, in the time in which that happened. What was given back before it
//! was delivered was never sold. The country is where the payer's means of payment is from, as the provider says it
//! (`payment.country`); sales of which it said nothing stand in a row of their own.
//!
//! Invariant: every figure is a sum of transfers. The rule of which transfer counts as what is [`count`], and stands
//! nowhere else; a summary is the sum of its [`TaxLine`]s.

mod csv;
pub(super) mod http;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use busk_base::{PaymentId, PostingId, Timestamp, Unit};
use busk_ledger::journal::{Place, Span};
use busk_store::{Read, Reader, StoreError, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PIECE, moment};

/// Which of the two a figure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TaxedAs {
    Sales,
    /// Taken back of sales: refunds and lost disputes. A refund that failed counts against them.
    Refunds,
}

/// What one posting sold, or took back.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TaxLine {
    pub posting: PostingId,
    pub number: i64,
    pub at: Timestamp,
    /// `badge`, `ticket`, `subscription`, `gifted_subscription`.
    pub kind: String,
    pub payment: PaymentId,
    /// ISO 3166-1 alpha-2; null where the provider named none.
    pub country: Option<String>,
    #[schema(value_type = String)]
    pub currency: Unit,
    #[serde(rename = "as")]
    pub taxed_as: TaxedAs,
    /// Without the tax, in the currency's minor unit. Of refunds positive, and negative where one failed.
    pub net: i64,
    pub tax: i64,
    pub gross: i64,
}

/// A sum of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct TaxFigures {
    /// How many; a refund that failed is one less.
    pub count: i64,
    /// Without the tax, in the currency's minor unit.
    pub net: i64,
    pub tax: i64,
    pub gross: i64,
}

/// What came of one country in one currency.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TaxRow {
    /// ISO 3166-1 alpha-2; null where the provider named none.
    pub country: Option<String>,
    /// ISO 4217.
    #[schema(value_type = String)]
    pub currency: Unit,
    pub sales: TaxFigures,
    /// Taken back: refunds and lost disputes. Not in `sales`.
    pub refunds: TaxFigures,
}

/// A calendar month, or a year, in UTC: `2026-11`, `2026`.
pub fn period(text: &str) -> Option<Span> {
    let digits = |at: std::ops::Range<usize>| {
        text.get(at)
            .is_some_and(|t| t.bytes().all(|b| b.is_ascii_digit()))
    };
    match text.len() {
        7 => {
            let from = moment(&format!("{text}-01"))?;
            let to = from.next_month()?;
            Some(Span { from, to })
        }
        4 if digits(0..4) => {
            let from = moment(&format!("{text}-01-01"))?;
            let to = from.months_later(12)?;
            Some(Span { from, to })
        }
        _ => None,
    }
}

/// What a transfer of a sale's posting is: of a sale or of refunds, and with which sign. `None` for what only moves
/// between the provider and what is not delivered yet.
fn count(debit: &str, credit: &str) -> Option<(TaxedAs, i64)> {
    match (debit, credit) {
        ("psp_clearing" | "disputed", "deferred") | ("deferred", "psp_clearing" | "disputed") => None,
        ("deferred", _) => Some((TaxedAs::Sales, 1)),
        (_, "psp_clearing" | "disputed") => Some((TaxedAs::Refunds, 1)),
        ("psp_clearing", _) => Some((TaxedAs::Refunds, -1)),
        _ => None,
    }
}

/// The lines of a span after a place, oldest first, of at most `max` postings of sales; and the place of the last of
/// them, if there may be more.
pub fn lines(
    db: &mut impl Read,
    span: Span,
    after: Place,
    max: i64,
) -> Result<(Vec<TaxLine>, Option<Place>), StoreError> {
    let after = after.max(Place::before(span.from));
    let rows = db.rows(
        "SELECT p.number, p.id, p.at, p.cause, p.cause_id, y.country, d.unit, d.name, c.name, t.amount \
         FROM (SELECT * FROM ledger_posting WHERE (at, number) > ($1, $2) AND at < $3 \
               AND cause IN ('badge', 'ticket', 'subscription', 'gifted_subscription') \
               ORDER BY at, number LIMIT $4) p \
         JOIN ledger_transfer t ON t.id BETWEEN p.first_transfer AND p.last_transfer \
         JOIN ledger_account d ON d.id = t.debit JOIN ledger_account c ON c.id = t.credit \
         LEFT JOIN payment y ON y.id = p.cause_id ORDER BY p.at, p.number, t.id",
        params![after.at, after.number, span.to, max],
    )?;
    let (mut lines, mut postings, mut last): (Vec<TaxLine>, i64, Option<Place>) = (Vec::new(), 0, None);
    for row in &rows {
        let place = Place {
            at: row.get(2)?,
            number: row.get(0)?,
        };
        if last != Some(place) {
            (postings, last) = (postings + 1, Some(place));
        }
        let (debit, credit): (String, String) = (row.get(7)?, row.get(8)?);
        let Some((taxed_as, sign)) = count(&debit, &credit) else {
            continue;
        };
        // All that counts of one posting is of one kind.
        if lines.last().is_none_or(|line| line.number != place.number) {
            lines.push(TaxLine {
                posting: row.get(1)?,
                number: place.number,
                at: place.at,
                kind: row.get(3)?,
                payment: row.get(4)?,
                country: row.get(5)?,
                currency: row.get(6)?,
                taxed_as,
                net: 0,
                tax: 0,
                gross: 0,
            });
        }
        if let Some(line) = lines.last_mut() {
            let amount = sign * row.get::<i64>(9)?;
            let taxes = [&*debit, &*credit].contains(&"tax_payable");
            line.gross += amount;
            *(if taxes { &mut line.tax } else { &mut line.net }) += amount;
        }
    }
    Ok((lines, last.filter(|_| postings == max)))
}

impl TaxFigures {
    fn add(&mut self, line: &TaxLine) {
        self.count += if line.gross < 0 { -1 } else { 1 };
        self.net += line.net;
        self.tax += line.tax;
        self.gross += line.gross;
    }
}

impl TaxRow {
    fn new(country: Option<String>, currency: Unit) -> Self {
        Self {
            country,
            currency,
            sales: TaxFigures::default(),
            refunds: TaxFigures::default(),
        }
    }

    fn add(&mut self, line: &TaxLine) {
        match line.taxed_as {
            TaxedAs::Sales => self.sales.add(line),
            TaxedAs::Refunds => self.refunds.add(line),
        }
    }
}

/// A span by country and currency, and then all countries together by currency. Reads one picture of the books.
pub fn summary(db: &mut Reader, span: Span) -> Result<(Vec<TaxRow>, Vec<TaxRow>), StoreError> {
    let mut rows: BTreeMap<(Option<String>, String), TaxRow> = BTreeMap::new();
    let mut totals: BTreeMap<String, TaxRow> = BTreeMap::new();
    db.snapshot(|db| {
        let mut after = Some(Place::before(span.from));
        while let Some(place) = after {
            let (found, next) = lines(db, span, place, PIECE)?;
            for line in &found {
                let unit = line.currency;
                let row = rows.entry((line.country.clone(), unit.code().to_owned()));
                row.or_insert_with(|| TaxRow::new(line.country.clone(), unit))
                    .add(line);
                let total = totals.entry(unit.code().to_owned());
                total.or_insert_with(|| TaxRow::new(None, unit)).add(line);
            }
            after = next;
        }
        Ok::<_, StoreError>(())
    })?;
    Ok((rows.into_values().collect(), totals.into_values().collect()))
}
