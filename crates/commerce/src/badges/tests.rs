//! Badges, on both databases.

use std::time::Duration;

use busk_base::{ChannelId, JobId, MessageId, RefundId};
use busk_ledger::AccountRef;
use busk_rooms::chat::{self, Say};
use busk_rooms::state::{self, By};
use busk_rooms::{Speaker, SpeakerKind};
use busk_testkit::each_db;
use uuid::Uuid;

use super::*;
use crate::accounts::*;
use crate::providers::{About, DisputeSaid, PaymentNotice, PaymentSaid, RefundNotice, RefundSaid};
use crate::scene::*;

fn hearts(number: u128, person: PersonId, room: RoomId, hearts: u8) -> Buy {
    Buy {
        id: payment_id(number),
        room,
        person,
        hearts,
        provider: "sandbox",
    }
}

async fn begun(scene: &Scene, wanted: Buy, now: Timestamp) -> String {
    let number = wanted.id.0.as_u128();
    let begun = scene.store.write(move |tx| {
        let purchase = buy(tx, &wanted, &rules(), now)?;
        payments::opened(
            tx,
            wanted.id,
            &format!("checkout-{number}"),
            "https://pay.example",
        )?;
        Ok(purchase)
    });
    match begun.await {
        Ok(purchase) if purchase.new => format!("begun {}", purchase.payment.price),
        Ok(_) => "again".into(),
        Err(error) => match error {
            BuyError::IdReused(_) => "id_reused",
            BuyError::RoomUnknown => "room_unknown",
            BuyError::RoomNotLive => "room_not_live",
            BuyError::Barred(_) => "barred",
            BuyError::BadgeUnknown => "badge_unknown",
            BuyError::SelfBadge => "self_badge",
            BuyError::Held => "held",
            BuyError::BeingPaid => "being_paid",
            BuyError::Begin(_) => "not_begun",
            BuyError::Store(error) => panic!("{error}"),
        }
        .into(),
    }
}

async fn heard(scene: &Scene, number: u128, payer: PersonId, amount: i64, said: PaymentSaid) -> Heard {
    let said = PaymentNotice {
        amount,
        ..notice(number, payer, said)
    };
    scene.hear(said).await
}

each_db!(buying, async |db| {
    let scene = Scene::set(db).await;
    let none = RoomId(Uuid::from_u128(7));
    let hour = Duration::from_secs(3_600);
    let rows = [
        (hearts(1, BEA, none, 1), NOW, "room_unknown"),
        (hearts(1, BEA, LATER, 1), NOW, "room_not_live"),
        (hearts(1, BEA, LIVE, 0), NOW, "badge_unknown"),
        (hearts(1, BEA, LIVE, 4), NOW, "badge_unknown"),
        (hearts(1, ADA, LIVE, 1), NOW, "self_badge"),
        (hearts(1, BEA, LIVE, 1), NOW, "begun 99"),
        (hearts(1, BEA, LIVE, 1), NOW, "again"),
        (hearts(1, CID, LIVE, 1), NOW, "id_reused"),
        (hearts(1, BEA, LIVE, 2), NOW, "id_reused"),
        (hearts(900, BEA, LIVE, 1), NOW, "id_reused"),
        (hearts(2, BEA, LIVE, 1), NOW, "being_paid"),
        (hearts(2, BEA, LIVE, 2), NOW, "begun 199"),
        (hearts(3, CID, LIVE, 1), NOW, "begun 99"),
        (hearts(4, BEA, LIVE, 1), NOW + hour, "begun 99"),
    ];
    for (wanted, now, expected) in rows {
        assert_eq!(begun(&scene, wanted.clone(), now).await, expected, "{wanted:?}");
    }
    assert_eq!(
        heard(&scene, 4, BEA, 99, PaymentSaid::Settled).await,
        Heard::Settled
    );
    assert_eq!(begun(&scene, hearts(5, BEA, LIVE, 1), NOW).await, "held");
    scene.audit().await;
});

// The row of the money table.
each_db!(badge, async |db| {
    let scene = Scene::set(db).await;
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
    assert_eq!(begun(&scene, hearts(1, BEA, LIVE, 3), NOW).await, "begun 499");
    let said = PaymentNotice {
        amount: 499,
        ..notice(1, BEA, PaymentSaid::Settled)
    };
    let taxed = Rules {
        policy: Policy {
            tax_basis_points: [("DE".to_owned(), 1_900)].into(),
            ..Policy::default()
        },
        ..rules()
    };
    let from_germany = PaymentNotice {
        country: Some("DE".into()),
        ..said.clone()
    };
    let notice = crate::providers::Notice {
        id: "evt-badge".into(),
        about: crate::providers::About::Payment(from_germany),
    };
    let heard = scene
        .store
        .write(move |tx| crate::notices::hear(tx, "sandbox", &notice, &taxed, NOW));
    assert_eq!(heard.await.unwrap(), Heard::Settled);
    assert_eq!(scene.hear(said).await, Heard::Nothing, "once is enough");
    let mut moved = Vec::new();
    for (account, before) in accounts.into_iter().zip(before) {
        moved.push(scene.balance(account).await - before);
    }
    // Of 4.99 with 19 % in it 0.79 is tax; of 4.20 the creator gets 70 %.
    assert_eq!(moved, [-499, 0, 294, 126, 79]);
    scene.audit().await;
});

async fn say(scene: &Scene, number: u128, who: PersonId, text: &str) {
    let say = Say {
        id: MessageId(Uuid::from_u128(number)),
        room: LIVE,
        place: busk_rooms::chat::Place::Chat,
        reply_to: None,
        trusted: false,
        from: Speaker {
            id: who.0,
            name: "someone".into(),
            kind: SpeakerKind::Person,
            role: None,
            badge: None,
            months: None,
            rank: None,
        },
        text: text.into(),
    };
    let said = scene.store.write(move |tx| chat::say(tx, &say, NOW));
    said.await.unwrap();
}

each_db!(hearts_stand_beside_the_name_from_then_on, async |db| {
    let scene = Scene::set(db).await;
    say(&scene, 1, BEA, "before").await;
    for (number, many, price) in [(1, 2, 199), (2, 1, 99)] {
        begun(&scene, hearts(number, BEA, LIVE, many), NOW).await;
        assert_eq!(
            heard(&scene, number, BEA, price, PaymentSaid::Settled).await,
            Heard::Settled
        );
    }
    say(&scene, 2, BEA, "after").await;
    say(&scene, 3, CID, "nothing bought").await;
    scene.gave(1, BEA, "heart", 1, NOW).await;
    let told = scene.told(&["said", "badge", "gift"]).await;
    let told: Vec<_> = told
        .iter()
        .map(|event| {
            let what = event["type"].as_str().unwrap();
            (what, event["from"]["badge"].as_u64(), event["hearts"].as_u64())
        })
        .collect();
    let expected = [
        ("said", None, None),
        ("badge", Some(2), Some(2)),
        ("badge", Some(2), Some(1)),
        ("said", Some(2), None),
        ("said", None, None),
        ("gift", Some(2), None),
    ];
    assert_eq!(told, expected);
});

each_db!(a_badge_that_settles_late_counts_for_its_live, async |db| {
    let scene = Scene::set(db).await;
    begun(&scene, hearts(1, BEA, LIVE, 1), NOW).await;
    let ended = scene.store.write(|tx| state::end(tx, LIVE, By::Person(ADA), NOW));
    ended.await.unwrap();
    assert_eq!(begun(&scene, hearts(2, BEA, LIVE, 2), NOW).await, "room_not_live");
    assert_eq!(
        heard(&scene, 1, BEA, 99, PaymentSaid::Settled).await,
        Heard::Settled
    );
    assert_eq!(scene.told(&["badge"]).await.len(), 1);
    let top = scene.count(NOW).await.unwrap();
    assert_eq!((top.len(), top[0].value), (1, 99));
    let kept = scene.store.read(|db| {
        let channel: ChannelId = CHANNEL;
        supporters::of_channel(db, channel, None, 10)
    });
    let kept = kept.await.unwrap();
    assert_eq!((kept[0].person, kept[0].badges, kept[0].value), (BEA, 1, 99));
    scene.audit().await;
});

each_db!(paid_twice_goes_back_by_itself, async |db| {
    let scene = Scene::set(db).await;
    let hour = Duration::from_secs(3_600);
    begun(&scene, hearts(1, BEA, LIVE, 1), NOW).await;
    begun(&scene, hearts(2, BEA, LIVE, 1), NOW + hour).await;
    assert_eq!(
        heard(&scene, 2, BEA, 99, PaymentSaid::Settled).await,
        Heard::Settled
    );
    let late = heard(&scene, 1, BEA, 99, PaymentSaid::Settled).await;
    assert_eq!(late, Heard::GivenBack);
    assert_eq!(scene.balance(DEFERRED).await, 0, "it does not wait for anybody");
    assert_eq!(kept(&scene, 1).await, 0);
    assert_eq!(kept(&scene, 2).await, 99);
    let states = scene.store.read(|db| refunds::of_payment(db, payment_id(1)));
    assert_eq!(states.await.unwrap()[0].state, refunds::RefundState::Granted);
    assert_eq!(scene.told(&["badge"]).await.len(), 1);
    assert_eq!(begun(&scene, hearts(3, BEA, LIVE, 1), NOW).await, "held");
    scene.audit().await;
});

async fn kept(scene: &Scene, number: u128) -> i64 {
    let read = scene
        .store
        .read(move |db| payments::payment(db, payment_id(number)));
    read.await.unwrap().unwrap().kept()
}

/// An operator gives so much of a payment back; all of it when nothing is said.
async fn given_back(scene: &Scene, number: u128, payment: u128, amount: Option<i64>) {
    let ask = refunds::Ask {
        id: RefundId(Uuid::from_u128(number)),
        payment: payment_id(payment),
        by: refunds::By::Operator(ADA),
        amount,
        reason: "by mistake".into(),
    };
    let job = JobId(ask.id.0);
    let asked = scene
        .store
        .write(move |tx| refunds::ask(tx, &ask, job, &rules(), NOW));
    assert_eq!(asked.await.unwrap().state, refunds::RefundState::Granted);
}

/// The hearts beside Bea's name when she speaks now, and what the creator's list says that she gave.
async fn shown(scene: &Scene, number: u128) -> (Option<u64>, Option<(i64, i64)>) {
    say(scene, number, BEA, "now").await;
    let said = scene.told(&["said"]).await;
    let badge = said.last().unwrap()["from"]["badge"].as_u64();
    let listed = scene
        .store
        .read(|db| supporters::of_channel(db, CHANNEL, None, 10));
    let listed = listed.await.unwrap();
    (badge, listed.first().map(|one| (one.badges, one.value)))
}

each_db!(hearts_go_with_their_money, async |db| {
    let scene = Scene::set(db).await;
    for (number, many, price) in [(1, 3, 499), (2, 1, 99)] {
        begun(&scene, hearts(number, BEA, LIVE, many), NOW).await;
        heard(&scene, number, BEA, price, PaymentSaid::Settled).await;
    }
    assert_eq!(shown(&scene, 1).await, (Some(3), Some((2, 598))));
    assert_eq!(scene.count(NOW).await.unwrap()[0].value, 598);
    given_back(&scene, 50, 1, Some(100)).await;
    assert_eq!(
        shown(&scene, 2).await,
        (Some(3), Some((2, 598))),
        "some of it is kept"
    );
    given_back(&scene, 51, 1, None).await;
    assert_eq!(
        shown(&scene, 3).await,
        (Some(1), Some((1, 99))),
        "the other badge is there"
    );
    assert_eq!(scene.count(NOW).await.unwrap()[0].value, 99);

    // The bank takes the other, and decides for the payer.
    for said in [DisputeSaid::Opened, DisputeSaid::Lost] {
        scene.hear_about(&format!("{said:?}"), dispute(2, said, 99)).await;
    }
    assert_eq!(shown(&scene, 4).await, (None, None));
    assert_eq!(scene.count(NOW).await, Some(vec![]), "nobody is on top");
    scene.audit().await;

    // It may be bought anew; and the one whose refund failed is there again.
    assert_eq!(begun(&scene, hearts(3, BEA, LIVE, 1), NOW).await, "begun 99");
    let failed = RefundNotice {
        said: RefundSaid::Failed,
        refund: RefundId(Uuid::from_u128(51)),
        amount: 399,
        currency: "USD".into(),
    };
    let heard_of = scene.hear_about("failed", About::Refund(failed)).await;
    assert_eq!(heard_of, Heard::RefundFailed);
    assert_eq!(shown(&scene, 5).await, (Some(3), Some((1, 499))));
    assert_eq!(
        heard(&scene, 3, BEA, 99, PaymentSaid::Settled).await,
        Heard::Settled
    );
    assert_eq!(shown(&scene, 6).await, (Some(3), Some((2, 598))));
    scene.audit().await;
});

each_db!(a_payment_names_the_channel_before_it_is_paid, async |db| {
    let scene = Scene::set(db).await;
    begun(&scene, hearts(1, BEA, LIVE, 1), NOW).await;
    let entry = scene.store.read(|db| payments::entry(db, payment_id(1))).await;
    let channel = entry.unwrap().unwrap().channel.unwrap();
    assert_eq!((channel.id, channel.handle.as_str()), (CHANNEL, "ada"));
});
