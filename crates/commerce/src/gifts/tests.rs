//! Sending gifts, told as a table, to both databases.

use busk_rooms::{Speaker, SpeakerKind};
use busk_testkit::each_db;
use std::time::Duration;
use uuid::Uuid;

use super::*;
use crate::scene::*;

fn gift(id: &str, who: &str, room: &str, kind: &str, count: &str) -> SendGift {
    let sender = match who {
        "ada" => ADA,
        "bea" => BEA,
        "cid" => CID,
        other => panic!("nobody is called {other}"),
    };
    let room = match room {
        "live" => LIVE,
        "later" => LATER,
        _ => RoomId(Uuid::from_u128(7)),
    };
    let number: u128 = id.trim_start_matches('g').parse().unwrap();
    SendGift {
        id: GiftId(Uuid::from_u128(5_000 + number)),
        room,
        sender,
        from: Speaker {
            id: sender.0,
            name: who.into(),
            kind: SpeakerKind::Person,
            role: None,
            badge: None,
            months: None,
            rank: None,
        },
        kind: kind.into(),
        count: count.parse().unwrap(),
        streak: StreakId(Uuid::from_u128(6_000 + number)),
    }
}

async fn sent(scene: &Scene, gift: SendGift, now: Timestamp) -> String {
    let wanted = gift.clone();
    let sent = scene
        .store
        .write_ahead(
            move |rows| ahead(rows, &wanted),
            move |tx| send(tx, &gift, &rules(), now),
        )
        .await;
    match sent {
        Ok(receipt) => {
            let Shares { creator, platform } = receipt.shares;
            assert_eq!(creator + platform, receipt.paid, "the shares are the whole");
            let streak = receipt.streak.map_or("-".into(), |s| {
                format!("{}#{}", s.count, s.id.0.as_u128() - 6_000)
            });
            let again = if receipt.again { " again" } else { "" };
            format!(
                "paid {} left {} creator {creator} streak {streak}{again}",
                receipt.paid, receipt.coins
            )
        }
        Err(error) => match error {
            SendGiftError::Store(error) => panic!("{error}"),
            SendGiftError::IdReused(_) => "id_reused".into(),
            SendGiftError::RoomUnknown => "room_unknown".into(),
            SendGiftError::RoomNotLive => "room_not_live".into(),
            SendGiftError::Barred(_) => "barred".into(),
            SendGiftError::KindUnknown => "kind_unknown".into(),
            SendGiftError::Count => "count".into(),
            SendGiftError::SelfGift => "self_gift".into(),
            SendGiftError::InsufficientFunds { total } => format!("insufficient_funds {total}"),
            SendGiftError::Ledger(error) => panic!("{error}"),
        },
    }
}

/// `GIFT WHO ROOM KIND COUNT @MS -> OUTCOME`. Bea begins with 70 coins; a refusal moves nothing.
const STORY: &str = "
    g1 bea live  rose     3    @0     -> paid 15 left 55 creator 8 streak 3#1
    g1 bea live  rose     3    @10    -> paid 15 left 55 creator 8 streak 3#1 again
    g1 bea live  rose     4    @20    -> id_reused
    g1 cid live  rose     3    @20    -> id_reused
    g1 bea later rose     3    @20    -> id_reused
    g2 bea none  rose     1    @30    -> room_unknown
    g2 bea later rose     1    @30    -> room_not_live
    g2 bea live  tulip    1    @30    -> kind_unknown
    g2 bea live  rose     0    @30    -> count
    g2 bea live  rose     -1   @30    -> count
    g2 bea live  rose     1000 @30    -> count
    g2 ada live  rose     1    @30    -> self_gift
    g2 cid live  heart    1    @30    -> insufficient_funds 1
    g2 bea live  guitar   1    @30    -> insufficient_funds 199
    g2 bea live  rose     2    @5000  -> paid 10 left 45 creator 5 streak 5#1
    g3 bea live  rose     1    @10000 -> paid 5 left 40 creator 3 streak 6#1
    g4 bea live  rose     1    @15001 -> paid 5 left 35 creator 3 streak 1#4
    g5 bea live  heart    1    @15002 -> paid 1 left 34 creator 1 streak 1#5
    g3 bea live  rose     1    @99999 -> paid 5 left 34 creator 3 streak 6#1 again
    g6 bea live  heart    35   @99999 -> insufficient_funds 35
    g7 bea live  heart    34   @99999 -> paid 34 left 0 creator 17 streak 34#7
";

each_db!(sending, async |db| {
    let scene = Scene::set(db).await;
    let begin = scene.last_number().await;
    let (mut spent, mut earned, mut events) = (0, 0, 0);
    for line in STORY.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (step, expected) = line.split_once(" -> ").unwrap();
        let words: Vec<&str> = step.split_whitespace().collect();
        let [id, who, room, kind, count, at] = words[..] else {
            panic!("{line}");
        };
        let at = Duration::from_millis(at.trim_start_matches('@').parse().unwrap());
        let outcome = sent(&scene, gift(id, who, room, kind, count), NOW + at).await;
        assert_eq!(outcome, expected, "{line}");
        if outcome.starts_with("paid") && !outcome.ends_with("again") {
            let number = |word: &str| {
                let mut words = outcome.split_whitespace().skip_while(|w| *w != word);
                words.nth(1).unwrap().parse::<i64>().unwrap()
            };
            spent += number("paid");
            earned += number("creator");
            events += 1;
        }
        assert_eq!(scene.balance(wallet(BEA)).await, 70 - spent, "{line}");
        assert_eq!(scene.balance(diamonds_pending(CHANNEL)).await, earned, "{line}");
        assert_eq!(scene.balance(PLATFORM_REVENUE).await, spent - earned, "{line}");
        assert_eq!(scene.last_number().await, begin + events, "{line}");
    }
    assert_eq!(scene.balance(COIN_FLOAT).await, 0);
    assert_eq!(scene.balance(DIAMOND_FLOAT).await, earned);
    scene.audit().await;
});

each_db!(an_event_says_what_was_given, async |db| {
    let scene = Scene::set(db).await;
    let begin = scene.last_number().await;
    sent(&scene, gift("g1", "bea", "live", "rose", "3"), NOW).await;
    let read = scene
        .store
        .read(move |db| busk_rooms::log::after(db, LIVE, busk_rooms::log::LogReader::default(), begin, 9));
    let events = read.await.unwrap();
    let event: serde_json::Value = serde_json::from_str(&events[0].1).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(event["n"], begin + 1);
    for (field, value) in [("type", "gift"), ("kind", "rose")] {
        assert_eq!(event[field], value, "{event}");
    }
    for (field, value) in [("count", 3), ("price", 5), ("total", 15)] {
        assert_eq!(event[field], value, "{event}");
    }
    assert_eq!(event["from"]["name"], "bea");
    assert_eq!(event["streak"]["count"], 3);
});

each_db!(the_last_coins_have_one_winner, async |db| {
    let scene = Scene::set(db).await;
    // Each costs 50 of Bea's 70 coins.
    let all = (1..=32).map(|number| {
        let gift = gift(&format!("g{number}"), "bea", "live", "flower-crown", "1");
        let store = scene.store.clone();
        tokio::spawn(async move {
            store
                .write(move |tx| send(tx, &gift, &rules(), NOW))
                .await
                .is_ok()
        })
    });
    let mut winners = 0;
    for one in all.collect::<Vec<_>>() {
        winners += u32::from(one.await.unwrap());
    }
    assert_eq!((winners, scene.balance(wallet(BEA)).await), (1, 20));
    scene.audit().await;
});

// The row of the money table: coins are spent, diamonds earned, and the money behind them follows.
each_db!(gift, async |db| {
    let scene = Scene::set(db).await;
    let accounts = [
        wallet(BEA),
        COIN_SPENT,
        DIAMOND_ISSUED,
        diamonds_pending(CHANNEL),
        COIN_FLOAT,
        DIAMOND_FLOAT,
        PLATFORM_REVENUE,
    ];
    let mut moved = Vec::new();
    for account in &accounts {
        moved.push(-scene.balance(*account).await);
    }
    scene.gave(1, BEA, "rose", 3, NOW).await;
    for (account, moved) in accounts.iter().zip(&mut moved) {
        *moved += scene.balance(*account).await;
    }
    assert_eq!(moved, [-15, 15, -8, 8, -15, 8, 7]);
    scene.audit().await;
});
