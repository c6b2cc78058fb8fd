//! Writing and withdrawing policies, and simulations beside figures worked out by hand, on both databases.

use std::time::Duration;

use busk_base::{GiftId, PaymentId, Policies};
use busk_ledger::journal::Span;
use busk_rooms::{Speaker, SpeakerKind};
use busk_store::params;
use busk_testkit::each_db;
use serde_json::json;

use super::*;
use crate::accounts::*;
use crate::gifts::{self, SendGift};
use crate::rules::Rules;
use crate::sales::Parts;
use crate::scene::*;

fn wanted(version: i64, after_s: u64, change: impl FnOnce(&mut Policy)) -> Schedule {
    let mut policy = Policy::default();
    change(&mut policy);
    Schedule {
        version: PolicyVersion(version),
        policy,
        starts_at: NOW + Duration::from_secs(after_s),
        operator: CID,
    }
}

async fn write(scene: &Scene, wanted: Schedule) -> Result<bool, ScheduleError> {
    scene.store.write(move |tx| schedule(tx, &wanted, NOW)).await
}

async fn take_back(scene: &Scene, version: i64, now: Timestamp) -> Result<(), TakeBackError> {
    let written = scene
        .store
        .write(move |tx| withdraw(tx, PolicyVersion(version), CID, now));
    written.await
}

async fn policies(scene: &Scene) -> Policies {
    let read: Result<_, StoreError> = scene.store.read(policy::all).await;
    read.unwrap()
}

each_db!(policies_follow_each_other_and_none_is_changed, async |db| {
    let scene = Scene::set(db).await;
    let later = |after_s, percent| wanted(2, after_s, move |p| p.gift_share_percent = percent);
    let refused = write(&scene, wanted(3, 3_600, |_| {})).await;
    assert!(matches!(
        refused,
        Err(ScheduleError::NotTheNext {
            next: PolicyVersion(2)
        })
    ));
    let refused = write(&scene, later(3_600, 101)).await;
    assert!(matches!(refused, Err(ScheduleError::OutOfBounds(found)) if found.field == "gift_share_percent"));
    let refused = write(&scene, wanted(2, 3_600, |p| p.coin_price_cents = 2)).await;
    assert!(matches!(refused, Err(ScheduleError::CoinPrice { price: 1 })));
    assert!(matches!(
        write(&scene, later(59, 60)).await,
        Err(ScheduleError::TooSoon)
    ));

    assert!(write(&scene, later(3_600, 60)).await.unwrap());
    assert!(!write(&scene, later(3_600, 60)).await.unwrap());
    let taken = write(&scene, later(3_600, 61)).await;
    assert!(matches!(taken, Err(ScheduleError::VersionTaken(_))));
    let taken = write(&scene, later(3_601, 60)).await;
    assert!(matches!(taken, Err(ScheduleError::VersionTaken(_))));
    let early = write(&scene, wanted(3, 3_600, |_| {})).await;
    assert!(matches!(early, Err(ScheduleError::BeforeTheLast { .. })));

    let share = |policies: &Policies, after_s| {
        let dated = policies.at(NOW + Duration::from_secs(after_s));
        (dated.version.0, dated.policy.gift_share_percent)
    };
    let read = policies(&scene).await;
    assert_eq!([share(&read, 3_599), share(&read, 3_600)], [(1, 50), (2, 60)]);
});

each_db!(
    a_policy_is_withdrawn_before_it_begins_and_keeps_its_number,
    async |db| {
        let scene = Scene::set(db).await;
        write(&scene, wanted(2, 3_600, |p| p.gift_share_percent = 60))
            .await
            .unwrap();
        let unknown = take_back(&scene, 3, NOW).await;
        assert!(matches!(unknown, Err(TakeBackError::Unknown)));
        for (version, after_s) in [(1, 0), (2, 3_541), (2, 3_600), (2, 9_000)] {
            let begun = take_back(&scene, version, NOW + Duration::from_secs(after_s)).await;
            assert!(matches!(begun, Err(TakeBackError::Begun)), "{version} {after_s}");
        }
        take_back(&scene, 2, NOW).await.unwrap();
        take_back(&scene, 2, NOW).await.unwrap();
        let at = NOW + Duration::from_secs(9_000);
        assert_eq!(policies(&scene).await.at(at).version, PolicyVersion(1));
        // Its beginning stands in nobody's way any more, its number does.
        write(&scene, wanted(3, 1_800, |p| p.gift_share_percent = 70))
            .await
            .unwrap();
        assert_eq!(policies(&scene).await.at(at).version, PolicyVersion(3));
    }
);

each_db!(a_gift_is_posted_under_the_policy_of_its_time, async |db| {
    let scene = Scene::set(db).await;
    write(&scene, wanted(2, 60, |p| p.gift_share_percent = 20))
        .await
        .unwrap();
    let site = site(scene.store.clone(), std::sync::Arc::new(|| NOW));
    follow(&site).await.unwrap();
    let start = NOW + Duration::from_secs(60);
    let before = Timestamp::from_unix_us(start.unix_us() - 1);
    let mut split = Vec::new();
    for (number, at) in [(1, before), (2, start)] {
        let rules = Rules::at(&site, at);
        let gift = SendGift {
            id: GiftId(uuid::Uuid::from_u128(number)),
            room: LIVE,
            sender: BEA,
            from: Speaker {
                id: BEA.0,
                name: "bea".into(),
                kind: SpeakerKind::Person,
                role: None,
                badge: None,
                months: None,
                rank: None,
            },
            kind: "clap".into(),
            count: 1,
            streak: busk_base::StreakId(uuid::Uuid::from_u128(number + 50)),
        };
        let posting = busk_base::PostingId(gift.id.0);
        let sent = scene.store.write(move |tx| gifts::send(tx, &gift, &rules, at));
        sent.await.unwrap();
        let head = scene
            .store
            .read(move |db| busk_ledger::journal::posting(db, posting))
            .await;
        let head: busk_ledger::journal::Head = head.map_err(|e: StoreError| e).unwrap().unwrap();
        split.push((head.policy.0, scene.legs(posting).await[1].clone()));
    }
    let legs = |version, amount| (version, format!("diamond_issued>diamonds.pending {amount}"));
    assert_eq!(split, [legs(1, 5), legs(2, 2)]);
    scene.audit().await;
});

async fn simulated(scene: &Scene, policy: Policy) -> Outcome {
    let policies = policies(scene).await;
    let mut simulation = Simulation::new(Span::ALL, policy, policies);
    loop {
        let read = scene.store.read(move |db| {
            let more = simulation.step(db)?;
            Ok::<_, StoreError>((simulation, more))
        });
        let more;
        (simulation, more) = read.await.unwrap();
        if !more {
            return simulation.outcome();
        }
    }
}

const fn parts(tax: i64, creator: i64, platform: i64) -> Parts {
    Parts {
        tax,
        creator,
        platform,
    }
}

/// Bea gives 5 and 15 of her 70 coins; Cid pays 10.00 for what is delivered, and 10.00 for what is not.
async fn earned(scene: &Scene) {
    scene.gave(1, BEA, "rose", 1, NOW).await;
    scene.gave(2, BEA, "rose", 3, NOW).await;
    scene.sold(10, true).await;
    scene.sold(11, false).await;
}

each_db!(the_same_policy_gives_what_was_posted, async |db| {
    let scene = Scene::set(db).await;
    earned(&scene).await;
    let same = simulated(&scene, Policy::default()).await;
    // A tie of 2.5 and one of 7.5 go to the creator.
    let gifts = same.kinds["gift"];
    assert_eq!((gifts.count, gifts.got), (2, parts(0, 3 + 8, 2 + 7)));
    let badges = same.kinds["badge"];
    assert_eq!((badges.count, badges.got), (1, parts(0, 700, 300)));
    for compared in same.kinds.values().chain([&same.total]) {
        assert_eq!(compared.got, compared.would);
    }
    assert_eq!((same.creators, same.losing.len(), same.gaining.len()), (1, 0, 0));
    // The books have it so.
    assert_eq!(scene.balance(earnings_pending(CHANNEL)).await, badges.got.creator);
    assert_eq!(scene.balance(PLATFORM_REVENUE).await, same.total.got.platform);
});

each_db!(other_shares_and_taxes_give_what_a_hand_works_out, async |db| {
    let scene = Scene::set(db).await;
    earned(&scene).await;
    let german = scene.store.write(|tx| {
        let id = PaymentId(uuid::Uuid::from_u128(10));
        tx.execute("UPDATE payment SET country = 'DE' WHERE id = $1", params![id])
    });
    let changed: Result<u64, StoreError> = german.await;
    assert_eq!(changed.unwrap(), 1);
    let policy = Policy {
        gift_share_percent: 30,
        badge_share_percent: 80,
        tax_basis_points: [("DE".to_owned(), 1_900)].into(),
        ..Policy::default()
    };
    let other = simulated(&scene, policy.clone()).await;
    // 30 % of 5 is a tie of 1.5, which goes to the creator; of 15, one of 4.5.
    let gifts = other.kinds["gift"];
    assert_eq!(
        (gifts.got, gifts.would),
        (parts(0, 11, 9), parts(0, 2 + 5, 3 + 10))
    );
    // In 10.00 are 1.59 of tax; of the other 8.41 the creator gets 6.728.
    let badges = other.kinds["badge"];
    assert_eq!(
        (badges.got, badges.would),
        (parts(0, 700, 300), parts(159, 673, 168))
    );
    assert_eq!(other.total.would, parts(159, 680, 181));
    let compared = other.losing[0].1;
    assert_eq!(
        (other.losing[0].0, compared.got.creator, compared.would.creator),
        (CHANNEL, 711, 680)
    );
    assert!(other.gaining.is_empty());

    let nothing = Policy {
        gift_share_percent: 0,
        ..policy
    };
    assert_eq!(
        simulated(&scene, nothing).await.kinds["gift"].would,
        parts(0, 0, 20)
    );
});

each_db!(what_was_all_the_platforms_is_simulated_too, async |db| {
    let scene = Scene::set(db).await;
    write(
        &scene,
        wanted(2, 60, |p| (p.gift_share_percent, p.badge_share_percent) = (0, 0)),
    )
    .await
    .unwrap();
    let sent = scene.store.write(|tx| {
        let rules = Rules {
            version: PolicyVersion(2),
            policy: Policy {
                gift_share_percent: 0,
                ..Policy::default()
            },
        };
        let gift = SendGift {
            id: GiftId(uuid::Uuid::from_u128(1)),
            room: LIVE,
            sender: BEA,
            from: Speaker {
                id: BEA.0,
                name: "bea".into(),
                kind: SpeakerKind::Person,
                role: None,
                badge: None,
                months: None,
                rank: None,
            },
            kind: "clap".into(),
            count: 1,
            streak: busk_base::StreakId(uuid::Uuid::from_u128(2)),
        };
        gifts::send(tx, &gift, &rules, NOW)
    });
    sent.await.unwrap();
    let outcome = simulated(&scene, Policy::default()).await;
    let gifts = outcome.kinds["gift"];
    assert_eq!((gifts.got, gifts.would), (parts(0, 0, 10), parts(0, 5, 5)));
    assert_eq!(outcome.gaining[0].0, CHANNEL);
});

#[test]
fn each_field_of_a_form_is_refused_by_its_name() {
    let good = serde_json::to_value(Policy::default()).unwrap();
    let form = |change: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
        let mut fields = good.as_object().unwrap().clone();
        change(&mut fields);
        form::read(&fields).map_err(|found| {
            let fields = found.into_iter().map(|found| found.field);
            fields.collect::<Vec<_>>()
        })
    };
    assert_eq!(form(&|_| {}), Ok(Policy::default()));
    let refused = |fields: &[&str]| Err(fields.iter().map(|field| (*field).to_owned()).collect());
    let missing = form(&|fields| drop(fields.remove("gift_hold_s")));
    assert_eq!(missing, refused(&["gift_hold_s"]));
    let unknown = form(&|fields| drop(fields.insert("tip_share".into(), json!(1))));
    assert_eq!(unknown, refused(&["tip_share"]));
    for (field, value) in [
        ("gift_share_percent", json!("half")),
        ("gift_share_percent", json!(256)),
        ("gift_share_percent", json!(-1)),
        ("coin_packs", json!([{"coins": 1}])),
        ("tax_basis_points", json!({"DE": -1})),
        ("payout_min_cents", json!(1.5)),
    ] {
        let read = form(&|fields| drop(fields.insert(field.into(), value.clone())));
        assert_eq!(read, refused(&[field]), "{value}");
    }
    let bound = form(&|fields| drop(fields.insert("reserve_percent".into(), json!(101))));
    assert_eq!(bound, refused(&["reserve_percent"]));
}
