//! The rows that are sealed, in the form in which they are hashed.
//!
//! A row is its columns in the order of its table's statement below. A column is one byte for what it holds
//! (0 nothing, 1 a number, 2 text, 3 bytes), then a number as eight bytes, the highest first, or a length as
//! eight bytes and what is so long. A truth value is the number 0 or 1. The audit reads rows from this form,
//! so that it hashes exactly what it re-adds.

use busk_store::{Cell, Cells, Reader, StoreError, params};

/// A table of which rows are sealed. Its first column is its key, a number.
pub(crate) struct Table {
    /// One row of it, in a finding.
    pub(crate) word: &'static str,
    /// How many columns are sealed.
    pub(crate) width: usize,
    /// Rows from key $1 up to $2, by key, $3 at most; further columns may follow the sealed ones.
    pub(crate) select: &'static str,
}

pub(crate) static POLICIES: Table = Table {
    word: "policy",
    width: 3,
    select: "SELECT version, starts_at, body FROM ledger_policy \
             WHERE version >= $1 AND version <= $2 ORDER BY version LIMIT $3",
};

/// What an account has changes and is not sealed; what it is stays.
pub(crate) static ACCOUNTS: Table = Table {
    word: "account",
    width: 6,
    select: "SELECT a.id, a.key, a.name, a.unit, a.owner, b.floating, \
             b.balance, b.reserved, b.moves, b.last_move \
             FROM ledger_account a LEFT JOIN ledger_balance b ON b.account = a.id \
             WHERE a.id >= $1 AND a.id <= $2 ORDER BY a.id LIMIT $3",
};

pub(crate) static POSTINGS: Table = Table {
    word: "posting",
    width: 10,
    select: "SELECT number, id, at, policy, cause, cause_id, corrects, digest, first_transfer, last_transfer \
             FROM ledger_posting WHERE number >= $1 AND number <= $2 ORDER BY number LIMIT $3",
};

pub(crate) static TRANSFERS: Table = Table {
    word: "transfer",
    width: 12,
    select: "SELECT id, posting, kind, debit, credit, amount, debit_balance, credit_balance, \
             debit_before, credit_before, reserved, expires_at \
             FROM ledger_transfer WHERE id >= $1 AND id <= $2 ORDER BY id LIMIT $3",
};

/// Sealed with the transfer that resolves, whose number is the second column and is what sums weigh and findings
/// name; read by key all the same.
pub(crate) static RESOLUTIONS: Table = Table {
    word: "resolution by transfer",
    width: 2,
    select: "SELECT r.pending, r.transfer, t.kind, t.reserved \
             FROM ledger_resolution r LEFT JOIN ledger_transfer t ON t.id = r.transfer \
             WHERE r.pending >= $1 AND r.pending <= $2 ORDER BY r.pending LIMIT $3",
};

/// Rows read at once.
pub(crate) const PAGE: i64 = 16_384;

/// Where a page of rows ended.
#[derive(Clone, Copy)]
pub(crate) struct End {
    /// Whether there may be more.
    pub(crate) more: bool,
    /// The last key, if it has rows.
    pub(crate) last: Option<i64>,
    /// Where the last row begins in the bytes.
    pub(crate) row: usize,
}

impl End {
    /// Where the next page begins, if there may be one.
    pub(crate) fn next(&self) -> Option<i64> {
        let last = self.last.filter(|_| self.more)?;
        last.checked_add(1)
    }
}

/// Rows of every key, also of such as the program gives to none.
pub(crate) const FIRST: i64 = i64::MIN;

impl Table {
    /// Reads the next rows from key `from` on, as many as a page has, into `rows`, at most to key `upto`.
    pub(crate) fn page(
        &self,
        db: &mut Reader,
        from: i64,
        upto: i64,
        columns: usize,
        rows: &mut Vec<u8>,
    ) -> Result<End, StoreError> {
        let (mut count, mut last, mut at) = (0, None, 0);
        db.each(self.select, params![from, upto, PAGE], |cells| {
            (last, at) = (Some(cells.int(0)?), rows.len());
            count += 1;
            write(cells, columns, rows);
            Ok(())
        })?;
        Ok(End {
            more: count == PAGE,
            last,
            row: at,
        })
    }

    /// Hands every row from key `from` to `upto` to `f`, with its key and its sealed columns.
    pub(crate) fn rows(
        &self,
        db: &mut Reader,
        from: i64,
        upto: i64,
        mut f: impl FnMut(i64, &[u8]),
    ) -> Result<(), StoreError> {
        let (mut from, mut page) = (Some(from), Vec::new());
        while let Some(first) = from {
            page.clear();
            let end = self.page(db, first, upto, self.width, &mut page)?;
            let mut rows = Rows(&page);
            while let Some((key, row)) = rows.next(self.width) {
                f(key, row);
            }
            from = end.next();
        }
        Ok(())
    }
}

const NOTHING: u8 = 0;
const NUMBER: u8 = 1;
const TEXT: u8 = 2;
const BYTES: u8 = 3;
/// No row that the program wrote has such a column.
const UNREADABLE: u8 = 4;

fn write(cells: &Cells, columns: usize, out: &mut Vec<u8>) {
    let long = |kind: u8, bytes: &[u8], out: &mut Vec<u8>| {
        out.push(kind);
        out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        out.extend_from_slice(bytes);
    };
    for column in 0..columns {
        match cells.cell(column) {
            Ok(Cell::Null) => out.push(NOTHING),
            Ok(Cell::Int(number)) => {
                let mut field = [NUMBER; 9];
                field[1..].copy_from_slice(&number.to_be_bytes());
                out.extend_from_slice(&field);
            }
            Ok(Cell::Bool(truth)) => {
                out.push(NUMBER);
                out.extend_from_slice(&i64::from(truth).to_be_bytes());
            }
            Ok(Cell::Text(text)) => long(TEXT, text.as_bytes(), out),
            Ok(Cell::Blob(bytes)) => long(BYTES, bytes, out),
            Err(_) => out.push(UNREADABLE),
        }
    }
}

/// Rows in this form, one after the other.
pub(crate) struct Rows<'a>(pub(crate) &'a [u8]);

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Nothing,
    Number(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Unreadable,
}

impl<'a> Rows<'a> {
    /// The next row of so many columns: its key, and all of it.
    pub(crate) fn next(&mut self, width: usize) -> Option<(i64, &'a [u8])> {
        let whole = self.0;
        let Field::Number(key) = self.field()? else {
            return None;
        };
        for _ in 1..width {
            self.field()?;
        }
        Some((key, &whole[..whole.len() - self.0.len()]))
    }

    /// The next row's columns, and all of it.
    pub(crate) fn fields<const N: usize>(&mut self) -> Option<([Field<'a>; N], &'a [u8])> {
        let whole = self.0;
        let mut fields = [Field::Nothing; N];
        for field in &mut fields {
            *field = self.field()?;
        }
        Some((fields, &whole[..whole.len() - self.0.len()]))
    }

    fn field(&mut self) -> Option<Field<'a>> {
        let (kind, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(match *kind {
            NOTHING => Field::Nothing,
            NUMBER => Field::Number(self.number()?),
            TEXT => std::str::from_utf8(self.long()?).map_or(Field::Unreadable, Field::Text),
            BYTES => Field::Bytes(self.long()?),
            _ => Field::Unreadable,
        })
    }

    fn number(&mut self) -> Option<i64> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(i64::from_be_bytes(*number))
    }

    fn long(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

impl<'a> Field<'a> {
    pub(crate) fn number(self) -> Option<i64> {
        match self {
            Field::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn number_or_nothing(self) -> Option<Option<i64>> {
        match self {
            Field::Nothing => Some(None),
            Field::Number(number) => Some(Some(number)),
            _ => None,
        }
    }

    pub(crate) fn text(self) -> Option<&'a str> {
        match self {
            Field::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Field::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// A transfer as it is stored.
#[derive(Clone, Copy)]
pub(crate) struct Transfer {
    pub(crate) id: i64,
    pub(crate) posting: i64,
    pub(crate) kind: i64,
    pub(crate) debit: i64,
    pub(crate) credit: i64,
    pub(crate) amount: i64,
    pub(crate) balances: [i64; 2],
    pub(crate) before: [i64; 2],
    pub(crate) reserved: Option<i64>,
    pub(crate) expires_at: Option<i64>,
}

impl Transfer {
    pub(crate) fn read(fields: &[Field; 12]) -> Option<Self> {
        let number = |place: usize| fields[place].number();
        Some(Self {
            id: number(0)?,
            posting: number(1)?,
            kind: number(2)?,
            debit: number(3)?,
            credit: number(4)?,
            amount: number(5)?,
            balances: [number(6)?, number(7)?],
            before: [number(8)?, number(9)?],
            reserved: fields[10].number_or_nothing()?,
            expires_at: fields[11].number_or_nothing()?,
        })
    }
}

/// A posting as it is stored.
pub(crate) struct Posting<'a> {
    pub(crate) id: [u8; 16],
    pub(crate) at: i64,
    pub(crate) policy: i64,
    pub(crate) cause: &'a str,
    pub(crate) cause_id: [u8; 16],
    pub(crate) corrects: Option<[u8; 16]>,
    pub(crate) digest: [u8; 32],
    pub(crate) transfers: (i64, i64),
}

impl<'a> Posting<'a> {
    pub(crate) fn read(fields: &[Field<'a>; 10]) -> Option<Self> {
        let id = |place: usize| fields[place].bytes()?.try_into().ok();
        fields[0].number()?;
        Some(Self {
            id: id(1)?,
            at: fields[2].number()?,
            policy: fields[3].number()?,
            cause: fields[4].text()?,
            cause_id: id(5)?,
            corrects: match fields[6] {
                Field::Nothing => None,
                _ => Some(id(6)?),
            },
            digest: fields[7].bytes()?.try_into().ok()?,
            transfers: (fields[8].number()?, fields[9].number()?),
        })
    }
}
