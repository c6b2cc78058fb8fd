//! The jobs that ask a provider (for a refund, a transfer, a renewal), with a failure around the call: before it, after
//! it when the answer is lost, and after it when the answer is being written; an error, a panic, the process killed.
//! Done again, as the worker does it once the lease is over, provider and books are as if nothing had failed: asked
//! under the same id, the provider has done it once.
//!
//! The provider is the sandbox, whose rows are in the same database, but written in transactions of its own, as an
//! outside world's would be.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use busk_base::{RefundId, Timestamp};
use busk_rooms::restream::SealingKey;
use busk_store::jobs::{self, Job};
use busk_store::{Database, StoreError, params};
use busk_testkit::child;
use busk_testkit::db::TestDb;
use uuid::Uuid;

use super::deeds::Deed;
use super::{Books, Fault, alone, arm, books};
use crate::payments::{self, Till};
use crate::payouts::{Payouts, transfer};
use crate::providers::sandbox::Sandbox;
use crate::providers::{
    Asked, Charge, Checkout, Onboard, Onboarding, Opened, PaymentNotice, PaymentSaid, Provider,
    ProviderError, Refund, Settlement, Transfer,
};
use crate::refunds;
use crate::scene::*;
use crate::subscriptions::{self, Subscribe, Tier, renewal};

/// Where it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The provider was not asked.
    Before,
    /// It was, and its answer is lost.
    After,
    /// Its answer is being written.
    Unwritten,
}

const PLACES: [Place; 3] = [Place::Before, Place::After, Place::Unwritten];
const FAULTS: [Fault; 3] = [Fault::Error, Fault::Panic, Fault::Kill];

/// What a provider is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    Refund,
    Transfer,
    Renewal,
    /// A bug: a refund under another id each time.
    Renamed,
}

const ALL: [Asking; 3] = [Asking::Refund, Asking::Transfer, Asking::Renewal];

const LEASE: Duration = Duration::from_secs(60);
/// When every job is due, and again when its lease is over.
const FIRST: Timestamp = Timestamp::from_unix_us(NOW.unix_us() + 40 * 86_400_000_000);
const AGAIN: Timestamp = Timestamp::from_unix_us(FIRST.unix_us() + 3_600_000_000);

/// How many refunds were renamed in a history.
static RENAMED: AtomicU8 = AtomicU8::new(0);

/// The sandbox, with a failure around what it is asked.
struct Faulty {
    sandbox: Sandbox,
    fails: Option<(Place, Fault)>,
    renames: bool,
}

fn fail(fault: Fault) -> ProviderError {
    match fault {
        Fault::Hiccup | Fault::Error => ProviderError::Unavailable("it is made to fail".into()),
        Fault::Panic => panic!("it is made to fail"),
        Fault::Kill => std::process::abort(),
    }
}

impl Faulty {
    fn around<'a>(&'a self, asked: Asked<'a, ()>) -> Asked<'a, ()> {
        Box::pin(async move {
            if let Some((Place::Before, fault)) = self.fails {
                return Err(fail(fault));
            }
            let answer = asked.await;
            match self.fails {
                Some((Place::After, fault)) => Err(fail(fault)),
                Some((Place::Unwritten, fault)) => {
                    arm("store::commit", 0, fault);
                    answer
                }
                Some((Place::Before, _)) | None => answer,
            }
        })
    }
}

impl Provider for Faulty {
    fn name(&self) -> &'static str {
        self.sandbox.name()
    }

    fn checkout<'a>(&'a self, wanted: &'a Checkout) -> Asked<'a, Opened> {
        self.sandbox.checkout(wanted)
    }

    fn charge<'a>(&'a self, wanted: &'a Charge) -> Asked<'a, ()> {
        self.around(self.sandbox.charge(wanted))
    }

    fn refund<'a>(&'a self, wanted: &'a Refund) -> Asked<'a, ()> {
        if !self.renames {
            return self.around(self.sandbox.refund(wanted));
        }
        self.around(Box::pin(async move {
            let number = RENAMED.fetch_add(1, Ordering::Relaxed);
            let wanted = Refund {
                refund: RefundId(Uuid::from_u128(1_000 + u128::from(number))),
                ..wanted.clone()
            };
            self.sandbox.refund(&wanted).await
        }))
    }

    fn onboard<'a>(&'a self, wanted: &'a Onboard) -> Asked<'a, Onboarding> {
        self.sandbox.onboard(wanted)
    }

    fn transfer<'a>(&'a self, wanted: &'a Transfer) -> Asked<'a, ()> {
        self.around(self.sandbox.transfer(wanted))
    }

    fn settlements<'a>(&'a self, from: Timestamp, until: Timestamp) -> Asked<'a, Vec<Settlement>> {
        self.sandbox.settlements(from, until)
    }
}

impl Asking {
    const EVERY: [Self; 4] = [Self::Refund, Self::Transfer, Self::Renewal, Self::Renamed];

    fn kind(self) -> &'static str {
        match self {
            Asking::Refund | Asking::Renamed => refunds::REFUND_JOB,
            Asking::Transfer => transfer::TRANSFER_JOB,
            Asking::Renewal => renewal::RENEWAL_JOB,
        }
    }

    /// What comes before, up to the job that is left.
    async fn prepare(self, scene: &Scene) {
        match self {
            Asking::Refund | Asking::Renamed => {
                scene.bought(1, CID, "coins-70", 70).await;
                charged(scene, "charge-1".into(), 1, 70).await;
                Deed::RefundAsked.on(scene).await.unwrap();
            }
            Asking::Transfer => {
                known(scene).await;
                for deed in [Deed::Earned, Deed::PayoutAsked, Deed::PayoutApproved] {
                    deed.on(scene).await.unwrap();
                }
            }
            Asking::Renewal => subscribed(scene).await,
        }
    }

    async fn ask(self, till: Till, job: Job) -> Result<(), String> {
        match self {
            Asking::Refund | Asking::Renamed => refunds::ask_provider(&till, &job).await,
            Asking::Transfer => {
                let key = SealingKey::new(&[7; 32]).unwrap();
                Payouts::new(till, key).send(&job).await
            }
            Asking::Renewal => renewal::charge(&till, &job).await,
        }
    }

    /// Takes the job as the worker does, and does it; whether it was done.
    async fn work(self, scene: &Scene, fails: Option<(Place, Fault)>, now: Timestamp) -> bool {
        let site = site(scene.store.clone(), Arc::new(move || now));
        let sandbox = Sandbox::new(site.clone(), [7; 32], "http://127.0.0.1:9/".into(), true).unwrap();
        let provider = Faulty {
            sandbox,
            fails,
            renames: self == Asking::Renamed,
        };
        let till = Till::new(site, Arc::new(provider), vec![]);
        let taken = scene
            .store
            .write(move |tx| jobs::take(tx, now, LEASE, 1_000))
            .await;
        let taken = taken.unwrap().into_iter().filter(|job| job.kind == self.kind());
        let mut done = true;
        for job in taken {
            let till = till.clone();
            // A task of its own, as the worker's, since it may panic.
            let ended = tokio::spawn(async move { self.ask(till, job).await }).await;
            done &= matches!(ended, Ok(Ok(())));
        }
        ::fail::remove("store::commit");
        done
    }
}

/// The sandbox has charged a card for a payment of Cid's.
async fn charged(scene: &Scene, charge: String, payment: u128, amount: i64) {
    let written = scene.store.write(move |tx| {
        tx.execute(
            "INSERT INTO sandbox_charge (charge, payment, payer, amount, currency, card, paid) \
             VALUES ($1, $2, $3, $4, 'USD', 'pay', TRUE)",
            params![&charge, payment_id(payment), CID, amount],
        )?;
        Ok::<_, StoreError>(())
    });
    written.await.unwrap();
}

/// The sandbox knows Ada, and her bank takes what it gets.
async fn known(scene: &Scene) {
    let written = scene.store.write(|tx| {
        tx.execute(
            "INSERT INTO sandbox_account (account, channel, identity, bank, return_to) \
             VALUES ('acct-ada', $1, 'verified', 'takes', '/')",
            params![CHANNEL],
        )?;
        Ok::<_, StoreError>(())
    });
    written.await.unwrap();
}

/// Cid subscribes to Ada's channel, with a card that is good for renewals.
async fn subscribed(scene: &Scene) {
    const PAYMENT: u128 = 20;
    let begun = scene.store.write(|tx| {
        let tier = Tier {
            id: 0,
            name: "Friend".into(),
            about: String::new(),
            price: 499,
            ticket_discount: 0,
        };
        let broken = |what: String| StoreError::Broken(what);
        subscriptions::set_tiers(tx, CHANNEL, &[tier]).map_err(|error| broken(error.to_string()))?;
        let wanted = Subscribe {
            id: payment_id(PAYMENT),
            channel: CHANNEL,
            person: CID,
            tier: 1,
            provider: "sandbox",
        };
        subscriptions::subscribe(tx, &wanted, &rules(), NOW).map_err(|error| broken(error.to_string()))?;
        payments::opened(
            tx,
            wanted.id,
            &format!("checkout-{PAYMENT}"),
            "https://pay.example",
        )
    });
    begun.await.unwrap();
    let kept = payment_id(PAYMENT);
    let said = PaymentNotice {
        amount: 499,
        method: Some(format!("pm_{kept}")),
        ..notice(PAYMENT, CID, PaymentSaid::Settled)
    };
    scene.hear(said).await;
    charged(scene, format!("ch_{kept}"), PAYMENT, 499).await;
}

/// What provider and books come to; which jobs are left is among the rows.
async fn all(scene: &Scene) -> (Books, BTreeMap<String, i64>) {
    use busk_store::Read;
    let moved = scene.store.read(|db| {
        let rows = db.rows("SELECT id, gross FROM sandbox_movement ORDER BY id", &[])?;
        let moved = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?)));
        moved.collect::<Result<_, StoreError>>()
    });
    (books(scene).await, moved.await.unwrap())
}

/// Has it fail at a place, and looks whether it is right after it was done again.
async fn check(before: &TestDb, asking: Asking, place: Place, fault: Fault) -> Result<(), String> {
    let good = Scene::open(before.copy().await);
    RENAMED.store(0, Ordering::Relaxed);
    assert!(
        asking.work(&good, None, FIRST).await,
        "{asking:?} without a failure"
    );
    let expected = all(&good).await;

    let db = before.copy().await;
    RENAMED.store(0, Ordering::Relaxed);
    let scene = if let (Fault::Kill, Database::Sqlite(path)) = (fault, &db.database) {
        let folder = path.parent().unwrap().display();
        let told = format!("{folder}|{asking:?}|{place:?}");
        let ended = child::command(&[], "faults::outside::is_killed", &told)
            .output()
            .unwrap();
        if ended.status.success() {
            return Err("it was not killed".into());
        }
        Scene::open(db)
    } else {
        let scene = Scene::open(db);
        // What fails once while it is written, the store may have written after all.
        if asking.work(&scene, Some((place, fault)), FIRST).await && place != Place::Unwritten {
            return Err("it did not fail".into());
        }
        scene
    };
    if !asking.work(&scene, None, AGAIN).await {
        return Err("it cannot be done again".into());
    }
    let met = all(&scene).await;
    if met != expected {
        return Err(format!("{met:#?} instead of {expected:#?}"));
    }
    scene.audit().await;
    Ok(())
}

async fn run(db: impl AsyncFn() -> TestDb, askings: &[Asking]) -> Result<usize, String> {
    let mut cases = 0;
    for asking in askings {
        let scene = Scene::set(db().await).await;
        asking.prepare(&scene).await;
        let before = scene.copy().await;
        for (place, fault) in PLACES
            .iter()
            .flat_map(|place| FAULTS.map(|fault| (*place, fault)))
        {
            if fault == Fault::Kill && !before.is_sqlite() {
                continue;
            }
            let checked = check(&before, *asking, place, fault).await;
            checked.map_err(|why| format!("{asking:?}, {fault:?} {place:?}: {why}"))?;
            cases += 1;
        }
    }
    Ok(cases)
}

#[test]
fn an_asking_that_fails_is_asked_once_on_sqlite() {
    alone("faults::outside::on_sqlite");
}

#[test]
fn an_asking_that_fails_is_asked_once_on_postgres() {
    alone("faults::outside::on_postgres");
}

#[test]
fn what_is_asked_under_another_id_is_caught() {
    alone("faults::outside::bug");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a process of its own"]
async fn on_sqlite() {
    if child::told().is_some() {
        assert_eq!(run(async || TestDb::sqlite(), &ALL).await, Ok(27));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a process of its own"]
async fn on_postgres() {
    if child::told().is_some() {
        assert_eq!(run(async || TestDb::postgres().await, &ALL).await, Ok(18));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a process of its own"]
async fn bug() {
    if child::told().is_some() {
        let found = run(async || TestDb::sqlite(), &[Asking::Renamed]).await;
        let found = found.expect_err("what is doubled is found");
        assert!(found.contains("After") && found.contains("instead of"), "{found}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that is killed"]
async fn is_killed() {
    let Some(told) = child::told() else { return };
    let words: Vec<&str> = told.split('|').collect();
    let [folder, asking, place] = words[..] else {
        panic!("{told}")
    };
    let asking = Asking::EVERY
        .into_iter()
        .find(|known| format!("{known:?}") == asking);
    let place = PLACES.into_iter().find(|known| format!("{known:?}") == place);
    let scene = Scene::open(TestDb::sqlite_in(Path::new(folder)));
    let fails = Some((place.unwrap(), Fault::Kill));
    asking.unwrap().work(&scene, fails, FIRST).await;
}
