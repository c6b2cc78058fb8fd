#![allow(dead_code, unused_imports)] // each test file uses a part

pub use busk_store::{Store, StoreError};
pub use busk_testkit::db::TestDb;

use busk_base::{Amount, PolicyVersion, PostingId, Timestamp, Unit};
use busk_ledger::*;
use uuid::Uuid;

pub const WORLD: AccountRef = AccountRef::floating("world", Unit::Coin);

pub fn ana() -> AccountRef {
    AccountRef::owned("wallet", Unit::Coin, Uuid::from_u128(1))
}

pub fn ben() -> AccountRef {
    AccountRef::owned("wallet", Unit::Coin, Uuid::from_u128(2))
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_us(seconds * 1_000_000)
}

pub fn mv(debit: AccountRef, credit: AccountRef, amount: i64) -> Leg {
    Leg::Move {
        debit,
        credit,
        amount: Amount::coins(amount),
    }
}

pub fn posting(id: u128, legs: Vec<Leg>) -> Posting {
    Posting {
        id: PostingId(Uuid::from_u128(id)),
        cause: Cause {
            kind: "test",
            id: Uuid::from_u128(id),
        },
        policy: PolicyVersion(1),
        corrects: None,
        legs,
    }
}

pub async fn post_now(store: &Store, posting: &Posting) -> Result<Posted, PostError> {
    post_at(store, posting, at(1)).await
}

pub async fn post_at(store: &Store, posting: &Posting, now: Timestamp) -> Result<Posted, PostError> {
    let posting = posting.clone();
    store.write(move |tx| post(tx, &posting, now)).await
}

/// What Ana and Ben have.
pub async fn balances(store: &Store) -> (i64, i64) {
    let read = store.read(|db| Ok::<_, StoreError>((balance_of(db, &ana())?, balance_of(db, &ben())?)));
    read.await.expect("the books can be read")
}

pub async fn assert_clean(store: &Store) {
    let audit = store.read(audit::run).await.expect("the books can be read");
    assert!(audit.is_clean(), "{:#?}", audit.findings);
}
