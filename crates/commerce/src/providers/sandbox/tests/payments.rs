//! Checkouts, renewals, refunds and disputes, on both databases.

use std::time::Duration;

use busk_base::{Amount, RefundId};
use busk_store::StoreError;
use busk_testkit::each_db;
use uuid::Uuid;

use super::super::card::Card;
use super::super::checkout::{Act, Outcome};
use super::super::dispute::{self, Dispute, Ended};
use super::super::page;
use super::world::{World, words};
use crate::accounts::CURRENCY;
use crate::html::Language;
use crate::providers::{About, Charge, Provider, ProviderError, Refund, Settlement, SettlementKind};
use crate::scene::*;

/// What is done at the page, how it ends, and what is said of it.
type Row = (&'static [Act], Option<Outcome>, &'static [&'static str]);

const SETTLED: &[&str] = &["600 Settled", "1500 Pending", "2500 Settled"];
const DECLINED: &[&str] = &["600 Declined", "1500 Pending", "2500 Declined"];
const EXPIRES: &[&str] = &["3600500 Expired", "3602000 Expired"];

const ROWS: &[Row] = &[
    (&[], None, EXPIRES),
    (&[Act::Take(Card::Good)], Some(Outcome::Paid), SETTLED),
    (&[Act::Take(Card::Declined)], Some(Outcome::Declined), DECLINED),
    (
        &[Act::Take(Card::Insufficient)],
        Some(Outcome::Declined),
        DECLINED,
    ),
    (&[Act::Take(Card::Once)], Some(Outcome::Paid), SETTLED),
    (&[Act::Take(Card::Unrefundable)], Some(Outcome::Paid), SETTLED),
    (&[Act::Take(Card::Secure)], None, EXPIRES),
    (
        &[Act::Take(Card::Secure), Act::Confirm],
        Some(Outcome::Paid),
        SETTLED,
    ),
    (
        &[Act::Take(Card::Secure), Act::Refuse],
        Some(Outcome::Declined),
        DECLINED,
    ),
    (
        &[Act::Take(Card::Secure), Act::Take(Card::Good)],
        Some(Outcome::Paid),
        SETTLED,
    ),
    (&[Act::Confirm], None, EXPIRES),
    (&[Act::Refuse], None, EXPIRES),
    // The first end stands.
    (
        &[Act::Take(Card::Good), Act::Take(Card::Declined)],
        Some(Outcome::Paid),
        SETTLED,
    ),
    (
        &[Act::Take(Card::Declined), Act::Take(Card::Good)],
        Some(Outcome::Declined),
        DECLINED,
    ),
];

each_db!(cards_do_as_their_buttons_say, async |db| {
    let world = World::set(db).await;
    for (number, (acts, outcome, said)) in ROWS.iter().enumerate() {
        let checkout = world.open(number as u128).await;
        for act in *acts {
            world.act(&checkout, *act).await;
        }
        let ended = world.act(&checkout, Act::Confirm).await;
        let expected = match acts {
            [Act::Take(Card::Secure)] => Some(Outcome::Paid),
            _ => *outcome,
        };
        assert_eq!(ended.outcome, expected, "row {number}");
        let told = world.said().await;
        let said = if expected == *outcome { *said } else { SETTLED };
        assert_eq!(words(&told), said, "row {number}");
        for (_, notice) in &told {
            let About::Payment(notice) = &notice.about else {
                panic!("row {number}: {notice:?}");
            };
            assert_eq!(
                notice.checkout.as_deref(),
                Some(checkout.as_str()),
                "row {number}"
            );
            assert_eq!((notice.payment, notice.payer), (payment_id(number as u128), CID));
            assert_eq!((notice.amount, notice.currency.as_str()), (1_000, "USD"));
            assert!(notice.method.is_some(), "it was to be kept");
        }
    }
});

each_db!(nothing_is_paid_after_the_pages_time, async |db| {
    let world = World::set(db).await;
    let checkout = world.open(1).await;
    world.wait(Duration::from_secs(3_600));
    assert_eq!(world.act(&checkout, Act::Take(Card::Good)).await.outcome, None);
    assert_eq!(words(&world.said().await), ["500 Expired", "2000 Expired"]);
});

fn renewal(number: u128, of: u128, amount: i64) -> Charge {
    Charge {
        payment: payment_id(number),
        payer: CID,
        method: format!("pm_{}", payment_id(of)),
        amount: Amount::money(amount, CURRENCY),
        description: "a month".into(),
    }
}

each_db!(what_was_kept_is_charged_again, async |db| {
    let world = World::set(db).await;
    for (number, card) in [(1, Card::Good), (2, Card::Once), (3, Card::Declined)] {
        let checkout = world.open(number).await;
        world.act(&checkout, Act::Take(card)).await;
    }
    world.said().await;
    let refused = |why: &str| Err(ProviderError::Refused(why.to_owned()));
    let nothing = || refused("resource_missing: nothing is kept");
    let rows: [(Charge, Result<(), ProviderError>, &[&str]); 7] = [
        (renewal(11, 1, 500), Ok(()), &["400 Settled", "1700 Settled"]),
        (renewal(11, 1, 500), Ok(()), &[]),
        (
            renewal(11, 1, 501),
            refused("idempotency_error: the id was used for something else"),
            &[],
        ),
        (renewal(12, 2, 500), Ok(()), &["400 Declined", "1700 Declined"]),
        (renewal(13, 3, 500), nothing(), &[]),
        (renewal(14, 77, 500), nothing(), &[]),
        (
            Charge {
                payer: BEA,
                ..renewal(15, 1, 500)
            },
            nothing(),
            &[],
        ),
    ];
    for (number, (wanted, answer, said)) in rows.into_iter().enumerate() {
        assert_eq!(world.sandbox.charge(&wanted).await, answer, "row {number}");
        let told = world.said().await;
        assert_eq!(words(&told), said, "row {number}");
        for (_, notice) in told {
            let About::Payment(notice) = notice.about else {
                panic!("{notice:?}")
            };
            assert_eq!((notice.checkout, notice.amount), (None, 500));
        }
    }
});

fn refund(number: u128, of: u128, amount: i64) -> Refund {
    Refund {
        refund: RefundId(Uuid::from_u128(number)),
        payment: payment_id(of),
        charge: format!("ch_{}", payment_id(of)),
        amount,
        currency: "USD".into(),
    }
}

each_db!(no_more_is_given_back_than_was_taken, async |db| {
    let world = World::set(db).await;
    for (number, card) in [(1, Card::Good), (2, Card::Unrefundable), (3, Card::Declined)] {
        let checkout = world.open(number).await;
        world.act(&checkout, Act::Take(card)).await;
    }
    world.said().await;
    let refused = |why: &str| Err(ProviderError::Refused(why.to_owned()));
    let too_much = || refused("amount_too_large: more than was paid");
    let unknown = || refused("resource_missing: no such charge");
    let done: &[&str] = &["900 Succeeded", "2100 Succeeded"];
    let rows: [(Refund, Result<(), ProviderError>, &[&str]); 10] = [
        (refund(1, 1, 400), Ok(()), done),
        (refund(1, 1, 400), Ok(()), &[]),
        (
            refund(1, 1, 500),
            refused("idempotency_error: the id was used for something else"),
            &[],
        ),
        (refund(2, 1, 601), too_much(), &[]),
        (refund(2, 1, 0), too_much(), &[]),
        (refund(2, 1, 600), Ok(()), done),
        (refund(3, 1, 1), too_much(), &[]),
        (refund(4, 2, 1_000), Ok(()), &["900 Failed", "2100 Failed"]),
        (refund(5, 3, 1), unknown(), &[]),
        (refund(6, 77, 1), unknown(), &[]),
    ];
    for (number, (wanted, answer, said)) in rows.into_iter().enumerate() {
        assert_eq!(world.sandbox.refund(&wanted).await, answer, "row {number}");
        assert_eq!(words(&world.said().await), said, "row {number}");
    }
    let euro = Refund {
        currency: "EUR".into(),
        ..refund(7, 2, 1)
    };
    assert_eq!(world.sandbox.refund(&euro).await, refused("another currency"));
});

async fn decide(world: &World, number: u128, ended: Ended) -> Option<Dispute> {
    let now = world.now();
    let decided = world
        .scene
        .store
        .write(move |tx| dispute::decide(tx, payment_id(number), ended, now));
    let decided: Result<_, StoreError> = decided.await;
    decided.unwrap()
}

each_db!(a_dispute_opens_later_and_ends_once, async |db| {
    let world = World::set(db).await;
    for (number, first, word, net) in [(1, Ended::Won, "Won", 0), (2, Ended::Lost, "Lost", -1_000)] {
        let from = world.now();
        let checkout = world.open(number).await;
        world.act(&checkout, Act::Take(Card::Disputed)).await;
        let told = world.said().await;
        assert_eq!(
            words(&told),
            [
                "600 Settled",
                "1500 Pending",
                "2500 Settled",
                "5200 Opened",
                "6900 Opened"
            ]
        );
        let About::Dispute(opened) = told[3].1.about.clone() else {
            panic!("{told:?}")
        };
        assert_eq!((opened.amount, opened.fee), (1_000, 1_500));
        assert_eq!(opened.charge, format!("ch_{}", payment_id(number)));
        let early = decide(&world, number, first).await.unwrap();
        assert_eq!(early.outcome, None, "it is not open yet");

        world.wait(Duration::from_secs(5));
        assert_eq!(decide(&world, number, first).await.unwrap().outcome, Some(first));
        let other = if first == Ended::Won {
            Ended::Lost
        } else {
            Ended::Won
        };
        assert_eq!(decide(&world, number, other).await.unwrap().outcome, Some(first));
        let told = world.said().await;
        assert_eq!(words(&told), [format!("500 {word}"), format!("2200 {word}")]);
        let About::Dispute(closed) = &told[0].1.about else {
            panic!("{told:?}")
        };
        assert_eq!((closed.id, &closed.dispute), (opened.id, &opened.dispute));

        world.wait(Duration::from_secs(1));
        let report = world.sandbox.settlements(from, world.now()).await.unwrap();
        let disputed = report.iter().filter(|line| line.kind == SettlementKind::Dispute);
        let (gross, fee) = disputed.fold((0, 0), |(gross, fee), line| (gross + line.gross, fee + line.fee));
        assert_eq!((gross, fee), (net, 1_500));
    }
    world.open(3).await;
    assert_eq!(decide(&world, 3, Ended::Won).await, None);
});

each_db!(the_report_has_every_movement_and_its_fee, async |db| {
    let world = World::set(db).await;
    let from = world.now();
    let checkout = world.open(1).await;
    world.act(&checkout, Act::Take(Card::Good)).await;
    let declined = world.open(2).await;
    world.act(&declined, Act::Take(Card::Declined)).await;
    world.wait(Duration::from_secs(1));
    let second = world.now();
    world.sandbox.refund(&refund(1, 1, 400)).await.unwrap();
    let line = |id: String, kind, of: String, gross, fee, at| Settlement {
        id,
        kind,
        of,
        gross,
        fee,
        currency: "USD".into(),
        at,
    };
    let (charge, back) = (
        format!("ch_{}", payment_id(1)),
        RefundId(Uuid::from_u128(1)).to_string(),
    );
    let paid = line(
        format!("txn_{charge}"),
        SettlementKind::Payment,
        charge.clone(),
        1_000,
        59,
        from,
    );
    let given = line(
        format!("txn_re_{back}"),
        SettlementKind::Refund,
        back,
        -400,
        0,
        second,
    );
    let until = second + Duration::from_secs(1);
    let all = world.sandbox.settlements(from, until).await.unwrap();
    assert_eq!(all, [paid.clone(), given.clone()]);
    assert_eq!(world.sandbox.settlements(from, second).await.unwrap(), [paid]);
    assert_eq!(world.sandbox.settlements(second, until).await.unwrap(), [given]);
});

each_db!(a_closed_sandbox_sees_to_earlier_payments_only, async |db| {
    let world = World::with(db, false).await;
    let refused = |answer: Result<(), ProviderError>| matches!(answer, Err(ProviderError::Refused(_)));
    assert!(refused(world.sandbox.charge(&renewal(1, 1, 500)).await));
    let unknown = world.sandbox.refund(&refund(1, 1, 1)).await;
    assert_eq!(
        unknown,
        Err(ProviderError::Refused("resource_missing: no such charge".into())),
        "it was asked"
    );
});

each_db!(pages_say_what_can_be_done, async |db| {
    let world = World::set(db).await;
    let checkout = world.open(1).await;
    let asked = world.act(&checkout, Act::Take(Card::Secure)).await;
    let now = world.now();
    for language in [Language::English, Language::French] {
        let paying = page::checkout(&asked, true, language, now);
        for card in Card::ALL {
            let id = format!("data-testid=\"sandbox-{}\"", card.word());
            assert!(paying.contains(&id), "{id} in {paying}");
        }
        let bank = page::bank(&asked, language);
        assert!(bank.contains("sandbox-confirm") && bank.contains("sandbox-refuse"));
        let late = page::checkout(&asked, true, language, asked.expires_at);
        let closed = page::checkout(&asked, false, language, now);
        for page in [&paying, &bank, &late, &closed] {
            assert!(
                page.contains("10.00 USD") && page.contains("&lt;b&gt;coins"),
                "{page}"
            );
            assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
            assert!(page.contains(&format!("lang=\"{}\"", language.tag())));
        }
        for page in [&late, &closed] {
            assert!(
                page.contains("sandbox-outcome") && !page.contains("<button"),
                "{page}"
            );
            assert!(page.contains("href=\"/room?a=1&amp;b=2\""), "{page}");
        }
    }
});
