//! Every operation that moves money, with a failure at every step of the store's way: an error, a panic, the process
//! killed. Asked for again under the same id, the books are those of the history in which nothing failed, and until
//! then those before it or after it: nothing is half applied, nothing twice.
//!
//! The points of failure stand in `busk_store` (`store::…`), since whatever is half done would be so there. They are
//! switched on for a whole process: so all this runs in children of the tests.

pub(crate) mod deeds;
mod outside;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use busk_store::Database;
use busk_testkit::chance::Chance;
use busk_testkit::child;
use busk_testkit::db::TestDb;
use futures_util::future::join;
use uuid::Uuid;

use crate::scene::*;
use deeds::{ALL, BUGS, Deed, Operation};

/// On the way of a write through the store, in order.
const POINTS: [&str; 5] = [
    "store::begin",
    "store::ran",
    "store::written",
    "store::commit",
    "store::committed",
];
/// How much of all is tried, unless the long run tries all. Copying a PostgreSQL takes half a second.
const SOME_ON_SQLITE: Extent = Extent {
    operations: ALL.len(),
    of_ten: 6,
};
const SOME_ON_POSTGRES: Extent = Extent {
    operations: 4,
    of_ten: 1,
};
const EVERYTHING: Extent = Extent {
    operations: ALL.len(),
    of_ten: 10,
};
const FAULTS: [Fault; 4] = [Fault::Hiccup, Fault::Error, Fault::Panic, Fault::Kill];

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Once: the store tries again by itself.
    Hiccup,
    /// From then on, until the caller was told.
    Error,
    Panic,
    /// The process ends there.
    Kill,
}

/// All that a database says of itself: what every account has, and how many rows each table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Books {
    accounts: BTreeMap<(String, Option<Uuid>), i64>,
    rows: BTreeMap<String, i64>,
}

/// An operation's books before, with another one's write that may share its transaction, with it, and with both.
struct Known {
    before: TestDb,
    between: Vec<Books>,
    /// How often each point is met on the way.
    steps: Vec<(&'static str, usize)>,
}

/// So many operations, and of ten of their cases so many, by chance.
#[derive(Clone, Copy)]
struct Extent {
    operations: usize,
    of_ten: usize,
}

/// What a case has shown that is not wrong.
#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    cases: usize,
    /// The process was killed, or a caller was told of a failure.
    failures: usize,
}

async fn books(scene: &Scene) -> Books {
    Books {
        accounts: scene.books().await,
        rows: scene.row_counts().await,
    }
}

/// Does the operation beside another's write.
async fn act(scene: &Scene, deed: Deed) -> Result<(), String> {
    let (act, beside) = join(deed.on(scene), Deed::Beside.on(scene)).await;
    act.and(beside)
}

impl Known {
    async fn of(db: TestDb, operation: &Operation) -> Self {
        let scene = Scene::set(db).await;
        for deed in operation.before {
            let done = deed.on(&scene).await;
            done.unwrap_or_else(|why| panic!("before {}: {deed:?}: {why}", operation.name));
        }
        let before = scene.copy().await;
        let mut between = Vec::new();
        for deeds in [
            &[][..],
            &[Deed::Beside],
            &[operation.deed],
            &[operation.deed, Deed::Beside],
        ] {
            let scene = Scene::open(before.copy().await);
            for deed in deeds {
                let done = deed.on(&scene).await;
                done.unwrap_or_else(|why| panic!("{}: {deed:?}: {why}", operation.name));
            }
            between.push(books(&scene).await);
        }
        assert!(between[2] != between[0], "{} changes nothing", operation.name);
        let scene = Scene::open(before.copy().await);
        let mut steps = Vec::new();
        for point in POINTS {
            let met = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&met);
            let count = move || _ = counter.fetch_add(1, Ordering::Relaxed);
            fail::cfg_callback(point, count).unwrap();
            steps.push((point, met));
        }
        act(&scene, operation.deed).await.unwrap();
        let steps = steps.into_iter().map(|(point, met)| {
            fail::remove(point);
            (point, met.load(Ordering::Relaxed))
        });
        Self {
            before,
            between,
            steps: steps.collect(),
        }
    }

    /// Has it fail, and looks what is there then and after it was asked for again; true when the failure was told.
    async fn check(
        &self,
        operation: &Operation,
        fault: Fault,
        point: &str,
        skip: usize,
    ) -> Result<bool, String> {
        let db = self.before.copy().await;
        let (scene, failed) = if let (Fault::Kill, Database::Sqlite(path)) = (fault, &db.database) {
            let folder = path.parent().unwrap().display();
            let told = format!("{folder}|{}|{point}|{skip}", operation.name);
            let mut killed = child::command(&[], "faults::is_killed", &told);
            let ended = killed.output().unwrap();
            (Scene::open(db), !ended.status.success())
        } else {
            let scene = Scene::open(db);
            arm(point, skip, fault);
            let told = act(&scene, operation.deed).await;
            fail::remove(point);
            (scene, told.is_err())
        };
        let met = books(&scene).await;
        if !self.between.contains(&met) {
            return Err(format!("half applied: {met:#?}"));
        }
        let again = act(&scene, operation.deed).await;
        again.map_err(|why| format!("it cannot be asked for again: {why}"))?;
        let (met, after) = (books(&scene).await, &self.between[3]);
        if met != *after {
            return Err(format!("{met:#?} instead of {after:#?}"));
        }
        scene.audit().await;
        Ok(failed)
    }
}

fn arm(point: &str, skip: usize, fault: Fault) {
    match fault {
        Fault::Hiccup => fail::cfg(point, &format!("{skip}*off->1*return")).unwrap(),
        Fault::Error => fail::cfg(point, &format!("{skip}*off->return")).unwrap(),
        Fault::Panic => fail::cfg(point, &format!("{skip}*off->1*panic")).unwrap(),
        Fault::Kill => {
            let met = AtomicUsize::new(0);
            // Nothing is said goodbye to, and nothing is flushed.
            let kill = move || {
                if met.fetch_add(1, Ordering::Relaxed) == skip {
                    std::process::abort();
                }
            };
            fail::cfg_callback(point, kill).unwrap();
        }
    }
}

/// Tries faults of these operations, and gives the first thing that was wrong.
async fn run(
    db: impl AsyncFn() -> TestDb,
    operations: &[Operation],
    extent: Extent,
) -> Result<Shown, String> {
    let (mut chance, mut shown) = (Chance::new(), Shown::default());
    let mut left: Vec<&Operation> = operations.iter().collect();
    for _ in 0..extent.operations.min(operations.len()) {
        let operation = left.swap_remove(chance.below(left.len()));
        let known = Known::of(db().await, operation).await;
        let steps = known.steps.iter();
        for (point, skip) in steps.flat_map(|(point, met)| (0..*met).map(move |skip| (*point, skip))) {
            for fault in FAULTS {
                let possible = fault != Fault::Kill || known.before.is_sqlite();
                if !possible || chance.below(10) >= extent.of_ten {
                    continue;
                }
                let checked = known.check(operation, fault, point, skip).await;
                let failed = checked
                    .map_err(|why| format!("{}, {fault:?} at {point} after {skip}: {why}", operation.name))?;
                // What is met once is met surely; a function that ran is done again by itself.
                if fault == Fault::Error && skip == 0 && point != "store::ran" && !failed {
                    return Err(format!(
                        "{}, an error at {point} that nobody is told of",
                        operation.name
                    ));
                }
                shown.cases += 1;
                shown.failures += usize::from(failed);
            }
        }
    }
    println!("{shown:?}");
    Ok(shown)
}

/// Runs this test in a process of its own, since the points fail for all who are in it.
fn alone(test: &str) {
    let done = child::command(&[], test, "alone").output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    println!("{said}");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn extent(usual: Extent) -> Extent {
    if child::long() { EVERYTHING } else { usual }
}

#[test]
fn a_failure_changes_nothing_or_all_on_sqlite() {
    alone("faults::on_sqlite");
}

#[test]
fn a_failure_changes_nothing_or_all_on_postgres() {
    alone("faults::on_postgres");
}

#[test]
fn what_is_half_applied_or_twice_there_is_caught() {
    alone("faults::bugs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a process of its own"]
async fn on_sqlite() {
    if child::told().is_some() {
        let shown = run(async || TestDb::sqlite(), &ALL, extent(SOME_ON_SQLITE))
            .await
            .unwrap();
        assert!(shown.failures > 0, "no failure: {shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a process of its own"]
async fn on_postgres() {
    if child::told().is_some() {
        let shown = run(async || TestDb::postgres().await, &ALL, extent(SOME_ON_POSTGRES))
            .await
            .unwrap();
        assert!(shown.cases > 0, "nothing was tried: {shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a process of its own"]
async fn bugs() {
    if child::told().is_some() {
        for (bug, word) in BUGS {
            let found = run(async || TestDb::sqlite(), &[bug], EVERYTHING).await;
            let found = found.expect_err("a bug is found");
            assert!(found.contains(word), "{found}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that is killed"]
async fn is_killed() {
    let Some(told) = child::told() else { return };
    let words: Vec<&str> = told.split('|').collect();
    let [folder, name, point, skip] = words[..] else {
        panic!("{told}")
    };
    let operation = BUGS.iter().map(|(bug, _)| bug).chain(&ALL);
    let operation = operation
        .into_iter()
        .find(|operation| operation.name == name)
        .unwrap();
    let scene = Scene::open(TestDb::sqlite_in(Path::new(folder)));
    arm(point, skip.parse().unwrap(), Fault::Kill);
    act(&scene, operation.deed).await.unwrap();
}
