//! Posting: the one way to move anything. Read `post` downward.
//!
//! Invariant: of every unit, all balances sum to zero; an account that may not float never has less
//! than its reserve; nothing is dated inside a period that is sealed.

use busk_base::{PolicyVersion, PostingId, Timestamp};
use busk_store::{Ahead, Entity, Insert, Row, StoreError, Tx, Type, Value, row};

use crate::account::{AccountKey, Head};
use crate::posting::{Fingerprint, kind};
use crate::{Account, AccountRef, Leg, Posting, TransferId};

/// A posting has at most this many legs.
pub const LEGS_MAX: usize = 64;

/// Why nothing was posted, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PostError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another posting")]
    IdReused(PostingId),
    #[error("a posting has 1 to {LEGS_MAX} transfers of positive amounts between two accounts of one unit")]
    Malformed,
    #[error("there is no such pending transfer between these accounts")]
    PendingUnknown,
    #[error("the pending transfer was settled or released already")]
    PendingResolved,
    #[error("the pending transfer has expired")]
    PendingExpired,
    #[error("more than was reserved")]
    PendingExceeded,
    #[error("the account {} has too little", .0.name)]
    InsufficientFunds(AccountRef),
    #[error("a balance would leave the range of 64 bits")]
    Overflow,
}

/// The answer to a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The posting's number, in commit order.
    pub number: i64,
    /// The number of its first transfer; further ones follow without a gap.
    pub first: TransferId,
    /// Whether it had been posted before.
    pub again: bool,
}

/// Names the rows that posting will want.
pub fn ahead(ahead: &mut Ahead, id: PostingId, accounts: &[AccountRef]) {
    ahead.want::<Head>(Head::KEY);
    ahead.want::<Past>(id);
    for account in accounts {
        ahead.want::<Account>(account.key());
    }
}

/// Posts all legs or none.
pub fn post(tx: &mut Tx, posting: &Posting, now: Timestamp) -> Result<Posted, PostError> {
    let digest = fingerprint(posting);
    // First, so that a retry beats every later refusal.
    if let Some(past) = tx.find::<Past>(&posting.id)? {
        return if past.digest == digest {
            Ok(Posted {
                number: past.number,
                first: TransferId(past.first),
                again: true,
            })
        } else {
            Err(PostError::IdReused(posting.id))
        };
    }
    well_formed(posting)?;
    let mut head = Head::find(tx)?;
    let first = head.transfer + 1;
    let mut moved = Moved::default();
    for (leg, id) in posting.legs.iter().zip(first..) {
        moved.apply(tx, leg, id, now)?;
    }

    // After this line nothing refuses.
    head.posting += 1;
    moved.open(tx, &mut head);
    for (leg, applied) in posting.legs.iter().zip(&moved.legs) {
        head.transfer += 1;
        write_leg(tx, leg, applied, &moved, head.transfer, head.posting);
    }
    moved.save(tx);
    let past = Past {
        number: head.posting,
        digest,
        first,
    };
    // A clock that lags behind the one that closed a period posts at that period's end.
    write_posting(tx, posting, past, head.transfer, now.max(head.sealed_until));
    head.save(tx);
    Ok(Posted {
        number: head.posting,
        first: TransferId(first),
        again: false,
    })
}

/// What an account has now, as this transaction sees it; zero when it was never used.
pub fn balance(tx: &mut Tx, account: &AccountRef) -> Result<i64, StoreError> {
    Ok(tx
        .find::<Account>(&account.key())?
        .map_or(0, |account| account.available()))
}

fn well_formed(posting: &Posting) -> Result<(), PostError> {
    if posting.legs.is_empty() || posting.legs.len() > LEGS_MAX {
        return Err(PostError::Malformed);
    }
    for leg in &posting.legs {
        let (debit, credit) = leg.accounts();
        let amount = leg.amount();
        if debit.unit != credit.unit
            || debit.key() == credit.key()
            || amount.is_some_and(|amount| amount.value <= 0 || amount.unit != debit.unit)
        {
            return Err(PostError::Malformed);
        }
    }
    Ok(())
}

/// The accounts of one posting, as they become leg by leg.
#[derive(Default)]
struct Moved {
    accounts: Vec<Touched>,
    legs: Vec<Applied>,
    freed: Vec<(TransferId, Pending)>,
}

struct Touched {
    name: AccountRef,
    key: AccountKey,
    account: Account,
    opened: bool,
}

/// A leg's outcome: what became of both accounts, and the amount.
struct Applied {
    debit: SideOf,
    credit: SideOf,
    amount: i64,
}

/// What a leg made of one account.
struct SideOf {
    /// Its place in [`Moved`].
    place: usize,
    balance: i64,
    /// The transfer that moved it before; 0 when none did, or when this one does not.
    before: i64,
    marked: bool,
}

impl Moved {
    fn touch(&mut self, tx: &mut Tx, name: &AccountRef) -> Result<usize, StoreError> {
        if let Some(place) = self.accounts.iter().position(|touched| touched.name == *name) {
            return Ok(place);
        }
        let key = name.key();
        let found = tx.find::<Account>(&key)?;
        let new = Account {
            id: 0,
            balance: 0,
            reserved: 0,
            floating: name.floating,
            moves: 0,
            last_move: 0,
        };
        let opened = found.is_none();
        self.accounts.push(Touched {
            name: *name,
            key,
            account: found.unwrap_or(new),
            opened,
        });
        Ok(self.accounts.len() - 1)
    }

    fn apply(&mut self, tx: &mut Tx, leg: &Leg, id: i64, now: Timestamp) -> Result<(), PostError> {
        let (debit, credit) = leg.accounts();
        let (debit, credit) = (self.touch(tx, debit)?, self.touch(tx, credit)?);
        let amount = match leg {
            Leg::Move { amount, .. } => amount.value,
            Leg::Reserve { amount, .. } => {
                let account = &mut self.accounts[debit].account;
                account.reserved = account
                    .reserved
                    .checked_add(amount.value)
                    .ok_or(PostError::Overflow)?;
                amount.value
            }
            Leg::Settle { reserved, amount, .. } => {
                let pending = self.free(tx, *reserved, debit, credit)?;
                if pending.expires_at <= now {
                    return Err(PostError::PendingExpired);
                }
                if amount.value > pending.amount {
                    return Err(PostError::PendingExceeded);
                }
                amount.value
            }
            Leg::Release { reserved, .. } => self.free(tx, *reserved, debit, credit)?.amount,
        };
        let moves = matches!(leg, Leg::Move { .. } | Leg::Settle { .. });
        let debit = self.side(debit, moves.then_some(-amount), id)?;
        let credit = self.side(credit, moves.then_some(amount), id)?;
        let Touched { account, name, .. } = &self.accounts[debit.place];
        if !account.floating && account.available() < 0 {
            return Err(PostError::InsufficientFunds(*name));
        }
        self.legs.push(Applied {
            debit,
            credit,
            amount,
        });
        Ok(())
    }

    /// One side of a leg, which moves the account or leaves it as it is.
    fn side(&mut self, place: usize, amount: Option<i64>, id: i64) -> Result<SideOf, PostError> {
        let account = &mut self.accounts[place].account;
        let before = match amount {
            Some(amount) => account.shift(amount, id).ok_or(PostError::Overflow)?,
            None => 0,
        };
        Ok(SideOf {
            place,
            balance: account.balance,
            before,
            marked: amount.is_some() && account.is_at_mark(),
        })
    }

    /// Takes a pending transfer's amount off the reserve.
    fn free(
        &mut self,
        tx: &mut Tx,
        id: TransferId,
        debit: usize,
        credit: usize,
    ) -> Result<Pending, PostError> {
        let pending = tx.find::<Pending>(&id.0)?.ok_or(PostError::PendingUnknown)?;
        let same = |place: usize, id: i64| self.accounts[place].account.id == id;
        if !same(debit, pending.debit) || !same(credit, pending.credit) {
            return Err(PostError::PendingUnknown);
        }
        if pending.resolved || self.freed.iter().any(|(freed, _)| *freed == id) {
            return Err(PostError::PendingResolved);
        }
        self.freed.push((id, pending));
        self.accounts[debit].account.reserved -= pending.amount;
        Ok(pending)
    }

    fn open(&mut self, tx: &mut Tx, head: &mut Head) {
        for touched in self.accounts.iter_mut().filter(|touched| touched.opened) {
            touched.account.id = head.open(tx, &touched.name);
        }
    }

    fn save(self, tx: &mut Tx) {
        for (id, pending) in self.freed {
            tx.put::<Pending>(
                id.0,
                Pending {
                    resolved: true,
                    ..pending
                },
            );
        }
        for touched in self.accounts {
            touched.account.save(tx, touched.key);
        }
    }
}

static TRANSFER: Insert = Insert {
    table: "ledger_transfer",
    columns: &[
        ("id", Type::Int),
        ("posting", Type::Int),
        ("kind", Type::Int),
        ("debit", Type::Int),
        ("credit", Type::Int),
        ("amount", Type::Int),
        ("debit_balance", Type::Int),
        ("credit_balance", Type::Int),
        ("debit_before", Type::Int),
        ("credit_before", Type::Int),
        ("reserved", Type::Int),
        ("expires_at", Type::Int),
    ],
};

static RESOLUTION: Insert = Insert {
    table: "ledger_resolution",
    columns: &[("pending", Type::Int), ("transfer", Type::Int)],
};

static POSTING: Insert = Insert {
    table: "ledger_posting",
    columns: &[
        ("number", Type::Int),
        ("id", Type::Blob),
        ("at", Type::Int),
        ("policy", Type::Int),
        ("cause", Type::Text),
        ("cause_id", Type::Blob),
        ("corrects", Type::Blob),
        ("digest", Type::Blob),
        ("first_transfer", Type::Int),
        ("last_transfer", Type::Int),
    ],
};

fn write_leg(tx: &mut Tx, leg: &Leg, applied: &Applied, moved: &Moved, id: i64, posting: i64) {
    let account = |side: &SideOf| moved.accounts[side.place].account.id;
    let (debit, credit) = (account(&applied.debit), account(&applied.credit));
    let reserved = leg.reserved().map(|id| id.0);
    let expires_at = match leg {
        Leg::Reserve { expires_at, .. } => Some(*expires_at),
        _ => None,
    };
    tx.insert(
        &TRANSFER,
        row![
            id,
            posting,
            leg.kind(),
            debit,
            credit,
            applied.amount,
            applied.debit.balance,
            applied.credit.balance,
            applied.debit.before,
            applied.credit.before,
            reserved,
            expires_at
        ],
    );
    for side in [&applied.debit, &applied.credit] {
        if side.marked {
            Account::mark(account(side), id, tx);
        }
    }
    if let Some(pending) = reserved {
        tx.insert(&RESOLUTION, row![pending, id]);
    }
    if let Some(expires_at) = expires_at {
        let pending = Pending {
            debit,
            credit,
            amount: applied.amount,
            expires_at,
            resolved: false,
        };
        tx.put::<Pending>(id, pending);
    }
}

fn write_posting(tx: &mut Tx, posting: &Posting, past: Past, last: i64, at: Timestamp) {
    let Posting {
        id,
        cause,
        policy,
        corrects,
        ..
    } = posting;
    tx.insert(
        &POSTING,
        row![
            past.number,
            *id,
            at,
            *policy,
            cause.kind,
            cause.id,
            *corrects,
            past.digest.to_vec(),
            past.first,
            last
        ],
    );
    tx.put::<Past>(*id, past);
}

fn fingerprint(posting: &Posting) -> [u8; 32] {
    let Posting {
        id,
        cause,
        policy,
        corrects,
        legs,
    } = posting;
    let mut print = Fingerprint::new(*id, cause.kind, cause.id, PolicyVersion(policy.0), *corrects);
    for leg in legs {
        let (debit, credit) = leg.accounts();
        let amount = leg.amount().map_or(0, |amount| amount.value);
        print.leg(
            leg.kind(),
            debit.key().as_bytes(),
            credit.key().as_bytes(),
            amount,
            leg.reserved().map_or(0, |id| id.0),
        );
    }
    print.finish()
}

/// A posting that was made before.
#[derive(Clone, Copy)]
struct Past {
    number: i64,
    digest: [u8; 32],
    first: i64,
}

impl Entity for Past {
    type Key = PostingId;
    const SELECT: &'static str = "SELECT id, number, digest, first_transfer FROM ledger_posting WHERE id";
    const KEY: Type = Type::Blob;
    const LOCK: Option<&'static str> = Some(crate::account::LOCK);

    fn key(key: &PostingId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(PostingId, Self), StoreError> {
        let digest: Vec<u8> = row.get(2)?;
        let digest = digest
            .try_into()
            .map_err(|_| StoreError::Broken("a digest that is not SHA-256".into()))?;
        Ok((
            row.get(0)?,
            Past {
                number: row.get(1)?,
                digest,
                first: row.get(3)?,
            },
        ))
    }
}

/// A pending transfer.
#[derive(Clone, Copy)]
struct Pending {
    debit: i64,
    credit: i64,
    amount: i64,
    expires_at: Timestamp,
    resolved: bool,
}

impl Entity for Pending {
    type Key = i64;
    const SELECT: &'static str = "SELECT t.id, t.debit, t.credit, t.amount, t.expires_at, r.transfer \
         FROM ledger_transfer t LEFT JOIN ledger_resolution r ON r.pending = t.id \
         WHERE t.kind = 1 AND t.id";
    const KEY: Type = Type::Int;

    fn key(key: &i64) -> Value {
        Value::Int(*key)
    }

    fn read(row: &Row) -> Result<(i64, Self), StoreError> {
        let pending = Pending {
            debit: row.get(1)?,
            credit: row.get(2)?,
            amount: row.get(3)?,
            expires_at: row.get(4)?,
            resolved: row.get::<Option<i64>>(5)?.is_some(),
        };
        Ok((row.get(0)?, pending))
    }
}

const _: () = assert!(kind::RESERVE == 1, "Pending's statement names the kind by number");
