//! Money's holds, on both databases: by example, and against a model that keeps its own lists.

use std::collections::VecDeque;

use busk_base::{Currency, PaymentId, PersonId};
use busk_ledger::policy::add;
use busk_testkit::each_db;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::payments::{Payment, PaymentState};
use crate::sales;
use crate::scene::*;

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// Policy 2: short holds that differ. Policy 3: others, and a tenth is kept back.
fn policies() -> [Policy; 2] {
    let second = Policy {
        badge_hold_s: 100,
        ticket_hold_s: 300,
        subscription_hold_s: 200,
        ..Policy::default()
    };
    let third = Policy {
        badge_hold_s: 50,
        ticket_hold_s: 60,
        subscription_hold_s: 400,
        reserve_percent: 10,
        reserve_hold_s: 500,
        ..Policy::default()
    };
    [second, third]
}

fn rules_of(version: i64) -> Rules {
    Rules {
        version: PolicyVersion(version),
        policy: policies()[(version - 2) as usize].clone(),
    }
}

async fn with_policies(db: busk_testkit::db::TestDb) -> Scene {
    let scene = Scene::set(db).await;
    let added = scene.store.write(|tx| {
        for (policy, after) in policies().iter().zip(1..) {
            add(tx, policy, NOW + seconds(after), NOW).map_err(|e| StoreError::Broken(e.to_string()))?;
        }
        Ok::<_, StoreError>(())
    });
    added.await.unwrap();
    scene
}

fn payment(number: u128, order: Order, price: i64) -> Payment {
    Payment {
        id: PaymentId(Uuid::from_u128(number)),
        payer: PersonId(Uuid::from_u128(2)),
        order,
        price,
        currency: Currency::USD.code().into(),
        provider: "sandbox".into(),
        checkout: None,
        checkout_url: None,
        state: PaymentState::Paid,
        charge: None,
        method: None,
        country: None,
        refunded: 0,
        disputed: 0,
        created_at: NOW,
        expires_at: NOW,
        settled_at: Some(NOW),
    }
}

/// Sells and delivers; gives the creator's part.
async fn sell(
    scene: &Scene,
    channel: ChannelId,
    of: &Payment,
    share: u8,
    rules: &Rules,
    now: Timestamp,
) -> i64 {
    let (of, rules) = (of.clone(), rules.clone());
    let sold = scene.store.write(move |tx| {
        sales::paid(tx, &of, &rules, now)?;
        sales::deliver(tx, &of, channel, share, &rules, now)
    });
    sold.await.unwrap().parts.creator
}

/// Gives money back; gives what of it was the creator's.
async fn refund(
    scene: &Scene,
    of: &Payment,
    amount: i64,
    number: u128,
    rules: &Rules,
    now: Timestamp,
) -> i64 {
    let (of, rules) = (of.clone(), rules.clone());
    let id = PostingId(Uuid::from_u128(number));
    let back = scene.store.write(move |tx| {
        let part = |tx: &mut Tx| {
            tx.find::<sales::Sale>(&of.id)
                .map(|sale| sale.unwrap().parts.creator)
        };
        let before = part(tx)?;
        sales::take_back(tx, &of, amount, PSP_CLEARING, id, &rules, now)?;
        Ok::<_, PostError>(before - part(tx)?)
    });
    back.await.unwrap()
}

async fn release(scene: &Scene, channel: ChannelId, number: u128, rules: &Rules, now: Timestamp) -> i64 {
    let (id, own) = (PostingId(Uuid::from_u128(number)), rules.clone());
    let due = scene
        .store
        .read(move |db| money_due(db, channel, now))
        .await
        .unwrap();
    let released = scene
        .store
        .write(move |tx| release_money(tx, channel, id, &own, now));
    let released = released.await.unwrap();
    assert_eq!(released, due, "what is said to be due is what is released");
    released
}

/// Pending, reserve, available, debt.
async fn has(scene: &Scene, channel: ChannelId) -> [i64; 4] {
    [
        scene.balance(earnings_pending(channel)).await,
        scene.balance(earnings_reserve(channel)).await,
        scene.balance(earnings_available(channel)).await,
        -scene.balance(debt(channel)).await,
    ]
}

each_db!(each_kind_waits_out_its_own_hold, async |db| {
    let scene = with_policies(db).await;
    let rules = rules_of(2);
    let kinds = [Order::Ticket, Order::Badge, Order::Subscription];
    for (number, order) in (1..).zip(kinds) {
        sell(&scene, CHANNEL, &payment(number, order, 1_000), 100, &rules, NOW).await;
    }
    let next = scene.store.read(|db| next_money(db, CHANNEL, NOW)).await.unwrap();
    assert_eq!(next, Some((NOW + seconds(100), 3_000)));
    let us = Duration::from_micros(1);
    assert_eq!(
        release(&scene, CHANNEL, 101, &rules, NOW + seconds(100) - us).await,
        0
    );
    assert_eq!(
        release(&scene, CHANNEL, 102, &rules, NOW + seconds(100)).await,
        1_000
    );
    assert_eq!(
        release(&scene, CHANNEL, 103, &rules, NOW + seconds(100)).await,
        0,
        "once only"
    );
    // The clock goes back: what was released stays so, and nothing more comes.
    assert_eq!(release(&scene, CHANNEL, 104, &rules, NOW).await, 0);
    assert_eq!(
        release(&scene, CHANNEL, 105, &rules, NOW + seconds(299)).await,
        1_000
    );
    assert_eq!(
        has(&scene, CHANNEL).await,
        [1_000, 0, 2_000, 0],
        "the ticket waits"
    );
    assert_eq!(
        release(&scene, CHANNEL, 106, &rules, NOW + seconds(300)).await,
        1_000
    );
    assert_eq!(has(&scene, CHANNEL).await, [0, 0, 3_000, 0]);
    // A shorter hold in force now frees nothing that was earned under a longer one.
    sell(
        &scene,
        CHANNEL,
        &payment(9, Order::Badge, 1_000),
        100,
        &rules,
        NOW,
    )
    .await;
    assert_eq!(
        release(&scene, CHANNEL, 107, &rules_of(3), NOW + seconds(60)).await,
        0
    );
    scene.audit().await;
});

each_db!(what_is_given_back_is_not_released, async |db| {
    let scene = with_policies(db).await;
    let rules = rules_of(2);
    let (first, second) = (payment(1, Order::Badge, 1_000), payment(2, Order::Ticket, 1_000));
    sell(&scene, CHANNEL, &first, 100, &rules, NOW).await;
    sell(&scene, CHANNEL, &second, 100, &rules, NOW).await;
    assert_eq!(refund(&scene, &first, 400, 201, &rules, NOW).await, 400);
    assert_eq!(
        release(&scene, CHANNEL, 101, &rules, NOW + seconds(100)).await,
        600
    );
    // Of what is released already, the rest is given back from what is pending: the ticket's.
    assert_eq!(refund(&scene, &first, 600, 202, &rules, NOW).await, 600);
    assert_eq!(has(&scene, CHANNEL).await, [400, 0, 600, 0]);
    assert_eq!(release(&scene, CHANNEL, 102, &rules, NOW + seconds(299)).await, 0);
    assert_eq!(
        release(&scene, CHANNEL, 103, &rules, NOW + seconds(300)).await,
        400
    );
    scene.audit().await;
});

/// Every leg of a posting: from, to, how much.
async fn legs(scene: &Scene, posting: PostingId) -> Vec<(String, String, i64)> {
    let read = scene.store.read(move |db| busk_ledger::transfers_of(db, posting));
    let rows = read.await.unwrap().into_iter();
    rows.map(|row| (row.debit.account, row.credit.account, row.amount))
        .collect()
}

fn leg(from: &str, to: &str, amount: i64) -> (String, String, i64) {
    (from.into(), to.into(), amount)
}

each_db!(a_part_is_kept_back_and_debt_is_settled_first, async |db| {
    let scene = with_policies(db).await;
    let rules = rules_of(3);
    let owing = scene.store.write(|tx| {
        let posting = Posting {
            id: PostingId(Uuid::from_u128(77)),
            cause: Cause {
                kind: "test",
                id: CHANNEL.0,
            },
            policy: PolicyVersion(1),
            corrects: None,
            legs: money_moves([(debt(CHANNEL), PSP_CLEARING, 250)]),
        };
        busk_ledger::post(tx, &posting, NOW)
    });
    owing.await.unwrap();
    sell(
        &scene,
        CHANNEL,
        &payment(1, Order::Badge, 1_005),
        100,
        &rules,
        NOW,
    )
    .await;
    assert_eq!(
        release(&scene, CHANNEL, 101, &rules, NOW + seconds(50)).await,
        1_005
    );
    assert_eq!(
        legs(&scene, PostingId(Uuid::from_u128(101))).await,
        [
            leg("earnings.pending", "earnings.available", 905),
            leg("earnings.pending", "earnings.reserve", 100),
        ]
    );
    assert_eq!(
        legs(&scene, following(Uuid::from_u128(101), "debt")).await,
        [leg("earnings.available", "debt", 250)]
    );
    assert_eq!(has(&scene, CHANNEL).await, [0, 100, 655, 0]);
    assert_eq!(release(&scene, CHANNEL, 102, &rules, NOW + seconds(549)).await, 0);
    assert_eq!(
        release(&scene, CHANNEL, 103, &rules, NOW + seconds(550)).await,
        100
    );
    assert_eq!(
        legs(&scene, PostingId(Uuid::from_u128(103))).await,
        [leg("earnings.reserve", "earnings.available", 100)]
    );
    assert_eq!(has(&scene, CHANNEL).await, [0, 0, 755, 0]);
    scene.audit().await;
});

#[derive(Clone, Debug)]
enum Step {
    Sell {
        kind: usize,
        price: i64,
        version: i64,
    },
    /// Of one of the sales so far.
    Refund {
        of: usize,
        amount: i64,
    },
    /// Under one of the policies.
    Release {
        version: i64,
    },
    /// The clock goes on, or jumps back.
    Wait {
        seconds: i64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sell = (0usize..3, 1i64..5_000, 2i64..=3).prop_map(|(kind, price, version)| Step::Sell {
        kind,
        price,
        version,
    });
    let refund = (0usize..20, 1i64..5_000).prop_map(|(of, amount)| Step::Refund { of, amount });
    let release = (2i64..=3).prop_map(|version| Step::Release { version });
    let wait = (-150i64..300).prop_map(|seconds| Step::Wait { seconds });
    prop::collection::vec(
        prop_oneof![3 => sell, 2 => refund, 3 => release, 3 => wait],
        1..40,
    )
}

/// What a creator has, by lists of its own.
#[derive(Default)]
struct Model {
    /// Sale, when it is free, what is left of it.
    held: VecDeque<(usize, Timestamp, i64)>,
    kept_back: VecDeque<(Timestamp, i64)>,
    has: [i64; 4],
    released: i64,
}

impl Model {
    fn give_back(&mut self, sale: usize, amount: i64) {
        let mut left = amount;
        let of_pending = self.has[0].min(left);
        if let Some((_, _, lot)) = self.held.iter_mut().find(|(of, ..)| *of == sale) {
            *lot -= of_pending.min(*lot);
        }
        for place in 0..3 {
            let taken = self.has[place].min(left);
            self.has[place] -= taken;
            left -= taken;
        }
        self.has[3] += left;
    }

    fn release(&mut self, policy: &Policy, now: Timestamp) -> i64 {
        let held: i64 = self.held.iter().filter(|lot| lot.1 > now).map(|lot| lot.2).sum();
        let kept: i64 = self
            .kept_back
            .iter()
            .filter(|lot| lot.0 > now)
            .map(|lot| lot.1)
            .sum();
        let (free, back) = ((self.has[0] - held).max(0), (self.has[1] - kept).max(0));
        if free + back == 0 {
            return 0;
        }
        // Where to begin to read moves past what is free, for good.
        while self.held.front().is_some_and(|lot| lot.1 <= now) {
            self.held.pop_front();
        }
        while self.kept_back.front().is_some_and(|lot| lot.0 <= now) {
            self.kept_back.pop_front();
        }
        let parts = split(free, 100 - policy.reserve_percent);
        if parts.platform > 0 {
            self.kept_back
                .push_back((now + seconds(policy.reserve_hold_s), parts.platform));
        }
        self.released += free;
        self.has[0] -= free;
        self.has[1] += parts.platform - back;
        self.has[2] += parts.creator + back;
        let settled = self.has[2].min(self.has[3]);
        self.has[2] -= settled;
        self.has[3] -= settled;
        free + back
    }
}

const KINDS: [Order; 3] = [Order::Badge, Order::Ticket, Order::Subscription];

async fn plays_as_the_model(scene: &Scene, case: u128, steps: &[Step]) {
    let channel = ChannelId(Uuid::from_u128(50_000 + case));
    let (mut now, mut latest) = (NOW, NOW);
    let mut model = Model::default();
    let mut sold: Vec<(Payment, Timestamp, i64)> = Vec::new();
    for (number, step) in (1u128..).zip(steps) {
        let number = (case << 32) + (number << 8);
        match step {
            Step::Wait { seconds } => {
                now = Timestamp::from_unix_us(now.unix_us() + seconds * 1_000_000);
                latest = if now.unix_us() > latest.unix_us() {
                    now
                } else {
                    latest
                };
            }
            Step::Sell { kind, price, version } => {
                let (payment, rules) = (payment(number, KINDS[*kind], *price), rules_of(*version));
                let brought = sell(scene, channel, &payment, 70, &rules, now).await;
                let hold = hold_of(KINDS[*kind].word(), &rules.policy);
                if brought > 0 {
                    model.held.push_back((sold.len(), now + seconds(hold), brought));
                }
                model.has[0] += brought;
                sold.push((payment, now + seconds(hold), brought));
            }
            Step::Refund { of, amount } => {
                let sale = of % sold.len().max(1);
                let Some((payment, ..)) = sold.get_mut(sale) else {
                    continue;
                };
                let amount = (*amount).min(payment.price - payment.refunded);
                if amount == 0 {
                    continue;
                }
                let back = refund(scene, payment, amount, number, &rules_of(2), now).await;
                payment.refunded += amount;
                model.give_back(sale, back);
            }
            Step::Release { version } => {
                let rules = rules_of(*version);
                let released = release(scene, channel, number, &rules, now).await;
                assert_eq!(
                    released,
                    model.release(&rules.policy, now),
                    "{step:?} of {steps:?}"
                );
                let free: i64 = sold
                    .iter()
                    .filter(|sale| sale.1 <= latest)
                    .map(|sale| sale.2)
                    .sum();
                assert!(model.released <= free, "early: {steps:?}");
            }
        }
        assert_eq!(
            has(scene, channel).await,
            model.has,
            "after {step:?} of {steps:?}"
        );
    }
    // In the end everything is free.
    for (number, wait) in [(1, 1_000), (2, 2_000)] {
        let number = (case << 32) + ((1 << 20) + number);
        release(scene, channel, number, &rules_of(3), latest + seconds(wait)).await;
    }
    let [pending, reserve, available, owed] = has(scene, channel).await;
    assert_eq!((pending, reserve), (0, 0), "{steps:?}");
    assert!(available == 0 || owed == 0, "{steps:?}");
}

each_db!(releases_as_the_model_does, async |db| {
    let scene = with_policies(db).await;
    let mut runner = TestRunner::deterministic();
    for case in 1..=40 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        plays_as_the_model(&scene, case, &steps).await;
    }
    scene.audit().await;
});
