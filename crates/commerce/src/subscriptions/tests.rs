//! Subscriptions, on both databases.

use busk_base::{JobId, RefundId};
use busk_ledger::AccountRef;
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use uuid::Uuid;

use super::renewal::{Body, Due, asked_at, due, payment_of};
use super::*;
use crate::accounts::*;
use crate::providers::{DisputeSaid, PaymentNotice, PaymentSaid};
use crate::scene::*;

pub(super) const CHEAP: i64 = 499;
pub(super) const DEAR: i64 = 999;
pub(super) const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn wanted(number: u128, person: PersonId, tier: u8) -> Subscribe {
    Subscribe {
        id: payment_id(number),
        channel: CHANNEL,
        person,
        tier,
        provider: "sandbox",
    }
}

fn tier(name: &str, price: i64, ticket_discount: u8) -> Tier {
    Tier {
        id: 0,
        name: name.into(),
        about: String::new(),
        price,
        ticket_discount,
    }
}

/// A scene whose channel offers two tiers.
pub(super) async fn offering(db: TestDb) -> Scene {
    let scene = Scene::set(db).await;
    let offered = [tier("Friend", CHEAP, 0), tier("Patron", DEAR, 25)];
    let set = scene.store.write(move |tx| set_tiers(tx, CHANNEL, &offered));
    assert_eq!(set.await.unwrap().len(), 2);
    scene
}

pub(super) async fn begun(scene: &Scene, wanted: Subscribe, dearer: bool, now: Timestamp) -> String {
    let number = wanted.id.0.as_u128();
    let begun = scene.store.write(move |tx| {
        let begun = match dearer {
            true => upgrade(tx, &wanted, &rules(), now)?,
            false => subscribe(tx, &wanted, &rules(), now)?,
        };
        let checkout = format!("checkout-{number}");
        payments::opened(tx, wanted.id, &checkout, "https://pay.example")?;
        Ok(begun)
    });
    match begun.await {
        Ok(begun) if begun.new => format!("begun {}", begun.payment.price),
        Ok(_) => "again".into(),
        Err(error) => match error {
            SubscribeError::IdReused(_) => "id_reused",
            SubscribeError::ChannelUnknown => "channel_unknown",
            SubscribeError::TierUnknown => "tier_unknown",
            SubscribeError::OwnChannel => "own_channel",
            SubscribeError::Subscribed => "subscribed",
            SubscribeError::NotAnUpgrade => "not_an_upgrade",
            SubscribeError::NothingToPay => "nothing_to_pay",
            SubscribeError::Begin(_) => "not_begun",
            SubscribeError::Store(error) => panic!("{error}"),
        }
        .into(),
    }
}

/// The provider says something of a payment at a moment.
pub(super) async fn says(scene: &Scene, said: PaymentNotice, now: Timestamp) -> Heard {
    let notice = crate::providers::Notice {
        id: format!("evt-{}-{:?}", said.payment, said.said),
        about: crate::providers::About::Payment(said),
    };
    let heard = scene
        .store
        .write(move |tx| crate::notices::hear(tx, "sandbox", &notice, &rules(), now));
    heard.await.unwrap()
}

pub(super) fn settled(number: u128, payer: PersonId, amount: i64) -> PaymentNotice {
    PaymentNotice {
        amount,
        method: Some("pm_card".into()),
        ..notice(number, payer, PaymentSaid::Settled)
    }
}

pub(super) async fn subscribed(
    scene: &Scene,
    number: u128,
    person: PersonId,
    tier: u8,
    price: i64,
    now: Timestamp,
) {
    let begun = begun(scene, wanted(number, person, tier), false, now).await;
    assert_eq!(begun, format!("begun {price}"));
    assert_eq!(
        says(scene, settled(number, person, price), now).await,
        Heard::Settled
    );
}

pub(super) async fn current(scene: &Scene, person: PersonId) -> Subscription {
    let read = scene.store.read(move |db| subscription(db, CHANNEL, person));
    read.await.unwrap().unwrap()
}

pub(super) async fn is_member(scene: &Scene, person: PersonId, now: Timestamp) -> bool {
    let read = scene
        .store
        .read(move |db| members::is_member(db, CHANNEL, person, now));
    read.await.unwrap()
}

/// What the renewal's job finds at a moment.
pub(super) async fn job(scene: &Scene, number: i64, now: Timestamp) -> Due {
    let body = Body::of(CHANNEL, BEA, number);
    let found = scene.store.write(move |tx| due(tx, body, &rules(), now));
    found.await.unwrap()
}

/// What the provider says of a renewal that the job asked for.
pub(super) fn renewal(of: &Subscription, said: PaymentSaid) -> PaymentNotice {
    let payment = payment_of(of);
    PaymentNotice {
        said,
        payment,
        payer: of.person,
        checkout: None,
        charge: Some(format!("ch_{payment}")),
        method: Some("pm_card".into()),
        country: None,
        amount: of.price,
        currency: "USD".into(),
    }
}

each_db!(subscribing, async |db: TestDb| {
    let scene = offering(db).await;
    let elsewhere = Subscribe {
        channel: ChannelId(Uuid::from_u128(7)),
        ..wanted(1, BEA, 1)
    };
    let rows = [
        (elsewhere, false, "channel_unknown"),
        (wanted(1, BEA, 3), false, "tier_unknown"),
        (wanted(1, ADA, 1), false, "own_channel"),
        (wanted(1, BEA, 2), true, "not_an_upgrade"),
        (wanted(1, BEA, 1), false, "begun 499"),
        (wanted(1, BEA, 1), false, "again"),
        (wanted(1, CID, 1), false, "id_reused"),
        (wanted(1, BEA, 2), false, "id_reused"),
        (wanted(900, BEA, 1), false, "id_reused"),
        (wanted(2, BEA, 1), false, "begun 499"),
    ];
    for (wanted, dearer, expected) in rows {
        assert_eq!(
            begun(&scene, wanted.clone(), dearer, NOW).await,
            expected,
            "{wanted:?}"
        );
    }
    assert!(!is_member(&scene, BEA, NOW).await, "nothing is paid yet");
    assert_eq!(says(&scene, settled(1, BEA, CHEAP), NOW).await, Heard::Settled);
    let twice = says(&scene, settled(2, BEA, CHEAP), NOW).await;
    assert!(matches!(twice, Heard::SetAside(_)), "{twice:?}");
    assert_eq!(begun(&scene, wanted(3, BEA, 1), false, NOW).await, "subscribed");
    let until = NOW.months_later(1).unwrap();
    assert!(is_member(&scene, BEA, until - MINUTE).await);
    assert!(!is_member(&scene, BEA, until).await);
    let told = scene.told(&["subscription"]).await;
    assert_eq!((told.len(), told[0]["months"].as_i64()), (1, Some(1)));
    scene.audit().await;
});

// The row of the money table.
each_db!(subscription, async |db: TestDb| {
    let scene = offering(db).await;
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
    subscribed(&scene, 1, BEA, 2, DEAR, NOW).await;
    let again = says(&scene, settled(1, BEA, DEAR), NOW).await;
    assert_eq!(again, Heard::Again, "once is enough");
    let mut moved = Vec::new();
    for (account, before) in accounts.into_iter().zip(before) {
        moved.push(scene.balance(account).await - before);
    }
    // Of 9.99 the creator gets 70 %.
    assert_eq!(moved, [-DEAR, 0, 699, 300, 0]);
    let legs = scene.legs(busk_base::PostingId(payment_id(1).0)).await;
    assert_eq!(legs, ["psp_clearing>deferred 999"]);
    scene.audit().await;
});

each_db!(a_month_is_renewed_once, async |db: TestDb| {
    let scene = offering(db).await;
    subscribed(&scene, 1, BEA, 1, CHEAP, NOW).await;
    let first = current(&scene, BEA).await;
    let at = asked_at(&first);
    let day = Duration::from_secs(24 * 3_600);
    // A clock that is early or went back: not yet, and nobody loses access.
    for early in [NOW - day * 30, NOW, at - Duration::from_secs(1)] {
        assert_eq!(job(&scene, 1, early).await, Due::Later(at));
    }
    // One that is right, late, or jumped asks for one payment, however often.
    let mut asked = Vec::new();
    for late in [at, at + Duration::from_secs(1), at + day * 30, at] {
        let Due::Charge { charge, .. } = job(&scene, 1, late).await else {
            panic!("the month is due");
        };
        asked.push((charge.payment, charge.amount.value, charge.method));
    }
    assert!(
        asked
            .iter()
            .all(|one| *one == (payment_of(&first), CHEAP, "pm_card".into()))
    );
    let said = renewal(&first, PaymentSaid::Settled);
    assert_eq!(says(&scene, said.clone(), at).await, Heard::Settled);
    assert_eq!(says(&scene, said, at).await, Heard::Again);
    assert_eq!(job(&scene, 1, at).await, Due::Past);
    let second = current(&scene, BEA).await;
    assert_eq!((second.until, second.bought), (NOW.months_later(2).unwrap(), 2));
    assert_eq!(job(&scene, 2, at).await, Due::Later(asked_at(&second)));
    let member = scene
        .store
        .write(|tx| members::find(tx, CHANNEL, BEA))
        .await
        .unwrap();
    assert_eq!(member.map(|member| (member.months, member.since)), Some((2, NOW)));
    scene.audit().await;
});

each_db!(a_declined_renewal_is_tried_on_days_1_3_5_7, async |db: TestDb| {
    let scene = offering(db).await;
    subscribed(&scene, 1, BEA, 1, CHEAP, NOW).await;
    let until = current(&scene, BEA).await.until;
    let day = Duration::from_secs(24 * 3_600);
    let moments = [
        until - super::renewal::AHEAD,
        until + day,
        until + day * 3,
        until + day * 5,
        until + day * 7,
    ];
    for (declines, at) in moments.into_iter().enumerate() {
        let now = current(&scene, BEA).await;
        assert_eq!(
            (now.declines as usize, asked_at(&now), now.until),
            (declines, at, until)
        );
        assert!(matches!(job(&scene, 1, at).await, Due::Charge { .. }));
        let said = renewal(&now, PaymentSaid::Declined);
        assert_eq!(says(&scene, said, at).await, Heard::Declined);
        assert!(
            is_member(&scene, BEA, until - MINUTE).await,
            "what is paid is never cut short"
        );
        assert!(!is_member(&scene, BEA, until).await);
        let expected = if declines < 4 {
            SubscriptionState::PastDue
        } else {
            SubscriptionState::Ended
        };
        assert_eq!(current(&scene, BEA).await.state(at + day), expected);
    }
    assert_eq!(job(&scene, 1, until + day * 9).await, Due::Past);
    // With another card: a month from the day on which it is paid, and loyalty begins anew.
    let later = until + day * 9;
    subscribed(&scene, 2, BEA, 1, CHEAP, later).await;
    let resumed = current(&scene, BEA).await;
    assert_eq!(
        (resumed.until, resumed.declines),
        (later.months_later(1).unwrap(), 0)
    );
    scene.audit().await;
});

each_db!(a_cap_stands_in_a_renewals_way, async |db: TestDb| {
    let scene = offering(db).await;
    subscribed(&scene, 1, BEA, 1, CHEAP, NOW).await;
    let lowered = scene.store.write(|tx| {
        let caps = crate::caps::Wanted {
            person: BEA,
            day: Some(100),
            month: None,
        };
        crate::caps::set(tx, &caps, &rules().policy, NOW)
    });
    lowered.await.unwrap();
    let first = current(&scene, BEA).await;
    let found = job(&scene, 1, asked_at(&first)).await;
    let declined = current(&scene, BEA).await;
    assert_eq!((declined.declines, found), (1, Due::Later(asked_at(&declined))));
});

each_db!(cancelling_and_changing, async |db: TestDb| {
    let scene = offering(db).await;
    subscribed(&scene, 1, BEA, 1, CHEAP, NOW).await;
    let until = NOW.months_later(1).unwrap();
    for renews in [false, true, false] {
        let set = scene.store.write(move |tx| {
            let job = JobId(Uuid::from_u128(500 + u128::from(renews)));
            set_renews(tx, CHANNEL, BEA, renews, job, NOW)
        });
        let set = set.await.unwrap();
        assert_eq!((set.renews, set.until), (renews, until));
    }
    assert!(is_member(&scene, BEA, until - MINUTE).await);
    assert_eq!(job(&scene, 1, until).await, Due::Past, "it is not charged again");
    // Half of the period is left: half of the difference, the fraction the payer's.
    let half = NOW + until.since(NOW) / 2;
    assert_eq!(begun(&scene, wanted(2, BEA, 2), true, half).await, "begun 250");
    assert_eq!(says(&scene, settled(2, BEA, 250), half).await, Heard::Settled);
    let dear = current(&scene, BEA).await;
    assert_eq!((dear.tier, dear.price, dear.until), (2, DEAR, until));
    let discount = scene
        .store
        .read(move |db| ticket_discount(db, CHANNEL, BEA, half));
    assert_eq!(discount.await.unwrap(), 25);
    let cheaper = scene.store.write(move |tx| downgrade(tx, CHANNEL, BEA, 1, half));
    assert_eq!(cheaper.await.unwrap().next_tier, Some(1));
    let none = scene.store.write(move |tx| downgrade(tx, CHANNEL, CID, 1, half));
    assert!(matches!(none.await, Err(ChangeError::NotSubscribed)));
    scene.audit().await;
});

each_db!(a_refund_takes_the_month_back, async |db: TestDb| {
    let scene = offering(db).await;
    subscribed(&scene, 1, BEA, 1, CHEAP, NOW).await;
    for (number, amount, stays) in [(1, Some(100), true), (2, None, false)] {
        let refunded = scene.store.write(move |tx| {
            let ask = crate::refunds::Ask {
                id: RefundId(Uuid::from_u128(800 + number)),
                payment: payment_id(1),
                by: crate::refunds::By::Operator(ADA),
                amount,
                reason: "asked".into(),
            };
            crate::refunds::ask(tx, &ask, JobId(Uuid::from_u128(700 + number)), &rules(), NOW)
        });
        refunded.await.unwrap();
        assert_eq!(is_member(&scene, BEA, NOW + MINUTE).await, stays, "{number}");
    }
    assert_eq!(current(&scene, BEA).await.state(NOW), SubscriptionState::Ended);
    assert_eq!(scene.balance(earnings_pending(CHANNEL)).await, 0);
    scene.audit().await;
});

each_db!(
    a_dispute_ends_renewal_and_when_lost_the_month,
    async |db: TestDb| {
        let scene = offering(db).await;
        subscribed(&scene, 1, BEA, 1, CHEAP, NOW).await;
        let said = |said| dispute(1, said, CHEAP);
        scene.hear_about("opened", said(DisputeSaid::Opened)).await;
        assert!(is_member(&scene, BEA, NOW).await);
        assert_eq!(
            current(&scene, BEA).await.state(NOW),
            SubscriptionState::Cancelled
        );
        scene.hear_about("lost", said(DisputeSaid::Lost)).await;
        assert!(!is_member(&scene, BEA, NOW).await);
        scene.audit().await;
    }
);

each_db!(what_a_failed_refund_took_is_given_again, async |db: TestDb| {
    let scene = offering(db).await;
    subscribed(&scene, 1, BEA, 1, CHEAP, NOW).await;
    let refunded = scene.store.write(|tx| {
        let ask = crate::refunds::Ask {
            id: RefundId(Uuid::from_u128(801)),
            payment: payment_id(1),
            by: crate::refunds::By::Operator(ADA),
            amount: None,
            reason: "asked".into(),
        };
        crate::refunds::ask(tx, &ask, JobId(Uuid::from_u128(701)), &rules(), NOW)
    });
    refunded.await.unwrap();
    assert!(!is_member(&scene, BEA, NOW).await);
    let failed = crate::providers::About::Refund(crate::providers::RefundNotice {
        said: crate::providers::RefundSaid::Failed,
        refund: RefundId(Uuid::from_u128(801)),
        amount: CHEAP,
        currency: "USD".into(),
    });
    assert_eq!(
        scene.hear_about("failed", failed.clone()).await,
        Heard::RefundFailed
    );
    assert_eq!(scene.hear_about("failed again", failed).await, Heard::Nothing);
    let again = current(&scene, BEA).await;
    assert_eq!(
        (again.until, again.renews),
        (NOW.months_later(1).unwrap(), false),
        "the month is there, and nobody is charged by it"
    );
    assert!(is_member(&scene, BEA, NOW).await);
    let member = scene.store.write(|tx| members::find(tx, CHANNEL, BEA)).await;
    assert_eq!(member.unwrap().map(|member| member.months), Some(1));
    scene.audit().await;
});

each_db!(
    who_cancels_while_the_card_is_charged_stays_cancelled,
    async |db: TestDb| {
        let scene = offering(db).await;
        subscribed(&scene, 1, BEA, 1, CHEAP, NOW).await;
        let first = current(&scene, BEA).await;
        let at = asked_at(&first);
        assert!(matches!(job(&scene, 1, at).await, Due::Charge { .. }));
        let cancelled = scene.store.write(move |tx| {
            let job = JobId(Uuid::from_u128(500));
            set_renews(tx, CHANNEL, BEA, false, job, at)
        });
        cancelled.await.unwrap();
        let said = renewal(&first, PaymentSaid::Settled);
        assert_eq!(says(&scene, said, at).await, Heard::Settled);
        let second = current(&scene, BEA).await;
        assert_eq!(
            (second.renews, second.until, second.state(at)),
            (false, NOW.months_later(2).unwrap(), SubscriptionState::Cancelled),
            "what was charged is theirs, and nothing more is charged"
        );
        assert_eq!(job(&scene, 2, second.until).await, Due::Past);
        scene.audit().await;
    }
);

each_db!(
    months_of_loyalty_stand_beside_a_members_name,
    async |db: TestDb| {
        let scene = offering(db).await;
        let says = async |number: u128, person: PersonId, now: Timestamp| {
            let say = busk_rooms::chat::Say {
                id: busk_base::MessageId(Uuid::from_u128(number)),
                room: LIVE,
                place: busk_rooms::chat::Place::Chat,
                reply_to: None,
                trusted: false,
                // Whatever it says of itself.
                from: Speaker {
                    id: person.0,
                    name: "somebody".into(),
                    kind: busk_rooms::SpeakerKind::Person,
                    role: None,
                    badge: None,
                    months: Some(99),
                    rank: None,
                },
                text: "hello".into(),
            };
            let wanted = say.clone();
            let said = scene.store.write_ahead(
                move |rows| busk_rooms::chat::ahead(rows, &wanted),
                move |tx| busk_rooms::chat::say(tx, &say, now),
            );
            said.await.unwrap();
            let told = scene.told(&["said"]).await;
            told.last().unwrap()["from"]["months"].as_i64()
        };
        assert_eq!(says(1, BEA, NOW).await, None, "nobody is a member here");
        subscribed(&scene, 1, BEA, 1, CHEAP, NOW).await;
        assert_eq!(says(2, BEA, NOW).await, Some(1));
        assert_eq!(says(3, CID, NOW).await, None);
        let until = current(&scene, BEA).await.until;
        assert_eq!(says(4, BEA, until).await, None, "once it is over");
        scene.gave(1, BEA, "rose", 1, NOW).await;
        let gift = scene.told(&["gift"]).await;
        assert_eq!(gift[0]["from"]["months"].as_i64(), Some(1));
    }
);
