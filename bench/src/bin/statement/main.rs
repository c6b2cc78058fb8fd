//! The bench `statement`: the first page of the statement of a creator with a million gifts, and the export of all of
//! it, on SQLite and on PostgreSQL, by the functions that the site calls.

use std::time::{Duration, Instant};

use busk_base::{ChannelId, GiftId, PersonId, Policy, PolicyVersion, PostingId, RoomId, StreakId, Timestamp};
use busk_bench::figures::{Report, quantile};
use busk_bench::{Fallible, database};
use busk_commerce::accounts::{COIN_FLOAT, COIN_ISSUED, CURRENCY, PSP_CLEARING, wallet};
use busk_commerce::earnings::lines;
use busk_commerce::gifts::{SendGift, send};
use busk_commerce::rules::Rules;
use busk_commerce::statements::{Export, StatementCsv};
use busk_ledger::journal::Span;
use busk_ledger::{Cause, Leg, PostError, Posting};
use busk_people::Role;
use busk_people::sign_up::{SignUp, sign_up};
use busk_rooms::state::{self, By, NewRoom};
use busk_rooms::{Access, Speaker, SpeakerKind};
use busk_store::{Config, Reader, Store, StoreError};
use clap::Parser;
use uuid::Uuid;

const BEGIN: Timestamp = Timestamp::from_unix_us(1_735_689_600_000_000);
const HOST: PersonId = PersonId(Uuid::from_u128(1));
const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(1_001));
const ROOM: RoomId = RoomId(Uuid::from_u128(100));
const SENDERS: u64 = 100;
/// Gifts in one transaction.
const BATCH: u64 = 1_000;
/// As the site asks for it: 30 and one more.
const PAGE: i64 = 31;
/// First pages that are asked for.
const PAGES: usize = 200;

#[derive(Parser)]
#[command(about = "How quickly a long statement is shown and exported")]
struct Plan {
    /// Gifts that the creator got.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    gifts: u64,
}

fn main() -> Fallible<()> {
    let plan = Plan::parse();
    let mut report = Report::new("statement");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    // On a disk, where the usual temporary folder may be memory.
    let folder = tempfile::tempdir_in("/var/tmp")?;
    for (name, database) in [
        ("", database::sqlite(folder.path())),
        ("postgres.", database::postgres("busk_statement")?),
    ] {
        // It drives PostgreSQL on a runtime of its own, which must not nest in this one.
        let store = Store::open(
            Config::new(database.clone()),
            &[
                busk_ledger::MIGRATIONS,
                busk_people::MIGRATIONS,
                busk_rooms::MIGRATIONS,
                busk_commerce::MIGRATIONS,
            ],
        )?;
        runtime.block_on(fill(&store, plan.gifts))?;
        let (mut pages, mut rows, mut selects) = (Vec::new(), Vec::new(), Vec::new());
        busk_store::read_only(&database, |db| {
            for _ in 0..PAGES {
                let (page, ms) = timed(|| lines(db, CHANNEL, i64::MAX, PAGE))?;
                assert_eq!(
                    page.len() as i64,
                    PAGE.min(plan.gifts as i64),
                    "a page of a long statement is full"
                );
                pages.push(ms);
            }
            for _ in 0..3 {
                let (count, ms) = timed(|| exported(db))?;
                assert_eq!(count, plan.gifts, "every gift is exported");
                rows.push(count as f64 / ms * 1_000.0);
                selects.push(plan.gifts as f64 / timed(|| selected(db))?.1 * 1_000.0);
            }
            Ok(())
        })?;
        report.figure(format!("{name}first_page_ms"), &pages, "ms");
        report.figure(
            format!("{name}first_page_p99_ms"),
            &[quantile(&pages, 0.99)],
            "ms",
        );
        report.figure(format!("{name}export.rows_per_s"), &rows, "rows/s");
        report.yardstick(format!("{name}select.rows_per_s"), &selects, "rows/s");
    }
    report.note(format!(
        "{} gifts to one creator; {PAGES} first pages of {PAGE} lines one after the other; the export is CSV, piece by \
         piece; the yardstick reads the same gifts with their senders and rooms in one statement",
        plan.gifts
    ));
    report.print()?;
    Ok(())
}

/// What it gave, and milliseconds.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn timed<T>(f: impl FnOnce() -> Result<T, StoreError>) -> Result<(T, f64), StoreError> {
    let begun = Instant::now();
    let made = f()?;
    Ok((made, begun.elapsed().as_secs_f64() * 1_000.0))
}

/// Lines of the whole statement, without its header.
fn exported(db: &mut Reader) -> Result<u64, StoreError> {
    let (mut export, mut count) = (StatementCsv::new(CHANNEL, Span::ALL), 0);
    while let Some(piece) = export.next(db)? {
        count += piece.bytes().filter(|byte| *byte == b'\n').count() as u64;
    }
    Ok(count - 1)
}

/// The yardstick.
fn selected(db: &mut Reader) -> Result<(), StoreError> {
    db.each(
        "SELECT g.id, g.at, p.display_name, g.kind, g.count, r.title, g.diamonds FROM gift g \
         JOIN person p ON p.id = g.sender JOIN room r ON r.id = g.room",
        &[],
        |cells| {
            for column in 0..7 {
                std::hint::black_box(cells.cell(column)?);
            }
            Ok(())
        },
    )
}

async fn fill(store: &Store, gifts: u64) -> Fallible<()> {
    for n in 0..=SENDERS {
        let new = SignUp {
            person: if n == 0 { HOST } else { sender(n) },
            channel: if n == 0 {
                CHANNEL
            } else {
                ChannelId(Uuid::from_u128(3 << 100 | u128::from(n)))
            },
            handle: format!("person{n}"),
            display_name: format!("Person {n}"),
            password_hash: "none".into(),
            role: Role::Viewer,
        };
        let signed_up = store.write(move |tx| sign_up(tx, &new, BEGIN)).await;
        signed_up.map_err(|error| format!("{error:?}"))?;
    }
    let channel = store.read(|db| busk_people::channel_of(db, HOST)).await?;
    let channel = channel.ok_or("the host has a channel")?;
    let opened = store.write(move |tx| {
        let new = NewRoom {
            id: ROOM,
            title: "A long room".into(),
            scheduled_at: None,
            live_on_camera: false,
            access: Access::Free,
        };
        state::create(tx, &channel, &new, BEGIN).map_err(|error| StoreError::Broken(error.to_string()))?;
        state::go_live(tx, ROOM, By::System, true, BEGIN)
            .map_err(|error| StoreError::Broken(error.to_string()))?;
        (1..=SENDERS).try_for_each(|n| coins(tx, n).map_err(|error| StoreError::Broken(error.to_string())))
    });
    opened.await?;
    let rules = Rules {
        version: PolicyVersion(1),
        policy: Policy::default(),
    };
    for first in (0..gifts).step_by(BATCH as usize) {
        let (rules, last) = (rules.clone(), gifts.min(first + BATCH));
        let ahead: Vec<SendGift> = (first..last).map(gift).collect();
        let batch = ahead.clone();
        let sent = store.write_ahead(
            move |rows| {
                ahead
                    .iter()
                    .for_each(|gift| busk_commerce::gifts::ahead(rows, gift))
            },
            move |tx| {
                for (gift, n) in batch.iter().zip(first..) {
                    send(tx, gift, &rules, at(n)).map_err(|error| StoreError::Broken(error.to_string()))?;
                }
                Ok::<_, StoreError>(())
            },
        );
        sent.await?;
    }
    Ok(())
}

fn coins(tx: &mut busk_store::Tx, n: u64) -> Result<(), PostError> {
    const COINS: i64 = 1_000_000_000;
    let id = sender(n).0;
    let posting = Posting {
        id: PostingId(id),
        cause: Cause {
            kind: "coin_purchase",
            id,
        },
        policy: PolicyVersion(1),
        corrects: None,
        legs: vec![
            Leg::Move {
                debit: PSP_CLEARING,
                credit: COIN_FLOAT,
                amount: busk_base::Amount::money(COINS, CURRENCY),
            },
            Leg::Move {
                debit: COIN_ISSUED,
                credit: wallet(sender(n)),
                amount: busk_base::Amount::coins(COINS),
            },
        ],
    };
    busk_ledger::post(tx, &posting, BEGIN).map(|_| ())
}

fn sender(n: u64) -> PersonId {
    PersonId(Uuid::from_u128(2 << 100 | u128::from(n)))
}

fn at(n: u64) -> Timestamp {
    BEGIN + Duration::from_secs(10 * n)
}

fn gift(n: u64) -> SendGift {
    let from = sender(n % SENDERS + 1);
    let mut entropy = [0; 10];
    entropy[2..].copy_from_slice(&n.to_be_bytes());
    SendGift {
        id: GiftId::new(at(n), entropy),
        room: ROOM,
        sender: from,
        from: Speaker {
            id: from.0,
            name: "Ines".into(),
            kind: SpeakerKind::Person,
            role: None,
            badge: None,
            months: None,
            rank: None,
        },
        kind: if n.is_multiple_of(2) { "rose" } else { "guitar" }.into(),
        count: 1,
        streak: StreakId::new(at(n), entropy),
    }
}
