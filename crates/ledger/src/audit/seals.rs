//! The seals, made again from the rows as they are now.

use busk_base::Timestamp;
use busk_store::{Read, Reader, StoreError};
use sha2::{Digest, Sha256};

use super::Audit;
use crate::form::{ACCOUNTS, FIRST, POLICIES, POSTINGS, RESOLUTIONS, TRANSFERS, Table};
use crate::seal::sums::Sums;
use crate::seal::{self, Hash, Seal, Through};

/// The seals that can be read, and the hashes of their rows as far as these have been streamed.
pub(super) struct Seals {
    pub(super) list: Vec<Seal>,
    policies: Witness,
    pub(super) accounts: Witness,
    pub(super) postings: Witness,
    pub(super) transfers: Witness,
    /// Of how many seals a posting that comes now is later.
    passed: usize,
}

/// Hashes a table's rows, seal by seal.
pub(super) struct Witness {
    /// The last row of each seal.
    ends: Vec<i64>,
    done: Vec<Hash>,
    hash: Sha256,
}

impl Witness {
    fn new(seals: &[Seal], end: fn(&Through) -> i64) -> Self {
        Self {
            ends: seals.iter().map(|seal| end(&seal.through)).collect(),
            done: Vec::new(),
            hash: Sha256::new(),
        }
    }

    /// Takes the next row, by key.
    pub(super) fn row(&mut self, key: i64, row: &[u8]) {
        while self.ends.get(self.done.len()).is_some_and(|end| key > *end) {
            self.close();
        }
        if self.done.len() < self.ends.len() {
            self.hash.update(row);
        }
    }

    fn close(&mut self) {
        self.done.push(Hash(self.hash.finalize_reset().into()));
    }

    fn finish(&mut self) -> &[Hash] {
        while self.done.len() < self.ends.len() {
            self.close();
        }
        &self.done
    }
}

/// Hashes resolutions, which come in another order than their seals.
pub(super) struct Resolutions {
    ends: Vec<i64>,
    hashes: Vec<Sha256>,
}

impl Resolutions {
    /// Takes the row that `transfer` made.
    pub(super) fn row(&mut self, transfer: i64, row: &[u8]) {
        let place = self.ends.partition_point(|end| *end < transfer);
        if let Some(hash) = self.hashes.get_mut(place) {
            hash.update(row);
        }
    }

    pub(super) fn finish(self) -> Vec<Hash> {
        let hashes = self.hashes.into_iter();
        hashes.map(|hash| Hash(hash.finalize().into())).collect()
    }
}

impl Seals {
    pub(super) fn read(db: &mut Reader, audit: &mut Audit) -> Result<Self, StoreError> {
        let mut list: Vec<Seal> = Vec::new();
        for row in db.rows(seal::SEALS, &[])? {
            let number: i64 = row.get(0)?;
            match seal::read(&row) {
                Ok(seal) => list.push(seal),
                Err(_) => audit.finds(format!("seal {number} cannot be read")),
            }
        }
        for (place, seal) in list.iter().enumerate() {
            if seal.number != place as i64 + 1 {
                audit.finds(format!(
                    "seal {} stands in the place of seal {}",
                    seal.number,
                    place + 1
                ));
            }
        }
        audit.seals = list.len() as u64;
        audit.sealed_until = list.last().map(|seal| seal.until);
        let mut policies = Witness::new(&list, |through| through.policy);
        POLICIES.rows(db, FIRST, i64::MAX, |version, row| policies.row(version, row))?;
        Ok(Self {
            policies,
            accounts: Witness::new(&list, |through| through.account),
            postings: Witness::new(&list, |through| through.posting),
            transfers: Witness::new(&list, |through| through.transfer),
            passed: 0,
            list,
        })
    }

    pub(super) fn resolutions(&self) -> Resolutions {
        Resolutions {
            ends: self.list.iter().map(|seal| seal.through.transfer).collect(),
            hashes: self.list.iter().map(|_| Sha256::new()).collect(),
        }
    }

    /// The seal in whose period a posting is dated without being under it. They come by number.
    pub(super) fn closed_to(&mut self, posting: i64, at: i64) -> Option<i64> {
        while let Some(seal) = self.list.get(self.passed)
            && posting > seal.through.posting
        {
            self.passed += 1;
        }
        let before = &self.list[..self.passed];
        let closed = before
            .iter()
            .find(|seal| Timestamp::from_unix_us(at) < seal.until);
        closed.map(|seal| seal.number)
    }

    /// Compares each seal with its rows; looks for the row where they differ.
    pub(super) fn compare(
        &mut self,
        db: &mut Reader,
        audit: &mut Audit,
        resolutions: Vec<Hash>,
    ) -> Result<(), StoreError> {
        let (policies, accounts) = (self.policies.finish(), self.accounts.finish());
        let (postings, transfers) = (self.postings.finish(), self.transfers.finish());
        // A seal is right if it fits the one before it, as that is stored or as it should be.
        let (mut stored, mut made) = (Hash::default(), Hash::default());
        let mut before: Option<&Seal> = None;
        for (place, seal) in self.list.iter().enumerate() {
            if before.is_some_and(|before| before.until >= seal.until) {
                audit.finds(format!("seal {} ends before the seal before it", seal.number));
            }
            let tables = [
                policies[place],
                accounts[place],
                postings[place],
                transfers[place],
                resolutions[place],
            ];
            let fits = [stored, made].map(|previous| seal.hash_of(previous, &tables));
            if !fits.contains(&seal.hash) {
                audit.finds(format!("seal {} does not fit what it seals", seal.number));
                look(db, audit, seal, before.map(|before| before.through))?;
            }
            (stored, made) = (seal.hash, fits[1]);
            before = Some(seal);
        }
        Ok(())
    }
}

/// Finds the row that was changed, by the sums.
fn look(db: &mut Reader, audit: &mut Audit, seal: &Seal, after: Option<Through>) -> Result<(), StoreError> {
    let from = |end: fn(&Through) -> i64| after.as_ref().map_or(FIRST, |after| end(after).saturating_add(1));
    let through = seal.through;
    let transfer = from(|through| through.transfer);
    let ranges: [(&Table, i64, i64); 5] = [
        (&POLICIES, from(|through| through.policy), through.policy),
        (&ACCOUNTS, from(|through| through.account), through.account),
        (&POSTINGS, from(|through| through.posting), through.posting),
        (&TRANSFERS, transfer, through.transfer),
        (&RESOLUTIONS, FIRST, i64::MAX),
    ];
    for ((table, from, upto), stored) in ranges.into_iter().zip(seal.sums) {
        let mut sums = Sums::default();
        table.rows(db, from, upto, |key, row| {
            if !std::ptr::eq(table, &RESOLUTIONS) {
                return sums.add(key, row);
            }
            let resolving = seal::resolving(row);
            if (transfer..=through.transfer).contains(&resolving) {
                sums.add(resolving, row);
            }
        })?;
        if sums == stored {
            continue;
        }
        let (number, word) = (seal.number, table.word);
        match sums.changed(stored) {
            Some(key) if (from..=upto).contains(&key) => {
                audit.finds(format!("seal {number}: {word} {key} is not as it was sealed"));
            }
            _ => audit.finds(format!(
                "seal {number}: more than one {word} is not as it was sealed"
            )),
        }
    }
    Ok(())
}
