//! The same as CSV: the summary a line a country and currency, and the lines that it is the sum of.

use busk_ledger::journal::{Place, Span};
use busk_store::{Reader, StoreError};

use super::{TaxFigures, TaxLine, TaxRow, TaxedAs, lines, summary};
use crate::statements::chart::amount;
use crate::statements::csv::Fields;
use crate::statements::{Export, PIECE};

const SUMMARY: &str = "country,currency,sales,sales_net,sales_tax,sales_gross,refunds,refunds_net,refunds_tax,refunds_gross\r\n";
const LINES: &str = "at,number,posting,kind,payment,country,currency,as,net,tax,gross\r\n";

/// A span by country and currency.
pub(super) struct TaxSummaryCsv {
    span: Option<Span>,
}

impl TaxSummaryCsv {
    pub(super) fn new(span: Span) -> Self {
        Self { span: Some(span) }
    }
}

impl Export for TaxSummaryCsv {
    fn next(&mut self, db: &mut Reader) -> Result<Option<String>, StoreError> {
        let Some(span) = self.span.take() else {
            return Ok(None);
        };
        let (rows, _) = summary(db, span)?;
        let mut out = Fields::beginning(SUMMARY);
        for row in &rows {
            write_row(&mut out, row);
        }
        Ok(Some(out.text()))
    }
}

fn write_row(out: &mut Fields, row: &TaxRow) {
    out.field(row.country.as_deref().unwrap_or_default());
    out.field(row.currency.code());
    for TaxFigures {
        count,
        net,
        tax,
        gross,
    } in [row.sales, row.refunds]
    {
        out.field(&count.to_string());
        for value in [net, tax, gross] {
            out.field(&amount(value, row.currency));
        }
    }
    out.end();
}

/// The lines of a span, oldest first.
pub(super) struct TaxLinesCsv {
    span: Span,
    /// After which posting it goes on; at the end there is none.
    after: Option<Place>,
    begun: bool,
}

impl TaxLinesCsv {
    pub(super) fn new(span: Span) -> Self {
        Self {
            span,
            after: Some(Place::before(span.from)),
            begun: false,
        }
    }
}

impl Export for TaxLinesCsv {
    fn next(&mut self, db: &mut Reader) -> Result<Option<String>, StoreError> {
        let Some(after) = self.after else { return Ok(None) };
        let (found, next) = lines(db, self.span, after, PIECE)?;
        self.after = next;
        let mut out = Fields::beginning(if self.begun { "" } else { LINES });
        self.begun = true;
        for line in &found {
            write_line(&mut out, line);
        }
        Ok(Some(out.text()))
    }
}

fn write_line(out: &mut Fields, line: &TaxLine) {
    out.field(&line.at.to_string());
    out.field(&line.number.to_string());
    out.field(&line.posting.to_string());
    out.field(&line.kind);
    out.field(&line.payment.to_string());
    out.field(line.country.as_deref().unwrap_or_default());
    out.field(line.currency.code());
    out.field(match line.taxed_as {
        TaxedAs::Sales => "sales",
        TaxedAs::Refunds => "refunds",
    });
    for value in [line.net, line.tax, line.gross] {
        out.field(&amount(value, line.currency));
    }
    out.end();
}
