//! A model test: random histories against a plain map, on both databases, in random batches. The model
//! with a seeded bug must be told apart, or the comparison would prove nothing.

mod support;

use std::collections::HashMap;

use busk_base::{Amount, Unit};
use busk_ledger::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::*;
use uuid::Uuid;

const PEOPLE: usize = 4;
const SEQUENCES_DEFAULT: u32 = 48;
const OPERATIONS: usize = 50;

#[derive(Clone, Debug)]
enum Op {
    /// Debit and credit by place, where 0 is the world; the amounts of one posting.
    Post {
        id: u8,
        moves: Vec<(usize, usize, i64)>,
    },
    Reserve {
        id: u8,
        from: usize,
        to: usize,
        amount: i64,
        expires: i64,
    },
    Settle {
        id: u8,
        which: usize,
        amount: i64,
    },
    Release {
        id: u8,
        which: usize,
    },
    Wait {
        seconds: i64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let place = 0..=PEOPLE;
    let moves = prop::collection::vec((place.clone(), place.clone(), 0i64..60), 1..4);
    prop_oneof![
        6 => (any::<u8>(), moves).prop_map(|(id, moves)| Op::Post { id, moves }),
        2 => (any::<u8>(), place.clone(), place, 1i64..60, 0i64..40)
            .prop_map(|(id, from, to, amount, expires)| Op::Reserve { id, from, to, amount, expires }),
        2 => (any::<u8>(), 0usize..8, 1i64..60).prop_map(|(id, which, amount)| Op::Settle { id, which, amount }),
        1 => (any::<u8>(), 0usize..8).prop_map(|(id, which)| Op::Release { id, which }),
        1 => (1i64..20).prop_map(|seconds| Op::Wait { seconds }),
    ]
}

fn account(place: usize) -> AccountRef {
    match place {
        0 => WORLD,
        n => AccountRef::owned("wallet", Unit::Coin, Uuid::from_u128(n as u128)),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Done,
    Again,
    Refused(&'static str),
}

struct Hold {
    id: TransferId,
    from: usize,
    to: usize,
    amount: i64,
    expires: i64,
    open: bool,
}

/// What the ledger should be, said as plainly as possible.
#[derive(Default)]
struct Model {
    balances: [i64; PEOPLE + 1],
    reserved: [i64; PEOPLE + 1],
    done: HashMap<u8, Vec<Leg>>,
    holds: Vec<Hold>,
    /// The seeded bug: forgets to check the reserve.
    forgets_reserve: bool,
}

impl Model {
    fn legs(&self, op: &Op, now: i64) -> (u8, Vec<Leg>) {
        let hold = |which: usize| match self.holds.get(which) {
            Some(hold) => (hold.id, account(hold.from), account(hold.to)),
            None => (TransferId(1_000_000), account(1), account(2)),
        };
        match op {
            Op::Post { id, moves } => (
                *id,
                moves
                    .iter()
                    .map(|(from, to, n)| mv(account(*from), account(*to), *n))
                    .collect(),
            ),
            Op::Reserve {
                id,
                from,
                to,
                amount,
                expires,
            } => {
                let (debit, credit, amount) = (account(*from), account(*to), Amount::coins(*amount));
                (
                    *id,
                    vec![Leg::Reserve {
                        debit,
                        credit,
                        amount,
                        expires_at: at(now + expires),
                    }],
                )
            }
            Op::Settle { id, which, amount } => {
                let (reserved, debit, credit) = hold(*which);
                (
                    *id,
                    vec![Leg::Settle {
                        reserved,
                        debit,
                        credit,
                        amount: Amount::coins(*amount),
                    }],
                )
            }
            Op::Release { id, which } => {
                let (reserved, debit, credit) = hold(*which);
                (
                    *id,
                    vec![Leg::Release {
                        reserved,
                        debit,
                        credit,
                    }],
                )
            }
            Op::Wait { .. } => unreachable!("waiting posts nothing"),
        }
    }

    fn answer(&mut self, op: &Op, id: u8, legs: &[Leg], now: i64, first: TransferId) -> Answer {
        if let Some(past) = self.done.get(&id) {
            return if past == legs {
                Answer::Again
            } else {
                Answer::Refused("id_reused")
            };
        }
        let (balances, reserved) = (self.balances, self.reserved);
        if let Err(why) = self.apply(op, now, first) {
            (self.balances, self.reserved) = (balances, reserved);
            return Answer::Refused(why);
        }
        self.done.insert(id, legs.to_vec());
        Answer::Done
    }

    fn apply(&mut self, op: &Op, now: i64, first: TransferId) -> Result<(), &'static str> {
        match op {
            Op::Post { moves, .. } => {
                if moves.iter().any(|(from, to, n)| from == to || *n <= 0) {
                    return Err("malformed");
                }
                for (from, to, n) in moves {
                    self.balances[*from] -= n;
                    self.balances[*to] += n;
                    self.funds(*from)?;
                }
            }
            Op::Reserve {
                from,
                to,
                amount,
                expires,
                ..
            } => {
                if from == to {
                    return Err("malformed");
                }
                self.reserved[*from] += amount;
                self.funds(*from)?;
                let (from, to, amount, expires) = (*from, *to, *amount, now + expires);
                self.holds.push(Hold {
                    id: first,
                    from,
                    to,
                    amount,
                    expires,
                    open: true,
                });
            }
            Op::Settle { which, amount, .. } => {
                let hold = self.holds.get_mut(*which).ok_or("unknown")?;
                match () {
                    () if !hold.open => return Err("resolved"),
                    () if hold.expires <= now => return Err("expired"),
                    () if *amount > hold.amount => return Err("exceeded"),
                    () => hold.open = false,
                }
                self.reserved[hold.from] -= hold.amount;
                self.balances[hold.from] -= amount;
                self.balances[hold.to] += amount;
            }
            Op::Release { which, .. } => {
                let hold = self.holds.get_mut(*which).ok_or("unknown")?;
                if !std::mem::take(&mut hold.open) {
                    return Err("resolved");
                }
                self.reserved[hold.from] -= hold.amount;
            }
            Op::Wait { .. } => {}
        }
        Ok(())
    }

    fn funds(&self, place: usize) -> Result<(), &'static str> {
        let reserved = if self.forgets_reserve {
            0
        } else {
            self.reserved[place]
        };
        let enough = place == 0 || self.balances[place] >= reserved;
        if enough { Ok(()) } else { Err("insufficient") }
    }
}

fn word(result: &Result<Posted, PostError>) -> Answer {
    match result {
        Ok(Posted { again: false, .. }) => Answer::Done,
        Ok(Posted { again: true, .. }) => Answer::Again,
        Err(error) => Answer::Refused(match error {
            PostError::Store(_) => "store",
            PostError::IdReused(_) => "id_reused",
            PostError::Malformed => "malformed",
            PostError::PendingUnknown => "unknown",
            PostError::PendingResolved => "resolved",
            PostError::PendingExpired => "expired",
            PostError::PendingExceeded => "exceeded",
            PostError::InsufficientFunds(_) => "insufficient",
            PostError::Overflow => "overflow",
        }),
    }
}

/// Runs one history; gives the first difference. Every answer is compared, then every balance, then
/// the books are audited.
async fn history(store: &Store, ops: &[Op], forgets_reserve: bool) -> Result<(), String> {
    let mut model = Model {
        forgets_reserve,
        ..Model::default()
    };
    let mut now = 1;
    for (n, op) in ops.iter().enumerate() {
        if let Op::Wait { seconds } = op {
            now += seconds;
            continue;
        }
        let (id, legs) = model.legs(op, now);
        let got = post_at(store, &posting(u128::from(id), legs.clone()), at(now)).await;
        let first = got.as_ref().map_or(TransferId(0), |posted| posted.first);
        let want = model.answer(op, id, &legs, now, first);
        if word(&got) != want {
            return Err(format!("operation {n} {op:?}: {got:?}, the model says {want:?}"));
        }
    }
    for place in 0..=PEOPLE {
        let have: i64 = store
            .read(move |db| balance_of(db, &account(place)))
            .await
            .map_err(|e| e.to_string())?;
        let want = model.balances[place] - model.reserved[place];
        if have != want {
            return Err(format!("account {place} has {have}, the model says {want}"));
        }
    }
    let audit = store.read(audit::run).await.map_err(|e| e.to_string())?;
    if audit.is_clean() {
        Ok(())
    } else {
        Err(format!("{:#?}", audit.findings))
    }
}

fn sequences() -> u32 {
    #[expect(
        clippy::disallowed_methods,
        reason = "`cargo xtask test --long` asks for more"
    )]
    let asked = std::env::var("BUSK_TEST_SEQUENCES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(SEQUENCES_DEFAULT)
}

fn run(db: impl Fn(&tokio::runtime::Runtime) -> TestDb, forgets_reserve: bool) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime can be made");
    // The first operations put something into the accounts, or all else is refused.
    let start = [Op::Post {
        id: 0,
        moves: (1..=PEOPLE).map(|n| (0, n, 50)).collect(),
    }];
    let mut runner = TestRunner::new(Config {
        cases: sequences(),
        failure_persistence: None,
        max_shrink_iters: 64,
        ..Config::default()
    });
    let histories = prop::collection::vec(op(), OPERATIONS);
    let outcome = runner.run(&histories, |ops| {
        let db = db(&runtime);
        let store = db.open(&[MIGRATIONS]);
        let ops: Vec<Op> = start.iter().cloned().chain(ops).collect();
        runtime
            .block_on(history(&store, &ops, forgets_reserve))
            .map_err(TestCaseError::fail)
    });
    outcome.map_err(|e| e.to_string())
}

#[test]
fn the_ledger_is_its_model_on_sqlite() {
    run(|_| TestDb::sqlite(), false).unwrap();
}

#[test]
fn the_ledger_is_its_model_on_postgres() {
    run(|runtime| runtime.block_on(TestDb::postgres()), false).unwrap();
}

#[test]
fn a_seeded_bug_is_found() {
    let found = run(|_| TestDb::sqlite(), true).expect_err("a model that forgets the reserve must differ");
    assert!(found.contains("the model says"), "{found}");
}
