//! Accounts: how features name them, and the rows behind the names.

use busk_base::{Timestamp, Unit};
use busk_store::{Entity, Insert, Row, StoreError, Tx, Type, Update, Value, row};
use uuid::Uuid;

/// Every so many moves of an account, one is marked.
pub(crate) const MARK_EVERY: i64 = 64;

/// An account as a feature names it. It is opened when first used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountRef {
    pub name: &'static str,
    pub unit: Unit,
    pub owner: Option<Uuid>,
    /// Whether it may go below zero.
    pub floating: bool,
}

impl AccountRef {
    /// One of the platform's own accounts, which may not go below zero.
    pub const fn platform(name: &'static str, unit: Unit) -> Self {
        Self {
            name,
            unit,
            owner: None,
            floating: false,
        }
    }

    /// A counterpart of the outside world, which may.
    pub const fn floating(name: &'static str, unit: Unit) -> Self {
        Self {
            name,
            unit,
            owner: None,
            floating: true,
        }
    }

    pub const fn owned(name: &'static str, unit: Unit, owner: Uuid) -> Self {
        Self {
            name,
            unit,
            owner: Some(owner),
            floating: false,
        }
    }

    /// Name, unit and owner, each ended by a zero byte but the owner.
    pub fn key(&self) -> AccountKey {
        let mut key = AccountKey::EMPTY;
        for part in [self.name, self.unit.code()] {
            key.push(part.as_bytes());
            key.push(&[0]);
        }
        if let Some(owner) = self.owner {
            key.push(owner.as_bytes());
        }
        key
    }
}

/// What an account is found by: [`AccountRef::key`]. It needs no heap, since every transfer makes some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountKey {
    bytes: [u8; AccountKey::MAX],
    len: u8,
}

impl AccountKey {
    const MAX: usize = 63;
    const EMPTY: Self = Self {
        bytes: [0; Self::MAX],
        len: 0,
    };

    fn push(&mut self, part: &[u8]) {
        let end = self.as_bytes().len() + part.len();
        assert!(end <= Self::MAX, "an account's name and unit are short words");
        self.bytes[usize::from(self.len)..end].copy_from_slice(part);
        self.len = end as u8;
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl From<AccountKey> for Value {
    fn from(key: AccountKey) -> Self {
        Value::from(key.as_bytes())
    }
}

/// An account as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: i64,
    pub balance: i64,
    /// What pending transfers hold of the balance.
    pub reserved: i64,
    pub floating: bool,
    /// How many transfers moved the balance, and the last of them.
    pub(crate) moves: i64,
    pub(crate) last_move: i64,
}

impl Account {
    pub fn available(&self) -> i64 {
        self.balance - self.reserved
    }

    /// Changes the balance; gives the transfer that did so before, or `None` beyond 64 bits.
    pub(crate) fn shift(&mut self, amount: i64, transfer: i64) -> Option<i64> {
        self.balance = self.balance.checked_add(amount)?;
        self.moves += 1;
        Some(std::mem::replace(&mut self.last_move, transfer))
    }

    /// Whether its last move is one that is marked.
    pub(crate) fn is_at_mark(&self) -> bool {
        self.moves % MARK_EVERY == 0
    }
}

/// Every writer of the ledger updates this row first: at once mutex, id allocator and total order.
pub(crate) const LOCK: &str = "UPDATE ledger_head SET last_posting = last_posting WHERE id = 1";

impl Entity for Account {
    type Key = AccountKey;
    const SELECT: &'static str = "SELECT a.key, a.id, b.balance, b.reserved, b.floating, b.moves, b.last_move \
         FROM ledger_account a JOIN ledger_balance b ON b.account = a.id WHERE a.key";
    const KEY: Type = Type::Blob;
    const LOCK: Option<&'static str> = Some(LOCK);

    fn key(key: &AccountKey) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(AccountKey, Self), StoreError> {
        let account = Account {
            id: row.get(1)?,
            balance: row.get(2)?,
            reserved: row.get(3)?,
            floating: row.get(4)?,
            moves: row.get(5)?,
            last_move: row.get(6)?,
        };
        let bytes: Vec<u8> = row.get(0)?;
        if bytes.len() > AccountKey::MAX {
            return Err(StoreError::Broken("an account's key that is too long".into()));
        }
        let mut key = AccountKey::EMPTY;
        key.push(&bytes);
        Ok((key, account))
    }
}

/// The last numbers given out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) transfer: i64,
    pub(crate) posting: i64,
    account: i64,
    /// The end of the last period that was closed or is being closed: nothing is posted before it.
    pub(crate) sealed_until: Timestamp,
}

impl Entity for Head {
    type Key = i64;
    const SELECT: &'static str =
        "SELECT id, last_transfer, last_posting, last_account, sealed_until FROM ledger_head WHERE id";
    const KEY: Type = Type::Int;
    const LOCK: Option<&'static str> = Some(LOCK);

    fn key(key: &i64) -> Value {
        Value::Int(*key)
    }

    fn read(row: &Row) -> Result<(i64, Self), StoreError> {
        let head = Head {
            transfer: row.get(1)?,
            posting: row.get(2)?,
            account: row.get(3)?,
            sealed_until: row.get(4)?,
        };
        Ok((row.get(0)?, head))
    }
}

static HEAD: Update = Update {
    table: "ledger_head",
    columns: &[
        ("id", Type::Int),
        ("last_transfer", Type::Int),
        ("last_posting", Type::Int),
        ("last_account", Type::Int),
        ("sealed_until", Type::Int),
    ],
};

static OPEN: Insert = Insert {
    table: "ledger_account",
    columns: &[
        ("id", Type::Int),
        ("key", Type::Blob),
        ("name", Type::Text),
        ("unit", Type::Text),
        ("owner", Type::Blob),
    ],
};

static OPEN_BALANCE: Insert = Insert {
    table: "ledger_balance",
    columns: &[
        ("account", Type::Int),
        ("floating", Type::Bool),
        ("balance", Type::Int),
        ("reserved", Type::Int),
        ("moves", Type::Int),
        ("last_move", Type::Int),
    ],
};

static BALANCE: Update = Update {
    table: "ledger_balance",
    columns: &[
        ("account", Type::Int),
        ("balance", Type::Int),
        ("reserved", Type::Int),
        ("moves", Type::Int),
        ("last_move", Type::Int),
    ],
};

static MARK: Insert = Insert {
    table: "ledger_mark",
    columns: &[("account", Type::Int), ("transfer", Type::Int)],
};

impl Head {
    pub(crate) const KEY: i64 = 1;

    pub(crate) fn find(tx: &mut Tx) -> Result<Self, StoreError> {
        tx.find::<Head>(&Self::KEY)?
            .ok_or_else(|| StoreError::Broken("the ledger's head row is missing".into()))
    }

    pub(crate) fn save(self, tx: &mut Tx) {
        tx.put::<Head>(Self::KEY, self);
        let Head {
            transfer,
            posting,
            account,
            sealed_until,
        } = self;
        tx.update(&HEAD, row![Self::KEY, transfer, posting, account, sealed_until]);
    }

    /// Opens an account with nothing in it; gives its id.
    pub(crate) fn open(&mut self, tx: &mut Tx, account: &AccountRef) -> i64 {
        self.account += 1;
        let AccountRef {
            name,
            unit,
            owner,
            floating,
        } = *account;
        tx.insert(&OPEN, row![self.account, account.key(), name, unit, owner]);
        tx.insert(&OPEN_BALANCE, row![self.account, floating, 0, 0, 0, 0]);
        self.account
    }
}

impl Account {
    pub(crate) fn save(self, tx: &mut Tx, key: AccountKey) {
        tx.put::<Account>(key, self);
        tx.update(
            &BALANCE,
            row![self.id, self.balance, self.reserved, self.moves, self.last_move],
        );
    }

    pub(crate) fn mark(id: i64, transfer: i64, tx: &mut Tx) {
        tx.insert(&MARK, row![id, transfer]);
    }
}
