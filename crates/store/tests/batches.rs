//! What group commit promises: an answer is durable and one's own, whatever others in the batch did.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use busk_base::{JobId, Timestamp};
use busk_store::*;
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use uuid::Uuid;

const TABLES: &[Migration] = &[Migration {
    name: "test/0001",
    sql: "CREATE TABLE pot (id BIGINT PRIMARY KEY, coins BIGINT NOT NULL CHECK (coins >= 0), note TEXT);",
}];

static POT: Insert = Insert {
    table: "pot",
    columns: &[("id", Type::Int), ("coins", Type::Int), ("note", Type::Text)],
};
static COINS: Update = Update {
    table: "pot",
    columns: &[("id", Type::Int), ("coins", Type::Int)],
};

#[derive(Clone, Copy)]
struct Pot(i64);

impl Entity for Pot {
    type Key = i64;
    const SELECT: &'static str = "SELECT id, coins FROM pot WHERE id";
    const KEY: Type = Type::Int;

    fn key(key: &i64) -> Value {
        Value::Int(*key)
    }

    fn read(row: &Row) -> Result<(i64, Self), StoreError> {
        Ok((row.get(0)?, Pot(row.get(1)?)))
    }
}

#[derive(Debug)]
enum Refused {
    // Told by `Debug` when a test fails.
    #[allow(dead_code)]
    Store(StoreError),
    Empty,
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Refused::Store(error)
    }
}

/// Takes coins out of a pot, with everything kept back until the batch ends.
fn take(tx: &mut Tx, pot: i64, coins: i64) -> Result<i64, Refused> {
    let Pot(have) = tx.find::<Pot>(&pot)?.ok_or(Refused::Empty)?;
    if have < coins {
        return Err(Refused::Empty);
    }
    tx.update(&COINS, row![pot, have - coins]);
    tx.put::<Pot>(pot, Pot(have - coins));
    Ok(have - coins)
}

async fn fill(store: &Store, pots: i64, coins: i64) {
    let filled: Result<(), StoreError> = store
        .write(move |tx| {
            (1..=pots).for_each(|id| tx.insert(&POT, row![id, coins, Value::Null]));
            Ok(())
        })
        .await;
    filled.unwrap();
}

async fn coins(store: &Store, pot: i64) -> i64 {
    let read = store.read(move |db| db.row("SELECT coins FROM pot WHERE id = $1", params![pot]));
    read.await.unwrap().map_or(-1, |row| row.get(0).unwrap())
}

each_db!(many_at_once_take_exactly_what_is_there, |db: TestDb| async move {
    let store = db.open(&[TABLES]);
    fill(&store, 1, 100).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..300 {
        let store = store.clone();
        tasks.spawn(async move {
            store
                .write_ahead(|rows| _ = rows.want::<Pot>(1), |tx| take(tx, 1, 1))
                .await
                .is_ok()
        });
    }
    let taken = tasks.join_all().await.into_iter().filter(|ok| *ok).count();
    assert_eq!((taken, coins(&store, 1).await), (100, 0));
});

each_db!(
    one_that_spoils_the_batch_spoils_only_itself,
    |db: TestDb| async move {
        let store = db.open(&[TABLES]);
        fill(&store, 20, 10).await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..200i64 {
            let store = store.clone();
            tasks.spawn(async move {
                let pot = n % 20 + 1;
                let done = store
                    .write(move |tx| {
                        let left = take(tx, pot, 1)?;
                        match n % 10 {
                            // Refuses after it wrote.
                            3 => Err(Refused::Empty),
                            // Breaks a rule of the database when the batch is written.
                            5 => {
                                tx.insert(&POT, row![1, 1, Value::Null]);
                                Ok(left)
                            }
                            7 => panic!("a bug in a function"),
                            _ => Ok(left),
                        }
                    })
                    .await;
                (n % 10, done.is_ok())
            });
        }
        for (kind, ok) in tasks.join_all().await {
            assert_eq!(ok, ![3, 5, 7].contains(&kind), "kind {kind}");
        }
        let mut left = 0;
        for pot in 1..=20 {
            left += coins(&store, pot).await;
        }
        assert_eq!(
            left,
            200 - 140,
            "exactly the 140 that were answered took one each"
        );
    }
);

each_db!(a_function_reads_its_own_writes, |db: TestDb| async move {
    let store = db.open(&[TABLES]);
    let seen: Result<Vec<i64>, StoreError> = store
        .write(|tx| {
            tx.insert(&POT, row![1, 5, "kept back"]);
            tx.execute("UPDATE pot SET coins = coins + 1 WHERE id = $1", params![1])?;
            tx.update(&COINS, row![1, 9]);
            tx.update(&COINS, row![1, 8]);
            let rows = tx.rows("SELECT coins FROM pot", &[])?;
            rows.iter().map(|row| row.get(0)).collect()
        })
        .await;
    assert_eq!(seen.unwrap(), [8], "the last of two updates counts");
});

each_db!(
    nothing_is_announced_that_was_not_committed,
    |db: TestDb| async move {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        let sink: Sink =
            Arc::new(move |batch| ear.lock().unwrap().extend(batch.into_iter().map(|a| a.number)));
        let store = db.open_with(&[TABLES], Some(sink));
        for n in 1..=6i64 {
            let _: Result<(), Refused> = store
                .write(move |tx| {
                    let body = bytes::Bytes::from_static(b"{}");
                    tx.announce(Announcement {
                        subject: Uuid::nil(),
                        number: n,
                        tag: Cow::Borrowed("t"),
                        body,
                    });
                    tx.insert(&POT, row![n, if n == 4 { -1 } else { 1 }, Value::Null]);
                    if n == 2 { Err(Refused::Empty) } else { Ok(()) }
                })
                .await;
        }
        assert_eq!(*heard.lock().unwrap(), [1, 3, 5, 6], "2 refused, 4 broke a rule");
    }
);

each_db!(errors_say_what_went_wrong, |db: TestDb| async move {
    let store = db.open(&[TABLES]);
    fill(&store, 1, 1).await;
    let put = async |id: i64, coins: i64| {
        store
            .write(move |tx| {
                tx.insert(&POT, row![id, coins, Value::Null]);
                Ok::<_, StoreError>(())
            })
            .await
    };
    assert!(matches!(put(1, 1).await, Err(StoreError::Unique(_))));
    assert!(matches!(put(2, -1).await, Err(StoreError::Constraint(_))));
    let broken = store.read(|db| db.rows("SELECT nothing FROM nowhere", &[])).await;
    assert!(matches!(broken, Err(StoreError::Broken(_))));
    let wrote = store
        .read(|db| db.rows("INSERT INTO pot VALUES (9, 9, '') RETURNING id", &[]))
        .await;
    assert!(wrote.is_err(), "readers cannot write");
    assert_eq!(coins(&store, 9).await, -1);
});

each_db!(a_job_is_leased_put_off_and_done, |db: TestDb| async move {
    let store = db.open(&[TABLES]);
    let at = |s: i64| Timestamp::from_unix_us(s * 1_000_000);
    let id = JobId(Uuid::from_u128(7));
    let _: Result<(), StoreError> = store
        .write(move |tx| {
            jobs::leave(tx, id, "mail", "{}".into(), at(10));
            Ok(())
        })
        .await;
    let take = async |s: i64| {
        store
            .write(move |tx| jobs::take(tx, at(s), Duration::from_secs(60), 10))
            .await
            .unwrap()
    };
    assert!(take(9).await.is_empty(), "not yet due");
    assert_eq!(take(10).await[0].id, id);
    assert!(take(11).await.is_empty(), "leased");
    assert_eq!(take(70).await[0].attempts, 1, "the lease is over: the taker died");
    let _: Result<(), StoreError> = store
        .write(move |tx| jobs::put_off(tx, id, at(200), "busy"))
        .await;
    assert!(take(199).await.is_empty());
    assert_eq!(take(200).await.len(), 1);
    let _: Result<(), StoreError> = store.write(move |tx| jobs::done(tx, id)).await;
    assert!(take(9_999).await.is_empty());
});

each_db!(
    what_is_committed_is_there_after_opening_again,
    |db: TestDb| async move {
        let store = db.open(&[TABLES]);
        fill(&store, 1, 42).await;
        drop(store);
        assert_eq!(coins(&db.open(&[TABLES]), 1).await, 42);
    }
);
