//! Exports as CSV (RFC 4180): a header, then a line each, fields quoted where they must be. Amounts are written as in
//! the journals, signs as in the ledger.

use busk_base::{ChannelId, Unit};
use busk_ledger::journal::{Entry, Place, Span, entries_after, transfers_in};
use busk_store::{Reader, StoreError};

use super::chart::amount;
use super::{Export, PIECE};
use crate::accounts::CURRENCY;
use crate::earnings::{Progress, StatementLine, lines_onward};

/// A line under construction.
pub(super) struct Fields(String);

impl Fields {
    fn new() -> Self {
        Self(String::new())
    }

    /// After a header, or what was written before.
    pub(super) fn beginning(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn text(self) -> String {
        self.0
    }

    pub(super) fn field(&mut self, text: &str) {
        if !self.0.is_empty() && !self.0.ends_with('\n') {
            self.0.push(',');
        }
        if text.contains([',', '"', '\r', '\n']) || text.is_empty() {
            self.0.push('"');
            self.0.push_str(&text.replace('"', "\"\""));
            self.0.push('"');
        } else {
            self.0.push_str(text);
        }
    }

    /// What people typed: a spreadsheet would take it for a formula if it began like one.
    fn typed(&mut self, text: &str) {
        if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            self.field(&format!("'{text}"));
        } else {
            self.field(text);
        }
    }

    pub(super) fn end(&mut self) {
        self.0.push_str("\r\n");
    }
}

const STATEMENT: &str = "at,posting,kind,from,gift,count,room,diamonds_pending,diamonds_available,money_pending,money,\
     currency,diamonds_pending_after,diamonds_available_after,money_pending_after,money_after,policy\r\n";

/// A creator's statement, oldest first.
pub struct StatementCsv {
    channel: ChannelId,
    span: Span,
    /// From where on, and before which transfer; unknown until the first piece.
    progress: Option<(Progress, i64)>,
}

impl StatementCsv {
    pub fn new(channel: ChannelId, span: Span) -> Self {
        Self {
            channel,
            span,
            progress: None,
        }
    }
}

impl Export for StatementCsv {
    fn next(&mut self, db: &mut Reader) -> Result<Option<String>, StoreError> {
        let begins = self.progress.is_none();
        let mut out = Fields::new();
        if begins {
            out.0.push_str(STATEMENT);
        }
        let lines = onward(db, self.channel, self.span, &mut self.progress)?;
        let ended = lines.is_none();
        for line in lines.into_iter().flatten() {
            write_line(&mut out, &line);
        }
        Ok((begins || !ended).then_some(out.0))
    }
}

/// The next lines of a creator's statement in the span; `None` after the last.
pub(super) fn onward(
    db: &mut Reader,
    channel: ChannelId,
    span: Span,
    progress: &mut Option<(Progress, i64)>,
) -> Result<Option<Vec<StatementLine>>, StoreError> {
    if progress.is_none() {
        let (after, before) = transfers_in(db, span)?;
        *progress = Some((Progress::start(db, channel, after)?, before));
    }
    let Some((progress, before)) = progress else {
        return Ok(None);
    };
    let mut lines = lines_onward(db, channel, progress, *before, PIECE)?;
    if lines.is_empty() {
        return Ok(None);
    }
    lines.retain(|line| span.contains(line.at));
    Ok(Some(lines))
}

fn write_line(out: &mut Fields, line: &StatementLine) {
    let money = |value| amount(value, Unit::Money(CURRENCY));
    let text = &line.text;
    out.field(&line.at.to_string());
    out.field(&line.posting.to_string());
    out.field(&line.kind);
    out.typed(text.from.as_deref().unwrap_or_default());
    out.field(text.gift.as_deref().unwrap_or_default());
    out.field(&text.count.map(|count| count.to_string()).unwrap_or_default());
    out.typed(text.room.as_deref().unwrap_or_default());
    out.field(&line.diamonds_pending.to_string());
    out.field(&line.diamonds_available.to_string());
    out.field(&money(line.money_pending));
    out.field(&money(line.money));
    out.field(CURRENCY.code());
    out.field(&line.balance_after.pending.to_string());
    out.field(&line.balance_after.available.to_string());
    out.field(&money(line.balance_after.money_pending));
    out.field(&money(line.balance_after.money));
    out.field(&line.policy.0.to_string());
    out.end();
}

const POSTINGS: &str = "at,number,posting,kind,cause,policy,corrects,transfer,transfer_kind,debit,debit_owner,credit,\
     credit_owner,amount,unit,debit_after,credit_after\r\n";

/// All postings of a span, oldest first, one line a transfer.
pub struct PostingsCsv {
    span: Span,
    /// The last posting that was written.
    after: Option<Place>,
}

impl PostingsCsv {
    pub fn new(span: Span) -> Self {
        Self { span, after: None }
    }
}

impl Export for PostingsCsv {
    fn next(&mut self, db: &mut Reader) -> Result<Option<String>, StoreError> {
        let begins = self.after.is_none();
        let after = *self.after.get_or_insert(Place::before(self.span.from));
        let entries = entries_after(db, self.span, after, PIECE)?;
        let mut out = Fields::new();
        if begins {
            out.0.push_str(POSTINGS);
        }
        for entry in &entries {
            write_entry(&mut out, entry);
            self.after = Some(entry.head.place());
        }
        Ok((begins || !entries.is_empty()).then_some(out.0))
    }
}

fn write_entry(out: &mut Fields, entry: &Entry) {
    let head = &entry.head;
    for transfer in &entry.transfers {
        let owner = |owner: Option<uuid::Uuid>| owner.map(|owner| owner.to_string()).unwrap_or_default();
        out.field(&head.at.to_string());
        out.field(&head.number.to_string());
        out.field(&head.id.to_string());
        out.field(&head.cause);
        out.field(&head.cause_id.to_string());
        out.field(&head.policy.0.to_string());
        out.field(&head.corrects.map(|id| id.to_string()).unwrap_or_default());
        out.field(&transfer.id.to_string());
        out.field(transfer.kind);
        out.field(&transfer.debit.account);
        out.field(&owner(transfer.debit.owner));
        out.field(&transfer.credit.account);
        out.field(&owner(transfer.credit.owner));
        out.field(&amount(transfer.amount, transfer.unit));
        out.field(transfer.unit.code());
        out.field(&amount(transfer.debit.balance, transfer.unit));
        out.field(&amount(transfer.credit.balance, transfer.unit));
        out.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let mut line = Fields::new();
        line.field("a");
        line.field("b,c");
        line.field("say \"hi\"");
        line.field("");
        line.typed("=1+1");
        line.typed("-Zoë\n");
        line.end();
        line.field("d");
        assert_eq!(line.0, "a,\"b,c\",\"say \"\"hi\"\"\",\"\",'=1+1,\"'-Zoë\n\"\r\nd");
    }
}
