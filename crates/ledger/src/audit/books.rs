//! The accounts: what is stored of them, what their transfers make of them, and whether both agree.

use std::collections::BTreeMap;

use busk_base::Unit;
use busk_store::{Reader, StoreError, params};

use super::Audit;
use super::seals::Seals;
use crate::account::MARK_EVERY;
use crate::form::{ACCOUNTS, FIRST, Field, PAGE, Rows};

pub(super) struct Books {
    /// By id, which are 1, 2, 3 … in books that nobody tampered with.
    accounts: Vec<Account>,
}

pub(super) struct Account {
    id: i64,
    pub(super) key: Box<[u8]>,
    pub(super) floating: bool,
    stored: State,
    /// Re-added.
    pub(super) again: State,
    marks: Marks,
}

/// What an account's transfers make of it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) balance: i64,
    pub(super) reserved: i64,
    moves: i64,
    last_move: i64,
}

/// Which marks an account has and should have, as sums over them: lists would grow with the books.
#[derive(Default)]
struct Marks {
    stored: (u64, u64),
    again: (u64, u64),
}

fn mark(marks: &mut (u64, u64), transfer: i64) {
    // The finalizer of SplitMix64: sums of numbers so mixed agree for the same numbers only, but by design.
    let mut mixed = (transfer as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    marks.0 += 1;
    marks.1 = marks.1.wrapping_add(mixed ^ (mixed >> 31));
}

impl Books {
    pub(super) fn read(db: &mut Reader, audit: &mut Audit, seals: &mut Seals) -> Result<Self, StoreError> {
        let mut books = Self { accounts: Vec::new() };
        let (mut from, mut page) = (Some(FIRST), Vec::new());
        while let Some(first) = from {
            page.clear();
            let end = ACCOUNTS.page(db, first, i64::MAX, 10, &mut page)?;
            let mut rows = Rows(&page);
            while let Some((fields, row)) = rows.fields::<10>() {
                if let Some((id, sealed)) = Rows(row).next(ACCOUNTS.width) {
                    seals.accounts.row(id, sealed);
                    books.add(audit, id, &fields);
                }
            }
            from = end.next();
        }
        audit.accounts = books.accounts.len() as u64;
        books.read_marks(db, audit)?;
        Ok(books)
    }

    fn add(&mut self, audit: &mut Audit, id: i64, fields: &[Field; 10]) {
        let Some(account) = Account::read(id, fields) else {
            audit.accounts += 1;
            return audit.finds(format!("account {id} cannot be read, or has no balance"));
        };
        let owner = match fields[4] {
            Field::Bytes(owner) => Some(owner),
            _ => None,
        };
        let (name, unit) = (
            fields[2].text().unwrap_or_default(),
            fields[3].text().unwrap_or_default(),
        );
        let mut key = [name, "\0", unit, "\0"].concat().into_bytes();
        key.extend_from_slice(owner.unwrap_or_default());
        if key != *account.key || Unit::parse(unit).is_none() {
            audit.finds(format!("account {id} is not found by its name, unit and owner"));
        }
        self.accounts.push(account);
    }

    fn read_marks(&mut self, db: &mut Reader, audit: &mut Audit) -> Result<(), StoreError> {
        let mut last = (FIRST, FIRST);
        loop {
            let (mut count, mut strange) = (0, None);
            db.each(
                "SELECT account, transfer FROM ledger_mark WHERE (account, transfer) > ($1, $2) \
                 ORDER BY account, transfer LIMIT $3",
                params![last.0, last.1, PAGE],
                |cells| {
                    last = (cells.int(0)?, cells.int(1)?);
                    count += 1;
                    match self.of(last.0) {
                        Some(account) => mark(&mut account.marks.stored, last.1),
                        None => strange = Some(last),
                    }
                    Ok(())
                },
            )?;
            if let Some((account, transfer)) = strange {
                audit.finds(format!(
                    "transfer {transfer} is marked for account {account}, which is missing"
                ));
            }
            if count < PAGE {
                return Ok(());
            }
        }
    }

    pub(super) fn of(&mut self, id: i64) -> Option<&mut Account> {
        let place = self.place(id)?;
        self.accounts.get_mut(place)
    }

    pub(super) fn key(&self, id: i64) -> Option<&[u8]> {
        let place = self.place(id)?;
        Some(&self.accounts[place].key)
    }

    fn place(&self, id: i64) -> Option<usize> {
        let likely = usize::try_from(id.wrapping_sub(1)).unwrap_or(usize::MAX);
        match self.accounts.get(likely) {
            Some(account) if account.id == id => Some(likely),
            _ => self.accounts.binary_search_by_key(&id, |account| account.id).ok(),
        }
    }

    /// Compares what is stored with what was re-added.
    pub(super) fn compare(&self, audit: &mut Audit) {
        let mut totals: BTreeMap<&str, i128> = BTreeMap::new();
        for account in &self.accounts {
            let (stored, again) = (&account.stored, &account.again);
            let compared = [
                ("balance", stored.balance, again.balance),
                ("reserve", stored.reserved, again.reserved),
                ("number of moves", stored.moves, again.moves),
                ("last move", stored.last_move, again.last_move),
            ];
            for (what, said, counted) in compared {
                if said != counted {
                    audit.finds(format!(
                        "account {} ({}) gives as its {what} {said}, its transfers give {counted}",
                        account.id,
                        account.name()
                    ));
                }
            }
            if account.marks.stored != account.marks.again {
                audit.finds(format!(
                    "account {} ({}) has {} marks, not the {} that its transfers leave",
                    account.id,
                    account.name(),
                    account.marks.stored.0,
                    account.marks.again.0
                ));
            }
            *totals.entry(account.unit()).or_default() += i128::from(stored.balance);
            if !account.floating {
                *audit.held.entry(account.unit().to_owned()).or_default() += i128::from(stored.balance);
            }
        }
        for (unit, total) in totals {
            if total != 0 {
                audit.finds(format!("all balances in {unit} sum to {total}, not to zero"));
            }
        }
    }
}

impl Account {
    fn read(id: i64, fields: &[Field; 10]) -> Option<Self> {
        let number = |place: usize| fields[place].number();
        Some(Self {
            id,
            key: fields[1].bytes()?.into(),
            floating: number(5)? != 0,
            stored: State {
                balance: number(6)?,
                reserved: number(7)?,
                moves: number(8)?,
                last_move: number(9)?,
            },
            again: State::default(),
            marks: Marks::default(),
        })
    }

    /// The name and the unit stand in the key, each ended by a zero byte.
    fn word(&self, place: usize) -> &str {
        let mut words = self.key.split(|byte| *byte == 0);
        let word = words.nth(place).and_then(|word| std::str::from_utf8(word).ok());
        word.unwrap_or("?")
    }

    pub(super) fn name(&self) -> &str {
        self.word(0)
    }

    pub(super) fn unit(&self) -> &str {
        self.word(1)
    }

    /// Moves it; gives the transfer that did so before.
    pub(super) fn shift(&mut self, amount: i64, transfer: i64) -> i64 {
        let again = &mut self.again;
        again.balance = again.balance.wrapping_add(amount);
        again.moves += 1;
        let before = std::mem::replace(&mut again.last_move, transfer);
        if again.moves % MARK_EVERY == 0 {
            mark(&mut self.marks.again, transfer);
        }
        before
    }
}
