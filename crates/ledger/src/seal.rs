//! Seals: what has been in the books until the end of a period is put under a hash, and no later change of it
//! goes unseen.
//!
//! A close has three steps, so that nobody waits for it: [`begin`] bars the period (from then on nothing is
//! posted before its end), [`draw`] reads its rows and hashes them beside the writer, [`keep`] adds the seal.
//! Each may be done again, also by another process: the rows are the same, so the seal is.
//!
//! A seal's hash is SHA-256 of, in this order: `busk-seal-1` and a line feed; the hash of the seal before it
//! (32 zero bytes for the first); its number, its end in microseconds since 1970, the last policy, account,
//! posting and transfer that it seals and the number of its resolutions, each as eight bytes, the highest first;
//! its [sums](sums); and SHA-256 of the rows of each of the five tables (policies, accounts, postings, transfers,
//! resolutions) in the form that `form.rs` gives, by key, from the row after the last of the seal before.
//!
//! Invariant: every posting up to the seal's last was sealed with it or before, and every later one is dated at
//! its end or after.

pub mod anchor;
pub(crate) mod sums;

use busk_base::Timestamp;
use busk_store::{Insert, Read, Reader, Row, StoreError, Tx, Type, params, row};
use sha2::{Digest, Sha256};

use crate::account::Head;
use crate::form::{ACCOUNTS, FIRST, POLICIES, POSTINGS, RESOLUTIONS, TRANSFERS, Table};
use sums::Sums;

/// One closed period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// From 1, without a gap.
    pub number: i64,
    /// The period's end: the first moment that is not in it.
    pub until: Timestamp,
    pub through: Through,
    /// How many pending transfers were resolved in it.
    pub resolutions: i64,
    /// By which a row that was changed is found, a pair for each table.
    pub(crate) sums: [Sums; 5],
    pub hash: Hash,
}

/// The last row of each table that is sealed; 0 when there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Through {
    pub policy: i64,
    pub account: i64,
    pub posting: i64,
    pub transfer: i64,
}

/// SHA-256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hash(pub [u8; 32]);

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a period cannot be closed, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CloseError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the period is not over")]
    NotOver,
}

/// The end of the next month to be closed, when it is over: of the month after the last seal's, else of the
/// first posting's.
pub fn due(db: &mut impl Read, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let row = db.row(
        "SELECT COALESCE((SELECT MAX(until) FROM ledger_seal), (SELECT MIN(at) FROM ledger_posting))",
        &[],
    )?;
    let from: Option<Timestamp> = row.map_or(Ok(None), |row| row.get(0))?;
    let end = from.and_then(Timestamp::next_month);
    Ok(end.filter(|end| *end <= now))
}

/// Bars the time before `until`: what is posted from now on is dated `until` or later.
pub fn begin(tx: &mut Tx, until: Timestamp, now: Timestamp) -> Result<(), CloseError> {
    if until > now {
        return Err(CloseError::NotOver);
    }
    let mut head = Head::find(tx)?;
    if head.sealed_until < until {
        head.sealed_until = until;
        head.save(tx);
    }
    Ok(())
}

/// Makes the seal of the period that ends at `until`, which was begun. `None` when there is a seal of it, or of a
/// later one.
pub fn draw(db: &mut Reader, until: Timestamp) -> Result<Option<Seal>, StoreError> {
    let last = last(db)?;
    if last.as_ref().is_some_and(|last| last.until >= until) {
        return Ok(None);
    }
    let (from, previous) = last
        .as_ref()
        .map_or_else(Default::default, |last| (last.through, last.hash));
    let (posting, transfer) = last_rows(db, from, until)?;
    // Accounts have their numbers in the order in which transfers first name them.
    let (mut account, mut policy) = (from.account, from.policy);
    let mut drawn = Drawn::default();
    let numbers = |row: &[u8], places: [usize; 2]| {
        let mut rows = crate::form::Rows(row);
        let fields = rows.fields::<5>().map(|(fields, _)| fields);
        let [a, b] = places.map(|place| fields.and_then(|fields| fields[place].number()));
        a.unwrap_or(0).max(b.unwrap_or(0))
    };
    let postings = drawn.rows(db, &POSTINGS, from.posting + 1, posting, |row| {
        policy = policy.max(numbers(row, [3, 3]));
    })?;
    let transfers = drawn.rows(db, &TRANSFERS, from.transfer + 1, transfer, |row| {
        account = account.max(numbers(row, [3, 4]));
    })?;
    let policies = drawn.rows(db, &POLICIES, from.policy + 1, policy, |_| ())?;
    let accounts = drawn.rows(db, &ACCOUNTS, from.account + 1, account, |_| ())?;
    let resolved = drawn.resolutions(db, from.transfer, transfer)?;
    let mut seal = Seal {
        number: last.map_or(1, |last| last.number + 1),
        until,
        through: Through {
            policy,
            account,
            posting,
            transfer,
        },
        resolutions: drawn.resolutions,
        sums: [policies.1, accounts.1, postings.1, transfers.1, resolved.1],
        hash: Hash::default(),
    };
    seal.hash = seal.hash_of(
        previous,
        &[policies.0, accounts.0, postings.0, transfers.0, resolved.0],
    );
    Ok(Some(seal))
}

/// The last posting dated before `until`, and its last transfer.
fn last_rows(db: &mut Reader, from: Through, until: Timestamp) -> Result<(i64, i64), StoreError> {
    let row = db.row(
        "SELECT number, last_transfer FROM ledger_posting WHERE at < $1 AND number > $2 \
         ORDER BY number DESC LIMIT 1",
        params![until, from.posting],
    )?;
    row.map_or(Ok((from.posting, from.transfer)), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

#[derive(Default)]
struct Drawn {
    resolutions: i64,
}

impl Drawn {
    fn rows(
        &mut self,
        db: &mut Reader,
        table: &Table,
        from: i64,
        upto: i64,
        mut see: impl FnMut(&[u8]),
    ) -> Result<(Hash, Sums), StoreError> {
        let (mut hash, mut sums) = (Sha256::new(), Sums::default());
        table.rows(db, from, upto, |key, row| {
            hash.update(row);
            sums.add(key, row);
            see(row);
        })?;
        Ok((Hash(hash.finalize().into()), sums))
    }

    /// Those that transfers after `after` and up to `upto` made.
    fn resolutions(&mut self, db: &mut Reader, after: i64, upto: i64) -> Result<(Hash, Sums), StoreError> {
        let (mut hash, mut sums) = (Sha256::new(), Sums::default());
        RESOLUTIONS.rows(db, FIRST, i64::MAX, |_, row| {
            let transfer = resolving(row);
            if (after + 1..=upto).contains(&transfer) {
                self.resolutions += 1;
                hash.update(row);
                sums.add(transfer, row);
            }
        })?;
        Ok((Hash(hash.finalize().into()), sums))
    }
}

/// The transfer that a resolution's row names; 0 when it cannot be read.
pub(crate) fn resolving(row: &[u8]) -> i64 {
    let fields = crate::form::Rows(row).fields::<2>();
    fields.and_then(|(fields, _)| fields[1].number()).unwrap_or(0)
}

/// Adds a seal that was drawn; false when it was there already.
pub fn keep(tx: &mut Tx, seal: &Seal) -> Result<bool, StoreError> {
    // Held by whoever changes the ledger, so that two who close at once come one after the other.
    Head::find(tx)?;
    let past = tx.row(
        "SELECT hash FROM ledger_seal WHERE number = $1",
        params![seal.number],
    )?;
    if let Some(past) = past {
        let past: Vec<u8> = past.get(0)?;
        return if past == seal.hash.0 {
            Ok(false)
        } else {
            Err(StoreError::Broken(format!(
                "seal {} is there with another hash",
                seal.number
            )))
        };
    }
    let Through {
        policy,
        account,
        posting,
        transfer,
    } = seal.through;
    tx.insert(
        &SEAL,
        row![
            seal.number,
            seal.until,
            policy,
            account,
            posting,
            transfer,
            seal.resolutions,
            Sums::to_bytes(&seal.sums),
            seal.hash.0.to_vec()
        ],
    );
    Ok(true)
}

static SEAL: Insert = Insert {
    table: "ledger_seal",
    columns: &[
        ("number", Type::Int),
        ("until", Type::Int),
        ("policy", Type::Int),
        ("account", Type::Int),
        ("posting", Type::Int),
        ("transfer", Type::Int),
        ("resolutions", Type::Int),
        ("sums", Type::Blob),
        ("hash", Type::Blob),
    ],
};

/// All seals, in order; a site has twelve a year.
pub fn all(db: &mut impl Read) -> Result<Vec<Seal>, StoreError> {
    db.rows(SEALS, &[])?.iter().map(read).collect()
}

fn last(db: &mut impl Read) -> Result<Option<Seal>, StoreError> {
    Ok(all(db)?.pop())
}

pub(crate) const SEALS: &str = "SELECT number, until, policy, account, posting, transfer, resolutions, sums, hash \
     FROM ledger_seal ORDER BY number";

pub(crate) fn read(row: &Row) -> Result<Seal, StoreError> {
    let broken = || StoreError::Broken("a seal whose sums or hash have another length".into());
    let (sums, hash): (Vec<u8>, Vec<u8>) = (row.get(7)?, row.get(8)?);
    Ok(Seal {
        number: row.get(0)?,
        until: row.get(1)?,
        through: Through {
            policy: row.get(2)?,
            account: row.get(3)?,
            posting: row.get(4)?,
            transfer: row.get(5)?,
        },
        resolutions: row.get(6)?,
        sums: Sums::from_bytes(&sums).ok_or_else(broken)?,
        hash: Hash(hash.try_into().map_err(|_| broken())?),
    })
}

impl Seal {
    /// What the hash must be, from the hash before and those of the tables' rows.
    pub(crate) fn hash_of(&self, previous: Hash, tables: &[Hash; 5]) -> Hash {
        let mut hash = Sha256::new();
        hash.update(b"busk-seal-1\n");
        hash.update(previous.0);
        let Through {
            policy,
            account,
            posting,
            transfer,
        } = self.through;
        for number in [
            self.number,
            self.until.unix_us(),
            policy,
            account,
            posting,
            transfer,
            self.resolutions,
        ] {
            hash.update(number.to_be_bytes());
        }
        hash.update(Sums::to_bytes(&self.sums));
        tables.iter().for_each(|table| hash.update(table.0));
        Hash(hash.finalize().into())
    }
}
