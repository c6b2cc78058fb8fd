//! Who cannot go yet, who waits, and that erasing goes on wherever it was stopped; on both databases.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use busk_base::{ChannelId, PersonId};
use busk_people::deletion::{GRACE, KeepError, keep};
use busk_people::{follow, suspension};
use busk_store::{StoreError, Tx, params};
use busk_testkit::each_db;

use super::erase::{begin, everything};
use super::*;
use crate::scene::*;

fn person_of(number: u128) -> PersonId {
    PersonId(id(number))
}

impl Scene {
    async fn asks_to_go(&self, who: u128, coins: i64) -> Result<Deletion, AskError> {
        let asks = self.store.write(move |tx| ask(tx, person_of(who), coins, at(10)));
        asks.await
    }

    async fn does(&self, act: impl FnMut(&mut Tx) -> Result<(), StoreError> + Send + 'static) {
        self.store.write(act).await.unwrap();
    }

    async fn against(&self, who: u128) -> Vec<Against> {
        self.reads(move |db| against(db, person_of(who), at(10))).await
    }
}

each_db!(who_owes_or_is_owed_cannot_go_yet, async |db| {
    let scene = Scene::set(db).await;
    let refused = scene.asks_to_go(99, 0).await;
    assert!(matches!(refused, Err(AskError::PersonUnknown)), "{refused:?}");
    let refused = scene.asks_to_go(ADA, 0).await;
    assert!(
        matches!(refused, Err(AskError::Against(Against::OnAir))),
        "{refused:?}"
    );
    let refused = scene.asks_to_go(BEA, 5).await;
    assert!(matches!(refused, Err(AskError::Coins(0))), "{refused:?}");
    // Of two operators one may go, while the other may act.
    assert!(scene.against(OLA).await.is_empty());
    scene
        .does(|tx| suspension::suspend(tx, person_of(OZ), None, at(1)))
        .await;
    assert_eq!(scene.against(OLA).await, [Against::LastOperator]);

    // Each by itself, against whom it stands: Cid pays, Bea has a channel.
    let (cid, channel, payment) = (id(CID), id(1_000 + BEA), id(7));
    let payment_is = move |tx: &mut Tx, state: &'static str| {
        tx.execute("DELETE FROM payment", params![])?;
        tx.execute(
            "INSERT INTO payment (id, payer, kind, price, currency, provider, state, refunded, created_at, expires_at) \
             VALUES ($1, $2, 'badge', 99, 'USD', 'sandbox', $3, 0, $4, $5)",
            params![payment, cid, state, at(0), at(60)],
        )
    };
    scene.does(move |tx| payment_is(tx, "pending").map(|_| ())).await;
    assert_eq!(scene.against(CID).await, [Against::PaymentPending]);
    let sold = move |tx: &mut Tx| {
        payment_is(tx, "paid")?;
        tx.execute(
            "INSERT INTO sale (payment, channel, tax, creator, platform, delivered_at) VALUES ($1, $2, 0, 70, 29, 1)",
            params![payment, channel],
        )?;
        tx.execute(
            "INSERT INTO dispute (id, name, payment, amount, fee, reason, state, frozen, frozen_promotional, owed, \
             opened_at, changed_at) VALUES ($1, 'd', $1, 99, 0, 'fraud', 'opened', 0, 0, 0, 1, 1)",
            params![payment],
        )?;
        Ok::<_, StoreError>(())
    };
    scene.does(sold).await;
    for who in [BEA, CID] {
        assert_eq!(scene.against(who).await, [Against::DisputeOpen]);
    }
    let refunding = move |tx: &mut Tx| {
        tx.execute("UPDATE dispute SET state = 'won'", params![])?;
        tx.execute(
            "INSERT INTO refund (id, payment, asked_by, reason, amount, coins, promotional, state, asked_at, changed_at) \
             VALUES ($1, $1, $2, '', 9, 0, 0, 'granted', 1, 1)",
            params![payment, cid],
        )?;
        Ok::<_, StoreError>(())
    };
    scene.does(refunding).await;
    for who in [BEA, CID] {
        assert_eq!(scene.against(who).await, [Against::RefundPending]);
    }
    let given = move |tx: &mut Tx| {
        tx.execute("UPDATE refund SET state = 'done'", params![])?;
        tx.execute(
            "INSERT INTO subscription_gift (payment, channel, giver, tier, monthly, count, handed_out) \
             VALUES ($1, $2, $3, 1, 499, 1, FALSE)",
            params![payment, channel, cid],
        )?;
        Ok::<_, StoreError>(())
    };
    scene.does(given).await;
    for who in [BEA, CID] {
        assert_eq!(scene.against(who).await, [Against::MonthsNotGiven]);
    }
    let paid_out = move |tx: &mut Tx| {
        tx.execute("UPDATE subscription_gift SET handed_out = TRUE", params![])?;
        tx.execute(
            "INSERT INTO payout (id, channel, amount, currency, provider, account, shown, state, acts, requested_at, changed_at) \
             VALUES ($1, $2, 2000, 'USD', 'sandbox', 'a', 'a', 'approved', 1, 1, 1)",
            params![payment, channel],
        )?;
        Ok::<_, StoreError>(())
    };
    scene.does(paid_out).await;
    assert_eq!(scene.against(BEA).await, [Against::PayoutUnderWay]);
    assert!(scene.against(CID).await.is_empty());
    // A ticket for her live is hers to settle; who has it gives it up.
    let ticketed = move |tx: &mut Tx| {
        tx.execute("UPDATE payout SET state = 'paid'", params![])?;
        tx.execute(
            "INSERT INTO room (id, channel, host, title, state, epoch, created_at, live_on_camera) \
             VALUES ($1, $2, $3, 'Her evening', 'scheduled', 1, 1, FALSE)",
            params![payment, channel, id(BEA)],
        )?;
        tx.execute(
            "INSERT INTO ticket (payment, room, person, stage, state, replay, reserved_until, created_at) \
             VALUES ($1, $1, $2, FALSE, 'held', FALSE, 1, 1)",
            params![payment, cid],
        )?;
        Ok::<_, StoreError>(())
    };
    scene.does(ticketed).await;
    assert_eq!(scene.against(BEA).await, [Against::TicketsSold]);
    assert!(scene.against(CID).await.is_empty());
});

each_db!(it_waits_for_what_arose_meanwhile, async |db| {
    let scene = Scene::set(db).await;
    let asked = scene.asks_to_go(BEA, 0).await.unwrap();
    assert_eq!(asked.due_at, at(10) + GRACE);
    assert_eq!(
        scene.asks_to_go(BEA, 0).await.unwrap(),
        asked,
        "once more is the same"
    );
    let begins = async |now: Timestamp| {
        let begins = scene.store.write(move |tx| begin(tx, person_of(BEA), now));
        begins.await.unwrap()
    };
    assert!(
        !begins(asked.due_at - std::time::Duration::from_secs(1)).await,
        "not yet"
    );
    let hangout = "UPDATE room SET state = 'hangout', channel = $1 WHERE id = $2";
    let opens = move |tx: &mut Tx| {
        let params = params![ChannelId(id(1_000 + BEA)), id(ROOM)];
        tx.execute(hangout, params).map(|_| ())
    };
    scene.does(opens).await;
    assert!(!begins(asked.due_at).await, "something stands against it");
    let day = std::time::Duration::from_secs(24 * 3_600);
    let due = scene.reads(|db| deletion::of(db, person_of(BEA))).await.unwrap();
    assert_eq!((due.due_at, due.begun_at), (asked.due_at + day, None));
    scene
        .does(|tx: &mut Tx| {
            tx.execute("UPDATE room SET state = 'ended'", params![])
                .map(|_| ())
        })
        .await;
    assert!(!begins(asked.due_at).await, "it waits for its time");
    assert!(begins(asked.due_at + day).await);
    let kept = scene.store.write(|tx| keep(tx, person_of(BEA))).await;
    assert!(matches!(kept, Err(KeepError::Begun)), "{kept:?}");
    let kept = scene.store.write(|tx| keep(tx, person_of(CID))).await;
    assert!(matches!(kept, Err(KeepError::NotAsked)), "{kept:?}");
});

/// Polls so often, then lets go; whether it was done.
async fn cut(erasing: impl Future<Output = Result<(), StoreError>>, polls: usize) -> bool {
    let mut erasing = pin!(erasing);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        erasing.as_mut().poll(context).map(|done| {
            done.unwrap();
            true
        })
    })
    .await
}

each_db!(it_goes_on_wherever_it_was_stopped, async |db| {
    let scene = Scene::set(db).await;
    for number in 0..700 {
        scene.says(BEA, 1_000 + number, "beatrix says so").await;
    }
    let named = |tx: &mut Tx| {
        let ada = busk_people::channel(tx, ChannelId(id(1_000 + ADA)))?.expect("Ada's");
        follow::follow(tx, &ada, person_of(BEA), at(2)).expect("nobody is blocked");
        tx.execute(
            "UPDATE person SET display_name = 'beatrix', about = 'beatrix' WHERE id = $1",
            params![id(BEA)],
        )?;
        Ok::<_, StoreError>(())
    };
    scene.does(named).await;
    scene.reports(of_message(1), 2).await.unwrap();
    scene.asks_to_go(BEA, 0).await.unwrap();
    let due = at(20) + GRACE;
    assert!(
        scene
            .store
            .write(move |tx| begin(tx, person_of(BEA), due))
            .await
            .unwrap()
    );
    let mut times = 0;
    loop {
        let through = scene
            .reads(|db| deletion::of(db, person_of(BEA)))
            .await
            .unwrap()
            .through;
        let erasing = everything(scene.store.clone(), person_of(BEA), through, due);
        times += 1;
        if cut(erasing, times * 2).await {
            break;
        }
        assert!(times < 200, "it never ends");
    }
    assert!(times > 10, "it was stopped {times} times");
    let erased = scene.reads(|db| deletion::of(db, person_of(BEA))).await.unwrap();
    assert_eq!(erased.erased_at, Some(due));
    let dump = scene.db.dump().await;
    let hers = |value: &String| value.contains("beatrix") || value == "bea";
    let left: Vec<_> = dump
        .iter()
        .filter(|(_, values)| values.iter().any(hers))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(dump["channel_followers.followers"], ["0"]);
    // The log has its numbers, and the others' words.
    let room = id(ROOM);
    let numbers = scene
        .reads(move |db| {
            db.row(
                "SELECT COUNT(*), MAX(n) FROM room_event WHERE room = $1",
                params![room],
            )
        })
        .await
        .unwrap();
    assert_eq!(numbers.get::<i64>(0).unwrap(), numbers.get::<i64>(1).unwrap());
    assert!(dump["room_event.body"].iter().any(|body| body.contains("hello")));
});
