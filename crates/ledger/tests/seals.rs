//! Seals: a change of any column of any sealed row is found and the row named, on both databases; and the harness
//! that says so is shown an audit that does not look at one column.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use busk_base::{Amount, Policy, Timestamp};
use busk_ledger::seal::{self, Seal, anchor};
use busk_ledger::*;
use busk_store::{Read, Row};
use busk_testkit::each_db;
use support::*;

/// Moments in three months.
const JANUARY: i64 = 1_767_600_000;
const FEBRUARY: i64 = 1_770_200_000;
const MARCH: i64 = 1_772_700_000;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Is {
    Number,
    Truth,
    Text,
    Bytes,
}

struct Sealed {
    table: &'static str,
    key: &'static str,
    /// As findings call a row.
    word: &'static str,
    columns: &'static [(&'static str, Is)],
    /// The last key that is sealed.
    last: fn(&Seal) -> i64,
}

const TABLES: [Sealed; 6] = [
    Sealed {
        table: "ledger_policy",
        key: "version",
        word: "policy",
        columns: &[
            ("version", Is::Number),
            ("starts_at", Is::Number),
            ("body", Is::Text),
        ],
        last: |seal| seal.through.policy,
    },
    Sealed {
        table: "ledger_account",
        key: "id",
        word: "account",
        columns: &[
            ("id", Is::Number),
            ("key", Is::Bytes),
            ("name", Is::Text),
            ("unit", Is::Text),
            ("owner", Is::Bytes),
        ],
        last: |seal| seal.through.account,
    },
    Sealed {
        table: "ledger_balance",
        key: "account",
        word: "account",
        columns: &[("floating", Is::Truth)],
        last: |seal| seal.through.account,
    },
    Sealed {
        table: "ledger_posting",
        key: "number",
        word: "posting",
        columns: &[
            ("number", Is::Number),
            ("id", Is::Bytes),
            ("at", Is::Number),
            ("policy", Is::Number),
            ("cause", Is::Text),
            ("cause_id", Is::Bytes),
            ("corrects", Is::Bytes),
            ("digest", Is::Bytes),
            ("first_transfer", Is::Number),
            ("last_transfer", Is::Number),
        ],
        last: |seal| seal.through.posting,
    },
    Sealed {
        table: "ledger_transfer",
        key: "id",
        word: "transfer",
        columns: &[
            ("id", Is::Number),
            ("posting", Is::Number),
            ("kind", Is::Number),
            ("debit", Is::Number),
            ("credit", Is::Number),
            ("amount", Is::Number),
            ("debit_balance", Is::Number),
            ("credit_balance", Is::Number),
            ("debit_before", Is::Number),
            ("credit_before", Is::Number),
            ("reserved", Is::Number),
            ("expires_at", Is::Number),
        ],
        last: |seal| seal.through.transfer,
    },
    Sealed {
        table: "ledger_resolution",
        key: "transfer",
        word: "resolution by transfer",
        columns: &[("pending", Is::Number), ("transfer", Is::Number)],
        last: |seal| seal.through.transfer,
    },
];

async fn close(store: &Store, now: i64) -> Vec<Seal> {
    let now = at(now);
    let mut made = Vec::new();
    while let Some(until) = store.read(move |db| seal::due(db, now)).await.unwrap() {
        store.write(move |tx| seal::begin(tx, until, now)).await.unwrap();
        let drawn = store
            .read(move |db| seal::draw(db, until))
            .await
            .unwrap()
            .unwrap();
        let kept = drawn.clone();
        assert!(
            store
                .write(move |tx| seal::keep(tx, &kept))
                .await
                .is_ok_and(|kept: bool| kept)
        );
        made.push(drawn);
    }
    made
}

fn hold(n: u128, amount: i64) -> Posting {
    let leg = Leg::Reserve {
        debit: ana(),
        credit: ben(),
        amount: Amount::coins(amount),
        expires_at: at(MARCH + 1_000_000),
    };
    posting(n, vec![leg])
}

fn settle(n: u128, reserved: TransferId, amount: i64) -> Posting {
    let (debit, credit, amount) = (ana(), ben(), Amount::coins(amount));
    let leg = Leg::Settle {
        reserved,
        debit,
        credit,
        amount,
    };
    posting(n, vec![leg])
}

/// Books of three months, of which two are sealed: moves, a correction, a pending transfer settled in its month and
/// one released in the next.
async fn books(db: &TestDb) -> (Store, Vec<Seal>) {
    let store = db.open(&[MIGRATIONS]);
    let first = Policy::default();
    store
        .write(move |tx| policy::ensure(tx, &first, at(JANUARY)))
        .await
        .unwrap();
    let post = async |posting: Posting, when: i64| post_at(&store, &posting, at(when)).await.unwrap().first;
    post(
        posting(1, vec![mv(WORLD, ana(), 100), mv(WORLD, ben(), 7)]),
        JANUARY,
    )
    .await;
    let held = post(hold(2, 30), JANUARY + 1).await;
    post(settle(3, held, 20), JANUARY + 2).await;
    let held = post(hold(4, 5), JANUARY + 3).await;
    let release = Leg::Release {
        reserved: held,
        debit: ana(),
        credit: ben(),
    };
    post(posting(5, vec![release]), FEBRUARY).await;
    let correction = Posting {
        corrects: Some(posting(1, vec![]).id),
        ..posting(6, vec![mv(ben(), WORLD, 7)])
    };
    post(correction, FEBRUARY + 1).await;
    let seals = close(&store, MARCH).await;
    assert_eq!(seals.len(), 2);
    post(posting(7, vec![mv(ana(), ben(), 1)]), MARCH + 1).await;
    assert_clean(&store).await;
    (store, seals)
}

const UNGUARDED: [&str; 2] = [
    "DROP TRIGGER ledger_posting_update; DROP TRIGGER ledger_posting_delete; \
     DROP TRIGGER ledger_transfer_update; DROP TRIGGER ledger_transfer_delete; \
     DROP TRIGGER ledger_resolution_update; DROP TRIGGER ledger_resolution_delete; \
     DROP TRIGGER ledger_seal_update; DROP TRIGGER ledger_seal_delete",
    "ALTER TABLE ledger_posting DISABLE TRIGGER USER; ALTER TABLE ledger_transfer DISABLE TRIGGER USER; \
     ALTER TABLE ledger_resolution DISABLE TRIGGER USER; ALTER TABLE ledger_seal DISABLE TRIGGER USER",
];

async fn unguard(db: &TestDb) {
    db.tamper(UNGUARDED[usize::from(!db.is_sqlite())]).await;
}

/// A value as a database writes it.
fn literal(db: &TestDb, value: &Stored) -> String {
    match value {
        Stored::Nothing => "NULL".into(),
        Stored::Number(number) => number.to_string(),
        Stored::Truth(truth) => truth.to_string(),
        Stored::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Stored::Bytes(bytes) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            if db.is_sqlite() {
                format!("X'{hex}'")
            } else {
                format!("'\\x{hex}'::bytea")
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Stored {
    Nothing,
    Number(i64),
    Truth(bool),
    Text(String),
    Bytes(Vec<u8>),
}

impl Stored {
    fn read(is: Is, row: &Row, column: usize) -> Self {
        let read = match is {
            Is::Number => row.get::<Option<i64>>(column).unwrap().map(Stored::Number),
            Is::Truth => row.get::<Option<bool>>(column).unwrap().map(Stored::Truth),
            Is::Text => row.get::<Option<String>>(column).unwrap().map(Stored::Text),
            Is::Bytes => row.get::<Option<Vec<u8>>>(column).unwrap().map(Stored::Bytes),
        };
        read.unwrap_or(Stored::Nothing)
    }

    /// The value with a byte flipped, the `turn`-th or one after it; what was nothing becomes something.
    fn flipped(&self, is: Is, turn: usize) -> Stored {
        match (self, is) {
            // A high bit of a byte, so that the number is no other row's and stays positive.
            (Stored::Number(number), _) => Stored::Number(number ^ (0x80 << (8 * (turn % 7)))),
            (Stored::Truth(truth), _) => Stored::Truth(!truth),
            (Stored::Text(text), _) => {
                let mut bytes = text.clone().into_bytes();
                let place = turn % bytes.len();
                bytes[place] ^= 0x02;
                Stored::Text(String::from_utf8(bytes).unwrap())
            }
            (Stored::Bytes(bytes), _) => {
                let mut bytes = bytes.clone();
                let place = turn % bytes.len();
                bytes[place] ^= 1 << (turn % 8);
                Stored::Bytes(bytes)
            }
            (Stored::Nothing, Is::Bytes) => Stored::Bytes(vec![0; 16]),
            (Stored::Nothing, _) => Stored::Number(0),
        }
    }
}

/// The rows of a table with their keys, column by column.
async fn rows(store: &Store, sealed: &Sealed, upto: i64) -> Vec<(i64, Vec<Stored>)> {
    let columns: Vec<&str> = sealed.columns.iter().map(|(name, _)| *name).collect();
    let text = format!(
        "SELECT {key}, {columns} FROM {table} WHERE {key} <= {upto} ORDER BY {key}",
        key = sealed.key,
        columns = columns.join(", "),
        table = sealed.table
    );
    // A test's few statements live as long as it does.
    let text: &'static str = text.leak();
    let kinds: Vec<Is> = sealed.columns.iter().map(|(_, is)| *is).collect();
    let read = store.read(move |db| db.rows(text, &[])).await.unwrap();
    let values = |row: &Row| {
        kinds
            .iter()
            .zip(1..)
            .map(|(is, n)| Stored::read(*is, row, n))
            .collect()
    };
    read.iter()
        .map(|row| (row.get(0).unwrap(), values(row)))
        .collect()
}

/// Flips a byte in every column of every sealed row, one at a time; tells those that the audit does not name.
/// `shown` is where the rows lie, which is elsewhere when the audit looks through a view.
async fn unnoticed(db: &TestDb, store: &Store, seals: &[Seal], shown: fn(&str) -> String) -> Vec<String> {
    let last = seals.last().unwrap();
    let (mut turn, mut unnoticed) = (0, Vec::new());
    for sealed in &TABLES {
        let table = shown(sealed.table);
        for (key, values) in rows(store, sealed, (sealed.last)(last)).await {
            for ((column, is), value) in sealed.columns.iter().zip(&values) {
                // The database itself refuses that an account below zero may not float.
                if *value == Stored::Truth(true) {
                    continue;
                }
                turn += 1;
                let flipped = value.flipped(*is, turn);
                let key_now = match flipped {
                    Stored::Number(key) if *column == sealed.key => key,
                    _ => key,
                };
                let set = |value: &Stored, at: i64| {
                    let value = literal(db, value);
                    format!(
                        "UPDATE {table} SET {column} = {value} WHERE {} = {at}",
                        sealed.key
                    )
                };
                db.tamper(&set(&flipped, key)).await;
                let audit = store.read(audit::run).await.unwrap();
                let name = format!("{} {key} is not as it was sealed", sealed.word);
                if !audit.findings.iter().any(|finding| finding.contains(&name)) {
                    unnoticed.push(format!("{column} of {} {key}: {:?}", sealed.word, audit.findings));
                }
                db.tamper(&set(value, key_now)).await;
            }
        }
    }
    unnoticed
}

each_db!(
    a_flipped_byte_is_found_and_its_row_named,
    |db: TestDb| async move {
        let (store, seals) = books(&db).await;
        unguard(&db).await;
        let missed = unnoticed(&db, &store, &seals, str::to_owned).await;
        assert_eq!(missed, Vec::<String>::new());
        assert_clean(&store).await;
    }
);

each_db!(an_audit_that_skips_a_column_is_caught, |db: TestDb| async move {
    let (store, seals) = books(&db).await;
    unguard(&db).await;
    // The audit reads postings through a view in which the time is always as it was.
    db.tamper(
        "CREATE TABLE time_kept AS SELECT number, at AS kept FROM ledger_posting; \
         ALTER TABLE ledger_posting RENAME TO real_ledger_posting; \
         CREATE VIEW ledger_posting AS SELECT p.number, p.id, t.kept AS at, p.policy, p.cause, p.cause_id, \
             p.corrects, p.digest, p.first_transfer, p.last_transfer \
         FROM real_ledger_posting p LEFT JOIN time_kept t ON t.number = p.number",
    )
    .await;
    assert_clean(&store).await;
    let behind = |table: &str| match table {
        "ledger_posting" => format!("real_{table}"),
        _ => table.to_owned(),
    };
    let missed = unnoticed(&db, &store, &seals, behind).await;
    assert_eq!(missed.len(), seals[1].through.posting as usize, "{missed:#?}");
    assert!(
        missed.iter().all(|missed| missed.starts_with("at of posting")),
        "{missed:#?}"
    );
});

each_db!(
    rows_that_come_go_or_change_places_are_found,
    |db: TestDb| async move {
        let (store, _) = books(&db).await;
        unguard(&db).await;
        let kept = "CREATE TABLE kept_transfer AS SELECT * FROM ledger_transfer; \
                CREATE TABLE kept_posting AS SELECT * FROM ledger_posting; \
                CREATE TABLE kept_resolution AS SELECT * FROM ledger_resolution; \
                CREATE TABLE kept_seal AS SELECT * FROM ledger_seal;";
        db.tamper(kept).await;
        let back = "DELETE FROM ledger_transfer; INSERT INTO ledger_transfer SELECT * FROM kept_transfer; \
                DELETE FROM ledger_posting; INSERT INTO ledger_posting SELECT * FROM kept_posting; \
                DELETE FROM ledger_resolution; INSERT INTO ledger_resolution SELECT * FROM kept_resolution; \
                DELETE FROM ledger_seal; INSERT INTO ledger_seal SELECT * FROM kept_seal;";
        let swap = "UPDATE ledger_posting SET at = (SELECT k.at FROM kept_posting k \
                WHERE k.number = 3 - ledger_posting.number) WHERE number IN (1, 2)";
        for (change, said) in [
            (
                "DELETE FROM ledger_transfer WHERE id = 3",
                "transfer 3 is not as it was sealed",
            ),
            (
                "DELETE FROM ledger_posting WHERE number = 5",
                "posting 5 is not as it was sealed",
            ),
            ("DELETE FROM ledger_resolution", "resolution by transfer"),
            (
                "INSERT INTO ledger_resolution VALUES (1, 2)",
                "resolution by transfer 2 is not as it was sealed",
            ),
            ("INSERT INTO ledger_resolution VALUES (99, 99)", "transfer 99"),
            // Below the first, where nobody would look.
            (
                "INSERT INTO ledger_transfer SELECT 0, posting, kind, debit, credit, amount, debit_balance, \
             credit_balance, debit_before, credit_before, reserved, expires_at FROM kept_transfer WHERE id = 1",
                "transfer 0",
            ),
            (
                "INSERT INTO ledger_posting SELECT -1, digest, at, policy, cause, cause_id, corrects, digest, \
             first_transfer, last_transfer FROM kept_posting WHERE number = 1",
                "posting -1",
            ),
            (swap, "seal 1: more than one posting is not as it was sealed"),
            (
                "UPDATE ledger_posting SET at = 5 WHERE number = 7",
                "posting 7 is dated in the period of seal",
            ),
            (
                "DELETE FROM ledger_seal WHERE number = 1",
                "seal 2 stands in the place of seal 1",
            ),
            (
                "UPDATE ledger_seal SET until = until + 1 WHERE number = 1",
                "seal 1 ",
            ),
            ("UPDATE ledger_seal SET policy = 0 WHERE number = 1", "seal 1 "),
            (
                "UPDATE ledger_seal SET account = account - 1 WHERE number = 2",
                "seal 2 ",
            ),
            (
                "UPDATE ledger_seal SET posting = posting - 1 WHERE number = 2",
                "seal 2 ",
            ),
            (
                "UPDATE ledger_seal SET transfer = transfer + 1 WHERE number = 2",
                "seal 2 ",
            ),
            (
                "UPDATE ledger_seal SET resolutions = 2 WHERE number = 1",
                "seal 1 ",
            ),
            (
                "UPDATE ledger_seal SET sums = (SELECT k.sums FROM kept_seal k WHERE k.number = 2) WHERE number = 1",
                "seal 1 ",
            ),
            (
                "UPDATE ledger_seal SET sums = hash WHERE number = 1",
                "seal 1 cannot be read",
            ),
            (
                "UPDATE ledger_seal SET hash = (SELECT k.hash FROM kept_seal k WHERE k.number = 2) WHERE number = 1",
                "seal 1 ",
            ),
        ] {
            db.tamper(change).await;
            let audit = store.read(audit::run).await.unwrap();
            assert!(
                audit.findings.iter().any(|finding| finding.contains(said)),
                "{change}: {:#?}",
                audit.findings
            );
            db.tamper(back).await;
            assert_clean(&store).await;
        }
    }
);

each_db!(closing, |db: TestDb| async move {
    let store = db.open(&[MIGRATIONS]);
    assert_eq!(
        close(&store, MARCH).await,
        [],
        "books without a posting have no month"
    );
    let post = async |n, when| {
        post_at(&store, &posting(n, vec![mv(WORLD, ana(), 1)]), at(when))
            .await
            .unwrap()
    };
    post(1, JANUARY).await;
    assert_eq!(close(&store, JANUARY + 60).await, [], "the month is not over");
    let (early, until) = (at(JANUARY), at(MARCH));
    let refused = store.write(move |tx| seal::begin(tx, until, early)).await;
    assert!(matches!(refused, Err(seal::CloseError::NotOver)), "{refused:?}");

    let seals = close(&store, MARCH).await;
    let ends: Vec<String> = seals.iter().map(|seal| seal.until.to_string()).collect();
    assert_eq!(ends, ["2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"]);
    let through: Vec<i64> = seals.iter().map(|seal| seal.through.posting).collect();
    assert_eq!(through, [1, 1], "a month may be empty");
    assert_eq!(
        store.read(seal::all).await.unwrap(),
        seals,
        "they are kept as they were drawn"
    );
    assert_eq!(close(&store, MARCH).await, [], "the same again does nothing");
    let again = seals[1].clone();
    let kept: Result<bool, StoreError> = store.write(move |tx| seal::keep(tx, &again)).await;
    assert!(!kept.unwrap(), "also when it is kept twice");

    // A clock that lags posts at the end of what is sealed.
    post(2, FEBRUARY).await;
    let lines: Vec<Line> = store.read(|db| lines(db, &ana(), i64::MAX, 1)).await.unwrap();
    assert_eq!(lines[0].at, seals[1].until);
    assert_clean(&store).await;

    let text: String = seals
        .iter()
        .map(|seal| format!("{}\n", anchor::line(seal)))
        .collect();
    let mut audit = store.read(audit::run).await.unwrap();
    audit.compare_anchor(&seals, &text);
    assert!(audit.is_clean(), "{:?}", audit.findings);
    audit.compare_anchor(&seals, &text[..text.len() / 2]);
    assert!(!audit.is_clean(), "half an anchor");
});

each_db!(
    a_close_that_was_cut_short_is_done_again,
    |db: TestDb| async move {
        let store = db.open(&[MIGRATIONS]);
        let post = async |n, when| {
            post_at(&store, &posting(n, vec![mv(WORLD, ana(), 1)]), at(when))
                .await
                .unwrap()
        };
        post(1, JANUARY).await;
        let now: Timestamp = at(FEBRUARY);
        let until = store.read(move |db| seal::due(db, now)).await.unwrap().unwrap();
        store.write(move |tx| seal::begin(tx, until, now)).await.unwrap();
        let drawn = store.read(move |db| seal::draw(db, until)).await.unwrap();
        // It dies here; others go on, one of them by a clock that lags.
        post(2, FEBRUARY).await;
        post(3, JANUARY).await;
        assert_clean(&store).await;
        let again = store.read(move |db| seal::draw(db, until)).await.unwrap();
        assert_eq!(again, drawn, "what is barred stays as it was");
        assert_eq!(close(&store, FEBRUARY).await, [drawn.unwrap()]);
        assert_clean(&store).await;
    }
);

each_db!(seals_are_only_added, |db: TestDb| async move {
    let (store, _) = books(&db).await;
    for statement in [
        "UPDATE ledger_seal SET until = 1",
        "DELETE FROM ledger_seal",
        "INSERT INTO ledger_seal SELECT * FROM ledger_seal WHERE number = 1",
    ] {
        let refused: Result<u64, StoreError> = store.write(move |tx| tx.execute(statement, &[])).await;
        let expected = matches!(refused, Err(StoreError::Constraint(_) | StoreError::Unique(_)));
        assert!(expected, "{statement}: {refused:?}");
    }
});
