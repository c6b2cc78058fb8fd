//! Books of a given length: coins bought and gifts sent as `commerce` posts them, a year of them, closed month by
//! month. Every row is posted, so that an audit has what it has in real books.

use std::time::Duration;

use busk_base::{Amount, ChannelId, PersonId, PolicyVersion, PostingId, Timestamp};
use busk_commerce::accounts::{
    COIN_FLOAT, COIN_ISSUED, COIN_SPENT, CURRENCY, DIAMOND_FLOAT, DIAMOND_ISSUED, PLATFORM_REVENUE,
    PSP_CLEARING, diamonds_pending, wallet,
};
use busk_ledger::seal;
use busk_ledger::{AccountRef, Cause, Leg, PostError, Posting};
use busk_store::{Config, Database, Store, StoreError};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::Fallible;

/// 1 January 2025.
const BEGIN: Timestamp = Timestamp::from_unix_us(1_735_689_600_000_000);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);
const SENDERS: u64 = 20_000;
const CREATORS: u64 = 2_000;
const COINS: i64 = 100_000_000;
/// Postings in one transaction.
const BATCH: u64 = 2_000;
const PURCHASE_LEGS: u64 = 2;
const GIFT_LEGS: u64 = 4;

/// Makes a ledger of some `transfers`, at least what the purchases need, closed to its last month.
pub fn fill(runtime: &Runtime, database: &Database, transfers: u64) -> Fallible<()> {
    let store = Store::open(Config::new(database.clone()), &[busk_ledger::MIGRATIONS])?;
    let senders = SENDERS.min(transfers / 4).max(1);
    let gifts = transfers.saturating_sub(senders * PURCHASE_LEGS) / GIFT_LEGS;
    let all = senders + gifts;
    runtime.block_on(async {
        for first in (0..all).step_by(BATCH as usize) {
            let batch: Vec<(Posting, Timestamp)> = (first..all.min(first + BATCH))
                .map(|n| {
                    let at = BEGIN + Duration::from_micros(YEAR.as_micros() as u64 / all * n);
                    let posting = if n < senders {
                        purchase(n, at)
                    } else {
                        gift(n, at, senders)
                    };
                    (posting, at)
                })
                .collect();
            let ahead = batch.clone();
            let posted = store.write_ahead(
                move |rows| {
                    for (posting, _) in &ahead {
                        busk_ledger::ahead(rows, posting.id, &accounts(posting));
                    }
                },
                move |tx| {
                    for (posting, at) in &batch {
                        busk_ledger::post(tx, posting, *at)?;
                    }
                    Ok::<_, PostError>(())
                },
            );
            posted.await?;
        }
        close(&store).await
    })
}

async fn close(store: &Store) -> Fallible<()> {
    let now = BEGIN + YEAR;
    while let Some(until) = store.read(move |db| seal::due(db, now)).await? {
        store.write(move |tx| seal::begin(tx, until, now)).await?;
        if let Some(drawn) = store.read(move |db| seal::draw(db, until)).await? {
            store
                .write::<_, StoreError, _>(move |tx| seal::keep(tx, &drawn))
                .await?;
        }
    }
    Ok(())
}

fn accounts(posting: &Posting) -> Vec<AccountRef> {
    let sides = posting.legs.iter().flat_map(|leg| match *leg {
        Leg::Move { debit, credit, .. }
        | Leg::Reserve { debit, credit, .. }
        | Leg::Settle { debit, credit, .. }
        | Leg::Release { debit, credit, .. } => [debit, credit],
    });
    sides.collect()
}

fn mv(debit: AccountRef, credit: AccountRef, amount: Amount) -> Leg {
    Leg::Move {
        debit,
        credit,
        amount,
    }
}

fn posting(n: u64, at: Timestamp, kind: &'static str, legs: Vec<Leg>) -> Posting {
    let mut entropy = [0; 10];
    entropy[2..].copy_from_slice(&mixed(n).to_be_bytes());
    let id = PostingId::new(at, entropy);
    Posting {
        id,
        cause: Cause { kind, id: id.0 },
        policy: PolicyVersion(1),
        corrects: None,
        legs,
    }
}

fn purchase(n: u64, at: Timestamp) -> Posting {
    let legs = vec![
        mv(PSP_CLEARING, COIN_FLOAT, Amount::money(COINS, CURRENCY)),
        mv(COIN_ISSUED, wallet(person(n)), Amount::coins(COINS)),
    ];
    posting(n, at, "coin_purchase", legs)
}

fn gift(n: u64, at: Timestamp, senders: u64) -> Posting {
    let chance = mixed(n);
    let (sender, channel) = (person(chance % senders), (chance >> 32) % CREATORS);
    let channel = ChannelId(Uuid::from_u128(3 << 100 | u128::from(channel)));
    let legs = vec![
        mv(wallet(sender), COIN_SPENT, Amount::coins(10)),
        mv(DIAMOND_ISSUED, diamonds_pending(channel), Amount::diamonds(5)),
        mv(COIN_FLOAT, DIAMOND_FLOAT, Amount::money(5, CURRENCY)),
        mv(COIN_FLOAT, PLATFORM_REVENUE, Amount::money(5, CURRENCY)),
    ];
    posting(n, at, "gift", legs)
}

fn person(n: u64) -> PersonId {
    PersonId(Uuid::from_u128(2 << 100 | u128::from(n)))
}

/// SplitMix64.
fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
