//! Accounts: how features name them, and the rows behind the names.

use busk_base::Unit;
use busk_store::{Entity, Insert, Row, StoreError, Tx, Type, Update, Value, row};
use uuid::Uuid;

/// Accounts with an owner have ids above this.
pub(crate) const OWNED_FROM: i64 = 1_000;

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
    pub fn key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(48);
        for part in [self.name, self.unit.code()] {
            key.extend_from_slice(part.as_bytes());
            key.push(0);
        }
        if let Some(owner) = self.owner {
            key.extend_from_slice(owner.as_bytes());
        }
        key
    }
}

/// An account's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: i64,
    pub balance: i64,
    /// What pending transfers hold of the balance.
    pub reserved: i64,
    pub floating: bool,
}

impl Account {
    pub fn available(&self) -> i64 {
        self.balance - self.reserved
    }
}

/// Every writer of the ledger updates this row first: at once mutex, id allocator and total order.
pub(crate) const LOCK: &str = "UPDATE ledger_head SET last_posting = last_posting WHERE id = 1";

impl Entity for Account {
    type Key = Vec<u8>;
    const SELECT: &'static str = "SELECT key, id, balance, reserved, floating FROM ledger_account WHERE key";
    const KEY: Type = Type::Blob;
    const LOCK: Option<&'static str> = Some(LOCK);

    fn key(key: &Vec<u8>) -> Value {
        Value::Blob(key.clone())
    }

    fn read(row: &Row) -> Result<(Vec<u8>, Self), StoreError> {
        let account = Account {
            id: row.get(1)?,
            balance: row.get(2)?,
            reserved: row.get(3)?,
            floating: row.get(4)?,
        };
        Ok((row.get(0)?, account))
    }
}

/// The last numbers given out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) transfer: i64,
    pub(crate) posting: i64,
    account: i64,
    owned_account: i64,
}

impl Entity for Head {
    type Key = i64;
    const SELECT: &'static str = "SELECT id, last_transfer, last_posting, last_account, last_owned_account \
         FROM ledger_head WHERE id";
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
            owned_account: row.get(4)?,
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
        ("last_owned_account", Type::Int),
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
        ("floating", Type::Bool),
        ("balance", Type::Int),
        ("reserved", Type::Int),
    ],
};

static BALANCE: Update = Update {
    table: "ledger_account",
    columns: &[("id", Type::Int), ("balance", Type::Int), ("reserved", Type::Int)],
};

impl Head {
    pub(crate) const KEY: i64 = 1;

    pub(crate) fn find(tx: &mut Tx) -> Result<Self, StoreError> {
        tx.find::<Head>(&Self::KEY)?
            .ok_or_else(|| StoreError::Broken("the ledger's head row is missing".into()))
    }

    pub(crate) fn save(self, tx: &mut Tx) {
        tx.put::<Head>(Self::KEY, self);
        tx.update(
            &HEAD,
            row![
                Self::KEY,
                self.transfer,
                self.posting,
                self.account,
                self.owned_account
            ],
        );
    }

    /// Opens an account with nothing in it.
    pub(crate) fn open(&mut self, tx: &mut Tx, account: &AccountRef, key: Vec<u8>) -> Account {
        let id = match account.owner {
            Some(_) => &mut self.owned_account,
            None => &mut self.account,
        };
        *id += 1;
        let opened = Account {
            id: *id,
            balance: 0,
            reserved: 0,
            floating: account.floating,
        };
        assert!(
            account.owner.is_some() || opened.id <= OWNED_FROM,
            "the platform has few accounts"
        );
        tx.insert(
            &OPEN,
            row![
                *id,
                key.clone(),
                account.name,
                account.unit,
                account.owner,
                account.floating,
                0,
                0
            ],
        );
        tx.put::<Account>(key, opened);
        opened
    }
}

impl Account {
    pub(crate) fn save(self, tx: &mut Tx, key: Vec<u8>) {
        tx.put::<Account>(key, self);
        tx.update(&BALANCE, row![self.id, self.balance, self.reserved]);
    }
}
