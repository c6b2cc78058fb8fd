//! Sales of two countries and of none, taken back and put back, on both databases: every figure re-added from the
//! ledger's balances and from its own lines.

use std::time::Duration;

use busk_ledger::PostError;
use busk_store::Store;
use busk_testkit::each_db;
use uuid::Uuid;

use super::csv::{TaxLinesCsv, TaxSummaryCsv};
use super::*;
use crate::accounts::*;
use crate::payments::{self, NewPayment, Order, Weighed};
use crate::providers::{PaymentNotice, PaymentSaid};
use crate::rules::Rules;
use crate::sales;
use crate::scene::*;
use crate::statements::Export;

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn taxing() -> Rules {
    let mut rules = rules();
    rules.policy.tax_basis_points = [("DE".to_owned(), 1_900), ("FR".to_owned(), 2_000)].into();
    rules.policy.payments_per_hour_max = 1_000;
    rules
}

/// Cid pays so much for a badge of Ada's, from a country; it is delivered so many days later, if at all.
async fn sold(
    scene: &Scene,
    number: u128,
    price: i64,
    country: Option<&'static str>,
    delivered: Option<u32>,
) {
    let sold = scene.store.write(move |tx| {
        let rules = taxing();
        let new = NewPayment {
            id: payment_id(number),
            payer: CID,
            order: Order::Badge,
            price,
            provider: "sandbox",
        };
        let broken = |what: String| PostError::from(StoreError::Broken(what));
        payments::begin(tx, &new, &rules.policy, NOW).map_err(|error| broken(error.to_string()))?;
        payments::opened(tx, new.id, &format!("checkout-{number}"), "https://pay.example")?;
        let said = PaymentNotice {
            amount: price,
            country: country.map(str::to_owned),
            ..notice(number, CID, PaymentSaid::Settled)
        };
        let Weighed::Settled(payment) = payments::hear(tx, &said, NOW)? else {
            return Err(broken("it is not settled".into()));
        };
        sales::paid(tx, &payment, &rules, NOW)?;
        if let Some(days) = delivered {
            sales::deliver(tx, &payment, CHANNEL, 70, &rules, NOW + DAY * days)?;
        }
        Ok::<_, PostError>(())
    });
    sold.await.unwrap();
}

/// So much of it is taken back after so many days; and put back a day later, if it failed.
async fn taken_back(scene: &Scene, number: u128, amount: i64, days: u32, failed: bool) {
    let taken = scene.store.write(move |tx| {
        let payment = tx.find::<payments::Payment>(&payment_id(number))?.unwrap();
        let id = |add: u128| PostingId(Uuid::from_u128((9 << 100) + number * 10 + add));
        let then = NOW + DAY * days;
        sales::take_back(tx, &payment, amount, PSP_CLEARING, id(0), &taxing(), then)?;
        if failed {
            sales::put_back(tx, &payment, id(0), id(1), true, &taxing(), then + DAY)?;
        }
        Ok::<_, PostError>(())
    });
    taken.await.unwrap();
}

async fn of(store: &Store, text: &str) -> (Vec<TaxRow>, Vec<TaxRow>) {
    let span = period(text).unwrap();
    store.read(move |db| summary(db, span)).await.unwrap()
}

async fn whole(store: &Store, mut export: impl Export + 'static) -> String {
    let read = store.read(move |db| {
        let mut text = String::new();
        while let Some(piece) = export.next(db)? {
            text.push_str(&piece);
        }
        Ok::<_, StoreError>(text)
    });
    read.await.unwrap()
}

/// `country sales refunds`, each as count:net+tax=gross.
fn shown(rows: &[TaxRow]) -> Vec<String> {
    let figures = |of: &TaxFigures| format!("{}:{}+{}={}", of.count, of.net, of.tax, of.gross);
    let row = |row: &TaxRow| {
        let country = row.country.as_deref().unwrap_or("-");
        format!(
            "{country} {} {} {}",
            row.currency.code(),
            figures(&row.sales),
            figures(&row.refunds)
        )
    };
    rows.iter().map(row).collect()
}

/// NOW is 21 November: two sales of Germany, one of them taken back half in December; one of France, of which a
/// refund failed in December; one of nowhere; one that is given back before it is delivered; and one never delivered.
async fn traded(scene: &Scene) {
    sold(scene, 1, 1_190, Some("DE"), Some(0)).await;
    sold(scene, 2, 595, Some("DE"), Some(1)).await;
    sold(scene, 3, 600, Some("FR"), Some(2)).await;
    sold(scene, 4, 500, None, Some(2)).await;
    sold(scene, 5, 700, Some("DE"), None).await;
    sold(scene, 6, 700, Some("DE"), None).await;
    taken_back(scene, 5, 700, 3, false).await;
    taken_back(scene, 1, 595, 12, false).await;
    taken_back(scene, 3, 600, 9, true).await;
}

each_db!(taxes_are_of_the_month_of_delivery, async |db| {
    let scene = Scene::set(db).await;
    traded(&scene).await;
    let none = "0:0+0=0";
    let (rows, totals) = of(&scene.store, "2026-11").await;
    let expected = [
        format!("- USD 1:500+0=500 {none}"),
        format!("DE USD 2:1500+285=1785 {none}"),
        "FR USD 1:500+100=600 1:500+100=600".to_owned(),
    ];
    assert_eq!(shown(&rows), expected);
    assert_eq!(shown(&totals), ["- USD 4:2500+385=2885 1:500+100=600"]);
    let (rows, _) = of(&scene.store, "2026-12").await;
    let expected = [
        format!("DE USD {none} 1:500+95=595"),
        format!("FR USD {none} -1:-500+-100=-600"),
    ];
    assert_eq!(shown(&rows), expected);
    let (rows, totals) = of(&scene.store, "2026").await;
    let expected = [
        format!("- USD 1:500+0=500 {none}"),
        "DE USD 2:1500+285=1785 1:500+95=595".to_owned(),
        format!("FR USD 1:500+100=600 {none}"),
    ];
    assert_eq!(shown(&rows), expected);
    assert_eq!(of(&scene.store, "2025").await, (vec![], vec![]));
    // What the ledger itself says of it.
    let TaxRow { sales, refunds, .. } = totals[0];
    assert_eq!(scene.balance(TAX_PAYABLE).await, sales.tax - refunds.tax);
    let held = scene.balance(PLATFORM_REVENUE).await + scene.balance(earnings_pending(CHANNEL)).await;
    assert_eq!(held, sales.net - refunds.net);
    scene.audit().await;
});

each_db!(every_tax_figure_is_the_sum_of_its_lines, async |db| {
    let scene = Scene::set(db).await;
    traded(&scene).await;
    let span = period("2026").unwrap();
    // One posting at a time, so that every place is a page's end once.
    let read = scene.store.read(move |db| {
        let (mut all, mut after) = (Vec::new(), Some(Place::before(span.from)));
        while let Some(place) = after {
            let (found, next) = lines(db, span, place, 1)?;
            all.extend(found);
            after = next;
        }
        Ok::<_, StoreError>(all)
    });
    let all = read.await.unwrap();
    let (rows, _) = of(&scene.store, "2026").await;
    for row in &rows {
        for (taxed_as, figures) in [(TaxedAs::Sales, row.sales), (TaxedAs::Refunds, row.refunds)] {
            let own = all
                .iter()
                .filter(|line| line.country == row.country && line.taxed_as == taxed_as);
            let mut sum = TaxFigures::default();
            own.for_each(|line| sum.add(line));
            assert_eq!(sum, figures, "{row:?}");
        }
    }
    // Each line is what the transfers of its posting say.
    for line in &all {
        let legs = scene.legs(line.posting).await;
        let amount = |leg: &String| leg.rsplit(' ').next().unwrap().parse::<i64>().unwrap();
        let taxes = legs
            .iter()
            .filter(|leg| leg.contains("tax_payable"))
            .map(amount)
            .sum::<i64>();
        assert_eq!(
            (line.gross.abs(), line.tax.abs()),
            (legs.iter().map(amount).sum(), taxes),
            "{legs:?}"
        );
    }
    let text = whole(&scene.store, TaxLinesCsv::new(span)).await;
    assert_eq!(text.lines().count(), all.len() + 1, "{text}");
    let text = whole(&scene.store, TaxSummaryCsv::new(span)).await;
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "\"\",USD,1,5.00,0.00,5.00,0,0.00,0.00,0.00",
            "DE,USD,2,15.00,2.85,17.85,1,5.00,0.95,5.95",
            "FR,USD,1,5.00,1.00,6.00,0,0.00,0.00,0.00",
        ]
    );
});

#[test]
fn periods_are_months_and_years() {
    let days = |text: &str| period(text).map(|span| (span.from.day(), span.to.day()));
    let of = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
    assert_eq!(days("2026-11"), of("2026-11-01", "2026-12-01"));
    assert_eq!(days("2024-02"), of("2024-02-01", "2024-03-01"));
    assert_eq!(days("2026"), of("2026-01-01", "2027-01-01"));
    for wrong in [
        "",
        "26",
        "2026-13",
        "2026-1",
        "2026-11-01",
        "-026",
        "20é",
        "2026-1é",
    ] {
        assert_eq!(days(wrong), None, "{wrong}");
    }
}
