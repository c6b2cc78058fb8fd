//! Payouts that leave by a file, and what operators say of them.

use busk_base::PayoutBatchId;

use super::*;
use crate::payouts::batch::{self, BatchError};

each_db!(a_batch_for_the_bank, async |db| {
    let scene = Scene::set(db).await;
    scene.verify().await;
    scene.bank().await;
    scene.earn(8_000).await;
    let batch_id = |number| PayoutBatchId(Uuid::from_u128(number));
    let make = async |number, by| {
        let made = scene
            .store
            .write(move |tx| batch::make(tx, batch_id(number), by, None, NOW));
        made.await
    };
    for number in 1..=4 {
        scene.ask(number, 2_000).await.unwrap();
    }
    let nothing = make(1, BEA).await.unwrap_err();
    assert!(matches!(nothing, BatchError::Nothing), "{nothing:?}");
    for number in 1..=3 {
        scene.approve(number, BEA).await.unwrap();
    }
    assert!(scene.jobs().await.is_empty(), "no provider is asked");
    // Another account now does not lead elsewhere what was approved.
    let other = BankDetails::new("Mallory", "GB82WEST12345698765432").unwrap();
    let bank = other.seal(&key(), CHANNEL, [4; 12]);
    let changed = scene.store.write(move |tx| {
        let setting = Setting::of(tx, CHANNEL)?;
        let bank = bank.clone();
        Setting { bank, ..setting }.save(tx, CHANNEL)
    });
    changed.await.unwrap();

    let made = make(1, BEA).await.unwrap();
    assert_eq!((made.payouts, made.amount), (3, 6_000));
    assert_eq!(make(1, BEA).await.unwrap(), made, "the same once");
    let reused = make(1, CID).await.unwrap_err();
    assert!(matches!(reused, BatchError::IdReused(_)), "{reused:?}");
    let read = scene.store.read(move |db| batch::file(db, &made, &key()));
    let file = read.await.unwrap();
    assert_eq!(
        file.text
            .matches("\"Ada Byron\",DE89370400440532013000,20.00,USD")
            .count(),
        3
    );
    assert!(!file.text.contains("Mallory"));
    assert_eq!(scene.payout(1).await.state, PayoutState::Sent);
    assert_eq!(scene.payout(4).await.state, PayoutState::Requested);

    assert_eq!(
        scene.mark(1, Marked::Paid).await.unwrap().state,
        PayoutState::Paid
    );
    assert_eq!(
        scene.mark(1, Marked::Paid).await.unwrap().acts,
        4,
        "the same once"
    );
    assert_eq!(
        scene.mark(2, Marked::Failed).await.unwrap().state,
        PayoutState::Failed
    );
    scene.mark(3, Marked::Paid).await.unwrap();
    assert_eq!(
        scene.mark(3, Marked::Returned).await.unwrap().state,
        PayoutState::Returned
    );
    for (number, marked, state) in [
        (2, Marked::Paid, PayoutState::Failed),
        (3, Marked::Failed, PayoutState::Returned),
        (1, Marked::Failed, PayoutState::Paid),
        (4, Marked::Paid, PayoutState::Requested),
    ] {
        let error = scene.mark(number, marked).await.unwrap_err();
        assert!(
            matches!(error, MarkError::OutOfTurn(is) if is == state),
            "{error:?}"
        );
    }
    let own = scene
        .store
        .write(|tx| mark(tx, id(1), ADA, Marked::Returned, "", &rules(), NOW));
    let own = own.await.unwrap_err();
    assert!(matches!(own, MarkError::OwnChannel), "{own:?}");
    assert_eq!(scene.has().await, [4_000, 2_000, 2_000]);
    assert_eq!(scene.acts(3).await.last().unwrap(), "return bea");
    scene.audit().await;
});
