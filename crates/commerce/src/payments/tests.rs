//! A payer's history, on both databases, and what is printed of it.

use std::time::Duration;

use busk_api::Limit;
use busk_people::{Person, Role};
use busk_store::params;
use busk_testkit::each_db;

use super::receipt::{Receipt, page};
use super::*;
use crate::html::Language;
use crate::scene::*;
use crate::{rules::Rules, sales};

async fn history(scene: &Scene, payer: PersonId, before: Before, limit: Limit) -> Vec<Entry> {
    let read = scene.store.read(move |db| payments_of(db, payer, before, limit));
    read.await.unwrap()
}

fn german() -> Rules {
    let mut rules = rules();
    rules.policy.tax_basis_points = [("DE".to_owned(), 1_900)].into();
    rules
}

/// Cid pays for a badge of Ada's; some of it is given back.
async fn badge(scene: &Scene, number: u128, delivered: bool) {
    let new = NewPayment {
        id: payment_id(number),
        payer: CID,
        order: Order::Badge,
        price: 1_190,
        provider: "sandbox",
    };
    let written = scene.store.write(move |tx| {
        let rules = german();
        begin(tx, &new, &rules.policy, NOW).map_err(|error| StoreError::Broken(error.to_string()))?;
        let payment = opened(tx, new.id, "page", "https://pay.example/badge")?.change(|payment| {
            payment.state = PaymentState::Paid;
            payment.country = Some("DE".into());
            payment.settled_at = Some(NOW);
        });
        let payment = payment.save(tx);
        let broken = |error: busk_ledger::PostError| StoreError::Broken(error.to_string());
        sales::paid(tx, &payment, &rules, NOW).map_err(broken)?;
        if delivered {
            sales::deliver(tx, &payment, CHANNEL, 70, &rules, NOW).map_err(broken)?;
        }
        Ok::<_, StoreError>(())
    });
    written.await.unwrap();
}

each_db!(history_is_ones_own_and_newest_first, async |db| {
    let scene = Scene::set(db).await;
    // Two of one time: the greater id first. The last is begun a minute earlier.
    for (number, later) in [(10, 60), (12, 60), (11, 60), (13, 0)] {
        let now = NOW + Duration::from_secs(later);
        scene.begin(buy_70(number, CID), now).await.unwrap();
    }
    let limit: Limit = serde_json::from_str("2").unwrap();
    let mut before = Before::NEWEST;
    let mut seen = Vec::new();
    loop {
        let rows = history(&scene, CID, before, limit).await;
        let page = busk_api::Page::of(rows, limit, Before::cursor);
        seen.extend(page.items.iter().map(|entry| entry.payment.id));
        match page.next {
            Some(next) => before = Before::parse(&next).unwrap(),
            None => break,
        }
    }
    assert_eq!(seen, [12, 11, 10, 13].map(payment_id));
    let bea = history(&scene, BEA, Before::NEWEST, Limit::default()).await;
    assert_eq!(
        bea.iter().map(|entry| entry.payment.id).collect::<Vec<_>>(),
        [payment_id(900)]
    );
    assert_eq!(bea[0].coins.as_ref().map(|order| order.coins), Some(70));
    assert_eq!(
        Before::parse(&busk_api::Cursor::from_i64(1)),
        None,
        "of another list"
    );
});

each_db!(an_entry_names_whom_it_was_for, async |db| {
    let scene = Scene::set(db).await;
    badge(&scene, 20, true).await;
    badge_is(&scene, 20, Some("ada"), 190).await;
    let given_back = scene.store.write(|tx| {
        let payment = tx.find::<Payment>(&payment_id(20))?.unwrap();
        sales::take_back(
            tx,
            &payment,
            595,
            crate::accounts::PSP_CLEARING,
            busk_base::PostingId(uuid::Uuid::from_u128(77)),
            &german(),
            NOW,
        )
        .map_err(|error| StoreError::Broken(error.to_string()))?;
        gave_back(tx, payment, 595);
        Ok::<_, StoreError>(())
    });
    given_back.await.unwrap();
    badge_is(&scene, 20, Some("ada"), 95).await;
    scene.audit().await;
});

each_db!(an_entry_that_is_not_delivered_is_for_nobody_yet, async |db| {
    let scene = Scene::set(db).await;
    badge(&scene, 21, false).await;
    badge_is(&scene, 21, None, 190).await;
});

async fn badge_is(scene: &Scene, number: u128, channel: Option<&str>, tax: i64) {
    let read = scene.store.read(move |db| entry(db, payment_id(number)));
    let entry = read.await.unwrap().unwrap();
    let named = entry.channel.as_ref();
    assert_eq!(named.map(|of| of.handle.as_str()), channel);
    assert_eq!(entry.tax(&german().policy), tax);
    assert_eq!(entry.coins, None);
}

each_db!(a_receipt_is_text, async |db| {
    let scene = Scene::set(db).await;
    let read = scene.store.read(|db| entry(db, payment_id(900)));
    let mut entry = read.await.unwrap().unwrap();
    let payer = Person {
        id: BEA,
        handle: "bea".into(),
        display_name: "<script>alert(\"Bea\")</script> & co".into(),
        about: String::new(),
        role: Role::Viewer,
    };
    let print = |entry: &Entry, tax, language| {
        let receipt = Receipt {
            site: "https://live.example.org",
            payer: &payer,
            entry,
            tax,
        };
        page(&receipt, language)
    };
    let english = print(&entry, 0, Language::English);
    for text in [
        "<dd>live.example.org</dd>",
        "<dd>https://live.example.org</dd>",
        "&lt;script&gt;alert(&quot;Bea&quot;)&lt;/script&gt; &amp; co (@bea)",
        "<dd>70 coins</dd>",
        "0.70 USD",
        "<dd>sandbox</dd>",
        &format!("<dd>{}</dd>", payment_id(900)),
    ] {
        assert!(english.contains(text), "{text} in {english}");
    }
    assert!(
        !english.contains("<script") && !english.contains("Given back"),
        "{english}"
    );

    entry.payment.price = 1_190;
    entry.payment.refunded = 595;
    if let Some(order) = &mut entry.coins {
        order.promotional = 5;
    }
    let french = print(&entry, 95, Language::French);
    for text in ["11,90 USD", "−5,95 USD", "0,95 USD", "70 pièces, et 5 offertes"] {
        assert!(french.contains(text), "{text} in {french}");
    }
});

each_db!(tickets_and_subscriptions_name_their_channel, async |db| {
    let scene = Scene::set(db).await;
    // Begun and not paid: as `tickets` and `subscriptions` would note them.
    for (number, order) in [(31, Order::Ticket), (32, Order::Subscription)] {
        let new = NewPayment {
            id: payment_id(number),
            payer: CID,
            order,
            price: 499,
            provider: "sandbox",
        };
        let begun = scene.store.write(move |tx| begin(tx, &new, &rules().policy, NOW));
        begun.await.unwrap();
    }
    let noted = scene.store.write(|tx| {
        tx.execute(
            "INSERT INTO ticket (payment, room, person, stage, state, replay, scheduled_at, country, reserved_until, \
             created_at) VALUES ($1, $2, $3, FALSE, 'reserved', FALSE, NULL, NULL, $4, $4)",
            params![payment_id(31), LATER, CID, NOW],
        )?;
        tx.execute(
            "INSERT INTO subscription_order (payment, channel, person, tier, kind, monthly, taken_back) \
             VALUES ($1, $2, $3, 1, 'month', 499, FALSE)",
            params![payment_id(32), CHANNEL, CID],
        )?;
        Ok::<_, StoreError>(())
    });
    noted.await.unwrap();
    let all = history(&scene, CID, Before::NEWEST, Limit::default()).await;
    let named = all
        .iter()
        .map(|entry| entry.channel.as_ref().map(|of| of.handle.clone()));
    assert_eq!(
        named.collect::<Vec<_>>(),
        [Some("ada".into()), Some("ada".into())]
    );
    assert!(all.iter().all(|entry| entry.taxed.is_none()));
});

each_db!(a_renewal_is_from_where_its_card_is, async |db| {
    let scene = Scene::set(db).await;
    for (number, said, expected) in [
        (41, Some("FR"), Some("FR")),
        (42, None, Some("FR")),
        (43, None, None),
    ] {
        scene.begin(buy_70(number, CID), NOW).await.unwrap();
        let said = PaymentNotice {
            method: Some(if number == 43 { "another card" } else { "the card" }.into()),
            country: said.map(str::to_owned),
            ..notice(number, CID, PaymentSaid::Settled)
        };
        scene.hear(said).await;
        let paid = scene.store.read(move |db| payment(db, payment_id(number))).await;
        assert_eq!(paid.unwrap().unwrap().country.as_deref(), expected, "{number}");
    }
});
