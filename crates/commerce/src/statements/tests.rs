//! Exports, on both databases: read by hledger itself, re-added, and compared with the statement and the ledger.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use busk_base::{GiftId, PostingId, RedemptionId, StreakId, Unit};
use busk_ledger::journal::{Place, Span, accounts_after};
use busk_rooms::{Speaker, SpeakerKind};
use busk_store::Store;
use busk_testkit::each_db;
use uuid::Uuid;

use super::operator::{Wanted, of_account, postings, summary};
use super::*;
use crate::accounts::CURRENCY;
use crate::earnings::{Redeem, StatementLine, lines, redeem, release};
use crate::gifts::{SendGift, send};
use crate::scene::*;

/// Bea gives Ada two coffees on two days and a name that spreadsheets would calculate; Ada's diamonds are released a
/// week later, and ten of them redeemed.
async fn earned(scene: &Scene) {
    let day = Duration::from_secs(24 * 3_600);
    for number in [1, 2] {
        let gift = SendGift {
            id: GiftId(Uuid::from_u128(5_000 + number)),
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
            kind: "coffee".into(),
            count: 1,
            streak: StreakId(Uuid::from_u128(6_000 + number)),
        };
        let now = NOW + day * number as u32;
        let sent = scene.store.write(move |tx| send(tx, &gift, &rules(), now));
        sent.await.unwrap();
    }
    let (id, now) = (PostingId(Uuid::from_u128(7_000)), NOW + day * 10);
    let released = scene
        .store
        .write(move |tx| release(tx, CHANNEL, id, &rules(), now));
    assert_eq!(released.await.unwrap(), 26);
    let asked = Redeem {
        id: RedemptionId(Uuid::from_u128(8_000)),
        channel: CHANNEL,
        diamonds: 10,
    };
    let redeemed = scene
        .store
        .write(move |tx| redeem(tx, &asked, &rules(), now + day));
    assert_eq!(redeemed.await.unwrap().money, 10);
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

/// What hledger says of a journal: the balances by account and commodity.
fn hledger(journal: &str) -> BTreeMap<(String, String), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("busk.journal");
    std::fs::write(&file, journal).unwrap();
    let run = |args: &[&str]| {
        let done = Command::new("hledger").arg("-f").arg(&file).args(args).output();
        let done = done.expect("hledger is there: cargo xtask needs");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{args:?}: {said}\n{journal}");
        String::from_utf8(done.stdout).unwrap()
    };
    run(&["check", "--strict"]);
    run(&["check", "ordereddates"]);
    let balances = run(&[
        "balance",
        "--flat",
        "--no-total",
        "--empty",
        "--layout=bare",
        "-O",
        "csv",
    ]);
    let rows = balances.lines().skip(1);
    rows.map(|row| {
        let fields: Vec<&str> = row.split(',').map(|field| field.trim_matches('"')).collect();
        let [account, commodity, amount] = fields[..] else {
            panic!("{row}");
        };
        ((account.to_owned(), commodity.to_owned()), amount.to_owned())
    })
    .filter(|(_, amount)| !amount.trim_start_matches(['0', '.']).is_empty())
    .collect()
}

each_db!(hledger_says_what_the_ledger_says, async |db| {
    let scene = Scene::set(db).await;
    earned(&scene).await;
    let said = hledger(&whole(&scene.store, Journal::new(Span::ALL, Format::Hledger)).await);
    let accounts = scene.store.read(|db| accounts_after(db, 0, 1_000)).await.unwrap();
    let expected = accounts
        .iter()
        .filter(|account| account.balance != 0)
        .map(|account| {
            let name = chart::account(&account.name, account.owner, account.unit);
            let balance = chart::amount(-account.balance, account.unit);
            ((name, account.unit.code().to_owned()), balance)
        });
    assert_eq!(said, expected.collect());
    assert!(said.len() >= 10, "{said:?}");
});

each_db!(hledger_says_what_the_statement_says, async |db| {
    let scene = Scene::set(db).await;
    earned(&scene).await;
    let said = hledger(
        &whole(
            &scene.store,
            CreatorJournal::new(CHANNEL, Span::ALL, Format::Hledger),
        )
        .await,
    );
    let newest: Vec<StatementLine> = scene
        .store
        .read(|db| lines(db, CHANNEL, i64::MAX, 1))
        .await
        .unwrap();
    let after = newest[0].balance_after;
    assert_eq!((after.pending, after.available, after.money), (0, 16, 10));
    let of = |account: &str, unit: &str| {
        said.get(&(account.to_owned(), unit.to_owned()))
            .map(String::as_str)
    };
    assert_eq!(of("Assets:Busk:Diamonds:Pending", "DIAMOND"), None);
    assert_eq!(of("Assets:Busk:Diamonds:Available", "DIAMOND"), Some("16"));
    assert_eq!(of("Assets:Busk:Earnings", "USD"), Some("0.10"));
    assert_eq!(of("Income:Busk:Gift", "DIAMOND"), Some("-26"));
    assert_eq!(of("Income:Busk:Redeem", "DIAMOND"), Some("10"));
    assert_eq!(of("Income:Busk:Redeem", "USD"), Some("-0.10"));
});

/// The rules that beancount has: every account opened once before it is used, names of capital parts, amounts of a
/// transaction that sum to zero.
fn beancount(journal: &str) -> usize {
    let (mut opened, mut transactions) = (Vec::new(), 0);
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for line in journal.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [] => assert!(sums.values().all(|sum| *sum == 0), "{sums:?} before a blank line"),
            [_, "open", account, ..] => {
                assert!(!opened.contains(&account), "{account} is opened twice");
                let fits =
                    |part: &str| part.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit());
                assert!(account.split(':').all(fits), "{account}");
                opened.push(account);
            }
            [_, "*", ..] => transactions += 1,
            [account, amount, unit] if line.starts_with("    ") => {
                assert!(opened.contains(&account), "{account} is not opened");
                let cents: i64 = amount.replace('.', "").parse().unwrap();
                assert_eq!(amount.contains('.'), unit == CURRENCY.code(), "{line}");
                *sums.entry(unit).or_default() += cents;
            }
            _ => assert!(
                line.starts_with("option") || line.starts_with(';') || line.contains(": \""),
                "{line}"
            ),
        }
    }
    assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");
    transactions
}

each_db!(beancount_has_what_it_asks_for, async |db| {
    let scene = Scene::set(db).await;
    earned(&scene).await;
    let all = beancount(&whole(&scene.store, Journal::new(Span::ALL, Format::Beancount)).await);
    let own = beancount(
        &whole(
            &scene.store,
            CreatorJournal::new(CHANNEL, Span::ALL, Format::Beancount),
        )
        .await,
    );
    assert_eq!((all, own), (5, 4), "a purchase is not of the creator");
});

fn span_of(from: &str, to: &str) -> Span {
    Span {
        from: moment(from).unwrap(),
        to: moment(to).unwrap(),
    }
}

each_db!(a_statement_as_csv, async |db| {
    let scene = Scene::set(db).await;
    earned(&scene).await;
    let text = whole(&scene.store, StatementCsv::new(CHANNEL, Span::ALL)).await;
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 5, "{text}");
    let read = scene.store.read(|db| lines(db, CHANNEL, i64::MAX, 10)).await;
    let mut shown = read.unwrap();
    shown.reverse();
    for (row, line) in rows[1..].iter().zip(&shown) {
        let money = |value| chart::amount(value, Unit::Money(CURRENCY));
        assert_eq!(row[1], line.posting.to_string());
        let figures = [
            line.diamonds_pending.to_string(),
            line.diamonds_available.to_string(),
            money(line.money_pending),
            money(line.money),
            CURRENCY.code().into(),
            line.balance_after.pending.to_string(),
            line.balance_after.available.to_string(),
            money(line.balance_after.money_pending),
            money(line.balance_after.money),
        ];
        assert_eq!(row[7..16], figures, "{text}");
    }
    assert_eq!(rows[1][3..7], ["bea", "coffee", "1", "Songs"]);
    // NOW is 21 November, 9:20 UTC: of the second day's gift, with the balance of the first before it.
    let second = whole(
        &scene.store,
        StatementCsv::new(CHANNEL, span_of("2026-11-23", "2026-11-24")),
    )
    .await;
    let second: Vec<&str> = second.lines().skip(1).collect();
    assert_eq!(second.len(), 1, "{second:?}");
    assert!(
        second[0].contains(",13,0,0.00,0.00,USD,26,0,0.00,0.00,1"),
        "{second:?}"
    );
    let none = whole(
        &scene.store,
        StatementCsv::new(CHANNEL, span_of("2027-01-01", "2027-02-01")),
    )
    .await;
    assert_eq!(none.lines().count(), 1, "a header alone");
});

each_db!(the_postings_as_csv_re_add_to_the_balances, async |db| {
    let scene = Scene::set(db).await;
    earned(&scene).await;
    let text = whole(&scene.store, PostingsCsv::new(Span::ALL)).await;
    let mut sums: BTreeMap<(String, String, String), i64> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let row: Vec<&str> = line.split(',').map(|field| field.trim_matches('"')).collect();
        let amount: i64 = row[13].replace('.', "").parse().unwrap();
        for (name, owner, amount) in [(row[9], row[10], -amount), (row[11], row[12], amount)] {
            *sums
                .entry((name.into(), owner.into(), row[14].into()))
                .or_default() += amount;
        }
    }
    let accounts = scene.store.read(|db| accounts_after(db, 0, 1_000)).await.unwrap();
    let expected = accounts.iter().map(|account| {
        let owner = account.owner.map(|owner| owner.to_string()).unwrap_or_default();
        (
            (account.name.clone(), owner, account.unit.code().to_owned()),
            account.balance,
        )
    });
    assert_eq!(sums, expected.collect());
});

each_db!(postings_are_found_by_kind_time_and_account, async |db| {
    let scene = Scene::set(db).await;
    earned(&scene).await;
    let listed = async |kind: Option<&str>, span: Span, account: Option<&str>| -> Vec<String> {
        let (kind, account) = (kind.map(str::to_owned), account.map(str::to_owned));
        let read = scene.store.read(move |db| {
            let wanted = Wanted { span, kind };
            let Some(name) = account else {
                return postings(db, &wanted, Place::before(span.to), 100);
            };
            let accounts = accounts_after(db, 0, 1_000)?;
            let account = accounts.iter().find(|account| account.name == name).unwrap().id;
            let (mut all, mut before) = (Vec::new(), None);
            loop {
                // One at a time, so that every place is a page's end once.
                let part = of_account(db, account, &wanted, before, 1)?;
                all.extend(part.items);
                before = part.next;
                if before.is_none() {
                    return Ok(all);
                }
            }
        });
        let found: Result<Vec<operator::OperatorPosting>, StoreError> = read.await;
        found.unwrap().into_iter().map(|posting| posting.kind).collect()
    };
    let all = ["redeem", "release", "gift", "gift", "coin_purchase"];
    assert_eq!(listed(None, Span::ALL, None).await, all);
    assert_eq!(listed(Some("gift"), Span::ALL, None).await, ["gift", "gift"]);
    let day = span_of("2026-11-22", "2026-11-23");
    assert_eq!(listed(None, day, None).await, ["gift"]);
    assert_eq!(
        listed(None, Span::ALL, Some("wallet")).await,
        ["gift", "gift", "coin_purchase"]
    );
    assert_eq!(
        listed(Some("gift"), Span::ALL, Some("coin_float")).await,
        ["gift", "gift"]
    );
    assert_eq!(listed(None, day, Some("wallet")).await, ["gift"]);
    assert_eq!(
        listed(None, day, Some("earnings.available")).await,
        Vec::<String>::new()
    );
});

each_db!(a_month_by_kind, async |db| {
    let scene = Scene::set(db).await;
    earned(&scene).await;
    let november = span_of("2026-11-01", "2026-12-01");
    let month = scene.store.read(move |db| summary(db, november)).await.unwrap();
    let month = serde_json::to_value(month).unwrap();
    let kinds: Vec<(&str, i64)> = month["kinds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| (kind["kind"].as_str().unwrap(), kind["postings"].as_i64().unwrap()))
        .collect();
    assert_eq!(
        kinds,
        [("coin_purchase", 1), ("gift", 2)],
        "the rest is of December"
    );
    let wallets = month["kinds"][1]["accounts"].as_array().unwrap();
    let wallets = wallets
        .iter()
        .find(|account| account["account"] == "wallet")
        .unwrap();
    assert_eq!(
        (wallets["debits"].as_i64(), wallets["credits"].as_i64()),
        (Some(50), Some(0))
    );
});
