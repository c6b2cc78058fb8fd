//! Exports as plain-text journals, for hledger and for beancount.
//!
//! Each posting that moves something is a transaction of the day (in UTC) on which it was posted, and each transfer
//! two lines of it; what is only reserved has not moved. A journal of a part of the books begins at zero, so that its
//! balances are what the part comes to.

use std::fmt::Write;

use busk_base::{ChannelId, PostingId, Timestamp, Unit};
use busk_ledger::journal::{Entry, Place, Span, accounts_after, entries_after, last_posting};
use busk_store::{Reader, StoreError};

use super::chart;
use super::csv::onward;
use super::{Export, PIECE};
use crate::accounts::CURRENCY;
use crate::earnings::{Progress, StatementLine};

/// Whose syntax a journal is in. What both can read would have neither the tags of the one nor the metadata of the
/// other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Hledger,
    Beancount,
}

impl std::str::FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "hledger" => Ok(Self::Hledger),
            "beancount" => Ok(Self::Beancount),
            _ => Err("must be hledger or beancount"),
        }
    }
}

/// Writing to a text cannot fail, so nothing below says what would happen if it did.
macro_rules! put {
    ($out:expr, $($text:tt)*) => { { let _ = writeln!($out, $($text)*); } };
}

impl Format {
    fn begin(self, out: &mut String) {
        let money = CURRENCY.code();
        match self {
            Format::Hledger => {
                put!(out, "; Busk: a journal for hledger");
                put!(out, "commodity 1000.00 {money}");
                put!(out, "commodity 1000. COIN");
                put!(out, "commodity 1000. DIAMOND");
            }
            Format::Beancount => {
                put!(out, "; Busk: a journal for beancount");
                put!(out, "option \"title\" \"Busk\"");
                put!(out, "option \"operating_currency\" \"{money}\"");
            }
        }
    }

    fn open(self, out: &mut String, account: &str, unit: Unit) {
        match self {
            Format::Hledger => put!(out, "account {account}"),
            Format::Beancount => put!(out, "1970-01-01 open {account} {}", unit.code()),
        }
    }

    /// The first line of a transaction, and what is known of it. Words come from the program, not from people.
    fn transaction(self, out: &mut String, at: Timestamp, words: &str, facts: &[(&str, String)]) {
        out.push('\n');
        match self {
            Format::Hledger => {
                put!(out, "{} * {words}", at.day());
                for (name, fact) in facts {
                    put!(out, "    ; {name}:{fact}");
                }
            }
            Format::Beancount => {
                put!(out, "{} * \"{words}\"", at.day());
                for (name, fact) in facts {
                    put!(out, "  {name}: \"{fact}\"");
                }
            }
        }
    }
}

fn put_amount(out: &mut String, account: &str, value: i64, unit: Unit) {
    put!(
        out,
        "    {account:<72}  {:>16} {}",
        chart::amount(value, unit),
        unit.code()
    );
}

/// The whole ledger.
pub struct Journal {
    span: Span,
    format: Format,
    at: Step,
    /// The last posting there was when it began: later ones may be of accounts that were not opened then.
    last: i64,
}

enum Step {
    Begin,
    /// The last account that was written.
    Accounts(i64),
    /// The last posting that was written.
    Entries(Place),
}

impl Journal {
    pub fn new(span: Span, format: Format) -> Self {
        Self {
            span,
            format,
            at: Step::Begin,
            last: 0,
        }
    }
}

impl Export for Journal {
    fn next(&mut self, db: &mut Reader) -> Result<Option<String>, StoreError> {
        let mut out = String::new();
        match self.at {
            Step::Begin => {
                self.format.begin(&mut out);
                self.last = last_posting(db)?;
                self.at = Step::Accounts(0);
            }
            Step::Accounts(after) => {
                let accounts = accounts_after(db, after, PIECE)?;
                for account in &accounts {
                    let name = chart::account(&account.name, account.owner, account.unit);
                    self.format.open(&mut out, &name, account.unit);
                }
                self.at = match accounts.last() {
                    Some(last) => Step::Accounts(last.id),
                    None => Step::Entries(Place::before(self.span.from)),
                };
            }
            Step::Entries(after) => {
                let entries = entries_after(db, self.span, after, PIECE)?;
                let Some(last) = entries.last() else {
                    return Ok(None);
                };
                self.at = Step::Entries(last.head.place());
                for entry in entries.iter().filter(|entry| entry.head.number <= self.last) {
                    write_entry(&mut out, self.format, entry);
                }
            }
        }
        Ok(Some(out))
    }
}

fn facts(posting: PostingId, at: Timestamp, policy: i64) -> Vec<(&'static str, String)> {
    vec![
        ("posting", posting.to_string()),
        ("at", at.to_string()),
        ("policy", policy.to_string()),
    ]
}

fn write_entry(out: &mut String, format: Format, entry: &Entry) {
    let head = &entry.head;
    let moves = || entry.transfers.iter().filter(|transfer| transfer.moves());
    if moves().next().is_none() {
        return;
    }
    let mut facts = facts(head.id, head.at, head.policy.0);
    facts.push(("number", head.number.to_string()));
    facts.push(("cause", head.cause_id.to_string()));
    facts.extend(head.corrects.map(|corrected| ("corrects", corrected.to_string())));
    format.transaction(out, head.at, &head.cause, &facts);
    for transfer in moves() {
        let name = |side: &busk_ledger::Side| chart::account(&side.account, side.owner, transfer.unit);
        put_amount(out, &name(&transfer.debit), transfer.amount, transfer.unit);
        put_amount(out, &name(&transfer.credit), -transfer.amount, transfer.unit);
    }
}

/// One creator's accounts, as their own books would have them: what they have is an asset, and where it came from or
/// went stands by the kind of the posting.
pub struct CreatorJournal {
    channel: ChannelId,
    span: Span,
    format: Format,
    progress: Option<(Progress, i64)>,
    /// Kinds of which the account is opened.
    kinds: Vec<String>,
}

const PENDING: &str = "Assets:Busk:Diamonds:Pending";
const AVAILABLE: &str = "Assets:Busk:Diamonds:Available";
const HELD: &str = "Assets:Busk:Earnings:Pending";
const EARNINGS: &str = "Assets:Busk:Earnings";

impl CreatorJournal {
    pub fn new(channel: ChannelId, span: Span, format: Format) -> Self {
        Self {
            channel,
            span,
            format,
            progress: None,
            kinds: Vec::new(),
        }
    }

    fn begin(&self, out: &mut String) {
        self.format.begin(out);
        for (account, unit) in [
            (PENDING, Unit::Diamond),
            (AVAILABLE, Unit::Diamond),
            (HELD, Unit::Money(CURRENCY)),
            (EARNINGS, Unit::Money(CURRENCY)),
        ] {
            self.format.open(out, account, unit);
        }
    }

    fn write(&mut self, out: &mut String, line: &StatementLine) {
        let income = format!("Income:Busk:{}", chart::part(&line.kind));
        if !self.kinds.contains(&line.kind) {
            self.kinds.push(line.kind.clone());
            match self.format {
                Format::Hledger => put!(out, "\naccount {income}"),
                // Of diamonds and of money.
                Format::Beancount => put!(out, "\n1970-01-01 open {income}"),
            }
        }
        let words = match &line.text.gift {
            Some(gift) => format!("{} {gift}", line.kind),
            None => line.kind.clone(),
        };
        let facts = facts(line.posting, line.at, line.policy.0);
        self.format.transaction(out, line.at, &words, &facts);
        let money = Unit::Money(CURRENCY);
        let amounts = [
            (PENDING, line.diamonds_pending, Unit::Diamond),
            (AVAILABLE, line.diamonds_available, Unit::Diamond),
            (
                income.as_str(),
                -(line.diamonds_pending + line.diamonds_available),
                Unit::Diamond,
            ),
            (HELD, line.money_pending, money),
            (EARNINGS, line.money, money),
            (income.as_str(), -(line.money_pending + line.money), money),
        ];
        for (account, value, unit) in amounts.into_iter().filter(|(_, value, _)| *value != 0) {
            put_amount(out, account, value, unit);
        }
    }
}

impl Export for CreatorJournal {
    fn next(&mut self, db: &mut Reader) -> Result<Option<String>, StoreError> {
        let begins = self.progress.is_none();
        let mut out = String::new();
        if begins {
            self.begin(&mut out);
        }
        let lines = onward(db, self.channel, self.span, &mut self.progress)?;
        let ended = lines.is_none();
        for line in lines.into_iter().flatten() {
            self.write(&mut out, &line);
        }
        Ok((begins || !ended).then_some(out))
    }
}
