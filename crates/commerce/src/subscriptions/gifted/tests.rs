//! Months for others, on both databases.

use std::time::Duration;

use busk_base::RefundId;
use busk_ledger::AccountRef;
use busk_ledger::journal::{Place, Span};
use busk_people::Role;
use busk_people::sign_up::{SignUp, sign_up};
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use uuid::Uuid;

use super::draw::{found, in_turn};
use super::*;
use crate::accounts::*;
use crate::providers::{About, DisputeSaid, PaymentNotice, PaymentSaid, RefundNotice, RefundSaid};
use crate::refunds::{Ask, By};
use crate::scene::*;
use crate::statements::taxes;
use crate::subscriptions::renewal::{Due, asked_at};
use crate::subscriptions::tests::*;
use crate::subscriptions::{ChangeError, SubscriptionState, set_renews};

const DAN: PersonId = PersonId(Uuid::from_u128(4));
const EVE: PersonId = PersonId(Uuid::from_u128(5));
const FAY: PersonId = PersonId(Uuid::from_u128(6));
const SEED: [u8; 32] = [7; 32];

/// A channel with two tiers, and three more people.
async fn crowd(db: TestDb) -> Scene {
    let scene = offering(db).await;
    for (person, handle) in [(DAN, "dan"), (EVE, "eve"), (FAY, "fay")] {
        let new = SignUp {
            person,
            channel: ChannelId(Uuid::from_u128(person.0.as_u128() + 1_000)),
            handle: handle.into(),
            display_name: handle.into(),
            password_hash: "hash".into(),
            role: Role::Viewer,
        };
        scene.store.write(move |tx| sign_up(tx, &new, NOW)).await.unwrap();
        let declared = scene
            .store
            .write(move |tx| busk_people::adult::declare(tx, person, NOW));
        declared.await.unwrap();
    }
    scene
}

fn gift(number: u128, giver: PersonId, tier: u8, to: To) -> Give {
    Give {
        id: payment_id(number),
        channel: CHANNEL,
        giver,
        tier,
        to,
        provider: "sandbox",
    }
}

fn anybody(count: u8) -> To {
    To::Anybody { room: LIVE, count }
}

async fn began(scene: &Scene, wanted: Give, now: Timestamp) -> String {
    let number = wanted.id.0.as_u128();
    let begun = scene.store.write(move |tx| {
        let begun = give(tx, &wanted, &rules(), now)?;
        payments::opened(
            tx,
            wanted.id,
            &format!("checkout-{number}"),
            "https://pay.example",
        )?;
        Ok(begun)
    });
    match begun.await {
        Ok(begun) if begun.new => format!("begun {}", begun.payment.price),
        Ok(_) => "again".into(),
        Err(error) => match error {
            GiveError::IdReused(_) => "id_reused",
            GiveError::ChannelUnknown => "channel_unknown",
            GiveError::TierUnknown => "tier_unknown",
            GiveError::OwnChannel => "own_channel",
            GiveError::Count => "count",
            GiveError::RoomUnknown => "room_unknown",
            GiveError::RoomNotLive => "room_not_live",
            GiveError::PersonUnknown => "person_unknown",
            GiveError::Unfit(Unfit::Oneself) => "oneself",
            GiveError::Unfit(Unfit::Owner) => "owner",
            GiveError::Unfit(Unfit::OtherTier) => "other_tier",
            GiveError::Unfit(Unfit::Member) => "member",
            GiveError::Unfit(Unfit::Blocked) => "blocked",
            GiveError::Begin(_) => "not_begun",
            GiveError::Store(error) => panic!("{error}"),
        }
        .into(),
    }
}

/// Somebody pays for a month for a person.
async fn gave_to(scene: &Scene, number: u128, giver: PersonId, to: PersonId, now: Timestamp) -> Heard {
    let begun = began(scene, gift(number, giver, 1, To::Person(to)), now).await;
    assert_eq!(begun, format!("begun {CHEAP}"));
    // The provider keeps no card, since nothing is renewed.
    let said = PaymentNotice {
        method: None,
        ..settled(number, giver, CHEAP)
    };
    says(scene, said, now).await
}

/// What the drawing's job does, with these people there.
async fn drawn(scene: &Scene, number: u128, there: Vec<PersonId>) -> usize {
    let read = scene.store.read(move |db| {
        let order = sql::order(db, payment_id(number))?.unwrap();
        found(db, &order, in_turn(there, &SEED), NOW)
    });
    let chosen = read.await.unwrap();
    let handed = scene.store.write(move |tx| {
        let order = ordered(tx, payment_id(number))?;
        let payment = tx.find::<Payment>(&payment_id(number))?.unwrap();
        hand_over(tx, &payment, order, &chosen, &rules(), NOW)
    });
    handed.await.unwrap()
}

async fn given_back(scene: &Scene, number: u128, refund: u128, amount: Option<i64>, now: Timestamp) {
    let asked = scene.store.write(move |tx| {
        let ask = Ask {
            id: RefundId(Uuid::from_u128(refund)),
            payment: payment_id(number),
            by: By::Operator(ADA),
            amount,
            reason: "asked".into(),
        };
        refunds::ask(tx, &ask, JobId(Uuid::from_u128(refund + 1_000)), &rules(), now)
    });
    asked.await.unwrap();
}

async fn blocks(scene: &Scene, blocker: PersonId, blocked: PersonId) {
    let done = scene
        .store
        .write(move |tx| block::block(tx, blocker, blocked, NOW));
    done.await.unwrap();
}

async fn months(scene: &Scene, person: PersonId) -> i64 {
    let member = scene
        .store
        .write(move |tx| busk_rooms::members::find(tx, CHANNEL, person));
    member.await.unwrap().map_or(0, |member| member.months)
}

each_db!(giving, async |db: TestDb| {
    let scene = crowd(db).await;
    subscribed(&scene, 50, DAN, 2, DEAR, NOW).await;
    blocks(&scene, EVE, ADA).await;
    blocks(&scene, BEA, FAY).await;
    let elsewhere = Give {
        channel: ChannelId(Uuid::from_u128(7)),
        ..gift(1, BEA, 1, To::Person(CID))
    };
    let room = |room, count| To::Anybody { room, count };
    let rows = [
        (elsewhere, "channel_unknown"),
        (gift(1, BEA, 3, To::Person(CID)), "tier_unknown"),
        (gift(1, ADA, 1, To::Person(CID)), "own_channel"),
        (gift(1, BEA, 1, anybody(2)), "count"),
        (gift(1, BEA, 1, anybody(0)), "count"),
        (
            gift(1, BEA, 1, room(RoomId(Uuid::from_u128(9)), 5)),
            "room_unknown",
        ),
        (gift(1, BEA, 1, room(LATER, 5)), "room_not_live"),
        (
            gift(1, BEA, 1, To::Person(PersonId(Uuid::from_u128(77)))),
            "person_unknown",
        ),
        (gift(1, BEA, 1, To::Person(BEA)), "oneself"),
        (gift(1, BEA, 1, To::Person(ADA)), "owner"),
        (gift(1, BEA, 1, To::Person(DAN)), "other_tier"),
        (gift(1, BEA, 1, To::Person(EVE)), "blocked"),
        (gift(1, BEA, 1, To::Person(FAY)), "blocked"),
        (gift(1, BEA, 1, To::Person(CID)), "begun 499"),
        (gift(1, BEA, 1, To::Person(CID)), "again"),
        (gift(1, BEA, 1, To::Person(DAN)), "id_reused"),
        (gift(1, BEA, 1, anybody(1)), "id_reused"),
        (gift(900, BEA, 1, To::Person(CID)), "id_reused"),
        (gift(2, CID, 2, anybody(20)), "begun 19980"),
    ];
    for (wanted, expected) in rows {
        assert_eq!(began(&scene, wanted.clone(), NOW).await, expected, "{wanted:?}");
    }
    assert!(!is_member(&scene, CID, NOW).await, "nothing is paid yet");
});

// The row of the money table.
each_db!(gifted_subscription, async |db: TestDb| {
    let scene = crowd(db).await;
    subscribed(&scene, 50, FAY, 1, CHEAP, NOW).await;
    blocks(&scene, ADA, EVE).await;
    let accounts: [AccountRef; 5] = [
        PSP_CLEARING,
        DEFERRED,
        earnings_pending(CHANNEL),
        PLATFORM_REVENUE,
        TAX_PAYABLE,
    ];
    let mut before = Vec::new();
    for account in accounts {
        before.push(scene.balance(account).await);
    }
    let moved = async || {
        let mut moved = Vec::new();
        for (account, before) in accounts.into_iter().zip(&before) {
            moved.push(scene.balance(account).await - before);
        }
        moved
    };
    assert_eq!(
        began(&scene, gift(1, BEA, 1, anybody(5)), NOW).await,
        "begun 2495"
    );
    let said = settled(1, BEA, 2_495);
    assert_eq!(says(&scene, said.clone(), NOW).await, Heard::Settled);
    assert_eq!(says(&scene, said, NOW).await, Heard::Again);
    let legs = async |posting| scene.legs(posting).await;
    let payment = payment_id(1).0;
    assert_eq!(
        legs(busk_base::PostingId(payment)).await,
        ["psp_clearing>deferred 2495"]
    );
    // Of those who are there two can get one: not the host, the giver, a member, nor whom the host has blocked.
    let there = vec![ADA, BEA, CID, DAN, EVE, FAY];
    assert_eq!(drawn(&scene, 1, there).await, 2);
    let back = following(payment, "nobody found");
    assert_eq!(legs(back).await, ["deferred>psp_clearing 1497"]);
    assert_eq!(
        legs(following(payment, "delivery")).await,
        ["deferred>earnings.pending 699", "deferred>platform_revenue 299"]
    );
    assert_eq!(moved().await, [-998, 0, 699, 299, 0]);
    let taxed = scene.store.read(|db| {
        let span = Span {
            from: NOW,
            to: NOW + Duration::from_secs(1),
        };
        taxes::lines(db, span, Place::before(NOW), 10)
    });
    let (taxed, _) = taxed.await.unwrap();
    let taxed: Vec<_> = taxed
        .iter()
        .map(|line| (line.kind.as_str(), line.gross))
        .collect();
    // After the subscription that was there before.
    assert_eq!(taxed, [("subscription", 499), ("gifted_subscription", 998)]);
    for (person, is) in [(CID, true), (DAN, true), (EVE, false), (BEA, false)] {
        assert_eq!(is_member(&scene, person, NOW).await, is, "{person}");
    }
    let told = scene.told(&["subscription_gift"]).await;
    let mut names: Vec<_> = told[0]["to"].as_array().unwrap().iter().collect();
    names.sort_by_key(|who| who["name"].to_string());
    assert_eq!((told.len(), &told[0]["from"]["name"]), (1, &"bea".into()));
    assert_eq!(
        names.iter().map(|who| &who["name"]).collect::<Vec<_>>(),
        ["cid", "dan"]
    );

    // A part that goes back leaves the months; all of it takes them.
    given_back(&scene, 1, 801, Some(499), NOW).await;
    assert!(is_member(&scene, CID, NOW).await);
    given_back(&scene, 1, 802, None, NOW).await;
    assert_eq!(moved().await, [0, 0, 0, 0, 0]);
    for person in [CID, DAN] {
        assert!(!is_member(&scene, person, NOW).await);
        assert_eq!(current(&scene, person).await.state(NOW), SubscriptionState::Ended);
    }
    assert!(is_member(&scene, FAY, NOW).await);
    scene.audit().await;
});

each_db!(where_nobody_is_all_of_it_goes_back, async |db: TestDb| {
    let scene = crowd(db).await;
    assert_eq!(began(&scene, gift(1, BEA, 1, anybody(1)), NOW).await, "begun 499");
    says(&scene, settled(1, BEA, CHEAP), NOW).await;
    assert_eq!(drawn(&scene, 1, vec![ADA, BEA]).await, 0);
    assert_eq!(scene.balance(DEFERRED).await, 0);
    assert_eq!(scene.told(&["subscription_gift"]).await.len(), 0);
    // One who was fit when it was begun, and is no more when it is paid.
    let begun = began(&scene, gift(2, BEA, 1, To::Person(CID)), NOW).await;
    assert_eq!(begun, "begun 499");
    subscribed(&scene, 3, CID, 2, DEAR, NOW).await;
    assert_eq!(says(&scene, settled(2, BEA, CHEAP), NOW).await, Heard::GivenBack);
    assert_eq!(current(&scene, CID).await.tier, 2);
    assert_eq!(scene.balance(DEFERRED).await, 0);
    scene.audit().await;
});

each_db!(
    who_pays_for_themselves_is_charged_a_month_later,
    async |db: TestDb| {
        let scene = crowd(db).await;
        subscribed(&scene, 1, BEA, 1, CHEAP, NOW).await;
        let own = current(&scene, BEA).await;
        assert_eq!(gave_to(&scene, 2, CID, BEA, NOW).await, Heard::Settled);
        let longer = current(&scene, BEA).await;
        let two = NOW.months_later(2).unwrap();
        assert_eq!(
            (longer.until, longer.renews, longer.bought, longer.price),
            (two, true, 1, CHEAP)
        );
        assert_eq!(
            (months(&scene, BEA).await, longer.method),
            (2, Some("pm_card".into()))
        );
        let at = asked_at(&own);
        assert_eq!(
            job(&scene, 1, at).await,
            Due::Later(asked_at(&current(&scene, BEA).await))
        );
        // The gift goes back: they pay again when they would have.
        given_back(&scene, 2, 801, None, NOW).await;
        let again = current(&scene, BEA).await;
        assert_eq!((again.until, again.renews), (own.until, true));
        assert_eq!(months(&scene, BEA).await, 1);
        assert!(matches!(job(&scene, 1, at).await, Due::Charge { .. }));
        let left = scene.store.read(move |db| {
            let row = db.row(
                "SELECT COUNT(*) FROM job WHERE kind = $1 AND run_at = $2",
                busk_store::params![crate::subscriptions::RENEWAL_JOB, at],
            )?;
            row.map_or(Ok(0_i64), |row| row.get(0))
        });
        let left: Result<i64, StoreError> = left.await;
        assert!(left.unwrap() >= 1, "somebody asks for it then");
        scene.audit().await;
    }
);

each_db!(
    whose_card_is_tried_again_is_not_charged_meanwhile,
    async |db: TestDb| {
        let scene = crowd(db).await;
        subscribed(&scene, 1, BEA, 1, CHEAP, NOW).await;
        let own = current(&scene, BEA).await;
        let at = asked_at(&own);
        assert!(matches!(job(&scene, 1, at).await, Due::Charge { .. }));
        let declined = renewal(&own, PaymentSaid::Declined);
        assert_eq!(says(&scene, declined, at).await, Heard::Declined);
        let lapsed = own.until + Duration::from_secs(3_600);
        assert_eq!(
            began(&scene, gift(2, CID, 2, To::Person(BEA)), lapsed).await,
            "other_tier"
        );
        assert_eq!(gave_to(&scene, 3, CID, BEA, lapsed).await, Heard::Settled);
        let longer = current(&scene, BEA).await;
        assert_eq!(
            (longer.until, longer.state(lapsed), longer.price),
            (lapsed.months_later(1).unwrap(), SubscriptionState::PastDue, CHEAP)
        );
        let retried = own.until + Duration::from_secs(24 * 3_600);
        assert_eq!(job(&scene, 1, retried).await, Due::Later(asked_at(&longer)));
        assert_eq!(months(&scene, BEA).await, 2, "loyalty goes on over the gap");
    }
);

each_db!(
    who_was_given_a_month_may_go_on_by_themselves,
    async |db: TestDb| {
        let scene = crowd(db).await;
        assert_eq!(gave_to(&scene, 1, BEA, CID, NOW).await, Heard::Settled);
        let given = current(&scene, CID).await;
        assert_eq!(
            (given.state(NOW), given.method.clone(), given.bought),
            (SubscriptionState::Given, None, 0)
        );
        let renewed = scene.store.write(|tx| {
            let job = JobId(Uuid::from_u128(500));
            set_renews(tx, CHANNEL, CID, true, job, NOW)
        });
        assert!(matches!(renewed.await, Err(ChangeError::NoMethod)));
        assert_eq!(begun(&scene, wanted(2, CID, 2), false, NOW).await, "subscribed");
        subscribed(&scene, 3, CID, 1, CHEAP, NOW).await;
        let own = current(&scene, CID).await;
        assert_eq!(
            (own.until, own.renews, own.root, own.bought),
            (NOW.months_later(2).unwrap(), true, payment_id(3), 1),
            "the giver knows no id that a renewal follows from"
        );
        let written = scene
            .store
            .read(|db| subscription(db, CHANNEL, CID))
            .await
            .unwrap();
        assert_eq!(written.map(|written| written.root), Some(payment_id(3)));
        assert_eq!(months(&scene, CID).await, 2);
        scene.audit().await;
    }
);

each_db!(a_lost_dispute_takes_the_given_month, async |db: TestDb| {
    let scene = crowd(db).await;
    assert_eq!(gave_to(&scene, 1, BEA, CID, NOW).await, Heard::Settled);
    scene
        .hear_about("opened", dispute(1, DisputeSaid::Opened, CHEAP))
        .await;
    assert!(is_member(&scene, CID, NOW).await);
    scene
        .hear_about("lost", dispute(1, DisputeSaid::Lost, CHEAP))
        .await;
    assert!(!is_member(&scene, CID, NOW).await);
    assert_eq!(scene.balance(earnings_pending(CHANNEL)).await, 0);
    scene.audit().await;
});

#[test]
fn everybody_has_the_same_chance() {
    let there: Vec<PersonId> = (1..=4).map(|n| PersonId(Uuid::from_u128(n))).collect();
    let mut first = [0; 4];
    for seed in 0..1_000_u32 {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&seed.to_be_bytes());
        let turn = in_turn(there.clone(), &bytes);
        assert_eq!(turn, in_turn(there.iter().rev().copied().collect(), &bytes));
        first[there.iter().position(|who| *who == turn[0]).unwrap()] += 1;
    }
    assert!(first.iter().all(|times| (200..300).contains(times)), "{first:?}");
}

each_db!(
    months_that_nobody_was_found_for_are_the_givers,
    async |db: TestDb| {
        let scene = crowd(db).await;
        let count = [DEFERRED, earnings_pending(CHANNEL), PLATFORM_REVENUE];
        let mut before = Vec::new();
        for account in count {
            before.push(scene.balance(account).await);
        }
        let moved = async || {
            let mut moved = Vec::new();
            for (account, before) in count.into_iter().zip(&before) {
                moved.push(scene.balance(account).await - before);
            }
            moved
        };
        assert_eq!(
            began(&scene, gift(1, BEA, 1, anybody(5)), NOW).await,
            "begun 2495"
        );
        says(&scene, settled(1, BEA, 2_495), NOW).await;
        assert_eq!(drawn(&scene, 1, vec![ADA, BEA, CID, DAN]).await, 2);
        assert_eq!(moved().await, [0, 699, 299]);
        let refund = RefundId(following(payment_id(1).0, "nobody found").0);
        let said = RefundNotice {
            said: RefundSaid::Failed,
            refund,
            amount: 1_497,
            currency: "USD".into(),
        };
        let heard = scene.hear_about("failed", About::Refund(said)).await;
        assert_eq!(heard, Heard::RefundFailed);
        let legs = async |posting| scene.legs(posting).await;
        assert_eq!(
            legs(following(refund.0, "failed")).await,
            ["psp_clearing>deferred 1497"]
        );
        assert_eq!(moved().await, [1_497, 699, 299], "nobody earned it");
        // An operator gives it back by another way: of what was given to two, nothing goes.
        given_back(&scene, 1, 801, Some(1_497), NOW).await;
        assert_eq!(
            legs(busk_base::PostingId(Uuid::from_u128(801))).await,
            ["deferred>psp_clearing 1497"]
        );
        assert_eq!(moved().await, [0, 699, 299]);
        assert!(is_member(&scene, CID, NOW).await && is_member(&scene, DAN, NOW).await);
        given_back(&scene, 1, 802, None, NOW).await;
        assert_eq!(moved().await, [0, 0, 0]);
        assert!(!is_member(&scene, CID, NOW).await);
        scene.audit().await;
    }
);
