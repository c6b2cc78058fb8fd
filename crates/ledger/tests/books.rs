//! Posting, refusing, reserving, and the audit that finds what was changed behind its back.

mod support;

use busk_base::{Amount, Timestamp, Unit};
use busk_ledger::*;
use busk_testkit::each_db;
use support::*;

each_db!(a_posting_happens_once_and_whole, |db: TestDb| async move {
    let store = db.open(&[MIGRATIONS]);
    let fund = posting(1, vec![mv(WORLD, ana(), 100)]);
    assert!(!post_now(&store, &fund).await.unwrap().again);
    assert!(
        post_now(&store, &fund).await.unwrap().again,
        "the same again is answered, not done"
    );
    assert_eq!(balances(&store).await, (100, 0));

    let other = posting(1, vec![mv(WORLD, ana(), 101)]);
    assert!(matches!(
        post_now(&store, &other).await,
        Err(PostError::IdReused(_))
    ));
    let both = posting(2, vec![mv(ana(), ben(), 60), mv(ana(), ben(), 60)]);
    assert!(matches!(post_now(&store, &both).await, Err(PostError::InsufficientFunds(a)) if a == ana()));
    assert_eq!(
        balances(&store).await,
        (100, 0),
        "none of a refused posting happens"
    );
    assert_clean(&store).await;
});

each_db!(what_cannot_be_written_down, |db: TestDb| async move {
    let store = db.open(&[MIGRATIONS]);
    let diamond = AccountRef::owned("wallet", Unit::Diamond, uuid::Uuid::from_u128(9));
    let cases: Vec<Vec<Leg>> = vec![
        vec![],
        vec![mv(WORLD, ana(), 0)],
        vec![mv(WORLD, ana(), -5)],
        vec![mv(ana(), ana(), 5)],
        vec![mv(WORLD, diamond, 5)],
        vec![Leg::Move {
            debit: WORLD,
            credit: ana(),
            amount: Amount::diamonds(5),
        }],
        vec![mv(WORLD, ana(), 1); 65],
    ];
    for (n, legs) in cases.into_iter().enumerate() {
        let refused = post_now(&store, &posting(100 + n as u128, legs)).await;
        assert!(
            matches!(refused, Err(PostError::Malformed)),
            "case {n}: {refused:?}"
        );
    }
    let most = posting(1, vec![mv(WORLD, ana(), i64::MAX)]);
    post_now(&store, &most).await.unwrap();
    let more = posting(2, vec![mv(WORLD, ana(), 1)]);
    assert!(matches!(post_now(&store, &more).await, Err(PostError::Overflow)));
    assert_eq!(balances(&store).await, (i64::MAX, 0));
});

each_db!(
    pending_reserves_until_settled_released_or_expired,
    |db: TestDb| async move {
        let store = db.open(&[MIGRATIONS]);
        post_now(&store, &posting(1, vec![mv(WORLD, ana(), 100)]))
            .await
            .unwrap();
        let hold = |n, amount| {
            let amount = Amount::coins(amount);
            posting(
                n,
                vec![Leg::Reserve {
                    debit: ana(),
                    credit: ben(),
                    amount,
                    expires_at: at(1_000),
                }],
            )
        };
        let first = post_now(&store, &hold(2, 70)).await.unwrap().first;
        assert_eq!(
            balances(&store).await,
            (30, 0),
            "what is reserved is not available"
        );
        assert!(matches!(
            post_now(&store, &hold(3, 31)).await,
            Err(PostError::InsufficientFunds(_))
        ));

        let settle = |n, reserved, amount| {
            let amount = Amount::coins(amount);
            posting(
                n,
                vec![Leg::Settle {
                    reserved,
                    debit: ana(),
                    credit: ben(),
                    amount,
                }],
            )
        };
        assert!(matches!(
            post_now(&store, &settle(4, first, 71)).await,
            Err(PostError::PendingExceeded)
        ));
        assert!(matches!(
            post_now(&store, &settle(5, TransferId(99), 1)).await,
            Err(PostError::PendingUnknown)
        ));
        post_now(&store, &settle(6, first, 50)).await.unwrap();
        assert_eq!(
            balances(&store).await,
            (50, 50),
            "settled in part: the rest is free"
        );
        assert!(matches!(
            post_now(&store, &settle(7, first, 1)).await,
            Err(PostError::PendingResolved)
        ));

        let second = post_now(&store, &hold(8, 50)).await.unwrap().first;
        let late = post_at(&store, &settle(9, second, 50), at(1_000)).await;
        assert!(matches!(late, Err(PostError::PendingExpired)));
        let release = posting(
            10,
            vec![Leg::Release {
                reserved: second,
                debit: ana(),
                credit: ben(),
            }],
        );
        post_at(&store, &release, at(1_001)).await.unwrap();
        assert_eq!(balances(&store).await, (50, 50));
        assert_clean(&store).await;
    }
);

each_db!(the_audit_finds_every_change, |db: TestDb| async move {
    let store = db.open(&[MIGRATIONS]);
    post_now(&store, &posting(1, vec![mv(WORLD, ana(), 100)]))
        .await
        .unwrap();
    post_now(
        &store,
        &posting(2, vec![mv(ana(), ben(), 30), mv(ana(), ben(), 1)]),
    )
    .await
    .unwrap();
    assert_clean(&store).await;
    let (free, bind) = if db.is_sqlite() {
        (
            "DROP TRIGGER ledger_transfer_update; DROP TRIGGER ledger_posting_update;",
            "",
        )
    } else {
        (
            "ALTER TABLE ledger_transfer DISABLE TRIGGER USER; ALTER TABLE ledger_posting DISABLE TRIGGER USER;",
            "",
        )
    };
    db.tamper(free).await;
    let changes = [
        (
            "UPDATE ledger_transfer SET amount = amount + 1 WHERE id = 2",
            "UPDATE ledger_transfer SET amount = amount - 1 WHERE id = 2",
        ),
        (
            "UPDATE ledger_transfer SET credit_balance = 9 WHERE id = 3",
            "UPDATE ledger_transfer SET credit_balance = 31 WHERE id = 3",
        ),
        (
            "UPDATE ledger_balance SET balance = balance + 1 WHERE account = 2",
            "UPDATE ledger_balance SET balance = balance - 1 WHERE account = 2",
        ),
        (
            "UPDATE ledger_balance SET last_move = 1 WHERE account = 2",
            "UPDATE ledger_balance SET last_move = 3 WHERE account = 2",
        ),
        (
            "UPDATE ledger_transfer SET debit_before = 1 WHERE id = 3",
            "UPDATE ledger_transfer SET debit_before = 2 WHERE id = 3",
        ),
        (
            "UPDATE ledger_posting SET last_transfer = 2 WHERE number = 2",
            "UPDATE ledger_posting SET last_transfer = 3 WHERE number = 2",
        ),
        (
            "INSERT INTO ledger_mark (account, transfer) VALUES (2, 1)",
            "DELETE FROM ledger_mark",
        ),
        (
            "UPDATE ledger_posting SET policy = 2 WHERE number = 1",
            "UPDATE ledger_posting SET policy = 1 WHERE number = 1",
        ),
        (
            "UPDATE ledger_posting SET cause = 'gift' WHERE number = 2",
            "UPDATE ledger_posting SET cause = 'test' WHERE number = 2",
        ),
        (
            "UPDATE ledger_head SET last_transfer = 4",
            "UPDATE ledger_head SET last_transfer = 3",
        ),
    ];
    for (change, back) in changes {
        db.tamper(change).await;
        let audit = store.read(audit::run).await.unwrap();
        assert!(!audit.is_clean(), "not found: {change}");
        db.tamper(back).await;
        assert_clean(&store).await;
    }
    db.tamper(bind).await;
});

each_db!(rows_are_only_added, |db: TestDb| async move {
    let store = db.open(&[MIGRATIONS]);
    post_now(&store, &posting(1, vec![mv(WORLD, ana(), 100)]))
        .await
        .unwrap();
    let tries = [
        "UPDATE ledger_transfer SET amount = 1",
        "DELETE FROM ledger_transfer",
        "UPDATE ledger_posting SET policy = 7",
        "DELETE FROM ledger_posting",
        "UPDATE ledger_balance SET balance = -1 WHERE NOT floating",
    ];
    for statement in tries {
        let refused: Result<u64, StoreError> = store.write(move |tx| tx.execute(statement, &[])).await;
        assert!(
            matches!(refused, Err(StoreError::Constraint(_))),
            "{statement}: {refused:?}"
        );
    }
    assert_clean(&store).await;
});

each_db!(
    a_statement_lists_both_sides_newest_first,
    |db: TestDb| async move {
        let store = db.open(&[MIGRATIONS]);
        post_now(&store, &posting(1, vec![mv(WORLD, ana(), 100)]))
            .await
            .unwrap();
        post_now(&store, &posting(2, vec![mv(ana(), ben(), 30)]))
            .await
            .unwrap();
        post_now(&store, &posting(3, vec![mv(ben(), ana(), 5)]))
            .await
            .unwrap();
        let seen: Vec<Line> = store.read(|db| lines(db, &ana(), i64::MAX, 10)).await.unwrap();
        let short: Vec<(i64, i64)> = seen.iter().map(|line| (line.amount, line.balance)).collect();
        assert_eq!(short, [(5, 75), (-30, 70), (100, 100)]);
        let next: Vec<Line> = store.read(|db| lines(db, &ana(), 3, 1)).await.unwrap();
        assert_eq!(next[0].amount, -30);
        let came: Vec<Line> = store.read(|db| lines_after(db, &ana(), 1, 10)).await.unwrap();
        assert_eq!(came.iter().map(|line| line.amount).collect::<Vec<_>>(), [-30, 5]);
    }
);

each_db!(a_long_account_is_read_from_any_place, |db: TestDb| async move {
    let store = db.open(&[MIGRATIONS]);
    let count = 300;
    for n in 1..=count {
        // Every tenth goes out, and Ben's moves lie between, so that Ana's numbers have gaps.
        let legs = match n % 10 {
            0 => vec![mv(ana(), ben(), 1)],
            _ => vec![mv(WORLD, ben(), 1), mv(WORLD, ana(), 1)],
        };
        post_now(&store, &posting(n, legs)).await.unwrap();
    }
    let all: Vec<Line> = store.read(|db| lines(db, &ana(), i64::MAX, 1_000)).await.unwrap();
    assert_eq!(all.len(), count as usize);
    assert!(all.is_sorted_by(|a, b| a.transfer > b.transfer));
    let mut oldest_first = all.clone();
    oldest_first.reverse();
    for at in (0..600).step_by(7) {
        for max in [1, 64, 100] {
            let wanted: Vec<Line> = all
                .iter()
                .filter(|line| line.transfer < at)
                .take(max)
                .cloned()
                .collect();
            let found: Vec<Line> = store
                .read(move |db| lines(db, &ana(), at, max as i64))
                .await
                .unwrap();
            assert_eq!(found, wanted, "{max} before {at}");
            let later = oldest_first.iter().filter(|line| line.transfer > at);
            let wanted: Vec<Line> = later.take(max).cloned().collect();
            let found: Vec<Line> = store
                .read(move |db| lines_after(db, &ana(), at, max as i64))
                .await
                .unwrap();
            assert_eq!(found, wanted, "{max} after {at}");
        }
    }
    assert_clean(&store).await;
    db.tamper("DELETE FROM ledger_mark WHERE account = (SELECT MAX(account) FROM ledger_mark)")
        .await;
    assert!(
        !store.read(audit::run).await.unwrap().is_clean(),
        "a mark is missing"
    );
});

#[test]
fn times_are_microseconds() {
    assert_eq!(at(1), Timestamp::from_unix_us(1_000_000));
}
