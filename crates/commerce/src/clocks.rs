//! Clocks that jump, by a second to a month, forwards and backwards, and over the ends of months, while people give,
//! buy, and creators wait.
//!
//! A clock that jumped forward cannot be told from time that passed, so what can be promised is: nothing is free before
//! its hold was over by some clock that a release saw; nothing is released twice; a higher cap does not act before its
//! wait was over by some clock; nothing is ever refused for being late or early; and in the end all of it is free.

use std::time::Duration;

use busk_base::{PersonId, PostingId, Timestamp, split};
use busk_ledger::seal;
use busk_store::{Read, StoreError, params};
use busk_testkit::chance::Chance;
use busk_testkit::child;
use busk_testkit::db::TestDb;
use uuid::Uuid;

use crate::accounts::*;
use crate::caps::{self, Period, Wanted};
use crate::coins;
use crate::earnings;
use crate::notices::{self, Heard};
use crate::payments::{self, NewPayment, Order, Weighed};
use crate::providers::{About, Notice, PaymentNotice, PaymentSaid};
use crate::rules::Rules;
use crate::sales;
use crate::scene::*;

const HISTORIES: usize = 40;
const HISTORIES_LONG: usize = 200;
const STEPS: usize = 60;
const DAY: Duration = Duration::from_secs(86_400);
const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// A sale's price, and the part of it that Ada gets.
const PRICE: i64 = 1_000;
const SHARE: i64 = 700;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    /// Releases what is free a day later.
    Early,
    /// Forgets what it has released whenever the clock goes back.
    Forgetful,
    /// Takes a higher cap at once.
    Eager,
}

/// What came at some clock: so much.
type Lot = (Timestamp, i64);

struct History {
    scene: Scene,
    bug: Bug,
    now: Timestamp,
    /// The latest clock that a release has seen, and any clock at all.
    release_latest: Timestamp,
    latest: Timestamp,
    number: u128,
    diamonds: Vec<Lot>,
    money: Vec<Lot>,
    /// What went to the reserve.
    reserved: Vec<Lot>,
    /// Caps that were asked for, and from when each may act.
    caps: Vec<Lot>,
    done: Vec<String>,
}

fn generous() -> Rules {
    let mut rules = rules();
    rules.policy.payments_per_hour_max = u32::MAX;
    rules.policy.reserve_percent = 10;
    rules
}

/// What of these is past its hold at a clock.
fn past(lots: &[Lot], hold: Duration, clock: Timestamp) -> i64 {
    let past = lots.iter().filter(|(at, _)| *at + hold <= clock);
    past.map(|(_, amount)| amount).sum()
}

fn sum(lots: &[Lot]) -> i64 {
    lots.iter().map(|(_, amount)| amount).sum()
}

fn told<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

impl History {
    async fn begin(db: TestDb, bug: Bug) -> Self {
        let scene = Scene::set(db).await;
        // Of a pack without promotional coins, which bring no diamonds.
        scene.bought(901, BEA, "coins-1400", 1_400).await;
        Self {
            scene,
            bug,
            now: NOW,
            release_latest: NOW,
            latest: NOW,
            number: 10_000,
            diamonds: Vec::new(),
            money: Vec::new(),
            reserved: Vec::new(),
            caps: Vec::new(),
            done: Vec::new(),
        }
    }

    fn next(&mut self) -> u128 {
        self.number += 1;
        self.number
    }

    async fn step(&mut self, chance: &mut Chance) -> Result<(), String> {
        if chance.below(2) == 0 {
            self.jump(chance).await;
        }
        match chance.below(12) {
            0..=2 => self.give().await,
            3..=4 => self.sell().await,
            5 => self.buy(chance).await,
            6..=7 => self.cap(chance).await,
            8 => self.seal().await,
            _ => self.release().await,
        }?;
        self.check().await
    }

    async fn jump(&mut self, chance: &mut Chance) {
        let by = [1, 60, 3_600, 86_400, 7 * 86_400, 30 * 86_400][chance.below(6)];
        let by = Duration::from_secs(by);
        let before = self.now;
        self.now = match chance.below(5) {
            0 | 1 => self.now + by,
            2 | 3 => self.now - by,
            // Just before the month's end, or when it is over.
            _ => {
                let end = self.now.next_month().expect("these years have months");
                end - Duration::from_micros(chance.below(2) as u64)
            }
        };
        self.latest = self.latest.max(self.now);
        self.done
            .push(format!("the clock goes from {before:?} to {:?}", self.now));
        if self.bug == Bug::Forgetful && self.now < before {
            let forget = self
                .scene
                .store
                .write(|tx| tx.execute("DELETE FROM earnings_release", &[]));
            forget.await.unwrap();
        }
    }

    /// Bea gives coffee for 25 coins: 13 diamonds.
    async fn give(&mut self) -> Result<(), String> {
        self.done.push("a gift".into());
        let number = self.next();
        // Promotional coins go first, and bring no diamonds.
        let given = self
            .scene
            .give(number, BEA, "coffee", 1, self.now)
            .await
            .map_err(told)?;
        self.diamonds.push((self.now, given.shares.creator));
        Ok(())
    }

    /// Cid pays for something of Ada's channel, and has it at once.
    async fn sell(&mut self) -> Result<(), String> {
        self.done.push("a sale".into());
        let (number, now) = (self.next(), self.now);
        let sold = self.scene.store.write(move |tx| {
            let broken = |error: &dyn std::fmt::Display| StoreError::Broken(error.to_string());
            let new = NewPayment {
                id: payment_id(number),
                payer: CID,
                order: Order::Badge,
                price: PRICE,
                provider: "sandbox",
            };
            payments::begin(tx, &new, &generous().policy, now).map_err(|e| broken(&e))?;
            payments::opened(tx, new.id, &format!("checkout-{number}"), "https://pay.example")?;
            let said = PaymentNotice {
                amount: PRICE,
                ..notice(number, CID, PaymentSaid::Settled)
            };
            let Weighed::Settled(payment) = payments::hear(tx, &said, now)? else {
                return Err(broken(&"it is not settled"));
            };
            sales::paid(tx, &payment, &generous(), now).map_err(|e| broken(&e))?;
            sales::deliver(tx, &payment, CHANNEL, 70, &generous(), now).map_err(|e| broken(&e))?;
            Ok(())
        });
        sold.await.map_err(told)?;
        self.money.push((now, SHARE));
        Ok(())
    }

    /// Coins are bought at one clock and paid for at another.
    async fn buy(&mut self, chance: &mut Chance) -> Result<(), String> {
        self.done.push("coins".into());
        let (number, now) = (self.next(), self.now);
        let begun = self.scene.store.write(move |tx| {
            let purchase = coins::buy(tx, &buy_70(number, ADA), &generous(), now)?;
            payments::opened(
                tx,
                payment_id(number),
                &format!("checkout-{number}"),
                "https://pay.example",
            )?;
            Ok::<_, coins::BuyError>(purchase)
        });
        begun.await.map_err(told)?;
        self.jump(chance).await;
        let now = self.now;
        let settled = Notice {
            id: format!("evt-{number}"),
            about: About::Payment(notice(number, ADA, PaymentSaid::Settled)),
        };
        let heard = self
            .scene
            .store
            .write(move |tx| notices::hear(tx, "sandbox", &settled, &generous(), now));
        match heard.await.map_err(told)? {
            Heard::Settled => Ok(()),
            other => Err(format!("a payment that settled is {other:?}")),
        }
    }

    /// Bea, who buys nothing more, wants another cap for a day.
    async fn cap(&mut self, chance: &mut Chance) -> Result<(), String> {
        let limit = 100 * (1 + chance.below(9) as i64);
        self.done.push(format!("a cap of {limit}"));
        let in_force = self.limit(BEA).await;
        let wanted = Wanted {
            person: BEA,
            day: Some(limit),
            month: None,
        };
        let (now, mut policy) = (self.now, rules().policy);
        let wait = Duration::from_secs(policy.spending_cap_raise_s);
        if self.bug == Bug::Eager {
            policy.spending_cap_raise_s = 0;
        }
        let set = self
            .scene
            .store
            .write(move |tx| caps::set(tx, &wanted, &policy, now));
        set.await.map_err(told)?;
        let higher = in_force.is_some_and(|in_force| limit > in_force);
        self.caps.push((if higher { now + wait } else { now }, limit));
        Ok(())
    }

    async fn limit(&self, person: PersonId) -> Option<i64> {
        let read = self.scene.store.write(move |tx| tx.find::<caps::Caps>(&person));
        let caps: Option<caps::Caps> = read.await.unwrap();
        caps.and_then(|caps| caps.of(Period::Day).limit(self.now))
    }

    async fn seal(&mut self) -> Result<(), String> {
        self.done.push("months are closed".into());
        let (store, now) = (&self.scene.store, self.now);
        while let Some(until) = store
            .read(move |db| seal::due(db, now))
            .await
            .map_err(|e: StoreError| told(e))?
        {
            let begun = store.write(move |tx| seal::begin(tx, until, now));
            begun.await.map_err(|e: seal::CloseError| told(e))?;
            let drawn = store
                .read(move |db| db.snapshot(|db| seal::draw(db, until)))
                .await;
            if let Some(seal) = drawn.map_err(|e: StoreError| told(e))? {
                store.write(move |tx| seal::keep(tx, &seal)).await.map_err(told)?;
            }
        }
        Ok(())
    }

    async fn release(&mut self) -> Result<(), String> {
        self.done.push("a release".into());
        let (first, second) = (self.next(), self.next());
        let id = |number| PostingId(Uuid::from_u128(number));
        let now = if self.bug == Bug::Early {
            self.now + DAY
        } else {
            self.now
        };
        let pending = self.scene.balance(earnings_pending(CHANNEL)).await;
        let released = self.scene.store.write(move |tx| {
            earnings::release(tx, CHANNEL, id(first), &generous(), now)?;
            earnings::release_money(tx, CHANNEL, id(second), &generous(), now)
        });
        released.await.map_err(told)?;
        self.release_latest = self.release_latest.max(self.now);
        let left = pending - self.scene.balance(earnings_pending(CHANNEL)).await;
        self.reserved.push((self.now, split(left, 90).platform));
        Ok(())
    }

    async fn check(&self) -> Result<(), String> {
        let has = async |account| self.scene.balance(account).await;
        let pending = has(diamonds_pending(CHANNEL)).await;
        let available = has(diamonds_available(CHANNEL)).await;
        let given = sum(&self.diamonds);
        if pending + available != given {
            return Err(format!(
                "{given} diamonds came, and {pending} + {available} are there"
            ));
        }
        let free = past(&self.diamonds, WEEK, self.release_latest);
        if available > free {
            return Err(format!(
                "{available} diamonds are available, {free} were held long enough"
            ));
        }
        let [pending, kept, available] = [
            has(earnings_pending(CHANNEL)).await,
            has(earnings_reserve(CHANNEL)).await,
            has(earnings_available(CHANNEL)).await,
        ];
        let sold = sum(&self.money);
        if pending + kept + available != sold {
            return Err(format!(
                "{sold} came, and {pending} + {kept} + {available} are there"
            ));
        }
        let free = past(&self.money, WEEK, self.release_latest);
        let still = sum(&self.reserved) - past(&self.reserved, DAY * 90, self.release_latest);
        if available + kept > free || available > free - still {
            return Err(format!(
                "{available} and {kept} are free of {free}, of which {still} is kept"
            ));
        }
        if let Some(limit) = self.limit(BEA).await {
            let may = self
                .caps
                .iter()
                .any(|(from, cap)| *cap == limit && *from <= self.latest);
            if !may {
                return Err(format!("the cap of {limit} acts, of {:?}", self.caps));
            }
        }
        Ok(())
    }

    /// Long after every clock that was seen, all is free.
    async fn end(&mut self) -> Result<(), String> {
        let last = self.scene.store.read(|db| {
            let row = db.row("SELECT MAX(at) FROM ledger_posting", params![])?;
            row.map_or(Ok(NOW), |row| row.get::<Timestamp>(0))
        });
        self.now = last.await.map_err(|e: StoreError| told(e))?.max(self.latest) + DAY * 8;
        for _ in 0..2 {
            self.latest = self.now;
            self.release().await?;
            self.check().await?;
            self.now = self.now + DAY * 91;
        }
        let mut left = Vec::new();
        for account in [
            diamonds_pending(CHANNEL),
            earnings_pending(CHANNEL),
            earnings_reserve(CHANNEL),
        ] {
            left.push(self.scene.balance(account).await);
        }
        self.scene.audit().await;
        if left == [0; 3] {
            Ok(())
        } else {
            Err(format!("{left:?} is never free"))
        }
    }
}

/// Runs histories, and gives what was done in the first that went wrong.
async fn run(db: impl AsyncFn() -> TestDb, bug: Bug, histories: usize) -> Result<(), String> {
    let mut chance = Chance::new();
    for _ in 0..histories {
        let mut history = History::begin(db().await, bug).await;
        for _ in 0..STEPS {
            let step = history.step(&mut chance).await;
            step.map_err(|why| format!("{:#?}\n{why}", history.done))?;
        }
        let ended = history.end().await;
        ended.map_err(|why| format!("{:#?}\nin the end {why}", history.done))?;
    }
    Ok(())
}

fn histories(usual: usize) -> usize {
    if child::long() { HISTORIES_LONG } else { usual }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_early_twice_or_refused_on_sqlite() {
    run(async || TestDb::sqlite(), Bug::None, histories(HISTORIES))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_early_twice_or_refused_on_postgres() {
    let few = histories(HISTORIES / 8);
    run(async || TestDb::postgres().await, Bug::None, few)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seeded_bugs_are_found() {
    for bug in [Bug::Early, Bug::Forgetful, Bug::Eager] {
        let found = run(async || TestDb::sqlite(), bug, 50).await;
        assert!(found.is_err(), "{bug:?} was not noticed");
    }
}
