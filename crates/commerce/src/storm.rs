//! Ten thousand notices of every kind, doubled, shuffled, late, with the program ended between: the books are those of
//! the history in which each came once and in order.

use busk_base::{ChannelId, JobId, PersonId, RefundId};
use busk_people::Role;
use busk_people::sign_up::{SignUp, sign_up};
use busk_store::StoreError;
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use futures_util::future::join_all;
use uuid::Uuid;

use crate::chance::Chance;
use crate::coins::{self, Buy};
use crate::notices;
use crate::payments;
use crate::providers::{About, DisputeSaid, Notice, PaymentSaid, RefundNotice, RefundSaid};
use crate::refunds::{self, Ask, By};
use crate::rules::Rules;
use crate::scene::*;

const PAYERS: u128 = 1_400;
const DELIVERIES: usize = 10_000;
/// Deliveries between two ends of the program.
const CHUNK: usize = 1_600;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Declined,
    Spent,
    Refunded,
    RefundFailed,
    Disputed,
    DisputeWon,
    DisputeLost,
    /// Lost before the payment is heard of.
    LostEarly,
}

const FATES: [Fate; 8] = [
    Fate::Declined,
    Fate::Spent,
    Fate::Refunded,
    Fate::RefundFailed,
    Fate::Disputed,
    Fate::DisputeWon,
    Fate::DisputeLost,
    Fate::LostEarly,
];

fn fate(payer: u128) -> Fate {
    FATES[(payer % 8) as usize]
}

fn person(payer: u128) -> PersonId {
    PersonId(Uuid::from_u128(payer + 1_000_000))
}

fn number(payer: u128) -> u128 {
    payer + 10_000
}

fn refund_id(payer: u128) -> RefundId {
    RefundId(Uuid::from_u128(payer + 2_000_000))
}

fn named(id: String, about: About) -> Notice {
    Notice { id, about }
}

/// What is said of payments before anybody spends or asks, in order.
fn first_notices() -> Vec<Notice> {
    let mut all = Vec::new();
    for payer in 0..PAYERS {
        let payment = |word: &str, said| {
            let said = notice(number(payer), person(payer), said);
            named(format!("{payer}-{word}"), About::Payment(said))
        };
        all.push(payment("pending", PaymentSaid::Pending));
        if payer % 3 == 0 {
            all.push(payment("expired", PaymentSaid::Expired));
        }
        let declined = fate(payer) == Fate::Declined;
        let end = if declined {
            PaymentSaid::Declined
        } else {
            PaymentSaid::Settled
        };
        all.push(payment("end", end));
        if fate(payer) == Fate::LostEarly {
            all.push(named(
                format!("{payer}-lost"),
                dispute(number(payer), DisputeSaid::Lost, 70),
            ));
        }
    }
    all
}

/// What is said afterwards, in order.
fn second_notices() -> Vec<Notice> {
    let mut all = Vec::new();
    for payer in 0..PAYERS {
        let refund = |said| {
            let said = RefundNotice {
                said,
                refund: refund_id(payer),
                amount: 40,
                currency: "USD".into(),
            };
            named(format!("{payer}-refund-{:?}", said.said), About::Refund(said))
        };
        let disputed = |said| named(format!("{payer}-{said:?}"), dispute(number(payer), said, 70));
        match fate(payer) {
            Fate::Declined | Fate::Spent => {}
            Fate::Refunded => all.push(refund(RefundSaid::Succeeded)),
            Fate::RefundFailed => all.push(refund(RefundSaid::Failed)),
            Fate::Disputed | Fate::LostEarly => all.push(disputed(DisputeSaid::Opened)),
            Fate::DisputeWon => all.extend([disputed(DisputeSaid::Opened), disputed(DisputeSaid::Won)]),
            Fate::DisputeLost => all.extend([disputed(DisputeSaid::Opened), disputed(DisputeSaid::Lost)]),
        }
        // And what fits nothing.
        if payer % 50 == 0 {
            let mut wrong = notice(number(payer), person(payer), PaymentSaid::Settled);
            wrong.amount = 7_000;
            all.push(named(format!("{payer}-wrong"), About::Payment(wrong)));
        }
    }
    all
}

fn generous() -> Rules {
    let mut rules = rules();
    rules.policy.payments_per_hour_max = u32::MAX;
    rules
}

/// Everybody signs up and begins to buy 70 coins.
async fn begin_all(scene: &Scene) {
    for start in (0..PAYERS).step_by(100) {
        let begun = scene.store.write(move |tx| {
            for payer in start..(start + 100).min(PAYERS) {
                let new = SignUp {
                    person: person(payer),
                    channel: ChannelId(Uuid::from_u128(payer + 3_000_000)),
                    handle: format!("payer{payer}"),
                    display_name: format!("Payer {payer}"),
                    password_hash: "hash".into(),
                    role: Role::Viewer,
                };
                let refused = |e: &dyn std::fmt::Display| StoreError::Broken(e.to_string());
                sign_up(tx, &new, NOW).map_err(|e| refused(&e))?;
                busk_people::adult::declare(tx, new.person, NOW)?;
                let buy: Buy = buy_70(number(payer), new.person);
                coins::buy(tx, &buy, &generous(), NOW).map_err(|e| refused(&e))?;
                let checkout = format!("checkout-{}", number(payer));
                payments::opened(tx, buy.id, &checkout, "https://pay.example")?;
            }
            Ok::<_, StoreError>(())
        });
        begun.await.unwrap();
    }
}

/// What people do in between: some spend, some want 40 of their 70 cents back.
async fn act_all(scene: &Scene) {
    for payer in 0..PAYERS {
        match fate(payer) {
            Fate::Spent | Fate::Disputed | Fate::DisputeWon | Fate::DisputeLost => {
                let kind = if payer % 16 < 8 { "coffee" } else { "rose" };
                scene
                    .give(payer + 5_000_000, person(payer), kind, 1, NOW)
                    .await
                    .unwrap();
            }
            Fate::Refunded | Fate::RefundFailed => {
                let ask = Ask {
                    id: refund_id(payer),
                    payment: payment_id(number(payer)),
                    by: By::Payer(person(payer)),
                    amount: Some(40),
                    reason: "by mistake".into(),
                };
                let job = JobId(ask.id.0);
                let asked = scene
                    .store
                    .write(move |tx| refunds::ask(tx, &ask, job, &rules(), NOW));
                asked.await.unwrap();
            }
            Fate::Declined | Fate::LostEarly => {}
        }
    }
}

async fn deliver(scene: &Scene, all: &[Notice]) {
    for some in all.chunks(64) {
        let heard = some.iter().cloned().map(|notice| {
            scene
                .store
                .write(move |tx| notices::hear(tx, "sandbox", &notice, &rules(), NOW))
        });
        for heard in join_all(heard).await {
            heard.unwrap();
        }
    }
}

/// Doubles notices at random up to a number, and shuffles them.
fn stormy(chance: &mut Chance, mut all: Vec<Notice>, deliveries: usize) -> Vec<Notice> {
    let once = all.len();
    while all.len() < deliveries {
        let again = all[chance.place(once)].clone();
        all.push(again);
    }
    chance.shuffle(&mut all);
    all
}

/// Delivers with the program ended in between. What was on its way then comes again.
async fn deliver_through_crashes(mut scene: Scene, all: &[Notice]) -> Scene {
    for some in all.chunks(CHUNK) {
        deliver(&scene, some).await;
        scene = scene.reopen();
        deliver(&scene, &some[some.len().saturating_sub(64)..]).await;
    }
    scene
}

each_db!(notices_count_once_in_any_order, async |db| {
    let orderly = Scene::set(TestDb::sqlite()).await;
    begin_all(&orderly).await;
    deliver(&orderly, &first_notices()).await;
    act_all(&orderly).await;
    deliver(&orderly, &second_notices()).await;

    let mut chance = Chance::new();
    let scene = Scene::set(db).await;
    begin_all(&scene).await;
    let first = stormy(&mut chance, first_notices(), DELIVERIES / 2);
    let scene = deliver_through_crashes(scene, &first).await;
    act_all(&scene).await;
    // The first ones go on coming.
    let mut second = second_notices();
    second.extend(first_notices());
    let second = stormy(&mut chance, second, DELIVERIES / 2);
    let scene = deliver_through_crashes(scene, &second).await;

    assert!(first.len() + second.len() >= DELIVERIES);
    assert_eq!(scene.books().await, orderly.books().await);
    scene.audit().await;
    orderly.audit().await;
});
