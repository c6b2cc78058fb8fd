//! What a ticket opens besides the picture, and the host's own yes to a refund, on both databases.

use super::*;

each_db!(
    only_whom_a_room_lets_in_gives_gifts_and_buys_badges,
    async |db: TestDb| {
        let scene = show(db, two_seats()).await;
        goes_live(&scene, NOW).await;
        let gift = async |number: u128| {
            let gift = crate::gifts::SendGift {
                id: busk_base::GiftId(Uuid::from_u128(number)),
                room: SHOW,
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
                kind: "rose".into(),
                count: 1,
                streak: busk_base::StreakId(Uuid::from_u128(number + 1)),
            };
            let wanted = gift.clone();
            let sent = scene.store.write_ahead(
                move |rows| crate::gifts::ahead(rows, &wanted),
                move |tx| crate::gifts::send(tx, &gift, &rules(), NOW),
            );
            sent.await
        };
        let badge = async |number: u128| {
            let buy = crate::badges::Buy {
                id: payment_id(number),
                room: SHOW,
                person: BEA,
                hearts: 1,
                provider: "sandbox",
            };
            let begun = scene
                .store
                .write(move |tx| crate::badges::buy(tx, &buy, &rules(), NOW));
            begun.await
        };
        let barred = gift(70).await;
        assert!(
            matches!(barred, Err(crate::gifts::SendGiftError::Barred(Access::Ticket))),
            "{barred:?}"
        );
        let barred = badge(71).await;
        assert!(
            matches!(barred, Err(crate::badges::BuyError::Barred(Access::Ticket))),
            "{barred:?}"
        );
        bought(&scene, 1, BEA, false).await;
        assert_eq!(gift(72).await.unwrap().paid, 5);
        assert!(badge(73).await.is_ok());
        // The money goes back, and with it the right.
        given_back_by_operator(&scene, 1).await;
        assert!(gift(74).await.is_err());
        scene.audit().await;
    }
);

async fn given_back_by_operator(scene: &Scene, number: u128) {
    let back = scene.store.write(move |tx| {
        let ask = Ask {
            id: RefundId(Uuid::from_u128(number + 600)),
            payment: payment_id(number),
            by: refunds::By::Operator(ADA),
            amount: None,
            reason: "asked".into(),
        };
        refunds::ask(tx, &ask, JobId(Uuid::from_u128(number + 700)), &rules(), NOW)
    });
    back.await.unwrap();
}

each_db!(a_host_gives_money_back_that_no_rule_does, async |db: TestDb| {
    let scene = show(db, two_seats()).await;
    bought(&scene, 1, BEA, false).await;
    let late = NOW + 9 * DAY;
    let asked = scene.store.write(move |tx| {
        let ask = Ask {
            id: RefundId(Uuid::from_u128(801)),
            payment: payment_id(1),
            by: refunds::By::Payer(BEA),
            amount: None,
            reason: "ill".into(),
        };
        refunds::ask(tx, &ask, JobId(Uuid::from_u128(701)), &rules(), late)
    });
    assert_eq!(asked.await.unwrap().state, RefundState::Requested);
    let waiting = scene.store.read(|db| sql::returns_asked(db, SHOW)).await;
    let waiting = waiting.unwrap();
    assert_eq!(
        (waiting.len(), waiting[0].amount, waiting[0].reason.as_str()),
        (1, 2_000, "ill")
    );
    let grants = async |room: RoomId, by: PersonId, refund: u128| {
        let granted = scene.store.write(move |tx| {
            let (refund, job) = (
                RefundId(Uuid::from_u128(refund)),
                JobId(Uuid::from_u128(refund + 10)),
            );
            crate::tickets::desk::grant_return(tx, room, refund, by, job, &rules(), late)
        });
        match granted.await {
            Ok(refund) => format!("{:?}", refund.state),
            Err(error) => match error {
                crate::tickets::desk::GrantError::Store(error) => panic!("{error}"),
                crate::tickets::desk::GrantError::RoomUnknown => "room_unknown".into(),
                crate::tickets::desk::GrantError::NotYours => "not_yours".into(),
                crate::tickets::desk::GrantError::Decide(why) => format!("{why}"),
            },
        }
    };
    let nowhere = RoomId(Uuid::from_u128(1));
    assert_eq!(grants(nowhere, ADA, 801).await, "room_unknown");
    assert_eq!(grants(SHOW, BEA, 801).await, "not_yours");
    assert_eq!(grants(SHOW, ADA, 802).await, "there is no such refund");
    assert_eq!(
        grants(LATER, ADA, 801).await,
        "there is no such refund",
        "of another room"
    );
    assert_eq!(grants(SHOW, ADA, 801).await, "Granted");
    assert_eq!(grants(SHOW, ADA, 801).await, "it was decided before");
    assert!(!is_in(&scene, BEA).await);
    assert_eq!(state_of(&scene, 1).await, TicketState::Returned);
    scene.audit().await;
});
