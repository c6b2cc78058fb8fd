//! Re-adding: each posting from its transfers, each account from its moves.

use std::collections::{HashMap, VecDeque};

use busk_base::{PolicyVersion, PostingId};
use uuid::Uuid;

use super::books::Books;
use super::seals::Seals;
use super::stream::Page;
use super::{Audit, Counted};
use crate::form::{Posting, Rows, Transfer};
use crate::posting::{Fingerprint, kind};

pub(super) struct Fold<'a> {
    audit: &'a mut Audit,
    books: &'a mut Books,
    seals: &'a mut Seals,
    /// Postings whose transfers are still to come.
    waiting: VecDeque<Expected>,
    open: Option<Expected>,
    /// The number of the last posting that was begun.
    begun: i64,
    /// The last transfer's number.
    last: i64,
    /// Reserves that are open: debit, credit, amount.
    pending: HashMap<i64, (i64, i64, i64)>,
    counted: Counted,
}

/// A posting, and what its row says its transfers are.
struct Expected {
    number: i64,
    transfers: (i64, i64),
    /// `None` when the row cannot be read.
    print: Option<(Fingerprint, [u8; 32])>,
}

impl<'a> Fold<'a> {
    pub(super) fn new(audit: &'a mut Audit, books: &'a mut Books, seals: &'a mut Seals) -> Self {
        Self {
            audit,
            books,
            seals,
            waiting: VecDeque::new(),
            open: None,
            begun: 0,
            last: 0,
            pending: HashMap::new(),
            counted: Counted::default(),
        }
    }

    pub(super) fn page(&mut self, page: &Page) {
        let mut rows = Rows(&page.postings);
        while let Some((fields, row)) = rows.fields::<10>() {
            let number = fields[0].number().unwrap_or(0);
            self.counted.postings += 1;
            if number < 1 {
                self.audit
                    .finds(format!("posting {number} is numbered before the first"));
                continue;
            }
            self.seals.postings.row(number, row);
            let posting = Posting::read(&fields);
            if posting.is_none() {
                self.audit.finds(format!("posting {number} cannot be read"));
            }
            let expected = self.expect(number, posting);
            self.waiting.push_back(expected);
        }
        let mut rows = Rows(&page.transfers);
        while let Some((fields, row)) = rows.fields::<12>() {
            let id = fields[0].number().unwrap_or(0);
            self.audit.transfers += 1;
            if id < 1 {
                self.audit
                    .finds(format!("transfer {id} is numbered before the first"));
                continue;
            }
            self.seals.transfers.row(id, row);
            if id != self.last + 1 {
                let (from, to) = (self.last + 1, id - 1);
                self.audit.finds(format!("transfers {from} to {to} are missing"));
            }
            match Transfer::read(&fields) {
                Some(transfer) => self.transfer(&transfer),
                None => self.audit.finds(format!("transfer {id} cannot be read")),
            }
            self.last = id;
        }
        if page.last {
            self.none_left();
        }
    }

    fn expect(&mut self, number: i64, posting: Option<Posting>) -> Expected {
        let Some(posting) = posting else {
            return Expected {
                number,
                transfers: (0, 0),
                print: None,
            };
        };
        if let Some(seal) = self.seals.closed_to(number, posting.at) {
            self.audit.finds(format!(
                "posting {number} is dated in the period of seal {seal}, and not sealed"
            ));
        }
        let id = |bytes: [u8; 16]| PostingId(Uuid::from_bytes(bytes));
        let print = Fingerprint::new(
            id(posting.id),
            posting.cause,
            Uuid::from_bytes(posting.cause_id),
            PolicyVersion(posting.policy),
            posting.corrects.map(id),
        );
        Expected {
            number,
            transfers: posting.transfers,
            print: Some((print, posting.digest)),
        }
    }

    fn transfer(&mut self, transfer: &Transfer) {
        self.turn_to(transfer);
        let id = transfer.id;
        let [debit, credit] = [transfer.debit, transfer.credit].map(|account| self.books.key(account));
        let (Some(debit), Some(credit)) = (debit, credit) else {
            return self
                .audit
                .finds(format!("transfer {id} names an account that is missing"));
        };
        if let Some((print, _)) = self.open.as_mut().and_then(|open| open.print.as_mut()) {
            let reserved = transfer.reserved.unwrap_or(0);
            print.leg(transfer.kind, debit, credit, transfer.amount, reserved);
        }
        let [debit, credit] = [debit, credit].map(|key| key.split(|byte| *byte == 0).nth(1));
        if debit != credit {
            self.audit.finds(format!("transfer {id} is between two units"));
        }
        self.resolve(transfer);
        self.shift(transfer);
    }

    /// Opens the posting that a transfer is of. Its own word is doubted where the postings' rows say otherwise, so
    /// that one wrong number makes one finding, not many.
    fn turn_to(&mut self, transfer: &Transfer) {
        let Transfer { id, posting, .. } = *transfer;
        let open = self.open.as_ref();
        if open.is_some_and(|open| open.number == posting) {
            return;
        }
        let next = self.waiting.front();
        let (inside, begins) = (
            open.is_some_and(|open| (open.transfers.0..=open.transfers.1).contains(&id)),
            next.is_some_and(|next| next.transfers.0 == id),
        );
        let is_next = next.is_some_and(|next| next.number == posting);
        if !is_next && (inside || begins) {
            self.audit.finds(format!(
                "transfer {id} names posting {posting}, of which it is not"
            ));
        }
        if inside && !is_next {
            return;
        }
        self.close(id - 1);
        if is_next || begins {
            return self.begin(id);
        }
        match self
            .waiting
            .binary_search_by_key(&posting, |waiting| waiting.number)
        {
            Ok(place) => {
                for _ in 0..place {
                    self.skip();
                }
                self.begin(id);
            }
            Err(_) if posting <= self.begun => self.audit.finds(format!("posting {posting} is scattered")),
            Err(_) => self
                .audit
                .finds(format!("posting {posting} of transfer {id} is missing")),
        }
    }

    fn begin(&mut self, id: i64) {
        let Some(next) = self.waiting.pop_front() else {
            return;
        };
        let (number, first) = (next.number, next.transfers.0);
        if first != id {
            self.audit
                .finds(format!("posting {number} begins with transfer {id}, not {first}"));
        }
        self.begun = number;
        self.audit.postings += 1;
        self.open = Some(next);
    }

    fn close(&mut self, id: i64) {
        let Some(open) = self.open.take() else { return };
        let (number, last) = (open.number, open.transfers.1);
        if last != id {
            self.audit
                .finds(format!("posting {number} ends with transfer {id}, not {last}"));
        }
        if let Some((print, digest)) = open.print
            && print.finish() != digest
        {
            self.audit
                .finds(format!("posting {number} is not what was posted"));
        }
    }

    fn skip(&mut self) {
        if let Some(without) = self.waiting.pop_front() {
            let number = without.number;
            self.audit.finds(format!("posting {number} has no transfers"));
        }
    }

    /// No more transfers come: postings that still wait for theirs have none.
    fn none_left(&mut self) {
        self.close(self.last);
        while !self.waiting.is_empty() {
            self.skip();
        }
    }

    /// Follows what is pending.
    fn resolve(&mut self, transfer: &Transfer) {
        let Transfer { id, kind, amount, .. } = *transfer;
        let resolves = matches!(kind, kind::SETTLE | kind::RELEASE);
        if transfer.expires_at.is_some() != (kind == kind::RESERVE)
            || transfer.reserved.is_some() != resolves
            || !(kind::MOVE..=kind::RELEASE).contains(&kind)
        {
            self.audit
                .finds(format!("transfer {id} is of no kind that there is"));
        }
        if kind == kind::RESERVE {
            self.pending.insert(id, (transfer.debit, transfer.credit, amount));
            self.hold(transfer.debit, amount);
        }
        if !resolves {
            return;
        }
        self.counted.resolved += 1;
        match self.pending.remove(&transfer.reserved.unwrap_or(0)) {
            Some((debit, credit, held)) if (debit, credit) == (transfer.debit, transfer.credit) => {
                self.hold(debit, -held);
                if amount > held || (kind == kind::RELEASE && amount != held) {
                    self.audit.finds(format!(
                        "transfer {id} resolves {amount} of {held} that were pending"
                    ));
                }
            }
            _ => self
                .audit
                .finds(format!("transfer {id} resolves what is not pending")),
        }
    }

    fn hold(&mut self, account: i64, amount: i64) {
        if let Some(found) = self.books.of(account) {
            found.again.reserved = found.again.reserved.wrapping_add(amount);
        }
    }

    /// Re-adds both accounts.
    fn shift(&mut self, transfer: &Transfer) {
        let id = transfer.id;
        let moves = matches!(transfer.kind, kind::MOVE | kind::SETTLE);
        let sides = [
            (transfer.debit, transfer.amount.wrapping_neg()),
            (transfer.credit, transfer.amount),
        ];
        for (place, (account, amount)) in sides.into_iter().enumerate() {
            let Some(found) = self.books.of(account) else {
                continue;
            };
            let was = if moves { found.shift(amount, id) } else { 0 };
            let (balance, before) = (transfer.balances[place], transfer.before[place]);
            let again = found.again;
            let below = !found.floating && again.balance < again.reserved;
            if again.balance == balance && was == before && !below {
                continue;
            }
            let who = format!("{} (account {account})", found.name());
            if again.balance != balance {
                self.audit.finds(format!(
                    "transfer {id}: {who} has {}, not {balance}",
                    again.balance
                ));
            }
            if was != before {
                self.audit.finds(format!(
                    "transfer {id}: {who} was moved before by {was}, not {before}"
                ));
            }
            if below {
                self.audit.finds(format!("transfer {id}: {who} is below zero"));
            }
        }
    }

    pub(super) fn finish(mut self) -> Counted {
        self.none_left();
        self.counted
    }
}
